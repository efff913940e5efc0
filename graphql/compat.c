/*
 * Compatibility: see compat.h.
 */
#include "graphql/compat.h"

#include "graphql/api.h"

struct rewriting {
    const struct qr_gql_schema *schema;
    struct qr_arena *arena;
    struct qr_gql_name_table variables; /* of all operations: their definitions */
    struct qr_gql_name_table tables;    /* by name in small letters; filled at the first need */
    quire_error *err;
};

static const struct qr_gql_str equals = {"equals", 6};

/* ---- plain values in filters ---- */

/* Whether a value of the type compares a field: `equals` takes what a plain value stands for. */
static bool is_filter(const struct qr_gql_type *type)
{
    static const char suffix[] = "Filter";
    size_t size = sizeof suffix - 1;
    const struct qr_gql_input *input =
        type->kind == QR_GQL_INPUT_OBJECT && type->name.size > size &&
                memcmp(type->name.data + type->name.size - size, suffix, size) == 0
            ? qr_gql_type_input(type, equals)
            : NULL;
    return input != NULL && qr_gql_type_is_leaf(qr_gql_type_named(input->type));
}

/* The named type of a variable; NULL when it is not known. */
static const struct qr_gql_type *variable_type(const struct rewriting *r, struct qr_gql_str name)
{
    const struct qr_gql_ast_member *variable = qr_gql_name_table_get(&r->variables, name);
    const struct qr_gql_ast_type *type = variable == NULL ? NULL : variable->type;
    while (type != NULL && type->kind != QR_GQL_AST_NAMED) {
        type = type->inner;
    }
    return type == NULL ? NULL : qr_gql_schema_type(r->schema, type->name.text);
}

static bool is_plain(const struct rewriting *r, const struct qr_gql_ast_value *value)
{
    if (value->kind == QR_GQL_AST_VARIABLE) {
        const struct qr_gql_type *type = variable_type(r, value->text);
        return type != NULL && qr_gql_type_is_leaf(type);
    }
    return value->kind != QR_GQL_AST_NULL && value->kind != QR_GQL_AST_LIST &&
           value->kind != QR_GQL_AST_OBJECT;
}

/* Makes `value` the object {equals: value}. */
static quire_status wrap(const struct rewriting *r, struct qr_gql_ast_value *value)
{
    struct qr_gql_ast_argument *field = qr_arena_alloc_zero(r->arena, sizeof *field, r->err);
    struct qr_gql_ast_value *plain = qr_arena_alloc(r->arena, sizeof *plain, r->err);
    if (field == NULL || plain == NULL) {
        return qr_gql_memory_status(r->err);
    }
    *plain = *value;
    plain->next = NULL;
    *field =
        (struct qr_gql_ast_argument){.name = {.text = equals, .pos = value->pos}, .value = plain};
    *value = (struct qr_gql_ast_value){.kind = QR_GQL_AST_OBJECT,
                                       .count = 1,
                                       .pos = value->pos,
                                       .fields = field,
                                       .next = value->next};
    return QUIRE_OK;
}

static quire_status rewrite_literal(const struct rewriting *r, const struct qr_gql_type *type,
                                    struct qr_gql_ast_value *value)
{
    const struct qr_gql_type *named = qr_gql_type_named(type);
    if (named->kind != QR_GQL_INPUT_OBJECT) {
        return QUIRE_OK;
    }
    if (value->kind == QR_GQL_AST_LIST && qr_gql_type_nullable(type)->kind == QR_GQL_LIST) {
        for (struct qr_gql_ast_value *item = value->items; item != NULL; item = item->next) {
            QR_TRY(rewrite_literal(r, named, item));
        }
        return QUIRE_OK;
    }
    if (value->kind == QR_GQL_AST_OBJECT) {
        for (struct qr_gql_ast_argument *f = value->fields; f != NULL; f = f->next) {
            const struct qr_gql_input *input = qr_gql_type_input(named, f->name.text);
            if (input != NULL) {
                QR_TRY(rewrite_literal(r, input->type, f->value));
            }
        }
        return QUIRE_OK;
    }
    return is_filter(named) && is_plain(r, value) ? wrap(r, value) : QUIRE_OK;
}

/* ---- names of the fields of Query ---- */

static quire_status small_letters(const struct rewriting *r, struct qr_gql_str text,
                                  struct qr_gql_str *out)
{
    char *copy = qr_arena_copy(r->arena, text.data, text.size, r->err);
    if (copy == NULL) {
        return qr_gql_memory_status(r->err);
    }
    for (size_t i = 0; i < text.size; i++) {
        copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] - 'A' + 'a' : copy[i]);
    }
    *out = (struct qr_gql_str){copy, text.size};
    return QUIRE_OK;
}

static quire_status fill_tables(struct rewriting *r)
{
    const struct qr_gql_type *query = r->schema->roots[QR_GQL_QUERY];
    for (uint32_t i = 0; i < query->field_count; i++) {
        const struct qr_api_field *api = query->fields[i].host;
        struct qr_gql_str name;
        if (api != NULL && api->kind == QR_API_MANY) {
            QR_TRY(small_letters(r, api->type->name, &name));
            QR_TRY(qr_gql_name_table_add(&r->tables, r->arena, name, api->type, NULL, r->err));
        }
    }
    return QUIRE_OK;
}

/* The table that a name of a root field stands for: as it is, without one s, without all of them.
 * NULL: none. */
static quire_status find_table(struct rewriting *r, struct qr_gql_str name,
                               const struct qr_model_type **out)
{
    struct qr_gql_str text;
    if (r->tables.count == 0) {
        QR_TRY(fill_tables(r));
    }
    QR_TRY(small_letters(r, name, &text));
    *out = qr_gql_name_table_get(&r->tables, text);
    if (*out == NULL && text.size > 1 && text.data[text.size - 1] == 's') {
        text.size--;
        *out = qr_gql_name_table_get(&r->tables, text);
    }
    while (*out == NULL && text.size > 1 && text.data[text.size - 1] == 's') {
        text.size--;
        *out = text.data[text.size - 1] == 's' ? NULL : qr_gql_name_table_get(&r->tables, text);
    }
    return QUIRE_OK;
}

/* Gives a field of Query the name that the API has for it. In the response it keeps its own. */
static quire_status rename_root(struct rewriting *r, struct qr_gql_ast_selection *field)
{
    const struct qr_gql_field *known =
        qr_gql_schema_field(r->schema, r->schema->roots[QR_GQL_QUERY], field->name.text);
    const struct qr_api_field *api = known == NULL ? NULL : known->host;
    const struct qr_model_type *type = api == NULL ? NULL : api->type;
    bool by_id = qr_gql_ast_argument_find(field->arguments, qr_gql_str_of("id")) != NULL;

    if (known == NULL) {
        QR_TRY(find_table(r, field->name.text, &type));
    }
    if (type == NULL || (known != NULL && (api->kind == QR_API_MANY) != by_id) ||
        (known != NULL && !by_id && field->arguments != NULL)) {
        return QUIRE_OK;
    }
    if (field->alias.text.data == NULL) {
        field->alias = field->name;
    }
    field->name.text = qr_gql_str_of(by_id ? type->one_name : type->many_name);
    return QUIRE_OK;
}

/* ---- what its documents leave out ---- */

/* Its first page says `first` where `take` is meant. */
static void rename_first(const struct qr_gql_field *field, struct qr_gql_ast_selection *node)
{
    struct qr_gql_str take = qr_gql_str_of("take");
    struct qr_gql_ast_argument *first = node->arguments;
    while (first != NULL && !qr_gql_str_is(first->name.text, "first")) {
        first = first->next;
    }
    if (first != NULL && qr_gql_field_argument(field, first->name.text) == NULL &&
        qr_gql_field_argument(field, take) != NULL &&
        qr_gql_ast_argument_find(node->arguments, take) == NULL) {
        first->name.text = take;
    }
}

static bool is_column(const struct qr_gql_field *field)
{
    const struct qr_api_field *api = field->host;
    return api != NULL && (api->kind == QR_API_COLUMN || api->kind == QR_API_REFERENCE_KEY) &&
           qr_gql_type_is_leaf(qr_gql_type_named(field->type));
}

/* A row without a selection stands for all its columns. */
static quire_status add_columns(struct rewriting *r, const struct qr_gql_type *type,
                                struct qr_gql_ast_selection *node)
{
    struct qr_gql_ast_selection **out = &node->selections.first;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (!is_column(&type->fields[i])) {
            continue;
        }
        struct qr_gql_ast_selection *column = qr_arena_alloc_zero(r->arena, sizeof *column, r->err);
        if (column == NULL) {
            return qr_gql_memory_status(r->err);
        }
        column->kind = QR_GQL_AST_FIELD;
        column->pos = node->pos;
        column->name = (struct qr_gql_name){.text = type->fields[i].name, .pos = node->pos};
        node->selections.pos = node->pos;
        *out = column;
        out = &column->next;
    }
    return QUIRE_OK;
}

/* ---- documents ---- */

static quire_status rewrite_selections(struct rewriting *r, const struct qr_gql_type *type,
                                       struct qr_gql_ast_selections *set);

static quire_status rewrite_field(struct rewriting *r, const struct qr_gql_type *type,
                                  struct qr_gql_ast_selection *node)
{
    if (type == r->schema->roots[QR_GQL_QUERY]) {
        QR_TRY(rename_root(r, node));
    }
    const struct qr_gql_field *field = qr_gql_schema_field(r->schema, type, node->name.text);
    if (field == NULL) {
        return QUIRE_OK;
    }
    rename_first(field, node);
    for (struct qr_gql_ast_argument *a = node->arguments; a != NULL; a = a->next) {
        const struct qr_gql_input *input = qr_gql_field_argument(field, a->name.text);
        if (input != NULL) {
            QR_TRY(rewrite_literal(r, input->type, a->value));
        }
    }
    const struct qr_gql_type *named = qr_gql_type_named(field->type);
    if (node->selections.first == NULL && named->kind == QR_GQL_OBJECT) {
        return add_columns(r, named, node);
    }
    return rewrite_selections(r, named, &node->selections);
}

static quire_status rewrite_selections(struct rewriting *r, const struct qr_gql_type *type,
                                       struct qr_gql_ast_selections *set)
{
    for (struct qr_gql_ast_selection *s = set->first; s != NULL && type != NULL; s = s->next) {
        if (s->kind == QR_GQL_AST_FIELD && qr_gql_type_is_composite(type)) {
            QR_TRY(rewrite_field(r, type, s));
        } else if (s->kind == QR_GQL_AST_INLINE) {
            const struct qr_gql_type *condition =
                s->condition.text.data == NULL ? type
                                               : qr_gql_schema_type(r->schema, s->condition.text);
            QR_TRY(rewrite_selections(r, condition, &s->selections));
        }
    }
    return QUIRE_OK;
}

static quire_status note_variables(struct rewriting *r, const struct qr_gql_document *document)
{
    for (struct qr_gql_ast_definition *d = document->first; d != NULL; d = d->next) {
        struct qr_gql_ast_member *v = d->kind == QR_GQL_AST_OPERATION ? d->members : NULL;
        for (; v != NULL; v = v->next) {
            QR_TRY(qr_gql_name_table_add(&r->variables, r->arena, v->name.text, v, NULL, r->err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_compat_document(const struct qr_gql_schema *schema,
                                struct qr_gql_document *document, struct qr_arena *arena,
                                quire_error *err)
{
    struct rewriting r = {.schema = schema, .arena = arena, .err = err};
    QR_TRY(note_variables(&r, document));
    for (struct qr_gql_ast_definition *d = document->first; d != NULL; d = d->next) {
        const struct qr_gql_type *type = NULL;
        if (d->kind == QR_GQL_AST_OPERATION) {
            type = schema->roots[d->operation];
        } else if (d->kind == QR_GQL_AST_FRAGMENT) {
            type = qr_gql_schema_type(schema, d->condition.text);
        }
        QR_TRY(rewrite_selections(&r, type, &d->selections));
    }
    return QUIRE_OK;
}

/* ---- variables ---- */

static quire_status rewrite_value(const struct rewriting *r, const struct qr_gql_type *type,
                                  struct qr_gql_value *value);

static quire_status rewrite_items(const struct rewriting *r, const struct qr_gql_type *named,
                                  struct qr_gql_value *list)
{
    struct qr_gql_value *items =
        qr_arena_alloc(r->arena, sizeof *items * (list->count + (size_t)1), r->err);
    if (items == NULL) {
        return qr_gql_memory_status(r->err);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
        QR_TRY(rewrite_value(r, named, &items[i]));
    }
    list->items = items;
    return QUIRE_OK;
}

static quire_status rewrite_members(const struct rewriting *r, const struct qr_gql_type *named,
                                    struct qr_gql_value *object)
{
    struct qr_gql_value_member *members =
        qr_arena_alloc(r->arena, sizeof *members * (object->count + (size_t)1), r->err);
    if (members == NULL) {
        return qr_gql_memory_status(r->err);
    }
    for (uint32_t i = 0; i < object->count; i++) {
        members[i] = object->members[i];
        const struct qr_gql_input *input = qr_gql_type_input(named, members[i].name);
        if (input != NULL) {
            QR_TRY(rewrite_value(r, input->type, &members[i].value));
        }
    }
    object->members = members;
    return QUIRE_OK;
}

/* Replaces what `value` points to by rewritten copies. */
static quire_status rewrite_value(const struct rewriting *r, const struct qr_gql_type *type,
                                  struct qr_gql_value *value)
{
    const struct qr_gql_type *named = qr_gql_type_named(type);
    if (named->kind != QR_GQL_INPUT_OBJECT || value->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    if (value->kind == QR_GQL_VALUE_LIST) {
        return qr_gql_type_nullable(type)->kind == QR_GQL_LIST ? rewrite_items(r, named, value)
                                                               : QUIRE_OK;
    }
    if (value->kind == QR_GQL_VALUE_OBJECT) {
        return rewrite_members(r, named, value);
    }
    if (!is_filter(named)) {
        return QUIRE_OK;
    }
    struct qr_gql_value_member *member = qr_arena_alloc(r->arena, sizeof *member, r->err);
    if (member == NULL) {
        return qr_gql_memory_status(r->err);
    }
    *member = (struct qr_gql_value_member){equals, *value};
    *value = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT, .count = 1, .members = member};
    return QUIRE_OK;
}

/* The type of a variable as far as rewriting asks: lists are told from what is no list. */
static const struct qr_gql_type *input_type(const struct rewriting *r,
                                            const struct qr_gql_ast_type *type, bool *list)
{
    *list = false;
    for (; type->kind != QR_GQL_AST_NAMED; type = type->inner) {
        *list = *list || type->kind == QR_GQL_AST_LIST_OF;
    }
    return qr_gql_schema_type(r->schema, type->name.text);
}

quire_status qr_compat_variables(const struct qr_gql_schema *schema,
                                 const struct qr_gql_ast_definition *operation,
                                 const struct qr_gql_value *given, struct qr_arena *arena,
                                 const struct qr_gql_value **out, quire_error *err)
{
    struct rewriting r = {.schema = schema, .arena = arena, .err = err};
    struct qr_gql_value *object;

    *out = given;
    if (given == NULL || given->kind != QR_GQL_VALUE_OBJECT || given->count == 0) {
        return QUIRE_OK;
    }
    object = qr_arena_alloc(arena, sizeof *object, err);
    struct qr_gql_value_member *members =
        qr_arena_alloc(arena, sizeof *members * given->count, err);
    if (object == NULL || members == NULL) {
        return qr_gql_memory_status(err);
    }
    memcpy(members, given->members, sizeof *members * given->count);
    *object = *given;
    object->members = members;
    for (const struct qr_gql_ast_member *v = operation->members; v != NULL; v = v->next) {
        bool list;
        const struct qr_gql_type *type = input_type(&r, v->type, &list);
        struct qr_gql_value *value = qr_gql_value_get(object, v->name.text);
        if (type == NULL || value == NULL) {
            continue;
        }
        QR_TRY(list && value->kind == QR_GQL_VALUE_LIST ? rewrite_items(&r, type, value)
                                                        : rewrite_value(&r, type, value));
    }
    *out = object;
    return QUIRE_OK;
}
