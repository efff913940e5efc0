/*
 * The selection tree of an operation over the API schema. Because every row
 * type is an object type, what is selected at each level is known before the
 * first row is read: the tree is made once, each field with its coerced
 * arguments and with what it reads from the database.
 */
#ifndef QR_GRAPHQL_SELECT_H
#define QR_GRAPHQL_SELECT_H

#include "graphql/api.h"
#include "graphql/request.h"

struct qr_select;

struct qr_select_field {
    struct qr_gql_selected *selected; /* name, definition, arguments, places */
    const struct qr_api_field *api;   /* NULL for __typename, __schema, __type */
    struct qr_select *set;            /* NULL for leaves and introspection */
    bool varies; /* in a template: `selected` is to be made anew for each run */
};

/* The fields selected on one object type, in response order. */
struct qr_select {
    const struct qr_gql_type *type;
    struct qr_select_field *fields;
    uint32_t count;
    bool resolves;           /* a field here, below, or in `other` is the program's */
    bool varies;             /* in a template: a field here, below, or in `other` does */
    struct qr_select *other; /* below a field of an abstract type: of another possible type */
};

struct qr_select_limits {
    uint32_t depth_max;
    uint32_t fields_max; /* of the whole tree: fragments can multiply a short text */
};

/* Makes the tree of a prepared request. QUERY with problems in the report when an argument does not
 * fit; LIMIT when a bound is exceeded. */
quire_status qr_select_build(struct qr_gql_request *request, const struct qr_select_limits *limits,
                             struct qr_gql_report *report, struct qr_select **out,
                             quire_error *err);

/*
 * The same in two steps, for many runs with different variables. The template
 * needs none: where arguments depend on them they are left out. Its shape must
 * not depend on them either: no directive in the document may take one. It is
 * immutable and lives in the request's arena; an instance lives in the arena of
 * its own request and shares with the template what does not vary.
 */
quire_status qr_select_build_template(struct qr_gql_request *request,
                                      const struct qr_select_limits *limits,
                                      struct qr_gql_report *report, struct qr_select **out,
                                      quire_error *err);
quire_status qr_select_instantiate(struct qr_gql_request *request, struct qr_select *source,
                                   struct qr_gql_report *report, struct qr_select **out,
                                   quire_error *err);

/* The argument's value, or NULL when it was not given. */
const struct qr_gql_value *qr_select_argument(const struct qr_select_field *field,
                                              const char *name);

/* The first field of that API kind in a set, or NULL. */
const struct qr_select_field *qr_select_find(const struct qr_select *set, enum qr_api_kind kind);

/* Where the field stands in the document. */
static inline struct qr_gql_pos qr_select_pos(const struct qr_select_field *field)
{
    return field->selected->nodes->field->pos;
}

#endif
