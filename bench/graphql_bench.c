/*
 * quire-bench graphql: requests through the library, in process, beside
 * executors over maps in memory.
 *
 * Every answer of every variant is compared byte for byte with each peer's
 * before anything is measured; a difference ends the run with status 1. The
 * sides take turns, `--repeats` times each, and medians are reported. What Quire
 * takes for a request in allocations and memory is counted by its allocator.
 */
#include "graphql_bench.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "graphql_data.h"
#include "graphql_peer.h"
#include "graphql_report.h"
#include "quire/quire.h"

#define SAMPLES 1000000U
#define PATH    512U

static const char usage[] =
    "usage: quire-bench graphql [--peers DIR] [--queries LIST] [--users N] [--seconds S]\n"
    "                           [--repeats N] [--directory DIR] [--cpu-time] [--markdown]\n"
    "                           [--smoke]\n"
    "       quire-bench graphql --data DIR [--users N]\n"
    "       quire-bench graphql --perform QUERY COUNT [--prepared] --directory DIR\n"
    "\n"
    "  --peers DIR      measure graphql-jit and graphql-js beside it: where executors.mjs and\n"
    "                   node_modules are (bench/npm, after npm ci there)\n"
    "  --queries LIST   only these (Q1,Q2,Q3,Q4,Q4c,Q5,Q6)\n"
    "  --users N        users, with ten posts and thirty comments each (default 10000)\n"
    "  --seconds S      length of each timed part (default 1)\n"
    "  --repeats N      runs of each, of which the median counts (default 3)\n"
    "  --directory DIR  where the database is put (default: the current directory)\n"
    "  --cpu-time       rates by the time that processors work: for a busy machine. Mutations\n"
    "                   that are synced do nothing most of the time; theirs say little then\n"
    "  --markdown       tables for documents\n"
    "  --smoke          few rows, a moment each: does it run, and are the answers right\n"
    "  --data DIR       writes schema, rows and requests for other programs, and ends\n"
    "  --perform        answers a request COUNT times from a database that an earlier run left\n"
    "                   in DIR, or makes it there: for bench/graphql_counts.py\n";

struct memory {
    _Atomic uint64_t count, live, peak;
};

struct bench {
    uint64_t users;
    double seconds;
    uint32_t repeats;
    bool cpu_time;
    const char *directory;
    const char *queries;
    const char *npm; /* NULL: no peers */
    bool markdown;
    bool prepared;
    char path[PATH]; /* of the database */
    quire_db *db;
    quire_options options;
    struct memory memory;
    quire_error err;
    struct graphql_peer peers[GRAPHQL_PEERS];
    uint64_t created; /* posts so far */
    struct graphql_result results[GRAPHQL_QUERIES_MAX];
};

/* ---- Memory ---- */

static void *counted_realloc(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct memory *memory = context;
    atomic_fetch_add_explicit(&memory->count, 1, memory_order_relaxed);
    uint64_t live =
        atomic_fetch_add_explicit(&memory->live, new_size - old_size, memory_order_relaxed) +
        new_size - old_size;
    if (live > atomic_load_explicit(&memory->peak, memory_order_relaxed)) {
        atomic_store_explicit(&memory->peak, live, memory_order_relaxed);
    }
    return realloc(ptr, new_size);
}

static void counted_free(void *context, void *ptr, size_t size)
{
    struct memory *memory = context;
    atomic_fetch_sub_explicit(&memory->live, size, memory_order_relaxed);
    free(ptr);
}

static int fail(struct bench *b, const char *what)
{
    return bench_fail("quire", what, b->err.message);
}

/* ---- The database ---- */

static int feed(void *context, const char *text, size_t size)
{
    struct bench *b = ((void **)context)[0];
    return quire_loader_feed(((void **)context)[1], text, size, &b->err) == QUIRE_OK ? 0 : -1;
}

static quire_status fill(struct bench *b, quire_txn *txn)
{
    quire_loader *loader = NULL;
    uint64_t rows = 0;
    quire_status status = quire_schema_apply(txn, graphql_schema, strlen(graphql_schema), &b->err);
    if (status == QUIRE_OK) {
        status = quire_loader_open(txn, NULL, &loader, &b->err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_begin(loader, "data.json", &b->err);
    }
    if (status == QUIRE_OK) {
        void *context[] = {b, loader};
        (void)graphql_data_write(b->users, feed, context);
        status = quire_loader_end(loader, &b->err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_finish(loader, &rows, &b->err);
    }
    quire_loader_close(loader);
    return status;
}

/* Opens the database with a durability, having filled it if it is new. */
static int open_database(struct bench *b, quire_durability durability)
{
    b->options.durability = durability;
    b->options.mode = QUIRE_OPEN_READ_WRITE;
    quire_status status = quire_open(b->path, &b->options, &b->db, &b->err);
    if (status == QUIRE_NO_FILE) {
        quire_txn *txn;
        b->options.mode = QUIRE_OPEN_NEW;
        status = quire_open(b->path, &b->options, &b->db, &b->err);
        if (status == QUIRE_OK) {
            status = quire_begin(b->db, QUIRE_WRITE, &txn, &b->err);
        }
        if (status == QUIRE_OK) {
            status = fill(b, txn);
            if (status == QUIRE_OK) {
                status = quire_commit(txn, &b->err);
            } else {
                quire_rollback(txn);
            }
        }
    }
    return status == QUIRE_OK ? 0 : fail(b, "open");
}

static int close_database(struct bench *b)
{
    quire_status status = quire_close(b->db, &b->err);
    b->db = NULL;
    return status == QUIRE_OK ? 0 : fail(b, "close");
}

/* ---- Requests ---- */

/* A query that is asked again and again, with the variables of its variants. */
struct asked {
    const struct graphql_query *query;
    quire_graphql_request request;
    char (*variables)[GRAPHQL_VARIABLES]; /* of each variant; of a mutation the next one's */
};

static int ask_begin(struct bench *b, const struct graphql_query *query, bool prepared,
                     struct asked *asked)
{
    uint32_t sets = query->variants > 0 ? query->variants : 1;
    *asked = (struct asked){.query = query};
    asked->request = (quire_graphql_request)QUIRE_GRAPHQL_REQUEST_INIT;
    asked->request.document = query->document;
    asked->variables = calloc(sets, sizeof *asked->variables);
    if (asked->variables == NULL) {
        return bench_fail("quire", query->name, "no memory");
    }
    for (uint32_t v = 0; v < sets && query->variables != NULL; v++) {
        query->variables(asked->variables[v], GRAPHQL_VARIABLES, b->users, v);
    }
    if (prepared) {
        if (quire_prepare(b->db, &asked->request, &asked->request.prepared, &b->err) != QUIRE_OK) {
            return fail(b, query->name);
        }
        asked->request.document = NULL;
    }
    return 0;
}

static void ask_end(struct asked *asked)
{
    quire_prepared_free(asked->request.prepared);
    free(asked->variables);
}

/* The response is the caller's, to be released with quire_free. */
static int ask(struct bench *b, struct asked *asked, uint64_t variant, char **response,
               size_t *size)
{
    const struct graphql_query *query = asked->query;
    bool has_errors;
    uint64_t set = graphql_writes(query) ? 0 : variant % query->variants;
    if (graphql_writes(query)) {
        query->variables(asked->variables[0], GRAPHQL_VARIABLES, b->users, b->created++);
    }
    asked->request.variables = query->variables != NULL ? asked->variables[set] : NULL;
    if (quire_graphql(b->db, &asked->request, response, size, &has_errors, &b->err) != QUIRE_OK) {
        return fail(b, query->name);
    }
    if (has_errors) {
        fprintf(stderr, "quire: %s: %s\n", query->name, *response);
        quire_free(*response);
        return -1;
    }
    return 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Asks for so many seconds. */
static int run(struct bench *b, const struct graphql_query *query, bool prepared,
               struct graphql_figure *out)
{
    static double taken[SAMPLES];
    size_t count = 0;
    struct asked asked;
    if (ask_begin(b, query, prepared, &asked) != 0) {
        ask_end(&asked);
        return -1;
    }
    int result = 0;
    double processor = bench_clock(true);
    double start = bench_now();
    double before = start;
    uint64_t i = 0;
    for (; before - start < b->seconds && result == 0; i++) {
        char *response;
        size_t size;
        result = ask(b, &asked, i, &response, &size);
        if (result == 0) {
            quire_free(response);
        }
        double after = bench_now();
        if (count < SAMPLES) {
            taken[count++] = after - before;
        }
        before = after;
    }
    out->rate = (double)i / (b->cpu_time ? bench_clock(true) - processor : before - start);
    qsort(taken, count, sizeof taken[0], compare_doubles);
    out->p99_us = taken[count * 99 / 100] * 1e6;
    ask_end(&asked);
    return result;
}

/* What a request takes, once everything is warm. */
static int count_memory(struct bench *b, const struct graphql_query *query,
                        struct graphql_counted *out)
{
    struct asked asked;
    uint64_t count = 0;
    const uint64_t warm = 300;
    const uint64_t requests = 300;
    int result = ask_begin(b, query, false, &asked);
    *out = (struct graphql_counted){0};
    for (uint64_t i = 0; i < warm + requests && result == 0; i++) {
        char *response;
        size_t size;
        uint64_t live = b->memory.live;
        atomic_store(&b->memory.peak, live);
        uint64_t before = b->memory.count;
        result = ask(b, &asked, i, &response, &size);
        if (result == 0) {
            quire_free(response);
            out->response = size;
        }
        if (i >= warm) {
            uint64_t peak = b->memory.peak - live;
            count += b->memory.count - before;
            out->peak = peak > out->peak ? peak : out->peak;
        }
    }
    out->allocations = (double)count / (double)requests;
    ask_end(&asked);
    return result;
}

/* ---- Peers ---- */

static int put(void *context, const char *text, size_t size)
{
    return fwrite(text, 1, size, context) == size ? 0 : -1;
}

static int write_file(const char *directory, const char *name,
                      int (*write)(FILE *file, const struct bench *b), const struct bench *b)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return bench_fail("quire", "write", path);
    }
    int result = write(file, b);
    return fclose(file) == 0 && result == 0 ? 0 : bench_fail("quire", "write", path);
}

static int write_rows(FILE *file, const struct bench *b)
{
    return graphql_data_write(b->users, put, file);
}

static int write_schema(FILE *file, const struct bench *b)
{
    (void)b;
    return fputs(graphql_schema, file) < 0;
}

static int write_api(FILE *file, const struct bench *b)
{
    char *text = NULL;
    size_t size = 0;
    quire_txn *txn;
    if (quire_begin(b->db, QUIRE_READ, &txn, NULL) != QUIRE_OK) {
        return -1;
    }
    int result = quire_schema_text(txn, QUIRE_SCHEMA_API, &text, &size, NULL) == QUIRE_OK
                     ? put(file, text, size)
                     : -1;
    quire_rollback(txn);
    quire_free(text);
    return result;
}

/* The documents have nothing in them that JSON escapes but the quotes that they do not have. */
static int write_queries(FILE *file, const struct bench *b)
{
    for (size_t q = 0; q < graphql_query_count; q++) {
        const struct graphql_query *query = &graphql_queries[q];
        uint32_t sets = graphql_writes(query) ? 256 : query->variants;
        fprintf(file, "%s{\"name\":\"%s\",\"document\":\"%s\",\"variables\":[", q ? ",\n" : "[",
                query->name, query->document);
        for (uint32_t v = 0; v < sets; v++) {
            char variables[GRAPHQL_VARIABLES] = "{}";
            if (query->variables != NULL) {
                query->variables(variables, sizeof variables, b->users, v);
            }
            fprintf(file, "%s%s", v ? "," : "", variables);
        }
        fputs("]}", file);
    }
    return fputs("]\n", file) < 0;
}

static int write_data(const struct bench *b, const char *directory)
{
    return write_file(directory, "data.json", write_rows, b) == 0 &&
                   write_file(directory, "schema.graphql", write_schema, b) == 0 &&
                   write_file(directory, "queries.json", write_queries, b) == 0 &&
                   write_file(directory, "api.graphql", write_api, b) == 0
               ? 0
               : -1;
}

static int start_peers(struct bench *b)
{
    char program[PATH];
    snprintf(program, sizeof program, "%s/executors.mjs", b->npm);
    if (write_data(b, b->directory) != 0) {
        return -1;
    }
    for (size_t p = 0; p < GRAPHQL_PEERS; p++) {
        if (graphql_peer_start(&b->peers[p], program, b->directory) != 0) {
            return -1;
        }
    }
    return 0;
}

static void print_difference(const char *query, uint32_t variant, const char *ours,
                             const char *theirs)
{
    size_t at = 0;
    while (ours[at] == theirs[at]) {
        at++;
    }
    size_t from = at > 60 ? at - 60 : 0;
    fprintf(stderr, "%s, variant %u, from byte %zu on\n  quire: %.120s\n  peer:  %.120s\n", query,
            variant, from, ours + from, theirs + from);
}

/* Every variant's answer, of the cached document, the prepared one and each peer. */
static int check_answers(struct bench *b, const struct graphql_query *query)
{
    struct asked asked[2];
    int result = ask_begin(b, query, false, &asked[0]);
    result |= ask_begin(b, query, true, &asked[1]);
    for (uint32_t v = 0; v < query->variants && result == 0; v++) {
        char *response[2] = {NULL, NULL};
        size_t size[2];
        char command[64];
        result = ask(b, &asked[0], v, &response[0], &size[0]);
        result = result == 0 ? ask(b, &asked[1], v, &response[1], &size[1]) : result;
        if (result == 0 && strcmp(response[0], response[1]) != 0) {
            result = bench_fail("quire", query->name, "the prepared document answers otherwise");
        }
        snprintf(command, sizeof command, "check %s %u", query->name, v);
        for (size_t p = 0; b->npm != NULL && p < GRAPHQL_PEERS && result == 0; p++) {
            result = graphql_peer_ask(&b->peers[p], command);
            if (result == 0 && strcmp(b->peers[p].line, response[0]) != 0) {
                print_difference(query->name, v, response[0], b->peers[p].line);
                result = bench_fail(b->peers[p].name, query->name, "it answers otherwise");
            }
        }
        quire_free(response[0]);
        quire_free(response[1]);
    }
    ask_end(&asked[0]);
    ask_end(&asked[1]);
    return result;
}

static int run_peer(struct bench *b, const struct graphql_query *query, struct graphql_peer *peer,
                    struct graphql_figure *out)
{
    char command[64];
    snprintf(command, sizeof command, "run %s %g%s", query->name, b->seconds,
             b->cpu_time ? " cpu" : "");
    if (graphql_peer_ask(peer, command) != 0) {
        return -1;
    }
    char *end;
    out->rate = strtod(peer->line, &end);
    out->p99_us = strtod(end, NULL);
    return out->p99_us > 0 ? 0 : bench_fail(peer->name, query->name, peer->line);
}

/* ---- Measuring ---- */

static int compare_figures(const void *a, const void *b)
{
    return compare_doubles(&((const struct graphql_figure *)a)->rate,
                           &((const struct graphql_figure *)b)->rate);
}

static struct graphql_figure median(struct graphql_figure *runs, uint32_t count)
{
    qsort(runs, count, sizeof runs[0], compare_figures);
    return runs[count / 2];
}

static int measure(struct bench *b, const struct graphql_query *query,
                   struct graphql_result *result)
{
    bool peers = b->npm != NULL && !graphql_writes(query);
    if (check_answers(b, query) != 0 || count_memory(b, query, &result->counted) != 0) {
        return -1;
    }
    for (uint32_t r = 0; r < b->repeats; r++) {
        fprintf(stderr, "\r%-4s run %u/%u   ", query->name, r + 1, b->repeats);
        if (run(b, query, false, &result->sides[0].runs[r]) != 0 ||
            run(b, query, true, &result->sides[1].runs[r]) != 0) {
            return -1;
        }
        for (size_t p = 0; p < GRAPHQL_PEERS && peers; p++) {
            if (run_peer(b, query, &b->peers[p], &result->sides[2 + p].runs[r]) != 0) {
                return -1;
            }
        }
    }
    for (size_t s = 0; s < GRAPHQL_SIDES; s++) {
        result->sides[s].median = median(result->sides[s].runs, b->repeats);
    }
    result->measured = true;
    fprintf(stderr, "\r%30s\r", "");
    return 0;
}

/* The mutation once more, each commit synced before the answer. */
static int measure_durable(struct bench *b, const struct graphql_query *query,
                           struct graphql_result *result)
{
    struct graphql_figure runs[GRAPHQL_REPEATS_MAX];
    if (close_database(b) != 0 || open_database(b, QUIRE_DURABILITY_FULL) != 0) {
        return -1;
    }
    for (uint32_t r = 0; r < b->repeats; r++) {
        if (run(b, query, false, &runs[r]) != 0) {
            return -1;
        }
    }
    result->durable = median(runs, b->repeats);
    return close_database(b) != 0 || open_database(b, QUIRE_DURABILITY_OFF) != 0 ? -1 : 0;
}

/* As many posts as there should be by now. */
static int check_created(struct bench *b)
{
    char expected[128];
    char *response;
    size_t size;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = "{ posts { totalCount } }";
    snprintf(expected, sizeof expected, "{\"data\":{\"posts\":{\"totalCount\":%llu}}}",
             (unsigned long long)(b->users * 10 + b->created));
    if (quire_graphql(b->db, &request, &response, &size, NULL, &b->err) != QUIRE_OK) {
        return fail(b, "count");
    }
    int result = strcmp(response, expected) == 0 ? 0 : bench_fail("quire", expected, response);
    quire_free(response);
    return result;
}

static bool chosen(const struct bench *b, const struct graphql_query *query)
{
    size_t length = strlen(query->name);
    if (b->queries == NULL) {
        return true;
    }
    for (const char *p = b->queries; (p = strstr(p, query->name)) != NULL; p += length) {
        if ((p == b->queries || p[-1] == ',') && (p[length] == '\0' || p[length] == ',')) {
            return true;
        }
    }
    return false;
}

static int measure_all(struct bench *b)
{
    for (size_t q = 0; q < graphql_query_count; q++) {
        const struct graphql_query *query = &graphql_queries[q];
        if (!chosen(b, query)) {
            continue;
        }
        if (measure(b, query, &b->results[q]) != 0 ||
            (graphql_writes(query) && measure_durable(b, query, &b->results[q]) != 0)) {
            return -1;
        }
    }
    return check_created(b);
}

/* ---- For profilers, which count the instructions of quire_graphql ---- */

static int perform(struct bench *b, const char *name, uint64_t count)
{
    for (size_t q = 0; q < graphql_query_count; q++) {
        struct asked asked;
        if (strcmp(graphql_queries[q].name, name) != 0) {
            continue;
        }
        int result = ask_begin(b, &graphql_queries[q], b->prepared, &asked);
        for (uint64_t i = 0; i < count && result == 0; i++) {
            char *response;
            size_t size;
            result = ask(b, &asked, i, &response, &size);
            if (result == 0) {
                quire_free(response);
            }
        }
        ask_end(&asked);
        return result;
    }
    return bench_fail("quire-bench graphql", "no such query", name);
}

/* ---- The command ---- */

static const struct option long_options[] = {
    {"peers", required_argument, NULL, 'p'},   {"queries", required_argument, NULL, 'q'},
    {"users", required_argument, NULL, 'u'},   {"seconds", required_argument, NULL, 's'},
    {"repeats", required_argument, NULL, 'n'}, {"directory", required_argument, NULL, 'd'},
    {"cpu-time", no_argument, NULL, 't'},      {"markdown", no_argument, NULL, 'm'},
    {"smoke", no_argument, NULL, 'k'},         {"data", required_argument, NULL, 'w'},
    {"perform", required_argument, NULL, 'f'}, {"prepared", no_argument, NULL, 'r'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};

/* What is done but to measure. */
struct other {
    const char *data;
    const char *perform;
};

/* Whether a list of names has no other than those of queries. */
static bool knows(const char *list)
{
    while (list != NULL) {
        size_t length = strcspn(list, ",");
        bool known = false;
        for (size_t q = 0; q < graphql_query_count; q++) {
            const char *name = graphql_queries[q].name;
            known = known || (strlen(name) == length && memcmp(name, list, length) == 0);
        }
        if (!known) {
            return false;
        }
        list = list[length] == ',' ? list + length + 1 : NULL;
    }
    return true;
}

static bool read_options(struct bench *b, struct other *other, int argc, char **argv)
{
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            b->npm = optarg;
            break;
        case 'q':
            b->queries = optarg;
            break;
        case 'u':
            b->users = strtoull(optarg, NULL, 10);
            break;
        case 's':
            b->seconds = strtod(optarg, NULL);
            break;
        case 'n':
            b->repeats = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'd':
            b->directory = optarg;
            break;
        case 't':
            b->cpu_time = true;
            break;
        case 'm':
            b->markdown = true;
            break;
        case 'k':
            b->users = GRAPHQL_USERS_SMOKE;
            b->seconds = 0.01;
            b->repeats = 1;
            break;
        case 'w':
            other->data = optarg;
            break;
        case 'f':
            other->perform = optarg;
            break;
        case 'r':
            b->prepared = true;
            break;
        default:
            return false;
        }
    }
    return b->users >= 20 && b->users % 20 == 0 && b->seconds > 0 && b->repeats > 0 &&
           b->repeats <= GRAPHQL_REPEATS_MAX && knows(b->queries) &&
           optind + (other->perform != NULL) == argc;
}

static void remove_database(const struct bench *b)
{
    static const char *const names[] = {"data.json", "queries.json", "schema.graphql",
                                        "api.graphql"};
    char path[PATH + 8];
    unlink(b->path);
    snprintf(path, sizeof path, "%s-wal", b->path);
    unlink(path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", b->directory, names[i]);
        unlink(path);
    }
    rmdir(b->directory);
}

static int run_command(struct bench *b, const struct other *other, const char *count)
{
    if (open_database(b, QUIRE_DURABILITY_OFF) != 0) {
        return -1;
    }
    if (other->data != NULL) {
        return write_data(b, other->data);
    }
    if (other->perform != NULL) {
        return perform(b, other->perform, strtoull(count, NULL, 10));
    }
    if (b->npm != NULL && start_peers(b) != 0) {
        return -1;
    }
    if (measure_all(b) != 0) {
        return -1;
    }
    graphql_report(b->results, b->markdown);
    return 0;
}

int graphql_bench(int argc, char **argv)
{
    static struct bench b = {
        .users = GRAPHQL_USERS,
        .seconds = 1,
        .repeats = 3,
        .directory = ".",
        .options = QUIRE_OPTIONS_INIT,
        .err = QUIRE_ERROR_INIT,
        .peers = {{.name = "graphql-jit", .kind = "jit"}, {.name = "graphql-js", .kind = "js"}}};
    const quire_allocator allocator = {&b.memory, counted_realloc, counted_free};
    struct other other = {NULL, NULL};
    char scratch[PATH - 16];

    if (!read_options(&b, &other, argc, argv)) {
        fputs(usage, stderr);
        return 64;
    }
    snprintf(scratch, sizeof scratch, "%s/quire-graphql-XXXXXX", b.directory);
    if (other.perform == NULL) {
        b.directory = mkdtemp(scratch);
        if (b.directory == NULL) {
            (void)bench_fail("quire-bench graphql", "scratch directory", scratch);
            return 1;
        }
    }
    snprintf(b.path, sizeof b.path, "%s/graphql.quire", b.directory);
    b.options.allocator = &allocator;
    b.options.cache_bytes = UINT64_C(256) << 20;
    int result = run_command(&b, &other, argv[argc - 1]);
    for (size_t p = 0; p < GRAPHQL_PEERS; p++) {
        graphql_peer_stop(&b.peers[p]);
    }
    if (b.db != NULL && close_database(&b) != 0) {
        result = -1;
    }
    if (other.perform == NULL) {
        remove_database(&b);
    }
    return result == 0 ? 0 : 1;
}
