#include "pager_fixture.h"

#include <criterion/criterion.h>

struct qr_pager_options fixture_options(struct qr_file_layer *layer)
{
    return (struct qr_pager_options){
        .layer = layer,
        .path = FIXTURE_PATH,
        .page_size = 1024,
        .cache_bytes = 64 * 1024,
        .wal_segment_bytes = 16 * 1024,
        .wal_bytes_max = 256 * 1024,
        .readers_max = 8,
        .malloc_arena = true,
    };
}

struct qr_pager *fixture_open(const struct qr_pager_options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_pager *pager = NULL;
    quire_status status = qr_pager_open(options, &pager, &err);
    cr_assert_eq(status, QUIRE_OK, "open: %s: %s", quire_status_name(status), err.message);
    return pager;
}

void fixture_close(struct qr_pager *pager)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = qr_pager_close(pager, &err);
    cr_assert_eq(status, QUIRE_OK, "close: %s", err.message);
}

quire_stats fixture_stats(struct qr_pager *pager)
{
    quire_stats stats = {.size = sizeof stats};
    qr_pager_get_stats(pager, &stats);
    return stats;
}

void fixture_fill(uint8_t *page, uint32_t page_size, uint64_t value)
{
    qr_store64(page + QR_PAGE_HEADER_SIZE, value);
    qr_store64(page + page_size - 8, value);
}

uint64_t fixture_value(const uint8_t *page, uint32_t page_size)
{
    uint64_t value = qr_load64(page + QR_PAGE_HEADER_SIZE);
    cr_assert_eq(value, qr_load64(page + page_size - 8), "page %u is mixed", qr_page_number(page));
    return value;
}

void fixture_write(struct qr_txn *txn, uint32_t page_number, uint64_t value)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_view *view = qr_txn_view(txn);
    uint8_t *page = NULL;
    qr_view_enter(view);
    quire_status status = qr_txn_page_write(txn, page_number, &page, &err);
    cr_assert_eq(status, QUIRE_OK, "write: %s", err.message);
    fixture_fill(page, qr_pager_page_size(qr_view_pager(view)), value);
    qr_view_leave(view);
}

uint64_t fixture_read(struct qr_view *view, uint32_t page_number)
{
    quire_error err = QUIRE_ERROR_INIT;
    const uint8_t *page = NULL;
    qr_view_enter(view);
    quire_status status = qr_view_page(view, page_number, &page, &err);
    cr_assert_eq(status, QUIRE_OK, "read of page %u: %s", page_number, err.message);
    cr_assert_eq(qr_page_number(page), page_number);
    uint64_t value = fixture_value(page, qr_pager_page_size(qr_view_pager(view)));
    qr_view_leave(view);
    return value;
}

uint32_t fixture_alloc(struct qr_txn *txn, uint64_t value)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_view *view = qr_txn_view(txn);
    uint8_t *page = NULL;
    uint32_t page_number = 0;
    qr_view_enter(view);
    quire_status status =
        qr_txn_page_alloc(txn, QR_PAGE_TYPE_ROW_LEAF, 7, 0, &page_number, &page, &err);
    cr_assert_eq(status, QUIRE_OK, "alloc: %s", err.message);
    fixture_fill(page, qr_pager_page_size(qr_view_pager(view)), value);
    qr_view_leave(view);
    return page_number;
}

struct qr_txn *fixture_begin(struct qr_pager *pager)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_txn *txn = NULL;
    cr_assert_eq(qr_txn_begin(pager, 1000, &txn, &err), QUIRE_OK, "begin: %s", err.message);
    return txn;
}

void fixture_commit(struct qr_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = qr_txn_commit(txn, &err);
    cr_assert_eq(status, QUIRE_OK, "commit: %s: %s", quire_status_name(status), err.message);
}

struct qr_view *fixture_snapshot(struct qr_pager *pager)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_view *view = NULL;
    cr_assert_eq(qr_snapshot_open(pager, &view, &err), QUIRE_OK, "%s", err.message);
    return view;
}

/* ---- Model ---- */

static uint32_t pick(const struct model *model, struct prng *prng)
{
    if (model->allocated == 0) {
        return 0;
    }
    for (;;) {
        uint32_t page_number = (uint32_t)prng_below(prng, MODEL_PAGES);
        for (uint32_t i = 0; i < MODEL_PAGES; i++) {
            uint32_t at = (page_number + i) % MODEL_PAGES;
            if (model->value[at] != 0) {
                return at;
            }
        }
    }
}

static void change_alloc_run(struct model *model, struct qr_txn *txn, struct prng *prng)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t first = 0, got = 0;
    cr_assert_eq(qr_txn_page_alloc_run(txn, QR_PAGE_TYPE_OVERFLOW_DATA, 9,
                                       1 + (uint32_t)prng_below(prng, 20), &first, &got, &err),
                 QUIRE_OK, "%s", err.message);
    cr_assert_geq(got, 1);
    for (uint32_t i = 0; i < got; i++) {
        uint64_t value = prng_next(prng) | 1;
        fixture_write(txn, first + i, value);
        cr_assert_eq(model->value[first + i], 0, "page %u was in use", first + i);
        model->value[first + i] = value;
        model->allocated++;
    }
}

void model_change(struct model *model, struct qr_txn *txn, struct prng *prng, uint32_t pages_max)
{
    uint64_t kind = prng_below(prng, 100);
    uint32_t page_number = pick(model, prng);
    if (page_number == 0 || (kind < 25 && model->allocated < pages_max)) {
        uint64_t value = prng_next(prng) | 1;
        uint32_t fresh = fixture_alloc(txn, value);
        cr_assert_lt(fresh, MODEL_PAGES);
        cr_assert_eq(model->value[fresh], 0, "page %u was in use", fresh);
        model->value[fresh] = value;
        model->allocated++;
    } else if (kind < 28 && model->allocated + 20 < pages_max) {
        change_alloc_run(model, txn, prng);
    } else if (kind < 50) {
        quire_error err = QUIRE_ERROR_INIT;
        cr_assert_eq(qr_txn_page_free(txn, page_number, &err), QUIRE_OK, "%s", err.message);
        model->value[page_number] = 0;
        model->allocated--;
    } else if (kind < 60) {
        cr_assert_eq(fixture_read(qr_txn_view(txn), page_number), model->value[page_number]);
    } else {
        uint64_t value = prng_next(prng) | 1;
        fixture_write(txn, page_number, value);
        model->value[page_number] = value;
    }
}

/* Every page is either in the model or free: none is lost. Page 3 is left to the caller. */
static void check_free(const struct model *model, struct qr_view *view)
{
    uint32_t bits = qr_free_map_bits(qr_pager_page_size(qr_view_pager(view)));
    for (uint32_t p = 4; p < qr_view_page_count(view); p++) {
        bool is_free = false;
        cr_assert_eq(qr_view_page_is_free(view, p, &is_free, NULL), QUIRE_OK);
        cr_assert_eq(is_free, p % bits != 2 && model->value[p] == 0, "page %u", p);
    }
}

void model_check(const struct model *model, struct qr_view *view)
{
    check_free(model, view);
    for (uint32_t p = 3; p < MODEL_PAGES; p++) {
        if (model->value[p] != 0) {
            cr_assert_eq(fixture_read(view, p), model->value[p], "page %u at commit %llu", p,
                         (unsigned long long)qr_view_sequence(view));
        }
    }
}

void model_check_some(const struct model *model, struct qr_view *view, struct prng *prng,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t p = pick(model, prng);
        if (p != 0) {
            cr_assert_eq(fixture_read(view, p), model->value[p], "page %u at commit %llu", p,
                         (unsigned long long)qr_view_sequence(view));
        }
    }
}
