/*
 * NoDeprecatedCustomRule: tells where a request uses what the schema wants to
 * be rid of. Run by name only; using such a thing is no error of the language.
 */
#include "graphql/validate_internal.h"

static void report_use(struct qr_gql_validator *v, const struct qr_gql_pos *pos,
                       const char *subject, struct qr_gql_str reason)
{
    if (subject && qr_gql_validate_running(v)) {
        (void)qr_gql_report_add(v->report, pos, "The %s is deprecated. %.*s", subject,
                                QR_GQL_FMT(reason));
    }
}

static void check_field(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                        const struct qr_gql_type *parent, const struct qr_gql_field *field)
{
    if (!field) {
        return;
    }
    if (field->deprecation_reason.data) {
        report_use(v, &node->pos,
                   qr_gql_format(v->arena, v->err, "field %.*s.%.*s", QR_GQL_FMT(parent->name),
                                 QR_GQL_FMT(field->name)),
                   field->deprecation_reason);
    }
    for (const struct qr_gql_ast_argument *a = node->arguments; a; a = a->next) {
        const struct qr_gql_input *input = qr_gql_field_argument(field, a->name.text);
        if (input && input->deprecation_reason.data) {
            report_use(v, &a->name.pos,
                       qr_gql_format(v->arena, v->err, "argument \"%.*s.%.*s(%.*s:)\"",
                                     QR_GQL_FMT(parent->name), QR_GQL_FMT(field->name),
                                     QR_GQL_FMT(input->name)),
                       input->deprecation_reason);
        }
    }
}

static void check_directive(struct qr_gql_validator *v, const struct qr_gql_ast_directive *node,
                            const struct qr_gql_directive *directive, uint32_t location)
{
    (void)location;
    for (const struct qr_gql_ast_argument *a = node->arguments; directive && a; a = a->next) {
        const struct qr_gql_input *input = qr_gql_directive_argument(directive, a->name.text);
        if (input && input->deprecation_reason.data) {
            report_use(v, &a->name.pos,
                       qr_gql_format(v->arena, v->err, "argument \"@%.*s(%.*s:)\"",
                                     QR_GQL_FMT(directive->name), QR_GQL_FMT(input->name)),
                       input->deprecation_reason);
        }
    }
}

static void check_literal(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                          const struct qr_gql_type *type);

static void check_object(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                         const struct qr_gql_type *type)
{
    for (const struct qr_gql_ast_argument *f = node->fields; f; f = f->next) {
        const struct qr_gql_input *input = qr_gql_type_input(type, f->name.text);
        if (!input) {
            continue;
        }
        if (input->deprecation_reason.data) {
            report_use(v, &f->name.pos,
                       qr_gql_format(v->arena, v->err, "input field %.*s.%.*s",
                                     QR_GQL_FMT(type->name), QR_GQL_FMT(input->name)),
                       input->deprecation_reason);
        }
        check_literal(v, f->value, input->type);
    }
}

/* Recursion is bounded by the syntax tree. */
static void check_literal(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                          const struct qr_gql_type *type)
{
    type = type ? qr_gql_type_named(type) : NULL;
    if (!type) {
        return;
    }
    if (node->kind == QR_GQL_AST_LIST) {
        for (const struct qr_gql_ast_value *i = node->items; i; i = i->next) {
            check_literal(v, i, type);
        }
    } else if (node->kind == QR_GQL_AST_OBJECT && type->kind == QR_GQL_INPUT_OBJECT) {
        check_object(v, node, type);
    } else if (node->kind == QR_GQL_AST_ENUM && type->kind == QR_GQL_ENUM) {
        const struct qr_gql_enum_value *value = qr_gql_type_enum_value(type, node->text);
        if (value && value->deprecation_reason.data) {
            report_use(v, &node->pos,
                       qr_gql_format(v->arena, v->err, "enum value \"%.*s.%.*s\"",
                                     QR_GQL_FMT(type->name), QR_GQL_FMT(value->name)),
                       value->deprecation_reason);
        }
    }
}

const struct qr_gql_rule qr_gql_rules_deprecated[] = {
    {.name = "NoDeprecatedCustomRule",
     .by_name = true,
     .field = check_field,
     .directive = check_directive,
     .literal = check_literal},
    {.name = NULL},
};
