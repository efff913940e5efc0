/*
 * Any bytes as data to load: JSON, zero byte, mapping. The length decides in
 * which pieces the JSON is fed.
 */
#include "fuzz/fuzz.h"

static quire_status feed(quire_loader *loader, const char *bytes, size_t size, size_t piece,
                         quire_error *err)
{
    quire_status status = quire_loader_begin(loader, "input.json", err);
    for (size_t at = 0; at < size && status == QUIRE_OK; at += piece) {
        status = quire_loader_feed(loader, bytes + at, size - at < piece ? size - at : piece, err);
    }
    return status == QUIRE_OK ? quire_loader_end(loader, err) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = NULL;
    quire_loader *loader = NULL;
    FUZZ_REQUIRE(quire_begin(fuzz_database(), QUIRE_WRITE, &txn, &err) == QUIRE_OK);

    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    options.mapping = parts.second_size > 0 ? parts.second : NULL;
    options.mapping_size = parts.second_size;
    quire_status status = quire_loader_open(txn, &options, &loader, &err);
    if (status == QUIRE_OK) {
        status = feed(loader, parts.first, parts.first_size, size % 7 + 1, &err);
        uint64_t stored = 0;
        if (status == QUIRE_OK) {
            status = quire_loader_finish(loader, &stored, &err);
        }
        quire_loader_close(loader);
    }
    FUZZ_REQUIRE(status != QUIRE_INTERNAL && status != QUIRE_CORRUPT);
    FUZZ_REQUIRE(status == QUIRE_OK || err.message[0] != '\0');
    quire_rollback(txn);
    return 0;
}
