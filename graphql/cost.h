/*
 * What an operation may cost at most, told before it runs: weights of fields
 * times the lengths of the lists that they stand in (docs/graphql.md, "Costs";
 * after IBM's GraphQL Cost Directive Specification).
 */
#ifndef QR_GRAPHQL_COST_H
#define QR_GRAPHQL_COST_H

#include "graphql/model_internal.h"
#include "graphql/select.h"

/* The weight that @cost (NULL: none) gives; -1 without one. */
void qr_cost_read_weight(struct qr_model_builder *builder,
                         const struct qr_gql_ast_directive *directive, int64_t *weight);
/* Reads @cost and @listSize of a type and its fields. */
quire_status qr_model_read_costs(struct qr_model_builder *builder, struct qr_model_type *type);

/* The cost of a selection tree; saturates. */
uint64_t qr_cost_of(const struct qr_select *set);

/* The first field that lacks the one argument that must say how long its list is; NULL: none. */
const struct qr_select_field *qr_cost_find_unsliced(const struct qr_select *set);

#endif
