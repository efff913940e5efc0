/*
 * quire checkpoint: copies the log into the database file.
 */
#include <stdlib.h>

#include "remote.h"

static const struct command_help help = {
    "DATABASE | --connect URL",
    "Copies every committed page from the log into the database file and syncs it, so that\n"
    "the file is complete on its own. Fails while another process has the database open for\n"
    "writing: when that is quire serve, it makes the checkpoint for --connect.\n\n"
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

static int run_remotely(const struct remote *remote)
{
    struct remote_answer answer;
    int code = remote_post(remote, "/admin/checkpoint", "application/json", NULL, &answer);
    if (code == COMMAND_OK) {
        code = remote_check(&answer);
    }
    free(answer.body.bytes);
    return code;
}

int command_checkpoint(int argc, const char **argv)
{
    struct remote remote = {0};
    const struct poptOption options[] = {REMOTE_OPTIONS(remote), COMMAND_HELP_OPTION,
                                         POPT_TABLEEND};
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0 && count != (remote.url == NULL ? 1 : 0)) {
        code = command_misuse("checkpoint takes one database, or --connect; see quire checkpoint "
                              "--help");
    }
    if (code < 0) {
        code = remote.url != NULL ? run_remotely(&remote) : run(arguments[0]);
    }
    poptFreeContext(context);
    remote_release(&remote);
    return code;
}
