/*
 * Any byte may be wrong: the inspectors end, and name the page.
 */
#include "inspect_fixture.h"

#include <string.h>

#include "support/prng.h"

static struct world world;

static void setup(void)
{
    world = world_make();
}

static void teardown(void)
{
    world_free(&world);
}

TestSuite(inspect_sweep, .init = setup, .fini = teardown);

#define STRIDE 7

/* Every inspector; a report or a documented status. */
static quire_report *inspect_all(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    quire_report *indexes;
    OK(qr_inspect_database(&world.place, &report, &err));
    OK(qr_inspect_indexes(&world.place, NULL, &indexes, &err));
    quire_report_free(indexes);
    return report;
}

static void inspect_page(uint32_t page)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(qr_inspect_page(&world.place, page, &report, &err));
    quire_report_free(report);
}

static bool names(const quire_report *report, uint32_t page)
{
    for (size_t i = 0; i < quire_report_issue_count(report); i++) {
        if (quire_report_issue(report, i)->page == page) {
            return true;
        }
    }
    return false;
}

static uint8_t byte_at(const uint8_t *page, uint32_t offset, bool zero)
{
    return zero ? 0 : (uint8_t)(page[offset] ^ 0xFF);
}

static void sweep_page(uint32_t page, uint32_t first, bool zero)
{
    uint8_t bytes[WORLD_PAGE];
    world_page(&world, page, bytes);
    for (uint32_t offset = first; offset < WORLD_PAGE; offset += STRIDE) {
        uint64_t at = (uint64_t)page * WORLD_PAGE + offset;
        uint8_t changed = byte_at(bytes, offset, zero);
        if (changed == bytes[offset]) {
            continue;
        }
        world_poke(&world, WORLD_PATH, at, &changed, 1);
        quire_report *report = inspect_all();
        cr_assert(names(report, page), "page %u, byte %u:\n%s", page, offset,
                  quire_report_text(report));
        quire_report_free(report);
        world_poke(&world, WORLD_PATH, at, &bytes[offset], 1);
    }
    inspect_page(page);
}

/* Pages of the file that hold something. */
static uint32_t pages(void)
{
    return (uint32_t)(world_size(&world, WORLD_PATH) / WORLD_PAGE);
}

Test(inspect_sweep, database__every_change_names_its_page)
{
    for (uint32_t page = 0; page < pages(); page++) {
        sweep_page(page, page % STRIDE, false);
    }
    report_sound(world_inspect(&world));
}

Test(inspect_sweep, database__every_zero_names_its_page)
{
    for (uint32_t page = 0; page < pages(); page++) {
        sweep_page(page, (page + 3) % STRIDE, true);
    }
}

/* Damage under a sound checksum: nothing but the structures' own checks stands against it. */
Test(inspect_sweep, database__resealed_changes_do_no_harm)
{
    struct prng random;
    prng_init(&random, 20240229);
    for (uint32_t page = 1; page < pages(); page++) {
        uint8_t sound[WORLD_PAGE];
        world_page(&world, page, sound);
        for (uint32_t offset = 8 + page % 3; offset < WORLD_PAGE; offset += 3) {
            uint8_t bytes[WORLD_PAGE];
            if (offset > 128 && sound[offset] == 0 && offset % 5 != 0) {
                continue; /* unused space: a sample will do */
            }
            memcpy(bytes, sound, sizeof bytes);
            bytes[offset] = (uint8_t)prng_next(&random);
            world_seal(&world, page, bytes);
            quire_report_free(inspect_all());
        }
        world_poke(&world, WORLD_PATH, (uint64_t)page * WORLD_PAGE, sound, sizeof sound);
    }
    report_sound(world_inspect(&world));
}

/* ---- The log ---- */

/* Leaves a log with several groups, as a crash does. */
static void leave_log(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    static uint8_t files[2][1 << 20];
    static const char *const paths[] = {WORLD_PATH, WORLD_LOG};
    size_t sizes[2];
    quire_db *db = world_open(&world, QUIRE_OPEN_READ_WRITE);
    for (int i = 0; i < 4; i++) {
        quire_txn *txn;
        char name[2] = {(char)('a' + i), '\0'};
        OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
        OK(quire_tree_create(txn, name, &err));
        OK(quire_commit(txn, &err));
    }
    for (int i = 0; i < 2; i++) {
        struct qr_file *file;
        OK(world.layer->methods->open(world.layer, paths[i], QR_OPEN_READ, &file, &err));
        OK(file->methods->read(file, files[i], sizeof files[i], 0, &sizes[i], &err));
        file->methods->close(file);
    }
    world_close(db);
    for (int i = 0; i < 2; i++) {
        world_cut(&world, paths[i], 0);
        world_poke(&world, paths[i], 0, files[i], sizes[i]);
    }
}

static void inspect_log(void)
{
    quire_report_free(world_inspect_wal(&world));
    quire_report_free(inspect_all());
}

Test(inspect_sweep, log__changes_do_no_harm)
{
    leave_log();
    uint64_t size = world_size(&world, WORLD_LOG);
    report_sound(world_inspect(&world));
    for (uint64_t at = 0; at < size; at += at < 32 || (at >= 4096 && at < 4200) ? 1 : 61) {
        world_flip(&world, WORLD_LOG, at);
        inspect_log();
        world_flip(&world, WORLD_LOG, at);
    }
    report_sound(world_inspect(&world));
}

Test(inspect_sweep, log__may_end_anywhere)
{
    leave_log();
    for (uint64_t size = world_size(&world, WORLD_LOG); size > 0; size -= size < 977 ? size : 977) {
        world_cut(&world, WORLD_LOG, size);
        inspect_log();
    }
}

Test(inspect_sweep, database__may_end_anywhere)
{
    for (uint64_t size = world_size(&world, WORLD_PATH); size > 0;
         size -= size < 331 ? size : 331) {
        world_cut(&world, WORLD_PATH, size);
        inspect_log();
        if (size > WORLD_PAGE) {
            inspect_page(0);
        }
    }
}
