/*
 * JWTs: see jwt.h. Of the header nothing is read but "alg", which must be one of
 * the key's, "kid", "typ", and "crit", which is always refused: keys and addresses of
 * keys in a token ("jwk", "jku", "x5u", "x5c") are never looked at. The payload is
 * read when its signature is found good.
 */
#include "jwt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"

#define HEADER_SIZE_MAX 1024U
#define NUMBER_SIZE_MAX 32U
#define LEVELS_MAX      16U

/* A token taken apart: decoded into `bytes`. */
struct parts {
    unsigned char bytes[JWT_SIZE_MAX];
    const char *header, *payload;
    const unsigned char *signature;
    size_t header_size, payload_size, signature_size, signed_size;
};

/* An object in which everything is said once. */
static bool read_object(const char *text, size_t size, struct json_value *out)
{
    const char *problem;
    size_t at;
    return json_check(text, size, out, &problem, &at) && out->kind == JSON_OBJECT &&
           json_is_plain(out, LEVELS_MAX);
}

/* ---- Parts ---- */

static bool take_apart(const char *token, size_t size, struct parts *parts)
{
    const char *first = size <= JWT_SIZE_MAX ? memchr(token, '.', size) : NULL;
    const char *end = token + size;
    const char *second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    unsigned char *out = parts->bytes;
    if (second == NULL ||
        !jwk_base64url(token, (size_t)(first - token), out, &parts->header_size) ||
        parts->header_size > HEADER_SIZE_MAX) {
        return false;
    }
    parts->header = (const char *)out;
    out += parts->header_size;
    if (!jwk_base64url(first + 1, (size_t)(second - first - 1), out, &parts->payload_size)) {
        return false;
    }
    parts->payload = (const char *)out;
    out += parts->payload_size;
    parts->signature = out;
    parts->signed_size = (size_t)(second - token);
    /* A third dot is no digit: encrypted tokens have five parts. */
    return jwk_base64url(second + 1, (size_t)(end - second - 1), out, &parts->signature_size);
}

/* ---- Header ---- */

/* Tokens of other purposes that the same key signs say so in "typ" (RFC 8725, 3.11). */
static bool is_type(const struct json_value *type)
{
    static const char *const types[] = {"\"JWT\"", "\"at+jwt\"", "\"application/jwt\"",
                                        "\"application/at+jwt\""};
    if (type->text == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (type->size == strlen(types[i]) && strncasecmp(type->text, types[i], type->size) == 0) {
            return true;
        }
    }
    return false;
}

static enum jwt_verdict check_signature(const struct jwk_set *keys, const char *token,
                                        const struct parts *parts)
{
    static const enum jwt_verdict verdicts[] = {[JWK_SIGNED] = JWT_GOOD,
                                                [JWK_FORGED] = JWT_FORGED,
                                                [JWK_ALGORITHM] = JWT_ALGORITHM,
                                                [JWK_UNKNOWN] = JWT_UNKNOWN};
    struct json_value header;
    if (!read_object(parts->header, parts->header_size, &header)) {
        return JWT_MALFORMED;
    }
    struct json_value algorithm = json_member(&header, "alg");
    struct json_value kid = json_member(&header, "kid");
    struct json_value type = json_member(&header, "typ");
    if (algorithm.text == NULL || algorithm.kind != JSON_STRING || !is_type(&type) ||
        (kid.text != NULL && kid.kind != JSON_STRING) ||
        json_member(&header, "crit").text != NULL) {
        return JWT_MALFORMED;
    }
    struct jwk_signature signature = {.algorithm = algorithm.text + 1,
                                      .algorithm_size = algorithm.size - 2,
                                      .text = token,
                                      .text_size = parts->signed_size,
                                      .bytes = parts->signature,
                                      .size = parts->signature_size};
    char *name = kid.text != NULL ? json_decode(&kid, &signature.kid_size) : NULL;
    if (kid.text != NULL && name == NULL) {
        return JWT_MALFORMED;
    }
    signature.kid = name;
    enum jwk_answer answer = jwk_verify(keys, &signature);
    free(name);
    return verdicts[answer];
}

/* ---- Claims ---- */

/* A NumericDate: seconds, perhaps with a fraction. False when it is of another kind. */
static bool read_time(const struct json_value *claim, double *out)
{
    char text[NUMBER_SIZE_MAX + 1];
    if (claim->kind != JSON_NUMBER || claim->size > NUMBER_SIZE_MAX) {
        return false;
    }
    memcpy(text, claim->text, claim->size);
    text[claim->size] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out) && *out >= 0;
}

static enum jwt_verdict check_times(const struct json_value *claims, const struct jwt_rules *rules,
                                    double now_s, struct jwt *out)
{
    static const char *const starts[] = {"nbf", "iat"};
    struct json_value expires = json_member(claims, "exp");
    double leeway_s = (double)rules->leeway_s;
    double time_s;
    /* A token that never ended could not be taken back. */
    if (expires.text == NULL || !read_time(&expires, &time_s)) {
        return JWT_CLAIMS;
    }
    out->expires_s = time_s + leeway_s;
    if (now_s >= out->expires_s) {
        return JWT_EXPIRED;
    }
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct json_value start = json_member(claims, starts[i]);
        if (start.text != NULL && !read_time(&start, &time_s)) {
            return JWT_CLAIMS;
        }
        if (start.text != NULL && time_s > now_s + leeway_s) {
            return JWT_EARLY;
        }
    }
    return JWT_GOOD;
}

/* Whether a value is a string that says this, or a list with one. */
static bool names(const struct json_value *value, const char *text)
{
    struct json_value name;
    struct json_value one;
    size_t at = 0;
    if (value->text == NULL || value->kind == JSON_STRING) {
        return value->text != NULL && json_key_is(value, text);
    }
    while (value->kind == JSON_ARRAY && json_next(value, &at, &name, &one)) {
        if (one.kind == JSON_STRING && json_key_is(&one, text)) {
            return true;
        }
    }
    return false;
}

static enum jwt_verdict check_parties(const struct json_value *claims,
                                      const struct jwt_rules *rules)
{
    struct json_value issuer = json_member(claims, "iss");
    struct json_value audience = json_member(claims, "aud");
    if (rules->issuer != NULL && (issuer.kind != JSON_STRING || !names(&issuer, rules->issuer))) {
        return JWT_ISSUER;
    }
    if (rules->audience == NULL ? audience.text != NULL : !names(&audience, rules->audience)) {
        return JWT_AUDIENCE;
    }
    return JWT_GOOD;
}

static bool take_subject(const struct json_value *claims, struct jwt *out)
{
    struct json_value subject = json_member(claims, "sub");
    size_t size;
    if (subject.text == NULL) {
        return true;
    }
    out->subject = subject.kind == JSON_STRING ? json_decode(&subject, &size) : NULL;
    return out->subject != NULL && strlen(out->subject) == size;
}

static enum jwt_verdict check_claims(const struct parts *parts, const struct jwt_rules *rules,
                                     double now_s, struct jwt *out)
{
    struct json_value claims;
    if (!read_object(parts->payload, parts->payload_size, &claims)) {
        return JWT_MALFORMED;
    }
    enum jwt_verdict verdict = check_times(&claims, rules, now_s, out);
    if (verdict == JWT_GOOD) {
        verdict = check_parties(&claims, rules);
    }
    if (verdict != JWT_GOOD) {
        return verdict;
    }
    out->claims = strndup(claims.text, claims.size);
    out->size = claims.size;
    return out->claims != NULL && take_subject(&claims, out) ? JWT_GOOD : JWT_CLAIMS;
}

enum jwt_verdict jwt_check(const struct jwk_set *keys, const struct jwt_rules *rules,
                           const char *token, size_t size, double now_s, struct jwt *out)
{
    struct parts parts;
    *out = (struct jwt){.claims = NULL};
    if (!take_apart(token, size, &parts)) {
        return JWT_MALFORMED;
    }
    enum jwt_verdict verdict = check_signature(keys, token, &parts);
    if (verdict == JWT_GOOD) {
        verdict = check_claims(&parts, rules, now_s, out);
    }
    if (verdict != JWT_GOOD) {
        jwt_free(out);
    }
    return verdict;
}

void jwt_free(struct jwt *jwt)
{
    free(jwt->claims);
    free(jwt->subject);
    *jwt = (struct jwt){.claims = NULL};
}

const char *jwt_verdict_word(enum jwt_verdict verdict)
{
    static const char *const words[JWT_VERDICTS] = {
        [JWT_GOOD] = "good",    [JWT_MALFORMED] = "malformed", [JWT_ALGORITHM] = "algorithm",
        [JWT_UNKNOWN] = "key",  [JWT_FORGED] = "signature",    [JWT_EXPIRED] = "expired",
        [JWT_EARLY] = "early",  [JWT_ISSUER] = "issuer",       [JWT_AUDIENCE] = "audience",
        [JWT_CLAIMS] = "claims"};
    return words[verdict];
}

bool jwt_has_role(const struct jwt *jwt, const char *name, const char *role)
{
    struct json_value claims;
    if (!read_object(jwt->claims, jwt->size, &claims)) {
        return false;
    }
    struct json_value value = json_member(&claims, name);
    return names(&value, role);
}
