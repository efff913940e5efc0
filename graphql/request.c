/*
 * Choosing the operation, and collecting fields: selections in document order,
 * fragments in place, conditions applied, fields of one response name merged.
 * Selections waiting to be read are kept on a stack of their own, since
 * fragments may nest deeper than the syntax tree.
 */
#include "graphql/request.h"

/* Selection sets with more fields than this are searched through a table. */
#define LINEAR_MAX 12u

static quire_status failed(const quire_error *err)
{
    return err && err->status != QUIRE_OK ? err->status : QUIRE_NO_MEMORY;
}

/* ---- preparing ---- */

static const struct qr_gql_ast_definition *choose_operation(const struct qr_gql_document *document,
                                                            struct qr_gql_str name,
                                                            struct qr_gql_report *report)
{
    const struct qr_gql_ast_definition *found = NULL;
    for (const struct qr_gql_ast_definition *d = document->first; d; d = d->next) {
        if (d->kind != QR_GQL_AST_OPERATION) {
            continue;
        }
        if (name.data) {
            if (d->name.text.data && qr_gql_str_equal(d->name.text, name)) {
                return d;
            }
            continue;
        }
        if (found) {
            (void)qr_gql_report_add(
                report, NULL, "Must provide operation name if query contains multiple operations.");
            return NULL;
        }
        found = d;
    }
    if (!found && name.data) {
        int shown = name.size > 100 ? 100 : (int)name.size;
        (void)qr_gql_report_add(report, NULL, "Unknown operation named \"%.*s\".", shown,
                                name.data);
    } else if (!found) {
        (void)qr_gql_report_add(report, NULL, "Must provide an operation.");
    }
    return found;
}

quire_status qr_gql_request_choose(const struct qr_gql_schema *schema,
                                   const struct qr_gql_document *document,
                                   struct qr_gql_str operation_name, struct qr_arena *arena,
                                   struct qr_gql_report *report, struct qr_gql_request *out,
                                   quire_error *err)
{
    *out = (struct qr_gql_request){
        .schema = schema, .document = document, .arena = arena, .suggest = !report->no_suggestions};
    out->operation = choose_operation(document, operation_name, report);
    if (!out->operation) {
        return qr_gql_report_outcome(report, QUIRE_QUERY, err);
    }
    out->root = schema->roots[out->operation->operation];
    if (!out->root) {
        (void)qr_gql_report_add(report, &out->operation->pos,
                                "Schema is not configured to execute %s operation.",
                                qr_gql_operation_word(out->operation->operation));
        return qr_gql_report_outcome(report, QUIRE_QUERY, err);
    }
    for (struct qr_gql_ast_definition *d = document->first; d; d = d->next) {
        if (d->kind == QR_GQL_AST_FRAGMENT) {
            QR_TRY(qr_gql_name_table_set(&out->fragments, arena, d->name.text, d, err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_gql_request_prepare(const struct qr_gql_schema *schema,
                                    const struct qr_gql_document *document,
                                    struct qr_gql_str operation_name,
                                    const struct qr_gql_value *variables, struct qr_arena *arena,
                                    struct qr_gql_report *report, struct qr_gql_request *out,
                                    quire_error *err)
{
    QR_TRY(qr_gql_request_choose(schema, document, operation_name, arena, report, out, err));
    return qr_gql_variables_coerce(schema, out->operation, variables, out->suggest, arena, report,
                                   &out->variables, err);
}

/* ---- collecting ---- */

/* Selections still to be read, the next one first. */
struct pending {
    const struct qr_gql_ast_selection *next;
    struct pending *below;
};

struct collection {
    struct qr_gql_request *request;
    struct qr_gql_selection_set *set;
    struct qr_gql_name_table fields;  /* of the set, once there are many */
    struct qr_gql_name_table visited; /* fragments */
    struct pending *stack;
    quire_error *err;
};

static quire_status push_selections(struct collection *c, const struct qr_gql_ast_selections *set)
{
    struct pending *pending = qr_arena_alloc(c->request->arena, sizeof *pending, c->err);
    if (!pending) {
        return failed(c->err);
    }
    *pending = (struct pending){set->first, c->stack};
    c->stack = pending;
    return QUIRE_OK;
}

/* The value of a condition's "if"; a fault of the set when it has none. */
static quire_status condition_value(struct collection *c,
                                    const struct qr_gql_ast_directive *directive, bool *value)
{
    struct qr_gql_request *request = c->request;
    const struct qr_gql_directive *definition =
        qr_gql_schema_directive(request->schema, directive->name.text);
    struct qr_gql_value arguments;
    struct qr_gql_taker taker = {{NULL, 0}, directive->name.text, &directive->pos};
    if (!definition) {
        return QUIRE_OK;
    }
    QR_TRY(qr_gql_arguments_coerce(request, &taker, definition->arguments,
                                   definition->argument_count, directive->arguments, &arguments,
                                   &c->set->fault, c->err));
    const struct qr_gql_value *condition = qr_gql_value_get(&arguments, qr_gql_str_of("if"));
    if (condition && condition->kind == QR_GQL_VALUE_BOOL) {
        *value = condition->boolean;
    }
    return QUIRE_OK;
}

static quire_status is_included(struct collection *c, const struct qr_gql_ast_selection *selection,
                                bool *included)
{
    bool skip = false, include = true;
    for (const struct qr_gql_ast_directive *d = selection->directives; d; d = d->next) {
        if (qr_gql_str_is(d->name.text, "skip")) {
            QR_TRY(condition_value(c, d, &skip));
        } else if (qr_gql_str_is(d->name.text, "include")) {
            QR_TRY(condition_value(c, d, &include));
        }
    }
    *included = !skip && include;
    return QUIRE_OK;
}

static struct qr_gql_selected *find_selected(const struct collection *c, struct qr_gql_str name)
{
    if (c->set->count > LINEAR_MAX) {
        return qr_gql_name_table_get(&c->fields, name);
    }
    struct qr_gql_selected *field = c->set->first;
    while (field && !qr_gql_str_equal(field->name, name)) {
        field = field->next;
    }
    return field;
}

static quire_status index_selected(struct collection *c, struct qr_gql_selected *added)
{
    if (c->set->count <= LINEAR_MAX) {
        return QUIRE_OK;
    }
    bool first = c->set->count == LINEAR_MAX + 1;
    for (struct qr_gql_selected *f = first ? c->set->first : added; f; f = f->next) {
        QR_TRY(qr_gql_name_table_set(&c->fields, c->request->arena, f->name, f, c->err));
    }
    return QUIRE_OK;
}

static quire_status add_selected(struct collection *c, const struct qr_gql_ast_selection *node)
{
    struct qr_gql_request *request = c->request;
    const struct qr_gql_type *type = c->set->type;
    struct qr_gql_str name = qr_gql_ast_response_name(node);
    struct qr_gql_selected *selected = find_selected(c, name);
    struct qr_gql_node *link = qr_arena_alloc(request->arena, sizeof *link, c->err);
    if (!link) {
        return failed(c->err);
    }
    *link = (struct qr_gql_node){node, NULL};
    if (selected) {
        selected->last_node->next = link;
        selected->last_node = link;
        return QUIRE_OK;
    }
    const struct qr_gql_field *field = qr_gql_schema_field(request->schema, type, node->name.text);
    if (!field) {
        return QUIRE_OK;
    }
    selected = qr_arena_alloc(request->arena, sizeof *selected, c->err);
    if (!selected) {
        return failed(c->err);
    }
    *selected = (struct qr_gql_selected){
        .name = name, .parent = type, .field = field, .nodes = link, .last_node = link};
    if (c->set->last) {
        c->set->last->next = selected;
    } else {
        c->set->first = selected;
    }
    c->set->last = selected;
    c->set->count++;
    return index_selected(c, selected);
}

static bool applies(const struct collection *c, const struct qr_gql_name *condition)
{
    if (!condition->text.data) {
        return true;
    }
    const struct qr_gql_type *type = qr_gql_schema_type(c->request->schema, condition->text);
    return type && (type == c->set->type ||
                    (qr_gql_type_is_abstract(type) && qr_gql_type_is_possible(type, c->set->type)));
}

static quire_status read_spread(struct collection *c, const struct qr_gql_ast_selection *spread)
{
    struct qr_gql_ast_definition *fragment =
        qr_gql_name_table_get(&c->request->fragments, spread->name.text);
    if (!fragment) {
        return QUIRE_OK;
    }
    void *previous;
    QR_TRY(qr_gql_name_table_add(&c->visited, c->request->arena, spread->name.text, fragment,
                                 &previous, c->err));
    return !previous && applies(c, &fragment->condition) ? push_selections(c, &fragment->selections)
                                                         : QUIRE_OK;
}

static quire_status read_selection(struct collection *c,
                                   const struct qr_gql_ast_selection *selection)
{
    bool included = true;
    if (selection->directives) {
        QR_TRY(is_included(c, selection, &included));
    }
    if (!included || c->set->fault.message) {
        return QUIRE_OK;
    }
    switch (selection->kind) {
    case QR_GQL_AST_FIELD:
        return add_selected(c, selection);
    case QR_GQL_AST_SPREAD:
        return read_spread(c, selection);
    case QR_GQL_AST_INLINE:
        break;
    }
    return applies(c, &selection->condition) ? push_selections(c, &selection->selections)
                                             : QUIRE_OK;
}

static quire_status read_selections(struct collection *c, const struct qr_gql_ast_selections *set)
{
    QR_TRY(push_selections(c, set));
    while (c->stack) {
        const struct qr_gql_ast_selection *selection = c->stack->next;
        if (!selection) {
            c->stack = c->stack->below;
            continue;
        }
        c->stack->next = selection->next;
        QR_TRY(read_selection(c, selection));
    }
    if (c->set->fault.message) {
        c->set->first = c->set->last = NULL;
        c->set->count = 0;
    }
    return QUIRE_OK;
}

static struct qr_gql_selection_set *new_set(struct qr_gql_request *request,
                                            const struct qr_gql_type *type, quire_error *err)
{
    struct qr_gql_selection_set *set = qr_arena_alloc_zero(request->arena, sizeof *set, err);
    if (set) {
        set->type = type;
    }
    return set;
}

quire_status qr_gql_collect_root(struct qr_gql_request *request,
                                 const struct qr_gql_selection_set **out, quire_error *err)
{
    *out = NULL;
    struct qr_gql_selection_set *set = new_set(request, request->root, err);
    if (!set) {
        return failed(err);
    }
    struct collection c = {.request = request, .set = set, .err = err};
    QR_TRY(read_selections(&c, &request->operation->selections));
    *out = set;
    return QUIRE_OK;
}

quire_status qr_gql_collect_below(struct qr_gql_request *request, struct qr_gql_selected *field,
                                  const struct qr_gql_type *type,
                                  const struct qr_gql_selection_set **out, quire_error *err)
{
    *out = NULL;
    for (const struct qr_gql_selection_set *known = field->below; known; known = known->next) {
        if (known->type == type) {
            *out = known;
            return QUIRE_OK;
        }
    }
    struct qr_gql_selection_set *set = new_set(request, type, err);
    if (!set) {
        return failed(err);
    }
    struct collection c = {.request = request, .set = set, .err = err};
    for (const struct qr_gql_node *node = field->nodes; node; node = node->next) {
        QR_TRY(read_selections(&c, &node->field->selections));
    }
    set->next = field->below;
    field->below = set;
    *out = set;
    return QUIRE_OK;
}

quire_status qr_gql_selected_prepare(struct qr_gql_request *request, struct qr_gql_selected *field,
                                     quire_error *err)
{
    if (field->arguments_ready) {
        return QUIRE_OK;
    }
    const struct qr_gql_ast_selection *node = field->nodes->field;
    struct qr_gql_taker taker = {field->parent->name, field->field->name, &node->pos};
    QR_TRY(qr_gql_arguments_coerce(request, &taker, field->field->arguments,
                                   field->field->argument_count, node->arguments, &field->arguments,
                                   &field->fault, err));
    field->arguments_ready = true;
    return QUIRE_OK;
}
