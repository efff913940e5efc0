/*
 * Tree pages on disk. All integers little-endian but for the heads of key
 * nodes, which are big-endian so that their bytes order like the keys. Every
 * size is a formula over the page size P. docs/file-format.md, "Trees", is the
 * specification; this header is its transcription.
 *
 * Every node: the page header (count = entries, A = capacity of the arrays,
 * B = lowest byte of the heap), then
 *
 *     32 u64 entries of the tree (in the root; else 0)
 *     40 u16 dead bytes in the heap
 *     42 u16 prefix size (key nodes; else 0)
 *     44 u32 0
 *     48 body
 *
 * Row leaf    i64 key[A] | u16 offset[count] | free | heap of cells
 * Row inner   i64 hint[A/16] | i64 key[A] | u32 child[A+1]; hint[j] = key[16j+15]
 * Key leaf    prefix, padded to 4 | u32 head[A] | u16 offset[count] | free | heap
 * Key inner   prefix, padded to 4 | u32 head[A] | u32 child[A+1] | u16 offset[count] | free | heap
 *
 * Row cell    u16 size | body
 * Key cell    u16 suffix size | u16 size | suffix from its fifth byte | body
 * Separator   u16 suffix size | suffix from its fifth byte
 *
 * The top bit of a body's size marks a payload kept on overflow pages; the body
 * is then u64 payload size, u32 first page. A head is the first four bytes of
 * the suffix (the key without the node's prefix), zero-padded. Child i of an
 * inner node holds the keys k with separator[i-1] <= k < separator[i].
 */
#ifndef QR_BTREE_FORMAT_H
#define QR_BTREE_FORMAT_H

#include "pager/page_format.h"

#define QR_NODE_ENTRIES 32
#define QR_NODE_DEAD    40
#define QR_NODE_PREFIX  42
#define QR_NODE_BODY    48

#define QR_ROW_SLOT        10U /* key and offset */
#define QR_ROW_CELL_HEADER 2U
#define QR_HINT_STRIDE     16U

#define QR_KEY_LEAF_SLOT    6U  /* head and offset */
#define QR_KEY_INNER_SLOT   10U /* head, child and offset */
#define QR_KEY_LEAF_HEADER  4U
#define QR_KEY_INNER_HEADER 2U
#define QR_KEY_HEAD         4U

#define QR_CELL_OVERFLOW 0x8000U
#define QR_CELL_SIZE     0x7FFFU
/* Body of an overflow cell. */
#define QR_OVERFLOW_BODY  12U
#define QR_OVERFLOW_SIZE  0
#define QR_OVERFLOW_FIRST 8

/* Overflow index page: u32 next index page or 0 at 32, u32 0, then {u32 first, u32 count} runs;
 * the header's count is the number of runs. Data pages carry payload from 32 on. A payload that
 * fits one data page has no index page. */
#define QR_OVERFLOW_NEXT 32
#define QR_OVERFLOW_RUNS 40
#define QR_OVERFLOW_RUN  8U

#define QR_OVERFLOW_RUNS_MAX(P) (((P)-QR_OVERFLOW_RUNS) / QR_OVERFLOW_RUN)
#define QR_OVERFLOW_DATA(P)     ((P)-QR_PAGE_HEADER_SIZE)

/* Bytes of a node that four entries share. */
#define QR_NODE_QUARTER(P) (((P)-QR_NODE_BODY) / 4U)

/* Longest body kept in a row leaf; at least four rows a page. */
#define QR_ROW_INLINE_MAX(P) (QR_NODE_QUARTER(P) - QR_ROW_SLOT - QR_ROW_CELL_HEADER)
/* Longest cell of a key leaf: header, suffix past the head, body. */
#define QR_KEY_CELL_MAX(P) (QR_NODE_QUARTER(P) - QR_KEY_LEAF_SLOT)

/* Separators of a row inner node: a multiple of the hint stride. */
#define QR_ROW_INNER_CAPACITY(P)                                                                   \
    ((((P)-QR_NODE_BODY - 4U) * QR_HINT_STRIDE / (12U * QR_HINT_STRIDE + 8U)) &                    \
     ~(QR_HINT_STRIDE - 1U))
#define QR_ROW_INNER_SIZE(capacity)                                                                \
    (QR_NODE_BODY + 8U * ((capacity) / QR_HINT_STRIDE) + 12U * (capacity) + 4U)

#define QR_BTREE_FORMAT_CHECK(P)                                                                   \
    static_assert(QR_ROW_INNER_SIZE(QR_ROW_INNER_CAPACITY(P)) <= (P), "row inner node fits");      \
    static_assert(QR_ROW_INNER_CAPACITY(P) >= 4U * QR_HINT_STRIDE, "row inner node branches");     \
    static_assert(4U * (QR_ROW_INLINE_MAX(P) + QR_ROW_SLOT + QR_ROW_CELL_HEADER) + QR_NODE_BODY <= \
                      (P),                                                                         \
                  "four rows a leaf");                                                             \
    static_assert((P) / 4U - 32U + QR_KEY_LEAF_HEADER - QR_KEY_HEAD + QR_OVERFLOW_BODY <=          \
                      QR_KEY_CELL_MAX(P),                                                          \
                  "the longest key and an overflow body fit a quarter");                           \
    static_assert(4U * ((P) / 4U - 32U - QR_KEY_HEAD + QR_KEY_INNER_HEADER + QR_KEY_INNER_SLOT) +  \
                          4U + QR_NODE_BODY <=                                                     \
                      (P),                                                                         \
                  "four separators an inner node");                                                \
    static_assert(QR_NODE_QUARTER(P) < QR_CELL_OVERFLOW, "sizes leave the overflow bit free")

QR_BTREE_FORMAT_CHECK(1024U);
QR_BTREE_FORMAT_CHECK(2048U);
QR_BTREE_FORMAT_CHECK(4096U);
QR_BTREE_FORMAT_CHECK(8192U);
QR_BTREE_FORMAT_CHECK(16384U);
QR_BTREE_FORMAT_CHECK(32768U);

#endif
