/*
 * Asynchronous commits: published like any other, flushed by a thread of the
 * pager unless somebody else leads first, and reported by a call or to whoever
 * waits for the ticket.
 *
 * The thread is one more waiter for the newest asynchronous commit: it leads
 * when nobody does and sleeps when somebody does, by the rules of commit.c. A
 * ticket without `done` is not known to it; its waiter looks at the boundary.
 *
 * Concurrency: everything here is guarded by the group lock. `done` is called
 * without locks, in order of the commits. The thread starts with the first
 * asynchronous commit and ends when the pager closes, after the last `done`.
 */
#include "pager/pager_internal.h"

quire_status qr_async_create(struct qr_pager *pager, quire_error *err)
{
    struct qr_async *async = &pager->commit.async;
    QR_TRY(qr_cond_init(&async->work, err));
    async->created = true;
    return QUIRE_OK;
}

void qr_async_destroy(struct qr_pager *pager)
{
    struct qr_async *async = &pager->commit.async;
    if (async->created) {
        qr_cond_destroy(&async->work);
        async->created = false;
    }
}

/* Takes the tickets off the list whose outcome is known. Group lock held. */
static struct qr_ticket *take_known(struct qr_pager *pager)
{
    struct qr_async *async = &pager->commit.async;
    struct qr_ticket *first = async->first;
    struct qr_ticket **end = &async->first;
    while (*end != NULL && qr_ticket_known(pager, *end)) {
        end = &(*end)->next;
    }
    if (end == &async->first) {
        return NULL;
    }
    async->first = *end;
    *end = NULL;
    if (async->first == NULL) {
        async->last = NULL;
    }
    return first;
}

static void report(struct qr_pager *pager, struct qr_ticket *tickets)
{
    while (tickets != NULL) {
        struct qr_ticket *ticket = tickets;
        quire_error error = QUIRE_ERROR_INIT;
        tickets = ticket->next;
        quire_status status = qr_ticket_wait(pager, ticket, &error);
        ticket->done(ticket, status, &error);
    }
}

static bool is_poisoned(const struct qr_commit *commit)
{
    return atomic_load_explicit(&commit->poisoned, memory_order_acquire);
}

static void see_through(void *context)
{
    struct qr_pager *pager = context;
    struct qr_commit *commit = &pager->commit;
    struct qr_async *async = &commit->async;
    qr_mutex_lock(&commit->lock);
    for (;;) {
        struct qr_ticket *known = take_known(pager);
        bool wanted = async->wanted_seq > qr_visible_seq(pager) && !is_poisoned(commit);
        if (known == NULL && !wanted) {
            if (async->stop) {
                break;
            }
            qr_cond_wait(&async->work, &commit->lock);
            continue;
        }
        uint64_t seq = async->wanted_seq;
        uint64_t group = async->wanted_group;
        qr_mutex_unlock(&commit->lock);
        report(pager, known);
        if (wanted) {
            (void)qr_commit_wait(pager, seq, group, NULL);
        }
        qr_mutex_lock(&commit->lock);
    }
    qr_mutex_unlock(&commit->lock);
}

quire_status qr_async_start(struct qr_pager *pager, quire_error *err)
{
    struct qr_async *async = &pager->commit.async;
    if (async->started) {
        return QUIRE_OK;
    }
    QR_TRY(qr_thread_start(&async->thread, see_through, pager, err));
    async->started = true;
    return QUIRE_OK;
}

void qr_async_stop(struct qr_pager *pager)
{
    struct qr_async *async = &pager->commit.async;
    if (!async->started) {
        return;
    }
    qr_mutex_lock(&pager->commit.lock);
    async->stop = true;
    qr_cond_signal(&async->work);
    qr_mutex_unlock(&pager->commit.lock);
    qr_thread_join(&async->thread);
    async->started = async->stop = false;
}

void qr_pager_drain(struct qr_pager *pager)
{
    qr_async_stop(pager);
}

void qr_async_add(struct qr_pager *pager, struct qr_ticket *ticket)
{
    struct qr_commit *commit = &pager->commit;
    struct qr_async *async = &commit->async;
    if (ticket->commit == 0 && ticket->done != NULL && qr_ticket_known(pager, ticket)) {
        quire_error error = QUIRE_ERROR_INIT;
        quire_status status = qr_ticket_wait(pager, ticket, &error);
        ticket->done(ticket, status, &error);
        return;
    }
    qr_mutex_lock(&commit->lock);
    if (ticket->done != NULL) {
        /* Two commits may come here in the other order than they were published. */
        bool newest = async->last == NULL || async->last->seq <= ticket->seq;
        struct qr_ticket **link = async->last == NULL ? &async->first : &async->last->next;
        if (!newest) {
            link = &async->first;
            while ((*link)->seq < ticket->seq) {
                link = &(*link)->next;
            }
        }
        ticket->next = *link;
        *link = ticket;
        async->last = newest ? ticket : async->last;
    }
    if (ticket->seq > async->wanted_seq) {
        async->wanted_seq = ticket->seq;
        async->wanted_group = ticket->group;
    }
    qr_cond_signal(&async->work);
    qr_mutex_unlock(&commit->lock);
}

bool qr_ticket_known(struct qr_pager *pager, const struct qr_ticket *ticket)
{
    return qr_visible_seq(pager) >= ticket->seq || is_poisoned(&pager->commit);
}

quire_status qr_ticket_wait(struct qr_pager *pager, const struct qr_ticket *ticket,
                            quire_error *err)
{
    if (ticket->seq == 0) {
        return QUIRE_OK; /* of a snapshot */
    }
    QR_TRY(qr_commit_wait(pager, ticket->seq, ticket->group, err));
    qr_count(&pager->counters.commits, 1);
    return QUIRE_OK;
}
