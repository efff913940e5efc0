/* The faulty and the delayed layer do exactly what their model says. */
#define _GNU_SOURCE

#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/delayed_layer.h"
#include "support/faulty_layer.h"
#include "support/temp_dir.h"

static struct faulty_layer *faulty;
static struct qr_file_layer *layer;
static struct qr_file *file;
static quire_error err;

static void set_up(void)
{
    faulty = faulty_layer_create();
    layer = faulty_layer_files(faulty);
    file = NULL;
    err = (quire_error)QUIRE_ERROR_INIT;
}

static void tear_down(void)
{
    if (file != NULL) {
        file->methods->close(file);
    }
    faulty_layer_destroy(faulty);
}

TestSuite(faulty, .init = set_up, .fini = tear_down);

/* ---- Helpers ---- */

static struct qr_file *create(const char *path)
{
    struct qr_file *created;
    cr_assert_eq(layer->methods->open(layer, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &created, &err),
                 QUIRE_OK, "%s", err.message);
    return created;
}

static void put(uint64_t offset, const char *text)
{
    cr_assert_eq(qr_file_write_one(file, text, strlen(text), offset, &err), QUIRE_OK);
}

static void sync_file(void)
{
    cr_assert_eq(file->methods->sync(file, &err), QUIRE_OK);
}

static void sync_names(void)
{
    cr_assert_eq(layer->methods->sync_directory(layer, "d/a", &err), QUIRE_OK);
}

/* Reads a whole file of a layer; NULL when it does not exist. Freed by the caller. */
static char *content(struct qr_file_layer *from, const char *path, size_t *size)
{
    struct qr_file *opened;
    if (from->methods->open(from, path, QR_OPEN_READ, &opened, NULL) == QUIRE_NO_FILE) {
        return NULL;
    }
    uint64_t bytes;
    cr_assert_eq(opened->methods->size(opened, &bytes, NULL), QUIRE_OK);
    char *text = calloc(1, bytes + 1);
    cr_assert_eq(qr_file_read_all(opened, text, bytes, 0, path, NULL), QUIRE_OK);
    opened->methods->close(opened);
    *size = bytes;
    return text;
}

/* Whether the crash image under `cut` holds exactly `expected` at path; NULL for no file. */
static void expect_image(const struct faulty_cut *cut, const char *path, const char *expected)
{
    struct qr_file_layer *image = faulty_layer_power_cut(faulty, cut);
    size_t size = 0;
    char *text = content(image, path, &size);
    if (expected == NULL) {
        cr_assert_null(text, "%s exists", path);
    } else {
        cr_assert_not_null(text, "%s is missing", path);
        cr_assert_eq(size, strlen(expected), "%s has %zu bytes: %s", path, size, text);
        cr_assert_str_eq(text, expected);
    }
    free(text);
    qr_file_layer_memory_destroy(image);
}

static const struct faulty_cut lose = {.survival = FAULTY_LOSE_ALL};
static const struct faulty_cut keep = {.survival = FAULTY_KEEP_ALL};

static struct faulty_cut mask(uint64_t bits)
{
    return (struct faulty_cut){.survival = FAULTY_KEEP_MASK, .mask = bits};
}

/* ---- Power cuts ---- */

Test(faulty, power_cut__keeps_what_was_synced)
{
    file = create("d/a");
    sync_names();
    put(0, "hello");
    expect_image(&lose, "d/a", "");
    expect_image(&keep, "d/a", "hello");
    sync_file();
    expect_image(&lose, "d/a", "hello");
    put(1, "E");
    put(5, "!");
    expect_image(&lose, "d/a", "hello");
    expect_image(&keep, "d/a", "hEllo!");
}

Test(faulty, power_cut__keeps_any_subset_of_unsynced_writes)
{
    file = create("d/a");
    sync_names();
    put(0, "......");
    sync_file();
    put(0, "AA");
    put(1, "BB");
    put(4, "CC");
    static const char *const images[8] = {"......", "AA....", ".BB...", "ABB...",
                                          "....CC", "AA..CC", ".BB.CC", "ABB.CC"};
    for (uint64_t bits = 0; bits < 8; bits++) {
        struct faulty_cut cut = mask(bits);
        expect_image(&cut, "d/a", images[bits]);
    }
    static const char *const prefixes[4] = {"......", "AA....", "ABB...", "ABB.CC"};
    for (uint64_t count = 0; count < 4; count++) {
        struct faulty_cut cut = {.survival = FAULTY_KEEP_FIRST, .mask = count};
        expect_image(&cut, "d/a", prefixes[count]);
    }
}

Test(faulty, power_cut__treats_truncation_as_a_change)
{
    file = create("d/a");
    sync_names();
    put(0, "abcdef");
    sync_file();
    cr_assert_eq(file->methods->truncate(file, 2, &err), QUIRE_OK);
    put(2, "X");
    struct faulty_cut only_truncate = mask(1);
    struct faulty_cut only_write = mask(2);
    expect_image(&lose, "d/a", "abcdef");
    expect_image(&only_truncate, "d/a", "ab");
    expect_image(&only_write, "d/a", "abXdef");
    expect_image(&keep, "d/a", "abX");
    struct faulty_change changes[4];
    cr_assert_eq(faulty_layer_changes(faulty, changes, 4), 2);
    cr_assert(changes[0].kind == FAULTY_CHANGE_TRUNCATE && changes[0].offset == 2);
    cr_assert(changes[1].kind == FAULTY_CHANGE_WRITE && changes[1].size == 1);
    cr_assert_eq(faulty_layer_changes(faulty, NULL, 0), 2);
}

Test(faulty, power_cut__loses_names_until_the_directory_is_synced)
{
    file = create("d/a");
    put(0, "text");
    sync_file();
    expect_image(&lose, "d/a", NULL);
    expect_image(&keep, "d/a", "text");
    cr_assert_eq(layer->methods->sync_directory(layer, "other/x", &err), QUIRE_OK);
    expect_image(&lose, "d/a", NULL);
    sync_names();
    expect_image(&lose, "d/a", "text");

    cr_assert_eq(layer->methods->rename(layer, "d/a", "d/b", &err), QUIRE_OK);
    expect_image(&lose, "d/a", "text");
    expect_image(&lose, "d/b", NULL);
    expect_image(&keep, "d/a", NULL);
    expect_image(&keep, "d/b", "text");
    sync_names();
    expect_image(&lose, "d/a", NULL);
    expect_image(&lose, "d/b", "text");

    cr_assert_eq(layer->methods->remove(layer, "d/b", &err), QUIRE_OK);
    expect_image(&lose, "d/b", "text");
    expect_image(&keep, "d/b", NULL);
    sync_names();
    expect_image(&lose, "d/b", NULL);
}

Test(faulty, power_cut__can_order_names)
{
    static const char *const names[] = {"d/a", "d/b", "d/c"};
    for (size_t i = 0; i < 3; i++) {
        struct qr_file *created = create(names[i]);
        created->methods->close(created);
    }
    struct faulty_cut cut = mask(1U | 4U);
    expect_image(&cut, "d/a", "");
    expect_image(&cut, "d/b", NULL);
    expect_image(&cut, "d/c", "");
    cut.names_ordered = true;
    expect_image(&cut, "d/a", "");
    expect_image(&cut, "d/c", NULL);
}

Test(faulty, power_cut__tears_writes_at_sectors)
{
    static char text[2001];
    static char expected[2001];
    file = create("d/a");
    sync_names();
    memset(text, '.', 2000);
    put(0, text);
    sync_file();
    /* From 100 to 1700: sectors 0 (in part), 1, 2 and 3 (in part). */
    memset(text, '#', 1600);
    text[1600] = '\0';
    put(100, text);
    for (uint64_t sectors = 0; sectors <= 5; sectors++) {
        uint64_t border = sectors * FAULTY_SECTOR;
        border = border < 100 ? 100 : border > 1700 ? 1700 : border;
        struct faulty_cut cut = keep;
        cut.tear_sectors = sectors;
        cut.tear = FAULTY_TEAR_PREFIX;
        memset(expected, '.', 2000);
        memset(expected + 100, '#', border - 100);
        expect_image(&cut, "d/a", expected);
        cut.tear = FAULTY_TEAR_SUFFIX;
        memset(expected, '.', 2000);
        memset(expected + border, '#', 1700 - border);
        expect_image(&cut, "d/a", expected);
    }
}

Test(faulty, power_cut__can_tear_one_write_alone)
{
    static char text[2049];
    static char expected[2049];
    file = create("d/a");
    sync_names();
    memset(text, '#', 1024);
    put(0, text);
    put(1024, text);
    struct faulty_cut cut = keep;
    cut.tear = FAULTY_TEAR_PREFIX;
    cut.tear_sectors = 1;
    cut.tear_change = 2;
    memset(expected, '#', 1536);
    expect_image(&cut, "d/a", expected);
    cut.tear_change = 1;
    cut.tear = FAULTY_TEAR_SUFFIX;
    struct qr_file_layer *image = faulty_layer_power_cut(faulty, &cut);
    size_t size;
    char *bytes = content(image, "d/a", &size);
    cr_assert(size == 2048 && bytes[0] == 0 && bytes[511] == 0 && bytes[512] == '#' &&
              bytes[2047] == '#');
    free(bytes);
    qr_file_layer_memory_destroy(image);
}

Test(faulty, power_cut__by_chance_is_repeatable_and_stays_inside_the_model)
{
    static char text[3001];
    file = create("d/a");
    sync_names();
    memset(text, 'a', 3000);
    put(0, text);
    sync_file();
    memset(text, 'b', 3000);
    put(1000, text);
    bool seen_short = false;
    bool seen_torn = false;
    bool seen_garbage = false;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct faulty_cut cut = {.survival = FAULTY_KEEP_RANDOM,
                                 .tear = FAULTY_TEAR_RANDOM,
                                 .garbage = true,
                                 .seed = seed};
        size_t size = 0;
        size_t again_size = 0;
        struct qr_file_layer *image = faulty_layer_power_cut(faulty, &cut);
        struct qr_file_layer *again = faulty_layer_power_cut(faulty, &cut);
        char *bytes = content(image, "d/a", &size);
        char *again_bytes = content(again, "d/a", &again_size);
        cr_assert(size == again_size && memcmp(bytes, again_bytes, size) == 0);
        cr_assert(size >= 3000 && size <= 4000);
        seen_short = seen_short || size == 3000;
        for (size_t i = 0; i < 3000; i++) {
            bool old_or_new = bytes[i] == 'a' || (i >= 1000 && bytes[i] == 'b');
            cr_assert(old_or_new, "byte %zu", i);
            bool at_border = i > 1000 && bytes[i] != bytes[i - 1];
            cr_assert(!at_border || i % FAULTY_SECTOR == 0);
            seen_torn = seen_torn || at_border;
        }
        for (size_t i = 3000; i < size; i++) {
            seen_garbage = seen_garbage || (bytes[i] != 0 && bytes[i] != 'b');
        }
        free(bytes);
        free(again_bytes);
        qr_file_layer_memory_destroy(image);
        qr_file_layer_memory_destroy(again);
    }
    cr_assert(seen_short && seen_torn && seen_garbage);
}

Test(faulty, power_cut_again__gives_a_disk_that_can_crash_in_turn)
{
    faulty_layer_install(faulty, "d/a", "installed", 9);
    expect_image(&lose, "d/a", "installed");
    file = create("d/a");
    put(0, "I");
    struct faulty_layer *second = faulty_layer_power_cut_again(faulty, &keep);
    file->methods->close(file);
    faulty_layer_destroy(faulty);
    faulty = second;
    layer = faulty_layer_files(faulty);
    cr_assert_eq(faulty_layer_changes(faulty, NULL, 0), 0, "what survived is on disk");
    file = create("d/a");
    expect_image(&lose, "d/a", "Installed");
    put(1, "N");
    expect_image(&lose, "d/a", "Installed");
    sync_file();
    expect_image(&lose, "d/a", "INstalled");
}

/* ---- Failing ---- */

Test(faulty, fail__hits_the_named_call_once)
{
    file = create("d/a");
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE), .index = 2, .os_errno = ENOSPC};
    faulty_layer_fail(faulty, &plan);
    put(0, "a");
    put(1, "b");
    cr_assert_eq(qr_file_write_one(file, "c", 1, 2, &err), QUIRE_NO_SPACE);
    cr_assert_eq(err.os_errno, ENOSPC);
    put(2, "d");
    cr_assert_eq(faulty_layer_failures(faulty), 1);
    sync_names();
    expect_image(&keep, "d/a", "abd");
}

Test(faulty, fail__can_last_for_ever_and_be_healed)
{
    file = create("d/a");
    size_t got;
    bool taken;
    uint64_t size;
    char byte;
    struct faulty_plan plan = {.kinds = FAULTY_ANY, .forever = true};
    faulty_layer_fail(faulty, &plan);
    struct qr_file *other;
    cr_assert_eq(layer->methods->open(layer, "d/a", 0, &other, &err), QUIRE_IO);
    cr_assert_null(other);
    cr_assert_eq(layer->methods->open_temporary(layer, "d/a", &other, &err), QUIRE_IO);
    cr_assert_eq(layer->methods->exists(layer, "d/a", &taken, &err), QUIRE_IO);
    cr_assert_eq(layer->methods->remove(layer, "d/a", &err), QUIRE_IO);
    cr_assert_eq(layer->methods->rename(layer, "d/a", "d/b", &err), QUIRE_IO);
    cr_assert_eq(layer->methods->sync_directory(layer, "d/a", &err), QUIRE_IO);
    cr_assert_eq(layer->methods->random(layer, &byte, 1, &err), QUIRE_IO);
    cr_assert_eq(file->methods->read(file, &byte, 1, 0, &got, &err), QUIRE_IO);
    cr_assert_eq(qr_file_write_one(file, "c", 1, 2, &err), QUIRE_IO);
    cr_assert_eq(file->methods->sync(file, &err), QUIRE_IO);
    cr_assert_eq(file->methods->size(file, &size, &err), QUIRE_IO);
    cr_assert_eq(file->methods->truncate(file, 9, &err), QUIRE_IO);
    cr_assert_eq(file->methods->lock(file, QR_LOCK_EXCLUSIVE, &taken, &err), QUIRE_IO);
    cr_assert_eq(faulty_layer_failures(faulty), 13);
    faulty_layer_heal(faulty);
    put(0, "fine");
    expect_image(&keep, "d/a", "fine");
}

Test(faulty, fail__can_leave_half_a_write_and_pick_a_file)
{
    file = create("d/a");
    struct qr_file *other = create("d/b");
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE),
                               .forever = true,
                               .os_errno = ENOSPC,
                               .half = true,
                               .path_part = "/b"};
    faulty_layer_fail(faulty, &plan);
    put(0, "whole");
    cr_assert_eq(qr_file_write_one(other, "abcdef", 6, 0, &err), QUIRE_NO_SPACE);
    expect_image(&keep, "d/a", "whole");
    expect_image(&keep, "d/b", "abc");
    other->methods->close(other);
}

static void fail_sync(enum faulty_sync_failure mode, uint64_t seed)
{
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC), .sync = mode, .seed = seed};
    faulty_layer_fail(faulty, &plan);
    cr_assert_eq(file->methods->sync(file, &err), QUIRE_IO);
}

/* What the running program sees in the file. */
static void expect_cache(const char *expected)
{
    size_t size;
    char *text = content(layer, "d/a", &size);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(faulty, failed_sync__loses_data_that_the_cache_still_shows)
{
    file = create("d/a");
    sync_names();
    put(0, "old");
    sync_file();
    put(0, "new");
    fail_sync(FAULTY_SYNC_CLEAN, 0);
    expect_cache("new");
    sync_file();
    expect_image(&keep, "d/a", "old");
    put(3, "!");
    sync_file();
    expect_image(&lose, "d/a", "old!");
}

Test(faulty, failed_sync__can_revert_the_cache)
{
    file = create("d/a");
    sync_names();
    put(0, "old");
    sync_file();
    put(0, "newer");
    fail_sync(FAULTY_SYNC_REVERT, 0);
    expect_cache("old");
    expect_image(&keep, "d/a", "old");
}

Test(faulty, failed_sync__can_write_a_part)
{
    bool seen[4] = {false};
    file = create("d/a");
    sync_names();
    for (uint64_t seed = 0; seed < 40; seed++) {
        cr_assert_eq(file->methods->truncate(file, 0, &err), QUIRE_OK);
        put(0, "..");
        sync_file();
        put(0, "A");
        put(1, "B");
        fail_sync(FAULTY_SYNC_SUBSET, seed);
        expect_cache("AB");
        struct qr_file_layer *image = faulty_layer_power_cut(faulty, &keep);
        size_t size;
        char *text = content(image, "d/a", &size);
        seen[(text[0] == 'A' ? 1 : 0) + (text[1] == 'B' ? 2 : 0)] = true;
        free(text);
        qr_file_layer_memory_destroy(image);
    }
    cr_assert(seen[0] && seen[1] && seen[2] && seen[3]);
}

Test(faulty, failed_sync__can_leave_everything_to_the_power_cut)
{
    file = create("d/a");
    sync_names();
    put(0, "x");
    fail_sync(FAULTY_SYNC_NOTHING, 0);
    expect_image(&lose, "d/a", "");
    expect_image(&keep, "d/a", "x");
}

/* ---- Records ---- */

static void count_and_cut(void *context, const struct faulty_record *record)
{
    cr_assert(record->kind == FAULTY_WRITE || record->kind == FAULTY_SYNC);
    (*(int *)context)++;
    struct qr_file_layer *image = faulty_layer_power_cut(faulty, &keep);
    qr_file_layer_memory_destroy(image);
}

Test(faulty, record__lists_every_call_in_order)
{
    int observed = 0;
    file = create("d/a");
    faulty_layer_observe(faulty, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC), count_and_cut,
                         &observed);
    put(7, "abc");
    sync_file();
    cr_assert_eq(file->methods->truncate(file, 4, &err), QUIRE_OK);
    file->methods->write_behind(file, 1, 2);
    size_t count;
    const struct faulty_record *records = faulty_layer_record(faulty, &count);
    static const enum faulty_call kinds[] = {FAULTY_OPEN, FAULTY_WRITE, FAULTY_SYNC,
                                             FAULTY_TRUNCATE, FAULTY_WRITE_BEHIND};
    cr_assert_eq(count, 5);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(records[i].kind, kinds[i]);
        cr_assert_str_eq(records[i].path, "d/a");
        cr_assert_not(records[i].failed);
    }
    cr_assert(records[1].offset == 7 && records[1].size == 3 && records[1].file == 1);
    cr_assert_eq(records[3].offset, 4);
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_CHANGES), 4);
    cr_assert_eq(observed, 2);
    faulty_layer_observe(faulty, 0, NULL, NULL);
    faulty_layer_clear_record(faulty);
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_ANY), 0);
}

/* ---- Delayed layer ---- */

Test(delayed, kill__leaves_what_was_synced)
{
    struct temp_dir dir;
    char path[600];
    temp_dir_create(&dir);
    temp_dir_file(&dir, "a", path, sizeof path);
    pid_t child = fork();
    if (child == 0) {
        struct qr_file_layer *delayed = delayed_layer_create();
        struct qr_file *opened;
        size_t got;
        char seen[8];
        bool good = delayed->methods->open(delayed, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &opened,
                                           NULL) == QUIRE_OK &&
                    qr_file_write_one(opened, "synced", 6, 0, NULL) == QUIRE_OK &&
                    opened->methods->sync(opened, NULL) == QUIRE_OK &&
                    qr_file_write_one(opened, "LOST", 4, 0, NULL) == QUIRE_OK &&
                    opened->methods->truncate(opened, 5, NULL) == QUIRE_OK &&
                    opened->methods->read(opened, seen, 8, 0, &got, NULL) == QUIRE_OK && got == 5 &&
                    memcmp(seen, "LOSTe", 5) == 0;
        if (good) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    size_t size;
    char *text = content(qr_file_layer_posix(), path, &size);
    cr_assert_str_eq(text, "synced");
    free(text);
    temp_dir_remove(&dir);
}

Test(delayed, destroy__drops_unsynced_writes)
{
    struct temp_dir dir;
    char path[600];
    temp_dir_create(&dir);
    temp_dir_file(&dir, "a", path, sizeof path);
    struct qr_file_layer *delayed = delayed_layer_create();
    struct qr_file *opened;
    cr_assert_eq(
        delayed->methods->open(delayed, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &opened, NULL),
        QUIRE_OK);
    cr_assert_eq(qr_file_write_one(opened, "ab", 2, 0, NULL), QUIRE_OK);
    cr_assert_eq(opened->methods->sync(opened, NULL), QUIRE_OK);
    cr_assert_eq(qr_file_write_one(opened, "cd", 2, 2, NULL), QUIRE_OK);
    opened->methods->close(opened);
    size_t size;
    char *text = content(delayed, path, &size);
    cr_assert_str_eq(text, "abcd", "closing a file keeps what the process wrote");
    free(text);
    delayed_layer_destroy(delayed);
    text = content(qr_file_layer_posix(), path, &size);
    cr_assert_str_eq(text, "ab");
    free(text);
    temp_dir_remove(&dir);
}
