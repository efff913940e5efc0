/*
 * Building the API schema, and pointing its fields to the model.
 */
#include "graphql/api_internal.h"
#include "graphql/auth.h"
#include "graphql/resolver.h"
#include "graphql/scalar.h"
#include "graphql/trigger.h"

const char *qr_api_keys_name(const struct qr_model_field *field, struct qr_arena *arena,
                             quire_error *err)
{
    if (field->role == QR_MODEL_REFERENCE) {
        return field->key_name;
    }
    return qr_gql_format(arena, err, "%.*sIds", QR_GQL_FMT(field->name));
}

quire_status qr_api_find(struct qr_api_annotator *a, const struct qr_model_type *type,
                         const char *suffix, struct qr_gql_type **out)
{
    const char *name = qr_gql_format(&a->api->schema->arena, a->err, "%s%s", type->table, suffix);
    if (name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *out = qr_gql_schema_type(a->api->schema, qr_gql_str_of(name));
    return QUIRE_OK;
}

/* The same where the type is always generated. */
static quire_status find_generated(struct qr_api_annotator *a, const struct qr_model_type *type,
                                   const char *suffix, struct qr_gql_type **out)
{
    QR_TRY(qr_api_find(a, type, suffix, out));
    return *out != NULL ? QUIRE_OK
                        : qr_fail(a->err, QUIRE_INTERNAL, "The generated type %s%s is missing.",
                                  type->table, suffix);
}

quire_status qr_api_annotate(struct qr_api_annotator *a, struct qr_gql_type *owner,
                             const char *name, enum qr_api_kind kind, struct qr_model_type *type,
                             struct qr_model_field *field)
{
    struct qr_gql_field *target =
        owner == NULL ? NULL : qr_gql_type_field(owner, qr_gql_str_of(name));
    struct qr_api_field *host;
    if (target == NULL) {
        return QUIRE_OK; /* what clients cannot use is not generated */
    }
    host = qr_arena_alloc(&a->api->schema->arena, sizeof *host, a->err);
    if (host == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *host = (struct qr_api_field){.kind = kind, .type = type, .field = field};
    target->host = host;
    return QUIRE_OK;
}

static quire_status annotate_row(struct qr_api_annotator *a, struct qr_model_type *type)
{
    static const enum qr_api_kind kinds[] = {
        [QR_MODEL_COLUMN] = QR_API_COLUMN,
        [QR_MODEL_REFERENCE] = QR_API_REFERENCE,
        [QR_MODEL_REVERSE_ONE] = QR_API_REVERSE_ONE,
        [QR_MODEL_REVERSE] = QR_API_LIST,
        [QR_MODEL_LINKS] = QR_API_LIST,
        [QR_MODEL_COMPUTED] = QR_API_COLUMN,
    };
    struct qr_gql_type *row;

    QR_TRY(find_generated(a, type, "", &row));
    row->host = type;
    QR_TRY(qr_api_annotate(a, row, "_version", QR_API_VERSION, type, NULL));
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        const char *name =
            qr_gql_format(&a->api->schema->arena, a->err, "%.*s", QR_GQL_FMT(field->name));
        if (name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(qr_api_annotate(a, row, name, kinds[field->role], type, field));
        if (field->role == QR_MODEL_REFERENCE) {
            QR_TRY(qr_api_annotate(a, row, field->key_name, QR_API_REFERENCE_KEY, type, field));
        }
    }
    return QUIRE_OK;
}

static quire_status annotate_subscription(struct qr_api_annotator *a, struct qr_model_type *type)
{
    struct qr_gql_type *root = a->api->schema->roots[QR_GQL_SUBSCRIPTION];
    struct qr_gql_type *change;
    if (!type->has_subscriptions) {
        return QUIRE_OK;
    }
    QR_TRY(find_generated(a, type, "Change", &change));
    QR_TRY(qr_api_annotate(a, root, type->one_name, QR_API_ONE, type, NULL));
    QR_TRY(qr_api_annotate(a, root, type->many_name, QR_API_MANY, type, NULL));
    QR_TRY(qr_api_annotate(a, root, type->changes_name, QR_API_CHANGES, type, NULL));
    QR_TRY(qr_api_annotate(a, change, "operation", QR_API_CHANGE_OPERATION, type, NULL));
    QR_TRY(qr_api_annotate(a, change, "node", QR_API_CHANGE_NODE, type, NULL));
    return qr_api_annotate(a, change, "previous", QR_API_CHANGE_PREVIOUS, type, NULL);
}

static quire_status annotate_type(struct qr_api_annotator *a, struct qr_model_type *type)
{
    struct qr_gql_type *query = a->api->schema->roots[QR_GQL_QUERY];
    struct qr_gql_type *mutation = a->api->schema->roots[QR_GQL_MUTATION];
    struct qr_gql_type *connection;
    struct qr_gql_type *edge;
    struct qr_gql_type *result = NULL;

    QR_TRY(find_generated(a, type, "Connection", &connection));
    QR_TRY(find_generated(a, type, "Edge", &edge));
    QR_TRY(qr_api_annotate(a, query, type->one_name, QR_API_ONE, type, NULL));
    QR_TRY(qr_api_annotate(a, query, type->many_name, QR_API_MANY, type, NULL));
    if (type->has_mutations) {
        QR_TRY(find_generated(a, type, "BulkResult", &result));
    }
    for (int verb = 0; verb < QR_MODEL_VERBS && type->view_of == NULL; verb++) {
        QR_TRY(qr_api_annotate(a, mutation, type->verb_names[verb],
                               (enum qr_api_kind)(QR_API_CREATE + verb), type, NULL));
    }
    QR_TRY(qr_api_annotate(a, result, "affectedRows", QR_API_AFFECTED_ROWS, type, NULL));
    QR_TRY(qr_api_annotate(a, result, "returning", QR_API_RETURNING, type, NULL));
    QR_TRY(qr_api_annotate(a, connection, "items", QR_API_ITEMS, type, NULL));
    QR_TRY(qr_api_annotate(a, connection, "edges", QR_API_EDGES, type, NULL));
    QR_TRY(qr_api_annotate(a, connection, "pageInfo", QR_API_PAGE_INFO, type, NULL));
    QR_TRY(qr_api_annotate(a, connection, "totalCount", QR_API_TOTAL_COUNT, type, NULL));
    QR_TRY(qr_api_annotate(a, edge, "cursor", QR_API_CURSOR, type, NULL));
    QR_TRY(qr_api_annotate(a, edge, "node", QR_API_NODE, type, NULL));
    QR_TRY(qr_api_annotate(a, connection, "aggregate", QR_API_AGGREGATE, type, NULL));
    QR_TRY(qr_api_annotate(a, connection, "groupBy", QR_API_GROUP_BY, type, NULL));
    QR_TRY(qr_api_annotate_aggregates(a, type));
    QR_TRY(annotate_subscription(a, type));
    return annotate_row(a, type);
}

static quire_status annotate_all(struct qr_api_annotator *a)
{
    struct qr_gql_type *info = qr_gql_schema_type(a->api->schema, qr_gql_str_of("PageInfo"));

    qr_scalar_bind(a->api->schema);
    if (a->api->model->node != NULL) {
        QR_TRY(qr_api_annotate(a, a->api->schema->roots[QR_GQL_QUERY], "node", QR_API_ANY, NULL,
                               NULL));
    }
    QR_TRY(qr_api_annotate(a, info, "hasNextPage", QR_API_HAS_NEXT, NULL, NULL));
    QR_TRY(qr_api_annotate(a, info, "hasPreviousPage", QR_API_HAS_PREVIOUS, NULL, NULL));
    QR_TRY(qr_api_annotate(a, info, "startCursor", QR_API_START_CURSOR, NULL, NULL));
    QR_TRY(qr_api_annotate(a, info, "endCursor", QR_API_END_CURSOR, NULL, NULL));
    for (uint32_t i = 0; i < qr_model_shown_count(a->api->model); i++) {
        QR_TRY(annotate_type(a, &a->api->model->types[i]));
    }
    return qr_api_annotate_resolvers(a);
}

/* Prints the API's text into `arena` and builds it. Problems here are clashes of a declared name
 * with a generated one; their places would be in the generated text, so they are dropped. */
static quire_status build_generated(struct qr_api *api, const quire_allocator *allocator,
                                    struct qr_arena *arena, struct qr_gql_report *report,
                                    quire_error *err)
{
    struct qr_gql_str text;
    struct qr_gql_report problems;

    QR_TRY(qr_api_print(api->model, arena, &text, err));
    qr_gql_report_init(&problems, arena, 0, err);
    quire_status status =
        qr_gql_schema_build(allocator, &text, 1, NULL, &problems, &api->schema, err);
    if (status == QUIRE_SYNTAX || status == QUIRE_SCHEMA) {
        for (const struct qr_gql_problem *p = problems.first; p != NULL; p = p->next) {
            qr_gql_report_add(report, NULL, "In the generated API: %.*s", QR_GQL_FMT(p->message));
        }
        return qr_gql_report_outcome(report, QUIRE_SCHEMA, err);
    }
    QR_TRY(status);
    api->sdl = api->schema->documents[0]->source;
    return QUIRE_OK;
}

quire_status qr_api_build(const quire_allocator *allocator, struct qr_gql_str sdl,
                          struct qr_gql_report *report, struct qr_api **out, quire_error *err)
{
    struct qr_api *api = qr_alloc_zero(allocator, sizeof *api, err);
    struct qr_arena arena;
    quire_status status;

    *out = NULL;
    if (api == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_arena_init(&arena, allocator, 0);
    QR_TRY_GOTO(status, qr_model_build(allocator, sdl, report, &api->model, err), done);
    QR_TRY_GOTO(status, build_generated(api, allocator, &arena, report, err), done);
    struct qr_api_annotator a = {.api = api, .err = err};
    QR_TRY_GOTO(status, annotate_all(&a), done);
    QR_TRY_GOTO(status, qr_views_bind(api->model, api->schema, report, err), done);
    QR_TRY_GOTO(status, qr_auth_bind(api, report, err), done);
    status = qr_triggers_bind(api, report, err);
done:
    qr_arena_free(&arena);
    if (status != QUIRE_OK) {
        qr_api_free(api, allocator);
        return status;
    }
    *out = api;
    return QUIRE_OK;
}

void qr_api_free(struct qr_api *api, const quire_allocator *allocator)
{
    if (api != NULL) {
        qr_gql_schema_free(api->schema);
        qr_model_free(api->model);
        qr_free(allocator, api, sizeof *api);
    }
}
