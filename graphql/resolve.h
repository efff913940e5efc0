/*
 * Resolved fields of a request: the program's functions called for all rows of
 * a level, what hangs below their values read for all of these at once, and the
 * values written as the declared type wants them.
 *
 * What a function gives is kept as it is until it is written; an error goes to
 * the report with its path then, and to the nearest value that may be null.
 */
#ifndef QR_GRAPHQL_RESOLVE_H
#define QR_GRAPHQL_RESOLVE_H

#include "graphql/read.h"

/* Why a value could not be given. */
struct qr_resolve_fault {
    const char *message; /* NULL: there is none */
    const char *code;    /* NULL: RESOLVER */
};

/* The values of one field, by parent. */
struct qr_resolved {
    const struct qr_select_field *field;
    size_t count;
    const struct qr_gql_value **values; /* NULL: null */
    struct qr_resolve_fault *faults;    /* NULL: there are none */
    /* Rows and objects, lists of them taken apart: all of them, in order. */
    size_t *starts; /* by parent: where its own begin */
    const struct qr_gql_value **elements;
    size_t element_count;
    size_t *links; /* rows: index in node->rows + 1; 0: there is no such row */
    struct qr_node *node;
    struct qr_resolved *members; /* objects: by field of the set; of leaves empty */
};

/* Calls the resolver of a field for rows of a table (NULL: for a root) and reads what is selected
 * below. */
quire_status qr_resolve(struct qr_reader *reader, const struct qr_select_field *field,
                        const struct qr_row *rows, size_t count, struct qr_resolved **out);

/* Writes the value of one parent. An error that makes it null though it must not be leaves
 * reader->raised set, and what is written is to be forgotten. */
quire_status qr_resolved_write(struct qr_reader *reader, const struct qr_resolved *resolved,
                               size_t parent, struct qr_json_writer *writer);

/* Makes what was written since the mark null, if an error has been raised and may go no further. */
void qr_resolved_absorb(struct qr_reader *reader, const struct qr_select_field *field,
                        struct qr_json_mark mark, struct qr_json_writer *writer);

/* ---- parts of the implementation ---- */

/* Reads what is selected below values that are there (resolve_value.c). */
quire_status qr_resolved_read(struct qr_reader *reader, struct qr_resolved *resolved);

#endif
