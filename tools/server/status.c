/*
 * The text is made by the first who asks when it has become old, and copied to
 * the others. Names come from schemas and requests: they are JSON strings, and
 * what they mean elsewhere is for the page to mind.
 */
#include "status.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql_call.h"
#include "indexing.h"
#include "log.h"
#include "schema_endpoint.h"
#include "slow.h"
#include "web.h"

#define AUTOMATIC "auto." /* indexes that an advisor has built begin so */

struct status {
    struct server *server;
    uint64_t began_ms;
    pthread_mutex_t mutex; /* guards what follows */
    struct buffer text;
    uint64_t made_ms; /* 0 = never */
};

struct status *status_create(struct server *server)
{
    struct status *status = calloc(1, sizeof *status);
    if (status != NULL) {
        status->server = server;
        status->began_ms = clock_ms();
        pthread_mutex_init(&status->mutex, NULL);
    }
    return status;
}

void status_free(struct status *status)
{
    if (status != NULL) {
        buffer_free(&status->text);
        pthread_mutex_destroy(&status->mutex);
        free(status);
    }
}

/* ---- Numbers ---- */

struct number {
    const char *name;
    uint64_t value;
};

static void put_numbers(struct buffer *out, const char *name, const struct number *numbers,
                        size_t count)
{
    buffer_printf(out, "\"%s\":{", name);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, "%s\"%s\":%llu", i > 0 ? "," : "", numbers[i].name,
                      (unsigned long long)numbers[i].value);
    }
    buffer_puts(out, "},");
}

#define PUT_NUMBERS(out, name, numbers)                                                            \
    put_numbers(out, name, numbers, sizeof(numbers) / sizeof(numbers)[0])

static void put_database(struct buffer *out, const quire_stats *s)
{
    const struct number database[] = {
        {"pageSize", s->page_size},       {"pages", s->pages},         {"pagesFree", s->pages_free},
        {"pagesMax", s->pages_max},       {"commits", s->commits},     {"rollbacks", s->rollbacks},
        {"sequence", s->commit_sequence}, {"readers", s->readers_open}};
    const struct number cache[] = {{"frames", s->cache_frames}, {"framesMax", s->cache_frames_max},
                                   {"dirty", s->pages_dirty},   {"versions", s->versions_held},
                                   {"misses", s->page_reads},   {"readCalls", s->read_calls},
                                   {"evictions", s->evictions}, {"spills", s->spills}};
    const struct number log[] = {{"bytes", s->log_bytes},
                                 {"frames", s->log_frames},
                                 {"framesLive", s->log_frames_live},
                                 {"segments", s->log_segments},
                                 {"segmentsFree", s->log_segments_free},
                                 {"groups", s->groups},
                                 {"syncs", s->syncs},
                                 {"checkpoints", s->checkpoints},
                                 {"pagesWritten", s->pages_written},
                                 {"oldestReaderMs", s->oldest_reader_ms},
                                 {"readersExpired", s->readers_expired}};
    PUT_NUMBERS(out, "database", database);
    PUT_NUMBERS(out, "cache", cache);
    PUT_NUMBERS(out, "log", log);
}

static uint64_t get(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void put_requests(struct buffer *out, struct metrics *metrics)
{
    uint64_t sums[OUTCOME_COUNT] = {0};
    size_t count;
    (void)route_table(&count);
    for (size_t i = 0; i < count * OUTCOME_COUNT; i++) {
        sums[i % OUTCOME_COUNT] += get(&metrics->requests[i / OUTCOME_COUNT][i % OUTCOME_COUNT]);
    }
    buffer_puts(out, "\"requests\":{");
    for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        buffer_printf(out, "%s\"%s\":%llu", outcome > 0 ? "," : "", metrics_outcome_word(outcome),
                      (unsigned long long)sums[outcome]);
    }
    buffer_puts(out, "},");
}

static void put_server(struct buffer *out, struct status *status, const quire_graphql_stats *s)
{
    struct server *server = status->server;
    struct metrics *m = &server->metrics;
    const char *slash = strrchr(server->options->database, '/');
    const char *name = slash != NULL ? slash + 1 : server->options->database;
    char time[LOG_TIME_SIZE];
    const struct number numbers[] = {
        {"upMs", clock_ms() - status->began_ms},
        {"slowMs", (uint64_t)server->options->slow_ms},
        {"connections", get(&m->connections_open)},
        {"connectionsTotal", get(&m->connections_total)},
        {"requests", get(&m->exchanges_open)},
        {"subscriptions", get(&m->subscriptions_open)},
        {"websockets", get(&m->websockets_open)},
        {"commitsWaiting", get(&m->commits_waiting)},
        {"readsWaiting", workers_waiting(server->workers[PLACE_READ])},
        {"writesWaiting", workers_waiting(server->workers[PLACE_WRITE])},
        {"loadsWaiting", workers_waiting(server->workers[PLACE_KEEP])},
        {"bytesIn", get(&m->bytes_in)},
        {"bytesOut", get(&m->bytes_out)},
        {"slow", get(&m->slow)},
        {"documents", s->programs},
        {"documentHits", s->program_hits},
        {"documentMisses", s->program_misses}};
    log_time(time);
    buffer_printf(out, "\"time\":\"%s\",\"version\":\"%s\",\"name\":", time, QUIRE_VERSION_STRING);
    buffer_put_json(out, name, strlen(name));
    buffer_printf(out, ",\"graphiql\":%s,", web_find(server->web, "/") != NULL ? "true" : "false");
    PUT_NUMBERS(out, "server", numbers);
    put_requests(out, m);
}

/* ---- Tables ---- */

struct listing {
    struct buffer *out;
    quire_txn *txn;
    struct indexing *indexing;
    bool begun;
};

static void put_text(struct buffer *out, const char *text)
{
    buffer_put_json(out, text, strlen(text));
}

static void put_column(struct buffer *out, const quire_index_column *column)
{
    put_text(out, column->name != NULL ? column->name : column->expression);
}

/* How often requests have used an index that an advisor built. */
struct uses {
    const char *table, *column;
    uint64_t requests;
};

static bool find_uses(void *context, const quire_advice *advice)
{
    struct uses *uses = context;
    bool found = advice->built && strcmp(advice->type, uses->table) == 0 &&
                 strcmp(advice->column, uses->column) == 0;
    uses->requests = found ? advice->requests : 0;
    return !found;
}

static void put_automatic(const struct listing *listing, const char *table,
                          const quire_index_def *index)
{
    bool automatic = strncmp(index->name, AUTOMATIC, sizeof AUTOMATIC - 1) == 0;
    quire_advisor *advisor = indexing_advisor(listing->indexing);
    buffer_printf(listing->out, ",\"automatic\":%s", automatic ? "true" : "false");
    if (automatic && advisor != NULL && index->columns[0].name != NULL) {
        struct uses uses = {.table = table, .column = index->columns[0].name};
        quire_advisor_list(advisor, find_uses, &uses);
        buffer_printf(listing->out, ",\"uses\":%llu", (unsigned long long)uses.requests);
    }
}

static void put_index(const struct listing *listing, const char *table,
                      const quire_index_def *index)
{
    struct buffer *out = listing->out;
    buffer_puts(out, "{\"name\":");
    put_text(out, index->name);
    buffer_printf(out, ",\"kind\":\"%s\",\"unique\":%s,\"columns\":[",
                  index->kind == QUIRE_INDEX_HASH ? "hash" : "B-tree",
                  index->unique ? "true" : "false");
    for (uint32_t i = 0; i < index->column_count; i++) {
        buffer_puts(out, i > 0 ? "," : "");
        put_column(out, &index->columns[i]);
    }
    buffer_puts(out, "],\"included\":[");
    for (uint32_t i = 0; i < index->included_count; i++) {
        buffer_puts(out, i > 0 ? "," : "");
        put_text(out, index->included[i]);
    }
    buffer_puts(out, "]");
    if (index->where != NULL) {
        buffer_puts(out, ",\"where\":");
        put_text(out, index->where);
    }
    put_automatic(listing, table, index);
    buffer_puts(out, "}");
}

static quire_status put_table(void *context, const char *name, uint64_t rows, quire_error *err)
{
    struct listing *listing = context;
    struct buffer *out = listing->out;
    quire_table *table;
    quire_status status = quire_table_open(listing->txn, name, &table, err);
    if (status != QUIRE_OK) {
        return status;
    }
    buffer_puts(out, listing->begun ? ",{\"name\":" : "{\"name\":");
    put_text(out, name);
    buffer_printf(out, ",\"rows\":%llu,\"columns\":%u,\"indexes\":[", (unsigned long long)rows,
                  quire_table_column_count(table));
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        buffer_puts(out, i > 0 ? "," : "");
        put_index(listing, name, quire_table_index(table, i));
    }
    buffer_puts(out, "]}");
    quire_table_close(table);
    listing->begun = true;
    return QUIRE_OK;
}

/* ---- All of it ---- */

static quire_status make(struct status *status, struct buffer *out, quire_error *err)
{
    struct server *server = status->server;
    quire_stats stats = {.size = sizeof stats};
    quire_graphql_stats documents = QUIRE_GRAPHQL_STATS_INIT;
    struct listing listing = {.out = out, .indexing = server->indexing};
    quire_status result = quire_get_stats(server->db, &stats, err);
    if (result == QUIRE_OK) {
        result = quire_graphql_get_stats(server->db, &documents, err);
    }
    if (result == QUIRE_OK) {
        result = quire_begin(server->db, QUIRE_READ, &listing.txn, err);
    }
    if (result != QUIRE_OK) {
        return result;
    }
    buffer_puts(out, "{");
    put_server(out, status, &documents);
    put_database(out, &stats);
    buffer_puts(out, "\"tables\":[");
    result = quire_each_table(listing.txn, put_table, &listing, err);
    quire_rollback(listing.txn);
    buffer_puts(out, "],\"slow\":");
    slow_put(server->slow, out);
    buffer_puts(out, "}");
    return result;
}

quire_status status_put(struct status *status, struct buffer *out, quire_error *err)
{
    quire_status result = QUIRE_OK;
    pthread_mutex_lock(&status->mutex);
    uint64_t now = clock_ms();
    if (status->made_ms == 0 || now - status->made_ms >= STATUS_MS / 2) {
        struct buffer text = {0};
        result = make(status, &text, err);
        if (result == QUIRE_OK && !text.failed) {
            buffer_free(&status->text);
            status->text = text;
            status->made_ms = now;
        } else {
            out->failed |= text.failed;
            buffer_free(&text);
        }
    }
    if (result == QUIRE_OK) {
        buffer_put(out, status->text.bytes, status->text.size);
    }
    pthread_mutex_unlock(&status->mutex);
    return result;
}

static void run_status(struct exchange *exchange)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct buffer out = {0};
    if (status_put(exchange->server->status, &out, &err) == QUIRE_OK) {
        exchange_reply_buffer(exchange, MHD_HTTP_OK, media_type_text(MEDIA_JSON), &out);
    } else {
        buffer_free(&out);
        exchange_fail(exchange, &err);
    }
    exchange_done(exchange);
}

void status_start(struct exchange *exchange)
{
    bool streams;
    (void)accept_choose(exchange_get(exchange, MHD_HTTP_HEADER_ACCEPT), &streams);
    if (!schema_is_hidden(exchange)) {
        exchange_run(exchange, PLACE_READ, streams ? status_stream : run_status);
    }
}

/* ---- Sizes ---- */

struct sizes {
    struct exchange *exchange;
    struct buffer out;
    uint32_t page_size;
    bool begun;
};

static quire_status put_size(void *context, const quire_object_stats *object, quire_error *err)
{
    struct sizes *sizes = context;
    uint64_t pages = object->inner_pages + object->leaf_pages + object->overflow_pages;
    (void)err;
    if (exchange_cancelled(sizes->exchange)) {
        return QUIRE_INTERRUPTED;
    }
    if (object->depth == 0) {
        return QUIRE_OK; /* a view or trigger has no pages */
    }
    buffer_puts(&sizes->out, sizes->begun ? ",{\"name\":" : "{\"name\":");
    put_text(&sizes->out, object->name);
    buffer_puts(&sizes->out, ",\"table\":");
    put_text(&sizes->out, object->table);
    buffer_printf(&sizes->out, ",\"kind\":\"%s\",\"entries\":%llu,\"levels\":%u,\"bytes\":%llu}",
                  object->kind, (unsigned long long)object->entries, object->depth,
                  (unsigned long long)(pages * sizes->page_size));
    sizes->begun = true;
    return QUIRE_OK;
}

static void run_sizes(struct exchange *exchange)
{
    struct sizes sizes = {.exchange = exchange};
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    quire_txn *txn = NULL;
    quire_status status = quire_get_stats(exchange->server->db, &stats, &err);
    if (status == QUIRE_OK) {
        status = quire_begin(exchange->server->db, QUIRE_READ, &txn, &err);
    }
    if (status == QUIRE_OK) {
        sizes.page_size = stats.page_size;
        buffer_puts(&sizes.out, "{\"objects\":[");
        status = quire_each_object(txn, put_size, &sizes, &err);
        buffer_puts(&sizes.out, "]}");
        quire_rollback(txn);
    }
    if (status == QUIRE_OK) {
        exchange_reply_buffer(exchange, MHD_HTTP_OK, media_type_text(MEDIA_JSON), &sizes.out);
    } else {
        err.status = status;
        buffer_free(&sizes.out);
        exchange_fail(exchange, &err);
    }
    exchange_done(exchange);
}

void status_sizes_start(struct exchange *exchange)
{
    if (!schema_is_hidden(exchange)) {
        exchange_run(exchange, PLACE_KEEP, run_sizes);
    }
}
