/*
 * Point reads of many keys at once. The keys of a batch go down the tree
 * together, level by level: at each level they fall into groups, one a node. So
 * a node is looked at once for all its keys, and while the groups of one level
 * are made, the lines of the next are on their way from memory, all of them at
 * once. Keys that do not come in order are sorted within their batch.
 *
 * A batch is one operation. Leaves found at different levels, or too many
 * levels, are damage.
 */
#include "btree/search.h"

/* Keys of a batch, and so nodes of a level at most. */
#define BATCH 64U

/* Keys [begin, end) of the batch, and the node that holds them. */
struct group {
    const uint8_t *page;
    const uint8_t *parent;
    uint32_t number;
    uint16_t index; /* in the parent */
    uint8_t begin, end;
};

struct batch {
    struct qr_tree_reader *reader;
    qr_tree_visit visit;
    void *context;
    size_t first;                   /* index of its first key in the caller's array */
    unsigned count;                 /* keys */
    struct qr_tree_key keys[BATCH]; /* in order */
    uint8_t place[BATCH];           /* of each in the caller's array, from `first` on */
    struct group groups[2][BATCH];  /* of this level and the next */
};

static bool is_below(const struct qr_tree *tree, const struct qr_tree_key *a,
                     const struct qr_tree_key *b)
{
    return tree->kind == QR_TREE_ROWS ? a->rowid < b->rowid
                                      : qr_key_compare(a->bytes, a->size, b->bytes, b->size) < 0;
}

/* Puts the caller's next key in its place. */
static void add_key(struct batch *batch, const struct qr_tree_key *key)
{
    const struct qr_tree *tree = &batch->reader->tree;
    unsigned count = batch->count;
    unsigned low = count;
    if (count > 0 && is_below(tree, key, &batch->keys[count - 1])) {
        low = 0;
        for (unsigned high = count - 1; low < high;) {
            unsigned middle = (low + high) / 2;
            if (is_below(tree, key, &batch->keys[middle])) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        memmove(&batch->keys[low + 1], &batch->keys[low], (count - low) * sizeof *key);
        memmove(&batch->place[low + 1], &batch->place[low], count - low);
    }
    batch->keys[low] = *key;
    batch->place[low] = (uint8_t)count;
    batch->count = count + 1;
}

/* The end of the keys of the group, from `at` on, that belong to the child that holds the first. */
static unsigned same_child(const struct batch *batch, const struct group *group, unsigned at,
                           unsigned index, uint32_t page_size)
{
    const struct qr_tree *tree = &batch->reader->tree;
    struct qr_flaw flaw;
    if (index >= qr_node_count(group->page)) {
        return group->end;
    }
    if (tree->kind == QR_TREE_ROWS) {
        int64_t bound = qr_row_separator(group->page, index);
        do {
            at++;
        } while (at < group->end && batch->keys[at].rowid < bound);
        return at;
    }
    unsigned other;
    uint32_t child;
    do {
        at++;
    } while (
        at < group->end &&
        qr_search_child(tree, group->page, page_size, &batch->keys[at], &other, &child, &flaw) &&
        other == index);
    return at;
}

/* Makes the groups of the level below from those of a level of inner nodes. */
static quire_status descend(struct batch *batch, const struct group *above, unsigned count,
                            struct group *below, unsigned *below_count, quire_error *err)
{
    const struct qr_tree *tree = &batch->reader->tree;
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_flaw flaw;
    unsigned n = 0;
    for (const struct group *group = above; group < above + count; group++) {
        if (qr_node_is_leaf(group->page)) {
            return qr_tree_too_deep(tree, group->number, err);
        }
        for (unsigned at = group->begin; at < group->end;) {
            struct group *next = &below[n++];
            unsigned index;
            if (!qr_search_child(tree, group->page, page_size, &batch->keys[at], &index,
                                 &next->number, &flaw)) {
                return qr_tree_damaged(tree, group->number, &flaw, err);
            }
            QR_TRY(qr_tree_check_child(tree, group->number, next->number, err));
            next->parent = group->page;
            next->index = (uint16_t)index;
            next->begin = (uint8_t)at;
            at = same_child(batch, group, at, index, page_size);
            next->end = (uint8_t)at;
        }
    }
    /* Apart from the searches, so that as many loads as possible are under way at a time. */
    for (const struct group *group = below; group < below + n; group++) {
        qr_search_touch(tree, group->parent, group->index, group->number,
                        &batch->keys[group->begin], page_size);
    }
    *below_count = n;
    return QUIRE_OK;
}

static quire_status visit_leaf(struct batch *batch, const struct group *group, quire_error *err)
{
    const struct qr_tree *tree = &batch->reader->tree;
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_flaw flaw;
    if (!qr_node_is_leaf(group->page)) {
        return qr_tree_too_deep(tree, group->number, err);
    }
    for (unsigned i = group->begin; i < group->end; i++) {
        struct qr_item item;
        struct qr_slice payload;
        unsigned index;
        bool exact;
        if (!qr_search_leaf(tree, group->page, page_size, &batch->keys[i], &index, &exact, &flaw)) {
            return qr_tree_damaged(tree, group->number, &flaw, err);
        }
        if (!exact) {
            continue;
        }
        if (!qr_search_payload(tree, group->page, page_size, index, &item, &flaw)) {
            return qr_tree_damaged(tree, group->number, &flaw, err);
        }
        payload.data = item.body;
        payload.size = item.body_size;
        if (item.overflow) {
            struct qr_overflow overflow = qr_overflow_load(item.body);
            QR_TRY(qr_tree_reader_overflow(batch->reader, group->number, &overflow, &payload, err));
        }
        QR_TRY(batch->visit(batch->context, batch->first + batch->place[i], payload, err));
    }
    return QUIRE_OK;
}

/* Inside an operation. */
static quire_status find_batch(struct batch *batch, quire_error *err)
{
    const struct qr_tree *tree = &batch->reader->tree;
    unsigned count = 1;
    batch->groups[0][0] = (struct group){.number = tree->root, .end = (uint8_t)batch->count};
    for (unsigned level = 0; level < QR_TREE_DEPTH_MAX; level++) {
        struct group *groups = batch->groups[level % 2];
        for (unsigned i = 0; i < count; i++) {
            QR_TRY(qr_tree_node(tree, groups[i].number, &groups[i].page, err));
        }
        if (qr_node_is_leaf(groups[0].page)) {
            for (unsigned i = 0; i < count; i++) {
                QR_TRY(visit_leaf(batch, &groups[i], err));
            }
            return QUIRE_OK;
        }
        QR_TRY(descend(batch, groups, count, batch->groups[(level + 1) % 2], &count, err));
    }
    return qr_tree_too_deep(tree, tree->root, err);
}

/* The keys are rowids, or bytes. */
static quire_status find_all(struct batch *batch, const int64_t *rowids,
                             const struct qr_slice *bytes, size_t count, quire_error *err)
{
    struct qr_view *view = batch->reader->tree.view;
    for (batch->first = 0; batch->first < count; batch->first += batch->count) {
        size_t left = count - batch->first;
        batch->count = 0;
        while (batch->count < BATCH && batch->count < left) {
            size_t next = batch->first + batch->count;
            struct qr_tree_key key = {0};
            if (rowids != NULL) {
                key.rowid = rowids[next];
            } else {
                key.bytes = bytes[next].data;
                key.size = bytes[next].size;
            }
            add_key(batch, &key);
        }
        qr_view_enter(view);
        quire_status status = find_batch(batch, err);
        qr_view_leave(view);
        QR_TRY(status);
    }
    return QUIRE_OK;
}

static void begin(struct batch *batch, struct qr_tree_reader *reader, qr_tree_visit visit,
                  void *context)
{
    batch->reader = reader;
    batch->visit = visit;
    batch->context = context;
}

quire_status qr_tree_find_many(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                               qr_tree_visit visit, void *context, quire_error *err)
{
    struct batch batch;
    if (reader->tree.kind != QR_TREE_ROWS) {
        return qr_fail(err, QUIRE_MISUSE, "rowids are looked up in row trees only");
    }
    QR_TRY(qr_ingest_settle(reader->tree.view, err)); /* `visit` may read any tree */
    begin(&batch, reader, visit, context);
    return find_all(&batch, rowids, NULL, count, err);
}

quire_status qr_tree_find_many_keys(struct qr_tree_reader *reader, const struct qr_slice *keys,
                                    size_t count, qr_tree_visit visit, void *context,
                                    quire_error *err)
{
    struct batch batch;
    if (reader->tree.kind != QR_TREE_KEYS) {
        return qr_fail(err, QUIRE_MISUSE, "keys are looked up in key trees only");
    }
    QR_TRY(qr_ingest_settle(reader->tree.view, err));
    begin(&batch, reader, visit, context);
    return find_all(&batch, NULL, keys, count, err);
}
