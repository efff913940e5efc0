/*
 * Indexing: see indexing.h. Rounds are counted in requests, so that an index
 * that nobody uses goes by what is asked, not by the clock.
 */
#include "indexing.h"

#include <stdlib.h>

#include "log.h"
#include "server.h"

/* Requests between two looks whether an index is due, and from one round to the next. */
#define LOOK_REQUESTS  16U
#define ROUND_REQUESTS 10000U

struct indexing {
    struct job job; /* first: the job is the indexing */
    struct server *server;
    quire_advisor *advisor;
    _Atomic uint64_t requests;
    _Atomic bool given; /* the job waits or runs */
};

/* Building ends when the server does; the next one goes on with it. */
static bool go_on(void *context, const quire_progress *progress)
{
    const struct indexing *indexing = context;
    (void)progress;
    return !atomic_load(&indexing->server->draining) && !atomic_load(&indexing->server->stopping);
}

static void run(struct job *job)
{
    struct indexing *indexing = (struct indexing *)(void *)job;
    quire_error err = QUIRE_ERROR_INIT;
    if (go_on(indexing, NULL)) {
        quire_status status = quire_advisor_work(indexing->advisor, &err);
        if (status != QUIRE_OK && status != QUIRE_INTERRUPTED) {
            log_event(indexing->server->log, "indexing failed", "status", (uint64_t)status);
        }
    }
    atomic_store(&indexing->given, false);
}

struct indexing *indexing_start(struct server *server)
{
    quire_advisor_options options = QUIRE_ADVISOR_OPTIONS_INIT;
    struct indexing *indexing = server->options->no_auto_index ? NULL : calloc(1, sizeof *indexing);
    if (indexing == NULL) {
        return NULL;
    }
    indexing->server = server;
    indexing->job.run = run;
    options.progress = go_on;
    options.context = indexing;
    if (quire_advisor_create(server->db, &options, &indexing->advisor, NULL) != QUIRE_OK) {
        free(indexing);
        return NULL;
    }
    return indexing;
}

struct quire_advisor *indexing_advisor(struct indexing *indexing)
{
    return indexing != NULL ? indexing->advisor : NULL;
}

void indexing_look(struct indexing *indexing)
{
    if (indexing == NULL) {
        return;
    }
    uint64_t number = atomic_fetch_add(&indexing->requests, 1) + 1;
    bool due = number % ROUND_REQUESTS == 0 ||
               (number % LOOK_REQUESTS == 0 && quire_advisor_is_due(indexing->advisor));
    if (!due || atomic_exchange(&indexing->given, true)) {
        return;
    }
    if (!workers_give(indexing->server->workers[PLACE_KEEP], &indexing->job)) {
        atomic_store(&indexing->given, false);
    }
}

void indexing_free(struct indexing *indexing)
{
    if (indexing != NULL) {
        quire_advisor_free(indexing->advisor);
        free(indexing);
    }
}
