/*
 * Opening, transactions and snapshots of one thread.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "pager_fixture.h"

static struct qr_file_layer *layer;

static void setup(void)
{
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
}

static void teardown(void)
{
    qr_file_layer_memory_destroy(layer);
}

TestSuite(pager, .init = setup, .fini = teardown);

Test(pager, open__creates_three_pages_and_an_empty_catalog)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    quire_stats stats = fixture_stats(pager);
    cr_assert_eq(stats.pages, 3);
    cr_assert_eq(stats.pages_free, 0);
    cr_assert_eq(stats.page_size, 1024);
    struct qr_view *view = fixture_snapshot(pager);
    const uint8_t *page = NULL;
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, QR_PAGE_NUMBER_CATALOG, &page, NULL), QUIRE_OK);
    cr_assert_eq(qr_page_type(page), QR_PAGE_TYPE_NONE);
    qr_view_leave(view);
    qr_snapshot_close(view);
    fixture_close(pager);
}

Test(pager, commit__is_seen_by_later_snapshots_and_after_reopening)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t page_number = fixture_alloc(txn, 77);
    struct qr_view *before = fixture_snapshot(pager);
    fixture_commit(txn);
    struct qr_view *after = fixture_snapshot(pager);
    cr_assert_eq(qr_view_page_count(before), 3);
    cr_assert_eq(qr_view_page_count(after), page_number + 1);
    cr_assert_eq(fixture_read(after, page_number), 77);
    qr_snapshot_close(before);
    qr_snapshot_close(after);
    fixture_close(pager);

    pager = fixture_open(&options);
    after = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(after, page_number), 77);
    cr_assert_eq(fixture_stats(pager).log_frames, 0);
    qr_snapshot_close(after);
    fixture_close(pager);
}

Test(pager, close__of_an_unchanged_database_writes_nothing)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    fixture_close(fixture_open(&options));
    faulty_layer_clear_record(faulty);
    fixture_close(fixture_open(&options));
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC)), 0);
    faulty_layer_destroy(faulty);
}

Test(pager, snapshot__keeps_its_view_across_commits_checkpoints_and_reuse)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t pages[10];
    for (uint32_t i = 0; i < 10; i++) {
        pages[i] = fixture_alloc(txn, 100 + i);
    }
    fixture_commit(txn);
    struct qr_view *old = fixture_snapshot(pager);
    for (uint64_t round = 0; round < 50; round++) {
        txn = fixture_begin(pager);
        for (uint32_t i = 0; i < 5; i++) {
            fixture_write(txn, pages[i], round * 1000 + i);
        }
        if (round == 3) {
            cr_assert_eq(qr_txn_page_free(txn, pages[9], NULL), QUIRE_OK);
        }
        fixture_commit(txn);
        if (round % 10 == 5) {
            cr_assert_eq(qr_pager_checkpoint(pager, NULL), QUIRE_OK);
        }
        for (uint32_t i = 0; i < 10; i++) {
            cr_assert_eq(fixture_read(old, pages[i]), 100 + i);
        }
    }
    cr_assert_gt(fixture_stats(pager).versions_held, 0);
    qr_snapshot_close(old);
    cr_assert_eq(fixture_stats(pager).versions_held, 0);
    fixture_close(pager);
}

Test(pager, rollback__leaves_no_trace)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t first = fixture_alloc(txn, 1);
    uint32_t second = fixture_alloc(txn, 2);
    fixture_commit(txn);
    quire_stats before = fixture_stats(pager);

    txn = fixture_begin(pager);
    fixture_write(txn, first, 9);
    cr_assert_eq(qr_txn_page_free(txn, second, NULL), QUIRE_OK);
    uint32_t third = fixture_alloc(txn, 3);
    cr_assert_eq(third, second + 1);
    cr_assert_eq(qr_txn_set_header_word(txn, QR_HEADER_USER_VERSION, 5, NULL), QUIRE_OK);
    qr_txn_rollback(txn);

    quire_stats after = fixture_stats(pager);
    cr_assert_eq(after.pages, before.pages);
    cr_assert_eq(after.pages_free, before.pages_free);
    cr_assert_eq(after.commit_sequence, before.commit_sequence);
    struct qr_view *view = fixture_snapshot(pager);
    uint64_t word = 1;
    cr_assert_eq(fixture_read(view, first), 1);
    cr_assert_eq(fixture_read(view, second), 2);
    cr_assert_eq(qr_view_header_word(view, QR_HEADER_USER_VERSION, &word, NULL), QUIRE_OK);
    cr_assert_eq(word, 0);
    qr_snapshot_close(view);
    txn = fixture_begin(pager);
    cr_assert_eq(fixture_alloc(txn, 3), third);
    qr_txn_rollback(txn);
    fixture_close(pager);
}

Test(pager, commit__of_a_doomed_transaction_rolls_back)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    (void)fixture_alloc(txn, 1);
    qr_txn_doom(txn);
    cr_assert(qr_txn_doomed(txn));
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_txn_commit(txn, &err), QUIRE_TXN_DOOMED);
    cr_assert_eq(fixture_stats(pager).pages, 3);
    fixture_close(pager);
}

Test(pager, free__page_is_reused_only_when_no_snapshot_needs_it)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t page_number = fixture_alloc(txn, 42);
    fixture_commit(txn);
    struct qr_view *old = fixture_snapshot(pager);
    txn = fixture_begin(pager);
    cr_assert_eq(qr_txn_page_free(txn, page_number, NULL), QUIRE_OK);
    cr_assert_neq(fixture_alloc(txn, 1), page_number);
    fixture_commit(txn);
    cr_assert_eq(fixture_stats(pager).pages_free, 1);
    txn = fixture_begin(pager);
    cr_assert_neq(fixture_alloc(txn, 2), page_number);
    fixture_commit(txn);
    cr_assert_eq(fixture_read(old, page_number), 42);
    bool is_free = true;
    cr_assert_eq(qr_view_page_is_free(old, page_number, &is_free, NULL), QUIRE_OK);
    cr_assert_not(is_free);
    qr_snapshot_close(old);
    txn = fixture_begin(pager);
    cr_assert_eq(qr_view_page_is_free(qr_txn_view(txn), page_number, &is_free, NULL), QUIRE_OK);
    cr_assert(is_free);
    cr_assert_eq(fixture_alloc(txn, 3), page_number);
    fixture_commit(txn);
    cr_assert_eq(fixture_stats(pager).pages_free, 0);
    fixture_close(pager);
}

/* The status of reading and of writing a page in the transaction. */
static quire_status use_page(struct qr_txn *txn, uint32_t page_number, quire_error *err)
{
    struct qr_view *view = qr_txn_view(txn);
    const uint8_t *page = NULL;
    uint8_t *own = NULL;
    qr_view_enter(view);
    quire_status status = qr_view_page(view, page_number, &page, err);
    quire_status write = qr_txn_page_write(txn, page_number, &own, err);
    qr_view_leave(view);
    cr_assert_eq(status, write);
    return status;
}

Test(pager, free__page_is_not_readable_in_the_transaction_that_freed_it)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t old = fixture_alloc(txn, 5);
    fixture_commit(txn);
    for (int commit = 0; commit < 2; commit++) {
        txn = fixture_begin(pager);
        uint32_t fresh = fixture_alloc(txn, 6);
        uint32_t changed = commit == 0 ? old : fresh;
        fixture_write(txn, changed, 7);
        cr_assert_eq(qr_txn_page_free(txn, old, &err), QUIRE_OK, "%s", err.message);
        cr_assert_eq(qr_txn_page_free(txn, fresh, &err), QUIRE_OK, "%s", err.message);
        cr_assert_eq(use_page(txn, old, &err), QUIRE_CORRUPT);
        cr_assert_not_null(strstr(err.message, "has freed"), "%s", err.message);
        cr_assert_eq(use_page(txn, fresh, &err), QUIRE_CORRUPT);
        cr_assert_eq(qr_txn_page_free(txn, old, &err), QUIRE_CORRUPT);
        cr_assert_eq(qr_txn_page_free(txn, fresh, &err), QUIRE_CORRUPT);
        struct qr_view *reader = fixture_snapshot(pager);
        cr_assert_eq(fixture_read(reader, old), 5);
        uint32_t again = fixture_alloc(txn, 8);
        cr_assert_eq(again, fresh, "a page of its own is had again at once");
        cr_assert_eq(use_page(txn, again, &err), QUIRE_OK);
        if (commit == 0) {
            qr_txn_rollback(txn);
            txn = fixture_begin(pager);
            cr_assert_eq(use_page(txn, old, &err), QUIRE_OK, "%s", err.message);
            qr_txn_rollback(txn);
        } else {
            fixture_commit(txn);
            cr_assert_eq(fixture_read(reader, old), 5);
        }
        qr_snapshot_close(reader);
    }
    fixture_close(pager);
}

Test(pager, begin__reports_how_long_the_writer_lock_is_held)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    struct qr_txn *second = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_txn_begin(pager, 5, &second, &err), QUIRE_BUSY);
    cr_assert_null(second);
    cr_assert_not_null(strstr(err.message, "has held it for"), "%s", err.message);
    qr_txn_rollback(txn);
    fixture_close(pager);
}

Test(pager, snapshot__limit_names_the_oldest)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *views[8];
    struct qr_view *more = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < 8; i++) {
        views[i] = fixture_snapshot(pager);
    }
    cr_assert_eq(fixture_stats(pager).readers_open, 8);
    cr_assert_eq(qr_snapshot_open(pager, &more, &err), QUIRE_LIMIT);
    cr_assert_not_null(strstr(err.message, "oldest"), "%s", err.message);
    for (int i = 0; i < 8; i++) {
        qr_snapshot_close(views[i]);
    }
    fixture_close(pager);
}

Test(pager, header_word__is_part_of_the_snapshot)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *before = fixture_snapshot(pager);
    struct qr_txn *txn = fixture_begin(pager);
    cr_assert_eq(qr_txn_set_header_word(txn, QR_HEADER_SCHEMA_COOKIE, 11, NULL), QUIRE_OK);
    /* A checkpoint frames the header while the transaction has its own copy. */
    cr_assert_eq(qr_pager_checkpoint(pager, NULL), QUIRE_OK);
    fixture_commit(txn);
    struct qr_view *after = fixture_snapshot(pager);
    uint64_t word = 1;
    cr_assert_eq(qr_view_header_word(before, QR_HEADER_SCHEMA_COOKIE, &word, NULL), QUIRE_OK);
    cr_assert_eq(word, 0);
    cr_assert_eq(qr_view_header_word(after, QR_HEADER_SCHEMA_COOKIE, &word, NULL), QUIRE_OK);
    cr_assert_eq(word, 11);
    qr_snapshot_close(before);
    qr_snapshot_close(after);
    fixture_close(pager);
}

Test(pager, pin__keeps_a_page_in_place_after_the_operation)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t pages[200];
    for (uint32_t i = 0; i < 200; i++) {
        pages[i] = fixture_alloc(txn, 1000 + i);
    }
    fixture_commit(txn);
    struct qr_view *view = fixture_snapshot(pager);
    struct qr_pin *pin = NULL;
    const uint8_t *page = NULL;
    cr_assert_eq(qr_pin_create(view, &pin, NULL), QUIRE_OK);
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, pages[7], &page, NULL), QUIRE_OK);
    qr_pin_set(pin, page);
    qr_view_leave(view);
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 200; i++) {
            cr_assert_eq(fixture_read(view, pages[i]), 1000 + i);
        }
        txn = fixture_begin(pager);
        for (uint32_t i = 0; i < 200; i++) {
            fixture_write(txn, pages[i], 5);
        }
        fixture_commit(txn);
    }
    cr_assert_eq(fixture_value(page, 1024), 1007);
    qr_pin_destroy(pin);
    qr_snapshot_close(view);
    fixture_close(pager);
}

Test(pager, free_map__grows_with_the_database)
{
    struct qr_pager_options options = fixture_options(layer);
    options.wal_bytes_max = 32 * 1024 * 1024;
    struct qr_pager *pager = fixture_open(&options);
    uint32_t bits = qr_free_map_bits(1024);
    uint32_t first = 0, got = 0;
    struct qr_txn *txn = fixture_begin(pager);
    cr_assert_eq(
        qr_txn_page_alloc_run(txn, QR_PAGE_TYPE_OVERFLOW_DATA, 1, bits * 2, &first, &got, NULL),
        QUIRE_OK);
    cr_assert_eq(first, 3);
    cr_assert_eq(got, bits - 1, "a run ends before the next map page");
    cr_assert_eq(qr_txn_page_alloc_run(txn, QR_PAGE_TYPE_OVERFLOW_DATA, 1, 10, &first, &got, NULL),
                 QUIRE_OK);
    cr_assert_eq(first, bits + 3);
    cr_assert_eq(got, 10);
    for (uint32_t i = 0; i < 10; i++) {
        fixture_write(txn, first + i, i + 1);
    }
    cr_assert_eq(qr_txn_page_free(txn, bits + 1, NULL), QUIRE_OK, "before its map page");
    fixture_commit(txn);
    fixture_close(pager);
    pager = fixture_open(&options);
    cr_assert_eq(fixture_stats(pager).pages_free, 1);
    txn = fixture_begin(pager);
    cr_assert_eq(fixture_read(qr_txn_view(txn), first + 9), 10);
    cr_assert_eq(fixture_alloc(txn, 8), bits + 1);
    cr_assert_eq(qr_txn_page_free(txn, qr_free_map_page(1024, 1), NULL), QUIRE_CORRUPT);
    qr_txn_rollback(txn);
    fixture_close(pager);
}

Test(pager, export__of_a_snapshot_is_a_database_of_its_own)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint64_t i = 0; i < 300; i++) {
        (void)fixture_alloc(txn, 1000 + i);
    }
    cr_assert_eq(qr_txn_set_header_word(txn, QR_HEADER_USER_VERSION, 12, NULL), QUIRE_OK);
    fixture_commit(txn);
    txn = fixture_begin(pager);
    cr_assert_eq(qr_txn_page_free(txn, 100, NULL), QUIRE_OK);
    fixture_commit(txn);
    struct qr_view *view = fixture_snapshot(pager);
    txn = fixture_begin(pager);
    for (uint32_t p = 3; p < 90; p++) {
        fixture_write(txn, p, 1);
    }
    fixture_commit(txn);

    struct qr_file *file = NULL;
    uint8_t id[16];
    uint8_t page[1024];
    memset(id, 0x5A, sizeof id);
    cr_assert_eq(
        layer->methods->open(layer, "/db/copy", QR_OPEN_WRITE | QR_OPEN_CREATE, &file, NULL),
        QUIRE_OK);
    for (uint32_t p = 0; p < qr_view_page_count(view); p++) {
        cr_assert_eq(qr_view_page_export(view, p, id, page, NULL), QUIRE_OK);
        cr_assert_eq(qr_file_write_one(file, page, sizeof page, (uint64_t)p * 1024, NULL),
                     QUIRE_OK);
    }
    file->methods->close(file);
    qr_snapshot_close(view);
    fixture_close(pager);

    options.path = "/db/copy";
    pager = fixture_open(&options);
    quire_stats stats = fixture_stats(pager);
    cr_assert_eq(stats.pages, 303);
    cr_assert_eq(stats.pages_free, 1);
    view = fixture_snapshot(pager);
    uint64_t word = 0;
    cr_assert_eq(qr_view_header_word(view, QR_HEADER_USER_VERSION, &word, NULL), QUIRE_OK);
    cr_assert_eq(word, 12);
    for (uint32_t p = 3; p < 303; p++) {
        if (p != 100) {
            cr_assert_eq(fixture_read(view, p), 1000 + p - 3);
        }
    }
    qr_snapshot_close(view);
    txn = fixture_begin(pager);
    cr_assert_eq(fixture_alloc(txn, 1), 100);
    fixture_commit(txn);
    fixture_close(pager);
}

/* ---- Random histories against a model ---- */

static void run_history(struct qr_pager_options *options, uint64_t seed, unsigned commits,
                        uint32_t pages_max, unsigned changes_max)
{
    enum { VIEWS = 5 };
    struct prng prng;
    struct model *now = calloc(1, sizeof *now);
    struct model *next = calloc(1, sizeof *next);
    struct model *seen = calloc(VIEWS, sizeof *seen);
    struct qr_view *views[VIEWS] = {NULL};
    prng_init(&prng, seed);
    struct qr_pager *pager = fixture_open(options);
    for (unsigned c = 0; c < commits; c++) {
        struct qr_txn *txn = fixture_begin(pager);
        *next = *now;
        for (uint64_t n = 1 + prng_below(&prng, changes_max); n > 0; n--) {
            model_change(next, txn, &prng, pages_max);
        }
        model_check_some(next, qr_txn_view(txn), &prng, 5);
        if (prng_one_in(&prng, 5)) {
            qr_txn_rollback(txn);
        } else {
            fixture_commit(txn);
            *now = *next;
        }
        if (prng_one_in(&prng, 10)) {
            cr_assert_eq(qr_pager_checkpoint(pager, NULL), QUIRE_OK);
        }
        unsigned v = (unsigned)prng_below(&prng, VIEWS);
        if (views[v] == NULL) {
            views[v] = fixture_snapshot(pager);
            seen[v] = *now;
        } else if (prng_one_in(&prng, 4)) {
            model_check(&seen[v], views[v]);
            qr_snapshot_close(views[v]);
            views[v] = NULL;
        } else {
            model_check_some(&seen[v], views[v], &prng, 20);
        }
    }
    for (unsigned v = 0; v < VIEWS; v++) {
        if (views[v] != NULL) {
            model_check(&seen[v], views[v]);
            qr_snapshot_close(views[v]);
        }
    }
    cr_assert_eq(fixture_stats(pager).versions_held, 0);
    fixture_close(pager);
    pager = fixture_open(options);
    struct qr_view *view = fixture_snapshot(pager);
    model_check(now, view);
    qr_snapshot_close(view);
    fixture_close(pager);
    free(now);
    free(next);
    free(seen);
}

Test(pager, history__agrees_with_a_model_in_a_small_cache)
{
    struct qr_pager_options options = fixture_options(layer);
    run_history(&options, 1, 800, 1500, 40);
}

Test(pager, history__agrees_with_a_model_with_large_transactions)
{
    struct qr_pager_options options = fixture_options(layer);
    run_history(&options, 2, 100, 2500, 600);
}

/* A small log: a transaction that allocates eight pages or more writes them to the file. */
Test(pager, history__agrees_with_a_model_with_direct_writes)
{
    struct qr_pager_options options = fixture_options(layer);
    options.wal_bytes_max = 32 << 10;
    run_history(&options, 6, 150, 2500, 300);
    options.path = "/db/other.quire";
    options.cache_bytes = 2 << 20;
    run_history(&options, 7, 150, 2500, 300);
}

Test(pager, history__agrees_with_a_model_without_pressure)
{
    struct qr_pager_options options = fixture_options(layer);
    options.cache_bytes = 8 << 20;
    options.page_size = 4096;
    options.wal_segment_bytes = 1 << 16;
    options.wal_bytes_max = 4 << 20;
    options.malloc_arena = false;
    run_history(&options, 3, 500, 2000, 60);
}

Test(pager, history__agrees_with_a_model_in_every_durability)
{
    struct qr_pager_options options = fixture_options(layer);
    options.durability = QUIRE_DURABILITY_NORMAL;
    options.sync_interval_ms = 1;
    run_history(&options, 4, 300, 800, 40);
    options.path = "/db/other.quire";
    options.durability = QUIRE_DURABILITY_OFF;
    run_history(&options, 5, 300, 800, 40);
}
