/*
 * quire load: applies a schema and loads data, in one write transaction: all of
 * it is stored, or nothing.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "remote.h"

static const struct command_help help = {
    "DATABASE [--schema FILE] [--map FILE] [OPTION...] [FILE|DIRECTORY]...\n"
    "       quire load --connect URL [--schema FILE] [...] [FILE|DIRECTORY]...",
    "Applies the schema, creating the database if it is missing, and loads the files in the\n"
    "order given; \"-\" is standard input. A DIRECTORY, as quire export writes it, stands for\n"
    "its schema.graphql and all its data files. On a database that has a schema already\n"
    "--schema may be left out, or bring additions to it.\n\n"
    "FORMAT is json, jsonl (JSON lines) or csv; without --format the end of a file's name says\n"
    "it. MODE says what becomes of a row that is there already: insert (the default) refuses\n"
    "it, upsert updates what the input gives, replace makes it the given one and deletes the\n"
    "rows of the input's types that the input does not have.\n\n"
    "The triggers of the schema run, with --no-triggers they do not. The rows of a DIRECTORY\n"
    "that has a schema.graphql have been in a database: they are loaded without.\n\n"
    "Everything happens in one transaction: after any error nothing is stored, and a database\n"
    "that was created for it is left empty. --connect sends it all to a server (quire serve),\n"
    "which does the same; where its answer is lost, that is said.\n\n"
    "Exit codes: 0 stored, 1 the schema or the data was refused, 64 usage, 74 a file or the\n"
    "database could not be opened, read or written.\n",
};

/* A list of paths, which it owns. */
struct paths {
    char **items;
    size_t count;
};

/* What became of it all. */
enum stored {
    STORED_NOTHING,
    STORED_PERHAPS, /* the commit, or the server's answer, did not come */
    STORED_ALL
};

struct load {
    const char *database;
    char *schema;
    char *map;
    char **data; /* from --data, NULL-terminated; NULL when there is none */
    char *format;
    char *mode;
    char *type;
    int no_triggers;
    struct paths files;
    quire_load_options options;
    struct remote remote;

    quire_loader *loader;
    bool progress;       /* standard error is a terminal */
    uint64_t rows_shown; /* row count last shown there */
    uint64_t rows;
    enum stored stored;
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
    for (size_t i = 0; i < load->files.count && code == COMMAND_OK; i++) {
        code = load_file(load, load->files.items[i]);
    }
    quire_error err = QUIRE_ERROR_INIT;
    if (code == COMMAND_OK && quire_loader_finish(load->loader, &load->rows, &err) != QUIRE_OK) {
        code = command_failed(&err);
    }
    return code;
}

static int load_data(struct load *load, quire_txn *txn)
{
    if (load->files.count == 0) {
        return COMMAND_OK;
    }
    struct command_text map = {NULL, 0};
    if (load->map != NULL && !command_read(load->map, &map)) {
        return COMMAND_IO;
    }
    quire_error err = QUIRE_ERROR_INIT;
    int code;
    load->options.mapping = map.bytes;
    load->options.mapping_size = map.size;
    load->options.type = load->type;
    if (quire_loader_open(txn, &load->options, &load->loader, &err) != QUIRE_OK) {
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
    quire_status status = quire_commit(txn, &err);
    load->stored = status == QUIRE_OK               ? STORED_ALL
                   : status == QUIRE_COMMIT_UNKNOWN ? STORED_PERHAPS
                                                    : STORED_NOTHING;
    return status == QUIRE_OK ? COMMAND_OK : command_failed(&err);
}

/* Says of a load that failed what is known of its rows. */
static void tell_stored(enum stored stored)
{
    static const char *const texts[] = {
        [STORED_NOTHING] = "nothing was stored",
        [STORED_PERHAPS] = "whether it was stored is not known: look before you load it again",
        [STORED_ALL] = "all of it was stored"};
    fprintf(stderr, "quire: %s\n", texts[stored]);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_here(struct load *load)
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
        tell_stored(load->stored);
        return code;
    }
    printf("%llu rows in %.2f s\n", (unsigned long long)load->rows, seconds_now() - start);
    return command_finish(COMMAND_OK);
}

/* ---- over a server ---- */

/* Writes a piece as the server reads it: its size, a line, and its bytes. */
static quire_status put_piece(void *context, const void *bytes, size_t size, quire_error *err)
{
    FILE *out = context;
    if (fprintf(out, "%zu\n", size) > 0 && fwrite(bytes, 1, size, out) == size) {
        return QUIRE_OK;
    }
    snprintf(err->message, sizeof err->message, "The temporary file is full.");
    return err->status = QUIRE_NO_SPACE;
}

static int put_file(FILE *out, const char *what, const char *path)
{
    if (strchr(path, '\n') != NULL) {
        return command_misuse("a file's name cannot have a line end with --connect");
    }
    fprintf(out, "%s %s\n", what, path);
    int code = command_read_pieces(path, put_piece, out);
    fputs("0\n", out);
    return code;
}

/* All that is to be loaded, in one text. */
static int put_load(FILE *out, const struct load *load)
{
    int code = COMMAND_OK;
    if (load->format != NULL) {
        fprintf(out, "format %s\n", load->format);
    }
    if (load->mode != NULL) {
        fprintf(out, "mode %s\n", load->mode);
    }
    if (load->type != NULL) {
        fprintf(out, "type %s\n", load->type);
    }
    if (load->options.no_triggers) {
        fputs("triggers none\n", out);
    }
    if (load->schema != NULL) {
        code = put_file(out, "schema", load->schema);
    }
    if (load->map != NULL && code == COMMAND_OK) {
        code = put_file(out, "map", load->map);
    }
    for (size_t i = 0; i < load->files.count && code == COMMAND_OK; i++) {
        code = put_file(out, "data", load->files.items[i]);
    }
    fputs("end\n", out);
    if (code == COMMAND_OK && (fflush(out) != 0 || ferror(out) || fseek(out, 0, SEEK_SET) != 0)) {
        fputs("quire: the temporary file could not be written\n", stderr);
        code = COMMAND_IO;
    }
    return code;
}

/* What an answer says: one of 4xx refuses, as does one of 503 or 507. */
static enum stored stored_by(const struct remote_answer *answer)
{
    bool refused = answer->status == 0 ? !answer->asked
                                       : answer->status / 100 == 4 || answer->status == 503 ||
                                             answer->status == 507;
    return refused ? STORED_NOTHING : STORED_PERHAPS;
}

static int send_load(const struct load *load, FILE *body)
{
    struct remote_answer answer = {0};
    double start = seconds_now();
    int code = put_load(body, load);
    if (code == COMMAND_OK) {
        code = remote_post(&load->remote, "/admin/load", "application/x-quire-load", body, &answer);
    }
    if (code == COMMAND_OK) {
        code = remote_check(&answer);
    }
    if (code == COMMAND_OK) {
        const char *rows = strstr(answer.body.bytes, "\"rows\":");
        printf("%llu rows in %.2f s\n", rows != NULL ? strtoull(rows + 7, NULL, 10) : 0,
               seconds_now() - start);
    } else {
        tell_stored(stored_by(&answer));
    }
    free(answer.body.bytes);
    return command_finish(code);
}

static int run_remotely(const struct load *load)
{
    FILE *body = tmpfile();
    if (body == NULL) {
        perror("quire: a temporary file");
        return COMMAND_IO;
    }
    int code = send_load(load, body);
    fclose(body);
    return code;
}

/* ---- files and directories ---- */

/* Takes a path, which must have been allocated. */
static bool add_path(struct paths *paths, char *path)
{
    char **items = path == NULL ? NULL : realloc(paths->items, (paths->count + 1) * sizeof *items);
    if (items == NULL) {
        fputs("quire: out of memory\n", stderr);
        free(path);
        return false;
    }
    paths->items = items;
    paths->items[paths->count++] = path;
    return true;
}

static char *join(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", directory, name);
    }
    return path;
}

static int is_data(const struct dirent *entry)
{
    static const char *const ends[] = {".json", ".jsonl", ".ndjson", ".csv"};
    size_t size = strlen(entry->d_name);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);
        if (size > end && strcmp(entry->d_name + size - end, ends[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Adds the data files of a directory in the order of their names, and takes its schema. */
static bool add_directory(struct load *load, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_data, alphasort);
    bool good = count >= 0;
    if (!good) {
        perror(path);
        return false;
    }
    for (int i = 0; i < count; i++) {
        good = good && add_path(&load->files, join(path, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    char *schema = good && load->schema == NULL ? join(path, "schema.graphql") : NULL;
    struct stat status;
    if (schema != NULL && stat(schema, &status) == 0) {
        load->schema = schema;
        load->options.no_triggers = true;
    } else {
        free(schema);
    }
    return good;
}

static bool add_argument(struct load *load, const char *path)
{
    struct stat status;
    if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return add_directory(load, path);
    }
    return add_path(&load->files, strdup(path));
}

static bool add_files(struct load *load, const char **arguments, size_t count)
{
    for (char **file = load->data; file != NULL && *file != NULL; file++) {
        if (!add_argument(load, *file)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_argument(load, arguments[i])) {
            return false;
        }
    }
    return true;
}

/* ---- the command ---- */

static int check(struct load *load, const char **arguments, size_t count)
{
    static const char *const formats[] = {"json", "jsonl", "csv"};
    static const char *const modes[] = {"insert", "upsert", "replace"};
    size_t databases = load->remote.url == NULL ? 1 : 0;
    if (count < databases) {
        return command_misuse("load takes a database, or --connect; see quire load --help");
    }
    if (load->schema == NULL && load->data == NULL && count == databases) {
        return command_misuse("give a schema, data, or both; see quire load --help");
    }
    int format = command_choice(load->format, formats, 3);
    int mode = command_choice(load->mode, modes, 3);
    if (format < 0) {
        return command_misuse("--format is json, jsonl or csv, not \"%s\"", load->format);
    }
    if (mode < 0) {
        return command_misuse("--mode is insert, upsert or replace, not \"%s\"", load->mode);
    }
    if (load->map != NULL && load->type != NULL) {
        return command_misuse("give --map or --type, not both");
    }
    load->options.mode = (quire_load_mode)mode;
    load->options.no_triggers = load->no_triggers != 0;
    load->options.format =
        load->format == NULL ? QUIRE_LOAD_BY_NAME : (quire_load_format)(QUIRE_LOAD_JSON + format);
    load->database = databases == 1 ? arguments[0] : NULL;
    load->progress = isatty(STDERR_FILENO);
    return add_files(load, arguments + databases, count - databases) ? COMMAND_OK : COMMAND_IO;
}

static void release(struct load *load)
{
    for (char **file = load->data; file != NULL && *file != NULL; file++) {
        free(*file);
    }
    for (size_t i = 0; i < load->files.count; i++) {
        free(load->files.items[i]);
    }
    free(load->files.items);
    free(load->data);
    free(load->schema);
    free(load->map);
    free(load->format);
    free(load->mode);
    free(load->type);
    remote_release(&load->remote);
}

static int run(void *context, const char **arguments, size_t count)
{
    struct load *load = context;
    int code = check(load, arguments, count);
    if (code != COMMAND_OK) {
        return code;
    }
    return load->remote.url != NULL ? run_remotely(load) : run_here(load);
}

int command_load(int argc, const char **argv)
{
    struct load load = {.options = QUIRE_LOAD_OPTIONS_INIT};
    const struct poptOption options[] = {
        {"schema", 's', POPT_ARG_STRING, &load.schema, 0, "the schema, GraphQL SDL", "FILE"},
        {"map", 'm', POPT_ARG_STRING, &load.map, 0, "how the data becomes rows, JSON", "FILE"},
        {"data", 'd', POPT_ARG_ARGV, &load.data, 0, "data to load; may be repeated", "FILE"},
        {"format", 'f', POPT_ARG_STRING, &load.format, 0, "json, jsonl or csv", "FORMAT"},
        {"mode", '\0', POPT_ARG_STRING, &load.mode, 0, "insert, upsert or replace", "MODE"},
        {"type", 't', POPT_ARG_STRING, &load.type, 0, "the type whose rows the files hold", "TYPE"},
        {"no-triggers", '\0', POPT_ARG_NONE, &load.no_triggers, 0, "run no triggers", NULL},
        REMOTE_OPTIONS(load.remote),
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    int code = command_act(argc, argv, options, &help, run, &load);
    release(&load);
    return code;
}
