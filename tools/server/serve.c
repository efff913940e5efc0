/*
 * Serving from the first line to the last: database, server, signals.
 *
 * Signals are blocked in every thread and waited for in this one: SIGTERM and
 * SIGINT end the server, a second one ends what still runs at once.
 */
#include "serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "command.h"
#include "documents.h"
#include "log.h"
#include "sandbox.h"
#include "server.h"
#include "slow.h"
#include "status.h"
#include "tls.h"
#include "web.h"

static void block_signals(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    sigset_t blocked = *ends;
    sigaddset(&blocked, SIGUSR2); /* wakes a thread of ours */
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* Nothing that the server writes to is a terminal that may hang up on it. */
    signal(SIGHUP, SIG_IGN);
}

static const struct {
    const char *name, *path;
} pages[] = {{"GraphiQL", "/"}, {"Status", "/admin"}};

static void tell(const struct server *server)
{
    const struct serve_options *options = server->options;
    const char *open = strchr(options->host, ':') != NULL ? "[" : "";
    const char *close = open[0] != '\0' ? "]" : "";
    const char *scheme = server->tls != NULL ? "https" : "http";
    printf("Serving %s at %s://%s%s%s:%u/graphql\n", options->database, scheme, open, options->host,
           close, server->port);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (web_find(server->web, pages[i].path) != NULL) {
            printf("%-8s %s://%s%s%s:%u%s\n", pages[i].name, scheme, open, options->host, close,
                   server->port, pages[i].path);
        }
    }
    fflush(stdout);
}

/* Files are read, and the port is taken, while it may. */
static bool open_parts(struct server *server)
{
    const struct serve_options *options = server->options;
    server->log = log_open(options->access_log);
    if (server->log == NULL) {
        return false;
    }
    if (!auth_open(options, server->log, &server->access)) {
        return false;
    }
    if (options->tls_cert != NULL) {
        server->tls = tls_read(options->tls_cert, options->tls_key);
        if (server->tls == NULL) {
            return false;
        }
    }
    if (options->web) {
        server->web = web_open(options->web_files);
        if (server->web == NULL) {
            return false;
        }
    }
    if (options->rate_cost > 0) {
        server->rate = rate_create((uint64_t)options->rate_cost, (uint64_t)options->rate_burst);
        if (server->rate == NULL) {
            return false;
        }
    }
    server->slow = slow_create();
    server->status = status_create(server);
    server->documents = documents_open(options->documents, options->documents_only != 0);
    return server->documents != NULL && server->slow != NULL && server->status != NULL &&
           server_bind(server);
}

/* Gives up what the server has no use for; false after saying why it must not go on. */
static bool confine(const struct server *server)
{
    const struct serve_options *options = server->options;
    const char *const work[] = {options->directory, options->scratch, NULL};
    const char *const read[] = {"/proc/sys/kernel/random/boot_id", "/dev/urandom",
                                "/sys/devices/system/cpu/online", options->keys_directory, NULL};
    if (options->no_sandbox || !sandbox_is_built()) {
        return true;
    }
    unsigned parts = sandbox_enter(work, read);
    if ((parts & SANDBOX_CALLS) == 0 && geteuid() == 0) {
        fputs("quire: this kernel does not let the server give up what root may do; run it as "
              "another user, or with --no-sandbox\n",
              stderr);
        return false;
    }
    if ((parts & SANDBOX_CALLS) == 0 || (parts & SANDBOX_FILES) == 0) {
        log_event(server->log, "sandbox-lacks", (parts & SANDBOX_CALLS) == 0 ? "calls" : "files",
                  1);
    }
    return true;
}

static void close_parts(struct server *server)
{
    if (server->listener >= 0) {
        close(server->listener);
    }
    documents_close(server->documents);
    status_free(server->status);
    slow_free(server->slow);
    web_close(server->web);
    auth_close(server->access);
    tls_free(server->tls);
    rate_free(server->rate);
    log_close(server->log);
}

/* A second signal shortens the wait for what still runs: it is interrupted now. */
static void *watch_second(void *context)
{
    struct server *server = context;
    sigset_t ends;
    int signal_number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGUSR2);
    if (sigwait(&ends, &signal_number) == 0 && signal_number != SIGUSR2) {
        atomic_store(&server->stopping, true);
    }
    return NULL;
}

static void stop(struct server *server)
{
    pthread_t watcher;
    bool watched = pthread_create(&watcher, NULL, watch_second, server) == 0;
    server_stop(server);
    if (watched) {
        pthread_kill(watcher, SIGUSR2);
        pthread_join(watcher, NULL);
    }
}

static int serve(struct server *server, const sigset_t *ends)
{
    int signal_number;
    if (!auth_start(server->access) || !server_start(server)) {
        return COMMAND_IO;
    }
    tell(server);
    log_event(server->log, "start", "port", server->port);
    while (sigwait(ends, &signal_number) != 0) {
    }
    log_event(server->log, "stop", "signal", (uint64_t)signal_number);
    stop(server);
    return COMMAND_OK;
}

static int open_and_serve(struct server *server, const sigset_t *ends)
{
    quire_options opening = QUIRE_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    if (!open_parts(server) || !confine(server)) {
        return COMMAND_IO;
    }
    opening.rules = (uint32_t)server->options->rules;
    opening.feed_window_bytes = (uint64_t)server->options->feed_bytes;
    if (quire_open(server->options->database, &opening, &server->db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = serve(server, ends);
    if (quire_close(server->db, &err) != QUIRE_OK) {
        int close_code = command_failed(&err);
        code = code == COMMAND_OK ? close_code : code;
    }
    return code;
}

int serve_run(const struct serve_options *options)
{
    struct server server = {.options = options, .listener = -1};
    sigset_t ends;
    block_signals(&ends);
    int code = open_and_serve(&server, &ends);
    close_parts(&server);
    return command_finish(code);
}
