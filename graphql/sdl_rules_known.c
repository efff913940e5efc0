/*
 * SDL rules about names that must be known.
 */
#include "graphql/printer.h"
#include "graphql/sdl_internal.h"

/* A list of candidates for "Did you mean". */
struct candidates {
    struct qr_gql_str *names;
    size_t count, room;
};

static void add_candidate(struct candidates *list, struct qr_gql_str name)
{
    if (list->count < list->room) {
        list->names[list->count++] = name;
    }
}

/* Types of the document that have a definition, then those of the base. */
static void add_type_candidates(const struct qr_gql_sdl *s, struct candidates *list)
{
    for (const struct qr_gql_ast_definition *definition = s->definitions; definition != NULL;
         definition = definition->next) {
        if (qr_gql_ast_is_type(definition) && !definition->extends) {
            add_candidate(list, definition->name.text);
        }
    }
    for (uint32_t i = 0; s->base != NULL && i < s->base->type_count; i++) {
        if (s->base->types[i]->referenced) {
            add_candidate(list, s->base->types[i]->name);
        }
    }
}

static bool make_candidates(struct qr_gql_sdl *s, struct candidates *list)
{
    enum { ROOM = 1000 };
    list->names = qr_arena_alloc(s->arena, ROOM * sizeof(*list->names), s->err);
    list->room = list->names == NULL ? 0 : ROOM;
    list->count = 0;
    s->status = list->names == NULL ? qr_gql_memory_status(s->err) : s->status;
    return list->names != NULL;
}

static bool is_defined(const struct qr_gql_sdl *s, struct qr_gql_str name)
{
    const struct qr_gql_sdl_type *type = qr_gql_name_table_get(&s->types, name);
    return (type != NULL && type->definition != NULL) || qr_gql_sdl_existing(s, name) != NULL;
}

static void known_type_names(struct qr_gql_sdl *s, const struct qr_gql_name *name, bool sdl)
{
    static const char *const standard[] = {"String",
                                           "Int",
                                           "Float",
                                           "Boolean",
                                           "ID",
                                           "__Schema",
                                           "__Directive",
                                           "__Type",
                                           "__Field",
                                           "__InputValue",
                                           "__EnumValue",
                                           "__TypeKind",
                                           "__DirectiveLocation"};
    struct candidates list;
    if (is_defined(s, name->text) || (sdl && qr_gql_is_builtin_type(name->text)) ||
        !make_candidates(s, &list)) {
        return;
    }
    for (size_t i = 0; sdl && i < sizeof(standard) / sizeof(standard[0]); i++) {
        add_candidate(&list, qr_gql_str_of(standard[i]));
    }
    add_type_candidates(s, &list);
    (void)qr_gql_report_add(s->report, &name->pos, "Unknown type \"%.*s\".%s",
                            QR_GQL_FMT(name->text),
                            qr_gql_did_you_mean(s->arena, name->text, list.names, list.count, ""));
}

static void possible_type_extensions(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    if (!qr_gql_ast_is_type(node) || !node->extends) {
        return;
    }
    struct qr_gql_str name = node->name.text;
    const struct qr_gql_sdl_type *type = qr_gql_name_table_get(&s->types, name);
    const struct qr_gql_ast_definition *definition = type == NULL ? NULL : type->definition;
    const struct qr_gql_type *existing = qr_gql_sdl_existing(s, name);
    struct candidates list;
    if (definition != NULL || existing != NULL) {
        bool same = definition != NULL
                        ? definition->kind == node->kind
                        : (int)existing->kind == (int)(node->kind - QR_GQL_AST_SCALAR_TYPE);
        struct qr_gql_pos none = {0, 0, 0};
        struct qr_gql_pos places[] = {definition != NULL ? definition->pos : none, node->pos};
        if (!same) {
            (void)qr_gql_report_at(s->report, places, 2, "Cannot extend non-%s type \"%.*s\".",
                                   qr_gql_sdl_kind_word(node->kind), QR_GQL_FMT(name));
        }
    } else if (make_candidates(s, &list)) {
        add_type_candidates(s, &list);
        (void)qr_gql_report_add(
            s->report, &node->name.pos, "Cannot extend type \"%.*s\" because it is not defined.%s",
            QR_GQL_FMT(name), qr_gql_did_you_mean(s->arena, name, list.names, list.count, ""));
    }
}

/* ---- directives ---- */

static void known_directives(struct qr_gql_sdl *s, const struct qr_gql_ast_directive *node,
                             uint32_t location)
{
    struct qr_gql_str name = node->name.text;
    const struct qr_gql_sdl_directive *known = qr_gql_name_table_get(&s->directives, name);
    if (known == NULL) {
        (void)qr_gql_report_add(s->report, &node->pos, "Unknown directive \"@%.*s\".",
                                QR_GQL_FMT(name));
        return;
    }
    uint32_t allowed = known->directive != NULL ? known->directive->locations : 0;
    for (const struct qr_gql_ast_named *place = known->node != NULL ? known->node->names : NULL;
         place != NULL; place = place->next) {
        allowed |= qr_gql_directive_location_bit(place->name.text);
    }
    if ((allowed & location) == 0) {
        (void)qr_gql_report_add(s->report, &node->pos, "Directive \"@%.*s\" may not be used on %s.",
                                QR_GQL_FMT(name), qr_gql_directive_location_name(location));
    }
}

static bool has_argument(const struct qr_gql_sdl_directive *known, struct qr_gql_str name)
{
    if (known->directive != NULL) {
        return qr_gql_directive_argument(known->directive, name) != NULL;
    }
    const struct qr_gql_ast_member *argument = known->node->members;
    while (argument != NULL && !qr_gql_str_equal(argument->name.text, name)) {
        argument = argument->next;
    }
    return argument != NULL;
}

static void known_argument_names(struct qr_gql_sdl *s, const struct qr_gql_ast_directive *node,
                                 uint32_t location)
{
    (void)location;
    const struct qr_gql_sdl_directive *known =
        qr_gql_name_table_get(&s->directives, node->name.text);
    for (const struct qr_gql_ast_argument *argument = node->arguments;
         argument != NULL && known != NULL && qr_gql_sdl_running(s); argument = argument->next) {
        struct candidates list;
        if (has_argument(known, argument->name.text) || !make_candidates(s, &list)) {
            continue;
        }
        for (uint32_t i = 0; known->directive != NULL && i < known->directive->argument_count;
             i++) {
            add_candidate(&list, known->directive->arguments[i].name);
        }
        for (const struct qr_gql_ast_member *defined = known->node != NULL ? known->node->members
                                                                           : NULL;
             defined != NULL; defined = defined->next) {
            add_candidate(&list, defined->name.text);
        }
        (void)qr_gql_report_add(
            s->report, &argument->name.pos, "Unknown argument \"%.*s\" on directive \"@%.*s\".%s",
            QR_GQL_FMT(argument->name.text), QR_GQL_FMT(node->name.text),
            qr_gql_did_you_mean(s->arena, argument->name.text, list.names, list.count, ""));
    }
}

static void report_missing(struct qr_gql_sdl *s, const struct qr_gql_ast_directive *node,
                           struct qr_gql_str argument, const char *type)
{
    (void)qr_gql_report_add(s->report, &node->pos,
                            "Argument \"@%.*s(%.*s:)\" of type \"%s\" is required, but it was not "
                            "provided.",
                            QR_GQL_FMT(node->name.text), QR_GQL_FMT(argument), type);
}

static void provided_required_arguments(struct qr_gql_sdl *s,
                                        const struct qr_gql_ast_directive *node, uint32_t location)
{
    (void)location;
    const struct qr_gql_sdl_directive *known =
        qr_gql_name_table_get(&s->directives, node->name.text);
    if (known == NULL) {
        return;
    }
    for (uint32_t i = 0; known->directive != NULL && i < known->directive->argument_count; i++) {
        const struct qr_gql_input *input = &known->directive->arguments[i];
        if (qr_gql_input_is_required(input) &&
            qr_gql_ast_argument_find(node->arguments, input->name) == NULL) {
            report_missing(s, node, input->name, qr_gql_type_text(s->arena, input->type));
        }
    }
    for (const struct qr_gql_ast_member *defined = known->node != NULL ? known->node->members
                                                                       : NULL;
         defined != NULL; defined = defined->next) {
        if (defined->type->kind != QR_GQL_AST_NON_NULL || defined->default_value != NULL ||
            qr_gql_ast_argument_find(node->arguments, defined->name.text) != NULL) {
            continue;
        }
        struct qr_gql_buffer buffer;
        struct qr_gql_str type;
        qr_gql_buffer_init(&buffer, s->arena, s->err);
        qr_gql_print_type(&buffer, defined->type);
        if (qr_gql_buffer_finish(&buffer, &type) != QUIRE_OK) {
            s->status = qr_gql_memory_status(s->err);
            return;
        }
        report_missing(s, node, defined->name.text, type.data);
    }
}

const struct qr_gql_sdl_rule qr_gql_sdl_rules_known[] = {
    {.name = "KnownTypeNamesRule", .named = known_type_names},
    {.name = "KnownDirectivesRule", .directive = known_directives},
    {.name = "PossibleTypeExtensionsRule", .definition = possible_type_extensions},
    {.name = "KnownArgumentNamesOnDirectivesRule", .directive = known_argument_names},
    {.name = "ProvidedRequiredArgumentsOnDirectivesRule", .directive = provided_required_arguments},
    {0},
};
