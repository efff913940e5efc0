/*
 * Running triggers around the change of one row.
 *
 * A change with triggers is one statement: what the triggers before it, the
 * row's own writing and the triggers after it did is kept or undone as a whole.
 * The functions may use any handle of the transaction, the table's own among
 * them, so nothing that they could disturb is held across a call: old and new
 * row are copied into an arena, and the row is checked and written from there.
 *
 * While a function runs, the transaction's trigger_depth is above zero: it then
 * refuses to end and to change its schema, and savepoints from before the
 * statement are out of reach.
 */
#include "engine/trigger.h"

#include <string.h>

#include "catalog/record.h"
#include "engine/function.h"

/* ---- Registered functions ---- */

/* Under the database's mutex. */
quire_status quire_trigger_function(quire_db *db, const char *name, quire_trigger_callback callback,
                                    void *context, quire_error *err)
{
    if (db == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_trigger_function needs a database.");
    }
    QR_TRY(qr_check_name(name, "function", err));
    return qr_function_register(db, &db->trigger_functions, name, (qr_callback)callback, context,
                                err);
}

/* The function of a trigger, or NULL. */
static quire_trigger_callback look_up(quire_db *db, const quire_trigger_def *trigger,
                                      void **context)
{
    return (quire_trigger_callback)qr_function_find(db, &db->trigger_functions, trigger->function,
                                                    context);
}

/* ---- One change ---- */

/* A change of a row on its way through the triggers. */
struct firing {
    quire_trigger_call call; /* first: quire_trigger_replace finds the rest by it */
    quire_table *table;
    quire_value *new_values; /* call.new_values, or NULL */
    struct qr_arena arena;   /* of the values */
    size_t savepoint_floor;  /* of the transaction, around this change */
    struct qr_statement statement;
};

/* Decodes a record, which lives in the arena, into one value a column. */
static quire_status open_row(struct firing *firing, const void *record, size_t size,
                             quire_value **values, quire_error *err)
{
    *values = qr_arena_alloc(&firing->arena, firing->call.count * sizeof **values, err);
    return *values == NULL ? QUIRE_NO_MEMORY
                           : qr_record_decode(record, size, *values, firing->call.count, err);
}

static quire_status check_values(const struct firing *firing, const quire_value *values,
                                 uint32_t count, quire_error *err)
{
    const struct qr_object *object = qr_table_definition(firing->table)->object;
    if (count > firing->call.count || (values == NULL && count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "Table \"%s\" has %u columns, not %u.", object->name,
                       firing->call.count, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].size > QR_PAYLOAD_MAX) {
            return qr_fail(err, QUIRE_LIMIT,
                           "The value for \"%s.%s\" is over the limit of %zu bytes.", object->name,
                           object->columns[i].name, QR_PAYLOAD_MAX);
        }
        if (!qr_value_valid(&values[i])) {
            return qr_fail(err, QUIRE_TYPE, "The value for \"%s.%s\" is not well formed.",
                           object->name, object->columns[i].name);
        }
    }
    return QUIRE_OK;
}

/* Makes a copy of these values the new row. Whether they fit their columns is for the table to
 * check, when no function can change them any more. */
static quire_status set_new_values(struct firing *firing, const quire_value *values, uint32_t count,
                                   quire_error *err)
{
    QR_TRY(check_values(firing, values, count, err));
    size_t size = quire_record_size(values, count);
    uint8_t *record = qr_arena_alloc(&firing->arena, size, err);
    if (record == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (void)quire_record_encode(values, count, record);
    quire_value *copies;
    QR_TRY(open_row(firing, record, size, &copies, err));
    firing->new_values = copies;
    firing->call.new_values = copies;
    return QUIRE_OK;
}

quire_status quire_trigger_replace(const quire_trigger_call *call, const quire_value *values,
                                   uint32_t count, quire_error *err)
{
    if (call == NULL || call->trigger == NULL || call->trigger->time != QUIRE_BEFORE ||
        call->event == QUIRE_ON_DELETE) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Only a trigger before an insert or update can replace the new row.");
    }
    /* The call is the first member of a firing, which is not const. */
    return set_new_values((struct firing *)(uintptr_t)call, values, count, err);
}

/* Copies the stored row, which the functions may change. */
static quire_status set_old_values(struct firing *firing, bool *found, quire_error *err)
{
    const void *record;
    size_t size;
    quire_value *values;
    QR_TRY(quire_table_get(firing->table, firing->call.rowid, &record, &size, found, err));
    if (!*found) {
        return QUIRE_OK;
    }
    char *copy = qr_arena_copy(&firing->arena, record, size, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(open_row(firing, copy, size, &values, err));
    firing->call.old_values = values;
    return QUIRE_OK;
}

static void init(struct firing *firing, quire_table *table, quire_trigger_event event,
                 int64_t rowid)
{
    quire_txn *txn = qr_table_txn(table);
    *firing = (struct firing){.call = {.txn = txn,
                                       .event = event,
                                       .rowid = rowid,
                                       .count = qr_table_definition(table)->object->column_count},
                              .table = table};
    qr_arena_init(&firing->arena, &txn->db->allocator, 0);
}

/* ---- The statement around it ---- */

static quire_status begin(struct firing *firing, quire_error *err)
{
    quire_txn *txn = firing->call.txn;
    if (txn->trigger_depth == txn->db->trigger_depth_max) {
        return qr_fail(err, QUIRE_LIMIT,
                       "Triggers have changed rows that have triggers %u deep, now of table "
                       "\"%s\"; see quire_options.trigger_depth_max.",
                       txn->trigger_depth, qr_table_definition(firing->table)->object->name);
    }
    QR_TRY(qr_statement_begin(txn, &firing->statement, err));
    firing->savepoint_floor = txn->savepoint_floor;
    txn->savepoint_floor = txn->savepoint_count;
    txn->trigger_depth++;
    return QUIRE_OK;
}

static quire_status end(struct firing *firing, quire_status status)
{
    quire_txn *txn = firing->call.txn;
    txn->trigger_depth--;
    txn->savepoint_count = txn->savepoint_floor; /* those that functions left open end here */
    txn->savepoint_floor = firing->savepoint_floor;
    if (status != QUIRE_OK) {
        qr_counters_forget(txn);
    }
    return qr_statement_end(txn, &firing->statement, status);
}

static quire_status run_one(struct firing *firing, const quire_trigger_def *trigger,
                            quire_error *err)
{
    void *context = NULL;
    quire_error detail = QUIRE_ERROR_INIT;
    quire_trigger_callback callback = look_up(firing->call.txn->db, trigger, &context);
    if (callback == NULL) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME,
                       "Trigger \"%s\" of table \"%s\" calls the function \"%s\", which the "
                       "program has not registered; see quire_trigger_function.",
                       trigger->name, trigger->table, trigger->function);
    }
    firing->call.trigger = trigger;
    quire_status status = callback(context, &firing->call, &detail);
    firing->call.trigger = NULL;
    if (status == QUIRE_OK) {
        return qr_txn_check_writable(firing->call.txn, err);
    }
    if (detail.status != status || detail.message[0] == '\0') {
        return qr_fail(err, status, "Trigger \"%s\" of table \"%s\" refused the row.",
                       trigger->name, trigger->table);
    }
    if (err != NULL) {
        *err = detail;
    }
    return status;
}

static quire_status run(struct firing *firing, quire_trigger_time time, quire_error *err)
{
    /* No function can change the schema, so the definition stays. */
    const struct qr_table_def *def = qr_table_definition(firing->table);
    for (uint32_t i = 0; i < def->trigger_count; i++) {
        const quire_trigger_def *trigger = &def->triggers[i];
        if (!trigger->disabled && trigger->time == time &&
            (trigger->events & firing->call.event) != 0) {
            QR_TRY(run_one(firing, trigger, err));
        }
    }
    return QUIRE_OK;
}

/* Writes the row; *found false when the functions before it have removed it. */
static quire_status write_row(struct firing *firing, bool *found, quire_error *err)
{
    quire_trigger_call *call = &firing->call;
    *found = true;
    switch (call->event) {
    case QUIRE_ON_INSERT:
        return qr_table_insert_row(firing->table, &call->rowid, firing->new_values, call->count,
                                   err);
    case QUIRE_ON_UPDATE:
        return qr_table_update_row(firing->table, call->rowid, firing->new_values, call->count,
                                   found, err);
    case QUIRE_ON_DELETE:
        break;
    }
    return qr_table_delete_row(firing->table, call->rowid, found, err);
}

/* The statement, once the rows are in place. */
static quire_status fire(struct firing *firing, bool *found, quire_error *err)
{
    QR_TRY(begin(firing, err));
    quire_status status = run(firing, QUIRE_BEFORE, err);
    if (status == QUIRE_OK) {
        status = write_row(firing, found, err);
    }
    if (status == QUIRE_OK && *found) {
        status = run(firing, QUIRE_AFTER, err);
    }
    return end(firing, status);
}

/* ---- Changes ---- */

quire_status qr_trigger_insert(quire_table *table, int64_t *rowid, const quire_value *values,
                               uint32_t count, quire_error *err)
{
    struct firing firing;
    bool found;
    init(&firing, table, QUIRE_ON_INSERT, rowid == NULL ? 0 : *rowid);
    quire_status status = set_new_values(&firing, values, count, err);
    if (status == QUIRE_OK) {
        status = fire(&firing, &found, err);
    }
    if (status == QUIRE_OK && rowid != NULL) {
        *rowid = firing.call.rowid;
    }
    qr_arena_free(&firing.arena);
    return status;
}

quire_status qr_trigger_update(quire_table *table, int64_t rowid, const quire_value *values,
                               uint32_t count, bool *found, quire_error *err)
{
    struct firing firing;
    bool present = false;
    init(&firing, table, QUIRE_ON_UPDATE, rowid);
    /* First, for they may be borrowed from the table, as long as nothing is read from it. */
    quire_status status = set_new_values(&firing, values, count, err);
    if (status == QUIRE_OK) {
        status = set_old_values(&firing, &present, err);
    }
    if (status == QUIRE_OK && present) {
        status = fire(&firing, &present, err);
    }
    if (status == QUIRE_OK && found != NULL) {
        *found = present;
    }
    qr_arena_free(&firing.arena);
    return status;
}

quire_status qr_trigger_delete(quire_table *table, int64_t rowid, bool *found, quire_error *err)
{
    struct firing firing;
    bool present = false;
    init(&firing, table, QUIRE_ON_DELETE, rowid);
    quire_status status = set_old_values(&firing, &present, err);
    if (status == QUIRE_OK && present) {
        status = fire(&firing, &present, err);
    }
    if (status == QUIRE_OK && found != NULL) {
        *found = present;
    }
    qr_arena_free(&firing.arena);
    return status;
}
