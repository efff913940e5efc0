/*
 * Introspection as a source of data: the schema's own structures behind the
 * types of Appendix D. An item's handle is a structure of the schema and its
 * tag says of which kind; lists keep their position in the cursor.
 */
#include "graphql/execute.h"
#include "graphql/printer.h"

enum tag {
    ON_SCHEMA,
    ON_TYPE,
    ON_FIELD,
    ON_INPUT,
    ON_ENUM_VALUE,
    ON_DIRECTIVE,
    LIST_OF_TYPES, /* of a schema */
    LIST_OF_DIRECTIVES,
    LIST_OF_FIELDS, /* of a type */
    LIST_OF_INTERFACES,
    LIST_OF_POSSIBLE_TYPES,
    LIST_OF_ENUM_VALUES,
    LIST_OF_INPUT_FIELDS,
    LIST_OF_FIELD_ARGUMENTS,
    LIST_OF_DIRECTIVE_ARGUMENTS,
    LIST_OF_LOCATIONS
};

/* Beside a list's tag: deprecated elements belong to it. */
#define WITH_DEPRECATED ((uint64_t)1 << 32)

struct query {
    const struct qr_gql_call *call;
    struct qr_gql_item *out;
    quire_error *err;
};

/* ---- items ---- */

static quire_status give_object(struct query *q, enum tag tag, const void *handle)
{
    if (handle) {
        q->out->kind = QR_GQL_ITEM_OBJECT;
        q->out->handle = handle;
        q->out->tag = tag;
    }
    return QUIRE_OK;
}

static quire_status give_list(struct query *q, enum tag tag, const void *handle)
{
    const struct qr_gql_value *argument =
        qr_gql_value_get(&q->call->selected->arguments, qr_gql_str_of("includeDeprecated"));
    bool all = argument && argument->kind == QR_GQL_VALUE_BOOL && argument->boolean;
    q->out->kind = QR_GQL_ITEM_LIST;
    q->out->handle = handle;
    q->out->tag = (uint64_t)tag | (all ? WITH_DEPRECATED : 0);
    return QUIRE_OK;
}

/* A text, or null when it is absent. */
static quire_status give_text(struct query *q, struct qr_gql_str text)
{
    if (text.data) {
        q->out->kind = QR_GQL_ITEM_VALUE;
        q->out->value = (struct qr_gql_value){.kind = QR_GQL_VALUE_STRING, .text = text};
    }
    return QUIRE_OK;
}

static quire_status give_bool(struct query *q, bool value)
{
    q->out->kind = QR_GQL_ITEM_VALUE;
    q->out->value = (struct qr_gql_value){.kind = QR_GQL_VALUE_BOOL, .boolean = value};
    return QUIRE_OK;
}

static quire_status give_null(void)
{
    return QUIRE_OK;
}

/* ---- fields ---- */

static quire_status schema_field(struct query *q, const struct qr_gql_schema *schema,
                                 struct qr_gql_str name)
{
    if (qr_gql_str_is(name, "types")) {
        return give_list(q, LIST_OF_TYPES, schema);
    }
    if (qr_gql_str_is(name, "queryType")) {
        return give_object(q, ON_TYPE, schema->roots[QR_GQL_QUERY]);
    }
    if (qr_gql_str_is(name, "mutationType")) {
        return give_object(q, ON_TYPE, schema->roots[QR_GQL_MUTATION]);
    }
    if (qr_gql_str_is(name, "subscriptionType")) {
        return give_object(q, ON_TYPE, schema->roots[QR_GQL_SUBSCRIPTION]);
    }
    if (qr_gql_str_is(name, "directives")) {
        return give_list(q, LIST_OF_DIRECTIVES, schema);
    }
    return give_text(q, schema->description);
}

/* The fields of __Type that only some kinds have. */
static quire_status type_part(struct query *q, const struct qr_gql_type *type,
                              struct qr_gql_str name)
{
    bool has_fields = type->kind == QR_GQL_OBJECT || type->kind == QR_GQL_INTERFACE;
    if (qr_gql_str_is(name, "fields")) {
        return has_fields ? give_list(q, LIST_OF_FIELDS, type) : give_null();
    }
    if (qr_gql_str_is(name, "interfaces")) {
        return has_fields ? give_list(q, LIST_OF_INTERFACES, type) : give_null();
    }
    if (qr_gql_str_is(name, "possibleTypes")) {
        return qr_gql_type_is_abstract(type) ? give_list(q, LIST_OF_POSSIBLE_TYPES, type)
                                             : give_null();
    }
    if (qr_gql_str_is(name, "enumValues")) {
        return type->kind == QR_GQL_ENUM ? give_list(q, LIST_OF_ENUM_VALUES, type) : give_null();
    }
    if (type->kind != QR_GQL_INPUT_OBJECT) {
        return give_null();
    }
    return qr_gql_str_is(name, "isOneOf") ? give_bool(q, type->one_of)
                                          : give_list(q, LIST_OF_INPUT_FIELDS, type);
}

static quire_status type_field(struct query *q, const struct qr_gql_type *type,
                               struct qr_gql_str name)
{
    if (qr_gql_str_is(name, "kind")) {
        return give_text(q, qr_gql_str_of(qr_gql_type_kind_name(type->kind)));
    }
    if (qr_gql_str_is(name, "name")) {
        return give_text(q, type->name);
    }
    if (qr_gql_str_is(name, "description")) {
        return give_text(q, type->description);
    }
    if (qr_gql_str_is(name, "specifiedByURL")) {
        return give_text(q, type->specified_by_url);
    }
    if (qr_gql_str_is(name, "ofType")) {
        return give_object(q, ON_TYPE, type->inner);
    }
    return type_part(q, type, name);
}

static quire_status deprecation_field(struct query *q, struct qr_gql_str reason,
                                      struct qr_gql_str name)
{
    return qr_gql_str_is(name, "isDeprecated") ? give_bool(q, reason.data != NULL)
                                               : give_text(q, reason);
}

static quire_status field_field(struct query *q, const struct qr_gql_field *field,
                                struct qr_gql_str name)
{
    if (qr_gql_str_is(name, "name")) {
        return give_text(q, field->name);
    }
    if (qr_gql_str_is(name, "description")) {
        return give_text(q, field->description);
    }
    if (qr_gql_str_is(name, "args")) {
        return give_list(q, LIST_OF_FIELD_ARGUMENTS, field);
    }
    if (qr_gql_str_is(name, "type")) {
        return give_object(q, ON_TYPE, field->type);
    }
    return deprecation_field(q, field->deprecation_reason, name);
}

static quire_status give_literal(struct query *q, const struct qr_gql_ast_value *literal)
{
    if (!literal) {
        return give_null();
    }
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, q->call->request->arena, q->err);
    qr_gql_print_value(&buffer, literal);
    QR_TRY(qr_gql_buffer_finish(&buffer, &text));
    return give_text(q, text);
}

static quire_status input_field(struct query *q, const struct qr_gql_input *input,
                                struct qr_gql_str name)
{
    if (qr_gql_str_is(name, "name")) {
        return give_text(q, input->name);
    }
    if (qr_gql_str_is(name, "description")) {
        return give_text(q, input->description);
    }
    if (qr_gql_str_is(name, "type")) {
        return give_object(q, ON_TYPE, input->type);
    }
    if (qr_gql_str_is(name, "defaultValue")) {
        return give_literal(q, input->default_literal);
    }
    return deprecation_field(q, input->deprecation_reason, name);
}

static quire_status enum_value_field(struct query *q, const struct qr_gql_enum_value *value,
                                     struct qr_gql_str name)
{
    if (qr_gql_str_is(name, "name")) {
        return give_text(q, value->name);
    }
    if (qr_gql_str_is(name, "description")) {
        return give_text(q, value->description);
    }
    return deprecation_field(q, value->deprecation_reason, name);
}

static quire_status directive_field(struct query *q, const struct qr_gql_directive *directive,
                                    struct qr_gql_str name)
{
    if (qr_gql_str_is(name, "name")) {
        return give_text(q, directive->name);
    }
    if (qr_gql_str_is(name, "description")) {
        return give_text(q, directive->description);
    }
    if (qr_gql_str_is(name, "isRepeatable")) {
        return give_bool(q, directive->repeatable);
    }
    return give_list(
        q, qr_gql_str_is(name, "locations") ? LIST_OF_LOCATIONS : LIST_OF_DIRECTIVE_ARGUMENTS,
        directive);
}

static quire_status root_field(struct query *q, const struct qr_gql_schema *schema)
{
    const struct qr_gql_selected *selected = q->call->selected;
    if (selected->field == schema->meta_schema) {
        return give_object(q, ON_SCHEMA, schema);
    }
    const struct qr_gql_value *name = qr_gql_value_get(&selected->arguments, qr_gql_str_of("name"));
    const struct qr_gql_type *type =
        name && name->kind == QR_GQL_VALUE_STRING ? qr_gql_schema_type(schema, name->text) : NULL;
    return give_object(q, ON_TYPE, type && type->referenced ? type : NULL);
}

static quire_status resolve(void *context, const struct qr_gql_call *call, struct qr_gql_item *out,
                            quire_error *err)
{
    /* The context is the schema, behind the interface's untyped pointer; nothing writes to it. */
    const struct qr_gql_schema *schema = context;
    struct query q = {call, out, err};
    const struct qr_gql_field *field = call->selected->field;
    if (field == schema->meta_schema || field == schema->meta_type) {
        return root_field(&q, schema);
    }
    const void *handle = call->parent->handle;
    switch ((enum tag)call->parent->tag) {
    case ON_SCHEMA:
        return schema_field(&q, handle, field->name);
    case ON_TYPE:
        return type_field(&q, handle, field->name);
    case ON_FIELD:
        return field_field(&q, handle, field->name);
    case ON_INPUT:
        return input_field(&q, handle, field->name);
    case ON_ENUM_VALUE:
        return enum_value_field(&q, handle, field->name);
    case ON_DIRECTIVE:
        return directive_field(&q, handle, field->name);
    case LIST_OF_TYPES:
    case LIST_OF_DIRECTIVES:
    case LIST_OF_FIELDS:
    case LIST_OF_INTERFACES:
    case LIST_OF_POSSIBLE_TYPES:
    case LIST_OF_ENUM_VALUES:
    case LIST_OF_INPUT_FIELDS:
    case LIST_OF_FIELD_ARGUMENTS:
    case LIST_OF_DIRECTIVE_ARGUMENTS:
    case LIST_OF_LOCATIONS:
        break;
    }
    return qr_fail(err, QUIRE_INTERNAL, "introspection was asked for a field of a list");
}

/* ---- lists ---- */

/* One element: its tag and handle; whether it is shown. NULL handle: the end. */
struct element {
    enum tag tag;
    const void *handle;
    bool shown;
};

static struct element inputs_at(const struct qr_gql_input *inputs, uint32_t count, uint64_t at)
{
    if (at >= count) {
        return (struct element){ON_INPUT, NULL, true};
    }
    return (struct element){ON_INPUT, &inputs[at], inputs[at].deprecation_reason.data == NULL};
}

static struct element schema_element(enum tag list, const struct qr_gql_schema *schema, uint64_t at)
{
    if (list == LIST_OF_TYPES) {
        const struct qr_gql_type *type = at < schema->type_count ? schema->types[at] : NULL;
        /* WITH_DEPRECATED does not come with this list, so `shown` decides alone. */
        return (struct element){ON_TYPE, type, type && type->referenced};
    }
    const struct qr_gql_directive *directive =
        at < schema->directive_count ? schema->directives[at] : NULL;
    return (struct element){ON_DIRECTIVE, directive, true};
}

static struct element type_element(enum tag list, const struct qr_gql_type *type, uint64_t at)
{
    struct element end = {ON_TYPE, NULL, true};
    if (list == LIST_OF_FIELDS) {
        const struct qr_gql_field *field = at < type->field_count ? &type->fields[at] : NULL;
        return (struct element){ON_FIELD, field, field && !field->deprecation_reason.data};
    }
    if (list == LIST_OF_ENUM_VALUES) {
        const struct qr_gql_enum_value *value = at < type->value_count ? &type->values[at] : NULL;
        return (struct element){ON_ENUM_VALUE, value, value && !value->deprecation_reason.data};
    }
    if (list == LIST_OF_INPUT_FIELDS) {
        return inputs_at(type->inputs, type->input_count, at);
    }
    if (list == LIST_OF_INTERFACES) {
        return at < type->interface_count ? (struct element){ON_TYPE, type->interfaces[at], true}
                                          : end;
    }
    return at < type->possible_count ? (struct element){ON_TYPE, type->possible[at], true} : end;
}

static struct element element_at(const struct qr_gql_item *list)
{
    enum tag tag = (enum tag)(list->tag & ~WITH_DEPRECATED);
    if (tag == LIST_OF_TYPES || tag == LIST_OF_DIRECTIVES) {
        return schema_element(tag, list->handle, list->cursor);
    }
    if (tag == LIST_OF_FIELD_ARGUMENTS) {
        const struct qr_gql_field *field = list->handle;
        return inputs_at(field->arguments, field->argument_count, list->cursor);
    }
    if (tag == LIST_OF_DIRECTIVE_ARGUMENTS) {
        const struct qr_gql_directive *directive = list->handle;
        return inputs_at(directive->arguments, directive->argument_count, list->cursor);
    }
    return type_element(tag, list->handle, list->cursor);
}

static void next_location(struct qr_gql_item *list, struct qr_gql_item *out, bool *more)
{
    const struct qr_gql_directive *directive = list->handle;
    *more = list->cursor < directive->location_count;
    if (*more) {
        out->kind = QR_GQL_ITEM_VALUE;
        out->value = (struct qr_gql_value){.kind = QR_GQL_VALUE_STRING,
                                           .text = directive->location_names[list->cursor++]};
    }
}

static quire_status next(void *context, struct qr_gql_item *list, struct qr_gql_item *out,
                         bool *more, quire_error *err)
{
    (void)context;
    (void)err;
    if ((list->tag & ~WITH_DEPRECATED) == LIST_OF_LOCATIONS) {
        next_location(list, out, more);
        return QUIRE_OK;
    }
    struct element element;
    do {
        element = element_at(list);
        list->cursor++;
    } while (element.handle && !element.shown && !(list->tag & WITH_DEPRECATED));
    *more = element.handle != NULL;
    *out = (struct qr_gql_item){
        .kind = QR_GQL_ITEM_OBJECT, .handle = element.handle, .tag = element.tag};
    return QUIRE_OK;
}

static quire_status type_name(void *context, const struct qr_gql_item *item,
                              struct qr_gql_value *out, quire_error *err)
{
    (void)context;
    (void)item;
    (void)out;
    return qr_fail(err, QUIRE_INTERNAL, "introspection has no abstract types");
}

struct qr_gql_source qr_gql_introspection_source(const struct qr_gql_schema *schema)
{
    union {
        const struct qr_gql_schema *schema;
        void *context;
    } pointer = {.schema = schema};
    return (struct qr_gql_source){
        .context = pointer.context, .resolve = resolve, .next = next, .type_name = type_name};
}
