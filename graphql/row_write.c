/*
 * One row from its input: see row_write.h.
 */
#include "graphql/row_write.h"

#include "graphql/auth.h"
#include "graphql/column.h"
#include "graphql/row_key.h"

/* ---- finding rows ---- */

quire_status qr_row_find_target(struct qr_store *store, const struct qr_model_field *field,
                                const struct qr_gql_value *key, int64_t *rowid)
{
    const struct qr_model_field *target_key = field->target->key;
    quire_value value;
    bool found;

    QR_TRY(qr_column_from_value(target_key, false, key, store->reader->arena, &value,
                                store->reader->err));
    QR_TRY(qr_reader_find(store->reader, target_key, &value, rowid, &found));
    QR_TRY(qr_auth_see(store->reader, field->target, *rowid, &found));
    if (!found) {
        struct qr_gql_str shown = qr_gql_str_cut(key->text, 60);
        return qr_store_fail(store, QUIRE_FOREIGN_KEY, "FOREIGN_KEY", field,
                             "%s.%.*s refers to \"%.*s\", which is no row of %s.",
                             field->owner->table, QR_GQL_FMT(field->name), QR_GQL_FMT(shown),
                             field->target->table);
    }
    return QUIRE_OK;
}

quire_status qr_row_find(struct qr_store *store, const struct qr_model_type *type,
                         const struct qr_gql_value *key, int64_t *rowid, bool *found)
{
    const struct qr_gql_value_member *given = key->members;
    const struct qr_model_index *index = qr_row_key_find(type, given->name);

    QR_ASSERT(index != NULL);
    QR_TRY(qr_row_key_seek(store->reader, type, index, &given->value, rowid, found));
    return qr_auth_see(store->reader, type, *rowid, found);
}

quire_status qr_row_get(struct qr_store *store, const struct qr_model_field *relation,
                        const struct qr_gql_value *key, int64_t *rowid)
{
    bool found;
    QR_TRY(qr_row_find(store, relation->target, key, rowid, &found));
    if (!found) {
        struct qr_gql_str shown =
            qr_gql_str_cut(qr_gql_str_of(qr_gql_value_inspect(store->reader->arena, key)), 120);
        return qr_store_fail(store, QUIRE_QUERY, "NOT_FOUND", relation,
                             "%s.%.*s names %.*s, which is no row of %s.", relation->owner->table,
                             QR_GQL_FMT(relation->name), QR_GQL_FMT(shown),
                             relation->target->table);
    }
    return QUIRE_OK;
}

/* ---- inputs ---- */

/* The relation whose key, or list of keys, has that name in inputs: `fId`, `fIds`. */
static const struct qr_model_field *relation_by_key(const struct qr_model_type *type,
                                                    struct qr_gql_str name)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        if (type->columns[i]->role == QR_MODEL_REFERENCE &&
            qr_gql_str_is(name, type->columns[i]->key_name)) {
            return type->columns[i];
        }
    }
    return qr_model_find_field(type, (struct qr_gql_str){name.data, name.size - 3});
}

static quire_status given_twice(struct qr_store *store, const struct qr_model_field *field)
{
    return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                         "%s.%.*s is given in two ways; give one of them.", field->owner->table,
                         QR_GQL_FMT(field->name));
}

/* Takes the value of a column, or the key of a reference. */
static quire_status take_column(struct qr_store *store, const struct qr_model_field *field,
                                const struct qr_gql_value_member *member, struct qr_draft *draft)
{
    const struct qr_gql_path *place = store->place;
    quire_value *value = &draft->values[field->column];
    int64_t rowid;

    if (draft->given[field->column]) {
        return given_twice(store, field);
    }
    draft->given[field->column] = true;
    if (field->role == QR_MODEL_COLUMN) {
        return qr_column_from_value(field, false, &member->value, store->reader->arena, value,
                                    store->reader->err);
    }
    if (member->value.kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_store_enter(store, member->name, 0));
    QR_TRY(qr_row_find_target(store, field, &member->value, &rowid));
    store->place = place;
    *value = quire_int(rowid);
    return QUIRE_OK;
}

/* Takes the columns that an input gives; *nested says that it has more. All members of it must be
 * the caller's to give. */
static quire_status take_columns(struct qr_store *store, const struct qr_gql_value *input,
                                 enum qr_auth_operation operation, struct qr_draft *draft,
                                 bool *nested)
{
    for (uint32_t i = 0; i < input->count; i++) {
        const struct qr_gql_value_member *member = &input->members[i];
        const struct qr_model_field *field = qr_model_find_field(draft->type, member->name);
        bool is_key = field == NULL;
        if (is_key) {
            field = relation_by_key(draft->type, member->name);
        }
        QR_TRY(qr_auth_check_field(store->reader->auth, field, operation, store->reader->err));
        if (field->role == QR_MODEL_COLUMN || (is_key && field->role == QR_MODEL_REFERENCE)) {
            QR_TRY(take_column(store, field, member, draft));
            continue;
        }
        if (operation == QR_AUTH_UPDATE) {
            QR_TRY(qr_auth_check_nested(store->reader->auth, field, &member->value,
                                        store->reader->err));
        }
        *nested = true;
    }
    return QUIRE_OK;
}

static quire_status refuse_null(struct qr_store *store, const struct qr_model_field *field)
{
    return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                         "The nested write of %s.%.*s must not be null.", field->owner->table,
                         QR_GQL_FMT(field->name));
}

/* The references that an input writes through, before the row itself. */
static quire_status write_references(struct qr_store *store, const struct qr_gql_value *input,
                                     int64_t rowid, struct qr_draft *draft)
{
    const struct qr_gql_path *place = store->place;
    for (uint32_t i = 0; i < input->count; i++) {
        const struct qr_gql_value_member *member = &input->members[i];
        const struct qr_model_field *field = qr_model_find_field(draft->type, member->name);
        int64_t target = 0;
        bool set = false;
        if (field == NULL || field->role != QR_MODEL_REFERENCE) {
            continue;
        }
        QR_TRY(qr_store_enter(store, member->name, 0));
        if (draft->given[field->column]) {
            return given_twice(store, field);
        }
        if (member->value.kind == QR_GQL_VALUE_NULL) {
            return refuse_null(store, field);
        }
        QR_TRY(qr_nested_reference(store, field, rowid, &member->value, &target, &set));
        store->place = place;
        draft->given[field->column] = set;
        draft->values[field->column] = target == 0 ? quire_null() : quire_int(target);
    }
    return QUIRE_OK;
}

/* Links the row to the rows whose keys are listed, and to no others. */
static quire_status write_links(struct qr_store *store, const struct qr_model_field *field,
                                const struct qr_gql_value *keys, int64_t rowid)
{
    const struct qr_gql_path *place = store->place;
    QR_TRY(qr_nested_clear(store, field, rowid));
    for (uint32_t i = 0; keys->kind == QR_GQL_VALUE_LIST && i < keys->count; i++) {
        int64_t target;
        quire_status status = qr_row_find_target(store, field, &keys->items[i], &target);
        if (status != QUIRE_OK) {
            QR_TRY(qr_store_enter(store, (struct qr_gql_str){NULL, 0}, i));
            return status;
        }
        QR_TRY(qr_nested_attach(store, field, rowid, target));
    }
    store->place = place;
    return QUIRE_OK;
}

/* The relations that an input writes through, once the row is there. */
static quire_status write_others(struct qr_store *store, const struct qr_model_type *type,
                                 const struct qr_gql_value *input, int64_t rowid)
{
    const struct qr_gql_path *place = store->place;
    for (uint32_t i = 0; i < input->count; i++) {
        const struct qr_gql_value_member *member = &input->members[i];
        const struct qr_model_field *field = qr_model_find_field(type, member->name);
        bool is_key = field == NULL;
        if (is_key) {
            field = relation_by_key(type, member->name);
        }
        if (field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE) {
            continue;
        }
        QR_TRY(qr_store_enter(store, member->name, 0));
        if (is_key && qr_gql_value_get(input, field->name) != NULL) {
            return given_twice(store, field);
        }
        if (is_key) {
            QR_TRY(write_links(store, field, &member->value, rowid));
        } else if (member->value.kind == QR_GQL_VALUE_NULL) {
            return refuse_null(store, field);
        } else {
            QR_TRY(qr_nested_others(store, field, rowid, &member->value));
        }
        store->place = place;
    }
    return QUIRE_OK;
}

/* ---- creating ---- */

quire_status qr_row_create(struct qr_store *store, const struct qr_model_type *type,
                           const struct qr_gql_value *input, const struct qr_row_parent *parent,
                           int64_t *rowid)
{
    struct qr_draft draft;
    bool nested = false;

    QR_TRY(qr_auth_check_type(store->reader->auth, type, QR_AUTH_CREATE, store->reader->err));
    QR_TRY(qr_draft_init(store, type, &draft));
    if (parent != NULL) {
        draft.given[parent->reference->column] = true;
        draft.values[parent->reference->column] = quire_int(parent->rowid);
    }
    QR_TRY(take_columns(store, input, QR_AUTH_CREATE, &draft, &nested));
    if (nested) {
        QR_TRY(write_references(store, input, 0, &draft));
    }
    QR_TRY(qr_draft_complete(store, &draft));
    QR_TRY(qr_store_insert(store, &draft, rowid));
    QR_TRY(qr_auth_wrote(store, type, *rowid, QR_AUTH_CREATE));
    return nested ? write_others(store, type, input, *rowid) : QUIRE_OK;
}

/* ---- changing ---- */

quire_status qr_row_change_compile(struct qr_store *store, const struct qr_model_type *type,
                                   const struct qr_gql_value *changes, const char *name,
                                   struct qr_row_change *out)
{
    static const struct qr_gql_value nothing = {.kind = QR_GQL_VALUE_OBJECT};
    const struct qr_gql_path *place = store->place;
    const struct qr_gql_value *input = qr_gql_value_get(changes, qr_gql_str_of(name));
    const struct qr_gql_value *apply = qr_gql_value_get(changes, qr_gql_str_of("apply"));
    bool given = input != NULL && input->kind != QR_GQL_VALUE_NULL;

    *out = (struct qr_row_change){.input = given ? input : &nothing, .place = place};
    QR_TRY(qr_draft_init(store, type, &out->draft));
    if (given) {
        QR_TRY(qr_store_enter(store, qr_gql_str_of(name), 0));
        out->place = store->place;
        QR_TRY(take_columns(store, input, QR_AUTH_UPDATE, &out->draft, &out->has_nested));
        store->place = place;
    }
    QR_TRY(qr_operators_compile(store, apply, &out->draft));
    out->has_columns = out->draft.operators != NULL;
    for (uint32_t i = 0; i < type->column_count; i++) {
        out->has_columns = out->has_columns || out->draft.given[i];
    }
    return QUIRE_OK;
}

/* Forgets the references that write_references set for one row. */
static void forget_references(struct qr_row_change *change)
{
    for (uint32_t i = 0; i < change->input->count; i++) {
        const struct qr_model_field *field =
            qr_model_find_field(change->draft.type, change->input->members[i].name);
        if (field != NULL && field->role == QR_MODEL_REFERENCE) {
            change->draft.given[field->column] = false;
        }
    }
}

static bool sets_reference(const struct qr_row_change *change)
{
    const struct qr_draft *draft = &change->draft;
    for (uint32_t i = 0; i < draft->type->column_count; i++) {
        if (draft->given[i] && draft->type->columns[i]->role == QR_MODEL_REFERENCE) {
            return true;
        }
    }
    return false;
}

quire_status qr_row_change_run(struct qr_store *store, struct qr_row_change *change, int64_t rowid)
{
    const struct qr_gql_path *place = store->place;

    QR_TRY(qr_auth_wrote(store, change->draft.type, rowid, QR_AUTH_UPDATE));
    store->place = change->place;
    if (change->has_nested) {
        QR_TRY(write_references(store, change->input, rowid, &change->draft));
    }
    if (change->has_columns || (change->has_nested && sets_reference(change))) {
        QR_TRY(qr_store_update(store, rowid, &change->draft));
    }
    if (change->has_nested) {
        forget_references(change);
        QR_TRY(write_others(store, change->draft.type, change->input, rowid));
    }
    store->place = place;
    return QUIRE_OK;
}

quire_status qr_row_update(struct qr_store *store, const struct qr_model_type *type, int64_t rowid,
                           const struct qr_gql_value *changes, const char *name)
{
    struct qr_row_change change;
    QR_TRY(qr_auth_take(store, type, rowid, QR_AUTH_UPDATE));
    QR_TRY(qr_row_change_compile(store, type, changes, name, &change));
    return qr_row_change_run(store, &change, rowid);
}
