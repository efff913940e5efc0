/*
 * Keys that change: see keys.h.
 */
#include "keys.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fetcher.h"
#include "files.h"
#include "server.h"

#define TEXT_MAX   ((size_t)256 * 1024)
#define LOOK_MS    1000U   /* so often a file is looked at */
#define REFRESH_MS 300000U /* so often an address is asked at least, */
#define ASK_MS     5000U   /* and at most */

struct keys {
    const char *path, *url; /* one of them is NULL */
    bool single;            /* the file is a key, not a set */
    struct log *log;
    pthread_rwlock_t lock; /* guards the set, which is read while it is held */
    struct jwk_set *set;   /* NULL: none is known yet */

    struct stat seen; /* of the file that the set was read from, or that was broken */
    _Atomic uint64_t next_look_ms;

    struct fetcher *fetcher;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    bool has_thread, wanted, asking;
    _Atomic bool ending;
    uint64_t may_ask_ms;
    pthread_t thread;
};

static void replace(struct keys *keys, struct jwk_set *set)
{
    pthread_rwlock_wrlock(&keys->lock);
    struct jwk_set *old = keys->set;
    keys->set = set;
    pthread_rwlock_unlock(&keys->lock);
    jwk_free(old);
}

/* ---- Files ---- */

/* The keys of the file as it is; NULL with a sentence. */
static struct jwk_set *read_keys(struct keys *keys, const char **problem)
{
    size_t size;
    char *text = file_read(keys->path, TEXT_MAX, &size, &keys->seen, problem);
    if (text == NULL) {
        return NULL;
    }
    struct jwk_set *set =
        keys->single ? jwk_read_key(text, size, problem) : jwk_read_set(text, size, problem);
    if (set != NULL && jwk_is_secret(set) && !file_is_private(&keys->seen)) {
        *problem = "it holds a secret, and others may read it; chmod 600 it";
        jwk_free(set);
        set = NULL;
    }
    file_forget(text, size);
    return set;
}

/* Reads the file again when it is not what it was. One thread at a time gets here. */
static void look(struct keys *keys)
{
    const char *problem;
    if (file_is_same(keys->path, &keys->seen)) {
        return;
    }
    struct jwk_set *set = read_keys(keys, &problem);
    if (set != NULL) {
        replace(keys, set);
        log_note(keys->log, "keys", keys->path, "read again");
    } else {
        log_note(keys->log, "keys", keys->path, problem);
    }
}

static void look_if_due(struct keys *keys)
{
    uint64_t now = clock_ms();
    uint64_t due = atomic_load(&keys->next_look_ms);
    /* Who looks moves the time out of the others' reach, and back when it has looked. */
    if (now >= due && atomic_compare_exchange_strong(&keys->next_look_ms, &due, UINT64_MAX)) {
        look(keys);
        atomic_store(&keys->next_look_ms, clock_ms() + LOOK_MS);
    }
}

/* ---- Addresses ---- */

bool keys_is_address(const char *url)
{
    static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    size_t size = strcspn(url, "?#");
    if (memchr(url, '@', size) != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        size_t length = strlen(here[i]);
        if (strncmp(url, here[i], length) == 0 && (url[length] == ':' || url[length] == '/')) {
            return true;
        }
    }
    return strncmp(url, "https://", 8) == 0;
}

static void ask(struct keys *keys)
{
    struct buffer text = {0};
    const char *problem = "out of memory";
    struct jwk_set *set = NULL;
    bool good = fetcher_ask(keys->fetcher, &text);
    if (good && !text.failed) {
        set = jwk_read_set(text.bytes, text.size, &problem);
    } else if (!text.failed) {
        problem = text.bytes;
    }
    if (set != NULL && jwk_is_secret(set)) {
        problem = "it tells a secret, which everybody knows then";
        jwk_free(set);
        set = NULL;
    }
    if (set != NULL) {
        replace(keys, set);
    } else if (!atomic_load(&keys->ending)) {
        log_note(keys->log, "keys", keys->url, problem);
    }
    buffer_free(&text);
}

static struct timespec after_ms(uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    return until;
}

static void *run(void *context)
{
    struct keys *keys = context;
    pthread_mutex_lock(&keys->mutex);
    while (!atomic_load(&keys->ending)) {
        struct timespec until = after_ms(REFRESH_MS);
        int code = 0;
        while (!keys->wanted && !atomic_load(&keys->ending) && code != ETIMEDOUT) {
            code = pthread_cond_timedwait(&keys->changed, &keys->mutex, &until);
        }
        keys->wanted = false;
        keys->asking = true;
        pthread_mutex_unlock(&keys->mutex);
        if (!atomic_load(&keys->ending)) {
            ask(keys);
        }
        pthread_mutex_lock(&keys->mutex);
        keys->asking = false;
        keys->may_ask_ms = clock_ms() + ASK_MS;
    }
    pthread_mutex_unlock(&keys->mutex);
    return NULL;
}

/* Has the address asked, unless it has been a moment ago. Whether it is worth coming back. */
static bool want(struct keys *keys)
{
    pthread_mutex_lock(&keys->mutex);
    bool soon = keys->asking || keys->wanted;
    if (!soon && clock_ms() >= keys->may_ask_ms) {
        soon = keys->wanted = true;
        pthread_cond_signal(&keys->changed);
    }
    pthread_mutex_unlock(&keys->mutex);
    return soon;
}

/* ---- Both ---- */

static bool begin(struct keys *keys)
{
    const char *problem;
    if (keys->url != NULL) {
        keys->fetcher = fetcher_start(keys->url, TEXT_MAX);
        return keys->fetcher != NULL;
    }
    keys->set = read_keys(keys, &problem);
    if (keys->set == NULL) {
        fprintf(stderr, "quire: %s: %s\n", keys->path, problem);
    }
    return keys->set != NULL;
}

struct keys *keys_open(const struct serve_options *options, struct log *log)
{
    struct keys *keys = calloc(1, sizeof *keys);
    pthread_condattr_t clock;
    if (keys == NULL) {
        fputs("quire: out of memory\n", stderr);
        return NULL;
    }
    keys->log = log;
    keys->url = options->jwks_url;
    keys->single = options->jwt_key != NULL;
    keys->path = keys->single ? options->jwt_key : options->jwks;
    pthread_rwlock_init(&keys->lock, NULL);
    pthread_mutex_init(&keys->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&keys->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (!begin(keys)) {
        keys_close(keys);
        return NULL;
    }
    return keys;
}

bool keys_start(struct keys *keys)
{
    if (keys->fetcher != NULL) {
        ask(keys);
        keys->may_ask_ms = clock_ms() + ASK_MS;
        keys->has_thread = pthread_create(&keys->thread, NULL, run, keys) == 0;
        if (!keys->has_thread) {
            fputs("quire: the thread that asks for keys could not be started\n", stderr);
        }
        return keys->has_thread;
    }
    return true;
}

void keys_close(struct keys *keys)
{
    if (keys == NULL) {
        return;
    }
    if (keys->has_thread) {
        pthread_mutex_lock(&keys->mutex);
        atomic_store(&keys->ending, true);
        pthread_cond_signal(&keys->changed);
        pthread_mutex_unlock(&keys->mutex);
        fetcher_hush(keys->fetcher);
        pthread_join(keys->thread, NULL);
    }
    fetcher_stop(keys->fetcher);
    pthread_cond_destroy(&keys->changed);
    pthread_mutex_destroy(&keys->mutex);
    pthread_rwlock_destroy(&keys->lock);
    jwk_free(keys->set);
    free(keys);
}

enum jwt_verdict keys_check(struct keys *keys, const struct jwt_rules *rules, const char *token,
                            size_t size, double now_s, struct jwt *out, bool *later)
{
    enum jwt_verdict verdict = JWT_UNKNOWN;
    if (keys->path != NULL) {
        look_if_due(keys);
    }
    pthread_rwlock_rdlock(&keys->lock);
    bool none = keys->set == NULL;
    if (!none) {
        verdict = jwt_check(keys->set, rules, token, size, now_s, out);
    }
    pthread_rwlock_unlock(&keys->lock);
    *later = verdict == JWT_UNKNOWN && keys->url != NULL && (want(keys) || none);
    return verdict;
}
