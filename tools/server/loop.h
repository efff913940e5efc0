/*
 * One thread for everything that lives longer than a request: it waits for
 * sockets, for what other threads hand to it, and for the time to pass.
 */
#ifndef QUIRE_SERVER_LOOP_H
#define QUIRE_SERVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/* Embedded in what is handed over; not handed over again before it has run. */
struct post {
    struct post *next;
    void (*run)(struct post *post);
};

/* A socket that the loop looks at. The functions are called in the loop's thread. */
struct watch {
    struct post enter, leave; /* first */
    struct loop *loop;
    int socket;                                          /* -1: none, and no events */
    uint32_t events;                                     /* of epoll */
    void (*ready)(struct watch *watch, uint32_t events); /* events have come */
    void (*tick)(struct watch *watch, uint64_t now_ms);  /* now and then, a few times a second */
    void (*left)(struct watch *watch);                   /* the loop has forgotten it */
    struct watch *previous, *next;
};

/* NULL without memory, files or a thread. */
struct loop *loop_start(void);

/* Runs what has been handed over, and ends. No watch is left by then. NULL is a no-op. */
void loop_stop(struct loop *loop);

/* Runs `post` in the loop's thread. Any thread; it never fails. */
void loop_post(struct loop *loop, struct post *post);

/* Looks at watch->socket for watch->events, all but `loop` set by the caller. False when the system
 * refuses. Any thread. */
bool loop_watch(struct loop *loop, struct watch *watch);
/* Waits for other events. In the loop's thread. */
void loop_events(struct watch *watch, uint32_t events);
/* Looks at it no more: the socket may be closed when this returns, the watch is the loop's until
 * watch->left is called. Any thread, once. */
void loop_forget(struct watch *watch);

#endif
