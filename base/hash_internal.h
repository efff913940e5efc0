/*
 * The instances of XXH3 among which hash.c chooses.
 */
#ifndef QR_BASE_HASH_INTERNAL_H
#define QR_BASE_HASH_INTERNAL_H

#include "base/hash.h"

#ifndef QR_PORTABLE
#define QR_PORTABLE 0
#endif

#if !QR_PORTABLE && defined(__x86_64__) && defined(__GNUC__)
#define QR_HAVE_AVX2_UNIT 1
#else
#define QR_HAVE_AVX2_UNIT 0
#endif

/* SipHash with the given rounds for each word of input and at the end. Published test vectors exist
 * for other numbers of rounds than the library uses. */
uint64_t qr_siphash(const uint8_t key[16], const void *data, size_t size, unsigned word_rounds,
                    unsigned final_rounds);

/* With what every processor of the target has. */
uint64_t qr_hash64_baseline(const void *data, size_t size, uint64_t seed);
struct qr_hash128 qr_hash128_baseline(const void *data, size_t size, uint64_t seed);

#if QR_HAVE_AVX2_UNIT
/* Only when the processor has AVX2. */
uint64_t qr_hash64_avx2(const void *data, size_t size, uint64_t seed);
struct qr_hash128 qr_hash128_avx2(const void *data, size_t size, uint64_t seed);
#endif

#endif
