/*
 * Secondary indexes. An index maps keys, made from columns of a row, to rowids;
 * two kinds store them: a B+tree of keys (index_btree.c) and a linear hash
 * table (index_hash.c).
 *
 * A key longer than qr_index_key_max is stored as its beginning and a hash of
 * the whole ("cut"). Cut keys do not order truly and two different keys may, at
 * worst, be stored alike, so whoever needs order or equality compares the keys
 * of the rows themselves.
 *
 * One thread at a time, the transaction's. Functions that write doom the
 * transaction when they fail half way.
 */
#ifndef QR_INDEX_H
#define QR_INDEX_H

#include "catalog/key.h"
#include "engine/engine_internal.h"

/* What a cut key ends in. */
#define QR_INDEX_HASH_SIZE 16U

/* Longest key that is stored whole; a cut one has exactly this length. */
static inline size_t qr_index_key_max(uint32_t page_size)
{
    return QR_KEY_MAX(page_size) - QR_KEY_ROWID_MAX;
}

/* How much of a cut key is its true beginning. */
static inline size_t qr_index_prefix_size(uint32_t page_size)
{
    return qr_index_key_max(page_size) - QR_INDEX_HASH_SIZE;
}

/* What one row has in one index: its key, and what its entry stores besides. */
struct qr_index_key {
    struct qr_key full;
    struct qr_key cut;      /* the stored form, when is_cut */
    struct qr_key included; /* record of the included columns; empty when there are none */
    bool absent;            /* the row has no entry, and the rest means nothing */
    bool is_cut;
    bool has_null; /* exempt from uniqueness */
};

/* An open index. The readers are opened when first used. */
struct qr_index {
    quire_txn *txn;
    const struct qr_table_def *table;
    const struct qr_index_def *def;
    uint32_t page_size;
    struct qr_tree_reader entries; /* B-tree: its own */
    struct qr_tree_reader rows;    /* the table's, to compare keys by */
    struct qr_key scratch;
    struct qr_key sort_key; /* of the text being encoded */
    struct qr_arena values; /* of expressions */
    bool entries_open, rows_open;
    struct qr_gap gap; /* empty unless the index is being built */
};

/* Whether a row has its entry, if it is to have one: the builder has come to it, or it was made
 * since the building began. */
static inline bool qr_index_reaches(const struct qr_index *index, int64_t rowid)
{
    return rowid < index->gap.next || rowid > index->gap.last;
}

/* Turns the user's definition into the catalog's, whose id and root are not set; it borrows from
 * both arguments and from `arena` (index_definition.c). Errors: as quire_index_create. */
quire_status qr_index_resolve(const quire_db *db, const struct qr_object *table,
                              const quire_index_def *def, struct qr_arena *arena,
                              struct qr_object *index, quire_error *err);
/* Whether two definitions of the catalog are of the same index: all but name, pages and state. */
bool qr_index_same(const struct qr_object *a, const struct qr_object *b);
/* Makes the catalog's definition ready for use; it borrows likewise. CORRUPT when the table has no
 * such columns. */
quire_status qr_index_define(const struct qr_object *index, const struct qr_object *table,
                             struct qr_arena *arena, struct qr_index_def *def, quire_error *err);

/* Reads the gap of an index that is being built. After a failure there is nothing to close; closing
 * a zeroed index is a no-op. */
quire_status qr_index_open(struct qr_index *index, quire_txn *txn, const struct qr_table_def *table,
                           const struct qr_index_def *def, quire_error *err);
void qr_index_close(struct qr_index *index);

/* UNKNOWN_NAME when the index orders by a collation that is not registered. */
quire_status qr_index_check_collations(const struct qr_index *index, quire_error *err);
/* Appends a value as part number `part` of a key: under its collation and direction. */
quire_status qr_index_append(struct qr_index *index, uint32_t part, const quire_value *value,
                             struct qr_key *key, quire_error *err);

void qr_index_key_init(struct qr_index_key *key, const quire_allocator *allocator);
void qr_index_key_free(struct qr_index_key *key);
static inline struct qr_key *qr_index_key_stored(struct qr_index_key *key)
{
    return key->is_cut ? &key->cut : &key->full;
}

/* Makes the key of a row from the values of the whole row, from the key's values alone (nothing is
 * included then), or from the row's record. */
quire_status qr_index_key_from_row(struct qr_index *index, const quire_value *row, uint32_t count,
                                   struct qr_index_key *key, quire_error *err);
quire_status qr_index_key_from_values(struct qr_index *index, const quire_value *values,
                                      struct qr_index_key *key, quire_error *err);
quire_status qr_index_key_from_record(struct qr_index *index, const void *record, size_t size,
                                      struct qr_index_key *key, quire_error *err);
/* Or from an encoded key and record of the included columns. */
quire_status qr_index_key_from_bytes(const struct qr_index *index, struct qr_slice full,
                                     bool has_null, struct qr_slice included,
                                     struct qr_index_key *key, quire_error *err);
/* Whether two rows have the same key, or both have no entry. */
bool qr_index_key_same(const struct qr_index_key *a, const struct qr_index_key *b);

/* Writes the full key of the row with this rowid, read from the table. CORRUPT when there is no
 * such row: the index names it. */
quire_status qr_index_key_of_rowid(struct qr_index *index, int64_t rowid, struct qr_key *full,
                                   quire_error *err);

/* Whether another row holds the key of a unique index; if so, its rowid. */
quire_status qr_index_conflict(struct qr_index *index, struct qr_index_key *key, bool *conflict,
                               int64_t *rowid, quire_error *err);

/* Whether the index has the entry of a row: its key with its rowid. What the entry includes is not
 * compared. */
quire_status qr_index_contains(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                               bool *found, quire_error *err);

quire_status qr_index_insert(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                             quire_error *err);
/* CORRUPT when the entry is not there. */
quire_status qr_index_delete(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                             quire_error *err);
/* Turns a row's entry into that of its new key; writes nothing where they are the same. */
quire_status qr_index_update(struct qr_index *index, struct qr_index_key *before,
                             struct qr_index_key *after, int64_t rowid, quire_error *err);
quire_status qr_index_count(struct qr_index *index, uint64_t *entries, quire_error *err);

/* Makes the pages of an empty index and sets object->root (and its random key). The object's id is
 * the one that the catalog will give. */
quire_status qr_index_make(quire_txn *txn, struct qr_object *object, quire_error *err);
/* Frees all pages. */
quire_status qr_index_discard(quire_txn *txn, const struct qr_object *object, quire_error *err);
/* Makes the entries of the rows from `next` to `last`, until at least rows_max were read: then
 * *next is the row to go on with, and *done says that there is none (index_fill.c). UNIQUE when two
 * rows have one key; the message names them. */
quire_status qr_index_fill(struct qr_index *index, struct qr_gap *rows, uint64_t rows_max,
                           uint64_t *rows_read, bool *done, quire_error *err);

/* What a part of the key is called in messages. */
const char *qr_index_part_name(const struct qr_index_def *def, uint32_t part);
/* Writes a key's values for a message, such as ("ada", 3). */
void qr_index_describe(const struct qr_index *index, const struct qr_key *full, char *out,
                       size_t size);

/* Whether the entries of an index tell a column's value (index_cursor.c). */
bool qr_index_covers(const struct qr_object *table, const struct qr_object *index, uint32_t column);
/* Opens a walk (index_cursor.c). `index` is below the table's index_count. */
quire_status qr_index_cursor_make(quire_txn *txn, const struct qr_table_def *table, uint32_t index,
                                  const quire_index_range *range, quire_index_cursor **out,
                                  quire_error *err);

/* About how many entries the range has that a cursor was opened for and has not begun
 * (index_cursor.c). */
quire_status qr_index_cursor_estimate(quire_index_cursor *cursor, uint64_t *entries,
                                      quire_error *err);

/* ---- B-tree indexes (index_btree.c) ---- */

struct qr_tree qr_index_tree(const struct qr_index *index);

/* An entry of the key tree, taken apart. */
struct qr_index_entry {
    struct qr_slice included; /* record of the included columns; borrowed from the payload */
    size_t key_size;          /* bytes of the stored key; the rest of the tree's key is the rowid */
    int64_t rowid;
    bool is_cut;
    bool is_alone; /* the rowid is in the payload */
};
quire_status qr_index_parse_entry(const struct qr_index *index, const struct qr_tree_key *key,
                                  struct qr_slice payload, struct qr_index_entry *entry,
                                  quire_error *err);

quire_status qr_index_btree_find(struct qr_index *index, struct qr_index_key *key, int64_t *rowid,
                                 bool *found, quire_error *err);
quire_status qr_index_btree_contains(struct qr_index *index, struct qr_index_key *key,
                                     int64_t rowid, bool *found, quire_error *err);
quire_status qr_index_btree_insert(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                                   quire_error *err);
/* Replaces what the entry of a row stores besides its key. */
quire_status qr_index_btree_replace(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                                    quire_error *err);
quire_status qr_index_btree_delete(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                                   quire_error *err);

#endif
