/*
 * Any bytes as a record: what the check accepts decodes, and encodes to the
 * same bytes; what it refuses does not crash the decoder.
 */
#include <string.h>

#include "fuzz/fuzz.h"

#define COLUMNS_MAX 256U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value values[COLUMNS_MAX];
    uint32_t columns = 0;
    quire_status status = quire_record_check(data, size, &columns, &err);
    if (status != QUIRE_OK) {
        for (uint32_t i = 0; i < 8; i++) {
            (void)!quire_record_column(data, size, i, &values[i], NULL);
        }
        return 0;
    }
    if (columns > COLUMNS_MAX) {
        return 0;
    }
    for (uint32_t i = 0; i < columns; i++) {
        FUZZ_REQUIRE(quire_record_column(data, size, i, &values[i], &err) == QUIRE_OK);
    }
    size_t encoded_size = quire_record_size(values, columns);
    unsigned char *encoded = malloc(encoded_size + 1);
    FUZZ_REQUIRE(encoded != NULL);
    FUZZ_REQUIRE(quire_record_encode(values, columns, encoded) == encoded_size);
    FUZZ_REQUIRE(quire_record_check(encoded, encoded_size, &columns, &err) == QUIRE_OK);
    for (uint32_t i = 0; i < columns; i++) {
        quire_value again;
        FUZZ_REQUIRE(quire_record_column(encoded, encoded_size, i, &again, &err) == QUIRE_OK);
        FUZZ_REQUIRE(again.type == values[i].type);
        FUZZ_REQUIRE(quire_value_compare(&again, &values[i]) == 0 || again.type == QUIRE_FLOAT);
    }
    free(encoded);
    return 0;
}
