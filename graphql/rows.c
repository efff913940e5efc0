/*
 * Rows without JSON: see quire/rows.h. They are read in chunks, with what their
 * single relations lead to a level at a time, and decoded when asked for.
 */
#include "quire/rows.h"

#include "graphql/chunk.h"
#include "graphql/column.h"
#include "graphql/read_internal.h"
#include "graphql/run.h"

struct column {
    const char *name;
    const uint32_t *steps; /* fields of the sets on the way to the row that has it */
    uint32_t step_count;
    const struct qr_model_field *field; /* NULL: __typename ... */
    struct qr_gql_str type_name;        /* ... which is this */
};

struct quire_rows {
    const quire_allocator *allocator;
    quire_error local;
    struct qr_run run;
    quire_graphql_request request;
    bool own_txn;
    struct qr_reader reader;
    const struct qr_select_field *field; /* the root's */
    uint32_t items;                      /* its field `items` */
    struct qr_query query;
    struct qr_connection *connection;
    struct qr_chunks *chunks;
    const struct qr_node *node; /* of the chunk */
    size_t next;                /* row of it */
    bool on_row, ended;
    struct column *columns;
    uint32_t column_count, column_capacity;
};

/* ---- columns ---- */

/* The way to a set of fields. */
struct way {
    const struct way *above;
    uint32_t step;
    uint32_t depth;
    struct qr_gql_str name;
};

static quire_status add_column(quire_rows *rows, const struct way *way,
                               const struct qr_select_field *field, const struct column *like)
{
    struct qr_arena *arena = &rows->run.arena;
    quire_error *err = rows->run.err;
    uint32_t *steps = qr_arena_alloc(arena, sizeof *steps * (like->step_count + 1), err);
    const char *name = qr_gql_format(arena, err, "%.*s", QR_GQL_FMT(field->selected->name));

    if (rows->column_count == rows->column_capacity) {
        uint32_t capacity = rows->column_capacity == 0 ? 16 : 2 * rows->column_capacity;
        struct column *grown = qr_arena_alloc(arena, sizeof *grown * capacity, err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (rows->column_count > 0) {
            memcpy(grown, rows->columns, sizeof *grown * rows->column_count);
        }
        rows->columns = grown;
        rows->column_capacity = capacity;
    }
    for (uint32_t at = way == NULL ? 0 : way->depth; name != NULL && steps != NULL && way != NULL;
         way = way->above) {
        steps[--at] = way->step;
        if (way->name.data != NULL) {
            name = qr_gql_format(arena, err, "%.*s.%s", QR_GQL_FMT(way->name), name);
        }
    }
    if (name == NULL || steps == NULL) {
        return QUIRE_NO_MEMORY;
    }
    struct column *column = &rows->columns[rows->column_count++];
    *column = *like;
    column->name = name;
    column->steps = steps;
    return QUIRE_OK;
}

static quire_status add_columns(quire_rows *rows, const struct qr_select *set,
                                const struct way *above);

static quire_status add_field(quire_rows *rows, const struct qr_select *set, uint32_t number,
                              const struct way *above)
{
    const struct qr_select_field *field = &set->fields[number];
    uint32_t depth = above == NULL ? 0 : above->depth;
    struct way way = {above, number, depth + 1, field->selected->name};

    if (field->api == NULL) {
        struct column column = {.step_count = depth, .type_name = set->type->name};
        return add_column(rows, above, field, &column);
    }
    if (field->api->kind == QR_API_COLUMN) {
        struct column column = {.step_count = depth, .field = field->api->field};
        return add_column(rows, above, field, &column);
    }
    if (field->api->kind == QR_API_REFERENCE_KEY) {
        struct column column = {.step_count = depth + 1, .field = field->api->field->target->key};
        way.name = (struct qr_gql_str){NULL, 0};
        return add_column(rows, &way, field, &column);
    }
    if (field->api->kind == QR_API_REFERENCE || field->api->kind == QR_API_REVERSE_ONE) {
        return add_columns(rows, field->set, &way);
    }
    return qr_fail(rows->run.err, QUIRE_NOT_SUPPORTED,
                   "The field \"%.*s\" is no column of a row: typed rows hold scalars and what "
                   "single relations lead to.",
                   QR_GQL_FMT(field->selected->name));
}

/* Recursion follows the selection, whose depth is bounded. */
static quire_status add_columns(quire_rows *rows, const struct qr_select *set,
                                const struct way *above)
{
    for (uint32_t i = 0; i < set->count; i++) {
        QR_TRY(add_field(rows, set, i, above));
    }
    return QUIRE_OK;
}

static bool is_text(const struct qr_model_field *field)
{
    switch (field->scalar) {
    case QR_MODEL_INT:
    case QR_MODEL_BIGINT:
    case QR_MODEL_FLOAT:
    case QR_MODEL_BOOLEAN:
        return false;
    case QR_MODEL_ID:
    case QR_MODEL_STRING:
    case QR_MODEL_ENUM:
    case QR_MODEL_CUSTOM:
    case QR_MODEL_DECIMAL:
    case QR_MODEL_DATETIME:
    case QR_MODEL_DATE:
    case QR_MODEL_TIME:
    case QR_MODEL_DURATION:
    case QR_MODEL_UUID:
    case QR_MODEL_JSON:
    case QR_MODEL_BYTES:
        break;
    }
    return true;
}

/* Whether the stored value is what the column gives. */
static bool is_plain(const struct qr_model_field *field)
{
    return !is_text(field) || field->scalar == QR_MODEL_ID || field->scalar == QR_MODEL_STRING ||
           field->scalar == QR_MODEL_ENUM || field->scalar == QR_MODEL_CUSTOM;
}

uint32_t quire_rows_column_count(const quire_rows *rows)
{
    return rows->column_count;
}

const char *quire_rows_column_name(const quire_rows *rows, uint32_t column)
{
    return column < rows->column_count ? rows->columns[column].name : NULL;
}

quire_type quire_rows_column_type(const quire_rows *rows, uint32_t column)
{
    if (column >= rows->column_count) {
        return QUIRE_NULL;
    }
    const struct qr_model_field *field = rows->columns[column].field;
    if (field == NULL) {
        return QUIRE_TEXT;
    }
    if (field->list && is_plain(field)) {
        return QUIRE_LIST;
    }
    return is_text(field) ? QUIRE_TEXT : qr_model_column_type(field);
}

/* ---- opening ---- */

/* Finds the connection and its `items`. */
static quire_status find_items(quire_rows *rows)
{
    const struct qr_select *set = rows->run.set;
    bool found = false;

    if (qr_run_operation(&rows->run) == QR_GQL_QUERY && set->count == 1 &&
        set->fields[0].api != NULL && set->fields[0].api->kind == QR_API_MANY) {
        rows->field = &set->fields[0];
        for (uint32_t i = 0; i < rows->field->set->count; i++) {
            const struct qr_select_field *field = &rows->field->set->fields[i];
            found = rows->field->set->count == 1 && field->api != NULL &&
                    field->api->kind == QR_API_ITEMS && field->selected->arguments.count == 0;
        }
    }
    return found ? QUIRE_OK
                 : qr_fail(rows->run.err, QUIRE_NOT_SUPPORTED,
                           "Typed rows need a query of one connection that selects \"items\" "
                           "without arguments, and nothing else.");
}

static quire_status begin(quire_rows *rows)
{
    struct qr_run *run = &rows->run;

    QR_TRY(qr_run_prepare(run));
    QR_TRY(find_items(rows));
    QR_TRY(add_columns(rows, rows->field->set->fields[rows->items].set, NULL));
    QR_TRY(qr_reader_init(&rows->reader, run->txn, run->schema.api, &run->arena, run->err));
    rows->reader.watch = &run->watch;
    rows->reader.auth = run->auth;
    rows->reader.request = run->request;
    QR_TRY(qr_read_apart(&rows->reader, rows->field, &rows->query, &rows->connection));
    return qr_chunks_open(&rows->reader, &rows->query, &rows->chunks);
}

static quire_status open_rows(const quire_allocator *allocator, quire_db *db, quire_txn *txn,
                              const quire_graphql_request *request, quire_rows **out,
                              quire_error *err)
{
    quire_rows *rows = qr_alloc_zero(allocator, sizeof *rows, err);
    quire_status status;

    if (rows == NULL) {
        return QUIRE_NO_MEMORY;
    }
    rows->allocator = allocator;
    rows->request = *request;
    rows->request.outcome = NULL;
    qr_run_open(&rows->run, allocator, &rows->request, &rows->local);
    rows->own_txn = txn == NULL;
    rows->run.txn = txn;
    status = txn != NULL ? QUIRE_OK : quire_begin(db, QUIRE_READ, &rows->run.txn, &rows->local);
    if (status == QUIRE_OK) {
        status = begin(rows);
    }
    if (status == QUIRE_OK) {
        *out = rows;
        return QUIRE_OK;
    }
    if (rows->run.report.count == 0 && status != QUIRE_NO_MEMORY) {
        (void)qr_run_report(&rows->run, status, NULL, NULL);
    }
    (void)qr_run_give_errors(&rows->run);
    if (err != NULL) {
        *err = rows->local;
    }
    quire_rows_close(rows);
    return status;
}

static quire_status check_arguments(const quire_graphql_request *request, bool has_outputs,
                                    quire_error *err)
{
    if (request == NULL || request->size != sizeof *request ||
        (request->document == NULL) == (request->prepared == NULL) || !has_outputs) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Typed rows need QUIRE_GRAPHQL_REQUEST_INIT, a document or a prepared one, "
                       "a database or transaction, and an output.");
    }
    if (request->errors != NULL) {
        *request->errors = NULL;
    }
    return QUIRE_OK;
}

quire_status quire_rows_open(quire_db *db, const quire_graphql_request *request, quire_rows **out,
                             quire_error *err)
{
    QR_TRY(check_arguments(request, db != NULL && out != NULL, err));
    *out = NULL;
    return open_rows(qr_db_allocator(db), db, NULL, request, out, err);
}

quire_status quire_rows_open_in(quire_txn *txn, const quire_graphql_request *request,
                                quire_rows **out, quire_error *err)
{
    QR_TRY(check_arguments(request, txn != NULL && out != NULL, err));
    *out = NULL;
    return open_rows(qr_db_allocator(qr_txn_database(txn)), NULL, txn, request, out, err);
}

void quire_rows_close(quire_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    const quire_allocator *allocator = rows->allocator;
    qr_chunks_close(rows->chunks);
    if (rows->reader.api != NULL) {
        qr_reader_close(&rows->reader);
    }
    qr_run_let_go(&rows->run);
    if (rows->own_txn && rows->run.txn != NULL) {
        quire_rollback(rows->run.txn);
    }
    qr_run_close(&rows->run);
    qr_free(allocator, rows, sizeof *rows);
}

/* ---- reading ---- */

static quire_status next_chunk(quire_rows *rows)
{
    struct qr_rows chunk;
    struct qr_connection *piece;

    QR_TRY(qr_chunks_next(rows->chunks, &chunk));
    rows->next = 0;
    rows->ended = chunk.count == 0;
    if (rows->ended) {
        return QUIRE_OK;
    }
    QR_TRY(
        qr_read_piece(&rows->reader, rows->field, rows->connection, rows->items, &chunk, &piece));
    rows->node = piece->parts[rows->items].node;
    return QUIRE_OK;
}

quire_status quire_rows_next(quire_rows *rows, bool *valid, quire_error *err)
{
    quire_status status = QUIRE_OK;
    if (rows == NULL || valid == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_rows_next needs rows and an output.");
    }
    *valid = false;
    rows->on_row = false;
    qr_arena_reset(&rows->reader.scratch);
    if (!rows->ended && (rows->node == NULL || rows->next == rows->node->count)) {
        status = next_chunk(rows);
    }
    if (status != QUIRE_OK) {
        rows->ended = true;
        if (err != NULL) {
            *err = rows->local;
        }
        return status;
    }
    if (!rows->ended) {
        rows->next++;
        *valid = rows->on_row = true;
    }
    return QUIRE_OK;
}

/* The text that JSON has for a value, without its quotes. */
static quire_status json_text(quire_rows *rows, const struct qr_model_field *field,
                              quire_value *value)
{
    struct qr_json_writer writer;
    char *text;
    size_t size;

    qr_json_writer_init(&writer, rows->allocator, 0, rows->run.err);
    quire_status status = qr_column_to_json(field, value, &writer, rows->run.err);
    if (status != QUIRE_OK) {
        qr_json_writer_free(&writer);
        return status;
    }
    QR_TRY(qr_json_writer_finish(&writer, &text, &size));
    bool quoted = size >= 2 && text[0] == '"' && field->scalar != QR_MODEL_JSON;
    const char *copy = qr_arena_copy(&rows->reader.scratch, text + (quoted ? 1 : 0),
                                     size - (quoted ? 2 : 0), rows->run.err);
    quire_free(text);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *value = quire_text_n(copy, size - (quoted ? 2 : 0));
    return QUIRE_OK;
}

static quire_status read_value(quire_rows *rows, const struct column *column, quire_value *value)
{
    const struct qr_node *node = rows->node;
    size_t index = rows->next - 1;

    for (uint32_t i = 0; i < column->step_count; i++) {
        const struct qr_branch *branch = &node->branches[column->steps[i]];
        size_t link = branch->links[index];
        if (link == 0) {
            return QUIRE_OK;
        }
        node = branch->node;
        index = link - 1;
    }
    if (column->field == NULL) {
        *value = quire_text_n(column->type_name.data, column->type_name.size);
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_column(&rows->reader, &node->rows[index], column->field, value));
    return value->type == QUIRE_NULL || is_plain(column->field)
               ? QUIRE_OK
               : json_text(rows, column->field, value);
}

quire_status quire_rows_value(quire_rows *rows, uint32_t column, quire_value *value,
                              quire_error *err)
{
    if (rows == NULL || value == NULL || !rows->on_row || column >= rows->column_count) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_rows_value needs rows that stand on one, a column of theirs and an "
                       "output.");
    }
    *value = quire_null();
    quire_status status = read_value(rows, &rows->columns[column], value);
    if (status != QUIRE_OK && err != NULL) {
        *err = rows->local;
    }
    return status;
}
