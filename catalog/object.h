/*
 * Objects of the catalog as records (catalog_format.h names the columns).
 */
#ifndef QR_OBJECT_H
#define QR_OBJECT_H

#include "catalog/catalog.h"

/* Encodes the object into `arena`. */
quire_status qr_object_encode(const struct qr_object *object, struct qr_arena *arena,
                              struct qr_slice *record, quire_error *err);

/* Decodes a record into a new object in `arena`, borrowing nothing from the record. CORRUPT unless
 * it is a whole, sound object. */
quire_status qr_object_decode(struct qr_slice record, uint32_t id, struct qr_arena *arena,
                              struct qr_object **object, quire_error *err);

/* "table", "index" ...; for messages. */
const char *qr_object_kind_name(enum qr_object_kind kind);

#endif
