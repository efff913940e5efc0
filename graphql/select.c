/*
 * Building the selection tree: see select.h. Recursion follows the nesting of
 * selections and is bounded by depth_max.
 */
#include "graphql/select.h"

struct builder {
    struct qr_gql_request *request;
    const struct qr_select_limits *limits;
    struct qr_gql_report *report;
    uint32_t fields;
    bool is_template;
    quire_error *err;
};

static void report_fault(struct builder *b, const struct qr_gql_fault *fault)
{
    if (fault->message != NULL) {
        qr_gql_report_add(b->report, &fault->pos, "%s", fault->message);
    }
}

/* Execution of introspection remembers what it collects in `selected`, so that each run needs its
 * own. */
static bool varies(const struct qr_gql_selected *selected)
{
    return qr_gql_type_is_composite(qr_gql_type_named(selected->field->type)) &&
                   qr_gql_type_named(selected->field->type)->introspection
               ? true
               : qr_gql_ast_arguments_vary(selected->nodes->field->arguments);
}

static quire_status build_below(struct builder *b, struct qr_select_field *field,
                                const struct qr_gql_type *type, uint32_t depth);

static quire_status build_set(struct builder *b, const struct qr_gql_selection_set *source,
                              uint32_t depth, struct qr_select **out)
{
    struct qr_arena *arena = b->request->arena;
    struct qr_select *set = qr_arena_alloc(arena, sizeof *set, b->err);

    if (depth > b->limits->depth_max || source->count > b->limits->fields_max - b->fields) {
        return qr_fail(b->err, QUIRE_LIMIT,
                       "The request selects more than %u fields, or more than %u levels of them, "
                       "fragments counted where they are spread; ask for less at once.",
                       b->limits->fields_max, b->limits->depth_max);
    }
    b->fields += source->count;
    if (set == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *set = (struct qr_select){.type = source->type};
    set->fields = qr_arena_alloc_zero(arena, sizeof *set->fields * (source->count + 1), b->err);
    if (set->fields == NULL) {
        return QUIRE_NO_MEMORY;
    }
    report_fault(b, &source->fault);
    for (struct qr_gql_selected *s = source->first; s != NULL; s = s->next) {
        struct qr_select_field *field = &set->fields[set->count++];
        const struct qr_gql_type *type = qr_gql_type_named(s->field->type);
        field->selected = s;
        field->api = s->field->host;
        field->varies = b->is_template && varies(s);
        set->resolves |= field->api != NULL && field->api->resolver != NULL;
        set->varies |= field->varies;
        if (!field->varies) {
            QR_TRY(qr_gql_selected_prepare(b->request, s, b->err));
            report_fault(b, &s->fault);
        }
        if (qr_gql_type_is_composite(type) && !type->introspection) {
            QR_TRY(build_below(b, field, type, depth + 1));
            set->varies |= field->set->varies;
            set->resolves |= field->set->resolves;
        }
    }
    *out = set;
    return QUIRE_OK;
}

/* The fields below `field`: of its type, or of each type that a row of it may have. */
static quire_status build_below(struct builder *b, struct qr_select_field *field,
                                const struct qr_gql_type *type, uint32_t depth)
{
    const struct qr_gql_type *const *types = &type;
    uint32_t count = 1;
    if (qr_gql_type_is_abstract(type)) {
        types = type->possible;
        count = type->possible_count;
    }
    for (uint32_t i = count; i-- > 0;) {
        const struct qr_gql_selection_set *below;
        struct qr_select *set;
        QR_TRY(qr_gql_collect_below(b->request, field->selected, types[i], &below, b->err));
        QR_TRY(build_set(b, below, depth, &set));
        set->other = field->set;
        set->varies = set->varies || (field->set != NULL && field->set->varies);
        set->resolves = set->resolves || (field->set != NULL && field->set->resolves);
        field->set = set;
    }
    return QUIRE_OK;
}

static quire_status build(struct builder *b, struct qr_select **out)
{
    const struct qr_gql_selection_set *root;

    QR_TRY(qr_gql_collect_root(b->request, &root, b->err));
    QR_TRY(build_set(b, root, 1, out));
    return qr_gql_report_outcome(b->report, QUIRE_QUERY, b->err);
}

quire_status qr_select_build(struct qr_gql_request *request, const struct qr_select_limits *limits,
                             struct qr_gql_report *report, struct qr_select **out, quire_error *err)
{
    struct builder b = {.request = request, .limits = limits, .report = report, .err = err};
    return build(&b, out);
}

quire_status qr_select_build_template(struct qr_gql_request *request,
                                      const struct qr_select_limits *limits,
                                      struct qr_gql_report *report, struct qr_select **out,
                                      quire_error *err)
{
    struct builder b = {
        .request = request, .limits = limits, .report = report, .is_template = true, .err = err};
    return build(&b, out);
}

/* Copies what varies, coerces its arguments, and goes on where something below varies. */
static quire_status instantiate(struct builder *b, struct qr_select *source, struct qr_select **out)
{
    struct qr_arena *arena = b->request->arena;
    struct qr_select *set;

    *out = source;
    if (!source->varies) {
        return QUIRE_OK;
    }
    set = qr_arena_alloc(arena, sizeof *set, b->err);
    if (set == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *set = *source;
    set->fields = qr_arena_alloc(arena, sizeof *set->fields * set->count, b->err);
    if (set->fields == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(set->fields, source->fields, sizeof *set->fields * set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        struct qr_select_field *field = &set->fields[i];
        if (field->varies) {
            struct qr_gql_selected *selected = qr_arena_alloc(arena, sizeof *selected, b->err);
            if (selected == NULL) {
                return QUIRE_NO_MEMORY;
            }
            *selected = *field->selected;
            selected->below = NULL;
            field->selected = selected;
            QR_TRY(qr_gql_selected_prepare(b->request, selected, b->err));
            report_fault(b, &selected->fault);
        }
        if (field->set != NULL) {
            QR_TRY(instantiate(b, field->set, &field->set));
        }
    }
    *out = set;
    return set->other == NULL ? QUIRE_OK : instantiate(b, set->other, &set->other);
}

quire_status qr_select_instantiate(struct qr_gql_request *request, struct qr_select *source,
                                   struct qr_gql_report *report, struct qr_select **out,
                                   quire_error *err)
{
    struct builder b = {.request = request, .report = report, .err = err};
    QR_TRY(instantiate(&b, source, out));
    return qr_gql_report_outcome(report, QUIRE_QUERY, err);
}

const struct qr_gql_value *qr_select_argument(const struct qr_select_field *field, const char *name)
{
    return qr_gql_value_get(&field->selected->arguments, qr_gql_str_of(name));
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
