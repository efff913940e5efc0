/*
 * Opening and closing: files, lock, recovery, and the order in which the parts
 * of the pager come and go.
 *
 * Creation and recovery run before any other thread knows the pager. Closing
 * requires that no view and no transaction is open: it stops the background
 * thread, writes a last checkpoint that marks the header as clean, and frees
 * everything in the reverse order of creation, whether that succeeded or not.
 */
#include "pager/pager_internal.h"

/* ---- Options ---- */

static quire_status check_options(const struct qr_pager_options *options, quire_error *err)
{
    uint32_t size = options->page_size;
    if (size != 0 &&
        (size < QR_PAGE_SIZE_MIN || size > QR_PAGE_SIZE_MAX || (size & (size - 1)) != 0)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "page_size is %u; it must be a power of two from %u to %u.", size,
                       QR_PAGE_SIZE_MIN, QR_PAGE_SIZE_MAX);
    }
    if (options->readers_max > 4096) {
        return qr_fail(err, QUIRE_MISUSE, "readers_max is %u; it must be at most 4096.",
                       options->readers_max);
    }
    return QUIRE_OK;
}

static void fill_defaults(struct qr_pager_options *options)
{
    if (options->page_size == 0) {
        options->page_size = QR_PAGE_SIZE_DEFAULT;
    }
    if (options->readers_max == 0) {
        options->readers_max = 126;
    }
    if (options->cache_bytes == 0) {
        options->cache_bytes = qr_vm_physical_bytes() / 4;
    }
    if (options->sync_interval_ms == 0) {
        options->sync_interval_ms = 100;
    }
    if (options->versions_bytes_max == 0) {
        options->versions_bytes_max = options->cache_bytes / 4;
    }
}

static char *copy_path(struct qr_pager *pager, const char *path, const char *suffix, size_t *size,
                       quire_error *err)
{
    size_t length = strlen(path);
    size_t more = strlen(suffix);
    char *copy = qr_alloc(pager->allocator, length + more + 1, err);
    if (copy != NULL) {
        memcpy(copy, path, length);
        memcpy(copy + length, suffix, more + 1);
        *size = length + more + 1;
    }
    return copy;
}

/* Before anything is created, so that a refused creation leaves nothing behind. */
static quire_status check_log_sizes(const struct qr_pager_options *options, quire_error *err)
{
    bool creates = options->mode == QUIRE_OPEN_CREATE || options->mode == QUIRE_OPEN_NEW;
    return creates ? qr_wal_check_sizes(options->page_size, options->wal_segment_bytes, err)
                   : QUIRE_OK;
}

/* ---- Files ---- */

static unsigned open_flags(quire_open_mode mode)
{
    switch (mode) {
    case QUIRE_OPEN_READ_ONLY:
        return QR_OPEN_READ;
    case QUIRE_OPEN_READ_WRITE:
        return QR_OPEN_WRITE;
    case QUIRE_OPEN_NEW:
        return QR_OPEN_WRITE | QR_OPEN_CREATE | QR_OPEN_EXCLUSIVE;
    case QUIRE_OPEN_CREATE:
    default:
        return QR_OPEN_WRITE | QR_OPEN_CREATE;
    }
}

static quire_status lock_file(struct qr_pager *pager, quire_error *err)
{
    bool taken = false;
    QR_TRY(pager->file->methods->lock(pager->file, QR_LOCK_EXCLUSIVE, &taken, err));
    if (!taken) {
        return qr_fail_at(err, QUIRE_LOCKED, pager->path, QUIRE_NO_PAGE, 0,
                          "%s is open for writing elsewhere; close it there, or open it for "
                          "reading only.",
                          pager->path);
    }
    return QUIRE_OK;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* An empty file, or one whose creation was cut off before its header page was written: no longer
 * than three pages, with zeros where the header belongs and no log. What lies behind that place is
 * not looked at, nor where it ends: a power cut, or a write that fails, may leave anything. */
static quire_status is_unborn(struct qr_pager *pager, bool *unborn, quire_error *err)
{
    uint8_t start[QR_PAGE_SIZE_MIN];
    uint64_t size = 0;
    size_t got = 0;
    bool log = false;
    *unborn = false;
    QR_TRY(pager->file->methods->size(pager->file, &size, err));
    if (size > 3 * (uint64_t)QR_PAGE_SIZE_MAX) {
        return QUIRE_OK;
    }
    QR_TRY(pager->file->methods->read(pager->file, start, sizeof start, 0, &got, err));
    QR_TRY(pager->layer->methods->exists(pager->layer, pager->wal_path, &log, err));
    *unborn = size == 0 || (!log && all_zero(start, got));
    return QUIRE_OK;
}

/* Openings of a path in search of a file that keeps it. */
#define OPEN_TRIES 16

/* Opens the file and locks it for writing. Before the lock is held another file may take the name,
 * by a restore or a compaction: then that one is meant. */
static quire_status open_locked(struct qr_pager *pager, quire_error *err)
{
    unsigned flags = open_flags(pager->options.mode);
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        bool named = false;
        QR_TRY(pager->layer->methods->open(pager->layer, pager->path, flags, &pager->file, err));
        if (pager->read_only) {
            return QUIRE_OK;
        }
        QR_TRY(lock_file(pager, err));
        QR_TRY(pager->file->methods->is_named(pager->file, &named, err));
        if (named) {
            return QUIRE_OK;
        }
        pager->file->methods->close(pager->file);
        pager->file = NULL;
    }
    return qr_fail_at(err, QUIRE_LOCKED, pager->path, QUIRE_NO_PAGE, 0,
                      "%s is replaced by other files all the time; try again later.", pager->path);
}

static quire_status open_files(struct qr_pager *pager, struct qr_file_header *header,
                               quire_error *err)
{
    bool unborn = false;
    QR_TRY(open_locked(pager, err));
    if (!pager->read_only) {
        QR_TRY(is_unborn(pager, &unborn, err));
    }
    if (unborn) {
        return qr_database_create(pager, header, err);
    }
    if (pager->options.check != NULL && !pager->read_only) {
        QR_TRY(pager->options.check(pager->options.check_context, err));
    }
    return qr_recover_identify(pager, header, err);
}

/* ---- Open ---- */

static quire_status create_parts(struct qr_pager *pager, quire_error *err)
{
    QR_TRY(qr_slots_create(pager, pager->options.readers_max, err));
    QR_TRY(qr_cache_create(pager, err));
    QR_TRY(qr_commit_create(pager, err));
    QR_TRY(qr_checkpoint_create(pager, err));
    QR_TRY(qr_mutex_init(&pager->file_lock, QR_RANK_DATABASE, err));
    pager->file_lock_created = true;
    qr_gate_init(&pager->writer, QR_RANK_WRITER);
    pager->writer_created = true;
    return QUIRE_OK;
}

/* Page 0 stays in the cache: whoever seals a segment copies it. */
static quire_status load_header_page(struct qr_pager *pager, quire_error *err)
{
    const uint8_t *page = NULL;
    struct qr_view *view = qr_snapshot_take(pager, &pager->slots.slot[QR_SLOT_CHECKPOINT]);
    qr_view_enter(view);
    quire_status status = qr_view_page(view, QR_PAGE_NUMBER_HEADER, &page, err);
    qr_view_leave(view);
    qr_snapshot_close(view);
    return status;
}

/* Durability OFF does without syncs where a stop of the machine, which alone loses what was not
 * synced, can be told from one of the program. */
static quire_status prepare_lax(struct qr_pager *pager, quire_error *err)
{
    if (pager->options.durability != QUIRE_DURABILITY_OFF || pager->read_only) {
        return QUIRE_OK;
    }
    uint64_t boot = pager->layer->methods->boot(pager->layer);
    if (boot == 0) {
        return QUIRE_OK;
    }
    QR_TRY(qr_file_layer_lax_create(pager->allocator, pager->layer, &pager->lax, err));
    pager->boot = boot;
    pager->layer = pager->lax;
    return QUIRE_OK;
}

void qr_pager_relax(struct qr_pager *pager)
{
    if (pager->lax != NULL) {
        qr_file_layer_lax_set(pager->lax, true);
    }
}

static quire_status open_inside(struct qr_pager *pager, quire_error *err)
{
    struct qr_file_header header;
    QR_TRY(prepare_lax(pager, err));
    QR_TRY(open_files(pager, &header, err));
    QR_TRY(create_parts(pager, err));
    if (pager->read_only) {
        QR_TRY(pager->file->methods->size(pager->file, &pager->bytes_at_open, err));
        QR_TRY(qr_recover_read_only(pager, &header, err));
    } else if (pager->wal == NULL) {
        QR_TRY(qr_recover(pager, &header, err));
    }
    if (!pager->read_only) {
        /* A crash may have come between the commit that took pages off the end and the cut. */
        QR_TRY(qr_file_resize(pager, header.pages, true, err));
    }
    QR_TRY(qr_cache_cover(pager, header.pages, err));
    pager->unclean = (header.flags & QR_HEADER_FLAG_CLEAN) == 0;
    qr_commit_start(pager, header.sequence, header.pages, header.free_pages,
                    pager->unclean && pager->boot == 0);
    QR_TRY(load_header_page(pager, err));
    return pager->read_only ? QUIRE_OK : qr_checkpoint_start(pager, err);
}

static void destroy(struct qr_pager *pager)
{
    qr_checkpoint_stop(pager);
    if (pager->writer_created) {
        qr_gate_destroy(&pager->writer);
    }
    if (pager->file_lock_created) {
        qr_mutex_destroy(&pager->file_lock);
    }
    qr_checkpoint_destroy(pager);
    qr_commit_destroy(pager);
    qr_free_map_destroy(pager);
    qr_cache_destroy(pager);
    qr_slots_destroy(pager);
    qr_wal_close(pager->wal);
    if (pager->file != NULL) {
        pager->file->methods->close(pager->file);
    }
    qr_file_layer_lax_destroy(pager->lax);
    qr_free(pager->allocator, pager->wal_path, pager->wal_path_size);
    qr_free(pager->allocator, pager->path, pager->path_size);
    qr_free(pager->allocator, pager, sizeof *pager);
}

quire_status qr_pager_open(const struct qr_pager_options *options, struct qr_pager **out,
                           quire_error *err)
{
    const quire_allocator *allocator =
        options->allocator != NULL ? options->allocator : qr_allocator_default();
    *out = NULL;
    QR_TRY(check_options(options, err));
    struct qr_pager *pager = qr_alloc_zero(allocator, sizeof *pager, err);
    if (pager == NULL) {
        return QUIRE_NO_MEMORY;
    }
    pager->allocator = allocator;
    pager->layer = options->layer;
    pager->options = *options;
    fill_defaults(&pager->options);
    pager->read_only = options->mode == QUIRE_OPEN_READ_ONLY;
    quire_status status = check_log_sizes(&pager->options, err);
    if (status != QUIRE_OK) {
        destroy(pager);
        return status;
    }
    status = QUIRE_NO_MEMORY;
    pager->path = copy_path(pager, options->path, "", &pager->path_size, err);
    pager->wal_path = pager->path == NULL
                          ? NULL
                          : copy_path(pager, options->path, "-wal", &pager->wal_path_size, err);
    if (pager->wal_path != NULL) {
        status = open_inside(pager, err);
    }
    if (status != QUIRE_OK) {
        destroy(pager);
        return status;
    }
    *out = pager;
    return QUIRE_OK;
}

/* ---- Close ---- */

/* Nothing was committed or tried, and the header on disk says so. */
static bool is_clean(const struct qr_pager *pager)
{
    const struct qr_commit *commit = &pager->commit;
    return !pager->unclean && !commit->header_open && commit->open.end < commit->open.start &&
           !atomic_load_explicit(&commit->poisoned, memory_order_relaxed);
}

quire_status qr_pager_close(struct qr_pager *pager, quire_error *err)
{
    if (pager == NULL) {
        return QUIRE_OK;
    }
    quire_status status = QUIRE_OK;
    qr_async_stop(pager);
    qr_checkpoint_stop(pager);
    if (pager->lax != NULL) {
        qr_file_layer_lax_set(pager->lax, false);
    }
    if (!pager->read_only && !is_clean(pager)) {
        status = qr_checkpoint_at_close(pager, err);
    }
    destroy(pager);
    return status;
}

/* ---- The rest ---- */

quire_status qr_pager_checkpoint(struct qr_pager *pager, quire_error *err)
{
    if (pager->read_only) {
        return qr_fail(err, QUIRE_READ_ONLY, "%s is open for reading only.", pager->path);
    }
    return qr_checkpoint_wait(pager, err);
}

static uint32_t count_readers(struct qr_pager *pager, uint64_t *oldest_ms)
{
    uint32_t count = 0;
    uint64_t now = qr_clock_monotonic_ns();
    uint64_t oldest = now;
    for (uint32_t i = QR_SLOT_FIRST_READER; i < pager->slots.count; i++) {
        struct qr_slot *slot = &pager->slots.slot[i];
        if (atomic_load_explicit(&slot->snapshot, memory_order_acquire) != QR_NO_SNAPSHOT) {
            uint64_t since = atomic_load_explicit(&slot->since_ns, memory_order_relaxed);
            oldest = since < oldest ? since : oldest;
        }
        /* One that has lost its snapshot is open, too. */
        count += atomic_load_explicit(&slot->taken, memory_order_acquire);
    }
    *oldest_ms = (now - oldest) / QR_NS_PER_MS;
    return count;
}

void qr_pager_get_stats(struct qr_pager *pager, quire_stats *stats)
{
    struct qr_counters *counters = &pager->counters;
    struct qr_wal_stats wal = {0};
    if (pager->wal != NULL) {
        qr_wal_get_stats(pager->wal, &wal);
    }
    qr_mutex_lock(&pager->commit.lock);
    uint32_t pages = pager->commit.pages;
    uint32_t pages_free = pager->commit.free_pages;
    qr_mutex_unlock(&pager->commit.lock);
    uint64_t oldest_reader_ms = 0;
    uint32_t readers_open = count_readers(pager, &oldest_reader_ms);
    *stats = (quire_stats){
        .size = stats->size,
        .page_size = pager->page_size,
        .pages = pages,
        .pages_free = pages_free,
        .readers_open = readers_open,
        .commit_sequence = qr_visible_seq(pager),
        .commits = qr_counted(&counters->commits),
        .rollbacks = qr_counted(&counters->rollbacks),
        .groups = qr_counted(&counters->groups),
        .log_frames = wal.frames_written,
        .log_bytes = wal.file_bytes,
        .syncs = wal.syncs + qr_counted(&counters->database_syncs),
        .checkpoints = qr_counted(&counters->checkpoints),
        .pages_written = qr_counted(&counters->pages_written),
        .page_reads = qr_counted(&counters->page_reads),
        .evictions = qr_counted(&counters->evictions),
        .spills = qr_counted(&counters->spills),
        .versions_held = qr_counted(&pager->cache.versions_held),
        .cache_frames = atomic_load_explicit(&pager->cache.in_use, memory_order_relaxed),
        .cache_frames_max = pager->cache.frames_limit,
        .log_frames_live = wal.frames_live,
        .log_segments = wal.segments,
        .log_segments_free = wal.segments_free,
        .pages_dirty = atomic_load_explicit(&pager->cache.dirty, memory_order_relaxed),
        .oldest_reader_ms = oldest_reader_ms,
        .pages_max = pager->options.pages_max,
        .read_calls = qr_counted(&counters->read_calls),
        .pages_direct = qr_counted(&counters->pages_direct),
        .readers_expired = qr_counted(&counters->readers_expired),
        .log_images = qr_counted(&counters->log_images),
        .log_changes = qr_counted(&counters->log_changes),
    };
}

uint32_t qr_pager_page_size(const struct qr_pager *pager)
{
    return pager->page_size;
}

const char *qr_pager_path(const struct qr_pager *pager)
{
    return pager->path;
}

const quire_allocator *qr_pager_allocator(const struct qr_pager *pager)
{
    return pager->allocator;
}

bool qr_pager_read_only(const struct qr_pager *pager)
{
    return pager->read_only;
}
