/*
 * What the files of the log share: the ring in memory, the codec of headers
 * and frames, and the reader of frames.
 */
#ifndef QR_WAL_INTERNAL_H
#define QR_WAL_INTERNAL_H

#include "base/thread.h"
#include "wal/wal.h"
#include "wal/wal_format.h"

/* ---- Codec (wal_codec.c): pure functions of bytes ---- */

struct qr_log_header {
    uint8_t version, page_shift, segment_shift, flags;
    uint8_t database_id[QR_DATABASE_ID_SIZE];
};

enum qr_log_header_fault {
    QR_LOG_HEADER_OK,
    QR_LOG_HEADER_ZERO, /* never written */
    QR_LOG_HEADER_BAD_MAGIC,
    QR_LOG_HEADER_BAD_CHECKSUM,
    QR_LOG_HEADER_BAD_VERSION, /* or unknown flags */
    QR_LOG_HEADER_BAD_SIZES
};

void qr_log_header_encode(const struct qr_log_header *header, uint8_t out[QR_LOG_HEADER_SIZE]);
enum qr_log_header_fault qr_log_header_decode(const uint8_t in[QR_LOG_HEADER_SIZE],
                                              struct qr_log_header *header);
struct qr_log_geometry qr_log_header_geometry(const struct qr_log_header *header);

/* The seed of page and segment checksums: the low word of the database id. */
static inline uint64_t qr_database_seed(const uint8_t database_id[QR_DATABASE_ID_SIZE])
{
    return qr_load64(database_id);
}

enum qr_segment_header_kind {
    QR_SEGMENT_HEADER_FREE,
    QR_SEGMENT_HEADER_LIVE,
    QR_SEGMENT_HEADER_UNUSED, /* zeros: added, never used */
    QR_SEGMENT_HEADER_TORN,   /* wrong checksum behind the right magic */
    QR_SEGMENT_HEADER_BAD
};

struct qr_segment_header {
    uint64_t generation;
    uint32_t salt;
    uint32_t prev_frames;
    uint64_t checksum; /* seeds the chain of the segment's frames */
};

/* Encodes a LIVE or FREE header and sets its checksum field in *header. */
void qr_segment_header_encode(struct qr_segment_header *header, enum qr_segment_disk_state state,
                              uint64_t seed, uint8_t out[QR_SEGMENT_HEADER_SIZE]);
enum qr_segment_header_kind qr_segment_header_decode(const uint8_t in[QR_SEGMENT_HEADER_SIZE],
                                                     uint64_t seed,
                                                     struct qr_segment_header *header);

/* Whether the segment at `offset` is zeros throughout, up to the end of the file. */
quire_status qr_segment_is_zero(struct qr_file *file, const struct qr_log_geometry *geometry,
                                uint64_t offset, bool *zero, quire_error *err);

struct qr_frame {
    uint32_t page_number, commit_pages, salt, index;
    bool synced_before;
    uint64_t checksum;
};

/* What is wrong with a frame; the first that applies. */
enum qr_frame_fault {
    QR_FRAME_OK,
    QR_FRAME_BAD_SALT, /* of another generation, or never written */
    QR_FRAME_BAD_INDEX,
    QR_FRAME_BAD_PAGE_NUMBER,
    QR_FRAME_BAD_PAGE,    /* the page's checksum, or a pack's records */
    QR_FRAME_BAD_CHECKSUM /* the chained one */
};

/* Writes a frame header for `page` and returns its checksum, which seeds the next frame's. */
uint64_t qr_frame_encode(const struct qr_frame *frame, const uint8_t *page, uint64_t chain,
                         uint8_t out[QR_FRAME_HEADER_SIZE]);
void qr_frame_decode(const uint8_t in[QR_FRAME_HEADER_SIZE], struct qr_frame *frame);

/* Everything about frame `index` but its place in the chain: salt, index, page. `in` is header and
 * page. */
enum qr_frame_fault qr_frame_check_alone(const uint8_t *in, const struct qr_log_geometry *geometry,
                                         uint64_t seed, uint32_t salt, uint32_t index);
/* The same and the chain. */
enum qr_frame_fault qr_frame_check(const uint8_t *in, const struct qr_log_geometry *geometry,
                                   uint64_t seed, uint32_t salt, uint32_t index, uint64_t chain);

/* The sequence number of a frame's page, whatever segment and place the frame was written for; 0
 * when it is not whole. */
uint64_t qr_frame_lsn(const uint8_t *in, const struct qr_log_geometry *geometry, uint64_t seed);

/* ---- Reader of frames (wal_codec.c) ---- */

/* Streams the frames of segments through a bounded buffer. One thread. */
struct qr_frame_reader {
    struct qr_file *file;
    const quire_allocator *allocator;
    struct qr_log_geometry geometry;
    uint8_t *buffer;
    uint32_t buffer_frames; /* capacity */
    uint32_t segment, first, count;
};

quire_status qr_frame_reader_init(struct qr_frame_reader *reader, struct qr_file *file,
                                  const quire_allocator *allocator,
                                  const struct qr_log_geometry *geometry, quire_error *err);
void qr_frame_reader_free(struct qr_frame_reader *reader);
/* Forgets what is buffered, so that the file is read anew. */
void qr_frame_reader_drop(struct qr_frame_reader *reader);
/* Header and page of a frame, borrowed until the next call; NULL when the file ends before the end
 * of the frame or of the segment. */
quire_status qr_frame_reader_get(struct qr_frame_reader *reader, uint32_t segment, uint32_t index,
                                 const uint8_t **frame, quire_error *err);

/* ---- The log in memory ---- */

enum qr_segment_state {
    QR_SEGMENT_STATE_FREE,
    QR_SEGMENT_STATE_LIVE,      /* holds frames of `generation` */
    QR_SEGMENT_STATE_RELEASING, /* its FREE header is being written */
    QR_SEGMENT_STATE_ABANDONED, /* begun by a group since rewound; FREE after its next settling */
    QR_SEGMENT_STATE_UNUSED,    /* found on disk without a header */
    QR_SEGMENT_STATE_TORN       /* found on disk with a header that was not written whole */
};

/*
 * One segment of the ring. Guarded by the log's mutex, but for what the
 * appender alone changes and reads while the segment is the active one: salt,
 * touched.
 */
struct qr_segment {
    uint32_t number;
    enum qr_segment_state state;
    uint64_t generation; /* as in the header on disk */
    uint32_t salt;
    uint32_t prev_frames;
    uint64_t checksum;      /* of its header; of use only while it is read back */
    uint32_t frames;        /* appended since it became live */
    uint32_t touched;       /* frame slots that writes were tried on since then */
    uint64_t last_group;    /* group of its newest frame, counted from open */
    uint32_t *page_numbers; /* of its frames, QR_FRAME_PACK for packs; NULL in a read-only log */
};

/* Where the next frame goes: appender only. */
struct qr_wal_position {
    struct qr_segment *segment; /* NULL: the next frame opens a segment */
    uint32_t index;
    uint64_t chain;
};

/* The group being appended: appender only. */
struct qr_wal_group {
    bool open;
    bool failed;       /* an append failed: only a rewind is allowed */
    bool mark_pending; /* its first frame is still to be written and carries the mark */
    uint64_t frames;
    uint64_t start_generation;
    uint32_t start_newest_frames;
    struct qr_wal_position start;
};

/* Leftovers of a rewound group in the segment it began in: appender only. */
struct qr_wal_scrub {
    struct qr_segment *segment;
    uint32_t from, to;
    bool needed; /* also when there are only abandoned segments */
};

struct qr_wal_batch;

struct qr_wal {
    /* Constant. */
    const quire_allocator *allocator;
    struct qr_file_layer *layer;
    char *path;
    size_t path_size;
    bool read_only;
    struct qr_log_geometry geometry;
    uint64_t seed;
    uint32_t segments_max;
    uint64_t database_lsn;
    struct qr_file *file;         /* the appender's; the only one of a read-only log */
    struct qr_file *release_file; /* the checkpointer's */
    struct qr_file *growth_file;  /* the writer's */

    /* Guarded by the mutex. */
    struct qr_mutex mutex;
    struct qr_cond resized;
    struct qr_segment **segments; /* each allocated alone: they stay in place when the ring grows */
    size_t capacity;
    uint32_t count;
    uint32_t short_segment; /* number of a LIVE segment that the file ends in, or UINT32_MAX */
    uint64_t file_bytes;
    struct qr_segment *active; /* where the next frame goes, as others may see it */
    uint64_t generation;       /* newest */
    uint64_t released;         /* newest retired */
    uint64_t reserved;         /* frames */
    bool ready;                /* takes appends */
    bool resizing;             /* segments are being added or cut off */
    bool poisoned;
    uint64_t groups_written, groups_synced, frames_written, syncs;

    /* The appender's. */
    struct qr_wal_position at;
    struct qr_wal_group group;
    struct qr_wal_scrub scrub;
    uint32_t newest_frames; /* frames of the newest generation */
    bool dirty;             /* bytes appended since the last sync */
    bool unproven;          /* which segments are free was read, not written */
    struct qr_wal_batch *batch;

    /* The scan's, for hardening and resuming. */
    bool scanned;
    uint32_t newest_accepted;     /* frames, in the newest generation */
    uint64_t accepted_generation; /* where the accepted prefix ends; 0 when there is none */
    uint32_t accepted_frames;     /* in that generation */
};

/* ---- Ring (wal_ring.c) ---- */

/* Reads every segment header into the ring, replacing what it held. */
quire_status qr_wal_ring_load(struct qr_wal *wal, quire_error *err);
/* Live segments in order of generation; checks that none is missing. The array is freed with
 * qr_free(count * sizeof *live). Retired segments are left out. */
quire_status qr_wal_ring_order(struct qr_wal *wal, struct qr_segment ***live, uint32_t *count,
                               quire_error *err);
/* Whether the file's headers of these segments are still those that were loaded. */
quire_status qr_wal_ring_still(struct qr_wal *wal, struct qr_segment *const *live, uint32_t count,
                               bool *still, quire_error *err);
void qr_wal_ring_free(struct qr_wal *wal);
/* Forgets the last segment, which the file ends in. */
void qr_wal_ring_drop_last(struct qr_wal *wal);
quire_status qr_wal_ring_check_writable(struct qr_wal *wal, quire_error *err);
/* A random salt other than zero and `old`. */
quire_status qr_wal_salt(struct qr_wal *wal, uint32_t old, uint32_t *salt, quire_error *err);
/* Writes a FREE header with a fresh salt over the segment's header; sets `salt` in memory only if
 * that succeeds. Not synced. */
quire_status qr_wal_write_free_header(struct qr_wal *wal, struct qr_file *file,
                                      struct qr_segment *segment, uint64_t retired, uint32_t *salt,
                                      quire_error *err);
/* Makes the file `to` bytes long, durably, and then writes zeros from `from` on so that the
 * space is allocated. The length comes first because a crash may show garbage where a write that
 * made the file longer was lost, and nothing told it from a damaged segment; a longer file reads
 * as zeros. */
quire_status qr_wal_extend(struct qr_file *file, uint64_t from, uint64_t to, quire_error *err);
/* Takes the free segment to use next for the appender, adding one when only the witness is left:
 * generation, salt and state are set. */
quire_status qr_wal_take_segment(struct qr_wal *wal, struct qr_segment **out, quire_error *err);
/* Cuts free segments beyond segments_max off the end of the file. */
void qr_wal_shrink(struct qr_wal *wal, struct qr_file *file);
/* Records that a sync failed, and hands its status on. */
quire_status qr_wal_poison(struct qr_wal *wal, quire_status status);

/* ---- Append (wal_append.c) ---- */

quire_status qr_wal_batch_create(struct qr_wal *wal, quire_error *err);
void qr_wal_batch_destroy(struct qr_wal *wal);

#endif
