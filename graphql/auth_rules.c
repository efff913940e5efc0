/*
 * The rules of @auth in the SDL: reading them, and checking their conditions.
 * See auth.h.
 *
 * A condition is a literal of its table's WhereInput, in which an object with
 * the only member `claim`, a name or a path of names, stands where a value
 * does. What is kept is a copy with variables in the place of claims, so that a
 * caller's claims are coerced and put in as variables of a request are: a claim
 * is a value whatever it holds, and never becomes an operator. Recursion follows
 * the nesting of the literal, which the parser bounds.
 */
#include "graphql/auth.h"
#include "graphql/coerce.h"
#include "graphql/resolver.h"

/* ---- reading ---- */

struct place {
    struct qr_model_builder *builder;
    struct qr_gql_str type, field; /* field.data NULL: the type itself */
    struct qr_auth_rule **end;
};

static void refuse(const struct place *place, struct qr_gql_pos pos, const char *why)
{
    bool field = place->field.data != NULL;
    qr_model_problem(place->builder, pos, "%.*s%s%.*s: @auth: %s.", QR_GQL_FMT(place->type),
                     field ? "." : "", field ? (int)place->field.size : 0,
                     field ? place->field.data : "", why);
}

static const struct qr_gql_ast_value *member(const struct qr_gql_ast_value *object,
                                             const char *name)
{
    const struct qr_gql_ast_argument *found =
        qr_gql_ast_argument_find(object->fields, qr_gql_str_of(name));
    return found == NULL || found->value->kind == QR_GQL_AST_NULL ? NULL : found->value;
}

static const struct qr_gql_ast_value *first_of(const struct qr_gql_ast_value *value)
{
    return value != NULL && value->kind == QR_GQL_AST_LIST ? value->items : value;
}

static unsigned operation_bit(struct qr_gql_str name)
{
    return qr_gql_str_is(name, "READ")     ? QR_AUTH_READ
           : qr_gql_str_is(name, "CREATE") ? QR_AUTH_CREATE
           : qr_gql_str_is(name, "UPDATE") ? QR_AUTH_UPDATE
                                           : QR_AUTH_DELETE;
}

static unsigned operations_of(const struct qr_gql_ast_value *list)
{
    unsigned operations = list == NULL ? QR_AUTH_ALL : 0;
    for (const struct qr_gql_ast_value *v = first_of(list); v != NULL; v = v->next) {
        operations |= operation_bit(v->text);
    }
    return operations;
}

/* What of a rule is of no use, or could be taken for something else than it is. */
static void check_rule(const struct place *place, const struct qr_gql_ast_value *object,
                       const struct qr_auth_rule *rule)
{
    bool field = place->field.data != NULL;
    const struct qr_gql_ast_value *roles = member(object, "roles");
    for (const struct qr_gql_ast_argument *a = object->fields; a != NULL; a = a->next) {
        if (a->value->kind == QR_GQL_AST_NULL) {
            refuse(place, a->value->pos, "null says nothing here; leave the member out");
        }
    }
    if (roles != NULL && rule->roles == NULL) {
        refuse(place, roles->pos, "\"roles\" names no role");
    }
    if (roles != NULL && rule->everyone) {
        refuse(place, roles->pos, "who has a role is known: \"roles\" does not go with PUBLIC");
    }
    if (rule->operations == 0) {
        refuse(place, object->pos, "\"operations\" names no operation");
    }
    if (field && rule->where != NULL) {
        refuse(place, rule->where->pos,
               "\"where\" chooses rows and belongs to the rules of the type");
    }
    if (field && member(object, "operations") != NULL && (rule->operations & QR_AUTH_DELETE) != 0) {
        refuse(place, object->pos, "rows are deleted, not fields: DELETE is for the type");
    }
}

static quire_status read_rule(struct place *place, const struct qr_gql_ast_value *object)
{
    struct qr_model_builder *builder = place->builder;
    struct qr_auth_rule *rule = qr_arena_alloc_zero(builder->arena, sizeof *rule, builder->err);
    const struct qr_gql_ast_value *caller = member(object, "allow");
    if (rule == NULL) {
        return QUIRE_NO_MEMORY;
    }
    rule->everyone = caller != NULL && qr_gql_str_is(caller->text, "PUBLIC");
    rule->roles = first_of(member(object, "roles"));
    rule->operations = operations_of(member(object, "operations"));
    rule->where = member(object, "where");
    rule->declared = object;
    check_rule(place, object, rule);
    *place->end = rule;
    place->end = &rule->next;
    builder->model->has_auth_rules = true;
    return QUIRE_OK;
}

static quire_status read_directives(struct place *place,
                                    const struct qr_gql_ast_directive *directives)
{
    for (const struct qr_gql_ast_directive *d = directives; d != NULL; d = d->next) {
        if (!qr_gql_str_is(d->name.text, "auth")) {
            continue;
        }
        const struct qr_gql_ast_value *rules = qr_model_value_argument(d, "rules");
        if (first_of(rules) == NULL) {
            refuse(place, d->pos, "\"rules\" is empty; say who is allowed what");
        }
        for (const struct qr_gql_ast_value *v = first_of(rules); v != NULL; v = v->next) {
            QR_TRY(read_rule(place, v));
        }
    }
    return QUIRE_OK;
}

static quire_status read_field(struct qr_model_builder *builder, struct qr_model_field *field)
{
    struct place place = {builder, field->owner->name, field->name, &field->rules};
    if (field->definition == NULL || field->definition->node == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(read_directives(&place, field->definition->node->directives));
    if (field->rules != NULL && field == field->owner->key) {
        refuse(&place, qr_model_field_pos(field),
               "rows are found by their key: who may read a row may read it");
    }
    return QUIRE_OK;
}

/* A resolved field is read, or called, and nothing else. */
static quire_status read_resolvers(struct qr_model_builder *builder,
                                   struct qr_model_resolver *first)
{
    for (struct qr_model_resolver *r = first; r != NULL; r = r->next) {
        struct place place = {builder, qr_gql_str_of(r->owner), r->definition->name, &r->rules};
        QR_TRY(read_directives(&place, r->definition->node->directives));
        for (const struct qr_auth_rule *rule = r->rules; rule != NULL; rule = rule->next) {
            if (rule->operations != QR_AUTH_ALL) {
                refuse(&place, r->definition->node->name.pos,
                       "\"operations\" says nothing of a field that the program gives");
            }
        }
    }
    return QUIRE_OK;
}

static quire_status read_type(struct qr_model_builder *builder, struct qr_model_type *type)
{
    struct place place = {builder, type->name, {NULL, 0}, &type->rules};
    for (const struct qr_gql_origin *o = type->definition->origins; o != NULL; o = o->next) {
        QR_TRY(read_directives(&place, o->node->directives));
    }
    for (uint32_t i = 0; i < type->field_count && type->view_of == NULL; i++) {
        QR_TRY(read_field(builder, &type->fields[i]));
    }
    QR_TRY(read_resolvers(builder, type->resolvers));
    if (type->view_of == NULL) {
        return QUIRE_OK;
    }
    /* A view without rules of its own has those of its table; fields always have. */
    if (type->rules == NULL) {
        type->rules = type->view_of->rules;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        type->fields[i].rules = qr_model_find_field(type->view_of, type->fields[i].name)->rules;
    }
    return QUIRE_OK;
}

/* ---- places that no rule can be for ---- */

static void refuse_any(struct qr_model_builder *builder,
                       const struct qr_gql_ast_directive *directives)
{
    const struct qr_gql_ast_directive *auth = qr_gql_ast_directive_find(directives, "auth");
    if (auth != NULL) {
        qr_model_problem(builder, auth->pos, "@auth is for tables, views and fields of tables.");
    }
}

static bool has_rows(const struct qr_model *model, const struct qr_gql_type *type)
{
    for (uint32_t i = 0; i < qr_model_shown_count(model); i++) {
        if (model->types[i].definition == type) {
            return true;
        }
    }
    return false;
}

/* Rules that nothing looks at would protect nothing. */
static void refuse_elsewhere(struct qr_model_builder *builder)
{
    const struct qr_gql_schema *schema = builder->model->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        if (type->builtin || has_rows(builder->model, type)) {
            continue;
        }
        for (const struct qr_gql_origin *o = type->origins; o != NULL; o = o->next) {
            refuse_any(builder, o->node->directives);
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            if (type->fields[f].node != NULL && !qr_model_is_resolved(&type->fields[f])) {
                refuse_any(builder, type->fields[f].node->directives);
            }
        }
    }
}

/* ---- the claim with the roles ---- */

static void read_roles_claim(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    for (uint32_t i = 0; i < model->schema->document_count; i++) {
        const struct qr_gql_ast_definition *d = model->schema->documents[i]->first;
        for (; d != NULL; d = d->next) {
            const struct qr_gql_ast_directive *roles =
                qr_gql_ast_directive_find(d->directives, "authRoles");
            if (roles == NULL) {
                continue;
            }
            const struct qr_gql_ast_value *claim =
                first_of(qr_model_value_argument(roles, "claim"));
            if (model->roles_claim != NULL && model->roles_claim != claim) {
                qr_model_problem(builder, roles->pos, "@authRoles is given twice.");
            }
            model->roles_claim = claim;
            if (claim == NULL) {
                qr_model_problem(builder, roles->pos, "@authRoles(claim:) names no claim.");
            }
        }
    }
}

quire_status qr_auth_read_rules(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    for (uint32_t i = 0; i < qr_model_shown_count(model); i++) {
        QR_TRY(read_type(builder, &model->types[i])); /* tables come before views */
    }
    QR_TRY(read_resolvers(builder, model->resolvers[QR_GQL_QUERY]));
    QR_TRY(read_resolvers(builder, model->resolvers[QR_GQL_MUTATION]));
    refuse_elsewhere(builder);
    read_roles_claim(builder);
    return QUIRE_OK;
}

/* ---- conditions ---- */

struct binder {
    struct qr_api *api;
    struct qr_arena *arena; /* the API's */
    const struct qr_model_type *type;
    struct qr_auth_rule *rule;
    uint32_t claims;
    struct qr_gql_report *report;
    quire_error *err;
};

static bool report_problem(void *context, const struct qr_gql_ast_value *at,
                           const struct qr_gql_path *path, const char *message)
{
    const struct binder *b = context;
    (void)path;
    (void)qr_gql_report_add(b->report, &at->pos, "@auth(where:) of %s: %s", b->type->table,
                            message);
    return !qr_gql_report_full(b->report);
}

/* The names of a claim, if that is what the literal says. */
static const struct qr_gql_ast_value *claim_path(const struct qr_gql_ast_value *literal)
{
    const struct qr_gql_ast_argument *only = literal->fields;
    if (literal->kind != QR_GQL_AST_OBJECT || only == NULL || only->next != NULL ||
        !qr_gql_str_is(only->name.text, "claim")) {
        return NULL;
    }
    const struct qr_gql_ast_value *path = first_of(only->value);
    for (const struct qr_gql_ast_value *v = path; v != NULL; v = v->next) {
        if (v->kind != QR_GQL_AST_STRING) {
            return NULL;
        }
    }
    return path;
}

/* Makes a variable of a claim. */
static bool put_claim(struct binder *b, const struct qr_gql_type *type,
                      const struct qr_gql_ast_value *path, struct qr_gql_ast_value *out)
{
    struct qr_auth_claim *claim = qr_arena_alloc_zero(b->arena, sizeof *claim, b->err);
    const char *name = qr_gql_format(b->arena, b->err, "%u", b->claims++);
    if (claim == NULL || name == NULL) {
        return false;
    }
    *claim = (struct qr_auth_claim){path, type, qr_gql_str_of(name), b->rule->claims};
    b->rule->claims = claim;
    out->kind = QR_GQL_AST_VARIABLE;
    out->text = claim->variable;
    out->fields = NULL;
    return true;
}

static bool takes_null(struct qr_gql_str name)
{
    return qr_gql_str_is(name, "equals") || qr_gql_str_is(name, "not") ||
           qr_gql_str_is(name, "is") || qr_gql_str_is(name, "isNot");
}

/* Copies a literal of an input type; type NULL: one that is not known. NULL without memory. */
static struct qr_gql_ast_value *copy(struct binder *b, const struct qr_gql_type *type,
                                     const struct qr_gql_ast_value *from);

static bool copy_items(struct binder *b, const struct qr_gql_type *type,
                       const struct qr_gql_ast_value *items, struct qr_gql_ast_value **out)
{
    *out = NULL;
    for (const struct qr_gql_ast_value *v = items; v != NULL; v = v->next) {
        struct qr_gql_ast_value *item = copy(b, type, v);
        if (item == NULL) {
            return false;
        }
        *out = item;
        out = &item->next;
    }
    return true;
}

static bool copy_fields(struct binder *b, const struct qr_gql_type *type,
                        const struct qr_gql_ast_argument *fields, struct qr_gql_ast_argument **out)
{
    *out = NULL;
    for (const struct qr_gql_ast_argument *f = fields; f != NULL; f = f->next) {
        const struct qr_gql_input *input = qr_gql_type_input(type, f->name.text);
        struct qr_gql_ast_argument *field = qr_arena_alloc(b->arena, sizeof *field, b->err);
        if (field == NULL) {
            return false;
        }
        if (f->value->kind == QR_GQL_AST_NULL && !takes_null(f->name.text)) {
            (void)report_problem(b, f->value, NULL,
                                 "null is no condition; only equals, not, is and isNot take it.");
        }
        *field = (struct qr_gql_ast_argument){.name = f->name};
        field->value = copy(b, input == NULL ? NULL : input->type, f->value);
        if (field->value == NULL) {
            return false;
        }
        *out = field;
        out = &field->next;
    }
    return true;
}

static struct qr_gql_ast_value *copy(struct binder *b, const struct qr_gql_type *type,
                                     const struct qr_gql_ast_value *from)
{
    const struct qr_gql_type *named = type == NULL ? NULL : qr_gql_type_named(type);
    struct qr_gql_ast_value *value = qr_arena_alloc(b->arena, sizeof *value, b->err);
    bool made = true;
    if (value == NULL) {
        return NULL;
    }
    *value = *from;
    value->next = NULL;
    if (type == NULL) {
        return value; /* what it is will be told */
    }
    bool leaf = qr_gql_type_is_leaf(named);
    if (leaf && claim_path(from) != NULL) {
        return put_claim(b, type, claim_path(from), value) ? value : NULL;
    }
    type = type->kind == QR_GQL_NON_NULL ? type->inner : type;
    bool listed = type->kind == QR_GQL_LIST;
    if (leaf && !listed) {
        return value; /* a custom scalar may take lists and objects as they are */
    }
    if (from->kind == QR_GQL_AST_LIST) {
        made = copy_items(b, listed ? type->inner : type, from->items, &value->items);
    } else if (from->kind == QR_GQL_AST_OBJECT && !leaf) {
        made = copy_fields(b, named, from->fields, &value->fields);
    }
    return made ? value : NULL;
}

static quire_status bind_rule(struct binder *b)
{
    const struct qr_model_type *table = b->type->view_of != NULL ? b->type->view_of : b->type;
    const char *name = qr_gql_format(b->arena, b->err, "%sWhereInput", table->table);
    if (name == NULL) {
        return qr_gql_memory_status(b->err);
    }
    b->rule->input = qr_gql_schema_type(b->api->schema, qr_gql_str_of(name));
    b->claims = 0;
    struct qr_gql_ast_value *where = copy(b, b->rule->input, b->rule->where);
    if (where == NULL) {
        return qr_gql_memory_status(b->err);
    }
    b->rule->where = where;
    if (where->kind != QR_GQL_AST_OBJECT) {
        (void)report_problem(b, where, NULL, "a condition is an object.");
        return QUIRE_OK;
    }
    return qr_gql_literal_check(b->arena, b->rule->input, where, true, report_problem, b, b->err);
}

quire_status qr_auth_bind(struct qr_api *api, struct qr_gql_report *report, quire_error *err)
{
    struct binder b = {.api = api, .arena = &api->schema->arena, .report = report, .err = err};
    for (uint32_t i = 0; i < qr_model_shown_count(api->model); i++) {
        b.type = &api->model->types[i];
        if (b.type->view_of != NULL && b.type->rules == b.type->view_of->rules) {
            continue; /* bound with the table */
        }
        for (b.rule = b.type->rules; b.rule != NULL; b.rule = b.rule->next) {
            if (b.rule->where != NULL) {
                QR_TRY(bind_rule(&b));
            }
        }
    }
    return qr_gql_report_outcome(report, QUIRE_SCHEMA, err);
}
