/*
 * The parts of groups: arguments (group_arguments.c) and the groups themselves
 * (group.c).
 */
#ifndef QR_GRAPHQL_GROUP_INTERNAL_H
#define QR_GRAPHQL_GROUP_INTERNAL_H

#include "graphql/group.h"
#include "graphql/scalar.h"

struct qr_group_key {
    struct qr_order_term path; /* its steps, and the column at their end */
    enum qr_moment_period period;
    quire_table *table; /* of a reference: its target's, to read the key from */
};

/* An order by a value of the group: keys come first, then measures. */
struct qr_group_order {
    struct qr_order_term direction;
    uint32_t slot;
};

/* What a `groupBy` field asks for. */
struct qr_group_query {
    struct qr_group_key *keys;
    uint32_t key_count;
    struct qr_measures measures;
    uint32_t *numbers;     /* of the selected measures */
    uint32_t *key_numbers; /* of the selected keys */
    struct qr_filter *filter, *having;
    struct qr_group_order *order;
    uint32_t order_count;
    uint64_t skip, limit;
};

/* Reads arguments and selection of the field. */
quire_status qr_group_compile(struct qr_reader *reader, const struct qr_select_field *field,
                              const struct qr_model_type *type, struct qr_group_query *out);

#endif
