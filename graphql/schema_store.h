/*
 * The schema of a database: its SDL is a named text in the catalog, and what is
 * compiled from it hangs on the database under the schema cookie.
 */
#ifndef QR_GRAPHQL_SCHEMA_STORE_H
#define QR_GRAPHQL_SCHEMA_STORE_H

#include "engine/engine.h"
#include "graphql/api.h"
#include "graphql/program.h"

/* The compiled schema that a transaction sees; released with qr_api_release. */
struct qr_api_use {
    quire_db *db;
    const struct qr_api *api;
    struct qr_attachment *attachment;  /* shared, or NULL */
    struct qr_program_cache *programs; /* of the shared schema, or NULL */
    struct qr_api *own; /* of a transaction that changed the schema itself, or NULL */
};

quire_status qr_api_acquire(quire_txn *txn, struct qr_api_use *use, quire_error *err);
void qr_api_release(struct qr_api_use *use);

/*
 * Fits a model to the tables that are there. Many-to-many fields use the link
 * tables that there are: which of two fields a table is named after is decided
 * by their places in the SDL when it is made, and those may change. Columns get
 * the numbers that the tables have for them: a table that grew has its newer
 * columns at the end, wherever the SDL has them.
 */
quire_status qr_model_bind(struct qr_model *model, quire_txn *txn, quire_error *err);

#endif
