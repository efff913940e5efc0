/*
 * What changed between two schemas, in the classes that GraphQL tools know:
 * breaking (valid requests may become invalid) and dangerous (their results
 * may surprise). Safe changes are not listed.
 */
#include <stdlib.h>

#include "graphql/coerce.h"
#include "graphql/schema_internal.h"
#include "graphql/schema_print.h"

struct comparison {
    struct qr_arena *arena;
    const struct qr_gql_schema *old, *current;
    struct qr_gql_change *first, *last;
    quire_status status;
    quire_error *err;
};

/* Takes a text made by qr_gql_format, NULL when that failed. */
static void add(struct comparison *c, enum qr_gql_change_level level, const char *type,
                const char *description)
{
    struct qr_gql_change *change = qr_arena_alloc(c->arena, sizeof(*change), c->err);
    if (change == NULL || description == NULL) {
        c->status = qr_gql_memory_status(c->err);
        return;
    }
    *change = (struct qr_gql_change){level, type, description, NULL};
    if (c->last == NULL) {
        c->first = change;
    } else {
        c->last->next = change;
    }
    c->last = change;
}

#define ADD(c, level, type, ...)                                                                   \
    add(c, QR_GQL_CHANGE_##level, #type, qr_gql_format((c)->arena, (c)->err, __VA_ARGS__))

static const char *type_text(const struct comparison *c, const struct qr_gql_type *type)
{
    return qr_gql_type_text(c->arena, type);
}

/* ---- types in their places ---- */

static bool same_name(const struct qr_gql_type *a, const struct qr_gql_type *b)
{
    return a->inner == NULL && b->inner == NULL && qr_gql_str_equal(a->name, b->name);
}

/* Whether whoever reads a result of type `old` can read one of type `current`. */
static bool safe_for_output(const struct qr_gql_type *old, const struct qr_gql_type *current)
{
    for (;;) {
        if (old->kind == QR_GQL_NON_NULL || current->kind == QR_GQL_LIST) {
            if (old->kind != current->kind) {
                return false;
            }
            old = old->inner;
            current = current->inner;
        } else if (current->kind == QR_GQL_NON_NULL) {
            current = current->inner;
        } else {
            return same_name(old, current);
        }
    }
}

/* Whether whoever gives a value of type `old` gives one of type `current`. */
static bool safe_for_input(const struct qr_gql_type *old, const struct qr_gql_type *current)
{
    for (;;) {
        if (old->kind == QR_GQL_NON_NULL) {
            old = old->inner;
            current = qr_gql_type_nullable(current);
        } else if (old->kind == QR_GQL_LIST && current->kind == QR_GQL_LIST) {
            old = old->inner;
            current = current->inner;
        } else {
            return same_name(old, current);
        }
    }
}

/* ---- default values ---- */

static int compare_members(const void *a, const void *b)
{
    const struct qr_gql_value_member *x = a, *y = b;
    return qr_gql_str_compare_natural(x->name, y->name);
}

/* The order of an object's fields does not matter. */
static void sort_members(struct qr_gql_value *value)
{
    for (uint32_t i = 0; i < value->count; i++) {
        sort_members(value->kind == QR_GQL_VALUE_LIST ? &value->items[i]
                                                      : &value->members[i].value);
    }
    if (value->kind == QR_GQL_VALUE_OBJECT && value->count > 1) {
        qsort(value->members, value->count, sizeof(*value->members), compare_members);
    }
}

/* A default value's text, NULL when there is none. */
static const char *default_text(struct comparison *c, const struct qr_gql_input *input)
{
    struct qr_gql_value value;
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    if (input->default_literal == NULL) {
        return NULL;
    }
    quire_status status =
        qr_gql_literal_untyped(c->arena, input->default_literal, NULL, &value, c->err);
    if (status == QUIRE_OK) {
        sort_members(&value);
        qr_gql_buffer_init(&buffer, c->arena, c->err);
        qr_gql_value_print(&buffer, &value);
        status = qr_gql_buffer_finish(&buffer, &text);
    }
    if (status != QUIRE_OK) {
        c->status = status;
        return "";
    }
    return text.data;
}

static void compare_defaults(struct comparison *c, const char *where, const char *change,
                             const struct qr_gql_input *old, const struct qr_gql_input *current)
{
    const char *before = default_text(c, old), *after = default_text(c, current);
    if (before == NULL) {
        return;
    }
    if (after == NULL) {
        add(c, QR_GQL_CHANGE_DANGEROUS, change,
            qr_gql_format(c->arena, c->err, "%s defaultValue was removed.", where));
    } else if (strcmp(before, after) != 0) {
        add(c, QR_GQL_CHANGE_DANGEROUS, change,
            qr_gql_format(c->arena, c->err, "%s has changed defaultValue from %s to %s.", where,
                          before, after));
    }
}

/* ---- fields and arguments ---- */

static const char *argument_text(struct comparison *c, const char *owner,
                                 const struct qr_gql_input *argument)
{
    const char *text =
        qr_gql_format(c->arena, c->err, "%s(%.*s:)", owner, QR_GQL_FMT(argument->name));
    return text == NULL ? "" : text;
}

static const struct qr_gql_input *find_input(const struct qr_gql_input *inputs, uint32_t count,
                                             struct qr_gql_str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (qr_gql_str_equal(inputs[i].name, name)) {
            return &inputs[i];
        }
    }
    return NULL;
}

static void compare_argument(struct comparison *c, const char *owner,
                             const struct qr_gql_input *old, const struct qr_gql_input *current)
{
    const char *where = argument_text(c, owner, old);
    if (!safe_for_input(old->type, current->type)) {
        ADD(c, BREAKING, ARG_CHANGED_KIND, "Argument %s has changed type from %s to %s.", where,
            type_text(c, old->type), type_text(c, current->type));
    } else {
        compare_defaults(c, where, "ARG_DEFAULT_VALUE_CHANGE", old, current);
    }
}

static void compare_field_arguments(struct comparison *c, const char *owner,
                                    const struct qr_gql_field *old,
                                    const struct qr_gql_field *current)
{
    for (uint32_t i = 0; i < old->argument_count; i++) {
        const struct qr_gql_input *argument = &old->arguments[i];
        const struct qr_gql_input *kept = qr_gql_field_argument(current, argument->name);
        if (kept == NULL) {
            ADD(c, BREAKING, ARG_REMOVED, "Argument %s was removed.",
                argument_text(c, owner, argument));
        } else {
            compare_argument(c, owner, argument, kept);
        }
    }
    for (uint32_t i = 0; i < current->argument_count; i++) {
        const struct qr_gql_input *argument = &current->arguments[i];
        if (qr_gql_field_argument(old, argument->name) != NULL) {
            continue;
        }
        if (qr_gql_input_is_required(argument)) {
            ADD(c, BREAKING, REQUIRED_ARG_ADDED, "A required argument %s was added.",
                argument_text(c, owner, argument));
        } else {
            ADD(c, DANGEROUS, OPTIONAL_ARG_ADDED, "An optional argument %s was added.",
                argument_text(c, owner, argument));
        }
    }
}

static void compare_fields(struct comparison *c, const struct qr_gql_type *old,
                           const struct qr_gql_type *current)
{
    for (uint32_t i = 0; i < old->field_count; i++) {
        const struct qr_gql_field *field = &old->fields[i];
        const struct qr_gql_field *kept = qr_gql_type_field(current, field->name);
        const char *where = qr_gql_format(c->arena, c->err, "%.*s.%.*s", QR_GQL_FMT(old->name),
                                          QR_GQL_FMT(field->name));
        if (where == NULL) {
            c->status = qr_gql_memory_status(c->err);
        } else if (kept == NULL) {
            ADD(c, BREAKING, FIELD_REMOVED, "Field %s was removed.", where);
        } else {
            compare_field_arguments(c, where, field, kept);
            if (!safe_for_output(field->type, kept->type)) {
                ADD(c, BREAKING, FIELD_CHANGED_KIND, "Field %s changed type from %s to %s.", where,
                    type_text(c, field->type), type_text(c, kept->type));
            }
        }
    }
}

static void compare_input_field(struct comparison *c, const struct qr_gql_type *type,
                                const struct qr_gql_input *old, const struct qr_gql_input *current)
{
    const char *where =
        qr_gql_format(c->arena, c->err, "%.*s.%.*s", QR_GQL_FMT(type->name), QR_GQL_FMT(old->name));
    if (where == NULL) {
        c->status = qr_gql_memory_status(c->err);
    } else if (current == NULL) {
        ADD(c, BREAKING, FIELD_REMOVED, "Field %s was removed.", where);
    } else if (!safe_for_input(old->type, current->type)) {
        ADD(c, BREAKING, FIELD_CHANGED_KIND, "Field %s changed type from %s to %s.", where,
            type_text(c, old->type), type_text(c, current->type));
    } else {
        compare_defaults(c, where, "INPUT_FIELD_DEFAULT_VALUE_CHANGE", old, current);
    }
}

static void compare_inputs(struct comparison *c, const struct qr_gql_type *old,
                           const struct qr_gql_type *current)
{
    for (uint32_t i = 0; i < current->input_count; i++) {
        const struct qr_gql_input *input = &current->inputs[i];
        if (qr_gql_type_input(old, input->name) != NULL) {
            continue;
        }
        if (qr_gql_input_is_required(input)) {
            ADD(c, BREAKING, REQUIRED_INPUT_FIELD_ADDED, "A required field %.*s.%.*s was added.",
                QR_GQL_FMT(old->name), QR_GQL_FMT(input->name));
        } else {
            ADD(c, DANGEROUS, OPTIONAL_INPUT_FIELD_ADDED, "An optional field %.*s.%.*s was added.",
                QR_GQL_FMT(old->name), QR_GQL_FMT(input->name));
        }
    }
    for (uint32_t i = 0; i < old->input_count; i++) {
        compare_input_field(c, old, &old->inputs[i],
                            qr_gql_type_input(current, old->inputs[i].name));
    }
}

/* ---- the other kinds ---- */

static bool lists_name(const struct qr_gql_type *const *types, uint32_t count,
                       struct qr_gql_str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (qr_gql_str_equal(types[i]->name, name)) {
            return true;
        }
    }
    return false;
}

static void compare_interfaces(struct comparison *c, const struct qr_gql_type *old,
                               const struct qr_gql_type *current)
{
    for (uint32_t i = 0; i < current->interface_count; i++) {
        struct qr_gql_str name = current->interfaces[i]->name;
        if (!lists_name(old->interfaces, old->interface_count, name)) {
            ADD(c, DANGEROUS, IMPLEMENTED_INTERFACE_ADDED,
                "%.*s added to interfaces implemented by %.*s.", QR_GQL_FMT(name),
                QR_GQL_FMT(old->name));
        }
    }
    for (uint32_t i = 0; i < old->interface_count; i++) {
        struct qr_gql_str name = old->interfaces[i]->name;
        if (!lists_name(current->interfaces, current->interface_count, name)) {
            ADD(c, BREAKING, IMPLEMENTED_INTERFACE_REMOVED,
                "%.*s no longer implements interface %.*s.", QR_GQL_FMT(old->name),
                QR_GQL_FMT(name));
        }
    }
}

static void compare_unions(struct comparison *c, const struct qr_gql_type *old,
                           const struct qr_gql_type *current)
{
    for (uint32_t i = 0; i < current->possible_count; i++) {
        struct qr_gql_str name = current->possible[i]->name;
        if (qr_gql_name_table_get(&old->subtypes, name) == NULL) {
            ADD(c, DANGEROUS, TYPE_ADDED_TO_UNION, "%.*s was added to union type %.*s.",
                QR_GQL_FMT(name), QR_GQL_FMT(old->name));
        }
    }
    for (uint32_t i = 0; i < old->possible_count; i++) {
        struct qr_gql_str name = old->possible[i]->name;
        if (qr_gql_name_table_get(&current->subtypes, name) == NULL) {
            ADD(c, BREAKING, TYPE_REMOVED_FROM_UNION, "%.*s was removed from union type %.*s.",
                QR_GQL_FMT(name), QR_GQL_FMT(old->name));
        }
    }
}

static void compare_enums(struct comparison *c, const struct qr_gql_type *old,
                          const struct qr_gql_type *current)
{
    for (uint32_t i = 0; i < current->value_count; i++) {
        struct qr_gql_str name = current->values[i].name;
        if (qr_gql_type_enum_value(old, name) == NULL) {
            ADD(c, DANGEROUS, VALUE_ADDED_TO_ENUM, "Enum value %.*s.%.*s was added.",
                QR_GQL_FMT(old->name), QR_GQL_FMT(name));
        }
    }
    for (uint32_t i = 0; i < old->value_count; i++) {
        struct qr_gql_str name = old->values[i].name;
        if (qr_gql_type_enum_value(current, name) == NULL) {
            ADD(c, BREAKING, VALUE_REMOVED_FROM_ENUM, "Enum value %.*s.%.*s was removed.",
                QR_GQL_FMT(old->name), QR_GQL_FMT(name));
        }
    }
}

static const char *kind_words(enum qr_gql_type_kind kind)
{
    static const char *const words[] = {"a Scalar type", "an Object type", "an Interface type",
                                        "a Union type",  "an Enum type",   "an Input type"};
    return words[kind];
}

static void compare_type(struct comparison *c, const struct qr_gql_type *old,
                         const struct qr_gql_type *current)
{
    if (old->kind != current->kind) {
        ADD(c, BREAKING, TYPE_CHANGED_KIND, "%.*s changed from %s to %s.", QR_GQL_FMT(old->name),
            kind_words(old->kind), kind_words(current->kind));
        return;
    }
    switch (old->kind) {
    case QR_GQL_OBJECT:
    case QR_GQL_INTERFACE:
        compare_fields(c, old, current);
        compare_interfaces(c, old, current);
        break;
    case QR_GQL_UNION:
        compare_unions(c, old, current);
        break;
    case QR_GQL_ENUM:
        compare_enums(c, old, current);
        break;
    case QR_GQL_INPUT_OBJECT:
        compare_inputs(c, old, current);
        break;
    case QR_GQL_SCALAR:
    case QR_GQL_LIST:
    case QR_GQL_NON_NULL:
        break;
    }
}

/* ---- directives ---- */

static void compare_directive(struct comparison *c, const struct qr_gql_directive *old,
                              const struct qr_gql_directive *current)
{
    const char *where = qr_gql_format(c->arena, c->err, "@%.*s", QR_GQL_FMT(old->name));
    if (where == NULL) {
        c->status = qr_gql_memory_status(c->err);
        return;
    }
    for (uint32_t i = 0; i < current->argument_count; i++) {
        const struct qr_gql_input *argument = &current->arguments[i];
        if (qr_gql_input_is_required(argument) &&
            find_input(old->arguments, old->argument_count, argument->name) == NULL) {
            ADD(c, BREAKING, REQUIRED_DIRECTIVE_ARG_ADDED, "A required argument %s was added.",
                argument_text(c, where, argument));
        }
    }
    for (uint32_t i = 0; i < old->argument_count; i++) {
        const struct qr_gql_input *argument = &old->arguments[i];
        const struct qr_gql_input *kept = qr_gql_directive_argument(current, argument->name);
        if (kept == NULL) {
            ADD(c, BREAKING, DIRECTIVE_ARG_REMOVED, "Argument %s was removed.",
                argument_text(c, where, argument));
        } else {
            compare_argument(c, where, argument, kept);
        }
    }
    if (old->repeatable && !current->repeatable) {
        ADD(c, BREAKING, DIRECTIVE_REPEATABLE_REMOVED, "Repeatable flag was removed from %s.",
            where);
    }
    for (uint32_t i = 0; i < old->location_count; i++) {
        struct qr_gql_str location = old->location_names[i];
        if ((current->locations & qr_gql_directive_location_bit(location)) == 0) {
            ADD(c, BREAKING, DIRECTIVE_LOCATION_REMOVED, "%.*s was removed from %s.",
                QR_GQL_FMT(location), where);
        }
    }
}

/* ---- all together ---- */

/* The type of that name as introspection lists it. */
static const struct qr_gql_type *listed_type(const struct qr_gql_schema *schema,
                                             struct qr_gql_str name)
{
    const struct qr_gql_type *type = qr_gql_schema_type(schema, name);
    return type != NULL && type->referenced ? type : NULL;
}

quire_status qr_gql_schema_changes(struct qr_arena *arena, const struct qr_gql_schema *old,
                                   const struct qr_gql_schema *current, struct qr_gql_change **out,
                                   quire_error *err)
{
    struct comparison c = {
        .arena = arena, .old = old, .current = current, .status = QUIRE_OK, .err = err};
    for (uint32_t i = 0; i < old->type_count; i++) {
        const struct qr_gql_type *type = old->types[i];
        const struct qr_gql_type *kept = listed_type(current, type->name);
        if (kept != NULL && type->referenced) {
            compare_type(&c, type, kept);
        } else if (type->scalar != QR_GQL_CUSTOM && type->referenced) {
            ADD(&c, BREAKING, TYPE_REMOVED,
                "Standard scalar %.*s was removed because it is not referenced anymore.",
                QR_GQL_FMT(type->name));
        } else if (type->referenced) {
            ADD(&c, BREAKING, TYPE_REMOVED, "%.*s was removed.", QR_GQL_FMT(type->name));
        }
    }
    for (uint32_t i = 0; i < old->directive_count; i++) {
        const struct qr_gql_directive *directive = old->directives[i];
        const struct qr_gql_directive *kept = qr_gql_schema_directive(current, directive->name);
        if (kept != NULL) {
            compare_directive(&c, directive, kept);
        } else {
            ADD(&c, BREAKING, DIRECTIVE_REMOVED, "Directive @%.*s was removed.",
                QR_GQL_FMT(directive->name));
        }
    }
    *out = c.first;
    return c.status;
}
