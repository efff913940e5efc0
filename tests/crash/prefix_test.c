/*
 * Every prefix of a log, and logs that were tampered with. A database whose log
 * holds some dozens of commits has its log cut, or filled
 * with zeros, at frame boundaries and at many other offsets: it opens with
 * exactly the commits that are whole before the cut, or is refused when not even
 * the first is. Flipped bits in what was synced are named as damage; frames of
 * another history are never taken for this one's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "wal/wal_format.h"

#define COMMITS     40
#define CONTINUED   6
#define SEGMENT     (UINT32_C(1) << 20) /* holds them all: a sealed segment would be checkpointed */
#define NAMED_ERROR UINT32_MAX

struct bytes {
    uint8_t *bytes;
    size_t size;
};

struct history {
    struct image_run run;
    struct bytes database, log;
    uint64_t ends[IMAGE_STATES_MAX]; /* of the log's bytes after each commit */
};

/* ---- Files as bytes ---- */

static void read_file(struct qr_file_layer *layer, const char *path, struct bytes *out)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    uint64_t size = 0;
    MUST(layer->methods->open(layer, path, QR_OPEN_READ, &file, &err));
    MUST(file->methods->size(file, &size, &err));
    out->size = (size_t)size;
    out->bytes = malloc(out->size);
    REQUIRE(out->bytes != NULL, "out of memory");
    MUST(qr_file_read_all(file, out->bytes, out->size, 0, path, &err));
    file->methods->close(file);
}

static void take_files(struct image_run *run, struct bytes *database, struct bytes *log)
{
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct qr_file_layer *layer = faulty_layer_power_cut(run->files, &cut);
    read_file(layer, "db", database);
    read_file(layer, "db-wal", log);
    qr_file_layer_memory_destroy(layer);
}

static void free_files(struct bytes *database, struct bytes *log)
{
    free(database->bytes);
    free(log->bytes);
}

/* The newest byte that was written to the log's segments. */
static uint64_t log_end(struct faulty_layer *files)
{
    size_t count;
    const struct faulty_record *record = faulty_layer_record(files, &count);
    while (count > 0) {
        const struct faulty_record *call = &record[--count];
        if (call->kind == FAULTY_WRITE && strstr(call->path, "-wal") != NULL) {
            return call->offset + call->size;
        }
    }
    return 0;
}

/* ---- Making histories ---- */

static void record_commits(struct history *history, int count)
{
    struct image_run *run = &history->run;
    for (int i = 0; i < count; i++) {
        image_commit(run, atomic_load(&run->started) == 0 ? image_create_world : image_world);
        history->ends[atomic_load(&run->acknowledged)] = log_end(run->files);
    }
}

static void init_run(struct image_run *run, uint64_t seed)
{
    image_run_init(run, "prefix", seed);
    run->options.wal_segment_bytes = SEGMENT;
    run->options.wal_bytes_max = UINT64_C(64) << 20;
    run->options.checkpoint = quire_checkpoint_manual();
    run->options.cache_bytes = UINT64_C(4) << 20;
}

static void make_history(struct history *history, uint64_t seed)
{
    *history = (struct history){0};
    init_run(&history->run, seed);
    image_open(&history->run);
    record_commits(history, COMMITS);
    REQUIRE(history->ends[COMMITS] <= QR_LOG_SEGMENTS_BEGIN + SEGMENT, "the segment is too small");
    take_files(&history->run, &history->database, &history->log);
    image_close(&history->run);
}

static void free_history(struct history *history)
{
    free_files(&history->database, &history->log);
    image_run_destroy(&history->run);
}

/* ---- Judging ---- */

/* Opens the files and returns the commit they hold, or NAMED_ERROR for damage. */
static unsigned open_files(struct image_run *run, const struct bytes *database,
                           const struct bytes *log, unsigned high)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *files = faulty_layer_create();
    unsigned number = NAMED_ERROR;
    quire_db *db;
    faulty_layer_install(files, "db", database->bytes, database->size);
    faulty_layer_install(files, "db-wal", log->bytes, log->size);
    quire_status status =
        qr_db_open_with("db", &run->options, faulty_layer_files(files), true, &db, &err);
    if (status == QUIRE_OK) {
        number = image_verify_state(run, db, 0, high);
        MUST(quire_close(db, &err));
    } else {
        REQUIRE(status >= 500 && status < 600 && err.message[0] != '\0',
                "damage gave %s with the message \"%s\"", quire_status_name(status), err.message);
    }
    faulty_layer_destroy(files);
    return number;
}

/* Commits that are whole when the log ends there, or is zero from there: then bytes that were zero
 * anyway are no loss. */
static unsigned whole_commits(const struct history *history, uint64_t end, bool zeros)
{
    unsigned number = 0;
    while (zeros && history->log.bytes[end] == 0 && end < history->ends[COMMITS]) {
        end++;
    }
    while (number < COMMITS && history->ends[number + 1] <= end) {
        number++;
    }
    return number;
}

/* ---- Cuts ---- */

static void check_cut(struct history *history, uint64_t end, bool zeros)
{
    struct bytes log = history->log;
    harness_case("the log %s at offset %llu", zeros ? "is zero from" : "ends",
                 (unsigned long long)end);
    if (zeros) {
        log.bytes = malloc(log.size);
        REQUIRE(log.bytes != NULL, "out of memory");
        memset(log.bytes, 0, log.size);
        memcpy(log.bytes, history->log.bytes, (size_t)end);
    } else {
        log.size = (size_t)end;
    }
    unsigned wanted = whole_commits(history, end, zeros);
    unsigned number = open_files(&history->run, &history->database, &log, COMMITS);
    if (zeros) {
        free(log.bytes);
    }
    /* The first commit was synced before the header page told of it, and of its pages, which the
     * file lacks: without it, that is a loss to be named. */
    REQUIRE(number == (wanted > 0 ? wanted : NAMED_ERROR), "the database holds commit %d, not %u",
            (int)number, wanted);
}

static uint64_t check_cuts(struct history *history, unsigned others)
{
    struct qr_log_geometry geometry = qr_log_geometry(1024, SEGMENT);
    uint64_t end = history->ends[COMMITS];
    uint64_t cases = 0;
    for (uint32_t i = 0; qr_frame_offset(&geometry, 0, i) <= end; i++) {
        check_cut(history, qr_frame_offset(&geometry, 0, i), i % 2 == 0);
        cases++;
    }
    for (unsigned i = 0; i < others; i++) {
        check_cut(history, prng_below(&history->run.chance, end), i % 2 == 0);
        cases++;
    }
    return cases;
}

/* ---- Flips ---- */

/* A flipped bit is named, has no effect, or hits the newest group, which then was never synced for
 * all that can be known. */
static uint64_t check_flips(struct history *history, unsigned count)
{
    struct prng *chance = &history->run.chance;
    unsigned named = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = prng_below(chance, history->ends[COMMITS]);
        uint8_t bit = (uint8_t)(1U << prng_below(chance, 8));
        harness_case("bit %u of byte %llu of the log is flipped", bit, (unsigned long long)at);
        history->log.bytes[at] ^= bit;
        unsigned number = open_files(&history->run, &history->database, &history->log, COMMITS);
        history->log.bytes[at] ^= bit;
        named += number == NAMED_ERROR;
        bool newest = at >= history->ends[COMMITS - 1];
        REQUIRE(number == NAMED_ERROR || number == COMMITS || (newest && number == COMMITS - 1),
                "the database opens at commit %u of %u", number, (unsigned)COMMITS);
    }
    REQUIRE(named > count / 2, "only %u of %u flips were named", named, count);
    return count;
}

/* ---- Frames of another history ---- */

/* Goes on from the same files, with work of its own: the log's salts are the same. */
static void continue_history(struct history *history, const struct bytes *database,
                             const struct bytes *log, uint64_t seed)
{
    *history = (struct history){0};
    init_run(&history->run, seed);
    faulty_layer_install(history->run.files, "db", database->bytes, database->size);
    faulty_layer_install(history->run.files, "db-wal", log->bytes, log->size);
    image_open(&history->run);
    record_commits(history, CONTINUED);
    take_files(&history->run, &history->database, &history->log);
    image_close(&history->run);
}

static uint64_t check_splices(uint64_t seed, unsigned count)
{
    struct qr_log_geometry geometry = qr_log_geometry(1024, SEGMENT);
    struct history base;
    struct history one;
    struct history other;
    base = (struct history){0};
    init_run(&base.run, seed);
    image_open(&base.run);
    image_close(&base.run);
    take_files(&base.run, &base.database, &base.log);
    continue_history(&one, &base.database, &base.log, seed + 1);
    continue_history(&other, &base.database, &base.log, seed + 2);
    uint64_t end =
        one.ends[CONTINUED] < other.ends[CONTINUED] ? one.ends[CONTINUED] : other.ends[CONTINUED];
    uint32_t frames = (uint32_t)((end - qr_frame_offset(&geometry, 0, 0)) / geometry.frame_bytes);
    uint64_t cases = 0;
    frames = frames < geometry.frames ? frames : geometry.frames;
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = qr_frame_offset(&geometry, 0, (uint32_t)prng_below(&one.run.chance, frames));
        struct bytes log = {malloc(one.log.size), one.log.size};
        REQUIRE(log.bytes != NULL, "out of memory");
        memcpy(log.bytes, one.log.bytes, log.size);
        memcpy(log.bytes + at, other.log.bytes + at, geometry.frame_bytes);
        harness_case("the frame at offset %llu is another history's", (unsigned long long)at);
        (void)open_files(&one.run, &one.database, &log, CONTINUED);
        free(log.bytes);
        cases++;
    }
    free_history(&base);
    free_history(&one);
    free_history(&other);
    return cases;
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t cases = 0;
    harness_begin(&harness, "log-prefixes", argc, argv);
    uint64_t seeds = harness_cases(&harness, 1, 60);
    for (uint64_t i = 0; i < seeds; i++) {
        struct history history;
        make_history(&history, harness.seed + i);
        cases += check_cuts(&history, 300);
        cases += check_flips(&history, 600);
        free_history(&history);
        cases += check_splices(harness.seed + i, 100);
    }
    harness_end(&harness, cases, seeds, NULL);
    return 0;
}
