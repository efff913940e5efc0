/*
 * Savepoints of the write transaction: going back to an earlier moment of it.
 *
 * While a savepoint is open, every change that could not be taken back is noted
 * before it happens. There are three kinds of notes in one list, undone from
 * the newest to the oldest:
 *   - the page table of the transaction had nothing, or an unwritten page of a
 *     run, where it now has a private copy;
 *   - a private copy was freed: it is kept aside instead;
 *   - a private copy is about to change that was last saved before the innermost
 *     savepoint: its bytes are copied aside. Each private copy remembers the
 *     savepoint that it was last saved at, so that happens once a page and
 *     savepoint.
 * A statement is a savepoint that nearly always is released at once. Changes
 * that their opposite takes back are noted as calls in the same list, and need
 * no copy for it: only for the savepoint around it, if there is one, so that the
 * calls can be forgotten when the statement has succeeded.
 * The steps of the free map in memory have a list of their own. Counts go back
 * to what they were.
 *
 * Copies go to memory up to a bound, then to the spill file. A transaction
 * without savepoints notes nothing.
 *
 * Going back can fail only when a page has to be brought back from the spill
 * file for it; then the transaction is doomed. Concurrency: the writer's alone,
 * frames and records under cache.lock.
 */
#include "pager/pager_internal.h"

/* Bytes of noted calls, beyond which pages are copied. */
#define CALLS_MAX ((size_t)1 << 16)

/* Copies in memory, beyond which they go to the spill file. */
#define IMAGES_MAX 256U

/* ---- Copies ---- */

/* A free copy links to the next one in its first bytes. */
static uint8_t *take_image(struct qr_txn *txn, bool always)
{
    struct qr_pager *pager = txn->pager;
    uint8_t *image = txn->images_free;
    if (image != NULL) {
        memcpy(&txn->images_free, image, sizeof txn->images_free);
        return image;
    }
    if (txn->images >= IMAGES_MAX && !always) {
        return NULL;
    }
    image = qr_alloc(pager->allocator, pager->page_size, NULL);
    txn->images += image != NULL;
    return image;
}

static void give_image(struct qr_txn *txn, uint8_t *image)
{
    memcpy(image, &txn->images_free, sizeof txn->images_free);
    txn->images_free = image;
}

/* ---- Notes ---- */

quire_status qr_undo_reserve(struct qr_txn *txn, size_t more, quire_error *err)
{
    if (txn->savepoint == 0) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(txn->pager->allocator, &txn->undo, &txn->undo_capacity, txn->undo_count + more,
                   sizeof *txn->undo, err));
    return qr_grow(txn->pager->allocator, &txn->map_steps, &txn->map_step_capacity,
                   txn->map_step_count + more, sizeof *txn->map_steps, err);
}

void qr_undo_note(struct qr_txn *txn, uint32_t page_number, uint32_t ref)
{
    if (txn->savepoint != 0) {
        QR_ASSERT(txn->undo_count < txn->undo_capacity);
        txn->undo[txn->undo_count++] = (struct qr_undo){.page_number = page_number, .ref = ref};
    }
}

void qr_undo_note_map(struct qr_txn *txn, uint32_t page_number, bool available)
{
    if (txn->savepoint != 0) {
        QR_ASSERT(txn->map_step_count < txn->map_step_capacity);
        txn->map_steps[txn->map_step_count++] = (struct qr_map_step){page_number, available};
    }
}

quire_status qr_undo_save(struct qr_txn *txn, uint32_t page_number, uint32_t since,
                          quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t frame = pager->cache.private_table[page_number];
    struct qr_version *version = &pager->cache.frame[frame];
    struct qr_undo note = {.page_number = page_number, .saved_at = version->item};
    if (version->item >= since) {
        return QUIRE_OK;
    }
    QR_TRY(qr_undo_reserve(txn, 1, err));
    note.image = take_image(txn, page_number == QR_PAGE_NUMBER_HEADER);
    if (note.image != NULL) {
        memcpy(note.image, qr_frame_bytes(pager, frame), pager->page_size);
    } else if (page_number == QR_PAGE_NUMBER_HEADER) {
        return qr_fail(err, QUIRE_NO_MEMORY, "No memory to keep a page for the savepoint.");
    } else {
        QR_TRY(qr_spill_write(pager, qr_frame_bytes(pager, frame), &note.ref, err));
        qr_mutex_lock(&pager->cache.lock);
        struct qr_version *record = qr_version_of(pager, note.ref);
        record->page_number = page_number;
        record->fresh = version->fresh;
        record->item = version->item;
        qr_mutex_unlock(&pager->cache.lock);
    }
    version->item = txn->mark;
    txn->undo[txn->undo_count++] = note;
    return QUIRE_OK;
}

/* ---- Calls ---- */

/* In the list of notes a call has a ref that no private page has. */
#define REF_CALL QR_REF_DISK

struct call {
    qr_txn_undo undo;
    size_t what_size, more_size; /* of what follows */
};

bool qr_txn_may_note(const struct qr_txn *txn)
{
    return txn->simple;
}

bool qr_txn_note_undo(struct qr_txn *txn, qr_txn_undo undo, const struct qr_undo_parts *parts)
{
    const quire_allocator *allocator = txn->pager->allocator;
    struct call call = {undo, parts->what_size, parts->more_size};
    size_t at = txn->calls_used;
    size_t end = at + sizeof call + parts->what_size + parts->more_size;
    if (!txn->simple || end > CALLS_MAX || txn->savepoint_last == UINT32_MAX ||
        qr_undo_reserve(txn, 1, NULL) != QUIRE_OK ||
        qr_grow(allocator, &txn->calls, &txn->calls_capacity, end, 1, NULL) != QUIRE_OK) {
        return false;
    }
    uint8_t *place = txn->calls + at;
    memcpy(place, &call, sizeof call);
    memcpy(place + sizeof call, parts->what, parts->what_size);
    if (parts->more_size > 0) {
        memcpy(place + sizeof call + parts->what_size, parts->more, parts->more_size);
    }
    txn->calls_used = end;
    txn->undo[txn->undo_count++] = (struct qr_undo){.ref = REF_CALL, .saved_at = (uint32_t)at};
    /* Copies made before this moment do not show the pages as the call must find them. */
    txn->mark = ++txn->savepoint_last;
    txn->savepoints[txn->savepoint_count - 1].mark = txn->mark;
    return true;
}

void qr_txn_unnote_undo(struct qr_txn *txn)
{
    QR_ASSERT(txn->undo_count > 0 && txn->undo[txn->undo_count - 1].ref == REF_CALL);
    txn->calls_used = txn->undo[--txn->undo_count].saved_at;
}

static quire_status call_undo(struct qr_txn *txn, const struct qr_undo *note, quire_error *err)
{
    struct call call;
    const uint8_t *place = txn->calls + note->saved_at;
    size_t used = note->saved_at;
    memcpy(&call, place, sizeof call);
    struct qr_undo_parts parts = {.what = place + sizeof call,
                                  .more = place + sizeof call + call.what_size,
                                  .what_size = call.what_size,
                                  .more_size = call.more_size};
    txn->undoing = true;
    quire_status status = call.undo(txn, &parts, err);
    txn->undoing = false;
    txn->calls_used = used;
    return status;
}

/* Gives up the private copy that a ref names, if it names one. */
static void drop_ref(struct qr_txn *txn, uint32_t ref)
{
    struct qr_cache *cache = &txn->pager->cache;
    if (qr_ref_is_frame(ref)) {
        txn->frames--;
        qr_mutex_lock(&cache->lock);
        qr_version_retire(txn->pager, ref);
        qr_mutex_unlock(&cache->lock);
    } else if (qr_ref_is_spill(ref)) {
        qr_mutex_lock(&cache->lock);
        qr_record_retire(txn->pager, ref);
        qr_mutex_unlock(&cache->lock);
    }
}

/* Forgets the notes from `from` on, with what they keep. */
static void drop_notes(struct qr_txn *txn, size_t from)
{
    while (txn->undo_count > from) {
        struct qr_undo *note = &txn->undo[--txn->undo_count];
        if (note->image != NULL) {
            give_image(txn, note->image);
        } else {
            drop_ref(txn, note->ref);
        }
    }
}

/* ---- Going back ---- */

static quire_status put_back(struct qr_txn *txn, const struct qr_undo *note, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t *word = &pager->cache.private_table[note->page_number];
    if (note->ref == REF_CALL) {
        return call_undo(txn, note, err);
    }
    if (note->image == NULL) {
        drop_ref(txn, *word);
        *word = note->ref; /* a frame among them was counted all the time */
        return QUIRE_OK;
    }
    if (!qr_ref_is_frame(*word)) {
        QR_TRY(qr_txn_unspill(txn, note->page_number, err));
    }
    memcpy(qr_frame_bytes(pager, *word), note->image, pager->page_size);
    pager->cache.frame[*word].item = note->saved_at;
    pager->cache.frame[*word].at_home = false;
    give_image(txn, note->image);
    return QUIRE_OK;
}

static quire_status undo_notes(struct qr_txn *txn, size_t from, quire_error *err)
{
    while (txn->undo_count > from) {
        QR_TRY(put_back(txn, &txn->undo[txn->undo_count - 1], err));
        txn->undo_count--;
    }
    return QUIRE_OK;
}

/* The place of a savepoint in the list, or its end when it is not open. */
static size_t find_savepoint(const struct qr_txn *txn, uint32_t id)
{
    size_t i = 0;
    while (i < txn->savepoint_count && txn->savepoints[i].id != id) {
        i++;
    }
    return i;
}

static quire_status fail_not_open(quire_error *err)
{
    return qr_fail(err, QUIRE_MISUSE,
                   "The savepoint is not open: it was released, or the transaction went back to an "
                   "earlier one.");
}

/* ---- Interface ---- */

/* Finds out what is the innermost now. */
static void find_innermost(struct qr_txn *txn)
{
    const struct qr_savepoint *open = txn->savepoints;
    size_t at = txn->savepoint_count;
    txn->savepoint = at == 0 ? 0 : open[at - 1].id;
    txn->mark = at == 0 ? 0 : open[at - 1].mark;
    while (at > 0 && open[at - 1].statement) {
        at--;
    }
    txn->savepoint_kept = at == 0 ? 0 : open[at - 1].id;
    txn->simple = txn->savepoint_count == at + 1;
}

static quire_status open_savepoint(struct qr_txn *txn, bool statement, uint32_t *id,
                                   quire_error *err)
{
    QR_ASSERT(txn->view.depth == 0);
    *id = 0;
    if (txn->savepoint_last == UINT32_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A transaction can have %lu savepoints, no more.",
                       (unsigned long)UINT32_MAX);
    }
    QR_TRY(qr_grow(txn->pager->allocator, &txn->savepoints, &txn->savepoint_capacity,
                   txn->savepoint_count + 1, sizeof *txn->savepoints, err));
    *id = ++txn->savepoint_last;
    txn->savepoints[txn->savepoint_count++] = (struct qr_savepoint){
        .id = *id,
        .pages = txn->pages,
        .free_pages = txn->free_pages,
        .own_count = txn->own_count,
        .run_count = txn->run_count,
        .allocated_count = txn->allocated_count,
        .freed_count = txn->freed_count,
        .undo_count = txn->undo_count,
        .map_step_count = txn->map_step_count,
        .calls_used = txn->calls_used,
        .mark = *id,
        .doomed = txn->doomed,
        .statement = statement,
    };
    find_innermost(txn);
    return QUIRE_OK;
}

quire_status qr_txn_savepoint(struct qr_txn *txn, uint32_t *id, quire_error *err)
{
    return open_savepoint(txn, false, id, err);
}

quire_status qr_txn_statement(struct qr_txn *txn, uint32_t *id, quire_error *err)
{
    return open_savepoint(txn, true, id, err);
}

uint32_t qr_txn_moment(const struct qr_txn *txn)
{
    return txn->savepoint_last;
}

bool qr_txn_opened_between(const struct qr_txn *txn, uint32_t after, uint32_t until)
{
    size_t at = txn->savepoint_count;
    while (at > 0 && txn->savepoints[at - 1].id > until) {
        at--;
    }
    return at > 0 && txn->savepoints[at - 1].id > after;
}

quire_status qr_txn_rollback_to(struct qr_txn *txn, uint32_t id, quire_error *err)
{
    QR_ASSERT(txn->view.depth == 0);
    size_t at = find_savepoint(txn, id);
    if (at == txn->savepoint_count) {
        return fail_not_open(err);
    }
    const struct qr_savepoint *savepoint = &txn->savepoints[at];
    txn->view.changes++;
    quire_status status = undo_notes(txn, savepoint->undo_count, err);
    if (status != QUIRE_OK) {
        txn->doomed = true;
        return status;
    }
    while (txn->map_step_count > savepoint->map_step_count) {
        const struct qr_map_step *step = &txn->map_steps[--txn->map_step_count];
        qr_free_map_revert(txn, step->page_number, step->available);
    }
    txn->pages = txn->view.pages = savepoint->pages;
    txn->free_pages = savepoint->free_pages;
    txn->own_count = savepoint->own_count;
    txn->direct_hand = txn->direct_hand < txn->own_count ? txn->direct_hand : txn->own_count;
    txn->run_count = savepoint->run_count;
    txn->allocated_count = savepoint->allocated_count;
    txn->freed_count = savepoint->freed_count;
    txn->doomed = savepoint->doomed;
    txn->savepoint_count = at + 1;
    find_innermost(txn);
    return QUIRE_OK;
}

/* Copies that the savepoint around this one has made already are not needed twice. Calls are needed
 * by statements alone. */
static void merge_notes(struct qr_txn *txn, size_t from, uint32_t outer)
{
    size_t kept = from;
    for (size_t i = from; i < txn->undo_count; i++) {
        struct qr_undo *note = &txn->undo[i];
        if (note->ref == REF_CALL && txn->savepoint == txn->savepoint_kept) {
            continue;
        }
        if (note->image != NULL && note->saved_at >= outer) {
            give_image(txn, note->image);
        } else {
            txn->undo[kept++] = *note;
        }
    }
    txn->undo_count = kept;
}

quire_status qr_txn_release_savepoint(struct qr_txn *txn, uint32_t id, quire_error *err)
{
    size_t at = find_savepoint(txn, id);
    if (at == txn->savepoint_count) {
        return fail_not_open(err);
    }
    size_t from = txn->savepoints[at].undo_count;
    size_t calls_from = txn->savepoints[at].calls_used;
    txn->savepoint_count = at;
    find_innermost(txn);
    if (txn->savepoint == txn->savepoint_kept) {
        txn->calls_used = calls_from;
    }
    if (txn->savepoint == 0) {
        drop_notes(txn, 0);
        txn->map_step_count = 0;
    } else {
        merge_notes(txn, from, txn->mark);
    }
    return QUIRE_OK;
}

void qr_txn_drop_savepoints(struct qr_txn *txn)
{
    txn->savepoint_count = 0;
    txn->calls_used = 0;
    find_innermost(txn);
    drop_notes(txn, 0);
    txn->map_step_count = 0;
}

void qr_txn_free_savepoints(struct qr_txn *txn)
{
    const quire_allocator *allocator = txn->pager->allocator;
    QR_ASSERT(txn->undo_count == 0);
    while (txn->images_free != NULL) {
        qr_free(allocator, take_image(txn, false), txn->pager->page_size);
    }
    qr_free(allocator, txn->savepoints, txn->savepoint_capacity * sizeof *txn->savepoints);
    qr_free(allocator, txn->calls, txn->calls_capacity);
    qr_free(allocator, txn->undo, txn->undo_capacity * sizeof *txn->undo);
    qr_free(allocator, txn->map_steps, txn->map_step_capacity * sizeof *txn->map_steps);
}
