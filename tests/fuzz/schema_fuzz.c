/*
 * Any bytes as a schema: first an addition to the one that is there, then, by
 * itself, that of a new database.
 */
#include "fuzz/fuzz.h"

static quire_db *empty_database(void)
{
    static quire_db *db;
    if (db == NULL) {
        quire_error err = QUIRE_ERROR_INIT;
        FUZZ_REQUIRE(quire_open(":memory:", NULL, &db, &err) == QUIRE_OK);
    }
    return db;
}

static void apply(quire_db *db, const uint8_t *data, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = NULL;
    FUZZ_REQUIRE(quire_begin(db, QUIRE_WRITE, &txn, &err) == QUIRE_OK);
    quire_status status = quire_schema_apply(txn, (const char *)data, size, &err);
    FUZZ_REQUIRE(status != QUIRE_INTERNAL && status != QUIRE_CORRUPT);
    if (status == QUIRE_OK) {
        char *text = NULL;
        size_t text_size = 0;
        FUZZ_REQUIRE(quire_schema_text(txn, QUIRE_SCHEMA_API, &text, &text_size, &err) == QUIRE_OK);
        quire_free(text);
    } else {
        FUZZ_REQUIRE(err.status == status && err.message[0] != '\0');
    }
    quire_rollback(txn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        apply(fuzz_database(), data, size);
        apply(empty_database(), data, size);
    }
    return 0;
}
