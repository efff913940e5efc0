/*
 * Compiling and running queries: see query.h.
 *
 * A run walks the access path for rowids and finds their rows many at a time, in
 * the path's order or, where that is none, in the order of the rowids. Rows that
 * pass the filter go to the sink, which copies those that it keeps. Over many
 * parents the candidates of all of them are read in one batch.
 */
#include "graphql/query.h"

#include "graphql/cover.h"
#include "graphql/explain.h"
#include "graphql/fold.h"

#define BATCH_ROWS     512u
#define BATCH_ROWS_MIN 32u
#define GATHERED       ((size_t)64)

/* ---- arguments ---- */

quire_status qr_query_count_argument(struct qr_reader *reader, const struct qr_select_field *field,
                                     const char *name, uint64_t *out, bool *given)
{
    const struct qr_gql_value *value = qr_select_argument(field, name);
    *given = value != NULL && value->kind != QR_GQL_VALUE_NULL;
    if (*given && value->integer < 0) {
        return qr_fail(reader->err, QUIRE_QUERY, "\"%s\" must not be negative.", name);
    }
    if (*given) {
        *out = (uint64_t)value->integer;
    }
    return QUIRE_OK;
}

static quire_status read_cursor(struct qr_reader *reader, const struct qr_select_field *field,
                                const char *name, const struct qr_order *order,
                                struct qr_gql_str *key)
{
    const struct qr_gql_value *value = qr_select_argument(field, name);
    if (value == NULL || value->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    return qr_order_parse_cursor(reader, order, value->text, key);
}

quire_status qr_query_bound(struct qr_reader *reader, uint64_t *limit)
{
    uint64_t most = reader->request != NULL ? reader->request->limits.list_max : 0;
    if (most == 0) {
        return QUIRE_OK;
    }
    if (*limit != UINT64_MAX && *limit > most) {
        return qr_fail(reader->err, QUIRE_LIMIT,
                       "A list has at most %llu rows here; ask for them page by page.",
                       (unsigned long long)most);
    }
    *limit = *limit < most ? *limit : most;
    return QUIRE_OK;
}

/* Whether the rows that a connection selects are told as they are, and so its length counts: not
 * where `items` narrows them by arguments of its own. */
static bool tells_its_rows(const struct qr_select_field *field)
{
    bool tells = field->api->kind == QR_API_ITEMS;
    for (uint32_t i = 0; !tells && field->set != NULL && i < field->set->count; i++) {
        const struct qr_select_field *member = &field->set->fields[i];
        tells = member->api != NULL &&
                (member->api->kind == QR_API_EDGES || member->api->kind == QR_API_PAGE_INFO ||
                 (member->api->kind == QR_API_ITEMS && member->selected->arguments.count == 0));
    }
    return tells;
}

static quire_status read_page(struct qr_reader *reader, const struct qr_select_field *field,
                              struct qr_query *query)
{
    bool first;
    bool last;
    bool take;
    bool skip;

    query->limit = UINT64_MAX;
    QR_TRY(qr_query_count_argument(reader, field, "take", &query->limit, &take));
    QR_TRY(qr_query_count_argument(reader, field, "first", &query->limit, &first));
    QR_TRY(qr_query_count_argument(reader, field, "last", &query->limit, &last));
    QR_TRY(qr_query_count_argument(reader, field, "skip", &query->skip, &skip));
    if ((int)take + (int)first + (int)last > 1) {
        return qr_fail(reader->err, QUIRE_QUERY,
                       "Only one of \"first\", \"last\" and \"take\" may be given.");
    }
    if (last && skip) {
        return qr_fail(reader->err, QUIRE_QUERY, "\"skip\" does not go with \"last\".");
    }
    if (query->limit != UINT64_MAX || tells_its_rows(field)) {
        QR_TRY(qr_query_bound(reader, &query->limit));
    }
    query->backward = last;
    QR_TRY(read_cursor(reader, field, "after", &query->order, &query->after));
    return read_cursor(reader, field, "before", &query->order, &query->before);
}

static quire_status read_distinct(struct qr_reader *reader, const struct qr_select_field *field,
                                  struct qr_query *query)
{
    const struct qr_gql_value *names = qr_select_argument(field, "distinct");
    struct qr_measure columns = {0};
    if (names == NULL || names->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_measure_fields(reader, query->type, names, &columns));
    query->distinct = columns.fields;
    query->distinct_count = columns.field_count;
    return QUIRE_OK;
}

/* What the selection below a connection asks of the run. */
static void read_needs(const struct qr_select *set, struct qr_query *query)
{
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api == NULL) {
            continue;
        }
        if (field->api->kind == QR_API_PAGE_INFO) {
            query->need_has_more = true;
            query->need_keys = true;
        } else if (field->api->kind == QR_API_EDGES &&
                   qr_select_find(field->set, QR_API_CURSOR) != NULL) {
            query->need_keys = true;
        }
    }
}

/* Filter and order. `items` narrows and sorts what its connection has selected already. */
static quire_status compile_rows(struct qr_reader *reader, const struct qr_model_type *type,
                                 const struct qr_select_field *field, struct qr_query *out)
{
    const struct qr_gql_value *where = qr_select_argument(field, "where");
    const struct qr_gql_value *order = qr_select_argument(field, "orderBy");
    bool whole = field->api->kind != QR_API_ITEMS;
    QR_TRY(whole ? qr_filter_compile_shown(reader, type, where, &out->filter)
                 : qr_filter_compile(reader, type, where, &out->filter));
    if (whole && type->view_order != NULL && (order == NULL || order->kind == QR_GQL_VALUE_NULL)) {
        return qr_order_compile(reader, type->view_of, &type->order, &out->order);
    }
    return qr_order_compile(reader, type, order, &out->order);
}

quire_status qr_query_compile(struct qr_reader *reader, const struct qr_model_type *type,
                              const struct qr_model_field *relation,
                              const struct qr_select_field *field, struct qr_query *out)
{
    *out = (struct qr_query){.type = type, .relation = relation};
    QR_TRY(compile_rows(reader, type, field, out));
    QR_TRY(read_page(reader, field, out));
    if (field->api->kind == QR_API_ITEMS) {
        return QUIRE_OK;
    }
    QR_TRY(read_distinct(reader, field, out));
    read_needs(field->set, out);
    if (field->api->kind == QR_API_MANY) {
        QR_TRY(qr_cover_find(reader, field->set, out));
    }
    return qr_plan_choose(reader, out);
}

/* ---- running ---- */

static quire_status offer_row(void *context, const struct qr_row *row, bool *done)
{
    return qr_sink_offer(context, row, done);
}

/* Offers the candidates of one parent, as many at a time as the page can take: a unique lookup
 * reads one row, a page of ten ten. */
static quire_status run_walk(const struct qr_query *query, struct qr_walk *walk,
                             struct qr_sink *sink)
{
    bool valid = true;
    bool done = false;

    while (valid && !done) {
        uint64_t room = qr_sink_room(sink);
        if (room == 0) {
            return QUIRE_OK;
        }
        size_t target = room < BATCH_ROWS ? (size_t)room : BATCH_ROWS;
        if (!query->path.exact && target < BATCH_ROWS_MIN) {
            target = BATCH_ROWS_MIN; /* some will not pass */
        }
        QR_TRY(qr_walk_each(walk, target, offer_row, sink, &valid, &done));
    }
    return QUIRE_OK;
}

/* ---- rows beyond the cursors ---- */

/* The visitor's context. */
struct looking {
    struct qr_reader *reader;
    const struct qr_query *query;
    bool after;
    bool found;
};

static quire_status look_at(void *context, const struct qr_row *row, bool *done)
{
    struct looking *looking = context;
    QR_TRY(
        qr_sink_is_beyond(looking->reader, looking->query, looking->after, row, &looking->found));
    *done = looking->found;
    return QUIRE_OK;
}

/* Whether rows that the connection selects lie beyond a cursor which the path was cut at: a walk
 * from there away from the page, until it meets one. */
static quire_status look_beyond(struct qr_reader *reader, const struct qr_query *query, bool after,
                                int64_t parent, bool *found)
{
    struct qr_path path = query->uncut;
    struct looking looking = {.reader = reader, .query = query, .after = after};
    struct qr_walk walk;
    quire_status status;
    size_t target = 1; /* most often the nearest row is one */
    bool valid = true;
    bool done = false;

    /* What bounded the page from below bounds this walk from above, and the other way round. */
    path.reverse = after != qr_order_descends(&query->order);
    path.to = path.reverse ? query->path.from : NULL;
    path.from = path.reverse ? NULL : query->path.to;
    if (path.kind == QR_PATH_SCAN) {
        path.upper = query->path.lower;
        path.has_upper = path.reverse;
        path.lower = query->path.upper;
        path.has_lower = !path.reverse;
    }
    status = qr_walk_open(reader, query, &path, &walk);
    status = status == QUIRE_OK ? qr_walk_start(&walk, parent) : status;
    while (status == QUIRE_OK && valid && !done) {
        status = qr_walk_each(&walk, target, look_at, &looking, &valid, &done);
        target = BATCH_ROWS_MIN;
    }
    qr_walk_close(&walk);
    *found = looking.found;
    return status;
}

/* Makes what a page says of its neighbours true where cursors kept the run from seeing them. */
static quire_status see_beyond(struct qr_reader *reader, const struct qr_query *query,
                               int64_t parent, struct qr_page *page)
{
    if (query->need_has_more && query->cut_by_after && !page->has_previous) {
        QR_TRY(look_beyond(reader, query, true, parent, &page->has_previous));
    }
    if (query->need_has_more && query->cut_by_before && !page->has_next) {
        QR_TRY(look_beyond(reader, query, false, parent, &page->has_next));
    }
    return QUIRE_OK;
}

/* ---- runs ---- */

static quire_status run_table(struct qr_reader *reader, const struct qr_query *query,
                              struct qr_walk *walk, struct qr_sink *sink)
{
    QR_TRY(qr_walk_open(reader, query, &query->path, walk));
    QR_TRY(qr_walk_start(walk, 0));
    return run_walk(query, walk, sink);
}

quire_status qr_query_run(struct qr_reader *reader, const struct qr_query *query,
                          struct qr_rows *rows, struct qr_page *page)
{
    uint64_t before = reader->rows_read;
    struct qr_sink *sink;

    QR_TRY(qr_sink_create(reader, query, query->path.ordered, false, &sink));
    if (query->limit > 0 || query->need_has_more) {
        struct qr_walk walk;
        quire_status status = run_table(reader, query, &walk, sink);
        qr_walk_close(&walk);
        QR_TRY(status);
    }
    QR_TRY(qr_sink_finish(sink, rows, page));
    QR_TRY(see_beyond(reader, query, 0, page));
    return qr_explain_query(reader, query, reader->rows_read - before, page->count);
}

/* Rowids that grow in the arena. */
struct rowid_list {
    int64_t *rowids;
    size_t count, capacity;
};

static quire_status add_rowid(struct qr_reader *reader, struct rowid_list *list, int64_t rowid)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? BATCH_ROWS : list->capacity * 2;
        int64_t *grown = qr_arena_alloc(reader->arena, sizeof *grown * capacity, reader->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (list->count > 0) {
            memcpy(grown, list->rowids, sizeof *grown * list->count);
        }
        list->rowids = grown;
        list->capacity = capacity;
    }
    list->rowids[list->count++] = rowid;
    return QUIRE_OK;
}

/* The visitor's context. */
struct rowid_taking {
    struct qr_reader *reader;
    struct rowid_list list;
};

static quire_status take_rowid(void *context, size_t parent, const struct qr_row *row,
                               const quire_value *values, bool *done)
{
    struct rowid_taking *taking = context;
    (void)parent;
    (void)values;
    (void)done;
    return add_rowid(taking->reader, &taking->list, row->rowid);
}

quire_status qr_query_rowids(struct qr_reader *reader, const struct qr_query *query,
                             int64_t **rowids, size_t *count)
{
    uint64_t before = reader->rows_read;
    struct rowid_taking taking = {.reader = reader};
    struct qr_query *plan = qr_arena_alloc(reader->arena, sizeof *plan, reader->err);
    bool *columns = qr_arena_alloc_zero(
        reader->arena, sizeof *columns * (query->type->slot_count + 1), reader->err);
    struct qr_fold *fold;

    if (plan == NULL || columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *plan = qr_fold_query(query, columns);
    QR_TRY(qr_plan_choose(reader, plan));
    QR_TRY(qr_fold_open(reader, plan, &fold));
    QR_TRY(qr_fold_run(fold, NULL, 1, take_rowid, &taking));
    *rowids = taking.list.rowids;
    *count = taking.list.count;
    return qr_explain_query(reader, plan, reader->rows_read - before, *count);
}

/* How many candidates of a parent can be in its page; UINT64_MAX when that is not known before they
 * are looked at. */
static uint64_t candidates_max(const struct qr_query *query)
{
    bool cut = (query->after.data == NULL || query->cut_by_after) &&
               (query->before.data == NULL || query->cut_by_before);
    uint64_t extra = 2; /* the row of a cursor, and one that shows that more follow */
    return query->path.exact && query->path.ordered && cut && query->distinct_count == 0 &&
                   query->limit < UINT64_MAX - query->skip - extra
               ? query->skip + query->limit + (query->need_has_more ? 1 : 0) +
                     (query->cut_by_after || query->cut_by_before ? 1 : 0)
               : UINT64_MAX;
}

/* Collects the candidates of one parent, at most `most`. */
static quire_status gather_parent(struct qr_reader *reader, struct qr_walk *walk, int64_t parent,
                                  uint64_t most, struct qr_rows *candidates)
{
    int64_t rowids[GATHERED];
    int64_t places[GATHERED];
    bool more = most > 0;

    QR_TRY(qr_walk_start(walk, parent));
    while (more) {
        size_t target = most < GATHERED ? (size_t)most : GATHERED;
        size_t count;
        QR_TRY(qr_walk_rowids(walk, target, rowids, places, &count));
        for (size_t i = 0; i < count; i++) {
            struct qr_row row = {.rowid = rowids[i], .place = places[i]};
            QR_TRY(qr_rows_append(reader, candidates, &row, NULL));
        }
        most -= count;
        more = count == target && most > 0;
    }
    return QUIRE_OK;
}

/* Collects the candidates of all parents; starts[i] is where parent i's begin. */
static quire_status gather(struct qr_reader *reader, const struct qr_query *query,
                           const struct qr_row *parents, size_t parent_count, struct qr_walk *walk,
                           struct qr_rows *candidates, size_t *starts)
{
    uint64_t most = candidates_max(query);

    QR_TRY(qr_walk_open(reader, query, &query->path, walk));
    for (size_t i = 0; i < parent_count; i++) {
        starts[i] = candidates->count;
        QR_TRY(gather_parent(reader, walk, parents[i].rowid, most, candidates));
    }
    starts[parent_count] = candidates->count;
    return QUIRE_OK;
}

/* Offers a row if it passes the filter. */
static quire_status offer_if(struct qr_reader *reader, const struct qr_query *query,
                             struct qr_sink *sink, const struct qr_row *row, bool *done)
{
    bool pass = true;
    if (!query->path.exact) {
        QR_TRY(qr_filter_test(reader, query->filter, row, &pass));
        qr_arena_reset(&reader->scratch);
    }
    return pass ? qr_sink_offer(sink, row, done) : QUIRE_OK;
}

/* Reads the candidates of all parents at once. */
static quire_status run_gathered(struct qr_reader *reader, const struct qr_query *query,
                                 const struct qr_row *parents, size_t parent_count,
                                 struct qr_walk *walk, struct qr_rows *rows, struct qr_page *pages)
{
    struct qr_rows candidates = {0};
    struct qr_sink *sink;
    size_t *starts =
        qr_arena_alloc(reader->arena, sizeof *starts * (parent_count + 1), reader->err);

    if (starts == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(gather(reader, query, parents, parent_count, walk, &candidates, starts));
    QR_TRY(qr_reader_fetch(reader, reader->arena, query->type, candidates.rows, candidates.count));
    QR_TRY(qr_sink_create(reader, query, query->path.ordered, true, &sink));
    for (size_t i = 0; i < parent_count; i++) {
        bool done = false;
        for (size_t c = starts[i]; c < starts[i + 1] && !done; c++) {
            if (candidates.rows[c].record == NULL) {
                return qr_walk_missing_row(reader, query, candidates.rows[c].rowid);
            }
            QR_TRY(offer_if(reader, query, sink, &candidates.rows[c], &done));
        }
        QR_TRY(qr_sink_finish(sink, rows, &pages[i]));
    }
    return QUIRE_OK;
}

/* Reads the candidates of each parent until its page is full. */
static quire_status run_each(struct qr_reader *reader, const struct qr_query *query,
                             const struct qr_row *parents, size_t parent_count,
                             struct qr_walk *walk, struct qr_rows *rows, struct qr_page *pages)
{
    struct qr_sink *sink;

    QR_TRY(qr_sink_create(reader, query, true, false, &sink));
    QR_TRY(qr_walk_open(reader, query, &query->path, walk));
    for (size_t i = 0; i < parent_count; i++) {
        QR_TRY(qr_walk_start(walk, parents[i].rowid));
        QR_TRY(run_walk(query, walk, sink));
        QR_TRY(qr_sink_finish(sink, rows, &pages[i]));
    }
    return QUIRE_OK;
}

quire_status qr_query_run_level(struct qr_reader *reader, const struct qr_query *query,
                                const struct qr_row *parents, size_t parent_count,
                                struct qr_rows *rows, struct qr_page *pages)
{
    uint64_t before = reader->rows_read;
    size_t returned = rows->count;
    struct qr_walk walk = {0};
    /* A page that fills before its parent's candidates end is not worth reading all of them. */
    bool each =
        query->path.ordered && query->limit != UINT64_MAX && candidates_max(query) == UINT64_MAX;
    quire_status status =
        each ? run_each(reader, query, parents, parent_count, &walk, rows, pages)
             : run_gathered(reader, query, parents, parent_count, &walk, rows, pages);

    qr_walk_close(&walk);
    QR_TRY(status);
    for (size_t i = 0; i < parent_count; i++) {
        QR_TRY(see_beyond(reader, query, parents[i].rowid, &pages[i]));
    }
    return qr_explain_query(reader, query, reader->rows_read - before, rows->count - returned);
}

quire_status qr_query_narrow(struct qr_reader *reader, const struct qr_query *query,
                             const struct qr_rows *source, const struct qr_page *pages,
                             size_t page_count, struct qr_rows *rows, struct qr_page *narrowed)
{
    struct qr_sink *sink;

    /* Without an order of its own a page keeps the one it has. */
    QR_TRY(qr_sink_create(reader, query, query->order.count == 0, true, &sink));
    for (size_t p = 0; p < page_count; p++) {
        bool done = false;
        for (size_t i = 0; i < pages[p].count && !done; i++) {
            QR_TRY(qr_reader_step(reader));
            QR_TRY(offer_if(reader, query, sink, &source->rows[pages[p].first + i], &done));
        }
        QR_TRY(qr_sink_finish(sink, rows, &narrowed[p]));
    }
    return QUIRE_OK;
}
