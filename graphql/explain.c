/*
 * Collecting and writing explain entries: see explain.h.
 */
#include "graphql/explain.h"

#include <stdio.h>

#include "base/clock.h"
#include "graphql/advisor.h"

/* The entry of the field being executed with this access. */
static struct qr_explain_entry *find_entry(const struct qr_explain *explain,
                                           const struct qr_explain_entry *like)
{
    struct qr_explain_entry *e = explain->first;
    while (e != NULL && (!qr_gql_str_equal(e->field, explain->field) ||
                         !qr_gql_str_equal(e->parent, explain->parent) ||
                         e->access != like->access || e->index != like->index)) {
        e = e->next;
    }
    return e;
}

static quire_status add(struct qr_reader *reader, const struct qr_explain_entry *entry)
{
    struct qr_explain *explain = reader->explain;
    struct qr_explain_entry *copy =
        reader->arena != explain->arena ? find_entry(explain, entry) : NULL;
    if (copy != NULL) {
        copy->rows_read += entry->rows_read;
        copy->rows_returned += entry->rows_returned;
        copy->took_ns += qr_clock_monotonic_ns() - explain->began_ns;
        return QUIRE_OK;
    }
    copy = qr_arena_alloc(explain->arena, sizeof *copy, reader->err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *copy = *entry;
    copy->parent = explain->parent;
    copy->field = explain->field;
    copy->took_ns = qr_clock_monotonic_ns() - explain->began_ns;
    copy->next = NULL;
    if (explain->last == NULL) {
        explain->first = copy;
    } else {
        explain->last->next = copy;
    }
    explain->last = copy;
    return QUIRE_OK;
}

quire_status qr_explain_query(struct qr_reader *reader, const struct qr_query *query,
                              uint64_t rows_read, uint64_t rows_returned)
{
    static const char *const kinds[] = {
        [QR_PATH_SCAN] = "scan",         [QR_PATH_RANGE] = "index range",
        [QR_PATH_POINTS] = "index keys", [QR_PATH_SET] = "rows of several ways",
        [QR_PATH_LINKS] = "links",       [QR_PATH_NOTHING] = "nothing",
    };
    if (reader->advisor != NULL) {
        qr_advisor_note(reader->advisor, query, rows_read, rows_returned);
    }
    if (reader->explain == NULL) {
        return QUIRE_OK;
    }
    bool equality = query->path.kind == QR_PATH_RANGE && query->path.prefix_count > 0 &&
                    !query->path.has_lower && !query->path.has_upper;
    struct qr_explain_entry entry = {
        .access = equality ? "index equality" : kinds[query->path.kind],
        .index = query->path.name,
        .order = query->path.ordered ? "from the path" : "sorted",
        .filtered = query->filter != NULL,
        .rows_read = rows_read,
        .rows_returned = rows_returned,
        .estimate = query->path.estimate,
    };
    return add(reader, &entry);
}

quire_status qr_explain_lookup(struct qr_reader *reader, const char *access, const char *index,
                               uint64_t rows_read, uint64_t rows_returned)
{
    if (reader->explain == NULL) {
        return QUIRE_OK;
    }
    struct qr_explain_entry entry = {.access = access,
                                     .index = index,
                                     .order = "from the path",
                                     .rows_read = rows_read,
                                     .rows_returned = rows_returned};
    return add(reader, &entry);
}

quire_status qr_explain_field(struct qr_reader *reader, const struct qr_gql_type *parent,
                              struct qr_gql_str field)
{
    if (reader->explain != NULL) {
        reader->explain->parent = parent->name;
        reader->explain->field = field;
        reader->explain->began_ns = qr_clock_monotonic_ns();
    }
    return QUIRE_OK;
}

/* The coordinate of an entry's field. */
static void put_coordinate(struct qr_json_writer *writer, const struct qr_explain_entry *entry)
{
    char text[2 * QR_GQL_SHOWN_BYTES_MAX];
    int size = snprintf(text, sizeof text, "%.*s.%.*s",
                        QR_GQL_FMT(qr_gql_str_cut(entry->parent, QR_GQL_SHOWN_BYTES_MAX - 1)),
                        QR_GQL_FMT(qr_gql_str_cut(entry->field, QR_GQL_SHOWN_BYTES_MAX - 1)));
    qr_json_put_key(writer, "field", 5);
    qr_json_put_string(writer, text, (size_t)size);
}

static void put_text(struct qr_json_writer *writer, const char *key, const char *text)
{
    qr_json_put_key(writer, key, strlen(key));
    if (text == NULL) {
        qr_json_put_null(writer);
    } else {
        qr_json_put_string(writer, text, strlen(text));
    }
}

static void put_count(struct qr_json_writer *writer, const char *key, uint64_t count)
{
    qr_json_put_key(writer, key, strlen(key));
    qr_json_put_uint(writer, count);
}

void qr_explain_write(const struct qr_explain *explain, struct qr_json_writer *writer)
{
    qr_json_begin_array(writer);
    for (const struct qr_explain_entry *e = explain->first; e != NULL; e = e->next) {
        qr_json_begin_object(writer);
        put_coordinate(writer, e);
        put_text(writer, "access", e->access);
        put_text(writer, "index", e->index);
        put_text(writer, "order", e->order);
        qr_json_put_key(writer, "filtered", 8);
        qr_json_put_bool(writer, e->filtered);
        put_count(writer, "rowsRead", e->rows_read);
        put_count(writer, "rowsReturned", e->rows_returned);
        if (e->estimate > 0) {
            put_count(writer, "rowsEstimated", (uint64_t)(e->estimate + 0.5));
        }
        put_count(writer, "microseconds", e->took_ns / 1000);
        qr_json_end_object(writer);
    }
    qr_json_end_array(writer);
}
