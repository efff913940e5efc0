/*
 * Which columns a connection needs of its rows: see cover.h. Recursion is not
 * needed: what is below a relation is read from other rows.
 */
#include "graphql/cover.h"

#include "graphql/computed.h"
#include "graphql/resolver.h"

/* Marks what a field is read from; relations that the row does not hold need its rowid alone. */
static void mark(const struct qr_model_field *field, bool *columns)
{
    const uint32_t *used;
    uint32_t count;
    if (field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE) {
        columns[field->column] = true;
    } else if (field->role == QR_MODEL_COMPUTED) {
        count = qr_expression_columns(field->expression, &used);
        for (uint32_t i = 0; i < count; i++) {
            columns[used[i]] = true;
        }
    }
}

/* What is selected of rows; false when that is all of them. */
static bool mark_rows(const struct qr_select *set, bool *columns)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_api_field *api = set->fields[i].api;
        if (api == NULL) {
            continue;
        }
        if (api->kind == QR_API_VERSION) {
            return false;
        }
        for (uint32_t r = 0; api->resolver != NULL && r < api->resolver->required_count; r++) {
            mark(api->resolver->required[r], columns);
        }
        if (api->field != NULL) {
            mark(api->field, columns);
        }
    }
    return true;
}

/* What `items` and `edges` show. `items` with arguments may look at anything. */
static bool mark_selection(const struct qr_select *set, bool *columns)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        enum qr_api_kind kind = field->api == NULL ? QR_API_TOTAL_COUNT : field->api->kind;
        if (kind == QR_API_ITEMS &&
            (field->selected->arguments.count > 0 || !mark_rows(field->set, columns))) {
            return false;
        }
        for (uint32_t n = 0; kind == QR_API_EDGES && n < field->set->count; n++) {
            const struct qr_select_field *node = &field->set->fields[n];
            if (node->api != NULL && node->api->kind == QR_API_NODE &&
                !mark_rows(node->set, columns)) {
                return false;
            }
        }
    }
    return true;
}

static void mark_order(const struct qr_order *order, bool *columns)
{
    for (uint32_t i = 0; i < order->count; i++) {
        const struct qr_order_term *term = &order->terms[i];
        if (term->step_count > 0) {
            mark(term->steps[0].field, columns);
        } else if (term->relation == NULL) {
            mark(term->field, columns);
        }
    }
}

quire_status qr_cover_find(struct qr_reader *reader, const struct qr_select *set,
                           struct qr_query *query)
{
    bool *columns = qr_arena_alloc_zero(
        reader->arena, sizeof *columns * (query->type->slot_count + 1), reader->err);
    if (columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (!mark_selection(set, columns)) {
        return QUIRE_OK;
    }
    mark_order(&query->order, columns);
    for (uint32_t i = 0; i < query->distinct_count; i++) {
        mark(query->distinct[i], columns);
    }
    query->columns = columns;
    return QUIRE_OK;
}
