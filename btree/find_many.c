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

struct batch {
    struct qr_tree_reader *reader;
    unsigned count;                 /* keys */
    struct qr_tree_key keys[BATCH]; /* in order */
    uint8_t place[BATCH];           /* of each in the caller's array, from the batch's first on */
    struct group groups[2][BATCH];  /* of this level and the next */
    /* By place. */
    struct qr_slice payloads[BATCH]; /* data NULL: there is none */
    uint64_t large;         /* bits: the payload is the cell of one on overflow pages ... */
    uint32_t leaves[BATCH]; /* ... in this leaf */
};

/* ---- The keys ---- */

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
    batch->payloads[count] = (struct qr_slice){NULL, 0};
    batch->count = count + 1;
}

/* ---- Down the tree ---- */

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

/* Notes where the payloads of a leaf's keys stand. */
static quire_status search_leaf(struct batch *batch, const struct group *group, quire_error *err)
{
    const struct qr_tree *tree = &batch->reader->tree;
    uint32_t page_size = qr_tree_page_size(tree);
    struct qr_flaw flaw;
    if (!qr_node_is_leaf(group->page)) {
        return qr_tree_too_deep(tree, group->number, err);
    }
    for (unsigned i = group->begin; i < group->end; i++) {
        struct qr_item item;
        unsigned place = batch->place[i];
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
        batch->payloads[place] = (struct qr_slice){item.body, item.body_size};
        if (item.overflow) {
            batch->large |= UINT64_C(1) << place;
            batch->leaves[place] = group->number;
        }
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
                QR_TRY(search_leaf(batch, &groups[i], err));
            }
            return QUIRE_OK;
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
        unsigned place = batch->place[i];
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
        batch.count = 0;
        batch.large = 0;
        while (batch.count < BATCH && batch.count < count - first) {
            size_t next = first + batch.count;
            struct qr_tree_key key = {0};
            if (rowids != NULL) {
                key.rowid = rowids[next];
            } else {
                key.bytes = bytes[next].data;
                key.size = bytes[next].size;
            }
            add_key(&batch, &key);
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
