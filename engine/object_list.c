/*
 * Every object of a catalog at once, for operations on whole databases; and the
 * images of single pages. No state.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/maintenance.h"
#include "pager/page_format.h"

/* ---- Objects ---- */

static quire_status add_object(void *context, struct qr_object *object, quire_error *err)
{
    struct qr_object_list *list = context;
    QR_TRY(qr_grow(list->allocator, &list->objects, &list->capacity, list->count + 1,
                   sizeof(struct qr_object *), err));
    list->objects[list->count++] = object;
    return QUIRE_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const struct qr_object *const *left = a;
    const struct qr_object *const *right = b;
    return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

quire_status qr_object_list_read(struct qr_object_list *list, struct qr_view *view,
                                 quire_error *err)
{
    static const enum qr_object_kind kinds[] = {QR_OBJECT_TREE, QR_OBJECT_TABLE,   QR_OBJECT_INDEX,
                                                QR_OBJECT_VIEW, QR_OBJECT_TRIGGER, QR_OBJECT_TEXT,
                                                QR_OBJECT_KEYS};
    *list = (struct qr_object_list){.allocator = qr_pager_allocator(qr_view_pager(view))};
    qr_arena_init(&list->arena, list->allocator, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        QR_TRY(qr_catalog_each(view, kinds[i], 0, &list->arena, add_object, list, err));
    }
    if (list->count > 1) {
        qsort(list->objects, list->count, sizeof *list->objects, compare_ids);
    }
    return QUIRE_OK;
}

void qr_object_list_free(struct qr_object_list *list)
{
    if (list->allocator != NULL) {
        qr_free(list->allocator, list->objects, list->capacity * sizeof(struct qr_object *));
        qr_arena_free(&list->arena);
    }
    *list = (struct qr_object_list){.allocator = NULL};
}

const struct qr_object *qr_object_list_find(const struct qr_object_list *list, uint32_t id)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->objects[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < list->count && list->objects[low]->id == id ? list->objects[low] : NULL;
}

struct qr_tree qr_object_tree(const struct qr_object *object, struct qr_view *view)
{
    return (struct qr_tree){
        .view = view, .root = object->root, .id = object->id, .kind = qr_object_tree_kind(object)};
}

/* ---- Page images ---- */

void qr_image_seal(uint8_t *page, uint32_t page_size, uint32_t page_number, uint64_t seed)
{
    uint64_t used = page_number == QR_PAGE_NUMBER_HEADER ? 0 : seed ^ page_number;
    qr_store64(page + QR_PAGE_CHECKSUM,
               qr_hash64(page + QR_PAGE_LSN, page_size - QR_PAGE_LSN, used));
}

void qr_image_blank(uint8_t *page, uint32_t page_size, uint32_t page_number)
{
    memset(page, 0, page_size);
    qr_store32(page + QR_PAGE_NUMBER, page_number);
    qr_store64(page + QR_PAGE_LSN, 1);
    page[QR_PAGE_TYPE] = QR_PAGE_TYPE_NONE;
}
