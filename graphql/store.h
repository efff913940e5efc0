/*
 * Changing rows by the rules of the model: defaults, generated keys, required
 * fields, references and links, what follows from a deletion. Mutations and the
 * loader both write through here. One transaction, one thread.
 */
#ifndef QR_GRAPHQL_STORE_H
#define QR_GRAPHQL_STORE_H

#include "graphql/reader.h"

struct qr_store {
    struct qr_reader *reader;
    /* Of the last failure: what a client is told beside the message. */
    const char *code; /* NULL: by the status */
    struct qr_gql_str coordinate;
};

/* A row to be: one value a column; `given` says which were set. */
struct qr_draft {
    const struct qr_model_type *type;
    quire_value *values; /* by column */
    bool *given;
};

quire_status qr_draft_init(struct qr_store *store, const struct qr_model_type *type,
                           struct qr_draft *draft);

/* Sets a column to its field's default. */
quire_status qr_draft_default(struct qr_store *store, struct qr_draft *draft,
                              const struct qr_model_field *field);

/* Fills what was not given: defaults, a generated key; then NOT_NULL for what is required. */
quire_status qr_draft_complete(struct qr_store *store, struct qr_draft *draft);

/* Stores a complete draft as a new row. UNIQUE with the coordinate of the key. */
quire_status qr_store_insert(struct qr_store *store, const struct qr_draft *draft, int64_t *rowid);

/* Replaces the given columns of a row that exists. */
quire_status qr_store_update(struct qr_store *store, int64_t rowid, const struct qr_draft *draft);

/* Deletes a row, its links, and does what the references to it ask for. FOREIGN_KEY when one of
 * them restricts; the transaction is fit for rollback only then. Memory grows with the longest
 * chain of cascades. */
quire_status qr_store_delete(struct qr_store *store, const struct qr_model_type *type,
                             int64_t rowid);

/* Links `rowid` to `target` over a LINKS field, behind its other links; a link that is there
 * stays. */
quire_status qr_store_link(struct qr_store *store, const struct qr_model_field *field,
                           int64_t rowid, int64_t target);
/* Removes all links of a row over a LINKS field. */
quire_status qr_store_unlink_all(struct qr_store *store, const struct qr_model_field *field,
                                 int64_t rowid);

/* Fails with a client's code and the coordinate of a field. */
quire_status qr_store_fail(struct qr_store *store, quire_status status, const char *code,
                           const struct qr_model_field *field, const char *format, ...)
    QR_PRINTF(5, 6);

#endif
