/*
 * Tokens for tests: see jwt_tokens.h.
 */
#include "jwt_tokens.h"

#include <criterion/criterion.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *token_encode(const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = bytes;
    char *text = calloc(1, size * 4 / 3 + 4);
    size_t filled = 0;
    unsigned bits = 0;
    unsigned held = 0;
    cr_assert_not_null(text);
    for (size_t i = 0; i < size; i++) {
        bits = (bits & 0xFFU) << 8U | from[i];
        for (held += 8; held >= 6;) {
            held -= 6;
            text[filled++] = digits[bits >> held & 63U];
        }
    }
    if (held > 0) {
        text[filled] = digits[bits << (6 - held) & 63U];
    }
    return text;
}

char *token_make_with(const char *secret, const char *header, const char *payload)
{
    char *parts[3];
    unsigned char digest[32];
    parts[0] = token_encode(header, strlen(header));
    parts[1] = token_encode(payload, strlen(payload));
    size_t size = strlen(parts[0]) + strlen(parts[1]) + 64;
    char *token = malloc(size);
    cr_assert_not_null(token);
    int length = snprintf(token, size, "%s.%s", parts[0], parts[1]);
    cr_assert_eq(
        gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, strlen(secret), token, (size_t)length, digest),
        0);
    parts[2] = token_encode(digest, sizeof digest);
    snprintf(token + length, size - (size_t)length, ".%s", parts[2]);
    for (size_t i = 0; i < 3; i++) {
        free(parts[i]);
    }
    return token;
}

char *token_make(const char *header, const char *payload)
{
    return token_make_with(TOKEN_SECRET, header, payload);
}
