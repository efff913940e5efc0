/*
 * What closing leaves: a file that is complete on its own, and a header that
 * says so only when it is.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "pager_fixture.h"

enum { PAGES = 40, CUTS = 12, IMAGES_MAX = 4000 };

struct closing {
    struct faulty_layer *faulty;
    struct qr_file_layer *images[IMAGES_MAX];
    size_t count;
};

static void take_images(void *context, const struct faulty_record *record)
{
    struct closing *closing = context;
    (void)record;
    for (uint64_t seed = 0; seed < CUTS && closing->count < IMAGES_MAX; seed++) {
        struct faulty_cut cut = {.survival = seed == 0   ? FAULTY_KEEP_ALL
                                             : seed == 1 ? FAULTY_LOSE_ALL
                                                         : FAULTY_KEEP_RANDOM,
                                 .tear = seed % 2 == 0 ? FAULTY_TEAR_NONE : FAULTY_TEAR_RANDOM,
                                 .seed = closing->count};
        closing->images[closing->count++] = faulty_layer_power_cut(closing->faulty, &cut);
    }
}

/* Pages 3.. hold `value`. */
static void write_pages(struct qr_pager *pager, uint64_t value)
{
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t i = 0; i < PAGES; i++) {
        if (value == 1) {
            cr_assert_eq(fixture_alloc(txn, value), 3 + i);
        } else {
            fixture_write(txn, 3 + i, value);
        }
    }
    fixture_commit(txn);
}

static quire_status open_without_log(struct qr_file_layer *layer, struct qr_pager **pager)
{
    struct qr_pager_options options = fixture_options(layer);
    bool log = false;
    cr_assert_eq(layer->methods->exists(layer, FIXTURE_WAL_PATH, &log, NULL), QUIRE_OK);
    if (log) {
        cr_assert_eq(layer->methods->remove(layer, FIXTURE_WAL_PATH, NULL), QUIRE_OK);
    }
    options.mode = QUIRE_OPEN_READ_WRITE;
    return qr_pager_open(&options, pager, NULL);
}

Test(pager_close, header__says_that_no_log_is_needed_only_when_that_is_true)
{
    static struct closing closing;
    unsigned missing = 0;
    unsigned complete = 0;
    closing.faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(closing.faulty));
    struct qr_pager *pager = fixture_open(&options);
    write_pages(pager, 1);
    fixture_close(pager);
    pager = fixture_open(&options);
    write_pages(pager, 2);
    faulty_layer_observe(closing.faulty, FAULTY_CHANGES, take_images, &closing);
    fixture_close(pager);
    take_images(&closing, NULL);
    faulty_layer_observe(closing.faulty, 0, NULL, NULL);
    for (size_t i = 0; i < closing.count; i++) {
        quire_status status = open_without_log(closing.images[i], &pager);
        if (status != QUIRE_OK) {
            /* A header that is torn is damaged when there is no log to repair it from. */
            cr_assert(status == QUIRE_LOG_MISSING || status == QUIRE_CORRUPT, "image %zu: %s", i,
                      quire_status_name(status));
            missing++;
        } else {
            struct qr_view *view = fixture_snapshot(pager);
            for (uint32_t page = 3; page < 3 + PAGES; page++) {
                cr_assert_eq(fixture_read(view, page), 2, "image %zu: page %u is old", i, page);
            }
            qr_snapshot_close(view);
            fixture_close(pager);
            complete++;
        }
        qr_file_layer_memory_destroy(closing.images[i]);
    }
    cr_assert_gt(missing, 0);
    cr_assert_gt(complete, 0);
    faulty_layer_destroy(closing.faulty);
}
