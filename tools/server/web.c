/*
 * Files are kept as they are sent: those with a name in ".gz" compressed, which
 * every browser takes. Pages may load files of this server alone, and ask this
 * server alone: Content-Security-Policy says so with each file.
 */
#include "web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX   256U
#define FILE_MAX    ((off_t)16 << 20)
#define PATH_SIZE   4096
#define URL_SIZE    128
#define TAG_BYTES   16U                   /* of the hash */
#define DIRECTORY   "/../share/quire/web" /* from the command's own */
#define COMPRESSED  ".gz"
#define POLICY_REST "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct web_file {
    char url[URL_SIZE];
    const char *type, *policy;
    char *bytes; /* owned */
    size_t size;
    char tag[2 * TAG_BYTES + 3]; /* the hash, in quotes */
    bool compressed;
    bool lasting; /* its name has a hash of its bytes */
};

struct web {
    struct web_file files[FILES_MAX];
    size_t count;
};

/* ---- What names say ---- */

/* Monaco, GraphiQL's editor, makes style elements, which cannot be named ahead; its style sheet has
 * fonts and pictures within. The status page is ours and needs none of that: not even a string can
 * become markup there. */
static const char graphiql_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src "
    "'self'; " POLICY_REST;
static const char admin_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; " POLICY_REST;
/* Of scripts it is what workers live by. */
static const char file_policy[] = "default-src 'none'; script-src 'self'; " POLICY_REST;

static const struct page {
    const char *name, *url, *policy;
} pages[] = {
    {"graphiql.html", "/", graphiql_policy},
    {"admin.html", "/admin", admin_policy},
};

static const struct kind {
    const char *ending, *type;
} kinds[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".ttf", "font/ttf"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

static bool ends_with(const char *text, size_t size, const char *ending)
{
    size_t length = strlen(ending);
    return size > length && memcmp(text + size - length, ending, length) == 0;
}

/* Names that are served: letters, digits and ".-_", and none that begins with a dot. */
static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    return name[0] != '.' && strspn(name, letters) == strlen(name);
}

/* Fills what follows from the name; false for files that are not served. */
static bool name_file(struct web_file *file, const char *name)
{
    size_t size = strlen(name);
    file->compressed = ends_with(name, size, COMPRESSED);
    size -= file->compressed ? sizeof COMPRESSED - 1 : 0;
    file->type = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (ends_with(name, size, kinds[i].ending)) {
            file->type = kinds[i].type;
        }
    }
    if (file->type == NULL || !is_name(name) || size > URL_SIZE - sizeof "/web/") {
        return false;
    }
    file->policy = file_policy;
    file->lasting = memchr(name, '-', size) != NULL;
    snprintf(file->url, sizeof file->url, "/web/%.*s", (int)size, name);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strlen(pages[i].name) == size && memcmp(pages[i].name, name, size) == 0) {
            file->policy = pages[i].policy;
            snprintf(file->url, sizeof file->url, "%s", pages[i].url);
        }
    }
    return true;
}

/* ---- Reading ---- */

static bool read_all(int source, char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(source, bytes + done, size - done);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool tag_file(struct web_file *file)
{
    unsigned char hash[32];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, file->bytes, file->size, hash) != 0) {
        return false;
    }
    file->tag[0] = '"';
    for (size_t i = 0; i < TAG_BYTES; i++) {
        snprintf(file->tag + 1 + 2 * i, 3, "%02x", hash[i]);
    }
    memcpy(file->tag + 1 + 2 * (size_t)TAG_BYTES, "\"", 2);
    return true;
}

/* Reads the content; false when it cannot be, which errno tells. */
static bool read_file(struct web_file *file, int directory, const char *name)
{
    struct stat about;
    int source = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = source >= 0 && fstat(source, &about) == 0;
    if (good && (!S_ISREG(about.st_mode) || about.st_size > FILE_MAX)) {
        errno = EFBIG;
        good = false;
    }
    if (good) {
        file->size = (size_t)about.st_size;
        file->bytes = malloc(file->size + 1);
        good = file->bytes != NULL && read_all(source, file->bytes, file->size) && tag_file(file);
    }
    if (source >= 0) {
        close(source);
    }
    return good;
}

static bool add_file(struct web *web, int directory, const char *path, const char *name)
{
    struct web_file file = {0};
    if (!name_file(&file, name)) {
        return true;
    }
    if (web->count == FILES_MAX) {
        fprintf(stderr, "quire: %s: more than %u files\n", path, FILES_MAX);
        return false;
    }
    if (!read_file(&file, directory, name)) {
        fprintf(stderr, "quire: %s/%s: %s\n", path, name, strerror(errno));
        free(file.bytes);
        return false;
    }
    web->files[web->count++] = file;
    return true;
}

static bool read_directory(struct web *web, const char *path, bool named)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        if (named) {
            fprintf(stderr, "quire: %s: %s\n", path, strerror(errno));
        }
        return !named;
    }
    bool good = true;
    const struct dirent *entry;
    while (good && (entry = readdir(directory)) != NULL) {
        good = add_file(web, dirfd(directory), path, entry->d_name);
    }
    closedir(directory);
    return good;
}

/* Where the files are: beside the command, so that an installed tree may move, else where they were
 * to be installed. */
static const char *find_directory(char *path)
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_SIZE - sizeof DIRECTORY);
    if (size > 0) {
        path[size] = '\0';
        char *slash = strrchr(path, '/');
        snprintf(slash, sizeof DIRECTORY, "%s", DIRECTORY);
        if (access(path, R_OK | X_OK) == 0) {
            return path;
        }
    }
    return QUIRE_WEB_DIRECTORY;
}

struct web *web_open(const char *directory)
{
    char path[PATH_SIZE];
    struct web *web = calloc(1, sizeof *web);
    if (web == NULL) {
        fputs("quire: out of memory\n", stderr);
        return NULL;
    }
    if (!read_directory(web, directory != NULL ? directory : find_directory(path),
                        directory != NULL)) {
        web_close(web);
        return NULL;
    }
    return web;
}

void web_close(struct web *web)
{
    for (size_t i = 0; web != NULL && i < web->count; i++) {
        free(web->files[i].bytes);
    }
    free(web);
}

/* ---- Serving ---- */

const struct web_file *web_find(const struct web *web, const char *path)
{
    for (size_t i = 0; web != NULL && i < web->count; i++) {
        if (strcmp(web->files[i].url, path) == 0) {
            return &web->files[i];
        }
    }
    return NULL;
}

/* Whether If-None-Match names the tag. */
static bool is_known(struct exchange *exchange)
{
    const char *known = exchange_get(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
    return known != NULL && (strcmp(known, "*") == 0 || strstr(known, exchange->file->tag) != NULL);
}

/* Whether the client has said that it does not take gzip. */
static bool refuses_gzip(struct exchange *exchange)
{
    const char *accept = exchange_get(exchange, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    return accept != NULL && strstr(accept, "gzip") == NULL && strchr(accept, '*') == NULL;
}

void web_start(struct exchange *exchange)
{
    const struct web_file *file = exchange->file;
    bool known = is_known(exchange);
    if (file->compressed && refuses_gzip(exchange)) {
        exchange_refuse(exchange, MHD_HTTP_NOT_ACCEPTABLE, OUTCOME_REFUSED, "BAD_INPUT",
                        "This file is sent compressed with gzip.");
        return;
    }
    size_t size = known ? 0 : file->size;
    exchange_respond(exchange, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, OUTCOME_OK,
                     MHD_create_response_from_buffer(size, file->bytes, MHD_RESPMEM_PERSISTENT),
                     size);
    exchange->caching = file->lasting ? "public, max-age=31536000, immutable" : "no-cache";
    exchange_header(exchange, MHD_HTTP_HEADER_ETAG, file->tag);
    exchange_header(exchange, "Content-Security-Policy", file->policy);
    exchange_header(exchange, "Cross-Origin-Opener-Policy", "same-origin");
    exchange_header(exchange, "Cross-Origin-Resource-Policy", "same-origin");
    exchange_header(exchange, "Referrer-Policy", "no-referrer");
    if (file->compressed) {
        exchange_header(exchange, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    }
    if (!known) {
        exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
        if (file->compressed) {
            exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        }
    }
}
