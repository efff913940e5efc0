/*
 * Payloads in pieces: their size, parts of them read and overwritten in place,
 * and payloads of zeroes to be filled afterwards. A large payload is never held
 * in memory as a whole; only the pages of the part are touched, and the index
 * pages that lead to them.
 */
#include "btree/btree_internal.h"

/* Where a payload is. */
struct location {
    bool found;
    uint32_t leaf;
    uint64_t size;
    const uint8_t *body; /* in the leaf, valid until the leave; NULL: on overflow pages */
    size_t at;           /* of the body in the leaf */
    struct qr_overflow overflow;
};

/* Inside an operation. */
static quire_status locate(const struct qr_tree *tree, const struct qr_tree_key *key,
                           struct location *location, quire_error *err)
{
    struct qr_path path;
    struct qr_item item;
    struct qr_flaw flaw;
    const uint8_t *leaf;
    *location = (struct location){.found = false};
    QR_TRY(qr_tree_descend(tree, key, &path, &leaf, err));
    if (!path.exact) {
        return QUIRE_OK;
    }
    const struct qr_path_step *step = &path.step[path.depth - 1];
    if (!qr_node_ops(tree->kind)
             ->get(leaf, qr_tree_page_size(tree), step->index, NULL, &item, &flaw)) {
        return qr_tree_damaged(tree, step->page, &flaw, err);
    }
    location->found = true;
    location->leaf = step->page;
    if (item.overflow) {
        location->overflow = qr_overflow_load(item.body);
        location->size = location->overflow.size;
    } else {
        location->body = item.body;
        location->at = (size_t)(item.body - leaf);
        location->size = item.body_size;
    }
    return QUIRE_OK;
}

quire_status qr_tree_value_size(const struct qr_tree *tree, const struct qr_tree_key *key,
                                uint64_t *size, bool *found, quire_error *err)
{
    struct location location;
    *size = 0;
    *found = false;
    QR_TRY(qr_tree_settle(tree, err));
    qr_view_enter(tree->view);
    quire_status status = locate(tree, key, &location, err);
    qr_view_leave(tree->view);
    QR_TRY(status);
    *found = location.found;
    *size = location.size;
    return QUIRE_OK;
}

/* ---- Reading ---- */

static size_t part_size(const struct location *location, uint64_t offset, size_t size)
{
    uint64_t rest = offset < location->size ? location->size - offset : 0;
    return rest < size ? (size_t)rest : size;
}

quire_status qr_tree_value_read(const struct qr_tree *tree, const struct qr_tree_key *key,
                                uint64_t offset, void *buffer, size_t size, size_t *got,
                                bool *found, quire_error *err)
{
    struct location location;
    *got = 0;
    *found = false;
    QR_TRY(qr_tree_settle(tree, err));
    qr_view_enter(tree->view);
    quire_status status = locate(tree, key, &location, err);
    size_t part = part_size(&location, offset, size);
    if (status == QUIRE_OK && location.body != NULL && part > 0) {
        memcpy(buffer, location.body + offset, part);
    }
    qr_view_leave(tree->view);
    QR_TRY(status);
    if (location.body == NULL && part > 0) {
        QR_TRY(qr_overflow_read_part(tree, location.leaf, &location.overflow, offset, buffer, part,
                                     err));
    }
    *found = location.found;
    *got = part;
    return QUIRE_OK;
}

/* ---- Writing ---- */

/* Overwrites part of a payload in its leaf. Inside an operation. */
static quire_status write_inline(const struct qr_tree *tree, const struct location *location,
                                 uint64_t offset, const void *bytes, size_t size, quire_error *err)
{
    uint8_t *leaf;
    QR_TRY(qr_txn_page_write(qr_view_txn(tree->view), location->leaf, &leaf, err));
    memmove(leaf + location->at + offset, bytes, size); /* they may be lent from this very row */
    return QUIRE_OK;
}

quire_status qr_tree_value_write(const struct qr_tree *tree, const struct qr_tree_key *key,
                                 uint64_t offset, const void *bytes, size_t size, bool *found,
                                 quire_error *err)
{
    struct location location;
    struct qr_txn *txn;
    *found = false;
    QR_TRY(qr_tree_writable(tree, &txn, err));
    qr_view_enter(tree->view);
    quire_status status = locate(tree, key, &location, err);
    bool fits = offset <= location.size && size <= location.size - offset;
    if (status == QUIRE_OK && location.body != NULL && fits && size > 0) {
        status = write_inline(tree, &location, offset, bytes, size, err);
    }
    qr_view_leave(tree->view);
    if (status == QUIRE_OK && location.found && !fits) {
        return qr_fail(err, QUIRE_MISUSE,
                       "%zu bytes at %llu do not lie within a payload of %llu bytes", size,
                       (unsigned long long)offset, (unsigned long long)location.size);
    }
    if (status == QUIRE_OK && location.found && location.body == NULL && size > 0) {
        status = qr_overflow_write_part(tree, location.leaf, &location.overflow, offset, bytes,
                                        size, err);
    }
    if (status != QUIRE_OK) {
        qr_txn_doom(txn);
        return status;
    }
    *found = location.found;
    return QUIRE_OK;
}

quire_status qr_tree_reserve(const struct qr_tree *tree, const struct qr_tree_key *key, size_t size,
                             bool *existed, quire_error *err)
{
    const quire_allocator *allocator = qr_tree_allocator(tree);
    struct qr_txn *txn;
    QR_TRY(qr_tree_writable(tree, &txn, err));
    QR_TRY(qr_tree_check_size(tree, key, size, err));
    if (qr_tree_needs_overflow(tree, key, size)) {
        return qr_tree_put(tree, key, NULL, size, QR_PUT_UPSERT, existed, err);
    }
    void *zeroes = qr_alloc_zero(allocator, size, err);
    if (zeroes == NULL) {
        qr_txn_doom(txn);
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_tree_put(tree, key, zeroes, size, QR_PUT_UPSERT, existed, err);
    qr_free(allocator, zeroes, size);
    return status;
}
