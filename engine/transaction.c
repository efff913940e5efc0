/*
 * Transactions and the handles opened in them.
 *
 * A transaction is a view of the pager plus what the engine remembers for its
 * length: the schema, the largest rowids, the open handles. When it ends, the
 * handles give back what they hold of the view and die; their memory stays
 * until they are closed, so a late close is harmless.
 */
#include <string.h>

#include "engine/engine_internal.h"

/* ---- Handles ---- */

void qr_handle_open(struct qr_handle *handle, quire_txn *txn, const struct qr_table_def *def,
                    void (*release)(struct qr_handle *))
{
    handle->txn = txn;
    handle->allocator = txn->db->allocator;
    handle->release = release;
    handle->def = def;
    handle->epoch = txn->schema_epoch;
    handle->link = &txn->handles;
    handle->next = txn->handles;
    if (handle->next != NULL) {
        handle->next->link = &handle->next;
    }
    txn->handles = handle;
}

void qr_handle_close(struct qr_handle *handle)
{
    if (handle->txn == NULL) {
        return;
    }
    handle->release(handle);
    *handle->link = handle->next;
    if (handle->next != NULL) {
        handle->next->link = handle->link;
    }
    handle->txn = NULL;
    handle->def = NULL;
}

quire_status qr_handle_renew(struct qr_handle *handle, quire_error *err)
{
    if (handle->txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The transaction of this handle has ended.");
    }
    const struct qr_table_def *def;
    QR_TRY(qr_schema_find(handle->txn, handle->def->object->name, &def, err));
    if (def == NULL || !qr_same_object(def->object, handle->def->object)) {
        return qr_fail(err, QUIRE_MISUSE, "\"%s\" was dropped after this handle was opened.",
                       handle->def->object->name);
    }
    handle->def = def;
    handle->epoch = handle->txn->schema_epoch;
    return QUIRE_OK;
}

/* ---- Begin ---- */

void qr_txn_destroy(void *ended)
{
    quire_txn *txn = ended;
    quire_allocator allocator = txn->db->allocator;
    qr_schema_release(txn);
    qr_tree_free_spare(txn);
    qr_index_cursor_free_spare(txn);
    qr_free(&allocator, txn, sizeof *txn);
}

/* The pager counts snapshots; writers are counted here, so that readers share no written memory. */
static quire_status open_view(quire_db *db, quire_txn_mode mode, const quire_begin_options *options,
                              struct qr_view **view, quire_error *err)
{
    const char *owner = options == NULL ? NULL : options->owner;
    if (mode == QUIRE_READ) {
        return qr_snapshot_open_as(db->pager, owner, view, err);
    }
    uint32_t timeout_ms =
        options != NULL && options->timeout ? options->timeout_ms : db->lock_timeout_ms;
    struct qr_txn *pages;
    atomic_fetch_add(&db->writers, 1);
    quire_status status = qr_txn_begin_as(db->pager, owner, timeout_ms, &pages, err);
    if (status != QUIRE_OK) {
        atomic_fetch_sub(&db->writers, 1);
        return status;
    }
    *view = qr_txn_view(pages);
    qr_ingest_limit(*view, db->ingest_bytes);
    return QUIRE_OK;
}

static void close_view(quire_db *db, struct qr_view *view)
{
    if (view->txn == NULL) {
        qr_snapshot_close(view);
    } else {
        qr_txn_rollback(view->txn);
        atomic_fetch_sub(&db->writers, 1);
    }
}

quire_status quire_begin(quire_db *db, quire_txn_mode mode, quire_txn **out, quire_error *err)
{
    return quire_begin_with(db, mode, NULL, out, err);
}

quire_status quire_begin_with(quire_db *db, quire_txn_mode mode, const quire_begin_options *options,
                              quire_txn **out, quire_error *err)
{
    if (db == NULL || out == NULL || (unsigned)mode > QUIRE_WRITE) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_begin needs a database, a mode and a place for "
                       "the transaction.");
    }
    *out = NULL;
    if (options != NULL && options->size != sizeof *options) {
        return qr_fail(err, QUIRE_MISUSE,
                       "options.size is %zu; start from QUIRE_BEGIN_OPTIONS_INIT.", options->size);
    }
    if (mode == QUIRE_WRITE && qr_pager_read_only(db->pager)) {
        return qr_fail(err, QUIRE_READ_ONLY, "The database was opened read-only.");
    }
    struct qr_view *view;
    QR_TRY(open_view(db, mode, options, &view, err));
    void **place = qr_view_companion(view);
    if (*place == NULL) {
        *place = qr_alloc_zero(&db->allocator, sizeof(quire_txn), err);
        if (*place == NULL) {
            close_view(db, view);
            return QUIRE_NO_MEMORY;
        }
    }
    quire_txn *txn = *place;
    txn->db = db;
    txn->view = view;
    txn->txn = view->txn;
    if (txn->txn != NULL) {
        qr_changes_begin(&txn->changes, &db->feed);
    }
    *out = txn;
    return QUIRE_OK;
}

/* ---- End ---- */

/* What only a write transaction can have. */
static void forget_changes(quire_txn *txn)
{
    qr_changes_free(&txn->changes, &txn->db->allocator);
    qr_schema_end(txn);
    qr_savepoints_free(txn);
    while (txn->counters != NULL) {
        struct qr_rowid_counter *counter = txn->counters;
        txn->counters = counter->next;
        qr_free(&txn->db->allocator, counter, sizeof *counter);
    }
    txn->savepoint_floor = 0;
}

/* Empties a transaction but for its schema and spare handles, which the next one that gets its
 * memory may use: as soon as the view, which is returned, is given back. */
static struct qr_view *leave_txn(quire_txn *txn)
{
    while (txn->handles != NULL) {
        qr_handle_close(txn->handles);
    }
    qr_index_cursor_leave_spare(txn);
    if (txn->txn != NULL) {
        forget_changes(txn);
        qr_ingest_free(txn->view);
    }
    txn->shared_checked = false;
    return txn->view;
}

void quire_rollback(quire_txn *txn)
{
    if (txn == NULL) {
        return;
    }
    if (txn->trigger_depth > 0) {
        qr_txn_give_up(txn); /* the statement fails, and its transaction lives on */
        return;
    }
    quire_db *db = txn->db;
    close_view(db, leave_txn(txn));
}

/* Lets the hook see the transaction, and has all put that waits; rolls it back if either fails. */
static quire_status prepare_commit(quire_txn *txn, quire_error *err)
{
    const quire_hooks *hooks = &txn->db->hooks;
    quire_status status = QUIRE_OK;
    if (txn->txn == NULL || qr_txn_doomed(txn->txn)) {
        return QUIRE_OK;
    }
    if (hooks->before_commit != NULL) {
        status = hooks->before_commit(hooks->context, txn, err);
    }
    if (status == QUIRE_OK && !qr_txn_doomed(txn->txn)) {
        status = qr_ingest_settle(txn->view, err);
    }
    if (status != QUIRE_OK) {
        quire_rollback(txn);
    }
    return status;
}

static void tell_after_commit(const quire_db *db, uint64_t sequence)
{
    if (sequence != 0 && db->hooks.after_commit != NULL) {
        db->hooks.after_commit(db->hooks.context, sequence);
    }
}

void qr_txn_break_feed(quire_txn *txn)
{
    txn->changes.breaks = true;
}

/* Takes the record of the changes out of a transaction that is about to be committed, if there is
 * something to tell listeners. */
static struct qr_changes take_changes(quire_txn *txn)
{
    struct qr_changes changes = {0};
    if (txn->changes.on && (txn->changes.count > 0 || txn->changes.schema_changed)) {
        changes = txn->changes;
        txn->changes.record = NULL;
        qr_changes_finish(&changes, &txn->db->allocator);
    }
    return changes;
}

/* A function of the program does not end the transaction that it runs in. */
static quire_status check_end(quire_txn *txn, quire_error *err)
{
    if (txn->trigger_depth == 0) {
        return QUIRE_OK;
    }
    qr_txn_give_up(txn);
    return qr_fail(
        err, QUIRE_MISUSE,
        "A function of the program cannot commit the transaction that it runs in, for a trigger "
        "or a resolver.");
}

quire_status quire_commit(quire_txn *txn, quire_error *err)
{
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_commit needs a transaction.");
    }
    quire_db *db = txn->db;
    QR_TRY(check_end(txn, err));
    QR_TRY(prepare_commit(txn, err));
    struct qr_changes changes = take_changes(txn);
    struct qr_view *view = leave_txn(txn);
    if (view->txn == NULL) {
        qr_snapshot_close(view);
        return QUIRE_OK;
    }
    if (changes.on) {
        qr_txn_set_note(view->txn, &changes);
    }
    uint64_t sequence = 0;
    quire_status status = qr_txn_commit_numbered(view->txn, &sequence, err);
    atomic_fetch_sub(&db->writers, 1);
    qr_changes_free(&changes, &db->allocator);
    if (status == QUIRE_OK) {
        tell_after_commit(db, sequence);
    }
    return status;
}

/* ---- Asynchronous commit ---- */

struct quire_ticket {
    struct qr_ticket ticket; /* first */
    quire_db *db;
    quire_commit_callback done;
    void *context;
};

static void free_ticket(quire_ticket *ticket)
{
    quire_allocator allocator = ticket->db->allocator;
    qr_free(&allocator, ticket, sizeof *ticket);
}

static void call_done(struct qr_ticket *base, quire_status status, const quire_error *error)
{
    quire_ticket *ticket = (quire_ticket *)base;
    quire_commit_callback done = ticket->done;
    void *context = ticket->context;
    uint64_t sequence = base->commit;
    if (status == QUIRE_OK) {
        tell_after_commit(ticket->db, sequence);
    }
    free_ticket(ticket);
    done(context, sequence, status, status == QUIRE_OK ? NULL : error);
}

/* The ticket is freed on failure, the transaction always. */
static quire_status commit_with(quire_txn *txn, quire_ticket *ticket, quire_error *err)
{
    quire_status status = prepare_commit(txn, err);
    if (status != QUIRE_OK) {
        free_ticket(ticket);
        return status;
    }
    quire_db *db = txn->db;
    struct qr_changes changes = take_changes(txn);
    struct qr_view *view = leave_txn(txn);
    if (view->txn == NULL) {
        qr_snapshot_close(view);
        if (ticket->done != NULL) {
            call_done(&ticket->ticket, QUIRE_OK, NULL);
        }
        return QUIRE_OK;
    }
    if (changes.on) {
        qr_txn_set_note(view->txn, &changes);
    }
    status = qr_txn_commit_async(view->txn, &ticket->ticket, err);
    atomic_fetch_sub(&db->writers, 1);
    qr_changes_free(&changes, &db->allocator);
    if (status != QUIRE_OK) {
        free_ticket(ticket);
    }
    return status;
}

static quire_ticket *make_ticket(quire_txn *txn, quire_error *err)
{
    quire_ticket *ticket = qr_alloc_zero(&txn->db->allocator, sizeof *ticket, err);
    if (ticket == NULL) {
        quire_rollback(txn);
    } else {
        ticket->db = txn->db;
    }
    return ticket;
}

quire_status quire_commit_async(quire_txn *txn, quire_commit_callback done, void *context,
                                quire_error *err)
{
    if (txn == NULL || done == NULL) {
        quire_rollback(txn);
        return qr_fail(err, QUIRE_MISUSE, "quire_commit_async needs a transaction and a callback.");
    }
    QR_TRY(check_end(txn, err));
    quire_ticket *ticket = make_ticket(txn, err);
    if (ticket == NULL) {
        return QUIRE_NO_MEMORY;
    }
    ticket->done = done;
    ticket->context = context;
    ticket->ticket.done = call_done;
    return commit_with(txn, ticket, err);
}

quire_status quire_commit_ticket(quire_txn *txn, quire_ticket **ticket, quire_error *err)
{
    if (txn == NULL || ticket == NULL) {
        quire_rollback(txn);
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_commit_ticket needs a transaction and a place for the ticket.");
    }
    *ticket = NULL;
    QR_TRY(check_end(txn, err));
    quire_db *db = txn->db;
    quire_ticket *made = make_ticket(txn, err);
    if (made == NULL) {
        return QUIRE_NO_MEMORY;
    }
    atomic_fetch_add(&db->tickets, 1);
    quire_status status = commit_with(txn, made, err);
    if (status != QUIRE_OK) {
        atomic_fetch_sub(&db->tickets, 1);
        return status;
    }
    *ticket = made;
    return QUIRE_OK;
}

bool quire_ticket_known(const quire_ticket *ticket)
{
    return ticket != NULL && qr_ticket_known(ticket->db->pager, &ticket->ticket);
}

quire_status quire_ticket_wait(quire_ticket *ticket, quire_error *err)
{
    if (ticket == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_ticket_wait needs a ticket.");
    }
    quire_db *db = ticket->db;
    quire_status status = qr_ticket_wait(db->pager, &ticket->ticket, err);
    if (status == QUIRE_OK) {
        tell_after_commit(db, ticket->ticket.commit);
    }
    free_ticket(ticket);
    atomic_fetch_sub(&db->tickets, 1);
    return status;
}

/* ---- Questions ---- */

uint64_t quire_txn_sequence(const quire_txn *txn)
{
    return qr_view_sequence(txn->view);
}

quire_status quire_txn_get_stats(const quire_txn *txn, quire_txn_stats *stats, quire_error *err)
{
    if (txn == NULL || stats == NULL || stats->size < sizeof stats->size ||
        stats->size > sizeof *stats) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_txn_get_stats needs a transaction and stats.size = "
                       "sizeof(quire_txn_stats).");
    }
    const struct qr_view_counts *counts = &txn->view->counts;
    struct qr_ingest_counts buffered = qr_ingest_counts(txn->view);
    quire_txn_stats now = {.size = stats->size,
                           .page_visits = counts->visits,
                           .page_reads = counts->reads,
                           .page_copies = counts->copies,
                           .versions_passed = counts->passed,
                           .puts_buffered = buffered.entries,
                           .buffer_runs = buffered.runs};
    memcpy(stats, &now, stats->size);
    return QUIRE_OK;
}

/* ---- The ingest buffer ---- */

quire_status quire_txn_set_ingest_buffer(quire_txn *txn, uint64_t bytes, quire_error *err)
{
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_txn_set_ingest_buffer needs a transaction.");
    }
    QR_TRY(qr_txn_check_writable(txn, err));
    QR_TRY(qr_ingest_settle(txn->view, err));
    qr_ingest_limit(txn->view, bytes == 0 ? txn->db->ingest_bytes : qr_ingest_bytes(bytes));
    return QUIRE_OK;
}

/* ---- Header numbers ---- */

static quire_status header_word(quire_header_number which, enum qr_header_word *word,
                                quire_error *err)
{
    *word = QR_HEADER_WORDS;
    switch (which) {
    case QUIRE_APPLICATION_ID:
        *word = QR_HEADER_APPLICATION_ID;
        return QUIRE_OK;
    case QUIRE_USER_VERSION:
        *word = QR_HEADER_USER_VERSION;
        return QUIRE_OK;
    default:
        return qr_fail(err, QUIRE_MISUSE, "There is no header number %d.", (int)which);
    }
}

quire_status quire_get_number(quire_txn *txn, quire_header_number which, uint64_t *number,
                              quire_error *err)
{
    enum qr_header_word word;
    if (txn == NULL || number == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_get_number needs a transaction and a place for the number.");
    }
    QR_TRY(header_word(which, &word, err));
    return qr_view_header_word(txn->view, word, number, err);
}

quire_status quire_set_number(quire_txn *txn, quire_header_number which, uint64_t number,
                              quire_error *err)
{
    enum qr_header_word word;
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_set_number needs a transaction.");
    }
    QR_TRY(header_word(which, &word, err));
    QR_TRY(qr_txn_check_writable(txn, err));
    return qr_txn_set_header_word(txn->txn, word, number, err);
}

quire_status qr_txn_check_writable(const quire_txn *txn, quire_error *err)
{
    if (txn->txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "A read transaction cannot change the database.");
    }
    if (txn->read_calls > 0) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Only the resolver of a field of Mutation can change the database.");
    }
    if (txn->view->depth > 0) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The callback of a read cannot change what is being read.");
    }
    if (qr_txn_doomed(txn->txn)) {
        return qr_fail(err, QUIRE_TXN_DOOMED,
                       "An earlier failure left the transaction half done; roll it back.");
    }
    return QUIRE_OK;
}

quire_status qr_txn_check_schema(const quire_txn *txn, quire_error *err)
{
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a transaction.");
    }
    if (txn->trigger_depth > 0) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The schema cannot change while a trigger or a resolver runs.");
    }
    return qr_txn_check_writable(txn, err);
}

quire_db *qr_txn_database(const quire_txn *txn)
{
    return txn->db;
}

struct qr_view *qr_txn_pages(const quire_txn *txn)
{
    return txn->view;
}

bool qr_txn_writes(const quire_txn *txn)
{
    return txn->txn != NULL;
}

void qr_txn_give_up(quire_txn *txn)
{
    if (txn->txn != NULL) {
        qr_txn_doom(txn->txn);
    }
}

bool qr_txn_given_up(const quire_txn *txn)
{
    return txn->txn != NULL && qr_txn_doomed(txn->txn);
}
