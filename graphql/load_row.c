/*
 * Rows of a load: values are checked, references looked up, the row stored.
 *
 * A reference may name a row that comes later, in any input. The row that
 * holds it is stored at once all the same, with null or, where the reference
 * is required, with a placeholder; a note says what it waits for, and
 * qr_load_settle writes what the note names. So rows keep the order of the
 * input, and rows in a circle need nothing special. Placeholders are negative, where no rowid is,
 * and all different, so that they never clash in a unique index. They cannot
 * outlive the load: unless all are settled the transaction is given up.
 */
#include "graphql/load.h"

#include "graphql/coerce.h"
#include "graphql/column.h"

/* ---- notes ---- */

/* Columns of a note's record. */
enum {
    NOTE_TYPE,
    NOTE_FIELD,
    NOTE_ROWID,
    NOTE_LINE,
    NOTE_COLUMN,
    NOTE_INPUT,
    NOTE_MISSING_NULL,
    NOTE_KEY,
    NOTE_COLUMNS
};

struct wish {
    const struct qr_model_field *field; /* REFERENCE, LINKS */
    quire_value key;                    /* of the row it wants */
    struct qr_load_place place;
    bool missing_null;
};

static quire_status remember(struct qr_load_writer *writer, const struct wish *wish, int64_t rowid,
                             uint32_t input)
{
    quire_value values[NOTE_COLUMNS] = {
        [NOTE_TYPE] = quire_int(wish->field->owner->index),
        [NOTE_FIELD] = quire_int(wish->field->index),
        [NOTE_ROWID] = quire_int(rowid),
        [NOTE_LINE] = quire_int(wish->place.line),
        [NOTE_COLUMN] = quire_int(wish->place.column),
        [NOTE_INPUT] = quire_int(input),
        [NOTE_MISSING_NULL] = quire_bool(wish->missing_null),
        [NOTE_KEY] = wish->key,
    };
    return qr_load_notes_add(&writer->notes, values, NOTE_COLUMNS, writer->reader.err);
}

static quire_status recall(struct qr_load_writer *writer, const void *note, size_t size,
                           struct wish *wish, int64_t *rowid, uint32_t *input)
{
    const struct qr_model *model = writer->reader.api->model;
    quire_value values[NOTE_COLUMNS];
    for (uint32_t i = 0; i < NOTE_COLUMNS; i++) {
        QR_TRY(quire_record_column(note, size, i, &values[i], writer->reader.err));
    }
    const struct qr_model_type *type = &model->types[values[NOTE_TYPE].as.integer];
    wish->field = &type->fields[values[NOTE_FIELD].as.integer];
    wish->key = values[NOTE_KEY];
    wish->place.line = (uint32_t)values[NOTE_LINE].as.integer;
    wish->place.column = (uint32_t)values[NOTE_COLUMN].as.integer;
    wish->missing_null = values[NOTE_MISSING_NULL].as.boolean;
    *rowid = values[NOTE_ROWID].as.integer;
    *input = (uint32_t)values[NOTE_INPUT].as.integer;
    return QUIRE_OK;
}

/* ---- values ---- */

/* Keys of rows to link to, once the row itself is stored. */
struct link_list {
    const struct qr_model_field *field;
    const struct qr_load_node *node;
    bool missing_null;
};

/* A row under construction. */
struct row {
    struct qr_load_writer *writer;
    const struct qr_model_type *type;
    struct qr_draft draft;
    struct qr_load_place place;   /* of the object */
    struct qr_load_place *places; /* by field: of its value; line 0: not given */
    struct wish *wishes;          /* references that wait */
    uint32_t wish_count;
    struct link_list *links;
    uint32_t link_count;
};

static quire_error *error_of(const struct row *row)
{
    return row->writer->reader.err;
}

/* Coerces to the type of `model`, the field itself or the key of the type that it refers to. */
static quire_status coerce(const struct row *row, const struct qr_model_field *field,
                           const struct qr_model_field *model, const struct qr_load_node *node,
                           struct qr_gql_value *value)
{
    struct qr_load_writer *writer = row->writer;
    const struct qr_gql_type *type = model->named;
    const char *problem = NULL;

    QR_TRY(qr_load_to_value(node, writer->row, value, error_of(row)));
    if (type == NULL) {
        type = qr_gql_schema_type(writer->reader.api->model->schema, qr_gql_str_of("ID"));
    }
    QR_TRY(qr_gql_leaf_coerce(writer->row, type, false, true, value, &problem, error_of(row)));
    return problem == NULL ? QUIRE_OK
                           : qr_load_fail(error_of(row), QUIRE_DATA, node->place, "%s.%.*s: %s",
                                          row->type->table, QR_GQL_FMT(field->name), problem);
}

static quire_status coerce_list(const struct row *row, const struct qr_model_field *field,
                                const struct qr_load_node *node, struct qr_gql_value *value)
{
    const struct qr_load_node *child = qr_load_first(node);
    if (node->kind != QR_GQL_VALUE_LIST) {
        return qr_load_fail(error_of(row), QUIRE_DATA, node->place,
                            "%s.%.*s is a list, but this is %s.", row->type->table,
                            QR_GQL_FMT(field->name), qr_load_kind_name(node));
    }
    *value = (struct qr_gql_value){.kind = QR_GQL_VALUE_LIST, .count = node->count};
    value->items = qr_arena_alloc(row->writer->row,
                                  sizeof *value->items * ((size_t)node->count + 1), error_of(row));
    if (value->items == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < node->count; i++, child = qr_load_next(child)) {
        if (child->kind != QR_GQL_VALUE_NULL) {
            QR_TRY(coerce(row, field, field, child, &value->items[i]));
        } else if (field->element_required) {
            return qr_load_fail(error_of(row), QUIRE_NOT_NULL, child->place,
                                "An element of %s.%.*s cannot be null.", row->type->table,
                                QR_GQL_FMT(field->name));
        } else {
            value->items[i] = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
        }
    }
    return QUIRE_OK;
}

static quire_status set_column(struct row *row, const struct qr_model_field *field,
                               const struct qr_load_node *node)
{
    struct qr_gql_value value;
    QR_TRY(field->list ? coerce_list(row, field, node, &value)
                       : coerce(row, field, field, node, &value));
    return qr_column_from_value(field, false, &value, row->writer->row,
                                &row->draft.values[field->column], error_of(row));
}

/* ---- references ---- */

/* Reads the key of a referenced row into wish->key and looks for it. */
static quire_status find_target(const struct row *row, const struct qr_model_field *field,
                                const struct qr_load_node *node, struct wish *wish, int64_t *rowid,
                                bool *found)
{
    const struct qr_model_field *key = field->target->key;
    struct qr_gql_value value;
    QR_TRY(coerce(row, field, key, node, &value));
    QR_TRY(qr_column_from_value(key, false, &value, row->writer->row, &wish->key, error_of(row)));
    wish->field = field;
    wish->place = node->place;
    QR_TRY(qr_reader_find(&row->writer->reader, key, &wish->key, rowid, found));
    if (*found) {
        /* A row that may still be deleted is waited for. */
        bool old;
        QR_TRY(qr_load_replace_is_old(row->writer, field->target, *rowid, &old));
        *found = !old;
    }
    return QUIRE_OK;
}

static quire_status set_reference(struct row *row, const struct qr_model_field *field,
                                  const struct qr_load_node *node, bool missing_null)
{
    struct wish *wish = &row->wishes[row->wish_count];
    quire_value *value = &row->draft.values[field->column];
    int64_t rowid;
    bool found;

    wish->missing_null = missing_null;
    QR_TRY(find_target(row, field, node, wish, &rowid, &found));
    if (found) {
        *value = quire_int(rowid);
        return QUIRE_OK;
    }
    row->wish_count++;
    if (field->required) {
        *value = quire_int(-++row->writer->placeholders);
    }
    return QUIRE_OK;
}

/* Links a row to what a list of keys names. From the first one on that is not there all wait, so
 * that links keep the order of the list. */
static quire_status store_links(struct row *row, const struct link_list *list, int64_t rowid,
                                uint32_t input)
{
    const struct qr_load_node *child = qr_load_first(list->node);
    bool waits = false;

    if (list->node->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    if (list->node->kind != QR_GQL_VALUE_LIST) {
        return qr_load_fail(error_of(row), QUIRE_DATA, list->node->place,
                            "%s.%.*s takes a list of keys, but this is %s.", row->type->table,
                            QR_GQL_FMT(list->field->name), qr_load_kind_name(list->node));
    }
    for (uint32_t i = 0; i < list->node->count; i++, child = qr_load_next(child)) {
        struct wish wish = {.missing_null = list->missing_null};
        int64_t target;
        bool found;
        if (child->kind == QR_GQL_VALUE_NULL) {
            return qr_load_fail(error_of(row), QUIRE_NOT_NULL, child->place,
                                "A key in %s.%.*s cannot be null.", row->type->table,
                                QR_GQL_FMT(list->field->name));
        }
        QR_TRY(find_target(row, list->field, child, &wish, &target, &found));
        waits = waits || !found;
        if (waits) {
            QR_TRY(remember(row->writer, &wish, rowid, input));
        } else {
            QR_TRY(qr_store_link(&row->writer->store, list->field, rowid, target));
        }
    }
    return QUIRE_OK;
}

/* ---- rows ---- */

static quire_status row_init(struct row *row, struct qr_load_writer *writer,
                             const struct qr_model_type *type, struct qr_load_place place)
{
    size_t fields = (size_t)type->field_count + 1;
    *row = (struct row){.writer = writer, .type = type, .place = place};
    QR_TRY(qr_draft_init(&writer->store, type, &row->draft));
    row->places = qr_arena_alloc_zero(writer->row, sizeof *row->places * fields, error_of(row));
    row->wishes = qr_arena_alloc(writer->row, sizeof *row->wishes * fields, error_of(row));
    row->links = qr_arena_alloc(writer->row, sizeof *row->links * fields, error_of(row));
    return row->places == NULL || row->wishes == NULL || row->links == NULL ? QUIRE_NO_MEMORY
                                                                            : QUIRE_OK;
}

static quire_status give(struct row *row, const struct qr_model_field *field,
                         const struct qr_load_found *found)
{
    const struct qr_load_node *node = found->node;

    if (row->places[field->index].line != 0) {
        return qr_load_fail(error_of(row), QUIRE_DATA, node->name_place,
                            "%s.%.*s is given twice, by different names.", row->type->table,
                            QR_GQL_FMT(field->name));
    }
    row->places[field->index] = node->place;
    QR_TRY(qr_load_cell(field, node, row->writer->row, &node, error_of(row)));
    bool is_null = node->kind == QR_GQL_VALUE_NULL;
    if (field->role == QR_MODEL_LINKS) {
        row->links[row->link_count++] = (struct link_list){field, node, found->missing_null};
        return QUIRE_OK;
    }
    row->draft.given[field->column] = true;
    if (is_null && field->required) {
        return qr_load_fail(error_of(row), QUIRE_NOT_NULL, node->place,
                            "%s.%.*s is required and cannot be null.", row->type->table,
                            QR_GQL_FMT(field->name));
    }
    if (is_null) {
        return QUIRE_OK;
    }
    return field->role == QR_MODEL_COLUMN ? set_column(row, field, node)
                                          : set_reference(row, field, node, found->missing_null);
}

static quire_status give_plain(struct row *row, const struct qr_load_node *element)
{
    const struct qr_load_node *member = qr_load_first(element);
    for (uint32_t i = 0; i < element->count; i++, member = qr_load_next(member)) {
        const struct qr_model_field *field;
        struct qr_load_found found = {member, false};
        QR_TRY(qr_load_names_find(row->writer->names, row->type, member->name, member->name_place,
                                  &field, error_of(row)));
        QR_TRY(give(row, field, &found));
    }
    return QUIRE_OK;
}

static quire_status give_mapped(struct row *row, const struct qr_load_rule *rule,
                                const struct qr_load_node *element)
{
    for (uint32_t i = 0; i < rule->field_count; i++) {
        struct qr_load_found found;
        QR_TRY(qr_load_source_find(&rule->fields[i].source, element, row->writer->row, &found,
                                   error_of(row)));
        if (found.node != NULL) {
            QR_TRY(give(row, rule->fields[i].field, &found));
        }
    }
    return QUIRE_OK;
}

/* Gives a failure of the store a place: that of the field it concerns, else that of the row. */
static quire_status locate(const struct row *row, quire_status status)
{
    quire_error *err = error_of(row);
    struct qr_load_place place = row->place;
    struct qr_gql_str name = row->writer->store.coordinate;
    size_t type_size = row->type->name.size;

    if (status == QUIRE_OK || err->line != 0) {
        return status;
    }
    if (name.data != NULL && name.size > type_size + 1) {
        name = (struct qr_gql_str){name.data + type_size + 1, name.size - type_size - 1};
        const struct qr_model_field *field = qr_model_find_field(row->type, name);
        if (field != NULL && row->places[field->index].line != 0) {
            place = row->places[field->index];
        }
    }
    err->line = place.line;
    err->column = place.column;
    return status;
}

/* Looks for the row of the database that this one is to become. */
static quire_status find_existing(const struct row *row, int64_t *rowid, bool *found)
{
    struct qr_load_writer *writer = row->writer;
    *found = false;
    for (uint32_t i = 0; i < row->type->key_count && !*found; i++) {
        const struct qr_model_field *field = row->type->keys[i];
        const quire_value *value = &row->draft.values[field->column];
        if (!row->draft.given[field->column] || value->type == QUIRE_NULL) {
            continue;
        }
        QR_TRY(qr_reader_find(&writer->reader, field, value, rowid, found));
        if (*found && qr_load_is_given(writer, row->type, *rowid)) {
            return qr_store_fail(&writer->store, QUIRE_UNIQUE, "UNIQUE", field,
                                 "The input has the row of %s with this %.*s twice.",
                                 row->type->table, QR_GQL_FMT(field->name));
        }
        if (writer->mode == QUIRE_LOAD_UPSERT) {
            return QUIRE_OK;
        }
        if (*found) {
            QR_TRY(qr_load_replace_is_old(writer, row->type, *rowid, found));
        }
    }
    return QUIRE_OK;
}

/* Makes the draft all of the row: what is not given has its default, but the key stays. */
static quire_status complete_replacement(struct row *row, int64_t rowid)
{
    struct qr_load_writer *writer = row->writer;
    const struct qr_model_field *key = row->type->key;
    if (!row->draft.given[key->column]) {
        struct qr_row old;
        bool found;
        QR_TRY(qr_reader_row(&writer->reader, row->type, rowid, &old, &found));
        QR_TRY(qr_reader_column(&writer->reader, &old, key, &row->draft.values[key->column]));
        row->draft.given[key->column] = true;
    }
    QR_TRY(qr_draft_complete(&writer->store, &row->draft));
    for (uint32_t i = 0; i < row->type->column_count; i++) {
        row->draft.given[i] = true;
    }
    return QUIRE_OK;
}

/* Stores a new row (*rowid 0) or new values of one. Rows that give their unique values up make way,
 * at most once each. */
static quire_status store_values(struct row *row, int64_t *rowid)
{
    struct qr_load_writer *writer = row->writer;
    bool made = true;
    quire_status status = QUIRE_UNIQUE;
    if (row->type->triggers != NULL) { /* which are to run once for the row */
        QR_TRY(qr_load_replace_make_way(writer, &row->draft, *rowid, &made));
        made = true;
    }
    while (status == QUIRE_UNIQUE && made) {
        int64_t added = 0;
        status = *rowid == 0 ? qr_store_insert(&writer->store, &row->draft, &added)
                             : qr_store_update(&writer->store, *rowid, &row->draft);
        if (status == QUIRE_OK && *rowid == 0) {
            *rowid = added;
        }
        if (status == QUIRE_UNIQUE) {
            quire_error clash = *writer->reader.err;
            QR_TRY(qr_load_replace_make_way(writer, &row->draft, *rowid, &made));
            *writer->reader.err = clash;
        }
    }
    return status;
}

/* Makes the row of the database what the input says. */
static quire_status update_existing(struct row *row, int64_t rowid)
{
    struct qr_load_writer *writer = row->writer;
    if (writer->mode == QUIRE_LOAD_REPLACE) {
        QR_TRY(complete_replacement(row, rowid));
    }
    QR_TRY(store_values(row, &rowid));
    for (uint32_t i = 0; i < row->link_count; i++) {
        QR_TRY(qr_store_unlink_all(&writer->store, row->links[i].field, rowid));
    }
    return QUIRE_OK;
}

static quire_status store_row(struct row *row, uint32_t input)
{
    struct qr_load_writer *writer = row->writer;
    int64_t rowid;
    bool exists = false;

    if (writer->mode != QUIRE_LOAD_INSERT) {
        QR_TRY(find_existing(row, &rowid, &exists));
    }
    if (exists) {
        QR_TRY(update_existing(row, rowid));
    } else {
        rowid = 0;
        QR_TRY(qr_draft_complete(&writer->store, &row->draft));
        QR_TRY(store_values(row, &rowid));
    }
    if (writer->mode != QUIRE_LOAD_INSERT) {
        QR_TRY(qr_load_give_row(writer, row->type, rowid));
    }
    writer->rows++;
    for (uint32_t i = 0; i < row->wish_count; i++) {
        QR_TRY(remember(writer, &row->wishes[i], rowid, input));
    }
    for (uint32_t i = 0; i < row->link_count; i++) {
        QR_TRY(store_links(row, &row->links[i], rowid, input));
    }
    return QUIRE_OK;
}

quire_status qr_load_row(struct qr_load_writer *writer, const struct qr_load_rule *rule,
                         const struct qr_load_node *element, uint32_t input)
{
    struct row row;
    if (rule->type == qr_load_numbers()) {
        return qr_load_number(writer, element);
    }
    writer->store.coordinate = (struct qr_gql_str){NULL, 0};
    writer->place = element->place;
    writer->input = input;
    QR_TRY(row_init(&row, writer, rule->type, element->place));
    quire_status status =
        rule->plain ? give_plain(&row, element) : give_mapped(&row, rule, element);
    if (status == QUIRE_OK) {
        status = store_row(&row, input);
    }
    return locate(&row, status);
}

/* ---- what waited ---- */

static quire_status no_target(struct qr_load_writer *writer, const struct wish *wish)
{
    const struct qr_model_type *target = wish->field->target;
    struct qr_gql_str key;
    QR_TRY(qr_column_show(target->key, &wish->key, writer->row, &key, writer->reader.err));
    return qr_load_fail(writer->reader.err, QUIRE_FOREIGN_KEY, wish->place,
                        "%s.%.*s refers to \"%.*s\", but no row of %s has that %.*s.",
                        wish->field->owner->table, QR_GQL_FMT(wish->field->name), QR_GQL_FMT(key),
                        target->table, QR_GQL_FMT(target->key->name));
}

static quire_status grant(struct qr_load_writer *writer, const struct wish *wish, int64_t rowid,
                          int64_t target)
{
    struct qr_draft draft;
    if (wish->field->role == QR_MODEL_LINKS) {
        return qr_store_link(&writer->store, wish->field, rowid, target);
    }
    QR_TRY(qr_draft_init(&writer->store, wish->field->owner, &draft));
    draft.given[wish->field->column] = true;
    draft.values[wish->field->column] = quire_int(target);
    return qr_store_update(&writer->store, rowid, &draft);
}

static quire_status settle(struct qr_load_writer *writer, const void *note, size_t size,
                           uint32_t *input)
{
    struct wish wish;
    int64_t rowid;
    int64_t target;
    bool found;
    quire_error *err = writer->reader.err;

    QR_TRY(recall(writer, note, size, &wish, &rowid, input));
    QR_TRY(qr_reader_find(&writer->reader, wish.field->target->key, &wish.key, &target, &found));
    if (!found) {
        return wish.missing_null ? QUIRE_OK : no_target(writer, &wish);
    }
    quire_status status = grant(writer, &wish, rowid, target);
    if (status != QUIRE_OK && err->line == 0) {
        err->line = wish.place.line;
        err->column = wish.place.column;
    }
    return status;
}

quire_status qr_load_settle(struct qr_load_writer *writer, uint32_t *input)
{
    const void *note;
    size_t size;
    bool found;

    *input = UINT32_MAX;
    /* What follows belongs to rows that were stored before, and to their changes. */
    writer->store.keeps_stamps = true;
    writer->store.fires = false;
    QR_TRY(qr_load_notes_rewind(&writer->notes, writer->reader.err));
    for (;;) {
        QR_TRY(qr_load_notes_next(&writer->notes, &note, &size, &found, writer->reader.err));
        if (!found) {
            return QUIRE_OK;
        }
        QR_TRY(settle(writer, note, size, input));
        qr_arena_reset(writer->row);
    }
}

/* ---- opening ---- */

quire_status qr_load_writer_open(struct qr_load_writer *writer, quire_txn *txn,
                                 const struct qr_api *api, quire_load_mode mode,
                                 struct qr_arena *arena, struct qr_arena *row,
                                 struct qr_load_names *names, quire_error *err)
{
    *writer = (struct qr_load_writer){.row = row, .arena = arena, .names = names, .mode = mode};
    qr_load_notes_init(&writer->notes, qr_txn_database(txn));
    qr_load_notes_init(&writer->changes, qr_txn_database(txn));
    QR_TRY(qr_reader_init(&writer->reader, txn, api, arena, err));
    /* The list of tables stays in `arena`; what a row needs goes with the row. */
    writer->reader.arena = row;
    writer->store.reader = &writer->reader;
    if (mode == QUIRE_LOAD_INSERT) {
        return QUIRE_OK;
    }
    size_t types = (size_t)api->model->type_count + 1;
    writer->types = qr_arena_alloc_zero(arena, sizeof *writer->types * types, err);
    return writer->types == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

void qr_load_writer_close(struct qr_load_writer *writer)
{
    qr_load_rows_free(writer);
    qr_load_notes_free(&writer->notes);
    qr_load_notes_free(&writer->changes);
    qr_reader_close(&writer->reader);
}
