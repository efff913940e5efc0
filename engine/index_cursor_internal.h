/*
 * The inside of a walk over an index, for the files that implement it:
 * index_range.c makes its bounds, index_cursor.c goes from one to the other.
 */
#ifndef QR_INDEX_CURSOR_INTERNAL_H
#define QR_INDEX_CURSOR_INTERNAL_H

#include "btree/cursor.h"
#include "engine/index.h"
#include "engine/index_hash.h"

/* One entry of a group, with its true key. */
struct member {
    struct qr_slice key;
    struct qr_slice included;
    int64_t rowid;
};

struct quire_index_cursor {
    struct qr_handle handle; /* first */
    size_t size;             /* of the memory that it is in */
    struct qr_index index;
    uint32_t epoch; /* that index was opened for */
    bool reverse;
    bool done;

    /* B-tree */
    struct qr_tree_cursor tree; /* its room is behind the whole */
    struct qr_key lower, upper; /* true bounds */
    struct qr_key prefix;       /* of the group being read */
    bool unbounded;             /* there is no upper bound */
    bool exact;                 /* one key is sought, which is stored cut: wanted.cut ... */
    struct qr_key cut_end;      /* ... is where its entries begin, this is where they end */
    bool started;
    uint64_t stay;         /* of the tree's cursor in a leaf ... */
    bool searched;         /* ... which was searched for the far end of the walk: ... */
    unsigned begin, end;   /* ... these entries lie before it */
    bool stays;            /* the tree's cursor already stands on the next entry ... */
    bool stays_valid;      /* ... if there is one */
    struct qr_arena arena; /* keys of the group */
    struct member *group;
    size_t group_count, group_capacity, group_next;
    struct qr_arena columns; /* texts of the entry yielded last */
    bool on_entry;

    /* hash */
    struct qr_hash_rowids rowids;
    uint64_t changes; /* of the view, when they were found */
    int64_t last;     /* rowid yielded, if the walk has started */
    struct qr_index_key wanted;
};

/* Refuses a range that the index cannot answer. */
quire_status qr_index_range_check(const struct qr_index *index, const quire_index_range *range,
                                  quire_error *err);
/* Makes the bounds of a walk over a B-tree, which are empty. */
quire_status qr_index_range_make(struct quire_index_cursor *cursor, const quire_index_range *range,
                                 quire_error *err);
/* Where the entries of the walk begin in the tree. */
struct qr_slice qr_index_range_lower(const struct quire_index_cursor *cursor);
/* Where they end; *partly: entries that begin so may still lie below the bound. */
struct qr_slice qr_index_range_upper(const struct quire_index_cursor *cursor, bool *partly);

#endif
