/*
 * Collations as the engine uses them: one that is built in, and those that the
 * host program registered on the database. A registered one lives as long as
 * the database: the list only grows, at its head, by a release store under the
 * database's mutex that pairs with the acquire load of who searches.
 */
#ifndef QR_COLLATION_H
#define QR_COLLATION_H

#include "catalog/key.h"
#include "engine/engine.h"

struct qr_collation {
    struct qr_collation *next;
    const char *name;
    quire_sort_key_callback sort_key;
    void *context;
    bool is_folding; /* sort keys are texts, and begin alike where the texts do */
};

/* NULL when no collation of that name is known. Any thread. */
const struct qr_collation *qr_collation_find(const quire_db *db, const char *name);

/* Makes the value that stands for a text in keys, in `buffer`, which it borrows. */
quire_status qr_collation_apply(const struct qr_collation *collation, const quire_value *text,
                                struct qr_key *buffer, quire_value *out, quire_error *err);

void qr_collations_free(quire_db *db);

#endif
