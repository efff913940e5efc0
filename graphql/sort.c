/*
 * Sorting by keys and by rowids: see sort.h. Runs of a few slots are sorted by insertion and
 * then merged, pair by pair, from one array into the other and back.
 */
#include "graphql/sort.h"

#include "base/bits.h"

#define RUN      ((size_t)12)
#define INSERTED ((size_t)24) /* so many rowids are sorted by insertion */

#define DIGIT_MAX   10u /* bits of a digit that rowids are sorted by */
#define HIGHEST_BIT (UINT64_C(1) << 63)

int qr_sort_compare(const struct qr_sort_slot *a, const struct qr_sort_slot *b)
{
    if (a->head != b->head) {
        return a->head < b->head ? -1 : 1;
    }
    struct qr_gql_str x = {a->bytes, a->size};
    struct qr_gql_str y = {b->bytes, b->size};
    return qr_gql_str_compare(x, y);
}

/* Whether `b`, which stands behind `a`, is to stand before it. */
static bool swapped(const struct qr_sort_slot *a, const struct qr_sort_slot *b, bool descending)
{
    int order = qr_sort_compare(a, b);
    return descending ? order < 0 : order > 0;
}

static void sort_run(struct qr_sort_slot *slots, size_t count, bool descending)
{
    for (size_t i = 1; i < count; i++) {
        struct qr_sort_slot slot = slots[i];
        size_t at = i;
        for (; at > 0 && swapped(&slots[at - 1], &slot, descending); at--) {
            slots[at] = slots[at - 1];
        }
        slots[at] = slot;
    }
}

/* Merges from[begin, middle) and from[middle, end) into `to`. */
static quire_status merge(struct qr_reader *reader, const struct qr_sort_slot *from,
                          struct qr_sort_slot *to, const size_t bounds[3], bool descending)
{
    size_t left = bounds[0];
    size_t right = bounds[1];
    for (size_t i = bounds[0]; i < bounds[2]; i++) {
        bool take_right = left == bounds[1] ||
                          (right < bounds[2] && swapped(&from[left], &from[right], descending));
        to[i] = take_right ? from[right++] : from[left++];
        if (i % 16 == 0) {
            QR_TRY(qr_reader_step(reader));
        }
    }
    return QUIRE_OK;
}

static size_t at_most(size_t value, size_t bound)
{
    return value < bound ? value : bound;
}

quire_status qr_sort_slots(struct qr_reader *reader, struct qr_arena *arena,
                           struct qr_sort_slot *slots, size_t count, bool descending)
{
    struct qr_sort_slot *from = slots;
    struct qr_sort_slot *to;

    for (size_t begin = 0; begin < count; begin += RUN) {
        sort_run(slots + begin, at_most(RUN, count - begin), descending);
        QR_TRY(qr_reader_step(reader));
    }
    if (count <= RUN) {
        return QUIRE_OK;
    }
    to = qr_arena_alloc(arena, sizeof *to * count, reader->err);
    if (to == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t width = RUN; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t bounds[3] = {begin, at_most(begin + width, count),
                                at_most(begin + 2 * width, count)};
            QR_TRY(merge(reader, from, to, bounds, descending));
        }
        struct qr_sort_slot *other = from;
        from = to;
        to = other;
    }
    if (from != slots) {
        memcpy(slots, from, sizeof *slots * count);
    }
    return QUIRE_OK;
}

/* ---- rowids ---- */

static void insert_rowids(struct qr_sort_rowid *slots, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct qr_sort_rowid slot = slots[i];
        size_t at = i;
        for (; at > 0 && slots[at - 1].rowid > slot.rowid; at--) {
            slots[at] = slots[at - 1];
        }
        slots[at] = slot;
    }
}

/* How many bits there are in each digit, when numbers that differ in so many are sorted by digits:
 * the buckets of a pass cost about a fourth of what an element does. */
static unsigned digit_width(unsigned bits, size_t count)
{
    unsigned best = 0;
    size_t least = SIZE_MAX;
    for (unsigned passes = 1; passes <= bits; passes++) {
        unsigned width = (bits + passes - 1) / passes;
        size_t cost = width > DIGIT_MAX ? SIZE_MAX : passes * (count + ((size_t)1 << width) / 4);
        if (cost < least) {
            least = cost;
            best = width;
        }
    }
    return best;
}

struct qr_sort_rowid *qr_sort_rowids(struct qr_sort_rowid *slots, struct qr_sort_rowid *other,
                                     size_t count)
{
    uint64_t differ = 0;
    bool sorted = true;
    for (size_t i = 1; i < count; i++) {
        differ |= (uint64_t)slots[i].rowid ^ (uint64_t)slots[0].rowid;
        sorted = sorted && slots[i - 1].rowid <= slots[i].rowid;
    }
    if (sorted) {
        return slots;
    }
    if (count <= INSERTED) {
        insert_rowids(slots, count);
        return slots;
    }
    /* From the lowest digit on; negative numbers come first when their highest bit is turned. */
    unsigned bits = qr_highest_bit(differ) + 1;
    unsigned width = digit_width(bits, count);
    uint64_t mask = ((uint64_t)1 << width) - 1;
    for (unsigned shift = 0; shift < bits; shift += width) {
        uint32_t starts[((size_t)1 << DIGIT_MAX) + 1];
        memset(starts, 0, sizeof *starts * (mask + 2));
        for (size_t i = 0; i < count; i++) {
            starts[1 + (((uint64_t)slots[i].rowid ^ HIGHEST_BIT) >> shift & mask)]++;
        }
        for (size_t b = 1; b <= mask; b++) {
            starts[b] += starts[b - 1];
        }
        for (size_t i = 0; i < count; i++) {
            other[starts[((uint64_t)slots[i].rowid ^ HIGHEST_BIT) >> shift & mask]++] = slots[i];
        }
        struct qr_sort_rowid *swap = slots;
        slots = other;
        other = swap;
    }
    return slots;
}
