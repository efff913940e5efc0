/*
 * What a schema must keep to beyond the type system, checked where the SDL has
 * a place for the problem: the arguments of directives fit their types, and no
 * declared name is one that the API generates.
 */
#include "graphql/coerce.h"
#include "graphql/resolver.h"

/* ---- arguments of directives ---- */

struct argument {
    struct qr_model_builder *builder;
    const struct qr_gql_ast_directive *directive;
    struct qr_gql_str name;
};

static bool report_argument(void *context, const struct qr_gql_ast_value *at,
                            const struct qr_gql_path *path, const char *message)
{
    const struct argument *argument = context;
    (void)path;
    qr_model_problem(argument->builder, at->pos, "@%.*s(%.*s:): %s",
                     QR_GQL_FMT(argument->directive->name.text), QR_GQL_FMT(argument->name),
                     message);
    return !qr_gql_report_full(argument->builder->report);
}

/* Unknown directives, unknown arguments and missing ones are for the SDL rules. */
static quire_status check_directives(struct qr_model_builder *builder,
                                     const struct qr_gql_ast_directive *directives)
{
    for (const struct qr_gql_ast_directive *d = directives; d != NULL; d = d->next) {
        const struct qr_gql_directive *definition =
            qr_gql_schema_directive(builder->model->schema, d->name.text);
        for (const struct qr_gql_ast_argument *a = d->arguments; a != NULL; a = a->next) {
            struct argument argument = {builder, d, a->name.text};
            const struct qr_gql_input *input =
                definition == NULL ? NULL : qr_gql_directive_argument(definition, a->name.text);
            if (input != NULL) {
                QR_TRY(qr_gql_literal_check(builder->arena, input->type, a->value, false,
                                            report_argument, &argument, builder->err));
            }
        }
    }
    return QUIRE_OK;
}

static quire_status check_members(struct qr_model_builder *builder,
                                  const struct qr_gql_ast_member *members)
{
    for (const struct qr_gql_ast_member *m = members; m != NULL; m = m->next) {
        QR_TRY(check_directives(builder, m->directives));
        for (const struct qr_gql_ast_member *a = m->arguments; a != NULL; a = a->next) {
            QR_TRY(check_directives(builder, a->directives));
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_check_directives(struct qr_model_builder *builder)
{
    const struct qr_gql_schema *schema = builder->model->schema;
    for (uint32_t i = 0; i < schema->document_count; i++) {
        for (const struct qr_gql_ast_definition *d = schema->documents[i]->first; d != NULL;
             d = d->next) {
            QR_TRY(check_directives(builder, d->directives));
            QR_TRY(check_members(builder, d->members));
        }
    }
    return QUIRE_OK;
}

/* ---- names inside a type ---- */

/* Takes a name that a type's inputs have for `field`, which may be another's already. */
static quire_status take_name(struct qr_model_builder *builder, struct qr_gql_name_table *names,
                              const char *name, struct qr_model_field *field)
{
    void *previous;
    QR_TRY(qr_gql_name_table_add(names, builder->arena, qr_gql_str_of(name), field, &previous,
                                 builder->err));
    if (previous != NULL) {
        const struct qr_model_field *other = previous;
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%.*s.%.*s needs the name \"%s\" in the API, and so does %.*s.%.*s; "
                         "rename one of them.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name), name,
                         QR_GQL_FMT(other->owner->name), QR_GQL_FMT(other->name));
    }
    return QUIRE_OK;
}

/* Fields, and the keys by which references and links are given, are one space of names. */
static quire_status check_field_names(struct qr_model_builder *builder, struct qr_model_type *type)
{
    const struct qr_gql_str none = {"", 0};
    struct qr_gql_name_table names = {0};
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        const char *name = qr_model_join(builder, field->name, "", none);
        const char *keys = field->role == QR_MODEL_REFERENCE ? field->key_name : NULL;
        if (field->role == QR_MODEL_LINKS) {
            keys = qr_model_join(builder, field->name, "Ids", none);
        }
        if (name == NULL || (field->role == QR_MODEL_LINKS && keys == NULL)) {
            return QUIRE_NO_MEMORY;
        }
        if (strcmp(name, "_version") == 0) {
            qr_model_problem(builder, qr_model_field_pos(field),
                             "%.*s.%s has the name of a field that every row has in the API; "
                             "rename it.",
                             QR_GQL_FMT(type->name), name);
        }
        if (strcmp(name, "AND") == 0 || strcmp(name, "OR") == 0 || strcmp(name, "NOT") == 0) {
            qr_model_problem(builder, qr_model_field_pos(field),
                             "%.*s.%s has the name of an operator of filters; rename it.",
                             QR_GQL_FMT(type->name), name);
        }
        QR_TRY(take_name(builder, &names, name, field));
        if (keys != NULL) {
            QR_TRY(take_name(builder, &names, keys, field));
        }
    }
    return QUIRE_OK;
}

/* A declared `fId` beside a relation `f` says nothing that the relation does not say; what it could
 * say otherwise would be lost. */
static void check_relation_keys(struct qr_model_builder *builder, const struct qr_model_type *type)
{
    const struct qr_gql_type *definition = type->definition;
    for (uint32_t i = 0; i < definition->field_count; i++) {
        const struct qr_gql_field *field = &definition->fields[i];
        const struct qr_model_field *relation = qr_model_relation_of_key(type, field->name);
        if (qr_model_is_resolved(field)) {
            continue;
        }
        if (qr_model_find_field(type, field->name) != NULL || relation == NULL) {
            continue;
        }
        if (relation->role != QR_MODEL_REFERENCE && relation->role != QR_MODEL_LINKS) {
            qr_model_problem(builder, field->node->name.pos,
                             "%.*s.%.*s would be the key of %.*s, which is stored at the other "
                             "side of the relation; leave it out.",
                             QR_GQL_FMT(type->name), QR_GQL_FMT(field->name),
                             QR_GQL_FMT(relation->name));
        }
        for (const struct qr_gql_ast_directive *d = field->node->directives; d != NULL;
             d = d->next) {
            if (!qr_gql_str_is(d->name.text, "deprecated")) {
                qr_model_problem(builder, d->pos,
                                 "%.*s.%.*s is the key of the relation %.*s: the directive @%.*s "
                                 "can only stand there.",
                                 QR_GQL_FMT(type->name), QR_GQL_FMT(field->name),
                                 QR_GQL_FMT(relation->name), QR_GQL_FMT(d->name.text));
            }
        }
    }
}

/* ---- names of types ---- */

/* What is left of `name` without `suffix`; data NULL when it does not end so. */
static struct qr_gql_str stem_of(struct qr_gql_str name, const char *suffix)
{
    size_t size = strlen(suffix);
    if (name.size <= size || memcmp(name.data + name.size - size, suffix, size) != 0) {
        return (struct qr_gql_str){NULL, 0};
    }
    return (struct qr_gql_str){name.data, name.size - size};
}

/* Whether the API generates a type of this name for a key of several fields: `TWhereKey_a_b`. */
static bool is_key_type(const struct qr_model *model, struct qr_gql_str name)
{
    static const char infix[] = "WhereKey_";
    for (uint32_t i = 0; i < model->type_count; i++) {
        struct qr_gql_str table = model->types[i].name;
        if (name.size > table.size + sizeof infix - 1 &&
            memcmp(name.data, table.data, table.size) == 0 &&
            memcmp(name.data + table.size, infix, sizeof infix - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Names that the API generates: of all schemas, behind those of tables, behind those of leaves. */
static const char *const fixed[] = {"Query",           "Mutation",        "Subscription",
                                    "PageInfo",        "GroupByKey",      "DateTimeGroupByKey",
                                    "DateGroupByKey",  "ChangeOperation", "SortOrder",
                                    "StringFilterMode"};
static const char *const of_tables[] = {
    "Connection",
    "Edge",
    "Change",
    "WhereInput",
    "OrderBy",
    "Input",
    "UpdateInput",
    "RelationFilter",
    "ListRelationFilter",
    "BulkResult",
    "WhereKey",
    "ConnectOrCreate",
    "CreateNestedOne",
    "CreateNestedMany",
    "UpdateNestedOne",
    "UpdateNestedMany",
    "NestedUpdate",
    "NestedUpdateByKey",
    "NestedUpdateMany",
    "NestedDeleteMany",
    "NestedUpsert",
    "NestedUpsertByKey",
    "UpdateOperators",
    "Aggregate",
    "AggregateSums",
    "AggregateAverages",
    "AggregateExtremes",
    "AggregateSumsFilter",
    "AggregateAveragesFilter",
    "AggregateExtremesFilter",
    "AggregateSumsOrderBy",
    "AggregateExtremesOrderBy",
    "AggregateGroup",
    "AggregateGroupKeys",
    "AggregateGroupBy",
    "AggregateKeysFilter",
    "AggregateKeysOrderBy",
    "AggregateHaving",
    "AggregateOrderBy",
    "AggregateGroupOrderBy",
    "DistinctField",
};
static const char *const of_leaves[] = {"Filter", "ListFilter", "KeyFilter", "UpdateOperators",
                                        "ListUpdateOperators"};

/* Whether the API generates a type of this name. */
static bool is_generated(const struct qr_model *model, struct qr_gql_str name)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (qr_gql_str_is(name, fixed[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof of_tables / sizeof of_tables[0]; i++) {
        struct qr_gql_str stem = stem_of(name, of_tables[i]);
        if (stem.data != NULL && qr_model_find_type(model, stem) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof of_leaves / sizeof of_leaves[0]; i++) {
        struct qr_gql_str stem = stem_of(name, of_leaves[i]);
        const struct qr_gql_type *leaf =
            stem.data == NULL ? NULL : qr_gql_schema_type(model->schema, stem);
        if (leaf != NULL && qr_gql_type_is_leaf(leaf)) {
            return true;
        }
    }
    return is_key_type(model, name);
}

/* Input types are declared for the host program alone and do not reach the API. */
static void check_type_names(struct qr_model_builder *builder)
{
    const struct qr_gql_schema *schema = builder->model->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        bool is_root =
            type == schema->roots[0] || type == schema->roots[1] || type == schema->roots[2];
        if (!type->builtin && !is_root && type->kind != QR_GQL_INPUT_OBJECT &&
            type->origins != NULL && is_generated(builder->model, type->name)) {
            qr_model_problem(builder, type->origins->node->name.pos,
                             "The API has a generated type named %.*s; give this one another name.",
                             QR_GQL_FMT(type->name));
        }
    }
}

quire_status qr_model_check_names(struct qr_model_builder *builder)
{
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        QR_TRY(check_field_names(builder, &builder->model->types[i]));
        check_relation_keys(builder, &builder->model->types[i]);
    }
    check_type_names(builder);
    return QUIRE_OK;
}
