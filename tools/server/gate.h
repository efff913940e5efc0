/*
 * Bounds what waits to be sent to one client: answers are made while little waits
 * and few are being made, the others in the order in which they came.
 *
 * How large an answer becomes is known when it is made. So at most GATE_BYTES and
 * GATE_MAKERS answers wait. Nobody waits within: who may not pass is called when it
 * may. Any thread.
 */
#ifndef QUIRE_SERVER_GATE_H
#define QUIRE_SERVER_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_BYTES  ((size_t)256 * 1024)
#define GATE_MAKERS 4U

/* All gates of a server. What waits behind them together has a limit, of which is told who has the
 * most. */
struct gates {
    _Atomic uint64_t bytes, bytes_max; /* now, and the most that they have been */
    uint64_t limit;
    /* More wait than the limit: gates_shed is for that. Any thread; often. NULL: nobody asks. */
    void (*full)(struct gates *gates);
    pthread_mutex_t mutex; /* guards the list */
    struct gate *first;
};

/* Embedded in what makes an answer; zeroed at first. */
struct gate_pass {
    struct gate_pass *next;
    void (*go)(struct gate_pass *pass); /* it may pass now; on any thread */
    bool waits, inside;
};

struct gate {
    struct gates *all;
    struct gate *previous, *next; /* in their list */
    /* Ends what is behind it, which has most of all; where gates_shed is called. */
    void (*drop)(struct gate *gate);
    bool ended;            /* what it has is on its way out; where gates_shed is called */
    pthread_mutex_t mutex; /* guards what follows, and the passes */
    size_t bytes;
    unsigned makers;
    bool calling;                    /* a thread calls those that may pass */
    struct gate_pass *first, **last; /* that wait */
};

/* full and limit are set by the caller. */
void gates_init(struct gates *gates);
void gates_destroy(struct gates *gates);
/* While more wait than the limit, drops the gate that has the most; returns how many. In the thread
 * that destroys gates. */
unsigned gates_shed(struct gates *gates);

void gate_init(struct gate *gate, struct gates *all, void (*drop)(struct gate *gate));
/* Nobody is inside or waits for it; what it has does not wait any more. */
void gate_destroy(struct gate *gate);

/* Whether an answer may be made now. Else pass->go is called when it may. */
bool gate_enter(struct gate *gate, struct gate_pass *pass);
/* Takes back a pass that waits; false when it does not, or has been called already. */
bool gate_recall(struct gate *gate, struct gate_pass *pass);
/* An answer of so many bytes is made, 0: none; who is inside is not any more. */
void gate_leave(struct gate *gate, struct gate_pass *pass, size_t size);
/* So many bytes wait, of an answer that did not pass. */
void gate_hold(struct gate *gate, size_t size);
/* So many bytes of answers do not wait any more. */
void gate_sent(struct gate *gate, size_t size);
/* How many bytes wait. */
size_t gate_bytes(struct gate *gate);

#endif
