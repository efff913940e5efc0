/*
 * The HTTP server of `quire serve`: what its files share.
 *
 * A request is an exchange. The I/O threads of libmicrohttpd read it; its route
 * starts it when the last byte is in. What takes time is a job: the connection
 * is suspended, a worker runs the job, gives the exchange its reply and resumes
 * the connection, whose I/O thread sends it. Queries run side by side on
 * snapshots of their own; mutations run on one thread of their own, which goes
 * on to the next job while the commit of the last is still being synced. Loads
 * and backups have a thread too, so that neither waits for them: a mutation
 * waits for the writer lock then, no longer than its time.
 *
 * A request whose document is known to be quick (pace.h) is run by the I/O thread
 * at once; should it take longer this time, it is given up and begun again on a
 * worker.
 *
 *     I/O thread      suspend -> queue          resume -> send -> log, free
 *     worker                     run, reply ----^
 *     library thread             commit known --^   (writes)
 *
 * An exchange belongs to its I/O thread until it is suspended, then to the job,
 * then to the I/O thread again: no lock guards it. Counters are atomic.
 */
#ifndef QUIRE_SERVER_SERVER_H
#define QUIRE_SERVER_SERVER_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "accept.h"
#include "buffer.h"
#include "gate.h"
#include "loop.h"
#include "metrics.h"
#include "pace.h"
#include "quire/quire.h"
#include "rate.h"
#include "serve.h"
#include "workers.h"

struct access;
struct documents;
struct exchange;
struct indexing;
struct log;
struct server;
struct slow;
struct sse;
struct status;
struct web;
struct web_file;
struct tls;

/* ---- Connections ---- */

/* A client's connection. In the server's list from its first byte to its last. */
struct connection {
    struct connection *previous, *next;
    int socket;
    bool nul_in_path;             /* of the request that is read: it would end the path there */
    _Atomic uint64_t deadline_ms; /* of clock_ms(); what it is doing must have ended; 0 = none */
};

/* ---- Exchanges ---- */

/* What a caller may do. Each role includes the ones before it. */
enum role {
    ROLE_NONE,  /* anybody: health */
    ROLE_QUERY, /* GraphQL requests, the schema */
    ROLE_ADMIN  /* schema changes, loading, metrics, maintenance */
};

/* Who asks. What is owned is freed with identity_free; a copy borrows (identity_of). */
struct identity {
    enum role role;
    const char *name;   /* for logs: of the token, or its subject; "" */
    const char *claims; /* for the library, a JSON object; NULL: the program itself asks */
    size_t claims_size;
    uint64_t until_ms;      /* of clock_ms(), when its token expires; 0 = never */
    struct rate_caller who; /* size 0: whoever asks from the same address */
    char *own_name, *own_claims;
};

/* How an exchange ended, for metrics and log. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_ERRORS,    /* the response has errors */
    OUTCOME_REFUSED,   /* before anything ran: not HTTP, not allowed, not valid */
    OUTCOME_BUSY,      /* no room, no lock, shutting down */
    OUTCOME_TIMEOUT,   /* the time limit */
    OUTCOME_LIMIT,     /* another limit */
    OUTCOME_CANCELLED, /* the client left */
    OUTCOME_FAILED,    /* the server's or the database's fault */
    OUTCOME_COUNT
};

/* A path. `start` is called on the I/O thread when the whole request is in: it replies, or hands
 * the exchange to a worker with exchange_run. */
struct route {
    const char *path;
    const char *methods; /* for Allow, separated by ", " */
    enum role role;
    bool graphql;           /* errors are GraphQL responses */
    bool spools;            /* its body may be large: see struct exchange */
    unsigned content_types; /* of a POST, bits of 1 << enum content_type */
    void (*start)(struct exchange *exchange);
};

/* The routes, in an array of *count. The first is what an unknown path is counted under, the
 * second the pages. */
const struct route *route_table(size_t *count);
/* NULL when no route has the path. */
const struct route *route_find(const char *path);
/* Of the pages and their files, whose paths web.h knows. */
const struct route *route_pages(void);

#define REQUEST_ID_MAX   64
#define TRACEPARENT_SIZE 55

struct exchange {
    struct job job; /* first: a worker's job is its exchange */
    void (*run)(struct exchange *exchange);
    void (*committed)(struct exchange *exchange, const quire_error *failure);
    /* Answers a subscription, on a thread of PLACE_STREAM; NULL: the client takes none. */
    void (*subscribe)(struct exchange *exchange);
    /* Of a request over a WebSocket: its reply is there. On any thread; NULL: over HTTP. */
    void (*replied)(struct exchange *exchange);
    struct server *server;
    struct MHD_Connection *http; /* NULL: see `replied` */
    struct connection *connection;
    const struct route *route;
    char method[8];
    const char *path;            /* borrowed from the connection */
    const struct web_file *file; /* of the pages, at that path; NULL = none */
    enum media_type media;
    enum content_type content;
    uint64_t started_us;

    char request_id[REQUEST_ID_MAX + 1];
    char traceparent[TRACEPARENT_SIZE + 1]; /* "" = none */
    struct identity identity;
    const char *origin; /* allowed by CORS, or NULL */

    /* The body: in memory up to body_bytes_max, or of a route that spools, in a file without a
     * name. */
    struct buffer body;
    int spool; /* -1 = none */
    uint64_t body_bytes;
    bool body_too_large;
    bool body_lost; /* it could not be kept, which is replied */

    /* GraphQL. */
    struct graphql_call *call;
    bool api;        /* the whole generated schema is asked for */
    uint64_t run_us; /* time that the request itself took */

    /* The reply. */
    bool refused;   /* its route is not to start, whether there was memory for the reply or not */
    bool started;   /* the whole request is in, its route knows */
    bool suspended; /* a worker has it, or had it */
    _Atomic bool given_up; /* its client does not want the answer any more */
    unsigned status;
    enum outcome outcome;
    struct MHD_Response *response;
    char *text; /* in place of that where there is no HTTP: see `replied`; malloc'd */
    size_t text_size;
    uint64_t reply_bytes;
    uint64_t retry_s;    /* Retry-After; 0 = none */
    const char *caching; /* Cache-Control; NULL = no-store */
    struct sse *stream;  /* the reply goes on: sse.h */
    bool close;          /* the connection ends with it */
};

/*
 * Gives the exchange its reply; the last one counts. `body` is malloc'd and
 * handed over. Any thread that has the exchange.
 */
void exchange_reply(struct exchange *exchange, unsigned status, enum outcome outcome,
                    const char *content_type, char *body, size_t size);
/* The same with a response made elsewhere, handed over; NULL means that there was no memory. */
void exchange_respond(struct exchange *exchange, unsigned status, enum outcome outcome,
                      struct MHD_Response *response, uint64_t size);
/* The same with a buffer, which is handed over; one that has failed becomes an error. */
void exchange_reply_buffer(struct exchange *exchange, unsigned status, const char *content_type,
                           struct buffer *body);
/*
 * Replies with an error in the form of the route: a GraphQL response with one
 * error of `code`, or {"success": false, "error": ...}.
 */
#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
void exchange_refuse(struct exchange *exchange, unsigned status, enum outcome outcome,
                     const char *code, const char *format, ...);
/* Replies with a failure of the library; what clients have no business with is logged instead. */
void exchange_fail(struct exchange *exchange, const quire_error *err);
/* Adds a header to the reply; one that is no header is left out. */
void exchange_header(struct exchange *exchange, const char *name, const char *value);

/* Which threads run a job. */
enum place {
    PLACE_READ,   /* many: what reads a snapshot */
    PLACE_WRITE,  /* one: mutations */
    PLACE_KEEP,   /* one: what takes long, and would keep the others from working */
    PLACE_STREAM, /* some: subscriptions begin, and take events */
    PLACE_COUNT
};

/* Lets a thread of that place run the job, and suspends the connection if it is not yet: on its I/O
 * thread, or on the worker that has the exchange. */
void exchange_run(struct exchange *exchange, enum place place,
                  void (*run)(struct exchange *exchange));
/* Ends a job: the exchange has its reply and belongs to its I/O thread again. Where that has run
 * the job itself there is nothing to do. */
void exchange_done(struct exchange *exchange);
/* Whether the work for it should end: the client has left, or the server stops. */
bool exchange_cancelled(const struct exchange *exchange);
/* As far as that can be said without asking the system about the connection. */
bool exchange_given_up(const struct exchange *exchange);

/* Commits a write transaction without waiting for its sync: calls `known` on a thread of the
 * library when the outcome is known, on this one if that is at once. */
void exchange_commit(struct exchange *exchange, quire_txn *txn,
                     void (*known)(struct exchange *exchange, const quire_error *failure));

/* How long a client may take to receive so many bytes, in milliseconds. */
uint64_t exchange_send_ms(const struct exchange *exchange, uint64_t size);

/* How large its body may be. */
uint64_t exchange_body_max(const struct exchange *exchange);
/* Refuses a body that is larger. */
void exchange_refuse_size(struct exchange *exchange);

/* Header of the request, or NULL. */
const char *exchange_get(const struct exchange *exchange, const char *header);
/* Reads part of the body, wherever it is. Returns bytes read, 0 at its end, -1 on a failure. */
long exchange_read_body(const struct exchange *exchange, uint64_t offset, void *out, size_t size);

/* ---- The server ---- */

struct server {
    const struct serve_options *options;
    quire_db *db;
    struct MHD_Daemon *daemon;
    struct workers *workers[PLACE_COUNT];
    struct rate *rate;     /* NULL = callers may have what they like */
    struct access *access; /* NULL = nobody is asked who it is */
    struct tls *tls;       /* NULL = plain HTTP */
    struct documents *documents;
    struct log *log;
    struct metrics metrics;
    struct pace pace;
    struct indexing *indexing; /* NULL = turned off */
    struct web *web;           /* NULL = there are no pages */
    struct status *status;
    struct slow *slow;
    struct sweeper *sweeper;
    struct loop *loop;                /* of what lives longer than a request */
    struct reservation *reservations; /* the loop's, and what follows */
    unsigned reservation_count;
    struct gates waiting; /* of what waits for clients of streams */
    struct post shed;     /* some of which are to end */
    _Atomic bool sheds;   /* it is on its way */
    int listener;         /* the port's socket; -1 = the daemon's, or none */
    uint16_t port;
    uint64_t seed; /* of request ids */
    _Atomic uint64_t next_request;
    _Atomic bool draining; /* new requests are refused */
    _Atomic bool stopping; /* running ones are interrupted */
};

/* Takes the port; requests wait until the server starts. On failure says why on standard error. */
bool server_bind(struct server *server);
/* Starts at that port; `db` is open. On failure says why on standard error. */
bool server_start(struct server *server);
/* Ends what runs within options->shutdown_ms, then interrupts it; returns when no thread is left.
 */
void server_stop(struct server *server);

/* ---- Clock ---- */

uint64_t clock_us(void);
uint64_t clock_ms(void);

#endif
