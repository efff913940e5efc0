/*
 * A GraphQL request as it came over HTTP: its parameters, then its response.
 */
#ifndef QUIRE_SERVER_GRAPHQL_CALL_H
#define QUIRE_SERVER_GRAPHQL_CALL_H

#include "pipe.h"
#include "server.h"

#define SHA256_HEX_SIZE 64U

struct graphql_call {
    unsigned given; /* the members that the body had, a bit each */
    char *document; /* owned; NULL until it is known */
    size_t document_size;
    char *operation_name;  /* owned, or NULL */
    const char *variables; /* borrowed from the body or the URL, or NULL */
    size_t variables_size;
    char *operation_id; /* extensions.operationId, owned; NULL: none, or none that can be */
    size_t operation_id_size;
    char *document_id;                /* owned, or NULL */
    char hash[SHA256_HEX_SIZE + 1];   /* extensions.persistedQuery.sha256Hash, or "" */
    bool explain;                     /* extensions.explain */
    quire_subscription_position from; /* where a subscription goes on; all zero: now */

    bool admitted;     /* its cost has been taken */
    uint64_t cost;     /* which is this much */
    uint64_t retry_ms; /* or there was too little left: after so long there is enough */
    uint64_t pace_key;
    uint64_t began_us;  /* this run of it */
    struct buffer text; /* of the response, while it is short */
    struct pipe *pipe;  /* of one that is long: it is sent while it is made */
    char *response;     /* of a mutation whose commit is awaited */
    size_t response_size;
    bool has_errors;
    quire_graphql_outcome outcome;
};

/* Frees it. NULL is a no-op. */
void graphql_call_free(struct graphql_call *call);

/* Waits for the worker that still makes the response, if one does: when its connection ends. */
void graphql_call_settle(struct exchange *exchange);

/* The operation that the request names, or NULL. */
const char *graphql_operation_name(const struct exchange *exchange);

/* Reads the parameters of a POST from the body, of a GET from the URL, into exchange->call. False
 * after refusing the request. */
bool graphql_read_parameters(struct exchange *exchange);

/* The request for the library. Its texts are borrowed from the exchange. */
quire_graphql_request graphql_make_request(struct exchange *exchange);

/* Takes one unit of what the caller may have for the request itself. False after refusing it. */
bool graphql_admit(struct exchange *exchange);

/* Whoever asks from the same address; of IPv6, from the same network. */
struct sockaddr_storage;
struct rate_caller graphql_caller_at(const struct exchange *exchange,
                                     struct sockaddr_storage *room);

/* Runs the request of exchange->call, whose document is known, on a worker. */
void graphql_run(struct exchange *exchange);

/* /graphql, and "/" for POST. */
void graphql_start(struct exchange *exchange);

#endif
