/*
 * What the crash programs share: arguments, verdicts, the summary line, work
 * spread over processes, and the runs over a library with one rule of its
 * protocol dropped.
 *
 * Arguments: --seed N (or QUIRE_SEED), --long (or QUIRE_TEST_LONG=1), --cases N,
 * --minutes N, --jobs N, and with a library built for it, and only there,
 * --mutant NAME: then a verdict against the library is what is wanted, and the
 * program exits with 0 only if there was one, of a run that has met the rule.
 *
 * A program runs its cases from a seed each; the first that fails is printed
 * with the command that repeats it, and ends the program with 1. The summary
 * line is read by tools/check, which holds `cases` against floors.txt:
 *
 *     regime NAME: cases=N seeds=N first_seed=N mutants=N/N seconds=S ...
 */
#ifndef QUIRE_TESTS_CRASH_HARNESS_H
#define QUIRE_TESTS_CRASH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/error.h"

/* Sanitizers slow a program down and take memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HARNESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HARNESS_SANITIZED 1
#endif
#endif
#ifndef HARNESS_SANITIZED
#define HARNESS_SANITIZED 0
#endif

/* Assertions on, or sanitizers: the counts are made where the library is as it ships. */
#if HARNESS_SANITIZED || QR_CHECKED
#define HARNESS_BRIEF 1
#else
#define HARNESS_BRIEF 0
#endif

struct harness {
    const char *regime;
    uint64_t seed;
    uint64_t cases_wanted; /* 0: the program's own number */
    uint64_t minutes;      /* go on with further seeds for so long; 0: by cases alone */
    unsigned jobs;         /* processes that share the work */
    bool longer;
    bool mutant; /* a rule is dropped: a verdict is wanted, soon */
    bool verbose;
    const char *mode; /* an argument without dashes in front, or NULL */
};

/* Reads the arguments; with --mutant runs the rest of the program in a child and does not return
 * in the parent. To be called first, before any thread exists. */
void harness_begin(struct harness *harness, const char *regime, int argc, char **argv);
/* Prints the summary line; no case at all is a failure. `extra`, further words of the form
 * name=value, may be NULL. */
void harness_end(const struct harness *harness, uint64_t cases, uint64_t seeds, const char *extra);

/*
 * Does units of work 0, 1, 2 ... in harness->jobs processes: at least `units`
 * of them, and further ones until there are `cases` cases and --minutes are
 * over. A unit adds what it did to `counts`; counts[0] are its cases. Returns
 * how many units there were, with the sums in `counts`.
 */
#define HARNESS_COUNTS 8
typedef void (*harness_unit)(void *context, uint64_t unit, uint64_t *counts);
uint64_t harness_spread(const struct harness *harness, uint64_t units, uint64_t cases,
                        harness_unit work, void *context, uint64_t *counts);

/* `usual` by default, `longer` with --long, or --cases. */
uint64_t harness_cases(const struct harness *harness, uint64_t usual, uint64_t longer);

/* Names the case that is under way in this process: printed when it fails. Any thread. */
void harness_case(const char *format, ...) QR_PRINTF(1, 2);

/* Prints the case and what is wrong with it, and ends the program. Any thread. */
_Noreturn void harness_fail(const char *file, int line, const char *format, ...) QR_PRINTF(3, 4);

#define REQUIRE(truth, ...)                                                                        \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            harness_fail(__FILE__, __LINE__, __VA_ARGS__);                                         \
        }                                                                                          \
    } while (0)

/* The call, which reports to a local `err`, succeeds. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        quire_status must_status = (call);                                                         \
        if (must_status != QUIRE_OK) {                                                             \
            harness_fail(__FILE__, __LINE__, "%s gave %s: %s", #call,                              \
                         quire_status_name(must_status), err.message);                             \
        }                                                                                          \
    } while (0)

double harness_seconds(void);

#endif
