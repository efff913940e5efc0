/*
 * Sums saturate: a count that does not fit is over every limit. Recursion goes
 * through selections and fragments and is counted; what nests deeper than the
 * count allows is measured as endlessly deep.
 */
#include "graphql/limits.h"

#include "graphql/name_table.h"

#define NESTING_MAX 400u

struct measure {
    uint32_t depth;
    uint32_t fields; /* at the level of the set itself */
    uint32_t aliases;
    uint32_t directives;
};

struct fragment {
    const struct qr_gql_ast_definition *node;
    struct measure measure;
    bool measured, open;
};

struct survey {
    struct qr_gql_name_table fragments;
    uint32_t nesting;
};

static void add(uint32_t *sum, uint32_t count)
{
    *sum = count > UINT32_MAX - *sum ? UINT32_MAX : *sum + count;
}

static uint32_t count_directives(const struct qr_gql_ast_directive *first)
{
    uint32_t count = 0;
    for (const struct qr_gql_ast_directive *d = first; d; d = d->next) {
        count++;
    }
    return count;
}

static struct measure measure_set(struct survey *survey, const struct qr_gql_ast_selections *set);

static struct measure measure_fragment(struct survey *survey, struct qr_gql_str name)
{
    struct fragment *fragment = qr_gql_name_table_get(&survey->fragments, name);
    if (!fragment || fragment->open) {
        return (struct measure){.depth = 0};
    }
    if (!fragment->measured) {
        fragment->open = true;
        fragment->measure = measure_set(survey, &fragment->node->selections);
        add(&fragment->measure.directives, count_directives(fragment->node->directives));
        fragment->open = false;
        fragment->measured = true;
    }
    return fragment->measure;
}

static struct measure measure_selection(struct survey *survey,
                                        const struct qr_gql_ast_selection *node)
{
    struct measure m;
    if (node->kind == QR_GQL_AST_SPREAD) {
        m = measure_fragment(survey, node->name.text);
    } else {
        m = measure_set(survey, &node->selections);
    }
    if (node->kind == QR_GQL_AST_FIELD) {
        add(&m.depth, 1);
        m.fields = 1;
        add(&m.aliases, node->alias.text.data != NULL);
    }
    add(&m.directives, count_directives(node->directives));
    return m;
}

static struct measure measure_set(struct survey *survey, const struct qr_gql_ast_selections *set)
{
    struct measure sum = {.depth = 0};
    if (survey->nesting == NESTING_MAX) {
        return (struct measure){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    }
    survey->nesting++;
    for (const struct qr_gql_ast_selection *s = set->first; s; s = s->next) {
        struct measure one = measure_selection(survey, s);
        sum.depth = one.depth > sum.depth ? one.depth : sum.depth;
        add(&sum.fields, one.fields);
        add(&sum.aliases, one.aliases);
        add(&sum.directives, one.directives);
    }
    survey->nesting--;
    return sum;
}

static quire_status survey_init(struct survey *survey, const struct qr_gql_document *document,
                                struct qr_arena *arena, quire_error *err)
{
    *survey = (struct survey){.nesting = 0};
    for (const struct qr_gql_ast_definition *d = document->first; d; d = d->next) {
        if (d->kind != QR_GQL_AST_FRAGMENT) {
            continue;
        }
        struct fragment *fragment = qr_arena_alloc_zero(arena, sizeof *fragment, err);
        if (!fragment) {
            return err ? err->status : QUIRE_NO_MEMORY;
        }
        fragment->node = d;
        QR_TRY(qr_gql_name_table_set(&survey->fragments, arena, d->name.text, fragment, err));
    }
    return QUIRE_OK;
}

static void compare(struct qr_gql_report *report, const struct qr_gql_ast_definition *operation,
                    uint32_t count, uint32_t limit, const char *what)
{
    if (limit == 0 || count <= limit) {
        return;
    }
    struct qr_gql_problem *problem =
        qr_gql_report_add(report, &operation->pos,
                          "The operation has more %s than the limit of %u, its fragments put in "
                          "place.",
                          what, limit);
    if (problem) {
        problem->code = qr_gql_str_of("LIMIT");
    }
}

static void check_operation(struct survey *survey, const struct qr_gql_ast_definition *operation,
                            const struct qr_gql_limits *limits, struct qr_gql_report *report)
{
    struct measure m = measure_set(survey, &operation->selections);
    uint32_t variables = 0;
    add(&m.directives, count_directives(operation->directives));
    for (const struct qr_gql_ast_member *v = operation->members; v; v = v->next) {
        variables++;
        add(&m.directives, count_directives(v->directives));
    }
    compare(report, operation, m.depth, limits->depth_max, "levels of fields");
    compare(report, operation, m.aliases, limits->aliases_max, "aliases");
    compare(report, operation, m.fields, limits->root_fields_max, "root fields");
    compare(report, operation, m.directives, limits->directives_max, "directives");
    compare(report, operation, variables, limits->variables_max, "variables");
}

quire_status qr_gql_limits_check(const struct qr_gql_document *document,
                                 const struct qr_gql_limits *limits, struct qr_arena *arena,
                                 struct qr_gql_report *report, quire_error *err)
{
    struct survey survey;
    QR_TRY(survey_init(&survey, document, arena, err));
    for (const struct qr_gql_ast_definition *d = document->first; d; d = d->next) {
        if (d->kind == QR_GQL_AST_OPERATION) {
            check_operation(&survey, d, limits, report);
        }
    }
    return qr_gql_report_outcome(report, QUIRE_QUERY, err);
}
