/*
 * The check of a whole tree. It reports every flaw it can see and goes on where
 * it can: below an unreadable or foreign page it cannot. Nothing read is
 * trusted before it was checked; each page is visited once (the owner's map
 * says so), depth is bounded. Each step is an operation of its own on a copy.
 *
 * Codes: TREE_PAGE_UNREADABLE, TREE_PAGE_TYPE, TREE_ID, TREE_CELL_BOUNDS,
 * TREE_CELL_OVERLAP, TREE_KEY_ORDER, TREE_HINT, TREE_SEPARATOR, TREE_DEPTH,
 * TREE_EMPTY, TREE_CHILD, TREE_OVERFLOW, TREE_COUNT, TREE_PAGE_OWNED_TWICE.
 */
#include "btree/btree_internal.h"

/* Keys of a subtree: low <= key < high. */
struct bounds {
    bool has_low, has_high;
    struct qr_item low, high;
};

struct checker {
    const struct qr_tree *tree;
    const struct qr_node_ops *ops;
    const quire_allocator *allocator;
    uint32_t page_size;
    uint32_t page_count;
    qr_tree_issue issue;
    qr_tree_owns owns;
    void *context;
    uint32_t page; /* being checked */
    uint64_t entries;
    unsigned leaf_level;
    bool has_leaf_level;
    size_t level_size; /* bytes of a level's memory: the page, marks, two keys */
    uint8_t *level[QR_TREE_DEPTH_MAX];
};

static void report(const struct checker *checker, const char *code, uint32_t page, uint32_t offset,
                   const char *message)
{
    checker->issue(checker->context, code, page, offset, message);
}

static void report_flaw(void *context, const struct qr_flaw *flaw)
{
    const struct checker *checker = context;
    report(checker, flaw->code, checker->page, flaw->offset, flaw->what);
}

static bool take_page(const struct checker *checker, uint32_t page)
{
    if (checker->owns(checker->context, page, checker->tree->id)) {
        return true;
    }
    report(checker, "TREE_PAGE_OWNED_TWICE", page, 0, "the page is in use at another place too");
    return false;
}

/* Damage was reported and is no reason to stop; anything else is. */
static quire_status only_fatal(quire_status status)
{
    return status == QUIRE_CORRUPT ? QUIRE_OK : status;
}

/* ---- Overflow values ---- */

static quire_status check_overflow_page(void *context, uint32_t number, bool index,
                                        quire_error *err)
{
    const struct checker *checker = context;
    const struct qr_tree *tree = checker->tree;
    const uint8_t *page;
    take_page(checker, number);
    if (index) {
        return QUIRE_OK; /* the walk read it */
    }
    quire_status status = qr_view_page(tree->view, number, &page, err);
    if (status == QUIRE_CORRUPT) {
        report(checker, "TREE_PAGE_UNREADABLE", number, 0, "an overflow page cannot be read");
    } else if (status == QUIRE_OK && qr_page_type(page) != QR_PAGE_TYPE_OVERFLOW_DATA) {
        report(checker, "TREE_OVERFLOW", number, QR_PAGE_TYPE, "not an overflow data page");
    } else if (status == QUIRE_OK && qr_page_tree(page) != tree->id) {
        report(checker, "TREE_OVERFLOW", number, QR_PAGE_TREE,
               "an overflow page belongs to another tree");
    }
    return only_fatal(status);
}

static quire_status check_overflow(struct checker *checker, const uint8_t *body, quire_error *err)
{
    struct qr_overflow overflow = qr_overflow_load(body);
    quire_error detail = QUIRE_ERROR_INIT;
    quire_status status = qr_overflow_walk(checker->tree, checker->page, &overflow,
                                           check_overflow_page, checker, &detail);
    if (status == QUIRE_CORRUPT) {
        uint32_t page = detail.page == QUIRE_NO_PAGE ? checker->page : detail.page;
        report(checker, "TREE_OVERFLOW", page, (uint32_t)(detail.offset % checker->page_size),
               detail.message);
    } else if (status != QUIRE_OK && err != NULL) {
        *err = detail;
    }
    return only_fatal(status);
}

/* ---- Nodes ---- */

static int compare(const struct checker *checker, const struct qr_item *a, const struct qr_item *b)
{
    if (checker->tree->kind == QR_TREE_ROWS) {
        return (a->rowid > b->rowid) - (a->rowid < b->rowid);
    }
    return qr_key_compare(a->key, a->key_size, b->key, b->key_size);
}

/* Whether the first and last key of a node lie within its bounds. */
static void check_bounds(const struct checker *checker, const uint8_t *page,
                         const struct bounds *bounds, uint8_t *key_buffer)
{
    unsigned count = qr_node_count(page);
    struct qr_item item;
    struct qr_flaw flaw;
    if (count == 0) {
        return;
    }
    if (bounds->has_low &&
        checker->ops->get(page, checker->page_size, 0, key_buffer, &item, &flaw) &&
        compare(checker, &item, &bounds->low) < 0) {
        report(checker, "TREE_SEPARATOR", checker->page, QR_NODE_BODY,
               "the first key is below the separator left of the node");
    }
    if (bounds->has_high &&
        checker->ops->get(page, checker->page_size, count - 1, key_buffer, &item, &flaw) &&
        compare(checker, &item, &bounds->high) >= 0) {
        report(checker, "TREE_SEPARATOR", checker->page, QR_NODE_BODY,
               "the last key is not below the separator right of the node");
    }
}

static quire_status check_leaf(struct checker *checker, const uint8_t *page, unsigned level,
                               quire_error *err)
{
    unsigned count = qr_node_count(page);
    checker->entries += count;
    if (!checker->has_leaf_level) {
        checker->has_leaf_level = true;
        checker->leaf_level = level;
    } else if (level != checker->leaf_level) {
        report(checker, "TREE_DEPTH", checker->page, QR_PAGE_TYPE,
               "a leaf at another depth than the first");
    }
    if (count == 0 && level > 0) {
        report(checker, "TREE_EMPTY", checker->page, QR_PAGE_COUNT, "an empty leaf below the root");
    }
    for (unsigned i = 0; i < count; i++) {
        struct qr_item item;
        struct qr_flaw flaw;
        if (checker->ops->get(page, checker->page_size, i, NULL, &item, &flaw) && item.overflow) {
            QR_TRY(check_overflow(checker, item.body, err));
        }
    }
    return QUIRE_OK;
}

/* Copies a page if it is a sound node of the tree; *sound says so. */
static quire_status read_node(struct checker *checker, uint32_t page_number, uint8_t *copy,
                              bool *sound, quire_error *err)
{
    const struct qr_tree *tree = checker->tree;
    const uint8_t *page;
    struct qr_flaw flaw;
    *sound = false;
    qr_view_enter(tree->view);
    quire_status status = qr_view_page(tree->view, page_number, &page, err);
    if (status == QUIRE_CORRUPT) {
        report(checker, "TREE_PAGE_UNREADABLE", page_number, 0, "the page cannot be read");
    } else if (status == QUIRE_OK) {
        *sound = qr_tree_node_sound(tree, page, checker->page_size, &flaw);
        if (*sound) {
            qr_node_copy(copy, page, checker->page_size);
        } else {
            report(checker, flaw.code, page_number, flaw.offset, flaw.what);
        }
    }
    qr_view_leave(tree->view);
    return only_fatal(status);
}

static quire_status check_node(struct checker *checker, uint32_t page_number, unsigned level,
                               const struct bounds *bounds, quire_error *err);

/* Recursion is bounded by QR_TREE_DEPTH_MAX levels. */
static quire_status check_children(struct checker *checker, uint8_t *page, unsigned level,
                                   const struct bounds *bounds, quire_error *err)
{
    uint32_t number = checker->page;
    unsigned count = qr_node_count(page);
    size_t key_size = checker->tree->kind == QR_TREE_KEYS ? QR_KEY_MAX(checker->page_size) : 0;
    uint8_t *low_key = page + 2 * (size_t)checker->page_size;
    uint8_t *high_key = low_key + key_size;
    struct qr_flaw flaw;
    for (unsigned i = 0; i <= count; i++) {
        struct bounds below = *bounds;
        uint32_t child = checker->ops->child(page, i);
        if (i > 0) {
            below.has_low =
                checker->ops->get(page, checker->page_size, i - 1, low_key, &below.low, &flaw);
        }
        if (i < count) {
            below.has_high =
                checker->ops->get(page, checker->page_size, i, high_key, &below.high, &flaw);
        }
        if (child <= QR_PAGE_NUMBER_FREE_MAP || child >= checker->page_count) {
            report(checker, "TREE_CHILD", number, QR_NODE_BODY, "impossible child page number");
        } else if (level + 1 == QR_TREE_DEPTH_MAX) {
            report(checker, "TREE_DEPTH", number, QR_PAGE_TYPE, "more levels than a tree can have");
        } else {
            QR_TRY(check_node(checker, child, level + 1, &below, err));
        }
    }
    return QUIRE_OK;
}

static quire_status check_node(struct checker *checker, uint32_t page_number, unsigned level,
                               const struct bounds *bounds, quire_error *err)
{
    bool sound;
    if (!take_page(checker, page_number)) {
        return QUIRE_OK;
    }
    if (checker->level[level] == NULL) {
        checker->level[level] = qr_alloc(checker->allocator, checker->level_size, err);
        if (checker->level[level] == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    uint8_t *page = checker->level[level];
    uint8_t *marks = page + checker->page_size;
    QR_TRY(read_node(checker, page_number, page, &sound, err));
    if (!sound) {
        return QUIRE_OK;
    }
    checker->page = page_number;
    checker->ops->verify(page, checker->page_size, marks, report_flaw, checker);
    check_bounds(checker, page, bounds, marks + checker->page_size);
    if (qr_node_is_leaf(page)) {
        return check_leaf(checker, page, level, err);
    }
    return check_children(checker, page, level, bounds, err);
}

static void check_count(const struct checker *checker)
{
    const uint8_t *root = checker->level[0];
    if (root != NULL && checker->page != QUIRE_NO_PAGE &&
        qr_load64(root + QR_NODE_ENTRIES) != checker->entries) {
        report(checker, "TREE_COUNT", checker->tree->root, QR_NODE_ENTRIES,
               "the number of entries in the root differs from that in the leaves");
    }
}

quire_status qr_tree_check(const struct qr_tree *tree, qr_tree_issue issue, qr_tree_owns owns,
                           void *context, quire_error *err)
{
    struct bounds bounds = {.has_low = false};
    struct checker checker = {.tree = tree,
                              .ops = qr_node_ops(tree->kind),
                              .allocator = qr_tree_allocator(tree),
                              .page_size = qr_tree_page_size(tree),
                              .page_count = qr_view_page_count(tree->view),
                              .issue = issue,
                              .owns = owns,
                              .context = context,
                              .page = QUIRE_NO_PAGE};
    size_t key_size = tree->kind == QR_TREE_KEYS ? QR_KEY_MAX(checker.page_size) : 0;
    checker.level_size = 2 * (size_t)checker.page_size + 2 * key_size;
    QR_TRY(qr_tree_settle(tree, err));
    quire_status status = check_node(&checker, tree->root, 0, &bounds, err);
    if (status == QUIRE_OK) {
        check_count(&checker);
    }
    for (unsigned i = 0; i < QR_TREE_DEPTH_MAX; i++) {
        qr_free(checker.allocator, checker.level[i], checker.level_size);
    }
    return status;
}
