/*
 * Schemas that change what is stored: what is told of it, and what becomes of
 * the rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "quire/inspect.h"
#include "support/failing_allocator.h"

static const char sdl[] = "type User { id: ID! name: String! @index age: Int tags: [String]\n"
                          "  role: Role posts: [Post!]! boss: User likes: [Topic!]! }\n"
                          "type Post { id: ID! title: String! @unique user: User! views: Int!\n"
                          "  topics: [Topic!]! }\n"
                          "type Topic { name: String! @id posts: [Post!]! }\n"
                          "enum Role { ADMIN READER }\n";

static const char rows[] =
    "mutation {\n"
    "  a: createUser(input: {id: \"a\", name: \"Ann\", age: 30, role: ADMIN, tags: [\"x\", null]})"
    " { id }\n"
    "  b: createUser(input: {id: \"b\", name: \"Bob\", bossId: \"a\"}) { id "
    "}\n"
    "  p: createPost(input: {id: \"p\", title: \"P\", userId: \"b\", views: 7,\n"
    "    topics: {create: [{name: \"t\"}, {name: \"u\"}]}}) { id }\n"
    "  l: updateUser(id: \"b\", input: {likesIds: [\"t\"]}) { id }\n"
    "}";

/* ---- what is told ---- */

struct list {
    char text[4000];
    size_t size;
};

static quire_status note(void *context, const quire_schema_change *change, quire_error *err)
{
    static const char levels[] = "sdb";
    static const char effects[] = "-alr";
    struct list *list = context;
    (void)err;
    cr_assert(strlen(change->text) > 5);
    list->size +=
        (size_t)snprintf(list->text + list->size, sizeof list->text - list->size, "%s%c%c %s %llu",
                         list->size > 0 ? ", " : "", levels[change->level], effects[change->effect],
                         change->kind, (unsigned long long)change->rows);
    cr_assert_lt(list->size, sizeof list->text);
    return QUIRE_OK;
}

static void tells(quire_db *db, const char *new_sdl, const char *expected, int line)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct list list = {.text = ""};
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_diff(txn, new_sdl, 0, QUIRE_SCHEMA_SOURCE, note, &list, &err),
                 QUIRE_OK, "line %d: %s", line, err.message);
    quire_rollback(txn);
    cr_assert_str_eq(list.text, expected, "line %d: %s\n tells    %s\n expected %s", line, new_sdl,
                     list.text, expected);
}

static quire_status migrate(quire_db *db, const char *new_sdl, bool drop_data, quire_error *err)
{
    quire_migration_options options = QUIRE_MIGRATION_OPTIONS_INIT;
    quire_txn *txn;
    options.drop_data = drop_data;
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_schema_migrate(txn, new_sdl, 0, &options, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

#define TELLS(db, new_sdl, expected) tells(db, new_sdl, expected, __LINE__)
#define APPLIES(db, new_sdl, drop_data)                                                            \
    do {                                                                                           \
        quire_error applies_err = QUIRE_ERROR_INIT;                                                \
        cr_assert_eq(migrate(db, new_sdl, drop_data, &applies_err), QUIRE_OK, "%s",                \
                     applies_err.message);                                                         \
    } while (0)

Test(migration, additions__are_safe_or_dangerous_and_applied)
{
    quire_db *db = mapping_open("type A { id: ID! e: E } enum E { X }", NULL);
    TELLS(db, "type A { id: ID! e: E n: Int @index bs: [B] } enum E { X Y } type B { id: ID! }",
          "d- VALUE_ADDED_TO_ENUM 0, s- FIELD_ADDED 0, s- FIELD_ADDED 0, s- TYPE_ADDED 0, "
          "sa COLUMN_ADDED 0, sa LINKS_CREATED 0, sa TABLE_CREATED 0, sa INDEX_CREATED 0, "
          "sa INDEX_CREATED 0");
    TELLS(db, "type A { id: ID! e: E } enum E { X }", "");
    mapping_close(db);
}

Test(migration, losses__are_told_with_their_rows_and_done_when_allowed)
{
    static const char less[] = "type User { id: ID! name: String! @index role: Role\n"
                               "  posts: [Post!]! boss: User }\n"
                               "type Post { id: ID! title: String! @unique user: User! }\n"
                               "enum Role { ADMIN READER }\n";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(sdl, rows);
    TELLS(db, less,
          "b- FIELD_REMOVED 0, b- FIELD_REMOVED 0, b- FIELD_REMOVED 0, b- FIELD_REMOVED 0, "
          "b- FIELD_REMOVED 0, b- TYPE_REMOVED 0, "
          "sl COLUMN_DROPPED 1, sl COLUMN_DROPPED 1, sl LINKS_DROPPED 1, sl COLUMN_DROPPED 1, "
          "sl LINKS_DROPPED 2, sl TABLE_DROPPED 2");
    cr_assert_eq(migrate(db, less, false, &err), QUIRE_SCHEMA);
    cr_assert_not_null(strstr(err.message, "User.age is stored and is missing"), "%s", err.message);
    MAPPING_IS(db, "{ user(id: \"a\") { age } topics { totalCount } }",
               "{\"data\":{\"user\":{\"age\":30},\"topics\":{\"totalCount\":2}}}");
    APPLIES(db, less, true);
    MAPPING_IS(
        db, "{ users { items { id name role boss { name } posts { items { title } } } } }",
        "{\"data\":{\"users\":{\"items\":[{\"id\":\"a\",\"name\":\"Ann\",\"role\":\"ADMIN\","
        "\"boss\":null,\"posts\":{\"items\":[]}},{\"id\":\"b\",\"name\":\"Bob\","
        "\"role\":null,\"boss\":{\"name\":\"Ann\"},\"posts\":{\"items\":[{\"title\":\"P\"}]}}"
        "]}}}");
    MAPPING_EXPLAINS(db, "{ users(where: {name: {equals: \"Bob\"}}) { items { id } } }",
                     "\"index\":\"User.name\"");
    MAPPING_HAS(db, "mutation { createPost(input: {title: \"P\", userId: \"a\"}) { id } }",
                "\"UNIQUE\"");
    MAPPING_HAS(db, "mutation { deleteUser(id: \"a\") { id } }", "\"deleteUser\"");
    /* What was dropped may come back empty, but for Post.views, which needs a value. */
    cr_assert_eq(migrate(db, sdl, true, &err), QUIRE_SCHEMA);
    cr_assert_not_null(strstr(err.message, "Post.views is non-null"), "%s", err.message);
    mapping_close(db);
}

Test(migration, what_has_no_values__goes_without_being_told_to)
{
    quire_db *db = mapping_open("type A { id: ID! n: Int bs: [B] } type B { id: ID! }",
                                "mutation { createA(input: {id: \"1\"}) { id } }");
    APPLIES(db, "type A { id: ID! }", false);
    MAPPING_IS(db, "{ as { items { id } } }", "{\"data\":{\"as\":{\"items\":[{\"id\":\"1\"}]}}}");
    mapping_close(db);
}

Test(migration, values__are_converted_where_they_fit)
{
    quire_db *db = mapping_open(
        "type A { id: ID! t: Int f: Int b: Int s: ID e: E l: [ID] g: BigInt } enum E { X }",
        "mutation { createA(input: {id: \"1\", t: -7, f: 3, b: 4, s: \"s\", e: X, l: [\"p\"],"
        " g: \"9007199254740993\"}) { id } }");
    static const char after[] =
        "type A { id: String! @id t: String f: Float b: BigInt s: String e: String l: [String]"
        " g: ID }";
    APPLIES(db, after, false);
    MAPPING_IS(db, "{ as { items { id t f b s e l g } } }",
               "{\"data\":{\"as\":{\"items\":[{\"id\":\"1\",\"t\":\"-7\",\"f\":3,\"b\":\"4\","
               "\"s\":\"s\",\"e\":\"X\",\"l\":[\"p\"],\"g\":\"9007199254740993\"}]}}}");
    MAPPING_HAS(db, "mutation { createA(input: {id: \"2\", t: \"x\", f: 0.5}) { f } }", "0.5");
    mapping_close(db);
}

Test(migration, nulls__are_filled_checked_and_allowed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! n: Int m: Int! l: [Int] }",
                                "mutation { a: createA(input: {id: \"1\", m: 1, n: 5}) { id }"
                                " b: createA(input: {id: \"2\", m: 1, l: [1, null]}) { id } }");
    cr_assert_eq(migrate(db, "type A { id: ID! n: Int! m: Int! l: [Int] }", true, &err),
                 QUIRE_SCHEMA);
    cr_assert_not_null(strstr(err.message, "1 row without a value"), "%s", err.message);
    cr_assert_eq(err.line, 1);
    cr_assert_eq(err.column, 18);
    cr_assert_eq(migrate(db, "type A { id: ID! n: Int m: Int! l: [Int!] }", true, &err),
                 QUIRE_SCHEMA);
    cr_assert_not_null(strstr(err.message, "A.l"), "%s", err.message);
    APPLIES(db, "type A { id: ID! n: Int! @default(value: 9) m: Int l: [Int] }", false);
    MAPPING_IS(db, "mutation { updateA(id: \"1\", input: {m: null}) { n m } }",
               "{\"data\":{\"updateA\":{\"n\":5,\"m\":null}}}");
    MAPPING_IS(db, "{ a(id: \"2\") { n m } }", "{\"data\":{\"a\":{\"n\":9,\"m\":1}}}");
    mapping_close(db);
}

Test(migration, enum_values__that_rows_have_stay)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! e: E es: [E!] } enum E { X Y Z }",
                                "mutation { createA(input: {e: X, es: [Y]}) { id } }");
    cr_assert_eq(migrate(db, "type A { id: ID! e: E es: [E!] } enum E { Y Z }", true, &err),
                 QUIRE_SCHEMA);
    cr_assert_eq(migrate(db, "type A { id: ID! e: E es: [E!] } enum E { X Z }", true, &err),
                 QUIRE_SCHEMA);
    APPLIES(db, "type A { id: ID! e: E es: [E!] } enum E { X Y }", false);
    mapping_close(db);
}

Test(migration, hints__rename_types_fields_and_relations)
{
    static const char renamed[] =
        "type Person @renamedFrom(name: \"User\") { id: ID!\n"
        "  fullName: String! @index @renamedFrom(name: \"name\") age: Int tags: [String]\n"
        "  role: Role texts: [Text!]! lead: Person @renamedFrom(name: \"boss\")\n"
        "  favors: [Subject!]! @renamedFrom(name: \"likes\") }\n"
        "type Text @renamedFrom(name: \"Post\") { id: ID! title: String! @unique\n"
        "  by: Person! @renamedFrom(name: \"user\") views: Int!\n"
        "  subjects: [Subject!]! @renamedFrom(name: \"topics\") }\n"
        "type Subject @renamedFrom(name: \"Topic\") { name: String! @id texts: [Text!]!\n"
        "  @renamedFrom(name: \"posts\") }\n"
        "enum Role { ADMIN READER }\n";
    static const char query[] = "{ people { items { id fullName age tags role lead { fullName }"
                                " favors { items { name } } texts { items { title views"
                                " subjects { items { name texts { totalCount } } } } } } } }";
    static const char answer[] =
        "{\"data\":{\"people\":{\"items\":[{\"id\":\"a\",\"fullName\":\"Ann\",\"age\":30,"
        "\"tags\":[\"x\",null],\"role\":\"ADMIN\",\"lead\":null,\"favors\":{\"items\":[]},"
        "\"texts\":{\"items\":[]}},{\"id\":\"b\",\"fullName\":\"Bob\",\"age\":null,\"tags\":null,"
        "\"role\":null,\"lead\":{\"fullName\":\"Ann\"},\"favors\":{\"items\":[{\"name\":\"t\"}]},"
        "\"texts\":{\"items\":[{\"title\":\"P\",\"views\":7,\"subjects\":{\"items\":["
        "{\"name\":\"t\",\"texts\":{\"totalCount\":1}},{\"name\":\"u\",\"texts\":{\"totalCount\":1}"
        "}"
        "]}}]}}]}}}";
    quire_db *db = mapping_open(sdl, rows);
    APPLIES(db, renamed, false);
    MAPPING_IS(db, query, answer);
    MAPPING_EXPLAINS(db, "{ people(where: {fullName: {equals: \"Bob\"}}) { items { id } } }",
                     "\"index\":\"Person.fullName\"");
    MAPPING_HAS(db, "mutation { deleteText(id: \"p\") { id } }", "\"p\"");
    MAPPING_HAS(db,
                "mutation { createText(input: {title: \"Q\", byId: \"a\", views: 0,"
                " subjectsIds: [\"u\"]}) { subjects { items { name } } } }",
                "{\"name\":\"u\"}");
    /* Hints that have done their work change nothing. */
    TELLS(db, renamed, "");
    APPLIES(db, renamed, false);
    mapping_close(db);
}

Test(migration, one_side_of_a_relation__may_go_and_come)
{
    quire_db *db =
        mapping_open("type A { id: ID! bs: [B!]! } type B { id: ID! as: [A!]! }",
                     "mutation { createA(input: {id: \"a\", bs: {create: [{id: \"b\"}]}})"
                     " { id } }");
    APPLIES(db, "type A { id: ID! bs: [B!]! } type B { id: ID! }", false);
    MAPPING_IS(db, "{ a(id: \"a\") { bs { items { id } } } }",
               "{\"data\":{\"a\":{\"bs\":{\"items\":[{\"id\":\"b\"}]}}}}");
    APPLIES(db, "type A { id: ID! bs: [B!]! } type B { id: ID! as: [A!]! }", false);
    MAPPING_IS(db, "{ b(id: \"b\") { as { items { id } } } }",
               "{\"data\":{\"b\":{\"as\":{\"items\":[{\"id\":\"a\"}]}}}}");
    /* The side that the links are named after takes them along. */
    TELLS(db, "type A { id: ID! } type B { id: ID! as: [A!]! }",
          "b- FIELD_REMOVED 0, sl LINKS_DROPPED 1, sa LINKS_CREATED 0");
    APPLIES(db, "type A { id: ID! } type B { id: ID! as: [A!]! }", true);
    MAPPING_IS(db, "{ b(id: \"b\") { as { totalCount } } }",
               "{\"data\":{\"b\":{\"as\":{\"totalCount\":0}}}}");
    mapping_close(db);
}

/* ---- triggers ---- */

static quire_status count_call(void *context, const quire_trigger_call *call, quire_error *err)
{
    (void)call;
    (void)err;
    ++*(int *)context;
    return QUIRE_OK;
}

Test(migration, triggers__of_a_table_that_is_written_anew_stay)
{
    quire_error err = QUIRE_ERROR_INIT;
    int calls = 0;
    quire_txn *txn;
    quire_db *db = mapping_open("type A { id: ID! n: Int m: Int }",
                                "mutation { createA(input: {id: \"1\", n: 1}) { id } }");
    const quire_trigger_def def = {.name = "watch",
                                   .table = "A",
                                   .function = "count",
                                   .time = QUIRE_AFTER,
                                   .events = QUIRE_ON_INSERT};
    cr_assert_eq(quire_trigger_function(db, "count", count_call, &calls, &err), QUIRE_OK);
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_trigger_create(txn, &def, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK);
    APPLIES(db, "type A { id: ID! n: String }", true);
    cr_assert_eq(calls, 0);
    MAPPING_HAS(db, "mutation { createA(input: {id: \"2\", n: \"x\"}) { n } }", "\"x\"");
    cr_assert_eq(calls, 1);
    mapping_close(db);
}

static void create_index(quire_db *db, const quire_index_def *def)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_index_create(txn, "A", def, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK);
}

Test(migration, own_indexes__of_a_table_that_is_written_anew_stay)
{
    static const char *const included[] = {"k"};
    static const quire_index_column n[] = {{.name = "n", .descending = true}};
    static const quire_index_column half[] = {{.expression = "k / 2"}, {.name = "k"}};
    static const quire_index_column m[] = {{.name = "m"}};
    static const char after[] = "type A { id: ID! @index no: Int @map(name: \"no\")"
                                " @renamedFrom(name: \"n\") k: Int }";
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_table *table;
    quire_db *db = mapping_open("type A { id: ID! n: Int m: Int k: Int }",
                                "mutation { createA(input: {id: \"1\", n: 1}) { id } }");
    create_index(db, &(quire_index_def){.name = "own.n",
                                        .unique = true,
                                        .columns = n,
                                        .column_count = 1,
                                        .included = included,
                                        .included_count = 1,
                                        .where = "k > 0"});
    create_index(db, &(quire_index_def){.name = "own.half", .columns = half, .column_count = 2});
    create_index(db, &(quire_index_def){.name = "own.m", .columns = m, .column_count = 1});
    TELLS(db, after,
          "b- FIELD_REMOVED 0, b- FIELD_REMOVED 0, s- FIELD_ADDED 0, sa INDEX_DROPPED 0, "
          "sa COLUMN_DROPPED 0, sa COLUMN_RENAMED 0, sa INDEX_CREATED 0");
    APPLIES(db, after, false);
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_table_open(txn, "A", &table, &err), QUIRE_OK);
    unsigned found = 0;
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        const quire_index_def *def = quire_table_index(table, i);
        cr_expect_str_neq(def->name, "own.m");
        found += strcmp(def->name, "own.half") == 0 ? 1 : 0;
        if (strcmp(def->name, "own.n") == 0) {
            found++;
            cr_expect(def->unique && def->columns[0].descending && def->included_count == 1);
            cr_expect_str_eq(def->columns[0].name, "no");
            cr_expect_str_eq(def->where, "k > 0");
        }
    }
    cr_expect_eq(found, 2);
    quire_table_close(table);
    quire_rollback(txn);
    mapping_close(db);
}

/* The inspector finds every index equal to its table. */
static void inspect_indexes(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    cr_assert_eq(quire_inspect_indexes_open(db, NULL, &report, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_text(report));
    quire_report_free(report);
}

static void refuses(quire_db *db, const char *after, const char *why, int line)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(migrate(db, after, true, &err), QUIRE_SCHEMA, "line %d: %s", line, err.message);
    cr_assert_not_null(strstr(err.message, why), "line %d: %s", line, err.message);
    cr_assert_gt(err.line, 0);
    MAPPING_IS(db, "{ as { items { n k } } }",
               "{\"data\":{\"as\":{\"items\":[{\"n\":1,\"k\":4},{\"n\":2,\"k\":5}]}}}");
    inspect_indexes(db);
}

#define REFUSES(db, after, why) refuses(db, after, why, __LINE__)

Test(migration, own_indexes__that_compute_with_a_column_keep_it_as_it_is)
{
    static const quire_index_column n[] = {{.name = "n"}};
    static const quire_index_column half[] = {{.expression = "k / 2"}};
    quire_db *db = mapping_open("type A { id: ID! n: Int k: Int m: Int }",
                                "mutation { createAs(inputs: [{id: \"1\", n: 1, k: 4},"
                                " {id: \"2\", n: 2, k: 5}]) { affectedRows } }");
    create_index(db, &(quire_index_def){
                         .name = "own.n", .columns = n, .column_count = 1, .where = "m IS NULL"});
    create_index(db, &(quire_index_def){.name = "own.half", .columns = half, .column_count = 1});
    TELLS(db, "type A { id: ID! n: Int k: Int }",
          "b- FIELD_REMOVED 0, sr INDEX_IN_USE 0, sa COLUMN_DROPPED 0");
    /* gone, alone or for another of the name */
    REFUSES(db, "type A { id: ID! n: Int k: Int }",
            "The index own.n computes with A.m, which is missing: drop the index first");
    REFUSES(db, "type A { id: ID! n: Int k: Int m: [String!] }", "own.n");
    REFUSES(db, "type A { id: ID! n: Int m: Int k: Boolean }", "own.half");
    /* called otherwise, with the rows as they are, written anew, and by what another one was */
    REFUSES(db, "type A { id: ID! n: Int kk: Int @renamedFrom(name: \"k\") m: Int }",
            "The index own.half computes with A.k, which is to be called otherwise");
    REFUSES(db, "type A { id: ID! kk: Int @renamedFrom(name: \"k\") m: Int }", "own.half");
    /* another type */
    REFUSES(db, "type A { id: ID! n: Int k: String m: Int }",
            "The index own.half computes with A.k, which is to be stored as another type");
    REFUSES(db, "type A { id: ID! n: Int k: Float m: Int }", "own.half");
    /* What they do not compute with may change. */
    APPLIES(db, "type A { id: ID! no: Float @renamedFrom(name: \"n\") k: BigInt m: Int }", false);
    inspect_indexes(db);
    MAPPING_IS(db, "{ as { items { no k } } }",
               "{\"data\":{\"as\":{\"items\":[{\"no\":1,\"k\":\"4\"},{\"no\":2,\"k\":\"5\"}]}}}");
    mapping_close(db);
}

/* ---- failures ---- */

Test(migration, a_failing_allocation__leaves_the_old_schema)
{
    static const char after[] = "type Person @renamedFrom(name: \"User\") { id: ID! name: String!\n"
                                "  age: String role: Role @default(value: READER) since: Int!\n"
                                "  @default(value: 1) posts: [Post!]! }\n"
                                "type Post { id: ID! title: String! @unique user: Person!\n"
                                "  views: Float topics: [Topic!]! }\n"
                                "type Topic { name: String! @id posts: [Post!]! }\n"
                                "enum Role { ADMIN READER }\n";
    struct failing_allocator failing;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    quire_status status;
    uint64_t index = 0;

    failing_allocator_init(&failing);
    options.mode = QUIRE_OPEN_CREATE;
    options.allocator = &failing.allocator;
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
    cr_assert_eq(mapping_apply(db, sdl, &err), QUIRE_OK);
    quire_free(mapping_run(db, rows, NULL, false));
    do {
        failing_allocator_arm(&failing, index++, false);
        status = migrate(db, after, true, &err);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, QUIRE_NO_MEMORY, "allocation %llu: %s", (unsigned long long)index,
                         err.message);
            MAPPING_IS(db, "{ users { totalCount } user(id: \"a\") { age likes { totalCount } } }",
                       "{\"data\":{\"users\":{\"totalCount\":2},\"user\":{\"age\":30,"
                       "\"likes\":{\"totalCount\":0}}}}");
        }
    } while (status != QUIRE_OK && index < 20000);
    cr_assert_eq(status, QUIRE_OK);
    MAPPING_IS(db, "{ person(id: \"a\") { age since } post(id: \"p\") { views user { name } } }",
               "{\"data\":{\"person\":{\"age\":\"30\",\"since\":1},"
               "\"post\":{\"views\":7,\"user\":{\"name\":\"Bob\"}}}}");
    mapping_close(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(migration, misuse__is_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_migration_options options = {.size = 1};
    quire_txn *txn;
    quire_db *db = mapping_open("type A { id: ID! }", NULL);
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_migrate(txn, "type A { id: ID! }", 0, NULL, &err), QUIRE_MISUSE);
    cr_assert_eq(quire_schema_diff(txn, NULL, 0, QUIRE_SCHEMA_API, note, NULL, &err), QUIRE_MISUSE);
    cr_assert_eq(quire_schema_diff(txn, "type A {", 0, QUIRE_SCHEMA_API, note, NULL, &err),
                 QUIRE_SYNTAX);
    quire_rollback(txn);
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_migrate(txn, "type A { id: ID! }", 0, &options, &err), QUIRE_MISUSE);
    quire_rollback(txn);
    mapping_close(db);
}
