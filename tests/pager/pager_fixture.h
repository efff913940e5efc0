/*
 * Shared by the tests of the pager: a database in memory, pages with a value
 * that can be checked, and a model of what they should hold.
 */
#ifndef QUIRE_TESTS_PAGER_FIXTURE_H
#define QUIRE_TESTS_PAGER_FIXTURE_H

#include "pager/pager.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "support/prng.h"

#define FIXTURE_PATH     "/db/test.quire"
#define FIXTURE_WAL_PATH "/db/test.quire-wal"

/* Pages of 1 KiB, 64 frames, segments of 8 frames, no policy. */
struct qr_pager_options fixture_options(struct qr_file_layer *layer);

/* Opens or ends the test. */
struct qr_pager *fixture_open(const struct qr_pager_options *options);
/* Closes and ends the test when that fails. */
void fixture_close(struct qr_pager *pager);

quire_stats fixture_stats(struct qr_pager *pager);

/* Stores the value at both ends of a page's body. */
void fixture_fill(uint8_t *page, uint32_t page_size, uint64_t value);
/* The value, after checking that both ends agree. */
uint64_t fixture_value(const uint8_t *page, uint32_t page_size);

/* One page in an operation of its own. These end the test on failure. */
void fixture_write(struct qr_txn *txn, uint32_t page_number, uint64_t value);
uint64_t fixture_read(struct qr_view *view, uint32_t page_number);
uint32_t fixture_alloc(struct qr_txn *txn, uint64_t value);
struct qr_txn *fixture_begin(struct qr_pager *pager);
void fixture_commit(struct qr_txn *txn);
struct qr_view *fixture_snapshot(struct qr_pager *pager);

/* What the pages of a database hold: value 0 = not allocated. */
#define MODEL_PAGES 16384
struct model {
    uint64_t value[MODEL_PAGES];
    uint32_t allocated;
};

/* One random change of a transaction, applied to the model too. */
void model_change(struct model *model, struct qr_txn *txn, struct prng *prng, uint32_t pages_max);
/* Ends the test unless the view holds exactly the model. */
void model_check(const struct model *model, struct qr_view *view);
/* A few random pages of it. */
void model_check_some(const struct model *model, struct qr_view *view, struct prng *prng,
                      unsigned count);

#endif
