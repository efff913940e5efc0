/*
 * The spill file: page images that had to leave memory. It is a temporary file
 * without a name, one record of a page's size after the other, and is opened at
 * the first need. Nothing in it outlives the process.
 *
 * A record's description stays in memory and takes part in version chains like
 * a frame's. The image is what the frame held, but number and lsn are taken
 * from the description when it is read back, because a private page spills
 * before it has its sequence number; its checksum is made anew. A hash over
 * the rest tells a damaged temporary file.
 *
 * Concurrency: descriptions are guarded by cache.lock, files are read and
 * written without it; `users` keeps a record in place meanwhile.
 */
#include "pager/pager_internal.h"

static struct qr_record *record_of(struct qr_pager *pager, uint32_t ref)
{
    QR_ASSERT(qr_ref_is_spill(ref));
    return &pager->cache.record[ref & ~QR_REF_SPILL];
}

void qr_spill_destroy(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    if (cache->spill_file != NULL) {
        cache->spill_file->methods->close(cache->spill_file);
        cache->spill_file = NULL;
    }
}

/* Locked. */
static quire_status commit_records(struct qr_cache *cache, quire_error *err)
{
    size_t step = (size_t)1 << 16;
    size_t from = (size_t)cache->records_bytes;
    if (from + step > cache->record_region.size) {
        return qr_fail(err, QUIRE_LIMIT,
                       "The spill file has reached its largest size; end old "
                       "read transactions or use a larger cache.");
    }
    QR_TRY(qr_vm_commit(&cache->record_region, from, step, err));
    cache->records_bytes += step;
    return QUIRE_OK;
}

static quire_status take_record(struct qr_pager *pager, uint32_t *index, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    quire_status status = QUIRE_OK;
    qr_mutex_lock(&cache->lock);
    if (cache->spill_file == NULL) {
        QR_TRY_GOTO(status,
                    pager->layer->methods->open_temporary(pager->layer, pager->path,
                                                          &cache->spill_file, err),
                    out);
    }
    if (cache->record_free != 0) {
        *index = cache->record_free - 1;
        cache->record_free = cache->record[*index].version.next;
    } else {
        if ((cache->records_high + 1) * sizeof(struct qr_record) > cache->records_bytes) {
            QR_TRY_GOTO(status, commit_records(cache, err), out);
        }
        *index = cache->records_high++;
    }
    cache->record[*index] = (struct qr_record){.version = {.state = QR_VERSION_OWNED}};
out:
    qr_mutex_unlock(&cache->lock);
    return status;
}

static void give_record(struct qr_cache *cache, uint32_t index)
{
    cache->record[index].version.state = QR_VERSION_FREE;
    cache->record[index].version.next = cache->record_free;
    cache->record_free = index + 1;
}

quire_status qr_spill_write(struct qr_pager *pager, const uint8_t *page, uint32_t *ref,
                            quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t index = 0;
    *ref = QR_REF_NONE;
    QR_TRY(take_record(pager, &index, err));
    quire_status status = qr_file_write_one(cache->spill_file, page, pager->page_size,
                                            (uint64_t)index << pager->page_shift, err);
    if (status != QUIRE_OK) {
        qr_mutex_lock(&cache->lock);
        give_record(cache, index);
        qr_mutex_unlock(&cache->lock);
        return status;
    }
    cache->record[index].hash =
        qr_hash64(page + QR_PAGE_NUMBER, pager->page_size - QR_PAGE_NUMBER, index);
    qr_count(&pager->counters.spills, 1);
    *ref = QR_REF_SPILL | index;
    return QUIRE_OK;
}

quire_status qr_spill_read(struct qr_pager *pager, uint32_t ref, uint8_t *page, quire_error *err)
{
    struct qr_record *record = record_of(pager, ref);
    uint32_t index = ref & ~QR_REF_SPILL;
    QR_TRY(qr_file_read_all(pager->cache.spill_file, page, pager->page_size,
                            (uint64_t)index << pager->page_shift, "the spill file", err));
    if (record->hash !=
        qr_hash64(page + QR_PAGE_NUMBER, pager->page_size - QR_PAGE_NUMBER, index)) {
        return qr_fail_at(err, QUIRE_IO, "the spill file", record->version.page_number,
                          (uint64_t)index << pager->page_shift,
                          "The temporary spill file of %s gave back other bytes than were "
                          "written; check the device that holds it.",
                          pager->path);
    }
    qr_store64(page + QR_PAGE_LSN, record->version.seq);
    qr_store32(page + QR_PAGE_NUMBER, record->version.page_number);
    qr_page_seal(pager, record->version.page_number, page);
    return QUIRE_OK;
}

void qr_record_hold(struct qr_pager *pager, uint32_t ref)
{
    record_of(pager, ref)->users++;
}

void qr_record_drop(struct qr_pager *pager, uint32_t ref)
{
    struct qr_record *record = record_of(pager, ref);
    QR_ASSERT(record->users > 0);
    if (--record->users == 0 && record->dead) {
        give_record(&pager->cache, ref & ~QR_REF_SPILL);
    }
}

void qr_record_retire(struct qr_pager *pager, uint32_t ref)
{
    struct qr_record *record = record_of(pager, ref);
    QR_ASSERT(!record->dead);
    record->version.state = QR_VERSION_RETIRED;
    if (record->users == 0) {
        give_record(&pager->cache, ref & ~QR_REF_SPILL);
    } else {
        record->dead = true;
    }
}
