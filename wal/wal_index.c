/* The index is an array, sorted once and searched by halves. */
#include "wal/wal_index.h"

#include <stdlib.h>

#include "base/error.h"
#include "wal/wal.h"
#include "wal/wal_pack.h"

static quire_status add_entry(struct qr_log_index *index, struct qr_log_entry entry,
                              quire_error *err)
{
    QR_TRY(qr_grow(index->allocator, &index->entries, &index->capacity, index->count + 1,
                   sizeof *index->entries, err));
    entry.order = index->count;
    index->entries[index->count++] = entry;
    return QUIRE_OK;
}

quire_status qr_log_index_add(struct qr_log_index *index, uint32_t page_number, const uint8_t *page,
                              uint32_t page_size, uint64_t offset, quire_error *err)
{
    struct qr_log_entry entry = {.offset = offset, .page_number = page_number};
    struct qr_pack_record record;
    uint32_t at = 0;
    if (page_number != QR_WAL_PACK) {
        return add_entry(index, entry, err);
    }
    while (qr_pack_next(page, page_size, &at, &record)) {
        entry.offset = offset + (uint64_t)(record.bytes - page);
        entry.page_number = record.page_number;
        entry.size = record.size;
        QR_TRY(add_entry(index, entry, err));
    }
    return QUIRE_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const struct qr_log_entry *x = a;
    const struct qr_log_entry *y = b;
    if (x->page_number != y->page_number) {
        return x->page_number > y->page_number ? 1 : -1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

void qr_log_index_finish(struct qr_log_index *index)
{
    size_t kept = 0;
    size_t first = 0; /* of the page, among the kept */
    if (index->count > 1) {
        qsort(index->entries, index->count, sizeof *index->entries, compare_entries);
    }
    for (size_t i = 0; i < index->count; i++) {
        struct qr_log_entry entry = index->entries[i];
        if (kept == 0 || index->entries[kept - 1].page_number != entry.page_number) {
            first = kept;
        }
        kept = entry.size == 0 ? first : kept;
        index->entries[kept++] = entry;
    }
    index->count = kept;
}

void qr_log_index_free(struct qr_log_index *index)
{
    qr_free(index->allocator, index->entries, index->capacity * sizeof *index->entries);
    *index = (struct qr_log_index){.allocator = index->allocator};
}

size_t qr_log_index_end(const struct qr_log_index *index, size_t first)
{
    size_t end = first;
    while (end < index->count &&
           index->entries[end].page_number == index->entries[first].page_number) {
        end++;
    }
    return end;
}

size_t qr_log_index_find(const struct qr_log_index *index, uint32_t page_number, size_t *first)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->entries[middle].page_number < page_number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *first = low;
    bool found = low < index->count && index->entries[low].page_number == page_number;
    return found ? qr_log_index_end(index, low) : low;
}
