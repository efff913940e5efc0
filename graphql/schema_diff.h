/*
 * What becomes of the stored rows when one schema takes the place of another.
 * One transaction, one thread.
 */
#ifndef QR_GRAPHQL_SCHEMA_DIFF_H
#define QR_GRAPHQL_SCHEMA_DIFF_H

#include "graphql/schema_match.h"
#include "quire/migration.h"

/* One change of what is stored. */
struct qr_schema_step {
    struct qr_schema_step *next;
    quire_schema_change change;
    struct qr_gql_pos pos; /* in the new SDL */
};

struct qr_schema_steps {
    struct qr_schema_step *first, *last;
};

/*
 * Matches the schemas, lets go of fields that belong together by their names
 * but cannot have what the others store, marks the types whose tables must be
 * written anew, and lists what changes. Reads the tables of which something may
 * be lost, or not fit.
 */
quire_status qr_schema_diff(struct qr_schema_change *c, struct qr_schema_steps *steps);

/* Fails with SCHEMA and the place of the first step that is refused or, unless allowed, loses
 * values. */
quire_status qr_schema_diff_check(const struct qr_schema_change *c,
                                  const struct qr_schema_steps *steps, bool drop_data);

/* Drops what does not live on (schema_rebuild.c): tables and link tables. */
quire_status qr_schema_drop(const struct qr_schema_change *c);
/* After the renames: writes tables anew, and lets columns hold nulls. */
quire_status qr_schema_rebuild(const struct qr_schema_change *c);

#endif
