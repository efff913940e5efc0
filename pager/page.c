/*
 * Page images: checksum, verification, and single pages of the database file.
 *
 * The checksum is XXH3-64 of everything behind it, seeded with the low word of
 * the database id and the page number, so that a page written to the wrong
 * place or from another database does not verify. Page 0 has seed 0: the id is
 * not known before it is read. No state; any thread.
 */
#include "pager/pager_internal.h"

uint64_t qr_page_checksum(const struct qr_pager *pager, uint32_t page_number, const uint8_t *page)
{
    uint64_t seed = page_number == QR_PAGE_NUMBER_HEADER ? 0 : pager->seed ^ page_number;
    return qr_hash64(page + QR_PAGE_LSN, pager->page_size - QR_PAGE_LSN, seed);
}

void qr_page_seal(const struct qr_pager *pager, uint32_t page_number, uint8_t *page)
{
    qr_store64(page + QR_PAGE_CHECKSUM, qr_page_checksum(pager, page_number, page));
}

void qr_page_init(uint8_t *page, uint32_t page_size, uint32_t page_number, uint8_t type,
                  uint32_t tree_id)
{
    memset(page, 0, page_size);
    qr_store32(page + QR_PAGE_NUMBER, page_number);
    page[QR_PAGE_TYPE] = type;
    qr_store32(page + QR_PAGE_TREE, tree_id);
}

quire_status qr_page_verify(const struct qr_pager *pager, uint32_t page_number, const uint8_t *page,
                            quire_error *err)
{
    uint64_t offset = (uint64_t)page_number << pager->page_shift;
    if (qr_load64(page + QR_PAGE_CHECKSUM) != qr_page_checksum(pager, page_number, page)) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number, offset,
                          "The checksum of page %lu does not match at offset %llu of %s; restore "
                          "the file from a backup, or salvage what is readable.",
                          (unsigned long)page_number, (unsigned long long)offset, pager->path);
    }
    if (qr_page_number(page) != page_number) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number, offset,
                          "Page %lu at offset %llu of %s says it is page %lu; restore the file "
                          "from a backup, or salvage what is readable.",
                          (unsigned long)page_number, (unsigned long long)offset, pager->path,
                          (unsigned long)qr_page_number(page));
    }
    return QUIRE_OK;
}

quire_status qr_page_read(struct qr_pager *pager, uint32_t page_number, uint8_t *page,
                          quire_error *err)
{
    uint64_t offset = (uint64_t)page_number << pager->page_shift;
    size_t got = 0;
    qr_count(&pager->counters.page_reads, 1);
    qr_count(&pager->counters.read_calls, 1);
    QR_TRY(pager->file->methods->read(pager->file, page, pager->page_size, offset, &got, err));
    if (got < pager->page_size) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number, offset,
                          "The file %s ends inside or before page %lu, at offset %llu; restore it "
                          "from a backup.",
                          pager->path, (unsigned long)page_number, (unsigned long long)offset);
    }
    return qr_page_verify(pager, page_number, page, err);
}

quire_status qr_database_sync(struct qr_pager *pager, quire_error *err)
{
    qr_count(&pager->counters.database_syncs, 1);
    return pager->file->methods->sync(pager->file, err);
}

quire_status qr_database_sync_shared(struct qr_pager *pager, quire_error *err)
{
    quire_error error = QUIRE_ERROR_INIT;
    qr_mutex_lock(&pager->file_lock);
    quire_status status = qr_database_sync(pager, &error);
    if (status != QUIRE_OK) {
        /* What the system still has of the file's pages is unknown: nothing may rely on it. */
        qr_commit_poison(pager, &error);
        if (err != NULL) {
            *err = error;
        }
    }
    qr_mutex_unlock(&pager->file_lock);
    return status;
}

quire_status qr_file_pages(struct qr_pager *pager, uint64_t *pages, quire_error *err)
{
    uint64_t size = 0;
    QR_TRY(pager->file->methods->size(pager->file, &size, err));
    *pages = size >> pager->page_shift;
    return QUIRE_OK;
}

quire_status qr_file_resize(struct qr_pager *pager, uint32_t pages, bool cut, quire_error *err)
{
    uint64_t wanted = (uint64_t)pages << pager->page_shift;
    uint64_t size = 0;
    qr_mutex_lock(&pager->file_lock);
    quire_status status = pager->file->methods->size(pager->file, &size, err);
    if (status == QUIRE_OK && (size < wanted || (cut && size > wanted))) {
        status = pager->file->methods->truncate(pager->file, wanted, err);
    }
    qr_mutex_unlock(&pager->file_lock);
    return status;
}
