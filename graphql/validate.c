/*
 * The run of validation: which rules, over which definitions, and the one walk
 * over the document that knows the type of each place and calls their hooks.
 * Definitions of the type system are not walked: they are no part of a request.
 */
#include "graphql/validate_internal.h"

#define EACH_RULE(v, hook, ...)                                                                    \
    do {                                                                                           \
        for (size_t rule_ = 0; rule_ < (v)->rule_count; rule_++) {                                 \
            if ((v)->rules[rule_]->hook && qr_gql_validate_running(v)) {                           \
                (v)->rules[rule_]->hook(__VA_ARGS__);                                              \
            }                                                                                      \
        }                                                                                          \
    } while (0)

void qr_gql_validate_abort(struct qr_gql_validator *v, uint64_t steps)
{
    if (!v->aborted) {
        v->aborted = true;
        (void)qr_gql_report_add(v->report, NULL,
                                "The document takes more than %llu steps to validate. Validation "
                                "aborted.",
                                (unsigned long long)steps);
    }
}

bool qr_gql_validate_steps(struct qr_gql_validator *v, uint64_t steps)
{
    v->steps += steps;
    if (v->steps > v->steps_max) {
        qr_gql_validate_abort(v, v->steps_max);
        return false;
    }
    return true;
}

void *qr_gql_validate_alloc(struct qr_gql_validator *v, size_t size)
{
    void *memory = qr_arena_alloc_zero(v->arena, size, v->err);
    if (!memory && v->status == QUIRE_OK) {
        v->status = qr_gql_memory_status(v->err);
    }
    return memory;
}

struct qr_gql_scope *qr_gql_validate_fragment(const struct qr_gql_validator *v,
                                              struct qr_gql_str name)
{
    return qr_gql_name_table_get(&v->fragments, name);
}

const char *qr_gql_validate_suggest(struct qr_gql_validator *v, struct qr_gql_str input,
                                    const struct qr_gql_str *candidates, size_t count)
{
    return v->suggest ? qr_gql_did_you_mean(v->arena, input, candidates, count, "") : "";
}

const struct qr_gql_type *qr_gql_validate_condition(const struct qr_gql_validator *v,
                                                    const struct qr_gql_name *condition)
{
    const struct qr_gql_type *type = qr_gql_schema_type(v->schema, condition->text);
    return type && type->referenced ? type : NULL;
}

const struct qr_gql_type *qr_gql_validate_type(struct qr_gql_validator *v,
                                               const struct qr_gql_ast_type *node)
{
    const struct qr_gql_type *type = NULL;
    quire_status status = qr_gql_type_from_ast(v->schema, v->arena, node, &type, v->err);
    v->status = v->status == QUIRE_OK ? status : v->status;
    return type && qr_gql_type_named(type)->referenced ? type : NULL;
}

static const struct qr_gql_type *composite_or_null(const struct qr_gql_type *type)
{
    const struct qr_gql_type *named = type ? qr_gql_type_named(type) : NULL;
    return named && qr_gql_type_is_composite(named) ? named : NULL;
}

void qr_gql_validate_sdl_rule(struct qr_gql_validator *v, const char *rule)
{
    struct qr_gql_str name = qr_gql_str_of(rule);
    if (v->scope_count < v->document->definition_count) {
        quire_status status =
            qr_gql_sdl_validate(v->document->first, v->schema, &name, 1, v->report, v->err);
        v->status = status == QUIRE_SCHEMA ? QUIRE_OK : status;
    }
}

/* ---- the walk ---- */

struct place {
    const struct qr_gql_type *type;
    const struct qr_gql_type *one_of;
    bool has_default;
};

static void note_usage(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                       const struct place *place)
{
    struct qr_gql_usage *usage = qr_gql_validate_alloc(v, sizeof *usage);
    if (!usage) {
        return;
    }
    *usage = (struct qr_gql_usage){node, place->type, place->has_default, place->one_of, NULL};
    if (v->scope->last_usage) {
        v->scope->last_usage->next = usage;
    } else {
        v->scope->usages = usage;
    }
    v->scope->last_usage = usage;
}

static void walk_value(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                       const struct place *place)
{
    if (node->kind == QR_GQL_AST_VARIABLE) {
        note_usage(v, node, place);
    } else if (node->kind == QR_GQL_AST_LIST) {
        const struct qr_gql_type *list = place->type ? qr_gql_type_nullable(place->type) : NULL;
        struct place item = {.type = list && list->kind == QR_GQL_LIST ? list->inner : list};
        for (const struct qr_gql_ast_value *i = node->items; i; i = i->next) {
            walk_value(v, i, &item);
        }
    } else if (node->kind == QR_GQL_AST_OBJECT) {
        EACH_RULE(v, object, v, node);
        const struct qr_gql_type *type = place->type ? qr_gql_type_named(place->type) : NULL;
        bool known = type && type->kind == QR_GQL_INPUT_OBJECT;
        for (const struct qr_gql_ast_argument *f = node->fields; f; f = f->next) {
            const struct qr_gql_input *input = known ? qr_gql_type_input(type, f->name.text) : NULL;
            struct place field = {input ? input->type : NULL, known && type->one_of ? type : NULL,
                                  input && input->default_literal};
            walk_value(v, f->value, &field);
        }
    }
}

static void walk_argument(struct qr_gql_validator *v, const struct qr_gql_ast_argument *node,
                          const struct qr_gql_input *argument)
{
    struct place place = {argument ? argument->type : NULL, NULL,
                          argument && argument->default_literal};
    EACH_RULE(v, literal, v, node->value, place.type);
    walk_value(v, node->value, &place);
}

static void walk_directives(struct qr_gql_validator *v, const struct qr_gql_ast_directive *first,
                            uint32_t location)
{
    if (!first) {
        return;
    }
    EACH_RULE(v, directives, v, first);
    for (const struct qr_gql_ast_directive *node = first; node; node = node->next) {
        const struct qr_gql_directive *directive =
            qr_gql_schema_directive(v->schema, node->name.text);
        EACH_RULE(v, directive, v, node, directive, location);
        for (const struct qr_gql_ast_argument *a = node->arguments; a; a = a->next) {
            walk_argument(v, a,
                          directive ? qr_gql_directive_argument(directive, a->name.text) : NULL);
        }
    }
}

static void walk_selections(struct qr_gql_validator *v, const struct qr_gql_ast_selections *node,
                            const struct qr_gql_type *parent);

static void walk_field(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                       const struct qr_gql_type *parent)
{
    const struct qr_gql_field *field =
        parent ? qr_gql_schema_field(v->schema, parent, node->name.text) : NULL;
    EACH_RULE(v, field, v, node, parent, field);
    for (const struct qr_gql_ast_argument *a = node->arguments; a; a = a->next) {
        walk_argument(v, a, field ? qr_gql_field_argument(field, a->name.text) : NULL);
    }
    walk_directives(v, node->directives, QR_GQL_ON_FIELD);
    if (node->selections.first) {
        walk_selections(v, &node->selections, composite_or_null(field ? field->type : NULL));
    }
}

static void walk_inline(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                        const struct qr_gql_type *parent)
{
    const struct qr_gql_type *condition = parent;
    if (node->condition.text.data) {
        EACH_RULE(v, named_type, v, &node->condition);
        condition = qr_gql_validate_condition(v, &node->condition);
    }
    EACH_RULE(v, inline_fragment, v, node, parent, condition);
    walk_directives(v, node->directives, QR_GQL_ON_INLINE_FRAGMENT);
    walk_selections(v, &node->selections, composite_or_null(condition));
}

static void walk_selections(struct qr_gql_validator *v, const struct qr_gql_ast_selections *node,
                            const struct qr_gql_type *parent)
{
    EACH_RULE(v, selections, v, node, parent);
    for (const struct qr_gql_ast_selection *s = node->first; s && qr_gql_validate_running(v);
         s = s->next) {
        switch (s->kind) {
        case QR_GQL_AST_FIELD:
            walk_field(v, s, parent);
            break;
        case QR_GQL_AST_SPREAD:
            EACH_RULE(v, spread, v, s, parent);
            walk_directives(v, s->directives, QR_GQL_ON_FRAGMENT_SPREAD);
            break;
        case QR_GQL_AST_INLINE:
            walk_inline(v, s, parent);
            break;
        }
    }
}

static void walk_variable(struct qr_gql_validator *v, const struct qr_gql_ast_member *node)
{
    const struct qr_gql_ast_type *reference = node->type;
    while (reference->kind != QR_GQL_AST_NAMED) {
        reference = reference->inner;
    }
    EACH_RULE(v, named_type, v, &reference->name);
    const struct qr_gql_type *type = qr_gql_validate_type(v, node->type);
    EACH_RULE(v, variable, v, node, type);
    if (node->default_value) {
        struct place place = {.type = type && qr_gql_type_is_input(type) ? type : NULL};
        EACH_RULE(v, literal, v, node->default_value, place.type);
        walk_value(v, node->default_value, &place);
    }
    walk_directives(v, node->directives, QR_GQL_ON_VARIABLE_DEFINITION);
}

static void walk_scope(struct qr_gql_validator *v, struct qr_gql_scope *scope)
{
    static const uint32_t locations[] = {QR_GQL_ON_QUERY, QR_GQL_ON_MUTATION,
                                         QR_GQL_ON_SUBSCRIPTION};
    const struct qr_gql_ast_definition *node = scope->node;
    v->scope = scope;
    if (node->kind == QR_GQL_AST_FRAGMENT) {
        EACH_RULE(v, named_type, v, &node->condition);
        walk_directives(v, node->directives, QR_GQL_ON_FRAGMENT_DEFINITION);
        walk_selections(v, &node->selections,
                        composite_or_null(qr_gql_validate_condition(v, &node->condition)));
        return;
    }
    for (const struct qr_gql_ast_member *m = node->members; m; m = m->next) {
        walk_variable(v, m);
    }
    walk_directives(v, node->directives, locations[node->operation]);
    walk_selections(v, &node->selections, v->schema->roots[node->operation]);
}

/* ---- the run ---- */

static void list_scopes(struct qr_gql_validator *v)
{
    v->scopes =
        qr_gql_validate_alloc(v, ((size_t)v->document->definition_count + 1) * sizeof *v->scopes);
    if (!v->scopes) {
        return;
    }
    for (const struct qr_gql_ast_definition *d = v->document->first; d; d = d->next) {
        if (qr_gql_ast_is_type_system(d)) {
            continue;
        }
        struct qr_gql_scope *scope = &v->scopes[v->scope_count++];
        scope->node = d;
        if (d->kind == QR_GQL_AST_FRAGMENT && v->status == QUIRE_OK) {
            v->status = qr_gql_name_table_set(&v->fragments, v->arena, d->name.text, scope, v->err);
        }
    }
}

static bool is_asked(const struct qr_gql_validate_options *options, const struct qr_gql_rule *rule)
{
    if (!options || !options->rules) {
        if (rule->recommended) {
            return options && options->introspection_depth;
        }
        if (rule->introspection) {
            return options && options->no_introspection;
        }
        return !rule->by_name;
    }
    for (size_t i = 0; i < options->rule_count; i++) {
        if (qr_gql_str_is(options->rules[i], rule->name)) {
            return true;
        }
    }
    return false;
}

static quire_status choose_rules(struct qr_gql_validator *v,
                                 const struct qr_gql_validate_options *options)
{
    const struct qr_gql_rule *tables[] = {qr_gql_rules_names,     qr_gql_rules_types,
                                          qr_gql_rules_arguments, qr_gql_rules_fragments,
                                          qr_gql_rules_variables, qr_gql_rules_operations,
                                          qr_gql_rules_overlap,   qr_gql_rules_deprecated};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct qr_gql_rule *rule = tables[t]; rule->name; rule++) {
            if (is_asked(options, rule)) {
                v->rules[v->rule_count++] = rule;
            }
        }
    }
    if (!options || !options->rules) {
        return QUIRE_OK;
    }
    for (size_t i = 0; i < options->rule_count; i++) {
        size_t k = 0;
        while (k < v->rule_count && !qr_gql_str_is(options->rules[i], v->rules[k]->name)) {
            k++;
        }
        if (k == v->rule_count) {
            return qr_fail(v->err, QUIRE_UNKNOWN_NAME, "there is no validation rule \"%.*s\"",
                           QR_GQL_FMT(options->rules[i]));
        }
    }
    return QUIRE_OK;
}

static void run_rules(struct qr_gql_validator *v)
{
    EACH_RULE(v, document, v);
    for (const struct qr_gql_ast_definition *d = v->document->first;
         d && qr_gql_validate_running(v); d = d->next) {
        EACH_RULE(v, definition, v, d);
    }
    for (uint32_t i = 0; i < v->scope_count && qr_gql_validate_running(v); i++) {
        walk_scope(v, &v->scopes[i]);
    }
    EACH_RULE(v, finish, v);
}

quire_status qr_gql_validate(const struct qr_gql_schema *schema,
                             const struct qr_gql_document *document,
                             const struct qr_gql_validate_options *options, struct qr_arena *arena,
                             struct qr_gql_report *report, quire_error *err)
{
    struct qr_gql_validator v = {
        .schema = schema,
        .document = document,
        .arena = arena,
        .report = report,
        .err = err,
        .suggest = !options || !options->no_suggestions,
        .steps_max = options && options->steps_max ? options->steps_max : QR_GQL_VALIDATE_STEPS_MAX,
    };
    report->overflow_message =
        "Too many validation errors, error limit reached. Validation aborted.";
    QR_TRY(choose_rules(&v, options));
    list_scopes(&v);
    qr_gql_validate_list_spreads(&v);
    if (v.status == QUIRE_OK) {
        run_rules(&v);
    }
    if (options && options->steps) {
        *options->steps = v.steps;
    }
    if (v.status != QUIRE_OK) {
        return v.status;
    }
    return qr_gql_report_outcome(report, QUIRE_QUERY, err);
}
