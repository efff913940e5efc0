/*
 * What changes in the rules of @auth from one schema to another. Whether one
 * condition lets through less than another is not decided: rules are the same
 * or they are not. Rules are alternatives, so one more lets callers do more, and
 * one less lets them do less, but for the first and the last, which turn it
 * around. See auth.h.
 */
#include "graphql/auth.h"

/* Whether two literals say the same; the order of an object's members does not matter. Recursion
 * follows their nesting, which the parser bounds. */
static bool same_literal(const struct qr_gql_ast_value *a, const struct qr_gql_ast_value *b);

static bool same_items(const struct qr_gql_ast_value *a, const struct qr_gql_ast_value *b)
{
    while (a != NULL && b != NULL && same_literal(a, b)) {
        a = a->next;
        b = b->next;
    }
    return a == NULL && b == NULL;
}

static bool same_members(const struct qr_gql_ast_value *a, const struct qr_gql_ast_value *b)
{
    bool same = a->count == b->count;
    for (const struct qr_gql_ast_argument *m = a->fields; m != NULL && same; m = m->next) {
        const struct qr_gql_ast_argument *other = qr_gql_ast_argument_find(b->fields, m->name.text);
        same = other != NULL && same_literal(m->value, other->value);
    }
    return same;
}

static bool same_literal(const struct qr_gql_ast_value *a, const struct qr_gql_ast_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case QR_GQL_AST_NULL:
        return true;
    case QR_GQL_AST_BOOLEAN:
        return a->boolean == b->boolean;
    case QR_GQL_AST_LIST:
        return same_items(a->items, b->items);
    case QR_GQL_AST_OBJECT:
        return same_members(a, b);
    case QR_GQL_AST_VARIABLE:
    case QR_GQL_AST_INT:
    case QR_GQL_AST_FLOAT:
    case QR_GQL_AST_STRING:
    case QR_GQL_AST_ENUM:
        break;
    }
    return qr_gql_str_equal(a->text, b->text);
}

/* Whether each of some rules is among others. */
static bool are_among(const struct qr_auth_rule *rules, const struct qr_auth_rule *others)
{
    for (; rules != NULL; rules = rules->next) {
        const struct qr_auth_rule *other = others;
        while (other != NULL && !same_literal(rules->declared, other->declared)) {
            other = other->next;
        }
        if (other == NULL) {
            return false;
        }
    }
    return true;
}

struct difference {
    quire_change_level level;
    const char *kind; /* NULL: there is none */
    const char *says;
};

static struct difference compare(const struct qr_auth_rule *old, const struct qr_auth_rule *rules)
{
    bool kept = are_among(old, rules);
    bool known = are_among(rules, old);
    if (kept && known) {
        return (struct difference){.kind = NULL};
    }
    if (old == NULL) {
        return (struct difference){QUIRE_CHANGE_BREAKING, "AUTH_RULES_ADDED",
                                   "had no rules and has some"};
    }
    if (rules == NULL) {
        return (struct difference){QUIRE_CHANGE_DANGEROUS, "AUTH_RULES_REMOVED",
                                   "had rules and has none: nothing of it is denied"};
    }
    if (kept) {
        return (struct difference){QUIRE_CHANGE_DANGEROUS, "AUTH_RULES_LOOSENED",
                                   "has more rules, which allow more"};
    }
    return known ? (struct difference){QUIRE_CHANGE_BREAKING, "AUTH_RULES_TIGHTENED",
                                       "has fewer rules, which allow less"}
                 : (struct difference){QUIRE_CHANGE_BREAKING, "AUTH_RULES_CHANGED",
                                       "has other rules"};
}

static quire_status tell(const struct qr_auth_comparison *c, const struct difference *difference,
                         const char *name)
{
    if (difference->kind == NULL || difference->level != c->level) {
        return QUIRE_OK;
    }
    const char *text = qr_gql_format(c->arena, c->err, "%s %s.", name, difference->says);
    return text == NULL ? QUIRE_NO_MEMORY : c->tell(c->context, c->level, difference->kind, text);
}

static const struct qr_model_type *find_type(const struct qr_model *model, struct qr_gql_str name)
{
    for (uint32_t i = 0; i < qr_model_shown_count(model); i++) {
        if (qr_gql_str_equal(model->types[i].name, name)) {
            return &model->types[i];
        }
    }
    return NULL;
}

static quire_status compare_type(const struct qr_auth_comparison *c,
                                 const struct qr_model_type *old, const struct qr_model_type *type)
{
    struct difference difference = compare(old->rules, type->rules);
    QR_TRY(tell(c, &difference, type->table));
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        const struct qr_model_field *was = qr_model_find_field(old, field->name);
        if (was == NULL || type->view_of != NULL) {
            continue; /* a view's fields have the rules of its table's */
        }
        const char *name =
            qr_gql_format(c->arena, c->err, "%s.%.*s", type->table, QR_GQL_FMT(field->name));
        if (name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        difference = compare(was->rules, field->rules);
        QR_TRY(tell(c, &difference, name));
    }
    return QUIRE_OK;
}

quire_status qr_auth_compare(const struct qr_auth_comparison *c)
{
    static const struct difference roles = {QUIRE_CHANGE_BREAKING, "AUTH_ROLES_CHANGED",
                                            "names another claim for the roles of callers"};
    for (uint32_t i = 0; i < qr_model_shown_count(c->current); i++) {
        const struct qr_model_type *type = &c->current->types[i];
        const struct qr_model_type *old = find_type(c->old, type->name);
        if (old != NULL) {
            QR_TRY(compare_type(c, old, type));
        }
    }
    bool same = same_items(c->old->roles_claim, c->current->roles_claim);
    return same || !c->old->has_auth_rules ? QUIRE_OK : tell(c, &roles, "@authRoles");
}
