/*
 * Moving pages of a hash index to lower numbers. Bucket pages say which bucket
 * they belong to, and a directory page leads to one: from its number the way
 * from the root is known, and with it who names the page. Pages of rowid trees
 * are the caller's business: only a row tells in which cell such a tree is.
 */
#include "base/hash.h"
#include "engine/hash_internal.h"

/* The number of a bucket that lies below a directory page, or that a bucket page belongs to. */
static quire_status bucket_below(const struct qr_hash *hash, uint32_t page_number,
                                 const struct qr_directory *directory, uint32_t *bucket,
                                 quire_error *err)
{
    *bucket = 0;
    for (unsigned level = 0; level <= QR_HASH_DEPTH_MAX + 1; level++) {
        const uint8_t *page;
        QR_TRY(qr_view_page(hash->view, page_number, &page, err));
        if (qr_page_type(page) == QR_PAGE_TYPE_HASH_BUCKET) {
            QR_TRY(qr_hash_page_get(hash, page_number, QR_PAGE_TYPE_HASH_BUCKET, &page, err));
            *bucket = qr_load32(page + QR_BUCKET_NUMBER);
            return *bucket < directory->buckets
                       ? QUIRE_OK
                       : qr_hash_damaged(hash, page_number, "its bucket does not exist", err);
        }
        QR_TRY(qr_hash_page_get(hash, page_number, QR_PAGE_TYPE_HASH_DIRECTORY, &page, err));
        page_number = qr_load32(page + QR_HASH_NUMBERS);
    }
    return qr_hash_damaged(hash, page_number, "the directory is too deep", err);
}

/* Enters the new number of a page in the directory, above the bucket. *found false: the directory
 * does not lead to it. */
static quire_status rename_in_directory(const struct qr_hash *hash,
                                        const struct qr_directory *directory, uint32_t bucket,
                                        uint32_t from, uint32_t to, bool *found, quire_error *err)
{
    uint32_t number = hash->root;
    *found = false;
    for (unsigned level = directory->depth + 1U; level-- > 0 && !*found;) {
        const uint8_t *page;
        uint8_t *copy;
        size_t offset = qr_directory_offset(hash, bucket, level);
        QR_TRY(qr_hash_page_get(hash, number, QR_PAGE_TYPE_HASH_DIRECTORY, &page, err));
        uint32_t below = qr_load32(page + offset);
        *found = below == from;
        if (*found) {
            QR_TRY(qr_txn_page_write(qr_view_txn(hash->view), number, &copy, err));
            qr_store32(copy + offset, to);
        }
        number = below;
    }
    return QUIRE_OK;
}

/* The page before `from` in the chain of a bucket; 0 when it is not in it, behind the first. */
static quire_status find_before(const struct qr_hash *hash, const struct qr_directory *directory,
                                uint32_t bucket, uint32_t from, uint32_t *before, quire_error *err)
{
    struct qr_chain chain = {.first = 0};
    bool valid = true;
    *before = 0;
    QR_TRY(qr_directory_find(hash, directory, bucket, &chain.first, err));
    while (valid && *before == 0) {
        QR_TRY(qr_chain_next(hash, &chain, &valid, err));
        if (valid && chain.number == from) {
            *before = chain.previous;
            return QUIRE_OK;
        }
    }
    return QUIRE_OK;
}

static quire_status move_page(const struct qr_hash *hash, uint32_t from, uint32_t *to,
                              quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    struct qr_directory directory;
    uint32_t bucket;
    uint32_t before;
    uint8_t *page;
    bool found;
    QR_TRY(qr_directory_read(hash, &directory, err));
    QR_TRY(bucket_below(hash, from, &directory, &bucket, err));
    QR_TRY(find_before(hash, &directory, bucket, from, &before, err));
    QR_TRY(qr_txn_page_move(txn, from, to, err));
    if (*to == 0 || from == hash->root) {
        return QUIRE_OK;
    }
    if (before != 0) {
        QR_TRY(qr_txn_page_write(txn, before, &page, err));
        qr_store32(page + QR_BUCKET_LINK, *to);
        return QUIRE_OK;
    }
    QR_TRY(rename_in_directory(hash, &directory, bucket, from, *to, &found, err));
    return found ? QUIRE_OK : qr_hash_damaged(hash, from, "its root does not lead there", err);
}

quire_status qr_hash_move_page(const struct qr_hash *hash, uint32_t page_number, uint32_t *to,
                               quire_error *err)
{
    *to = 0;
    qr_view_enter(hash->view);
    quire_status status = move_page(hash, page_number, to, err);
    qr_view_leave(hash->view);
    return status;
}
