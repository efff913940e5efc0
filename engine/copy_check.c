/*
 * Checking a database file that was just written: every page is read back, the
 * trees and hash indexes are walked, counts are compared. Reads only.
 */
#include <string.h>

#include "engine/index_hash.h"
#include "engine/maintenance.h"

/* Pages read in one operation of the view. */
#define PAGES_AT_ONCE 64U

static quire_status read_pages(struct qr_view *view, quire_error *err)
{
    uint32_t pages = qr_view_page_count(view);
    quire_status status = QUIRE_OK;
    qr_view_scanning(view, true);
    for (uint32_t at = 0; at < pages && status == QUIRE_OK;) {
        qr_view_enter(view);
        for (uint32_t i = 0; i < PAGES_AT_ONCE && at < pages && status == QUIRE_OK; i++) {
            const uint8_t *page;
            status = qr_view_page(view, at++, &page, err);
        }
        qr_view_leave(view);
    }
    qr_view_scanning(view, false);
    return status;
}

/* The first finding of a tree check. */
struct finding {
    bool found;
    uint32_t page;
    char text[200];
};

static void note_issue(void *context, const char *code, uint32_t page, uint32_t offset,
                       const char *message)
{
    struct finding *finding = context;
    (void)code;
    (void)offset;
    if (!finding->found) {
        finding->found = true;
        finding->page = page;
        size_t size = strlen(message);
        size = size < sizeof finding->text ? size : sizeof finding->text - 1;
        memcpy(finding->text, message, size);
        finding->text[size] = '\0';
    }
}

static bool owns_page(void *context, uint32_t page, uint32_t tree_id)
{
    (void)context;
    (void)page;
    (void)tree_id;
    return true;
}

static quire_status check_tree(const struct qr_tree *tree, const char *path, const char *name,
                               quire_error *err)
{
    struct finding finding = {.found = false};
    QR_TRY(qr_tree_check(tree, note_issue, owns_page, &finding, err));
    if (finding.found) {
        return qr_fail_at(err, QUIRE_CORRUPT, path, finding.page, 0,
                          "\"%s\" is damaged at page %lu: %s; inspect the source.", name,
                          (unsigned long)finding.page, finding.text);
    }
    return QUIRE_OK;
}

static quire_status check_hash(quire_txn *txn, const struct qr_object *object, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(txn, object);
    return qr_hash_walk(&hash, NULL, NULL, NULL, err);
}

static quire_status check_objects(quire_txn *txn, const char *path, quire_error *err)
{
    struct qr_view *view = qr_txn_pages(txn);
    struct qr_tree catalog = {.view = view,
                              .root = QR_PAGE_NUMBER_CATALOG,
                              .id = QR_CATALOG_TREE_ID,
                              .kind = QR_TREE_KEYS};
    struct qr_object_list list;
    quire_status status = qr_object_list_read(&list, view, err);
    if (status == QUIRE_OK && list.count > 0) {
        status = check_tree(&catalog, path, "catalog", err);
    }
    for (size_t i = 0; i < list.count && status == QUIRE_OK; i++) {
        const struct qr_object *object = list.objects[i];
        if (qr_object_is_tree(object)) {
            struct qr_tree tree = qr_object_tree(object, view);
            status = check_tree(&tree, path, object->name, err);
        } else if (object->kind == QR_OBJECT_INDEX) {
            status = check_hash(txn, object, err);
        }
    }
    qr_object_list_free(&list);
    return status;
}

quire_status qr_copy_check(const struct qr_maintenance_place *place, const char *path,
                           quire_error *err)
{
    quire_db *db;
    quire_txn *txn;
    QR_TRY(qr_maintenance_open(place, path, QUIRE_OPEN_READ_ONLY, 0, &db, err));
    quire_status status = quire_begin(db, QUIRE_READ, &txn, err);
    if (status == QUIRE_OK) {
        status = read_pages(qr_txn_pages(txn), err);
        if (status == QUIRE_OK) {
            status = check_objects(txn, path, err);
        }
        quire_rollback(txn);
    }
    quire_status closed = quire_close(db, status == QUIRE_OK ? err : NULL);
    return status != QUIRE_OK ? status : closed;
}
