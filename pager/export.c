/*
 * Pages for a separate database file: what a backup is made of.
 *
 * A snapshot's pages are consistent among themselves, but page 0 in it may be
 * older than its numbers, and checksums are bound to the database id. Both are
 * made anew. No state; the thread of the view.
 */
#include "pager/pager_internal.h"

static quire_status export_header(struct qr_view *view, const uint8_t *id, uint8_t *buffer,
                                  quire_error *err)
{
    uint32_t free_pages = 0;
    QR_TRY(qr_free_map_count(view, &free_pages, err));
    memcpy(buffer + QR_HEADER_ID, id, 16);
    qr_header_stamp(buffer, &(struct qr_header_numbers){.sequence = view->sequence,
                                                        .pages = view->pages,
                                                        .free_pages = free_pages,
                                                        .clean = true});
    qr_store64(buffer + QR_PAGE_LSN, view->sequence);
    return QUIRE_OK;
}

quire_status qr_view_page_export(struct qr_view *view, uint32_t page_number, const uint8_t *id,
                                 uint8_t *buffer, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    const uint8_t *page = NULL;
    bool is_free = false;
    QR_TRY(qr_view_page_is_free(view, page_number, &is_free, err));
    if (is_free) {
        qr_page_init(buffer, pager->page_size, page_number, QR_PAGE_TYPE_NONE, 0);
        qr_store64(buffer + QR_PAGE_LSN, view->sequence);
    } else {
        qr_view_enter(view);
        quire_status status = qr_view_page(view, page_number, &page, err);
        if (status == QUIRE_OK) {
            memcpy(buffer + QR_PAGE_LSN, page + QR_PAGE_LSN, pager->page_size - QR_PAGE_LSN);
        }
        qr_view_leave(view);
        QR_TRY(status);
    }
    if (page_number == QR_PAGE_NUMBER_HEADER) {
        QR_TRY(export_header(view, id, buffer, err));
    }
    uint64_t seed = page_number == QR_PAGE_NUMBER_HEADER ? 0 : qr_load64(id) ^ page_number;
    qr_store64(buffer + QR_PAGE_CHECKSUM,
               qr_hash64(buffer + QR_PAGE_LSN, pager->page_size - QR_PAGE_LSN, seed));
    return QUIRE_OK;
}
