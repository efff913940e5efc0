/*
 * The selection tree of an operation over the API schema: fragments spread,
 * fields of one response name merged, @skip and @include decided, arguments
 * coerced. Because every row type is an object type, all of this can be done
 * before the first row is read, and once for all rows.
 */
#ifndef QR_GRAPHQL_SELECT_H
#define QR_GRAPHQL_SELECT_H

#include "graphql/api.h"
#include "graphql/coerce.h"

struct qr_select;

struct qr_select_field {
    struct qr_gql_str response_name;
    const struct qr_gql_field *definition;
    const struct qr_api_field *api; /* NULL for __typename, __schema, __type */
    struct qr_gql_pos pos;          /* of the first selection, for errors */
    struct qr_gql_value arguments;  /* OBJECT of the arguments that have a value */
    struct qr_select *set;          /* NULL for leaves */
    /* The selections merged into this field, for executing introspection. */
    const struct qr_gql_ast_selection **nodes;
    uint32_t node_count, node_capacity;
};

/* The fields selected on one object type, in response order. */
struct qr_select {
    const struct qr_gql_type *type;
    struct qr_select_field *fields;
    uint32_t count, capacity;
    struct qr_gql_name_table names;   /* used when there are many */
    struct qr_gql_name_table visited; /* fragments spread here: once is enough */
};

struct qr_select_context {
    const struct qr_gql_schema *schema;
    const struct qr_gql_document *document;
    const struct qr_gql_variables *variables;
    struct qr_arena *arena;
    struct qr_gql_report *report; /* problems of arguments: the request is refused then */
    uint32_t depth_max;
    uint32_t fields_max; /* of the whole tree: fragments can multiply a short text */
};

/* Makes the tree of a validated operation. QUERY with problems in the report when an argument does
 * not fit, LIMIT when selections are nested deeper than depth_max or are more than fields_max. */
quire_status qr_select_build(const struct qr_select_context *context,
                             const struct qr_gql_ast_definition *operation, struct qr_select **out,
                             quire_error *err);

/* The argument's value, or NULL when it was not given. */
const struct qr_gql_value *qr_select_argument(const struct qr_select_field *field,
                                              const char *name);

/* The first field of that API kind in a set, or NULL. */
const struct qr_select_field *qr_select_find(const struct qr_select *set, enum qr_api_kind kind);

#endif
