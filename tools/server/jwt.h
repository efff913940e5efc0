/*
 * Tokens that are JWTs (RFC 7519) in the compact form of JWS (RFC 7515): checked
 * as RFC 8725 says, and refused where anything is unclear.
 */
#ifndef QUIRE_SERVER_JWT_H
#define QUIRE_SERVER_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jwk.h"

#define JWT_SIZE_MAX 8192U

/* What is asked of a token beside its signature; texts borrowed, NULL = not asked. */
struct jwt_rules {
    const char *issuer;   /* "iss" */
    const char *audience; /* one of "aud"; without it, tokens with "aud" are for somebody else */
    long leeway_s;        /* how far clocks may be apart */
};

/* Why a token is refused. */
enum jwt_verdict {
    JWT_GOOD,
    JWT_MALFORMED, /* not three parts of JSON and base64url as they must be; too large */
    JWT_ALGORITHM, /* its algorithm is not one of the key's: "none" too */
    JWT_UNKNOWN,   /* no key has its "kid" */
    JWT_FORGED,    /* the signature is not the key's */
    JWT_EXPIRED,
    JWT_EARLY, /* "nbf" or "iat" are still to come */
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_CLAIMS, /* a claim is missing or of the wrong kind */
    JWT_VERDICTS
};

struct jwt {
    char *claims; /* the payload, a JSON object in which no name comes twice; free it */
    size_t size;
    char *subject;    /* "sub"; NULL without; free it */
    double expires_s; /* "exp" and the leeway: from then on it is refused */
};

/* Checks a token of `size` bytes at the time `now_s`, in seconds since 1970. `out` is filled in for
 * JWT_GOOD alone. */
enum jwt_verdict jwt_check(const struct jwk_set *keys, const struct jwt_rules *rules,
                           const char *token, size_t size, double now_s, struct jwt *out);
void jwt_free(struct jwt *jwt);

/* A word for it, in metrics. */
const char *jwt_verdict_word(enum jwt_verdict verdict);

/* Whether the claim `name` of checked claims is `role`, or a list with it. */
bool jwt_has_role(const struct jwt *jwt, const char *name, const char *role);

#endif
