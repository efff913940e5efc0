/*
 * The scalars that Quire has beside those of the language: how each is read,
 * stored and written (docs/graphql.md, "Scalars"; docs/file-format.md,
 * "Scalars").
 *
 * They are stored as values of the kinds that records know. The stored form
 * orders as the values do, by quire_value_compare and so in index keys, and one
 * value has one stored form: equality is that of bytes. Pure functions; what
 * they read comes from clients, what they write may come from a damaged file,
 * and neither is trusted.
 */
#ifndef QR_GRAPHQL_SCALAR_H
#define QR_GRAPHQL_SCALAR_H

#include "graphql/json_write.h"
#include "graphql/model.h"

struct qr_scalar {
    struct qr_gql_scalar coercion; /* first: a type's `coercion` leads to the whole */
    const char *name;
    const char *description;
    const char *url; /* of @specifiedBy; NULL: none */
    enum qr_model_scalar kind;
    quire_type stored;
    bool ordered;      /* lt, gt and so on are asked of it; a B-tree is its index */
    bool from_numbers; /* in JSON and literals a number will do as well as a string */
    const char *form;  /* what a value is, for messages */
    /* The stored value of a text; *fits false when the text is no value of the scalar. NULL: the
     * scalar takes any JSON value. */
    quire_status (*read)(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                         bool *fits, quire_error *err);
    /* Writes a stored value, of type `stored`, as JSON; false when it is none. */
    bool (*write)(const quire_value *value, struct qr_json_writer *writer);
};

/* The scalar of that kind or name; NULL when there is none. */
const struct qr_scalar *qr_scalar_of_kind(enum qr_model_scalar kind);
const struct qr_scalar *qr_scalar_find(struct qr_gql_str name);

/* The scalar that a type of a built schema is: its name is the scalar's, and it does not say that
 * it is specified elsewhere. NULL for every other type. */
const struct qr_scalar *qr_scalar_of_type(const struct qr_gql_type *type);

/* Gives the types of a schema that are scalars of Quire their behaviour. */
void qr_scalar_bind(struct qr_gql_schema *schema);

/* Prints the definitions of the scalars that no definition of `document` (NULL ok) has the name
 * of. */
void qr_scalar_define(struct qr_gql_buffer *buffer, const struct qr_gql_document *document);

/* Parses a decimal integer of 64 bits; false when it is anything else. */
bool qr_scalar_parse_int64(struct qr_gql_str text, int64_t *out);

/* ---- the larger ones (decimal.c, moment.c) ---- */

quire_status qr_decimal_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                             bool *fits, quire_error *err);
bool qr_decimal_write(const quire_value *value, struct qr_json_writer *writer);

enum qr_decimal_operation { QR_DECIMAL_ADD, QR_DECIMAL_SUBTRACT, QR_DECIMAL_MULTIPLY };

/* Computes with two stored Decimals, exactly; *fits false when the result has more digits than a
 * Decimal. Memory from the arena. CORRUPT when one is none (decimal_math.c). */
quire_status qr_decimal_compute(enum qr_decimal_operation operation, const quire_value *a,
                                const quire_value *b, struct qr_arena *arena, quire_value *out,
                                bool *fits, quire_error *err);

/* Divides a stored Decimal by a number that is not 0. What does not come out even is rounded half
 * to even, 16 digits behind the last one of the Decimal, or as many as there is room for. CORRUPT
 * when it is none. */
quire_status qr_decimal_divide(const quire_value *a, uint64_t count, struct qr_arena *arena,
                               quire_value *out, quire_error *err);

quire_status qr_datetime_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                              bool *fits, quire_error *err);
bool qr_datetime_write(const quire_value *value, struct qr_json_writer *writer);
quire_status qr_date_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                          bool *fits, quire_error *err);
bool qr_date_write(const quire_value *value, struct qr_json_writer *writer);
quire_status qr_time_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                          bool *fits, quire_error *err);
bool qr_time_write(const quire_value *value, struct qr_json_writer *writer);
quire_status qr_duration_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                              bool *fits, quire_error *err);
bool qr_duration_write(const quire_value *value, struct qr_json_writer *writer);

/* The moment `microseconds` after 1970 in UTC as a stored DateTime, Date or Time. */
quire_value qr_moment_value(enum qr_model_scalar kind, int64_t microseconds);

/* Periods into which moments are put, in the order of their names in the API. */
enum qr_moment_period {
    QR_MOMENT_VALUE, /* the moment itself */
    QR_MOMENT_YEAR,
    QR_MOMENT_QUARTER,
    QR_MOMENT_MONTH,
    QR_MOMENT_WEEK, /* from Monday on, as in ISO 8601 */
    QR_MOMENT_DAY,
    QR_MOMENT_HOUR,
    QR_MOMENT_MINUTE
};

/* The beginning of the period, in UTC, that a stored DateTime or Date lies in; not before the
 * first year there is. */
int64_t qr_moment_begin(enum qr_model_scalar kind, int64_t value, enum qr_moment_period period);

/* ---- UUIDs ---- */

#define QR_UUID_SIZE      16u
#define QR_UUID_TEXT_SIZE 36u

/* Makes one of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random. */
quire_status qr_uuid_generate(uint8_t bytes[QR_UUID_SIZE], quire_error *err);
void qr_uuid_print(const uint8_t bytes[QR_UUID_SIZE], char text[QR_UUID_TEXT_SIZE]);

#endif
