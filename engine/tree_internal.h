/*
 * The tree handle, for the files that implement quire/tree.h and quire/keytree.h.
 */
#ifndef QR_ENGINE_TREE_INTERNAL_H
#define QR_ENGINE_TREE_INTERNAL_H

#include "engine/engine_internal.h"

struct quire_tree {
    struct qr_handle handle; /* first */
    struct qr_tree_reader reader;
    struct qr_tree_edge edge;
};

/* The handle of a tree of either kind; quire_tree_close closes it. NO_MEMORY. */
quire_status qr_tree_handle_open(quire_txn *txn, const struct qr_table_def *def, quire_tree **out,
                                 quire_error *err);

/* MISUSE for NULL, dead handles, read transactions and the trees of tables. */
quire_status qr_tree_handle_writable(quire_tree *tree, quire_error *err);

#endif
