/*
 * Many threads on locks, gates, futexes and files at once. A plain program, so
 * that it can run under ThreadSanitizer. The result is checked by counting;
 * time decides nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/simd.h"
#include "base/thread.h"
#include "support/temp_dir.h"

enum { THREADS = 4, ROUNDS = 2000, LANES = 8 };

static struct shared {
    struct qr_gate gate;
    struct qr_mutex mutex;
    struct qr_cond cond;
    _Atomic uint32_t word;
    uint64_t in_gate, in_mutex; /* each counted inside its own */
    struct qr_file_layer *memory;
    char path[600];
} shared;

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

static void use_locks(int round)
{
    while (!qr_gate_enter(&shared.gate, 1, NULL)) {
    }
    shared.in_gate++;
    qr_gate_leave(&shared.gate);

    qr_mutex_lock(&shared.mutex);
    shared.in_mutex++;
    qr_cond_signal(&shared.cond);
    if (round % 64 == 0) {
        uint64_t soon_ns = qr_clock_monotonic_ns() + 100000;
        (void)qr_cond_wait_until(&shared.cond, &shared.mutex, soon_ns);
    }
    qr_mutex_unlock(&shared.mutex);

    if (round % 64 == 32) {
        uint32_t before = atomic_fetch_add(&shared.word, 1);
        qr_futex_wake(&shared.word, 1);
        (void)qr_futex_wait(&shared.word, before + 1, qr_clock_monotonic_ns() + 100000);
    }
}

/* Adds one under the file's exclusive lock, if it is free. */
static bool count_in_file(struct qr_file_layer *layer, const char *path)
{
    struct qr_file *file;
    bool taken = false;
    must(layer->methods->open(layer, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &file, NULL) == QUIRE_OK,
         "open");
    must(file->methods->lock(file, QR_LOCK_EXCLUSIVE, &taken, NULL) == QUIRE_OK, "lock");
    if (taken) {
        uint64_t count = 0;
        size_t got;
        must(file->methods->read(file, &count, sizeof count, 0, &got, NULL) == QUIRE_OK, "read");
        count++;
        must(qr_file_write_one(file, &count, sizeof count, 0, NULL) == QUIRE_OK, "write");
    }
    file->methods->close(file);
    return taken;
}

static void run(void *context)
{
    uint64_t *counted = context;
    uint64_t keys[LANES] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        use_locks(round);
        if (round % 16 == 0) {
            counted[0] += count_in_file(shared.memory, "count") ? 1 : 0;
            counted[1] += count_in_file(qr_file_layer_posix(), shared.path) ? 1 : 0;
        }
        keys[round % LANES] = qr_hash64(keys, sizeof keys, (uint64_t)round);
        must(qr_simd()->count_less_i64(keys, LANES, 0) ==
                 qr_simd_scalar()->count_less_i64(keys, LANES, 0),
             "kernels agree");
    }
}

static uint64_t count_of(struct qr_file_layer *layer, const char *path)
{
    struct qr_file *file;
    uint64_t count = 0;
    must(layer->methods->open(layer, path, QR_OPEN_READ, &file, NULL) == QUIRE_OK, "open");
    must(qr_file_read_all(file, &count, sizeof count, 0, path, NULL) == QUIRE_OK, "read");
    file->methods->close(file);
    return count;
}

int main(void)
{
    struct temp_dir dir;
    struct qr_thread threads[THREADS];
    uint64_t counted[THREADS][2] = {{0}};
    uint64_t totals[2] = {0};
    temp_dir_create(&dir);
    temp_dir_file(&dir, "count", shared.path, sizeof shared.path);
    qr_gate_init(&shared.gate, QR_RANK_WRITER);
    must(qr_mutex_init(&shared.mutex, QR_RANK_GROUP, NULL) == QUIRE_OK, "mutex");
    must(qr_cond_init(&shared.cond, NULL) == QUIRE_OK, "condition");
    must(qr_file_layer_memory_create(qr_allocator_default(), &shared.memory, NULL) == QUIRE_OK,
         "memory layer");
    for (int i = 0; i < THREADS; i++) {
        must(qr_thread_start(&threads[i], run, counted[i], NULL) == QUIRE_OK, "thread");
    }
    for (int i = 0; i < THREADS; i++) {
        qr_thread_join(&threads[i]);
        totals[0] += counted[i][0];
        totals[1] += counted[i][1];
    }
    must(shared.in_gate == THREADS * ROUNDS, "the gate admits one at a time");
    must(shared.in_mutex == THREADS * ROUNDS, "the mutex excludes");
    must(count_of(shared.memory, "count") == totals[0], "locks in memory exclude");
    must(count_of(qr_file_layer_posix(), shared.path) == totals[1], "locks on files exclude");
    qr_file_layer_memory_destroy(shared.memory);
    qr_cond_destroy(&shared.cond);
    qr_mutex_destroy(&shared.mutex);
    qr_gate_destroy(&shared.gate);
    temp_dir_remove(&dir);
    return 0;
}
