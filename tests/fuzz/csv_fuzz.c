/*
 * Any bytes as CSV: rows of Book, loaded in the mode that the length decides,
 * in pieces of a size that it decides too.
 */
#include "fuzz/fuzz.h"

static quire_status load(quire_loader *loader, const uint8_t *data, size_t size, size_t piece,
                         quire_error *err)
{
    uint64_t rows;
    quire_status status = quire_loader_begin(loader, "Book.csv", err);
    for (size_t at = 0; at < size && status == QUIRE_OK; at += piece) {
        status = quire_loader_feed(loader, data + at, size - at < piece ? size - at : piece, err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_end(loader, err);
    }
    return status == QUIRE_OK ? quire_loader_finish(loader, &rows, err) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = NULL;
    quire_loader *loader = NULL;
    options.mode = (quire_load_mode)(size % 3);
    FUZZ_REQUIRE(quire_begin(fuzz_database(), QUIRE_WRITE, &txn, &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_loader_open(txn, &options, &loader, &err) == QUIRE_OK);
    quire_status status = load(loader, data, size, size % 7 + 1, &err);
    quire_loader_close(loader);
    FUZZ_REQUIRE(status != QUIRE_INTERNAL && status != QUIRE_CORRUPT);
    FUZZ_REQUIRE(status == QUIRE_OK || err.message[0] != '\0');
    quire_rollback(txn);
    return 0;
}
