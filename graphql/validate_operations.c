/*
 * Rules about definitions and operations as wholes: what may be executed,
 * which operations may stand together, what a subscription's root selects, how
 * deep introspection goes.
 */
#include "graphql/validate_internal.h"

/* ---- ExecutableDefinitions ---- */

static void executable_definitions(struct qr_gql_validator *v,
                                   const struct qr_gql_ast_definition *node)
{
    if (!qr_gql_ast_is_type_system(node)) {
        return;
    }
    if (node->kind == QR_GQL_AST_SCHEMA) {
        (void)qr_gql_report_add(v->report, &node->pos, "The schema definition is not executable.");
    } else {
        (void)qr_gql_report_add(v->report, &node->pos, "The \"%.*s\" definition is not executable.",
                                QR_GQL_FMT(node->name.text));
    }
}

/* ---- LoneAnonymousOperation ---- */

static void lone_anonymous_operation(struct qr_gql_validator *v)
{
    uint32_t operations = 0;
    for (uint32_t i = 0; i < v->scope_count; i++) {
        operations += v->scopes[i].node->kind == QR_GQL_AST_OPERATION;
    }
    for (uint32_t i = 0; i < v->scope_count && operations > 1; i++) {
        const struct qr_gql_ast_definition *node = v->scopes[i].node;
        if (node->kind == QR_GQL_AST_OPERATION && !node->name.text.data) {
            (void)qr_gql_report_add(v->report, &node->pos,
                                    "This anonymous operation must be the only defined "
                                    "operation.");
        }
    }
}

/* ---- KnownOperationTypes ---- */

static void known_operation_types(struct qr_gql_validator *v,
                                  const struct qr_gql_ast_definition *node)
{
    if (node->kind == QR_GQL_AST_OPERATION && !v->schema->roots[node->operation]) {
        (void)qr_gql_report_add(v->report, &node->pos,
                                "The %s operation is not supported by the schema.",
                                qr_gql_operation_word(node->operation));
    }
}

/* ---- SingleFieldSubscriptions ---- */

/* A list of places that grows in the arena. */
struct places {
    struct qr_gql_pos *items;
    size_t count, capacity;
};

struct root_selection {
    struct qr_gql_validator *v;
    const struct qr_gql_type *type;
    struct qr_gql_name_table seen; /* fragments */
    struct root_key {
        struct qr_gql_str name;       /* response name */
        struct qr_gql_str field_name; /* of the first field */
        struct places places;
        struct root_key *next;
    } * first, *last;
    struct qr_gql_name_table keys;
    struct places conditional; /* @skip and @include */
};

static void add_place(struct qr_gql_validator *v, struct places *places, struct qr_gql_pos pos)
{
    if (places->count == places->capacity) {
        size_t capacity = places->capacity ? 2 * places->capacity : 4;
        struct qr_gql_pos *items = qr_gql_validate_alloc(v, capacity * sizeof *items);
        if (!items) {
            return;
        }
        if (places->count > 0) {
            memcpy(items, places->items, places->count * sizeof *items);
        }
        places->items = items;
        places->capacity = capacity;
    }
    places->items[places->count++] = pos;
}

static void add_root_field(struct root_selection *root, const struct qr_gql_ast_selection *node)
{
    struct qr_gql_validator *v = root->v;
    struct qr_gql_str name = qr_gql_ast_response_name(node);
    struct root_key *key = qr_gql_name_table_get(&root->keys, name);
    if (!key) {
        key = qr_gql_validate_alloc(v, sizeof *key);
        if (!key) {
            return;
        }
        key->name = name;
        key->field_name = node->name.text;
        if (root->last) {
            root->last->next = key;
        } else {
            root->first = key;
        }
        root->last = key;
        v->status = qr_gql_name_table_set(&root->keys, v->arena, name, key, v->err);
    }
    add_place(v, &key->places, node->pos);
}

static void note_conditions(struct root_selection *root,
                            const struct qr_gql_ast_directive *directives)
{
    for (const struct qr_gql_ast_directive *d = directives; d; d = d->next) {
        if (qr_gql_str_is(d->name.text, "skip") || qr_gql_str_is(d->name.text, "include")) {
            add_place(root->v, &root->conditional, d->pos);
        }
    }
}

static bool applies(const struct root_selection *root, const struct qr_gql_name *condition)
{
    if (!condition->text.data) {
        return true;
    }
    const struct qr_gql_type *type = qr_gql_validate_condition(root->v, condition);
    return type && (type == root->type ||
                    (qr_gql_type_is_abstract(type) && qr_gql_type_is_possible(type, root->type)));
}

/* The selections that a spread stands for, or NULL when it adds none. */
static const struct qr_gql_ast_selections *spread_selections(struct root_selection *root,
                                                             const struct qr_gql_ast_selection *s)
{
    struct qr_gql_validator *v = root->v;
    struct qr_gql_scope *fragment = qr_gql_validate_fragment(v, s->name.text);
    if (!fragment || qr_gql_name_table_get(&root->seen, s->name.text)) {
        return NULL;
    }
    v->status = qr_gql_name_table_set(&root->seen, v->arena, s->name.text, fragment, v->err);
    return applies(root, &fragment->node->condition) ? &fragment->node->selections : NULL;
}

/* Selections still to be collected, the next one first. */
struct pending {
    const struct qr_gql_ast_selection *next;
    struct pending *below;
};

static void collect_root(struct root_selection *root, const struct qr_gql_ast_selections *set)
{
    struct qr_gql_validator *v = root->v;
    struct pending *top = qr_gql_validate_alloc(v, sizeof *top);
    if (top) {
        top->next = set->first;
    }
    while (top && v->status == QUIRE_OK) {
        const struct qr_gql_ast_selection *s = top->next;
        if (!s) {
            top = top->below;
            continue;
        }
        top->next = s->next;
        note_conditions(root, s->directives);
        const struct qr_gql_ast_selections *inner = NULL;
        if (s->kind == QR_GQL_AST_FIELD) {
            add_root_field(root, s);
        } else if (s->kind == QR_GQL_AST_INLINE) {
            inner = applies(root, &s->condition) ? &s->selections : NULL;
        } else {
            inner = spread_selections(root, s);
        }
        if (inner) {
            struct pending *pending = qr_gql_validate_alloc(v, sizeof *pending);
            if (!pending) {
                return;
            }
            *pending = (struct pending){inner->first, top};
            top = pending;
        }
    }
}

static void report_subscription(struct qr_gql_validator *v,
                                const struct qr_gql_ast_definition *node,
                                const struct places *places, const char *fault)
{
    if (node->name.text.data) {
        (void)qr_gql_report_at(v->report, places->items, places->count,
                               "Subscription \"%.*s\" must %s.", QR_GQL_FMT(node->name.text),
                               fault);
    } else {
        (void)qr_gql_report_at(v->report, places->items, places->count,
                               "Anonymous Subscription must %s.", fault);
    }
}

static void single_field_subscriptions(struct qr_gql_validator *v,
                                       const struct qr_gql_ast_definition *node)
{
    const struct qr_gql_type *type = v->schema->roots[QR_GQL_SUBSCRIPTION];
    if (node->kind != QR_GQL_AST_OPERATION || node->operation != QR_GQL_SUBSCRIPTION || !type) {
        return;
    }
    struct root_selection root = {.v = v, .type = type};
    collect_root(&root, &node->selections);
    if (root.conditional.count > 0) {
        report_subscription(v, node, &root.conditional,
                            "not use `@skip` or `@include` directives in the top level selection");
        return;
    }
    if (root.first && root.first->next) {
        struct places extra = {.items = NULL};
        for (const struct root_key *key = root.first->next; key; key = key->next) {
            for (size_t i = 0; i < key->places.count; i++) {
                add_place(v, &extra, key->places.items[i]);
            }
        }
        report_subscription(v, node, &extra, "select only one top level field");
    }
    for (const struct root_key *key = root.first; key; key = key->next) {
        if (qr_gql_str_is_reserved(key->field_name)) {
            report_subscription(v, node, &key->places,
                                "not select an introspection top level field");
        }
    }
}

/* ---- MaxIntrospectionDepth ---- */

/* Nested lists of introspection may be this many less one. */
#define INTROSPECTION_LISTS_MAX 3u
#define DEPTH_MAX               400u

struct depth_search {
    struct qr_gql_validator *v;
    uint32_t depth;
};

static bool is_introspection_list(struct qr_gql_str name)
{
    return qr_gql_str_is(name, "fields") || qr_gql_str_is(name, "interfaces") ||
           qr_gql_str_is(name, "possibleTypes") || qr_gql_str_is(name, "inputFields");
}

static uint32_t lists_in_set(struct depth_search *search, const struct qr_gql_ast_selections *set);

/* How many lists are nested below a fragment; memoised. A fragment inside itself counts none. */
static uint32_t lists_in_fragment(struct depth_search *search, struct qr_gql_str name)
{
    struct qr_gql_scope *fragment = qr_gql_validate_fragment(search->v, name);
    if (!fragment || fragment->open) {
        return 0;
    }
    if (fragment->lists_below == 0) {
        fragment->open = true;
        fragment->lists_below = 1 + lists_in_set(search, &fragment->node->selections);
        fragment->open = false;
    }
    return fragment->lists_below - 1;
}

static uint32_t lists_in(struct depth_search *search, const struct qr_gql_ast_selection *node)
{
    if (node->kind == QR_GQL_AST_SPREAD) {
        return lists_in_fragment(search, node->name.text);
    }
    uint32_t own = node->kind == QR_GQL_AST_FIELD && is_introspection_list(node->name.text);
    return own + lists_in_set(search, &node->selections);
}

static uint32_t lists_in_set(struct depth_search *search, const struct qr_gql_ast_selections *set)
{
    if (search->depth == DEPTH_MAX) {
        return INTROSPECTION_LISTS_MAX;
    }
    search->depth++;
    uint32_t most = 0;
    for (const struct qr_gql_ast_selection *s = set->first; s && most < INTROSPECTION_LISTS_MAX;
         s = s->next) {
        uint32_t lists = lists_in(search, s);
        most = lists > most ? lists : most;
    }
    search->depth--;
    return most;
}

static void max_introspection_depth(struct qr_gql_validator *v,
                                    const struct qr_gql_ast_selection *node,
                                    const struct qr_gql_type *parent,
                                    const struct qr_gql_field *field)
{
    (void)parent;
    (void)field;
    if (!qr_gql_str_is(node->name.text, "__schema") && !qr_gql_str_is(node->name.text, "__type")) {
        return;
    }
    struct depth_search search = {.v = v};
    if (lists_in(&search, node) >= INTROSPECTION_LISTS_MAX) {
        (void)qr_gql_report_add(v->report, &node->pos, "Maximum introspection depth exceeded");
    }
}

/* ---- NoSchemaIntrospection: for those who ask ---- */

static void no_schema_introspection(struct qr_gql_validator *v,
                                    const struct qr_gql_ast_selection *node,
                                    const struct qr_gql_type *parent,
                                    const struct qr_gql_field *field)
{
    (void)parent;
    if (field && qr_gql_type_named(field->type)->introspection) {
        (void)qr_gql_report_add(v->report, &node->pos,
                                "GraphQL introspection has been disabled, but the requested query "
                                "contained the field \"%.*s\".",
                                QR_GQL_FMT(node->name.text));
    }
}

const struct qr_gql_rule qr_gql_rules_operations[] = {
    {.name = "ExecutableDefinitionsRule", .definition = executable_definitions},
    {.name = "LoneAnonymousOperationRule", .document = lone_anonymous_operation},
    {.name = "KnownOperationTypesRule", .definition = known_operation_types},
    {.name = "SingleFieldSubscriptionsRule", .definition = single_field_subscriptions},
    {.name = "MaxIntrospectionDepthRule", .recommended = true, .field = max_introspection_depth},
    {.name = "NoSchemaIntrospectionCustomRule",
     .introspection = true,
     .field = no_schema_introspection},
    {.name = NULL},
};
