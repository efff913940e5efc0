/*
 * Counters of the server, and the text that Prometheus reads.
 *
 * Any thread counts; each counter is exact, and one reading may catch two of
 * them a moment apart.
 */
#ifndef QUIRE_SERVER_METRICS_H
#define QUIRE_SERVER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

struct exchange;

#define METRICS_ROUTES_MAX   24
#define METRICS_OUTCOMES_MAX 8
#define METRICS_REASONS_MAX  16
#define METRICS_BUCKETS      14

struct metrics {
    _Atomic uint64_t requests[METRICS_ROUTES_MAX][METRICS_OUTCOMES_MAX];
    _Atomic uint64_t durations[METRICS_BUCKETS + 1]; /* the last is beyond all bounds */
    _Atomic uint64_t duration_us;
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t connections_open;
    _Atomic uint64_t connections_total;
    _Atomic uint64_t connections_overdue; /* closed because a deadline had passed */
    _Atomic uint64_t exchanges_open;
    _Atomic uint64_t suspended; /* their connections */
    _Atomic uint64_t commits_waiting;
    _Atomic uint64_t subscriptions_open;
    _Atomic uint64_t websockets_open;
    _Atomic uint64_t reservations_open;
    _Atomic uint64_t sessions_shed; /* ended because too much waited for all */
    _Atomic uint64_t slow;
    _Atomic uint64_t cost; /* of the requests that were let in */
    _Atomic uint64_t rate_refused;
    _Atomic uint64_t auth_refused[METRICS_REASONS_MAX];
};

/* Counts an exchange that has ended. */
void metrics_count(struct metrics *metrics, const struct exchange *exchange, uint64_t took_us);

/* The word for an outcome. */
const char *metrics_outcome_word(unsigned outcome);

/* GET /metrics. */
void metrics_start(struct exchange *exchange);

#endif
