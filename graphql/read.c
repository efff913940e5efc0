/*
 * Reading a level at a time: see read.h. Writing is in write.c.
 */
#include "graphql/read.h"

#include "graphql/auth.h"
#include "graphql/change.h"
#include "graphql/column.h"
#include "graphql/explain.h"
#include "graphql/read_internal.h"
#include "graphql/resolve.h"
#include "graphql/row_key.h"

/* ---- single relations ---- */

/* Takes out the rows that rules hide from the caller; what led there leads nowhere, which a
 * required relation cannot. */
static quire_status hide(struct qr_reader *reader, const struct qr_model_type *type,
                         const struct qr_model_field *relation, size_t *links, size_t count,
                         struct qr_row *rows, size_t *found)
{
    struct qr_filter *seen;
    size_t *places;
    size_t kept = 0;

    QR_TRY(qr_auth_filter(reader, type, QR_AUTH_READ, &seen));
    if (seen == NULL) {
        return QUIRE_OK;
    }
    places = qr_arena_alloc_zero(reader->arena, sizeof *places * (*found + 1), reader->err);
    if (places == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < *found; i++) {
        bool pass;
        QR_TRY(qr_filter_test(reader, seen, &rows[i], &pass));
        qr_arena_reset(&reader->scratch);
        if (!pass && relation != NULL && relation->required) {
            return qr_fail(reader->err, QUIRE_FORBIDDEN,
                           "Cannot return null for non-nullable field %s.%.*s: the row that it "
                           "leads to is not the caller's to read.",
                           relation->owner->table, QR_GQL_FMT(relation->name));
        }
        if (pass) {
            rows[kept++] = rows[i];
            places[i + 1] = kept;
        }
    }
    *found = kept;
    for (size_t i = 0; i < count; i++) {
        links[i] = places[links[i]];
    }
    return QUIRE_OK;
}

/* Finds the rowid that each row's relation leads to; 0 for none. */
static quire_status find_targets(struct qr_reader *reader, const struct qr_model_field *field,
                                 const struct qr_row *rows, size_t count, int64_t *targets)
{
    quire_table *table;
    int index = -1;

    QR_TRY(qr_reader_table(reader, field->target, &table));
    if (field->role == QR_MODEL_REVERSE_ONE) {
        index = qr_reader_single_index(table, field->inverse, true);
        if (index < 0) {
            return qr_fail(reader->err, QUIRE_SCHEMA, "The table %s has no unique index on %s.",
                           field->target->table, field->inverse->column_name);
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        if (field->role == QR_MODEL_REFERENCE) {
            quire_value value;
            QR_TRY(qr_reader_column(reader, &rows[i], field, &value));
            targets[i] = value.type == QUIRE_INT ? value.as.integer : 0;
        } else {
            quire_value self = quire_int(rows[i].rowid);
            QR_TRY(qr_table_find_unique(table, (uint32_t)index, &self, 1, &targets[i], &found,
                                        reader->err));
            targets[i] = found ? targets[i] : 0;
        }
    }
    return QUIRE_OK;
}

quire_status qr_read_targets(struct qr_reader *reader, const struct qr_select_field *field,
                             const struct qr_model_type *type, const int64_t *rowids, size_t count,
                             size_t *links, struct qr_node **out)
{
    uint64_t before = reader->rows_read;
    struct qr_row *rows;
    size_t found;

    QR_TRY(qr_reader_unite(reader, type, rowids, count, links, &rows, &found));
    QR_TRY(hide(reader, type, field->api->field, links, count, rows, &found));
    QR_TRY(qr_explain_field(reader, field->selected->parent, field->selected->field->name));
    QR_TRY(qr_explain_lookup(reader, "rows by reference", NULL, reader->rows_read - before, found));
    return qr_read_rows(reader, type, field->set, rows, found, out);
}

/* The rows at the other end of a single relation, one a row of this level. Rows that several of
 * them share are read once and stand in the next level once. */
static quire_status read_single(struct qr_reader *reader, const struct qr_select_field *field,
                                const struct qr_row *rows, size_t count, struct qr_branch *branch)
{
    const struct qr_model_field *relation = field->api->field;
    int64_t *targets = qr_arena_alloc(reader->arena, sizeof *targets * (count + 1), reader->err);

    branch->links = qr_arena_alloc(reader->arena, sizeof *branch->links * (count + 1), reader->err);
    if (targets == NULL || branch->links == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(find_targets(reader, relation, rows, count, targets));
    return qr_read_targets(reader, field, relation->target, targets, count, branch->links,
                           &branch->node);
}

/* ---- connections ---- */

/* A connection being read: for the parents of a relation, or (without) over the whole table. */
struct reading {
    struct qr_reader *reader;
    const struct qr_select_field *field;
    const struct qr_row *parents;
    size_t parent_count;
    struct qr_query query;
    struct qr_connection *connection;
};

static quire_status run(const struct reading *r, const struct qr_query *query, struct qr_rows *rows,
                        struct qr_page *pages)
{
    return query->relation != NULL
               ? qr_query_run_level(r->reader, query, r->parents, r->parent_count, rows, pages)
               : qr_query_run(r->reader, query, rows, pages);
}

/* Whether the page has all rows that the filter selects. */
static bool is_whole(const struct qr_query *query)
{
    return query->limit == UINT64_MAX && query->skip == 0 && query->after.data == NULL &&
           query->before.data == NULL && query->distinct_count == 0;
}

/* Whether a field of the connection is made of the rows of its page. Arguments of `items` on top
 * of no paging make one query of both. */
static bool needs_page(const struct reading *r, const struct qr_select_field *field)
{
    if (field->api == NULL) {
        return false;
    }
    return field->api->kind == QR_API_EDGES || field->api->kind == QR_API_PAGE_INFO ||
           (field->api->kind == QR_API_ITEMS &&
            (field->selected->arguments.count == 0 || !is_whole(&r->query)));
}

/* `items` with arguments: the rows of the page, or all that the connection selects, narrowed. */
static quire_status narrow_items(const struct reading *r, const struct qr_select_field *field,
                                 struct qr_part *part)
{
    struct qr_reader *reader = r->reader;
    const struct qr_model_type *type = r->connection->type;
    struct qr_query query;

    part->rows = (struct qr_rows){0};
    part->pages =
        qr_arena_alloc(reader->arena, sizeof *part->pages * (r->parent_count + 1), reader->err);
    if (part->pages == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_query_compile(reader, type, r->query.relation, field, &query));
    if (needs_page(r, field)) {
        return qr_query_narrow(reader, &query, &r->connection->rows, r->connection->pages,
                               r->parent_count, &part->rows, part->pages);
    }
    QR_TRY(qr_filter_and(reader, r->query.filter, query.filter, &query.filter));
    query.order = query.order.count > 0 ? query.order : r->query.order;
    QR_TRY(qr_plan_choose(reader, &query));
    QR_TRY(qr_explain_field(reader, r->field->selected->parent, r->field->selected->field->name));
    return run(r, &query, &part->rows, part->pages);
}

/* The nodes of one part of a connection: of `items`, or of each `node` below `edges`. */
static quire_status read_part(const struct reading *r, const struct qr_select_field *field,
                              struct qr_part *part)
{
    struct qr_reader *reader = r->reader;
    const struct qr_model_type *type = r->connection->type;

    part->rows = r->connection->rows;
    part->pages = r->connection->pages;
    if (field->api->kind == QR_API_ITEMS) {
        if (field->selected->arguments.count > 0) {
            QR_TRY(narrow_items(r, field, part));
        }
        return qr_read_rows(reader, type, field->set, part->rows.rows, part->rows.count,
                            &part->node);
    }
    if (field->api->kind != QR_API_EDGES) {
        return QUIRE_OK;
    }
    part->edge_nodes = qr_arena_alloc_zero(
        reader->arena, sizeof(struct qr_node *) * (field->set->count + 1), reader->err);
    if (part->edge_nodes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < field->set->count; i++) {
        const struct qr_select_field *edge_field = &field->set->fields[i];
        if (edge_field->api != NULL && edge_field->api->kind == QR_API_NODE) {
            QR_TRY(qr_read_rows(reader, type, edge_field->set, part->rows.rows, part->rows.count,
                                &part->edge_nodes[i]));
        }
    }
    return QUIRE_OK;
}

static quire_status select_total(const struct reading *r, struct qr_part *part)
{
    const struct qr_query *query = &r->query;
    struct qr_measure measure = {.kind = QR_MEASURE_COUNT};
    if (query->distinct_count > 0) {
        measure = (struct qr_measure){.kind = QR_MEASURE_DISTINCT,
                                      .fields = query->distinct,
                                      .field_count = query->distinct_count,
                                      .with_nulls = true};
    }
    part->numbers = qr_arena_alloc(r->reader->arena, sizeof *part->numbers, r->reader->err);
    return part->numbers == NULL
               ? QUIRE_NO_MEMORY
               : qr_measures_add(r->reader, &r->connection->measures, &measure, part->numbers);
}

/* Computes what `totalCount` and `aggregate` ask for, in one pass. */
static quire_status read_aggregates(const struct reading *r, bool paged)
{
    struct qr_reader *reader = r->reader;
    struct qr_connection *connection = r->connection;
    const struct qr_select *set = r->field->set;

    for (uint32_t i = set->count; i-- > 0;) {
        const struct qr_select_field *member = &set->fields[i];
        struct qr_part *part = &connection->parts[i];
        enum qr_api_kind kind = member->api == NULL ? QR_API_ITEMS : member->api->kind;
        if (kind == QR_API_AGGREGATE) {
            QR_TRY(qr_summary_select(reader, member->set, &connection->measures, &part->numbers));
        } else if (kind == QR_API_TOTAL_COUNT && !(paged && is_whole(&r->query))) {
            QR_TRY(select_total(r, part));
        } else {
            continue;
        }
        QR_TRY(qr_explain_field(reader, member->selected->parent, member->selected->field->name));
    }
    return connection->measures.count == 0
               ? QUIRE_OK
               : qr_summary_run(reader, &r->query, &connection->measures, r->parents,
                                r->parent_count, &connection->values);
}

static quire_status read_groups(const struct reading *r)
{
    const struct qr_select *set = r->field->set;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *member = &set->fields[i];
        if (member->api != NULL && member->api->kind == QR_API_GROUP_BY) {
            QR_TRY(qr_explain_field(r->reader, member->selected->parent,
                                    member->selected->field->name));
            QR_TRY(qr_groups_read(r->reader, member, &r->query, r->parents, r->parent_count,
                                  &r->connection->parts[i].groups));
        }
    }
    return QUIRE_OK;
}

static quire_status compile(struct reading *r, const struct qr_model_field *relation)
{
    struct qr_reader *reader = r->reader;
    const struct qr_select_field *field = r->field;
    struct qr_connection *connection =
        qr_arena_alloc_zero(reader->arena, sizeof *connection, reader->err);

    if (connection == NULL) {
        return QUIRE_NO_MEMORY;
    }
    r->connection = connection;
    connection->type = relation != NULL ? relation->target : field->api->type;
    connection->pages = qr_arena_alloc_zero(
        reader->arena, sizeof *connection->pages * (r->parent_count + 1), reader->err);
    connection->parts = qr_arena_alloc_zero(
        reader->arena, sizeof *connection->parts * (field->set->count + 1), reader->err);
    if (connection->pages == NULL || connection->parts == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_explain_field(reader, field->selected->parent, field->selected->field->name));
    QR_TRY(qr_query_compile(reader, connection->type, relation, field, &r->query));
    connection->order = r->query.order;
    return QUIRE_OK;
}

static quire_status read_connection(struct qr_reader *reader, const struct qr_select_field *field,
                                    const struct qr_model_field *relation,
                                    const struct qr_row *parents, size_t parent_count,
                                    struct qr_branch *branch)
{
    struct reading r = {
        .reader = reader, .field = field, .parents = parents, .parent_count = parent_count};
    const struct qr_select *set = field->set;
    bool paged = false;

    QR_TRY(compile(&r, relation));
    branch->connection = r.connection;
    for (uint32_t i = 0; i < set->count; i++) {
        paged = paged || needs_page(&r, &set->fields[i]);
    }
    if (paged) {
        QR_TRY(run(&r, &r.query, &r.connection->rows, r.connection->pages));
    }
    QR_TRY(read_aggregates(&r, paged));
    QR_TRY(read_groups(&r));
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->fields[i].api != NULL) {
            QR_TRY(read_part(&r, &set->fields[i], &r.connection->parts[i]));
        }
    }
    return QUIRE_OK;
}

quire_status qr_read_apart(struct qr_reader *reader, const struct qr_select_field *field,
                           struct qr_query *query, struct qr_connection **out)
{
    struct reading r = {.reader = reader, .field = field, .parent_count = 1};

    QR_TRY(compile(&r, NULL));
    QR_TRY(read_aggregates(&r, false));
    QR_TRY(read_groups(&r));
    *query = r.query;
    *out = r.connection;
    return qr_explain_field(reader, field->selected->parent, field->selected->field->name);
}

quire_status qr_read_piece(struct qr_reader *reader, const struct qr_select_field *field,
                           const struct qr_connection *connection, uint32_t number,
                           const struct qr_rows *rows, struct qr_connection **out)
{
    struct reading r = {.reader = reader, .field = field, .parent_count = 1};
    struct qr_connection *piece = qr_arena_alloc(reader->arena, sizeof *piece, reader->err);

    if (piece == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *piece = *connection;
    piece->rows = *rows;
    piece->pages = qr_arena_alloc_zero(reader->arena, sizeof *piece->pages, reader->err);
    piece->parts = qr_arena_alloc_zero(reader->arena,
                                       sizeof *piece->parts * (field->set->count + 1), reader->err);
    if (piece->pages == NULL || piece->parts == NULL) {
        return QUIRE_NO_MEMORY;
    }
    piece->pages[0].count = rows->count;
    r.connection = *out = piece;
    return read_part(&r, &field->set->fields[number], &piece->parts[number]);
}

/* ---- rows and roots ---- */

/* Readies the decoding of the columns that a node shows of each row. */
static quire_status find_columns(struct qr_reader *reader, struct qr_node *node)
{
    const struct qr_select *set = node->set;
    uint32_t columns = node->type->column_count;
    bool *shown = qr_arena_alloc_zero(reader->arena, sizeof *shown * (columns + 1), reader->err);

    node->columns =
        qr_arena_alloc(reader->arena, sizeof *node->columns * (columns + 1), reader->err);
    node->values = qr_arena_alloc(reader->arena, sizeof *node->values * (columns + 1), reader->err);
    if (shown == NULL || node->columns == NULL || node->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_api_field *api = set->fields[i].api;
        if (api != NULL && api->kind == QR_API_COLUMN && api->field->role == QR_MODEL_COLUMN) {
            shown[api->field->column] = true;
        }
    }
    for (uint32_t i = 0; i < columns; i++) {
        if (shown[i]) {
            node->columns[node->column_count++] = i;
        }
    }
    return QUIRE_OK;
}

quire_status qr_read_rows(struct qr_reader *reader, const struct qr_model_type *type,
                          const struct qr_select *set, const struct qr_row *rows, size_t count,
                          struct qr_node **out)
{
    struct qr_node *node = qr_arena_alloc_zero(reader->arena, sizeof *node, reader->err);
    uint32_t fields = set == NULL ? 0 : set->count;

    if (node == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *node = (struct qr_node){.set = set, .type = type, .rows = rows, .count = count};
    node->branches =
        qr_arena_alloc_zero(reader->arena, sizeof *node->branches * (fields + 1), reader->err);
    if (node->branches == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (fields > 0 && count > 0) {
        QR_TRY(find_columns(reader, node));
    }
    for (uint32_t i = 0; i < fields && count > 0; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api == NULL) {
            continue;
        }
        if (field->api->kind == QR_API_REFERENCE || field->api->kind == QR_API_REFERENCE_KEY ||
            field->api->kind == QR_API_REVERSE_ONE) {
            QR_TRY(read_single(reader, field, rows, count, &node->branches[i]));
        } else if (field->api->kind == QR_API_LIST) {
            QR_TRY(
                read_connection(reader, field, field->api->field, rows, count, &node->branches[i]));
        } else if (field->api->kind == QR_API_RESOLVED) {
            QR_TRY(qr_resolve(reader, field, rows, count, &node->branches[i].resolved));
        }
    }
    *out = node;
    return QUIRE_OK;
}

/* The row of a type that has the key, if it is shown. */
static quire_status seek_row(struct qr_reader *reader, const struct qr_select_field *field,
                             const struct qr_model_type *type, const struct qr_model_index *key,
                             const struct qr_gql_value *given, struct qr_row *row, bool *found)
{
    int64_t rowid;

    QR_TRY(qr_row_key_seek(reader, type, key, given, &rowid, found));
    if (*found) {
        QR_TRY(qr_reader_row(reader, type, rowid, row, found));
    }
    if (*found && (type->view_of != NULL || reader->auth != NULL)) {
        struct qr_filter *filter;
        QR_TRY(qr_filter_compile_shown(reader, type, NULL, &filter));
        QR_TRY(qr_filter_test(reader, filter, row, found));
        qr_arena_reset(&reader->scratch);
    }
    QR_TRY(qr_explain_field(reader, field->selected->parent, field->selected->field->name));
    return qr_explain_lookup(reader, "unique key", key->name, *found ? 1 : 0, *found ? 1 : 0);
}

static quire_status read_one(struct qr_reader *reader, const struct qr_select_field *field,
                             struct qr_root *out)
{
    const struct qr_model_type *type = field->api->type;
    const struct qr_model_index *key = NULL;
    const struct qr_gql_value *given = NULL;
    struct qr_row *row = qr_arena_alloc_zero(reader->arena, sizeof *row, reader->err);
    bool found;

    if (row == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_row_key_given(reader, field, &key, &given));
    QR_TRY(seek_row(reader, field, type, key, given, row, &found));
    return qr_read_rows(reader, type, field->set, row, found ? 1 : 0, &out->node);
}

/* Looks for the id in every table whose rows the field can give. */
static quire_status read_any(struct qr_reader *reader, const struct qr_select_field *field,
                             struct qr_root *out)
{
    const struct qr_gql_value *id = qr_select_argument(field, "id");
    const struct qr_select *chosen = NULL;
    struct qr_row *row = qr_arena_alloc_zero(reader->arena, sizeof *row, reader->err);

    if (row == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (const struct qr_select *set = field->set; set != NULL; set = set->other) {
        const struct qr_model_type *type = set->type->host;
        struct qr_row candidate = {0};
        bool found = false;
        bool hidden = false;
        if (type != NULL) {
            QR_TRY(qr_auth_hides_node(reader->auth, type, &hidden, reader->err));
        }
        if (type == NULL || type->view_of != NULL || !type->has_queries || hidden) {
            continue;
        }
        QR_TRY(seek_row(reader, field, type, qr_row_key_find(type, qr_gql_str_of("id")), id,
                        &candidate, &found));
        if (found && chosen != NULL) {
            return qr_fail(reader->err, QUIRE_QUERY,
                           "Rows of both %.*s and %.*s have this id; ask for one of them by its "
                           "own field.",
                           QR_GQL_FMT(chosen->type->name), QR_GQL_FMT(set->type->name));
        }
        if (found) {
            *row = candidate;
            chosen = set;
        }
    }
    if (chosen == NULL) {
        return QUIRE_OK;
    }
    return qr_read_rows(reader, chosen->type->host, chosen, row, 1, &out->node);
}

quire_status qr_read_root(struct qr_reader *reader, const struct qr_select_field *field,
                          struct qr_root *out)
{
    *out = (struct qr_root){.field = field};
    if (field->api->kind == QR_API_CHANGES) {
        return qr_change_read(reader, field, &out->change);
    }
    if (field->api->kind == QR_API_ONE) {
        return read_one(reader, field, out);
    }
    if (field->api->kind == QR_API_ANY) {
        return read_any(reader, field, out);
    }
    if (field->api->kind == QR_API_RESOLVED) {
        return qr_resolve(reader, field, NULL, 1, &out->resolved);
    }
    out->branch = qr_arena_alloc_zero(reader->arena, sizeof *out->branch, reader->err);
    if (out->branch == NULL) {
        return QUIRE_NO_MEMORY;
    }
    return read_connection(reader, field, NULL, NULL, 1, out->branch);
}
