/*
 * Writing rows: see store.h.
 */
#include "graphql/store.h"

#include <stdarg.h>
#include <stdio.h>

#include "graphql/auth.h"
#include "graphql/column.h"
#include "graphql/trigger.h"

/* ---- failing ---- */

static quire_status set_coordinate(struct qr_store *store, const struct qr_model_field *field)
{
    store->coordinate = (struct qr_gql_str){NULL, 0};
    if (field == NULL) {
        return QUIRE_OK;
    }
    const char *text = qr_gql_format(store->reader->arena, store->reader->err, "%s.%.*s",
                                     field->owner->table, QR_GQL_FMT(field->name));
    if (text == NULL) {
        return QUIRE_NO_MEMORY;
    }
    store->coordinate = qr_gql_str_of(text);
    return QUIRE_OK;
}

quire_status qr_store_fail(struct qr_store *store, quire_status status, const char *code,
                           const struct qr_model_field *field, const char *format, ...)
{
    char text[512]; /* longer than any message, which is then cut between characters */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    store->code = NULL;
    QR_TRY(set_coordinate(store, field));
    store->code = code;
    return qr_fail(store->reader->err, status, "%s", text);
}

void qr_store_begin_field(struct qr_store *store)
{
    store->code = NULL;
    store->coordinate = (struct qr_gql_str){NULL, 0};
    store->place = NULL;
    store->has_deleted = false;
    qr_auth_renew(store->reader->auth);
}

quire_status qr_store_enter(struct qr_store *store, struct qr_gql_str key, size_t index)
{
    struct qr_gql_path *step =
        qr_arena_alloc(store->reader->arena, sizeof *step, store->reader->err);
    if (step == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *step = (struct qr_gql_path){.parent = store->place, .key = key, .index = index};
    store->place = step;
    return QUIRE_OK;
}

/* ---- insert and update ---- */

/* Names the fields of a unique index, and the value where it is one column's. */
static quire_status fail_unique(struct qr_store *store, const struct qr_model_type *type,
                                const struct qr_model_index *index, const quire_value *first)
{
    struct qr_gql_str text = {"", 0};
    struct qr_gql_str names;
    struct qr_gql_buffer buffer;

    qr_gql_buffer_init(&buffer, store->reader->arena, store->reader->err);
    for (uint32_t f = 0; f < index->field_count; f++) {
        qr_gql_buffer_text(&buffer, f == 0 ? "" : f + 1 == index->field_count ? " and " : ", ");
        qr_gql_buffer_str(&buffer, index->fields[f]->name);
    }
    QR_TRY(qr_gql_buffer_finish(&buffer, &names));
    if (index->fields[0]->role == QR_MODEL_COLUMN && index->field_count == 1) {
        QR_TRY(qr_column_show(index->fields[0], first, store->reader->arena, &text,
                              store->reader->err));
    }
    return qr_store_fail(store, QUIRE_UNIQUE, "UNIQUE", index->fields[0],
                         "A row of %s with this %.*s%s%.*s%s exists already.", type->table,
                         QR_GQL_FMT(names), text.size > 0 ? " \"" : "", QR_GQL_FMT(text),
                         text.size > 0 ? "\"" : "");
}

/* Finds the unique index that a row clashes with, to name its first field. Who may not write the
 * row is not told that there is another one. */
static quire_status explain_clash(struct qr_store *store, const struct qr_model_type *type,
                                  const quire_value *values, int64_t self)
{
    QR_TRY(qr_auth_check_values(store, type, values, self,
                                self == 0 ? QR_AUTH_CREATE : QR_AUTH_UPDATE));
    for (uint32_t i = 0; i < type->index_count; i++) {
        const struct qr_model_index *index = &type->indexes[i];
        quire_value key[16] = {0};
        int64_t rowid = 0;
        bool found = false;
        if (!index->unique) {
            continue;
        }
        for (uint32_t f = 0; f < index->field_count; f++) {
            key[f] = values[index->fields[f]->column];
        }
        QR_TRY(qr_reader_find_by(store->reader, type, index, key, &rowid, &found));
        if (found && rowid != self) {
            return fail_unique(store, type, index, &key[0]);
        }
    }
    return QUIRE_UNIQUE;
}

/* What was found before a deletion may be gone by now. */
static quire_status check_exists(struct qr_store *store, const struct qr_model_type *type,
                                 int64_t rowid)
{
    quire_table *table;
    const void *record;
    size_t size;
    bool found;

    if (!store->has_deleted) {
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_table(store->reader, type, &table));
    QR_TRY(quire_table_get(table, rowid, &record, &size, &found, store->reader->err));
    return found ? QUIRE_OK
                 : qr_store_fail(store, QUIRE_QUERY, "NOT_FOUND", NULL,
                                 "A row of %s that is to be written was deleted by the same field "
                                 "of the request.",
                                 type->table);
}

/* The same of the rows that the values of a row refer to, but for references which the row has as
 * it is now (NULL: it is new): a deletion on its way finds those by itself. */
static quire_status check_references(struct qr_store *store, const struct qr_model_type *type,
                                     const quire_value *values, const struct qr_row *now)
{
    for (uint32_t i = 0; i < type->column_count && store->has_deleted; i++) {
        quire_value held = quire_null();
        if (type->columns[i]->role != QR_MODEL_REFERENCE || values[i].type != QUIRE_INT ||
            values[i].as.integer < 0) { /* a load fills that in later */
            continue;
        }
        if (now != NULL) {
            QR_TRY(quire_record_column(now->record, now->size, i, &held, store->reader->err));
        }
        if (held.type != QUIRE_INT || held.as.integer != values[i].as.integer) {
            QR_TRY(check_exists(store, type->columns[i]->target, values[i].as.integer));
        }
    }
    return QUIRE_OK;
}

quire_status qr_store_insert(struct qr_store *store, const struct qr_draft *draft, int64_t *rowid)
{
    quire_table *table;
    quire_status status;

    QR_TRY(qr_reader_step(store->reader));
    QR_TRY(qr_triggers_before(store, draft->type, QR_TRIGGER_CREATE, NULL, draft->values));
    QR_TRY(check_references(store, draft->type, draft->values, NULL));
    QR_TRY(qr_reader_table(store->reader, draft->type, &table));
    *rowid = 0;
    status = quire_table_insert(table, rowid, draft->values, draft->type->column_count,
                                store->reader->err);
    QR_TRY(status == QUIRE_UNIQUE ? explain_clash(store, draft->type, draft->values, 0) : status);
    return qr_triggers_after(store, draft->type, QR_TRIGGER_CREATE, *rowid, NULL, draft->values);
}

/* Reads all values of a row into the scratch arena, where they outlive its change. */
static quire_status read_values(struct qr_store *store, quire_table *table, int64_t rowid,
                                quire_value **out, uint32_t *count)
{
    struct qr_reader *reader = store->reader;
    const void *record;
    size_t size;
    bool found;

    QR_TRY(qr_reader_step(reader));
    *count = quire_table_column_count(table);
    *out = qr_arena_alloc(&reader->scratch, sizeof **out * *count, reader->err);
    if (*out == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(quire_table_get(table, rowid, &record, &size, &found, reader->err));
    if (!found) {
        return qr_store_fail(store, QUIRE_QUERY, "NOT_FOUND", NULL,
                             "A row that is to be changed was deleted by the same request.");
    }
    record = qr_arena_copy(&reader->scratch, record, size, reader->err);
    if (record == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < *count; i++) {
        QR_TRY(quire_record_column(record, size, i, &(*out)[i], reader->err));
    }
    return QUIRE_OK;
}

/* Moves what says when a row was last changed. */
static void stamp(struct qr_store *store, const struct qr_model_type *type, quire_value *values)
{
    for (uint32_t i = 0; i < type->column_count && !store->keeps_stamps; i++) {
        if (type->columns[i]->generator == QR_MODEL_UPDATED_AT) {
            values[i] = qr_store_now(store, type->columns[i]);
        }
    }
}

/* Makes the new value of a column from the old one. */
static quire_status apply_operator(struct qr_store *store, const struct qr_draft *draft,
                                   uint32_t column, quire_value *value)
{
    const struct qr_model_field *field = draft->type->columns[column];
    quire_status status = qr_operator_apply(store, field, &draft->operators[column], value, value);
    if (status != QUIRE_OK) {
        store->place = draft->operators_place;
        QR_TRY(qr_store_enter(store, field->name, 0));
    }
    return status;
}

/* Whether a row is still there, and the rows that it is to refer to. */
static quire_status check_against_now(struct qr_store *store, const struct qr_model_type *type,
                                      int64_t rowid, const quire_value *values)
{
    struct qr_row now = {.rowid = rowid};
    quire_table *table;
    const void *record;
    bool found;

    QR_TRY(check_exists(store, type, rowid));
    QR_TRY(qr_reader_table(store->reader, type, &table));
    QR_TRY(quire_table_get(table, rowid, &record, &now.size, &found, store->reader->err));
    now.record = (const uint8_t *)qr_arena_copy(&store->reader->scratch, record, now.size,
                                                store->reader->err);
    if (now.record == NULL) {
        return QUIRE_NO_MEMORY;
    }
    return check_references(store, type, values, &now);
}

/* Reads what triggers are told that a row was. */
static quire_status read_old(struct qr_store *store, const struct qr_model_type *type,
                             quire_table *table, int64_t rowid, quire_value **out)
{
    uint32_t count;
    QR_TRY(read_values(store, table, rowid, out, &count));
    return store->recall == NULL ? QUIRE_OK
                                 : store->recall(store->defer_context, type, rowid, *out);
}

/* Writes the new values of a row, which is there, with the triggers around it. */
static quire_status replace_row(struct qr_store *store, const struct qr_model_type *type,
                                int64_t rowid, const quire_value *values)
{
    quire_value *old_values = NULL;
    quire_table *table;
    bool found;

    QR_TRY(qr_reader_table(store->reader, type, &table));
    if (qr_store_fires(store, type, QR_TRIGGER_UPDATE)) {
        QR_TRY(read_old(store, type, table, rowid, &old_values));
        QR_TRY(qr_triggers_before(store, type, QR_TRIGGER_UPDATE, old_values, values));
    }
    if (store->has_deleted) {
        QR_TRY(check_against_now(store, type, rowid, values));
    }
    quire_status status = quire_table_update(table, rowid, values, quire_table_column_count(table),
                                             &found, store->reader->err);
    QR_TRY(status == QUIRE_UNIQUE ? explain_clash(store, type, values, rowid) : status);
    return qr_triggers_after(store, type, QR_TRIGGER_UPDATE, rowid, old_values, values);
}

static quire_status update_row(struct qr_store *store, int64_t rowid, const struct qr_draft *draft)
{
    const struct qr_model_type *type = draft->type;
    quire_value *values;
    quire_table *table;
    uint32_t count;

    QR_TRY(qr_reader_table(store->reader, type, &table));
    QR_TRY(read_values(store, table, rowid, &values, &count));
    stamp(store, type, values);
    for (uint32_t i = 0; i < type->column_count; i++) {
        if (draft->given[i]) {
            values[i] = draft->values[i];
        } else if (draft->operators != NULL && draft->operators[i].kind != QR_OPERATOR_NONE) {
            QR_TRY(apply_operator(store, draft, i, &values[i]));
        } else {
            continue;
        }
        QR_TRY(qr_store_check(store, type->columns[i], &values[i]));
    }
    return replace_row(store, type, rowid, values);
}

quire_status qr_store_update(struct qr_store *store, int64_t rowid, const struct qr_draft *draft)
{
    quire_status status = update_row(store, rowid, draft);
    qr_arena_reset(&store->reader->scratch);
    return status;
}

static quire_status refer(struct qr_store *store, const struct qr_model_field *reference,
                          int64_t rowid, int64_t target)
{
    quire_value *values;
    quire_table *table;
    uint32_t count;

    QR_TRY(qr_reader_table(store->reader, reference->owner, &table));
    QR_TRY(read_values(store, table, rowid, &values, &count));
    stamp(store, reference->owner, values);
    values[reference->column] = target == 0 ? quire_null() : quire_int(target);
    QR_TRY(qr_store_check(store, reference, &values[reference->column]));
    return replace_row(store, reference->owner, rowid, values);
}

quire_status qr_store_refer(struct qr_store *store, const struct qr_model_field *reference,
                            int64_t rowid, int64_t target)
{
    quire_status status = refer(store, reference, rowid, target);
    qr_arena_reset(&store->reader->scratch);
    return status;
}

/* ---- links ---- */

/* Deletes the link rows that one side of a walk gives. */
static quire_status delete_links(struct qr_store *store, const struct qr_model_field *field,
                                 int64_t rowid)
{
    for (;;) {
        struct qr_link_walk walk;
        int64_t link;
        int64_t target;
        bool valid;
        bool deleted;
        quire_table *table;
        QR_TRY(qr_reader_step(store->reader));
        QR_TRY(qr_reader_links(store->reader, field, &table));
        QR_TRY(qr_link_walk_open(store->reader, field, false, &walk));
        quire_status status = qr_link_walk_start(&walk, rowid);
        if (status == QUIRE_OK) {
            status = qr_link_walk_next(&walk, &link, &target, &valid);
        }
        qr_link_walk_close(&walk);
        QR_TRY(status);
        if (!valid) {
            return QUIRE_OK;
        }
        QR_TRY(quire_table_delete(table, link, &deleted, store->reader->err));
    }
}

quire_status qr_store_unlink_all(struct qr_store *store, const struct qr_model_field *field,
                                 int64_t rowid)
{
    return delete_links(store, field, rowid);
}

quire_status qr_store_link(struct qr_store *store, const struct qr_model_field *field,
                           int64_t rowid, int64_t target)
{
    quire_value pair[2] = {quire_int(field->link_owner ? rowid : target),
                           quire_int(field->link_owner ? target : rowid)};
    int64_t link = 0;
    quire_table *table;
    quire_error failure = QUIRE_ERROR_INIT;
    quire_status status;

    QR_TRY(qr_reader_step(store->reader));
    QR_TRY(check_exists(store, field->owner, rowid));
    QR_TRY(check_exists(store, field->target, target));
    QR_TRY(qr_reader_links(store->reader, field, &table));
    status = quire_table_insert(table, &link, pair, 2, &failure);
    if (status == QUIRE_OK || status == QUIRE_UNIQUE) {
        return QUIRE_OK;
    }
    if (store->reader->err != NULL) {
        *store->reader->err = failure;
    }
    return status;
}

quire_status qr_store_linked(struct qr_store *store, const struct qr_model_field *field,
                             int64_t rowid, int64_t target, int64_t *link, bool *linked)
{
    quire_value pair[2] = {quire_int(field->link_owner ? rowid : target),
                           quire_int(field->link_owner ? target : rowid)};
    quire_table *table;

    QR_TRY(qr_reader_links(store->reader, field, &table));
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        const quire_index_def *def = quire_table_index(table, i);
        if (def->unique && def->column_count == 2 && qr_reader_index_serves(def)) {
            return qr_table_find_unique(table, i, pair, 2, link, linked, store->reader->err);
        }
    }
    return qr_fail(store->reader->err, QUIRE_SCHEMA, "The link table %s lacks an index.",
                   field->link_table);
}

quire_status qr_store_unlink(struct qr_store *store, const struct qr_model_field *field,
                             int64_t rowid, int64_t target)
{
    quire_table *table;
    int64_t link;
    bool linked = false;

    QR_TRY(qr_store_linked(store, field, rowid, target, &link, &linked));
    if (!linked) {
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_links(store->reader, field, &table));
    return quire_table_delete(table, link, &linked, store->reader->err);
}

/* Removes the links of a row on every link table that its type has a side of. */
static quire_status delete_all_links(struct qr_store *store, const struct qr_model_type *type,
                                     int64_t rowid)
{
    const struct qr_model *model = store->reader->api->model;
    for (uint32_t t = 0; t < model->type_count; t++) {
        const struct qr_model_type *owner = &model->types[t];
        for (uint32_t f = 0; f < owner->field_count; f++) {
            const struct qr_model_field *field = &owner->fields[f];
            if (field->role != QR_MODEL_LINKS || !field->link_owner) {
                continue;
            }
            if (owner == type) {
                QR_TRY(delete_links(store, field, rowid));
            }
            if (field->target == type) {
                struct qr_model_field other = *field;
                other.link_owner = false;
                QR_TRY(delete_links(store, &other, rowid));
            }
        }
    }
    return QUIRE_OK;
}

/* ---- delete ---- */

/* A row that is deleted and whose referrers are being dealt with. */
struct deleted {
    const struct qr_model_type *type;
    int64_t rowid;
    uint32_t field; /* referrers of the type before this one are done */
    struct deleted *next;
};

/* What is on the way from the row that was asked for to those that cascades have reached. A row is
 * deleted before its referrers are looked for, so that cycles end by themselves. */
struct deletion {
    struct qr_store *store;
    struct deleted *path;  /* innermost first */
    struct deleted *spare; /* entries to use again */
};

/* The first row that has a reference field pointing to `rowid`. */
static quire_status first_referrer(struct qr_store *store, const struct qr_model_field *field,
                                   int64_t rowid, int64_t *referrer, bool *found)
{
    quire_value self = quire_int(rowid);
    quire_index_range range = {.prefix = &self, .prefix_count = 1};
    quire_index_cursor *cursor;
    quire_table *table;
    quire_status status;

    QR_TRY(qr_reader_table(store->reader, field->owner, &table));
    int index = qr_reader_single_index(table, field, false);
    if (index < 0) {
        return qr_fail(store->reader->err, QUIRE_SCHEMA, "The table %s has no index on %s.",
                       field->owner->table, field->column_name);
    }
    QR_TRY(quire_index_cursor_open(table, (uint32_t)index, &range, &cursor, store->reader->err));
    status = quire_index_cursor_next(cursor, referrer, found, store->reader->err);
    quire_index_cursor_close(cursor);
    return status;
}

/* Deletes a row of a type with triggers on that. */
static quire_status delete_and_fire(struct qr_store *store, const struct qr_model_type *type,
                                    quire_table *table, int64_t rowid, bool *deleted)
{
    const void *record;
    quire_value *values;
    size_t size;

    QR_TRY(quire_table_get(table, rowid, &record, &size, deleted, store->reader->err));
    if (!*deleted) {
        return QUIRE_OK;
    }
    QR_TRY(read_old(store, type, table, rowid, &values));
    QR_TRY(qr_triggers_before(store, type, QR_TRIGGER_DELETE, values, NULL));
    QR_TRY(quire_table_delete(table, rowid, deleted, store->reader->err));
    return *deleted ? qr_triggers_after(store, type, QR_TRIGGER_DELETE, rowid, values, NULL)
                    : QUIRE_OK;
}

/* The same; the values are of no use behind it. */
static quire_status delete_with_triggers(struct qr_store *store, const struct qr_model_type *type,
                                         quire_table *table, int64_t rowid, bool *deleted)
{
    quire_status status = delete_and_fire(store, type, table, rowid, deleted);
    qr_arena_reset(&store->reader->scratch);
    return status;
}

quire_status qr_store_delete_row(struct qr_store *store, const struct qr_model_type *type,
                                 int64_t rowid, bool *deleted)
{
    quire_table *table;

    QR_TRY(qr_reader_step(store->reader));
    QR_TRY(qr_reader_table(store->reader, type, &table));
    QR_TRY(qr_store_fires(store, type, QR_TRIGGER_DELETE)
               ? delete_with_triggers(store, type, table, rowid, deleted)
               : quire_table_delete(table, rowid, deleted, store->reader->err));
    if (!*deleted) {
        return QUIRE_OK;
    }
    store->has_deleted = true;
    return delete_all_links(store, type, rowid);
}

/* Puts a deleted row at the end of the path. */
static quire_status enter_row(struct deletion *deletion, const struct qr_model_type *type,
                              int64_t rowid)
{
    struct qr_reader *reader = deletion->store->reader;
    struct deleted *entry = deletion->spare;

    if (entry != NULL) {
        deletion->spare = entry->next;
    } else {
        entry = qr_arena_alloc(reader->arena, sizeof *entry, reader->err);
    }
    if (entry == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *entry = (struct deleted){type, rowid, 0, deletion->path};
    deletion->path = entry;
    return QUIRE_OK;
}

/* Deletes a row with its links, and puts it at the end of the path; nothing when it is gone. */
static quire_status delete_row(struct deletion *deletion, const struct qr_model_type *type,
                               int64_t rowid)
{
    bool deleted;
    QR_TRY(qr_store_delete_row(deletion->store, type, rowid, &deleted));
    return deleted ? enter_row(deletion, type, rowid) : QUIRE_OK;
}

/* Deals with one referrer of the innermost deleted row over one field; moves on to the next field
 * when there is none. */
static quire_status drop_reference(struct deletion *deletion)
{
    struct qr_store *store = deletion->store;
    struct deleted *row = deletion->path;
    const struct qr_model_field *field = row->type->referrers[row->field];
    int64_t referrer;
    bool found = false;

    QR_TRY(first_referrer(store, field, row->rowid, &referrer, &found));
    if (!found) {
        row->field++;
        return QUIRE_OK;
    }
    switch (field->on_delete) {
    case QR_MODEL_RESTRICT:
        return qr_store_fail(store, QUIRE_FOREIGN_KEY, "FOREIGN_KEY", field,
                             "The row of %s is still referred to by %s.%.*s.", row->type->table,
                             field->owner->table, QR_GQL_FMT(field->name));
    case QR_MODEL_CASCADE:
        return delete_row(deletion, field->owner, referrer);
    case QR_MODEL_SET_NULL:
        break;
    }
    return qr_store_refer(store, field, referrer, 0);
}

/* Deals with the referrers of all that is on the path. */
static quire_status follow(struct deletion *deletion)
{
    while (deletion->path != NULL) {
        struct deleted *row = deletion->path;
        if (row->field < row->type->referrer_count) {
            QR_TRY(drop_reference(deletion));
        } else {
            deletion->path = row->next;
            row->next = deletion->spare;
            deletion->spare = row;
        }
    }
    return QUIRE_OK;
}

quire_status qr_store_delete_referrers(struct qr_store *store, const struct qr_model_type *type,
                                       int64_t rowid)
{
    struct deletion deletion = {.store = store};

    QR_TRY(enter_row(&deletion, type, rowid));
    return follow(&deletion);
}

quire_status qr_store_delete(struct qr_store *store, const struct qr_model_type *type,
                             const int64_t *rowids, size_t count)
{
    struct deletion deletion = {.store = store};

    for (size_t i = 0; i < count; i++) {
        QR_TRY(delete_row(&deletion, type, rowids[i]));
    }
    return follow(&deletion);
}
