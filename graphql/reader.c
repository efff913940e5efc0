/*
 * Tables and rows of one request: see reader.h.
 */
#include "graphql/reader.h"

#include "graphql/auth.h"
#include "graphql/computed.h"
#include "graphql/sort.h"

struct qr_reader_handle {
    void (*close)(void *object);
    void *object;
    struct qr_reader_handle *next;
};

quire_status qr_reader_init(struct qr_reader *reader, quire_txn *txn, const struct qr_api *api,
                            struct qr_arena *arena, quire_error *err)
{
    const struct qr_model *model = api->model;
    *reader = (struct qr_reader){.txn = txn, .api = api, .arena = arena, .err = err};
    reader->key.allocator = arena->allocator;
    reader->order_key.allocator = arena->allocator;
    qr_arena_init(&reader->scratch, arena->allocator, 0);
    qr_arena_init(&reader->batch, arena->allocator, 0);
    qr_arena_init(&reader->sort[0], arena->allocator, arena->bytes_max);
    qr_arena_init(&reader->sort[1], arena->allocator, arena->bytes_max);
    reader->tables = qr_arena_alloc_zero(
        arena, sizeof(quire_table *) * ((size_t)model->type_count + model->link_count + 1), err);
    reader->touched = qr_arena_alloc_zero(arena, (size_t)model->type_count + 1, err);
    if (reader->tables == NULL || reader->touched == NULL) {
        return QUIRE_NO_MEMORY;
    }
    reader->links = reader->tables + model->type_count;
    return QUIRE_OK;
}

void qr_reader_close_since(struct qr_reader *reader, struct qr_reader_handle *before)
{
    for (struct qr_reader_handle *h = reader->handles; h != before; h = h->next) {
        h->close(h->object);
    }
    qr_auth_renew(reader->auth); /* what it keeps may have been among them */
    reader->handles = before;
}

void qr_reader_close(struct qr_reader *reader)
{
    const struct qr_model *model = reader->api->model;
    qr_reader_close_since(reader, NULL);
    quire_tree_close(reader->sequences);
    reader->sequences = NULL;
    qr_key_free(&reader->key);
    qr_key_free(&reader->order_key);
    qr_arena_free(&reader->scratch);
    qr_arena_free(&reader->batch);
    qr_arena_free(&reader->sort[0]);
    qr_arena_free(&reader->sort[1]);
    if (reader->tables == NULL) {
        return;
    }
    for (uint32_t i = 0; i < model->type_count + model->link_count; i++) {
        quire_table_close(reader->tables[i]);
        reader->tables[i] = NULL;
    }
}

static quire_status open_table(struct qr_reader *reader, const char *name, quire_table **slot,
                               quire_table **out)
{
    if (*slot == NULL) {
        QR_TRY(quire_table_open(reader->txn, name, slot, reader->err));
    }
    *out = *slot;
    return QUIRE_OK;
}

quire_status qr_reader_table(struct qr_reader *reader, const struct qr_model_type *type,
                             quire_table **out)
{
    return open_table(reader, type->stored, &reader->tables[type->index], out);
}

quire_status qr_reader_keep(struct qr_reader *reader, void (*close)(void *object), void *object)
{
    struct qr_reader_handle *handle = qr_arena_alloc(reader->arena, sizeof *handle, reader->err);
    if (handle == NULL) {
        close(object);
        return QUIRE_NO_MEMORY;
    }
    *handle = (struct qr_reader_handle){close, object, reader->handles};
    reader->handles = handle;
    return QUIRE_OK;
}

static void close_table(void *table)
{
    quire_table_close(table);
}

quire_status qr_reader_own_table(struct qr_reader *reader, const struct qr_model_type *type,
                                 quire_table **out)
{
    reader->touched[type->index] = true;
    QR_TRY(quire_table_open(reader->txn, type->stored, out, reader->err));
    return qr_reader_keep(reader, close_table, *out);
}

bool qr_reader_has_read(const struct qr_reader *reader, const struct qr_model_type *type)
{
    return reader->touched[type->index] || reader->tables[type->index] != NULL;
}

quire_status qr_reader_links(struct qr_reader *reader, const struct qr_model_field *field,
                             quire_table **out)
{
    return open_table(reader, field->link_table, &reader->links[field->link_index], out);
}

bool qr_reader_index_serves(const quire_index_def *def)
{
    for (uint32_t i = 0; i < def->column_count; i++) {
        if (def->columns[i].collation != NULL || def->columns[i].expression != NULL) {
            return false;
        }
    }
    return def->where == NULL;
}

int qr_reader_single_index(const quire_table *table, const struct qr_model_field *field,
                           bool unique)
{
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        const quire_index_def *def = quire_table_index(table, i);
        if ((def->unique || !unique) && def->column_count == 1 && qr_reader_index_serves(def) &&
            strcmp(def->columns[0].name, field->column_name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

quire_status qr_reader_find(struct qr_reader *reader, const struct qr_model_field *field,
                            const quire_value *value, int64_t *rowid, bool *found)
{
    quire_table *table;
    int index;

    *found = false;
    if (value->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_table(reader, field->owner, &table));
    index = qr_reader_single_index(table, field, true);
    if (index < 0) {
        return qr_fail(reader->err, QUIRE_SCHEMA,
                       "The table %s has no unique index on %s; apply the schema again.",
                       field->owner->table, field->column_name);
    }
    reader->rows_read++;
    return qr_table_find_unique(table, (uint32_t)index, value, 1, rowid, found, reader->err);
}

quire_status qr_reader_find_by(struct qr_reader *reader, const struct qr_model_type *type,
                               const struct qr_model_index *index, const quire_value *values,
                               int64_t *rowid, bool *found)
{
    quire_table *table;

    QR_TRY(qr_reader_table(reader, type, &table));
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        if (strcmp(quire_table_index(table, i)->name, index->name) == 0) {
            reader->rows_read++;
            return qr_table_find_unique(table, i, values, index->field_count, rowid, found,
                                        reader->err);
        }
    }
    return qr_fail(reader->err, QUIRE_SCHEMA,
                   "The table %s lacks the index %s; apply the schema again.", type->table,
                   index->name);
}

quire_status qr_reader_row(struct qr_reader *reader, const struct qr_model_type *type,
                           int64_t rowid, struct qr_row *row, bool *found)
{
    quire_table *table;
    const void *record;
    size_t size;

    QR_TRY(qr_reader_table(reader, type, &table));
    QR_TRY(quire_table_get(table, rowid, &record, &size, found, reader->err));
    reader->rows_read++;
    if (!*found) {
        return QUIRE_OK;
    }
    *row = (struct qr_row){.rowid = rowid, .place = rowid, .size = size};
    row->record = (const uint8_t *)qr_arena_copy(reader->arena, record, size, reader->err);
    return row->record == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

/* ---- many rows ---- */

/* Rowids in order, each once. */
struct wanted {
    const struct qr_sort_rowid *slots; /* equal ones follow one another */
    int64_t *rowids;
    size_t *starts; /* of each in `slots`, and where these end */
    size_t count;
};

/* What is missing in `slots` are rowids of no row. */
static quire_status make_wanted(struct qr_reader *reader, struct qr_arena *arena,
                                struct qr_sort_rowid *slots, struct qr_sort_rowid *other,
                                size_t count, struct wanted *wanted)
{
    *wanted = (struct wanted){.slots = qr_sort_rowids(slots, other, count)};
    wanted->rowids = qr_arena_alloc(arena, sizeof *wanted->rowids * (count + 1), reader->err);
    wanted->starts = qr_arena_alloc(arena, sizeof *wanted->starts * (count + 1), reader->err);
    if (wanted->rowids == NULL || wanted->starts == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || wanted->slots[i].rowid != wanted->slots[i - 1].rowid) {
            wanted->starts[wanted->count] = i;
            wanted->rowids[wanted->count++] = wanted->slots[i].rowid;
        }
    }
    wanted->starts[wanted->count] = count;
    return QUIRE_OK;
}

struct fetch {
    struct qr_reader *reader;
    struct qr_arena *arena;
    const struct wanted *wanted;
    struct qr_row *rows; /* by index of the slots, or (`each_once`) of the rowids */
    bool each_once;
};

static quire_status take_records(void *context, size_t first, const struct qr_slice *payloads,
                                 size_t count, quire_error *err)
{
    struct fetch *fetch = context;
    const struct wanted *wanted = fetch->wanted;

    QR_TRY(qr_reader_steps(fetch->reader, count));
    for (size_t i = 0; i < count; i++) {
        if (payloads[i].data == NULL) {
            continue;
        }
        const char *copy = qr_arena_copy(fetch->arena, payloads[i].data, payloads[i].size, err);
        if (copy == NULL) {
            return qr_gql_memory_status(err);
        }
        fetch->reader->rows_read++;
        struct qr_row found = {.rowid = wanted->rowids[first + i],
                               .place = wanted->rowids[first + i],
                               .record = (const uint8_t *)copy,
                               .size = payloads[i].size};
        if (fetch->each_once) {
            fetch->rows[first + i] = found;
            continue;
        }
        for (size_t s = wanted->starts[first + i]; s < wanted->starts[first + i + 1]; s++) {
            struct qr_row *row = &fetch->rows[wanted->slots[s].index];
            row->record = found.record;
            row->size = found.size;
        }
    }
    return QUIRE_OK;
}

quire_status qr_reader_fetch(struct qr_reader *reader, struct qr_arena *arena,
                             const struct qr_model_type *type, struct qr_row *rows, size_t count)
{
    quire_table *table;
    struct qr_sort_rowid *slots;
    struct wanted wanted;

    if (count == 0) {
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_table(reader, type, &table));
    slots = qr_arena_alloc(arena, 2 * sizeof *slots * count, reader->err);
    if (slots == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        slots[i] = (struct qr_sort_rowid){rows[i].rowid, i};
    }
    QR_TRY(make_wanted(reader, arena, slots, slots + count, count, &wanted));
    struct fetch fetch = {reader, arena, &wanted, rows, false};
    return qr_table_fetch_runs(table, wanted.rowids, wanted.count, take_records, &fetch,
                               reader->err);
}

quire_status qr_reader_unite(struct qr_reader *reader, const struct qr_model_type *type,
                             const int64_t *rowids, size_t count, size_t *links,
                             struct qr_row **rows, size_t *found)
{
    struct qr_arena *arena = reader->arena;
    quire_table *table;
    struct wanted wanted;
    size_t given = 0;
    struct qr_sort_rowid *slots =
        qr_arena_alloc(arena, 2 * sizeof *slots * (count + 1), reader->err);

    *found = 0;
    if (slots == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        links[i] = 0;
        if (rowids[i] != 0) {
            slots[given++] = (struct qr_sort_rowid){rowids[i], i};
        }
    }
    QR_TRY(make_wanted(reader, arena, slots, slots + count + 1, given, &wanted));
    *rows = qr_arena_alloc_zero(arena, sizeof **rows * (wanted.count + 1), reader->err);
    if (*rows == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_reader_table(reader, type, &table));
    struct fetch fetch = {reader, arena, &wanted, *rows, true};
    QR_TRY(
        qr_table_fetch_runs(table, wanted.rowids, wanted.count, take_records, &fetch, reader->err));
    for (size_t i = 0; i < wanted.count; i++) {
        if ((*rows)[i].record == NULL) {
            continue;
        }
        (*rows)[(*found)++] = (*rows)[i];
        for (size_t s = wanted.starts[i]; s < wanted.starts[i + 1]; s++) {
            links[wanted.slots[s].index] = *found;
        }
    }
    return QUIRE_OK;
}

quire_status qr_reader_column(struct qr_reader *reader, const struct qr_row *row,
                              const struct qr_model_field *field, quire_value *value)
{
    if (field->role == QR_MODEL_COMPUTED) {
        return qr_computed_value(reader, row, field, value);
    }
    if (row->record != NULL) {
        return quire_record_column(row->record, row->size, field->column, value, reader->err);
    }
    QR_TRY(quire_index_cursor_column(row->entry, field->column, value, reader->err));
    if (value->size > 0) {
        value->as.bytes =
            qr_arena_copy(&reader->scratch, value->as.bytes, value->size, reader->err);
        return value->as.bytes == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    return QUIRE_OK;
}

/* ---- links ---- */

quire_status qr_link_walk_open(struct qr_reader *reader, const struct qr_model_field *field,
                               bool reverse, struct qr_link_walk *walk)
{
    /* The link table's indexes stand on (owner) and (target), in this order. */
    uint32_t side = field->link_owner ? 0 : 1;

    *walk = (struct qr_link_walk){.other = 1 - side, .reverse = reverse, .err = reader->err};
    QR_TRY(qr_reader_links(reader, field, &walk->table));
    for (uint32_t i = 0; i < quire_table_index_count(walk->table); i++) {
        const quire_index_def *def = quire_table_index(walk->table, i);
        if (def->column_count == 1 && qr_reader_index_serves(def) &&
            strcmp(def->columns[0].name, side == 0 ? "owner" : "target") == 0) {
            walk->index = i;
            return QUIRE_OK;
        }
    }
    return qr_fail(reader->err, QUIRE_SCHEMA, "The link table %s lacks an index.",
                   field->link_table);
}

quire_status qr_link_walk_start(struct qr_link_walk *walk, int64_t rowid)
{
    quire_value self = quire_int(rowid);
    quire_index_range range = {.prefix = &self, .prefix_count = 1, .reverse = walk->reverse};
    return walk->cursor != NULL ? qr_index_cursor_restart(walk->cursor, &range, walk->err)
                                : quire_index_cursor_open(walk->table, walk->index, &range,
                                                          &walk->cursor, walk->err);
}

quire_status qr_link_walk_next(struct qr_link_walk *walk, int64_t *link, int64_t *target,
                               bool *valid)
{
    const void *record;
    size_t size;
    quire_value value;

    QR_TRY(quire_index_cursor_next(walk->cursor, link, valid, walk->err));
    if (!*valid || target == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(quire_table_get(walk->table, *link, &record, &size, valid, walk->err));
    if (!*valid) {
        return qr_fail(walk->err, QUIRE_CORRUPT,
                       "An index of a link table has an entry without its row; run 'quire "
                       "inspect'.");
    }
    QR_TRY(quire_record_column(record, size, walk->other, &value, walk->err));
    *target = value.as.integer;
    return QUIRE_OK;
}

void qr_link_walk_close(struct qr_link_walk *walk)
{
    quire_index_cursor_close(walk->cursor);
    walk->cursor = NULL;
}
