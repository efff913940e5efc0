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

struct request {
    struct command_database database;
    int pages;
    int no_repack;
};

static int give_back(void *context, quire_db *db)
{
    const struct request *request = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    struct command_meter meter = command_meter_start("vacuum");
    options.pages_max = (uint32_t)request->pages;
    options.no_repack = request->no_repack != 0;
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

static int run(void *context, const char **arguments, size_t count)
{
    struct request *request = context;
    if (count != 1 || request->pages < 0) {
        return command_misuse("vacuum takes one database, and --pages a number from 0; see quire "
                              "vacuum --help");
    }
    request->database.path = arguments[0];
    return command_on_database(&request->database, give_back, request);
}

int command_vacuum(int argc, const char **argv)
{
    struct request request = {.database.mode = QUIRE_OPEN_READ_WRITE};
    const struct poptOption options[] = {
        {"pages", 'p', POPT_ARG_INT, &request.pages, 0, "give back about so many; all without it",
         "N"},
        {"no-repack", 0, POPT_ARG_NONE, &request.no_repack, 0,
         "leave the pages of tables and indexes as full as they are", NULL},
        COMMAND_DATABASE_OPTIONS(request.database),
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    return command_act(argc, argv, options, &help, run, &request);
}
