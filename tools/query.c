/*
 * quire query: runs one GraphQL request and prints the response.
 *
 * The database is opened for reading unless the document defines a mutation:
 * so a query runs beside a process that writes, and leaves nothing on disk.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "json.h"
#include "remote.h"

static const struct command_help help = {
    "DATABASE [TEXT]\n"
    "       quire query --connect URL [TEXT]",
    "Runs a GraphQL request: TEXT, or a file, or standard input. Prints the response as JSON,\n"
    "indented when standard output is a terminal.\n\n"
    "The database is opened for reading unless the document defines a mutation, so a query\n"
    "works while another process writes, and changes nothing on disk. A mutation commits if\n"
    "and only if none of its fields failed. --connect asks a server (quire serve) instead.\n\n"
    "Exit codes: 0 the response has no errors, 1 it has, 64 usage, 74 the database could not\n"
    "be opened, read or written.\n",
};

struct request {
    struct command_database database;
    const char *text;     /* the document, when given as an argument */
    char *file;           /* of the document; NULL or "-" is standard input */
    char *variables;      /* JSON */
    char *variables_file; /* or a file of it */
    char *operation;
    char *claims;
    char *compat;
    int explain;
    int pretty;
    struct remote remote;
};

static int print(const struct request *request, const char *response, size_t size, bool has_errors)
{
    if (request->pretty) {
        command_write_pretty(stdout, response, size);
    } else {
        fwrite(response, 1, size, stdout);
        fputc('\n', stdout);
    }
    return command_finish(has_errors ? COMMAND_REFUSED : COMMAND_OK);
}

/* A request and its texts. */
struct call {
    const struct request *request;
    const struct command_text *document, *variables;
};

static int respond(void *context, quire_db *db)
{
    const struct call *call = context;
    quire_graphql_request graphql = QUIRE_GRAPHQL_REQUEST_INIT;
    graphql.document = call->document->bytes;
    graphql.document_size = call->document->size;
    graphql.operation_name = call->request->operation;
    graphql.variables = call->variables->bytes;
    graphql.variables_size = call->variables->size;
    graphql.explain = call->request->explain != 0;
    graphql.claims = call->request->claims;
    graphql.compat = call->request->compat == NULL ? 0 : QUIRE_COMPAT_SHARPGRAPH;

    char *response;
    size_t size;
    bool has_errors = false;
    quire_error err = QUIRE_ERROR_INIT;
    if (quire_graphql(db, &graphql, &response, &size, &has_errors, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = print(call->request, response, size, has_errors);
    quire_free(response);
    return code;
}

static int run_on(const struct request *request, const struct command_text *document,
                  const struct command_text *variables)
{
    struct call call = {request, document, variables};
    struct command_database database = request->database;
    database.mode = command_has_mutation(document->bytes, document->size) ? QUIRE_OPEN_READ_WRITE
                                                                          : QUIRE_OPEN_READ_ONLY;
    return command_on_database(&database, respond, &call);
}

/* ---- over a server ---- */

/* The body of the request. */
static bool put_body(FILE *out, const struct request *request, const struct command_text *document,
                     const struct command_text *variables)
{
    struct buffer body = {0};
    buffer_puts(&body, "{\"query\":");
    buffer_put_json(&body, document->bytes, document->size);
    if (request->operation != NULL) {
        buffer_puts(&body, ",\"operationName\":");
        buffer_put_json(&body, request->operation, strlen(request->operation));
    }
    if (variables->bytes != NULL) {
        buffer_puts(&body, ",\"variables\":");
        buffer_put(&body, variables->bytes, variables->size);
    }
    buffer_puts(&body, request->explain ? ",\"extensions\":{\"explain\":true}}" : "}");
    bool good = !body.failed && fwrite(body.bytes, 1, body.size, out) == body.size &&
                fflush(out) == 0 && fseek(out, 0, SEEK_SET) == 0;
    buffer_free(&body);
    return good;
}

static int print_answer(const struct request *request, const struct remote_answer *answer)
{
    bool has_errors = remote_has_member(&answer->body, "errors");
    if (!has_errors && !remote_has_member(&answer->body, "data")) {
        int code = remote_check(answer);
        return code == COMMAND_OK ? COMMAND_IO : code;
    }
    return print(request, answer->body.bytes, answer->body.size, has_errors);
}

static int run_remotely(const struct request *request, const struct command_text *document,
                        const struct command_text *variables)
{
    struct remote_answer answer = {0};
    struct json_value value;
    const char *problem;
    size_t at;
    if (variables->bytes != NULL &&
        !json_check(variables->bytes, variables->size, &value, &problem, &at)) {
        fprintf(stderr, "quire: the variables are not JSON: at byte %zu: %s\n", at, problem);
        return COMMAND_REFUSED;
    }
    FILE *body = tmpfile();
    if (body == NULL || !put_body(body, request, document, variables)) {
        fputs("quire: the request could not be put in a temporary file\n", stderr);
        if (body != NULL) {
            fclose(body);
        }
        return COMMAND_IO;
    }
    int code = remote_post(&request->remote, "/graphql", "application/json", body, &answer);
    if (code == COMMAND_OK) {
        code = print_answer(request, &answer);
    }
    free(answer.body.bytes);
    fclose(body);
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

static int answer(const struct request *request)
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
        code = request->remote.url != NULL ? run_remotely(request, &document, &variables)
                                           : run_on(request, &document, &variables);
    }
    free(document.bytes);
    free(variables.bytes);
    return code;
}

static int check(struct request *request, const char **arguments, size_t count)
{
    size_t databases = request->remote.url == NULL ? 1 : 0;
    if (count < databases || count > databases + 1) {
        return command_misuse("query takes a database, or --connect, and a document; see quire "
                              "query --help");
    }
    bool text = count == databases + 1;
    if (text && request->file != NULL) {
        return command_misuse("give the document as an argument or with --file, not both");
    }
    if (request->variables != NULL && request->variables_file != NULL) {
        return command_misuse("give --variables or --variables-file, not both");
    }
    if (request->compat != NULL && strcmp(request->compat, "sharpgraph") != 0) {
        return command_misuse("--compat knows sharpgraph");
    }
    if (request->compat != NULL && request->remote.url != NULL) {
        return command_misuse(
            "--compat is for a database; with --connect the server has it or not");
    }
    if (request->claims != NULL && request->remote.url != NULL) {
        return command_misuse("--claims is for a database; a server takes them from the token");
    }
    request->database.path = databases == 1 ? arguments[0] : NULL;
    request->text = text ? arguments[databases] : NULL;
    bool document_on_stdin =
        request->text == NULL && (request->file == NULL || strcmp(request->file, "-") == 0);
    if (document_on_stdin && request->variables_file != NULL &&
        strcmp(request->variables_file, "-") == 0) {
        return command_misuse("document and variables cannot both come from standard input");
    }
    request->pretty = request->pretty || isatty(STDOUT_FILENO);
    return COMMAND_OK;
}

static int run(void *context, const char **arguments, size_t count)
{
    int code = check(context, arguments, count);
    return code == COMMAND_OK ? answer(context) : code;
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
        {"claims", '\0', POPT_ARG_STRING, &request.claims, 0,
         "ask as the caller of these claims, a JSON object, under the rules of @auth", "JSON"},
        {"compat", '\0', POPT_ARG_STRING, &request.compat, 0,
         "take what clients of another server write: sharpgraph", "NAME"},
        {"pretty", '\0', POPT_ARG_NONE, &request.pretty, 0, "indent the response", NULL},
        REMOTE_OPTIONS(request.remote),
        COMMAND_DATABASE_OPTIONS(request.database),
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    int code = command_act(argc, argv, options, &help, run, &request);
    free(request.file);
    free(request.variables);
    free(request.variables_file);
    free(request.operation);
    free(request.claims);
    free(request.compat);
    remote_release(&request.remote);
    return code;
}
