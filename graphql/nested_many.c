/*
 * `updateMany` and `deleteMany` of nested writes: what is done to those of the
 * connected rows that a condition selects. They are found by the relation's
 * index, all of them before anything is done to one.
 */
#include "graphql/auth.h"
#include "graphql/explain.h"
#include "graphql/query.h"
#include "graphql/row_write.h"

static const struct qr_gql_value *get(const struct qr_gql_value *object, const char *name)
{
    return qr_gql_value_get(object, qr_gql_str_of(name));
}

/* The filter of what `value` selects, of rows that the caller may do this to. BAD_INPUT when that
 * is all of them and it is not said that it should be. */
static quire_status compile(struct qr_store *store, const struct qr_model_field *field,
                            const struct qr_gql_value *value, enum qr_auth_operation operation,
                            struct qr_filter **out)
{
    const struct qr_model_type *type = field->target;
    const struct qr_gql_value *all = get(value, "allRows");
    struct qr_reader *reader = store->reader;
    struct qr_filter *given;
    struct qr_filter *rules;

    QR_TRY(qr_filter_compile_own(reader, type, get(value, "where"), &given));
    if (qr_filter_is_constant(given, true) &&
        (all == NULL || all->kind != QR_GQL_VALUE_BOOL || !all->boolean)) {
        return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                             "There is no condition that a row of %s.%.*s could fail: all of them "
                             "would be written. Give one in \"where\", or say \"allRows: true\".",
                             field->owner->table, QR_GQL_FMT(field->name));
    }
    QR_TRY(qr_filter_compile_shown(reader, type, get(value, "where"), out));
    QR_TRY(qr_auth_filter(reader, type, operation, &rules));
    return qr_filter_and(reader, rules, *out, out);
}

static quire_status select_rows(struct qr_store *store, const struct qr_model_field *field,
                                int64_t rowid, const struct qr_gql_value *value,
                                enum qr_auth_operation operation, int64_t **rowids, size_t *count)
{
    struct qr_reader *reader = store->reader;
    struct qr_query query = {.type = field->target, .relation = field, .limit = UINT64_MAX};
    struct qr_row parent = {.rowid = rowid, .place = rowid};
    struct qr_rows rows = {0};
    struct qr_page page;

    QR_TRY(compile(store, field, value, operation, &query.filter));
    QR_TRY(qr_order_compile(reader, field->target, NULL, &query.order));
    QR_TRY(qr_plan_choose(reader, &query));
    QR_TRY(qr_explain_field(reader, field->owner->definition, field->name));
    QR_TRY(qr_query_run_level(reader, &query, &parent, 1, &rows, &page));
    *rowids = qr_arena_alloc(reader->arena, sizeof **rowids * (rows.count + 1), reader->err);
    if (*rowids == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < rows.count; i++) {
        (*rowids)[i] = rows.rows[i].rowid;
    }
    *count = rows.count;
    return QUIRE_OK;
}

quire_status qr_nested_update_many(struct qr_store *store, const struct qr_model_field *field,
                                   int64_t rowid, const struct qr_gql_value *value)
{
    struct qr_row_change change;
    int64_t *rowids = NULL;
    size_t count = 0;

    QR_TRY(select_rows(store, field, rowid, value, QR_AUTH_UPDATE, &rowids, &count));
    QR_TRY(qr_row_change_compile(store, field->target, value, "input", &change));
    for (size_t i = 0; i < count; i++) {
        QR_TRY(qr_row_change_run(store, &change, rowids[i]));
    }
    return QUIRE_OK;
}

quire_status qr_nested_delete_many(struct qr_store *store, const struct qr_model_field *field,
                                   int64_t rowid, const struct qr_gql_value *value)
{
    int64_t *rowids = NULL;
    size_t count = 0;
    QR_TRY(select_rows(store, field, rowid, value, QR_AUTH_DELETE, &rowids, &count));
    return qr_store_delete(store, field->target, rowids, count);
}
