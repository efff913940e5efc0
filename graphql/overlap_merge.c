/*
 * Whether all fields that meet in one place of a response can be merged.
 *
 * A merge takes sets in, with the fragments that they spread, each once, and
 * groups their fields by response name. Fields of a group must agree, and what
 * they select is merged in turn: a merge for each group, in place of a
 * comparison for each pair. There are two kinds:
 *
 *   strict  of fields that may meet in one object: they must be the same field
 *           with the same arguments, and give the same shape;
 *   loose   of fields that never do, but in one place of the response: they
 *           must give the same shape.
 *
 * A strict group whose fields belong to several object types makes a strict
 * merge for each of these types, with the fields of interfaces in each, and a
 * loose one for all.
 *
 * No merge is made twice, and none of one set that is part of a strict merge
 * already: what is true of all its fields is true of some. Fragments that
 * nothing has covered in the end are merged by themselves, those that spread
 * others first. So each field is in one merge of each kind or little more, and
 * the work grows with the document, unless it is made to multiply merges: to
 * tell whether two fields may meet in one object is, in general, as hard as to
 * find orthogonal vectors, for which nothing is known that is much faster than
 * to try all pairs. Such a document is refused after so many steps.
 *
 * Merges wait in a list: nothing here recurses.
 */
#include <stdlib.h>

#include "graphql/overlap.h"

/* Steps that any document may take, and further ones for each of its tokens. */
#define STEPS_MIN       10000u
#define STEPS_PER_TOKEN 40u

struct merge {
    struct merge *next;
    bool is_strict;
    uint32_t count;
    struct qr_overlap_set *sets[]; /* by number */
};

struct merges {
    struct qr_overlap *o;
    struct merge *waiting;
    struct qr_gql_name_table known[2]; /* of several sets, loose and strict, by the sets */
    uint32_t number;                   /* of the merge at work */
    struct qr_overlap_name *first, *last;
    struct qr_overlap_set *last_open;
};

static bool is_going_on(const struct qr_overlap *o)
{
    return qr_gql_validate_running(o->v) && o->steps_left > 0 && !o->left;
}

/* ---- what is to be merged ---- */

/* A set that consists of one fragment is that fragment. */
static struct qr_overlap_set *essence(struct qr_overlap *o, struct qr_overlap_set *set)
{
    qr_overlap_flatten(o, set);
    return set->field_count == 0 && set->fragment_count == 1 ? set->fragments[0] : set;
}

static struct merge *new_merge(struct qr_overlap *o, bool is_strict, size_t capacity)
{
    struct merge *merge =
        qr_gql_validate_alloc(o->v, sizeof *merge + capacity * sizeof merge->sets[0]);
    if (merge) {
        merge->is_strict = is_strict;
    }
    return merge;
}

static void add_set(struct qr_overlap *o, struct merge *merge, struct qr_overlap_set *set)
{
    if (merge && set) {
        merge->sets[merge->count++] = essence(o, set);
    }
}

static int compare_sets(const void *a, const void *b)
{
    const struct qr_overlap_set *const *x = a, *const *y = b;
    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

/* Puts the sets in order, each once. */
static void put_in_order(struct merge *merge)
{
    bool ordered = true;
    for (uint32_t i = 1; i < merge->count; i++) {
        ordered = ordered && merge->sets[i - 1]->number < merge->sets[i]->number;
    }
    if (ordered) {
        return;
    }
    uint32_t count = 1;
    qsort(merge->sets, merge->count, sizeof merge->sets[0], compare_sets);
    for (uint32_t i = 1; i < merge->count; i++) {
        if (merge->sets[i] != merge->sets[i - 1]) {
            merge->sets[count++] = merge->sets[i];
        }
    }
    merge->count = count;
}

/* Whether the same sets have been merged as strictly, or will be. */
static bool is_known(struct merges *m, struct merge *merge)
{
    struct qr_gql_validator *v = m->o->v;
    if (merge->count == 1) {
        /* Of a fragment, see merge_fragments; in a set alone, what is loose is strict. */
        return merge->sets[0]->is_covered || merge->sets[0]->is_fragment || !merge->is_strict;
    }
    void *previous = NULL;
    struct qr_gql_str key = {(const char *)merge->sets, merge->count * sizeof merge->sets[0]};
    if (!merge->is_strict && qr_gql_name_table_get(&m->known[true], key)) {
        return true;
    }
    qr_gql_validate_status(v, qr_gql_name_table_add(&m->known[merge->is_strict], v->arena, key,
                                                    merge, &previous, v->err));
    return previous != NULL;
}

static void put_merge(struct merges *m, struct merge *merge)
{
    if (!merge || merge->count == 0 || !qr_overlap_steps(m->o, merge->count)) {
        return;
    }
    put_in_order(merge);
    if (is_known(m, merge)) {
        return;
    }
    for (uint32_t i = 0; i < merge->count; i++) {
        merge->sets[i]->is_covered = merge->sets[i]->is_covered || merge->is_strict;
    }
    merge->next = m->waiting;
    m->waiting = merge;
}

/* ---- the fields of one response name ---- */

static const struct qr_gql_type *object_of(const struct qr_overlap_field *field)
{
    return field->parent && field->parent->kind == QR_GQL_OBJECT ? field->parent : NULL;
}

static void note_difference(struct qr_overlap *o, bool exclusive, const struct qr_overlap_field *a,
                            const struct qr_overlap_field *b)
{
    if (is_going_on(o)) {
        o->left = a;
        o->right = b;
        o->reason = qr_overlap_difference(o, exclusive, a, b);
    }
}

static void check_types(struct qr_overlap *o, const struct qr_overlap_field *field)
{
    const struct qr_overlap_field *typed = NULL;
    for (; field && !o->left; field = field->same) {
        if (typed && field->type && qr_overlap_types_conflict(typed->type, field->type)) {
            note_difference(o, true, typed, field);
        }
        typed = typed || !field->type ? typed : field;
    }
}

static void check_call(struct qr_overlap *o, const struct qr_overlap_field *a,
                       const struct qr_overlap_field *b)
{
    if (a != b && !qr_overlap_is_same_call(o, a, b)) {
        note_difference(o, false, a, b);
    }
}

/* Merges what all fields from this one on select. */
static void merge_all(struct merges *m, const struct qr_overlap_field *field, size_t count,
                      bool is_strict)
{
    struct merge *merge = new_merge(m->o, is_strict, count);
    for (; field; field = field->same) {
        add_set(m->o, merge, field->set);
    }
    put_merge(m, merge);
}

static int compare_objects(const void *a, const void *b)
{
    const struct qr_overlap_field *x = *(const struct qr_overlap_field *const *)a;
    const struct qr_overlap_field *y = *(const struct qr_overlap_field *const *)b;
    const struct qr_gql_type *s = object_of(x), *t = object_of(y);
    if (s != t) {
        return !s ? -1 : !t ? 1 : (s->index > t->index) - (s->index < t->index);
    }
    return (x->set != NULL) - (y->set != NULL);
}

/* Merges what some fields of one object select, with what the first ones, of no object, do. */
static void merge_object(struct merges *m, const struct qr_overlap_field **fields, size_t shared,
                         size_t from, size_t to)
{
    struct merge *merge = new_merge(m->o, true, shared + to - from);
    for (size_t i = 0; i < shared; i++) {
        add_set(m->o, merge, fields[i]->set);
    }
    for (size_t i = from; i < to; i++) {
        add_set(m->o, merge, fields[i]->set);
    }
    put_merge(m, merge);
}

/* The fields of a strict group that belong to several objects. */
static void merge_by_object(struct merges *m, const struct qr_overlap_field *field, size_t count)
{
    struct qr_overlap *o = m->o;
    const struct qr_overlap_field **fields = qr_gql_validate_alloc(o->v, count * sizeof *fields);
    if (!fields) {
        return;
    }
    for (size_t i = 0; i < count; i++, field = field->same) {
        fields[i] = field;
    }
    qsort(fields, count, sizeof *fields, compare_objects);
    size_t shared = 0;
    bool is_merged = false; /* what the shared ones select, with something of an object */
    while (shared < count && !object_of(fields[shared])) {
        check_call(o, fields[0], fields[shared++]);
    }
    for (size_t from = shared, to; from < count && is_going_on(o); from = to) {
        for (to = from; to < count && object_of(fields[to]) == object_of(fields[from]); to++) {
            check_call(o, fields[shared > 0 ? 0 : from], fields[to]);
        }
        if (fields[to - 1]->set) { /* those with selections come last */
            merge_object(m, fields, shared, from, to);
            is_merged = true;
        }
    }
    if (!is_merged) {
        merge_object(m, fields, shared, shared, shared);
    }
}

static void merge_group(struct merges *m, const struct qr_overlap_name *name, bool is_strict)
{
    struct qr_overlap *o = m->o;
    const struct qr_overlap_field *first = name->first;
    const struct qr_gql_type *object = NULL;
    bool objects_differ = false;
    size_t count = 0, sets = 0;
    for (const struct qr_overlap_field *f = first; f; f = f->same, count++) {
        const struct qr_gql_type *own = object_of(f);
        objects_differ = objects_differ || (object && own && object != own);
        object = object ? object : own;
        sets += f->set != NULL;
    }
    if (is_strict && objects_differ) {
        merge_by_object(m, first, count);
        is_strict = false;
    }
    for (const struct qr_overlap_field *f = first; is_strict && f && is_going_on(o); f = f->same) {
        check_call(o, first, f);
    }
    if (count > 1) {
        check_types(o, first);
    }
    if (sets > (is_strict ? 0 : 1) && is_going_on(o)) {
        merge_all(m, first, sets, is_strict);
    }
}

/* ---- one merge ---- */

static void take_in(struct merges *m, struct qr_overlap_set *set)
{
    if (set->merge != m->number) {
        set->merge = m->number;
        set->next_open = NULL;
        if (m->last_open) {
            m->last_open->next_open = set;
        }
        m->last_open = set;
    }
}

static void group_field(struct merges *m, struct qr_overlap_field *field)
{
    struct qr_overlap_name *name = field->name;
    field->same = NULL;
    if (name->merge == m->number) {
        name->last->same = field;
        name->last = field;
        return;
    }
    name->merge = m->number;
    name->first = name->last = field;
    name->next = NULL;
    if (m->last) {
        m->last->next = name;
    } else {
        m->first = name;
    }
    m->last = name;
}

static void make_merge(struct merges *m, struct merge *merge)
{
    struct qr_overlap *o = m->o;
    m->number++;
    m->first = m->last = NULL;
    m->last_open = NULL;
    for (uint32_t i = 0; i < merge->count; i++) {
        take_in(m, merge->sets[i]);
    }
    for (struct qr_overlap_set *set = merge->sets[0]; set && is_going_on(o); set = set->next_open) {
        qr_overlap_flatten(o, set);
        set->is_covered = set->is_covered || merge->is_strict;
        if (!qr_overlap_steps(o, (uint64_t)1 + set->field_count + set->fragment_count)) {
            return;
        }
        for (struct qr_overlap_field *f = set->first; f; f = f->next) {
            group_field(m, f);
        }
        for (uint32_t i = 0; i < set->fragment_count; i++) {
            take_in(m, set->fragments[i]);
        }
    }
    for (const struct qr_overlap_name *name = m->first; name && is_going_on(o); name = name->next) {
        merge_group(m, name, merge->is_strict);
    }
}

static void make_merges(struct merges *m)
{
    while (m->waiting && is_going_on(m->o)) {
        struct merge *merge = m->waiting;
        m->waiting = merge->next;
        make_merge(m, merge);
    }
}

/* ---- the document ---- */

static void merge_operations(struct merges *m)
{
    struct qr_gql_validator *v = m->o->v;
    for (uint32_t i = 0; i < v->scope_count && is_going_on(m->o); i++) {
        const struct qr_gql_ast_definition *node = v->scopes[i].node;
        if (node->kind == QR_GQL_AST_OPERATION) {
            struct merge *merge = new_merge(m->o, true, 1);
            add_set(m->o, merge,
                    qr_overlap_set(m->o, v->schema->roots[node->operation], &node->selections));
            put_merge(m, merge);
            make_merges(m);
        }
    }
}

static bool is_fragment(const struct qr_gql_scope *scope)
{
    return scope->node->kind == QR_GQL_AST_FRAGMENT;
}

/* Its place among the scopes, or one behind them when there is none. */
static uint32_t scope_number(const struct qr_gql_validator *v, const struct qr_gql_scope *scope)
{
    return scope ? (uint32_t)(scope - v->scopes) : v->scope_count;
}

/* Merges a fragment by itself unless it is covered. */
static void merge_fragment(struct merges *m, const struct qr_gql_scope *scope)
{
    struct qr_overlap_set *set = is_fragment(scope) ? qr_overlap_fragment(m->o, scope) : NULL;
    struct merge *merge = set && !set->is_covered ? new_merge(m->o, true, 1) : NULL;
    if (merge) {
        merge->sets[merge->count++] = set;
        m->waiting = merge;
        make_merges(m);
    }
}

/*
 * Merges the fragments that no merge has covered: those first that no other
 * fragment spreads, then those that only they spread, and so on; those that
 * spread each other in a ring at last.
 */
static void merge_fragments(struct merges *m)
{
    struct qr_gql_validator *v = m->o->v;
    size_t room = (size_t)v->scope_count + 1;
    uint32_t *order = qr_gql_validate_alloc(v, room * sizeof *order);
    uint32_t *spreads = qr_gql_validate_alloc(v, room * sizeof *spreads); /* of each in fragments */
    uint32_t count = 0;
    if (!order || !spreads) {
        return;
    }
    for (uint32_t i = 0; i < v->scope_count; i++) {
        const struct qr_gql_scope *scope = &v->scopes[i];
        for (uint32_t k = 0; is_fragment(scope) && k < scope->spread_count; k++) {
            spreads[scope_number(v, scope->spreads[k].fragment)]++;
        }
    }
    for (uint32_t i = 0; i < v->scope_count; i++) {
        if (is_fragment(&v->scopes[i]) && spreads[i] == 0) {
            order[count++] = i;
        }
    }
    for (uint32_t done = 0; done < count && is_going_on(m->o); done++) {
        const struct qr_gql_scope *scope = &v->scopes[order[done]];
        merge_fragment(m, scope);
        for (uint32_t k = 0; k < scope->spread_count; k++) {
            uint32_t next = scope_number(v, scope->spreads[k].fragment);
            if (--spreads[next] == 0 && next < v->scope_count) {
                order[count++] = next;
            }
        }
    }
    for (uint32_t i = 0; i < v->scope_count && is_going_on(m->o); i++) {
        merge_fragment(m, &v->scopes[i]);
    }
}

void qr_overlap_merge(struct qr_overlap *o)
{
    struct qr_gql_validator *v = o->v;
    struct merges m = {.o = o};
    uint64_t steps = STEPS_MIN + (uint64_t)STEPS_PER_TOKEN * v->document->token_count;
    uint64_t left = v->steps_max > v->steps ? v->steps_max - v->steps : 0;
    steps = steps < left ? steps : left;
    o->steps_left = steps;
    merge_operations(&m);
    merge_fragments(&m);
    v->steps += steps - o->steps_left;
    if (o->steps_left == 0 && !o->left) {
        qr_gql_validate_abort(v, v->steps);
    }
}
