/*
 * Raw named trees of byte keys, and cursors over them.
 *
 * A handle holds one reader, whose buffer is what get lends out. A cursor wraps
 * the B+tree's and adds the prefix that confines it: where it leaves the prefix
 * it stands at that end, whatever the tree holds beyond. Both follow the rules
 * of qr_handle.
 */
#include <string.h>

#include "btree/cursor.h"
#include "engine/tree_internal.h"

/* Nothing but the calls differs. */
struct quire_keytree {
    quire_tree tree;
};

/* Where a cursor stands; the ends are those of its prefix. */
enum position { BEFORE_FIRST, ON_ENTRY, AFTER_LAST };

struct quire_keycursor {
    struct qr_handle handle; /* first */
    struct qr_tree_cursor *cursor;
    enum position position;
    uint8_t *prefix; /* two times: as given, and room for what follows it */
    size_t prefix_size, prefix_room;
};

/* ---- Trees ---- */

static quire_status find_keytree(quire_txn *txn, const char *name, const struct qr_table_def **def,
                                 quire_error *err)
{
    if (name == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "A key tree is opened by its name, which is NULL.");
    }
    QR_TRY(qr_schema_find(txn, name, def, err));
    if (*def == NULL || (*def)->object->kind != QR_OBJECT_KEYS) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no key tree \"%s\".", name);
    }
    return QUIRE_OK;
}

quire_status quire_keytree_create(quire_txn *txn, const char *name, quire_error *err)
{
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_keytree_create needs a transaction.");
    }
    QR_TRY(qr_check_name(name, "key tree", err));
    struct qr_object object = {.kind = QR_OBJECT_KEYS, .name = name};
    return qr_create_rows(txn, &object, err);
}

quire_status quire_keytree_drop(quire_txn *txn, const char *name, quire_error *err)
{
    const struct qr_table_def *def;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(find_keytree(txn, name, &def, err));
    return qr_drop_rows(txn, def, err);
}

quire_status quire_keytree_open(quire_txn *txn, const char *name, quire_keytree **out,
                                quire_error *err)
{
    if (txn == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_keytree_open needs a transaction and a place for the handle.");
    }
    const struct qr_table_def *def;
    *out = NULL;
    QR_TRY(find_keytree(txn, name, &def, err));
    quire_tree *tree;
    QR_TRY(qr_tree_handle_open(txn, def, &tree, err));
    *out = (quire_keytree *)tree;
    return QUIRE_OK;
}

void quire_keytree_close(quire_keytree *tree)
{
    quire_tree_close(tree == NULL ? NULL : &tree->tree);
}

size_t quire_keytree_key_max(const quire_keytree *tree)
{
    if (tree == NULL || tree->tree.handle.txn == NULL) {
        return 0;
    }
    return QR_KEY_MAX(qr_pager_page_size(tree->tree.handle.txn->db->pager));
}

/* ---- Entries ---- */

static quire_status check_bytes(const void *bytes, size_t size, const char *what, quire_error *err)
{
    if (bytes == NULL && size > 0) {
        return qr_fail(err, QUIRE_MISUSE, "The %s is NULL but its size is not 0.", what);
    }
    return QUIRE_OK;
}

static quire_status check_call(quire_keytree *tree, const void *key, size_t key_size,
                               struct qr_tree_key *out, quire_error *err)
{
    if (tree == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a key tree.");
    }
    QR_TRY(qr_handle_check(&tree->tree.handle, err));
    QR_TRY(check_bytes(key, key_size, "key", err));
    *out = (struct qr_tree_key){.bytes = key, .size = key_size};
    return QUIRE_OK;
}

quire_status quire_keytree_get(quire_keytree *tree, const void *key, size_t key_size,
                               const void **value, size_t *value_size, bool *found,
                               quire_error *err)
{
    struct qr_tree_key wanted;
    struct qr_slice slice = {NULL, 0};
    QR_TRY(check_call(tree, key, key_size, &wanted, err));
    QR_TRY(qr_tree_find(&tree->tree.reader, &wanted, &slice, found, err));
    *value = slice.data;
    *value_size = slice.size;
    return QUIRE_OK;
}

/* Keys handed on at a time. */
#define KEYS_AT_ONCE 64U

struct visitor {
    quire_keytree_visit visit;
    void *context;
    size_t first; /* of the keys handed on */
};

static quire_status visit_entry(void *context, size_t index, struct qr_slice payload,
                                quire_error *err)
{
    const struct visitor *visitor = context;
    quire_status status =
        visitor->visit(visitor->context, visitor->first + index, payload.data, payload.size);
    return status == QUIRE_OK
               ? QUIRE_OK
               : qr_fail(err, status, "The visitor of the entries ended the search.");
}

quire_status quire_keytree_get_many(quire_keytree *tree, const quire_key *keys, size_t count,
                                    quire_keytree_visit visit, void *context, quire_error *err)
{
    struct qr_slice slices[KEYS_AT_ONCE];
    struct visitor visitor = {.visit = visit, .context = context};
    if (tree == NULL || visit == NULL || (keys == NULL && count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a key tree, keys and a visitor.");
    }
    QR_TRY(qr_handle_check(&tree->tree.handle, err));
    for (size_t i = 0; i < count; i++) {
        QR_TRY(check_bytes(keys[i].bytes, keys[i].size, "key", err));
    }
    for (size_t part; visitor.first < count; visitor.first += part) {
        part = count - visitor.first < KEYS_AT_ONCE ? count - visitor.first : KEYS_AT_ONCE;
        for (size_t i = 0; i < part; i++) {
            const quire_key *key = &keys[visitor.first + i];
            slices[i] = (struct qr_slice){.data = key->bytes, .size = key->size};
        }
        QR_TRY(
            qr_tree_find_many_keys(&tree->tree.reader, slices, part, visit_entry, &visitor, err));
    }
    return QUIRE_OK;
}

/* With `existed` NULL nobody asks whether there was an entry. */
static quire_status put(quire_keytree *tree, const void *key, size_t key_size, const void *value,
                        size_t value_size, enum qr_put_mode mode, bool *existed, quire_error *err)
{
    struct qr_tree_key wanted;
    bool unasked;
    QR_TRY(check_call(tree, key, key_size, &wanted, err));
    QR_TRY(qr_txn_check_writable(tree->tree.handle.txn, err));
    QR_TRY(check_bytes(value, value_size, "value", err));
    const struct qr_tree *entries = &tree->tree.reader.tree;
    return existed != NULL
               ? qr_tree_put(entries, &wanted, value, value_size, mode, existed, err)
               : qr_tree_put_blind(entries, &wanted, value, value_size, mode, &unasked, err);
}

quire_status quire_keytree_insert(quire_keytree *tree, const void *key, size_t key_size,
                                  const void *value, size_t value_size, quire_error *err)
{
    bool existed;
    QR_TRY(put(tree, key, key_size, value, value_size, QR_PUT_INSERT, &existed, err));
    if (existed) {
        return qr_fail(err, QUIRE_UNIQUE, "Key tree \"%s\" has an entry of this key already.",
                       tree->tree.handle.def->object->name);
    }
    return QUIRE_OK;
}

quire_status quire_keytree_put(quire_keytree *tree, const void *key, size_t key_size,
                               const void *value, size_t value_size, bool *replaced,
                               quire_error *err)
{
    return put(tree, key, key_size, value, value_size, QR_PUT_UPSERT, replaced, err);
}

quire_status quire_keytree_delete(quire_keytree *tree, const void *key, size_t key_size,
                                  bool *found, quire_error *err)
{
    struct qr_tree_key wanted;
    bool existed;
    QR_TRY(check_call(tree, key, key_size, &wanted, err));
    QR_TRY(qr_txn_check_writable(tree->tree.handle.txn, err));
    QR_TRY(qr_tree_delete(&tree->tree.reader.tree, &wanted, &existed, err));
    if (found != NULL) {
        *found = existed;
    }
    return QUIRE_OK;
}

quire_status quire_keytree_delete_range(quire_keytree *tree, const void *from, size_t from_size,
                                        const void *to, size_t to_size, uint64_t *deleted,
                                        quire_error *err)
{
    struct qr_tree_key first;
    struct qr_tree_key end;
    uint64_t count;
    QR_TRY(check_call(tree, from, from_size, &first, err));
    QR_TRY(check_call(tree, to, to_size, &end, err));
    QR_TRY(qr_txn_check_writable(tree->tree.handle.txn, err));
    QR_TRY(qr_tree_delete_range(&tree->tree.reader.tree, from == NULL ? NULL : &first,
                                to == NULL ? NULL : &end, &count, err));
    if (deleted != NULL) {
        *deleted = count;
    }
    return QUIRE_OK;
}

quire_status quire_keytree_count(quire_keytree *tree, uint64_t *entries, quire_error *err)
{
    struct qr_tree_key none;
    QR_TRY(check_call(tree, NULL, 0, &none, err));
    return qr_tree_count(&tree->tree.reader.tree, entries, err);
}

/* ---- Cursors ---- */

static void release_cursor(struct qr_handle *handle)
{
    quire_keycursor *cursor = (quire_keycursor *)handle;
    qr_tree_cursor_close(cursor->cursor);
    cursor->cursor = NULL;
}

quire_status quire_keycursor_open(quire_keytree *tree, quire_keycursor **out, quire_error *err)
{
    struct qr_tree_key none;
    if (out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_keycursor_open needs a place for the cursor.");
    }
    *out = NULL;
    QR_TRY(check_call(tree, NULL, 0, &none, err));
    quire_txn *txn = tree->tree.handle.txn;
    quire_keycursor *cursor = qr_alloc_zero(&txn->db->allocator, sizeof *cursor, err);
    if (cursor == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_tree_cursor_open(&tree->tree.reader.tree, &cursor->cursor, err);
    if (status != QUIRE_OK) {
        qr_free(&txn->db->allocator, cursor, sizeof *cursor);
        return status;
    }
    qr_handle_open(&cursor->handle, txn, tree->tree.handle.def, release_cursor);
    *out = cursor;
    return QUIRE_OK;
}

void quire_keycursor_close(quire_keycursor *cursor)
{
    if (cursor != NULL) {
        qr_handle_close(&cursor->handle);
        quire_allocator allocator = cursor->handle.allocator;
        qr_free(&allocator, cursor->prefix, cursor->prefix_room);
        qr_free(&allocator, cursor, sizeof *cursor);
    }
}

static quire_status check_cursor(quire_keycursor *cursor, quire_error *err)
{
    if (cursor == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a cursor.");
    }
    return qr_handle_check(&cursor->handle, err);
}

quire_status quire_keycursor_prefix(quire_keycursor *cursor, const void *prefix, size_t size,
                                    quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    QR_TRY(check_bytes(prefix, size, "prefix", err));
    if (size > cursor->prefix_room / 2) {
        uint8_t *grown = qr_alloc(&cursor->handle.allocator, 2 * size, err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        qr_free(&cursor->handle.allocator, cursor->prefix, cursor->prefix_room);
        cursor->prefix = grown;
        cursor->prefix_room = 2 * size;
    }
    if (size > 0) {
        memcpy(cursor->prefix, prefix, size);
    }
    cursor->prefix_size = size;
    cursor->position = BEFORE_FIRST;
    return QUIRE_OK;
}

/* Notes where a move has led: beyond the prefix is `otherwise`. */
static quire_status arrive(quire_keycursor *cursor, enum position otherwise, bool *valid,
                           quire_error *err)
{
    struct qr_tree_key key;
    if (*valid && cursor->prefix_size > 0) {
        QR_TRY(qr_tree_cursor_key(cursor->cursor, &key, err));
        *valid = key.size >= cursor->prefix_size &&
                 memcmp(key.bytes, cursor->prefix, cursor->prefix_size) == 0;
    }
    cursor->position = *valid ? ON_ENTRY : otherwise;
    return QUIRE_OK;
}

/* Order of a key and the keys of the prefix: below them, among them (or their beginning), above. */
static int against_prefix(const quire_keycursor *cursor, const void *key, size_t size)
{
    size_t shared = size < cursor->prefix_size ? size : cursor->prefix_size;
    int order = shared == 0 ? 0 : memcmp(key, cursor->prefix, shared);
    return order != 0 ? order : size < cursor->prefix_size ? -1 : 0;
}

quire_status quire_keycursor_first(quire_keycursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    struct qr_tree_key key = {.bytes = cursor->prefix, .size = cursor->prefix_size};
    if (cursor->prefix_size == 0) {
        QR_TRY(qr_tree_cursor_first(cursor->cursor, valid, err));
    } else {
        QR_TRY(qr_tree_cursor_seek(cursor->cursor, &key, valid, err));
    }
    return arrive(cursor, AFTER_LAST, valid, err);
}

/* The least key above all that begin with the prefix: its last byte that is not the largest, plus
 * one. *size 0: there is none. */
static const uint8_t *after_prefix(quire_keycursor *cursor, size_t *size)
{
    uint8_t *after = cursor->prefix + cursor->prefix_room / 2;
    *size = cursor->prefix_size;
    while (*size > 0 && cursor->prefix[*size - 1] == UINT8_MAX) {
        --*size;
    }
    if (*size > 0) {
        memcpy(after, cursor->prefix, *size);
        after[*size - 1]++;
    }
    return after;
}

quire_status quire_keycursor_last(quire_keycursor *cursor, bool *valid, quire_error *err)
{
    struct qr_tree_key key = {.size = 0};
    QR_TRY(check_cursor(cursor, err));
    if (cursor->prefix_size > 0) {
        key.bytes = after_prefix(cursor, &key.size);
    }
    if (key.size == 0) {
        QR_TRY(qr_tree_cursor_last(cursor->cursor, valid, err));
    } else {
        QR_TRY(qr_tree_cursor_seek(cursor->cursor, &key, valid, err));
        QR_TRY(qr_tree_cursor_previous(cursor->cursor, valid, err));
    }
    return arrive(cursor, BEFORE_FIRST, valid, err);
}

quire_status quire_keycursor_seek(quire_keycursor *cursor, const void *key, size_t key_size,
                                  bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    QR_TRY(check_bytes(key, key_size, "key", err));
    if (cursor->prefix_size > 0 && against_prefix(cursor, key, key_size) < 0) {
        return quire_keycursor_first(cursor, valid, err);
    }
    struct qr_tree_key wanted = {.bytes = key, .size = key_size};
    QR_TRY(qr_tree_cursor_seek(cursor->cursor, &wanted, valid, err));
    return arrive(cursor, AFTER_LAST, valid, err);
}

quire_status quire_keycursor_seek_last(quire_keycursor *cursor, const void *key, size_t key_size,
                                       bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    QR_TRY(check_bytes(key, key_size, "key", err));
    if (cursor->prefix_size > 0 && against_prefix(cursor, key, key_size) > 0) {
        return quire_keycursor_last(cursor, valid, err);
    }
    struct qr_tree_key wanted = {.bytes = key, .size = key_size};
    QR_TRY(qr_tree_cursor_seek_last(cursor->cursor, &wanted, valid, err));
    return arrive(cursor, BEFORE_FIRST, valid, err);
}

quire_status quire_keycursor_next(quire_keycursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    if (cursor->position == BEFORE_FIRST) {
        return quire_keycursor_first(cursor, valid, err);
    }
    *valid = false;
    if (cursor->position == AFTER_LAST) {
        return QUIRE_OK;
    }
    *valid = qr_tree_cursor_step(cursor->cursor);
    if (!*valid) {
        QR_TRY(qr_tree_cursor_next(cursor->cursor, valid, err));
    }
    return arrive(cursor, AFTER_LAST, valid, err);
}

quire_status quire_keycursor_previous(quire_keycursor *cursor, bool *valid, quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    if (cursor->position == AFTER_LAST) {
        return quire_keycursor_last(cursor, valid, err);
    }
    *valid = false;
    if (cursor->position == BEFORE_FIRST) {
        return QUIRE_OK;
    }
    QR_TRY(qr_tree_cursor_previous(cursor->cursor, valid, err));
    return arrive(cursor, BEFORE_FIRST, valid, err);
}

quire_status quire_keycursor_entry(quire_keycursor *cursor, const void **key, size_t *key_size,
                                   const void **value, size_t *value_size, quire_error *err)
{
    struct qr_tree_key found;
    struct qr_slice slice;
    QR_TRY(check_cursor(cursor, err));
    if (cursor->position != ON_ENTRY) {
        return qr_fail(err, QUIRE_MISUSE, "The cursor stands on no entry.");
    }
    if (value == NULL || value_size == NULL) {
        QR_TRY(qr_tree_cursor_key(cursor->cursor, &found, err));
    } else {
        if (!qr_tree_cursor_key_entry(cursor->cursor, &found, &slice)) {
            QR_TRY(qr_tree_cursor_entry(cursor->cursor, &found, &slice, err));
        }
        *value = slice.data;
        *value_size = slice.size;
    }
    if (key != NULL && key_size != NULL) {
        *key = found.bytes;
        *key_size = found.size;
    }
    return QUIRE_OK;
}
