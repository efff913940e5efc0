/*
 * The HTTP library alone: answers every request with a constant. What a server
 * over it could reach at best, for bench/http.sh.
 *
 *     quire-http-hello PORT THREADS BODY
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(context), context, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: quire-http-hello PORT THREADS BODY\n", stderr);
        return 64;
    }
    unsigned threads = (unsigned)strtoul(argv[2], NULL, 10);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO,
                         (uint16_t)strtoul(argv[1], NULL, 10), NULL, NULL, answer, argv[3],
                         MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0U, MHD_OPTION_END);
    if (daemon == NULL) {
        fputs("quire-http-hello: the port could not be opened\n", stderr);
        return 74;
    }
    puts("ready");
    fflush(stdout);
    pause();
    MHD_stop_daemon(daemon);
    return 0;
}
