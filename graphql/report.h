/*
 * The list of problems found in a document, a schema or a request.
 *
 * A report lives in an arena and is bounded: after `problems_max` problems it
 * takes one more that says so, and from then on it is full and drops what is
 * added. Checks may ask qr_gql_report_full to stop early. Not thread-safe.
 */
#ifndef QR_GRAPHQL_REPORT_H
#define QR_GRAPHQL_REPORT_H

#include "graphql/source.h"

#define QR_GQL_PROBLEMS_MAX_DEFAULT 100u
/* Of one problem: a longer message is cut, further places are left out. */
#define QR_GQL_MESSAGE_BYTES_MAX 1024u
#define QR_GQL_PLACES_MAX        1000u

/* A response path, leaf first. Steps with key.data NULL are list indexes. */
struct qr_gql_path {
    const struct qr_gql_path *parent; /* towards the root; NULL at the first step */
    struct qr_gql_str key;            /* response name */
    size_t index;
};

struct qr_gql_problem {
    struct qr_gql_problem *next;
    struct qr_gql_str message; /* NUL-terminated too */
    const struct qr_gql_pos *locations;
    size_t location_count;
    const struct qr_gql_path *path;     /* NULL when there is none */
    struct qr_gql_str code, coordinate; /* for `extensions`; data NULL when absent */
    /* Where in the field's arguments, for `extensions`; NULL when absent. */
    const struct qr_gql_path *input_path;
};

struct qr_gql_report {
    struct qr_arena *arena;
    struct qr_gql_problem *first, *last;
    uint32_t count;
    uint32_t problems_max;
    bool no_suggestions;          /* "Did you mean" tells names, which not everybody may know */
    const char *overflow_message; /* of the last problem when the bound is reached */
    quire_status status;          /* QUIRE_OK, or the failure (memory) that lost a problem */
    quire_error *err;             /* borrowed; filled with that failure; may be NULL */
};

/* problems_max 0 means QR_GQL_PROBLEMS_MAX_DEFAULT. */
void qr_gql_report_init(struct qr_gql_report *report, struct qr_arena *arena, uint32_t problems_max,
                        quire_error *err);

/* Whether nothing more is taken: the bound was reached or memory ran out. */
bool qr_gql_report_full(const struct qr_gql_report *report);

/*
 * Adds a problem at `count` places; places with line 0 are left out. The list
 * is copied. Returns the problem so that path and code can be set, or NULL
 * when the report is full.
 */
struct qr_gql_problem *qr_gql_report_at(struct qr_gql_report *report,
                                        const struct qr_gql_pos *locations, size_t count,
                                        const char *format, ...) QR_PRINTF(4, 5);

/* The same with one place, or none when pos is NULL. */
struct qr_gql_problem *qr_gql_report_add(struct qr_gql_report *report, const struct qr_gql_pos *pos,
                                         const char *format, ...) QR_PRINTF(3, 4);

/* The same with a message that is ready (borrowed for the arena's life). */
struct qr_gql_problem *qr_gql_report_message(struct qr_gql_report *report,
                                             const struct qr_gql_pos *locations, size_t count,
                                             struct qr_gql_str message);

/*
 * The outcome of a check: OK when the report is empty; NO_MEMORY or LIMIT when
 * a problem was lost; else `status` with the first problem's text and place in
 * err.
 */
quire_status qr_gql_report_outcome(const struct qr_gql_report *report, quire_status status,
                                   quire_error *err);

/*
 * "Did you mean ..." (empty when there is no near candidate): candidates within
 * an edit distance of 0.4 times the length, nearest first, five at most.
 * `prefix` is a NUL-terminated text between "Did you mean " and the names, such
 * as "the enum value ", or "". Gives " Did you mean the enum value "A" or "B"?"
 * in the arena; never NULL (an empty text when memory runs out). Candidates
 * beyond the first 1,000 are not looked at.
 */
const char *qr_gql_did_you_mean(struct qr_arena *arena, struct qr_gql_str input,
                                const struct qr_gql_str *candidates, size_t count,
                                const char *prefix);

/* The same from names that are chosen and ordered already. */
const char *qr_gql_suggest(struct qr_arena *arena, const struct qr_gql_str *names, size_t count,
                           const char *prefix);

/* Order of names for people: digits compare as numbers. The sign as memcmp gives it. */
int qr_gql_str_compare_natural(struct qr_gql_str a, struct qr_gql_str b);

#endif
