/*
 * Files and paths that are not to be trusted: links, other people's directories,
 * damage that was made on purpose, files that are cut or replaced while they are open.
 */
#define _GNU_SOURCE

#include "engine_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static char path[600];
static quire_error err;

static void set_up(void)
{
    temp_dir_create(&dir);
    temp_dir_file(&dir, "data.quire", path, sizeof path);
    err = (quire_error)QUIRE_ERROR_INIT;
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(trust, .init = set_up, .fini = tear_down, .timeout = 60);

static quire_options ruled(uint32_t rules)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = (uint64_t)64 * 1024;
    options.rules = rules;
    return options;
}

static quire_status open_ruled(const char *at, uint32_t rules, quire_db **db)
{
    quire_options options = ruled(rules);
    return quire_open(at, &options, db, &err);
}

/* A closed database of `count` users. */
static void create(const char *at, int count)
{
    quire_db *db;
    OK(open_ruled(at, 0, &db));
    quire_txn *txn = begin_write(db);
    quire_table *table;
    create_users(txn);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    OK(quire_table_open(txn, "users", &table, &err));
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "a name that fills its page soon %d", i);
        (void)add_user(table, name, i);
    }
    quire_table_close(table);
    commit(txn);
    OK(quire_close(db, &err));
}

static size_t users(quire_db *db)
{
    static int64_t rowids[4096];
    quire_txn *txn = begin_read(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    size_t count = scan(table, index_number(table, "by_name"), NULL, rowids, 4096);
    quire_table_close(table);
    quire_rollback(txn);
    return count;
}

static bool is_there(const char *name)
{
    char at[700];
    struct stat info;
    temp_dir_file(&dir, name, at, sizeof at);
    return lstat(at, &info) == 0;
}

Test(trust, links__are_followed_if_told)
{
    char link[700];
    quire_db *db;
    create(path, 3);
    temp_dir_file(&dir, "link.quire", link, sizeof link);
    cr_assert_eq(symlink("data.quire", link), 0);
    FAILS(PERMISSION, open_ruled(link, 0, &db));
    cr_assert_not_null(strstr(err.message, "symbolic link"));
    OK(open_ruled(link, QUIRE_RULE_FOLLOW_LINK, &db));
    quire_db *other;
    FAILS(LOCKED, open_ruled(path, 0, &other));
    quire_txn *txn = begin_write(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    (void)add_user(table, "last", 9);
    quire_table_close(table);
    commit(txn);
    cr_assert(is_there("data.quire-wal") && !is_there("link.quire-wal"));
    OK(quire_close(db, &err));
    OK(open_ruled(path, QUIRE_RULE_FOLLOW_LINK, &db)); /* what is no link opens as well */
    cr_assert_eq(users(db), 4);
    OK(quire_close(db, &err));
    cr_assert_eq(unlink(path), 0);
    FAILS(PERMISSION, open_ruled(link, QUIRE_RULE_FOLLOW_LINK, &db)); /* it leads nowhere */
    temp_dir_file(&dir, "new.quire", link, sizeof link);
    OK(open_ruled(link, QUIRE_RULE_FOLLOW_LINK, &db));
    OK(quire_close(db, &err));
}

Test(trust, what_is_no_file_or_has_other_names__is_refused)
{
    char other[700];
    quire_db *db;
    create(path, 3);
    temp_dir_file(&dir, "other", other, sizeof other);
    cr_assert_eq(link(path, other), 0);
    FAILS(PERMISSION, open_ruled(path, 0, &db));
    FAILS(PERMISSION, open_ruled(other, QUIRE_RULE_FOLLOW_LINK, &db));
    cr_assert_eq(unlink(other), 0);
    OK(open_ruled(path, 0, &db));
    OK(quire_close(db, &err));
    cr_assert_eq(mkfifo(other, 0600), 0);
    FAILS(PERMISSION, open_ruled(other, 0, &db));
    FAILS(PERMISSION, open_ruled("/dev/zero", 0, &db));
    FAILS(PERMISSION, open_ruled(dir.path, 0, &db));
}

Test(trust, directories_of_everybody__are_refused_if_told)
{
    quire_db *db;
    create(path, 3);
    static const struct {
        mode_t mode;
        bool good;
    } cases[] = {{0700, true}, {0775, true}, {01777, true}, {0777, false}, {0702, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(chmod(dir.path, cases[i].mode), 0);
        OK(open_ruled(path, 0, &db));
        OK(quire_close(db, &err));
        if (cases[i].good) {
            OK(open_ruled(path, QUIRE_RULE_PRIVATE_DIRECTORY, &db));
            OK(quire_close(db, &err));
        } else {
            FAILS(PERMISSION, open_ruled(path, QUIRE_RULE_PRIVATE_DIRECTORY, &db));
            cr_assert_null(db);
            cr_assert_not_null(strstr(err.message, "Everybody may write"));
        }
    }
    FAILS(MISUSE, open_ruled(path, 1U << 30U, &db));
}

Test(trust, directories_of_links__are_refused_if_everybody_may_write_there)
{
    enum { RULES = QUIRE_RULE_FOLLOW_LINK | QUIRE_RULE_PRIVATE_DIRECTORY };
    char open_directory[700];
    char inner[760];
    char outer[700];
    quire_db *db;
    create(path, 3);
    temp_dir_file(&dir, "open", open_directory, sizeof open_directory);
    cr_assert_eq(mkdir(open_directory, 0700), 0);
    snprintf(inner, sizeof inner, "%s/inner", open_directory);
    temp_dir_file(&dir, "outer", outer, sizeof outer);
    cr_assert_eq(symlink("../data.quire", inner), 0);
    cr_assert_eq(symlink("open/inner", outer), 0);
    OK(open_ruled(outer, RULES, &db)); /* by two links, the first relative */
    OK(quire_close(db, &err));
    cr_assert_eq(chmod(open_directory, 0777), 0);
    FAILS(PERMISSION, open_ruled(inner, RULES, &db));
    FAILS(PERMISSION, open_ruled(outer, RULES, &db));
    cr_assert_eq(unlink(outer), 0);
    cr_assert_eq(symlink(inner, outer), 0);
    FAILS(PERMISSION, open_ruled(outer, RULES, &db)); /* the first absolute */
    OK(open_ruled(path, RULES, &db));
    OK(quire_close(db, &err));
    cr_assert_eq(unlink(inner), 0);
    cr_assert_eq(rmdir(open_directory), 0);
}

Test(trust, rules__hold_for_what_is_copied)
{
    char link[700];
    quire_db *db;
    quire_options options = ruled(QUIRE_RULE_FOLLOW_LINK);
    create(path, 3);
    temp_dir_file(&dir, "link.quire", link, sizeof link);
    cr_assert_eq(symlink("data.quire", link), 0);
    OK(quire_open_copy(link, &options, &db, &err));
    cr_assert_eq(users(db), 3);
    OK(quire_close(db, &err));
    options = ruled(QUIRE_RULE_PRIVATE_DIRECTORY);
    OK(quire_open_copy(path, &options, &db, &err));
    OK(quire_close(db, &err));
    cr_assert_eq(chmod(dir.path, 0777), 0);
    FAILS(PERMISSION, quire_open_copy(path, &options, &db, &err));
    cr_assert_null(db);
}

static void copy_file(const char *from, const char *to)
{
    int file = open(from, O_RDONLY);
    int copy = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    char bytes[4096];
    ssize_t got;
    while (file >= 0 && copy >= 0 && (got = read(file, bytes, sizeof bytes)) > 0 &&
           write(copy, bytes, (size_t)got) == got) {
    }
    close(copy);
    close(file);
}

/* ---- Somebody who changes the path all the time ---- */

struct swapper {
    char victim[600], link[600], file[600];
    _Atomic bool ends;
};

static void *swap(void *context)
{
    struct swapper *s = context;
    while (!atomic_load(&s->ends)) {
        (void)unlink(s->link);
        if (symlink(s->victim, s->link) == 0) {
            (void)rename(s->link, path); /* the path is a link to the victim */
        }
        copy_file(s->file, s->link);
        (void)rename(s->link, path); /* and a database again */
    }
    return NULL;
}

Test(trust, paths_that_are_swapped__never_lead_to_another_file)
{
    struct swapper s = {.ends = false};
    struct stat before;
    struct stat after;
    pthread_t thread;
    int opened = 0;
    int refused = 0;
    temp_dir_file(&dir, "victim.quire", s.victim, sizeof s.victim);
    temp_dir_file(&dir, "swapped", s.link, sizeof s.link);
    temp_dir_file(&dir, "file.quire", s.file, sizeof s.file);
    create(s.victim, 1);
    create(s.file, 2);
    cr_assert_eq(stat(s.victim, &before), 0);
    cr_assert_eq(pthread_create(&thread, NULL, swap, &s), 0);
    for (int i = 0; i < 20000 && (i < 500 || opened < 20 || refused < 20); i++) {
        quire_db *db;
        quire_options options = ruled(0);
        options.mode = QUIRE_OPEN_READ_ONLY;
        quire_status status = quire_open(path, &options, &db, &err);
        if (status == QUIRE_OK) {
            cr_assert_eq(users(db), 2);
            OK(quire_close(db, &err));
            opened++;
        } else {
            refused++;
        }
    }
    atomic_store(&s.ends, true);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(stat(s.victim, &after), 0);
    cr_assert(after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
              after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
    cr_assert_gt(opened, 0);
    cr_assert_gt(refused, 0);
}

/* ---- Damage ---- */

static off_t size_of(const char *at)
{
    struct stat info;
    cr_assert_eq(stat(at, &info), 0);
    return info.st_size;
}

Test(trust, check__comes_before_the_first_use)
{
    quire_db *db;
    create(path, 400);
    OK(open_ruled(path, QUIRE_RULE_CHECK_FIRST, &db));
    cr_assert_eq(users(db), 400);
    OK(quire_close(db, &err));
    int file = open(path, O_WRONLY);
    cr_assert_eq(pwrite(file, "x", 1, size_of(path) / 1024 / 2 * 1024 + 700), 1);
    cr_assert_eq(close(file), 0);
    OK(open_ruled(path, 0, &db)); /* as far as it is read, it is sound */
    OK(quire_close(db, &err));
    FAILS(CORRUPT, open_ruled(path, QUIRE_RULE_CHECK_FIRST, &db));
    cr_assert_null(db);
    cr_assert_not_null(strstr(err.message, "checked before its use"));
    cr_assert_neq(err.page, QUIRE_NO_PAGE);
}

/* The bytes of a file and of its log, as one number. */
static uint64_t content_of(const char *at)
{
    static const char *const ends[] = {"", "-wal"};
    uint64_t sum = 0;
    for (size_t i = 0; i < 2; i++) {
        char name[640];
        snprintf(name, sizeof name, "%s%s", at, ends[i]);
        size_t size = (size_t)size_of(name);
        uint8_t *bytes = malloc(size);
        int file = open(name, O_RDONLY);
        cr_assert_eq(read(file, bytes, size), (ssize_t)size);
        cr_assert_eq(close(file), 0);
        sum = qr_hash64(bytes, size, sum);
        free(bytes);
    }
    return sum;
}

/* A copy of the files of an open database is what a crash leaves of it. */
static void copy_crashed(const char *to)
{
    char log[640];
    char to_log[640];
    quire_db *db;
    OK(open_ruled(path, 0, &db));
    quire_txn *txn = begin_write(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    (void)add_user(table, "one more", 1);
    quire_table_close(table);
    commit(txn);
    snprintf(log, sizeof log, "%s-wal", path);
    snprintf(to_log, sizeof to_log, "%s-wal", to);
    copy_file(path, to);
    copy_file(log, to_log);
    OK(quire_close(db, &err));
}

Test(trust, refused_database__stays_as_it_was_with_its_log)
{
    char crashed[600];
    quire_db *db;
    temp_dir_file(&dir, "crashed.quire", crashed, sizeof crashed);
    create(path, 400);
    copy_crashed(crashed);
    int file = open(crashed, O_WRONLY);
    cr_assert_eq(pwrite(file, "x", 1, size_of(crashed) / 1024 / 2 * 1024 + 700), 1);
    cr_assert_eq(close(file), 0);
    uint64_t before = content_of(crashed);
    for (int tries = 0; tries < 2; tries++) {
        FAILS(CORRUPT, open_ruled(crashed, QUIRE_RULE_CHECK_FIRST, &db));
        cr_assert_null(db);
        cr_assert_not_null(strstr(err.message, "checked before its use"), "%s", err.message);
        cr_assert_eq(content_of(crashed), before);
    }
}

Test(trust, database_with_a_log__passes_the_check_and_is_recovered)
{
    char crashed[600];
    quire_db *db;
    temp_dir_file(&dir, "crashed.quire", crashed, sizeof crashed);
    create(path, 400);
    copy_crashed(crashed);
    OK(open_ruled(crashed, QUIRE_RULE_CHECK_FIRST, &db));
    cr_assert_eq(users(db), 401);
    OK(quire_close(db, &err));
    OK(open_ruled(crashed, QUIRE_RULE_CHECK_FIRST, &db));
    cr_assert_eq(users(db), 401);
    OK(quire_close(db, &err));
}

Test(trust, check__leaves_the_way_free_for_a_new_database)
{
    quire_db *db;
    OK(open_ruled(path, QUIRE_RULE_CHECK_FIRST, &db));
    FAILS(LOCKED, open_ruled(path, QUIRE_RULE_CHECK_FIRST, &(quire_db *){NULL}));
    OK(quire_close(db, &err));
    OK(open_ruled(path, QUIRE_RULE_CHECK_FIRST, &db));
    OK(quire_close(db, &err));
}

Test(trust, check__holds_for_images_too)
{
    quire_db *db;
    void *image;
    size_t size;
    create(path, 400);
    OK(open_ruled(path, 0, &db));
    OK(quire_serialize(db, &image, &size, &err));
    OK(quire_close(db, &err));
    quire_options options = ruled(QUIRE_RULE_CHECK_FIRST);
    OK(quire_open_image(image, size, &options, &db, &err));
    cr_assert_eq(users(db), 400);
    OK(quire_close(db, &err));
    ((char *)image)[size / 1024 / 2 * 1024 + 700] ^= 1;
    FAILS(CORRUPT, quire_open_image(image, size, &options, &db, &err));
    quire_free(image);
}

/* ---- Rights that are given up ---- */

#define NOBODY 65534

/* The process can neither look into the directory nor open what is in it any more. */
static bool give_up_rights(const char *directory)
{
    char inside[700];
    snprintf(inside, sizeof inside, "%s/data.quire", directory);
    if (chmod(directory, 0) != 0 || (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
                                                        setresuid(NOBODY, NOBODY, NOBODY) != 0))) {
        return false;
    }
    return access(inside, F_OK) != 0 && errno == EACCES;
}

static quire_status add_users(quire_db *db, int from, int to)
{
    quire_txn *txn = begin_write(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    quire_status status = QUIRE_OK;
    for (int i = from; i < to && status == QUIRE_OK; i++) {
        char name[64];
        int64_t rowid = 0;
        snprintf(name, sizeof name, "a name that fills its page soon %d", i);
        quire_value row[] = {quire_text(name), quire_int(i)};
        status = quire_table_insert(table, &rowid, row, 2, &err);
    }
    quire_table_close(table);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, &err);
}

/* What a child process finds, as its exit status: 0, or the line that it disagrees with. */
#define CHILD_REQUIRE(truth)                                                                       \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            fprintf(stderr, "%s: %s\n", #truth, err.message);                                      \
            _exit(__LINE__ % 250 + 1);                                                             \
        }                                                                                          \
    } while (0)

static void work_without_rights(const char *directory, const char *at)
{
    quire_db *db;
    CHILD_REQUIRE(open_ruled(at, 0, &db) == QUIRE_OK);
    CHILD_REQUIRE(add_users(db, 100, 110) == QUIRE_OK);
    CHILD_REQUIRE(give_up_rights(directory));
    for (int i = 110; i < 300; i += 10) {
        CHILD_REQUIRE(add_users(db, i, i + 10) == QUIRE_OK);
        CHILD_REQUIRE(i % 50 != 0 || quire_checkpoint(db, &err) == QUIRE_OK);
    }
    /* What does not fit in memory would go to a file beside the database. */
    CHILD_REQUIRE(add_users(db, 1000, 9000) == QUIRE_PERMISSION);
    CHILD_REQUIRE(strstr(err.message, "temporary file") != NULL);
    CHILD_REQUIRE(add_users(db, 300, 310) == QUIRE_OK);
    CHILD_REQUIRE(quire_checkpoint(db, &err) == QUIRE_OK);
    CHILD_REQUIRE(quire_close(db, &err) == QUIRE_OK);
}

static void work_on_a_removed_file(const char *directory, const char *at)
{
    quire_db *db;
    CHILD_REQUIRE(open_ruled(at, 0, &db) == QUIRE_OK);
    CHILD_REQUIRE(add_users(db, 100, 110) == QUIRE_OK);
    CHILD_REQUIRE(unlink(at) == 0);
    CHILD_REQUIRE(give_up_rights(directory));
    CHILD_REQUIRE(quire_checkpoint(db, &err) == QUIRE_IO);
    CHILD_REQUIRE(strstr(err.message, "removed or replaced") != NULL);
}

/* Runs in a process of its own over a database of 100 users in a directory of its own. */
static void run_without_rights(void (*work)(const char *directory, const char *at), char *at,
                               size_t size)
{
    char directory[600];
    int status = 0;
    temp_dir_file(&dir, "own", directory, sizeof directory);
    cr_assert_eq(mkdir(directory, 0700), 0);
    snprintf(at, size, "%s/data.quire", directory);
    create(at, 100);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        work(directory, at);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(chmod(directory, 0700), 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

Test(trust, rights_given_up__leave_checkpoints_and_closing_whole)
{
    char at[700];
    quire_db *db;
    run_without_rights(work_without_rights, at, sizeof at);
    OK(open_ruled(at, QUIRE_RULE_CHECK_FIRST, &db));
    cr_assert_eq(users(db), 310);
    OK(quire_close(db, &err));
}

Test(trust, rights_given_up__do_not_hide_that_the_file_is_gone)
{
    char at[700];
    run_without_rights(work_on_a_removed_file, at, sizeof at);
}

Test(trust, file_cut_under_a_reader__is_an_error)
{
    quire_db *db;
    quire_table *table;
    quire_index_cursor *cursor;
    quire_status status = QUIRE_OK;
    create(path, 2000);
    OK(open_ruled(path, 0, &db));
    quire_txn *txn = begin_read(db);
    OK(quire_table_open(txn, "users", &table, &err));
    cr_assert_eq(truncate(path, size_of(path) / 3), 0);
    OK(quire_index_cursor_open(table, index_number(table, "by_name"), NULL, &cursor, &err));
    bool more = true;
    size_t rows = 0;
    for (; status == QUIRE_OK && more; rows++) {
        int64_t rowid;
        status = quire_index_cursor_next(cursor, &rowid, &more, &err);
    }
    cr_assert(status == QUIRE_CORRUPT || status == QUIRE_IO, "%s after %zu rows",
              quire_status_name(status), rows);
    quire_index_cursor_close(cursor);
    quire_table_close(table);
    quire_rollback(txn);
    (void)quire_close(db, &err);
}

/* ---- Files that are swapped under an open handle ---- */

static void add_one(quire_db *db)
{
    quire_txn *txn = begin_write(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    (void)add_user(table, "added", 1);
    quire_table_close(table);
    commit(txn);
}

Test(trust, database_swapped_while_it_is_open__is_noticed_and_its_log_kept)
{
    char other[700];
    quire_db *db;
    create(path, 3);
    temp_dir_file(&dir, "other.quire", other, sizeof other);
    create(other, 7);
    OK(open_ruled(path, 0, &db));
    add_one(db);
    cr_assert_eq(rename(other, path), 0);
    FAILS(IO, quire_checkpoint(db, &err));
    cr_assert_not_null(strstr(err.message, "replaced while it was open"));
    add_one(db);
    FAILS(IO, quire_close(db, &err));
    cr_assert(is_there("data.quire-wal"));
    FAILS(LOG_MISMATCH, open_ruled(path, 0, &db)); /* nothing of one gets into the other */
}

Test(trust, working_directory_that_changes__keeps_no_checkpoint_from_ending)
{
    char moved[700];
    quire_db *db;
    create(path, 3);
    cr_assert_eq(chdir(dir.path), 0);
    OK(open_ruled("data.quire", 0, &db));
    cr_assert_eq(chdir("/"), 0);
    add_one(db);
    OK(quire_checkpoint(db, &err));
    snprintf(moved, sizeof moved, "%s-moved", dir.path);
    cr_assert_eq(rename(dir.path, moved), 0); /* file and log move together */
    add_one(db);
    OK(quire_checkpoint(db, &err));
    cr_assert_eq(rename(moved, dir.path), 0);
    add_one(db);
    OK(quire_close(db, &err));
    OK(open_ruled(path, 0, &db));
    cr_assert_eq(users(db), 6);
    OK(quire_close(db, &err));
}

Test(trust, log_swapped_between_openings__is_refused)
{
    char log[700];
    char other[700];
    char other_log[700];
    quire_db *db;
    temp_dir_file(&dir, "data.quire-wal", log, sizeof log);
    temp_dir_file(&dir, "other.quire", other, sizeof other);
    temp_dir_file(&dir, "other.quire-wal", other_log, sizeof other_log);
    create(path, 3);
    create(other, 7);
    OK(open_ruled(other, 0, &db));
    add_one(db);
    (void)unlink(log);
    copy_file(other_log, log); /* as it is while the other is in use */
    FAILS(LOG_MISMATCH, open_ruled(path, 0, &(quire_db *){NULL}));
    cr_assert_eq(unlink(log), 0);
    OK(quire_close(db, &err));
    OK(open_ruled(path, 0, &db));
    cr_assert_eq(users(db), 3);
    OK(quire_close(db, &err));
}
