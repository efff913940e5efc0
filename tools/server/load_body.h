/*
 * What quire load --connect sends: everything of one load in one body, so that
 * it is one transaction.
 *
 *     format jsonl\n  mode upsert\n  type Author\n        options, each at most once
 *     schema NAME\n PIECES   map NAME\n PIECES             each at most once
 *     data NAME\n PIECES                                  any number
 *     end\n
 *
 * PIECES are "SIZE\n" and so many bytes, again and again, and "0\n". So input
 * of unknown length can be sent as it is read.
 */
#ifndef QUIRE_SERVER_LOAD_BODY_H
#define QUIRE_SERVER_LOAD_BODY_H

#include "server.h"

/* Reads the body and does what it says, in the write transaction. *rows were stored. */
quire_status load_body_apply(struct exchange *exchange, quire_txn *txn, uint64_t *rows,
                             quire_error *err);

#endif
