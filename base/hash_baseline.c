/*
 * XXH3 compiled for the target's baseline: SSE2, NEON, or plain C in portable
 * builds.
 */
#define QR_XXH3_64  qr_hash64_baseline
#define QR_XXH3_128 qr_hash128_baseline

#if defined(QR_PORTABLE) && QR_PORTABLE
#define XXH_VECTOR 0
#endif

#include "base/hash_xxh3.inc"
