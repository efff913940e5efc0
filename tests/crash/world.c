#include "world.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "support/prng.h"

#define TOTAL_ROW      1000
#define NAME_MAX_BYTES 400U
#define BODY_MAX_BYTES (UINT32_C(256) << 10)

/* What one slot holds at one version. */
struct content {
    char name[NAME_MAX_BYTES];
    quire_value values[3];
    uint8_t body[BODY_MAX_BYTES];
};

struct change {
    uint32_t slot;
    bool removes;
};

#define CHANGES_MAX (WORLD_SLOTS_MAX + 8U)

static uint64_t mix(uint64_t a, uint64_t b)
{
    struct prng prng;
    prng_init(&prng, a ^ (b * UINT64_C(0x9E3779B97F4A7C15)));
    return prng_next(&prng);
}

/* The changes of a track's n-th transaction: mostly a few, sometimes most of its rows. */
static uint32_t plan(const struct world *world, uint32_t track, uint64_t n, struct change *changes)
{
    struct prng prng;
    prng_init(&prng, mix(mix(world->seed, track), n));
    uint32_t count = 1 + (uint32_t)prng_below(&prng, 6);
    if (prng_one_in(&prng, 12)) {
        count = world->slots;
    }
    bool sweeps = prng_one_in(&prng, 15);
    for (uint32_t i = 0; i < count; i++) {
        changes[i].slot = (uint32_t)prng_below(&prng, world->slots);
        changes[i].removes = sweeps || prng_one_in(&prng, 4);
    }
    return count;
}

static int64_t rowid_of(uint32_t track, uint32_t slot)
{
    return (int64_t)track * 1000 + slot + 1;
}

static void fill_content(const struct world *world, uint32_t track, uint32_t slot, uint64_t version,
                         struct content *content)
{
    struct prng prng;
    prng_init(&prng, mix(mix(world->seed + 1, (uint64_t)rowid_of(track, slot)), version));
    int width = prng_one_in(&prng, 7) ? 330 : 8; /* too long to be stored whole in an index */
    (void)snprintf(content->name, sizeof content->name, "%0*u-%u-%llu", width, (unsigned)track,
                   (unsigned)slot, (unsigned long long)version);
    content->values[0] = quire_text(content->name);
    int64_t age = (int64_t)prng_below(&prng, 7);
    content->values[1] = age == 6 ? quire_null() : quire_int(age);
    uint64_t size = prng_below(&prng, 60);
    if (prng_one_in(&prng, 5)) {
        size = prng_below(&prng, (uint64_t)world->body_bytes_max + 1);
    }
    size = size < BODY_MAX_BYTES ? size : BODY_MAX_BYTES;
    prng_fill(&prng, content->body, (size_t)size);
    content->values[2] = quire_blob(content->body, (size_t)size);
}

/* ---- Making ---- */

quire_status world_create(quire_txn *txn, quire_error *err)
{
    static const quire_column columns[] = {
        {"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}, {"body", QUIRE_BLOB, false}};
    static const quire_index_column by_name = {.name = "name"};
    static const quire_index_column rest = {.expression = "age % 10", .descending = true};
    static const char *const age[] = {"age"};
    static const quire_index_column by_age = {.name = "age"};
    static const quire_index_def indexes[] = {
        {.name = "name_btree",
         .unique = true,
         .columns = &by_name,
         .column_count = 1,
         .included = age,
         .included_count = 1},
        {.name = "name_hash",
         .kind = QUIRE_INDEX_HASH,
         .unique = true,
         .columns = &by_name,
         .column_count = 1},
        {.name = "age_partial",
         .columns = &rest,
         .column_count = 1,
         .included = age,
         .included_count = 1,
         .where = "age > 50 or length(body) < 300"},
        {.name = "age_btree", .columns = &by_age, .column_count = 1},
        {.name = "age_hash", .kind = QUIRE_INDEX_HASH, .columns = &by_age, .column_count = 1},
    };
    QR_TRY(quire_tree_create(txn, "progress", err));
    QR_TRY(quire_table_create(txn, "rows", columns, 3, err));
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        QR_TRY(quire_index_create(txn, "rows", &indexes[i], err));
    }
    return QUIRE_OK;
}

bool world_exists(quire_txn *txn)
{
    quire_tree *tree;
    if (quire_tree_open(txn, "progress", &tree, NULL) != QUIRE_OK) {
        return false;
    }
    quire_tree_close(tree);
    return true;
}

void world_step(const struct world *world, uint32_t track, struct world_track *state)
{
    struct change changes[CHANGES_MAX];
    uint64_t n = ++state->done;
    uint32_t count = plan(world, track, n, changes);
    for (uint32_t i = 0; i < count; i++) {
        state->versions[changes[i].slot] = changes[i].removes ? 0 : n;
    }
}

/* ---- Doing ---- */

static quire_status read_number(quire_tree *tree, int64_t row, uint64_t *number, quire_error *err)
{
    const void *payload;
    size_t size;
    bool found;
    *number = 0;
    QR_TRY(quire_tree_find(tree, row, &payload, &size, &found, err));
    if (found) {
        REQUIRE(size == sizeof *number, "a number of %zu bytes", size);
        memcpy(number, payload, sizeof *number);
    }
    return QUIRE_OK;
}

static quire_status count_up(quire_txn *txn, uint32_t track, uint64_t n, quire_error *err)
{
    quire_tree *tree;
    uint64_t number = 0;
    QR_TRY(quire_tree_open(txn, "progress", &tree, err));
    quire_status status = read_number(tree, TOTAL_ROW, &number, err);
    number++;
    if (status == QUIRE_OK) {
        status = quire_tree_put(tree, TOTAL_ROW, &number, sizeof number, NULL, err);
    }
    if (status == QUIRE_OK) {
        status = quire_tree_put(tree, 1 + (int64_t)track, &n, sizeof n, NULL, err);
    }
    quire_tree_close(tree);
    return status;
}

static quire_status change_row(const struct world *world, quire_table *table, uint32_t track,
                               const struct change *change, uint64_t n, uint64_t *version,
                               quire_error *err)
{
    static const size_t content_size = sizeof(struct content);
    int64_t rowid = rowid_of(track, change->slot);
    bool found = true;
    if (change->removes) {
        QR_TRY(quire_table_delete(table, rowid, &found, err));
        REQUIRE(found == (*version != 0), "deleting row %lld", (long long)rowid);
        *version = 0;
        return QUIRE_OK;
    }
    struct content *content = qr_alloc(qr_allocator_default(), content_size, err);
    REQUIRE(content != NULL, "out of memory");
    fill_content(world, track, change->slot, n, content);
    quire_status status;
    if (*version == 0) {
        status = quire_table_insert(table, &rowid, content->values, 3, err);
    } else {
        status = quire_table_update(table, rowid, content->values, 3, &found, err);
        REQUIRE(status != QUIRE_OK || found, "updating row %lld", (long long)rowid);
    }
    qr_free(qr_allocator_default(), content, content_size);
    *version = n;
    return status;
}

quire_status world_apply(const struct world *world, quire_txn *txn, uint32_t track,
                         const struct world_track *state, quire_error *err)
{
    struct change changes[CHANGES_MAX];
    struct world_track now = *state;
    uint64_t n = state->done + 1;
    uint32_t count = plan(world, track, n, changes);
    quire_table *table;
    quire_status status = QUIRE_OK;
    QR_TRY(quire_table_open(txn, "rows", &table, err));
    for (uint32_t i = 0; i < count && status == QUIRE_OK; i++) {
        uint64_t *version = &now.versions[changes[i].slot];
        status = change_row(world, table, track, &changes[i], n, version, err);
    }
    quire_table_close(table);
    return status == QUIRE_OK ? count_up(txn, track, n, err) : status;
}

quire_status world_commit(const struct world *world, quire_db *db, uint32_t track,
                          struct world_track *state, quire_error *err)
{
    quire_txn *txn;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = world_apply(world, txn, track, state, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    world_step(world, track, state);
    return quire_commit(txn, err);
}

/* ---- Verifying ---- */

void world_progress(const struct world *world, quire_txn *txn, uint64_t *done)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    uint64_t total = 0;
    uint64_t sum = 0;
    MUST(quire_tree_open(txn, "progress", &tree, &err));
    for (uint32_t track = 0; track < world->tracks; track++) {
        MUST(read_number(tree, 1 + (int64_t)track, &done[track], &err));
        sum += done[track];
    }
    MUST(read_number(tree, TOTAL_ROW, &total, &err));
    quire_tree_close(tree);
    REQUIRE(sum == total, "the tracks did %llu transactions, the total says %llu",
            (unsigned long long)sum, (unsigned long long)total);
}

static void verify_slot(const struct world *world, quire_table *table, uint32_t track,
                        uint32_t slot, uint64_t version, struct content *content)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t rowid = rowid_of(track, slot);
    const void *record;
    size_t size;
    bool found;
    MUST(quire_table_get(table, rowid, &record, &size, &found, &err));
    REQUIRE(found == (version != 0), "row %lld %s", (long long)rowid,
            found ? "should be gone" : "is missing");
    if (!found) {
        return;
    }
    fill_content(world, track, slot, version, content);
    for (uint32_t i = 0; i < 3; i++) {
        quire_value value;
        MUST(quire_record_column(record, size, i, &value, &err));
        REQUIRE(quire_value_compare(&value, &content->values[i]) == 0,
                "column %u of row %lld is not what transaction %llu wrote", (unsigned)i,
                (long long)rowid, (unsigned long long)version);
    }
}

void world_verify(const struct world *world, quire_txn *txn, struct world_track *states)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t done[WORLD_TRACKS_MAX];
    uint64_t wanted = 0;
    uint64_t rows = 0;
    quire_table *table;
    struct content *content = qr_alloc(qr_allocator_default(), sizeof *content, &err);
    REQUIRE(content != NULL, "out of memory");
    world_progress(world, txn, done);
    MUST(quire_table_open(txn, "rows", &table, &err));
    for (uint32_t track = 0; track < world->tracks; track++) {
        struct world_track *state = &states[track];
        REQUIRE(state->done <= done[track], "track %u is at %llu, not %llu", (unsigned)track,
                (unsigned long long)done[track], (unsigned long long)state->done);
        while (state->done < done[track]) {
            world_step(world, track, state);
        }
        for (uint32_t slot = 0; slot < world->slots; slot++) {
            verify_slot(world, table, track, slot, state->versions[slot], content);
            wanted += state->versions[slot] != 0;
        }
    }
    MUST(quire_table_row_count(table, &rows, &err));
    REQUIRE(rows == wanted, "%llu rows, not %llu", (unsigned long long)rows,
            (unsigned long long)wanted);
    quire_table_close(table);
    qr_free(qr_allocator_default(), content, sizeof *content);
}
