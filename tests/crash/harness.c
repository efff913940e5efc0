#define _DEFAULT_SOURCE /* anonymous mappings */

#include "harness.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"

/* Exit statuses. */
#define VERDICT 1 /* a case has failed */
#define MISUSED 2 /* no case was tried */

/* Of this process: set before threads start, but for the name of the case. */
static struct {
    char program[256];
    char arguments[256];
    uint64_t seed;
    uint64_t begun_ns;
    const char *mutant;
    atomic_bool *met; /* whether the library has asked for the rule; shared with the child */
    pthread_mutex_t mutex;
    char current[256];
} process = {.mutex = PTHREAD_MUTEX_INITIALIZER};

#if QR_MUTANTS
bool qr_mutant_is(const char *name)
{
    if (process.mutant == NULL || strcmp(process.mutant, name) != 0) {
        return false;
    }
    atomic_store_explicit(process.met, true, memory_order_relaxed);
    return true;
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

/* A case that crashes is told too; then the signal does what it does. */
static void tell_signal(int number)
{
    static const char what[] = "FAILED: a crash in the case: ";
    (void)!write(STDERR_FILENO, what, sizeof what - 1);
    (void)!write(STDERR_FILENO, process.current, strlen(process.current));
    (void)!write(STDERR_FILENO, "\n", 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* Catching is a verdict, or a death of an assertion or a crash, of a run that has come to the rule.
 * Whatever else ends a child is a failure of the test. */
static _Noreturn void judge_mutant(const char *regime, pid_t child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child) {
        exit(MISUSED);
    }
    bool verdict = WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != MISUSED;
    bool died = WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM;
    bool caught = atomic_load(process.met) && (verdict || died);
    if (!atomic_load(process.met)) {
        (void)fprintf(stderr, "%s: the run never came to a rule %s\n", process.program,
                      process.mutant);
    }
    (void)printf("regime crash-mutants: cases=%d seeds=1 first_seed=%llu mutants=%d/1 seconds=%.1f "
                 "rule=%s %s=%s\n",
                 caught, (unsigned long long)process.seed, caught, harness_seconds(),
                 process.mutant, caught ? "caught_by" : "SURVIVED", regime);
    exit(caught ? 0 : 1);
}

static void usage(const char *program)
{
    (void)fprintf(stderr,
                  "usage: %s [mode] [--seed N] [--cases N] [--minutes N] [--jobs N] [--long] "
                  "[--verbose] [--mutant NAME]\n",
                  program);
    exit(MISUSED);
}

static void parse(struct harness *harness, int argc, char **argv)
{
    const char *seed = getenv("QUIRE_SEED");
    const char *longer = getenv("QUIRE_TEST_LONG");
    harness->longer = longer != NULL && strcmp(longer, "0") != 0;
    harness->jobs = qr_processor_count();
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seed") == 0 && more) {
            seed = argv[++i];
        } else if (strcmp(argv[i], "--cases") == 0 && more) {
            harness->cases_wanted = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--minutes") == 0 && more) {
            harness->minutes = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--jobs") == 0 && more) {
            harness->jobs = (unsigned)strtoul(argv[++i], NULL, 0);
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

/* Memory that a child shares, zeroed. */
static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED, "no shared memory");
    return memory;
}

void harness_begin(struct harness *harness, const char *regime, int argc, char **argv)
{
    *harness = (struct harness){.regime = regime};
    process.begun_ns = qr_clock_monotonic_ns();
    parse(harness, argc, argv);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    process.seed = harness->seed;
    if (!HARNESS_SANITIZED) {
        (void)signal(SIGSEGV, tell_signal);
        (void)signal(SIGBUS, tell_signal);
        (void)signal(SIGABRT, tell_signal);
    }
    harness->mutant = process.mutant != NULL;
    (void)snprintf(process.program, sizeof process.program, "%s", argv[0]);
    (void)snprintf(process.arguments, sizeof process.arguments, "%s%s%s%s%s",
                   harness->mode != NULL ? " " : "", harness->mode != NULL ? harness->mode : "",
                   harness->longer ? " --long" : "", process.mutant != NULL ? " --mutant " : "",
                   process.mutant != NULL ? process.mutant : "");
    if ((process.mutant != NULL) != QR_MUTANTS) {
        (void)fprintf(stderr, "%s: %s\n", argv[0],
                      QR_MUTANTS ? "name the rule that the library is to drop: --mutant NAME"
                                 : "the library of this program drops no rules");
        exit(MISUSED);
    }
    if (process.mutant == NULL) {
        return;
    }
    process.met = share(sizeof *process.met);
    pid_t child = fork();
    if (child < 0) {
        exit(MISUSED);
    }
    if (child > 0) {
        judge_mutant(regime, child);
    }
}

uint64_t harness_cases(const struct harness *harness, uint64_t usual, uint64_t longer)
{
    if (harness->cases_wanted > 0) {
        return harness->cases_wanted;
    }
    return harness->longer ? longer : usual;
}

/* ---- Work in several processes ---- */

/* In memory that the processes share. */
struct spread {
    _Atomic uint64_t next, done;
    atomic_bool failed;
    _Atomic uint64_t counts[HARNESS_COUNTS];
};

struct quota {
    uint64_t units, cases, seconds;
};

static bool take_unit(struct spread *spread, const struct quota *quota, uint64_t *unit)
{
    *unit = atomic_fetch_add(&spread->next, 1);
    return !atomic_load(&spread->failed) &&
           (*unit < quota->units || atomic_load(&spread->counts[0]) < quota->cases ||
            harness_seconds() < (double)quota->seconds);
}

static void work_units(struct spread *spread, const struct quota *quota, harness_unit work,
                       void *context)
{
    uint64_t unit;
    while (take_unit(spread, quota, &unit)) {
        uint64_t counts[HARNESS_COUNTS] = {0};
        work(context, unit, counts);
        atomic_fetch_add(&spread->done, 1);
        for (unsigned i = 0; i < HARNESS_COUNTS; i++) {
            atomic_fetch_add(&spread->counts[i], counts[i]);
        }
    }
}

static void await(struct spread *spread, unsigned jobs)
{
    for (unsigned i = 0; i < jobs; i++) {
        int status = 0;
        REQUIRE(wait(&status) > 0, "a process is lost");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            if (WIFSIGNALED(status)) {
                (void)fprintf(stderr, "FAILED: a process died of signal %d\n", WTERMSIG(status));
            }
            atomic_store(&spread->failed, true);
        }
    }
}

uint64_t harness_spread(const struct harness *harness, uint64_t units, uint64_t cases,
                        harness_unit work, void *context, uint64_t *counts)
{
    const struct quota quota = {units, cases, harness->minutes * 60};
    unsigned jobs = harness->mutant || harness->jobs < 1 ? 1 : harness->jobs;
    struct spread *spread = share(sizeof *spread);
    (void)fflush(stdout);
    for (unsigned i = 0; i < jobs && jobs > 1; i++) {
        pid_t child = fork();
        REQUIRE(child >= 0, "no process");
        if (child == 0) {
            work_units(spread, &quota, work, context);
            exit(0);
        }
    }
    if (jobs > 1) {
        await(spread, jobs);
    } else {
        work_units(spread, &quota, work, context);
    }
    if (atomic_load(&spread->failed)) {
        exit(VERDICT);
    }
    for (unsigned i = 0; i < HARNESS_COUNTS; i++) {
        counts[i] += atomic_load(&spread->counts[i]);
    }
    uint64_t done = atomic_load(&spread->done);
    (void)munmap(spread, sizeof *spread);
    return done;
}

void harness_end(const struct harness *harness, uint64_t cases, uint64_t seeds, const char *extra)
{
    double seconds = harness_seconds();
    if (cases == 0) {
        (void)fprintf(stderr, "%s has run no case%s%s\n", harness->regime,
                      harness->mode != NULL ? " in mode " : "",
                      harness->mode != NULL ? harness->mode : "");
        exit(MISUSED);
    }
    (void)printf("regime %s: cases=%llu seeds=%llu first_seed=%llu mutants=0/0 seconds=%.1f "
                 "cases_per_second=%.0f%s%s\n",
                 harness->regime, (unsigned long long)cases, (unsigned long long)seeds,
                 (unsigned long long)harness->seed, seconds,
                 (double)cases / (seconds > 0 ? seconds : 1), extra != NULL ? " " : "",
                 extra != NULL ? extra : "");
    (void)fflush(stdout);
}
