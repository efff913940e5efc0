/*
 * Shorthands over the methods of a file.
 */
#include "base/file.h"

quire_status qr_file_read_all(struct qr_file *file, void *buffer, size_t size, uint64_t offset,
                              const char *name, quire_error *err)
{
    size_t got = 0;
    QR_TRY(file->methods->read(file, buffer, size, offset, &got, err));
    if (got != size) {
        return qr_fail_at(err, QUIRE_CORRUPT, name, QUIRE_NO_PAGE, offset + got,
                          "%s ends at byte %llu, where %zu more bytes are expected; restore it "
                          "from a backup.",
                          name, (unsigned long long)(offset + got), size - got);
    }
    return QUIRE_OK;
}

quire_status qr_file_write_one(struct qr_file *file, const void *buffer, size_t size,
                               uint64_t offset, quire_error *err)
{
    struct qr_iovec whole = {.base = buffer, .size = size};
    return file->methods->write(file, &whole, 1, offset, err);
}
