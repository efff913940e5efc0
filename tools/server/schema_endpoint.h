/*
 * The schema and bulk loading over HTTP.
 */
#ifndef QUIRE_SERVER_SCHEMA_ENDPOINT_H
#define QUIRE_SERVER_SCHEMA_ENDPOINT_H

#include "server.h"

/* GET /graphql?sdl: the SDL as loaded; ?sdl=api the whole generated schema. */
void schema_sdl_start(struct exchange *exchange);
/* POST /schema/load: SDL, or {"schema": "<SDL>"}. */
void schema_load_start(struct exchange *exchange);
/* POST /schema/data: {"Type": [{...}, ...], ...}. */
void schema_data_start(struct exchange *exchange);
/* POST /admin/load: a schema, a mapping and data files in one transaction (load_body.h). */
void schema_bundle_start(struct exchange *exchange);
/* GET /schema and GET /schema/tables: tables and their row counts. */
void schema_list_start(struct exchange *exchange);
void schema_tables_start(struct exchange *exchange);

/* Whether the caller may not know the schema: then that is the reply. */
bool schema_is_hidden(struct exchange *exchange);

/* Writes {"<name>": rows, ...} of the tables that types have. */
quire_status schema_put_counts(struct buffer *out, quire_txn *txn, quire_error *err);

#endif
