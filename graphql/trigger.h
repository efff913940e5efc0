/*
 * Triggers of the schema: stored mutations that run with the changes of a
 * type's rows, in the same transaction (docs/graphql.md, "Triggers").
 *
 * A trigger's variables are filled from the row: `$new_f` and `$old_f` with the
 * fields of the row to be and of the row that was. One that runs before a change
 * runs at once; those that run after it wait until the root field that made the
 * change is done, and then run in the order of the changes, so that they find
 * relations, cascades and nested writes complete.
 *
 * One thread: the transaction's.
 */
#ifndef QR_GRAPHQL_TRIGGER_H
#define QR_GRAPHQL_TRIGGER_H

#include "graphql/store.h"

/* A variable of the mutation. */
struct qr_trigger_variable {
    struct qr_gql_str name;
    bool old;                           /* of the row as it was */
    const struct qr_model_field *field; /* COLUMN; or REFERENCE: the key of the row it points to */
};

struct qr_model_trigger {
    unsigned events;
    bool before;
    struct qr_gql_str mutation; /* the document */
    struct qr_gql_pos pos;      /* of the mutation in the SDL */
    struct qr_trigger_variable *variables;
    uint32_t variable_count;
    struct qr_model_trigger *next; /* in the order of the SDL */
};

/* Reads the directives of all types, as steps of making a model do. */
struct qr_model_builder;
quire_status qr_model_read_triggers(struct qr_model_builder *builder);

/* Checks the mutations against the API and binds their variables. Problems go to the report, at the
 * mutation's place in the SDL. */
quire_status qr_triggers_bind(struct qr_api *api, struct qr_gql_report *report, quire_error *err);

/* A trigger that waits for its root field to be done. */
struct qr_trigger_call {
    const struct qr_model_type *type;
    const struct qr_model_trigger *trigger;
    const char *variables; /* JSON */
    struct qr_trigger_call *next;
};

/* Whether changes of this kind have triggers, so that old values are needed. */
static inline bool qr_store_fires(const struct qr_store *store, const struct qr_model_type *type,
                                  enum qr_trigger_event event)
{
    return store->fires && (type->trigger_events & (unsigned)event) != 0;
}

/* Runs the triggers before a change; puts those after it in the queue, or has the change deferred.
 * Values are one a column, NULL where there is no row. A trigger that runs may delete rows. */
quire_status qr_triggers_before(struct qr_store *store, const struct qr_model_type *type,
                                enum qr_trigger_event event, const quire_value *old_values,
                                const quire_value *new_values);
quire_status qr_triggers_after(struct qr_store *store, const struct qr_model_type *type,
                               enum qr_trigger_event event, int64_t rowid,
                               const quire_value *old_values, const quire_value *new_values);
/* Runs those after a change that was deferred; the old values have keys in place of references,
 * whose rows may be gone. */
quire_status qr_triggers_fire(struct qr_store *store, const struct qr_model_type *type,
                              enum qr_trigger_event event, const quire_value *old_values,
                              const quire_value *new_values);
/* Runs the queue. */
quire_status qr_triggers_run(struct qr_store *store);

#endif
