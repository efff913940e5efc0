/*
 * The inspector's walk. Header, then segments by place, then frames by
 * generation; the frames twice: the first time to find where the sound prefix
 * ends, the second to report.
 *
 * A bad frame breaks the chain. The walk picks it up again at the next frame
 * that stands by itself, trusting the checksum that the bad one carries no
 * further than that. What is behind a break is reported frame by frame and
 * group by group as unreachable.
 *
 * Fails with IO, NO_MEMORY and the sink's errors only.
 */
#include "wal/wal_inspect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal/wal_internal.h"

const char *qr_wal_issue_name(enum qr_wal_issue_code code)
{
    static const char *const names[] = {
#define NAME_OF(name, severity) "WAL_" #name,
        QR_WAL_ISSUE_MAP(NAME_OF)
#undef NAME_OF
    };
    return (unsigned)code < QR_WAL_ISSUE_COUNT ? names[code] : "WAL_?";
}

quire_severity qr_wal_issue_severity(enum qr_wal_issue_code code)
{
    static const quire_severity severities[] = {
#define SEVERITY_OF(name, severity) QUIRE_SEVERITY_##severity,
        QR_WAL_ISSUE_MAP(SEVERITY_OF)
#undef SEVERITY_OF
    };
    return (unsigned)code < QR_WAL_ISSUE_COUNT ? severities[code] : QUIRE_SEVERITY_ERROR;
}

struct seen_segment {
    struct qr_wal_inspect_segment report;
    uint64_t checksum; /* seeds the chain */
    bool torn;         /* its header is damaged in a way that a failed write leaves */
};

struct walk {
    const struct qr_wal_inspect_options *options;
    const struct qr_wal_inspect_sink *sink;
    struct qr_wal_inspect_result *result;
    struct qr_file *file;
    uint64_t file_bytes;
    struct qr_log_geometry geometry;
    uint64_t seed;
    struct seen_segment *segments;
    size_t capacity;
    uint32_t count;
    uint32_t others; /* behind the live segments, once these are in order */
    struct qr_frame_reader reader;

    /* The pass over the frames. */
    bool reporting;       /* second pass */
    bool broken;          /* behind the first damage */
    uint64_t frames_seen; /* sound, before damage */
    uint64_t pending;     /* of them, after the last commit mark */
    uint64_t pending_lsn;
    uint64_t frames_accepted; /* result of the first pass */
};

static quire_status issue(struct walk *walk, enum qr_wal_issue_code code, uint32_t page,
                          uint64_t offset, quire_error *err, const char *format, ...)
    QR_PRINTF(6, 7);

static quire_status issue(struct walk *walk, enum qr_wal_issue_code code, uint32_t page,
                          uint64_t offset, quire_error *err, const char *format, ...)
{
    char message[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct qr_wal_inspect_issue found = {
        .code = code,
        .severity = qr_wal_issue_severity(code),
        .page = page,
        .offset = offset,
        .message = message,
    };
    walk->result->issues[found.severity]++;
    return walk->sink->issue != NULL ? walk->sink->issue(walk->sink->context, &found, err)
                                     : QUIRE_OK;
}

/* ---- Header ---- */

static quire_status judge_headless(struct walk *walk, quire_error *err)
{
    for (uint64_t at = QR_LOG_SEGMENTS_BEGIN; at < walk->file_bytes; at += QR_LOG_SEGMENTS_BEGIN) {
        uint8_t bytes[QR_SEGMENT_HEADER_SIZE] = {0};
        size_t got = 0;
        QR_TRY(walk->file->methods->read(walk->file, bytes, sizeof bytes, at, &got, err));
        /* Without the id the checksum cannot be checked: magic and state have to do. */
        if (qr_load32(bytes + QR_SEGMENT_MAGIC) == QR_SEGMENT_MAGIC_VALUE &&
            qr_load16(bytes + QR_SEGMENT_STATE) == QR_SEGMENT_LIVE) {
            return issue(walk, QR_WAL_ISSUE_HEADER_MISSING, QUIRE_NO_PAGE, 0, err,
                         "zeros where the log header belongs, but a segment in use at %llu",
                         (unsigned long long)at);
        }
    }
    return issue(walk, QR_WAL_ISSUE_EMPTY, QUIRE_NO_PAGE, 0, err,
                 "the log was never used: its creation was not finished");
}

static quire_status report_header_fault(struct walk *walk, enum qr_log_header_fault fault,
                                        const struct qr_log_header *header, quire_error *err)
{
    switch (fault) {
    case QR_LOG_HEADER_ZERO:
        return judge_headless(walk, err);
    case QR_LOG_HEADER_BAD_MAGIC:
        return issue(walk, QR_WAL_ISSUE_HEADER_MAGIC, QUIRE_NO_PAGE, QR_LOG_MAGIC, err,
                     "the file does not begin like a write-ahead log");
    case QR_LOG_HEADER_BAD_CHECKSUM:
        return issue(walk, QR_WAL_ISSUE_HEADER_CHECKSUM, QUIRE_NO_PAGE, QR_LOG_CHECKSUM, err,
                     "the checksum of the log header does not match");
    case QR_LOG_HEADER_BAD_VERSION:
        return issue(walk, QR_WAL_ISSUE_HEADER_VERSION, QUIRE_NO_PAGE, QR_LOG_VERSION, err,
                     "log version %u with flags %#x, this build reads version %u without",
                     (unsigned)header->version, (unsigned)header->flags, QR_LOG_VERSION_VALUE);
    case QR_LOG_HEADER_BAD_SIZES:
        return issue(walk, QR_WAL_ISSUE_HEADER_SIZES, QUIRE_NO_PAGE, QR_LOG_PAGE_SHIFT, err,
                     "pages of 2^%u bytes in segments of 2^%u bytes cannot be",
                     (unsigned)header->page_shift, (unsigned)header->segment_shift);
    case QR_LOG_HEADER_OK:
        break;
    }
    return QUIRE_OK;
}

static quire_status compare_header(struct walk *walk, const struct qr_log_header *header,
                                   quire_error *err)
{
    const struct qr_wal_inspect_options *options = walk->options;
    if (options->database_id != NULL &&
        memcmp(options->database_id, header->database_id, QR_DATABASE_ID_SIZE) != 0) {
        QR_TRY(issue(walk, QR_WAL_ISSUE_DATABASE_ID, QUIRE_NO_PAGE, QR_LOG_DATABASE_ID, err,
                     "the log belongs to another database"));
    }
    if (options->page_size != 0 && options->page_size != walk->geometry.page_size) {
        QR_TRY(issue(walk, QR_WAL_ISSUE_PAGE_SIZE, QUIRE_NO_PAGE, QR_LOG_PAGE_SHIFT, err,
                     "the log has pages of %u bytes, the database of %u",
                     (unsigned)walk->geometry.page_size, (unsigned)options->page_size));
    }
    return QUIRE_OK;
}

/* *usable says whether the rest of the file can be made sense of. */
static quire_status walk_header(struct walk *walk, bool *usable, quire_error *err)
{
    uint8_t bytes[QR_LOG_HEADER_SIZE] = {0};
    size_t got = 0;
    *usable = false;
    QR_TRY(walk->file->methods->size(walk->file, &walk->file_bytes, err));
    QR_TRY(walk->file->methods->read(walk->file, bytes, sizeof bytes, 0, &got, err));
    memset(bytes + got, 0, sizeof bytes - got);
    struct qr_log_header header;
    enum qr_log_header_fault fault = qr_log_header_decode(bytes, &header);
    if (got < sizeof bytes && fault != QR_LOG_HEADER_ZERO) {
        return issue(walk, QR_WAL_ISSUE_HEADER_SHORT, QUIRE_NO_PAGE, got, err,
                     "the file ends after %u of the log header's %u bytes", (unsigned)got,
                     (unsigned)QR_LOG_HEADER_SIZE);
    }
    if (fault != QR_LOG_HEADER_OK) {
        return report_header_fault(walk, fault, &header, err);
    }
    walk->geometry = qr_log_header_geometry(&header);
    walk->seed = qr_database_seed(header.database_id);
    uint64_t bytes_of_segments =
        walk->file_bytes > QR_LOG_SEGMENTS_BEGIN ? walk->file_bytes - QR_LOG_SEGMENTS_BEGIN : 0;
    uint64_t segments = bytes_of_segments / walk->geometry.segment_bytes;
    struct qr_wal_inspect_header report = {
        .version = header.version,
        .page_size = walk->geometry.page_size,
        .segment_bytes = walk->geometry.segment_bytes,
        .segment_frames = walk->geometry.frames,
        .segments = segments < UINT32_MAX / 2 ? (uint32_t)segments : UINT32_MAX / 2,
        .file_bytes = walk->file_bytes,
    };
    memcpy(report.database_id, header.database_id, QR_DATABASE_ID_SIZE);
    if (walk->sink->header != NULL) {
        QR_TRY(walk->sink->header(walk->sink->context, &report, err));
    }
    *usable = true;
    walk->count = report.segments;
    return compare_header(walk, &header, err);
}

/* ---- Segments ---- */

static quire_status read_segment(struct walk *walk, uint32_t number, struct seen_segment *segment,
                                 quire_error *err)
{
    struct qr_wal_inspect_segment *report = &segment->report;
    struct qr_segment_header header;
    uint8_t bytes[QR_SEGMENT_HEADER_SIZE] = {0};
    size_t got = 0;
    bool zero = true;
    segment->torn = false;
    report->number = number;
    report->offset = qr_segment_offset(&walk->geometry, number);
    QR_TRY(walk->file->methods->read(walk->file, bytes, sizeof bytes, report->offset, &got, err));
    memset(bytes + got, 0, sizeof bytes - got);
    switch (qr_segment_header_decode(bytes, walk->seed, &header)) {
    case QR_SEGMENT_HEADER_FREE:
        report->state = QR_WAL_INSPECT_FREE;
        break;
    case QR_SEGMENT_HEADER_LIVE:
        report->state = QR_WAL_INSPECT_LIVE;
        break;
    case QR_SEGMENT_HEADER_UNUSED:
        QR_TRY(qr_segment_is_zero(walk->file, &walk->geometry, report->offset, &zero, err));
        report->state = zero ? QR_WAL_INSPECT_UNUSED : QR_WAL_INSPECT_DAMAGED;
        break;
    case QR_SEGMENT_HEADER_TORN:
        segment->torn = true;
        report->state = QR_WAL_INSPECT_DAMAGED;
        break;
    case QR_SEGMENT_HEADER_BAD:
        report->state = QR_WAL_INSPECT_DAMAGED;
        break;
    }
    report->generation = header.generation;
    report->salt = header.salt;
    report->prev_frames = header.prev_frames;
    segment->checksum = header.checksum;
    return QUIRE_OK;
}

/* A segment that the file ends in counts when it is in use. */
static quire_status read_trailing(struct walk *walk, quire_error *err)
{
    uint64_t end = qr_segment_offset(&walk->geometry, walk->count);
    if (walk->file_bytes <= end) {
        return QUIRE_OK;
    }
    QR_TRY(issue(walk, QR_WAL_ISSUE_TRAILING_BYTES, QUIRE_NO_PAGE, end, err,
                 "%llu bytes behind the last whole segment",
                 (unsigned long long)(walk->file_bytes - end)));
    struct seen_segment *segment = &walk->segments[walk->count];
    QR_TRY(read_segment(walk, walk->count, segment, err));
    if (segment->report.state == QR_WAL_INSPECT_LIVE) {
        walk->count++;
    }
    return QUIRE_OK;
}

static uint64_t newest_retired(const struct walk *walk, bool *witness)
{
    uint64_t retired = 0;
    *witness = false;
    for (uint32_t i = 0; i < walk->count; i++) {
        const struct qr_wal_inspect_segment *segment = &walk->segments[i].report;
        if (segment->state == QR_WAL_INSPECT_FREE) {
            *witness = true;
            retired = segment->generation > retired ? segment->generation : retired;
        }
    }
    return retired;
}

static quire_status walk_segments(struct walk *walk, quire_error *err)
{
    QR_TRY(qr_grow(walk->options->allocator, &walk->segments, &walk->capacity,
                   (size_t)walk->count + 1, sizeof *walk->segments, err));
    for (uint32_t i = 0; i < walk->count; i++) {
        QR_TRY(read_segment(walk, i, &walk->segments[i], err));
    }
    QR_TRY(read_trailing(walk, err));
    bool witness;
    uint64_t retired = newest_retired(walk, &witness);
    for (uint32_t i = 0; i < walk->count; i++) {
        struct qr_wal_inspect_segment *segment = &walk->segments[i].report;
        if (segment->state == QR_WAL_INSPECT_LIVE && segment->generation <= retired) {
            segment->state = QR_WAL_INSPECT_RETIRED;
        }
        if (walk->sink->segment != NULL) {
            QR_TRY(walk->sink->segment(walk->sink->context, segment, err));
        }
        if (segment->state == QR_WAL_INSPECT_DAMAGED && !walk->segments[i].torn) {
            QR_TRY(issue(walk, QR_WAL_ISSUE_SEGMENT_HEADER, QUIRE_NO_PAGE, segment->offset, err,
                         "the header of segment %u is damaged", (unsigned)i));
        }
        if (segment->state == QR_WAL_INSPECT_UNUSED) {
            QR_TRY(issue(walk, QR_WAL_ISSUE_SEGMENT_UNUSED, QUIRE_NO_PAGE, segment->offset, err,
                         "segment %u was added but never taken into use", (unsigned)i));
        }
    }
    return QUIRE_OK;
}

static int compare_generation(const void *a, const void *b)
{
    const struct seen_segment *x = a;
    const struct seen_segment *y = b;
    if (x->report.generation != y->report.generation) {
        return x->report.generation > y->report.generation ? 1 : -1;
    }
    return (x->report.number > y->report.number) - (x->report.number < y->report.number);
}

/* Moves the live segments to the front, in order of generation, and counts only them. */
static void order_live(struct walk *walk)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < walk->count; i++) {
        if (walk->segments[i].report.state == QR_WAL_INSPECT_LIVE) {
            struct seen_segment seen = walk->segments[i];
            walk->segments[i] = walk->segments[live];
            walk->segments[live++] = seen;
        }
    }
    walk->others = walk->count - live;
    walk->count = live;
    if (live > 1) {
        qsort(walk->segments, live, sizeof *walk->segments, compare_generation);
    }
}

/* ---- Frames ---- */

static enum qr_wal_issue_code code_of(enum qr_frame_fault fault)
{
    switch (fault) {
    case QR_FRAME_BAD_SALT:
        return QR_WAL_ISSUE_FRAME_SALT;
    case QR_FRAME_BAD_INDEX:
        return QR_WAL_ISSUE_FRAME_INDEX;
    case QR_FRAME_BAD_PAGE_NUMBER:
        return QR_WAL_ISSUE_FRAME_PAGE_NUMBER;
    case QR_FRAME_BAD_PAGE:
        return QR_WAL_ISSUE_PAGE_CHECKSUM;
    case QR_FRAME_BAD_CHECKSUM:
    case QR_FRAME_OK:
        break;
    }
    return QR_WAL_ISSUE_FRAME_CHECKSUM;
}

static quire_status report_bad_frame(struct walk *walk,
                                     const struct qr_wal_inspect_segment *segment, uint32_t index,
                                     const uint8_t *bytes, enum qr_frame_fault fault,
                                     quire_error *err)
{
    uint64_t offset = qr_frame_offset(&walk->geometry, segment->number, index);
    unsigned long long generation = segment->generation;
    if (bytes == NULL) {
        return issue(walk, QR_WAL_ISSUE_FRAME_SHORT, QUIRE_NO_PAGE, offset, err,
                     "the file ends before frame %u of generation %llu", (unsigned)index,
                     generation);
    }
    static const char *const faults[] = {
        [QR_FRAME_OK] = "is sound",
        [QR_FRAME_BAD_SALT] = "has another generation's salt",
        [QR_FRAME_BAD_INDEX] = "is in another frame's place",
        [QR_FRAME_BAD_PAGE_NUMBER] = "names an impossible page",
        [QR_FRAME_BAD_PAGE] = "holds a damaged page",
        [QR_FRAME_BAD_CHECKSUM] = "has a damaged header or is out of the chain",
    };
    uint32_t page =
        fault == QR_FRAME_BAD_PAGE ? qr_load32(bytes + QR_FRAME_PAGE_NUMBER) : QUIRE_NO_PAGE;
    return issue(walk, code_of(fault), page, offset, err, "frame %u of generation %llu %s",
                 (unsigned)index, generation, faults[fault]);
}

static quire_status report_frame(struct walk *walk, const struct qr_wal_inspect_segment *segment,
                                 const struct qr_frame *frame, const uint8_t *page, uint32_t index,
                                 bool sound, quire_error *err)
{
    struct qr_wal_inspect_frame report = {
        .segment = segment->number,
        .generation = segment->generation,
        .index = index,
        .offset = qr_frame_offset(&walk->geometry, segment->number, index),
        .page_number = frame->page_number,
        .commit_pages = frame->commit_pages,
        .lsn = qr_load64(page + QR_WAL_PAGE_LSN),
        .synced_before = frame->synced_before,
        .sound = sound,
        .page = page,
        .accepted = sound && !walk->broken && walk->frames_seen <= walk->frames_accepted,
    };
    if (walk->sink->frame != NULL) {
        QR_TRY(walk->sink->frame(walk->sink->context, &report, err));
    }
    if (sound && walk->broken && frame->commit_pages != 0) {
        walk->result->groups_unreachable++;
        QR_TRY(issue(walk, QR_WAL_ISSUE_GROUP_UNREACHABLE, QUIRE_NO_PAGE, report.offset, err,
                     "the group that ends here, of sequence number %llu, lies behind damage",
                     (unsigned long long)report.lsn));
    }
    return QUIRE_OK;
}

static void count_sound(struct walk *walk, const struct qr_frame *frame, const uint8_t *page)
{
    if (walk->broken) {
        return;
    }
    uint64_t lsn = qr_load64(page + QR_WAL_PAGE_LSN);
    walk->frames_seen++;
    walk->pending++;
    walk->pending_lsn = lsn > walk->pending_lsn ? lsn : walk->pending_lsn;
    if (frame->commit_pages == 0) {
        return;
    }
    struct qr_wal_inspect_result *result = walk->result;
    if (!walk->reporting) {
        walk->frames_accepted = walk->frames_seen;
        result->groups++;
        result->frames = walk->frames_seen;
        result->pages = frame->commit_pages;
        result->last_lsn =
            walk->pending_lsn > result->last_lsn ? walk->pending_lsn : result->last_lsn;
    }
    walk->pending = 0;
    walk->pending_lsn = 0;
}

/* The frames of a segment from `from` on that stand by themselves: one past the last of them, and
 * whether one proves a sync. */
static quire_status look_ahead(struct walk *walk, const struct qr_wal_inspect_segment *segment,
                               uint32_t from, uint32_t *end, bool *synced, quire_error *err)
{
    *end = from;
    *synced = false;
    for (uint32_t i = from; i < walk->geometry.frames; i++) {
        const uint8_t *bytes = NULL;
        QR_TRY(qr_frame_reader_get(&walk->reader, segment->number, i, &bytes, err));
        if (bytes == NULL) {
            break;
        }
        if (qr_frame_check_alone(bytes, &walk->geometry, walk->seed, segment->salt, i) ==
            QR_FRAME_OK) {
            *end = i + 1;
            *synced = *synced || (qr_load32(bytes + QR_FRAME_INDEX) & QR_FRAME_SYNCED_BEFORE) != 0;
        }
    }
    return QUIRE_OK;
}

/* The end of the newest generation, where nothing proves damage. */
static quire_status report_end(struct walk *walk, const struct qr_wal_inspect_segment *segment,
                               uint32_t index, bool written, quire_error *err)
{
    if (!walk->reporting || walk->broken) {
        return QUIRE_OK;
    }
    uint64_t offset = qr_frame_offset(&walk->geometry, segment->number, index);
    if (written) {
        return issue(walk, QR_WAL_ISSUE_GROUP_TORN, QUIRE_NO_PAGE, offset, err,
                     "frame %u of generation %llu is incomplete: a group was being written",
                     (unsigned)index, (unsigned long long)segment->generation);
    }
    if (walk->pending > 0) {
        return issue(walk, QR_WAL_ISSUE_GROUP_UNFINISHED, QUIRE_NO_PAGE, offset, err,
                     "%llu frames after the last commit mark", (unsigned long long)walk->pending);
    }
    return QUIRE_OK;
}

/* Decides at a bad frame of the newest generation whether the walk goes on: *bound frames are worth
 * a look. */
static quire_status judge_newest(struct walk *walk, const struct qr_wal_inspect_segment *segment,
                                 uint32_t index, const uint8_t *bytes, uint32_t *bound,
                                 quire_error *err)
{
    bool written = bytes != NULL && qr_load32(bytes + QR_FRAME_SALT) == segment->salt;
    uint32_t end = 0;
    bool synced = false;
    QR_TRY(look_ahead(walk, segment, index + 1, &end, &synced, err));
    written = written || end > index + 1;
    *bound = end;
    if (!walk->broken && !synced) {
        *bound = index;
        return report_end(walk, segment, index, written, err);
    }
    if (walk->broken && end == index + 1) {
        *bound = index;
    }
    return QUIRE_OK;
}

/* `frames` is how many the next generation says there are, or UINT32_MAX for the newest. */
static quire_status walk_generation(struct walk *walk, const struct seen_segment *seen,
                                    uint32_t frames, quire_error *err)
{
    const struct qr_wal_inspect_segment *segment = &seen->report;
    bool newest = frames == UINT32_MAX;
    uint32_t bound = frames < walk->geometry.frames ? frames : walk->geometry.frames;
    uint64_t chain = seen->checksum;
    bool chained = true; /* the frame before was sound */
    bool judged = false;
    for (uint32_t i = 0; i < bound; i++) {
        const uint8_t *bytes = NULL;
        enum qr_frame_fault fault = QR_FRAME_BAD_SALT;
        QR_TRY(qr_frame_reader_get(&walk->reader, segment->number, i, &bytes, err));
        if (bytes != NULL) {
            fault =
                chained
                    ? qr_frame_check(bytes, &walk->geometry, walk->seed, segment->salt, i, chain)
                    : qr_frame_check_alone(bytes, &walk->geometry, walk->seed, segment->salt, i);
        }
        if (fault != QR_FRAME_OK && newest && !judged) {
            QR_TRY(judge_newest(walk, segment, i, bytes, &bound, err));
            judged = true;
            if (i >= bound) {
                return QUIRE_OK;
            }
            QR_TRY(qr_frame_reader_get(&walk->reader, segment->number, i, &bytes, err));
        }
        chained = fault == QR_FRAME_OK;
        walk->broken = walk->broken || !chained;
        if (bytes == NULL) {
            return walk->reporting ? report_bad_frame(walk, segment, i, NULL, fault, err)
                                   : QUIRE_OK;
        }
        struct qr_frame frame;
        qr_frame_decode(bytes, &frame);
        chain = frame.checksum;
        const uint8_t *page = bytes + QR_FRAME_HEADER_SIZE;
        if (chained) {
            count_sound(walk, &frame, page);
        }
        if (walk->reporting) {
            if (!chained) {
                QR_TRY(report_bad_frame(walk, segment, i, bytes, fault, err));
            }
            QR_TRY(report_frame(walk, segment, &frame, page, i, chained, err));
        }
    }
    return newest && !judged ? report_end(walk, segment, bound, false, err) : QUIRE_OK;
}

static quire_status report_order(struct walk *walk, const struct qr_wal_inspect_segment *segment,
                                 uint64_t expected, quire_error *err)
{
    if (!walk->reporting) {
        return QUIRE_OK;
    }
    if (segment->generation < expected) {
        return issue(walk, QR_WAL_ISSUE_GENERATION_DUPLICATE, QUIRE_NO_PAGE, segment->offset, err,
                     "segment %u claims generation %llu, which another has",
                     (unsigned)segment->number, (unsigned long long)segment->generation);
    }
    return issue(walk, QR_WAL_ISSUE_GENERATION_GAP, QUIRE_NO_PAGE, segment->offset, err,
                 "generation %llu stands where %llu is due",
                 (unsigned long long)segment->generation, (unsigned long long)expected);
}

static quire_status walk_frames(struct walk *walk, uint64_t first, bool reporting, quire_error *err)
{
    walk->reporting = reporting;
    walk->broken = false;
    walk->frames_seen = 0;
    walk->pending = 0;
    walk->pending_lsn = 0;
    uint64_t expected = first;
    for (uint32_t i = 0; i < walk->count; i++) {
        const struct seen_segment *seen = &walk->segments[i];
        if (seen->report.generation != expected) {
            walk->broken = true;
            QR_TRY(report_order(walk, &seen->report, expected, err));
        }
        expected = seen->report.generation + 1;
        uint32_t frames = UINT32_MAX;
        if (i + 1 < walk->count) {
            const struct qr_wal_inspect_segment *next = &walk->segments[i + 1].report;
            frames = next->generation == expected ? next->prev_frames : UINT32_MAX;
        }
        QR_TRY(walk_generation(walk, seen, frames, err));
    }
    return QUIRE_OK;
}

/* Free segments with a synced frame under their next salt. */
static quire_status walk_free(struct walk *walk, quire_error *err)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        const struct qr_wal_inspect_segment *segment = &walk->segments[i].report;
        uint8_t header[QR_FRAME_HEADER_SIZE];
        size_t got = 0;
        if (segment->state != QR_WAL_INSPECT_FREE) {
            continue;
        }
        QR_TRY(walk->file->methods->read(walk->file, header, sizeof header,
                                         qr_frame_offset(&walk->geometry, segment->number, 0), &got,
                                         err));
        if (got < sizeof header || qr_load32(header + QR_FRAME_SALT) != segment->salt) {
            continue;
        }
        uint32_t end;
        bool synced;
        QR_TRY(look_ahead(walk, segment, 1, &end, &synced, err));
        if (synced) {
            QR_TRY(issue(walk, QR_WAL_ISSUE_HEADER_LOST, QUIRE_NO_PAGE, segment->offset, err,
                         "segment %u holds %u synced frames but its header says it is free",
                         (unsigned)i, (unsigned)end));
        }
    }
    return QUIRE_OK;
}

/* Whether a segment without a header holds a page that is neither in the database nor accepted. */
static quire_status holds_news(struct walk *walk, uint32_t segment, bool *news, quire_error *err)
{
    uint64_t known = walk->result->last_lsn > walk->options->database_lsn
                         ? walk->result->last_lsn
                         : walk->options->database_lsn;
    *news = false;
    for (uint32_t i = 0; i < walk->geometry.frames && !*news; i++) {
        const uint8_t *bytes = NULL;
        QR_TRY(qr_frame_reader_get(&walk->reader, segment, i, &bytes, err));
        if (bytes == NULL) {
            break;
        }
        *news = qr_frame_lsn(bytes, &walk->geometry, walk->seed) > known;
    }
    return QUIRE_OK;
}

static quire_status walk_torn(struct walk *walk, quire_error *err)
{
    for (uint32_t i = walk->count; i < walk->count + walk->others; i++) {
        const struct qr_wal_inspect_segment *segment = &walk->segments[i].report;
        bool news = false;
        if (!walk->segments[i].torn) {
            continue;
        }
        QR_TRY(holds_news(walk, segment->number, &news, err));
        enum qr_wal_issue_code code =
            news ? QR_WAL_ISSUE_SEGMENT_HEADER : QR_WAL_ISSUE_SEGMENT_UNUSED;
        QR_TRY(issue(walk, code, QUIRE_NO_PAGE, segment->offset, err,
                     "the header of segment %u is %s", (unsigned)segment->number,
                     news ? "damaged, and the segment holds frames that are needed"
                          : "half written, and the segment holds nothing that is needed"));
    }
    return QUIRE_OK;
}

static quire_status walk_contents(struct walk *walk, quire_error *err)
{
    QR_TRY(walk_segments(walk, err));
    QR_TRY(walk_free(walk, err));
    bool witness;
    uint64_t retired = newest_retired(walk, &witness);
    order_live(walk);
    uint64_t first = witness ? retired + 1 : 1;
    QR_TRY(walk_frames(walk, first, false, err));
    QR_TRY(walk_torn(walk, err));
    return walk_frames(walk, first, true, err);
}

quire_status qr_wal_inspect(const struct qr_wal_inspect_options *options,
                            const struct qr_wal_inspect_sink *sink,
                            struct qr_wal_inspect_result *result, quire_error *err)
{
    *result = (struct qr_wal_inspect_result){0};
    struct walk walk = {.options = options, .sink = sink, .result = result};
    QR_TRY(options->layer->methods->open(options->layer, options->path, QR_OPEN_READ, &walk.file,
                                         err));
    bool usable = false;
    quire_status status = walk_header(&walk, &usable, err);
    if (status == QUIRE_OK && usable) {
        status =
            qr_frame_reader_init(&walk.reader, walk.file, options->allocator, &walk.geometry, err);
        if (status == QUIRE_OK) {
            status = walk_contents(&walk, err);
            qr_frame_reader_free(&walk.reader);
        }
    }
    qr_free(options->allocator, walk.segments, walk.capacity * sizeof *walk.segments);
    walk.file->methods->close(walk.file);
    return status;
}
