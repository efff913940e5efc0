/*
 * Printing a schema as SDL, resolving schema coordinates, and comparing two
 * schemas.
 */
#ifndef QR_GRAPHQL_SCHEMA_PRINT_H
#define QR_GRAPHQL_SCHEMA_PRINT_H

#include "graphql/schema.h"

/* The SDL of a schema without what is built in; applied directives other than the specified ones
 * are not shown. `sorted` orders everything by name. The text lives in the arena. */
quire_status qr_gql_schema_print(struct qr_arena *arena, const struct qr_gql_schema *schema,
                                 bool sorted, struct qr_gql_str *out, quire_error *err);

/* What a schema coordinate names. */
enum qr_gql_element_kind {
    QR_GQL_ELEMENT_NONE, /* nothing there */
    QR_GQL_ELEMENT_TYPE,
    QR_GQL_ELEMENT_FIELD,
    QR_GQL_ELEMENT_INPUT_FIELD,
    QR_GQL_ELEMENT_ENUM_VALUE,
    QR_GQL_ELEMENT_FIELD_ARGUMENT,
    QR_GQL_ELEMENT_DIRECTIVE,
    QR_GQL_ELEMENT_DIRECTIVE_ARGUMENT
};

struct qr_gql_element {
    enum qr_gql_element_kind kind;
    const struct qr_gql_type *type;           /* TYPE, or what the element belongs to */
    const struct qr_gql_field *field;         /* FIELD, FIELD_ARGUMENT */
    const struct qr_gql_input *input;         /* INPUT_FIELD and the arguments */
    const struct qr_gql_enum_value *value;    /* ENUM_VALUE */
    const struct qr_gql_directive *directive; /* DIRECTIVE, DIRECTIVE_ARGUMENT */
};

/* Finds the element that a coordinate names. UNKNOWN_NAME when what should contain it does not
 * exist or cannot contain such a thing. */
quire_status qr_gql_schema_resolve(const struct qr_gql_schema *schema,
                                   const struct qr_gql_coordinate *coordinate,
                                   struct qr_gql_element *out, quire_error *err);

/* "NamedType", "Field" ... */
const char *qr_gql_element_kind_name(enum qr_gql_element_kind kind);

enum qr_gql_change_level { QR_GQL_CHANGE_BREAKING, QR_GQL_CHANGE_DANGEROUS };

/* One difference between two schemas that can break clients. */
struct qr_gql_change {
    enum qr_gql_change_level level;
    const char *type;        /* "FIELD_REMOVED" ... */
    const char *description; /* in the arena */
    struct qr_gql_change *next;
};

/* Lists what changed from `old` to `current`, in the arena; NULL when nothing that matters did. */
quire_status qr_gql_schema_changes(struct qr_arena *arena, const struct qr_gql_schema *old,
                                   const struct qr_gql_schema *current, struct qr_gql_change **out,
                                   quire_error *err);

#endif
