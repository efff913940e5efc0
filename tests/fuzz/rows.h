/*
 * Rows for a schema that nobody has seen before.
 */
#ifndef QUIRE_TESTS_FUZZ_ROWS_H
#define QUIRE_TESTS_FUZZ_ROWS_H

#include "graphql/model.h"

/*
 * A few rows of each type that is a table, as JSON of the plain form, with
 * references among them. Those that `sparse` asks for have only what they must
 * have. What a schema wants of its rows besides (constraints, for one) is not
 * known here: the load may fail.
 */
quire_status fuzz_rows(const struct qr_model *model, bool sparse, struct qr_arena *arena,
                       struct qr_gql_str *json, quire_error *err);

#endif
