/*
 * Looking up and comparing what is in a schema.
 */
#include "graphql/schema.h"

#include "graphql/schema_internal.h"

/* ---- names ---- */

struct qr_gql_type *qr_gql_schema_type(const struct qr_gql_schema *schema, struct qr_gql_str name)
{
    return qr_gql_name_table_get(&schema->type_table, name);
}

struct qr_gql_directive *qr_gql_schema_directive(const struct qr_gql_schema *schema,
                                                 struct qr_gql_str name)
{
    return qr_gql_name_table_get(&schema->directive_table, name);
}

const struct qr_gql_field *qr_gql_schema_field(const struct qr_gql_schema *schema,
                                               const struct qr_gql_type *parent,
                                               struct qr_gql_str name)
{
    if (qr_gql_str_is_reserved(name)) {
        if (qr_gql_str_equal(name, schema->meta_typename->name)) {
            return qr_gql_type_is_composite(parent) ? schema->meta_typename : NULL;
        }
        bool root = parent == schema->roots[QR_GQL_QUERY];
        if (root && qr_gql_str_equal(name, schema->meta_schema->name)) {
            return schema->meta_schema;
        }
        if (root && qr_gql_str_equal(name, schema->meta_type->name)) {
            return schema->meta_type;
        }
    }
    return qr_gql_type_field(parent, name);
}

struct qr_gql_field *qr_gql_type_field(const struct qr_gql_type *type, struct qr_gql_str name)
{
    bool has_fields = type->kind == QR_GQL_OBJECT || type->kind == QR_GQL_INTERFACE;
    return has_fields ? qr_gql_name_table_get(&type->table, name) : NULL;
}

struct qr_gql_input *qr_gql_type_input(const struct qr_gql_type *type, struct qr_gql_str name)
{
    return type->kind == QR_GQL_INPUT_OBJECT ? qr_gql_name_table_get(&type->table, name) : NULL;
}

struct qr_gql_enum_value *qr_gql_type_enum_value(const struct qr_gql_type *type,
                                                 struct qr_gql_str name)
{
    return type->kind == QR_GQL_ENUM ? qr_gql_name_table_get(&type->table, name) : NULL;
}

static const struct qr_gql_input *find_argument(const struct qr_gql_input *arguments,
                                                uint32_t count, struct qr_gql_str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (qr_gql_str_equal(arguments[i].name, name)) {
            return &arguments[i];
        }
    }
    return NULL;
}

const struct qr_gql_input *qr_gql_field_argument(const struct qr_gql_field *field,
                                                 struct qr_gql_str name)
{
    if (field->argument_table.count > 0) {
        return qr_gql_name_table_get(&field->argument_table, name);
    }
    return find_argument(field->arguments, field->argument_count, name);
}

const struct qr_gql_input *qr_gql_directive_argument(const struct qr_gql_directive *directive,
                                                     struct qr_gql_str name)
{
    return find_argument(directive->arguments, directive->argument_count, name);
}

const struct qr_gql_ast_directive *
qr_gql_ast_directive_find(const struct qr_gql_ast_directive *directives, const char *name)
{
    while (directives != NULL && !qr_gql_str_is(directives->name.text, name)) {
        directives = directives->next;
    }
    return directives;
}

const struct qr_gql_ast_argument *
qr_gql_ast_argument_find(const struct qr_gql_ast_argument *arguments, struct qr_gql_str name)
{
    while (arguments != NULL && !qr_gql_str_equal(arguments->name.text, name)) {
        arguments = arguments->next;
    }
    return arguments;
}

const struct qr_gql_ast_definition *qr_gql_origin_definition(const struct qr_gql_origin *origins)
{
    return origins != NULL && !origins->node->extends ? origins->node : NULL;
}

static const char *const location_names[QR_GQL_DIRECTIVE_LOCATION_COUNT] = {
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
};

uint32_t qr_gql_directive_location_bit(struct qr_gql_str name)
{
    for (uint32_t i = 0; i < QR_GQL_DIRECTIVE_LOCATION_COUNT; i++) {
        if (qr_gql_str_is(name, location_names[i])) {
            return UINT32_C(1) << i;
        }
    }
    return 0;
}

const char *qr_gql_directive_location_name(uint32_t bit)
{
    for (uint32_t i = 0; i < QR_GQL_DIRECTIVE_LOCATION_COUNT; i++) {
        if (bit == UINT32_C(1) << i) {
            return location_names[i];
        }
    }
    return "";
}

/* ---- types ---- */

const struct qr_gql_type *qr_gql_type_named(const struct qr_gql_type *type)
{
    while (type->inner != NULL) {
        type = type->inner;
    }
    return type;
}

const struct qr_gql_type *qr_gql_type_nullable(const struct qr_gql_type *type)
{
    return type->kind == QR_GQL_NON_NULL ? type->inner : type;
}

bool qr_gql_type_is_leaf(const struct qr_gql_type *type)
{
    return type->kind == QR_GQL_SCALAR || type->kind == QR_GQL_ENUM;
}

bool qr_gql_type_is_composite(const struct qr_gql_type *type)
{
    return type->kind == QR_GQL_OBJECT || qr_gql_type_is_abstract(type);
}

bool qr_gql_type_is_abstract(const struct qr_gql_type *type)
{
    return type->kind == QR_GQL_INTERFACE || type->kind == QR_GQL_UNION;
}

bool qr_gql_type_is_input(const struct qr_gql_type *type)
{
    const struct qr_gql_type *named = qr_gql_type_named(type);
    return qr_gql_type_is_leaf(named) || named->kind == QR_GQL_INPUT_OBJECT;
}

bool qr_gql_type_is_output(const struct qr_gql_type *type)
{
    return qr_gql_type_named(type)->kind != QR_GQL_INPUT_OBJECT;
}

bool qr_gql_input_is_required(const struct qr_gql_input *input)
{
    return input->type->kind == QR_GQL_NON_NULL && input->default_literal == NULL;
}

bool qr_gql_type_equal(const struct qr_gql_type *a, const struct qr_gql_type *b)
{
    while (a != b && a->kind == b->kind && a->inner != NULL) {
        a = a->inner;
        b = b->inner;
    }
    return a == b;
}

bool qr_gql_type_is_possible(const struct qr_gql_type *abstract, const struct qr_gql_type *type)
{
    return qr_gql_type_is_abstract(abstract) && type->name.data != NULL &&
           qr_gql_name_table_get(&abstract->subtypes, type->name) == (const void *)type;
}

bool qr_gql_type_is_subtype(const struct qr_gql_type *type, const struct qr_gql_type *super)
{
    for (;;) {
        if (type == super) {
            return true;
        }
        if (super->kind == QR_GQL_NON_NULL) {
            if (type->kind != QR_GQL_NON_NULL) {
                return false;
            }
            super = super->inner;
            type = type->inner;
        } else if (type->kind == QR_GQL_NON_NULL) {
            type = type->inner;
        } else if (super->kind == QR_GQL_LIST && type->kind == QR_GQL_LIST) {
            super = super->inner;
            type = type->inner;
        } else {
            return super->kind != QR_GQL_LIST && type->kind != QR_GQL_LIST &&
                   qr_gql_type_is_possible(super, type);
        }
    }
}

bool qr_gql_types_overlap(const struct qr_gql_type *a, const struct qr_gql_type *b)
{
    if (a == b) {
        return true;
    }
    if (!qr_gql_type_is_abstract(a)) {
        return qr_gql_type_is_possible(b, a);
    }
    if (!qr_gql_type_is_abstract(b)) {
        return qr_gql_type_is_possible(a, b);
    }
    if (a->possible_count > b->possible_count) {
        const struct qr_gql_type *larger = a;
        a = b;
        b = larger;
    }
    for (uint32_t i = 0; i < a->possible_count; i++) {
        if (qr_gql_type_is_possible(b, a->possible[i])) {
            return true;
        }
    }
    return false;
}

void qr_gql_type_print(struct qr_gql_buffer *buffer, const struct qr_gql_type *type)
{
    if (type->kind == QR_GQL_NON_NULL) {
        qr_gql_type_print(buffer, type->inner);
        qr_gql_buffer_char(buffer, '!');
    } else if (type->kind == QR_GQL_LIST) {
        qr_gql_buffer_char(buffer, '[');
        qr_gql_type_print(buffer, type->inner);
        qr_gql_buffer_char(buffer, ']');
    } else {
        qr_gql_buffer_str(buffer, type->name);
    }
}

const char *qr_gql_type_text(struct qr_arena *arena, const struct qr_gql_type *type)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, arena, NULL);
    qr_gql_type_print(&buffer, type);
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? text.data : "";
}

const char *qr_gql_type_kind_name(enum qr_gql_type_kind kind)
{
    static const char *const names[] = {"SCALAR", "OBJECT",       "INTERFACE", "UNION",
                                        "ENUM",   "INPUT_OBJECT", "LIST",      "NON_NULL"};
    return names[kind];
}

struct qr_gql_type *qr_gql_type_wrap(struct qr_arena *arena, enum qr_gql_type_kind kind,
                                     struct qr_gql_type *type, quire_error *err)
{
    struct qr_gql_type **place = kind == QR_GQL_LIST ? &type->list : &type->non_null;
    if (*place == NULL) {
        struct qr_gql_type *wrapper = qr_arena_alloc_zero(arena, sizeof(*wrapper), err);
        if (wrapper == NULL) {
            return NULL;
        }
        wrapper->kind = kind;
        wrapper->inner = type;
        *place = wrapper;
    }
    return *place;
}

quire_status qr_gql_type_from_ast(const struct qr_gql_schema *schema, struct qr_arena *arena,
                                  const struct qr_gql_ast_type *node,
                                  const struct qr_gql_type **out, quire_error *err)
{
    *out = NULL;
    if (node->kind == QR_GQL_AST_NAMED) {
        *out = qr_gql_schema_type(schema, node->name.text);
        return QUIRE_OK;
    }
    const struct qr_gql_type *inner;
    QR_TRY(qr_gql_type_from_ast(schema, arena, node->inner, &inner, err));
    if (inner == NULL) {
        return QUIRE_OK;
    }
    bool list = node->kind == QR_GQL_AST_LIST_OF;
    *out = list ? inner->list : inner->non_null;
    if (*out == NULL) {
        struct qr_gql_type *wrapper = qr_arena_alloc_zero(arena, sizeof(*wrapper), err);
        if (wrapper == NULL) {
            return qr_gql_memory_status(err);
        }
        wrapper->kind = list ? QR_GQL_LIST : QR_GQL_NON_NULL;
        wrapper->inner = inner;
        *out = wrapper;
    }
    return QUIRE_OK;
}
