/*
 * A line is put together in memory and handed to write in one piece, so lines
 * of two threads do not mix. A line that cannot be written is lost: a log does
 * not stop the server.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "graphql_call.h"
#include "server.h"

#define DOCUMENT_MAX 4096U
#define NAME_MAX_    128U

struct log {
    int access; /* -1 = none */
};

struct log *log_open(const char *access_log)
{
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        fputs("quire: out of memory\n", stderr);
        return NULL;
    }
    log->access = -1;
    if (access_log != NULL && strcmp(access_log, "-") == 0) {
        log->access = STDERR_FILENO;
    } else if (access_log != NULL) {
        log->access =
            open(access_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (log->access < 0) {
            fprintf(stderr, "quire: %s: %s\n", access_log, strerror(errno));
            free(log);
            return NULL;
        }
    }
    return log;
}

void log_close(struct log *log)
{
    if (log != NULL && log->access > STDERR_FILENO) {
        close(log->access);
    }
    free(log);
}

void log_time(char out[LOG_TIME_SIZE])
{
    struct timespec now;
    struct tm parts;
    size_t size = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &parts) != NULL) {
        size = strftime(out, LOG_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    snprintf(out + size, LOG_TIME_SIZE - size, ".%03ldZ", now.tv_nsec / 1000000);
}

static void begin(struct buffer *line, const char *event)
{
    char time[LOG_TIME_SIZE];
    log_time(time);
    buffer_printf(line, "{\"time\":\"%s\",\"event\":\"%s\"", time, event);
}

static void put(struct buffer *line, const char *name, const char *text, size_t max)
{
    if (text != NULL && text[0] != '\0') {
        buffer_printf(line, ",\"%s\":", name);
        buffer_put_json_cut(line, text, strlen(text), max);
    }
}

static void put_exchange(struct buffer *line, const struct exchange *exchange)
{
    put(line, "request", exchange->request_id, REQUEST_ID_MAX);
    put(line, "traceparent", exchange->traceparent, TRACEPARENT_SIZE);
    put(line, "caller", exchange->identity.name, NAME_MAX_);
    put(line, "method", exchange->method, sizeof exchange->method);
    put(line, "path", exchange->route != NULL ? exchange->route->path : exchange->path, NAME_MAX_);
}

static void end(struct buffer *line, int file)
{
    buffer_puts(line, "}\n");
    if (!line->failed) {
        ssize_t written = write(file, line->bytes, line->size);
        (void)written;
    }
    buffer_free(line);
}

void log_request(struct log *log, const struct exchange *exchange, uint64_t took_us)
{
    if (log->access < 0) {
        return;
    }
    struct buffer line = {0};
    begin(&line, "request");
    put_exchange(&line, exchange);
    put(&line, "operation", graphql_operation_name(exchange), NAME_MAX_);
    if (exchange->call != NULL) {
        buffer_printf(&line, ",\"cost\":%llu", (unsigned long long)exchange->call->cost);
    }
    buffer_printf(&line,
                  ",\"status\":%u,\"outcome\":\"%s\",\"bytes_in\":%llu,\"bytes_out\":%llu,"
                  "\"ms\":%.3f",
                  exchange->status, metrics_outcome_word(exchange->outcome),
                  (unsigned long long)exchange->body_bytes,
                  (unsigned long long)exchange->reply_bytes, (double)took_us / 1000);
    end(&line, log->access);
}

void log_slow(struct log *log, const struct exchange *exchange, const char *document,
              size_t document_size, const char *plan, size_t plan_size)
{
    struct buffer line = {0};
    (void)log;
    begin(&line, "slow");
    put_exchange(&line, exchange);
    put(&line, "operation", graphql_operation_name(exchange), NAME_MAX_);
    buffer_printf(&line, ",\"ms\":%.3f,\"document\":", (double)exchange->run_us / 1000);
    buffer_put_json_cut(&line, document, document_size, DOCUMENT_MAX);
    if (plan_size > 0) {
        buffer_puts(&line, ",\"plan\":");
        buffer_put(&line, plan, plan_size);
    }
    end(&line, STDERR_FILENO);
}

void log_failure(struct log *log, const struct exchange *exchange, const quire_error *err)
{
    struct buffer line = {0};
    (void)log;
    begin(&line, "failure");
    put_exchange(&line, exchange);
    put(&line, "status", quire_status_name(err->status), NAME_MAX_);
    put(&line, "message",
        err->message[0] != '\0' ? err->message : quire_status_message(err->status),
        sizeof err->message);
    put(&line, "file", err->file, sizeof err->file);
    if (err->os_errno != 0) {
        buffer_printf(&line, ",\"errno\":%d", err->os_errno);
    }
    end(&line, STDERR_FILENO);
}

void log_event(struct log *log, const char *event, const char *name, uint64_t value)
{
    struct buffer line = {0};
    (void)log;
    begin(&line, event);
    buffer_printf(&line, ",\"%s\":%llu", name, (unsigned long long)value);
    end(&line, STDERR_FILENO);
}

void log_note(struct log *log, const char *event, const char *about, const char *text)
{
    struct buffer line = {0};
    (void)log;
    begin(&line, event);
    put(&line, "about", about, NAME_MAX_);
    put(&line, "message", text, NAME_MAX_);
    end(&line, STDERR_FILENO);
}
