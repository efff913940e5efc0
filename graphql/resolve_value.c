/*
 * The values that resolvers gave: reading what hangs below them, and writing
 * them. See resolve.h.
 *
 * Lists of rows or objects are taken apart and numbered in order, so that what
 * hangs below all values is read at once; writing meets them in that order
 * again. Recursion follows the selection and the declared types.
 */
#include "graphql/column.h"
#include "graphql/execute.h"
#include "graphql/read_internal.h"
#include "graphql/resolve.h"
#include "graphql/resolver.h"

/* ---- reading ---- */

static bool is_null(const struct qr_gql_value *value)
{
    return value == NULL || value->kind == QR_GQL_VALUE_NULL;
}

/* Numbers the elements of a value; `elements` NULL: counts them. */
static void take_apart(const struct qr_gql_type *type, const struct qr_gql_value *value,
                       const struct qr_gql_value **elements, size_t *count)
{
    type = qr_gql_type_nullable(type);
    if (is_null(value) || (type->kind == QR_GQL_LIST && value->kind != QR_GQL_VALUE_LIST)) {
        return;
    }
    if (type->kind == QR_GQL_LIST) {
        for (uint32_t i = 0; i < value->count; i++) {
            take_apart(type->inner, &value->items[i], elements, count);
        }
        return;
    }
    if (elements != NULL) {
        elements[*count] = value;
    }
    (*count)++;
}

static quire_status number_elements(struct qr_reader *reader, struct qr_resolved *resolved)
{
    const struct qr_gql_type *type = resolved->field->selected->field->type;
    size_t count = 0;

    for (size_t i = 0; i < resolved->count; i++) {
        take_apart(type, resolved->values[i], NULL, &count);
    }
    resolved->starts = qr_arena_alloc(
        reader->arena, sizeof *resolved->starts * (resolved->count + 1), reader->err);
    resolved->elements =
        qr_arena_alloc(reader->arena, sizeof *resolved->elements * (count + 1), reader->err);
    if (resolved->starts == NULL || resolved->elements == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < resolved->count; i++) {
        resolved->starts[i] = resolved->element_count;
        take_apart(type, resolved->values[i], resolved->elements, &resolved->element_count);
    }
    return QUIRE_OK;
}

/* The rowid of the row with a key; 0 when there is none. */
static quire_status find_row(struct qr_reader *reader, const struct qr_model_type *type,
                             const struct qr_gql_type *key_type, const struct qr_gql_value *given,
                             int64_t *rowid)
{
    struct qr_gql_value key = *given;
    const char *problem = NULL;
    quire_value value;
    bool found;

    *rowid = 0;
    QR_TRY(qr_gql_leaf_coerce(reader->arena, key_type, false, false, &key, &problem, reader->err));
    if (problem != NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_column_from_value(type->key, false, &key, reader->arena, &value, reader->err));
    QR_TRY(qr_reader_find(reader, type->key, &value, rowid, &found));
    *rowid = found ? *rowid : 0;
    return QUIRE_OK;
}

static quire_status read_rows(struct qr_reader *reader, struct qr_resolved *resolved)
{
    const struct qr_model_type *type = resolved->field->api->type;
    const struct qr_gql_type *key_type =
        type->key->named != NULL ? type->key->named
                                 : qr_gql_schema_type(reader->api->schema, qr_gql_str_of("ID"));
    size_t count = resolved->element_count;
    int64_t *targets =
        qr_arena_alloc_zero(reader->arena, sizeof *targets * (count + 1), reader->err);

    resolved->links =
        qr_arena_alloc_zero(reader->arena, sizeof *resolved->links * (count + 1), reader->err);
    if (targets == NULL || resolved->links == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        QR_TRY(qr_reader_step(reader));
        QR_TRY(find_row(reader, type, key_type, resolved->elements[i], &targets[i]));
    }
    return qr_read_targets(reader, resolved->field, type, targets, count, resolved->links,
                           &resolved->node);
}

static quire_status read_members(struct qr_reader *reader, struct qr_resolved *resolved)
{
    const struct qr_select *set = resolved->field->set;

    resolved->members = qr_arena_alloc_zero(
        reader->arena, sizeof *resolved->members * (set->count + 1), reader->err);
    if (resolved->members == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t f = 0; f < set->count; f++) {
        const struct qr_select_field *field = &set->fields[f];
        struct qr_resolved *member = &resolved->members[f];
        if (field->api == NULL) {
            continue;
        }
        *member = (struct qr_resolved){.field = field, .count = resolved->element_count};
        member->values = qr_arena_alloc_zero(
            reader->arena, sizeof *member->values * (member->count + 1), reader->err);
        if (member->values == NULL) {
            return QUIRE_NO_MEMORY;
        }
        for (size_t i = 0; i < member->count; i++) {
            const struct qr_gql_value *object = resolved->elements[i];
            QR_TRY(qr_reader_step(reader));
            member->values[i] = object->kind == QR_GQL_VALUE_OBJECT
                                    ? qr_gql_value_get(object, field->selected->field->name)
                                    : NULL;
        }
        QR_TRY(qr_resolved_read(reader, member));
    }
    return QUIRE_OK;
}

quire_status qr_resolved_read(struct qr_reader *reader, struct qr_resolved *resolved)
{
    if (resolved->field->set == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(number_elements(reader, resolved));
    return resolved->field->api->type != NULL ? read_rows(reader, resolved)
                                              : read_members(reader, resolved);
}

/* ---- errors ---- */

/* The way to what is being written, which is kept by those who write it, in the arena. */
static const struct qr_gql_path *keep_path(const struct qr_reader *reader)
{
    size_t depth = 0;
    for (const struct qr_gql_path *step = reader->path; step != NULL; step = step->parent) {
        depth++;
    }
    struct qr_gql_path *kept =
        qr_arena_alloc(reader->arena, sizeof *kept * (depth + 1), reader->err);
    const struct qr_gql_path *step = reader->path;
    for (size_t i = 0; kept != NULL && i < depth; i++) {
        kept[i] = *step;
        kept[i].parent = i + 1 < depth ? &kept[i + 1] : NULL;
        step = step->parent;
    }
    return kept;
}

/* Adds an error at the place that is being written. */
static quire_status raise_fault(struct qr_reader *reader, const struct qr_select_field *field,
                                const char *code, const char *message)
{
    struct qr_gql_pos pos = qr_select_pos(field);
    struct qr_gql_str parent = field->selected->parent->name;
    struct qr_gql_problem *problem;

    reader->raised = true;
    if (reader->report == NULL) {
        return qr_fail(reader->err, QUIRE_QUERY, "%s", message);
    }
    if (qr_gql_report_full(reader->report)) {
        return reader->report->status;
    }
    const struct qr_gql_path *path = keep_path(reader);
    const char *coordinate =
        qr_gql_format(reader->arena, reader->err, "%.*s.%.*s", QR_GQL_FMT(parent),
                      QR_GQL_FMT(field->selected->field->name));
    if (path == NULL || coordinate == NULL) {
        return qr_gql_memory_status(reader->err);
    }
    problem = qr_gql_report_add(reader->report, &pos, "%s", message);
    if (problem != NULL) {
        problem->path = path;
        problem->code = qr_gql_str_of(code != NULL ? code : "RESOLVER");
        problem->coordinate = qr_gql_str_of(coordinate);
    }
    return reader->report->status;
}

void qr_resolved_absorb(struct qr_reader *reader, const struct qr_select_field *field,
                        struct qr_json_mark mark, struct qr_json_writer *writer)
{
    if (reader->raised && field->selected->field->type->kind != QR_GQL_NON_NULL) {
        qr_json_writer_rewind(writer, mark);
        qr_json_put_null(writer);
        reader->raised = false;
    }
}

/* ---- writing ---- */

struct writing {
    struct qr_reader *reader;
    const struct qr_resolved *resolved;
    size_t next; /* of the elements */
    struct qr_json_writer *writer;
};

static quire_status refuse_value(const struct writing *w, const struct qr_gql_value *value,
                                 const char *what)
{
    struct qr_arena *arena = w->reader->arena;
    const char *message =
        qr_gql_format(arena, w->reader->err, "%s: %s", what, qr_gql_value_inspect(arena, value));
    return message == NULL ? qr_gql_memory_status(w->reader->err)
                           : raise_fault(w->reader, w->resolved->field, NULL, message);
}

static quire_status refuse_null(const struct writing *w)
{
    const struct qr_gql_selected *selected = w->resolved->field->selected;
    const char *message = qr_gql_format(
        w->reader->arena, w->reader->err, "Cannot return null for non-nullable field %.*s.%.*s.",
        QR_GQL_FMT(selected->parent->name), QR_GQL_FMT(selected->field->name));
    return message == NULL ? qr_gql_memory_status(w->reader->err)
                           : raise_fault(w->reader, w->resolved->field, NULL, message);
}

static quire_status write_leaf(const struct writing *w, const struct qr_gql_type *type,
                               const struct qr_gql_value *value)
{
    const char *problem = NULL;
    QR_TRY(qr_gql_leaf_write(w->reader->arena, type, value, w->writer, &problem, w->reader->err));
    return problem == NULL ? QUIRE_OK : raise_fault(w->reader, w->resolved->field, NULL, problem);
}

static quire_status write_object(const struct writing *w, const struct qr_gql_value *value,
                                 size_t element)
{
    struct qr_reader *reader = w->reader;
    const struct qr_select *set = w->resolved->field->set;
    struct qr_gql_path step = {.parent = reader->path};

    if (value->kind != QR_GQL_VALUE_OBJECT) {
        return refuse_value(w, value, "Expected an object");
    }
    qr_json_begin_object(w->writer);
    reader->path = &step;
    for (uint32_t f = 0; f < set->count && !reader->raised; f++) {
        const struct qr_select_field *field = &set->fields[f];
        step.key = field->selected->name;
        qr_json_put_key(w->writer, step.key.data, step.key.size);
        if (field->api == NULL) {
            qr_json_put_string(w->writer, set->type->name.data, set->type->name.size);
            continue;
        }
        QR_TRY(qr_resolved_write(reader, &w->resolved->members[f], element, w->writer));
    }
    reader->path = step.parent;
    qr_json_end_object(w->writer);
    return QUIRE_OK;
}

static quire_status write_value(struct writing *w, const struct qr_gql_type *type,
                                const struct qr_gql_value *value);

static quire_status write_list(struct writing *w, const struct qr_gql_type *type,
                               const struct qr_gql_value *value)
{
    struct qr_reader *reader = w->reader;
    struct qr_gql_path step = {.parent = reader->path};

    if (value->kind != QR_GQL_VALUE_LIST) {
        return refuse_value(w, value, "Expected a list");
    }
    qr_json_begin_array(w->writer);
    reader->path = &step;
    for (uint32_t i = 0; i < value->count && !reader->raised; i++) {
        step.index = i;
        QR_TRY(qr_reader_step(reader));
        QR_TRY(write_value(w, type->inner, &value->items[i]));
    }
    reader->path = step.parent;
    qr_json_end_array(w->writer);
    return QUIRE_OK;
}

/* A value that is not null and no list. */
static quire_status write_named(struct writing *w, const struct qr_gql_type *type,
                                const struct qr_gql_value *value)
{
    const struct qr_resolved *resolved = w->resolved;
    if (resolved->field->set == NULL) {
        return write_leaf(w, type, value);
    }
    size_t element = w->next++;
    if (resolved->links == NULL) {
        return write_object(w, value, element);
    }
    if (resolved->links[element] > 0) {
        return qr_write_row(w->reader, resolved->node, resolved->links[element] - 1, w->writer);
    }
    qr_json_put_null(w->writer);
    return QUIRE_OK;
}

/* Whether a value is null, or the key of a row that is not there. */
static bool shows_nothing(const struct writing *w, const struct qr_gql_type *type,
                          const struct qr_gql_value *value)
{
    return is_null(value) || (type->kind != QR_GQL_LIST && w->resolved->links != NULL &&
                              w->resolved->links[w->next] == 0);
}

static quire_status write_value(struct writing *w, const struct qr_gql_type *type,
                                const struct qr_gql_value *value)
{
    struct qr_json_mark mark = qr_json_writer_mark(w->writer);
    bool required = type->kind == QR_GQL_NON_NULL;
    size_t first = w->next;

    type = qr_gql_type_nullable(type);
    if (required && shows_nothing(w, type, value)) {
        return is_null(value) ? refuse_null(w)
                              : refuse_value(w, value, "There is no row with the key");
    }
    if (is_null(value)) {
        qr_json_put_null(w->writer);
        return QUIRE_OK;
    }
    QR_TRY(type->kind == QR_GQL_LIST ? write_list(w, type, value) : write_named(w, type, value));
    if (w->reader->raised && !required) {
        qr_json_writer_rewind(w->writer, mark);
        qr_json_put_null(w->writer);
        w->reader->raised = false;
        w->next = first;
        take_apart(type, value, NULL, &w->next); /* what was left out has numbers too */
    }
    return QUIRE_OK;
}

quire_status qr_resolved_write(struct qr_reader *reader, const struct qr_resolved *resolved,
                               size_t parent, struct qr_json_writer *writer)
{
    const struct qr_resolve_fault *fault =
        resolved->faults == NULL ? NULL : &resolved->faults[parent];
    struct qr_json_mark mark = qr_json_writer_mark(writer);
    struct writing w = {.reader = reader, .resolved = resolved, .writer = writer};

    if (resolved->starts != NULL) {
        w.next = resolved->starts[parent];
    }
    if (fault != NULL && fault->message != NULL) {
        QR_TRY(raise_fault(reader, resolved->field, fault->code, fault->message));
        qr_resolved_absorb(reader, resolved->field, mark, writer);
        return writer->status;
    }
    QR_TRY(write_value(&w, resolved->field->selected->field->type, resolved->values[parent]));
    return writer->status;
}
