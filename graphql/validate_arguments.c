/*
 * Rules about arguments and directives: that they exist, that required ones
 * are given, that literals fit their types.
 */
#include "graphql/coerce.h"
#include "graphql/validate_internal.h"

/* ---- KnownArgumentNames ---- */

static const char *suggest_inputs(struct qr_gql_validator *v, struct qr_gql_str name,
                                  const struct qr_gql_input *inputs, uint32_t count)
{
    if (!v->suggest || count == 0) {
        return "";
    }
    struct qr_gql_str *names = qr_gql_validate_alloc(v, count * sizeof *names);
    if (!names) {
        return "";
    }
    for (uint32_t i = 0; i < count; i++) {
        names[i] = inputs[i].name;
    }
    return qr_gql_validate_suggest(v, name, names, count);
}

/* The type in a field's coordinate. __type belongs to none, though it is found on the root. */
static struct qr_gql_str owner(const struct qr_gql_validator *v, const struct qr_gql_type *parent,
                               const struct qr_gql_field *field)
{
    return field == v->schema->meta_type ? qr_gql_str_of("<meta>") : parent->name;
}

static void known_arguments_of_field(struct qr_gql_validator *v,
                                     const struct qr_gql_ast_selection *node,
                                     const struct qr_gql_type *parent,
                                     const struct qr_gql_field *field)
{
    if (!field) {
        return;
    }
    struct qr_gql_str type = owner(v, parent, field);
    for (const struct qr_gql_ast_argument *a = node->arguments; a; a = a->next) {
        if (!qr_gql_field_argument(field, a->name.text) && qr_gql_validate_running(v)) {
            (void)qr_gql_report_add(
                v->report, &a->name.pos, "Unknown argument \"%.*s\" on field \"%.*s.%.*s\".%s",
                QR_GQL_FMT(a->name.text), QR_GQL_FMT(type), QR_GQL_FMT(field->name),
                suggest_inputs(v, a->name.text, field->arguments, field->argument_count));
        }
    }
}

static void known_arguments_of_directive(struct qr_gql_validator *v,
                                         const struct qr_gql_ast_directive *node,
                                         const struct qr_gql_directive *directive,
                                         uint32_t location)
{
    (void)location;
    if (!directive) {
        return;
    }
    for (const struct qr_gql_ast_argument *a = node->arguments; a; a = a->next) {
        if (!qr_gql_directive_argument(directive, a->name.text) && qr_gql_validate_running(v)) {
            (void)qr_gql_report_add(
                v->report, &a->name.pos, "Unknown argument \"%.*s\" on directive \"@%.*s\".%s",
                QR_GQL_FMT(a->name.text), QR_GQL_FMT(directive->name),
                suggest_inputs(v, a->name.text, directive->arguments, directive->argument_count));
        }
    }
}

/* ---- ProvidedRequiredArguments ---- */

static void required_arguments_of_field(struct qr_gql_validator *v,
                                        const struct qr_gql_ast_selection *node,
                                        const struct qr_gql_type *parent,
                                        const struct qr_gql_field *field)
{
    if (!field) {
        return;
    }
    struct qr_gql_str type = owner(v, parent, field);
    for (uint32_t i = 0; i < field->argument_count; i++) {
        const struct qr_gql_input *a = &field->arguments[i];
        if (qr_gql_input_is_required(a) && !qr_gql_ast_argument_find(node->arguments, a->name)) {
            (void)qr_gql_report_add(v->report, &node->pos,
                                    "Argument \"%.*s.%.*s(%.*s:)\" of type \"%s\" is required, "
                                    "but it was not provided.",
                                    QR_GQL_FMT(type), QR_GQL_FMT(field->name), QR_GQL_FMT(a->name),
                                    qr_gql_type_text(v->arena, a->type));
        }
    }
}

static void required_arguments_of_directive(struct qr_gql_validator *v,
                                            const struct qr_gql_ast_directive *node,
                                            const struct qr_gql_directive *directive,
                                            uint32_t location)
{
    (void)location;
    for (uint32_t i = 0; directive && i < directive->argument_count; i++) {
        const struct qr_gql_input *a = &directive->arguments[i];
        if (qr_gql_input_is_required(a) && !qr_gql_ast_argument_find(node->arguments, a->name)) {
            (void)qr_gql_report_add(v->report, &node->pos,
                                    "Argument \"@%.*s(%.*s:)\" of type \"%s\" is required, but "
                                    "it was not provided.",
                                    QR_GQL_FMT(directive->name), QR_GQL_FMT(a->name),
                                    qr_gql_type_text(v->arena, a->type));
        }
    }
}

/* ---- KnownDirectives ---- */

static void known_directives(struct qr_gql_validator *v, const struct qr_gql_ast_directive *node,
                             const struct qr_gql_directive *directive, uint32_t location)
{
    if (!directive) {
        (void)qr_gql_report_add(v->report, &node->pos, "Unknown directive \"@%.*s\".",
                                QR_GQL_FMT(node->name.text));
    } else if (!(directive->locations & location)) {
        (void)qr_gql_report_add(v->report, &node->pos, "Directive \"@%.*s\" may not be used on %s.",
                                QR_GQL_FMT(node->name.text),
                                qr_gql_directive_location_name(location));
    }
}

static void known_directives_of_sdl(struct qr_gql_validator *v)
{
    qr_gql_validate_sdl_rule(v, "KnownDirectivesRule");
}

/* ---- ValuesOfCorrectType ---- */

static bool report_literal(void *context, const struct qr_gql_ast_value *at,
                           const struct qr_gql_path *path, const char *message)
{
    struct qr_gql_validator *v = context;
    (void)path;
    (void)qr_gql_report_message(v->report, &at->pos, 1, qr_gql_str_of(message));
    return qr_gql_validate_running(v);
}

static void values_of_correct_type(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                                   const struct qr_gql_type *type)
{
    if (type) {
        quire_status status =
            qr_gql_literal_check(v->arena, type, node, v->suggest, report_literal, v, v->err);
        v->status = v->status == QUIRE_OK ? status : v->status;
    }
}

const struct qr_gql_rule qr_gql_rules_arguments[] = {
    {.name = "KnownArgumentNamesRule",
     .field = known_arguments_of_field,
     .directive = known_arguments_of_directive},
    {.name = "ProvidedRequiredArgumentsRule",
     .field = required_arguments_of_field,
     .directive = required_arguments_of_directive},
    {.name = "KnownDirectivesRule",
     .document = known_directives_of_sdl,
     .directive = known_directives},
    {.name = "ValuesOfCorrectTypeRule", .literal = values_of_correct_type},
    {.name = NULL},
};
