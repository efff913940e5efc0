/*
 * Groups as frames of the log: whole images of pages, or, where a group has
 * several small changes, packs of them (wal_pack.h).
 *
 * A change is the difference between a version and the one before it, which
 * the log or the database file has. Both must be in memory; if they are not, or
 * anything else stands in the way, the page is logged whole. So is page 0, for
 * what opens the database looks at it before there is a log.
 *
 * A page is written to the database file only while the log has an image of it
 * behind or beside its changes: a write that a crash tears is redone from that.
 * So a checkpoint first logs an image of each page that has only changes in the
 * segments that it will cover, and recovery does the same (complete.c). The
 * pages concerned are `due`. A version knows the generation that has the
 * last image of its page, or that it is due one, and hands that on to the next;
 * images in segments that a checkpoint has begun to copy do not count.
 *
 * Room for the image is kept reserved from the first change on, so that a
 * checkpoint never lacks it. Nor does it lack room for the header page that ends
 * the last segment: with packs in it the log is always covered as a whole, so
 * that no change is left behind whose page has its image in a segment that is
 * gone.
 *
 * Concurrency: everything here is done by who holds the flush token, inside an
 * operation of its slot, so that versions it looks at stay in place.
 *
 * Failure: what cannot be packed for want of room or memory is logged whole. A
 * write that fails poisons.
 */
#include "pager/pager_internal.h"

/* Frames in one append. */
#define APPEND_BATCH 256U
/* Packs among them. */
#define PACKS 16U
/* A pack with fewer changes is not worth the images that they may cost later. */
#define PACK_LEAST 4U
/* A record takes at least this many bytes. */
#define RECORD_LEAST 32U

static size_t items_size(const struct qr_pager *pager)
{
    return pager->page_size / RECORD_LEAST * sizeof(uint32_t);
}

quire_status qr_delta_create(struct qr_pager *pager, quire_error *err)
{
    struct qr_delta *delta = &pager->commit.delta;
    delta->packs = qr_alloc(pager->allocator, (size_t)PACKS << pager->page_shift, err);
    if (delta->packs == NULL) {
        return QUIRE_NO_MEMORY;
    }
    delta->items = qr_alloc(pager->allocator, items_size(pager), err);
    if (delta->items == NULL) {
        qr_delta_destroy(pager);
        return QUIRE_NO_MEMORY;
    }
    return QUIRE_OK;
}

void qr_delta_destroy(struct qr_pager *pager)
{
    struct qr_delta *delta = &pager->commit.delta;
    qr_free(pager->allocator, delta->packs, (size_t)PACKS << pager->page_shift);
    qr_free(pager->allocator, delta->items, items_size(pager));
    qr_free(pager->allocator, delta->due, delta->due_capacity * sizeof *delta->due);
    *delta = (struct qr_delta){0};
}

/* ---- A batch of frames ---- */

struct batch {
    struct qr_pager *pager;
    const struct qr_group *group;
    struct qr_wal_page pages[APPEND_BATCH];
    size_t count;
    size_t staged, packs;
    size_t due_before;          /* length of the due list without the open pack's */
    struct qr_pack_writer pack; /* open when it has records */
    uint64_t generation;        /* no frame of the batch is in an older one */
};

static bool has_room(const struct batch *b)
{
    return b->count + PACK_LEAST <= APPEND_BATCH && b->packs < PACKS;
}

/* Adds the image of an item. *full: there is no place to read a spilled one to. */
static quire_status add_image(struct batch *b, size_t at, bool *full, quire_error *err)
{
    struct qr_pager *pager = b->pager;
    const struct qr_group_item *item = &b->group->items[at];
    uint8_t *bytes;
    *full = false;
    if (qr_ref_is_frame(item->ref)) {
        bytes = qr_frame_bytes(pager, item->ref);
    } else if (b->staged < QR_STAGING_PAGES) {
        bytes = pager->commit.staging + (b->staged++ << pager->page_shift);
        QR_TRY(qr_spill_read(pager, item->ref, bytes, err));
    } else {
        *full = true;
        return QUIRE_OK;
    }
    qr_version_of(pager, item->ref)->image = b->generation;
    b->pages[b->count++] = (struct qr_wal_page){item->page_number, bytes};
    qr_count(&pager->counters.log_images, 1);
    return QUIRE_OK;
}

/* ---- Packs ---- */

/* Whether the log is sure to hold an image of the page, or room for one, when a checkpoint writes
 * it. */
static bool image_counts(const struct qr_delta *delta, uint64_t image)
{
    uint64_t covered = QR_MUTANT(STALE_IMAGE) ? 0 : delta->covered;
    return image == QR_IMAGE_DUE || image > covered;
}

/* Ends the open pack. One with few records is given up for the images of their pages. */
static quire_status close_pack(struct batch *b, quire_error *err)
{
    struct qr_pager *pager = b->pager;
    struct qr_delta *delta = &pager->commit.delta;
    struct qr_pack_writer pack = b->pack;
    b->pack.records = 0;
    if (pack.records >= PACK_LEAST) {
        qr_pack_finish(&pack, pager->seed);
        QR_ASSERT(qr_pack_is_sound(pack.pack, pager->page_size));
        b->pages[b->count++] = (struct qr_wal_page){QR_WAL_PACK, pack.pack};
        b->packs++;
        delta->packed = true;
        qr_count(&pager->counters.log_changes, pack.records);
        b->due_before = delta->due_count;
        return QUIRE_OK;
    }
    delta->due_count = b->due_before;
    for (uint32_t i = 0; i < pack.records; i++) {
        bool full;
        QR_TRY(add_image(b, delta->items[i], &full, err));
    }
    return QUIRE_OK;
}

/* The version before, if the item's change can be told from it. What a page held in an earlier life
 * is none: the file may have lost it. */
static uint32_t base_of(struct qr_pager *pager, const struct qr_group_item *item)
{
    if (!qr_ref_is_frame(item->ref) || item->page_number == QR_PAGE_NUMBER_HEADER ||
        pager->cache.frame[item->ref].fresh) {
        return QR_REF_NONE;
    }
    uint32_t base =
        atomic_load_explicit(&qr_version_of(pager, item->ref)->prev, memory_order_acquire);
    return qr_ref_is_frame(base) ? base : QR_REF_NONE;
}

static enum qr_pack_added pack_item(struct batch *b, const struct qr_group_item *item,
                                    const uint8_t *base, quire_error *err, quire_status *status)
{
    struct qr_pager *pager = b->pager;
    const uint8_t *page = qr_frame_bytes(pager, item->ref);
    enum qr_pack_added added = QR_PACK_FULL;
    if (b->pack.records > 0) {
        added = qr_pack_add(&b->pack, item->page_number, base, page);
        if (added == QR_PACK_FULL) {
            *status = close_pack(b, err);
        }
    }
    if (added == QR_PACK_FULL && *status == QUIRE_OK && has_room(b)) {
        struct qr_delta *delta = &pager->commit.delta;
        qr_pack_begin(&b->pack, delta->packs + (b->packs << pager->page_shift), pager->page_size);
        added = qr_pack_add(&b->pack, item->page_number, base, page);
    }
    return added;
}

/* Adds the change of an item to the open pack, or opens one. *added false: it is to be logged
 * whole. */
static quire_status add_change(struct batch *b, size_t at, bool *added, quire_error *err)
{
    struct qr_pager *pager = b->pager;
    struct qr_delta *delta = &pager->commit.delta;
    const struct qr_group_item *item = &b->group->items[at];
    uint32_t base = base_of(pager, item);
    *added = false;
    if (base == QR_REF_NONE ||
        qr_grow(pager->allocator, &delta->due, &delta->due_capacity, delta->due_count + 1,
                sizeof *delta->due, NULL) != QUIRE_OK) {
        return QUIRE_OK;
    }
    uint64_t image = qr_version_of(pager, base)->image;
    quire_status status = QUIRE_OK;
    if (pack_item(b, item, qr_frame_bytes(pager, base), err, &status) != QR_PACK_ADDED) {
        return status;
    }
    if (!image_counts(delta, image)) {
        image = QR_IMAGE_DUE;
        delta->due[delta->due_count++] = item->page_number;
    }
    qr_version_of(pager, item->ref)->image = image;
    delta->items[b->pack.records - 1] = (uint32_t)at;
    *added = true;
    return QUIRE_OK;
}

/* ---- Groups ---- */

/* Fills the batch from the item at `at` on; *next is the first that is not in it. The group's last
 * frame holds its last item, which is of the newest commit. */
static quire_status fill(struct batch *b, size_t at, bool packing, size_t *next, quire_error *err)
{
    struct qr_pager *pager = b->pager;
    bool full = false;
    for (; at < b->group->count && !full && has_room(b); at++) {
        const struct qr_group_item *item = &b->group->items[at];
        bool added = false;
        if (qr_ref_is_frame(item->ref)) {
            qr_page_seal(pager, item->page_number, qr_frame_bytes(pager, item->ref));
        }
        if (packing) {
            QR_TRY(add_change(b, at, &added, err));
        }
        if (!added && at + 1 == b->group->count) {
            QR_TRY(close_pack(b, err));
        }
        if (!added) {
            QR_TRY(add_image(b, at, &full, err));
            at -= full;
        }
    }
    *next = at;
    return close_pack(b, err);
}

/* Packs take room beside that of the images that they may call for. */
static size_t reserve_packs(struct qr_pager *pager, const struct qr_group *group)
{
    enum qr_wal_room room = QR_WAL_ROOM_WAIT;
    size_t packs = group->count / PACK_LEAST;
    if (packs == 0 || pager->commit.delta.whole ||
        qr_wal_reserve(pager->wal, packs, &room, NULL) != QUIRE_OK || room != QR_WAL_ROOM_READY) {
        return 0;
    }
    return packs;
}

quire_status qr_delta_write_group(struct qr_pager *pager, const struct qr_group *group,
                                  quire_error *err)
{
    struct qr_delta *delta = &pager->commit.delta;
    struct qr_view view;
    size_t due = delta->due_count;
    size_t packs = reserve_packs(pager, group);
    size_t unused = group->count + packs;
    bool synced_before =
        atomic_load_explicit(&pager->commit.synced_seq, memory_order_relaxed) + 1 >= group->start;
    qr_view_init(pager, &view, &pager->slots.slot[QR_SLOT_FLUSH]);
    for (size_t at = 0; at < group->count;) {
        struct batch b = {.pager = pager, .group = group, .due_before = delta->due_count};
        b.generation = qr_wal_next_generation(pager->wal);
        qr_view_enter(&view);
        quire_status status = fill(&b, at, packs > 0, &at, err);
        qr_view_leave(&view);
        QR_TRY(status);
        QR_TRY(qr_wal_append(pager->wal, b.pages, b.count, at == group->count ? group->pages : 0,
                             synced_before, err));
        unused -= b.count;
    }
    qr_wal_unreserve(pager->wal, unused - (delta->due_count - due));
    return QUIRE_OK;
}

/* ---- Images before a checkpoint ---- */

struct images {
    struct qr_wal_page pages[APPEND_BATCH];
    uint32_t held[QR_STAGING_PAGES]; /* spill records */
    size_t count, held_count;
};

/* The version of a page at the newest boundary, when it still needs an image: its ref, which is
 * held if it is a spill record. NONE otherwise. Locked. */
static uint32_t take_due(struct qr_pager *pager, uint32_t page_number, uint64_t generation)
{
    struct qr_delta *delta = &pager->commit.delta;
    uint32_t ref = qr_chain_at(pager, qr_chain_head(pager, page_number), qr_visible_seq(pager));
    struct qr_version *version = qr_version_of(pager, ref);
    bool has_image =
        version != NULL && version->image != QR_IMAGE_DUE && image_counts(delta, version->image);
    if (version == NULL || version->on_disk || has_image) {
        return QR_REF_NONE;
    }
    version->image = generation;
    if (qr_ref_is_spill(ref)) {
        qr_record_hold(pager, ref);
    }
    return ref;
}

static quire_status gather_images(struct qr_pager *pager, struct images *images, size_t most,
                                  quire_error *err)
{
    struct qr_delta *delta = &pager->commit.delta;
    uint64_t generation = qr_wal_next_generation(pager->wal);
    while (delta->due_count > 0 && images->count < most && images->count < APPEND_BATCH &&
           images->held_count < QR_STAGING_PAGES) {
        uint32_t page_number = delta->due[--delta->due_count];
        qr_mutex_lock(&pager->cache.lock);
        uint32_t ref = take_due(pager, page_number, generation);
        qr_mutex_unlock(&pager->cache.lock);
        if (ref == QR_REF_NONE) {
            qr_wal_unreserve(pager->wal, 1);
            continue;
        }
        uint8_t *bytes;
        if (qr_ref_is_spill(ref)) {
            bytes = pager->commit.staging + (images->held_count << pager->page_shift);
            images->held[images->held_count++] = ref;
            QR_TRY(qr_spill_read(pager, ref, bytes, err));
        } else {
            bytes = qr_frame_bytes(pager, ref);
        }
        images->pages[images->count++] = (struct qr_wal_page){page_number, bytes};
    }
    return QUIRE_OK;
}

/* One group of images. */
static quire_status log_some(struct qr_pager *pager, size_t most, size_t *logged, quire_error *err)
{
    struct images images = {.count = 0};
    struct qr_view view;
    bool synced_before = atomic_load_explicit(&pager->commit.synced_seq, memory_order_relaxed) >=
                         qr_visible_seq(pager);
    qr_view_init(pager, &view, &pager->slots.slot[QR_SLOT_FLUSH]);
    qr_view_enter(&view);
    quire_status status = gather_images(pager, &images, most, err);
    if (status == QUIRE_OK && images.count > 0) {
        status = qr_wal_append(pager->wal, images.pages, images.count, qr_visible_pages(pager),
                               synced_before, err);
    }
    qr_mutex_lock(&pager->cache.lock);
    for (size_t i = 0; i < images.held_count; i++) {
        qr_record_drop(pager, images.held[i]);
    }
    qr_mutex_unlock(&pager->cache.lock);
    qr_view_leave(&view);
    qr_count(&pager->counters.log_images, images.count);
    *logged = images.count;
    return status;
}

quire_status qr_delta_log_images(struct qr_pager *pager, size_t most, quire_error *err)
{
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = qr_commit_poisoned(pager, err);
    if (QR_MUTANT(PACK_WITHOUT_IMAGE)) {
        pager->commit.delta.due_count = 0;
    }
    while (status == QUIRE_OK && most > 0 && pager->commit.delta.due_count > 0) {
        size_t logged = 0;
        status = log_some(pager, most, &logged, &error);
        most -= logged;
        if (status != QUIRE_OK) {
            qr_commit_poison(pager, &error);
            if (err != NULL) {
                *err = error;
            }
        }
    }
    return status;
}
