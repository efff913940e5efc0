/*
 * Making SDL the schema of a database: what is new is added, what would lose
 * data is refused (docs/graphql.md, "Changing the schema").
 *
 * The comparison is between two models, so it speaks of types and fields; the
 * tables follow. Everything happens in the caller's transaction: a failure
 * dooms it, and rolling back leaves the old schema.
 */
#include "graphql/schema_store.h"
#include "graphql/sequence.h"
#include "graphql/store.h"
#include "quire/graphql.h"

struct change {
    quire_txn *txn;
    const struct qr_model *old; /* without types at first */
    struct qr_api *api;
    struct qr_model *model;
    struct qr_arena *arena;
    quire_error *err;
};

/* ---- what must not change ---- */

static quire_status refuse(const struct change *c, struct qr_gql_pos pos, const char *what)
{
    return qr_fail_text(c->err, QUIRE_SCHEMA, "schema", pos.line, pos.column,
                        "%s The stored data would be lost; export it, or keep the declaration.",
                        what);
}

static bool is_stored(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE ||
           field->role == QR_MODEL_LINKS;
}

/* Whether every value of an old enum is still there. */
static bool keeps_values(const struct qr_gql_type *old, const struct qr_gql_type *new)
{
    for (uint32_t i = 0; i < old->value_count; i++) {
        if (qr_gql_type_enum_value(new, old->values[i].name) == NULL) {
            return false;
        }
    }
    return true;
}

static bool same_storage(const struct qr_model_field *old, const struct qr_model_field *new)
{
    if (old->role != new->role || old->required != new->required || old->list != new->list) {
        return false;
    }
    if (old->role == QR_MODEL_COLUMN) {
        return old->scalar == new->scalar && old->element_required == new->element_required &&
               (old->scalar != QR_MODEL_ENUM || keeps_values(old->named, new->named));
    }
    if (old->role == QR_MODEL_REFERENCE && strcmp(old->column_name, new->column_name) != 0) {
        return false;
    }
    return qr_gql_str_equal(old->target->name, new->target->name);
}

static quire_status check_fields(const struct change *c, const struct qr_model_type *old,
                                 const struct qr_model_type *new)
{
    for (uint32_t i = 0; i < old->field_count; i++) {
        const struct qr_model_field *field = &old->fields[i];
        const struct qr_model_field *kept = qr_model_find_field(new, field->name);
        if (!is_stored(field)) {
            continue;
        }
        struct qr_gql_pos pos = kept != NULL && kept->definition != NULL
                                    ? kept->definition->node->name.pos
                                    : new->definition->origins->node->name.pos;
        if (kept == NULL || !same_storage(field, kept)) {
            const char *what = qr_gql_format(
                c->arena, c->err, "The field %s.%.*s is stored and %s.", old->table,
                QR_GQL_FMT(field->name),
                kept == NULL ? "is missing" : "has another type, nullability or column");
            return what == NULL ? QUIRE_NO_MEMORY : refuse(c, pos, what);
        }
    }
    return QUIRE_OK;
}

static quire_status check_types(const struct change *c)
{
    for (uint32_t i = 0; i < c->old->type_count; i++) {
        const struct qr_model_type *old = &c->old->types[i];
        const struct qr_model_type *new = qr_model_find_type(c->model, old->name);
        if (new == NULL) {
            const char *what =
                qr_gql_format(c->arena, c->err, "The type %s is missing.", old->table);
            return what == NULL ? QUIRE_NO_MEMORY : refuse(c, (struct qr_gql_pos){0, 1, 1}, what);
        }
        QR_TRY(check_fields(c, old, new));
    }
    return QUIRE_OK;
}

/* ---- tables ---- */

static quire_status create_table(const struct change *c, const struct qr_model_type *type)
{
    quire_column *columns;
    QR_TRY(qr_model_columns(type, c->arena, &columns, c->err));
    return quire_table_create(c->txn, type->stored, columns, type->column_count, c->err);
}

/* New fields of an old type. Their columns are nullable; a required field needs a default for the
 * rows that are there, which fill_defaults gives them. */
static quire_status grow_table(const struct change *c, const struct qr_model_type *old,
                               const struct qr_model_type *type)
{
    quire_column *columns;
    uint32_t count = 0;
    QR_TRY(qr_model_columns(type, c->arena, &columns, c->err));
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        if (qr_model_find_field(old, field->name) != NULL) {
            continue;
        }
        if (field->required && !qr_model_has_default(field)) {
            return qr_fail_text(c->err, QUIRE_SCHEMA, "schema",
                                field->definition->node->name.pos.line,
                                field->definition->node->name.pos.column,
                                "The new field %s.%.*s is non-null: give it a @default for the "
                                "rows that are there, or make it nullable.",
                                type->table, QR_GQL_FMT(field->name));
        }
        columns[count] = columns[i];
        columns[count++].not_null = false;
    }
    return count == 0 ? QUIRE_OK
                      : quire_table_add_columns(c->txn, type->stored, columns, count, c->err);
}

static quire_status create_links(const struct change *c, const struct qr_model_field *field)
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

static quire_status create_tables(const struct change *c)
{
    if (has_numbers(c->model)) {
        QR_TRY(qr_sequence_prepare(c->txn, c->err));
    }
    for (uint32_t i = 0; i < c->model->type_count; i++) {
        const struct qr_model_type *type = &c->model->types[i];
        const struct qr_model_type *old = qr_model_find_type(c->old, type->name);
        QR_TRY(old == NULL ? create_table(c, type) : grow_table(c, old, type));
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *field = &type->fields[f];
            if (field->role == QR_MODEL_LINKS && field->link_owner &&
                (old == NULL || qr_model_find_field(old, field->name) == NULL)) {
                QR_TRY(create_links(c, field));
            }
        }
    }
    return QUIRE_OK;
}

/* ---- rows ---- */

/* The values of the new fields for one row; *needed says whether there are any. */
static quire_status set_defaults(struct qr_store *store, const struct qr_model_type *old,
                                 const struct qr_model_type *type, struct qr_draft *draft,
                                 bool *needed)
{
    *needed = false;
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        if (qr_model_has_default(field) && qr_model_find_field(old, field->name) == NULL) {
            QR_TRY(qr_draft_default(store, draft, field));
            *needed = true;
        }
    }
    return QUIRE_OK;
}

/* Notes the numbers that a field has already which is to count on from now. */
static quire_status note_numbers(struct qr_store *store, const struct qr_model_type *old,
                                 const struct qr_model_type *type, const void *record, size_t size)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        const struct qr_model_field *before = qr_model_find_field(old, field->name);
        quire_value value;
        if (field->generator != QR_MODEL_MAKES_NUMBER || before == NULL ||
            before->generator == QR_MODEL_MAKES_NUMBER) {
            continue;
        }
        QR_TRY(quire_record_column(record, size, i, &value, store->reader->err));
        if (value.type == QUIRE_INT) {
            QR_TRY(qr_sequence_raise(store->reader, field, value.as.integer));
        }
    }
    return QUIRE_OK;
}

/* Gives one row what the new fields of its type need. */
static quire_status fill_row(struct qr_store *store, const struct qr_model_type *old,
                             const struct qr_model_type *type, quire_cursor *cursor)
{
    struct qr_draft draft;
    const void *record;
    int64_t rowid;
    size_t size;
    bool needed;

    QR_TRY(quire_cursor_row(cursor, &rowid, &record, &size, store->reader->err));
    QR_TRY(note_numbers(store, old, type, record, size));
    QR_TRY(qr_draft_init(store, type, &draft));
    QR_TRY(set_defaults(store, old, type, &draft, &needed));
    return needed ? qr_store_update(store, rowid, &draft) : QUIRE_OK;
}

/* Whether the rows of a type must be looked at. */
static bool needs_filling(const struct qr_model_type *old, const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        const struct qr_model_field *before = qr_model_find_field(old, field->name);
        if ((qr_model_has_default(field) && before == NULL) ||
            (before != NULL && before->generator != field->generator)) {
            return true;
        }
    }
    return false;
}

static quire_status fill_type(const struct change *c, struct qr_store *store,
                              const struct qr_model_type *old, const struct qr_model_type *type)
{
    struct qr_arena *arena = store->reader->arena;
    struct qr_arena row;
    quire_cursor *cursor;
    quire_table *table;
    bool valid = true;
    quire_status status;

    if (!needs_filling(old, type)) {
        return QUIRE_OK;
    }
    QR_TRY(quire_table_open(c->txn, type->stored, &table, c->err));
    qr_arena_init(&row, arena->allocator, 0);
    store->reader->arena = &row;
    status = quire_table_cursor(table, &cursor, c->err);
    if (status == QUIRE_OK) {
        status = quire_cursor_first(cursor, &valid, c->err);
        while (status == QUIRE_OK && valid) {
            status = fill_row(store, old, type, cursor);
            if (status == QUIRE_OK) {
                status = quire_cursor_next(cursor, &valid, c->err);
            }
            qr_arena_reset(&row);
        }
        quire_cursor_close(cursor);
    }
    store->reader->arena = arena;
    qr_arena_free(&row);
    quire_table_close(table);
    return status;
}

static quire_status fill_rows(const struct change *c)
{
    struct qr_reader reader;
    struct qr_store store = {.reader = &reader, .keeps_stamps = true};
    quire_status status = QUIRE_OK;

    QR_TRY(qr_reader_init(&reader, c->txn, c->api, c->arena, c->err));
    for (uint32_t i = 0; status == QUIRE_OK && i < c->model->type_count; i++) {
        const struct qr_model_type *type = &c->model->types[i];
        const struct qr_model_type *old = qr_model_find_type(c->old, type->name);
        if (old != NULL) {
            status = fill_type(c, &store, old, type);
        }
    }
    qr_reader_close(&reader);
    return status;
}

/* ---- indexes ---- */

/* Whether the type of that name has the very same index. */
static bool has_index(const struct qr_model *model, struct qr_gql_str type_name,
                      const struct qr_model_index *wanted)
{
    const struct qr_model_type *type = qr_model_find_type(model, type_name);
    for (uint32_t i = 0; type != NULL && i < type->index_count; i++) {
        const struct qr_model_index *index = &type->indexes[i];
        if (strcmp(index->name, wanted->name) != 0) {
            continue;
        }
        bool same = index->kind == wanted->kind && index->unique == wanted->unique &&
                    index->field_count == wanted->field_count;
        for (uint32_t f = 0; same && f < index->field_count; f++) {
            same = strcmp(index->fields[f]->column_name, wanted->fields[f]->column_name) == 0;
        }
        return same;
    }
    return false;
}

/* Drops the indexes that are no longer declared, or are declared otherwise; makes the new ones. */
static quire_status change_indexes(const struct change *c)
{
    for (uint32_t t = 0; t < c->old->type_count; t++) {
        const struct qr_model_type *type = &c->old->types[t];
        for (uint32_t i = 0; i < type->index_count; i++) {
            if (!has_index(c->model, type->name, &type->indexes[i])) {
                QR_TRY(quire_index_drop(c->txn, type->indexes[i].name, c->err));
            }
        }
    }
    for (uint32_t t = 0; t < c->model->type_count; t++) {
        const struct qr_model_type *type = &c->model->types[t];
        for (uint32_t i = 0; i < type->index_count; i++) {
            quire_index_def def;
            if (has_index(c->old, type->name, &type->indexes[i])) {
                continue;
            }
            QR_TRY(qr_model_index_def(&type->indexes[i], c->arena, &def, c->err));
            QR_TRY(quire_index_create(c->txn, type->stored, &def, c->err));
        }
    }
    return QUIRE_OK;
}

/* ---- all of it ---- */

static quire_status apply(struct change *c, struct qr_gql_str sdl)
{
    QR_TRY(check_types(c));
    QR_TRY(qr_model_bind_links(c->model, c->txn, c->err));
    QR_TRY(create_tables(c));
    QR_TRY(qr_model_bind(c->model, c->txn, c->err));
    QR_TRY(fill_rows(c));
    QR_TRY(change_indexes(c));
    return qr_text_put(c->txn, "schema", sdl.data, sdl.size, c->err);
}

quire_status quire_schema_apply(quire_txn *txn, const char *sdl, size_t size, quire_error *err)
{
    const quire_allocator *allocator;
    struct qr_api_use old = {0};
    struct qr_gql_report report;
    struct qr_arena arena;
    struct change change = {.txn = txn, .err = err};
    struct qr_gql_str text = {sdl, size};
    quire_status status;

    if (txn == NULL || sdl == NULL || !qr_txn_writes(txn)) {
        return qr_fail(err, QUIRE_MISUSE, "quire_schema_apply needs a write transaction and SDL.");
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
    status = apply(&change, text);
    if (status != QUIRE_OK) {
        qr_txn_give_up(txn);
    }
done:
    qr_api_free(change.api, allocator);
    qr_api_release(&old);
    qr_arena_free(&arena);
    return status;
}
