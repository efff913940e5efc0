/*
 * quire query: runs one GraphQL request and prints the response.
 *
 * The database is opened for reading unless the document defines a mutation:
 * so a query runs beside a process that writes, and leaves nothing on disk.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

static const struct command_help help = {
    "DATABASE [TEXT]",
    "Runs a GraphQL request: TEXT, or a file, or standard input. Prints the response as JSON,\n"
    "indented when standard output is a terminal.\n\n"
    "The database is opened for reading unless the document defines a mutation, so a query\n"
    "works while another process writes, and changes nothing on disk. A mutation commits if\n"
    "and only if none of its fields failed.\n\n"
    "Exit codes: 0 the response has no errors, 1 it has, 64 usage, 74 the database could not\n"
    "be opened, read or written.\n",
};

struct request {
    const char *database;
    const char *text;     /* the document, when given as an argument */
    char *file;           /* of the document; NULL or "-" is standard input */
    char *variables;      /* JSON */
    char *variables_file; /* or a file of it */
    char *operation;
    int explain;
    int pretty;
};

static int respond(quire_db *db, const struct request *request, const struct command_text *document,
                   const struct command_text *variables)
{
    quire_graphql_request call = QUIRE_GRAPHQL_REQUEST_INIT;
    call.document = document->bytes;
    call.document_size = document->size;
    call.operation_name = request->operation;
    call.variables = variables->bytes;
    call.variables_size = variables->size;
    call.explain = request->explain != 0;

    char *response;
    size_t size;
    bool has_errors = false;
    quire_error err = QUIRE_ERROR_INIT;
    if (quire_graphql(db, &call, &response, &size, &has_errors, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    if (request->pretty) {
        command_write_pretty(stdout, response, size);
    } else {
        fwrite(response, 1, size, stdout);
        fputc('\n', stdout);
    }
    quire_free(response);
    return command_finish(has_errors ? COMMAND_REFUSED : COMMAND_OK);
}

static int run_on(const struct request *request, const struct command_text *document,
                  const struct command_text *variables)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = command_has_mutation(document->bytes, document->size) ? QUIRE_OPEN_READ_WRITE
                                                                         : QUIRE_OPEN_READ_ONLY;
    quire_db *db;
    if (quire_open(request->database, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = respond(db, request, document, variables);
    if (quire_close(db, &err) != QUIRE_OK) {
        int close_code = command_failed(&err);
        code = code == COMMAND_OK ? close_code : code;
    }
    return code;
}

static bool take_argument(const char *argument, struct command_text *text)
{
    text->bytes = strdup(argument);
    text->size = strlen(argument);
    if (text->bytes == NULL) {
        fputs("quire: out of memory\n", stderr);
    }
    return text->bytes != NULL;
}

static int run(const struct request *request)
{
    struct command_text document = {NULL, 0};
    struct command_text variables = {NULL, 0};
    int code = COMMAND_IO;
    bool good = request->text != NULL
                    ? take_argument(request->text, &document)
                    : command_read(request->file ? request->file : "-", &document);
    if (good && request->variables != NULL) {
        good = take_argument(request->variables, &variables);
    } else if (good && request->variables_file != NULL) {
        good = command_read(request->variables_file, &variables);
    }
    if (good) {
        code = run_on(request, &document, &variables);
    }
    free(document.bytes);
    free(variables.bytes);
    return code;
}

static int check(struct request *request, const char **arguments, size_t count)
{
    if (count < 1 || count > 2) {
        return command_misuse("query takes a database and a document; see quire query --help");
    }
    if (count == 2 && request->file != NULL) {
        return command_misuse("give the document as an argument or with --file, not both");
    }
    if (request->variables != NULL && request->variables_file != NULL) {
        return command_misuse("give --variables or --variables-file, not both");
    }
    request->database = arguments[0];
    request->text = count == 2 ? arguments[1] : NULL;
    bool document_on_stdin =
        request->text == NULL && (request->file == NULL || strcmp(request->file, "-") == 0);
    if (document_on_stdin && request->variables_file != NULL &&
        strcmp(request->variables_file, "-") == 0) {
        return command_misuse("document and variables cannot both come from standard input");
    }
    request->pretty = request->pretty || isatty(STDOUT_FILENO);
    return COMMAND_OK;
}

int command_query(int argc, const char **argv)
{
    struct request request = {0};
    const struct poptOption options[] = {
        {"file", 'f', POPT_ARG_STRING, &request.file, 0, "read the document from FILE (- is stdin)",
         "FILE"},
        {"variables", 'v', POPT_ARG_STRING, &request.variables, 0, "variables, a JSON object",
         "JSON"},
        {"variables-file", '\0', POPT_ARG_STRING, &request.variables_file, 0,
         "read the variables from FILE", "FILE"},
        {"operation", 'o', POPT_ARG_STRING, &request.operation, 0,
         "which operation of the document to run", "NAME"},
        {"explain", '\0', POPT_ARG_NONE, &request.explain, 0,
         "add access paths and rows read to the response", NULL},
        {"pretty", '\0', POPT_ARG_NONE, &request.pretty, 0, "indent the response", NULL},
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    poptContext context = NULL;
    const char **arguments;
    size_t count;
    int code = command_parse(argc, argv, options, &help, &context, &arguments, &count);
    if (code < 0) {
        code = check(&request, arguments, count);
        if (code == COMMAND_OK) {
            code = run(&request);
        }
    }
    poptFreeContext(context);
    free(request.file);
    free(request.variables);
    free(request.variables_file);
    free(request.operation);
    return code;
}
