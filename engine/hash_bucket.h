/*
 * One bucket page of a hash index: searching, adding and removing cells. Works
 * on page bytes alone. Every offset is checked before it is followed.
 */
#ifndef QR_HASH_BUCKET_H
#define QR_HASH_BUCKET_H

#include "engine/index_hash.h"

/* A cell taken apart; key bytes are borrowed from the page. */
struct qr_cell {
    uint16_t tag;
    bool is_posting;
    struct qr_hash_key key;
    int64_t rowid;         /* unless is_posting */
    uint32_t posting_root; /* if is_posting */
};

static inline uint16_t qr_hash_tag(uint64_t hash)
{
    return (uint16_t)(hash >> 48);
}

/* Makes an empty bucket of a fresh page. */
void qr_bucket_init(uint8_t *page, uint32_t page_size, uint32_t bucket, bool overflow);

/* Whether the counters in the page's header are within bounds: to be asked before all else. */
bool qr_bucket_sound(const uint8_t *page, uint32_t page_size);

/* Bytes that a cell takes in the heap. */
uint32_t qr_cell_size(const struct qr_cell *cell);

/* Reads the cell that a slot points to; false when it is damaged. */
bool qr_bucket_cell(const uint8_t *page, uint32_t page_size, uint32_t slot, struct qr_cell *cell);

/* Finds the next cell with the key, from the probe position *probe (0 to begin). *slot is its slot;
 * UINT32_MAX when there is none. False when the page is damaged. */
bool qr_bucket_find(const uint8_t *page, uint32_t page_size, uint16_t tag,
                    const struct qr_hash_key *key, uint32_t *probe, uint32_t *slot,
                    struct qr_cell *cell);

/* Whether a cell of this size fits, after compaction if need be. */
bool qr_bucket_has_room(const uint8_t *page, uint32_t page_size, uint32_t cell_size);

/* Whether adding a cell of this size will compact the page, which takes `scratch`. */
bool qr_bucket_is_tight(const uint8_t *page, uint32_t page_size, uint32_t cell_size);

/* Adds a cell; there is room. `scratch` has page_size bytes, or is NULL when the page is not tight.
 * False when the page is damaged. */
bool qr_bucket_add(uint8_t *page, uint32_t page_size, const struct qr_cell *cell, uint8_t *scratch);

/* Removes the cell of a slot; other cells may move to other slots. */
void qr_bucket_remove(uint8_t *page, uint32_t page_size, uint32_t slot);

#endif
