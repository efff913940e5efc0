#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#include "mapping_fixture.h"
#include "world.h"

/* ---- receivers ---- */

/* Keeps the whole response. */
struct kept {
    char *text;
    size_t size, capacity;
    unsigned pieces;
    unsigned pieces_max; /* then it stops; 0: never */
};

static bool keep(void *context, const char *bytes, size_t size)
{
    struct kept *kept = context;
    if (kept->size + size + 1 > kept->capacity) {
        kept->capacity = 2 * (kept->size + size + 1);
        kept->text = realloc(kept->text, kept->capacity);
        cr_assert_not_null(kept->text);
    }
    memcpy(kept->text + kept->size, bytes, size);
    kept->size += size;
    kept->text[kept->size] = '\0';
    kept->pieces++;
    return kept->pieces != kept->pieces_max;
}

static quire_status stream(quire_db *db, quire_graphql_request *request, struct kept *kept,
                           bool *has_errors, quire_error *err)
{
    return quire_graphql_stream(db, request, keep, kept, has_errors, err);
}

/* The streamed response is that of quire_graphql. */
static void expect_same(quire_db *db, const char *document, bool explain)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    struct kept kept = {0};
    char *response = mapping_run(db, document, NULL, explain);
    bool has_errors;

    request.document = document;
    request.explain = explain;
    cr_assert_eq(stream(db, &request, &kept, &has_errors, &err), QUIRE_OK, "%s", err.message);
    cr_expect_str_eq(kept.text, response, "%s\n  streams %.500s\n  not     %.500s", document,
                     kept.text, response);
    cr_expect_eq(has_errors, strstr(response, "\"errors\":[") != NULL);
    quire_free(response);
    free(kept.text);
}

Test(stream, response__is_that_of_the_whole)
{
    static const char *const documents[] = {
        "{ authors { items { id name born } } }",
        "{ authors { edges { cursor node { id } } } }",
        "{ a: authors { __typename totalCount items { id } aggregate { count } } }",
        "{ authors(first: 700) { items { id } } b: books(skip: 5, take: 300) { items { id } } }",
        "{ authors(orderBy: {name: DESC}, first: 600) { edges { cursor node { name } } } }",
        "{ authors(orderBy: {rating: DESC}) { items { id } } }",
        "{ authors(last: 600) { items { id } } }",
        "{ authors(where: {born: {lt: 1910}}) { items { id books { items { id } } } } }",
        "{ books { items { title author { name mentor { id } } genres { items { name } } } } }",
        "{ authors(take: 0) { items { id } } }",
        "{ authors { pageInfo { hasNextPage } items { id } } }",
        "{ authors { items(where: {born: {equals: 1900}}) { id } } }",
        "{ author(id: \"a1\") { name } genres { items { name } } __typename }",
        "{ authors(where: {name: {equals: \"nobody\"}}) { items { id } } }",
        "{ authors(first: 3, last: 3) { items { id } } }",
        "{ nope }",
        "{",
    };
    quire_db *db = mapping_open(mapping_schema, NULL);

    mapping_load_crowd(db, 1000);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        expect_same(db, documents[i], false);
    }
    mapping_close(db);
}

Test(stream, explain__counts_all_chunks)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    mapping_load_crowd(db, 1000);
    struct kept kept = {0};
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = "{ books { items { author { id } } } }";
    request.explain = true;
    cr_assert_eq(stream(db, &request, &kept, NULL, &err), QUIRE_OK, "%s", err.message);
    cr_expect_not_null(strstr(kept.text, "\"field\":\"Query.books\",\"access\":\"scan\""));
    cr_expect_not_null(strstr(kept.text, "\"rowsRead\":1000,\"rowsReturned\":1000"));
    char *first = strstr(kept.text, "\"field\":\"Book.author\"");
    cr_assert_not_null(first);
    cr_expect_null(strstr(first + 1, "\"field\":\"Book.author\""), "one entry for all chunks");
    free(kept.text);
    mapping_close(db);
}

Test(stream, mutation__is_written_after_its_commit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    struct kept kept = {.pieces_max = 1};

    request.document = "mutation { createGenre(input: {name: \"new\"}) { name } }";
    cr_expect_eq(stream(db, &request, &kept, NULL, &err), QUIRE_INTERRUPTED);
    cr_expect_str_eq(kept.text, "{\"data\":{\"createGenre\":{\"name\":\"new\"}}}");
    MAPPING_HAS(db, "{ genre(name: \"new\") { name } }", "\"new\"");
    free(kept.text);
    mapping_close(db);
}

/* The receiver's refusal and an interrupt end a stream that has begun with a status. */
Test(stream, stopped__ends_with_a_status)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    struct kept kept = {.pieces_max = 2};
    bool has_errors;

    mapping_load_crowd(db, 10000);
    request.document = "{ authors { items { id name born rating } } }";
    cr_expect_eq(stream(db, &request, &kept, &has_errors, &err), QUIRE_INTERRUPTED);
    cr_expect_eq(kept.pieces, 2);
    free(kept.text);

    /* Before the first piece there is still room for errors. */
    quire_interrupt *interrupt;
    cr_assert_eq(quire_interrupt_create(db, &interrupt, &err), QUIRE_OK);
    quire_interrupt_raise(interrupt);
    kept = (struct kept){0};
    request.interrupt = interrupt;
    cr_expect_eq(stream(db, &request, &kept, &has_errors, &err), QUIRE_OK);
    cr_expect(has_errors);
    cr_expect_not_null(strstr(kept.text, "INTERRUPTED"));
    free(kept.text);
    quire_interrupt_free(interrupt);
    cr_expect_eq(quire_graphql_stream(db, &request, NULL, NULL, NULL, NULL), QUIRE_MISUSE);
    mapping_close(db);
}

/* ---- memory ---- */

struct meter {
    size_t now, peak;
};

static void *meter_realloc(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct meter *meter = context;
    void *result = realloc(ptr, new_size);
    if (result != NULL) {
        meter->now += new_size - old_size;
        meter->peak = meter->now > meter->peak ? meter->now : meter->peak;
    }
    return result;
}

static void meter_free(void *context, void *ptr, size_t size)
{
    struct meter *meter = context;
    meter->now -= size;
    free(ptr);
}

/* Counts the rows and adds up their numbers. */
struct sum {
    uint64_t rows, total;
    size_t largest;
    bool in_number;
    uint64_t number;
};

static bool add_up(void *context, const char *bytes, size_t size)
{
    struct sum *sum = context;
    sum->largest = size > sum->largest ? size : sum->largest;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] >= '0' && bytes[i] <= '9') {
            sum->number = sum->number * 10 + (uint64_t)(bytes[i] - '0');
            sum->in_number = true;
        } else if (sum->in_number) {
            sum->rows++;
            sum->total += sum->number;
            sum->number = 0;
            sum->in_number = false;
        }
    }
    return true;
}

#define MILLION 1000000

static void load_numbers(quire_db *db, int count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    quire_txn *txn;
    cr_assert_eq(mapping_apply(db, "type Number { id: ID! n: Int! @index }", &err), QUIRE_OK);
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_table_open(txn, "Number", &table, &err), QUIRE_OK);
    for (int i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        quire_value values[2] = {quire_text(id), quire_int(i)};
        cr_assert_eq(quire_table_insert(table, NULL, values, 2, &err), QUIRE_OK, "%s", err.message);
    }
    quire_table_close(table);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK, "%s", err.message);
}

Test(stream, million_rows__take_bounded_memory, .timeout = 120)
{
    static const char *const documents[] = {
        "{ numbers { items { n } } }", "{ numbers(orderBy: {n: DESC}) { items { n } } }",
        "{ numbers(where: {n: {gte: 0}}) { edges { node { n } } } }"};
    struct meter meter = {0};
    quire_allocator allocator = {&meter, meter_realloc, meter_free};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db;
    int count = QR_CHECKED ? MILLION / 10 : MILLION;

    options.allocator = &allocator;
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
    load_numbers(db, count);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct sum sum = {0};
        bool has_errors;
        size_t before = meter.now;
        meter.peak = meter.now;
        request.document = documents[i];
        cr_assert_eq(quire_graphql_stream(db, &request, add_up, &sum, &has_errors, &err), QUIRE_OK,
                     "%s", err.message);
        cr_expect_not(has_errors);
        cr_expect_eq(sum.rows, (uint64_t)count);
        cr_expect_eq(sum.total, (uint64_t)count * ((uint64_t)count - 1) / 2);
        cr_expect_lt(meter.peak - before, (size_t)1 << 20, "%s: %zu bytes", documents[i],
                     meter.peak - before);
        cr_expect_lt(sum.largest, (size_t)256 << 10);
    }
    /* The same as a whole meets the response's limit. */
    char *response;
    size_t size;
    request.document = documents[0];
    request.limits.response_bytes_max = 1 << 20;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_not_null(strstr(response, "\"LIMIT\""), "%.200s", response);
    quire_free(response);
    cr_assert_eq(quire_close(db, &err), QUIRE_OK);
}
