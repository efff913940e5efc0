/*
 * The client of the server, over libcurl.
 */
#include "remote.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "json.h"

#ifdef QUIRE_CLIENT
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define ANSWER_SIZE_MAX ((size_t)1 << 30)

/* Where an answer goes. */
struct sink {
    CURL *handle;
    struct buffer text;
    FILE *file; /* of an answer of status 200; NULL: into `text` */
};

static size_t take_answer(char *bytes, size_t unit, size_t count, void *context)
{
    struct sink *sink = context;
    size_t size = unit * count;
    long status = 0;
    curl_easy_getinfo(sink->handle, CURLINFO_RESPONSE_CODE, &status);
    if (sink->file != NULL && status == 200) {
        return fwrite(bytes, 1, size, sink->file);
    }
    if (sink->text.size + size > ANSWER_SIZE_MAX) {
        return 0;
    }
    buffer_put(&sink->text, bytes, size);
    return sink->text.failed ? 0 : size;
}

static size_t give_body(char *bytes, size_t unit, size_t count, void *context)
{
    return context == NULL ? 0 : fread(bytes, unit, count, context);
}

/* The URL of a path at the server, which may be given with or without "/graphql". */
static void put_url(struct buffer *out, const char *server, const char *path)
{
    static const char end[] = "/graphql";
    size_t size = strlen(server);
    while (size > 0 && server[size - 1] == '/') {
        size--;
    }
    if (size > sizeof end && memcmp(server + size - (sizeof end - 1), end, sizeof end - 1) == 0) {
        size -= sizeof end - 1;
    }
    buffer_put(out, server, size);
    buffer_put(out, path, strlen(path) + 1);
}

/* Adds the token, if there is one. False after reporting. */
static bool put_token(const struct remote *remote, struct buffer *header)
{
    static const char space[] = " \t\r\n";
    const char *token = getenv("QUIRE_TOKEN");
    struct command_text file = {NULL, 0};
    if (remote->token_file != NULL) {
        if (!command_read(remote->token_file, &file)) {
            return false;
        }
        token = file.bytes + strspn(file.bytes, space);
    }
    if (token != NULL && token[0] != '\0') {
        buffer_puts(header, "Authorization: Bearer ");
        buffer_put(header, token, strcspn(token, space));
    }
    buffer_put(header, "", 1);
    free(file.bytes);
    return true;
}

static struct curl_slist *make_headers(const char *content_type, const char *token)
{
    char type[128];
    snprintf(type, sizeof type, "Content-Type: %s", content_type);
    struct curl_slist *list = curl_slist_append(NULL, type);
    struct curl_slist *more =
        list != NULL && token[0] != '\0' ? curl_slist_append(list, token) : list;
    /* Whatever is large is sent at once: the server refuses by its headers or not at all. */
    struct curl_slist *all = more != NULL ? curl_slist_append(more, "Expect:") : NULL;
    if (all == NULL) {
        curl_slist_free_all(list);
    }
    return all;
}

static long size_left(FILE *body)
{
    long at = body != NULL ? ftell(body) : 0;
    if (body == NULL || at < 0 || fseek(body, 0, SEEK_END) != 0) {
        return 0;
    }
    long end = ftell(body);
    fseek(body, at, SEEK_SET);
    return end - at;
}

static int perform(CURL *handle, const char *url, struct curl_slist *headers, FILE *body,
                   struct sink *sink, bool *asked)
{
    char problem[CURL_ERROR_SIZE] = "";
    curl_off_t size = size_left(body);
    curl_off_t sent = -1;
    long headers_sent = 0;
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, size);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(handle, CURLOPT_READDATA, body);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, sink);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 10L);
    CURLcode code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &headers_sent);
    *asked = headers_sent > 0 && sent >= size;
    if (code != CURLE_OK) {
        fprintf(stderr, "quire: %s: %s\n", url,
                problem[0] != '\0' ? problem : curl_easy_strerror(code));
        return COMMAND_IO;
    }
    return COMMAND_OK;
}

static int out_of_memory(void)
{
    fputs("quire: out of memory\n", stderr);
    return COMMAND_IO;
}

static int exchange(const struct remote *remote, const char *path, const char *content_type,
                    FILE *body, FILE *file, struct remote_answer *answer)
{
    struct sink sink = {.handle = curl_easy_init(), .file = file};
    struct buffer url = {0};
    struct buffer token = {0};
    int code = COMMAND_IO;
    *answer = (struct remote_answer){0};
    put_url(&url, remote->url, path);
    if (put_token(remote, &token)) {
        bool ready = sink.handle != NULL && !url.failed && !token.failed;
        struct curl_slist *headers = ready ? make_headers(content_type, token.bytes) : NULL;
        if (ready && remote->ca != NULL) {
            curl_easy_setopt(sink.handle, CURLOPT_CAINFO, remote->ca);
        }
        code = headers != NULL
                   ? perform(sink.handle, url.bytes, headers, body, &sink, &answer->asked)
                   : out_of_memory();
        curl_slist_free_all(headers);
    }
    if (code == COMMAND_OK) {
        curl_easy_getinfo(sink.handle, CURLINFO_RESPONSE_CODE, &answer->status);
        buffer_put(&sink.text, "", 1);
        answer->body = (struct command_text){sink.text.bytes, sink.text.size - 1};
    } else {
        buffer_free(&sink.text);
    }
    curl_easy_cleanup(sink.handle);
    buffer_free(&url);
    buffer_free(&token);
    return code;
}

#else

static int exchange(const struct remote *remote, const char *path, const char *content_type,
                    FILE *body, FILE *file, struct remote_answer *answer)
{
    (void)remote, (void)path, (void)content_type, (void)body, (void)file;
    *answer = (struct remote_answer){0};
    fputs("quire: this command was built without --connect: libcurl was missing\n", stderr);
    return COMMAND_IO;
}

#endif

int remote_post(const struct remote *remote, const char *path, const char *content_type, FILE *body,
                struct remote_answer *answer)
{
    return exchange(remote, path, content_type, body, NULL, answer);
}

int remote_download(const struct remote *remote, const char *path, FILE *out,
                    struct remote_answer *answer)
{
    return exchange(remote, path, "application/json", NULL, out, answer);
}

void remote_release(struct remote *remote)
{
    free(remote->url);
    free(remote->ca);
    free(remote->token_file);
}

/* Finds a member at the top of an object. */
static bool find_member(const struct command_text *object, const char *name,
                        struct json_value *value)
{
    struct json_value whole;
    const char *problem;
    size_t at;
    if (object->bytes == NULL || !json_check(object->bytes, object->size, &whole, &problem, &at) ||
        whole.kind != JSON_OBJECT) {
        return false;
    }
    *value = json_member(&whole, name);
    return value->text != NULL;
}

bool remote_has_member(const struct command_text *object, const char *name)
{
    struct json_value value;
    return find_member(object, name, &value);
}

int remote_check(const struct remote_answer *answer)
{
    struct json_value value;
    size_t size;
    if (answer->status == 200) {
        return COMMAND_OK;
    }
    char *text = find_member(&answer->body, "error", &value) && value.kind == JSON_STRING
                     ? json_decode(&value, &size)
                     : NULL;
    if (text != NULL) {
        fprintf(stderr, "quire: %s\n", text);
    } else {
        fprintf(stderr, "quire: the server answered with status %ld\n", answer->status);
    }
    free(text);
    return answer->status >= 400 && answer->status < 500 ? COMMAND_REFUSED : COMMAND_IO;
}
