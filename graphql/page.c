/*
 * The page of a query: candidates are filtered, put in order and cut.
 *
 * When candidates arrive in order, the page fills from the front and the query
 * ends as soon as it is full. Otherwise they are collected with their sort keys
 * and sorted at the end. With a limit, only as many are kept as can be in the
 * page: in a heap with the last of them on top, so that most further rows cost
 * one comparison and are not even copied.
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
    bool keyed;             /* keys are computed for each row */
    bool lasting;           /* the records offered outlive the sink */
    struct qr_arena *arena; /* where entries are kept */
    struct entry *entries;
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

static quire_status append_entry(struct qr_sink *sink, const struct qr_row *row,
                                 struct qr_gql_str key)
{
    if (sink->count == sink->capacity) {
        size_t capacity = sink->capacity == 0 ? 16 : sink->capacity * 2;
        struct entry *grown =
            qr_arena_alloc(sink->reader->arena, sizeof *grown * capacity, sink->reader->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (sink->count > 0) {
            memcpy(grown, sink->entries, sizeof *grown * sink->count);
        }
        sink->entries = grown;
        sink->capacity = capacity;
    }
    sink->entries[sink->count++] = (struct entry){*row, key};
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

/* Keeps a row: its key, and its record unless that lives on anyway. */
static quire_status keep_row(struct qr_sink *sink, const struct qr_row *row, struct qr_gql_str key)
{
    struct entry entry = {*row, key};
    if (!sink->lasting) {
        QR_TRY(copy_entry(sink, sink->arena, &entry));
    } else if (key.data != NULL) {
        entry.key.data = qr_arena_copy(sink->arena, key.data, key.size, sink->reader->err);
        if (entry.key.data == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return append_entry(sink, &entry.row, entry.key);
}

/* ---- the heap ---- */

/* Whether `a` comes behind `b` in the direction of reading. */
static bool is_behind(const struct qr_sink *sink, struct qr_gql_str a, struct qr_gql_str b)
{
    int order = compare_keys(a, b);
    return sink->query->backward ? order < 0 : order > 0;
}

static void swap_entries(struct qr_sink *sink, size_t a, size_t b)
{
    struct entry entry = sink->entries[a];
    sink->entries[a] = sink->entries[b];
    sink->entries[b] = entry;
}

/* Moves the last entry up to its place. */
static void sift_up(struct qr_sink *sink)
{
    struct entry *e = sink->entries;
    for (size_t at = sink->count - 1; at > 0 && is_behind(sink, e[at].key, e[(at - 1) / 2].key);
         at = (at - 1) / 2) {
        swap_entries(sink, at, (at - 1) / 2);
    }
}

/* Moves the first entry down to its place. */
static void sift_down(struct qr_sink *sink)
{
    struct entry *e = sink->entries;
    for (size_t at = 0, child = 1; child < sink->count; child = 2 * at + 1) {
        if (child + 1 < sink->count && is_behind(sink, e[child + 1].key, e[child].key)) {
            child++;
        }
        if (!is_behind(sink, e[child].key, e[at].key)) {
            break;
        }
        swap_entries(sink, at, child);
        at = child;
    }
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
    sink->arena = other;
    return QUIRE_OK;
}

static quire_status offer_to_heap(struct qr_sink *sink, const struct qr_row *row,
                                  struct qr_gql_str key)
{
    if (sink->count < sink->keep) {
        QR_TRY(keep_row(sink, row, key));
        sift_up(sink);
        return QUIRE_OK;
    }
    if (!is_behind(sink, sink->entries[0].key, key)) {
        return QUIRE_OK;
    }
    QR_TRY(keep_row(sink, row, key));
    sink->entries[0] = sink->entries[--sink->count];
    sift_down(sink);
    sink->dropped++;
    return !sink->lasting && sink->dropped >= COMPACT_MIN && sink->dropped >= 2 * sink->keep
               ? compact(sink)
               : QUIRE_OK;
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
    quire_status status = QUIRE_OK;
    *beyond = true;
    if (!query->uncut.exact) { /* else the row need not have what the filter asks of it */
        status = qr_filter_test(reader, query->filter, row, beyond);
    }
    if (status == QUIRE_OK && *beyond) {
        status = qr_order_key(reader, &query->order, row, &key);
    }
    if (status == QUIRE_OK && *beyond) {
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
    bool pass = true;
    bool added = true;

    *done = false;
    if (!sink->query->path.exact) {
        QR_TRY(qr_filter_test(sink->reader, sink->query->filter, row, &pass));
    }
    if (pass && sink->query->distinct_count > 0) {
        QR_TRY(find_combination(sink, row, &number, &added));
        pass = added || !sink->ordered;
    }
    if (!pass) {
        return QUIRE_OK;
    }
    if (sink->keyed) {
        QR_TRY(qr_order_key(sink->reader, &sink->query->order, row, &key));
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
    *order = NULL;
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
