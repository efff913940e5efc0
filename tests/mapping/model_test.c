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
    check_refused("type A { id: ID! } type Query { n: Int }", "must have a table's type", 1, 33);
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
