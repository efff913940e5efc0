/*
 * A request that could be read in two ways (which server in front of this one,
 * or which browser, reads it how?) is refused, and its connection closed.
 */
#include "guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth.h"
#include "reservation.h"
#include "sse.h"
#include "web.h"

#define HEADERS_MAX 64U
#define URL_MAX     8192U
#define HOST_MAX    255U

/* ---- Framing ---- */

/* What the headers say in all. */
struct headers {
    unsigned count, hosts, lengths, encodings, credentials;
    bool bad_name, bad_value, bad_length, bad_encoding;
};

static bool is_token(const char *text, size_t size)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(others, c) == NULL)) {
            return false;
        }
    }
    return size > 0;
}

static bool is_digits(const char *text, size_t size)
{
    return size > 0 && size < 19 && strspn(text, "0123456789") == size;
}

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_size, const char *value, size_t value_size)
{
    struct headers *headers = context;
    (void)kind;
    headers->count++;
    headers->bad_name |= !is_token(name, name_size);
    for (size_t i = 0; i < value_size; i++) {
        unsigned char c = (unsigned char)value[i];
        headers->bad_value |= (c < 0x20 && c != '\t') || c == 0x7F;
    }
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        headers->hosts++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        headers->lengths++;
        headers->bad_length |= value == NULL || !is_digits(value, value_size);
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        headers->encodings++;
        headers->bad_encoding |= value == NULL || strcasecmp(value, "chunked") != 0;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0) {
        headers->credentials++;
    }
    return MHD_YES;
}

static bool refuse_framing(struct exchange *exchange, unsigned status, const char *why)
{
    exchange_refuse(exchange, status, OUTCOME_REFUSED, "BAD_INPUT", "%s", why);
    exchange->close = true;
    return false;
}

static bool check_framing(struct exchange *exchange, const char *version)
{
    struct headers headers = {0};
    bool old = strcmp(version, "HTTP/1.1") != 0;
    MHD_get_connection_values_n(exchange->http, MHD_HEADER_KIND, look_at_header, &headers);
    if (headers.count > HEADERS_MAX) {
        return refuse_framing(exchange, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                              "The request has more than 64 headers.");
    }
    if (strlen(exchange->path) > URL_MAX) {
        return refuse_framing(exchange, MHD_HTTP_URI_TOO_LONG, "The path is too long.");
    }
    if (headers.bad_name || headers.bad_value) {
        return refuse_framing(exchange, MHD_HTTP_BAD_REQUEST, "A header is malformed.");
    }
    if (headers.bad_length || headers.lengths > 1 || headers.bad_encoding ||
        headers.encodings > 1 || (headers.encodings > 0 && (headers.lengths > 0 || old))) {
        return refuse_framing(exchange, MHD_HTTP_BAD_REQUEST,
                              "How long the request's body is can be read in more than one way.");
    }
    if (headers.credentials > 1) {
        return refuse_framing(exchange, MHD_HTTP_BAD_REQUEST, "One Authorization header is taken.");
    }
    if (headers.hosts > 1 || (headers.hosts == 0 && !old)) {
        return refuse_framing(exchange, MHD_HTTP_BAD_REQUEST, "One Host header is needed.");
    }
    return true;
}

/* ---- Host ---- */

/* The host without its port, in lower case and without brackets. */
static bool split_host(const char *header, char *host, size_t room, bool *bracketed)
{
    *bracketed = header[0] == '[';
    const char *from = header + *bracketed;
    size_t size = strcspn(from, *bracketed ? "]" : ":");
    const char *rest = from + size;
    if (size == 0 || size >= room || (*bracketed && *rest++ != ']') ||
        (*rest != '\0' && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1)))) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        host[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i]);
    }
    host[size] = '\0';
    return true;
}

bool guard_host_allowed(const char *header, char *const *allowed)
{
    char host[HOST_MAX + 1];
    unsigned char address[16];
    bool bracketed;
    if (!split_host(header, host, sizeof host, &bracketed)) {
        return false;
    }
    if (bracketed) {
        return inet_pton(AF_INET6, host, address) == 1;
    }
    /* Rebinding a name to this machine's address needs a name: addresses are safe. */
    if (strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, address) == 1) {
        return true;
    }
    for (; allowed != NULL && *allowed != NULL; allowed++) {
        if (strcasecmp(host, *allowed) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_host(struct exchange *exchange)
{
    const struct serve_options *options = exchange->server->options;
    const char *host = exchange_get(exchange, MHD_HTTP_HEADER_HOST);
    if (host == NULL || guard_host_allowed(host, options->allowed_hosts) ||
        guard_host_allowed(host, (char *const[]){options->host, NULL})) {
        return true;
    }
    exchange_refuse(exchange, MHD_HTTP_MISDIRECTED_REQUEST, OUTCOME_REFUSED, "FORBIDDEN",
                    "The Host header names another server; see --allow-host.");
    return false;
}

/* ---- Origin ---- */

static bool same_origin(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    return authority != NULL && host != NULL && strcasecmp(authority + 3, host) == 0;
}

static bool check_origin(struct exchange *exchange)
{
    const struct serve_options *options = exchange->server->options;
    const char *origin = exchange_get(exchange, MHD_HTTP_HEADER_ORIGIN);
    if (origin == NULL) {
        /* Browsers leave Origin out of some GETs: of other sites' scripts and pictures too. */
        const char *site = exchange_get(exchange, "Sec-Fetch-Site");
        const char *mode = exchange_get(exchange, "Sec-Fetch-Mode");
        if (site == NULL || strcmp(site, "cross-site") != 0 ||
            (mode != NULL && strcmp(mode, "navigate") == 0)) {
            return true;
        }
    } else {
        if (same_origin(origin, exchange_get(exchange, MHD_HTTP_HEADER_HOST))) {
            return true;
        }
        for (char **one = options->allowed_origins; one != NULL && *one != NULL; one++) {
            if (strcmp(*one, origin) == 0 || strcmp(*one, "*") == 0) {
                exchange->origin = origin;
                return true;
            }
        }
    }
    exchange_refuse(exchange, MHD_HTTP_FORBIDDEN, OUTCOME_REFUSED, "FORBIDDEN",
                    "Pages of other sites may not ask this server; see --allow-origin.");
    return false;
}

/* ---- Names of the request ---- */

static bool is_request_id(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return size > 0 && size <= REQUEST_ID_MAX;
}

/* The W3C's Trace Context: version "-" 32 digits "-" 16 digits "-" 2 digits. Versions above 00 may
 * have more behind another "-". */
static bool is_traceparent(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    return strspn(text, digits) == 2 && text[2] == '-' && memcmp(text, "ff", 2) != 0 &&
           strspn(text + 3, digits) == 32 && text[35] == '-' && strspn(text + 36, digits) == 16 &&
           text[52] == '-' && strspn(text + 53, digits) == 2 && strspn(text + 3, "0") < 32 &&
           strspn(text + 36, "0") < 16 &&
           (text[55] == '\0' || (text[55] == '-' && memcmp(text, "00", 2) != 0));
}

/* A number that looks like none before it: the finaliser of splitmix64. */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ (x >> 30U)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27U)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31U);
}

static void name_request(struct exchange *exchange)
{
    const char *given = exchange_get(exchange, "X-Request-Id");
    const char *trace = exchange_get(exchange, "traceparent");
    if (given != NULL && is_request_id(given)) {
        memcpy(exchange->request_id, given, strlen(given) + 1);
    } else {
        uint64_t number = atomic_fetch_add(&exchange->server->next_request, 1);
        snprintf(exchange->request_id, sizeof exchange->request_id, "%016llx",
                 (unsigned long long)scramble(exchange->server->seed + number));
    }
    if (trace != NULL && is_traceparent(trace)) {
        /* Passed on in the version that is understood, as the standard has it. */
        memcpy(exchange->traceparent, "00", 2);
        memcpy(exchange->traceparent + 2, trace + 2, TRACEPARENT_SIZE - 2);
        exchange->traceparent[TRACEPARENT_SIZE] = '\0';
    }
}

/* ---- Method, type, size ---- */

static bool names_method(const char *methods, const char *method)
{
    size_t size = strlen(method);
    for (const char *at = methods; at != NULL; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (strncmp(at, method, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool answer_preflight(struct exchange *exchange)
{
    exchange_respond(exchange, MHD_HTTP_NO_CONTENT, OUTCOME_OK,
                     MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), 0);
    exchange_header(exchange, MHD_HTTP_HEADER_ALLOW, exchange->route->methods);
    if (exchange->origin != NULL) {
        exchange_header(exchange, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS,
                        exchange->route->methods);
        exchange_header(exchange, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS,
                        "content-type, accept, authorization, last-event-id, x-request-id, "
                        "x-graphql-event-stream-token, traceparent");
        exchange_header(exchange, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, "600");
    }
    return false;
}

static bool check_method(struct exchange *exchange)
{
    if (strcmp(exchange->method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        return answer_preflight(exchange);
    }
    bool named = names_method(exchange->route->methods, exchange->method);
    if (named && reservation_takes_method(exchange)) {
        return true;
    }
    const char *methods = named ? "GET, POST, OPTIONS" : exchange->route->methods;
    exchange_refuse(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, OUTCOME_REFUSED, "BAD_INPUT",
                    "The methods here are %s.", methods);
    exchange_header(exchange, MHD_HTTP_HEADER_ALLOW, methods);
    return false;
}

static bool check_accept(struct exchange *exchange)
{
    if (!exchange->route->graphql) {
        return true;
    }
    bool streams;
    exchange->media = accept_choose(exchange_get(exchange, MHD_HTTP_HEADER_ACCEPT), &streams);
    exchange->subscribe = streams ? sse_subscribe : NULL;
    if (exchange->media != MEDIA_NONE || strcmp(exchange->method, MHD_HTTP_METHOD_GET) == 0) {
        return true;
    }
    exchange_refuse(exchange, MHD_HTTP_NOT_ACCEPTABLE, OUTCOME_REFUSED, "BAD_INPUT",
                    "Responses are application/graphql-response+json or application/json.");
    return false;
}

static const char *content_types_of(const struct route *route)
{
    if ((route->content_types >> CONTENT_LOAD & 1U) != 0) {
        return "application/x-quire-load";
    }
    return (route->content_types >> CONTENT_TEXT & 1U) != 0
               ? "application/json, application/graphql or text/plain, in UTF-8"
               : "application/json, in UTF-8";
}

static bool check_content_type(struct exchange *exchange)
{
    const char *type = exchange_get(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
    bool post = strcmp(exchange->method, MHD_HTTP_METHOD_POST) == 0;
    exchange->content = content_type_of(type);
    /* A GET has no content; one that names a type other than JSON is no request of a client's. */
    if (!post ? exchange->content == CONTENT_NONE || exchange->content == CONTENT_JSON
              : (exchange->route->content_types >> exchange->content & 1U) != 0) {
        return true;
    }
    exchange_refuse(exchange, type == NULL ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                    OUTCOME_REFUSED, "BAD_INPUT", "The Content-Type must be %s.",
                    content_types_of(exchange->route));
    return false;
}

uint64_t exchange_body_max(const struct exchange *exchange)
{
    const struct serve_options *options = exchange->server->options;
    if (exchange->route == NULL || strcmp(exchange->method, MHD_HTTP_METHOD_POST) != 0) {
        return 0;
    }
    return exchange->route->spools ? (uint64_t)options->load_bytes_max
                                   : (uint64_t)options->body_bytes_max;
}

static bool check_size(struct exchange *exchange)
{
    const char *length = exchange_get(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t max = exchange_body_max(exchange);
    if (length == NULL || strtoull(length, NULL, 10) <= max) {
        return true;
    }
    exchange_refuse_size(exchange);
    exchange->close = true;
    return false;
}

/* The absolute form of a request's target, "http://host/path" (under TLS https), which proxies use:
 * its host must be the one of the header. */
static bool check_target(struct exchange *exchange)
{
    const char *scheme = exchange->server->tls != NULL ? "https://" : "http://";
    if (exchange->connection != NULL && exchange->connection->nul_in_path) {
        return refuse_framing(exchange, MHD_HTTP_BAD_REQUEST, "The path has a NUL in it.");
    }
    if (strncasecmp(exchange->path, scheme, strlen(scheme)) != 0) {
        return true;
    }
    const char *host = exchange_get(exchange, MHD_HTTP_HEADER_HOST);
    const char *authority = exchange->path + strlen(scheme);
    size_t size = strcspn(authority, "/");
    if (host == NULL || strlen(host) != size || strncasecmp(host, authority, size) != 0) {
        return refuse_framing(exchange, MHD_HTTP_BAD_REQUEST,
                              "The request's target and its Host header name different hosts.");
    }
    exchange->path = authority[size] != '\0' ? authority + size : "/";
    return true;
}

static bool check_path(struct exchange *exchange)
{
    bool reads = strcmp(exchange->method, MHD_HTTP_METHOD_GET) == 0 ||
                 strcmp(exchange->method, MHD_HTTP_METHOD_HEAD) == 0;
    exchange->route = route_find(exchange->path);
    exchange->file = web_find(exchange->server->web, exchange->path);
    if (exchange->file != NULL && (reads || exchange->route == NULL)) {
        exchange->route = route_pages();
    }
    if (exchange->route != NULL) {
        return true;
    }
    exchange_refuse(exchange, MHD_HTTP_NOT_FOUND, OUTCOME_REFUSED, "NOT_FOUND",
                    "There is nothing at this path.");
    return false;
}

static bool check_draining(struct exchange *exchange)
{
    if (!atomic_load(&exchange->server->draining) || exchange->route->role == ROLE_NONE) {
        return true; /* those who ask for its health are told what it does */
    }
    exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_BUSY, "BUSY",
                    "The server is stopping.");
    exchange->close = true;
    return false;
}

bool guard_check(struct exchange *exchange, const char *version)
{
    name_request(exchange);
    return check_framing(exchange, version) && check_target(exchange) && check_host(exchange) &&
           check_origin(exchange) && check_path(exchange) && check_draining(exchange) &&
           check_method(exchange) && auth_check(exchange) && check_accept(exchange) &&
           check_content_type(exchange) && check_size(exchange);
}
