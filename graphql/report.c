/*
 * Problems, and the names that a misspelt one may have meant.
 *
 * Messages are formatted into the report's arena. A problem that memory cannot hold leaves its
 * status in the report, so that a check which ignores it still fails in the end.
 */
#include "graphql/report.h"

void qr_gql_report_init(struct qr_gql_report *report, struct qr_arena *arena, uint32_t problems_max,
                        quire_error *err)
{
    *report = (struct qr_gql_report){
        .arena = arena,
        .problems_max = problems_max == 0 ? QR_GQL_PROBLEMS_MAX_DEFAULT : problems_max,
        .overflow_message = "Too many validation errors, error limit reached. Validation aborted.",
        .status = QUIRE_OK,
        .err = err,
    };
}

bool qr_gql_report_full(const struct qr_gql_report *report)
{
    return report->status != QUIRE_OK || report->count > report->problems_max;
}

/* Messages quote the request: what is too long is cut where a character ends. */
static struct qr_gql_str cut_message(struct qr_gql_report *report, struct qr_gql_str message)
{
    if (message.size <= QR_GQL_MESSAGE_BYTES_MAX) {
        return message;
    }
    size_t size = QR_GQL_MESSAGE_BYTES_MAX - 3;
    while (size > 0 && ((unsigned char)message.data[size] & 0xC0U) == 0x80U) {
        size--;
    }
    const char *cut = qr_gql_format(report->arena, report->err, "%.*s...", (int)size, message.data);
    return cut ? qr_gql_str_of(cut) : (struct qr_gql_str){"", 0};
}

struct qr_gql_problem *qr_gql_report_message(struct qr_gql_report *report,
                                             const struct qr_gql_pos *locations, size_t count,
                                             struct qr_gql_str message)
{
    if (qr_gql_report_full(report)) {
        return NULL;
    }
    struct qr_gql_problem *problem =
        qr_arena_alloc_zero(report->arena, sizeof(*problem), report->err);
    struct qr_gql_pos *places = NULL;
    count = count > QR_GQL_PLACES_MAX ? QR_GQL_PLACES_MAX : count;
    if (problem != NULL && count > 0) {
        places = qr_arena_alloc(report->arena, count * sizeof(*places), report->err);
    }
    if (problem == NULL || (count > 0 && places == NULL)) {
        report->status = qr_gql_memory_status(report->err);
        return NULL;
    }
    problem->message = cut_message(report, message);
    if (report->count == report->problems_max) {
        problem->message = qr_gql_str_of(report->overflow_message);
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (locations[i].line != 0) {
            places[problem->location_count++] = locations[i];
        }
    }
    problem->locations = places;
    if (report->last == NULL) {
        report->first = problem;
    } else {
        report->last->next = problem;
    }
    report->last = problem;
    report->count++;
    return qr_gql_report_full(report) ? NULL : problem;
}

static struct qr_gql_problem *report_format(struct qr_gql_report *report,
                                            const struct qr_gql_pos *locations, size_t count,
                                            const char *format, va_list arguments) QR_PRINTF(4, 0);

static struct qr_gql_problem *report_format(struct qr_gql_report *report,
                                            const struct qr_gql_pos *locations, size_t count,
                                            const char *format, va_list arguments)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str message;
    if (qr_gql_report_full(report)) {
        return NULL;
    }
    qr_gql_buffer_init(&buffer, report->arena, report->err);
    qr_gql_buffer_format_list(&buffer, format, arguments);
    report->status = qr_gql_buffer_finish(&buffer, &message);
    return report->status == QUIRE_OK ? qr_gql_report_message(report, locations, count, message)
                                      : NULL;
}

struct qr_gql_problem *qr_gql_report_at(struct qr_gql_report *report,
                                        const struct qr_gql_pos *locations, size_t count,
                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct qr_gql_problem *problem = report_format(report, locations, count, format, arguments);
    va_end(arguments);
    return problem;
}

struct qr_gql_problem *qr_gql_report_add(struct qr_gql_report *report, const struct qr_gql_pos *pos,
                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct qr_gql_problem *problem =
        report_format(report, pos, pos == NULL ? 0 : 1, format, arguments);
    va_end(arguments);
    return problem;
}

quire_status qr_gql_report_outcome(const struct qr_gql_report *report, quire_status status,
                                   quire_error *err)
{
    if (report->status != QUIRE_OK) {
        return err == report->err ? report->status
                                  : qr_fail(err, report->status, "Out of memory for errors.");
    }
    if (report->count == 0) {
        return QUIRE_OK;
    }
    const struct qr_gql_problem *first = report->first;
    if (first->location_count == 0) {
        return qr_fail(err, status, "%.*s", QR_GQL_FMT(first->message));
    }
    return qr_fail_text(err, status, "", first->locations[0].line, first->locations[0].column,
                        "%.*s", QR_GQL_FMT(first->message));
}

/* ---- suggestions ---- */

enum { SUGGESTIONS_MAX = 5, CANDIDATES_MAX = 1000, NAME_MAX_COMPARED = 100 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * Edit distance with transpositions, letter case counting 1 in all. Returns
 * more than `threshold` when it is beyond it.
 */
static unsigned name_distance(struct qr_gql_str a, struct qr_gql_str b, unsigned threshold)
{
    if (qr_gql_str_equal(a, b)) {
        return 0;
    }
    size_t gap = a.size > b.size ? a.size - b.size : b.size - a.size;
    if (a.size > NAME_MAX_COMPARED || b.size > NAME_MAX_COMPARED || gap > threshold) {
        return threshold + 1;
    }
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    for (size_t j = 0; j <= b.size; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        unsigned *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];
        unsigned smallest = row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.size; j++) {
            unsigned cost = lower(a.data[i - 1]) == lower(b.data[j - 1]) ? 0 : 1;
            unsigned cell = least(least(up[j] + 1, row[j - 1] + 1), up[j - 1] + cost);
            if (i > 1 && j > 1 && lower(a.data[i - 1]) == lower(b.data[j - 2]) &&
                lower(a.data[i - 2]) == lower(b.data[j - 1])) {
                cell = least(cell, up2[j - 2] + 1);
            }
            row[j] = cell;
            smallest = least(smallest, cell);
        }
        if (smallest > threshold) {
            return threshold + 1;
        }
    }
    unsigned distance = rows[a.size % 3][b.size];
    return distance == 0 ? 1 : distance;
}

struct suggestion {
    struct qr_gql_str name;
    unsigned distance;
};

static bool comes_before(const struct suggestion *a, const struct suggestion *b)
{
    return a->distance != b->distance ? a->distance < b->distance
                                      : qr_gql_str_compare_natural(a->name, b->name) < 0;
}

/* Keeps the best few, sorted; a name counts once. */
static size_t keep_suggestion(struct suggestion *kept, size_t count, struct suggestion new)
{
    size_t at = count;
    for (size_t i = 0; i < count; i++) {
        if (qr_gql_str_equal(kept[i].name, new.name)) {
            return count;
        }
    }
    while (at > 0 && comes_before(&new, &kept[at - 1])) {
        at--;
    }
    if (at == SUGGESTIONS_MAX) {
        return count;
    }
    size_t moved = (count < SUGGESTIONS_MAX ? count : SUGGESTIONS_MAX - 1) - at;
    memmove(&kept[at + 1], &kept[at], moved * sizeof(*kept));
    kept[at] = new;
    return count < SUGGESTIONS_MAX ? count + 1 : count;
}

static const char *list_suggestions(struct qr_arena *arena, const struct suggestion *kept,
                                    size_t count, const char *prefix)
{
    struct qr_gql_buffer buffer;
    qr_gql_buffer_init(&buffer, arena, NULL);
    qr_gql_buffer_format(&buffer, " Did you mean %s", prefix);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            qr_gql_buffer_text(&buffer, i + 1 < count ? ", " : count == 2 ? " or " : ", or ");
        }
        qr_gql_buffer_format(&buffer, "\"%.*s\"", QR_GQL_FMT(kept[i].name));
    }
    qr_gql_buffer_char(&buffer, '?');
    struct qr_gql_str text;
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? text.data : "";
}

const char *qr_gql_suggest(struct qr_arena *arena, const struct qr_gql_str *names, size_t count,
                           const char *prefix)
{
    struct suggestion kept[SUGGESTIONS_MAX];
    size_t kept_count = 0;
    for (; kept_count < count && kept_count < SUGGESTIONS_MAX; kept_count++) {
        kept[kept_count] = (struct suggestion){names[kept_count], 0};
    }
    return kept_count == 0 ? "" : list_suggestions(arena, kept, kept_count, prefix);
}

const char *qr_gql_did_you_mean(struct qr_arena *arena, struct qr_gql_str input,
                                const struct qr_gql_str *candidates, size_t count,
                                const char *prefix)
{
    struct suggestion kept[SUGGESTIONS_MAX + 1];
    size_t kept_count = 0;
    if (input.size > NAME_MAX_COMPARED) {
        return "";
    }
    unsigned threshold = (unsigned)input.size * 2 / 5 + 1;
    for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
        unsigned distance = name_distance(candidates[i], input, threshold);
        if (distance <= threshold) {
            struct suggestion new = {candidates[i], distance};
            kept_count = keep_suggestion(kept, kept_count, new);
        }
    }
    return kept_count == 0 ? "" : list_suggestions(arena, kept, kept_count, prefix);
}

static bool is_digit(struct qr_gql_str text, size_t at)
{
    return at < text.size && text.data[at] >= '0' && text.data[at] <= '9';
}

/* The number at *at, and *at behind it; a leading zero is a number of its own. */
static double read_number(struct qr_gql_str text, size_t *at)
{
    double number = 0;
    do {
        number = number * 10 + (text.data[(*at)++] - '0');
    } while (is_digit(text, *at) && number > 0);
    return number;
}

int qr_gql_str_compare_natural(struct qr_gql_str a, struct qr_gql_str b)
{
    size_t i = 0, j = 0;
    while (i < a.size && j < b.size) {
        if (is_digit(a, i) && is_digit(b, j)) {
            double x = read_number(a, &i), y = read_number(b, &j);
            if (x < y || x > y) {
                return x < y ? -1 : 1;
            }
        } else if (a.data[i] != b.data[j]) {
            return (unsigned char)a.data[i] < (unsigned char)b.data[j] ? -1 : 1;
        } else {
            i++;
            j++;
        }
    }
    return (a.size > b.size) - (a.size < b.size);
}
