/*
 * Any bytes as changes of a database file: a byte of flags, then changes of a
 * page each, of a page's number, two bytes of offset, a size and bytes. Unless
 * the flags say otherwise the changed pages get a good checksum, so that
 * nothing but the structures' own checks stands against the change. It opens or
 * says why not; everything is read, inspected and changed; salvage takes what
 * there is.
 */
#define _POSIX_C_SOURCE 200809L

#include <string.h>

#include "base/bytes.h"
#include "engine/inspect_internal.h"
#include "fuzz/fuzz.h"
#include "pager/page_format.h"
#include "support/temp_dir.h"

#define PAGE     1024U
#define UNSEALED 7U    /* flags: these three bits all zero leave the checksums as they were */
#define SALVAGE  0x78U /* these four all set: salvages too, which is slow */

struct image {
    uint8_t *bytes;
    size_t size;
};

static struct image base_image(void)
{
    static struct image base;
    quire_error err = QUIRE_ERROR_INIT;
    if (base.bytes == NULL) {
        void *bytes;
        FUZZ_REQUIRE(quire_serialize(fuzz_database(), &bytes, &base.size, &err) == QUIRE_OK);
        base.bytes = bytes;
    }
    return base;
}

static void apply_changes(struct image *image, const uint8_t *data, size_t size, bool seal)
{
    uint8_t id[16];
    memcpy(id, image->bytes + QR_HEADER_ID, sizeof id);
    for (size_t at = 0; size - at > 4;) {
        size_t page = data[at] % (image->size / PAGE);
        size_t offset = (data[at + 1] | (size_t)data[at + 2] << 8) % PAGE;
        size_t count = data[at + 3] % 32 + 1;
        uint8_t *bytes = image->bytes + page * PAGE;
        at += 4;
        count = count < size - at ? count : size - at;
        count = count < PAGE - offset ? count : PAGE - offset;
        memcpy(bytes + offset, data + at, count);
        at += count;
        if (seal) {
            qr_store64(bytes + QR_PAGE_CHECKSUM, qr_page_sum(bytes, PAGE, (uint32_t)page, id));
        }
    }
}

static void require_said(quire_status status, const quire_error *err)
{
    FUZZ_REQUIRE(status == QUIRE_OK || (err->status == status && err->message[0] != '\0'));
    FUZZ_REQUIRE(status != QUIRE_INTERNAL);
}

/* ---- Reading ---- */

static void read_rows(quire_table *table)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_cursor *cursor;
    bool valid;
    int64_t rowid;
    const void *record;
    size_t size;
    quire_status status = quire_table_cursor(table, &cursor, &err);
    if (status == QUIRE_OK) {
        status = quire_cursor_first(cursor, &valid, &err);
        for (int i = 0; i < 1000 && status == QUIRE_OK && valid; i++) {
            quire_value value;
            status = quire_cursor_row(cursor, &rowid, &record, &size, &err);
            for (uint32_t c = 0; status == QUIRE_OK && c < quire_table_column_count(table); c++) {
                status = quire_record_column(record, size, c, &value, &err);
            }
            if (status == QUIRE_OK) {
                status = quire_cursor_next(cursor, &valid, &err);
            }
        }
        quire_cursor_close(cursor);
    }
    require_said(status, &err);
}

static void read_index(quire_table *table, uint32_t index)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_cursor *cursor;
    bool valid = true;
    int64_t rowid;
    quire_status status = quire_index_cursor_open(table, index, NULL, &cursor, &err);
    if (status == QUIRE_OK) {
        for (int i = 0; i < 1000 && status == QUIRE_OK && valid; i++) {
            status = quire_index_cursor_next(cursor, &rowid, &valid, &err);
        }
        quire_index_cursor_close(cursor);
    }
    require_said(status, &err);
}

static void change_rows(quire_table *table)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool found;
    int64_t rowid = 0;
    require_said(quire_table_delete(table, 1, &found, &err), &err);
    require_said(quire_table_insert(table, &rowid, NULL, 0, &err), &err);
}

static void use_tables(quire_db *db, quire_txn_mode mode)
{
    static const char *const names[] = {"Author", "Book", "Topic"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_status status = quire_begin(db, mode, &txn, &err);
    require_said(status, &err);
    if (status != QUIRE_OK) {
        return;
    }
    require_said(quire_each_object(txn, NULL, NULL, &err), &err);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        quire_table *table;
        status = quire_table_open(txn, names[i], &table, &err);
        require_said(status, &err);
        if (status == QUIRE_OK) {
            read_rows(table);
            for (uint32_t index = 0; index < quire_table_index_count(table); index++) {
                read_index(table, index);
            }
            if (mode == QUIRE_WRITE) {
                change_rows(table);
            }
            quire_table_close(table);
        }
    }
    quire_rollback(txn);
}

static void use(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    quire_status status = quire_inspect_database_open(db, &report, &err);
    require_said(status, &err);
    quire_report_free(report);
    status = quire_inspect_indexes_open(db, NULL, &report, &err);
    require_said(status, &err);
    quire_report_free(report);
    use_tables(db, QUIRE_READ);
    use_tables(db, QUIRE_WRITE);
}

/* ---- Salvage ---- */

static void salvage(const struct image *image)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char damaged[600], fresh[600];
    temp_dir_create(&dir);
    FILE *file = fopen(temp_dir_file(&dir, "damaged", damaged, sizeof damaged), "wb");
    FUZZ_REQUIRE(file != NULL && fwrite(image->bytes, 1, image->size, file) == image->size);
    FUZZ_REQUIRE(fclose(file) == 0);
    require_said(quire_salvage(damaged, temp_dir_file(&dir, "fresh", fresh, sizeof fresh), NULL,
                               NULL, NULL, &err),
                 &err);
    temp_dir_remove(&dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image base = base_image();
    struct image image = {malloc(base.size), base.size};
    uint8_t flags = size > 0 ? data[0] : 0;
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.cache_bytes = UINT64_C(1) << 20;
    FUZZ_REQUIRE(image.bytes != NULL);
    memcpy(image.bytes, base.bytes, base.size);
    if (size > 0) {
        apply_changes(&image, data + 1, size - 1, (flags & UNSEALED) != 0);
    }
    quire_status status = quire_open_image(image.bytes, image.size, &options, &db, &err);
    require_said(status, &err);
    if (status == QUIRE_OK) {
        use(db);
        FUZZ_REQUIRE(quire_close(db, &err) != QUIRE_INTERNAL);
    }
    if ((flags & SALVAGE) == SALVAGE) {
        salvage(&image);
    }
    free(image.bytes);
    return 0;
}
