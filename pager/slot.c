/*
 * Slots: where snapshots and operations make themselves known.
 *
 * Opening a snapshot is a handshake with whoever collects old versions. The
 * reader stores the boundary in its slot with a sequentially consistent
 * exchange and then looks again whether the boundary moved; the collector reads
 * the newest boundary first, then, behind a sequentially consistent fence, all
 * slots. Either the collector sees the reader's boundary, or the reader sees
 * the newer one and tries again.
 *
 * Concurrency: taking and leaving a slot is lock-free. The pin list and the
 * labels have the mutex of rank SLOT; pins themselves are written by the view's thread alone.
 */
#include "pager/pager_internal.h"

quire_status qr_slots_create(struct qr_pager *pager, uint32_t readers, quire_error *err)
{
    struct qr_slots *slots = &pager->slots;
    uint32_t count = QR_SLOT_FIRST_READER + readers;
    QR_TRY(qr_mutex_init(&slots->lock, QR_RANK_SLOT, err));
    slots->memory_size = (size_t)count * sizeof(struct qr_slot) + _Alignof(struct qr_slot);
    slots->memory = qr_alloc_zero(pager->allocator, slots->memory_size, err);
    if (slots->memory == NULL) {
        qr_mutex_destroy(&slots->lock);
        return QUIRE_NO_MEMORY;
    }
    slots->count = count;
    slots->live = qr_alloc(pager->allocator, (size_t)count * sizeof(uint32_t), err);
    if (slots->live == NULL) {
        qr_slots_destroy(pager);
        return QUIRE_NO_MEMORY;
    }
    size_t skip = (_Alignof(struct qr_slot) - (uintptr_t)slots->memory % _Alignof(struct qr_slot)) %
                  _Alignof(struct qr_slot);
    slots->slot = (struct qr_slot *)(void *)((uint8_t *)slots->memory + skip);
    for (uint32_t i = 0; i < count; i++) {
        struct qr_slot *slot = &slots->slot[i];
        atomic_init(&slot->snapshot, QR_NO_SNAPSHOT);
        atomic_init(&slot->operation, 0);
        atomic_init(&slot->taken, i < QR_SLOT_FIRST_READER ? 1U : 0U);
        atomic_init(&slot->held, 0);
    }
    return QUIRE_OK;
}

void qr_slots_destroy(struct qr_pager *pager)
{
    struct qr_slots *slots = &pager->slots;
    if (slots->memory != NULL) {
        qr_free(pager->allocator, slots->live, (size_t)slots->count * sizeof(uint32_t));
        qr_free(pager->allocator, slots->memory, slots->memory_size);
        slots->memory = NULL;
        qr_mutex_destroy(&slots->lock);
    }
}

/* ---- Boundaries ---- */

static struct qr_boundary *current_boundary(struct qr_slots *slots, uint64_t moves)
{
    return &slots->boundary[moves % QR_BOUNDARIES];
}

uint64_t qr_visible_seq(struct qr_pager *pager)
{
    struct qr_slots *slots = &pager->slots;
    for (;;) {
        uint64_t moves = atomic_load_explicit(&slots->moves, memory_order_seq_cst);
        uint64_t seq =
            atomic_load_explicit(&current_boundary(slots, moves)->seq, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&slots->moves, memory_order_relaxed) - moves < QR_BOUNDARIES - 1) {
            return seq;
        }
    }
}

uint32_t qr_visible_pages(struct qr_pager *pager)
{
    struct qr_slots *slots = &pager->slots;
    uint64_t moves = atomic_load_explicit(&slots->moves, memory_order_acquire);
    return atomic_load_explicit(&current_boundary(slots, moves)->pages, memory_order_relaxed);
}

void qr_boundary_publish(struct qr_pager *pager, uint64_t seq, uint32_t pages)
{
    struct qr_slots *slots = &pager->slots;
    uint64_t next = atomic_load_explicit(&slots->moves, memory_order_relaxed) + 1;
    struct qr_boundary *boundary = current_boundary(slots, next);
    atomic_store_explicit(&boundary->seq, seq, memory_order_relaxed);
    atomic_store_explicit(&boundary->pages, pages, memory_order_relaxed);
    atomic_store_explicit(&boundary->since_ns, qr_clock_monotonic_ns(), memory_order_relaxed);
    /* Release: a snapshot that finds the boundary finds all page table words of its groups. */
    atomic_store_explicit(&slots->moves, next, memory_order_seq_cst);
}

uint64_t qr_oldest_boundary(struct qr_pager *pager)
{
    uint64_t oldest = qr_visible_seq(pager);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < pager->slots.count; i++) {
        uint64_t snapshot =
            atomic_load_explicit(&pager->slots.slot[i].snapshot, memory_order_acquire);
        if (snapshot < oldest && !QR_MUTANT(IGNORE_SNAPSHOTS)) {
            oldest = snapshot;
        }
    }
    return oldest;
}

/* ---- Snapshots ---- */

void qr_view_init(struct qr_pager *pager, struct qr_view *view, struct qr_slot *slot)
{
    *view = (struct qr_view){
        .arena = pager->cache.arena,
        .table = pager->cache.table,
        .operation = &slot->operation,
        .page_shift = pager->page_shift,
        .fence = pager->cache.fence,
        .pager = pager,
    };
}

struct qr_view *qr_snapshot_take(struct qr_pager *pager, struct qr_slot *slot)
{
    struct qr_slots *slots = &pager->slots;
    struct qr_view *view = &slot->view;
    uint64_t moves = atomic_load_explicit(&slots->moves, memory_order_acquire);
    qr_view_init(pager, view, slot);
    for (;;) {
        struct qr_boundary *boundary =
            current_boundary(slots, moves - (moves > 4 && QR_MUTANT(STALE_BOUNDARY)));
        uint64_t seq = atomic_load_explicit(&boundary->seq, memory_order_relaxed);
        view->pages = atomic_load_explicit(&boundary->pages, memory_order_relaxed);
        (void)atomic_exchange_explicit(&slot->snapshot, seq, memory_order_seq_cst);
        uint64_t again = atomic_load_explicit(&slots->moves, memory_order_seq_cst);
        if (again == moves) {
            atomic_store_explicit(&slot->since_ns,
                                  atomic_load_explicit(&boundary->since_ns, memory_order_relaxed),
                                  memory_order_relaxed);
            view->sequence = view->ceiling = seq;
            view->attention = QR_MUTANT(LATE_BOUNDARY);
            return view;
        }
        moves = again;
    }
}

/* Threads start their search at different slots, so that they seldom meet: the address of the stack
 * is as good a hint as any. */
static uint32_t first_slot_hint(uint32_t readers)
{
    unsigned char here = 0;
    uintptr_t address = (uintptr_t)&here;
    uint32_t mixed = (uint32_t)(address >> 16) * UINT32_C(2654435761);
    return (uint32_t)((uint64_t)mixed * (readers < 16 ? readers : 16) >> 32);
}

/* The reader with the oldest snapshot; slot NULL when there is none. */
struct oldest {
    struct qr_slot *slot;
    uint64_t seq, age_ms;
    char owner[QR_OWNER_SIZE];
};

static struct oldest find_oldest(struct qr_pager *pager)
{
    struct oldest oldest = {.seq = QR_NO_SNAPSHOT};
    uint64_t since = 0;
    qr_mutex_lock(&pager->slots.lock);
    for (uint32_t i = QR_SLOT_FIRST_READER; i < pager->slots.count; i++) {
        struct qr_slot *slot = &pager->slots.slot[i];
        uint64_t seq = atomic_load_explicit(&slot->snapshot, memory_order_acquire);
        if (seq < oldest.seq) {
            oldest.slot = slot;
            oldest.seq = seq;
            since = atomic_load_explicit(&slot->since_ns, memory_order_relaxed);
            memcpy(oldest.owner, slot->owner, sizeof oldest.owner);
        }
    }
    qr_mutex_unlock(&pager->slots.lock);
    oldest.age_ms = since == 0 ? 0 : (qr_clock_monotonic_ns() - since) / QR_NS_PER_MS;
    return oldest;
}

static quire_status fail_no_slot(struct qr_pager *pager, quire_error *err)
{
    struct oldest oldest = find_oldest(pager);
    return qr_fail(err, QUIRE_LIMIT,
                   "All %u read transactions that %s allows are open, the oldest on a state of "
                   "%llu ms ago%s%s; end some, or open the database with a larger readers_max.",
                   pager->slots.count - QR_SLOT_FIRST_READER, pager->path,
                   (unsigned long long)oldest.age_ms, oldest.owner[0] == '\0' ? "" : " by ",
                   oldest.owner);
}

void qr_owner_copy(char label[QR_OWNER_SIZE], const char *owner)
{
    size_t size = owner == NULL ? 0 : strlen(owner);
    size = size < QR_OWNER_SIZE ? size : QR_OWNER_SIZE - 1;
    while (size > 0 && owner[size] != '\0' && ((unsigned char)owner[size] & 0xC0U) == 0x80) {
        size--; /* not within a character */
    }
    if (size > 0) {
        memcpy(label, owner, size);
    }
    label[size] = '\0';
}

static void label_slot(struct qr_pager *pager, struct qr_slot *slot, const char *owner)
{
    if (owner != NULL || slot->labelled) {
        qr_mutex_lock(&pager->slots.lock);
        qr_owner_copy(slot->owner, owner);
        qr_mutex_unlock(&pager->slots.lock);
        slot->labelled = owner != NULL;
    }
}

quire_status qr_snapshot_open(struct qr_pager *pager, struct qr_view **out, quire_error *err)
{
    return qr_snapshot_open_as(pager, NULL, out, err);
}

quire_status qr_snapshot_open_as(struct qr_pager *pager, const char *owner, struct qr_view **out,
                                 quire_error *err)
{
    struct qr_slots *slots = &pager->slots;
    uint32_t readers = slots->count - QR_SLOT_FIRST_READER;
    uint32_t hint = first_slot_hint(readers);
    *out = NULL;
    for (uint32_t i = 0; i < readers; i++) {
        uint32_t at = hint + i < readers ? hint + i : hint + i - readers;
        struct qr_slot *slot = &slots->slot[QR_SLOT_FIRST_READER + at];
        if (atomic_load_explicit(&slot->taken, memory_order_relaxed) == 0 &&
            atomic_exchange_explicit(&slot->taken, 1, memory_order_acquire) == 0) {
            label_slot(pager, slot, owner);
            *out = qr_snapshot_take(pager, slot);
            return QUIRE_OK;
        }
    }
    return fail_no_slot(pager, err);
}

quire_status qr_pager_readers(struct qr_pager *pager, quire_reader_callback each, void *context,
                              quire_error *err)
{
    struct qr_slots *slots = &pager->slots;
    for (uint32_t i = QR_SLOT_FIRST_READER; i < slots->count; i++) {
        struct qr_slot *slot = &slots->slot[i];
        char owner[QR_OWNER_SIZE];
        qr_mutex_lock(&slots->lock);
        uint64_t seq = atomic_load_explicit(&slot->snapshot, memory_order_acquire);
        uint64_t since = atomic_load_explicit(&slot->since_ns, memory_order_relaxed);
        memcpy(owner, slot->owner, sizeof owner);
        qr_mutex_unlock(&slots->lock);
        if (seq == QR_NO_SNAPSHOT) {
            continue;
        }
        uint64_t now = qr_clock_monotonic_ns();
        quire_reader reader = {.sequence = seq,
                               .age_ms = now > since ? (now - since) / QR_NS_PER_MS : 0,
                               .owner = owner};
        QR_TRY(each(context, &reader, err));
    }
    return QUIRE_OK;
}

static struct qr_slot *slot_of(struct qr_view *view)
{
    return (struct qr_slot *)(void *)((uint8_t *)view - offsetof(struct qr_slot, view));
}

void qr_snapshot_close(struct qr_view *view)
{
    if (view == NULL) {
        return;
    }
    QR_ASSERT(view->depth == 0);
    struct qr_slot *slot = slot_of(view);
    struct qr_pager *pager = view->pager;
    /* Before looking whether versions are kept for it: whoever attaches some looks at the slot
     * after. */
    (void)atomic_exchange_explicit(&slot->snapshot, QR_NO_SNAPSHOT, memory_order_seq_cst);
    if (atomic_load_explicit(&slot->held, memory_order_seq_cst) != 0) {
        qr_version_release_slot(pager, slot);
    }
    if (slot != &pager->slots.slot[QR_SLOT_CHECKPOINT]) {
        atomic_store_explicit(&slot->taken, 0, memory_order_release);
    }
}

void **qr_view_companion(const struct qr_view *view)
{
    struct qr_slot *slot = &view->pager->slots.slot[QR_SLOT_WRITER];
    return view->txn != NULL ? &slot->companion
                             : &slot_of((struct qr_view *)(uintptr_t)view)->companion;
}

void qr_pager_drop_companions(struct qr_pager *pager, void (*drop)(void *companion))
{
    for (uint32_t i = 0; i < pager->slots.count; i++) {
        void *companion = pager->slots.slot[i].companion;
        pager->slots.slot[i].companion = NULL;
        if (companion != NULL) {
            drop(companion);
        }
    }
}

/* ---- Too many old versions ---- */

bool qr_snapshot_expired(const struct qr_view *view)
{
    const struct qr_slot *slot = slot_of((struct qr_view *)(uintptr_t)view);
    return view->txn == NULL &&
           atomic_load_explicit(&slot->snapshot, memory_order_acquire) != view->ceiling;
}

/* Takes the oldest reader's snapshot away, and then the versions that it alone needs. The reader
 * learns of it by finding its slot changed. */
static bool expire_oldest(struct qr_pager *pager)
{
    struct oldest oldest = find_oldest(pager);
    if (oldest.seq >= qr_visible_seq(pager)) {
        return false; /* nobody, or one that needs no old version */
    }
    if (atomic_compare_exchange_strong_explicit(&oldest.slot->snapshot, &oldest.seq, QR_NO_SNAPSHOT,
                                                memory_order_seq_cst, memory_order_relaxed)) {
        qr_count(&pager->counters.readers_expired, 1);
        qr_version_release_slot(pager, oldest.slot);
    }
    return true;
}

static quire_status fail_versions(struct qr_pager *pager, quire_error *err)
{
    struct oldest oldest = find_oldest(pager);
    return qr_fail(err, QUIRE_BUSY,
                   "%llu old pages of %s are kept for read transactions, the oldest on a state of "
                   "%llu ms ago%s%s; end it and try again, or raise versions_bytes_max.",
                   (unsigned long long)qr_counted(&pager->cache.versions_kept), pager->path,
                   (unsigned long long)oldest.age_ms, oldest.owner[0] == '\0' ? "" : " by ",
                   oldest.owner);
}

/* Versions that the transaction's commit makes old. */
static uint64_t count_superseded(const struct qr_txn *txn)
{
    uint64_t count = 0;
    for (size_t i = 0; i < txn->own_count; i++) {
        const struct qr_version *version =
            qr_version_of(txn->pager, txn->pager->cache.private_table[txn->own[i]]);
        count += version != NULL && !version->fresh;
    }
    return count;
}

quire_status qr_versions_bound(struct qr_txn *txn, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    const struct qr_pager_options *options = &pager->options;
    if (options->versions_policy == QUIRE_VERSIONS_SPILL) {
        return QUIRE_OK;
    }
    uint64_t bound = options->versions_bytes_max >> pager->page_shift;
    uint64_t more = count_superseded(txn);
    for (;;) {
        uint64_t kept = qr_counted(&pager->cache.versions_kept);
        if (kept == 0 || kept + more <= bound) {
            return QUIRE_OK;
        }
        if (options->versions_policy == QUIRE_VERSIONS_REFUSE) {
            return fail_versions(pager, err);
        }
        if (!expire_oldest(pager)) {
            return QUIRE_OK; /* a checkpoint keeps them, for a moment */
        }
    }
}

struct qr_pager *qr_view_pager(const struct qr_view *view)
{
    return view->pager;
}

uint64_t qr_view_sequence(const struct qr_view *view)
{
    return view->sequence;
}

uint32_t qr_view_page_count(struct qr_view *view)
{
    return view->pages;
}

struct qr_txn *qr_view_txn(const struct qr_view *view)
{
    return view->txn;
}

uint64_t qr_view_changes(const struct qr_view *view)
{
    return view->changes;
}

/* ---- Operations ---- */

#if QR_MUTANTS
/* The snapshot becomes the newest one, under the number that it had. */
static void move_boundary(struct qr_view *view)
{
    view->ceiling = qr_visible_seq(view->pager);
    view->pages = qr_visible_pages(view->pager);
    view->attention = true;
    atomic_store(&slot_of(view)->snapshot, view->ceiling);
}
#endif

/* The operation has been announced; for the wait it is taken back, and announced again. */
void qr_view_enter_slow(struct qr_view *view)
{
    uint64_t now = atomic_load_explicit(view->operation, memory_order_relaxed);
    atomic_store_explicit(view->operation, now + 1, memory_order_release);
    view->attention = view->txn != NULL && qr_txn_make_room(view->txn);
    qr_cache_relax(view->pager);
    qr_view_announce(view, now + 2);
#if QR_MUTANTS
    if (QR_MUTANT(LATE_BOUNDARY) && view->txn == NULL) {
        move_boundary(view);
    }
#endif
}

void qr_view_leave_slow(struct qr_view *view)
{
    qr_view_drop_buffers(view);
}

quire_status qr_view_buffer_add(struct qr_view *view, uint32_t page_number, uint8_t **bytes,
                                quire_error *err)
{
    struct qr_pager *pager = view->pager;
    size_t size = sizeof(struct qr_view_buffer) + pager->page_size;
    struct qr_view_buffer *buffer = qr_alloc(pager->allocator, size, err);
    if (buffer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *buffer = (struct qr_view_buffer){view->buffers, page_number, 0, (uint8_t *)(buffer + 1)};
    view->buffers = buffer;
    *bytes = buffer->bytes;
    return QUIRE_OK;
}

void qr_view_buffer_remove(struct qr_view *view, const uint8_t *bytes)
{
    struct qr_view_buffer **link = &view->buffers;
    while ((*link)->bytes != bytes) {
        link = &(*link)->next;
    }
    struct qr_view_buffer *buffer = *link;
    *link = buffer->next;
    qr_free(view->pager->allocator, buffer, sizeof(struct qr_view_buffer) + view->pager->page_size);
}

void qr_view_drop_buffers(struct qr_view *view)
{
    struct qr_view_buffer **link = &view->buffers;
    while (*link != NULL) {
        struct qr_view_buffer *buffer = *link;
        if (buffer->pins > 0) {
            link = &buffer->next;
            continue;
        }
        *link = buffer->next;
        qr_free(view->pager->allocator, buffer,
                sizeof(struct qr_view_buffer) + view->pager->page_size);
    }
}

/* ---- Pins ---- */

static void link_pin(struct qr_slots *slots, struct qr_pin *pin, struct qr_view *view)
{
    pin->view = view;
    atomic_init(&pin->frame, 0);
    qr_mutex_lock(&slots->lock);
    pin->next = slots->pins;
    if (pin->next != NULL) {
        pin->next->previous = pin;
    }
    slots->pins = pin;
    qr_mutex_unlock(&slots->lock);
}

/* The slot's own pin needs neither memory nor, after its first use, the lock: most snapshots have
 * one reader. */
quire_status qr_pin_create(struct qr_view *view, struct qr_pin **out, quire_error *err)
{
    struct qr_slots *slots = &view->pager->slots;
    struct qr_slot *slot = view->txn == NULL ? slot_of(view) : NULL;
    if (slot != NULL && !slot->pin_used) {
        slot->pin_used = true;
        *out = &slot->pin;
        if (slot->pin.view == NULL) {
            link_pin(slots, &slot->pin, view);
        }
        return QUIRE_OK;
    }
    struct qr_pin *pin = qr_alloc_zero(view->pager->allocator, sizeof *pin, err);
    *out = pin;
    if (pin == NULL) {
        return QUIRE_NO_MEMORY;
    }
    link_pin(slots, pin, view);
    return QUIRE_OK;
}

void qr_pin_set(struct qr_pin *pin, const uint8_t *page)
{
    struct qr_view *view = pin->view;
    struct qr_pager *pager = view->pager;
    struct qr_view_buffer *buffer = NULL;
    uint32_t frame = 0;
    uintptr_t offset = (uintptr_t)page - (uintptr_t)pager->cache.arena;
    if (page != NULL && offset >> pager->page_shift <= pager->cache.frames_reserved) {
        frame = (uint32_t)(offset >> pager->page_shift);
    } else if (page != NULL) {
        buffer = view->buffers;
        while (buffer != NULL && buffer->bytes != page) {
            buffer = buffer->next;
        }
        QR_ASSERT(buffer != NULL);
    }
    if (buffer != NULL) {
        buffer->pins++;
    }
    struct qr_view_buffer *before = pin->buffer;
    pin->buffer = buffer;
    if (before != NULL && --before->pins == 0 && view->depth == 0) {
        qr_view_drop_buffers(view);
    }
    if (frame != atomic_load_explicit(&pin->frame, memory_order_relaxed)) {
        /* Release, and before the leave: who sees the operation ended sees the pin. */
        atomic_store_explicit(&pin->frame, frame, memory_order_release);
    }
}

void qr_pin_destroy(struct qr_pin *pin)
{
    if (pin == NULL) {
        return;
    }
    struct qr_slots *slots = &pin->view->pager->slots;
    qr_pin_set(pin, NULL);
    if (pin->view->txn == NULL && pin == &slot_of(pin->view)->pin) {
        slot_of(pin->view)->pin_used = false;
        return;
    }
    qr_mutex_lock(&slots->lock);
    if (pin->previous != NULL) {
        pin->previous->next = pin->next;
    } else {
        slots->pins = pin->next;
    }
    if (pin->next != NULL) {
        pin->next->previous = pin->previous;
    }
    qr_mutex_unlock(&slots->lock);
    qr_free(pin->view->pager->allocator, pin, sizeof *pin);
}
