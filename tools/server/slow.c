/*
 * Each is kept as the JSON object that is shown, in a ring.
 */
#include "slow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "graphql_call.h"
#include "log.h"

#define KEPT         32U
#define DOCUMENT_MAX 4096U
#define PLAN_MAX     ((size_t)16 * 1024)
#define NAME_MAX_    128U

struct slow {
    pthread_mutex_t mutex; /* guards what follows */
    struct buffer kept[KEPT];
    uint64_t noted; /* ever: the next one goes to kept[noted % KEPT] */
};

struct slow *slow_create(void)
{
    struct slow *slow = calloc(1, sizeof *slow);
    if (slow != NULL) {
        pthread_mutex_init(&slow->mutex, NULL);
    }
    return slow;
}

void slow_free(struct slow *slow)
{
    if (slow == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT; i++) {
        buffer_free(&slow->kept[i]);
    }
    pthread_mutex_destroy(&slow->mutex);
    free(slow);
}

static void put(struct buffer *out, const char *name, const char *text, size_t max)
{
    buffer_printf(out, ",\"%s\":", name);
    buffer_put_json_cut(out, text != NULL ? text : "", text != NULL ? strlen(text) : 0, max);
}

void slow_note(struct slow *slow, const struct exchange *exchange)
{
    const struct graphql_call *call = exchange->call;
    struct buffer text = {0};
    char time[LOG_TIME_SIZE];
    if (slow == NULL) {
        return;
    }
    log_time(time);
    buffer_printf(&text, "{\"time\":\"%s\",\"ms\":%.3f", time, (double)exchange->run_us / 1000);
    put(&text, "request", exchange->request_id, REQUEST_ID_MAX);
    put(&text, "caller", exchange->identity.name, NAME_MAX_);
    put(&text, "operation", graphql_operation_name(exchange), NAME_MAX_);
    buffer_puts(&text, ",\"document\":");
    buffer_put_json_cut(&text, call->document, call->document_size, DOCUMENT_MAX);
    /* Half a plan is no JSON: one that is too long is left to the log. */
    if (call->outcome.plan_size > 0 && call->outcome.plan_size <= PLAN_MAX) {
        buffer_puts(&text, ",\"plan\":");
        buffer_put(&text, call->outcome.plan, call->outcome.plan_size);
    }
    buffer_puts(&text, "}");
    if (text.failed) {
        buffer_free(&text);
        return;
    }
    pthread_mutex_lock(&slow->mutex);
    struct buffer *place = &slow->kept[slow->noted++ % KEPT];
    buffer_free(place);
    *place = text;
    pthread_mutex_unlock(&slow->mutex);
}

void slow_put(struct slow *slow, struct buffer *out)
{
    buffer_puts(out, "[");
    if (slow != NULL) {
        pthread_mutex_lock(&slow->mutex);
        uint64_t count = slow->noted < KEPT ? slow->noted : KEPT;
        for (uint64_t i = 1; i <= count; i++) {
            const struct buffer *text = &slow->kept[(slow->noted - i) % KEPT];
            buffer_puts(out, i > 1 ? "," : "");
            buffer_put(out, text->bytes, text->size);
        }
        pthread_mutex_unlock(&slow->mutex);
    }
    buffer_puts(out, "]");
}
