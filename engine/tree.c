/*
 * Raw named trees, and cursors over the rows of trees and tables.
 *
 * A tree handle holds one reader, whose buffer is what find lends out. A cursor
 * wraps the B+tree's and adds the position before the first row that it starts
 * in. Both follow the rules of qr_handle.
 */
#include <string.h>

#include "btree/cursor.h"
#include "catalog/record.h"
#include "engine/tree_internal.h"

/* Where a cursor stands. */
enum position { BEFORE_FIRST, ON_ROW, AT_END };

struct quire_cursor {
    struct qr_handle handle; /* first */
    struct qr_tree_cursor *cursor;
    enum position position;
};

quire_status qr_check_name(const char *name, const char *what, quire_error *err)
{
    size_t size = name == NULL ? 0 : strlen(name);
    if (size == 0 || size > QR_NAME_MAX || !qr_utf8_valid(name, size)) {
        return qr_fail(err, QUIRE_MISUSE, "The name of a %s must be 1 to %u bytes of UTF-8.", what,
                       QR_NAME_MAX);
    }
    return QUIRE_OK;
}

struct qr_tree qr_table_rows(const quire_txn *txn, const struct qr_table_def *def)
{
    return (struct qr_tree){.view = txn->view,
                            .root = def->object->root,
                            .id = def->object->id,
                            .kind = qr_object_tree_kind(def->object)};
}

/* ---- Trees ---- */

static void release_tree(struct qr_handle *handle)
{
    quire_tree *tree = (quire_tree *)handle;
    qr_tree_reader_free(&tree->reader);
}

static quire_status find_relation(quire_txn *txn, const char *name, const struct qr_table_def **def,
                                  quire_error *err)
{
    if (name == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "A tree is opened by its name, which is NULL.");
    }
    QR_TRY(qr_schema_find(txn, name, def, err));
    if (*def == NULL || (*def)->object->kind == QR_OBJECT_KEYS) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no tree or table \"%s\".", name);
    }
    return QUIRE_OK;
}

quire_status qr_tree_handle_open(quire_txn *txn, const struct qr_table_def *def, quire_tree **out,
                                 quire_error *err)
{
    quire_tree *tree = txn->spare_tree;
    txn->spare_tree = NULL;
    if (tree == NULL) {
        tree = qr_alloc_zero(&txn->db->allocator, sizeof *tree, err);
    }
    if (tree == NULL) {
        return QUIRE_NO_MEMORY;
    }
    struct qr_tree rows = qr_table_rows(txn, def);
    quire_status status = qr_tree_reader_init(&tree->reader, &rows, err);
    if (status != QUIRE_OK) {
        qr_free(&txn->db->allocator, tree, sizeof *tree);
        return status;
    }
    tree->reader.tree.edge = &tree->edge;
    qr_handle_open(&tree->handle, txn, def, release_tree);
    *out = tree;
    return QUIRE_OK;
}

quire_status quire_tree_open(quire_txn *txn, const char *name, quire_tree **out, quire_error *err)
{
    if (txn == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_tree_open needs a transaction and a place for "
                       "the handle.");
    }
    const struct qr_table_def *def;
    *out = NULL;
    QR_TRY(find_relation(txn, name, &def, err));
    return qr_tree_handle_open(txn, def, out, err);
}

void quire_tree_close(quire_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    quire_allocator allocator = tree->handle.allocator;
    quire_txn *txn = tree->handle.txn;
    if (txn != NULL) {
        qr_handle_close(&tree->handle);
        tree->edge = (struct qr_tree_edge){0, 0};
        if (txn->spare_tree == NULL) {
            txn->spare_tree = tree;
            return;
        }
    }
    qr_free(&allocator, tree, sizeof *tree);
}

void qr_tree_free_spare(quire_txn *txn)
{
    qr_free(&txn->db->allocator, txn->spare_tree, sizeof *txn->spare_tree);
    txn->spare_tree = NULL;
}

quire_status quire_tree_create(quire_txn *txn, const char *name, quire_error *err)
{
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_tree_create needs a transaction.");
    }
    QR_TRY(qr_check_name(name, "tree", err));
    struct qr_object object = {.kind = QR_OBJECT_TREE, .name = name};
    return qr_create_rows(txn, &object, err);
}

quire_status quire_tree_drop(quire_txn *txn, const char *name, quire_error *err)
{
    const struct qr_table_def *def;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(find_relation(txn, name, &def, err));
    if (def->object->kind != QR_OBJECT_TREE) {
        return qr_fail(err, QUIRE_MISUSE, "\"%s\" is a table; drop it with quire_table_drop.",
                       name);
    }
    return qr_drop_rows(txn, def, err);
}

/* ---- Rows ---- */

quire_status qr_tree_handle_writable(quire_tree *tree, quire_error *err)
{
    if (tree == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a tree.");
    }
    QR_TRY(qr_handle_check(&tree->handle, err));
    QR_TRY(qr_txn_check_writable(tree->handle.txn, err));
    const struct qr_object *object = tree->handle.def->object;
    if (object->kind != QR_OBJECT_TREE) {
        return qr_fail(err, QUIRE_MISUSE,
                       "\"%s\" is a table: write through quire_table, which keeps its indexes.",
                       object->name);
    }
    return QUIRE_OK;
}

static quire_status check_payload(const void *payload, size_t size, quire_error *err)
{
    if (size > QUIRE_PAYLOAD_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A row of %zu bytes is over the limit of %zu.", size,
                       QUIRE_PAYLOAD_MAX);
    }
    if (payload == NULL && size > 0) {
        return qr_fail(err, QUIRE_MISUSE, "The payload is NULL but its size is not 0.");
    }
    return QUIRE_OK;
}

/* With `existed` NULL nobody asks whether there was a row. */
static quire_status put(quire_tree *tree, int64_t rowid, const void *payload, size_t size,
                        enum qr_put_mode mode, bool *existed, quire_error *err)
{
    bool unasked;
    QR_TRY(qr_tree_handle_writable(tree, err));
    QR_TRY(check_payload(payload, size, err));
    struct qr_tree_key key = {.rowid = rowid};
    return existed != NULL
               ? qr_tree_put(&tree->reader.tree, &key, payload, size, mode, existed, err)
               : qr_tree_put_blind(&tree->reader.tree, &key, payload, size, mode, &unasked, err);
}

quire_status quire_tree_find(quire_tree *tree, int64_t rowid, const void **payload, size_t *size,
                             bool *found, quire_error *err)
{
    if (tree == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a tree.");
    }
    QR_TRY(qr_handle_check(&tree->handle, err));
    struct qr_tree_key key = {.rowid = rowid};
    struct qr_slice slice = {NULL, 0};
    QR_TRY(qr_tree_find(&tree->reader, &key, &slice, found, err));
    *payload = slice.data;
    *size = slice.size;
    return QUIRE_OK;
}

quire_status quire_tree_insert(quire_tree *tree, int64_t rowid, const void *payload, size_t size,
                               quire_error *err)
{
    bool existed;
    QR_TRY(put(tree, rowid, payload, size, QR_PUT_INSERT, &existed, err));
    if (existed) {
        return qr_fail(err, QUIRE_UNIQUE, "Tree \"%s\" has a row %lld already.",
                       tree->handle.def->object->name, (long long)rowid);
    }
    return QUIRE_OK;
}

quire_status quire_tree_put(quire_tree *tree, int64_t rowid, const void *payload, size_t size,
                            bool *replaced, quire_error *err)
{
    return put(tree, rowid, payload, size, QR_PUT_UPSERT, replaced, err);
}

quire_status quire_tree_replace(quire_tree *tree, int64_t rowid, const void *payload, size_t size,
                                bool *found, quire_error *err)
{
    bool existed;
    QR_TRY(put(tree, rowid, payload, size, QR_PUT_REPLACE, &existed, err));
    if (found != NULL) {
        *found = existed;
    }
    return QUIRE_OK;
}

quire_status quire_tree_delete(quire_tree *tree, int64_t rowid, bool *found, quire_error *err)
{
    bool existed;
    QR_TRY(qr_tree_handle_writable(tree, err));
    struct qr_tree_key key = {.rowid = rowid};
    QR_TRY(qr_tree_delete(&tree->reader.tree, &key, &existed, err));
    if (found != NULL) {
        *found = existed;
    }
    return QUIRE_OK;
}

quire_status quire_tree_delete_range(quire_tree *tree, int64_t first, int64_t last,
                                     uint64_t *deleted, quire_error *err)
{
    uint64_t count = 0;
    QR_TRY(qr_tree_handle_writable(tree, err));
    struct qr_tree_key from = {.rowid = first};
    struct qr_tree_key to = {.rowid = last == INT64_MAX ? last : last + 1};
    if (first <= last) {
        QR_TRY(qr_tree_delete_range(&tree->reader.tree, first == INT64_MIN ? NULL : &from,
                                    last == INT64_MAX ? NULL : &to, &count, err));
    }
    if (deleted != NULL) {
        *deleted = count;
    }
    return QUIRE_OK;
}

/* Rows handed on at a time; the order is checked within all of them first. */
#define ROWS_AT_ONCE 64U

static quire_status check_rows(const quire_tree_row *rows, size_t count, quire_error *err)
{
    if (rows == NULL && count > 0) {
        return qr_fail(err, QUIRE_MISUSE, "The rows are NULL but their number is not 0.");
    }
    for (size_t i = 0; i < count; i++) {
        QR_TRY(check_payload(rows[i].payload, rows[i].size, err));
        if (i > 0 && rows[i].rowid <= rows[i - 1].rowid) {
            return qr_fail(err, QUIRE_MISUSE,
                           "The rows to append are not in order: rowid %lld follows %lld.",
                           (long long)rows[i].rowid, (long long)rows[i - 1].rowid);
        }
    }
    return QUIRE_OK;
}

quire_status quire_tree_append_many(quire_tree *tree, const quire_tree_row *rows, size_t count,
                                    quire_error *err)
{
    struct qr_tree_entry entries[ROWS_AT_ONCE];
    QR_TRY(qr_tree_handle_writable(tree, err));
    QR_TRY(check_rows(rows, count, err));
    for (size_t done = 0; done < count;) {
        size_t part = count - done < ROWS_AT_ONCE ? count - done : ROWS_AT_ONCE;
        for (size_t i = 0; i < part; i++) {
            const quire_tree_row *row = &rows[done + i];
            entries[i] = (struct qr_tree_entry){
                .key = {.rowid = row->rowid}, .payload = row->payload, .size = row->size};
        }
        QR_TRY(qr_tree_append(&tree->reader.tree, entries, part, err));
        done += part;
    }
    return QUIRE_OK;
}

struct visitor {
    quire_tree_visit visit;
    void *context;
};

static quire_status visit_row(void *context, size_t index, struct qr_slice payload,
                              quire_error *err)
{
    const struct visitor *visitor = context;
    quire_status status = visitor->visit(visitor->context, index, payload.data, payload.size);
    return status == QUIRE_OK ? QUIRE_OK
                              : qr_fail(err, status, "The visitor of the rows ended the search.");
}

quire_status quire_tree_find_many(quire_tree *tree, const int64_t *rowids, size_t count,
                                  quire_tree_visit visit, void *context, quire_error *err)
{
    if (tree == NULL || visit == NULL || (rowids == NULL && count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a tree, rowids and a visitor.");
    }
    QR_TRY(qr_handle_check(&tree->handle, err));
    struct visitor visitor = {visit, context};
    return qr_tree_find_many(&tree->reader, rowids, count, visit_row, &visitor, err);
}

quire_status quire_tree_count(quire_tree *tree, uint64_t *rows, quire_error *err)
{
    if (tree == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a tree.");
    }
    QR_TRY(qr_handle_check(&tree->handle, err));
    return qr_tree_count(&tree->reader.tree, rows, err);
}

/* ---- Cursors ---- */

static void release_cursor(struct qr_handle *handle)
{
    quire_cursor *cursor = (quire_cursor *)handle;
    qr_tree_cursor_close(cursor->cursor);
    cursor->cursor = NULL;
}

quire_status qr_cursor_make(quire_txn *txn, const struct qr_table_def *def, quire_cursor **out,
                            quire_error *err)
{
    *out = NULL;
    quire_cursor *cursor = qr_alloc_zero(&txn->db->allocator, sizeof *cursor, err);
    if (cursor == NULL) {
        return QUIRE_NO_MEMORY;
    }
    struct qr_tree rows = qr_table_rows(txn, def);
    quire_status status = qr_tree_cursor_open(&rows, &cursor->cursor, err);
    if (status != QUIRE_OK) {
        qr_free(&txn->db->allocator, cursor, sizeof *cursor);
        return status;
    }
    qr_handle_open(&cursor->handle, txn, def, release_cursor);
    *out = cursor;
    return QUIRE_OK;
}

quire_status quire_cursor_open(quire_tree *tree, quire_cursor **out, quire_error *err)
{
    if (tree == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_cursor_open needs a tree and a place for the "
                       "cursor.");
    }
    *out = NULL;
    QR_TRY(qr_handle_check(&tree->handle, err));
    return qr_cursor_make(tree->handle.txn, tree->handle.def, out, err);
}

void quire_cursor_close(quire_cursor *cursor)
{
    if (cursor != NULL) {
        qr_handle_close(&cursor->handle);
        quire_allocator allocator = cursor->handle.allocator;
        qr_free(&allocator, cursor, sizeof *cursor);
    }
}

static quire_status check_cursor(quire_cursor *cursor, quire_error *err)
{
    if (cursor == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a cursor.");
    }
    return qr_handle_check(&cursor->handle, err);
}

/* Notes where a move has led. */
static quire_status arrived(quire_cursor *cursor, quire_status status, bool valid,
                            enum position otherwise)
{
    if (status == QUIRE_OK) {
        cursor->position = valid ? ON_ROW : otherwise;
    }
    return status;
}

quire_status quire_cursor_seek(quire_cursor *cursor, int64_t rowid, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    struct qr_tree_key key = {.rowid = rowid};
    quire_status status = qr_tree_cursor_seek(cursor->cursor, &key, valid, err);
    return arrived(cursor, status, *valid, AT_END);
}

quire_status quire_cursor_first(quire_cursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    quire_status status = qr_tree_cursor_first(cursor->cursor, valid, err);
    return arrived(cursor, status, *valid, AT_END);
}

quire_status quire_cursor_last(quire_cursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    quire_status status = qr_tree_cursor_last(cursor->cursor, valid, err);
    return arrived(cursor, status, *valid, BEFORE_FIRST);
}

quire_status quire_cursor_next(quire_cursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    *valid = cursor->position == ON_ROW && qr_tree_cursor_step(cursor->cursor);
    if (*valid) {
        return QUIRE_OK;
    }
    if (cursor->position == BEFORE_FIRST) {
        return quire_cursor_first(cursor, valid, err);
    }
    if (cursor->position == AT_END) {
        *valid = false;
        return QUIRE_OK;
    }
    quire_status status = qr_tree_cursor_next(cursor->cursor, valid, err);
    return arrived(cursor, status, *valid, AT_END);
}

quire_status quire_cursor_previous(quire_cursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    if (cursor->position == AT_END) {
        return quire_cursor_last(cursor, valid, err);
    }
    if (cursor->position == BEFORE_FIRST) {
        *valid = false;
        return QUIRE_OK;
    }
    quire_status status = qr_tree_cursor_previous(cursor->cursor, valid, err);
    return arrived(cursor, status, *valid, BEFORE_FIRST);
}

quire_status quire_cursor_row(quire_cursor *cursor, int64_t *rowid, const void **payload,
                              size_t *size, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    if (cursor->position != ON_ROW) {
        return qr_fail(err, QUIRE_MISUSE, "The cursor stands on no row.");
    }
    struct qr_tree_key key;
    struct qr_slice slice;
    if (payload == NULL || size == NULL) {
        QR_TRY(qr_tree_cursor_key(cursor->cursor, &key, err));
    } else {
        if (!qr_tree_cursor_row(cursor->cursor, &key.rowid, &slice)) {
            QR_TRY(qr_tree_cursor_entry(cursor->cursor, &key, &slice, err));
        }
        *payload = slice.data;
        *size = slice.size;
    }
    if (rowid != NULL) {
        *rowid = key.rowid;
    }
    return QUIRE_OK;
}
