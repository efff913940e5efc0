/*
 * quire recover: saves what is readable of a damaged database.
 */
#include <string.h>

#include "command.h"

static const struct command_help help = {
    "DAMAGED NEW",
    "Copies every row that can be read from the files of the database DAMAGED, which are only\n"
    "read, into a new database NEW, and tells what became of each table, tree and index and\n"
    "what is lost. Prefer a backup if there is one: lost rows may leave references that lead\n"
    "nowhere. quire inspect DAMAGED tells beforehand what is damaged.\n\n"
    "Exit codes: 0 everything was recovered, 1 something is lost or NEW exists, 64 usage,\n"
    "74 a file could not be opened, read or written.\n",
};

static void print_object(void *context, const quire_salvaged *object)
{
    int *code = context;
    printf("%-6s %-28s ", object->kind, object->name);
    if (strcmp(object->kind, "text") == 0) {
        fputs("lost", stdout);
    } else if (strcmp(object->kind, "index") == 0) {
        fputs(object->note[0] == '\0' ? "built" : "changed", stdout);
    } else if (object->rows_expected == UINT64_MAX) {
        printf("%llu rows", (unsigned long long)object->rows);
    } else {
        printf("%llu of %llu rows", (unsigned long long)object->rows,
               (unsigned long long)object->rows_expected);
    }
    if (object->note[0] != '\0') {
        printf("; %s", object->note);
        *code = COMMAND_REFUSED;
    }
    fputc('\n', stdout);
}

static int recover(const char *damaged, const char *fresh)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_salvage_summary summary = {.size = sizeof summary};
    int code = COMMAND_OK;
    if (quire_salvage(damaged, fresh, print_object, &code, &summary, &err) != QUIRE_OK) {
        (void)command_finish(COMMAND_OK);
        return command_failed(&err);
    }
    printf("%llu rows; %llu of %llu pages unreadable%s%s\n", (unsigned long long)summary.rows,
           (unsigned long long)summary.pages_lost, (unsigned long long)summary.pages,
           summary.log_used ? "" : "; the log could not be used",
           summary.catalog_lost ? "; the catalog is lost, tables came out as trees" : "");
    if (summary.pages_lost > 0 || summary.objects_lost > 0 || summary.catalog_lost ||
        !summary.log_used) {
        code = COMMAND_REFUSED;
    }
    return command_finish(code);
}

static int run(void *context, const char **arguments, size_t count)
{
    (void)context;
    return count == 2 ? recover(arguments[0], arguments[1])
                      : command_misuse("recover takes a damaged database and a new one; see quire "
                                       "recover --help");
}

int command_recover(int argc, const char **argv)
{
    const struct poptOption options[] = {COMMAND_HELP_OPTION, POPT_TABLEEND};
    return command_act(argc, argv, options, &help, run, NULL);
}
