/*
 * Rules about variables, decided for each operation together with all
 * fragments that it reaches: defined, used, and fitting where they stand.
 */
#include "graphql/validate_internal.h"

struct variable {
    const struct qr_gql_ast_member *node;
    const struct qr_gql_type *type; /* NULL when unknown */
    bool used;
};

/* One operation at work. */
struct operation {
    struct qr_gql_validator *v;
    const struct qr_gql_ast_definition *node;
    struct qr_gql_name_table variables; /* name to struct variable; the last of a name */
    struct qr_gql_scope **reached;
    uint32_t reached_count;
};

typedef void (*operation_check)(struct operation *operation);

static bool define_variables(struct operation *operation)
{
    struct qr_gql_validator *v = operation->v;
    for (const struct qr_gql_ast_member *m = operation->node->members; m; m = m->next) {
        struct variable *variable = qr_gql_validate_alloc(v, sizeof *variable);
        if (!variable) {
            return false;
        }
        variable->node = m;
        variable->type = qr_gql_validate_type(v, m->type);
        if (v->status == QUIRE_OK) {
            v->status = qr_gql_name_table_set(&operation->variables, v->arena, m->name.text,
                                              variable, v->err);
        }
        if (v->status != QUIRE_OK) {
            return false;
        }
    }
    return true;
}

static void for_each_operation(struct qr_gql_validator *v, operation_check check)
{
    struct qr_gql_scope **reached =
        qr_gql_validate_alloc(v, ((size_t)v->scope_count + 1) * sizeof *reached);
    for (uint32_t i = 0; reached && i < v->scope_count && qr_gql_validate_running(v); i++) {
        if (v->scopes[i].node->kind != QR_GQL_AST_OPERATION) {
            continue;
        }
        struct operation operation = {.v = v, .node = v->scopes[i].node, .reached = reached};
        if (define_variables(&operation) &&
            qr_gql_validate_reach(v, i, reached, &operation.reached_count)) {
            check(&operation);
        }
    }
}

/* Walks the usages of an operation: start with scope 0 and usage NULL. */
static const struct qr_gql_usage *next_usage(const struct operation *operation, uint32_t *scope,
                                             const struct qr_gql_usage *usage)
{
    if (usage) {
        usage = usage->next;
    } else if (operation->reached_count > 0) {
        usage = operation->reached[0]->usages;
    }
    while (!usage && ++*scope < operation->reached_count) {
        usage = operation->reached[*scope]->usages;
    }
    return usage && qr_gql_validate_steps(operation->v, 1) ? usage : NULL;
}

#define EACH_USAGE(operation, usage)                                                               \
    for (uint32_t scope_ = 0, once_ = 1; once_; once_ = 0)                                         \
        for (const struct qr_gql_usage *usage = next_usage(operation, &scope_, NULL);              \
             usage && qr_gql_validate_running((operation)->v);                                     \
             usage = next_usage(operation, &scope_, usage))

/* ---- NoUndefinedVariables ---- */

static void check_defined(struct operation *operation)
{
    const struct qr_gql_ast_definition *node = operation->node;
    EACH_USAGE(operation, usage)
    {
        struct qr_gql_str name = usage->node->text;
        if (qr_gql_name_table_get(&operation->variables, name)) {
            continue;
        }
        struct qr_gql_pos places[] = {usage->node->pos, node->pos};
        if (node->name.text.data) {
            (void)qr_gql_report_at(operation->v->report, places, 2,
                                   "Variable \"$%.*s\" is not defined by operation \"%.*s\".",
                                   QR_GQL_FMT(name), QR_GQL_FMT(node->name.text));
        } else {
            (void)qr_gql_report_at(operation->v->report, places, 2,
                                   "Variable \"$%.*s\" is not defined.", QR_GQL_FMT(name));
        }
    }
}

static void no_undefined_variables(struct qr_gql_validator *v)
{
    for_each_operation(v, check_defined);
}

/* ---- NoUnusedVariables ---- */

static void check_used(struct operation *operation)
{
    if (!operation->node->members) {
        return;
    }
    EACH_USAGE(operation, usage)
    {
        struct variable *variable = qr_gql_name_table_get(&operation->variables, usage->node->text);
        if (variable) {
            variable->used = true;
        }
    }
    const struct qr_gql_ast_definition *node = operation->node;
    for (const struct qr_gql_ast_member *m = node->members;
         m && qr_gql_validate_running(operation->v); m = m->next) {
        const struct variable *variable =
            qr_gql_name_table_get(&operation->variables, m->name.text);
        if (variable->used) {
            continue;
        }
        if (node->name.text.data) {
            (void)qr_gql_report_add(operation->v->report, &m->pos,
                                    "Variable \"$%.*s\" is never used in operation \"%.*s\".",
                                    QR_GQL_FMT(m->name.text), QR_GQL_FMT(node->name.text));
        } else {
            (void)qr_gql_report_add(operation->v->report, &m->pos,
                                    "Variable \"$%.*s\" is never used.", QR_GQL_FMT(m->name.text));
        }
    }
}

static void no_unused_variables(struct qr_gql_validator *v)
{
    for_each_operation(v, check_used);
}

/* ---- VariablesInAllowedPosition ---- */

/* A nullable variable may stand at a non-null place when one of them has a default value. */
static bool is_allowed(const struct variable *variable, const struct qr_gql_usage *usage)
{
    const struct qr_gql_type *type = variable->type, *expected = usage->type;
    if (expected->kind == QR_GQL_NON_NULL && type->kind != QR_GQL_NON_NULL) {
        const struct qr_gql_ast_value *value = variable->node->default_value;
        bool default_given = value && value->kind != QR_GQL_AST_NULL;
        return (default_given || usage->has_default) &&
               qr_gql_type_is_subtype(type, expected->inner);
    }
    return qr_gql_type_is_subtype(type, expected);
}

static void check_positions(struct operation *operation)
{
    struct qr_gql_validator *v = operation->v;
    EACH_USAGE(operation, usage)
    {
        struct qr_gql_str name = usage->node->text;
        const struct variable *variable = qr_gql_name_table_get(&operation->variables, name);
        if (!variable || !variable->type || !usage->type) {
            continue;
        }
        struct qr_gql_pos places[] = {variable->node->pos, usage->node->pos};
        if (!is_allowed(variable, usage)) {
            (void)qr_gql_report_at(v->report, places, 2,
                                   "Variable \"$%.*s\" of type \"%s\" used in position expecting "
                                   "type \"%s\".",
                                   QR_GQL_FMT(name), qr_gql_type_text(v->arena, variable->type),
                                   qr_gql_type_text(v->arena, usage->type));
        }
        if (usage->one_of && variable->type->kind != QR_GQL_NON_NULL) {
            (void)qr_gql_report_at(v->report, places, 2,
                                   "Variable \"$%.*s\" is of type \"%s\" but must be non-nullable "
                                   "to be used for OneOf Input Object \"%.*s\".",
                                   QR_GQL_FMT(name), qr_gql_type_text(v->arena, variable->type),
                                   QR_GQL_FMT(usage->one_of->name));
        }
    }
}

static void variables_in_allowed_position(struct qr_gql_validator *v)
{
    for_each_operation(v, check_positions);
}

const struct qr_gql_rule qr_gql_rules_variables[] = {
    {.name = "NoUndefinedVariablesRule", .finish = no_undefined_variables},
    {.name = "NoUnusedVariablesRule", .finish = no_unused_variables},
    {.name = "VariablesInAllowedPositionRule", .finish = variables_in_allowed_position},
    {.name = NULL},
};
