/*
 * OverlappingFieldsCanBeMerged: fields with one response name in one place of
 * the response must be the same field with the same arguments (unless they
 * belong to different objects), and give the same shape.
 *
 * The document is merged once, before the walk (overlap_merge.c), and mostly
 * that is all. When two fields differ, each set that the walk comes to is
 * compared pair by pair: with itself, with its fragments, its fragments with one
 * another, and for two fields with sub-selections these in turn. That finds all
 * conflicts in the order of graphql-js. Pairs already compared are remembered,
 * for the whole document.
 *
 * Against hostile documents: the comparisons are counted, and when they are used
 * up before a conflict is found, the two fields that the merge found are named.
 * Conflicts below a conflict are kept as a tree of the pairs, which is written
 * when it is reported, and no more of it than a problem holds. Recursion is
 * counted, as fragments can nest deeper than the syntax tree.
 */
#include "graphql/overlap.h"

#define OVERLAP_DEPTH_MAX 250u
/* Conflicts that are looked for in one place, and in the selections of one pair of fields. */
#define CONFLICTS_MAX 100u
/* Steps of comparisons that any document may take, and further ones for each of its tokens. */
#define STEPS_MIN       2000u
#define STEPS_PER_TOKEN 6u

/* The fields of one response name in a set. */
struct group {
    const struct qr_overlap_name *name;
    struct qr_overlap_field *first, *last;
    struct group *next;
};

struct qr_overlap_groups {
    struct group *first, *last;
    struct qr_gql_name_table by_name;
};

struct conflicts {
    struct conflict *first, *last;
    uint32_t count;
};

struct conflict {
    const struct qr_overlap_field *left, *right;
    const char *reason;      /* NULL: those of `nested` */
    struct conflicts nested; /* among the sub-selections of the two */
    struct conflict *next;
};

/* The search for pairs. */
struct qr_overlap_pairs {
    struct qr_gql_name_table fragments; /* compared, by the two fragments */
    struct qr_gql_name_table sets;      /* compared, by set and fragment */
    uint32_t depth;
    bool told; /* something is in the report */
};

static bool running(const struct qr_overlap *o)
{
    return qr_gql_validate_running(o->v) && o->steps_left > 0;
}

/* Whether to go on looking for conflicts: a message lists no more, and a report takes no more. */
static bool looking(const struct qr_overlap *o, const struct conflicts *list)
{
    return running(o) && list->count < CONFLICTS_MAX;
}

/* The groups of a set, made at the first call. NULL when out of memory. */
static const struct qr_overlap_groups *groups_of(struct qr_overlap *o, struct qr_overlap_set *set)
{
    struct qr_gql_validator *v = o->v;
    if (set->groups) {
        return set->groups;
    }
    qr_overlap_flatten(o, set);
    struct qr_overlap_groups *groups = qr_gql_validate_alloc(v, sizeof *groups);
    for (struct qr_overlap_field *f = set->first; groups && f && v->status == QUIRE_OK;
         f = f->next) {
        struct group *group = qr_gql_name_table_get(&groups->by_name, f->name->text);
        f->same = NULL;
        if (group) {
            group->last->same = f;
            group->last = f;
            continue;
        }
        group = qr_gql_validate_alloc(v, sizeof *group);
        if (!group) {
            return NULL;
        }
        *group = (struct group){f->name, f, f, NULL};
        if (groups->last) {
            groups->last->next = group;
        } else {
            groups->first = group;
        }
        groups->last = group;
        qr_gql_validate_status(
            v, qr_gql_name_table_set(&groups->by_name, v->arena, f->name->text, group, v->err));
    }
    set->groups = groups;
    return v->status == QUIRE_OK ? groups : NULL;
}

/* Whether the pair has been compared already at least as strictly; notes it otherwise. */
static bool is_compared(struct qr_overlap *o, struct qr_gql_name_table *pairs, const void *a,
                        const void *b, bool exclusive)
{
    struct compared {
        const void *pair[2];
        bool exclusive;
    };
    const void *pair[2] = {a, b};
    struct qr_gql_str key = {(const char *)pair, sizeof pair};
    struct compared *known = qr_gql_name_table_get(pairs, key);
    if (known) {
        bool done = exclusive || !known->exclusive;
        known->exclusive = known->exclusive && exclusive;
        return done;
    }
    known = qr_gql_validate_alloc(o->v, sizeof *known);
    if (!known) {
        return true;
    }
    *known = (struct compared){{a, b}, exclusive};
    key.data = (const char *)known->pair;
    qr_gql_validate_status(o->v, qr_gql_name_table_set(pairs, o->v->arena, key, known, o->v->err));
    return false;
}

/* ---- comparing two fields ---- */

/* NULL when out of memory. */
static struct conflict *add_conflict(struct qr_overlap *o, struct conflicts *list,
                                     const struct qr_overlap_field *a,
                                     const struct qr_overlap_field *b)
{
    struct conflict *conflict = qr_gql_validate_alloc(o->v, sizeof *conflict);
    if (!conflict) {
        return NULL;
    }
    conflict->left = a;
    conflict->right = b;
    if (list->last) {
        list->last->next = conflict;
    } else {
        list->first = conflict;
    }
    list->last = conflict;
    list->count++;
    return conflict;
}

static void compare_selections(struct qr_overlap *o, struct conflicts *list, bool exclusive,
                               const struct qr_overlap_field *a, const struct qr_overlap_field *b);

static void compare_fields(struct qr_overlap *o, struct conflicts *list, bool exclusive,
                           const struct qr_overlap_field *a, const struct qr_overlap_field *b)
{
    exclusive = exclusive || (a->parent != b->parent && a->parent && b->parent &&
                              a->parent->kind == QR_GQL_OBJECT && b->parent->kind == QR_GQL_OBJECT);
    const char *reason = qr_overlap_difference(o, exclusive, a, b);
    struct conflicts nested = {.count = 0};
    if (!qr_overlap_steps(o, 1)) {
        return; /* and what seems to differ may be equal */
    }
    if (!reason && a->set && b->set) {
        compare_selections(o, &nested, exclusive, a, b);
    }
    if (reason || nested.count > 0) {
        struct conflict *conflict = add_conflict(o, list, a, b);
        if (conflict) {
            conflict->reason = reason;
            conflict->nested = nested;
        }
    }
}

/* ---- comparing sets ---- */

static void compare_groups(struct qr_overlap *o, struct conflicts *list, bool exclusive,
                           struct qr_overlap_set *a, struct qr_overlap_set *b)
{
    const struct qr_overlap_groups *x = groups_of(o, a), *y = groups_of(o, b);
    for (const struct group *g = x && y ? x->first : NULL; g && looking(o, list); g = g->next) {
        const struct group *h = qr_gql_name_table_get(&y->by_name, g->name->text);
        if (!qr_overlap_steps(o, 1) || !h) {
            continue;
        }
        for (const struct qr_overlap_field *s = g->first; s && looking(o, list); s = s->same) {
            for (const struct qr_overlap_field *t = h->first; t && looking(o, list); t = t->same) {
                compare_fields(o, list, exclusive, s, t);
            }
        }
    }
}

/* Counts a level of recursion; false when there are too many, which ends the search. */
static bool enter(struct qr_overlap *o)
{
    if (o->pairs->depth == OVERLAP_DEPTH_MAX) {
        o->steps_left = 0;
        return false;
    }
    o->pairs->depth++;
    return qr_overlap_steps(o, 1);
}

static void compare_with_fragment(struct qr_overlap *o, struct conflicts *list, bool exclusive,
                                  struct qr_overlap_set *set, struct qr_overlap_set *fragment)
{
    if (!looking(o, list) || is_compared(o, &o->pairs->sets, set, fragment, exclusive) ||
        !enter(o)) {
        return;
    }
    if (fragment != set) {
        compare_groups(o, list, exclusive, set, fragment);
        for (uint32_t i = 0; i < fragment->fragment_count; i++) {
            compare_with_fragment(o, list, exclusive, set, fragment->fragments[i]);
        }
    }
    o->pairs->depth--;
}

static void compare_fragments(struct qr_overlap *o, struct conflicts *list, bool exclusive,
                              struct qr_overlap_set *a, struct qr_overlap_set *b)
{
    if (a == b || !looking(o, list) || !qr_overlap_steps(o, 1)) {
        return;
    }
    const struct qr_overlap_set *low = a->number < b->number ? a : b, *high = low == a ? b : a;
    if (is_compared(o, &o->pairs->fragments, low, high, exclusive) || !enter(o)) {
        return;
    }
    compare_groups(o, list, exclusive, a, b);
    for (uint32_t i = 0; i < b->fragment_count; i++) {
        compare_fragments(o, list, exclusive, a, b->fragments[i]);
    }
    for (uint32_t i = 0; i < a->fragment_count; i++) {
        compare_fragments(o, list, exclusive, a->fragments[i], b);
    }
    o->pairs->depth--;
}

static void compare_selections(struct qr_overlap *o, struct conflicts *list, bool exclusive,
                               const struct qr_overlap_field *a, const struct qr_overlap_field *b)
{
    struct qr_overlap_set *x = a->set, *y = b->set;
    if (!enter(o)) {
        return;
    }
    compare_groups(o, list, exclusive, x, y);
    for (uint32_t i = 0; i < y->fragment_count; i++) {
        compare_with_fragment(o, list, exclusive, x, y->fragments[i]);
    }
    for (uint32_t i = 0; i < x->fragment_count; i++) {
        compare_with_fragment(o, list, exclusive, y, x->fragments[i]);
    }
    for (uint32_t i = 0; i < x->fragment_count && looking(o, list); i++) {
        for (uint32_t k = 0; k < y->fragment_count && looking(o, list); k++) {
            compare_fragments(o, list, exclusive, x->fragments[i], y->fragments[k]);
        }
    }
    o->pairs->depth--;
}

static void compare_within(struct qr_overlap *o, struct conflicts *list, struct qr_overlap_set *set)
{
    const struct qr_overlap_groups *groups = groups_of(o, set);
    for (const struct group *g = groups ? groups->first : NULL; g && looking(o, list);
         g = g->next) {
        for (const struct qr_overlap_field *s = g->first; s && looking(o, list); s = s->same) {
            for (const struct qr_overlap_field *t = s->same; t && looking(o, list); t = t->same) {
                compare_fields(o, list, false, s, t);
            }
        }
    }
    for (uint32_t i = 0; i < set->fragment_count && looking(o, list); i++) {
        compare_with_fragment(o, list, false, set, set->fragments[i]);
        for (uint32_t k = i + 1; k < set->fragment_count && looking(o, list); k++) {
            compare_fragments(o, list, false, set->fragments[i], set->fragments[k]);
        }
    }
}

/* ---- the report ---- */

/* Writes why two fields conflict; not what would be cut off the message. */
static void write_reason(struct qr_gql_buffer *text, const struct conflict *conflict)
{
    if (conflict->reason) {
        qr_gql_buffer_text(text, conflict->reason);
    }
    for (const struct conflict *c = conflict->nested.first;
         c && text->size <= QR_GQL_MESSAGE_BYTES_MAX; c = c->next) {
        qr_gql_buffer_format(text, "%ssubfields \"%.*s\" conflict because ",
                             c == conflict->nested.first ? "" : " and ",
                             QR_GQL_FMT(c->left->name->text));
        write_reason(text, c);
    }
}

/* Lists the fields of one side, as many as a problem takes. */
static void list_places(struct qr_gql_pos *places, size_t *count, const struct conflict *conflict,
                        bool of_left)
{
    if (*count < QR_GQL_PLACES_MAX) {
        places[(*count)++] = (of_left ? conflict->left : conflict->right)->node->pos;
    }
    for (const struct conflict *c = conflict->nested.first; c && *count < QR_GQL_PLACES_MAX;
         c = c->next) {
        list_places(places, count, c, of_left);
    }
}

static void report_conflict(struct qr_overlap *o, const struct conflict *conflict)
{
    struct qr_gql_buffer text;
    struct qr_gql_str reason;
    size_t count = 0;
    struct qr_gql_pos *places = qr_gql_validate_alloc(o->v, QR_GQL_PLACES_MAX * sizeof *places);
    if (!places) {
        return;
    }
    list_places(places, &count, conflict, true);
    list_places(places, &count, conflict, false);
    qr_gql_buffer_init(&text, o->v->arena, o->v->err);
    write_reason(&text, conflict);
    qr_gql_validate_status(o->v, qr_gql_buffer_finish(&text, &reason));
    if (o->v->status == QUIRE_OK) {
        (void)qr_gql_report_at(o->v->report, places, count,
                               "Fields \"%.*s\" conflict because %.*s. Use different aliases on "
                               "the fields to fetch both if this was intentional.",
                               QR_GQL_FMT(conflict->left->name->text), QR_GQL_FMT(reason));
    }
}

/* Begins to look for pairs when the merge has found that some differ. */
static void check_document(struct qr_gql_validator *v)
{
    struct qr_overlap *o = qr_gql_validate_alloc(v, sizeof *o);
    if (!o) {
        return;
    }
    o->v = v;
    qr_overlap_merge(o);
    if (o->left && qr_gql_validate_running(v)) {
        o->steps_left = STEPS_MIN + (uint64_t)STEPS_PER_TOKEN * v->document->token_count;
        o->pairs = qr_gql_validate_alloc(v, sizeof *o->pairs);
        qr_overlap_keep_sets(o);
        v->overlap = o;
    }
}

static void check_selections(struct qr_gql_validator *v, const struct qr_gql_ast_selections *node,
                             const struct qr_gql_type *parent)
{
    struct qr_overlap *o = v->overlap;
    if (!o || !running(o)) {
        return;
    }
    struct conflicts found = {.count = 0};
    struct qr_overlap_set *set = qr_overlap_find_set(o, node);
    if (!set && node == &v->scope->node->selections) {
        set = qr_overlap_set(o, parent, node);
    }
    if (set) { /* else: of an inline fragment, part of the set around it */
        o->pairs->depth = 0;
        compare_within(o, &found, set);
    }
    if (found.count == 0 && o->steps_left == 0 && !o->pairs->told) {
        struct conflict *conflict = add_conflict(o, &found, o->left, o->right);
        if (conflict) {
            conflict->reason = o->reason;
        }
    }
    for (const struct conflict *c = found.first; c && qr_gql_validate_running(v); c = c->next) {
        o->pairs->told = true;
        report_conflict(o, c);
    }
}

const struct qr_gql_rule qr_gql_rules_overlap[] = {
    {.name = "OverlappingFieldsCanBeMergedRule",
     .document = check_document,
     .selections = check_selections},
    {.name = NULL},
};
