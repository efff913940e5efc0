/*
 * Packs: pages of the log that hold small changes of other pages instead of an
 * image. docs/wal-format.md has the bytes. A record says how one page came
 * from the version before: which bytes are new. It is no more than the
 * difference of two images; what the bytes mean is none of its business.
 *
 * Pure functions of bytes, no state. Any thread.
 */
#ifndef QR_WAL_PACK_H
#define QR_WAL_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Writing ---- */

/* A pack being filled. */
struct qr_pack_writer {
    uint8_t *pack; /* of a page's size, the caller's */
    uint32_t page_size;
    uint32_t used;
    uint32_t records;
    uint64_t lsn; /* largest */
};

void qr_pack_begin(struct qr_pack_writer *writer, uint8_t *pack, uint32_t page_size);

enum qr_pack_added {
    QR_PACK_ADDED,
    QR_PACK_FULL, /* not enough room is left in this pack */
    QR_PACK_LARGE /* the change is too large for any: log the page itself */
};

/* Adds how `page` (with its lsn) came from `base`, another version of the same page. */
enum qr_pack_added qr_pack_add(struct qr_pack_writer *writer, uint32_t page_number,
                               const uint8_t *base, const uint8_t *page);

/* Completes the header and the checksum. `seed` is that of the database's pages. */
void qr_pack_finish(struct qr_pack_writer *writer, uint64_t seed);

/* ---- Reading ---- */

/* One record, borrowed from its pack. */
struct qr_pack_record {
    uint32_t page_number;
    uint64_t base_lsn, lsn;
    const uint8_t *bytes; /* of the record */
    uint32_t size;
};

/* Whether header and records of a pack are what docs/wal-format.md says. Its checksum is not looked
 * at. */
bool qr_pack_is_sound(const uint8_t *pack, uint32_t page_size);

/* Decodes a record in at most `room` bytes; false if there is no sound one. */
bool qr_pack_record_decode(const uint8_t *bytes, size_t room, uint32_t page_size,
                           struct qr_pack_record *record);

/* Steps through a sound pack: *at is 0 at first. False behind the last record. */
bool qr_pack_next(const uint8_t *pack, uint32_t page_size, uint32_t *at,
                  struct qr_pack_record *record);

enum qr_pack_applied {
    QR_PACK_APPLIED,   /* the page is now the record's version, but for its checksum */
    QR_PACK_NEWER,     /* the page is at or above it: left as it is */
    QR_PACK_OTHER_BASE /* the page is of another version than the record changes */
};

/* Makes a page, whose checksum holds, the version after the record. */
enum qr_pack_applied qr_pack_apply(const struct qr_pack_record *record, uint8_t *page);

#endif
