/*
 * Backups beside a writer and readers, each a thread of its own: for builds that
 * watch for races, and for the claim that nobody waits. Every copy must be sound
 * and hold whole commits: a commit adds one row to each of two trees.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "engine/maintenance.h"
#include "support/temp_dir.h"

#define BACKUPS 6
#define ROWS    3000

static quire_db *db;
static atomic_bool stop;
static atomic_uint commits, reads;

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != QUIRE_OK) {                                                                  \
            fprintf(stderr, "line %d: %s\n", __LINE__, err.message);                               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void put_row(quire_txn *txn, const char *name, int64_t rowid)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    char payload[200];
    memset(payload, (int)(rowid % 120), sizeof payload);
    MUST(quire_tree_open(txn, name, &tree, &err));
    MUST(quire_tree_put(tree, rowid, payload, sizeof payload, NULL, &err));
    quire_tree_close(tree);
}

static uint64_t count_rows(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    uint64_t rows;
    MUST(quire_tree_open(txn, name, &tree, &err));
    MUST(quire_tree_count(tree, &rows, &err));
    quire_tree_close(tree);
    return rows;
}

static void write_rows(void *context)
{
    (void)context;
    for (int64_t rowid = 1; !atomic_load(&stop); rowid = rowid % ROWS + 1) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_txn *txn;
        MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
        put_row(txn, "left", rowid);
        put_row(txn, "right", rowid * 7919 % 1000003);
        MUST(quire_commit(txn, &err));
        atomic_fetch_add(&commits, 1);
    }
}

static void expect_balance(quire_db *from)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    MUST(quire_begin(from, QUIRE_READ, &txn, &err));
    if (count_rows(txn, "left") != count_rows(txn, "right")) {
        fputs("a commit was seen in part\n", stderr);
        abort();
    }
    quire_rollback(txn);
}

static void read_rows(void *context)
{
    (void)context;
    while (!atomic_load(&stop)) {
        expect_balance(db);
        atomic_fetch_add(&reads, 1);
    }
}

struct watch {
    unsigned commits_first, commits_last;
    bool started;
};

/* Between two batches, waits until a commit has gone through. */
static bool wait_for_commit(void *context, const quire_progress *progress)
{
    struct watch *watch = context;
    unsigned seen = atomic_load(&commits);
    if (!watch->started) {
        watch->commits_first = seen;
        watch->started = true;
    }
    while (progress->done < progress->total && atomic_load(&commits) == seen) {
        qr_yield();
    }
    watch->commits_last = atomic_load(&commits);
    return true;
}

static void back_up(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct watch watch = {.started = false};
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    quire_db *copy;
    options.replace = true;
    options.batch_pages = 32;
    options.progress = wait_for_commit;
    options.context = &watch;
    MUST(quire_backup(db, path, &options, &err));
    if (watch.commits_last == watch.commits_first) {
        fputs("no commit went through during a backup\n", stderr);
        abort();
    }
    MUST(quire_open(path, NULL, &copy, &err));
    expect_balance(copy);
    MUST(quire_close(copy, &err));
}

int main(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct temp_dir dir;
    struct qr_thread threads[3];
    char path[600];
    char copy_path[600];
    quire_txn *txn;
    temp_dir_create(&dir);
    options.durability = QUIRE_DURABILITY_NORMAL;
    options.page_size = 1024;
    options.checkpoint = quire_checkpoint_frame_count(200);
    MUST(quire_open(temp_dir_file(&dir, "db", path, sizeof path), &options, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_create(txn, "left", &err));
    MUST(quire_tree_create(txn, "right", &err));
    MUST(quire_commit(txn, &err));
    MUST(qr_thread_start(&threads[0], write_rows, NULL, &err));
    MUST(qr_thread_start(&threads[1], read_rows, NULL, &err));
    MUST(qr_thread_start(&threads[2], read_rows, NULL, &err));
    for (int i = 0; i < BACKUPS; i++) {
        back_up(temp_dir_file(&dir, "copy", copy_path, sizeof copy_path));
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        qr_thread_join(&threads[i]);
    }
    MUST(quire_close(db, &err));
    temp_dir_remove(&dir);
    printf("%d backups beside %u commits and %u reads\n", BACKUPS, atomic_load(&commits),
           atomic_load(&reads));
    return 0;
}
