/*
 * Killing a process that writes. A child commits from several threads and says
 * on a pipe what was acknowledged; the parent kills it at some microsecond,
 * sometimes while it recovers, opens what is left and looks: every acknowledged
 * commit is there, at most the ones in flight besides, each whole, all indexes
 * and trees sound. The same database goes on through many lives, opened each
 * time with other options, and begins anew now and then.
 *
 * Modes: "kill" (the system keeps what was written) and "power" (it keeps what
 * was synced, over the delayed layer).
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "harness.h"
#include "support/delayed_layer.h"
#include "support/prng.h"
#include "support/temp_dir.h"
#include "world.h"

#define LIVES_MAX 12 /* of one database */

/* What the child says: READY once open, then the number of each acknowledged commit. */
#define READY UINT32_MAX

struct message {
    uint32_t track;
    uint32_t number;
};

/* One database over its lives. */
struct saga {
    const struct harness *harness;
    bool power;
    uint64_t seed;
    struct prng chance;
    char path[600];
    uint32_t page_size, segment_bytes;
    struct world world;
    struct world_track states[WORLD_TRACKS_MAX]; /* as last verified */
    uint64_t acknowledged[WORLD_TRACKS_MAX];
    unsigned lives; /* since the last verification: each may have had one commit in flight */
    uint64_t commits, in_recovery;
};

static quire_options random_options(struct saga *saga)
{
    static const uint64_t caches[] = {64, 100, 300, 3000};
    struct prng *chance = &saga->chance;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = saga->page_size;
    options.wal_segment_bytes = saga->segment_bytes;
    options.cache_bytes = caches[prng_below(chance, 4)] * saga->page_size;
    options.wal_bytes_max = UINT64_C(1) << (15 + prng_below(chance, 6));
    options.readers_max = 8;
    /* What is written survives the process, synced or not. */
    if (!saga->power && prng_one_in(chance, 2)) {
        options.durability = QUIRE_DURABILITY_NORMAL;
    }
    options.checkpoint = quire_checkpoint_frame_count(10 + (uint32_t)prng_below(chance, 400));
    return options;
}

/* ---- The child ---- */

struct writer {
    const struct world *world;
    quire_db *db;
    uint32_t track;
    struct world_track state;
    uint64_t seed;
    int pipe;
};

static void say(int pipe, uint32_t track, uint64_t number)
{
    struct message message = {track, (uint32_t)number};
    if (write(pipe, &message, sizeof message) != (ssize_t)sizeof message) {
        _exit(3);
    }
}

/* Ends a life that the library refused: the parent prints what is said here. */
static _Noreturn void end_life(const char *what, const quire_error *err)
{
    (void)fprintf(stderr, "child: %s: %s: %s\n", what, quire_status_name(err->status),
                  err->message);
    _exit(4);
}

static void *write_on(void *context)
{
    struct writer *writer = context;
    quire_error err = QUIRE_ERROR_INIT;
    struct prng chance;
    prng_init(&chance, writer->seed);
    while (true) {
        if (world_commit(writer->world, writer->db, writer->track, &writer->state, &err) !=
            QUIRE_OK) {
            end_life("commit", &err);
        }
        say(writer->pipe, writer->track, writer->state.done);
        if (prng_one_in(&chance, 60) && quire_checkpoint(writer->db, &err) != QUIRE_OK) {
            end_life("checkpoint", &err);
        }
    }
    return NULL;
}

/* Makes the world if it is not there, and takes the model to where the database is. */
static void enter_world(struct saga *saga, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t done[WORLD_TRACKS_MAX];
    quire_txn *txn;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    if (!world_exists(txn)) {
        MUST(world_create(txn, &err));
    }
    world_progress(&saga->world, txn, done);
    MUST(quire_commit(txn, &err));
    for (uint32_t track = 0; track < saga->world.tracks; track++) {
        while (saga->states[track].done < done[track]) {
            world_step(&saga->world, track, &saga->states[track]);
        }
    }
}

static _Noreturn void live(struct saga *saga, const quire_options *options, int pipe)
{
    static struct writer writers[WORLD_TRACKS_MAX];
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    pthread_t thread;
    struct qr_file_layer *layer = saga->power ? delayed_layer_create() : qr_file_layer_posix();
    if (qr_db_open_with(saga->path, options, layer, false, &db, &err) != QUIRE_OK) {
        end_life("open", &err);
    }
    enter_world(saga, db);
    say(pipe, READY, 0);
    for (uint32_t track = 0; track < saga->world.tracks; track++) {
        writers[track] = (struct writer){.world = &saga->world,
                                         .db = db,
                                         .track = track,
                                         .state = saga->states[track],
                                         .seed = saga->seed + track,
                                         .pipe = pipe};
        if (pthread_create(&thread, NULL, write_on, &writers[track]) != 0) {
            _exit(5);
        }
    }
    while (true) {
        (void)pause();
    }
}

/* ---- The parent ---- */

/* Takes what the child says until it is ready, or with `all` until its end of the pipe is
 * closed. */
static bool listen_to(struct saga *saga, int pipe, bool all)
{
    struct message message;
    bool ready = false;
    while ((all || !ready) && read(pipe, &message, sizeof message) == (ssize_t)sizeof message) {
        if (message.track == READY) {
            ready = true;
        } else {
            saga->acknowledged[message.track] = message.number;
        }
    }
    return ready;
}

static void sleep_micros(uint64_t micros)
{
    struct timespec time = {.tv_sec = (time_t)(micros / 1000000),
                            .tv_nsec = (long)(micros % 1000000) * 1000};
    (void)nanosleep(&time, NULL);
}

/* One life: born, killed. With `early` the kill comes while the child opens the database. */
static void kill_once(struct saga *saga, bool early)
{
    int ends[2];
    quire_options options = random_options(saga);
    REQUIRE(pipe(ends) == 0, "no pipe");
    pid_t child = fork();
    REQUIRE(child >= 0, "no process");
    if (child == 0) {
        (void)close(ends[0]);
        live(saga, &options, ends[1]);
    }
    (void)close(ends[1]);
    bool ready = !early && listen_to(saga, ends[0], false);
    sleep_micros(prng_below(&saga->chance, early ? 3000 : 30000));
    (void)kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child, "the child is lost");
    REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
            "the child ended by itself, status %d", status);
    ready = listen_to(saga, ends[0], true) || ready;
    saga->in_recovery += !ready;
    saga->lives++;
    (void)close(ends[0]);
}

/* Reads the database as it was left and moves the model on. A world that is not there yet may not
 * have been acknowledged. */
static void verify_life(struct saga *saga, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = random_options(saga);
    quire_db *db;
    quire_txn *txn;
    MUST(quire_open(path, &options, &db, &err));
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    bool exists = world_exists(txn);
    for (uint32_t track = 0; track < saga->world.tracks; track++) {
        REQUIRE(exists || saga->acknowledged[track] == 0, "the database is empty");
    }
    if (exists) {
        uint64_t done[WORLD_TRACKS_MAX];
        world_progress(&saga->world, txn, done);
        for (uint32_t track = 0; track < saga->world.tracks; track++) {
            uint64_t low = saga->acknowledged[track];
            REQUIRE(done[track] >= low && done[track] <= low + saga->lives,
                    "track %u holds %llu commits, %llu were acknowledged", (unsigned)track,
                    (unsigned long long)done[track], (unsigned long long)low);
            saga->commits += done[track] - saga->states[track].done;
            saga->acknowledged[track] = done[track];
        }
        saga->lives = 0;
        world_verify(&saga->world, txn, saga->states);
        (void)audit_digest(txn);
    }
    MUST(quire_commit(txn, &err));
    audit_structure(db);
    MUST(quire_close(db, &err));
}

static void copy_file(const char *from, const char *to)
{
    char buffer[1 << 16];
    size_t got;
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        (void)remove(to);
        return;
    }
    FILE *out = fopen(to, "wb");
    REQUIRE(out != NULL, "cannot write %s", to);
    while ((got = fread(buffer, 1, sizeof buffer, in)) > 0) {
        REQUIRE(fwrite(buffer, 1, got, out) == got, "cannot write %s", to);
    }
    (void)fclose(in);
    REQUIRE(fclose(out) == 0, "cannot write %s", to);
}

/* A child that is killed while it recovers what the last one left; then, unverified, another. */
static uint64_t kill_in_recovery(struct saga *saga)
{
    uint64_t kills = 0;
    while (kills < 3 && prng_one_in(&saga->chance, 2)) {
        kill_once(saga, true);
        kills++;
    }
    return kills;
}

static void begin_saga(struct saga *saga, const struct temp_dir *dir, uint64_t seed)
{
    char log[640];
    *saga = (struct saga){.harness = saga->harness, .power = saga->power, .seed = seed};
    prng_init(&saga->chance, seed);
    (void)temp_dir_file(dir, "db", saga->path, sizeof saga->path);
    (void)snprintf(log, sizeof log, "%s-wal", saga->path);
    (void)remove(saga->path);
    (void)remove(log);
    saga->page_size = UINT32_C(1024) << prng_below(&saga->chance, 3);
    saga->segment_bytes = saga->page_size << (4 + prng_below(&saga->chance, 3));
    saga->world = (struct world){.seed = seed,
                                 .tracks = 1 + (uint32_t)prng_below(&saga->chance, 4),
                                 .slots = 30,
                                 .body_bytes_max = 5 * saga->page_size};
}

/* Opens what is left, or a copy of it, so that the next child finds it as the last one left it. */
static void verify(struct saga *saga, const struct temp_dir *dir)
{
    char copy[600];
    char copy_log[640];
    char log[640];
    if (prng_one_in(&saga->chance, 2)) {
        verify_life(saga, saga->path);
        return;
    }
    (void)temp_dir_file(dir, "copy", copy, sizeof copy);
    (void)snprintf(copy_log, sizeof copy_log, "%s-wal", copy);
    (void)snprintf(log, sizeof log, "%s-wal", saga->path);
    copy_file(saga->path, copy);
    copy_file(log, copy_log);
    verify_life(saga, copy);
}

/* ---- Readers in other processes ---- */

/* Copies what is committed, again and again, beside a child that writes and is killed. The files
 * may move on under a copy, which says so; one that succeeds holds a state that was committed. */
static _Noreturn void read_beside(const struct saga *saga)
{
    while (true) {
        struct world_track states[WORLD_TRACKS_MAX] = {{0}};
        uint64_t done[WORLD_TRACKS_MAX];
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db;
        quire_txn *txn;
        quire_status status = quire_open_copy(saga->path, NULL, &db, &err);
        if (status == QUIRE_OK) {
            MUST(quire_begin(db, QUIRE_READ, &txn, &err));
            if (world_exists(txn)) {
                world_progress(&saga->world, txn, done);
                world_verify(&saga->world, txn, states);
            }
            MUST(quire_commit(txn, &err));
            MUST(quire_close(db, &err));
        }
        REQUIRE(status == QUIRE_OK || status == QUIRE_SNAPSHOT_TOO_OLD || status == QUIRE_NO_FILE ||
                    status == QUIRE_NOT_A_DATABASE || status == QUIRE_LOG_MISSING ||
                    status == QUIRE_BUSY,
                "a reader beside the writer got %s: %s", quire_status_name(status), err.message);
    }
}

static pid_t start_reader(const struct saga *saga)
{
    pid_t reader = fork();
    REQUIRE(reader >= 0, "no process");
    if (reader == 0) {
        read_beside(saga);
    }
    return reader;
}

static void stop_reader(pid_t reader)
{
    int status = 0;
    (void)kill(reader, SIGKILL);
    REQUIRE(waitpid(reader, &status, 0) == reader, "the reader is lost");
    REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the reader ended, status %d",
            status);
}

/* ---- Sagas ---- */

enum { KILLS, COMMITS, IN_RECOVERY, BESIDE_READERS };

/* One database over its lives: a third of the sagas have a reader beside every life. */
static void run_saga(void *context, uint64_t unit, uint64_t *counts)
{
    const struct harness *harness = context;
    struct saga saga = {.harness = harness};
    struct temp_dir dir;
    saga.power = strcmp(harness->regime, "power-cuts") == 0;
    temp_dir_create(&dir);
    begin_saga(&saga, &dir, harness->seed + unit);
    bool reads = !saga.power && unit % 3 == 0;
    for (int i = 0; i < LIVES_MAX; i++) {
        harness_case("seed %llu, life %d, files in %s", (unsigned long long)saga.seed, i, dir.path);
        pid_t reader = reads && i > 0 ? start_reader(&saga) : 0;
        kill_once(&saga, false);
        counts[KILLS] += 1 + kill_in_recovery(&saga);
        if (reader > 0) {
            stop_reader(reader);
            counts[BESIDE_READERS]++;
        }
        verify(&saga, &dir);
    }
    counts[COMMITS] += saga.commits;
    counts[IN_RECOVERY] += saga.in_recovery;
    temp_dir_remove(&dir);
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[160];
    harness_begin(&harness, "process-kills", argc, argv);
    bool power = harness.mode != NULL && strcmp(harness.mode, "power") == 0;
    if (power) {
        harness.regime = "power-cuts";
    }
    uint64_t usual = power ? 300 : 1000;
    uint64_t wanted = harness_cases(&harness, HARNESS_BRIEF ? 60 : usual, 20000);
    (void)signal(SIGPIPE, SIG_IGN);
    uint64_t sagas = harness_spread(&harness, 1, wanted, run_saga, &harness, counts);
    (void)snprintf(extra, sizeof extra,
                   "before_ready=%llu beside_readers=%llu commits_verified=%llu",
                   (unsigned long long)counts[IN_RECOVERY],
                   (unsigned long long)counts[BESIDE_READERS], (unsigned long long)counts[COMMITS]);
    harness_end(&harness, counts[KILLS], sagas, extra);
    return 0;
}
