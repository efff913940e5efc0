/*
 * How many entries lie between two keys, told from the ways to them.
 *
 * Two descents give, level by level, which child each takes. Nodes that lie
 * between the two are counted where the ways part and multiplied by the fan-out
 * of the two nodes at hand on each level further down; what lies in the two
 * leaves is exact, so ranges within one leaf, or two neighbours, are counted
 * exactly. Reads two pages a level. Says nothing of what is stored as one entry
 * though it stands for several.
 */
#include "btree/btree_internal.h"

/* The way to a bound: the first entry >= key, or where there is none an end of the tree. */
static quire_status find_bound(const struct qr_tree *tree, const struct qr_tree_key *key, bool last,
                               struct qr_path *path, quire_error *err)
{
    const uint8_t *leaf = NULL;
    path->depth = 0;
    path->exact = false;
    if (key != NULL) {
        return qr_tree_descend(tree, key, path, &leaf, err);
    }
    QR_TRY(qr_tree_descend_edge(tree, tree->root, last, path, &leaf, err));
    struct qr_path_step *step = &path->step[path->depth - 1];
    step->index = last ? step->count : 0;
    return QUIRE_OK;
}

static uint64_t between(const struct qr_path *from, const struct qr_path *to)
{
    double nodes = 0; /* that lie wholly between the two ways on this level */
    bool parted = false;
    unsigned depth = from->depth < to->depth ? from->depth : to->depth;

    for (unsigned level = 0; level < depth; level++) {
        const struct qr_path_step *a = &from->step[level];
        const struct qr_path_step *b = &to->step[level];
        bool leaf = level + 1 == depth;
        double fan_a = a->count + (leaf ? 0 : 1);
        double fan_b = b->count + (leaf ? 0 : 1);
        if (parted) {
            double behind = fan_a - a->index - (leaf ? 0 : 1);
            nodes = nodes * (fan_a + fan_b) / 2 + (behind < 0 ? 0 : behind) + b->index;
        } else if (b->index != a->index || leaf) {
            if (b->index < a->index) {
                return 0;
            }
            nodes = b->index - a->index - (leaf ? 0 : 1);
            parted = true;
        }
    }
    return nodes < 0 ? 0 : (uint64_t)nodes;
}

quire_status qr_tree_estimate(const struct qr_tree *tree, const struct qr_tree_key *from,
                              const struct qr_tree_key *to, uint64_t *entries, quire_error *err)
{
    struct qr_path lower;
    struct qr_path upper;
    uint64_t count;

    *entries = 0;
    QR_TRY(qr_tree_count(tree, &count, err)); /* has all of its entries in pages, too */
    qr_view_enter(tree->view);
    quire_status status = find_bound(tree, from, false, &lower, err);
    if (status == QUIRE_OK) {
        status = find_bound(tree, to, true, &upper, err);
    }
    qr_view_leave(tree->view);
    if (status == QUIRE_OK) {
        uint64_t estimate = from == NULL && to == NULL ? count : between(&lower, &upper);
        *entries = estimate < count ? estimate : count;
    }
    return status;
}
