/*
 * Keys that tokens are signed with: read from a PEM public key, a shared secret or
 * a JWK Set (RFC 7517), and asked whether a signature is theirs.
 *
 * Which algorithms a signature may have follows from the key, never from the
 * token: an elliptic curve has one, an RSA key six, a secret those whose hash is
 * no longer than it is; the key's own "alg" leaves one of them. The cryptography is
 * GnuTLS's. A set does not change: any thread may ask it.
 */
#ifndef QUIRE_SERVER_JWK_H
#define QUIRE_SERVER_JWK_H

#include <stdbool.h>
#include <stddef.h>

#define JWK_KEYS_MAX 64U /* of a set */

struct jwk_set;

/*
 * The key of a file: a PEM public key, else a secret of 32 bytes or more, without the
 * line end behind it. NULL with a sentence in *problem: of private keys, other PEM
 * files and JSON too, so that no file is taken for a secret that is none.
 */
struct jwk_set *jwk_read_key(const char *text, size_t size, const char **problem);

/*
 * The keys of a JWK Set. Those that are for something else, or of a kind that is not
 * known here, are passed over. NULL with a sentence in *problem when the text is no set,
 * a key is broken, or none is left.
 */
struct jwk_set *jwk_read_set(const char *text, size_t size, const char **problem);

/* NULL is a no-op. */
void jwk_free(struct jwk_set *set);

/* Whether it holds a shared secret, which nobody else may read. */
bool jwk_is_secret(const struct jwk_set *set);

/* A signature; all borrowed. */
struct jwk_signature {
    const char *algorithm, *kid; /* `kid` NULL: any key may have made it */
    size_t algorithm_size, kid_size;
    const char *text; /* what is signed */
    size_t text_size;
    const unsigned char *bytes;
    size_t size;
};

enum jwk_answer {
    JWK_SIGNED,
    JWK_FORGED,    /* a key was asked, and it is not its signature */
    JWK_ALGORITHM, /* the key has no such algorithm */
    JWK_UNKNOWN    /* no key has this kid */
};

/* At most a few keys are asked, whatever the set holds. */
enum jwk_answer jwk_verify(const struct jwk_set *set, const struct jwk_signature *signature);

/* Decodes base64url without padding, in its one canonical form; `out` has room for size * 3 / 4.
 * False for anything else. */
bool jwk_base64url(const char *text, size_t size, unsigned char *out, size_t *out_size);

#endif
