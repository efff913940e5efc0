/*
 * quire inspect: checks a database, its log and its indexes, and only reads.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE [--wal | --indexes | --index NAME | --page N] [--details | --json]",
    "Checks the database file, the write-ahead log and the indexes, or the one part asked\n"
    "for, and reports what it finds. It only reads. With --details it also prints what it\n"
    "measured: header, trees, indexes, log segments. With --json it prints one JSON object with a\n"
    "report a part. docs/inspection.md lists the findings.\n\n"
    "Exit codes: 0 sound, 1 sound with warnings, 2 damage, 64 usage, 74 the inspection could\n"
    "not be done.\n",
};

enum part { PART_DATABASE, PART_WAL, PART_INDEXES, PART_PAGE };

struct inspection {
    const char *database;
    int wal;
    int indexes;
    char *index;
    long long page;
    int json;
    int details;

    quire_severity worst;
    bool first; /* no report was printed yet */
};

static quire_status make_report(const struct inspection *inspection, enum part part,
                                quire_report **report, quire_error *err)
{
    switch (part) {
    case PART_DATABASE:
        return quire_inspect_database(inspection->database, report, err);
    case PART_WAL:
        return quire_inspect_wal(inspection->database, report, err);
    case PART_INDEXES:
        return quire_inspect_indexes(inspection->database, inspection->index, report, err);
    case PART_PAGE:
        break;
    }
    return quire_inspect_page(inspection->database, (uint32_t)inspection->page, report, err);
}

static void print_json(const struct inspection *inspection, enum part part, const char *json)
{
    static const char *const names[] = {"database", "wal", "indexes", "page"};
    printf("%s\"%s\":", inspection->first ? "{" : ",", names[part]);
    size_t size = strlen(json);
    while (size > 0 && json[size - 1] == '\n') {
        size--;
    }
    fwrite(json, 1, size, stdout);
}

static void print_text(const struct inspection *inspection, const char *text)
{
    size_t size = strlen(text);
    if (!inspection->first && inspection->details) {
        fputc('\n', stdout);
    }
    fwrite(text, 1, size, stdout);
    if (size > 0 && text[size - 1] != '\n') {
        fputc('\n', stdout);
    }
}

/* Makes and prints one report; false after reporting that it could not be made, with *code. */
static bool inspect_part(struct inspection *inspection, enum part part, int *code)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    if (make_report(inspection, part, &report, &err) != QUIRE_OK) {
        *code = command_failed(&err) == COMMAND_REFUSED ? COMMAND_USAGE : COMMAND_IO;
        return false;
    }
    if (inspection->json) {
        print_json(inspection, part, quire_report_json(report));
    } else {
        bool details = inspection->details != 0 || part == PART_PAGE;
        print_text(inspection, details ? quire_report_text(report) : quire_report_summary(report));
    }
    inspection->first = false;
    if (quire_report_severity(report) > inspection->worst) {
        inspection->worst = quire_report_severity(report);
    }
    quire_report_free(report);
    return true;
}

static int inspect(struct inspection *inspection)
{
    int code = COMMAND_OK;
    bool good;
    if (inspection->page >= 0) {
        good = inspect_part(inspection, PART_PAGE, &code);
    } else if (inspection->wal) {
        good = inspect_part(inspection, PART_WAL, &code);
    } else if (inspection->indexes || inspection->index != NULL) {
        good = inspect_part(inspection, PART_INDEXES, &code);
    } else {
        good = inspect_part(inspection, PART_DATABASE, &code) &&
               inspect_part(inspection, PART_WAL, &code) &&
               inspect_part(inspection, PART_INDEXES, &code);
    }
    if (inspection->json && !inspection->first) {
        fputs("}\n", stdout);
    }
    if (!good) {
        return inspection->worst == QUIRE_SEVERITY_ERROR ? COMMAND_DAMAGE : code;
    }
    static const int codes[] = {COMMAND_OK, COMMAND_REFUSED, COMMAND_DAMAGE};
    return command_finish(codes[inspection->worst]);
}

static int check(struct inspection *inspection, const char **arguments, size_t count)
{
    int parts = inspection->wal + inspection->indexes + (inspection->index != NULL) +
                (inspection->page >= 0);
    if (count != 1) {
        return command_misuse("inspect takes one database; see quire inspect --help");
    }
    if (parts > 1) {
        return command_misuse("give one of --wal, --indexes, --index and --page");
    }
    if (inspection->page < -1 || inspection->page >= (long long)QUIRE_NO_PAGE) {
        return command_misuse("--page takes a page number, 0 to %u", QUIRE_NO_PAGE - 1);
    }
    inspection->database = arguments[0];
    return COMMAND_OK;
}

static int run(void *context, const char **arguments, size_t count)
{
    int code = check(context, arguments, count);
    return code == COMMAND_OK ? inspect(context) : code;
}

int command_inspect(int argc, const char **argv)
{
    struct inspection inspection = {.page = -1, .first = true, .worst = QUIRE_SEVERITY_INFO};
    const struct poptOption options[] = {
        {"wal", 'w', POPT_ARG_NONE, &inspection.wal, 0, "the write-ahead log", NULL},
        {"indexes", 'x', POPT_ARG_NONE, &inspection.indexes, 0, "every index", NULL},
        {"index", 'i', POPT_ARG_STRING, &inspection.index, 0, "one index", "NAME"},
        {"page", 'p', POPT_ARG_LONGLONG, &inspection.page, 0, "one page, decoded", "N"},
        {"details", 'd', POPT_ARG_NONE, &inspection.details, 0, "print what was measured too",
         NULL},
        {"json", 'j', POPT_ARG_NONE, &inspection.json, 0, "print JSON", NULL},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    int code = command_act(argc, argv, options, &help, run, &inspection);
    free(inspection.index);
    return code;
}
