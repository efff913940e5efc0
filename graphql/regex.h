/*
 * Regular expressions, as PCRE2 reads them (pcre2pattern(3)), over UTF-8.
 *
 * Texts are matched in one pass that follows all ways at once and never goes
 * back: in time proportional to the text's size. Where that has to follow too
 * many ways at one place, and the text is not long, PCRE2's matcher that goes
 * back tries, with a limit on its steps. What only that one can do (back
 * references, \K, conditions on groups) is refused. An expression belongs to one
 * thread at a time.
 */
#ifndef QR_GRAPHQL_REGEX_H
#define QR_GRAPHQL_REGEX_H

#include "graphql/text.h"

struct qr_regex;

/* Compiles a pattern, which is copied. QUERY when it is none or needs what is refused, LIMIT when
 * it is too long, with messages fit for the client. Owned by the caller. */
quire_status qr_regex_compile(const quire_allocator *allocator, struct qr_gql_str pattern,
                              bool insensitive, struct qr_regex **out, quire_error *err);
void qr_regex_free(struct qr_regex *regex); /* NULL ok */

/* Whether some part of the text matches. LIMIT when that takes more than the limits allow, CORRUPT
 * when the text is not UTF-8. */
quire_status qr_regex_test(struct qr_regex *regex, struct qr_gql_str text, bool *matches,
                           quire_error *err);

/* What every text that matches begins with, as far as the pattern's beginning tells: "ab" of
 * "^abc?d". Written to `prefix`, which has room for the pattern; returns the size. */
size_t qr_regex_prefix(struct qr_gql_str pattern, char *prefix);

#endif
