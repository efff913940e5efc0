/*
 * Failing calls and failing memory, through the public interface. A short
 * scenario meets a failure at each of its calls in turn, once or from then on,
 * with every model of what a failed sync has done; then at each allocation.
 * Demanded: a status that says what happened, reads that go on, no commit
 * acknowledged after one of unknown outcome, a handle that closes, nothing
 * leaked; and after reopening, from the cache as from the disk alone, nothing
 * acknowledged is missing.
 *
 * Modes: "disk" and "memory"; both by default.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "harness.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "world.h"

#define COMMITS 7

static const struct world world = {.seed = 5, .tracks = 1, .slots = 12, .body_bytes_max = 2500};

struct scenario {
    quire_options options;
    struct world_track state;
    uint64_t acknowledged, started;
    bool may_read; /* the plan spares reading */
    quire_status worst;
};

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(96) << 10;
    options.wal_segment_bytes = 16 << 10;
    options.wal_bytes_max = UINT64_C(64) << 10;
    options.readers_max = 4;
    options.checkpoint = quire_checkpoint_manual();
    return options;
}

/* ---- A disk that fails ---- */

static void demand_status(quire_status status, const char *what, const quire_error *err)
{
    bool plain = status == QUIRE_OK || status == QUIRE_IO || status == QUIRE_NO_SPACE ||
                 status == QUIRE_COMMIT_UNKNOWN || status == QUIRE_POISONED ||
                 status == QUIRE_TXN_DOOMED;
    REQUIRE(plain, "%s gave %s: %s", what, quire_status_name(status), err->message);
    REQUIRE(status == QUIRE_OK || err->message[0] != '\0', "%s gave %s without a message", what,
            quire_status_name(status));
}

/* What was acknowledged is there for a reader, whatever failed. */
static void read_on(struct scenario *scenario, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track state = {0};
    uint64_t done = 0;
    quire_txn *txn;
    if (!scenario->may_read) {
        return;
    }
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    if (world_exists(txn)) {
        world_progress(&world, txn, &done);
        world_verify(&world, txn, &state);
    }
    REQUIRE(done == scenario->acknowledged, "a reader sees commit %llu, %llu were acknowledged",
            (unsigned long long)done, (unsigned long long)scenario->acknowledged);
    MUST(quire_commit(txn, &err));
}

static quire_status create(struct scenario *scenario, quire_db *db, quire_error *err)
{
    quire_txn *txn;
    (void)scenario;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = world_create(txn, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

/* One commit; returns whether more can be tried. */
static bool advance(struct scenario *scenario, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track before = scenario->state;
    quire_status status = world_commit(&world, db, 0, &scenario->state, &err);
    demand_status(status, "a commit", &err);
    if (status == QUIRE_OK) {
        scenario->acknowledged = scenario->started = scenario->state.done;
        return true;
    }
    if (status == QUIRE_COMMIT_UNKNOWN) {
        scenario->started = scenario->state.done;
    } else {
        scenario->state = before;
    }
    read_on(scenario, db);
    if (status == QUIRE_COMMIT_UNKNOWN) {
        quire_txn *txn;
        status = quire_begin(db, QUIRE_WRITE, &txn, &err);
        REQUIRE(status == QUIRE_POISONED, "after an unknown outcome begin gave %s",
                quire_status_name(status));
    }
    return status != QUIRE_POISONED;
}

static void run_scenario(struct scenario *scenario, struct qr_file_layer *files)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    quire_status status = qr_db_open_with("db", &scenario->options, files, true, &db, &err);
    demand_status(status, "opening", &err);
    if (status != QUIRE_OK) {
        REQUIRE(db == NULL, "a failed opening left a handle");
        return;
    }
    bool more = true;
    for (int tries = 0; more && tries < 3; tries++) {
        status = create(scenario, db, &err);
        demand_status(status, "the first commit", &err);
        more = status != QUIRE_OK && status != QUIRE_COMMIT_UNKNOWN && status != QUIRE_POISONED;
    }
    for (int i = 0; i < COMMITS && status == QUIRE_OK; i++) {
        more = advance(scenario, db);
        if (more && i == 3) {
            demand_status(quire_checkpoint(db, &err), "a checkpoint", &err);
            read_on(scenario, db);
        }
        if (!more) {
            break;
        }
    }
    demand_status(quire_close(db, &err), "closing", &err);
}

/* Opens what is there without failures. */
static void verify(const struct scenario *scenario, struct qr_file_layer *files)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track state = {0};
    quire_options options = small_options();
    quire_db *db;
    quire_txn *txn;
    uint64_t done = 0;
    MUST(qr_db_open_with("db", &options, files, true, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    if (!world_exists(txn)) {
        REQUIRE(scenario->acknowledged == 0, "the world is lost");
        MUST(world_create(txn, &err));
    }
    world_progress(&world, txn, &done);
    REQUIRE(done >= scenario->acknowledged && done <= scenario->started,
            "the database holds commit %llu, not %llu to %llu", (unsigned long long)done,
            (unsigned long long)scenario->acknowledged, (unsigned long long)scenario->started);
    world_verify(&world, txn, &state);
    (void)audit_digest(txn);
    MUST(quire_commit(txn, &err));
    audit_structure(db);
    MUST(world_commit(&world, db, 0, &state, &err));
    MUST(quire_close(db, &err));
}

static bool fail_call(const struct faulty_plan *plan)
{
    struct faulty_layer *files = faulty_layer_create();
    struct scenario scenario = {.options = small_options()};
    scenario.may_read = (plan->kinds & FAULTY_SET(FAULTY_READ)) == 0;
    faulty_layer_fail(files, plan);
    run_scenario(&scenario, faulty_layer_files(files));
    bool failed = faulty_layer_failures(files) > 0;
    faulty_layer_heal(files);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *image = faulty_layer_power_cut(files, &cut);
    verify(&scenario, image);
    qr_file_layer_memory_destroy(image);
    verify(&scenario, faulty_layer_files(files));
    faulty_layer_destroy(files);
    return failed;
}

/* Every call of the kinds in turn. */
static uint64_t fail_each(struct faulty_plan plan, const char *what)
{
    bool failed = true;
    for (plan.index = 0; failed; plan.index++) {
        harness_case("%s: call %llu fails with %d, %s, model %d", what,
                     (unsigned long long)plan.index, plan.os_errno,
                     plan.forever ? "for ever" : "once", (int)plan.sync);
        plan.seed = plan.index;
        failed = fail_call(&plan);
    }
    return plan.index;
}

static uint64_t fail_disk(void)
{
    static const int codes[] = {EIO, ENOSPC};
    uint32_t writing = FAULTY_CHANGES & ~FAULTY_SET(FAULTY_SYNC);
    uint32_t others = FAULTY_ANY & ~FAULTY_CHANGES & ~FAULTY_SET(FAULTY_WRITE_BEHIND);
    uint64_t cases = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct faulty_plan plan = {.kinds = writing,
                                   .os_errno = codes[i / 2],
                                   .forever = i % 2 == 1,
                                   .half = i % 2 == 0,
                                   .whole_sectors = true};
        cases += fail_each(plan, "writing");
        plan.kinds = others;
        cases += fail_each(plan, "reading");
    }
    for (unsigned i = 0; i < 8; i++) {
        struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC),
                                   .os_errno = EIO,
                                   .forever = i % 2 == 1,
                                   .sync = (enum faulty_sync_failure)(i / 2)};
        cases += fail_each(plan, "syncing");
    }
    return cases;
}

/* ---- Memory that fails ---- */

static const char schema[] = "type Author { id: ID!  name: String!  books: [Book!]! }"
                             " type Book { id: ID!  title: String!  author: Author! }";

static void demand_memory(quire_status status, const char *what, const quire_error *err)
{
    REQUIRE(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_TXN_DOOMED ||
                status == QUIRE_COMMIT_UNKNOWN || status == QUIRE_POISONED,
            "%s gave %s: %s", what, quire_status_name(status), err->message);
}

static quire_status request(quire_db *db, const char *document, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response = NULL;
    size_t size;
    bool failed = false;
    request.document = document;
    quire_status status = quire_graphql(db, &request, &response, &size, &failed, err);
    demand_memory(status, "a request", err);
    REQUIRE((status == QUIRE_OK) == (response != NULL), "a response without success");
    quire_free(response);
    return status;
}

/* A database with a schema, a world and work in its log. */
static struct faulty_layer *make_hot(struct scenario *scenario)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *files = faulty_layer_create();
    quire_options options = small_options();
    quire_db *db;
    quire_txn *txn;
    MUST(qr_db_open_with("db", &options, faulty_layer_files(files), true, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(world_create(txn, &err));
    MUST(quire_schema_apply(txn, schema, sizeof schema - 1, &err));
    MUST(quire_commit(txn, &err));
    for (int i = 0; i < 3; i++) {
        REQUIRE(advance(scenario, db), "a commit failed");
    }
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct faulty_layer *hot = faulty_layer_power_cut_again(files, &cut);
    MUST(quire_close(db, &err));
    faulty_layer_destroy(files);
    return hot;
}

static void work_without_memory(struct scenario *scenario, quire_db *db)
{
    static const char create_both[] =
        "mutation { a: createAuthor(input: {id: \"1\", name: \"Ann\"}) { id }"
        " b: createBook(input: {id: \"2\", title: \"Bees\", authorId: \"1\"}) { id } }";
    static const char *const requests[] = {
        create_both, "{ author(id: \"1\") { name books { title author { id } } } }",
        "{ __schema { queryType { name } } }"};
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track before = scenario->state;
    quire_status status = world_commit(&world, db, 0, &scenario->state, &err);
    demand_memory(status, "a commit", &err);
    if (status == QUIRE_OK) {
        scenario->acknowledged = scenario->started = scenario->state.done;
    } else if (status == QUIRE_COMMIT_UNKNOWN) {
        scenario->started = scenario->state.done;
    } else {
        scenario->state = before;
    }
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        (void)request(db, requests[i], &err);
    }
    demand_memory(quire_checkpoint(db, &err), "a checkpoint", &err);
}

static bool fail_allocation(struct faulty_layer *hot, const struct scenario *base, uint64_t index,
                            bool forever)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct qr_file_layer *files = faulty_layer_power_cut(hot, &cut);
    struct failing_allocator failing;
    struct scenario scenario = *base;
    quire_db *db;
    failing_allocator_init(&failing);
    scenario.options = small_options();
    scenario.options.allocator = &failing.allocator;
    failing_allocator_arm(&failing, index, forever);
    quire_status status = qr_db_open_with("db", &scenario.options, files, true, &db, &err);
    demand_memory(status, "opening", &err);
    if (status == QUIRE_OK) {
        work_without_memory(&scenario, db);
        demand_memory(quire_close(db, &err), "closing", &err);
    }
    bool failed = atomic_load(&failing.failures) > 0;
    REQUIRE(failing_allocator_is_clean(&failing), "memory is leaked or given back wrongly");
    verify(&scenario, files);
    qr_file_layer_memory_destroy(files);
    return failed;
}

static uint64_t fail_memory(bool dense)
{
    struct scenario base = {.options = small_options()};
    struct faulty_layer *hot = make_hot(&base);
    uint64_t cases = 0;
    for (int forever = 0; forever < 2; forever++) {
        bool failed = true;
        for (uint64_t index = 0; failed; index += forever && !dense ? 7 : 1) {
            harness_case("allocation %llu fails %s", (unsigned long long)index,
                         forever ? "for ever" : "once");
            failed = fail_allocation(hot, &base, index, forever);
            cases++;
        }
    }
    faulty_layer_destroy(hot);
    return cases;
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t disk = 0;
    uint64_t memory = 0;
    char extra[100];
    harness_begin(&harness, "failures", argc, argv);
    if (harness.mode == NULL || strcmp(harness.mode, "disk") == 0) {
        disk = fail_disk();
    }
    if (harness.mode == NULL || strcmp(harness.mode, "memory") == 0) {
        memory = fail_memory(harness.longer);
    }
    (void)snprintf(extra, sizeof extra, "%llu failed calls, %llu failed allocations",
                   (unsigned long long)disk, (unsigned long long)memory);
    harness_end(&harness, disk + memory, 1, extra);
    return 0;
}
