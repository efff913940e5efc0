/*
 * Who asks: tokens from a file, and JWTs.
 *
 * A line of the file is `TOKEN [ROLE [NAME]]`: ROLE is `query` or `admin` (the
 * default), NAME is what logs call it. Empty lines and lines that begin with
 * '#' do not count. Only its owner may read the file.
 *
 * A token of role admin is the program itself: the rules of the schema do not apply to it. One of
 * role query has the claims {"role": "query", "sub": NAME}; a JWT has those it carries; who has
 * none, where that is allowed, has {}. A token that is no good is refused, also where none is
 * needed.
 */
#ifndef QUIRE_SERVER_AUTH_H
#define QUIRE_SERVER_AUTH_H

#include "jwt.h"
#include "log.h"
#include "server.h"

#define TOKEN_SIZE_MIN 16U

/* What became of it; words of metrics. */
enum auth_verdict {
    AUTH_GOOD,
    AUTH_MISSING,   /* there is no token */
    AUTH_UNKNOWN,   /* it is none that is known, or comes in another scheme than Bearer */
    AUTH_FORBIDDEN, /* it may not do that */
    AUTH_LATER,     /* its key is not known yet */
    AUTH_JWT,       /* and a jwt_verdict */
    AUTH_VERDICTS = AUTH_JWT + JWT_VERDICTS
};

const char *auth_verdict_word(unsigned verdict);

/* Reads what the options name, in the process's only thread; *access is NULL when nobody is asked.
 * False after saying why not. */
bool auth_open(const struct serve_options *options, struct log *log, struct access **access);
/* Begins what takes threads, in the server's confines; false without. NULL is a no-op. */
bool auth_start(struct access *access);
/* NULL is a no-op. */
void auth_close(struct access *access);

/*
 * Whose `credentials` these are, "Bearer TOKEN" or NULL. *identity is overwritten when that is
 * known, which is AUTH_GOOD; else it is counted. Any thread.
 */
enum auth_verdict auth_present(struct server *server, const char *credentials,
                               struct identity *identity);

/*
 * Checks what the exchange presents (Authorization: Bearer TOKEN) against what
 * its route asks for. False after refusing it: 401 without a token that is good, 403 for one
 * that may not, 503 for one whose key is not known yet.
 */
bool auth_check(struct exchange *exchange);

/* ---- Identities ---- */

/* A copy that borrows all it has. */
struct identity identity_of(const struct identity *owner);
/* A copy that owns all it has; false without memory. */
bool identity_copy(struct identity *copy, const struct identity *identity);
/* Whether both are of one caller: of the same token, or JWTs of the same subject. */
bool identity_is(const struct identity *identity, const struct identity *other);
void identity_free(struct identity *identity);
/* Whether its token has expired. */
bool identity_has_expired(const struct identity *identity, uint64_t now_ms);

#endif
