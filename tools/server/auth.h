/*
 * Who asks: tokens from a file.
 *
 * A line of the file is `TOKEN [ROLE [NAME]]`: ROLE is `query` or `admin` (the
 * default), NAME is what logs call it. Empty lines and lines that begin with
 * '#' do not count. Only its owner may read the file.
 */
#ifndef QUIRE_SERVER_AUTH_H
#define QUIRE_SERVER_AUTH_H

#include "server.h"

#define TOKEN_SIZE_MIN 16U

struct access_tokens;

/* Reads the file. NULL after saying why not. */
struct access_tokens *auth_read(const char *path);
void auth_free(struct access_tokens *tokens);

/* What `credentials`, "Bearer TOKEN" or NULL, may do; without tokens everything. False when it is
 * not known. */
bool auth_present(const struct access_tokens *tokens, const char *credentials, enum role *role,
                  const char **caller);

/*
 * Checks what the exchange presents (Authorization: Bearer TOKEN) against what
 * its route asks for; without tokens everybody may do everything. False after
 * refusing it: 401 without a token that is known, 403 for one that may not.
 */
bool auth_check(struct exchange *exchange);

#endif
