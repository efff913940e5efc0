/*
 * Rows to be: what they have without being given it, and what their values must
 * keep to. See store.h.
 */
#include "base/clock.h"
#include "graphql/column.h"
#include "graphql/constraint.h"
#include "graphql/scalar.h"
#include "graphql/sequence.h"
#include "graphql/store.h"

quire_status qr_draft_init(struct qr_store *store, const struct qr_model_type *type,
                           struct qr_draft *draft)
{
    struct qr_reader *reader = store->reader;
    draft->type = type;
    draft->operators = NULL;
    draft->values = qr_arena_alloc(reader->arena, sizeof *draft->values * (type->column_count + 1),
                                   reader->err);
    draft->given = qr_arena_alloc_zero(
        reader->arena, sizeof *draft->given * (type->column_count + 1), reader->err);
    if (draft->values == NULL || draft->given == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->column_count; i++) {
        draft->values[i] = quire_null();
    }
    return QUIRE_OK;
}

/* ---- generated values ---- */

/* A UUID, as text where the field is no UUID. */
static quire_status make_uuid(struct qr_store *store, const struct qr_model_field *field,
                              quire_value *value)
{
    struct qr_reader *reader = store->reader;
    uint8_t *bytes = qr_arena_alloc(reader->arena, QR_UUID_SIZE, reader->err);
    char *text = qr_arena_alloc(reader->arena, QR_UUID_TEXT_SIZE, reader->err);

    if (bytes == NULL || text == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_uuid_generate(bytes, reader->err));
    if (field->scalar == QR_MODEL_UUID) {
        *value = quire_blob(bytes, QR_UUID_SIZE);
        return QUIRE_OK;
    }
    qr_uuid_print(bytes, text);
    *value = quire_text_n(text, QR_UUID_TEXT_SIZE);
    return QUIRE_OK;
}

quire_value qr_store_now(struct qr_store *store, const struct qr_model_field *field)
{
    if (store->now == 0) {
        store->now = qr_clock_wall_ns() / 1000;
    }
    return qr_moment_value(field->scalar, store->now);
}

quire_status qr_draft_default(struct qr_store *store, struct qr_draft *draft,
                              const struct qr_model_field *field)
{
    quire_value *value = &draft->values[field->column];
    draft->given[field->column] = true;
    switch (field->generator) {
    case QR_MODEL_MAKES_UUID:
        return make_uuid(store, field, value);
    case QR_MODEL_MAKES_NUMBER:
        *value = quire_int(0);
        return qr_sequence_next(store->reader, field, &value->as.integer);
    case QR_MODEL_MAKES_NOW:
    case QR_MODEL_CREATED_AT:
    case QR_MODEL_UPDATED_AT:
        *value = qr_store_now(store, field);
        return QUIRE_OK;
    case QR_MODEL_NO_GENERATOR:
        break;
    }
    return qr_column_from_value(field, false, &field->default_value, store->reader->arena, value,
                                store->reader->err);
}

/* ---- checks ---- */

quire_status qr_store_check(struct qr_store *store, const struct qr_model_field *field,
                            const quire_value *value)
{
    if (value->type == QUIRE_NULL) {
        return !field->required ? QUIRE_OK
                                : qr_store_fail(store, QUIRE_NOT_NULL, "NOT_NULL", field,
                                                "%s.%.*s is required and cannot be null.",
                                                field->owner->table, QR_GQL_FMT(field->name));
    }
    QR_TRY(qr_constraint_check(store, field, value));
    return field->generator == QR_MODEL_MAKES_NUMBER
               ? qr_sequence_raise(store->reader, field, value->as.integer)
               : QUIRE_OK;
}

quire_status qr_draft_complete(struct qr_store *store, struct qr_draft *draft)
{
    for (uint32_t i = 0; i < draft->type->column_count; i++) {
        const struct qr_model_field *field = draft->type->columns[i];
        if (draft->given[i]) {
            QR_TRY(qr_store_check(store, field, &draft->values[i]));
        } else if (qr_model_has_default(field)) {
            QR_TRY(qr_draft_default(store, draft, field));
        } else if (field->required) {
            return qr_store_fail(store, QUIRE_NOT_NULL, "NOT_NULL", field,
                                 "%s.%.*s is required and has no value.", draft->type->table,
                                 QR_GQL_FMT(field->name));
        }
    }
    return QUIRE_OK;
}
