/*
 * Views as objects of the catalog: creating, dropping, reading.
 *
 * The body of a view's object is a record: filter, columns, order
 * (docs/file-format.md). It comes from disk: it is checked, and its expressions
 * are compiled against the table anew, each time it is read.
 */
#include <string.h>

#include "catalog/object.h"
#include "catalog/record.h"
#include "engine/table_view.h"

/* Columns of the body. */
enum { FILTER, COLUMNS, ORDER, BODY_COLUMNS };

/* ---- Stored form to compiled ---- */

struct decoder {
    const struct qr_object *object;
    const struct qr_object *table;
    struct qr_arena *arena;
    struct qr_table_view *view;
    quire_error *err;
};

static quire_status damaged(const struct decoder *decoder, const char *what)
{
    return qr_fail(decoder->err, QUIRE_CORRUPT,
                   "The catalog is damaged: the %s of view \"%s\" is malformed or does not fit "
                   "table \"%s\".",
                   what, decoder->object->name, decoder->table->name);
}

/* An expression that was compiled when it was stored: if it does not now, it is damaged. */
static quire_status compile(const struct decoder *decoder, const quire_value *text,
                            const char *what, struct qr_expression **out)
{
    if (text->type != QUIRE_TEXT) {
        return damaged(decoder, what);
    }
    quire_status status =
        qr_expression_compile(text->as.bytes, text->size, decoder->table->columns,
                              decoder->table->column_count, decoder->arena, out, NULL);
    if (status == QUIRE_NO_MEMORY) {
        return qr_fail_memory(decoder->err, text->size);
    }
    return status == QUIRE_OK ? QUIRE_OK : damaged(decoder, what);
}

/* A list of pairs; null has none. */
static quire_status open_pairs(const struct decoder *decoder, const quire_value *list,
                               const char *what, quire_value **values, uint32_t *pairs)
{
    uint32_t count = 0;
    *values = NULL;
    *pairs = 0;
    if (list->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    if (list->type != QUIRE_LIST ||
        quire_record_check(list->as.bytes, list->size, &count, NULL) != QUIRE_OK || count == 0 ||
        count % 2 != 0 || count / 2 > QR_COLUMNS_MAX) {
        return damaged(decoder, what);
    }
    *values = qr_arena_alloc(decoder->arena, count * sizeof **values, decoder->err);
    if (*values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *pairs = count / 2;
    return qr_record_decode(list->as.bytes, list->size, *values, count, decoder->err);
}

static quire_status copy_name(const struct decoder *decoder, const quire_value *value,
                              const char **name)
{
    if (value->type != QUIRE_TEXT || value->size == 0 || value->size > QR_NAME_MAX ||
        memchr(value->as.bytes, 0, value->size) != NULL) {
        return damaged(decoder, "name of a column");
    }
    char *copy = qr_arena_alloc(decoder->arena, (size_t)value->size + 1, decoder->err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(copy, value->as.bytes, value->size);
    copy[value->size] = '\0';
    *name = copy;
    return QUIRE_OK;
}

static quire_status alloc_columns(const struct decoder *decoder, uint32_t count)
{
    struct qr_table_view *view = decoder->view;
    view->columns = qr_arena_alloc(decoder->arena, count * sizeof *view->columns, decoder->err);
    view->picked = qr_arena_alloc(decoder->arena, count * sizeof *view->picked, decoder->err);
    view->values =
        qr_arena_alloc(decoder->arena, count * sizeof(struct qr_expression *), decoder->err);
    view->column_count = count;
    return view->columns == NULL || view->picked == NULL || view->values == NULL ? QUIRE_NO_MEMORY
                                                                                 : QUIRE_OK;
}

/* All columns of the table: their values are picked, never computed. */
static quire_status take_all_columns(const struct decoder *decoder)
{
    struct qr_table_view *view = decoder->view;
    QR_TRY(alloc_columns(decoder, decoder->table->column_count));
    for (uint32_t i = 0; i < view->column_count; i++) {
        view->columns[i] = decoder->table->columns[i];
        view->picked[i] = i;
        view->values[i] = NULL;
    }
    return QUIRE_OK;
}

static quire_status decode_columns(const struct decoder *decoder, const quire_value *list)
{
    struct qr_table_view *view = decoder->view;
    quire_value *values;
    uint32_t count;
    bool computed = false;
    QR_TRY(open_pairs(decoder, list, "column list", &values, &count));
    if (count == 0) {
        return take_all_columns(decoder);
    }
    QR_TRY(alloc_columns(decoder, count));
    for (uint32_t i = 0; i < count; i++) {
        QR_TRY(copy_name(decoder, &values[2 * i], &view->columns[i].name));
        QR_TRY(compile(decoder, &values[2 * i + 1], "expression of a column", &view->values[i]));
        int64_t column = qr_expression_column(view->values[i]);
        view->columns[i].type = qr_expression_type(view->values[i]);
        view->columns[i].not_null = column >= 0 && decoder->table->columns[column].not_null;
        view->picked[i] = column >= 0 ? (uint32_t)column : 0;
        computed = computed || column < 0;
    }
    view->picked = computed ? NULL : view->picked;
    return QUIRE_OK;
}

static bool find_column(const struct qr_object *table, const char *name, size_t size,
                        uint32_t *column)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (strlen(table->columns[i].name) == size &&
            memcmp(table->columns[i].name, name, size) == 0) {
            *column = i;
            return table->columns[i].type != QUIRE_LIST;
        }
    }
    return false;
}

static quire_status decode_order(const struct decoder *decoder, const quire_value *list)
{
    struct qr_table_view *view = decoder->view;
    quire_value *values;
    QR_TRY(open_pairs(decoder, list, "order", &values, &view->order_count));
    view->order =
        qr_arena_alloc(decoder->arena, view->order_count * sizeof *view->order, decoder->err);
    view->descending =
        qr_arena_alloc(decoder->arena, view->order_count * sizeof *view->descending, decoder->err);
    if (view->order == NULL || view->descending == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < view->order_count; i++) {
        const quire_value *name = &values[2 * i];
        const quire_value *descending = &values[2 * i + 1];
        if (view->order_count > QR_VIEW_ORDER_MAX || name->type != QUIRE_TEXT ||
            descending->type != QUIRE_BOOL ||
            !find_column(decoder->table, name->as.bytes, name->size, &view->order[i])) {
            return damaged(decoder, "order");
        }
        view->descending[i] = descending->as.boolean;
    }
    return QUIRE_OK;
}

/* The definition as the user gave it. */
static quire_status name_all(const struct decoder *decoder, bool all_columns)
{
    struct qr_table_view *view = decoder->view;
    uint32_t count = all_columns ? 0 : view->column_count;
    quire_view_field *fields = qr_arena_alloc(decoder->arena, count * sizeof *fields, decoder->err);
    quire_view_order *order =
        qr_arena_alloc(decoder->arena, view->order_count * sizeof *order, decoder->err);
    if (fields == NULL || order == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        fields[i] = (quire_view_field){.name = view->columns[i].name,
                                       .expression = qr_expression_text(view->values[i], NULL)};
    }
    for (uint32_t i = 0; i < view->order_count; i++) {
        order[i] = (quire_view_order){.column = decoder->table->columns[view->order[i]].name,
                                      .descending = view->descending[i]};
    }
    view->names = (quire_view_def){
        .name = decoder->object->name,
        .table = decoder->table->name,
        .filter = view->filter == NULL ? NULL : qr_expression_text(view->filter, NULL),
        .columns = fields,
        .column_count = count,
        .order = order,
        .order_count = view->order_count};
    return QUIRE_OK;
}

quire_status qr_table_view_decode(const struct qr_object *object, const struct qr_object *table,
                                  struct qr_arena *arena, struct qr_table_view **out,
                                  quire_error *err)
{
    struct decoder decoder = {.object = object, .table = table, .arena = arena, .err = err};
    quire_value values[BODY_COLUMNS];
    uint32_t columns;
    *out = NULL;
    decoder.view = qr_arena_alloc_zero(arena, sizeof *decoder.view, err);
    if (decoder.view == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (quire_record_check(object->text, object->text_size, &columns, NULL) != QUIRE_OK ||
        columns != BODY_COLUMNS) {
        return damaged(&decoder, "definition");
    }
    QR_TRY(qr_record_decode(object->text, object->text_size, values, BODY_COLUMNS, err));
    if (values[FILTER].type != QUIRE_NULL) {
        QR_TRY(compile(&decoder, &values[FILTER], "filter", &decoder.view->filter));
        if (qr_expression_type(decoder.view->filter) != QUIRE_BOOL) {
            return damaged(&decoder, "filter");
        }
    }
    QR_TRY(decode_columns(&decoder, &values[COLUMNS]));
    QR_TRY(decode_order(&decoder, &values[ORDER]));
    QR_TRY(name_all(&decoder, values[COLUMNS].type == QUIRE_NULL));
    *out = decoder.view;
    return QUIRE_OK;
}

/* ---- Definition to stored form ---- */

struct encoder {
    const quire_view_def *def;
    const struct qr_object *table;
    struct qr_arena *arena;
    quire_error *err;
};

/* The canonical text of an expression. */
static quire_status normalise(const struct encoder *encoder, const char *text, bool condition,
                              quire_value *value)
{
    struct qr_expression *expression;
    size_t size;
    QR_TRY(qr_expression_compile(text, strlen(text), encoder->table->columns,
                                 encoder->table->column_count, encoder->arena, &expression,
                                 encoder->err));
    if (condition && qr_expression_type(expression) != QUIRE_BOOL) {
        return qr_fail(encoder->err, QUIRE_TYPE,
                       "The filter of view \"%s\" is not a condition but a value of type %s.",
                       encoder->def->name, qr_type_name(qr_expression_type(expression)));
    }
    const char *canonical = qr_expression_text(expression, &size);
    *value = quire_text_n(canonical, size);
    return QUIRE_OK;
}

/* A column's name as an expression: in quotes, quotes in it doubled. */
static quire_status quote(const struct encoder *encoder, const char *name, char **text)
{
    size_t size = 0;
    *text = qr_arena_alloc(encoder->arena, 2 * strlen(name) + 3, encoder->err);
    if (*text == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (*text)[size++] = '"';
    for (; *name != '\0'; name++) {
        (*text)[size++] = *name;
        if (*name == '"') {
            (*text)[size++] = '"';
        }
    }
    (*text)[size++] = '"';
    (*text)[size] = '\0';
    return QUIRE_OK;
}

static quire_status make_list(const struct encoder *encoder, const quire_value *values,
                              uint32_t count, quire_value *list)
{
    size_t size = quire_record_size(values, count);
    uint8_t *bytes = qr_arena_alloc(encoder->arena, size, encoder->err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (void)quire_record_encode(values, count, bytes);
    *list = quire_blob(bytes, size);
    list->type = QUIRE_LIST;
    return QUIRE_OK;
}

static quire_status check_distinct(const struct encoder *encoder, uint32_t column)
{
    const quire_view_field *columns = encoder->def->columns;
    for (uint32_t i = 0; i < column; i++) {
        if (strcmp(columns[i].name, columns[column].name) == 0) {
            return qr_fail(encoder->err, QUIRE_EXISTS, "There are two columns named \"%s\".",
                           columns[i].name);
        }
    }
    return QUIRE_OK;
}

static quire_status encode_columns(const struct encoder *encoder, quire_value *list)
{
    const quire_view_def *def = encoder->def;
    *list = quire_null();
    if (def->column_count == 0) {
        return QUIRE_OK;
    }
    if (def->columns == NULL || def->column_count > QR_COLUMNS_MAX) {
        return qr_fail(encoder->err, QUIRE_MISUSE, "A view has at most %u columns.",
                       QR_COLUMNS_MAX);
    }
    quire_value *values = qr_arena_alloc(
        encoder->arena, 2 * (size_t)def->column_count * sizeof *values, encoder->err);
    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < def->column_count; i++) {
        const quire_view_field *column = &def->columns[i];
        QR_TRY(qr_check_name(column->name, "column", encoder->err));
        QR_TRY(check_distinct(encoder, i));
        char *quoted;
        QR_TRY(quote(encoder, column->name, &quoted));
        values[2 * i] = quire_text(column->name);
        QR_TRY(normalise(encoder, column->expression != NULL ? column->expression : quoted, false,
                         &values[2 * i + 1]));
    }
    return make_list(encoder, values, 2 * def->column_count, list);
}

static quire_status encode_order(const struct encoder *encoder, quire_value *list)
{
    const quire_view_def *def = encoder->def;
    quire_value values[2 * QR_VIEW_ORDER_MAX];
    *list = quire_null();
    if (def->order_count == 0) {
        return QUIRE_OK;
    }
    if (def->order == NULL || def->order_count > QR_VIEW_ORDER_MAX) {
        return qr_fail(encoder->err, QUIRE_MISUSE, "A view is ordered by at most %u columns.",
                       QR_VIEW_ORDER_MAX);
    }
    for (uint32_t i = 0; i < def->order_count; i++) {
        const char *name = def->order[i].column;
        uint32_t column;
        QR_TRY(qr_check_name(name, "column", encoder->err));
        if (!find_column(encoder->table, name, strlen(name), &column)) {
            return qr_fail(encoder->err, QUIRE_UNKNOWN_NAME,
                           "Table \"%s\" has no column \"%s\" that rows can be ordered by.",
                           encoder->table->name, name);
        }
        values[2 * i] = quire_text(name);
        values[2 * i + 1] = quire_bool(def->order[i].descending);
    }
    return make_list(encoder, values, 2 * def->order_count, list);
}

static quire_status encode(const struct encoder *encoder, struct qr_object *object)
{
    quire_value values[BODY_COLUMNS] = {quire_null()};
    if (encoder->def->filter != NULL) {
        QR_TRY(normalise(encoder, encoder->def->filter, true, &values[FILTER]));
    }
    QR_TRY(encode_columns(encoder, &values[COLUMNS]));
    QR_TRY(encode_order(encoder, &values[ORDER]));
    size_t size = quire_record_size(values, BODY_COLUMNS);
    char *bytes = qr_arena_alloc(encoder->arena, size, encoder->err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    object->text = bytes;
    object->text_size = quire_record_encode(values, BODY_COLUMNS, bytes);
    return QUIRE_OK;
}

/* ---- Create and drop ---- */

static quire_status add(quire_txn *txn, const quire_view_def *def, const struct qr_table_def *table,
                        struct qr_arena *arena, quire_error *err)
{
    struct encoder encoder = {.def = def, .table = table->object, .arena = arena, .err = err};
    struct qr_object object = {
        .kind = QR_OBJECT_VIEW, .name = def->name, .owner = table->object->id};
    struct qr_statement statement;
    QR_TRY(encode(&encoder, &object));
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_add(txn->txn, &object, err);
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_view_create(quire_txn *txn, const quire_view_def *def, quire_error *err)
{
    const struct qr_table_def *table;
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    if (def == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_view_create needs a definition.");
    }
    QR_TRY(qr_check_name(def->name, "view", err));
    QR_TRY(qr_check_name(def->table, "table", err));
    QR_TRY(qr_schema_find(txn, def->table, &table, err));
    if (table == NULL || table->object->kind != QR_OBJECT_TABLE) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no table \"%s\".", def->table);
    }
    QR_TRY(qr_check_name_free(txn, QR_OBJECT_VIEW, def->name, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = add(txn, def, table, &arena, err);
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}

quire_status qr_table_view_find(quire_txn *txn, const char *name, struct qr_arena *arena,
                                struct qr_object **object, struct qr_object **table,
                                quire_error *err)
{
    bool found;
    QR_TRY(qr_check_name(name, "view", err));
    QR_TRY(
        qr_catalog_find(txn->view, QR_OBJECT_VIEW, name, strlen(name), arena, object, &found, err));
    if (!found || (*object)->kind != QR_OBJECT_VIEW) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no view \"%s\".", name);
    }
    QR_TRY(qr_catalog_find_id(txn->view, (*object)->owner, arena, table, &found, err));
    if (!found || (*table)->kind != QR_OBJECT_TABLE) {
        return qr_fail(err, QUIRE_CORRUPT,
                       "The catalog is damaged: view \"%s\" is of a table that does not exist.",
                       name);
    }
    return QUIRE_OK;
}

static quire_status remove_view(quire_txn *txn, const char *name, struct qr_arena *arena,
                                quire_error *err)
{
    struct qr_object *object;
    struct qr_statement statement;
    bool found;
    QR_TRY(qr_catalog_find(txn->view, QR_OBJECT_VIEW, name, strlen(name), arena, &object, &found,
                           err));
    if (!found || object->kind != QR_OBJECT_VIEW) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no view \"%s\".", name);
    }
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_remove(txn->txn, object, err);
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_view_drop(quire_txn *txn, const char *name, quire_error *err)
{
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_check_name(name, "view", err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = remove_view(txn, name, &arena, err);
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}

/* The names of a table's views, as far as they fit. */
struct names {
    char text[200];
    size_t size;
};

static quire_status add_name(void *context, struct qr_object *object, quire_error *err)
{
    struct names *names = context;
    size_t size = strlen(object->name);
    size_t room = sizeof names->text - 1 - names->size;
    (void)err;
    if (names->size > 0 && room > 2) {
        memcpy(names->text + names->size, ", ", 2);
        names->size += 2;
        room -= 2;
    }
    size = size < room ? size : room;
    memcpy(names->text + names->size, object->name, size);
    names->size += size;
    return QUIRE_OK;
}

quire_status qr_table_views_refuse_drop(quire_txn *txn, const struct qr_object *table,
                                        quire_error *err)
{
    struct names names = {.size = 0};
    struct qr_arena arena;
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status =
        qr_catalog_each(txn->view, QR_OBJECT_VIEW, table->id, &arena, add_name, &names, err);
    qr_arena_free(&arena);
    if (status == QUIRE_OK && names.size > 0) {
        return qr_fail(err, QUIRE_MISUSE, "Table \"%s\" has views: drop %.*s first.", table->name,
                       (int)names.size, names.text);
    }
    return status;
}
