/*
 * Cells of one bucket page (hash_format.h). Slots are an open-addressing table
 * with linear probing: a tag's home is the tag modulo the number of slots.
 * Removal shifts later entries of the run back, so there are no tombstones and
 * a search ends at the first empty slot.
 */
#include "engine/hash_bucket.h"

#include <string.h>

static uint32_t load_slot(const uint8_t *page, uint32_t slot)
{
    return qr_load32(page + QR_BUCKET_SLOTS + 4 * (size_t)slot);
}

static void store_slot(uint8_t *page, uint32_t slot, uint32_t entry)
{
    qr_store32(page + QR_BUCKET_SLOTS + 4 * (size_t)slot, entry);
}

void qr_bucket_init(uint8_t *page, uint32_t page_size, uint32_t bucket, bool overflow)
{
    memset(page + QR_PAGE_HEADER_SIZE, 0, page_size - QR_PAGE_HEADER_SIZE);
    page[QR_PAGE_FLAGS] = overflow ? QR_BUCKET_OVERFLOW : 0;
    qr_store16(page + QR_PAGE_COUNT, 0);
    qr_store16(page + QR_PAGE_A, (uint16_t)page_size);
    qr_store16(page + QR_PAGE_B, 0);
    qr_store32(page + QR_BUCKET_NUMBER, bucket);
}

bool qr_bucket_sound(const uint8_t *page, uint32_t page_size)
{
    uint32_t low = qr_load16(page + QR_PAGE_A);
    return low >= qr_bucket_heap(page_size) && low <= page_size &&
           qr_load16(page + QR_PAGE_B) <= page_size - low &&
           qr_page_count(page) <= qr_bucket_cells_max(page_size);
}

/* ---- Cells ---- */

static uint64_t cell_number(const struct qr_cell *cell)
{
    return cell->is_posting ? cell->posting_root : qr_zigzag(cell->rowid);
}

uint32_t qr_cell_size(const struct qr_cell *cell)
{
    return QR_CELL_HEADER_SIZE + (uint32_t)qr_varint_size(cell_number(cell)) + cell->key.size;
}

static void put_cell(uint8_t *out, const struct qr_cell *cell)
{
    uint32_t head = cell->key.size | (cell->is_posting ? QR_CELL_POSTING : 0) |
                    (cell->key.is_cut ? QR_CELL_CUT : 0);
    qr_store16(out, (uint16_t)head);
    size_t used = qr_varint_put(out + QR_CELL_HEADER_SIZE, cell_number(cell));
    if (cell->key.size > 0) {
        memcpy(out + QR_CELL_HEADER_SIZE + used, cell->key.bytes, cell->key.size);
    }
}

static bool read_cell(const uint8_t *page, uint32_t page_size, uint32_t offset,
                      struct qr_cell *cell)
{
    uint32_t low = qr_load16(page + QR_PAGE_A);
    if (offset < low || page_size - offset < QR_CELL_HEADER_SIZE || offset > page_size) {
        return false;
    }
    uint32_t head = qr_load16(page + offset);
    uint32_t at = offset + QR_CELL_HEADER_SIZE;
    uint64_t number;
    size_t used = qr_varint_get(page + at, page_size - at, &number);
    cell->key.size = head & QR_CELL_SIZE_MASK;
    cell->key.is_cut = (head & QR_CELL_CUT) != 0;
    cell->is_posting = (head & QR_CELL_POSTING) != 0;
    if (used == 0 || cell->key.size > page_size - at - used ||
        (cell->is_posting && (number == 0 || number > UINT32_MAX))) {
        return false;
    }
    cell->key.bytes = page + at + used;
    cell->posting_root = cell->is_posting ? (uint32_t)number : 0;
    cell->rowid = cell->is_posting ? 0 : qr_unzigzag(number);
    return true;
}

bool qr_bucket_cell(const uint8_t *page, uint32_t page_size, uint32_t slot, struct qr_cell *cell)
{
    uint32_t entry = load_slot(page, slot);
    cell->tag = (uint16_t)(entry >> 16);
    return read_cell(page, page_size, entry & 0xFFFF, cell);
}

/* ---- Searching ---- */

static bool same_key(const struct qr_hash_key *a, const struct qr_hash_key *b)
{
    return a->size == b->size && a->is_cut == b->is_cut &&
           (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

bool qr_bucket_find(const uint8_t *page, uint32_t page_size, uint16_t tag,
                    const struct qr_hash_key *key, uint32_t *probe, uint32_t *slot,
                    struct qr_cell *cell)
{
    uint32_t slots = qr_bucket_slots(page_size);
    *slot = UINT32_MAX;
    for (; *probe < slots; (*probe)++) {
        uint32_t at = (tag + *probe) & (slots - 1);
        uint32_t entry = load_slot(page, at);
        if (entry == 0) {
            return true;
        }
        if (entry >> 16 != tag) {
            continue;
        }
        if (!qr_bucket_cell(page, page_size, at, cell)) {
            return false;
        }
        if (same_key(&cell->key, key)) {
            *slot = at;
            (*probe)++;
            return true;
        }
    }
    return true;
}

/* ---- Changing ---- */

bool qr_bucket_has_room(const uint8_t *page, uint32_t page_size, uint32_t cell_size)
{
    uint32_t low = qr_load16(page + QR_PAGE_A);
    uint32_t room = low - qr_bucket_heap(page_size) + qr_load16(page + QR_PAGE_B);
    return room >= cell_size && qr_page_count(page) < qr_bucket_cells_max(page_size);
}

bool qr_bucket_is_tight(const uint8_t *page, uint32_t page_size, uint32_t cell_size)
{
    return qr_load16(page + QR_PAGE_A) - qr_bucket_heap(page_size) < cell_size;
}

/* Packs the cells together at the end of the page. */
static bool compact(uint8_t *page, uint32_t page_size, uint8_t *scratch)
{
    uint32_t slots = qr_bucket_slots(page_size);
    uint32_t heap = qr_bucket_heap(page_size);
    uint32_t low = page_size;
    for (uint32_t slot = 0; slot < slots; slot++) {
        uint32_t entry = load_slot(page, slot);
        struct qr_cell cell;
        if (entry == 0) {
            continue;
        }
        if (!qr_bucket_cell(page, page_size, slot, &cell) || qr_cell_size(&cell) > low - heap) {
            return false;
        }
        low -= qr_cell_size(&cell);
        put_cell(scratch + low, &cell);
        /* The cell is read no more: its slot may already name the new place. */
        store_slot(page, slot, (entry & 0xFFFF0000U) | low);
    }
    memcpy(page + low, scratch + low, page_size - low);
    qr_store16(page + QR_PAGE_A, (uint16_t)low);
    qr_store16(page + QR_PAGE_B, 0);
    return true;
}

bool qr_bucket_add(uint8_t *page, uint32_t page_size, const struct qr_cell *cell, uint8_t *scratch)
{
    uint32_t slots = qr_bucket_slots(page_size);
    uint32_t size = qr_cell_size(cell);
    QR_ASSERT(qr_bucket_has_room(page, page_size, size));
    if (qr_bucket_is_tight(page, page_size, size) && !compact(page, page_size, scratch)) {
        return false;
    }
    uint32_t low = qr_load16(page + QR_PAGE_A);
    if (qr_bucket_is_tight(page, page_size, size)) {
        return false; /* the count of dead bytes was wrong */
    }
    uint32_t at = cell->tag & (slots - 1);
    uint32_t probes = 0;
    while (load_slot(page, at) != 0) {
        at = (at + 1) & (slots - 1);
        if (++probes == slots) {
            return false;
        }
    }
    low -= size;
    put_cell(page + low, cell);
    store_slot(page, at, (uint32_t)cell->tag << 16 | low);
    qr_store16(page + QR_PAGE_A, (uint16_t)low);
    qr_store16(page + QR_PAGE_COUNT, (uint16_t)(qr_page_count(page) + 1));
    return true;
}

void qr_bucket_remove(uint8_t *page, uint32_t page_size, uint32_t slot)
{
    uint32_t mask = qr_bucket_slots(page_size) - 1;
    uint32_t hole = slot;
    struct qr_cell cell;
    if (qr_bucket_cell(page, page_size, slot, &cell)) {
        uint32_t dead = qr_load16(page + QR_PAGE_B) + qr_cell_size(&cell);
        qr_store16(page + QR_PAGE_B, (uint16_t)dead);
    }
    for (uint32_t step = 1; step <= mask; step++) {
        uint32_t at = (slot + step) & mask;
        uint32_t entry = load_slot(page, at);
        if (entry == 0) {
            break;
        }
        uint32_t home = (entry >> 16) & mask;
        /* The entry may fill the hole unless its home lies behind the hole. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            store_slot(page, hole, entry);
            hole = at;
        }
    }
    store_slot(page, hole, 0);
    qr_store16(page + QR_PAGE_COUNT, (uint16_t)(qr_page_count(page) - 1));
}
