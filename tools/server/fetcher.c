/*
 * Fetching: see fetcher.h. A question is a byte, an answer its size, whether it is good,
 * and its bytes.
 */
#include "fetcher.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 10000L

struct fetcher {
    int socket;
    size_t max;
};

struct answer {
    uint32_t size;
    uint32_t good;
};

static bool put_all(int socket, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t sent = send(socket, from, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        from += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool get_all(int socket, void *bytes, size_t size)
{
    char *to = bytes;
    while (size > 0) {
        ssize_t got = recv(socket, to, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        to += got;
        size -= (size_t)got;
    }
    return true;
}

/* ---- The server's side ---- */

bool fetcher_ask(struct fetcher *fetcher, struct buffer *text)
{
    static const char gone[] = "the process that fetches it has ended";
    struct answer answer;
    /* Room for every answer first: one that is asked for is read to its end, or the next question
     * would be answered with the rest of it. */
    if (!buffer_reserve(text, fetcher->max + 1)) {
        return false;
    }
    if (put_all(fetcher->socket, "?", 1) && get_all(fetcher->socket, &answer, sizeof answer) &&
        answer.size <= fetcher->max &&
        get_all(fetcher->socket, text->bytes + text->size, answer.size)) {
        text->size += answer.size;
        buffer_put(text, "", 1);
        text->size--;
        return answer.good != 0;
    }
    buffer_put(text, gone, sizeof gone);
    return false;
}

void fetcher_hush(struct fetcher *fetcher)
{
    shutdown(fetcher->socket, SHUT_RDWR);
}

void fetcher_stop(struct fetcher *fetcher)
{
    if (fetcher != NULL) {
        close(fetcher->socket);
        free(fetcher);
    }
}

/* ---- The child's side ---- */

#ifdef QUIRE_CLIENT

#include <curl/curl.h>

struct download {
    struct fetcher *fetcher;
    struct buffer text;
};

static size_t take(char *bytes, size_t one, size_t size, void *context)
{
    struct download *download = context;
    (void)one;
    if (download->text.size + size > download->fetcher->max) {
        return 0;
    }
    buffer_put(&download->text, bytes, size);
    return download->text.failed ? 0 : size;
}

/* Gives up when nobody waits any more: what comes before the answer is the end. */
static int go_on(void *context, curl_off_t down, curl_off_t downed, curl_off_t up, curl_off_t upped)
{
    const struct download *download = context;
    struct pollfd server = {.fd = download->fetcher->socket, .events = POLLIN};
    (void)down;
    (void)downed;
    (void)up;
    (void)upped;
    return poll(&server, 1, 0) != 0;
}

/* NULL, or why not. */
static const char *fetch(struct download *download, const char *url)
{
    CURL *handle = curl_easy_init();
    long status = 0;
    if (handle == NULL) {
        return "out of memory";
    }
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    if (strncmp(url, "http:", 5) == 0) {
        /* It is of this machine: no proxy of the environment is to answer in its place. */
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
    }
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, download);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, download);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    CURLcode code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(handle);
    return code == CURLE_WRITE_ERROR                   ? "its answer is too large"
           : code != CURLE_OK                          ? curl_easy_strerror(code)
           : status != 200 || download->text.size == 0 ? "it does not answer with status 200"
                                                       : NULL;
}

static void run_child(struct fetcher *fetcher, const char *url)
{
    char question;
    bool asked = true;
    while (asked && get_all(fetcher->socket, &question, 1)) {
        struct download download = {.fetcher = fetcher};
        const char *problem = fetch(&download, url);
        size_t size = problem != NULL ? strlen(problem) : download.text.size;
        struct answer answer = {.size = (uint32_t)size, .good = problem == NULL};
        asked = put_all(fetcher->socket, &answer, sizeof answer) &&
                put_all(fetcher->socket, problem != NULL ? problem : download.text.bytes, size);
        buffer_free(&download.text);
    }
    _exit(0);
}

struct fetcher *fetcher_start(const char *url, size_t max)
{
    int ends[2];
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (fetcher == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        free(fetcher);
        fputs("quire: out of memory or of files\n", stderr);
        return NULL;
    }
    fetcher->max = max;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        fetcher->socket = ends[1];
        run_child(fetcher, url);
    }
    close(ends[1]);
    fetcher->socket = ends[0];
    if (child < 0) {
        fprintf(stderr, "quire: the process that asks %s: %s\n", url, strerror(errno));
        fetcher_stop(fetcher);
        return NULL;
    }
    return fetcher;
}

#else

struct fetcher *fetcher_start(const char *url, size_t max)
{
    (void)max;
    fprintf(stderr, "quire: %s: this command was built without libcurl\n", url);
    return NULL;
}

#endif
