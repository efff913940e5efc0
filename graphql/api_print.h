/*
 * Parts of the API's text that api_sdl.c (reading) and api_writes.c (writing)
 * print together. The buffer remembers the first failure.
 */
#ifndef QR_GRAPHQL_API_PRINT_H
#define QR_GRAPHQL_API_PRINT_H

#include "graphql/api.h"

/* What a type of the schema is used for. */
struct qr_api_type_use {
    bool field;   /* some field has it */
    bool listed;  /* some column is a list of it */
    bool key;     /* references are given by values of it */
    bool applied; /* `apply` can change some column of it */
};

struct qr_api_printer {
    const struct qr_model *model;
    struct qr_gql_buffer *out;
    struct qr_api_type_use *uses; /* by type index */
    bool sums;                    /* some field is an Int: their sums are BigInt */
};

/* The type of a table's key, without "!". */
void qr_api_put_key_type(struct qr_api_printer *p, const struct qr_model_type *type);
/* All keys as arguments, of which one is to be given: `id: ID, a_b: TWhereKey_a_b`. `writing`: for
 * a field of Mutation, which has other arguments as well. */
void qr_api_put_keys(struct qr_api_printer *p, const struct qr_model_type *type, bool writing);
/* The input types of keys of several fields. */
void qr_api_print_key_types(struct qr_api_printer *p, const struct qr_model_type *type);
/* The helper types of directives, which requests never see. */
bool qr_api_is_helper(const struct qr_gql_type *type);

/* ---- writing (api_writes.c) ---- */

/* The input types of a table's mutation fields, and what bulk writes give. */
void qr_api_print_inputs(struct qr_api_printer *p, const struct qr_model_type *type);
/* The operators of `apply` for each scalar and enum. */
void qr_api_print_operators(struct qr_api_printer *p);
void qr_api_print_mutation(struct qr_api_printer *p);
/* Whether `apply` can change a field. */
bool qr_api_is_operable(const struct qr_model_field *field);
/* Whether there is a table that clients can change. */
bool qr_api_has_mutations(const struct qr_model *model);

#endif
