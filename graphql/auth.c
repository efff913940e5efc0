/*
 * Callers: what the rules of @auth let one do. See auth.h.
 *
 * What a type's rules come to for an operation is found out once a request: no
 * row, every row, or those of a condition, which is then compiled wherever the
 * rows are read. One thread.
 */
#include "graphql/auth.h"

#include "graphql/coerce.h"
#include "graphql/computed.h"
#include "graphql/filter.h"
#include "graphql/json_read.h"
#include "graphql/resolver.h"

/* Nesting of the claims' text. */
#define CLAIMS_DEPTH_MAX 32u

enum access_kind { ACCESS_UNKNOWN, ACCESS_NONE, ACCESS_ALL, ACCESS_SOME };

/* What may be done with the rows of a type. */
struct access {
    enum access_kind kind;
    struct qr_gql_value where; /* SOME: a value of the table's WhereInput */
};

/* A compiled condition. */
struct kept {
    struct qr_filter *filter;
    uint64_t epoch; /* in which it was compiled; 0: never */
};

struct qr_auth {
    const struct qr_model *model;
    struct qr_arena *arena;
    struct qr_gql_value claims;
    const struct qr_gql_value *roles[2]; /* texts, or lists of them; NULL: no such claim */
    struct access (*types)[4];           /* by type, views among them, and operation */
    struct kept (*kept)[4];              /* the same */
    uint64_t epoch;
};

/* ---- claims ---- */

/* The claim that a path of names leads to; NULL when there is none. */
static const struct qr_gql_value *find_claim(const struct qr_gql_value *claims,
                                             const struct qr_gql_ast_value *path)
{
    const struct qr_gql_value *value = claims;
    for (; path != NULL && value != NULL; path = path->next) {
        value = value->kind == QR_GQL_VALUE_OBJECT ? qr_gql_value_get(value, path->text) : NULL;
    }
    return value == NULL || value->kind == QR_GQL_VALUE_NULL ? NULL : value;
}

static void find_roles(struct qr_auth *auth)
{
    if (auth->model->roles_claim != NULL) {
        auth->roles[0] = find_claim(&auth->claims, auth->model->roles_claim);
        return;
    }
    auth->roles[0] = qr_gql_value_get(&auth->claims, qr_gql_str_of("role"));
    auth->roles[1] = qr_gql_value_get(&auth->claims, qr_gql_str_of("roles"));
}

static quire_status read_claims(struct qr_auth *auth, const quire_graphql_request *request,
                                quire_error *err)
{
    size_t size = request->claims_size == 0 ? strlen(request->claims) : request->claims_size;
    quire_error detail = QUIRE_ERROR_INIT;
    quire_status status =
        qr_json_read(auth->arena, request->claims, size, CLAIMS_DEPTH_MAX, &auth->claims, &detail);
    if (status == QUIRE_NO_MEMORY || (status == QUIRE_LIMIT && detail.line == 0)) {
        return qr_fail(err, status, "%s", detail.message);
    }
    if (status != QUIRE_OK || auth->claims.kind != QR_GQL_VALUE_OBJECT) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The claims of the caller are not a JSON object that names each claim "
                       "once.");
    }
    find_roles(auth);
    return QUIRE_OK;
}

quire_status qr_auth_open(const struct qr_api *api, const quire_graphql_request *request,
                          struct qr_arena *arena, struct qr_auth **out, quire_error *err)
{
    *out = NULL;
    if (request->claims == NULL || !api->model->has_auth_rules) {
        return QUIRE_OK;
    }
    struct qr_auth *auth = qr_arena_alloc_zero(arena, sizeof *auth, err);
    if (auth == NULL) {
        return QUIRE_NO_MEMORY;
    }
    auth->model = api->model;
    auth->arena = arena;
    auth->types = qr_arena_alloc_zero(
        arena, sizeof *auth->types * ((size_t)qr_model_shown_count(api->model) + 1), err);
    auth->kept = qr_arena_alloc_zero(
        arena, sizeof *auth->kept * ((size_t)qr_model_shown_count(api->model) + 1), err);
    if (auth->types == NULL || auth->kept == NULL) {
        return QUIRE_NO_MEMORY;
    }
    auth->epoch = 1;
    QR_TRY(read_claims(auth, request, err));
    *out = auth;
    return QUIRE_OK;
}

/* ---- rules ---- */

/* A claim that is null says nothing. */
static bool is_known(const struct qr_auth *auth)
{
    for (uint32_t i = 0; i < auth->claims.count; i++) {
        if (auth->claims.members[i].value.kind != QR_GQL_VALUE_NULL) {
            return true;
        }
    }
    return false;
}

static bool names_role(const struct qr_gql_value *claim, struct qr_gql_str role)
{
    const struct qr_gql_value *values = claim;
    uint32_t count = 1;
    if (claim == NULL) {
        return false;
    }
    if (claim->kind == QR_GQL_VALUE_LIST) {
        values = claim->items;
        count = claim->count;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].kind == QR_GQL_VALUE_STRING && qr_gql_str_equal(values[i].text, role)) {
            return true;
        }
    }
    return false;
}

/* Whether a rule is about the caller and the operation. */
static bool applies(const struct qr_auth *auth, const struct qr_auth_rule *rule,
                    enum qr_auth_operation operation)
{
    if ((rule->operations & (unsigned)operation) == 0) {
        return false;
    }
    if (rule->roles == NULL) {
        return rule->everyone || is_known(auth);
    }
    for (const struct qr_gql_ast_value *role = rule->roles; role != NULL; role = role->next) {
        if (names_role(auth->roles[0], role->text) || names_role(auth->roles[1], role->text)) {
            return true;
        }
    }
    return false;
}

/* Coerces a claim to an input type; *fits false when it is none of its values. Recursion follows
 * the type. */
static quire_status coerce_claim(struct qr_auth *auth, const struct qr_gql_type *type,
                                 const struct qr_gql_value *claim, struct qr_gql_value *out,
                                 bool *fits, quire_error *err)
{
    const char *problem = NULL;
    *out = *claim;
    if (type->kind == QR_GQL_NON_NULL) {
        type = type->inner;
        *fits = *fits && claim->kind != QR_GQL_VALUE_NULL;
    }
    if (claim->kind == QR_GQL_VALUE_NULL || !*fits) {
        return QUIRE_OK;
    }
    if (type->kind != QR_GQL_LIST) {
        QR_TRY(qr_gql_leaf_coerce(auth->arena, type, false, false, out, &problem, err));
        *fits = problem == NULL;
        return QUIRE_OK;
    }
    bool many = claim->kind == QR_GQL_VALUE_LIST;
    out->kind = QR_GQL_VALUE_LIST;
    out->count = many ? claim->count : 1;
    out->items =
        qr_arena_alloc_zero(auth->arena, sizeof *out->items * ((size_t)out->count + 1), err);
    if (out->items == NULL) {
        return qr_gql_memory_status(err);
    }
    for (uint32_t i = 0; i < out->count && *fits; i++) {
        QR_TRY(coerce_claim(auth, type->inner, many ? &claim->items[i] : claim, &out->items[i],
                            fits, err));
    }
    return QUIRE_OK;
}

/* The condition of a rule for the caller; *fits false when a claim that it needs is missing, or
 * none of the values that it is compared with. */
static quire_status coerce_condition(struct qr_auth *auth, const struct qr_auth_rule *rule,
                                     struct qr_gql_value *out, bool *fits, quire_error *err)
{
    struct qr_gql_variables variables = {0};
    *fits = true;
    for (const struct qr_auth_claim *c = rule->claims; c != NULL; c = c->next) {
        const struct qr_gql_value *claim = find_claim(&auth->claims, c->path);
        struct qr_gql_value *value = qr_arena_alloc(auth->arena, sizeof *value, err);
        *fits = claim != NULL;
        if (value == NULL) {
            return qr_gql_memory_status(err);
        }
        if (*fits) {
            QR_TRY(coerce_claim(auth, c->type, claim, value, fits, err));
        }
        if (!*fits) {
            return QUIRE_OK;
        }
        QR_TRY(qr_gql_name_table_set(&variables.values, auth->arena, c->variable, value, err));
    }
    return qr_gql_literal_coerce(auth->arena, rule->input, rule->where, &variables, out, fits, err);
}

/* One condition out of alternatives. */
static quire_status unite(struct qr_auth *auth, struct qr_gql_value *conditions, uint32_t count,
                          struct qr_gql_value *out, quire_error *err)
{
    if (count == 1) {
        *out = conditions[0];
        return QUIRE_OK;
    }
    struct qr_gql_value_member *any = qr_arena_alloc_zero(auth->arena, sizeof *any, err);
    if (any == NULL) {
        return qr_gql_memory_status(err);
    }
    any->name = qr_gql_str_of("OR");
    any->value =
        (struct qr_gql_value){.kind = QR_GQL_VALUE_LIST, .items = conditions, .count = count};
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT, .members = any, .count = 1};
    return QUIRE_OK;
}

static quire_status find_access(struct qr_auth *auth, const struct qr_auth_rule *rules,
                                enum qr_auth_operation operation, struct access *out,
                                quire_error *err)
{
    struct qr_gql_value *conditions;
    uint32_t count = 0;
    for (const struct qr_auth_rule *r = rules; r != NULL; r = r->next) {
        count++;
    }
    conditions = qr_arena_alloc(auth->arena, sizeof *conditions * (count + 1), err);
    if (conditions == NULL) {
        return qr_gql_memory_status(err);
    }
    count = 0;
    for (const struct qr_auth_rule *r = rules; r != NULL; r = r->next) {
        bool fits;
        if (!applies(auth, r, operation)) {
            continue;
        }
        if (r->where == NULL) {
            out->kind = ACCESS_ALL;
            return QUIRE_OK;
        }
        QR_TRY(coerce_condition(auth, r, &conditions[count], &fits, err));
        count += fits ? 1 : 0;
    }
    if (count > 0) {
        QR_TRY(unite(auth, conditions, count, &out->where, err));
    }
    out->kind = count > 0 ? ACCESS_SOME : ACCESS_NONE;
    return QUIRE_OK;
}

static unsigned number_of(enum qr_auth_operation operation)
{
    return operation == QR_AUTH_READ     ? 0
           : operation == QR_AUTH_CREATE ? 1
           : operation == QR_AUTH_UPDATE ? 2
                                         : 3;
}

/* What the caller may do with rows of the type; remembered. */
static quire_status access_to(struct qr_auth *auth, const struct qr_model_type *type,
                              enum qr_auth_operation operation, const struct access **out,
                              quire_error *err)
{
    static const struct access all = {.kind = ACCESS_ALL};
    *out = &all;
    if (type->rules == NULL) {
        return QUIRE_OK;
    }
    struct access *access = &auth->types[type - auth->model->types][number_of(operation)];
    if (access->kind == ACCESS_UNKNOWN) {
        QR_TRY(find_access(auth, type->rules, operation, access, err));
    }
    *out = access;
    return QUIRE_OK;
}

/* ---- refusing ---- */

static quire_status refuse_name(const struct qr_auth *auth, const char *type,
                                struct qr_gql_str field, enum qr_auth_operation operation,
                                quire_error *err)
{
    static const char *const verbs[] = {"Reading", "Creating", "Updating", "Deleting"};
    bool known = is_known(auth);
    return qr_fail(err, known ? QUIRE_FORBIDDEN : QUIRE_UNAUTHENTICATED, "%s %s%s%.*s %s.",
                   verbs[number_of(operation)], type, field.size == 0 ? "" : ".", QR_GQL_FMT(field),
                   known ? "is not allowed" : "is not allowed to a caller who is not known");
}

quire_status qr_auth_refuse(const struct qr_auth *auth, const struct qr_model_type *type,
                            const struct qr_model_field *field, enum qr_auth_operation operation,
                            quire_error *err)
{
    struct qr_gql_str name = field == NULL ? (struct qr_gql_str){"", 0} : field->name;
    return refuse_name(auth, type->table, name, operation, err);
}

quire_status qr_auth_check_type(struct qr_auth *auth, const struct qr_model_type *type,
                                enum qr_auth_operation operation, quire_error *err)
{
    const struct access *access;
    if (auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(access_to(auth, type, operation, &access, err));
    return access->kind != ACCESS_NONE ? QUIRE_OK
                                       : qr_auth_refuse(auth, type, NULL, operation, err);
}

quire_status qr_auth_hides(struct qr_auth *auth, const struct qr_model_type *type, bool *hidden,
                           quire_error *err)
{
    const struct access *access;
    *hidden = false;
    if (auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(access_to(auth, type, QR_AUTH_READ, &access, err));
    *hidden = access->kind == ACCESS_NONE;
    return QUIRE_OK;
}

static bool some_applies(const struct qr_auth *auth, const struct qr_auth_rule *rule,
                         enum qr_auth_operation operation)
{
    while (rule != NULL && !applies(auth, rule, operation)) {
        rule = rule->next;
    }
    return rule != NULL;
}

static bool may(const struct qr_auth *auth, const struct qr_model_field *field,
                enum qr_auth_operation operation)
{
    return field->rules == NULL || some_applies(auth, field->rules, operation);
}

/* What is computed of columns tells them. */
static bool may_read_sources(const struct qr_auth *auth, const struct qr_model_field *field)
{
    const uint32_t *columns;
    uint32_t count = qr_expression_columns(field->expression, &columns);
    for (uint32_t i = 0; i < count; i++) {
        if (!may(auth, field->owner->columns[columns[i]], QR_AUTH_READ)) {
            return false;
        }
    }
    return true;
}

/* The other side of a relation that is no reference tells the same. */
static bool may_read_other_side(const struct qr_auth *auth, const struct qr_model_field *field)
{
    bool told = field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_REVERSE_ONE ||
                field->role == QR_MODEL_LINKS;
    return !told || field->inverse == NULL || may(auth, field->inverse, QR_AUTH_READ);
}

bool qr_auth_can_read(const struct qr_auth *auth, const struct qr_model_field *field)
{
    return auth == NULL || (may(auth, field, QR_AUTH_READ) && may_read_other_side(auth, field) &&
                            (field->role != QR_MODEL_COMPUTED || may_read_sources(auth, field)));
}

quire_status qr_auth_hides_node(struct qr_auth *auth, const struct qr_model_type *type,
                                bool *hidden, quire_error *err)
{
    const struct qr_model_field *id = qr_model_find_field(type, qr_gql_str_of("id"));
    QR_TRY(qr_auth_hides(auth, type, hidden, err));
    *hidden = *hidden || (id != NULL && !qr_auth_can_read(auth, id));
    return QUIRE_OK;
}

quire_status qr_auth_check_field(struct qr_auth *auth, const struct qr_model_field *field,
                                 enum qr_auth_operation operation, quire_error *err)
{
    bool allowed = operation == QR_AUTH_READ ? qr_auth_can_read(auth, field)
                                             : auth == NULL || may(auth, field, operation);
    return allowed ? QUIRE_OK : qr_auth_refuse(auth, field->owner, field, operation, err);
}

quire_status qr_auth_check_resolver(struct qr_auth *auth, const struct qr_model_resolver *resolver,
                                    quire_error *err)
{
    const char *name = strchr(resolver->coordinate, '.');
    if (auth == NULL || some_applies(auth, resolver->rules, QR_AUTH_READ)) {
        return QUIRE_OK;
    }
    for (uint32_t i = 0; resolver->rules == NULL && i < resolver->required_count; i++) {
        QR_TRY(qr_auth_check_field(auth, resolver->required[i], QR_AUTH_READ, err));
    }
    return resolver->rules == NULL
               ? QUIRE_OK
               : refuse_name(auth, resolver->owner, qr_gql_str_of(name + 1), QR_AUTH_READ, err);
}

/* ---- rows ---- */

quire_status qr_auth_filter(struct qr_reader *reader, const struct qr_model_type *type,
                            enum qr_auth_operation operation, struct qr_filter **out)
{
    struct qr_auth *auth = reader->auth;
    const struct access *access;
    *out = NULL;
    if (auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(access_to(auth, type, operation, &access, reader->err));
    if (access->kind == ACCESS_NONE) {
        return qr_auth_refuse(auth, type, NULL, operation, reader->err);
    }
    if (access->kind == ACCESS_ALL) {
        return QUIRE_OK;
    }
    return qr_filter_compile_own(reader, type->view_of != NULL ? type->view_of : type,
                                 &access->where, out);
}

quire_status qr_auth_check_key(struct qr_reader *reader, const struct qr_model_field *field)
{
    const struct access *access;
    if (reader->auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
    if (field->role != QR_MODEL_REFERENCE) {
        return QUIRE_OK;
    }
    QR_TRY(access_to(reader->auth, field->target, QR_AUTH_READ, &access, reader->err));
    return access->kind == ACCESS_ALL
               ? QUIRE_OK
               : qr_auth_refuse(reader->auth, field->target, NULL, QR_AUTH_READ, reader->err);
}

/* The condition compiled once for many questions about one row each. */
static quire_status kept_filter(struct qr_reader *reader, const struct qr_model_type *type,
                                enum qr_auth_operation operation, const struct qr_filter **out)
{
    struct qr_auth *auth = reader->auth;
    struct kept *kept;
    *out = NULL;
    if (auth == NULL || type->rules == NULL) {
        return QUIRE_OK;
    }
    kept = &auth->kept[type - auth->model->types][number_of(operation)];
    if (kept->epoch != auth->epoch) {
        QR_TRY(qr_auth_filter(reader, type, operation, &kept->filter));
        kept->epoch = auth->epoch;
    }
    *out = kept->filter;
    return QUIRE_OK;
}

void qr_auth_renew(struct qr_auth *auth)
{
    if (auth != NULL) {
        auth->epoch++;
    }
}

quire_status qr_auth_test(struct qr_reader *reader, const struct qr_model_type *type,
                          enum qr_auth_operation operation, const struct qr_row *row, bool *pass)
{
    const struct qr_filter *filter;
    *pass = true;
    QR_TRY(kept_filter(reader, type, operation, &filter));
    return qr_filter_test(reader, filter, row, pass);
}

quire_status qr_auth_test_at(struct qr_reader *reader, const struct qr_model_type *type,
                             enum qr_auth_operation operation, int64_t rowid, bool *found,
                             bool *pass)
{
    const struct qr_filter *filter;
    struct qr_row row = {.rowid = rowid, .place = rowid};
    quire_table *table;
    const void *record;

    *found = *pass = true;
    QR_TRY(kept_filter(reader, type, operation, &filter));
    if (filter == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_table(reader, type, &table));
    QR_TRY(quire_table_get(table, rowid, &record, &row.size, found, reader->err));
    reader->rows_read++;
    if (!*found) {
        return QUIRE_OK;
    }
    row.record = (const uint8_t *)qr_arena_copy(&reader->scratch, record, row.size, reader->err);
    return row.record == NULL ? QUIRE_NO_MEMORY : qr_filter_test(reader, filter, &row, pass);
}

quire_status qr_auth_see(struct qr_reader *reader, const struct qr_model_type *type, int64_t rowid,
                         bool *found)
{
    bool exists;
    bool hidden;
    bool pass;
    if (!*found || reader->auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_auth_hides(reader->auth, type, &hidden, reader->err));
    if (hidden) {
        *found = false;
        return QUIRE_OK;
    }
    QR_TRY(qr_auth_test_at(reader, type, QR_AUTH_READ, rowid, &exists, &pass));
    *found = exists && pass;
    return QUIRE_OK;
}
