/*
 * Deleting a range of keys.
 *
 * Children of inner nodes that lie wholly in the range are freed with all below
 * them: their leaves are read once, for the number of entries and their overflow
 * values, and nothing is searched in them. A node keeps the children that the
 * ends of the range lead to, so none becomes empty. What is then left of the
 * range is in two leaves at most and is deleted entry by entry. At last the
 * nodes along both ends are merged with their neighbours.
 *
 * Failures after the first change doom the transaction.
 */
#include "btree/btree_internal.h"

/* Children taken from a node at a time. */
#define CHILDREN_AT_ONCE 64U

/* Children [begin, end) of a node; page 0: none. */
struct span {
    uint32_t page;
    unsigned begin, end;
    uint32_t child[CHILDREN_AT_ONCE];
};

static quire_status fill_span(const struct qr_tree *tree, const uint8_t *page, struct span *span,
                              quire_error *err)
{
    if (span->end - span->begin > CHILDREN_AT_ONCE) {
        span->end = span->begin + CHILDREN_AT_ONCE;
    }
    for (unsigned i = span->begin; i < span->end; i++) {
        uint32_t child = qr_node_ops(tree->kind)->child(page, i);
        QR_TRY(qr_tree_check_child(tree, span->page, child, err));
        span->child[i - span->begin] = child;
    }
    return QUIRE_OK;
}

/* Index of the child that an end of the range leads to: NULL is before all, after all. */
static quire_status end_child(const struct qr_tree *tree, uint32_t page_number, const uint8_t *page,
                              const struct qr_tree_key *key, int otherwise, int *index,
                              quire_error *err)
{
    unsigned found;
    struct qr_flaw flaw;
    *index = otherwise;
    if (key == NULL) {
        return QUIRE_OK;
    }
    if (!qr_node_ops(tree->kind)->search_child(page, qr_tree_page_size(tree), key, &found, &flaw)) {
        return qr_tree_damaged(tree, page_number, &flaw, err);
    }
    *index = (int)found;
    return QUIRE_OK;
}

/*
 * Finds children that lie wholly between the ends, at or below a node. Where
 * the ways to the two ends part, the left is followed first; it has no right
 * end any more, so this calls itself once at most. Inside an operation.
 */
static quire_status find_span(const struct qr_tree *tree, uint32_t page_number,
                              const struct qr_tree_key *from, const struct qr_tree_key *to,
                              struct span *span, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    span->page = 0;
    for (unsigned depth = 0; depth < QR_TREE_DEPTH_MAX; depth++) {
        const uint8_t *page;
        int left;
        int right;
        QR_TRY(qr_tree_node(tree, page_number, &page, err));
        int count = (int)qr_node_count(page);
        if (qr_node_is_leaf(page)) {
            return QUIRE_OK;
        }
        QR_TRY(end_child(tree, page_number, page, from, -1, &left, err));
        QR_TRY(end_child(tree, page_number, page, to, count + 1, &right, err));
        if (right - left > 1) {
            span->page = page_number;
            span->begin = (unsigned)(left + 1);
            span->end = (unsigned)right;
            return fill_span(tree, page, span, err);
        }
        if (left >= 0 && left < right && right <= count) {
            uint32_t other = ops->child(page, (unsigned)left);
            QR_TRY(qr_tree_check_child(tree, page_number, other, err));
            QR_TRY(find_span(tree, other, from, NULL, span, err));
            if (span->page != 0) {
                return QUIRE_OK;
            }
            from = NULL;
            left = -1;
        }
        uint32_t next = ops->child(page, (unsigned)(left >= 0 ? left : right));
        QR_TRY(qr_tree_check_child(tree, page_number, next, err));
        page_number = next;
    }
    return QUIRE_OK;
}

/* Frees the subtrees of a span and takes them out of their node. */
static quire_status free_span(const struct qr_tree *tree, const struct span *span,
                              uint64_t *deleted, quire_error *err)
{
    uint64_t entries = 0;
    for (unsigned i = span->begin; i < span->end; i++) {
        QR_TRY(qr_tree_drop_below(tree, span->child[i - span->begin], &entries, err));
    }
    qr_view_enter(tree->view);
    quire_status status = qr_tree_remove_children(tree, span->page, span->begin, span->end, err);
    if (status == QUIRE_OK) {
        status = qr_tree_add_to_count(tree, -(int64_t)entries, err);
    }
    qr_view_leave(tree->view);
    *deleted += entries;
    return status;
}

static quire_status free_spans(const struct qr_tree *tree, const struct qr_tree_key *from,
                               const struct qr_tree_key *to, uint64_t *deleted, quire_error *err)
{
    struct span span;
    do {
        qr_view_enter(tree->view);
        quire_status status = find_span(tree, tree->root, from, to, &span, err);
        qr_view_leave(tree->view);
        QR_TRY(status);
        if (span.page != 0) {
            QR_TRY(free_span(tree, &span, deleted, err));
        }
    } while (span.page != 0);
    return QUIRE_OK;
}

static bool is_below(const struct qr_tree *tree, const struct qr_tree_key *a,
                     const struct qr_tree_key *b)
{
    return tree->kind == QR_TREE_ROWS ? a->rowid < b->rowid
                                      : qr_key_compare(a->bytes, a->size, b->bytes, b->size) < 0;
}

static quire_status delete_entries(const struct qr_tree *tree, struct qr_tree_cursor *cursor,
                                   const struct qr_tree_key *from, const struct qr_tree_key *to,
                                   uint64_t *deleted, quire_error *err)
{
    struct qr_tree_key key;
    bool valid;
    bool existed;
    QR_TRY(from == NULL ? qr_tree_cursor_first(cursor, &valid, err)
                        : qr_tree_cursor_seek(cursor, from, &valid, err));
    while (valid) {
        QR_TRY(qr_tree_cursor_key(cursor, &key, err));
        if (to != NULL && !is_below(tree, &key, to)) {
            break;
        }
        QR_TRY(qr_tree_delete(tree, &key, &existed, err));
        ++*deleted;
        QR_TRY(qr_tree_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

static quire_status delete_range(const struct qr_tree *tree, const struct qr_tree_key *from,
                                 const struct qr_tree_key *to, uint64_t *deleted, quire_error *err)
{
    struct qr_tree_cursor *cursor;
    if (from == NULL && to == NULL) {
        QR_TRY(qr_tree_count(tree, deleted, err));
        return qr_tree_clear(tree, err);
    }
    QR_TRY(free_spans(tree, from, to, deleted, err));
    QR_TRY(qr_tree_cursor_open(tree, &cursor, err));
    quire_status status = delete_entries(tree, cursor, from, to, deleted, err);
    qr_tree_cursor_close(cursor);
    if (status == QUIRE_OK && from != NULL) {
        status = qr_tree_merge_around(tree, from, err);
    }
    if (status == QUIRE_OK && to != NULL) {
        status = qr_tree_merge_around(tree, to, err);
    }
    return status;
}

quire_status qr_tree_delete_range(const struct qr_tree *tree, const struct qr_tree_key *from,
                                  const struct qr_tree_key *to, uint64_t *deleted, quire_error *err)
{
    struct qr_txn *txn;
    *deleted = 0;
    QR_TRY(qr_tree_writable(tree, &txn, err));
    if (from != NULL && to != NULL && !is_below(tree, from, to)) {
        return QUIRE_OK;
    }
    quire_status status = delete_range(tree, from, to, deleted, err);
    if (status != QUIRE_OK) {
        qr_txn_doom(txn);
    }
    return status;
}
