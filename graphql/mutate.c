/*
 * Running mutation fields: see mutate.h.
 */
#include "graphql/mutate.h"

#include "graphql/column.h"

/* The row that a key names; FOREIGN_KEY when there is none. */
static quire_status find_target(struct qr_store *store, const struct qr_model_field *field,
                                const struct qr_gql_value *key, int64_t *rowid)
{
    const struct qr_model_field *target_key = field->target->key;
    quire_value value;
    bool found;

    QR_TRY(qr_column_from_value(target_key, false, key, store->reader->arena, &value,
                                store->reader->err));
    QR_TRY(qr_reader_find(store->reader, target_key, &value, rowid, &found));
    if (!found) {
        struct qr_gql_str shown = qr_gql_str_cut(key->text, 60);
        return qr_store_fail(store, QUIRE_FOREIGN_KEY, "FOREIGN_KEY", field,
                             "%s.%.*s refers to \"%.*s\", which is no row of %s.",
                             field->owner->table, QR_GQL_FMT(field->name), QR_GQL_FMT(shown),
                             field->target->table);
    }
    return QUIRE_OK;
}

/* Takes the columns and references that an input gives. */
static quire_status read_columns(struct qr_store *store, const struct qr_gql_value *input,
                                 struct qr_draft *draft)
{
    for (uint32_t i = 0; i < draft->type->column_count; i++) {
        const struct qr_model_field *field = draft->type->columns[i];
        struct qr_gql_str name =
            field->role == QR_MODEL_REFERENCE ? qr_gql_str_of(field->column_name) : field->name;
        const struct qr_gql_value *value = qr_gql_value_get(input, name);
        int64_t rowid;
        if (value == NULL) {
            continue;
        }
        draft->given[i] = true;
        if (field->role == QR_MODEL_COLUMN) {
            QR_TRY(qr_column_from_value(field, false, value, store->reader->arena,
                                        &draft->values[i], store->reader->err));
        } else if (value->kind != QR_GQL_VALUE_NULL) {
            QR_TRY(find_target(store, field, value, &rowid));
            draft->values[i] = quire_int(rowid);
        }
    }
    return QUIRE_OK;
}

/* Sets the links that an input gives; `replace` removes those that were there. */
static quire_status write_links(struct qr_store *store, const struct qr_model_type *type,
                                const struct qr_gql_value *input, int64_t rowid, bool replace)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (field->role != QR_MODEL_LINKS) {
            continue;
        }
        const char *name = qr_api_keys_name(field, store->reader->arena, store->reader->err);
        if (name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        const struct qr_gql_value *keys = qr_gql_value_get(input, qr_gql_str_of(name));
        if (keys == NULL) {
            continue;
        }
        if (replace) {
            QR_TRY(qr_store_unlink_all(store, field, rowid));
        }
        for (uint32_t k = 0; keys->kind == QR_GQL_VALUE_LIST && k < keys->count; k++) {
            int64_t target;
            QR_TRY(find_target(store, field, &keys->items[k], &target));
            QR_TRY(qr_store_link(store, field, rowid, target));
        }
    }
    return QUIRE_OK;
}

/* The rowid of the row that the field's key argument names. */
static quire_status find_row(struct qr_store *store, const struct qr_select_field *field,
                             int64_t *rowid)
{
    const struct qr_model_type *type = field->api->type;
    const struct qr_gql_value *key = qr_gql_value_get(&field->selected->arguments, type->key->name);
    quire_value value;
    bool found;

    QR_TRY(qr_column_from_value(type->key, false, key, store->reader->arena, &value,
                                store->reader->err));
    QR_TRY(qr_reader_find(store->reader, type->key, &value, rowid, &found));
    if (!found) {
        struct qr_gql_str shown = qr_gql_str_cut(key->text, 60);
        return qr_store_fail(store, QUIRE_QUERY, "NOT_FOUND", type->key,
                             "There is no row of %s with %.*s \"%.*s\".", type->table,
                             QR_GQL_FMT(type->key->name), QR_GQL_FMT(shown));
    }
    return QUIRE_OK;
}

static quire_status read_row(struct qr_store *store, const struct qr_select_field *field,
                             int64_t rowid, struct qr_node **out)
{
    struct qr_row *row = qr_arena_alloc(store->reader->arena, sizeof *row, store->reader->err);
    bool found;
    if (row == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_reader_row(store->reader, field->api->type, rowid, row, &found));
    return qr_read_rows(store->reader, field->api->type, field->set, row, found ? 1 : 0, out);
}

quire_status qr_mutate(struct qr_store *store, const struct qr_select_field *field,
                       struct qr_node **out)
{
    const struct qr_model_type *type = field->api->type;
    const struct qr_gql_value *input = qr_select_argument(field, "input");
    struct qr_draft draft;
    int64_t rowid = 0;

    store->code = NULL;
    store->coordinate = (struct qr_gql_str){NULL, 0};
    if (field->api->kind == QR_API_DELETE) {
        QR_TRY(find_row(store, field, &rowid));
        QR_TRY(read_row(store, field, rowid, out));
        return qr_store_delete(store, type, rowid);
    }
    if (field->api->kind == QR_API_UPDATE) {
        QR_TRY(find_row(store, field, &rowid));
    }
    QR_TRY(qr_draft_init(store, type, &draft));
    QR_TRY(read_columns(store, input, &draft));
    if (field->api->kind == QR_API_CREATE) {
        QR_TRY(qr_draft_complete(store, &draft));
        QR_TRY(qr_store_insert(store, &draft, &rowid));
    } else {
        QR_TRY(qr_store_update(store, rowid, &draft));
    }
    QR_TRY(write_links(store, type, input, rowid, field->api->kind == QR_API_UPDATE));
    return read_row(store, field, rowid, out);
}
