/*
 * quire schema: prints the schema of a database, tells what another one would
 * change, and changes it.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE [--api]\n"
    "       quire schema diff DATABASE FILE [--api]\n"
    "       quire schema apply DATABASE FILE [--drop-data] [--dry-run]",
    "Prints the schema as it was applied, and as comments behind it the views and triggers that\n"
    "programs have made beside it; or, with --api, the whole generated schema that requests\n"
    "are checked against.\n\n"
    "diff tells what changes when FILE (- is standard input) becomes the schema: for clients,\n"
    "BREAKING, DANGEROUS and safe changes of the declared or, with --api, the generated\n"
    "schema; and for the stored rows, what is applied, what LOSES values, and what is REFUSED.\n\n"
    "apply makes FILE the schema, in one transaction. Changes that lose values are made only\n"
    "with --drop-data. With --dry-run everything is done and then taken back.\n\n"
    "Printing and diff open the database for reading: another process may write meanwhile.\n\n"
    "Exit codes: 0 printed, or applied, or diff found nothing that apply would refuse; 1 the\n"
    "schema is refused, or apply would refuse it; 64 usage, 74 the database could not be\n"
    "opened, read or written.\n",
};

struct options {
    int api;
    int drop_data;
    int dry_run;
};

/* ---- what programs have made beside the schema ---- */

static quire_status print_view(void *context, const quire_view_def *def, quire_error *err)
{
    (void)context;
    (void)err;
    printf("# View %s of %s", def->name, def->table);
    if (def->filter != NULL) {
        printf(" where %s", def->filter);
    }
    for (uint32_t i = 0; i < def->order_count; i++) {
        printf("%s%s%s", i == 0 ? " ordered by " : ", ", def->order[i].column,
               def->order[i].descending ? " descending" : "");
    }
    for (uint32_t i = 0; i < def->column_count; i++) {
        printf("%s%s = %s", i == 0 ? ": " : ", ", def->columns[i].name, def->columns[i].expression);
    }
    putchar('\n');
    return QUIRE_OK;
}

static void print_trigger(const quire_trigger_def *def)
{
    static const char *const events[] = {"insert", "update", "delete"};
    const char *between = "";
    printf("# Trigger %s on %s, %s ", def->name, def->table,
           def->time == QUIRE_BEFORE ? "before" : "after");
    for (unsigned i = 0; i < 3; i++) {
        if ((def->events & (1U << i)) != 0) {
            printf("%s%s", between, events[i]);
            between = ", ";
        }
    }
    printf(": calls %s%s\n", def->function, def->disabled ? " (disabled)" : "");
}

static quire_status print_triggers(void *context, const char *name, uint64_t rows, quire_error *err)
{
    quire_txn *txn = context;
    quire_table *table;
    (void)rows;
    quire_status status = quire_table_open(txn, name, &table, err);
    if (status != QUIRE_OK) {
        return status;
    }
    for (uint32_t i = 0; i < quire_table_trigger_count(table); i++) {
        print_trigger(quire_table_trigger(table, i));
    }
    quire_table_close(table);
    return QUIRE_OK;
}

static int print_others(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = quire_each_view(txn, print_view, NULL, &err);
    if (status == QUIRE_OK) {
        status = quire_each_table(txn, print_triggers, txn, &err);
    }
    return status == QUIRE_OK ? COMMAND_OK : command_failed(&err);
}

/* ---- printing ---- */

static int print_schema(quire_db *db, quire_schema_form form)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (quire_begin(db, QUIRE_READ, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    char *text;
    size_t size;
    int code = COMMAND_OK;
    if (quire_schema_text(txn, form, &text, &size, &err) != QUIRE_OK) {
        code = command_failed(&err);
    } else {
        fwrite(text, 1, size, stdout);
        if (size > 0 && text[size - 1] != '\n') {
            fputc('\n', stdout);
        }
        quire_free(text);
        code = form == QUIRE_SCHEMA_API ? COMMAND_OK : print_others(txn);
        code = command_finish(code);
    }
    quire_rollback(txn);
    return code;
}

/* ---- diff ---- */

struct listing {
    bool loses, refused; /* something */
    bool clients, rows;  /* headings that were printed */
};

static void print_heading(bool *printed, const char *text)
{
    if (!*printed) {
        puts(text);
        *printed = true;
    }
}

static quire_status print_change(void *context, const quire_schema_change *change, quire_error *err)
{
    static const char *const levels[] = {"safe", "DANGEROUS", "BREAKING"};
    static const char *const effects[] = {"", "applied", "LOSES", "REFUSED"};
    struct listing *listing = context;
    bool client = change->effect == QUIRE_EFFECT_NONE;
    (void)err;
    if (client) {
        print_heading(&listing->clients, "Clients:");
    } else {
        print_heading(&listing->rows, "Rows:");
    }
    listing->loses = listing->loses || change->effect == QUIRE_EFFECT_LOSES;
    listing->refused = listing->refused || change->effect == QUIRE_EFFECT_REFUSED;
    printf("  %-10s%-24s%s\n", client ? levels[change->level] : effects[change->effect],
           change->kind, change->text);
    return QUIRE_OK;
}

static int failed_in(const char *file, quire_error *err)
{
    if (err->line != 0) {
        snprintf(err->file, sizeof err->file, "%s", file);
    }
    return command_failed(err);
}

static int diff(quire_db *db, const char *file, const struct command_text *sdl,
                const struct options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct listing listing = {0};
    quire_txn *txn;
    if (quire_begin(db, QUIRE_READ, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    quire_status status = quire_schema_diff(txn, sdl->bytes, sdl->size,
                                            options->api ? QUIRE_SCHEMA_API : QUIRE_SCHEMA_SOURCE,
                                            print_change, &listing, &err);
    quire_rollback(txn);
    if (status != QUIRE_OK) {
        return failed_in(file, &err);
    }
    if (!listing.clients && !listing.rows) {
        puts("Nothing changes.");
    }
    return command_finish(listing.loses || listing.refused ? COMMAND_REFUSED : COMMAND_OK);
}

/* ---- apply ---- */

static int apply(quire_db *db, const char *file, const struct command_text *sdl,
                 const struct options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_migration_options migration = QUIRE_MIGRATION_OPTIONS_INIT;
    quire_txn *txn;
    migration.drop_data = options->drop_data != 0;
    if (quire_begin(db, QUIRE_WRITE, &txn, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    if (quire_schema_migrate(txn, sdl->bytes, sdl->size, &migration, &err) != QUIRE_OK) {
        quire_rollback(txn);
        int code = failed_in(file, &err);
        fputs("quire: nothing was changed; quire schema diff tells all that would be\n", stderr);
        return code;
    }
    if (options->dry_run) {
        quire_rollback(txn);
        return COMMAND_OK;
    }
    return quire_commit(txn, &err) == QUIRE_OK ? COMMAND_OK : command_failed(&err);
}

/* ---- the command ---- */

static int open_for(const char *path, bool writes, quire_db **db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = writes ? QUIRE_OPEN_READ_WRITE : QUIRE_OPEN_READ_ONLY;
    return quire_open(path, &options, db, &err) == QUIRE_OK ? COMMAND_OK : command_failed(&err);
}

static int close_after(quire_db *db, int code)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (quire_close(db, &err) != QUIRE_OK && code == COMMAND_OK) {
        code = command_failed(&err);
    }
    return code;
}

static int run_print(const char *path, const struct options *options)
{
    quire_db *db;
    int code = open_for(path, false, &db);
    return code != COMMAND_OK
               ? code
               : close_after(
                     db, print_schema(db, options->api ? QUIRE_SCHEMA_API : QUIRE_SCHEMA_SOURCE));
}

static int run_change(const char *word, const char *path, const char *file,
                      const struct options *options)
{
    bool applies = strcmp(word, "apply") == 0;
    struct command_text sdl;
    quire_db *db;
    if (!command_read(file, &sdl)) {
        return COMMAND_IO;
    }
    int code = open_for(path, applies, &db);
    if (code == COMMAND_OK) {
        code = close_after(db, applies ? apply(db, file, &sdl, options)
                                       : diff(db, file, &sdl, options));
    }
    free(sdl.bytes);
    return code;
}

static int run(void *context, const char **arguments, size_t count)
{
    const struct options *options = context;
    bool changes =
        count > 0 && (strcmp(arguments[0], "diff") == 0 || strcmp(arguments[0], "apply") == 0);
    if (changes && count == 3) {
        return run_change(arguments[0], arguments[1], arguments[2], options);
    }
    if (changes || count != 1) {
        return command_misuse("schema takes a database, or diff or apply, a database and a file; "
                              "see quire schema --help");
    }
    return run_print(arguments[0], options);
}

int command_schema(int argc, const char **argv)
{
    struct options chosen = {0};
    const struct poptOption options[] = {
        {"api", '\0', POPT_ARG_NONE, &chosen.api, 0, "the generated schema", NULL},
        {"drop-data", '\0', POPT_ARG_NONE, &chosen.drop_data, 0, "apply: also what loses values",
         NULL},
        {"dry-run", '\0', POPT_ARG_NONE, &chosen.dry_run, 0, "apply: take all back at the end",
         NULL},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    return command_act(argc, argv, options, &help, run, &chosen);
}
