/* Damaged pages: the check names what is wrong and where, nothing crashes or loops. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/bytes.h"
#include "btree/btree_format.h"
#include "btree/node.h"
#include "tree_fixture.h"

#define P 1024U

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

/* A tree of three levels with an overflow value of several pages in entry 0. */
static struct qr_tree_key numbered(enum qr_tree_kind kind, uint64_t n, char *buffer)
{
    if (kind == QR_TREE_ROWS) {
        return row_key((int64_t)n * 2);
    }
    (void)snprintf(buffer, 40, "some/long/common/prefix/%08lu", (unsigned long)n);
    return text_key(buffer);
}

static void build(struct tree_db *db, enum qr_tree_kind kind, uint64_t entries)
{
    static uint8_t payload[5000];
    char buffer[40];
    bool existed;
    tree_db_open(db, kind, P, 4096 * P);
    for (uint64_t n = 0; n < entries; n++) {
        struct qr_tree_key key = numbered(kind, n, buffer);
        size_t size = n == 0 ? 5000 : n == 1 ? 900 : 20 + n % 9;
        payload_fill(payload, size, n);
        ok(qr_tree_put(&db->tree, &key, payload, size, QR_PUT_INSERT, &existed, NULL));
    }
    assert_tree_clean(&db->tree);
    tree_db_commit(db);
    tree_db_begin(db);
}

/* Pages on the way to the first leaf: 0 the root. */
static uint32_t page_at(const struct tree_db *db, unsigned level)
{
    const struct qr_node_ops *ops = qr_node_ops(db->tree.kind);
    uint32_t number = db->tree.root;
    qr_view_enter(db->tree.view);
    for (unsigned i = 0; i < level; i++) {
        const uint8_t *page;
        ok(qr_view_page(db->tree.view, number, &page, NULL));
        cr_assert_not(qr_node_is_leaf(page));
        number = ops->child(page, 0);
    }
    qr_view_leave(db->tree.view);
    return number;
}

static void read_page(const struct tree_db *db, uint32_t number, uint8_t *copy)
{
    const uint8_t *page;
    qr_view_enter(db->tree.view);
    ok(qr_view_page(db->tree.view, number, &page, NULL));
    memcpy(copy, page, P);
    qr_view_leave(db->tree.view);
}

static void write_page(const struct tree_db *db, uint32_t number, const uint8_t *copy)
{
    uint8_t *page;
    qr_view_enter(db->tree.view);
    ok(qr_txn_page_write(db->txn, number, &page, NULL));
    memcpy(page + QR_PAGE_TYPE, copy + QR_PAGE_TYPE, P - QR_PAGE_TYPE);
    qr_view_leave(db->tree.view);
}

static unsigned levels(const struct tree_db *db)
{
    struct qr_tree_stats stats;
    ok(qr_tree_get_stats(&db->tree, &stats, NULL));
    return stats.depth;
}

static void assert_issue(const struct tree_db *db, const char *code, uint32_t page)
{
    struct issues issues;
    tree_check(&db->tree, &issues);
    cr_assert(issues_have(&issues, code, page), "%s at page %lu not among %zu, first %s at %lu",
              code, (unsigned long)page, issues.count, issues.issue[0].code,
              (unsigned long)issues.issue[0].page);
    issues_free(&issues);
}

/* Finding the first entry meets the damage. */
static void assert_find_fails(const struct tree_db *db, uint32_t page)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree_reader reader;
    struct qr_slice payload;
    char buffer[40];
    bool found;
    struct qr_tree_key key = numbered(db->tree.kind, 0, buffer);
    ok(qr_tree_reader_init(&reader, &db->tree, NULL));
    cr_assert_eq(qr_tree_find(&reader, &key, &payload, &found, &err), QUIRE_CORRUPT);
    cr_assert_eq(err.page, page);
    cr_assert_eq(err.offset / P, page);
    cr_assert_not(found);
    qr_tree_reader_free(&reader);
}

/* Writes `value` as u16 at `offset` of the node at `level`, and expects `code` there. */
static void damage16(enum qr_tree_kind kind, unsigned level, uint32_t offset, uint16_t value,
                     const char *code, bool find_fails)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, kind, 3000);
    uint32_t number = page_at(&db, level);
    read_page(&db, number, page);
    qr_store16(page + offset, value);
    write_page(&db, number, page);
    assert_issue(&db, code, number);
    if (find_fails) {
        assert_find_fails(&db, number);
    }
    tree_db_close(&db);
}

Test(tree_damage, page_type__is_named)
{
    for (unsigned level = 0; level < 3; level++) {
        damage16(QR_TREE_ROWS, level, QR_PAGE_TYPE, QR_PAGE_TYPE_KEY_LEAF, "TREE_PAGE_TYPE", true);
        damage16(QR_TREE_KEYS, level, QR_PAGE_TYPE, QR_PAGE_TYPE_FREE_MAP, "TREE_PAGE_TYPE", true);
    }
}

Test(tree_damage, tree_id__is_named)
{
    damage16(QR_TREE_ROWS, 2, QR_PAGE_TREE, TREE_ID + 1, "TREE_ID", true);
    damage16(QR_TREE_KEYS, 1, QR_PAGE_TREE, 0, "TREE_ID", true);
}

Test(tree_damage, node_header__is_named)
{
    for (unsigned level = 0; level < 3; level++) {
        damage16(QR_TREE_ROWS, level, QR_PAGE_COUNT, UINT16_MAX, "TREE_CELL_BOUNDS", true);
        damage16(QR_TREE_ROWS, level, QR_PAGE_A, UINT16_MAX, "TREE_CELL_BOUNDS", true);
        damage16(QR_TREE_KEYS, level, QR_PAGE_COUNT, UINT16_MAX, "TREE_CELL_BOUNDS", true);
        damage16(QR_TREE_KEYS, level, QR_PAGE_A, UINT16_MAX, "TREE_CELL_BOUNDS", true);
        damage16(QR_TREE_KEYS, level, QR_PAGE_B, P + 1, "TREE_CELL_BOUNDS", true);
        damage16(QR_TREE_KEYS, level, QR_NODE_PREFIX, P, "TREE_CELL_BOUNDS", true);
    }
    damage16(QR_TREE_ROWS, 2, QR_PAGE_B, P + 1, "TREE_CELL_BOUNDS", true);
    damage16(QR_TREE_ROWS, 2, QR_PAGE_B, 40, "TREE_CELL_BOUNDS", true);
}

/* Offset of the slot that holds the cell offset of entry i of a row leaf. */
static uint32_t row_slot(const uint8_t *page, unsigned i)
{
    return QR_NODE_BODY + 8U * qr_node_capacity(page) + 2U * i;
}

static uint32_t key_slot(const uint8_t *page, unsigned i)
{
    uint32_t prefix = (qr_node_prefix(page) + 3U) & ~3U;
    return QR_NODE_BODY + prefix + QR_KEY_HEAD * qr_node_capacity(page) + 2U * i;
}

Test(tree_damage, cells__are_named_when_out_of_bounds_or_overlapping)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct tree_db db;
        uint8_t page[P];
        uint8_t bad[P];
        build(&db, (enum qr_tree_kind)kind, 3000);
        uint32_t leaf = page_at(&db, levels(&db) - 1);
        read_page(&db, leaf, page);
        uint32_t slot = kind == QR_TREE_ROWS ? row_slot(page, 0) : key_slot(page, 0);
        uint32_t next = slot + 2;
        const uint16_t offsets[] = {0, 40, P - 1, P, UINT16_MAX};
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
            memcpy(bad, page, P);
            qr_store16(bad + slot, offsets[i]);
            write_page(&db, leaf, bad);
            assert_issue(&db, "TREE_CELL_BOUNDS", leaf);
            assert_find_fails(&db, leaf);
        }
        memcpy(bad, page, P);
        qr_store16(bad + qr_load16(bad + slot), 0x7FFF); /* payload size or key size */
        write_page(&db, leaf, bad);
        assert_issue(&db, "TREE_CELL_BOUNDS", leaf);
        memcpy(bad, page, P);
        memcpy(bad + slot, bad + next, 2);
        write_page(&db, leaf, bad);
        assert_issue(&db, "TREE_CELL_OVERLAP", leaf);
        tree_db_close(&db);
    }
}

Test(tree_damage, key_order__is_named)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, QR_TREE_ROWS, 3000);
    uint32_t leaf = page_at(&db, levels(&db) - 1);
    read_page(&db, leaf, page);
    memcpy(page + QR_NODE_BODY + 8, page + QR_NODE_BODY, 8);
    write_page(&db, leaf, page);
    assert_issue(&db, "TREE_KEY_ORDER", leaf);
    tree_db_close(&db);
    build(&db, QR_TREE_KEYS, 3000);
    leaf = page_at(&db, levels(&db) - 1);
    read_page(&db, leaf, page);
    uint32_t heads = key_slot(page, 0) - QR_KEY_HEAD * qr_node_capacity(page);
    memset(page + heads, 0xFF, QR_KEY_HEAD);
    write_page(&db, leaf, page);
    assert_issue(&db, "TREE_KEY_ORDER", leaf);
    tree_db_close(&db);
}

Test(tree_damage, hint__is_named)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, QR_TREE_ROWS, 6000);
    uint32_t inner = page_at(&db, levels(&db) - 2);
    read_page(&db, inner, page);
    cr_assert_geq(qr_node_count(page), QR_HINT_STRIDE);
    page[QR_NODE_BODY] ^= 1;
    write_page(&db, inner, page);
    assert_issue(&db, "TREE_HINT", inner);
    tree_db_close(&db);
}

Test(tree_damage, separator__is_named_at_the_child_it_excludes)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, QR_TREE_ROWS, 3000);
    uint32_t leaf = page_at(&db, levels(&db) - 1);
    read_page(&db, leaf, page);
    unsigned count = qr_node_count(page);
    qr_store64(page + QR_NODE_BODY + 8U * (count - 1), 1000000);
    write_page(&db, leaf, page);
    assert_issue(&db, "TREE_SEPARATOR", leaf);
    tree_db_close(&db);
}

Test(tree_damage, child__is_named_when_impossible)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct tree_db db;
        uint8_t page[P];
        const uint32_t children[] = {0, 2, 1000000, UINT32_MAX};
        build(&db, (enum qr_tree_kind)kind, 3000);
        read_page(&db, db.tree.root, page);
        for (size_t i = 0; i < 4; i++) {
            qr_node_ops(db.tree.kind)->set_child(page, 0, children[i]);
            write_page(&db, db.tree.root, page);
            assert_issue(&db, "TREE_CHILD", db.tree.root);
        }
        tree_db_close(&db);
    }
}

Test(tree_damage, loop__ends_and_is_named)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct tree_db db;
        struct qr_tree_cursor *cursor;
        uint8_t page[P];
        bool valid;
        build(&db, (enum qr_tree_kind)kind, 3000);
        uint32_t inner = page_at(&db, 1);
        read_page(&db, inner, page);
        qr_node_ops(db.tree.kind)->set_child(page, 0, db.tree.root);
        write_page(&db, inner, page);
        assert_issue(&db, "TREE_PAGE_OWNED_TWICE", db.tree.root);
        ok(qr_tree_cursor_open(&db.tree, &cursor, NULL));
        cr_assert_eq(qr_tree_cursor_first(cursor, &valid, NULL), QUIRE_CORRUPT);
        qr_tree_cursor_close(cursor);
        struct qr_tree_stats stats;
        cr_assert_eq(qr_tree_get_stats(&db.tree, &stats, NULL), QUIRE_CORRUPT);
        cr_assert_eq(qr_tree_clear(&db.tree, NULL), QUIRE_CORRUPT);
        cr_assert(qr_txn_doomed(db.txn));
        tree_db_close(&db);
    }
}

Test(tree_damage, shared_leaf__is_named_and_stops_a_cursor)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct tree_db db;
        struct qr_tree_cursor *cursor;
        const struct qr_node_ops *ops = qr_node_ops((enum qr_tree_kind)kind);
        uint8_t page[P];
        bool valid;
        build(&db, (enum qr_tree_kind)kind, 3000);
        uint32_t inner = page_at(&db, levels(&db) - 2);
        read_page(&db, inner, page);
        uint32_t leaf = ops->child(page, 1);
        ops->set_child(page, 2, leaf);
        write_page(&db, inner, page);
        assert_issue(&db, "TREE_PAGE_OWNED_TWICE", leaf);
        ok(qr_tree_cursor_open(&db.tree, &cursor, NULL));
        quire_status status = qr_tree_cursor_first(cursor, &valid, NULL);
        unsigned moves = 0;
        while (status == QUIRE_OK && valid && moves++ < 4000) {
            status = qr_tree_cursor_next(cursor, &valid, NULL);
        }
        cr_assert_eq(status, QUIRE_CORRUPT);
        qr_tree_cursor_close(cursor);
        tree_db_close(&db);
    }
}

Test(tree_damage, depth__is_named_where_leaves_differ)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, QR_TREE_ROWS, 20000);
    cr_assert_eq(levels(&db), 3);
    /* The first leaf hangs on the root, so those of the next inner node lie deeper. */
    uint32_t leaf = page_at(&db, 2);
    read_page(&db, db.tree.root, page);
    qr_row_node_ops.set_child(page, 0, leaf);
    uint32_t inner = qr_row_node_ops.child(page, 1);
    write_page(&db, db.tree.root, page);
    read_page(&db, inner, page);
    assert_issue(&db, "TREE_DEPTH", qr_row_node_ops.child(page, 0));
    tree_db_close(&db);
}

Test(tree_damage, empty_leaf__is_named)
{
    damage16(QR_TREE_ROWS, 2, QR_PAGE_COUNT, 0, "TREE_EMPTY", false);
}

Test(tree_damage, count__is_named_at_the_root)
{
    damage16(QR_TREE_ROWS, 0, QR_NODE_ENTRIES, 17, "TREE_COUNT", false);
    damage16(QR_TREE_KEYS, 0, QR_NODE_ENTRIES, 17, "TREE_COUNT", false);
}

Test(tree_damage, broken_checksum__is_named_unreadable)
{
    for (unsigned level = 0; level < 3; level++) {
        struct tree_db db;
        build(&db, QR_TREE_ROWS, 3000);
        uint32_t number = page_at(&db, level);
        tree_db_commit(&db);
        tree_db_damage_file(&db, (uint64_t)number * P + P - 3);
        tree_db_begin(&db);
        assert_issue(&db, "TREE_PAGE_UNREADABLE", number);
        assert_find_fails(&db, number);
        tree_db_close(&db);
    }
}

/* ---- Overflow values ---- */

/* The first overflow page of the entry of 5,000 bytes. */
static uint32_t overflow_index(const struct tree_db *db)
{
    uint8_t page[P];
    struct qr_item item;
    struct qr_flaw flaw;
    read_page(db, page_at(db, levels(db) - 1), page);
    cr_assert(qr_node_ops(db->tree.kind)->get(page, P, 0, NULL, &item, &flaw));
    cr_assert(item.overflow);
    return qr_load32(item.body + QR_OVERFLOW_FIRST);
}

static void damage_overflow(uint32_t offset, uint32_t value)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, QR_TREE_ROWS, 3000);
    uint32_t index = overflow_index(&db);
    read_page(&db, index, page);
    qr_store32(page + offset, value);
    write_page(&db, index, page);
    assert_issue(&db, "TREE_OVERFLOW", index);
    assert_find_fails(&db, index);
    tree_db_close(&db);
}

Test(tree_damage, overflow_index__is_named)
{
    damage_overflow(QR_PAGE_TYPE, QR_PAGE_TYPE_OVERFLOW_DATA); /* also count 0 */
    damage_overflow(QR_PAGE_TREE, TREE_ID + 1);
    damage_overflow(QR_OVERFLOW_RUNS, 0);
    damage_overflow(QR_OVERFLOW_RUNS, UINT32_MAX);
    damage_overflow(QR_OVERFLOW_RUNS + 4, 0);
    damage_overflow(QR_OVERFLOW_RUNS + 4, 7); /* one more than the value has */
    damage_overflow(QR_OVERFLOW_RUNS + 4, 7000);
}

Test(tree_damage, overflow_data__is_named)
{
    struct tree_db db;
    uint8_t page[P];
    build(&db, QR_TREE_KEYS, 3000);
    read_page(&db, overflow_index(&db), page);
    uint32_t data = qr_load32(page + QR_OVERFLOW_RUNS);
    read_page(&db, data, page);
    page[QR_PAGE_TYPE] = QR_PAGE_TYPE_KEY_LEAF;
    write_page(&db, data, page);
    assert_issue(&db, "TREE_OVERFLOW", data);
    assert_find_fails(&db, data);
    tree_db_close(&db);
}

Test(tree_damage, overflow_size__is_refused_before_memory_is_taken)
{
    struct tree_db db;
    uint8_t page[P];
    struct qr_item item;
    struct qr_flaw flaw;
    build(&db, QR_TREE_ROWS, 3000);
    uint32_t leaf = page_at(&db, levels(&db) - 1);
    read_page(&db, leaf, page);
    cr_assert(qr_row_node_ops.get(page, P, 0, NULL, &item, &flaw));
    size_t at = (size_t)(item.body - page);
    const uint64_t sizes[] = {0, QR_PAYLOAD_MAX, QR_PAYLOAD_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        qr_store64(page + at, sizes[i]);
        write_page(&db, leaf, page);
        assert_issue(&db, "TREE_OVERFLOW", leaf);
        assert_find_fails(&db, leaf);
    }
    tree_db_close(&db);
}

/* ---- Any damage ---- */

static quire_status ignore_row(void *context, size_t index, struct qr_slice payload,
                               quire_error *err)
{
    uint64_t *sum = context;
    (void)err;
    *sum += index;
    for (size_t i = 0; i < payload.size; i++) {
        *sum += payload.data[i];
    }
    return QUIRE_OK;
}

static void expect_damage_or_nothing(quire_status status)
{
    cr_assert(status == QUIRE_OK || status == QUIRE_CORRUPT || status == QUIRE_TXN_DOOMED, "%s",
              quire_status_name(status));
}

/* Every reading function over a tree in whatever state. */
static void read_everything(const struct qr_tree *tree)
{
    struct qr_tree_cursor *cursor;
    struct qr_tree_reader reader;
    struct qr_slice payload;
    struct issues issues;
    char buffer[40];
    uint64_t sum = 0;
    bool valid = true;
    tree_check(tree, &issues);
    issues_free(&issues);
    ok(qr_tree_cursor_open(tree, &cursor, NULL));
    for (unsigned direction = 0; direction < 2; direction++) {
        quire_status status = direction == 0 ? qr_tree_cursor_first(cursor, &valid, NULL)
                                             : qr_tree_cursor_last(cursor, &valid, NULL);
        while (status == QUIRE_OK && valid) {
            expect_damage_or_nothing(qr_tree_cursor_payload(cursor, &payload, NULL));
            status = direction == 0 ? qr_tree_cursor_next(cursor, &valid, NULL)
                                    : qr_tree_cursor_previous(cursor, &valid, NULL);
        }
        expect_damage_or_nothing(status);
    }
    qr_tree_cursor_close(cursor);
    ok(qr_tree_reader_init(&reader, tree, NULL));
    int64_t rowids[100];
    for (uint64_t n = 0; n < 100; n++) {
        struct qr_tree_key key = numbered(tree->kind, n * 4, buffer);
        rowids[n] = key.rowid;
        expect_damage_or_nothing(qr_tree_find(&reader, &key, &payload, &valid, NULL));
    }
    if (tree->kind == QR_TREE_ROWS) {
        expect_damage_or_nothing(qr_tree_find_many(&reader, rowids, 100, ignore_row, &sum, NULL));
    }
    qr_tree_reader_free(&reader);
}

static void change_everything(struct tree_db *db, struct prng *prng)
{
    static const uint8_t payload[700] = {1};
    char buffer[40];
    bool existed;
    quire_status status = QUIRE_OK;
    for (unsigned i = 0; i < 100 && status == QUIRE_OK; i++) {
        struct qr_tree_key key = numbered(db->tree.kind, prng_below(prng, 420), buffer);
        status = prng_one_in(prng, 2) ? qr_tree_put(&db->tree, &key, payload, prng_below(prng, 700),
                                                    QR_PUT_UPSERT, &existed, NULL)
                                      : qr_tree_delete(&db->tree, &key, &existed, NULL);
        expect_damage_or_nothing(status);
        cr_assert_eq(qr_txn_doomed(db->txn), status != QUIRE_OK);
    }
    if (status == QUIRE_OK) {
        expect_damage_or_nothing(qr_tree_clear(&db->tree, NULL));
    }
}

static void run_random_damage(enum qr_tree_kind kind, unsigned rounds)
{
    struct tree_db db;
    struct prng prng;
    prng_init(&prng, 4242 + (unsigned)kind);
    build(&db, kind, 400);
    struct issues issues;
    tree_check(&db.tree, &issues);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned pages = 1 + (unsigned)prng_below(&prng, 3);
        for (unsigned i = 0; i < pages; i++) {
            uint8_t page[P];
            uint32_t number = (uint32_t)prng_below(&prng, issues.page_count);
            if (issues.owned[number] == 0) {
                continue;
            }
            read_page(&db, number, page);
            unsigned hits = 1 + (unsigned)prng_below(&prng, 6);
            for (unsigned j = 0; j < hits; j++) {
                /* Headers and arrays more often than payload. */
                uint64_t range = prng_one_in(&prng, 2) ? 44 : P - QR_PAGE_TYPE;
                page[QR_PAGE_TYPE + prng_below(&prng, range)] = (uint8_t)prng_next(&prng);
            }
            write_page(&db, number, page);
        }
        read_everything(&db.tree);
        change_everything(&db, &prng);
        qr_txn_rollback(db.txn);
        tree_db_begin(&db);
    }
    issues_free(&issues);
    assert_tree_clean(&db.tree);
    tree_db_close(&db);
}

Test(tree_damage, random_damage_of_rows__is_survived)
{
    run_random_damage(QR_TREE_ROWS, 1500);
}

Test(tree_damage, random_damage_of_keys__is_survived)
{
    run_random_damage(QR_TREE_KEYS, 1500);
}
