/*
 * A ring of bytes under a lock. Locks are taken in the order: the HTTP
 * library's of the response, the pipe's, the HTTP library's of its connections.
 */
#include "pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server.h"

#define WAIT_MS 50

struct pipe {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct MHD_Connection *http;
    size_t start, size; /* of what is in the ring */
    uint64_t taken;
    bool suspended; /* the connection, until there are bytes */
    bool closed;    /* nobody takes any more */
    bool ended;     /* there are no more */
    bool whole;
    char bytes[PIPE_SIZE];
};

struct pipe *pipe_create(struct MHD_Connection *http)
{
    struct pipe *pipe = malloc(sizeof *pipe);
    pthread_condattr_t attributes;
    if (pipe == NULL) {
        return NULL;
    }
    memset(pipe, 0, offsetof(struct pipe, bytes));
    pipe->http = http;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pipe->mutex, NULL);
    pthread_cond_init(&pipe->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return pipe;
}

static void resume(struct pipe *pipe)
{
    if (pipe->suspended) {
        pipe->suspended = false;
        MHD_resume_connection(pipe->http);
    }
}

/* Waits a while for room. */
static void wait_for_room(struct pipe *pipe)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&pipe->changed, &pipe->mutex, &until);
}

/* Puts in what there is room for. */
static size_t put_some(struct pipe *pipe, const char *bytes, size_t size)
{
    size_t end = (pipe->start + pipe->size) % PIPE_SIZE;
    size_t room = PIPE_SIZE - pipe->size;
    size_t straight = PIPE_SIZE - end < room ? PIPE_SIZE - end : room;
    size_t count = size < straight ? size : straight;
    memcpy(pipe->bytes + end, bytes, count);
    pipe->size += count;
    return count;
}

bool pipe_put(struct pipe *pipe, const char *bytes, size_t size, uint64_t until_ms)
{
    pthread_mutex_lock(&pipe->mutex);
    while (size > 0 && !pipe->closed) {
        size_t count = put_some(pipe, bytes, size);
        bytes += count;
        size -= count;
        if (count > 0) {
            resume(pipe);
        } else if (clock_ms() < until_ms) {
            wait_for_room(pipe);
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&pipe->mutex);
    return size == 0;
}

void pipe_end(struct pipe *pipe, bool whole)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->ended = true;
    pipe->whole = whole;
    resume(pipe);
    pthread_cond_signal(&pipe->changed);
    pthread_mutex_unlock(&pipe->mutex);
}

/* What the HTTP library calls for the next bytes. */
static ssize_t take(void *context, uint64_t offset, char *out, size_t max)
{
    struct pipe *pipe = context;
    ssize_t result;
    (void)offset;
    pthread_mutex_lock(&pipe->mutex);
    if (pipe->size > 0) {
        size_t straight = PIPE_SIZE - pipe->start;
        size_t count = pipe->size < straight ? pipe->size : straight;
        count = count < max ? count : max;
        memcpy(out, pipe->bytes + pipe->start, count);
        pipe->start = (pipe->start + count) % PIPE_SIZE;
        pipe->size -= count;
        pipe->taken += count;
        pthread_cond_signal(&pipe->changed);
        result = (ssize_t)count;
    } else if (pipe->ended) {
        result = pipe->whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    } else {
        pipe->suspended = true;
        MHD_suspend_connection(pipe->http);
        result = 0;
    }
    pthread_mutex_unlock(&pipe->mutex);
    return result;
}

struct MHD_Response *pipe_response(struct pipe *pipe)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64 * 1024, take, pipe, NULL);
}

uint64_t pipe_close(struct pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->closed = true;
    pthread_cond_signal(&pipe->changed);
    while (!pipe->ended) {
        pthread_cond_wait(&pipe->changed, &pipe->mutex);
    }
    pthread_mutex_unlock(&pipe->mutex);
    uint64_t taken = pipe->taken;
    pthread_cond_destroy(&pipe->changed);
    pthread_mutex_destroy(&pipe->mutex);
    free(pipe);
    return taken;
}
