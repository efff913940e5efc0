/*
 * quire-bench: named workloads for Quire and its peers in one run.
 *
 * For every workload the engines take turns, `--repeats` times each, and the
 * median is reported: the machine's drift then falls on all of them alike.
 * Every value read is verified; an engine that fails ends the run with status 1.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "graphql_bench.h"
#include "quire/version.h"

#define REPEATS_MAX 32U
#define ENGINES_MAX 8U

static const char usage[] =
    "usage: quire-bench [--peers] [--engines LIST] [--workloads LIST] [--rows N]\n"
    "                   [--seconds S] [--repeats N] [--cache-mib N]\n"
    "                   [--directory DIR] [--cpu-time] [--json | --markdown]\n"
    "       quire-bench graphql [--help]\n"
    "\n"
    "  --peers          measure the peers that were found when this was built, too\n"
    "  --engines LIST   only these, comma-separated "
    "(quire,quire-64m,raw,sqlite,lmdb,leveldb,rocksdb,wiredtiger)\n"
    "  --workloads LIST only these; --list names them\n"
    "  --rows N         rows of the table (default 1000000)\n"
    "  --seconds S      length of each timed part (default 2)\n"
    "  --repeats N      runs of each, of which the median counts (default 3)\n"
    "  --cache-mib N    the engines' own caches (default 1024)\n"
    "  --directory DIR  where the databases are put (default: the current directory)\n"
    "  --cpu-time       rates by the time that threads run: for reads on a busy machine\n"
    "  --json           one JSON object a line instead of the table\n"
    "  --markdown       rates alone, as a table for documents\n";

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_MARKDOWN };

static const char *const engine_order[] = {"quire", "quire-64m", "raw",     "sqlite",
                                           "lmdb",  "leveldb",   "rocksdb", "wiredtiger"};

const struct bench_engine *const bench_engines[] = {
    &bench_quire,
    &bench_quire_64m,
    &bench_raw,
#ifdef BENCH_SQLITE
    &bench_sqlite,
#endif
#ifdef BENCH_LMDB
    &bench_lmdb,
#endif
#ifdef BENCH_LEVELDB
    &bench_leveldb,
#endif
#ifdef BENCH_ROCKSDB
    &bench_rocksdb,
#endif
#ifdef BENCH_WIREDTIGER
    &bench_wiredtiger,
#endif
    NULL,
};

double bench_now(void)
{
    return bench_clock(false);
}

double bench_clock(bool cpu_time)
{
    struct timespec t;
    clock_gettime(cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int bench_fail(const char *engine, const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s: %s\n", engine, what, detail);
    return -1;
}

static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    if (list == NULL) {
        return true;
    }
    for (const char *p = list; (p = strstr(p, name)) != NULL; p += length) {
        bool starts = p == list || p[-1] == ',';
        bool ends = p[length] == '\0' || p[length] == ',';
        if (starts && ends) {
            return true;
        }
    }
    return false;
}

struct row {
    struct bench_result median[ENGINES_MAX];
    bool measured[ENGINES_MAX];
};

static int compare_results(const void *a, const void *b)
{
    double x = ((const struct bench_result *)a)->rate;
    double y = ((const struct bench_result *)b)->rate;
    return (x > y) - (x < y);
}

static bool takes_part(const struct bench_workload *workload, const struct bench_engine *engine)
{
    return (engine->read_begin != NULL || !workload->reads) &&
           (engine->only == NULL || listed(engine->only, workload->name));
}

static int measure(const struct bench_workload *workload, const struct bench_options *options,
                   const struct bench_engine *const *engines, size_t engine_count, struct row *row)
{
    static struct bench_result results[ENGINES_MAX][REPEATS_MAX];
    for (uint32_t r = 0; r < options->repeats; r++) {
        for (size_t e = 0; e < engine_count; e++) {
            memset(&results[e][r], 0, sizeof results[e][r]);
            if (!takes_part(workload, engines[e])) {
                continue;
            }
            fprintf(stderr, "\r%-16s %-12s run %u/%u   ", workload->name, engines[e]->name, r + 1,
                    options->repeats);
            if (workload->run(engines[e], options, &results[e][r]) != 0) {
                return -1;
            }
        }
    }
    fprintf(stderr, "\r%60s\r", "");
    for (size_t e = 0; e < engine_count; e++) {
        qsort(results[e], options->repeats, sizeof results[e][0], compare_results);
        row->median[e] = results[e][options->repeats / 2];
        row->measured[e] = takes_part(workload, engines[e]);
    }
    return 0;
}

static void print_json(const struct bench_workload *workload, const struct bench_options *options,
                       const struct bench_engine *engine, const struct bench_result *result,
                       double ratio)
{
    printf("{\"workload\":\"%s\",\"engine\":\"%s\",\"version\":\"%s\",\"rows\":%llu,"
           "\"unit\":\"%s\",\"rate\":%.0f,\"secondRate\":%.0f,\"p99us\":%.1f,\"operations\":%llu,"
           "\"bytes\":%llu,\"quireRatio\":%.3f,\"settings\":\"%s\"}\n",
           workload->name, engine->name, QUIRE_VERSION_STRING, (unsigned long long)options->rows,
           workload->unit, result->rate, result->second_rate, result->p99_us,
           (unsigned long long)result->operations, (unsigned long long)result->bytes, ratio,
           engine->settings);
}

static void print_rows(const struct bench_workload *workload,
                       const struct bench_engine *const *engines, size_t engine_count,
                       const struct row *row)
{
    printf("\n%s: %s\n", workload->name, workload->description);
    for (size_t e = 0; e < engine_count; e++) {
        const struct bench_result *r = &row->median[e];
        if (!row->measured[e]) {
            continue;
        }
        printf("  %-12s %12.0f %-10s", engines[e]->name, r->rate, workload->unit);
        if (workload->second_unit != NULL) {
            printf(" %12.0f %-8s", r->second_rate, workload->second_unit);
        }
        if (r->p99_us > 0) {
            printf("  p99 %9.1f us", r->p99_us);
        }
        if (r->bytes > 0) {
            printf("  %8.1f MB", (double)r->bytes / 1e6);
        }
        if (e > 0) {
            printf("  quire %.2fx", row->median[0].rate / r->rate);
            if (workload->second_unit != NULL && strcmp(workload->second_unit, "without") != 0) {
                printf(" / %.2fx", row->median[0].second_rate / r->second_rate);
            }
        }
        printf("\n");
    }
    fflush(stdout);
}

static void print_markdown_cell(double rate)
{
    const char *unit = rate >= 1e6 ? " M" : rate >= 1e3 ? " k" : "";
    double shown = rate >= 1e6 ? rate / 1e6 : rate >= 1e3 ? rate / 1e3 : rate;
    printf(" %.*f%s |", shown < 100 && rate >= 1e3 ? 1 : 0, shown, unit);
}

static void print_markdown(const struct bench_workload *workload, size_t engine_count,
                           const struct row *row)
{
    for (int second = 0; second <= (workload->second_unit != NULL); second++) {
        printf("| %s%s | %s |", workload->name, second ? ", beside it" : "",
               second ? workload->second_unit : workload->unit);
        for (size_t e = 0; e < engine_count; e++) {
            const struct bench_result *r = &row->median[e];
            if (row->measured[e]) {
                print_markdown_cell(second ? r->second_rate : r->rate);
            } else {
                printf(" |");
            }
        }
        printf("\n");
    }
    fflush(stdout);
}

static void print_heading(const struct bench_options *options,
                          const struct bench_engine *const *engines, size_t engine_count,
                          enum output output)
{
    if (output == OUTPUT_TEXT) {
        printf("%llu rows of %d bytes, %.1f s, median of %u\n", (unsigned long long)options->rows,
               BENCH_VALUE, options->seconds, options->repeats);
        for (size_t e = 0; e < engine_count; e++) {
            printf("  %-12s %s\n", engines[e]->name, engines[e]->settings);
        }
    } else if (output == OUTPUT_MARKDOWN) {
        printf("| workload | unit |");
        for (size_t e = 0; e < engine_count; e++) {
            printf(" %s |", engines[e]->name);
        }
        printf("\n|---|---|");
        for (size_t e = 0; e < engine_count; e++) {
            printf("---|");
        }
        printf("\n");
    }
}

static int run_all(const struct bench_options *options, const char *engine_list,
                   const char *workload_list, enum output output)
{
    const struct bench_engine *engines[ENGINES_MAX];
    size_t engine_count = 0;
    size_t ran = 0;

    for (size_t i = 0; bench_engines[i] != NULL; i++) {
        if (listed(engine_list, bench_engines[i]->name)) {
            engines[engine_count++] = bench_engines[i];
        }
    }
    print_heading(options, engines, engine_count, output);
    for (size_t w = 0; w < bench_workload_count; w++) {
        struct row row;
        if (!listed(workload_list, bench_workloads[w].name)) {
            continue;
        }
        if (measure(&bench_workloads[w], options, engines, engine_count, &row) != 0) {
            return 1;
        }
        ran++;
        if (output == OUTPUT_TEXT) {
            print_rows(&bench_workloads[w], engines, engine_count, &row);
        } else if (output == OUTPUT_MARKDOWN) {
            print_markdown(&bench_workloads[w], engine_count, &row);
        }
        for (size_t e = 0; output == OUTPUT_JSON && e < engine_count; e++) {
            if (row.measured[e]) {
                print_json(&bench_workloads[w], options, engines[e], &row.median[e],
                           row.median[0].rate / row.median[e].rate);
            }
        }
    }
    if (ran == 0 || engine_count == 0) {
        fprintf(stderr, "quire-bench: nothing to measure under these names\n");
        return 64;
    }
    return 0;
}

static void list_names(void)
{
    for (size_t w = 0; w < bench_workload_count; w++) {
        printf("%-16s %s\n", bench_workloads[w].name, bench_workloads[w].description);
    }
    printf("\nengines:");
    for (size_t i = 0; bench_engines[i] != NULL; i++) {
        printf(" %s", bench_engines[i]->name);
    }
    printf("\nnot built in:");
    for (size_t i = 0; i < sizeof engine_order / sizeof engine_order[0]; i++) {
        bool present = false;
        for (size_t j = 0; bench_engines[j] != NULL; j++) {
            present = present || strcmp(bench_engines[j]->name, engine_order[i]) == 0;
        }
        if (!present) {
            printf(" %s", engine_order[i]);
        }
    }
    printf("\n");
}

static const struct option long_options[] = {{"peers", no_argument, NULL, 'p'},
                                             {"engines", required_argument, NULL, 'e'},
                                             {"workloads", required_argument, NULL, 'w'},
                                             {"rows", required_argument, NULL, 'r'},
                                             {"seconds", required_argument, NULL, 's'},
                                             {"repeats", required_argument, NULL, 'n'},
                                             {"cache-mib", required_argument, NULL, 'c'},
                                             {"directory", required_argument, NULL, 'd'},
                                             {"cpu-time", no_argument, NULL, 't'},
                                             {"json", no_argument, NULL, 'j'},
                                             {"markdown", no_argument, NULL, 'm'},
                                             {"list", no_argument, NULL, 'l'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static bool acceptable(const struct bench_options *options)
{
    return !(options->rows < 1000 || options->seconds <= 0 || options->repeats < 1 ||
             options->repeats > REPEATS_MAX || options->cache_bytes == 0);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rows = 1000000,
                                    .seconds = 2,
                                    .repeats = 3,
                                    .cache_bytes = UINT64_C(1) << 30,
                                    .directory = "."};
    const char *engines = "quire";
    const char *workloads = NULL;
    enum output output = OUTPUT_TEXT;

    if (argc > 1 && strcmp(argv[1], "graphql") == 0) {
        return graphql_bench(argc - 1, argv + 1);
    }
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            engines = NULL;
            break;
        case 'e':
            engines = optarg;
            break;
        case 'w':
            workloads = optarg;
            break;
        case 'r':
            options.rows = strtoull(optarg, NULL, 10);
            break;
        case 's':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'n':
            options.repeats = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            options.cache_bytes = strtoull(optarg, NULL, 10) << 20;
            break;
        case 'd':
            options.directory = optarg;
            break;
        case 't':
            options.cpu_time = true;
            break;
        case 'j':
            output = OUTPUT_JSON;
            break;
        case 'm':
            output = OUTPUT_MARKDOWN;
            break;
        case 'l':
            list_names();
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 64;
        }
    }
    if (optind != argc || !acceptable(&options)) {
        fputs(usage, stderr);
        return 64;
    }
    return run_all(&options, engines, workloads, output);
}
