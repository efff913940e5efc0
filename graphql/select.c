/*
 * Building the selection tree: see select.h.
 *
 * Recursion follows the nesting of selections and fragments; `depth` counts
 * both and is bounded. Validation has refused fragment cycles already.
 */
#include "graphql/select.h"

#define LINEAR_FIELDS 12u /* above, names are found through a table */

struct builder {
    const struct qr_select_context *context;
    struct qr_gql_name_table fragments;
    uint32_t fields;
    quire_error *err;
};

static quire_status collect(struct builder *b, struct qr_select *set,
                            const struct qr_gql_ast_selections *selections, uint32_t depth);

/* ---- @skip and @include ---- */

static quire_status directive_is(struct builder *b, const struct qr_gql_ast_directive *directives,
                                 const char *name, bool *given, bool *value)
{
    const struct qr_gql_ast_directive *directive = qr_gql_ast_directive_find(directives, name);
    struct qr_gql_value condition;
    bool valid;

    *given = directive != NULL;
    if (directive == NULL || directive->arguments == NULL) {
        return QUIRE_OK;
    }
    const struct qr_gql_type *boolean =
        qr_gql_schema_type(b->context->schema, qr_gql_str_of("Boolean"));
    QR_TRY(qr_gql_literal_coerce(b->context->arena, boolean, directive->arguments->value,
                                 b->context->variables, &condition, &valid, b->err));
    *value = valid && condition.kind == QR_GQL_VALUE_BOOL && condition.boolean;
    return QUIRE_OK;
}

static quire_status is_included(struct builder *b, const struct qr_gql_ast_directive *directives,
                                bool *included)
{
    bool given;
    bool value = false;
    *included = true;
    if (directives == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(directive_is(b, directives, "skip", &given, &value));
    if (given && value) {
        *included = false;
        return QUIRE_OK;
    }
    value = false;
    QR_TRY(directive_is(b, directives, "include", &given, &value));
    *included = !given || value;
    return QUIRE_OK;
}

/* ---- arguments ---- */

/* One argument by the rules of CoerceArgumentValues. *has says whether it has a value. */
static quire_status coerce_argument(struct builder *b, const struct qr_gql_ast_selection *node,
                                    const struct qr_gql_input *input, struct qr_gql_value *value,
                                    bool *has)
{
    const struct qr_gql_ast_argument *argument =
        qr_gql_ast_argument_find(node->arguments, input->name);
    const struct qr_gql_ast_value *literal = argument == NULL ? NULL : argument->value;
    bool valid = true;

    if (literal != NULL && literal->kind == QR_GQL_AST_VARIABLE &&
        qr_gql_name_table_get(&b->context->variables->values, literal->text) == NULL) {
        literal = NULL;
    }
    if (literal == NULL) {
        *has = input->has_default;
        *value = input->default_value;
        if (!*has && input->type->kind == QR_GQL_NON_NULL) {
            qr_gql_report_add(b->context->report, &node->pos,
                              "Argument \"%.*s\" of required type \"%s\" was not provided.",
                              QR_GQL_FMT(input->name),
                              qr_gql_type_text(b->context->arena, input->type));
        }
        return QUIRE_OK;
    }
    QR_TRY(qr_gql_literal_coerce(b->context->arena, input->type, literal, b->context->variables,
                                 value, &valid, b->err));
    *has = valid;
    if (!valid) {
        qr_gql_report_add(b->context->report, &literal->pos,
                          "Argument \"%.*s\" has an invalid value.", QR_GQL_FMT(input->name));
    }
    return QUIRE_OK;
}

static quire_status coerce_arguments(struct builder *b, const struct qr_gql_ast_selection *node,
                                     struct qr_select_field *field)
{
    const struct qr_gql_field *definition = field->definition;
    field->arguments = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    if (definition->argument_count == 0) {
        return QUIRE_OK;
    }
    field->arguments.members = qr_arena_alloc(
        b->context->arena, sizeof *field->arguments.members * definition->argument_count, b->err);
    if (field->arguments.members == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < definition->argument_count; i++) {
        struct qr_gql_value value;
        bool has;
        QR_TRY(coerce_argument(b, node, &definition->arguments[i], &value, &has));
        if (has) {
            field->arguments.members[field->arguments.count++] =
                (struct qr_gql_value_member){definition->arguments[i].name, value};
        }
    }
    return QUIRE_OK;
}

const struct qr_gql_value *qr_select_argument(const struct qr_select_field *field, const char *name)
{
    return qr_gql_value_get(&field->arguments, qr_gql_str_of(name));
}

/* ---- fields ---- */

static struct qr_select_field *find_field(struct qr_select *set, struct qr_gql_str name)
{
    if (set->count > LINEAR_FIELDS) {
        /* The table holds index + 1, since the array moves when it grows. */
        uintptr_t index = (uintptr_t)qr_gql_name_table_get(&set->names, name);
        return index == 0 ? NULL : &set->fields[index - 1];
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (qr_gql_str_equal(set->fields[i].response_name, name)) {
            return &set->fields[i];
        }
    }
    return NULL;
}

static quire_status index_name(struct builder *b, struct qr_select *set, uint32_t i)
{
    return qr_gql_name_table_set(&set->names, b->context->arena, set->fields[i].response_name,
                                 (void *)(uintptr_t)(i + 1), b->err);
}

static quire_status append_field(struct builder *b, struct qr_select *set, struct qr_gql_str name,
                                 struct qr_select_field **out)
{
    if (++b->fields > b->context->fields_max) {
        return qr_fail(b->err, QUIRE_LIMIT,
                       "The request selects more than %u fields, fragments counted where they are "
                       "spread; ask for less at once.",
                       b->context->fields_max);
    }
    if (set->count == set->capacity) {
        uint32_t capacity = set->capacity == 0 ? 8 : set->capacity * 2;
        struct qr_select_field *grown =
            qr_arena_alloc(b->context->arena, sizeof *grown * capacity, b->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (set->count > 0) {
            memcpy(grown, set->fields, sizeof *grown * set->count);
        }
        set->fields = grown;
        set->capacity = capacity;
    }
    *out = &set->fields[set->count++];
    **out = (struct qr_select_field){.response_name = name};
    if (set->count == LINEAR_FIELDS + 1) {
        for (uint32_t i = 0; i < set->count; i++) {
            QR_TRY(index_name(b, set, i));
        }
    } else if (set->count > LINEAR_FIELDS) {
        QR_TRY(index_name(b, set, set->count - 1));
    }
    return QUIRE_OK;
}

static quire_status add_node(struct builder *b, struct qr_select_field *field,
                             const struct qr_gql_ast_selection *node)
{
    if (field->node_count == field->node_capacity) {
        uint32_t capacity = field->node_capacity == 0 ? 1 : field->node_capacity * 2;
        const struct qr_gql_ast_selection **grown =
            qr_arena_alloc(b->context->arena, sizeof *grown * capacity, b->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (field->node_count > 0) {
            memcpy(grown, field->nodes, sizeof *grown * field->node_count);
        }
        field->nodes = grown;
        field->node_capacity = capacity;
    }
    field->nodes[field->node_count++] = node;
    return QUIRE_OK;
}

static quire_status collect_field(struct builder *b, struct qr_select *set,
                                  const struct qr_gql_ast_selection *node, uint32_t depth)
{
    struct qr_gql_str name = qr_gql_ast_response_name(node);
    struct qr_select_field *field = find_field(set, name);

    if (field == NULL) {
        const struct qr_gql_field *definition =
            qr_gql_schema_field(b->context->schema, set->type, node->name.text);
        if (definition == NULL) {
            return qr_fail(b->err, QUIRE_INTERNAL, "The field %.*s was validated but not found.",
                           QR_GQL_FMT(node->name.text));
        }
        QR_TRY(append_field(b, set, name, &field));
        field->definition = definition;
        field->api = definition->host;
        field->pos = node->pos;
        QR_TRY(coerce_arguments(b, node, field));
    }
    QR_TRY(add_node(b, field, node));
    const struct qr_gql_type *type = qr_gql_type_named(field->definition->type);
    if (node->selections.first == NULL || type->introspection) {
        return QUIRE_OK;
    }
    if (field->set == NULL) {
        field->set = qr_arena_alloc_zero(b->context->arena, sizeof *field->set, b->err);
        if (field->set == NULL) {
            return QUIRE_NO_MEMORY;
        }
        field->set->type = type;
    }
    return collect(b, field->set, &node->selections, depth + 1);
}

/* ---- fragments ---- */

static bool condition_holds(struct builder *b, const struct qr_gql_type *type,
                            struct qr_gql_str condition)
{
    if (condition.data == NULL || qr_gql_str_equal(condition, type->name)) {
        return true;
    }
    const struct qr_gql_type *other = qr_gql_schema_type(b->context->schema, condition);
    return other != NULL && qr_gql_type_is_abstract(other) && qr_gql_type_is_possible(other, type);
}

static quire_status collect_spread(struct builder *b, struct qr_select *set,
                                   const struct qr_gql_ast_selection *node, uint32_t depth)
{
    const struct qr_gql_ast_definition *fragment =
        qr_gql_name_table_get(&b->fragments, node->name.text);
    void *visited = NULL;
    if (fragment == NULL || !condition_holds(b, set->type, fragment->condition.text)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_gql_name_table_add(&set->visited, b->context->arena, node->name.text,
                                 (void *)(uintptr_t)fragment, &visited, b->err));
    if (visited != NULL) {
        return QUIRE_OK;
    }
    return collect(b, set, &fragment->selections, depth + 1);
}

static quire_status collect(struct builder *b, struct qr_select *set,
                            const struct qr_gql_ast_selections *selections, uint32_t depth)
{
    if (depth > b->context->depth_max) {
        return qr_fail(b->err, QUIRE_LIMIT,
                       "The selections are nested more than %u deep; ask for less at once or raise "
                       "depth_max.",
                       b->context->depth_max);
    }
    for (const struct qr_gql_ast_selection *node = selections->first; node != NULL;
         node = node->next) {
        bool included;
        QR_TRY(is_included(b, node->directives, &included));
        if (!included) {
            continue;
        }
        if (node->kind == QR_GQL_AST_FIELD) {
            QR_TRY(collect_field(b, set, node, depth));
        } else if (node->kind == QR_GQL_AST_SPREAD) {
            QR_TRY(collect_spread(b, set, node, depth));
        } else if (condition_holds(b, set->type, node->condition.text)) {
            QR_TRY(collect(b, set, &node->selections, depth + 1));
        }
    }
    return QUIRE_OK;
}

quire_status qr_select_build(const struct qr_select_context *context,
                             const struct qr_gql_ast_definition *operation, struct qr_select **out,
                             quire_error *err)
{
    struct builder b = {.context = context, .err = err};
    struct qr_select *set = qr_arena_alloc_zero(context->arena, sizeof *set, err);

    if (set == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (const struct qr_gql_ast_definition *d = context->document->first; d != NULL; d = d->next) {
        if (d->kind == QR_GQL_AST_FRAGMENT) {
            QR_TRY(qr_gql_name_table_set(&b.fragments, context->arena, d->name.text,
                                         (void *)(uintptr_t)d, err));
        }
    }
    set->type = context->schema->roots[operation->operation];
    QR_TRY(collect(&b, set, &operation->selections, 1));
    QR_TRY(qr_gql_report_outcome(context->report, QUIRE_QUERY, err));
    *out = set;
    return QUIRE_OK;
}

const struct qr_select_field *qr_select_find(const struct qr_select *set, enum qr_api_kind kind)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->fields[i].api != NULL && set->fields[i].api->kind == kind) {
            return &set->fields[i];
        }
    }
    return NULL;
}
