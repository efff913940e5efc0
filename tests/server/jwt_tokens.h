/*
 * Tokens for tests: signed with HS256 and one secret, whatever they say.
 */
#ifndef JWT_TOKENS_H
#define JWT_TOKENS_H

#include <stddef.h>

#define TOKEN_SECRET "a secret of thirty-two bytes and more"
#define TOKEN_HEADER "{\"alg\":\"HS256\"}"

/* base64url without padding; free it. */
char *token_encode(const void *bytes, size_t size);

/* A token of this header and payload; free it. */
char *token_make(const char *header, const char *payload);
/* The same signed with another secret. */
char *token_make_with(const char *secret, const char *header, const char *payload);

#endif
