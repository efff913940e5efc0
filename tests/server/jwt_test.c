/*
 * JWTs and their keys without a server: examples of the RFCs, tokens that
 * another library has signed, and every way in which a token is refused.
 */
#include <criterion/criterion.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jwt_tokens.h"
#include "jwt_vectors.h"
#include "tools/server/jwt.h"

#define NOW 1700000000.0

static const struct jwt_rules no_rules = {.leeway_s = 0};

static struct jwk_set *read_set(const char *text)
{
    const char *problem = "";
    struct jwk_set *set = jwk_read_set(text, strlen(text), &problem);
    cr_assert_not_null(set, "%s", problem);
    return set;
}

static struct jwk_set *read_key(const char *text)
{
    const char *problem = "";
    struct jwk_set *set = jwk_read_key(text, strlen(text), &problem);
    cr_assert_not_null(set, "%s", problem);
    return set;
}

static enum jwt_verdict check(const struct jwk_set *set, const struct jwt_rules *rules,
                              const char *token, double now_s)
{
    struct jwt jwt;
    enum jwt_verdict verdict = jwt_check(set, rules, token, strlen(token), now_s, &jwt);
    jwt_free(&jwt);
    return verdict;
}

#define EXPECT(set, rules, token, now_s, verdict)                                                  \
    do {                                                                                           \
        enum jwt_verdict was_ = check(set, rules, token, now_s);                                   \
        cr_expect_eq(was_, verdict, "%s, not %s: %.200s", jwt_verdict_word(was_),                  \
                     jwt_verdict_word(verdict), token);                                            \
    } while (0)

/* Checks a token that is made of these, signed as it must be. */
static void expect_made(const struct jwt_rules *rules, const char *header, const char *payload,
                        enum jwt_verdict verdict)
{
    struct jwk_set *set = read_key(TOKEN_SECRET "\n");
    char *token = token_make(header, payload);
    enum jwt_verdict was = check(set, rules, token, NOW);
    cr_expect_eq(was, verdict, "%s, not %s: %s %s", jwt_verdict_word(was),
                 jwt_verdict_word(verdict), header, payload);
    free(token);
    jwk_free(set);
}

/* A set of so many secrets that are not the token's, and it itself as the last. */
static void put_secrets(char *out, size_t room, int others)
{
    size_t size = (size_t)snprintf(out, room, "{\"keys\":[");
    for (int i = 0; i < others; i++) {
        size += (size_t)snprintf(
            out + size, room - size,
            "{\"kty\":\"oct\",\"k\":\"QSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW9yZQ\"},");
    }
    snprintf(out + size, room - size,
             "{\"kty\":\"oct\",\"k\":\"YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW9yZQ\"}]}");
}

/* ---- Signatures ---- */

#define RFC_PAYLOAD                                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"

Test(jwt, examples_of_rfc_7515__are_good)
{
    static const struct {
        const char *key, *token;
    } cases[] = {
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZ"
         "H75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}]}",
         "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_PAYLOAD
         ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wW"
         "JcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpR"
         "PEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7W"
         "TBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
         "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}]}",
         "eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD
         ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8"
         "W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPv"
         "kSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1ph"
         "CnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
         "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
         "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
         ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1"
         "Q"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct jwk_set *set = read_set(cases[i].key);
        struct jwt jwt;
        cr_expect_eq(
            jwt_check(set, &no_rules, cases[i].token, strlen(cases[i].token), 1300819379, &jwt),
            JWT_GOOD, "%zu", i);
        cr_expect(jwt.claims != NULL && strstr(jwt.claims, "http://example.com/is_root") != NULL);
        jwt_free(&jwt);
        EXPECT(set, &no_rules, cases[i].token, 1300819380, JWT_EXPIRED);
        jwk_free(set);
    }
}

Test(jwt, examples_that_are_no_jwt__are_refused_behind_a_good_signature)
{
    /* RFC 7515, A.4: the payload is the word "Payload". */
    struct jwk_set *set = read_set(
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk0"
        "6wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07"
        "l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}]}");
    EXPECT(set, &no_rules,
           "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKP"
           "WROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7"
           "iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
           NOW, JWT_MALFORMED);
    EXPECT(set, &no_rules,
           "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZB.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKP"
           "WROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7"
           "iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jo",
           NOW, JWT_MALFORMED);
    jwk_free(set);
    /* RFC 7519, 6.1: unsecured. */
    set = read_key(TOKEN_SECRET);
    EXPECT(set, &no_rules, "eyJhbGciOiJub25lIn0." RFC_PAYLOAD ".", 1300819379, JWT_ALGORITHM);
    jwk_free(set);
}

Test(jwt, tokens_of_every_algorithm__are_good_as_they_are_signed_alone)
{
    struct jwk_set *set = read_set(vector_keys);
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        char *token = strdup(vectors[i].token);
        char *dot = strrchr(token, '.');
        cr_assert(dot != NULL);
        EXPECT(set, &no_rules, token, NOW, JWT_GOOD);
        /* Any digit of it changed, one at a time in steps that meet all parts. */
        for (size_t at = 0; at < strlen(token); at += 13) {
            char was = token[at];
            token[at] = was == 'A' ? 'B' : 'A';
            enum jwt_verdict verdict = check(set, &no_rules, token, NOW);
            cr_expect_neq(verdict, JWT_GOOD, "%s: digit %zu", vectors[i].algorithm, at);
            token[at] = was;
        }
        dot[1] = '\0';
        EXPECT(set, &no_rules, token, NOW, JWT_FORGED);
        free(token);
    }
    jwk_free(set);
}

/* The signature of a text with P-256, as two numbers of 32 bytes. */
static void sign_raw(gnutls_privkey_t secret, char *text, size_t size, unsigned char *out)
{
    gnutls_datum_t data = {(unsigned char *)text, (unsigned)size};
    gnutls_datum_t der;
    gnutls_datum_t numbers[2];
    cr_assert_eq(gnutls_privkey_sign_data2(secret, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der), 0);
    cr_assert_eq(gnutls_decode_rs_value(&der, &numbers[0], &numbers[1]), 0);
    memset(out, 0, 64);
    for (unsigned i = 0; i < 2; i++) {
        /* A zero before a number says that it is not negative. */
        unsigned skip = numbers[i].size > 32 ? numbers[i].size - 32 : 0;
        unsigned length = numbers[i].size - skip;
        memcpy(out + 32 * (i + 1) - length, numbers[i].data + skip, length);
        gnutls_free(numbers[i].data);
    }
    gnutls_free(der.data);
}

/* Signatures of curves are two numbers, which begin with zeros now and then. */
Test(jwt, signatures_of_curves__are_good_whatever_they_begin_with)
{
    gnutls_privkey_t secret;
    gnutls_datum_t x;
    gnutls_datum_t y;
    unsigned with_zero = 0;
    gnutls_privkey_init(&secret);
    cr_assert_eq(gnutls_privkey_generate(secret, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                 0);
    cr_assert_eq(
        gnutls_privkey_export_ecc_raw2(secret, NULL, &x, &y, NULL, GNUTLS_EXPORT_FLAG_NO_LZ), 0);
    unsigned char point[64] = {0};
    memcpy(point + 32 - x.size, x.data, x.size);
    memcpy(point + 64 - y.size, y.data, y.size);
    char *x_text = token_encode(point, 32);
    char *y_text = token_encode(point + 32, 32);
    char jwks[512];
    snprintf(jwks, sizeof jwks,
             "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}", x_text,
             y_text);
    struct jwk_set *set = read_set(jwks);
    for (int i = 0; i < 2000; i++) {
        char text[200];
        char *header = token_encode("{\"alg\":\"ES256\"}", 15);
        char *payload = token_encode("{\"exp\":4000000000}", 18);
        int size = snprintf(text, sizeof text, "%s.%s", header, payload);
        unsigned char raw[64];
        sign_raw(secret, text, (size_t)size, raw);
        with_zero += raw[0] == 0 || raw[32] == 0;
        char *signature = token_encode(raw, sizeof raw);
        snprintf(text + size, sizeof text - (size_t)size, ".%s", signature);
        EXPECT(set, &no_rules, text, NOW, JWT_GOOD);
        if (i == 0) { /* the same numbers, written longer */
            unsigned char longer[66] = {0};
            memcpy(longer + 1, raw, 32);
            memcpy(longer + 34, raw + 32, 32);
            char *other = token_encode(longer, sizeof longer);
            snprintf(text + size, sizeof text - (size_t)size, ".%s", other);
            EXPECT(set, &no_rules, text, NOW, JWT_FORGED);
            free(other);
        }
        free(header);
        free(payload);
        free(signature);
    }
    cr_expect_gt(with_zero, 0U);
    /* Two zeros are the signature of nothing. */
    unsigned char zeros[64] = {0};
    char *signature = token_encode(zeros, sizeof zeros);
    char text[300];
    snprintf(text, sizeof text, "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjQwMDAwMDAwMDB9.%s", signature);
    EXPECT(set, &no_rules, text, NOW, JWT_FORGED);
    free(signature);
    free(x_text);
    free(y_text);
    gnutls_free(x.data);
    gnutls_free(y.data);
    gnutls_privkey_deinit(secret);
    jwk_free(set);
}

Test(jwt, algorithm__is_the_keys_not_the_tokens)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                              "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                              "-----END PUBLIC KEY-----\n";
    static const char *const others[] = {"none",  "None",  "NONE",  "nOnE",  "",
                                         "HS256", "HS512", "RS256", "ES384", "PS256",
                                         "EdDSA", "es256", "ES256K"};
    char header[64];
    struct jwk_set *set = read_key(pem);
    EXPECT(set, &no_rules,
           "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
           ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDx"
           "w5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
           1300819379, JWT_GOOD);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        /* Signed with the text of the public key, which everybody has. */
        snprintf(header, sizeof header, "{\"alg\":\"%s\"}", others[i]);
        char *token = token_make_with(pem, header, "{\"exp\":4000000000}");
        EXPECT(set, &no_rules, token, NOW, JWT_ALGORITHM);
        strrchr(token, '.')[1] = '\0';
        EXPECT(set, &no_rules, token, NOW, JWT_ALGORITHM);
        free(token);
    }
    jwk_free(set);
    /* A key that says its algorithm has no other. */
    set = read_set("{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":"
                   "\"YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW9yZQ\"}]}");
    char *token = token_make(TOKEN_HEADER, "{\"exp\":4000000000}");
    EXPECT(set, &no_rules, token, NOW, JWT_ALGORITHM);
    free(token);
    jwk_free(set);
    /* A secret that is shorter than a digest is none of its algorithm (RFC 7518, 3.2). */
    expect_made(&no_rules, "{\"alg\":\"HS512\"}", "{\"exp\":4000000000}", JWT_ALGORITHM);
}

Test(jwt, keys__are_found_by_their_kid)
{
    struct jwk_set *set = read_set("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"other\",\"k\":"
                                   "\"QSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW9yZQ\"},"
                                   "{\"kty\":\"oct\",\"kid\":\"mine\",\"k\":"
                                   "\"YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW9yZQ\"}]}");
    static const struct {
        const char *header;
        enum jwt_verdict verdict;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"kid\":\"mine\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"kid\":\"m\\u0069ne\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"kid\":\"other\"}", JWT_FORGED},
        {"{\"alg\":\"HS256\",\"kid\":\"mine\\u0000\"}", JWT_UNKNOWN},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", JWT_UNKNOWN},
        {"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", JWT_UNKNOWN},
        {"{\"alg\":\"HS256\",\"kid\":null}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":7}", JWT_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *token = token_make(cases[i].header, "{\"exp\":4000000000}");
        EXPECT(set, &no_rules, token, NOW, cases[i].verdict);
        free(token);
    }
    jwk_free(set);
}

Test(jwt, set_of_many_keys__is_not_tried_without_end)
{
    static char text[10000];
    put_secrets(text, sizeof text, 63);
    struct jwk_set *set = read_set(text);
    char *token = token_make(TOKEN_HEADER, "{\"exp\":4000000000}");
    EXPECT(set, &no_rules, token, NOW, JWT_FORGED); /* the last key is not reached */
    free(token);
    jwk_free(set);
}

/* ---- Shape ---- */

Test(jwt, text_that_is_no_token__is_refused)
{
    static const char *const cases[] = {
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJhbGciOiJIUzI1NiJ9.e30",
        "eyJhbGciOiJIUzI1NiJ9.e30.",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA.AAAA",
        "e30.e30.AAAA",
        "W10.e30.AAAA",
        "bnVsbA.e30.AAAA",
    };
    struct jwk_set *set = read_key(TOKEN_SECRET);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_neq(check(set, &no_rules, cases[i], NOW), JWT_GOOD, "%s", cases[i]);
    }
    jwk_free(set);
}

Test(jwt, base64url__has_one_form)
{
    static const struct {
        const char *text;
        bool good;
        size_t size;
    } cases[] = {
        {"", true, 0},
        {"A", false, 0},
        {"AA", true, 1},
        {"AAA", true, 2},
        {"AAAA", true, 3},
        {"AAAAA", false, 0},
        {"AB", false, 0},
        {"AAB", false, 0},
        {"AA==", false, 0},
        {"AAA=", false, 0},
        {"AA ", false, 0},
        {"AA\n", false, 0},
        {"A+/A", false, 0},
        {"A-_A", true, 3},
        {"AA\tA", false, 0},
        {"\xC3\xA4"
         "AA",
         false, 0},
    };
    unsigned char out[16];
    size_t size;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool good = jwk_base64url(cases[i].text, strlen(cases[i].text), out, &size);
        cr_expect_eq(good, cases[i].good, "%s", cases[i].text);
        cr_expect(!good || size == cases[i].size, "%s", cases[i].text);
    }
    /* Padding, other alphabets, white space, and digits that say the same otherwise. */
    struct jwk_set *set = read_key(TOKEN_SECRET);
    char *token = token_make(TOKEN_HEADER, "{\"exp\":4000000000}");
    char other[200];
    static const char *const behind[] = {"=", "==", "\n", " ", ".", "A", "%3D"};
    EXPECT(set, &no_rules, token, NOW, JWT_GOOD);
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        snprintf(other, sizeof other, "%s%s", token, behind[i]);
        cr_expect_neq(check(set, &no_rules, other, NOW), JWT_GOOD, "%s", behind[i]);
    }
    /* 32 bytes leave two bits of the last digit over. */
    snprintf(other, sizeof other, "%s", token);
    other[strlen(other) - 1]++;
    EXPECT(set, &no_rules, other, NOW, JWT_MALFORMED);
    free(token);
    jwk_free(set);
}

Test(jwt, headers__that_say_what_is_not_understood_are_refused)
{
    static const struct {
        const char *header;
        enum jwt_verdict verdict;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"typ\":\"jwt\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"jku\":\"https://evil.example/keys\",\"jwk\":{\"kty\":\"oct\"}}",
         JWT_GOOD}, /* they are not looked at */
        {"{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"typ\":null}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[]}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"al\\u0067\":\"none\"}", JWT_MALFORMED},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\\u0000\"}", JWT_ALGORITHM},
        {"{\"alg\":[\"HS256\"]}", JWT_MALFORMED},
        {"{\"alg\":null}", JWT_MALFORMED},
        {"{}", JWT_MALFORMED},
        {"[{\"alg\":\"HS256\"}]", JWT_MALFORMED},
        {"\"HS256\"", JWT_MALFORMED},
        {"{\"alg\":\"HS256\"}x", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",}", JWT_MALFORMED},
        {"{\"alg\":\"HS256\",\"x\":\"\xFF\"}", JWT_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_made(&no_rules, cases[i].header, "{\"exp\":4000000000}", cases[i].verdict);
    }
}

Test(jwt, tokens_that_are_huge__are_not_decoded)
{
    static char text[20000];
    struct jwk_set *set = read_key(TOKEN_SECRET);
    /* A header of more than a kilobyte, a token of more than eight. */
    snprintf(text, sizeof text, "{\"alg\":\"HS256\",\"x\":\"%01100d\"}", 0);
    char *token = token_make(text, "{\"exp\":4000000000}");
    EXPECT(set, &no_rules, token, NOW, JWT_MALFORMED);
    free(token);
    snprintf(text, sizeof text, "{\"exp\":4000000000,\"x\":\"%06000d\"}", 0);
    token = token_make(TOKEN_HEADER, text);
    EXPECT(set, &no_rules, token, NOW, JWT_GOOD);
    free(token);
    snprintf(text, sizeof text, "{\"exp\":4000000000,\"x\":\"%06200d\"}", 0);
    token = token_make(TOKEN_HEADER, text);
    EXPECT(set, &no_rules, token, NOW, JWT_MALFORMED);
    free(token);
    memset(text, '[', 5000);
    text[5000] = '\0';
    token = token_make(TOKEN_HEADER, text);
    EXPECT(set, &no_rules, token, NOW, JWT_MALFORMED);
    free(token);
    jwk_free(set);
}

/* ---- Claims ---- */

Test(jwt, payloads__are_objects_that_say_everything_once)
{
    static const struct {
        const char *payload;
        enum jwt_verdict verdict;
    } cases[] = {
        {"{\"exp\":4000000000,\"a\":{\"b\":[1,{\"c\":2}]},\"d\":{\"b\":1}}", JWT_GOOD},
        {" {\"exp\" : 4e9} ", JWT_GOOD},
        {"{\"exp\":1700000000.5}", JWT_GOOD},
        {"{}", JWT_CLAIMS},
        {"[]", JWT_MALFORMED},
        {"null", JWT_MALFORMED},
        {"\"exp\"", JWT_MALFORMED},
        {"4000000000", JWT_MALFORMED},
        {"", JWT_MALFORMED},
        {"{\"exp\":4000000000} {}", JWT_MALFORMED},
        {"{\"exp\":4000000000,\"exp\":1}", JWT_MALFORMED},
        {"{\"exp\":4000000000,\"e\\u0078p\":4000000000}", JWT_MALFORMED},
        {"{\"exp\":4000000000,\"role\":\"a\",\"role\":\"b\"}", JWT_MALFORMED},
        {"{\"exp\":4000000000,\"a\":[{\"b\":1,\"b\":2}]}", JWT_MALFORMED},
        {"{\"exp\":4000000000,\"a\":\"\xED\xA0\x80\"}", JWT_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_made(&no_rules, TOKEN_HEADER, cases[i].payload, cases[i].verdict);
    }
}

Test(jwt, payloads__are_neither_deep_nor_wide)
{
    char text[4096];
    for (int levels = 15; levels <= 16; levels++) {
        int size = snprintf(text, sizeof text, "{\"exp\":4000000000,\"a\":");
        for (int i = 0; i < levels; i++) {
            text[size + i] = '[';
            text[size + levels + i] = ']';
        }
        snprintf(text + size + 2 * levels, sizeof text - (size_t)(size + 2 * levels), "}");
        expect_made(&no_rules, TOKEN_HEADER, text, levels == 15 ? JWT_GOOD : JWT_MALFORMED);
    }
    for (int members = 255; members <= 256; members++) {
        int size = snprintf(text, sizeof text, "{\"exp\":4000000000");
        for (int i = 0; i < members; i++) {
            size += snprintf(text + size, sizeof text - (size_t)size, ",\"%d\":0", i);
        }
        snprintf(text + size, sizeof text - (size_t)size, "}");
        expect_made(&no_rules, TOKEN_HEADER, text, members == 255 ? JWT_GOOD : JWT_MALFORMED);
    }
}

Test(jwt, times__are_checked_with_a_leeway)
{
    static const struct {
        const char *payload;
        enum jwt_verdict strict, lenient; /* with a leeway of 10 seconds */
    } cases[] = {
        {"{\"exp\":1700000001}", JWT_GOOD, JWT_GOOD},
        {"{\"exp\":1700000000}", JWT_EXPIRED, JWT_GOOD},
        {"{\"exp\":1699999991}", JWT_EXPIRED, JWT_GOOD},
        {"{\"exp\":1699999990}", JWT_EXPIRED, JWT_EXPIRED},
        {"{\"exp\":0}", JWT_EXPIRED, JWT_EXPIRED},
        {"{\"exp\":-1}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":1e999}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":\"4000000000\"}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":null}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":true}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":[4000000000]}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"nbf\":1}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":4000000000,\"nbf\":1700000000}", JWT_GOOD, JWT_GOOD},
        {"{\"exp\":4000000000,\"nbf\":1700000010}", JWT_EARLY, JWT_GOOD},
        {"{\"exp\":4000000000,\"nbf\":1700000011}", JWT_EARLY, JWT_EARLY},
        {"{\"exp\":4000000000,\"nbf\":\"1\"}", JWT_CLAIMS, JWT_CLAIMS},
        {"{\"exp\":4000000000,\"iat\":1699999999}", JWT_GOOD, JWT_GOOD},
        {"{\"exp\":4000000000,\"iat\":1700000011}", JWT_EARLY, JWT_EARLY},
        {"{\"exp\":4000000000,\"iat\":{}}", JWT_CLAIMS, JWT_CLAIMS},
    };
    const struct jwt_rules lenient = {.leeway_s = 10};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_made(&no_rules, TOKEN_HEADER, cases[i].payload, cases[i].strict);
        expect_made(&lenient, TOKEN_HEADER, cases[i].payload, cases[i].lenient);
    }
}

Test(jwt, issuer_and_audience__are_who_they_must_be)
{
    static const struct {
        const char *claims;
        enum jwt_verdict verdict;
    } cases[] = {
        {"\"iss\":\"joe\",\"aud\":\"shop\"", JWT_GOOD},
        {"\"iss\":\"j\\u006fe\",\"aud\":[\"x\",\"shop\"]", JWT_GOOD},
        {"\"iss\":\"joe\",\"aud\":[]", JWT_AUDIENCE},
        {"\"iss\":\"joe\",\"aud\":[\"x\"]", JWT_AUDIENCE},
        {"\"iss\":\"joe\",\"aud\":[[\"shop\"]]", JWT_AUDIENCE},
        {"\"iss\":\"joe\",\"aud\":{\"shop\":1}", JWT_AUDIENCE},
        {"\"iss\":\"joe\",\"aud\":\"shops\"", JWT_AUDIENCE},
        {"\"iss\":\"joe\",\"aud\":\"shop\\u0000\"", JWT_AUDIENCE},
        {"\"iss\":\"joe\",\"aud\":null", JWT_AUDIENCE},
        {"\"iss\":\"joe\"", JWT_AUDIENCE},
        {"\"aud\":\"shop\"", JWT_ISSUER},
        {"\"iss\":\"Joe\",\"aud\":\"shop\"", JWT_ISSUER},
        {"\"iss\":[\"joe\"],\"aud\":\"shop\"", JWT_ISSUER},
        {"\"iss\":null,\"aud\":\"shop\"", JWT_ISSUER},
    };
    const struct jwt_rules rules = {.issuer = "joe", .audience = "shop"};
    char payload[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(payload, sizeof payload, "{\"exp\":4000000000,%s}", cases[i].claims);
        expect_made(&rules, TOKEN_HEADER, payload, cases[i].verdict);
    }
    /* A token that is for somebody is not for one who is nobody (RFC 7519, 4.1.3). */
    expect_made(&no_rules, TOKEN_HEADER, "{\"exp\":4000000000,\"aud\":\"shop\"}", JWT_AUDIENCE);
    expect_made(&no_rules, TOKEN_HEADER, "{\"exp\":4000000000,\"iss\":\"joe\"}", JWT_GOOD);
}

Test(jwt, subject_and_roles__are_told)
{
    struct jwk_set *set = read_key(TOKEN_SECRET);
    struct jwt jwt;
    char *token =
        token_make(TOKEN_HEADER, "{\"exp\":4000000000,\"sub\":\"ann\",\"role\":\"editor\","
                                 "\"roles\":[\"a\",\"b\"],\"https://x/role\":\"c\"}");
    cr_assert_eq(jwt_check(set, &no_rules, token, strlen(token), NOW, &jwt), JWT_GOOD);
    cr_expect_str_eq(jwt.subject, "ann");
    cr_expect(jwt.expires_s > 3999999999.0 && jwt.expires_s < 4000000001.0);
    cr_expect(jwt_has_role(&jwt, "role", "editor"));
    cr_expect(!jwt_has_role(&jwt, "role", "edit"));
    cr_expect(!jwt_has_role(&jwt, "rol", "editor"));
    cr_expect(jwt_has_role(&jwt, "roles", "b"));
    cr_expect(!jwt_has_role(&jwt, "roles", "c"));
    cr_expect(!jwt_has_role(&jwt, "exp", "4000000000"));
    cr_expect(jwt_has_role(&jwt, "https://x/role", "c"));
    jwt_free(&jwt);
    free(token);
    jwk_free(set);
    expect_made(&no_rules, TOKEN_HEADER, "{\"exp\":4000000000,\"sub\":7}", JWT_CLAIMS);
    expect_made(&no_rules, TOKEN_HEADER, "{\"exp\":4000000000,\"sub\":\"a\\u0000b\"}", JWT_CLAIMS);
}

/* ---- Keys ---- */

static void refuses_key(const char *text, const char *why)
{
    const char *problem = "";
    struct jwk_set *set = jwk_read_key(text, strlen(text), &problem);
    cr_expect_null(set, "%s", text);
    cr_expect(strstr(problem, why) != NULL, "%s: %s", text, problem);
    jwk_free(set);
}

Test(jwk, file_of_a_key__is_what_it_looks_like)
{
    refuses_key("", "32 bytes");
    refuses_key("0123456789012345678901234567890\n", "32 bytes");
    refuses_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private");
    refuses_key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no PEM");
    refuses_key("text before\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "no PEM");
    refuses_key(" {\"keys\":[]}                                         ", "--jwks");
    /* RSA of 512 bits. */
    refuses_key("-----BEGIN PUBLIC KEY-----\n"
                "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJb2NsZ5JUp9X30Ls9ldgdL+YP2P0eAu\n"
                "Wd5FArW5WVB9JdJBVm3NJgjSja083sxW7W4Wt9lE1PPc4BfdM04CIDcCAwEAAQ==\n"
                "-----END PUBLIC KEY-----\n",
                "2048");
}

static void refuses_set(const char *text, const char *why)
{
    const char *problem = "";
    struct jwk_set *set = jwk_read_set(text, strlen(text), &problem);
    cr_expect_null(set, "%s", text);
    cr_expect(strstr(problem, why) != NULL, "%s: %s", text, problem);
    jwk_free(set);
}

#define X "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

Test(jwk, set__is_read_whole_or_refused)
{
    static char many[20000];
    refuses_set("", "");
    refuses_set("[]", "no JWK Set");
    refuses_set("{}", "no JWK Set");
    refuses_set("{\"keys\":{}}", "no JWK Set");
    refuses_set("{\"keys\":[],\"keys\":[]}", "no JWK Set");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"kty\":\"EC\"}]}", "no JWK Set");
    refuses_set("{\"keys\":[]}", "no key");
    refuses_set("{\"keys\":[7]}", "object");
    refuses_set("{\"keys\":[{}]}", "kty");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"," X "}]}", "broken");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\"," X "," Y "}]}", "broken");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\"," Y "}]}", "broken");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":7," X "," Y "}]}", "kid");
    refuses_set("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "2048");
    refuses_set("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "32 bytes");
    snprintf(many, sizeof many,
             "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%0257d\"," X "," Y "}]}", 0);
    refuses_set(many, "kid");
    /* A coordinate with a zero more, an exponent of nine bytes. */
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                "\"x\":\"AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF\"," Y "}]}",
                "broken");
    snprintf(many, sizeof many,
             "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQABAQABAQAB\",\"n\":\"x%0343d\"}]}", 0);
    refuses_set(many, "broken");
    refuses_set("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA==\"}]}", "");
    /* Keys for something else are passed over. */
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\"," X "," Y "}]}",
                "no key");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ECDH-ES\"," X "," Y "}]}",
                "no key");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"key_ops\":[\"sign\"]," X "," Y
                "}]}",
                "no key");
    refuses_set("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\"," X "," Y "}]}", "no key");
    refuses_set("{\"keys\":[{\"kty\":\"MAGIC\"}]}", "no key");
    struct jwk_set *set =
        read_set("{\"keys\":[{\"kty\":\"MAGIC\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\","
                 "\"key_ops\":[\"verify\"],\"alg\":\"ES256\",\"x5c\":[\"AAAA\"]," X "," Y "}]}");
    cr_expect(!jwk_is_secret(set));
    EXPECT(set, &no_rules,
           "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
           ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDx"
           "w5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
           1300819379, JWT_GOOD);
    jwk_free(set);
    put_secrets(many, sizeof many, 64);
    refuses_set(many, "64 keys");
    put_secrets(many, sizeof many, 63);
    set = read_set(many);
    cr_expect(jwk_is_secret(set));
    jwk_free(set);
}

/* A point beside the curve is no key: nothing is signed with it. */
Test(jwk, point_beside_its_curve__signs_nothing)
{
    const char *problem = "";
    static const char text[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"," X
                               ",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}]}";
    struct jwk_set *set = jwk_read_set(text, strlen(text), &problem);
    if (set != NULL) {
        EXPECT(set, &no_rules,
               "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
               ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgf"
               "TjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
               1300819379, JWT_FORGED);
    }
    jwk_free(set);
}
