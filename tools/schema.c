/*
 * quire schema: prints the schema of a database.
 */
#include "command.h"

static const struct command_help help = {
    "DATABASE [--api]",
    "Prints the schema as it was applied or, with --api, the whole generated schema that\n"
    "requests are checked against. Opens the database for reading: another process may write\n"
    "meanwhile.\n\n"
    "Exit codes: 0 printed, 64 usage, 74 the database could not be opened or read.\n",
};

static int print_schema(quire_db *db, quire_schema_form form)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (quire_begin(db, QUIRE_READ, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    char *text;
    size_t size;
    int code = COMMAND_OK;
    if (quire_schema_text(txn, form, &text, &size, &err) != QUIRE_OK) {
        code = command_failed(&err);
    } else {
        fwrite(text, 1, size, stdout);
        if (size > 0 && text[size - 1] != '\n') {
            fputc('\n', stdout);
        }
        quire_free(text);
        code = command_finish(COMMAND_OK);
    }
    quire_rollback(txn);
    return code;
}

static int run(const char *path, quire_schema_form form)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_READ_ONLY;
    quire_db *db;
    if (quire_open(path, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = print_schema(db, form);
    if (quire_close(db, &err) != QUIRE_OK && code == COMMAND_OK) {
        code = command_failed(&err);
    }
    return code;
}

int command_schema(int argc, const char **argv)
{
    int api = 0;
    const struct poptOption options[] = {
        {"api", '\0', POPT_ARG_NONE, &api, 0, "print the generated schema", NULL},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        code = count == 1 ? run(arguments[0], api ? QUIRE_SCHEMA_API : QUIRE_SCHEMA_SOURCE)
                          : command_misuse("schema takes one database; see quire schema --help");
    }
    poptFreeContext(context);
    return code;
}
