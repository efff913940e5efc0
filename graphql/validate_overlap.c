/*
 * OverlappingFieldsCanBeMerged: fields with one response name in one place of
 * the response must be the same field with the same arguments (unless they
 * belong to different objects), and give the same shape.
 *
 * Each selection set is flattened once into fields by response name plus the
 * fragments it spreads. Then all that can meet is compared: a set with itself,
 * with its fragments, its fragments with one another, and for two fields with
 * sub-selections these in turn. Pairs already compared are remembered, for the
 * whole document.
 *
 * Against hostile documents: equal fields in one set count once, so that a
 * field repeated ten thousand times costs ten thousand look-ups and a
 * comparison; each comparison is a step of the run's budget; recursion is
 * counted, as fragments can nest deeper than the syntax tree.
 */
#include "graphql/printer.h"
#include "graphql/validate_internal.h"

#define OVERLAP_DEPTH_MAX 250u
/* Conflicts listed inside one message. */
#define CONFLICTS_MAX 100u

struct entry {
    const struct qr_gql_type *parent;
    const struct qr_gql_ast_selection *node;
    const struct qr_gql_field *field; /* NULL when unknown */
    struct entry *next;
};

struct group {
    struct qr_gql_str name; /* response name */
    struct entry *first, *last;
    struct group *next;
};

/* A flattened selection set. */
struct field_map {
    struct group *first, *last;
    struct qr_gql_name_table groups;    /* by response name */
    struct qr_gql_name_table described; /* repeated fields, by all that tells them apart */
    struct qr_gql_scope **fragments;    /* spread in it, each once */
    size_t fragment_count, fragment_capacity;
    struct qr_gql_name_table fragment_names;
};

/* Places on the two sides of a conflict. */
struct side {
    const struct qr_gql_ast_selection *node;
    struct side *next;
};

struct conflict {
    struct qr_gql_str name;
    struct qr_gql_str reason;
    struct side *left, *right;
    struct conflict *next;
};

struct conflicts {
    struct conflict *first, *last;
    uint32_t count;
};

struct overlap {
    struct qr_gql_validator *v;
    struct qr_gql_name_table maps;           /* by address of the selection set */
    struct qr_gql_name_table fragment_pairs; /* compared, by the two fragments */
    struct qr_gql_name_table map_pairs;      /* compared, by map and fragment */
    uint32_t depth;
};

static bool running(const struct overlap *o)
{
    return qr_gql_validate_running(o->v);
}

/* Whether to go on looking for conflicts: a message lists no more, and a report takes no more. */
static bool looking(const struct overlap *o, const struct conflicts *list)
{
    return running(o) && list->count < CONFLICTS_MAX;
}

/* ---- flattening ---- */

/* A key in the arena for a place without names: its address, or two. */
static struct qr_gql_str address_key(struct overlap *o, const void *a, const void *b)
{
    const void **key = qr_gql_validate_alloc(o->v, 2 * sizeof *key);
    if (!key) {
        return (struct qr_gql_str){NULL, 0};
    }
    key[0] = a;
    key[1] = b;
    return (struct qr_gql_str){(const char *)key, 2 * sizeof *key};
}

static void describe_set(struct overlap *o, struct qr_gql_buffer *text,
                         const struct qr_gql_ast_selections *set);

/* All that tells a selection from another, to the comparisons here: directives do not. */
static void describe(struct overlap *o, struct qr_gql_buffer *text,
                     const struct qr_gql_ast_selection *node)
{
    if (node->kind == QR_GQL_AST_SPREAD) {
        qr_gql_buffer_format(text, "...%.*s ", QR_GQL_FMT(node->name.text));
        return;
    }
    if (node->kind == QR_GQL_AST_INLINE) {
        qr_gql_buffer_text(text, "... on ");
        qr_gql_buffer_str(text, node->condition.text);
    } else {
        qr_gql_buffer_str(text, qr_gql_ast_response_name(node));
        qr_gql_buffer_char(text, ':');
        qr_gql_buffer_str(text, node->name.text);
    }
    size_t size = text->size;
    for (const struct qr_gql_ast_argument *a = node->arguments; a && running(o); a = a->next) {
        qr_gql_buffer_char(text, ',');
        qr_gql_buffer_str(text, a->name.text);
        qr_gql_buffer_char(text, ':');
        qr_gql_print_value(text, a->value);
        (void)qr_gql_validate_steps(o->v, (text->size - size) / 16);
        size = text->size;
    }
    describe_set(o, text, &node->selections);
}

/* Recursion is bounded by the syntax tree. A set costs steps by its size, since it is described
 * once at each level above. */
static void describe_set(struct overlap *o, struct qr_gql_buffer *text,
                         const struct qr_gql_ast_selections *set)
{
    qr_gql_buffer_char(text, set->first ? '{' : ' ');
    for (const struct qr_gql_ast_selection *s = set->first; s && qr_gql_validate_steps(o->v, 1);
         s = s->next) {
        describe(o, text, s);
    }
    qr_gql_buffer_text(text, set->first ? "}" : "");
}

/* Whether an equal field of the same parent is in the map already; adds it if not. What conflicts
 * with one conflicts with the other, and within them they are checked as sets of their own. */
static bool is_repeated(struct overlap *o, struct field_map *map, const struct qr_gql_type *parent,
                        const struct qr_gql_ast_selection *node)
{
    struct qr_gql_validator *v = o->v;
    struct qr_gql_buffer text;
    qr_gql_buffer_init(&text, v->arena, v->err);
    qr_gql_buffer_bytes(&text, (const char *)&parent, sizeof parent);
    describe(o, &text, node);
    struct qr_gql_str key;
    void *previous = NULL;
    quire_status status = qr_gql_buffer_finish(&text, &key);
    if (status == QUIRE_OK) {
        status = qr_gql_name_table_add(&map->described, v->arena, key, map, &previous, v->err);
    }
    v->status = v->status == QUIRE_OK ? status : v->status;
    return previous != NULL;
}

static void add_field(struct overlap *o, struct field_map *map, const struct qr_gql_type *parent,
                      const struct qr_gql_ast_selection *node)
{
    struct qr_gql_validator *v = o->v;
    struct qr_gql_str name = qr_gql_ast_response_name(node);
    struct group *group = qr_gql_name_table_get(&map->groups, name);
    if (group && is_repeated(o, map, parent, node)) {
        return;
    }
    struct entry *entry = qr_gql_validate_alloc(v, sizeof *entry);
    if (!group) {
        group = qr_gql_validate_alloc(v, sizeof *group);
    }
    if (!group || !entry) {
        return;
    }
    bool has_fields = parent && (parent->kind == QR_GQL_OBJECT || parent->kind == QR_GQL_INTERFACE);
    *entry = (struct entry){parent, node,
                            has_fields ? qr_gql_type_field(parent, node->name.text) : NULL, NULL};
    if (group->last) {
        group->last->next = entry;
    } else {
        group->name = name;
        group->first = entry;
        if (map->last) {
            map->last->next = group;
        } else {
            map->first = group;
        }
        map->last = group;
        v->status = qr_gql_name_table_set(&map->groups, v->arena, name, group, v->err);
    }
    group->last = entry;
}

static void add_fragment(struct overlap *o, struct field_map *map, struct qr_gql_str name)
{
    struct qr_gql_validator *v = o->v;
    struct qr_gql_scope *fragment = qr_gql_validate_fragment(v, name);
    void *previous = NULL;
    if (!fragment) {
        return;
    }
    v->status =
        qr_gql_name_table_add(&map->fragment_names, v->arena, name, fragment, &previous, v->err);
    if (previous || v->status != QUIRE_OK) {
        return;
    }
    if (map->fragment_count == map->fragment_capacity) {
        size_t capacity = map->fragment_capacity ? 2 * map->fragment_capacity : 4;
        struct qr_gql_scope **grown = qr_gql_validate_alloc(v, capacity * sizeof *grown);
        if (!grown) {
            return;
        }
        if (map->fragment_count > 0) {
            memcpy(grown, map->fragments, map->fragment_count * sizeof *grown);
        }
        map->fragments = grown;
        map->fragment_capacity = capacity;
    }
    map->fragments[map->fragment_count++] = fragment;
}

/* Recursion is bounded by the syntax tree. */
static void flatten(struct overlap *o, struct field_map *map, const struct qr_gql_type *parent,
                    const struct qr_gql_ast_selections *set)
{
    for (const struct qr_gql_ast_selection *s = set->first; s && running(o); s = s->next) {
        if (s->kind == QR_GQL_AST_FIELD) {
            add_field(o, map, parent, s);
        } else if (s->kind == QR_GQL_AST_SPREAD) {
            add_fragment(o, map, s->name.text);
        } else {
            const struct qr_gql_type *type =
                s->condition.text.data ? qr_gql_validate_condition(o->v, &s->condition) : parent;
            (void)qr_gql_validate_steps(o->v, 1 + o->depth);
            flatten(o, map, type, &s->selections);
        }
    }
}

/* The map of a selection set, made at the first call. NULL when out of memory. */
static struct field_map *map_of(struct overlap *o, const struct qr_gql_type *parent,
                                const struct qr_gql_ast_selections *set)
{
    const void *address[2] = {set, NULL};
    struct qr_gql_str probe = {(const char *)address, sizeof address};
    struct field_map *map = qr_gql_name_table_get(&o->maps, probe);
    if (map) {
        return map;
    }
    struct qr_gql_str key = address_key(o, set, NULL);
    map = qr_gql_validate_alloc(o->v, sizeof *map);
    if (!map || !key.data) {
        return NULL;
    }
    flatten(o, map, parent, set);
    if (o->v->status == QUIRE_OK) {
        o->v->status = qr_gql_name_table_set(&o->maps, o->v->arena, key, map, o->v->err);
    }
    return o->v->status == QUIRE_OK ? map : NULL;
}

static struct field_map *map_of_fragment(struct overlap *o, const struct qr_gql_scope *fragment)
{
    return map_of(o, qr_gql_validate_condition(o->v, &fragment->node->condition),
                  &fragment->node->selections);
}

/* Whether the pair has been compared already at least as strictly; notes it otherwise. */
static bool is_compared(struct overlap *o, struct qr_gql_name_table *pairs, const void *a,
                        const void *b, bool exclusive)
{
    struct compared {
        bool exclusive;
    };
    const void *address[2] = {a, b};
    struct qr_gql_str probe = {(const char *)address, sizeof address};
    struct compared *known = qr_gql_name_table_get(pairs, probe);
    if (known) {
        bool done = exclusive || !known->exclusive;
        known->exclusive = known->exclusive && exclusive;
        return done;
    }
    struct qr_gql_str key = address_key(o, a, b);
    known = qr_gql_validate_alloc(o->v, sizeof *known);
    if (!known || !key.data) {
        return true;
    }
    known->exclusive = exclusive;
    o->v->status = qr_gql_name_table_set(pairs, o->v->arena, key, known, o->v->err);
    return false;
}

/* ---- comparing two fields ---- */

static bool same_values(struct overlap *o, const struct qr_gql_ast_value *a,
                        const struct qr_gql_ast_value *b);

static bool same_members(struct overlap *o, const struct qr_gql_ast_argument *a,
                         const struct qr_gql_ast_argument *b)
{
    size_t count = 0;
    for (const struct qr_gql_ast_argument *y = b; y; y = y->next) {
        count++;
    }
    for (const struct qr_gql_ast_argument *x = a; x; x = x->next, count--) {
        if (count == 0 || !qr_gql_validate_steps(o->v, 1 + count / 16)) {
            return false;
        }
        const struct qr_gql_ast_argument *y = qr_gql_ast_argument_find(b, x->name.text);
        if (!y || !same_values(o, x->value, y->value)) {
            return false;
        }
    }
    return count == 0;
}

static bool same_values(struct overlap *o, const struct qr_gql_ast_value *a,
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
        return qr_gql_str_equal(a->text, b->text);
    case QR_GQL_AST_OBJECT:
        return a->count == b->count && same_members(o, a->fields, b->fields);
    case QR_GQL_AST_LIST:
        break;
    }
    const struct qr_gql_ast_value *x = a->items, *y = b->items;
    while (x && y && qr_gql_validate_steps(o->v, 1) && same_values(o, x, y)) {
        x = x->next;
        y = y->next;
    }
    return !x && !y;
}

static bool types_conflict(const struct qr_gql_type *a, const struct qr_gql_type *b)
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

static struct side *add_side(struct overlap *o, struct side **last,
                             const struct qr_gql_ast_selection *node)
{
    struct side *side = qr_gql_validate_alloc(o->v, sizeof *side);
    if (side) {
        side->node = node;
        if (*last) {
            (*last)->next = side;
        }
        *last = side;
    }
    return side;
}

static struct conflict *add_conflict(struct overlap *o, struct conflicts *list,
                                     struct qr_gql_str name, const struct entry *a,
                                     const struct entry *b)
{
    struct conflict *conflict = qr_gql_validate_alloc(o->v, sizeof *conflict);
    if (!conflict) {
        return NULL;
    }
    struct side *left = NULL, *right = NULL;
    conflict->name = name;
    conflict->left = add_side(o, &left, a->node);
    conflict->right = add_side(o, &right, b->node);
    if (list->last) {
        list->last->next = conflict;
    } else {
        list->first = conflict;
    }
    list->last = conflict;
    list->count++;
    return conflict;
}

static void add_reason(struct overlap *o, struct conflicts *list, struct qr_gql_str name,
                       const struct entry *a, const struct entry *b, const char *reason)
{
    struct conflict *conflict = add_conflict(o, list, name, a, b);
    if (conflict && reason) {
        conflict->reason = qr_gql_str_of(reason);
    }
}

/* One conflict out of those among the sub-selections of two fields. */
static void add_nested(struct overlap *o, struct conflicts *list, struct qr_gql_str name,
                       const struct entry *a, const struct entry *b, const struct conflicts *nested)
{
    struct conflict *conflict = add_conflict(o, list, name, a, b);
    if (!conflict) {
        return;
    }
    struct qr_gql_buffer text;
    qr_gql_buffer_init(&text, o->v->arena, o->v->err);
    struct side *left = conflict->left, *right = conflict->right;
    for (const struct conflict *c = nested->first; c; c = c->next) {
        qr_gql_buffer_format(&text, "%ssubfields \"%.*s\" conflict because ",
                             c == nested->first ? "" : " and ", QR_GQL_FMT(c->name));
        qr_gql_buffer_str(&text, c->reason);
        for (const struct side *s = c->left; s; s = s->next) {
            (void)add_side(o, &left, s->node);
        }
        for (const struct side *s = c->right; s; s = s->next) {
            (void)add_side(o, &right, s->node);
        }
    }
    quire_status status = qr_gql_buffer_finish(&text, &conflict->reason);
    o->v->status = o->v->status == QUIRE_OK ? status : o->v->status;
}

static void compare_selections(struct overlap *o, struct conflicts *list, bool exclusive,
                               const struct entry *a, const struct entry *b);

static void compare_fields(struct overlap *o, struct conflicts *list, struct qr_gql_str name,
                           bool exclusive, const struct entry *a, const struct entry *b)
{
    if (!qr_gql_validate_steps(o->v, 1)) {
        return;
    }
    struct qr_arena *arena = o->v->arena;
    exclusive = exclusive || (a->parent != b->parent && a->parent && b->parent &&
                              a->parent->kind == QR_GQL_OBJECT && b->parent->kind == QR_GQL_OBJECT);
    if (!exclusive) {
        struct qr_gql_str x = a->node->name.text, y = b->node->name.text;
        if (!qr_gql_str_equal(x, y)) {
            add_reason(o, list, name, a, b,
                       qr_gql_format(arena, o->v->err, "\"%.*s\" and \"%.*s\" are different fields",
                                     QR_GQL_FMT(x), QR_GQL_FMT(y)));
            return;
        }
        if (!same_members(o, a->node->arguments, b->node->arguments)) {
            add_reason(o, list, name, a, b, "they have differing arguments");
            return;
        }
    }
    if (a->field && b->field && types_conflict(a->field->type, b->field->type)) {
        add_reason(o, list, name, a, b,
                   qr_gql_format(arena, o->v->err,
                                 "they return conflicting types \"%s\" and \"%s\"",
                                 qr_gql_type_text(arena, a->field->type),
                                 qr_gql_type_text(arena, b->field->type)));
        return;
    }
    if (a->node->selections.first && b->node->selections.first) {
        struct conflicts nested = {.count = 0};
        compare_selections(o, &nested, exclusive, a, b);
        if (nested.count > 0) {
            add_nested(o, list, name, a, b, &nested);
        }
    }
}

/* ---- comparing sets ---- */

static void compare_maps(struct overlap *o, struct conflicts *list, bool exclusive,
                         const struct field_map *a, const struct field_map *b)
{
    for (const struct group *g = a->first; g && looking(o, list); g = g->next) {
        const struct group *h = qr_gql_name_table_get(&b->groups, g->name);
        if (!qr_gql_validate_steps(o->v, 1) || !h) {
            continue;
        }
        for (const struct entry *x = g->first; x && looking(o, list); x = x->next) {
            for (const struct entry *y = h->first; y && looking(o, list); y = y->next) {
                compare_fields(o, list, g->name, exclusive, x, y);
            }
        }
    }
}

/* Counts a level of recursion; false, with a problem reported, when there are too many. */
static bool enter(struct overlap *o)
{
    if (o->depth == OVERLAP_DEPTH_MAX) {
        (void)qr_gql_validate_steps(o->v, o->v->steps_max);
        return false;
    }
    o->depth++;
    return qr_gql_validate_steps(o->v, 1);
}

static void compare_with_fragment(struct overlap *o, struct conflicts *list, bool exclusive,
                                  const struct field_map *map, const struct qr_gql_scope *fragment)
{
    if (!looking(o, list) || is_compared(o, &o->map_pairs, map, fragment, exclusive) || !enter(o)) {
        return;
    }
    const struct field_map *other = map_of_fragment(o, fragment);
    if (other && other != map) {
        compare_maps(o, list, exclusive, map, other);
        for (size_t i = 0; i < other->fragment_count; i++) {
            compare_with_fragment(o, list, exclusive, map, other->fragments[i]);
        }
    }
    o->depth--;
}

static void compare_fragments(struct overlap *o, struct conflicts *list, bool exclusive,
                              const struct qr_gql_scope *a, const struct qr_gql_scope *b)
{
    if (a == b || !looking(o, list)) {
        return;
    }
    const struct qr_gql_scope *low = a < b ? a : b, *high = a < b ? b : a;
    if (is_compared(o, &o->fragment_pairs, low, high, exclusive) || !enter(o)) {
        return;
    }
    const struct field_map *x = map_of_fragment(o, a), *y = map_of_fragment(o, b);
    if (x && y) {
        compare_maps(o, list, exclusive, x, y);
        for (size_t i = 0; i < y->fragment_count; i++) {
            compare_fragments(o, list, exclusive, a, y->fragments[i]);
        }
        for (size_t i = 0; i < x->fragment_count; i++) {
            compare_fragments(o, list, exclusive, x->fragments[i], b);
        }
    }
    o->depth--;
}

static void compare_selections(struct overlap *o, struct conflicts *list, bool exclusive,
                               const struct entry *a, const struct entry *b)
{
    if (!enter(o)) {
        return;
    }
    const struct field_map *x =
        map_of(o, a->field ? qr_gql_type_named(a->field->type) : NULL, &a->node->selections);
    const struct field_map *y =
        map_of(o, b->field ? qr_gql_type_named(b->field->type) : NULL, &b->node->selections);
    if (x && y) {
        compare_maps(o, list, exclusive, x, y);
        for (size_t i = 0; i < y->fragment_count; i++) {
            compare_with_fragment(o, list, exclusive, x, y->fragments[i]);
        }
        for (size_t i = 0; i < x->fragment_count; i++) {
            compare_with_fragment(o, list, exclusive, y, x->fragments[i]);
        }
        for (size_t i = 0; i < x->fragment_count && looking(o, list); i++) {
            for (size_t k = 0; k < y->fragment_count && looking(o, list); k++) {
                (void)qr_gql_validate_steps(o->v, 1);
                compare_fragments(o, list, exclusive, x->fragments[i], y->fragments[k]);
            }
        }
    }
    o->depth--;
}

static void compare_within(struct overlap *o, struct conflicts *list, const struct field_map *map)
{
    for (const struct group *g = map->first; g && looking(o, list); g = g->next) {
        for (const struct entry *x = g->first; x && looking(o, list); x = x->next) {
            for (const struct entry *y = x->next; y && looking(o, list); y = y->next) {
                compare_fields(o, list, g->name, false, x, y);
            }
        }
    }
    for (size_t i = 0; i < map->fragment_count && looking(o, list); i++) {
        compare_with_fragment(o, list, false, map, map->fragments[i]);
        for (size_t k = i + 1; k < map->fragment_count && looking(o, list); k++) {
            (void)qr_gql_validate_steps(o->v, 1);
            compare_fragments(o, list, false, map->fragments[i], map->fragments[k]);
        }
    }
}

static void report_conflict(struct overlap *o, const struct conflict *conflict)
{
    size_t count = 0;
    for (const struct side *s = conflict->left; s; s = s->next) {
        count++;
    }
    for (const struct side *s = conflict->right; s; s = s->next) {
        count++;
    }
    struct qr_gql_pos *places = qr_gql_validate_alloc(o->v, (count + 1) * sizeof *places);
    if (!places) {
        return;
    }
    size_t at = 0;
    for (const struct side *s = conflict->left; s; s = s->next) {
        places[at++] = s->node->pos;
    }
    for (const struct side *s = conflict->right; s; s = s->next) {
        places[at++] = s->node->pos;
    }
    (void)qr_gql_report_at(o->v->report, places, count,
                           "Fields \"%.*s\" conflict because %.*s. Use different aliases on the "
                           "fields to fetch both if this was intentional.",
                           QR_GQL_FMT(conflict->name), QR_GQL_FMT(conflict->reason));
}

static void check_selections(struct qr_gql_validator *v, const struct qr_gql_ast_selections *node,
                             const struct qr_gql_type *parent)
{
    if (!v->overlap) {
        v->overlap = qr_gql_validate_alloc(v, sizeof *v->overlap);
        if (!v->overlap) {
            return;
        }
        v->overlap->v = v;
    }
    struct overlap *o = v->overlap;
    const struct field_map *map = map_of(o, parent, node);
    struct conflicts found = {.count = 0};
    if (map) {
        o->depth = 0;
        compare_within(o, &found, map);
    }
    for (const struct conflict *c = found.first; c && running(o); c = c->next) {
        report_conflict(o, c);
    }
}

const struct qr_gql_rule qr_gql_rules_overlap[] = {
    {.name = "OverlappingFieldsCanBeMergedRule", .selections = check_selections},
    {.name = NULL},
};
