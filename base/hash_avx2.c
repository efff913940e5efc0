/*
 * XXH3 compiled for AVX2 (see CMakeLists.txt for the flag). Empty elsewhere.
 */
#define QR_XXH3_64  qr_hash64_avx2
#define QR_XXH3_128 qr_hash128_avx2

#include "base/hash_internal.h"

#if QR_HAVE_AVX2_UNIT
#include "base/hash_xxh3.inc"
#endif
