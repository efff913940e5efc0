/*
 * Building a schema from documents.
 *
 * Three passes: name every type and directive; fill them, extensions merged
 * in source order; then derive what needs all of them (possible types, default
 * values). A name that is unknown ends the build with a problem; with the SDL
 * rules on, those find it first. The built-in SDL goes through the same passes
 * as the user's, so that nothing about built-in types is special later.
 */
#include "graphql/schema_internal.h"

struct builder {
    struct qr_gql_schema *schema;
    struct qr_arena *arena; /* the schema's */
    struct qr_gql_ast_definition *builtin;
    struct qr_gql_ast_definition *definitions; /* the user's */
    const struct qr_gql_ast_definition *added; /* first one that extends a base; roots before it */
    struct qr_gql_type *meta;
    struct qr_gql_report *report;
    quire_error *err;
};

static quire_status unknown_type(struct builder *b, struct qr_gql_name name)
{
    (void)qr_gql_report_add(b->report, NULL, "Unknown type: \"%.*s\".", QR_GQL_FMT(name.text));
    return qr_fail_text(b->err, QUIRE_SCHEMA, "", name.pos.line, name.pos.column,
                        "Unknown type \"%.*s\".", QR_GQL_FMT(name.text));
}

static void *make(struct builder *b, size_t count, size_t size)
{
    return qr_arena_alloc_zero(b->arena, count * size, b->err);
}

/* ---- pass 1: names ---- */

static quire_status add_origin(struct builder *b, struct qr_gql_origin **chain,
                               const struct qr_gql_ast_definition *node)
{
    struct qr_gql_origin *origin = make(b, 1, sizeof(*origin));
    if (origin == NULL) {
        return qr_gql_memory_status(b->err);
    }
    origin->node = node;
    if (*chain == NULL) {
        *chain = origin;
    } else {
        (*chain)->last->next = origin;
    }
    (*chain)->last = origin;
    return QUIRE_OK;
}

static enum qr_gql_type_kind type_kind_of(const struct qr_gql_ast_definition *definition)
{
    return (enum qr_gql_type_kind)(definition->kind - QR_GQL_AST_SCALAR_TYPE);
}

static enum qr_gql_builtin_scalar scalar_of(struct qr_gql_str name)
{
    static const char *const names[] = {"", "Int", "Float", "String", "Boolean", "ID"};
    for (unsigned i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        if (qr_gql_str_is(name, names[i])) {
            return (enum qr_gql_builtin_scalar)i;
        }
    }
    return QR_GQL_CUSTOM;
}

static quire_status name_type(struct builder *b, const struct qr_gql_ast_definition *definition,
                              bool builtin)
{
    struct qr_gql_str name = definition->name.text;
    if (!builtin && qr_gql_is_builtin_type(name)) {
        return QUIRE_OK; /* the language's own definition stands */
    }
    struct qr_gql_type *type = make(b, 1, sizeof(*type));
    if (type == NULL) {
        return qr_gql_memory_status(b->err);
    }
    type->kind = type_kind_of(definition);
    type->name = name;
    type->builtin = builtin;
    type->introspection = builtin && qr_gql_str_is_reserved(name);
    type->scalar = builtin && type->kind == QR_GQL_SCALAR ? scalar_of(name) : QR_GQL_CUSTOM;
    type->referenced = type->scalar == QR_GQL_CUSTOM;
    QR_TRY(add_origin(b, &type->origins, definition));
    if (builtin && qr_gql_str_is(name, "__Meta")) {
        b->meta = type;
        return QUIRE_OK;
    }
    void *previous;
    QR_TRY(qr_gql_name_table_add(&b->schema->type_table, b->arena, name, type, &previous, b->err));
    if (previous == NULL) {
        type->index = b->schema->type_count;
        b->schema->types[b->schema->type_count++] = type;
    }
    return QUIRE_OK;
}

static quire_status name_directive(struct builder *b,
                                   const struct qr_gql_ast_definition *definition)
{
    struct qr_gql_directive *directive = make(b, 1, sizeof(*directive));
    if (directive == NULL) {
        return qr_gql_memory_status(b->err);
    }
    directive->name = definition->name.text;
    directive->node = definition;
    directive->specified = qr_gql_is_specified_directive(definition->name.text);
    void *previous;
    QR_TRY(qr_gql_name_table_add(&b->schema->directive_table, b->arena, directive->name, directive,
                                 &previous, b->err));
    if (previous == NULL) {
        b->schema->directives[b->schema->directive_count++] = directive;
    }
    return QUIRE_OK;
}

static quire_status name_definitions(struct builder *b, struct qr_gql_ast_definition *first,
                                     bool builtin)
{
    for (const struct qr_gql_ast_definition *definition = first; definition != NULL;
         definition = definition->next) {
        if (definition->kind == QR_GQL_AST_SCHEMA) {
            QR_TRY(add_origin(b, &b->schema->origins, definition));
        } else if (definition->extends) {
            continue;
        } else if (qr_gql_ast_is_type(definition)) {
            QR_TRY(name_type(b, definition, builtin));
        } else if (definition->kind == QR_GQL_AST_DIRECTIVE_DEFINITION) {
            QR_TRY(name_directive(b, definition));
        }
    }
    return QUIRE_OK;
}

static quire_status collect_extensions(struct builder *b)
{
    for (const struct qr_gql_ast_definition *definition = b->definitions; definition != NULL;
         definition = definition->next) {
        if (!definition->extends || !qr_gql_ast_is_type(definition)) {
            continue;
        }
        struct qr_gql_type *type = qr_gql_schema_type(b->schema, definition->name.text);
        if (type != NULL && type->kind == type_kind_of(definition)) {
            QR_TRY(add_origin(b, &type->origins, definition));
        }
    }
    return QUIRE_OK;
}

/* ---- pass 2: contents ---- */

static quire_status resolve_type(struct builder *b, const struct qr_gql_ast_type *node,
                                 struct qr_gql_type **out)
{
    if (node->kind == QR_GQL_AST_NAMED) {
        *out = qr_gql_schema_type(b->schema, node->name.text);
        if (*out == NULL) {
            return unknown_type(b, node->name);
        }
        (*out)->referenced = true;
        return QUIRE_OK;
    }
    struct qr_gql_type *inner;
    QR_TRY(resolve_type(b, node->inner, &inner));
    enum qr_gql_type_kind kind = node->kind == QR_GQL_AST_LIST_OF ? QR_GQL_LIST : QR_GQL_NON_NULL;
    *out = qr_gql_type_wrap(b->arena, kind, inner, b->err);
    return *out == NULL ? qr_gql_memory_status(b->err) : QUIRE_OK;
}

/* The text of an applied directive's argument, or `absent`. */
static struct qr_gql_str directive_text(const struct qr_gql_ast_directive *directive,
                                        const char *argument, struct qr_gql_str absent)
{
    const struct qr_gql_ast_argument *given =
        qr_gql_ast_argument_find(directive->arguments, qr_gql_str_of(argument));
    return given != NULL && given->value->kind == QR_GQL_AST_STRING ? given->value->text : absent;
}

static struct qr_gql_str deprecation_of(const struct qr_gql_ast_directive *directives)
{
    const struct qr_gql_ast_directive *found = qr_gql_ast_directive_find(directives, "deprecated");
    return found == NULL ? (struct qr_gql_str){NULL, 0}
                         : directive_text(found, "reason", qr_gql_str_of("No longer supported"));
}

static uint32_t count_members(const struct qr_gql_ast_member *members)
{
    uint32_t count = 0;
    for (; members != NULL; members = members->next) {
        count++;
    }
    return count;
}

static quire_status fill_input(struct builder *b, const struct qr_gql_ast_member *node,
                               bool builtin, struct qr_gql_input *input)
{
    struct qr_gql_type *type;
    QR_TRY(resolve_type(b, node->type, &type));
    *input = (struct qr_gql_input){
        .name = node->name.text,
        .description = node->description,
        .type = type,
        .default_literal = node->default_value,
        .deprecation_reason = deprecation_of(node->directives),
        .node = builtin ? NULL : node,
    };
    return QUIRE_OK;
}

/* Arguments of a field or directive; a name that is there already is left out. */
static quire_status fill_arguments(struct builder *b, const struct qr_gql_ast_member *nodes,
                                   bool builtin, struct qr_gql_input **out, uint32_t *count,
                                   struct qr_gql_name_table *table)
{
    enum { TABLE_FROM = 9 };
    uint32_t total = count_members(nodes);
    struct qr_gql_name_table seen = {0};
    *count = 0;
    *out = make(b, total, sizeof(**out));
    if (*out == NULL) {
        return qr_gql_memory_status(b->err);
    }
    for (const struct qr_gql_ast_member *node = nodes; node != NULL; node = node->next) {
        struct qr_gql_input *input = &(*out)[*count];
        void *previous = NULL;
        if (total > 1) {
            QR_TRY(
                qr_gql_name_table_add(&seen, b->arena, node->name.text, input, &previous, b->err));
        }
        if (previous == NULL) {
            QR_TRY(fill_input(b, node, builtin, input));
            input->index = (*count)++;
        }
    }
    if (table != NULL && *count >= TABLE_FROM) {
        *table = seen;
    }
    return QUIRE_OK;
}

static quire_status fill_field(struct builder *b, const struct qr_gql_ast_member *node,
                               bool builtin, struct qr_gql_field *field)
{
    struct qr_gql_type *type;
    QR_TRY(resolve_type(b, node->type, &type));
    *field = (struct qr_gql_field){
        .name = node->name.text,
        .description = node->description,
        .type = type,
        .deprecation_reason = deprecation_of(node->directives),
        .node = builtin ? NULL : node,
    };
    return node->arguments == NULL ? QUIRE_OK
                                   : fill_arguments(b, node->arguments, builtin, &field->arguments,
                                                    &field->argument_count, &field->argument_table);
}

static void fill_enum_value(const struct qr_gql_ast_member *node, bool builtin,
                            struct qr_gql_enum_value *value)
{
    *value = (struct qr_gql_enum_value){
        .name = node->name.text,
        .description = node->description,
        .deprecation_reason = deprecation_of(node->directives),
        .node = builtin ? NULL : node,
    };
}

/* Fields, inputs or values, whatever the kind has, of one definition or extension. */
static quire_status fill_members(struct builder *b, struct qr_gql_type *type,
                                 const struct qr_gql_ast_member *nodes)
{
    for (const struct qr_gql_ast_member *node = nodes; node != NULL; node = node->next) {
        bool is_field = type->kind == QR_GQL_OBJECT || type->kind == QR_GQL_INTERFACE;
        void *member = is_field                    ? (void *)&type->fields[type->field_count]
                       : type->kind == QR_GQL_ENUM ? (void *)&type->values[type->value_count]
                                                   : (void *)&type->inputs[type->input_count];
        void *previous;
        QR_TRY(qr_gql_name_table_add(&type->table, b->arena, node->name.text, member, &previous,
                                     b->err));
        if (previous != NULL) {
            continue;
        }
        if (is_field) {
            QR_TRY(fill_field(b, node, type->builtin, &type->fields[type->field_count]));
            type->fields[type->field_count].index = type->field_count;
            type->field_count++;
        } else if (type->kind == QR_GQL_ENUM) {
            fill_enum_value(node, type->builtin, &type->values[type->value_count]);
            type->values[type->value_count].index = type->value_count;
            type->value_count++;
        } else {
            QR_TRY(fill_input(b, node, type->builtin, &type->inputs[type->input_count]));
            type->inputs[type->input_count].index = type->input_count;
            type->input_count++;
        }
    }
    return QUIRE_OK;
}

static quire_status fill_names(struct builder *b, const struct qr_gql_ast_named *names,
                               const struct qr_gql_type **out, uint32_t *count)
{
    for (const struct qr_gql_ast_named *named = names; named != NULL; named = named->next) {
        struct qr_gql_type *type = qr_gql_schema_type(b->schema, named->name.text);
        if (type == NULL) {
            return unknown_type(b, named->name);
        }
        type->referenced = true;
        out[(*count)++] = type;
    }
    return QUIRE_OK;
}

static uint32_t count_names(const struct qr_gql_ast_named *names)
{
    uint32_t count = 0;
    for (; names != NULL; names = names->next) {
        count++;
    }
    return count;
}

/* Room for everything that the origins of a type name. */
static quire_status make_room(struct builder *b, struct qr_gql_type *type)
{
    uint32_t members = 0, interfaces = 0, names = 0;
    for (const struct qr_gql_origin *origin = type->origins; origin != NULL;
         origin = origin->next) {
        members += count_members(origin->node->members);
        interfaces += count_names(origin->node->interfaces);
        names += count_names(origin->node->names);
    }
    type->interfaces = make(b, interfaces, sizeof(*type->interfaces));
    type->possible = make(b, names, sizeof(*type->possible));
    void *room = NULL;
    if (type->kind == QR_GQL_ENUM) {
        room = type->values = make(b, members, sizeof(*type->values));
    } else if (type->kind == QR_GQL_INPUT_OBJECT) {
        room = type->inputs = make(b, members, sizeof(*type->inputs));
    } else {
        room = type->fields = make(b, members, sizeof(*type->fields));
    }
    return type->interfaces == NULL || type->possible == NULL || room == NULL
               ? qr_gql_memory_status(b->err)
               : QUIRE_OK;
}

static quire_status fill_type(struct builder *b, struct qr_gql_type *type)
{
    QR_TRY(make_room(b, type));
    for (const struct qr_gql_origin *origin = type->origins; origin != NULL;
         origin = origin->next) {
        const struct qr_gql_ast_definition *node = origin->node;
        if (!node->extends) {
            type->description = node->description;
        }
        QR_TRY(fill_members(b, type, node->members));
        QR_TRY(fill_names(b, node->interfaces, type->interfaces, &type->interface_count));
        QR_TRY(fill_names(b, node->names, type->possible, &type->possible_count));
        const struct qr_gql_ast_directive *url =
            qr_gql_ast_directive_find(node->directives, "specifiedBy");
        if (type->kind == QR_GQL_SCALAR && url != NULL) {
            type->specified_by_url = directive_text(url, "url", (struct qr_gql_str){NULL, 0});
        }
        type->one_of =
            type->one_of || (type->kind == QR_GQL_INPUT_OBJECT &&
                             qr_gql_ast_directive_find(node->directives, "oneOf") != NULL);
    }
    if (type->builtin && type->origins != NULL) {
        type->origins = type->origins->next; /* extensions have places, the definition has none */
    }
    return QUIRE_OK;
}

static quire_status fill_directive(struct builder *b, struct qr_gql_directive *directive,
                                   bool builtin)
{
    const struct qr_gql_ast_definition *node = directive->node;
    directive->description = node->description;
    directive->repeatable = node->repeatable;
    directive->location_names =
        make(b, count_names(node->names), sizeof(*directive->location_names));
    if (directive->location_names == NULL) {
        return qr_gql_memory_status(b->err);
    }
    for (const struct qr_gql_ast_named *named = node->names; named != NULL; named = named->next) {
        directive->location_names[directive->location_count++] = named->name.text;
        directive->locations |= qr_gql_directive_location_bit(named->name.text);
    }
    directive->node = builtin ? NULL : node;
    return fill_arguments(b, node->members, builtin, &directive->arguments,
                          &directive->argument_count, NULL);
}

static quire_status fill_root(struct builder *b, const struct qr_gql_ast_root *root)
{
    struct qr_gql_type *type = qr_gql_schema_type(b->schema, root->type.text);
    if (type == NULL) {
        return unknown_type(b, root->type);
    }
    b->schema->roots[root->operation] = type;
    return QUIRE_OK;
}

/* Without a schema definition, types named Query, Mutation and Subscription are the roots. */
static void find_default_roots(struct builder *b)
{
    static const char *const names[] = {"Query", "Mutation", "Subscription"};
    for (const struct qr_gql_ast_definition *definition = b->definitions;
         definition != NULL && definition != b->added; definition = definition->next) {
        for (unsigned i = 0; i < 3 && qr_gql_ast_is_type(definition); i++) {
            if (!definition->extends && qr_gql_str_is(definition->name.text, names[i])) {
                b->schema->roots[i] = qr_gql_schema_type(b->schema, definition->name.text);
            }
        }
    }
}

static quire_status fill_schema(struct builder *b)
{
    struct qr_gql_schema *schema = b->schema;
    bool defined = false;
    for (const struct qr_gql_origin *origin = schema->origins; origin != NULL;
         origin = origin->next) {
        if (!origin->node->extends) {
            defined = true;
            schema->description = origin->node->description;
        }
        for (const struct qr_gql_ast_root *root = origin->node->roots; root != NULL;
             root = root->next) {
            QR_TRY(fill_root(b, root));
        }
    }
    if (!defined) {
        find_default_roots(b);
    }
    return QUIRE_OK;
}

/* ---- pass 3: what needs all types ---- */

static quire_status add_subtype(struct builder *b, struct qr_gql_type *abstract,
                                struct qr_gql_type *type)
{
    return qr_gql_name_table_add(&abstract->subtypes, b->arena, type->name, type, NULL, b->err);
}

/* Counts first and then fills, so that the lists are of exact size. */
static quire_status link_implementations(struct builder *b, bool fill)
{
    for (uint32_t i = 0; i < b->schema->type_count; i++) {
        struct qr_gql_type *type = b->schema->types[i];
        for (uint32_t k = 0; k < type->interface_count; k++) {
            struct qr_gql_type *interface =
                qr_gql_schema_type(b->schema, type->interfaces[k]->name);
            if (interface->kind != QR_GQL_INTERFACE) {
                continue;
            }
            bool object = type->kind == QR_GQL_OBJECT;
            uint32_t *count = object ? &interface->possible_count : &interface->implementing_count;
            if (fill && qr_gql_name_table_get(&interface->subtypes, type->name) == NULL) {
                (object ? interface->possible : interface->implementing)[(*count)++] = type;
                QR_TRY(add_subtype(b, interface, type));
            } else if (!fill) {
                (*count)++;
            }
        }
    }
    return QUIRE_OK;
}

static quire_status link_types(struct builder *b)
{
    QR_TRY(link_implementations(b, false));
    for (uint32_t i = 0; i < b->schema->type_count; i++) {
        struct qr_gql_type *type = b->schema->types[i];
        if (type->kind == QR_GQL_INTERFACE) {
            type->possible = make(b, type->possible_count, sizeof(*type->possible));
            type->implementing = make(b, type->implementing_count, sizeof(*type->implementing));
            if (type->possible == NULL || type->implementing == NULL) {
                return qr_gql_memory_status(b->err);
            }
            type->possible_count = type->implementing_count = 0;
        }
        for (uint32_t k = 0; type->kind == QR_GQL_UNION && k < type->possible_count; k++) {
            struct qr_gql_type *member = qr_gql_schema_type(b->schema, type->possible[k]->name);
            QR_TRY(add_subtype(b, type, member));
        }
    }
    return link_implementations(b, true);
}

static quire_status settle_defaults(struct builder *b, struct qr_gql_input *inputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        QR_TRY(qr_gql_default_settle(b->arena, &inputs[i], b->err));
    }
    return QUIRE_OK;
}

static quire_status settle_all_defaults(struct builder *b)
{
    for (uint32_t i = 0; i < b->schema->type_count; i++) {
        struct qr_gql_type *type = b->schema->types[i];
        QR_TRY(settle_defaults(b, type->inputs, type->input_count));
        for (uint32_t k = 0; k < type->field_count; k++) {
            QR_TRY(settle_defaults(b, type->fields[k].arguments, type->fields[k].argument_count));
        }
    }
    for (uint32_t i = 0; i < b->schema->directive_count; i++) {
        struct qr_gql_directive *directive = b->schema->directives[i];
        QR_TRY(settle_defaults(b, directive->arguments, directive->argument_count));
    }
    return QUIRE_OK;
}

/* ---- all together ---- */

static size_t count_definitions(const struct qr_gql_ast_definition *definition)
{
    size_t count = 0;
    for (; definition != NULL; definition = definition->next) {
        count++;
    }
    return count;
}

static quire_status assemble(struct builder *b)
{
    struct qr_gql_schema *schema = b->schema;
    size_t room = count_definitions(b->builtin) + count_definitions(b->definitions);
    schema->types = make(b, room, sizeof(struct qr_gql_type *));
    schema->directives = make(b, room, sizeof(struct qr_gql_directive *));
    if (schema->types == NULL || schema->directives == NULL) {
        return qr_gql_memory_status(b->err);
    }
    QR_TRY(name_definitions(b, b->definitions, false));
    uint32_t own_directives = schema->directive_count;
    QR_TRY(name_definitions(b, b->builtin, true));
    QR_TRY(collect_extensions(b));
    for (uint32_t i = 0; i < schema->type_count; i++) {
        QR_TRY(fill_type(b, schema->types[i]));
    }
    if (b->meta == NULL) {
        return qr_fail(b->err, QUIRE_INTERNAL,
                       "The built-in types lack the root of introspection.");
    }
    QR_TRY(fill_type(b, b->meta));
    schema->meta_schema = qr_gql_type_field(b->meta, qr_gql_str_of("__schema"));
    schema->meta_type = qr_gql_type_field(b->meta, qr_gql_str_of("__type"));
    schema->meta_typename = qr_gql_type_field(b->meta, qr_gql_str_of("__typename"));
    for (uint32_t i = 0; i < schema->directive_count; i++) {
        QR_TRY(fill_directive(b, schema->directives[i], i >= own_directives));
    }
    QR_TRY(fill_schema(b));
    QR_TRY(link_types(b));
    return settle_all_defaults(b);
}

/* Parses the texts into the schema's arena; *first receives the chain of
 * their definitions. */
static quire_status parse_texts(struct qr_gql_schema *schema, const struct qr_gql_str *texts,
                                size_t count, const struct qr_gql_parse_options *options,
                                struct qr_gql_report *report, struct qr_gql_ast_definition **first,
                                quire_error *err)
{
    *first = NULL;
    for (size_t i = 0; i < count; i++) {
        char *copy = qr_arena_copy(&schema->arena, texts[i].data, texts[i].size, err);
        if (copy == NULL) {
            return qr_gql_memory_status(err);
        }
        struct qr_gql_document *document;
        QR_TRY(qr_gql_parse(&schema->arena, copy, texts[i].size, options, report, &document, err));
        schema->documents[schema->document_count++] = document;
        while (*first != NULL) {
            first = &(*first)->next;
        }
        *first = document->first;
    }
    return QUIRE_OK;
}

static quire_status check_rules(const struct qr_gql_ast_definition *definitions,
                                const struct qr_gql_schema *base, struct qr_gql_report *report,
                                quire_error *err)
{
    QR_TRY(qr_gql_sdl_validate(definitions, base, NULL, 0, report, err));
    return qr_gql_report_outcome(report, QUIRE_SCHEMA, err);
}

/* Fills an empty schema from `base_texts` (taken as right) and `texts`. */
static quire_status build(struct qr_gql_schema *schema, const struct qr_gql_schema *base,
                          const struct qr_gql_str *texts, size_t text_count,
                          const struct qr_gql_build_options *options, struct qr_gql_report *report,
                          quire_error *err)
{
    struct builder b = {.schema = schema, .arena = &schema->arena, .report = report, .err = err};
    size_t base_count = base == NULL ? 0 : base->document_count;
    struct qr_gql_ast_definition *added;
    schema->documents = make(&b, text_count + base_count + 1, sizeof(*schema->documents));
    if (schema->documents == NULL) {
        return qr_gql_memory_status(err);
    }
    /* The built-in text needs no copy and is not one of the schema's documents. */
    struct qr_gql_document *builtin;
    struct qr_gql_str sdl = qr_gql_builtin_sdl();
    QR_TRY(qr_gql_parse(&schema->arena, sdl.data, sdl.size, NULL, report, &builtin, err));
    b.builtin = builtin->first;
    const struct qr_gql_parse_options *parse = options->parse;
    for (size_t i = 0; i < base_count; i++) {
        struct qr_gql_ast_definition **end = &b.definitions;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        QR_TRY(parse_texts(schema, &base->documents[i]->source, 1, parse, report, end, err));
    }
    QR_TRY(parse_texts(schema, texts, text_count, parse, report, &added, err));
    if (!options->skip_sdl_rules) {
        QR_TRY(check_rules(added, base, report, err));
    }
    struct qr_gql_ast_definition **end = &b.definitions;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = added;
    b.added = base == NULL ? NULL : added;
    QR_TRY(assemble(&b));
    if (!options->skip_type_checks) {
        qr_gql_schema_check(schema, report);
        QR_TRY(qr_gql_report_outcome(report, QUIRE_SCHEMA, err));
    }
    return QUIRE_OK;
}

static quire_status create(const quire_allocator *allocator, const struct qr_gql_schema *base,
                           const struct qr_gql_str *texts, size_t text_count,
                           const struct qr_gql_build_options *options, struct qr_gql_report *report,
                           struct qr_gql_schema **out, quire_error *err)
{
    static const struct qr_gql_build_options defaults = {0};
    *out = NULL;
    struct qr_gql_schema *schema = qr_alloc_zero(allocator, sizeof(*schema), err);
    if (schema == NULL) {
        return qr_gql_memory_status(err);
    }
    qr_arena_init(&schema->arena, allocator, 0);
    quire_status status =
        build(schema, base, texts, text_count, options == NULL ? &defaults : options, report, err);
    if (status != QUIRE_OK) {
        qr_gql_schema_free(schema);
        return status;
    }
    *out = schema;
    return QUIRE_OK;
}

quire_status qr_gql_schema_build(const quire_allocator *allocator, const struct qr_gql_str *texts,
                                 size_t text_count, const struct qr_gql_build_options *options,
                                 struct qr_gql_report *report, struct qr_gql_schema **out,
                                 quire_error *err)
{
    return create(allocator, NULL, texts, text_count, options, report, out, err);
}

quire_status qr_gql_schema_extend(const quire_allocator *allocator,
                                  const struct qr_gql_schema *base, struct qr_gql_str text,
                                  const struct qr_gql_build_options *options,
                                  struct qr_gql_report *report, struct qr_gql_schema **out,
                                  quire_error *err)
{
    return create(allocator, base, &text, 1, options, report, out, err);
}

void qr_gql_schema_free(struct qr_gql_schema *schema)
{
    if (schema != NULL) {
        const quire_allocator *allocator = schema->arena.allocator;
        qr_arena_free(&schema->arena);
        qr_free(allocator, schema, sizeof(*schema));
    }
}
