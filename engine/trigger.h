/*
 * Triggers within the engine: definitions (trigger_definition.c) and the running
 * of triggers around a change of a row (trigger.c).
 */
#ifndef QR_TRIGGER_H
#define QR_TRIGGER_H

#include "engine/engine_internal.h"

#define QR_TRIGGER_DEPTH_DEFAULT 16U

/* What the catalog keeps of a trigger: its body, in the arena; and back. CORRUPT when malformed. */
quire_status qr_trigger_encode(const quire_trigger_def *def, struct qr_arena *arena,
                               struct qr_slice *body, quire_error *err);
quire_status qr_trigger_decode(const struct qr_object *object, struct qr_arena *arena,
                               quire_trigger_def *def, quire_error *err);

/* Adds the triggers of a table to its definition. */
quire_status qr_triggers_load(quire_txn *txn, struct qr_table_def *def, quire_error *err);

/* Changes of a row of a table with enabled triggers for the event: what the functions of table.c
 * of the same names do, and the triggers around it. */
quire_status qr_trigger_insert(quire_table *table, int64_t *rowid, const quire_value *values,
                               uint32_t count, quire_error *err);
quire_status qr_trigger_update(quire_table *table, int64_t rowid, const quire_value *values,
                               uint32_t count, bool *found, quire_error *err);
quire_status qr_trigger_delete(quire_table *table, int64_t rowid, bool *found, quire_error *err);

/* ---- The changes themselves (table.c) ---- */

quire_status qr_table_insert_row(quire_table *table, int64_t *rowid, const quire_value *values,
                                 uint32_t count, quire_error *err);
quire_status qr_table_update_row(quire_table *table, int64_t rowid, const quire_value *values,
                                 uint32_t count, bool *found, quire_error *err);
quire_status qr_table_delete_row(quire_table *table, int64_t rowid, bool *found, quire_error *err);
/* The definition of a table that is open and of today's schema. */
const struct qr_table_def *qr_table_definition(const quire_table *table);

#endif
