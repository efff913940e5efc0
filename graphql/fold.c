/*
 * Running folds: see fold.h. What a row needs for a moment is in an arena of
 * the fold, which takes the place of the reader's while it runs.
 */
#include "graphql/fold.h"

#include <stdlib.h>

#include "catalog/record.h"

#define BATCH_ROWS 512u

struct qr_fold {
    struct qr_reader *reader;
    const struct qr_query *query;
    struct qr_walk walk;
    struct qr_arena batch, scratch;
    struct qr_row *rows; /* of a batch */
    size_t *owners;      /* by row of the batch: its parent */
    size_t count;
    uint32_t *columns; /* that are read, ascending; the computed fields behind them */
    uint32_t column_count, slot_count;
    quire_value *picked; /* in their order */
    quire_value *values; /* by number of column or computed field */
    qr_fold_visit visit;
    void *context;
    bool done;
};

struct qr_query qr_fold_query(const struct qr_query *query, const bool *columns)
{
    return (struct qr_query){.type = query->type,
                             .relation = query->relation,
                             .filter = query->filter,
                             .limit = UINT64_MAX,
                             .columns = columns,
                             .folds = true};
}

static void close_fold(void *object)
{
    struct qr_fold *fold = object;
    qr_walk_close(&fold->walk);
    qr_arena_free(&fold->batch);
    qr_arena_free(&fold->scratch);
}

/* Whether the rows' own records are not needed. */
static bool reads_entries(const struct qr_fold *fold)
{
    const struct qr_path *path = &fold->query->path;
    return path->covering || (path->kind == QR_PATH_LINKS && path->exact && fold->slot_count == 0);
}

quire_status qr_fold_open(struct qr_reader *reader, const struct qr_query *query,
                          struct qr_fold **out)
{
    uint32_t columns = query->type->slot_count;
    struct qr_arena *arena = reader->arena;
    struct qr_fold *fold = qr_arena_alloc_zero(arena, sizeof *fold, reader->err);

    if (fold == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *fold = (struct qr_fold){.reader = reader, .query = query};
    fold->columns = qr_arena_alloc(arena, sizeof *fold->columns * (columns + 1), reader->err);
    fold->picked = qr_arena_alloc_zero(arena, sizeof *fold->picked * (columns + 1), reader->err);
    fold->values = qr_arena_alloc_zero(arena, sizeof *fold->values * (columns + 1), reader->err);
    if (fold->columns == NULL || fold->picked == NULL || fold->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < columns; i++) {
        if (query->columns[i]) {
            fold->columns[fold->slot_count++] = i;
            fold->column_count += i < query->type->column_count ? 1 : 0;
        }
    }
    qr_arena_init(&fold->batch, arena->allocator, arena->bytes_max);
    qr_arena_init(&fold->scratch, arena->allocator, arena->bytes_max);
    QR_TRY(qr_reader_keep(reader, close_fold, fold));
    if (query->path.kind != QR_PATH_SCAN && !reads_entries(fold)) {
        fold->rows = qr_arena_alloc(arena, sizeof *fold->rows * BATCH_ROWS, reader->err);
        fold->owners = qr_arena_alloc(arena, sizeof *fold->owners * BATCH_ROWS, reader->err);
        if (fold->rows == NULL || fold->owners == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    QR_TRY(qr_walk_open(reader, query, &query->path, &fold->walk));
    fold->walk.count_links = reads_entries(fold);
    *out = fold;
    return QUIRE_OK;
}

static quire_status read_values(struct qr_fold *fold, const struct qr_row *row)
{
    struct qr_reader *reader = fold->reader;
    const struct qr_model_type *type = fold->query->type;

    for (uint32_t i = fold->column_count; i < fold->slot_count; i++) {
        uint32_t slot = fold->columns[i];
        QR_TRY(qr_reader_column(reader, row, type->columns[slot], &fold->values[slot]));
    }
    if (fold->column_count == 0) {
        return QUIRE_OK;
    }
    if (row->record == NULL) {
        for (uint32_t i = 0; i < fold->column_count; i++) {
            uint32_t column = fold->columns[i];
            QR_TRY(qr_reader_column(reader, row, type->columns[column], &fold->values[column]));
        }
        return QUIRE_OK;
    }
    QR_TRY(qr_record_pick(row->record, row->size, fold->columns, fold->column_count, fold->picked,
                          reader->err));
    for (uint32_t i = 0; i < fold->column_count; i++) {
        fold->values[fold->columns[i]] = fold->picked[i];
    }
    return QUIRE_OK;
}

static quire_status take(struct qr_fold *fold, size_t parent, const struct qr_row *row)
{
    bool pass = true;
    QR_TRY(qr_reader_step(fold->reader));
    if (!fold->query->path.exact) {
        QR_TRY(qr_filter_test(fold->reader, fold->query->filter, row, &pass));
    }
    if (pass) {
        QR_TRY(read_values(fold, row));
        QR_TRY(fold->visit(fold->context, parent, row, fold->values, &fold->done));
    }
    qr_arena_reset(&fold->reader->scratch);
    return QUIRE_OK;
}

static quire_status take_batch(struct qr_fold *fold)
{
    struct qr_reader *reader = fold->reader;
    const struct qr_query *query = fold->query;

    qr_arena_reset(&fold->batch);
    QR_TRY(qr_reader_fetch(reader, &fold->batch, query->type, fold->rows, fold->count));
    for (size_t i = 0; i < fold->count && !fold->done; i++) {
        if (fold->rows[i].record == NULL) {
            return qr_walk_missing_row(reader, query, fold->rows[i].rowid);
        }
        QR_TRY(take(fold, fold->owners[i], &fold->rows[i]));
    }
    fold->count = 0;
    return QUIRE_OK;
}

static quire_status run_parent(struct qr_fold *fold, size_t parent, int64_t rowid)
{
    bool valid = true;
    QR_TRY(qr_walk_start(&fold->walk, rowid));
    while (!fold->done) {
        struct qr_row row;
        QR_TRY(qr_walk_next(&fold->walk, &row, &valid));
        if (!valid) {
            break;
        }
        if (fold->rows == NULL) {
            QR_TRY(take(fold, parent, &row));
            continue;
        }
        row.entry = NULL;
        fold->rows[fold->count] = row;
        fold->owners[fold->count++] = parent;
        if (fold->count == BATCH_ROWS) {
            QR_TRY(take_batch(fold));
        }
    }
    return QUIRE_OK;
}

/* ---- parents ---- */

struct turn {
    int64_t rowid;
    size_t parent;
};

static int compare_turns(const void *a, const void *b)
{
    int64_t x = ((const struct turn *)a)->rowid;
    int64_t y = ((const struct turn *)b)->rowid;
    return (x > y) - (x < y);
}

/* One pass over the index, from the least parent to the greatest. */
static quire_status run_parents(struct qr_fold *fold, const struct qr_row *parents, size_t count)
{
    struct qr_reader *reader = fold->reader;
    struct turn *turns = qr_arena_alloc(reader->arena, sizeof *turns * count, reader->err);

    if (turns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        turns[i] = (struct turn){parents[i].rowid, i};
    }
    qsort(turns, count, sizeof *turns, compare_turns);
    for (size_t i = 0; i < count && !fold->done; i++) {
        QR_TRY(run_parent(fold, turns[i].parent, turns[i].rowid));
    }
    return QUIRE_OK;
}

quire_status qr_fold_run(struct qr_fold *fold, const struct qr_row *parents, size_t parent_count,
                         qr_fold_visit visit, void *context)
{
    struct qr_reader *reader = fold->reader;
    struct qr_arena outer = reader->scratch;
    quire_status status;

    reader->scratch = fold->scratch;
    fold->visit = visit;
    fold->context = context;
    fold->done = false;
    fold->count = 0;
    if (parent_count == 1) {
        status = run_parent(fold, 0, parents == NULL ? 0 : parents[0].rowid);
    } else {
        status = parent_count == 0 ? QUIRE_OK : run_parents(fold, parents, parent_count);
    }
    if (status == QUIRE_OK && fold->count > 0 && !fold->done) {
        status = take_batch(fold);
    }
    fold->scratch = reader->scratch;
    reader->scratch = outer;
    return status;
}
