/*
 * Opening, closing, checkpoint and statistics.
 *
 * Options are checked and completed here, once: the layers below get numbers
 * that need no second look. The handle is freed by quire_close whatever the
 * final checkpoint says, unless transactions are still open.
 */
#include <string.h>

#include "base/bits.h"
#include "base/vm.h"
#include "engine/collation.h"
#include "engine/function.h"
#include "engine/trigger.h"
#include "pager/page_format.h"

#define DEFAULT_LOCK_TIMEOUT_MS  30000U
#define DEFAULT_READERS          126U
#define READERS_MAX              4096U
#define DEFAULT_WAL_BYTES        (UINT64_C(64) << 20)
#define DEFAULT_SYNC_INTERVAL_MS 100U
#define DEFAULT_FRAMES           1000U
#define DEFAULT_SLICE_PAGES      256U
#define DEFAULT_INGEST_BYTES     (UINT64_C(16) << 20)
#define CACHE_PAGES_MIN          64U
#define MEMORY_PATH              ":memory:"

/* ---- Options ---- */

static quire_status check_options(const quire_options *options, quire_error *err)
{
    if ((unsigned)options->mode > QUIRE_OPEN_READ_ONLY) {
        return qr_fail(err, QUIRE_MISUSE, "options.mode is %d; see quire_open_mode.",
                       (int)options->mode);
    }
    if ((unsigned)options->durability > QUIRE_DURABILITY_OFF) {
        return qr_fail(err, QUIRE_MISUSE, "options.durability is %d; see quire_durability.",
                       (int)options->durability);
    }
    if ((unsigned)options->versions_policy > QUIRE_VERSIONS_EXPIRE) {
        return qr_fail(err, QUIRE_MISUSE,
                       "options.versions_policy is %d; see quire_versions_policy.",
                       (int)options->versions_policy);
    }
    if ((unsigned)options->checkpoint_place > QUIRE_CHECKPOINT_IN_COMMIT) {
        return qr_fail(err, QUIRE_MISUSE,
                       "options.checkpoint_place is %d; see quire_checkpoint_place.",
                       (int)options->checkpoint_place);
    }
    if (!qr_is_power_of_two(options->page_size) || options->page_size < QR_PAGE_SIZE_MIN ||
        options->page_size > QR_PAGE_SIZE_MAX) {
        return qr_fail(err, QUIRE_MISUSE,
                       "options.page_size is %u; it must be a power of two from %u to %u.",
                       options->page_size, QR_PAGE_SIZE_MIN, QR_PAGE_SIZE_MAX);
    }
    if (options->readers_max > READERS_MAX) {
        return qr_fail(err, QUIRE_MISUSE, "options.readers_max is %u; at most %u.",
                       options->readers_max, READERS_MAX);
    }
    if (options->cache_bytes < (uint64_t)CACHE_PAGES_MIN * options->page_size) {
        return qr_fail(err, QUIRE_MISUSE, "options.cache_bytes holds fewer than %u pages.",
                       CACHE_PAGES_MIN);
    }
    if (options->wal_segment_bytes != 0 && !qr_is_power_of_two(options->wal_segment_bytes)) {
        return qr_fail(err, QUIRE_MISUSE, "options.wal_segment_bytes is no power of two.");
    }
    if (options->feed_window_bytes > QR_FEED_WINDOW_MAX) {
        return qr_fail(err, QUIRE_MISUSE, "options.feed_window_bytes is over %llu.",
                       (unsigned long long)QR_FEED_WINDOW_MAX);
    }
    const quire_allocator *allocator = options->allocator;
    if (allocator != NULL && (allocator->realloc == NULL || allocator->free == NULL)) {
        return qr_fail(err, QUIRE_MISUSE, "options.allocator lacks a function.");
    }
    return qr_open_rules_check(options->rules, err);
}

#define SET_DEFAULT(field, value)                                                                  \
    do {                                                                                           \
        if ((field) == 0) {                                                                        \
            (field) = (value);                                                                     \
        }                                                                                          \
    } while (0)

/* Copies the options that the caller knows of, and fills in the defaults. */
static quire_status complete_options(const quire_options *given, quire_options *options,
                                     quire_error *err)
{
    *options = (quire_options)QUIRE_OPTIONS_INIT;
    if (given != NULL) {
        if (given->size < offsetof(quire_options, mode) + sizeof given->mode ||
            given->size > sizeof *options) {
            return qr_fail(err, QUIRE_MISUSE,
                           "options.size is %zu; start from QUIRE_OPTIONS_INIT of this version.",
                           given->size);
        }
        memcpy(options, given, given->size);
        options->size = sizeof *options;
    }
    SET_DEFAULT(options->page_size, QR_PAGE_SIZE_DEFAULT);
    SET_DEFAULT(options->lock_timeout_ms, DEFAULT_LOCK_TIMEOUT_MS);
    SET_DEFAULT(options->readers_max, DEFAULT_READERS);
    SET_DEFAULT(options->cache_bytes, qr_vm_physical_bytes() / 4);
    SET_DEFAULT(options->wal_bytes_max, DEFAULT_WAL_BYTES);
    SET_DEFAULT(options->sync_interval_ms, DEFAULT_SYNC_INTERVAL_MS);
    SET_DEFAULT(options->checkpoint_slice_pages, DEFAULT_SLICE_PAGES);
    SET_DEFAULT(options->ingest_buffer_bytes, DEFAULT_INGEST_BYTES);
    SET_DEFAULT(options->trigger_depth_max, QR_TRIGGER_DEPTH_DEFAULT);
    if (options->checkpoint.wish == NULL) {
        options->checkpoint = quire_checkpoint_frame_count(DEFAULT_FRAMES);
    }
    return check_options(options, err);
}

/* ---- Open and close ---- */

/* A database that is checked before it is opened for writing. */
struct checked {
    const char *path;
    const quire_options *options;
    struct qr_file_layer *layer;
    bool malloc_arena;
};

static quire_status check_first(void *context, quire_error *err);

static quire_status open_pager(quire_db *db, const char *path, const quire_options *options,
                               struct qr_file_layer *layer, bool malloc_arena, quire_error *err)
{
    struct checked checked = {path, options, layer, malloc_arena};
    bool checks = (options->rules & QUIRE_RULE_CHECK_FIRST) != 0;
    struct qr_pager_options pager_options = {
        .layer = layer,
        .allocator = &db->allocator,
        .path = path,
        .mode = options->mode,
        .durability = options->durability,
        .page_size = options->page_size,
        .readers_max = options->readers_max,
        .cache_bytes = options->cache_bytes,
        .wal_bytes_max = options->wal_bytes_max,
        .wal_segment_bytes = options->wal_segment_bytes,
        .sync_interval_ms = options->sync_interval_ms,
        .checkpoint = options->checkpoint,
        .checkpoint_place = options->checkpoint_place,
        .checkpoint_slice_pages = options->checkpoint_slice_pages,
        .pages_max = options->pages_max,
        .hooks = options->hooks,
        .versions_policy = options->versions_policy,
        .versions_bytes_max = options->versions_bytes_max,
        .watch = {&db->feed, qr_feed_published, qr_feed_moved},
        .check = checks ? check_first : NULL,
        .check_context = &checked,
        .malloc_arena = malloc_arena,
    };
    return qr_pager_open(&pager_options, &db->pager, err);
}

/* The bytes that a database in memory begins with. */
struct image {
    const void *bytes;
    size_t size;
};

static quire_status write_image(struct qr_file_layer *layer, const char *path,
                                const struct image *image, quire_error *err)
{
    struct qr_file *file;
    if (image == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(layer->methods->open(layer, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &file, err));
    quire_status status = qr_file_write_one(file, image->bytes, image->size, 0, err);
    file->methods->close(file);
    return status;
}

static quire_status open_at(const char *path, quire_options options, struct qr_file_layer *layer,
                            const struct image *image, bool malloc_arena, quire_db **out,
                            quire_error *err)
{
    quire_status status;
    const quire_allocator *allocator =
        options.allocator != NULL ? options.allocator : qr_allocator_default();
    quire_db *db = qr_alloc_zero(allocator, sizeof *db, err);
    if (db == NULL) {
        return QUIRE_NO_MEMORY;
    }
    db->allocator = *allocator;
    db->lock_timeout_ms = options.lock_timeout_ms;
    db->ingest_bytes = qr_ingest_bytes(options.ingest_buffer_bytes);
    db->hooks = options.hooks;
    db->trigger_depth_max = options.trigger_depth_max;
    if (layer == NULL) {
        options.mode = QUIRE_OPEN_CREATE;          /* there is nothing that could exist already */
        options.durability = QUIRE_DURABILITY_OFF; /* nor anything to survive in */
    }
    QR_TRY_GOTO(status, qr_mutex_init(&db->mutex, QR_RANK_LEAF, err), no_mutex);
    QR_TRY_GOTO(status, qr_feed_hub_create(db, options.feed_window_bytes, err), no_feed);
    if (layer == NULL) {
        QR_TRY_GOTO(status, qr_file_layer_memory_create(&db->allocator, &db->memory_layer, err),
                    no_layer);
        layer = db->memory_layer;
        QR_TRY_GOTO(status, write_image(layer, path, image, err), no_pager);
    }
    db->layer = layer;
    QR_TRY_GOTO(status, open_pager(db, path, &options, layer, malloc_arena, err), no_pager);
    qr_feed_hub_start(db);
    *out = db;
    return QUIRE_OK;

no_pager:
    if (db->memory_layer != NULL) {
        qr_file_layer_memory_destroy(db->memory_layer);
    }
no_layer:
    qr_feed_hub_destroy(db);
no_feed:
    qr_mutex_destroy(&db->mutex);
no_mutex:
    qr_free(allocator, db, sizeof *db);
    return status;
}

/* Reads through a handle of its own what the opening would make of file and log; the lock of the
 * opening keeps others from changing them. */
static quire_status check_first(void *context, quire_error *err)
{
    const struct checked *checked = context;
    quire_options options = *checked->options;
    quire_db *db;
    options.mode = QUIRE_OPEN_READ_ONLY;
    options.hooks = (quire_hooks){0};
    QR_TRY(open_at(checked->path, options, checked->layer, NULL, checked->malloc_arena, &db, err));
    quire_status status = qr_open_rules_inspect(db, options.rules, err);
    (void)quire_close(db, NULL);
    return status;
}

/* `layer` NULL means a private memory layer, which gets the image, if there is one. */
static quire_status open_database(const char *path, const quire_options *given,
                                  struct qr_file_layer *layer, const struct image *image,
                                  bool malloc_arena, quire_db **out, quire_error *err)
{
    quire_options options;
    char *resolved = NULL;
    *out = NULL;
    QR_TRY(complete_options(given, &options, err));
    if (layer == qr_file_layer_posix()) {
        QR_TRY(qr_open_rules_resolve(path, options.rules, &resolved, err));
    }
    quire_status status =
        open_at(resolved != NULL ? resolved : path, options, layer, image, malloc_arena, out, err);
    qr_file_path_free(resolved);
    if (status == QUIRE_OK && options.mode == QUIRE_OPEN_READ_ONLY) {
        status = qr_open_rules_inspect(*out, options.rules, err);
        if (status != QUIRE_OK) {
            (void)quire_close(*out, NULL);
            *out = NULL;
        }
    }
    return status;
}

quire_status quire_open(const char *path, const quire_options *options, quire_db **out,
                        quire_error *err)
{
    if (out == NULL || path == NULL || path[0] == '\0') {
        return qr_fail(err, QUIRE_MISUSE, "quire_open needs a path and a place for the handle.");
    }
    bool in_memory = strcmp(path, MEMORY_PATH) == 0;
    if (in_memory && options != NULL && options->mode == QUIRE_OPEN_READ_ONLY) {
        *out = NULL;
        return qr_fail(err, QUIRE_MISUSE, "A database in memory cannot be opened read-only.");
    }
    if (in_memory) {
        return open_database(path, options, NULL, NULL, false, out, err);
    }
    return open_database(path, options, qr_file_layer_posix(), NULL, false, out, err);
}

quire_status qr_db_open_with(const char *path, const quire_options *options,
                             struct qr_file_layer *layer, bool malloc_arena, quire_db **out,
                             quire_error *err)
{
    return open_database(path, options, layer, NULL, malloc_arena, out, err);
}

quire_status qr_db_open_temporary(quire_db *db, struct qr_file **out, quire_error *err)
{
    return db->layer->methods->open_temporary(db->layer, qr_pager_path(db->pager), out, err);
}

/* ---- Images ---- */

static quire_status export_pages(quire_db *db, struct qr_view *view, uint8_t *bytes,
                                 quire_error *err)
{
    uint32_t page_size = qr_pager_page_size(db->pager);
    uint8_t id[16];
    QR_TRY(db->layer->methods->random(db->layer, id, sizeof id, err));
    for (uint32_t page = 0; page < qr_view_page_count(view); page++) {
        QR_TRY(qr_view_page_export(view, page, id, bytes + (size_t)page * page_size, err));
    }
    return QUIRE_OK;
}

quire_status quire_serialize(quire_db *db, void **image, size_t *size, quire_error *err)
{
    struct qr_view *view;
    if (db == NULL || image == NULL || size == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_serialize needs a database and places for image and size.");
    }
    *image = NULL;
    *size = 0;
    QR_TRY(qr_snapshot_open(db->pager, &view, err));
    uint64_t total = (uint64_t)qr_view_page_count(view) * qr_pager_page_size(db->pager);
    quire_status status = QUIRE_OK;
    uint8_t *bytes = NULL;
    if (total > SIZE_MAX / 2) {
        status = qr_fail(err, QUIRE_LIMIT, "A database of %llu bytes does not fit in memory.",
                         (unsigned long long)total);
    } else {
        bytes = qr_host_alloc(&db->allocator, (size_t)total, err);
        status = bytes == NULL ? QUIRE_NO_MEMORY : export_pages(db, view, bytes, err);
    }
    qr_snapshot_close(view);
    if (status != QUIRE_OK) {
        quire_free(bytes);
        return status;
    }
    *image = bytes;
    *size = (size_t)total;
    return QUIRE_OK;
}

quire_status quire_open_image(const void *bytes, size_t size, const quire_options *options,
                              quire_db **out, quire_error *err)
{
    if (bytes == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_open_image needs an image and a place for the handle.");
    }
    *out = NULL;
    if (size == 0) {
        return qr_fail(err, QUIRE_NOT_A_DATABASE, "An image of no bytes is no database.");
    }
    struct image image = {bytes, size};
    return open_database(MEMORY_PATH, options, NULL, &image, false, out, err);
}

quire_status quire_open_copy(const char *path, const quire_options *options, quire_db **out,
                             quire_error *err)
{
    quire_options complete;
    quire_options read_only = QUIRE_OPTIONS_INIT;
    quire_db *source = NULL;
    void *bytes = NULL;
    size_t size = 0;
    if (path == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_open_copy needs a path and a place for the handle.");
    }
    *out = NULL;
    QR_TRY(complete_options(options, &complete, err));
    read_only.mode = QUIRE_OPEN_READ_ONLY;
    read_only.rules = complete.rules & ~(uint32_t)QUIRE_RULE_CHECK_FIRST; /* of the copy */
    QR_TRY(quire_open(path, &read_only, &source, err));
    quire_status status = quire_serialize(source, &bytes, &size, err);
    if (status == QUIRE_OK) {
        status = quire_open_image(bytes, size, options, out, err);
        quire_free(bytes);
    }
    (void)quire_close(source, NULL); /* nothing of it is to be written */
    return status;
}

quire_status quire_close(quire_db *db, quire_error *err)
{
    if (db == NULL) {
        return QUIRE_OK;
    }
    quire_stats stats = {.size = sizeof stats};
    qr_pager_drain(db->pager);
    qr_pager_get_stats(db->pager, &stats);
    uint32_t open = stats.readers_open + atomic_load(&db->writers);
    if (open > 0) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The database has %u open transaction(s); end them before closing it.",
                       open);
    }
    uint32_t tickets = atomic_load(&db->tickets);
    if (tickets > 0) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The database has %u commit ticket(s) out; wait for them before closing it.",
                       tickets);
    }
    uint32_t listeners = qr_feed_hub_listeners(db);
    if (listeners > 0) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The database has %u open feed(s); close them before closing it.",
                       listeners);
    }
    qr_attachment_release(db, db->attachment);
    qr_pager_drop_companions(db->pager, qr_txn_destroy);
    qr_schema_free_all(db);
    qr_collations_free(db);
    qr_functions_free(db, &db->trigger_functions);
    qr_functions_free(db, &db->resolvers);
    quire_status status = qr_pager_close(db->pager, err);
    qr_feed_hub_destroy(db);
    if (db->memory_layer != NULL) {
        qr_file_layer_memory_destroy(db->memory_layer);
    }
    qr_mutex_destroy(&db->mutex);
    quire_allocator allocator = db->allocator;
    qr_free(&allocator, db, sizeof *db);
    return status;
}

/* ---- The rest ---- */

quire_status quire_checkpoint(quire_db *db, quire_error *err)
{
    if (db == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_checkpoint needs a database.");
    }
    if (qr_pager_read_only(db->pager)) {
        return qr_fail(err, QUIRE_READ_ONLY, "A read-only database writes no checkpoint.");
    }
    return qr_pager_checkpoint(db->pager, err);
}

quire_status quire_get_stats(quire_db *db, quire_stats *stats, quire_error *err)
{
    if (db == NULL || stats == NULL || stats->size < sizeof stats->size ||
        stats->size > sizeof *stats) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_get_stats needs a database and stats.size = sizeof(quire_stats).");
    }
    quire_stats now = {.size = stats->size};
    size_t size = stats->size;
    qr_pager_get_stats(db->pager, &now);
    qr_feed_hub_get_stats(db, &now);
    now.size = size;
    memcpy(stats, &now, size);
    return QUIRE_OK;
}

quire_status quire_readers(quire_db *db, quire_reader_callback each, void *context,
                           quire_error *err)
{
    if (db == NULL || each == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_readers needs a database and a callback.");
    }
    return qr_pager_readers(db->pager, each, context, err);
}

uint32_t qr_db_lock_timeout_ms(const quire_db *db)
{
    return db->lock_timeout_ms;
}

const quire_allocator *qr_db_allocator(const quire_db *db)
{
    return &db->allocator;
}

uint32_t qr_db_trigger_depth_max(const quire_db *db)
{
    return db->trigger_depth_max;
}

struct qr_pager *qr_db_pager(const quire_db *db)
{
    return db->pager;
}
