/*
 * Varints: unsigned LEB128 with one encoding for each number.
 */
#include "base/bytes.h"

size_t qr_varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

size_t qr_varint_put(void *out, uint64_t value)
{
    uint8_t *bytes = out;
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    return size;
}

size_t qr_varint_get_long(const void *in, size_t size, uint64_t *value)
{
    const uint8_t *bytes = in;
    size_t limit = size < QR_VARINT_MAX ? size : QR_VARINT_MAX;
    uint64_t result = 0;
    for (size_t i = 0; i < limit; i++) {
        uint64_t low = bytes[i] & 0x7FU;
        if (i == QR_VARINT_MAX - 1 && bytes[i] > 1) {
            return 0; /* more than 64 bits */
        }
        result |= low << (7 * i);
        if (bytes[i] < 0x80) {
            if (low == 0 && i > 0) {
                return 0; /* a shorter encoding exists */
            }
            *value = result;
            return i + 1;
        }
    }
    return 0;
}
