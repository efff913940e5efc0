/*
 * Filters: a `where` argument compiled once, then tested against encoded rows.
 * docs/graphql.md, "Reading", has the operators and the rules of null.
 */
#ifndef QR_GRAPHQL_FILTER_H
#define QR_GRAPHQL_FILTER_H

#include "graphql/reader.h"

enum qr_filter_kind {
    QR_FILTER_ALL,      /* every child holds; without children: true */
    QR_FILTER_ANY,      /* some child holds; without children: false */
    QR_FILTER_NONE,     /* not all children hold */
    QR_FILTER_COMPARE,  /* a column against constants */
    QR_FILTER_RELATION, /* rows at the other end of a relation against the only child */
    QR_FILTER_AGGREGATE /* what they come to against the only child */
};

enum qr_filter_operator {
    QR_FILTER_EQUALS, /* null: is null */
    QR_FILTER_NOT,    /* null: is not null */
    QR_FILTER_IN,
    QR_FILTER_NOT_IN,
    QR_FILTER_LT,
    QR_FILTER_LTE,
    QR_FILTER_GT,
    QR_FILTER_GTE,
    QR_FILTER_CONTAINS,
    QR_FILTER_STARTS_WITH,
    QR_FILTER_ENDS_WITH,
    QR_FILTER_LIKE,
    QR_FILTER_REGEX,
    QR_FILTER_HAS,
    QR_FILTER_HAS_SOME,
    QR_FILTER_HAS_EVERY,
    QR_FILTER_IS_EMPTY
};

enum qr_filter_quantifier {
    QR_FILTER_IS,
    QR_FILTER_IS_NOT,
    QR_FILTER_SOME,
    QR_FILTER_EVERY,
    QR_FILTER_NO_ROW
};

struct qr_filter {
    enum qr_filter_kind kind;
    struct qr_filter *first, *last; /* children */
    struct qr_filter *next;         /* sibling */
    const struct qr_model_field *field;
    enum qr_filter_operator op;
    quire_value *values; /* constants, in the arena; case-folded when insensitive; those of IN and
                          * NOT_IN ascending, each once */
    uint32_t value_count;
    bool insensitive;
    struct qr_like *like;   /* LIKE */
    struct qr_regex *regex; /* REGEX */
    quire_value prefix;     /* LIKE, REGEX: what matching texts begin with, case-folded when
                             * insensitive; null: not known */
    enum qr_filter_quantifier quantifier;
    quire_table *table;         /* RELATION: the other end's, for this filter alone */
    struct qr_related *related; /* AGGREGATE */
    uint32_t slot;              /* COMPARE of computed values: which */
};

/*
 * Compiles a coerced `where` object of a type (NULL: no condition, *out is
 * NULL). Keys of references are looked up now. QUERY when an operator that does not
 * take null is null, with a message fit for the client.
 */
quire_status qr_filter_compile(struct qr_reader *reader, const struct qr_model_type *type,
                               const struct qr_gql_value *where, struct qr_filter **out);

/* The same of a condition that the schema states: no rule holds the caller off what it looks at. */
quire_status qr_filter_compile_own(struct qr_reader *reader, const struct qr_model_type *type,
                                   const struct qr_gql_value *where, struct qr_filter **out);

/* The same for the rows of a type as the caller sees it: behind the rules (auth.h), and of a view
 * its own condition. */
quire_status qr_filter_compile_shown(struct qr_reader *reader, const struct qr_model_type *type,
                                     const struct qr_gql_value *where, struct qr_filter **out);

/* Both conditions; either may be NULL. */
quire_status qr_filter_and(struct qr_reader *reader, struct qr_filter *a, struct qr_filter *b,
                           struct qr_filter **out);

/* Whether the filter is certain to give `value` for every row, seen from the filter alone: NULL, {}
 * and {OR: [{}]} always hold, {OR: []} never does. Operators with nothing to look for (`notIn: []`,
 * `contains: ""`, `gte: ""`) count as always holding. False where that cannot be told. */
bool qr_filter_is_constant(const struct qr_filter *filter, bool value);

/* The condition that a field has a value. */
quire_status qr_filter_present(struct qr_reader *reader, const struct qr_model_field *field,
                               struct qr_filter **out);

/* Marks the columns of a row that testing the filter reads, by number. */
void qr_filter_columns(const struct qr_filter *filter, bool *columns);

/* Whether testing a row looks at nothing but what is stored of it; filter NULL does. */
bool qr_filter_is_local(const struct qr_filter *filter);

/* Whether a row passes; filter NULL passes all. Uses the reader's scratch arena, which the caller
 * resets. */
quire_status qr_filter_test(struct qr_reader *reader, const struct qr_filter *filter,
                            const struct qr_row *row, bool *pass);

/* ---- computed values ---- */

struct qr_measures;

/* Whether computed values pass a filter of ALL, ANY, NONE and COMPARE, whose slots number them. */
quire_status qr_filter_test_values(struct qr_reader *reader, const struct qr_filter *filter,
                                   const quire_value *values, bool *pass);
/* The same of one value and one COMPARE. */
quire_status qr_filter_test_value(struct qr_reader *reader, const struct qr_filter *filter,
                                  const quire_value *value, bool *pass);

/* Appends the conditions that an object of operators states of a field's value, or of value number
 * `slot` which has the field's type. */
quire_status qr_filter_compile_operators(struct qr_reader *reader, const struct qr_model_type *type,
                                         const struct qr_model_field *field,
                                         const struct qr_gql_value *object, uint32_t slot,
                                         struct qr_filter *parent);
/* Appends what a member count, sum, avg, min or max states of the measures, which are added; the
 * first measure's slot is `base`. *taken false for other members. */
quire_status qr_filter_compile_measures(struct qr_reader *reader, const struct qr_model_type *type,
                                        const struct qr_gql_value_member *member,
                                        struct qr_measures *measures, uint32_t base,
                                        struct qr_filter *parent, bool *taken);

/* ---- parts of the implementation ---- */

struct qr_filter *qr_filter_new(struct qr_reader *reader, enum qr_filter_kind kind);
void qr_filter_append(struct qr_filter *parent, struct qr_filter *child);
quire_status qr_filter_refuse_null(struct qr_reader *reader, const struct qr_model_type *type,
                                   struct qr_gql_str name);
/* Puts before a RELATION's condition that the caller sees the rows at the other end: what rules
 * hide is not there, and fails no "every" (filter_rules.c). */
quire_status qr_filter_see_others(struct qr_reader *reader, struct qr_filter *filter);
/* Makes of a COMPARE of a reference what it says to a caller from whom rules hide rows: a reference
 * to one of those is null. Keys of such rows were not found when it was compiled. */
quire_status qr_filter_see_reference(struct qr_reader *reader, struct qr_filter *filter);
/* Appends what a list relation's filter states of aggregates, if anything (filter_aggregate.c). */
quire_status qr_filter_compile_related(struct qr_reader *reader, const struct qr_model_field *field,
                                       const struct qr_gql_value *object, struct qr_filter *parent);
quire_status qr_filter_test_related(struct qr_reader *reader, const struct qr_filter *filter,
                                    const struct qr_row *row, bool *pass);

#endif
