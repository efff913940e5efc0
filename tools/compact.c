/*
 * quire compact: rewrites a database into full pages.
 */
#include <sys/stat.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE",
    "Writes the database anew, its tables and indexes in order on full pages, and puts the\n"
    "result in its place in one step: a crash leaves the old file or the new one. Needs room\n"
    "for a second copy. Fails while another process has the database open for writing.\n\n"
    "Exit codes: 0 done, 64 usage, 74 the database could not be opened, read or written.\n",
};

/* Bytes of a file; 0 when that cannot be told. */
static unsigned long long size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (unsigned long long)about.st_size : 0;
}

static int compact(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct command_meter meter = command_meter_start("compact");
    unsigned long long before = size_of(path);
    quire_status status = quire_compact(path, command_progress, &meter, &err);
    command_meter_end(&meter);
    if (status != QUIRE_OK) {
        return command_failed(&err);
    }
    printf("%llu bytes, before %llu\n", size_of(path), before);
    return command_finish(COMMAND_OK);
}

static int run(void *context, const char **arguments, size_t count)
{
    (void)context;
    return count == 1 ? compact(arguments[0])
                      : command_misuse("compact takes one database; see quire compact --help");
}

int command_compact(int argc, const char **argv)
{
    const struct poptOption options[] = {COMMAND_HELP_OPTION, POPT_TABLEEND};
    return command_act(argc, argv, options, &help, run, NULL);
}
