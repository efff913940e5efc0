/*
 * Rules: which list of which input feeds which type, compiled from a mapping
 * file or, for the plain form, made from the schema. Whatever can be found
 * wrong without data is found here.
 */
#include "graphql/load.h"

/* ---- names ---- */

quire_status qr_load_names_init(struct qr_load_names *names, const struct qr_model *model,
                                struct qr_arena *arena, quire_error *err)
{
    names->arena = arena;
    names->tables =
        qr_arena_alloc_zero(arena, sizeof *names->tables * ((size_t)model->type_count + 1), err);
    return names->tables == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

quire_status qr_load_find_type(const struct qr_model *model, struct qr_arena *arena,
                               struct qr_gql_str name, struct qr_load_place place,
                               const struct qr_model_type **type, quire_error *err)
{
    struct qr_gql_str *candidates;
    *type = qr_model_find_type(model, name);
    if (*type != NULL) {
        return QUIRE_OK;
    }
    candidates = qr_arena_alloc(arena, sizeof *candidates * ((size_t)model->type_count + 1), err);
    if (candidates == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < model->type_count; i++) {
        candidates[i] = model->types[i].name;
    }
    return qr_load_fail(err, QUIRE_DATA, place, "The schema has no type \"%.*s\".%s",
                        QR_LOAD_SHOWN(name),
                        qr_gql_did_you_mean(arena, name, candidates, model->type_count, ""));
}

static quire_status unknown_field(struct qr_arena *arena, const struct qr_model_type *type,
                                  struct qr_gql_str name, struct qr_load_place place,
                                  quire_error *err)
{
    struct qr_gql_str *candidates =
        qr_arena_alloc(arena, sizeof *candidates * ((size_t)type->field_count + 1), err);
    if (candidates == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        candidates[i] = type->fields[i].name;
    }
    return qr_load_fail(err, QUIRE_DATA, place, "The type %s has no field \"%.*s\".%s", type->table,
                        QR_LOAD_SHOWN(name),
                        qr_gql_did_you_mean(arena, name, candidates, type->field_count, ""));
}

/* Whether `name` is `fIds`, or the singular of `f` with "Ids". */
static quire_status names_links(struct qr_arena *arena, const struct qr_model_field *field,
                                struct qr_gql_str name, bool *yes, quire_error *err)
{
    struct qr_gql_str stem = {name.data, name.size - 3};
    const char *plural;

    *yes = false;
    if (field->role != QR_MODEL_LINKS || name.size <= 3 ||
        memcmp(name.data + stem.size, "Ids", 3) != 0) {
        return QUIRE_OK;
    }
    plural = qr_model_name_plural(arena, stem, err);
    if (plural == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *yes = qr_gql_str_equal(stem, field->name) || qr_gql_str_is(field->name, plural);
    return QUIRE_OK;
}

/* Looks for a field that is called by another name than its own. */
static quire_status find_alias(struct qr_arena *arena, const struct qr_model_type *type,
                               struct qr_gql_str name, struct qr_model_field **field,
                               quire_error *err)
{
    *field = NULL;
    for (uint32_t i = 0; i < type->field_count && *field == NULL; i++) {
        struct qr_model_field *candidate = &type->fields[i];
        bool fits =
            candidate->role == QR_MODEL_REFERENCE && qr_gql_str_is(name, candidate->key_name);
        if (!fits) {
            QR_TRY(names_links(arena, candidate, name, &fits, err));
        }
        *field = fits ? candidate : NULL;
    }
    return QUIRE_OK;
}

quire_status qr_load_names_find(struct qr_load_names *names, const struct qr_model_type *type,
                                struct qr_gql_str name, struct qr_load_place place,
                                const struct qr_model_field **field, quire_error *err)
{
    struct qr_gql_name_table *table = &names->tables[type->index];
    struct qr_model_field *found = qr_gql_name_table_get(table, name);

    *field = found;
    if (found != NULL) {
        return QUIRE_OK;
    }
    found = qr_model_find_field(type, name);
    if (found == NULL) {
        QR_TRY(find_alias(names->arena, type, name, &found, err));
    }
    if (found == NULL) {
        return unknown_field(names->arena, type, name, place, err);
    }
    if (found->role == QR_MODEL_REVERSE || found->role == QR_MODEL_REVERSE_ONE) {
        return qr_load_fail(err, QUIRE_DATA, place,
                            "%s.%.*s is the other side of %s.%.*s and cannot be given; give that "
                            "one.",
                            type->table, QR_GQL_FMT(found->name), found->target->table,
                            QR_GQL_FMT(found->inverse->name));
    }
    if (found->role == QR_MODEL_COMPUTED) {
        return qr_load_fail(err, QUIRE_DATA, place, "%s.%.*s is computed and cannot be given.",
                            type->table, QR_GQL_FMT(found->name));
    }
    char *copy = qr_arena_copy(names->arena, name.data, name.size, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *field = found;
    return qr_gql_name_table_set(table, names->arena, (struct qr_gql_str){copy, name.size}, found,
                                 err);
}

/* ---- the plain form ---- */

quire_status qr_load_rules_plain(const struct qr_model *model, struct qr_arena *arena,
                                 struct qr_load_rules *rules, quire_error *err)
{
    rules->plain = true;
    rules->count = model->type_count + 1;
    rules->rules =
        qr_arena_alloc_zero(arena, sizeof *rules->rules * ((size_t)rules->count + 1), err);
    if (rules->rules == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rules->count; i++) {
        struct qr_load_rule *rule = &rules->rules[i];
        bool valid;
        rule->type = i < model->type_count ? &model->types[i] : qr_load_numbers();
        rule->plain = true;
        QR_TRY(qr_load_path_compile(arena, rule->type->name, &rule->list, &valid, err));
    }
    return QUIRE_OK;
}

/* ---- a mapping ---- */

struct compiler {
    const struct qr_model *model;
    struct qr_load_names *names;
    struct qr_arena *arena;
    quire_error *err;
};

static quire_status expect(struct compiler *c, const struct qr_load_node *node,
                           enum qr_gql_value_kind kind, const char *what)
{
    return node->kind == kind ? QUIRE_OK
                              : qr_load_fail(c->err, QUIRE_DATA, node->place,
                                             "This is %s, but %s is expected here in the mapping.",
                                             qr_load_kind_name(node), what);
}

static bool says_missing(const struct qr_load_source *source)
{
    bool says = source->missing_null;
    for (uint32_t i = 0; i < source->source_count && !says; i++) {
        says = says_missing(&source->sources[i]);
    }
    return says;
}

/* `"missing": "null"` needs a relation that can do without a row. */
static quire_status check_missing(struct compiler *c, const struct qr_load_field *field,
                                  struct qr_load_place place)
{
    bool is_relation = field->field->target != NULL;
    bool is_single = field->field->role == QR_MODEL_REFERENCE;
    if (!says_missing(&field->source) || (is_relation && !(is_single && field->field->required))) {
        return QUIRE_OK;
    }
    return qr_load_fail(c->err, QUIRE_DATA, place,
                        "The mapping says \"missing\": \"null\" for %s.%.*s, which is %s.",
                        field->field->owner->table, QR_GQL_FMT(field->field->name),
                        is_relation ? "required" : "no reference");
}

static quire_status compile_fields(struct compiler *c, const struct qr_load_node *fields,
                                   struct qr_load_rule *rule)
{
    const struct qr_load_node *member = qr_load_first(fields);
    QR_TRY(expect(c, fields, QR_GQL_VALUE_OBJECT, "an object of fields and their sources"));
    rule->fields =
        qr_arena_alloc(c->arena, sizeof *rule->fields * ((size_t)fields->count + 1), c->err);
    if (rule->fields == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < fields->count; i++, member = qr_load_next(member)) {
        struct qr_load_field *field = &rule->fields[rule->field_count++];
        QR_TRY(qr_load_names_find(c->names, rule->type, member->name, member->name_place,
                                  &field->field, c->err));
        for (uint32_t k = 0; k < i; k++) {
            if (rule->fields[k].field == field->field) {
                return qr_load_fail(c->err, QUIRE_DATA, member->name_place,
                                    "The mapping gives %s.%.*s two sources.", rule->type->table,
                                    QR_GQL_FMT(field->field->name));
            }
        }
        QR_TRY(qr_load_source_compile(c->arena, member, &field->source, c->err));
        QR_TRY(check_missing(c, field, member->place));
    }
    return QUIRE_OK;
}

/* A field that every row needs, and that nothing would fill, is better reported now. */
static quire_status check_required(struct compiler *c, const struct qr_load_rule *rule,
                                   struct qr_load_place place)
{
    for (uint32_t i = 0; i < rule->type->column_count; i++) {
        const struct qr_model_field *field = rule->type->columns[i];
        bool filled = !field->required || field->has_default ||
                      (field == rule->type->key && field->scalar == QR_MODEL_ID);
        for (uint32_t k = 0; k < rule->field_count && !filled; k++) {
            filled = rule->fields[k].field == field;
        }
        if (!filled) {
            return qr_load_fail(c->err, QUIRE_DATA, place,
                                "%s.%.*s is required, but this rule of the mapping has no source "
                                "for it.",
                                rule->type->table, QR_GQL_FMT(field->name));
        }
    }
    return QUIRE_OK;
}

static quire_status compile_list(struct compiler *c, const struct qr_load_node *list,
                                 struct qr_load_rule *rule)
{
    bool valid;
    QR_TRY(expect(c, list, QR_GQL_VALUE_STRING, "a path such as \"data.items\""));
    QR_TRY(qr_load_path_compile(c->arena, list->text, &rule->list, &valid, c->err));
    return valid ? QUIRE_OK
                 : qr_load_fail(c->err, QUIRE_DATA, list->place,
                                "The path \"%.*s\" of the mapping has an empty name.",
                                QR_LOAD_SHOWN(list->text));
}

static quire_status known_members(struct compiler *c, const struct qr_load_node *object,
                                  const char *const *known, size_t count, const char *what)
{
    const struct qr_load_node *member = qr_load_first(object);
    for (uint32_t i = 0; i < object->count; i++, member = qr_load_next(member)) {
        bool found = false;
        for (size_t k = 0; k < count; k++) {
            found = found || qr_gql_str_is(member->name, known[k]);
        }
        if (!found) {
            return qr_load_fail(c->err, QUIRE_DATA, member->name_place,
                                "%s has no member \"%.*s\".", what, QR_LOAD_SHOWN(member->name));
        }
    }
    return QUIRE_OK;
}

static quire_status compile_rule(struct compiler *c, const struct qr_load_node *node,
                                 struct qr_load_rule *rule)
{
    static const char *const known[] = {"file", "list", "type", "fields"};
    rule->place = node->place;
    rule->list.text = qr_gql_str_of("");
    QR_TRY(expect(c, node, QR_GQL_VALUE_OBJECT, "a rule, an object"));
    QR_TRY(known_members(c, node, known, sizeof known / sizeof known[0], "A rule of a mapping"));

    const struct qr_load_node *file = qr_load_member(node, qr_gql_str_of("file"));
    const struct qr_load_node *list = qr_load_member(node, qr_gql_str_of("list"));
    const struct qr_load_node *type = qr_load_member(node, qr_gql_str_of("type"));
    const struct qr_load_node *fields = qr_load_member(node, qr_gql_str_of("fields"));
    if (type == NULL || fields == NULL) {
        return qr_load_fail(c->err, QUIRE_DATA, node->place,
                            "A rule of the mapping needs \"type\" and \"fields\".");
    }
    if (file != NULL) {
        QR_TRY(expect(c, file, QR_GQL_VALUE_STRING, "a file's name"));
        rule->file = file->text;
    }
    if (list != NULL) {
        QR_TRY(compile_list(c, list, rule));
    }
    QR_TRY(expect(c, type, QR_GQL_VALUE_STRING, "a type's name"));
    QR_TRY(qr_load_find_type(c->model, c->arena, type->text, type->place, &rule->type, c->err));
    QR_TRY(compile_fields(c, fields, rule));
    return check_required(c, rule, fields->place);
}

static bool same_input(const struct qr_load_rule *a, const struct qr_load_rule *b)
{
    return a->file.data == NULL || b->file.data == NULL || qr_gql_str_equal(a->file, b->file);
}

static bool is_inside(const struct qr_load_rule *inner, const struct qr_load_rule *outer)
{
    for (uint32_t i = 0; i < outer->list.count; i++) {
        if (i >= inner->list.count ||
            !qr_gql_str_equal(inner->list.names[i], outer->list.names[i])) {
            return false;
        }
    }
    return inner->list.count > outer->list.count;
}

/* The element that one rule reads is taken as a whole: no other rule can look for lists in it. */
static quire_status check_nesting(struct compiler *c, const struct qr_load_rules *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        for (uint32_t k = 0; k < rules->count; k++) {
            const struct qr_load_rule *inner = &rules->rules[i];
            const struct qr_load_rule *outer = &rules->rules[k];
            if (same_input(inner, outer) && is_inside(inner, outer)) {
                return qr_load_fail(c->err, QUIRE_DATA, inner->place,
                                    "The list \"%.*s\" of this rule lies inside the list \"%.*s\" "
                                    "of another rule of the mapping.",
                                    QR_LOAD_SHOWN(inner->list.text),
                                    QR_LOAD_SHOWN(outer->list.text));
            }
        }
    }
    return QUIRE_OK;
}

static quire_status compile_rules(struct compiler *c, const struct qr_load_node *root,
                                  struct qr_load_rules *rules)
{
    static const char *const known[] = {"rules"};
    QR_TRY(expect(c, root, QR_GQL_VALUE_OBJECT, "an object with the member \"rules\""));
    QR_TRY(known_members(c, root, known, 1, "A mapping"));
    const struct qr_load_node *list = qr_load_member(root, qr_gql_str_of("rules"));
    if (list == NULL) {
        return qr_load_fail(c->err, QUIRE_DATA, root->place, "The mapping has no \"rules\".");
    }
    QR_TRY(expect(c, list, QR_GQL_VALUE_LIST, "a list of rules"));
    if (list->count == 0) {
        return qr_load_fail(c->err, QUIRE_DATA, list->place, "The mapping has no rule.");
    }
    rules->rules = qr_arena_alloc_zero(c->arena, sizeof *rules->rules * list->count, c->err);
    if (rules->rules == NULL) {
        return QUIRE_NO_MEMORY;
    }
    const struct qr_load_node *node = qr_load_first(list);
    for (uint32_t i = 0; i < list->count; i++, node = qr_load_next(node)) {
        QR_TRY(compile_rule(c, node, &rules->rules[rules->count++]));
    }
    return check_nesting(c, rules);
}

quire_status qr_load_rules_compile(const struct qr_model *model, struct qr_load_names *names,
                                   struct qr_arena *arena, struct qr_gql_str mapping,
                                   struct qr_load_rules *rules, quire_error *err)
{
    struct compiler c = {model, names, arena, err};
    struct qr_load_tape tape;
    struct qr_load_node *nodes = NULL;

    qr_load_tape_init(&tape, arena->allocator, arena);
    quire_status status = qr_load_read(&tape, mapping, err);
    if (status == QUIRE_OK) {
        nodes = qr_arena_alloc(arena, sizeof *nodes * tape.count, err);
        status = nodes == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    if (status == QUIRE_OK) {
        memcpy(nodes, tape.nodes, sizeof *nodes * tape.count);
        status = compile_rules(&c, nodes, rules);
    }
    qr_load_tape_free(&tape);
    return status;
}
