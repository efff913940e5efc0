/*
 * A backup while another thread commits: the copy is one commit's state, sound
 * on its own, and the writer went on meanwhile.
 *
 *     online_backup DATABASE COPY
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "example.h"

static atomic_bool stop;
static atomic_ullong commits;

static void *write_on(void *context)
{
    quire_db *db = context;
    for (int64_t rowid = 100000; !atomic_load(&stop); rowid++) {
        quire_txn *txn;
        quire_tree *tree;
        MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
        MUST(quire_tree_open(txn, "rows", &tree, &err));
        MUST(quire_tree_insert(tree, rowid, "later", 5, &err));
        quire_tree_close(tree);
        MUST(quire_commit(txn, &err));
        atomic_fetch_add(&commits, 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *path = argc > 2 ? argv[1] : "live.quire";
    const char *copy = argc > 2 ? argv[2] : "copy.quire";
    quire_options options = QUIRE_OPTIONS_INIT;
    pthread_t writer;
    char payload[200];
    quire_db *db;
    quire_txn *txn;
    quire_tree *tree;
    uint64_t rows;
    quire_report *report;

    options.durability = QUIRE_DURABILITY_NORMAL;
    MUST(quire_open(path, &options, &db, &err));
    memset(payload, 'x', sizeof payload);
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_create(txn, "rows", &err));
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t i = 1; i <= 20000; i++) {
        MUST(quire_tree_insert(tree, i, payload, sizeof payload, &err));
    }
    quire_tree_close(tree);
    MUST(quire_commit(txn, &err));

    EXPECT(pthread_create(&writer, NULL, write_on, db) == 0);
    while (atomic_load(&commits) == 0) {
        sched_yield(); /* until the writer is at work */
    }
    MUST(quire_backup(db, copy, NULL, &err));
    atomic_store(&stop, true);
    pthread_join(writer, NULL);
    MUST(quire_close(db, &err));

    MUST(quire_inspect_database(copy, &report, &err));
    EXPECT(quire_report_severity(report) != QUIRE_SEVERITY_ERROR);
    quire_report_free(report);
    MUST(quire_open(copy, NULL, &db, &err));
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    MUST(quire_tree_count(tree, &rows, &err));
    EXPECT(rows >= 20000);
    printf("the copy has %llu rows; %llu commits were made beside it\n", (unsigned long long)rows,
           (unsigned long long)atomic_load(&commits));
    quire_tree_close(tree);
    quire_rollback(txn);
    MUST(quire_close(db, &err));
    return 0;
}
