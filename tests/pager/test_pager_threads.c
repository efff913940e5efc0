/*
 * Several threads: groups, and snapshots that must never see half a commit.
 */
#define _POSIX_C_SOURCE 200809L

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <time.h>

#include "base/thread.h"
#include "pager_fixture.h"

enum { ACCOUNTS = 200, TOTAL = 1000000 };

struct bank {
    struct qr_pager *pager;
    uint32_t first;
    _Atomic bool stop;
    _Atomic unsigned bad, reads, failures;
    quire_error error; /* of some failure */
    unsigned commits;
    _Atomic uint64_t next_seed;
};

static uint64_t get_page(struct qr_view *view, uint32_t page_number, struct bank *bank)
{
    const uint8_t *page = NULL;
    uint64_t value = 0;
    quire_error err = QUIRE_ERROR_INIT;
    if (qr_view_page(view, page_number, &page, &err) == QUIRE_OK) {
        value = qr_load64(page + QR_PAGE_HEADER_SIZE);
        if (value != qr_load64(page + qr_pager_page_size(bank->pager) - 8)) {
            atomic_fetch_add(&bank->bad, 1);
        }
    } else if (atomic_fetch_add(&bank->failures, 1) == 0) {
        bank->error = err;
    }
    return value;
}

static void put_page(struct qr_txn *txn, uint32_t page_number, uint64_t value, struct bank *bank)
{
    uint8_t *page = NULL;
    if (qr_txn_page_write(txn, page_number, &page, NULL) == QUIRE_OK) {
        fixture_fill(page, qr_pager_page_size(bank->pager), value);
    } else {
        atomic_fetch_add(&bank->failures, 1);
    }
}

static void transfer(void *context)
{
    struct bank *bank = context;
    struct prng prng;
    prng_init(&prng, atomic_fetch_add(&bank->next_seed, 1));
    for (unsigned i = 0; i < bank->commits; i++) {
        struct qr_txn *txn = NULL;
        if (qr_txn_begin(bank->pager, 60000, &txn, NULL) != QUIRE_OK) {
            atomic_fetch_add(&bank->failures, 1);
            continue;
        }
        struct qr_view *view = qr_txn_view(txn);
        uint32_t from = bank->first + (uint32_t)prng_below(&prng, ACCOUNTS);
        uint32_t to = bank->first + (uint32_t)prng_below(&prng, ACCOUNTS);
        qr_view_enter(view);
        uint64_t amount = get_page(view, from, bank) / 2;
        put_page(txn, from, get_page(view, from, bank) - amount, bank);
        put_page(txn, to, get_page(view, to, bank) + amount, bank);
        qr_view_leave(view);
        if (prng_one_in(&prng, 10)) {
            qr_txn_rollback(txn);
        } else if (qr_txn_commit(txn, NULL) != QUIRE_OK) {
            atomic_fetch_add(&bank->failures, 1);
        }
    }
}

static void audit(void *context)
{
    struct bank *bank = context;
    while (!atomic_load(&bank->stop)) {
        struct qr_view *view = NULL;
        if (qr_snapshot_open(bank->pager, &view, NULL) != QUIRE_OK) {
            atomic_fetch_add(&bank->failures, 1);
            continue;
        }
        for (int round = 0; round < 3; round++) {
            uint64_t sum = 0;
            for (uint32_t i = 0; i < ACCOUNTS; i++) {
                qr_view_enter(view);
                sum += get_page(view, bank->first + i, bank);
                qr_view_leave(view);
            }
            if (sum != TOTAL) {
                atomic_fetch_add(&bank->bad, 1);
            }
        }
        qr_snapshot_close(view);
        atomic_fetch_add(&bank->reads, 1);
    }
}

static void open_bank(struct bank *bank, const struct qr_pager_options *options, unsigned commits)
{
    *bank = (struct bank){.commits = commits};
    bank->pager = fixture_open(options);
    struct qr_txn *txn = fixture_begin(bank->pager);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        uint32_t page_number = fixture_alloc(txn, TOTAL / ACCOUNTS);
        bank->first = i == 0 ? page_number : bank->first;
    }
    fixture_commit(txn);
}

static void run_bank(struct qr_pager_options *options, unsigned writers, unsigned readers,
                     unsigned commits, quire_stats *stats)
{
    enum { THREADS = 16 };
    struct bank bank;
    struct qr_thread threads[THREADS];
    open_bank(&bank, options, commits);
    for (unsigned i = 0; i < writers + readers; i++) {
        cr_assert_eq(qr_thread_start(&threads[i], i < writers ? transfer : audit, &bank, NULL),
                     QUIRE_OK);
    }
    for (unsigned i = 0; i < writers; i++) {
        qr_thread_join(&threads[i]);
    }
    atomic_store(&bank.stop, true);
    for (unsigned i = writers; i < writers + readers; i++) {
        qr_thread_join(&threads[i]);
    }
    *stats = fixture_stats(bank.pager);
    cr_assert_eq(atomic_load(&bank.failures), 0, "%s", bank.error.message);
    cr_assert_eq(atomic_load(&bank.bad), 0, "%u sums are wrong", atomic_load(&bank.bad));
    fixture_close(bank.pager);
    bank.pager = fixture_open(options);
    uint64_t sum = 0;
    struct qr_view *view = fixture_snapshot(bank.pager);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        sum += fixture_read(view, bank.first + i);
    }
    cr_assert_eq(sum, TOTAL);
    qr_snapshot_close(view);
    fixture_close(bank.pager);
}

static struct qr_file_layer *layer;

static void setup(void)
{
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
}

static void teardown(void)
{
    qr_file_layer_memory_destroy(layer);
}

TestSuite(pager_threads, .init = setup, .fini = teardown);

Test(pager_threads, snapshots__are_whole_beside_writers_in_a_small_cache)
{
    struct qr_pager_options options = fixture_options(layer);
    quire_stats stats;
    run_bank(&options, 3, 3, 400, &stats);
    cr_assert_gt(stats.evictions + stats.spills, 0);
}

Test(pager_threads, snapshots__are_whole_beside_writers_in_a_large_cache)
{
    struct qr_pager_options options = fixture_options(layer);
    options.cache_bytes = 4 << 20;
    quire_stats stats;
    run_bank(&options, 4, 3, 1000, &stats);
}

static void be_slow(void *context, const struct faulty_record *record)
{
    (void)context;
    (void)record;
    struct timespec pause = {0, 1000000};
    (void)nanosleep(&pause, NULL);
}

Test(pager_threads, groups__share_syncs)
{
    struct faulty_layer *slow = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(slow));
    options.cache_bytes = 4 << 20;
    options.wal_segment_bytes = 1 << 20;
    options.wal_bytes_max = 16 << 20;
    faulty_layer_observe(slow, FAULTY_SET(FAULTY_SYNC), be_slow, NULL);
    quire_stats stats;
    run_bank(&options, 8, 0, 200, &stats);
    cr_assert_geq(stats.commits, 8 * 150);
    cr_assert_leq(stats.syncs * 3, stats.commits, "%llu syncs for %llu commits",
                  (unsigned long long)stats.syncs, (unsigned long long)stats.commits);
    faulty_layer_destroy(slow);
}

struct late {
    struct qr_pager *pager;
    struct qr_txn *txn;
    _Atomic bool done;
};

static void commit_late(void *context)
{
    struct late *late = context;
    if (qr_txn_commit(late->txn, NULL) == QUIRE_OK) {
        atomic_store(&late->done, true);
    }
}

Test(pager_threads, acknowledgement__does_not_wait_for_another_open_transaction)
{
    struct qr_pager_options options = fixture_options(layer);
    struct late late = {.pager = fixture_open(&options)};
    struct qr_thread thread;
    late.txn = fixture_begin(late.pager);
    (void)fixture_alloc(late.txn, 1);
    cr_assert_eq(qr_thread_start(&thread, commit_late, &late, NULL), QUIRE_OK);
    struct qr_txn *txn = NULL;
    cr_assert_eq(qr_txn_begin(late.pager, 20000, &txn, NULL), QUIRE_OK);
    (void)fixture_alloc(txn, 2);
    qr_thread_join(&thread);
    cr_assert(atomic_load(&late.done));
    qr_txn_rollback(txn);
    fixture_close(late.pager);
}
