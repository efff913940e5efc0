/*
 * Inspection of a log file: a walk that reports what is there, sound or not,
 * and goes on after damage as far as the bytes allow. It only reads.
 */
#ifndef QR_WAL_INSPECT_H
#define QR_WAL_INSPECT_H

#include "base/file.h"
#include "quire/inspect.h"

/*
 * Codes of findings: X(NAME, severity). The code's text is the name with
 * "WAL_" before it. Codes never change their meaning.
 */
#define QR_WAL_ISSUE_MAP(X)                                                                        \
    X(EMPTY, INFO)            /* creation was never finished; nothing was ever in it */            \
    X(HEADER_SHORT, ERROR)    /* the file ends within the log header */                            \
    X(HEADER_MISSING, ERROR)  /* zeros where the log header belongs, but segments in use */        \
    X(HEADER_MAGIC, ERROR)    /* not a log */                                                      \
    X(HEADER_CHECKSUM, ERROR) /* the log header is damaged */                                      \
    X(HEADER_VERSION, ERROR)  /* written by another version */                                     \
    X(HEADER_SIZES, ERROR)    /* impossible page or segment size */                                \
    X(DATABASE_ID, ERROR)     /* belongs to another database */                                    \
    X(PAGE_SIZE, ERROR)       /* has pages of another size than the database */                    \
    X(SEGMENT_HEADER, ERROR)  /* a segment header is damaged */                                    \
    X(SEGMENT_UNUSED, INFO)   /* growth of the ring, or the start of a segment, was cut off */     \
    X(GENERATION_DUPLICATE, ERROR) /* two segments claim one generation */                         \
    X(GENERATION_GAP, ERROR)       /* a live generation is missing */                              \
    X(FRAME_SHORT, ERROR)          /* the file ends before a frame that must be there */           \
    X(FRAME_SALT, ERROR)           /* a frame of another generation where one must be */           \
    X(FRAME_INDEX, ERROR)          /* a frame in another frame's place */                          \
    X(FRAME_PAGE_NUMBER, ERROR)    /* a frame names a page that cannot be */                       \
    X(FRAME_CHECKSUM, ERROR)       /* a frame header is damaged or out of the chain */             \
    X(PAGE_CHECKSUM, ERROR)        /* the page, or pack, in a frame is damaged */                  \
    X(GROUP_UNFINISHED, INFO)      /* frames after the last commit mark: a commit in flight */     \
    X(GROUP_TORN, INFO)            /* the newest group is incomplete; recovery drops it */         \
    X(GROUP_UNREACHABLE, ERROR)    /* a group behind damage, which recovery cannot use */          \
    X(HEADER_LOST, ERROR)          /* a free segment holds synced frames under its next salt */    \
    X(TRAILING_BYTES, WARNING)     /* the file does not end with a segment */

enum qr_wal_issue_code {
#define QR_WAL_ISSUE_ENUM(name, severity) QR_WAL_ISSUE_##name,
    QR_WAL_ISSUE_MAP(QR_WAL_ISSUE_ENUM)
#undef QR_WAL_ISSUE_ENUM
        QR_WAL_ISSUE_COUNT
};

/* Stable text such as "WAL_FRAME_SALT", and severity. Any thread. */
const char *qr_wal_issue_name(enum qr_wal_issue_code code);
quire_severity qr_wal_issue_severity(enum qr_wal_issue_code code);

struct qr_wal_inspect_header {
    uint8_t version;
    uint32_t page_size;
    uint32_t segment_bytes;
    uint32_t segment_frames; /* that fit in a segment */
    uint32_t segments;       /* whole ones in the file */
    uint64_t file_bytes;
    uint8_t database_id[16];
};

enum qr_wal_inspect_state {
    QR_WAL_INSPECT_FREE,
    QR_WAL_INSPECT_LIVE,
    QR_WAL_INSPECT_RETIRED, /* its header says live, another's that it is retired */
    QR_WAL_INSPECT_UNUSED,
    QR_WAL_INSPECT_DAMAGED
};

struct qr_wal_inspect_segment {
    uint32_t number;
    uint64_t offset;
    enum qr_wal_inspect_state state;
    uint64_t generation;
    uint32_t salt;
    uint32_t prev_frames;
};

struct qr_wal_inspect_frame {
    uint32_t segment;
    uint64_t generation;
    uint32_t index;
    uint64_t offset;
    uint32_t page_number;  /* or QR_WAL_PACK */
    uint32_t commit_pages; /* 0 = not the last of its group */
    uint64_t lsn;
    bool synced_before;
    bool accepted; /* part of the sound prefix of whole groups */
    bool sound;    /* its own checks pass; a frame behind damage may be sound and not accepted */
    const uint8_t *page; /* what the frame holds; borrowed for the call */
};

struct qr_wal_inspect_issue {
    enum qr_wal_issue_code code;
    quire_severity severity;
    uint32_t page; /* or QUIRE_NO_PAGE */
    uint64_t offset;
    const char *message; /* borrowed for the call */
};

/* What the walk calls, any member may be NULL. Order: header, segments by place in the file, frames
 * by generation; issues in between, where they are found. A status other than OK ends the walk. */
struct qr_wal_inspect_sink {
    void *context;
    quire_status (*header)(void *context, const struct qr_wal_inspect_header *header,
                           quire_error *err);
    quire_status (*segment)(void *context, const struct qr_wal_inspect_segment *segment,
                            quire_error *err);
    quire_status (*frame)(void *context, const struct qr_wal_inspect_frame *frame,
                          quire_error *err);
    quire_status (*issue)(void *context, const struct qr_wal_inspect_issue *issue,
                          quire_error *err);
};

struct qr_wal_inspect_options {
    struct qr_file_layer *layer;
    const quire_allocator *allocator;
    const char *path;           /* of the log file */
    const uint8_t *database_id; /* 16 bytes to compare with; NULL = take the log's word */
    uint32_t page_size;         /* to compare with; 0 = take the log's word */
    uint64_t database_lsn;      /* the database file holds every frame up to this number */
};

struct qr_wal_inspect_result {
    uint64_t groups, frames; /* in the sound prefix of whole groups */
    uint64_t last_lsn;
    uint32_t pages;              /* of the database after them; 0 when none */
    uint64_t groups_unreachable; /* whole groups behind damage */
    uint32_t issues[QUIRE_SEVERITY_ERROR + 1];
};

/* Walks the file. Damage is reported, not returned: errors are NO_FILE, PERMISSION, IO, NO_MEMORY
 * and what the sink returns. Memory is bounded, but for one entry a segment. */
quire_status qr_wal_inspect(const struct qr_wal_inspect_options *options,
                            const struct qr_wal_inspect_sink *sink,
                            struct qr_wal_inspect_result *result, quire_error *err);

#endif
