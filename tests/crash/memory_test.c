/*
 * Memory that runs out, through the public interface: each scenario meets a
 * failure at each of its allocations in turn, once or from then on. Demanded: it
 * succeeds with the answer that it gives otherwise, or says NO_MEMORY and has
 * changed nothing; the database goes on in the same handle; everything is given
 * back, in the right size; no file of a copy that failed is left.
 *
 * Mode: a scenario's name.
 */
#include "memory.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "harness.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"

static const struct memory_setting settings[] = {
    {"small pages, a log that holds work", 1024, 96, QUIRE_DURABILITY_FULL, false},
    {"larger pages, a log that holds work", 2048, 64, QUIRE_DURABILITY_FULL, false},
    {"small pages, closed cleanly", 1024, 64, QUIRE_DURABILITY_FULL, true},
    {"larger pages, closed cleanly", 2048, 80, QUIRE_DURABILITY_NORMAL, true},
    {"small pages, a log that is not synced", 1024, 80, QUIRE_DURABILITY_OFF, false},
};

#define SETTINGS (sizeof settings / sizeof *settings)

struct session {
    const struct harness *harness;
    const struct memory_setting *setting;
    struct faulty_layer *files; /* with the database */
    uint64_t before;            /* digest of it */
    uint64_t scenarios;
    unsigned stride;
};

/* What a scenario does when nothing fails. */
struct outcome {
    uint64_t answer, after;
};

/* ---- One run ---- */

static quire_status ask(const struct memory_scenario *scenario, struct memory_run *run,
                        quire_db *db, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response = NULL;
    size_t size = 0;
    bool failed = false;
    request.document = scenario->request;
    request.variables = scenario->variables;
    quire_status status = quire_graphql(db, &request, &response, &size, &failed, err);
    REQUIRE((status == QUIRE_OK) == (response != NULL), "a response without success");
    if (response != NULL) {
        for (size_t i = 0; i < size; i++) {
            run->answer = run->answer * 31 + (uint8_t)response[i];
        }
    }
    quire_free(response);
    return status;
}

static quire_status run_in_txn(const struct memory_scenario *scenario, struct memory_run *run,
                               quire_db *db, quire_error *err)
{
    bool writes = scenario->write != NULL;
    quire_txn *txn;
    QR_TRY(quire_begin(db, writes ? QUIRE_WRITE : QUIRE_READ, &txn, err));
    quire_status status = (writes ? scenario->write : scenario->read)(run, txn, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

static quire_status run_scenario(const struct memory_scenario *scenario, struct memory_run *run,
                                 quire_db *db, quire_error *err)
{
    if (scenario->request != NULL) {
        return ask(scenario, run, db, err);
    }
    if (scenario->database != NULL) {
        return scenario->database(run, db, err);
    }
    return scenario->files != NULL ? scenario->files(run, err) : run_in_txn(scenario, run, db, err);
}

/* ---- Verdicts ---- */

static uint64_t digest_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    uint64_t digest = audit_digest(txn);
    quire_rollback(txn);
    return digest;
}

static quire_db *open_plain(const struct memory_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = memory_options(run->setting, run->allocator);
    quire_db *db;
    MUST(qr_db_open_with("db", &options, run->files, true, &db, &err));
    return db;
}

static void judge_status(const struct memory_scenario *scenario, quire_status status,
                         const quire_error *err)
{
    REQUIRE(status == scenario->expected || status == QUIRE_NO_MEMORY ||
                status == QUIRE_TXN_DOOMED || status == QUIRE_COMMIT_UNKNOWN,
            "it gave %s: %s", quire_status_name(status), err->message);
    REQUIRE(status == QUIRE_OK || status == QUIRE_COMMIT_UNKNOWN || err->message[0] != '\0',
            "%s without a message", quire_status_name(status));
}

/* Of a copy; a creation that was cut off leaves a file that counts as none. */
static void demand_no_leftovers(struct qr_file_layer *files, quire_status status)
{
    static const char *const names[] = {"copy-new", "db-new", "copy-work", "copy-new-wal"};
    quire_error err = QUIRE_ERROR_INIT;
    bool exists = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        MUST(files->methods->exists(files, names[i], &exists, &err));
        REQUIRE(!exists, "%s is left", names[i]);
    }
    MUST(files->methods->exists(files, "copy", &exists, &err));
    if (exists && status != QUIRE_OK) {
        quire_options options = memory_options(&settings[0], NULL);
        quire_db *db;
        MUST(qr_db_open_with("copy", &options, files, true, &db, &err));
        REQUIRE(digest_of(db) == 0, "a copy that failed is left");
        MUST(quire_close(db, &err));
    }
}

/* The state is the one before, or after success the one after. */
static void judge_state(const struct session *session, const struct outcome *usual,
                        quire_status status, quire_db *db)
{
    uint64_t digest = digest_of(db);
    bool unknown = status == QUIRE_COMMIT_UNKNOWN;
    uint64_t wanted = status == QUIRE_OK ? usual->after : session->before;
    REQUIRE(digest == wanted || (unknown && digest == usual->after),
            "the database is not as it should be after %s", quire_status_name(status));
}

/* Returns whether an allocation failed. */
static bool fail_at(const struct session *session, const struct memory_scenario *scenario,
                    const struct outcome *usual, uint64_t index, bool forever)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct failing_allocator failing;
    struct qr_file_layer *files = faulty_layer_power_cut(session->files, &cut);
    failing_allocator_init(&failing);
    struct memory_run run = {session->setting, files, &failing.allocator, 0};
    quire_db *db = scenario->files != NULL ? NULL : open_plain(&run);
    failing_allocator_arm(&failing, index, forever);
    quire_status status = run_scenario(scenario, &run, db, &err);
    bool failed = atomic_load(&failing.failures) > 0;
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    judge_status(scenario, status, &err);
    REQUIRE(failed || status == scenario->expected, "without a failure it gave %s: %s",
            quire_status_name(status), err.message);
    REQUIRE(status != QUIRE_OK || run.answer == usual->answer, "it gave another answer");
    demand_no_leftovers(files, status);
    if (db == NULL) {
        db = open_plain(&run);
    }
    judge_state(session, usual, status, db);
    if (index % 16 == 0) {
        audit_structure(db);
    }
    MUST(quire_close(db, &err));
    REQUIRE(failing_allocator_is_clean(&failing), "memory is leaked or given back wrongly");
    qr_file_layer_memory_destroy(files);
    return failed;
}

static struct outcome run_freely(const struct session *session,
                                 const struct memory_scenario *scenario)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct qr_file_layer *files = faulty_layer_power_cut(session->files, &cut);
    struct memory_run run = {session->setting, files, qr_allocator_default(), 0};
    quire_db *db = scenario->files != NULL ? NULL : open_plain(&run);
    quire_status status = run_scenario(scenario, &run, db, &err);
    REQUIRE(status == scenario->expected, "without a failure it gave %s: %s",
            quire_status_name(status), err.message);
    if (db == NULL) {
        db = open_plain(&run);
    }
    struct outcome outcome = {.answer = run.answer, .after = digest_of(db)};
    MUST(quire_close(db, &err));
    qr_file_layer_memory_destroy(files);
    return outcome;
}

/* ---- All of them ---- */

static void make_files(struct session *session)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *files = faulty_layer_create();
    quire_options options = memory_options(session->setting, NULL);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    quire_db *db;
    MUST(qr_db_open_with("db", &options, faulty_layer_files(files), true, &db, &err));
    memory_prepare(db);
    session->before = digest_of(db);
    session->files = faulty_layer_power_cut_again(files, &cut);
    MUST(quire_close(db, &err));
    if (session->setting->clean) {
        faulty_layer_destroy(session->files);
        session->files = faulty_layer_power_cut_again(files, &cut);
    }
    faulty_layer_destroy(files);
}

static uint64_t fail_each(const struct session *session, const struct memory_scenario *scenario,
                          bool forever)
{
    bool failed = true;
    uint64_t cases = 0;
    harness_case("%s, %s, no failure", session->setting->name, scenario->name);
    struct outcome usual = run_freely(session, scenario);
    for (uint64_t index = 0; failed; index += session->stride) {
        harness_case("%s, %s, allocation %llu fails %s", session->setting->name, scenario->name,
                     (unsigned long long)index, forever ? "for ever" : "once");
        failed = fail_at(session, scenario, &usual, index, forever);
        cases += failed;
    }
    if (session->harness->verbose) {
        (void)printf("  %-28s %6llu failures %s, %s\n", scenario->name, (unsigned long long)cases,
                     forever ? "for ever" : "once", session->setting->name);
    }
    return cases;
}

/* A unit is a scenario over one setting, failing once, then for ever. */
static void run_unit(void *context, uint64_t unit, uint64_t *counts)
{
    struct session session = *(const struct session *)context;
    const struct memory_scenario *scenario = memory_scenario(unit % session.scenarios);
    const char *mode = session.harness->mode;
    if (mode != NULL && strcmp(mode, scenario->name) != 0) {
        return;
    }
    session.setting = &settings[unit / session.scenarios];
    make_files(&session);
    counts[0] += fail_each(&session, scenario, false);
    counts[0] += fail_each(&session, scenario, true);
    faulty_layer_destroy(session.files);
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[100];
    harness_begin(&harness, "memory-failures", argc, argv);
    struct session session = {.harness = &harness, .stride = 1};
    if (HARNESS_BRIEF && !harness.longer) {
        session.stride = 29;
    }
    while (memory_scenario(session.scenarios) != NULL) {
        session.scenarios++;
    }
    (void)harness_spread(&harness, session.scenarios * SETTINGS, 0, run_unit, &session, counts);
    (void)snprintf(extra, sizeof extra, "scenarios=%llu settings=%zu",
                   (unsigned long long)session.scenarios, SETTINGS);
    harness_end(&harness, counts[0], 1, extra);
    return 0;
}
