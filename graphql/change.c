/*
 * Changes of rows for subscriptions: see change.h.
 */
#include "graphql/change.h"

#include "graphql/auth.h"
#include "graphql/resolve.h"

#include <stdlib.h>

static const char *const operations[] = {"CREATE", "UPDATE", "DELETE"};

/* ---- one commit ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct qr_change *x = a;
    const struct qr_change *y = b;
    if (x->rowid != y->rowid) {
        return x->rowid < y->rowid ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

static int compare_orders(const void *a, const void *b)
{
    size_t x = ((const struct qr_change *)a)->order;
    size_t y = ((const struct qr_change *)b)->order;
    return (x > y) - (x < y);
}

static bool changes_nothing(const struct qr_change *change)
{
    if (change->before == NULL || change->after == NULL) {
        return change->before == change->after;
    }
    return change->before_size == change->after_size &&
           memcmp(change->before, change->after, change->after_size) == 0;
}

/* Makes one change of those of each row. */
static void unite(struct qr_change_list *list)
{
    size_t kept = 0;
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof *list->items, compare_rows);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct qr_change change = list->items[i];
        while (i + 1 < list->count && list->items[i + 1].rowid == change.rowid) {
            i++;
            change.after = list->items[i].after;
            change.after_size = list->items[i].after_size;
        }
        if (!changes_nothing(&change)) {
            list->items[kept++] = change;
        }
    }
    list->count = kept;
    if (kept > 1) {
        qsort(list->items, kept, sizeof *list->items, compare_orders);
    }
}

/* Appends the change of a row. */
static quire_status append(struct qr_change_list *list, const quire_row_change *row,
                           quire_error *err)
{
    QR_TRY(qr_grow(list->allocator, &list->items, &list->capacity, list->count + 1,
                   sizeof *list->items, err));
    list->items[list->count] = (struct qr_change){.rowid = row->rowid,
                                                  .order = list->count,
                                                  .before = row->before,
                                                  .after = row->after,
                                                  .before_size = row->before_size,
                                                  .after_size = row->after_size};
    list->count++;
    return QUIRE_OK;
}

quire_status qr_change_collect(quire_feed *feed, const char *table, struct qr_change_list *list,
                               quire_error *err)
{
    const char *other = NULL; /* the table whose name was found to be another one */
    const char *same = NULL;
    quire_row_change row;
    quire_status status = QUIRE_OK;
    list->count = 0;
    quire_feed_rewind(feed);
    while (status == QUIRE_OK && quire_feed_change(feed, &row)) {
        if (row.table != same && row.table != other) {
            *(strcmp(row.table, table) == 0 ? &same : &other) = row.table;
        }
        if (row.table == same) {
            status = append(list, &row, err);
        }
    }
    if (status != QUIRE_OK) {
        list->count = 0;
        return status;
    }
    unite(list);
    return QUIRE_OK;
}

void qr_change_list_free(struct qr_change_list *list)
{
    qr_free(list->allocator, list->items, list->capacity * sizeof *list->items);
    list->items = NULL;
    list->count = list->capacity = 0;
}

/* ---- which of them are told ---- */

quire_status qr_change_match_compile(struct qr_reader *reader, const struct qr_select_field *field,
                                     struct qr_change_match *match)
{
    const struct qr_gql_value *given = qr_select_argument(field, "operations");
    bool all = given == NULL || given->kind == QR_GQL_VALUE_NULL;
    for (size_t i = 0; i < 3; i++) {
        match->wanted[i] = all;
        for (uint32_t v = 0; !all && v < given->count; v++) {
            match->wanted[i] |= qr_gql_str_is(given->items[v].text, operations[i]);
        }
    }
    QR_TRY(qr_auth_filter(reader, field->api->type, QR_AUTH_READ, &match->seen));
    return qr_filter_compile_shown(reader, field->api->type, qr_select_argument(field, "where"),
                                   &match->filter);
}

/* Sets *out to the row, or to NULL when there is none or the filter leaves it out. */
static quire_status see_row(struct qr_reader *reader, const struct qr_filter *filter,
                            const struct qr_row *row, const struct qr_row **out)
{
    bool pass = row->record != NULL;
    if (pass) {
        QR_TRY(qr_filter_test(reader, filter, row, &pass));
        qr_arena_reset(&reader->scratch);
    }
    *out = pass ? row : NULL;
    return QUIRE_OK;
}

/* What of a row rules let the caller see: a row without a record where that is nothing. */
static quire_status show_row(struct qr_reader *reader, const struct qr_change_match *match,
                             const struct qr_change *change, bool after, struct qr_row *row)
{
    const struct qr_row *shown;
    *row = (struct qr_row){.rowid = change->rowid,
                           .place = change->rowid,
                           .record = after ? change->after : change->before,
                           .size = after ? change->after_size : change->before_size};
    QR_TRY(see_row(reader, match->seen, row, &shown));
    row->record = shown == NULL ? NULL : row->record;
    return QUIRE_OK;
}

quire_status qr_change_find(struct qr_reader *reader, const struct qr_change_match *match,
                            const struct qr_change_list *list, size_t *at,
                            struct qr_change_event *event)
{
    for (; *at < list->count; (*at)++) {
        struct qr_row *rows = event->rows;
        *event = (struct qr_change_event){.operation = operations[0]};
        QR_TRY(show_row(reader, match, &list->items[*at], true, &rows[0]));
        QR_TRY(show_row(reader, match, &list->items[*at], false, &rows[1]));
        size_t operation = rows[1].record == NULL ? 0 : rows[0].record == NULL ? 2 : 1;
        if ((rows[0].record == NULL && rows[1].record == NULL) || !match->wanted[operation]) {
            continue;
        }
        event->operation = operations[operation];
        QR_TRY(see_row(reader, match->filter, &event->rows[0], &event->node));
        QR_TRY(see_row(reader, match->filter, &event->rows[1], &event->previous));
        if (event->node != NULL || event->previous != NULL) {
            break;
        }
    }
    return QUIRE_OK;
}

/* ---- the response ---- */

/* The row that a field of the change shows; NULL for none, or for a field that shows no row. */
static const struct qr_row *row_of(const struct qr_reader *reader,
                                   const struct qr_select_field *field)
{
    if (field->api == NULL || field->api->kind == QR_API_CHANGE_OPERATION) {
        return NULL;
    }
    return field->api->kind == QR_API_CHANGE_NODE ? reader->event->node : reader->event->previous;
}

quire_status qr_change_read(struct qr_reader *reader, const struct qr_select_field *field,
                            struct qr_node ***nodes)
{
    const struct qr_select *set = field->set;
    *nodes = qr_arena_alloc_zero(reader->arena, sizeof **nodes * (set->count + 1), reader->err);
    if (*nodes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_row *row = row_of(reader, &set->fields[i]);
        if (row != NULL) {
            QR_TRY(
                qr_read_rows(reader, field->api->type, set->fields[i].set, row, 1, &(*nodes)[i]));
        }
    }
    return QUIRE_OK;
}

quire_status qr_change_write(struct qr_reader *reader, const struct qr_select_field *field,
                             struct qr_node **nodes, struct qr_json_writer *writer)
{
    const struct qr_select *set = field->set;
    struct qr_gql_path step = {.parent = reader->path};
    qr_json_begin_object(writer);
    reader->path = &step;
    for (uint32_t i = 0; i < set->count && !reader->raised; i++) {
        const struct qr_select_field *part = &set->fields[i];
        qr_json_put_key(writer, part->selected->name.data, part->selected->name.size);
        if (part->api == NULL) {
            qr_json_put_string(writer, set->type->name.data, set->type->name.size);
        } else if (part->api->kind == QR_API_CHANGE_OPERATION) {
            qr_json_put_string(writer, reader->event->operation, strlen(reader->event->operation));
        } else if (nodes[i] == NULL) {
            qr_json_put_null(writer);
        } else {
            struct qr_json_mark mark = qr_json_writer_mark(writer);
            step.key = part->selected->name;
            QR_TRY(qr_write_row(reader, nodes[i], 0, writer));
            qr_resolved_absorb(reader, part, mark, writer);
        }
    }
    reader->path = step.parent;
    qr_json_end_object(writer);
    return writer->status;
}
