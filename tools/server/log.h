/*
 * The logs: one JSON object a line, each written with one call.
 *
 *   access  a line a request, where options->access_log says
 *   events  start and stop, slow requests with their plans, failures of the
 *           server's own; on standard error
 *
 * Neither tokens, nor variables, nor query strings are ever written. Any thread.
 */
#ifndef QUIRE_SERVER_LOG_H
#define QUIRE_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quire/quire.h"

struct exchange;
struct log;

/* Writes the time as logs have it. */
#define LOG_TIME_SIZE 40
void log_time(char out[LOG_TIME_SIZE]);

/* Opens the access log ("-" is standard error, NULL none). NULL after saying why. */
struct log *log_open(const char *access_log);
void log_close(struct log *log);

/* An exchange that has ended. */
void log_request(struct log *log, const struct exchange *exchange, uint64_t took_us);

/* A request that took longer than options->slow_ms; `plan` is the JSON of extensions.explain. */
void log_slow(struct log *log, const struct exchange *exchange, const char *document,
              size_t document_size, const char *plan, size_t plan_size);

/* A failure that clients are told little of. */
void log_failure(struct log *log, const struct exchange *exchange, const quire_error *err);

/* Something that happened to the server, and a number that goes with it. */
void log_event(struct log *log, const char *event, const char *name, uint64_t value);
/* The same with what it is about, and a sentence. */
void log_note(struct log *log, const char *event, const char *about, const char *text);

#endif
