/*
 * Export: the rows of types as text that the loader reads back
 * (docs/graphql.md, "Exporting"), one row a line, whatever the size of the
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
#include "quire/export.h"

#include "graphql/column.h"
#include "graphql/load.h"
#include "graphql/reader.h"
#include "graphql/schema_store.h"
#include "graphql/sequence.h"

/* Text handed over at a time, about. */
#define PIECE_BYTES ((size_t)64 << 10)

struct exporter {
    struct qr_reader reader;
    struct qr_arena arena; /* of the reader */
    struct qr_arena row;
    struct qr_json_writer out;
    struct qr_json_writer value; /* of a cell, before it is put in quotes */
    const quire_export_options *options;
    quire_export_callback write;
    void *context;
    const char *text_type; /* whose text is being written; NULL: that of all */
    bool *wanted;          /* by type */
    bool *from_target;     /* by link table: links are written on the side that does not own them */
    uint64_t rows;
    quire_error *err;
};

/* ---- Text ---- */

/* Text between values: commas there are put in by hand. */
static void put_bytes(struct exporter *e, const char *text, size_t size)
{
    e->out.comma = false;
    qr_json_put_raw(&e->out, text, size);
    e->out.comma = false;
}

static void put_text(struct exporter *e, const char *text)
{
    put_bytes(e, text, strlen(text));
}

static quire_status flush(struct exporter *e, size_t from)
{
    if (e->out.status != QUIRE_OK) {
        return e->out.status;
    }
    if (e->out.size < from || e->out.size == 0) {
        return QUIRE_OK;
    }
    QR_TRY(e->write(e->context, e->text_type, e->out.bytes, e->out.size, e->err));
    qr_json_writer_rewind(&e->out, (struct qr_json_mark){.size = 0, .comma = e->out.comma});
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
            if (field->role != QR_MODEL_LINKS || !field->link_owner) {
                continue;
            }
            bool other = field->inverse != NULL && e->wanted[field->target->index];
            if (e->wanted[i] && other) {
                QR_TRY(choose_side(e, field));
            } else {
                e->from_target[field->link_index] = other;
            }
        }
    }
    return QUIRE_OK;
}

/* ---- Values ---- */

/* Whether a field is written, not the other side of one that is. */
static bool is_written(const struct exporter *e, const struct qr_model_field *field)
{
    if (field->role == QR_MODEL_LINKS) {
        return field->link_owner != e->from_target[field->link_index];
    }
    return field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE;
}

/* The key of the row that a reference or link leads to. */
static quire_status put_key_of(struct exporter *e, const struct qr_model_field *field,
                               int64_t rowid, struct qr_json_writer *to)
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
    return qr_column_to_json(type->key, &key, to, e->err);
}

static quire_status put_links(struct exporter *e, const struct qr_model_field *field, int64_t rowid,
                              struct qr_json_writer *to)
{
    struct qr_link_walk walk;
    int64_t link;
    int64_t target;
    bool valid = true;
    qr_json_begin_array(to);
    quire_status status = qr_link_walk_open(&e->reader, field, false, &walk);
    if (status == QUIRE_OK) {
        status = qr_link_walk_start(&walk, rowid);
    }
    while (status == QUIRE_OK && valid) {
        status = qr_link_walk_next(&walk, &link, &target, &valid);
        if (status == QUIRE_OK && valid) {
            status = put_key_of(e, field, target, to);
        }
    }
    qr_link_walk_close(&walk);
    qr_json_end_array(to);
    return status;
}

static quire_status put_value(struct exporter *e, const struct qr_model_field *field,
                              const struct qr_row *row, struct qr_json_writer *to)
{
    quire_value value;
    if (field->role == QR_MODEL_LINKS) {
        return put_links(e, field, row->rowid, to);
    }
    QR_TRY(qr_reader_column(&e->reader, row, field, &value));
    if (field->role == QR_MODEL_REFERENCE && value.type == QUIRE_INT) {
        return put_key_of(e, field, value.as.integer, to);
    }
    return qr_column_to_json(field, &value, to, e->err);
}

/* ---- Rows as JSON ---- */

static quire_status put_object(struct exporter *e, const struct qr_model_type *type,
                               const struct qr_row *row)
{
    qr_json_begin_object(&e->out);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (is_written(e, field)) {
            qr_json_put_key(&e->out, field->name.data, field->name.size);
            QR_TRY(put_value(e, field, row, &e->out));
        }
    }
    qr_json_end_object(&e->out);
    return QUIRE_OK;
}

static quire_status put_line(struct exporter *e, const struct qr_model_type *type,
                             const struct qr_row *row)
{
    e->out.comma = false;
    if (e->options->split) {
        QR_TRY(put_object(e, type, row));
    } else {
        qr_json_begin_object(&e->out);
        qr_json_put_key(&e->out, type->name.data, type->name.size);
        QR_TRY(put_object(e, type, row));
        qr_json_end_object(&e->out);
    }
    put_text(e, "\n");
    return QUIRE_OK;
}

/* ---- Rows as CSV ---- */

/* A cell that reads back as this text and not as null. */
static void put_cell(struct exporter *e, struct qr_gql_str text)
{
    bool quoted = text.size == 0;
    for (size_t i = 0; i < text.size && !quoted; i++) {
        quoted = strchr("\",\r\n", text.data[i]) != NULL;
    }
    if (!quoted) {
        put_bytes(e, text.data, text.size);
        return;
    }
    put_text(e, "\"");
    for (size_t at = 0; at < text.size;) {
        const char *quote = memchr(text.data + at, '"', text.size - at);
        size_t end = quote == NULL ? text.size : (size_t)(quote - text.data) + 1;
        put_bytes(e, text.data + at, end - at);
        if (quote != NULL) {
            put_text(e, "\"");
        }
        at = end;
    }
    put_text(e, "\"");
}

/* The text of a JSON string. */
static quire_status string_text(struct exporter *e, struct qr_gql_str json, struct qr_gql_str *text)
{
    struct qr_gql_value value;
    *text = (struct qr_gql_str){json.data + 1, json.size - 2};
    if (memchr(text->data, '\\', text->size) == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_json_read(&e->row, json.data, json.size, 0, &value, e->err));
    *text = value.text;
    return QUIRE_OK;
}

static quire_status put_field_cell(struct exporter *e, const struct qr_model_field *field,
                                   const struct qr_row *row)
{
    static const struct qr_json_mark start = {0, false};
    qr_json_writer_rewind(&e->value, start);
    QR_TRY(put_value(e, field, row, &e->value));
    QR_TRY(e->value.status);
    struct qr_gql_str json = {e->value.bytes, e->value.size};
    if (qr_gql_str_is(json, "null")) {
        return QUIRE_OK;
    }
    if (json.data[0] == '"' && !qr_load_cell_is_json(field)) {
        QR_TRY(string_text(e, json, &json));
    }
    put_cell(e, json);
    return QUIRE_OK;
}

static quire_status put_record(struct exporter *e, const struct qr_model_type *type,
                               const struct qr_row *row)
{
    bool first = true;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (is_written(e, &type->fields[i])) {
            put_text(e, first ? "" : ",");
            QR_TRY(put_field_cell(e, &type->fields[i], row));
            first = false;
        }
    }
    put_text(e, "\r\n");
    return QUIRE_OK;
}

static void put_header(struct exporter *e, const struct qr_model_type *type)
{
    bool first = true;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (is_written(e, &type->fields[i])) {
            put_text(e, first ? "" : ",");
            put_bytes(e, type->fields[i].name.data, type->fields[i].name.size);
            first = false;
        }
    }
    put_text(e, "\r\n");
}

/* ---- Types ---- */

static quire_status put_row(struct exporter *e, const struct qr_model_type *type,
                            const struct qr_row *row, bool first)
{
    switch (e->options->format) {
    case QUIRE_EXPORT_JSON:
        put_text(e, first ? "\n    " : ",\n    ");
        QR_TRY(put_object(e, type, row));
        break;
    case QUIRE_EXPORT_JSON_LINES:
        QR_TRY(put_line(e, type, row));
        break;
    case QUIRE_EXPORT_CSV:
        QR_TRY(put_record(e, type, row));
        break;
    }
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
        QR_TRY(put_row(e, type, &row, first));
        first = false;
        QR_TRY(quire_cursor_next(cursor, &valid, e->err));
    }
    if (!first && e->options->format == QUIRE_EXPORT_JSON) {
        put_text(e, "\n  ");
    }
    return QUIRE_OK;
}

static quire_status put_table(struct exporter *e, const struct qr_model_type *type)
{
    quire_table *table;
    quire_cursor *cursor;
    e->reader.arena = &e->arena; /* holds the table's handle to the end */
    QR_TRY(qr_reader_own_table(&e->reader, type, &table));
    e->reader.arena = &e->row;
    QR_TRY(quire_table_cursor(table, &cursor, e->err));
    quire_status status = put_rows(e, type, cursor);
    quire_cursor_close(cursor);
    return status;
}

static quire_status put_type(struct exporter *e, const struct qr_model_type *type, bool first)
{
    if (e->options->format == QUIRE_EXPORT_JSON) {
        put_text(e, first ? "\n  " : ",\n  ");
        qr_json_put_string(&e->out, type->name.data, type->name.size);
        put_text(e, ": [");
        QR_TRY(put_table(e, type));
        put_text(e, "]");
        return QUIRE_OK;
    }
    if (e->options->format == QUIRE_EXPORT_CSV) {
        put_header(e, type);
    }
    return put_table(e, type);
}

static void begin_text(struct exporter *e, const char *type)
{
    e->text_type = type;
    if (e->options->format == QUIRE_EXPORT_JSON) {
        put_text(e, "{");
    }
}

static quire_status end_text(struct exporter *e)
{
    if (e->options->format == QUIRE_EXPORT_JSON) {
        put_text(e, "\n}\n");
    }
    if (e->out.status == QUIRE_OK && e->out.size == 0) {
        return e->write(e->context, e->text_type, "", 0, e->err);
    }
    return flush(e, 0);
}

/* ---- Numbers that count ---- */

/* One of them, as a row of no type: see load_numbers.c. */
static quire_status put_number(struct exporter *e, const struct qr_model_field *field,
                               int64_t number, bool first)
{
    bool csv = e->options->format == QUIRE_EXPORT_CSV;
    bool json = e->options->format == QUIRE_EXPORT_JSON;
    bool wrapped = !json && !csv && !e->options->split;
    const char *text = qr_gql_format(
        &e->row, e->err, csv ? "%s.%.*s,%lld\r\n" : "{\"field\":\"%s.%.*s\",\"number\":\"%lld\"}",
        field->owner->table, QR_GQL_FMT(field->name), (long long)number);
    if (text == NULL) {
        return QUIRE_NO_MEMORY;
    }
    put_text(e, !json ? "" : first ? "\n    " : ",\n    ");
    put_text(e, wrapped ? "{\"__numbers\":" : "");
    put_text(e, text);
    put_text(e, json || csv ? "" : wrapped ? "}\n" : "\n");
    return QUIRE_OK;
}

static void begin_numbers(struct exporter *e, bool first)
{
    if (e->options->split) {
        begin_text(e, qr_load_numbers_name);
    }
    if (e->options->format == QUIRE_EXPORT_JSON) {
        put_text(e, first || e->options->split ? "\n  " : ",\n  ");
        put_text(e, "\"__numbers\": [");
    } else if (e->options->format == QUIRE_EXPORT_CSV) {
        put_text(e, "field,number\r\n");
    }
}

static quire_status end_numbers(struct exporter *e)
{
    if (e->options->format == QUIRE_EXPORT_JSON) {
        put_text(e, "\n  ]");
    }
    return e->options->split ? end_text(e) : QUIRE_OK;
}

/* What the columns of the types have counted up to: rows that were deleted may have had more than
 * those that are there. A CSV text that is not split has no place for it. */
static quire_status put_numbers(struct exporter *e, const struct qr_model *model, bool first)
{
    bool any = false;
    for (uint32_t i = 0; i < model->type_count; i++) {
        const struct qr_model_type *type = &model->types[i];
        for (uint32_t c = 0; c < type->column_count && e->wanted[i]; c++) {
            int64_t number = 0;
            if (type->columns[c]->generator == QR_MODEL_MAKES_NUMBER) {
                e->reader.arena = &e->arena;
                QR_TRY(qr_sequence_largest(&e->reader, type->columns[c], &number));
                e->reader.arena = &e->row;
            }
            if (number > 0 && !any) {
                begin_numbers(e, first);
            }
            if (number > 0) {
                QR_TRY(put_number(e, type->columns[c], number, !any));
                any = true;
            }
        }
    }
    return any ? end_numbers(e) : QUIRE_OK;
}

/* ---- The whole ---- */

static quire_status choose_types(struct exporter *e, const struct qr_model *model)
{
    const quire_export_options *options = e->options;
    uint32_t count = options->types == NULL ? model->type_count : options->type_count;

    e->wanted =
        qr_arena_alloc_zero(&e->arena, ((size_t)model->type_count + 1) * sizeof(bool), e->err);
    if (e->wanted == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = i;
        if (options->types != NULL) {
            const struct qr_model_type *type =
                qr_model_find_type(model, qr_gql_str_of(options->types[i]));
            if (type == NULL) {
                return qr_fail(e->err, QUIRE_UNKNOWN_NAME, "The schema has no type \"%.80s\".",
                               options->types[i]);
            }
            index = type->index;
        }
        e->wanted[index] = true;
    }
    if (options->format == QUIRE_EXPORT_CSV && !options->split && count > 1) {
        return qr_fail(e->err, QUIRE_MISUSE,
                       "A CSV text has the rows of one type: export one, or each on its own.");
    }
    return QUIRE_OK;
}

static quire_status put_all(struct exporter *e, const struct qr_model *model)
{
    bool first = true;
    QR_TRY(choose_types(e, model));
    QR_TRY(choose_sides(e, model));
    if (!e->options->split) {
        begin_text(e, NULL);
    }
    for (uint32_t i = 0; i < model->type_count; i++) {
        const struct qr_model_type *type = &model->types[i];
        if (!e->wanted[i]) {
            continue;
        }
        if (e->options->split) {
            begin_text(e, type->table);
        }
        QR_TRY(put_type(e, type, first || e->options->split));
        if (e->options->split) {
            QR_TRY(end_text(e));
        }
        first = false;
    }
    if (e->options->split || e->options->format != QUIRE_EXPORT_CSV) {
        QR_TRY(put_numbers(e, model, first));
    }
    return e->options->split ? QUIRE_OK : end_text(e);
}

static quire_status export_from(quire_txn *txn, const struct qr_api *api, struct exporter *e)
{
    const quire_allocator *allocator = qr_db_allocator(qr_txn_database(txn));
    qr_arena_init(&e->arena, allocator, 0);
    qr_arena_init(&e->row, allocator, 0);
    qr_json_writer_init(&e->out, allocator, 0, e->err);
    qr_json_writer_init(&e->value, allocator, 0, e->err);
    quire_status status = qr_reader_init(&e->reader, txn, api, &e->arena, e->err);
    if (status == QUIRE_OK) {
        status = put_all(e, api->model);
    }
    qr_reader_close(&e->reader);
    qr_json_writer_free(&e->value);
    qr_json_writer_free(&e->out);
    qr_arena_free(&e->row);
    qr_arena_free(&e->arena);
    return status;
}

quire_status quire_export(quire_txn *txn, const quire_export_options *options,
                          quire_export_callback write, void *context, uint64_t *rows,
                          quire_error *err)
{
    static const quire_export_options defaults = QUIRE_EXPORT_OPTIONS_INIT;
    struct exporter e = {.write = write, .context = context, .err = err};
    struct qr_api_use use;

    e.options = options != NULL ? options : &defaults;
    if (txn == NULL || write == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_export needs a transaction and a callback.");
    }
    if (e.options->size < sizeof *options || (unsigned)e.options->format > QUIRE_EXPORT_CSV) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The export options have a wrong size or format; start from "
                       "QUIRE_EXPORT_OPTIONS_INIT.");
    }
    QR_TRY(qr_api_acquire(txn, &use, err));
    quire_status status = export_from(txn, use.api, &e);
    qr_api_release(&use);
    if (status == QUIRE_OK && rows != NULL) {
        *rows = e.rows;
    }
    return status;
}
