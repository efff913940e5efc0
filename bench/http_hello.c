/*
 * The HTTP library alone: answers every request with the bytes of a file. What a
 * server over it could reach at best, for bench/http/run.py.
 *
 *     quire-http-hello PORT THREADS FILE
 */
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BODY_MAX ((size_t)16 << 20)

struct body {
    char *bytes;
    size_t size;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **slot)
{
    static char received;
    (void)url, (void)method, (void)version, (void)upload;
    if (*slot == NULL) {
        *slot = &received;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    const struct body *body = context;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, body->bytes, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static bool read_file(const char *path, struct body *body)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    body->bytes = malloc(BODY_MAX);
    body->size = body->bytes == NULL ? 0 : fread(body->bytes, 1, BODY_MAX, file);
    return fclose(file) == 0 && body->bytes != NULL;
}

int main(int argc, char **argv)
{
    struct body body;

    if (argc != 4) {
        fputs("usage: quire-http-hello PORT THREADS FILE\n", stderr);
        return 64;
    }
    if (!read_file(argv[3], &body)) {
        fputs("quire-http-hello: the file could not be read\n", stderr);
        return 66;
    }
    unsigned threads = (unsigned)strtoul(argv[2], NULL, 10);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO,
                         (uint16_t)strtoul(argv[1], NULL, 10), NULL, NULL, answer, &body,
                         MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0U, MHD_OPTION_END);
    if (daemon == NULL) {
        fputs("quire-http-hello: the port could not be opened\n", stderr);
        return 74;
    }
    puts("ready");
    fflush(stdout);
    pause();
    MHD_stop_daemon(daemon);
    free(body.bytes);
    return 0;
}
