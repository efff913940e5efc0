/*
 * The API of what resolvers give: see resolver.h.
 */
#include "graphql/printer.h"
#include "graphql/resolver.h"

/* ---- text ---- */

static void describe(struct qr_api_printer *p, const char *indent, struct qr_gql_str text)
{
    if (text.data != NULL) {
        qr_gql_buffer_text(p->out, indent);
        qr_gql_print_string(p->out, text);
        qr_gql_buffer_text(p->out, "\n");
    }
}

static void deprecate(struct qr_api_printer *p, struct qr_gql_str reason)
{
    if (reason.data != NULL) {
        qr_gql_buffer_text(p->out, " @deprecated(reason: ");
        qr_gql_print_string(p->out, reason);
        qr_gql_buffer_text(p->out, ")");
    }
}

static void print_input(struct qr_api_printer *p, const char *indent,
                        const struct qr_gql_input *input)
{
    describe(p, indent, input->description);
    qr_gql_buffer_format(p->out, "%s%.*s: ", indent, QR_GQL_FMT(input->name));
    qr_gql_type_print(p->out, input->type);
    if (input->default_literal != NULL) {
        qr_gql_buffer_text(p->out, " = ");
        qr_gql_print_value(p->out, input->default_literal);
    }
    deprecate(p, input->deprecation_reason);
    qr_gql_buffer_text(p->out, "\n");
}

static void print_field(struct qr_api_printer *p, const struct qr_gql_field *field)
{
    describe(p, "  ", field->description);
    qr_gql_buffer_format(p->out, "  %.*s", QR_GQL_FMT(field->name));
    if (field->argument_count > 0) {
        qr_gql_buffer_text(p->out, "(\n");
        for (uint32_t i = 0; i < field->argument_count; i++) {
            print_input(p, "    ", &field->arguments[i]);
        }
        qr_gql_buffer_text(p->out, "  )");
    }
    qr_gql_buffer_text(p->out, ": ");
    qr_gql_type_print(p->out, field->type);
    deprecate(p, field->deprecation_reason);
    qr_gql_buffer_text(p->out, "\n");
}

void qr_api_print_resolvers(struct qr_api_printer *p, const struct qr_model_resolver *first)
{
    for (const struct qr_model_resolver *r = first; r != NULL; r = r->next) {
        print_field(p, r->definition);
    }
}

static void print_value_type(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    describe(p, "", type->description);
    qr_gql_buffer_format(p->out, "type %.*s", QR_GQL_FMT(type->name));
    for (uint32_t i = 0; i < type->interface_count; i++) {
        qr_gql_buffer_format(p->out, "%s%.*s", i == 0 ? " implements " : " & ",
                             QR_GQL_FMT(type->interfaces[i]->name));
    }
    qr_gql_buffer_text(p->out, " {\n");
    for (uint32_t i = 0; i < type->field_count; i++) {
        print_field(p, &type->fields[i]);
    }
    qr_gql_buffer_text(p->out, "}\n\n");
}

static void print_input_type(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    describe(p, "", type->description);
    qr_gql_buffer_format(p->out, "input %.*s%s {\n", QR_GQL_FMT(type->name),
                         type->one_of ? " @oneOf" : "");
    for (uint32_t i = 0; i < type->input_count; i++) {
        print_input(p, "  ", &type->inputs[i]);
    }
    qr_gql_buffer_text(p->out, "}\n\n");
}

/* ---- types of arguments ---- */

/* Marks the type of an input, in used[] by index in the schema; whether it was not yet. */
static bool mark(bool *used, const struct qr_gql_input *inputs, uint32_t count)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct qr_gql_type *type = qr_gql_type_named(inputs[i].type);
        any = any || !used[type->index];
        used[type->index] = true;
    }
    return any;
}

static void mark_fields(bool *used, const struct qr_model_resolver *first)
{
    for (const struct qr_model_resolver *r = first; r != NULL; r = r->next) {
        (void)mark(used, r->definition->arguments, r->definition->argument_count);
    }
}

quire_status qr_model_mark_arguments(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    const struct qr_gql_schema *schema = model->schema;
    bool more = true;
    bool *used = qr_arena_alloc_zero(builder->arena, schema->type_count + 1, builder->err);

    if (used == NULL) {
        return QUIRE_NO_MEMORY;
    }
    mark_fields(used, model->resolvers[QR_GQL_QUERY]);
    mark_fields(used, model->resolvers[QR_GQL_MUTATION]);
    for (uint32_t i = 0; i < model->type_count; i++) {
        mark_fields(used, model->types[i].resolvers);
    }
    while (more) {
        more = false;
        for (uint32_t i = 0; i < schema->type_count; i++) {
            const struct qr_gql_type *type = schema->types[i];
            more = (used[i] && mark(used, type->inputs, type->input_count)) || more;
        }
    }
    model->argument_types = used;
    return QUIRE_OK;
}

void qr_api_print_value_types(struct qr_api_printer *p)
{
    const struct qr_gql_schema *schema = p->model->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        if (type->kind == QR_GQL_OBJECT && qr_model_is_value_type(type)) {
            print_value_type(p, type);
        } else if (type->kind == QR_GQL_INPUT_OBJECT && p->model->argument_types[i]) {
            print_input_type(p, type);
        }
    }
}

/* ---- what the fields are ---- */

static quire_status annotate(struct qr_api_annotator *a, struct qr_gql_type *owner,
                             const struct qr_gql_field *declared, enum qr_api_kind kind,
                             const struct qr_model_resolver *resolver)
{
    struct qr_gql_field *target = owner == NULL ? NULL : qr_gql_type_field(owner, declared->name);
    struct qr_api_field *host;
    if (target == NULL) {
        return qr_fail(a->err, QUIRE_INTERNAL, "The generated field %.*s is missing.",
                       QR_GQL_FMT(declared->name));
    }
    host = qr_arena_alloc(&a->api->schema->arena, sizeof *host, a->err);
    if (host == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *host = (struct qr_api_field){
        .kind = kind,
        .type = qr_model_find_type(a->api->model, qr_gql_type_named(declared->type)->name),
        .resolver = resolver};
    target->host = host;
    return QUIRE_OK;
}

static quire_status annotate_list(struct qr_api_annotator *a, struct qr_gql_type *owner,
                                  const struct qr_model_resolver *first)
{
    for (const struct qr_model_resolver *r = first; r != NULL; r = r->next) {
        QR_TRY(annotate(a, owner, r->definition, QR_API_RESOLVED, r));
    }
    return QUIRE_OK;
}

quire_status qr_api_annotate_resolvers(struct qr_api_annotator *a)
{
    const struct qr_model *model = a->api->model;
    struct qr_gql_schema *api = a->api->schema;

    QR_TRY(annotate_list(a, api->roots[QR_GQL_QUERY], model->resolvers[QR_GQL_QUERY]));
    QR_TRY(annotate_list(a, api->roots[QR_GQL_MUTATION], model->resolvers[QR_GQL_MUTATION]));
    for (uint32_t i = 0; i < model->type_count; i++) {
        QR_TRY(annotate_list(a, qr_gql_schema_type(api, model->types[i].name),
                             model->types[i].resolvers));
    }
    for (uint32_t i = 0; i < model->schema->type_count; i++) {
        const struct qr_gql_type *type = model->schema->types[i];
        if (type->kind != QR_GQL_OBJECT || !qr_model_is_value_type(type)) {
            continue;
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            QR_TRY(annotate(a, qr_gql_schema_type(api, type->name), &type->fields[f], QR_API_MEMBER,
                            NULL));
        }
    }
    return QUIRE_OK;
}
