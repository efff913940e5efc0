/*
 * What requests tell an advisor: see quire/advisor.h.
 */
#ifndef QR_GRAPHQL_ADVISOR_H
#define QR_GRAPHQL_ADVISOR_H

#include "graphql/query.h"
#include "quire/advisor.h"

/* Notes a run: rows that a scan read in vain, or the use of an index that an advisor built. */
void qr_advisor_note(quire_advisor *advisor, const struct qr_query *query, uint64_t rows_read,
                     uint64_t rows_returned);

#endif
