/*
 * quire vacuum: gives the free pages of a database back, in short steps.
 */
#include "command.h"

static const struct command_help help = {
    "DATABASE [--pages N] [--no-repack]",
    "Fills pages of tables and indexes that deletes have left half empty, moves pages from the\n"
    "end of the file to free ones further ahead and cuts the file, in short transactions: it can\n"
    "be stopped at any moment and goes on the next time. Unlike compact it writes no second copy.\n"
    "Fails while another process has the database open for writing: call quire_vacuum there.\n"
    "Processes that only read may have to open the database again.\n\n"
    "Exit codes: 0 done, 64 usage, 74 the database could not be opened or written.\n",
};

static int give_back(quire_db *db, int pages, bool no_repack)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    struct command_meter meter = command_meter_start("vacuum");
    options.pages_max = (uint32_t)pages;
    options.no_repack = no_repack;
    options.progress = command_progress;
    options.context = &meter;
    quire_status status = quire_vacuum(db, &options, &result, &err);
    command_meter_end(&meter);
    if (status != QUIRE_OK) {
        return command_failed(&err);
    }
    printf("%llu pages given back, %llu moved, %llu filled\n",
           (unsigned long long)result.pages_freed, (unsigned long long)result.pages_moved,
           (unsigned long long)result.pages_repacked);
    return command_finish(COMMAND_OK);
}

static int run(const char *path, int pages, bool no_repack)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_READ_WRITE;
    quire_db *db;
    if (quire_open(path, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = give_back(db, pages, no_repack);
    if (quire_close(db, &err) != QUIRE_OK && code == COMMAND_OK) {
        code = command_failed(&err);
    }
    return code;
}

int command_vacuum(int argc, const char **argv)
{
    int pages = 0;
    int no_repack = 0;
    const struct poptOption options[] = {
        {"pages", 'p', POPT_ARG_INT, &pages, 0, "give back about so many; all without it", "N"},
        {"no-repack", 0, POPT_ARG_NONE, &no_repack, 0,
         "leave the pages of tables and indexes as full as they are", NULL},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        code = count == 1 && pages >= 0
                   ? run(arguments[0], pages, no_repack != 0)
                   : command_misuse("vacuum takes one database, and --pages a number from 0; see "
                                    "quire vacuum --help");
    }
    poptFreeContext(context);
    return code;
}
