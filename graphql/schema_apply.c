/*
 * Making SDL the schema of a database: what is new is added, what would lose
 * data is refused unless it is allowed (docs/graphql.md, "Changing the schema").
 *
 * The comparison is between two models, so it speaks of types and fields; the
 * tables follow. Everything happens in the caller's transaction: a failure
 * dooms it, and rolling back leaves the old schema.
 */
#include "graphql/schema_diff.h"
#include "graphql/schema_store.h"
#include "graphql/sequence.h"
#include "quire/graphql.h"

/* ---- tables ---- */

static quire_status create_table(const struct qr_schema_change *c, const struct qr_model_type *type)
{
    quire_column *columns;
    QR_TRY(qr_model_columns(type, c->arena, &columns, c->err));
    return quire_table_create(c->txn, type->stored, columns, type->column_count, c->err);
}

/* New fields of an old type. Their columns are nullable; a required field needs a default for the
 * rows that are there, which fill_defaults gives them. */
static quire_status grow_table(const struct qr_schema_change *c, const struct qr_model_type *type)
{
    quire_column *columns;
    uint32_t count = 0;
    QR_TRY(qr_model_columns(type, c->arena, &columns, c->err));
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        if (qr_match_field(c, field) != NULL) {
            continue;
        }
        columns[count] = columns[i];
        columns[count++].not_null = false;
    }
    return count == 0 ? QUIRE_OK
                      : quire_table_add_columns(c->txn, type->stored, columns, count, c->err);
}

static quire_status create_links(const struct qr_schema_change *c,
                                 const struct qr_model_field *field)
{
    static const quire_column columns[] = {{"owner", QUIRE_INT, true}, {"target", QUIRE_INT, true}};
    static const quire_index_column sides[] = {{.name = "owner"}, {.name = "target"}};
    static const char *const names[] = {"owner", "target", "pair"};

    QR_TRY(quire_table_create(c->txn, field->link_table, columns, 2, c->err));
    for (int i = 0; i < 3; i++) {
        quire_index_def def = {.kind = QUIRE_INDEX_BTREE,
                               .unique = i == 2,
                               .columns = i == 1 ? &sides[1] : &sides[0],
                               .column_count = i == 2 ? 2 : 1};
        def.name = qr_gql_format(c->arena, c->err, "%s.%s", field->link_table, names[i]);
        if (def.name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(quire_index_create(c->txn, field->link_table, &def, c->err));
    }
    return QUIRE_OK;
}

static bool has_numbers(const struct qr_model *model)
{
    for (uint32_t i = 0; i < model->type_count; i++) {
        for (uint32_t f = 0; f < model->types[i].column_count; f++) {
            if (model->types[i].columns[f]->generator == QR_MODEL_MAKES_NUMBER) {
                return true;
            }
        }
    }
    return false;
}

/* Whether a relation is kept already, at either side. */
static bool has_links(const struct qr_schema_change *c, const struct qr_model_field *field)
{
    return qr_match_field(c, field) != NULL ||
           (field->inverse != NULL && qr_match_field(c, field->inverse) != NULL);
}

static quire_status create_tables(const struct qr_schema_change *c)
{
    if (has_numbers(c->model)) {
        QR_TRY(qr_sequence_prepare(c->txn, c->err));
    }
    for (uint32_t i = 0; i < c->model->type_count; i++) {
        const struct qr_model_type *type = &c->model->types[i];
        if (qr_match_type(c, type) == NULL) {
            QR_TRY(create_table(c, type));
        } else if (!c->matches[i].rebuilt) {
            QR_TRY(grow_table(c, type));
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *field = &type->fields[f];
            if (field->role == QR_MODEL_LINKS && field->link_owner && !has_links(c, field)) {
                QR_TRY(create_links(c, field));
            }
        }
    }
    return QUIRE_OK;
}

/* ---- indexes ---- */

/* Drops the indexes that are no longer declared, or are declared otherwise. */
static quire_status drop_indexes(const struct qr_schema_change *c)
{
    for (uint32_t t = 0; t < c->old->type_count; t++) {
        const struct qr_model_type *type = &c->old->types[t];
        for (uint32_t i = 0; i < type->index_count; i++) {
            if (qr_match_index(c, type, &type->indexes[i]) == NULL) {
                QR_TRY(quire_index_drop(c->txn, type->indexes[i].name, c->err));
            }
        }
    }
    return QUIRE_OK;
}

/* Whether an index of the old schema became this one. */
static bool had_index(const struct qr_schema_change *c, const struct qr_model_type *old,
                      const struct qr_model_index *index)
{
    for (uint32_t i = 0; old != NULL && i < old->index_count; i++) {
        if (qr_match_index(c, old, &old->indexes[i]) == index) {
            return true;
        }
    }
    return false;
}

static quire_status create_indexes(const struct qr_schema_change *c)
{
    for (uint32_t t = 0; t < c->model->type_count; t++) {
        const struct qr_model_type *type = &c->model->types[t];
        const struct qr_model_type *old = qr_match_type(c, type);
        for (uint32_t i = 0; i < type->index_count; i++) {
            quire_index_def def;
            if (!c->matches[t].rebuilt && had_index(c, old, &type->indexes[i])) {
                continue;
            }
            QR_TRY(qr_model_index_def(&type->indexes[i], c->arena, &def, c->err));
            QR_TRY(quire_index_create(c->txn, type->stored, &def, c->err));
        }
    }
    return QUIRE_OK;
}

/* ---- all of it ---- */

static quire_status apply(struct qr_schema_change *c, struct qr_gql_str sdl, bool drop_data)
{
    struct qr_schema_steps steps;
    QR_TRY(qr_schema_diff(c, &steps));
    QR_TRY(qr_schema_diff_check(c, &steps, drop_data));
    QR_TRY(drop_indexes(c));
    QR_TRY(qr_schema_drop(c));
    QR_TRY(qr_schema_rename(c));
    QR_TRY(qr_schema_rebuild(c));
    QR_TRY(create_tables(c));
    QR_TRY(qr_model_bind(c->model, c->txn, c->err));
    QR_TRY(qr_schema_fill(c));
    QR_TRY(create_indexes(c));
    return qr_text_put(c->txn, "schema", sdl.data, sdl.size, c->err);
}

quire_status quire_schema_migrate(quire_txn *txn, const char *sdl, size_t size,
                                  const quire_migration_options *options, quire_error *err)
{
    const quire_allocator *allocator;
    struct qr_api_use old = {0};
    struct qr_gql_report report;
    struct qr_arena arena;
    struct qr_schema_change change = {.txn = txn, .err = err};
    struct qr_gql_str text = {sdl, size};
    quire_status status;

    if (txn == NULL || sdl == NULL || !qr_txn_writes(txn) ||
        (options != NULL && options->size < sizeof *options)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Changing the schema needs a write transaction, SDL, and options that begin "
                       "as QUIRE_MIGRATION_OPTIONS_INIT.");
    }
    if (size == 0) {
        text.size = strlen(sdl);
    }
    allocator = qr_db_allocator(qr_txn_database(txn));
    qr_arena_init(&arena, allocator, 0);
    qr_gql_report_init(&report, &arena, 0, err);
    change.arena = &arena;
    QR_TRY_GOTO(status, qr_api_acquire(txn, &old, err), done);
    QR_TRY_GOTO(status, qr_api_build(allocator, text, &report, &change.api, err), done);
    change.old = old.api->model;
    change.model = change.api->model;
    status = apply(&change, text, options != NULL && options->drop_data);
    if (status != QUIRE_OK) {
        qr_txn_give_up(txn);
    }
done:
    qr_api_free(change.api, allocator);
    qr_api_release(&old);
    qr_arena_free(&arena);
    return status;
}

quire_status quire_schema_apply(quire_txn *txn, const char *sdl, size_t size, quire_error *err)
{
    return quire_schema_migrate(txn, sdl, size, NULL, err);
}
