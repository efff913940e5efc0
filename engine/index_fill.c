/*
 * Filling an index from the rows of its table: all of them, or some of them at a
 * time while an index is built beside other writers (index_build.c).
 *
 * Rows are read in batches; the keys of a batch are sorted before they are
 * inserted, so that neighbouring entries land on a page one after the other and
 * the row cursor has to find its place again only once a batch.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/index.h"

#define BATCH_ROWS  ((size_t)65536)
#define BATCH_BYTES ((size_t)8 << 20)

/* The key of one row; bytes live in the batch's arena. */
struct item {
    struct qr_slice full;
    struct qr_slice included;
    int64_t rowid;
    bool has_null;
};

struct batch {
    struct qr_arena arena;
    struct item *items;
    size_t count, capacity;
    size_t bytes;
};

static int compare_items(const void *one, const void *other)
{
    const struct item *left = one;
    const struct item *right = other;
    const struct qr_slice *a = &left->full;
    const struct qr_slice *b = &right->full;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);
    if (order == 0) {
        order = (a->size > b->size) - (a->size < b->size);
    }
    return order != 0 ? order : (left->rowid > right->rowid) - (left->rowid < right->rowid);
}

static quire_status copy_key(struct batch *batch, const struct qr_key *key, struct qr_slice *copy,
                             quire_error *err)
{
    copy->data = (const uint8_t *)qr_arena_copy(&batch->arena, key->bytes, key->size, err);
    copy->size = key->size;
    batch->bytes += key->size;
    return copy->data == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

static quire_status read_row(struct qr_index *index, struct qr_tree_cursor *cursor,
                             struct qr_index_key *key, struct batch *batch, quire_error *err)
{
    struct qr_tree_key row;
    struct qr_slice record;
    QR_TRY(qr_tree_cursor_key(cursor, &row, err));
    QR_TRY(qr_tree_cursor_payload(cursor, &record, err));
    QR_TRY(qr_index_key_from_record(index, record.data, record.size, key, err));
    if (key->absent) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(batch->arena.allocator, &batch->items, &batch->capacity, batch->count + 1,
                   sizeof *batch->items, err));
    struct item *item = &batch->items[batch->count];
    *item = (struct item){.rowid = row.rowid, .has_null = key->has_null};
    QR_TRY(copy_key(batch, &key->full, &item->full, err));
    QR_TRY(copy_key(batch, &key->included, &item->included, err));
    batch->count++;
    return QUIRE_OK;
}

static quire_status report_twice(struct qr_index *index, struct qr_index_key *key, int64_t one,
                                 int64_t other, quire_error *err)
{
    char values[256];
    qr_index_describe(index, &key->full, values, sizeof values);
    return qr_fail(err, QUIRE_UNIQUE,
                   "Rows %lld and %lld of \"%s\" both have the key %s of unique index \"%s\".",
                   (long long)(one < other ? one : other), (long long)(one < other ? other : one),
                   index->table->object->name, values, index->def->object->name);
}

static quire_status insert_batch(struct qr_index *index, struct qr_index_key *key,
                                 const struct batch *batch, quire_error *err)
{
    if (batch->count > 1) {
        qsort(batch->items, batch->count, sizeof *batch->items, compare_items);
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct item *item = &batch->items[i];
        bool conflict;
        int64_t other;
        QR_TRY(
            qr_index_key_from_bytes(index, item->full, item->has_null, item->included, key, err));
        QR_TRY(qr_index_conflict(index, key, &conflict, &other, err));
        if (conflict) {
            return report_twice(index, key, item->rowid, other, err);
        }
        QR_TRY(qr_index_insert(index, key, item->rowid, err));
    }
    return QUIRE_OK;
}

/* Which rows are to be read, and how far that is. */
struct reading {
    struct qr_tree_cursor *cursor;
    struct qr_gap *rows;
    uint64_t rows_max, rows_read;
    bool done;
};

/* Finds out whether the cursor stands on a row that is to be read. */
static quire_status look(struct reading *reading, bool valid, quire_error *err)
{
    struct qr_tree_key at;
    reading->done = !valid;
    if (valid) {
        QR_TRY(qr_tree_cursor_key(reading->cursor, &at, err));
        reading->done = at.rowid > reading->rows->last;
        reading->rows->next = at.rowid;
    }
    return QUIRE_OK;
}

static quire_status begin_reading(struct reading *reading, quire_error *err)
{
    struct qr_tree_key from = {.rowid = reading->rows->next};
    bool valid;
    QR_TRY(qr_tree_cursor_seek(reading->cursor, &from, &valid, err));
    return look(reading, valid, err);
}

/* Reads rows until the batch is full or there are no more. */
static quire_status read_batch(struct qr_index *index, struct reading *reading,
                               struct qr_index_key *key, struct batch *batch, quire_error *err)
{
    qr_arena_reset(&batch->arena);
    batch->count = batch->bytes = 0;
    while (!reading->done && reading->rows_read < reading->rows_max && batch->count < BATCH_ROWS &&
           batch->bytes < BATCH_BYTES) {
        bool valid;
        QR_TRY(read_row(index, reading->cursor, key, batch, err));
        reading->rows_read++;
        QR_TRY(qr_tree_cursor_next(reading->cursor, &valid, err));
        QR_TRY(look(reading, valid, err));
    }
    return QUIRE_OK;
}

static quire_status fill_from(struct qr_index *index, struct reading *reading,
                              struct qr_index_key *key, struct batch *batch, quire_error *err)
{
    struct qr_view *view = index->txn->view;
    QR_TRY(begin_reading(reading, err));
    while (!reading->done && reading->rows_read < reading->rows_max) {
        qr_view_scanning(view, true);
        quire_status status = read_batch(index, reading, key, batch, err);
        qr_view_scanning(view, false);
        QR_TRY(status);
        QR_TRY(insert_batch(index, key, batch, err));
    }
    return QUIRE_OK;
}

quire_status qr_index_fill(struct qr_index *index, struct qr_gap *rows, uint64_t rows_max,
                           uint64_t *rows_read, bool *done, quire_error *err)
{
    const quire_allocator *allocator = &index->txn->db->allocator;
    struct qr_tree tree = qr_table_rows(index->txn, index->table);
    struct reading reading = {.rows = rows, .rows_max = rows_max};
    struct batch batch = {.count = 0};
    struct qr_index_key key;
    QR_TRY(qr_tree_cursor_open(&tree, &reading.cursor, err));
    qr_index_key_init(&key, allocator);
    qr_arena_init(&batch.arena, allocator, 0);
    quire_status status = fill_from(index, &reading, &key, &batch, err);
    qr_arena_free(&batch.arena);
    qr_free(allocator, batch.items, batch.capacity * sizeof *batch.items);
    qr_index_key_free(&key);
    qr_tree_cursor_close(reading.cursor);
    *rows_read = reading.rows_read;
    *done = reading.done;
    return status;
}
