/*
 * The inside of a cursor, and its steps within a leaf, inline: to the entry
 * beside it, and to what stands there. What they refuse, the functions of
 * btree.h do in general; these begin with them. For whoever walks over many
 * entries.
 */
#ifndef QR_BTREE_CURSOR_H
#define QR_BTREE_CURSOR_H

#include "btree/btree_internal.h"
#include "btree/key_leaf.h"

enum qr_cursor_state {
    QR_CURSOR_BEFORE, /* past the first entry */
    QR_CURSOR_AFTER,  /* past the last entry */
    QR_CURSOR_ON,     /* at an entry */
    QR_CURSOR_GAP     /* the entry is gone; the path's index is that of the next one */
};

struct qr_tree_cursor {
    struct qr_tree tree;
    const struct qr_node_ops *ops;
    uint32_t page_size;
    struct qr_pin *pin;
    enum qr_cursor_state state;
    uint64_t changes;          /* of the view, when the path was made */
    const uint8_t *leaf;       /* pinned */
    struct qr_path_step *step; /* the path's last: of the leaf */
    const uint8_t *ahead;      /* the leaf that is expected next, or this one again; for hints */
    unsigned ahead_step;       /* bytes of it to be asked for at each entry */
    struct qr_path path;
    unsigned leaf_moves;
    uint64_t stays; /* in leaves, this one included: tells one from another */
    bool keeps_key; /* the view can change */
    bool has_key;   /* key is that of the current entry */
    struct qr_tree_key key;
    uint8_t *key_buffer;         /* key trees: two keys; the second for comparing leaves */
    bool has_prefix;             /* the first begins as those of the leaf ... */
    struct qr_key_layout layout; /* ... which is laid out so */
    uint8_t *buffer;             /* overflow payload */
    size_t buffer_size;
};

/*
 * A cursor in memory of the caller, zeroed, with room for keys behind it or
 * elsewhere: qr_tree_cursor_room bytes. `start` points it before the first entry
 * of a tree, and later of another, without asking for memory again; `rest` lets
 * go of the page, `leave` of all that belongs to the view: before that ends.
 */
static inline size_t qr_tree_cursor_room(enum qr_tree_kind kind, uint32_t page_size)
{
    return kind == QR_TREE_KEYS ? 2 * QR_KEY_MAX((size_t)page_size) : 0;
}
quire_status qr_tree_cursor_start(struct qr_tree_cursor *cursor, const struct qr_tree *tree,
                                  uint8_t *room, quire_error *err);
void qr_tree_cursor_rest(struct qr_tree_cursor *cursor);
void qr_tree_cursor_leave(struct qr_tree_cursor *cursor);

/* Whether the cursor stands at an entry of a leaf that is as it was. */
static inline bool qr_tree_cursor_stands(const struct qr_tree_cursor *cursor)
{
    return cursor->state == QR_CURSOR_ON && cursor->changes == cursor->tree.view->changes;
}

/* Moves to the entry beside it in the same leaf, if there is one. In a view that can change, the
 * caller reads the entry with its key before anything else. The lines of the leaf after this one
 * are asked for bit by bit, so that they are there when the walk arrives. */
static inline bool qr_tree_cursor_move(struct qr_tree_cursor *cursor, bool forward)
{
    struct qr_path_step *step = cursor->step;
    if (!qr_tree_cursor_stands(cursor) ||
        (forward ? step->index + 1U >= step->count : step->index == 0)) {
        return false;
    }
    const uint8_t *ahead = cursor->ahead + cursor->ahead_step * step->index;
    step->index = (uint16_t)(forward ? step->index + 1U : step->index - 1U);
    qr_prefetch(ahead);
    qr_prefetch(ahead + 64);
    cursor->has_key = false;
    return true;
}

/* The same to the next entry, if its key need not be kept. */
static inline bool qr_tree_cursor_step(struct qr_tree_cursor *cursor)
{
    return !cursor->keeps_key && qr_tree_cursor_move(cursor, true);
}

/* Index of the first entry of the leaf that is not below a key; false for damage there. */
static inline bool qr_tree_cursor_search(const struct qr_tree_cursor *cursor,
                                         const struct qr_tree_key *key, unsigned *index)
{
    bool exact;
    struct qr_flaw flaw;
    return cursor->ops->search(cursor->leaf, cursor->page_size, key, index, &exact, &flaw);
}

/* The current entry if it is a sound row within its leaf. */
static inline bool qr_tree_cursor_row(const struct qr_tree_cursor *cursor, int64_t *rowid,
                                      struct qr_slice *payload)
{
    struct qr_item item;
    struct qr_flaw flaw;
    if (cursor->tree.kind != QR_TREE_ROWS || !qr_tree_cursor_stands(cursor)) {
        return false;
    }
    unsigned index = cursor->step->index;
    if (!qr_row_leaf_cell(cursor->leaf, cursor->page_size, index, &item, &flaw) || item.overflow) {
        return false;
    }
    *rowid = qr_row_leaf_key(cursor->leaf, index);
    payload->data = item.body;
    payload->size = item.body_size;
    return true;
}

/* The current entry if it is a sound one of a key leaf that another was read of before. */
static inline bool qr_tree_cursor_key_entry(struct qr_tree_cursor *cursor, struct qr_tree_key *key,
                                            struct qr_slice *payload)
{
    struct qr_item item;
    struct qr_flaw flaw;
    if (!cursor->has_prefix || !qr_tree_cursor_stands(cursor) ||
        !qr_key_leaf_entry(cursor->leaf, &cursor->layout, cursor->step->index, cursor->key_buffer,
                           &item, &flaw) ||
        item.overflow) {
        return false;
    }
    cursor->key = (struct qr_tree_key){.bytes = item.key, .size = item.key_size};
    cursor->has_key = true;
    *key = cursor->key;
    payload->data = item.body;
    payload->size = item.body_size;
    return true;
}

#endif
