/*
 * Compaction: nothing is lost, pages are full, ids and rowids stay, and no
 * failure or power cut leaves anything but the old database or the new one.
 */
#include "maintenance_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 600

static struct faulty_layer *files;
static struct qr_file_layer *layer;
static struct qr_maintenance_place place;

static void set_up(void)
{
    files = faulty_layer_create();
    layer = faulty_layer_files(files);
    place = place_of(layer);
    create_sample(layer, "/d/db", ROWS);
}

static void tear_down(void)
{
    faulty_layer_destroy(files);
}

TestSuite(compact, .init = set_up, .fini = tear_down);

static quire_status compact(quire_error *err)
{
    return qr_compact(&place, "/d/db", NULL, NULL, err);
}

static quire_stats stats_of(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, path, QUIRE_OPEN_READ_ONLY);
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    OK(quire_close(db, &err));
    return stats;
}

Test(compact, database__stays_the_same_and_shrinks)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t digest = digest_at(layer, "/d/db");
    quire_stats before = stats_of("/d/db");
    uint64_t size = file_size(layer, "/d/db");
    OK(compact(&err));
    quire_stats after = stats_of("/d/db");
    cr_assert_eq(digest_at(layer, "/d/db"), digest);
    cr_assert_lt(after.pages - after.pages_free, before.pages - before.pages_free);
    cr_assert_lt(file_size(layer, "/d/db"), size);
    cr_assert(!file_exists(layer, "/d/db-new") && !file_exists(layer, "/d/db-new-wal"));
    expect_sound(layer, "/d/db");
}

Test(compact, database__works_on_afterwards)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(compact(&err));
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "another", &err));
    commit(txn);
    for (int i = 0; i < 60; i++) {
        add_person(db, 20000 + i);
    }
    close_db(db);
    expect_sound(layer, "/d/db");
    OK(compact(&err));
    expect_sound(layer, "/d/db");
}

struct fill {
    unsigned trees;
};

static quire_status expect_full(void *context, const quire_object_stats *stats, quire_error *err)
{
    struct fill *fill = context;
    (void)err;
    if (strcmp(stats->name, "people") == 0 || strcmp(stats->name, "by_name") == 0) {
        cr_assert_gt(stats->leaf_bytes, stats->leaf_pages * 1024 * 85 / 100, "%s", stats->name);
        cr_assert_gt(stats->entries, 0);
        fill->trees++;
    }
    return QUIRE_OK;
}

Test(compact, pages__are_full)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fill fill = {0};
    OK(compact(&err));
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_ONLY);
    quire_txn *txn = begin_read(db);
    OK(quire_each_object(txn, expect_full, &fill, &err));
    cr_assert_eq(fill.trees, 2);
    quire_rollback(txn);
    OK(quire_close(db, &err));
}

struct seen {
    char text[600];
    size_t size;
    uint64_t pages;
};

static quire_status note_object(void *context, const quire_object_stats *stats, quire_error *err)
{
    struct seen *seen = context;
    (void)err;
    int more = snprintf(seen->text + seen->size, sizeof seen->text - seen->size, "%s %s/%s;",
                        stats->kind, stats->name, stats->table);
    seen->size += (size_t)more;
    cr_assert_lt(seen->size, sizeof seen->text);
    seen->pages += stats->inner_pages + stats->leaf_pages + stats->overflow_pages;
    return QUIRE_OK;
}

Test(compact, object_stats__account_for_every_page)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct seen seen = {.pages = 0};
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_ONLY);
    quire_stats stats = {.size = sizeof stats};
    quire_txn *txn = begin_read(db);
    OK(quire_each_object(txn, note_object, &seen, &err));
    quire_rollback(txn);
    OK(quire_get_stats(db, &stats, &err));
    OK(quire_close(db, &err));
    cr_assert_str_eq(seen.text, "catalog catalog/;tree blobs/;table people/;view adults/people;"
                                "hash age_hash/people;index by_age/people;index by_name/people;"
                                "trigger watch/people;key tree words/;");
    /* What no object owns is the header and the pages of the free map. */
    cr_assert_eq(seen.pages + 2, stats.pages - stats.pages_free);
    FAILS(MISUSE, quire_each_object(NULL, note_object, NULL, &err));
}

Test(compact, header_words__stay)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t value;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    struct qr_txn *txn;
    OK(qr_txn_begin(qr_db_pager(db), 1000, &txn, &err));
    OK(qr_txn_set_header_word(txn, QR_HEADER_APPLICATION_ID, 4711, &err));
    OK(qr_txn_commit(txn, &err));
    close_db(db);
    OK(compact(&err));
    db = open_at(layer, "/d/db", QUIRE_OPEN_READ_ONLY);
    quire_txn *read = begin_read(db);
    OK(qr_view_header_word(qr_txn_pages(read), QR_HEADER_APPLICATION_ID, &value, &err));
    cr_assert_eq(value, 4711);
    quire_rollback(read);
    OK(quire_close(db, &err));
}

Test(compact, wrong_paths__are_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    FAILS(NO_FILE, qr_compact(&place, "/d/none", NULL, NULL, &err));
    cr_assert(!file_exists(layer, "/d/none"));
    FAILS(MISUSE, quire_compact(":memory:", NULL, NULL, &err));
    FAILS(MISUSE, quire_compact(NULL, NULL, NULL, &err));
    faulty_layer_install(files, "/d/other", "hello, this is a text and not a database", 40);
    FAILS(NOT_A_DATABASE, qr_compact(&place, "/d/other", NULL, NULL, &err));
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    FAILS(LOCKED, compact(&err));
    close_db(db);
}

Test(compact, damaged_database__is_refused_and_left_alone)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    OK(layer->methods->open(layer, "/d/db", QR_OPEN_WRITE, &file, &err));
    OK(qr_file_write_one(file, "x", 1, 1024 + 77, &err));
    file->methods->close(file);
    FAILS(CORRUPT, compact(&err));
    cr_assert(!file_exists(layer, "/d/db-new"));
}

static bool stop_half_way(void *context, const quire_progress *progress)
{
    (void)context;
    return progress->done == 0;
}

Test(compact, cancelling__leaves_the_old_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t digest = digest_at(layer, "/d/db");
    FAILS(INTERRUPTED, qr_compact(&place, "/d/db", stop_half_way, NULL, &err));
    cr_assert_eq(digest_at(layer, "/d/db"), digest);
    cr_assert(!file_exists(layer, "/d/db-new"));
}

Test(compact, leftover__of_an_earlier_attempt_is_removed)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t digest = digest_at(layer, "/d/db");
    faulty_layer_install(files, "/d/db-new", "half a file", 11);
    faulty_layer_install(files, "/d/db-new-wal", "half a log", 10);
    OK(compact(&err));
    cr_assert_eq(digest_at(layer, "/d/db"), digest);
}

Test(compact, failing_calls__leave_a_whole_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t digest = digest_at(layer, "/d/db");
    for (uint64_t index = 0;; index += 3) {
        struct faulty_plan plan = {.kinds = FAULTY_CHANGES, .index = index, .forever = true};
        faulty_layer_fail(files, &plan);
        quire_status status = compact(&err);
        bool failed = faulty_layer_failures(files) > 0;
        faulty_layer_heal(files);
        cr_assert_eq(digest_at(layer, "/d/db"), digest, "call %llu", (unsigned long long)index);
        if (!failed) {
            cr_assert_eq(status, QUIRE_OK);
            break;
        }
    }
}

/* ---- Power cuts ---- */

struct cuts {
    struct qr_file_layer *images[80];
    unsigned count;
    unsigned writes;
    uint64_t seed;
};

static void take_image(void *context, const struct faulty_record *record)
{
    struct cuts *cuts = context;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_RANDOM,
                             .tear = FAULTY_TEAR_RANDOM,
                             .garbage = true,
                             .seed = ++cuts->seed};
    bool often = record->kind == FAULTY_REMOVE || record->kind == FAULTY_RENAME ||
                 record->kind == FAULTY_SYNC_DIRECTORY;
    if ((often || cuts->writes++ % 40 == 0) &&
        cuts->count < sizeof cuts->images / sizeof cuts->images[0]) {
        cuts->images[cuts->count++] = faulty_layer_power_cut(files, &cut);
    }
}

Test(compact, power_cut__leaves_the_database_whole)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t digest = digest_at(layer, "/d/db");
    for (unsigned round = 0; round < 4; round++) {
        struct cuts cuts = {.seed = round * 1000};
        faulty_layer_observe(files, FAULTY_CHANGES, take_image, &cuts);
        OK(compact(&err));
        faulty_layer_observe(files, 0, NULL, NULL);
        cr_assert_gt(cuts.count, 8);
        for (unsigned i = 0; i < cuts.count; i++) {
            cr_assert_eq(digest_at(cuts.images[i], "/d/db"), digest, "round %u image %u", round, i);
            qr_file_layer_memory_destroy(cuts.images[i]);
        }
    }
}

/* Compaction copies entries as they are: it needs no collation. */
Test(compact, indexes__are_copied_without_their_collation)
{
    quire_error err = QUIRE_ERROR_INIT;
    create_collated(layer, "/d/names");
    uint64_t digest = digest_at(layer, "/d/names");
    OK(qr_compact(&place, "/d/names", NULL, NULL, &err));
    cr_assert_eq(digest_at(layer, "/d/names"), digest);
    quire_db *db = open_at(layer, "/d/names", QUIRE_OPEN_READ_ONLY);
    quire_txn *txn = begin_read(db);
    quire_table *names;
    uint64_t entries;
    OK(quire_table_open(txn, "names", &names, &err));
    for (uint32_t i = 0; i < 2; i++) {
        OK(qr_table_index_entries(names, i, &entries, &err));
        cr_assert_eq(entries, 400);
    }
    quire_table_close(names);
    quire_rollback(txn);
    OK(quire_close(db, &err));
}

/* Whether the bytes of a file, if it is there, have a text. */
static bool file_has(const char *path, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    if (!file_exists(layer, path)) {
        return false;
    }
    size_t size = file_size(layer, path);
    size_t got;
    char *bytes = malloc(size + 1);
    cr_assert_not_null(bytes);
    OK(layer->methods->open(layer, path, QR_OPEN_READ, &file, &err));
    OK(file->methods->read(file, bytes, size, 0, &got, &err));
    file->methods->close(file);
    bool has = false;
    for (size_t at = 0; !has && at + strlen(text) <= got; at++) {
        has = memcmp(bytes + at, text, strlen(text)) == 0;
    }
    free(bytes);
    return has;
}

Test(compact, what_was_deleted__is_nowhere_any_more)
{
    static const char secret[] = "correct horse battery staple";
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "secrets", &err));
    OK(quire_tree_open(txn, "secrets", &tree, &err));
    for (int64_t i = 0; i < 300; i++) {
        OK(quire_tree_insert(tree, i, secret, sizeof secret, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    txn = begin_write(db);
    OK(quire_tree_open(txn, "secrets", &tree, &err));
    for (int64_t i = 0; i < 300; i++) {
        bool found;
        OK(quire_tree_delete(tree, i, &found, &err));
    }
    OK(quire_tree_insert(tree, 1, "kept", 5, &err));
    quire_tree_close(tree);
    commit(txn);
    OK(quire_close(db, &err));
    cr_assert(file_has("/d/db", secret), "pages are left as they are until they are used again");
    OK(compact(&err));
    cr_assert(file_has("/d/db", "kept"));
    cr_assert_not(file_has("/d/db", secret));
    cr_assert_not(file_has("/d/db-wal", secret));
}
