/*
 * What the processor offers, and the vector kernels among which simd.c chooses.
 */
#ifndef QR_BASE_SIMD_INTERNAL_H
#define QR_BASE_SIMD_INTERNAL_H

#include <stdbool.h>

#include "base/hash_internal.h"
#include "base/simd.h"

#if QR_HAVE_AVX2_UNIT
/* Whether processor and system support AVX2, and the processor POPCNT. */
bool qr_processor_has_avx2(void);

/* Only when they do. */
extern const struct qr_simd qr_simd_avx2_kernels;
#endif

#endif
