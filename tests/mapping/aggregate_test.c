#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

Test(mapping, aggregate__computes_over_what_where_selects_before_paging)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ books(take: 1) { items { id } aggregate { count sum { year pages } avg { year } "
               "min { year title pages } max { year title id } } } }",
               "{\"data\":{\"books\":{\"items\":[{\"id\":\"b1\"}],\"aggregate\":{\"count\":6,"
               "\"sum\":{\"year\":\"9750\",\"pages\":\"9007199254740993\"},"
               "\"avg\":{\"year\":1950},"
               "\"min\":{\"year\":1920,\"title\":\"Al\",\"pages\":\"9007199254740993\"},"
               "\"max\":{\"year\":1990,\"title\":\"alphabet\",\"id\":\"b6\"}}}}}");
    MAPPING_IS(db,
               "{ books(where: {kind: {equals: NOVEL}}) { totalCount aggregate { __typename count "
               "c: count(distinct: [kind]) d: count(distinct: [authorId, kind]) sum { __typename "
               "year } } } }",
               "{\"data\":{\"books\":{\"totalCount\":3,\"aggregate\":{\"__typename\":"
               "\"BookAggregate\",\"count\":3,\"c\":1,\"d\":2,\"sum\":{\"__typename\":"
               "\"BookAggregateSums\",\"year\":\"5900\"}}}}}");
    mapping_close(db);
}

Test(mapping, aggregate__treats_null_as_sql_does)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ authors { aggregate { count born: count(distinct: [born]) both: count(distinct: "
               "[born, country]) sum { born rating } avg { born rating } min { country rating } "
               "max { country rating } } } }",
               "{\"data\":{\"authors\":{\"aggregate\":{\"count\":4,\"born\":2,\"both\":1,"
               "\"sum\":{\"born\":\"5752\",\"rating\":7.5},"
               "\"avg\":{\"born\":1917.3333333333333,\"rating\":3.75},"
               "\"min\":{\"country\":\"FR\",\"rating\":3},"
               "\"max\":{\"country\":\"PT\",\"rating\":4.5}}}}}");
    MAPPING_IS(db,
               "{ authors(where: {born: {gt: 2000}}) { aggregate { count sum { born rating } avg { "
               "born } min { name } max { born } } } }",
               "{\"data\":{\"authors\":{\"aggregate\":{\"count\":0,\"sum\":{\"born\":null,"
               "\"rating\":null},\"avg\":{\"born\":null},\"min\":{\"name\":null},\"max\":{\"born\":"
               "null}}}}}");
    mapping_close(db);
}

Test(mapping, aggregate__reaches_relations_of_every_shape)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ authors { items { id books(where: {year: {not: 1920}}, take: 1) { totalCount "
               "aggregate { count max { year title } } items { id } } pupils { aggregate { count "
               "min { born } } } } } }",
               "{\"data\":{\"authors\":{\"items\":["
               "{\"id\":\"a1\",\"books\":{\"totalCount\":2,\"aggregate\":{\"count\":2,\"max\":{"
               "\"year\":1930,\"title\":\"Delta\"}},\"items\":[{\"id\":\"b1\"}]},"
               "\"pupils\":{\"aggregate\":{\"count\":2,\"min\":{\"born\":1950}}}},"
               "{\"id\":\"a2\",\"books\":{\"totalCount\":2,\"aggregate\":{\"count\":2,\"max\":{"
               "\"year\":1990,\"title\":\"Gamma\"}},\"items\":[{\"id\":\"b3\"}]},"
               "\"pupils\":{\"aggregate\":{\"count\":1,\"min\":{\"born\":1901}}}},"
               "{\"id\":\"a3\",\"books\":{\"totalCount\":0,\"aggregate\":{\"count\":0,\"max\":{"
               "\"year\":null,\"title\":null}},\"items\":[]},"
               "\"pupils\":{\"aggregate\":{\"count\":0,\"min\":{\"born\":null}}}},"
               "{\"id\":\"a4\",\"books\":{\"totalCount\":0,\"aggregate\":{\"count\":0,\"max\":{"
               "\"year\":null,\"title\":null}},\"items\":[]},"
               "\"pupils\":{\"aggregate\":{\"count\":0,\"min\":{\"born\":null}}}}]}}}");
    MAPPING_IS(
        db, "{ genres { items { name books { totalCount aggregate { count avg { year } } } } } }",
        "{\"data\":{\"genres\":{\"items\":["
        "{\"name\":\"crime\",\"books\":{\"totalCount\":1,\"aggregate\":{\"count\":1,\"avg\":{"
        "\"year\":1930}}}},"
        "{\"name\":\"love\",\"books\":{\"totalCount\":2,\"aggregate\":{\"count\":2,\"avg\":{"
        "\"year\":1925}}}},"
        "{\"name\":\"war\",\"books\":{\"totalCount\":1,\"aggregate\":{\"count\":1,\"avg\":{"
        "\"year\":null}}}}]}}}");
    mapping_close(db);
}

Test(mapping, aggregate__sums_integers_exactly_or_says_that_it_cannot)
{
    quire_db *db = mapping_open(
        "type T { id: ID! g: Int! big: BigInt x: Float }",
        "mutation { a: createT(input: {g: 1, big: \"9223372036854775807\", x: 1e16}) { id } "
        "b: createT(input: {g: 1, big: \"9223372036854775807\", x: 1}) { id } "
        "c: createT(input: {g: 1, big: \"-9223372036854775808\", x: 1}) { id } "
        "d: createT(input: {g: 2, big: \"9223372036854775807\", x: -1e16}) { id } "
        "e: createT(input: {g: 3, x: 1e308}) { id } f: createT(input: {g: 3, x: 1e308}) { id } }");
    MAPPING_IS(db, "{ ts(where: {g: {equals: 1}}) { aggregate { sum { big } avg { big } } } }",
               "{\"data\":{\"ts\":{\"aggregate\":{\"sum\":{\"big\":\"9223372036854775806\"},"
               "\"avg\":{\"big\":3074457345618258400}}}}}");
    MAPPING_HAS(db, "{ ts { aggregate { sum { big } } } }",
                "The sum of T.big is too large for a BigInt.");
    MAPPING_HAS(db, "{ ts { aggregate { sum { big } } } }", "\"code\":\"LIMIT\"");
    MAPPING_HAS(db, "{ ts { aggregate { avg { big } } } }",
                "\"avg\":{\"big\":4611686018427388000}");
    MAPPING_HAS(db, "{ ts(where: {g: {lt: 3}}) { aggregate { sum { x } } } }", "\"sum\":{\"x\":2}");
    MAPPING_HAS(db, "{ ts { aggregate { sum { x } } } }",
                "The sum of T.x is too large for a Float.");
    mapping_close(db);
}

Test(mapping, aggregate__sums_decimals_exactly)
{
    quire_db *db =
        mapping_open("type T { id: ID! price: Decimal g: Int }",
                     "mutation { a: createT(input: {price: \"0.1\", g: 1}) { id } "
                     "b: createT(input: {price: \"0.2\", g: 1}) { id } "
                     "c: createT(input: {price: \"12345678901234567890.03\", g: 2}) { id } "
                     "d: createT(input: {g: 2}) { id } }");
    MAPPING_IS(db, "{ ts { aggregate { sum { price } min { price } max { price } } } }",
               "{\"data\":{\"ts\":{\"aggregate\":{\"sum\":{\"price\":"
               "\"12345678901234567890.33\"},\"min\":{\"price\":\"0.1\"},\"max\":{\"price\":"
               "\"12345678901234567890.03\"}}}}}");
    MAPPING_HAS(db,
                "{ ts { groupBy(by: {g: VALUE}, having: {sum: {price: {lt: \"1\"}}}) { keys { g } "
                "sum { price } avg { price } } } }",
                "[{\"keys\":{\"g\":1},\"sum\":{\"price\":\"0.3\"},\"avg\":{\"price\":\"0.15\"}}]");
    mapping_close(db);
}

/* A Decimal goes far beyond a double, and so does an average of them. */
Test(mapping, aggregate__averages_decimals_as_decimals)
{
    quire_db *db = mapping_open(
        "type G { id: ID! ts: [T!]! } type T { id: ID! price: Decimal g: G }",
        "mutation { createGs(inputs: [{id: \"a\"}, {id: \"b\"}, {id: \"c\"}]) { affectedRows }"
        " createTs(inputs: [{price: \"1e400\", gId: \"a\"},"
        "  {price: \"12345678901234567890.1\", gId: \"b\"},"
        "  {price: \"12345678901234567890.4\", gId: \"b\"},"
        "  {price: \"0.5\", gId: \"c\"}, {price: \"0.25\", gId: \"c\"}, {price: \"0.25\", gId:"
        " \"c\"}, {gId: \"c\"}]) { affectedRows } }");
    MAPPING_HAS(db, "{ g(id: \"a\") { ts { aggregate { avg { price } } } } }", "\"price\":\"1000");
    MAPPING_IS(db,
               "{ gs(where: {id: {not: \"a\"}}) { items { ts { aggregate { avg { price } } } } } }",
               "{\"data\":{\"gs\":{\"items\":[{\"ts\":{\"aggregate\":{\"avg\":{\"price\":"
               "\"12345678901234567890.25\"}}}},{\"ts\":{\"aggregate\":{\"avg\":{\"price\":"
               "\"0.3333333333333333\"}}}}]}}}");
    /* where a double could not tell them apart */
    MAPPING_IS(db,
               "{ gs(where: {ts: {avg: {price: {gt: \"12345678901234567890.2\","
               " lte: \"12345678901234567890.25\"}}}}) { items { id } } }",
               "{\"data\":{\"gs\":{\"items\":[{\"id\":\"b\"}]}}}");
    MAPPING_IS(db, "{ gs(orderBy: [{ts: {avg: {price: ASC}}}]) { items { id } } }",
               "{\"data\":{\"gs\":{\"items\":[{\"id\":\"c\"},{\"id\":\"b\"},{\"id\":\"a\"}]}}}");
    MAPPING_IS(db,
               "{ ts { groupBy(by: {g: {id: VALUE}}, having: {avg: {price: {equals:"
               " \"12345678901234567890.25\"}}}, orderBy: [{avg: {price: DESC}}])"
               " { keys { g { id } } } } }",
               "{\"data\":{\"ts\":{\"groupBy\":[{\"keys\":{\"g\":{\"id\":\"b\"}}}]}}}");
    MAPPING_HAS(db, "{ __type(name: \"TAggregateAverages\") { fields { type { name } } } }",
                "\"Decimal\"");
    mapping_close(db);
}

Test(mapping, aggregate__reads_no_row_where_an_index_tells)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ books { aggregate { count } } }",
                     "\"access\":\"row count\",\"index\":null");
    MAPPING_EXPLAINS(db, "{ books { aggregate { count } } }", "\"rowsRead\":0");
    MAPPING_EXPLAINS(db, "{ books { totalCount } }", "\"access\":\"row count\"");
    /* An index range is counted by its entries. */
    MAPPING_EXPLAINS(db, "{ books(where: {year: {gt: 1920}}) { totalCount } }",
                     "\"access\":\"index range\",\"index\":\"Book.year\",\"order\":\"sorted\","
                     "\"filtered\":true,\"rowsRead\":0,\"rowsReturned\":4");
    MAPPING_EXPLAINS(db, "{ books(where: {year: {lt: 1980}}) { totalCount } }", "\"rowsRead\":0");
    MAPPING_EXPLAINS(db, "{ books(where: {year: {equals: null}}) { totalCount } }",
                     "\"access\":\"index equality\",\"index\":\"Book.year\",\"order\":\"from the "
                     "path\",\"filtered\":true,\"rowsRead\":0,\"rowsReturned\":1");
    MAPPING_EXPLAINS(db, "{ books(where: {kind: {in: [NOVEL, PLAY]}}) { totalCount } }",
                     "\"access\":\"index keys\",\"index\":\"Book.kind\",\"order\":\"sorted\","
                     "\"filtered\":true,\"rowsRead\":0,\"rowsReturned\":4");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {startsWith: \"Al\"}}) { totalCount } }",
                     "\"rowsRead\":0,\"rowsReturned\":2");
    /* Columns of the key need no row either. */
    MAPPING_EXPLAINS(db, "{ books(where: {year: {gte: 1930}}) { aggregate { sum { year } } } }",
                     "\"rowsRead\":0,\"rowsReturned\":4");
    MAPPING_EXPLAINS(
        db, "{ books(where: {title: {gt: \"A\", contains: \"a\"}}) { aggregate { count } } }",
        "\"index\":\"Book.title\",\"order\":\"sorted\",\"filtered\":true,\"rowsRead\":0,"
        "\"rowsReturned\":5");
    mapping_close(db);
}

Test(mapping, aggregate__finds_extremes_at_the_ends_of_an_index)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(
        db, "{ books { aggregate { min { year } } } }",
        "\"access\":\"index range\",\"index\":\"Book.year\",\"order\":\"from the path\""
        ",\"filtered\":true,\"rowsRead\":0,\"rowsReturned\":1");
    MAPPING_HAS(db, "{ books { aggregate { min { year } max { year title } count } } }",
                "{\"min\":{\"year\":1920},\"max\":{\"year\":1990,\"title\":\"alphabet\"},"
                "\"count\":6}");
    MAPPING_EXPLAINS(db, "{ books(where: {year: {lt: 1980}}) { aggregate { max { year } } } }",
                     "\"order\":\"from the path\",\"filtered\":true,\"rowsRead\":0,"
                     "\"rowsReturned\":1");
    MAPPING_HAS(db, "{ books(where: {year: {lt: 1980}}) { aggregate { max { year } } } }",
                "{\"max\":{\"year\":1930}}");
    MAPPING_EXPLAINS(
        db, "{ books(where: {authorId: {equals: \"a1\"}}) { aggregate { min { year } } } }",
        "\"index\":\"Book.authorId.year\",\"order\":\"from the path\"");
    MAPPING_HAS(db, "{ books(where: {authorId: {equals: \"a1\"}}) { aggregate { min { year } } } }",
                "{\"min\":{\"year\":1920}}");
    mapping_close(db);
}

/* One walk for all parents, and no row of theirs. */
Test(mapping, aggregate__of_relations_is_one_pass_for_all_parents)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const struct {
        const char *document, *explain;
    } cases[] = {
        {"{ authors { items { books { aggregate { count } } } } }",
         "\"field\":\"BookConnection.aggregate\",\"access\":\"index equality\",\"index\":"
         "\"Book.authorId\",\"order\":\"from the path\",\"filtered\":false,\"rowsRead\":0,"
         "\"rowsReturned\":6"},
        {"{ authors { items { books { totalCount } } } }",
         "\"field\":\"BookConnection.totalCount\",\"access\":\"index equality\",\"index\":"
         "\"Book.authorId\",\"order\":\"from the path\",\"filtered\":false,\"rowsRead\":0,"
         "\"rowsReturned\":6"},
        {"{ authors { items { books { aggregate { count sum { year } } } } } }",
         "\"index\":\"Book.authorId.year\",\"order\":\"sorted\",\"filtered\":false,\"rowsRead\":0,"
         "\"rowsReturned\":6"},
        {"{ authors { items { books { aggregate { max { year } } } } } }",
         "\"index\":\"Book.authorId.year\",\"order\":\"from the path\",\"filtered\":true,"
         "\"rowsRead\":0,\"rowsReturned\":4"},
        {"{ genres { items { books { totalCount } } } }",
         "\"field\":\"BookConnection.totalCount\",\"access\":\"links\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *response = mapping_run(db, cases[i].document, NULL, true);
        cr_expect_not_null(strstr(response, cases[i].explain), "%s\ngives %s\nwithout %s",
                           cases[i].document, response, cases[i].explain);
        quire_free(response);
    }
    mapping_close(db);
}

/* ---- groups ---- */

Test(mapping, group__puts_rows_together_by_their_keys)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ books { groupBy(by: [{kind: VALUE}]) { keys { kind } count max { year } } } }",
               "{\"data\":{\"books\":{\"groupBy\":["
               "{\"keys\":{\"kind\":null},\"count\":1,\"max\":{\"year\":1930}},"
               "{\"keys\":{\"kind\":\"NOVEL\"},\"count\":3,\"max\":{\"year\":1990}},"
               "{\"keys\":{\"kind\":\"PLAY\"},\"count\":1,\"max\":{\"year\":1920}},"
               "{\"keys\":{\"kind\":\"POEM\"},\"count\":1,\"max\":{\"year\":null}}]}}}");
    MAPPING_IS(db,
               "{ books(where: {year: {not: null}}) { groupBy(by: [{author: {country: VALUE}}, "
               "{kind: VALUE}], where: {kind: {not: PLAY}}) { keys { __typename author { country } "
               "kind } count } } }",
               "{\"data\":{\"books\":{\"groupBy\":["
               "{\"keys\":{\"__typename\":\"BookAggregateGroupKeys\",\"author\":{\"country\":null},"
               "\"kind\":\"NOVEL\"},\"count\":2},"
               "{\"keys\":{\"__typename\":\"BookAggregateGroupKeys\",\"author\":{\"country\":"
               "\"PT\"},\"kind\":\"NOVEL\"},\"count\":1}]}}}");
    MAPPING_IS(db,
               "{ books { groupBy(by: {authorId: VALUE}) { keys { authorId } sum { year } } } }",
               "{\"data\":{\"books\":{\"groupBy\":["
               "{\"keys\":{\"authorId\":\"a1\"},\"sum\":{\"year\":\"5780\"}},"
               "{\"keys\":{\"authorId\":\"a2\"},\"sum\":{\"year\":\"3970\"}},"
               "{\"keys\":{\"authorId\":\"a3\"},\"sum\":{\"year\":null}}]}}}");
    mapping_close(db);
}

Test(mapping, group__takes_having_order_and_page)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_HAS(db,
                "{ books { groupBy(by: {year: VALUE}, orderBy: [{count: DESC}, {keys: {year: "
                "ASC_NULLS_LAST}}], take: 3) { keys { year } count } } }",
                "[{\"keys\":{\"year\":1930},\"count\":2},{\"keys\":{\"year\":1920},\"count\":1},"
                "{\"keys\":{\"year\":1980},\"count\":1}]");
    MAPPING_HAS(db, "{ books { groupBy(by: {year: VALUE}, skip: 1, take: 2) { keys { year } } } }",
                "[{\"keys\":{\"year\":1920}},{\"keys\":{\"year\":1930}}]");
    MAPPING_HAS(db,
                "{ books { groupBy(by: {authorId: VALUE}, having: {count: {gte: 2}, min: {year: "
                "{lt: 1950}}}) { keys { authorId } } } }",
                "{\"groupBy\":[{\"keys\":{\"authorId\":\"a1\"}}]}");
    MAPPING_HAS(
        db,
        "{ books { groupBy(by: [{kind: VALUE}, {author: {name: VALUE}}], having: {OR: "
        "[{keys: {kind: {equals: PLAY}}}, {keys: {author: {name: {startsWith: \"b\", mode: "
        "insensitive}}}, avg: {year: {gt: 1980.5}}}], NOT: {keys: {kind: {equals: null}}}}, "
        "orderBy: {avg: {year: ASC}}) { keys { kind author { name } } avg { year } } } }",
        "[{\"keys\":{\"kind\":\"PLAY\",\"author\":{\"name\":\"Ines\"}},\"avg\":{\"year\":"
        "1920}},{\"keys\":{\"kind\":\"NOVEL\",\"author\":{\"name\":\"Bo\"}},\"avg\":{"
        "\"year\":1985}}]");
    mapping_close(db);
}

Test(mapping, group__puts_moments_into_periods)
{
    quire_db *db = mapping_open(
        "type T { id: ID! at: DateTime @index day: Date }",
        "mutation { a: createT(input: {at: \"2024-02-29T23:59:59Z\", day: \"2024-12-30\"}) { id } "
        "b: createT(input: {at: \"2024-03-01T00:30:00+01:00\", day: \"2025-01-01\"}) { id } "
        "c: createT(input: {at: \"2023-12-31T12:00:00.5Z\", day: \"2025-01-05\"}) { id } "
        "d: createT(input: {at: \"1969-12-31T23:59:59.999999Z\", day: \"2025-01-06\"}) { id } "
        "e: createT(input: {day: \"0000-01-01\"}) { id } f: createT(input: {day: \"0000-01-02\"}) "
        "{ id } }");
    static const struct {
        const char *by, *keys;
    } cases[] = {
        {"{at: YEAR}", "null \"1969-01-01T00:00:00Z\" \"2023-01-01T00:00:00Z\" "
                       "\"2024-01-01T00:00:00Z\" "},
        {"{at: QUARTER}", "null \"1969-10-01T00:00:00Z\" \"2023-10-01T00:00:00Z\" "
                          "\"2024-01-01T00:00:00Z\" "},
        {"{at: MONTH}", "null \"1969-12-01T00:00:00Z\" \"2023-12-01T00:00:00Z\" "
                        "\"2024-02-01T00:00:00Z\" "},
        {"{at: WEEK}", "null \"1969-12-29T00:00:00Z\" \"2023-12-25T00:00:00Z\" "
                       "\"2024-02-26T00:00:00Z\" "},
        {"{at: HOUR}", "null \"1969-12-31T23:00:00Z\" \"2023-12-31T12:00:00Z\" "
                       "\"2024-02-29T23:00:00Z\" "},
        {"{at: MINUTE}", "null \"1969-12-31T23:59:00Z\" \"2023-12-31T12:00:00Z\" "
                         "\"2024-02-29T23:30:00Z\" \"2024-02-29T23:59:00Z\" "},
        {"{day: WEEK}", "\"0000-01-01\" \"2024-12-30\" \"2025-01-06\" "},
        {"{day: MONTH}", "\"0000-01-01\" \"2024-12-01\" \"2025-01-01\" "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[200];
        char keys[300] = "";
        snprintf(document, sizeof document, "{ ts { groupBy(by: %s) { keys { %.*s } count } } }",
                 cases[i].by, cases[i].by[1] == 'a' ? 2 : 3, cases[i].by + 1);
        char *response = mapping_run(db, document, NULL, false);
        for (char *at = response; (at = strstr(at, "\"keys\":{")) != NULL; at++) {
            char *value = strchr(at + 7, ':') + 1;
            size_t size = strlen(keys);
            snprintf(keys + size, sizeof keys - size, "%.*s ", (int)strcspn(value, "}"), value);
        }
        cr_expect_str_eq(keys, cases[i].keys, "%s: %s, not %s", document, keys, cases[i].keys);
        quire_free(response);
    }
    MAPPING_EXPLAINS(db, "{ ts { groupBy(by: {at: MONTH}) { keys { at } count } } }",
                     "\"index\":\"T.at\",\"order\":\"from the path\",\"filtered\":false,"
                     "\"rowsRead\":0");
    MAPPING_HAS(db, "{ ts { groupBy(by: [{at: MONTH}, {at: DAY}]) { count } } }",
                "is among the keys in \\\"by\\\" twice");
    mapping_close(db);
}

Test(mapping, group__reaches_relations)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "{ authors(take: 3) { items { books { groupBy(by: {kind: VALUE}, take: 2) { keys { "
        "kind } count } } } } }",
        "{\"data\":{\"authors\":{\"items\":["
        "{\"books\":{\"groupBy\":[{\"keys\":{\"kind\":null},\"count\":1},{\"keys\":{\"kind\":"
        "\"NOVEL\"},\"count\":1}]}},"
        "{\"books\":{\"groupBy\":[{\"keys\":{\"kind\":\"NOVEL\"},\"count\":2}]}},"
        "{\"books\":{\"groupBy\":[{\"keys\":{\"kind\":\"POEM\"},\"count\":1}]}}]}}}");
    MAPPING_IS(
        db,
        "{ genres { items { books { groupBy(by: {author: {id: VALUE}}) { keys { author { id "
        "} } count } } } } }",
        "{\"data\":{\"genres\":{\"items\":["
        "{\"books\":{\"groupBy\":[{\"keys\":{\"author\":{\"id\":\"a1\"}},\"count\":1}]}},"
        "{\"books\":{\"groupBy\":[{\"keys\":{\"author\":{\"id\":\"a1\"}},\"count\":2}]}},"
        "{\"books\":{\"groupBy\":[{\"keys\":{\"author\":{\"id\":\"a3\"}},\"count\":1}]}}]}}}");
    mapping_close(db);
}

Test(mapping, group__streams_in_the_order_of_an_index)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(
        db, "{ books { groupBy(by: {year: VALUE}) { keys { year } count } } }",
        "\"access\":\"index range\",\"index\":\"Book.year\",\"order\":\"from the path\""
        ",\"filtered\":false,\"rowsRead\":0,\"rowsReturned\":5");
    MAPPING_EXPLAINS(
        db,
        "{ books(where: {authorId: {equals: \"a1\"}}) { groupBy(by: {year: VALUE}) { count } } }",
        "\"index\":\"Book.authorId.year\",\"order\":\"from the path\",\"filtered\":true,"
        "\"rowsRead\":0,\"rowsReturned\":2");
    /* With a page no more is read than it takes. */
    MAPPING_EXPLAINS(db, "{ books { groupBy(by: {year: VALUE}, take: 1) { avg { pages } } } }",
                     "\"index\":\"Book.year\",\"order\":\"from the path\"");
    mapping_close(db);
}

Test(mapping, group__refuses_what_is_not_among_its_keys)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_HAS(db, "{ books { groupBy(by: []) { count } } }", "\\\"by\\\" is empty");
    MAPPING_HAS(db, "{ books { groupBy(by: {kind: VALUE}) { keys { year } } } }",
                "\\\"year\\\" of Book is not among the keys");
    MAPPING_HAS(db, "{ books { groupBy(by: {author: {id: VALUE}}) { keys { authorId } } } }",
                "\\\"authorId\\\" of Book is not among the keys");
    MAPPING_HAS(db,
                "{ books { groupBy(by: {kind: VALUE}, orderBy: {keys: {author: {name: ASC}}}) { "
                "count } } }",
                "\\\"name\\\" of Author is not among the keys");
    MAPPING_HAS(db,
                "{ books { groupBy(by: {kind: VALUE}, having: {keys: {year: {equals: 1}}}) { count "
                "} } }",
                "\\\"year\\\" of Book is not among the keys");
    MAPPING_HAS(db, "{ books { groupBy(by: {kind: VALUE, year: VALUE}) { count } } }",
                "names exactly one field");
    MAPPING_HAS(db,
                "{ books { groupBy(by: {kind: VALUE}, having: {count: {gt: null}}) { count } } }",
                "must not be null");
    MAPPING_HAS(db, "{ books { groupBy(by: {kind: VALUE}, take: -1) { count } } }",
                "must not be negative");
    mapping_close(db);
}

/* ---- filters and orders across relations ---- */

Test(mapping, aggregate__filters_rows_by_what_their_relations_come_to)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_HAS(db, "{ authors(where: {books: {count: {gte: 2}}}) { items { id } } }",
                "[{\"id\":\"a1\"},{\"id\":\"a2\"}]");
    MAPPING_HAS(db, "{ authors(where: {books: {count: {equals: 0}}}) { items { id } } }",
                "[{\"id\":\"a4\"}]");
    MAPPING_HAS(db, "{ authors(where: {books: {avg: {year: {gt: 1950}}}}) { items { id } } }",
                "[{\"id\":\"a2\"}]");
    MAPPING_HAS(db,
                "{ authors(where: {books: {where: {kind: {equals: NOVEL}}, count: {equals: 1}, "
                "some: {kind: {equals: PLAY}}}}) { items { id } } }",
                "[{\"id\":\"a1\"}]");
    MAPPING_HAS(db,
                "{ authors(where: {books: {max: {title: {startsWith: \"G\"}}}}) { items { id } } }",
                "[{\"id\":\"a2\"}]");
    MAPPING_HAS(db, "{ authors(where: {books: {sum: {year: {equals: null}}}}) { items { id } } }",
                "[{\"id\":\"a3\"},{\"id\":\"a4\"}]");
    MAPPING_HAS(db, "{ genres(where: {books: {count: {gt: 1}}}) { items { name } } }",
                "[{\"name\":\"love\"}]");
    MAPPING_HAS(db,
                "{ books(where: {author: {is: {books: {count: {equals: 2}}}}}) { items { id } } }",
                "[{\"id\":\"b3\"},{\"id\":\"b6\"}]");
    MAPPING_HAS(db, "{ authors(where: {books: {where: {}}}) { totalCount } }",
                "none of them is there");
    MAPPING_HAS(db, "{ authors(where: {books: {count: null}}) { totalCount } }",
                "must not be null");
    mapping_close(db);
}

Test(mapping, aggregate__orders_rows_by_what_their_relations_come_to)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_HAS(db, "{ authors(orderBy: [{books: {count: DESC}}, {id: DESC}]) { items { id } } }",
                "[{\"id\":\"a1\"},{\"id\":\"a2\"},{\"id\":\"a3\"},{\"id\":\"a4\"}]");
    MAPPING_HAS(
        db,
        "{ authors(orderBy: [{books: {avg: {year: DESC_NULLS_LAST}}}, {id: ASC}], first: 2) "
        "{ items { id } pageInfo { hasNextPage } } }",
        "{\"items\":[{\"id\":\"a2\"},{\"id\":\"a1\"}],\"pageInfo\":{\"hasNextPage\":true}}");
    MAPPING_HAS(db, "{ genres(orderBy: {books: {count: DESC}}) { items { name } } }",
                "[{\"name\":\"love\"},{\"name\":\"war\"},{\"name\":\"crime\"}]");
    MAPPING_HAS(
        db, "{ books(orderBy: [{author: {books: {count: ASC}}}, {title: ASC}]) { items { id } } }",
        "[{\"id\":\"b5\"},{\"id\":\"b6\"},{\"id\":\"b3\"},{\"id\":\"b1\"},{\"id\":\"b2\"},"
        "{\"id\":\"b4\"}]");
    MAPPING_HAS(
        db,
        "{ authors(orderBy: {books: {count: ASC, min: {year: ASC}}}) { totalCount items { id } } }",
        "exactly one field");
    mapping_close(db);
}

Test(mapping, aggregate__of_a_filter_across_a_relation_reads_no_row_of_it)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ authors(where: {books: {count: {gte: 2}}}) { items { id } } }",
                     "\"access\":\"scan\",\"index\":null,\"order\":\"from the path\",\"filtered\":"
                     "true,\"rowsRead\":4,\"rowsReturned\":2");
    MAPPING_EXPLAINS(db, "{ authors(orderBy: {books: {max: {year: ASC}}}) { items { id } } }",
                     "\"rowsRead\":4,\"rowsReturned\":4");
    mapping_close(db);
}

Test(mapping, filter__of_an_empty_list_selects_nothing_without_reading)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const char *const filters[] = {"{id: {in: []}}", "{pages: {in: []}}",
                                          "{year: {gt: 0}, OR: [{kind: {in: []}}]}", "{OR: []}",
                                          "{AND: [{title: {in: []}}]}"};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        char document[200];
        snprintf(document, sizeof document, "{ books(where: %s) { items { id } } }", filters[i]);
        MAPPING_IS(db, document, "{\"data\":{\"books\":{\"items\":[]}}}");
        MAPPING_EXPLAINS(db, document,
                         "\"access\":\"nothing\",\"index\":null,\"order\":\"from the path\","
                         "\"filtered\":true,\"rowsRead\":0,\"rowsReturned\":0");
    }
    MAPPING_HAS(db, "{ books(where: {kind: {notIn: []}}) { totalCount } }", "\"totalCount\":5");
    mapping_close(db);
}

Test(mapping, path__takes_the_arguments_of_items_into_the_query)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ books { items(where: {title: {equals: \"Beta\"}}) { id } } }",
                     "\"access\":\"index equality\",\"index\":\"Book.title\"");
    MAPPING_EXPLAINS(db, "{ books { items(orderBy: {year: DESC}, take: 2) { id } } }",
                     "\"index\":\"Book.year\",\"order\":\"from the path\",\"filtered\":false,"
                     "\"rowsRead\":2,\"rowsReturned\":2");
    MAPPING_IS(db,
               "{ books(where: {kind: {equals: NOVEL}}, orderBy: {title: DESC}) { totalCount "
               "items(where: {year: {gt: 1930}}, take: 1, skip: 1) { id } } }",
               "{\"data\":{\"books\":{\"totalCount\":3,\"items\":[{\"id\":\"b6\"}]}}}");
    mapping_close(db);
}

/* Many groups, many different values and many distinct rows are memory of the request. */
Test(mapping, group__ends_in_a_limit_where_its_groups_take_too_much_memory)
{
    static const char *const documents[] = {
        "{ ts { groupBy(by: {s: VALUE}) { count } } }",
        "{ ts { aggregate { count(distinct: [s]) } } }",
        "{ ts(distinct: [s], orderBy: {n: ASC}, first: 1) { items { n } } }",
    };
    quire_db *db = mapping_open("type T { id: ID! n: Int s: String }", NULL);
    char *mutation = malloc(1 << 20);
    char *end = mutation + snprintf(mutation, 1 << 20, "mutation { createTs(inputs: [");
    for (int i = 0; i < 3000; i++) {
        end +=
            snprintf(end, (size_t)(mutation + (1 << 20) - end), "{n: %d, s: \"%060d\"}", i % 7, i);
    }
    snprintf(end, (size_t)(mutation + (1 << 20) - end), "]) { __typename } }");
    char *response = mapping_run(db, mutation, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%.300s", response);
    quire_free(response);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        size_t size;
        bool has_errors;
        request.document = documents[i];
        cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
        cr_expect_not(has_errors, "%.300s", response);
        quire_free(response);
        request.limits.memory_bytes_max = 200000;
        cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
        cr_expect_not_null(strstr(response, "\"code\":\"LIMIT\""), "%.300s", response);
        cr_expect_not_null(strstr(response, "200000"), "%.300s", response);
        quire_free(response);
    }
    /* Groups that come one after the other take little. */
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    size_t size;
    bool has_errors;
    cr_assert_eq(mapping_apply(db, "type T { id: ID! n: Int s: String @index }", &err), QUIRE_OK);
    request.document = "{ ts { groupBy(by: {s: VALUE}, having: {count: {gt: 1}}) { count } } }";
    request.limits.memory_bytes_max = 200000;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
    cr_expect_not(has_errors, "%.300s", response);
    quire_free(response);
    free(mutation);
    mapping_close(db);
}

Test(mapping, aggregate__names_of_its_types_cannot_be_declared)
{
    static const char *const names[] = {"TAggregate",     "TAggregateGroup", "TAggregateHaving",
                                        "TDistinctField", "TAggregateSums",  "GroupByKey"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        char sdl[200];
        quire_db *db = mapping_open("type U { id: ID! }", NULL);
        snprintf(sdl, sizeof sdl, "type U { id: ID! } type T { id: ID! n: Int } enum %s { A }",
                 names[i]);
        cr_expect_eq(mapping_apply(db, sdl, &err), QUIRE_SCHEMA, "%s: %s", names[i], err.message);
        cr_expect_not_null(strstr(err.message, "generated type named"), "%s", err.message);
        mapping_close(db);
    }
}
