/*
 * The `quire` command: finds the subcommand and runs it.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"

struct command {
    const char *name;
    int (*run)(int argc, const char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"load", command_load, "create a database from a schema and data, or change one"},
    {"export", command_export, "write schema and data as text that load reads"},
    {"query", command_query, "run a GraphQL request"},
    {"serve", command_serve, "serve the database over HTTP"},
    {"schema", command_schema, "print the schema, tell what another would change, change it"},
    {"inspect", command_inspect, "check database, log and indexes for damage"},
    {"stats", command_stats, "tell what tables, indexes and trees take"},
    {"checkpoint", command_checkpoint, "copy the log into the database file"},
    {"backup", command_backup, "copy a database while others use it"},
    {"restore", command_restore, "put a backup in its place"},
    {"compact", command_compact, "rewrite a database into full pages"},
    {"vacuum", command_vacuum, "give free pages back while others use the database"},
    {"recover", command_recover, "save what is readable of a damaged database"},
    {"version", command_version, "print the version"},
};

static void print_help(FILE *out)
{
    fputs("Quire, an embedded GraphQL database.\n\n"
          "Usage: quire COMMAND [ARGUMENT...]\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(out, "  %-12s%s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nquire COMMAND --help says more about each.\n\n"
          "Exit codes: 0 success, 1 the request or the data was refused, 64 the command line is\n"
          "wrong, 74 a file or the database could not be opened, read or written. inspect has its\n"
          "own.\n",
          out);
}

static int run(int argc, const char **argv)
{
    const char *name = argv[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return command_finish(COMMAND_OK);
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    return command_misuse("there is no command \"%s\"; see quire --help", name);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    /* The arguments from the subcommand on, as the pointers to const that the parser takes. */
    size_t count = (size_t)argc - 1;
    const char **arguments = calloc(count + 1, sizeof *arguments);
    if (arguments == NULL) {
        fputs("quire: out of memory\n", stderr);
        return COMMAND_IO;
    }
    for (size_t i = 0; i < count; i++) {
        arguments[i] = argv[i + 1];
    }
    int code = run(argc - 1, arguments);
    free(arguments);
    return code;
}
