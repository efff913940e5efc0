/*
 * The two halves of a salvage: a source that can be read page by page whatever
 * is damaged, and what is made of it.
 */
#ifndef QR_SALVAGE_H
#define QR_SALVAGE_H

#include "engine/maintenance.h"

/* The damaged database, opened for reading: the files themselves or, when they cannot be opened, a
 * working copy that holds every page whose checksum holds, and a new header. */
struct qr_salvage_source {
    quire_db *db;
    char *work_path; /* of the working copy; NULL when there is none */
    bool log_used;
};

/* `work_path` names the copy, should one be needed; an old file there is overwritten. */
quire_status qr_salvage_source_open(struct qr_salvage_source *source,
                                    const struct qr_maintenance_place *place, const char *damaged,
                                    const char *work_path, quire_error *err);
/* Closes it and removes the working copy. */
void qr_salvage_source_close(struct qr_salvage_source *source,
                             const struct qr_maintenance_place *place);

#endif
