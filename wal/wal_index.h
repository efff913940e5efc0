/*
 * What a log says of each page: its last image there and the changes behind
 * that, by their places in the file. For whoever needs pages out of the log one
 * by one and not in the order of writing.
 *
 * Memory: one entry for each frame and each record of a pack. One thread.
 */
#ifndef QR_WAL_INDEX_H
#define QR_WAL_INDEX_H

#include "base/memory.h"

struct qr_log_entry {
    uint64_t offset; /* in the log file: of the image, or of the record */
    uint64_t order;  /* of writing */
    uint32_t page_number;
    uint32_t size; /* bytes of the record; 0 = an image */
};

struct qr_log_index {
    const quire_allocator *allocator;
    struct qr_log_entry *entries;
    size_t count, capacity;
};

/* Adds a frame: `page` is what it holds, at `offset` in the file. By order of writing. */
quire_status qr_log_index_add(struct qr_log_index *index, uint32_t page_number, const uint8_t *page,
                              uint32_t page_size, uint64_t offset, quire_error *err);
/* Sorts by page, then by order, and leaves out what an image of the same page follows. After the
 * last frame. */
void qr_log_index_finish(struct qr_log_index *index);
void qr_log_index_free(struct qr_log_index *index);

/* The entries of a page: [*first, the result). The first is an image or the first of the changes;
 * all others are changes. Empty when the log has nothing of the page. */
size_t qr_log_index_find(const struct qr_log_index *index, uint32_t page_number, size_t *first);
/* One past the last entry of the page whose first entry is at `first`. */
size_t qr_log_index_end(const struct qr_log_index *index, size_t first);

#endif
