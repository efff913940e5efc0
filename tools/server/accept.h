/*
 * Media types of GraphQL over HTTP: what a client sends and what it takes.
 */
#ifndef QUIRE_SERVER_ACCEPT_H
#define QUIRE_SERVER_ACCEPT_H

#include <stdbool.h>

enum media_type {
    MEDIA_NONE,             /* nothing that is offered is acceptable */
    MEDIA_JSON,             /* application/json */
    MEDIA_GRAPHQL_RESPONSE, /* application/graphql-response+json */
    MEDIA_EVENT_STREAM      /* text/event-stream: only where it is named */
};

/*
 * Chooses the response's media type by the weights of an Accept header, the
 * most specific range of each type counting (RFC 9110, 12.5.1). application/json
 * where the client does not mind, and where there is no header (NULL). *streams:
 * whether text/event-stream is named, and so taken.
 */
enum media_type accept_choose(const char *accept, bool *streams);

/* The media type of one response with its charset, as a Content-Type. */
const char *media_type_text(enum media_type type);

/* What a Content-Type header says. */
enum content_type {
    CONTENT_NONE,    /* there is no header */
    CONTENT_JSON,    /* application/json in UTF-8 */
    CONTENT_GRAPHQL, /* application/graphql in UTF-8 */
    CONTENT_TEXT,    /* text/plain in UTF-8 */
    CONTENT_LOAD,    /* application/x-quire-load: load_body.h */
    CONTENT_OTHER    /* another type, or another encoding */
};
enum content_type content_type_of(const char *header);

#endif
