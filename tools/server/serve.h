/*
 * `quire serve`: what the command line says.
 */
#ifndef QUIRE_SERVER_SERVE_H
#define QUIRE_SERVER_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "quire/quire.h"

struct serve_options {
    const char *database;
    char *directory; /* that it is in */
    char *host;
    int port;
    char **allowed_hosts; /* names in Host headers, beside those of the loopback; NULL-terminated */
    char **allowed_origins; /* of other sites, exact; NULL-terminated, or NULL */
    char *token_file;
    char *jwt_key, *jwks, *jwks_url;  /* where the keys of JWTs are; NULL but for one */
    char *keys_directory;             /* that their file is in; NULL without one */
    char *jwt_issuer, *jwt_audience;  /* NULL = not asked for */
    char *jwt_admin, *jwt_role_claim; /* a role whose tokens may do everything, or NULL */
    int jwt_leeway_s;
    int anonymous;  /* who has no token may ask too */
    char *tls_cert; /* PEM files; both or none */
    char *tls_key;
    char *access_log; /* "-" is standard error; NULL = none */
    char *documents;  /* JSON file of persisted documents */
    char *scratch;    /* directory of temporary files */
    char *web_files;  /* directory of the pages; NULL = the installed ones */
    int web, no_web;  /* the pages are asked for, or not wanted */
    int documents_only;
    int insecure;
    int no_sandbox;
    int rules; /* bits of quire_open_rule */
    int no_introspection;
    char *compat; /* "sharpgraph", or NULL */
    int no_schema_changes;
    int no_auto_index;
    int io_threads;
    int workers;
    int connections_max;
    int connections_per_address_max;
    int body_bytes_max;
    long load_bytes_max;
    int header_ms;   /* for a request's headers */
    int idle_ms;     /* between two requests of a connection */
    int time_ms;     /* for a request to run */
    int shutdown_ms; /* for what runs when the server is told to stop */
    int slow_ms;     /* requests that take longer are logged; 0 = none */
    int depth_max, tokens_max;
    int aliases_max, root_fields_max, directives_max, variables_max;
    int memory_bytes_max, response_bytes_max;
    int cost_max;              /* of an operation; 0 = any */
    int list_max;              /* rows of a list; 0 = any */
    int rate_cost, rate_burst; /* a second and at once, of a caller; 0 = any */
    int subscriptions_max;     /* requests of a WebSocket at once */
    int waiting_bytes_max;     /* of answers that wait for the clients of all streams */
    int feed_bytes; /* of changes that are kept for subscriptions; 0 = while there are any */
};

/* Serves until a signal ends it; returns the exit code. The options have been checked. */
int serve_run(const struct serve_options *options);

#endif
