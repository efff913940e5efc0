/*
 * Validation of SDL documents: the walk that calls the rules.
 *
 * One pass over the definitions calls every chosen rule's hooks, so that the
 * cost is linear in the text. Executable definitions in the document are
 * walked too: their directives, types and arguments follow the same rules.
 * Recursion follows values and selections, whose depth the parser bounds.
 */
#include "graphql/sdl_internal.h"

enum { RULES_MAX = 24 };

struct walk {
    struct qr_gql_sdl s;
    const struct qr_gql_sdl_rule *rules[RULES_MAX];
    size_t rule_count;
    bool sdl; /* inside a definition of the type system */
};

void *qr_gql_sdl_add(struct qr_gql_sdl *s, struct qr_gql_name_table *table, struct qr_gql_str name,
                     const void *value)
{
    void *previous = NULL;
    /* Tables hold plain pointers; what they point to is only read. */
    void *plain;
    memcpy(&plain, &value, sizeof(plain));
    quire_status status = qr_gql_name_table_add(table, s->arena, name, plain, &previous, s->err);
    s->status = s->status == QUIRE_OK ? status : s->status;
    return previous;
}

const struct qr_gql_type *qr_gql_sdl_existing(const struct qr_gql_sdl *s, struct qr_gql_str name)
{
    const struct qr_gql_type *type = s->base == NULL ? NULL : qr_gql_schema_type(s->base, name);
    return type != NULL && type->referenced ? type : NULL;
}

struct qr_gql_sdl_type *qr_gql_sdl_type(struct qr_gql_sdl *s, struct qr_gql_str name)
{
    struct qr_gql_sdl_type *type = qr_gql_name_table_get(&s->types, name);
    if (type != NULL) {
        return type;
    }
    type = qr_arena_alloc_zero(s->arena, sizeof(*type), s->err);
    if (type == NULL) {
        s->status = qr_gql_memory_status(s->err);
        return NULL;
    }
    (void)qr_gql_sdl_add(s, &s->types, name, type);
    return s->status == QUIRE_OK ? type : NULL;
}

const char *qr_gql_sdl_kind_word(enum qr_gql_ast_definition_kind kind)
{
    static const char *const words[] = {"scalar", "object", "interface",
                                        "union",  "enum",   "input object"};
    return words[kind - QR_GQL_AST_SCALAR_TYPE];
}

/* ---- the walk ---- */

static void walk_value(struct walk *w, const struct qr_gql_ast_value *value)
{
    if (value == NULL || !qr_gql_sdl_running(&w->s)) {
        return;
    }
    for (const struct qr_gql_ast_value *item = value->items; item != NULL; item = item->next) {
        walk_value(w, item);
    }
    for (size_t i = 0; i < w->rule_count && value->kind == QR_GQL_AST_OBJECT; i++) {
        if (w->rules[i]->object != NULL) {
            w->rules[i]->object(&w->s, value);
        }
    }
    for (const struct qr_gql_ast_argument *field = value->fields; field != NULL;
         field = field->next) {
        walk_value(w, field->value);
    }
}

static void walk_arguments(struct walk *w, const struct qr_gql_ast_argument *arguments)
{
    for (size_t i = 0; i < w->rule_count && arguments != NULL; i++) {
        if (w->rules[i]->arguments != NULL) {
            w->rules[i]->arguments(&w->s, arguments);
        }
    }
    for (; arguments != NULL; arguments = arguments->next) {
        walk_value(w, arguments->value);
    }
}

static void walk_directives(struct walk *w, const struct qr_gql_ast_directive *directives,
                            uint32_t location, const struct qr_gql_ast_definition *owner)
{
    for (size_t i = 0; i < w->rule_count && directives != NULL; i++) {
        if (w->rules[i]->directives != NULL) {
            w->rules[i]->directives(&w->s, directives, owner);
        }
    }
    for (; directives != NULL && qr_gql_sdl_running(&w->s); directives = directives->next) {
        for (size_t i = 0; i < w->rule_count; i++) {
            if (w->rules[i]->directive != NULL) {
                w->rules[i]->directive(&w->s, directives, location);
            }
        }
        walk_arguments(w, directives->arguments);
    }
}

static void walk_name(struct walk *w, const struct qr_gql_name *name)
{
    for (size_t i = 0; i < w->rule_count && name->text.data != NULL; i++) {
        if (w->rules[i]->named != NULL) {
            w->rules[i]->named(&w->s, name, w->sdl);
        }
    }
}

static void walk_type(struct walk *w, const struct qr_gql_ast_type *type)
{
    while (type != NULL && type->inner != NULL) {
        type = type->inner;
    }
    if (type != NULL) {
        walk_name(w, &type->name);
    }
}

/* Members, and the arguments of fields (one level down). */
static void walk_members(struct walk *w, const struct qr_gql_ast_member *members, uint32_t location)
{
    for (; members != NULL && qr_gql_sdl_running(&w->s); members = members->next) {
        walk_members(w, members->arguments, QR_GQL_ON_ARGUMENT_DEFINITION);
        walk_type(w, members->type);
        walk_value(w, members->default_value);
        walk_directives(w, members->directives, location, NULL);
    }
}

static void walk_selections(struct walk *w, const struct qr_gql_ast_selections *selections)
{
    static const uint32_t locations[] = {QR_GQL_ON_FIELD, QR_GQL_ON_FRAGMENT_SPREAD,
                                         QR_GQL_ON_INLINE_FRAGMENT};
    for (const struct qr_gql_ast_selection *selection = selections->first;
         selection != NULL && qr_gql_sdl_running(&w->s); selection = selection->next) {
        walk_arguments(w, selection->arguments);
        walk_name(w, &selection->condition);
        walk_directives(w, selection->directives, locations[selection->kind], NULL);
        walk_selections(w, &selection->selections);
    }
}

/* Where the directives of a definition stand. */
static uint32_t definition_location(const struct qr_gql_ast_definition *definition)
{
    static const uint32_t locations[] = {
        [QR_GQL_AST_OPERATION] = QR_GQL_ON_QUERY,
        [QR_GQL_AST_FRAGMENT] = QR_GQL_ON_FRAGMENT_DEFINITION,
        [QR_GQL_AST_SCHEMA] = QR_GQL_ON_SCHEMA,
        [QR_GQL_AST_SCALAR_TYPE] = QR_GQL_ON_SCALAR,
        [QR_GQL_AST_OBJECT_TYPE] = QR_GQL_ON_OBJECT,
        [QR_GQL_AST_INTERFACE_TYPE] = QR_GQL_ON_INTERFACE,
        [QR_GQL_AST_UNION_TYPE] = QR_GQL_ON_UNION,
        [QR_GQL_AST_ENUM_TYPE] = QR_GQL_ON_ENUM,
        [QR_GQL_AST_INPUT_TYPE] = QR_GQL_ON_INPUT_OBJECT,
        [QR_GQL_AST_DIRECTIVE_DEFINITION] = 0,
    };
    return definition->kind == QR_GQL_AST_OPERATION
               ? (uint32_t)QR_GQL_ON_QUERY << definition->operation
               : locations[definition->kind];
}

/* Where the directives of its members stand. */
static uint32_t member_location(const struct qr_gql_ast_definition *definition)
{
    switch (definition->kind) {
    case QR_GQL_AST_OPERATION:
        return QR_GQL_ON_VARIABLE_DEFINITION;
    case QR_GQL_AST_ENUM_TYPE:
        return QR_GQL_ON_ENUM_VALUE;
    case QR_GQL_AST_INPUT_TYPE:
        return QR_GQL_ON_INPUT_FIELD_DEFINITION;
    case QR_GQL_AST_DIRECTIVE_DEFINITION:
        return QR_GQL_ON_ARGUMENT_DEFINITION;
    case QR_GQL_AST_FRAGMENT:
    case QR_GQL_AST_SCHEMA:
    case QR_GQL_AST_SCALAR_TYPE:
    case QR_GQL_AST_OBJECT_TYPE:
    case QR_GQL_AST_INTERFACE_TYPE:
    case QR_GQL_AST_UNION_TYPE:
        break;
    }
    return QR_GQL_ON_FIELD_DEFINITION;
}

static void walk_definition(struct walk *w, const struct qr_gql_ast_definition *definition)
{
    w->sdl = qr_gql_ast_is_type_system(definition);
    for (size_t i = 0; i < w->rule_count; i++) {
        if (w->rules[i]->definition != NULL) {
            w->rules[i]->definition(&w->s, definition);
        }
    }
    walk_name(w, &definition->condition);
    walk_directives(w, definition->directives, definition_location(definition), definition);
    for (const struct qr_gql_ast_root *root = definition->roots; root != NULL; root = root->next) {
        walk_name(w, &root->type);
    }
    for (const struct qr_gql_ast_named *named = definition->interfaces; named != NULL;
         named = named->next) {
        walk_name(w, &named->name);
    }
    walk_members(w, definition->members, member_location(definition));
    for (const struct qr_gql_ast_named *named = definition->names;
         named != NULL && definition->kind == QR_GQL_AST_UNION_TYPE; named = named->next) {
        walk_name(w, &named->name);
    }
    walk_selections(w, &definition->selections);
}

/* ---- preparation ---- */

static void note_directive(struct qr_gql_sdl *s, struct qr_gql_str name,
                           const struct qr_gql_ast_definition *node,
                           const struct qr_gql_directive *directive)
{
    struct qr_gql_sdl_directive *entry = qr_arena_alloc(s->arena, sizeof(*entry), s->err);
    quire_status status = qr_gql_memory_status(s->err);
    if (entry != NULL) {
        *entry = (struct qr_gql_sdl_directive){node, directive};
        status = qr_gql_name_table_set(&s->directives, s->arena, name, entry, s->err);
    }
    s->status = s->status == QUIRE_OK ? status : s->status;
}

static void note_definitions(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *definition)
{
    for (; definition != NULL && s->status == QUIRE_OK; definition = definition->next) {
        if (definition->kind == QR_GQL_AST_DIRECTIVE_DEFINITION) {
            note_directive(s, definition->name.text, definition, NULL);
        } else if (qr_gql_ast_is_type(definition) && !definition->extends) {
            struct qr_gql_sdl_type *type = qr_gql_sdl_type(s, definition->name.text);
            if (type != NULL) {
                type->definition = definition;
            }
        }
    }
}

/* The directives that are there before the document: the base's, or the language's. */
static quire_status note_known_directives(struct qr_gql_sdl *s)
{
    for (uint32_t i = 0; s->base != NULL && i < s->base->directive_count; i++) {
        note_directive(s, s->base->directives[i]->name, NULL, s->base->directives[i]);
    }
    if (s->base != NULL) {
        return s->status;
    }
    struct qr_gql_document *document;
    struct qr_gql_str sdl = qr_gql_builtin_sdl();
    QR_TRY(qr_gql_parse(s->arena, sdl.data, sdl.size, NULL, s->report, &document, s->err));
    for (const struct qr_gql_ast_definition *definition = document->first; definition != NULL;
         definition = definition->next) {
        if (definition->kind == QR_GQL_AST_DIRECTIVE_DEFINITION) {
            note_directive(s, definition->name.text, definition, NULL);
        }
    }
    return s->status;
}

static void choose_rule(struct walk *w, const struct qr_gql_sdl_rule *rules,
                        const struct qr_gql_str *name)
{
    for (; rules->name != NULL; rules++) {
        if (name == NULL || qr_gql_str_is(*name, rules->name)) {
            w->rules[w->rule_count++] = rules;
        }
    }
}

static quire_status choose_rules(struct walk *w, const struct qr_gql_str *names, size_t count)
{
    if (names == NULL) {
        choose_rule(w, qr_gql_sdl_rules_names, NULL);
        choose_rule(w, qr_gql_sdl_rules_known, NULL);
        return QUIRE_OK;
    }
    for (size_t i = 0; i < count && i < RULES_MAX; i++) {
        size_t before = w->rule_count;
        choose_rule(w, qr_gql_sdl_rules_names, &names[i]);
        choose_rule(w, qr_gql_sdl_rules_known, &names[i]);
        if (w->rule_count == before) {
            return qr_fail(w->s.err, QUIRE_UNKNOWN_NAME, "There is no SDL rule \"%.*s\".",
                           QR_GQL_FMT(names[i]));
        }
    }
    return QUIRE_OK;
}

quire_status qr_gql_sdl_validate(const struct qr_gql_ast_definition *definitions,
                                 const struct qr_gql_schema *base, const struct qr_gql_str *rules,
                                 size_t rule_count, struct qr_gql_report *report, quire_error *err)
{
    struct walk w = {.s = {.definitions = definitions,
                           .base = base,
                           .arena = report->arena,
                           .report = report,
                           .err = err,
                           .status = QUIRE_OK}};
    QR_TRY(choose_rules(&w, rules, rule_count));
    QR_TRY(note_known_directives(&w.s));
    note_definitions(&w.s, definitions);
    for (const struct qr_gql_ast_definition *definition = definitions;
         definition != NULL && qr_gql_sdl_running(&w.s); definition = definition->next) {
        walk_definition(&w, definition);
    }
    return w.s.status;
}
