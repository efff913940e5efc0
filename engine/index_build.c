/*
 * Building an index while others write.
 *
 * The index is made empty, and marked as being built: writers keep it up,
 * readers do not see it. Beside it the catalog says which rows have no entry
 * yet, its gap: from INT64_MIN to the largest rowid of that moment. Batch by
 * batch, each a short write transaction, the builder makes entries in rowid
 * order and moves the beginning of the gap. Whoever changes a row outside the
 * gap changes its entry too; what happens to a row inside, the builder will see
 * when it gets there. Rows above the gap are their writers' from the first, so
 * the end stays where it is and the builder arrives however much is appended.
 * The last batch takes mark and gap away.
 *
 * Each batch commits entries and gap together: after a crash the index is as
 * far as its gap says, and the building can go on. Two builders of one index
 * only take turns.
 *
 * Any thread; the database is used as any application would.
 */
#include <string.h>

#include "base/clock.h"
#include "engine/index.h"
#include "quire/maintenance.h"

#define BATCH_ROWS 4096U
#define OWNER      "index build"
/* How long the builder stands back when others wait: time enough for a sleeper to wake. */
#define PAUSE_NS UINT64_C(1000000)

struct builder {
    quire_db *db;
    const char *table;
    const quire_index_def *wanted;
    uint64_t batch_rows;
    uint32_t id; /* of the index */
    uint64_t done, total;
    bool complete;
    bool clash; /* two rows have one key of a unique index */
};

/* ---- Transactions ---- */

/* One step of the builder, in a write transaction of its own. The program's before_commit may use
 * the transaction behind it: it has to see the catalog as the step leaves it. */
typedef quire_status (*build_step)(struct builder *builder, quire_txn *txn, struct qr_arena *arena,
                                   quire_error *err);

static quire_status in_transaction(struct builder *builder, build_step step, quire_error *err)
{
    static const quire_begin_options options = {.size = sizeof options, .owner = OWNER};
    struct qr_arena arena;
    quire_txn *txn;
    QR_TRY(quire_begin_with(builder->db, QUIRE_WRITE, &options, &txn, err));
    qr_arena_init(&arena, &builder->db->allocator, 0);
    quire_status status = step(builder, txn, &arena, err);
    qr_arena_free(&arena);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

/* Who leaves the writer lock hands it to nobody: the builder would take it again before anyone who
 * sleeps is awake. */
static void let_others_in(quire_db *db)
{
    _Atomic uint32_t nobody_wakes = 0;
    if (atomic_load(&db->writers) > 0) {
        (void)qr_futex_wait(&nobody_wakes, 0, qr_clock_monotonic_ns() + PAUSE_NS);
    }
}

/* ---- Beginning ---- */

/* The largest rowid of the table ends the gap; an empty table has none. */
static quire_status find_gap(quire_txn *txn, const struct qr_table_def *table, struct qr_gap *gap,
                             quire_error *err)
{
    struct qr_tree rows = qr_table_rows(txn, table);
    struct qr_tree_cursor *cursor;
    struct qr_tree_key last;
    bool valid;
    *gap = (struct qr_gap){.next = 0, .last = -1};
    QR_TRY(qr_tree_cursor_open(&rows, &cursor, err));
    quire_status status = qr_tree_cursor_last(cursor, &valid, err);
    if (status == QUIRE_OK && valid) {
        status = qr_tree_cursor_key(cursor, &last, err);
        *gap = (struct qr_gap){.next = INT64_MIN, .last = last.rowid};
    }
    qr_tree_cursor_close(cursor);
    return status;
}

static quire_status add_unfinished(quire_txn *txn, const struct qr_table_def *table,
                                   struct qr_object *object, quire_error *err)
{
    struct qr_gap gap;
    object->building = true;
    QR_TRY(find_gap(txn, table, &gap, err));
    QR_TRY(qr_catalog_next_id(txn->view, &object->id, err));
    QR_TRY(qr_index_make(txn, object, err));
    QR_TRY(qr_catalog_add(txn->txn, object, err));
    QR_TRY(qr_catalog_set_gap(txn->txn, object->id, &gap, err));
    return qr_schema_changed(txn, err);
}

/* Makes the index, or finds it as an earlier builder left it. */
static quire_status begin_building(struct builder *builder, quire_txn *txn, struct qr_arena *arena,
                                   quire_error *err)
{
    const struct qr_table_def *table;
    struct qr_object object;
    struct qr_object *present;
    bool found;
    QR_TRY(qr_find_table(txn, builder->table, &table, err));
    QR_TRY(qr_index_resolve(builder->db, table->object, builder->wanted, arena, &object, err));
    struct qr_tree rows = qr_table_rows(txn, table);
    QR_TRY(qr_tree_count(&rows, &builder->total, err));
    QR_TRY(qr_catalog_find(txn->view, QR_OBJECT_INDEX, object.name, strlen(object.name), arena,
                           &present, &found, err));
    if (found && present->building && qr_index_same(present, &object)) {
        builder->id = present->id;
        return QUIRE_OK;
    }
    QR_TRY(add_unfinished(txn, table, &object, err)); /* EXISTS if another has the name */
    builder->id = object.id;
    return QUIRE_OK;
}

/* ---- A batch ---- */

/* The index and its table as the transaction sees them; *def NULL when the index is complete. */
static quire_status find_index(const struct builder *builder, quire_txn *txn,
                               struct qr_arena *arena, struct qr_object **object,
                               const struct qr_table_def **table, const struct qr_index_def **def,
                               quire_error *err)
{
    struct qr_object *owner;
    bool found;
    *def = NULL;
    QR_TRY(qr_catalog_find_id(txn->view, builder->id, arena, object, &found, err));
    if (!found) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "Index \"%s\" was dropped while it was built.",
                       builder->wanted->name);
    }
    if (!(*object)->building) {
        return QUIRE_OK;
    }
    QR_TRY(qr_catalog_find_id(txn->view, (*object)->owner, arena, &owner, &found, err));
    if (found) {
        QR_TRY(qr_find_table(txn, owner->name, table, err));
    }
    for (uint32_t i = 0; found && i < (*table)->index_count; i++) {
        if ((*table)->indexes[i].object->id == builder->id) {
            *def = &(*table)->indexes[i];
            return QUIRE_OK;
        }
    }
    return qr_fail(err, QUIRE_CORRUPT, "The catalog is damaged: index \"%s\" has no table.",
                   (*object)->name);
}

static quire_status build_batch(struct builder *builder, quire_txn *txn, struct qr_arena *arena,
                                quire_error *err)
{
    const struct qr_table_def *table;
    const struct qr_index_def *def;
    struct qr_object *object;
    struct qr_index index;
    uint64_t rows = 0;
    bool done = false;
    QR_TRY(find_index(builder, txn, arena, &object, &table, &def, err));
    if (def == NULL) {
        builder->complete = true; /* another has finished it */
        return QUIRE_OK;
    }
    QR_TRY(qr_index_open(&index, txn, table, def, err));
    struct qr_gap gap = index.gap;
    quire_status status = qr_index_fill(&index, &gap, builder->batch_rows, &rows, &done, err);
    qr_index_close(&index);
    builder->clash = status == QUIRE_UNIQUE;
    QR_TRY(status);
    builder->done += rows;
    builder->complete = done;
    if (!done) {
        return qr_catalog_set_gap(txn->txn, object->id, &gap, err);
    }
    object->building = false;
    QR_TRY(qr_catalog_update(txn->txn, object, err));
    return qr_schema_changed(txn, err);
}

static quire_status drop_unfinished(struct builder *builder, quire_txn *txn, struct qr_arena *arena,
                                    quire_error *err)
{
    struct qr_object *object;
    bool found;
    QR_TRY(qr_catalog_find_id(txn->view, builder->id, arena, &object, &found, err));
    if (!found || !object->building) {
        return QUIRE_OK;
    }
    QR_TRY(qr_index_discard(txn, object, err));
    QR_TRY(qr_catalog_remove(txn->txn, object, err));
    return qr_schema_changed(txn, err);
}

/* ---- The whole ---- */

static quire_status tell(const struct builder *builder, const quire_index_build_options *options,
                         quire_error *err)
{
    quire_progress progress = {.done = builder->done, .total = builder->total};
    if (options == NULL || options->progress == NULL ||
        options->progress(options->context, &progress)) {
        return QUIRE_OK;
    }
    return qr_fail(err, QUIRE_INTERRUPTED, "The building of index \"%s\" was interrupted.",
                   builder->wanted->name);
}

quire_status quire_index_build(quire_db *db, const char *table, const quire_index_def *def,
                               const quire_index_build_options *options, quire_error *err)
{
    if (db == NULL || def == NULL || (options != NULL && options->size != sizeof *options)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_index_build needs a database, a definition and options that start "
                       "from QUIRE_INDEX_BUILD_OPTIONS_INIT.");
    }
    struct builder builder = {.db = db, .table = table, .wanted = def, .batch_rows = BATCH_ROWS};
    if (options != NULL && options->batch_rows > 0) {
        builder.batch_rows = options->batch_rows;
    }
    QR_TRY(in_transaction(&builder, begin_building, err));
    while (!builder.complete) {
        let_others_in(db);
        quire_status status = in_transaction(&builder, build_batch, err);
        if (builder.clash) {
            QR_TRY(in_transaction(&builder, drop_unfinished, err));
        }
        QR_TRY(status);
        if (!builder.complete) {
            QR_TRY(tell(&builder, options, err));
        }
    }
    return QUIRE_OK;
}
