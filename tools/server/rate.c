/*
 * Rates: see rate.h. A bucket is kept as the time at which it will be full: it
 * moves on by what is taken, divided by the rate, and a request fits when that leaves
 * it no further ahead of now than a burst lasts.
 */
#include "rate.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 1024U
#define WAYS 8U

#define NS_PER_MS   UINT64_C(1000000)
#define SECONDS_MAX UINT64_C(1000000)

struct bucket {
    unsigned char name[16]; /* hash of the caller */
    uint64_t full_ns;       /* when it will be full; 0 = never used */
    uint64_t used_ns;
};

struct rate {
    uint64_t per_second, burst;
    unsigned char key[32]; /* so that nobody can choose who shares a set */
    pthread_mutex_t mutex;
    struct bucket sets[SETS][WAYS];
};

struct rate *rate_create(uint64_t per_second, uint64_t burst)
{
    struct rate *rate = calloc(1, sizeof *rate);
    if (rate == NULL || gnutls_rnd(GNUTLS_RND_KEY, rate->key, sizeof rate->key) != 0) {
        free(rate);
        return NULL;
    }
    rate->per_second = per_second;
    rate->burst = burst;
    pthread_mutex_init(&rate->mutex, NULL);
    return rate;
}

void rate_free(struct rate *rate)
{
    if (rate != NULL) {
        pthread_mutex_destroy(&rate->mutex);
        free(rate);
    }
}

/* How long so many units take to come, in nanoseconds; no longer than some days. */
static uint64_t time_of(const struct rate *rate, uint64_t units)
{
    static const uint64_t second = 1000 * NS_PER_MS;
    uint64_t seconds = units / rate->per_second;
    return seconds >= SECONDS_MAX
               ? SECONDS_MAX * second
               : seconds * second + units % rate->per_second * second / rate->per_second;
}

/* The caller's bucket, or the one that it gets. With the lock. */
static struct bucket *find(struct rate *rate, const unsigned char *name)
{
    size_t set = (size_t)(name[0] | (unsigned)name[1] << 8U) % SETS;
    struct bucket *oldest = &rate->sets[set][0];
    for (size_t i = 0; i < WAYS; i++) {
        struct bucket *bucket = &rate->sets[set][i];
        if (memcmp(bucket->name, name, sizeof bucket->name) == 0) {
            return bucket;
        }
        if (bucket->used_ns < oldest->used_ns) {
            oldest = bucket;
        }
    }
    *oldest = (struct bucket){.used_ns = 0};
    memcpy(oldest->name, name, sizeof oldest->name);
    return oldest;
}

static bool name_of(const struct rate *rate, const struct rate_caller *caller, unsigned char *name)
{
    gnutls_hmac_hd_t hash;
    if (gnutls_hmac_init(&hash, GNUTLS_MAC_SHA256, rate->key, sizeof rate->key) != 0) {
        return false;
    }
    bool good = gnutls_hmac(hash, &caller->kind, 1) == 0 &&
                gnutls_hmac(hash, caller->bytes, caller->size) == 0;
    gnutls_hmac_deinit(hash, name);
    return good;
}

uint64_t rate_take(struct rate *rate, const struct rate_caller *caller, uint64_t cost,
                   uint64_t paid, uint64_t now_ms)
{
    unsigned char name[32];
    uint64_t now_ns = now_ms * NS_PER_MS;
    uint64_t paid_ns = time_of(rate, paid);
    uint64_t late_ns = 0;
    if (!name_of(rate, caller, name)) {
        return 1000;
    }
    pthread_mutex_lock(&rate->mutex);
    struct bucket *bucket = find(rate, name);
    uint64_t full_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;
    uint64_t ahead_ns = full_ns - now_ns;
    /* What costs more than a burst is owed by a bucket that was full. */
    uint64_t fits_ns = cost >= rate->burst ? 0 : time_of(rate, rate->burst - cost);
    fits_ns = fits_ns > paid_ns ? fits_ns : paid_ns;
    if (ahead_ns <= fits_ns) {
        bucket->full_ns = full_ns + time_of(rate, cost);
    } else {
        late_ns = ahead_ns - fits_ns + paid_ns;
    }
    bucket->used_ns = now_ns;
    pthread_mutex_unlock(&rate->mutex);
    return (late_ns + NS_PER_MS - 1) / NS_PER_MS;
}
