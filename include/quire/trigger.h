/*
 * Triggers: functions of the program that run with the changes of a table's
 * rows. The database stores which function runs when; the program registers
 * the functions themselves each time it opens the database.
 */
#ifndef QUIRE_TRIGGER_H
#define QUIRE_TRIGGER_H

#include "quire/table.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum quire_trigger_time { QUIRE_BEFORE = 0, QUIRE_AFTER = 1 } quire_trigger_time;

/* Events; the definition of a trigger joins them with |. */
typedef enum quire_trigger_event {
    QUIRE_ON_INSERT = 1,
    QUIRE_ON_UPDATE = 2,
    QUIRE_ON_DELETE = 4
} quire_trigger_event;

typedef struct quire_trigger_def {
    const char *name; /* unique among the triggers of the database */
    const char *table;
    const char *function; /* 1..255 bytes of UTF-8, as registered with quire_trigger_function */
    quire_trigger_time time;
    uint32_t events; /* quire_trigger_event, one or more */
    bool disabled;   /* stored, but does not run */
} quire_trigger_def;

/* Creates a trigger; its function need not be registered yet. Errors: EXISTS, UNKNOWN_NAME, MISUSE.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_trigger_create(quire_txn *txn,
                                                             const quire_trigger_def *def,
                                                             quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_trigger_drop(quire_txn *txn, const char *name,
                                                           quire_error *err);
/* Switches a trigger on or off, from this transaction on. Errors: UNKNOWN_NAME, MISUSE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_trigger_enable(quire_txn *txn, const char *name,
                                                             bool enabled, quire_error *err);

/* The triggers of an open table, in the order of their names, which is the order in which those of
 * one time run. Borrowed until the table is closed. */
QUIRE_API uint32_t quire_table_trigger_count(const quire_table *table);
QUIRE_API const quire_trigger_def *quire_table_trigger(const quire_table *table, uint32_t trigger);

/* One change of one row, as its triggers see it. All is borrowed for the call. */
typedef struct quire_trigger_call {
    quire_txn *txn; /* the transaction of the change: for reading and writing through any handle */
    const quire_trigger_def *trigger;
    quire_trigger_event event;
    int64_t rowid;                 /* 0 before an insert that leaves the choice to the table */
    const quire_value *old_values; /* as stored, one a column; NULL for an insert */
    const quire_value *new_values; /* as they are to be; NULL for a delete */
    uint32_t count;                /* values of each */
} quire_trigger_call;

/*
 * A trigger's function. A status other than OK refuses the change: the row
 * statement, with all that its triggers did, is undone and returns the status
 * and the error, which the function should fill in; the transaction goes on.
 *
 * `before` functions run before the row is checked and written and may replace
 * what is written (quire_trigger_replace); if they delete the row of an update
 * or delete, nothing is left to be done and the row counts as not found.
 * `after` functions run when row and index entries are written. Old values are
 * those from before the first function ran.
 *
 * The function runs in the thread of the statement. Changes that it makes run
 * triggers in turn, down to the depth of quire_options.trigger_depth_max. It must not
 * close the handle that the change came through, nor use another thread on the
 * transaction. It cannot change the schema, go back to or release a savepoint
 * from before the statement, or commit: these are MISUSE; quire_rollback dooms
 * the statement and leaves the transaction open.
 */
typedef quire_status (*quire_trigger_callback)(void *context, const quire_trigger_call *call,
                                               quire_error *err);

/* Replaces the new row, in a `before` function of an insert or update, as often as wanted: call
 * shows the new values at once. They are copied; missing ones are null. Errors: MISUSE, TYPE (a
 * value that is not well formed), LIMIT, NO_MEMORY. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_trigger_replace(const quire_trigger_call *call,
                                                              const quire_value *values,
                                                              uint32_t count, quire_error *err);

/*
 * Registers, replaces or, with `callback` NULL, removes a function. While a
 * function is missing, each change that an enabled trigger wants it for fails
 * with UNKNOWN_NAME. Any thread; a call that has begun may still be running
 * when this returns. `context` is borrowed until close or until the name is registered
 * anew and no write transaction of before is open.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_trigger_function(quire_db *db, const char *name,
                                                               quire_trigger_callback callback,
                                                               void *context, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
