/*
 * What each object of a database takes: quire_each_object. Reads only; one
 * thread, the transaction's.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/object.h"
#include "engine/hash_internal.h"
#include "engine/maintenance.h"

static quire_status tree_stats(const struct qr_tree *tree, quire_object_stats *stats,
                               quire_error *err)
{
    struct qr_tree_stats counted;
    QR_TRY(qr_tree_get_stats(tree, &counted, err));
    stats->entries = counted.entries;
    stats->depth = counted.depth;
    stats->inner_pages = counted.inner_pages;
    stats->leaf_pages = counted.leaf_pages;
    stats->leaf_bytes = counted.leaf_bytes;
    stats->overflow_pages = counted.overflow_pages;
    return QUIRE_OK;
}

/* ---- Hash indexes ---- */

struct hash_count {
    struct qr_view *view;
    uint32_t id;
    quire_object_stats *stats;
};

static bool count_hash_page(void *context, uint32_t page_number, uint8_t type)
{
    struct hash_count *count = context;
    (void)page_number;
    if (type == QR_PAGE_TYPE_HASH_DIRECTORY) {
        count->stats->inner_pages++;
    } else {
        count->stats->leaf_pages++;
    }
    return true;
}

/* The rowids of a frequent key are a tree of their own. */
static quire_status count_posting(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct hash_count *count = context;
    quire_object_stats posting = {.name = ""};
    if (!cell->is_posting) {
        return QUIRE_OK;
    }
    struct qr_tree tree = {
        .view = count->view, .root = cell->posting_root, .id = count->id, .kind = QR_TREE_ROWS};
    QR_TRY(tree_stats(&tree, &posting, err));
    count->stats->overflow_pages += posting.inner_pages + posting.leaf_pages;
    return QUIRE_OK;
}

static quire_status hash_stats(quire_txn *txn, const struct qr_object *object,
                               quire_object_stats *stats, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(txn, object);
    struct hash_count count = {hash.view, object->id, stats};
    struct qr_directory directory;
    qr_view_enter(hash.view);
    quire_status status = qr_directory_read(&hash, &directory, err);
    qr_view_leave(hash.view);
    QR_TRY(status);
    stats->entries = directory.entries;
    stats->depth = directory.depth + 2U;
    QR_TRY(qr_hash_walk(&hash, count_hash_page, count_posting, &count, err));
    stats->leaf_bytes = directory.cell_bytes + stats->leaf_pages * qr_bucket_heap(hash.page_size);
    return QUIRE_OK;
}

/* ---- All objects ---- */

static quire_status tell_object(quire_txn *txn, const struct qr_object *object, const char *table,
                                quire_object_callback each, void *context, quire_error *err)
{
    quire_object_stats stats = {
        .name = object->name, .table = table, .kind = qr_object_kind_name(object->kind)};
    if (qr_object_is_hash(object)) {
        stats.kind = "hash";
        QR_TRY(hash_stats(txn, object, &stats, err));
    } else if (qr_object_is_tree(object)) {
        struct qr_tree tree = qr_object_tree(object, qr_txn_pages(txn));
        QR_TRY(tree_stats(&tree, &stats, err));
    }
    return each(context, &stats, err);
}

static quire_status tell_catalog(quire_txn *txn, quire_object_callback each, void *context,
                                 quire_error *err)
{
    struct qr_tree tree = {.view = qr_txn_pages(txn),
                           .root = QR_PAGE_NUMBER_CATALOG,
                           .id = QR_CATALOG_TREE_ID,
                           .kind = QR_TREE_KEYS};
    quire_object_stats stats = {.name = "catalog", .kind = "catalog", .table = ""};
    QR_TRY(tree_stats(&tree, &stats, err));
    return each(context, &stats, err);
}

static int compare_names(const void *a, const void *b)
{
    const struct qr_object *const *left = a;
    const struct qr_object *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* Its indexes, views and triggers. */
static quire_status tell_owned(quire_txn *txn, const struct qr_object_list *list,
                               const struct qr_object *table, quire_object_callback each,
                               void *context, quire_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->objects[i]->owner == table->id) {
            QR_TRY(tell_object(txn, list->objects[i], table->name, each, context, err));
        }
    }
    return QUIRE_OK;
}

static quire_status tell_all(quire_txn *txn, const struct qr_object_list *list,
                             quire_object_callback each, void *context, quire_error *err)
{
    if (list->count > 0) {
        QR_TRY(tell_catalog(txn, each, context, err));
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct qr_object *object = list->objects[i];
        if (object->kind != QR_OBJECT_INDEX && qr_object_is_tree(object)) {
            QR_TRY(tell_object(txn, object, "", each, context, err));
            QR_TRY(tell_owned(txn, list, object, each, context, err));
        }
    }
    return QUIRE_OK;
}

/* Reads the objects in the order of their names; the list is freed in any case. */
static quire_status read_in_order(quire_txn *txn, struct qr_object_list *list, quire_error *err)
{
    quire_status status = qr_object_list_read(list, qr_txn_pages(txn), err);
    if (status == QUIRE_OK && list->count > 1) {
        qsort(list->objects, list->count, sizeof *list->objects, compare_names);
    }
    return status;
}

quire_status quire_each_object(quire_txn *txn, quire_object_callback each, void *context,
                               quire_error *err)
{
    struct qr_object_list list;
    if (txn == NULL || each == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_each_object needs a transaction and a callback.");
    }
    quire_status status = read_in_order(txn, &list, err);
    if (status == QUIRE_OK) {
        status = tell_all(txn, &list, each, context, err);
    }
    qr_object_list_free(&list);
    return status;
}

static quire_status tell_tables(quire_txn *txn, const struct qr_object_list *list,
                                quire_table_callback each, void *context, quire_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        quire_table *table;
        uint64_t rows;
        if (list->objects[i]->kind != QR_OBJECT_TABLE) {
            continue;
        }
        QR_TRY(quire_table_open(txn, list->objects[i]->name, &table, err));
        quire_status status = quire_table_row_count(table, &rows, err);
        quire_table_close(table);
        QR_TRY(status);
        QR_TRY(each(context, list->objects[i]->name, rows, err));
    }
    return QUIRE_OK;
}

quire_status quire_each_table(quire_txn *txn, quire_table_callback each, void *context,
                              quire_error *err)
{
    struct qr_object_list list;
    if (txn == NULL || each == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_each_table needs a transaction and a callback.");
    }
    quire_status status = read_in_order(txn, &list, err);
    if (status == QUIRE_OK) {
        status = tell_tables(txn, &list, each, context, err);
    }
    qr_object_list_free(&list);
    return status;
}

static quire_status tell_views(quire_txn *txn, const struct qr_object_list *list,
                               quire_view_callback each, void *context, quire_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        quire_view *view;
        if (list->objects[i]->kind != QR_OBJECT_VIEW) {
            continue;
        }
        QR_TRY(quire_view_open(txn, list->objects[i]->name, &view, err));
        quire_status status = each(context, quire_view_definition(view), err);
        quire_view_close(view);
        QR_TRY(status);
    }
    return QUIRE_OK;
}

quire_status quire_each_view(quire_txn *txn, quire_view_callback each, void *context,
                             quire_error *err)
{
    struct qr_object_list list;
    if (txn == NULL || each == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_each_view needs a transaction and a callback.");
    }
    quire_status status = read_in_order(txn, &list, err);
    if (status == QUIRE_OK) {
        status = tell_views(txn, &list, each, context, err);
    }
    qr_object_list_free(&list);
    return status;
}
