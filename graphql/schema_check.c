/*
 * Checks of a built type system: roots, names, types in their places, default
 * values. schema_check_interfaces.c checks what interfaces promise, and
 * schema_check_cycles.c what refers to itself.
 *
 * Problems go to the report; memory failures stay there too, so the checks
 * return nothing. Coordinates in messages are made only when there is one.
 */
#include "graphql/schema_check.h"

#include "graphql/coerce.h"

/* ---- places ---- */

struct qr_gql_pos qr_gql_check_member_pos(const struct qr_gql_ast_member *node)
{
    return node == NULL ? (struct qr_gql_pos){0, 0, 0} : node->pos;
}

struct qr_gql_pos qr_gql_check_type_pos(const struct qr_gql_ast_member *node)
{
    return node == NULL || node->type == NULL ? (struct qr_gql_pos){0, 0, 0} : node->type->pos;
}

struct qr_gql_pos qr_gql_check_deprecated_pos(const struct qr_gql_ast_member *node)
{
    const struct qr_gql_ast_directive *directive =
        node == NULL ? NULL : qr_gql_ast_directive_find(node->directives, "deprecated");
    return directive == NULL ? (struct qr_gql_pos){0, 0, 0} : directive->pos;
}

const struct qr_gql_pos *qr_gql_check_origins(struct qr_gql_checker *c,
                                              const struct qr_gql_origin *origins,
                                              struct qr_gql_pos first, size_t *count)
{
    size_t total = 1;
    for (const struct qr_gql_origin *origin = origins; origin != NULL; origin = origin->next) {
        total++;
    }
    struct qr_gql_pos *places = qr_arena_alloc(c->arena, total * sizeof(*places), c->err);
    *count = 0;
    if (places == NULL) {
        return NULL;
    }
    places[(*count)++] = first;
    for (const struct qr_gql_origin *origin = origins; origin != NULL; origin = origin->next) {
        places[(*count)++] = origin->node->pos;
    }
    return places;
}

/* Adds a problem at all definitions of a type. */
static void report_type(struct qr_gql_checker *c, const struct qr_gql_type *type,
                        const char *before, const char *after)
{
    size_t count;
    struct qr_gql_pos none = {0, 0, 0};
    const struct qr_gql_pos *places = qr_gql_check_origins(c, type->origins, none, &count);
    (void)qr_gql_report_at(c->report, places, count, "%s %.*s %s", before, QR_GQL_FMT(type->name),
                           after);
}

/* ---- coordinates ---- */

const char *qr_gql_check_field_text(struct qr_gql_checker *c, const struct qr_gql_type *type,
                                    struct qr_gql_str field)
{
    const char *text =
        qr_gql_format(c->arena, c->err, "%.*s.%.*s", QR_GQL_FMT(type->name), QR_GQL_FMT(field));
    return text == NULL ? "" : text;
}

const char *qr_gql_check_argument_text(struct qr_gql_checker *c, const struct qr_gql_type *type,
                                       struct qr_gql_str field, struct qr_gql_str argument)
{
    const char *text = qr_gql_format(c->arena, c->err, "%.*s.%.*s(%.*s:)", QR_GQL_FMT(type->name),
                                     QR_GQL_FMT(field), QR_GQL_FMT(argument));
    return text == NULL ? "" : text;
}

/* What an input belongs to: a directive, a field, or (both NULL) the input object `type`. */
struct input_owner {
    const struct qr_gql_directive *directive;
    const struct qr_gql_type *type;
    const struct qr_gql_field *field;
};

static const char *input_text(struct qr_gql_checker *c, const struct input_owner *owner,
                              const struct qr_gql_input *input)
{
    if (owner->field != NULL) {
        return qr_gql_check_argument_text(c, owner->type, owner->field->name, input->name);
    }
    if (owner->directive == NULL) {
        return qr_gql_check_field_text(c, owner->type, input->name);
    }
    const char *text = qr_gql_format(c->arena, c->err, "@%.*s(%.*s:)",
                                     QR_GQL_FMT(owner->directive->name), QR_GQL_FMT(input->name));
    return text == NULL ? "" : text;
}

/* ---- roots ---- */

static struct qr_gql_pos root_pos(const struct qr_gql_schema *schema, unsigned operation)
{
    for (const struct qr_gql_origin *origin = schema->origins; origin != NULL;
         origin = origin->next) {
        for (const struct qr_gql_ast_root *root = origin->node->roots; root != NULL;
             root = root->next) {
            if (root->operation == (enum qr_gql_operation)operation) {
                return root->type.pos;
            }
        }
    }
    return (struct qr_gql_pos){0, 0, 0};
}

static void check_root_kind(struct qr_gql_checker *c, unsigned operation)
{
    static const char *const words[] = {"Query", "Mutation", "Subscription"};
    const struct qr_gql_type *root = c->schema->roots[operation];
    if (root == NULL || root->kind == QR_GQL_OBJECT) {
        return;
    }
    struct qr_gql_pos pos = root_pos(c->schema, operation);
    if (pos.line == 0 && root->origins != NULL) {
        pos = root->origins->node->pos;
    }
    (void)qr_gql_report_add(
        c->report, &pos, "%s root type must be Object type%s, it cannot be %.*s.", words[operation],
        operation == QR_GQL_QUERY ? "" : " if provided", QR_GQL_FMT(root->name));
}

/* Reports a type that is the root of several operations, at its first operation. */
static void check_root_shared(struct qr_gql_checker *c, unsigned operation)
{
    struct qr_gql_type *const *roots = c->schema->roots;
    const struct qr_gql_type *root = roots[operation];
    struct qr_gql_pos places[3];
    unsigned shared[3], count = 0;
    for (unsigned i = 0; i < 3 && root != NULL && root->kind == QR_GQL_OBJECT; i++) {
        if (roots[i] == root && i < operation) {
            return;
        }
        if (roots[i] == root) {
            places[count] = root_pos(c->schema, i);
            shared[count++] = i;
        }
    }
    if (count < 2) {
        return;
    }
    (void)qr_gql_report_at(
        c->report, places, count,
        "All root types must be different, \"%.*s\" type is used as %s%s%s%s%s root types.",
        QR_GQL_FMT(root->name), qr_gql_operation_word((enum qr_gql_operation)shared[0]),
        count == 3 ? ", " : " and ", qr_gql_operation_word((enum qr_gql_operation)shared[1]),
        count == 3 ? ", and " : "",
        count == 3 ? qr_gql_operation_word((enum qr_gql_operation)shared[2]) : "");
}

static void check_roots(struct qr_gql_checker *c)
{
    if (c->schema->roots[QR_GQL_QUERY] == NULL) {
        const struct qr_gql_ast_definition *definition =
            qr_gql_origin_definition(c->schema->origins);
        (void)qr_gql_report_add(c->report, definition == NULL ? NULL : &definition->pos,
                                "Query root type must be provided.");
    }
    for (unsigned i = 0; i < 3; i++) {
        check_root_kind(c, i);
        check_root_shared(c, i);
    }
}

/* ---- names, inputs, fields ---- */

static void check_name(struct qr_gql_checker *c, struct qr_gql_str name, struct qr_gql_pos pos)
{
    if (qr_gql_str_is_reserved(name)) {
        (void)qr_gql_report_add(c->report, &pos,
                                "Name \"%.*s\" must not begin with \"__\", which is reserved by "
                                "GraphQL introspection.",
                                QR_GQL_FMT(name));
    }
}

struct default_context {
    struct qr_gql_checker *checker;
    const struct input_owner *owner;
    const struct qr_gql_input *input;
};

/* " at .field[0]", root first, which is the other way round than the chain. */
static void put_path(struct qr_gql_buffer *buffer, const struct qr_gql_path *path)
{
    size_t count = 0, at = 0;
    for (const struct qr_gql_path *step = path; step != NULL; step = step->parent) {
        count++;
    }
    const struct qr_gql_path **steps =
        qr_arena_alloc(buffer->arena, (count + 1) * sizeof(*steps), buffer->err);
    for (; steps != NULL && path != NULL; path = path->parent) {
        steps[count - ++at] = path;
    }
    qr_gql_buffer_text(buffer, count == 0 ? "" : " at ");
    for (size_t i = 0; steps != NULL && i < count; i++) {
        if (steps[i]->key.data != NULL) {
            qr_gql_buffer_format(buffer, ".%.*s", QR_GQL_FMT(steps[i]->key));
        } else {
            qr_gql_buffer_format(buffer, "[%zu]", steps[i]->index);
        }
    }
}

static bool report_default(void *context, const struct qr_gql_ast_value *at,
                           const struct qr_gql_path *path, const char *message)
{
    const struct default_context *d = context;
    struct qr_gql_checker *c = d->checker;
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, c->arena, c->err);
    put_path(&buffer, path);
    if (qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK) {
        (void)qr_gql_report_add(c->report, &at->pos, "%s has invalid default value%s: %s",
                                input_text(c, d->owner, d->input), text.data, message);
    }
    return !qr_gql_report_full(c->report);
}

static void check_default(struct qr_gql_checker *c, const struct input_owner *owner,
                          const struct qr_gql_input *input)
{
    if (input->default_literal == NULL) {
        return;
    }
    struct default_context context = {c, owner, input};
    quire_status status = qr_gql_literal_check(c->arena, input->type, input->default_literal, true,
                                               report_default, &context, c->err);
    c->report->status = c->report->status == QUIRE_OK ? status : c->report->status;
}

static void check_input(struct qr_gql_checker *c, const struct input_owner *owner,
                        const struct qr_gql_input *input)
{
    bool member = owner->directive == NULL && owner->field == NULL;
    check_name(c, input->name, qr_gql_check_member_pos(input->node));
    if (!qr_gql_type_is_input(input->type)) {
        struct qr_gql_pos pos = owner->directive != NULL ? qr_gql_check_member_pos(input->node)
                                                         : qr_gql_check_type_pos(input->node);
        (void)qr_gql_report_add(c->report, &pos, "The type of %s must be Input Type but got: %s.",
                                input_text(c, owner, input),
                                qr_gql_type_text(c->arena, input->type));
    }
    if (qr_gql_input_is_required(input) && input->deprecation_reason.data != NULL) {
        struct qr_gql_pos places[] = {qr_gql_check_deprecated_pos(input->node),
                                      qr_gql_check_type_pos(input->node)};
        (void)qr_gql_report_at(c->report, places, 2, "Required %s %s cannot be deprecated.",
                               member ? "input field" : "argument", input_text(c, owner, input));
    }
    check_default(c, owner, input);
}

static void check_fields(struct qr_gql_checker *c, const struct qr_gql_type *type)
{
    if (type->field_count == 0) {
        report_type(c, type, "Type", "must define one or more fields.");
    }
    for (uint32_t i = 0; i < type->field_count && !qr_gql_report_full(c->report); i++) {
        const struct qr_gql_field *field = &type->fields[i];
        check_name(c, field->name, qr_gql_check_member_pos(field->node));
        if (!qr_gql_type_is_output(field->type)) {
            struct qr_gql_pos pos = qr_gql_check_type_pos(field->node);
            (void)qr_gql_report_add(c->report, &pos,
                                    "The type of %s must be Output Type but got: %s.",
                                    qr_gql_check_field_text(c, type, field->name),
                                    qr_gql_type_text(c->arena, field->type));
        }
        struct input_owner owner = {NULL, type, field};
        for (uint32_t k = 0; k < field->argument_count; k++) {
            check_input(c, &owner, &field->arguments[k]);
        }
    }
}

/* ---- the other kinds ---- */

static const struct qr_gql_pos *member_places(struct qr_gql_checker *c,
                                              const struct qr_gql_type *type,
                                              struct qr_gql_str name, size_t *count)
{
    return qr_gql_check_named_places(c, type, name, true, count);
}

static void check_union(struct qr_gql_checker *c, const struct qr_gql_type *type)
{
    struct qr_gql_name_table seen = {0};
    size_t count;
    if (type->possible_count == 0) {
        report_type(c, type, "Union type", "must define one or more member types.");
    }
    for (uint32_t i = 0; i < type->possible_count && !qr_gql_report_full(c->report); i++) {
        const struct qr_gql_type *member = type->possible[i];
        void *previous = NULL;
        (void)qr_gql_name_table_add(&seen, c->arena, member->name, &seen, &previous, c->err);
        if (previous != NULL) {
            const struct qr_gql_pos *places = member_places(c, type, member->name, &count);
            (void)qr_gql_report_at(c->report, places, count,
                                   "Union type %.*s can only include type %.*s once.",
                                   QR_GQL_FMT(type->name), QR_GQL_FMT(member->name));
        } else if (member->kind != QR_GQL_OBJECT) {
            const struct qr_gql_pos *places = member_places(c, type, member->name, &count);
            (void)qr_gql_report_at(
                c->report, places, count,
                "Union type %.*s can only include Object types, it cannot include %.*s.",
                QR_GQL_FMT(type->name), QR_GQL_FMT(member->name));
        }
    }
}

static void check_enum(struct qr_gql_checker *c, const struct qr_gql_type *type)
{
    if (type->value_count == 0) {
        report_type(c, type, "Enum type", "must define one or more values.");
    }
    for (uint32_t i = 0; i < type->value_count; i++) {
        check_name(c, type->values[i].name, qr_gql_check_member_pos(type->values[i].node));
    }
}

static void check_one_of_field(struct qr_gql_checker *c, const struct qr_gql_type *type,
                               const struct qr_gql_input *input)
{
    if (input->type->kind == QR_GQL_NON_NULL) {
        struct qr_gql_pos pos = qr_gql_check_type_pos(input->node);
        (void)qr_gql_report_add(c->report, &pos, "OneOf input field %s must be nullable.",
                                qr_gql_check_field_text(c, type, input->name));
    }
    if (input->default_literal != NULL) {
        struct qr_gql_pos pos = qr_gql_check_member_pos(input->node);
        (void)qr_gql_report_add(c->report, &pos,
                                "OneOf input field %s cannot have a default value.",
                                qr_gql_check_field_text(c, type, input->name));
    }
}

static void check_input_object(struct qr_gql_checker *c, const struct qr_gql_type *type)
{
    struct input_owner owner = {NULL, type, NULL};
    if (type->input_count == 0) {
        report_type(c, type, "Input Object type", "must define one or more fields.");
    }
    for (uint32_t i = 0; i < type->input_count && !qr_gql_report_full(c->report); i++) {
        check_input(c, &owner, &type->inputs[i]);
        if (type->one_of) {
            check_one_of_field(c, type, &type->inputs[i]);
        }
    }
}

static void check_type(struct qr_gql_checker *c, const struct qr_gql_type *type)
{
    const struct qr_gql_ast_definition *definition = qr_gql_origin_definition(type->origins);
    if (!type->introspection && definition != NULL) {
        check_name(c, type->name, definition->pos);
    }
    switch (type->kind) {
    case QR_GQL_OBJECT:
    case QR_GQL_INTERFACE:
        if (!type->introspection) {
            check_fields(c, type);
        }
        qr_gql_check_interfaces(c, type);
        break;
    case QR_GQL_UNION:
        check_union(c, type);
        break;
    case QR_GQL_ENUM:
        check_enum(c, type);
        break;
    case QR_GQL_INPUT_OBJECT:
        check_input_object(c, type);
        break;
    case QR_GQL_SCALAR:
    case QR_GQL_LIST:
    case QR_GQL_NON_NULL:
        break;
    }
}

static void check_directive(struct qr_gql_checker *c, const struct qr_gql_directive *directive)
{
    struct input_owner owner = {directive, NULL, NULL};
    if (directive->node != NULL) {
        check_name(c, directive->name, directive->node->pos);
    }
    for (uint32_t i = 0; i < directive->argument_count; i++) {
        check_input(c, &owner, &directive->arguments[i]);
    }
}

/* ---- texts of directives ---- */

struct directive_context {
    struct qr_gql_checker *checker;
    const char *directive, *argument;
};

static bool report_argument(void *context, const struct qr_gql_ast_value *at,
                            const struct qr_gql_path *path, const char *message)
{
    const struct directive_context *d = context;
    (void)path; /* a text has no inside */
    (void)qr_gql_report_add(d->checker->report, &at->pos,
                            "Argument \"@%s(%s:)\" has invalid value: %s", d->directive,
                            d->argument, message);
    return !qr_gql_report_full(d->checker->report);
}

/* The texts that @deprecated and @specifiedBy carry are part of the type system, so they must be
 * right here; what other directives take is for those who read them. */
static void check_text_argument(struct qr_gql_checker *c,
                                const struct qr_gql_ast_directive *directives,
                                const char *directive, const char *argument)
{
    const struct qr_gql_ast_directive *found = qr_gql_ast_directive_find(directives, directive);
    const struct qr_gql_ast_argument *given =
        found == NULL ? NULL : qr_gql_ast_argument_find(found->arguments, qr_gql_str_of(argument));
    const struct qr_gql_type *string = qr_gql_schema_type(c->schema, qr_gql_str_of("String"));
    if (given == NULL) {
        return;
    }
    struct directive_context context = {c, directive, argument};
    quire_status status = qr_gql_literal_check(c->arena, string->non_null, given->value, true,
                                               report_argument, &context, c->err);
    c->report->status = c->report->status == QUIRE_OK ? status : c->report->status;
}

static void check_deprecations(struct qr_gql_checker *c, const struct qr_gql_ast_member *members)
{
    for (; members != NULL && c->report->count == 0; members = members->next) {
        check_text_argument(c, members->directives, "deprecated", "reason");
        check_deprecations(c, members->arguments);
    }
}

/* Looks no further than the first problem: a schema whose texts are not texts is not one that could
 * be checked. */
static void check_texts(struct qr_gql_checker *c)
{
    for (uint32_t i = 0; i < c->schema->type_count; i++) {
        for (const struct qr_gql_origin *origin = c->schema->types[i]->origins; origin != NULL;
             origin = origin->next) {
            check_deprecations(c, origin->node->members);
            if (origin->node->kind == QR_GQL_AST_SCALAR_TYPE && c->report->count == 0) {
                check_text_argument(c, origin->node->directives, "specifiedBy", "url");
            }
        }
    }
    for (uint32_t i = 0; i < c->schema->directive_count; i++) {
        const struct qr_gql_ast_definition *node = c->schema->directives[i]->node;
        check_deprecations(c, node == NULL ? NULL : node->members);
    }
}

void qr_gql_schema_check(struct qr_gql_schema *schema, struct qr_gql_report *report)
{
    struct qr_gql_checker c = {schema, report, report->arena, report->err};
    check_texts(&c);
    if (report->count > 0) {
        return;
    }
    check_roots(&c);
    for (uint32_t i = 0; i < schema->directive_count; i++) {
        check_directive(&c, schema->directives[i]);
    }
    for (uint32_t i = 0; i < schema->type_count && !qr_gql_report_full(report); i++) {
        check_type(&c, schema->types[i]);
    }
    qr_gql_check_default_cycles(&c);
    qr_gql_check_endless_inputs(&c);
}
