/*
 * WebSockets at /graphql, for the protocol graphql-transport-ws: sockets and
 * frames here, messages in websocket_session.c, their requests in session.c.
 *
 * Everything of a socket happens in the thread of the loop, but for requests,
 * which are exchanges of their own that workers run.
 */
#ifndef QUIRE_SERVER_WEBSOCKET_H
#define QUIRE_SERVER_WEBSOCKET_H

#include "loop.h"
#include "server.h"
#include "session.h"

#ifdef QUIRE_WEBSOCKETS

/* Whether the request is one to go on as a WebSocket. */
bool websocket_is_asked(const struct exchange *exchange);
/* Replies to such a request. */
void websocket_start(struct exchange *exchange);

#else

static inline bool websocket_is_asked(const struct exchange *exchange)
{
    (void)exchange;
    return false;
}

static inline void websocket_start(struct exchange *exchange)
{
    (void)exchange;
}

#endif

/* Codes that end a socket: of WebSockets (RFC 6455, 7.4), and of the protocol. */
enum websocket_code {
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_TOO_LARGE = 1009,
    WEBSOCKET_FAILED = 1011,
    WEBSOCKET_LATER = 1013,
    WEBSOCKET_BAD_REQUEST = 4400,
    WEBSOCKET_UNAUTHORIZED = 4401,
    WEBSOCKET_FORBIDDEN = 4403,
    WEBSOCKET_NO_INIT = 4408,
    WEBSOCKET_ID_IN_USE = 4409,
    WEBSOCKET_INIT_TWICE = 4429
};

struct wslay_event_context;

struct websocket {
    struct watch watch; /* first */
    struct server *server;
    struct exchange *handshake; /* open as long as the socket */
    struct MHD_UpgradeResponseHandle *handle;
    struct wslay_event_context *frames;
    struct buffer early;  /* what came with the handshake */
    size_t early_taken;   /* of it */
    size_t budget;        /* bytes that this round may still read */
    unsigned fragments;   /* of the message that comes, behind its first */
    bool left;            /* the client has closed, or the connection has failed */
    bool grown;           /* more waits to be sent than its deadline is for */
    bool closing;         /* a close frame is sent, or queued */
    bool lingering;       /* it has been sent: what still comes is dropped */
    bool gone;            /* the loop is asked to forget it */
    bool forgotten;       /* and has */
    uint64_t deadline_ms; /* for connection_init to come, or for the client to close */
    uint64_t heard_ms;    /* when something came last */
    bool pinged;          /* and has been asked for since */
    uint64_t placed_ms;   /* when places were looked at last */

    /* The protocol's. */
    bool ready; /* connection_init has come, and the session is open */
    struct identity identity;
    struct session session;
    size_t answer_bytes; /* of its messages, not sent yet */
};

/* ---- What the protocol uses; in the loop's thread ---- */

/* Sends a message, behind those that wait. */
void websocket_send(struct websocket *socket, const struct buffer *message);
/* Sends one of the session's. */
void websocket_answer(struct websocket *socket, const struct buffer *message);
/* Sends a close frame and takes nothing more. */
void websocket_close(struct websocket *socket, enum websocket_code code, const char *reason);
/* Ends the connection. */
void websocket_drop(struct websocket *socket);
/* Sends what waits; asks the session for more when nothing does. */
void websocket_pump(struct websocket *socket);
/* Takes messages of any allowed size from now on. */
void websocket_trust(struct websocket *socket);
/* An operation has ended: frees the socket when it was the last thing of it. */
void websocket_release(struct websocket *socket);

/* ---- What the protocol does; in the loop's thread ---- */

/* A message has come. */
void websocket_take(struct websocket *socket, const char *text, size_t size);
/* Tells places that have moved without an event. */
void websocket_tell_places(struct websocket *socket);

#endif
