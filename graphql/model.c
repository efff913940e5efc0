/*
 * Making a model: types and their columns. See model.h.
 *
 * The steps follow one another over the whole schema: fields and columns here,
 * then relations, names and indexes in their own files, because a relation's
 * role depends on the fields of the type at its other end.
 */
#include "graphql/model.h"

#include <stdarg.h>
#include <stdio.h>

#include "graphql/auth.h"
#include "graphql/computed.h"
#include "graphql/constraint.h"
#include "graphql/cost.h"
#include "graphql/model_internal.h"
#include "graphql/resolver.h"
#include "graphql/scalar.h"
#include "graphql/trigger.h"

/* What every schema may use. The names of the helper types cannot be declared in SDL by a user. */
static const char prelude[] =
    "directive @id on FIELD_DEFINITION\n"
    "directive @unique(fields: [String!]) repeatable on FIELD_DEFINITION | OBJECT\n"
    "directive @index(fields: [String!], type: QuireIndexType = BTREE, name: String) repeatable\n"
    "  on FIELD_DEFINITION | OBJECT\n"
    "directive @default(value: QuireValue, expr: String) on FIELD_DEFINITION\n"
    "directive @createdAt on FIELD_DEFINITION\n"
    "directive @updatedAt on FIELD_DEFINITION\n"
    "directive @constraint(minLength: Int, maxLength: Int, pattern: String,\n"
    "  min: QuireValue, max: QuireValue)\n"
    "  on FIELD_DEFINITION\n"
    "directive @private on FIELD_DEFINITION\n"
    "directive @readonly on FIELD_DEFINITION\n"
    "directive @writeonly on FIELD_DEFINITION\n"
    "directive @cost(weight: String!) on FIELD_DEFINITION | OBJECT\n"
    "directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!],\n"
    "  requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION\n"
    "directive @computed(expr: String!) on FIELD_DEFINITION\n"
    "directive @map(name: String!) on FIELD_DEFINITION | OBJECT\n"
    "directive @renamedFrom(name: String!) on FIELD_DEFINITION | OBJECT\n"
    "directive @generate(query: Boolean! = true, mutation: Boolean! = true,\n"
    "  subscription: Boolean! = true) on OBJECT\n"
    "directive @relation(inverse: String, onDelete: QuireOnDelete, fields: [String!],\n"
    "  references: [String!], from: String, to: String) on FIELD_DEFINITION\n"
    "directive @trigger(on: [QuireTriggerEvent!]!, when: QuireTriggerTime! = AFTER,\n"
    "  mutation: String!) repeatable on OBJECT\n"
    "directive @resolver(requires: [String!]) on FIELD_DEFINITION | OBJECT\n"
    "directive @view(table: String!, where: QuireValue, orderBy: QuireValue) on OBJECT\n"
    "directive @auth(rules: [QuireAuthRule!]!) repeatable on FIELD_DEFINITION | OBJECT\n"
    "directive @authRoles(claim: [String!]!) on SCHEMA\n"
    "input QuireAuthRule { allow: QuireAuthCaller, roles: [String!],\n"
    "  operations: [QuireAuthOperation!], where: QuireValue }\n"
    "enum QuireAuthCaller { PUBLIC SIGNED_IN }\n"
    "enum QuireAuthOperation { READ CREATE UPDATE DELETE }\n"
    "enum QuireTriggerEvent { CREATE UPDATE DELETE }\n"
    "enum QuireTriggerTime { BEFORE AFTER }\n"
    "enum QuireIndexType { BTREE HASH }\n"
    "enum QuireOnDelete { RESTRICT SET_NULL CASCADE }\n"
    "scalar QuireValue\n";

/* A schema needs a query root; where the SDL has none, this stands in for it. */
static const char empty_query[] = "type Query { _: Boolean }\n";

/* ---- helpers shared by the steps ---- */

const struct qr_gql_ast_directive *qr_model_directive(const struct qr_model_field *field,
                                                      const char *name)
{
    if (field->definition == NULL || field->definition->node == NULL) {
        return NULL;
    }
    return qr_gql_ast_directive_find(field->definition->node->directives, name);
}

const struct qr_gql_ast_directive *qr_model_type_directive(const struct qr_model_type *type,
                                                           const char *name)
{
    const struct qr_gql_ast_directive *found = NULL;
    const struct qr_gql_origin *origin = type->definition->origins;
    for (; origin != NULL && found == NULL; origin = origin->next) {
        found = qr_gql_ast_directive_find(origin->node->directives, name);
    }
    return found;
}

const struct qr_gql_ast_value *qr_model_value_argument(const struct qr_gql_ast_directive *directive,
                                                       const char *name)
{
    const struct qr_gql_ast_argument *argument =
        directive == NULL ? NULL
                          : qr_gql_ast_argument_find(directive->arguments, qr_gql_str_of(name));
    return argument == NULL || argument->value->kind == QR_GQL_AST_NULL ? NULL : argument->value;
}

struct qr_gql_str qr_model_argument(const struct qr_gql_ast_directive *directive, const char *name)
{
    const struct qr_gql_ast_value *value = qr_model_value_argument(directive, name);
    return value == NULL ? (struct qr_gql_str){NULL, 0} : value->text;
}

const struct qr_gql_ast_value *qr_model_list_argument(const struct qr_gql_ast_directive *directive,
                                                      const char *name)
{
    const struct qr_gql_ast_value *value = qr_model_value_argument(directive, name);
    return value != NULL && value->kind == QR_GQL_AST_LIST ? value->items : value;
}

void qr_model_problem(struct qr_model_builder *builder, struct qr_gql_pos pos, const char *format,
                      ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    qr_gql_report_add(builder->report, &pos, "%s", text);
}

struct qr_gql_pos qr_model_field_pos(const struct qr_model_field *field)
{
    return field->definition != NULL && field->definition->node != NULL
               ? field->definition->node->name.pos
               : (struct qr_gql_pos){0, 0, 0};
}

const char *qr_model_join(struct qr_model_builder *builder, struct qr_gql_str a, const char *b,
                          struct qr_gql_str c)
{
    return qr_gql_format(builder->arena, builder->err, "%.*s%s%.*s", QR_GQL_FMT(a), b,
                         QR_GQL_FMT(c));
}

struct qr_model_type *qr_model_find_type(const struct qr_model *model, struct qr_gql_str name)
{
    return qr_gql_name_table_get(&model->type_table, name);
}

struct qr_model_field *qr_model_find_field(const struct qr_model_type *type, struct qr_gql_str name)
{
    return qr_gql_name_table_get(&type->field_table, name);
}

quire_type qr_model_scalar_type(enum qr_model_scalar scalar)
{
    static const quire_type types[] = {
        [QR_MODEL_ID] = QUIRE_TEXT,      [QR_MODEL_STRING] = QUIRE_TEXT,
        [QR_MODEL_INT] = QUIRE_INT,      [QR_MODEL_FLOAT] = QUIRE_FLOAT,
        [QR_MODEL_BOOLEAN] = QUIRE_BOOL, [QR_MODEL_ENUM] = QUIRE_TEXT,
        [QR_MODEL_CUSTOM] = QUIRE_TEXT,
    };
    const struct qr_scalar *own = qr_scalar_of_kind(scalar);
    return own != NULL ? own->stored : types[scalar];
}

quire_type qr_model_column_type(const struct qr_model_field *field)
{
    if (field->role == QR_MODEL_REFERENCE) {
        return QUIRE_INT;
    }
    return field->list ? QUIRE_LIST : qr_model_scalar_type(field->scalar);
}

quire_status qr_model_columns(const struct qr_model_type *type, struct qr_arena *arena,
                              quire_column **columns, quire_error *err)
{
    quire_column *list = qr_arena_alloc(arena, sizeof *list * (type->column_count + 1), err);
    if (list == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        list[i] = (quire_column){.name = field->column_name,
                                 .type = qr_model_column_type(field),
                                 .not_null = field->required};
    }
    *columns = list;
    return QUIRE_OK;
}

/* ---- fields ---- */

static enum qr_model_scalar scalar_of(const struct qr_gql_type *type)
{
    if (type->kind == QR_GQL_ENUM) {
        return QR_MODEL_ENUM;
    }
    switch (type->scalar) {
    case QR_GQL_INT:
        return QR_MODEL_INT;
    case QR_GQL_FLOAT:
        return QR_MODEL_FLOAT;
    case QR_GQL_STRING:
        return QR_MODEL_STRING;
    case QR_GQL_BOOLEAN:
        return QR_MODEL_BOOLEAN;
    case QR_GQL_ID:
        return QR_MODEL_ID;
    case QR_GQL_CUSTOM:
        break;
    }
    const struct qr_scalar *own = qr_scalar_of_type(type);
    return own != NULL ? own->kind : QR_MODEL_CUSTOM;
}

/* Takes the wrappers off a field's type; false when lists are nested. */
static bool unwrap(struct qr_model_field *field, const struct qr_gql_type *type)
{
    field->required = type->kind == QR_GQL_NON_NULL;
    type = qr_gql_type_nullable(type);
    field->list = type->kind == QR_GQL_LIST;
    if (field->list) {
        field->element_required = type->inner->kind == QR_GQL_NON_NULL;
        type = qr_gql_type_nullable(type->inner);
    }
    field->named = type;
    return type->kind != QR_GQL_LIST;
}

/* Reports a directive that says something of another kind of field. */
static void refuse_directive(struct qr_model_builder *builder, const struct qr_model_field *field,
                             const char *name, const char *of)
{
    const struct qr_gql_ast_directive *directive = qr_model_directive(field, name);
    if (directive != NULL) {
        qr_model_problem(builder, directive->pos, "%.*s.%.*s: @%s is for %s.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name), name, of);
    }
}

/* Fills a field from its definition, all but what relations need. */
static quire_status init_field(struct qr_model_builder *builder, struct qr_model_type *type,
                               const struct qr_gql_field *definition, struct qr_model_field *field)
{
    field->name = definition->name;
    field->definition = definition;
    field->owner = type;
    field->role = QR_MODEL_COLUMN;
    if (definition->argument_count > 0) {
        qr_model_problem(builder, definition->node->name.pos,
                         "The field %.*s.%.*s takes arguments; a stored field cannot.",
                         QR_GQL_FMT(type->name), QR_GQL_FMT(definition->name));
    }
    if (!unwrap(field, definition->type)) {
        qr_model_problem(builder, definition->node->name.pos,
                         "The field %.*s.%.*s is a list of lists; wrap the inner list in a type.",
                         QR_GQL_FMT(type->name), QR_GQL_FMT(definition->name));
    }
    if (qr_gql_type_is_leaf(field->named)) {
        field->scalar = scalar_of(field->named);
        field->unique = qr_model_directive(field, "unique") != NULL;
        if (qr_model_directive(field, "computed") != NULL) {
            field->role = QR_MODEL_COMPUTED;
        }
        refuse_directive(builder, field, "relation", "a relation, which this field is not");
        return QUIRE_OK;
    }
    refuse_directive(builder, field, "computed", "a scalar, which this field is not");
    field->target = qr_model_find_type(builder->model, field->named->name);
    if (field->target == NULL && field->named->kind != QR_GQL_LIST) {
        qr_model_problem(builder, definition->node->name.pos,
                         "The field %.*s.%.*s has the type %.*s, which is no table.",
                         QR_GQL_FMT(type->name), QR_GQL_FMT(definition->name),
                         QR_GQL_FMT(field->named->name));
    }
    field->role = field->list ? QR_MODEL_REVERSE : QR_MODEL_REFERENCE;
    return QUIRE_OK;
}

/* The name of the relation that `name` is the key of: `f` for `fId`, and for `fIds` when `many`. */
static struct qr_gql_str relation_stem(struct qr_gql_str name, bool many)
{
    size_t suffix = many ? 3 : 2;
    if (name.size <= suffix ||
        memcmp(name.data + name.size - suffix, many ? "Ids" : "Id", suffix) != 0) {
        return (struct qr_gql_str){NULL, 0};
    }
    return (struct qr_gql_str){name.data, name.size - suffix};
}

/* A declared `fId` beside a relation `f` is the relation's key, which the API has anyway; so are
 * `fIds` beside a list. */
static bool is_relation_key(const struct qr_gql_type *type, const struct qr_gql_field *field)
{
    bool many = qr_gql_type_nullable(field->type)->kind == QR_GQL_LIST;
    struct qr_gql_str stem = relation_stem(field->name, many);
    const struct qr_gql_field *relation = stem.data == NULL ? NULL : qr_gql_type_field(type, stem);

    return relation != NULL && qr_gql_type_is_leaf(qr_gql_type_named(field->type)) &&
           qr_gql_type_named(relation->type)->kind == QR_GQL_OBJECT &&
           (qr_gql_type_nullable(relation->type)->kind == QR_GQL_LIST) == many;
}

const struct qr_model_field *qr_model_relation_of_key(const struct qr_model_type *type,
                                                      struct qr_gql_str name)
{
    for (int many = 0; many < 2; many++) {
        struct qr_gql_str stem = relation_stem(name, many == 1);
        const struct qr_model_field *field =
            stem.data == NULL ? NULL : qr_model_find_field(type, stem);
        if (field != NULL && field->list == (many == 1)) {
            return field;
        }
    }
    return NULL;
}

static bool has_declared_key(const struct qr_gql_type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_gql_field *field = &type->fields[i];
        if (!qr_model_is_resolved(field) &&
            (qr_gql_str_is(field->name, "id") ||
             qr_gql_ast_directive_find(field->node->directives, "id") != NULL)) {
            return true;
        }
    }
    return false;
}

static quire_status init_fields(struct qr_model_builder *builder, struct qr_model_type *type)
{
    const struct qr_gql_type *definition = type->definition;
    bool declared_key = has_declared_key(definition);

    type->fields = qr_arena_alloc_zero(
        builder->arena, sizeof *type->fields * (definition->field_count + 1), builder->err);
    if (type->fields == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (!declared_key) {
        type->fields[type->field_count++] = (struct qr_model_field){.name = qr_gql_str_of("id"),
                                                                    .owner = type,
                                                                    .role = QR_MODEL_COLUMN,
                                                                    .scalar = QR_MODEL_ID,
                                                                    .required = true};
    }
    for (uint32_t i = 0; i < definition->field_count; i++) {
        if (!qr_model_is_resolved(&definition->fields[i]) &&
            !is_relation_key(definition, &definition->fields[i])) {
            QR_TRY(init_field(builder, type, &definition->fields[i],
                              &type->fields[type->field_count++]));
        }
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        field->index = i;
        QR_TRY(qr_gql_name_table_add(&type->field_table, builder->arena, field->name, field, NULL,
                                     builder->err));
    }
    return QUIRE_OK;
}

/* Numbers the columns once the roles of all fields are known. */
static quire_status init_columns(struct qr_model_builder *builder, struct qr_model_type *type)
{
    type->columns = qr_arena_alloc(
        builder->arena, sizeof(struct qr_model_field *) * (type->field_count + 1), builder->err);
    if (type->columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        bool is_column = field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE;
        if (!is_column && field->role != QR_MODEL_COMPUTED) {
            continue;
        }
        const char *suffix = field->role == QR_MODEL_REFERENCE ? "Id" : "";
        if (field->key_name == NULL) {
            field->key_name =
                qr_model_join(builder, field->name, suffix, (struct qr_gql_str){"", 0});
        }
        if (field->key_name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (field->column_name == NULL) {
            field->column_name = field->key_name;
        }
        if (is_column) {
            field->column = type->column_count;
            type->columns[type->column_count++] = field;
        }
    }
    QR_TRY(qr_model_read_costs(builder, type));
    return qr_model_read_computed(builder, type);
}

/* ---- types ---- */

static bool is_table(const struct qr_gql_schema *schema, const struct qr_gql_type *type)
{
    return type->kind == QR_GQL_OBJECT && !type->builtin && type != schema->roots[0] &&
           type != schema->roots[1] && type != schema->roots[2] && !qr_model_is_view(type) &&
           !qr_model_is_value_type(type);
}

static quire_status init_types(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    const struct qr_gql_schema *schema = model->schema;

    model->types = qr_arena_alloc_zero(
        builder->arena, sizeof *model->types * (schema->type_count + 1), builder->err);
    if (model->types == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < schema->type_count; i++) {
        if (!is_table(schema, schema->types[i])) {
            continue;
        }
        struct qr_model_type *type = &model->types[model->type_count];
        type->index = model->type_count++;
        type->name = schema->types[i]->name;
        type->definition = schema->types[i];
        type->table = qr_model_join(builder, type->name, "", (struct qr_gql_str){"", 0});
        if (type->table == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(qr_gql_name_table_add(&model->type_table, builder->arena, type->name, type, NULL,
                                     builder->err));
    }
    for (uint32_t i = 0; i < model->type_count; i++) {
        QR_TRY(init_fields(builder, &model->types[i]));
    }
    return QUIRE_OK;
}

/* Whether the SDL brings a query root of its own. */
static bool has_query_root(const struct qr_gql_document *document)
{
    for (const struct qr_gql_ast_definition *d = document->first; d != NULL; d = d->next) {
        if (d->kind == QR_GQL_AST_SCHEMA) {
            for (const struct qr_gql_ast_root *root = d->roots; root != NULL; root = root->next) {
                if (root->operation == QR_GQL_QUERY) {
                    return true;
                }
            }
        } else if (d->kind == QR_GQL_AST_OBJECT_TYPE && !d->extends &&
                   qr_gql_str_is(d->name.text, "Query")) {
            return true;
        }
    }
    return false;
}

/* The texts that the SDL's type system consists of, the SDL itself included. */
static quire_status collect_texts(struct qr_gql_str sdl, struct qr_arena *arena,
                                  struct qr_gql_report *report, struct qr_gql_str texts[4],
                                  size_t *count, quire_error *err)
{
    struct qr_gql_document *document = NULL;
    struct qr_gql_buffer scalars;

    texts[0] = qr_gql_str_of(prelude);
    *count = 1;
    if (sdl.size > 0) {
        QR_TRY(qr_gql_parse(arena, sdl.data, sdl.size, NULL, report, &document, err));
        texts[(*count)++] = sdl;
    }
    qr_gql_buffer_init(&scalars, arena, err);
    qr_scalar_define(&scalars, document);
    QR_TRY(qr_gql_buffer_finish(&scalars, &texts[*count]));
    *count += texts[*count].size > 0;
    if (document == NULL || !has_query_root(document)) {
        texts[(*count)++] = qr_gql_str_of(empty_query);
    }
    return QUIRE_OK;
}

/* The type system of the SDL; of no SDL at all, for a database without a schema. */
static quire_status build_schema(const quire_allocator *allocator, struct qr_gql_str sdl,
                                 struct qr_gql_report *report, struct qr_gql_schema **schema,
                                 quire_error *err)
{
    struct qr_gql_str texts[4];
    struct qr_arena arena;
    size_t count;

    qr_arena_init(&arena, allocator, 0);
    quire_status status = collect_texts(sdl, &arena, report, texts, &count, err);
    if (status == QUIRE_OK) {
        status = qr_gql_schema_build(allocator, texts, count, NULL, report, schema, err);
    }
    qr_arena_free(&arena);
    return status;
}

static quire_status build_model(struct qr_model_builder *builder)
{
    qr_scalar_bind(builder->model->schema);
    QR_TRY(qr_model_check_directives(builder));
    QR_TRY(qr_gql_report_outcome(builder->report, QUIRE_SCHEMA, builder->err));
    QR_TRY(init_types(builder));
    QR_TRY(qr_gql_report_outcome(builder->report, QUIRE_SCHEMA, builder->err));
    QR_TRY(qr_model_read_directives(builder));
    QR_TRY(qr_model_resolve_relations(builder));
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        QR_TRY(init_columns(builder, &builder->model->types[i]));
    }
    QR_TRY(qr_model_read_resolvers(builder));
    QR_TRY(qr_model_mark_arguments(builder));
    QR_TRY(qr_model_check_names(builder));
    QR_TRY(qr_gql_report_outcome(builder->report, QUIRE_SCHEMA, builder->err));
    QR_TRY(qr_model_build_indexes(builder));
    QR_TRY(qr_model_build_views(builder));
    QR_TRY(qr_auth_read_rules(builder));
    QR_TRY(qr_model_choose_names(builder));
    QR_TRY(qr_model_choose_verbs(builder));
    QR_TRY(qr_model_check_access(builder));
    QR_TRY(qr_model_read_triggers(builder));
    return qr_gql_report_outcome(builder->report, QUIRE_SCHEMA, builder->err);
}

quire_status qr_model_build(const quire_allocator *allocator, struct qr_gql_str sdl,
                            struct qr_gql_report *report, struct qr_model **out, quire_error *err)
{
    struct qr_gql_schema *schema = NULL;
    struct qr_model_builder builder;
    quire_status status;

    *out = NULL;
    QR_TRY(build_schema(allocator, sdl, report, &schema, err));
    builder = (struct qr_model_builder){.arena = &schema->arena, .report = report, .err = err};
    builder.model = qr_arena_alloc_zero(builder.arena, sizeof *builder.model, err);
    if (builder.model == NULL) {
        qr_gql_schema_free(schema);
        return QUIRE_NO_MEMORY;
    }
    builder.model->schema = schema;
    builder.model->arena = &schema->arena;
    status = build_model(&builder);
    if (status != QUIRE_OK) {
        qr_model_free(builder.model);
        return status;
    }
    *out = builder.model;
    return QUIRE_OK;
}

void qr_model_free(struct qr_model *model)
{
    if (model != NULL) {
        qr_constraints_free(model->constraints);
        qr_gql_schema_free(model->schema);
    }
}
