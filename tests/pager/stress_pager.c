/*
 * Readers, writers and the checkpointer at once, as a plain program so that it
 * also runs under the thread sanitizer (build with QUIRE_PORTABLE there: it
 * does not know the barrier system call).
 *
 *   stress_pager [commits a writer] [durability 0..2]
 *
 * Writers move amounts between pages; the sum never changes. Each reader adds
 * up its snapshot twice, holds a pin over operations, and compares.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "pager/pager.h"
#include "support/prng.h"

enum { ACCOUNTS = 200, TOTAL = 1000000, WRITERS = 3, READERS = 3, FIRST = 3 };

struct stress {
    struct qr_pager *pager;
    unsigned commits;
    _Atomic unsigned mistakes;
    _Atomic bool stop;
    _Atomic uint64_t seed;
};

static void mistake(struct stress *stress, const char *what)
{
    if (atomic_fetch_add(&stress->mistakes, 1) < 10) {
        (void)fprintf(stderr, "%s\n", what);
    }
}

static uint64_t amount_of(const uint8_t *page)
{
    return qr_load64(page + QR_PAGE_HEADER_SIZE);
}

static const uint8_t *page_of(struct stress *stress, struct qr_view *view, uint32_t account)
{
    static const uint8_t none[QR_PAGE_HEADER_SIZE + 8];
    const uint8_t *page = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    if (qr_view_page(view, FIRST + account, &page, &err) != QUIRE_OK) {
        mistake(stress, err.message);
        return none;
    }
    return page;
}

static void add(struct stress *stress, struct qr_txn *txn, uint32_t account, uint64_t amount)
{
    uint8_t *page = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    if (qr_txn_page_write(txn, FIRST + account, &page, &err) != QUIRE_OK) {
        mistake(stress, err.message);
    } else {
        qr_store64(page + QR_PAGE_HEADER_SIZE, amount_of(page) + amount);
    }
}

static void write_some(void *context)
{
    struct stress *stress = context;
    struct prng prng;
    prng_init(&prng, atomic_fetch_add(&stress->seed, 1));
    for (unsigned i = 0; i < stress->commits; i++) {
        struct qr_txn *txn = NULL;
        quire_error err = QUIRE_ERROR_INIT;
        if (qr_txn_begin(stress->pager, 600000, &txn, &err) != QUIRE_OK) {
            mistake(stress, err.message);
            return;
        }
        struct qr_view *view = qr_txn_view(txn);
        uint32_t from = (uint32_t)prng_below(&prng, ACCOUNTS);
        qr_view_enter(view);
        uint64_t amount = amount_of(page_of(stress, view, from)) / 2;
        add(stress, txn, from, (uint64_t)0 - amount);
        add(stress, txn, (uint32_t)prng_below(&prng, ACCOUNTS), amount);
        qr_view_leave(view);
        if (prng_one_in(&prng, 10)) {
            qr_txn_rollback(txn);
        } else if (qr_txn_commit(txn, &err) != QUIRE_OK) {
            mistake(stress, err.message);
        }
    }
}

static void add_up(struct stress *stress, struct qr_view *view, struct qr_pin *pin)
{
    const uint8_t *pinned = NULL;
    uint64_t pinned_amount = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        qr_view_enter(view);
        if (pinned != NULL && amount_of(pinned) != pinned_amount) {
            mistake(stress, "a pinned page changed");
        }
        const uint8_t *page = page_of(stress, view, i);
        sum += amount_of(page);
        if (i % 7 == 0) {
            qr_pin_set(pin, page);
            pinned = page;
            pinned_amount = amount_of(page);
        }
        qr_view_leave(view);
    }
    if (sum != TOTAL) {
        mistake(stress, "a snapshot does not add up");
    }
}

static void read_some(void *context)
{
    struct stress *stress = context;
    while (!atomic_load(&stress->stop)) {
        struct qr_view *view = NULL;
        struct qr_pin *pin = NULL;
        quire_error err = QUIRE_ERROR_INIT;
        if (qr_snapshot_open(stress->pager, &view, &err) != QUIRE_OK ||
            qr_pin_create(view, &pin, &err) != QUIRE_OK) {
            mistake(stress, err.message);
            return;
        }
        add_up(stress, view, pin);
        add_up(stress, view, pin);
        qr_pin_destroy(pin);
        qr_snapshot_close(view);
    }
}

static void fill(struct stress *stress)
{
    struct qr_txn *txn = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    if (qr_txn_begin(stress->pager, 1000, &txn, &err) != QUIRE_OK) {
        mistake(stress, err.message);
        return;
    }
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        uint8_t *page = NULL;
        uint32_t number = 0;
        if (qr_txn_page_alloc(txn, QR_PAGE_TYPE_ROW_LEAF, 1, 0, &number, &page, &err) != QUIRE_OK) {
            mistake(stress, err.message);
        } else {
            qr_store64(page + QR_PAGE_HEADER_SIZE, TOTAL / ACCOUNTS);
        }
    }
    if (qr_txn_commit(txn, &err) != QUIRE_OK) {
        mistake(stress, err.message);
    }
}

static void run_threads(struct stress *stress)
{
    struct qr_thread threads[WRITERS + READERS];
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        if (qr_thread_start(&threads[i], i < WRITERS ? write_some : read_some, stress, NULL) !=
            QUIRE_OK) {
            abort();
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        qr_thread_join(&threads[i]);
    }
    atomic_store(&stress->stop, true);
    for (unsigned i = WRITERS; i < WRITERS + READERS; i++) {
        qr_thread_join(&threads[i]);
    }
}

static unsigned run(struct qr_file_layer *layer, const char *path, uint64_t cache_bytes,
                    quire_durability durability, unsigned commits)
{
    struct qr_pager_options options = {
        .layer = layer,
        .path = path,
        .page_size = 1024,
        .cache_bytes = cache_bytes,
        .wal_segment_bytes = 16 * 1024,
        .wal_bytes_max = 256 * 1024,
        .readers_max = READERS,
        .malloc_arena = true,
        .durability = durability,
        .sync_interval_ms = 1,
    };
    struct stress stress = {.commits = commits};
    quire_error err = QUIRE_ERROR_INIT;
    if (qr_pager_open(&options, &stress.pager, &err) != QUIRE_OK) {
        mistake(&stress, err.message);
        return 1;
    }
    fill(&stress);
    run_threads(&stress);
    quire_stats stats = {.size = sizeof stats};
    qr_pager_get_stats(stress.pager, &stats);
    printf("%s: %llu commits, %llu checkpoints, %llu evictions, %llu spills, %u mistakes\n", path,
           (unsigned long long)stats.commits, (unsigned long long)stats.checkpoints,
           (unsigned long long)stats.evictions, (unsigned long long)stats.spills,
           atomic_load(&stress.mistakes));
    if (qr_pager_close(stress.pager, &err) != QUIRE_OK) {
        mistake(&stress, err.message);
    }
    return atomic_load(&stress.mistakes);
}

int main(int argc, char **argv)
{
    unsigned commits = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 500;
    int durability = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    struct qr_file_layer *layer = NULL;
    if (qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL) != QUIRE_OK) {
        return 2;
    }
    unsigned mistakes = run(layer, "/small", 64 * 1024, (quire_durability)durability, commits) +
                        run(layer, "/large", 4 << 20, (quire_durability)durability, commits);
    qr_file_layer_memory_destroy(layer);
    return mistakes == 0 ? 0 : 1;
}
