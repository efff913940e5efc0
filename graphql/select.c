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
    quire_error *err;
};

static void report_fault(struct builder *b, const struct qr_gql_fault *fault)
{
    if (fault->message != NULL) {
        qr_gql_report_add(b->report, &fault->pos, "%s", fault->message);
    }
}

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
        QR_TRY(qr_gql_selected_prepare(b->request, s, b->err));
        report_fault(b, &s->fault);
        if (qr_gql_type_is_composite(type) && !type->introspection) {
            const struct qr_gql_selection_set *below;
            QR_TRY(qr_gql_collect_below(b->request, s, type, &below, b->err));
            QR_TRY(build_set(b, below, depth + 1, &field->set));
        }
    }
    *out = set;
    return QUIRE_OK;
}

quire_status qr_select_build(struct qr_gql_request *request, const struct qr_select_limits *limits,
                             struct qr_gql_report *report, struct qr_select **out, quire_error *err)
{
    struct builder b = {.request = request, .limits = limits, .report = report, .err = err};
    const struct qr_gql_selection_set *root;

    QR_TRY(qr_gql_collect_root(request, &root, err));
    QR_TRY(build_set(&b, root, 1, out));
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
