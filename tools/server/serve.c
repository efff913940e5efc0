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

#include "auth.h"
#include "command.h"
#include "documents.h"
#include "log.h"
#include "server.h"

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

static void tell(const struct server *server)
{
    const struct serve_options *options = server->options;
    bool numbers = strchr(options->host, ':') != NULL;
    printf("Serving %s at http://%s%s%s:%u/graphql\n", options->database, numbers ? "[" : "",
           options->host, numbers ? "]" : "", server->port);
    fflush(stdout);
}

static bool open_parts(struct server *server)
{
    const struct serve_options *options = server->options;
    server->log = log_open(options->access_log);
    if (server->log == NULL) {
        return false;
    }
    if (options->token_file != NULL) {
        server->tokens = auth_read(options->token_file);
        if (server->tokens == NULL) {
            return false;
        }
    }
    server->documents = documents_open(options->documents, options->documents_only != 0);
    return server->documents != NULL;
}

static void close_parts(struct server *server)
{
    documents_close(server->documents);
    auth_free(server->tokens);
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
    if (!open_parts(server) || !server_start(server)) {
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

int serve_run(const struct serve_options *options)
{
    struct server server = {.options = options};
    quire_options opening = QUIRE_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    sigset_t ends;
    block_signals(&ends);
    opening.feed_window_bytes = (uint64_t)options->feed_bytes;
    if (quire_open(options->database, &opening, &server.db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = serve(&server, &ends);
    if (quire_close(server.db, &err) != QUIRE_OK) {
        int close_code = command_failed(&err);
        code = code == COMMAND_OK ? close_code : code;
    }
    close_parts(&server);
    return command_finish(code);
}
