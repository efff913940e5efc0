/*
 * Tables that are dropped or written anew when the schema changes.
 *
 * A table whose columns go or are stored otherwise is written anew under
 * another name, row by row with the same rowids, so that references hold; then
 * it takes the old one's place. Rows of older commits are not those of the new
 * table, nor of one that is made under a name that was dropped: the change feed
 * begins anew behind the commit. Its declared indexes are gone with the old one;
 * those that the host has made, and triggers, are made again.
 */
#include <stdio.h>

#include "engine/engine.h"
#include "graphql/column.h"
#include "graphql/model_internal.h"
#include "graphql/schema_diff.h"
#include "graphql/sequence.h"
#include "quire/trigger.h"

/* No type is stored under such a name. */
static const char new_name[] = "$rewritten";

/* ---- values ---- */

static quire_status to_text(struct qr_arena *arena, quire_value *value, quire_error *err)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%lld", (long long)value->as.integer);
    char *copy = qr_arena_copy(arena, digits, (size_t)size, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *value = quire_text_n(copy, (size_t)size);
    return QUIRE_OK;
}

/* Makes a value one of the column's type; which can be, qr_schema_diff has decided. */
static quire_status convert(struct qr_arena *arena, quire_type type, quire_value *value,
                            quire_error *err)
{
    if (value->type != QUIRE_INT || type == QUIRE_INT) {
        return QUIRE_OK;
    }
    if (type == QUIRE_FLOAT) {
        *value = quire_float((double)value->as.integer);
        return QUIRE_OK;
    }
    return to_text(arena, value, err);
}

static quire_status copy_row(const struct qr_schema_change *c, const struct qr_model_type *type,
                             quire_cursor *cursor, quire_table *to, struct qr_arena *arena)
{
    quire_value *values =
        qr_arena_alloc(arena, sizeof *values * ((size_t)type->column_count + 1), c->err);
    const void *record;
    size_t size;
    int64_t rowid;

    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(quire_cursor_row(cursor, &rowid, &record, &size, c->err));
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        const struct qr_model_field *source = qr_match_field(c, field);
        values[i] = quire_null();
        if (source != NULL) {
            QR_TRY(quire_record_column(record, size, source->column, &values[i], c->err));
            QR_TRY(convert(arena, qr_model_column_type(field), &values[i], c->err));
        }
    }
    return quire_table_insert(to, &rowid, values, type->column_count, c->err);
}

static quire_status copy_rows(const struct qr_schema_change *c, const struct qr_model_type *type,
                              quire_table *from, quire_table *to)
{
    struct qr_arena arena;
    quire_cursor *cursor;
    bool valid;

    QR_TRY(quire_table_cursor(from, &cursor, c->err));
    qr_arena_init(&arena, c->arena->allocator, 0);
    quire_status status = quire_cursor_first(cursor, &valid, c->err);
    while (status == QUIRE_OK && valid) {
        status = copy_row(c, type, cursor, to, &arena);
        if (status == QUIRE_OK) {
            status = quire_cursor_next(cursor, &valid, c->err);
        }
        qr_arena_reset(&arena);
    }
    qr_arena_free(&arena);
    quire_cursor_close(cursor);
    return status;
}

/* ---- triggers and the host's indexes ---- */

struct triggers {
    quire_trigger_def *defs;
    uint32_t count;
};

struct indexes {
    quire_index_def *defs;
    uint32_t count;
};

static const char *keep(const struct qr_schema_change *c, const char *text)
{
    return qr_gql_format(c->arena, c->err, "%s", text);
}

static quire_status read_triggers(const struct qr_schema_change *c, const quire_table *table,
                                  struct triggers *triggers)
{
    triggers->count = quire_table_trigger_count(table);
    triggers->defs =
        qr_arena_alloc(c->arena, sizeof *triggers->defs * ((size_t)triggers->count + 1), c->err);
    for (uint32_t i = 0; i < triggers->count && triggers->defs != NULL; i++) {
        quire_trigger_def *def = &triggers->defs[i];
        *def = *quire_table_trigger(table, i);
        def->name = keep(c, def->name);
        def->function = keep(c, def->function);
        if (def->name == NULL || def->function == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return triggers->defs == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

static quire_status make_triggers(const struct qr_schema_change *c,
                                  const struct qr_model_type *type, struct triggers *triggers)
{
    for (uint32_t i = 0; i < triggers->count; i++) {
        triggers->defs[i].table = type->stored;
        QR_TRY(quire_trigger_create(c->txn, &triggers->defs[i], c->err));
    }
    return QUIRE_OK;
}

/* What a column is called now; NULL: it is gone. */
static const char *new_column(const struct qr_schema_change *c, const struct qr_model_type *type,
                              const char *name)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *source = qr_match_field(c, type->columns[i]);
        if (source != NULL && strcmp(source->column_name, name) == 0) {
            return type->columns[i]->column_name;
        }
    }
    return NULL;
}

static bool is_declared(const struct qr_model_type *type, const quire_index_def *def)
{
    for (uint32_t i = 0; i < type->index_count; i++) {
        if (strcmp(type->indexes[i].name, def->name) == 0) {
            return true;
        }
    }
    return false;
}

/* Replaces a borrowed text, which may be NULL, by a copy. */
static quire_status keep_text(const struct qr_schema_change *c, const char **text)
{
    if (*text == NULL) {
        return QUIRE_OK;
    }
    *text = keep(c, *text);
    return *text == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

/* Copies a definition, with the columns as they are called now; *whole: none is gone. */
static quire_status copy_index(const struct qr_schema_change *c, const struct qr_model_type *type,
                               quire_index_def *def, bool *whole)
{
    quire_index_column *columns =
        qr_arena_alloc(c->arena, sizeof *columns * def->column_count, c->err);
    const char **included =
        qr_arena_alloc(c->arena, sizeof *included * ((size_t)def->included_count + 1), c->err);
    if (columns == NULL || included == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *whole = true;
    for (uint32_t i = 0; i < def->column_count; i++) {
        columns[i] = def->columns[i];
        if (columns[i].name != NULL) {
            columns[i].name = new_column(c, type, columns[i].name);
            *whole = *whole && columns[i].name != NULL;
        }
        QR_TRY(keep_text(c, &columns[i].collation));
        QR_TRY(keep_text(c, &columns[i].expression));
    }
    for (uint32_t i = 0; i < def->included_count; i++) {
        included[i] = new_column(c, type, def->included[i]);
        *whole = *whole && included[i] != NULL;
    }
    def->columns = columns;
    def->included = included;
    QR_TRY(keep_text(c, &def->name));
    return keep_text(c, &def->where);
}

static quire_status read_indexes(const struct qr_schema_change *c, const struct qr_model_type *type,
                                 const quire_table *table, struct indexes *indexes)
{
    uint32_t count = quire_table_index_count(table);
    indexes->count = 0;
    indexes->defs = qr_arena_alloc(c->arena, sizeof *indexes->defs * ((size_t)count + 1), c->err);
    if (indexes->defs == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        quire_index_def def = *quire_table_index(table, i);
        bool whole = false;
        if (!is_declared(type, &def)) {
            QR_TRY(copy_index(c, type, &def, &whole));
        }
        if (whole) {
            indexes->defs[indexes->count++] = def;
        }
    }
    return QUIRE_OK;
}

static quire_status make_indexes(const struct qr_schema_change *c, const struct qr_model_type *type,
                                 const struct indexes *indexes)
{
    for (uint32_t i = 0; i < indexes->count; i++) {
        QR_TRY(quire_index_create(c->txn, type->stored, &indexes->defs[i], c->err));
    }
    return QUIRE_OK;
}

/* ---- tables ---- */

/* Whether every row has a value in the new column from the start. */
static bool is_full(const struct qr_schema_change *c, const struct qr_model_field *field)
{
    const struct qr_model_field *source = qr_match_field(c, field);
    return field->required && source != NULL && source->required;
}

static quire_status create(const struct qr_schema_change *c, const struct qr_model_type *type)
{
    quire_column *columns;
    QR_TRY(qr_model_columns(type, c->arena, &columns, c->err));
    for (uint32_t i = 0; i < type->column_count; i++) {
        columns[i].not_null = is_full(c, type->columns[i]);
    }
    return quire_table_create(c->txn, new_name, columns, type->column_count, c->err);
}

/* Columns that count go on from where they were, whatever rows there are. */
static quire_status copy_numbers(const struct qr_schema_change *c, const struct qr_model_type *type,
                                 const quire_table *from, const quire_table *to)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        const struct qr_model_field *source = qr_match_field(c, field);
        if (field->generator == QR_MODEL_MAKES_NUMBER && source != NULL &&
            source->generator == QR_MODEL_MAKES_NUMBER) {
            QR_TRY(qr_sequence_move(c->txn, from, source->column, to, i, c->err));
        }
    }
    return QUIRE_OK;
}

static quire_status copy_table(const struct qr_schema_change *c, const struct qr_model_type *type,
                               struct triggers *triggers, struct indexes *indexes)
{
    quire_table *from;
    quire_table *to = NULL;
    QR_TRY(quire_table_open(c->txn, type->stored, &from, c->err));
    quire_status status = read_triggers(c, from, triggers);
    if (status == QUIRE_OK) {
        status = read_indexes(c, type, from, indexes);
    }
    if (status == QUIRE_OK) {
        status = quire_table_open(c->txn, new_name, &to, c->err);
    }
    if (status == QUIRE_OK) {
        status = copy_rows(c, type, from, to);
        status = status == QUIRE_OK ? copy_numbers(c, type, from, to) : status;
        quire_table_close(to);
    }
    quire_table_close(from);
    return status;
}

static quire_status rebuild(const struct qr_schema_change *c, const struct qr_model_type *type)
{
    struct triggers triggers = {0};
    struct indexes indexes = {0};
    qr_txn_break_feed(c->txn);
    QR_TRY(create(c, type));
    QR_TRY(copy_table(c, type, &triggers, &indexes));
    QR_TRY(quire_table_drop(c->txn, type->stored, c->err));
    QR_TRY(quire_table_rename(c->txn, new_name, type->stored, c->err));
    QR_TRY(make_indexes(c, type, &indexes));
    return make_triggers(c, type, &triggers);
}

/* Lets the columns of a table that stays hold the nulls that they may now. */
static quire_status allow_nulls(const struct qr_schema_change *c, const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        const struct qr_model_field *source = qr_match_field(c, field);
        if (source != NULL && source->required && !field->required) {
            QR_TRY(quire_table_allow_null(c->txn, type->stored, field->column_name, c->err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_schema_rebuild(const struct qr_schema_change *c)
{
    for (uint32_t t = 0; t < c->model->type_count; t++) {
        const struct qr_model_type *type = &c->model->types[t];
        if (qr_match_type(c, type) != NULL) {
            QR_TRY(c->matches[t].rebuilt ? rebuild(c, type) : allow_nulls(c, type));
        }
    }
    return QUIRE_OK;
}

/* ---- what goes ---- */

quire_status qr_schema_drop(const struct qr_schema_change *c)
{
    for (uint32_t t = 0; t < c->old->type_count; t++) {
        const struct qr_model_type *old = &c->old->types[t];
        for (uint32_t f = 0; f < old->field_count; f++) {
            const struct qr_model_field *field = &old->fields[f];
            if (field->role == QR_MODEL_LINKS && field->link_owner &&
                qr_match_new_field(c, field) == NULL) {
                QR_TRY(quire_table_drop(c->txn, field->link_table, c->err));
            }
        }
        if (qr_match_new_type(c, old) == NULL) {
            qr_txn_break_feed(c->txn); /* another type may take the name */
            QR_TRY(quire_table_drop(c->txn, old->stored, c->err));
        }
    }
    return QUIRE_OK;
}
