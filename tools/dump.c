/*
 * quire dump: prints the rows of a database as JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE [--schema FILE]",
    "Prints the rows of every type of the schema as JSON in the form that quire load reads\n"
    "without a mapping; with --schema it also writes the schema to FILE. Then\n\n"
    "  quire load NEW --schema FILE DUMP\n\n"
    "makes an equal database. Opens the database for reading: another process may write\n"
    "meanwhile.\n\n"
    "Exit codes: 0 printed, 64 usage, 74 the database could not be opened or read, or the\n"
    "output not written.\n",
};

static quire_status print_piece(void *context, const char *bytes, size_t size, quire_error *err)
{
    (void)context;
    if (fwrite(bytes, 1, size, stdout) == size) {
        return QUIRE_OK;
    }
    err->status = QUIRE_IO;
    err->os_errno = errno;
    snprintf(err->message, sizeof err->message, "standard output: %s", strerror(errno));
    return QUIRE_IO;
}

static int write_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && fwrite(text, 1, size, file) == size;
    good = (file == NULL || fclose(file) == 0) && good;
    if (!good) {
        fprintf(stderr, "quire: %s: %s\n", path, strerror(errno));
    }
    return good ? COMMAND_OK : COMMAND_IO;
}

static int write_schema(quire_txn *txn, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    char *text;
    size_t size;
    if (quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &text, &size, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = write_text(path, text, size);
    quire_free(text);
    return code;
}

static int dump(quire_db *db, const char *schema)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (quire_begin(db, QUIRE_READ, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = schema == NULL ? COMMAND_OK : write_schema(txn, schema);
    if (code == COMMAND_OK) {
        code = quire_export(txn, print_piece, NULL, NULL, &err) == QUIRE_OK
                   ? command_finish(COMMAND_OK)
                   : command_failed(&err);
    }
    quire_rollback(txn);
    return code;
}

static int run(const char *path, const char *schema)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_READ_ONLY;
    quire_db *db;
    if (quire_open(path, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = dump(db, schema);
    if (quire_close(db, &err) != QUIRE_OK && code == COMMAND_OK) {
        code = command_failed(&err);
    }
    return code;
}

int command_dump(int argc, const char **argv)
{
    char *schema = NULL;
    const struct poptOption options[] = {
        {"schema", 's', POPT_ARG_STRING, &schema, 0, "write the schema there", "FILE"},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        code = count == 1 ? run(arguments[0], schema)
                          : command_misuse("dump takes one database; see quire dump --help");
    }
    poptFreeContext(context);
    free(schema);
    return code;
}
