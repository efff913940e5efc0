/*
 * What an operation selects, held against the rules before it runs. Because
 * every row type is an object type, all that can be in the response is known
 * from the selection; what arguments name is checked where they are compiled.
 * Recursion follows the selection, whose depth is bounded.
 */
#include "graphql/auth.h"
#include "graphql/select.h"

struct checker {
    struct qr_auth *auth;
    struct qr_gql_report *report;
    quire_error *err;
};

/* Reports a refusal at a field; other failures go on. */
static quire_status note(const struct checker *c, const struct qr_select_field *field,
                         quire_status status, const quire_error *refusal)
{
    if (status == QUIRE_OK) {
        return QUIRE_OK;
    }
    if (status != QUIRE_FORBIDDEN && status != QUIRE_UNAUTHENTICATED) {
        if (c->err != NULL) {
            *c->err = *refusal;
        }
        return status;
    }
    struct qr_gql_pos pos = qr_select_pos(field);
    struct qr_gql_problem *problem = qr_gql_report_add(c->report, &pos, "%s", refusal->message);
    if (problem != NULL) {
        problem->code = qr_gql_str_of(status == QUIRE_FORBIDDEN ? "FORBIDDEN" : "UNAUTHENTICATED");
    }
    return QUIRE_OK;
}

static quire_status check_type(const struct checker *c, const struct qr_select_field *field,
                               const struct qr_model_type *type, unsigned operations)
{
    for (unsigned bit = QR_AUTH_READ; bit <= QR_AUTH_DELETE; bit <<= 1) {
        quire_error refusal = QUIRE_ERROR_INIT;
        if ((operations & bit) != 0) {
            quire_status status =
                qr_auth_check_type(c->auth, type, (enum qr_auth_operation)bit, &refusal);
            QR_TRY(note(c, field, status, &refusal));
            if (status != QUIRE_OK) {
                break; /* one refusal of a field is enough */
            }
        }
    }
    return QUIRE_OK;
}

/* What a root field, or `returning`, does with rows of its type; 0: nothing. */
static unsigned operations_of(enum qr_api_kind kind)
{
    switch ((int)kind) {
    case QR_API_ONE:
    case QR_API_MANY:
    case QR_API_CHANGES:
    case QR_API_RETURNING:
    case QR_API_RESOLVED:
    case QR_API_MEMBER:
        return QR_AUTH_READ;
    case QR_API_CREATE:
        return QR_AUTH_READ | QR_AUTH_CREATE;
    case QR_API_CREATE_MANY:
        return QR_AUTH_CREATE;
    case QR_API_UPDATE:
    case QR_API_UPDATE_MANY:
        return QR_AUTH_READ | QR_AUTH_UPDATE;
    case QR_API_DELETE:
    case QR_API_DELETE_MANY:
        return QR_AUTH_READ | QR_AUTH_DELETE;
    case QR_API_UPSERT:
        return QR_AUTH_READ | QR_AUTH_CREATE | QR_AUTH_UPDATE;
    default:
        return 0;
    }
}

static quire_status check_field(const struct checker *c, const struct qr_select_field *field)
{
    const struct qr_api_field *api = field->api;
    quire_error refusal = QUIRE_ERROR_INIT;
    if (api->resolver != NULL) {
        QR_TRY(note(c, field, qr_auth_check_resolver(c->auth, api->resolver, &refusal), &refusal));
    }
    if (api->field == NULL) {
        return api->type == NULL ? QUIRE_OK
                                 : check_type(c, field, api->type, operations_of(api->kind));
    }
    quire_status status = qr_auth_check_field(c->auth, api->field, QR_AUTH_READ, &refusal);
    QR_TRY(note(c, field, status, &refusal));
    return status == QUIRE_OK && api->field->target != NULL
               ? check_type(c, field, api->field->target, QR_AUTH_READ)
               : QUIRE_OK;
}

static quire_status check_set(const struct checker *c, const struct qr_select *set);

/* What is selected of each type that a row may have. Of a type that is hidden no row is found. */
static quire_status check_below(const struct checker *c, const struct qr_select_field *field)
{
    for (const struct qr_select *set = field->set; set != NULL; set = set->other) {
        bool hidden = false;
        if (field->api->kind == QR_API_ANY && set->type->host != NULL) {
            QR_TRY(qr_auth_hides_node(c->auth, set->type->host, &hidden, c->err));
        }
        if (!hidden) {
            QR_TRY(check_set(c, set));
        }
    }
    return QUIRE_OK;
}

static quire_status check_set(const struct checker *c, const struct qr_select *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api == NULL) {
            continue;
        }
        QR_TRY(check_field(c, field));
        QR_TRY(check_below(c, field));
    }
    return QUIRE_OK;
}

quire_status qr_auth_check_selection(struct qr_auth *auth, const struct qr_select *set,
                                     struct qr_gql_report *report, quire_error *err)
{
    struct checker c = {auth, report, err};
    if (auth == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(check_set(&c, set));
    const struct qr_gql_problem *first = report->first;
    bool known = first == NULL || !qr_gql_str_is(first->code, "UNAUTHENTICATED");
    return qr_gql_report_outcome(report, known ? QUIRE_FORBIDDEN : QUIRE_UNAUTHENTICATED, err);
}
