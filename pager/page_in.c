/*
 * The slow half of the read path: misses, older versions, cooling pages.
 *
 * A page table word of 0 means that the database file holds the newest version
 * and no other exists. One thread turns it into a loading mark with its own
 * frame, reads, and turns the mark into the frame; the others wait. A commit
 * that publishes the page meanwhile simply overwrites the mark and links to the
 * image on disk; the loader then finds its mark gone and begins again.
 *
 * Old versions that are in the spill file or only in the database file are read
 * into buffers of the view, which live until the operation ends. A read of the
 * database file counts only if the chain still ends in it afterwards: before a
 * checkpoint overwrites a page it takes that link away.
 */
#include "pager/pager_internal.h"

static quire_status fail_absent(struct qr_view *view, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    uint64_t offset = (uint64_t)page_number << pager->page_shift;
    if (pager->read_only) {
        return qr_fail_at(err, QUIRE_SNAPSHOT_TOO_OLD, pager->path, page_number, offset,
                          "Another process has changed page %lu of %s since it was opened for "
                          "reading; close and open it again.",
                          (unsigned long)page_number, pager->path);
    }
    return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number, offset,
                      "Page %lu of %s does not exist at commit %llu, yet something refers to it; "
                      "run the check and restore from a backup.",
                      (unsigned long)page_number, pager->path, (unsigned long long)view->sequence);
}

static quire_status fail_expired(struct qr_view *view, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    return qr_fail_at(err, QUIRE_SNAPSHOT_TOO_OLD, pager->path, page_number,
                      (uint64_t)page_number << pager->page_shift,
                      "The read transaction on commit %llu of %s was open for too long: the old "
                      "page versions that it needs exceeded versions_bytes_max. End it and begin "
                      "another.",
                      (unsigned long long)view->sequence, pager->path);
}

static quire_status fail_freed(struct qr_view *view, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                      (uint64_t)page_number << pager->page_shift,
                      "Something refers to page %lu of %s, which this transaction has freed; roll "
                      "it back, run the check and restore from a backup.",
                      (unsigned long)page_number, pager->path);
}

/* ---- From the database file ---- */

/* Beside another process's checkpoint a page may be read half written: try again before believing
 * it. That does not help a page behind the end of the file; one that the file had was moved and cut
 * off by that process. */
static quire_status read_patiently(struct qr_view *view, uint32_t page_number, uint8_t *page,
                                   quire_error *err)
{
    struct qr_pager *pager = view->pager;
    uint64_t offset = (uint64_t)page_number << pager->page_shift;
    uint64_t size = 0;
    quire_status status = qr_page_read(pager, page_number, page, err);
    for (int tries = 0; pager->read_only && status == QUIRE_CORRUPT; tries++) {
        if (pager->file->methods->size(pager->file, &size, NULL) == QUIRE_OK && size <= offset) {
            return offset < pager->bytes_at_open ? fail_absent(view, page_number, err) : status;
        }
        if (tries == 50) {
            break;
        }
        qr_yield();
        status = qr_page_read(pager, page_number, page, err);
    }
    return status;
}

static quire_status check_loaded(struct qr_pager *pager, uint32_t page_number, const uint8_t *page,
                                 quire_error *err)
{
    uint64_t lsn = qr_page_lsn(page);
    if (!pager->read_only && lsn > qr_visible_seq(pager)) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                          (uint64_t)page_number << pager->page_shift,
                          "Page %lu of %s carries commit %llu, which has not happened yet; the "
                          "file mixes two states, restore it from a backup.",
                          (unsigned long)page_number, pager->path, (unsigned long long)lsn);
    }
    return QUIRE_OK;
}

/* Puts the loaded frame into the page table if the loader's mark is still there. */
static bool finish_load(struct qr_view *view, uint32_t page_number, uint32_t frame, bool loaded)
{
    struct qr_pager *pager = view->pager;
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    bool ours = atomic_load_explicit(&cache->table[page_number], memory_order_relaxed) ==
                (QR_REF_LOADING | frame);
    if (ours && loaded) {
        struct qr_version *version = &cache->frame[frame];
        version->seq = qr_page_lsn(qr_frame_bytes(pager, frame));
        version->page_number = page_number;
        version->on_disk = true;
        version->state = QR_VERSION_NEWEST;
        uint32_t word = view->scanning ? QR_REF_COOLING | frame : frame;
        atomic_store_explicit(&cache->table[page_number], word, memory_order_release);
        if (view->scanning) {
            qr_scan_remember(pager, frame);
        }
    } else {
        if (ours) {
            atomic_store_explicit(&cache->table[page_number], QR_REF_NONE, memory_order_relaxed);
        }
        qr_frame_free(pager, frame);
    }
    qr_cond_broadcast(&cache->loaded);
    qr_mutex_unlock(&cache->lock);
    return ours;
}

/* *page NULL and QUIRE_OK: the table word has changed, look again. */
static quire_status load_newest(struct qr_view *view, uint32_t page_number, const uint8_t **page,
                                quire_error *err)
{
    struct qr_pager *pager = view->pager;
    struct qr_cache *cache = &pager->cache;
    uint32_t frame = 0;
    *page = NULL;
    QR_TRY(qr_frame_alloc(pager, &frame, err));
    qr_cache_note_pressure(view);
    qr_mutex_lock(&cache->lock);
    /* The page of an expired snapshot may be about to become another one. */
    bool absent =
        atomic_load_explicit(&cache->table[page_number], memory_order_relaxed) == QR_REF_NONE &&
        !qr_snapshot_expired(view);
    if (absent) {
        atomic_store_explicit(&cache->table[page_number], QR_REF_LOADING | frame,
                              memory_order_relaxed);
    } else {
        qr_frame_free(pager, frame);
    }
    qr_mutex_unlock(&cache->lock);
    if (!absent) {
        return QUIRE_OK;
    }
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = read_patiently(view, page_number, bytes, &error);
    view->counts.reads++;
    if (status == QUIRE_OK) {
        status = check_loaded(pager, page_number, bytes, &error);
    }
    uint64_t lsn = status == QUIRE_OK ? qr_page_lsn(bytes) : 0;
    if (!finish_load(view, page_number, frame, status == QUIRE_OK)) {
        return QUIRE_OK;
    }
    if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = error;
        }
        return status;
    }
    /* The frame may leave the table at any moment, but not memory while this operation runs. */
    *page = lsn <= view->ceiling ? bytes : NULL;
    return QUIRE_OK;
}

/* ---- Several in a row ---- */

/* Marks up to `count` pages as being loaded, each into a frame of its own, until one is found that
 * is not in the database file alone. */
static uint32_t claim_run(struct qr_view *view, uint32_t first, uint32_t count, uint32_t *frames)
{
    struct qr_pager *pager = view->pager;
    struct qr_cache *cache = &pager->cache;
    _Atomic uint32_t *words = &cache->table[first];
    uint32_t taken = 0;
    uint32_t claimed = 0;
    while (taken < count &&
           atomic_load_explicit(&words[taken], memory_order_relaxed) == QR_REF_NONE &&
           qr_frame_alloc(pager, &frames[taken], NULL) == QUIRE_OK) {
        taken++;
    }
    qr_cache_note_pressure(view);
    qr_mutex_lock(&cache->lock);
    while (claimed < taken &&
           atomic_load_explicit(&words[claimed], memory_order_relaxed) == QR_REF_NONE) {
        atomic_store_explicit(&words[claimed], QR_REF_LOADING | frames[claimed],
                              memory_order_relaxed);
        claimed++;
    }
    for (uint32_t i = claimed; i < taken; i++) {
        qr_frame_free(pager, frames[i]);
    }
    qr_mutex_unlock(&cache->lock);
    return claimed;
}

/* Reads the pages into one buffer and shares it out. Who waits for one that is no good, or finds it
 * absent again, reads it alone and reports what is wrong. */
static void load_run(struct qr_view *view, uint32_t first, uint32_t count, const uint32_t *frames,
                     uint8_t *buffer)
{
    struct qr_pager *pager = view->pager;
    size_t size = (size_t)count << pager->page_shift;
    size_t got = 0;
    quire_status status = pager->file->methods->read(
        pager->file, buffer, size, (uint64_t)first << pager->page_shift, &got, NULL);
    qr_count(&pager->counters.read_calls, 1);
    qr_count(&pager->counters.page_reads, count);
    view->counts.reads += count;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *image = buffer + ((size_t)i << pager->page_shift);
        bool loaded = status == QUIRE_OK && got >= ((size_t)i + 1) << pager->page_shift &&
                      qr_page_verify(pager, first + i, image, NULL) == QUIRE_OK &&
                      check_loaded(pager, first + i, image, NULL) == QUIRE_OK;
        if (loaded) {
            memcpy(qr_frame_bytes(pager, frames[i]), image, pager->page_size);
        }
        (void)finish_load(view, first + i, frames[i], loaded);
    }
}

void qr_view_read_ahead(struct qr_view *view, uint32_t first, uint32_t count)
{
    struct qr_pager *pager = view->pager;
    uint32_t frames[QR_READ_AHEAD_MAX];
    uint32_t most = pager->cache.frames_limit / 16; /* not a small cache's better part */
    if (view->txn != NULL || first >= view->pages) {
        return;
    }
    most = most < QR_READ_AHEAD_MAX ? most : QR_READ_AHEAD_MAX;
    count = count < most ? count : most;
    count = count < view->pages - first ? count : view->pages - first;
    if (count < 2 || !qr_view_absent(view, first)) {
        return;
    }
    size_t size = (size_t)count << pager->page_shift;
    uint8_t *buffer = qr_alloc(pager->allocator, size, NULL);
    if (buffer == NULL) {
        return;
    }
    count = claim_run(view, first, count, frames);
    if (count > 0) {
        load_run(view, first, count, frames, buffer);
    }
    qr_free(pager->allocator, buffer, size);
}

/* ---- Waiting for another loader ---- */

static void wait_loaded(struct qr_pager *pager, uint32_t page_number)
{
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    while (
        qr_ref_is_loading(atomic_load_explicit(&cache->table[page_number], memory_order_relaxed))) {
        qr_cond_wait(&cache->loaded, &cache->lock);
    }
    qr_mutex_unlock(&cache->lock);
}

/* ---- Into buffers of the view ---- */

static struct qr_view_buffer *find_buffer(struct qr_view *view, uint32_t page_number)
{
    struct qr_view_buffer *buffer = view->buffers;
    while (buffer != NULL && buffer->page_number != page_number) {
        buffer = buffer->next;
    }
    return buffer;
}

static uint32_t locked_chain_at(struct qr_view *view, uint32_t page_number)
{
    struct qr_cache *cache = &view->pager->cache;
    qr_mutex_lock(&cache->lock);
    uint32_t ref = qr_chain_at(view->pager, qr_chain_head(view->pager, page_number), view->ceiling);
    qr_mutex_unlock(&cache->lock);
    return ref;
}

/* The chain ends in the database file, below versions that are too new. */
static quire_status read_disk_version(struct qr_view *view, uint32_t page_number,
                                      const uint8_t **page, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    uint8_t *bytes = NULL;
    *page = NULL;
    QR_TRY(qr_view_buffer_add(view, page_number, &bytes, err));
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = qr_page_read(pager, page_number, bytes, &error);
    view->counts.reads++;
    if (locked_chain_at(view, page_number) != QR_REF_DISK) {
        qr_view_buffer_remove(view, bytes);
        return QUIRE_OK;
    }
    if (status == QUIRE_OK && qr_page_lsn(bytes) > view->ceiling) {
        status = fail_absent(view, page_number, &error);
    }
    if (status != QUIRE_OK) {
        qr_view_buffer_remove(view, bytes);
        if (err != NULL) {
            *err = error;
        }
        return status;
    }
    *page = bytes;
    return QUIRE_OK;
}

/* Brings a spilled newest version back into the cache. The record is held by the caller. */
static quire_status restore_newest(struct qr_view *view, uint32_t page_number, uint32_t ref,
                                   const uint8_t **page, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    struct qr_cache *cache = &pager->cache;
    uint32_t frame = 0;
    QR_TRY(qr_frame_alloc(pager, &frame, err));
    qr_cache_note_pressure(view);
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    quire_status status = qr_spill_read(pager, ref, bytes, err);
    view->counts.reads++;
    qr_mutex_lock(&cache->lock);
    struct qr_version *from = qr_version_of(pager, ref);
    struct qr_version *to = &cache->frame[frame];
    if (status == QUIRE_OK &&
        atomic_load_explicit(&cache->table[page_number], memory_order_relaxed) == ref) {
        to->seq = from->seq;
        to->page_number = page_number;
        to->on_disk = from->on_disk;
        to->state = QR_VERSION_NEWEST;
        atomic_store_explicit(&to->prev, atomic_load_explicit(&from->prev, memory_order_relaxed),
                              memory_order_relaxed);
        if (!to->on_disk) {
            (void)atomic_fetch_add_explicit(&cache->dirty, 1, memory_order_relaxed);
        }
        atomic_store_explicit(&cache->table[page_number], frame, memory_order_release);
        qr_record_retire(pager, ref);
        *page = bytes;
    } else {
        qr_frame_free(pager, frame);
    }
    qr_mutex_unlock(&cache->lock);
    return status;
}

static quire_status read_record(struct qr_view *view, uint32_t page_number, uint32_t ref,
                                const uint8_t **page, quire_error *err)
{
    uint8_t *bytes = NULL;
    QR_TRY(qr_view_buffer_add(view, page_number, &bytes, err));
    quire_status status = qr_spill_read(view->pager, ref, bytes, err);
    view->counts.reads++;
    if (status != QUIRE_OK) {
        qr_view_buffer_remove(view, bytes);
        return status;
    }
    *page = bytes;
    return QUIRE_OK;
}

/* The chain has a spilled version at or above the one wanted: walk it under the lock. */
static quire_status read_spilled(struct qr_view *view, uint32_t page_number, const uint8_t **page,
                                 quire_error *err)
{
    struct qr_pager *pager = view->pager;
    struct qr_cache *cache = &pager->cache;
    *page = NULL;
    qr_mutex_lock(&cache->lock);
    uint32_t head = qr_chain_head(pager, page_number);
    uint32_t ref = qr_chain_at(pager, head, view->ceiling);
    if (!qr_ref_is_spill(ref)) {
        qr_mutex_unlock(&cache->lock);
        if (qr_ref_is_frame(ref)) {
            *page = qr_frame_bytes(pager, ref); /* behind a spilled one that is too new */
            return QUIRE_OK;
        }
        if (ref == QR_REF_DISK) {
            return read_disk_version(view, page_number, page, err);
        }
        return head == QR_REF_NONE ? QUIRE_OK : fail_absent(view, page_number, err);
    }
    /* What is on its way to the log stays where its group says it is. */
    bool restore = ref == head && qr_version_of(pager, ref)->seq <= qr_visible_seq(pager);
    qr_record_hold(pager, ref);
    qr_mutex_unlock(&cache->lock);
    quire_status status = restore ? restore_newest(view, page_number, ref, page, err)
                                  : read_record(view, page_number, ref, page, err);
    qr_mutex_lock(&cache->lock);
    qr_record_drop(pager, ref);
    qr_mutex_unlock(&cache->lock);
    return status;
}

/* ---- The walk ---- */

/* The transaction's own copy; *page NULL when it has none. */
static quire_status own_page(struct qr_view *view, uint32_t page_number, const uint8_t **page,
                             quire_error *err)
{
    uint32_t own = view->private_table[page_number];
    *page = NULL;
    if (own == QR_REF_NONE) {
        return QUIRE_OK;
    }
    if (own == QR_REF_FREED) {
        return fail_freed(view, page_number, err);
    }
    if (own == QR_REF_FRESH) {
        QR_TRY(qr_txn_materialise(view->txn, page_number, err));
    } else if (qr_ref_is_spill(own) || own == QR_REF_HOME) {
        QR_TRY(qr_txn_unspill(view->txn, page_number, err));
    }
    *page = qr_frame_bytes(view->pager, view->private_table[page_number]);
    return QUIRE_OK;
}

/* Follows links between frames, which needs no lock. The first ref that is not a frame too new for
 * the view. */
static uint32_t walk_frames(struct qr_view *view, uint32_t ref)
{
    struct qr_pager *pager = view->pager;
    while (qr_ref_is_frame(ref) && qr_page_lsn(qr_frame_bytes(pager, ref)) > view->ceiling) {
        ref = atomic_load_explicit(&pager->cache.frame[ref].prev, memory_order_acquire);
        view->counts.passed++;
    }
    return ref;
}

static quire_status look(struct qr_view *view, uint32_t page_number, const uint8_t **page,
                         quire_error *err)
{
    struct qr_pager *pager = view->pager;
    _Atomic uint32_t *entry = &pager->cache.table[page_number];
    uint32_t word = atomic_load_explicit(entry, memory_order_acquire);
    *page = NULL;
    if (word == QR_REF_NONE) {
        return load_newest(view, page_number, page, err);
    }
    if (qr_ref_is_loading(word)) {
        wait_loaded(pager, page_number);
        return QUIRE_OK;
    }
    uint32_t head = qr_ref_is_cooling(word) ? word & QR_FRAME_LIMIT : word;
    uint32_t ref = walk_frames(view, head);
    if (qr_ref_is_frame(ref)) {
        if (ref != word && ref == head && !view->scanning) {
            (void)atomic_compare_exchange_strong_explicit(entry, &word, ref, memory_order_acq_rel,
                                                          memory_order_relaxed);
        }
        *page = qr_frame_bytes(pager, ref);
        return QUIRE_OK;
    }
    if (qr_ref_is_spill(ref)) {
        return read_spilled(view, page_number, page, err);
    }
    if (ref == QR_REF_DISK) {
        return read_disk_version(view, page_number, page, err);
    }
    return fail_absent(view, page_number, err);
}

quire_status qr_view_page_slow(struct qr_view *view, uint32_t page_number, const uint8_t **page,
                               quire_error *err)
{
    struct qr_pager *pager = view->pager;
    if (page_number >= view->pages) {
        *page = NULL;
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                          (uint64_t)page_number << pager->page_shift,
                          "Something refers to page %lu of %s, which has %lu pages; run the "
                          "check and restore from a backup.",
                          (unsigned long)page_number, pager->path, (unsigned long)view->pages);
    }
    if (view->private_table != NULL) {
        QR_TRY(own_page(view, page_number, page, err));
        if (*page != NULL) {
            return QUIRE_OK;
        }
    } else if (view->buffers != NULL) {
        struct qr_view_buffer *buffer = find_buffer(view, page_number);
        if (buffer != NULL) {
            *page = buffer->bytes;
            return QUIRE_OK;
        }
    }
    quire_status status;
    bool expired;
    do {
        status = look(view, page_number, page, err);
        /* After the look: who expires a snapshot marks it before dropping what it needs. */
        expired = qr_snapshot_expired(view);
    } while (status == QUIRE_OK && *page == NULL && !expired);
    if (expired) {
        *page = NULL;
        return fail_expired(view, page_number, err);
    }
    return status;
}

quire_status qr_view_page_raw(struct qr_view *view, uint32_t page_number, uint8_t *buffer,
                              quire_error *err)
{
    struct qr_pager *pager = view->pager;
    const uint8_t *page = NULL;
    qr_view_enter(view);
    quire_status status = qr_view_page(view, page_number, &page, err);
    if (page != NULL) {
        memcpy(buffer, page, pager->page_size);
    } else if (status == QUIRE_CORRUPT && page_number < view->pages) {
        size_t got = 0;
        memset(buffer, 0, pager->page_size);
        status = pager->file->methods->read(pager->file, buffer, pager->page_size,
                                            (uint64_t)page_number << pager->page_shift, &got, err);
    }
    qr_view_leave(view);
    return status;
}
