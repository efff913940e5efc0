/*
 * What every GraphQL response must be, whatever was asked.
 */
#ifndef QUIRE_TESTS_FUZZ_RESPONSE_H
#define QUIRE_TESTS_FUZZ_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Ends the process unless the response is JSON with the members that a response
 * may have and no others, has errors when `has_errors` and `data` when
 * `executed` says so, each error is well formed, and the path of each leads to
 * a null in the data.
 */
void fuzz_check_response(const char *response, size_t size, bool has_errors, bool executed);

#endif
