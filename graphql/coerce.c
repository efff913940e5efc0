/*
 * Coercion of literals, and of leaf values from literals and JSON alike.
 */
#include "graphql/coerce.h"

#include <math.h>

#include "graphql/json_write.h"
#include "graphql/printer.h"
#include "graphql/schema_internal.h"

/* Default values that are reached this deep inside others are taken as circular. */
enum { DEFAULT_DEPTH_MAX = 250 };

/* ---- leaves ---- */

/* A leaf value under coercion, with what messages need. */
struct leaf {
    struct qr_arena *arena;
    const struct qr_gql_type *type;
    const struct qr_gql_ast_value *literal; /* NULL: from JSON */
    bool from_literal, suggest;
    struct qr_gql_value *value;
    const char **problem;
    quire_error *err;
};

static const char *literal_text(struct qr_arena *arena, const struct qr_gql_ast_value *literal)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, arena, NULL);
    buffer.size_max = QR_GQL_SHOWN_BYTES_MAX;
    qr_gql_print_value(&buffer, literal);
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? text.data : "";
}

static const char *leaf_text(const struct leaf *leaf)
{
    return leaf->literal != NULL ? literal_text(leaf->arena, leaf->literal)
                                 : qr_gql_value_inspect(leaf->arena, leaf->value);
}

static quire_status refuse(struct leaf *leaf, const char *reason)
{
    *leaf->problem = qr_gql_format(leaf->arena, leaf->err, "%s%s", reason, leaf_text(leaf));
    return *leaf->problem == NULL ? qr_gql_memory_status(leaf->err) : QUIRE_OK;
}

static bool is_number(const struct qr_gql_value *value)
{
    return value->kind == QR_GQL_VALUE_INT || value->kind == QR_GQL_VALUE_FLOAT;
}

/* An integer, which JSON may also write as 1.0 or 1e3. */
static bool is_whole(const struct leaf *leaf)
{
    const struct qr_gql_value *value = leaf->value;
    return value->kind == QR_GQL_VALUE_INT ||
           (value->kind == QR_GQL_VALUE_FLOAT && !leaf->from_literal && isfinite(value->number) &&
            floor(value->number) >= value->number);
}

static quire_status coerce_int(struct leaf *leaf)
{
    if (!is_whole(leaf)) {
        return refuse(leaf, "Int cannot represent non-integer value: ");
    }
    double number = leaf->value->number;
    if (number > INT32_MAX || number < INT32_MIN) {
        return refuse(leaf, "Int cannot represent non 32-bit signed integer value: ");
    }
    if (leaf->value->kind == QR_GQL_VALUE_INT && leaf->value->integer != 0) {
        return QUIRE_OK; /* written as it would be here, which -0 is not */
    }
    return qr_gql_value_int(leaf->arena, (int64_t)number, leaf->value, leaf->err);
}

static quire_status coerce_float(struct leaf *leaf)
{
    if (!is_number(leaf->value) || !isfinite(leaf->value->number)) {
        return refuse(leaf, "Float cannot represent non numeric value: ");
    }
    leaf->value->kind = QR_GQL_VALUE_FLOAT;
    return QUIRE_OK;
}

static quire_status coerce_id(struct leaf *leaf)
{
    struct qr_gql_value *value = leaf->value;
    if (value->kind == QR_GQL_VALUE_STRING) {
        return QUIRE_OK;
    }
    if (!is_whole(leaf)) {
        return refuse(leaf, leaf->from_literal
                                ? "ID cannot represent a non-string and non-integer value: "
                                : "ID cannot represent value: ");
    }
    if (value->kind == QR_GQL_VALUE_FLOAT) {
        char text[QR_JSON_DOUBLE_SIZE];
        size_t size = qr_json_format_double(value->number, text);
        value->text = (struct qr_gql_str){qr_arena_copy(leaf->arena, text, size, leaf->err), size};
        if (value->text.data == NULL) {
            return qr_gql_memory_status(leaf->err);
        }
    }
    value->kind = QR_GQL_VALUE_STRING;
    return QUIRE_OK;
}

static const char *suggest_enum_value(const struct leaf *leaf, struct qr_gql_str given)
{
    const struct qr_gql_type *type = leaf->type;
    if (!leaf->suggest) {
        return "";
    }
    struct qr_gql_str *names =
        qr_arena_alloc(leaf->arena, (type->value_count + 1) * sizeof(*names), NULL);
    for (uint32_t i = 0; names != NULL && i < type->value_count; i++) {
        names[i] = type->values[i].name;
    }
    return names == NULL ? ""
                         : qr_gql_did_you_mean(leaf->arena, given, names, type->value_count,
                                               "the enum value ");
}

static quire_status coerce_enum(struct leaf *leaf)
{
    enum qr_gql_value_kind wanted = leaf->from_literal ? QR_GQL_VALUE_ENUM : QR_GQL_VALUE_STRING;
    struct qr_gql_str name = leaf->value->text;
    if (leaf->value->kind == wanted && qr_gql_type_enum_value(leaf->type, name) != NULL) {
        leaf->value->kind = QR_GQL_VALUE_ENUM;
        return QUIRE_OK;
    }
    if (leaf->value->kind == wanted) {
        int shown =
            name.size > QR_GQL_SHOWN_BYTES_MAX ? (int)QR_GQL_SHOWN_BYTES_MAX : (int)name.size;
        *leaf->problem = qr_gql_format(
            leaf->arena, leaf->err, "Value \"%.*s\" does not exist in \"%.*s\" enum.%s", shown,
            name.data, QR_GQL_FMT(leaf->type->name), suggest_enum_value(leaf, name));
    } else {
        const char *text = leaf_text(leaf);
        *leaf->problem = qr_gql_format(
            leaf->arena, leaf->err, "Enum \"%.*s\" cannot represent non-%s value: %s.%s",
            QR_GQL_FMT(leaf->type->name), leaf->from_literal ? "enum" : "string", text,
            suggest_enum_value(leaf, qr_gql_str_of(text)));
    }
    return *leaf->problem == NULL ? qr_gql_memory_status(leaf->err) : QUIRE_OK;
}

static quire_status coerce_custom(struct leaf *leaf)
{
    const struct qr_gql_scalar *coercion = leaf->type->coercion;
    const char *reason = NULL;
    if (coercion == NULL || coercion->coerce_input == NULL) {
        return QUIRE_OK;
    }
    struct qr_gql_value given = *leaf->value;
    QR_TRY(coercion->coerce_input(leaf->type, leaf->arena, leaf->value, &reason, leaf->err));
    if (reason == NULL) {
        return QUIRE_OK;
    }
    struct qr_gql_value *kept = leaf->value;
    leaf->value = &given; /* the message shows what was given */
    *leaf->problem =
        qr_gql_format(leaf->arena, leaf->err,
                      "Expected value of type \"%.*s\", but encountered error \"%s\"; found: %s.",
                      QR_GQL_FMT(leaf->type->name), reason, leaf_text(leaf));
    leaf->value = kept;
    return *leaf->problem == NULL ? qr_gql_memory_status(leaf->err) : QUIRE_OK;
}

static quire_status coerce_leaf(struct leaf *leaf)
{
    *leaf->problem = NULL;
    if (leaf->type->kind == QR_GQL_ENUM) {
        return coerce_enum(leaf);
    }
    switch (leaf->type->scalar) {
    case QR_GQL_INT:
        return coerce_int(leaf);
    case QR_GQL_FLOAT:
        return coerce_float(leaf);
    case QR_GQL_ID:
        return coerce_id(leaf);
    case QR_GQL_STRING:
        return leaf->value->kind == QR_GQL_VALUE_STRING
                   ? QUIRE_OK
                   : refuse(leaf, "String cannot represent a non string value: ");
    case QR_GQL_BOOLEAN:
        return leaf->value->kind == QR_GQL_VALUE_BOOL
                   ? QUIRE_OK
                   : refuse(leaf, "Boolean cannot represent a non boolean value: ");
    case QR_GQL_CUSTOM:
        break;
    }
    return coerce_custom(leaf);
}

quire_status qr_gql_leaf_coerce(struct qr_arena *arena, const struct qr_gql_type *type,
                                bool from_literal, bool suggest, struct qr_gql_value *value,
                                const char **problem, quire_error *err)
{
    struct leaf leaf = {arena, type, NULL, from_literal, suggest, value, problem, err};
    return coerce_leaf(&leaf);
}

/* ---- literals without a type ---- */

static const struct qr_gql_value *variable_value(const struct qr_gql_variables *variables,
                                                 const struct qr_gql_ast_value *literal)
{
    return variables == NULL ? NULL : qr_gql_name_table_get(&variables->values, literal->text);
}

static quire_status untyped_list(struct qr_arena *arena, const struct qr_gql_ast_value *literal,
                                 const struct qr_gql_variables *variables, struct qr_gql_value *out,
                                 quire_error *err)
{
    out->kind = QR_GQL_VALUE_LIST;
    out->count = literal->count;
    out->items = qr_arena_alloc(arena, (literal->count + 1) * sizeof(*out->items), err);
    if (out->items == NULL) {
        return qr_gql_memory_status(err);
    }
    uint32_t at = 0;
    for (const struct qr_gql_ast_value *item = literal->items; item != NULL; item = item->next) {
        QR_TRY(qr_gql_literal_untyped(arena, item, variables, &out->items[at++], err));
    }
    return QUIRE_OK;
}

static quire_status untyped_object(struct qr_arena *arena, const struct qr_gql_ast_value *literal,
                                   const struct qr_gql_variables *variables,
                                   struct qr_gql_value *out, quire_error *err)
{
    out->kind = QR_GQL_VALUE_OBJECT;
    out->members = qr_arena_alloc(arena, (literal->count + 1) * sizeof(*out->members), err);
    if (out->members == NULL) {
        return qr_gql_memory_status(err);
    }
    for (const struct qr_gql_ast_argument *field = literal->fields; field != NULL;
         field = field->next) {
        if (field->value->kind == QR_GQL_AST_VARIABLE &&
            variable_value(variables, field->value) == NULL) {
            continue;
        }
        struct qr_gql_value_member *member = &out->members[out->count++];
        member->name = field->name.text;
        QR_TRY(qr_gql_literal_untyped(arena, field->value, variables, &member->value, err));
    }
    return QUIRE_OK;
}

quire_status qr_gql_literal_untyped(struct qr_arena *arena, const struct qr_gql_ast_value *literal,
                                    const struct qr_gql_variables *variables,
                                    struct qr_gql_value *out, quire_error *err)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL, .text = literal->text};
    switch (literal->kind) {
    case QR_GQL_AST_VARIABLE: {
        const struct qr_gql_value *value = variable_value(variables, literal);
        *out = value != NULL ? *value : (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
        break;
    }
    case QR_GQL_AST_INT:
    case QR_GQL_AST_FLOAT:
        *out = qr_gql_value_number(literal->text, literal->kind == QR_GQL_AST_FLOAT);
        break;
    case QR_GQL_AST_STRING:
        out->kind = QR_GQL_VALUE_STRING;
        break;
    case QR_GQL_AST_BOOLEAN:
        out->kind = QR_GQL_VALUE_BOOL;
        out->boolean = literal->boolean;
        break;
    case QR_GQL_AST_NULL:
        break;
    case QR_GQL_AST_ENUM:
        out->kind = QR_GQL_VALUE_ENUM;
        break;
    case QR_GQL_AST_LIST:
        return untyped_list(arena, literal, variables, out, err);
    case QR_GQL_AST_OBJECT:
        return untyped_object(arena, literal, variables, out, err);
    }
    return QUIRE_OK;
}

/* ---- fields of an object literal ---- */

/* Finds fields by name: by walking a few, through a table many. */
struct literal_fields {
    const struct qr_gql_ast_value *object;
    struct qr_gql_name_table *table; /* NULL: few */
};

static quire_status fields_init(struct literal_fields *fields, struct qr_arena *arena,
                                const struct qr_gql_ast_value *object, quire_error *err)
{
    enum { TABLE_FROM = 12 };
    *fields = (struct literal_fields){.object = object};
    if (object->count < TABLE_FROM) {
        return QUIRE_OK;
    }
    fields->table = qr_arena_alloc_zero(arena, sizeof(*fields->table), err);
    if (fields->table == NULL) {
        return qr_gql_memory_status(err);
    }
    for (struct qr_gql_ast_argument *field = object->fields; field != NULL; field = field->next) {
        QR_TRY(qr_gql_name_table_set(fields->table, arena, field->name.text, field, err));
    }
    return QUIRE_OK;
}

/* The field of that name; the last one, where a request was not checked for repeated fields. */
static const struct qr_gql_ast_argument *fields_get(const struct literal_fields *fields,
                                                    struct qr_gql_str name)
{
    const struct qr_gql_ast_argument *found = NULL;
    if (fields->table != NULL) {
        return qr_gql_name_table_get(fields->table, name);
    }
    for (const struct qr_gql_ast_argument *field = fields->object->fields; field != NULL;
         field = field->next) {
        found = qr_gql_str_equal(field->name.text, name) ? field : found;
    }
    return found;
}

/* ---- coercing ---- */

struct coercion {
    struct qr_arena *arena;
    const struct qr_gql_variables *variables;
    bool settling;  /* the schema's default values */
    unsigned depth; /* of objects and lists around, those of outer default values included */
    quire_error *err;
};

static quire_status settle(struct qr_arena *arena, struct qr_gql_input *input, unsigned depth,
                           quire_error *err);

static quire_status coerce(struct coercion *c, const struct qr_gql_type *type,
                           const struct qr_gql_ast_value *literal, struct qr_gql_value *out,
                           bool *valid);

static quire_status coerce_list(struct coercion *c, const struct qr_gql_type *type,
                                const struct qr_gql_ast_value *literal, struct qr_gql_value *out,
                                bool *valid)
{
    bool is_list = literal->kind == QR_GQL_AST_LIST;
    uint32_t count = is_list ? literal->count : 1;
    struct qr_gql_value *items = qr_arena_alloc(c->arena, (count + 1) * sizeof(*items), c->err);
    if (items == NULL) {
        return qr_gql_memory_status(c->err);
    }
    const struct qr_gql_ast_value *item = is_list ? literal->items : literal;
    *valid = true;
    for (uint32_t i = 0; i < count && *valid; i++, item = item->next) {
        bool missing = is_list && item->kind == QR_GQL_AST_VARIABLE &&
                       variable_value(c->variables, item) == NULL;
        if (missing) {
            items[i] = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
            *valid = type->inner->kind != QR_GQL_NON_NULL;
        } else {
            QR_TRY(coerce(c, type->inner, item, &items[i], valid));
        }
    }
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_LIST, .count = count, .items = items};
    return QUIRE_OK;
}

/* Adds a field that is not given: its default, if there is one. */
static quire_status add_default(struct coercion *c, struct qr_gql_input *input,
                                struct qr_gql_value *out, bool *valid)
{
    if (input->default_literal == NULL) {
        *valid = input->type->kind != QR_GQL_NON_NULL;
        return QUIRE_OK;
    }
    if (c->settling) {
        QR_TRY(settle(c->arena, input, c->depth, c->err));
    }
    *valid = input->has_default;
    if (*valid) {
        out->members[out->count++] =
            (struct qr_gql_value_member){input->name, input->default_value};
    }
    return QUIRE_OK;
}

static quire_status coerce_fields(struct coercion *c, const struct qr_gql_type *type,
                                  const struct literal_fields *fields, struct qr_gql_value *out,
                                  bool *valid)
{
    for (uint32_t i = 0; i < type->input_count && *valid; i++) {
        struct qr_gql_input *input = &type->inputs[i];
        const struct qr_gql_ast_argument *given = fields_get(fields, input->name);
        if (given == NULL || (given->value->kind == QR_GQL_AST_VARIABLE &&
                              variable_value(c->variables, given->value) == NULL)) {
            QR_TRY(add_default(c, input, out, valid));
            continue;
        }
        struct qr_gql_value_member *member = &out->members[out->count++];
        member->name = input->name;
        QR_TRY(coerce(c, input->type, given->value, &member->value, valid));
    }
    return QUIRE_OK;
}

static quire_status coerce_object(struct coercion *c, const struct qr_gql_type *type,
                                  const struct qr_gql_ast_value *literal, struct qr_gql_value *out,
                                  bool *valid)
{
    *valid = literal->kind == QR_GQL_AST_OBJECT;
    for (const struct qr_gql_ast_argument *field = literal->fields; field != NULL && *valid;
         field = field->next) {
        *valid = qr_gql_type_input(type, field->name.text) != NULL;
    }
    if (!*valid) {
        return QUIRE_OK;
    }
    struct literal_fields fields;
    QR_TRY(fields_init(&fields, c->arena, literal, c->err));
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    out->members =
        qr_arena_alloc(c->arena, (type->input_count + 1) * sizeof(*out->members), c->err);
    if (out->members == NULL) {
        return qr_gql_memory_status(c->err);
    }
    QR_TRY(coerce_fields(c, type, &fields, out, valid));
    if (type->one_of) {
        *valid = *valid && literal->count == 1 && out->count == 1 &&
                 out->members[0].value.kind != QR_GQL_VALUE_NULL;
    }
    return QUIRE_OK;
}

static quire_status coerce(struct coercion *c, const struct qr_gql_type *type,
                           const struct qr_gql_ast_value *literal, struct qr_gql_value *out,
                           bool *valid)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
    if (literal->kind == QR_GQL_AST_VARIABLE) {
        const struct qr_gql_value *value = variable_value(c->variables, literal);
        *valid =
            value != NULL && (value->kind != QR_GQL_VALUE_NULL || type->kind != QR_GQL_NON_NULL);
        *out = value != NULL ? *value : *out;
        return QUIRE_OK;
    }
    if (literal->kind == QR_GQL_AST_NULL) {
        *valid = type->kind != QR_GQL_NON_NULL;
        return QUIRE_OK;
    }
    type = qr_gql_type_nullable(type);
    if (type->kind == QR_GQL_LIST || type->kind == QR_GQL_INPUT_OBJECT) {
        c->depth++;
        QR_TRY(type->kind == QR_GQL_LIST ? coerce_list(c, type, literal, out, valid)
                                         : coerce_object(c, type, literal, out, valid));
        c->depth--;
        return QUIRE_OK;
    }
    if (!qr_gql_type_is_leaf(type)) {
        *valid = false; /* an output type in an unchecked schema */
        return QUIRE_OK;
    }
    const char *problem;
    QR_TRY(qr_gql_literal_untyped(c->arena, literal, c->variables, out, c->err));
    struct leaf leaf = {c->arena, type, literal, true, false, out, &problem, c->err};
    QR_TRY(coerce_leaf(&leaf));
    *valid = problem == NULL;
    return QUIRE_OK;
}

quire_status qr_gql_literal_coerce(struct qr_arena *arena, const struct qr_gql_type *type,
                                   const struct qr_gql_ast_value *literal,
                                   const struct qr_gql_variables *variables,
                                   struct qr_gql_value *out, bool *valid, quire_error *err)
{
    struct coercion c = {arena, variables, false, 0, err};
    return coerce(&c, type, literal, out, valid);
}

static quire_status settle(struct qr_arena *arena, struct qr_gql_input *input, unsigned depth,
                           quire_error *err)
{
    if (input->default_literal == NULL || input->default_state != QR_GQL_DEFAULT_PENDING ||
        depth > DEFAULT_DEPTH_MAX) {
        return QUIRE_OK;
    }
    struct coercion c = {arena, NULL, true, depth, err};
    input->default_state = QR_GQL_DEFAULT_BUSY;
    QR_TRY(coerce(&c, input->type, input->default_literal, &input->default_value,
                  &input->has_default));
    input->default_state = QR_GQL_DEFAULT_DONE;
    return QUIRE_OK;
}

quire_status qr_gql_default_settle(struct qr_arena *arena, struct qr_gql_input *input,
                                   quire_error *err)
{
    return settle(arena, input, 0, err);
}

/* ---- checking ---- */

/* What follows `err` is room for one leaf or problem at a time, kept off the recursion's stack. */
struct check {
    struct qr_arena *arena;
    bool suggest;
    bool done; /* no more problems are wanted */
    qr_gql_literal_problem *problem;
    void *context;
    quire_error *err;
    struct qr_gql_value value;
    const char *message;
    struct leaf leaf;
    struct qr_gql_ast_value place;
};

static quire_status check(struct check *k, const struct qr_gql_type *type,
                          const struct qr_gql_ast_value *literal, const struct qr_gql_path *path);

/* Paths are kept by those who receive them, so steps live in the arena. */
static const struct qr_gql_path *step(struct check *k, const struct qr_gql_path *parent,
                                      struct qr_gql_str key, size_t index)
{
    struct qr_gql_path *path = qr_arena_alloc(k->arena, sizeof(*path), k->err);
    if (path != NULL) {
        *path = (struct qr_gql_path){parent, key, index};
    }
    return path;
}

static quire_status report(struct check *k, const struct qr_gql_ast_value *at,
                           const struct qr_gql_path *path, const char *message)
{
    if (message == NULL) {
        return qr_gql_memory_status(k->err);
    }
    k->done = !k->problem(k->context, at, path, message);
    return QUIRE_OK;
}

static quire_status check_list(struct check *k, const struct qr_gql_type *type,
                               const struct qr_gql_ast_value *literal,
                               const struct qr_gql_path *path)
{
    if (literal->kind != QR_GQL_AST_LIST) {
        return check(k, type->inner, literal, path);
    }
    size_t index = 0;
    for (const struct qr_gql_ast_value *item = literal->items; item != NULL && !k->done;
         item = item->next) {
        const struct qr_gql_path *inner = step(k, path, (struct qr_gql_str){NULL, 0}, index++);
        if (inner == NULL) {
            return qr_gql_memory_status(k->err);
        }
        QR_TRY(check(k, type->inner, item, inner));
    }
    return QUIRE_OK;
}

static const char *suggest_input(struct check *k, const struct qr_gql_type *type,
                                 struct qr_gql_str given)
{
    struct qr_gql_str *names =
        k->suggest ? qr_arena_alloc(k->arena, (type->input_count + 1) * sizeof(*names), NULL)
                   : NULL;
    for (uint32_t i = 0; names != NULL && i < type->input_count; i++) {
        names[i] = type->inputs[i].name;
    }
    return names == NULL ? "" : qr_gql_did_you_mean(k->arena, given, names, type->input_count, "");
}

/* Fields that the type does not have; *known counts the others. */
static quire_status check_unknown_fields(struct check *k, const struct qr_gql_type *type,
                                         const struct qr_gql_ast_value *literal,
                                         const struct qr_gql_path *path, uint32_t *known)
{
    const char *text = NULL;
    for (const struct qr_gql_ast_argument *field = literal->fields; field != NULL && !k->done;
         field = field->next) {
        if (qr_gql_type_input(type, field->name.text) != NULL) {
            ++*known;
            continue;
        }
        text = text == NULL ? literal_text(k->arena, literal) : text;
        const char *suggestion = suggest_input(k, type, field->name.text);
        k->place = *field->value;
        k->place.pos = field->name.pos;
        QR_TRY(report(k, &k->place, path,
                      qr_gql_format(k->arena, k->err,
                                    "Expected value of type \"%.*s\" not to include unknown field "
                                    "\"%.*s\"%s%s%s: %s.",
                                    QR_GQL_FMT(type->name), QR_GQL_FMT(field->name.text),
                                    *suggestion == '\0' ? "" : ".", suggestion,
                                    *suggestion == '\0' ? ", found" : " Found", text)));
    }
    return QUIRE_OK;
}

static quire_status check_known_fields(struct check *k, const struct qr_gql_type *type,
                                       const struct qr_gql_ast_value *literal,
                                       const struct qr_gql_path *path)
{
    struct literal_fields fields;
    const char *text = NULL;
    QR_TRY(fields_init(&fields, k->arena, literal, k->err));
    for (uint32_t i = 0; i < type->input_count && !k->done; i++) {
        const struct qr_gql_input *input = &type->inputs[i];
        const struct qr_gql_ast_argument *given = fields_get(&fields, input->name);
        if (given != NULL) {
            const struct qr_gql_path *inner = step(k, path, input->name, 0);
            if (inner == NULL) {
                return qr_gql_memory_status(k->err);
            }
            QR_TRY(check(k, input->type, given->value, inner));
        } else if (qr_gql_input_is_required(input)) {
            text = text == NULL ? literal_text(k->arena, literal) : text;
            QR_TRY(report(k, literal, path,
                          qr_gql_format(k->arena, k->err,
                                        "Expected value of type \"%.*s\" to include required field "
                                        "\"%.*s\", found: %s.",
                                        QR_GQL_FMT(type->name), QR_GQL_FMT(input->name), text)));
        }
    }
    return QUIRE_OK;
}

static quire_status check_object(struct check *k, const struct qr_gql_type *type,
                                 const struct qr_gql_ast_value *literal,
                                 const struct qr_gql_path *path)
{
    if (literal->kind != QR_GQL_AST_OBJECT) {
        return report(k, literal, path,
                      qr_gql_format(k->arena, k->err,
                                    "Expected value of type \"%.*s\" to be an object, found: %s.",
                                    QR_GQL_FMT(type->name), literal_text(k->arena, literal)));
    }
    uint32_t known = 0;
    QR_TRY(check_known_fields(k, type, literal, path));
    QR_TRY(check_unknown_fields(k, type, literal, path, &known));
    if (!type->one_of || k->done) {
        return QUIRE_OK;
    }
    const struct qr_gql_ast_argument *field = literal->fields;
    while (known == 1 && qr_gql_type_input(type, field->name.text) == NULL) {
        field = field->next;
    }
    if (known == 1 && field->value->kind != QR_GQL_AST_NULL) {
        return QUIRE_OK;
    }
    if (known == 1) {
        path = step(k, path, field->name.text, 0);
    }
    return report(k, literal, path,
                  qr_gql_format(k->arena, k->err,
                                "Within OneOf Input Object type \"%.*s\", exactly one field must "
                                "be specified, and the value for that field must be non-null.",
                                QR_GQL_FMT(type->name)));
}

static quire_status check(struct check *k, const struct qr_gql_type *type,
                          const struct qr_gql_ast_value *literal, const struct qr_gql_path *path)
{
    if (literal->kind == QR_GQL_AST_VARIABLE) {
        return QUIRE_OK;
    }
    if (literal->kind == QR_GQL_AST_NULL) {
        return type->kind != QR_GQL_NON_NULL
                   ? QUIRE_OK
                   : report(k, literal, path,
                            qr_gql_format(k->arena, k->err,
                                          "Expected value of non-null type \"%s\" not to be null.",
                                          qr_gql_type_text(k->arena, type)));
    }
    type = qr_gql_type_nullable(type);
    if (type->kind == QR_GQL_LIST) {
        return check_list(k, type, literal, path);
    }
    if (type->kind == QR_GQL_INPUT_OBJECT) {
        return check_object(k, type, literal, path);
    }
    if (!qr_gql_type_is_leaf(type)) {
        return QUIRE_OK; /* an output type; the schema's check says so */
    }
    QR_TRY(qr_gql_literal_untyped(k->arena, literal, NULL, &k->value, k->err));
    k->leaf =
        (struct leaf){k->arena, type, literal, true, k->suggest, &k->value, &k->message, k->err};
    QR_TRY(coerce_leaf(&k->leaf));
    return k->message == NULL ? QUIRE_OK : report(k, literal, path, k->message);
}

quire_status qr_gql_literal_check(struct qr_arena *arena, const struct qr_gql_type *type,
                                  const struct qr_gql_ast_value *literal, bool suggest,
                                  qr_gql_literal_problem *problem, void *context, quire_error *err)
{
    struct check k = {
        .arena = arena, .suggest = suggest, .problem = problem, .context = context, .err = err};
    return check(&k, type, literal, NULL);
}
