/*
 * quire load: applies a schema and loads JSON data, in one write transaction:
 * all of it is stored, or nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE --schema FILE [--map FILE] [--data FILE]... [FILE...]",
    "Creates the database if it is missing, applies the schema, and loads the JSON files in\n"
    "the order given; FILE after the options is a data file too, \"-\" is standard input. On a\n"
    "database that has a schema already --schema may be left out, or bring additions to it.\n"
    "Everything happens in one transaction: after any error nothing is stored, and a database\n"
    "that was created for it is left empty.\n\n"
    "Exit codes: 0 stored, 1 the schema or the data was refused, 64 usage, 74 a file or the\n"
    "database could not be opened, read or written.\n",
};

struct load {
    const char *database;
    char *schema;
    char *map;
    char **data;       /* from --data, NULL-terminated; NULL when there is none */
    const char **more; /* from the arguments after the database */
    size_t more_count;

    quire_loader *loader;
    bool progress;       /* standard error is a terminal */
    uint64_t rows_shown; /* row count last shown there */
    uint64_t rows;
};

/* Rows between two updates of the progress line. */
#define PROGRESS_ROWS 1000U

static void show_progress(struct load *load, const char *file)
{
    uint64_t rows = quire_loader_rows(load->loader);
    if (load->progress && rows - load->rows_shown >= PROGRESS_ROWS) {
        fprintf(stderr, "\r\033[K%s: %llu rows", file, (unsigned long long)rows);
        load->rows_shown = rows;
    }
}

static void end_progress(struct load *load)
{
    if (load->progress && load->rows_shown > 0) {
        fputs("\r\033[K", stderr);
        load->rows_shown = 0;
    }
}

struct feed {
    struct load *load;
    const char *file;
};

static quire_status feed(void *context, const void *bytes, size_t size, quire_error *err)
{
    const struct feed *target = context;
    quire_status status = quire_loader_feed(target->load->loader, bytes, size, err);
    if (status == QUIRE_OK) {
        show_progress(target->load, target->file);
    } else {
        end_progress(target->load);
    }
    return status;
}

static int load_file(struct load *load, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (quire_loader_begin(load->loader, path, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    struct feed target = {load, path};
    int code = command_read_pieces(path, feed, &target);
    end_progress(load);
    if (code == COMMAND_OK && quire_loader_end(load->loader, &err) != QUIRE_OK) {
        code = command_failed(&err);
    }
    return code;
}

static int load_files(struct load *load)
{
    int code = COMMAND_OK;
    for (char **file = load->data; file != NULL && *file != NULL && code == COMMAND_OK; file++) {
        code = load_file(load, *file);
    }
    for (size_t i = 0; i < load->more_count && code == COMMAND_OK; i++) {
        code = load_file(load, load->more[i]);
    }
    quire_error err = QUIRE_ERROR_INIT;
    if (code == COMMAND_OK && quire_loader_finish(load->loader, &load->rows, &err) != QUIRE_OK) {
        code = command_failed(&err);
    }
    return code;
}

static int load_data(struct load *load, quire_txn *txn)
{
    if (load->data == NULL && load->more_count == 0) {
        return COMMAND_OK;
    }
    struct command_text map = {NULL, 0};
    if (load->map != NULL && !command_read(load->map, &map)) {
        return COMMAND_IO;
    }
    quire_error err = QUIRE_ERROR_INIT;
    int code;
    if (quire_loader_open(txn, map.bytes, map.size, &load->loader, &err) != QUIRE_OK) {
        if (err.line != 0 && err.file[0] == '\0') {
            snprintf(err.file, sizeof err.file, "%s", load->map);
        }
        code = command_failed(&err);
    } else {
        code = load_files(load);
        quire_loader_close(load->loader);
        load->loader = NULL;
    }
    free(map.bytes);
    return code;
}

static int apply_schema(const struct load *load, quire_txn *txn)
{
    if (load->schema == NULL) {
        return COMMAND_OK;
    }
    struct command_text sdl;
    if (!command_read(load->schema, &sdl)) {
        return COMMAND_IO;
    }
    quire_error err = QUIRE_ERROR_INIT;
    int code = COMMAND_OK;
    if (quire_schema_apply(txn, sdl.bytes, sdl.size, &err) != QUIRE_OK) {
        if (err.line != 0 && err.file[0] == '\0') {
            snprintf(err.file, sizeof err.file, "%s", load->schema);
        }
        code = command_failed(&err);
    }
    free(sdl.bytes);
    return code;
}

static int load_into(struct load *load, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (quire_begin(db, QUIRE_WRITE, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = apply_schema(load, txn);
    if (code == COMMAND_OK) {
        code = load_data(load, txn);
    }
    if (code != COMMAND_OK) {
        quire_rollback(txn);
        return code;
    }
    return quire_commit(txn, &err) == QUIRE_OK ? COMMAND_OK : command_failed(&err);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(struct load *load)
{
    double start = seconds_now();
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = load->schema != NULL ? QUIRE_OPEN_CREATE : QUIRE_OPEN_READ_WRITE;
    quire_db *db;
    if (quire_open(load->database, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = load_into(load, db);
    if (quire_close(db, &err) != QUIRE_OK) {
        int close_code = command_failed(&err);
        code = code == COMMAND_OK ? close_code : code;
    }
    if (code != COMMAND_OK) {
        fputs("quire: nothing was stored\n", stderr);
        return code;
    }
    printf("%llu rows in %.2f s\n", (unsigned long long)load->rows, seconds_now() - start);
    return command_finish(COMMAND_OK);
}

static int check(struct load *load, const char **arguments, size_t count)
{
    if (count == 0) {
        return command_misuse("load takes a database; see quire load --help");
    }
    if (load->schema == NULL && load->data == NULL && count == 1) {
        return command_misuse("give a schema, data, or both; see quire load --help");
    }
    load->database = arguments[0];
    load->more = arguments + 1;
    load->more_count = count - 1;
    load->progress = isatty(STDERR_FILENO);
    return COMMAND_OK;
}

static void release(struct load *load)
{
    free(load->schema);
    free(load->map);
    for (char **file = load->data; file != NULL && *file != NULL; file++) {
        free(*file);
    }
    free(load->data);
}

int command_load(int argc, const char **argv)
{
    struct load load = {0};
    const struct poptOption options[] = {
        {"schema", 's', POPT_ARG_STRING, &load.schema, 0, "the schema, GraphQL SDL", "FILE"},
        {"map", 'm', POPT_ARG_STRING, &load.map, 0, "how the data becomes rows, JSON", "FILE"},
        {"data", 'd', POPT_ARG_ARGV, &load.data, 0, "data to load, JSON; may be repeated", "FILE"},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        code = check(&load, arguments, count);
        if (code == COMMAND_OK) {
            code = run(&load);
        }
    }
    poptFreeContext(context);
    release(&load);
    return code;
}
