/*
 * Plain JSON as a source of data, and reports as JSON.
 */
#include "graphql/execute.h"

struct qr_gql_item qr_gql_json_item(const struct qr_gql_value *value)
{
    struct qr_gql_item item = {.kind = QR_GQL_ITEM_NULL};
    if (!value || value->kind == QR_GQL_VALUE_NULL) {
        return item;
    }
    item.kind = value->kind == QR_GQL_VALUE_LIST     ? QR_GQL_ITEM_LIST
                : value->kind == QR_GQL_VALUE_OBJECT ? QR_GQL_ITEM_OBJECT
                                                     : QR_GQL_ITEM_VALUE;
    item.value = *value;
    item.handle = value;
    return item;
}

static quire_status resolve(void *context, const struct qr_gql_call *call, struct qr_gql_item *out,
                            quire_error *err)
{
    (void)context;
    (void)err;
    const struct qr_gql_value *object = call->parent->handle;
    *out = qr_gql_json_item(object && object->kind == QR_GQL_VALUE_OBJECT
                                ? qr_gql_value_get(object, call->selected->field->name)
                                : NULL);
    return QUIRE_OK;
}

static quire_status next(void *context, struct qr_gql_item *list, struct qr_gql_item *out,
                         bool *more, quire_error *err)
{
    (void)context;
    (void)err;
    const struct qr_gql_value *value = list->handle;
    *more = list->cursor < value->count;
    if (*more) {
        *out = qr_gql_json_item(&value->items[list->cursor++]);
    }
    return QUIRE_OK;
}

static quire_status type_name(void *context, const struct qr_gql_item *item,
                              struct qr_gql_value *out, quire_error *err)
{
    (void)context;
    (void)err;
    const struct qr_gql_value *object = item->handle;
    const struct qr_gql_value *name = object->kind == QR_GQL_VALUE_OBJECT
                                          ? qr_gql_value_get(object, qr_gql_str_of("__typename"))
                                          : NULL;
    *out = name ? *name : (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
    return QUIRE_OK;
}

const struct qr_gql_source qr_gql_json_source = {
    .resolve = resolve, .next = next, .type_name = type_name};

/* ---- reports ---- */

/* Root first. Paths are as deep as responses, and reports short. */
static void write_path(struct qr_json_writer *out, const char *key, const struct qr_gql_path *leaf)
{
    size_t depth = 0;
    for (const struct qr_gql_path *step = leaf; step; step = step->parent) {
        depth++;
    }
    qr_json_put_key(out, key, strlen(key));
    qr_json_begin_array(out);
    for (; depth > 0; depth--) {
        const struct qr_gql_path *step = leaf;
        for (size_t below = 1; below < depth; below++) {
            step = step->parent;
        }
        if (step->key.data) {
            qr_json_put_string(out, step->key.data, step->key.size);
        } else {
            qr_json_put_uint(out, step->index);
        }
    }
    qr_json_end_array(out);
}

static void write_locations(struct qr_json_writer *out, const struct qr_gql_problem *problem)
{
    qr_json_put_key(out, "locations", 9);
    qr_json_begin_array(out);
    for (size_t i = 0; i < problem->location_count; i++) {
        qr_json_begin_object(out);
        qr_json_put_key(out, "line", 4);
        qr_json_put_uint(out, problem->locations[i].line);
        qr_json_put_key(out, "column", 6);
        qr_json_put_uint(out, problem->locations[i].column);
        qr_json_end_object(out);
    }
    qr_json_end_array(out);
}

static void write_extension(struct qr_json_writer *out, const char *key, struct qr_gql_str text)
{
    if (text.data) {
        qr_json_put_key(out, key, strlen(key));
        qr_json_put_string(out, text.data, text.size);
    }
}

void qr_gql_report_write(struct qr_json_writer *out, const struct qr_gql_report *report)
{
    qr_json_begin_array(out);
    for (const struct qr_gql_problem *p = report->first; p; p = p->next) {
        qr_json_begin_object(out);
        qr_json_put_key(out, "message", 7);
        qr_json_put_string(out, p->message.data, p->message.size);
        if (p->location_count > 0) {
            write_locations(out, p);
        }
        if (p->path) {
            write_path(out, "path", p->path);
        }
        if (p->code.data || p->coordinate.data) {
            qr_json_put_key(out, "extensions", 10);
            qr_json_begin_object(out);
            write_extension(out, "code", p->code);
            write_extension(out, "coordinate", p->coordinate);
            if (p->input_path) {
                write_path(out, "inputPath", p->input_path);
            }
            qr_json_end_object(out);
        }
        qr_json_end_object(out);
    }
    qr_json_end_array(out);
}
