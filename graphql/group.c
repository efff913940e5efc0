/*
 * Making and writing groups: see group.h.
 *
 * A group is known by the encoding of its parent and its keys. What a group
 * comes to is a vector of values, keys first, then measures: `having` tests it,
 * the order is an encoding of some of it, and it is all that is kept. The
 * groups of a parent are sorted by the order, then by the keys, nulls first.
 */
#include "graphql/group.h"

#include "graphql/column.h"
#include "graphql/explain.h"
#include "graphql/fold.h"
#include "graphql/group_internal.h"
#include "graphql/sort.h"
#include "graphql/summary.h"

struct group {
    size_t parent;
    struct qr_gql_str order; /* sort key, parent first */
    quire_value *values;
};

struct qr_groups {
    struct qr_group_query query;
    struct group *items;
    size_t count, capacity;
    size_t *starts; /* by parent: its first group; one more at the end */
    size_t *counts; /* by parent */
};

/* Groups being made. */
struct making {
    struct qr_reader *reader;
    struct qr_groups *groups;
    const struct qr_group_query *query;
    struct qr_query plan;
    struct qr_arena *arena; /* of groups that are not finished */
    bool streams;           /* the rows of a group follow one another */
    bool in_order;          /* and so do the groups, in their order */
    struct qr_key key;      /* of the row at hand */
    quire_value *values;    /* of the group at hand */
    struct qr_key_table table;
    struct qr_tally *tallies; /* by group and measure; streaming: of the current group */
    size_t tally_capacity;    /* in groups */
    struct qr_key current;    /* streaming: its key */
    size_t parent_count;
    uint64_t rows;
};

/* ---- finishing a group ---- */

/* The key of the row that a reference key points to. */
static quire_status resolve_reference(struct making *m, const struct qr_group_key *key,
                                      quire_value *value)
{
    struct qr_reader *reader = m->reader;
    const struct qr_model_field *target_key = key->path.field->target->key;
    const void *record;
    size_t size;
    bool found;

    if (value->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(quire_table_get(key->table, value->as.integer, &record, &size, &found, reader->err));
    reader->rows_read++;
    *value = quire_null();
    if (!found) {
        return QUIRE_OK;
    }
    QR_TRY(quire_record_column(record, size, target_key->column, value, reader->err));
    if (value->size > 0) {
        value->as.bytes = qr_arena_copy(&reader->batch, value->as.bytes, value->size, reader->err);
        return value->as.bytes == NULL ? qr_gql_memory_status(reader->err) : QUIRE_OK;
    }
    return QUIRE_OK;
}

/* Fills m->values of the group with that key; texts live until the batch arena is reset. */
static quire_status evaluate(struct making *m, struct qr_gql_str key,
                             const struct qr_tally *tallies, size_t *parent)
{
    const struct qr_group_query *query = m->query;
    quire_error *err = m->reader->err;
    const uint8_t *bytes = (const uint8_t *)key.data;
    size_t offset = 0;
    quire_value value;

    QR_TRY(qr_key_decode(bytes, key.size, &offset, false, &m->reader->batch, &value, err));
    *parent = (size_t)value.as.integer;
    for (uint32_t i = 0; i < query->key_count; i++) {
        QR_TRY(
            qr_key_decode(bytes, key.size, &offset, false, &m->reader->batch, &m->values[i], err));
        if (query->keys[i].table != NULL) {
            QR_TRY(resolve_reference(m, &query->keys[i], &m->values[i]));
        }
    }
    for (uint32_t i = 0; i < query->measures.count; i++) {
        QR_TRY(qr_measure_result(m->reader, &m->reader->batch, &query->measures.items[i],
                                 &tallies[i], &m->values[query->key_count + i]));
    }
    return QUIRE_OK;
}

/* Makes the sort key of m->values in m->reader->key. */
static quire_status make_order(struct making *m, size_t parent)
{
    const struct qr_group_query *query = m->query;
    struct qr_key *key = &m->reader->key;
    quire_value owner = quire_int((int64_t)parent);

    qr_key_clear(key);
    QR_TRY(qr_key_append(key, &owner, false, m->reader->err));
    for (uint32_t i = 0; i < query->order_count; i++) {
        const struct qr_group_order *order = &query->order[i];
        QR_TRY(qr_order_append(m->reader, &order->direction, &m->values[order->slot], key));
    }
    for (uint32_t i = 0; i < query->key_count; i++) {
        QR_TRY(qr_key_append(key, &m->values[i], false, m->reader->err));
    }
    return QUIRE_OK;
}

static quire_status keep_group(struct making *m, size_t parent)
{
    struct qr_groups *groups = m->groups;
    struct qr_reader *reader = m->reader;
    size_t count = m->query->key_count + m->query->measures.count;

    if (groups->count == groups->capacity) {
        size_t capacity = groups->capacity == 0 ? 16 : groups->capacity * 2;
        struct group *grown = qr_arena_alloc(reader->arena, sizeof *grown * capacity, reader->err);
        if (grown == NULL) {
            return qr_gql_memory_status(reader->err);
        }
        if (groups->count > 0) {
            memcpy(grown, groups->items, sizeof *grown * groups->count);
        }
        groups->items = grown;
        groups->capacity = capacity;
    }
    struct group *group = &groups->items[groups->count++];
    QR_TRY(make_order(m, parent));
    group->parent = parent;
    group->order.size = reader->key.size;
    group->order.data =
        qr_arena_copy(reader->arena, reader->key.bytes, reader->key.size, reader->err);
    group->values = qr_arena_alloc(reader->arena, sizeof *group->values * count, reader->err);
    if (group->order.data == NULL || group->values == NULL) {
        return qr_gql_memory_status(reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        quire_value *value = &group->values[i];
        *value = m->values[i];
        if (value->size > 0) {
            value->as.bytes =
                qr_arena_copy(reader->arena, value->as.bytes, value->size, reader->err);
            if (value->as.bytes == NULL) {
                return qr_gql_memory_status(reader->err);
            }
        }
    }
    groups->counts[parent]++;
    return QUIRE_OK;
}

/* How many groups of a parent its page can reach. */
static uint64_t reach(const struct qr_group_query *query)
{
    return query->limit > UINT64_MAX - query->skip ? UINT64_MAX : query->skip + query->limit;
}

static quire_status finish_group(struct making *m, struct qr_gql_str key,
                                 const struct qr_tally *tallies)
{
    size_t parent;
    bool pass = true;

    qr_arena_reset(&m->reader->batch);
    QR_TRY(evaluate(m, key, tallies, &parent));
    if (m->query->having != NULL) {
        QR_TRY(qr_filter_test_values(m->reader, m->query->having, m->values, &pass));
    }
    if (!pass || (m->in_order && m->groups->counts[parent] >= reach(m->query))) {
        return QUIRE_OK;
    }
    return keep_group(m, parent);
}

/* ---- taking rows ---- */

/* Encodes the parent and the keys of a row. */
static quire_status make_key(struct making *m, size_t parent, const struct qr_row *row,
                             const quire_value *values)
{
    quire_value owner = quire_int((int64_t)parent);

    qr_key_clear(&m->key);
    QR_TRY(qr_key_append(&m->key, &owner, false, m->reader->err));
    for (uint32_t i = 0; i < m->query->key_count; i++) {
        const struct qr_order_term *path = &m->query->keys[i].path;
        quire_value value = quire_null();
        if (path->step_count == 0) {
            value = values[path->field->column];
        } else {
            struct qr_row end;
            bool found;
            QR_TRY(qr_order_follow(m->reader, path, row, &end, &found));
            if (found) {
                QR_TRY(qr_reader_column(m->reader, &end, path->field, &value));
            }
        }
        if (value.type == QUIRE_INT) {
            value.as.integer =
                qr_moment_begin(path->field->scalar, value.as.integer, m->query->keys[i].period);
        }
        QR_TRY(qr_key_append(&m->key, &value, false, m->reader->err));
    }
    return QUIRE_OK;
}

static struct qr_gql_str key_text(const struct qr_key *key)
{
    return (struct qr_gql_str){(const char *)key->bytes, key->size};
}

/* Ends the current group and begins that of m->key. */
static quire_status next_group(struct making *m, bool *done)
{
    uint32_t measures = m->query->measures.count;
    if (m->current.size > 0) {
        QR_TRY(finish_group(m, key_text(&m->current), m->tallies));
        *done = m->in_order && m->parent_count == 1 && m->groups->counts[0] >= reach(m->query);
    }
    qr_arena_reset(m->arena);
    m->tallies = qr_arena_alloc_zero(m->arena, sizeof *m->tallies * (measures + 1), m->reader->err);
    if (m->tallies == NULL) {
        return qr_gql_memory_status(m->reader->err);
    }
    qr_key_clear(&m->current);
    return qr_key_append_bytes(&m->current, m->key.bytes, m->key.size, m->reader->err);
}

/* Makes room for the tallies of one more group. */
static quire_status grow_tallies(struct making *m)
{
    size_t measures = m->query->measures.count;
    size_t capacity = m->tally_capacity == 0 ? 16 : m->tally_capacity * 2;
    struct qr_tally *grown =
        qr_arena_alloc_zero(m->arena, sizeof *grown * (measures * capacity + 1), m->reader->err);
    if (grown == NULL) {
        return qr_gql_memory_status(m->reader->err);
    }
    if (m->tally_capacity > 0) {
        memcpy(grown, m->tallies, sizeof *grown * measures * m->tally_capacity);
    }
    m->tallies = grown;
    m->tally_capacity = capacity;
    return QUIRE_OK;
}

static quire_status take_row(void *context, size_t parent, const struct qr_row *row,
                             const quire_value *values, bool *done)
{
    struct making *m = context;
    const struct qr_measures *measures = &m->query->measures;
    uint32_t number = 0;
    bool added;

    m->rows++;
    QR_TRY(make_key(m, parent, row, values));
    if (m->streams) {
        if (!qr_gql_str_equal(key_text(&m->key), key_text(&m->current))) {
            QR_TRY(next_group(m, done));
        }
    } else {
        QR_TRY(qr_key_table_put(&m->table, m->arena, key_text(&m->key), &number, &added,
                                m->reader->err));
        if (number == m->tally_capacity) {
            QR_TRY(grow_tallies(m));
        }
    }
    return qr_measures_take(m->reader, m->arena, measures, values,
                            &m->tallies[(size_t)number * measures->count]);
}

static quire_status finish_all(struct making *m)
{
    if (m->streams) {
        return m->current.size > 0 ? finish_group(m, key_text(&m->current), m->tallies) : QUIRE_OK;
    }
    for (uint32_t i = 0; i < m->table.count; i++) {
        QR_TRY(
            finish_group(m, m->table.keys[i], &m->tallies[(size_t)i * m->query->measures.count]));
    }
    return QUIRE_OK;
}

/* ---- the plan ---- */

/* Whether an index could give the groups one after the other: its keys are columns of the row. The
 * last one may be a period, which moments in their order fall into one after the other. */
static bool by_columns(const struct qr_group_query *query)
{
    for (uint32_t i = 0; i < query->key_count; i++) {
        const struct qr_model_field *field = query->keys[i].path.field;
        bool whole = query->keys[i].period == QR_MOMENT_VALUE;
        /* An index has those values of a computed Int that read as null at both of its ends. */
        bool split = field->role == QR_MODEL_COMPUTED && field->scalar == QR_MODEL_INT;
        if (query->keys[i].path.step_count > 0 || split || (!whole && i + 1 < query->key_count)) {
            return false;
        }
    }
    return true;
}

static bool by_references(const struct qr_group_query *query)
{
    for (uint32_t i = 0; i < query->key_count; i++) {
        if (query->keys[i].table != NULL) {
            return true;
        }
    }
    return false;
}

static void mark_columns(const struct making *m, bool *columns)
{
    qr_measures_columns(&m->query->measures, columns);
    for (uint32_t i = 0; i < m->query->key_count; i++) {
        const struct qr_order_term *path = &m->query->keys[i].path;
        const struct qr_model_field *first =
            path->step_count > 0 ? path->steps[0].field : path->field;
        if (first->role != QR_MODEL_REVERSE_ONE) {
            columns[first->column] = true;
        }
    }
}

static quire_status make_plan(struct making *m, const struct qr_query *query)
{
    struct qr_reader *reader = m->reader;
    const struct qr_group_query *groups = m->query;
    bool *columns = qr_arena_alloc_zero(
        reader->arena, sizeof *columns * (query->type->slot_count + 1), reader->err);
    struct qr_order_term *terms =
        qr_arena_alloc_zero(reader->arena, sizeof *terms * (groups->key_count + 1), reader->err);

    if (columns == NULL || terms == NULL) {
        return QUIRE_NO_MEMORY;
    }
    mark_columns(m, columns);
    m->plan = qr_fold_query(query, columns);
    QR_TRY(qr_filter_and(reader, query->filter, groups->filter, &m->plan.filter));
    bool columns_only = by_columns(groups);
    bool keys_first = groups->order_count == 0 && !by_references(groups);
    if (columns_only) {
        for (uint32_t i = 0; i < groups->key_count; i++) {
            terms[i].field = groups->keys[i].path.field;
        }
        m->plan.order = (struct qr_order){.terms = terms, .count = groups->key_count};
        m->plan.ties_any = true;
        m->plan.limit = keys_first ? reach(groups) : UINT64_MAX;
    }
    QR_TRY(qr_plan_choose(reader, &m->plan));
    m->streams = columns_only && m->plan.path.ordered;
    m->in_order = m->streams && keys_first;
    return QUIRE_OK;
}

/* ---- running ---- */

static quire_status make_groups(struct making *m, const struct qr_query *query,
                                const struct qr_row *parents)
{
    uint64_t before = m->reader->rows_read;
    struct qr_fold *fold;
    quire_status status;

    QR_TRY(make_plan(m, query));
    QR_TRY(qr_fold_open(m->reader, &m->plan, &fold));
    qr_arena_reset(m->arena);
    status = qr_fold_run(fold, parents, m->parent_count, take_row, m);
    status = status == QUIRE_OK ? finish_all(m) : status;
    if (status == QUIRE_NO_MEMORY || status == QUIRE_LIMIT) {
        status = qr_gql_memory_status(m->reader->err);
    }
    QR_TRY(status);
    return qr_explain_query(m->reader, &m->plan, m->reader->rows_read - before, m->groups->count);
}

/* Sorts the groups and says where each parent's are. */
static quire_status arrange(struct qr_reader *reader, struct qr_groups *groups, size_t parent_count)
{
    struct qr_arena *arena = reader->arena;
    struct qr_sort_slot *order =
        qr_arena_alloc(arena, sizeof *order * (groups->count + 1), reader->err);
    struct group *sorted = qr_arena_alloc(arena, sizeof *sorted * (groups->count + 1), reader->err);

    if (order == NULL || sorted == NULL) {
        return qr_gql_memory_status(reader->err);
    }
    for (size_t i = 0; i < groups->count; i++) {
        order[i] = qr_sort_slot_of(groups->items[i].order, (uint32_t)i);
    }
    QR_TRY(qr_sort_slots(reader, arena, order, groups->count, false));
    for (size_t i = 0; i < groups->count; i++) {
        sorted[i] = groups->items[order[i].index];
    }
    groups->items = sorted;
    size_t start = 0;
    for (size_t p = 0; p < parent_count; p++) {
        groups->starts[p] = start;
        start += groups->counts[p];
    }
    return QUIRE_OK;
}

quire_status qr_groups_read(struct qr_reader *reader, const struct qr_select_field *field,
                            const struct qr_query *query, const struct qr_row *parents,
                            size_t parent_count, struct qr_groups **out)
{
    struct qr_arena *arena = reader->arena;
    struct qr_groups *groups = qr_arena_alloc_zero(arena, sizeof *groups, reader->err);
    struct making m = {.reader = reader, .groups = groups, .parent_count = parent_count};

    if (groups == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_group_compile(reader, field, query->type, &groups->query));
    m.query = &groups->query;
    m.arena = &reader->sort[0];
    m.key.allocator = m.current.allocator = arena->allocator;
    groups->starts =
        qr_arena_alloc_zero(arena, sizeof *groups->starts * (parent_count + 1), reader->err);
    groups->counts =
        qr_arena_alloc_zero(arena, sizeof *groups->counts * (parent_count + 1), reader->err);
    m.values = qr_arena_alloc_zero(
        arena, sizeof *m.values * (m.query->key_count + m.query->measures.count + 1), reader->err);
    if (groups->starts == NULL || groups->counts == NULL || m.values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = make_groups(&m, query, parents);
    qr_key_free(&m.key);
    qr_key_free(&m.current);
    QR_TRY(status);
    *out = groups;
    return arrange(reader, groups, parent_count);
}

/* ---- writing ---- */

static quire_status write_keys(struct qr_reader *reader, const struct qr_groups *groups,
                               const struct group *group, const struct qr_select *set,
                               const uint32_t **numbers, struct qr_json_writer *writer)
{
    qr_json_begin_object(writer);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        qr_json_put_key(writer, field->selected->name.data, field->selected->name.size);
        if (field->api == NULL) {
            qr_json_put_string(writer, set->type->name.data, set->type->name.size);
        } else if (field->set != NULL) {
            QR_TRY(write_keys(reader, groups, group, field->set, numbers, writer));
        } else {
            uint32_t number = *(*numbers)++;
            const struct qr_model_field *key = groups->query.keys[number].path.field;
            key = key->role == QR_MODEL_REFERENCE ? key->target->key : key;
            QR_TRY(qr_column_to_json(key, &group->values[number], writer, reader->err));
        }
    }
    qr_json_end_object(writer);
    return QUIRE_OK;
}

static quire_status write_group(struct qr_reader *reader, const struct qr_groups *groups,
                                const struct group *group, const struct qr_select *set,
                                struct qr_json_writer *writer)
{
    const struct qr_group_query *query = &groups->query;
    const uint32_t *numbers = query->numbers;
    const uint32_t *key_numbers = query->key_numbers;

    qr_json_begin_object(writer);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        qr_json_put_key(writer, field->selected->name.data, field->selected->name.size);
        if (field->api == NULL) {
            qr_json_put_string(writer, set->type->name.data, set->type->name.size);
        } else if (field->api->kind == QR_API_GROUP_KEYS) {
            QR_TRY(write_keys(reader, groups, group, field->set, &key_numbers, writer));
        } else {
            QR_TRY(qr_summary_write(reader, field, &query->measures,
                                    group->values + query->key_count, &numbers, writer));
        }
    }
    qr_json_end_object(writer);
    return writer->status;
}

quire_status qr_groups_write(struct qr_reader *reader, const struct qr_groups *groups,
                             const struct qr_select *set, size_t parent,
                             struct qr_json_writer *writer)
{
    const struct qr_group_query *query = &groups->query;
    size_t end = groups->counts[parent];
    size_t begin = query->skip < end ? (size_t)query->skip : end;

    end = query->limit < end - begin ? begin + (size_t)query->limit : end;
    qr_json_begin_array(writer);
    for (size_t i = begin; i < end; i++) {
        QR_TRY(
            write_group(reader, groups, &groups->items[groups->starts[parent] + i], set, writer));
    }
    qr_json_end_array(writer);
    return QUIRE_OK;
}
