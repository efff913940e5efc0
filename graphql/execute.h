/*
 * Execution: a prepared request over a source of data, written straight into
 * the response buffer.
 *
 * A source gives items: values, objects, lists. The executor does what the
 * language says with them: the fields in order, arguments, result coercion,
 * abstract types, null propagation, errors with path and places. A value that
 * turns out to be an error is taken back from the buffer; no tree is kept.
 * Mutation fields run one after the other, as all fields do.
 *
 * Introspection fields are answered by the executor itself, over any source.
 * One thread at a time.
 */
#ifndef QR_GRAPHQL_EXECUTE_H
#define QR_GRAPHQL_EXECUTE_H

#include "graphql/json_write.h"
#include "graphql/request.h"

enum qr_gql_item_kind {
    QR_GQL_ITEM_NULL,
    QR_GQL_ITEM_VALUE,  /* `value` */
    QR_GQL_ITEM_OBJECT, /* known to the source by `handle` and `tag` */
    QR_GQL_ITEM_LIST,   /* the same; read through `next` */
    QR_GQL_ITEM_ERROR   /* the field fails with `value.text` as message */
};

/* What a source gives for a field or as element of a list. Lives until the field is written. */
struct qr_gql_item {
    enum qr_gql_item_kind kind;
    struct qr_gql_value value; /* VALUE; for LIST and OBJECT a value to show in messages */
    const void *handle;        /* the source's own */
    uint64_t tag, cursor;      /* the source's own */
    struct qr_gql_str code;    /* ERROR: for extensions.code; data NULL: none */
};

/* One field being resolved. Borrowed for the call. */
struct qr_gql_call {
    struct qr_gql_request *request;
    struct qr_gql_selected *selected; /* the field, with its coerced arguments */
    const struct qr_gql_item *parent; /* the object */
    const struct qr_gql_path *path;
};

/*
 * Where data comes from. A status other than OK ends the execution as a whole;
 * the failure of one field is an ERROR item.
 */
struct qr_gql_source {
    void *context;
    /* The value of a field. */
    quire_status (*resolve)(void *context, const struct qr_gql_call *call, struct qr_gql_item *out,
                            quire_error *err);
    /* The next element of a list; *more false at its end. */
    quire_status (*next)(void *context, struct qr_gql_item *list, struct qr_gql_item *out,
                         bool *more, quire_error *err);
    /* The name of the object type of an item of an abstract type: STRING, or NULL if unknown. */
    quire_status (*type_name)(void *context, const struct qr_gql_item *item,
                              struct qr_gql_value *out, quire_error *err);
};

/* Levels of the response, unless the caller says otherwise. */
#define QR_GQL_RESPONSE_DEPTH_MAX 500u

struct qr_gql_execution {
    struct qr_gql_request *request;
    const struct qr_gql_source *source;
    struct qr_json_writer *out;
    struct qr_gql_report *report; /* takes field errors */
    uint32_t depth_max;           /* 0: QR_GQL_RESPONSE_DEPTH_MAX */
    bool no_introspection;        /* __schema and __type fail */
};

/*
 * Executes the operation on `root` and writes the value of "data": an object,
 * or null when an error reached the root. Field errors go to the report, which
 * should take many. Fails only as a whole: NO_MEMORY, LIMIT of the buffer, or
 * what the source returned.
 */
quire_status qr_gql_execute(const struct qr_gql_execution *execution,
                            const struct qr_gql_item *root, quire_error *err);

/*
 * Opens the source stream of a subscription: resolves its one field on `root`,
 * which is to give a LIST. Each element that the source's `next` gives then is
 * the root of one response, for qr_gql_execute. Returns QUERY with a problem in
 * the report when the field fails. execution->out is not used.
 */
quire_status qr_gql_subscribe(const struct qr_gql_execution *execution,
                              const struct qr_gql_item *root, struct qr_gql_item *stream,
                              quire_error *err);

/*
 * Writes one field of an object as `"name": value`, for executors that take
 * over the root; `*raised` says that an error reached through it and the
 * object is to become null.
 */
quire_status qr_gql_execute_field(const struct qr_gql_execution *execution,
                                  const struct qr_gql_item *parent,
                                  struct qr_gql_selected *selected, bool *raised, quire_error *err);

/*
 * Coerces `value` to the result of a leaf type and writes it. *problem (NULL at
 * first) receives the reason when it does not fit; nothing is written then.
 */
quire_status qr_gql_leaf_write(struct qr_arena *arena, const struct qr_gql_type *type,
                               const struct qr_gql_value *value, struct qr_json_writer *out,
                               const char **problem, quire_error *err);

/* Writes a value as JSON; enum values as strings. Depth as deep as the value. */
void qr_gql_value_write(struct qr_json_writer *out, const struct qr_gql_value *value);

/* Writes a report as the array of the response's "errors". */
void qr_gql_report_write(struct qr_json_writer *out, const struct qr_gql_report *report);

/* The source of introspection fields: its context is the schema. The items of __schema and __type
 * are its own, made by qr_gql_introspect_resolve. */
struct qr_gql_source qr_gql_introspection_source(const struct qr_gql_schema *schema);

/* The source of plain JSON: objects' fields by name, "__typename" for abstract types. */
extern const struct qr_gql_source qr_gql_json_source;
struct qr_gql_item qr_gql_json_item(const struct qr_gql_value *value);

#endif
