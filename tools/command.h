/*
 * What the subcommands of `quire` share: options, files, messages, exit codes.
 *
 * A subcommand is one function in one file, named after it. It reports every
 * failure itself, on standard error, and returns the exit code of the process.
 */
#ifndef QUIRE_TOOLS_COMMAND_H
#define QUIRE_TOOLS_COMMAND_H

#include <popt.h>
#include <stdbool.h>
#include <stdio.h>

#include "quire/quire.h"

enum command_exit {
    COMMAND_OK = 0,
    COMMAND_REFUSED = 1, /* the work was done, or tried, and the answer is "no" */
    COMMAND_DAMAGE = 2,  /* inspect alone */
    COMMAND_USAGE = 64,
    COMMAND_IO = 74 /* a file or the database could not be opened, read or written */
};

/* argv[0] is the subcommand's name. */
int command_backup(int argc, const char **argv);
int command_checkpoint(int argc, const char **argv);
int command_compact(int argc, const char **argv);
int command_export(int argc, const char **argv);
int command_inspect(int argc, const char **argv);
int command_load(int argc, const char **argv);
int command_query(int argc, const char **argv);
int command_recover(int argc, const char **argv);
int command_restore(int argc, const char **argv);
int command_schema(int argc, const char **argv);
int command_serve(int argc, const char **argv);
int command_stats(int argc, const char **argv);
int command_vacuum(int argc, const char **argv);
int command_version(int argc, const char **argv);

/* What a subcommand tells about itself. */
struct command_help {
    const char *usage; /* the arguments, after "quire NAME" */
    const char *text;  /* what it does, and its exit codes; printed by --help */
};

/* The option that every table ends with. */
#define COMMAND_HELP_OPTION                                                                        \
    {                                                                                              \
        "help", 'h', POPT_ARG_NONE, NULL, 'h', "print this text", NULL                             \
    }

/* What a subcommand does with its arguments, of which there are `count`, and NULL behind them.
 * `context` is its own. Returns the exit code. */
typedef int (*command_action)(void *context, const char **arguments, size_t count);

/* Reads the options of a subcommand into the variables that they point to, and goes on with `act`.
 * Returns the exit code, of --help or of a mistake, too, which it has reported. */
int command_act(int argc, const char **argv, const struct poptOption *options,
                const struct command_help *help, command_action act, void *context);

/*
 * How a subcommand opens its database, and the options that say so: for its table.
 */
struct command_database {
    const char *path;
    quire_open_mode mode;
    int rules; /* bits of quire_open_rule */
};
#define COMMAND_DATABASE_OPTIONS(database)                                                         \
    {"untrusted",                                                                                  \
     '\0',                                                                                         \
     POPT_BIT_SET,                                                                                 \
     &(database).rules,                                                                            \
     QUIRE_RULE_CHECK_FIRST,                                                                       \
     "check the whole database before using it",                                                   \
     NULL},                                                                                        \
    {                                                                                              \
        "follow-links", '\0', POPT_BIT_SET, &(database).rules, QUIRE_RULE_FOLLOW_LINK,             \
            "DATABASE may be a symbolic link", NULL                                                \
    }

/* Opens the database, hands it to `use` and closes it. Returns the exit code of `use`, or the one
 * of opening or closing after reporting that it failed. */
int command_on_database(const struct command_database *database,
                        int (*use)(void *context, quire_db *db), void *context);

/* Prints "quire: " and the sentence; returns COMMAND_USAGE. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
int command_misuse(const char *format, ...);

/* The index of a word among `count`, 0 when it is NULL, -1 when it is none of them. */
int command_choice(const char *word, const char *const *words, size_t count);

/* Prints a failure of the library, with file, line and column where it has them; returns the exit
 * code for it: REFUSED for input that was refused, else IO. */
int command_failed(const quire_error *err);

/* A file read into memory. */
struct command_text {
    char *bytes; /* NUL-terminated; release with free */
    size_t size;
};

/* Reads a whole file; "-" is standard input. Returns false after reporting. */
bool command_read(const char *path, struct command_text *text);

/*
 * Opens a file to write to that its owner alone may read, as a database is, whatever the umask
 * says. It must be new, unless `replace`: then a file that is there is emptied and keeps its
 * mode. NULL with errno.
 */
FILE *command_create(const char *path, bool replace);

/* Hands a file to `take` piece by piece; "-" is standard input. Returns COMMAND_OK, or the exit
 * code after reporting. */
int command_read_pieces(const char *path,
                        quire_status (*take)(void *context, const void *bytes, size_t size,
                                             quire_error *err),
                        void *context);

/* Writes JSON text indented by two spaces a level; text that is not JSON comes out as it can. */
void command_write_pretty(FILE *out, const char *json, size_t size);

/* Whether a GraphQL document defines a mutation. It looks at brackets, strings and names only: a
 * document that does not parse gives either answer. */
bool command_has_mutation(const char *document, size_t size);

/* How far an operation is, shown on standard error when that is a terminal. */
struct command_meter {
    const char *what;
    bool shown;
    unsigned step;
    quire_progress last;
};
struct command_meter command_meter_start(const char *what);
void command_meter_end(const struct command_meter *meter);
/* A quire_progress_callback whose context is a meter. */
bool command_progress(void *context, const quire_progress *progress);

/* Flushes standard output; returns `code`, or COMMAND_IO after reporting that it failed. */
int command_finish(int code);

#endif
