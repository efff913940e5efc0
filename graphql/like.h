/*
 * The `like` operator: `%` stands for any text, `_` for one character, `\`
 * takes the next character as it is.
 *
 * A pattern is an automaton whose states are bits, so that testing a text takes
 * one step a byte, whatever pattern and text are: the time is proportional to
 * the size of the text, and to that of the pattern for each 64 bytes begun.
 */
#ifndef QR_GRAPHQL_LIKE_H
#define QR_GRAPHQL_LIKE_H

#include "graphql/text.h"

/* The longest pattern, in bytes. */
#define QR_LIKE_PATTERN_MAX 4096u

struct qr_like;

/* Compiles a pattern of UTF-8 into the arena. QUERY when it ends in a lone `\`, LIMIT when it is
 * too long, with messages fit for the client. */
quire_status qr_like_compile(struct qr_arena *arena, struct qr_gql_str pattern,
                             struct qr_like **out, quire_error *err);

/* Whether the whole text matches. Any thread. */
bool qr_like_test(const struct qr_like *like, struct qr_gql_str text);

/* What every text that matches begins with; may be empty. Borrowed from the pattern's copy. */
struct qr_gql_str qr_like_prefix(const struct qr_like *like);

#endif
