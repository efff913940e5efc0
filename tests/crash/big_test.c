/*
 * A hundred megabytes through a cache of 64 pages: loaded, changed at random,
 * deleted from, scanned, held still by a snapshot meanwhile, reopened; compared
 * with a model row by row. Memory stays within a bound, the spill file is used,
 * and what is read again and again stays in the cache while all is scanned.
 *
 * The bound on memory, above what the process has before it opens the database:
 *   64 frames of 4 KiB, a quarter more while they are urgently needed,
 *   64 bytes a page of the database: page tables, old versions, free map,
 *   8 MiB for all that does not grow: log and staging buffers, groups, threads.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "audit.h"
#include "harness.h"
#include "support/prng.h"
#include "support/temp_dir.h"

#define PAGE        4096U
#define FRAMES      64U
#define BODY        960U
#define STEP        400U /* rows a transaction of the load */
#define UPDATES     250U /* rows a transaction of random changes: more pages than frames */
#define OTHER_BYTES (UINT64_C(8) << 20)

struct big {
    quire_db *db;
    char path[600];
    uint32_t rows;
    uint32_t *versions; /* of each row; 0: gone */
    struct prng chance;
};

/* Kilobytes, the most so far. */
static uint64_t memory_peak(void)
{
    struct rusage usage;
    REQUIRE(getrusage(RUSAGE_SELF, &usage) == 0, "no usage");
    return (uint64_t)usage.ru_maxrss;
}

static void fill_body(uint32_t row, uint32_t version, uint8_t *body)
{
    struct prng prng;
    prng_init(&prng, ((uint64_t)row << 32) | version);
    prng_fill(&prng, body, BODY);
}

/* Scatters the rows over the index. */
static int64_t number_of(uint32_t row)
{
    return (int64_t)((uint64_t)row * 2654435761U % 4294967296U);
}

static void open_with(struct big *big, uint32_t frames)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = PAGE;
    options.cache_bytes = (uint64_t)frames * PAGE;
    options.durability = QUIRE_DURABILITY_NORMAL;
    options.wal_segment_bytes = 1 << 20;
    options.wal_bytes_max = UINT64_C(8) << 20;
    options.readers_max = 4;
    MUST(quire_open(big->path, &options, &big->db, &err));
}

static void close_big(struct big *big)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_close(big->db, &err));
    big->db = NULL;
}

static quire_stats stats_of(const struct big *big)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    MUST(quire_get_stats(big->db, &stats, &err));
    return stats;
}

/* ---- Changing ---- */

static void create(struct big *big)
{
    static const quire_column columns[] = {{"number", QUIRE_INT, true}, {"body", QUIRE_BLOB, true}};
    static const quire_index_column by = {.name = "number"};
    static const quire_index_def index = {
        .name = "by_number", .unique = true, .columns = &by, .column_count = 1};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    MUST(quire_begin(big->db, QUIRE_WRITE, &txn, &err));
    MUST(quire_table_create(txn, "big", columns, 2, &err));
    MUST(quire_index_create(txn, "big", &index, &err));
    MUST(quire_commit(txn, &err));
}

/* Writes or removes one row. */
static void change(struct big *big, quire_table *table, uint32_t row, uint32_t version)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t body[BODY];
    int64_t rowid = (int64_t)row + 1;
    bool found = true;
    fill_body(row, version, body);
    quire_value values[] = {quire_int(number_of(row)), quire_blob(body, BODY)};
    if (version == 0) {
        MUST(quire_table_delete(table, rowid, &found, &err));
        REQUIRE(found == (big->versions[row] != 0), "deleting row %u", (unsigned)row);
    } else if (big->versions[row] == 0) {
        MUST(quire_table_insert(table, &rowid, values, 2, &err));
    } else {
        MUST(quire_table_update(table, rowid, values, 2, &found, &err));
        REQUIRE(found, "updating row %u", (unsigned)row);
    }
    big->versions[row] = version;
}

static void load(struct big *big)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (uint32_t from = 0; from < big->rows; from += STEP) {
        quire_txn *txn;
        quire_table *table;
        MUST(quire_begin(big->db, QUIRE_WRITE, &txn, &err));
        MUST(quire_table_open(txn, "big", &table, &err));
        for (uint32_t row = from; row < from + STEP && row < big->rows; row++) {
            change(big, table, row, 1);
        }
        quire_table_close(table);
        MUST(quire_commit(txn, &err));
    }
}

/* Random updates, with deletions and returns among them; one transaction in ten is undone. */
static void change_at_random(struct big *big, uint32_t transactions, uint32_t version)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t *before = malloc(big->rows * sizeof *before);
    REQUIRE(before != NULL, "out of memory");
    for (uint32_t i = 0; i < transactions; i++) {
        quire_txn *txn;
        quire_table *table;
        bool undo = i % 10 == 9;
        memcpy(before, big->versions, big->rows * sizeof *before);
        MUST(quire_begin(big->db, QUIRE_WRITE, &txn, &err));
        MUST(quire_table_open(txn, "big", &table, &err));
        for (uint32_t n = 0; n < UPDATES; n++) {
            uint32_t row = (uint32_t)prng_below(&big->chance, big->rows);
            change(big, table, row, prng_one_in(&big->chance, 4) ? 0 : version + i);
        }
        quire_table_close(table);
        if (undo) {
            quire_rollback(txn);
            memcpy(big->versions, before, big->rows * sizeof *before);
        } else {
            MUST(quire_commit(txn, &err));
        }
    }
    free(before);
}

/* ---- Looking ---- */

static void check_row(const struct big *big, const uint32_t *versions, int64_t rowid,
                      const void *record, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t body[BODY];
    quire_value value;
    uint32_t row = (uint32_t)(rowid - 1);
    REQUIRE(row < big->rows && versions[row] != 0, "row %u should be gone", (unsigned)row);
    MUST(quire_record_column(record, size, 1, &value, &err));
    fill_body(row, versions[row], body);
    REQUIRE(value.size == BODY && memcmp(value.as.bytes, body, BODY) == 0,
            "row %u is not as version %u wrote it", (unsigned)row, (unsigned)versions[row]);
}

/* Every row of the transaction's view against the versions. */
static void scan(const struct big *big, quire_txn *txn, const uint32_t *versions)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    quire_cursor *cursor;
    uint32_t seen = 0;
    uint32_t wanted = 0;
    bool valid = true;
    MUST(quire_table_open(txn, "big", &table, &err));
    MUST(quire_table_cursor(table, &cursor, &err));
    while (true) {
        int64_t rowid;
        const void *record;
        size_t size;
        MUST(quire_cursor_next(cursor, &valid, &err));
        if (!valid) {
            break;
        }
        MUST(quire_cursor_row(cursor, &rowid, &record, &size, &err));
        check_row(big, versions, rowid, record, size);
        seen++;
    }
    quire_cursor_close(cursor);
    quire_table_close(table);
    for (uint32_t row = 0; row < big->rows; row++) {
        wanted += versions[row] != 0;
    }
    REQUIRE(seen == wanted, "a scan sees %u rows of %u", (unsigned)seen, (unsigned)wanted);
}

static void scan_newest(const struct big *big)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    MUST(quire_begin(big->db, QUIRE_READ, &txn, &err));
    scan(big, txn, big->versions);
    MUST(quire_commit(txn, &err));
}

/* Reads `count` rows spread over the table. */
static void touch(const struct big *big, uint32_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_table *table;
    MUST(quire_begin(big->db, QUIRE_READ, &txn, &err));
    MUST(quire_table_open(txn, "big", &table, &err));
    for (uint32_t i = 0; i < count; i++) {
        const void *record;
        size_t size;
        bool found;
        int64_t rowid = (int64_t)(big->rows / count * i) + 1;
        MUST(quire_table_get(table, rowid, &record, &size, &found, &err));
    }
    quire_table_close(table);
    MUST(quire_commit(txn, &err));
}

/* ---- The parts ---- */

static void work(struct big *big, uint32_t transactions)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *snapshot;
    uint32_t *then = malloc(big->rows * sizeof *then);
    REQUIRE(then != NULL, "out of memory");
    harness_case("loading");
    create(big);
    load(big);
    scan_newest(big);
    harness_case("changing at random");
    change_at_random(big, transactions, 1000);
    memcpy(then, big->versions, big->rows * sizeof *then);
    MUST(quire_begin(big->db, QUIRE_READ, &snapshot, &err));
    harness_case("changing under a snapshot");
    change_at_random(big, transactions, 100000);
    MUST(quire_checkpoint(big->db, &err));
    scan(big, snapshot, then);
    quire_stats held = stats_of(big);
    REQUIRE(held.versions_held > FRAMES, "only %llu old versions are held",
            (unsigned long long)held.versions_held);
    MUST(quire_commit(snapshot, &err));
    scan_newest(big);
    free(then);
}

static uint64_t check_memory(const struct big *big, uint64_t before_kb, char *text, size_t size)
{
    quire_stats stats = stats_of(big);
    uint64_t used = (memory_peak() - before_kb) * 1024;
    uint64_t bound = (uint64_t)FRAMES * PAGE * 5 / 4 + (uint64_t)stats.pages * 64 + OTHER_BYTES;
    (void)snprintf(text, size, "data_mb=%.1f memory_mb=%.1f memory_mb_max=%.1f spills=%llu",
                   (double)stats.pages * PAGE / 1e6, (double)used / 1e6, (double)bound / 1e6,
                   (unsigned long long)stats.spills);
    REQUIRE(stats.spills > 0, "nothing was spilled");
    REQUIRE(HARNESS_SANITIZED || used <= bound, "memory: %s", text);
    return used;
}

/* Rows that are read again and again, then a scan of everything, then the same rows. */
static void check_hot_set(struct big *big)
{
    enum { HOT = 100, CACHE = 600 };
    harness_case("a hot set under a scan");
    open_with(big, CACHE);
    for (int i = 0; i < 20; i++) {
        touch(big, HOT);
    }
    uint64_t before = stats_of(big).page_reads;
    touch(big, HOT);
    REQUIRE(stats_of(big).page_reads == before, "the hot set is not in the cache");
    scan_newest(big);
    uint64_t scanned = stats_of(big).page_reads - before;
    REQUIRE(scanned > 4 * CACHE, "the scan read only %llu pages", (unsigned long long)scanned);
    before = stats_of(big).page_reads;
    touch(big, HOT);
    uint64_t missed = stats_of(big).page_reads - before;
    REQUIRE(missed <= HOT / 10, "after the scan %llu of %d pages were read again",
            (unsigned long long)missed, HOT);
    close_big(big);
}

int main(int argc, char **argv)
{
    struct harness harness;
    struct temp_dir dir;
    struct big big = {.rows = 0};
    char extra[160];
    harness_begin(&harness, "larger-than-cache", argc, argv);
    big.rows = (uint32_t)harness_cases(&harness, 100000, 1000000);
    big.versions = calloc(big.rows, sizeof *big.versions);
    REQUIRE(big.versions != NULL, "out of memory");
    memset(big.versions, 0, big.rows * sizeof *big.versions);
    prng_init(&big.chance, harness.seed);
    temp_dir_create(&dir);
    (void)temp_dir_file(&dir, "big", big.path, sizeof big.path);
    uint64_t before = memory_peak() + big.rows * sizeof *big.versions * 3 / 1024;
    open_with(&big, FRAMES);
    work(&big, harness.longer ? 1000 : 40);
    (void)check_memory(&big, before, extra, sizeof extra);
    close_big(&big);
    harness_case("reopened");
    open_with(&big, FRAMES);
    scan_newest(&big);
    audit_structure(big.db);
    close_big(&big);
    check_hot_set(&big);
    temp_dir_remove(&dir);
    free(big.versions);
    harness_end(&harness, big.rows, 1, extra);
    return 0;
}
