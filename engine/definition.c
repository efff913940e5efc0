/*
 * Creating, changing and dropping tables, trees and indexes.
 *
 * What the caller can get wrong is checked before the first page is written, but
 * for keys that are twice there in a new unique index. The writing is one
 * statement: a failure undoes it, and the transaction goes on without it. Only
 * where no memory is left to forget the old definitions is it doomed.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/object.h"
#include "engine/index.h"
#include "engine/table_view.h"

/* ---- Trees and tables ---- */

quire_status qr_check_name_free(quire_txn *txn, enum qr_object_kind kind, const char *name,
                                quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *other;
    bool found;
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status =
        qr_catalog_find(txn->view, kind, name, strlen(name), &arena, &other, &found, err);
    if (status == QUIRE_OK && found) {
        status = qr_fail(err, QUIRE_EXISTS, "The name \"%s\" is taken by a %s.", name,
                         qr_object_kind_name(other->kind));
    }
    qr_arena_free(&arena);
    return status;
}

static quire_status add_rows(quire_txn *txn, struct qr_object *object, quire_error *err)
{
    struct qr_tree tree;
    QR_TRY(qr_catalog_init(txn->txn, err));
    QR_TRY(qr_catalog_next_id(txn->view, &object->id, err));
    QR_TRY(qr_tree_create(txn->txn, qr_object_tree_kind(object), object->id, 0, &tree, err));
    object->root = tree.root;
    return qr_catalog_add(txn->txn, object, err);
}

quire_status qr_create_rows(quire_txn *txn, struct qr_object *object, quire_error *err)
{
    struct qr_statement statement;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_check_name_free(txn, object->kind, object->name, err));
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = add_rows(txn, object, err);
    QR_TRY(qr_statement_end(txn, &statement, status));
    return qr_schema_changed(txn, err);
}

static quire_status remove_object(void *context, struct qr_object *object, quire_error *err)
{
    quire_txn *txn = context;
    return qr_catalog_remove(txn->txn, object, err);
}

/* The objects of a kind that belong to a table, gathered before the catalog changes. */
struct gathered {
    struct qr_object **objects;
    size_t count, capacity;
    const quire_allocator *allocator;
};

static quire_status gather(void *context, struct qr_object *object, quire_error *err)
{
    struct gathered *gathered = context;
    QR_TRY(qr_grow(gathered->allocator, &gathered->objects, &gathered->capacity,
                   gathered->count + 1, sizeof(struct qr_object *), err));
    gathered->objects[gathered->count++] = object;
    return QUIRE_OK;
}

static quire_status drop_triggers(quire_txn *txn, uint32_t owner, quire_error *err)
{
    struct gathered gathered = {.allocator = &txn->db->allocator};
    struct qr_arena arena;
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status =
        qr_catalog_each(txn->view, QR_OBJECT_TRIGGER, owner, &arena, gather, &gathered, err);
    for (size_t i = 0; status == QUIRE_OK && i < gathered.count; i++) {
        status = remove_object(txn, gathered.objects[i], err);
    }
    qr_free(gathered.allocator, gathered.objects, gathered.capacity * sizeof(struct qr_object *));
    qr_arena_free(&arena);
    return status;
}

static quire_status drop_everything(quire_txn *txn, const struct qr_table_def *def,
                                    quire_error *err)
{
    struct qr_tree rows = qr_table_rows(txn, def);
    for (uint32_t i = 0; i < def->index_count; i++) {
        QR_TRY(qr_index_discard(txn, def->indexes[i].object, err));
        QR_TRY(qr_catalog_remove(txn->txn, def->indexes[i].object, err));
    }
    QR_TRY(drop_triggers(txn, def->object->id, err));
    QR_TRY(qr_tree_drop(&rows, err));
    return qr_catalog_remove(txn->txn, def->object, err);
}

quire_status qr_drop_rows(quire_txn *txn, const struct qr_table_def *def, quire_error *err)
{
    struct qr_statement statement;
    QR_TRY(qr_table_views_refuse_drop(txn, def->object, err));
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = drop_everything(txn, def, err);
    QR_TRY(qr_statement_end(txn, &statement, status));
    return qr_schema_changed(txn, err);
}

quire_status qr_find_table(quire_txn *txn, const char *name, const struct qr_table_def **def,
                           quire_error *err)
{
    QR_TRY(qr_check_name(name, "table", err));
    QR_TRY(qr_schema_find(txn, name, def, err));
    if (*def == NULL || (*def)->object->kind != QR_OBJECT_TABLE) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no table \"%s\".", name);
    }
    return QUIRE_OK;
}

static quire_status check_columns(const quire_column *columns, uint32_t count, quire_error *err)
{
    if (columns == NULL || count == 0 || count > QR_COLUMNS_MAX) {
        return qr_fail(err, QUIRE_MISUSE, "A table has 1 to %u columns.", QR_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        QR_TRY(qr_check_name(columns[i].name, "column", err));
        if (columns[i].type < QUIRE_BOOL || columns[i].type > QUIRE_LIST) {
            return qr_fail(err, QUIRE_MISUSE, "Column \"%s\" has no type of quire_type.",
                           columns[i].name);
        }
    }
    return QUIRE_OK;
}

static int compare_names(const void *a, const void *b)
{
    const quire_column *const *left = a;
    const quire_column *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* Sorting finds doubles among thousands of columns without comparing every pair. */
static quire_status check_distinct(quire_txn *txn, const quire_column *columns, uint32_t count,
                                   quire_error *err)
{
    size_t size = count * sizeof(const quire_column *);
    const quire_column **sorted = qr_alloc(&txn->db->allocator, size, err);
    if (sorted == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &columns[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_names);
    quire_status status = QUIRE_OK;
    for (uint32_t i = 1; i < count && status == QUIRE_OK; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            status =
                qr_fail(err, QUIRE_EXISTS, "There are two columns named \"%s\".", sorted[i]->name);
        }
    }
    qr_free(&txn->db->allocator, sorted, size);
    return status;
}

quire_status quire_table_create(quire_txn *txn, const char *name, const quire_column *columns,
                                uint32_t count, quire_error *err)
{
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_check_name(name, "table", err));
    QR_TRY(check_columns(columns, count, err));
    struct qr_object object = {.kind = QR_OBJECT_TABLE, .name = name, .column_count = count};
    size_t size = count * sizeof *columns;
    object.columns = qr_alloc(&txn->db->allocator, size, err);
    if (object.columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(object.columns, columns, size);
    quire_status status = check_distinct(txn, columns, count, err);
    if (status == QUIRE_OK) {
        status = qr_create_rows(txn, &object, err);
    }
    qr_free(&txn->db->allocator, object.columns, size);
    return status;
}

static quire_status update_object(quire_txn *txn, const struct qr_object *object, quire_error *err)
{
    struct qr_statement statement;
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_update(txn->txn, object, err);
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_table_add_columns(quire_txn *txn, const char *name, const quire_column *columns,
                                     uint32_t count, quire_error *err)
{
    const struct qr_table_def *def;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(check_columns(columns, count, err));
    QR_TRY(qr_find_table(txn, name, &def, err));
    struct qr_object object = *def->object;
    if (count > QR_COLUMNS_MAX - object.column_count) {
        return qr_fail(err, QUIRE_MISUSE, "A table has at most %u columns.", QR_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i].not_null) {
            return qr_fail(err, QUIRE_MISUSE,
                           "The new column \"%s\" must be nullable: present rows have no value.",
                           columns[i].name);
        }
    }
    object.column_count += count;
    size_t size = object.column_count * sizeof *columns;
    object.columns = qr_alloc(&txn->db->allocator, size, err);
    if (object.columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(object.columns, def->object->columns, size - count * sizeof *columns);
    memcpy(object.columns + def->object->column_count, columns, count * sizeof *columns);
    quire_status status = check_distinct(txn, object.columns, object.column_count, err);
    if (status == QUIRE_OK) {
        status = update_object(txn, &object, err);
    }
    qr_free(&txn->db->allocator, object.columns, size);
    return status != QUIRE_OK ? status : qr_schema_changed(txn, err);
}

quire_status quire_table_drop(quire_txn *txn, const char *name, quire_error *err)
{
    const struct qr_table_def *def;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_find_table(txn, name, &def, err));
    return qr_drop_rows(txn, def, err);
}

/* ---- Indexes ---- */

static quire_status fill(quire_txn *txn, const struct qr_table_def *table,
                         const struct qr_index_def *def, quire_error *err)
{
    struct qr_gap all = {INT64_MIN, INT64_MAX};
    struct qr_index index;
    uint64_t rows;
    bool done;
    QR_TRY(qr_index_open(&index, txn, table, def, err));
    quire_status status = qr_index_fill(&index, &all, UINT64_MAX, &rows, &done, err);
    qr_index_close(&index);
    return status;
}

static quire_status build(quire_txn *txn, const struct qr_table_def *table,
                          struct qr_object *object, struct qr_arena *arena, quire_error *err)
{
    struct qr_index_def def;
    QR_TRY(qr_index_define(object, table->object, arena, &def, err));
    QR_TRY(qr_catalog_next_id(txn->view, &object->id, err));
    QR_TRY(qr_index_make(txn, object, err));
    QR_TRY(fill(txn, table, &def, err));
    return qr_catalog_add(txn->txn, object, err);
}

static quire_status create_index(quire_txn *txn, const struct qr_table_def *owner,
                                 const quire_index_def *def, struct qr_arena *arena,
                                 quire_error *err)
{
    struct qr_object object;
    struct qr_statement statement;
    QR_TRY(qr_index_resolve(txn->db, owner->object, def, arena, &object, err));
    QR_TRY(qr_check_name_free(txn, QR_OBJECT_INDEX, def->name, err));
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = build(txn, owner, &object, arena, err);
    QR_TRY(qr_statement_end(txn, &statement, status));
    return qr_schema_changed(txn, err);
}

quire_status quire_index_create(quire_txn *txn, const char *table, const quire_index_def *def,
                                quire_error *err)
{
    const struct qr_table_def *owner;
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_find_table(txn, table, &owner, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = create_index(txn, owner, def, &arena, err);
    qr_arena_free(&arena);
    return status;
}

static quire_status drop_index(quire_txn *txn, const struct qr_object *object, quire_error *err)
{
    struct qr_statement statement;
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_index_discard(txn, object, err);
    if (status == QUIRE_OK) {
        status = qr_catalog_remove(txn->txn, object, err);
    }
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_index_drop(quire_txn *txn, const char *name, quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *object;
    bool found;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_check_name(name, "index", err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = qr_catalog_find(txn->view, QR_OBJECT_INDEX, name, strlen(name), &arena,
                                          &object, &found, err);
    if (status == QUIRE_OK && (!found || object->kind != QR_OBJECT_INDEX)) {
        status = qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no index \"%s\".", name);
    }
    if (status == QUIRE_OK) {
        status = drop_index(txn, object, err);
    }
    if (status == QUIRE_OK) {
        status = qr_schema_changed(txn, err);
    }
    qr_arena_free(&arena);
    return status;
}
