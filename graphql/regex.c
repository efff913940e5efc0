/*
 * Regular expressions over PCRE2: see regex.h.
 *
 * The expression is compiled twice: as it is, and behind a lazy `.*`, so that
 * one pass from the beginning of the text finds a match anywhere in it.
 *
 * The matcher that goes back counts its steps from each place of the text anew,
 * and passes over repeated characters without counting. So its texts are short
 * enough for the square of their size, and the shorter the text, the more steps
 * it has for each place.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "graphql/regex.h"

#include <pcre2.h>

#define PATTERN_BYTES_MAX 10000u
#define NESTING_MAX       100u
#define WORKSPACE_INTS    1024u     /* some 170 ways at one place of the text */
#define CALL_BYTES        10000000u /* bytes that assertions and recursions may look at, and ... */
#define CALLS_LEAST       16u       /* ... how many of them there may be anyway */
#define BACK_TEXT_MAX     32768u    /* bytes of a text that is matched going back */
#define BACK_STEPS        2000000u
#define BACK_STEPS_LEAST  200u
#define HEAP_KIB_MAX      1024u

struct qr_regex {
    quire_allocator allocator;
    pcre2_general_context *general;
    pcre2_match_context *limits;
    pcre2_code *alone, *anywhere;
    pcre2_match_data *match;
    int workspace[WORKSPACE_INTS];
};

static void *allocate(size_t size, void *allocator)
{
    return qr_host_alloc(allocator, size, NULL);
}

static void release(void *memory, void *allocator)
{
    (void)allocator;
    quire_free(memory);
}

static quire_status no_memory(quire_error *err)
{
    return qr_fail(err, QUIRE_NO_MEMORY, "No memory for a regular expression.");
}

static quire_status refuse(struct qr_gql_str pattern, int code, size_t offset, quire_error *err)
{
    PCRE2_UCHAR message[160];
    struct qr_gql_str shown = qr_gql_str_cut(pattern, 100);

    if (code == PCRE2_ERROR_HEAP_FAILED) {
        return no_memory(err);
    }
    if (pcre2_get_error_message(code, message, sizeof message) < 0) {
        message[0] = '\0';
    }
    return qr_fail(err, QUIRE_QUERY, "\"%.*s\" is no regular expression: %s, at offset %zu.",
                   QR_GQL_FMT(shown), (const char *)message, offset);
}

/* NULL after reporting. */
static pcre2_code *compile(const struct qr_regex *regex, struct qr_gql_str text,
                           struct qr_gql_str pattern, bool insensitive, quire_error *err)
{
    uint32_t options =
        PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (insensitive ? PCRE2_CASELESS : 0);
    pcre2_compile_context *context = pcre2_compile_context_create(regex->general);
    pcre2_code *code = NULL;
    int problem;
    PCRE2_SIZE offset;

    if (context == NULL) {
        (void)no_memory(err);
        return NULL;
    }
    (void)pcre2_set_parens_nest_limit(context, NESTING_MAX);
    code = pcre2_compile((PCRE2_SPTR)text.data, text.size, options, &problem, &offset, context);
    if (code == NULL) {
        (void)refuse(pattern, problem, offset, err);
    }
    pcre2_compile_context_free(context);
    return code;
}

/* The pattern has to be sound by itself, and then within what is put around it. */
static quire_status compile_both(struct qr_regex *regex, struct qr_gql_str pattern,
                                 bool insensitive, quire_error *err)
{
    static const char before[] = "(?s:.*?)(?:";
    char text[sizeof before + PATTERN_BYTES_MAX + 1];
    size_t size = sizeof before - 1;

    if (pattern.data == NULL) {
        pattern.data = "";
    }
    memcpy(text, before, size);
    memcpy(text + size, pattern.data, pattern.size);
    size += pattern.size;
    text[size++] = ')';
    regex->alone = compile(regex, pattern, pattern, insensitive, err);
    if (regex->alone != NULL) {
        regex->anywhere =
            compile(regex, (struct qr_gql_str){text, size}, pattern, insensitive, err);
    }
    return regex->anywhere != NULL ? QUIRE_OK : err->status;
}

quire_status qr_regex_compile(const quire_allocator *allocator, struct qr_gql_str pattern,
                              bool insensitive, struct qr_regex **out, quire_error *err)
{
    quire_error local = QUIRE_ERROR_INIT;
    struct qr_regex *regex;
    bool matches;

    *out = NULL;
    err = err != NULL ? err : &local;
    if (pattern.size > PATTERN_BYTES_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A regular expression has at most %u bytes, not %zu.",
                       PATTERN_BYTES_MAX, pattern.size);
    }
    regex = qr_alloc_zero(allocator, sizeof *regex, err);
    if (regex == NULL) {
        return QUIRE_NO_MEMORY;
    }
    regex->allocator = *allocator;
    regex->general = pcre2_general_context_create(allocate, release, &regex->allocator);
    regex->limits = regex->general != NULL ? pcre2_match_context_create(regex->general) : NULL;
    regex->match = regex->general != NULL ? pcre2_match_data_create(1, regex->general) : NULL;
    quire_status status = regex->limits == NULL || regex->match == NULL
                              ? no_memory(err)
                              : compile_both(regex, pattern, insensitive, err);
    if (status == QUIRE_OK) {
        (void)pcre2_set_heap_limit(regex->limits, HEAP_KIB_MAX);
        /* What this matcher cannot do shows when it meets it. */
        status = qr_regex_test(regex, (struct qr_gql_str){"", 0}, &matches, err);
    }
    if (status != QUIRE_OK) {
        qr_regex_free(regex);
        return status;
    }
    *out = regex;
    return QUIRE_OK;
}

void qr_regex_free(struct qr_regex *regex)
{
    if (regex == NULL) {
        return;
    }
    quire_allocator allocator = regex->allocator;
    pcre2_code_free(regex->alone);
    pcre2_code_free(regex->anywhere);
    pcre2_match_data_free(regex->match);
    pcre2_match_context_free(regex->limits);
    pcre2_general_context_free(regex->general);
    qr_free(&allocator, regex, sizeof *regex);
}

/* What is left of a budget for each byte of a text. */
static uint32_t share(uint32_t budget, size_t size, uint32_t least)
{
    size_t steps = budget / (size + 1);
    return steps < least ? least : (uint32_t)steps;
}

/* One pass over all ways. An assertion may look at the whole text. */
static int match_onward(struct qr_regex *regex, PCRE2_SPTR text, size_t size)
{
    (void)pcre2_set_match_limit(regex->limits, share(CALL_BYTES, size, CALLS_LEAST));
    (void)pcre2_set_depth_limit(regex->limits, NESTING_MAX);
    return pcre2_dfa_match(regex->anywhere, text, size, 0, PCRE2_ANCHORED | PCRE2_DFA_SHORTEST,
                           regex->match, regex->limits, regex->workspace, WORKSPACE_INTS);
}

/* One way after the other. */
static int match_going_back(struct qr_regex *regex, PCRE2_SPTR text, size_t size)
{
    uint32_t steps = share(BACK_STEPS, size, BACK_STEPS_LEAST);
    (void)pcre2_set_match_limit(regex->limits, steps);
    (void)pcre2_set_depth_limit(regex->limits, steps);
    return pcre2_match(regex->alone, text, size, 0, 0, regex->match, regex->limits);
}

quire_status qr_regex_test(struct qr_regex *regex, struct qr_gql_str text, bool *matches,
                           quire_error *err)
{
    PCRE2_SPTR data = (PCRE2_SPTR)(text.data != NULL ? text.data : "");
    int result = match_onward(regex, data, text.size);

    if (result == PCRE2_ERROR_DFA_WSSIZE && text.size <= BACK_TEXT_MAX) {
        result = match_going_back(regex, data, text.size);
    }
    *matches = result >= 0;
    if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
        return QUIRE_OK;
    }
    switch (result) {
    case PCRE2_ERROR_NOMEMORY:
        return no_memory(err);
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_DFA_WSSIZE:
    case PCRE2_ERROR_DFA_RECURSE:
    case PCRE2_ERROR_RECURSELOOP:
        return qr_fail(err, QUIRE_LIMIT,
                       "A regular expression takes more steps than are allowed for one text, here "
                       "of %zu bytes; make it simpler.",
                       text.size);
    case PCRE2_ERROR_DFA_UITEM:
    case PCRE2_ERROR_DFA_UCOND:
        return qr_fail(err, QUIRE_QUERY,
                       "The regular expression has a back reference, \\K, or a condition on a "
                       "group, which are not supported because their time has no bound.");
    default:
        break;
    }
    return qr_fail(err, QUIRE_CORRUPT, "A text to be matched is not UTF-8 (%d).", result);
}

/* ---- prefixes ---- */

static bool is_special(char c)
{
    return c == '\0' || strchr("\\^$.[]|()?*+{}#", c) != NULL || c == ' ' || c == '\t' || c == '\n';
}

size_t qr_regex_prefix(struct qr_gql_str pattern, char *prefix)
{
    size_t size = 0;
    size_t last = 0; /* where the last character begins */

    if (pattern.size == 0 || pattern.data[0] != '^' ||
        memchr(pattern.data, '|', pattern.size) != NULL) {
        return 0;
    }
    size_t i = 1;
    for (; i < pattern.size; i++) {
        char c = pattern.data[i];
        bool escaped = c == '\\' && i + 1 < pattern.size &&
                       strchr("\\^$.[]|()?*+{}-/", pattern.data[i + 1]) != NULL &&
                       pattern.data[i + 1] != '\0';
        if (escaped) {
            c = pattern.data[++i];
        } else if (is_special(c)) {
            break;
        }
        last = (c & 0xC0) == 0x80 ? last : size;
        prefix[size++] = c;
    }
    /* A quantifier is about the last character, which may then be absent. */
    bool quantified = i < pattern.size && strchr("*?{", pattern.data[i]) != NULL;
    return quantified ? last : size;
}
