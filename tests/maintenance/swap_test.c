/*
 * A process opens a database at the moment at which another puts a new file in
 * its place: between the opening of the file and the lock on it.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine_fixture.h"
#include "support/temp_dir.h"

/* A layer over the operating system's that lets something happen once, after the first opening. */
struct interrupted {
    struct qr_file_layer layer;
    struct qr_file_layer_methods methods;
    const char *path;
    int swaps; /* still to come */
};

/* Another process compacts the database. */
static void compact_elsewhere(const char *path)
{
    int status = 0;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        _exit(quire_compact(path, NULL, NULL, NULL) == QUIRE_OK ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the other process failed");
}

static quire_status open_interrupted(struct qr_file_layer *base, const char *path, unsigned flags,
                                     struct qr_file **out, quire_error *err)
{
    struct interrupted *layer = (struct interrupted *)base;
    struct qr_file_layer *real = qr_file_layer_posix();
    quire_status status = real->methods->open(real, path, flags, out, err);
    if (status == QUIRE_OK && layer->swaps > 0 && strcmp(path, layer->path) == 0) {
        layer->swaps--;
        compact_elsewhere(path);
    }
    return status;
}

static void put_row(quire_db *db, int64_t rowid)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    if (rowid == 1) {
        OK(quire_tree_create(txn, "rows", &err));
    }
    OK(quire_tree_open(txn, "rows", &tree, &err));
    OK(quire_tree_insert(tree, rowid, "x", 1, &err));
    quire_tree_close(tree);
    commit(txn);
}

static uint64_t count_rows(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    quire_tree *tree;
    uint64_t rows;
    OK(quire_open(path, NULL, &db, &err));
    quire_txn *txn = begin_read(db);
    OK(quire_tree_open(txn, "rows", &tree, &err));
    OK(quire_tree_count(tree, &rows, &err));
    quire_tree_close(tree);
    quire_rollback(txn);
    close_db(db);
    return rows;
}

static void assert_new_file_is_used(int swaps, quire_status expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[600];
    quire_db *db;
    temp_dir_create(&dir);
    temp_dir_file(&dir, "db", path, sizeof path);
    OK(quire_open(path, NULL, &db, &err));
    put_row(db, 1);
    close_db(db);
    struct interrupted layer = {
        .methods = *qr_file_layer_posix()->methods, .path = path, .swaps = swaps};
    layer.layer.methods = &layer.methods;
    layer.methods.open = open_interrupted;
    quire_status status = qr_db_open_with(path, NULL, &layer.layer, false, &db, &err);
    cr_assert_eq(status, expected, "%s: %s", quire_status_name(status), err.message);
    if (status == QUIRE_OK) {
        put_row(db, 2);
        close_db(db);
    }
    cr_assert_eq(count_rows(path), status == QUIRE_OK ? 2 : 1);
    temp_dir_remove(&dir);
}

Test(swap, database_opened_while_it_is_replaced__is_the_new_one)
{
    assert_new_file_is_used(0, QUIRE_OK);
    assert_new_file_is_used(1, QUIRE_OK);
    assert_new_file_is_used(3, QUIRE_OK);
}

Test(swap, database_replaced_all_the_time__is_refused)
{
    assert_new_file_is_used(100, QUIRE_LOCKED);
}
