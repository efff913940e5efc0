/*
 * The rows of a table against its columns. The tree is sound: rows are read
 * with a cursor, one at a time.
 */
#include "catalog/record.h"
#include "engine/inspect_internal.h"

/* The row being looked at. */
struct row_place {
    struct qr_inspection *inspection;
    const struct qr_object *table;
    uint32_t page;
    int64_t rowid;
};

static void complain(const struct row_place *row, enum qr_inspect_code code, const char *what)
{
    qr_report_issue(row->inspection->report, code, row->page,
                    (uint64_t)row->page * row->inspection->page_size, row->table->name,
                    "row %lld: %s", (long long)row->rowid, what);
}

static void check_columns(const struct row_place *row, const quire_value *values)
{
    const struct qr_object *table = row->table;
    for (uint32_t i = 0; i < table->column_count; i++) {
        const quire_column *column = &table->columns[i];
        if (values[i].type == QUIRE_NULL && column->not_null) {
            complain(row, QR_INSPECT_ROW_NOT_NULL, column->name);
        } else if (values[i].type != QUIRE_NULL && values[i].type != column->type) {
            complain(row, QR_INSPECT_ROW_TYPE, column->name);
        }
    }
}

static void check_row(const struct row_place *row, struct qr_slice record, quire_value *values)
{
    quire_error detail = QUIRE_ERROR_INIT;
    uint32_t columns;
    if (quire_record_check(record.data, record.size, &columns, &detail) != QUIRE_OK ||
        qr_record_decode(record.data, record.size, values, row->table->column_count, &detail) !=
            QUIRE_OK) {
        complain(row, QR_INSPECT_ROW_DECODE, detail.message);
    } else if (columns > row->table->column_count) {
        complain(row, QR_INSPECT_ROW_DECODE, "it has more columns than the table");
    } else {
        check_columns(row, values);
    }
}

static quire_status walk_rows(struct row_place *row, struct qr_tree_cursor *cursor,
                              quire_value *values, quire_error *err)
{
    bool valid;
    QR_TRY(qr_tree_cursor_first(cursor, &valid, err));
    while (valid) {
        struct qr_tree_key key;
        struct qr_slice record;
        QR_TRY(qr_tree_cursor_key(cursor, &key, err));
        row->page = qr_tree_cursor_page(cursor);
        row->rowid = key.rowid;
        QR_TRY(qr_tree_cursor_payload(cursor, &record, err));
        check_row(row, record, values);
        QR_TRY(qr_tree_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

quire_status qr_inspection_rows(struct qr_inspection *inspection, const struct qr_object *table,
                                quire_error *err)
{
    struct row_place row = {.inspection = inspection, .table = table};
    struct qr_tree tree = qr_inspection_tree_of(inspection, table->root, table->id, QR_TREE_ROWS);
    struct qr_tree_cursor *cursor = NULL;
    size_t size = table->column_count * sizeof(quire_value);
    quire_value *values = qr_alloc(inspection->allocator, size, err);
    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_tree_cursor_open(&tree, &cursor, err);
    if (status == QUIRE_OK) {
        status = walk_rows(&row, cursor, values, err);
        qr_tree_cursor_close(cursor);
    }
    qr_free(inspection->allocator, values, size);
    return status;
}
