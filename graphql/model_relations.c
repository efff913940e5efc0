/*
 * Relations: which field stores a reference, which fields are the other side of
 * one, and which pairs are many to many (docs/graphql.md, "Relations").
 */
#include "graphql/model_internal.h"

static struct qr_gql_str declared_inverse(const struct qr_model_field *field)
{
    return qr_model_argument(qr_model_directive(field, "relation"), "inverse");
}

static bool is_relation(const struct qr_model_field *field)
{
    return field->target != NULL;
}

/* Finds the field that `@relation(inverse:)` of `field` names; NULL with a problem when it is not a
 * relation back. */
static struct qr_model_field *named_inverse(struct qr_model_builder *builder,
                                            const struct qr_model_field *field)
{
    struct qr_gql_str name = declared_inverse(field);
    struct qr_model_field *inverse = qr_model_find_field(field->target, name);
    if (inverse == NULL || !is_relation(inverse) || inverse->target != field->owner) {
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%.*s.%.*s names the inverse \"%.*s\", but %.*s has no field of that "
                         "name whose type is %.*s.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name), QR_GQL_FMT(name),
                         QR_GQL_FMT(field->target->name), QR_GQL_FMT(field->owner->name));
        return NULL;
    }
    return inverse;
}

/* Whether a list field of `owner` says that `reference` is its inverse. */
static bool is_claimed(const struct qr_model_type *owner, const struct qr_model_field *reference)
{
    for (uint32_t i = 0; i < owner->field_count; i++) {
        const struct qr_model_field *field = &owner->fields[i];
        if (is_relation(field) && field->target == reference->owner &&
            declared_inverse(field).data != NULL &&
            qr_gql_str_equal(declared_inverse(field), reference->name)) {
            return true;
        }
    }
    return false;
}

/* The only field of the target that may be the other side of the list field `field`: a single one
 * (`lists` false) or a list. *count says how many there are. */
static struct qr_model_field *find_inverse(const struct qr_model_field *field, bool lists,
                                           uint32_t *count)
{
    struct qr_model_field *found = NULL;
    *count = 0;
    for (uint32_t i = 0; i < field->target->field_count; i++) {
        struct qr_model_field *other = &field->target->fields[i];
        if (!is_relation(other) || other->target != field->owner || other == field ||
            other->list != lists || other->role == QR_MODEL_REVERSE_ONE ||
            is_claimed(field->owner, other)) {
            continue;
        }
        struct qr_gql_str back = declared_inverse(other);
        if (back.data != NULL && !qr_gql_str_equal(back, field->name)) {
            continue;
        }
        if (back.data != NULL) {
            *count = 1;
            return other;
        }
        found = other;
        (*count)++;
    }
    return found;
}

static void set_reverse(struct qr_model_field *field, struct qr_model_field *reference,
                        enum qr_model_role role)
{
    field->role = role;
    field->inverse = reference;
    reference->inverse = field;
}

const char *qr_model_link_name(struct qr_arena *arena, const struct qr_model_field *field,
                               quire_error *err)
{
    struct qr_gql_str name =
        field->column_name != NULL ? qr_gql_str_of(field->column_name) : field->name;
    return qr_gql_format(arena, err, "%s.%.*s", field->owner->stored, QR_GQL_FMT(name));
}

static void report_ambiguous(struct qr_model_builder *builder, const struct qr_model_field *field)
{
    qr_model_problem(builder, qr_model_field_pos(field),
                     "Several fields of %.*s may be the other side of %.*s.%.*s: name one with "
                     "@relation(inverse: \"...\").",
                     QR_GQL_FMT(field->target->name), QR_GQL_FMT(field->owner->name),
                     QR_GQL_FMT(field->name));
}

/* Pairs a list with a list, or leaves it one-sided when `other` is NULL. */
static quire_status set_links(struct qr_model_builder *builder, struct qr_model_field *field,
                              struct qr_model_field *other)
{
    if (field->role == QR_MODEL_LINKS) {
        return QUIRE_OK; /* paired from the other side already */
    }
    if (other != NULL && other->role == QR_MODEL_LINKS) {
        report_ambiguous(builder, other); /* it is the other side of a third field */
        return QUIRE_OK;
    }
    field->role = QR_MODEL_LINKS;
    field->inverse = other;
    field->link_owner = true;
    field->link_index = builder->model->link_count++;
    field->link_table = qr_model_link_name(builder->arena, field, builder->err);
    if (field->link_table == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (other != NULL) {
        other->role = QR_MODEL_LINKS;
        other->inverse = field;
        other->link_table = field->link_table;
        other->link_index = field->link_index;
        other->link_owner = false;
    }
    return QUIRE_OK;
}

static quire_status resolve_list(struct qr_model_builder *builder, struct qr_model_field *field)
{
    struct qr_model_field *inverse;
    uint32_t count;

    if (declared_inverse(field).data != NULL) {
        inverse = named_inverse(builder, field);
        if (inverse == NULL) {
            return QUIRE_OK;
        }
        if (!inverse->list) {
            set_reverse(field, inverse, QR_MODEL_REVERSE);
            return QUIRE_OK;
        }
        return set_links(builder, field, inverse == field ? NULL : inverse);
    }
    inverse = find_inverse(field, false, &count);
    if (count == 1) {
        set_reverse(field, inverse, QR_MODEL_REVERSE);
        return QUIRE_OK;
    }
    if (count == 0) {
        inverse = find_inverse(field, true, &count);
    }
    if (count > 1) {
        report_ambiguous(builder, field);
        return QUIRE_OK;
    }
    return set_links(builder, field, inverse);
}

/* A single field that names a single inverse is not stored: the inverse is. */
static void resolve_single(struct qr_model_builder *builder, struct qr_model_field *field)
{
    struct qr_model_field *inverse;
    if (declared_inverse(field).data == NULL) {
        return;
    }
    inverse = named_inverse(builder, field);
    if (inverse == NULL || inverse->list) {
        return;
    }
    if (declared_inverse(inverse).data != NULL) {
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%.*s.%.*s and %.*s.%.*s name each other as inverse: leave it out where "
                         "the reference is to be stored.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name),
                         QR_GQL_FMT(inverse->owner->name), QR_GQL_FMT(inverse->name));
    } else if (qr_model_directive(inverse, "unique") == NULL) {
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%.*s.%.*s is a single row, so its inverse %.*s.%.*s must be @unique.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name),
                         QR_GQL_FMT(inverse->owner->name), QR_GQL_FMT(inverse->name));
    } else if (field->required) {
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%.*s.%.*s is the other side of a reference and must be nullable.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name));
    } else {
        set_reverse(field, inverse, QR_MODEL_REVERSE_ONE);
    }
}

/* Reads what @relation says of a stored reference. */
static quire_status read_reference(struct qr_model_builder *builder, struct qr_model_field *field)
{
    const struct qr_gql_ast_directive *relation = qr_model_directive(field, "relation");
    struct qr_gql_str action = qr_model_argument(relation, "onDelete");
    const struct qr_gql_ast_value *fields = qr_model_list_argument(relation, "fields");
    struct qr_gql_str from = qr_model_argument(relation, "from");

    field->unique = qr_model_directive(field, "unique") != NULL;
    field->on_delete = field->required ? QR_MODEL_RESTRICT : QR_MODEL_SET_NULL;
    if (action.data != NULL) {
        field->on_delete = qr_gql_str_is(action, "CASCADE")    ? QR_MODEL_CASCADE
                           : qr_gql_str_is(action, "RESTRICT") ? QR_MODEL_RESTRICT
                                                               : QR_MODEL_SET_NULL;
    }
    if (field->on_delete == QR_MODEL_SET_NULL && field->required) {
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%.*s.%.*s cannot be set to null: it is non-null.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name));
    }
    if (fields != NULL) {
        from = fields->text;
    }
    if (from.data != NULL && from.size > 0 && !qr_gql_str_equal(from, field->name)) {
        field->key_name = qr_model_join(builder, from, "", (struct qr_gql_str){"", 0});
        if (field->key_name == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return QUIRE_OK;
}

typedef quire_status (*visit_field)(struct qr_model_builder *builder, struct qr_model_field *field);

static quire_status for_relations(struct qr_model_builder *builder, bool lists, visit_field visit)
{
    for (uint32_t t = 0; t < builder->model->type_count; t++) {
        struct qr_model_type *type = &builder->model->types[t];
        for (uint32_t f = 0; f < type->field_count; f++) {
            struct qr_model_field *field = &type->fields[f];
            if (is_relation(field) && field->list == lists) {
                QR_TRY(visit(builder, field));
            }
        }
    }
    return QUIRE_OK;
}

static quire_status visit_single(struct qr_model_builder *builder, struct qr_model_field *field)
{
    resolve_single(builder, field);
    return QUIRE_OK;
}

/* Lets each type know what kinds of relation lead to it. */
static quire_status visit_target(struct qr_model_builder *builder, struct qr_model_field *field)
{
    (void)builder;
    field->target->list_target = field->target->list_target || field->list;
    field->target->single_target = field->target->single_target || !field->list;
    return QUIRE_OK;
}

static quire_status visit_reference(struct qr_model_builder *builder, struct qr_model_field *field)
{
    return field->role == QR_MODEL_REFERENCE ? read_reference(builder, field) : QUIRE_OK;
}

/* Lets each type know which references point to it. */
static quire_status collect_referrers(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t t = 0; t < model->type_count; t++) {
            struct qr_model_type *type = &model->types[t];
            for (uint32_t f = 0; f < type->field_count; f++) {
                struct qr_model_field *field = &type->fields[f];
                if (field->role != QR_MODEL_REFERENCE) {
                    continue;
                }
                if (pass == 1) {
                    field->target->referrers[field->target->referrer_count] = field;
                }
                field->target->referrer_count++;
            }
        }
        for (uint32_t t = 0; pass == 0 && t < model->type_count; t++) {
            struct qr_model_type *type = &model->types[t];
            type->referrers = qr_arena_alloc(
                builder->arena, sizeof(struct qr_model_field *) * (type->referrer_count + 1),
                builder->err);
            if (type->referrers == NULL) {
                return QUIRE_NO_MEMORY;
            }
            type->referrer_count = 0;
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_resolve_relations(struct qr_model_builder *builder)
{
    QR_TRY(for_relations(builder, false, visit_single));
    QR_TRY(for_relations(builder, true, resolve_list));
    QR_TRY(for_relations(builder, false, visit_reference));
    QR_TRY(for_relations(builder, false, visit_target));
    QR_TRY(for_relations(builder, true, visit_target));
    return collect_referrers(builder);
}
