/*
 * What both kinds of nodes share: sequences of entries, checked access to the
 * pages of a tree, scratch memory. One thread at a time a view; damage is
 * reported as CORRUPT with page and offset.
 */
#include "btree/btree_internal.h"

bool qr_sequence_get(const struct qr_node_ops *ops, const struct qr_sequence *sequence,
                     uint32_t page_size, unsigned i, uint8_t *key_buffer, struct qr_item *item,
                     struct qr_flaw *flaw)
{
    if (i < sequence->left_end) {
        return ops->get(sequence->left, page_size, i, key_buffer, item, flaw);
    }
    i -= sequence->left_end;
    if (sequence->item != NULL) {
        if (i == 0) {
            *item = *sequence->item;
            return true;
        }
        i--;
    }
    return ops->get(sequence->right, page_size, sequence->right_begin + i, key_buffer, item, flaw);
}

bool qr_sequence_separator(const struct qr_node_ops *ops, const struct qr_sequence *sequence,
                           uint32_t page_size, bool leaf, unsigned m, uint8_t *keys,
                           uint8_t *separator, struct qr_item *up, struct qr_flaw *flaw)
{
    struct qr_item left;
    if (!qr_sequence_get(ops, sequence, page_size, m, separator, up, flaw)) {
        return false;
    }
    if (separator == NULL) {
        return true;
    }
    if (up->key != separator && up->key_size != 0) {
        memcpy(separator, up->key, up->key_size);
    }
    up->key = separator;
    if (leaf) {
        if (!qr_sequence_get(ops, sequence, page_size, m - 1, keys, &left, flaw)) {
            return false;
        }
        size_t size = 0;
        while (size < left.key_size && size < up->key_size && left.key[size] == up->key[size]) {
            size++;
        }
        up->key_size = size < up->key_size ? size + 1 : size;
    }
    return true;
}

bool qr_node_mark(uint8_t *marks, size_t begin, size_t size)
{
    bool overlap = false;
    for (size_t i = begin; i < begin + size; i++) {
        overlap = overlap || marks[i] != 0;
        marks[i] = 1;
    }
    return overlap;
}

quire_status qr_tree_damaged(const struct qr_tree *tree, uint32_t page_number,
                             const struct qr_flaw *flaw, quire_error *err)
{
    struct qr_pager *pager = qr_view_pager(tree->view);
    uint64_t offset = (uint64_t)page_number * qr_pager_page_size(pager) + flaw->offset;
    return qr_fail_at(err, QUIRE_CORRUPT, qr_pager_path(pager), page_number, offset,
                      "page %lu of tree %lu is damaged: %s at byte %lu of the page (%s); restore a "
                      "backup or salvage what is readable",
                      (unsigned long)page_number, (unsigned long)tree->id, flaw->what,
                      (unsigned long)flaw->offset, flaw->code);
}

quire_status qr_tree_node(const struct qr_tree *tree, uint32_t page_number, const uint8_t **page,
                          quire_error *err)
{
    struct qr_flaw flaw;
    QR_TRY(qr_view_page(tree->view, page_number, page, err));
    if (!qr_tree_node_sound(tree, *page, qr_tree_page_size(tree), &flaw)) {
        return qr_tree_damaged(tree, page_number, &flaw, err);
    }
    return QUIRE_OK;
}

quire_status qr_scratch_init(struct qr_scratch *scratch, const struct qr_tree *tree,
                             quire_error *err)
{
    size_t page_size = qr_tree_page_size(tree);
    size_t key_size = tree->kind == QR_TREE_KEYS ? QR_KEY_MAX(page_size) : 0;
    scratch->allocator = qr_tree_allocator(tree);
    scratch->size = 2 * page_size + 4 * key_size;
    scratch->memory = qr_alloc(scratch->allocator, scratch->size, err);
    if (scratch->memory == NULL) {
        return QUIRE_NO_MEMORY;
    }
    scratch->page[0] = scratch->memory;
    scratch->page[1] = scratch->memory + page_size;
    scratch->keys = NULL;
    scratch->separator[0] = NULL;
    scratch->separator[1] = NULL;
    if (key_size != 0) {
        scratch->keys = scratch->memory + 2 * page_size;
        scratch->separator[0] = scratch->keys + 2 * key_size;
        scratch->separator[1] = scratch->keys + 3 * key_size;
    }
    return QUIRE_OK;
}

void qr_scratch_free(struct qr_scratch *scratch)
{
    qr_free(scratch->allocator, scratch->memory, scratch->size);
    scratch->memory = NULL;
}
