/*
 * Writing what was read as JSON: see read.h. Recursion follows the selection
 * tree, whose depth is bounded.
 */
#include "catalog/record.h"
#include "graphql/change.h"
#include "graphql/column.h"
#include "graphql/read_internal.h"
#include "graphql/resolve.h"
#include "graphql/version.h"

static void put_key(struct qr_json_writer *writer, const struct qr_select_field *field)
{
    qr_json_put_name(writer, field->selected->name.data, field->selected->name.size);
}

/* ---- connections ---- */

static quire_status put_cursor(struct qr_reader *reader, const struct qr_connection *connection,
                               size_t row, struct qr_json_writer *writer)
{
    struct qr_gql_str cursor;
    QR_TRY(qr_order_cursor(reader, &connection->order, connection->rows.keys[row], &cursor));
    qr_json_put_string(writer, cursor.data, cursor.size);
    qr_arena_reset(&reader->scratch);
    return QUIRE_OK;
}

static void put_type_name(const struct qr_select *set, struct qr_json_writer *writer)
{
    qr_json_put_string(writer, set->type->name.data, set->type->name.size);
}

static quire_status write_items(struct qr_reader *reader, const struct qr_part *part, size_t parent,
                                struct qr_json_writer *writer)
{
    const struct qr_page *page = &part->pages[parent];
    struct qr_gql_path step = {.parent = reader->path};
    reader->path = &step;
    for (size_t i = 0; i < page->count && !reader->raised; i++) {
        step.index = i;
        QR_TRY(qr_write_row(reader, part->node, page->first + i, writer));
    }
    reader->path = step.parent;
    return QUIRE_OK;
}

static quire_status write_edges(struct qr_reader *reader, const struct qr_connection *connection,
                                const struct qr_part *part, const struct qr_select *set,
                                size_t parent, struct qr_json_writer *writer)
{
    const struct qr_page *page = &part->pages[parent];
    struct qr_gql_path element = {.parent = reader->path};
    struct qr_gql_path step = {.parent = &element};
    reader->path = &step;
    for (size_t i = page->first; i < page->first + page->count && !reader->raised; i++) {
        element.index = i - page->first;
        qr_json_begin_object(writer);
        for (uint32_t f = 0; f < set->count; f++) {
            const struct qr_select_field *field = &set->fields[f];
            put_key(writer, field);
            if (field->api == NULL) {
                put_type_name(set, writer);
            } else if (field->api->kind == QR_API_CURSOR) {
                QR_TRY(put_cursor(reader, connection, i, writer));
            } else {
                step.key = field->selected->name;
                QR_TRY(qr_write_row(reader, part->edge_nodes[f], i, writer));
            }
        }
        qr_json_end_object(writer);
    }
    reader->path = element.parent;
    return QUIRE_OK;
}

static quire_status write_page_info(struct qr_reader *reader,
                                    const struct qr_connection *connection,
                                    const struct qr_select *set, size_t parent,
                                    struct qr_json_writer *writer)
{
    const struct qr_page *page = &connection->pages[parent];
    qr_json_begin_object(writer);
    for (uint32_t f = 0; f < set->count; f++) {
        const struct qr_select_field *field = &set->fields[f];
        put_key(writer, field);
        if (field->api == NULL) {
            put_type_name(set, writer);
        } else if (field->api->kind == QR_API_HAS_NEXT) {
            qr_json_put_bool(writer, page->has_next);
        } else if (field->api->kind == QR_API_HAS_PREVIOUS) {
            qr_json_put_bool(writer, page->has_previous);
        } else if (page->count == 0) {
            qr_json_put_null(writer);
        } else {
            bool start = field->api->kind == QR_API_START_CURSOR;
            QR_TRY(put_cursor(reader, connection, page->first + (start ? 0 : page->count - 1),
                              writer));
        }
    }
    qr_json_end_object(writer);
    return QUIRE_OK;
}

static quire_status write_aggregate(struct qr_reader *reader,
                                    const struct qr_connection *connection,
                                    const struct qr_part *part, const struct qr_select *set,
                                    size_t parent, struct qr_json_writer *writer)
{
    const uint32_t *numbers = part->numbers;
    qr_json_begin_object(writer);
    for (uint32_t f = 0; f < set->count; f++) {
        const struct qr_select_field *field = &set->fields[f];
        put_key(writer, field);
        if (field->api == NULL) {
            put_type_name(set, writer);
            continue;
        }
        QR_TRY(qr_summary_write(reader, field, &connection->measures,
                                connection->values + parent * connection->measures.count, &numbers,
                                writer));
    }
    qr_json_end_object(writer);
    return QUIRE_OK;
}

static void write_total(const struct qr_connection *connection, const struct qr_part *part,
                        size_t parent, struct qr_json_writer *writer)
{
    if (part->numbers == NULL) {
        qr_json_put_uint(writer, connection->pages[parent].count);
        return;
    }
    size_t at = parent * connection->measures.count + part->numbers[0];
    qr_json_put_int(writer, connection->values[at].as.integer);
}

quire_status qr_write_elements(struct qr_reader *reader, const struct qr_connection *connection,
                               const struct qr_select *set, uint32_t number, size_t parent,
                               struct qr_json_writer *writer)
{
    const struct qr_select_field *field = &set->fields[number];
    const struct qr_part *part = &connection->parts[number];
    return field->api->kind == QR_API_ITEMS
               ? write_items(reader, part, parent, writer)
               : write_edges(reader, connection, part, field->set, parent, writer);
}

quire_status qr_write_member(struct qr_reader *reader, const struct qr_connection *connection,
                             const struct qr_select *set, uint32_t number, size_t parent,
                             struct qr_json_writer *writer)
{
    const struct qr_select_field *field = &set->fields[number];
    const struct qr_part *part = &connection->parts[number];

    put_key(writer, field);
    if (field->api == NULL) {
        put_type_name(set, writer);
    } else if (field->api->kind == QR_API_ITEMS || field->api->kind == QR_API_EDGES) {
        struct qr_gql_path step = {.parent = reader->path, .key = field->selected->name};
        reader->path = &step;
        qr_json_begin_array(writer);
        QR_TRY(qr_write_elements(reader, connection, set, number, parent, writer));
        qr_json_end_array(writer);
        reader->path = step.parent;
    } else if (field->api->kind == QR_API_PAGE_INFO) {
        QR_TRY(write_page_info(reader, connection, field->set, parent, writer));
    } else if (field->api->kind == QR_API_AGGREGATE) {
        QR_TRY(write_aggregate(reader, connection, part, field->set, parent, writer));
    } else if (field->api->kind == QR_API_GROUP_BY) {
        QR_TRY(qr_groups_write(reader, part->groups, field->set, parent, writer));
    } else {
        write_total(connection, part, parent, writer);
    }
    return QUIRE_OK;
}

static quire_status write_connection(struct qr_reader *reader,
                                     const struct qr_connection *connection,
                                     const struct qr_select *set, size_t parent,
                                     struct qr_json_writer *writer)
{
    qr_json_begin_object(writer);
    for (uint32_t f = 0; f < set->count && !reader->raised; f++) {
        QR_TRY(qr_write_member(reader, connection, set, f, parent, writer));
    }
    qr_json_end_object(writer);
    return QUIRE_OK;
}

/* ---- rows ---- */

/* A column that is not among those of the node's that were decoded. */
static quire_status write_column(struct qr_reader *reader, const struct qr_row *row,
                                 const struct qr_model_field *field, struct qr_json_writer *writer)
{
    quire_value value;
    QR_TRY(qr_reader_column(reader, row, field, &value));
    QR_TRY(qr_column_to_json(field, &value, writer, reader->err));
    if (field->role == QR_MODEL_COMPUTED) {
        qr_arena_reset(&reader->scratch);
    }
    return QUIRE_OK;
}

static quire_status write_single(struct qr_reader *reader, const struct qr_select_field *field,
                                 const struct qr_branch *branch, size_t row,
                                 struct qr_json_writer *writer)
{
    size_t link = branch->links[row];
    if (link == 0 && reader->event != NULL &&
        field->selected->field->type->kind == QR_GQL_NON_NULL) {
        /* A change is told as it was; what its row refers to is read as it is now. */
        return qr_fail(reader->err, QUIRE_FOREIGN_KEY,
                       "The row that %s.%.*s referred to is deleted by now.",
                       field->api->type->table, QR_GQL_FMT(field->selected->field->name));
    }
    if (link == 0) {
        qr_json_put_null(writer);
        return QUIRE_OK;
    }
    if (field->api->kind == QR_API_REFERENCE_KEY) {
        return write_column(reader, &branch->node->rows[link - 1], field->api->field->target->key,
                            writer);
    }
    struct qr_json_mark mark = qr_json_writer_mark(writer);
    QR_TRY(qr_write_row(reader, branch->node, link - 1, writer));
    qr_resolved_absorb(reader, field, mark, writer);
    return QUIRE_OK;
}

/* The fields that lead on from a row: what is below them has a longer path. */
static quire_status write_branch(struct qr_reader *reader, const struct qr_select_field *field,
                                 const struct qr_branch *branch, size_t row,
                                 struct qr_json_writer *writer)
{
    struct qr_gql_path step = {.parent = reader->path, .key = field->selected->name};
    reader->path = &step;
    if (field->api->kind == QR_API_LIST) {
        QR_TRY(write_connection(reader, branch->connection, field->set, row, writer));
    } else if (field->api->kind == QR_API_RESOLVED) {
        QR_TRY(qr_resolved_write(reader, branch->resolved, row, writer));
    } else {
        QR_TRY(write_single(reader, field, branch, row, writer));
    }
    reader->path = step.parent;
    return QUIRE_OK;
}

static quire_status write_field(struct qr_reader *reader, const struct qr_node *node,
                                uint32_t number, size_t index, struct qr_json_writer *writer)
{
    const struct qr_select_field *field = &node->set->fields[number];
    const struct qr_row *row = &node->rows[index];

    put_key(writer, field);
    if (field->api == NULL) {
        put_type_name(node->set, writer);
        return QUIRE_OK;
    }
    if (field->api->kind == QR_API_COLUMN) {
        const struct qr_model_field *column = field->api->field;
        return row->record != NULL && column->role != QR_MODEL_COMPUTED
                   ? qr_column_to_json(column, &node->values[column->column], writer, reader->err)
                   : write_column(reader, row, column, writer);
    }
    if (field->api->kind == QR_API_VERSION) {
        char version[QR_VERSION_SIZE];
        QR_TRY(qr_version_make(reader, node->type, row, version));
        qr_json_put_string(writer, version, sizeof version);
        return QUIRE_OK;
    }
    return write_branch(reader, field, &node->branches[number], index, writer);
}

quire_status qr_write_row(struct qr_reader *reader, const struct qr_node *node, size_t index,
                          struct qr_json_writer *writer)
{
    const struct qr_row *row = &node->rows[index];

    QR_TRY(qr_reader_step(reader));
    if (row->record != NULL) {
        QR_TRY(qr_record_place(row->record, row->size, node->columns, node->column_count,
                               node->values, reader->err));
    }
    qr_json_begin_object(writer);
    for (uint32_t f = 0; f < node->set->count && !reader->raised; f++) {
        QR_TRY(write_field(reader, node, f, index, writer));
    }
    qr_json_end_object(writer);
    return writer->status;
}

static quire_status write_root(struct qr_reader *reader, const struct qr_root *root,
                               struct qr_json_writer *writer)
{
    if (root->resolved != NULL) {
        return qr_resolved_write(reader, root->resolved, 0, writer);
    }
    if (root->change != NULL) {
        return qr_change_write(reader, root->field, root->change, writer);
    }
    if (root->branch != NULL) {
        return write_connection(reader, root->branch->connection, root->field->set, 0, writer);
    }
    if (root->node == NULL || root->node->count == 0) {
        qr_json_put_null(writer);
        return QUIRE_OK;
    }
    return qr_write_row(reader, root->node, 0, writer);
}

quire_status qr_write_root(struct qr_reader *reader, const struct qr_root *root,
                           struct qr_json_writer *writer)
{
    struct qr_gql_path step = {.key = root->field->selected->name};
    struct qr_json_mark mark = qr_json_writer_mark(writer);
    reader->path = &step;
    quire_status status = write_root(reader, root, writer);
    reader->path = NULL;
    qr_resolved_absorb(reader, root->field, mark, writer);
    return status;
}
