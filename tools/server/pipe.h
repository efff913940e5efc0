/*
 * A response on its way from the worker that makes it to the I/O thread that
 * sends it, a bounded number of bytes at a time.
 *
 * The worker puts pieces in and waits while there is no room; the HTTP library
 * takes them out, and the connection is suspended while there are none. Either
 * side may end first: the worker is told that nobody reads any more, and the
 * I/O thread waits for the worker before it lets the exchange go.
 */
#ifndef QUIRE_SERVER_PIPE_H
#define QUIRE_SERVER_PIPE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#define PIPE_SIZE ((size_t)256 * 1024)

struct pipe;

/* NULL without memory. */
struct pipe *pipe_create(struct MHD_Connection *http);
/* Worker: puts bytes in. False when nobody takes them any more, or the clock (clock_ms) has passed
 * `until_ms`. */
bool pipe_put(struct pipe *pipe, const char *bytes, size_t size, uint64_t until_ms);
/* Worker: there is no more. Unless `whole`, the connection is cut, so that nobody takes what was
 * sent for all. The worker must not touch the pipe, nor its exchange, again. */
void pipe_end(struct pipe *pipe, bool whole);

/* A response of the bytes that come out. NULL without memory. */
struct MHD_Response *pipe_response(struct pipe *pipe);
/* I/O thread: nothing is taken any more. Waits for the worker's end, frees the pipe, and returns
 * how many bytes came out. */
uint64_t pipe_close(struct pipe *pipe);

#endif
