/*
 * Loads that meet rows which are there already, and what waits in a file.
 */
#include "load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sdl[] =
    "type User { id: ID! email: String! @unique name: String age: Int @default(value: 1)\n"
    "  boss: User posts: [Post!]! }\n"
    "type Post { id: ID! title: String author: User! tags: [Tag!]! }\n"
    "type Tag { name: String! @id posts: [Post!]! }\n"
    "type Note { id: ID! about: User @relation(onDelete: CASCADE) }\n";

static const char before[] =
    "{\"User\": [{\"id\": \"a\", \"email\": \"a@x\", \"name\": \"Ann\", \"age\": 30},"
    "  {\"id\": \"b\", \"email\": \"b@x\", \"name\": \"Bob\", \"boss\": \"a\"}],"
    " \"Tag\": [{\"name\": \"t\"}, {\"name\": \"u\"}],"
    " \"Post\": [{\"id\": \"p\", \"title\": \"P\", \"author\": \"b\", \"tags\": [\"t\", \"u\"]}],"
    " \"Note\": [{\"id\": \"n\", \"about\": \"b\"}]}";

static quire_db *filled(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
    OK(load(db, NULL, INPUTS({"before", before}), &err));
    return db;
}

static quire_status change(quire_db *db, quire_load_mode mode, const struct input *inputs,
                           quire_error *err)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    uint64_t rows;
    options.mode = mode;
    return load_with(db, &options, inputs, 0, &rows, err);
}

#define USERS "{ users { items { id email name age boss { id } } } }"

Test(load_modes, insert__refuses_a_row_that_is_there)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    cr_assert_eq(change(db, QUIRE_LOAD_INSERT, INPUTS({"Tag.csv", "name\nz\nt\n"}), &err),
                 QUIRE_UNIQUE);
    cr_assert(err.line == 3 && err.column == 1, "%u:%u", err.line, err.column);
    expect_answer(db, "{ tags { totalCount } }", "{\"tags\":{\"totalCount\":2}}");
    close_db(db);
}

Test(load_modes, upsert__updates_what_is_given_and_inserts_the_rest)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    OK(change(
        db, QUIRE_LOAD_UPSERT,
        INPUTS({"x", "{\"User\": [{\"id\": \"b\", \"name\": null, \"boss\": \"c\"},"
                     "{\"id\": \"c\", \"email\": \"c@x\"}, {\"email\": \"a@x\", \"age\": 31}],"
                     "\"Post\": [{\"id\": \"p\", \"tags\": [\"u\", \"v\"]}],"
                     "\"Tag\": [{\"name\": \"v\"}]}"}),
        &err));
    expect_answer(db, USERS,
                  "{\"users\":{\"items\":[{\"id\":\"a\",\"email\":\"a@x\",\"name\":\"Ann\","
                  "\"age\":31,\"boss\":null},{\"id\":\"b\",\"email\":\"b@x\",\"name\":null,"
                  "\"age\":1,\"boss\":{\"id\":\"c\"}},{\"id\":\"c\",\"email\":\"c@x\","
                  "\"name\":null,\"age\":1,\"boss\":null}]}}");
    expect_answer(db, "{ posts { items { title author { id } tags { items { name } } } } }",
                  "{\"posts\":{\"items\":[{\"title\":\"P\",\"author\":{\"id\":\"b\"},"
                  "\"tags\":{\"items\":[{\"name\":\"u\"},{\"name\":\"v\"}]}}]}}");
    close_db(db);
}

Test(load_modes, upsert__refuses_one_row_twice_and_clashes)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    cr_assert_eq(change(db, QUIRE_LOAD_UPSERT, INPUTS({"Tag.csv", "name\nt\nz\nz\n"}), &err),
                 QUIRE_UNIQUE);
    cr_assert(err.line == 4 && err.column == 1, "%u:%u %s", err.line, err.column, err.message);
    cr_assert_not_null(strstr(err.message, "twice"), "%s", err.message);
    cr_assert_eq(change(db, QUIRE_LOAD_UPSERT, INPUTS({"User.csv", "id,email\nb,a@x\n"}), &err),
                 QUIRE_UNIQUE);
    cr_assert_eq(change(db, QUIRE_LOAD_UPSERT, INPUTS({"User.csv", "id,email\na,\n"}), &err),
                 QUIRE_NOT_NULL);
    close_db(db);
}

Test(load_modes, replace__keeps_references_to_rows_that_stay)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"User.csv", "id,email,boss\nc,c@x,b\nb,b2@x,c\n"}),
              &err));
    expect_answer(db, USERS,
                  "{\"users\":{\"items\":[{\"id\":\"b\",\"email\":\"b2@x\",\"name\":null,"
                  "\"age\":1,\"boss\":{\"id\":\"c\"}},{\"id\":\"c\",\"email\":\"c@x\","
                  "\"name\":null,\"age\":1,\"boss\":{\"id\":\"b\"}}]}}");
    expect_answer(
        db, "{ posts { items { author { id } tags { totalCount } } } notes { totalCount } }",
        "{\"posts\":{\"items\":[{\"author\":{\"id\":\"b\"},\"tags\":{\"totalCount\":2}}]},"
        "\"notes\":{\"totalCount\":1}}");
    close_db(db);
}

Test(load_modes, replace__finds_rows_by_unique_fields_and_keeps_their_keys)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"User.csv", "email,name\nb@x,Bea\na@x,Al\n"}), &err));
    expect_answer(db, "{ users { items { id name } } }",
                  "{\"users\":{\"items\":[{\"id\":\"a\",\"name\":\"Al\"},"
                  "{\"id\":\"b\",\"name\":\"Bea\"}]}}");
    /* A key may change where a unique field tells the row. */
    OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"User.csv", "id,email\nz,b@x\n"}), &err));
    expect_answer(db, "{ users { items { id } } posts { items { author { id } } } }",
                  "{\"users\":{\"items\":[{\"id\":\"z\"}]},"
                  "\"posts\":{\"items\":[{\"author\":{\"id\":\"z\"}}]}}");
    close_db(db);
}

Test(load_modes, replace__lets_rows_exchange_unique_values)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"User.csv", "id,email\na,b@x\nb,a@x\n"}), &err));
    expect_answer(db, "{ users { items { id email } } posts { items { author { id } } } }",
                  "{\"users\":{\"items\":[{\"id\":\"a\",\"email\":\"b@x\"},{\"id\":\"b\","
                  "\"email\":\"a@x\"}]},\"posts\":{\"items\":[{\"author\":{\"id\":\"b\"}}]}}");
    /* who made way and is not in the input goes like others */
    OK(change(db, QUIRE_LOAD_REPLACE,
              INPUTS({"User.csv", "id,email\na,a@x\n"}, {"Post.csv", "id,author\n"}), &err));
    expect_answer(db, "{ users { items { id email } } }",
                  "{\"users\":{\"items\":[{\"id\":\"a\",\"email\":\"a@x\"}]}}");
    cr_assert_eq(
        change(db, QUIRE_LOAD_REPLACE, INPUTS({"User.csv", "id,email\na,q@x\nz,q@x\n"}), &err),
        QUIRE_UNIQUE);
    close_db(db);
}

/* A program may number rows below zero. */
Test(load_modes, replace__exchanges_values_of_rows_with_negative_numbers)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    quire_txn *txn;
    quire_table *table;
    apply_schema(db, "type T { id: Int! @id n: Int! @unique }");
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_table_open(txn, "T", &table, &err));
    for (int i = 0; i < 2; i++) {
        quire_value values[] = {quire_int(i), quire_int(i)};
        int64_t rowid = -1 - i;
        OK(quire_table_insert(table, &rowid, values, 2, &err));
    }
    quire_table_close(table);
    OK(quire_commit(txn, &err));
    for (int pass = 0; pass < 2; pass++) {
        const char *csv = pass == 0 ? "id,n\n0,1\n1,0\n" : "id,n\n1,1\n0,0\n";
        OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"T.csv", csv}), &err));
        expect_answer(db, "{ ts(orderBy: {id: ASC}) { items { n } } }",
                      pass == 0 ? "{\"ts\":{\"items\":[{\"n\":1},{\"n\":0}]}}"
                                : "{\"ts\":{\"items\":[{\"n\":0},{\"n\":1}]}}");
    }
    close_db(db);
}

Test(load_modes, replace__moves_unique_values_of_every_kind_through_all_rows)
{
    enum { ROWS = 500 };
    static const char types[] =
        "type T @unique(fields: [\"a\", \"b\"]) { id: Int! @id n: Int! @unique u: UUID! @unique "
        "f: String @unique next: T @unique a: Int! b: BigInt! "
        "}";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    const size_t room = (size_t)ROWS * 100 + 100;
    char *text = malloc(room);
    apply_schema(db, types);
    for (int pass = 0; pass < 3; pass++) {
        size_t size = (size_t)snprintf(text, room, "id,n,u,f,next,a,b\n");
        for (int i = 0; i < ROWS; i++) {
            int to = (i * 7 + pass * 13) % ROWS;
            size += (size_t)snprintf(text + size, room - size,
                                     "%d,%d,00000000-0000-4000-8000-%012d,f%d,%d,1,%d\n", i, to, to,
                                     to, to, to);
        }
        OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"T.csv", text}), &err));
    }
    expect_answer(db,
                  "{ ts { totalCount aggregate { sum { n b } min { n b } max { n b } } } "
                  "t(id: 1) { n u f next { id } b } }",
                  "{\"ts\":{\"totalCount\":500,\"aggregate\":{\"sum\":{\"n\":\"124750\",\"b\":"
                  "\"124750\"},\"min\":{\"n\":0,\"b\":\"0\"},\"max\":{\"n\":499,\"b\":\"499\"}}},"
                  "\"t\":{\"n\":33,\"u\":\"00000000-0000-4000-8000-000000000033\",\"f\":\"f33\","
                  "\"next\":{\"id\":33},\"b\":\"33\"}}");
    free(text);
    close_db(db);
}

Test(load_modes, replace__follows_the_references_to_rows_that_go)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    /* Post.author restricts. */
    cr_assert_eq(change(db, QUIRE_LOAD_REPLACE, INPUTS({"User.csv", "id,email\na,a@x\n"}), &err),
                 QUIRE_FOREIGN_KEY);
    expect_answer(db, "{ users { totalCount } }", "{\"users\":{\"totalCount\":2}}");
    /* Not when its rows go too; Note.about cascades. */
    OK(change(db, QUIRE_LOAD_REPLACE,
              INPUTS({"x", "{\"User\": [{\"id\": \"c\", \"email\": \"a@x\"}], \"Post\": []}"}),
              &err));
    expect_answer(
        db,
        "{ users { items { id } } posts { totalCount } notes { totalCount } "
        "tags { items { posts { totalCount } } } }",
        "{\"users\":{\"items\":[{\"id\":\"c\"}]},\"posts\":{\"totalCount\":0},"
        "\"notes\":{\"totalCount\":0},\"tags\":{\"items\":[{\"posts\":{\"totalCount\":0}},"
        "{\"posts\":{\"totalCount\":0}}]}}");
    close_db(db);
}

Test(load_modes, replace__finds_tables_that_are_called_otherwise)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, "type Cat @map(name: \"Dog\") { id: ID! }\n"
                     "type Dog @map(name: \"Cat\") { id: ID! }");
    OK(load(db, NULL, INPUTS({"Cat.csv", "id\n1\n"}), &err));
    OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"Cat.csv", "id\n2\n"}), &err));
    expect_answer(db, "{ cats { items { id } } dogs { totalCount } }",
                  "{\"cats\":{\"items\":[{\"id\":\"2\"}]},\"dogs\":{\"totalCount\":0}}");
    close_db(db);
}

Test(load_modes, replace__refuses_references_to_rows_that_go)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled();
    cr_assert_eq(
        change(db, QUIRE_LOAD_REPLACE,
               INPUTS({"x", "{\"Post\": [{\"id\": \"p\", \"author\": \"b\"}],"
                            " \"Note\": [], \"User\": [{\"id\": \"a\", \"email\": \"e\"}]}"}),
               &err),
        QUIRE_FOREIGN_KEY);
    cr_assert(err.line == 1 && err.column == 33, "%u:%u %s", err.line, err.column, err.message);
    cr_assert_eq(change(db, QUIRE_LOAD_REPLACE, INPUTS({"Tag.csv", "name\nt\nt\n"}), &err),
                 QUIRE_UNIQUE);
    expect_answer(db, "{ users { totalCount } tags { totalCount } }",
                  "{\"users\":{\"totalCount\":2},\"tags\":{\"totalCount\":2}}");
    close_db(db);
}

Test(load_modes, replace__of_many_rows_leaves_exactly_those_of_the_input)
{
    enum { ROWS = 20000 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    const size_t room = (size_t)ROWS * 16 + 16;
    char *text = malloc(room);
    apply_schema(db, "type Item { no: Int! @id text: String }");
    for (int pass = 0; pass < 2; pass++) {
        size_t size = (size_t)snprintf(text, room, "no,text\n");
        for (int i = 0; i < ROWS; i++) {
            if (pass == 0 || i % 3 == 0) {
                size += (size_t)snprintf(text + size, room - size, "%d,%d\n", pass == 0 ? i : 2 * i,
                                         pass);
            }
        }
        OK(change(db, QUIRE_LOAD_REPLACE, INPUTS({"Item.csv", text}), &err));
    }
    expect_answer(db,
                  "{ items { totalCount } old: items(where: { text: { equals: \"0\" } }) "
                  "{ totalCount } last: item(no: 39996) { text } none: item(no: 3) { text } }",
                  "{\"items\":{\"totalCount\":6667},\"old\":{\"totalCount\":0},"
                  "\"last\":{\"text\":\"1\"},\"none\":null}");
    free(text);
    close_db(db);
}

/* References to rows that come much later: more than are kept in memory. */
Test(load_notes, references_that_wait__outgrow_memory_and_are_settled_in_order)
{
    enum { ROWS = 30000 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    const size_t room = (size_t)ROWS * 80 + 100;
    char *text = malloc(room);
    size_t size = (size_t)snprintf(text, room, "id,next\n");
    apply_schema(db, "type Item { id: ID! next: Item! @unique\n"
                     "  before: Item @relation(inverse: \"next\") }");
    for (int i = 0; i < ROWS; i++) {
        size += (size_t)snprintf(text + size, room - size,
                                 "a-rather-long-key-%d,a-rather-long-key-%d\n", i, ROWS - 1 - i);
    }
    OK(load(db, NULL, INPUTS({"Item.csv", text}), &err));
    expect_answer(db, "{ items { totalCount } item(id: \"a-rather-long-key-7\") { next { id } } }",
                  "{\"items\":{\"totalCount\":30000},"
                  "\"item\":{\"next\":{\"id\":\"a-rather-long-key-29992\"}}}");
    /* The last of them may lead nowhere. */
    snprintf(text + size, room - size, "b,c\n");
    quire_db *other = open_db(":memory:", NULL);
    apply_schema(other, "type Item { id: ID! next: Item! }");
    cr_assert_eq(load(other, NULL, INPUTS({"Item.csv", text}), &err), QUIRE_FOREIGN_KEY);
    cr_assert_eq(err.line, ROWS + 2);
    free(text);
    close_db(other);
    close_db(db);
}
