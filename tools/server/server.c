/*
 * The port, the HTTP library's daemon and its callbacks, start and stop.
 */
#include "server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "connections.h"
#include "documents.h"
#include "exchange.h"
#include "graphql_call.h"
#include "guard.h"
#include "indexing.h"
#include "log.h"
#include "loop.h"
#include "sse.h"
#include "tls.h"

#define WAITING_MAX    1024U
#define HEADER_BYTES   (32U * 1024)
#define SEND_STALL_S   30U
#define LISTEN_BACKLOG 1024
#define STOP_POLL_MS   5
/* Descriptors beside those of connections: the database's, logs, spooled bodies. */
#define FILES_BESIDE 256U

uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_ms(void)
{
    return clock_us() / 1000;
}

/* ---- The HTTP library's callbacks ---- */

static struct connection *connection_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* Sees the target as it was sent, ahead of the request. */
static void *on_target(void *context, const char *target, struct MHD_Connection *http)
{
    struct connection *connection = connection_of(http);
    const char *nul = strstr(target, "%00");
    (void)context;
    if (connection != NULL) {
        connection->nul_in_path = nul != NULL && nul < target + strcspn(target, "?");
    }
    return NULL;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *http, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    struct server *server = context;
    struct exchange *exchange = *slot;
    if (exchange == NULL) {
        exchange = exchange_create(server, http, url, method);
        if (exchange == NULL) {
            return MHD_NO;
        }
        *slot = exchange;
        connection_allow(exchange->connection, (uint64_t)server->options->header_ms);
        exchange->refused = !guard_check(exchange, version);
        /* A reply that comes before its body ends the connection: better drop the body first. */
        return !exchange->refused || exchange_may_drop(exchange) ? MHD_YES
                                                                 : exchange_send(exchange);
    }
    if (*upload_size > 0) {
        size_t size = *upload_size;
        *upload_size = 0;
        return exchange_take(exchange, upload, size) ? MHD_YES : MHD_NO;
    }
    if (!exchange->started) {
        exchange->started = true;
        if (!exchange->refused && exchange->body_too_large) {
            exchange_refuse_size(exchange);
        } else if (!exchange->refused && !exchange->body_lost) {
            exchange->route->start(exchange);
        }
        if (exchange->suspended) {
            return MHD_YES;
        }
    }
    return exchange_send(exchange);
}

static void on_completed(void *context, struct MHD_Connection *http, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct server *server = context;
    struct exchange *exchange = *slot;
    (void)http;
    if (exchange == NULL) {
        return;
    }
    sse_end(exchange->stream); /* from here on it is this thread's alone */
    exchange->stream = NULL;
    graphql_call_settle(exchange);
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK && exchange->outcome < OUTCOME_REFUSED) {
        exchange->outcome = OUTCOME_CANCELLED;
    }
    exchange_count(exchange);
    if (exchange->call != NULL) {
        indexing_look(server->indexing);
    }
    connection_allow(exchange->connection, (uint64_t)server->options->idle_ms);
    exchange_free(exchange);
    *slot = NULL;
}

static void on_connection(void *context, struct MHD_Connection *http, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;
    struct metrics *metrics = &server->metrics;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct connection *connection =
            info != NULL ? connection_add(server->sweeper, info->connect_fd) : NULL;
        connection_allow(connection, (uint64_t)server->options->header_ms);
        atomic_fetch_add(&metrics->connections_open, 1);
        atomic_fetch_add(&metrics->connections_total, 1);
        *slot = connection;
    } else {
        if (*slot != NULL) {
            connection_remove(server->sweeper, *slot);
        }
        atomic_fetch_sub(&metrics->connections_open, 1);
        *slot = NULL;
    }
}

/* ---- The port ---- */

static int bind_to(const struct addrinfo *address)
{
    int on = 1;
    int s = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) {
        return -1;
    }
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, address->ai_addr, address->ai_addrlen) != 0) {
        int why = errno;
        close(s);
        errno = why;
        return -1;
    }
    return s;
}

static uint16_t port_of(int s)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(s, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

bool server_bind(struct server *server)
{
    const struct serve_options *options = server->options;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", options->port);
    int code = getaddrinfo(options->host, port, &hints, &found);
    if (code != 0) {
        fprintf(stderr, "quire: %s: %s\n", options->host, gai_strerror(code));
        return false;
    }
    int s = bind_to(found);
    if (s < 0) {
        fprintf(stderr, "quire: %s port %d: %s\n", options->host, options->port, strerror(errno));
    }
    freeaddrinfo(found);
    server->listener = s;
    server->port = s >= 0 ? port_of(s) : 0;
    return s >= 0;
}

/* Raises the limit of open files to what the connections may need. Returns how many connections
 * there may be: fewer than were asked for where the system does not allow so many files. */
static unsigned allow_connections(const struct server *server)
{
    unsigned wanted = (unsigned)server->options->connections_max;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return wanted;
    }
    /* Under TLS a WebSocket is read through a pair of sockets. */
    rlim_t each = server->tls != NULL ? 3 : 1;
    rlim_t files = each * wanted + FILES_BESIDE;
    if (limit.rlim_cur < files) {
        limit.rlim_cur = limit.rlim_max < files ? limit.rlim_max : files;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= files) {
        return wanted;
    }
    rlim_t left =
        limit.rlim_cur > 2 * FILES_BESIDE ? limit.rlim_cur - FILES_BESIDE : limit.rlim_cur / 2;
    unsigned fewer = (unsigned)(left / each);
    log_event(server->log, "fewer-connections", "connections", fewer);
    return fewer;
}

/* ---- Start and stop ---- */

/* Too much waits for clients: in the thread of the loop who has most is ended. */
static void on_shed(struct post *post)
{
    struct server *server = (struct server *)(void *)((char *)post - offsetof(struct server, shed));
    atomic_store(&server->sheds, false);
    atomic_fetch_add(&server->metrics.sessions_shed, gates_shed(&server->waiting));
}

static void on_full(struct gates *waiting)
{
    struct server *server =
        (struct server *)(void *)((char *)waiting - offsetof(struct server, waiting));
    if (!atomic_exchange(&server->sheds, true)) {
        loop_post(server->loop, &server->shed);
    }
}

static struct MHD_Daemon *start_daemon(struct server *server)
{
    const struct serve_options *options = server->options;
    unsigned connections = allow_connections(server);
    char priorities[] = TLS_PRIORITIES; /* the struct lacks the const */
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_ALLOW_UPGRADE | (server->tls != NULL ? MHD_USE_TLS : 0);
    struct MHD_OptionItem security[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls != NULL ? server->tls->certificates : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls != NULL ? server->tls->key : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem *last = &security[sizeof security / sizeof security[0] - 1];
    /* A pool is of two threads or more. */
    unsigned pool = options->io_threads > 1 ? (unsigned)options->io_threads : 0;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,                 /**/
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,             /**/
                            MHD_OPTION_LISTEN_SOCKET, server->listener,               /**/
                            MHD_OPTION_THREAD_POOL_SIZE, pool,                        /**/
                            MHD_OPTION_CONNECTION_LIMIT, connections,                 /**/
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT,                       /**/
                            (unsigned)options->connections_per_address_max,           /**/
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, /**/
                            MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)options->idle_ms / 1000 + SEND_STALL_S,        /**/
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,                         /**/
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,       /**/
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,     /**/
                            MHD_OPTION_ARRAY, server->tls != NULL ? security : last, /**/
                            MHD_OPTION_END);
}

bool server_start(struct server *server)
{
    const struct serve_options *options = server->options;
    if (getrandom(&server->seed, sizeof server->seed, 0) != (ssize_t)sizeof server->seed) {
        server->seed = clock_us();
    }
    gates_init(&server->waiting);
    server->waiting.limit = (uint64_t)options->waiting_bytes_max;
    server->waiting.full = on_full;
    server->shed.run = on_shed;
    server->sweeper = sweeper_start(&server->metrics);
    server->loop = loop_start();
    server->indexing = indexing_start(server);
    bool good = server->sweeper != NULL && server->loop != NULL;
    for (int place = 0; place < PLACE_COUNT; place++) {
        unsigned count = place == PLACE_READ     ? (unsigned)options->workers
                         : place == PLACE_STREAM ? (unsigned)options->io_threads
                                                 : 1;
        /* Subscriptions, each with one job at most, are as many as connections let them be. */
        size_t waiting_max = place == PLACE_STREAM ? SIZE_MAX : WAITING_MAX;
        server->workers[place] = workers_start(count, waiting_max);
        good = good && server->workers[place] != NULL;
    }
    if (good && listen(server->listener, LISTEN_BACKLOG) == 0) {
        server->daemon = start_daemon(server);
    }
    if (server->daemon == NULL) {
        fputs("quire: the server's threads could not be started\n", stderr);
        server_stop(server);
        return false;
    }
    server->listener = -1;
    return true;
}

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    nanosleep(&pause, NULL);
}

/* Waits until no exchange is open any more, at most for so long. */
static bool wait_for_exchanges(struct server *server, uint64_t ms)
{
    uint64_t until = clock_ms() + ms;
    while (atomic_load(&server->metrics.exchanges_open) > 0) {
        if (clock_ms() >= until) {
            return false;
        }
        pause_ms(STOP_POLL_MS);
    }
    return true;
}

void server_stop(struct server *server)
{
    atomic_store(&server->draining, true);
    if (server->daemon != NULL) {
        int port = MHD_quiesce_daemon(server->daemon);
        if (port >= 0) {
            close(port);
        }
        if (!wait_for_exchanges(server, (uint64_t)server->options->shutdown_ms)) {
            log_event(server->log, "interrupting", "requests",
                      atomic_load(&server->metrics.exchanges_open));
        }
    }
    atomic_store(&server->stopping, true);
    /* What runs ends soon; what waits is refused; commits that are due resume their connection. */
    workers_stop(server->workers[PLACE_READ]);
    workers_stop(server->workers[PLACE_WRITE]);
    workers_stop(server->workers[PLACE_KEEP]);
    while (atomic_load(&server->metrics.commits_waiting) > 0) {
        pause_ms(STOP_POLL_MS);
    }
    if (server->daemon != NULL) {
        while (atomic_load(&server->metrics.websockets_open) > 0 ||
               atomic_load(&server->metrics.reservations_open) > 0) {
            pause_ms(STOP_POLL_MS);
        }
        (void)wait_for_exchanges(server, 1000);
        /* The HTTP library aborts when it ends with a connection suspended. */
        while (atomic_load(&server->metrics.suspended) > 0) {
            pause_ms(STOP_POLL_MS);
        }
        MHD_stop_daemon(server->daemon);
        server->daemon = NULL;
    }
    /* The streams have gone with their connections; their subscriptions follow. */
    while (atomic_load(&server->metrics.subscriptions_open) > 0) {
        pause_ms(STOP_POLL_MS);
    }
    workers_stop(server->workers[PLACE_STREAM]);
    loop_stop(server->loop);
    server->loop = NULL;
    gates_destroy(&server->waiting);
    for (int place = 0; place < PLACE_COUNT; place++) {
        workers_free(server->workers[place]);
        server->workers[place] = NULL;
    }
    indexing_free(server->indexing);
    server->indexing = NULL;
    sweeper_stop(server->sweeper);
    server->sweeper = NULL;
}
