/*
 * Payloads too large for their node. A payload of at most one data page's worth
 * is that page; a larger one begins with an index page that lists runs of
 * consecutive data pages, and continues in a further index page when the list
 * is full. Pages are taken in runs, so a large value normally is one.
 *
 * Work is cut into operations of a bounded number of pages, so a value larger
 * than the cache can be written and read. Every run is checked against the
 * size of the database and the payload before it is followed.
 */
#include "btree/btree_internal.h"

/* Pages touched within one operation. */
#define PAGES_AT_ONCE 16U

static quire_status overflow_damaged(const struct qr_tree *tree, uint32_t page, size_t offset,
                                     const char *what, quire_error *err)
{
    struct qr_flaw flaw;
    qr_flaw_set(&flaw, "TREE_OVERFLOW", offset, what);
    return qr_tree_damaged(tree, page, &flaw, err);
}

static uint32_t data_pages(uint64_t size, uint32_t page_size)
{
    uint32_t data = QR_OVERFLOW_DATA(page_size);
    return (uint32_t)((size + data - 1) / data);
}

/* ---- Writing ---- */

/* Where the next run is entered. */
struct run_list {
    uint32_t index; /* index page */
    unsigned runs;  /* in it */
};

static quire_status append_run(const struct qr_tree *tree, struct run_list *list, uint32_t first,
                               uint32_t count, quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(tree->view);
    uint8_t *page;
    QR_TRY(qr_txn_page_write(txn, list->index, &page, err));
    if (list->runs == QR_OVERFLOW_RUNS_MAX(qr_tree_page_size(tree))) {
        uint32_t number;
        uint8_t *next;
        QR_TRY(qr_txn_page_alloc(txn, QR_PAGE_TYPE_OVERFLOW_INDEX, tree->id, list->index, &number,
                                 &next, err));
        qr_store32(page + QR_OVERFLOW_NEXT, number);
        list->index = number;
        list->runs = 0;
        page = next;
    }
    uint8_t *run = page + QR_OVERFLOW_RUNS + QR_OVERFLOW_RUN * list->runs;
    qr_store32(run, first);
    qr_store32(run + 4, count);
    list->runs++;
    qr_store16(page + QR_PAGE_COUNT, (uint16_t)list->runs);
    return QUIRE_OK;
}

/* The payload `size` bytes further on; NULL stands for zeroes, which new pages are full of. */
static const uint8_t *advance(const uint8_t *payload, size_t size)
{
    return payload == NULL ? NULL : payload + size;
}

static quire_status fill_page(const struct qr_tree *tree, uint32_t number, const uint8_t *payload,
                              size_t size, quire_error *err)
{
    uint8_t *page;
    QR_TRY(qr_txn_page_write(qr_view_txn(tree->view), number, &page, err));
    if (payload != NULL) {
        memcpy(page + QR_PAGE_HEADER_SIZE, payload, size);
    }
    return QUIRE_OK;
}

/* Fills `count` pages from `first` with the payload from its start. Returns after at most
 * PAGES_AT_ONCE pages an operation. */
static quire_status fill_run(const struct qr_tree *tree, uint32_t first, uint32_t count,
                             const uint8_t *payload, size_t size, quire_error *err)
{
    uint32_t data = QR_OVERFLOW_DATA(qr_tree_page_size(tree));
    quire_status status = QUIRE_OK;
    for (uint32_t done = 0; status == QUIRE_OK && done < count;) {
        qr_view_enter(tree->view);
        for (uint32_t i = 0; status == QUIRE_OK && i < PAGES_AT_ONCE && done < count; i++) {
            size_t part = size < data ? size : data;
            status = fill_page(tree, first + done, payload, part, err);
            payload = advance(payload, part);
            size -= part;
            done++;
        }
        qr_view_leave(tree->view);
    }
    return status;
}

/* Allocates one run of at most `wanted` data pages and enters it in the list. */
static quire_status take_run(const struct qr_tree *tree, struct run_list *list, uint32_t wanted,
                             uint32_t *first, uint32_t *got, quire_error *err)
{
    qr_view_enter(tree->view);
    quire_status status = qr_txn_page_alloc_run(qr_view_txn(tree->view), QR_PAGE_TYPE_OVERFLOW_DATA,
                                                tree->id, wanted, first, got, err);
    if (status == QUIRE_OK) {
        status = append_run(tree, list, *first, *got, err);
    }
    qr_view_leave(tree->view);
    return status;
}

static quire_status write_one_page(const struct qr_tree *tree, const uint8_t *payload, size_t size,
                                   uint32_t *number, quire_error *err)
{
    uint8_t *page;
    qr_view_enter(tree->view);
    quire_status status = qr_txn_page_alloc(qr_view_txn(tree->view), QR_PAGE_TYPE_OVERFLOW_DATA,
                                            tree->id, 0, number, &page, err);
    if (status == QUIRE_OK && payload != NULL) {
        memcpy(page + QR_PAGE_HEADER_SIZE, payload, size);
    }
    qr_view_leave(tree->view);
    return status;
}

quire_status qr_overflow_write(const struct qr_tree *tree, const uint8_t *payload, size_t size,
                               struct qr_overflow *overflow, quire_error *err)
{
    uint32_t data = QR_OVERFLOW_DATA(qr_tree_page_size(tree));
    overflow->size = size;
    if (size <= data) {
        return write_one_page(tree, payload, size, &overflow->first, err);
    }
    struct run_list list = {0, 0};
    uint8_t *page;
    qr_view_enter(tree->view);
    quire_status status = qr_txn_page_alloc(qr_view_txn(tree->view), QR_PAGE_TYPE_OVERFLOW_INDEX,
                                            tree->id, 0, &list.index, &page, err);
    qr_view_leave(tree->view);
    overflow->first = list.index;
    for (size_t done = 0; status == QUIRE_OK && done < size;) {
        uint32_t wanted = (uint32_t)((size - done + data - 1) / data);
        uint32_t first;
        uint32_t got;
        status = take_run(tree, &list, wanted, &first, &got, err);
        if (status == QUIRE_OK) {
            size_t part = (size_t)got * data;
            part = part < size - done ? part : size - done;
            status = fill_run(tree, first, got, advance(payload, done), part, err);
            done += part;
        }
    }
    return status;
}

/* ---- Following ---- */

/* A step over the pages of a value: its data pages in order, each index page before its runs. */
struct overflow_walk {
    const struct qr_tree *tree;
    uint32_t leaf; /* page that refers to the value, for reports */
    uint32_t left; /* data pages still to come */
    uint32_t index;
    unsigned run, runs;
    uint32_t next, in_run; /* next data page, and how many the run still has */
    bool single;
};

static quire_status check_number(const struct overflow_walk *walk, uint32_t from, size_t offset,
                                 uint32_t first, uint32_t count, quire_error *err)
{
    uint32_t pages = qr_view_page_count(walk->tree->view);
    if (first <= QR_PAGE_NUMBER_FREE_MAP || first >= pages || count > pages - first) {
        return overflow_damaged(walk->tree, from, offset, "overflow pages beyond the database",
                                err);
    }
    return QUIRE_OK;
}

static quire_status walk_begin(struct overflow_walk *walk, const struct qr_tree *tree,
                               uint32_t leaf, const struct qr_overflow *overflow, quire_error *err)
{
    uint32_t page_size = qr_tree_page_size(tree);
    memset(walk, 0, sizeof *walk);
    walk->tree = tree;
    walk->leaf = leaf;
    if (overflow->size == 0 || overflow->size > QR_PAYLOAD_MAX ||
        overflow->size / QR_OVERFLOW_DATA(page_size) >= qr_view_page_count(tree->view)) {
        return overflow_damaged(tree, leaf, QR_NODE_BODY, "impossible size of an overflow value",
                                err);
    }
    QR_TRY(check_number(walk, leaf, QR_NODE_BODY, overflow->first, 1, err));
    walk->left = data_pages(overflow->size, page_size);
    walk->single = walk->left == 1;
    walk->index = overflow->first;
    return QUIRE_OK;
}

/* Reads an index page, checking it. */
static quire_status index_page(const struct overflow_walk *walk, const uint8_t **page,
                               quire_error *err)
{
    const struct qr_tree *tree = walk->tree;
    QR_TRY(qr_view_page(tree->view, walk->index, page, err));
    unsigned runs = qr_page_count(*page);
    if (qr_page_type(*page) != QR_PAGE_TYPE_OVERFLOW_INDEX || qr_page_tree(*page) != tree->id ||
        runs == 0 || runs > QR_OVERFLOW_RUNS_MAX(qr_tree_page_size(tree))) {
        return overflow_damaged(tree, walk->index, QR_PAGE_TYPE,
                                "not an overflow index page of the tree", err);
    }
    return QUIRE_OK;
}

/* Moves to the next page of the value; *index tells its kind, *end that there is none. Inside an
 * operation. */
static quire_status walk_next(struct overflow_walk *walk, uint32_t *page_number, bool *index,
                              bool *end, quire_error *err)
{
    const uint8_t *page;
    *index = false;
    *end = walk->left == 0;
    if (*end) {
        return QUIRE_OK;
    }
    if (walk->single) {
        walk->left = 0;
        *page_number = walk->index;
        return QUIRE_OK;
    }
    if (walk->in_run == 0) {
        QR_TRY(index_page(walk, &page, err));
        if (walk->runs == 0) { /* first sight of this index page */
            walk->runs = qr_page_count(page);
            walk->run = 0;
            *page_number = walk->index;
            *index = true;
            return QUIRE_OK;
        }
        size_t offset = QR_OVERFLOW_RUNS + (size_t)QR_OVERFLOW_RUN * walk->run;
        uint32_t first = qr_load32(page + offset);
        uint32_t count = qr_load32(page + offset + 4);
        QR_TRY(check_number(walk, walk->index, offset, first, count, err));
        if (count == 0 || count > walk->left) {
            return overflow_damaged(walk->tree, walk->index, offset,
                                    "run does not fit the size of the value", err);
        }
        walk->next = first;
        walk->in_run = count;
        walk->run++;
    }
    *page_number = walk->next++;
    walk->in_run--;
    walk->left--;
    return QUIRE_OK;
}

/* After the last run of an index page: goes on to the next index page. Inside an operation. */
static quire_status walk_turn(struct overflow_walk *walk, quire_error *err)
{
    const uint8_t *page;
    if (walk->single || walk->left == 0 || walk->in_run != 0 || walk->runs == 0 ||
        walk->run < walk->runs) {
        return QUIRE_OK;
    }
    QR_TRY(index_page(walk, &page, err));
    uint32_t next = qr_load32(page + QR_OVERFLOW_NEXT);
    QR_TRY(check_number(walk, walk->index, QR_OVERFLOW_NEXT, next, 1, err));
    walk->index = next;
    walk->runs = 0;
    return QUIRE_OK;
}

/* The next page, with the turn to a further index page done when the runs of one end. */
static quire_status walk_step(struct overflow_walk *walk, uint32_t *page_number, bool *index,
                              bool *end, quire_error *err)
{
    QR_TRY(walk_turn(walk, err));
    return walk_next(walk, page_number, index, end, err);
}

quire_status qr_overflow_walk(const struct qr_tree *tree, uint32_t leaf,
                              const struct qr_overflow *overflow, qr_overflow_visit visit,
                              void *context, quire_error *err)
{
    struct overflow_walk walk;
    bool end = false;
    qr_view_enter(tree->view);
    quire_status status = walk_begin(&walk, tree, leaf, overflow, err);
    qr_view_leave(tree->view);
    while (status == QUIRE_OK && !end) {
        qr_view_enter(tree->view);
        for (unsigned i = 0; status == QUIRE_OK && i < PAGES_AT_ONCE && !end; i++) {
            uint32_t number = 0;
            bool index;
            status = walk_step(&walk, &number, &index, &end, err);
            if (status == QUIRE_OK && !end) {
                status = visit(context, number, index, err);
            }
        }
        qr_view_leave(tree->view);
    }
    return status;
}

/* ---- Reading ---- */

static quire_status data_page(const struct qr_tree *tree, uint32_t number, const uint8_t **page,
                              quire_error *err)
{
    QR_TRY(qr_view_page(tree->view, number, page, err));
    if (qr_page_type(*page) != QR_PAGE_TYPE_OVERFLOW_DATA || qr_page_tree(*page) != tree->id) {
        return overflow_damaged(tree, number, QR_PAGE_TYPE, "not an overflow data page of the tree",
                                err);
    }
    return QUIRE_OK;
}

struct reading {
    const struct qr_tree *tree;
    uint8_t *out;
    size_t left;
};

static quire_status read_page(void *context, uint32_t number, bool index, quire_error *err)
{
    struct reading *reading = context;
    const struct qr_tree *tree = reading->tree;
    const uint8_t *page;
    if (index) {
        return QUIRE_OK;
    }
    QR_TRY(data_page(tree, number, &page, err));
    uint32_t data = QR_OVERFLOW_DATA(qr_tree_page_size(tree));
    size_t part = reading->left < data ? reading->left : data;
    memcpy(reading->out, page + QR_PAGE_HEADER_SIZE, part);
    reading->out += part;
    reading->left -= part;
    return QUIRE_OK;
}

quire_status qr_overflow_read(const struct qr_tree *tree, uint32_t leaf,
                              const struct qr_overflow *overflow, uint8_t **buffer,
                              size_t *buffer_size, quire_error *err)
{
    struct overflow_walk walk;
    qr_view_enter(tree->view);
    quire_status status = walk_begin(&walk, tree, leaf, overflow, err);
    qr_view_leave(tree->view);
    if (status != QUIRE_OK) {
        return status; /* before any memory is taken for an impossible size */
    }
    const quire_allocator *allocator = qr_tree_allocator(tree);
    size_t size = (size_t)overflow->size;
    if (size > *buffer_size) {
        uint8_t *grown = qr_alloc(allocator, size, err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        qr_free(allocator, *buffer, *buffer_size);
        *buffer = grown;
        *buffer_size = size;
    }
    struct reading reading = {tree, *buffer, size};
    bool scan = !walk.single;
    if (scan) {
        qr_view_scanning(tree->view, true);
    }
    status = qr_overflow_walk(tree, leaf, overflow, read_page, &reading, err);
    if (scan) {
        qr_view_scanning(tree->view, false);
    }
    return status;
}

/* ---- Parts ---- */

/* A part of a value to be read or, with `bytes`, written; what is left of it. */
struct part {
    const struct qr_tree *tree;
    uint32_t skip;  /* data pages before the part */
    uint32_t begin; /* offset of the part in its first page's data */
    size_t left;
    uint8_t *out;         /* reading */
    const uint8_t *bytes; /* writing; NULL: reading */
};

static quire_status copy_part(struct part *part, uint32_t number, quire_error *err)
{
    const struct qr_tree *tree = part->tree;
    uint32_t data = QR_OVERFLOW_DATA(qr_tree_page_size(tree));
    size_t size = data - part->begin < part->left ? data - part->begin : part->left;
    size_t at = QR_PAGE_HEADER_SIZE + part->begin;
    const uint8_t *page;
    QR_TRY(data_page(tree, number, &page, err));
    if (part->bytes != NULL) {
        uint8_t *copy;
        QR_TRY(qr_txn_page_write(qr_view_txn(tree->view), number, &copy, err));
        memcpy(copy + at, part->bytes, size);
        part->bytes += size;
    } else if (part->out != NULL) {
        memcpy(part->out, page + at, size);
        part->out += size;
    }
    part->left -= size;
    part->begin = 0;
    return QUIRE_OK;
}

/* Passes over the runs of an index page that lie wholly before the part, in one look at it. What is
 * wrong with a run is left to walk_next. Inside an operation. */
static quire_status pass_runs(struct overflow_walk *walk, struct part *part, quire_error *err)
{
    const uint8_t *page;
    if (walk->single || walk->in_run != 0 || walk->runs == 0) {
        return QUIRE_OK;
    }
    QR_TRY(index_page(walk, &page, err));
    while (walk->run < walk->runs) {
        size_t offset = QR_OVERFLOW_RUNS + (size_t)QR_OVERFLOW_RUN * walk->run;
        uint32_t count = qr_load32(page + offset + 4);
        if (count == 0 || count > part->skip || count > walk->left) {
            break;
        }
        part->skip -= count;
        walk->left -= count;
        walk->run++;
    }
    return QUIRE_OK;
}

/* One step towards the part or through it. Inside an operation. */
static quire_status part_step(struct overflow_walk *walk, struct part *part, quire_error *err)
{
    uint32_t number = 0;
    bool index;
    bool end;
    uint32_t passed = walk->in_run < part->skip ? walk->in_run : part->skip;
    walk->next += passed;
    walk->in_run -= passed;
    walk->left -= passed;
    part->skip -= passed;
    if (part->skip > 0) {
        QR_TRY(pass_runs(walk, part, err));
    }
    QR_TRY(walk_step(walk, &number, &index, &end, err));
    if (end) {
        return overflow_damaged(walk->tree, walk->leaf, QR_NODE_BODY,
                                "an overflow value shorter than its size", err);
    }
    if (index) {
        return QUIRE_OK;
    }
    if (part->skip > 0) {
        part->skip--;
        return QUIRE_OK;
    }
    return copy_part(part, number, err);
}

static quire_status each_of_part(const struct qr_tree *tree, uint32_t leaf,
                                 const struct qr_overflow *overflow, uint64_t offset,
                                 struct part *part, quire_error *err)
{
    uint32_t data = QR_OVERFLOW_DATA(qr_tree_page_size(tree));
    struct overflow_walk walk;
    part->tree = tree;
    part->skip = (uint32_t)(offset / data);
    part->begin = (uint32_t)(offset % data);
    qr_view_enter(tree->view);
    quire_status status = walk_begin(&walk, tree, leaf, overflow, err);
    qr_view_leave(tree->view);
    while (status == QUIRE_OK && part->left > 0) {
        qr_view_enter(tree->view);
        for (unsigned i = 0; status == QUIRE_OK && i < PAGES_AT_ONCE && part->left > 0; i++) {
            status = part_step(&walk, part, err);
        }
        qr_view_leave(tree->view);
    }
    return status;
}

quire_status qr_overflow_read_part(const struct qr_tree *tree, uint32_t leaf,
                                   const struct qr_overflow *overflow, uint64_t offset, void *out,
                                   size_t size, quire_error *err)
{
    struct part part = {.left = size, .out = out};
    return each_of_part(tree, leaf, overflow, offset, &part, err);
}

quire_status qr_overflow_write_part(const struct qr_tree *tree, uint32_t leaf,
                                    const struct qr_overflow *overflow, uint64_t offset,
                                    const void *bytes, size_t size, quire_error *err)
{
    struct part part = {.left = size, .bytes = bytes};
    return each_of_part(tree, leaf, overflow, offset, &part, err);
}

/* ---- Freeing ---- */

/* The numbers of a batch are collected before they are freed, as an index page must stay readable
 * until its runs are done: it is freed when the next one, or the end, is reached. */
struct freeing {
    struct qr_txn *txn;
    uint32_t index; /* index page still to be freed; 0 none */
};

static quire_status free_page(void *context, uint32_t number, bool index, quire_error *err)
{
    struct freeing *freeing = context;
    if (!index) {
        return qr_txn_page_free(freeing->txn, number, err);
    }
    uint32_t done = freeing->index;
    freeing->index = number;
    return done == 0 ? QUIRE_OK : qr_txn_page_free(freeing->txn, done, err);
}

quire_status qr_overflow_free(const struct qr_tree *tree, uint32_t leaf,
                              const struct qr_overflow *overflow, quire_error *err)
{
    struct freeing freeing = {qr_view_txn(tree->view), 0};
    QR_TRY(qr_overflow_walk(tree, leaf, overflow, free_page, &freeing, err));
    if (freeing.index == 0) {
        return QUIRE_OK;
    }
    qr_view_enter(tree->view);
    quire_status status = qr_txn_page_free(freeing.txn, freeing.index, err);
    qr_view_leave(tree->view);
    return status;
}
