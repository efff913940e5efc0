/*
 * Where the keys of tokens come from: a file, which is read again when it has
 * changed, or an address, which is asked again now and then, and when a token
 * names a key that is not known.
 *
 * What is new takes the place of what was once it has been read as a whole; until
 * then, and when it is broken, the old keys stay. An address is asked by a process of
 * its own (fetcher.h), and waited for by no thread of a request.
 */
#ifndef QUIRE_SERVER_KEYS_H
#define QUIRE_SERVER_KEYS_H

#include "jwt.h"
#include "log.h"
#include "serve.h"

struct keys;

/* Whether such an address may be asked: https, or http on this machine. */
bool keys_is_address(const char *url);

/*
 * Opens what the options name: jwt_key, jwks or jwks_url, one of them. NULL after saying why not;
 * an address that does not answer is asked again later.
 */
struct keys *keys_open(const struct serve_options *options, struct log *log);
/* Begins to keep them, with a thread where that takes one; false after saying that there is none.
 * Asks an address before it returns. */
bool keys_start(struct keys *keys);
/* NULL is a no-op. */
void keys_close(struct keys *keys);

/* Checks a token by the keys of now (jwt_check). *later: the key that is not known may be soon. Any
 * thread. */
enum jwt_verdict keys_check(struct keys *keys, const struct jwt_rules *rules, const char *token,
                            size_t size, double now_s, struct jwt *out, bool *later);

#endif
