/*
 * Prometheus text format, version 0.0.4.
 */
#include <stdio.h>

#include "auth.h"
#include "server.h"

/* Upper bounds of the histogram, in microseconds. */
static const uint64_t bounds_us[METRICS_BUCKETS] = {250,    500,     1000,    2500,   5000,
                                                    10000,  25000,   50000,   100000, 250000,
                                                    500000, 1000000, 2500000, 5000000};

const char *metrics_outcome_word(unsigned outcome)
{
    static const char *const words[OUTCOME_COUNT] = {[OUTCOME_OK] = "ok",
                                                     [OUTCOME_ERRORS] = "errors",
                                                     [OUTCOME_REFUSED] = "refused",
                                                     [OUTCOME_BUSY] = "busy",
                                                     [OUTCOME_TIMEOUT] = "timeout",
                                                     [OUTCOME_LIMIT] = "limit",
                                                     [OUTCOME_CANCELLED] = "cancelled",
                                                     [OUTCOME_FAILED] = "failed"};
    return words[outcome];
}

static void add(_Atomic uint64_t *counter, uint64_t count)
{
    /* Counters order nothing. */
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_count(struct metrics *metrics, const struct exchange *exchange, uint64_t took_us)
{
    size_t count;
    const struct route *routes = route_table(&count);
    size_t route = exchange->route != NULL ? (size_t)(exchange->route - routes) : 0;
    unsigned bucket = 0;
    while (bucket < METRICS_BUCKETS && took_us > bounds_us[bucket]) {
        bucket++;
    }
    add(&metrics->requests[route][exchange->outcome], 1);
    add(&metrics->durations[bucket], 1);
    add(&metrics->duration_us, took_us);
    add(&metrics->bytes_in, exchange->body_bytes);
    add(&metrics->bytes_out, exchange->reply_bytes);
}

static void put(struct buffer *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                  (unsigned long long)value);
}

static void put_requests(struct buffer *out, struct metrics *metrics)
{
    size_t count;
    const struct route *routes = route_table(&count);
    buffer_puts(out, "# HELP quire_http_requests_total Requests answered, by path and outcome.\n"
                     "# TYPE quire_http_requests_total counter\n");
    for (size_t i = 0; i < count; i++) {
        for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
            uint64_t value = get(&metrics->requests[i][outcome]);
            if (value > 0) {
                buffer_printf(out, "quire_http_requests_total{path=\"%s\",outcome=\"%s\"} %llu\n",
                              routes[i].path, metrics_outcome_word(outcome),
                              (unsigned long long)value);
            }
        }
    }
}

static void put_refusals(struct buffer *out, struct metrics *metrics)
{
    buffer_puts(out, "# HELP quire_auth_refused_total Callers refused, by reason.\n"
                     "# TYPE quire_auth_refused_total counter\n");
    for (unsigned reason = 0; reason < AUTH_VERDICTS; reason++) {
        uint64_t value = get(&metrics->auth_refused[reason]);
        if (value > 0) {
            buffer_printf(out, "quire_auth_refused_total{reason=\"%s\"} %llu\n",
                          auth_verdict_word(reason), (unsigned long long)value);
        }
    }
}

static void put_durations(struct buffer *out, struct metrics *metrics)
{
    uint64_t sum = 0;
    buffer_puts(out, "# HELP quire_http_request_seconds Time from a request's first byte read to "
                     "its reply sent.\n"
                     "# TYPE quire_http_request_seconds histogram\n");
    for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
        sum += get(&metrics->durations[i]);
        buffer_printf(out, "quire_http_request_seconds_bucket{le=\"%g\"} %llu\n",
                      (double)bounds_us[i] / 1e6, (unsigned long long)sum);
    }
    sum += get(&metrics->durations[METRICS_BUCKETS]);
    buffer_printf(out,
                  "quire_http_request_seconds_bucket{le=\"+Inf\"} %llu\n"
                  "quire_http_request_seconds_sum %.6f\n"
                  "quire_http_request_seconds_count %llu\n",
                  (unsigned long long)sum, (double)get(&metrics->duration_us) / 1e6,
                  (unsigned long long)sum);
}

static void put_server(struct buffer *out, struct server *server)
{
    struct metrics *m = &server->metrics;
    put(out, "quire_http_connections_open", "gauge", "Open connections.",
        get(&m->connections_open));
    put(out, "quire_http_connections_total", "counter", "Connections accepted.",
        get(&m->connections_total));
    put(out, "quire_http_connections_overdue_total", "counter",
        "Connections closed because their time was up.", get(&m->connections_overdue));
    put(out, "quire_http_requests_open", "gauge", "Requests being received, run or answered.",
        get(&m->exchanges_open));
    put(out, "quire_http_received_bytes_total", "counter", "Bytes of request bodies.",
        get(&m->bytes_in));
    put(out, "quire_http_sent_bytes_total", "counter", "Bytes of response bodies.",
        get(&m->bytes_out));
    put(out, "quire_jobs_waiting_read", "gauge", "Requests that wait for a worker.",
        workers_waiting(server->workers[PLACE_READ]));
    put(out, "quire_jobs_waiting_write", "gauge", "Mutations that wait for their thread.",
        workers_waiting(server->workers[PLACE_WRITE]));
    put(out, "quire_jobs_waiting_keep", "gauge", "Loads and backups that wait for their thread.",
        workers_waiting(server->workers[PLACE_KEEP]));
    put(out, "quire_jobs_waiting_stream", "gauge",
        "Subscriptions that wait for a worker to take an event.",
        workers_waiting(server->workers[PLACE_STREAM]));
    put(out, "quire_subscriptions_open", "gauge", "Subscriptions of clients.",
        get(&m->subscriptions_open));
    put(out, "quire_websockets_open", "gauge", "Open WebSockets.", get(&m->websockets_open));
    put(out, "quire_reservations_open", "gauge", "Reserved streams of server-sent events.",
        get(&m->reservations_open));
    put(out, "quire_waiting_bytes", "gauge", "Bytes of answers that wait for clients of streams.",
        atomic_load(&server->waiting.bytes));
    put(out, "quire_waiting_bytes_max", "gauge", "The most that these have been.",
        atomic_load(&server->waiting.bytes_max));
    put(out, "quire_sessions_shed_total", "counter",
        "Streams ended because --waiting-bytes were reached.", get(&m->sessions_shed));
    put(out, "quire_commits_waiting", "gauge", "Commits whose sync is awaited.",
        get(&m->commits_waiting));
    put(out, "quire_cost_total", "counter", "Cost of the requests that were let in.",
        get(&m->cost));
    put(out, "quire_rate_refused_total", "counter", "Requests beyond what their caller may have.",
        get(&m->rate_refused));
    put(out, "quire_slow_requests_total", "counter", "Requests slower than --slow-ms.",
        get(&m->slow));
}

static void put_database(struct buffer *out, const quire_stats *s)
{
    put(out, "quire_commits_total", "counter", "Write transactions committed.", s->commits);
    put(out, "quire_rollbacks_total", "counter", "Write transactions undone.", s->rollbacks);
    put(out, "quire_commit_groups_total", "counter", "Groups of commits written.", s->groups);
    put(out, "quire_commit_sequence", "gauge", "Newest visible commit.", s->commit_sequence);
    put(out, "quire_syncs_total", "counter", "Syncs of log and database file.", s->syncs);
    put(out, "quire_checkpoints_total", "counter", "Checkpoints completed.", s->checkpoints);
    put(out, "quire_pages_written_total", "counter", "Pages written to the database file.",
        s->pages_written);
    put(out, "quire_page_reads_total", "counter", "Pages read from disk: misses of the cache.",
        s->page_reads);
    put(out, "quire_cache_evictions_total", "counter", "Pages dropped from the cache.",
        s->evictions);
    put(out, "quire_cache_frames", "gauge", "Pages in the cache.", s->cache_frames);
    put(out, "quire_cache_frames_max", "gauge", "Pages that the cache has room for.",
        s->cache_frames_max);
    put(out, "quire_versions_held", "gauge", "Old page versions kept for open snapshots.",
        s->versions_held);
    put(out, "quire_database_pages", "gauge", "Pages of the database.", s->pages);
    put(out, "quire_database_pages_free", "gauge", "Of these, free.", s->pages_free);
    put(out, "quire_database_page_bytes", "gauge", "Size of a page.", s->page_size);
    put(out, "quire_log_bytes", "gauge", "Size of the log file.", s->log_bytes);
    put(out, "quire_log_frames_total", "counter", "Frames written to the log.", s->log_frames);
    put(out, "quire_log_frames_live", "gauge", "Frames that no checkpoint has released.",
        s->log_frames_live);
    put(out, "quire_feed_listeners", "gauge", "Listeners of the change feed.", s->feed_listeners);
    put(out, "quire_feed_bytes", "gauge", "Bytes of changes kept for listeners.", s->feed_bytes);
    put(out, "quire_readers_open", "gauge", "Open snapshots.", s->readers_open);
    put(out, "quire_oldest_reader_ms", "gauge", "Age of the oldest open snapshot.",
        s->oldest_reader_ms);
}

static void put_programs(struct buffer *out, const quire_graphql_stats *s)
{
    put(out, "quire_documents_ready", "gauge", "Documents kept ready to run.", s->programs);
    put(out, "quire_document_hits_total", "counter", "Requests whose document was ready.",
        s->program_hits);
    put(out, "quire_document_misses_total", "counter",
        "Requests whose document was read, checked and planned.", s->program_misses);
}

void metrics_start(struct exchange *exchange)
{
    struct buffer out = {0};
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    quire_graphql_stats programs = QUIRE_GRAPHQL_STATS_INIT;
    if (quire_get_stats(exchange->server->db, &stats, &err) != QUIRE_OK ||
        quire_graphql_get_stats(exchange->server->db, &programs, &err) != QUIRE_OK) {
        exchange_fail(exchange, &err);
        return;
    }
    put_requests(&out, &exchange->server->metrics);
    put_refusals(&out, &exchange->server->metrics);
    put_durations(&out, &exchange->server->metrics);
    put_server(&out, exchange->server);
    put_programs(&out, &programs);
    put_database(&out, &stats);
    exchange_reply_buffer(exchange, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &out);
}
