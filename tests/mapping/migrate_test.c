/*
 * Applying a schema over an older one: renames, constraints that rows must meet,
 * and what is refused.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static void applies(quire_db *db, const char *sdl)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(mapping_apply(db, sdl, &err), QUIRE_OK, "%s\n  says %s", sdl, err.message);
}

static void refuses(quire_db *db, const char *sdl, quire_status status, const char *reason)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_expect_eq(mapping_apply(db, sdl, &err), status, "%s\n  gives %s: %s", sdl,
                 quire_status_name(err.status), err.message);
    cr_expect_not_null(strstr(err.message, reason), "%s\n  says %s", sdl, err.message);
}

/* ---- renames ---- */

static const char before[] = "type User { id: ID! name: String! @index mail: String @unique "
                             "boss: User staff: [User!]! @relation(inverse: \"boss\") "
                             "groups: [Group!]! } "
                             "type Group { id: ID! users: [User!]! }";

static const char rows[] = "mutation { createGroup(input: {id: \"g\"}) { id } "
                           "a: createUser(input: {id: 1, name: \"Ada\", mail: \"a@x\"}) { id } "
                           "b: createUser(input: {id: 2, name: \"Bob\", bossId: 1, "
                           "groupsIds: [\"g\"]}) { id } }";

/* The same rows under other names. */
static void expect_people(quire_db *db)
{
    MAPPING_IS(db,
               "{ people(where: {fullName: {equals: \"Bob\"}}) { items { id fullName chiefId "
               "teams { items { id members { totalCount } } } } } person(email: \"a@x\") { "
               "reports { items { fullName } } } }",
               "{\"data\":{\"people\":{\"items\":[{\"id\":\"2\",\"fullName\":\"Bob\",\"chiefId\":"
               "\"1\",\"teams\":{\"items\":[{\"id\":\"g\",\"members\":{\"totalCount\":1}}]}}]},"
               "\"person\":{\"reports\":{\"items\":[{\"fullName\":\"Bob\"}]}}}}");
    MAPPING_EXPLAINS(db, "{ people(where: {fullName: {equals: \"Bob\"}}) { items { id } } }",
                     "\"index\":\"Person.fullName\"");
    MAPPING_HAS(db, "mutation { createPerson(input: {fullName: \"C\", email: \"a@x\"}) { id } }",
                "\"UNIQUE\"");
    MAPPING_HAS(db, "mutation { createPerson(input: {fullName: \"C\", teamsIds: [\"g\"]}) { id } }",
                "\"data\":{\"createPerson\"");
}

static uint64_t pages_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_table *table;
    uint64_t count;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_table_open(txn, "Person", &table, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_table_row_count(table, &count, &err), QUIRE_OK);
    quire_table_close(table);
    quire_rollback(txn);
    return count;
}

Test(migrate, renames_keep_rows_indexes_and_links)
{
    quire_db *db = mapping_open(before, rows);
    applies(db, "type Person @renamedFrom(name: \"User\") { id: ID! "
                "fullName: String! @index @renamedFrom(name: \"name\") "
                "email: String @unique @renamedFrom(name: \"mail\") "
                "chief: Person @renamedFrom(name: \"boss\") "
                "reports: [Person!]! @relation(inverse: \"chief\") "
                "teams: [Team!]! @renamedFrom(name: \"groups\") } "
                "type Team @renamedFrom(name: \"Group\") { id: ID! "
                "members: [Person!]! @renamedFrom(name: \"users\") }");
    cr_expect_eq(pages_of(db), 2);
    expect_people(db);
    mapping_close(db);
}

Test(migrate, hints_that_are_done_change_nothing)
{
    static const char sdl[] = "type B @renamedFrom(name: \"A\") { id: ID! "
                              "y: Int @renamedFrom(name: \"x\") }";
    quire_db *db = mapping_open("type A { id: ID! x: Int }",
                                "mutation { createA(input: {id: 1, x: 5}) { id } }");
    applies(db, sdl);
    applies(db, sdl);
    MAPPING_IS(db, "{ bs { items { y } } }", "{\"data\":{\"bs\":{\"items\":[{\"y\":5}]}}}");
    /* A type that takes the free name is another. */
    applies(db, "type B @renamedFrom(name: \"A\") { id: ID! y: Int @renamedFrom(name: \"x\") "
                "x: Int } type A { id: ID! }");
    MAPPING_IS(db, "{ bs { items { y x } } as { totalCount } }",
               "{\"data\":{\"bs\":{\"items\":[{\"y\":5,\"x\":null}]},\"as\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(migrate, map_gives_new_names_to_what_is_stored)
{
    quire_db *db = mapping_open(before, rows);
    applies(db, "type Person @map(name: \"User\") { id: ID! "
                "fullName: String! @index(name: \"Person.fullName\") @map(name: \"name\") "
                "email: String @unique @map(name: \"mail\") chief: Person @map(name: \"bossId\") "
                "reports: [Person!]! @relation(inverse: \"chief\") "
                "teams: [Team!]! @map(name: \"groups\") } "
                "type Team @map(name: \"Group\") { id: ID! "
                "members: [Person!]! @map(name: \"users\") }");
    expect_people(db);
    mapping_close(db);
}

Test(migrate, renames_that_cannot_be_are_refused)
{
    quire_db *db = mapping_open("type A { id: ID! x: Int y: Int } type C { id: ID! }",
                                "mutation { createA(input: {id: 1, x: 5, y: 6}) { id } "
                                "createC(input: {id: 1}) { id } }");
    refuses(db, "type B { id: ID! x: Int y: Int } type C { id: ID! }", QUIRE_SCHEMA,
            "@renamedFrom");
    refuses(db, "type A { id: ID! z: Int y: Int } type C { id: ID! }", QUIRE_SCHEMA,
            "@renamedFrom");
    refuses(db,
            "type A1 @renamedFrom(name: \"A\") { id: ID! x: Int y: Int } "
            "type A2 @renamedFrom(name: \"A\") { id: ID! } type C { id: ID! }",
            QUIRE_SCHEMA, "A1 and A2 are both renamed from A");
    refuses(db, "type A { id: ID! z: Boolean @renamedFrom(name: \"x\") y: Int } type C { id: ID! }",
            QUIRE_SCHEMA, "no other type");
    refuses(db, "type A { id: ID! x: Int y: Int } type D @renamedFrom(name: \"A\") { id: ID! }",
            QUIRE_SCHEMA, "C is missing");
    MAPPING_IS(db, "{ as { items { x y } } }",
               "{\"data\":{\"as\":{\"items\":[{\"x\":5,\"y\":6}]}}}");
    mapping_close(db);
}

Test(migrate, counted_numbers_go_on_under_new_names)
{
    quire_db *db = mapping_open("type A { n: Int! @id @default(expr: \"autoincrement()\") }",
                                "mutation { createA(input: {}) { n } b: createA(input: {}) { n } "
                                "deleteA(n: 2) { n } }");
    applies(db, "type B @renamedFrom(name: \"A\") { number: Int! @id "
                "@default(expr: \"autoincrement()\") @renamedFrom(name: \"n\") }");
    MAPPING_IS(db, "mutation { createB(input: {}) { number } }",
               "{\"data\":{\"createB\":{\"number\":3}}}");
    mapping_close(db);
}

Test(migrate, counted_numbers_go_on_in_a_table_that_is_written_anew)
{
    quire_db *db =
        mapping_open("type A { id: ID! k: Int m: BigInt @default(expr: \"autoincrement()\") "
                     "n: Int! @default(expr: \"autoincrement()\") x: Int }",
                     "mutation { createA(input: {id: \"1\"}) { n } b: createA(input: {id: "
                     "\"2\", m: 50}) { n } deleteA(id: \"2\") { n } }");
    /* the columns get other numbers as well: x is a Float, n stands first and may be larger */
    applies(db, "type A { n: BigInt! @default(expr: \"autoincrement()\") id: ID! k: Int x: Float "
                "m: BigInt @default(expr: \"autoincrement()\") }");
    MAPPING_IS(db, "mutation { createA(input: {id: \"3\"}) { n m } }",
               "{\"data\":{\"createA\":{\"n\":\"3\",\"m\":\"51\"}}}");
    mapping_close(db);
}

/* ---- constraints ---- */

static const char constrained[] =
    "type T { id: ID! name: String! @constraint(minLength: 2, maxLength: 4) "
    "n: Int @constraint(min: -1, max: 10) price: Decimal @constraint(min: \"0.01\") "
    "day: Date @constraint(max: \"2024-12-31\") raw: Bytes @constraint(maxLength: 2) "
    "tags: [String!] @constraint(minLength: 1) f: Float @constraint(max: 0.5) }";

Test(migrate, constraints_are_checked_by_every_write)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(constrained, "mutation { createT(input: {id: 1, name: \"ab\"}) { "
                                             "id } }");
    static const char *const wrong[][2] = {
        {"name: \"a\"", "T.name has at least 2 characters, not 1."},
        {"name: \"\xC3\xA4\"", "T.name has at least 2 characters, not 1."},
        {"name: \"abcde\"", "T.name has at most 4 characters, not 5."},
        {"name: \"abc\", n: -2", "T.n is at least -1, not -2."},
        {"name: \"abc\", n: 11", "T.n is at most 10, not 11."},
        {"name: \"abc\", price: 0", "T.price is at least 0.01, not 0."},
        {"name: \"abc\", day: \"2025-01-01\"", "T.day is at most 2024-12-31, not 2025-01-01."},
        {"name: \"abc\", raw: \"AAAA\"", "T.raw has at most 2 bytes, not 3."},
        {"name: \"abc\", tags: [\"a\", \"\"]", "T.tags has at least 1 characters, not 0."},
        {"name: \"abc\", f: 0.75", "T.f is at most 0.5, not 0.75."},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char document[200];
        snprintf(document, sizeof document, "mutation { createT(input: {%s}) { id } }",
                 wrong[i][0]);
        MAPPING_HAS(db, document, wrong[i][1]);
        MAPPING_HAS(db, document, "\"code\":\"CHECK\",\"coordinate\":\"T.");
        snprintf(document, sizeof document, "mutation { updateT(id: 1, input: {%s}) { id } }",
                 wrong[i][0]);
        MAPPING_HAS(db, document, wrong[i][1]);
    }
    MAPPING_HAS(db, "mutation { updateT(id: 1, apply: {n: {set: 11}}) { id } }", "\"CHECK\"");
    MAPPING_HAS(db,
                "mutation { updateTs(where: {}, allRows: true, input: {n: 11}) { "
                "affectedRows } }",
                "\"CHECK\"");
    MAPPING_HAS(db,
                "mutation { createT(input: {name: \"\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F\", n: 10, "
                "price: 0.01, day: \"2024-12-31\", raw: \"AAA=\", tags: [], f: 0.5}) { id } }",
                "\"data\":{\"createT\"");
    cr_expect_eq(mapping_try_load(db, "{\"T\": [{\"name\": \"ok\"},\n {\"name\": \"x\"}]}", &err),
                 QUIRE_CHECK);
    cr_expect_eq(err.line, 2);
    cr_expect_eq(err.column, 11);
    MAPPING_IS(db, "{ ts { totalCount } }", "{\"data\":{\"ts\":{\"totalCount\":2}}}");
    mapping_close(db);
}

Test(migrate, constraints_are_asked_of_rows_that_are_there)
{
    quire_db *db = mapping_open("type T { id: ID! n: Int s: String }",
                                "mutation { a: createT(input: {id: \"one\", n: 1}) { id } "
                                "b: createT(input: {id: \"two\", n: 20}) { id } "
                                "c: createT(input: {id: \"three\", n: 30}) { id } }");
    refuses(db, "type T { id: ID! n: Int @constraint(max: 10) s: String }", QUIRE_CHECK,
            "The row of T with the id \"two\" is there already: T.n is at most 10, not 20.");
    applies(db,
            "type T { id: ID! n: Int @constraint(max: 30) s: String @constraint(minLength: 1) }");
    refuses(db, "type T { id: ID! n: Int @constraint(max: 29) s: String }", QUIRE_CHECK, "three");
    applies(db, "type T { id: ID! n: Int s: String }");
    mapping_close(db);
}

Test(migrate, patterns_are_matched_in_linear_time)
{
    static char document[60000];
    size_t size;
    quire_db *db = mapping_open(
        "type T { id: ID! @constraint(pattern: \"^[a-z]+$\") s: String @constraint(pattern: "
        "\"^[ab]+$\") ls: [String!] @constraint(pattern: \"x\") }",
        "mutation { createT(input: {id: \"abc\", s: \"aaa\", ls: [\"x\", \"yxy\"]}) { id } }");
    MAPPING_HAS(db, "mutation { createT(input: {id: \"A1\"}) { id } }",
                "T.id matches the pattern ^[a-z]+$, and \\\"A1\\\" does not.");
    MAPPING_HAS(db, "mutation { createT(input: {id: \"b\", ls: [\"x\", \"y\"]}) { id } }",
                "\"code\":\"CHECK\",\"coordinate\":\"T.ls\"");
    size =
        (size_t)snprintf(document, sizeof document, "mutation { createT(input: {id: \"c\", s: \"");
    memset(document + size, 'a', 50000);
    size += 50000;
    snprintf(document + size, sizeof document - size, "!\"}) { id } }");
    MAPPING_HAS(db, document, "\"code\":\"CHECK\",\"coordinate\":\"T.s\"");
    refuses(db, "type T { id: ID! @constraint(pattern: \"^[a-b]+$\") s: String ls: [String!] }",
            QUIRE_CHECK, "The row of T with the id \"abc\"");
    mapping_close(db);
}

Test(migrate, constraints_fit_their_fields)
{
    quire_db *db = mapping_open("type T { id: ID! }", NULL);
    refuses(db, "type T { id: ID! n: Int @constraint(minLength: 1) }", QUIRE_SCHEMA, "a length");
    refuses(db, "type T { id: ID! s: String @constraint(min: \"a\") }", QUIRE_SCHEMA, "has bounds");
    refuses(db, "type T { id: ID! s: String @constraint(minLength: -1) }", QUIRE_SCHEMA,
            "not negative");
    refuses(db, "type T { id: ID! d: Date @constraint(min: \"soon\") }", QUIRE_SCHEMA,
            "does not fit");
    refuses(db, "type T { id: ID! n: Int @constraint(pattern: \"a\") }", QUIRE_SCHEMA,
            "for String and ID");
    refuses(db, "type T { id: ID! s: String @constraint(pattern: \"(\") }", QUIRE_SCHEMA,
            "T.s: @constraint: ");
    refuses(db, "type T { id: ID! t: T @constraint(min: 1) }", QUIRE_SCHEMA, "is for a scalar");
    mapping_close(db);
}
