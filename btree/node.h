/*
 * Nodes of both tree kinds behind one small set of operations, so that descent,
 * split, merge and check exist once. row_node.c and key_node.c implement it.
 *
 * Trust: `header` accepts a page whose arrays and heap lie within it. After it,
 * searches stay inside the page whatever the arrays hold; cells are checked at
 * each access. What is wrong comes back as a struct qr_flaw, never as a crash.
 * Pure functions over page memory: no locks, no I/O, no allocation.
 */
#ifndef QR_BTREE_NODE_H
#define QR_BTREE_NODE_H

#include <string.h>

#include "base/check.h"
#include "btree/btree.h"
#include "btree/btree_format.h"

/* Levels of a tree, root included. A full tree of the smallest pages is far lower. */
#define QR_TREE_DEPTH_MAX 32U

/* What is wrong with a page: a stable code, the byte it shows at, and words. */
struct qr_flaw {
    const char *code;
    uint32_t offset;
    const char *what;
};

/* Records a flaw; returns false so that checks can `return qr_flaw_set(...)`. */
static inline bool qr_flaw_set(struct qr_flaw *flaw, const char *code, size_t offset,
                               const char *what)
{
    flaw->code = code;
    flaw->offset = (uint32_t)offset;
    flaw->what = what;
    return false;
}

/* One entry, its pointers into a page or a buffer. */
struct qr_item {
    int64_t rowid;
    const uint8_t *key; /* key trees: the full key */
    size_t key_size;
    const uint8_t *body; /* leaves */
    size_t body_size;
    bool overflow;
    uint32_t child; /* inner nodes: the child right of the separator */
};

/*
 * Entries in order, spread over up to two pages with one new item between:
 * left[0..left_end), item, right[right_begin..right_end). Inserting, merging
 * and compacting a node all read such a sequence and write it out again.
 */
struct qr_sequence {
    const uint8_t *left;
    unsigned left_end;
    const struct qr_item *item; /* NULL: none */
    const uint8_t *right;
    unsigned right_begin, right_end;
};

static inline unsigned qr_sequence_count(const struct qr_sequence *sequence)
{
    return sequence->left_end + (sequence->item != NULL) + sequence->right_end -
           sequence->right_begin;
}

struct qr_node_ops {
    uint8_t leaf_type, inner_type;
    /* Whether arrays and heap lie within the page. The type must be one of the two. */
    bool (*header)(const uint8_t *page, uint32_t page_size, struct qr_flaw *flaw);
    /* Index of the first entry of a leaf >= key, *exact when equal. */
    bool (*search)(const uint8_t *page, uint32_t page_size, const struct qr_tree_key *key,
                   unsigned *index, bool *exact, struct qr_flaw *flaw);
    /* Index of the child of an inner node that holds key. */
    bool (*search_child)(const uint8_t *page, uint32_t page_size, const struct qr_tree_key *key,
                         unsigned *index, struct qr_flaw *flaw);
    /* Entry i. key_buffer (QR_KEY_MAX bytes; key trees only) receives the key, unless NULL: then
     * the key is left out. */
    bool (*get)(const uint8_t *page, uint32_t page_size, unsigned i, uint8_t *key_buffer,
                struct qr_item *item, struct qr_flaw *flaw);
    /* Puts an item before entry i; false when the page as it is laid out has no room. */
    bool (*insert)(uint8_t *page, uint32_t page_size, unsigned i, const struct qr_item *item);
    bool (*remove)(uint8_t *page, uint32_t page_size, unsigned i, struct qr_flaw *flaw);
    /* Page bytes that entries [from, to) take in a compact node; above page_size they do not
     * fit. */
    bool (*measure)(const struct qr_sequence *sequence, uint32_t page_size, uint8_t type,
                    unsigned from, unsigned to, uint8_t *key_buffer, uint32_t *size,
                    struct qr_flaw *flaw);
    /* Makes the page a compact node of those entries; first_child for inner nodes. The page must
     * not be one of the sequence's, and they must fit. Leaves QR_NODE_ENTRIES alone. */
    bool (*build)(uint8_t *page, uint32_t page_size, uint8_t type,
                  const struct qr_sequence *sequence, unsigned from, unsigned to,
                  uint32_t first_child, uint8_t *key_buffer, struct qr_flaw *flaw);
    /* Bytes in use, header included. */
    uint32_t (*used)(const uint8_t *page, uint32_t page_size);
    uint32_t (*child)(const uint8_t *page, unsigned i);
    void (*set_child)(uint8_t *page, unsigned i, uint32_t child);
    /* Consistency beyond what reading needs: hints, order of keys, overlap of cells. Calls `found`
     * for each flaw. `marks` has a byte for each byte of the page; scratch. */
    void (*verify)(const uint8_t *page, uint32_t page_size, uint8_t *marks,
                   void (*found)(void *context, const struct qr_flaw *flaw), void *context);
};

extern const struct qr_node_ops qr_row_node_ops;
extern const struct qr_node_ops qr_key_node_ops;

static inline const struct qr_node_ops *qr_node_ops(enum qr_tree_kind kind)
{
    return kind == QR_TREE_ROWS ? &qr_row_node_ops : &qr_key_node_ops;
}

/* Entry i of a sequence. */
bool qr_sequence_get(const struct qr_node_ops *ops, const struct qr_sequence *sequence,
                     uint32_t page_size, unsigned i, uint8_t *key_buffer, struct qr_item *item,
                     struct qr_flaw *flaw);

/* The separator between entries [0, m) and what follows, without its child, in `up`: for rows and
 * in inner nodes entry m, in leaves of keys the shortest prefix of entry m above entry m - 1. Its
 * bytes are in separator; keys has room for one. Both are NULL for rows. */
bool qr_sequence_separator(const struct qr_node_ops *ops, const struct qr_sequence *sequence,
                           uint32_t page_size, bool leaf, unsigned m, uint8_t *keys,
                           uint8_t *separator, struct qr_item *up, struct qr_flaw *flaw);

/* Marks the bytes of a cell; returns whether one was marked before. */
bool qr_node_mark(uint8_t *marks, size_t begin, size_t size);

/* Order of two keys of a key tree: below, at or above 0. */
int qr_key_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* ---- Header fields ---- */

static inline bool qr_node_is_leaf(const uint8_t *page)
{
    return (page[QR_PAGE_TYPE] & 1U) != 0;
}
static_assert((QR_PAGE_TYPE_ROW_LEAF & 1) == 1 && (QR_PAGE_TYPE_KEY_LEAF & 1) == 1 &&
                  (QR_PAGE_TYPE_ROW_INNER & 1) == 0 && (QR_PAGE_TYPE_KEY_INNER & 1) == 0,
              "leaves have odd types");

static inline unsigned qr_node_count(const uint8_t *page)
{
    return qr_load16(page + QR_PAGE_COUNT);
}

static inline uint32_t qr_node_capacity(const uint8_t *page)
{
    return qr_load16(page + QR_PAGE_A);
}

static inline uint32_t qr_node_heap(const uint8_t *page)
{
    return qr_load16(page + QR_PAGE_B);
}

static inline uint32_t qr_node_dead(const uint8_t *page)
{
    return qr_load16(page + QR_NODE_DEAD);
}

static inline uint32_t qr_node_prefix(const uint8_t *page)
{
    return qr_load16(page + QR_NODE_PREFIX);
}

/* Copies all of a page but its checksum, which whoever flushes a commit may be writing. */
static inline void qr_node_copy(uint8_t *to, const uint8_t *from, uint32_t page_size)
{
    memcpy(to + QR_PAGE_LSN, from + QR_PAGE_LSN, page_size - QR_PAGE_LSN);
}

static inline void qr_node_set_count(uint8_t *page, unsigned count)
{
    qr_store16(page + QR_PAGE_COUNT, (uint16_t)count);
}

static inline void qr_node_set_capacity(uint8_t *page, uint32_t capacity)
{
    qr_store16(page + QR_PAGE_A, (uint16_t)capacity);
}

static inline void qr_node_set_heap(uint8_t *page, uint32_t heap)
{
    qr_store16(page + QR_PAGE_B, (uint16_t)heap);
}

static inline void qr_node_set_dead(uint8_t *page, uint32_t dead)
{
    qr_store16(page + QR_NODE_DEAD, (uint16_t)(dead > UINT16_MAX ? UINT16_MAX : dead));
}

static inline void qr_node_set_prefix(uint8_t *page, uint32_t prefix)
{
    qr_store16(page + QR_NODE_PREFIX, (uint16_t)prefix);
}

#endif
