/*
 * Finding rows by their keys: see row_key.h.
 */
#include "graphql/row_key.h"

#include "graphql/auth.h"
#include "graphql/column.h"

const struct qr_model_index *qr_row_key_find(const struct qr_model_type *type,
                                             struct qr_gql_str name)
{
    for (uint32_t i = 0; i < type->index_count; i++) {
        const struct qr_model_index *index = &type->indexes[i];
        if (index->key_name != NULL && qr_gql_str_is(name, index->key_name)) {
            return index;
        }
    }
    return NULL;
}

bool qr_row_key_is_taken(struct qr_gql_str name)
{
    return qr_gql_str_is(name, "input") || qr_gql_str_is(name, "apply") ||
           qr_gql_str_is(name, "ifMatch");
}

quire_status qr_row_key_given(struct qr_reader *reader, const struct qr_select_field *field,
                              const struct qr_model_index **key, const struct qr_gql_value **given)
{
    const struct qr_gql_value *arguments = &field->selected->arguments;
    bool writes = field->api->kind != QR_API_ONE;
    uint32_t count = 0;

    for (uint32_t i = 0; i < arguments->count; i++) {
        const struct qr_gql_value_member *member = &arguments->members[i];
        if (member->value.kind != QR_GQL_VALUE_NULL &&
            !(writes && qr_row_key_is_taken(member->name))) {
            *key = qr_row_key_find(field->api->type, member->name);
            *given = &member->value;
            count++;
        }
    }
    return count == 1 ? QUIRE_OK
                      : qr_fail(reader->err, QUIRE_QUERY,
                                "The field \"%.*s\" takes exactly one of its keys.",
                                QR_GQL_FMT(field->selected->field->name));
}

/* The value of one field of a key; a reference by the key of its row, null when there is none. */
static quire_status key_value(struct qr_reader *reader, const struct qr_model_field *field,
                              const struct qr_gql_value *given, quire_value *out)
{
    const struct qr_model_field *key =
        field->role == QR_MODEL_REFERENCE ? field->target->key : field;
    int64_t rowid;
    bool found;

    QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
    QR_TRY(qr_column_from_value(key, false, given, reader->arena, out, reader->err));
    if (field->role == QR_MODEL_REFERENCE) {
        QR_TRY(qr_reader_find(reader, key, out, &rowid, &found));
        QR_TRY(qr_auth_see(reader, field->target, rowid, &found));
        *out = found ? quire_int(rowid) : quire_null();
    }
    return QUIRE_OK;
}

quire_status qr_row_key_seek(struct qr_reader *reader, const struct qr_model_type *type,
                             const struct qr_model_index *key, const struct qr_gql_value *given,
                             int64_t *rowid, bool *found)
{
    quire_value values[16];
    for (uint32_t f = 0; f < key->field_count; f++) {
        const struct qr_gql_value *value = given;
        if (key->field_count > 1) {
            value = qr_gql_value_get(given, qr_gql_str_of(key->fields[f]->key_name));
        }
        QR_TRY(key_value(reader, key->fields[f], value, &values[f]));
    }
    return qr_reader_find_by(reader, type, key, values, rowid, found);
}
