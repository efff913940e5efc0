/*
 * Keys: see jwk.h.
 */
#include "jwk.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define SECRET_MIN   32U
#define RSA_BITS_MIN 2048U
#define RSA_BITS_MAX 8192U
#define TRIALS_MAX   8U /* signatures that are computed for one token */
#define KID_MAX      256U
#define DIGEST_MAX   64U
#define LEVELS_MAX   16U /* of a set's JSON */

enum kind { KIND_SECRET, KIND_RSA, KIND_P256, KIND_P384, KIND_P521, KIND_ED25519, KIND_ED448 };

/* RFC 7518, 3.1, and RFC 8037. `size` is of the digest, or of a signature of curves. */
static const struct algorithm {
    const char *name;
    enum kind kind;
    int code; /* gnutls_mac_algorithm_t of a secret, else gnutls_sign_algorithm_t */
    size_t size;
} algorithms[] = {
    {"HS256", KIND_SECRET, GNUTLS_MAC_SHA256, 32},
    {"HS384", KIND_SECRET, GNUTLS_MAC_SHA384, 48},
    {"HS512", KIND_SECRET, GNUTLS_MAC_SHA512, 64},
    {"RS256", KIND_RSA, GNUTLS_SIGN_RSA_SHA256, 32},
    {"RS384", KIND_RSA, GNUTLS_SIGN_RSA_SHA384, 48},
    {"RS512", KIND_RSA, GNUTLS_SIGN_RSA_SHA512, 64},
    {"PS256", KIND_RSA, GNUTLS_SIGN_RSA_PSS_SHA256, 32},
    {"PS384", KIND_RSA, GNUTLS_SIGN_RSA_PSS_SHA384, 48},
    {"PS512", KIND_RSA, GNUTLS_SIGN_RSA_PSS_SHA512, 64},
    {"ES256", KIND_P256, GNUTLS_SIGN_ECDSA_SHA256, 64},
    {"ES384", KIND_P384, GNUTLS_SIGN_ECDSA_SHA384, 96},
    {"ES512", KIND_P521, GNUTLS_SIGN_ECDSA_SHA512, 132},
    {"EdDSA", KIND_ED25519, GNUTLS_SIGN_EDDSA_ED25519, 64},
    {"EdDSA", KIND_ED448, GNUTLS_SIGN_EDDSA_ED448, 114},
};

#define ALGORITHM_COUNT (sizeof algorithms / sizeof algorithms[0])

/* "crv" of JWKs. `size` is of a coordinate. */
static const struct curve {
    const char *name, *type;
    enum kind kind;
    gnutls_ecc_curve_t code;
    size_t size;
} curves[] = {
    {"P-256", "EC", KIND_P256, GNUTLS_ECC_CURVE_SECP256R1, 32},
    {"P-384", "EC", KIND_P384, GNUTLS_ECC_CURVE_SECP384R1, 48},
    {"P-521", "EC", KIND_P521, GNUTLS_ECC_CURVE_SECP521R1, 66},
    {"Ed25519", "OKP", KIND_ED25519, GNUTLS_ECC_CURVE_ED25519, 32},
    {"Ed448", "OKP", KIND_ED448, GNUTLS_ECC_CURVE_ED448, 57},
};

#define CURVE_COUNT (sizeof curves / sizeof curves[0])

struct key {
    enum kind kind;
    const struct algorithm *only; /* of its "alg"; or NULL */
    char *kid;                    /* or NULL */
    size_t kid_size;
    gnutls_pubkey_t public_key; /* NULL of a secret */
    unsigned char *secret;
    size_t size; /* of the secret, or of the modulus of RSA, in bytes */
};

struct jwk_set {
    struct key keys[JWK_KEYS_MAX];
    unsigned count;
};

/* ---- Base64url ---- */

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

bool jwk_base64url(const char *text, size_t size, unsigned char *out, size_t *out_size)
{
    unsigned bits = 0;
    unsigned held = 0;
    *out_size = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) {
            return false;
        }
        bits = (bits << 6U | (unsigned)digit) & 0xFFFFU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*out_size)++] = (unsigned char)(bits >> held);
        }
    }
    /* What is left over of the last digit says nothing: it must be as an encoder writes it. */
    return held < 6 && (bits & ((1U << held) - 1)) == 0;
}

/* ---- Life ---- */

static void free_key(struct key *key)
{
    free(key->kid);
    if (key->public_key != NULL) {
        gnutls_pubkey_deinit(key->public_key);
    }
    if (key->secret != NULL) {
        gnutls_memset(key->secret, 0, key->size);
        free(key->secret);
    }
    *key = (struct key){.kid = NULL};
}

void jwk_free(struct jwk_set *set)
{
    if (set != NULL) {
        for (unsigned i = 0; i < set->count; i++) {
            free_key(&set->keys[i]);
        }
        free(set);
    }
}

bool jwk_is_secret(const struct jwk_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->keys[i].kind == KIND_SECRET) {
            return true;
        }
    }
    return false;
}

/* ---- Keys ---- */

static bool take_secret(struct key *key, const void *bytes, size_t size, const char **problem)
{
    if (size < SECRET_MIN) {
        *problem = "a secret has at least 32 bytes";
        return false;
    }
    key->kind = KIND_SECRET;
    key->secret = malloc(size);
    if (key->secret == NULL) {
        *problem = "out of memory";
        return false;
    }
    memcpy(key->secret, bytes, size);
    key->size = size;
    return true;
}

/* Says what the imported key is; false for kinds and sizes that are not taken. */
static bool look_at(struct key *key, const char **problem)
{
    unsigned bits = 0;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    int kind = gnutls_pubkey_get_pk_algorithm(key->public_key, &bits);
    if (kind == GNUTLS_PK_RSA) {
        *problem = "an RSA key has 2048 to 8192 bits";
        key->kind = KIND_RSA;
        key->size = (bits + 7) / 8;
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    }
    *problem = "a key is RSA, P-256, P-384, P-521, Ed25519 or Ed448";
    if (gnutls_pubkey_export_ecc_raw(key->public_key, &curve, NULL, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (curves[i].code == curve) {
            key->kind = curves[i].kind;
            return true;
        }
    }
    return false;
}

static bool take_pem(struct key *key, const char *text, size_t size, const char **problem)
{
    gnutls_datum_t pem = {(unsigned char *)(uintptr_t)text, (unsigned)size};
    if (strstr(text, "PRIVATE KEY-----") != NULL) {
        *problem = "it holds a private key; the public one is asked for";
        return false;
    }
    if (gnutls_pubkey_init(&key->public_key) != 0) {
        key->public_key = NULL;
        *problem = "out of memory";
        return false;
    }
    if (gnutls_pubkey_import(key->public_key, &pem, GNUTLS_X509_FMT_PEM) != 0) {
        *problem = "it is no PEM public key";
        return false;
    }
    return look_at(key, problem);
}

struct jwk_set *jwk_read_key(const char *text, size_t size, const char **problem)
{
    struct jwk_set *set = calloc(1, sizeof *set);
    const char *from = text + strspn(text, " \t\r\n");
    bool good = false;
    if (set == NULL) {
        *problem = "out of memory";
        return NULL;
    }
    set->count = 1;
    if (strstr(text, "-----BEGIN") != NULL) {
        good = take_pem(&set->keys[0], text, size, problem);
    } else if (*from == '{') {
        *problem = "it looks like JSON; a JWK Set is given with --jwks";
    } else {
        while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
            size--;
        }
        good = take_secret(&set->keys[0], text, size, problem);
    }
    if (!good) {
        jwk_free(set);
        return NULL;
    }
    return set;
}

/* ---- JWKs ---- */

/* Whether a member is a string that says this; escapes are not looked for. */
static bool says(const struct json_value *value, const char *text)
{
    return value->text != NULL && value->kind == JSON_STRING && json_key_is(value, text);
}

/* The bytes of a member in base64url; free them. False when it is absent or broken. */
static bool take_bytes(const struct json_value *jwk, const char *name, gnutls_datum_t *out)
{
    struct json_value value = json_member(jwk, name);
    size_t size = 0;
    *out = (gnutls_datum_t){NULL, 0};
    if (value.text == NULL || value.kind != JSON_STRING || value.size > 4096) {
        return false;
    }
    out->data = malloc(value.size);
    bool good = out->data != NULL &&
                jwk_base64url(value.text + 1, value.size - 2, out->data, &size) && size > 0;
    out->size = (unsigned)size;
    return good;
}

static bool import_rsa(struct key *key, const struct json_value *jwk)
{
    gnutls_datum_t modulus;
    gnutls_datum_t exponent = {NULL, 0};
    bool good = take_bytes(jwk, "n", &modulus) && take_bytes(jwk, "e", &exponent) &&
                exponent.size <= 8 &&
                gnutls_pubkey_import_rsa_raw(key->public_key, &modulus, &exponent) == 0;
    free(modulus.data);
    free(exponent.data);
    return good;
}

static bool import_curve(struct key *key, const struct json_value *jwk, const struct curve *curve)
{
    gnutls_datum_t x;
    gnutls_datum_t y = {NULL, 0};
    bool edwards = strcmp(curve->type, "OKP") == 0;
    bool good =
        take_bytes(jwk, "x", &x) && x.size == curve->size &&
        (edwards || (take_bytes(jwk, "y", &y) && y.size == curve->size)) &&
        gnutls_pubkey_import_ecc_raw(key->public_key, curve->code, &x, edwards ? NULL : &y) == 0;
    free(x.data);
    free(y.data);
    return good;
}

static const struct curve *find_curve(const struct json_value *jwk)
{
    struct json_value type = json_member(jwk, "kty");
    struct json_value name = json_member(jwk, "crv");
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (says(&type, curves[i].type) && says(&name, curves[i].name)) {
            return &curves[i];
        }
    }
    return NULL;
}

static bool import_secret(struct key *key, const struct json_value *jwk, const char **problem)
{
    gnutls_datum_t bytes;
    bool good = take_bytes(jwk, "k", &bytes) && take_secret(key, bytes.data, bytes.size, problem);
    if (bytes.data != NULL) {
        gnutls_memset(bytes.data, 0, bytes.size);
        free(bytes.data);
    }
    return good;
}

/* Whether the key is there to verify signatures, as far as it says. */
static bool is_for_us(const struct json_value *jwk)
{
    struct json_value use = json_member(jwk, "use");
    struct json_value operations = json_member(jwk, "key_ops");
    struct json_value name;
    struct json_value one;
    size_t at = 0;
    if (use.text != NULL && !says(&use, "sig")) {
        return false;
    }
    if (operations.text == NULL) {
        return true;
    }
    while (operations.kind == JSON_ARRAY && json_next(&operations, &at, &name, &one)) {
        if (says(&one, "verify")) {
            return true;
        }
    }
    return false;
}

/* Takes "alg" and "kid". False: the key is for an algorithm that is not known here. */
static bool take_names(struct key *key, const struct json_value *jwk, const char **problem)
{
    struct json_value algorithm = json_member(jwk, "alg");
    struct json_value kid = json_member(jwk, "kid");
    for (size_t i = 0; i < ALGORITHM_COUNT && algorithm.text != NULL; i++) {
        if (algorithms[i].kind == key->kind && says(&algorithm, algorithms[i].name)) {
            key->only = &algorithms[i];
        }
    }
    if (kid.text != NULL) {
        key->kid = kid.kind == JSON_STRING ? json_decode(&kid, &key->kid_size) : NULL;
        if (key->kid == NULL || key->kid_size > KID_MAX) {
            *problem = "a \"kid\" is a string of at most 256 bytes";
            return false;
        }
    }
    return algorithm.text == NULL || key->only != NULL;
}

/* True with *problem set to NULL when the key is passed over: nothing is left in `key` then. */
static bool take_jwk(struct key *key, const struct json_value *jwk, const char **problem)
{
    struct json_value type = json_member(jwk, "kty");
    const struct curve *curve = find_curve(jwk);
    bool rsa = says(&type, "RSA");
    bool secret = says(&type, "oct");
    *problem = NULL;
    if (type.text == NULL || type.kind != JSON_STRING) {
        *problem = "a key has no \"kty\"";
        return false;
    }
    if (!is_for_us(jwk) || (!rsa && curve == NULL && !secret)) {
        return true;
    }
    *problem = "a key is broken";
    bool good;
    if (secret) {
        good = import_secret(key, jwk, problem);
    } else {
        good = gnutls_pubkey_init(&key->public_key) == 0 &&
               (rsa ? import_rsa(key, jwk) : import_curve(key, jwk, curve)) &&
               look_at(key, problem);
    }
    if (!good) {
        return false;
    }
    const char *broken = NULL;
    if (!take_names(key, jwk, &broken)) {
        *problem = broken;
        free_key(key);
        return broken == NULL;
    }
    return true;
}

static bool take_keys(struct jwk_set *set, const struct json_value *list, const char **problem)
{
    struct json_value name;
    struct json_value jwk;
    size_t at = 0;
    while (json_next(list, &at, &name, &jwk)) {
        if (jwk.kind != JSON_OBJECT) {
            *problem = "a key is an object";
            return false;
        }
        if (set->count == JWK_KEYS_MAX) {
            *problem = "it has more than 64 keys";
            return false;
        }
        struct key *key = &set->keys[set->count];
        if (!take_jwk(key, &jwk, problem)) {
            free_key(key);
            return false;
        }
        set->count += key->public_key != NULL || key->secret != NULL;
    }
    *problem = "it has no key to check signatures with";
    return set->count > 0;
}

struct jwk_set *jwk_read_set(const char *text, size_t size, const char **problem)
{
    struct json_value whole;
    size_t at;
    if (!json_check(text, size, &whole, problem, &at)) {
        return NULL;
    }
    struct json_value list = whole.kind == JSON_OBJECT && json_is_plain(&whole, LEVELS_MAX)
                                 ? json_member(&whole, "keys")
                                 : (struct json_value){NULL, 0, JSON_NULL};
    if (list.text == NULL || list.kind != JSON_ARRAY) {
        *problem = "it is no JWK Set: an object whose member \"keys\" is a list";
        return NULL;
    }
    struct jwk_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        *problem = "out of memory";
    } else if (!take_keys(set, &list, problem)) {
        jwk_free(set);
        set = NULL;
    }
    return set;
}

/* ---- Signatures ---- */

static bool verify_secret(const struct key *key, const struct algorithm *algorithm,
                          const struct jwk_signature *signature)
{
    unsigned char digest[DIGEST_MAX];
    return signature->size == algorithm->size &&
           gnutls_hmac_fast((gnutls_mac_algorithm_t)algorithm->code, key->secret, key->size,
                            signature->text, signature->text_size, digest) == 0 &&
           gnutls_memcmp(digest, signature->bytes, signature->size) == 0;
}

static bool verify_public(const struct key *key, const struct algorithm *algorithm,
                          const struct jwk_signature *signature)
{
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)signature->text,
                           (unsigned)signature->text_size};
    gnutls_datum_t bytes = {(unsigned char *)(uintptr_t)signature->bytes,
                            (unsigned)signature->size};
    gnutls_datum_t encoded = {NULL, 0};
    if (signature->size != (key->kind == KIND_RSA ? key->size : algorithm->size)) {
        return false;
    }
    if (key->kind == KIND_P256 || key->kind == KIND_P384 || key->kind == KIND_P521) {
        /* Two numbers side by side here, a sequence of them there. */
        gnutls_datum_t r = {bytes.data, bytes.size / 2};
        gnutls_datum_t s = {bytes.data + bytes.size / 2, bytes.size / 2};
        if (gnutls_encode_rs_value(&encoded, &r, &s) != 0) {
            return false;
        }
        bytes = encoded;
    }
    int result = gnutls_pubkey_verify_data2(
        key->public_key, (gnutls_sign_algorithm_t)algorithm->code, 0, &text, &bytes);
    gnutls_free(encoded.data);
    return result >= 0;
}

/* The algorithm of this name, if the key has it. */
static const struct algorithm *algorithm_of(const struct key *key, const char *name, size_t size)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        const struct algorithm *one = &algorithms[i];
        if (one->kind == key->kind && strlen(one->name) == size &&
            memcmp(one->name, name, size) == 0) {
            bool fits = key->kind != KIND_SECRET || key->size >= one->size;
            return fits && (key->only == NULL || key->only == one) ? one : NULL;
        }
    }
    return NULL;
}

enum jwk_answer jwk_verify(const struct jwk_set *set, const struct jwk_signature *signature)
{
    enum jwk_answer answer = JWK_UNKNOWN;
    unsigned trials = 0;
    for (unsigned i = 0; i < set->count && trials < TRIALS_MAX; i++) {
        const struct key *key = &set->keys[i];
        if (signature->kid != NULL && key->kid != NULL &&
            (key->kid_size != signature->kid_size ||
             memcmp(key->kid, signature->kid, key->kid_size) != 0)) {
            continue;
        }
        const struct algorithm *algorithm =
            algorithm_of(key, signature->algorithm, signature->algorithm_size);
        if (algorithm == NULL) {
            answer = answer == JWK_UNKNOWN ? JWK_ALGORITHM : answer;
            continue;
        }
        trials++;
        answer = JWK_FORGED;
        if (key->kind == KIND_SECRET ? verify_secret(key, algorithm, signature)
                                     : verify_public(key, algorithm, signature)) {
            return JWK_SIGNED;
        }
    }
    return answer;
}
