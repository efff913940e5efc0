/*
 * Documents that clients name instead of sending them.
 *
 *   known at start   a JSON file, {"id": "document", ...}; asked for by
 *                    documentId, or by the hash of their text
 *   kept on the way  automatic persisted queries: a client that sends a
 *                    document with its hash may send the hash alone next time.
 *                    A bounded number, the longest unused going first.
 *
 * Any thread.
 */
#ifndef QUIRE_SERVER_DOCUMENTS_H
#define QUIRE_SERVER_DOCUMENTS_H

#include "graphql_call.h"

struct documents;

/* `path` NULL for none; `only` refuses all others. NULL after saying why not. */
struct documents *documents_open(const char *path, bool only);
void documents_close(struct documents *documents);

/* Finds the document that the request names, and checks the one that it sends. False after refusing
 * the request. */
bool documents_resolve(struct exchange *exchange);
/* Keeps the document of a request that documents_resolve has accepted, where it came with its hash.
 * It has been found valid: what is not takes no other's place. */
void documents_keep(struct exchange *exchange);

#endif
