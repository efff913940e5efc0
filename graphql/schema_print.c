/*
 * Printing a schema as SDL, in its own order or sorted by name.
 */
#include "graphql/schema_print.h"

#include <stdlib.h>

#include "graphql/printer.h"
#include "graphql/schema_internal.h"

struct output {
    struct qr_gql_buffer buffer;
    const struct qr_gql_schema *schema;
    bool sorted;
};

/* A thing with a name, for ordering. */
struct named {
    struct qr_gql_str name;
    const void *item;
};

static void put(struct output *o, const char *text)
{
    qr_gql_buffer_text(&o->buffer, text);
}

static void put_str(struct output *o, struct qr_gql_str text)
{
    qr_gql_buffer_str(&o->buffer, text);
}

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return qr_gql_str_compare_natural(x->name, y->name);
}

/* A list for `count` items; NULL sets the buffer's status. */
static struct named *make_list(struct output *o, uint32_t count)
{
    struct named *list =
        qr_arena_alloc(o->buffer.arena, (count + 1) * sizeof(*list), o->buffer.err);
    if (list == NULL) {
        o->buffer.status = qr_gql_memory_status(o->buffer.err);
    }
    return list;
}

static void order(const struct output *o, struct named *list, uint32_t count)
{
    if (o->sorted) {
        qsort(list, count, sizeof(*list), compare_named);
    }
}

/* ---- descriptions ---- */

/* Whether a text comes back unchanged from a block string. */
static bool fits_block(struct qr_gql_str text)
{
    bool empty_line = true, indented = false, common = true, later_line = false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '\n') {
            if (empty_line && !later_line) {
                return false;
            }
            later_line = true;
            empty_line = true;
            indented = false;
        } else if (c == '\t' || c == ' ') {
            indented = indented || empty_line;
        } else if (c < 0x10) {
            return false;
        } else {
            common = common && indented;
            empty_line = false;
        }
    }
    return text.size == 0 || (!empty_line && !(common && later_line));
}

static void put_description(struct output *o, struct qr_gql_str description, const char *indent,
                            bool first)
{
    if (description.data == NULL) {
        return;
    }
    struct qr_gql_buffer literal;
    struct qr_gql_str text;
    qr_gql_buffer_init(&literal, o->buffer.arena, o->buffer.err);
    if (fits_block(description)) {
        qr_gql_print_block_string(&literal, description, false);
    } else {
        qr_gql_print_string(&literal, description);
    }
    if (qr_gql_buffer_finish(&literal, &text) != QUIRE_OK) {
        o->buffer.status = literal.status;
        return;
    }
    put(o, *indent != '\0' && !first ? "\n" : "");
    put(o, indent);
    for (size_t i = 0; i < text.size; i++) {
        qr_gql_buffer_char(&o->buffer, text.data[i]);
        if (text.data[i] == '\n') {
            put(o, indent);
        }
    }
    put(o, "\n");
}

static void put_deprecated(struct output *o, struct qr_gql_str reason)
{
    if (reason.data == NULL) {
        return;
    }
    put(o, " @deprecated");
    if (!qr_gql_str_is(reason, "No longer supported")) {
        put(o, "(reason: ");
        qr_gql_print_string(&o->buffer, reason);
        put(o, ")");
    }
}

/* ---- members ---- */

static void put_input(struct output *o, const struct qr_gql_input *input)
{
    put_str(o, input->name);
    put(o, ": ");
    qr_gql_type_print(&o->buffer, input->type);
    if (input->default_literal != NULL) {
        put(o, " = ");
        qr_gql_print_value(&o->buffer, input->default_literal);
    }
    put_deprecated(o, input->deprecation_reason);
}

static struct named *list_inputs(struct output *o, const struct qr_gql_input *inputs,
                                 uint32_t count)
{
    struct named *list = make_list(o, count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        list[i] = (struct named){inputs[i].name, &inputs[i]};
    }
    if (list != NULL) {
        order(o, list, count);
    }
    return list;
}

static void put_arguments(struct output *o, const struct qr_gql_input *arguments, uint32_t count,
                          const char *indent, const char *inner)
{
    struct named *list = list_inputs(o, arguments, count);
    bool described = false;
    for (uint32_t i = 0; i < count; i++) {
        described = described || arguments[i].description.data != NULL;
    }
    if (count == 0 || list == NULL) {
        return;
    }
    put(o, described ? "(\n" : "(");
    for (uint32_t i = 0; i < count; i++) {
        const struct qr_gql_input *argument = list[i].item;
        put(o, i == 0 ? "" : described ? "\n" : ", ");
        if (described) {
            put_description(o, argument->description, inner, i == 0);
            put(o, inner);
        }
        put_input(o, argument);
    }
    put(o, described ? "\n" : "");
    put(o, described ? indent : "");
    put(o, ")");
}

static void open_block(struct output *o, uint32_t index)
{
    put(o, index == 0 ? " {\n" : "\n");
}

static void close_block(struct output *o, uint32_t count)
{
    put(o, count == 0 ? "" : "\n}");
}

static void put_fields(struct output *o, const struct qr_gql_type *type)
{
    struct named *list = make_list(o, type->field_count);
    for (uint32_t i = 0; list != NULL && i < type->field_count; i++) {
        list[i] = (struct named){type->fields[i].name, &type->fields[i]};
    }
    if (list == NULL) {
        return;
    }
    order(o, list, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_gql_field *field = list[i].item;
        open_block(o, i);
        put_description(o, field->description, "  ", i == 0);
        put(o, "  ");
        put_str(o, field->name);
        put_arguments(o, field->arguments, field->argument_count, "  ", "    ");
        put(o, ": ");
        qr_gql_type_print(&o->buffer, field->type);
        put_deprecated(o, field->deprecation_reason);
    }
    close_block(o, type->field_count);
}

static void put_inputs(struct output *o, const struct qr_gql_type *type)
{
    struct named *list = list_inputs(o, type->inputs, type->input_count);
    for (uint32_t i = 0; list != NULL && i < type->input_count; i++) {
        const struct qr_gql_input *input = list[i].item;
        open_block(o, i);
        put_description(o, input->description, "  ", i == 0);
        put(o, "  ");
        put_input(o, input);
    }
    close_block(o, type->input_count);
}

static void put_values(struct output *o, const struct qr_gql_type *type)
{
    struct named *list = make_list(o, type->value_count);
    for (uint32_t i = 0; list != NULL && i < type->value_count; i++) {
        list[i] = (struct named){type->values[i].name, &type->values[i]};
    }
    if (list == NULL) {
        return;
    }
    order(o, list, type->value_count);
    for (uint32_t i = 0; i < type->value_count; i++) {
        const struct qr_gql_enum_value *value = list[i].item;
        open_block(o, i);
        put_description(o, value->description, "  ", i == 0);
        put(o, "  ");
        put_str(o, value->name);
        put_deprecated(o, value->deprecation_reason);
    }
    close_block(o, type->value_count);
}

static void put_type_names(struct output *o, const struct qr_gql_type *const *types, uint32_t count,
                           const char *before, const char *between)
{
    struct named *list = make_list(o, count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        list[i] = (struct named){types[i]->name, types[i]};
    }
    if (list == NULL) {
        return;
    }
    order(o, list, count);
    for (uint32_t i = 0; i < count; i++) {
        put(o, i == 0 ? before : between);
        put_str(o, list[i].name);
    }
}

/* ---- definitions ---- */

static void put_type(struct output *o, const struct qr_gql_type *type)
{
    static const char *const words[] = {"scalar ", "type ", "interface ",
                                        "union ",  "enum ", "input "};
    put_description(o, type->description, "", true);
    put(o, words[type->kind]);
    put_str(o, type->name);
    put_type_names(o, type->interfaces, type->interface_count, " implements ", " & ");
    switch (type->kind) {
    case QR_GQL_SCALAR:
        if (type->specified_by_url.data != NULL) {
            put(o, " @specifiedBy(url: ");
            qr_gql_print_string(&o->buffer, type->specified_by_url);
            put(o, ")");
        }
        break;
    case QR_GQL_OBJECT:
    case QR_GQL_INTERFACE:
        put_fields(o, type);
        break;
    case QR_GQL_UNION:
        put_type_names(o, type->possible, type->possible_count, " = ", " | ");
        break;
    case QR_GQL_ENUM:
        put_values(o, type);
        break;
    case QR_GQL_INPUT_OBJECT:
        put(o, type->one_of ? " @oneOf" : "");
        put_inputs(o, type);
        break;
    case QR_GQL_LIST:
    case QR_GQL_NON_NULL:
        break;
    }
}

static void put_directive(struct output *o, const struct qr_gql_directive *directive)
{
    put_description(o, directive->description, "", true);
    put(o, "directive @");
    put_str(o, directive->name);
    put_arguments(o, directive->arguments, directive->argument_count, "", "  ");
    put(o, directive->repeatable ? " repeatable on " : " on ");
    struct named *list = make_list(o, directive->location_count);
    for (uint32_t i = 0; list != NULL && i < directive->location_count; i++) {
        list[i] = (struct named){directive->location_names[i], NULL};
    }
    if (list == NULL) {
        return;
    }
    order(o, list, directive->location_count);
    for (uint32_t i = 0; i < directive->location_count; i++) {
        put(o, i == 0 ? "" : " | ");
        put_str(o, list[i].name);
    }
}

/* Whether a schema definition says more than the names of the root types. */
static bool needs_definition(const struct qr_gql_schema *schema)
{
    static const char *const names[] = {"Query", "Mutation", "Subscription"};
    bool rooted = false, usual = true;
    for (unsigned i = 0; i < 3; i++) {
        rooted = rooted || schema->roots[i] != NULL;
        usual = usual && schema->roots[i] == qr_gql_schema_type(schema, qr_gql_str_of(names[i]));
    }
    return rooted && (schema->description.data != NULL || !usual);
}

static void put_schema(struct output *o)
{
    const struct qr_gql_schema *schema = o->schema;
    put_description(o, schema->description, "", true);
    put(o, "schema {\n");
    for (unsigned i = 0; i < 3; i++) {
        if (schema->roots[i] != NULL) {
            qr_gql_buffer_format(&o->buffer, "  %s: %.*s\n",
                                 qr_gql_operation_word((enum qr_gql_operation)i),
                                 QR_GQL_FMT(schema->roots[i]->name));
        }
    }
    put(o, "}");
}

static void put_gap(struct output *o)
{
    put(o, o->buffer.size == 0 ? "" : "\n\n");
}

static void put_all(struct output *o)
{
    const struct qr_gql_schema *schema = o->schema;
    struct named *directives = make_list(o, schema->directive_count);
    struct named *types = make_list(o, schema->type_count);
    uint32_t directive_count = 0, type_count = 0;
    if (directives == NULL || types == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schema->directive_count; i++) {
        const struct qr_gql_directive *directive = schema->directives[i];
        if (!directive->specified) {
            directives[directive_count++] = (struct named){directive->name, directive};
        }
    }
    for (uint32_t i = 0; i < schema->type_count; i++) {
        if (!schema->types[i]->builtin) {
            types[type_count++] = (struct named){schema->types[i]->name, schema->types[i]};
        }
    }
    order(o, directives, directive_count);
    order(o, types, type_count);
    if (needs_definition(schema)) {
        put_schema(o);
    }
    for (uint32_t i = 0; i < directive_count; i++) {
        put_gap(o);
        put_directive(o, directives[i].item);
    }
    for (uint32_t i = 0; i < type_count; i++) {
        put_gap(o);
        put_type(o, types[i].item);
    }
}

quire_status qr_gql_schema_print(struct qr_arena *arena, const struct qr_gql_schema *schema,
                                 bool sorted, struct qr_gql_str *out, quire_error *err)
{
    struct output o = {.schema = schema, .sorted = sorted};
    qr_gql_buffer_init(&o.buffer, arena, err);
    put_all(&o);
    return qr_gql_buffer_finish(&o.buffer, out);
}
