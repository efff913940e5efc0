/*
 * Any bytes as changes of a log: two bytes that say where it is cut, then
 * changes of three bytes of offset, a size and bytes. The database beside it
 * stays as it is. It opens with the state that some commit left, or says why
 * not.
 */
#include <string.h>

#include "base/file.h"
#include "engine/engine.h"
#include "fuzz/fuzz.h"

#define COMMITS 24
#define NAME    "db"
#define LOG     "db-wal"

struct image {
    uint8_t *bytes;
    size_t size;
};

static struct image read_file(struct qr_file_layer *files, const char *path)
{
    struct qr_file *file;
    struct image image = {0};
    uint64_t size;
    size_t got;
    FUZZ_REQUIRE(files->methods->open(files, path, QR_OPEN_READ, &file, NULL) == QUIRE_OK);
    FUZZ_REQUIRE(file->methods->size(file, &size, NULL) == QUIRE_OK);
    image.size = (size_t)size;
    image.bytes = malloc(image.size);
    FUZZ_REQUIRE(image.bytes != NULL);
    FUZZ_REQUIRE(file->methods->read(file, image.bytes, image.size, 0, &got, NULL) == QUIRE_OK &&
                 got == image.size);
    file->methods->close(file);
    return image;
}

static void write_file(struct qr_file_layer *files, const char *path, const struct image *image)
{
    struct qr_file *file;
    const struct qr_iovec bytes = {image->bytes, image->size};
    FUZZ_REQUIRE(files->methods->open(files, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &file, NULL) ==
                 QUIRE_OK);
    FUZZ_REQUIRE(file->methods->write(file, &bytes, 1, 0, NULL) == QUIRE_OK);
    file->methods->close(file);
}

static quire_status open_db(struct qr_file_layer *files, quire_db **db, quire_error *err)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.wal_segment_bytes = 65536;
    options.checkpoint = quire_checkpoint_manual();
    return qr_db_open_with(NAME, &options, files, false, db, err);
}

/* Commit n writes n to row 0 and to a row of its own. */
static void commit_number(quire_db *db, int64_t number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_tree *tree;
    uint8_t bytes[200];
    memset(bytes, (int)number, sizeof bytes);
    FUZZ_REQUIRE(quire_begin(db, QUIRE_WRITE, &txn, &err) == QUIRE_OK);
    FUZZ_REQUIRE(number != 0 || quire_tree_create(txn, "t", &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_tree_open(txn, "t", &tree, &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_tree_put(tree, 0, bytes, sizeof bytes, NULL, &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_tree_put(tree, number, bytes, sizeof bytes, NULL, &err) == QUIRE_OK);
    quire_tree_close(tree);
    FUZZ_REQUIRE(quire_commit(txn, &err) == QUIRE_OK);
}

static struct image base_database, base_log;

static void make_base(void)
{
    struct qr_file_layer *files;
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    FUZZ_REQUIRE(qr_file_layer_memory_create(qr_allocator_default(), &files, &err) == QUIRE_OK);
    FUZZ_REQUIRE(open_db(files, &db, &err) == QUIRE_OK);
    for (int64_t i = 0; i < COMMITS; i++) {
        commit_number(db, i);
        if (i == COMMITS / 2) {
            FUZZ_REQUIRE(quire_checkpoint(db, &err) == QUIRE_OK);
        }
    }
    base_database = read_file(files, NAME);
    base_log = read_file(files, LOG);
    FUZZ_REQUIRE(quire_close(db, &err) == QUIRE_OK);
    qr_file_layer_memory_destroy(files);
}

static void apply_changes(struct image *log, const uint8_t *data, size_t size)
{
    if (size < 2) {
        return;
    }
    size_t keep = data[0] | (size_t)data[1] << 8;
    log->size = keep * 16 < log->size && keep % 4 == 3 ? keep * 16 : log->size;
    for (size_t at = 2; size - at > 4 && log->size > 0;) {
        size_t offset =
            (data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16) % log->size;
        size_t count = data[at + 3] % 32 + 1;
        at += 4;
        count = count < size - at ? count : size - at;
        count = count < log->size - offset ? count : log->size - offset;
        memcpy(log->bytes + offset, data + at, count);
        at += count;
    }
}

static void check_state(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_tree *tree;
    const void *bytes;
    size_t size;
    uint64_t rows;
    bool found;
    FUZZ_REQUIRE(quire_begin(db, QUIRE_READ, &txn, &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_tree_open(txn, "t", &tree, &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_tree_count(tree, &rows, &err) == QUIRE_OK);
    FUZZ_REQUIRE(rows > COMMITS / 2 && rows <= COMMITS);
    for (int64_t i = 0; i < (int64_t)rows; i++) {
        FUZZ_REQUIRE(quire_tree_find(tree, i, &bytes, &size, &found, &err) == QUIRE_OK);
        int expected = i == 0 ? (int)rows - 1 : (int)i;
        FUZZ_REQUIRE(found && size == 200 && ((const uint8_t *)bytes)[199] == expected);
    }
    quire_tree_close(tree);
    quire_rollback(txn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qr_file_layer *files;
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    if (base_log.bytes == NULL) {
        make_base();
    }
    struct image log = {malloc(base_log.size), base_log.size};
    FUZZ_REQUIRE(log.bytes != NULL);
    memcpy(log.bytes, base_log.bytes, base_log.size);
    apply_changes(&log, data, size);
    FUZZ_REQUIRE(qr_file_layer_memory_create(qr_allocator_default(), &files, &err) == QUIRE_OK);
    write_file(files, NAME, &base_database);
    write_file(files, LOG, &log);
    quire_status status = open_db(files, &db, &err);
    if (status == QUIRE_OK) {
        check_state(db);
        commit_number(db, COMMITS);
        FUZZ_REQUIRE(quire_close(db, &err) == QUIRE_OK);
    } else {
        FUZZ_REQUIRE(status == QUIRE_CORRUPT || status == QUIRE_LOG_MISMATCH ||
                     status == QUIRE_LOG_MISSING || status == QUIRE_FORMAT_VERSION);
        FUZZ_REQUIRE(err.message[0] != '\0');
    }
    qr_file_layer_memory_destroy(files);
    free(log.bytes);
    return 0;
}
