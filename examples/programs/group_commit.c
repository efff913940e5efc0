/*
 * Many threads commit one row each, durably. Their commits share syncs: the
 * counters at the end show how many.
 *
 *     group_commit DATABASE
 */
#include <pthread.h>

#include "example.h"

#define THREADS 8
#define COMMITS 200 /* a thread */

struct worker {
    quire_db *db;
    int64_t first;
};

static void *work(void *context)
{
    struct worker *worker = context;
    for (int64_t i = 0; i < COMMITS; i++) {
        quire_txn *txn;
        quire_tree *tree;
        int64_t rowid = worker->first + i;
        MUST(quire_begin(worker->db, QUIRE_WRITE, &txn, &err));
        MUST(quire_tree_open(txn, "events", &tree, &err));
        MUST(quire_tree_insert(tree, rowid, &rowid, sizeof rowid, &err));
        quire_tree_close(tree);
        MUST(quire_commit(txn, &err)); /* returns when the row would survive a power cut */
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    quire_stats before = {.size = sizeof before};
    quire_stats after = {.size = sizeof after};
    quire_db *db;
    quire_txn *txn;
    quire_tree *tree;
    uint64_t rows;

    MUST(quire_open(argc > 1 ? argv[1] : "events.quire", NULL, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_create(txn, "events", &err));
    MUST(quire_commit(txn, &err));

    MUST(quire_get_stats(db, &before, &err));
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){db, 1 + (int64_t)i * COMMITS};
        EXPECT(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    MUST(quire_get_stats(db, &after, &err));

    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    MUST(quire_tree_open(txn, "events", &tree, &err));
    MUST(quire_tree_count(tree, &rows, &err));
    quire_tree_close(tree);
    quire_rollback(txn);
    EXPECT(rows == THREADS * COMMITS);
    printf("%llu commits in %llu groups\n", (unsigned long long)(after.commits - before.commits),
           (unsigned long long)(after.groups - before.groups));
    EXPECT(after.groups - before.groups < after.commits - before.commits);
    MUST(quire_close(db, &err));
    return 0;
}
