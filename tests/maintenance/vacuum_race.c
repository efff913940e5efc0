/*
 * Vacuum beside a writer and readers, each a thread of its own: for builds that
 * watch for races. The database grows and shrinks all the time; every snapshot
 * stays what it was, and every payload whole: two trees hold the same rows.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/thread.h"
#include "engine/maintenance.h"
#include "support/prng.h"
#include "support/temp_dir.h"

#define VACUUMS   30
#define ROWS      400
#define BYTES_MAX 7000

static quire_db *db;
static atomic_bool stop;
static atomic_uint commits, reads, freed;

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != QUIRE_OK) {                                                                  \
            fprintf(stderr, "line %d: %s\n", __LINE__, err.message);                               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void demand(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* ---- Writing ---- */

static void put_row(quire_tree *rows, quire_keytree *keys, int64_t rowid, struct prng *prng)
{
    static uint8_t payload[BYTES_MAX];
    quire_error err = QUIRE_ERROR_INIT;
    size_t size = prng_one_in(prng, 4) ? prng_below(prng, sizeof payload) : prng_below(prng, 200);
    prng_fill(prng, payload, size);
    MUST(quire_tree_put(rows, rowid, payload, size, NULL, &err));
    MUST(quire_keytree_put(keys, &rowid, sizeof rowid, payload, size, NULL, &err));
}

static void delete_rows(quire_tree *rows, quire_keytree *keys, struct prng *prng)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int64_t rowid = 1; rowid <= ROWS; rowid++) {
        if (!prng_one_in(prng, 10)) {
            MUST(quire_tree_delete(rows, rowid, NULL, &err));
            MUST(quire_keytree_delete(keys, &rowid, sizeof rowid, NULL, &err));
        }
    }
}

static void change(struct prng *prng, bool shrink)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_tree *rows;
    quire_keytree *keys;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_open(txn, "rows", &rows, &err));
    MUST(quire_keytree_open(txn, "keys", &keys, &err));
    if (shrink) {
        delete_rows(rows, keys, prng);
    }
    for (int i = 0; i < 5 && !shrink; i++) {
        put_row(rows, keys, 1 + (int64_t)prng_below(prng, ROWS), prng);
    }
    quire_keytree_close(keys);
    quire_tree_close(rows);
    MUST(quire_commit(txn, &err));
    atomic_fetch_add(&commits, 1);
}

static void write_rows(void *context)
{
    struct prng prng;
    (void)context;
    prng_init(&prng, 5);
    for (unsigned i = 1; !atomic_load(&stop); i++) {
        change(&prng, i % 100 == 0);
    }
}

/* ---- Reading ---- */

static uint64_t digest_rows(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    quire_cursor *cursor;
    uint64_t digest = 0;
    bool valid;
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    MUST(quire_cursor_open(tree, &cursor, &err));
    MUST(quire_cursor_first(cursor, &valid, &err));
    while (valid) {
        int64_t rowid;
        const void *payload;
        size_t size;
        MUST(quire_cursor_row(cursor, &rowid, &payload, &size, &err));
        digest += qr_hash64(payload, size, (uint64_t)rowid);
        MUST(quire_cursor_next(cursor, &valid, &err));
    }
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    return digest;
}

static uint64_t digest_keys(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *keys;
    uint64_t digest = 0;
    MUST(quire_keytree_open(txn, "keys", &keys, &err));
    for (int64_t rowid = 1; rowid <= ROWS; rowid++) {
        const void *payload;
        size_t size;
        bool found;
        MUST(quire_keytree_get(keys, &rowid, sizeof rowid, &payload, &size, &found, &err));
        digest += found ? qr_hash64(payload, size, (uint64_t)rowid) : 0;
    }
    quire_keytree_close(keys);
    return digest;
}

static void read_rows(void *context)
{
    (void)context;
    while (!atomic_load(&stop)) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_txn *txn;
        MUST(quire_begin(db, QUIRE_READ, &txn, &err));
        uint64_t digest = digest_rows(txn);
        demand(digest_keys(txn) == digest, "the trees differ");
        for (unsigned seen = atomic_load(&commits); !atomic_load(&stop);) {
            if (atomic_load(&commits) > seen + 20) {
                break;
            }
            qr_yield();
        }
        demand(digest_rows(txn) == digest, "a snapshot has changed");
        quire_rollback(txn);
        atomic_fetch_add(&reads, 1);
    }
}

/* ---- Main ---- */

static void vacuum(uint32_t step_pages)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    options.step_pages = step_pages;
    MUST(quire_vacuum(db, &options, &result, &err));
    atomic_fetch_add(&freed, (unsigned)result.pages_freed);
}

static void create(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_txn *txn;
    options.durability = QUIRE_DURABILITY_NORMAL;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(512) << 10;
    options.checkpoint = quire_checkpoint_frame_count(300);
    MUST(quire_open(path, &options, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_create(txn, "rows", &err));
    MUST(quire_keytree_create(txn, "keys", &err));
    MUST(quire_commit(txn, &err));
}

int main(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    struct qr_thread threads[3];
    char path[600];
    temp_dir_create(&dir);
    create(temp_dir_file(&dir, "db", path, sizeof path));
    MUST(qr_thread_start(&threads[0], write_rows, NULL, &err));
    MUST(qr_thread_start(&threads[1], read_rows, NULL, &err));
    MUST(qr_thread_start(&threads[2], read_rows, NULL, &err));
    for (unsigned i = 0; i < VACUUMS; i++) {
        unsigned seen = atomic_load(&commits);
        while (atomic_load(&commits) < seen + 10) {
            qr_yield();
        }
        vacuum(1 + i * 7 % 60);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        qr_thread_join(&threads[i]);
    }
    vacuum(0);
    demand(atomic_load(&freed) > 0, "nothing was given back");
    MUST(quire_close(db, &err));
    struct qr_maintenance_place place = {.layer = qr_file_layer_posix(),
                                         .allocator = qr_allocator_default()};
    MUST(qr_copy_check(&place, path, false, &err));
    temp_dir_remove(&dir);
    printf("%d vacuums gave %u pages back beside %u commits and %u reads\n", VACUUMS,
           atomic_load(&freed), atomic_load(&commits), atomic_load(&reads));
    return 0;
}
