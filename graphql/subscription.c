/*
 * Subscriptions: a listener of the change feed, and a request that is run for
 * its commits.
 *
 * Each event is a run of its own, on a snapshot of its own that is no older
 * than the commit. Changes of rows are told with the rows as the feed has them;
 * what hangs below is read on the snapshot. A live query is run again when a
 * commit has touched what the last run depended on (live.h), and told when the
 * response is another one. It needs no rows of the feed: when it falls behind the
 * window, it runs and goes on behind it.
 *
 * One thread at a time, but for the stop, which raises the switch of the run
 * that is on its way and stops the feed.
 */
#include "quire/subscription.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/thread.h"
#include "graphql/live.h"
#include "graphql/run.h"

/* Changes of a commit whose rows are looked at before a live query is run for them. */
#define LOOKS_MAX 256

struct quire_subscription {
    quire_db *db;
    const quire_allocator *allocator;
    quire_graphql_request request; /* its texts are the subscription's own */
    struct qr_arena texts;
    quire_interrupt *interrupt; /* raised by the stop; the request's own comes first */
    quire_feed *feed;
    struct qr_live live;
    char *response; /* of the event that is lent, or NULL */
    quire_subscription_event event;
    quire_subscription_position where;

    /* Changes. */
    char *table;                     /* whose changes are told; NULL: a live query */
    const quire_feed_commit *commit; /* that the feed stands at and is not taken yet; or NULL */
    struct qr_change_list list;      /* of the one that is taken */
    uint64_t skip_commit, skip;      /* of that commit the rows up to this mark are told already */

    /* A live query. */
    bool due;        /* to be run */
    bool failed;     /* the last run had errors: any commit may mend it */
    bool touched;    /* the commit at hand touches its tables */
    uint64_t seen;   /* number of the snapshot that was run on last */
    uint64_t passed; /* commits that touched its tables, and nothing that it depends on */
    bool has_told;   /* a response, */
    struct qr_hash128
        told; /* which is known by this, under secret keys: its client chose rows of it */
    uint8_t keys[2][16];

    quire_subscription_callback each; /* with the thread that calls it */
    void *context;
    struct qr_thread thread;
};

/* ---- running ---- */

/* What one run gives. */
struct outcome {
    char *response; /* NULL: silent */
    size_t size;
    bool has_errors;
    uint64_t sequence; /* of the snapshot */
};

/* Prepares and runs; the response is complete, unless there is nothing to be told. */
static quire_status run_event(quire_subscription *subscription, struct qr_run *run)
{
    quire_status status = qr_run_prepare(run);
    status = status == QUIRE_OK ? qr_run_execute(run) : qr_run_report_preparation(run, status);
    if (status == QUIRE_OK && run->report.count == 0 && qr_live_is_silent(&subscription->live)) {
        return QUIRE_OK;
    }
    return status == QUIRE_OK ? qr_run_complete(run) : status;
}

static quire_status run_on(quire_subscription *subscription, quire_txn *txn,
                           struct outcome *outcome, quire_error *err)
{
    struct qr_run run;
    qr_run_open(&run, subscription->allocator, &subscription->request, err);
    run.txn = txn;
    run.live = &subscription->live;
    quire_status status = run_event(subscription, &run);
    outcome->has_errors = run.report.count > 0;
    bool silent = !outcome->has_errors && qr_live_is_silent(&subscription->live);
    if (status == QUIRE_OK && !silent) {
        status = qr_json_writer_finish(&run.writer, &outcome->response, &outcome->size);
    }
    qr_run_close(&run);
    return status;
}

/* Runs the request on a new snapshot, whose schema must be able to read the rows of the feed. */
static quire_status run_once(quire_subscription *subscription, struct outcome *outcome,
                             quire_error *err)
{
    quire_error local = QUIRE_ERROR_INIT;
    quire_txn *txn;
    *outcome = (struct outcome){0};
    err = err == NULL ? &local : err;
    QR_TRY(quire_begin(subscription->db, QUIRE_READ, &txn, err));
    outcome->sequence = quire_txn_sequence(txn);
    quire_status status = subscription->table != NULL || subscription->live.looks != NULL
                              ? qr_feed_check(subscription->feed, err)
                              : QUIRE_OK;
    if (status == QUIRE_OK) {
        status = run_on(subscription, txn, outcome, err);
    }
    quire_rollback(txn);
    return status;
}

/* Makes the outcome the event that is lent. */
static void lend(quire_subscription *subscription, const struct outcome *outcome,
                 quire_subscription_position position)
{
    subscription->response = outcome->response; /* the last one is released */
    subscription->event = (quire_subscription_event){.response = outcome->response,
                                                     .response_size = outcome->size,
                                                     .has_errors = outcome->has_errors,
                                                     .position = position};
    subscription->where = position;
}

/* Moves its place behind the commits that the feed has given, when nothing of them is to be told.
 * Where it goes on within a commit, it stands there until it has that. */
static void pass_commits(quire_subscription *subscription)
{
    quire_feed_position at = quire_feed_where(subscription->feed);
    if (subscription->skip_commit == 0 && at.commit >= subscription->where.commit) {
        subscription->where = (quire_subscription_position){at.epoch, at.commit, 0};
    }
}

/* ---- changes ---- */

/* What is asked for, in the schema of today: the table whose changes are told, or NULL. *problems
 * is a response when the request is wrong. */
static quire_status look_up(quire_subscription *subscription, char **table, char **problems,
                            size_t *size, quire_error *err)
{
    quire_error local = QUIRE_ERROR_INIT;
    struct qr_run run;
    quire_txn *txn;
    *table = NULL;
    *problems = NULL;
    err = err == NULL ? &local : err;
    QR_TRY(quire_begin(subscription->db, QUIRE_READ, &txn, err));
    qr_run_open(&run, subscription->allocator, &subscription->request, err);
    run.txn = txn;
    quire_status status = qr_run_prepare(&run);
    if (status == QUIRE_OK && !qr_run_is_followed(&run)) {
        status = qr_fail(err, QUIRE_QUERY, "The operation is not a subscription.");
    }
    if (status == QUIRE_OK) {
        status = qr_run_check_changes(&run);
    }
    if (status != QUIRE_OK) {
        status = qr_run_report_preparation(&run, status);
        status = status == QUIRE_OK ? qr_run_complete(&run) : status;
        if (status == QUIRE_OK) {
            status = qr_json_writer_finish(&run.writer, problems, size);
        }
    } else if (qr_run_operation(&run) == QR_GQL_SUBSCRIPTION &&
               run.set->fields[0].api->kind ==
                   QR_API_CHANGES) { /* of which validation sees to one */
        const char *name = run.set->fields[0].api->type->stored;
        *table =
            qr_arena_copy(&subscription->texts, name, strlen(name) + 1, err); /* with its NUL */
        status = *table == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    qr_run_close(&run);
    quire_rollback(txn);
    return status;
}

/* After a schema change: a type may have another table. */
static quire_status look_again(quire_subscription *subscription, quire_error *err)
{
    char *table;
    char *problems;
    size_t size;
    QR_TRY(look_up(subscription, &table, &problems, &size, err));
    if (table != NULL) {
        subscription->table = table;
    }
    quire_free(problems); /* the runs will tell them */
    return QUIRE_OK;
}

/* The first row of the commit that is behind the mark where it goes on. A mark that none has is not
 * ours: all are told. */
static size_t find_mark(const quire_subscription *subscription)
{
    const struct qr_change_list *list = &subscription->list;
    for (size_t i = 0; i < list->count; i++) {
        if (qr_feed_mark(subscription->feed, subscription->skip_commit, list->items[i].rowid) ==
            subscription->skip) {
            return i + 1;
        }
    }
    return 0;
}

/* Takes the commit at hand. After a failure that can be tried again. */
static quire_status take_commit(quire_subscription *subscription, quire_error *err)
{
    const quire_feed_commit *commit = subscription->commit;
    if (commit->schema_changed) {
        QR_TRY(look_again(subscription, err));
    }
    QR_TRY(qr_change_collect(subscription->feed, subscription->table, &subscription->list, err));
    bool resumes = commit->position.commit == subscription->skip_commit;
    subscription->live.at = resumes ? find_mark(subscription) : 0;
    subscription->skip_commit = 0;
    subscription->commit = NULL;
    return QUIRE_OK;
}

/* The next change of the commit at hand; no event when there is none. */
static quire_status tell_change(quire_subscription *subscription, quire_error *err)
{
    struct qr_live *live = &subscription->live;
    struct outcome outcome;
    if (live->at >= subscription->list.count) {
        return QUIRE_OK;
    }
    live->next = live->at + 1; /* should the run end before it looks */
    QR_TRY(run_once(subscription, &outcome, err));
    if (outcome.response != NULL) {
        quire_feed_position where = quire_feed_where(subscription->feed);
        quire_subscription_position position = {where.epoch, where.commit, 0};
        if (live->next <
            subscription->list.count) { /* a count would tell of rows that are hidden */
            position.seen = qr_feed_mark(subscription->feed, where.commit,
                                         subscription->list.items[live->at].rowid);
        }
        lend(subscription, &outcome, position);
    }
    live->at = live->next;
    return QUIRE_OK;
}

static uint32_t time_left(uint64_t deadline)
{
    uint64_t now = qr_clock_monotonic_ns();
    if (deadline == QR_NO_DEADLINE) {
        return QUIRE_FEED_FOREVER;
    }
    uint64_t left = now < deadline ? (deadline - now + QR_NS_PER_MS - 1) / QR_NS_PER_MS : 0;
    return left < QUIRE_FEED_FOREVER ? (uint32_t)left : QUIRE_FEED_FOREVER - 1;
}

static quire_status next_change(quire_subscription *subscription, uint64_t deadline,
                                quire_error *err)
{
    for (;;) {
        while (subscription->live.at < subscription->list.count) {
            QR_TRY(tell_change(subscription, err));
            if (subscription->event.response != NULL) {
                return QUIRE_OK;
            }
        }
        if (subscription->commit == NULL) {
            pass_commits(subscription);
            QR_TRY(quire_feed_next(subscription->feed, time_left(deadline), &subscription->commit,
                                   err));
        }
        if (subscription->commit == NULL) {
            return QUIRE_OK;
        }
        QR_TRY(take_commit(subscription, err));
    }
}

/* ---- live queries ---- */

/* Whether a commit may have changed the response. */
static enum qr_live_concern weigh(quire_subscription *subscription, const quire_feed_commit *commit)
{
    const char *table = NULL;
    bool reads = false;
    quire_row_change change;
    enum qr_live_concern most = QR_LIVE_NOTHING;
    if (commit->position.commit <= subscription->seen) {
        return QR_LIVE_NOTHING;
    }
    if (commit->schema_changed || (subscription->failed && commit->change_count > 0)) {
        return QR_LIVE_CHANGES;
    }
    while (most != QR_LIVE_CHANGES && quire_feed_change(subscription->feed, &change)) {
        if (change.table != table) {
            table = change.table;
            reads = qr_live_reads(&subscription->live, table);
        }
        enum qr_live_concern its =
            reads ? qr_live_concern(&subscription->live, &change) : QR_LIVE_NOTHING;
        most = its > most ? its : most;
        subscription->touched = subscription->touched || reads;
    }
    /* To look at many rows is no less than to run. */
    return most == QR_LIVE_LOOK && commit->change_count > LOOKS_MAX ? QR_LIVE_CHANGES : most;
}

/* Notes what a commit means. */
static void take_note(quire_subscription *subscription, const quire_feed_commit *commit)
{
    subscription->touched = false;
    enum qr_live_concern concern = weigh(subscription, commit);
    subscription->due = concern == QR_LIVE_CHANGES;
    subscription->live.looks = concern == QR_LIVE_LOOK ? subscription->feed : NULL;
    subscription->passed += concern == QR_LIVE_NOTHING && subscription->touched ? 1 : 0;
}

/* Takes what the feed has, waiting for the first commit that concerns the query, or is to be looked
 * at. */
static quire_status take_commits(quire_subscription *subscription, uint64_t deadline,
                                 quire_error *err)
{
    const quire_feed_commit *commit;
    do {
        uint32_t wait_ms = subscription->due ? 0 : time_left(deadline);
        quire_error error = QUIRE_ERROR_INIT;
        if (!subscription->due) {
            pass_commits(subscription);
        }
        quire_status status = quire_feed_next(subscription->feed, wait_ms, &commit, &error);
        if (status == QUIRE_RESUME_TOO_OLD) {
            qr_feed_skip(subscription->feed);
            subscription->due = true;
            return QUIRE_OK;
        }
        if (status != QUIRE_OK && err != NULL) {
            *err = error;
        }
        QR_TRY(status);
        if (commit != NULL && !subscription->due) {
            take_note(subscription, commit);
        }
    } while (commit != NULL && subscription->live.looks == NULL);
    return QUIRE_OK;
}

static struct qr_hash128 fingerprint(const quire_subscription *subscription,
                                     const struct outcome *outcome)
{
    return (struct qr_hash128){
        qr_siphash13(subscription->keys[0], outcome->response, outcome->size),
        qr_siphash13(subscription->keys[1], outcome->response, outcome->size)};
}

/* Runs the query; no event when the response is the last one, or the commit that is looked at has
 * not changed it. */
static quire_status tell_result(quire_subscription *subscription, quire_error *err)
{
    struct outcome outcome;
    bool looks = subscription->live.looks != NULL;
    quire_status status = run_once(subscription, &outcome, err);
    subscription->live.looks = NULL;
    subscription->due = status != QUIRE_OK;
    if (looks && status == QUIRE_RESUME_TOO_OLD) {
        return QUIRE_OK; /* its rows cannot be read any more: it is run without them */
    }
    QR_TRY(status);
    if (looks && outcome.response == NULL) {
        subscription->passed++;
        return QUIRE_OK;
    }
    subscription->failed = outcome.has_errors;
    subscription->seen = outcome.sequence;
    struct qr_hash128 now = fingerprint(subscription, &outcome);
    if (subscription->has_told && now.low == subscription->told.low &&
        now.high == subscription->told.high) {
        quire_free(outcome.response);
        return QUIRE_OK;
    }
    subscription->has_told = true;
    subscription->told = now;
    quire_subscription_position position = {quire_feed_where(subscription->feed).epoch,
                                            outcome.sequence, 0};
    lend(subscription, &outcome, position);
    return QUIRE_OK;
}

static quire_status next_result(quire_subscription *subscription, uint64_t deadline,
                                quire_error *err)
{
    for (;;) {
        QR_TRY(take_commits(subscription, deadline, err));
        if (!subscription->due && subscription->live.looks == NULL) {
            return QUIRE_OK;
        }
        QR_TRY(tell_result(subscription, err));
        if (subscription->event.response != NULL) {
            return QUIRE_OK;
        }
    }
}

/* ---- the public calls ---- */

void quire_subscription_release(quire_subscription *subscription)
{
    if (subscription != NULL) {
        quire_free(subscription->response);
        subscription->response = NULL;
        subscription->event = (quire_subscription_event){.response = NULL};
    }
}

static quire_status take(quire_subscription *subscription, uint32_t timeout_ms,
                         const quire_subscription_event **event, quire_error *err)
{
    uint64_t deadline = timeout_ms == QUIRE_FEED_FOREVER
                            ? QR_NO_DEADLINE
                            : qr_clock_monotonic_ns() + timeout_ms * QR_NS_PER_MS;
    *event = NULL;
    quire_subscription_release(subscription);
    QR_TRY(subscription->table != NULL ? next_change(subscription, deadline, err)
                                       : next_result(subscription, deadline, err));
    if (qr_feed_is_stopped(subscription->feed)) {
        return qr_fail(err, QUIRE_INTERRUPTED, "The subscription was stopped.");
    }
    if (subscription->event.response != NULL) {
        *event = &subscription->event;
    }
    return QUIRE_OK;
}

quire_status quire_subscription_next(quire_subscription *subscription, uint32_t timeout_ms,
                                     const quire_subscription_event **event, quire_error *err)
{
    if (subscription == NULL || event == NULL || subscription->each != NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_subscription_next needs a subscription without a callback, and a "
                       "place for the event.");
    }
    return take(subscription, timeout_ms, event, err);
}

quire_subscription_position quire_subscription_where(const quire_subscription *subscription)
{
    return subscription != NULL ? subscription->where : (quire_subscription_position){0};
}

uint64_t quire_subscription_passed(const quire_subscription *subscription)
{
    return subscription != NULL ? subscription->passed : 0;
}

static void pull(void *context)
{
    quire_subscription *subscription = context;
    quire_status status;
    do {
        const quire_subscription_event *event;
        quire_error error = QUIRE_ERROR_INIT;
        status = take(subscription, QUIRE_FEED_FOREVER, &event, &error);
        subscription->each(subscription->context, event, status,
                           status == QUIRE_OK ? NULL : &error);
    } while (status == QUIRE_OK);
}

/* Replaces a text by a copy, NUL-terminated; NULL stays. *size 0: it is NUL-terminated already. */
static quire_status copy_text(quire_subscription *subscription, const char **text, size_t *size,
                              quire_error *err)
{
    if (*text == NULL) {
        return QUIRE_OK;
    }
    size_t length = *size == 0 ? strlen(*text) : *size;
    char *copy = qr_arena_alloc(&subscription->texts, length + 1, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(copy, *text, length);
    copy[length] = '\0';
    *text = copy;
    *size = length;
    return QUIRE_OK;
}

static quire_status copy_request(quire_subscription *subscription, quire_error *err)
{
    quire_graphql_request *request = &subscription->request;
    size_t size = 0;
    request->outcome = NULL; /* the caller's, for one call */
    if (request->interrupt == NULL) {
        QR_TRY(quire_interrupt_create(subscription->db, &subscription->interrupt, err));
        request->interrupt = subscription->interrupt;
    }
    QR_TRY(copy_text(subscription, &request->document, &request->document_size, err));
    QR_TRY(copy_text(subscription, &request->variables, &request->variables_size, err));
    QR_TRY(copy_text(subscription, &request->claims, &request->claims_size, err));
    return copy_text(subscription, &request->operation_name, &size, err);
}

/* For a live query that goes on silent: runs it, to know which tables it reads. What commits have
 * touched them since is in the feed. */
static quire_status learn_tables(quire_subscription *subscription, quire_error *err)
{
    struct outcome outcome;
    QR_TRY(run_once(subscription, &outcome, err));
    subscription->failed = outcome.has_errors;
    quire_free(outcome.response);
    return QUIRE_OK;
}

/* Opens the feed where the events are to begin. */
static quire_status open_feed(quire_subscription *subscription,
                              const quire_subscribe_options *options, quire_error *err)
{
    const quire_subscription_position *from = options->from;
    quire_feed_options feed = QUIRE_FEED_OPTIONS_INIT;
    quire_feed_position position;
    feed.wake = options->wake;
    feed.context = options->context;
    subscription->due = true;
    if (from != NULL && from->epoch != 0) {
        bool within = from->seen > 0 && from->commit > 0;
        position = (quire_feed_position){from->epoch, from->commit - (within ? 1 : 0)};
        feed.from = &position;
        subscription->skip_commit = within && subscription->table != NULL ? from->commit : 0;
        subscription->skip = from->seen;
        subscription->due = false;
    }
    quire_status status = quire_feed_open(subscription->db, &feed, &subscription->feed, err);
    if (status == QUIRE_RESUME_TOO_OLD && subscription->table == NULL) {
        subscription->due = true;
        feed.from = NULL;
        status = quire_feed_open(subscription->db, &feed, &subscription->feed, err);
    }
    QR_TRY(status);
    if (subscription->table == NULL && subscription->due) {
        return QUIRE_OK;
    }
    position = quire_feed_where(subscription->feed);
    subscription->where = (quire_subscription_position){position.epoch, position.commit, 0};
    if (from != NULL && feed.from != NULL) {
        subscription->where = *from;
    }
    return subscription->table != NULL ? QUIRE_OK : learn_tables(subscription, err);
}

static quire_status check_options(quire_db *db, const quire_graphql_request *request,
                                  const quire_subscribe_options *options, quire_subscription **out,
                                  char **response, size_t *size, quire_error *err)
{
    if (out != NULL) {
        *out = NULL;
    }
    if (response != NULL && size != NULL) {
        *response = NULL;
        *size = 0;
    }
    if (db == NULL || out == NULL || response == NULL || size == NULL || request == NULL ||
        request->size != sizeof *request ||
        (request->document == NULL) == (request->prepared == NULL)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_subscribe needs a database, a request from "
                       "QUIRE_GRAPHQL_REQUEST_INIT, and outputs.");
    }
    if (options != NULL && options->size != sizeof *options) {
        return qr_fail(err, QUIRE_MISUSE,
                       "options.size is %zu; start from QUIRE_SUBSCRIBE_OPTIONS_INIT.",
                       options->size);
    }
    return QUIRE_OK;
}

/* Everything but the thread. *response is set when the request is wrong. */
static quire_status begin(quire_subscription *subscription, const quire_subscribe_options *options,
                          char **response, size_t *size, quire_error *err)
{
    if (subscription->request.errors != NULL) {
        *subscription->request.errors = NULL;
    }
    QR_TRY(copy_request(subscription, err));
    QR_TRY(look_up(subscription, &subscription->table, response, size, err));
    subscription->request.errors = NULL; /* the caller's, for this call */
    subscription->request.admit = NULL;
    if (*response != NULL) {
        return QUIRE_OK;
    }
    if (subscription->table != NULL) {
        subscription->live.changes = &subscription->list;
    }
    struct qr_file_layer *system = qr_file_layer_posix();
    QR_TRY(system->methods->random(system, subscription->keys, sizeof subscription->keys, err));
    QR_TRY(open_feed(subscription, options, err));
    subscription->each = options->each;
    if (subscription->each != NULL) {
        quire_status status = qr_thread_start(&subscription->thread, pull, subscription, err);
        if (status != QUIRE_OK) {
            subscription->each = NULL;
            return status;
        }
    }
    return QUIRE_OK;
}

quire_status quire_subscribe(quire_db *db, const quire_graphql_request *request,
                             const quire_subscribe_options *options, quire_subscription **out,
                             char **response, size_t *response_size, quire_error *err)
{
    quire_subscribe_options defaults = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    QR_TRY(check_options(db, request, options, out, response, response_size, err));
    options = options == NULL ? &defaults : options;
    const quire_allocator *allocator = qr_db_allocator(db);
    quire_subscription *subscription = qr_alloc_zero(allocator, sizeof *subscription, err);
    if (subscription == NULL) {
        return QUIRE_NO_MEMORY;
    }
    subscription->db = db;
    subscription->allocator = subscription->live.allocator = subscription->list.allocator =
        allocator;
    subscription->request = *request;
    subscription->context = options->context;
    qr_arena_init(&subscription->texts, allocator, 0);
    quire_status status = begin(subscription, options, response, response_size, err);
    if (status != QUIRE_OK || *response != NULL) {
        quire_subscription_close(subscription);
        return status;
    }
    *out = subscription;
    return QUIRE_OK;
}

void quire_subscription_stop(quire_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    quire_feed_stop(subscription->feed);
    if (subscription->interrupt != NULL) {
        quire_interrupt_raise(subscription->interrupt);
    }
}

void quire_subscription_close(quire_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    const quire_allocator *allocator = subscription->allocator;
    quire_subscription_stop(subscription);
    if (subscription->each != NULL) {
        qr_thread_join(&subscription->thread);
    }
    quire_feed_close(subscription->feed);
    quire_interrupt_free(subscription->interrupt);
    quire_free(subscription->response);
    qr_change_list_free(&subscription->list);
    qr_live_free(&subscription->live);
    qr_arena_free(&subscription->texts);
    qr_free(allocator, subscription, sizeof *subscription);
}
