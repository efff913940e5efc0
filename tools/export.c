/*
 * quire export: writes the schema and the rows of a database as text.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE [--format FORMAT] [--types A,B] DIRECTORY|-",
    "Writes DIRECTORY, which must be new or empty: schema.graphql, and the rows of each type\n"
    "in a file named after it. Then\n\n"
    "  quire load NEW DIRECTORY\n\n"
    "makes an equal database. With - the rows go to standard output as one text, and the\n"
    "schema to the file that --schema names, if it does.\n\n"
    "FORMAT is json (the default), jsonl (JSON lines) or csv. Everything comes from one\n"
    "snapshot, and the database is opened for reading: another process may write meanwhile.\n"
    "What it makes is for its owner alone to read.\n\n"
    "Exit codes: 0 written, 1 there is no such type, 64 usage, 74 the database could not be\n"
    "opened or read, or the output not written.\n",
};

struct export
{
    struct command_database database;
    const char *directory; /* NULL: standard output */
    char *format;
    char *types;
    char *schema; /* where the schema goes besides */
    quire_export_options options;
    const char **names; /* of the types */

    const char *open_type; /* of the open file */
    FILE *file;
};

static const char *const suffixes[] = {"json", "jsonl", "csv"};

/* ---- files ---- */

static quire_status fail(quire_error *err, const char *path)
{
    err->status = QUIRE_IO;
    err->os_errno = errno;
    snprintf(err->message, sizeof err->message, "%s: %s", path, strerror(errno));
    return QUIRE_IO;
}

static quire_status close_file(struct export *e, quire_error *err)
{
    bool good = e->file == NULL || fclose(e->file) == 0;
    e->file = NULL;
    return good ? QUIRE_OK : fail(err, e->directory);
}

/* Opens a file of the directory. */
static quire_status open_file(struct export *e, const char *name, const char *suffix,
                              quire_error *err)
{
    size_t size = strlen(e->directory) + strlen(name) + strlen(suffix) + 3;
    char *path = malloc(size);
    if (path == NULL) {
        return fail(err, e->directory);
    }
    snprintf(path, size, "%s/%s.%s", e->directory, name, suffix);
    e->file = command_create(path, false);
    quire_status status = e->file == NULL ? fail(err, path) : QUIRE_OK;
    free(path);
    return status;
}

static quire_status write_piece(void *context, const char *type, const char *bytes, size_t size,
                                quire_error *err)
{
    struct export *e = context;
    if (e->directory == NULL) {
        return fwrite(bytes, 1, size, stdout) == size ? QUIRE_OK : fail(err, "standard output");
    }
    if (e->file == NULL || strcmp(type, e->open_type) != 0) {
        quire_status status = close_file(e, err);
        if (status == QUIRE_OK) {
            status = open_file(e, type, suffixes[e->options.format], err);
        }
        if (status != QUIRE_OK) {
            return status;
        }
        e->open_type = type;
    }
    return fwrite(bytes, 1, size, e->file) == size ? QUIRE_OK : fail(err, e->directory);
}

/* Makes the directory, for its owner alone, unless it is there and empty. */
static bool make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0) {
        return true;
    }
    DIR *directory = errno == EEXIST ? opendir(path) : NULL;
    const struct dirent *entry = NULL;
    if (directory == NULL) {
        fprintf(stderr, "quire: %s: %s\n", path, strerror(errno));
        return false;
    }
    do {
        entry = readdir(directory);
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    closedir(directory);
    if (entry != NULL) {
        fprintf(stderr, "quire: %s: the directory is not empty\n", path);
    }
    return entry == NULL;
}

/* ---- the schema ---- */

static quire_status write_schema(struct export *e, quire_txn *txn, quire_error *err)
{
    char *text;
    size_t size;
    if (e->directory == NULL && e->schema == NULL) {
        return QUIRE_OK;
    }
    quire_status status = quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &text, &size, err);
    if (status != QUIRE_OK) {
        return status;
    }
    if (e->schema != NULL) {
        e->file = command_create(e->schema, true);
        status = e->file == NULL ? fail(err, e->schema) : QUIRE_OK;
    } else {
        status = open_file(e, "schema", "graphql", err);
    }
    if (status == QUIRE_OK && fwrite(text, 1, size, e->file) != size) {
        status = fail(err, "the schema");
    }
    quire_free(text);
    quire_status closed = close_file(e, err);
    return status == QUIRE_OK ? closed : status;
}

/* ---- the command ---- */

static int export(void *context, quire_db *db)
{
    struct export *e = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (e->directory != NULL && !make_directory(e->directory)) {
        return COMMAND_IO;
    }
    if (quire_begin(db, QUIRE_READ, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    quire_status status = write_schema(e, txn, &err);
    if (status == QUIRE_OK) {
        status = quire_export(txn, &e->options, write_piece, e, NULL, &err);
    }
    if (status == QUIRE_OK) {
        status = close_file(e, &err);
    }
    int code = status == QUIRE_OK ? command_finish(COMMAND_OK) : command_failed(&err);
    if (e->file != NULL) {
        fclose(e->file);
    }
    quire_rollback(txn);
    return code;
}

/* Cuts "A,B" into names. */
static bool read_types(struct export *e)
{
    uint32_t count = 1;
    for (const char *at = e->types; *at != '\0'; at++) {
        count += *at == ',';
    }
    e->names = calloc(count, sizeof *e->names);
    if (e->names == NULL) {
        fputs("quire: out of memory\n", stderr);
        return false;
    }
    char *at = e->types;
    for (uint32_t i = 0; i < count; i++) {
        e->names[i] = at;
        at += strcspn(at, ",");
        *at++ = '\0';
    }
    e->options.types = e->names;
    e->options.type_count = count;
    return true;
}

static int check(struct export *e, const char **arguments, size_t count)
{
    if (count != 2) {
        return command_misuse("export takes a database and a directory, or - for standard output; "
                              "see quire export --help");
    }
    e->database.path = arguments[0];
    e->directory = strcmp(arguments[1], "-") == 0 ? NULL : arguments[1];
    e->options.split = e->directory != NULL;
    if (e->directory != NULL && e->schema != NULL) {
        return command_misuse("--schema goes with -; a directory has the schema in it");
    }
    int format = command_choice(e->format, suffixes, sizeof suffixes / sizeof suffixes[0]);
    if (format < 0) {
        return command_misuse("--format is json, jsonl or csv, not \"%s\"", e->format);
    }
    e->options.format = (quire_export_format)format;
    if (e->types != NULL && !read_types(e)) {
        return COMMAND_IO;
    }
    if (e->options.format == QUIRE_EXPORT_CSV && !e->options.split && e->options.type_count != 1) {
        return command_misuse("csv on standard output has the rows of one type: --types names it");
    }
    return COMMAND_OK;
}

static int run(void *context, const char **arguments, size_t count)
{
    struct export *e = context;
    int code = check(e, arguments, count);
    return code == COMMAND_OK ? command_on_database(&e->database, export, e) : code;
}

int command_export(int argc, const char **argv)
{
    struct export e = {.options = QUIRE_EXPORT_OPTIONS_INIT, .database.mode = QUIRE_OPEN_READ_ONLY};
    const struct poptOption options[] = {
        {"format", 'f', POPT_ARG_STRING, &e.format, 0, "json, jsonl or csv", "FORMAT"},
        {"types", 't', POPT_ARG_STRING, &e.types, 0, "only these types, commas between", "A,B"},
        {"schema", 's', POPT_ARG_STRING, &e.schema, 0, "with -: write the schema there", "FILE"},
        COMMAND_DATABASE_OPTIONS(e.database),
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    int code = command_act(argc, argv, options, &help, run, &e);
    free(e.format);
    free(e.types);
    free(e.schema);
    free(e.names);
    return code;
}
