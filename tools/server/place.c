/*
 * The library writes the extensions of a response last, if there are any.
 */
#include "place.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define TEXT_MAX 63U

void place_put(struct buffer *out, const quire_subscription_position *place)
{
    buffer_printf(out, "%016" PRIx64 ":%" PRIu64 ":%" PRIu64, place->epoch, place->commit,
                  place->seen);
}

/* Takes a number and the mark behind it off the front. */
static bool take_number(const char **text, int base, char mark, uint64_t *out)
{
    char *end;
    size_t digits = strspn(*text, base == 16 ? "0123456789abcdef" : "0123456789");
    if (digits == 0 || digits > (base == 16 ? 16U : 19U) || (*text)[digits] != mark) {
        return false;
    }
    *out = strtoull(*text, &end, base);
    *text = end + 1;
    return true;
}

bool place_read(const char *text, size_t size, quire_subscription_position *place)
{
    char copy[TEXT_MAX + 1];
    const char *at = copy;
    if (size > TEXT_MAX || memchr(text, '\0', size) != NULL) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return take_number(&at, 16, ':', &place->epoch) && take_number(&at, 10, ':', &place->commit) &&
           take_number(&at, 10, '\0', &place->seen) && place->epoch != 0;
}

/* Whether a response has extensions. */
static bool has_extensions(const char *response, size_t size)
{
    struct json_value whole;
    const char *problem;
    size_t at;
    return json_check(response, size, &whole, &problem, &at) &&
           json_member(&whole, "extensions").text != NULL;
}

void place_put_event(struct buffer *out, const quire_subscription_event *event, bool extended)
{
    const char *response = event->response;
    size_t size = event->response_size;
    bool more = extended && has_extensions(response, size);
    buffer_put(out, response, size - (more ? 2 : 1)); /* without what it ends with: }} or } */
    buffer_puts(out, more ? ",\"place\":\"" : ",\"extensions\":{\"place\":\"");
    place_put(out, &event->position);
    buffer_puts(out, "\"}}");
}
