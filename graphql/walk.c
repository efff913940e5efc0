/*
 * Walking along access paths: see walk.h.
 */
#include "graphql/walk.h"

#include "graphql/row_set.h"

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

quire_status qr_walk_batch(struct qr_walk *walk, struct qr_arena *arena, struct qr_row *batch,
                           size_t target, size_t *count, bool *valid)
{
    struct qr_reader *reader = walk->reader;
    const struct qr_query *query = walk->query;

    for (*count = 0; *count < target; (*count)++) {
        struct qr_row *row = &batch[*count];
        QR_TRY(qr_walk_next(walk, row, valid));
        if (!*valid) {
            break;
        }
        if (walk->told != NULL) {
            QR_TRY(make_record(walk, arena, row));
            row->entry = NULL;
            continue;
        }
        row->entry = NULL;
        if (row->record != NULL) {
            /* A scan lends its record until the next step only. */
            row->record =
                (const uint8_t *)qr_arena_copy(arena, row->record, row->size, reader->err);
            if (row->record == NULL) {
                return QUIRE_NO_MEMORY;
            }
        }
    }
    if (walk->path->kind == QR_PATH_SCAN || walk->told != NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_fetch(reader, arena, query->type, batch, *count));
    for (size_t i = 0; i < *count; i++) {
        if (batch[i].record == NULL) {
            return qr_walk_missing_row(reader, query, batch[i].rowid);
        }
    }
    return QUIRE_OK;
}
