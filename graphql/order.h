/*
 * Orders: an `orderBy` argument compiled once; sort keys whose byte order is
 * the rows' order; cursors, which are sort keys as text.
 */
#ifndef QR_GRAPHQL_ORDER_H
#define QR_GRAPHQL_ORDER_H

#include "catalog/key.h"
#include "graphql/related.h"

enum qr_order_nulls { QR_ORDER_NULLS_SMALLEST, QR_ORDER_NULLS_FIRST, QR_ORDER_NULLS_LAST };

/* One step along a single relation on the way to the column that orders. */
struct qr_order_step {
    const struct qr_model_field *field; /* REFERENCE or REVERSE_ONE */
    quire_table *table;                 /* of its target, for this step alone */
    struct qr_filter *seen;             /* rows at its end that rules let through; NULL: all */
};

struct qr_order_term {
    struct qr_order_step *steps;
    uint32_t step_count;
    const struct qr_model_field *field; /* the column, or one of the type that `related` gives */
    const struct qr_model_field
        *relation;             /* a list relation whose rows' aggregate orders; or NULL */
    struct qr_measure measure; /* that aggregate */
    struct qr_related *related;
    bool descending;
    enum qr_order_nulls nulls;
};

/* Rows that compare equal come by their place: ascending, or descending when the first term is. */
struct qr_order {
    struct qr_order_term *terms;
    uint32_t count;
    uint32_t fingerprint; /* of the terms: cursors carry it */
};

/* Compiles a coerced `orderBy` (NULL: by place alone). QUERY with a message fit for the client. */
quire_status qr_order_compile(struct qr_reader *reader, const struct qr_model_type *type,
                              const struct qr_gql_value *order_by, struct qr_order *out);

/* Adds a step along a single relation to a term; sets its direction and place of nulls. */
quire_status qr_order_add_step(struct qr_reader *reader, struct qr_order_term *term,
                               const struct qr_model_field *field);
void qr_order_read_direction(struct qr_gql_str name, struct qr_order_term *term);
/* Follows the steps of a term from a row; *found false when they lead to none. The record is
 * borrowed until the next call for this term. */
quire_status qr_order_follow(struct qr_reader *reader, const struct qr_order_term *term,
                             const struct qr_row *row, struct qr_row *end, bool *found);
/* Appends a value to a sort key as a term orders it. */
quire_status qr_order_append(struct qr_reader *reader, const struct qr_order_term *term,
                             const quire_value *value, struct qr_key *key);

static inline bool qr_order_descends(const struct qr_order *order)
{
    return order->count > 0 && order->terms[0].descending;
}

/* Whether keys are made of nothing but what is stored of a row. */
bool qr_order_is_local(const struct qr_order *order);

/* The field whose value alone a sort key begins with, as it is stored of the row and qr_key_append
 * encodes it; NULL where there is no such field. */
const struct qr_model_field *qr_order_leading(const struct qr_order *order);

/* The sort key of a row, place included; the reader's, until it makes the next. `leading`: what
 * that field has in the row, or NULL. */
quire_status qr_order_key(struct qr_reader *reader, const struct qr_order *order,
                          const struct qr_row *row, const quire_value *leading,
                          struct qr_gql_str *key);

/* A key as an opaque text, in the reader's scratch arena, and back. QUERY when the text is no
 * cursor of this order. */
quire_status qr_order_cursor(struct qr_reader *reader, const struct qr_order *order,
                             struct qr_gql_str key, struct qr_gql_str *cursor);
quire_status qr_order_parse_cursor(struct qr_reader *reader, const struct qr_order *order,
                                   struct qr_gql_str cursor, struct qr_gql_str *key);

/* The values of the terms in a key whose nulls are smallest everywhere, and the place. */
quire_status qr_order_decode(struct qr_reader *reader, const struct qr_order *order,
                             struct qr_gql_str key, quire_value *values, int64_t *place);

#endif
