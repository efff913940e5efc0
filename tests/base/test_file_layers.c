/* Every file layer behaves like the operating system's under the same random calls. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "support/delayed_layer.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "support/prng.h"
#include "support/temp_dir.h"

enum { NAMES = 4, HANDLES = 6, SIZE_MAX_TESTED = 20000 };

/* The same calls go to both sides; on one of them paths have a directory before them. */
struct side {
    struct qr_file_layer *layer;
    const char *directory;
    struct qr_file *handles[HANDLES];
};

static const char *path_of(const struct side *side, size_t name, char *out, size_t size)
{
    snprintf(out, size, "%s/file%zu", side->directory, name);
    return out;
}

static void open_both(struct side sides[2], size_t handle, size_t name, unsigned flags)
{
    quire_status status[2];
    char path[600];
    for (int s = 0; s < 2; s++) {
        struct side *side = &sides[s];
        if (side->handles[handle] != NULL) {
            side->handles[handle]->methods->close(side->handles[handle]);
        }
        status[s] = side->layer->methods->open(side->layer, path_of(side, name, path, sizeof path),
                                               flags, &side->handles[handle], NULL);
    }
    cr_assert_eq(status[0], status[1], "open: %s and %s", quire_status_name(status[0]),
                 quire_status_name(status[1]));
}

static void change_names_both(struct side sides[2], struct prng *prng)
{
    size_t from = prng_below(prng, NAMES);
    size_t to = prng_below(prng, NAMES);
    bool renames = prng_one_in(prng, 2);
    quire_status status[2];
    bool exists[2];
    char first[600];
    char second[600];
    for (int s = 0; s < 2; s++) {
        struct qr_file_layer *layer = sides[s].layer;
        path_of(&sides[s], from, first, sizeof first);
        path_of(&sides[s], to, second, sizeof second);
        status[s] = renames ? layer->methods->rename(layer, first, second, NULL)
                            : layer->methods->remove(layer, first, NULL);
        cr_assert_eq(layer->methods->exists(layer, first, &exists[s], NULL), QUIRE_OK);
        cr_assert_eq(layer->methods->sync_directory(layer, first, NULL), QUIRE_OK);
    }
    cr_assert_eq(status[0], status[1]);
    cr_assert_eq(exists[0], exists[1]);
}

static void write_both(struct side sides[2], size_t handle, struct prng *prng)
{
    static uint8_t bytes[3000];
    struct qr_iovec buffers[3];
    prng_fill(prng, bytes, sizeof bytes);
    size_t count = prng_below(prng, 4);
    for (size_t i = 0; i < count; i++) {
        size_t size = prng_one_in(prng, 3) ? 0 : prng_below(prng, 1000);
        buffers[i] = (struct qr_iovec){.base = bytes + 1000 * i, .size = size};
    }
    uint64_t offset = prng_below(prng, SIZE_MAX_TESTED);
    quire_status status[2];
    for (int s = 0; s < 2; s++) {
        struct qr_file *file = sides[s].handles[handle];
        status[s] = file->methods->write(file, buffers, count, offset, NULL);
    }
    cr_assert_eq(status[0], status[1]);
}

static void read_both(struct side sides[2], size_t handle, struct prng *prng)
{
    static uint8_t bytes[2][SIZE_MAX_TESTED];
    size_t size = prng_below(prng, SIZE_MAX_TESTED);
    uint64_t offset = prng_below(prng, SIZE_MAX_TESTED + 4000);
    size_t got[2];
    uint64_t sizes[2];
    for (int s = 0; s < 2; s++) {
        struct qr_file *file = sides[s].handles[handle];
        cr_assert_eq(file->methods->read(file, bytes[s], size, offset, &got[s], NULL), QUIRE_OK);
        cr_assert_eq(file->methods->size(file, &sizes[s], NULL), QUIRE_OK);
    }
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert_eq(got[0], got[1]);
    cr_assert_eq(memcmp(bytes[0], bytes[1], got[0]), 0);
}

static void lock_both(struct side sides[2], size_t handle, struct prng *prng)
{
    enum qr_lock_mode mode = prng_one_in(prng, 2) ? QR_LOCK_SHARED : QR_LOCK_EXCLUSIVE;
    bool unlocks = prng_one_in(prng, 3);
    quire_status status[2] = {QUIRE_OK, QUIRE_OK};
    bool taken[2] = {false, false};
    for (int s = 0; s < 2; s++) {
        struct qr_file *file = sides[s].handles[handle];
        if (unlocks) {
            file->methods->unlock(file);
        } else {
            status[s] = file->methods->lock(file, mode, &taken[s], NULL);
        }
    }
    cr_assert_eq(status[0], status[1]);
    cr_assert_eq(taken[0], taken[1]);
}

static void step_both(struct side sides[2], struct prng *prng)
{
    static const unsigned flags[] = {QR_OPEN_READ, QR_OPEN_WRITE, QR_OPEN_WRITE | QR_OPEN_CREATE,
                                     QR_OPEN_WRITE | QR_OPEN_CREATE | QR_OPEN_EXCLUSIVE,
                                     QR_OPEN_READ | QR_OPEN_CREATE};
    size_t handle = prng_below(prng, HANDLES);
    uint64_t choice = prng_below(prng, 20);
    if (sides[0].handles[handle] == NULL || choice == 0) {
        size_t name = prng_below(prng, NAMES);
        open_both(sides, handle, name, flags[prng_below(prng, 5)]);
    } else if (choice == 1) {
        change_names_both(sides, prng);
    } else if (choice <= 8) {
        write_both(sides, handle, prng);
    } else if (choice <= 14) {
        read_both(sides, handle, prng);
    } else if (choice <= 17) {
        lock_both(sides, handle, prng);
    } else {
        uint64_t size = prng_below(prng, SIZE_MAX_TESTED);
        quire_status status[2];
        for (int s = 0; s < 2; s++) {
            struct qr_file *file = sides[s].handles[handle];
            status[s] = choice == 18 ? file->methods->truncate(file, size, NULL)
                                     : file->methods->sync(file, NULL);
            file->methods->write_behind(file, 0, size);
        }
        cr_assert_eq(status[0], status[1]);
    }
}

static void compare_with_posix(struct qr_file_layer *layer, const char *directory, const char *name)
{
    struct temp_dir dir;
    struct prng prng;
    temp_dir_create(&dir);
    prng_init_printed(&prng, name);
    struct side sides[2] = {{.layer = qr_file_layer_posix(), .directory = dir.path},
                            {.layer = layer, .directory = directory}};
    for (int i = 0; i < 6000; i++) {
        step_both(sides, &prng);
    }
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < HANDLES; i++) {
            if (sides[s].handles[i] != NULL) {
                sides[s].handles[i]->methods->close(sides[s].handles[i]);
            }
        }
    }
    temp_dir_remove(&dir);
}

Test(file_layers, memory__equals_posix)
{
    struct failing_allocator failing;
    struct qr_file_layer *layer;
    failing_allocator_init(&failing);
    cr_assert_eq(qr_file_layer_memory_create(&failing.allocator, &layer, NULL), QUIRE_OK);
    compare_with_posix(layer, "", "memory");
    qr_file_layer_memory_destroy(layer);
    qr_file_layer_memory_destroy(NULL);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(file_layers, faulty__equals_posix)
{
    struct faulty_layer *faulty = faulty_layer_create();
    compare_with_posix(faulty_layer_files(faulty), "/somewhere", "faulty");
    faulty_layer_destroy(faulty);
}

Test(file_layers, delayed__equals_posix)
{
    struct temp_dir dir;
    struct qr_file_layer *layer = delayed_layer_create();
    temp_dir_create(&dir);
    compare_with_posix(layer, dir.path, "delayed");
    delayed_layer_destroy(layer);
    temp_dir_remove(&dir);
}

static quire_status use_memory_layer(const quire_allocator *allocator)
{
    struct qr_file_layer *layer;
    struct qr_file *file = NULL;
    struct qr_file *temporary = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = qr_file_layer_memory_create(allocator, &layer, &err);
    if (status != QUIRE_OK) {
        cr_assert_null(layer);
        return status;
    }
    QR_TRY_GOTO(status,
                layer->methods->open(layer, "a", QR_OPEN_WRITE | QR_OPEN_CREATE, &file, &err),
                done);
    QR_TRY_GOTO(status, layer->methods->open_temporary(layer, "a", &temporary, &err), done);
    QR_TRY_GOTO(status, qr_file_write_one(temporary, "abc", 3, 100, &err), done);
    QR_TRY_GOTO(status, file->methods->truncate(file, 5000, &err), done);
    QR_TRY_GOTO(status, layer->methods->rename(layer, "a", "b", &err), done);

done:
    cr_assert_eq(status, err.status);
    if (temporary != NULL) {
        temporary->methods->close(temporary);
    }
    if (file != NULL) {
        file->methods->close(file);
    }
    qr_file_layer_memory_destroy(layer);
    return status;
}

Test(file_layers, memory__survives_every_allocation_failure)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    uint64_t rounds = 0;
    while (status != QUIRE_OK) {
        failing_allocator_arm(&failing, rounds++, false);
        status = use_memory_layer(&failing.allocator);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        cr_assert(failing_allocator_is_clean(&failing));
    }
    cr_assert_gt(rounds, 6);
}

Test(file_layers, memory__refuses_impossible_offsets)
{
    struct qr_file_layer *layer;
    struct qr_file *file;
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t random[8] = {0};
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err), QUIRE_OK);
    cr_assert_eq(layer->methods->open(layer, "a", QR_OPEN_WRITE | QR_OPEN_CREATE, &file, &err),
                 QUIRE_OK);
    cr_assert_eq(qr_file_write_one(file, "abc", 3, UINT64_MAX - 1, &err), QUIRE_LIMIT);
    cr_assert_eq(qr_file_write_one(file, "abc", 3, UINT64_MAX / 2, &err), QUIRE_LIMIT);
    cr_assert_eq(file->methods->truncate(file, UINT64_MAX, &err), QUIRE_LIMIT);
    cr_assert_eq(layer->methods->random(layer, random, sizeof random, &err), QUIRE_OK);
    file->methods->close(file);
    qr_file_layer_memory_destroy(layer);
}

/* ---- Names of open files ---- */

static bool is_named(struct qr_file *file)
{
    bool named;
    cr_assert_eq(file->methods->is_named(file, &named, NULL), QUIRE_OK);
    return named;
}

static void assert_names_are_noticed(struct qr_file_layer *layer, const char *directory)
{
    unsigned flags = QR_OPEN_WRITE | QR_OPEN_CREATE;
    struct side side = {.layer = layer, .directory = directory};
    struct qr_file *first;
    struct qr_file *second;
    char path[600];
    char other[600];
    path_of(&side, 0, path, sizeof path);
    path_of(&side, 1, other, sizeof other);
    cr_assert_eq(layer->methods->open(layer, path, flags, &first, NULL), QUIRE_OK);
    cr_assert_eq(layer->methods->open(layer, other, flags, &second, NULL), QUIRE_OK);
    cr_assert(is_named(first) && is_named(second));
    second->methods->close(second);
    cr_assert_eq(layer->methods->rename(layer, other, path, NULL), QUIRE_OK);
    cr_assert_not(is_named(first), "another file has taken its name");
    cr_assert_eq(layer->methods->open(layer, path, flags, &second, NULL), QUIRE_OK);
    cr_assert(is_named(second));
    cr_assert_eq(layer->methods->remove(layer, path, NULL), QUIRE_OK);
    cr_assert_not(is_named(first));
    cr_assert_not(is_named(second));
    first->methods->close(first);
    second->methods->close(second);
}

Test(file_layers, open_files__tell_whether_they_have_kept_their_name)
{
    struct temp_dir dir;
    struct qr_file_layer *memory;
    struct faulty_layer *faulty = faulty_layer_create();
    temp_dir_create(&dir);
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &memory, NULL), QUIRE_OK);
    assert_names_are_noticed(qr_file_layer_posix(), dir.path);
    assert_names_are_noticed(memory, "/d");
    assert_names_are_noticed(faulty_layer_files(faulty), "/d");
    qr_file_layer_memory_destroy(memory);
    faulty_layer_destroy(faulty);
    temp_dir_remove(&dir);
}
