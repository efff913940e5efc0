/*
 * What the two halves of vacuum share: the steps (vacuum.c) and the moving of
 * single pages (vacuum_page.c). One thread, the caller's of quire_vacuum.
 */
#ifndef QR_VACUUM_INTERNAL_H
#define QR_VACUUM_INTERNAL_H

#include "engine/engine_internal.h"

/* Whose a page that does not tell was, when its tree or hash index was surveyed: the entry with the
 * overflow value, or the key of a hash index with the tree of rowids. */
struct qr_page_owner {
    uint32_t page;
    uint32_t tree_id;
    struct qr_tree_key key;
    bool is_cut; /* the key of a hash index */
};

/* The owners of such pages near the end of the file, by page. Hints: the page is looked for at its
 * owner before it is moved. */
struct qr_page_owners {
    const quire_allocator *allocator;
    struct qr_arena arena; /* keys */
    struct qr_page_owner *owner;
    size_t count, capacity;
};

void qr_page_owners_init(struct qr_page_owners *owners, const quire_allocator *allocator);
void qr_page_owners_free(struct qr_page_owners *owners);

/* Learns whose the pages of a tree or hash index from page `from` on are that do not tell, in place
 * of what was known of it. Reads the whole of it as of the transaction. */
quire_status qr_page_owners_survey(struct qr_page_owners *owners, quire_txn *txn, uint32_t tree_id,
                                   uint32_t from, quire_error *err);

/*
 * Moves a page, the last one in use, to a free one further ahead, with up to
 * count - 1 before it. *moved says how many: 0 when none is free, or when its
 * owner is not known; then *unknown is the tree to survey, else 0. On failure
 * the transaction is fit for rollback alone.
 */
quire_status qr_vacuum_page(quire_txn *txn, const struct qr_page_owners *owners, uint32_t page,
                            uint32_t count, uint32_t *moved, uint32_t *unknown, quire_error *err);

#endif
