/*
 * The page of a query: candidates are filtered, put in order and cut.
 *
 * When candidates arrive in order, the page fills from the front and the query
 * ends as soon as it is full. Otherwise they are collected with their sort keys
 * and sorted; with a limit, whatever cannot be in the page any more is dropped
 * each time the collection has grown to several times the page.
 *
 * A backward page (`last`) is a forward page of the reversed order, turned round
 * at the end.
 */
#include <stdlib.h>

#include "graphql/query.h"

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
    uint64_t keep;        /* entries that can matter: skip + limit + 1 */
    uint64_t passed_over; /* before `after` (or behind `before`, backward) */
    uint64_t beyond;      /* the other bound cut these off */
    bool more;            /* rows follow the page */
};

#define COMPACT_MIN 1024u

/* Whether entries that fall out of the page are dropped on the way. */
static bool compacts(const struct qr_sink *sink)
{
    return !sink->ordered && sink->keep < UINT64_MAX / 4;
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
    sink->ordered = ordered;
    sink->keyed =
        !ordered || query->need_keys || query->after.data != NULL || query->before.data != NULL;
    sink->keep =
        query->limit > UINT64_MAX - query->skip - 1 ? UINT64_MAX : query->skip + query->limit + 1;
    sink->lasting = lasting;
    sink->arena = reader->arena;
    if (compacts(sink) && !lasting) {
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

static int compare_forward(const void *a, const void *b)
{
    return compare_keys(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static int compare_backward(const void *a, const void *b)
{
    return compare_forward(b, a);
}

static void sort_entries(struct qr_sink *sink)
{
    if (sink->count > 1) {
        qsort(sink->entries, sink->count, sizeof *sink->entries,
              sink->query->backward ? compare_backward : compare_forward);
    }
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

/* The record must outlive the offer. */
static quire_status keep_row(struct qr_sink *sink, const struct qr_row *row, struct qr_gql_str key)
{
    struct entry entry = {*row, key};
    if (!sink->lasting) {
        QR_TRY(copy_entry(sink, sink->arena, &entry));
    }
    return append_entry(sink, &entry.row, entry.key);
}

/* Drops what cannot be in the page any more, and the memory of it. */
static quire_status compact(struct qr_sink *sink)
{
    struct qr_arena *sort = sink->reader->sort;
    sort_entries(sink);
    sink->count = (size_t)sink->keep;
    if (sink->lasting) {
        return QUIRE_OK;
    }
    struct qr_arena *other = sink->arena == &sort[0] ? &sort[1] : &sort[0];
    qr_arena_reset(other);
    for (size_t i = 0; i < sink->count; i++) {
        QR_TRY(copy_entry(sink, other, &sink->entries[i]));
    }
    sink->arena = other;
    return QUIRE_OK;
}

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
    quire_status status = qr_filter_test(reader, query->filter, row, beyond);
    if (status == QUIRE_OK && *beyond) {
        status = qr_order_key(reader, &query->order, row, &reader->scratch, &key);
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
    if (sink->count + 1 == sink->keep) {
        *done = sink->more = true;
        return QUIRE_OK;
    }
    QR_TRY(keep_row(sink, row, key));
    *done = !query->need_has_more && sink->count + 1 == sink->keep;
    return QUIRE_OK;
}

static quire_status offer(struct qr_sink *sink, const struct qr_row *row, bool *done)
{
    struct qr_gql_str key = {NULL, 0};
    bool pass;

    *done = false;
    QR_TRY(qr_filter_test(sink->reader, sink->query->filter, row, &pass));
    if (!pass) {
        return QUIRE_OK;
    }
    if (sink->keyed) {
        QR_TRY(qr_order_key(sink->reader, &sink->query->order, row,
                            sink->lasting ? sink->arena : &sink->reader->scratch, &key));
        if (outside(sink, key, done)) {
            return QUIRE_OK;
        }
    }
    if (sink->ordered) {
        return offer_ordered(sink, row, key, done);
    }
    QR_TRY(keep_row(sink, row, key));
    return compacts(sink) && sink->count >= COMPACT_MIN && sink->count >= 4 * sink->keep
               ? compact(sink)
               : QUIRE_OK;
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
    return sink->keep - sink->count - (sink->query->need_has_more ? 0 : 1);
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

quire_status qr_sink_finish(struct qr_sink *sink, struct qr_rows *rows, struct qr_page *page)
{
    const struct qr_query *query = sink->query;
    bool any = sink->entries != NULL;
    size_t end = any ? sink->count : 0;

    if (any && !sink->ordered) {
        sort_entries(sink);
    }
    if (any && end >= sink->keep) {
        end = (size_t)(sink->keep - 1);
        sink->more = true;
    }
    size_t begin = query->skip < end ? (size_t)query->skip : end;
    bool later = sink->more || sink->beyond > 0;
    *page = (struct qr_page){.first = rows->count, .count = end - begin};
    page->has_next = query->backward ? has_earlier(sink) : later;
    page->has_previous = query->backward ? later : has_earlier(sink);
    for (size_t i = 0; i < end - begin; i++) {
        struct entry *entry = &sink->entries[query->backward ? end - 1 - i : begin + i];
        if (sink->arena != sink->reader->arena) {
            QR_TRY(copy_entry(sink, sink->reader->arena, entry));
        }
        QR_TRY(qr_rows_append(sink->reader, rows, &entry->row, &entry->key));
    }
    sink->count = 0;
    sink->passed_over = sink->beyond = 0;
    sink->more = false;
    return QUIRE_OK;
}
