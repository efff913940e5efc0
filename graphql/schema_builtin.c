/*
 * What every schema has without saying so, written as SDL: the scalars of the
 * language, the introspection types, the specified directives, and a type
 * __Meta that holds the meta-fields and is not part of any schema.
 */
#include "graphql/schema_internal.h"

static const char builtin_sdl[] =
    "scalar Int\n"
    "scalar Float\n"
    "scalar String\n"
    "scalar Boolean\n"
    "scalar ID\n"
    "directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n"
    "directive @deprecated(reason: String! = \"No longer supported\")\n"
    "  on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE\n"
    "directive @specifiedBy(url: String!) on SCALAR\n"
    "directive @oneOf on INPUT_OBJECT\n"
    "type __Schema {\n"
    "  description: String\n"
    "  types: [__Type!]!\n"
    "  queryType: __Type!\n"
    "  mutationType: __Type\n"
    "  subscriptionType: __Type\n"
    "  directives: [__Directive!]!\n"
    "}\n"
    "type __Type {\n"
    "  kind: __TypeKind!\n"
    "  name: String\n"
    "  description: String\n"
    "  specifiedByURL: String\n"
    "  fields(includeDeprecated: Boolean! = false): [__Field!]\n"
    "  interfaces: [__Type!]\n"
    "  possibleTypes: [__Type!]\n"
    "  enumValues(includeDeprecated: Boolean! = false): [__EnumValue!]\n"
    "  inputFields(includeDeprecated: Boolean! = false): [__InputValue!]\n"
    "  ofType: __Type\n"
    "  isOneOf: Boolean\n"
    "}\n"
    "enum __TypeKind {\n"
    "  SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL\n"
    "}\n"
    "type __Field {\n"
    "  name: String!\n"
    "  description: String\n"
    "  args(includeDeprecated: Boolean! = false): [__InputValue!]!\n"
    "  type: __Type!\n"
    "  isDeprecated: Boolean!\n"
    "  deprecationReason: String\n"
    "}\n"
    "type __InputValue {\n"
    "  name: String!\n"
    "  description: String\n"
    "  type: __Type!\n"
    "  defaultValue: String\n"
    "  isDeprecated: Boolean!\n"
    "  deprecationReason: String\n"
    "}\n"
    "type __EnumValue {\n"
    "  name: String!\n"
    "  description: String\n"
    "  isDeprecated: Boolean!\n"
    "  deprecationReason: String\n"
    "}\n"
    "type __Directive {\n"
    "  name: String!\n"
    "  description: String\n"
    "  isRepeatable: Boolean!\n"
    "  locations: [__DirectiveLocation!]!\n"
    "  args(includeDeprecated: Boolean! = false): [__InputValue!]!\n"
    "}\n"
    "enum __DirectiveLocation {\n"
    "  QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT\n"
    "  VARIABLE_DEFINITION SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE\n"
    "  UNION ENUM ENUM_VALUE INPUT_OBJECT INPUT_FIELD_DEFINITION\n"
    "}\n"
    "type __Meta {\n"
    "  __schema: __Schema!\n"
    "  __type(name: String!): __Type\n"
    "  __typename: String!\n"
    "}\n";

struct qr_gql_str qr_gql_builtin_sdl(void)
{
    return (struct qr_gql_str){builtin_sdl, sizeof(builtin_sdl) - 1};
}

static bool is_one_of(struct qr_gql_str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (qr_gql_str_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

bool qr_gql_is_builtin_type(struct qr_gql_str name)
{
    static const char *const names[] = {
        "Int",          "Float",       "String",      "Boolean",
        "ID",           "__Schema",    "__Type",      "__Field",
        "__InputValue", "__EnumValue", "__Directive", "__DirectiveLocation",
        "__TypeKind",
    };
    return is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

bool qr_gql_is_specified_directive(struct qr_gql_str name)
{
    static const char *const names[] = {"include", "skip", "deprecated", "specifiedBy", "oneOf"};
    return is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}
