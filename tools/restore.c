/*
 * quire restore: puts a copy of a backup at a database's path.
 */
#include "command.h"

static const struct command_help help = {
    "BACKUP DATABASE [--replace]",
    "Checks the backup and puts a copy of it at DATABASE, which must not exist unless\n"
    "--replace is given: then a database there, sound or damaged, is replaced in one step,\n"
    "and its log is removed. A crash leaves the old database or the restored one. Fails while\n"
    "a process has DATABASE open for writing. The backup stays as it is.\n\n"
    "Exit codes: 0 done, 1 DATABASE exists, 64 usage, 74 a file could not be opened, read or\n"
    "written, or the backup is damaged.\n",
};

static int restore(const char *backup, const char *path, bool replace)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    struct command_meter meter = command_meter_start("restore");
    options.replace = replace;
    options.progress = command_progress;
    options.context = &meter;
    quire_status status = quire_restore(backup, path, &options, &err);
    command_meter_end(&meter);
    return status == QUIRE_OK ? COMMAND_OK : command_failed(&err);
}

static int run(void *context, const char **arguments, size_t count)
{
    const int *replace = context;
    return count == 2 ? restore(arguments[0], arguments[1], *replace != 0)
                      : command_misuse("restore takes a backup and a database; see quire restore "
                                       "--help");
}

int command_restore(int argc, const char **argv)
{
    int replace = 0;
    const struct poptOption options[] = {
        {"replace", 'r', POPT_ARG_NONE, &replace, 0, "replace DATABASE if it exists", NULL},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    return command_act(argc, argv, options, &help, run, &replace);
}
