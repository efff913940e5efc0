/*
 * Changing rows by the rules of the model: defaults, generated keys, required
 * fields, references and links, what follows from a deletion. Mutations and the
 * loader both write through here. One transaction, one thread.
 */
#ifndef QR_GRAPHQL_STORE_H
#define QR_GRAPHQL_STORE_H

#include "graphql/reader.h"

/* Bits, for the sets of a trigger and a type. */
enum qr_trigger_event { QR_TRIGGER_CREATE = 1, QR_TRIGGER_UPDATE = 2, QR_TRIGGER_DELETE = 4 };

/* Notes a change of a row, for triggers; old_values NULL: it is new. */
typedef quire_status qr_trigger_defer(void *context, const struct qr_model_type *type,
                                      enum qr_trigger_event event, int64_t rowid,
                                      const quire_value *old_values);

struct qr_store {
    struct qr_reader *reader;
    int64_t now;       /* the one moment of a request or load, in microseconds of Unix time; 0:
                        * not asked for yet */
    bool keeps_stamps; /* updates do not move @updatedAt: what they write belongs to an earlier
                        * write, or to a change of the schema */
    /* Where in the arguments of a mutation its nested writes have come; NULL: nowhere in them. */
    const struct qr_gql_path *place;
    /* Triggers (trigger.h). */
    bool fires;             /* they run: not for schema changes, nor loads that ask for none */
    bool trigger_failed;    /* the last failure was one of theirs, and says so */
    uint32_t trigger_depth; /* of the request that this store serves: 0 for a client's */
    struct qr_trigger_call *calls, *last_call; /* to be run behind the root field */
    qr_trigger_defer *defer; /* of a load: takes the changes that those after them are to be told */
    /* Of a load: makes the values of a row that is to change what they were before the load itself
     * changed them to make way. */
    quire_status (*recall)(void *context, const struct qr_model_type *type, int64_t rowid,
                           quire_value *values);
    void *defer_context;             /* of both */
    struct qr_auth_written *written; /* auth.h; NULL: none yet */
    /* Rows were deleted since this was set to false: what was found before may be gone. */
    bool has_deleted;
    /* Of the last failure: what a client is told beside the message. */
    const char *code; /* NULL: by the status */
    struct qr_gql_str coordinate;
};

/* How an update makes a new value of a column's old one (operators.c). */
struct qr_operator {
    enum qr_operator_kind {
        QR_OPERATOR_NONE,
        QR_OPERATOR_INCREMENT,
        QR_OPERATOR_DECREMENT,
        QR_OPERATOR_MULTIPLY,
        QR_OPERATOR_APPEND,
        QR_OPERATOR_PREPEND,
        QR_OPERATOR_REMOVE
    } kind;
    quire_value operand; /* a number, or a list */
};

/* A row to be: one value a column; `given` says which were set. For an update, columns may have an
 * operator instead of a value. */
struct qr_draft {
    const struct qr_model_type *type;
    quire_value *values; /* by column */
    bool *given;
    struct qr_operator *operators;             /* by column; NULL: none has one */
    const struct qr_gql_path *operators_place; /* of `apply` in the arguments */
};

quire_status qr_draft_init(struct qr_store *store, const struct qr_model_type *type,
                           struct qr_draft *draft);

/* Sets a column to its field's default or generated value. */
quire_status qr_draft_default(struct qr_store *store, struct qr_draft *draft,
                              const struct qr_model_field *field);

/* Fills what was not given: defaults and generated values; then checks each value as qr_store_check
 * does. */
quire_status qr_draft_complete(struct qr_store *store, struct qr_draft *draft);

/* Whether a value may stand in a column: NOT_NULL, CHECK. Numbers that count take note of it. */
quire_status qr_store_check(struct qr_store *store, const struct qr_model_field *field,
                            const quire_value *value);

/* The moment of the request or load, as a value of the field's type. */
quire_value qr_store_now(struct qr_store *store, const struct qr_model_field *field);

/* Stores a complete draft as a new row. UNIQUE with the coordinate of the key. */
quire_status qr_store_insert(struct qr_store *store, const struct qr_draft *draft, int64_t *rowid);

/* Changes the given columns of a row that exists. */
quire_status qr_store_update(struct qr_store *store, int64_t rowid, const struct qr_draft *draft);

/* Lets one reference of a row point to another row, or to none (target 0). */
quire_status qr_store_refer(struct qr_store *store, const struct qr_model_field *reference,
                            int64_t rowid, int64_t target);

/* Deletes rows, their links, and does what the references to them ask for; references between
 * the rows ask for nothing. Rows that do not exist are left out. FOREIGN_KEY when a reference
 * restricts; the transaction is fit for rollback only then. Memory grows with the rows and the
 * longest chain of cascades. */
quire_status qr_store_delete(struct qr_store *store, const struct qr_model_type *type,
                             const int64_t *rowids, size_t count);

/* The two halves of qr_store_delete, for rows that are deleted together: the row alone with its
 * links, and what the references to a row that is gone ask for. */
quire_status qr_store_delete_row(struct qr_store *store, const struct qr_model_type *type,
                                 int64_t rowid, bool *deleted);
quire_status qr_store_delete_referrers(struct qr_store *store, const struct qr_model_type *type,
                                       int64_t rowid);

/* Links `rowid` to `target` over a LINKS field, behind its other links; a link that is there
 * stays. */
quire_status qr_store_link(struct qr_store *store, const struct qr_model_field *field,
                           int64_t rowid, int64_t target);
/* Removes the link to `target`, if it is there; or all links of a row over a LINKS field. */
quire_status qr_store_unlink(struct qr_store *store, const struct qr_model_field *field,
                             int64_t rowid, int64_t target);
quire_status qr_store_unlink_all(struct qr_store *store, const struct qr_model_field *field,
                                 int64_t rowid);
/* Whether `rowid` is linked to `target`; *link is the link's row. */
quire_status qr_store_linked(struct qr_store *store, const struct qr_model_field *field,
                             int64_t rowid, int64_t target, int64_t *link, bool *linked);

/* ---- operators (operators.c) ---- */

/* Takes a coerced `apply` object (NULL: none) into a draft for an update. BAD_INPUT for a field
 * with two operators, or one that the draft gives already. */
quire_status qr_operators_compile(struct qr_store *store, const struct qr_gql_value *apply,
                                  struct qr_draft *draft);
/* The new value of a column; memory from the reader's scratch arena. BAD_INPUT when a number leaves
 * its type's range. */
quire_status qr_operator_apply(struct qr_store *store, const struct qr_model_field *field,
                               const struct qr_operator *operator, const quire_value * old,
                               quire_value *out);

/* ---- places in arguments ---- */

/* Forgets what was said of an earlier field of the mutation. */
void qr_store_begin_field(struct qr_store *store);

/* Goes on to a member (key.data NULL: an element) of the argument value at hand; what it was is
 * store->place before, which the caller puts back. */
quire_status qr_store_enter(struct qr_store *store, struct qr_gql_str key, size_t index);

/* Fails with a client's code and the coordinate of a field (NULL: none). */
quire_status qr_store_fail(struct qr_store *store, quire_status status, const char *code,
                           const struct qr_model_field *field, const char *format, ...)
    QR_PRINTF(5, 6);

#endif
