/*
 * Hash functions.
 *
 * qr_hash64 and qr_hash128 are XXH3: checksums and fingerprints, fast, not
 * safe against chosen collisions. qr_siphash13 is keyed and is: use it
 * wherever others choose the input of a hash table.
 *
 * All are pure functions of their arguments, the same on every machine. Any
 * thread.
 */
#ifndef QR_BASE_HASH_H
#define QR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3, 64 bits, seeded. data may be NULL when size is 0. */
uint64_t qr_hash64(const void *data, size_t size, uint64_t seed);

struct qr_hash128 {
    uint64_t low, high;
};

/* XXH3, 128 bits, seeded. */
struct qr_hash128 qr_hash128(const void *data, size_t size, uint64_t seed);

/* SipHash-1-3 under a secret 16-byte key. */
uint64_t qr_siphash13(const uint8_t key[16], const void *data, size_t size);

#endif
