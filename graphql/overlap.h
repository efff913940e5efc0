/*
 * Fields that overlap: what OverlappingFieldsCanBeMerged knows of a document.
 *
 * A selection set is flattened once, when it is first needed: its fields, those
 * of its inline fragments among them, and the fragments that it spreads. Whether
 * all fields that meet in one place of a response agree is decided by merging
 * sets, and never pair by pair (overlap_merge.c). Only when some do not are the
 * pairs looked for, to name them (validate_overlap.c).
 *
 * One thread. All memory is the validator's arena; failures are in its status.
 */
#ifndef QR_GRAPHQL_OVERLAP_H
#define QR_GRAPHQL_OVERLAP_H

#include "graphql/validate_internal.h"

/* A field where it stands. */
struct qr_overlap_field {
    const struct qr_gql_ast_selection *node;
    const struct qr_gql_type *parent; /* NULL when unknown */
    const struct qr_gql_type *type;   /* NULL when unknown */
    struct qr_overlap_name *name;
    struct qr_overlap_set *set;    /* its selections; NULL: a leaf */
    struct qr_overlap_field *next; /* in its set */
    struct qr_overlap_field *same; /* next of its name, in the merge at work */
};

/* A response name of the document, and its fields in the merge at work. */
struct qr_overlap_name {
    struct qr_gql_str text;
    uint32_t merge; /* the number of the merge that the rest is of */
    struct qr_overlap_field *first, *last;
    struct qr_overlap_name *next; /* in that merge */
};

/* The selections of an operation, a fragment or a field. */
struct qr_overlap_set {
    const struct qr_gql_ast_selections *node;
    const struct qr_gql_type *parent; /* NULL when unknown */
    uint32_t number;                  /* from 1, as they are made */
    uint32_t spread_in;               /* the number of the last set found to spread this fragment */
    uint32_t merge;                   /* the number of the last merge that took it in */
    bool is_fragment, is_flat;
    bool is_covered; /* part of a strict merge that is made or will be */
    struct qr_overlap_field *first, *last;
    struct qr_overlap_set **fragments; /* spread in it, each once */
    uint32_t field_count, fragment_count, fragment_capacity;
    struct qr_overlap_groups *groups; /* of validate_overlap.c; NULL until needed */
    struct qr_overlap_set *next_open; /* in the merge at work */
    struct qr_overlap_set *next;      /* of all sets */
};

struct qr_overlap {
    struct qr_gql_validator *v;
    struct qr_gql_name_table names;    /* response name to struct qr_overlap_name */
    struct qr_overlap_name *spare;     /* for the next name that is new; NULL: none yet */
    struct qr_overlap_set **fragments; /* by index of their scope; NULL until needed */
    struct qr_overlap_set *sets;
    uint32_t set_count;
    bool keeps_sets; /* in this table, by the address of the selections */
    struct qr_gql_name_table by_node;
    uint64_t steps_left;
    /* The two fields that the merge found to differ, and how; NULL: none do. */
    const struct qr_overlap_field *left, *right;
    const char *reason;
    struct qr_overlap_pairs
        *pairs; /* of validate_overlap.c; NULL before the pairs are looked for */
};

/* Counts steps; false when there are none left. */
static inline bool qr_overlap_steps(struct qr_overlap *o, uint64_t steps)
{
    bool enough = o->steps_left >= steps;
    o->steps_left = enough ? o->steps_left - steps : 0;
    return enough;
}

/* ---- overlap_fields.c ---- */

/* A set of the document, not flattened yet. NULL when out of memory. */
struct qr_overlap_set *qr_overlap_set(struct qr_overlap *o, const struct qr_gql_type *parent,
                                      const struct qr_gql_ast_selections *node);

/* From now on the sets can be found. */
void qr_overlap_keep_sets(struct qr_overlap *o);
/* The set that was made for the selections, or NULL. */
struct qr_overlap_set *qr_overlap_find_set(const struct qr_overlap *o,
                                           const struct qr_gql_ast_selections *node);

/* The set of a fragment. NULL when out of memory. */
struct qr_overlap_set *qr_overlap_fragment(struct qr_overlap *o, const struct qr_gql_scope *scope);

/* Fills in what the set consists of, unless that is done. */
void qr_overlap_flatten(struct qr_overlap *o, struct qr_overlap_set *set);

/* Whether the fields have one name and the same arguments. */
bool qr_overlap_is_same_call(struct qr_overlap *o, const struct qr_overlap_field *a,
                             const struct qr_overlap_field *b);

/* Whether responses could not have one shape under both types, whatever is selected of them. */
bool qr_overlap_types_conflict(const struct qr_gql_type *a, const struct qr_gql_type *b);

/* Why two fields of one response name cannot be merged, whatever they select: a phrase behind
 * "conflict because ". NULL when they can. Fields of objects that exclude each other need only the
 * same shape. */
const char *qr_overlap_difference(struct qr_overlap *o, bool exclusive,
                                  const struct qr_overlap_field *a,
                                  const struct qr_overlap_field *b);

/* ---- overlap_merge.c ---- */

/* Merges all that meets in a response, until two fields differ. Ends the validation when that takes
 * far more steps than the document has tokens. */
void qr_overlap_merge(struct qr_overlap *o);

#endif
