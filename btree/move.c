/*
 * Moving single pages of a tree to lower numbers, so that the end of the file
 * becomes free.
 *
 * A node is found from its first key: the way from the root to that key leads
 * through it, and the node above names it. The pages of an overflow value do not
 * say whose they are; qr_tree_each_overflow tells it for a whole tree, and the
 * caller remembers. A run of data pages is moved from its end, so that what
 * remains of it is still one run.
 *
 * A move is one operation. Failures doom the transaction.
 */
#include "btree/btree_internal.h"

/* ---- Nodes ---- */

/* The level of a node on the way from the root to its first key, which is stored in `buffer` in a
 * key tree; the path's depth when the node is not on it. */
static quire_status find_level(const struct qr_tree *tree, uint32_t page_number, uint8_t *buffer,
                               struct qr_path *path, unsigned *level, quire_error *err)
{
    const uint8_t *leaf;
    struct qr_item item;
    struct qr_flaw flaw;
    *level = 0;
    path->depth = 1;
    if (page_number == tree->root) {
        return QUIRE_OK;
    }
    path->depth = 0;
    QR_TRY(qr_tree_descend_edge(tree, page_number, false, path, &leaf, err));
    uint32_t leaf_number = path->step[path->depth - 1].page;
    if (qr_node_count(leaf) == 0) {
        *level = path->depth;
        return QUIRE_OK;
    }
    if (!qr_node_ops(tree->kind)->get(leaf, qr_tree_page_size(tree), 0, buffer, &item, &flaw)) {
        return qr_tree_damaged(tree, leaf_number, &flaw, err);
    }
    struct qr_tree_key key = {.rowid = item.rowid, .bytes = item.key, .size = item.key_size};
    QR_TRY(qr_tree_descend(tree, &key, path, &leaf, err));
    while (*level < path->depth && path->step[*level].page != page_number) {
        ++*level;
    }
    return QUIRE_OK;
}

static quire_status move_node(const struct qr_tree *tree, uint32_t page_number, uint8_t *buffer,
                              uint32_t *to, bool *found, quire_error *err)
{
    struct qr_path path;
    unsigned level;
    uint8_t *parent;
    QR_TRY(find_level(tree, page_number, buffer, &path, &level, err));
    *found = level < path.depth;
    if (!*found) {
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_move(qr_view_txn(tree->view), page_number, to, err));
    if (level == 0 || *to == 0) {
        return QUIRE_OK;
    }
    const struct qr_path_step *above = &path.step[level - 1];
    QR_TRY(qr_txn_page_write(qr_view_txn(tree->view), above->page, &parent, err));
    qr_node_ops(tree->kind)->set_child(parent, above->index, *to);
    return QUIRE_OK;
}

quire_status qr_tree_move_node(const struct qr_tree *tree, uint32_t page_number, uint32_t *to,
                               bool *found, quire_error *err)
{
    struct qr_txn *txn;
    const quire_allocator *allocator = qr_tree_allocator(tree);
    size_t size = QR_KEY_MAX(qr_tree_page_size(tree));
    *to = 0;
    *found = false;
    QR_TRY(qr_tree_writable(tree, &txn, err));
    uint8_t *buffer = qr_alloc(allocator, size, err);
    if (buffer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_view_enter(tree->view);
    quire_status status = move_node(tree, page_number, buffer, to, found, err);
    qr_view_leave(tree->view);
    qr_free(allocator, buffer, size);
    if (status != QUIRE_OK) {
        qr_txn_doom(txn);
    }
    return status;
}

/* ---- Overflow values ---- */

/* The value of an entry, and where the entry is. */
struct value {
    const struct qr_tree *tree;
    uint32_t leaf;
    unsigned index; /* of the entry in the leaf */
    struct qr_overflow overflow;
};

/* *found false: there is no such entry, or its payload is in the leaf. Inside an operation. */
static quire_status find_value(const struct qr_tree *tree, const struct qr_tree_key *key,
                               struct value *value, bool *found, quire_error *err)
{
    struct qr_path path;
    const uint8_t *leaf;
    struct qr_item item;
    struct qr_flaw flaw;
    *found = false;
    QR_TRY(qr_tree_descend(tree, key, &path, &leaf, err));
    if (!path.exact) {
        return QUIRE_OK;
    }
    const struct qr_path_step *step = &path.step[path.depth - 1];
    if (!qr_node_ops(tree->kind)
             ->get(leaf, qr_tree_page_size(tree), step->index, NULL, &item, &flaw)) {
        return qr_tree_damaged(tree, step->page, &flaw, err);
    }
    *found = item.overflow;
    if (item.overflow) {
        *value = (struct value){tree, step->page, step->index, qr_overflow_load(item.body)};
    }
    return QUIRE_OK;
}

/* Enters the number of the value's first page in the leaf. */
static quire_status set_first(const struct value *value, uint32_t first, quire_error *err)
{
    const struct qr_tree *tree = value->tree;
    struct qr_item item;
    struct qr_flaw flaw;
    uint8_t *leaf;
    QR_TRY(qr_txn_page_write(qr_view_txn(tree->view), value->leaf, &leaf, err));
    if (!qr_node_ops(tree->kind)
             ->get(leaf, qr_tree_page_size(tree), value->index, NULL, &item, &flaw)) {
        return qr_tree_damaged(tree, value->leaf, &flaw, err);
    }
    qr_store32(leaf + (item.body - leaf) + QR_OVERFLOW_FIRST, first);
    return QUIRE_OK;
}

/* An index page of a value. */
struct listing {
    uint32_t page;
    uint32_t before; /* the one that leads to it; 0: the leaf does */
    unsigned runs;
    const uint8_t *bytes;
};

static uint8_t *run_at(uint8_t *bytes, unsigned run)
{
    return bytes + QR_OVERFLOW_RUNS + (size_t)QR_OVERFLOW_RUN * run;
}

static quire_status move_index(const struct value *value, const struct listing *listing,
                               uint32_t *moved, quire_error *err)
{
    uint8_t *before;
    uint32_t to;
    QR_TRY(qr_txn_page_move(qr_view_txn(value->tree->view), listing->page, &to, err));
    if (to == 0) {
        return QUIRE_OK;
    }
    *moved = 1;
    if (listing->before == 0) {
        return set_first(value, to, err);
    }
    QR_TRY(qr_txn_page_write(qr_view_txn(value->tree->view), listing->before, &before, err));
    qr_store32(before + QR_OVERFLOW_NEXT, to);
    return QUIRE_OK;
}

/* Moves the second half of a full index page to a new one behind it. *room false: there is no page
 * for that. */
static quire_status split_index(const struct value *value, const struct listing *listing,
                                uint32_t below, bool *room, quire_error *err)
{
    const struct qr_tree *tree = value->tree;
    struct qr_txn *txn = qr_view_txn(tree->view);
    unsigned stay = listing->runs / 2;
    unsigned go = listing->runs - stay;
    uint32_t to;
    uint32_t got;
    uint8_t *old;
    uint8_t *fresh;
    QR_TRY(qr_txn_page_alloc_below(txn, QR_PAGE_TYPE_OVERFLOW_INDEX, tree->id, below, 1, &to, &got,
                                   err));
    *room = got == 1;
    if (got == 0) {
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_write(txn, listing->page, &old, err));
    QR_TRY(qr_txn_page_write(txn, to, &fresh, err));
    memcpy(run_at(fresh, 0), run_at(old, stay), (size_t)QR_OVERFLOW_RUN * go);
    qr_store16(fresh + QR_PAGE_COUNT, (uint16_t)go);
    qr_store32(fresh + QR_OVERFLOW_NEXT, qr_load32(old + QR_OVERFLOW_NEXT));
    qr_store16(old + QR_PAGE_COUNT, (uint16_t)stay);
    qr_store32(old + QR_OVERFLOW_NEXT, to);
    return QUIRE_OK;
}

/* Copies `count` data pages and frees the old ones. */
static quire_status copy_run(const struct qr_tree *tree, uint32_t from, uint32_t to, uint32_t count,
                             quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(tree->view);
    size_t size = qr_tree_page_size(tree) - QR_PAGE_HEADER_SIZE;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *page;
        uint8_t *copy;
        QR_TRY(qr_view_page(tree->view, from + i, &page, err));
        QR_TRY(qr_txn_page_write(txn, to + i, &copy, err));
        memcpy(copy + QR_PAGE_HEADER_SIZE, page + QR_PAGE_HEADER_SIZE, size);
        QR_TRY(qr_txn_page_free(txn, from + i, err));
    }
    return QUIRE_OK;
}

/* Enters that the last `count` pages of a run are at `to` now; there is room for one more run. */
static quire_status cut_run(const struct value *value, const struct listing *listing, unsigned run,
                            uint32_t count, uint32_t to, quire_error *err)
{
    uint8_t *page;
    QR_TRY(qr_txn_page_write(qr_view_txn(value->tree->view), listing->page, &page, err));
    uint8_t *at = run_at(page, run);
    uint32_t left = qr_load32(at + 4) - count;
    if (left > 0) {
        qr_store32(at + 4, left);
        at += QR_OVERFLOW_RUN;
        memmove(at + QR_OVERFLOW_RUN, at, (size_t)QR_OVERFLOW_RUN * (listing->runs - run - 1));
        qr_store16(page + QR_PAGE_COUNT, (uint16_t)(listing->runs + 1));
    }
    qr_store32(at, to);
    qr_store32(at + 4, count);
    return QUIRE_OK;
}

/* Moves the end of a run. *again: the index page was full and has been split. */
static quire_status move_run(const struct value *value, const struct listing *listing, unsigned run,
                             uint32_t count, uint32_t *moved, bool *again, quire_error *err)
{
    const struct qr_tree *tree = value->tree;
    const uint8_t *at = listing->bytes + QR_OVERFLOW_RUNS + (size_t)QR_OVERFLOW_RUN * run;
    uint32_t first = qr_load32(at);
    uint32_t pages = qr_load32(at + 4);
    uint32_t last = first + pages - 1;
    uint32_t to;
    *again = false;
    count = count < pages ? count : pages;
    if (count < pages && listing->runs == QR_OVERFLOW_RUNS_MAX(qr_tree_page_size(tree))) {
        return split_index(value, listing, last, again, err);
    }
    QR_TRY(qr_txn_page_alloc_below(qr_view_txn(tree->view), QR_PAGE_TYPE_OVERFLOW_DATA, tree->id,
                                   last, count, &to, moved, err));
    if (*moved == 0) {
        return QUIRE_OK;
    }
    QR_TRY(cut_run(value, listing, run, *moved, to, err));
    return copy_run(tree, last + 1 - *moved, to, *moved, err);
}

/* Reads an index page, which has been checked when it was found whose it is. */
static quire_status read_listing(const struct value *value, struct listing *listing,
                                 quire_error *err)
{
    const struct qr_tree *tree = value->tree;
    QR_TRY(qr_view_page(tree->view, listing->page, &listing->bytes, err));
    listing->runs = qr_page_count(listing->bytes);
    if (qr_page_type(listing->bytes) != QR_PAGE_TYPE_OVERFLOW_INDEX ||
        qr_page_tree(listing->bytes) != tree->id ||
        listing->runs > QR_OVERFLOW_RUNS_MAX(qr_tree_page_size(tree))) {
        struct qr_flaw flaw;
        qr_flaw_set(&flaw, "TREE_OVERFLOW", QR_PAGE_TYPE, "not an overflow index page of the tree");
        return qr_tree_damaged(tree, listing->page, &flaw, err);
    }
    return QUIRE_OK;
}

/* The run that ends with a page; the number of runs when none does. */
static unsigned find_run(const struct listing *listing, uint32_t page)
{
    unsigned run = 0;
    for (; run < listing->runs; run++) {
        const uint8_t *at = listing->bytes + QR_OVERFLOW_RUNS + (size_t)QR_OVERFLOW_RUN * run;
        uint32_t count = qr_load32(at + 4);
        if (count != 0 && qr_load32(at) + count - 1 == page) {
            break;
        }
    }
    return run;
}

/* Searches the index pages of a value for a page and moves it. *found false: it is not there. */
static quire_status move_listed(const struct value *value, uint32_t page, uint32_t count,
                                uint32_t *moved, bool *found, quire_error *err)
{
    struct listing listing = {.page = value->overflow.first};
    uint32_t pages = qr_view_page_count(value->tree->view);
    bool again = false;
    for (uint32_t seen = 0; listing.page != 0 && seen < pages && !*found;) {
        QR_TRY(read_listing(value, &listing, err));
        unsigned run = find_run(&listing, page);
        *found = listing.page == page || run < listing.runs;
        if (listing.page == page) {
            return move_index(value, &listing, moved, err);
        }
        if (run < listing.runs) {
            QR_TRY(move_run(value, &listing, run, count, moved, &again, err));
            *found = !again;
        }
        if (!again) {
            listing.before = listing.page;
            listing.page = qr_load32(listing.bytes + QR_OVERFLOW_NEXT);
            seen++;
        }
        again = false;
    }
    return QUIRE_OK;
}

static quire_status move_value(const struct qr_tree *tree, const struct qr_tree_key *key,
                               uint32_t page, uint32_t count, uint32_t *moved, bool *found,
                               quire_error *err)
{
    struct value value;
    uint32_t to;
    QR_TRY(find_value(tree, key, &value, found, err));
    if (!*found) {
        return QUIRE_OK;
    }
    *found = false;
    if (value.overflow.size > QR_OVERFLOW_DATA(qr_tree_page_size(tree))) {
        return move_listed(&value, page, count, moved, found, err);
    }
    if (value.overflow.first != page) {
        return QUIRE_OK;
    }
    *found = true;
    QR_TRY(qr_txn_page_move(qr_view_txn(tree->view), page, &to, err));
    *moved = to == 0 ? 0 : 1;
    return to == 0 ? QUIRE_OK : set_first(&value, to, err);
}

quire_status qr_tree_move_overflow(const struct qr_tree *tree, const struct qr_tree_key *key,
                                   uint32_t page, uint32_t count, uint32_t *moved, bool *found,
                                   quire_error *err)
{
    struct qr_txn *txn;
    *moved = 0;
    *found = false;
    QR_TRY(qr_tree_writable(tree, &txn, err));
    qr_view_enter(tree->view);
    quire_status status = move_value(tree, key, page, count, moved, found, err);
    qr_view_leave(tree->view);
    if (status != QUIRE_OK) {
        qr_txn_doom(txn);
    }
    return status;
}

/* ---- Whose overflow pages ---- */

struct survey {
    const struct qr_tree *tree;
    uint8_t *buffer; /* for a key */
    uint32_t from;
    struct qr_tree_key key; /* of the entry that is looked at */
    qr_tree_visit_overflow visit;
    void *context;
};

static quire_status survey_page(void *context, uint32_t page, bool index, quire_error *err)
{
    struct survey *survey = context;
    (void)index;
    return page < survey->from ? QUIRE_OK : survey->visit(survey->context, page, &survey->key, err);
}

static quire_status survey_node(void *context, uint32_t page_number, unsigned level,
                                const uint8_t *page, quire_error *err)
{
    struct survey *survey = context;
    const struct qr_tree *tree = survey->tree;
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    unsigned count = qr_node_is_leaf(page) ? qr_node_count(page) : 0;
    (void)level;
    for (unsigned i = 0; i < count; i++) {
        struct qr_item item;
        struct qr_flaw flaw;
        if (!ops->get(page, qr_tree_page_size(tree), i, survey->buffer, &item, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        if (item.overflow) {
            struct qr_overflow overflow = qr_overflow_load(item.body);
            survey->key =
                (struct qr_tree_key){.rowid = item.rowid, .bytes = item.key, .size = item.key_size};
            QR_TRY(qr_overflow_walk(tree, page_number, &overflow, survey_page, survey, err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_tree_each_overflow(const struct qr_tree *tree, uint32_t from,
                                   qr_tree_visit_overflow visit, void *context, quire_error *err)
{
    const quire_allocator *allocator = qr_tree_allocator(tree);
    size_t size = QR_KEY_MAX(qr_tree_page_size(tree));
    struct survey survey = {.tree = tree, .from = from, .visit = visit, .context = context};
    survey.buffer = qr_alloc(allocator, size, err);
    if (survey.buffer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_tree_walk(tree, survey_node, &survey, err);
    qr_free(allocator, survey.buffer, size);
    return status;
}

/* ---- Nodes of a tree ---- */

struct listing_nodes {
    qr_tree_visit_page visit;
    void *context;
};

static quire_status list_node(void *context, uint32_t page_number, unsigned level,
                              const uint8_t *page, quire_error *err)
{
    const struct listing_nodes *list = context;
    (void)level;
    (void)page;
    return list->visit(list->context, page_number, err);
}

quire_status qr_tree_each_node(const struct qr_tree *tree, qr_tree_visit_page visit, void *context,
                               quire_error *err)
{
    struct listing_nodes list = {visit, context};
    return qr_tree_walk(tree, list_node, &list, err);
}
