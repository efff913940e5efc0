/*
 * Rules about types: that fields exist and have the right kind of selection,
 * that conditions and variables name fitting types, that fragments can apply.
 */
#include "graphql/validate_internal.h"

#define SUGGESTIONS_MAX 5

/* ---- FieldsOnCorrectType ---- */

/* How many of the possible types with the field each candidate stands for. */
struct type_votes {
    uint32_t *votes; /* by type index */
    uint32_t best[SUGGESTIONS_MAX];
    size_t count;
};

static bool has_field(const struct qr_gql_type *type, struct qr_gql_str name)
{
    return qr_gql_type_field(type, name) != NULL;
}

static void vote(struct qr_gql_validator *v, const struct qr_gql_type *parent,
                 struct qr_gql_str name, uint32_t *votes)
{
    for (uint32_t i = 0; i < parent->possible_count; i++) {
        const struct qr_gql_type *possible = parent->possible[i];
        if (!has_field(possible, name) || !qr_gql_validate_steps(v, 1)) {
            continue;
        }
        votes[possible->index] = 1;
        for (uint32_t k = 0; k < possible->interface_count; k++) {
            if (has_field(possible->interfaces[k], name)) {
                votes[possible->interfaces[k]->index]++;
            }
        }
    }
}

/* Whether type a is the better suggestion. */
static bool comes_before(const struct qr_gql_schema *schema, const uint32_t *votes, uint32_t a,
                         uint32_t b)
{
    const struct qr_gql_type *x = schema->types[a], *y = schema->types[b];
    if (votes[a] != votes[b]) {
        return votes[a] > votes[b];
    }
    if (x->kind == QR_GQL_INTERFACE && qr_gql_type_is_possible(x, y)) {
        return true;
    }
    if (y->kind == QR_GQL_INTERFACE && qr_gql_type_is_possible(y, x)) {
        return false;
    }
    return qr_gql_str_compare(x->name, y->name) < 0;
}

static void choose_best(const struct qr_gql_schema *schema, struct type_votes *list)
{
    for (uint32_t i = 0; i < schema->type_count; i++) {
        if (list->votes[i] == 0) {
            continue;
        }
        size_t at = list->count;
        while (at > 0 && comes_before(schema, list->votes, i, list->best[at - 1])) {
            at--;
        }
        if (at == SUGGESTIONS_MAX) {
            continue;
        }
        size_t last = list->count < SUGGESTIONS_MAX ? list->count++ : SUGGESTIONS_MAX - 1;
        memmove(&list->best[at + 1], &list->best[at], (last - at) * sizeof list->best[0]);
        list->best[at] = i;
    }
}

static const char *suggest_types(struct qr_gql_validator *v, const struct qr_gql_type *parent,
                                 struct qr_gql_str name)
{
    if (!v->suggest || !qr_gql_type_is_abstract(parent)) {
        return "";
    }
    struct type_votes list = {.count = 0};
    list.votes = qr_gql_validate_alloc(v, v->schema->type_count * sizeof *list.votes);
    if (!list.votes) {
        return "";
    }
    vote(v, parent, name, list.votes);
    choose_best(v->schema, &list);
    if (list.count == 0) {
        return "";
    }
    struct qr_gql_buffer text;
    qr_gql_buffer_init(&text, v->arena, NULL);
    qr_gql_buffer_text(&text, " Did you mean to use an inline fragment on ");
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0) {
            qr_gql_buffer_text(&text, list.count > 2 ? ", " : " ");
            qr_gql_buffer_text(&text, i + 1 == list.count ? "or " : "");
        }
        qr_gql_buffer_format(&text, "\"%.*s\"", QR_GQL_FMT(v->schema->types[list.best[i]]->name));
    }
    qr_gql_buffer_char(&text, '?');
    struct qr_gql_str out;
    return qr_gql_buffer_finish(&text, &out) == QUIRE_OK ? out.data : "";
}

static const char *suggest_fields(struct qr_gql_validator *v, const struct qr_gql_type *parent,
                                  struct qr_gql_str name)
{
    if (!v->suggest || parent->field_count == 0) {
        return "";
    }
    struct qr_gql_str *names = qr_gql_validate_alloc(v, parent->field_count * sizeof *names);
    if (!names) {
        return "";
    }
    for (uint32_t i = 0; i < parent->field_count; i++) {
        names[i] = parent->fields[i].name;
    }
    return qr_gql_validate_suggest(v, name, names, parent->field_count);
}

static void fields_on_correct_type(struct qr_gql_validator *v,
                                   const struct qr_gql_ast_selection *node,
                                   const struct qr_gql_type *parent,
                                   const struct qr_gql_field *field)
{
    if (!parent || field) {
        return;
    }
    const char *suggestion = suggest_types(v, parent, node->name.text);
    if (*suggestion == '\0') {
        suggestion = suggest_fields(v, parent, node->name.text);
    }
    (void)qr_gql_report_add(v->report, &node->pos,
                            "Cannot query field \"%.*s\" on type \"%.*s\".%s",
                            QR_GQL_FMT(node->name.text), QR_GQL_FMT(parent->name), suggestion);
}

/* ---- ScalarLeafs ---- */

static void scalar_leafs(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                         const struct qr_gql_type *parent, const struct qr_gql_field *field)
{
    (void)parent;
    if (!field) {
        return;
    }
    bool leaf = qr_gql_type_is_leaf(qr_gql_type_named(field->type));
    if (leaf && node->selections.first) {
        (void)qr_gql_report_add(v->report, &node->selections.pos,
                                "Field \"%.*s\" must not have a selection since type \"%s\" has "
                                "no subfields.",
                                QR_GQL_FMT(node->name.text),
                                qr_gql_type_text(v->arena, field->type));
    } else if (!leaf && !node->selections.first) {
        (void)qr_gql_report_add(v->report, &node->pos,
                                "Field \"%.*s\" of type \"%s\" must have a selection of "
                                "subfields. Did you mean \"%.*s { ... }\"?",
                                QR_GQL_FMT(node->name.text),
                                qr_gql_type_text(v->arena, field->type),
                                QR_GQL_FMT(node->name.text));
    }
}

/* ---- FragmentsOnCompositeTypes ---- */

static void inline_on_composite(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                                const struct qr_gql_type *parent,
                                const struct qr_gql_type *condition)
{
    (void)parent;
    if (node->condition.text.data && condition && !qr_gql_type_is_composite(condition)) {
        (void)qr_gql_report_add(v->report, &node->condition.pos,
                                "Fragment cannot condition on non composite type \"%.*s\".",
                                QR_GQL_FMT(node->condition.text));
    }
}

static void fragment_on_composite(struct qr_gql_validator *v,
                                  const struct qr_gql_ast_definition *node)
{
    if (node->kind != QR_GQL_AST_FRAGMENT) {
        return;
    }
    const struct qr_gql_type *condition = qr_gql_validate_condition(v, &node->condition);
    if (condition && !qr_gql_type_is_composite(condition)) {
        (void)qr_gql_report_add(v->report, &node->condition.pos,
                                "Fragment \"%.*s\" cannot condition on non composite type "
                                "\"%.*s\".",
                                QR_GQL_FMT(node->name.text), QR_GQL_FMT(node->condition.text));
    }
}

/* ---- KnownTypeNames ---- */

static const char *suggest_type_names(struct qr_gql_validator *v, struct qr_gql_str name)
{
    if (!v->suggest) {
        return "";
    }
    struct qr_gql_str *names = qr_gql_validate_alloc(v, v->schema->type_count * sizeof *names);
    if (!names) {
        return "";
    }
    size_t count = 0;
    for (uint32_t i = 0; i < v->schema->type_count; i++) {
        if (v->schema->types[i]->referenced) {
            names[count++] = v->schema->types[i]->name;
        }
    }
    return qr_gql_validate_suggest(v, name, names, count);
}

/* Documents that define types are refused, but not for naming them. */
static bool is_defined_here(struct qr_gql_validator *v, struct qr_gql_str name)
{
    if (v->scope_count == v->document->definition_count) {
        return false;
    }
    for (const struct qr_gql_ast_definition *d = v->document->first;
         d && qr_gql_validate_steps(v, 1); d = d->next) {
        if (qr_gql_ast_is_type(d) && !d->extends && qr_gql_str_equal(d->name.text, name)) {
            return true;
        }
    }
    return false;
}

static void known_type_names(struct qr_gql_validator *v, const struct qr_gql_name *name)
{
    if (!qr_gql_validate_condition(v, name) && !is_defined_here(v, name->text)) {
        (void)qr_gql_report_add(v->report, &name->pos, "Unknown type \"%.*s\".%s",
                                QR_GQL_FMT(name->text), suggest_type_names(v, name->text));
    }
}

static void known_type_names_of_sdl(struct qr_gql_validator *v)
{
    qr_gql_validate_sdl_rule(v, "KnownTypeNamesRule");
}

/* ---- PossibleFragmentSpreads ---- */

/* Answers for two abstract types are remembered: asking the schema walks all of one's types. */
static bool types_overlap(struct qr_gql_validator *v, const struct qr_gql_type *a,
                          const struct qr_gql_type *b)
{
    if (!qr_gql_type_is_abstract(a) || !qr_gql_type_is_abstract(b)) {
        return qr_gql_types_overlap(a, b);
    }
    struct overlap {
        uint32_t pair[2];
        bool answer;
    } asked = {.pair = {a->index, b->index}};
    struct qr_gql_str key = {(const char *)asked.pair, sizeof asked.pair};
    struct overlap *known = qr_gql_name_table_get(&v->overlaps, key);
    if (!known) {
        asked.answer = qr_gql_types_overlap(a, b);
        known = qr_gql_validate_alloc(v, sizeof *known);
        if (!known) {
            return true;
        }
        *known = asked;
        key.data = (const char *)known->pair;
        v->status = qr_gql_name_table_set(&v->overlaps, v->arena, key, known, v->err);
    }
    return known->answer;
}

static void possible_inline(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                            const struct qr_gql_type *parent, const struct qr_gql_type *condition)
{
    if (parent && condition && qr_gql_type_is_composite(condition) &&
        !types_overlap(v, parent, condition)) {
        (void)qr_gql_report_add(v->report, &node->pos,
                                "Fragment cannot be spread here as objects of type \"%.*s\" can "
                                "never be of type \"%.*s\".",
                                QR_GQL_FMT(parent->name), QR_GQL_FMT(condition->name));
    }
}

static void possible_spread(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                            const struct qr_gql_type *parent)
{
    const struct qr_gql_scope *fragment = qr_gql_validate_fragment(v, node->name.text);
    const struct qr_gql_type *condition =
        fragment ? qr_gql_validate_condition(v, &fragment->node->condition) : NULL;
    if (parent && condition && qr_gql_type_is_composite(condition) &&
        !types_overlap(v, parent, condition)) {
        (void)qr_gql_report_add(v->report, &node->pos,
                                "Fragment \"%.*s\" cannot be spread here as objects of type "
                                "\"%.*s\" can never be of type \"%.*s\".",
                                QR_GQL_FMT(node->name.text), QR_GQL_FMT(parent->name),
                                QR_GQL_FMT(condition->name));
    }
}

/* ---- VariablesAreInputTypes ---- */

static void variables_are_input_types(struct qr_gql_validator *v,
                                      const struct qr_gql_ast_member *node,
                                      const struct qr_gql_type *type)
{
    if (type && !qr_gql_type_is_input(type)) {
        (void)qr_gql_report_add(v->report, &node->type->pos,
                                "Variable \"$%.*s\" cannot be non-input type \"%s\".",
                                QR_GQL_FMT(node->name.text), qr_gql_type_text(v->arena, type));
    }
}

const struct qr_gql_rule qr_gql_rules_types[] = {
    {.name = "FieldsOnCorrectTypeRule", .field = fields_on_correct_type},
    {.name = "ScalarLeafsRule", .field = scalar_leafs},
    {.name = "FragmentsOnCompositeTypesRule",
     .definition = fragment_on_composite,
     .inline_fragment = inline_on_composite},
    {.name = "KnownTypeNamesRule",
     .document = known_type_names_of_sdl,
     .named_type = known_type_names},
    {.name = "PossibleFragmentSpreadsRule",
     .spread = possible_spread,
     .inline_fragment = possible_inline},
    {.name = "VariablesAreInputTypesRule", .variable = variables_are_input_types},
    {.name = NULL},
};
