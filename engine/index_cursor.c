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
 * stands, but a group yields what it held when it was read; a hash walk looks
 * its key up again, and goes on behind the last rowid.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/record.h"
#include "engine/index_cursor_internal.h"

/* Longest key buffer that a spare cursor keeps. */
#define SPARE_KEY_MAX 1024U

/* ---- Open and close ---- */

static void release_cursor(struct qr_handle *handle)
{
    struct quire_index_cursor *cursor = (struct quire_index_cursor *)handle;
    qr_tree_cursor_leave(&cursor->tree);
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
    cursor->changes = qr_view_changes(hash.view);
    return qr_hash_rowids_open(&cursor->rowids, &hash, &match, range->reverse, err);
}

/* Points the cursor before the first entry of a range. */
static quire_status start(struct quire_index_cursor *cursor, const quire_index_range *range,
                          quire_error *err)
{
    const quire_index_range everything = {.prefix = NULL};
    const struct qr_object *object = cursor->index.def->object;
    range = range == NULL ? &everything : range;
    QR_TRY(qr_index_range_check(&cursor->index, range, err));
    QR_TRY(qr_index_check_collations(&cursor->index, err));
    cursor->reverse = range->reverse;
    cursor->done = cursor->unbounded = cursor->started = cursor->stays = false;
    cursor->exact = cursor->on_entry = false;
    cursor->group_count = cursor->group_next = 0;
    qr_key_clear(&cursor->lower);
    qr_key_clear(&cursor->upper);
    if (object->index_kind == QUIRE_INDEX_HASH) {
        return start_hash(cursor, range, err);
    }
    return qr_index_range_make(cursor, range, err);
}

/* A cursor that no one uses: the spare one of the transaction, or a new one. */
static quire_status find_cursor(quire_txn *txn, struct quire_index_cursor **out, quire_error *err)
{
    const quire_allocator *allocator = &txn->db->allocator;
    struct quire_index_cursor *cursor = txn->spare_cursor;
    txn->spare_cursor = NULL;
    if (cursor == NULL) {
        uint32_t page_size = qr_pager_page_size(txn->db->pager);
        size_t size = sizeof *cursor + qr_tree_cursor_room(QR_TREE_KEYS, page_size);
        cursor = qr_alloc_zero(allocator, size, err);
        if (cursor == NULL) {
            return QUIRE_NO_MEMORY;
        }
        cursor->size = size;
        cursor->handle.allocator = *allocator;
        allocator = &cursor->handle.allocator;
        cursor->lower.allocator = cursor->upper.allocator = allocator;
        cursor->prefix.allocator = cursor->cut_end.allocator = allocator;
        qr_index_key_init(&cursor->wanted, allocator);
        qr_arena_init(&cursor->arena, allocator, 0);
        qr_arena_init(&cursor->columns, allocator, 0);
    }
    *out = cursor;
    return QUIRE_OK;
}

static void free_cursor(struct quire_index_cursor *cursor)
{
    quire_allocator allocator = cursor->handle.allocator;
    qr_key_free(&cursor->lower);
    qr_key_free(&cursor->upper);
    qr_key_free(&cursor->prefix);
    qr_key_free(&cursor->cut_end);
    qr_index_key_free(&cursor->wanted);
    qr_arena_free(&cursor->arena);
    qr_arena_free(&cursor->columns);
    qr_free(&allocator, cursor->group, cursor->group_capacity * sizeof *cursor->group);
    qr_free(&allocator, cursor, cursor->size);
}

quire_status qr_index_cursor_make(quire_txn *txn, const struct qr_table_def *table, uint32_t index,
                                  const quire_index_range *range, quire_index_cursor **out,
                                  quire_error *err)
{
    struct quire_index_cursor *cursor;
    QR_TRY(find_cursor(txn, &cursor, err));
    quire_status status = qr_index_open(&cursor->index, txn, table, &table->indexes[index], err);
    if (status != QUIRE_OK) {
        qr_tree_cursor_leave(&cursor->tree);
        free_cursor(cursor);
        return status;
    }
    qr_handle_open(&cursor->handle, txn, table, release_cursor);
    cursor->epoch = cursor->handle.epoch;
    struct qr_tree tree = qr_index_tree(&cursor->index);
    if (cursor->index.def->object->index_kind == QUIRE_INDEX_BTREE) {
        status = qr_tree_cursor_start(&cursor->tree, &tree, (uint8_t *)(cursor + 1), err);
    }
    if (status == QUIRE_OK) {
        status = start(cursor, range, err);
    }
    if (status != QUIRE_OK) {
        quire_index_cursor_close(cursor);
        return status;
    }
    *out = cursor;
    return QUIRE_OK;
}

/* What a cursor has that is not used but was: small keys and its place in the view. */
static void rest_cursor(struct qr_handle *handle)
{
    struct quire_index_cursor *cursor = (struct quire_index_cursor *)handle;
    qr_tree_cursor_rest(&cursor->tree);
    qr_hash_rowids_close(&cursor->rowids);
    qr_index_close(&cursor->index);
    struct qr_key *keys[] = {&cursor->lower,       &cursor->upper,      &cursor->prefix,
                             &cursor->wanted.full, &cursor->wanted.cut, &cursor->cut_end};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i]->capacity > SPARE_KEY_MAX) {
            qr_key_free(keys[i]);
        }
    }
    qr_arena_free(&cursor->arena);
    qr_arena_free(&cursor->columns);
    qr_free(&handle->allocator, cursor->group, cursor->group_capacity * sizeof *cursor->group);
    cursor->group = NULL;
    cursor->group_capacity = 0;
}

void quire_index_cursor_close(quire_index_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    quire_txn *txn = cursor->handle.txn;
    if (txn != NULL && txn->spare_cursor == NULL) {
        cursor->handle.release = rest_cursor;
        qr_handle_close(&cursor->handle);
        txn->spare_cursor = cursor;
        return;
    }
    qr_handle_close(&cursor->handle);
    free_cursor(cursor);
}

void qr_index_cursor_leave_spare(quire_txn *txn)
{
    if (txn->spare_cursor != NULL) {
        qr_tree_cursor_leave(&txn->spare_cursor->tree);
    }
}

void qr_index_cursor_free_spare(quire_txn *txn)
{
    if (txn->spare_cursor != NULL) {
        free_cursor(txn->spare_cursor);
        txn->spare_cursor = NULL;
    }
}

/* ---- Moving over the B-tree ---- */

/* Goes to the last entry below the upper bound. */
static quire_status go_to_end(struct quire_index_cursor *cursor, bool *valid, quire_error *err)
{
    bool partly;
    bool none = cursor->unbounded;
    if (!none) {
        struct qr_slice upper = qr_index_range_upper(cursor, &partly);
        qr_key_clear(&cursor->prefix);
        QR_TRY(qr_key_append_bytes(&cursor->prefix, upper.data, upper.size, err));
        if (partly) {
            qr_key_successor(&cursor->prefix, &none);
        }
    }
    if (none) {
        return qr_tree_cursor_last(&cursor->tree, valid, err);
    }
    struct qr_tree_key to = {.bytes = cursor->prefix.bytes, .size = cursor->prefix.size};
    QR_TRY(qr_tree_cursor_seek(&cursor->tree, &to, valid, err));
    return *valid ? qr_tree_cursor_previous(&cursor->tree, valid, err)
                  : qr_tree_cursor_last(&cursor->tree, valid, err);
}

/* Goes to the first entry of the walk. */
static quire_status go_to_start(struct quire_index_cursor *cursor, bool *valid, quire_error *err)
{
    if (cursor->reverse) {
        return go_to_end(cursor, valid, err);
    }
    struct qr_slice lower = qr_index_range_lower(cursor);
    struct qr_tree_key from = {.bytes = lower.data, .size = lower.size};
    return qr_tree_cursor_seek(&cursor->tree, &from, valid, err);
}

static quire_status step(struct quire_index_cursor *cursor, bool *valid, quire_error *err)
{
    if (cursor->stays) {
        bool holds = true;
        cursor->stays = false;
        *valid = cursor->stays_valid;
        if (*valid) {
            QR_TRY(qr_tree_cursor_holds(&cursor->tree, &holds, err));
        }
        if (holds) {
            return QUIRE_OK;
        }
    } else if (!cursor->started) {
        cursor->started = true;
        return go_to_start(cursor, valid, err);
    }
    *valid = qr_tree_cursor_move(&cursor->tree, !cursor->reverse);
    if (*valid) {
        return QUIRE_OK;
    }
    return cursor->reverse ? qr_tree_cursor_previous(&cursor->tree, valid, err)
                           : qr_tree_cursor_next(&cursor->tree, valid, err);
}

static bool is_open_ended(const struct quire_index_cursor *cursor)
{
    return cursor->reverse ? cursor->lower.size == 0 : cursor->unbounded;
}

/* Finds which entries of the leaf lie before the far end. */
static void search_end(struct quire_index_cursor *cursor)
{
    const struct qr_tree_cursor *tree = &cursor->tree;
    bool partly = false;
    unsigned index = cursor->reverse ? 0 : tree->step->count;
    cursor->stay = tree->stays;
    cursor->searched = true;
    if (!is_open_ended(cursor)) {
        struct qr_slice far =
            cursor->reverse ? qr_index_range_lower(cursor) : qr_index_range_upper(cursor, &partly);
        struct qr_tree_key key = {.bytes = far.data, .size = far.size};
        if (partly || !qr_tree_cursor_search(tree, &key, &index)) {
            index = cursor->reverse ? tree->step->count : 0;
        }
    }
    cursor->begin = cursor->reverse ? index : 0;
    cursor->end = cursor->reverse ? tree->step->count : index;
}

/* Whether the entry under the cursor is known to lie before the far end: by one search of the leaf,
 * once a second entry of it is met. */
static bool is_before_end(struct quire_index_cursor *cursor)
{
    if (cursor->stay != cursor->tree.stays) {
        cursor->stay = cursor->tree.stays;
        cursor->searched = false;
        return false;
    }
    if (!cursor->searched) {
        search_end(cursor);
    }
    unsigned index = cursor->tree.step->index;
    return index >= cursor->begin && index < cursor->end;
}

/* Whether a key lies beyond the far end of the walk, as far as its stored form tells. */
static bool is_beyond(struct quire_index_cursor *cursor, const struct qr_tree_key *key)
{
    bool partly;
    if (is_open_ended(cursor) || is_before_end(cursor)) {
        return false;
    }
    if (cursor->reverse) {
        struct qr_slice lower = qr_index_range_lower(cursor);
        return qr_key_compare(key->bytes, key->size, lower.data, lower.size) < 0;
    }
    struct qr_slice upper = qr_index_range_upper(cursor, &partly);
    if (!partly) {
        return qr_key_compare(key->bytes, key->size, upper.data, upper.size) >= 0;
    }
    return memcmp(key->bytes, upper.data, key->size < upper.size ? key->size : upper.size) > 0;
}

/* ---- Groups ---- */

static int compare_members(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    int order = qr_key_compare(left->key.data, left->key.size, right->key.data, right->key.size);
    return order != 0 ? order : (left->rowid > right->rowid) - (left->rowid < right->rowid);
}

static bool in_range(const struct quire_index_cursor *cursor, const struct qr_key *key)
{
    return qr_key_compare(key->bytes, key->size, cursor->lower.bytes, cursor->lower.size) >= 0 &&
           (cursor->unbounded ||
            qr_key_compare(key->bytes, key->size, cursor->upper.bytes, cursor->upper.size) < 0);
}

static quire_status keep(struct quire_index_cursor *cursor, const void *bytes, size_t size,
                         struct qr_slice *kept, quire_error *err)
{
    kept->data = (const uint8_t *)qr_arena_copy(&cursor->arena, bytes, size, err);
    kept->size = size;
    return kept->data == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
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
    struct member *member = &cursor->group[cursor->group_count];
    *member = (struct member){.rowid = entry->rowid};
    QR_TRY(keep(cursor, full->bytes, full->size, &member->key, err));
    QR_TRY(keep(cursor, entry->included.data, entry->included.size, &member->included, err));
    cursor->group_count++;
    return QUIRE_OK;
}

/* The rowid of an entry that includes nothing, if that can be told from the end of its key, or of
 * its payload where the key stands alone; *key_size is without the rowid. */
static inline bool find_rowid(const struct qr_tree_key *key, struct qr_slice payload,
                              size_t *key_size, int64_t *rowid)
{
    size_t offset;
    if (payload.size == 0) {
        return qr_key_rowid_at_end(key->bytes, key->size, key_size, rowid);
    }
    *key_size = key->size;
    return qr_key_rowid_at_end(payload.data, payload.size, &offset, rowid) && offset == 0;
}

static quire_status read_entry(struct quire_index_cursor *cursor, struct qr_tree_key *key,
                               struct qr_index_entry *entry, quire_error *err)
{
    struct qr_slice payload;
    if (!qr_tree_cursor_key_entry(&cursor->tree, key, &payload)) {
        QR_TRY(qr_tree_cursor_entry(&cursor->tree, key, &payload, err));
    }
    if (cursor->index.def->object->included_count == 0 &&
        find_rowid(key, payload, &entry->key_size, &entry->rowid)) {
        entry->included = (struct qr_slice){NULL, 0};
        entry->is_alone = payload.size > 0;
        entry->is_cut = false;
        return QUIRE_OK;
    }
    return qr_index_parse_entry(&cursor->index, key, payload, entry, err);
}

/* Reads the group whose first entry the cursor stands on, and stays on the entry behind it. */
static quire_status read_group(struct quire_index_cursor *cursor, quire_error *err)
{
    size_t size =
        cursor->exact ? cursor->wanted.cut.size : qr_index_prefix_size(cursor->index.page_size);
    struct qr_tree_key key;
    struct qr_index_entry entry;
    bool valid = true;
    cursor->group_count = cursor->group_next = 0;
    qr_arena_reset(&cursor->arena);
    QR_TRY(qr_tree_cursor_key(&cursor->tree, &key, err));
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

/* The member of the group that was yielded last. */
static const struct member *last_member(const struct quire_index_cursor *cursor)
{
    size_t at = cursor->group_next - 1;
    return &cursor->group[cursor->reverse ? cursor->group_count - 1 - at : at];
}

static bool next_member(struct quire_index_cursor *cursor, int64_t *rowid)
{
    if (cursor->group_next == cursor->group_count) {
        return false;
    }
    cursor->group_next++;
    *rowid = last_member(cursor)->rowid;
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
            cursor->on_entry = *valid = true;
            return QUIRE_OK;
        }
        cursor->group_count = cursor->group_next = 0;
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
            cursor->on_entry = true;
            return QUIRE_OK;
        }
        QR_TRY(read_group(cursor, err));
    }
    cursor->done = true;
    *valid = false;
    return QUIRE_OK;
}

/*
 * Goes on within the leaf, from an entry that was yielded, over entries whose
 * keys are short and whose rowids are found at once. Stops at the first that is
 * none of those, which next_btree takes up, or before the far end.
 */
static size_t take_plain(struct quire_index_cursor *cursor, int64_t *rowids, size_t max)
{
    struct qr_tree_cursor *tree = &cursor->tree;
    size_t prefix = qr_index_prefix_size(cursor->index.page_size);
    size_t count = 0;
    if (cursor->group_count > 0 || cursor->index.def->object->included_count > 0 ||
        !qr_tree_cursor_stands(tree)) {
        return 0;
    }
    if (cursor->stay != tree->stays || !cursor->searched) {
        search_end(cursor);
    }
    unsigned index = tree->step->index;
    if (index < cursor->begin || index >= cursor->end) {
        return 0; /* the far end is not known */
    }
    unsigned left = cursor->reverse ? index - cursor->begin : cursor->end - index - 1;
    max = max < left ? max : left;
    while (count < max) {
        struct qr_tree_key key;
        struct qr_slice payload;
        size_t key_size;
        if (!qr_tree_cursor_move(tree, !cursor->reverse)) {
            break;
        }
        if (!qr_tree_cursor_key_entry(tree, &key, &payload) ||
            !find_rowid(&key, payload, &key_size, &rowids[count]) || key_size >= prefix) {
            cursor->stays = cursor->stays_valid = true;
            break;
        }
        count++;
    }
    return count;
}

/* ---- Moving over hash matches ---- */

/* After changes the rowids of the key may be elsewhere. */
static quire_status follow_changes(struct quire_index_cursor *cursor, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(cursor->index.txn, cursor->index.def->object);
    struct qr_hash_key key = qr_hash_key_of(&cursor->wanted);
    struct qr_hash_match match;
    if (cursor->changes == qr_view_changes(hash.view)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_hash_find(&hash, &key, &match, err));
    QR_TRY(qr_hash_rowids_follow(&cursor->rowids, &hash, &match,
                                 cursor->started ? &cursor->last : NULL, err));
    cursor->changes = qr_view_changes(hash.view);
    return QUIRE_OK;
}

static quire_status next_hash(struct quire_index_cursor *cursor, int64_t *rowid, bool *valid,
                              quire_error *err)
{
    struct qr_key *full = &cursor->index.scratch;
    *valid = false;
    QR_TRY(follow_changes(cursor, err));
    while (!cursor->done) {
        QR_TRY(qr_hash_rowids_next(&cursor->rowids, rowid, valid, err));
        if (!*valid) {
            cursor->done = true;
            return QUIRE_OK;
        }
        cursor->started = true;
        cursor->last = *rowid;
        if (!cursor->wanted.is_cut) {
            return QUIRE_OK;
        }
        QR_TRY(qr_index_key_of_rowid(&cursor->index, *rowid, full, err));
        if (qr_key_compare(full->bytes, full->size, cursor->wanted.full.bytes,
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
        if (qr_same_object(table->indexes[i].object, cursor->index.def->object)) {
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
    *valid = cursor->on_entry = false;
    QR_TRY(check_cursor(cursor, err));
    return cursor->index.def->object->index_kind == QUIRE_INDEX_HASH
               ? next_hash(cursor, rowid, valid, err)
               : next_btree(cursor, rowid, valid, err);
}

quire_status qr_index_cursor_rowids(quire_index_cursor *cursor, int64_t *rowids, size_t max,
                                    size_t *count, quire_error *err)
{
    bool valid = true;
    *count = 0;
    QR_TRY(check_cursor(cursor, err));
    bool is_hash = cursor->index.def->object->index_kind == QUIRE_INDEX_HASH;
    while (*count < max) {
        QR_TRY(is_hash ? next_hash(cursor, &rowids[*count], &valid, err)
                       : next_btree(cursor, &rowids[*count], &valid, err));
        if (!valid) {
            break;
        }
        ++*count;
        if (!is_hash) {
            *count += take_plain(cursor, rowids + *count, max - *count);
        }
    }
    cursor->on_entry = false;
    return QUIRE_OK;
}

/* ---- Columns of the entry ---- */

/* Where a column is in the key of an index, if its element gives back the very value. */
static bool find_in_key(const struct qr_object *table, const struct qr_object *index,
                        uint32_t column, uint32_t *part)
{
    for (*part = 0; *part < index->key_count; (*part)++) {
        const struct qr_index_part *at = &index->parts[*part];
        if (at->expression == NULL && at->column == column && at->collation == NULL) {
            return table->columns[column].type != QUIRE_FLOAT;
        }
    }
    return false;
}

static bool find_included(const struct qr_object *index, uint32_t column, uint32_t *place)
{
    for (*place = 0; *place < index->included_count; (*place)++) {
        if (index->included[*place] == column) {
            return true;
        }
    }
    return false;
}

bool qr_index_covers(const struct qr_object *table, const struct qr_object *index, uint32_t column)
{
    uint32_t place;
    return index->index_kind == QUIRE_INDEX_BTREE && column < table->column_count &&
           (find_included(index, column, &place) || find_in_key(table, index, column, &place));
}

/* The entry yielded last: its true key and its record. */
static quire_status current_entry(struct quire_index_cursor *cursor, struct qr_slice *key,
                                  struct qr_slice *included, quire_error *err)
{
    if (cursor->group_next > 0) {
        *key = last_member(cursor)->key;
        *included = last_member(cursor)->included;
        return QUIRE_OK;
    }
    struct qr_tree_key at;
    struct qr_index_entry entry;
    QR_TRY(read_entry(cursor, &at, &entry, err));
    *key = (struct qr_slice){.data = at.bytes, .size = entry.key_size};
    *included = entry.included;
    return QUIRE_OK;
}

static quire_status decode_part(struct quire_index_cursor *cursor, struct qr_slice key,
                                uint32_t part, quire_value *value, quire_error *err)
{
    const struct qr_object *object = cursor->index.def->object;
    size_t offset = 0;
    for (uint32_t i = 0; i < part; i++) {
        QR_TRY(qr_key_skip(key.data, key.size, &offset, object->parts[i].descending, err));
    }
    qr_arena_reset(&cursor->columns);
    return qr_key_decode(key.data, key.size, &offset, object->parts[part].descending,
                         &cursor->columns, value, err);
}

quire_status quire_index_cursor_column(quire_index_cursor *cursor, uint32_t column,
                                       quire_value *value, quire_error *err)
{
    struct qr_slice key;
    struct qr_slice included;
    uint32_t place;
    if (cursor == NULL || value == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_index_cursor_column needs a cursor and a place for the value.");
    }
    *value = quire_null();
    QR_TRY(check_cursor(cursor, err));
    const struct qr_object *object = cursor->index.def->object;
    const struct qr_object *table = cursor->index.table->object;
    if (!cursor->on_entry || !qr_index_covers(table, object, column)) {
        return qr_fail(err, QUIRE_MISUSE,
                       cursor->on_entry ? "The entries of index \"%s\" do not tell that column."
                                        : "The cursor on index \"%s\" stands on no entry.",
                       object->name);
    }
    QR_TRY(current_entry(cursor, &key, &included, err));
    if (find_included(object, column, &place)) {
        QR_TRY(quire_record_column(included.data, included.size, place, value, err));
    } else if (find_in_key(table, object, column, &place)) {
        QR_TRY(decode_part(cursor, key, place, value, err));
    }
    if (value->type != QUIRE_NULL && value->type != table->columns[column].type) {
        return qr_fail(err, QUIRE_CORRUPT,
                       "An entry of index \"%s\" is damaged: its column \"%s\".", object->name,
                       table->columns[column].name);
    }
    return QUIRE_OK;
}
