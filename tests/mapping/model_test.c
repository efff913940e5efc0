#include <string.h>

#include "graphql/model.h"
#include "mapping_fixture.h"

struct built {
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_model *model;
    quire_error err;
    quire_status status;
};

static void build(struct built *b, const char *sdl)
{
    quire_error none = QUIRE_ERROR_INIT;
    b->err = none;
    qr_arena_init(&b->arena, qr_allocator_default(), 0);
    qr_gql_report_init(&b->report, &b->arena, 0, &b->err);
    b->status =
        qr_model_build(qr_allocator_default(), qr_gql_str_of(sdl), &b->report, &b->model, &b->err);
}

static void discard(struct built *b)
{
    qr_model_free(b->model);
    qr_arena_free(&b->arena);
}

static const struct qr_model_field *field_of(const struct built *b, const char *type,
                                             const char *field)
{
    const struct qr_model_type *t = qr_model_find_type(b->model, qr_gql_str_of(type));
    cr_assert_not_null(t, "%s", type);
    const struct qr_model_field *f = qr_model_find_field(t, qr_gql_str_of(field));
    cr_assert_not_null(f, "%s.%s", type, field);
    return f;
}

Test(mapping, model__gives_each_field_its_role)
{
    struct built b;
    build(&b, mapping_schema);
    cr_assert_eq(b.status, QUIRE_OK, "%s", b.err.message);
    cr_expect_eq(field_of(&b, "Author", "name")->role, QR_MODEL_COLUMN);
    cr_expect_eq(field_of(&b, "Author", "tags")->list, true);
    cr_expect_eq(field_of(&b, "Book", "author")->role, QR_MODEL_REFERENCE);
    cr_expect_str_eq(field_of(&b, "Book", "author")->column_name, "authorId");
    cr_expect_eq(field_of(&b, "Author", "books")->role, QR_MODEL_REVERSE);
    cr_expect_eq(field_of(&b, "Author", "books")->inverse, field_of(&b, "Book", "author"));
    cr_expect_eq(field_of(&b, "Author", "pupils")->role, QR_MODEL_REVERSE);
    cr_expect_eq(field_of(&b, "Book", "genres")->role, QR_MODEL_LINKS);
    cr_expect_eq(field_of(&b, "Genre", "books")->role, QR_MODEL_LINKS);
    cr_expect_str_eq(field_of(&b, "Genre", "books")->link_table,
                     field_of(&b, "Book", "genres")->link_table);
    cr_expect_neq(field_of(&b, "Genre", "books")->link_owner,
                  field_of(&b, "Book", "genres")->link_owner);
    cr_expect_eq(field_of(&b, "Book", "pages")->scalar, QR_MODEL_BIGINT);
    cr_expect_eq(field_of(&b, "Book", "kind")->scalar, QR_MODEL_ENUM);
    cr_expect_eq(field_of(&b, "Book", "details")->scalar, QR_MODEL_CUSTOM);
    discard(&b);
}

Test(mapping, model__indexes_keys_references_and_what_is_declared)
{
    static const struct {
        const char *name;
        enum quire_index_kind kind;
        bool unique;
    } expected[] = {
        {"Book.id", QUIRE_INDEX_HASH, true},
        {"Book.title", QUIRE_INDEX_BTREE, false},
        {"Book.year", QUIRE_INDEX_BTREE, false},
        {"Book.kind", QUIRE_INDEX_HASH, false},
        {"Book.authorId", QUIRE_INDEX_BTREE, false},
        {"Book.authorId.year", QUIRE_INDEX_BTREE, false},
    };
    struct built b;
    build(&b, mapping_schema);
    cr_assert_eq(b.status, QUIRE_OK, "%s", b.err.message);
    const struct qr_model_type *book = qr_model_find_type(b.model, qr_gql_str_of("Book"));
    cr_assert_eq(book->index_count, sizeof expected / sizeof expected[0]);
    for (uint32_t i = 0; i < book->index_count; i++) {
        cr_expect_str_eq(book->indexes[i].name, expected[i].name);
        cr_expect_eq(book->indexes[i].kind, expected[i].kind);
        cr_expect_eq(book->indexes[i].unique, expected[i].unique);
    }
    discard(&b);
}

Test(mapping, model__makes_a_key_for_a_type_without_one)
{
    struct built b;
    build(&b, "type Note { text: String }");
    cr_assert_eq(b.status, QUIRE_OK, "%s", b.err.message);
    const struct qr_model_type *note = qr_model_find_type(b.model, qr_gql_str_of("Note"));
    cr_expect(qr_gql_str_is(note->key->name, "id"));
    cr_expect_eq(note->key->scalar, QR_MODEL_ID);
    cr_expect_eq(note->column_count, 2);
    discard(&b);
}

static void check_refused(const char *sdl, const char *reason, uint32_t line, uint32_t column)
{
    struct built b;
    build(&b, sdl);
    cr_expect_eq(b.status, QUIRE_SCHEMA, "%s: %s", sdl, quire_status_name(b.status));
    cr_expect_null(b.model);
    cr_expect_not_null(strstr(b.err.message, reason), "%s\n  says %s", sdl, b.err.message);
    cr_expect_eq(b.err.line, line, "%s: line %u", sdl, b.err.line);
    cr_expect_eq(b.err.column, column, "%s: column %u", sdl, b.err.column);
    discard(&b);
}

Test(mapping, model__names_the_place_of_what_cannot_be_stored)
{
    check_refused("type A {\n  id: ID!\n  x: [[Int]]\n}", "list of lists", 3, 3);
    check_refused("type A { id: ID! x(a: Int): Int }", "takes arguments", 1, 18);
    check_refused("interface I { id: ID! } type A { id: ID! i: I }", "is no table", 1, 42);
    check_refused("type A { id: ID! @id x: ID! @id }", "one key", 1, 22);
    check_refused("type A { x: Float! @id }", "cannot be a key", 1, 10);
    check_refused("type A { id: ID! bs: [B] } type B { id: ID! x: A y: A }", "Several fields", 1,
                  18);
    check_refused("type A { id: ID! b: B @relation(inverse: \"z\") } type B { id: ID! }",
                  "has no field of that name", 1, 18);
    check_refused("type A { id: ID! b: B @relation(inverse: \"a\") } type B { id: ID! a: A }",
                  "must be @unique", 1, 18);
    check_refused("type A @index(fields: [\"nope\"]) { id: ID! }", "no stored single field", 1, 24);
    check_refused("type A { id: ID! n: Int @default(value: \"x\") }", "default value", 1, 41);
    check_refused("type A { id: ID! b: B! @relation(onDelete: SET_NULL) } type B { id: ID! }",
                  "non-null", 1, 18);
    check_refused("type A { id: ID! } type Query { n: Int }",
                  "must have the type of a table or view", 1, 33);
    check_refused("type Box { id: ID! } type Boxe { id: ID! }", "taken by another type", 1, 27);
}

Test(mapping, model__reports_syntax_and_type_errors_with_their_place)
{
    struct built b;
    build(&b, "type A {\n  id ID!\n}");
    cr_expect_eq(b.status, QUIRE_SYNTAX);
    cr_expect_eq(b.err.line, 2);
    cr_expect_eq(b.err.column, 6);
    discard(&b);
    build(&b, "type A { id: ID! b: Missing }");
    cr_expect_eq(b.status, QUIRE_SCHEMA);
    cr_expect_not_null(strstr(b.err.message, "Missing"));
    discard(&b);
}

/* Asserts that SDL is refused, where, and with a message that contains `reason`. */
static void refuses_at(const char *sdl, uint32_t column, const char *reason)
{
    struct built b;
    build(&b, sdl);
    cr_expect_eq(b.status, QUIRE_SCHEMA, "%s", sdl);
    cr_expect(b.err.line == 1 && b.err.column == column, "%s\n  at %u:%u, not 1:%u", sdl,
              b.err.line, b.err.column, column);
    cr_expect_not_null(strstr(b.err.message, reason), "%s\n  says %s", sdl, b.err.message);
    discard(&b);
}

Test(mapping, model__checks_the_arguments_of_directives)
{
    refuses_at("type T { a: Int @default }", 17, "either \"value\" or");
    refuses_at("type T { a: Int @default(value: null) }", 17, "either \"value\" or");
    refuses_at("type T { a: Int @default(value: 1, expr: \"now()\") }", 17, "either \"value\" or");
    refuses_at("type T { a: Int @default(expr: \"now()\") }", 17, "DateTime, Date or Time");
    refuses_at("type T { a: Int @default(expr: \"uuid()\") }", 17, "UUID, ID or String");
    refuses_at("type T { a: ID @default(expr: \"autoincrement()\") }", 16, "Int or BigInt");
    refuses_at("type T { a: [Int] @default(expr: \"autoincrement()\") }", 19, "Int or BigInt");
    refuses_at("type T { a: ID @default(expr: \"random()\") }", 16, "knows the expressions");
    refuses_at("type T { a: Int @createdAt }", 17, "DateTime, Date or Time");
    refuses_at("type T { a: DateTime @createdAt @updatedAt }", 33, "another directive");
    refuses_at("type T { a: Date @default(value: \"2024-01-01\") @updatedAt }", 48, "another");
    refuses_at("type T { t: T @createdAt }", 15, "DateTime, Date or Time");
    refuses_at("type T { a: Int @readonly @writeonly }", 27, "@private");
    refuses_at("type T { a: Int! @readonly }", 10, "needs a default");
    refuses_at("type T { a: Int! @private }", 10, "needs a default");
    refuses_at("type T { id: ID! @private }", 10, "must be able to read it");
    refuses_at("type T { a: Int @map(name: \"a.b\") }", 17, "@map(name:)");
    refuses_at("type T { a: Int @map(name: \"\") }", 17, "@map(name:)");
    refuses_at("type T { a: Int b: Int @map(name: \"a\") }", 17, "both stored as");
    refuses_at("type A @map(name: \"B\") { a: Int } type B { a: Int }", 40, "both stored as");
    refuses_at("type A { b: B } type B { a: [A] @map(name: \"x\") }", 33, "side of the relation");
    refuses_at("type T { a: Int @default(value: \"x\") }", 33, "does not fit the type Int");
    refuses_at("type T { a: BigInt @default(value: \"x\") }", 36, "does not fit the type BigInt");
    refuses_at("type T @index(fields: 5) { a: Int }", 23, "@index(fields:)");
    refuses_at("type T @index(fields: [[\"a\"]]) { a: Int }", 24, "@index(fields:)");
    refuses_at("type T @unique(fields: {a: 1}) { a: Int }", 24, "@unique(fields:)");
    refuses_at("type T @unique(fields: \"x\") { a: Int }", 24, "no stored single field");
    refuses_at("type T @index(fields: [\"a\", \"a\"]) { a: Int }", 29, "twice");
    refuses_at("type T @unique { a: Int }", 8, "1 to 16");
    refuses_at("type T { a: Int @index(type: FOO) }", 30, "QuireIndexType");
    refuses_at("type T { a: Int @index(name: 7) }", 30, "@index(name:)");
    refuses_at("type T { a: Int @index(name: \"\") }", 17, "1 to 255 bytes");
    refuses_at("type T { a: Int @unique(fields: [\"id\"]) }", 34, "on a type");
    refuses_at("type T { t: T @relation(inverse: 5) }", 34, "@relation(inverse:)");
    refuses_at("type T { t: T @relation(onDelete: NOPE) }", 35, "QuireOnDelete");
    refuses_at("type T { t: T @default(value: 1) }", 15, "scalar or enum");
    refuses_at("type T { t: T @relation(references: [\"a\"]) a: Int }", 15, "key of the other");
    refuses_at("type T { a: Int @relation(inverse: \"t\") }", 17, "@relation is for");
    refuses_at("directive @d(n: Int) on OBJECT type T @d(n: \"x\") { a: Int }", 45, "@d(n:)");
}

Test(mapping, model__refuses_names_that_the_api_needs)
{
    refuses_at("type B { x: Int } type BConnection { x: Int }", 24, "generated type");
    refuses_at("type B { x: Int } enum BInput { X }", 24, "generated type");
    refuses_at("enum K { X } type KFilter { x: Int }", 19, "generated type");
    refuses_at("scalar PageInfo type B { x: Int }", 8, "generated type");
    refuses_at("type B { OR: Int }", 10, "operator of filters");
    refuses_at("type B { name: Int b: B @relation(from: \"name\") }", 20, "rename one");
    refuses_at("type B { csIds: Int cs: [C] } type C { x: Int }", 21, "rename one");
}

Test(mapping, model__takes_a_declared_key_of_a_relation_for_that_key)
{
    struct built b;
    build(&b, "type D { bId: ID b: B } type B { cs: [C] csIds: [ID!] } type C { x: Int }");
    cr_assert_eq(b.status, QUIRE_OK, "%s", b.err.message);
    cr_expect_null(
        qr_model_find_field(qr_model_find_type(b.model, qr_gql_str_of("D")), qr_gql_str_of("bId")));
    discard(&b);
    /* A column is a column when the relation has no such key. */
    build(&b, "type D { bIds: [String] b: B csId: Int cs: [B] } type B { x: Int }");
    cr_assert_eq(b.status, QUIRE_OK, "%s", b.err.message);
    cr_expect_eq(field_of(&b, "D", "bIds")->role, QR_MODEL_COLUMN);
    cr_expect_eq(field_of(&b, "D", "csId")->role, QR_MODEL_COLUMN);
    discard(&b);
    refuses_at("type D { bId: ID! @id b: B! } type B { x: Int }", 19, "@id can only stand there");
    refuses_at("type D { b: B @relation(inverse: \"d\") bId: ID } type B { d: D @unique }", 39,
               "stored at the other side");
    refuses_at("type D { bs: [B] @id } type B { x: Int }", 10, "cannot be a key");
}

Test(mapping, model__pairs_many_to_many_fields_once)
{
    refuses_at("type A { xs: [B] @relation(inverse: \"zs\") ys: [B] @relation(inverse: \"zs\") } "
               "type B { zs: [A] }",
               87, "B.zs");
}

Test(mapping, model__lets_a_schema_declare_what_is_built_in)
{
    struct built b;
    build(&b, "scalar BigInt enum QuireKind { X } type A { n: BigInt k: QuireKind }");
    cr_assert_eq(b.status, QUIRE_OK, "%s", b.err.message);
    cr_expect_eq(field_of(&b, "A", "n")->scalar, QR_MODEL_BIGINT);
    discard(&b);
}
