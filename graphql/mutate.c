/*
 * Running mutation fields: see mutate.h.
 *
 * A write of many rows first collects the rowids it is about and then changes
 * them, so that no row is met twice because of what was done to it.
 */
#include "graphql/mutate.h"

#include "graphql/auth.h"
#include "graphql/column.h"
#include "graphql/explain.h"
#include "graphql/row_key.h"
#include "graphql/row_write.h"
#include "graphql/version.h"

/* ---- one row ---- */

/* The row that one of the field's arguments names; rowid 0: there is none that the caller sees. */
struct named_row {
    const struct qr_model_index *key;
    const struct qr_gql_value *given;
    int64_t rowid;
};

static quire_status find_row(struct qr_store *store, const struct qr_select_field *field,
                             struct named_row *row)
{
    struct qr_reader *reader = store->reader;
    const struct qr_model_type *type = field->api->type;
    bool found;

    QR_TRY(qr_row_key_given(reader, field, &row->key, &row->given));
    QR_TRY(qr_row_key_seek(reader, type, row->key, row->given, &row->rowid, &found));
    QR_TRY(qr_auth_see(reader, type, row->rowid, &found));
    row->rowid = found ? row->rowid : 0;
    return QUIRE_OK;
}

static quire_status fail_missing(struct qr_store *store, const struct qr_select_field *field,
                                 const struct named_row *row)
{
    struct qr_arena *arena = store->reader->arena;
    struct qr_gql_str text = row->given->text;
    bool single = text.data != NULL; /* else an object, or a truth value */
    struct qr_gql_str shown =
        qr_gql_str_cut(single ? text : qr_gql_str_of(qr_gql_value_inspect(arena, row->given)), 60);
    return qr_store_fail(store, QUIRE_QUERY, "NOT_FOUND", row->key->fields[0],
                         "There is no row of %s with %s %s%.*s%s.", field->api->type->table,
                         row->key->key_name, single ? "\"" : "", QR_GQL_FMT(shown),
                         single ? "\"" : "");
}

/* Compares the version that `ifMatch` asks for with that of the row; rowid 0: there is no row. */
static quire_status check_version(struct qr_store *store, const struct qr_select_field *field,
                                  int64_t rowid)
{
    const struct qr_gql_value *wanted = qr_select_argument(field, "ifMatch");
    const struct qr_model_type *type = field->api->type;
    char version[QR_VERSION_SIZE];
    struct qr_row row;
    bool found = false;

    if (wanted == NULL) {
        return QUIRE_OK;
    }
    if (wanted->kind == QR_GQL_VALUE_NULL) {
        return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", NULL,
                             "\"ifMatch\" must not be null; leave it out to write in any case.");
    }
    if (rowid != 0) {
        QR_TRY(qr_reader_row(store->reader, type, rowid, &row, &found));
    }
    if (found) {
        QR_TRY(qr_version_make(store->reader, type, &row, version));
    }
    return found && qr_gql_str_equal(wanted->text, (struct qr_gql_str){version, sizeof version})
               ? QUIRE_OK
               : qr_store_fail(store, QUIRE_QUERY, "CONFLICT", type->key,
                               "The row of %s is not the one that \"ifMatch\" names: it has been "
                               "written since; read it again.",
                               type->table);
}

static quire_status read_row(struct qr_store *store, const struct qr_select_field *field,
                             int64_t rowid, struct qr_node **out)
{
    struct qr_row *row = qr_arena_alloc(store->reader->arena, sizeof *row, store->reader->err);
    bool found;
    bool seen;
    if (row == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_auth_check_written(store));
    QR_TRY(qr_reader_row(store->reader, field->api->type, rowid, row, &found));
    if (!found) {
        return qr_store_fail(store, QUIRE_QUERY, "NOT_FOUND", NULL,
                             "The row of %s was deleted by its own nested writes.",
                             field->api->type->table);
    }
    QR_TRY(qr_auth_test(store->reader, field->api->type, QR_AUTH_READ, row, &seen));
    qr_arena_reset(&store->reader->scratch);
    if (!seen) {
        return qr_auth_refuse(store->reader->auth, field->api->type, NULL, QR_AUTH_READ,
                              store->reader->err);
    }
    return qr_read_rows(store->reader, field->api->type, field->set, row, 1, out);
}

/* An update says what to change. */
static quire_status check_changes(struct qr_store *store, const struct qr_select_field *field)
{
    const struct qr_gql_value *input = qr_select_argument(field, "input");
    const struct qr_gql_value *apply = qr_select_argument(field, "apply");
    bool given = (input != NULL && input->kind != QR_GQL_VALUE_NULL) ||
                 (apply != NULL && apply->kind != QR_GQL_VALUE_NULL);
    return given ? QUIRE_OK
                 : qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", NULL,
                                 "\"%.*s\" needs \"input\" or \"apply\".",
                                 QR_GQL_FMT(field->selected->field->name));
}

static quire_status create_row(struct qr_store *store, const struct qr_select_field *field,
                               const char *input, int64_t *rowid)
{
    const struct qr_gql_path *place = store->place;
    QR_TRY(qr_store_enter(store, qr_gql_str_of(input), 0));
    QR_TRY(qr_row_create(store, field->api->type, qr_select_argument(field, input), NULL, rowid));
    store->place = place;
    return QUIRE_OK;
}

static quire_status run_update(struct qr_store *store, const struct qr_select_field *field,
                               struct qr_mutation *out)
{
    struct named_row row;
    QR_TRY(check_changes(store, field));
    QR_TRY(find_row(store, field, &row));
    if (row.rowid == 0) {
        return fail_missing(store, field, &row);
    }
    QR_TRY(check_version(store, field, row.rowid));
    QR_TRY(qr_row_update(store, field->api->type, row.rowid, &field->selected->arguments, "input"));
    return read_row(store, field, row.rowid, &out->node);
}

static quire_status run_delete(struct qr_store *store, const struct qr_select_field *field,
                               struct qr_mutation *out)
{
    const struct qr_model_type *type = field->api->type;
    struct named_row row;
    QR_TRY(find_row(store, field, &row));
    if (row.rowid == 0) {
        return type->delete_nullable ? QUIRE_OK : fail_missing(store, field, &row);
    }
    QR_TRY(qr_auth_take(store, type, row.rowid, QR_AUTH_DELETE));
    QR_TRY(check_version(store, field, row.rowid));
    QR_TRY(read_row(store, field, row.rowid, &out->node));
    return qr_store_delete(store, type, &row.rowid, 1);
}

static quire_status run_upsert(struct qr_store *store, const struct qr_select_field *field,
                               struct qr_mutation *out)
{
    int64_t rowid;
    bool found;

    QR_TRY(
        qr_row_find(store, field->api->type, qr_select_argument(field, "where"), &rowid, &found));
    QR_TRY(check_version(store, field, found ? rowid : 0));
    QR_TRY(
        found ? qr_row_update(store, field->api->type, rowid, &field->selected->arguments, "update")
              : create_row(store, field, "create", &rowid));
    return read_row(store, field, rowid, &out->node);
}

static quire_status run_create(struct qr_store *store, const struct qr_select_field *field,
                               struct qr_mutation *out)
{
    int64_t rowid;
    QR_TRY(create_row(store, field, "input", &rowid));
    return read_row(store, field, rowid, &out->node);
}

/* ---- many rows ---- */

/* Reads what is selected below `returning`, of those rows that exist and that the caller sees. */
static quire_status read_rows(struct qr_store *store, const struct qr_select_field *field,
                              const int64_t *rowids, size_t count, struct qr_mutation *out)
{
    struct qr_reader *reader = store->reader;
    const struct qr_model_type *type = field->api->type;
    struct qr_row *rows;
    size_t found = 0;

    out->affected = count;
    QR_TRY(qr_auth_check_written(store));
    out->returning = qr_arena_alloc_zero(
        reader->arena, sizeof(struct qr_node *) * (field->set->count + 1), reader->err);
    if (out->returning == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (qr_select_find(field->set, QR_API_RETURNING) == NULL) {
        return QUIRE_OK;
    }
    rows = qr_arena_alloc_zero(reader->arena, sizeof *rows * (count + 1), reader->err);
    if (rows == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].rowid = rows[i].place = rowids[i];
    }
    QR_TRY(qr_reader_fetch(reader, reader->arena, type, rows, count));
    for (size_t i = 0; i < count; i++) {
        bool seen = rows[i].record != NULL;
        if (seen) {
            QR_TRY(qr_auth_test(reader, type, QR_AUTH_READ, &rows[i], &seen));
            qr_arena_reset(&reader->scratch);
        }
        if (seen) {
            rows[found++] = rows[i];
        }
    }
    for (uint32_t f = 0; f < field->set->count; f++) {
        const struct qr_select_field *selected = &field->set->fields[f];
        if (selected->api != NULL && selected->api->kind == QR_API_RETURNING) {
            QR_TRY(qr_read_rows(reader, type, selected->set, rows, found, &out->returning[f]));
        }
    }
    return QUIRE_OK;
}

static quire_status run_create_many(struct qr_store *store, const struct qr_select_field *field,
                                    struct qr_mutation *out)
{
    struct qr_reader *reader = store->reader;
    const struct qr_gql_path *place = store->place;
    const struct qr_gql_value *inputs = qr_select_argument(field, "inputs");
    struct qr_gql_path *element = qr_arena_alloc(reader->arena, sizeof *element, reader->err);
    int64_t *rowids =
        qr_arena_alloc(reader->arena, sizeof *rowids * ((size_t)inputs->count + 1), reader->err);

    if (rowids == NULL || element == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_store_enter(store, qr_gql_str_of("inputs"), 0));
    *element = (struct qr_gql_path){.parent = store->place};
    for (uint32_t i = 0; i < inputs->count; i++) {
        element->index = i;
        store->place = element;
        QR_TRY(qr_row_create(store, field->api->type, &inputs->items[i], NULL, &rowids[i]));
    }
    store->place = place;
    return read_rows(store, field, rowids, inputs->count, out);
}

/* The rows that the field's `where` selects of those that the caller may write; BAD_INPUT when
 * `where` says all of them and it is not said that it should be. */
static quire_status select_rows(struct qr_store *store, const struct qr_select_field *field,
                                enum qr_auth_operation operation, int64_t **rowids, size_t *count)
{
    const struct qr_gql_value *all = qr_select_argument(field, "allRows");
    struct qr_reader *reader = store->reader;
    struct qr_filter *rules;
    struct qr_filter *given;
    struct qr_query query;

    QR_TRY(qr_query_compile(reader, field->api->type, NULL, field, &query));
    given = query.filter;
    if (reader->auth != NULL) { /* what rules add is no condition that was given */
        QR_TRY(qr_filter_compile_own(reader, field->api->type, qr_select_argument(field, "where"),
                                     &given));
    }
    QR_TRY(qr_auth_filter(reader, field->api->type, operation, &rules));
    QR_TRY(qr_filter_and(reader, rules, query.filter, &query.filter));
    if (qr_filter_is_constant(given, true) &&
        (all == NULL || all->kind != QR_GQL_VALUE_BOOL || !all->boolean)) {
        return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", NULL,
                             "\"%.*s\" has no condition that a row could fail: it would write all "
                             "rows of %s. Give one in \"where\", or say \"allRows: true\".",
                             QR_GQL_FMT(field->selected->field->name), field->api->type->table);
    }
    QR_TRY(qr_explain_field(store->reader, field->selected->parent, field->selected->field->name));
    return qr_query_rowids(store->reader, &query, rowids, count);
}

static quire_status run_update_many(struct qr_store *store, const struct qr_select_field *field,
                                    struct qr_mutation *out)
{
    struct qr_row_change change;
    int64_t *rowids = NULL;
    size_t count = 0;

    QR_TRY(check_changes(store, field));
    QR_TRY(select_rows(store, field, QR_AUTH_UPDATE, &rowids, &count));
    QR_TRY(qr_row_change_compile(store, field->api->type, &field->selected->arguments, "input",
                                 &change));
    for (size_t i = 0; i < count; i++) {
        QR_TRY(qr_row_change_run(store, &change, rowids[i]));
    }
    return read_rows(store, field, rowids, count, out);
}

static quire_status run_delete_many(struct qr_store *store, const struct qr_select_field *field,
                                    struct qr_mutation *out)
{
    int64_t *rowids = NULL;
    size_t count = 0;
    QR_TRY(select_rows(store, field, QR_AUTH_DELETE, &rowids, &count));
    QR_TRY(read_rows(store, field, rowids, count, out));
    return qr_store_delete(store, field->api->type, rowids, count);
}

/* ---- fields ---- */

typedef quire_status (*run_verb)(struct qr_store *store, const struct qr_select_field *field,
                                 struct qr_mutation *out);

quire_status qr_mutate(struct qr_store *store, const struct qr_select_field *field,
                       struct qr_mutation *out)
{
    static const run_verb verbs[QR_MODEL_VERBS] = {
        [QR_MODEL_CREATE] = run_create,           [QR_MODEL_UPDATE] = run_update,
        [QR_MODEL_DELETE] = run_delete,           [QR_MODEL_UPSERT] = run_upsert,
        [QR_MODEL_CREATE_MANY] = run_create_many, [QR_MODEL_UPDATE_MANY] = run_update_many,
        [QR_MODEL_DELETE_MANY] = run_delete_many,
    };
    int verb = (int)field->api->kind - QR_API_CREATE;

    *out = (struct qr_mutation){.field = field, .bulk = verb >= QR_MODEL_CREATE_MANY};
    qr_store_begin_field(store);
    QR_TRY(verbs[verb](store, field, out));
    return qr_auth_check_written(store);
}

/* ---- writing ---- */

static quire_status write_returning(struct qr_reader *reader, const struct qr_node *node,
                                    struct qr_gql_str name, struct qr_json_writer *writer)
{
    struct qr_gql_path list = {.parent = reader->path, .key = name};
    struct qr_gql_path element = {.parent = &list};
    qr_json_begin_array(writer);
    reader->path = &element;
    for (size_t i = 0; i < node->count && !reader->raised; i++) {
        element.index = i;
        QR_TRY(qr_write_row(reader, node, i, writer));
    }
    reader->path = list.parent;
    qr_json_end_array(writer);
    return QUIRE_OK;
}

static quire_status write_mutation(struct qr_reader *reader, const struct qr_mutation *mutation,
                                   struct qr_json_writer *writer)
{
    const struct qr_select *set = mutation->field->set;

    if (!mutation->bulk) {
        if (mutation->node == NULL) {
            qr_json_put_null(writer);
            return QUIRE_OK;
        }
        return qr_write_row(reader, mutation->node, 0, writer);
    }
    qr_json_begin_object(writer);
    for (uint32_t f = 0; f < set->count && !reader->raised; f++) {
        const struct qr_select_field *field = &set->fields[f];
        qr_json_put_key(writer, field->selected->name.data, field->selected->name.size);
        if (field->api == NULL) {
            qr_json_put_string(writer, set->type->name.data, set->type->name.size);
        } else if (field->api->kind == QR_API_AFFECTED_ROWS) {
            qr_json_put_uint(writer, mutation->affected);
        } else {
            QR_TRY(write_returning(reader, mutation->returning[f], field->selected->name, writer));
        }
    }
    qr_json_end_object(writer);
    return writer->status;
}

quire_status qr_mutation_write(struct qr_reader *reader, const struct qr_mutation *mutation,
                               struct qr_json_writer *writer)
{
    struct qr_gql_path step = {.key = mutation->field->selected->name};
    reader->path = &step;
    quire_status status = write_mutation(reader, mutation, writer);
    reader->path = NULL;
    return status;
}
