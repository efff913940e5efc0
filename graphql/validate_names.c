/*
 * Rules about names that must be unique: operations, fragments, variables,
 * arguments, input fields, directives.
 */
#include "graphql/validate_internal.h"

/* Lists up to this long are searched pair by pair. */
#define PAIRWISE_MAX 8

/* All places of one name. */
struct group {
    struct qr_gql_str name;
    struct qr_gql_pos *places;
    size_t count, capacity;
    struct group *next;
};

struct grouping {
    struct qr_gql_name_table table;
    struct group *first, *last;
};

static void group_add(struct qr_gql_validator *v, struct grouping *grouping,
                      const struct qr_gql_name *name)
{
    struct group *group = qr_gql_name_table_get(&grouping->table, name->text);
    if (!group) {
        group = qr_gql_validate_alloc(v, sizeof *group);
        if (!group) {
            return;
        }
        group->name = name->text;
        if (grouping->last) {
            grouping->last->next = group;
        } else {
            grouping->first = group;
        }
        grouping->last = group;
        v->status = qr_gql_name_table_set(&grouping->table, v->arena, name->text, group, v->err);
    }
    if (group->count == group->capacity) {
        size_t capacity = group->capacity ? 2 * group->capacity : 1;
        struct qr_gql_pos *places = qr_gql_validate_alloc(v, capacity * sizeof *places);
        if (!places) {
            return;
        }
        if (group->count > 0) {
            memcpy(places, group->places, group->count * sizeof *places);
        }
        group->places = places;
        group->capacity = capacity;
    }
    group->places[group->count++] = name->pos;
}

static void report_groups(struct qr_gql_validator *v, const struct grouping *grouping,
                          const char *what, const char *sigil)
{
    for (const struct group *g = grouping->first; g; g = g->next) {
        if (g->count > 1) {
            (void)qr_gql_report_at(v->report, g->places, g->count,
                                   "There can be only one %s named \"%s%.*s\".", what, sigil,
                                   QR_GQL_FMT(g->name));
        }
    }
}

static bool few_and_distinct_arguments(const struct qr_gql_ast_argument *first)
{
    size_t count = 0;
    for (const struct qr_gql_ast_argument *a = first; a; a = a->next) {
        if (++count > PAIRWISE_MAX) {
            return false;
        }
        for (const struct qr_gql_ast_argument *b = first; b != a; b = b->next) {
            if (qr_gql_str_equal(a->name.text, b->name.text)) {
                return false;
            }
        }
    }
    return true;
}

static void check_arguments(struct qr_gql_validator *v, const struct qr_gql_ast_argument *first)
{
    if (few_and_distinct_arguments(first)) {
        return;
    }
    struct grouping grouping = {.first = NULL};
    for (const struct qr_gql_ast_argument *a = first; a && v->status == QUIRE_OK; a = a->next) {
        group_add(v, &grouping, &a->name);
    }
    report_groups(v, &grouping, "argument", "");
}

static void unique_arguments_of_field(struct qr_gql_validator *v,
                                      const struct qr_gql_ast_selection *node,
                                      const struct qr_gql_type *parent,
                                      const struct qr_gql_field *field)
{
    (void)parent;
    (void)field;
    check_arguments(v, node->arguments);
}

static void unique_arguments_of_directive(struct qr_gql_validator *v,
                                          const struct qr_gql_ast_directive *node,
                                          const struct qr_gql_directive *directive,
                                          uint32_t location)
{
    (void)directive;
    (void)location;
    check_arguments(v, node->arguments);
}

static void unique_variables(struct qr_gql_validator *v, const struct qr_gql_ast_definition *node)
{
    if (node->kind != QR_GQL_AST_OPERATION || !node->members || !node->members->next) {
        return;
    }
    struct grouping grouping = {.first = NULL};
    for (const struct qr_gql_ast_member *m = node->members; m && v->status == QUIRE_OK;
         m = m->next) {
        group_add(v, &grouping, &m->name);
    }
    report_groups(v, &grouping, "variable", "$");
}

/* Reports each later bearer of a name together with the first. */
static void check_repeated(struct qr_gql_validator *v, struct qr_gql_name_table *seen,
                           const struct qr_gql_name *name, const char *what)
{
    void *memory = qr_gql_validate_alloc(v, sizeof *name);
    if (!memory) {
        return;
    }
    memcpy(memory, name, sizeof *name);
    void *previous = NULL;
    v->status = qr_gql_name_table_add(seen, v->arena, name->text, memory, &previous, v->err);
    if (v->status == QUIRE_OK && previous) {
        const struct qr_gql_name *first = previous;
        struct qr_gql_pos places[] = {first->pos, name->pos};
        (void)qr_gql_report_at(v->report, places, 2, "There can be only one %s named \"%.*s\".",
                               what, QR_GQL_FMT(name->text));
    }
}

static void unique_definitions(struct qr_gql_validator *v, enum qr_gql_ast_definition_kind kind,
                               const char *what)
{
    struct qr_gql_name_table seen = {.slots = NULL};
    for (uint32_t i = 0; i < v->scope_count && qr_gql_validate_running(v); i++) {
        const struct qr_gql_ast_definition *node = v->scopes[i].node;
        if (node->kind == kind && node->name.text.data) {
            check_repeated(v, &seen, &node->name, what);
        }
    }
}

static void unique_operations(struct qr_gql_validator *v)
{
    unique_definitions(v, QR_GQL_AST_OPERATION, "operation");
}

static void unique_fragments(struct qr_gql_validator *v)
{
    unique_definitions(v, QR_GQL_AST_FRAGMENT, "fragment");
}

static void unique_input_fields(struct qr_gql_validator *v, const struct qr_gql_ast_value *node)
{
    if (few_and_distinct_arguments(node->fields)) {
        return;
    }
    struct qr_gql_name_table seen = {.slots = NULL};
    for (const struct qr_gql_ast_argument *f = node->fields; f && qr_gql_validate_running(v);
         f = f->next) {
        check_repeated(v, &seen, &f->name, "input field");
    }
}

static void unique_directives(struct qr_gql_validator *v, const struct qr_gql_ast_directive *first)
{
    if (!first->next) {
        return;
    }
    struct qr_gql_name_table seen = {.slots = NULL};
    for (const struct qr_gql_ast_directive *d = first; d && qr_gql_validate_running(v);
         d = d->next) {
        const struct qr_gql_directive *directive = qr_gql_schema_directive(v->schema, d->name.text);
        if (!directive || directive->repeatable) {
            continue;
        }
        void *place = qr_gql_validate_alloc(v, sizeof d->pos);
        if (!place) {
            return;
        }
        memcpy(place, &d->pos, sizeof d->pos);
        void *previous = NULL;
        v->status = qr_gql_name_table_add(&seen, v->arena, d->name.text, place, &previous, v->err);
        if (v->status == QUIRE_OK && previous) {
            struct qr_gql_pos places[] = {*(struct qr_gql_pos *)previous, d->pos};
            (void)qr_gql_report_at(v->report, places, 2,
                                   "The directive \"@%.*s\" can only be used once at this "
                                   "location.",
                                   QR_GQL_FMT(d->name.text));
        }
    }
}

const struct qr_gql_rule qr_gql_rules_names[] = {
    {.name = "UniqueOperationNamesRule", .document = unique_operations},
    {.name = "UniqueFragmentNamesRule", .document = unique_fragments},
    {.name = "UniqueVariableNamesRule", .definition = unique_variables},
    {.name = "UniqueArgumentNamesRule",
     .field = unique_arguments_of_field,
     .directive = unique_arguments_of_directive},
    {.name = "UniqueInputFieldNamesRule", .object = unique_input_fields},
    {.name = "UniqueDirectivesPerLocationRule", .directives = unique_directives},
    {.name = NULL},
};
