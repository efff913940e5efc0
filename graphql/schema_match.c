/*
 * Matching an older schema with a newer one: see schema_match.h.
 */
#include "graphql/schema_match.h"

#include "graphql/computed.h"

/* ---- fields ---- */

/* The name that a field is stored under: of its column, or the part of its link table's name that
 * is its own. */
static struct qr_gql_str stored_name(const struct qr_model_field *field)
{
    return field->column_name != NULL ? qr_gql_str_of(field->column_name) : field->name;
}

static bool may_match(const struct qr_model_field *a, const struct qr_model_field *b)
{
    return qr_field_is_stored(a) && qr_field_is_stored(b) &&
           (a->role == QR_MODEL_LINKS) == (b->role == QR_MODEL_LINKS);
}

static const struct qr_model_field *find_stored(const struct qr_model_type *type,
                                                const struct qr_model_field *like,
                                                struct qr_gql_str name)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (may_match(field, like) && qr_gql_str_equal(stored_name(field), name)) {
            return field;
        }
    }
    return NULL;
}

/* The field of `old` that lives on in one of the type that `old` becomes. */
static const struct qr_model_field *find_old(const struct qr_model_type *old,
                                             const struct qr_model_field *field)
{
    struct qr_gql_str hint = field->renamed_from;
    const struct qr_model_field *found = find_stored(old, field, stored_name(field));
    if (found != NULL || hint.data == NULL) {
        return found;
    }
    found = qr_model_find_field(old, hint);
    if (found == NULL || !may_match(found, field)) {
        found = find_stored(old, field, hint);
    }
    return found != NULL && find_stored(field->owner, found, stored_name(found)) == NULL ? found
                                                                                         : NULL;
}

static quire_status match_fields(struct qr_schema_change *c, const struct qr_model_type *type,
                                 const struct qr_model_type *old)
{
    struct qr_match *match = &c->matches[type->index];
    match->old = old;
    match->fields = qr_arena_alloc_zero(
        c->arena, sizeof(struct qr_model_field *) * ((size_t)type->field_count + 1), c->err);
    match->becomes = qr_arena_alloc_zero(
        c->arena, sizeof(struct qr_model_field *) * ((size_t)old->field_count + 1), c->err);
    if (match->fields == NULL || match->becomes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        const struct qr_model_field *found = NULL;
        if (qr_field_is_stored(field)) {
            found = find_old(old, field);
        } else if (field->role == QR_MODEL_COMPUTED) {
            found = qr_computed_find(old, field->expression_text);
        }
        if (found != NULL && match->becomes[found->index] == NULL) {
            match->fields[i] = found;
            match->becomes[found->index] = field;
        }
    }
    return QUIRE_OK;
}

const struct qr_model_field *qr_match_field(const struct qr_schema_change *c,
                                            const struct qr_model_field *field)
{
    const struct qr_match *match = &c->matches[field->owner->index];
    return match->old == NULL ? NULL : match->fields[field->index];
}

const struct qr_model_field *qr_match_new_field(const struct qr_schema_change *c,
                                                const struct qr_model_field *old)
{
    const struct qr_model_type *type = c->becomes[old->owner->index];
    return type == NULL ? NULL : c->matches[type->index].becomes[old->index];
}

/* ---- types ---- */

/* The old types by name and by the names of their tables, the new ones by the latter. */
struct names {
    struct qr_gql_name_table old, old_stored, new_stored;
};

static quire_status add_names(const struct qr_schema_change *c, const struct qr_model *model,
                              struct qr_gql_name_table *stored, struct qr_gql_name_table *names)
{
    for (uint32_t i = 0; i < model->type_count; i++) {
        struct qr_model_type *type = &model->types[i];
        QR_TRY(qr_gql_name_table_set(stored, c->arena, qr_gql_str_of(type->stored), type, c->err));
        if (names != NULL) {
            QR_TRY(qr_gql_name_table_set(names, c->arena, type->name, type, c->err));
        }
    }
    return QUIRE_OK;
}

static const struct qr_model_type *find_old_type(const struct names *names,
                                                 const struct qr_model_type *type)
{
    struct qr_gql_str hint = type->renamed_from;
    const struct qr_model_type *old =
        qr_gql_name_table_get(&names->old_stored, qr_gql_str_of(type->stored));
    if (old != NULL || hint.data == NULL) {
        return old;
    }
    old = qr_gql_name_table_get(&names->old, hint);
    if (old == NULL) {
        old = qr_gql_name_table_get(&names->old_stored, hint);
    }
    bool is_claimed = old != NULL &&
                      qr_gql_name_table_get(&names->new_stored, qr_gql_str_of(old->stored)) != NULL;
    return is_claimed ? NULL : old;
}

quire_status qr_match_schemas(struct qr_schema_change *c)
{
    struct names names = {0};
    c->matches = qr_arena_alloc_zero(
        c->arena, sizeof *c->matches * ((size_t)c->model->type_count + 1), c->err);
    c->becomes = qr_arena_alloc_zero(
        c->arena, sizeof(struct qr_model_type *) * ((size_t)c->old->type_count + 1), c->err);
    if (c->matches == NULL || c->becomes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(add_names(c, c->old, &names.old_stored, &names.old));
    QR_TRY(add_names(c, c->model, &names.new_stored, NULL));
    for (uint32_t i = 0; i < c->model->type_count; i++) {
        const struct qr_model_type *type = &c->model->types[i];
        const struct qr_model_type *old = find_old_type(&names, type);
        if (old == NULL) {
            continue;
        }
        if (c->becomes[old->index] != NULL) {
            struct qr_gql_pos pos = type->definition->origins->node->name.pos;
            return qr_fail_text(c->err, QUIRE_SCHEMA, "schema", pos.line, pos.column,
                                "%s and %s are both renamed from %s.",
                                c->becomes[old->index]->table, type->table, old->table);
        }
        c->becomes[old->index] = type;
        QR_TRY(match_fields(c, type, old));
    }
    return QUIRE_OK;
}

const struct qr_model_type *qr_match_type(const struct qr_schema_change *c,
                                          const struct qr_model_type *type)
{
    return c->matches[type->index].old;
}

const struct qr_model_type *qr_match_new_type(const struct qr_schema_change *c,
                                              const struct qr_model_type *old)
{
    return c->becomes[old->index];
}

/* ---- indexes ---- */

static bool has_index_name(const struct qr_model *model, const char *name)
{
    for (uint32_t t = 0; t < model->type_count; t++) {
        for (uint32_t i = 0; i < model->types[t].index_count; i++) {
            if (strcmp(model->types[t].indexes[i].name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool same_index(const struct qr_schema_change *c, const struct qr_model_index *a,
                       const struct qr_model_index *b)
{
    bool same = a->kind == b->kind && a->unique == b->unique && a->field_count == b->field_count;
    for (uint32_t i = 0; same && i < a->field_count; i++) {
        same = qr_match_field(c, b->fields[i]) == a->fields[i];
    }
    return same;
}

const struct qr_model_index *qr_match_index(const struct qr_schema_change *c,
                                            const struct qr_model_type *old,
                                            const struct qr_model_index *index)
{
    const struct qr_model_type *type = qr_match_new_type(c, old);
    for (uint32_t i = 0; type != NULL && i < type->index_count; i++) {
        const struct qr_model_index *new = &type->indexes[i];
        if (same_index(c, index, new)) {
            return strcmp(index->name, new->name) == 0 || !has_index_name(c->old, new->name) ? new
                                                                                             : NULL;
        }
    }
    return NULL;
}
