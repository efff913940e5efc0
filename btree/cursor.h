/*
 * The inside of a cursor, and its two steps within a leaf, inline: to the next
 * entry, and to the row there. What they refuse, the functions of btree.h do in
 * general; these begin with them. For whoever walks over many rows.
 */
#ifndef QR_BTREE_CURSOR_H
#define QR_BTREE_CURSOR_H

#include "btree/btree_internal.h"

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
    bool keeps_key; /* the view can change */
    bool backward;  /* the last step was to a previous entry */
    bool has_key;   /* key is that of the current entry */
    struct qr_tree_key key;
    uint8_t *key_buffer; /* key trees: two keys; the second for comparing leaves */
    uint8_t *buffer;     /* overflow payload */
    size_t buffer_size;
};

/* Whether the cursor stands at an entry of a leaf that is as it was. */
static inline bool qr_tree_cursor_stands(const struct qr_tree_cursor *cursor)
{
    return cursor->state == QR_CURSOR_ON && cursor->changes == cursor->tree.view->changes;
}

/* Moves to the next entry if that is in the same leaf and its key need not be kept. The lines of
 * the leaf after this one are asked for bit by bit, so that they are there when the walk
 * arrives. */
static inline bool qr_tree_cursor_step(struct qr_tree_cursor *cursor)
{
    if (cursor->keeps_key || !qr_tree_cursor_stands(cursor) ||
        cursor->step->index + 1U >= cursor->step->count) {
        return false;
    }
    const uint8_t *ahead = cursor->ahead + cursor->ahead_step * cursor->step->index++;
    qr_prefetch(ahead);
    qr_prefetch(ahead + 64);
    cursor->backward = false;
    cursor->has_key = false;
    return true;
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

#endif
