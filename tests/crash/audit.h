/*
 * Looking at a whole database without knowing what should be in it: a digest of
 * all it says, and the agreement of its parts. Failures end the program.
 */
#ifndef QUIRE_TESTS_CRASH_AUDIT_H
#define QUIRE_TESTS_CRASH_AUDIT_H

#include "engine/engine.h"

/* Of every named object's definition, rows and entries in order, as the transaction sees them; 0 of
 * an empty database. On
 * the way checks each index against its table: every row found once by its key, no entry more. */
uint64_t audit_digest(quire_txn *txn);

/* The structure below, by the inspectors: every tree walked, every page accounted for, every index
 * against its table. */
void audit_structure(quire_db *db);

#endif
