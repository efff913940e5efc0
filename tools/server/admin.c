/*
 * Checkpoint, backup, health. No path of the server's machine is ever taken
 * from a request: a backup goes to the client.
 */
#include "admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static void run_checkpoint(struct exchange *exchange)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct buffer out = {0};
    if (quire_checkpoint(exchange->server->db, &err) == QUIRE_OK) {
        buffer_puts(&out, "{\"success\":true}");
        exchange_reply_buffer(exchange, MHD_HTTP_OK, media_type_text(MEDIA_JSON), &out);
    } else {
        exchange_fail(exchange, &err);
    }
    exchange_done(exchange);
}

void admin_checkpoint_start(struct exchange *exchange)
{
    exchange_run(exchange, PLACE_KEEP, run_checkpoint);
}

/* ---- Backup ---- */

static bool go_on(void *context, const quire_progress *progress)
{
    (void)progress;
    return !exchange_cancelled(context);
}

static bool fail_file(quire_error *err, const char *path)
{
    err->status = QUIRE_IO;
    err->os_errno = errno;
    snprintf(err->file, sizeof err->file, "%.*s", (int)sizeof err->file - 1, path);
    snprintf(err->message, sizeof err->message, "The backup could not be read back: %s",
             strerror(err->os_errno));
    return false;
}

/* Opens the file and takes its name away. */
static bool open_unnamed(const char *path, int *file, uint64_t *size, quire_error *err)
{
    struct stat about;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good = (*file >= 0 && fstat(*file, &about) == 0) || fail_file(err, path);
    unlink(path);
    if (!good && *file >= 0) {
        close(*file);
    }
    *size = good ? (uint64_t)about.st_size : 0;
    return good;
}

static void run_backup(struct exchange *exchange)
{
    struct server *server = exchange->server;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char path[PATH_SIZE];
    int file;
    uint64_t size;
    options.progress = go_on;
    options.context = exchange;
    snprintf(path, sizeof path, "%s/.quire-backup-%ld-%llu", server->options->scratch,
             (long)getpid(), (unsigned long long)atomic_fetch_add(&server->next_request, 1));
    if (quire_backup(server->db, path, &options, &err) != QUIRE_OK ||
        !open_unnamed(path, &file, &size, &err)) {
        exchange_fail(exchange, &err);
    } else {
        struct MHD_Response *response = MHD_create_response_from_fd64(size, file);
        if (response == NULL) {
            close(file);
        }
        exchange_respond(exchange, MHD_HTTP_OK, OUTCOME_OK, response, size);
        exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
    }
    exchange_done(exchange);
}

void admin_backup_start(struct exchange *exchange)
{
    exchange_run(exchange, PLACE_KEEP, run_backup);
}

/* ---- Health ---- */

void health_start(struct exchange *exchange)
{
    struct buffer out = {0};
    bool stops = atomic_load(&exchange->server->draining);
    bool live = strcmp(exchange->route->path, "/health/live") == 0;
    buffer_printf(&out, "{\"status\":\"%s\",\"live\":true,\"ready\":%s}", stops ? "stopping" : "ok",
                  stops ? "false" : "true");
    exchange_reply_buffer(exchange, stops && !live ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                          media_type_text(MEDIA_JSON), &out);
}
