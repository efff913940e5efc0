/*
 * Triggers of the schema in loads.
 */
#include "load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"

static const char sdl[] =
    "type User\n"
    "  @trigger(on: [CREATE, UPDATE], mutation: \"\"\"mutation ($new_id: ID!, $new_name: String,\n"
    "    $old_name: String, $new_bossId: ID) { createLog(input: {who: $new_id, now: $new_name,\n"
    "    was: $old_name, boss: $new_bossId}) { id } }\"\"\")\n"
    "  @trigger(on: DELETE, mutation: \"\"\"mutation ($old_id: ID!, $old_name: String)\n"
    "    { createLog(input: {who: $old_id, was: $old_name}) { id } }\"\"\")\n"
    "  { id: ID! name: String email: String @unique boss: User }\n"
    "type Post @trigger(on: CREATE, when: BEFORE, mutation: \"\"\"mutation ($new_title: String!)\n"
    "    { createLog(input: {who: \"before\", now: $new_title}) { id } }\"\"\")\n"
    "  @trigger(on: CREATE, mutation: \"\"\"mutation ($new_title: String!, $new_authorId: ID!)\n"
    "    { createLog(input: {who: \"post\", now: $new_title, boss: $new_authorId}) { id } "
    "}\"\"\")\n"
    "  { id: ID! title: String! author: User! }\n"
    "type Log { id: Int! @id @default(expr: \"autoincrement()\") who: ID now: String was: String\n"
    "  boss: ID }\n";

#define LOGS "{ logs { items { who now was boss } } }"

static quire_db *open_new(void)
{
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
    return db;
}

static quire_status run(quire_db *db, quire_load_mode mode, bool no_triggers,
                        const struct input *inputs, quire_error *err)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    uint64_t rows;
    options.mode = mode;
    options.no_triggers = no_triggers;
    return load_with(db, &options, inputs, 0, &rows, err);
}

#define ROW(who, now, was, boss)                                                                   \
    "{\"who\":" who ",\"now\":" now ",\"was\":" was ",\"boss\":" boss "}"

Test(load_trigger, rows__set_off_triggers_when_all_of_them_are_there)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_new();
    /* the author, and a boss, come later */
    OK(run(db, QUIRE_LOAD_INSERT, false,
           INPUTS({"in", "{\"Post\": [{\"id\": \"p\", \"title\": \"T\", \"author\": \"a\"}],"
                         " \"User\": [{\"id\": \"a\", \"name\": \"Ann\", \"boss\": \"b\"},"
                         "  {\"id\": \"b\", \"name\": \"Bob\"}]}"}),
           &err));
    expect_answer(db, LOGS,
                  "{\"logs\":{\"items\":[" ROW("\"before\"", "\"T\"", "null", "null") "," ROW(
                      "\"post\"", "\"T\"", "null",
                      "\"a\"") "," ROW("\"a\"", "\"Ann\"", "null",
                                       "\"b\"") "," ROW("\"b\"", "\"Bob\"", "null", "null") "]}}");
    close_db(db);
}

Test(load_trigger, modes__tell_what_they_update_and_delete)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_new();
    OK(run(db, QUIRE_LOAD_INSERT, true,
           INPUTS({"User.csv", "id,name,email\na,Ann,a@x\nb,Bob,b@x\nc,Cid,c@x\n"}), &err));
    expect_answer(db, "{ logs { totalCount } }", "{\"logs\":{\"totalCount\":0}}");
    OK(run(db, QUIRE_LOAD_UPSERT, false, INPUTS({"User.csv", "id,name\na,Anna\nd,Dan\n"}), &err));
    expect_answer(db, LOGS,
                  "{\"logs\":{\"items\":[" ROW("\"a\"", "\"Anna\"", "\"Ann\"", "null") "," ROW(
                      "\"d\"", "\"Dan\"", "null", "null") "]}}");
    expect_answer(db, "{ users { totalCount } }", "{\"users\":{\"totalCount\":4}}");
    /* b and c exchange a unique value; a and d are left out */
    OK(run(db, QUIRE_LOAD_REPLACE, false,
           INPUTS({"User.csv", "id,name,email\nb,Bob,c@x\nc,Cid,b@x\n"}), &err));
    expect_answer(
        db, "{ logs(first: 10, where: {id: {gt: 2}}) { items { who now was } } }",
        "{\"logs\":{\"items\":[{\"who\":\"b\",\"now\":\"Bob\",\"was\":\"Bob\"},"
        "{\"who\":\"c\",\"now\":\"Cid\",\"was\":\"Cid\"},{\"who\":\"a\",\"now\":null,\"was\":"
        "\"Anna\"},{\"who\":\"d\",\"now\":null,\"was\":\"Dan\"}]}}");
    close_db(db);
}

Test(load_trigger, failure__refuses_the_load_at_the_place_of_the_row)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, "type A @trigger(on: CREATE, mutation: \"mutation ($new_n: Int!)"
                     " { createB(input: {n: $new_n}) { n } }\") { id: ID! n: Int! }\n"
                     "type B { id: ID! n: Int! @constraint(max: 2) }");
    cr_assert_eq(
        run(db, QUIRE_LOAD_INSERT, false, INPUTS({"A.csv", "id,n\n1,1\n2,2\n3,3\n4,4\n"}), &err),
        QUIRE_CHECK, "%s", err.message);
    cr_assert_eq(err.line, 4, "%u", err.line);
    cr_assert_str_eq(err.file, "A.csv");
    cr_assert_not_null(strstr(err.message, "A trigger of A failed"), "%s", err.message);
    expect_answer(db, "{ as { totalCount } bs { totalCount } }",
                  "{\"as\":{\"totalCount\":0},\"bs\":{\"totalCount\":0}}");
    close_db(db);
}

Test(load_trigger, depth__is_bounded)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, "type A @trigger(on: CREATE, mutation: \"mutation ($new_n: Int)"
                     " { createA(input: {n: $new_n}) { n } }\") { id: ID! n: Int }");
    cr_assert_eq(run(db, QUIRE_LOAD_INSERT, false, INPUTS({"A.csv", "id,n\n1,1\n"}), &err),
                 QUIRE_CHECK, "%s", err.message);
    cr_assert_not_null(strstr(err.message, "trigger_depth_max"), "%s", err.message);
    close_db(db);
}

Test(load_trigger, many_changes__wait_in_a_file)
{
    enum { ROWS = 30000 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    char *text = malloc(ROWS * 16 + 16);
    size_t size = (size_t)snprintf(text, 16, "id,n\n");
    apply_schema(db, "type A @trigger(on: CREATE, mutation: \"mutation ($new_n: Int)"
                     " { updateSum(id: \\\"s\\\", apply: {n: {increment: $new_n}}) { id } }\")"
                     " { id: ID! n: Int }\n"
                     "type Sum { id: ID! n: Int! }");
    OK(run(db, QUIRE_LOAD_INSERT, false, INPUTS({"Sum.csv", "id,n\ns,0\n"}), &err));
    for (int i = 0; i < ROWS; i++) {
        size += (size_t)snprintf(text + size, 16, "%d,1\n", i);
    }
    OK(run(db, QUIRE_LOAD_INSERT, false, INPUTS({"A.csv", text}), &err));
    expect_answer(db, "{ sum(id: \"s\") { n } }", "{\"sum\":{\"n\":30000}}");
    free(text);
    close_db(db);
}

Test(load_trigger, old_references__are_those_of_rows_that_went_too)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db,
                 "type User { id: ID! posts: [Post!]! }\n"
                 "type Post @trigger(on: [UPDATE, DELETE], mutation: \"\"\"mutation ($old_id:"
                 " ID!, $old_userId: ID!, $new_userId: ID)\n"
                 "  { createLog(input: {what: $old_id, was: $old_userId, now: $new_userId})"
                 " { id } }\"\"\")\n"
                 "  { id: ID! user: User! }\n"
                 "type Log { id: Int! @id @default(expr: \"autoincrement()\") what: ID was: ID\n"
                 "  now: ID }\n");
    OK(run(db, QUIRE_LOAD_INSERT, false,
           INPUTS({"User.csv", "id\na\nb\n"}, {"Post.csv", "id,userId\np,a\nq,a\n"}), &err));
    OK(run(db, QUIRE_LOAD_REPLACE, false,
           INPUTS({"User.csv", "id\nb\n"}, {"Post.csv", "id,userId\nq,b\n"}), &err));
    expect_answer(db, "{ logs { items { what was now } } }",
                  "{\"logs\":{\"items\":[{\"what\":\"q\",\"was\":\"a\",\"now\":\"b\"},"
                  "{\"what\":\"p\",\"was\":\"a\",\"now\":null}]}}");
    close_db(db);
}

Test(load_trigger, old_values__are_those_of_before_the_load)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db,
                 "type User @trigger(on: [UPDATE, DELETE], when: BEFORE, mutation: \"\"\"mutation"
                 " ($old_id: ID!, $old_email: String!)\n"
                 "  { createLog(input: {who: $old_id, was: $old_email}) { id } }\"\"\")\n"
                 "  @trigger(on: [UPDATE, DELETE], mutation: \"\"\"mutation ($old_id: ID!,"
                 " $old_email: String!, $old_nick: String, $new_email: String)\n"
                 "  { createLog(input: {who: $old_id, was: $old_email, nick: $old_nick,"
                 " now: $new_email}) { id } }\"\"\")\n"
                 "  { id: ID! email: String! @unique nick: String @unique }\n"
                 "type Log { id: Int! @id @default(expr: \"autoincrement()\") who: ID was:"
                 " String nick: String now: String }\n");
    OK(run(db, QUIRE_LOAD_INSERT, false,
           INPUTS({"User.csv", "id,email,nick\na,x,A\nb,y,B\nc,z,C\n"}), &err));
    /* a takes the values of b, which takes those of c, which goes */
    OK(run(db, QUIRE_LOAD_REPLACE, false, INPUTS({"User.csv", "id,email,nick\na,y,B\nb,z,C\n"}),
           &err));
    expect_answer(db, "{ logs { items { who was nick now } } }",
                  "{\"logs\":{\"items\":["
                  "{\"who\":\"a\",\"was\":\"x\",\"nick\":null,\"now\":null},"
                  "{\"who\":\"b\",\"was\":\"y\",\"nick\":null,\"now\":null},"
                  "{\"who\":\"c\",\"was\":\"z\",\"nick\":null,\"now\":null},"
                  "{\"who\":\"a\",\"was\":\"x\",\"nick\":\"A\",\"now\":\"y\"},"
                  "{\"who\":\"b\",\"was\":\"y\",\"nick\":\"B\",\"now\":\"z\"},"
                  "{\"who\":\"c\",\"was\":\"z\",\"nick\":\"C\",\"now\":null}]}}");
    close_db(db);
}

Test(load_trigger, a_failing_allocation_of_an_exchange__changes_nothing)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_db *db = open_db(":memory:", &failing.allocator);
    quire_status status;
    uint64_t index = 0;
    apply_schema(db, "type User @trigger(on: [UPDATE, DELETE], mutation: \"mutation ($old_mail:"
                     " String!, $old_bossId: ID) { createLog(input: {was: $old_mail, boss:"
                     " $old_bossId}) { id } }\") { id: ID! mail: String! @unique boss: User }\n"
                     "type Log { id: Int! @id @default(expr: \"autoincrement()\") was: String"
                     " boss: ID }\n");
    do {
        quire_error err = QUIRE_ERROR_INIT;
        OK(run(
            db, QUIRE_LOAD_REPLACE, true,
            INPUTS({"User.csv", "id,mail,bossId\na,x,b\nb,y,a\nc,z,a\n"}, {"Log.csv", "id,was\n"}),
            &err));
        failing_allocator_arm(&failing, index, false);
        status =
            run(db, QUIRE_LOAD_REPLACE, false, INPUTS({"User.csv", "id,mail\na,y\nb,z\n"}), &err);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, QUIRE_NO_MEMORY, "allocation %llu: %s: %s",
                         (unsigned long long)index, quire_status_name(status), err.message);
            expect_answer(db, "{ users { items { mail } } logs { totalCount } }",
                          "{\"users\":{\"items\":[{\"mail\":\"x\"},{\"mail\":\"y\"},"
                          "{\"mail\":\"z\"}]},\"logs\":{\"totalCount\":0}}");
        }
        index++;
    } while (status != QUIRE_OK && index < 5000);
    cr_assert_eq(status, QUIRE_OK);
    cr_assert_gt(index, 20);
    expect_answer(db, "{ logs { items { was boss } } }",
                  "{\"logs\":{\"items\":[{\"was\":\"x\",\"boss\":\"b\"},"
                  "{\"was\":\"y\",\"boss\":\"a\"},{\"was\":\"z\",\"boss\":\"a\"}]}}");
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}
