/*
 * Little-endian and big-endian loads and stores at any alignment, and varints.
 * All on-disk integers go through these.
 */
#ifndef QR_BASE_BYTES_H
#define QR_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define QR_BIG_ENDIAN_HOST 1
#else
#define QR_BIG_ENDIAN_HOST 0
#endif

static inline uint16_t qr_swap16(uint16_t v)
{
    return (uint16_t)((unsigned)(v >> 8) | (unsigned)(v << 8));
}

static inline uint32_t qr_swap32(uint32_t v)
{
    return (v >> 24) | ((v >> 8) & 0xFF00U) | ((v << 8) & 0xFF0000U) | (v << 24);
}

static inline uint64_t qr_swap64(uint64_t v)
{
    return ((uint64_t)qr_swap32((uint32_t)v) << 32) | qr_swap32((uint32_t)(v >> 32));
}

static inline uint16_t qr_load16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return QR_BIG_ENDIAN_HOST ? qr_swap16(v) : v;
}

static inline uint32_t qr_load32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return QR_BIG_ENDIAN_HOST ? qr_swap32(v) : v;
}

static inline uint64_t qr_load64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return QR_BIG_ENDIAN_HOST ? qr_swap64(v) : v;
}

static inline void qr_store16(void *p, uint16_t v)
{
    v = QR_BIG_ENDIAN_HOST ? qr_swap16(v) : v;
    memcpy(p, &v, sizeof v);
}

static inline void qr_store32(void *p, uint32_t v)
{
    v = QR_BIG_ENDIAN_HOST ? qr_swap32(v) : v;
    memcpy(p, &v, sizeof v);
}

static inline void qr_store64(void *p, uint64_t v)
{
    v = QR_BIG_ENDIAN_HOST ? qr_swap64(v) : v;
    memcpy(p, &v, sizeof v);
}

static inline uint32_t qr_load32_be(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return QR_BIG_ENDIAN_HOST ? v : qr_swap32(v);
}

static inline void qr_store32_be(void *p, uint32_t v)
{
    v = QR_BIG_ENDIAN_HOST ? v : qr_swap32(v);
    memcpy(p, &v, sizeof v);
}

static inline uint64_t qr_load64_be(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return QR_BIG_ENDIAN_HOST ? v : qr_swap64(v);
}

static inline void qr_store64_be(void *p, uint64_t v)
{
    v = QR_BIG_ENDIAN_HOST ? v : qr_swap64(v);
    memcpy(p, &v, sizeof v);
}

/*
 * Varint: unsigned LEB128, 7 bits a byte, low bits first, 1..10 bytes. The
 * decoder refuses an encoding that is longer than needed or over 64 bits, so
 * that every number has one encoding.
 */
#define QR_VARINT_MAX 10

size_t qr_varint_size(uint64_t value);
/* Writes 1..10 bytes; returns how many. */
size_t qr_varint_put(void *out, uint64_t value);
/* Varints of more than two bytes, and what is none. */
size_t qr_varint_get_long(const void *in, size_t size, uint64_t *value);

/* Reads one varint from at most `size` bytes; returns bytes consumed, 0 when malformed or cut. */
static inline size_t qr_varint_get(const void *in, size_t size, uint64_t *value)
{
    const uint8_t *bytes = (const uint8_t *)in;
    if (size > 0 && bytes[0] < 0x80) {
        *value = bytes[0];
        return 1;
    }
    if (size > 1 && bytes[1] < 0x80 && bytes[1] != 0) {
        *value = (uint64_t)(bytes[0] & 0x7FU) | (uint64_t)bytes[1] << 7;
        return 2;
    }
    uint64_t wide = 0; /* so that `value` itself can stay in a register */
    size_t used = qr_varint_get_long(in, size, &wide);
    *value = wide;
    return used;
}

/* Signed integers for varints: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... */
static inline uint64_t qr_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t qr_unzigzag(uint64_t v)
{
    uint64_t u = (v >> 1) ^ ((v & 1) ? UINT64_MAX : 0);
    int64_t s;
    memcpy(&s, &u, sizeof s);
    return s;
}

#endif
