/*
 * Resolving schema coordinates.
 */
#include "graphql/schema_internal.h"
#include "graphql/schema_print.h"

static quire_status unknown_type(quire_error *err, struct qr_gql_str name)
{
    return qr_fail(err, QUIRE_UNKNOWN_NAME,
                   "Expected \"%.*s\" to be defined as a type in the schema.", QR_GQL_FMT(name));
}

static quire_status resolve_member(const struct qr_gql_coordinate *coordinate,
                                   struct qr_gql_element *out, quire_error *err)
{
    struct qr_gql_str name = coordinate->member.text;
    switch (out->type->kind) {
    case QR_GQL_ENUM:
        out->value = qr_gql_type_enum_value(out->type, name);
        out->kind = out->value == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_ENUM_VALUE;
        return QUIRE_OK;
    case QR_GQL_INPUT_OBJECT:
        out->input = qr_gql_type_input(out->type, name);
        out->kind = out->input == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_INPUT_FIELD;
        return QUIRE_OK;
    case QR_GQL_OBJECT:
    case QR_GQL_INTERFACE:
        out->field = qr_gql_type_field(out->type, name);
        out->kind = out->field == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_FIELD;
        return QUIRE_OK;
    case QR_GQL_SCALAR:
    case QR_GQL_UNION:
    case QR_GQL_LIST:
    case QR_GQL_NON_NULL:
        break;
    }
    return qr_fail(err, QUIRE_UNKNOWN_NAME,
                   "Expected \"%.*s\" to be an Enum, Input Object, Object or Interface type.",
                   QR_GQL_FMT(out->type->name));
}

static quire_status resolve_argument(const struct qr_gql_coordinate *coordinate,
                                     struct qr_gql_element *out, quire_error *err)
{
    if (out->type->kind != QR_GQL_OBJECT && out->type->kind != QR_GQL_INTERFACE) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME,
                       "Expected \"%.*s\" to be an object type or interface type.",
                       QR_GQL_FMT(out->type->name));
    }
    out->field = qr_gql_type_field(out->type, coordinate->member.text);
    if (out->field == NULL) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME,
                       "Expected \"%.*s\" to exist as a field of type \"%.*s\" in the schema.",
                       QR_GQL_FMT(coordinate->member.text), QR_GQL_FMT(out->type->name));
    }
    out->input = qr_gql_field_argument(out->field, coordinate->argument.text);
    out->kind = out->input == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_FIELD_ARGUMENT;
    return QUIRE_OK;
}

static quire_status resolve_directive(const struct qr_gql_schema *schema,
                                      const struct qr_gql_coordinate *coordinate,
                                      struct qr_gql_element *out, quire_error *err)
{
    out->directive = qr_gql_schema_directive(schema, coordinate->name.text);
    if (coordinate->argument.text.data == NULL) {
        out->kind = out->directive == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_DIRECTIVE;
        return QUIRE_OK;
    }
    if (out->directive == NULL) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME,
                       "Expected \"%.*s\" to be defined as a directive in the schema.",
                       QR_GQL_FMT(coordinate->name.text));
    }
    out->input = qr_gql_directive_argument(out->directive, coordinate->argument.text);
    out->kind = out->input == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_DIRECTIVE_ARGUMENT;
    return QUIRE_OK;
}

quire_status qr_gql_schema_resolve(const struct qr_gql_schema *schema,
                                   const struct qr_gql_coordinate *coordinate,
                                   struct qr_gql_element *out, quire_error *err)
{
    *out = (struct qr_gql_element){.kind = QR_GQL_ELEMENT_NONE};
    if (coordinate->directive) {
        return resolve_directive(schema, coordinate, out, err);
    }
    out->type = qr_gql_schema_type(schema, coordinate->name.text);
    if (coordinate->member.text.data == NULL) {
        out->kind = out->type == NULL ? QR_GQL_ELEMENT_NONE : QR_GQL_ELEMENT_TYPE;
        return QUIRE_OK;
    }
    if (out->type == NULL) {
        return unknown_type(err, coordinate->name.text);
    }
    return coordinate->argument.text.data == NULL ? resolve_member(coordinate, out, err)
                                                  : resolve_argument(coordinate, out, err);
}

const char *qr_gql_element_kind_name(enum qr_gql_element_kind kind)
{
    static const char *const names[] = {"",           "NamedType",        "Field",
                                        "InputField", "EnumValue",        "FieldArgument",
                                        "Directive",  "DirectiveArgument"};
    return names[kind];
}
