/*
 * Durability OFF: no syncs between the first commit of an opening and its
 * close, and after a stop of the machine in between an error, never wrong rows.
 */
#include "engine_fixture.h"

#include "base/thread.h"
#include "pager/page_format.h"
#include "support/faulty_layer.h"

#define BOOT 7 /* of the machine before it stops */
#define ROWS 24

static quire_options options_off(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(1) << 18;
    options.wal_segment_bytes = 64 << 10; /* each look at a power cut copies the log */
    options.durability = QUIRE_DURABILITY_OFF;
    options.checkpoint = quire_checkpoint_frame_count(20);
    options.checkpoint_place = QUIRE_CHECKPOINT_IN_COMMIT;
    return options;
}

static quire_db *open_off(struct faulty_layer *disk)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = options_off();
    quire_db *db;
    OK(qr_db_open_with("db", &options, faulty_layer_files(disk), false, &db, &err));
    return db;
}

static void put_row(quire_db *db, int64_t number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *table;
    if (number == 0) {
        create_users(txn);
    }
    OK(quire_table_open(txn, "users", &table, &err));
    (void)add_user(table, "somebody with a name that fills some of a page", number);
    quire_table_close(table);
    commit(txn);
}

static uint64_t rows_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_table *table;
    uint64_t rows = 0;
    quire_status status = quire_table_open(txn, "users", &table, &err);
    if (status == QUIRE_OK) {
        OK(quire_table_row_count(table, &rows, &err));
        quire_table_close(table);
    } else {
        cr_assert_eq(status, QUIRE_UNKNOWN_NAME, "%s", err.message);
    }
    quire_rollback(txn);
    return rows;
}

static uint64_t syncs(struct faulty_layer *disk)
{
    return faulty_layer_count(disk, FAULTY_SET(FAULTY_SYNC));
}

Test(durability_off, commits_and_checkpoints__do_not_sync)
{
    struct faulty_layer *disk = faulty_layer_create();
    faulty_layer_set_boot(disk, BOOT);
    quire_db *db = open_off(disk);
    put_row(db, 0);
    uint64_t before = syncs(disk);
    for (int64_t i = 1; i < ROWS * 10; i++) {
        put_row(db, i);
    }
    quire_stats stats = {.size = sizeof stats};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_get_stats(db, &stats, &err));
    cr_assert_gt(stats.checkpoints, 3);
    cr_assert_eq(syncs(disk), before);
    close_db(db);
    cr_assert_gt(syncs(disk), before);
    faulty_layer_destroy(disk);
}

Test(durability_off, layer_that_knows_no_start_of_the_machine__is_synced_at_checkpoints)
{
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_off(disk);
    put_row(db, 0);
    uint64_t before = syncs(disk);
    for (int64_t i = 1; i < ROWS * 10; i++) {
        put_row(db, i);
    }
    cr_assert_gt(syncs(disk), before + 3);
    close_db(db);
    faulty_layer_destroy(disk);
}

/* Looks at what power cuts leave, at every change of the disk. */
struct cuts {
    struct faulty_layer *disk;
    uint64_t committed; /* rows; 0: none or the first */
    uint64_t seed, opened, refused;
    bool in_use; /* the first commit was acknowledged, and the close has not begun */
    bool looking;
};

/* What page 0 in a file says of its syncs. */
static uint64_t boot_word(struct qr_file_layer *files)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t start[QR_HEADER_END];
    struct qr_file *file;
    OK(files->methods->open(files, "db", QR_OPEN_READ, &file, &err));
    OK(qr_file_read_all(file, start, sizeof start, 0, "db", &err));
    file->methods->close(file);
    return qr_load64(start + QR_HEADER_BOOT);
}

static void look(struct cuts *cuts, const struct faulty_cut *cut)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = options_off();
    options.durability = QUIRE_DURABILITY_FULL;
    struct qr_file_layer *image = faulty_layer_power_cut(cuts->disk, cut);
    uint64_t boot = boot_word(image);
    quire_db *db;
    quire_status status = qr_db_open_with("db", &options, image, false, &db, &err);
    if (status == QUIRE_OK) {
        cr_assert(!cuts->in_use, "opened after a cut that may have lost anything");
        uint64_t rows = rows_of(db);
        cr_assert(rows == cuts->committed || (rows == 1 && cuts->committed == 0), "%llu rows",
                  (unsigned long long)rows);
        close_db(db);
        cuts->opened++;
    } else {
        cr_assert_eq(status, QUIRE_CORRUPT, "%s", err.message);
        cr_assert_neq(boot, 0, "refused though all is said to be synced: %s", err.message);
        cr_assert(strstr(err.message, "durability OFF") != NULL, "%s", err.message);
        cuts->refused++;
    }
    qr_file_layer_memory_destroy(image);
}

static void look_at_all(void *context)
{
    struct cuts *cuts = context;
    look(cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    look(cuts, &(struct faulty_cut){.survival = FAULTY_KEEP_ALL});
    look(cuts, &(struct faulty_cut){.survival = FAULTY_KEEP_RANDOM,
                                    .tear = FAULTY_TEAR_RANDOM,
                                    .garbage = true,
                                    .seed = cuts->seed++});
}

/* In a thread of its own: the one that is here holds locks of the database that it writes. */
static void cut_here(void *context, const struct faulty_record *record)
{
    struct cuts *cuts = context;
    struct qr_thread thread;
    quire_error err = QUIRE_ERROR_INIT;
    (void)record;
    if (cuts->looking) {
        OK(qr_thread_start(&thread, look_at_all, cuts, &err));
        qr_thread_join(&thread);
    }
}

Test(durability_off, machine_that_stops__leaves_a_file_that_says_so_until_it_is_closed)
{
    struct cuts cuts = {.disk = faulty_layer_create(), .seed = 1};
    faulty_layer_set_boot(cuts.disk, BOOT);
    close_db(open_off(cuts.disk));
    faulty_layer_observe(cuts.disk, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC), cut_here,
                         &cuts);
    cuts.looking = true;
    quire_db *db = open_off(cuts.disk);
    put_row(db, 0);
    cr_assert_gt(cuts.opened, 0, "before the first commit nothing is lost");
    cuts.in_use = true;
    for (int64_t i = 1; i < ROWS; i++) {
        put_row(db, i);
    }
    cuts.committed = ROWS;
    cuts.in_use = false;
    uint64_t refused = cuts.refused, opened = cuts.opened;
    close_db(db);
    cr_assert_gt(refused, ROWS);
    cr_assert_gt(cuts.opened, opened, "the end of the close makes the file whole");
    cuts.looking = false;
    faulty_layer_observe(cuts.disk, 0, NULL, NULL);
    look(&cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    faulty_layer_destroy(cuts.disk);
}

/* The end of the process, on a machine that goes on: what was written and not synced is in the
 * system's hands. `calls` that change the disk are still made while the database is closed. */
static void kill_program(struct faulty_layer *disk, quire_db *db, uint64_t calls)
{
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) |
                                        FAULTY_SET(FAULTY_TRUNCATE),
                               .index = calls,
                               .forever = true};
    faulty_layer_fail(disk, &plan);
    cr_assert_neq(quire_close(db, NULL), QUIRE_OK);
    faulty_layer_heal(disk);
}

static void stop_program(int64_t rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    faulty_layer_set_boot(disk, BOOT);
    quire_db *db = open_off(disk);
    for (int64_t i = 0; i < rows; i++) {
        put_row(db, i);
    }
    kill_program(disk, db, 0);

    /* Whoever opens it next finds all commits, and makes them durable before anything else. */
    quire_options options = options_off();
    options.durability = QUIRE_DURABILITY_FULL;
    OK(qr_db_open_with("db", &options, faulty_layer_files(disk), false, &db, &err));
    cr_assert_eq(rows_of(db), (uint64_t)rows);
    struct cuts cuts = {.disk = disk, .committed = (uint64_t)rows};
    look(&cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    cr_assert_eq(cuts.opened, 1, "%llu rows", (unsigned long long)rows);
    put_row(db, rows);
    cuts.committed = (uint64_t)rows + 1;
    look(&cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    cr_assert_eq(cuts.opened, 2);
    close_db(db);
    faulty_layer_destroy(disk);
}

Test(durability_off, program_that_stops__has_lost_nothing)
{
    for (int64_t rows = 1; rows < 3 * ROWS; rows += 7) {
        stop_program(rows);
    }
}

Test(durability_off, recovered_file__says_again_what_is_not_synced)
{
    struct faulty_layer *disk = faulty_layer_create();
    faulty_layer_set_boot(disk, BOOT);
    quire_db *db = open_off(disk);
    put_row(db, 0);
    kill_program(disk, db, 0);
    db = open_off(disk);
    put_row(db, 1);
    struct cuts cuts = {.disk = disk, .in_use = true};
    look(&cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    cr_assert_eq(cuts.refused, 1);
    close_db(db);
    cuts = (struct cuts){.disk = disk, .committed = 2};
    look(&cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    cr_assert_eq(cuts.opened, 1);
    faulty_layer_destroy(disk);
}

Test(durability_off, reader__is_told_too)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    faulty_layer_set_boot(disk, BOOT);
    quire_db *db = open_off(disk);
    put_row(db, 0);
    kill_program(disk, db, 0);
    quire_options options = options_off();
    options.mode = QUIRE_OPEN_READ_ONLY;
    OK(qr_db_open_with("db", &options, faulty_layer_files(disk), false, &db, &err));
    cr_assert_eq(rows_of(db), 1);
    close_db(db);
    faulty_layer_set_boot(disk, BOOT + 1);
    FAILS(CORRUPT, qr_db_open_with("db", &options, faulty_layer_files(disk), false, &db, &err));
    cr_assert_eq(err.page, 0);
    cr_assert_eq(err.offset, QR_HEADER_BOOT);
    faulty_layer_destroy(disk);
}

/* A program is stopped, perhaps while it closes the file, and then the machine while the next
 * program opens it: at every change of the disk that this makes, whatever of it survives, all
 * commits are found, or page 0 says that something may be missing. */
static void stop_both(int64_t rows, bool checkpoint, uint64_t calls)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    faulty_layer_set_boot(disk, BOOT);
    quire_db *db = open_off(disk);
    for (int64_t i = 0; i < rows; i++) {
        put_row(db, i);
    }
    if (checkpoint) {
        OK(quire_checkpoint(db, &err)); /* leaves nothing in the log */
    }
    kill_program(disk, db, calls);
    struct cuts cuts = {.disk = disk, .committed = (uint64_t)rows, .seed = 1, .looking = true};
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC), cut_here, &cuts);
    quire_options options = options_off();
    options.durability = QUIRE_DURABILITY_FULL;
    OK(qr_db_open_with("db", &options, faulty_layer_files(disk), false, &db, &err));
    cuts.looking = false;
    faulty_layer_observe(disk, 0, NULL, NULL);
    uint64_t opened = cuts.opened;
    look(&cuts, &(struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    cr_assert_eq(cuts.opened, opened + 1, "once it is open, it is whole");
    close_db(db);
    faulty_layer_destroy(disk);
}

Test(durability_off, machine_that_stops_while_a_file_is_recovered__leaves_all_or_says_so)
{
    for (int64_t rows = 1; rows < 2 * ROWS; rows += 7) {
        stop_both(rows, false, 0);
        stop_both(rows, true, 0);
        stop_both(rows, false, 4);
    }
}
