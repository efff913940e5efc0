/*
 * Both kinds are entries of one table by hash; those known at start are found
 * by their id as well, and never go. SHA-256 is GnuTLS's.
 */
#include "documents.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define FILE_SIZE_MAX  ((size_t)64 << 20)
#define KEPT_MAX       1024U
#define KEPT_BYTES_MAX ((size_t)16 << 20)
#define BUCKETS        2048U

struct entry {
    struct entry *next;             /* of its bucket */
    struct entry *newer, *older;    /* among those kept on the way, by last use */
    char hash[SHA256_HEX_SIZE + 1]; /* of the text */
    char *id;                       /* of those known at start, or NULL */
    char *text;
    size_t size;
};

struct documents {
    bool only;
    struct entry **known; /* by id */
    size_t known_count, known_room;
    pthread_mutex_t mutex; /* guards what follows */
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t kept, kept_bytes;
};

/* ---- Hashes ---- */

static bool hash_text(const char *text, size_t size, char hex[SHA256_HEX_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[32];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, size, bytes) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        hex[2 * i] = digits[bytes[i] >> 4U];
        hex[2 * i + 1] = digits[bytes[i] & 15U];
    }
    hex[SHA256_HEX_SIZE] = '\0';
    return true;
}

/* Any part of such a hash is a hash. */
static struct entry **bucket_of(struct documents *documents, const char *hash)
{
    char digits[9];
    memcpy(digits, hash, 8);
    digits[8] = '\0';
    return &documents->buckets[strtoul(digits, NULL, 16) % BUCKETS];
}

static struct entry *find_hash(struct documents *documents, const char *hash)
{
    struct entry *entry = *bucket_of(documents, hash);
    while (entry != NULL && strcmp(entry->hash, hash) != 0) {
        entry = entry->next;
    }
    return entry;
}

/* ---- Entries ---- */

static void entry_free(struct entry *entry)
{
    if (entry != NULL) {
        free(entry->id);
        free(entry->text);
        free(entry);
    }
}

static struct entry *entry_create(const char *text, size_t size, const char *hash)
{
    struct entry *entry = calloc(1, sizeof *entry);
    char *copy = malloc(size + 1);
    if (entry == NULL || copy == NULL) {
        free(entry);
        free(copy);
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    memcpy(entry->hash, hash, sizeof entry->hash);
    entry->text = copy;
    entry->size = size;
    return entry;
}

static void add_to_bucket(struct documents *documents, struct entry *entry)
{
    struct entry **bucket = bucket_of(documents, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
}

static void unlink_use(struct documents *documents, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &documents->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &documents->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_newest(struct documents *documents, struct entry *entry)
{
    entry->older = documents->newest;
    *(documents->newest != NULL ? &documents->newest->newer : &documents->oldest) = entry;
    documents->newest = entry;
}

static void drop_oldest(struct documents *documents)
{
    struct entry *entry = documents->oldest;
    struct entry **link = bucket_of(documents, entry->hash);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    unlink_use(documents, entry);
    documents->kept--;
    documents->kept_bytes -= entry->size;
    entry_free(entry);
}

/* Without memory the document is not kept; the client sends it again. */
static void keep(struct documents *documents, const struct graphql_call *call)
{
    if (find_hash(documents, call->hash) != NULL) {
        return;
    }
    struct entry *entry = entry_create(call->document, call->document_size, call->hash);
    if (entry == NULL) {
        return;
    }
    add_to_bucket(documents, entry);
    link_newest(documents, entry);
    documents->kept++;
    documents->kept_bytes += entry->size;
    while (documents->kept > KEPT_MAX || documents->kept_bytes > KEPT_BYTES_MAX) {
        drop_oldest(documents);
    }
}

/* ---- Requests ---- */

static bool take_text(struct exchange *exchange, const struct entry *entry)
{
    struct graphql_call *call = exchange->call;
    call->document = malloc(entry->size + 1);
    call->document_size = entry->size;
    if (call->document != NULL) {
        memcpy(call->document, entry->text, entry->size + 1);
    } else {
        exchange_refuse(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, "NO_MEMORY",
                        "Out of memory.");
    }
    return call->document != NULL;
}

static int compare_ids(const void *a, const void *b)
{
    const struct entry *const *left = a;
    const struct entry *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

static const struct entry *find_id(const struct documents *documents, char *id)
{
    struct entry wanted = {.id = id};
    const struct entry *key = &wanted;
    struct entry *const *found = documents->known_count == 0
                                     ? NULL
                                     : bsearch(&key, documents->known, documents->known_count,
                                               sizeof(struct entry *), compare_ids);
    return found != NULL ? *found : NULL;
}

/* An unknown document is an error of a well-formed request. */
static bool refuse_unknown(struct exchange *exchange, const char *code, const char *message)
{
    exchange_refuse(exchange, exchange->media == MEDIA_JSON ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST,
                    OUTCOME_REFUSED, code, "%s", message);
    return false;
}

static bool resolve_id(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    const struct entry *entry = find_id(exchange->server->documents, call->document_id);
    if (entry == NULL) {
        return refuse_unknown(exchange, "PERSISTED_DOCUMENT_NOT_FOUND",
                              "There is no document of this documentId.");
    }
    free(call->document);
    call->hash[0] = '\0'; /* nobody has held it against the document */
    return take_text(exchange, entry);
}

static bool resolve_hash(struct exchange *exchange)
{
    struct documents *documents = exchange->server->documents;
    pthread_mutex_lock(&documents->mutex);
    struct entry *entry = find_hash(documents, exchange->call->hash);
    bool good = entry != NULL && take_text(exchange, entry);
    if (entry != NULL && entry->id == NULL) {
        unlink_use(documents, entry);
        link_newest(documents, entry);
    }
    pthread_mutex_unlock(&documents->mutex);
    if (entry != NULL) {
        return good;
    }
    return documents->only
               ? refuse_unknown(exchange, "PERSISTED_QUERY_NOT_SUPPORTED",
                                "PersistedQueryNotSupported")
               : refuse_unknown(exchange, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound");
}

/* A document that was sent: its hash must be right, and it must be known where only those are. */
static bool check_sent(struct exchange *exchange)
{
    struct documents *documents = exchange->server->documents;
    struct graphql_call *call = exchange->call;
    char hash[SHA256_HEX_SIZE + 1] = "";
    if (call->hash[0] == '\0' && !documents->only) {
        return true;
    }
    if (!hash_text(call->document, call->document_size, hash) ||
        (call->hash[0] != '\0' && strcmp(hash, call->hash) != 0)) {
        exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                        "The sha256Hash is not that of the query.");
        return false;
    }
    pthread_mutex_lock(&documents->mutex);
    bool known = find_hash(documents, hash) != NULL;
    pthread_mutex_unlock(&documents->mutex);
    return known || !documents->only ||
           refuse_unknown(exchange, "PERSISTED_QUERY_NOT_SUPPORTED",
                          "This server runs the documents that it knows alone.");
}

bool documents_resolve(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    if (call->document_id != NULL) {
        if (call->document != NULL) {
            exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                            "Give query or documentId, not both.");
            return false;
        }
        return resolve_id(exchange);
    }
    if (call->document != NULL) {
        return check_sent(exchange);
    }
    if (call->hash[0] != '\0') {
        return resolve_hash(exchange);
    }
    exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                    "The parameter query is missing.");
    return false;
}

void documents_keep(struct exchange *exchange)
{
    struct documents *documents = exchange->server->documents;
    const struct graphql_call *call = exchange->call;
    if (call->hash[0] == '\0' || documents->only || call->document_size > KEPT_BYTES_MAX / 16) {
        return;
    }
    pthread_mutex_lock(&documents->mutex);
    keep(documents, call);
    pthread_mutex_unlock(&documents->mutex);
}

/* ---- The file ---- */

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    *size = 0;
    if (file == NULL) {
        fprintf(stderr, "quire: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        if (end >= 0 && (size_t)end <= FILE_SIZE_MAX && fseek(file, 0, SEEK_SET) == 0) {
            text = malloc((size_t)end + 1);
            *size = text != NULL ? fread(text, 1, (size_t)end, file) : 0;
        }
    }
    if (text == NULL || ferror(file)) {
        fprintf(stderr, "quire: %s: it could not be read\n", path);
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static bool add_known(struct documents *documents, const struct json_value *name,
                      const struct json_value *value)
{
    char hash[SHA256_HEX_SIZE + 1];
    size_t size;
    size_t id_size;
    if (documents->known_count == documents->known_room) {
        size_t room = documents->known_room == 0 ? 64 : documents->known_room * 2;
        struct entry **grown = realloc(documents->known, room * sizeof(struct entry *));
        if (grown == NULL) {
            return false;
        }
        documents->known = grown;
        documents->known_room = room;
    }
    char *text = json_decode(value, &size);
    struct entry *entry =
        text != NULL && hash_text(text, size, hash) ? entry_create(text, size, hash) : NULL;
    free(text);
    if (entry == NULL) {
        return false;
    }
    documents->known[documents->known_count++] = entry;
    add_to_bucket(documents, entry);
    entry->id = json_decode(name, &id_size);
    return entry->id != NULL;
}

static bool read_known(struct documents *documents, const char *path, const char *text, size_t size)
{
    struct json_value all;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    if (!json_check(text, size, &all, &problem, &at) || all.kind != JSON_OBJECT) {
        fprintf(stderr, "quire: %s: not a JSON object of documents\n", path);
        return false;
    }
    at = 0;
    while (json_next(&all, &at, &name, &value)) {
        if (value.kind != JSON_STRING) {
            fprintf(stderr, "quire: %s: a document is a string\n", path);
            return false;
        }
        if (!add_known(documents, &name, &value)) {
            fputs("quire: out of memory\n", stderr);
            return false;
        }
    }
    if (documents->known_count > 0) {
        qsort(documents->known, documents->known_count, sizeof(struct entry *), compare_ids);
    }
    return true;
}

struct documents *documents_open(const char *path, bool only)
{
    struct documents *documents = calloc(1, sizeof *documents);
    if (documents == NULL) {
        fputs("quire: out of memory\n", stderr);
        return NULL;
    }
    documents->only = only;
    pthread_mutex_init(&documents->mutex, NULL);
    if (path != NULL) {
        size_t size;
        char *text = read_file(path, &size);
        bool good = text != NULL && read_known(documents, path, text, size);
        free(text);
        if (!good) {
            documents_close(documents);
            return NULL;
        }
    }
    return documents;
}

void documents_close(struct documents *documents)
{
    if (documents == NULL) {
        return;
    }
    while (documents->oldest != NULL) {
        drop_oldest(documents);
    }
    for (size_t i = 0; i < documents->known_count; i++) {
        entry_free(documents->known[i]);
    }
    free(documents->known);
    pthread_mutex_destroy(&documents->mutex);
    free(documents);
}
