/*
 * Makes a database with a view and triggers beside its schema, for cli.sh.
 */
#include <stdio.h>

#include "quire/quire.h"

static const char sdl[] = "type User { id: ID! name: String age: Int }";

static quire_status fill(quire_txn *txn, quire_error *err)
{
    static const quire_view_field columns[] = {{"name", NULL}, {"twice", "age * 2"}};
    static const quire_view_order order[] = {{"age", true}};
    static const quire_view_def view = {.name = "adults",
                                        .table = "User",
                                        .filter = "age >= 18",
                                        .columns = columns,
                                        .column_count = 2,
                                        .order = order,
                                        .order_count = 1};
    static const quire_trigger_def trigger = {.name = "watch",
                                              .table = "User",
                                              .function = "count",
                                              .time = QUIRE_AFTER,
                                              .events = QUIRE_ON_INSERT | QUIRE_ON_DELETE,
                                              .disabled = true};
    quire_status status = quire_schema_apply(txn, sdl, 0, err);
    if (status == QUIRE_OK) {
        status = quire_view_create(txn, &view, err);
    }
    return status == QUIRE_OK ? quire_trigger_create(txn, &trigger, err) : status;
}

int main(int argc, char **argv)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_txn *txn;
    options.mode = QUIRE_OPEN_CREATE;
    if (argc != 2 || quire_open(argv[1], &options, &db, &err) != QUIRE_OK) {
        fprintf(stderr, "usage: cli_objects DATABASE: %s\n", err.message);
        return 1;
    }
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, &err);
    if (status == QUIRE_OK) {
        status = fill(txn, &err);
        if (status == QUIRE_OK) {
            status = quire_commit(txn, &err);
        } else {
            quire_rollback(txn);
        }
    }
    if (status != QUIRE_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    return quire_close(db, &err) == QUIRE_OK && status == QUIRE_OK ? 0 : 1;
}
