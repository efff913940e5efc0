/*
 * B-tree indexes: entries in a tree of keys (docs/file-format.md, "Index keys").
 *
 *   tree key         payload   when
 *   key              rowid     the index is unique, the key has no null and is not cut
 *   key rowid        -         otherwise, the key stored whole
 *   cut-key rowid    01        the key is cut
 *
 * If the index includes columns, their record follows in the payload, behind 02
 * where there would be nothing. A rowid is written as an integer of the key
 * encoding, whose first byte is neither 01 nor 02, so an entry says by itself
 * which form it has.
 */
#include <string.h>

#include "engine/index.h"

#define CUT_MARK   0x01
#define WHOLE_MARK 0x02

struct qr_tree qr_index_tree(const struct qr_index *index)
{
    return (struct qr_tree){.view = index->txn->view,
                            .root = index->def->object->root,
                            .id = index->def->object->id,
                            .kind = QR_TREE_KEYS};
}

static quire_status damaged(const struct qr_index *index, const char *what, quire_error *err)
{
    return qr_fail(err, QUIRE_CORRUPT, "Index \"%s\" is damaged: %s; drop and create it again.",
                   index->def->object->name, what);
}

static bool stored_alone(const struct qr_index *index, const struct qr_index_key *key)
{
    return index->def->object->unique && !key->has_null && !key->is_cut;
}

/* What follows the head of a payload: nothing, or the record of the included columns. */
static quire_status split_included(const struct qr_index *index, struct qr_slice payload,
                                   size_t head, struct qr_index_entry *entry, quire_error *err)
{
    bool wanted = index->def->object->included_count > 0;
    entry->included = (struct qr_slice){.data = payload.data + head, .size = payload.size - head};
    return wanted == (entry->included.size > 0) ? QUIRE_OK
                                                : damaged(index, "an entry's payload", err);
}

quire_status qr_index_parse_entry(const struct qr_index *index, const struct qr_tree_key *key,
                                  struct qr_slice payload, struct qr_index_entry *entry,
                                  quire_error *err)
{
    const struct qr_object *object = index->def->object;
    bool is_marked = payload.size > 0 && payload.data[0] <= WHOLE_MARK;
    size_t head = is_marked ? 1 : 0;
    size_t offset = 0;
    entry->is_alone = payload.size > 0 && !is_marked;
    entry->is_cut = is_marked && payload.data[0] == CUT_MARK;
    if (entry->is_alone) {
        entry->key_size = key->size;
        QR_TRY(qr_key_decode_rowid(payload.data, payload.size, &head, &entry->rowid, err));
        return split_included(index, payload, head, entry, err);
    }
    if (entry->is_cut) {
        offset = qr_index_key_max(index->page_size);
    }
    for (uint32_t i = 0; !entry->is_cut && i < object->key_count; i++) {
        QR_TRY(qr_key_skip(key->bytes, key->size, &offset, object->parts[i].descending, err));
    }
    entry->key_size = offset;
    QR_TRY(qr_key_decode_rowid(key->bytes, key->size, &offset, &entry->rowid, err));
    if (offset != key->size) {
        return damaged(index, "an entry's length", err);
    }
    return split_included(index, payload, head, entry, err);
}

/* ---- Finding ---- */

static quire_status open_entries(struct qr_index *index, quire_error *err)
{
    if (!index->entries_open) {
        struct qr_tree tree = qr_index_tree(index);
        QR_TRY(qr_tree_reader_init(&index->entries, &tree, err));
        index->entries_open = true;
    }
    return QUIRE_OK;
}

static quire_status find_alone(struct qr_index *index, struct qr_index_key *key, int64_t *rowid,
                               bool *found, quire_error *err)
{
    struct qr_tree_key wanted = {.bytes = key->full.bytes, .size = key->full.size};
    struct qr_slice payload;
    QR_TRY(open_entries(index, err));
    QR_TRY(qr_tree_find(&index->entries, &wanted, &payload, found, err));
    if (*found) {
        size_t offset = 0;
        QR_TRY(qr_key_decode_rowid(payload.data, payload.size, &offset, rowid, err));
    }
    return QUIRE_OK;
}

/* Whether the entry under the cursor belongs to a row with exactly this key. */
static quire_status same_key(struct qr_index *index, const struct qr_tree_key *at,
                             struct qr_slice payload, const struct qr_index_key *key,
                             int64_t *rowid, bool *same, quire_error *err)
{
    struct qr_index_entry entry;
    QR_TRY(qr_index_parse_entry(index, at, payload, &entry, err));
    *same = false;
    if (!entry.is_cut) {
        return QUIRE_OK;
    }
    QR_TRY(qr_index_key_of_rowid(index, entry.rowid, &index->scratch, err));
    *rowid = entry.rowid;
    *same = index->scratch.size == key->full.size &&
            memcmp(index->scratch.bytes, key->full.bytes, key->full.size) == 0;
    return QUIRE_OK;
}

/* Among the entries that are stored like a cut key, finds one whose row has that key. */
static quire_status find_cut(struct qr_index *index, const struct qr_index_key *key, int64_t *rowid,
                             bool *found, quire_error *err)
{
    struct qr_tree tree = qr_index_tree(index);
    struct qr_tree_key from = {.bytes = key->cut.bytes, .size = key->cut.size};
    struct qr_tree_cursor *cursor;
    bool valid;
    *found = false;
    QR_TRY(qr_tree_cursor_open(&tree, &cursor, err));
    quire_status status = qr_tree_cursor_seek(cursor, &from, &valid, err);
    while (status == QUIRE_OK && valid && !*found) {
        struct qr_tree_key at;
        struct qr_slice payload;
        QR_TRY_GOTO(status, qr_tree_cursor_key(cursor, &at, err), done);
        if (at.size < from.size || memcmp(at.bytes, from.bytes, from.size) != 0) {
            break;
        }
        QR_TRY_GOTO(status, qr_tree_cursor_payload(cursor, &payload, err), done);
        QR_TRY_GOTO(status, same_key(index, &at, payload, key, rowid, found, err), done);
        if (!*found) {
            status = qr_tree_cursor_next(cursor, &valid, err);
        }
    }
done:
    qr_tree_cursor_close(cursor);
    return status;
}

quire_status qr_index_btree_find(struct qr_index *index, struct qr_index_key *key, int64_t *rowid,
                                 bool *found, quire_error *err)
{
    return key->is_cut ? find_cut(index, key, rowid, found, err)
                       : find_alone(index, key, rowid, found, err);
}

/* ---- Changing ---- */

/* An entry, which borrows from a key's buffers for the length of one tree call. */
struct entry_bytes {
    struct qr_tree_key key;
    const uint8_t *payload;
    size_t payload_size;
    size_t head_size; /* of the payload, without the included columns */
};

/* Writes rowid, mark and record behind the stored key, each where the form of the entry has it. */
static quire_status compose(const struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                            struct entry_bytes *entry, quire_error *err)
{
    static const uint8_t marks[] = {WHOLE_MARK, CUT_MARK};
    struct qr_key *stored = qr_index_key_stored(key);
    bool alone = stored_alone(index, key);
    bool is_marked = !alone && (key->is_cut || key->included.size > 0);
    size_t key_size = stored->size;
    QR_TRY(qr_key_append_rowid(stored, rowid, err));
    size_t with_rowid = stored->size;
    if (is_marked) {
        QR_TRY(qr_key_append_bytes(stored, &marks[key->is_cut], 1, err));
    }
    size_t head_end = stored->size;
    QR_TRY(qr_key_append_bytes(stored, key->included.bytes, key->included.size, err));
    size_t tree_key_size = alone ? key_size : with_rowid;
    *entry = (struct entry_bytes){.key = {.bytes = stored->bytes, .size = tree_key_size},
                                  .payload = stored->bytes + tree_key_size,
                                  .payload_size = stored->size - tree_key_size,
                                  .head_size = head_end - tree_key_size};
    stored->size = key_size;
    return QUIRE_OK;
}

quire_status qr_index_btree_contains(struct qr_index *index, struct qr_index_key *key,
                                     int64_t rowid, bool *found, quire_error *err)
{
    struct entry_bytes entry;
    struct qr_slice payload;
    QR_TRY(open_entries(index, err));
    QR_TRY(compose(index, key, rowid, &entry, err));
    QR_TRY(qr_tree_find(&index->entries, &entry.key, &payload, found, err));
    bool includes = entry.payload_size > entry.head_size;
    *found = *found && payload.size >= entry.head_size &&
             (payload.size > entry.head_size) == includes &&
             (entry.head_size == 0 || memcmp(payload.data, entry.payload, entry.head_size) == 0);
    return QUIRE_OK;
}

quire_status qr_index_btree_insert(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                                   quire_error *err)
{
    struct qr_tree tree = qr_index_tree(index);
    struct entry_bytes entry;
    bool existed;
    QR_TRY(compose(index, key, rowid, &entry, err));
    if (index->def->object->unique) { /* it is searched before each row */
        QR_TRY(qr_tree_put(&tree, &entry.key, entry.payload, entry.payload_size, QR_PUT_INSERT,
                           &existed, err));
    } else { /* the rowid makes the key a new one */
        QR_TRY(qr_tree_put_blind(&tree, &entry.key, entry.payload, entry.payload_size,
                                 QR_PUT_INSERT, &existed, err));
    }
    return existed ? damaged(index, "it has an entry for a row that is new", err) : QUIRE_OK;
}

quire_status qr_index_btree_replace(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                                    quire_error *err)
{
    struct qr_tree tree = qr_index_tree(index);
    struct entry_bytes entry;
    bool existed;
    QR_TRY(compose(index, key, rowid, &entry, err));
    QR_TRY(qr_tree_put(&tree, &entry.key, entry.payload, entry.payload_size, QR_PUT_REPLACE,
                       &existed, err));
    return existed ? QUIRE_OK : damaged(index, "the entry of a row is missing", err);
}

quire_status qr_index_btree_delete(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                                   quire_error *err)
{
    struct qr_tree tree = qr_index_tree(index);
    struct entry_bytes entry;
    bool existed;
    QR_TRY(compose(index, key, rowid, &entry, err));
    QR_TRY(qr_tree_delete(&tree, &entry.key, &existed, err));
    return existed ? QUIRE_OK : damaged(index, "the entry of a row is missing", err);
}
