/*
 * A request made ready to run: its operation chosen, its variables coerced,
 * and the fields that it selects, merged and in order.
 *
 * Which fields an object gets depends on its type and on the variables alone,
 * so a merged field remembers the fields below it for each object type, and
 * its coerced arguments: a list of a million objects collects them once. All
 * of it lives in the request's arena. One thread at a time.
 *
 * The document must have passed validation.
 */
#ifndef QR_GRAPHQL_REQUEST_H
#define QR_GRAPHQL_REQUEST_H

#include "graphql/coerce.h"

struct qr_gql_request {
    const struct qr_gql_schema *schema;
    const struct qr_gql_document *document;
    const struct qr_gql_ast_definition *operation;
    const struct qr_gql_type *root; /* the operation's root type */
    struct qr_gql_name_table fragments;
    struct qr_gql_variables variables;
    struct qr_arena *arena;
    bool suggest; /* "Did you mean" in messages */
};

/*
 * Chooses the operation (`operation_name` data NULL: the only one) and coerces
 * `variables` (an OBJECT, or NULL). Returns QUERY with problems in the report
 * when there is no such operation or a variable does not fit.
 */
quire_status qr_gql_request_prepare(const struct qr_gql_schema *schema,
                                    const struct qr_gql_document *document,
                                    struct qr_gql_str operation_name,
                                    const struct qr_gql_value *variables, struct qr_arena *arena,
                                    struct qr_gql_report *report, struct qr_gql_request *out,
                                    quire_error *err);

/* The first half: all but the variables, which `out` then lacks. */
quire_status qr_gql_request_choose(const struct qr_gql_schema *schema,
                                   const struct qr_gql_document *document,
                                   struct qr_gql_str operation_name, struct qr_arena *arena,
                                   struct qr_gql_report *report, struct qr_gql_request *out,
                                   quire_error *err);

/* A field node merged into a response field. */
struct qr_gql_node {
    const struct qr_gql_ast_selection *field;
    struct qr_gql_node *next;
};

/* Why a field cannot run: a message and its place. */
struct qr_gql_fault {
    const char *message; /* NULL: none */
    struct qr_gql_pos pos;
};

/* One field of the response, on objects of one type. */
struct qr_gql_selected {
    struct qr_gql_str name; /* in the response */
    const struct qr_gql_type *parent;
    const struct qr_gql_field *field;
    struct qr_gql_node *nodes, *last_node;
    bool arguments_ready;
    struct qr_gql_value arguments;      /* coerced, an OBJECT */
    struct qr_gql_fault fault;          /* of the arguments */
    struct qr_gql_selection_set *below; /* by object type */
    struct qr_gql_selected *next;
};

/* All fields of objects of one type, in response order. */
struct qr_gql_selection_set {
    const struct qr_gql_type *type;
    struct qr_gql_selected *first, *last;
    uint32_t count;
    struct qr_gql_fault fault; /* a condition that has no value; the set is then empty */
    struct qr_gql_selection_set *next;
};

/* The fields of the operation's root. */
quire_status qr_gql_collect_root(struct qr_gql_request *request,
                                 const struct qr_gql_selection_set **out, quire_error *err);

/* The fields below `field` on objects of `type`. Remembered. */
quire_status qr_gql_collect_below(struct qr_gql_request *request, struct qr_gql_selected *field,
                                  const struct qr_gql_type *type,
                                  const struct qr_gql_selection_set **out, quire_error *err);

/* Coerces the arguments of `field`, once; look at field->fault and field->arguments then. */
quire_status qr_gql_selected_prepare(struct qr_gql_request *request, struct qr_gql_selected *field,
                                     quire_error *err);

/*
 * Coerces the variables of an operation from JSON values (coerce_variables.c).
 * Problems go to the report.
 */
quire_status qr_gql_variables_coerce(const struct qr_gql_schema *schema,
                                     const struct qr_gql_ast_definition *operation,
                                     const struct qr_gql_value *given, bool suggest,
                                     struct qr_arena *arena, struct qr_gql_report *report,
                                     struct qr_gql_variables *out, quire_error *err);

/* What takes arguments, as messages name it: `owner.name`, or `@name` where owner.data is NULL. */
struct qr_gql_taker {
    struct qr_gql_str owner, name;
    const struct qr_gql_pos *place; /* of the field or directive */
};

/* Coerces the arguments given at a field or directive (coerce_arguments.c). */
quire_status qr_gql_arguments_coerce(const struct qr_gql_request *request,
                                     const struct qr_gql_taker *taker,
                                     const struct qr_gql_input *inputs, uint32_t count,
                                     const struct qr_gql_ast_argument *given,
                                     struct qr_gql_value *out, struct qr_gql_fault *fault,
                                     quire_error *err);

#endif
