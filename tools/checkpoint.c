/*
 * quire checkpoint: copies the log into the database file.
 */
#include "command.h"

static const struct command_help help = {
    "DATABASE",
    "Copies every committed page from the log into the database file and syncs it, so that\n"
    "the file is complete on its own. Fails while another process has the database open for\n"
    "writing; that process makes its own checkpoints.\n\n"
    "Exit codes: 0 done, 64 usage, 74 the database could not be opened or written.\n",
};

static int run(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_READ_WRITE;
    quire_db *db;
    if (quire_open(path, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = COMMAND_OK;
    if (quire_checkpoint(db, &err) != QUIRE_OK) {
        code = command_failed(&err);
    }
    if (quire_close(db, &err) != QUIRE_OK && code == COMMAND_OK) {
        code = command_failed(&err);
    }
    return code;
}

int command_checkpoint(int argc, const char **argv)
{
    const struct poptOption options[] = {COMMAND_HELP_OPTION, POPT_TABLEEND};
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        code = count == 1 ? run(arguments[0])
                          : command_misuse("checkpoint takes one database; see quire checkpoint "
                                           "--help");
    }
    poptFreeContext(context);
    return code;
}
