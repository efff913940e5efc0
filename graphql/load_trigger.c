/*
 * Triggers of a load: see load.h. What a load changes is told to triggers when
 * all of it is there and the references that waited are settled, so that they
 * find what a request would find. Until then a change is a note: which row, and
 * what it was. What it is, is read when its triggers run.
 */
#include "graphql/load.h"
#include "graphql/trigger.h"

/* Columns of a note's record. */
enum {
    NOTE_TYPE,
    NOTE_EVENT,
    NOTE_ROWID,
    NOTE_LINE,
    NOTE_COLUMN,
    NOTE_INPUT,
    NOTE_OLD, /* the record of the row as it was, with keys in place of references; or null */
    NOTE_COLUMNS
};

/* Puts keys in place of the references of a row; null for those to rows that are gone already. */
static quire_status put_keys(struct qr_load_writer *writer, const struct qr_model_type *type,
                             const quire_value *values, quire_value **out)
{
    struct qr_reader *reader = &writer->reader;
    *out =
        qr_arena_alloc(writer->row, sizeof **out * ((size_t)type->column_count + 1), reader->err);
    if (*out == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        struct qr_row row;
        bool found;
        (*out)[i] = values[i];
        if (field->role != QR_MODEL_REFERENCE || values[i].type != QUIRE_INT) {
            continue;
        }
        QR_TRY(qr_reader_row(reader, field->target, values[i].as.integer, &row, &found));
        (*out)[i] = quire_null();
        if (found) {
            QR_TRY(qr_reader_column(reader, &row, field->target->key, &(*out)[i]));
        }
    }
    return QUIRE_OK;
}

static quire_status defer(void *context, const struct qr_model_type *type,
                          enum qr_trigger_event event, int64_t rowid, const quire_value *old_values)
{
    struct qr_load_writer *writer = context;
    quire_value values[NOTE_COLUMNS] = {
        [NOTE_TYPE] = quire_int(type->index),
        [NOTE_EVENT] = quire_int(event),
        [NOTE_ROWID] = quire_int(rowid),
        [NOTE_LINE] = quire_int(writer->place.line),
        [NOTE_COLUMN] = quire_int(writer->place.column),
        [NOTE_INPUT] = quire_int(writer->input),
        [NOTE_OLD] = quire_null(),
    };
    if (old_values != NULL) {
        quire_value *keyed;
        QR_TRY(put_keys(writer, type, old_values, &keyed));
        size_t size = quire_record_size(keyed, type->column_count);
        uint8_t *record = qr_arena_alloc(writer->row, size, writer->reader.err);
        if (record == NULL) {
            return QUIRE_NO_MEMORY;
        }
        quire_record_encode(keyed, type->column_count, record);
        values[NOTE_OLD] = quire_blob(record, size);
    }
    return qr_load_notes_add(&writer->changes, values, NOTE_COLUMNS, writer->reader.err);
}

void qr_load_triggers_init(struct qr_load_writer *writer)
{
    writer->store.fires = true;
    writer->store.defer = defer;
    writer->store.recall = qr_load_replace_recall;
    writer->store.defer_context = writer;
}

/* The values of a row; *values NULL where there is no record. */
static quire_status decode(struct qr_load_writer *writer, const struct qr_model_type *type,
                           const void *record, size_t size, quire_value **values)
{
    *values = NULL;
    if (record == NULL) {
        return QUIRE_OK;
    }
    *values = qr_arena_alloc(writer->row, sizeof **values * ((size_t)type->column_count + 1),
                             writer->reader.err);
    if (*values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->column_count; i++) {
        QR_TRY(quire_record_column(record, size, i, &(*values)[i], writer->reader.err));
    }
    return QUIRE_OK;
}

/* Runs the triggers of one change, unless another trigger has deleted the row since. */
static quire_status fire(struct qr_load_writer *writer, const quire_value note[NOTE_COLUMNS])
{
    const struct qr_model_type *type =
        &writer->reader.api->model->types[note[NOTE_TYPE].as.integer];
    enum qr_trigger_event event = (enum qr_trigger_event)note[NOTE_EVENT].as.integer;
    struct qr_row row = {0};
    quire_value *old_values;
    quire_value *new_values;
    bool found = true;

    if (event != QR_TRIGGER_DELETE) {
        QR_TRY(qr_reader_row(&writer->reader, type, note[NOTE_ROWID].as.integer, &row, &found));
    }
    if (!found) {
        return QUIRE_OK;
    }
    bool was = note[NOTE_OLD].type == QUIRE_BLOB;
    QR_TRY(decode(writer, type, row.record, row.size, &new_values));
    QR_TRY(decode(writer, type, was ? note[NOTE_OLD].as.bytes : NULL, note[NOTE_OLD].size,
                  &old_values));
    return qr_triggers_fire(&writer->store, type, event, old_values, new_values);
}

quire_status qr_load_triggers_run(struct qr_load_writer *writer, uint32_t *input)
{
    quire_error *err = writer->reader.err;
    const void *record;
    size_t size;
    bool found;

    *input = UINT32_MAX;
    QR_TRY(qr_load_notes_rewind(&writer->changes, err));
    for (;;) {
        quire_value note[NOTE_COLUMNS];
        QR_TRY(qr_load_notes_next(&writer->changes, &record, &size, &found, err));
        if (!found) {
            return QUIRE_OK;
        }
        for (uint32_t i = 0; i < NOTE_COLUMNS; i++) {
            QR_TRY(quire_record_column(record, size, i, &note[i], err));
        }
        *input = (uint32_t)note[NOTE_INPUT].as.integer;
        quire_status status = fire(writer, note);
        if (status != QUIRE_OK && err->line == 0) {
            err->line = (uint32_t)note[NOTE_LINE].as.integer;
            err->column = (uint32_t)note[NOTE_COLUMN].as.integer;
        }
        QR_TRY(status);
        qr_arena_reset(writer->row);
    }
}
