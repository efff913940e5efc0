/*
 * Reading @resolver: see resolver.h.
 */
#include "graphql/cost.h"
#include "graphql/resolver.h"

bool qr_model_is_resolved(const struct qr_gql_field *field)
{
    return qr_gql_ast_directive_find(field->node->directives, "resolver") != NULL;
}

bool qr_model_is_value_type(const struct qr_gql_type *type)
{
    const struct qr_gql_origin *origin = type->origins;
    for (; origin != NULL; origin = origin->next) {
        if (qr_gql_ast_directive_find(origin->node->directives, "resolver") != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- what may stand where ---- */

/* Whether a directive is one of Quire's: they are defined in the first text of the schema. */
static bool is_own(const struct qr_model_builder *builder, struct qr_gql_str name)
{
    const struct qr_gql_ast_definition *d = builder->model->schema->documents[0]->first;
    while (d != NULL &&
           (d->kind != QR_GQL_AST_DIRECTIVE_DEFINITION || !qr_gql_str_equal(d->name.text, name))) {
        d = d->next;
    }
    return d != NULL;
}

/* Directives that speak of columns have nothing to say of what is not stored. */
static void check_directives(struct qr_model_builder *builder, struct qr_gql_str owner,
                             const struct qr_gql_field *field, bool resolved)
{
    for (const struct qr_gql_ast_directive *d = field->node->directives; d != NULL; d = d->next) {
        bool fits = resolved &&
                    (qr_gql_str_is(d->name.text, "resolver") ||
                     qr_gql_str_is(d->name.text, "cost") || qr_gql_str_is(d->name.text, "auth"));
        if (!fits && is_own(builder, d->name.text)) {
            qr_model_problem(builder, d->pos, "%.*s.%.*s is not stored: @%.*s cannot stand there.",
                             QR_GQL_FMT(owner), QR_GQL_FMT(field->name), QR_GQL_FMT(d->name.text));
        }
    }
}

/* The value of a field is made of scalars, enums, rows and values of the program's types. */
static void check_type(struct qr_model_builder *builder, struct qr_gql_str owner,
                       const struct qr_gql_field *field)
{
    const struct qr_gql_type *named = qr_gql_type_named(field->type);
    if (qr_gql_type_is_leaf(named) || qr_model_find_type(builder->model, named->name) != NULL ||
        (named->kind == QR_GQL_OBJECT && qr_model_is_value_type(named))) {
        return;
    }
    qr_model_problem(builder, field->node->name.pos,
                     "%.*s.%.*s has the type %.*s: a program gives scalars, enums, rows of tables "
                     "and objects of types marked with @resolver.",
                     QR_GQL_FMT(owner), QR_GQL_FMT(field->name), QR_GQL_FMT(named->name));
}

static void check_value_type(struct qr_model_builder *builder, const struct qr_gql_type *type)
{
    const struct qr_gql_origin *origin = type->origins;
    for (; origin != NULL; origin = origin->next) {
        const struct qr_gql_ast_directive *d = origin->node->directives;
        for (; d != NULL; d = d->next) {
            bool requires = qr_gql_str_is(d->name.text, "resolver") && d->arguments != NULL;
            if (requires ||
                (!qr_gql_str_is(d->name.text, "resolver") && is_own(builder, d->name.text))) {
                qr_model_problem(builder, d->pos,
                                 "%.*s is no table, since its values come from resolvers: "
                                 "@%.*s%s cannot stand there.",
                                 QR_GQL_FMT(type->name), QR_GQL_FMT(d->name.text),
                                 requires ? "(requires:)" : "");
            }
        }
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_gql_field *field = &type->fields[i];
        check_type(builder, type->name, field);
        check_directives(builder, type->name, field, false);
        if (field->argument_count > 0) {
            qr_model_problem(builder, field->node->name.pos,
                             "%.*s.%.*s takes arguments; a member of a value cannot.",
                             QR_GQL_FMT(type->name), QR_GQL_FMT(field->name));
        }
    }
}

/* @resolver where no value could come from. */
static void check_elsewhere(struct qr_model_builder *builder, const struct qr_gql_type *type)
{
    const struct qr_gql_schema *schema = builder->model->schema;
    bool subscription = type == schema->roots[QR_GQL_SUBSCRIPTION];
    if (type->builtin || (type->kind != QR_GQL_INTERFACE && !subscription)) {
        return;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (qr_model_is_resolved(&type->fields[i])) {
            qr_model_problem(builder, type->fields[i].node->name.pos,
                             "%.*s.%.*s: @resolver is for fields of tables, Query and Mutation.",
                             QR_GQL_FMT(type->name), QR_GQL_FMT(type->fields[i].name));
        }
    }
}

/* ---- fields ---- */

static quire_status read_required(struct qr_model_builder *builder,
                                  const struct qr_model_type *owner,
                                  struct qr_model_resolver *resolver)
{
    const struct qr_gql_field *definition = resolver->definition;
    const struct qr_gql_ast_directive *directive =
        qr_gql_ast_directive_find(definition->node->directives, "resolver");
    const struct qr_gql_ast_value *first = qr_model_list_argument(directive, "requires");
    uint32_t count = 0;

    for (const struct qr_gql_ast_value *v = first; v != NULL; v = v->next) {
        count++;
    }
    resolver->required =
        qr_arena_alloc_zero(builder->arena, sizeof(void *) * (count + 1), builder->err);
    if (resolver->required == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (const struct qr_gql_ast_value *v = first; v != NULL; v = v->next) {
        const struct qr_model_field *field =
            owner == NULL ? NULL : qr_model_find_field(owner, v->text);
        if (field != NULL && (qr_model_is_value(field) || field->role == QR_MODEL_REFERENCE)) {
            resolver->required[resolver->required_count++] = field;
            continue;
        }
        qr_model_problem(builder, v->pos,
                         "%s requires %.*s, which is no scalar, enum or single reference %s.",
                         resolver->coordinate, QR_GQL_FMT(v->text),
                         owner == NULL ? "that a root could have" : "that is stored with the row");
    }
    return QUIRE_OK;
}

/* Names that the API gives to something else. */
static void check_name(struct qr_model_builder *builder, const struct qr_model_type *owner,
                       const struct qr_gql_field *field)
{
    const struct qr_model_field *relation = qr_model_relation_of_key(owner, field->name);
    bool key = relation != NULL && relation->role == QR_MODEL_REFERENCE;
    if (key || qr_model_find_field(owner, field->name) != NULL ||
        qr_gql_str_is(field->name, "_version")) {
        qr_model_problem(builder, field->node->name.pos,
                         "%s.%.*s has the name of a field that every row of %s has in the API; "
                         "rename it.",
                         owner->table, QR_GQL_FMT(field->name), owner->table);
    }
}

/* Collects the resolved fields of a type, which is `owner`'s (NULL: a root) and is called `name` in
 * the API. */
static quire_status read_fields(struct qr_model_builder *builder, const struct qr_gql_type *type,
                                const char *name, struct qr_model_type *owner,
                                struct qr_model_resolver **list)
{
    for (uint32_t i = 0; type != NULL && i < type->field_count; i++) {
        const struct qr_gql_field *field = &type->fields[i];
        if (!qr_model_is_resolved(field)) {
            continue;
        }
        struct qr_model_resolver *resolver =
            qr_arena_alloc_zero(builder->arena, sizeof *resolver, builder->err);
        const char *coordinate =
            qr_gql_format(builder->arena, builder->err, "%s.%.*s", name, QR_GQL_FMT(field->name));
        if (resolver == NULL || coordinate == NULL) {
            return QUIRE_NO_MEMORY;
        }
        resolver->definition = field;
        resolver->coordinate = coordinate;
        resolver->owner = name;
        resolver->rows = qr_model_find_type(builder->model, qr_gql_type_named(field->type)->name);
        check_type(builder, type->name, field);
        check_directives(builder, type->name, field, true);
        if (owner != NULL) {
            check_name(builder, owner, field);
        }
        qr_cost_read_weight(builder, qr_gql_ast_directive_find(field->node->directives, "cost"),
                            &resolver->weight);
        QR_TRY(read_required(builder, owner, resolver));
        *list = resolver;
        list = &resolver->next;
    }
    return QUIRE_OK;
}

quire_status qr_model_read_resolvers(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    const struct qr_gql_schema *schema = model->schema;

    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        check_elsewhere(builder, type);
        if (type->kind == QR_GQL_OBJECT && qr_model_is_value_type(type)) {
            check_value_type(builder, type);
        }
    }
    for (uint32_t i = 0; i < model->type_count; i++) {
        struct qr_model_type *type = &model->types[i];
        QR_TRY(read_fields(builder, type->definition, type->table, type, &type->resolvers));
    }
    QR_TRY(read_fields(builder, schema->roots[QR_GQL_QUERY], "Query", NULL,
                       &model->resolvers[QR_GQL_QUERY]));
    return read_fields(builder, schema->roots[QR_GQL_MUTATION], "Mutation", NULL,
                       &model->resolvers[QR_GQL_MUTATION]);
}
