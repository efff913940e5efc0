#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"

#define AGAIN_IMAGES 24 /* of one recovery */

void image_run_init(struct image_run *run, const char *name, uint64_t seed)
{
    *run = (struct image_run){.name = name};
    run->options = (quire_options)QUIRE_OPTIONS_INIT;
    run->options.page_size = 1024;
    run->options.cache_bytes = UINT64_C(128) << 10;
    run->options.wal_segment_bytes = 16 << 10;
    run->options.readers_max = 4;
    run->options.checkpoint = quire_checkpoint_frame_count(30);
    run->options.sync_interval_ms = 1;
    prng_init(&run->chance, seed);
    run->world = (struct world){
        .seed = prng_next(&run->chance), .tracks = 1, .slots = 16, .body_bytes_max = 2500};
    run->files = faulty_layer_create();
    (void)pthread_mutex_init(&run->observing, NULL);
    run->last_low = UINT32_MAX;
}

void image_run_destroy(struct image_run *run)
{
    (void)pthread_mutex_destroy(&run->observing);
    faulty_layer_destroy(run->files);
}

/* ---- Verifying ---- */

static unsigned commit_of(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    const void *payload;
    size_t size;
    bool found;
    unsigned number = 0;
    if (quire_tree_open(txn, "commit", &tree, NULL) != QUIRE_OK) {
        return 0;
    }
    MUST(quire_tree_find(tree, 1, &payload, &size, &found, &err));
    REQUIRE(found && size == sizeof number, "no commit number");
    memcpy(&number, payload, sizeof number);
    quire_tree_close(tree);
    return number;
}

static void put_number(quire_txn *txn, const char *name, int64_t row, unsigned number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    if (quire_tree_open(txn, name, &tree, NULL) != QUIRE_OK) {
        MUST(quire_tree_create(txn, name, &err));
        MUST(quire_tree_open(txn, name, &tree, &err));
    }
    MUST(quire_tree_put(tree, row, &number, sizeof number, NULL, &err));
    quire_tree_close(tree);
}

unsigned image_verify_state(struct image_run *run, quire_db *db, unsigned low, unsigned high)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    unsigned number = commit_of(txn);
    REQUIRE(number >= low && number <= high, "%s: the image holds commit %u, not %u to %u",
            run->name, number, low, high);
    REQUIRE(audit_digest(txn) == run->digests[number],
            "%s: the image holds commit %u, but not as it was", run->name, number);
    MUST(quire_commit(txn, &err));
    return number;
}

/* Three commits, a checkpoint, a close, and everything there afterwards. */
static void work_on(struct image_run *run, quire_db *db, struct qr_file_layer *files,
                    const quire_options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    uint64_t digest = 0;
    for (unsigned i = 0; i < 3; i++) {
        MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
        put_number(txn, "after", i, i + 10);
        digest = audit_digest(txn);
        MUST(quire_commit(txn, &err));
    }
    MUST(quire_close(db, &err));
    MUST(qr_db_open_with("db", options, files, true, &db, &err));
    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    REQUIRE(audit_digest(txn) == digest, "%s: commits after the recovery are not there", run->name);
    MUST(quire_commit(txn, &err));
    audit_structure(db);
    MUST(quire_close(db, &err));
}

/* Who only reads finds, without writing, the commit that a recovery would find. */
static unsigned read_only(struct image_run *run, struct qr_file_layer *files, unsigned low,
                          unsigned high)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = run->options;
    quire_db *db;
    options.mode = QUIRE_OPEN_READ_ONLY;
    MUST(qr_db_open_with("db", &options, files, true, &db, &err));
    unsigned number = image_verify_state(run, db, low, high);
    MUST(quire_close(db, &err));
    return number;
}

void image_verify(struct image_run *run, struct qr_file_layer *files, unsigned low, unsigned high)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = run->options;
    unsigned work = run->depth.work > 0 ? run->depth.work : 1;
    bool works = run->images % work == 0;
    quire_db *db;
    if (low > 0 && run->images % work == work / 2) {
        low = high = read_only(run, files, low, high);
    }
    options.durability = QUIRE_DURABILITY_FULL;
    MUST(qr_db_open_with("db", &options, files, true, &db, &err));
    (void)image_verify_state(run, db, low, high);
    audit_structure(db);
    if (works) {
        work_on(run, db, files, &options);
    } else {
        MUST(quire_close(db, &err));
    }
    if (run->verify_more != NULL) {
        run->verify_more(run, files);
    }
    qr_file_layer_memory_destroy(files);
    run->images++;
}

/* ---- Crashing again inside a recovery ---- */

struct again {
    struct faulty_layer *files;
    struct faulty_cut cuts[AGAIN_IMAGES];
    struct qr_file_layer *images[AGAIN_IMAGES];
    struct faulty_layer *deeper; /* one of them to crash in again, or NULL */
    unsigned count, calls, stride, deeper_at;
    struct prng chance;
};

static void take_again(void *context, const struct faulty_record *record)
{
    static const enum faulty_survival survivals[] = {FAULTY_KEEP_RANDOM, FAULTY_LOSE_ALL,
                                                     FAULTY_KEEP_ALL, FAULTY_KEEP_FIRST};
    struct again *again = context;
    (void)record;
    if (again->calls++ % again->stride != 0 || again->count == AGAIN_IMAGES) {
        return;
    }
    struct prng *chance = &again->chance;
    size_t changes = faulty_layer_changes(again->files, NULL, 0);
    struct faulty_cut cut = {.survival = survivals[prng_below(chance, 4)],
                             .mask = prng_below(chance, changes + 1),
                             .tear = prng_one_in(chance, 2) ? FAULTY_TEAR_RANDOM : FAULTY_TEAR_NONE,
                             .garbage = prng_one_in(chance, 3),
                             .seed = prng_next(chance)};
    if (again->count == again->deeper_at) {
        again->deeper = faulty_layer_power_cut_again(again->files, &cut);
    }
    again->images[again->count++] = faulty_layer_power_cut(again->files, &cut);
}

/* Recovers, crashes inside that at several calls, and verifies what those leave; takes `crashed`.
 * The closing checkpoint is looked at with it. */
static void verify_again(struct image_run *run, struct faulty_layer *crashed, unsigned low,
                         unsigned high, uint64_t seed, unsigned depth)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct again again = {
        .files = crashed, .stride = 1 + (unsigned)(seed % 3), .deeper_at = UINT_MAX};
    quire_options options = run->options;
    quire_db *db;
    options.durability = QUIRE_DURABILITY_FULL;
    prng_init(&again.chance, seed);
    if (depth < 3 && prng_one_in(&again.chance, run->depth.deeper)) {
        again.deeper_at = (unsigned)prng_below(&again.chance, 4);
    }
    faulty_layer_observe(crashed, FAULTY_CHANGES, take_again, &again);
    MUST(qr_db_open_with("db", &options, faulty_layer_files(crashed), true, &db, &err));
    /* Whichever state the first recovery found, the second must find it too. */
    unsigned number = image_verify_state(run, db, low, high);
    MUST(quire_close(db, &err));
    faulty_layer_observe(crashed, FAULTY_CHANGES, NULL, NULL);
    for (unsigned i = 0; i < again.count; i++) {
        image_verify(run, again.images[i], number, number);
    }
    *(depth == 2 ? &run->images_again : &run->images_deeper) += again.count;
    faulty_layer_destroy(crashed);
    if (again.deeper != NULL) {
        verify_again(run, again.deeper, number, number, prng_next(&again.chance), depth + 1);
    }
}

/* ---- The cuts of one boundary ---- */

struct cuts {
    struct faulty_cut *cuts;
    unsigned count, capacity;
};

struct boundary {
    struct image_run *run;
    const struct cuts *cuts;
    unsigned low, high;
};

static void add_cut(struct cuts *cuts, struct faulty_cut cut)
{
    if (cuts->count == cuts->capacity) {
        cuts->capacity = cuts->capacity == 0 ? 64 : cuts->capacity * 2;
        cuts->cuts = realloc(cuts->cuts, cuts->capacity * sizeof *cuts->cuts);
        REQUIRE(cuts->cuts != NULL, "out of memory");
    }
    cuts->cuts[cuts->count++] = cut;
}

static void add_mask(struct cuts *cuts, uint64_t mask)
{
    add_cut(cuts, (struct faulty_cut){.survival = FAULTY_KEEP_MASK, .mask = mask});
}

/* All subsets; those without the newest change alone when the boundary before had the rest. */
static void add_subsets(struct cuts *cuts, size_t changes, bool newest_only)
{
    uint64_t from = newest_only && changes > 0 ? UINT64_C(1) << (changes - 1) : 0;
    for (uint64_t mask = from; mask < UINT64_C(1) << changes; mask++) {
        add_mask(cuts, mask);
    }
}

/* None, all, each one lost, each one kept, every prefix, and some by chance. */
static void add_samples(struct cuts *cuts, size_t changes, unsigned samples, struct prng *chance)
{
    size_t each = samples < 24 && changes > samples / 3 ? samples / 3 : changes;
    add_cut(cuts, (struct faulty_cut){.survival = FAULTY_LOSE_ALL});
    add_cut(cuts, (struct faulty_cut){.survival = FAULTY_KEEP_ALL});
    for (size_t i = 0; i < each; i++) {
        uint64_t all = changes < 64 ? (UINT64_C(1) << changes) - 1 : UINT64_MAX;
        size_t at = each == changes ? i : prng_below(chance, changes);
        if (at < 64) {
            add_mask(cuts, all & ~(UINT64_C(1) << at));
            add_mask(cuts, UINT64_C(1) << at);
        }
        add_cut(cuts, (struct faulty_cut){.survival = FAULTY_KEEP_FIRST, .mask = at});
    }
    for (unsigned i = 0; i < samples; i++) {
        add_cut(cuts,
                (struct faulty_cut){.survival = FAULTY_KEEP_RANDOM, .seed = prng_next(chance)});
    }
}

/* The newest change torn at every sector: its start kept or its end, with all others or with the
 * earlier ones alone, which here are the same, or with none. */
static void add_every_tear(struct cuts *cuts, const struct faulty_change *newest, size_t changes)
{
    static const enum faulty_tear kinds[] = {FAULTY_TEAR_PREFIX, FAULTY_TEAR_SUFFIX};
    if (newest->kind != FAULTY_CHANGE_WRITE || changes > 64) {
        return;
    }
    uint64_t first = newest->offset / FAULTY_SECTOR;
    uint64_t sectors = (newest->offset + newest->size - 1) / FAULTY_SECTOR - first + 1;
    for (uint64_t at = 1; at < sectors; at++) {
        for (unsigned i = 0; i < 4; i++) {
            add_cut(cuts,
                    (struct faulty_cut){.survival = FAULTY_KEEP_MASK,
                                        .mask = i < 2 ? UINT64_MAX : UINT64_C(1) << (changes - 1),
                                        .tear = kinds[i % 2],
                                        .tear_sectors = at,
                                        .tear_change = changes});
        }
    }
}

static void add_torn(struct cuts *cuts, size_t changes, unsigned torn, struct prng *chance)
{
    for (unsigned i = 0; i < torn && changes > 0; i++) {
        size_t newest = changes - prng_below(chance, changes < 3 ? changes : 3);
        add_cut(cuts,
                (struct faulty_cut){.survival = i % 3 == 2 ? FAULTY_KEEP_FIRST : FAULTY_KEEP_ALL,
                                    .mask = newest,
                                    .tear = i % 2 == 0 ? FAULTY_TEAR_PREFIX : FAULTY_TEAR_SUFFIX,
                                    .tear_sectors = 1 + prng_below(chance, 6),
                                    .tear_change = newest});
    }
}

static void add_garbage(struct cuts *cuts, unsigned garbage, struct prng *chance)
{
    for (unsigned i = 0; i < garbage; i++) {
        add_cut(cuts, (struct faulty_cut){.survival = FAULTY_KEEP_RANDOM,
                                          .tear = FAULTY_TEAR_RANDOM,
                                          .garbage = true,
                                          .names_ordered = i % 2 == 0,
                                          .seed = prng_next(chance)});
    }
}

static void *open_images(void *context)
{
    struct boundary *boundary = context;
    struct image_run *run = boundary->run;
    for (unsigned at = 0; at < boundary->cuts->count; at++) {
        const struct faulty_cut *cut = &boundary->cuts->cuts[at];
        image_verify(run, faulty_layer_power_cut(run->files, cut), boundary->low, boundary->high);
        if (run->depth.again != 0 && (run->boundaries * 7 + at) % run->depth.again == 0) {
            verify_again(run, faulty_layer_power_cut_again(run->files, cut), boundary->low,
                         boundary->high, run->boundaries + at, 2);
        }
    }
    return NULL;
}

static void choose_cuts(struct image_run *run, struct cuts *cuts, unsigned low)
{
    const struct image_depth *depth = &run->depth;
    struct faulty_change *list = NULL;
    size_t changes = faulty_layer_changes(run->files, NULL, 0);
    bool grew = changes > 0 && changes == run->last_changes + 1 && low == run->last_low;
    if (changes <= depth->exhaustive) {
        add_subsets(cuts, changes, grew);
        run->complete++;
    } else {
        add_samples(cuts, changes, depth->sampled, &run->chance);
    }
    if (depth->torn == UINT_MAX && grew) {
        list = calloc(changes, sizeof *list);
        REQUIRE(list != NULL, "out of memory");
        if (faulty_layer_changes(run->files, list, changes) == changes) {
            add_every_tear(cuts, &list[changes - 1], changes);
        }
        free(list);
    } else if (depth->torn != UINT_MAX) {
        add_torn(cuts, changes, depth->torn, &run->chance);
    }
    add_garbage(cuts, changes > 0 ? depth->garbage : 0, &run->chance);
    run->changes_max = changes > run->changes_max ? changes : run->changes_max;
    run->last_changes = changes;
    run->last_low = low;
}

static void observe(void *context, const struct faulty_record *record)
{
    struct image_run *run = context;
    struct cuts cuts = {0};
    pthread_t thread;
    if (strcmp(record->path, FAULTY_TEMPORARY) == 0) {
        return; /* no crash leaves anything of it */
    }
    (void)pthread_mutex_lock(&run->observing);
    struct boundary boundary = {.run = run, .cuts = &cuts};
    boundary.low = atomic_load(run->unsynced ? &run->floor : &run->acknowledged);
    boundary.high = atomic_load(&run->started);
    harness_case("%s, boundary %llu: %zu unsynced changes, commits %u to %u", run->name,
                 (unsigned long long)run->boundaries, faulty_layer_changes(run->files, NULL, 0),
                 boundary.low, boundary.high);
    if (run->depth.stride == 0 || run->boundaries % run->depth.stride == 0) {
        choose_cuts(run, &cuts, boundary.low);
    }
    REQUIRE(cuts.count == 0 || pthread_create(&thread, NULL, open_images, &boundary) == 0,
            "no thread");
    if (cuts.count > 0) {
        (void)pthread_join(thread, NULL);
    }
    free(cuts.cuts);
    run->boundaries++;
    (void)pthread_mutex_unlock(&run->observing);
}

void image_watch(struct image_run *run, bool on)
{
    faulty_layer_observe(run->files, FAULTY_CHANGES, on ? observe : NULL, run);
}

/* ---- The workload's side ---- */

void image_open(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(
        qr_db_open_with("db", &run->options, faulty_layer_files(run->files), true, &run->db, &err));
    if (run->digests[0] == 0) {
        quire_txn *txn;
        MUST(quire_begin(run->db, QUIRE_READ, &txn, &err));
        run->digests[0] = audit_digest(txn);
        MUST(quire_commit(txn, &err));
    }
}

void image_close(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_close(run->db, &err));
    run->db = NULL;
    atomic_store(&run->floor, atomic_load(&run->acknowledged));
}

void image_kill(struct image_run *run)
{
    struct faulty_plan plan = {.kinds = FAULTY_CHANGES, .forever = true};
    faulty_layer_fail(run->files, &plan);
    (void)quire_close(run->db, NULL);
    faulty_layer_heal(run->files);
    run->db = NULL;
}

void image_checkpoint(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number = atomic_load(&run->acknowledged);
    MUST(quire_checkpoint(run->db, &err));
    atomic_store(&run->floor, number);
}

/* A transaction ready to commit, numbered: begun writers are alone. */
static quire_status prepare(struct image_run *run, image_change change, quire_txn **txn,
                            unsigned *number, quire_error *err)
{
    QR_TRY(quire_begin(run->db, QUIRE_WRITE, txn, err));
    *number = atomic_load(&run->started) + 1;
    REQUIRE(*number < IMAGE_STATES_MAX, "too many commits");
    change(run, *txn);
    put_number(*txn, "commit", 1, *number);
    run->digests[*number] = audit_digest(*txn);
    atomic_store(&run->started, *number);
    return QUIRE_OK;
}

/* Begins a transaction again that has been prepared, without looking at what it does. */
static void repeat(struct image_run *run, image_change change, quire_txn **txn, unsigned number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_rollback(*txn);
    atomic_store(&run->started, number - 1); /* as the change saw it */
    MUST(quire_begin(run->db, QUIRE_WRITE, txn, &err));
    change(run, *txn);
    put_number(*txn, "commit", 1, number);
    atomic_store(&run->started, number);
}

static void acknowledge(struct image_run *run, unsigned number)
{
    unsigned before = atomic_load(&run->acknowledged);
    while (before < number && !atomic_compare_exchange_weak(&run->acknowledged, &before, number)) {
    }
}

void image_commit_unread(struct image_run *run, image_change change)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number;
    quire_txn *txn;
    MUST(prepare(run, change, &txn, &number, &err));
    repeat(run, change, &txn, number);
    MUST(quire_commit(txn, &err));
    acknowledge(run, number);
}

quire_status image_try_commit(struct image_run *run, image_change change)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number;
    quire_txn *txn;
    QR_TRY(prepare(run, change, &txn, &number, &err));
    quire_status status = quire_commit(txn, &err);
    if (status == QUIRE_OK) {
        acknowledge(run, number);
    }
    return status;
}

struct posted {
    struct image_run *run;
    unsigned number;
};

static void know_outcome(void *context, uint64_t sequence, quire_status status,
                         const quire_error *error)
{
    struct posted *posted = context;
    (void)sequence;
    REQUIRE(status == QUIRE_OK, "%s: a commit gave %s", posted->run->name, error->message);
    acknowledge(posted->run, posted->number);
    free(posted);
}

void image_post(struct image_run *run, image_change change)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    struct posted *posted = malloc(sizeof *posted);
    REQUIRE(posted != NULL, "out of memory");
    posted->run = run;
    MUST(prepare(run, change, &txn, &posted->number, &err));
    MUST(quire_commit_async(txn, know_outcome, posted, &err));
}

void image_commit(struct image_run *run, image_change change)
{
    quire_status status = image_try_commit(run, change);
    REQUIRE(status == QUIRE_OK, "%s: a commit gave %s", run->name, quire_status_name(status));
}

void image_world(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(world_apply(&run->world, txn, 0, &run->track, &err));
    world_step(&run->world, 0, &run->track);
    struct world_track copy = run->track;
    world_verify(&run->world, txn, &copy);
}

void image_create_world(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(world_create(txn, &err));
}
