/*
 * Creating trees, putting entries, splitting nodes.
 *
 * A full node splits in two by bytes; at the right edge of the tree an append
 * leaves the full node as it is and starts a new one, and likewise mirrored at
 * the left edge, so that sequential loads fill their pages. The root's page
 * number never changes: when it splits, its content moves into two new
 * children. Work is on the transaction's private pages; whoever fails after
 * the first change dooms the transaction.
 */
#include "btree/btree_internal.h"

/* ---- Creation ---- */

static void make_empty_leaf(uint8_t *page, uint32_t page_size, enum qr_tree_kind kind, uint32_t id)
{
    memset(page + QR_PAGE_HEADER_SIZE, 0, QR_NODE_BODY - QR_PAGE_HEADER_SIZE);
    page[QR_PAGE_TYPE] = qr_node_ops(kind)->leaf_type;
    page[QR_PAGE_FLAGS] = 0;
    qr_store32(page + QR_PAGE_TREE, id);
    qr_node_set_count(page, 0);
    qr_node_set_capacity(page, 0);
    qr_node_set_heap(page, page_size);
}

void qr_node_make_empty(const struct qr_tree *tree, uint8_t *root)
{
    make_empty_leaf(root, qr_tree_page_size(tree), tree->kind, tree->id);
}

quire_status qr_tree_create(struct qr_txn *txn, enum qr_tree_kind kind, uint32_t id, uint32_t at,
                            struct qr_tree *tree, quire_error *err)
{
    struct qr_view *view = qr_txn_view(txn);
    uint8_t *page;
    quire_status status;
    qr_view_enter(view);
    if (at == 0) {
        status = qr_txn_page_alloc(txn, qr_node_ops(kind)->leaf_type, id, 0, &at, &page, err);
    } else {
        status = qr_txn_page_write(txn, at, &page, err);
    }
    if (status == QUIRE_OK) {
        make_empty_leaf(page, qr_pager_page_size(qr_view_pager(view)), kind, id);
        *tree = (struct qr_tree){.view = view, .root = at, .id = id, .kind = kind};
    } else {
        qr_txn_doom(txn);
    }
    qr_view_leave(view);
    return status;
}

/* ---- Splitting ---- */

/* A node that has no room, about to be split around a new item. */
struct split {
    const struct qr_tree *tree;
    const struct qr_node_ops *ops;
    uint32_t page_size;
    struct qr_scratch *scratch;
    struct qr_sequence sequence;
    uint32_t page_number;
    uint8_t type;
    bool left_stays;      /* the left half is the page as it is */
    uint32_t first_child; /* of the old node */
};

static quire_status split_damaged(const struct split *split, const struct qr_flaw *flaw,
                                  quire_error *err)
{
    return qr_tree_damaged(split->tree, split->page_number, flaw, err);
}

/* Whether entries [0, m) and those right of the split make two nodes that fit. In inner nodes entry
 * m itself moves up. */
static quire_status split_fits(const struct split *split, unsigned m, bool *fits, quire_error *err)
{
    struct qr_flaw flaw;
    uint32_t left;
    uint32_t right;
    unsigned count = qr_sequence_count(&split->sequence);
    unsigned from = m + (split->type == split->ops->inner_type);
    if (!split->ops->measure(&split->sequence, split->page_size, split->type, 0, m,
                             split->scratch->keys, &left, &flaw) ||
        !split->ops->measure(&split->sequence, split->page_size, split->type, from, count,
                             split->scratch->keys, &right, &flaw)) {
        return split_damaged(split, &flaw, err);
    }
    *fits = left <= split->page_size && right <= split->page_size;
    return QUIRE_OK;
}

/* The entry that begins the second half by bytes, at the prefix that all entries share. */
static quire_status middle(const struct split *split, unsigned *m, quire_error *err)
{
    struct qr_flaw flaw;
    struct qr_item item;
    unsigned count = qr_sequence_count(&split->sequence);
    uint32_t total = 0;
    uint32_t sum = 0;
    uint32_t common = 0;
    const struct qr_sequence *sequence = &split->sequence;
    if (split->tree->kind == QR_TREE_KEYS) {
        /* The node's own prefix, or what the new key leaves of it, is not paid per entry. */
        const uint8_t *prefix = sequence->left + QR_NODE_BODY;
        uint32_t size = qr_node_prefix(sequence->left);
        const struct qr_item *new_item = sequence->item;
        while (common < size && common < new_item->key_size &&
               prefix[common] == new_item->key[common]) {
            common++;
        }
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < count; i++) {
            if (!qr_sequence_get(split->ops, sequence, split->page_size, i, NULL, &item, &flaw)) {
                return split_damaged(split, &flaw, err);
            }
            uint32_t key = (uint32_t)item.key_size > common ? (uint32_t)item.key_size - common : 0;
            uint32_t weight = QR_ROW_SLOT + QR_ROW_CELL_HEADER + key + (uint32_t)item.body_size;
            if (pass == 0) {
                total += weight;
            } else if (2 * sum + weight >= total) {
                *m = i;
                return QUIRE_OK;
            } else {
                sum += weight;
            }
        }
    }
    *m = count / 2;
    return QUIRE_OK;
}

/* Chooses m: a leaf keeps entries [0, m) on the left; an inner node too, and entry m moves up. */
static quire_status choose(const struct split *split, bool left_edge, bool right_edge, unsigned *m,
                           quire_error *err)
{
    unsigned count = qr_sequence_count(&split->sequence);
    unsigned position = split->sequence.left_end;
    bool inner = split->type == split->ops->inner_type;
    /* The item alone on its side: an inner node keeps one separator there. */
    unsigned last = count - 1 - inner;
    bool fits = false;
    if ((right_edge && position == count - 1) || (left_edge && position == 0)) {
        *m = position == 0 ? 1 : last;
    } else {
        QR_TRY(middle(split, m, err));
        *m = *m < 1 ? 1 : *m > last ? last : *m;
    }
    QR_TRY(split_fits(split, *m, &fits, err));
    if (!fits) {
        /* A key outside the old prefix makes all others longer; it then stands at an end. */
        *m = position == 0 ? 1 : last;
        QR_TRY(split_fits(split, *m, &fits, err));
    }
    if (!fits) {
        struct qr_flaw flaw;
        qr_flaw_set(&flaw, "TREE_CELL_OVERLAP", QR_NODE_BODY, "cells take more than the page");
        return split_damaged(split, &flaw, err);
    }
    return QUIRE_OK;
}

static quire_status build_half(const struct split *split, uint8_t *page, unsigned from, unsigned to,
                               uint32_t first_child, quire_error *err)
{
    struct qr_flaw flaw;
    if (!split->ops->build(page, split->page_size, split->type, &split->sequence, from, to,
                           first_child, split->scratch->keys, &flaw)) {
        return split_damaged(split, &flaw, err);
    }
    return QUIRE_OK;
}

/* Makes the root an inner node of one separator over two children. */
static quire_status build_root(const struct split *split, uint8_t *root, uint32_t left,
                               const struct qr_item *up, quire_error *err)
{
    struct qr_flaw flaw;
    struct qr_sequence sequence = {split->sequence.left, 0, up, split->sequence.left, 0, 0};
    if (!split->ops->build(root, split->page_size, split->ops->inner_type, &sequence, 0, 1, left,
                           split->scratch->keys, &flaw)) {
        return split_damaged(split, &flaw, err);
    }
    return QUIRE_OK;
}

/* Splits the node. On return `up` is what the parent must take, or for the root the split is
 * complete. */
static quire_status split_node(const struct split *split, uint8_t *page, bool root, unsigned m,
                               uint8_t *key_buffer, struct qr_item *up, quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(split->tree->view);
    uint32_t id = split->tree->id;
    bool inner = split->type == split->ops->inner_type;
    unsigned count = qr_sequence_count(&split->sequence);
    uint8_t *left = page;
    uint8_t *right;
    uint32_t left_number = split->page_number;
    uint32_t right_number;
    struct qr_flaw flaw;
    if (!qr_sequence_separator(split->ops, &split->sequence, split->page_size,
                               split->type == split->ops->leaf_type, m, split->scratch->keys,
                               key_buffer, up, &flaw)) {
        return split_damaged(split, &flaw, err);
    }
    if (root) {
        QR_TRY(
            qr_txn_page_alloc(txn, split->type, id, split->page_number, &left_number, &left, err));
    }
    QR_TRY(qr_txn_page_alloc(txn, split->type, id, left_number, &right_number, &right, err));
    uint32_t right_first = inner ? up->child : 0;
    if (!split->left_stays) {
        QR_TRY(build_half(split, left, 0, m, split->first_child, err));
    }
    QR_TRY(build_half(split, right, m + inner, count, right_first, err));
    up->child = right_number;
    up->body = NULL;
    up->body_size = 0;
    up->overflow = false;
    return root ? build_root(split, page, left_number, up, err) : QUIRE_OK;
}

/* ---- Inserting ---- */

/* Whether the path runs along an edge of the tree above `level`. */
static bool on_edge(const struct qr_path *path, unsigned level, bool right)
{
    for (unsigned i = 0; i < level; i++) {
        if (path->step[i].index != (right ? path->step[i].count : 0)) {
            return false;
        }
    }
    return true;
}

/* Whether an item that found no room in the leaf is an append that no rewriting makes room for: it
 * begins a new leaf, and the old one stays as it is. */
static bool begins_leaf(const struct split *split, const struct qr_path *path, unsigned level,
                        const uint8_t *page)
{
    const struct qr_sequence *sequence = &split->sequence;
    uint32_t least = QR_KEY_LEAF_SLOT + QR_KEY_LEAF_HEADER + (uint32_t)sequence->item->body_size;
    return level > 0 && split->type == split->ops->leaf_type &&
           sequence->left_end == sequence->right_end && sequence->left_end > 0 &&
           split->ops->used(page, split->page_size) + least > split->page_size &&
           on_edge(path, level, true);
}

/* The same bytes in a copy of the page, when the pointer leads into the page: callers may hand in
 * what a reader or cursor of the tree has lent them. */
static const uint8_t *in_copy(const uint8_t *bytes, const uint8_t *page, const uint8_t *copy,
                              uint32_t page_size)
{
    uintptr_t offset = (uintptr_t)bytes - (uintptr_t)page;
    return bytes != NULL && offset < page_size ? copy + offset : bytes;
}

/* Puts an item that found no room into the node at `level`: rewrites the node when that makes room,
 * else splits it. *done is false when `up` remains to be put into the parent. */
static quire_status insert_full(const struct qr_tree *tree, const struct qr_path *path,
                                unsigned level, unsigned position, const struct qr_item *item,
                                uint8_t *page, struct qr_scratch *scratch, struct qr_item *up,
                                bool *done, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    uint32_t page_size = qr_tree_page_size(tree);
    unsigned count = qr_node_count(page);
    const uint8_t *copy = scratch->page[0];
    struct qr_item own = *item;
    struct split split = {.tree = tree,
                          .ops = ops,
                          .page_size = page_size,
                          .scratch = scratch,
                          .sequence = {copy, position, &own, copy, position, count},
                          .page_number = path->step[level].page,
                          .type = page[QR_PAGE_TYPE]};
    struct qr_flaw flaw;
    uint32_t size;
    unsigned m = 0;
    memcpy(scratch->page[0], page, page_size);
    own.body = in_copy(item->body, page, copy, page_size);
    own.key = in_copy(item->key, page, copy, page_size);
    split.first_child = split.type == ops->inner_type ? ops->child(copy, 0) : 0;
    split.left_stays = begins_leaf(&split, path, level, page);
    if (split.left_stays) {
        m = count;
    } else {
        if (!ops->measure(&split.sequence, page_size, split.type, 0, count + 1, scratch->keys,
                          &size, &flaw)) {
            return split_damaged(&split, &flaw, err);
        }
        *done = true;
        if (size <= page_size) {
            return build_half(&split, page, 0, count + 1, split.first_child, err);
        }
        if (count < 2) { /* two entries always fit a sound node */
            qr_flaw_set(&flaw, "TREE_CELL_BOUNDS", QR_PAGE_COUNT, "an entry larger than the limit");
            return split_damaged(&split, &flaw, err);
        }
        QR_TRY(choose(&split, on_edge(path, level, false), on_edge(path, level, true), &m, err));
    }
    *done = level == 0;
    /* The item may stand in one separator buffer; the new separator goes to the other. */
    uint8_t *key_buffer =
        item->key == scratch->separator[0] ? scratch->separator[1] : scratch->separator[0];
    return split_node(&split, page, level == 0, m, key_buffer, up, err);
}

quire_status qr_tree_insert_item(const struct qr_tree *tree, const struct qr_path *path,
                                 uint8_t *leaf, const struct qr_item *item, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    uint32_t page_size = qr_tree_page_size(tree);
    unsigned level = path->depth - 1;
    if (ops->insert(leaf, page_size, path->step[level].index, item)) {
        return QUIRE_OK;
    }
    struct qr_scratch scratch;
    QR_TRY(qr_scratch_init(&scratch, tree, err));
    struct qr_item up;
    bool done;
    quire_status status = insert_full(tree, path, level, path->step[level].index, item, leaf,
                                      &scratch, &up, &done, err);
    while (status == QUIRE_OK && !done) {
        struct qr_item carried = up;
        uint8_t *page;
        level--;
        unsigned index = path->step[level].index;
        QR_TRY_GOTO(status,
                    qr_txn_page_write(qr_view_txn(tree->view), path->step[level].page, &page, err),
                    out);
        done = ops->insert(page, page_size, index, &carried);
        if (!done) {
            status =
                insert_full(tree, path, level, index, &carried, page, &scratch, &up, &done, err);
        }
    }
out:
    qr_scratch_free(&scratch);
    return status;
}

/* ---- Putting ---- */

struct put {
    const struct qr_tree *tree;
    struct qr_txn *txn;
    struct qr_path path;
    struct qr_item item;
    uint8_t overflow_body[QR_OVERFLOW_BODY];
    bool replaces;
    struct qr_overflow old; /* overflow value to free; size 0 none */
};

bool qr_tree_needs_overflow(const struct qr_tree *tree, const struct qr_tree_key *key, size_t size)
{
    uint32_t page_size = qr_tree_page_size(tree);
    if (tree->kind == QR_TREE_ROWS) {
        return size > QR_ROW_INLINE_MAX(page_size);
    }
    size_t rest = key->size > QR_KEY_HEAD ? key->size - QR_KEY_HEAD : 0;
    return QR_KEY_LEAF_HEADER + rest + size > QR_KEY_CELL_MAX(page_size);
}

/* Writes the item over the entry that has its key, when it takes the same bytes; else removes the
 * entry so that the item can be inserted in its place. */
static quire_status replace_entry(struct put *put, uint8_t *leaf, bool *written, quire_error *err)
{
    const struct qr_tree *tree = put->tree;
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    const struct qr_path_step *step = &put->path.step[put->path.depth - 1];
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_item old;
    struct qr_flaw flaw;
    *written = false;
    if (!ops->get(leaf, page_size, step->index, NULL, &old, &flaw)) {
        return qr_tree_damaged(tree, step->page, &flaw, err);
    }
    if (old.overflow) {
        put->old = qr_overflow_load(old.body);
    }
    if (old.body_size == put->item.body_size && old.overflow == put->item.overflow) {
        if (old.body_size != 0) {
            memmove(leaf + (old.body - leaf), put->item.body, old.body_size);
        }
        *written = true;
    } else if (!ops->remove(leaf, page_size, step->index, &flaw)) {
        return qr_tree_damaged(tree, step->page, &flaw, err);
    }
    return QUIRE_OK;
}

quire_status qr_tree_add_to_count(const struct qr_tree *tree, int64_t change, quire_error *err)
{
    uint8_t *root;
    QR_TRY(qr_txn_page_write(qr_view_txn(tree->view), tree->root, &root, err));
    uint64_t entries = qr_load64(root + QR_NODE_ENTRIES);
    qr_store64(root + QR_NODE_ENTRIES, entries + (uint64_t)change);
    return QUIRE_OK;
}

/* The put has added an entry to the leaf of its path, which was not split. */
static void note_edge(const struct put *put)
{
    struct qr_tree_edge *edge = put->tree->edge;
    const struct qr_path_step *step = &put->path.step[put->path.depth - 1];
    if (edge != NULL) {
        bool last = step->index == step->count && on_edge(&put->path, put->path.depth - 1, true);
        edge->leaf = last ? step->page : 0;
        edge->changes = put->tree->view->changes;
    }
}

/* Changes the tree; the path is fresh and the item ready. Inside an operation. */
static quire_status write_entry(struct put *put, quire_error *err)
{
    const struct qr_path_step *step = &put->path.step[put->path.depth - 1];
    uint8_t *leaf;
    if (!put->replaces && !put->item.overflow) {
        bool done;
        QR_TRY(qr_tree_insert_noted(put->tree, step->page, step->index, &put->item, &done, err));
        if (done) {
            note_edge(put);
            return QUIRE_OK;
        }
    }
    QR_TRY(qr_txn_page_write(put->txn, step->page, &leaf, err));
    if (put->replaces) {
        bool written;
        QR_TRY(replace_entry(put, leaf, &written, err));
        return written ? QUIRE_OK
                       : qr_tree_insert_item(put->tree, &put->path, leaf, &put->item, err);
    }
    QR_TRY(qr_tree_add_to_count(put->tree, 1, err));
    if (qr_node_ops(put->tree->kind)
            ->insert(leaf, qr_tree_page_size(put->tree), step->index, &put->item)) {
        note_edge(put);
        return QUIRE_OK;
    }
    return qr_tree_insert_item(put->tree, &put->path, leaf, &put->item, err);
}

/* Inside an operation. */
static quire_status append_at_edge(struct put *put, unsigned index, bool *done, quire_error *err)
{
    const struct qr_tree *tree = put->tree;
    uint32_t number = tree->edge->leaf;
    uint8_t *leaf;
    QR_TRY(qr_tree_insert_noted(tree, number, index, &put->item, done, err));
    if (*done) {
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_write(put->txn, number, &leaf, err));
    *done = qr_node_ops(tree->kind)->insert(leaf, qr_tree_page_size(tree), index, &put->item);
    return *done ? qr_tree_add_to_count(tree, 1, err) : QUIRE_OK;
}

/* Appends to the leaf of the last append, if nothing has changed since; *done says whether. */
static quire_status put_at_edge(struct put *put, const struct qr_tree_key *key, const void *payload,
                                size_t size, bool *done, quire_error *err)
{
    const struct qr_tree *tree = put->tree;
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    struct qr_tree_edge *edge = tree->edge;
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_flaw flaw;
    unsigned index;
    const uint8_t *leaf;
    bool exact;
    *done = false;
    if (edge == NULL || edge->leaf == 0 || edge->changes != tree->view->changes ||
        qr_tree_needs_overflow(tree, key, size)) {
        return QUIRE_OK;
    }
    put->item.body = payload;
    put->item.body_size = size;
    qr_view_enter(tree->view);
    quire_status status = qr_view_page(tree->view, edge->leaf, &leaf, err);
    if (status == QUIRE_OK && ops->search(leaf, page_size, key, &index, &exact, &flaw) &&
        index == qr_node_count(leaf)) {
        status = append_at_edge(put, index, done, err);
    }
    if (*done) {
        edge->changes = tree->view->changes;
    }
    qr_view_leave(tree->view);
    return status;
}

static quire_status put_overflow(struct put *put, const void *payload, size_t size,
                                 quire_error *err)
{
    struct qr_overflow overflow;
    QR_TRY(qr_overflow_write(put->tree, payload, size, &overflow, err));
    qr_store64(put->overflow_body + QR_OVERFLOW_SIZE, overflow.size);
    qr_store32(put->overflow_body + QR_OVERFLOW_FIRST, overflow.first);
    put->item.body = put->overflow_body;
    put->item.body_size = QR_OVERFLOW_BODY;
    put->item.overflow = true;
    qr_view_enter(put->tree->view);
    quire_status status = write_entry(put, err);
    qr_view_leave(put->tree->view);
    return status;
}

static quire_status put_entry(struct put *put, const struct qr_tree_key *key, const void *payload,
                              size_t size, enum qr_put_mode mode, bool *existed, quire_error *err)
{
    const struct qr_tree *tree = put->tree;
    const uint8_t *leaf;
    bool overflows = qr_tree_needs_overflow(tree, key, size);
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend(tree, key, &put->path, &leaf, err);
    bool exact = status == QUIRE_OK && put->path.exact;
    bool skip = exact ? mode == QR_PUT_INSERT : mode == QR_PUT_REPLACE;
    put->replaces = exact;
    if (status == QUIRE_OK && !skip && !overflows) {
        put->item.body = payload;
        put->item.body_size = size;
        status = write_entry(put, err);
    }
    qr_view_leave(tree->view);
    if (status == QUIRE_OK && !skip && overflows) {
        status = put_overflow(put, payload, size, err);
    }
    if (status == QUIRE_OK && put->old.size != 0) {
        status = qr_overflow_free(tree, put->path.step[put->path.depth - 1].page, &put->old, err);
    }
    *existed = exact;
    return status;
}

quire_status qr_tree_writable(const struct qr_tree *tree, struct qr_txn **txn, quire_error *err)
{
    *txn = qr_view_txn(tree->view);
    if (*txn == NULL) {
        return qr_fail(err, QUIRE_READ_ONLY,
                       "a snapshot cannot be changed; begin a write "
                       "transaction");
    }
    if (qr_txn_doomed(*txn)) {
        return qr_fail(err, QUIRE_TXN_DOOMED,
                       "an earlier failure left the transaction incomplete; roll it back");
    }
    return qr_tree_settle(tree, err);
}

quire_status qr_tree_check_size(const struct qr_tree *tree, const struct qr_tree_key *key,
                                size_t size, quire_error *err)
{
    uint32_t page_size = qr_tree_page_size(tree);
    if (size > QR_PAYLOAD_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "a payload of %zu bytes is over the limit of %zu", size,
                       QR_PAYLOAD_MAX);
    }
    if (tree->kind == QR_TREE_KEYS && key->size > QR_KEY_MAX(page_size)) {
        return qr_fail(err, QUIRE_LIMIT,
                       "a key of %zu bytes is over the limit of %lu at pages of "
                       "%lu bytes",
                       key->size, (unsigned long)QR_KEY_MAX(page_size), (unsigned long)page_size);
    }
    return QUIRE_OK;
}

quire_status qr_tree_put(const struct qr_tree *tree, const struct qr_tree_key *key,
                         const void *payload, size_t size, enum qr_put_mode mode, bool *existed,
                         quire_error *err)
{
    struct put put; /* the path is large and needs no clearing */
    bool done = false;
    QR_TRY(qr_tree_writable(tree, &put.txn, err));
    QR_TRY(qr_tree_check_size(tree, key, size, err));
    put.tree = tree;
    put.item = (struct qr_item){.rowid = key->rowid,
                                .key = key->bytes,
                                .key_size = tree->kind == QR_TREE_KEYS ? key->size : 0};
    put.old = (struct qr_overflow){0, 0};
    *existed = false;
    quire_status status =
        mode == QR_PUT_REPLACE ? QUIRE_OK : put_at_edge(&put, key, payload, size, &done, err);
    if (status == QUIRE_OK && !done) {
        status = put_entry(&put, key, payload, size, mode, existed, err);
    }
    if (status != QUIRE_OK) {
        qr_txn_doom(put.txn);
    }
    return status;
}
