/*
 * The API schema: the type system that requests are written against, generated
 * from a model. It is made as SDL text and built like any schema; afterwards
 * its fields point back to the model through `host`, which is how execution
 * knows what a selected field reads. Immutable and shared between threads.
 */
#ifndef QR_GRAPHQL_API_H
#define QR_GRAPHQL_API_H

#include "graphql/model.h"

enum qr_api_kind {
    /* Query */
    QR_API_ONE,
    QR_API_MANY,
    QR_API_ANY, /* the row of any type with that id */
    /* Mutation: one for each qr_model_verb, in its order */
    QR_API_CREATE,
    QR_API_UPDATE,
    QR_API_DELETE,
    QR_API_UPSERT,
    QR_API_CREATE_MANY,
    QR_API_UPDATE_MANY,
    QR_API_DELETE_MANY,
    /* Subscription, which has ONE and MANY as well */
    QR_API_CHANGES,
    QR_API_CHANGE_OPERATION,
    QR_API_CHANGE_NODE,
    QR_API_CHANGE_PREVIOUS,
    /* what a bulk write gives */
    QR_API_AFFECTED_ROWS,
    QR_API_RETURNING,
    QR_API_RESOLVED, /* of any type: what the program gives (resolver.h) */
    QR_API_MEMBER,   /* of an object that it gave */
    /* a row's type */
    QR_API_VERSION,
    QR_API_COLUMN,
    QR_API_REFERENCE,     /* the row that a reference points to */
    QR_API_REFERENCE_KEY, /* its key */
    QR_API_REVERSE_ONE,
    QR_API_LIST, /* a connection over a relation */
    /* a connection */
    QR_API_ITEMS,
    QR_API_EDGES,
    QR_API_PAGE_INFO,
    QR_API_TOTAL_COUNT,
    QR_API_AGGREGATE,
    QR_API_GROUP_BY,
    /* an aggregate or a group */
    QR_API_COUNT,
    QR_API_SUM,
    QR_API_AVG,
    QR_API_MIN,
    QR_API_MAX,
    QR_API_MEASURED, /* below SUM .. MAX: of `field` */
    QR_API_GROUP_KEYS,
    QR_API_GROUP_KEY,       /* of `field`; of a reference the keys of its row */
    QR_API_GROUP_REFERENCE, /* of the reference `field` its key */
    /* an edge */
    QR_API_CURSOR,
    QR_API_NODE,
    /* PageInfo */
    QR_API_HAS_NEXT,
    QR_API_HAS_PREVIOUS,
    QR_API_START_CURSOR,
    QR_API_END_CURSOR
};

/* What a field of the API reads; qr_gql_field.host points to one. */
struct qr_api_field {
    enum qr_api_kind kind;
    struct qr_model_type *type;   /* the rows concerned; NULL for PageInfo, ANY, and for what is
                                   * resolved and is no row */
    struct qr_model_field *field; /* COLUMN .. LIST */
    const struct qr_model_resolver *resolver; /* RESOLVED */
};

struct qr_api {
    struct qr_model *model;
    struct qr_gql_schema *schema;
    struct qr_gql_str sdl; /* in the schema's arena */
};

/* Makes model and API of `sdl`; problems go to the report. Release with qr_api_free. */
quire_status qr_api_build(const quire_allocator *allocator, struct qr_gql_str sdl,
                          struct qr_gql_report *report, struct qr_api **out, quire_error *err);
void qr_api_free(struct qr_api *api, const quire_allocator *allocator);

/* Writes the API's SDL (api_sdl.c, api_writes.c). */
quire_status qr_api_print(const struct qr_model *model, struct qr_arena *arena,
                          struct qr_gql_str *out, quire_error *err);

/* The name by which a relation's keys are given in inputs: `fId`, `fIds`. In the arena. */
const char *qr_api_keys_name(const struct qr_model_field *field, struct qr_arena *arena,
                             quire_error *err);

#endif
