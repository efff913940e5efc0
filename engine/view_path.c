/*
 * How a view's cursor comes to its rows. Every row that it meets is still asked
 * whether the filter holds: a path only leaves out rows that cannot belong.
 *
 * An index can serve if it has an entry for every row of the view. Its leading
 * columns that the filter sets equal to constants are fixed, bounds on the next
 * column limit the walk, and the columns from there on may give the view's
 * order, forwards or backwards. An index that gives the order is preferred to
 * one that does not, since its rows need no sorting; then the one that fixes
 * most columns.
 */
#include "engine/table_view.h"

#define BOUNDS_MAX 32U

struct chooser {
    const struct qr_table_view *view;
    struct qr_bound bounds[BOUNDS_MAX];
    uint32_t bound_count;
};

static const struct qr_bound *find_bound(const struct chooser *chooser, uint32_t column,
                                         enum qr_comparison first, enum qr_comparison last)
{
    for (uint32_t i = 0; i < chooser->bound_count; i++) {
        const struct qr_bound *bound = &chooser->bounds[i];
        if (bound->column == column && bound->comparison >= first && bound->comparison <= last) {
            return bound;
        }
    }
    return NULL;
}

static bool is_fixed(const struct chooser *chooser, uint32_t column)
{
    return find_bound(chooser, column, QR_EQUAL, QR_EQUAL) != NULL;
}

/* Whether a part of a key is a column in the order of its values. */
static bool is_plain(const struct qr_index_def *index, uint32_t part)
{
    return index->object->parts[part].expression == NULL &&
           index->object->parts[part].collation == NULL;
}

static bool can_serve(const struct chooser *chooser, const struct qr_index_def *index)
{
    return !index->object->building &&
           (index->where == NULL || (chooser->view->filter != NULL &&
                                     qr_expression_implies(chooser->view->filter, index->where)));
}

static uint32_t count_fixed(const struct chooser *chooser, const struct qr_index_def *index)
{
    uint32_t part = 0;
    while (part < index->object->key_count && is_plain(index, part) &&
           is_fixed(chooser, index->object->parts[part].column)) {
        part++;
    }
    return part;
}

/* Whether entries with the first `part` columns fixed come in the view's order; *reverse if they
 * come backwards. */
static bool gives_order(const struct chooser *chooser, const struct qr_index_def *index,
                        uint32_t part, bool *reverse)
{
    const struct qr_table_view *view = chooser->view;
    bool known = false;
    *reverse = false;
    for (uint32_t i = 0; i < view->order_count; i++) {
        if (is_fixed(chooser, view->order[i])) {
            continue;
        }
        if (index->object->index_kind != QUIRE_INDEX_BTREE || part == index->object->key_count ||
            !is_plain(index, part) || index->object->parts[part].column != view->order[i]) {
            return false;
        }
        bool backwards = index->object->parts[part].descending != view->descending[i];
        if (known && backwards != *reverse) {
            return false;
        }
        *reverse = backwards;
        known = true;
        part++;
    }
    return true;
}

static bool bounds_next(const struct chooser *chooser, const struct qr_index_def *index,
                        uint32_t part)
{
    return index->object->index_kind == QUIRE_INDEX_BTREE && part < index->object->key_count &&
           is_plain(index, part) &&
           find_bound(chooser, index->object->parts[part].column, QR_LESS, QR_PREFIX) != NULL;
}

/* How well an index serves; 0 when walking the table does as well. */
static uint32_t rate(const struct chooser *chooser, const struct qr_index_def *index)
{
    bool reverse;
    uint32_t fixed = count_fixed(chooser, index);
    bool hash = index->object->index_kind == QUIRE_INDEX_HASH;
    if (!can_serve(chooser, index) || (hash && fixed < index->object->key_count)) {
        return 0;
    }
    bool ordered = chooser->view->order_count > 0 && gives_order(chooser, index, fixed, &reverse);
    return (ordered ? 1000U : 0U) + 10 * fixed + (bounds_next(chooser, index, fixed) ? 5U : 0U) +
           (index->where != NULL ? 1U : 0U);
}

static void set_bounds(const struct chooser *chooser, uint32_t column, struct qr_view_path *path)
{
    const struct qr_bound *prefix = find_bound(chooser, column, QR_PREFIX, QR_PREFIX);
    const struct qr_bound *lower = find_bound(chooser, column, QR_GREATER, QR_GREATER_EQUAL);
    const struct qr_bound *upper = find_bound(chooser, column, QR_LESS, QR_LESS_EQUAL);
    if (prefix != NULL) {
        path->starts_with = prefix->value;
        path->range.starts_with = &path->starts_with;
        return;
    }
    /* Null fulfils no comparison: at least it is left out. */
    path->lower = lower != NULL ? lower->value : quire_null();
    path->range.lower = &path->lower;
    path->range.lower_exclusive = lower == NULL || lower->comparison == QR_GREATER;
    if (upper != NULL) {
        path->upper = upper->value;
        path->range.upper = &path->upper;
        path->range.upper_exclusive = upper->comparison == QR_LESS;
    }
}

static void set_range(const struct chooser *chooser, struct qr_view_path *path)
{
    const struct qr_object *object = path->index->object;
    uint32_t fixed = count_fixed(chooser, path->index);
    bool reverse;
    for (uint32_t i = 0; i < fixed; i++) {
        path->prefix[i] = find_bound(chooser, object->parts[i].column, QR_EQUAL, QR_EQUAL)->value;
    }
    path->range.prefix = path->prefix;
    path->range.prefix_count = fixed;
    path->sorts = !gives_order(chooser, path->index, fixed, &reverse);
    path->range.reverse = !path->sorts && reverse;
    if (bounds_next(chooser, path->index, fixed)) {
        set_bounds(chooser, object->parts[fixed].column, path);
    }
}

void qr_table_view_path(const struct qr_table_view *view, const struct qr_table_def *table,
                        struct qr_view_path *path)
{
    struct chooser chooser = {.view = view};
    uint32_t best = 0;
    *path = (struct qr_view_path){.index = NULL};
    if (view->filter != NULL) {
        chooser.bound_count = qr_expression_bounds(view->filter, chooser.bounds, BOUNDS_MAX);
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        uint32_t rating = rate(&chooser, &table->indexes[i]);
        if (rating > best) {
            best = rating;
            path->index = &table->indexes[i];
            path->number = i;
        }
    }
    if (path->index != NULL) {
        set_range(&chooser, path);
        return;
    }
    for (uint32_t i = 0; i < view->order_count && !path->sorts; i++) {
        path->sorts = !is_fixed(&chooser, view->order[i]);
    }
}
