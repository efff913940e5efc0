/*
 * SDL rules about names that may stand only once.
 */
#include "graphql/sdl_internal.h"

/* ---- the schema and its roots ---- */

static void lone_schema_definition(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    if (node->kind != QR_GQL_AST_SCHEMA || node->extends) {
        return;
    }
    const struct qr_gql_schema *base = s->base;
    if (base != NULL &&
        (qr_gql_origin_definition(base->origins) != NULL || base->roots[0] != NULL ||
         base->roots[1] != NULL || base->roots[2] != NULL)) {
        (void)qr_gql_report_add(s->report, &node->pos,
                                "Cannot define a new schema within a schema extension.");
        return;
    }
    if (s->schema_definition != NULL) {
        (void)qr_gql_report_add(s->report, &node->pos, "Must provide only one schema definition.");
    }
    s->schema_definition = node;
}

static void unique_operation_types(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    for (const struct qr_gql_ast_root *root = node->roots; root != NULL; root = root->next) {
        const char *word = qr_gql_operation_word(root->operation);
        const struct qr_gql_ast_root *seen = s->roots[root->operation];
        if (s->base != NULL && s->base->roots[root->operation] != NULL) {
            (void)qr_gql_report_add(
                s->report, &root->pos,
                "Type for %s already defined in the schema. It cannot be redefined.", word);
        } else if (seen != NULL) {
            struct qr_gql_pos places[] = {seen->pos, root->pos};
            (void)qr_gql_report_at(s->report, places, 2, "There can be only one %s type in schema.",
                                   word);
        } else {
            s->roots[root->operation] = root;
        }
    }
}

/* ---- definitions ---- */

static void unique_type_names(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    if (!qr_gql_ast_is_type(node) || node->extends) {
        return;
    }
    if (qr_gql_sdl_existing(s, node->name.text) != NULL) {
        (void)qr_gql_report_add(s->report, &node->name.pos,
                                "Type \"%.*s\" already exists in the schema. It cannot also be "
                                "defined in this type definition.",
                                QR_GQL_FMT(node->name.text));
        return;
    }
    const struct qr_gql_name *seen =
        qr_gql_sdl_add(s, &s->type_names, node->name.text, &node->name);
    if (seen != NULL) {
        struct qr_gql_pos places[] = {seen->pos, node->name.pos};
        (void)qr_gql_report_at(s->report, places, 2, "There can be only one type named \"%.*s\".",
                               QR_GQL_FMT(node->name.text));
    }
}

static void unique_directive_names(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    if (node->kind != QR_GQL_AST_DIRECTIVE_DEFINITION) {
        return;
    }
    if (s->base != NULL && qr_gql_schema_directive(s->base, node->name.text) != NULL) {
        (void)qr_gql_report_add(
            s->report, &node->name.pos,
            "Directive \"@%.*s\" already exists in the schema. It cannot be redefined.",
            QR_GQL_FMT(node->name.text));
        return;
    }
    const struct qr_gql_name *seen =
        qr_gql_sdl_add(s, &s->directive_names, node->name.text, &node->name);
    if (seen != NULL) {
        struct qr_gql_pos places[] = {seen->pos, node->name.pos};
        (void)qr_gql_report_at(s->report, places, 2,
                               "There can be only one directive named \"@%.*s\".",
                               QR_GQL_FMT(node->name.text));
    }
}

/* ---- members ---- */

/* Fields and enum values have one table per type name: a type has only one kind, and when it is
 * given two the rules about extensions say so. */
static void unique_members(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node,
                           const char *what)
{
    const struct qr_gql_type *existing = qr_gql_sdl_existing(s, node->name.text);
    struct qr_gql_sdl_type *type = qr_gql_sdl_type(s, node->name.text);
    for (const struct qr_gql_ast_member *member = node->members; member != NULL && type != NULL;
         member = member->next) {
        bool same_group = existing != NULL &&
                          (existing->kind == QR_GQL_ENUM) == (node->kind == QR_GQL_AST_ENUM_TYPE);
        if (same_group && qr_gql_name_table_get(&existing->table, member->name.text) != NULL) {
            (void)qr_gql_report_add(s->report, &member->name.pos,
                                    "%s \"%.*s.%.*s\" already exists in the schema. It cannot "
                                    "also be defined in this type extension.",
                                    what, QR_GQL_FMT(node->name.text),
                                    QR_GQL_FMT(member->name.text));
            continue;
        }
        const struct qr_gql_name *seen =
            qr_gql_sdl_add(s, &type->members, member->name.text, &member->name);
        if (seen != NULL) {
            struct qr_gql_pos places[] = {seen->pos, member->name.pos};
            (void)qr_gql_report_at(s->report, places, 2,
                                   "%s \"%.*s.%.*s\" can only be defined once.", what,
                                   QR_GQL_FMT(node->name.text), QR_GQL_FMT(member->name.text));
        }
    }
}

static void unique_enum_values(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    if (node->kind == QR_GQL_AST_ENUM_TYPE) {
        unique_members(s, node, "Enum value");
    }
}

static void unique_field_definitions(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node)
{
    if (node->kind == QR_GQL_AST_OBJECT_TYPE || node->kind == QR_GQL_AST_INTERFACE_TYPE ||
        node->kind == QR_GQL_AST_INPUT_TYPE) {
        unique_members(s, node, "Field");
    }
}

/* ---- arguments ---- */

/* Reports each name that stands more than once, with all its places. */
static void report_repeated(struct qr_gql_sdl *s, const struct qr_gql_name *const *names,
                            size_t count, const char *before, const char *after)
{
    struct qr_gql_name_table seen = {0}, repeated = {0};
    for (size_t i = 0; i < count && qr_gql_sdl_running(s); i++) {
        struct qr_gql_str name = names[i]->text;
        if (qr_gql_sdl_add(s, &seen, name, names[i]) == NULL ||
            qr_gql_sdl_add(s, &repeated, name, names[i]) != NULL) {
            continue;
        }
        struct qr_gql_pos *places = qr_arena_alloc(s->arena, count * sizeof(*places), s->err);
        size_t place_count = 0;
        for (size_t k = 0; places != NULL && k < count; k++) {
            if (qr_gql_str_equal(names[k]->text, name)) {
                places[place_count++] = names[k]->pos;
            }
        }
        s->status = places == NULL ? qr_gql_memory_status(s->err) : s->status;
        (void)qr_gql_report_at(s->report, places, place_count, "%s%.*s%s", before, QR_GQL_FMT(name),
                               after);
    }
}

static void unique_argument_definitions_of(struct qr_gql_sdl *s, const char *parent,
                                           const struct qr_gql_ast_member *arguments)
{
    size_t count = 0, at = 0;
    for (const struct qr_gql_ast_member *node = arguments; node != NULL; node = node->next) {
        count++;
    }
    if (count < 2) {
        return;
    }
    const struct qr_gql_name **names = qr_arena_alloc(s->arena, count * sizeof(*names), s->err);
    char *before = qr_gql_format(s->arena, s->err, "Argument \"%s(", parent);
    if (names == NULL || before == NULL) {
        s->status = qr_gql_memory_status(s->err);
        return;
    }
    for (const struct qr_gql_ast_member *node = arguments; node != NULL; node = node->next) {
        names[at++] = &node->name;
    }
    report_repeated(s, names, count, before, ":)\" can only be defined once.");
}

static void unique_argument_definitions(struct qr_gql_sdl *s,
                                        const struct qr_gql_ast_definition *node)
{
    if (node->kind == QR_GQL_AST_DIRECTIVE_DEFINITION) {
        char *parent = qr_gql_format(s->arena, s->err, "@%.*s", QR_GQL_FMT(node->name.text));
        unique_argument_definitions_of(s, parent == NULL ? "" : parent, node->members);
        return;
    }
    if (node->kind != QR_GQL_AST_OBJECT_TYPE && node->kind != QR_GQL_AST_INTERFACE_TYPE) {
        return;
    }
    for (const struct qr_gql_ast_member *field = node->members;
         field != NULL && qr_gql_sdl_running(s); field = field->next) {
        if (field->arguments == NULL || field->arguments->next == NULL) {
            continue;
        }
        char *parent = qr_gql_format(s->arena, s->err, "%.*s.%.*s", QR_GQL_FMT(node->name.text),
                                     QR_GQL_FMT(field->name.text));
        unique_argument_definitions_of(s, parent == NULL ? "" : parent, field->arguments);
    }
}

static void unique_arguments(struct qr_gql_sdl *s, const struct qr_gql_ast_argument *first)
{
    size_t count = 0, at = 0;
    for (const struct qr_gql_ast_argument *node = first; node != NULL; node = node->next) {
        count++;
    }
    if (count < 2) {
        return;
    }
    const struct qr_gql_name **names = qr_arena_alloc(s->arena, count * sizeof(*names), s->err);
    if (names == NULL) {
        s->status = qr_gql_memory_status(s->err);
        return;
    }
    for (const struct qr_gql_ast_argument *node = first; node != NULL; node = node->next) {
        names[at++] = &node->name;
    }
    report_repeated(s, names, count, "There can be only one argument named \"", "\".");
}

static void unique_input_fields(struct qr_gql_sdl *s, const struct qr_gql_ast_value *object)
{
    struct qr_gql_name_table names = {0};
    for (const struct qr_gql_ast_argument *field = object->fields;
         field != NULL && object->count > 1 && qr_gql_sdl_running(s); field = field->next) {
        const struct qr_gql_name *seen = qr_gql_sdl_add(s, &names, field->name.text, &field->name);
        if (seen != NULL) {
            struct qr_gql_pos places[] = {seen->pos, field->name.pos};
            (void)qr_gql_report_at(s->report, places, 2,
                                   "There can be only one input field named \"%.*s\".",
                                   QR_GQL_FMT(field->name.text));
        }
    }
}

/* ---- directives ---- */

static bool is_unique_directive(const struct qr_gql_sdl *s, struct qr_gql_str name)
{
    const struct qr_gql_sdl_directive *known = qr_gql_name_table_get(&s->directives, name);
    if (known == NULL) {
        return false;
    }
    return known->node != NULL ? !known->node->repeatable : !known->directive->repeatable;
}

/* A type's extensions, and the schema's, count as one place with the definition. */
static void unique_directives(struct qr_gql_sdl *s, const struct qr_gql_ast_directive *first,
                              const struct qr_gql_ast_definition *owner)
{
    struct qr_gql_name_table own = {0}, *seen = &own;
    if (owner != NULL && owner->kind == QR_GQL_AST_SCHEMA) {
        seen = &s->schema.directives;
    } else if (owner != NULL && qr_gql_ast_is_type(owner)) {
        struct qr_gql_sdl_type *type = qr_gql_sdl_type(s, owner->name.text);
        seen = type == NULL ? &own : &type->directives;
    } else if (first->next == NULL) {
        return;
    }
    for (const struct qr_gql_ast_directive *node = first; node != NULL && qr_gql_sdl_running(s);
         node = node->next) {
        if (!is_unique_directive(s, node->name.text)) {
            continue;
        }
        const struct qr_gql_ast_directive *before = qr_gql_sdl_add(s, seen, node->name.text, node);
        if (before != NULL) {
            struct qr_gql_pos places[] = {before->pos, node->pos};
            (void)qr_gql_report_at(s->report, places, 2,
                                   "The directive \"@%.*s\" can only be used once at this "
                                   "location.",
                                   QR_GQL_FMT(node->name.text));
        }
    }
}

const struct qr_gql_sdl_rule qr_gql_sdl_rules_names[] = {
    {.name = "LoneSchemaDefinitionRule", .definition = lone_schema_definition},
    {.name = "UniqueOperationTypesRule", .definition = unique_operation_types},
    {.name = "UniqueTypeNamesRule", .definition = unique_type_names},
    {.name = "UniqueEnumValueNamesRule", .definition = unique_enum_values},
    {.name = "UniqueFieldDefinitionNamesRule", .definition = unique_field_definitions},
    {.name = "UniqueArgumentDefinitionNamesRule", .definition = unique_argument_definitions},
    {.name = "UniqueDirectiveNamesRule", .definition = unique_directive_names},
    {.name = "UniqueDirectivesPerLocationRule", .directives = unique_directives},
    {.name = "UniqueArgumentNamesRule", .arguments = unique_arguments},
    {.name = "UniqueInputFieldNamesRule", .object = unique_input_fields},
    {0},
};
