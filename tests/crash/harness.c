#include "harness.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

#define VERDICT 1 /* exit status of a failed case */

/* Of this process: set before threads start, but for the name of the case. */
static struct {
    char program[256];
    char arguments[256];
    uint64_t seed;
    uint64_t begun_ns;
    const char *mutant;
    pthread_mutex_t mutex;
    char current[256];
} process = {.mutex = PTHREAD_MUTEX_INITIALIZER};

#if QR_MUTANTS
bool qr_mutant_is(const char *name)
{
    return process.mutant != NULL && strcmp(process.mutant, name) == 0;
}
#endif

double harness_seconds(void)
{
    return (double)(qr_clock_monotonic_ns() - process.begun_ns) / 1e9;
}

void harness_case(const char *format, ...)
{
    va_list list;
    (void)pthread_mutex_lock(&process.mutex);
    va_start(list, format);
    (void)vsnprintf(process.current, sizeof process.current, format, list);
    va_end(list);
    (void)pthread_mutex_unlock(&process.mutex);
}

_Noreturn void harness_fail(const char *file, int line, const char *format, ...)
{
    char message[1024];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(message, sizeof message, format, list);
    va_end(list);
    /* The lock is not given back: one failure is enough. */
    (void)pthread_mutex_lock(&process.mutex);
    (void)fprintf(stderr, "FAILED %s:%d: %s\n  case: %s\n  repeat: %s%s --seed %llu\n", file, line,
                  message, process.current, process.program, process.arguments,
                  (unsigned long long)process.seed);
    (void)fflush(stderr);
    _exit(VERDICT);
}

/* The child has been told apart from a good run by its exit status, or died of an assertion. */
static _Noreturn void judge_mutant(const char *regime, pid_t child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child) {
        exit(2);
    }
    bool caught = (WIFEXITED(status) && WEXITSTATUS(status) != 0) || WIFSIGNALED(status);
    (void)printf("%s: mutant %s %s, seed %llu, %.1f s\n", regime, process.mutant,
                 caught ? "caught" : "SURVIVED", (unsigned long long)process.seed,
                 harness_seconds());
    exit(caught ? 0 : 1);
}

static void usage(const char *program)
{
    (void)fprintf(stderr,
                  "usage: %s [mode] [--seed N] [--cases N] [--long] [--verbose] [--mutant NAME]\n",
                  program);
    exit(2);
}

static void parse(struct harness *harness, int argc, char **argv)
{
    const char *seed = getenv("QUIRE_SEED");
    const char *longer = getenv("QUIRE_LONG");
    harness->longer = longer != NULL && strcmp(longer, "0") != 0;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seed") == 0 && more) {
            seed = argv[++i];
        } else if (strcmp(argv[i], "--cases") == 0 && more) {
            harness->cases_wanted = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--mutant") == 0 && more) {
            process.mutant = argv[++i];
        } else if (strcmp(argv[i], "--long") == 0) {
            harness->longer = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            harness->verbose = true;
        } else if (argv[i][0] != '-') {
            harness->mode = argv[i];
        } else {
            usage(argv[0]);
        }
    }
    harness->seed =
        seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)qr_clock_wall_ns() % 1000000007U;
}

void harness_begin(struct harness *harness, const char *regime, int argc, char **argv)
{
    *harness = (struct harness){.regime = regime};
    process.begun_ns = qr_clock_monotonic_ns();
    parse(harness, argc, argv);
    process.seed = harness->seed;
    harness->mutant = process.mutant != NULL;
    (void)snprintf(process.program, sizeof process.program, "%s", argv[0]);
    (void)snprintf(process.arguments, sizeof process.arguments, "%s%s%s%s%s",
                   harness->mode != NULL ? " " : "", harness->mode != NULL ? harness->mode : "",
                   harness->longer ? " --long" : "", process.mutant != NULL ? " --mutant " : "",
                   process.mutant != NULL ? process.mutant : "");
    if (process.mutant == NULL) {
        return;
    }
#if !QR_MUTANTS
    (void)fprintf(stderr, "%s: the library of this program drops no rules\n", argv[0]);
    exit(2);
#endif
    pid_t child = fork();
    if (child < 0) {
        exit(2);
    }
    if (child > 0) {
        judge_mutant(regime, child);
    }
}

uint64_t harness_cases(const struct harness *harness, uint64_t brief, uint64_t longer)
{
    if (harness->cases_wanted > 0) {
        return harness->cases_wanted;
    }
    return harness->longer ? longer : brief;
}

void harness_end(const struct harness *harness, uint64_t cases, uint64_t seeds, const char *extra)
{
    double seconds = harness_seconds();
    (void)printf("%s%s%s: %llu cases, %llu seeds from %llu, %.1f s, %.0f cases/s%s%s\n",
                 harness->regime, harness->mode != NULL ? " " : "",
                 harness->mode != NULL ? harness->mode : "", (unsigned long long)cases,
                 (unsigned long long)seeds, (unsigned long long)harness->seed, seconds,
                 (double)cases / (seconds > 0 ? seconds : 1), extra != NULL ? ", " : "",
                 extra != NULL ? extra : "");
    (void)fflush(stdout);
}
