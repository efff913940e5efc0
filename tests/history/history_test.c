/*
 * Snapshot isolation, looked at from outside. Threads append to lists and read
 * them, in a database of random options; what they saw is recorded, and checked
 * as history.h tells. A round is a database and a few thousand transactions.
 *
 *   writers   read and append, in one to three steps; take back some appends
 *             with savepoints; roll one in eight back; commit in all three ways
 *   readers   read lists one after another, some slowly, while commits go on
 *   keeper    checkpoints
 *
 * Lists lie in a tree and a key tree, between rows that are large enough to
 * push pages out of the cache. A full list is left alone and a new one taken in
 * its place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "crash/harness.h"
#include "history.h"
#include "quire/quire.h"
#include "support/prng.h"
#include "support/temp_dir.h"

#define LISTS       12U /* at a time */
#define ELEMENTS    40U /* of a list, about */
#define ROOM        64U /* and at most */
#define BALLAST     240
#define WRITERS_MAX 4U
#define READERS_MAX 3U
#define STEPS_MAX   12U

struct round {
    quire_db *db;
    _Atomic uint64_t now;             /* moments */
    _Atomic uint32_t turn[LISTS];     /* the list of each place is turn * LISTS + place */
    _Atomic uint32_t writing;         /* sessions that still write */
    _Atomic uint32_t outstanding;     /* asynchronous commits */
    _Atomic uint64_t commits, aborts; /* counts for the summary */
    quire_versions_policy policy;
    uint32_t transactions; /* of each session */
};

struct session {
    struct round *round;
    struct history history;
    struct prng prng;
    uint32_t number, next_value;
};

/* What a transaction has open. */
struct handles {
    quire_txn *txn;
    quire_tree *tree;
    quire_keytree *keys;
};

static uint64_t moment(struct round *round)
{
    return atomic_fetch_add(&round->now, 1) + 1;
}

/* ---- Lists ---- */

static void open_handles(struct handles *handles)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_tree_open(handles->txn, "lists", &handles->tree, &err));
    MUST(quire_keytree_open(handles->txn, "named", &handles->keys, &err));
}

static void close_handles(struct handles *handles)
{
    quire_tree_close(handles->tree);
    quire_keytree_close(handles->keys);
}

static bool is_named(uint32_t key)
{
    return key % 2 == 1;
}

static int name_list(char name[32], uint32_t key)
{
    return snprintf(name, 32, "list %u of them", key);
}

/* False when the reader has lost its snapshot. */
static bool read_list(const struct round *round, struct handles *handles, uint32_t key,
                      uint32_t *elements, uint32_t *count)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *bytes = NULL;
    size_t size = 0;
    bool found = false;
    char name[32];
    quire_status status =
        is_named(key)
            ? quire_keytree_get(handles->keys, name, (size_t)name_list(name, key), &bytes, &size,
                                &found, &err)
            : quire_tree_find(handles->tree, (int64_t)key * 8, &bytes, &size, &found, &err);
    if (status == QUIRE_SNAPSHOT_TOO_OLD && round->policy == QUIRE_VERSIONS_EXPIRE) {
        return false;
    }
    REQUIRE(status == QUIRE_OK, "reading a list gave %s: %s", quire_status_name(status),
            err.message);
    *count = found ? (uint32_t)(size / sizeof *elements) : 0;
    REQUIRE(size % sizeof *elements == 0 && *count <= ROOM, "a list of %zu bytes", size);
    if (*count > 0) {
        memcpy(elements, bytes, size);
    }
    return true;
}

static void write_list(struct handles *handles, uint32_t key, const uint32_t *elements,
                       uint32_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    char name[32];
    size_t size = count * sizeof *elements;
    if (is_named(key)) {
        MUST(quire_keytree_put(handles->keys, name, (size_t)name_list(name, key), elements, size,
                               NULL, &err));
    } else {
        MUST(quire_tree_put(handles->tree, (int64_t)key * 8, elements, size, NULL, &err));
    }
}

/* A list in use, or one that was a little earlier. */
static uint32_t pick_list(struct session *session)
{
    uint32_t place = (uint32_t)prng_below(&session->prng, LISTS);
    uint32_t turn = atomic_load(&session->round->turn[place]);
    if (turn > 0 && prng_one_in(&session->prng, 8)) {
        turn--;
    }
    return turn * LISTS + place;
}

/* ---- Writers ---- */

struct due {
    struct round *round;
    struct history_txn *txn;
};

static void acknowledge(void *context, uint64_t sequence, quire_status status,
                        const quire_error *error)
{
    struct due *due = context;
    REQUIRE(status == QUIRE_OK, "an asynchronous commit gave %s: %s", quire_status_name(status),
            error->message);
    atomic_store(&due->txn->sequence, sequence);
    atomic_store(&due->txn->acknowledged, moment(due->round));
    (void)atomic_fetch_sub(&due->round->outstanding, 1);
    free(due);
}

static void append(struct session *session, struct handles *handles, struct history_step **appended)
{
    uint32_t elements[ROOM], count;
    uint32_t key = pick_list(session);
    REQUIRE(read_list(session->round, handles, key, elements, &count), "a writer expired");
    if (prng_one_in(&session->prng, 2)) {
        history_read(&session->history, key, elements, count);
    }
    *appended = NULL;
    if (count >= ELEMENTS) {
        /* Said twice it would skip a list, which does no harm. */
        uint32_t turn = key / LISTS;
        (void)atomic_compare_exchange_strong(&session->round->turn[key % LISTS], &turn, turn + 1);
        return;
    }
    elements[count] = ++session->next_value;
    write_list(handles, key, elements, count + 1);
    *appended = history_append(&session->history, key, elements[count]);
}

/* An append that is taken back. */
static void append_in_vain(struct session *session, struct handles *handles)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t savepoint;
    struct history_step *step;
    MUST(quire_savepoint(handles->txn, &savepoint, &err));
    append(session, handles, &step);
    if (step != NULL) {
        step->undone = true;
    }
    MUST(quire_rollback_to(handles->txn, savepoint, &err));
}

static void move_ballast(struct session *session, struct handles *handles)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t bytes[400];
    int64_t row = (int64_t)prng_below(&session->prng, BALLAST) * 8 + 3;
    size_t size = 100 + (size_t)prng_below(&session->prng, sizeof bytes - 100);
    prng_fill(&session->prng, bytes, size);
    MUST(quire_tree_put(handles->tree, row, bytes, size, NULL, &err));
}

static void commit(struct session *session, quire_txn *txn, struct history_txn *entry)
{
    struct round *round = session->round;
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status;
    uint64_t way = prng_below(&session->prng, 3);
    struct due *due = way == 0 ? malloc(sizeof *due) : NULL;
    quire_ticket *ticket = NULL;
    entry->committed = true;
    if (due != NULL) {
        *due = (struct due){round, entry};
        (void)atomic_fetch_add(&round->outstanding, 1);
        status = quire_commit_async(txn, acknowledge, due, &err);
        if (status == QUIRE_OK) {
            (void)atomic_fetch_add(&round->commits, 1);
            return;
        }
        (void)atomic_fetch_sub(&round->outstanding, 1);
        free(due);
    } else if (way == 1) {
        status = quire_commit_ticket(txn, &ticket, &err);
        if (status == QUIRE_OK) {
            status = quire_ticket_wait(ticket, &err);
        }
    } else {
        status = quire_commit(txn, &err);
    }
    if (status == QUIRE_BUSY && round->policy == QUIRE_VERSIONS_REFUSE) {
        entry->committed = false;
        (void)atomic_fetch_add(&round->aborts, 1);
        return;
    }
    REQUIRE(status == QUIRE_OK, "commit gave %s: %s", quire_status_name(status), err.message);
    atomic_store(&entry->acknowledged, moment(round));
    (void)atomic_fetch_add(&round->commits, 1);
}

static void write_once(struct session *session)
{
    struct round *round = session->round;
    quire_error err = QUIRE_ERROR_INIT;
    struct handles handles;
    struct history_txn *entry =
        history_begin(&session->history, session->number, true, moment(round));
    MUST(quire_begin(round->db, QUIRE_WRITE, &handles.txn, &err));
    entry->view = quire_txn_sequence(handles.txn);
    open_handles(&handles);
    if (prng_one_in(&session->prng, 8)) {
        append_in_vain(session, &handles);
    }
    for (uint64_t i = prng_below(&session->prng, 3) + 1; i > 0; i--) {
        struct history_step *step;
        append(session, &handles, &step);
    }
    if (prng_one_in(&session->prng, 2)) {
        move_ballast(session, &handles);
    }
    close_handles(&handles);
    if (prng_one_in(&session->prng, 8)) {
        quire_rollback(handles.txn);
        (void)atomic_fetch_add(&round->aborts, 1);
    } else {
        commit(session, handles.txn, entry);
    }
}

static void write_all(void *context)
{
    struct session *session = context;
    for (uint32_t i = 0; i < session->round->transactions; i++) {
        REQUIRE(history_has_room(&session->history, STEPS_MAX, STEPS_MAX * ROOM), "no room");
        write_once(session);
    }
    (void)atomic_fetch_sub(&session->round->writing, 1);
}

/* ---- Readers ---- */

/* Lets some moments pass, so that commits come between two reads of a snapshot. */
static void linger(struct round *round)
{
    uint64_t until = atomic_load(&round->now) + 12;
    for (int i = 0; i < 400 && atomic_load(&round->now) < until; i++) {
        if (atomic_load(&round->writing) == 0) {
            return;
        }
        qr_yield();
    }
}

static void read_once(struct session *session)
{
    struct round *round = session->round;
    quire_error err = QUIRE_ERROR_INIT;
    struct handles handles;
    uint32_t elements[ROOM], count;
    struct history_txn *entry =
        history_begin(&session->history, session->number, false, moment(round));
    MUST(quire_begin(round->db, QUIRE_READ, &handles.txn, &err));
    entry->view = quire_txn_sequence(handles.txn);
    entry->committed = true;
    bool slow = prng_one_in(&session->prng, 4);
    uint64_t reads = prng_below(&session->prng, STEPS_MAX - 1) + 1;
    /* Handles read pages too: a reader whose snapshot is gone may learn it here. */
    quire_status status = quire_tree_open(handles.txn, "lists", &handles.tree, &err);
    if (status == QUIRE_OK) {
        status = quire_keytree_open(handles.txn, "named", &handles.keys, &err);
        while (status == QUIRE_OK && reads-- > 0) {
            uint32_t key = pick_list(session);
            if (!read_list(round, &handles, key, elements, &count)) {
                break;
            }
            history_read(&session->history, key, elements, count);
            if (slow) {
                linger(round);
            }
        }
        if (status == QUIRE_OK) {
            quire_keytree_close(handles.keys);
        }
        quire_tree_close(handles.tree);
    }
    REQUIRE(status == QUIRE_OK ||
                (status == QUIRE_SNAPSHOT_TOO_OLD && round->policy == QUIRE_VERSIONS_EXPIRE),
            "a reader got %s: %s", quire_status_name(status), err.message);
    quire_rollback(handles.txn);
    atomic_store(&entry->acknowledged, moment(round));
}

static void read_all(void *context)
{
    struct session *session = context;
    for (uint32_t i = 0; i < session->round->transactions; i++) {
        REQUIRE(history_has_room(&session->history, STEPS_MAX, STEPS_MAX * ROOM), "no room");
        read_once(session);
    }
}

static void keep(void *context)
{
    struct session *session = context;
    quire_error err = QUIRE_ERROR_INIT;
    while (atomic_load(&session->round->writing) > 0) {
        MUST(quire_checkpoint(session->round->db, &err));
        linger(session->round);
    }
}

/* ---- A round ---- */

static void choose_options(struct prng *prng, struct round *round, quire_options *options)
{
    *options = (quire_options)QUIRE_OPTIONS_INIT;
    options->page_size = 1024U << prng_below(prng, 3);
    options->cache_bytes = (64 + prng_below(prng, 3) * 64) * (uint64_t)options->page_size;
    options->ingest_buffer_bytes = UINT64_C(1000) << prng_below(prng, 12);
    options->checkpoint = quire_checkpoint_frame_count(2U + (uint32_t)prng_below(prng, 60));
    options->wal_segment_bytes = prng_one_in(prng, 2) ? 65536 : 0;
    options->durability = prng_one_in(prng, 3) ? QUIRE_DURABILITY_OFF : QUIRE_DURABILITY_NORMAL;
    round->policy = QUIRE_VERSIONS_SPILL;
    if (prng_one_in(prng, 4)) {
        round->policy = prng_one_in(prng, 2) ? QUIRE_VERSIONS_EXPIRE : QUIRE_VERSIONS_REFUSE;
        options->versions_bytes_max = 8 * (uint64_t)options->page_size;
    }
    options->versions_policy = round->policy;
}

static void create_lists(struct round *round, struct prng *prng)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct handles handles;
    uint8_t bytes[300];
    MUST(quire_begin(round->db, QUIRE_WRITE, &handles.txn, &err));
    MUST(quire_tree_create(handles.txn, "lists", &err));
    MUST(quire_keytree_create(handles.txn, "named", &err));
    open_handles(&handles);
    for (int64_t i = 0; i < BALLAST; i++) {
        prng_fill(prng, bytes, sizeof bytes);
        MUST(quire_tree_put(handles.tree, i * 8 + 3, bytes, sizeof bytes, NULL, &err));
    }
    close_handles(&handles);
    MUST(quire_commit(handles.txn, &err));
}

/* One transaction more, which reads every list that ever was. */
static void read_everything(struct round *round, struct history *history)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct handles handles;
    uint32_t elements[ROOM], count;
    struct history_txn *entry =
        history_begin(history, WRITERS_MAX + READERS_MAX, false, moment(round));
    MUST(quire_begin(round->db, QUIRE_READ, &handles.txn, &err));
    entry->view = quire_txn_sequence(handles.txn);
    entry->committed = true;
    open_handles(&handles);
    for (uint32_t place = 0; place < LISTS; place++) {
        for (uint32_t turn = 0; turn <= atomic_load(&round->turn[place]); turn++) {
            uint32_t key = turn * LISTS + place;
            REQUIRE(read_list(round, &handles, key, elements, &count), "the last reader expired");
            history_read(history, key, elements, count);
        }
    }
    close_handles(&handles);
    quire_rollback(handles.txn);
}

static void judge(const struct history *history)
{
    struct history_verdict verdict;
    history_check_cycles(history, &verdict);
    REQUIRE(verdict.anomaly == NULL, "%s: %s", verdict.anomaly, verdict.text);
    history_check_numbers(history, &verdict);
    REQUIRE(verdict.anomaly == NULL, "%s: %s", verdict.anomaly, verdict.text);
}

static void create_history(struct history *history, size_t transactions)
{
    REQUIRE(history_create(history, transactions, transactions * STEPS_MAX,
                           transactions * STEPS_MAX * (ELEMENTS + 1)),
            "no memory");
}

static void run_threads(struct round *round, struct session *sessions, uint32_t writers,
                        uint32_t readers, uint64_t seed)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_thread threads[WRITERS_MAX + READERS_MAX + 1];
    uint32_t count = writers + readers + 1;
    atomic_store(&round->writing, writers);
    for (uint32_t i = 0; i < count; i++) {
        sessions[i].round = round;
        sessions[i].number = i;
        sessions[i].next_value = i << 24;
        prng_init(&sessions[i].prng, seed * 64 + i + 1);
        create_history(&sessions[i].history, i + 1 < count ? round->transactions : 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        void (*run)(void *) = i < writers ? write_all : i + 1 < count ? read_all : keep;
        MUST(qr_thread_start(&threads[i], run, &sessions[i], &err));
    }
    for (uint32_t i = 0; i < count; i++) {
        qr_thread_join(&threads[i]);
    }
    while (atomic_load(&round->outstanding) > 0) {
        qr_yield();
    }
}

struct plan {
    uint64_t seed;
    uint32_t transactions; /* of a round */
};

static void run_round(void *context, uint64_t unit, uint64_t *counts)
{
    const struct plan *plan = context;
    uint64_t seed = plan->seed + unit;
    quire_error err = QUIRE_ERROR_INIT;
    struct session sessions[WRITERS_MAX + READERS_MAX + 1];
    struct round round = {0};
    struct temp_dir dir;
    struct prng prng;
    struct history all;
    quire_options options;
    char path[600];
    prng_init(&prng, seed);
    uint32_t writers = 1 + (uint32_t)prng_below(&prng, WRITERS_MAX);
    uint32_t readers = 1 + (uint32_t)prng_below(&prng, READERS_MAX);
    bool in_memory = prng_one_in(&prng, 2);
    choose_options(&prng, &round, &options);
    round.transactions = plan->transactions / (writers + readers);
    harness_case("round %llu: %u writers, %u readers, %s, pages of %u, cache of %llu",
                 (unsigned long long)seed, writers, readers, in_memory ? "memory" : "file",
                 options.page_size, (unsigned long long)options.cache_bytes);
    temp_dir_create(&dir);
    const char *name =
        in_memory ? ":memory:" : temp_dir_file(&dir, "history.quire", path, sizeof path);
    MUST(quire_open(name, &options, &round.db, &err));
    create_lists(&round, &prng);
    run_threads(&round, sessions, writers, readers, seed);
    if (!in_memory) {
        MUST(quire_close(round.db, &err));
        MUST(quire_open(name, &options, &round.db, &err));
    }
    struct history last;
    uint32_t lists = 0;
    for (uint32_t i = 0; i < LISTS; i++) {
        lists += atomic_load(&round.turn[i]) + 1;
    }
    REQUIRE(history_create(&last, 1, lists, (size_t)lists * ROOM), "no memory");
    read_everything(&round, &last);
    REQUIRE(history_create(
                &all, plan->transactions + 1, (size_t)plan->transactions * STEPS_MAX + lists,
                (size_t)plan->transactions * STEPS_MAX * (ELEMENTS + 1) + (size_t)lists * ROOM),
            "no memory");
    for (uint32_t i = 0; i < writers + readers + 1; i++) {
        history_merge(&all, &sessions[i].history);
        history_destroy(&sessions[i].history);
    }
    history_merge(&all, &last);
    MUST(quire_close(round.db, &err));
    temp_dir_remove(&dir);
    judge(&all);
    counts[0] += all.txn_count;
    counts[1] += atomic_load(&round.commits);
    counts[2] += atomic_load(&round.aborts);
    counts[3] += all.value_count;
    history_destroy(&last);
    history_destroy(&all);
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[160];
    harness_begin(&harness, "snapshot-histories", argc, argv);
    uint64_t cases = harness_cases(&harness, HARNESS_BRIEF ? 8000 : 60000, 2000000);
    struct plan plan = {harness.seed, HARNESS_SANITIZED ? 1000 : 3000};
    uint64_t rounds = harness_spread(&harness, 1, cases, run_round, &plan, counts);
    (void)snprintf(extra, sizeof extra, "commits=%llu aborts=%llu elements_read=%llu",
                   (unsigned long long)counts[1], (unsigned long long)counts[2],
                   (unsigned long long)counts[3]);
    harness_end(&harness, counts[0], rounds, extra);
    return 0;
}
