/*
 * Typed tables: rows as records, with their index entries.
 *
 * A write has two halves. The first checks everything that can be refused -
 * types, nulls, sizes, unique keys - and writes nothing; the second writes row
 * and entries as one statement, which is undone if it fails half way. So a row
 * that fails leaves no trace, and the transaction goes on.
 *
 * For each index the handle keeps two key buffers, for the row before and after
 * a change; an update touches only indexes whose entry differs.
 */
#include <string.h>

#include "catalog/record.h"
#include "engine/index.h"
#include "engine/trigger.h"

/* One index of an open table. */
struct table_index {
    struct qr_index index;
    struct qr_index_key before, after;
};

struct quire_table {
    struct qr_handle handle; /* first */
    struct qr_tree_reader rows;
    struct qr_tree_edge edge; /* of the rows */
    struct table_index *indexes;
    uint32_t index_count;
    uint32_t epoch; /* that `indexes` was made for */
    uint8_t *record;
    size_t record_capacity;
    struct qr_rowid_counter *counter; /* NULL until first used */
};

/* ---- Open and close ---- */

static void close_indexes(quire_table *table)
{
    for (uint32_t i = 0; i < table->index_count; i++) {
        qr_index_close(&table->indexes[i].index);
        qr_index_key_free(&table->indexes[i].before);
        qr_index_key_free(&table->indexes[i].after);
    }
    qr_free(&table->handle.allocator, table->indexes, table->index_count * sizeof *table->indexes);
    table->indexes = NULL;
    table->index_count = 0;
}

static quire_status open_indexes(quire_table *table, quire_error *err)
{
    const struct qr_table_def *def = table->handle.def;
    struct table_index *indexes =
        qr_alloc_zero(&table->handle.allocator, def->index_count * sizeof *indexes, err);
    if (indexes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < def->index_count; i++) {
        qr_index_key_init(&indexes[i].before, &table->handle.allocator);
        qr_index_key_init(&indexes[i].after, &table->handle.allocator);
    }
    table->indexes = indexes;
    table->index_count = def->index_count;
    for (uint32_t i = 0; i < def->index_count; i++) {
        quire_status status =
            qr_index_open(&indexes[i].index, table->handle.txn, def, &def->indexes[i], err);
        if (status != QUIRE_OK) {
            close_indexes(table);
            return status;
        }
    }
    table->epoch = table->handle.epoch;
    return QUIRE_OK;
}

static void release_table(struct qr_handle *handle)
{
    quire_table *table = (quire_table *)handle;
    qr_tree_reader_free(&table->rows);
    close_indexes(table);
}

quire_status quire_table_open(quire_txn *txn, const char *name, quire_table **out, quire_error *err)
{
    const struct qr_table_def *def;
    if (txn == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_table_open needs a transaction and a place for "
                       "the handle.");
    }
    *out = NULL;
    QR_TRY(qr_check_name(name, "table", err));
    QR_TRY(qr_schema_find(txn, name, &def, err));
    if (def == NULL || def->object->kind != QR_OBJECT_TABLE) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no table \"%s\".", name);
    }
    quire_table *table = qr_alloc_zero(&txn->db->allocator, sizeof *table, err);
    if (table == NULL) {
        return QUIRE_NO_MEMORY;
    }
    struct qr_tree rows = qr_table_rows(txn, def);
    quire_status status = qr_tree_reader_init(&table->rows, &rows, err);
    if (status != QUIRE_OK) {
        qr_free(&txn->db->allocator, table, sizeof *table);
        return status;
    }
    table->rows.tree.edge = &table->edge;
    qr_handle_open(&table->handle, txn, def, release_table);
    status = open_indexes(table, err);
    if (status != QUIRE_OK) {
        quire_table_close(table);
        return status;
    }
    *out = table;
    return QUIRE_OK;
}

void quire_table_close(quire_table *table)
{
    if (table == NULL) {
        return;
    }
    qr_handle_close(&table->handle);
    quire_allocator allocator = table->handle.allocator;
    qr_free(&allocator, table->record, table->record_capacity);
    qr_free(&allocator, table, sizeof *table);
}

/* Every call begins here. */
static quire_status check_table(quire_table *table, quire_error *err)
{
    if (table == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a table.");
    }
    QR_TRY(qr_handle_check(&table->handle, err));
    if (table->epoch != table->handle.epoch) {
        close_indexes(table);
        QR_TRY(open_indexes(table, err));
    }
    return QUIRE_OK;
}

static quire_status check_write(quire_table *table, quire_error *err)
{
    QR_TRY(check_table(table, err));
    return qr_txn_check_writable(table->handle.txn, err);
}

/* Whether the change goes through triggers. */
static bool fires(const quire_table *table, quire_trigger_event event)
{
    return (table->handle.def->trigger_events & event) != 0;
}

/* ---- Definition ---- */

static const struct qr_object *object_of(const quire_table *table)
{
    return table == NULL || table->handle.def == NULL ? NULL : table->handle.def->object;
}

uint32_t quire_table_column_count(const quire_table *table)
{
    const struct qr_object *object = object_of(table);
    return object == NULL ? 0 : object->column_count;
}

const quire_column *quire_table_column(const quire_table *table, uint32_t column)
{
    const struct qr_object *object = object_of(table);
    return object == NULL || column >= object->column_count ? NULL : &object->columns[column];
}

int quire_table_find_column(const quire_table *table, const char *name)
{
    const struct qr_object *object = object_of(table);
    for (uint32_t i = 0; object != NULL && name != NULL && i < object->column_count; i++) {
        if (strcmp(object->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

uint32_t quire_table_index_count(const quire_table *table)
{
    return object_of(table) == NULL ? 0 : table->handle.def->ready_count;
}

const quire_index_def *quire_table_index(const quire_table *table, uint32_t index)
{
    return index >= quire_table_index_count(table) ? NULL
                                                   : &table->handle.def->indexes[index].names;
}

bool quire_table_index_covers(const quire_table *table, uint32_t index, uint32_t column)
{
    return index < quire_table_index_count(table) &&
           qr_index_covers(object_of(table), table->handle.def->indexes[index].object, column);
}

uint32_t quire_table_trigger_count(const quire_table *table)
{
    return object_of(table) == NULL ? 0 : table->handle.def->trigger_count;
}

const quire_trigger_def *quire_table_trigger(const quire_table *table, uint32_t trigger)
{
    return trigger >= quire_table_trigger_count(table) ? NULL
                                                       : &table->handle.def->triggers[trigger];
}

const struct qr_table_def *qr_table_definition(const quire_table *table)
{
    return table->handle.def;
}

uint32_t qr_table_id(const quire_table *table)
{
    const struct qr_object *object = object_of(table);
    return object == NULL ? 0 : object->id;
}

quire_txn *qr_table_txn(const quire_table *table)
{
    return table->handle.txn;
}

/* ---- Checking a row ---- */

static quire_status check_value(const struct qr_object *object, uint32_t i,
                                const quire_value *value, quire_error *err)
{
    const quire_column *column = &object->columns[i];
    if (value->type == QUIRE_NULL) {
        return column->not_null ? qr_fail(err, QUIRE_NOT_NULL, "\"%s.%s\" may not be null.",
                                          object->name, column->name)
                                : QUIRE_OK;
    }
    if (value->type != column->type) {
        return qr_fail(err, QUIRE_TYPE, "\"%s.%s\" is of type %s and cannot hold a value of %s.",
                       object->name, column->name, qr_type_name(column->type),
                       qr_type_name(value->type));
    }
    if (value->size > QR_PAYLOAD_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "The value for \"%s.%s\" is over the limit of %zu bytes.",
                       object->name, column->name, QR_PAYLOAD_MAX);
    }
    if (!qr_value_valid(value)) {
        return qr_fail(err, QUIRE_TYPE, "The value for \"%s.%s\" is no well-formed %s.",
                       object->name, column->name, column->type == QUIRE_TEXT ? "UTF-8" : "record");
    }
    return QUIRE_OK;
}

static quire_status check_row(quire_table *table, const quire_value *values, uint32_t count,
                              quire_error *err)
{
    const struct qr_object *object = table->handle.def->object;
    const quire_value missing = quire_null();
    if (count > object->column_count || (values == NULL && count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "Table \"%s\" has %u columns, not %u.", object->name,
                       object->column_count, count);
    }
    for (uint32_t i = 0; i < object->column_count; i++) {
        QR_TRY(check_value(object, i, i < count ? &values[i] : &missing, err));
    }
    return QUIRE_OK;
}

static quire_status encode_row(quire_table *table, const quire_value *values, uint32_t count,
                               size_t *size, quire_error *err)
{
    *size = quire_record_size(values, count);
    if (*size > QR_PAYLOAD_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A row of %zu bytes is over the limit of %zu.", *size,
                       QR_PAYLOAD_MAX);
    }
    QR_TRY(
        qr_grow(&table->handle.allocator, &table->record, &table->record_capacity, *size, 1, err));
    (void)quire_record_encode(values, count, table->record);
    return QUIRE_OK;
}

static quire_status check_unique(struct table_index *slot, quire_error *err)
{
    bool conflict;
    int64_t other;
    QR_TRY(qr_index_conflict(&slot->index, &slot->after, &conflict, &other, err));
    if (conflict) {
        char values[256];
        qr_index_describe(&slot->index, &slot->after.full, values, sizeof values);
        return qr_fail(err, QUIRE_UNIQUE,
                       "Row %lld of \"%s\" already has the key %s of unique index \"%s\".",
                       (long long)other, slot->index.table->object->name, values,
                       slot->index.def->object->name);
    }
    return QUIRE_OK;
}

/* ---- Rowids ---- */

static quire_status read_largest(quire_table *table, int64_t *largest, quire_error *err)
{
    struct qr_tree_cursor *cursor;
    struct qr_tree_key key;
    bool valid;
    *largest = 0;
    QR_TRY(qr_tree_cursor_open(&table->rows.tree, &cursor, err));
    quire_status status = qr_tree_cursor_last(cursor, &valid, err);
    if (status == QUIRE_OK && valid) {
        status = qr_tree_cursor_key(cursor, &key, err);
        *largest = status == QUIRE_OK && key.rowid > 0 ? key.rowid : 0;
    }
    qr_tree_cursor_close(cursor);
    return status;
}

/* The transaction's memory of the table's largest rowid; it goes down only with a savepoint. */
static quire_status find_counter(quire_table *table, quire_error *err)
{
    quire_txn *txn = table->handle.txn;
    uint32_t id = table->handle.def->object->id;
    struct qr_rowid_counter *counter = txn->counters;
    while (counter != NULL && counter->tree_id != id) {
        counter = counter->next;
    }
    if (counter != NULL && counter->stale) {
        QR_TRY(read_largest(table, &counter->largest, err));
        counter->stale = false;
    }
    if (counter == NULL) {
        int64_t largest;
        QR_TRY(read_largest(table, &largest, err));
        counter = qr_alloc(&txn->db->allocator, sizeof *counter, err);
        if (counter == NULL) {
            return QUIRE_NO_MEMORY;
        }
        *counter =
            (struct qr_rowid_counter){.next = txn->counters, .tree_id = id, .largest = largest};
        txn->counters = counter;
    }
    table->counter = counter;
    return QUIRE_OK;
}

static quire_status choose_rowid(quire_table *table, int64_t *rowid, quire_error *err)
{
    if (table->counter == NULL || table->counter->stale) {
        QR_TRY(find_counter(table, err));
    }
    if (*rowid == 0) {
        if (table->counter->largest == INT64_MAX) {
            return qr_fail(err, QUIRE_LIMIT,
                           "Table \"%s\" has a row with the largest rowid; give one explicitly.",
                           table->handle.def->object->name);
        }
        *rowid = table->counter->largest + 1;
    }
    return QUIRE_OK;
}

/* ---- Insert ---- */

/* Tells the change feed of a row: before and after, NULL where there is none. */
static inline void note_change(quire_table *table, int64_t rowid, const struct qr_slice *before,
                               const struct qr_slice *after)
{
    static const struct qr_slice none = {NULL, 0};
    quire_txn *txn = table->handle.txn;
    if (txn->changes.on) {
        before = before == NULL ? &none : before;
        after = after == NULL ? &none : after;
        struct qr_row_images images = {before->data, after->data, before->size, after->size};
        qr_changes_note(&txn->changes, &txn->db->allocator, table->handle.def->object, rowid,
                        &images);
    }
}

static quire_status write_new_row(quire_table *table, int64_t rowid, size_t size, quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool existed;
    QR_TRY(qr_tree_put(&table->rows.tree, &key, table->record, size, QR_PUT_INSERT, &existed, err));
    if (existed) {
        return qr_fail(err, QUIRE_UNIQUE, "Table \"%s\" has a row %lld already.",
                       table->handle.def->object->name, (long long)rowid);
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        struct table_index *slot = &table->indexes[i];
        QR_TRY(qr_index_insert(&slot->index, &slot->after, rowid, err));
    }
    return QUIRE_OK;
}

quire_status qr_table_insert_row(quire_table *table, int64_t *rowid, const quire_value *values,
                                 uint32_t count, quire_error *err)
{
    size_t size;
    struct qr_statement statement;
    int64_t chosen = rowid == NULL ? 0 : *rowid;
    QR_TRY(check_row(table, values, count, err));
    QR_TRY(encode_row(table, values, count, &size, err));
    QR_TRY(choose_rowid(table, &chosen, err));
    for (uint32_t i = 0; i < table->index_count; i++) {
        struct table_index *slot = &table->indexes[i];
        QR_TRY(qr_index_key_from_row(&slot->index, values, count, &slot->after, err));
        slot->after.absent |= !qr_index_reaches(&slot->index, chosen);
        QR_TRY(check_unique(slot, err));
    }
    QR_TRY(qr_statement_begin(table->handle.txn, &statement, err));
    note_change(table, chosen, NULL, &(struct qr_slice){table->record, size});
    quire_status status = write_new_row(table, chosen, size, err);
    QR_TRY(qr_statement_end(table->handle.txn, &statement, status));
    if (chosen > table->counter->largest) {
        table->counter->largest = chosen;
    }
    if (rowid != NULL) {
        *rowid = chosen;
    }
    return QUIRE_OK;
}

quire_status quire_table_insert(quire_table *table, int64_t *rowid, const quire_value *values,
                                uint32_t count, quire_error *err)
{
    QR_TRY(check_write(table, err));
    return fires(table, QUIRE_ON_INSERT) ? qr_trigger_insert(table, rowid, values, count, err)
                                         : qr_table_insert_row(table, rowid, values, count, err);
}

/* ---- Update and delete ---- */

static quire_status find_row(quire_table *table, int64_t rowid, struct qr_slice *record,
                             bool *found, quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    return qr_tree_find(&table->rows, &key, record, found, err);
}

/* Makes the keys of the row as it is stored. */
static quire_status read_keys_before(quire_table *table, int64_t rowid, struct qr_slice record,
                                     quire_error *err)
{
    for (uint32_t i = 0; i < table->index_count; i++) {
        struct table_index *slot = &table->indexes[i];
        QR_TRY(
            qr_index_key_from_record(&slot->index, record.data, record.size, &slot->before, err));
        slot->before.absent |= !qr_index_reaches(&slot->index, rowid);
    }
    return QUIRE_OK;
}

/* Makes the keys of the row as it will be, from its new record: by now the values may be gone, if
 * they were lent by this table. */
static quire_status make_keys_after(quire_table *table, int64_t rowid, size_t size,
                                    quire_error *err)
{
    for (uint32_t i = 0; i < table->index_count; i++) {
        struct table_index *slot = &table->indexes[i];
        QR_TRY(qr_index_key_from_record(&slot->index, table->record, size, &slot->after, err));
        slot->after.absent |= !qr_index_reaches(&slot->index, rowid);
        if (!qr_index_key_same(&slot->before, &slot->after)) {
            QR_TRY(check_unique(slot, err));
        }
    }
    return QUIRE_OK;
}

static quire_status write_changed_row(quire_table *table, int64_t rowid, size_t size,
                                      quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool existed;
    QR_TRY(
        qr_tree_put(&table->rows.tree, &key, table->record, size, QR_PUT_REPLACE, &existed, err));
    for (uint32_t i = 0; i < table->index_count; i++) {
        struct table_index *slot = &table->indexes[i];
        QR_TRY(qr_index_update(&slot->index, &slot->before, &slot->after, rowid, err));
    }
    return QUIRE_OK;
}

quire_status qr_table_update_row(quire_table *table, int64_t rowid, const quire_value *values,
                                 uint32_t count, bool *found, quire_error *err)
{
    struct qr_slice record;
    size_t size;
    struct qr_statement statement;
    bool present;
    QR_TRY(check_row(table, values, count, err));
    QR_TRY(encode_row(table, values, count, &size, err));
    QR_TRY(find_row(table, rowid, &record, &present, err));
    if (found != NULL) {
        *found = present;
    }
    if (!present) {
        return QUIRE_OK;
    }
    QR_TRY(read_keys_before(table, rowid, record, err));
    QR_TRY(make_keys_after(table, rowid, size, err));
    QR_TRY(qr_statement_begin(table->handle.txn, &statement, err));
    note_change(table, rowid, &record, &(struct qr_slice){table->record, size});
    quire_status status = write_changed_row(table, rowid, size, err);
    return qr_statement_end(table->handle.txn, &statement, status);
}

quire_status quire_table_update(quire_table *table, int64_t rowid, const quire_value *values,
                                uint32_t count, bool *found, quire_error *err)
{
    QR_TRY(check_write(table, err));
    return fires(table, QUIRE_ON_UPDATE)
               ? qr_trigger_update(table, rowid, values, count, found, err)
               : qr_table_update_row(table, rowid, values, count, found, err);
}

static quire_status remove_row(quire_table *table, int64_t rowid, quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool existed;
    for (uint32_t i = 0; i < table->index_count; i++) {
        struct table_index *slot = &table->indexes[i];
        QR_TRY(qr_index_delete(&slot->index, &slot->before, rowid, err));
    }
    return qr_tree_delete(&table->rows.tree, &key, &existed, err);
}

quire_status qr_table_delete_row(quire_table *table, int64_t rowid, bool *found, quire_error *err)
{
    struct qr_slice record;
    struct qr_statement statement;
    bool present;
    QR_TRY(find_row(table, rowid, &record, &present, err));
    if (found != NULL) {
        *found = present;
    }
    if (!present) {
        return QUIRE_OK;
    }
    QR_TRY(read_keys_before(table, rowid, record, err));
    QR_TRY(qr_statement_begin(table->handle.txn, &statement, err));
    note_change(table, rowid, &record, NULL);
    quire_status status = remove_row(table, rowid, err);
    return qr_statement_end(table->handle.txn, &statement, status);
}

quire_status quire_table_delete(quire_table *table, int64_t rowid, bool *found, quire_error *err)
{
    QR_TRY(check_write(table, err));
    return fires(table, QUIRE_ON_DELETE) ? qr_trigger_delete(table, rowid, found, err)
                                         : qr_table_delete_row(table, rowid, found, err);
}

/* ---- Reading ---- */

quire_status quire_table_get(quire_table *table, int64_t rowid, const void **record, size_t *size,
                             bool *found, quire_error *err)
{
    struct qr_slice slice = {NULL, 0};
    QR_TRY(check_table(table, err));
    QR_TRY(find_row(table, rowid, &slice, found, err));
    *record = slice.data;
    *size = slice.size;
    return QUIRE_OK;
}

quire_status quire_table_row_count(quire_table *table, uint64_t *rows, quire_error *err)
{
    QR_TRY(check_table(table, err));
    return qr_tree_count(&table->rows.tree, rows, err);
}

quire_status quire_table_cursor(quire_table *table, quire_cursor **out, quire_error *err)
{
    if (out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_table_cursor needs a place for the cursor.");
    }
    *out = NULL;
    QR_TRY(check_table(table, err));
    return qr_cursor_make(table->handle.txn, table->handle.def, out, err);
}

quire_status qr_table_fetch(quire_table *table, const int64_t *rowids, size_t count,
                            qr_tree_visit visit, void *context, quire_error *err)
{
    QR_TRY(check_table(table, err));
    return qr_tree_find_many(&table->rows, rowids, count, visit, context, err);
}

quire_status qr_table_fetch_runs(quire_table *table, const int64_t *rowids, size_t count,
                                 qr_tree_visit_run visit, void *context, quire_error *err)
{
    QR_TRY(check_table(table, err));
    return qr_tree_find_runs(&table->rows, rowids, count, visit, context, err);
}

struct each_row {
    quire_row_callback each;
    void *context;
};

static quire_status visit_row(void *context, size_t index, struct qr_slice payload,
                              quire_error *err)
{
    const struct each_row *row = context;
    return row->each(row->context, index, payload.data, payload.size, err);
}

quire_status quire_table_get_many(quire_table *table, const int64_t *rowids, size_t count,
                                  quire_row_callback each, void *context, quire_error *err)
{
    struct each_row row = {each, context};
    if (each == NULL || (rowids == NULL && count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "quire_table_get_many needs rowids and a callback.");
    }
    return qr_table_fetch(table, rowids, count, visit_row, &row, err);
}

static quire_status check_index(quire_table *table, uint32_t index, quire_error *err)
{
    QR_TRY(check_table(table, err));
    uint32_t count = table->handle.def->ready_count;
    if (index >= count) {
        return qr_fail(err, QUIRE_MISUSE, "Table \"%s\" has %u indexes; there is no number %u.",
                       table->handle.def->object->name, count, index);
    }
    return QUIRE_OK;
}

quire_status quire_index_cursor_open(quire_table *table, uint32_t index,
                                     const quire_index_range *range, quire_index_cursor **out,
                                     quire_error *err)
{
    if (out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_index_cursor_open needs a place for the cursor.");
    }
    *out = NULL;
    QR_TRY(check_index(table, index, err));
    return qr_index_cursor_make(table->handle.txn, table->handle.def, index, range, out, err);
}

quire_status qr_table_find_unique(quire_table *table, uint32_t index, const quire_value *values,
                                  uint32_t count, int64_t *rowid, bool *found, quire_error *err)
{
    QR_TRY(check_index(table, index, err));
    struct table_index *slot = &table->indexes[index];
    const struct qr_object *object = slot->index.def->object;
    if (!object->unique || count != object->key_count) {
        return qr_fail(err, QUIRE_MISUSE, "Index \"%s\" is not unique over %u columns.",
                       object->name, count);
    }
    QR_TRY(qr_index_key_from_values(&slot->index, values, &slot->after, err));
    return qr_index_conflict(&slot->index, &slot->after, found, rowid, err);
}

quire_status qr_table_index_estimate(quire_table *table, uint32_t index,
                                     const quire_index_range *range, uint64_t *entries,
                                     quire_error *err)
{
    quire_index_cursor *cursor;
    QR_TRY(quire_index_cursor_open(table, index, range, &cursor, err));
    quire_status status = qr_index_cursor_estimate(cursor, entries, err);
    quire_index_cursor_close(cursor);
    return status;
}

quire_status qr_table_index_entries(quire_table *table, uint32_t index, uint64_t *entries,
                                    quire_error *err)
{
    QR_TRY(check_index(table, index, err));
    return qr_index_count(&table->indexes[index].index, entries, err);
}
