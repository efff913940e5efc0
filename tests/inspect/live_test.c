/*
 * Inspections by path beside a writer: they see whole states and do not
 * disturb it.
 */
#include "inspect_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/temp_dir.h"

#define COMMITS 400

struct writer {
    char path[256];
    quire_db *db;
    atomic_bool done;
};

static void write_once(quire_db *db, int i)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_table *table;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_table_open(txn, "things", &table, &err));
    for (int j = 0; j < 5; j++) {
        char name[64];
        int64_t rowid = 0;
        bool found;
        (void)snprintf(name, sizeof name, "thing %d of %d", j, i);
        quire_value values[] = {quire_text(name), quire_int(i)};
        OK(quire_table_insert(table, &rowid, values, 2, &err));
        OK(quire_table_delete(table, rowid - 37, &found, &err));
    }
    quire_table_close(table);
    OK(quire_commit(txn, &err));
}

static void *write_all(void *context)
{
    struct writer *writer = context;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < COMMITS; i++) {
        write_once(writer->db, i);
        if (i % 20 == 19) {
            OK(quire_checkpoint(writer->db, &err));
        }
    }
    atomic_store(&writer->done, true);
    return NULL;
}

static void create(struct writer *writer)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"number", QUIRE_INT, true}};
    static const quire_index_column name[] = {{.name = "name"}};
    static const quire_index_column number[] = {{.name = "number"}};
    quire_index_def by_name = {.name = "by_name",
                               .kind = QUIRE_INDEX_BTREE,
                               .unique = true,
                               .columns = name,
                               .column_count = 1};
    quire_index_def by_number = {
        .name = "by_number", .kind = QUIRE_INDEX_HASH, .columns = number, .column_count = 1};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_txn *txn;
    options.page_size = WORLD_PAGE;
    options.durability = QUIRE_DURABILITY_OFF;
    OK(quire_open(writer->path, &options, &writer->db, &err));
    OK(quire_begin(writer->db, QUIRE_WRITE, &txn, &err));
    OK(quire_table_create(txn, "things", columns, 2, &err));
    OK(quire_index_create(txn, "things", &by_name, &err));
    OK(quire_index_create(txn, "things", &by_number, &err));
    OK(quire_commit(txn, &err));
}

/* A report without damage, or a state that was overtaken. */
static void judge(quire_status status, quire_report *report, const quire_error *err)
{
    cr_assert(status == QUIRE_OK || status == QUIRE_SNAPSHOT_TOO_OLD, "%s: %s",
              quire_status_name(status), err->message);
    if (status == QUIRE_OK) {
        cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_INFO, "%s",
                     quire_report_text(report));
        quire_report_free(report);
    }
}

static void inspect_all(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    quire_status status = quire_inspect_database(path, &report, &err);
    judge(status, report, &err);
    status = quire_inspect_indexes(path, NULL, &report, &err);
    judge(status, report, &err);
    status = quire_inspect_wal(path, &report, &err);
    judge(status, report, &err);
}

static void inspect_handle(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(quire_inspect_database_open(db, &report, &err));
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_INFO, "%s",
                 quire_report_text(report));
    quire_report_free(report);
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_INFO, "%s",
                 quire_report_text(report));
    quire_report_free(report);
}

Test(inspect_live, inspections__find_nothing_beside_a_writer)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    struct writer writer = {.db = NULL};
    pthread_t thread;
    temp_dir_create(&dir);
    temp_dir_file(&dir, "live.quire", writer.path, sizeof writer.path);
    create(&writer);
    cr_assert_eq(pthread_create(&thread, NULL, write_all, &writer), 0);
    while (!atomic_load(&writer.done)) {
        inspect_all(writer.path);
        inspect_handle(writer.db);
    }
    pthread_join(thread, NULL);
    inspect_all(writer.path);
    inspect_handle(writer.db);
    OK(quire_close(writer.db, &err));
    inspect_all(writer.path);
    temp_dir_remove(&dir);
}
