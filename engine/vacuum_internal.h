/*
 * What the parts of vacuum share: the steps (vacuum.c), the repacking of trees
 * (vacuum_repack.c) and the moving of single pages (vacuum_page.c). One thread,
 * the caller's of quire_vacuum.
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

/* Adds one, with a copy of its key. */
quire_status qr_page_owners_add(struct qr_page_owners *owners, struct qr_page_owner owner,
                                quire_error *err);

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

/* ---- Repacking ---- */

/* The trees whose nodes are to be filled, and how far that is. */
struct qr_repacking {
    struct qr_page_owners trees; /* page 0: an object's; else that of a hash index's key */
    size_t next;                 /* in the list */
    struct qr_tree_repack tree;  /* of that one */
    uint64_t rewritten, emptied; /* pages, of all */
};

void qr_repacking_init(struct qr_repacking *repacking, const quire_allocator *allocator);
void qr_repacking_free(struct qr_repacking *repacking);

/* Lists the trees there are. Reads hash indexes, for the keys with trees of rowids. */
quire_status qr_repacking_list(struct qr_repacking *repacking, quire_txn *txn, quire_error *err);

/* Goes on in a write transaction, and rewrites about so many pages at most; all is done when
 * `next` has come to the end of the list. On failure the transaction is fit for rollback alone. */
quire_status qr_repacking_step(struct qr_repacking *repacking, quire_txn *txn, uint32_t pages,
                               quire_error *err);

#endif
