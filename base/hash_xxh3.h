/*
 * The body of the two units that instantiate XXH3 from the system's header,
 * each under the vector instructions that its compiler flags allow. Included
 * once by such a unit, which defines QR_XXH3_64 and QR_XXH3_128 as names.
 */
#define XXH_INLINE_ALL
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#elif defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wcast-align"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wswitch-enum"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <xxhash.h>
#if defined(__clang__)
#pragma clang diagnostic pop
#elif defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "base/hash_internal.h"

uint64_t QR_XXH3_64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

struct qr_hash128 QR_XXH3_128(const void *data, size_t size, uint64_t seed) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(data, size, seed);
    return (struct qr_hash128){.low = hash.low64, .high = hash.high64};
}
