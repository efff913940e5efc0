/*
 * Weights are thousandths. A header is read with bounds: one that does not
 * parse counts as far as it does.
 */
#include "accept.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* A piece of a header, borrowed. */
struct span {
    const char *text;
    size_t size;
};

static struct span trim(struct span s)
{
    while (s.size > 0 && (s.text[0] == ' ' || s.text[0] == '\t')) {
        s.text++;
        s.size--;
    }
    while (s.size > 0 && (s.text[s.size - 1] == ' ' || s.text[s.size - 1] == '\t')) {
        s.size--;
    }
    return s;
}

/* Takes what stands before the next `mark` off the front; quoted strings hide marks. */
static struct span take_until(struct span *rest, char mark)
{
    size_t at = 0;
    bool quoted = false;
    while (at < rest->size && (quoted || rest->text[at] != mark)) {
        if (quoted && rest->text[at] == '\\' && at + 1 < rest->size) {
            at++;
        } else if (rest->text[at] == '"') {
            quoted = !quoted;
        }
        at++;
    }
    struct span taken = {rest->text, at};
    size_t gone = at < rest->size ? at + 1 : at;
    rest->text += gone;
    rest->size -= gone;
    return trim(taken);
}

static bool span_is(struct span s, const char *text)
{
    return s.size == strlen(text) && strncasecmp(s.text, text, s.size) == 0;
}

/* A weight, "0.5", in thousandths; 0 when it is none. */
static unsigned weight_of(struct span s)
{
    unsigned weight = 0;
    unsigned unit = 1000;
    for (size_t i = 0; i < s.size && unit > 0; i++) {
        if (i == 1 && s.text[i] == '.') {
            continue;
        }
        if (s.text[i] < '0' || s.text[i] > '9') {
            return 0;
        }
        weight += (unsigned)(s.text[i] - '0') * unit;
        unit /= 10;
    }
    return weight > 1000 ? 1000 : weight;
}

/* Removes the quotes around a parameter's value. */
static struct span unquote(struct span s)
{
    if (s.size >= 2 && s.text[0] == '"' && s.text[s.size - 1] == '"') {
        s.text++;
        s.size -= 2;
    }
    return s;
}

/* What has been found for one type that is offered. */
struct offer {
    const char *type;
    int specific; /* of the range that counts: 0 none, 1 any, 2 application, 3 the type itself */
    unsigned weight;
};

static void weigh(struct offer *offer, struct span range, unsigned weight)
{
    int specific = 0;
    if (span_is(range, offer->type)) {
        specific = 3;
    } else if (span_is(range, "application/*")) {
        specific = 2;
    } else if (span_is(range, "*/*")) {
        specific = 1;
    }
    if (specific > offer->specific) {
        offer->specific = specific;
        offer->weight = weight;
    }
}

/* The weight among the parameters of a range; *fits is false for an encoding that is not UTF-8. */
static unsigned read_parameters(struct span parameters, bool *fits)
{
    unsigned weight = 1000;
    *fits = true;
    while (parameters.size > 0) {
        struct span value = take_until(&parameters, ';');
        struct span name = take_until(&value, '=');
        if (span_is(name, "q")) {
            weight = weight_of(trim(value));
        } else if (span_is(name, "charset")) {
            *fits = span_is(unquote(trim(value)), "utf-8");
        }
    }
    return weight;
}

enum media_type accept_choose(const char *accept, bool *streams)
{
    struct offer json = {"application/json", 0, 0};
    struct offer graphql = {"application/graphql-response+json", 0, 0};
    struct offer stream = {"text/event-stream", 0, 0};
    *streams = false;
    if (accept == NULL) {
        return MEDIA_JSON;
    }
    struct span rest = {accept, strlen(accept)};
    while (rest.size > 0) {
        struct span range = take_until(&rest, ',');
        struct span type = take_until(&range, ';');
        bool fits;
        unsigned weight = read_parameters(range, &fits);
        if (fits) {
            weigh(&json, type, weight);
            weigh(&graphql, type, weight);
            weigh(&stream, type, weight);
        }
    }
    *streams = stream.specific == 3 && stream.weight > 0;
    if (*streams && stream.weight > json.weight && stream.weight > graphql.weight) {
        return MEDIA_EVENT_STREAM;
    }
    if (json.weight == 0 && graphql.weight == 0) {
        return MEDIA_NONE;
    }
    bool named_alone = graphql.specific == 3 && json.specific < 3;
    if (graphql.weight > json.weight || (graphql.weight == json.weight && named_alone)) {
        return MEDIA_GRAPHQL_RESPONSE;
    }
    /* Both named alike: the response type says more. */
    return graphql.weight == json.weight && graphql.specific == 3 ? MEDIA_GRAPHQL_RESPONSE
                                                                  : MEDIA_JSON;
}

const char *media_type_text(enum media_type type)
{
    return type == MEDIA_JSON ? "application/json; charset=utf-8"
                              : "application/graphql-response+json; charset=utf-8";
}

enum content_type content_type_of(const char *header)
{
    if (header == NULL) {
        return CONTENT_NONE;
    }
    struct span parameters = {header, strlen(header)};
    struct span type = take_until(&parameters, ';');
    bool utf8;
    (void)read_parameters(parameters, &utf8);
    if (!utf8) {
        return CONTENT_OTHER;
    }
    static const struct {
        const char *type;
        enum content_type content;
    } known[] = {{"application/json", CONTENT_JSON},
                 {"application/graphql", CONTENT_GRAPHQL},
                 {"text/plain", CONTENT_TEXT},
                 {"application/x-quire-load", CONTENT_LOAD}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (span_is(type, known[i].type)) {
            return known[i].content;
        }
    }
    return CONTENT_OTHER;
}
