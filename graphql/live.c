/*
 * Events of subscriptions: see live.h.
 */
#include "graphql/live.h"

quire_status qr_live_begin(struct qr_live *live, struct qr_reader *reader,
                           const struct qr_select_field *root)
{
    struct qr_change_match match;
    struct qr_change_event later;
    live->tables_size = 0;
    if (live->changes == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_change_match_compile(reader, root, &match));
    QR_TRY(qr_change_find(reader, &match, live->changes, &live->at, &live->event));
    live->next = live->at;
    if (!qr_live_is_silent(live)) {
        live->next++;
        QR_TRY(qr_change_find(reader, &match, live->changes, &live->next, &later));
        reader->event = &live->event;
    }
    return QUIRE_OK;
}

static quire_status note_table(struct qr_live *live, const char *name, quire_error *err)
{
    size_t size = strlen(name) + 1;
    if (qr_live_reads(live, name)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(live->allocator, &live->tables, &live->tables_capacity, live->tables_size + size,
                   1, err));
    memcpy(live->tables + live->tables_size, name, size);
    live->tables_size += size;
    return QUIRE_OK;
}

quire_status qr_live_end(struct qr_live *live, const struct qr_reader *reader)
{
    const struct qr_model *model = reader->api->model;
    for (uint32_t t = 0; t < model->type_count; t++) {
        const struct qr_model_type *type = &model->types[t];
        if (qr_reader_has_read(reader, type)) {
            QR_TRY(note_table(live, type->stored, reader->err));
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *field = &type->fields[f];
            if (field->role == QR_MODEL_LINKS && reader->links[field->link_index] != NULL) {
                QR_TRY(note_table(live, field->link_table, reader->err));
            }
        }
    }
    return QUIRE_OK;
}

bool qr_live_reads(const struct qr_live *live, const char *table)
{
    for (size_t at = 0; at < live->tables_size; at += strlen(live->tables + at) + 1) {
        if (strcmp(live->tables + at, table) == 0) {
            return true;
        }
    }
    return false;
}

void qr_live_free(struct qr_live *live)
{
    qr_free(live->allocator, live->tables, live->tables_capacity);
    live->tables = NULL;
    live->tables_size = live->tables_capacity = 0;
}
