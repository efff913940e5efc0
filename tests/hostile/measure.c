/*
 * Measures (measure.h).
 */
#include "hostile/measure.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "graphql/coerce.h"
#include "graphql/json_read.h"
#include "graphql/limits.h"
#include "graphql/parser.h"
#include "graphql/request.h"
#include "graphql/validate.h"
#include "quire/quire.h"
#include "support/failing_allocator.h"

static uint64_t steps;

/* The compiler's name for what each basic block calls. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
void __sanitizer_cov_trace_pc(void);

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

static const char language[] =
    "directive @d(x: Int) repeatable on QUERY | FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT | "
    "FRAGMENT_DEFINITION | VARIABLE_DEFINITION\n"
    "enum E { RED GREEN BLUE }\n"
    "input In { i: Int s: String e: E o: In l: [In] d: [[[[Int]]]] r: Int! = 1 }\n"
    "input One @oneOf { i: Int s: String }\n"
    "interface I { n: Int i: I f(x: Int): Int }\n"
    "type A implements I { n: Int i: I f(x: Int): Int q: Query }\n"
    "type B implements I { n: Int i: I f(x: Int): Int m: String }\n"
    "union U = A | B\n"
    "type Query { a: Query b: Query n: Int s: String i: I u: U l: [Query!]!\n"
    "  f(x: Int, l: [Int], o: In, e: E, s: String, d: [[[[Int]]]], one: One): Int }\n"
    "type Mutation { m(o: In): Query }\n"
    "type Subscription { n: Int a: Query }\n";

static const char takes[] =
    "query ($x: [Int], $o: In, $l: [In!], $d: [[[[Int]]]], $s: String, $e: E, $one: One)"
    " { f(l: $x, o: $o, d: $d, s: $s, e: $e, one: $one) x: f(o: {l: $l}) }";

static const char tables[] =
    "enum Kind { NOVEL PLAY }\n"
    "type Author { id: ID! name: String! @index born: Int tags: [String!] books: [Book!]! }\n"
    "type Book { id: ID! title: String! pages: BigInt kind: Kind author: Author genres: [Genre!]! "
    "}\n"
    "type Genre { name: String! @id books: [Book!]! }\n";

struct language {
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_gql_schema *schema;
    struct qr_gql_document *document;
    quire_error err;
};

static void begin(struct language *l, const char *sdl)
{
    struct qr_gql_str text = qr_gql_str_of(sdl);
    *l = (struct language){.err = QUIRE_ERROR_INIT};
    qr_arena_init(&l->arena, qr_allocator_default(), 0);
    qr_gql_report_init(&l->report, &l->arena, 0, &l->err);
    cr_assert_eq(qr_gql_schema_build(qr_allocator_default(), &text, 1, NULL, &l->report, &l->schema,
                                     &l->err),
                 QUIRE_OK, "%s", l->err.message);
}

static quire_status check(struct language *l, const char *text)
{
    struct qr_gql_limits limits = {.depth_max = 200, .aliases_max = UINT32_MAX};
    struct qr_gql_validate_options options = {.introspection_depth = true};
    QR_TRY(qr_gql_parse(&l->arena, text, strlen(text), NULL, &l->report, &l->document, &l->err));
    QR_TRY(qr_gql_validate(l->schema, l->document, &options, &l->arena, &l->report, &l->err));
    return qr_gql_limits_check(l->document, &limits, &l->arena, &l->report, &l->err);
}

static struct cost measure_document(const char *text)
{
    struct language l;
    begin(&l, language);
    size_t bytes = l.arena.bytes_taken;
    steps = 0;
    quire_status status = check(&l, text);
    struct cost cost = {steps, l.arena.bytes_taken - bytes, status};
    qr_gql_schema_free(l.schema);
    qr_arena_free(&l.arena);
    return cost;
}

static struct cost measure_sdl(const char *sdl)
{
    struct qr_gql_str text = qr_gql_str_of(sdl);
    struct failing_allocator memory;
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_gql_schema *schema = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    failing_allocator_init(&memory);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_report_init(&report, &arena, 0, &err);
    steps = 0;
    struct cost cost = {
        .status = qr_gql_schema_build(&memory.allocator, &text, 1, NULL, &report, &schema, &err)};
    cost.steps = steps;
    cost.bytes = arena.bytes_taken + (size_t)memory.live_bytes;
    qr_gql_schema_free(schema);
    qr_arena_free(&arena);
    return cost;
}

static struct cost measure_variables(const char *text)
{
    struct language l;
    struct qr_gql_value given;
    struct qr_gql_request request;
    begin(&l, language);
    cr_assert_eq(check(&l, takes), QUIRE_OK, "%s", l.err.message);
    size_t bytes = l.arena.bytes_taken;
    steps = 0;
    quire_status status = qr_json_read(&l.arena, text, strlen(text), 0, &given, &l.err);
    if (status == QUIRE_OK) {
        status = qr_gql_request_prepare(l.schema, l.document, (struct qr_gql_str){NULL, 0}, &given,
                                        &l.arena, &l.report, &request, &l.err);
    }
    struct cost cost = {steps, l.arena.bytes_taken - bytes, status};
    qr_gql_schema_free(l.schema);
    qr_arena_free(&l.arena);
    return cost;
}

static quire_status apply(quire_db *db, const char *sdl, quire_error *err)
{
    quire_txn *txn = NULL;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = quire_schema_apply(txn, sdl, strlen(sdl), err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

static struct cost measure_in_database(const char *text, bool is_schema)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = NULL;
    struct cost cost = {.steps = 0};
    cr_assert_eq(quire_open(":memory:", NULL, &db, &err), QUIRE_OK, "%s", err.message);
    if (!is_schema) {
        cr_assert_eq(apply(db, tables, &err), QUIRE_OK, "%s", err.message);
    }
    steps = 0;
    if (is_schema) {
        cost.status = apply(db, text, &err);
    } else {
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        char *response = NULL;
        size_t size = 0;
        bool has_errors = false;
        request.document = text;
        request.limits.tokens_max = UINT32_MAX;
        request.cost = true;
        cost.status = quire_graphql(db, &request, &response, &size, &has_errors, &err);
        quire_free(response);
    }
    cost.steps = steps;
    cr_assert_eq(quire_close(db, &err), QUIRE_OK, "%s", err.message);
    return cost;
}

struct cost measure(enum subject subject, const char *text)
{
    switch (subject) {
    case DOCUMENT:
        return measure_document(text);
    case SDL:
        return measure_sdl(text);
    case VARIABLES:
        return measure_variables(text);
    case TABLES:
    case REQUEST:
        break;
    }
    return measure_in_database(text, subject == TABLES);
}

/* ---- on a stack of known contents ---- */

#define STACK_BYTES ((size_t)4 << 20)
#define STACK_MARK  0xA5

struct call {
    enum subject subject;
    const char *text;
    struct cost cost;
};

static void *run_call(void *context)
{
    struct call *call = context;
    call->cost = measure(call->subject, call->text);
    return NULL;
}

struct cost measure_on_stack(enum subject subject, const char *text, size_t *used)
{
    struct call call = {.subject = subject, .text = text};
    unsigned char *stack = aligned_alloc(4096, STACK_BYTES);
    pthread_attr_t attributes;
    pthread_t thread;
    cr_assert_not_null(stack);
    memset(stack, STACK_MARK, STACK_BYTES);
    cr_assert_eq(pthread_attr_init(&attributes), 0);
    cr_assert_eq(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    cr_assert_eq(pthread_create(&thread, &attributes, run_call, &call), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    size_t untouched = 0;
    while (untouched < STACK_BYTES && stack[untouched] == STACK_MARK) {
        untouched++;
    }
    *used = STACK_BYTES - untouched;
    (void)pthread_attr_destroy(&attributes);
    free(stack);
    return call.cost;
}
