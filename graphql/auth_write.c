/*
 * Writes of a caller: see auth.h.
 *
 * A row must satisfy the rules before it is changed or deleted, and again once
 * the field of the mutation is done: only then are the nested writes there that
 * a condition over relations may look at. A failure ends the mutation, which is
 * rolled back as a whole.
 */
#include "graphql/auth.h"
#include "graphql/store.h"

struct written {
    const struct qr_model_type *type;
    int64_t rowid;
    enum qr_auth_operation operation;
};

struct qr_auth_written {
    struct written *items;
    size_t count, capacity;
};

quire_status qr_auth_take(struct qr_store *store, const struct qr_model_type *type, int64_t rowid,
                          enum qr_auth_operation operation)
{
    struct qr_reader *reader = store->reader;
    bool found;
    bool pass;
    if (reader->auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_auth_test_at(reader, type, operation, rowid, &found, &pass));
    qr_arena_reset(&reader->scratch);
    return pass ? QUIRE_OK : qr_auth_refuse(reader->auth, type, NULL, operation, reader->err);
}

quire_status qr_auth_check_values(struct qr_store *store, const struct qr_model_type *type,
                                  const quire_value *values, int64_t rowid,
                                  enum qr_auth_operation operation)
{
    struct qr_reader *reader = store->reader;
    struct qr_row row = {.rowid = rowid, .place = rowid};
    uint8_t *record;
    bool pass;
    if (reader->auth == NULL || type->rules == NULL) {
        return QUIRE_OK;
    }
    row.size = quire_record_size(values, type->column_count);
    record = qr_arena_alloc(&reader->scratch, row.size, reader->err);
    if (record == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_record_encode(values, type->column_count, record);
    row.record = record;
    QR_TRY(qr_auth_test(reader, type, operation, &row, &pass));
    return pass ? QUIRE_OK : qr_auth_refuse(reader->auth, type, NULL, operation, reader->err);
}

/* Whether a verb does the same whatever the relation leads to. */
static bool is_blind(const struct qr_model_field *relation, struct qr_gql_str verb)
{
    bool adds = qr_gql_str_is(verb, "create") || qr_gql_str_is(verb, "connect") ||
                qr_gql_str_is(verb, "connectOrCreate");
    if (relation->role == QR_MODEL_REFERENCE) {
        return adds || qr_gql_str_is(verb, "disconnect");
    }
    return adds && relation->role != QR_MODEL_REVERSE_ONE; /* which lets go of the row before */
}

quire_status qr_auth_check_nested(struct qr_auth *auth, const struct qr_model_field *relation,
                                  const struct qr_gql_value *given, quire_error *err)
{
    bool blind = given->kind == QR_GQL_VALUE_OBJECT;
    if (qr_auth_can_read(auth, relation)) {
        return QUIRE_OK;
    }
    for (uint32_t i = 0; blind && i < given->count; i++) {
        blind = is_blind(relation, given->members[i].name);
    }
    return blind ? QUIRE_OK : qr_auth_refuse(auth, relation->owner, relation, QR_AUTH_READ, err);
}

static quire_status grow(struct qr_store *store)
{
    struct qr_arena *arena = store->reader->arena;
    struct qr_auth_written *list = store->written;
    if (list == NULL) {
        list = store->written = qr_arena_alloc_zero(arena, sizeof *list, store->reader->err);
    }
    if (list == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (list->count < list->capacity) {
        return QUIRE_OK;
    }
    size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
    struct written *items = qr_arena_alloc(arena, sizeof *items * capacity, store->reader->err);
    if (items == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (list->count > 0) {
        memcpy(items, list->items, sizeof *items * list->count);
    }
    list->items = items;
    list->capacity = capacity;
    return QUIRE_OK;
}

quire_status qr_auth_wrote(struct qr_store *store, const struct qr_model_type *type, int64_t rowid,
                           enum qr_auth_operation operation)
{
    if (store->reader->auth == NULL || type->rules == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(grow(store));
    store->written->items[store->written->count++] = (struct written){type, rowid, operation};
    return QUIRE_OK;
}

quire_status qr_auth_check_written(struct qr_store *store)
{
    struct qr_auth_written *list = store->written;
    struct qr_reader *reader = store->reader;
    if (list == NULL || list->count == 0) {
        return QUIRE_OK;
    }
    qr_auth_renew(reader->auth);
    for (size_t i = 0; i < list->count; i++) {
        const struct written *row = &list->items[i];
        bool found; /* not where a later write has deleted it */
        bool pass;
        QR_TRY(qr_reader_step(reader));
        QR_TRY(qr_auth_test_at(reader, row->type, row->operation, row->rowid, &found, &pass));
        qr_arena_reset(&reader->scratch);
        if (found && !pass) {
            return qr_auth_refuse(reader->auth, row->type, NULL, row->operation, reader->err);
        }
    }
    list->count = 0;
    return QUIRE_OK;
}
