/*
 * Walks over part of an index.
 *
 * B-tree: the range becomes two byte strings, `lower` inclusive and `upper`
 * exclusive, and the walk goes over the entries between them. Keys that are
 * longer than an entry can hold are stored cut, in an order that is not theirs;
 * so when the walk meets entries with a beginning as long as that of a cut key,
 * it takes all entries with this beginning together (a group), fetches the true
 * keys from the rows, sorts them, drops those outside the range, and yields the
 * rest.
 *
 * Hash: the full key leads to its rowids. If the key is cut, each row is asked
 * whether it really has that key.
 *
 * Rows may be changed while a walk is open: a B-tree walk goes on from where it
 * stands; groups and hash matches yield what they held when they were read.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/record.h"
#include "engine/index.h"
#include "engine/index_hash.h"

/* One entry of a group. */
struct member {
    const uint8_t *key;
    size_t size;
    int64_t rowid;
};

struct quire_index_cursor {
    struct qr_handle handle; /* first */
    struct qr_index index;
    uint32_t epoch; /* that index was opened for */
    uint32_t index_id;
    bool reverse;
    bool done;

    /* B-tree */
    struct qr_tree_cursor *tree;
    struct qr_key lower, upper; /* true bounds */
    struct qr_key prefix;       /* of the group being read */
    bool unbounded;             /* there is no upper bound */
    bool started;
    bool stays;            /* the tree's cursor already stands on the next entry ... */
    bool stays_valid;      /* ... if there is one */
    struct qr_arena arena; /* keys of the group */
    struct member *group;
    size_t group_count, group_capacity, group_next;

    /* hash */
    struct qr_hash_rowids rowids;
    struct qr_index_key wanted;
};

/* ---- The range ---- */

static quire_status check_bound(const struct qr_table_def *table, const struct qr_object *object,
                                uint32_t position, const quire_value *value, quire_error *err)
{
    const quire_column *column = &table->object->columns[object->key_columns[position]];
    if (value->type != QUIRE_NULL && value->type != column->type) {
        return qr_fail(err, QUIRE_TYPE, "Column \"%s\" of index \"%s\" is of type %s, not %s.",
                       column->name, object->name, qr_type_name(column->type),
                       qr_type_name(value->type));
    }
    return QUIRE_OK;
}

static quire_status check_start(const struct qr_table_def *table, const struct qr_object *object,
                                const quire_index_range *range, quire_error *err)
{
    const quire_value *start = range->starts_with;
    if (range->lower != NULL || range->upper != NULL ||
        (start->type != QUIRE_TEXT && start->type != QUIRE_BLOB)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "starts_with of index \"%s\" is a text or blob, without other bounds.",
                       object->name);
    }
    return check_bound(table, object, range->prefix_count, start, err);
}

static quire_status check_range(const struct qr_table_def *table, const struct qr_object *object,
                                const quire_index_range *range, quire_error *err)
{
    bool bounded = range->lower != NULL || range->upper != NULL || range->starts_with != NULL;
    bool is_hash = object->index_kind == QUIRE_INDEX_HASH;
    if (is_hash && (range->prefix_count != object->key_count || bounded)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Hash index \"%s\" is searched by its full key of %u columns.", object->name,
                       object->key_count);
    }
    if (range->prefix_count > object->key_count ||
        (bounded && range->prefix_count == object->key_count) ||
        (range->prefix == NULL && range->prefix_count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "Index \"%s\" has %u columns; the range names more.",
                       object->name, object->key_count);
    }
    for (uint32_t i = 0; i < range->prefix_count; i++) {
        QR_TRY(check_bound(table, object, i, &range->prefix[i], err));
    }
    if (range->starts_with != NULL) {
        QR_TRY(check_start(table, object, range, err));
    }
    if (range->lower != NULL) {
        QR_TRY(check_bound(table, object, range->prefix_count, range->lower, err));
    }
    if (range->upper != NULL) {
        QR_TRY(check_bound(table, object, range->prefix_count, range->upper, err));
    }
    return QUIRE_OK;
}

/* Appends the bound of the column after the prefix. The byte range begins with the lower bound, or
 * with the upper one where the column descends. `after` moves behind all keys with that value. */
static quire_status append_bound(struct qr_key *key, const quire_value *value, bool descending,
                                 bool after, bool *none, quire_error *err)
{
    if (value != NULL) {
        QR_TRY(qr_key_append(key, value, descending, err));
    }
    if (after) {
        qr_key_successor(key, none);
    }
    return QUIRE_OK;
}

/* From the bytes that all keys of such values share to the end of those that begin so. */
static quire_status make_start(struct quire_index_cursor *cursor, const quire_value *start,
                               bool descending, quire_error *err)
{
    QR_TRY(qr_key_append(&cursor->lower, start, descending, err));
    cursor->lower.size -= 2; /* what ends the value */
    qr_key_clear(&cursor->upper);
    QR_TRY(qr_key_append_bytes(&cursor->upper, cursor->lower.bytes, cursor->lower.size, err));
    qr_key_successor(&cursor->upper, &cursor->unbounded);
    return QUIRE_OK;
}

static quire_status make_bounds(struct quire_index_cursor *cursor, const struct qr_object *object,
                                const quire_index_range *range, quire_error *err)
{
    bool none = false;
    for (uint32_t i = 0; i < range->prefix_count; i++) {
        QR_TRY(qr_key_append(&cursor->lower, &range->prefix[i], object->key_descending[i], err));
    }
    QR_TRY(qr_key_append_bytes(&cursor->upper, cursor->lower.bytes, cursor->lower.size, err));
    bool descending =
        range->prefix_count < object->key_count && object->key_descending[range->prefix_count];
    if (range->starts_with != NULL) {
        return make_start(cursor, range->starts_with, descending, err);
    }
    const quire_value *first = descending ? range->upper : range->lower;
    const quire_value *last = descending ? range->lower : range->upper;
    bool first_exclusive = descending ? range->upper_exclusive : range->lower_exclusive;
    bool last_exclusive = descending ? range->lower_exclusive : range->upper_exclusive;
    QR_TRY(append_bound(&cursor->lower, first, descending, first != NULL && first_exclusive, &none,
                        err));
    cursor->done = none; /* nothing lies behind the largest key */
    return append_bound(&cursor->upper, last, descending, last == NULL || !last_exclusive,
                        &cursor->unbounded, err);
}

/* ---- Open and close ---- */

static void release_cursor(struct qr_handle *handle)
{
    struct quire_index_cursor *cursor = (struct quire_index_cursor *)handle;
    if (cursor->tree != NULL) {
        qr_tree_cursor_close(cursor->tree);
        cursor->tree = NULL;
    }
    qr_hash_rowids_close(&cursor->rowids);
    qr_index_close(&cursor->index);
}

static quire_status start_hash(struct quire_index_cursor *cursor, const quire_index_range *range,
                               quire_error *err)
{
    struct qr_hash hash = qr_hash_of(cursor->index.txn, cursor->index.def->object);
    struct qr_hash_match match;
    qr_hash_rowids_close(&cursor->rowids);
    QR_TRY(qr_index_key_from_values(&cursor->index, range->prefix, &cursor->wanted, err));
    struct qr_hash_key key = qr_hash_key_of(&cursor->wanted);
    QR_TRY(qr_hash_find(&hash, &key, &match, err));
    return qr_hash_rowids_open(&cursor->rowids, &hash, &match, range->reverse, err);
}

/* Points the cursor before the first entry of a range. */
static quire_status start(struct quire_index_cursor *cursor, const quire_index_range *range,
                          quire_error *err)
{
    const quire_index_range everything = {.prefix = NULL};
    const struct qr_object *object = cursor->index.def->object;
    range = range == NULL ? &everything : range;
    QR_TRY(check_range(cursor->index.table, object, range, err));
    cursor->reverse = range->reverse;
    cursor->done = cursor->unbounded = cursor->started = cursor->stays = false;
    cursor->group_count = cursor->group_next = 0;
    qr_key_clear(&cursor->lower);
    qr_key_clear(&cursor->upper);
    if (object->index_kind == QUIRE_INDEX_HASH) {
        return start_hash(cursor, range, err);
    }
    QR_TRY(make_bounds(cursor, object, range, err));
    struct qr_tree tree = qr_index_tree(&cursor->index);
    return cursor->tree != NULL ? QUIRE_OK : qr_tree_cursor_open(&tree, &cursor->tree, err);
}

quire_status qr_index_cursor_make(quire_txn *txn, const struct qr_table_def *table, uint32_t index,
                                  const quire_index_range *range, quire_index_cursor **out,
                                  quire_error *err)
{
    const quire_allocator *allocator = &txn->db->allocator;
    struct quire_index_cursor *cursor = qr_alloc_zero(allocator, sizeof *cursor, err);
    if (cursor == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_index_open(&cursor->index, txn, table, &table->indexes[index]);
    qr_handle_open(&cursor->handle, txn, table, release_cursor);
    cursor->epoch = cursor->handle.epoch;
    cursor->index_id = table->indexes[index].object->id;
    cursor->lower.allocator = &cursor->handle.allocator;
    cursor->upper.allocator = &cursor->handle.allocator;
    cursor->prefix.allocator = &cursor->handle.allocator;
    qr_index_key_init(&cursor->wanted, &cursor->handle.allocator);
    qr_arena_init(&cursor->arena, &cursor->handle.allocator, 0);
    quire_status status = start(cursor, range, err);
    if (status != QUIRE_OK) {
        quire_index_cursor_close(cursor);
        return status;
    }
    *out = cursor;
    return QUIRE_OK;
}

void quire_index_cursor_close(quire_index_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    qr_handle_close(&cursor->handle);
    quire_allocator allocator = cursor->handle.allocator;
    qr_key_free(&cursor->lower);
    qr_key_free(&cursor->upper);
    qr_key_free(&cursor->prefix);
    qr_index_key_free(&cursor->wanted);
    qr_arena_free(&cursor->arena);
    qr_free(&allocator, cursor->group, cursor->group_capacity * sizeof *cursor->group);
    qr_free(&allocator, cursor, sizeof *cursor);
}

/* ---- Moving over the B-tree ---- */

static int compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t shared = a_size < b_size ? a_size : b_size;
    int order = shared == 0 ? 0 : memcmp(a, b, shared);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* How much of a bound the stored order can be trusted with. */
static size_t trusted(const struct quire_index_cursor *cursor, const struct qr_key *bound)
{
    size_t prefix = qr_index_prefix_size(cursor->index.page_size);
    return bound->size < prefix ? bound->size : prefix;
}

/* Goes to the first entry of the walk. */
static quire_status go_to_start(struct quire_index_cursor *cursor, bool *valid, quire_error *err)
{
    if (!cursor->reverse) {
        struct qr_tree_key from = {.bytes = cursor->lower.bytes,
                                   .size = trusted(cursor, &cursor->lower)};
        return qr_tree_cursor_seek(cursor->tree, &from, valid, err);
    }
    if (cursor->unbounded) {
        return qr_tree_cursor_last(cursor->tree, valid, err);
    }
    /* An entry that only begins like a long upper bound may still lie below it. */
    bool none = false;
    qr_key_clear(&cursor->prefix);
    QR_TRY(qr_key_append_bytes(&cursor->prefix, cursor->upper.bytes,
                               trusted(cursor, &cursor->upper), err));
    if (cursor->prefix.size < cursor->upper.size) {
        qr_key_successor(&cursor->prefix, &none);
    }
    if (none) {
        return qr_tree_cursor_last(cursor->tree, valid, err);
    }
    struct qr_tree_key to = {.bytes = cursor->prefix.bytes, .size = cursor->prefix.size};
    QR_TRY(qr_tree_cursor_seek(cursor->tree, &to, valid, err));
    return *valid ? qr_tree_cursor_previous(cursor->tree, valid, err)
                  : qr_tree_cursor_last(cursor->tree, valid, err);
}

static quire_status step(struct quire_index_cursor *cursor, bool *valid, quire_error *err)
{
    if (cursor->stays) {
        cursor->stays = false;
        *valid = cursor->stays_valid;
        return QUIRE_OK;
    }
    if (!cursor->started) {
        cursor->started = true;
        return go_to_start(cursor, valid, err);
    }
    return cursor->reverse ? qr_tree_cursor_previous(cursor->tree, valid, err)
                           : qr_tree_cursor_next(cursor->tree, valid, err);
}

/* Whether a key lies beyond the far end of the walk, as far as its stored form tells. */
static bool is_beyond(const struct quire_index_cursor *cursor, const struct qr_tree_key *key)
{
    if (cursor->reverse) {
        return compare_bytes(key->bytes, key->size, cursor->lower.bytes,
                             trusted(cursor, &cursor->lower)) < 0;
    }
    if (cursor->unbounded) {
        return false;
    }
    size_t size = trusted(cursor, &cursor->upper);
    if (size == cursor->upper.size) {
        return compare_bytes(key->bytes, key->size, cursor->upper.bytes, size) >= 0;
    }
    size_t shared = key->size < size ? key->size : size;
    return memcmp(key->bytes, cursor->upper.bytes, shared) > 0;
}

/* ---- Groups ---- */

static int compare_members(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    int order = compare_bytes(left->key, left->size, right->key, right->size);
    return order != 0 ? order : (left->rowid > right->rowid) - (left->rowid < right->rowid);
}

static bool in_range(const struct quire_index_cursor *cursor, const struct qr_key *key)
{
    return compare_bytes(key->bytes, key->size, cursor->lower.bytes, cursor->lower.size) >= 0 &&
           (cursor->unbounded ||
            compare_bytes(key->bytes, key->size, cursor->upper.bytes, cursor->upper.size) < 0);
}

/* Adds the entry under the cursor to the group, if its row's key is in the range. */
static quire_status add_member(struct quire_index_cursor *cursor, const struct qr_tree_key *key,
                               const struct qr_index_entry *entry, quire_error *err)
{
    struct qr_key *full = &cursor->index.scratch;
    if (entry->is_cut) {
        QR_TRY(qr_index_key_of_rowid(&cursor->index, entry->rowid, full, err));
    } else {
        qr_key_clear(full);
        QR_TRY(qr_key_append_bytes(full, key->bytes, entry->key_size, err));
    }
    if (!in_range(cursor, full)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(&cursor->handle.allocator, &cursor->group, &cursor->group_capacity,
                   cursor->group_count + 1, sizeof *cursor->group, err));
    const char *copy = qr_arena_copy(&cursor->arena, full->bytes, full->size, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    cursor->group[cursor->group_count++] =
        (struct member){.key = (const uint8_t *)copy, .size = full->size, .rowid = entry->rowid};
    return QUIRE_OK;
}

static quire_status read_entry(struct quire_index_cursor *cursor, struct qr_tree_key *key,
                               struct qr_index_entry *entry, quire_error *err)
{
    struct qr_slice payload;
    QR_TRY(qr_tree_cursor_key(cursor->tree, key, err));
    QR_TRY(qr_tree_cursor_payload(cursor->tree, &payload, err));
    return qr_index_parse_entry(&cursor->index, key, payload, entry, err);
}

/* Reads the group whose first entry the cursor stands on, and stays on the entry behind it. */
static quire_status read_group(struct quire_index_cursor *cursor, quire_error *err)
{
    size_t size = qr_index_prefix_size(cursor->index.page_size);
    struct qr_tree_key key;
    struct qr_index_entry entry;
    bool valid = true;
    cursor->group_count = cursor->group_next = 0;
    qr_arena_reset(&cursor->arena);
    QR_TRY(qr_tree_cursor_key(cursor->tree, &key, err));
    qr_key_clear(&cursor->prefix);
    QR_TRY(qr_key_append_bytes(&cursor->prefix, key.bytes, size, err));
    while (valid) {
        QR_TRY(read_entry(cursor, &key, &entry, err));
        if (key.size < size || memcmp(key.bytes, cursor->prefix.bytes, size) != 0) {
            break;
        }
        QR_TRY(add_member(cursor, &key, &entry, err));
        QR_TRY(step(cursor, &valid, err));
    }
    cursor->stays = true;
    cursor->stays_valid = valid;
    if (cursor->group_count > 1) {
        qsort(cursor->group, cursor->group_count, sizeof *cursor->group, compare_members);
    }
    return QUIRE_OK;
}

static bool next_member(struct quire_index_cursor *cursor, int64_t *rowid)
{
    if (cursor->group_next == cursor->group_count) {
        return false;
    }
    size_t at = cursor->group_next++;
    *rowid = cursor->group[cursor->reverse ? cursor->group_count - 1 - at : at].rowid;
    return true;
}

static quire_status next_btree(struct quire_index_cursor *cursor, int64_t *rowid, bool *valid,
                               quire_error *err)
{
    size_t prefix = qr_index_prefix_size(cursor->index.page_size);
    while (!cursor->done) {
        struct qr_tree_key key;
        struct qr_index_entry entry;
        if (next_member(cursor, rowid)) {
            *valid = true;
            return QUIRE_OK;
        }
        QR_TRY(step(cursor, valid, err));
        if (!*valid) {
            break;
        }
        QR_TRY(read_entry(cursor, &key, &entry, err));
        if (is_beyond(cursor, &key)) {
            break;
        }
        if (entry.key_size < prefix) {
            *rowid = entry.rowid;
            return QUIRE_OK;
        }
        QR_TRY(read_group(cursor, err));
    }
    cursor->done = true;
    *valid = false;
    return QUIRE_OK;
}

/* ---- Moving over hash matches ---- */

static quire_status next_hash(struct quire_index_cursor *cursor, int64_t *rowid, bool *valid,
                              quire_error *err)
{
    struct qr_key *full = &cursor->index.scratch;
    *valid = false;
    while (!cursor->done) {
        QR_TRY(qr_hash_rowids_next(&cursor->rowids, rowid, valid, err));
        if (!*valid || !cursor->wanted.is_cut) {
            return QUIRE_OK;
        }
        QR_TRY(qr_index_key_of_rowid(&cursor->index, *rowid, full, err));
        if (compare_bytes(full->bytes, full->size, cursor->wanted.full.bytes,
                          cursor->wanted.full.size) == 0) {
            return QUIRE_OK;
        }
    }
    return QUIRE_OK;
}

/* After a schema change the index must still be there. */
static quire_status check_cursor(struct quire_index_cursor *cursor, quire_error *err)
{
    QR_TRY(qr_handle_check(&cursor->handle, err));
    if (cursor->epoch == cursor->handle.epoch) {
        return QUIRE_OK;
    }
    const struct qr_table_def *table = cursor->handle.def;
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].object->id == cursor->index_id) {
            cursor->index.table = table;
            cursor->index.def = &table->indexes[i];
            cursor->epoch = cursor->handle.epoch;
            return QUIRE_OK;
        }
    }
    return qr_fail(err, QUIRE_MISUSE, "The index was dropped after this cursor was opened.");
}

quire_status qr_index_cursor_restart(quire_index_cursor *cursor, const quire_index_range *range,
                                     quire_error *err)
{
    QR_TRY(check_cursor(cursor, err));
    quire_status status = start(cursor, range, err);
    cursor->done |= status != QUIRE_OK;
    return status;
}

quire_status quire_index_cursor_next(quire_index_cursor *cursor, int64_t *rowid, bool *valid,
                                     quire_error *err)
{
    if (cursor == NULL || rowid == NULL || valid == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_index_cursor_next needs a cursor and places for "
                       "its results.");
    }
    *valid = false;
    QR_TRY(check_cursor(cursor, err));
    return cursor->index.def->object->index_kind == QUIRE_INDEX_HASH
               ? next_hash(cursor, rowid, valid, err)
               : next_btree(cursor, rowid, valid, err);
}
