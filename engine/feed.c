/*
 * The change feed: the window of commits and its listeners.
 *
 * A write transaction hands its record over when its commit gets its number,
 * under the pager's group lock: so records come in the order of commits, and
 * each before its commit can become visible. The pager calls again when the
 * boundary has moved. Records up to it are handed to listeners, those beyond it
 * are pending. When the pager is poisoned nothing pending will become visible,
 * and listeners end once they have taken what is.
 *
 * `floor`: every commit above it that changed something is in the window or yet
 * to be published. A listener at or above it misses nothing; one below it is
 * RESUME_TOO_OLD. Dropping records raises it, and so does a record that is not
 * whole.
 *
 * Recording is switched on under the writer lock. So every transaction that
 * commits above the floor has begun with it on.
 *
 * Concurrency: the hub's mutex (rank LEAF) guards the list of records, their
 * references, and listeners but for what belongs to their own thread. Entries of
 * a record are read without it. Nothing is allocated under it; what is to be
 * freed is taken out and freed behind it.
 */
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/engine_internal.h"

struct quire_feed {
    quire_db *db;
    quire_feed *next, **link; /* mutex */
    void (*wake)(void *context);
    quire_feed_callback each;
    void *context;
    struct qr_thread thread; /* runs `each` */

    struct qr_cond news;
    bool waits;   /* mutex */
    bool stopped; /* mutex */

    /* The listener's own. */
    quire_feed_position position;
    struct qr_commit_record *record; /* a reference to the one given last, or NULL */
    quire_feed_commit commit;        /* the same for the user */
    size_t offset;                   /* of its next change */
    quire_error end;                 /* status OK: the listener goes on */
};

/* ---- Records ---- */

/* Takes a reference away; the last one moves the record to `unused`. Locked. */
static void let_go(struct qr_commit_record *record, struct qr_commit_record **unused)
{
    if (record != NULL && --record->references == 0) {
        record->next = *unused;
        *unused = record;
    }
}

static void free_records(struct qr_feed_hub *hub, struct qr_commit_record *unused)
{
    while (unused != NULL) {
        struct qr_commit_record *record = unused;
        unused = record->next;
        qr_free(&hub->db->allocator, record, record->capacity);
    }
}

/* Locked. */
static void drop_first(struct qr_feed_hub *hub, struct qr_commit_record **unused)
{
    struct qr_commit_record *record = hub->first;
    hub->first = record->next;
    hub->last = hub->first == NULL ? NULL : hub->last;
    hub->pending = hub->pending == record ? record->next : hub->pending;
    hub->bytes -= record->capacity;
    hub->floor = record->sequence > hub->floor ? record->sequence : hub->floor;
    record->in_window = false;
    let_go(record, unused);
}

/* Nobody can ask for the oldest record: no listener has been told a place yet, and the first will
 * begin behind what is visible. */
static bool is_unheard(const struct qr_feed_hub *hub)
{
    return hub->epoch == 0 && hub->first != hub->pending;
}

/* Brings the window down to its bound, and rids it of what is of no use. Locked. */
static void trim(struct qr_feed_hub *hub, struct qr_commit_record **unused)
{
    while (hub->first != NULL && (hub->bytes > hub->window_bytes ||
                                  hub->first->sequence <= hub->floor || is_unheard(hub))) {
        drop_first(hub, unused);
    }
}

/* ---- What the pager tells ---- */

void qr_feed_published(void *context, void *note, uint64_t sequence)
{
    struct qr_feed_hub *hub = context;
    struct qr_changes *changes = note;
    struct qr_commit_record *record = changes->record;
    qr_mutex_lock(&hub->mutex);
    hub->published = sequence;
    if (!atomic_load_explicit(&hub->recording, memory_order_relaxed)) {
        /* Nobody listens any more: the record stays with its transaction. */
    } else if (!changes->whole) {
        hub->floor = hub->broken = sequence;
    } else {
        record->sequence = sequence;
        record->next = NULL;
        record->references = 1;
        record->in_window = true;
        *(hub->last == NULL ? &hub->first : &hub->last->next) = record;
        hub->last = record;
        hub->pending = hub->pending == NULL ? record : hub->pending;
        hub->bytes += record->capacity;
        changes->record = NULL;
    }
    qr_mutex_unlock(&hub->mutex);
}

/* Locked. */
static void rouse(quire_feed *feed)
{
    if (feed->waits) {
        qr_cond_signal(&feed->news);
    }
    if (feed->wake != NULL) {
        feed->wake(feed->context);
    }
}

/* Notes what has become of the commits, and rouses the listeners when they have something to see.
 * Locked. */
static void catch_up(struct qr_feed_hub *hub)
{
    struct qr_pager *pager = hub->db->pager;
    bool ended = hub->end.status != QUIRE_OK;
    bool news = hub->floor_seen != hub->floor;
    hub->floor_seen = hub->floor;
    /* In this order: what became visible before the end is told. */
    bool over = qr_pager_check(pager, &hub->end) != QUIRE_OK;
    hub->visible = qr_pager_visible(pager);
    while (hub->pending != NULL && hub->pending->sequence <= hub->visible) {
        hub->pending = hub->pending->next;
        news = true;
    }
    if (over && hub->published > hub->visible) {
        hub->end.status = QUIRE_COMMIT_UNKNOWN;
    }
    news = news || ended != (hub->end.status != QUIRE_OK);
    for (quire_feed *feed = hub->listeners; news && feed != NULL; feed = feed->next) {
        rouse(feed);
    }
}

void qr_feed_moved(void *context)
{
    struct qr_feed_hub *hub = context;
    struct qr_commit_record *unused = NULL;
    if (!atomic_load_explicit(&hub->recording, memory_order_relaxed)) {
        return;
    }
    qr_mutex_lock(&hub->mutex);
    catch_up(hub);
    trim(hub, &unused);
    qr_mutex_unlock(&hub->mutex);
    free_records(hub, unused);
}

/* ---- The hub ---- */

quire_status qr_feed_hub_create(quire_db *db, uint64_t window_bytes, quire_error *err)
{
    struct qr_feed_hub *hub = &db->feed;
    hub->db = db;
    hub->keeps = window_bytes != 0;
    hub->window_bytes = hub->keeps ? window_bytes : QR_FEED_WINDOW_DEFAULT;
    hub->end = (quire_error)QUIRE_ERROR_INIT;
    return qr_mutex_init(&hub->mutex, QR_RANK_LEAF, err);
}

/* From here on transactions record. Under the writer lock, or before there is any; locked. */
static void start(struct qr_feed_hub *hub, uint64_t published)
{
    hub->floor = hub->floor_seen = hub->published = published;
    hub->visible = qr_pager_visible(hub->db->pager);
    atomic_store_explicit(&hub->recording, true, memory_order_relaxed);
}

void qr_feed_hub_start(quire_db *db)
{
    if (db->feed.keeps && !qr_pager_read_only(db->pager)) {
        start(&db->feed, qr_pager_visible(db->pager));
    }
}

void qr_feed_hub_destroy(quire_db *db)
{
    struct qr_feed_hub *hub = &db->feed;
    struct qr_commit_record *unused = NULL;
    while (hub->first != NULL) {
        drop_first(hub, &unused);
    }
    free_records(hub, unused);
    qr_mutex_destroy(&hub->mutex);
}

uint32_t qr_feed_hub_listeners(quire_db *db)
{
    qr_mutex_lock(&db->feed.mutex);
    uint32_t count = db->feed.listener_count;
    qr_mutex_unlock(&db->feed.mutex);
    return count;
}

void qr_feed_hub_get_stats(quire_db *db, quire_stats *stats)
{
    qr_mutex_lock(&db->feed.mutex);
    stats->feed_listeners = db->feed.listener_count;
    stats->feed_bytes = db->feed.bytes;
    qr_mutex_unlock(&db->feed.mutex);
}

/* Ends the recording when nobody listens and no window is kept. Locked. */
static void stop_if_unheard(struct qr_feed_hub *hub, struct qr_commit_record **unused)
{
    if (hub->listener_count == 0 && !hub->keeps) {
        atomic_store_explicit(&hub->recording, false, memory_order_relaxed);
        while (hub->first != NULL) {
            drop_first(hub, unused);
        }
    }
}

/* ---- Opening ---- */

static quire_status too_old(const quire_feed_position *from, const struct qr_feed_hub *hub,
                            quire_error *err)
{
    if (from->epoch != hub->epoch) {
        return qr_fail(err, QUIRE_RESUME_TOO_OLD,
                       "Commit %llu is of an earlier opening of the database, whose changes are "
                       "not kept; read the data anew.",
                       (unsigned long long)from->commit);
    }
    if (from->commit < hub->floor) {
        return qr_fail(err, QUIRE_RESUME_TOO_OLD,
                       "The changes behind commit %llu are not kept any more: the window of %llu "
                       "bytes begins behind commit %llu; read the data anew.",
                       (unsigned long long)from->commit, (unsigned long long)hub->window_bytes,
                       (unsigned long long)hub->floor);
    }
    return qr_fail(err, QUIRE_RESUME_TOO_OLD,
                   "There is no commit %llu: the newest is %llu; read the data anew.",
                   (unsigned long long)from->commit, (unsigned long long)hub->visible);
}

/* Adds the listener. Locked, recording. */
static quire_status add(struct qr_feed_hub *hub, quire_feed *feed, const quire_feed_position *from,
                        quire_error *err)
{
    catch_up(hub);
    feed->position = (quire_feed_position){hub->epoch, hub->visible};
    if (from != NULL &&
        (from->epoch != hub->epoch || from->commit < hub->floor || from->commit > hub->visible)) {
        return too_old(from, hub, err);
    }
    if (from != NULL) {
        feed->position.commit = from->commit;
    }
    feed->link = &hub->listeners;
    feed->next = hub->listeners;
    if (feed->next != NULL) {
        feed->next->link = &feed->next;
    }
    hub->listeners = feed;
    hub->listener_count++;
    return QUIRE_OK;
}

/* The first listener: stops the writers for a moment, and sees the commits in flight out, whose
 * changes were not recorded. */
static quire_status add_first(struct qr_feed_hub *hub, quire_feed *feed,
                              const quire_feed_position *from, quire_error *err)
{
    struct qr_commit_record *unused = NULL;
    struct qr_txn *txn;
    quire_db *db = hub->db;
    QR_TRY(qr_txn_begin(db->pager, db->lock_timeout_ms, &txn, err));
    uint64_t published = qr_view_sequence(qr_txn_view(txn));
    quire_status status = QUIRE_OK;
    if (published > qr_pager_visible(db->pager)) {
        status = qr_pager_settle(db->pager, err);
    }
    if (status == QUIRE_OK) {
        qr_mutex_lock(&hub->mutex);
        if (!atomic_load_explicit(&hub->recording, memory_order_relaxed)) {
            start(hub, published);
        }
        status = add(hub, feed, from, err);
        stop_if_unheard(hub, &unused);
        qr_mutex_unlock(&hub->mutex);
    }
    qr_txn_rollback(txn);
    free_records(hub, unused);
    return status;
}

static quire_status enter(quire_feed *feed, const quire_feed_position *from, quire_error *err)
{
    struct qr_feed_hub *hub = &feed->db->feed;
    struct qr_file_layer *layer = feed->db->layer;
    quire_status status = QUIRE_OK;
    struct {
        uint64_t epoch;
        uint8_t mark_key[16];
    } drawn = {0};
    QR_TRY(layer->methods->random(layer, &drawn, sizeof drawn, err));
    qr_mutex_lock(&hub->mutex);
    if (hub->epoch == 0) {
        hub->epoch = drawn.epoch | 1;
        memcpy(hub->mark_key, drawn.mark_key, sizeof hub->mark_key);
    }
    bool recording = atomic_load_explicit(&hub->recording, memory_order_relaxed);
    if (recording) {
        status = add(hub, feed, from, err);
    }
    qr_mutex_unlock(&hub->mutex);
    return recording ? status : add_first(hub, feed, from, err);
}

static void leave(quire_feed *feed)
{
    struct qr_feed_hub *hub = &feed->db->feed;
    struct qr_commit_record *unused = NULL;
    qr_mutex_lock(&hub->mutex);
    *feed->link = feed->next;
    if (feed->next != NULL) {
        feed->next->link = feed->link;
    }
    let_go(feed->record, &unused);
    hub->listener_count--;
    stop_if_unheard(hub, &unused);
    qr_mutex_unlock(&hub->mutex);
    free_records(hub, unused);
}

/* ---- Taking ---- */

/* The first record behind the listener's place that is visible, or NULL. Locked. */
static struct qr_commit_record *find_next(const struct qr_feed_hub *hub, const quire_feed *feed)
{
    struct qr_commit_record *record = hub->first;
    if (hub->last == NULL || hub->last->sequence <= feed->position.commit) {
        return NULL;
    }
    if (feed->record != NULL && feed->record->in_window) {
        record = feed->record->next;
    }
    while (record->sequence <= feed->position.commit) {
        record = record->next;
    }
    return record->sequence <= hub->visible ? record : NULL;
}

/* Why the listener gets no more, if so. Locked. */
static quire_status check_end(const struct qr_feed_hub *hub, const quire_feed *feed,
                              quire_error *err)
{
    if (feed->stopped) {
        return qr_fail(err, QUIRE_INTERRUPTED, "The feed was stopped.");
    }
    return feed->position.commit < hub->floor ? too_old(&feed->position, hub, err) : QUIRE_OK;
}

/* No more commits will come. Locked. */
static quire_status end_of_commits(const struct qr_feed_hub *hub, quire_error *err)
{
    if (hub->end.status != QUIRE_OK && err != NULL) {
        *err = hub->end;
    }
    return hub->end.status;
}

/* Waits for a record; *record NULL when there is none in time. Locked. */
static quire_status await(struct qr_feed_hub *hub, quire_feed *feed, uint64_t deadline,
                          struct qr_commit_record **record, quire_error *err)
{
    bool in_time = deadline != 0;
    for (;;) {
        *record = NULL;
        catch_up(hub); /* a snapshot may have seen the commit before the leader could tell of it */
        QR_TRY(check_end(hub, feed, err));
        *record = find_next(hub, feed);
        if (*record != NULL) {
            return QUIRE_OK;
        }
        QR_TRY(end_of_commits(hub, err));
        if (!in_time) {
            return QUIRE_OK;
        }
        feed->waits = true;
        in_time = qr_cond_wait_until(&feed->news, &hub->mutex, deadline);
        feed->waits = false;
    }
}

/* Tells once more why the listener has ended. */
static quire_status end_again(const quire_feed *feed, quire_error *err)
{
    if (err != NULL) {
        *err = feed->end;
    }
    return feed->end.status;
}

static void stand_at(quire_feed *feed, struct qr_commit_record *record)
{
    record->references++;
    feed->record = record;
    feed->position.commit = record->sequence;
    feed->offset = 0;
    feed->commit = (quire_feed_commit){.position = feed->position,
                                       .change_count = record->change_count,
                                       .schema_changed = record->schema_changed};
}

static quire_status take(quire_feed *feed, uint32_t timeout_ms, const quire_feed_commit **commit,
                         quire_error *err)
{
    struct qr_feed_hub *hub = &feed->db->feed;
    struct qr_commit_record *unused = NULL;
    struct qr_commit_record *record = NULL;
    uint64_t deadline = 0;
    *commit = NULL;
    if (feed->end.status != QUIRE_OK) {
        return end_again(feed, err);
    }
    if (timeout_ms != 0) {
        deadline = timeout_ms == QUIRE_FEED_FOREVER
                       ? QR_NO_DEADLINE
                       : qr_clock_monotonic_ns() + timeout_ms * QR_NS_PER_MS;
    }
    qr_mutex_lock(&hub->mutex);
    quire_status status = await(hub, feed, deadline, &record, &feed->end);
    if (status != QUIRE_OK || record != NULL) {
        let_go(feed->record, &unused);
        feed->record = NULL;
    }
    if (record != NULL) {
        stand_at(feed, record);
        *commit = &feed->commit;
    }
    qr_mutex_unlock(&hub->mutex);
    free_records(hub, unused);
    return status == QUIRE_OK ? QUIRE_OK : end_again(feed, err);
}

quire_status quire_feed_next(quire_feed *feed, uint32_t timeout_ms,
                             const quire_feed_commit **commit, quire_error *err)
{
    if (feed == NULL || commit == NULL || feed->each != NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_feed_next needs a feed without a callback, and a place for the "
                       "commit.");
    }
    return take(feed, timeout_ms, commit, err);
}

bool quire_feed_change(quire_feed *feed, quire_row_change *change)
{
    if (feed->record == NULL) {
        *change = (quire_row_change){0};
        return false;
    }
    return qr_commit_record_next(feed->record, &feed->offset, change);
}

void quire_feed_rewind(quire_feed *feed)
{
    feed->offset = 0;
}

void qr_feed_skip(quire_feed *feed)
{
    struct qr_feed_hub *hub = &feed->db->feed;
    struct qr_commit_record *unused = NULL;
    qr_mutex_lock(&hub->mutex);
    bool behind = hub->floor > qr_pager_visible(hub->db->pager);
    qr_mutex_unlock(&hub->mutex);
    if (behind) {
        /* What broke the window is on its way. If that fails, the feed ends. */
        (void)qr_pager_settle(hub->db->pager, NULL);
    }
    qr_mutex_lock(&hub->mutex);
    catch_up(hub);
    let_go(feed->record, &unused);
    feed->record = NULL;
    /* What is up to the floor never comes when the hub has ended. */
    bool over = hub->end.status != QUIRE_OK && hub->floor > hub->visible;
    feed->position.commit = over ? hub->floor : hub->visible;
    feed->end = (quire_error)QUIRE_ERROR_INIT;
    qr_mutex_unlock(&hub->mutex);
    free_records(hub, unused);
}

quire_feed_position quire_feed_where(const quire_feed *feed)
{
    return feed->position;
}

/* ---- The public calls around it ---- */

static void pull(void *context)
{
    quire_feed *feed = context;
    quire_status status;
    do {
        const quire_feed_commit *commit;
        quire_error error = QUIRE_ERROR_INIT;
        status = take(feed, QUIRE_FEED_FOREVER, &commit, &error);
        feed->each(feed->context, feed, commit, status, status == QUIRE_OK ? NULL : &error);
    } while (status == QUIRE_OK);
}

static quire_status check_open(quire_db *db, const quire_feed_options *options, quire_feed **out,
                               quire_error *err)
{
    if (db == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_feed_open needs a database and a place for the handle.");
    }
    *out = NULL;
    if (options != NULL && options->size != sizeof *options) {
        return qr_fail(err, QUIRE_MISUSE,
                       "options.size is %zu; start from QUIRE_FEED_OPTIONS_INIT.", options->size);
    }
    if (qr_pager_read_only(db->pager)) {
        return qr_fail(err, QUIRE_READ_ONLY,
                       "A database that was opened read-only has no commits to listen to.");
    }
    return QUIRE_OK;
}

quire_status quire_feed_open(quire_db *db, const quire_feed_options *options, quire_feed **out,
                             quire_error *err)
{
    quire_feed_options defaults = QUIRE_FEED_OPTIONS_INIT;
    quire_status status;
    QR_TRY(check_open(db, options, out, err));
    options = options == NULL ? &defaults : options;
    quire_feed *feed = qr_alloc_zero(&db->allocator, sizeof *feed, err);
    if (feed == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *feed = (quire_feed){.db = db,
                         .wake = options->wake,
                         .each = options->each,
                         .context = options->context,
                         .end = QUIRE_ERROR_INIT};
    QR_TRY_GOTO(status, qr_cond_init(&feed->news, err), no_condition);
    QR_TRY_GOTO(status, enter(feed, options->from, err), no_entry);
    if (feed->each != NULL) {
        QR_TRY_GOTO(status, qr_thread_start(&feed->thread, pull, feed, err), no_thread);
    }
    *out = feed;
    return QUIRE_OK;

no_thread:
    leave(feed);
no_entry:
    qr_cond_destroy(&feed->news);
no_condition:
    qr_free(&db->allocator, feed, sizeof *feed);
    return status;
}

void quire_feed_stop(quire_feed *feed)
{
    if (feed == NULL) {
        return;
    }
    struct qr_feed_hub *hub = &feed->db->feed;
    qr_mutex_lock(&hub->mutex);
    if (!feed->stopped) {
        feed->stopped = true;
        rouse(feed);
    }
    qr_mutex_unlock(&hub->mutex);
}

quire_status qr_feed_check(quire_feed *feed, quire_error *err)
{
    struct qr_feed_hub *hub = &feed->db->feed;
    qr_mutex_lock(&hub->mutex);
    quire_status status =
        feed->position.commit < hub->broken ? too_old(&feed->position, hub, err) : QUIRE_OK;
    qr_mutex_unlock(&hub->mutex);
    return status;
}

uint64_t qr_feed_mark(const quire_feed *feed, uint64_t commit, int64_t rowid)
{
    const uint64_t place[2] = {commit, (uint64_t)rowid};
    /* The key is drawn before there is a feed, once. A decimal of 19 digits holds it. */
    return (qr_siphash13(feed->db->feed.mark_key, place, sizeof place) >> 2) | 1;
}

bool qr_feed_is_stopped(quire_feed *feed)
{
    struct qr_feed_hub *hub = &feed->db->feed;
    qr_mutex_lock(&hub->mutex);
    bool stopped = feed->stopped;
    qr_mutex_unlock(&hub->mutex);
    return stopped;
}

void quire_feed_close(quire_feed *feed)
{
    if (feed == NULL) {
        return;
    }
    quire_db *db = feed->db;
    quire_feed_stop(feed);
    if (feed->each != NULL) {
        qr_thread_join(&feed->thread);
    }
    leave(feed);
    qr_cond_destroy(&feed->news);
    qr_free(&db->allocator, feed, sizeof *feed);
}
