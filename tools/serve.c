/*
 * quire serve: the options of the HTTP server (server/), their defaults and
 * what is not allowed together.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "keys.h"
#include "serve.h"

static const struct command_help help = {
    "DATABASE [--port N] [OPTION...]",
    "Serves the database over HTTP until SIGTERM or SIGINT: GraphQL at /graphql, its\n"
    "subscriptions by server-sent events and WebSockets, health at /health, numbers at /metrics;\n"
    "for browsers, GraphiQL at / and the state of the server at /admin.\n"
    "The database is created if it is missing. Only programs on this machine can connect, unless\n"
    "--host says otherwise; then tokens are needed.\n"
    "docs/server.md tells every endpoint, limit and default.\n\n"
    "Exit codes: 0 stopped by a signal, 64 usage, 74 a file, the port or the database could\n"
    "not be opened, or this command was built without the server.\n",
};

#ifdef QUIRE_SERVER

#define JWT_LEEWAY_MAX 600
#define RATE_MAX       1000000000
#define BURST_SECONDS  10

static bool is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, host, &four) == 1) {
        return (ntohl(four.s_addr) >> 24U) == 127;
    }
    if (inet_pton(AF_INET6, host, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six);
    }
    return strcmp(host, "localhost") == 0;
}

/* Who may ask. */
static int check_access(const struct serve_options *options)
{
    int sources =
        (options->jwt_key != NULL) + (options->jwks != NULL) + (options->jwks_url != NULL);
    bool asked = sources > 0 || options->token_file != NULL;
    if (sources > 1) {
        return command_misuse("give one of --jwt-key, --jwks and --jwks-url");
    }
    if (sources == 0 && (options->jwt_issuer != NULL || options->jwt_audience != NULL ||
                         options->jwt_admin != NULL || options->jwt_role_claim != NULL)) {
        return command_misuse("options of JWTs need --jwt-key, --jwks or --jwks-url");
    }
    if (options->jwks_url != NULL && !keys_is_address(options->jwks_url)) {
        return command_misuse("--jwks-url takes an address of https, or of http on this machine");
    }
    if (options->jwt_leeway_s < 0 || options->jwt_leeway_s > JWT_LEEWAY_MAX) {
        return command_misuse("--jwt-leeway takes 0 to %d seconds", JWT_LEEWAY_MAX);
    }
    if (options->anonymous && !asked) {
        return command_misuse("--anonymous is for those without a token: give --token-file or "
                              "keys of JWTs too");
    }
    if (!is_loopback(options->host) && !asked && !options->insecure) {
        return command_misuse("%s can be reached by other machines: give --token-file, --jwt-key, "
                              "--jwks or --jwks-url, or --insecure if everybody may do everything",
                              options->host);
    }
    return COMMAND_OK;
}

/* What callers may have a second. */
static int check_rate(struct serve_options *options)
{
    bool burst = options->rate_burst != 0;
    if (options->rate_cost < 0 || options->rate_cost > RATE_MAX || options->rate_burst < 0 ||
        options->rate_burst > RATE_MAX || (burst && options->rate_burst < options->rate_cost)) {
        return command_misuse("--rate-cost and --rate-burst take up to %d units, and a burst is "
                              "not below a second's",
                              RATE_MAX);
    }
    if (burst && options->rate_cost == 0) {
        return command_misuse("--rate-burst needs --rate-cost");
    }
    if (!burst) {
        options->rate_burst = options->rate_cost > RATE_MAX / BURST_SECONDS
                                  ? RATE_MAX
                                  : options->rate_cost * BURST_SECONDS;
    }
    return COMMAND_OK;
}

static int check(const struct serve_options *options, size_t count)
{
    if (count != 1) {
        return command_misuse("serve takes one database; see quire serve --help");
    }
    if (options->port < 0 || options->port > 65535) {
        return command_misuse("--port takes a number from 0 (any free port) to 65535");
    }
    int code = check_access(options);
    if (code != COMMAND_OK) {
        return code;
    }
    if (options->compat != NULL && strcmp(options->compat, "sharpgraph") != 0) {
        return command_misuse("--compat knows sharpgraph");
    }
    if ((options->tls_cert == NULL) != (options->tls_key == NULL)) {
        return command_misuse("--tls-cert and --tls-key go together");
    }
    if (options->documents_only && options->documents == NULL) {
        return command_misuse("--documents-only needs --documents");
    }
    const int numbers[] = {options->io_threads,        options->workers,
                           options->connections_max,   options->connections_per_address_max,
                           options->body_bytes_max,    options->header_ms,
                           options->idle_ms,           options->time_ms,
                           options->depth_max,         options->tokens_max,
                           options->aliases_max,       options->root_fields_max,
                           options->directives_max,    options->variables_max,
                           options->memory_bytes_max,  options->response_bytes_max,
                           options->subscriptions_max, options->waiting_bytes_max};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i] < 1) {
            return command_misuse("limits are numbers from 1; see quire serve --help");
        }
    }
    if (options->load_bytes_max < 1 || options->slow_ms < 0 || options->shutdown_ms < 0 ||
        options->feed_bytes < 0 || options->cost_max < 0 || options->list_max < 0) {
        return command_misuse("limits are not negative; see quire serve --help");
    }
    return COMMAND_OK;
}

/* Temporary files are there too, where only those that keep the database may write. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static void defaults(struct serve_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = cores < 1 ? 1 : cores > 64 ? 64 : (int)cores;
    *options = (struct serve_options){
        .port = 8080,
        .rules = QUIRE_RULE_PRIVATE_DIRECTORY,
        .jwt_leeway_s = 5,
        .io_threads = threads,
        .workers = threads * 2 < 4 ? 4 : threads * 2,
        .connections_max = 1024,
        .connections_per_address_max = 256,
        .body_bytes_max = 2 << 20,
        .load_bytes_max = 1L << 30,
        .header_ms = 10000,
        .idle_ms = 60000,
        .time_ms = 5000,
        .shutdown_ms = 10000,
        .slow_ms = 1000,
        .cost_max = 500000,
        .depth_max = 15,
        .tokens_max = 15000,
        .aliases_max = 30,
        .root_fields_max = 20,
        .directives_max = 50,
        .variables_max = 100,
        .memory_bytes_max = 64 << 20,
        .response_bytes_max = 16 << 20,
        .subscriptions_max = 100,
        .feed_bytes = 16 << 20,
        .waiting_bytes_max = 256 << 20,
    };
}

static void release_list(char **list)
{
    for (char **one = list; one != NULL && *one != NULL; one++) {
        free(*one);
    }
    free(list);
}

static void release(struct serve_options *options)
{
    free(options->host);
    free(options->token_file);
    free(options->jwt_key);
    free(options->jwks);
    free(options->jwks_url);
    free(options->jwt_issuer);
    free(options->jwt_audience);
    free(options->jwt_admin);
    free(options->jwt_role_claim);
    free(options->tls_cert);
    free(options->tls_key);
    free(options->access_log);
    free(options->documents);
    free(options->scratch);
    free(options->directory);
    free(options->keys_directory);
    free(options->compat);
    free(options->web_files);
    release_list(options->allowed_hosts);
    release_list(options->allowed_origins);
}

static int run(void *context, const char **arguments, size_t count)
{
    struct serve_options *options = context;
    if (options->host == NULL) {
        options->host = strdup("127.0.0.1");
    }
    int code = options->host == NULL ? COMMAND_IO : check(options, count);
    if (code == COMMAND_OK) {
        code = check_rate(options);
    }
    if (code != COMMAND_OK) {
        return code;
    }
    options->database = arguments[0];
    options->web = !options->no_web && (options->web || is_loopback(options->host));
    options->directory = directory_of(options->database);
    if (options->scratch == NULL && options->directory != NULL) {
        options->scratch = strdup(options->directory);
    }
    const char *keys = options->jwt_key != NULL ? options->jwt_key : options->jwks;
    if (keys != NULL) {
        options->keys_directory = directory_of(keys);
    }
    bool known = options->scratch != NULL && (keys == NULL || options->keys_directory != NULL);
    return known ? serve_run(options) : COMMAND_IO;
}

#define NUMBER(name, field, text)                                                                  \
    {                                                                                              \
        name, '\0', POPT_ARG_INT, &o.field, 0, text, "N"                                           \
    }
#define TEXT(name, field, text, what)                                                              \
    {                                                                                              \
        name, '\0', POPT_ARG_STRING, &o.field, 0, text, what                                       \
    }
#define SWITCH(name, field, text)                                                                  \
    {                                                                                              \
        name, '\0', POPT_ARG_NONE, &o.field, 0, text, NULL                                         \
    }

/* Threads, and what a request and a connection may take. */
#define LIMITS                                                                                     \
    NUMBER("io-threads", io_threads, "threads that read and write; one a core"),                   \
        NUMBER("workers", workers, "threads that run queries; two a core"),                        \
        NUMBER("connections", connections_max, "open connections; 1024"),                          \
        NUMBER("connections-per-address", connections_per_address_max, "of one client; 256"),      \
        NUMBER("body-bytes", body_bytes_max, "of a request's body; 2 MiB"),                        \
        {"load-bytes", '\0', POPT_ARG_LONG, &o.load_bytes_max, 0, "of bulk data; 1 GiB", "N"},     \
        NUMBER("header-ms", header_ms, "for a request's headers to come in; 10000"),               \
        NUMBER("idle-ms", idle_ms, "between two requests; 60000"),                                 \
        NUMBER("time-ms", time_ms, "for a request to run; 5000"),                                  \
        NUMBER("shutdown-ms", shutdown_ms, "for what runs when the server stops; 10000"),          \
        NUMBER("cost-max", cost_max, "of an operation, before it runs; 0 = any; 500000"),          \
        NUMBER("list-max", list_max, "rows of a list; 0 = any; 0"),                                \
        NUMBER("rate-cost", rate_cost, "of a caller's requests a second; 0 = any; 0"),             \
        NUMBER("rate-burst", rate_burst, "of them at once; ten seconds' worth"),                   \
        NUMBER("depth", depth_max, "levels of a request's fields; 15"),                            \
        NUMBER("tokens", tokens_max, "of a document; 15000"),                                      \
        NUMBER("aliases", aliases_max, "of an operation; 30"),                                     \
        NUMBER("root-fields", root_fields_max, "of an operation; 20"),                             \
        NUMBER("directives", directives_max, "of an operation; 50"),                               \
        NUMBER("variables", variables_max, "of an operation; 100"),                                \
        NUMBER("memory-bytes", memory_bytes_max, "of a running request; 64 MiB"),                  \
        NUMBER("subscriptions", subscriptions_max, "of a WebSocket at once; 100"),                 \
        NUMBER("waiting-bytes", waiting_bytes_max,                                                 \
               "of answers waiting for clients of streams; 256 MiB"),                              \
        NUMBER("feed-bytes", feed_bytes, "of changes kept for subscriptions; 16 MiB"),             \
        NUMBER("response-bytes", response_bytes_max, "of a response; 16 MiB")

int command_serve(int argc, const char **argv)
{
    struct serve_options o;
    const struct poptOption options[] = {
        {"port", 'p', POPT_ARG_INT, &o.port, 0, "the port, 0 = any that is free; 8080", "N"},
        TEXT("host", host, "the address to listen at; 127.0.0.1", "ADDRESS"),
        TEXT("token-file", token_file, "a file of tokens that clients present", "FILE"),
        TEXT("jwt-key", jwt_key, "the key of JWTs: a PEM public key, or a secret", "FILE"),
        TEXT("jwks", jwks, "the keys of JWTs: a JWK Set", "FILE"),
        TEXT("jwks-url", jwks_url, "the same from an address", "URL"),
        TEXT("jwt-issuer", jwt_issuer, "what the claim iss of JWTs must be", "TEXT"),
        TEXT("jwt-audience", jwt_audience, "what must be in their claim aud", "TEXT"),
        NUMBER("jwt-leeway", jwt_leeway_s, "seconds that clocks may be apart; 5"),
        TEXT("jwt-admin", jwt_admin, "a role whose JWTs may do everything; none", "ROLE"),
        TEXT("jwt-role-claim", jwt_role_claim, "the claim that has it; role", "NAME"),
        SWITCH("anonymous", anonymous, "let those ask too who have no token"),
        TEXT("tls-cert", tls_cert, "speak TLS with this certificate, PEM", "FILE"),
        TEXT("tls-key", tls_key, "and its key, PEM", "FILE"),
        SWITCH("insecure", insecure, "let other machines in without tokens"),
        {"untrusted", '\0', POPT_BIT_SET, &o.rules, QUIRE_RULE_CHECK_FIRST,
         "check the whole database before serving it", NULL},
        {"shared-directory", '\0', POPT_BIT_CLR, &o.rules, QUIRE_RULE_PRIVATE_DIRECTORY,
         "everybody may write in the database's directory", NULL},
        SWITCH("no-sandbox", no_sandbox, "do not give up what the server has no use for"),
        {"allow-host", '\0', POPT_ARG_ARGV, &o.allowed_hosts, 0,
         "a name of this server in Host headers; may be repeated", "NAME"},
        {"allow-origin", '\0', POPT_ARG_ARGV, &o.allowed_origins, 0,
         "an origin whose pages may ask; may be repeated", "ORIGIN"},
        TEXT("documents", documents, "persisted documents, a JSON object", "FILE"),
        SWITCH("documents-only", documents_only, "run persisted documents alone"),
        TEXT("compat", compat, "take what clients of another server write: sharpgraph", "NAME"),
        SWITCH("web", web, "serve the pages; by default to this machine alone"),
        SWITCH("no-web", no_web, "serve no pages"),
        TEXT("web-files", web_files, "the pages' files; those installed", "DIRECTORY"),
        SWITCH("no-introspection", no_introspection, "do not tell the schema"),
        SWITCH("no-auto-index", no_auto_index, "build no index that requests turn out to need"),
        SWITCH("no-schema-changes", no_schema_changes, "refuse schemas and bulk data"),
        TEXT("access-log", access_log, "a JSON line a request; - is standard error", "FILE"),
        NUMBER("slow-ms", slow_ms, "log requests slower than this; 0 = none; 1000"),
        TEXT("scratch", scratch, "temporary files; the database's directory", "DIRECTORY"),
        LIMITS,
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    defaults(&o);
    int code = command_act(argc, argv, options, &help, run, &o);
    release(&o);
    return code;
}

#else

static int run(void *context, const char **arguments, size_t count)
{
    (void)context, (void)arguments, (void)count;
    fputs("quire: this command was built without the server: libmicrohttpd was missing\n", stderr);
    return COMMAND_IO;
}

int command_serve(int argc, const char **argv)
{
    const struct poptOption options[] = {COMMAND_HELP_OPTION, POPT_TABLEEND};
    /* Other options are not looked at: there is nothing that they could be for. */
    return command_act(argc > 2 ? 2 : argc, argv, options, &help, run, NULL);
}

#endif
