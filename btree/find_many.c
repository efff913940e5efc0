/*
 * Point reads of many keys at once. The keys of a batch go down the tree
 * together, level by level: at each level they fall into groups, one a node. So
 * a node is looked at once for all its keys, and while the groups of one level
 * are made, the lines of the next are on their way from memory, all of them at
 * once. Keys that do not come in order are sorted within their batch.
 *
 * A batch is one operation: what was found is handed on as it stands in the
 * pages before the operation ends. Leaves found at different levels, or too
 * many levels, are damage.
 */
#include "btree/search.h"

/* Keys of a batch, and so nodes of a level at most. */
#define BATCH 64U
static_assert(BATCH <= 64, "a bit of a word for each key");

/* Keys [begin, end) of the batch, and the node that holds them. */
struct group {
    const uint8_t *page;
    const uint8_t *parent;
    uint32_t number;
    uint16_t index; /* in the parent */
    uint8_t begin, end;
};

/* A rowid, and its place in the caller's array, from the batch's first on. */
struct wanted_row {
    int64_t rowid;
    uint32_t place;
};

/* The same of a key. */
struct wanted_key {
    struct qr_tree_key key;
    uint32_t place;
};

struct batch {
    struct qr_tree_reader *reader;
    unsigned count;                /* keys */
    struct group groups[2][BATCH]; /* of this level and the next */
    union {                        /* in order */
        struct wanted_row rows[BATCH];
        struct wanted_key keys[BATCH];
    } wanted;
    /* By place. */
    struct qr_slice payloads[BATCH]; /* data NULL: there is none */
    uint64_t large;         /* bits: the payload is the cell of one on overflow pages ... */
    uint32_t leaves[BATCH]; /* ... in this leaf */
};

static bool is_of_rows(const struct batch *batch)
{
    return batch->reader->tree.kind == QR_TREE_ROWS;
}

/* ---- The keys ---- */

/* Puts a rowid where it belongs among the `place` before it. */
static void add_row(struct wanted_row *rows, unsigned place, int64_t rowid)
{
    unsigned low = place;
    if (place > 0 && rowid < rows[place - 1].rowid) {
        unsigned left = place - 1;
        low = 0;
        while (left > 0) {
            unsigned half = (left + 1) / 2;
            low += rows[low + half - 1].rowid <= rowid ? half : 0;
            left -= half;
        }
        memmove(&rows[low + 1], &rows[low], (place - low) * sizeof *rows);
    }
    rows[low] = (struct wanted_row){rowid, place};
}

static int compare_keys(const struct qr_tree_key *a, const struct qr_tree_key *b)
{
    return qr_key_compare(a->bytes, a->size, b->bytes, b->size);
}

/* The same of a key. */
static void add_key(struct wanted_key *keys, unsigned place, struct qr_slice bytes)
{
    struct wanted_key wanted = {.key = {.bytes = bytes.data, .size = bytes.size}, .place = place};
    unsigned low = place;
    if (place > 0 && compare_keys(&wanted.key, &keys[place - 1].key) < 0) {
        low = 0;
        for (unsigned high = place - 1; low < high;) {
            unsigned middle = (low + high) / 2;
            if (compare_keys(&wanted.key, &keys[middle].key) < 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        memmove(&keys[low + 1], &keys[low], (place - low) * sizeof *keys);
    }
    keys[low] = wanted;
}

/* ---- Down the tree ---- */

/* Makes the groups below one of an inner node of rows. */
static unsigned split_rows(const struct batch *batch, const struct group *group,
                           struct group *below)
{
    uint32_t page_size = qr_tree_page_size(&batch->reader->tree);
    const uint8_t *page = group->page;
    const uint8_t *keys = page + qr_row_inner_keys(qr_node_capacity(page));
    const uint8_t *children = page + qr_row_inner_children(qr_node_capacity(page));
    const struct wanted_row *rows = batch->wanted.rows;
    unsigned end = group->end;
    unsigned count = qr_node_count(page);
    unsigned index;
    struct qr_flaw flaw;
    unsigned n = 0;
    for (unsigned at = group->begin; at < end; n++) {
        struct group *next = &below[n];
        struct qr_tree_key key = {.rowid = rows[at].rowid};
        /* By the hints: halving is fewer steps, but each waits for the one before. */
        (void)qr_row_search_child(page, page_size, &key, &index, &flaw);
        next->parent = page;
        next->number = qr_load32(children + 4U * index);
        next->index = (uint16_t)index;
        next->begin = (uint8_t)at++;
        if (index == count) {
            at = end;
        } else {
            for (int64_t bound = qr_row_load_key(keys + 8U * index);
                 at < end && rows[at].rowid < bound;) {
                at++;
            }
        }
        next->end = (uint8_t)at;
    }
    return n;
}

/* The same of one of keys. */
static bool split_keys(const struct batch *batch, const struct group *group, struct group *below,
                       unsigned *made, struct qr_flaw *flaw)
{
    const struct qr_node_ops *ops = &qr_key_node_ops;
    uint32_t page_size = qr_tree_page_size(&batch->reader->tree);
    unsigned n = 0;
    for (unsigned at = group->begin; at < group->end; at++) {
        unsigned index;
        if (!ops->search_child(group->page, page_size, &batch->wanted.keys[at].key, &index, flaw)) {
            return false;
        }
        if (at == group->begin || index != below[n - 1].index) {
            below[n++] = (struct group){.parent = group->page,
                                        .number = ops->child(group->page, index),
                                        .index = (uint16_t)index,
                                        .begin = (uint8_t)at};
        }
        below[n - 1].end = (uint8_t)(at + 1);
    }
    *made = n;
    return true;
}

/* Makes the groups of the level below from those of a level of inner nodes. */
static quire_status descend(struct batch *batch, const struct group *above, unsigned count,
                            struct group *below, unsigned *below_count, quire_error *err)
{
    const struct qr_tree *tree = &batch->reader->tree;
    uint32_t page_size = qr_tree_page_size(tree);
    unsigned n = 0;
    for (const struct group *group = above; group < above + count; group++) {
        struct qr_flaw flaw;
        unsigned made;
        if (qr_node_is_leaf(group->page)) {
            return qr_tree_too_deep(tree, group->number, err);
        }
        if (is_of_rows(batch)) {
            made = split_rows(batch, group, below + n);
        } else if (!split_keys(batch, group, below + n, &made, &flaw)) {
            return qr_tree_damaged(tree, group->number, &flaw, err);
        }
        for (unsigned end = n + made; n < end; n++) {
            QR_TRY(qr_tree_check_child(tree, group->number, below[n].number, err));
        }
    }
    /* Apart from the searches, so that as many loads as possible are under way at a time. */
    struct qr_tree_key key = {0};
    for (const struct group *group = below; group < below + n; group++) {
        if (is_of_rows(batch)) {
            key.rowid = batch->wanted.rows[group->begin].rowid;
        } else {
            key = batch->wanted.keys[group->begin].key;
        }
        qr_search_touch(tree, group->parent, group->index, group->number, &key, page_size);
    }
    *below_count = n;
    return QUIRE_OK;
}

/* Notes where the payload of number i stands, if its leaf has it. */
static inline bool search_leaf(struct batch *batch, const struct group *leaf, unsigned place,
                               const struct qr_tree_key *key, uint32_t page_size,
                               struct qr_flaw *flaw)
{
    const struct qr_tree *tree = &batch->reader->tree;
    struct qr_item item;
    unsigned index;
    bool exact;
    if (!qr_search_leaf(tree, leaf->page, page_size, key, &index, &exact, flaw)) {
        return false;
    }
    if (!exact) {
        return true;
    }
    if (!qr_search_payload(tree, leaf->page, page_size, index, &item, flaw)) {
        return false;
    }
    batch->payloads[place] = (struct qr_slice){item.body, item.body_size};
    if (item.overflow) {
        batch->large |= UINT64_C(1) << place;
        batch->leaves[place] = leaf->number;
    }
    return true;
}

static quire_status search_leaves(struct batch *batch, const struct group *leaves, unsigned count,
                                  quire_error *err)
{
    const struct qr_tree *tree = &batch->reader->tree;
    bool rows = is_of_rows(batch);
    uint32_t page_size = qr_tree_page_size(tree);
    for (const struct group *leaf = leaves; leaf < leaves + count; leaf++) {
        struct qr_flaw flaw;
        if (!qr_node_is_leaf(leaf->page)) {
            return qr_tree_too_deep(tree, leaf->number, err);
        }
        for (unsigned i = leaf->begin, end = leaf->end; i < end; i++) {
            struct qr_tree_key key = {0};
            unsigned place;
            if (rows) {
                key.rowid = batch->wanted.rows[i].rowid;
                place = batch->wanted.rows[i].place;
            } else {
                key = batch->wanted.keys[i].key;
                place = batch->wanted.keys[i].place;
            }
            if (!search_leaf(batch, leaf, place, &key, page_size, &flaw)) {
                return qr_tree_damaged(tree, leaf->number, &flaw, err);
            }
        }
    }
    return QUIRE_OK;
}

/* Reads a node, which has to be a sound one. */
static quire_status read_node(const struct qr_tree *tree, struct group *group, quire_error *err)
{
    struct qr_flaw flaw;
    QR_TRY(qr_view_page(tree->view, group->number, &group->page, err));
    return qr_tree_node_sound(tree, group->page, qr_tree_page_size(tree), &flaw)
               ? QUIRE_OK
               : qr_tree_damaged(tree, group->number, &flaw, err);
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
            QR_TRY(read_node(tree, &groups[i], err));
        }
        if (qr_node_is_leaf(groups[0].page)) {
            return search_leaves(batch, groups, count, err);
        }
        QR_TRY(descend(batch, groups, count, batch->groups[(level + 1) % 2], &count, err));
    }
    return qr_tree_too_deep(tree, tree->root, err);
}

/* ---- What was found ---- */

/* Who is told of it: one of the two. */
struct audience {
    qr_tree_visit each;
    qr_tree_visit_run run;
    void *context;
};

static bool is_large(const struct batch *batch, unsigned place)
{
    return (batch->large >> place & 1) != 0;
}

/* The payload at a place; one on overflow pages is read into the reader's buffer. */
static quire_status read_payload(struct batch *batch, unsigned place, struct qr_slice *payload,
                                 quire_error *err)
{
    *payload = batch->payloads[place];
    if (!is_large(batch, place)) {
        return QUIRE_OK;
    }
    struct qr_overflow overflow = qr_overflow_load(payload->data);
    return qr_tree_reader_overflow(batch->reader, batch->leaves[place], &overflow, payload, err);
}

static quire_status tell_each(struct batch *batch, size_t first, const struct audience *audience,
                              quire_error *err)
{
    for (unsigned i = 0; i < batch->count; i++) {
        unsigned place =
            is_of_rows(batch) ? batch->wanted.rows[i].place : batch->wanted.keys[i].place;
        struct qr_slice payload;
        if (batch->payloads[place].data != NULL) {
            QR_TRY(read_payload(batch, place, &payload, err));
            QR_TRY(audience->each(audience->context, first + place, payload, err));
        }
    }
    return QUIRE_OK;
}

/* A large payload is a run by itself, as the reader has one buffer for them. */
static quire_status tell_runs(struct batch *batch, size_t first, const struct audience *audience,
                              quire_error *err)
{
    for (unsigned begin = 0, end; begin < batch->count; begin = end) {
        QR_TRY(read_payload(batch, begin, &batch->payloads[begin], err));
        end = begin + 1;
        while (!is_large(batch, begin) && end < batch->count && !is_large(batch, end)) {
            end++;
        }
        QR_TRY(audience->run(audience->context, first + begin, &batch->payloads[begin], end - begin,
                             err));
    }
    return QUIRE_OK;
}

/* The keys are rowids, or bytes. */
static quire_status find_all(struct qr_tree_reader *reader, const int64_t *rowids,
                             const struct qr_slice *bytes, size_t count,
                             const struct audience *audience, quire_error *err)
{
    struct qr_view *view = reader->tree.view;
    struct batch batch;
    batch.reader = reader;
    QR_TRY(qr_ingest_settle(view, err)); /* the audience may read any tree */
    for (size_t first = 0; first < count; first += batch.count) {
        batch.count = (unsigned)(count - first < BATCH ? count - first : BATCH);
        batch.large = 0;
        memset(batch.payloads, 0, batch.count * sizeof *batch.payloads);
        for (unsigned i = 0; i < batch.count; i++) {
            if (rowids != NULL) {
                add_row(batch.wanted.rows, i, rowids[first + i]);
            } else {
                add_key(batch.wanted.keys, i, bytes[first + i]);
            }
        }
        qr_view_enter(view);
        quire_status status = find_batch(&batch, err);
        if (status == QUIRE_OK) {
            status = audience->run != NULL ? tell_runs(&batch, first, audience, err)
                                           : tell_each(&batch, first, audience, err);
        }
        qr_view_leave(view);
        QR_TRY(status);
    }
    return QUIRE_OK;
}

static quire_status find_rows(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                              const struct audience *audience, quire_error *err)
{
    return reader->tree.kind == QR_TREE_ROWS
               ? find_all(reader, rowids, NULL, count, audience, err)
               : qr_fail(err, QUIRE_MISUSE, "rowids are looked up in row trees only");
}

quire_status qr_tree_find_many(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                               qr_tree_visit visit, void *context, quire_error *err)
{
    struct audience audience = {.each = visit, .context = context};
    return find_rows(reader, rowids, count, &audience, err);
}

quire_status qr_tree_find_runs(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                               qr_tree_visit_run visit, void *context, quire_error *err)
{
    struct audience audience = {.run = visit, .context = context};
    return find_rows(reader, rowids, count, &audience, err);
}

quire_status qr_tree_find_many_keys(struct qr_tree_reader *reader, const struct qr_slice *keys,
                                    size_t count, qr_tree_visit visit, void *context,
                                    quire_error *err)
{
    struct audience audience = {.each = visit, .context = context};
    return reader->tree.kind == QR_TREE_KEYS
               ? find_all(reader, NULL, keys, count, &audience, err)
               : qr_fail(err, QUIRE_MISUSE, "keys are looked up in key trees only");
}
