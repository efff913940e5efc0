#include "engine_fixture.h"

#include <string.h>

quire_db *memory_db(uint32_t page_size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.page_size = page_size;
    options.cache_bytes = UINT64_C(64) << 20;
    OK(quire_open(":memory:", &options, &db, &err));
    return db;
}

void close_db(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_close(db, &err));
}

quire_txn *begin_write(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    return txn;
}

quire_txn *begin_read(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    return txn;
}

void commit(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_commit(txn, &err));
}

void create_users(quire_txn *txn)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true},
                                           {"age", QUIRE_INT, false},
                                           {"score", QUIRE_FLOAT, false},
                                           {"tags", QUIRE_LIST, false}};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_table_create(txn, "users", columns, 4, &err));
}

int64_t add_user(quire_table *table, const char *name, int64_t age)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value values[] = {quire_text(name), quire_int(age)};
    int64_t rowid = 0;
    OK(quire_table_insert(table, &rowid, values, 2, &err));
    return rowid;
}

quire_status add_index(quire_txn *txn, const char *table, const char *name, quire_index_kind kind,
                       bool unique, const char *first, const char *second, quire_error *err)
{
    quire_index_column columns[] = {{.name = first}, {.name = second}};
    quire_index_def def = {.name = name,
                           .kind = kind,
                           .unique = unique,
                           .columns = columns,
                           .column_count = second == NULL ? 1 : 2};
    return quire_index_create(txn, table, &def, err);
}

size_t scan(quire_table *table, uint32_t index, const quire_index_range *range, int64_t *rowids,
            size_t room)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_cursor *cursor;
    size_t count = 0;
    bool valid = true;
    OK(quire_index_cursor_open(table, index, range, &cursor, &err));
    while (true) {
        int64_t rowid;
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        if (!valid) {
            break;
        }
        if (count < room) {
            rowids[count] = rowid;
        }
        count++;
    }
    OK(quire_index_cursor_next(cursor, &(int64_t){0}, &valid, &err));
    cr_assert_not(valid);
    quire_index_cursor_close(cursor);
    return count;
}

uint32_t index_number(const quire_table *table, const char *name)
{
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        if (strcmp(quire_table_index(table, i)->name, name) == 0) {
            return i;
        }
    }
    cr_assert_fail("no index %s", name);
    return 0;
}
