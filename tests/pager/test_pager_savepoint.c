/*
 * Savepoints: going back to any of them leaves exactly the pages of that
 * moment, with pages allocated, freed, spilled and reused in between.
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

TestSuite(savepoint, .init = setup, .fini = teardown);

static uint32_t savepoint(struct qr_txn *txn)
{
    uint32_t id = 0;
    cr_assert_eq(qr_txn_savepoint(txn, &id, NULL), QUIRE_OK);
    cr_assert_neq(id, 0);
    return id;
}

static void back_to(struct qr_txn *txn, uint32_t id)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_txn_rollback_to(txn, id, &err), QUIRE_OK, "%s", err.message);
}

Test(savepoint, going_back__undoes_writes_allocations_and_frees)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t kept = fixture_alloc(txn, 1);
    uint32_t freed = fixture_alloc(txn, 2);
    fixture_commit(txn);

    txn = fixture_begin(pager);
    struct qr_view *view = qr_txn_view(txn);
    uint32_t own = fixture_alloc(txn, 3);
    uint32_t pages = qr_view_page_count(view);
    uint32_t first = savepoint(txn);
    fixture_write(txn, kept, 11);
    cr_assert_eq(qr_txn_page_free(txn, freed, NULL), QUIRE_OK);
    cr_assert_eq(qr_txn_page_free(txn, own, NULL), QUIRE_OK);
    uint32_t again = fixture_alloc(txn, 4);
    cr_assert_eq(again, own, "a page of the transaction is reused at once");
    (void)fixture_alloc(txn, 5);
    uint64_t changes = qr_view_changes(view);
    back_to(txn, first);
    cr_assert_neq(qr_view_changes(view), changes);
    cr_assert_eq(qr_view_page_count(view), pages);
    cr_assert_eq(fixture_read(view, kept), 1);
    cr_assert_eq(fixture_read(view, freed), 2);
    cr_assert_eq(fixture_read(view, own), 3);

    /* It is still open. */
    fixture_write(txn, own, 33);
    back_to(txn, first);
    cr_assert_eq(fixture_read(view, own), 3);
    fixture_write(txn, own, 34);
    cr_assert_eq(qr_txn_release_savepoint(txn, first, NULL), QUIRE_OK);
    cr_assert_eq(qr_txn_rollback_to(txn, first, NULL), QUIRE_MISUSE);
    fixture_commit(txn);

    view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, own), 34);
    cr_assert_eq(fixture_read(view, freed), 2);
    cr_assert_eq(fixture_stats(pager).pages_free, 0);
    qr_snapshot_close(view);
    fixture_close(pager);
}

Test(savepoint, going_back__takes_a_doom_back_and_leaves_nothing_to_commit)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t id = savepoint(txn);
    (void)fixture_alloc(txn, 1);
    qr_txn_doom(txn);
    back_to(txn, id);
    cr_assert_not(qr_txn_doomed(txn));
    uint64_t sequence = fixture_stats(pager).commit_sequence;
    fixture_commit(txn);
    cr_assert_eq(fixture_stats(pager).commit_sequence, sequence);
    cr_assert_eq(fixture_stats(pager).pages, 3);
    fixture_close(pager);
}

Test(savepoint, nested__go_back_to_each_and_forget_the_later_ones)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    struct qr_view *view = qr_txn_view(txn);
    uint32_t page = fixture_alloc(txn, 100);
    uint32_t ids[5];
    for (uint32_t i = 0; i < 5; i++) {
        ids[i] = savepoint(txn);
        fixture_write(txn, page, 101 + i);
    }
    back_to(txn, ids[3]);
    cr_assert_eq(fixture_read(view, page), 103);
    cr_assert_eq(qr_txn_rollback_to(txn, ids[4], NULL), QUIRE_MISUSE);
    cr_assert_eq(qr_txn_release_savepoint(txn, ids[2], NULL), QUIRE_OK);
    cr_assert_eq(qr_txn_release_savepoint(txn, ids[3], NULL), QUIRE_MISUSE);
    fixture_write(txn, page, 200);
    back_to(txn, ids[1]);
    cr_assert_eq(fixture_read(view, page), 101);
    back_to(txn, ids[0]);
    cr_assert_eq(fixture_read(view, page), 100);
    fixture_commit(txn);
    fixture_close(pager);
}

static struct model *copy_of(const struct model *model)
{
    struct model *copy = malloc(sizeof *copy);
    cr_assert_not_null(copy);
    memcpy(copy, model, sizeof *copy);
    return copy;
}

#define DEPTH 4

/* Random changes under nested savepoints; more of them than the cache holds, so that pages, kept
 * ones too, go through the spill file. */
static void run_model(uint64_t seed, unsigned changes_max, uint64_t log_bytes)
{
    struct qr_pager_options options = fixture_options(layer);
    options.wal_bytes_max = log_bytes;
    struct qr_pager *pager = fixture_open(&options);
    struct model *model = calloc(1, sizeof *model);
    struct prng prng;
    prng_init(&prng, seed);
    for (unsigned round = 0; round < 12; round++) {
        struct model *committed = copy_of(model);
        struct model *saved[DEPTH];
        uint32_t ids[DEPTH];
        unsigned depth = 0;
        struct qr_txn *txn = fixture_begin(pager);
        struct qr_view *view = qr_txn_view(txn);
        for (unsigned step = 0; step < 25; step++) {
            unsigned what = (unsigned)prng_below(&prng, 6);
            if (what == 0 && depth < DEPTH) {
                saved[depth] = copy_of(model);
                ids[depth++] = savepoint(txn);
            } else if (what == 1 && depth > 0) {
                unsigned at = (unsigned)prng_below(&prng, depth);
                back_to(txn, ids[at]);
                memcpy(model, saved[at], sizeof *model);
                for (; depth > at + 1; depth--) {
                    free(saved[depth - 1]);
                }
                model_check(model, view);
            } else if (what == 2 && depth > 0) {
                unsigned at = (unsigned)prng_below(&prng, depth);
                cr_assert_eq(qr_txn_release_savepoint(txn, ids[at], NULL), QUIRE_OK);
                for (; depth > at; depth--) {
                    free(saved[depth - 1]);
                }
            } else {
                unsigned changes = (unsigned)prng_below(&prng, changes_max);
                for (unsigned i = 0; i < changes; i++) {
                    model_change(model, txn, &prng, 400);
                }
            }
        }
        model_check(model, view);
        if (prng_below(&prng, 4) == 0) {
            qr_txn_rollback(txn);
            memcpy(model, committed, sizeof *model);
        } else {
            fixture_commit(txn);
        }
        for (; depth > 0; depth--) {
            free(saved[depth - 1]);
        }
        struct qr_view *after = fixture_snapshot(pager);
        model_check(model, after);
        quire_stats stats = fixture_stats(pager);
        cr_assert_eq(stats.pages - stats.pages_free - 3, model->allocated, "pages are lost");
        qr_snapshot_close(after);
        free(committed);
    }
    fixture_close(pager);
    pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    model_check(model, view);
    qr_snapshot_close(view);
    fixture_close(pager);
    free(model);
}

Test(savepoint, model__agrees_after_every_return)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_model(seed, 12, 16 << 20);
        teardown();
        setup();
    }
}

Test(savepoint, model__agrees_when_pages_spill)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_model(seed, 150, 16 << 20);
        teardown();
        setup();
    }
}

/* With a small log most pages that a transaction allocates go to their places. */
Test(savepoint, model__agrees_when_pages_go_directly)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run_model(seed, seed % 2 == 0 ? 150 : 40, 32 << 10);
        teardown();
        setup();
    }
}

Test(savepoint, many_pages__are_kept_beyond_the_bound_in_memory)
{
    struct qr_pager_options options = fixture_options(layer);
    options.wal_bytes_max = 16 << 20;
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    enum { COUNT = 700 };
    uint32_t pages[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        pages[i] = fixture_alloc(txn, i + 1);
    }
    uint32_t id = savepoint(txn);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_write(txn, pages[i], i + 5001);
    }
    back_to(txn, id);
    for (uint32_t i = 0; i < COUNT; i++) {
        cr_assert_eq(fixture_read(qr_txn_view(txn), pages[i]), i + 1);
    }
    cr_assert_gt(fixture_stats(pager).spills, 0);
    fixture_commit(txn);
    fixture_close(pager);
}

Test(savepoint, run_of_pages__is_taken_back_written_or_not)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t before, first, got;
    cr_assert_eq(qr_txn_page_alloc_run(txn, QR_PAGE_TYPE_NONE, 1, 6, &before, &got, NULL),
                 QUIRE_OK);
    cr_assert_eq(got, 6);
    fixture_write(txn, before, 1);
    uint32_t pages = qr_view_page_count(qr_txn_view(txn));
    uint32_t id = savepoint(txn);
    fixture_write(txn, before + 1, 2);
    cr_assert_eq(qr_txn_page_free(txn, before + 2, NULL), QUIRE_OK);
    cr_assert_eq(qr_txn_page_alloc_run(txn, QR_PAGE_TYPE_NONE, 2, 8, &first, &got, NULL), QUIRE_OK);
    fixture_write(txn, first, 3);
    back_to(txn, id);
    cr_assert_eq(qr_view_page_count(qr_txn_view(txn)), pages);
    cr_assert_eq(fixture_read(qr_txn_view(txn), before), 1);
    for (uint32_t i = 1; i < 6; i++) {
        fixture_write(txn, before + i, 10 + i);
    }
    fixture_commit(txn);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, before + 2), 12);
    cr_assert_eq(fixture_stats(pager).pages, pages);
    qr_snapshot_close(view);
    fixture_close(pager);
}

/* At every allocation that fails: the change is refused, going back
 * restores the pages, and what follows commits. */
Test(savepoint, failures__are_undone_by_going_back)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    bool done = false;
    for (uint64_t at = 0; !done; at++) {
        struct qr_pager_options options = fixture_options(layer);
        options.allocator = &failing.allocator;
        options.malloc_arena = true;
        struct qr_pager *pager = fixture_open(&options);
        struct model *model = calloc(1, sizeof *model);
        struct prng prng;
        prng_init(&prng, 5);
        struct qr_txn *txn = fixture_begin(pager);
        for (unsigned i = 0; i < 30; i++) {
            model_change(model, txn, &prng, 100);
        }
        uint32_t id = savepoint(txn);
        failing_allocator_arm(&failing, at, false);
        quire_status status = QUIRE_OK;
        for (uint32_t i = 0; i < 40 && status == QUIRE_OK; i++) {
            uint32_t page_number = 0;
            uint8_t *page = NULL;
            qr_view_enter(qr_txn_view(txn));
            status = qr_txn_page_alloc(txn, QR_PAGE_TYPE_NONE, 1, 0, &page_number, &page, NULL);
            if (status == QUIRE_OK && i % 3 == 0) {
                status = qr_txn_page_free(txn, page_number, NULL);
            }
            if (status == QUIRE_OK) {
                status = qr_txn_page_write(txn, QR_PAGE_NUMBER_CATALOG, &page, NULL);
            }
            qr_view_leave(qr_txn_view(txn));
        }
        done = failing.failures == 0;
        /* A copy that gets no memory goes to the spill file. */
        cr_assert(status == QUIRE_OK || (status == QUIRE_NO_MEMORY && !done));
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        back_to(txn, id);
        model_check(model, qr_txn_view(txn));
        fixture_commit(txn);
        struct qr_view *view = fixture_snapshot(pager);
        model_check(model, view);
        quire_stats stats = fixture_stats(pager);
        cr_assert_eq(stats.pages - stats.pages_free - 3, model->allocated);
        qr_snapshot_close(view);
        fixture_close(pager);
        cr_assert(failing_allocator_is_clean(&failing));
        free(model);
        teardown();
        setup();
    }
}
