/*
 * Savepoints and statements: the pager takes pages back, the ingest buffer what
 * waits in it, this file what the transaction remembers of them - its schema and
 * its largest rowids. Handles
 * find out by the epoch of the schema, cursors by the view's changes.
 */
#include "engine/engine_internal.h"

void qr_savepoints_free(quire_txn *txn)
{
    qr_free(&txn->db->allocator, txn->savepoints,
            txn->savepoint_capacity * sizeof *txn->savepoints);
    txn->savepoints = NULL;
    txn->savepoint_count = txn->savepoint_capacity = 0;
}

static quire_status check_writer(const quire_txn *txn, quire_error *err)
{
    if (txn == NULL || txn->txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "Savepoints belong to write transactions.");
    }
    return QUIRE_OK;
}

static quire_status find(const quire_txn *txn, uint64_t savepoint, size_t *at, quire_error *err)
{
    for (*at = 0; *at < txn->savepoint_count; (*at)++) {
        if (txn->savepoints[*at].id == savepoint) {
            return *at >= txn->savepoint_floor
                       ? QUIRE_OK
                       : qr_fail(err, QUIRE_MISUSE,
                                 "Savepoint %llu is from before the call of this function.",
                                 (unsigned long long)savepoint);
        }
    }
    return qr_fail(err, QUIRE_MISUSE,
                   "Savepoint %llu is not open: it was released, or the transaction went back to "
                   "an earlier one.",
                   (unsigned long long)savepoint);
}

quire_status quire_savepoint(quire_txn *txn, uint64_t *savepoint, quire_error *err)
{
    uint32_t id;
    if (savepoint == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_savepoint needs a place for the savepoint.");
    }
    *savepoint = 0;
    QR_TRY(check_writer(txn, err));
    QR_TRY(qr_txn_check_writable(txn, err));
    QR_TRY(qr_grow(&txn->db->allocator, &txn->savepoints, &txn->savepoint_capacity,
                   txn->savepoint_count + 1, sizeof *txn->savepoints, err));
    QR_TRY(qr_ingest_make_room(txn->view, err));
    QR_TRY(qr_txn_savepoint(txn->txn, &id, err));
    txn->savepoints[txn->savepoint_count++] =
        (struct qr_saved){id, txn->schema_epoch, qr_changes_mark(&txn->changes)};
    *savepoint = id;
    return QUIRE_OK;
}

void qr_counters_forget(quire_txn *txn)
{
    for (struct qr_rowid_counter *c = txn->counters; c != NULL; c = c->next) {
        c->stale = true;
    }
}

quire_status quire_rollback_to(quire_txn *txn, uint64_t savepoint, quire_error *err)
{
    size_t at;
    QR_TRY(check_writer(txn, err));
    QR_TRY(find(txn, savepoint, &at, err));
    struct qr_saved *saved = &txn->savepoints[at];
    txn->savepoint_count = at + 1;
    qr_counters_forget(txn);
    QR_TRY(qr_txn_rollback_to(txn->txn, saved->id, err));
    qr_ingest_rollback(txn->view, saved->id);
    if (saved->schema_epoch != txn->schema_epoch) {
        QR_TRY(qr_schema_changed(txn, err));
        saved->schema_epoch = txn->schema_epoch;
    }
    qr_changes_back(&txn->changes, &saved->mark);
    return QUIRE_OK;
}

quire_status quire_release(quire_txn *txn, uint64_t savepoint, quire_error *err)
{
    size_t at;
    QR_TRY(check_writer(txn, err));
    QR_TRY(find(txn, savepoint, &at, err));
    QR_TRY(qr_txn_release_savepoint(txn->txn, txn->savepoints[at].id, err));
    txn->savepoint_count = at;
    return QUIRE_OK;
}

/* ---- Statements ---- */

quire_status qr_statement_begin(quire_txn *txn, struct qr_statement *statement, quire_error *err)
{
    QR_TRY(qr_ingest_make_room(txn->view, err));
    if (txn->changes.on) {
        statement->mark = qr_changes_mark(&txn->changes);
    }
    return qr_txn_statement(txn->txn, &statement->savepoint, err);
}

quire_status qr_statement_end(quire_txn *txn, const struct qr_statement *statement,
                              quire_status status)
{
    if (status != QUIRE_OK && txn->changes.on) {
        qr_changes_back(&txn->changes, &statement->mark);
    }
    /* A failure of either dooms the transaction, which is all that can be done. */
    if (status != QUIRE_OK &&
        qr_txn_rollback_to(txn->txn, statement->savepoint, NULL) != QUIRE_OK) {
        QR_ASSERT(qr_txn_doomed(txn->txn));
        return status;
    }
    if (status != QUIRE_OK) {
        qr_ingest_rollback(txn->view, statement->savepoint);
    }
    if (qr_txn_release_savepoint(txn->txn, statement->savepoint, NULL) != QUIRE_OK) {
        QR_ASSERT(qr_txn_doomed(txn->txn));
    }
    return status;
}
