/*
 * New names for tables, columns and indexes, and columns that may be null. The
 * rows, the entries and what refers to objects by number stay as they are; what
 * refers to columns by name, the expressions of indexes and of views, is why
 * some renames are refused.
 */
#include <string.h>

#include "engine/expression.h"
#include "engine/index.h"
#include "engine/table_view.h"

static quire_status rename_object(quire_txn *txn, const struct qr_object *object, const char *name,
                                  quire_error *err)
{
    struct qr_statement statement;
    QR_TRY(qr_check_name(name, "relation", err));
    QR_TRY(qr_check_name_free(txn, object->kind, name, err));
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_rename(txn->txn, object, name, err);
    QR_TRY(qr_statement_end(txn, &statement, status));
    return qr_schema_changed(txn, err);
}

quire_status quire_table_rename(quire_txn *txn, const char *name, const char *new_name,
                                quire_error *err)
{
    const struct qr_table_def *def;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_find_table(txn, name, &def, err));
    return rename_object(txn, def->object, new_name, err);
}

static quire_status rename_index(quire_txn *txn, const char *name, const char *new_name,
                                 struct qr_arena *arena, quire_error *err)
{
    struct qr_object *object;
    bool found;
    QR_TRY(qr_catalog_find(txn->view, QR_OBJECT_INDEX, name, strlen(name), arena, &object, &found,
                           err));
    if (!found || object->kind != QR_OBJECT_INDEX) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no index \"%s\".", name);
    }
    return rename_object(txn, object, new_name, err);
}

quire_status quire_index_rename(quire_txn *txn, const char *name, const char *new_name,
                                quire_error *err)
{
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_check_name(name, "index", err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = rename_index(txn, name, new_name, &arena, err);
    qr_arena_free(&arena);
    return status;
}

/* ---- columns ---- */

static bool find_column(const struct qr_object *table, const char *name, uint32_t *column)
{
    for (*column = 0; *column < table->column_count; (*column)++) {
        if (strcmp(table->columns[*column].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool computes_with(const struct qr_index_def *index, uint32_t column)
{
    bool used = index->where != NULL && qr_expression_uses(index->where, column);
    for (uint32_t part = 0; part < index->object->key_count && !used; part++) {
        const struct qr_expression *expression = index->sources[part].expression;
        used = expression != NULL && qr_expression_uses(expression, column);
    }
    return used;
}

bool qr_table_index_computes_with(const quire_table *table, uint32_t index, uint32_t column)
{
    return index < quire_table_index_count(table) &&
           computes_with(&((const struct qr_handle *)table)->def->indexes[index], column);
}

/* Expressions name columns: whoever renames one would have to rewrite them. */
static quire_status check_unused(const struct qr_table_def *def, uint32_t column, quire_error *err)
{
    for (uint32_t i = 0; i < def->index_count; i++) {
        const struct qr_index_def *index = &def->indexes[i];
        if (computes_with(index, column)) {
            return qr_fail(err, QUIRE_MISUSE,
                           "The column \"%s\" is used in an expression of index \"%s\": drop the "
                           "index first.",
                           def->object->columns[column].name, index->object->name);
        }
    }
    return QUIRE_OK;
}

static quire_status update_object(quire_txn *txn, const struct qr_object *object, quire_error *err)
{
    struct qr_statement statement;
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_update(txn->txn, object, err);
    QR_TRY(qr_statement_end(txn, &statement, status));
    return qr_schema_changed(txn, err);
}

/* Stores another definition of one column. */
static quire_status change_column(quire_txn *txn, const struct qr_object *table, uint32_t number,
                                  quire_column column, quire_error *err)
{
    struct qr_object object = *table;
    size_t size = object.column_count * sizeof *object.columns;
    object.columns = qr_alloc(&txn->db->allocator, size, err);
    if (object.columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(object.columns, table->columns, size);
    object.columns[number] = column;
    quire_status status = update_object(txn, &object, err);
    qr_free(&txn->db->allocator, object.columns, size);
    return status;
}

quire_status quire_table_rename_column(quire_txn *txn, const char *name, const char *column,
                                       const char *new_column, quire_error *err)
{
    const struct qr_table_def *def;
    uint32_t number;
    uint32_t other;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_find_table(txn, name, &def, err));
    QR_TRY(qr_check_name(column, "column", err));
    QR_TRY(qr_check_name(new_column, "column", err));
    if (!find_column(def->object, column, &number)) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "Table \"%s\" has no column \"%s\".", name, column);
    }
    if (find_column(def->object, new_column, &other)) {
        return qr_fail(err, QUIRE_EXISTS, "Table \"%s\" has a column \"%s\" already.", name,
                       new_column);
    }
    QR_TRY(qr_table_views_refuse_drop(txn, def->object, err));
    QR_TRY(check_unused(def, number, err));
    quire_column changed = def->object->columns[number];
    changed.name = new_column;
    return change_column(txn, def->object, number, changed, err);
}

quire_status quire_table_allow_null(quire_txn *txn, const char *name, const char *column,
                                    quire_error *err)
{
    const struct qr_table_def *def;
    uint32_t number;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(qr_find_table(txn, name, &def, err));
    QR_TRY(qr_check_name(column, "column", err));
    if (!find_column(def->object, column, &number)) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "Table \"%s\" has no column \"%s\".", name, column);
    }
    quire_column changed = def->object->columns[number];
    changed.not_null = false;
    return change_column(txn, def->object, number, changed, err);
}
