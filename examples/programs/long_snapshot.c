/*
 * A snapshot stays open while a writer commits thousands of times. It keeps
 * reading the same rows, the writer does not wait for it, and the log stays
 * within its bound.
 *
 *     long_snapshot DATABASE
 */
#include "example.h"

#define ROWS    1000
#define COMMITS 3000

static int64_t sum_of_rows(quire_txn *txn)
{
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid;
    int64_t sum = 0;
    MUST(quire_tree_open(txn, "accounts", &tree, &err));
    MUST(quire_cursor_open(tree, &cursor, &err));
    MUST(quire_cursor_first(cursor, &valid, &err));
    while (valid) {
        int64_t rowid;
        const void *payload;
        size_t size;
        MUST(quire_cursor_row(cursor, &rowid, &payload, &size, &err));
        sum += *(const unsigned char *)payload;
        MUST(quire_cursor_next(cursor, &valid, &err));
    }
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    return sum;
}

static void write_row(quire_db *db, int64_t rowid, unsigned char value)
{
    quire_txn *txn;
    quire_tree *tree;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_open(txn, "accounts", &tree, &err));
    MUST(quire_tree_put(tree, rowid, &value, 1, NULL, &err));
    quire_tree_close(tree);
    MUST(quire_commit(txn, &err));
}

int main(int argc, char **argv)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_stats stats = {.size = sizeof stats};
    quire_db *db;
    quire_txn *txn;
    quire_txn *snapshot;
    int64_t before;

    options.durability = QUIRE_DURABILITY_NORMAL;
    MUST(quire_open(argc > 1 ? argv[1] : "accounts.quire", &options, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_create(txn, "accounts", &err));
    MUST(quire_commit(txn, &err));
    for (int64_t i = 1; i <= ROWS; i++) {
        write_row(db, i, 1);
    }

    MUST(quire_begin(db, QUIRE_READ, &snapshot, &err));
    before = sum_of_rows(snapshot);
    for (int64_t i = 0; i < COMMITS; i++) {
        write_row(db, 1 + i % ROWS, 2);
    }
    EXPECT(before == ROWS);
    EXPECT(sum_of_rows(snapshot) == before);
    MUST(quire_get_stats(db, &stats, &err));
    printf("%d commits beside a snapshot: log %llu bytes, %llu old pages kept\n", COMMITS,
           (unsigned long long)stats.log_bytes, (unsigned long long)stats.versions_held);
    EXPECT(stats.log_bytes <= (UINT64_C(64) << 20) + 4096);
    quire_rollback(snapshot);

    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    EXPECT(sum_of_rows(txn) == (int64_t)ROWS * 2);
    quire_rollback(txn);
    MUST(quire_close(db, &err));
    return 0;
}
