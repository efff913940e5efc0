/*
 * What new fields and new constraints ask of rows that are there: see
 * schema_match.h. Each table is walked at most once.
 */
#include "graphql/column.h"
#include "graphql/constraint.h"
#include "graphql/schema_match.h"
#include "graphql/sequence.h"
#include "graphql/store.h"

struct filling {
    const struct qr_schema_change *change;
    struct qr_store *store;
    const struct qr_model_type *type; /* whose rows are walked */
};

/* ---- what is asked ---- */

/* The field is new, or must have a value now, and has one of its own in rows that have none. */
static bool is_given(const struct filling *f, const struct qr_model_field *field)
{
    const struct qr_model_field *before = qr_match_field(f->change, field);
    bool asked = before == NULL || (field->required && !before->required);
    return asked && qr_model_has_default(field);
}

/* The field counts from now on: from the numbers that it has. */
static bool begins_counting(const struct filling *f, const struct qr_model_field *field)
{
    const struct qr_model_field *before = qr_match_field(f->change, field);
    return field->generator == QR_MODEL_MAKES_NUMBER && before != NULL &&
           before->generator != QR_MODEL_MAKES_NUMBER;
}

/* The field has values that its constraint was not asked of. */
static bool is_constrained(const struct filling *f, const struct qr_model_field *field)
{
    const struct qr_model_field *before = qr_match_field(f->change, field);
    return field->constraint != NULL && before != NULL &&
           !qr_constraint_equal(before->constraint, field->constraint);
}

static bool is_asked(const struct filling *f)
{
    for (uint32_t i = 0; i < f->type->column_count; i++) {
        const struct qr_model_field *field = f->type->columns[i];
        if (is_given(f, field) || begins_counting(f, field) || is_constrained(f, field)) {
            return true;
        }
    }
    return false;
}

/* ---- one row ---- */

/* Names the row that breaks a constraint. */
static quire_status refuse_row(const struct filling *f, const struct qr_row *row)
{
    const struct qr_model_type *type = f->type;
    quire_error *err = f->change->err;
    quire_error broken = *err;
    quire_value key;
    QR_TRY(qr_reader_column(f->store->reader, row, type->key, &key));
    struct qr_gql_str shown;
    QR_TRY(qr_column_show(type->key, &key, f->store->reader->arena, &shown, err));
    return qr_fail(err, QUIRE_CHECK, "The row of %s with the %.*s \"%.*s\" is there already: %s",
                   type->table, QR_GQL_FMT(type->key->name), QR_GQL_FMT(shown), broken.message);
}

static quire_status check_row(const struct filling *f, const struct qr_row *row)
{
    for (uint32_t i = 0; i < f->type->column_count; i++) {
        const struct qr_model_field *field = f->type->columns[i];
        quire_value value;
        if (!begins_counting(f, field) && !is_constrained(f, field)) {
            continue;
        }
        QR_TRY(qr_reader_column(f->store->reader, row, field, &value));
        quire_status status =
            value.type == QUIRE_NULL ? QUIRE_OK : qr_store_check(f->store, field, &value);
        if (status != QUIRE_OK) {
            return status == QUIRE_CHECK ? refuse_row(f, row) : status;
        }
    }
    return QUIRE_OK;
}

static quire_status fill_row(const struct filling *f, const struct qr_row *row)
{
    struct qr_draft draft;
    bool given = false;

    QR_TRY(check_row(f, row));
    QR_TRY(qr_draft_init(f->store, f->type, &draft));
    for (uint32_t i = 0; i < f->type->column_count; i++) {
        const struct qr_model_field *field = f->type->columns[i];
        quire_value value;
        if (!is_given(f, field)) {
            continue;
        }
        QR_TRY(qr_reader_column(f->store->reader, row, field, &value));
        if (value.type == QUIRE_NULL) {
            QR_TRY(qr_draft_default(f->store, &draft, field));
            given = true;
        }
    }
    return given ? qr_store_update(f->store, row->rowid, &draft) : QUIRE_OK;
}

/* ---- all rows ---- */

static quire_status walk(const struct filling *f, quire_cursor *cursor)
{
    quire_error *err = f->change->err;
    bool valid;
    QR_TRY(quire_cursor_first(cursor, &valid, err));
    while (valid) {
        struct qr_row row = {0};
        const void *record;
        QR_TRY(quire_cursor_row(cursor, &row.rowid, &record, &row.size, err));
        row.record = (const uint8_t *)qr_arena_copy(f->store->reader->arena, record, row.size, err);
        if (row.record == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(fill_row(f, &row));
        qr_arena_reset(f->store->reader->arena);
        QR_TRY(quire_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

static quire_status fill_type(const struct filling *f)
{
    quire_error *err = f->change->err;
    quire_cursor *cursor;
    quire_table *table;

    QR_TRY(quire_table_open(f->change->txn, f->type->stored, &table, err));
    quire_status status = quire_table_cursor(table, &cursor, err);
    if (status == QUIRE_OK) {
        status = walk(f, cursor);
        quire_cursor_close(cursor);
    }
    quire_table_close(table);
    return status;
}

quire_status qr_schema_fill(const struct qr_schema_change *c)
{
    struct qr_reader reader;
    struct qr_store store = {.reader = &reader, .keeps_stamps = true};
    struct qr_arena row;
    quire_status status = QUIRE_OK;

    QR_TRY(qr_reader_init(&reader, c->txn, c->api, c->arena, c->err));
    qr_arena_init(&row, c->arena->allocator, 0);
    reader.arena = &row; /* the reader's list of tables stays in the other */
    for (uint32_t i = 0; status == QUIRE_OK && i < c->model->type_count; i++) {
        struct filling filling = {c, &store, &c->model->types[i]};
        if (qr_match_type(c, filling.type) != NULL && is_asked(&filling)) {
            status = fill_type(&filling);
        }
    }
    qr_reader_close(&reader);
    qr_arena_free(&row);
    return status;
}
