/*
 * Telling what a new schema changes: the classes that GraphQL tools know for
 * what clients see, and the steps of schema_diff.c for what is stored.
 */
#include "graphql/auth.h"
#include "graphql/schema_diff.h"
#include "graphql/schema_print.h"
#include "graphql/schema_store.h"

struct listing {
    struct qr_schema_change change;
    const struct qr_gql_schema *old, *current;
    quire_change_callback each;
    void *context;
    quire_error *err;
};

static quire_status tell(const struct listing *listing, quire_change_level level, const char *kind,
                         const char *text)
{
    const quire_schema_change change = {level, QUIRE_EFFECT_NONE, kind, text, 0};
    return text == NULL ? QUIRE_NO_MEMORY : listing->each(listing->context, &change, listing->err);
}

static quire_status tell_level(const struct listing *listing, const struct qr_gql_change *change,
                               enum qr_gql_change_level level)
{
    for (; change != NULL; change = change->next) {
        if (change->level == level) {
            QR_TRY(tell(listing,
                        level == QR_GQL_CHANGE_BREAKING ? QUIRE_CHANGE_BREAKING
                                                        : QUIRE_CHANGE_DANGEROUS,
                        change->type, change->description));
        }
    }
    return QUIRE_OK;
}

static quire_status tell_new_fields(const struct listing *listing, const struct qr_gql_type *old,
                                    const struct qr_gql_type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_gql_field *field = &type->fields[i];
        if (qr_gql_type_field(old, field->name) == NULL) {
            QR_TRY(tell(listing, QUIRE_CHANGE_SAFE, "FIELD_ADDED",
                        qr_gql_format(listing->change.arena, listing->err,
                                      "Field %.*s.%.*s was added.", QR_GQL_FMT(type->name),
                                      QR_GQL_FMT(field->name))));
        }
    }
    return QUIRE_OK;
}

/* What only adds: types, and fields of types. */
static quire_status tell_safe(const struct listing *listing)
{
    for (uint32_t i = 0; i < listing->current->type_count; i++) {
        const struct qr_gql_type *type = listing->current->types[i];
        const struct qr_gql_type *old = qr_gql_schema_type(listing->old, type->name);
        if (old == NULL) {
            QR_TRY(tell(listing, QUIRE_CHANGE_SAFE, "TYPE_ADDED",
                        qr_gql_format(listing->change.arena, listing->err, "%.*s was added.",
                                      QR_GQL_FMT(type->name))));
        } else if (type->kind == old->kind &&
                   (type->kind == QR_GQL_OBJECT || type->kind == QR_GQL_INTERFACE)) {
            QR_TRY(tell_new_fields(listing, old, type));
        }
    }
    return QUIRE_OK;
}

static quire_status tell_rule(void *context, quire_change_level level, const char *kind,
                              const char *text)
{
    return tell(context, level, kind, text);
}

/* What changes in the rules of @auth, of one level. */
static quire_status tell_rules(struct listing *listing, quire_change_level level)
{
    const struct qr_auth_comparison comparison = {.old = listing->change.old,
                                                  .current = listing->change.model,
                                                  .arena = listing->change.arena,
                                                  .level = level,
                                                  .tell = tell_rule,
                                                  .context = listing,
                                                  .err = listing->err};
    return qr_auth_compare(&comparison);
}

static quire_status list(struct listing *listing)
{
    struct qr_gql_change *changes;
    struct qr_schema_steps steps;
    QR_TRY(qr_gql_schema_changes(listing->change.arena, listing->old, listing->current, &changes,
                                 listing->err));
    QR_TRY(tell_level(listing, changes, QR_GQL_CHANGE_BREAKING));
    QR_TRY(tell_rules(listing, QUIRE_CHANGE_BREAKING));
    QR_TRY(tell_level(listing, changes, QR_GQL_CHANGE_DANGEROUS));
    QR_TRY(tell_rules(listing, QUIRE_CHANGE_DANGEROUS));
    QR_TRY(tell_safe(listing));
    QR_TRY(qr_schema_diff(&listing->change, &steps));
    for (const struct qr_schema_step *step = steps.first; step != NULL; step = step->next) {
        QR_TRY(listing->each(listing->context, &step->change, listing->err));
    }
    return QUIRE_OK;
}

quire_status quire_schema_diff(quire_txn *txn, const char *sdl, size_t size, quire_schema_form form,
                               quire_change_callback each, void *context, quire_error *err)
{
    struct qr_api_use old = {0};
    struct qr_api *api = NULL;
    struct qr_gql_report report;
    struct qr_arena arena;
    quire_status status;

    if (txn == NULL || sdl == NULL || each == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_schema_diff needs a transaction, SDL and a callback.");
    }
    const quire_allocator *allocator = qr_db_allocator(qr_txn_database(txn));
    struct qr_gql_str text = {sdl, size == 0 ? strlen(sdl) : size};
    qr_arena_init(&arena, allocator, 0);
    qr_gql_report_init(&report, &arena, 0, err);
    QR_TRY_GOTO(status, qr_api_acquire(txn, &old, err), done);
    QR_TRY_GOTO(status, qr_api_build(allocator, text, &report, &api, err), done);
    struct listing listing = {.each = each, .context = context, .err = err};
    listing.change = (struct qr_schema_change){.txn = txn,
                                               .old = old.api->model,
                                               .api = api,
                                               .model = api->model,
                                               .arena = &arena,
                                               .err = err};
    bool generated = form == QUIRE_SCHEMA_API;
    listing.old = generated ? old.api->schema : old.api->model->schema;
    listing.current = generated ? api->schema : api->model->schema;
    status = list(&listing);
done:
    qr_api_free(api, allocator);
    qr_api_release(&old);
    qr_arena_free(&arena);
    return status;
}
