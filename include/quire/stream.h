/*
 * Responses that are written as they are made.
 */
#ifndef QUIRE_STREAM_H
#define QUIRE_STREAM_H

#include "quire/graphql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes the next piece of a response, borrowed for the call; false stops the request. */
typedef bool (*quire_write_fn)(void *context, const char *bytes, size_t size);

/*
 * quire_graphql with the response written in pieces, in order. A connection at
 * the root of a query that selects `items` without arguments, or `edges`, and
 * no pageInfo, is read and written some hundred rows at a time where its order
 * comes from an index or is that of insertion: memory does not grow with its
 * length. All else is made as a whole, within response_bytes_max and
 * memory_bytes_max, before a piece of it is written.
 *
 * As long as nothing was written, failures become the response's errors. Once
 * something was, nothing in it could be made null any more: then the failure is
 * the status, and what was written is no whole response. INTERRUPTED when
 * `write` returned false. The response of a mutation is written after its
 * commit; if that is stopped, the commit stands all the same.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_graphql_stream(quire_db *db,
                                                             const quire_graphql_request *request,
                                                             quire_write_fn write, void *context,
                                                             bool *has_errors, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
