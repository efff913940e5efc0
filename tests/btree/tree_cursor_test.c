/* Moves of cursors, over snapshots and while the tree changes under them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tree_fixture.h"

#define KEY_RANGE 2000U

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

/* ---- A cursor over the model ---- */

enum place { PLACE_BEFORE, PLACE_AFTER, PLACE_AT };

struct shadow {
    enum place place;
    uint64_t number; /* of the key stood at; it may be gone */
};

/* Key n in the order of numbers. */
static struct qr_tree_key numbered(enum qr_tree_kind kind, uint64_t n, char *buffer)
{
    if (kind == QR_TREE_ROWS) {
        return row_key((int64_t)n * 3 - 1000);
    }
    (void)snprintf(buffer, 32, "k/%06lu/%s", (unsigned long)n, n % 3 == 0 ? "" : "tail");
    return text_key(buffer);
}

/* The set of numbers present. */
struct numbers {
    bool present[KEY_RANGE];
};

static bool find_up(const struct numbers *numbers, int64_t from, struct shadow *shadow)
{
    for (int64_t n = from; n < (int64_t)KEY_RANGE; n++) {
        if (numbers->present[n]) {
            *shadow = (struct shadow){PLACE_AT, (uint64_t)n};
            return true;
        }
    }
    shadow->place = PLACE_AFTER;
    return false;
}

static bool find_down(const struct numbers *numbers, int64_t from, struct shadow *shadow)
{
    for (int64_t n = from; n >= 0; n--) {
        if (numbers->present[n]) {
            *shadow = (struct shadow){PLACE_AT, (uint64_t)n};
            return true;
        }
    }
    shadow->place = PLACE_BEFORE;
    return false;
}

static bool shadow_next(const struct numbers *numbers, struct shadow *shadow)
{
    if (shadow->place == PLACE_AFTER) {
        return false;
    }
    struct shadow before = *shadow;
    bool valid =
        find_up(numbers, before.place == PLACE_BEFORE ? 0 : (int64_t)before.number + 1, shadow);
    if (!valid && before.place == PLACE_BEFORE) {
        shadow->place = PLACE_BEFORE; /* an empty tree has one end only */
    }
    return valid;
}

static bool shadow_previous(const struct numbers *numbers, struct shadow *shadow)
{
    if (shadow->place == PLACE_BEFORE) {
        return false;
    }
    struct shadow before = *shadow;
    bool valid = find_down(
        numbers, before.place == PLACE_AFTER ? (int64_t)KEY_RANGE - 1 : (int64_t)before.number - 1,
        shadow);
    if (!valid && before.place == PLACE_AFTER) {
        shadow->place = PLACE_AFTER;
    }
    return valid;
}

static void assert_stands(struct qr_tree_cursor *cursor, enum qr_tree_kind kind,
                          const struct numbers *numbers, const struct shadow *shadow)
{
    struct qr_tree_key key;
    struct qr_slice payload;
    quire_error err = QUIRE_ERROR_INIT;
    char buffer[32];
    if (shadow->place != PLACE_AT || !numbers->present[shadow->number]) {
        cr_assert_eq(qr_tree_cursor_key(cursor, &key, &err), QUIRE_MISUSE);
        cr_assert_eq(qr_tree_cursor_payload(cursor, &payload, &err), QUIRE_MISUSE);
        return;
    }
    struct qr_tree_key expected = numbered(kind, shadow->number, buffer);
    ok(qr_tree_cursor_key(cursor, &key, NULL));
    cr_assert_eq(key.rowid, expected.rowid);
    cr_assert_eq(key.size, expected.size);
    cr_assert(key.size == 0 || memcmp(key.bytes, expected.bytes, key.size) == 0);
    ok(qr_tree_cursor_payload(cursor, &payload, NULL));
    cr_assert(payload_matches(payload, (shadow->number * 7) % 90, shadow->number));
}

static void move(struct qr_tree_cursor *cursor, enum qr_tree_kind kind, struct prng *prng,
                 const struct numbers *numbers, struct shadow *shadow)
{
    char buffer[32];
    bool valid = false;
    bool expected = false;
    uint64_t n = prng_below(prng, KEY_RANGE);
    struct qr_tree_key key = numbered(kind, n, buffer);
    switch (prng_below(prng, 16)) {
    case 0:
        ok(qr_tree_cursor_first(cursor, &valid, NULL));
        expected = find_up(numbers, 0, shadow);
        shadow->place = expected ? PLACE_AT : PLACE_BEFORE;
        break;
    case 1:
        ok(qr_tree_cursor_last(cursor, &valid, NULL));
        expected = find_down(numbers, KEY_RANGE - 1, shadow);
        shadow->place = expected ? PLACE_AT : PLACE_AFTER;
        break;
    case 2:
        ok(qr_tree_cursor_seek(cursor, &key, &valid, NULL));
        expected = find_up(numbers, (int64_t)n, shadow);
        break;
    case 3:
        ok(qr_tree_cursor_seek_last(cursor, &key, &valid, NULL));
        expected = find_down(numbers, (int64_t)n, shadow);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        ok(qr_tree_cursor_next(cursor, &valid, NULL));
        expected = shadow_next(numbers, shadow);
        break;
    default:
        ok(qr_tree_cursor_previous(cursor, &valid, NULL));
        expected = shadow_previous(numbers, shadow);
        break;
    }
    cr_assert_eq(valid, expected);
    assert_stands(cursor, kind, numbers, shadow);
}

static void change(const struct qr_tree *tree, struct prng *prng, struct numbers *numbers,
                   const struct shadow *near, unsigned delete_percent)
{
    uint8_t payload[90];
    char buffer[32];
    bool existed;
    uint64_t n = prng_below(prng, KEY_RANGE);
    if (prng_one_in(prng, 3) && near->place == PLACE_AT) {
        n = (near->number + prng_below(prng, 3)) % KEY_RANGE; /* the cursor's own entry, often */
    }
    struct qr_tree_key key = numbered(tree->kind, n, buffer);
    if (prng_below(prng, 100) < delete_percent) {
        ok(qr_tree_delete(tree, &key, &existed, NULL));
        cr_assert_eq(existed, numbers->present[n]);
        numbers->present[n] = false;
    } else {
        payload_fill(payload, (n * 7) % 90, n);
        ok(qr_tree_put(tree, &key, payload, (n * 7) % 90, QR_PUT_UPSERT, &existed, NULL));
        cr_assert_eq(existed, numbers->present[n]);
        numbers->present[n] = true;
    }
}

static void run_moves(enum qr_tree_kind kind, uint32_t page_size, bool changing)
{
    static struct numbers numbers;
    struct tree_db db;
    struct prng prng;
    struct shadow shadow[3] = {{PLACE_BEFORE, 0}, {PLACE_BEFORE, 0}, {PLACE_BEFORE, 0}};
    struct qr_tree_cursor *cursor[3];
    memset(&numbers, 0, sizeof numbers);
    prng_init(&prng, 99 + page_size + (unsigned)kind);
    tree_db_open(&db, kind, page_size, UINT64_C(256) * page_size);
    for (unsigned i = 0; i < 1500; i++) {
        change(&db.tree, &prng, &numbers, &shadow[0], 10);
    }
    struct qr_tree tree = db.tree;
    if (!changing) {
        tree_db_commit(&db);
        tree = tree_db_snapshot(&db);
    }
    for (unsigned c = 0; c < 3; c++) {
        ok(qr_tree_cursor_open(&tree, &cursor[c], NULL));
    }
    for (unsigned i = 0; i < 12000; i++) {
        unsigned c = (unsigned)prng_below(&prng, 3);
        move(cursor[c], kind, &prng, &numbers, &shadow[c]);
        if (changing && prng_one_in(&prng, 2)) {
            change(&tree, &prng, &numbers, &shadow[c], i % 6000 < 3000 ? 70 : 30);
        }
    }
    for (unsigned c = 0; c < 3; c++) {
        qr_tree_cursor_close(cursor[c]);
    }
    if (!changing) {
        qr_snapshot_close(tree.view);
    }
    tree_db_close(&db);
}

Test(tree_cursor, rows__move_as_in_the_model_over_a_snapshot)
{
    run_moves(QR_TREE_ROWS, 1024, false);
    run_moves(QR_TREE_ROWS, 4096, false);
}

Test(tree_cursor, keys__move_as_in_the_model_over_a_snapshot)
{
    run_moves(QR_TREE_KEYS, 1024, false);
    run_moves(QR_TREE_KEYS, 4096, false);
}

Test(tree_cursor, rows__find_their_key_again_while_the_tree_changes)
{
    run_moves(QR_TREE_ROWS, 1024, true);
    run_moves(QR_TREE_ROWS, 4096, true);
}

Test(tree_cursor, keys__find_their_key_again_while_the_tree_changes)
{
    run_moves(QR_TREE_KEYS, 1024, true);
    run_moves(QR_TREE_KEYS, 4096, true);
}

/* ---- Single behaviours ---- */

Test(tree_cursor, empty_tree__has_no_entry_in_any_direction)
{
    struct tree_db db;
    struct qr_tree_cursor *cursor;
    struct qr_tree_key key = row_key(5);
    bool valid = true;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 256 * 1024);
    ok(qr_tree_cursor_open(&db.tree, &cursor, NULL));
    ok(qr_tree_cursor_first(cursor, &valid, NULL));
    cr_assert_not(valid);
    ok(qr_tree_cursor_last(cursor, &valid, NULL));
    cr_assert_not(valid);
    ok(qr_tree_cursor_seek(cursor, &key, &valid, NULL));
    cr_assert_not(valid);
    ok(qr_tree_cursor_seek_last(cursor, &key, &valid, NULL));
    cr_assert_not(valid);
    ok(qr_tree_cursor_next(cursor, &valid, NULL));
    cr_assert_not(valid);
    ok(qr_tree_cursor_previous(cursor, &valid, NULL));
    cr_assert_not(valid);
    qr_tree_cursor_close(cursor);
    qr_tree_cursor_close(NULL);
    tree_db_close(&db);
}

Test(tree_cursor, deleting_loop__removes_every_entry_it_meets)
{
    struct tree_db db;
    struct qr_tree_cursor *cursor;
    struct qr_tree_key key;
    uint64_t entries;
    bool existed;
    bool valid;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 256 * 1024);
    for (int64_t i = 0; i < 3000; i++) {
        key = row_key(i);
        ok(qr_tree_put(&db.tree, &key, "payload", 7, QR_PUT_INSERT, &existed, NULL));
    }
    ok(qr_tree_cursor_open(&db.tree, &cursor, NULL));
    unsigned met = 0;
    for (ok(qr_tree_cursor_first(cursor, &valid, NULL)); valid;
         ok(qr_tree_cursor_next(cursor, &valid, NULL))) {
        ok(qr_tree_cursor_key(cursor, &key, NULL));
        cr_assert_eq(key.rowid, (int64_t)met);
        ok(qr_tree_delete(&db.tree, &key, &existed, NULL));
        cr_assert(existed);
        met++;
    }
    cr_assert_eq(met, 3000);
    ok(qr_tree_count(&db.tree, &entries, NULL));
    cr_assert_eq(entries, 0);
    qr_tree_cursor_close(cursor);
    assert_tree_clean(&db.tree);
    tree_db_close(&db);
}

struct visited {
    const int64_t *rowids;
    size_t count;
    int64_t last;
    bool stop;
};

static quire_status visit(void *context, size_t index, struct qr_slice payload, quire_error *err)
{
    struct visited *visited = context;
    cr_assert(visited->count == 0 || visited->rowids[index] >= visited->last);
    cr_assert(payload_matches(payload, (size_t)(visited->rowids[index] % 700),
                              (uint64_t)visited->rowids[index]));
    visited->last = visited->rowids[index];
    visited->count++;
    return visited->stop ? qr_fail(err, QUIRE_INTERRUPTED, "stopped") : QUIRE_OK;
}

Test(tree_cursor, find_many__visits_present_rows_in_order)
{
    struct tree_db db;
    struct qr_tree_reader reader;
    static int64_t rowids[6000];
    static uint8_t payload[700];
    bool existed;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 512 * 1024);
    for (int64_t i = 0; i < 6000; i += 3) {
        struct qr_tree_key key = row_key(i);
        payload_fill(payload, (size_t)(i % 700), (uint64_t)i);
        ok(qr_tree_put(&db.tree, &key, payload, (size_t)(i % 700), QR_PUT_INSERT, &existed, NULL));
    }
    ok(qr_tree_reader_init(&reader, &db.tree, NULL));
    for (int64_t step = 1; step < 400; step = step * 3 + 1) {
        struct visited visited = {.rowids = rowids};
        size_t count = 0;
        size_t expected = 0;
        for (int64_t i = 0; i < 6000; i += step) {
            expected += i % 3 == 0;
            rowids[count++] = i;
        }
        ok(qr_tree_find_many(&reader, rowids, count, visit, &visited, NULL));
        cr_assert_eq(visited.count, expected);
    }
    /* Few rowids are visited in order however they come; equal ones are each visited. */
    const int64_t disorder[] = {3000, 3000, 9, 0, 5997, 4, 9, INT64_MAX, INT64_MIN, 12};
    struct visited visited = {.rowids = disorder};
    ok(qr_tree_find_many(&reader, disorder, 10, visit, &visited, NULL));
    cr_assert_eq(visited.count, 7);
    visited = (struct visited){.rowids = disorder, .stop = true};
    cr_assert_eq(qr_tree_find_many(&reader, disorder, 10, visit, &visited, NULL),
                 QUIRE_INTERRUPTED);
    cr_assert_eq(visited.count, 1);
    ok(qr_tree_find_many(&reader, NULL, 0, visit, &visited, NULL));
    qr_tree_reader_free(&reader);
    tree_db_close(&db);
}

/* What runs tell, by number, and how many runs there were. */
struct told {
    const int64_t *rowids;
    size_t next, present, runs;
    size_t stop_at;
};

static quire_status hear(void *context, size_t first, const struct qr_slice *payloads, size_t count,
                         quire_error *err)
{
    struct told *told = context;
    cr_assert_eq(first, told->next);
    for (size_t i = 0; i < count; i++) {
        int64_t rowid = told->rowids[first + i];
        bool exists = rowid >= 0 && rowid < 6000 && rowid % 3 == 0;
        cr_assert_eq(payloads[i].data != NULL, exists, "%lld", (long long)rowid);
        cr_assert(!exists || payload_matches(payloads[i], (size_t)(rowid % 700), (uint64_t)rowid));
        told->present += exists;
    }
    told->next += count;
    return ++told->runs == told->stop_at ? qr_fail(err, QUIRE_INTERRUPTED, "stopped") : QUIRE_OK;
}

Test(tree_cursor, find_runs__tells_of_all_rowids_in_their_order)
{
    struct tree_db db;
    struct qr_tree_reader reader;
    static int64_t rowids[1000];
    static uint8_t payload[700];
    bool existed;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 512 * 1024);
    for (int64_t i = 0; i < 6000; i += 3) {
        struct qr_tree_key key = row_key(i);
        payload_fill(payload, (size_t)(i % 700), (uint64_t)i);
        ok(qr_tree_put(&db.tree, &key, payload, (size_t)(i % 700), QR_PUT_INSERT, &existed, NULL));
    }
    ok(qr_tree_reader_init(&reader, &db.tree, NULL));
    for (size_t i = 0; i < 1000; i++) {
        rowids[i] = i % 50 == 7 ? rowids[i - 1] : (int64_t)(i * 7919 % 6600) - 300;
    }
    rowids[400] = INT64_MAX;
    rowids[401] = INT64_MIN;
    struct told told = {.rowids = rowids};
    ok(qr_tree_find_runs(&reader, rowids, 1000, hear, &told, NULL));
    cr_assert_eq(told.next, 1000);
    cr_assert_gt(told.present, 250);
    cr_assert_gt(told.runs, 1000 / 64 + 50, "a payload on overflow pages is told of by itself");
    /* Small ones: all of 64 at once. */
    for (size_t i = 0; i < 200; i++) {
        rowids[i] = (int64_t)((i * 37) % 100) + 2100;
    }
    told = (struct told){.rowids = rowids};
    ok(qr_tree_find_runs(&reader, rowids, 200, hear, &told, NULL));
    cr_assert_eq(told.runs, 4);
    told = (struct told){.rowids = rowids, .stop_at = 2};
    cr_assert_eq(qr_tree_find_runs(&reader, rowids, 200, hear, &told, NULL), QUIRE_INTERRUPTED);
    cr_assert_eq(told.runs, 2);
    ok(qr_tree_find_runs(&reader, NULL, 0, hear, &told, NULL));
    qr_tree_reader_free(&reader);
    tree_db_close(&db);
}

Test(tree_cursor, snapshot__keeps_its_state_while_the_tree_changes)
{
    struct tree_db db;
    struct model model;
    struct qr_tree_cursor *cursor;
    bool valid;
    model_init(&model, QR_TREE_ROWS);
    tree_db_open(&db, QR_TREE_ROWS, 1024, 128 * 1024);
    for (int64_t i = 0; i < 2000; i++) {
        struct qr_tree_key key = row_key(i);
        both_put(&db.tree, &model, &key, (uint64_t)i, (size_t)(i % 300));
    }
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    ok(qr_tree_cursor_open(&snapshot, &cursor, NULL));
    struct qr_tree_key key = row_key(1000);
    ok(qr_tree_cursor_seek(cursor, &key, &valid, NULL));
    cr_assert(valid);
    for (int64_t round = 0; round < 3; round++) {
        tree_db_begin(&db);
        for (int64_t i = round; i < 2000; i += 3) {
            bool existed;
            key = row_key(i);
            ok(qr_tree_delete(&db.tree, &key, &existed, NULL));
            cr_assert(existed);
        }
        tree_db_commit(&db);
        ok(qr_tree_cursor_next(cursor, &valid, NULL));
        ok(qr_tree_cursor_key(cursor, &key, NULL));
        cr_assert_eq(key.rowid, 1001 + round);
    }
    qr_tree_cursor_close(cursor);
    assert_tree_equals(&snapshot, &model);
    assert_tree_clean(&snapshot);
    qr_snapshot_close(snapshot.view);
    model_free(&model);
    tree_db_close(&db);
}
