/*
 * What the files of the hash index share: the directory, and chains of bucket
 * pages. All functions are called inside an operation of the hash's view.
 */
#ifndef QR_HASH_INTERNAL_H
#define QR_HASH_INTERNAL_H

#include "engine/hash_bucket.h"

/* Reports damage at a page of the index. */
static inline quire_status qr_hash_damaged(const struct qr_hash *hash, uint32_t page,
                                           const char *what, quire_error *err)
{
    return qr_fail_at(err, QUIRE_CORRUPT, qr_pager_path(qr_view_pager(hash->view)), page,
                      (uint64_t)page * hash->page_size,
                      "Hash index %u is damaged at page %u: %s; drop it and create it again.",
                      hash->id, page, what);
}

/* A page of the index, its type and tree id checked. */
quire_status qr_hash_page_get(const struct qr_hash *hash, uint32_t page_number, uint8_t type,
                              const uint8_t **page, quire_error *err);

/* ---- Directory (hash_directory.c) ---- */

/* The counters of the root. */
struct qr_directory {
    uint64_t entries;
    uint64_t cells;
    uint64_t cell_bytes;
    uint32_t buckets;
    uint8_t depth;
};

/* The bucket that a hash belongs to. */
static inline uint32_t qr_hash_bucket(uint64_t hash, uint32_t buckets)
{
    uint32_t half = UINT32_C(1) << qr_highest_bit(buckets);
    uint32_t bucket = (uint32_t)hash & (2 * half - 1);
    return bucket < buckets ? bucket : bucket & (half - 1);
}

quire_status qr_directory_read(const struct qr_hash *hash, struct qr_directory *directory,
                               quire_error *err);
quire_status qr_directory_write(const struct qr_hash *hash, const struct qr_directory *directory,
                                quire_error *err);

/* The first page of a bucket. */
quire_status qr_directory_find(const struct qr_hash *hash, const struct qr_directory *directory,
                               uint32_t bucket, uint32_t *page_number, quire_error *err);

/* Whether the average bucket is so full that one should be split. */
bool qr_directory_is_loaded(const struct qr_hash *hash, const struct qr_directory *directory);

/* Whether it is so empty that one should be merged with another: at half the load of a split, so
 * that the two do not take turns. */
bool qr_directory_is_sparse(const struct qr_hash *hash, const struct qr_directory *directory);

/* Moves the cells of the last bucket to the one that it was split from; there are two at least. */
quire_status qr_directory_merge(const struct qr_hash *hash, struct qr_directory *directory,
                                quire_error *err);

/* Offset of a bucket's number in the directory page of this level (0 = nearest the buckets). */
size_t qr_directory_offset(const struct qr_hash *hash, uint32_t bucket, unsigned level);

/* Adds one bucket and moves its share of the cells there. */
quire_status qr_directory_split(const struct qr_hash *hash, struct qr_directory *directory,
                                quire_error *err);

/* ---- Chains (index_hash.c) ---- */

/* A walk over the pages of one bucket. Start with `first` set. */
struct qr_chain {
    uint32_t first;
    uint32_t previous; /* page before the current, 0 at the first */
    uint32_t number;
    uint32_t pages; /* seen */
    const uint8_t *bytes;
};
quire_status qr_chain_next(const struct qr_hash *hash, struct qr_chain *chain, bool *valid,
                           quire_error *err);

/* Adds a cell to a page that has room for it. */
quire_status qr_chain_add(const struct qr_hash *hash, struct qr_directory *directory,
                          uint32_t page_number, const struct qr_cell *cell, quire_error *err);
/* Adds an empty page behind the first of a chain. */
quire_status qr_chain_extend(const struct qr_hash *hash, uint32_t first, uint32_t *page_number,
                             quire_error *err);

#endif
