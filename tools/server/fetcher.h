/*
 * A process that fetches one address, again and again.
 *
 * The server itself opens no socket and reads no file but its own (sandbox.h); what
 * names, certificates and TLS need is left to a child that begins before, and that has
 * neither the database nor a token. It ends when the server does.
 */
#ifndef QUIRE_SERVER_FETCHER_H
#define QUIRE_SERVER_FETCHER_H

#include <stdbool.h>

#include "buffer.h"

struct fetcher;

/* Starts it, in the process's only thread; `url` and `max`, the size of what is taken, are for all
 * answers. NULL without memory or process, or in builds without libcurl, after saying why. */
struct fetcher *fetcher_start(const char *url, size_t max);

/* Fetches the address: true with its text, or false with a sentence, NUL-terminated. One thread at
 * a time; it takes ten seconds at most. */
bool fetcher_ask(struct fetcher *fetcher, struct buffer *text);

/* Makes the question that is asked, and all after it, fail. Any thread. */
void fetcher_hush(struct fetcher *fetcher);

/* Ends it. NULL is a no-op. */
void fetcher_stop(struct fetcher *fetcher);

#endif
