/*
 * Residence: tables whose pages stay in the cache.
 *
 * The pager spares the pages of resident trees when it makes room; this file
 * says which trees those are, and brings their pages in. A table is resident
 * with the indexes that it has at the moment.
 *
 * Concurrency: any thread, beside readers and a writer. Failure: the table of the
 * call is not resident, even if it was before; the others are as they were.
 */
#include <string.h>

#include "catalog/object.h"
#include "engine/engine_internal.h"
#include "engine/hash_internal.h"
#include "engine/maintenance.h"

struct loading {
    struct qr_view *view;
    const struct qr_object *object;
    const char *name; /* as asked for */
    uint32_t pages, pages_max;
    quire_status status; /* of a page whose visitor cannot report */
    quire_error error;
};

static quire_status load_page(void *context, uint32_t page_number, quire_error *err)
{
    struct loading *loading = context;
    const uint8_t *page;
    if (loading->pages >= loading->pages_max) {
        return qr_fail(err, QUIRE_LIMIT,
                       "\"%s\" and what else is pinned take more than half of the cache, which is "
                       "%u pages; open the database with a larger cache_bytes.",
                       loading->name, loading->pages_max);
    }
    loading->pages++;
    qr_view_enter(loading->view);
    quire_status status = qr_view_page(loading->view, page_number, &page, err);
    qr_view_leave(loading->view);
    return status;
}

static quire_status load_overflow(void *context, uint32_t page_number,
                                  const struct qr_tree_key *key, quire_error *err)
{
    (void)key;
    return load_page(context, page_number, err);
}

static quire_status load_tree(struct loading *loading, const struct qr_tree *tree, quire_error *err)
{
    QR_TRY(qr_tree_each_node(tree, load_page, loading, err));
    return qr_tree_each_overflow(tree, 0, load_overflow, loading, err);
}

static bool load_hash_page(void *context, uint32_t page_number, uint8_t type)
{
    struct loading *loading = context;
    (void)type;
    if (loading->status == QUIRE_OK) {
        loading->status = load_page(loading, page_number, &loading->error);
    }
    return loading->status == QUIRE_OK;
}

/* The rowids of a frequent key are a tree of their own. */
static quire_status load_posting(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct loading *loading = context;
    struct qr_tree tree = {.view = loading->view,
                           .root = cell->posting_root,
                           .id = loading->object->id,
                           .kind = QR_TREE_ROWS};
    return cell->is_posting ? load_tree(loading, &tree, err) : QUIRE_OK;
}

static quire_status load_hash(struct loading *loading, quire_error *err)
{
    struct qr_hash hash = qr_hash_of_view(loading->view, loading->object);
    loading->status = QUIRE_OK;
    quire_status status = qr_hash_walk(&hash, load_hash_page, load_posting, loading, err);
    if (loading->status != QUIRE_OK) {
        if (err != NULL) {
            *err = loading->error;
        }
        return loading->status;
    }
    return status;
}

static quire_status load_object(struct loading *loading, const struct qr_object *object,
                                quire_error *err)
{
    loading->object = object;
    if (qr_object_is_hash(object)) {
        return load_hash(loading, err);
    }
    struct qr_tree tree = qr_object_tree(object, loading->view);
    return load_tree(loading, &tree, err);
}

static const struct qr_object *find_named(const struct qr_object_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct qr_object *object = list->objects[i];
        if (qr_object_is_tree(object) && object->kind != QR_OBJECT_INDEX &&
            strcmp(object->name, name) == 0) {
            return object;
        }
    }
    return NULL;
}

/* The table itself, or an index of it. */
static bool belongs(const struct qr_object *object, const struct qr_object *table)
{
    return object == table || (object->kind == QR_OBJECT_INDEX && object->owner == table->id);
}

static void release_all(struct qr_pager *pager, const struct qr_object_list *list,
                        const struct qr_object *table)
{
    for (size_t i = 0; i < list->count; i++) {
        if (belongs(list->objects[i], table)) {
            qr_resident_remove(pager, list->objects[i]->id);
        }
    }
}

static quire_status keep_all(struct qr_pager *pager, struct qr_view *view,
                             const struct qr_object_list *list, const struct qr_object *table,
                             quire_error *err)
{
    struct loading loading = {.view = view, .name = table->name};
    release_all(pager, list, table); /* a second call takes new indexes in */
    loading.pages = qr_resident_pages(pager);
    loading.pages_max = qr_resident_pages_max(pager);
    for (size_t i = 0; i < list->count; i++) {
        if (belongs(list->objects[i], table)) {
            QR_TRY(qr_resident_add(pager, list->objects[i]->id, err));
            QR_TRY(load_object(&loading, list->objects[i], err));
        }
    }
    return QUIRE_OK;
}

static quire_status change(quire_db *db, const char *name, bool resident, quire_error *err)
{
    struct qr_view *view;
    struct qr_object_list list = {.allocator = NULL};
    QR_TRY(qr_snapshot_open(db->pager, &view, err));
    quire_status status = qr_object_list_read(&list, view, err);
    const struct qr_object *table = status == QUIRE_OK ? find_named(&list, name) : NULL;
    if (status == QUIRE_OK && table == NULL) {
        status = qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no table or tree \"%s\".", name);
    } else if (status == QUIRE_OK && resident) {
        status = keep_all(db->pager, view, &list, table, err);
    }
    if (table != NULL && (status != QUIRE_OK || !resident)) {
        release_all(db->pager, &list, table);
    }
    qr_object_list_free(&list);
    qr_snapshot_close(view);
    return status;
}

quire_status quire_pin(quire_db *db, const char *name, quire_error *err)
{
    if (db == NULL || name == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_pin needs a database and a name.");
    }
    return change(db, name, true, err);
}

quire_status quire_unpin(quire_db *db, const char *name, quire_error *err)
{
    if (db == NULL || name == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_unpin needs a database and a name.");
    }
    return change(db, name, false, err);
}
