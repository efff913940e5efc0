/*
 * The tree handle, for the files that implement quire/tree.h.
 */
#ifndef QR_ENGINE_TREE_INTERNAL_H
#define QR_ENGINE_TREE_INTERNAL_H

#include "engine/engine_internal.h"

struct quire_tree {
    struct qr_handle handle; /* first */
    struct qr_tree_reader reader;
    struct qr_tree_edge edge;
};

/* MISUSE for NULL, dead handles, read transactions and the trees of tables. */
quire_status qr_tree_handle_writable(quire_tree *tree, quire_error *err);

#endif
