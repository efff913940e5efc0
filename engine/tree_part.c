/*
 * Payloads of raw trees in pieces: the public face of the B+tree's parts.
 */
#include "engine/tree_internal.h"

static quire_status check_buffer(const void *buffer, size_t size, quire_error *err)
{
    if (buffer == NULL && size > 0) {
        return qr_fail(err, QUIRE_MISUSE, "The bytes are NULL but their number is not 0.");
    }
    return QUIRE_OK;
}

static quire_status check_read(quire_tree *tree, quire_error *err)
{
    if (tree == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "The call needs a tree.");
    }
    return qr_handle_check(&tree->handle, err);
}

quire_status quire_tree_size(quire_tree *tree, int64_t rowid, uint64_t *size, bool *found,
                             quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    QR_TRY(check_read(tree, err));
    return qr_tree_value_size(&tree->reader.tree, &key, size, found, err);
}

quire_status quire_tree_read_part(quire_tree *tree, int64_t rowid, uint64_t offset, void *buffer,
                                  size_t size, size_t *got, bool *found, quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    QR_TRY(check_read(tree, err));
    QR_TRY(check_buffer(buffer, size, err));
    return qr_tree_value_read(&tree->reader.tree, &key, offset, buffer, size, got, found, err);
}

quire_status quire_tree_write_part(quire_tree *tree, int64_t rowid, uint64_t offset,
                                   const void *bytes, size_t size, bool *found, quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool there;
    QR_TRY(qr_tree_handle_writable(tree, err));
    QR_TRY(check_buffer(bytes, size, err));
    QR_TRY(qr_tree_value_write(&tree->reader.tree, &key, offset, bytes, size, &there, err));
    if (found != NULL) {
        *found = there;
    }
    return QUIRE_OK;
}

quire_status quire_tree_reserve(quire_tree *tree, int64_t rowid, size_t size, bool *replaced,
                                quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool existed;
    QR_TRY(qr_tree_handle_writable(tree, err));
    QR_TRY(qr_tree_reserve(&tree->reader.tree, &key, size, &existed, err));
    if (replaced != NULL) {
        *replaced = existed;
    }
    return QUIRE_OK;
}
