/*
 * The model (overlap_model.h): slow, and as short as it can be.
 */
#include "graphql/overlap_model.h"

#include <criterion/criterion.h>

const char overlap_sdl[] =
    "input In { v: Int w: Int } "
    "interface I { n: Int s: String i: I j: I l: [I] f(x: Int, y: Int, z: In): Int "
    "  g(x: Int): I } "
    "type A implements I { n: Int s: String i: I j: I l: [I] f(x: Int, y: Int, z: In): Int "
    "  g(x: Int): I v: Int o: A } "
    "type B implements I { n: Int s: String i: I j: I l: [I] f(x: Int, y: Int, z: In): Int "
    "  g(x: Int): I v: String o: B } "
    "type C implements I { n: Int s: String i: I j: I l: [I] f(x: Int, y: Int, z: In): Int "
    "  g(x: Int): I v: Int! o: I } "
    "union U = A | B | C "
    "type Query { n: Int i: I j: I u: U a: A b: B l: [I] }";

/* ---- documents ---- */

#define FRAGMENTS_MAX 6u

struct writer {
    struct prng *prng;
    const struct qr_gql_schema *schema;
    struct qr_gql_buffer text;
    unsigned fragment_count;
    unsigned first_fragment; /* that may be spread here */
    unsigned odds;           /* that a field has another name or argument: one in so many */
};

static void write_arguments(struct writer *w, const struct qr_gql_field *field)
{
    static const char *const ways[] = {"(x: 1)",  "(x: 1, y: 2)",      "(y: 2, x: 1)",
                                       "(x: 2)",  "(z: {v: 1, w: 2})", "(z: {w: 2, v: 1})",
                                       "(x: $v)", "(x: null)"};
    if (field->argument_count > 0 && prng_one_in(w->prng, 2)) {
        size_t count = prng_one_in(w->prng, w->odds) ? sizeof ways / sizeof ways[0] : 1;
        qr_gql_buffer_text(&w->text, ways[prng_below(w->prng, count)]);
    }
}

static void write_set(struct writer *w, const struct qr_gql_type *type, unsigned depth);

static void write_field(struct writer *w, const struct qr_gql_type *type, unsigned depth)
{
    static const char *const aliases[] = {"x: ", "y: ", "n: ", "i: "};
    if (prng_one_in(w->prng, w->odds)) {
        qr_gql_buffer_text(&w->text, aliases[prng_below(w->prng, 4)]);
    }
    if (type->field_count == 0 || prng_one_in(w->prng, 20)) {
        qr_gql_buffer_text(&w->text, "__typename ");
        return;
    }
    const struct qr_gql_field *field = &type->fields[prng_below(w->prng, type->field_count)];
    if (depth == 0 && qr_gql_type_is_composite(qr_gql_type_named(field->type))) {
        field = &type->fields[0];
    }
    qr_gql_buffer_str(&w->text, field->name);
    write_arguments(w, field);
    const struct qr_gql_type *named = qr_gql_type_named(field->type);
    if (qr_gql_type_is_composite(named) && !prng_one_in(w->prng, 20)) {
        write_set(w, named, depth - 1);
    }
    qr_gql_buffer_char(&w->text, ' ');
}

static void write_inline(struct writer *w, const struct qr_gql_type *type, unsigned depth)
{
    static const char *const types[] = {"I", "A", "B", "C", "U", "Query", "Unknown"};
    const char *name = types[prng_below(w->prng, prng_one_in(w->prng, 20) ? 7 : 5)];
    const struct qr_gql_type *on = qr_gql_schema_type(w->schema, qr_gql_str_of(name));
    if (prng_one_in(w->prng, 4)) {
        qr_gql_buffer_text(&w->text, "...");
        write_set(w, type, depth);
        return;
    }
    qr_gql_buffer_format(&w->text, "... on %s", name);
    write_set(w, on != NULL ? on : type, depth);
}

static void write_set(struct writer *w, const struct qr_gql_type *type, unsigned depth)
{
    qr_gql_buffer_text(&w->text, " {");
    for (uint64_t i = 1 + prng_below(w->prng, 4); i > 0; i--) {
        uint64_t kind = prng_below(w->prng, 10);
        if (kind < 2 && w->first_fragment < w->fragment_count) {
            uint64_t range = w->fragment_count - w->first_fragment;
            qr_gql_buffer_format(&w->text, "...F%u ",
                                 w->first_fragment + (unsigned)prng_below(w->prng, range));
        } else if (kind < 4 && depth > 0) {
            write_inline(w, type, depth - 1);
        } else {
            write_field(w, type, depth);
        }
    }
    qr_gql_buffer_text(&w->text, "} ");
}

const char *overlap_document(struct prng *prng, const struct qr_gql_schema *schema,
                             struct qr_arena *arena, bool rings)
{
    static const char *const types[] = {"I", "A", "B", "C", "U", "Query"};
    static const unsigned odds[] = {3, 10, 30, 1000};
    struct writer w = {.prng = prng, .schema = schema};
    struct qr_gql_str out;
    qr_gql_buffer_init(&w.text, arena, NULL);
    w.fragment_count = (unsigned)prng_below(prng, FRAGMENTS_MAX);
    w.odds = odds[prng_below(prng, 4)];
    for (uint64_t i = prng_below(prng, 3); i > 0; i--) {
        qr_gql_buffer_format(&w.text, "query Q%u", (unsigned)i);
        write_set(&w, schema->roots[QR_GQL_QUERY], 3);
    }
    for (unsigned i = 0; i < w.fragment_count; i++) {
        const char *type = types[prng_below(prng, 6)];
        w.first_fragment = rings ? 0 : i + 1;
        qr_gql_buffer_format(&w.text, "fragment F%u on %s", i, type);
        write_set(&w, qr_gql_schema_type(schema, qr_gql_str_of(type)), 2);
    }
    qr_gql_buffer_text(&w.text, "{n} ");
    cr_assert_eq(qr_gql_buffer_finish(&w.text, &out), QUIRE_OK);
    return out.data;
}

/* ---- the rule ---- */

#define MET_MAX 4096u

/* The fields that meet in one place. */
struct met {
    struct met_field {
        const struct qr_gql_type *parent;
        const struct qr_gql_ast_selection *node;
        const struct qr_gql_type *type;
    } fields[MET_MAX];
    size_t count;
};

struct reader {
    const struct qr_gql_schema *schema;
    const struct qr_gql_document *document;
};

static const struct qr_gql_type *condition_of(const struct reader *r,
                                              const struct qr_gql_name *name)
{
    return qr_gql_schema_type(r->schema, name->text);
}

static const struct qr_gql_ast_definition *fragment_of(const struct reader *r,
                                                       struct qr_gql_str name)
{
    const struct qr_gql_ast_definition *d = r->document->first;
    while (d && (d->kind != QR_GQL_AST_FRAGMENT || !qr_gql_str_equal(d->name.text, name))) {
        d = d->next;
    }
    return d;
}

static void meet(const struct reader *r, struct met *met, const struct qr_gql_type *parent,
                 const struct qr_gql_ast_selections *set)
{
    for (const struct qr_gql_ast_selection *s = set->first; s; s = s->next) {
        if (s->kind == QR_GQL_AST_SPREAD) {
            const struct qr_gql_ast_definition *fragment = fragment_of(r, s->name.text);
            cr_assert_not_null(fragment);
            meet(r, met, condition_of(r, &fragment->condition), &fragment->selections);
        } else if (s->kind == QR_GQL_AST_INLINE) {
            meet(r, met, s->condition.text.data ? condition_of(r, &s->condition) : parent,
                 &s->selections);
        } else {
            const struct qr_gql_field *field =
                parent ? qr_gql_type_field(parent, s->name.text) : NULL;
            cr_assert_lt(met->count, MET_MAX);
            met->fields[met->count++] = (struct met_field){parent, s, field ? field->type : NULL};
        }
    }
}

static bool equal_members(const struct qr_gql_ast_argument *a, const struct qr_gql_ast_argument *b);

static bool equal_values(const struct qr_gql_ast_value *a, const struct qr_gql_ast_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == QR_GQL_AST_OBJECT ? equal_members(a->fields, b->fields)
                                        : qr_gql_str_equal(a->text, b->text);
}

static bool contains_members(const struct qr_gql_ast_argument *a,
                             const struct qr_gql_ast_argument *b)
{
    for (; b; b = b->next) {
        const struct qr_gql_ast_argument *found = qr_gql_ast_argument_find(a, b->name.text);
        if (!found || !equal_values(found->value, b->value)) {
            return false;
        }
    }
    return true;
}

static bool equal_members(const struct qr_gql_ast_argument *a, const struct qr_gql_ast_argument *b)
{
    return contains_members(a, b) && contains_members(b, a);
}

static bool equal_shapes(const struct qr_gql_type *a, const struct qr_gql_type *b)
{
    if (a->kind != b->kind && !(qr_gql_type_is_composite(a) && qr_gql_type_is_composite(b))) {
        return false;
    }
    return a->inner ? equal_shapes(a->inner, b->inner) : qr_gql_type_is_composite(a) || a == b;
}

static bool is_object(const struct qr_gql_type *type)
{
    return type && type->kind == QR_GQL_OBJECT;
}

static bool all_agree(const struct reader *r, bool exclusive, const struct met *a,
                      const struct met *b);

static bool two_agree(const struct reader *r, bool exclusive, const struct met_field *a,
                      const struct met_field *b)
{
    exclusive =
        exclusive || (is_object(a->parent) && is_object(b->parent) && a->parent != b->parent);
    if (!exclusive && (!qr_gql_str_equal(a->node->name.text, b->node->name.text) ||
                       !equal_members(a->node->arguments, b->node->arguments))) {
        return false;
    }
    if (a->type && b->type && !equal_shapes(a->type, b->type)) {
        return false;
    }
    struct met *x = malloc(sizeof *x), *y = malloc(sizeof *y);
    cr_assert(x && y);
    x->count = y->count = 0;
    meet(r, x, a->type ? qr_gql_type_named(a->type) : NULL, &a->node->selections);
    meet(r, y, b->type ? qr_gql_type_named(b->type) : NULL, &b->node->selections);
    bool agree = all_agree(r, exclusive, x, y);
    free(x);
    free(y);
    return agree;
}

static bool all_agree(const struct reader *r, bool exclusive, const struct met *a,
                      const struct met *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = a == b ? i + 1 : 0; k < b->count; k++) {
            if (qr_gql_str_equal(qr_gql_ast_response_name(a->fields[i].node),
                                 qr_gql_ast_response_name(b->fields[k].node)) &&
                !two_agree(r, exclusive, &a->fields[i], &b->fields[k])) {
                return false;
            }
        }
    }
    return true;
}

/* The set by itself, and all that stand in it. */
static bool set_agrees(const struct reader *r, const struct qr_gql_type *parent,
                       const struct qr_gql_ast_selections *set)
{
    struct met *met = malloc(sizeof *met);
    cr_assert_not_null(met);
    met->count = 0;
    meet(r, met, parent, set);
    bool agrees = all_agree(r, false, met, met);
    for (size_t i = 0; i < met->count && agrees; i++) {
        const struct met_field *f = &met->fields[i];
        agrees = set_agrees(r, f->type ? qr_gql_type_named(f->type) : NULL, &f->node->selections);
    }
    free(met);
    return agrees;
}

bool overlap_agrees(const struct qr_gql_schema *schema, const struct qr_gql_document *document)
{
    struct reader r = {schema, document};
    bool agrees = true;
    for (const struct qr_gql_ast_definition *d = document->first; d && agrees; d = d->next) {
        const struct qr_gql_type *type = d->kind == QR_GQL_AST_FRAGMENT
                                             ? condition_of(&r, &d->condition)
                                             : schema->roots[d->operation];
        agrees = set_agrees(&r, type, &d->selections);
    }
    return agrees;
}
