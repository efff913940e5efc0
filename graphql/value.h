/*
 * Runtime values: coerced arguments and variables, default values, raw results.
 *
 * Numbers keep their text, so that custom scalars lose no digit; `integer` and
 * `number` are there for the built-in scalars. Values borrow the arena or the
 * text they were made from and are plain data: copying the struct is cheap and
 * shares what it points to.
 */
#ifndef QR_GRAPHQL_VALUE_H
#define QR_GRAPHQL_VALUE_H

#include "graphql/text.h"

enum qr_gql_value_kind {
    QR_GQL_VALUE_NULL,
    QR_GQL_VALUE_BOOL,
    QR_GQL_VALUE_INT,   /* written without fraction and exponent */
    QR_GQL_VALUE_FLOAT, /* written with one of them */
    QR_GQL_VALUE_STRING,
    QR_GQL_VALUE_ENUM, /* an enum value's name */
    QR_GQL_VALUE_LIST,
    QR_GQL_VALUE_OBJECT
};

struct qr_gql_value {
    enum qr_gql_value_kind kind;
    bool boolean;
    bool in_int64;              /* INT: `integer` holds it exactly */
    uint32_t count;             /* LIST, OBJECT */
    int64_t integer;            /* INT with in_int64 */
    double number;              /* INT, FLOAT: nearest double; infinite when beyond its range */
    struct qr_gql_str text;     /* INT, FLOAT: decimal digits; STRING: UTF-8; ENUM: the name */
    struct qr_gql_value *items; /* LIST */
    struct qr_gql_value_member *members; /* OBJECT, in order */
};

/* A member of an object value. */
struct qr_gql_value_member {
    struct qr_gql_str name;
    struct qr_gql_value value;
};

/* The member of that name, or NULL. Linear: meant for objects of input types, whose members are
 * bounded by the type. */
struct qr_gql_value *qr_gql_value_get(const struct qr_gql_value *object, struct qr_gql_str name);

/* Makes an INT or FLOAT (by `is_float`) from decimal text, which is borrowed. */
struct qr_gql_value qr_gql_value_number(struct qr_gql_str text, bool is_float);

/* Makes an INT with its text in the arena. */
quire_status qr_gql_value_int(struct qr_arena *arena, int64_t integer, struct qr_gql_value *out,
                              quire_error *err);

/* Prints as a GraphQL literal: `{a: 1, b: [ENUM, "text"]}`. */
void qr_gql_value_print(struct qr_gql_buffer *buffer, const struct qr_gql_value *value);

/* The same shortened for messages: two levels deep, ten items of a list. NUL-terminated, in the
 * arena; never NULL. */
const char *qr_gql_value_inspect(struct qr_arena *arena, const struct qr_gql_value *value);

#endif
