/*
 * Compiled schemas, shared between the requests of a database: see
 * schema_store.h.
 */
#include "graphql/schema_store.h"

#include "graphql/computed.h"

#include "quire/graphql.h"

struct shared_schema {
    struct qr_attachment attachment; /* first: the engine knows only this part */
    const quire_allocator *allocator;
    struct qr_api *api;
    struct qr_program_cache *programs;
};

static void destroy_shared(struct qr_attachment *attachment)
{
    struct shared_schema *shared = (struct shared_schema *)(void *)attachment;
    const quire_allocator *allocator = shared->allocator;
    qr_program_cache_free(shared->programs);
    qr_api_free(shared->api, allocator);
    qr_free(allocator, shared, sizeof *shared);
}

/* Makes `field` the side that a pair's link table is named after, if that is the table there is. */
static quire_status bind_link(struct qr_model *model, struct qr_model_field *field, quire_txn *txn,
                              quire_error *err)
{
    struct qr_model_field *owner = field->inverse;
    quire_table *table;
    quire_status status;
    const char *name = qr_model_link_name(model->arena, field, err);
    if (name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_table_open(txn, name, &table, err);
    if (status == QUIRE_UNKNOWN_NAME) {
        return QUIRE_OK;
    }
    QR_TRY(status);
    quire_table_close(table);
    field->link_owner = true;
    owner->link_owner = false;
    field->link_table = name;
    owner->link_table = name;
    return QUIRE_OK;
}

static quire_status bind_links(struct qr_model *model, quire_txn *txn, quire_error *err)
{
    for (uint32_t t = 0; t < model->type_count; t++) {
        for (uint32_t f = 0; f < model->types[t].field_count; f++) {
            struct qr_model_field *field = &model->types[t].fields[f];
            if (field->role == QR_MODEL_LINKS && !field->link_owner && field->inverse != NULL) {
                QR_TRY(bind_link(model, field, txn, err));
            }
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_bind(struct qr_model *model, quire_txn *txn, quire_error *err)
{
    QR_TRY(bind_links(model, txn, err));
    for (uint32_t t = 0; t < model->type_count; t++) {
        struct qr_model_type *type = &model->types[t];
        quire_table *table;
        QR_TRY(quire_table_open(txn, type->stored, &table, err));
        for (uint32_t f = 0; f < type->field_count; f++) {
            struct qr_model_field *field = &type->fields[f];
            if (field->role != QR_MODEL_COLUMN && field->role != QR_MODEL_REFERENCE) {
                continue;
            }
            int column = quire_table_find_column(table, field->column_name);
            if (column < 0 || (uint32_t)column >= type->column_count) {
                quire_table_close(table);
                return qr_fail(err, QUIRE_CORRUPT,
                               "The table %s does not have the columns of its type; run 'quire "
                               "inspect'.",
                               type->table);
            }
            field->column = (uint32_t)column;
            type->columns[column] = field;
        }
        quire_table_close(table);
        QR_TRY(qr_computed_bind(model->arena, type, err));
    }
    qr_model_bind_views(model);
    return QUIRE_OK;
}

/* Compiles the stored SDL; an empty schema when there is none. */
static quire_status compile(quire_txn *txn, struct qr_api **out, quire_error *err)
{
    const quire_allocator *allocator = qr_db_allocator(qr_txn_database(txn));
    struct qr_arena arena;
    struct qr_gql_report report;
    const char *sdl = "";
    size_t size = 0;
    bool found;
    quire_status status;

    qr_arena_init(&arena, allocator, 0);
    qr_gql_report_init(&report, &arena, 0, err);
    *out = NULL;
    QR_TRY_GOTO(status, qr_text_get(txn, "schema", &arena, &sdl, &size, &found, err), done);
    QR_TRY_GOTO(status,
                qr_api_build(allocator,
                             found ? (struct qr_gql_str){sdl, size} : (struct qr_gql_str){"", 0},
                             &report, out, err),
                done);
    status = qr_model_bind((*out)->model, txn, err);
    if (status != QUIRE_OK) {
        qr_api_free(*out, allocator);
        *out = NULL;
    }
done:
    qr_arena_free(&arena);
    return status;
}

static void use_shared(struct qr_api_use *use, struct qr_attachment *attachment)
{
    struct shared_schema *shared = (struct shared_schema *)(void *)attachment;
    use->attachment = attachment;
    use->api = shared->api;
    use->programs = shared->programs;
}

static quire_status share(struct qr_api_use *use, struct qr_api *api, uint64_t cookie,
                          quire_error *err)
{
    const quire_allocator *allocator = qr_db_allocator(use->db);
    struct shared_schema *shared = qr_alloc_zero(allocator, sizeof *shared, err);
    quire_status status = shared == NULL
                              ? QUIRE_NO_MEMORY
                              : qr_program_cache_create(allocator, &shared->programs, err);
    if (status != QUIRE_OK) {
        qr_free(allocator, shared, sizeof *shared);
        qr_api_free(api, allocator);
        return status;
    }
    shared->attachment.cookie = cookie;
    shared->attachment.destroy = destroy_shared;
    shared->allocator = allocator;
    shared->api = api;
    use_shared(use, qr_attachment_publish(use->db, &shared->attachment));
    return QUIRE_OK;
}

quire_status qr_api_acquire(quire_txn *txn, struct qr_api_use *use, quire_error *err)
{
    struct qr_api *api;
    uint64_t cookie;
    bool committed;

    *use = (struct qr_api_use){.db = qr_txn_database(txn)};
    QR_TRY(qr_txn_schema_cookie(txn, &cookie, &committed, err));
    if (committed) {
        struct qr_attachment *attachment = qr_attachment_acquire(use->db, cookie);
        if (attachment != NULL) {
            use_shared(use, attachment);
            return QUIRE_OK;
        }
    }
    QR_TRY(compile(txn, &api, err));
    if (committed) {
        return share(use, api, cookie, err);
    }
    use->own = api;
    use->api = api;
    return QUIRE_OK;
}

void qr_api_release(struct qr_api_use *use)
{
    if (use->attachment != NULL) {
        qr_attachment_release(use->db, use->attachment);
    }
    if (use->own != NULL) {
        qr_api_free(use->own, qr_db_allocator(use->db));
    }
    *use = (struct qr_api_use){0};
}

quire_status quire_schema_text(quire_txn *txn, quire_schema_form form, char **text, size_t *size,
                               quire_error *err)
{
    const quire_allocator *allocator;
    struct qr_api_use use = {0};
    struct qr_gql_str source = {"", 0};
    struct qr_arena arena;
    quire_status status;
    bool found;

    if (txn == NULL || text == NULL || size == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_schema_text needs a transaction and outputs.");
    }
    *text = NULL;
    *size = 0;
    allocator = qr_db_allocator(qr_txn_database(txn));
    qr_arena_init(&arena, allocator, 0);
    if (form == QUIRE_SCHEMA_API) {
        QR_TRY_GOTO(status, qr_api_acquire(txn, &use, err), done);
        source = use.api->sdl;
    } else {
        const char *sdl = "";
        QR_TRY_GOTO(status, qr_text_get(txn, "schema", &arena, &sdl, &source.size, &found, err),
                    done);
        source = found ? (struct qr_gql_str){sdl, source.size} : (struct qr_gql_str){"", 0};
    }
    *text = qr_host_alloc(allocator, source.size + 1, err);
    status = *text == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    if (status == QUIRE_OK) {
        memcpy(*text, source.data, source.size);
        (*text)[source.size] = '\0';
        *size = source.size;
    }
done:
    qr_api_release(&use);
    qr_arena_free(&arena);
    return status;
}
