/*
 * What is handed over is run after the events of a round: an event that was
 * fetched for a watch before it was forgotten still finds it.
 */
#include "loop.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server.h"

#define TICK_MS      250
#define EVENTS_ROUND 64

struct loop {
    int epoll, wake;
    pthread_mutex_t mutex; /* guards what is handed over */
    struct post *first, **last;
    bool ending;
    struct watch *watches; /* of the thread alone */
    pthread_t thread;
};

/* ---- What is handed over ---- */

static void ring(struct loop *loop)
{
    uint64_t one = 1;
    /* It fails only when the number is full: then the thread has been woken already. */
    ssize_t wrote = write(loop->wake, &one, sizeof one);
    (void)wrote;
}

/* With the lock. */
static void append(struct loop *loop, struct post *post)
{
    bool idle = loop->first == NULL;
    post->next = NULL;
    *loop->last = post;
    loop->last = &post->next;
    if (idle) {
        ring(loop);
    }
}

void loop_post(struct loop *loop, struct post *post)
{
    pthread_mutex_lock(&loop->mutex);
    append(loop, post);
    pthread_mutex_unlock(&loop->mutex);
}

/* Runs all of it; false when the end has been asked for. */
static bool run_posts(struct loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    struct post *post = loop->first;
    bool ending = loop->ending;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->mutex);
    while (post != NULL) {
        struct post *next = post->next;
        post->run(post);
        post = next;
    }
    return !ending;
}

/* ---- Watches ---- */

static void enter(struct post *post)
{
    struct watch *watch = (struct watch *)post;
    struct loop *loop = watch->loop;
    watch->previous = NULL;
    watch->next = loop->watches;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    loop->watches = watch;
}

static void leave(struct post *post)
{
    struct watch *watch = (struct watch *)(void *)((char *)post - offsetof(struct watch, leave));
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        watch->loop->watches = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    watch->left(watch);
}

bool loop_watch(struct loop *loop, struct watch *watch)
{
    struct epoll_event event = {.events = watch->events, .data.ptr = watch};
    watch->loop = loop;
    watch->enter.run = enter;
    watch->leave.run = leave;
    /* Its first event may make the loop's thread forget it: that comes behind its entry. */
    pthread_mutex_lock(&loop->mutex);
    bool added =
        watch->socket < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->socket, &event) == 0;
    if (added) {
        append(loop, &watch->enter);
    }
    pthread_mutex_unlock(&loop->mutex);
    return added;
}

void loop_events(struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (watch->events != events) {
        watch->events = events;
        (void)epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->socket, &event);
    }
}

void loop_forget(struct watch *watch)
{
    if (watch->socket >= 0) {
        (void)epoll_ctl(watch->loop->epoll, EPOLL_CTL_DEL, watch->socket, NULL);
    }
    loop_post(watch->loop, &watch->leave);
}

/* ---- The thread ---- */

static void run_events(struct loop *loop, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch != NULL) {
            watch->ready(watch, events[i].events);
        } else {
            uint64_t rings;
            ssize_t got = read(loop->wake, &rings, sizeof rings);
            (void)got;
        }
    }
}

static void run_ticks(struct loop *loop, uint64_t *next_ms)
{
    uint64_t now = clock_ms();
    if (now < *next_ms) {
        return;
    }
    *next_ms = now + TICK_MS;
    for (struct watch *watch = loop->watches; watch != NULL; watch = watch->next) {
        watch->tick(watch, now);
    }
}

static void *run_loop(void *context)
{
    struct loop *loop = context;
    struct epoll_event events[EVENTS_ROUND];
    uint64_t next_ms = 0;
    do {
        int wait_ms = loop->watches != NULL ? TICK_MS : -1;
        run_events(loop, events, epoll_wait(loop->epoll, events, EVENTS_ROUND, wait_ms));
        run_ticks(loop, &next_ms);
    } while (run_posts(loop));
    return NULL;
}

static void release(struct loop *loop)
{
    if (loop->epoll >= 0) {
        close(loop->epoll);
    }
    if (loop->wake >= 0) {
        close(loop->wake);
    }
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

struct loop *loop_start(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    struct epoll_event event = {.events = EPOLLIN};
    if (loop == NULL) {
        return NULL;
    }
    pthread_mutex_init(&loop->mutex, NULL);
    loop->last = &loop->first;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll < 0 || loop->wake < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) != 0 ||
        pthread_create(&loop->thread, NULL, run_loop, loop) != 0) {
        release(loop);
        return NULL;
    }
    return loop;
}

void loop_stop(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    pthread_mutex_lock(&loop->mutex);
    loop->ending = true;
    pthread_mutex_unlock(&loop->mutex);
    ring(loop);
    pthread_join(loop->thread, NULL);
    release(loop);
}
