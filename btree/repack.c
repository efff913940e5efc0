/*
 * Repacking: after many deletes neighbours are about half full each, as far as
 * merging leaves them. This fills nodes to nineteen twentieths from the right.
 *
 * A unit of work is a run of neighbours under one parent. Their sizes tell how
 * many pages the run needs; where that is about as many as it has, it is only
 * read. Otherwise every node in turn takes entries from the next, which is freed
 * when none remain. Each such shift leaves a sound tree. The last node of a run
 * is the first of the next one, so it gets full, too.
 *
 * Levels go from the root to the leaves, so that parents have many children when
 * those are packed; that thins the parents out, so there is another pass while
 * one empties nodes. What is done is remembered by its key: the tree may change
 * at any time between two units. Failures doom the transaction.
 */
#include "btree/btree_internal.h"

/* Neighbours looked at together; up to half as many more at the end of a parent. */
#define RUN 24U
/* A run is worth rewriting when that saves one page of so many. */
#define SAVING 12U
/* Nodes read for each page that may be rewritten in one call. */
#define LOOKS_PER_PAGE 16U

#define PASSES 4U

struct packer {
    const struct qr_tree *tree;
    const struct qr_node_ops *ops;
    struct qr_txn *txn;
    struct qr_tree_repack *repack;
    struct qr_scratch scratch;
    uint32_t page_size;
    uint32_t limit; /* bytes of a page to be used */
};

/* ---- From one node to its left neighbour ---- */

/* Two neighbours, copied, as one sequence of entries. */
struct shift {
    struct qr_pair pair;
    struct qr_sequence sequence;
    struct qr_item down; /* inner nodes: the separator between them */
    struct qr_item up;   /* the new one */
    uint8_t type;
    bool inner;
    unsigned left_count, right_count;
    unsigned take; /* entries of the sequence for the left node */
};

static quire_status copy_pair(const struct packer *packer, struct shift *shift, quire_error *err)
{
    const struct qr_scratch *scratch = &packer->scratch;
    const struct qr_pair *pair = &shift->pair;
    struct qr_flaw flaw;
    shift->type = pair->left[QR_PAGE_TYPE];
    shift->inner = !qr_node_is_leaf(pair->left);
    shift->left_count = qr_node_count(pair->left);
    shift->right_count = qr_node_count(pair->right);
    qr_node_copy(scratch->page[0], pair->left, packer->page_size);
    qr_node_copy(scratch->page[1], pair->right, packer->page_size);
    if (shift->inner) {
        if (!packer->ops->get(pair->parent, packer->page_size, pair->index, scratch->separator[0],
                              &shift->down, &flaw)) {
            return qr_tree_damaged(packer->tree, pair->parent_number, &flaw, err);
        }
        shift->down.child = packer->ops->child(pair->right, 0);
    }
    shift->sequence = (struct qr_sequence){.left = scratch->page[0],
                                           .left_end = shift->left_count,
                                           .item = shift->inner ? &shift->down : NULL,
                                           .right = scratch->page[1],
                                           .right_end = shift->right_count};
    return QUIRE_OK;
}

/* How many entries fit the left node: at least those that it has. */
static quire_status choose(const struct packer *packer, struct shift *shift, quire_error *err)
{
    unsigned low = shift->left_count;
    unsigned high = qr_sequence_count(&shift->sequence);
    unsigned middle = high; /* all of them, for the first try */
    uint32_t size;
    struct qr_flaw flaw;
    while (low < high) {
        if (!packer->ops->measure(&shift->sequence, packer->page_size, shift->type, 0, middle,
                                  packer->scratch.keys, &size, &flaw)) {
            return qr_tree_damaged(packer->tree, shift->pair.left_number, &flaw, err);
        }
        if (size <= packer->limit) {
            low = middle;
        } else {
            high = middle - 1;
        }
        middle = low + (high - low + 1) / 2;
    }
    shift->take = low;
    return QUIRE_OK;
}

/* The parent's entries with the new separator in place of the old one. */
static struct qr_sequence parent_sequence(const struct shift *shift, const uint8_t *parent)
{
    return (struct qr_sequence){.left = parent,
                                .left_end = shift->pair.index,
                                .item = &shift->up,
                                .right = parent,
                                .right_begin = shift->pair.index + 1,
                                .right_end = qr_node_count(parent)};
}

/* Makes the new separator. *fits false: it is too long for the parent. */
static quire_status separate(const struct packer *packer, struct shift *shift, bool *fits,
                             quire_error *err)
{
    const struct qr_scratch *scratch = &packer->scratch;
    const struct qr_node_ops *ops = packer->ops;
    struct qr_flaw flaw;
    uint32_t size;
    if (!qr_sequence_separator(ops, &shift->sequence, packer->page_size, !shift->inner, shift->take,
                               scratch->keys, scratch->separator[1], &shift->up, &flaw)) {
        return qr_tree_damaged(packer->tree, shift->pair.right_number, &flaw, err);
    }
    shift->up.child = shift->pair.right_number;
    shift->up.body = NULL;
    shift->up.body_size = 0;
    shift->up.overflow = false;
    struct qr_sequence parent = parent_sequence(shift, shift->pair.parent);
    if (!ops->measure(&parent, packer->page_size, ops->inner_type, 0, qr_sequence_count(&parent),
                      scratch->keys, &size, &flaw)) {
        return qr_tree_damaged(packer->tree, shift->pair.parent_number, &flaw, err);
    }
    *fits = size <= packer->page_size;
    return QUIRE_OK;
}

static quire_status build(const struct packer *packer, uint32_t page_number, uint8_t type,
                          const struct qr_sequence *sequence, unsigned from, unsigned to,
                          uint32_t first_child, quire_error *err)
{
    uint8_t *page;
    struct qr_flaw flaw;
    QR_TRY(qr_txn_page_write(packer->txn, page_number, &page, err));
    if (!packer->ops->build(page, packer->page_size, type, sequence, from, to, first_child,
                            packer->scratch.keys, &flaw)) {
        return qr_tree_damaged(packer->tree, page_number, &flaw, err);
    }
    return QUIRE_OK;
}

/* Writes what remains to the right node, and the separator to the parent. */
static quire_status keep_right(const struct packer *packer, const struct shift *shift,
                               quire_error *err)
{
    const struct qr_node_ops *ops = packer->ops;
    const uint8_t *right = packer->scratch.page[1];
    unsigned from = shift->take - shift->left_count;
    struct qr_sequence rest = {.left = right, .left_end = shift->right_count, .right = right};
    QR_TRY(build(packer, shift->pair.right_number, shift->type, &rest, from, shift->right_count,
                 shift->inner ? ops->child(right, from) : 0, err));
    uint8_t *parent = packer->scratch.page[0]; /* the left node is written */
    uint8_t *page;
    QR_TRY(qr_txn_page_write(packer->txn, shift->pair.parent_number, &page, err));
    memcpy(parent, page, packer->page_size);
    struct qr_sequence sequence = parent_sequence(shift, parent);
    return build(packer, shift->pair.parent_number, ops->inner_type, &sequence, 0,
                 qr_sequence_count(&sequence), ops->child(parent, 0), err);
}

/* Moves entries of child index + 1 to child index. *joined: all of them. */
static quire_status shift_left(const struct packer *packer, uint32_t parent_number, unsigned index,
                               bool *joined, quire_error *err)
{
    struct shift shift = {.pair = {.parent_number = parent_number, .index = index}};
    bool fits = true;
    *joined = false;
    QR_TRY(qr_tree_read_pair(packer->tree, &shift.pair, err));
    if (packer->ops->used(shift.pair.left, packer->page_size) >=
        packer->page_size - packer->page_size / 10) {
        return QUIRE_OK;
    }
    QR_TRY(copy_pair(packer, &shift, err));
    QR_TRY(choose(packer, &shift, err));
    bool all = shift.take == qr_sequence_count(&shift.sequence);
    if (!all && shift.take > shift.left_count) {
        QR_TRY(separate(packer, &shift, &fits, err));
    }
    if (!fits || shift.take == shift.left_count) {
        return QUIRE_OK;
    }
    QR_TRY(build(packer, shift.pair.left_number, shift.type, &shift.sequence, 0, shift.take,
                 shift.inner ? packer->ops->child(packer->scratch.page[0], 0) : 0, err));
    packer->repack->rewritten++;
    *joined = all;
    if (!all) {
        return keep_right(packer, &shift, err);
    }
    packer->repack->emptied++;
    QR_TRY(qr_txn_page_free(packer->txn, shift.pair.right_number, err));
    return qr_tree_remove_children(packer->tree, parent_number, index + 1, index + 2, err);
}

/* ---- Runs ---- */

/* Whether children [index, index + count) would take clearly fewer pages. */
static quire_status is_worth_it(const struct packer *packer, uint32_t parent_number, unsigned index,
                                unsigned count, bool *worth, quire_error *err)
{
    const struct qr_tree *tree = packer->tree;
    uint32_t room = packer->limit - QR_NODE_BODY;
    uint32_t sum = 0;
    const uint8_t *parent;
    QR_TRY(qr_tree_node(tree, parent_number, &parent, err));
    for (unsigned i = index; i < index + count; i++) {
        uint32_t child = packer->ops->child(parent, i);
        const uint8_t *page;
        QR_TRY(qr_tree_check_child(tree, parent_number, child, err));
        QR_TRY(qr_tree_node(tree, child, &page, err));
        sum += packer->ops->used(page, packer->page_size) - QR_NODE_BODY;
    }
    packer->repack->looked += count;
    uint32_t needed = (sum + room - 1) / room;
    *worth = needed < count && (count - needed) * SAVING >= count;
    return QUIRE_OK;
}

/* Packs a run; *last becomes the place of its last node. */
static quire_status pack_run(const struct packer *packer, uint32_t parent_number, unsigned index,
                             unsigned count, unsigned *last, quire_error *err)
{
    *last = index;
    for (unsigned i = 1; i < count; i++) {
        bool joined;
        QR_TRY(shift_left(packer, parent_number, *last, &joined, err));
        *last += !joined;
    }
    return QUIRE_OK;
}

/* ---- The way through the tree ---- */

/* Goes on from separator `index` of a node, which is the first key of the child after it. */
static quire_status go_on_from(const struct packer *packer, uint32_t page_number, unsigned index,
                               quire_error *err)
{
    struct qr_tree_repack *repack = packer->repack;
    uint8_t *buffer = packer->scratch.separator[0];
    const uint8_t *page;
    struct qr_item item;
    struct qr_flaw flaw;
    QR_TRY(qr_tree_node(packer->tree, page_number, &page, err));
    if (!packer->ops->get(page, packer->page_size, index, buffer, &item, &flaw)) {
        return qr_tree_damaged(packer->tree, page_number, &flaw, err);
    }
    bool ascends =
        !repack->inside || (buffer == NULL ? item.rowid > repack->key.rowid
                                           : qr_key_compare(item.key, item.key_size, repack->bytes,
                                                            repack->key.size) > 0);
    if (!ascends) { /* it would never come to an end */
        qr_flaw_set(&flaw, "TREE_KEY_ORDER", QR_NODE_BODY, "separators not in ascending order");
        return qr_tree_damaged(packer->tree, page_number, &flaw, err);
    }
    repack->inside = true;
    repack->key = (struct qr_tree_key){.rowid = item.rowid, .bytes = repack->bytes};
    if (buffer != NULL && item.key_size != 0) {
        memcpy(repack->bytes, item.key, item.key_size);
        repack->key.size = item.key_size;
    }
    return QUIRE_OK;
}

/* Goes on with the node right of the path's at this level, or one level below. */
static quire_status next_parent(const struct packer *packer, const struct qr_path *path,
                                quire_error *err)
{
    struct qr_tree_repack *repack = packer->repack;
    for (unsigned level = repack->level; level-- > 0;) {
        const struct qr_path_step *step = &path->step[level];
        if (step->index < step->count) {
            return go_on_from(packer, step->page, step->index, err);
        }
    }
    repack->level++;
    repack->inside = false;
    return QUIRE_OK;
}

/* The levels are through. */
static void end_pass(struct qr_tree_repack *repack, bool *done)
{
    *done = repack->emptied == repack->emptied_before || repack->pass + 1 == PASSES;
    repack->emptied_before = repack->emptied;
    repack->pass++;
    repack->level = 0;
    repack->inside = false;
}

/* Looks at one run and packs it when that is worth it. Inside an operation. */
static quire_status pack_next(const struct packer *packer, bool *done, quire_error *err)
{
    struct qr_tree_repack *repack = packer->repack;
    struct qr_path path = {.depth = 0};
    const uint8_t *leaf;
    bool worth = false;
    QR_TRY(repack->inside
               ? qr_tree_descend(packer->tree, &repack->key, &path, &leaf, err)
               : qr_tree_descend_edge(packer->tree, packer->tree->root, false, &path, &leaf, err));
    if (repack->level + 1 >= path.depth) {
        end_pass(repack, done);
        return QUIRE_OK;
    }
    const struct qr_path_step *parent = &path.step[repack->level];
    unsigned left = parent->count + 1U - parent->index;
    unsigned count = left <= RUN + RUN / 2 ? left : RUN;
    unsigned last = parent->index + count - 1;
    if (count > 1) {
        QR_TRY(is_worth_it(packer, parent->page, parent->index, count, &worth, err));
    }
    if (worth) {
        QR_TRY(pack_run(packer, parent->page, parent->index, count, &last, err));
    }
    if (count == left) {
        uint64_t level = repack->level;
        QR_TRY(next_parent(packer, &path, err));
        return worth && level == 0 ? qr_tree_collapse_root(packer->tree, err) : QUIRE_OK;
    }
    return last > parent->index ? go_on_from(packer, parent->page, last - 1, err) : QUIRE_OK;
}

quire_status qr_tree_repack(const struct qr_tree *tree, uint32_t pages,
                            struct qr_tree_repack *repack, bool *done, quire_error *err)
{
    uint32_t page_size = qr_tree_page_size(tree);
    struct packer packer = {.tree = tree,
                            .ops = qr_node_ops(tree->kind),
                            .repack = repack,
                            .page_size = page_size,
                            .limit = page_size - page_size / 20};
    uint64_t rewritten_max = repack->rewritten + pages;
    uint64_t looked_max = repack->looked + (uint64_t)LOOKS_PER_PAGE * pages;
    *done = false;
    QR_TRY(qr_tree_writable(tree, &packer.txn, err));
    QR_TRY(qr_scratch_init(&packer.scratch, tree, err));
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK && !*done && repack->rewritten < rewritten_max &&
           repack->looked < looked_max) {
        qr_view_enter(tree->view);
        status = pack_next(&packer, done, err);
        qr_view_leave(tree->view);
    }
    qr_scratch_free(&packer.scratch);
    if (status != QUIRE_OK) {
        qr_txn_doom(packer.txn);
    }
    return status;
}
