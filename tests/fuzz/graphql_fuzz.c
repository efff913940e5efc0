/*
 * Any bytes as a request: document, zero byte, variables.
 */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    if (parts.first_size == 0) {
        return 0;
    }
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = NULL;
    FUZZ_REQUIRE(quire_begin(fuzz_database(), QUIRE_WRITE, &txn, &err) == QUIRE_OK);

    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = parts.first;
    request.document_size = parts.first_size;
    request.variables = parts.second_size > 0 ? parts.second : NULL;
    request.variables_size = parts.second_size;
    request.explain = (size & 1) != 0;
    request.limits.memory_bytes_max = 64U << 20;
    request.limits.response_bytes_max = 1U << 20;

    char *response = NULL;
    size_t response_size = 0;
    bool has_errors = false;
    quire_status status =
        quire_graphql_in(txn, &request, &response, &response_size, &has_errors, &err);
    if (status == QUIRE_OK) {
        FUZZ_REQUIRE(response != NULL && response_size >= 2);
        FUZZ_REQUIRE(response[0] == '{' && response[response_size - 1] == '}');
        FUZZ_REQUIRE(response[response_size] == '\0');
        quire_free(response);
    } else {
        FUZZ_REQUIRE(response == NULL);
        FUZZ_REQUIRE(status != QUIRE_INTERNAL && status != QUIRE_CORRUPT);
    }
    quire_rollback(txn);
    return 0;
}
