/*
 * Requests that share a connection: those of a WebSocket, or of a reserved stream of
 * server-sent events. Each is an operation with an id that its client chose: an exchange
 * without HTTP, which workers run. A query or mutation tells its response and completes; a
 * subscription tells events, at the pace at which the client takes them.
 *
 * Everything of a session happens in the thread of the loop, but for the requests
 * themselves. What waits for the client is bounded by a gate (gate.h), and what waits
 * for all by ending who has the most.
 */
#ifndef QUIRE_SERVER_SESSION_H
#define QUIRE_SERVER_SESSION_H

#include "gate.h"
#include "loop.h"
#include "server.h"

#define SESSION_ID_MAX 256U

struct json_value;
struct operation;
struct session;

/* How the operations of a session speak. */
enum message_kind { MESSAGE_NEXT, MESSAGE_ERROR, MESSAGE_COMPLETE };

/* What carries a session. All but the texts are called in the loop's thread. */
struct channel {
    bool errors_are_responses; /* there is no MESSAGE_ERROR: what did not run is a response too */
    /* Puts what stands before and behind a payload; MESSAGE_COMPLETE has none. On any thread. */
    void (*begin)(struct buffer *out, enum message_kind kind, const char *id, size_t id_size);
    void (*end)(struct buffer *out, enum message_kind kind);
    void (*send)(struct session *session, const struct buffer *message);
    /* Sends what waits; session_continue follows when all of it has been sent. */
    void (*pump)(struct session *session);
    /* Ends the connection at once. */
    void (*drop)(struct session *session);
    /* An operation has gone: it may have been what kept the session. */
    void (*release)(struct session *session);
};

/* Embedded in its channel. */
struct session {
    struct server *server;
    const struct channel *channel;
    const struct route *route;
    struct connection *connection; /* whose end is the end of all; NULL: none yet */
    char request_id[REQUEST_ID_MAX + 1];
    char traceparent[TRACEPARENT_SIZE + 1];
    struct gate gate;
    struct operation *operations;
    unsigned operation_count;
    size_t operation_bytes; /* of their requests */
};

/* With the route and the names of the request that opens it. */
void session_open(struct session *session, struct server *server, const struct channel *channel,
                  const struct exchange *opening);
/* No operation is left. */
void session_close(struct session *session);

/* Whether an operation has the id. */
bool session_has(const struct session *session, const char *id, size_t id_size);
/*
 * Runs a request, a JSON object as POST has it, under an id that nobody has.
 *   identity  whose request it is; handed over
 *   waiting   an HTTP exchange, suspended, that gets its reply when it is known whether the
 *             request runs: 202, or what is wrong, and gives its names; NULL: none
 * False without memory.
 */
bool session_run(struct session *session, const char *id, size_t id_size,
                 const struct json_value *request, struct identity identity,
                 struct exchange *waiting);
/* Ends the operation of that id, if there is one: nothing of it is sent any more. */
void session_cancel(struct session *session, const char *id, size_t id_size);
/* Whether the token of one of its requests has expired. */
bool session_has_expired(const struct session *session, uint64_t now_ms);
/* Appends {"places": {ID: PLACE}} of the subscriptions whose place has moved without an event since
 * this was asked last. False: none has. */
bool session_put_places(struct session *session, struct buffer *out);
/* All that was to be sent has been. */
void session_continue(struct session *session);
/* Ends all of them. More than once. */
void session_end(struct session *session);
/* So many bytes of messages have been sent, or dropped. */
static inline void session_sent(struct session *session, size_t size)
{
    gate_sent(&session->gate, size);
}

#endif
