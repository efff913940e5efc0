/*
 * The report: issues and facts as they are found, and their two renderings.
 *
 * Facts are a flat list of events (open, close, value) that both renderings
 * replay. At most QR_REPORT_LIST_MAX issues are kept, so a report's memory is
 * bounded however bad the file is; totals count all. Names from a damaged file
 * may be no UTF-8: what is not is replaced when it is written out.
 *
 * Memory failures while a report is built are remembered and returned at its
 * end, so that whoever adds to it need not care.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "catalog/record.h"
#include "engine/inspect_internal.h"

enum fact_kind { FACT_OPEN, FACT_LIST, FACT_CLOSE, FACT_NUMBER, FACT_FLAG, FACT_TEXT, FACT_RAW };

struct fact {
    struct fact *next;
    enum fact_kind kind;
    const char *name; /* static, or NULL */
    uint64_t number;
    const char *text; /* in the arena */
};

/* Text under construction. */
struct output {
    const quire_allocator *allocator;
    char *bytes;
    size_t size, capacity;
    quire_status status;
};

struct quire_report {
    quire_allocator allocator;
    struct qr_arena arena;
    const char *kind; /* static */
    const char *path; /* in the arena */
    quire_issue *issues;
    size_t count, capacity;
    uint64_t totals[QUIRE_SEVERITY_ERROR + 1];
    struct fact *facts;
    struct fact **facts_end;
    struct output text, summary, json;
    quire_status status;
};

static const struct qr_inspect_code_info code_table[] = {
#define CODE_INFO(name, severity, meaning, remedy)                                                 \
    {#name, QUIRE_SEVERITY_##severity, meaning, remedy},
    QR_INSPECT_CODE_MAP(CODE_INFO)
#undef CODE_INFO
};

const struct qr_inspect_code_info *qr_inspect_code_info(enum qr_inspect_code code)
{
    return &code_table[code];
}

/* ---- Building ---- */

static const char *keep_text(quire_report *report, const char *text)
{
    size_t size = strlen(text) + 1;
    const char *kept = qr_arena_copy(&report->arena, text, size, NULL);
    if (kept == NULL) {
        report->status = QUIRE_NO_MEMORY;
        return "";
    }
    return kept;
}

quire_status qr_report_create(const quire_allocator *allocator, const char *kind, const char *path,
                              quire_report **out, quire_error *err)
{
    quire_report *report = qr_alloc_zero(allocator, sizeof *report, err);
    *out = NULL;
    if (report == NULL) {
        return QUIRE_NO_MEMORY;
    }
    report->allocator = *allocator;
    report->text.allocator = &report->allocator;
    report->summary.allocator = &report->allocator;
    report->json.allocator = &report->allocator;
    qr_arena_init(&report->arena, &report->allocator, 0);
    report->facts_end = &report->facts;
    report->kind = kind;
    report->path = keep_text(report, path);
    *out = report;
    return QUIRE_OK;
}

static void add_issue(quire_report *report, const struct qr_inspect_code_info *info, uint32_t page,
                      uint64_t offset, const char *object, const char *message)
{
    if (qr_grow(&report->allocator, &report->issues, &report->capacity, report->count + 1,
                sizeof *report->issues, NULL) != QUIRE_OK) {
        report->status = QUIRE_NO_MEMORY;
        return;
    }
    report->issues[report->count++] =
        (quire_issue){.code = info->name,
                      .severity = info->severity,
                      .page = page,
                      .offset = offset,
                      .object = object == NULL ? "" : keep_text(report, object),
                      .message = keep_text(report, message),
                      .remedy = info->remedy};
}

static void count_issue(quire_report *report, const struct qr_inspect_code_info *info,
                        uint32_t page, uint64_t offset, const char *object, const char *message)
{
    report->totals[info->severity]++;
    if (report->count < QR_REPORT_LIST_MAX) {
        add_issue(report, info, page, offset, object, message);
    }
}

void qr_report_issue(quire_report *report, enum qr_inspect_code code, uint32_t page,
                     uint64_t offset, const char *object, const char *format, ...)
{
    char message[512];
    const struct qr_inspect_code_info *info = &code_table[code];
    if (format == NULL) {
        count_issue(report, info, page, offset, object, info->meaning);
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    count_issue(report, info, page, offset, object, message);
}

void qr_report_named(quire_report *report, const char *code, uint32_t page, uint64_t offset,
                     const char *object, const char *message)
{
    for (size_t i = 0; i < sizeof code_table / sizeof *code_table; i++) {
        if (strcmp(code_table[i].name, code) == 0) {
            count_issue(report, &code_table[i], page, offset, object, message);
            return;
        }
    }
    QR_ASSERT(false);
}

uint64_t qr_report_total(const quire_report *report)
{
    return report->totals[QUIRE_SEVERITY_INFO] + report->totals[QUIRE_SEVERITY_WARNING] +
           report->totals[QUIRE_SEVERITY_ERROR];
}

static struct fact *add_fact(quire_report *report, enum fact_kind kind, const char *name)
{
    struct fact *fact = qr_arena_alloc_zero(&report->arena, sizeof *fact, NULL);
    if (fact == NULL) {
        report->status = QUIRE_NO_MEMORY;
        return NULL;
    }
    fact->kind = kind;
    fact->name = name;
    *report->facts_end = fact;
    report->facts_end = &fact->next;
    return fact;
}

void qr_fact_open(quire_report *report, const char *name)
{
    (void)add_fact(report, FACT_OPEN, name);
}

void qr_fact_open_list(quire_report *report, const char *name)
{
    (void)add_fact(report, FACT_LIST, name);
}

void qr_fact_close(quire_report *report)
{
    (void)add_fact(report, FACT_CLOSE, NULL);
}

void qr_fact_number(quire_report *report, const char *name, uint64_t value)
{
    struct fact *fact = add_fact(report, FACT_NUMBER, name);
    if (fact != NULL) {
        fact->number = value;
    }
}

void qr_fact_flag(quire_report *report, const char *name, bool value)
{
    struct fact *fact = add_fact(report, FACT_FLAG, name);
    if (fact != NULL) {
        fact->number = value;
    }
}

void qr_fact_text(quire_report *report, const char *name, const char *value)
{
    struct fact *fact = add_fact(report, FACT_TEXT, name);
    if (fact != NULL) {
        fact->text = keep_text(report, value);
    }
}

void qr_fact_percent(quire_report *report, const char *name, uint64_t part, uint64_t whole)
{
    char text[32];
    double percent = whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
    uint64_t tenths = (uint64_t)(percent * 10 + 0.5);
    struct fact *fact = add_fact(report, FACT_RAW, name);
    if (fact != NULL) {
        (void)snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
        fact->text = keep_text(report, text);
    }
}

/* ---- Writing ---- */

static void put_bytes(struct output *out, const char *bytes, size_t size)
{
    if (out->status == QUIRE_OK) {
        out->status =
            qr_grow(out->allocator, &out->bytes, &out->capacity, out->size + size + 1, 1, NULL);
    }
    if (out->status == QUIRE_OK) {
        memcpy(out->bytes + out->size, bytes, size);
        out->size += size;
        out->bytes[out->size] = '\0';
    }
}

static void put(struct output *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

static void put_format(struct output *out, const char *format, ...) QR_PRINTF(2, 3);

static void put_format(struct output *out, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(out, text);
}

/* Bytes of the UTF-8 character at p, or 0. */
static size_t character(const char *p)
{
    for (size_t size = 1; size <= 4 && p[size - 1] != '\0'; size++) {
        if (qr_utf8_valid(p, size)) {
            return size;
        }
    }
    return 0;
}

static void put_escaped(struct output *out, unsigned char byte, bool json)
{
    if (!json) {
        put(out, "?");
    } else if (byte == '"' || byte == '\\') {
        put_format(out, "\\%c", byte);
    } else {
        put_format(out, "\\u%04x", byte);
    }
}

/* Text from a file: control characters and broken UTF-8 must not reach a terminal or a parser. */
static void put_foreign(struct output *out, const char *text, bool json)
{
    while (*text != '\0') {
        unsigned char byte = (unsigned char)*text;
        size_t size = character(text);
        if (size == 0) {
            put(out, "\xEF\xBF\xBD");
            text++;
        } else if (byte < 0x20 || byte == 0x7F || (json && (byte == '"' || byte == '\\'))) {
            put_escaped(out, byte, json);
            text++;
        } else {
            put_bytes(out, text, size);
            text += size;
        }
    }
}

static void put_string(struct output *out, const char *text)
{
    put(out, "\"");
    put_foreign(out, text, true);
    put(out, "\"");
}

static const char *severity_name(quire_severity severity)
{
    static const char *const names[] = {"INFO", "WARNING", "ERROR"};
    return names[severity];
}

/* ---- JSON ---- */

static void json_fact(struct output *out, const struct fact *fact, bool *first)
{
    if (fact->kind == FACT_CLOSE) {
        put(out, (fact->number & 1) != 0 ? "]" : "}");
        *first = false;
        return;
    }
    put(out, *first ? "" : ",");
    if (fact->name != NULL) {
        put_string(out, fact->name);
        put(out, ":");
    }
    *first = fact->kind == FACT_OPEN || fact->kind == FACT_LIST;
    if (fact->kind == FACT_OPEN) {
        put(out, "{");
    } else if (fact->kind == FACT_LIST) {
        put(out, "[");
    } else if (fact->kind == FACT_NUMBER) {
        put_format(out, "%" PRIu64, fact->number);
    } else if (fact->kind == FACT_FLAG) {
        put(out, fact->number != 0 ? "true" : "false");
    } else if (fact->kind == FACT_TEXT) {
        put_string(out, fact->text);
    } else {
        put(out, fact->text);
    }
}

static void json_issue(struct output *out, const quire_issue *issue)
{
    put(out, "{\"code\":");
    put_string(out, issue->code);
    put(out, ",\"severity\":");
    put_string(out, severity_name(issue->severity));
    if (issue->page == QUIRE_NO_PAGE) {
        put(out, ",\"page\":null");
    } else {
        put_format(out, ",\"page\":%" PRIu32, issue->page);
    }
    put_format(out, ",\"offset\":%" PRIu64, issue->offset);
    put(out, ",\"object\":");
    if (issue->object[0] == '\0') {
        put(out, "null");
    } else {
        put_string(out, issue->object);
    }
    put(out, ",\"message\":");
    put_string(out, issue->message);
    put(out, ",\"remedy\":");
    put_string(out, issue->remedy);
    put(out, "}");
}

static void write_json(quire_report *report)
{
    struct output *out = &report->json;
    bool first = true;
    put(out, "{\"schemaVersion\":\"1.0\",\"report\":");
    put_string(out, report->kind);
    put(out, ",\"path\":");
    put_string(out, report->path);
    put(out, ",\"severity\":");
    put_string(out, severity_name(quire_report_severity(report)));
    put_format(out, ",\"counts\":{\"error\":%" PRIu64 ",\"warning\":%" PRIu64 ",\"info\":%" PRIu64,
               report->totals[QUIRE_SEVERITY_ERROR], report->totals[QUIRE_SEVERITY_WARNING],
               report->totals[QUIRE_SEVERITY_INFO]);
    put(out, "},\"facts\":{");
    for (const struct fact *fact = report->facts; fact != NULL; fact = fact->next) {
        json_fact(out, fact, &first);
    }
    put(out, "},\"issues\":[");
    for (size_t i = 0; i < report->count; i++) {
        put(out, i == 0 ? "" : ",");
        json_issue(out, &report->issues[i]);
    }
    put(out, "]}");
}

/* ---- Text ---- */

/* camelCase becomes words. */
static void text_name(struct output *out, const char *name)
{
    for (; *name != '\0'; name++) {
        char lower = (char)(*name - 'A' + 'a');
        if (*name >= 'A' && *name <= 'Z') {
            put(out, " ");
            put_bytes(out, &lower, 1);
        } else {
            put_bytes(out, name, 1);
        }
    }
}

static void text_value(struct output *out, const struct fact *fact)
{
    if (fact->kind == FACT_NUMBER) {
        put_format(out, "%" PRIu64, fact->number);
    } else if (fact->kind == FACT_FLAG) {
        put(out, fact->number != 0 ? "yes" : "no");
    } else {
        put_foreign(out, fact->text, false);
    }
}

/* Elements of lists take a line each, other facts too. */
static void write_text_facts(quire_report *report)
{
    struct output *out = &report->text;
    unsigned depth = 1;
    unsigned line_depth = 0; /* depth of the list element that is being written on one line */
    bool first = true;
    for (const struct fact *fact = report->facts; fact != NULL; fact = fact->next) {
        if (fact->kind == FACT_CLOSE) {
            depth--;
            if (line_depth == depth) {
                put(out, "\n");
                line_depth = 0;
            }
            continue;
        }
        bool group = fact->kind == FACT_OPEN || fact->kind == FACT_LIST;
        if (line_depth != 0) {
            put(out, first ? "" : ", ");
        } else {
            put_format(out, "%*s", (int)(2 * depth), "");
        }
        first = false;
        if (fact->name != NULL) {
            text_name(out, fact->name);
            put(out, line_depth != 0 ? " " : ": ");
        }
        if (!group) {
            text_value(out, fact);
            put(out, line_depth != 0 ? "" : "\n");
            continue;
        }
        if (line_depth == 0 && fact->name == NULL) {
            line_depth = depth;
            first = true;
        } else if (line_depth == 0) {
            put(out, "\n");
        }
        depth++;
    }
}

static void text_issue(struct output *out, const quire_issue *issue)
{
    put_format(out, "%s %s", severity_name(issue->severity), issue->code);
    if (issue->page != QUIRE_NO_PAGE) {
        put_format(out, " page %" PRIu32, issue->page);
    }
    put_format(out, " offset %" PRIu64, issue->offset);
    if (issue->object[0] != '\0') {
        put(out, " in ");
        put_foreign(out, issue->object, false);
    }
    put(out, ": ");
    put_foreign(out, issue->message, false);
    put(out, "\n    ");
    put(out, issue->remedy);
    put(out, "\n");
}

static void text_verdict(struct output *out, const quire_report *report)
{
    static const char *const verdicts[] = {"sound", "sound, with warnings", "damaged"};
    put(out, report->kind);
    put(out, " ");
    put_foreign(out, report->path, false);
    put(out, ": ");
    put(out, verdicts[quire_report_severity(report)]);
    put(out, "\n");
}

static void text_issues(struct output *out, const quire_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        text_issue(out, &report->issues[i]);
    }
}

static void write_text(quire_report *report)
{
    text_verdict(&report->text, report);
    write_text_facts(report);
    text_issues(&report->text, report);
    text_verdict(&report->summary, report);
    text_issues(&report->summary, report);
}

/* ---- Finishing ---- */

/* Tells each end of a group from the kind of its beginning; their nesting is at most 32 deep. */
static void mark_ends(quire_report *report)
{
    uint32_t lists = 0;
    for (struct fact *fact = report->facts; fact != NULL; fact = fact->next) {
        if (fact->kind == FACT_CLOSE) {
            fact->number = lists & 1;
            lists >>= 1;
        } else if (fact->kind == FACT_OPEN || fact->kind == FACT_LIST) {
            lists = lists << 1 | (fact->kind == FACT_LIST);
        }
    }
}

quire_status qr_report_finish(quire_report *report, quire_report **out, quire_error *err)
{
    uint64_t left_out = qr_report_total(report) - report->count;
    if (left_out > 0 && report->status == QUIRE_OK) {
        char message[96];
        (void)snprintf(message, sizeof message, "%" PRIu64 " further findings are not listed",
                       left_out);
        add_issue(report, &code_table[QR_INSPECT_REPORT_FULL], QUIRE_NO_PAGE, 0, NULL, message);
    }
    mark_ends(report);
    if (report->status == QUIRE_OK) {
        write_text(report);
        write_json(report);
    }
    if (report->status != QUIRE_OK || report->text.status != QUIRE_OK ||
        report->summary.status != QUIRE_OK || report->json.status != QUIRE_OK) {
        quire_report_free(report);
        return qr_fail(err, QUIRE_NO_MEMORY, "There is not enough memory for the report.");
    }
    *out = report;
    return QUIRE_OK;
}

/* ---- Public ---- */

quire_severity quire_report_severity(const quire_report *report)
{
    if (report->totals[QUIRE_SEVERITY_ERROR] > 0) {
        return QUIRE_SEVERITY_ERROR;
    }
    return report->totals[QUIRE_SEVERITY_WARNING] > 0 ? QUIRE_SEVERITY_WARNING
                                                      : QUIRE_SEVERITY_INFO;
}

size_t quire_report_issue_count(const quire_report *report)
{
    return report->count;
}

const quire_issue *quire_report_issue(const quire_report *report, size_t index)
{
    return index < report->count ? &report->issues[index] : NULL;
}

const char *quire_report_text(const quire_report *report)
{
    return report->text.bytes;
}

const char *quire_report_summary(const quire_report *report)
{
    return report->summary.bytes;
}

const char *quire_report_json(const quire_report *report)
{
    return report->json.bytes;
}

void quire_report_free(quire_report *report)
{
    if (report == NULL) {
        return;
    }
    quire_allocator allocator = report->allocator;
    qr_free(&allocator, report->text.bytes, report->text.capacity);
    qr_free(&allocator, report->summary.bytes, report->summary.capacity);
    qr_free(&allocator, report->json.bytes, report->json.capacity);
    qr_free(&allocator, report->issues, report->capacity * sizeof *report->issues);
    qr_arena_free(&report->arena);
    qr_free(&allocator, report, sizeof *report);
}
