/*
 * Walking along access paths: see walk.h.
 */
#include "graphql/walk.h"

#include "graphql/row_set.h"
#include "graphql/sort.h"

#define BATCH_ROWS ((size_t)512)

/* Readies the making of records from entries. */
static quire_status prepare_records(struct qr_walk *walk)
{
    struct qr_reader *reader = walk->reader;
    const struct qr_query *query = walk->query;
    uint32_t slots = query->type->slot_count;

    walk->told = qr_arena_alloc_zero(reader->arena, sizeof *walk->told * (slots + 1), reader->err);
    walk->values = qr_arena_alloc(reader->arena, sizeof *walk->values * (slots + 1), reader->err);
    if (walk->told == NULL || walk->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(walk->told, query->columns, sizeof *walk->told * slots);
    if (!walk->path->exact) {
        qr_filter_columns(query->filter, walk->told);
    }
    return QUIRE_OK;
}

quire_status qr_walk_open(struct qr_reader *reader, const struct qr_query *query,
                          const struct qr_path *path, struct qr_walk *walk)
{
    *walk = (struct qr_walk){.reader = reader, .query = query, .path = path};
    walk->filter = path->exact ? NULL : query->filter;
    walk->local = qr_filter_is_local(walk->filter) && qr_order_is_local(&query->order) &&
                  query->distinct_count == 0;
    if (path->kind == QR_PATH_LINKS) {
        return qr_link_walk_open(reader, query->relation, path->reverse, &walk->links);
    }
    QR_TRY(qr_reader_table(reader, query->type, &walk->table));
    memcpy(walk->prefix, path->prefix, sizeof *path->prefix * path->prefix_count);
    if (path->covering && !query->folds) {
        QR_TRY(prepare_records(walk));
    }
    return path->kind == QR_PATH_SCAN ? quire_table_cursor(walk->table, &walk->scan, reader->err)
                                      : QUIRE_OK;
}

void qr_walk_close(struct qr_walk *walk)
{
    quire_cursor_close(walk->scan);
    quire_index_cursor_close(walk->cursor);
    qr_link_walk_close(&walk->links);
    walk->scan = NULL;
    walk->cursor = NULL;
}

/* The place of a cursor in the index: behind the prefix come the values of the order. */
static struct qr_index_place make_place(const struct qr_walk *walk,
                                        const struct qr_path_place *place, quire_value *key)
{
    uint32_t fixed = walk->path->prefix_count;
    if (place == NULL) {
        return (struct qr_index_place){NULL, 0};
    }
    memcpy(key, walk->prefix, sizeof *key * fixed);
    memcpy(key + fixed, place->values, sizeof *key * (16 - fixed));
    return (struct qr_index_place){key, place->place};
}

/* Points the cursor before a range. */
static quire_status start_range(struct qr_walk *walk, uint32_t prefix_count)
{
    const struct qr_path *path = walk->path;
    quire_error *err = walk->reader->err;
    quire_index_range range = {.prefix = walk->prefix,
                               .prefix_count = prefix_count,
                               .lower = path->has_lower ? &path->lower : NULL,
                               .upper = path->has_upper ? &path->upper : NULL,
                               .lower_exclusive = path->lower_exclusive,
                               .upper_exclusive = path->upper_exclusive,
                               .reverse = path->reverse,
                               .starts_with = path->starts_with};
    QR_TRY(walk->cursor != NULL
               ? qr_index_cursor_restart(walk->cursor, &range, err)
               : quire_index_cursor_open(walk->table, path->index, &range, &walk->cursor, err));
    if (path->from == NULL && path->to == NULL) {
        return QUIRE_OK;
    }
    quire_value keys[2][17];
    struct qr_index_place from = make_place(walk, path->from, keys[0]);
    struct qr_index_place to = make_place(walk, path->to, keys[1]);
    return qr_index_cursor_narrow(walk->cursor, path->from != NULL ? &from : NULL,
                                  path->to != NULL ? &to : NULL, err);
}

static quire_status start_links(struct qr_walk *walk, int64_t parent)
{
    const struct qr_path *path = walk->path;
    quire_value self = quire_int(parent);
    struct qr_index_place from = {&self, path->from != NULL ? path->from->place : 0};
    struct qr_index_place to = {&self, path->to != NULL ? path->to->place : 0};

    QR_TRY(qr_link_walk_start(&walk->links, parent));
    return qr_index_cursor_narrow(walk->links.cursor, path->from != NULL ? &from : NULL,
                                  path->to != NULL ? &to : NULL, walk->reader->err);
}

quire_status qr_walk_start(struct qr_walk *walk, int64_t parent)
{
    const struct qr_path *path = walk->path;
    walk->started = walk->in_range = false;
    walk->next_point = 0;
    if (path->kind == QR_PATH_LINKS) {
        return start_links(walk, parent);
    }
    if (path->parent_column >= 0) {
        walk->prefix[path->parent_column] = quire_int(parent);
    }
    if (path->kind == QR_PATH_SET) {
        walk->next_rowid = 0;
        return qr_row_set_rowids(path->set, &walk->rowids, &walk->rowid_count);
    }
    return path->kind == QR_PATH_RANGE ? start_range(walk, path->prefix_count) : QUIRE_OK;
}

/* Goes to the first row of a scan. Where the scan ends is for the sink to say. */
static quire_status scan_start(struct qr_walk *walk, bool *valid)
{
    const struct qr_path *path = walk->path;
    quire_error *err = walk->reader->err;
    int64_t limit = path->reverse ? path->upper.as.integer : path->lower.as.integer;

    if (!path->reverse) {
        return path->has_lower ? quire_cursor_seek(walk->scan, limit, valid, err)
                               : quire_cursor_first(walk->scan, valid, err);
    }
    if (!path->has_upper || limit == INT64_MAX) {
        return quire_cursor_last(walk->scan, valid, err);
    }
    QR_TRY(quire_cursor_seek(walk->scan, limit + 1, valid, err));
    return *valid ? quire_cursor_previous(walk->scan, valid, err)
                  : quire_cursor_last(walk->scan, valid, err);
}

static quire_status scan_next(struct qr_walk *walk, struct qr_row *row, bool *valid)
{
    bool reverse = walk->path->reverse;
    quire_error *err = walk->reader->err;
    const void *record;

    if (!walk->started) {
        walk->started = true;
        QR_TRY(scan_start(walk, valid));
    } else {
        QR_TRY(reverse ? quire_cursor_previous(walk->scan, valid, err)
                       : quire_cursor_next(walk->scan, valid, err));
    }
    if (*valid) {
        QR_TRY(quire_cursor_row(walk->scan, &row->rowid, &record, &row->size, err));
        row->place = row->rowid;
        row->record = record;
        walk->reader->rows_read++;
    }
    return QUIRE_OK;
}

/* Goes on with the ranges of an `in`'s keys until one has an entry. */
static quire_status points_next(struct qr_walk *walk, int64_t *rowid, bool *valid)
{
    const struct qr_path *path = walk->path;
    const struct qr_filter *points = path->points;

    *valid = false;
    for (;;) {
        if (walk->in_range) {
            QR_TRY(quire_index_cursor_next(walk->cursor, rowid, valid, walk->reader->err));
            if (*valid) {
                return QUIRE_OK;
            }
        }
        if (walk->next_point == points->value_count) {
            return QUIRE_OK;
        }
        walk->prefix[path->prefix_count] = points->values[walk->next_point++];
        QR_TRY(start_range(walk, path->prefix_count + 1));
        walk->in_range = true;
    }
}

static void set_next(struct qr_walk *walk, int64_t *rowid, bool *valid)
{
    size_t at = walk->next_rowid++;
    *valid = at < walk->rowid_count;
    if (*valid) {
        *rowid = walk->rowids[walk->path->reverse ? walk->rowid_count - 1 - at : at];
    }
}

quire_status qr_walk_next(struct qr_walk *walk, struct qr_row *row, bool *valid)
{
    *row = (struct qr_row){0};
    *valid = false;
    QR_TRY(qr_reader_step(walk->reader));
    switch (walk->path->kind) {
    case QR_PATH_NOTHING:
        return QUIRE_OK;
    case QR_PATH_SCAN:
        return scan_next(walk, row, valid);
    case QR_PATH_LINKS:
        return qr_link_walk_next(&walk->links, &row->place, walk->count_links ? NULL : &row->rowid,
                                 valid);
    case QR_PATH_RANGE:
        QR_TRY(quire_index_cursor_next(walk->cursor, &row->rowid, valid, walk->reader->err));
        break;
    case QR_PATH_SET:
        set_next(walk, &row->rowid, valid);
        break;
    case QR_PATH_POINTS:
        QR_TRY(points_next(walk, &row->rowid, valid));
        break;
    }
    row->place = row->rowid;
    row->entry = walk->cursor;
    return QUIRE_OK;
}

quire_status qr_walk_missing_row(struct qr_reader *reader, const struct qr_query *query,
                                 int64_t rowid)
{
    return qr_fail(reader->err, QUIRE_CORRUPT,
                   "An index of %s names the row %lld, which does not exist; run 'quire inspect'.",
                   query->type->table, (long long)rowid);
}

/* Gives a row a record of what its entry tells. */
static quire_status make_record(struct qr_walk *walk, struct qr_arena *arena, struct qr_row *row)
{
    struct qr_reader *reader = walk->reader;
    const struct qr_model_type *type = walk->query->type;
    uint32_t count = 0;

    for (uint32_t i = 0; i < type->column_count; i++) {
        walk->values[i] = quire_null();
        if (walk->told[i]) {
            QR_TRY(qr_reader_column(reader, row, type->columns[i], &walk->values[i]));
            count = i + 1;
        }
    }
    row->size = quire_record_size(walk->values, count);
    uint8_t *record = qr_arena_alloc(arena, row->size, reader->err);
    if (record == NULL) {
        return qr_gql_memory_status(reader->err);
    }
    quire_record_encode(walk->values, count, record);
    row->record = record;
    qr_arena_reset(&reader->scratch);
    return QUIRE_OK;
}

/* ---- visits ---- */

/* Candidates on their way to the visitor. */
struct visiting {
    struct qr_walk *walk;
    const int64_t *rowids, *places;
    struct qr_row *rows; /* copies, when rows cannot be judged where they stand */
    qr_walk_visit visit;
    void *context;
    bool *done;
};

static quire_status visit_row(const struct visiting *v, const struct qr_row *row)
{
    struct qr_reader *reader = v->walk->reader;
    bool pass = true;
    if (v->walk->filter != NULL) {
        QR_TRY(qr_filter_test(reader, v->walk->filter, row, &pass));
        qr_arena_reset(&reader->scratch);
    }
    return pass ? v->visit(v->context, row, v->done) : QUIRE_OK;
}

static quire_status take_run(void *context, size_t first, const struct qr_slice *payloads,
                             size_t count, quire_error *err)
{
    struct visiting *v = context;
    struct qr_reader *reader = v->walk->reader;

    reader->rows_read += count;
    for (size_t i = 0; i < count && !*v->done; i++) {
        size_t at = first + i;
        struct qr_row row = {.rowid = v->rowids[at],
                             .place = v->places[at],
                             .record = payloads[i].data,
                             .size = payloads[i].size};
        if (row.record == NULL) {
            return qr_walk_missing_row(reader, v->walk->query, row.rowid);
        }
        if (v->rows == NULL) {
            QR_TRY(visit_row(v, &row));
            continue;
        }
        row.record = (const uint8_t *)qr_arena_copy(&reader->batch, row.record, row.size, err);
        if (row.record == NULL) {
            return qr_gql_memory_status(err);
        }
        v->rows[at] = row;
    }
    return QUIRE_OK;
}

/* Rows of a scan, or what entries tell in their place. */
static quire_status visit_stepwise(struct visiting *v, size_t target, bool *valid)
{
    struct qr_walk *walk = v->walk;
    struct qr_reader *reader = walk->reader;

    for (size_t i = 0; i < target && !*v->done; i++) {
        struct qr_row row;
        QR_TRY(qr_walk_next(walk, &row, valid));
        if (!*valid) {
            break;
        }
        if (walk->told != NULL) {
            qr_arena_reset(&reader->batch);
            QR_TRY(make_record(walk, &reader->batch, &row));
            row.entry = NULL;
        }
        QR_TRY(visit_row(v, &row));
    }
    return QUIRE_OK;
}

quire_status qr_walk_rowids(struct qr_walk *walk, size_t target, int64_t *rowids, int64_t *places,
                            size_t *count)
{
    *count = 0;
    if (walk->path->kind == QR_PATH_RANGE) {
        QR_TRY(qr_index_cursor_rowids(walk->cursor, rowids, target, count, walk->reader->err));
        memcpy(places, rowids, sizeof *rowids * *count);
        return qr_reader_steps(walk->reader, *count + 1);
    }
    while (*count < target) {
        struct qr_row row;
        bool valid;
        QR_TRY(qr_walk_next(walk, &row, &valid));
        if (!valid) {
            break;
        }
        rowids[*count] = row.rowid;
        places[(*count)++] = row.place;
    }
    return QUIRE_OK;
}

/* Puts candidates in the order of their rowids, in which they are found on the fewest pages. */
static void sort_rowids(int64_t *rowids, int64_t *places, size_t count)
{
    struct qr_sort_rowid slots[2][BATCH_ROWS];
    int64_t unsorted[BATCH_ROWS];

    for (size_t i = 0; i < count; i++) {
        slots[0][i] = (struct qr_sort_rowid){rowids[i], i};
        unsorted[i] = places[i];
    }
    const struct qr_sort_rowid *sorted = qr_sort_rowids(slots[0], slots[1], count);
    for (size_t i = 0; i < count; i++) {
        rowids[i] = sorted[i].rowid;
        places[i] = unsorted[sorted[i].index];
    }
}

/* Finds candidates and visits those that pass. */
static quire_status visit_found(struct visiting *v, size_t count)
{
    struct qr_walk *walk = v->walk;
    struct qr_reader *reader = walk->reader;
    quire_table *table; /* of links, the one at the other end */

    qr_arena_reset(&reader->batch);
    if (!walk->local) {
        v->rows = qr_arena_alloc(&reader->batch, sizeof *v->rows * count, reader->err);
        if (v->rows == NULL) {
            return qr_gql_memory_status(reader->err);
        }
    }
    QR_TRY(qr_reader_steps(reader, count));
    QR_TRY(qr_reader_table(reader, walk->query->type, &table));
    QR_TRY(qr_table_fetch_runs(table, v->rowids, count, take_run, v, reader->err));
    for (size_t i = 0; v->rows != NULL && i < count && !*v->done; i++) {
        QR_TRY(visit_row(v, &v->rows[i]));
    }
    return QUIRE_OK;
}

quire_status qr_walk_each(struct qr_walk *walk, size_t target, qr_walk_visit visit, void *context,
                          bool *valid, bool *done)
{
    struct visiting v = {.walk = walk, .visit = visit, .context = context, .done = done};
    int64_t rowids[BATCH_ROWS];
    int64_t places[BATCH_ROWS];
    size_t count;

    *done = false;
    if (walk->path->kind == QR_PATH_SCAN || walk->told != NULL) {
        return visit_stepwise(&v, target, valid);
    }
    target = target < BATCH_ROWS ? target : BATCH_ROWS;
    QR_TRY(qr_walk_rowids(walk, target, rowids, places, &count));
    *valid = count == target;
    if (!walk->path->ordered) {
        sort_rowids(rowids, places, count);
    }
    v.rowids = rowids;
    v.places = places;
    return count == 0 ? QUIRE_OK : visit_found(&v, count);
}
