/*
 * Export: the rows of every type as JSON that the loader's plain form reads
 * back (docs/graphql.md, "Loading"), one row a line, whatever the size of the
 * database in the memory of one row.
 *
 * Rows come in rowid order; references and links are written as the keys of
 * the rows they lead to. Links are written on one side of the relation, where
 * loading makes them again in the order of that side's rows: the side on which
 * that is how they were made. Where they were made in no such order, each row of
 * the owning side keeps the order of its links, and the other side may not.
 * Nulls are written out, so that loading does not put defaults there. One
 * thread, the transaction's.
 */
#include "quire/maintenance.h"

#include "graphql/column.h"
#include "graphql/reader.h"
#include "graphql/schema_store.h"

/* Text handed over at a time, about. */
#define PIECE_BYTES ((size_t)64 << 10)

struct exporter {
    struct qr_reader reader;
    struct qr_arena arena; /* of the reader */
    struct qr_arena row;
    struct qr_json_writer json;
    quire_write_callback write;
    void *context;
    bool *from_target; /* by link table: links are written on the side that does not own them */
    uint64_t rows;
    quire_error *err;
};

/* ---- Text ---- */

/* Text between rows: commas there are put in by hand. */
static void put_text(struct exporter *e, const char *text, size_t size)
{
    e->json.comma = false;
    qr_json_put_raw(&e->json, text, size);
    e->json.comma = false;
}

static quire_status flush(struct exporter *e, size_t from)
{
    if (e->json.status != QUIRE_OK) {
        return e->json.status;
    }
    if (e->json.size < from || e->json.size == 0) {
        return QUIRE_OK;
    }
    QR_TRY(e->write(e->context, e->json.bytes, e->json.size, e->err));
    qr_json_writer_rewind(&e->json, (struct qr_json_mark){.size = 0, .comma = e->json.comma});
    return QUIRE_OK;
}

/* ---- Links ---- */

/* Whether the links of a table were made in the order of the rows of side 0, the owners, and of
 * side 1, the targets. */
static quire_status find_orders(struct exporter *e, quire_cursor *cursor, bool ordered[2])
{
    int64_t last[2] = {INT64_MIN, INT64_MIN};
    bool valid;
    QR_TRY(quire_cursor_next(cursor, &valid, e->err));
    while (valid) {
        const void *record;
        size_t size;
        QR_TRY(quire_cursor_row(cursor, NULL, &record, &size, e->err));
        for (uint32_t side = 0; side < 2; side++) {
            quire_value value;
            QR_TRY(quire_record_column(record, size, side, &value, e->err));
            ordered[side] = ordered[side] && value.as.integer >= last[side];
            last[side] = value.as.integer;
        }
        QR_TRY(quire_cursor_next(cursor, &valid, e->err));
    }
    return QUIRE_OK;
}

/* Chooses the side on which the links of a field are written. */
static quire_status choose_side(struct exporter *e, const struct qr_model_field *field)
{
    quire_table *table;
    quire_cursor *cursor;
    bool ordered[2] = {true, true};
    QR_TRY(qr_reader_links(&e->reader, field, &table));
    QR_TRY(quire_table_cursor(table, &cursor, e->err));
    quire_status status = find_orders(e, cursor, ordered);
    quire_cursor_close(cursor);
    e->from_target[field->link_index] = field->inverse != NULL && !ordered[0] && ordered[1];
    return status;
}

static quire_status choose_sides(struct exporter *e, const struct qr_model *model)
{
    e->from_target = qr_arena_alloc_zero(&e->arena, (model->link_count + 1) * sizeof(bool), e->err);
    if (e->from_target == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < model->type_count; i++) {
        const struct qr_model_type *type = &model->types[i];
        for (uint32_t j = 0; j < type->field_count; j++) {
            const struct qr_model_field *field = &type->fields[j];
            if (field->role == QR_MODEL_LINKS && field->link_owner) {
                QR_TRY(choose_side(e, field));
            }
        }
    }
    return QUIRE_OK;
}

/* ---- Rows ---- */

/* The key of the row that a reference or link leads to. */
static quire_status put_key_of(struct exporter *e, const struct qr_model_field *field,
                               int64_t rowid)
{
    const struct qr_model_type *type = field->target;
    struct qr_row row;
    quire_value key;
    bool found;
    QR_TRY(qr_reader_row(&e->reader, type, rowid, &row, &found));
    if (!found) {
        return qr_fail(
            e->err, QUIRE_CORRUPT,
            "%s.%.*s leads to row %lld of %s, which does not exist; run 'quire inspect'.",
            field->owner->table, QR_GQL_FMT(field->name), (long long)rowid, type->table);
    }
    QR_TRY(qr_reader_column(&e->reader, &row, type->key, &key));
    return qr_column_to_json(type->key, &key, &e->json, e->err);
}

static quire_status put_reference(struct exporter *e, const struct qr_model_field *field,
                                  const struct qr_row *row)
{
    quire_value value;
    QR_TRY(qr_reader_column(&e->reader, row, field, &value));
    if (value.type != QUIRE_INT) {
        qr_json_put_null(&e->json);
        return QUIRE_OK;
    }
    return put_key_of(e, field, value.as.integer);
}

static quire_status put_links(struct exporter *e, const struct qr_model_field *field, int64_t rowid)
{
    struct qr_link_walk walk;
    int64_t link;
    int64_t target;
    bool valid = true;
    qr_json_begin_array(&e->json);
    quire_status status = qr_link_walk_open(&e->reader, field, false, &walk);
    if (status == QUIRE_OK) {
        status = qr_link_walk_start(&walk, rowid);
    }
    while (status == QUIRE_OK && valid) {
        status = qr_link_walk_next(&walk, &link, &target, &valid);
        if (status == QUIRE_OK && valid) {
            status = put_key_of(e, field, target);
        }
    }
    qr_link_walk_close(&walk);
    qr_json_end_array(&e->json);
    return status;
}

static quire_status put_field(struct exporter *e, const struct qr_model_field *field,
                              const struct qr_row *row)
{
    quire_value value;
    bool links =
        field->role == QR_MODEL_LINKS && field->link_owner != e->from_target[field->link_index];
    if (field->role != QR_MODEL_COLUMN && field->role != QR_MODEL_REFERENCE && !links) {
        return QUIRE_OK; /* the other side has it */
    }
    qr_json_put_key(&e->json, field->name.data, field->name.size);
    if (links) {
        return put_links(e, field, row->rowid);
    }
    if (field->role == QR_MODEL_REFERENCE) {
        return put_reference(e, field, row);
    }
    QR_TRY(qr_reader_column(&e->reader, row, field, &value));
    return qr_column_to_json(field, &value, &e->json, e->err);
}

static quire_status put_row(struct exporter *e, const struct qr_model_type *type,
                            const struct qr_row *row)
{
    qr_json_begin_object(&e->json);
    for (uint32_t i = 0; i < type->field_count; i++) {
        QR_TRY(put_field(e, &type->fields[i], row));
    }
    qr_json_end_object(&e->json);
    e->rows++;
    return flush(e, PIECE_BYTES);
}

static quire_status put_rows(struct exporter *e, const struct qr_model_type *type,
                             quire_cursor *cursor)
{
    bool valid;
    bool first = true;
    QR_TRY(quire_cursor_next(cursor, &valid, e->err));
    while (valid) {
        struct qr_row row = {0};
        const void *record;
        QR_TRY(quire_cursor_row(cursor, &row.rowid, &record, &row.size, e->err));
        row.record = record;
        qr_arena_reset(&e->row);
        put_text(e, first ? "\n    " : ",\n    ", first ? 5 : 6);
        QR_TRY(put_row(e, type, &row));
        first = false;
        QR_TRY(quire_cursor_next(cursor, &valid, e->err));
    }
    if (!first) {
        put_text(e, "\n  ", 3);
    }
    return QUIRE_OK;
}

static quire_status put_type(struct exporter *e, const struct qr_model_type *type)
{
    quire_table *table;
    quire_cursor *cursor;
    put_text(e, type->index == 0 ? "\n  " : ",\n  ", type->index == 0 ? 3 : 4);
    qr_json_put_string(&e->json, type->name.data, type->name.size);
    put_text(e, ": [", 3);
    e->reader.arena = &e->arena; /* holds the table's handle to the end */
    QR_TRY(qr_reader_own_table(&e->reader, type, &table));
    e->reader.arena = &e->row;
    QR_TRY(quire_table_cursor(table, &cursor, e->err));
    quire_status status = put_rows(e, type, cursor);
    quire_cursor_close(cursor);
    put_text(e, "]", 1);
    return status;
}

/* ---- The whole ---- */

static quire_status put_all(struct exporter *e, const struct qr_model *model)
{
    QR_TRY(choose_sides(e, model));
    put_text(e, "{", 1);
    for (uint32_t i = 0; i < model->type_count; i++) {
        QR_TRY(put_type(e, &model->types[i]));
    }
    put_text(e, "\n}\n", 3);
    return flush(e, 0);
}

static quire_status export_from(quire_txn *txn, const struct qr_api *api, struct exporter *e)
{
    const quire_allocator *allocator = qr_db_allocator(qr_txn_database(txn));
    qr_arena_init(&e->arena, allocator, 0);
    qr_arena_init(&e->row, allocator, 0);
    qr_json_writer_init(&e->json, allocator, 0, e->err);
    quire_status status = qr_reader_init(&e->reader, txn, api, &e->arena, e->err);
    if (status == QUIRE_OK) {
        status = put_all(e, api->model);
    }
    qr_reader_close(&e->reader);
    qr_json_writer_free(&e->json);
    qr_arena_free(&e->row);
    qr_arena_free(&e->arena);
    return status;
}

quire_status quire_export(quire_txn *txn, quire_write_callback write, void *context, uint64_t *rows,
                          quire_error *err)
{
    struct exporter e = {.write = write, .context = context, .err = err};
    struct qr_api_use use;
    if (txn == NULL || write == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_export needs a transaction and a callback.");
    }
    QR_TRY(qr_api_acquire(txn, &use, err));
    quire_status status = export_from(txn, use.api, &e);
    qr_api_release(&use);
    if (status == QUIRE_OK && rows != NULL) {
        *rows = e.rows;
    }
    return status;
}
