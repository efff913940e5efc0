/*
 * The page of a query: rows that pass its filter are put in order and cut.
 *
 * When candidates arrive in order, the page fills from the front and the query
 * ends as soon as it is full. Otherwise they are collected with their sort keys
 * and sorted at the end. With a limit, only as many are kept as can be in the
 * page: in a heap with the last of them on top, so that most further rows cost
 * one look at what they are ordered by, and get neither a key nor a copy.
 *
 * With `distinct` the first row of each combination of values is meant, first in
 * the order whatever the direction of reading and whatever the cursors leave
 * out. Where rows come in that order, later ones are passed over; else the first
 * one so far is kept for each combination, and the page is cut at the end.
 *
 * A backward page (`last`) is a forward page of the reversed order, turned round
 * at the end.
 */
#include "graphql/key_table.h"
#include "graphql/query.h"
#include "graphql/sort.h"

struct entry {
    struct qr_row row;
    struct qr_gql_str key;
};

struct qr_sink {
    struct qr_reader *reader;
    const struct qr_query *query;
    bool ordered;
    bool keyed;                           /* keys are computed for each row */
    const struct qr_model_field *leading; /* of the order, where there is a heap; or NULL */
    bool lasting;                         /* the records offered outlive the sink */
    struct qr_arena *arena;               /* where entries are kept */
    struct entry *entries;
    struct qr_sort_slot *heap; /* of the entries, by their numbers; NULL: they are none */
    size_t count, capacity;
    uint64_t taken; /* entries before these, of a page that is taken piece by piece */
    size_t dropped; /* entries whose memory is not in use any more, since the last compaction */
    uint64_t keep;  /* entries that can matter: skip + limit + 1 */
    uint64_t passed_over;     /* before `after` (or behind `before`, backward) */
    uint64_t beyond;          /* the other bound cut these off */
    bool more;                /* rows follow the page */
    struct qr_key_table seen; /* distinct: by number of the entry, where entries are collected */
};

#define COMPACT_MIN 1024u

/* Whether the entries are a heap, out of which those fall that cannot be in the page. */
static bool is_heap(const struct qr_sink *sink)
{
    return !sink->ordered && sink->keep < UINT64_MAX / 4 && sink->query->distinct_count == 0;
}

/* Whether an entry is kept for each combination of values. */
static bool is_collection(const struct qr_sink *sink)
{
    return !sink->ordered && sink->query->distinct_count > 0;
}

quire_status qr_sink_create(struct qr_reader *reader, const struct qr_query *query, bool ordered,
                            bool lasting, struct qr_sink **out)
{
    struct qr_sink *sink = qr_arena_alloc_zero(reader->arena, sizeof *sink, reader->err);
    if (sink == NULL) {
        return QUIRE_NO_MEMORY;
    }
    sink->reader = reader;
    sink->query = query;
    sink->ordered = ordered && !(query->distinct_count > 0 && query->backward);
    sink->keyed = !sink->ordered || query->need_keys || query->after.data != NULL ||
                  query->before.data != NULL;
    sink->keep =
        query->limit > UINT64_MAX - query->skip - 1 ? UINT64_MAX : query->skip + query->limit + 1;
    sink->leading = is_heap(sink) ? qr_order_leading(&query->order) : NULL;
    sink->lasting = lasting;
    sink->arena = reader->arena;
    if ((is_heap(sink) || is_collection(sink)) && !lasting) {
        sink->arena = &reader->sort[0];
        qr_arena_reset(sink->arena);
    }
    *out = sink;
    return QUIRE_OK;
}

static int compare_keys(struct qr_gql_str a, struct qr_gql_str b)
{
    return qr_gql_str_compare(a, b);
}

/* Makes room for more entries. */
static quire_status grow(struct qr_sink *sink)
{
    struct qr_reader *reader = sink->reader;
    size_t capacity = sink->capacity == 0 ? 16 : sink->capacity * 2;
    struct entry *entries = qr_arena_alloc(reader->arena, sizeof *entries * capacity, reader->err);
    struct qr_sort_slot *heap =
        is_heap(sink) ? qr_arena_alloc(reader->arena, sizeof *heap * capacity, reader->err) : NULL;
    if (entries == NULL || (is_heap(sink) && heap == NULL)) {
        return QUIRE_NO_MEMORY;
    }
    if (sink->count > 0) {
        memcpy(entries, sink->entries, sizeof *entries * sink->count);
    }
    if (sink->count > 0 && heap != NULL) {
        memcpy(heap, sink->heap, sizeof *heap * sink->count);
    }
    sink->entries = entries;
    sink->heap = heap;
    sink->capacity = capacity;
    return QUIRE_OK;
}

/* Copies a record, and the key if there is one, to `arena`. */
static quire_status copy_entry(struct qr_sink *sink, struct qr_arena *arena, struct entry *entry)
{
    quire_error *err = sink->reader->err;
    entry->row.record =
        (const uint8_t *)qr_arena_copy(arena, entry->row.record, entry->row.size, err);
    if (entry->key.data != NULL) {
        entry->key.data = qr_arena_copy(arena, entry->key.data, entry->key.size, err);
    }
    return entry->row.record == NULL || (entry->key.size > 0 && entry->key.data == NULL)
               ? QUIRE_NO_MEMORY
               : QUIRE_OK;
}

/* Puts a row into an entry: its key, and its record unless that lives on anyway. */
static quire_status fill_entry(struct qr_sink *sink, struct entry *entry, const struct qr_row *row,
                               struct qr_gql_str key)
{
    *entry = (struct entry){*row, key};
    if (!sink->lasting) {
        return copy_entry(sink, sink->arena, entry);
    }
    if (key.data != NULL) {
        entry->key.data = qr_arena_copy(sink->arena, key.data, key.size, sink->reader->err);
        return entry->key.data == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    return QUIRE_OK;
}

/* Adds an entry for a row. */
static quire_status keep_row(struct qr_sink *sink, const struct qr_row *row, struct qr_gql_str key)
{
    if (sink->count == sink->capacity) {
        QR_TRY(grow(sink));
    }
    QR_TRY(fill_entry(sink, &sink->entries[sink->count], row, key));
    sink->count++;
    return QUIRE_OK;
}

/* ---- the heap ---- */

/* Whether `a` comes behind `b` in the direction of reading. */
static inline bool is_behind(const struct qr_sink *sink, const struct qr_sort_slot *a,
                             const struct qr_sort_slot *b)
{
    if (a->head != b->head) {
        return (a->head > b->head) != sink->query->backward;
    }
    int order = qr_sort_compare(a, b);
    return sink->query->backward ? order < 0 : order > 0;
}

/* Moves the last slot up to its place. */
static void sift_up(struct qr_sink *sink)
{
    struct qr_sort_slot *heap = sink->heap;
    size_t at = sink->count - 1;
    struct qr_sort_slot slot = heap[at];
    for (; at > 0 && is_behind(sink, &slot, &heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = slot;
}

/* Puts a slot in place of the first one and moves it down to its place. */
static void replace_first(struct qr_sink *sink, struct qr_sort_slot slot)
{
    struct qr_sort_slot *heap = sink->heap;
    size_t at = 0;
    for (size_t child = 1; child < sink->count; child = 2 * at + 1) {
        if (child + 1 < sink->count && is_behind(sink, &heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_behind(sink, &heap[child], &slot)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = slot;
}

/* Moves what is in use to the other arena, and frees the memory of what was dropped. */
static quire_status compact(struct qr_sink *sink)
{
    struct qr_arena *sort = sink->reader->sort;
    struct qr_arena *other = sink->arena == &sort[0] ? &sort[1] : &sort[0];

    sink->dropped = 0;
    qr_arena_reset(other);
    for (size_t i = 0; i < sink->count; i++) {
        QR_TRY(copy_entry(sink, other, &sink->entries[i]));
    }
    for (size_t i = 0; sink->heap != NULL && i < sink->count; i++) {
        sink->heap[i].bytes = sink->entries[sink->heap[i].index].key.data;
    }
    sink->arena = other;
    return QUIRE_OK;
}

static quire_status offer_to_heap(struct qr_sink *sink, const struct qr_row *row,
                                  struct qr_gql_str key)
{
    if (sink->count < sink->keep) {
        QR_TRY(keep_row(sink, row, key));
        size_t last = sink->count - 1;
        sink->heap[last] = qr_sort_slot_of(sink->entries[last].key, (uint32_t)last);
        sift_up(sink);
        return QUIRE_OK;
    }
    struct qr_sort_slot slot = qr_sort_slot_of(key, sink->heap[0].index);
    struct entry *entry = &sink->entries[slot.index];
    if (!is_behind(sink, &sink->heap[0], &slot)) {
        return QUIRE_OK;
    }
    QR_TRY(fill_entry(sink, entry, row, key));
    slot.bytes = entry->key.data;
    replace_first(sink, slot);
    sink->dropped++;
    return !sink->lasting && sink->dropped >= COMPACT_MIN && sink->dropped >= 2 * sink->keep
               ? compact(sink)
               : QUIRE_OK;
}

/* Whether a row comes behind all of a full heap, seen by the value that its key begins with. */
static bool is_too_late(const struct qr_sink *sink, const quire_value *leading)
{
    const struct qr_query *query = sink->query;
    uint64_t known;

    if (sink->count < sink->keep || query->after.data != NULL || query->before.data != NULL) {
        return false;
    }
    uint64_t head = qr_key_head(leading, qr_order_descends(&query->order), &known);
    uint64_t last = sink->heap[0].head & known;
    return query->backward ? head < last : head > last;
}

/* ---- distinct ---- */

/* The number of a row's combination of values, and whether it is the first of that. */
static quire_status find_combination(struct qr_sink *sink, const struct qr_row *row,
                                     uint32_t *number, bool *added)
{
    struct qr_reader *reader = sink->reader;
    struct qr_key *key = &reader->key;

    qr_key_clear(key);
    for (uint32_t i = 0; i < sink->query->distinct_count; i++) {
        quire_value value;
        QR_TRY(qr_reader_column(reader, row, sink->query->distinct[i], &value));
        QR_TRY(qr_key_append(key, &value, false, reader->err));
    }
    struct qr_gql_str bytes = {(const char *)key->bytes, key->size};
    return qr_key_table_put(&sink->seen, reader->arena, bytes, number, added, reader->err);
}

/* Keeps a row if it is the first in the order of its combination so far. */
static quire_status collect(struct qr_sink *sink, const struct qr_row *row, struct qr_gql_str key,
                            uint32_t number, bool added)
{
    if (!added && compare_keys(sink->entries[number].key, key) <= 0) {
        return QUIRE_OK;
    }
    QR_TRY(keep_row(sink, row, key));
    if (added) {
        return QUIRE_OK;
    }
    sink->entries[number] = sink->entries[--sink->count];
    sink->dropped++;
    return !sink->lasting && sink->dropped >= COMPACT_MIN && sink->dropped >= 2 * sink->count
               ? compact(sink)
               : QUIRE_OK;
}

/* ---- offers ---- */

/* Whether the key lies outside the cursors, and on which side. */
static bool outside(struct qr_sink *sink, struct qr_gql_str key, bool *done)
{
    const struct qr_query *query = sink->query;
    struct qr_gql_str start = query->backward ? query->before : query->after;
    struct qr_gql_str end = query->backward ? query->after : query->before;
    int direction = query->backward ? -1 : 1;

    if (start.data != NULL && direction * compare_keys(key, start) <= 0) {
        sink->passed_over++;
        return true;
    }
    if (end.data != NULL && direction * compare_keys(key, end) >= 0) {
        sink->beyond++;
        *done = sink->ordered;
        return true;
    }
    return false;
}

quire_status qr_sink_is_beyond(struct qr_reader *reader, const struct qr_query *query, bool after,
                               const struct qr_row *row, bool *beyond)
{
    struct qr_gql_str key;
    quire_status status;
    *beyond = false;
    status = qr_order_key(reader, &query->order, row, NULL, &key);
    if (status == QUIRE_OK) {
        *beyond =
            after ? compare_keys(key, query->after) <= 0 : compare_keys(key, query->before) >= 0;
    }
    qr_arena_reset(&reader->scratch);
    return status;
}

static quire_status offer_ordered(struct qr_sink *sink, const struct qr_row *row,
                                  struct qr_gql_str key, bool *done)
{
    const struct qr_query *query = sink->query;
    if (sink->taken + sink->count + 1 == sink->keep) {
        *done = sink->more = true;
        return QUIRE_OK;
    }
    QR_TRY(keep_row(sink, row, key));
    *done = !query->need_has_more && sink->taken + sink->count + 1 == sink->keep;
    return QUIRE_OK;
}

static quire_status offer(struct qr_sink *sink, const struct qr_row *row, bool *done)
{
    struct qr_gql_str key = {NULL, 0};
    uint32_t number = 0;
    bool added = true;
    quire_value leading;

    *done = false;
    if (sink->query->distinct_count > 0) {
        QR_TRY(find_combination(sink, row, &number, &added));
        if (!added && sink->ordered) {
            return QUIRE_OK;
        }
    }
    if (sink->leading != NULL) {
        QR_TRY(qr_reader_column(sink->reader, row, sink->leading, &leading));
        if (is_too_late(sink, &leading)) {
            return QUIRE_OK;
        }
    }
    if (sink->keyed) {
        QR_TRY(qr_order_key(sink->reader, &sink->query->order, row,
                            sink->leading != NULL ? &leading : NULL, &key));
        if (is_collection(sink)) {
            return collect(sink, row, key, number, added);
        }
        if (outside(sink, key, done)) {
            return QUIRE_OK;
        }
    }
    if (sink->ordered) {
        return offer_ordered(sink, row, key, done);
    }
    return is_heap(sink) ? offer_to_heap(sink, row, key) : keep_row(sink, row, key);
}

quire_status qr_sink_offer(struct qr_sink *sink, const struct qr_row *row, bool *done)
{
    quire_status status = offer(sink, row, done);
    qr_arena_reset(&sink->reader->scratch);
    return status;
}

uint64_t qr_sink_room(const struct qr_sink *sink)
{
    if (!sink->ordered || sink->keep == UINT64_MAX) {
        return UINT64_MAX;
    }
    return sink->keep - sink->taken - sink->count - (sink->query->need_has_more ? 0 : 1);
}

quire_status qr_rows_append(struct qr_reader *reader, struct qr_rows *rows,
                            const struct qr_row *row, const struct qr_gql_str *key)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 16 : rows->capacity * 2;
        struct qr_row *grown = qr_arena_alloc(reader->arena, sizeof *grown * capacity, reader->err);
        struct qr_gql_str *keys =
            qr_arena_alloc(reader->arena, sizeof *keys * capacity, reader->err);
        if (grown == NULL || keys == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (rows->count > 0) {
            memcpy(grown, rows->rows, sizeof *grown * rows->count);
            memcpy(keys, rows->keys, sizeof *keys * rows->count);
        }
        rows->rows = grown;
        rows->keys = keys;
        rows->capacity = capacity;
    }
    rows->keys[rows->count] = key != NULL ? *key : (struct qr_gql_str){NULL, 0};
    rows->rows[rows->count++] = *row;
    return QUIRE_OK;
}

/* Whether rows that were offered lie before the page in the direction of reading. */
static bool has_earlier(const struct qr_sink *sink)
{
    return sink->passed_over > 0 || (sink->query->skip > 0 && sink->count > 0);
}

/* ---- pages by pieces ---- */

quire_status qr_sink_by_pieces(struct qr_sink *sink, size_t most, struct qr_arena *arena)
{
    sink->entries =
        qr_arena_alloc(sink->reader->arena, sizeof *sink->entries * most, sink->reader->err);
    sink->capacity = most;
    sink->arena = arena;
    return sink->entries == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

quire_status qr_sink_take(struct qr_sink *sink, struct qr_rows *rows)
{
    for (size_t i = 0; i < sink->count; i++) {
        if (sink->taken + i >= sink->query->skip) {
            QR_TRY(
                qr_rows_append(sink->reader, rows, &sink->entries[i].row, &sink->entries[i].key));
        }
    }
    sink->taken += sink->count;
    sink->count = 0;
    return QUIRE_OK;
}

/* ---- the whole page ---- */

/* The entries in the order of reading: *order NULL where they stand so already. */
static quire_status sort_entries(struct qr_sink *sink, struct qr_sort_slot **order)
{
    struct qr_reader *reader = sink->reader;
    *order = sink->heap;
    if (sink->heap != NULL) {
        return qr_sort_slots(reader, reader->arena, *order, sink->count, sink->query->backward);
    }
    if (sink->ordered || sink->entries == NULL || sink->count < 2) {
        return QUIRE_OK;
    }
    *order = qr_arena_alloc(reader->arena, sizeof **order * sink->count, reader->err);
    if (*order == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < sink->count; i++) {
        (*order)[i] = qr_sort_slot_of(sink->entries[i].key, (uint32_t)i);
    }
    return qr_sort_slots(reader, reader->arena, *order, sink->count, sink->query->backward);
}

/* What the page says of its neighbours. */
static void describe_page(const struct qr_sink *sink, struct qr_page *page)
{
    bool later = sink->more || sink->beyond > 0;
    page->has_next = sink->query->backward ? has_earlier(sink) : later;
    page->has_previous = sink->query->backward ? later : has_earlier(sink);
}

/* Leaves out the entries outside the cursors, now that each is the first of its combination. */
static void cut_collection(struct qr_sink *sink)
{
    size_t kept = 0;
    for (size_t i = 0; i < sink->count; i++) {
        bool done;
        if (!outside(sink, sink->entries[i].key, &done)) {
            sink->entries[kept++] = sink->entries[i];
        }
    }
    sink->count = kept;
}

quire_status qr_sink_finish(struct qr_sink *sink, struct qr_rows *rows, struct qr_page *page)
{
    const struct qr_query *query = sink->query;
    struct qr_sort_slot *order;

    if (is_collection(sink)) {
        cut_collection(sink);
    }
    size_t end = sink->entries == NULL ? 0 : sink->count;

    QR_TRY(sort_entries(sink, &order));
    if (end > 0 && end >= sink->keep) {
        end = (size_t)(sink->keep - 1);
        sink->more = true;
    }
    size_t begin = query->skip < end ? (size_t)query->skip : end;
    *page = (struct qr_page){.first = rows->count, .count = end - begin};
    describe_page(sink, page);
    for (size_t i = 0; i < end - begin; i++) {
        size_t at = query->backward ? end - 1 - i : begin + i;
        struct entry *entry = &sink->entries[order == NULL ? at : order[at].index];
        if (!query->need_keys) {
            entry->key = (struct qr_gql_str){NULL, 0};
        }
        if (sink->arena != sink->reader->arena) {
            QR_TRY(copy_entry(sink, sink->reader->arena, entry));
        }
        QR_TRY(qr_rows_append(sink->reader, rows, &entry->row, &entry->key));
    }
    sink->count = 0;
    sink->dropped = 0;
    sink->seen = (struct qr_key_table){0};
    sink->passed_over = sink->beyond = 0;
    sink->more = false;
    return QUIRE_OK;
}
