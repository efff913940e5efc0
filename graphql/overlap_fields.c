/*
 * Selection sets as the fields and fragments that they consist of, and what two
 * fields have in common (overlap.h). Recursion is bounded by the syntax tree.
 */
#include "graphql/overlap.h"

/* Lists of arguments longer than this are looked up in a table when their orders differ. */
#define LISTED_MAX 8u

/* ---- sets ---- */

static void note_set(struct qr_overlap *o, struct qr_overlap_set *set)
{
    struct qr_gql_validator *v = o->v;
    struct qr_gql_str key = {(const char *)&set->node, sizeof set->node};
    if (v->status == QUIRE_OK) {
        qr_gql_validate_status(v, qr_gql_name_table_set(&o->by_node, v->arena, key, set, v->err));
    }
}

void qr_overlap_keep_sets(struct qr_overlap *o)
{
    o->keeps_sets = true;
    for (struct qr_overlap_set *set = o->sets; set; set = set->next) {
        note_set(o, set);
    }
}

struct qr_overlap_set *qr_overlap_find_set(const struct qr_overlap *o,
                                           const struct qr_gql_ast_selections *node)
{
    struct qr_gql_str key = {(const char *)&node, sizeof node};
    return qr_gql_name_table_get(&o->by_node, key);
}

struct qr_overlap_set *qr_overlap_set(struct qr_overlap *o, const struct qr_gql_type *parent,
                                      const struct qr_gql_ast_selections *node)
{
    struct qr_overlap_set *set = qr_gql_validate_alloc(o->v, sizeof *set);
    if (!set) {
        return NULL;
    }
    set->node = node;
    set->parent = parent;
    set->number = ++o->set_count;
    set->next = o->sets;
    o->sets = set;
    if (o->keeps_sets) {
        note_set(o, set);
    }
    return set;
}

struct qr_overlap_set *qr_overlap_fragment(struct qr_overlap *o, const struct qr_gql_scope *scope)
{
    struct qr_gql_validator *v = o->v;
    if (!o->fragments) {
        o->fragments = qr_gql_validate_alloc(v, v->scope_count * sizeof *o->fragments);
    }
    struct qr_overlap_set **set = o->fragments ? &o->fragments[scope - v->scopes] : NULL;
    if (set && !*set) {
        *set = qr_overlap_set(o, qr_gql_validate_condition(v, &scope->node->condition),
                              &scope->node->selections);
        if (*set) {
            (*set)->is_fragment = true;
        }
    }
    return set ? *set : NULL;
}

/* NULL when out of memory. */
static struct qr_overlap_name *name_of(struct qr_overlap *o, struct qr_gql_str text)
{
    struct qr_gql_validator *v = o->v;
    void *known = NULL;
    if (!o->spare) {
        o->spare = qr_gql_validate_alloc(v, sizeof *o->spare);
    }
    if (!o->spare) {
        return NULL;
    }
    struct qr_overlap_name *name = o->spare;
    qr_gql_validate_status(v,
                           qr_gql_name_table_add(&o->names, v->arena, text, name, &known, v->err));
    if (known) {
        return known;
    }
    name->text = text;
    o->spare = NULL;
    return v->status == QUIRE_OK ? name : NULL;
}

static void add_field(struct qr_overlap *o, struct qr_overlap_set *set,
                      const struct qr_gql_type *parent, const struct qr_gql_ast_selection *node)
{
    struct qr_overlap_name *name = name_of(o, qr_gql_ast_response_name(node));
    struct qr_overlap_field *field = name ? qr_gql_validate_alloc(o->v, sizeof *field) : NULL;
    if (!field) {
        return;
    }
    const struct qr_gql_field *own = parent ? qr_gql_type_field(parent, node->name.text) : NULL;
    field->node = node;
    field->parent = parent;
    field->type = own ? own->type : NULL;
    field->name = name;
    if (node->selections.first) {
        const struct qr_gql_field *any =
            own || !parent ? own : qr_gql_schema_field(o->v->schema, parent, node->name.text);
        field->set =
            qr_overlap_set(o, any ? qr_gql_type_named(any->type) : NULL, &node->selections);
    }
    if (set->last) {
        set->last->next = field;
    } else {
        set->first = field;
    }
    set->last = field;
    set->field_count++;
}

static void add_fragment(struct qr_overlap *o, struct qr_overlap_set *set, struct qr_gql_str name)
{
    const struct qr_gql_scope *scope = qr_gql_validate_fragment(o->v, name);
    struct qr_overlap_set *fragment = scope ? qr_overlap_fragment(o, scope) : NULL;
    if (!fragment || fragment->spread_in == set->number) {
        return;
    }
    fragment->spread_in = set->number;
    if (set->fragment_count == set->fragment_capacity) {
        uint32_t capacity = set->fragment_capacity ? 2 * set->fragment_capacity : 1;
        struct qr_overlap_set **grown = qr_gql_validate_alloc(o->v, capacity * sizeof *grown);
        if (!grown) {
            return;
        }
        if (set->fragment_count > 0) {
            memcpy(grown, set->fragments, set->fragment_count * sizeof *grown);
        }
        set->fragments = grown;
        set->fragment_capacity = capacity;
    }
    set->fragments[set->fragment_count++] = fragment;
}

static void add_selections(struct qr_overlap *o, struct qr_overlap_set *set,
                           const struct qr_gql_type *parent,
                           const struct qr_gql_ast_selections *node)
{
    for (const struct qr_gql_ast_selection *s = node->first; s && o->v->status == QUIRE_OK;
         s = s->next) {
        if (s->kind == QR_GQL_AST_FIELD) {
            add_field(o, set, parent, s);
        } else if (s->kind == QR_GQL_AST_SPREAD) {
            add_fragment(o, set, s->name.text);
        } else {
            add_selections(o, set,
                           s->condition.text.data ? qr_gql_validate_condition(o->v, &s->condition)
                                                  : parent,
                           &s->selections);
        }
    }
}

void qr_overlap_flatten(struct qr_overlap *o, struct qr_overlap_set *set)
{
    if (!set->is_flat) {
        set->is_flat = true;
        add_selections(o, set, set->parent, set->node);
    }
}

/* ---- two fields ---- */

static bool same_values(struct qr_overlap *o, const struct qr_gql_ast_value *a,
                        const struct qr_gql_ast_value *b);

/* Whether both lists name the same values, in lists of `count` whose orders differ. */
static bool same_in_any_order(struct qr_overlap *o, const struct qr_gql_ast_argument *a,
                              struct qr_gql_ast_argument *b, size_t count)
{
    struct qr_gql_validator *v = o->v;
    struct qr_gql_name_table table = {.count = 0};
    for (struct qr_gql_ast_argument *y = b; y && count > LISTED_MAX && v->status == QUIRE_OK;
         y = y->next) {
        qr_gql_validate_status(
            v, qr_gql_name_table_add(&table, v->arena, y->name.text, y, NULL, v->err));
    }
    for (; a && qr_overlap_steps(o, 1); a = a->next) {
        const struct qr_gql_ast_argument *y = count > LISTED_MAX
                                                  ? qr_gql_name_table_get(&table, a->name.text)
                                                  : qr_gql_ast_argument_find(b, a->name.text);
        if (!y || !same_values(o, a->value, y->value)) {
            return false;
        }
    }
    return !a;
}

static bool same_members(struct qr_overlap *o, const struct qr_gql_ast_argument *a,
                         struct qr_gql_ast_argument *b)
{
    size_t count = 0;
    bool ordered = true;
    const struct qr_gql_ast_argument *x = a, *y = b;
    for (; x && y; x = x->next, y = y->next, count++) {
        ordered = ordered && qr_gql_str_equal(x->name.text, y->name.text);
    }
    if (x || y || !qr_overlap_steps(o, count)) {
        return false;
    }
    if (!ordered) {
        return same_in_any_order(o, a, b, count);
    }
    for (x = a, y = b; x && same_values(o, x->value, y->value); x = x->next, y = y->next) {
    }
    return !x;
}

static bool same_values(struct qr_overlap *o, const struct qr_gql_ast_value *a,
                        const struct qr_gql_ast_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case QR_GQL_AST_NULL:
        return true;
    case QR_GQL_AST_BOOLEAN:
        return a->boolean == b->boolean;
    case QR_GQL_AST_VARIABLE:
    case QR_GQL_AST_INT:
    case QR_GQL_AST_FLOAT:
    case QR_GQL_AST_STRING:
    case QR_GQL_AST_ENUM:
        return qr_overlap_steps(o, a->text.size / 64) && qr_gql_str_equal(a->text, b->text);
    case QR_GQL_AST_OBJECT:
        return a->count == b->count && same_members(o, a->fields, b->fields);
    case QR_GQL_AST_LIST:
        break;
    }
    const struct qr_gql_ast_value *x = a->items, *y = b->items;
    while (x && y && qr_overlap_steps(o, 1) && same_values(o, x, y)) {
        x = x->next;
        y = y->next;
    }
    return !x && !y;
}

bool qr_overlap_is_same_call(struct qr_overlap *o, const struct qr_overlap_field *a,
                             const struct qr_overlap_field *b)
{
    return qr_gql_str_equal(a->node->name.text, b->node->name.text) &&
           same_members(o, a->node->arguments, b->node->arguments);
}

bool qr_overlap_types_conflict(const struct qr_gql_type *a, const struct qr_gql_type *b)
{
    while (a->kind == QR_GQL_LIST || a->kind == QR_GQL_NON_NULL || b->kind == QR_GQL_LIST ||
           b->kind == QR_GQL_NON_NULL) {
        if (a->kind != b->kind) {
            return true;
        }
        a = a->inner;
        b = b->inner;
    }
    return (qr_gql_type_is_leaf(a) || qr_gql_type_is_leaf(b)) && a != b;
}

const char *qr_overlap_difference(struct qr_overlap *o, bool exclusive,
                                  const struct qr_overlap_field *a,
                                  const struct qr_overlap_field *b)
{
    struct qr_arena *arena = o->v->arena;
    struct qr_gql_str x = a->node->name.text, y = b->node->name.text;
    if (!exclusive && !qr_gql_str_equal(x, y)) {
        /* No longer than the message in which they will be. */
        x.size = x.size < QR_GQL_MESSAGE_BYTES_MAX ? x.size : QR_GQL_MESSAGE_BYTES_MAX;
        y.size = y.size < QR_GQL_MESSAGE_BYTES_MAX ? y.size : QR_GQL_MESSAGE_BYTES_MAX;
        return qr_gql_format(arena, o->v->err, "\"%.*s\" and \"%.*s\" are different fields",
                             QR_GQL_FMT(x), QR_GQL_FMT(y));
    }
    if (!exclusive && !qr_overlap_is_same_call(o, a, b)) {
        return "they have differing arguments";
    }
    if (a->type && b->type && qr_overlap_types_conflict(a->type, b->type)) {
        return qr_gql_format(arena, o->v->err, "they return conflicting types \"%s\" and \"%s\"",
                             qr_gql_type_text(arena, a->type), qr_gql_type_text(arena, b->type));
    }
    return NULL;
}
