/*
 * Sorting by keys whose byte order is the order sought.
 *
 * A stable merge sort whose memory comes from an arena and that looks up like
 * any other work over many rows: the C library's sort takes memory of its own
 * and cannot be stopped.
 */
#ifndef QR_GRAPHQL_SORT_H
#define QR_GRAPHQL_SORT_H

#include "base/bytes.h"
#include "graphql/reader.h"

struct qr_sort_slot {
    uint64_t head; /* the key's first bytes, most significant first: most comparisons end here */
    const char *bytes; /* the key */
    uint32_t size;
    uint32_t index; /* the caller's */
};

static inline struct qr_sort_slot qr_sort_slot_of(struct qr_gql_str key, uint32_t index)
{
    struct qr_sort_slot slot = {0, key.data, (uint32_t)key.size, index};
    if (key.size >= 8) {
        slot.head = qr_load64_be(key.data);
        return slot;
    }
    for (size_t i = 0; i < 8; i++) {
        slot.head = slot.head << 8 | (i < key.size ? (uint8_t)key.data[i] : 0);
    }
    return slot;
}

/* The sign as memcmp gives it. */
int qr_sort_compare(const struct qr_sort_slot *a, const struct qr_sort_slot *b);

/* Sorts in place; `descending` reverses the order, not that of equal keys. Takes as much again as
 * the slots from `arena`. INTERRUPTED and TIMEOUT end it. */
quire_status qr_sort_slots(struct qr_reader *reader, struct qr_arena *arena,
                           struct qr_sort_slot *slots, size_t count, bool descending);

struct qr_sort_rowid {
    int64_t rowid;
    size_t index; /* the caller's */
};

/* Sorts by rowid, equal ones as they came. Returns where they are afterwards: `slots`, or `other`,
 * which has room for as many. */
struct qr_sort_rowid *qr_sort_rowids(struct qr_sort_rowid *slots, struct qr_sort_rowid *other,
                                     size_t count);

#endif
