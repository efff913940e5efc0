/*
 * Descents from the root, and point reads: find, find_many, count. Reads take
 * no lock and touch one page a level; what they return is pinned or copied into
 * the reader. Damage is CORRUPT; a descent is bounded by QR_TREE_DEPTH_MAX.
 */
#include "base/simd.h"
#include "btree/btree_internal.h"

static quire_status too_deep(const struct qr_tree *tree, uint32_t page_number, quire_error *err)
{
    struct qr_flaw flaw;
    qr_flaw_set(&flaw, "TREE_DEPTH", QR_PAGE_TYPE, "more levels than a tree can have");
    return qr_tree_damaged(tree, page_number, &flaw, err);
}

quire_status qr_tree_check_child(const struct qr_tree *tree, uint32_t page_number, uint32_t child,
                                 quire_error *err)
{
    if (child <= QR_PAGE_NUMBER_FREE_MAP) {
        struct qr_flaw flaw;
        qr_flaw_set(&flaw, "TREE_CHILD", QR_NODE_BODY, "impossible child page number");
        return qr_tree_damaged(tree, page_number, &flaw, err);
    }
    return QUIRE_OK;
}

quire_status qr_tree_descend(const struct qr_tree *tree, const struct qr_tree_key *key,
                             struct qr_path *path, const uint8_t **leaf, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    uint32_t page_size = qr_tree_page_size(tree);
    uint32_t page_number = tree->root;
    struct qr_flaw flaw;
    for (unsigned depth = 0; depth < QR_TREE_DEPTH_MAX; depth++) {
        const uint8_t *page;
        QR_TRY(qr_view_page(tree->view, page_number, &page, err));
        if (!qr_tree_node_sound(tree, page, page_size, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        struct qr_path_step *step = &path->step[depth];
        unsigned index;
        step->page = page_number;
        step->count = (uint16_t)qr_node_count(page);
        if (qr_node_is_leaf(page)) {
            if (!ops->search(page, page_size, key, &index, &path->exact, &flaw)) {
                return qr_tree_damaged(tree, page_number, &flaw, err);
            }
            step->index = (uint16_t)index;
            path->depth = depth + 1;
            *leaf = page;
            return QUIRE_OK;
        }
        if (!ops->search_child(page, page_size, key, &index, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        step->index = (uint16_t)index;
        uint32_t child = ops->child(page, index);
        QR_TRY(qr_tree_check_child(tree, page_number, child, err));
        page_number = child;
    }
    return too_deep(tree, page_number, err);
}

quire_status qr_tree_descend_edge(const struct qr_tree *tree, uint32_t page_number, bool last,
                                  struct qr_path *path, const uint8_t **leaf, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    while (path->depth < QR_TREE_DEPTH_MAX) {
        const uint8_t *page;
        QR_TRY(qr_tree_node(tree, page_number, &page, err));
        struct qr_path_step *step = &path->step[path->depth++];
        step->page = page_number;
        step->count = (uint16_t)qr_node_count(page);
        step->index = last ? step->count : 0;
        if (qr_node_is_leaf(page)) {
            step->index = (uint16_t)(step->index - (last && step->count != 0));
            *leaf = page;
            return QUIRE_OK;
        }
        uint32_t child = ops->child(page, step->index);
        QR_TRY(qr_tree_check_child(tree, page_number, child, err));
        page_number = child;
    }
    return too_deep(tree, page_number, err);
}

quire_status qr_tree_count(const struct qr_tree *tree, uint64_t *entries, quire_error *err)
{
    const uint8_t *page;
    qr_view_enter(tree->view);
    quire_status status = qr_tree_node(tree, tree->root, &page, err);
    if (status == QUIRE_OK) {
        *entries = qr_load64(page + QR_NODE_ENTRIES);
    }
    qr_view_leave(tree->view);
    return status;
}

/* ---- Readers ---- */

quire_status qr_tree_reader_init(struct qr_tree_reader *reader, const struct qr_tree *tree,
                                 quire_error *err)
{
    memset(reader, 0, sizeof *reader);
    reader->tree = *tree;
    return qr_pin_create(tree->view, &reader->pin, err);
}

void qr_tree_reader_free(struct qr_tree_reader *reader)
{
    if (reader->pin != NULL) {
        qr_pin_destroy(reader->pin);
        qr_free(qr_tree_allocator(&reader->tree), reader->buffer, reader->buffer_size);
    }
    memset(reader, 0, sizeof *reader);
}

static quire_status read_overflow(struct qr_tree_reader *reader, uint32_t leaf,
                                  const struct qr_overflow *overflow, struct qr_slice *payload,
                                  quire_error *err)
{
    QR_TRY(qr_overflow_read(&reader->tree, leaf, overflow, &reader->buffer, &reader->buffer_size,
                            err));
    payload->data = reader->buffer;
    payload->size = (size_t)overflow->size;
    return QUIRE_OK;
}

quire_status qr_tree_find(struct qr_tree_reader *reader, const struct qr_tree_key *key,
                          struct qr_slice *payload, bool *found, quire_error *err)
{
    const struct qr_tree *tree = &reader->tree;
    struct qr_path path;
    struct qr_flaw flaw;
    struct qr_item item = {0};
    struct qr_overflow overflow = {0, 0};
    const uint8_t *leaf = NULL;
    uint32_t leaf_number = 0;
    path.exact = false;
    payload->data = NULL;
    payload->size = 0;
    *found = false;
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend(tree, key, &path, &leaf, err);
    if (status == QUIRE_OK && path.exact) {
        const struct qr_path_step *step = &path.step[path.depth - 1];
        leaf_number = step->page;
        if (!qr_node_ops(tree->kind)
                 ->get(leaf, qr_tree_page_size(tree), step->index, NULL, &item, &flaw)) {
            status = qr_tree_damaged(tree, leaf_number, &flaw, err);
        } else if (item.overflow) {
            overflow = qr_overflow_load(item.body);
        } else {
            qr_pin_set(reader->pin, leaf);
        }
    }
    qr_view_leave(tree->view);
    if (status != QUIRE_OK || !path.exact) {
        return status;
    }
    if (item.overflow) {
        QR_TRY(read_overflow(reader, leaf_number, &overflow, payload, err));
    } else {
        payload->data = item.body;
        payload->size = item.body_size;
    }
    *found = true;
    return QUIRE_OK;
}

/* ---- Many rows at once ---- */

/* Leaves are found, and their first lines asked for, this many at a time before any is searched. */
#define BATCH_LEAVES 16U

struct leaf_group {
    uint32_t page;
    size_t begin, end; /* of the rowids */
};

struct many {
    struct qr_tree_reader *reader;
    const int64_t *rowids;
    size_t count;
    qr_tree_visit visit;
    void *context;
    unsigned depth; /* of the leaves, from the first descent */
    unsigned level; /* inner levels on the path that are valid */
    const uint8_t *page[QR_TREE_DEPTH_MAX];
    uint32_t number[QR_TREE_DEPTH_MAX];
    int64_t below[QR_TREE_DEPTH_MAX]; /* rowids under the child taken are below this ... */
    bool bounded[QR_TREE_DEPTH_MAX];  /* ... unless unbounded */
};

/* Finds the leaf of rowid x, starting at the lowest node of the last path that still covers it, and
 * leaves its bound in the last level. */
static quire_status next_leaf(struct many *many, int64_t x, uint32_t *leaf, quire_error *err)
{
    const struct qr_tree *tree = &many->reader->tree;
    const struct qr_node_ops *ops = &qr_row_node_ops;
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_tree_key key = {.rowid = x};
    struct qr_flaw flaw;
    /* The node at a level covers x when the child taken above it does. */
    while (many->level > 1 && many->bounded[many->level - 2] && x >= many->below[many->level - 2]) {
        many->level--;
    }
    unsigned level = many->level == 0 ? 0 : many->level - 1;
    uint32_t page_number = many->level == 0 ? tree->root : many->number[level];
    for (; level + 1 < many->depth; level++) {
        const uint8_t *page = many->page[level];
        if (level >= many->level) {
            QR_TRY(qr_tree_node(tree, page_number, &page, err));
            many->page[level] = page;
            many->number[level] = page_number;
        }
        unsigned index;
        if (qr_node_is_leaf(page) || !ops->search_child(page, page_size, &key, &index, &flaw)) {
            return too_deep(tree, page_number, err);
        }
        bool bounded = index < qr_node_count(page);
        struct qr_item item;
        if (bounded && ops->get(page, page_size, index, NULL, &item, &flaw)) {
            many->below[level] = item.rowid;
        } else if (level > 0) {
            bounded = many->bounded[level - 1];
            many->below[level] = many->below[level - 1];
        }
        many->bounded[level] = bounded;
        uint32_t child = ops->child(page, index);
        QR_TRY(qr_tree_check_child(tree, page_number, child, err));
        page_number = child;
        many->level = level + 1;
    }
    *leaf = page_number;
    return QUIRE_OK;
}

static quire_status visit_group(struct many *many, const struct leaf_group *group, quire_error *err)
{
    const struct qr_tree *tree = &many->reader->tree;
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_flaw flaw;
    const uint8_t *page;
    QR_TRY(qr_tree_node(tree, group->page, &page, err));
    if (!qr_node_is_leaf(page)) {
        return too_deep(tree, group->page, err);
    }
    for (size_t i = group->begin; i < group->end; i++) {
        struct qr_tree_key key = {.rowid = many->rowids[i]};
        struct qr_item item;
        struct qr_slice payload;
        unsigned index;
        bool exact;
        if (!qr_row_node_ops.search(page, page_size, &key, &index, &exact, &flaw)) {
            return qr_tree_damaged(tree, group->page, &flaw, err);
        }
        if (!exact) {
            continue;
        }
        if (!qr_row_node_ops.get(page, page_size, index, NULL, &item, &flaw)) {
            return qr_tree_damaged(tree, group->page, &flaw, err);
        }
        if (item.overflow) {
            struct qr_overflow overflow = qr_overflow_load(item.body);
            QR_TRY(read_overflow(many->reader, group->page, &overflow, &payload, err));
        } else {
            payload.data = item.body;
            payload.size = item.body_size;
        }
        QR_TRY(many->visit(many->context, i, payload, err));
    }
    return QUIRE_OK;
}

/* Groups rowids from *next on by leaf, then visits the leaves. One operation. */
static quire_status visit_batch(struct many *many, size_t *next, quire_error *err)
{
    struct qr_view *view = many->reader->tree.view;
    struct leaf_group group[BATCH_LEAVES];
    unsigned groups = 0;
    size_t i = *next;
    many->level = 0;
    while (groups < BATCH_LEAVES && i < many->count) {
        struct leaf_group *current = &group[groups++];
        QR_TRY(next_leaf(many, many->rowids[i], &current->page, err));
        qr_view_prefetch(view, current->page);
        bool bounded = many->depth > 1 && many->bounded[many->depth - 2];
        int64_t below = bounded ? many->below[many->depth - 2] : 0;
        current->begin = i++;
        while (i < many->count && (!bounded || many->rowids[i] < below) &&
               many->rowids[i] >= many->rowids[i - 1]) {
            i++;
        }
        current->end = i;
        if (i < many->count && many->rowids[i] < many->rowids[i - 1]) {
            many->level = 0; /* not ascending after all: start over from the root */
        }
    }
    for (unsigned j = 0; j < groups; j++) {
        QR_TRY(visit_group(many, &group[j], err));
    }
    *next = i;
    return QUIRE_OK;
}

quire_status qr_tree_find_many(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                               qr_tree_visit visit, void *context, quire_error *err)
{
    const struct qr_tree *tree = &reader->tree;
    struct many many = {
        .reader = reader, .rowids = rowids, .count = count, .visit = visit, .context = context};
    struct qr_path path = {.depth = 0};
    const uint8_t *leaf;
    if (tree->kind != QR_TREE_ROWS) {
        return qr_fail(err, QUIRE_MISUSE, "rowids are looked up in row trees only");
    }
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend_edge(tree, tree->root, false, &path, &leaf, err);
    qr_view_leave(tree->view);
    many.depth = path.depth;
    for (size_t next = 0; status == QUIRE_OK && next < count;) {
        qr_view_enter(tree->view);
        status = visit_batch(&many, &next, err);
        qr_view_leave(tree->view);
    }
    return status;
}
