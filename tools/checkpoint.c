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

struct request {
    struct command_database database;
    struct remote remote;
};

static int checkpoint(void *context, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)context;
    return quire_checkpoint(db, &err) == QUIRE_OK ? COMMAND_OK : command_failed(&err);
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

static int run(void *context, const char **arguments, size_t count)
{
    struct request *request = context;
    if (count != (request->remote.url == NULL ? 1 : 0)) {
        return command_misuse("checkpoint takes one database, or --connect; see quire checkpoint "
                              "--help");
    }
    request->database.path = arguments != NULL ? arguments[0] : NULL;
    return request->remote.url != NULL ? run_remotely(&request->remote)
                                       : command_on_database(&request->database, checkpoint, NULL);
}

int command_checkpoint(int argc, const char **argv)
{
    struct request request = {.database.mode = QUIRE_OPEN_READ_WRITE};
    const struct poptOption options[] = {REMOTE_OPTIONS(request.remote),
                                         COMMAND_DATABASE_OPTIONS(request.database),
                                         COMMAND_HELP_OPTION, POPT_TABLEEND};
    int code = command_act(argc, argv, options, &help, run, &request);
    remote_release(&request.remote);
    return code;
}
