/*
 * What directives say of types and fields, but for relations and indexes:
 * stored names, defaults, what clients may read and write, which fields of the
 * roots there are (docs/graphql.md, "Directives").
 */
#include "graphql/coerce.h"
#include "graphql/model_internal.h"

/* ---- reporting ---- */

static void refuse(struct qr_model_builder *builder, const struct qr_model_field *field,
                   const struct qr_gql_ast_directive *directive, const char *why)
{
    qr_model_problem(builder, directive->pos, "%.*s.%.*s: @%.*s %s.",
                     QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name),
                     QR_GQL_FMT(directive->name.text), why);
}

/* ---- names ---- */

/* The name that a @map gives; NULL without one. */
static quire_status read_map(struct qr_model_builder *builder,
                             const struct qr_gql_ast_directive *map, const char **name)
{
    enum { MAPPED_NAME_MAX = 200 };
    struct qr_gql_str given = qr_model_argument(map, "name");
    *name = NULL;
    if (given.data == NULL) {
        return QUIRE_OK;
    }
    if (given.size == 0 || given.size > MAPPED_NAME_MAX || given.data[0] == '$' ||
        memchr(given.data, '.', given.size) != NULL || memchr(given.data, '\0', given.size)) {
        qr_model_problem(builder, map->pos,
                         "@map(name:): a stored name has 1 to %d bytes, does not begin with \"$\" "
                         "and has no \".\" and no NUL in it.",
                         MAPPED_NAME_MAX);
        return QUIRE_OK;
    }
    *name = qr_model_join(builder, given, "", (struct qr_gql_str){"", 0});
    return *name == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

/* ---- defaults ---- */

static quire_status read_default_value(struct qr_model_builder *builder,
                                       struct qr_model_field *field,
                                       const struct qr_gql_ast_value *literal)
{
    QR_TRY(qr_gql_literal_coerce(builder->arena, field->definition->type, literal, NULL,
                                 &field->default_value, &field->has_default, builder->err));
    if (!field->has_default) {
        qr_model_problem(builder, literal->pos, "The default value does not fit the type %s.",
                         qr_gql_type_text(builder->arena, field->definition->type));
    }
    return QUIRE_OK;
}

static bool makes(enum qr_model_generator generator, enum qr_model_scalar scalar)
{
    switch (generator) {
    case QR_MODEL_MAKES_UUID:
        return scalar == QR_MODEL_ID || scalar == QR_MODEL_STRING || scalar == QR_MODEL_UUID;
    case QR_MODEL_MAKES_NUMBER:
        return scalar == QR_MODEL_INT || scalar == QR_MODEL_BIGINT;
    case QR_MODEL_MAKES_NOW:
    case QR_MODEL_CREATED_AT:
    case QR_MODEL_UPDATED_AT:
        return scalar == QR_MODEL_DATETIME || scalar == QR_MODEL_DATE || scalar == QR_MODEL_TIME;
    case QR_MODEL_NO_GENERATOR:
        break;
    }
    return false;
}

static void set_generator(struct qr_model_builder *builder, struct qr_model_field *field,
                          const struct qr_gql_ast_directive *directive,
                          enum qr_model_generator generator, const char *types)
{
    if (qr_model_has_default(field)) {
        refuse(builder, field, directive, "stands beside another directive that gives a default");
    } else if (field->role != QR_MODEL_COLUMN || field->list || !makes(generator, field->scalar)) {
        refuse(builder, field, directive, types);
    } else {
        field->generator = generator;
    }
}

static void read_default_expression(struct qr_model_builder *builder, struct qr_model_field *field,
                                    const struct qr_gql_ast_directive *directive,
                                    struct qr_gql_str expression)
{
    if (qr_gql_str_is(expression, "uuid()")) {
        set_generator(builder, field, directive, QR_MODEL_MAKES_UUID,
                      "makes a UUID, for a single field of type UUID, ID or String");
    } else if (qr_gql_str_is(expression, "now()")) {
        set_generator(builder, field, directive, QR_MODEL_MAKES_NOW,
                      "makes a moment, for a single field of type DateTime, Date or Time");
    } else if (qr_gql_str_is(expression, "autoincrement()")) {
        set_generator(builder, field, directive, QR_MODEL_MAKES_NUMBER,
                      "makes a number, for a single field of type Int or BigInt");
    } else {
        refuse(builder, field, directive,
               "knows the expressions \"uuid()\", \"now()\" and \"autoincrement()\"");
    }
}

static quire_status read_defaults(struct qr_model_builder *builder, struct qr_model_field *field)
{
    const struct qr_gql_ast_directive *stated = qr_model_directive(field, "default");
    const struct qr_gql_ast_directive *created = qr_model_directive(field, "createdAt");
    const struct qr_gql_ast_directive *updated = qr_model_directive(field, "updatedAt");
    const struct qr_gql_ast_value *value = qr_model_value_argument(stated, "value");
    struct qr_gql_str expression = qr_model_argument(stated, "expr");
    static const char moments[] = "is for a single field of type DateTime, Date or Time";

    if (stated != NULL && field->role != QR_MODEL_COLUMN) {
        refuse(builder, field, stated, "is for a scalar or enum, which this field is not");
    } else if (stated != NULL && (value == NULL) == (expression.data == NULL)) {
        refuse(builder, field, stated, "takes either \"value\" or \"expr\"");
    } else if (value != NULL) {
        QR_TRY(read_default_value(builder, field, value));
    } else if (stated != NULL) {
        read_default_expression(builder, field, stated, expression);
    }
    if (created != NULL) {
        set_generator(builder, field, created, QR_MODEL_CREATED_AT, moments);
    }
    if (updated != NULL) {
        set_generator(builder, field, updated, QR_MODEL_UPDATED_AT, moments);
    }
    return QUIRE_OK;
}

/* ---- access ---- */

static void read_access(struct qr_model_builder *builder, struct qr_model_field *field)
{
    const struct qr_gql_ast_directive *readonly = qr_model_directive(field, "readonly");
    const struct qr_gql_ast_directive *writeonly = qr_model_directive(field, "writeonly");

    if (readonly != NULL && writeonly != NULL) {
        refuse(builder, field, writeonly, "and @readonly together are @private");
    }
    if (readonly != NULL || field->generator >= QR_MODEL_CREATED_AT) {
        field->access &= ~(unsigned)QR_MODEL_CAN_WRITE;
    }
    if (writeonly != NULL) {
        field->access &= ~(unsigned)QR_MODEL_CAN_READ;
    }
    if (qr_model_directive(field, "private") != NULL) {
        field->access = 0;
    }
}

/* ---- all of it ---- */

static quire_status read_field(struct qr_model_builder *builder, struct qr_model_field *field)
{
    field->access = QR_MODEL_CAN_READ | QR_MODEL_CAN_WRITE;
    QR_TRY(read_defaults(builder, field));
    QR_TRY(qr_model_read_constraint(builder, field));
    read_access(builder, field);
    field->renamed_from = qr_model_argument(qr_model_directive(field, "renamedFrom"), "name");
    return read_map(builder, qr_model_directive(field, "map"), &field->column_name);
}

bool qr_model_is_generated(const struct qr_gql_ast_directive *generate, const char *what)
{
    const struct qr_gql_ast_value *value = qr_model_value_argument(generate, what);
    return value == NULL || value->boolean;
}

static quire_status read_type(struct qr_model_builder *builder, struct qr_model_type *type)
{
    const struct qr_gql_ast_directive *generate = qr_model_type_directive(type, "generate");

    type->has_queries = qr_model_is_generated(generate, "query");
    type->has_mutations = qr_model_is_generated(generate, "mutation");
    type->has_subscriptions = qr_model_is_generated(generate, "subscription");
    type->renamed_from = qr_model_argument(qr_model_type_directive(type, "renamedFrom"), "name");
    QR_TRY(read_map(builder, qr_model_type_directive(type, "map"), &type->stored));
    if (type->stored == NULL) {
        type->stored = type->table;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        QR_TRY(read_field(builder, &type->fields[i]));
    }
    return QUIRE_OK;
}

static quire_status check_stored_names(struct qr_model_builder *builder)
{
    struct qr_gql_name_table names = {0};
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        struct qr_model_type *type = &builder->model->types[i];
        void *previous;
        QR_TRY(qr_gql_name_table_add(&names, builder->arena, qr_gql_str_of(type->stored), type,
                                     &previous, builder->err));
        if (previous != NULL) {
            const struct qr_model_type *other = previous;
            qr_model_problem(builder, type->definition->origins->node->name.pos,
                             "%s and %s are both stored as \"%s\"; @map one of them to another "
                             "name.",
                             other->table, type->table, type->stored);
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_read_directives(struct qr_model_builder *builder)
{
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        QR_TRY(read_type(builder, &builder->model->types[i]));
    }
    return check_stored_names(builder);
}

/* ---- what must hold once keys and roles are known ---- */

static quire_status check_column_names(struct qr_model_builder *builder,
                                       const struct qr_model_type *type)
{
    struct qr_gql_name_table names = {0};
    for (uint32_t i = 0; i < type->column_count; i++) {
        struct qr_model_field *field = type->columns[i];
        void *previous;
        QR_TRY(qr_gql_name_table_add(&names, builder->arena, qr_gql_str_of(field->column_name),
                                     field, &previous, builder->err));
        if (previous != NULL) {
            const struct qr_model_field *other = previous;
            qr_model_problem(builder, qr_model_field_pos(field),
                             "%s.%.*s and %s.%.*s are both stored as \"%s\"; @map one of them to "
                             "another name.",
                             type->table, QR_GQL_FMT(other->name), type->table,
                             QR_GQL_FMT(field->name), field->column_name);
        }
    }
    return QUIRE_OK;
}

/* References are kept to rows by their keys: no other field can be referred to. */
static void check_references(struct qr_model_builder *builder, const struct qr_model_field *field)
{
    const struct qr_gql_ast_directive *relation = qr_model_directive(field, "relation");
    const struct qr_gql_ast_value *name = qr_model_list_argument(relation, "references");
    if (field->role == QR_MODEL_REFERENCE && name != NULL &&
        (name->next != NULL || !qr_gql_str_equal(name->text, field->target->key->name))) {
        refuse(builder, field, relation, "refers to the key of the other type and to nothing else");
    }
}

/* Whether each field can have the access and the stored name that its directives give it. */
static void check_field(struct qr_model_builder *builder, const struct qr_model_field *field)
{
    const struct qr_model_type *type = field->owner;
    const struct qr_gql_ast_directive *map = qr_model_directive(field, "map");
    bool is_column = field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE;

    check_references(builder, field);
    if (map != NULL && !is_column && field->role != QR_MODEL_LINKS) {
        refuse(builder, field, map, "names what is stored, which this side of the relation is not");
    }
    if (type->has_mutations && is_column && field->required &&
        (field->access & QR_MODEL_CAN_WRITE) == 0 && !qr_model_has_default(field)) {
        qr_model_problem(builder, qr_model_field_pos(field),
                         "%s.%.*s is required and clients cannot give it: it needs a default, or "
                         "the type @generate(mutation: false).",
                         type->table, QR_GQL_FMT(field->name));
    }
}

quire_status qr_model_check_access(struct qr_model_builder *builder)
{
    for (uint32_t t = 0; t < builder->model->type_count; t++) {
        const struct qr_model_type *type = &builder->model->types[t];
        QR_TRY(check_column_names(builder, type));
        if ((type->key->access & QR_MODEL_CAN_READ) == 0) {
            qr_model_problem(builder, qr_model_field_pos(type->key),
                             "%s.%.*s is the key, by which clients find rows: they must be able to "
                             "read it.",
                             type->table, QR_GQL_FMT(type->key->name));
        }
        for (uint32_t i = 0; i < type->field_count; i++) {
            check_field(builder, &type->fields[i]);
        }
    }
    return QUIRE_OK;
}
