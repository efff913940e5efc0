/*
 * Choosing the XXH3 instance, and SipHash.
 *
 * The chosen functions sit in two atomic pointers that start at a resolver:
 * the first call replaces them, later ones jump straight. Two threads that
 * resolve at once store the same value, so relaxed order is enough: what is
 * pointed to is code.
 */
#include "base/hash_internal.h"

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/simd_internal.h"

/* ---- XXH3 ---- */

#if QR_HAVE_AVX2_UNIT

typedef uint64_t (*hash64_function)(const void *data, size_t size, uint64_t seed);
typedef struct qr_hash128 (*hash128_function)(const void *data, size_t size, uint64_t seed);

static uint64_t resolve64(const void *data, size_t size, uint64_t seed);
static struct qr_hash128 resolve128(const void *data, size_t size, uint64_t seed);

static _Atomic(hash64_function) chosen64 = resolve64;
static _Atomic(hash128_function) chosen128 = resolve128;

static uint64_t resolve64(const void *data, size_t size, uint64_t seed)
{
    hash64_function function = qr_processor_has_avx2() ? qr_hash64_avx2 : qr_hash64_baseline;
    atomic_store_explicit(&chosen64, function, memory_order_relaxed);
    return function(data, size, seed);
}

static struct qr_hash128 resolve128(const void *data, size_t size, uint64_t seed)
{
    hash128_function function = qr_processor_has_avx2() ? qr_hash128_avx2 : qr_hash128_baseline;
    atomic_store_explicit(&chosen128, function, memory_order_relaxed);
    return function(data, size, seed);
}

uint64_t qr_hash64(const void *data, size_t size, uint64_t seed)
{
    return atomic_load_explicit(&chosen64, memory_order_relaxed)(data, size, seed);
}

struct qr_hash128 qr_hash128(const void *data, size_t size, uint64_t seed)
{
    return atomic_load_explicit(&chosen128, memory_order_relaxed)(data, size, seed);
}

#else

uint64_t qr_hash64(const void *data, size_t size, uint64_t seed)
{
    return qr_hash64_baseline(data, size, seed);
}

struct qr_hash128 qr_hash128(const void *data, size_t size, uint64_t seed)
{
    return qr_hash128_baseline(data, size, seed);
}

#endif

/* ---- SipHash ---- */

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

uint64_t qr_siphash(const uint8_t key[16], const void *data, size_t size, unsigned word_rounds,
                    unsigned final_rounds)
{
    uint64_t k0 = qr_load64(key);
    uint64_t k1 = qr_load64(key + 8);
    struct sip_state s = {
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *bytes = data;
    size_t whole = size & ~(size_t)7;
    for (size_t i = 0; i <= whole; i += 8) {
        uint64_t word;
        if (i < whole) {
            word = qr_load64(bytes + i);
        } else {
            /* The last word: what is left, and the length modulo 256 in its top byte. */
            word = (uint64_t)(size & 0xFF) << 56;
            for (size_t k = 0; k < (size & 7); k++) {
                word |= (uint64_t)bytes[whole + k] << (8 * k);
            }
        }
        s.v3 ^= word;
        for (unsigned r = 0; r < word_rounds; r++) {
            sip_round(&s);
        }
        s.v0 ^= word;
    }
    s.v2 ^= 0xFF;
    for (unsigned r = 0; r < final_rounds; r++) {
        sip_round(&s);
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t qr_siphash13(const uint8_t key[16], const void *data, size_t size)
{
    return qr_siphash(key, data, size, 1, 3);
}
