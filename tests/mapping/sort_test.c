#include "graphql/sort.h"

#include "mapping_fixture.h"
#include "support/prng.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST 3000

static int compare_slots(const void *a, const void *b)
{
    const struct qr_sort_slot *x = a;
    const struct qr_sort_slot *y = b;
    int order = qr_sort_compare(x, y);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Against the C library, for all sizes around the runs, with few and with many equal keys. */
Test(sort, slots__come_in_order_and_equal_ones_stay)
{
    static char bytes[MOST][12];
    static struct qr_sort_slot slots[MOST];
    static struct qr_sort_slot expected[MOST];
    static const size_t sizes[] = {0, 1, 2, 11, 12, 13, 24, 25, 100, 1000, MOST};
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_reader reader = {.err = &err};
    struct qr_arena arena;
    struct prng prng;

    prng_init(&prng, 7);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (size_t s = 0; s < 2 * (sizeof sizes / sizeof sizes[0]); s++) {
        size_t count = sizes[s / 2];
        for (size_t i = 0; i < count; i++) {
            size_t size = (size_t)prng_below(&prng, 12);
            for (size_t b = 0; b < size; b++) {
                bytes[i][b] = (char)prng_below(&prng, s % 2 == 0 ? 256 : 2);
            }
            slots[i] = qr_sort_slot_of((struct qr_gql_str){bytes[i], size}, (uint32_t)i);
        }
        memcpy(expected, slots, sizeof slots);
        qsort(expected, count, sizeof *expected, compare_slots);
        cr_assert_eq(qr_sort_slots(&reader, &arena, slots, count, false), QUIRE_OK);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(slots[i].index, expected[i].index, "size %zu", count);
        }
        cr_assert_eq(qr_sort_slots(&reader, &arena, slots, count, true), QUIRE_OK);
        for (size_t i = 1; i < count; i++) {
            int order = qr_sort_compare(&slots[i - 1], &slots[i]);
            cr_assert(order > 0 || (order == 0 && slots[i - 1].index < slots[i].index));
        }
    }
    qr_arena_free(&arena);
}

Test(sort, rowids__come_in_order_and_equal_ones_stay)
{
    static struct qr_sort_rowid slots[2][MOST];
    static const size_t sizes[] = {0, 1, 2, 47, 48, 49, 300, MOST};
    static const int64_t ranges[] = {3, 1000, 100000, INT64_MAX};
    struct prng prng;

    prng_init(&prng, 8);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t r = 0; r < 2 * sizeof ranges / sizeof ranges[0]; r++) {
            for (size_t i = 0; i < sizes[s]; i++) {
                int64_t rowid = (int64_t)prng_below(&prng, (uint64_t)ranges[r / 2]);
                slots[0][i] = (struct qr_sort_rowid){r % 2 && i % 3 ? -rowid : rowid, i};
            }
            struct qr_sort_rowid *sorted = qr_sort_rowids(slots[0], slots[1], sizes[s]);
            bool seen[MOST] = {false};
            for (size_t i = 0; i < sizes[s]; i++) {
                cr_assert(i == 0 || sorted[i - 1].rowid < sorted[i].rowid ||
                          (sorted[i - 1].rowid == sorted[i].rowid &&
                           sorted[i - 1].index < sorted[i].index));
                cr_assert_not(seen[sorted[i].index]);
                seen[sorted[i].index] = true;
            }
        }
    }
}

/* The heap of a page keeps what sorting everything would. */
Test(sort, page__is_that_of_the_sorted_whole)
{
    static const char *const orders[] = {"{rating: ASC}", "{rating: DESC}", "{born: ASC}",
                                         "{born: DESC}, {rating: DESC}"};
    static const char *const pages[] = {"first: 7",    "last: 7",          "skip: 1490, take: 20",
                                        "first: 1100", "skip: 3, take: 0", "last: 2000"};
    quire_db *db = mapping_open(mapping_schema, NULL);
    char document[256];

    mapping_load_crowd(db, 1500);
    for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
        snprintf(document, sizeof document, "{ authors(orderBy: [%s]) { items { id } } }",
                 orders[o]);
        char *whole = mapping_run(db, document, NULL, false);
        for (size_t p = 0; p < sizeof pages / sizeof pages[0]; p++) {
            snprintf(document, sizeof document, "{ authors(orderBy: [%s], %s) { items { id } } }",
                     orders[o], pages[p]);
            char *page = mapping_run(db, document, NULL, false);
            char *begin = strchr(page, '[') + 1;
            char *end = strrchr(page, ']');
            *end = '\0';
            cr_expect_not_null(strstr(whole, begin), "%s %s", orders[o], pages[p]);
            quire_free(page);
        }
        quire_free(whole);
    }
    mapping_close(db);
}

/* Rows that get better and better: each takes the place of one that was kept. */
Test(sort, page__of_few_takes_little_memory)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    char *response;
    size_t size;

    mapping_load_crowd(db, 20000);
    request.document = "{ authors(orderBy: {rating: DESC}, first: 2) { items { rating } } }";
    request.limits.memory_bytes_max = 256 << 10;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_str_eq(response, "{\"data\":{\"authors\":{\"items\":[{\"rating\":4999.75},"
                               "{\"rating\":4999.5}]}}}");
    quire_free(response);
    mapping_close(db);
}
