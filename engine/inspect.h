/*
 * Inspection over any file layer: what quire/inspect.h does for files of the
 * operating system. Also the table of everything that an inspection can find.
 *
 * Any thread; a report is used by one thread at a time.
 */
#ifndef QR_INSPECT_H
#define QR_INSPECT_H

#include "base/file.h"
#include "engine/inspect_codes.h"
#include "quire/inspect.h"

/* What to inspect. Everything is borrowed for the call, but for the allocator: the report keeps a
 * copy of the struct and frees itself with it. */
struct qr_inspect_place {
    struct qr_file_layer *layer;
    const quire_allocator *allocator;
    const char *path;
    bool malloc_arena; /* page cache from the allocator: tests */
};

quire_status qr_inspect_database(const struct qr_inspect_place *place, quire_report **out,
                                 quire_error *err);
quire_status qr_inspect_wal(const struct qr_inspect_place *place, quire_report **out,
                            quire_error *err);
quire_status qr_inspect_indexes(const struct qr_inspect_place *place, const char *index,
                                quire_report **out, quire_error *err);
quire_status qr_inspect_page(const struct qr_inspect_place *place, uint32_t page,
                             quire_report **out, quire_error *err);

enum qr_inspect_code {
#define QR_INSPECT_ENUM(name, severity, meaning, remedy) QR_INSPECT_##name,
    QR_INSPECT_CODE_MAP(QR_INSPECT_ENUM)
#undef QR_INSPECT_ENUM
        QR_INSPECT_CODE_COUNT
};

/* A row of the table. */
struct qr_inspect_code_info {
    const char *name;
    quire_severity severity;
    const char *meaning;
    const char *remedy;
};
const struct qr_inspect_code_info *qr_inspect_code_info(enum qr_inspect_code code);

#endif
