/*
 * The executor. A position of the response (a field's value, a list's element)
 * is completed in one place: whatever fails below it is rewound in the buffer
 * and becomes null there, or is raised to the position above when its type is
 * non-null.
 */
#include "graphql/execute.h"

/* What became of a value. */
enum outcome {
    WRITTEN,
    IS_NULL, /* nothing is written */
    RAISED,  /* an error is in the report; what is written is to be rewound */
    FAILED   /* the execution as a whole; see the run's status */
};

struct run {
    const struct qr_gql_execution *execution;
    const struct qr_gql_source *source; /* of the subtree at work */
    uint32_t depth, depth_max;
    quire_status status;
    quire_error *err;
};

/* A position of the response. */
struct position {
    struct qr_gql_selected *selected;
    const struct qr_gql_path *path;
};

static enum outcome fail(struct run *run, quire_status status)
{
    run->status = status;
    return FAILED;
}

/* ---- errors ---- */

/* Whether the report takes no more: an error then still raises, but costs no memory. */
static bool is_full(const struct run *run)
{
    return qr_gql_report_full(run->execution->report);
}

static enum outcome raise_unheard(struct run *run)
{
    quire_status lost = run->execution->report->status;
    return lost == QUIRE_OK ? RAISED : fail(run, lost);
}

static const struct qr_gql_path *keep_path(struct run *run, const struct qr_gql_path *path)
{
    struct qr_arena *arena = run->execution->request->arena;
    struct qr_gql_path *leaf = NULL, *below = NULL;
    for (; path; path = path->parent) {
        struct qr_gql_path *step = qr_arena_alloc(arena, sizeof *step, run->err);
        if (!step) {
            return NULL;
        }
        *step = *path;
        step->parent = NULL;
        if (below) {
            below->parent = step;
        } else {
            leaf = step;
        }
        below = step;
    }
    return leaf;
}

static enum outcome raise_at(struct run *run, const struct position *position,
                             const struct qr_gql_pos *places, size_t count,
                             struct qr_gql_str message, struct qr_gql_str code)
{
    struct qr_gql_problem *problem =
        qr_gql_report_message(run->execution->report, places, count, message);
    if (!problem) {
        return raise_unheard(run);
    }
    problem->code = code;
    problem->path = keep_path(run, position->path);
    return problem->path ? RAISED : fail(run, QUIRE_NO_MEMORY);
}

/* Reports at all nodes of the position's field. */
static enum outcome raise_message(struct run *run, const struct position *position,
                                  struct qr_gql_str message, struct qr_gql_str code)
{
    if (is_full(run)) {
        return raise_unheard(run);
    }
    size_t count = 0;
    for (const struct qr_gql_node *n = position->selected->nodes; n; n = n->next) {
        count++;
    }
    struct qr_gql_pos *places =
        qr_arena_alloc(run->execution->request->arena, count * sizeof *places, run->err);
    if (!places) {
        return fail(run, QUIRE_NO_MEMORY);
    }
    count = 0;
    for (const struct qr_gql_node *n = position->selected->nodes; n; n = n->next) {
        places[count++] = n->field->pos;
    }
    return raise_at(run, position, places, count, message, code);
}

static enum outcome raise_text(struct run *run, const struct position *position, const char *text)
{
    if (!text) {
        return fail(run, QUIRE_NO_MEMORY);
    }
    return raise_message(run, position, qr_gql_str_of(text), (struct qr_gql_str){NULL, 0});
}

#define RAISE(run, position, ...)                                                                  \
    (is_full(run)                                                                                  \
         ? raise_unheard(run)                                                                      \
         : raise_text(run, position,                                                               \
                      qr_gql_format((run)->execution->request->arena, (run)->err, __VA_ARGS__)))

static enum outcome raise_null(struct run *run, const struct position *position)
{
    const struct qr_gql_selected *selected = position->selected;
    return RAISE(run, position, "Cannot return null for non-nullable field %.*s.%.*s.",
                 QR_GQL_FMT(selected->parent->name), QR_GQL_FMT(selected->field->name));
}

/* ---- values ---- */

static enum outcome complete(struct run *run, const struct position *position,
                             const struct qr_gql_type *type, struct qr_gql_item *item);
static enum outcome write_fields(struct run *run, const struct qr_gql_selection_set *set,
                                 const struct qr_gql_item *object, const struct qr_gql_path *path);

/* Writes the value of a position: its item, or null in its place. */
static enum outcome write_position(struct run *run, const struct position *position,
                                   const struct qr_gql_type *type, struct qr_gql_item *item)
{
    struct qr_json_writer *out = run->execution->out;
    bool nullable = type->kind != QR_GQL_NON_NULL;
    struct qr_json_mark mark = qr_json_writer_mark(out);
    enum outcome outcome = complete(run, position, nullable ? type : type->inner, item);
    if (outcome == IS_NULL && !nullable) {
        return raise_null(run, position);
    }
    if (outcome == IS_NULL || (outcome == RAISED && nullable)) {
        qr_json_writer_rewind(out, mark);
        qr_json_put_null(out);
        outcome = WRITTEN;
    }
    return out->status == QUIRE_OK ? outcome : fail(run, out->status);
}

static enum outcome complete_leaf(struct run *run, const struct position *position,
                                  const struct qr_gql_type *type, const struct qr_gql_item *item)
{
    const char *problem = NULL;
    quire_status status = qr_gql_leaf_write(run->execution->request->arena, type, &item->value,
                                            run->execution->out, &problem, run->err);
    if (status != QUIRE_OK) {
        return fail(run, status);
    }
    return problem ? raise_text(run, position, problem) : WRITTEN;
}

static enum outcome complete_list(struct run *run, const struct position *position,
                                  const struct qr_gql_type *type, struct qr_gql_item *list)
{
    struct qr_json_writer *out = run->execution->out;
    if (list->kind != QR_GQL_ITEM_LIST) {
        return RAISE(run, position,
                     "Expected Iterable, but did not find one for field \"%.*s.%.*s\".",
                     QR_GQL_FMT(position->selected->parent->name),
                     QR_GQL_FMT(position->selected->field->name));
    }
    qr_json_begin_array(out);
    struct qr_gql_path step = {.parent = position->path};
    struct position element = {position->selected, &step};
    for (;; step.index++) {
        struct qr_gql_item item = {.kind = QR_GQL_ITEM_NULL};
        bool more = false;
        quire_status status = run->source->next(run->source->context, list, &item, &more, run->err);
        if (status != QUIRE_OK) {
            return fail(run, status);
        }
        if (!more) {
            break;
        }
        enum outcome outcome = write_position(run, &element, type->inner, &item);
        if (outcome != WRITTEN) {
            return outcome;
        }
    }
    qr_json_end_array(out);
    return WRITTEN;
}

static enum outcome complete_object(struct run *run, const struct position *position,
                                    const struct qr_gql_type *type,
                                    const struct qr_gql_item *object)
{
    const struct qr_gql_selection_set *set;
    quire_status status =
        qr_gql_collect_below(run->execution->request, position->selected, type, &set, run->err);
    if (status != QUIRE_OK) {
        return fail(run, status);
    }
    if (set->fault.message) {
        return raise_at(run, position, &set->fault.pos, 1, qr_gql_str_of(set->fault.message),
                        (struct qr_gql_str){NULL, 0});
    }
    return write_fields(run, set, object, position->path);
}

static enum outcome refuse_type_name(struct run *run, const struct position *position,
                                     const struct qr_gql_type *abstract,
                                     const struct qr_gql_item *item,
                                     const struct qr_gql_value *name)
{
    const struct qr_gql_selected *selected = position->selected;
    struct qr_arena *arena = run->execution->request->arena;
    if (name->kind == QR_GQL_VALUE_NULL) {
        return RAISE(run, position,
                     "Abstract type \"%.*s\" must resolve to an Object type at runtime for field "
                     "\"%.*s.%.*s\". Either the \"%.*s\" type should provide a \"resolveType\" "
                     "function or each possible type should provide an \"isTypeOf\" function.",
                     QR_GQL_FMT(abstract->name), QR_GQL_FMT(selected->parent->name),
                     QR_GQL_FMT(selected->field->name), QR_GQL_FMT(abstract->name));
    }
    return RAISE(run, position,
                 "Abstract type \"%.*s\" must resolve to an Object type at runtime for field "
                 "\"%.*s.%.*s\" with value %s, received \"%s\", which is not a valid Object type "
                 "name.",
                 QR_GQL_FMT(abstract->name), QR_GQL_FMT(selected->parent->name),
                 QR_GQL_FMT(selected->field->name), qr_gql_value_inspect(arena, &item->value),
                 qr_gql_value_inspect(arena, name));
}

static enum outcome complete_abstract(struct run *run, const struct position *position,
                                      const struct qr_gql_type *abstract,
                                      const struct qr_gql_item *item)
{
    struct qr_gql_value name = {.kind = QR_GQL_VALUE_NULL};
    quire_status status = run->source->type_name(run->source->context, item, &name, run->err);
    if (status != QUIRE_OK) {
        return fail(run, status);
    }
    if (name.kind != QR_GQL_VALUE_STRING) {
        return refuse_type_name(run, position, abstract, item, &name);
    }
    const struct qr_gql_type *type = qr_gql_schema_type(run->execution->request->schema, name.text);
    if (!type) {
        return RAISE(run, position,
                     "Abstract type \"%.*s\" was resolved to a type \"%.*s\" that does not exist "
                     "inside the schema.",
                     QR_GQL_FMT(abstract->name), QR_GQL_FMT(name.text));
    }
    if (type->kind != QR_GQL_OBJECT) {
        return RAISE(run, position,
                     "Abstract type \"%.*s\" was resolved to a non-object type \"%.*s\".",
                     QR_GQL_FMT(abstract->name), QR_GQL_FMT(name.text));
    }
    if (!qr_gql_type_is_possible(abstract, type)) {
        return RAISE(run, position,
                     "Runtime Object type \"%.*s\" is not a possible type for \"%.*s\".",
                     QR_GQL_FMT(name.text), QR_GQL_FMT(abstract->name));
    }
    return complete_object(run, position, type, item);
}

/* Completes an item to a nullable type. */
static enum outcome complete(struct run *run, const struct position *position,
                             const struct qr_gql_type *type, struct qr_gql_item *item)
{
    if (item->kind == QR_GQL_ITEM_NULL) {
        return IS_NULL;
    }
    if (item->kind == QR_GQL_ITEM_ERROR) {
        return raise_message(run, position, item->value.text, item->code);
    }
    if (type->kind == QR_GQL_SCALAR || type->kind == QR_GQL_ENUM) {
        return complete_leaf(run, position, type, item);
    }
    if (run->depth == run->depth_max) {
        return RAISE(run, position, "The response is nested deeper than %u levels.",
                     run->depth_max);
    }
    run->depth++;
    enum outcome outcome;
    if (type->kind == QR_GQL_LIST) {
        outcome = complete_list(run, position, type, item);
    } else if (type->kind == QR_GQL_OBJECT) {
        outcome = complete_object(run, position, type, item);
    } else {
        outcome = complete_abstract(run, position, type, item);
    }
    run->depth--;
    return outcome;
}

/* ---- fields ---- */

static enum outcome resolve(struct run *run, const struct position *position,
                            const struct qr_gql_item *parent, struct qr_gql_item *out)
{
    struct qr_gql_selected *selected = position->selected;
    struct qr_gql_request *request = run->execution->request;
    quire_status status = qr_gql_selected_prepare(request, selected, run->err);
    if (status != QUIRE_OK) {
        return fail(run, status);
    }
    if (selected->fault.message) {
        return raise_at(run, position, &selected->fault.pos, 1,
                        qr_gql_str_of(selected->fault.message), (struct qr_gql_str){NULL, 0});
    }
    struct qr_gql_call call = {request, selected, parent, position->path};
    status = run->source->resolve(run->source->context, &call, out, run->err);
    return status == QUIRE_OK ? WRITTEN : fail(run, status);
}

static bool is_introspection(const struct run *run, const struct qr_gql_field *field)
{
    const struct qr_gql_schema *schema = run->execution->request->schema;
    return field == schema->meta_schema || field == schema->meta_type;
}

static enum outcome write_resolved(struct run *run, const struct position *position,
                                   const struct qr_gql_item *parent)
{
    const struct qr_gql_field *field = position->selected->field;
    struct qr_json_writer *out = run->execution->out;
    if (field == run->execution->request->schema->meta_typename) {
        struct qr_gql_str name = position->selected->parent->name;
        qr_json_put_string(out, name.data, name.size);
        return out->status == QUIRE_OK ? WRITTEN : fail(run, out->status);
    }
    struct qr_json_mark mark = qr_json_writer_mark(out);
    struct qr_gql_item item = {.kind = QR_GQL_ITEM_NULL};
    enum outcome outcome = resolve(run, position, parent, &item);
    if (outcome == WRITTEN) {
        return write_position(run, position, field->type, &item);
    }
    if (outcome == RAISED && field->type->kind != QR_GQL_NON_NULL) {
        qr_json_writer_rewind(out, mark);
        qr_json_put_null(out);
        return WRITTEN;
    }
    return outcome;
}

static enum outcome write_field(struct run *run, struct qr_gql_selected *selected,
                                const struct qr_gql_item *parent, const struct qr_gql_path *above)
{
    struct qr_gql_path path = {.parent = above, .key = selected->name};
    struct position position = {selected, &path};
    qr_json_put_key(run->execution->out, selected->name.data, selected->name.size);
    if (!is_introspection(run, selected->field)) {
        return write_resolved(run, &position, parent);
    }
    if (run->execution->no_introspection) {
        return RAISE(run, &position, "Introspection is turned off.");
    }
    const struct qr_gql_source *outer = run->source;
    struct qr_gql_source source = qr_gql_introspection_source(run->execution->request->schema);
    run->source = &source;
    enum outcome outcome = write_resolved(run, &position, parent);
    run->source = outer;
    return outcome;
}

static enum outcome write_fields(struct run *run, const struct qr_gql_selection_set *set,
                                 const struct qr_gql_item *object, const struct qr_gql_path *path)
{
    qr_json_begin_object(run->execution->out);
    for (struct qr_gql_selected *field = set->first; field; field = field->next) {
        enum outcome outcome = write_field(run, field, object, path);
        if (outcome != WRITTEN) {
            return outcome;
        }
    }
    qr_json_end_object(run->execution->out);
    return WRITTEN;
}

static struct run start(const struct qr_gql_execution *execution, quire_error *err)
{
    execution->report->overflow_message = "Too many errors; further ones are left out.";
    return (struct run){
        .execution = execution,
        .source = execution->source,
        .depth_max = execution->depth_max ? execution->depth_max : QR_GQL_RESPONSE_DEPTH_MAX,
        .err = err,
    };
}

quire_status qr_gql_execute(const struct qr_gql_execution *execution,
                            const struct qr_gql_item *root, quire_error *err)
{
    struct run run = start(execution, err);
    struct qr_json_writer *out = execution->out;
    struct qr_json_mark mark = qr_json_writer_mark(out);
    const struct qr_gql_selection_set *set;
    QR_TRY(qr_gql_collect_root(execution->request, &set, err));
    enum outcome outcome = RAISED;
    if (set->fault.message) {
        (void)qr_gql_report_add(execution->report, &set->fault.pos, "%s", set->fault.message);
    } else {
        outcome = write_fields(&run, set, root, NULL);
    }
    if (outcome == RAISED) {
        qr_json_writer_rewind(out, mark);
        qr_json_put_null(out);
    }
    if (outcome == FAILED) {
        return run.status;
    }
    return out->status;
}

quire_status qr_gql_execute_field(const struct qr_gql_execution *execution,
                                  const struct qr_gql_item *parent,
                                  struct qr_gql_selected *selected, bool *raised, quire_error *err)
{
    struct run run = start(execution, err);
    enum outcome outcome = write_field(&run, selected, parent, NULL);
    *raised = outcome == RAISED;
    return outcome == FAILED ? run.status : QUIRE_OK;
}

/* ---- subscriptions ---- */

static enum outcome open_stream(struct run *run, struct qr_gql_selected *field,
                                const struct qr_gql_item *root, struct qr_gql_item *stream)
{
    struct qr_gql_path path = {.key = field->name};
    struct position position = {field, &path};
    enum outcome outcome = resolve(run, &position, root, stream);
    if (outcome != WRITTEN) {
        return outcome;
    }
    if (stream->kind == QR_GQL_ITEM_ERROR) {
        return raise_message(run, &position, stream->value.text, stream->code);
    }
    if (stream->kind == QR_GQL_ITEM_LIST) {
        return WRITTEN;
    }
    struct qr_gql_request *request = run->execution->request;
    (void)qr_gql_report_add(run->execution->report, NULL,
                            "Subscription field must return Async Iterable. Received: %s.",
                            stream->kind == QR_GQL_ITEM_NULL
                                ? "undefined"
                                : qr_gql_value_inspect(request->arena, &stream->value));
    return RAISED;
}

quire_status qr_gql_subscribe(const struct qr_gql_execution *execution,
                              const struct qr_gql_item *root, struct qr_gql_item *stream,
                              quire_error *err)
{
    struct run run = start(execution, err);
    const struct qr_gql_selection_set *set;
    *stream = (struct qr_gql_item){.kind = QR_GQL_ITEM_NULL};
    QR_TRY(qr_gql_collect_root(execution->request, &set, err));
    enum outcome outcome = RAISED;
    if (set->first) {
        outcome = open_stream(&run, set->first, root, stream);
    } else {
        (void)qr_gql_report_add(execution->report, &set->fault.pos, "%s",
                                set->fault.message ? set->fault.message
                                                   : "The subscription selects no field.");
    }
    if (outcome == FAILED) {
        return run.status;
    }
    return outcome == RAISED ? qr_gql_report_outcome(execution->report, QUIRE_QUERY, err)
                             : QUIRE_OK;
}
