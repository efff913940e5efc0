/*
 * Variables: JSON values to values of their declared types. Every place that
 * does not fit is reported. The text of the variables may nest deeper than any
 * type means it to, so recursion is counted.
 */
#include "graphql/request.h"

#define DEPTH_MAX 200u

struct coercion {
    struct qr_arena *arena;
    struct qr_gql_report *report;
    quire_error *err;
    bool suggest;
    const struct qr_gql_ast_member *variable;
    uint32_t depth;
    bool valid;
};

static void print_path(struct qr_gql_buffer *text, const struct qr_gql_path *path)
{
    /* Paths are as deep as the value; each step is printed once, root first. */
    const struct qr_gql_path *steps[DEPTH_MAX + 1];
    size_t count = 0;
    for (; path && count <= DEPTH_MAX; path = path->parent) {
        steps[count++] = path;
    }
    while (count-- > 0) {
        if (steps[count]->key.data) {
            qr_gql_buffer_format(text, ".%.*s", QR_GQL_FMT(steps[count]->key));
        } else {
            qr_gql_buffer_format(text, "[%zu]", steps[count]->index);
        }
    }
}

static quire_status refuse(struct coercion *c, const struct qr_gql_path *path, const char *message)
{
    c->valid = false;
    struct qr_gql_buffer text;
    qr_gql_buffer_init(&text, c->arena, c->err);
    qr_gql_buffer_format(&text, "Variable \"$%.*s\" has invalid value",
                         QR_GQL_FMT(c->variable->name.text));
    if (path) {
        qr_gql_buffer_text(&text, " at ");
        print_path(&text, path);
    }
    qr_gql_buffer_text(&text, ": ");
    qr_gql_buffer_text(&text, message ? message : "");
    struct qr_gql_str out;
    QR_TRY(qr_gql_buffer_finish(&text, &out));
    (void)qr_gql_report_message(c->report, &c->variable->pos, 1, out);
    return QUIRE_OK;
}

#define REFUSE(c, path, ...) refuse(c, path, qr_gql_format((c)->arena, (c)->err, __VA_ARGS__))

static quire_status coerce(struct coercion *c, const struct qr_gql_type *type,
                           const struct qr_gql_value *given, const struct qr_gql_path *path,
                           struct qr_gql_value *out);

static quire_status coerce_list(struct coercion *c, const struct qr_gql_type *type,
                                const struct qr_gql_value *given, const struct qr_gql_path *path,
                                struct qr_gql_value *out)
{
    bool single = given->kind != QR_GQL_VALUE_LIST;
    out->kind = QR_GQL_VALUE_LIST;
    out->count = single ? 1 : given->count;
    out->items = qr_arena_alloc_zero(c->arena, out->count * sizeof *out->items, c->err);
    if (!out->items) {
        return c->err ? c->err->status : QUIRE_NO_MEMORY;
    }
    if (single) {
        return coerce(c, type->inner, given, path, &out->items[0]);
    }
    for (uint32_t i = 0; i < given->count && !qr_gql_report_full(c->report); i++) {
        struct qr_gql_path step = {.parent = path, .index = i};
        QR_TRY(coerce(c, type->inner, &given->items[i], &step, &out->items[i]));
    }
    return QUIRE_OK;
}

static quire_status refuse_unknown_field(struct coercion *c, const struct qr_gql_type *type,
                                         const struct qr_gql_value *given, struct qr_gql_str name,
                                         const struct qr_gql_path *path)
{
    struct qr_gql_str *names =
        qr_arena_alloc(c->arena, (type->input_count + 1) * sizeof *names, c->err);
    if (!names) {
        return c->err ? c->err->status : QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->input_count; i++) {
        names[i] = type->inputs[i].name;
    }
    const char *suggestion =
        c->suggest ? qr_gql_did_you_mean(c->arena, name, names, type->input_count, "") : "";
    return REFUSE(
        c, path, "Expected value of type \"%.*s\" not to include unknown field \"%.*s\"%s%s%s: %s.",
        QR_GQL_FMT(type->name), QR_GQL_FMT(name), *suggestion ? "." : ", found", suggestion,
        *suggestion ? " Found" : "", qr_gql_value_inspect(c->arena, given));
}

/* Exactly one field of the type is to be given, and not as null. */
static quire_status check_one_of(struct coercion *c, const struct qr_gql_type *type,
                                 const struct qr_gql_value *given, const struct qr_gql_path *path)
{
    const struct qr_gql_value_member *only = NULL;
    size_t count = 0;
    for (uint32_t i = 0; type->one_of && i < given->count; i++) {
        if (qr_gql_type_input(type, given->members[i].name)) {
            only = &given->members[i];
            count++;
        }
    }
    if (!type->one_of || (count == 1 && only->value.kind != QR_GQL_VALUE_NULL)) {
        return QUIRE_OK;
    }
    struct qr_gql_path step = {.parent = path};
    if (count == 1) {
        step.key = only->name;
    }
    return REFUSE(c, count == 1 ? &step : path,
                  "Within OneOf Input Object type \"%.*s\", exactly one field must be specified, "
                  "and the value for that field must be non-null.",
                  QR_GQL_FMT(type->name));
}

/* The members of an object by the index of their field: each is looked up once, however many it
 * has. NULL after reporting. */
static const struct qr_gql_value **sort_members(struct coercion *c, const struct qr_gql_type *type,
                                                const struct qr_gql_value *given)
{
    const struct qr_gql_value **values =
        qr_arena_alloc_zero(c->arena, (type->input_count + 1) * sizeof *values, c->err);
    for (uint32_t i = 0; values && i < given->count; i++) {
        const struct qr_gql_input *input = qr_gql_type_input(type, given->members[i].name);
        if (input) {
            values[input->index] = &given->members[i].value;
        }
    }
    return values;
}

/* `value` is what is given for the field, of `given`; NULL: nothing. */
static quire_status coerce_field(struct coercion *c, const struct qr_gql_type *type,
                                 const struct qr_gql_input *input, const struct qr_gql_value *value,
                                 const struct qr_gql_value *given, const struct qr_gql_path *path,
                                 struct qr_gql_value *out)
{
    struct qr_gql_value_member *member = &out->members[out->count];
    member->name = input->name;
    if (value) {
        struct qr_gql_path step = {.parent = path, .key = input->name};
        out->count++;
        return coerce(c, input->type, value, &step, &member->value);
    }
    if (input->has_default) {
        member->value = input->default_value;
        out->count++;
    } else if (input->type->kind == QR_GQL_NON_NULL) {
        return REFUSE(c, path,
                      "Expected value of type \"%.*s\" to include required field \"%.*s\", found: "
                      "%s.",
                      QR_GQL_FMT(type->name), QR_GQL_FMT(input->name),
                      qr_gql_value_inspect(c->arena, given));
    }
    return QUIRE_OK;
}

static quire_status coerce_object(struct coercion *c, const struct qr_gql_type *type,
                                  const struct qr_gql_value *given, const struct qr_gql_path *path,
                                  struct qr_gql_value *out)
{
    if (given->kind != QR_GQL_VALUE_OBJECT) {
        return REFUSE(c, path, "Expected value of type \"%.*s\" to be an object, found: %s.",
                      QR_GQL_FMT(type->name), qr_gql_value_inspect(c->arena, given));
    }
    out->kind = QR_GQL_VALUE_OBJECT;
    out->members =
        qr_arena_alloc_zero(c->arena, (type->input_count + 1) * sizeof *out->members, c->err);
    if (!out->members) {
        return c->err ? c->err->status : QUIRE_NO_MEMORY;
    }
    const struct qr_gql_value **values = sort_members(c, type, given);
    if (!values) {
        return c->err ? c->err->status : QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->input_count && !qr_gql_report_full(c->report); i++) {
        QR_TRY(coerce_field(c, type, &type->inputs[i], values[i], given, path, out));
    }
    for (uint32_t i = 0; i < given->count && !qr_gql_report_full(c->report); i++) {
        if (!qr_gql_type_input(type, given->members[i].name)) {
            QR_TRY(refuse_unknown_field(c, type, given, given->members[i].name, path));
        }
    }
    return check_one_of(c, type, given, path);
}

static quire_status coerce_leaf(struct coercion *c, const struct qr_gql_type *type,
                                const struct qr_gql_value *given, const struct qr_gql_path *path,
                                struct qr_gql_value *out)
{
    const char *problem = NULL;
    *out = *given;
    QR_TRY(qr_gql_leaf_coerce(c->arena, type, false, c->suggest, out, &problem, c->err));
    return problem ? refuse(c, path, problem) : QUIRE_OK;
}

static quire_status coerce(struct coercion *c, const struct qr_gql_type *type,
                           const struct qr_gql_value *given, const struct qr_gql_path *path,
                           struct qr_gql_value *out)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
    if (type->kind == QR_GQL_NON_NULL) {
        if (given->kind == QR_GQL_VALUE_NULL) {
            return REFUSE(c, path, "Expected value of non-null type \"%s\" not to be null.",
                          qr_gql_type_text(c->arena, type));
        }
        type = type->inner;
    }
    if (given->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    if (c->depth == DEPTH_MAX) {
        return refuse(c, NULL, "The value is nested too deeply.");
    }
    c->depth++;
    quire_status status;
    if (type->kind == QR_GQL_LIST) {
        status = coerce_list(c, type, given, path, out);
    } else if (type->kind == QR_GQL_INPUT_OBJECT) {
        status = coerce_object(c, type, given, path, out);
    } else {
        status = coerce_leaf(c, type, given, path, out);
    }
    c->depth--;
    return status;
}

/* The value of one variable; *present false when it has none. */
static quire_status coerce_variable(struct coercion *c, const struct qr_gql_schema *schema,
                                    const struct qr_gql_value *given, struct qr_gql_value *out,
                                    bool *present)
{
    const struct qr_gql_type *type = NULL;
    QR_TRY(qr_gql_type_from_ast(schema, c->arena, c->variable->type, &type, c->err));
    *present = false;
    if (!type || !qr_gql_type_is_input(type)) {
        return REFUSE(c, NULL, "Its type cannot be used as an input type.");
    }
    if (given) {
        *present = true;
        return coerce(c, type, given, NULL, out);
    }
    if (c->variable->default_value) {
        return qr_gql_literal_coerce(c->arena, type, c->variable->default_value, NULL, out, present,
                                     c->err);
    }
    if (type->kind == QR_GQL_NON_NULL) {
        return REFUSE(c, NULL, "Expected a value of non-null type \"%s\" to be provided.",
                      qr_gql_type_text(c->arena, type));
    }
    return QUIRE_OK;
}

static quire_status index_members(struct qr_arena *arena, const struct qr_gql_value *object,
                                  struct qr_gql_name_table *table, quire_error *err)
{
    for (uint32_t i = 0; object && object->kind == QR_GQL_VALUE_OBJECT && i < object->count; i++) {
        QR_TRY(qr_gql_name_table_set(table, arena, object->members[i].name,
                                     &object->members[i].value, err));
    }
    return QUIRE_OK;
}

quire_status qr_gql_variables_coerce(const struct qr_gql_schema *schema,
                                     const struct qr_gql_ast_definition *operation,
                                     const struct qr_gql_value *given, bool suggest,
                                     struct qr_arena *arena, struct qr_gql_report *report,
                                     struct qr_gql_variables *out, quire_error *err)
{
    *out = (struct qr_gql_variables){.values = {.slots = NULL}};
    report->overflow_message =
        "Too many errors processing variables, error limit reached. Execution aborted.";
    struct qr_gql_name_table members = {.slots = NULL};
    if (operation->members) {
        QR_TRY(index_members(arena, given, &members, err));
    }
    for (const struct qr_gql_ast_member *m = operation->members; m && !qr_gql_report_full(report);
         m = m->next) {
        struct coercion c = {arena, report, err, suggest, m, 0, true};
        struct qr_gql_value *value = qr_arena_alloc_zero(arena, sizeof *value, err);
        if (!value) {
            return err ? err->status : QUIRE_NO_MEMORY;
        }
        bool present;
        QR_TRY(coerce_variable(&c, schema, qr_gql_name_table_get(&members, m->name.text), value,
                               &present));
        if (present && c.valid) {
            QR_TRY(qr_gql_name_table_set(&out->values, arena, m->name.text, value, err));
        }
    }
    return qr_gql_report_outcome(report, QUIRE_QUERY, err);
}
