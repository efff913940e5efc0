/*
 * Rules about fragments: that spreads name one, that none contains itself,
 * that each is used. Searches keep their own stacks: a chain of fragments may
 * be as long as the document.
 */
#include "graphql/validate_internal.h"

/* ---- what spreads what ---- */

struct set_stack {
    const struct qr_gql_ast_selections **sets;
    size_t count, capacity;
};

static bool push_set(struct qr_gql_validator *v, struct set_stack *stack,
                     const struct qr_gql_ast_selections *set)
{
    if (stack->count == stack->capacity) {
        quire_status status = qr_grow(v->arena->allocator, &stack->sets, &stack->capacity,
                                      stack->count + 1, sizeof *stack->sets, v->err);
        if (status != QUIRE_OK) {
            v->status = status;
            return false;
        }
    }
    stack->sets[stack->count++] = set;
    return true;
}

struct spread_list {
    struct qr_gql_spread *items;
    size_t count, capacity;
};

/* Spreads of one set, and its nested sets onto the stack. */
static void list_set(struct qr_gql_validator *v, struct set_stack *stack,
                     struct spread_list *spreads, const struct qr_gql_ast_selections *set)
{
    for (const struct qr_gql_ast_selection *s = set->first; s && v->status == QUIRE_OK;
         s = s->next) {
        if (s->kind != QR_GQL_AST_SPREAD) {
            if (s->selections.first && !push_set(v, stack, &s->selections)) {
                return;
            }
            continue;
        }
        v->status = qr_grow(v->arena->allocator, &spreads->items, &spreads->capacity,
                            spreads->count + 1, sizeof *spreads->items, v->err);
        if (v->status == QUIRE_OK) {
            spreads->items[spreads->count++] =
                (struct qr_gql_spread){s, qr_gql_validate_fragment(v, s->name.text)};
        }
    }
}

void qr_gql_validate_list_spreads(struct qr_gql_validator *v)
{
    struct set_stack stack = {.count = 0};
    struct spread_list spreads = {.count = 0};
    for (uint32_t i = 0; i < v->scope_count && v->status == QUIRE_OK; i++) {
        struct qr_gql_scope *scope = &v->scopes[i];
        spreads.count = 0;
        (void)push_set(v, &stack, &scope->node->selections);
        while (stack.count > 0 && v->status == QUIRE_OK) {
            list_set(v, &stack, &spreads, stack.sets[--stack.count]);
        }
        size_t bytes = spreads.count * sizeof *spreads.items;
        scope->spreads = bytes ? qr_gql_validate_alloc(v, bytes) : NULL;
        if (scope->spreads) {
            memcpy(scope->spreads, spreads.items, bytes);
            scope->spread_count = (uint32_t)spreads.count;
        }
    }
    qr_free(v->arena->allocator, stack.sets, stack.capacity * sizeof *stack.sets);
    qr_free(v->arena->allocator, spreads.items, spreads.capacity * sizeof *spreads.items);
}

bool qr_gql_validate_reach(struct qr_gql_validator *v, uint32_t operation,
                           struct qr_gql_scope **out, uint32_t *count)
{
    uint32_t mark = ++v->searches;
    out[0] = &v->scopes[operation];
    out[0]->reached_by = mark;
    *count = 1;
    for (uint32_t done = 0; done < *count; done++) {
        const struct qr_gql_scope *scope = out[done];
        if (!qr_gql_validate_steps(v, scope->spread_count)) {
            return false;
        }
        for (uint32_t i = 0; i < scope->spread_count; i++) {
            struct qr_gql_scope *next = scope->spreads[i].fragment;
            if (next && next->reached_by != mark) {
                next->reached_by = mark;
                out[(*count)++] = next;
            }
        }
    }
    return true;
}

/* ---- KnownFragmentNames ---- */

static void known_fragment_names(struct qr_gql_validator *v,
                                 const struct qr_gql_ast_selection *node,
                                 const struct qr_gql_type *parent)
{
    (void)parent;
    if (!qr_gql_validate_fragment(v, node->name.text)) {
        (void)qr_gql_report_add(v->report, &node->name.pos, "Unknown fragment \"%.*s\".",
                                QR_GQL_FMT(node->name.text));
    }
}

/* ---- NoFragmentCycles ---- */

struct cycle_search {
    struct frame {
        struct qr_gql_scope *fragment;
        uint32_t next; /* spread to follow */
    } * frames;
    uint32_t depth;
    const struct qr_gql_ast_selection **path; /* the spreads followed; one a frame */
};

static void report_cycle(struct qr_gql_validator *v, const struct cycle_search *search,
                         uint32_t from)
{
    uint32_t count = search->depth - from;
    struct qr_gql_pos *places = qr_gql_validate_alloc(v, count * sizeof *places);
    struct qr_gql_buffer message;
    qr_gql_buffer_init(&message, v->arena, v->err);
    qr_gql_buffer_format(&message, "Cannot spread fragment \"%.*s\" within itself",
                         QR_GQL_FMT(search->path[search->depth - 1]->name.text));
    for (uint32_t i = 0; i < count && places; i++) {
        const struct qr_gql_ast_selection *spread = search->path[from + i];
        places[i] = spread->pos;
        if (i + 1 < count) {
            qr_gql_buffer_format(&message, "%s\"%.*s\"", i == 0 ? " via " : ", ",
                                 QR_GQL_FMT(spread->name.text));
        }
    }
    qr_gql_buffer_char(&message, '.');
    struct qr_gql_str text;
    quire_status status = qr_gql_buffer_finish(&message, &text);
    if (status != QUIRE_OK || !places || !qr_gql_validate_steps(v, count)) {
        v->status = v->status == QUIRE_OK ? status : v->status;
        return;
    }
    (void)qr_gql_report_message(v->report, places, count, text);
}

static void open_fragment(struct cycle_search *search, struct qr_gql_scope *fragment)
{
    fragment->visited = true;
    fragment->open = true;
    fragment->path_index = search->depth;
    search->frames[search->depth++] = (struct frame){fragment, 0};
}

static void search_cycles(struct qr_gql_validator *v, struct cycle_search *search,
                          struct qr_gql_scope *start)
{
    open_fragment(search, start);
    while (search->depth > 0 && qr_gql_validate_running(v)) {
        struct frame *frame = &search->frames[search->depth - 1];
        if (frame->next == frame->fragment->spread_count) {
            frame->fragment->open = false;
            search->depth--;
            continue;
        }
        const struct qr_gql_spread *spread = &frame->fragment->spreads[frame->next++];
        struct qr_gql_scope *target = spread->fragment;
        search->path[search->depth - 1] = spread->node;
        if (!target) {
            continue;
        }
        if (target->open) {
            report_cycle(v, search, target->path_index);
        } else if (!target->visited) {
            open_fragment(search, target);
        }
    }
}

static void no_fragment_cycles(struct qr_gql_validator *v)
{
    struct cycle_search search = {.depth = 0};
    size_t room = v->scope_count + 1;
    search.frames = qr_gql_validate_alloc(v, room * sizeof *search.frames);
    search.path = qr_gql_validate_alloc(v, room * sizeof *search.path);
    if (!search.frames || !search.path) {
        return;
    }
    for (uint32_t i = 0; i < v->scope_count && qr_gql_validate_running(v); i++) {
        struct qr_gql_scope *scope = &v->scopes[i];
        if (scope->node->kind == QR_GQL_AST_FRAGMENT && !scope->visited &&
            qr_gql_validate_fragment(v, scope->node->name.text) == scope) {
            search_cycles(v, &search, scope);
        }
    }
}

/* ---- NoUnusedFragments ---- */

static void no_unused_fragments(struct qr_gql_validator *v)
{
    struct qr_gql_scope **reached =
        qr_gql_validate_alloc(v, ((size_t)v->scope_count + 1) * sizeof *reached);
    bool *used = qr_gql_validate_alloc(v, (size_t)v->scope_count + 1);
    if (!reached || !used) {
        return;
    }
    for (uint32_t i = 0; i < v->scope_count; i++) {
        uint32_t count = 0;
        if (v->scopes[i].node->kind == QR_GQL_AST_OPERATION && v->scopes[i].spread_count > 0 &&
            !qr_gql_validate_reach(v, i, reached, &count)) {
            return;
        }
        for (uint32_t k = 0; k < count; k++) {
            used[reached[k] - v->scopes] = true;
        }
    }
    for (uint32_t i = 0; i < v->scope_count && qr_gql_validate_running(v); i++) {
        const struct qr_gql_ast_definition *node = v->scopes[i].node;
        if (node->kind == QR_GQL_AST_FRAGMENT) {
            const struct qr_gql_scope *named = qr_gql_validate_fragment(v, node->name.text);
            if (!used[named - v->scopes]) {
                (void)qr_gql_report_add(v->report, &node->pos, "Fragment \"%.*s\" is never used.",
                                        QR_GQL_FMT(node->name.text));
            }
        }
    }
}

const struct qr_gql_rule qr_gql_rules_fragments[] = {
    {.name = "KnownFragmentNamesRule", .spread = known_fragment_names},
    {.name = "NoFragmentCyclesRule", .document = no_fragment_cycles},
    {.name = "NoUnusedFragmentsRule", .finish = no_unused_fragments},
    {.name = NULL},
};
