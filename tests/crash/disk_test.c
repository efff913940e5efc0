/*
 * Disks that fail, through the public interface. Each scenario meets a failure
 * at each of its calls in turn: with several codes, once or from then on, with
 * several amounts of a write that arrive all the same (a sector wholly or not at
 * all), and with every model of what a failed sync has done. Demanded: the status
 * that belongs to the failure, reads that go on, no commit acknowledged after one
 * of unknown outcome, work that goes on in the same handle once the disk does, a
 * handle that closes, nothing leaked; and after reopening, from the cache as from
 * the disk alone, nothing acknowledged is missing.
 *
 * Mode: a scenario's name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "engine/maintenance.h"
#include "harness.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "world.h"

static const struct world world = {.seed = 5, .tracks = 1, .slots = 12, .body_bytes_max = 2500};

struct disk_run;

struct disk_scenario {
    const char *name;
    void (*run)(struct disk_run *run);
    uint32_t frames;    /* a checkpoint after so many; 0: by hand */
    uint64_t log_bytes; /* of the log at most; 0: plenty */
    int commits;        /* at most */
    bool hot;           /* begins with a database whose log holds work */
    bool closed;        /* begins with a database that was closed */
    quire_versions_policy versions;
};

/* One scenario under one failure. */
struct disk_run {
    const struct disk_scenario *scenario;
    const struct faulty_plan *plan;
    struct faulty_layer *files;
    struct failing_allocator memory; /* only counts */
    quire_options options;
    struct world_track state;
    uint64_t acknowledged, started;
    bool copied;    /* "copy" must be whole */
    bool bound_met; /* of old versions */
};

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(64) << 10;
    options.wal_segment_bytes = 16 << 10;
    options.wal_bytes_max = UINT64_C(64) << 10;
    options.readers_max = 4;
    options.checkpoint = quire_checkpoint_manual();
    return options;
}

/* ---- What a failure may be called ---- */

static void demand_status(struct disk_run *run, quire_status status, const char *what,
                          const quire_error *err)
{
    int code = run->plan->os_errno;
    quire_status named = code == ENOSPC || code == EDQUOT ? QUIRE_NO_SPACE : QUIRE_IO;
    bool plain = status == QUIRE_OK || status == named || status == QUIRE_COMMIT_UNKNOWN ||
                 status == QUIRE_POISONED || status == QUIRE_TXN_DOOMED;
    quire_versions_policy versions = run->scenario->versions;
    bool bound = (versions == QUIRE_VERSIONS_REFUSE && status == QUIRE_BUSY) ||
                 (versions == QUIRE_VERSIONS_EXPIRE && status == QUIRE_SNAPSHOT_TOO_OLD);
    run->bound_met |= bound;
    REQUIRE(plain || bound, "%s gave %s: %s", what, quire_status_name(status), err->message);
    REQUIRE(status == QUIRE_OK || err->message[0] != '\0', "%s gave %s without a message", what,
            quire_status_name(status));
    REQUIRE(status == QUIRE_OK || bound || faulty_layer_failures(run->files) > 0,
            "%s gave %s before anything failed: %s", what, quire_status_name(status), err->message);
}

/* What was acknowledged is there for a reader, whatever failed. */
static void read_on(struct disk_run *run, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track state = {0};
    uint64_t done = 0;
    quire_txn *txn;
    if ((run->plan->kinds & FAULTY_SET(FAULTY_READ)) != 0) {
        return;
    }
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    if (world_exists(txn)) {
        world_progress(&world, txn, &done);
        world_verify(&world, txn, &state);
    }
    REQUIRE(done == run->acknowledged, "a reader sees commit %llu, %llu were acknowledged",
            (unsigned long long)done, (unsigned long long)run->acknowledged);
    MUST(quire_commit(txn, &err));
}

/* ---- Steps ---- */

static quire_status create_world(quire_db *db, quire_error *err)
{
    quire_txn *txn;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_tree *tree;
    quire_status status = quire_tree_open(txn, "progress", &tree, err);
    if (status == QUIRE_OK) {
        quire_tree_close(tree);
    } else if (status == QUIRE_UNKNOWN_NAME) {
        status = world_create(txn, err);
    }
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

/* One commit; returns whether more can be tried. */
static bool advance(struct disk_run *run, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track before = run->state;
    quire_status status = world_commit(&world, db, 0, &run->state, &err);
    demand_status(run, status, "a commit", &err);
    if (status == QUIRE_OK) {
        run->acknowledged = run->started = run->state.done;
        return true;
    }
    if (status == QUIRE_COMMIT_UNKNOWN) {
        run->started = run->state.done;
    } else {
        run->state = before;
    }
    read_on(run, db);
    if (status == QUIRE_COMMIT_UNKNOWN) {
        quire_txn *txn;
        status = quire_begin(db, QUIRE_WRITE, &txn, &err);
        REQUIRE(status == QUIRE_POISONED, "after an unknown outcome begin gave %s",
                quire_status_name(status));
    }
    return status != QUIRE_POISONED;
}

static quire_db *open_db(struct disk_run *run, quire_open_mode mode)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = run->options;
    quire_db *db;
    options.mode = mode;
    quire_status status =
        qr_db_open_with("db", &options, faulty_layer_files(run->files), true, &db, &err);
    demand_status(run, status, "opening", &err);
    REQUIRE(status == QUIRE_OK || db == NULL, "a failed opening left a handle");
    return db;
}

static void close_db(struct disk_run *run, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    demand_status(run, quire_close(db, &err), "closing", &err);
}

/* Makes the world when it is not there; returns whether commits can be tried. */
static bool enter(struct disk_run *run, quire_db *db, bool *poisoned)
{
    quire_error err = QUIRE_ERROR_INIT;
    *poisoned = false;
    for (int tries = 0; tries < 3; tries++) {
        quire_status status = create_world(db, &err);
        demand_status(run, status, "the first commit", &err);
        *poisoned = status == QUIRE_COMMIT_UNKNOWN || status == QUIRE_POISONED;
        if (status == QUIRE_OK || *poisoned) {
            return status == QUIRE_OK;
        }
    }
    return false;
}

/* Once the disk is well again a handle that may write can. */
static void recover_in_place(struct disk_run *run, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    faulty_layer_heal(run->files);
    quire_status status = create_world(db, &err);
    if (status == QUIRE_POISONED) {
        return; /* by a checkpoint that failed */
    }
    REQUIRE(status == QUIRE_OK, "the disk is well again, begin gave %s: %s",
            quire_status_name(status), err.message);
    MUST(world_commit(&world, db, 0, &run->state, &err));
    run->acknowledged = run->started = run->state.done;
    MUST(quire_checkpoint(db, &err));
    read_on(run, db);
}

/* ---- Scenarios ---- */

static void run_commits(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool poisoned;
    quire_db *db = open_db(run, QUIRE_OPEN_CREATE);
    if (db == NULL) {
        return;
    }
    bool more = enter(run, db, &poisoned);
    for (int i = 0; more && i < run->scenario->commits; i++) {
        more = advance(run, db);
        poisoned = !more;
        if (more && i == 3 && run->scenario->frames == 0) {
            demand_status(run, quire_checkpoint(db, &err), "a checkpoint", &err);
            read_on(run, db);
        }
    }
    if (!poisoned && run->plan->index % 2 == 0 && run->plan->sync == FAULTY_SYNC_NOTHING &&
        (run->plan->kinds & FAULTY_SET(FAULTY_SYNC)) == 0) {
        recover_in_place(run, db);
    }
    close_db(run, db);
}

static void run_reopen(struct disk_run *run)
{
    bool more = true;
    for (int i = 0; more && i < 3; i++) {
        bool poisoned;
        quire_db *db = open_db(run, QUIRE_OPEN_CREATE);
        if (db == NULL) {
            return;
        }
        more = enter(run, db, &poisoned) && advance(run, db);
        close_db(run, db);
    }
}

/* More pages than the cache holds, twice; half of them taken back. */
static quire_status spill(quire_txn *txn, quire_error *err)
{
    static const uint8_t bytes[800] = {5};
    quire_tree *tree;
    uint64_t savepoint;
    QR_TRY(quire_tree_create(txn, "spilled", err));
    QR_TRY(quire_tree_open(txn, "spilled", &tree, err));
    quire_status status = QUIRE_OK;
    for (int64_t i = 0; i < 90 && status == QUIRE_OK; i++) {
        status = quire_tree_put(tree, i, bytes, sizeof bytes, NULL, err);
    }
    if (status == QUIRE_OK) {
        status = quire_savepoint(txn, &savepoint, err);
    }
    for (int64_t i = 0; i < 60 && status == QUIRE_OK; i++) {
        status = quire_tree_put(tree, i, bytes, 20, NULL, err);
    }
    if (status == QUIRE_OK) {
        status = quire_rollback_to(txn, savepoint, err);
    }
    quire_tree_close(tree);
    return status;
}

static void run_spill(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_db *db = open_db(run, QUIRE_OPEN_CREATE);
    if (db == NULL) {
        return;
    }
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, &err);
    demand_status(run, status, "begin", &err);
    if (status == QUIRE_OK) {
        status = spill(txn, &err);
        demand_status(run, status, "a large transaction", &err);
        if (status == QUIRE_OK) {
            status = quire_commit(txn, &err);
            demand_status(run, status, "its commit", &err);
        } else {
            quire_rollback(txn);
        }
        read_on(run, db);
    }
    close_db(run, db);
}

static quire_status count_object(void *context, const quire_object_stats *stats, quire_error *err)
{
    uint64_t *entries = context;
    (void)err;
    *entries += stats->entries;
    return QUIRE_OK;
}

static void run_reading(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        quire_db *db = open_db(run, i == 0 ? QUIRE_OPEN_READ_ONLY : QUIRE_OPEN_READ_WRITE);
        quire_txn *txn;
        uint64_t entries = 0;
        if (db == NULL) {
            continue;
        }
        quire_status status = quire_begin(db, QUIRE_READ, &txn, &err);
        demand_status(run, status, "begin", &err);
        if (status == QUIRE_OK) {
            demand_status(run, quire_each_object(txn, count_object, &entries, &err), "reading",
                          &err);
            quire_rollback(txn);
        }
        close_db(run, db);
    }
}

/* A reader stays on its state while more commits go on than the cache keeps versions of. */
static void run_versions(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *reader;
    bool more = true;
    quire_db *db = open_db(run, QUIRE_OPEN_READ_WRITE);
    if (db == NULL) {
        return;
    }
    quire_status status = quire_begin(db, QUIRE_READ, &reader, &err);
    demand_status(run, status, "begin", &err);
    for (int i = 0; status == QUIRE_OK && more && i < run->scenario->commits; i++) {
        uint64_t entries = 0;
        more = advance(run, db);
        demand_status(run, quire_each_object(reader, count_object, &entries, &err), "an old reader",
                      &err);
    }
    if (status == QUIRE_OK) {
        quire_rollback(reader);
    }
    close_db(run, db);
}

static quire_status pin_and_unpin(quire_db *db, quire_error *err)
{
    QR_TRY(quire_pin(db, "rows", err));
    return quire_unpin(db, "rows", err);
}

static quire_status vacuum(quire_db *db, quire_error *err)
{
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    options.step_pages = 4;
    QR_TRY(quire_vacuum(db, &options, &result, err));
    REQUIRE(result.pages_freed > 0, "there was nothing to do");
    return QUIRE_OK;
}

static quire_status build_index(quire_db *db, quire_error *err)
{
    quire_index_column key = {.name = "age"};
    quire_index_def def = {.name = "built", .columns = &key, .column_count = 1};
    quire_index_build_options options = QUIRE_INDEX_BUILD_OPTIONS_INIT;
    options.batch_rows = 4;
    return quire_index_build(db, "rows", &def, &options, err);
}

/* A call on the whole database, between commits. */
static void run_call(struct disk_run *run, const char *what,
                     quire_status (*call)(quire_db *db, quire_error *err))
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(run, QUIRE_OPEN_READ_WRITE);
    if (db == NULL) {
        return;
    }
    if (advance(run, db)) {
        demand_status(run, call(db, &err), what, &err);
        read_on(run, db);
        (void)advance(run, db);
    }
    close_db(run, db);
}

static void run_pin(struct disk_run *run)
{
    run_call(run, "pinning", pin_and_unpin);
}

static void run_vacuum(struct disk_run *run)
{
    run_call(run, "vacuum", vacuum);
}

static void run_index(struct disk_run *run)
{
    run_call(run, "building an index", build_index);
}

static struct qr_maintenance_place place_of(struct disk_run *run)
{
    return (struct qr_maintenance_place){.layer = faulty_layer_files(run->files),
                                         .allocator = &run->memory.allocator};
}

static void run_backup(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(run);
    quire_db *db = open_db(run, QUIRE_OPEN_CREATE);
    if (db == NULL) {
        return;
    }
    quire_status status = qr_backup(db, &place, "copy", NULL, &err);
    demand_status(run, status, "a backup", &err);
    run->copied = status == QUIRE_OK;
    close_db(run, db);
}

static void run_restore(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(run);
    quire_status status = qr_restore(&place, "db", "copy", NULL, &err);
    demand_status(run, status, "restoring", &err);
    run->copied = status == QUIRE_OK;
}

static void run_compact(struct disk_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(run);
    demand_status(run, qr_compact(&place, "db", NULL, NULL, &err), "compacting", &err);
}

static const struct disk_scenario scenarios[] = {
    {"commits", run_commits, .commits = 7},
    {"recovery", run_commits, .commits = 3, .hot = true},
    {"turnover", run_commits, .commits = 9, .frames = 6, .log_bytes = 1},
    {"warm", run_commits, .commits = 6, .closed = true},
    {"reopening", run_reopen, .hot = true},
    {"spilling", run_spill, .hot = true},
    {"reading", run_reading, .hot = true},
    {"backup", run_backup, .hot = true},
    {"restore", run_restore, .closed = true},
    {"compact", run_compact, .closed = true},
    {"pinning", run_pin, .closed = true},
    {"vacuum", run_vacuum, .closed = true},
    {"building", run_index, .hot = true},
    {"versions spilled", run_versions, .commits = 6, .closed = true},
    {"versions refused", run_versions, .commits = 5, .closed = true,
     .versions = QUIRE_VERSIONS_REFUSE},
    {"versions expired", run_versions, .commits = 5, .closed = true,
     .versions = QUIRE_VERSIONS_EXPIRE},
};

#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

/* ---- Verdicts ---- */

/* Opens what is there without failures. */
static void verify(const struct disk_run *run, const char *path, struct qr_file_layer *files)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world_track state = {0};
    quire_options options = small_options();
    quire_db *db;
    quire_txn *txn;
    uint64_t done = 0;
    MUST(qr_db_open_with(path, &options, files, true, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    if (!world_exists(txn)) {
        REQUIRE(run->acknowledged == 0, "the world is lost");
        MUST(world_create(txn, &err));
    }
    world_progress(&world, txn, &done);
    REQUIRE(done >= run->acknowledged && done <= run->started,
            "the database holds commit %llu, not %llu to %llu", (unsigned long long)done,
            (unsigned long long)run->acknowledged, (unsigned long long)run->started);
    world_verify(&world, txn, &state);
    (void)audit_digest(txn);
    MUST(quire_commit(txn, &err));
    audit_structure(db);
    MUST(world_commit(&world, db, 0, &state, &err));
    MUST(quire_close(db, &err));
}

/* A database of a few commits, as a crash or a close leaves it. */
static struct faulty_layer *make_files(struct disk_run *run)
{
    static const struct faulty_plan none = {.os_errno = EIO};
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    quire_options options = small_options();
    quire_db *db;
    struct faulty_layer *files = faulty_layer_create();
    if (!run->scenario->hot && !run->scenario->closed) {
        return files;
    }
    const struct faulty_plan *plan = run->plan;
    run->plan = &none;
    MUST(qr_db_open_with("db", &options, faulty_layer_files(files), true, &db, &err));
    MUST(create_world(db, &err));
    for (int i = 0; i < 4; i++) {
        MUST(world_commit(&world, db, 0, &run->state, &err));
    }
    run->acknowledged = run->started = run->state.done;
    struct faulty_layer *hot = faulty_layer_power_cut_again(files, &cut);
    MUST(quire_close(db, &err));
    run->plan = plan;
    struct faulty_layer *unwanted = run->scenario->hot ? files : hot;
    struct faulty_layer *wanted = run->scenario->hot ? hot : files;
    faulty_layer_destroy(unwanted);
    return wanted;
}

static bool fail_call(const struct disk_scenario *scenario, const struct faulty_plan *plan)
{
    struct disk_run run = {.scenario = scenario, .plan = plan, .options = small_options()};
    failing_allocator_init(&run.memory);
    run.options.allocator = &run.memory.allocator;
    if (scenario->frames > 0) {
        run.options.checkpoint = quire_checkpoint_frame_count(scenario->frames);
        run.options.wal_segment_bytes = 8 << 10;
        run.options.wal_bytes_max = scenario->log_bytes;
    }
    run.options.versions_policy = scenario->versions;
    run.options.versions_bytes_max = 8 << 10;
    run.files = make_files(&run);
    faulty_layer_fail(run.files, plan);
    scenario->run(&run);
    bool failed = faulty_layer_failures(run.files) > 0;
    faulty_layer_heal(run.files);
    REQUIRE(failed || run.bound_met == (scenario->versions != QUIRE_VERSIONS_SPILL),
            "old versions of pages met their bound, or did not");
    REQUIRE(failing_allocator_is_clean(&run.memory), "memory is leaked or given back wrongly");
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *image = faulty_layer_power_cut(run.files, &cut);
    verify(&run, "db", image);
    if (run.copied) {
        verify(&run, "copy", image);
    }
    qr_file_layer_memory_destroy(image);
    verify(&run, "db", faulty_layer_files(run.files));
    faulty_layer_destroy(run.files);
    return failed;
}

/* ---- Plans ---- */

static const uint32_t naming =
    FAULTY_CHANGES & ~FAULTY_SET(FAULTY_SYNC) & ~FAULTY_SET(FAULTY_WRITE);
static const uint32_t others = FAULTY_ANY & ~FAULTY_CHANGES & ~FAULTY_SET(FAULTY_WRITE_BEHIND);

#define PLANS_MAX 80

struct plans {
    struct faulty_plan plans[PLANS_MAX];
    unsigned count;
};

static void add_plan(struct plans *plans, struct faulty_plan plan)
{
    for (int forever = 0; forever < 2; forever++) {
        REQUIRE(plans->count < PLANS_MAX, "too many plans");
        plan.forever = forever == 1;
        plans->plans[plans->count++] = plan;
    }
}

static void make_plans(struct plans *plans)
{
    static const int codes[] = {EIO, ENOSPC, EDQUOT, EINTR};
    for (unsigned i = 0; i < 4; i++) {
        uint32_t writes = FAULTY_SET(FAULTY_WRITE);
        struct faulty_plan nothing = {.kinds = writes, .os_errno = codes[i]};
        struct faulty_plan half = {
            .kinds = writes, .os_errno = codes[i], .half = true, .small_whole = true};
        struct faulty_plan most = {
            .kinds = writes, .os_errno = codes[i], .all_but_one = true, .small_whole = true};
        struct faulty_plan sectors = half;
        sectors.whole_sectors = true;
        add_plan(plans, nothing);
        add_plan(plans, half);
        add_plan(plans, most);
        add_plan(plans, sectors);
        add_plan(plans, (struct faulty_plan){.kinds = naming, .os_errno = codes[i]});
        add_plan(plans, (struct faulty_plan){.kinds = others, .os_errno = codes[i]});
    }
    for (unsigned i = 0; i < 2 * 4; i++) {
        add_plan(plans, (struct faulty_plan){.kinds = FAULTY_SET(FAULTY_SYNC),
                                             .os_errno = codes[i / 4],
                                             .sync = (enum faulty_sync_failure)(i % 4)});
    }
}

struct session {
    const struct harness *harness;
    struct plans plans;
    unsigned stride;
};

/* Every call of the kinds of one plan in turn, in one scenario. */
static void run_unit(void *context, uint64_t unit, uint64_t *counts)
{
    const struct session *session = context;
    const struct disk_scenario *scenario = &scenarios[unit % SCENARIOS];
    struct faulty_plan plan = session->plans.plans[unit / SCENARIOS];
    const char *mode = session->harness->mode;
    bool failed = mode == NULL || strcmp(mode, scenario->name) == 0;
    for (plan.index = unit % session->stride; failed; plan.index += session->stride) {
        harness_case("%s: call %llu of the kinds %x fails with %d, %s, model %d, %s",
                     scenario->name, (unsigned long long)plan.index, (unsigned)plan.kinds,
                     plan.os_errno, plan.forever ? "for ever" : "once", (int)plan.sync,
                     plan.all_but_one ? "all but one byte" : (plan.half ? "half" : "nothing"));
        plan.seed = plan.index;
        failed = fail_call(scenario, &plan);
        counts[0] += failed;
    }
}

int main(int argc, char **argv)
{
    struct harness harness;
    static struct session session;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[100];
    harness_begin(&harness, "disk-failures", argc, argv);
    session.harness = &harness;
    session.stride = HARNESS_BRIEF && !harness.longer ? 23 : 1;
    make_plans(&session.plans);
    (void)harness_spread(&harness, SCENARIOS * session.plans.count, 0, run_unit, &session, counts);
    (void)snprintf(extra, sizeof extra, "scenarios=%zu plans=%u", SCENARIOS, session.plans.count);
    harness_end(&harness, counts[0], 1, extra);
    return 0;
}
