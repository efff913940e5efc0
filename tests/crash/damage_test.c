/*
 * Damage of every kind, to the files of a small database that holds something of
 * everything: closed cleanly, with all its work in the log, and with a log over a
 * file that a checkpoint has filled. Each damage is made alone; then the database
 * is opened, all of it is read, and it is inspected.
 *
 * Verdicts. Detected: a call, or an inspection, says so; what a call says an
 * inspector must say too. Benign: all reads give what they gave before. Anything
 * else is silent, and fails: but for damage to the newest group of the log, which
 * cannot be told from a write that a power cut tore, and may take that commit
 * back. Where the checksums are made good again behind the damage nothing more is
 * demanded than an end without harm. So it is for a page in the place of which an
 * older version of itself stands: no checksum tells, and it is only counted.
 *
 * Mode: a kind of damage.
 */
#define _DEFAULT_SOURCE /* syscall */

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "engine/inspect_internal.h"
#include "harness.h"
#include "memory.h"
#include "pager/page_format.h"
#include "support/faulty_layer.h"
#include "support/prng.h"
#include "wal/wal_internal.h"
#include "wal/wal_pack.h"

#define PAGE 1024U

struct bytes {
    uint8_t *bytes;
    size_t size, used; /* behind `used` all zero */
};

enum { DATABASE, LOG, FILES };

static const char *const names[FILES] = {"db", "db-wal"};

/* Files as they can be found, and what reading them gives. */
struct state {
    const char *name;
    struct bytes files[FILES];
    uint64_t answer, answer_before; /* of the newest commit, and of the one before it */
    uint64_t answer_oldest;         /* of the one before that */
};

enum { CLEAN, HOT, PARTLY, STATES };

struct session {
    const struct harness *harness;
    struct state states[STATES];
    unsigned thin; /* one damage in so many is made */
};

enum { CASES, DETECTED, BENIGN, TAKEN_BACK, STALE, STALE_SEEN, RESEALED };

static const struct memory_setting setting = {"damage", PAGE, 96, QUIRE_DURABILITY_FULL, false};

/* Who reads beside another process tries a damaged page again and again, and yields in between.
 * There is no such process here, and on a busy machine all these turns would be given away: this
 * stands in the place of the C library's. */
int sched_yield(void)
{
    static atomic_uint calls;
    return atomic_fetch_add(&calls, 1) % 4096 == 0 ? (int)syscall(SYS_sched_yield) : 0;
}

/* ---- Reading everything ---- */

/* The digest of what the reading scenarios tell; a failure of any is the result. */
static quire_status read_all(quire_db *db, uint64_t *answer, quire_error *err)
{
    struct memory_run run = {.setting = &setting};
    quire_txn *txn;
    QR_TRY(quire_begin(db, QUIRE_READ, &txn, err));
    quire_status status = QUIRE_OK;
    const struct memory_scenario *scenario;
    for (size_t i = 0; (scenario = memory_scenario(i)) != NULL && status == QUIRE_OK; i++) {
        if (scenario->read != NULL) {
            status = scenario->read(&run, txn, err);
        }
    }
    quire_rollback(txn);
    *answer = run.answer;
    return status;
}

/* The disk is memory: a page count that is damaged behind its checksum must not take it all. */
#define DISK_BYTES ((size_t)4 << 20)

static void *disk_realloc(void *context, void *bytes, size_t old_size, size_t new_size)
{
    const quire_allocator *plain = qr_allocator_default();
    (void)context;
    return new_size > DISK_BYTES ? NULL : plain->realloc(plain->context, bytes, old_size, new_size);
}

static void disk_free(void *context, void *bytes, size_t size)
{
    const quire_allocator *plain = qr_allocator_default();
    (void)context;
    plain->free(plain->context, bytes, size);
}

static const quire_allocator disk_allocator = {.realloc = disk_realloc, .free = disk_free};

static struct qr_file_layer *make_layer(const struct bytes *files)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *layer;
    MUST(qr_file_layer_memory_create(&disk_allocator, &layer, &err));
    for (int i = 0; i < FILES; i++) {
        struct qr_file *file;
        if (files[i].bytes != NULL) {
            MUST(
                layer->methods->open(layer, names[i], QR_OPEN_WRITE | QR_OPEN_CREATE, &file, &err));
            MUST(qr_file_write_one(file, files[i].bytes, files[i].size, 0, &err));
            file->methods->close(file);
        }
    }
    return layer;
}

static quire_status open_and_read(struct qr_file_layer *layer, quire_open_mode mode,
                                  uint64_t *answer, quire_error *err)
{
    quire_options options = memory_options(&setting, NULL);
    quire_db *db;
    options.mode = mode;
    QR_TRY(qr_db_open_with("db", &options, layer, true, &db, err));
    quire_status status = read_all(db, answer, err);
    quire_error ignored = QUIRE_ERROR_INIT;
    quire_status closed = quire_close(db, &ignored);
    return status == QUIRE_OK ? closed : status;
}

/* ---- Inspecting ---- */

static bool names_damage(quire_status status, quire_report *report)
{
    if (status != QUIRE_OK) {
        return true;
    }
    bool named = quire_report_severity(report) == QUIRE_SEVERITY_ERROR;
    quire_report_free(report);
    return named;
}

/* Whether one of the inspectors finds something wrong. They only read. */
static bool inspectors_name(struct qr_file_layer *layer)
{
    struct qr_inspect_place place = {
        .layer = layer, .allocator = qr_allocator_default(), .path = "db", .malloc_arena = false};
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report = NULL;
    quire_status status = qr_inspect_database(&place, &report, &err);
    if (names_damage(status, report)) {
        return true;
    }
    status = qr_inspect_wal(&place, &report, &err);
    if (names_damage(status, report)) {
        return true;
    }
    status = qr_inspect_indexes(&place, NULL, &report, &err);
    return names_damage(status, report);
}

/* ---- One damage ---- */

enum demand { EXACT, STALE_PAGE, NO_HARM };

/* Judges the damaged files. `groups` of the log may be touched: each may be taken back. */
static void judge(const struct state *state, const struct bytes *files, enum demand demand,
                  unsigned groups, uint64_t *counts)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *layer = make_layer(files);
    uint64_t answer = 0;
    /* First who only reads: the inspectors then see the files as they are. */
    quire_status status = open_and_read(layer, QUIRE_OPEN_READ_ONLY, &answer, &err);
    bool same = status == QUIRE_OK && answer == state->answer;
    bool back = status == QUIRE_OK && groups > 0 &&
                (answer == state->answer_before || (groups > 1 && answer == state->answer_oldest));
    counts[CASES]++;
    if (demand != EXACT) {
        bool named = inspectors_name(layer);
        counts[demand == NO_HARM ? RESEALED : STALE]++;
        counts[STALE_SEEN] += demand == STALE_PAGE && (status != QUIRE_OK || named);
    } else if (status != QUIRE_OK) {
        REQUIRE(inspectors_name(layer), "reading says %s: %s; the inspectors say nothing",
                quire_status_name(status), err.message);
        counts[DETECTED]++;
    } else if (same) {
        counts[BENIGN]++;
    } else if (back) {
        counts[TAKEN_BACK]++;
    } else {
        REQUIRE(inspectors_name(layer), "reading is silent and wrong");
        counts[DETECTED]++;
    }
    uint64_t repaired = 0;
    quire_status opened = open_and_read(layer, QUIRE_OPEN_READ_WRITE, &repaired, &err);
    REQUIRE(demand != EXACT || opened != QUIRE_OK || !same || repaired == state->answer,
            "a recovery is silent and wrong");
    qr_file_layer_memory_destroy(layer);
}

/* How many groups of the log a damage from `at` on may touch: one, or two at their border. */
static unsigned groups_at(int file, size_t at, size_t size)
{
    return file != LOG || at + size <= QR_LOG_SEGMENTS_BEGIN ? 0 : (size > 1 ? 2 : 1);
}

static void damage_byte(const struct state *state, int file, size_t at, uint8_t value,
                        uint64_t *counts)
{
    uint8_t *byte = &state->files[file].bytes[at];
    uint8_t before = *byte;
    if (value == before) {
        return;
    }
    harness_case("%s, %s, byte %zu becomes %02x", state->name, names[file], at, value);
    *byte = value;
    judge(state, state->files, EXACT, groups_at(file, at, 1), counts);
    *byte = before;
}

/* ---- Kinds ---- */

static bool is_taken(const struct session *session, size_t number)
{
    return number % session->thin == 0;
}

/* One byte in so many, by the seed others in each run; all with --long. The file of one state and
 * the log of another are much the same as those of the third. */
static size_t stride_of(const struct session *session, const struct state *state, int file)
{
    static const size_t strides[STATES][FILES] = {{9, 51}, {23, 9}, {39, 15}};
    return session->harness->longer ? 1 : strides[state - session->states][file];
}

/* One bit of every byte; all eight with --long. */
static void flip_bits(const struct session *session, const struct state *state, uint64_t seed,
                      uint64_t *counts)
{
    struct prng chance;
    prng_init(&chance, seed);
    for (int file = 0; file < FILES; file++) {
        for (size_t at = 0; at < state->files[file].size; at++) {
            unsigned bit = (unsigned)prng_below(&chance, 8);
            unsigned bits = session->harness->longer ? 8 : 1;
            bool unused = at >= state->files[file].used && at % 64 != 0;
            bool taken = !unused && (at + seed) % stride_of(session, state, file) == 0;
            for (unsigned i = 0; i < bits && taken && is_taken(session, at); i++) {
                uint8_t flipped = state->files[file].bytes[at] ^ (uint8_t)(1U << ((bit + i) % 8));
                damage_byte(state, file, at, flipped, counts);
            }
        }
    }
}

static void set_bytes(const struct session *session, const struct state *state, uint64_t seed,
                      uint64_t *counts)
{
    size_t stride = session->harness->longer ? 1 : 11;
    for (int file = 0; file < FILES; file++) {
        for (size_t at = seed % stride; at < state->files[file].size; at += stride) {
            bool taken = (at / stride + seed) % stride_of(session, state, file) == 0;
            if (at < state->files[file].used && taken && is_taken(session, at / stride)) {
                damage_byte(state, file, at, 0x00, counts);
                damage_byte(state, file, at, 0xFF, counts);
            }
        }
    }
}

/* Sectors and pages of zeros, pages in each other's place, frames twice. */
static void move_blocks(const struct session *session, const struct state *state, uint64_t seed,
                        uint64_t *counts)
{
    struct prng chance;
    prng_init(&chance, seed);
    for (int file = 0; file < FILES; file++) {
        const struct bytes *whole = &state->files[file];
        size_t sectors = whole->size / FAULTY_SECTOR;
        for (size_t i = 0; i < sectors * 4; i++) {
            size_t size = i % 4 < 2 ? FAULTY_SECTOR : PAGE;
            size_t at = i / 4 * FAULTY_SECTOR;
            size_t from = prng_below(&chance, sectors) * FAULTY_SECTOR;
            uint8_t before[PAGE];
            if (at + size > whole->size || from + size > whole->size || !is_taken(session, i)) {
                continue;
            }
            harness_case("%s, %s, %zu bytes at %zu: %s", state->name, names[file], size, at,
                         i % 2 == 0 ? "zeros" : "those of another place");
            memcpy(before, whole->bytes + at, size);
            if (i % 2 == 0) {
                memset(whole->bytes + at, 0, size);
            } else {
                memmove(whole->bytes + at, whole->bytes + from, size);
            }
            judge(state, state->files, EXACT, groups_at(file, at, size), counts);
            memcpy(whole->bytes + at, before, size);
        }
    }
}

static void cut_short(const struct session *session, const struct state *state, uint64_t seed,
                      uint64_t *counts)
{
    (void)seed;
    for (int file = 0; file < FILES; file++) {
        for (size_t i = 0; i * 256 < state->files[file].size; i++) {
            struct bytes files[FILES] = {state->files[0], state->files[1]};
            files[file].size = i * 256;
            if (is_taken(session, i)) {
                harness_case("%s, %s ends at %zu", state->name, names[file], i * 256);
                judge(state, files, EXACT, groups_at(file, state->files[file].size, 2), counts);
            }
        }
    }
}

static const uint16_t extremes[] = {0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x0100};

#define EXTREMES (sizeof extremes / sizeof *extremes)

/* Every two bytes of every page at extremes, under a good checksum. */
static void reseal(const struct session *session, const struct state *state, uint64_t seed,
                   uint64_t *counts)
{
    const struct bytes *whole = &state->files[DATABASE];
    uint8_t id[16];
    memcpy(id, whole->bytes + QR_HEADER_ID, sizeof id);
    size_t stride = (stride_of(session, state, DATABASE) + 2) / 3;
    for (uint32_t page = 0; page * PAGE < whole->size; page++) {
        uint8_t *bytes = whole->bytes + (size_t)page * PAGE;
        uint8_t before[PAGE];
        memcpy(before, bytes, PAGE);
        for (uint32_t at = 8; at + 2 <= PAGE; at += 2) {
            uint16_t value = extremes[(at / 2 + page + seed) % EXTREMES];
            bool taken = (at / 2 + page + seed) % stride == 0;
            if (!taken || !is_taken(session, at / 2 + page) || qr_load16(bytes + at) == value) {
                continue;
            }
            harness_case("%s, page %u, bytes %u and on become %04x, sealed", state->name,
                         (unsigned)page, (unsigned)at, value);
            qr_store16(bytes + at, value);
            qr_store64(bytes + QR_PAGE_CHECKSUM, qr_page_sum(bytes, PAGE, page, id));
            judge(state, state->files, NO_HARM, 0, counts);
            memcpy(bytes, before, PAGE);
        }
    }
}

/* ---- The log, sealed ---- */

/* A log whose checksums are made good again behind each damage. */
struct sealed_log {
    const struct session *session;
    const struct state *state;
    uint64_t *counts;
    struct qr_log_geometry geometry;
    uint64_t seed; /* of its checksums */
    uint8_t *log;
    uint8_t *before; /* of a segment's size */
    uint32_t segment, frames;
};

static uint8_t *frame_of(const struct sealed_log *sealed, uint32_t index)
{
    return sealed->log + qr_frame_offset(&sealed->geometry, sealed->segment, index);
}

/* The frames that belong to the segment's generation. */
static uint32_t count_frames(const struct sealed_log *sealed)
{
    const uint8_t *header = sealed->log + qr_segment_offset(&sealed->geometry, sealed->segment);
    uint32_t frames = 0;
    while (frames < sealed->geometry.frames &&
           qr_load32(frame_of(sealed, frames) + QR_FRAME_SALT) ==
               qr_load32(header + QR_SEGMENT_SALT)) {
        frames++;
    }
    return frames;
}

/* Makes the header of a pack tell of the records that are there. */
static void agree(uint8_t *pack)
{
    struct qr_pack_record record;
    uint32_t at = 0;
    uint16_t records = 0;
    uint64_t lsn = 0;
    while (qr_pack_next(pack, PAGE, &at, &record)) {
        lsn = record.lsn > lsn ? record.lsn : lsn;
        records++;
    }
    qr_store16(pack + QR_PACK_RECORDS, records);
    qr_store32(pack + QR_PACK_USED, at);
    qr_store64(pack + QR_WAL_PAGE_LSN, lsn);
}

/* The checksums of the segment's header, of all its frames, and of the page of one of them. */
static void seal_segment(const struct sealed_log *sealed, uint32_t damaged)
{
    uint8_t *header = sealed->log + qr_segment_offset(&sealed->geometry, sealed->segment);
    uint64_t chain = qr_hash64(header, QR_SEGMENT_CHECKSUM, sealed->seed);
    qr_store64(header + QR_SEGMENT_CHECKSUM, chain);
    for (uint32_t i = 0; i < sealed->frames; i++) {
        struct qr_frame frame;
        uint8_t *page = frame_of(sealed, i) + QR_FRAME_HEADER_SIZE;
        qr_frame_decode(frame_of(sealed, i), &frame);
        if (i == damaged) {
            uint64_t seed = frame.page_number == 0 ? 0 : sealed->seed ^ frame.page_number;
            qr_store64(page, qr_hash64(page + QR_WAL_PAGE_LSN, PAGE - QR_WAL_PAGE_LSN, seed));
        }
        chain = qr_frame_encode(&frame, page, chain, frame_of(sealed, i));
    }
}

/* Two bytes at `at` of the file, in the header of the segment or in a frame of it. */
static void damage_sealed(const struct sealed_log *sealed, size_t at, uint16_t value,
                          uint32_t frame, bool agreeing)
{
    uint8_t *segment = sealed->log + qr_segment_offset(&sealed->geometry, sealed->segment);
    if (qr_load16(sealed->log + at) == value) {
        return;
    }
    harness_case("%s, the log's bytes %zu and on become %04x, sealed%s", sealed->state->name, at,
                 value, agreeing ? ", the pack agrees" : "");
    memcpy(sealed->before, segment, sealed->geometry.segment_bytes);
    qr_store16(sealed->log + at, value);
    if (agreeing) {
        agree(frame_of(sealed, frame) + QR_FRAME_HEADER_SIZE);
    }
    seal_segment(sealed, frame);
    judge(sealed->state, sealed->state->files, NO_HARM, 0, sealed->counts);
    memcpy(segment, sealed->before, sealed->geometry.segment_bytes);
}

/* Headers and packs at all extremes, other pages at one each. */
static void reseal_frame(const struct sealed_log *sealed, uint32_t index, uint64_t seed)
{
    const uint8_t *frame = frame_of(sealed, index);
    size_t begin = (size_t)(frame - sealed->log);
    bool pack = qr_load32(frame + QR_FRAME_PAGE_NUMBER) == QR_FRAME_PACK;
    uint32_t used = pack ? qr_load32(frame + QR_FRAME_HEADER_SIZE + QR_PACK_USED) : PAGE;
    for (uint32_t at = 0; at < QR_FRAME_HEADER_SIZE + used; at += 2) {
        bool checksum = at >= QR_FRAME_CHECKSUM && at < QR_FRAME_HEADER_SIZE + QR_WAL_PAGE_LSN;
        bool all = pack || at < QR_FRAME_CHECKSUM;
        for (size_t i = 0; i < EXTREMES && !checksum; i++) {
            size_t number = at / 2 + index + seed + i;
            uint16_t value = extremes[number % EXTREMES];
            if (is_taken(sealed->session, number) && (all || i == 0)) {
                bool record = pack && at >= QR_FRAME_HEADER_SIZE + QR_PACK_HEADER_SIZE;
                damage_sealed(sealed, begin + at, value, index, false);
                if (record) {
                    damage_sealed(sealed, begin + at, value, index, true);
                }
            }
        }
    }
}

static void reseal_log_header(const struct sealed_log *sealed)
{
    uint8_t before[QR_LOG_HEADER_SIZE];
    memcpy(before, sealed->log, sizeof before);
    for (unsigned at = 0; at < QR_LOG_CHECKSUM; at++) {
        for (unsigned value = 0; value < 256; value += sealed->session->harness->longer ? 1 : 3) {
            harness_case("%s, byte %u of the log's header becomes %02x, sealed",
                         sealed->state->name, at, value);
            sealed->log[at] = (uint8_t)value;
            qr_store64(sealed->log + QR_LOG_CHECKSUM, qr_hash64(sealed->log, QR_LOG_CHECKSUM, 0));
            if (is_taken(sealed->session, at + value)) {
                judge(sealed->state, sealed->state->files, NO_HARM, 0, sealed->counts);
            }
            memcpy(sealed->log, before, sizeof before);
        }
    }
}

/* The headers of log, segments and frames, and what frames hold, under good checksums. */
static void reseal_log(const struct session *session, const struct state *state, uint64_t seed,
                       uint64_t *counts)
{
    const struct bytes *whole = &state->files[LOG];
    struct sealed_log sealed = {
        .session = session, .state = state, .counts = counts, .log = whole->bytes};
    sealed.geometry = qr_log_geometry(PAGE, memory_options(&setting, NULL).wal_segment_bytes);
    sealed.seed = qr_database_seed(whole->bytes + QR_LOG_DATABASE_ID);
    sealed.before = malloc(sealed.geometry.segment_bytes);
    REQUIRE(sealed.before != NULL, "out of memory");
    reseal_log_header(&sealed);
    for (; qr_segment_offset(&sealed.geometry, sealed.segment + 1) <= whole->size;
         sealed.segment++) {
        size_t begin = qr_segment_offset(&sealed.geometry, sealed.segment);
        sealed.frames = count_frames(&sealed);
        for (size_t at = 0; at < QR_SEGMENT_CHECKSUM; at += 2) {
            for (size_t i = 0; i < EXTREMES; i++) {
                damage_sealed(&sealed, begin + at, extremes[i], UINT32_MAX, false);
            }
        }
        for (uint32_t i = 0; i < sealed.frames; i++) {
            reseal_frame(&sealed, i, seed);
        }
    }
    free(sealed.before);
}

/* Pages of the closed database as they were when the log held what came after. */
static void put_back(const struct session *session, const struct state *state, uint64_t seed,
                     uint64_t *counts)
{
    const struct bytes *older = &session->states[PARTLY].files[DATABASE];
    const struct bytes *whole = &state->files[DATABASE];
    (void)seed;
    for (size_t at = 0; state == &session->states[CLEAN] && at + PAGE <= older->size; at += PAGE) {
        uint8_t before[PAGE];
        if (at + PAGE > whole->size || memcmp(whole->bytes + at, older->bytes + at, PAGE) == 0) {
            continue;
        }
        harness_case("%s, the page at %zu is an older one", state->name, at);
        memcpy(before, whole->bytes + at, PAGE);
        memcpy(whole->bytes + at, older->bytes + at, PAGE);
        judge(state, state->files, STALE_PAGE, 0, counts);
        memcpy(whole->bytes + at, before, PAGE);
    }
}

static const struct kind {
    const char *name;
    void (*run)(const struct session *session, const struct state *state, uint64_t seed,
                uint64_t *counts);
} kinds[] = {
    {"bits", flip_bits}, {"bytes", set_bytes},       {"blocks", move_blocks}, {"ends", cut_short},
    {"sealed", reseal},  {"sealed-log", reseal_log}, {"older", put_back},
};

#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- States ---- */

static void take_file(struct faulty_layer *files, int file, struct bytes *out)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct qr_file_layer *layer = faulty_layer_power_cut(files, &cut);
    struct qr_file *handle;
    uint64_t size = 0;
    MUST(layer->methods->open(layer, names[file], QR_OPEN_READ, &handle, &err));
    MUST(handle->methods->size(handle, &size, &err));
    out->size = (size_t)size;
    out->used = 0;
    out->bytes = malloc(out->size > 0 ? out->size : 1);
    REQUIRE(out->bytes != NULL, "out of memory");
    MUST(qr_file_read_all(handle, out->bytes, out->size, 0, names[file], &err));
    for (size_t i = 0; i < out->size; i++) {
        out->used = out->bytes[i] != 0 ? i + 1 : out->used;
    }
    handle->methods->close(handle);
    qr_file_layer_memory_destroy(layer);
}

static void take_state(struct faulty_layer *files, quire_db *db, struct state *state)
{
    quire_error err = QUIRE_ERROR_INIT;
    take_file(files, DATABASE, &state->files[DATABASE]);
    take_file(files, LOG, &state->files[LOG]);
    if (db != NULL) {
        MUST(read_all(db, &state->answer, &err));
        state->answer_before = state->answer;
    }
}

static void change(quire_db *db, int64_t row)
{
    static const uint8_t bytes[200] = {9};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_tree *tree;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    MUST(quire_tree_put(tree, row, bytes, sizeof bytes, NULL, &err));
    quire_tree_close(tree);
    MUST(quire_commit(txn, &err));
}

static void make_states(struct session *session)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *files = faulty_layer_create();
    quire_options options = memory_options(&setting, NULL);
    quire_db *db;
    uint64_t before = 0;
    session->states[CLEAN].name = "closed cleanly";
    session->states[HOT].name = "all in the log";
    session->states[PARTLY].name = "a log over a filled file";
    MUST(qr_db_open_with("db", &options, faulty_layer_files(files), true, &db, &err));
    memory_prepare(db);
    MUST(read_all(db, &session->states[HOT].answer_oldest, &err));
    change(db, 5);
    MUST(read_all(db, &before, &err));
    change(db, 6);
    take_state(files, db, &session->states[HOT]);
    session->states[HOT].answer_before = before;
    MUST(quire_checkpoint(db, &err));
    MUST(read_all(db, &session->states[PARTLY].answer_oldest, &err));
    change(db, 70);
    MUST(read_all(db, &before, &err));
    change(db, 71);
    take_state(files, db, &session->states[PARTLY]);
    session->states[PARTLY].answer_before = before;
    MUST(read_all(db, &before, &err));
    MUST(quire_close(db, &err));
    take_state(files, NULL, &session->states[CLEAN]);
    session->states[CLEAN].answer = session->states[CLEAN].answer_before = before;
    faulty_layer_destroy(files);
}

/* A unit is a kind of damage to one state. */
static void run_unit(void *context, uint64_t unit, uint64_t *counts)
{
    const struct session *session = context;
    const struct kind *kind = &kinds[unit / STATES % KINDS];
    const char *mode = session->harness->mode;
    double begun = harness_seconds();
    if (mode == NULL || strcmp(mode, kind->name) == 0) {
        const struct state *state = &session->states[unit % STATES];
        kind->run(session, state, session->harness->seed + unit, counts);
        if (session->harness->verbose) {
            (void)printf("  %-10s %-26s %8llu cases, %.1f s\n", kind->name, state->name,
                         (unsigned long long)counts[CASES], harness_seconds() - begun);
        }
    }
}

int main(int argc, char **argv)
{
    struct harness harness;
    static struct session session;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[200];
    harness_begin(&harness, "damage", argc, argv);
    session.harness = &harness;
    session.thin = HARNESS_BRIEF && !harness.longer ? 31 : 1;
    make_states(&session);
    (void)harness_spread(&harness, KINDS * STATES, 0, run_unit, &session, counts);
    for (int i = 0; i < STATES; i++) {
        free(session.states[i].files[DATABASE].bytes);
        free(session.states[i].files[LOG].bytes);
    }
    (void)snprintf(extra, sizeof extra,
                   "detected=%llu benign=%llu newest_taken_back=%llu sealed=%llu stale=%llu "
                   "stale_seen=%llu",
                   (unsigned long long)counts[DETECTED], (unsigned long long)counts[BENIGN],
                   (unsigned long long)counts[TAKEN_BACK], (unsigned long long)counts[RESEALED],
                   (unsigned long long)counts[STALE], (unsigned long long)counts[STALE_SEEN]);
    harness_end(&harness, counts[CASES], 1, extra);
    return 0;
}
