/*
 * Open views, and cursors over their rows.
 *
 * A view reads through a handle of its table. What it knows of its definition
 * is of one schema; after a schema change in its transaction it reads the
 * definition again. Values that it lends borrow from the table's handle or from
 * an arena that is emptied for each row.
 *
 * A cursor walks the table, or an index, or, when the rows must be sorted, a
 * list of their keys that the first move makes.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/key.h"
#include "catalog/record.h"
#include "engine/table_view.h"
#include "engine/trigger.h"

struct quire_view {
    quire_allocator allocator;
    quire_table *table;
    struct qr_arena arena; /* the definition */
    const struct qr_object *object;
    const struct qr_table_view *def;
    quire_value *values;            /* of one row */
    const quire_view_cursor *shown; /* whose row that is; NULL: no cursor's */
    uint32_t epoch;                 /* of the schema that the definition is of */
    struct qr_arena scratch;
};

/* A row on the list of a sort. */
struct sorted_row {
    const uint8_t *key;
    size_t size;
    int64_t rowid;
};

enum walk { BEGINNING, WALKING, ENDED };

struct quire_view_cursor {
    quire_view *view;
    struct qr_view_path path;
    uint32_t epoch;
    enum walk walk;
    bool unordered; /* the order does not matter */
    int64_t rowid;
    quire_cursor *rows;          /* of the table, or */
    quire_index_cursor *entries; /* of an index */
    struct qr_arena keys;        /* or the keys of a sort, */
    struct sorted_row *sorted;   /* and the rows in order */
    size_t sorted_count, sorted_capacity, sorted_at;
};

/* ---- Views ---- */

/* Reads the definition into an empty arena. */
static quire_status load(quire_txn *txn, const char *name, struct qr_arena *arena, quire_view *view,
                         const char **table_name, quire_error *err)
{
    struct qr_object *object;
    struct qr_object *table;
    struct qr_table_view *def;
    QR_TRY(qr_table_view_find(txn, name, arena, &object, &table, err));
    QR_TRY(qr_table_view_decode(object, table, arena, &def, err));
    quire_value *values = qr_arena_alloc(arena, def->column_count * sizeof *values, err);
    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    view->object = object;
    view->def = def;
    view->values = values;
    view->shown = NULL;
    view->epoch = txn->schema_epoch;
    *table_name = table->name;
    return QUIRE_OK;
}

quire_status quire_view_open(quire_txn *txn, const char *name, quire_view **out, quire_error *err)
{
    const char *table = NULL;
    if (txn == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_view_open needs a transaction and a place for the handle.");
    }
    *out = NULL;
    quire_view *view = qr_alloc_zero(&txn->db->allocator, sizeof *view, err);
    if (view == NULL) {
        return QUIRE_NO_MEMORY;
    }
    view->allocator = txn->db->allocator;
    qr_arena_init(&view->arena, &view->allocator, 0);
    qr_arena_init(&view->scratch, &view->allocator, 0);
    quire_status status = load(txn, name, &view->arena, view, &table, err);
    if (status == QUIRE_OK) {
        status = quire_table_open(txn, table, &view->table, err);
    }
    if (status != QUIRE_OK) {
        quire_view_close(view);
        return status;
    }
    *out = view;
    return QUIRE_OK;
}

void quire_view_close(quire_view *view)
{
    if (view == NULL) {
        return;
    }
    quire_table_close(view->table);
    qr_arena_free(&view->scratch);
    qr_arena_free(&view->arena);
    quire_allocator allocator = view->allocator;
    qr_free(&allocator, view, sizeof *view);
}

/* After a schema change: the same view, as it is now. */
static quire_status reload(quire_txn *txn, quire_view *view, quire_error *err)
{
    struct qr_arena arena;
    uint32_t id = view->object->id;
    quire_view fresh = *view;
    const char *table;
    qr_arena_init(&arena, &view->allocator, 0);
    quire_status status = load(txn, view->object->name, &arena, &fresh, &table, err);
    if (status == QUIRE_OK && fresh.object->id != id) {
        status = qr_fail(err, QUIRE_UNKNOWN_NAME, "The view is another one.");
    }
    if (status != QUIRE_OK) {
        qr_arena_free(&arena);
        return status != QUIRE_UNKNOWN_NAME
                   ? status
                   : qr_fail(err, QUIRE_MISUSE,
                             "View \"%s\" was dropped after this handle was opened.",
                             view->object->name);
    }
    qr_arena_free(&view->arena);
    *view = fresh;
    view->arena = arena;
    return QUIRE_OK;
}

/* Every call begins here. */
static quire_status check_view(quire_view *view, quire_error *err)
{
    if (view == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a view.");
    }
    quire_txn *txn = qr_table_txn(view->table);
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The transaction of this handle has ended.");
    }
    return view->epoch == txn->schema_epoch ? QUIRE_OK : reload(txn, view, err);
}

uint32_t quire_view_column_count(const quire_view *view)
{
    return view == NULL ? 0 : view->def->column_count;
}

const quire_column *quire_view_column(const quire_view *view, uint32_t column)
{
    return column >= quire_view_column_count(view) ? NULL : &view->def->columns[column];
}

const quire_view_def *quire_view_definition(const quire_view *view)
{
    return view == NULL ? NULL : &view->def->names;
}

/* ---- Rows ---- */

/* Makes the view's row from the table's, if it belongs. */
static quire_status project(quire_view *view, const void *record, size_t size, bool *belongs,
                            quire_error *err)
{
    const struct qr_table_view *def = view->def;
    *belongs = true;
    view->shown = NULL;
    qr_arena_reset(&view->scratch);
    if (def->filter != NULL) {
        QR_TRY(qr_expression_holds(def->filter, record, size, &view->scratch, belongs, err));
    }
    if (!*belongs) {
        return QUIRE_OK;
    }
    if (def->picked != NULL) {
        return qr_record_pick(record, size, def->picked, def->column_count, view->values, err);
    }
    for (uint32_t i = 0; i < def->column_count; i++) {
        QR_TRY(qr_expression_evaluate(def->values[i], record, size, &view->scratch,
                                      &view->values[i], err));
    }
    return QUIRE_OK;
}

static quire_status read_row(quire_view *view, int64_t rowid, bool *found, quire_error *err)
{
    const void *record;
    size_t size;
    QR_TRY(quire_table_get(view->table, rowid, &record, &size, found, err));
    return *found ? project(view, record, size, found, err) : QUIRE_OK;
}

quire_status quire_view_get(quire_view *view, int64_t rowid, const quire_value **values,
                            bool *found, quire_error *err)
{
    *values = NULL;
    *found = false;
    QR_TRY(check_view(view, err));
    QR_TRY(read_row(view, rowid, found, err));
    *values = *found ? view->values : NULL;
    return QUIRE_OK;
}

quire_status quire_view_path(quire_view *view, const quire_index_def **index, bool *sorts,
                             quire_error *err)
{
    struct qr_view_path path;
    *index = NULL;
    *sorts = false;
    QR_TRY(check_view(view, err));
    uint64_t rows;
    QR_TRY(quire_table_row_count(view->table, &rows, err)); /* brings its handle up to date */
    qr_table_view_path(view->def, qr_table_definition(view->table), &path);
    *index = path.index == NULL ? NULL : &path.index->names;
    *sorts = path.sorts;
    return QUIRE_OK;
}

quire_status quire_view_count(quire_view *view, uint64_t *rows, quire_error *err)
{
    quire_view_cursor *cursor;
    bool valid = true;
    *rows = 0;
    QR_TRY(check_view(view, err));
    if (view->def->filter == NULL) {
        return quire_table_row_count(view->table, rows, err);
    }
    QR_TRY(quire_view_cursor_open(view, &cursor, err));
    cursor->unordered = true;
    quire_status status = quire_view_cursor_next(cursor, &valid, err);
    while (status == QUIRE_OK && valid) {
        ++*rows;
        status = quire_view_cursor_next(cursor, &valid, err);
    }
    quire_view_cursor_close(cursor);
    return status;
}

/* ---- Cursors ---- */

quire_status quire_view_cursor_open(quire_view *view, quire_view_cursor **out, quire_error *err)
{
    if (out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_view_cursor_open needs a place for the cursor.");
    }
    *out = NULL;
    QR_TRY(check_view(view, err));
    quire_view_cursor *cursor = qr_alloc_zero(&view->allocator, sizeof *cursor, err);
    if (cursor == NULL) {
        return QUIRE_NO_MEMORY;
    }
    cursor->view = view;
    qr_arena_init(&cursor->keys, &view->allocator, 0);
    *out = cursor;
    return QUIRE_OK;
}

static void close_walk(quire_view_cursor *cursor)
{
    quire_cursor_close(cursor->rows);
    quire_index_cursor_close(cursor->entries);
    qr_arena_free(&cursor->keys);
    qr_free(&cursor->view->allocator, cursor->sorted,
            cursor->sorted_capacity * sizeof *cursor->sorted);
    cursor->rows = NULL;
    cursor->entries = NULL;
    cursor->sorted = NULL;
    cursor->sorted_count = cursor->sorted_capacity = cursor->sorted_at = 0;
    cursor->walk = BEGINNING;
}

void quire_view_cursor_close(quire_view_cursor *cursor)
{
    if (cursor != NULL) {
        close_walk(cursor);
        cursor->view->shown = NULL;
        quire_allocator allocator = cursor->view->allocator;
        qr_free(&allocator, cursor, sizeof *cursor);
    }
}

/* The next row of the table, or of the index, whether it belongs or not. */
static quire_status step(quire_view_cursor *cursor, const void **record, size_t *size, bool *valid,
                         quire_error *err)
{
    if (cursor->entries == NULL) {
        QR_TRY(quire_cursor_next(cursor->rows, valid, err));
        return *valid ? quire_cursor_row(cursor->rows, &cursor->rowid, record, size, err)
                      : QUIRE_OK;
    }
    bool found = false;
    do {
        QR_TRY(quire_index_cursor_next(cursor->entries, &cursor->rowid, valid, err));
        if (*valid) {
            QR_TRY(quire_table_get(cursor->view->table, cursor->rowid, record, size, &found, err));
        }
    } while (*valid && !found);
    return QUIRE_OK;
}

static quire_status keep_key(quire_view_cursor *cursor, const struct qr_key *key, size_t *bytes,
                             quire_error *err)
{
    *bytes += key->size + sizeof *cursor->sorted;
    if (*bytes > QR_VIEW_SORT_MAX) {
        return qr_fail(err, QUIRE_LIMIT,
                       "Sorting the rows of view \"%s\" takes more than %zu bytes; create a B-tree "
                       "index over the columns of its order.",
                       cursor->view->object->name, QR_VIEW_SORT_MAX);
    }
    QR_TRY(qr_grow(&cursor->view->allocator, &cursor->sorted, &cursor->sorted_capacity,
                   cursor->sorted_count + 1, sizeof *cursor->sorted, err));
    const char *copy = qr_arena_copy(&cursor->keys, key->bytes, key->size, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    cursor->sorted[cursor->sorted_count++] = (struct sorted_row){
        .key = (const uint8_t *)copy, .size = key->size, .rowid = cursor->rowid};
    return QUIRE_OK;
}

static quire_status make_key(quire_view_cursor *cursor, const void *record, size_t size,
                             struct qr_key *key, quire_error *err)
{
    const struct qr_table_view *def = cursor->view->def;
    quire_value values[QR_VIEW_ORDER_MAX];
    QR_TRY(qr_record_pick(record, size, def->order, def->order_count, values, err));
    qr_key_clear(key);
    for (uint32_t i = 0; i < def->order_count; i++) {
        QR_TRY(qr_key_append(key, &values[i], def->descending[i], err));
    }
    return qr_key_append_rowid(key, cursor->rowid, err);
}

static int compare_rows(const void *a, const void *b)
{
    const struct sorted_row *left = a;
    const struct sorted_row *right = b;
    size_t shared = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->key, right->key, shared);
    return order != 0 ? order : (left->size > right->size) - (left->size < right->size);
}

/* Lists the rows that belong, with their keys. */
static quire_status list_rows(quire_view_cursor *cursor, struct qr_key *key, quire_error *err)
{
    quire_view *view = cursor->view;
    const void *record;
    size_t size;
    size_t bytes = 0;
    bool valid;
    QR_TRY(step(cursor, &record, &size, &valid, err));
    while (valid) {
        bool belongs = true;
        qr_arena_reset(&view->scratch);
        if (view->def->filter != NULL) {
            QR_TRY(qr_expression_holds(view->def->filter, record, size, &view->scratch, &belongs,
                                       err));
        }
        if (belongs) {
            QR_TRY(make_key(cursor, record, size, key, err));
            QR_TRY(keep_key(cursor, key, &bytes, err));
        }
        QR_TRY(step(cursor, &record, &size, &valid, err));
    }
    return QUIRE_OK;
}

static quire_status sort_rows(quire_view_cursor *cursor, quire_error *err)
{
    struct qr_key key = {.allocator = &cursor->view->allocator};
    quire_status status = list_rows(cursor, &key, err);
    qr_key_free(&key);
    if (status == QUIRE_OK && cursor->sorted_count > 1) {
        qsort(cursor->sorted, cursor->sorted_count, sizeof *cursor->sorted, compare_rows);
    }
    return status;
}

static quire_status begin_walk(quire_view_cursor *cursor, quire_error *err)
{
    quire_view *view = cursor->view;
    uint64_t rows;
    QR_TRY(quire_table_row_count(view->table, &rows, err)); /* brings its handle up to date */
    cursor->epoch = view->epoch;
    qr_table_view_path(view->def, qr_table_definition(view->table), &cursor->path);
    const struct qr_view_path *path = &cursor->path;
    if (path->index != NULL) {
        QR_TRY(quire_index_cursor_open(view->table, path->number, &path->range, &cursor->entries,
                                       err));
    } else {
        QR_TRY(quire_table_cursor(view->table, &cursor->rows, err));
    }
    if (path->sorts && !cursor->unordered) {
        QR_TRY(sort_rows(cursor, err));
    }
    cursor->walk = WALKING;
    return QUIRE_OK;
}

/* The next row that belongs. */
static quire_status advance(quire_view_cursor *cursor, bool *valid, quire_error *err)
{
    const void *record;
    size_t size;
    bool belongs = false;
    *valid = true;
    while (*valid && !belongs) {
        if (cursor->path.sorts && !cursor->unordered) {
            *valid = cursor->sorted_at < cursor->sorted_count;
            if (*valid) {
                cursor->rowid = cursor->sorted[cursor->sorted_at++].rowid;
                QR_TRY(read_row(cursor->view, cursor->rowid, &belongs, err));
            }
            continue;
        }
        QR_TRY(step(cursor, &record, &size, valid, err));
        if (*valid) {
            QR_TRY(project(cursor->view, record, size, &belongs, err));
        }
    }
    return QUIRE_OK;
}

static quire_status check_cursor(quire_view_cursor *cursor, quire_error *err)
{
    if (cursor == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a cursor.");
    }
    return check_view(cursor->view, err);
}

quire_status quire_view_cursor_next(quire_view_cursor *cursor, bool *valid, quire_error *err)
{
    *valid = false;
    QR_TRY(check_cursor(cursor, err));
    cursor->view->shown = NULL;
    if (cursor->walk == BEGINNING) {
        quire_status status = begin_walk(cursor, err);
        if (status != QUIRE_OK) {
            close_walk(cursor);
            return status;
        }
    }
    if (cursor->epoch != cursor->view->epoch) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The schema has changed during the walk over view \"%s\": begin it again.",
                       cursor->view->object->name);
    }
    if (cursor->walk == ENDED) {
        return QUIRE_OK;
    }
    QR_TRY(advance(cursor, valid, err));
    cursor->view->shown = *valid ? cursor : NULL;
    cursor->walk = *valid ? WALKING : ENDED;
    return QUIRE_OK;
}

quire_status quire_view_cursor_first(quire_view_cursor *cursor, bool *valid, quire_error *err)
{
    *valid = false;
    QR_TRY(check_cursor(cursor, err));
    close_walk(cursor);
    return quire_view_cursor_next(cursor, valid, err);
}

quire_status quire_view_cursor_row(const quire_view_cursor *cursor, int64_t *rowid,
                                   const quire_value **values, quire_error *err)
{
    if (cursor == NULL || cursor->view->shown != cursor) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The cursor is on no row, or its view has shown another one since.");
    }
    *rowid = cursor->rowid;
    *values = cursor->view->values;
    return QUIRE_OK;
}
