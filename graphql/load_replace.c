/*
 * Loads that change rows: which rows of a type the input has and, where it
 * replaces, which were there before, and the deletion of those left out.
 *
 * A row that the input has keeps its rowid, so that references to it hold. All
 * others are deleted first and only then what refers to them is dealt with:
 * rows that go together may refer to each other as they like.
 */
#include "graphql/load.h"

#include <stdio.h>
#include <string.h>

#include "graphql/trigger.h"

#define PAGE_ROWS ((int64_t)4096)
#define SLOTS_MIN ((size_t)64)

struct qr_load_rowids_page {
    int64_t number; /* rowid / PAGE_ROWS, rounded down */
    uint64_t bits[4096 / 64];
};

/* ---- sets of rowids ---- */

static int64_t page_of(int64_t rowid)
{
    return rowid >> 12;
}

static uint64_t bit_of(int64_t rowid, size_t *word)
{
    uint64_t place = (uint64_t)rowid & (uint64_t)(PAGE_ROWS - 1);
    *word = (size_t)(place / 64);
    return UINT64_C(1) << (place % 64);
}

/* The slot of a page, or the empty one where it belongs. */
static size_t slot_of(const struct qr_load_rowids *set, int64_t number)
{
    uint64_t hash = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15);
    size_t slot = (size_t)(hash >> 32) & (set->slot_count - 1);
    while (set->slots[slot] != NULL && set->slots[slot]->number != number) {
        slot = (slot + 1) & (set->slot_count - 1);
    }
    return slot;
}

static bool has(const struct qr_load_rowids *set, int64_t rowid)
{
    if (set->slot_count == 0) {
        return false;
    }
    const struct qr_load_rowids_page *page = set->slots[slot_of(set, page_of(rowid))];
    size_t word;
    uint64_t bit = bit_of(rowid, &word);
    return page != NULL && (page->bits[word] & bit) != 0;
}

static quire_status grow(const quire_allocator *allocator, struct qr_load_rowids *set,
                         quire_error *err)
{
    struct qr_load_rowids old = *set;
    size_t count = old.slot_count == 0 ? SLOTS_MIN : old.slot_count * 2;
    struct qr_load_rowids_page **slots = qr_alloc_zero(allocator, count * sizeof *slots, err);
    if (slots == NULL) {
        return QUIRE_NO_MEMORY;
    }
    set->slots = slots;
    set->slot_count = count;
    for (size_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i] != NULL) {
            slots[slot_of(set, old.slots[i]->number)] = old.slots[i];
        }
    }
    qr_free(allocator, old.slots, old.slot_count * sizeof *slots);
    return QUIRE_OK;
}

static quire_status add(const quire_allocator *allocator, struct qr_load_rowids *set, int64_t rowid,
                        quire_error *err)
{
    size_t word;
    uint64_t bit = bit_of(rowid, &word);
    if (set->page_count * 2 >= set->slot_count) {
        QR_TRY(grow(allocator, set, err));
    }
    size_t slot = slot_of(set, page_of(rowid));
    if (set->slots[slot] == NULL) {
        set->slots[slot] = qr_alloc_zero(allocator, sizeof *set->slots[slot], err);
        if (set->slots[slot] == NULL) {
            return QUIRE_NO_MEMORY;
        }
        set->slots[slot]->number = page_of(rowid);
        set->page_count++;
    }
    set->slots[slot]->bits[word] |= bit;
    return QUIRE_OK;
}

static void free_set(const quire_allocator *allocator, struct qr_load_rowids *set)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        qr_free(allocator, set->slots[i], sizeof *set->slots[i]);
    }
    qr_free(allocator, set->slots, set->slot_count * sizeof *set->slots);
    *set = (struct qr_load_rowids){0};
}

/* ---- what was there ---- */

quire_status qr_load_give_row(struct qr_load_writer *writer, const struct qr_model_type *type,
                              int64_t rowid)
{
    return add(qr_db_allocator(writer->notes.db), &writer->types[type->index].given, rowid,
               writer->reader.err);
}

bool qr_load_is_given(const struct qr_load_writer *writer, const struct qr_model_type *type,
                      int64_t rowid)
{
    return has(&writer->types[type->index].given, rowid);
}

static quire_status find_last(struct qr_load_writer *writer, const struct qr_model_type *type,
                              int64_t *last)
{
    quire_error *err = writer->reader.err;
    quire_table *table;
    quire_cursor *cursor;
    bool valid;

    *last = INT64_MIN;
    QR_TRY(qr_reader_table(&writer->reader, type, &table));
    QR_TRY(quire_table_cursor(table, &cursor, err));
    quire_status status = quire_cursor_last(cursor, &valid, err);
    if (status == QUIRE_OK && valid) {
        const void *record;
        size_t size;
        status = quire_cursor_row(cursor, last, &record, &size, err);
    }
    quire_cursor_close(cursor);
    return status;
}

/* What is known of a type. A type is asked for before the first row of it is stored. */
static quire_status know(struct qr_load_writer *writer, const struct qr_model_type *type,
                         struct qr_load_rows **out)
{
    struct qr_load_rows *rows = &writer->types[type->index];
    *out = rows;
    if (!rows->known) {
        QR_TRY(find_last(writer, type, &rows->last));
        rows->known = true;
    }
    return QUIRE_OK;
}

quire_status qr_load_replace_begin(struct qr_load_writer *writer, const struct qr_model_type *type)
{
    struct qr_load_rows *rows;
    if (writer->mode != QUIRE_LOAD_REPLACE || type == qr_load_numbers()) {
        return QUIRE_OK;
    }
    QR_TRY(know(writer, type, &rows));
    rows->replaced = true;
    return QUIRE_OK;
}

quire_status qr_load_replace_is_old(struct qr_load_writer *writer, const struct qr_model_type *type,
                                    int64_t rowid, bool *old)
{
    struct qr_load_rows *rows;
    *old = false;
    if (writer->mode != QUIRE_LOAD_REPLACE) {
        return QUIRE_OK;
    }
    QR_TRY(know(writer, type, &rows));
    *old = rowid <= rows->last && !has(&rows->given, rowid);
    return QUIRE_OK;
}

/* ---- what makes way ---- */

/* A value that no other row has: null, or one that clients do not give. *made false: there is
 * none. */
static quire_value stand_in(const struct qr_model_field *field, int64_t rowid, char text[32],
                            bool *made)
{
    int size;
    *made = true;
    if (!field->required) {
        return quire_null();
    }
    switch (qr_model_column_type(field)) {
    case QUIRE_INT: /* of a reference: no row has such a number */
        return quire_int((rowid < 0 ? INT64_MAX : INT64_MIN) + rowid);
    case QUIRE_TEXT:
        size = snprintf(text, 32, "$displaced %lld", (long long)rowid);
        return quire_text_n(text, (size_t)size);
    case QUIRE_BLOB:
        size = snprintf(text, 32, "$displaced %lld", (long long)rowid);
        return quire_blob(text, (size_t)size);
    case QUIRE_NULL:
    case QUIRE_BOOL:
    case QUIRE_FLOAT:
    case QUIRE_LIST:
        break;
    }
    *made = false;
    return quire_null();
}

/* The place of the original of a row that was displaced. */
static quire_status find_original(struct qr_load_writer *writer, const struct qr_model_type *type,
                                  int64_t rowid, struct qr_load_original **out)
{
    const int64_t key[2] = {type->index, rowid};
    const struct qr_gql_str text = {(const char *)key, sizeof key};
    quire_error *err = writer->reader.err;
    uint32_t number;
    bool added;
    QR_TRY(qr_key_table_put(&writer->displaced, writer->arena, text, &number, &added, err));
    if (added && (number & (number - 1)) == 0) { /* doubles at 0, 1, 2, 4, ... */
        size_t room = number == 0 ? 1 : (size_t)number * 2;
        struct qr_load_original *more =
            qr_arena_alloc_zero(writer->arena, room * sizeof *more, err);
        if (more == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (number > 0) {
            memcpy(more, writer->originals, number * sizeof *more);
        }
        writer->originals = more;
    }
    *out = &writer->originals[number];
    return QUIRE_OK;
}

/* Keeps a row as it is, for triggers, unless it was displaced before. */
static quire_status keep_original(struct qr_load_writer *writer, const struct qr_model_type *type,
                                  const struct qr_row *row)
{
    struct qr_load_rowids *displaced = &writer->types[type->index].displaced;
    struct qr_load_original *original;
    if (!writer->store.fires || type->triggers == NULL || has(displaced, row->rowid)) {
        return QUIRE_OK;
    }
    QR_TRY(find_original(writer, type, row->rowid, &original));
    original->record = qr_arena_copy(writer->arena, row->record, row->size, writer->reader.err);
    original->size = row->size;
    if (original->record == NULL) {
        return QUIRE_NO_MEMORY;
    }
    return add(qr_db_allocator(writer->notes.db), displaced, row->rowid, writer->reader.err);
}

quire_status qr_load_replace_recall(void *context, const struct qr_model_type *type, int64_t rowid,
                                    quire_value *values)
{
    struct qr_load_writer *writer = context;
    struct qr_load_original *original;
    if (writer->types == NULL || !has(&writer->types[type->index].displaced, rowid)) {
        return QUIRE_OK;
    }
    QR_TRY(find_original(writer, type, rowid, &original));
    for (uint32_t i = 0; i < type->column_count; i++) {
        QR_TRY(quire_record_column(original->record, original->size, i, &values[i],
                                   writer->reader.err));
    }
    return QUIRE_OK;
}

/* Takes the value away from a row that is to be replaced or deleted yet. */
static quire_status displace(struct qr_load_writer *writer, const struct qr_model_type *type,
                             const struct qr_model_field *field, int64_t rowid, bool *done)
{
    struct qr_reader *reader = &writer->reader;
    quire_value *values =
        qr_arena_alloc(reader->arena, sizeof *values * (type->column_count + 1), reader->err);
    quire_table *table;
    struct qr_row row;
    char text[32];
    bool found;

    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_reader_table(reader, type, &table));
    QR_TRY(qr_reader_row(reader, type, rowid, &row, &found));
    for (uint32_t i = 0; found && i < type->column_count; i++) {
        QR_TRY(qr_reader_column(reader, &row, type->columns[i], &values[i]));
    }
    if (found) {
        QR_TRY(keep_original(writer, type, &row));
    }
    values[field->column] = stand_in(field, rowid, text, done);
    return found && *done
               ? quire_table_update(table, rowid, values, type->column_count, &found, reader->err)
               : QUIRE_OK;
}

quire_status qr_load_replace_make_way(struct qr_load_writer *writer, const struct qr_draft *draft,
                                      int64_t rowid, bool *made)
{
    const struct qr_model_type *type = draft->type;
    *made = false;
    for (uint32_t i = 0; writer->mode == QUIRE_LOAD_REPLACE && i < type->index_count; i++) {
        const struct qr_model_index *index = &type->indexes[i];
        const struct qr_model_field *field = index->fields[index->field_count - 1];
        quire_value values[16];
        int64_t other;
        bool found;
        if (!index->unique || field == type->key) {
            continue;
        }
        for (uint32_t f = 0; f < index->field_count; f++) {
            values[f] = draft->values[index->fields[f]->column];
        }
        QR_TRY(qr_reader_find_by(&writer->reader, type, index, values, &other, &found));
        if (found && other != rowid) {
            QR_TRY(qr_load_replace_is_old(writer, type, other, &found));
            if (!found) {
                *made = false;
                return QUIRE_OK;
            }
            QR_TRY(displace(writer, type, field, other, made));
        }
    }
    return QUIRE_OK;
}

/* ---- what is left out ---- */

static quire_status delete_row(struct qr_load_writer *writer, const struct qr_model_type *type,
                               int64_t rowid)
{
    struct qr_load_rowids *dead = &writer->types[type->index].dead;
    bool deleted;
    QR_TRY(add(qr_db_allocator(writer->notes.db), dead, rowid, writer->reader.err));
    quire_status status = qr_store_delete_row(&writer->store, type, rowid, &deleted);
    qr_arena_reset(writer->row);
    return status;
}

/* Deletes the rows of a type that the input does not have, without looking who refers to them. */
static quire_status delete_rows(struct qr_load_writer *writer, const struct qr_model_type *type,
                                quire_cursor *cursor)
{
    quire_error *err = writer->reader.err;
    bool valid;
    QR_TRY(quire_cursor_first(cursor, &valid, err));
    while (valid) {
        int64_t rowid;
        const void *record;
        size_t size;
        bool old;
        QR_TRY(quire_cursor_row(cursor, &rowid, &record, &size, err));
        if (rowid > writer->types[type->index].last) {
            return QUIRE_OK;
        }
        QR_TRY(qr_load_replace_is_old(writer, type, rowid, &old));
        if (old) {
            QR_TRY(delete_row(writer, type, rowid));
        }
        QR_TRY(quire_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

static quire_status delete_type(struct qr_load_writer *writer, const struct qr_model_type *type)
{
    quire_table *table;
    quire_cursor *cursor;
    QR_TRY(quire_table_open(writer->reader.txn, type->stored, &table, writer->reader.err));
    quire_status status = quire_table_cursor(table, &cursor, writer->reader.err);
    if (status == QUIRE_OK) {
        status = delete_rows(writer, type, cursor);
        quire_cursor_close(cursor);
    }
    quire_table_close(table);
    return status;
}

/* Does what the references to the deleted rows of one page ask for. */
static quire_status follow_page(struct qr_load_writer *writer, const struct qr_model_type *type,
                                const struct qr_load_rowids_page *page)
{
    for (int64_t i = 0; i < PAGE_ROWS; i++) {
        size_t word;
        uint64_t bit = bit_of(i, &word);
        if ((page->bits[word] & bit) != 0) {
            int64_t rowid = page->number * PAGE_ROWS + i;
            quire_status status = qr_store_delete_referrers(&writer->store, type, rowid);
            qr_arena_reset(writer->row);
            QR_TRY(status);
        }
    }
    return QUIRE_OK;
}

/* Deletes what the input leaves out of the types with triggers on that, or of those without. */
static quire_status delete_types(struct qr_load_writer *writer, bool fires)
{
    const struct qr_model *model = writer->reader.api->model;
    for (uint32_t i = 0; i < model->type_count; i++) {
        const struct qr_model_type *type = &model->types[i];
        if (writer->types[i].replaced &&
            qr_store_fires(&writer->store, type, QR_TRIGGER_DELETE) == fires) {
            QR_TRY(delete_type(writer, type));
        }
    }
    return QUIRE_OK;
}

quire_status qr_load_replace_finish(struct qr_load_writer *writer)
{
    const struct qr_model *model = writer->reader.api->model;
    if (writer->mode != QUIRE_LOAD_REPLACE) {
        return QUIRE_OK;
    }
    /* Those with triggers first, which are told keys of rows that go too. */
    QR_TRY(delete_types(writer, true));
    QR_TRY(delete_types(writer, false));
    for (uint32_t i = 0; i < model->type_count; i++) {
        const struct qr_load_rowids *dead = &writer->types[i].dead;
        for (size_t slot = 0; slot < dead->slot_count; slot++) {
            if (dead->slots[slot] != NULL) {
                QR_TRY(follow_page(writer, &model->types[i], dead->slots[slot]));
            }
        }
    }
    return QUIRE_OK;
}

void qr_load_rows_free(struct qr_load_writer *writer)
{
    if (writer->types == NULL) {
        return;
    }
    for (uint32_t i = 0; i < writer->reader.api->model->type_count; i++) {
        free_set(qr_db_allocator(writer->notes.db), &writer->types[i].given);
        free_set(qr_db_allocator(writer->notes.db), &writer->types[i].dead);
        free_set(qr_db_allocator(writer->notes.db), &writer->types[i].displaced);
    }
}
