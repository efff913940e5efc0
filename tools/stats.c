/*
 * quire stats: what the objects of a database take.
 */
#include "command.h"

static const struct command_help help = {
    "DATABASE",
    "Prints the size of the database and, for each table, tree and index, its entries, levels,\n"
    "pages and how full the leaf pages are; views and triggers by name. Reads every page; opens "
    "the database for reading:\n"
    "another process may write meanwhile.\n\n"
    "Exit codes: 0 printed, 64 usage, 74 the database could not be opened or read.\n",
};

static void print_database(const quire_stats *stats)
{
    printf("page size    %u\n"
           "pages        %u\n"
           "free pages   %u\n"
           "log bytes    %llu\n"
           "commit       %llu\n\n"
           "%-28s %-8s %12s %6s %9s %9s %9s %6s\n",
           stats->page_size, stats->pages, stats->pages_free, (unsigned long long)stats->log_bytes,
           (unsigned long long)stats->commit_sequence, "object", "kind", "entries", "levels",
           "leaves", "inner", "overflow", "fill");
}

static quire_status print_object(void *context, const quire_object_stats *object, quire_error *err)
{
    const quire_stats *stats = context;
    double room = (double)object->leaf_pages * stats->page_size;
    (void)err;
    if (object->depth == 0) { /* a view or trigger has no pages */
        printf("  %-26s %s\n", object->name, object->kind);
        return QUIRE_OK;
    }
    printf("%s%-*s %-8s %12llu %6u %9llu %9llu %9llu %5.1f%%\n", object->table[0] ? "  " : "",
           object->table[0] ? 26 : 28, object->name, object->kind,
           (unsigned long long)object->entries, object->depth,
           (unsigned long long)object->leaf_pages, (unsigned long long)object->inner_pages,
           (unsigned long long)object->overflow_pages,
           room > 0 ? 100.0 * (double)object->leaf_bytes / room : 0.0);
    return QUIRE_OK;
}

static int print_stats(void *context, quire_db *db)
{
    (void)context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    quire_txn *txn;
    if (quire_get_stats(db, &stats, &err) != QUIRE_OK ||
        quire_begin(db, QUIRE_READ, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    print_database(&stats);
    int code = quire_each_object(txn, print_object, &stats, &err) == QUIRE_OK
                   ? command_finish(COMMAND_OK)
                   : command_failed(&err);
    quire_rollback(txn);
    return code;
}

static int run(void *context, const char **arguments, size_t count)
{
    struct command_database *database = context;
    if (count != 1) {
        return command_misuse("stats takes one database; see quire stats --help");
    }
    database->path = arguments[0];
    return command_on_database(database, print_stats, NULL);
}

int command_stats(int argc, const char **argv)
{
    struct command_database database = {.mode = QUIRE_OPEN_READ_ONLY};
    const struct poptOption options[] = {COMMAND_DATABASE_OPTIONS(database), COMMAND_HELP_OPTION,
                                         POPT_TABLEEND};
    return command_act(argc, argv, options, &help, run, &database);
}
