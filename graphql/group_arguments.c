/*
 * The arguments and the selection of `groupBy`: see group.h.
 */
#include "graphql/auth.h"
#include "graphql/group_internal.h"
#include "graphql/summary.h"

struct compiler {
    struct qr_reader *reader;
    const struct qr_model_type *type;
    struct qr_group_query *query;
};

static quire_status no_memory_unless(const void *memory)
{
    return memory != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

/* A single value's field of a type, by the name that it has among keys: a column, or a reference by
 * the name of its column. */
static const struct qr_model_field *find_column(const struct qr_model_type *type,
                                                struct qr_gql_str name)
{
    for (uint32_t i = 0; i < type->slot_count; i++) {
        if (qr_gql_str_is(name, type->columns[i]->key_name)) {
            return type->columns[i];
        }
    }
    return NULL;
}

static quire_status not_one(struct compiler *c, const char *argument)
{
    return qr_fail(c->reader->err, QUIRE_QUERY,
                   "Each object of \"%s\" names exactly one field; give several as a list.",
                   argument);
}

static bool names_one(const struct qr_gql_value *object)
{
    return object->kind == QR_GQL_VALUE_OBJECT && object->count == 1 &&
           object->members[0].value.kind != QR_GQL_VALUE_NULL;
}

/* ---- by ---- */

static enum qr_moment_period period_of(struct qr_gql_str name)
{
    static const char *const names[] = {"VALUE", "YEAR", "QUARTER", "MONTH",
                                        "WEEK",  "DAY",  "HOUR",    "MINUTE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (qr_gql_str_is(name, names[i])) {
            return (enum qr_moment_period)i;
        }
    }
    return QR_MOMENT_VALUE;
}

static bool same_key(const struct qr_group_key *a, const struct qr_group_key *b)
{
    if (a->path.field != b->path.field || a->path.step_count != b->path.step_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->path.step_count; i++) {
        if (a->path.steps[i].field != b->path.steps[i].field) {
            return false;
        }
    }
    return true;
}

/* {field: VALUE} or {relation: {...}}. */
static quire_status compile_key(struct compiler *c, const struct qr_gql_value *object,
                                struct qr_group_key *key)
{
    const struct qr_model_type *type = c->type;
    for (;;) {
        if (!names_one(object)) {
            return not_one(c, "by");
        }
        struct qr_gql_str name = object->members[0].name;
        object = &object->members[0].value;
        if (object->kind != QR_GQL_VALUE_OBJECT) {
            key->path.field = find_column(type, name);
            key->period = period_of(object->text);
            QR_TRY(qr_auth_check_key(c->reader, key->path.field));
            return key->path.field->role == QR_MODEL_REFERENCE
                       ? qr_reader_own_table(c->reader, key->path.field->target, &key->table)
                       : QUIRE_OK;
        }
        const struct qr_model_field *field = qr_model_find_field(type, name);
        QR_TRY(qr_order_add_step(c->reader, &key->path, field));
        type = field->target;
    }
}

static quire_status compile_by(struct compiler *c, const struct qr_gql_value *by)
{
    struct qr_group_query *query = c->query;
    if (by->count == 0) {
        return qr_fail(c->reader->err, QUIRE_QUERY,
                       "\"by\" is empty; \"aggregate\" is about all rows.");
    }
    query->keys =
        qr_arena_alloc_zero(c->reader->arena, sizeof *query->keys * by->count, c->reader->err);
    QR_TRY(no_memory_unless(query->keys));
    for (uint32_t i = 0; i < by->count; i++) {
        struct qr_group_key *key = &query->keys[i];
        QR_TRY(compile_key(c, &by->items[i], key));
        for (uint32_t k = 0; k < i; k++) {
            if (same_key(key, &query->keys[k])) {
                return qr_fail(c->reader->err, QUIRE_QUERY,
                               "\"%s\" of %s is among the keys in \"by\" twice.",
                               key->path.field->key_name, key->path.field->owner->table);
            }
        }
        query->key_count++;
    }
    return QUIRE_OK;
}

/* A way to a key: the fields of its steps. */
struct trail {
    const struct trail *before;
    const struct qr_model_field *field;
    uint32_t length;
};

static bool is_trail(const struct qr_order_term *path, const struct trail *trail)
{
    if (path->step_count != (trail == NULL ? 0 : trail->length)) {
        return false;
    }
    for (uint32_t i = path->step_count; i > 0; i--) {
        if (path->steps[i - 1].field != trail->field) {
            return false;
        }
        trail = trail->before;
    }
    return true;
}

/* The number of the key at the end of a trail; QUERY when there is none. */
static quire_status find_key(struct compiler *c, const struct trail *trail,
                             const struct qr_model_field *field, uint32_t *number)
{
    for (*number = 0; *number < c->query->key_count; (*number)++) {
        const struct qr_group_key *key = &c->query->keys[*number];
        if (key->path.field == field && is_trail(&key->path, trail)) {
            return QUIRE_OK;
        }
    }
    return qr_fail(c->reader->err, QUIRE_QUERY, "\"%s\" of %s is not among the keys in \"by\".",
                   field->column_name, field->owner->table);
}

static struct trail longer(const struct trail *trail, const struct qr_model_field *field)
{
    return (struct trail){trail, field, trail == NULL ? 1 : trail->length + 1};
}

/* ---- having ---- */

/* The conditions on keys; recursion follows the nesting of the value, which is bounded. */
static quire_status compile_key_filter(struct compiler *c, const struct qr_model_type *type,
                                       const struct trail *trail, const struct qr_gql_value *object,
                                       struct qr_filter *parent)
{
    for (uint32_t i = 0; i < object->count; i++) {
        const struct qr_gql_value_member *member = &object->members[i];
        const struct qr_model_field *field = find_column(type, member->name);
        uint32_t number;
        if (member->value.kind == QR_GQL_VALUE_NULL) {
            return qr_filter_refuse_null(c->reader, type, member->name);
        }
        if (field == NULL) {
            field = qr_model_find_field(type, member->name);
            struct trail next = longer(trail, field);
            QR_TRY(compile_key_filter(c, field->target, &next, &member->value, parent));
            continue;
        }
        QR_TRY(find_key(c, trail, field, &number));
        field = field->role == QR_MODEL_REFERENCE ? field->target->key : field;
        QR_TRY(qr_filter_compile_operators(c->reader, type, field, &member->value, number, parent));
    }
    return QUIRE_OK;
}

static quire_status compile_having(struct compiler *c, const struct qr_gql_value *object,
                                   enum qr_filter_kind kind, struct qr_filter *parent);

static quire_status compile_condition(struct compiler *c, const struct qr_gql_value_member *member,
                                      struct qr_filter *parent)
{
    const struct qr_gql_value *value = &member->value;
    bool taken;

    if (value->kind == QR_GQL_VALUE_NULL) {
        return qr_filter_refuse_null(c->reader, c->type, member->name);
    }
    if (qr_gql_str_is(member->name, "AND")) {
        return compile_having(c, value, QR_FILTER_ALL, parent);
    }
    if (qr_gql_str_is(member->name, "OR")) {
        return compile_having(c, value, QR_FILTER_ANY, parent);
    }
    if (qr_gql_str_is(member->name, "NOT")) {
        return compile_having(c, value, QR_FILTER_NONE, parent);
    }
    if (qr_gql_str_is(member->name, "keys")) {
        return compile_key_filter(c, c->type, NULL, value, parent);
    }
    return qr_filter_compile_measures(c->reader, c->type, member, &c->query->measures,
                                      c->query->key_count, parent, &taken);
}

/* Appends to `parent` a filter of a kind over one object, or over each of a list. */
static quire_status compile_having(struct compiler *c, const struct qr_gql_value *value,
                                   enum qr_filter_kind kind, struct qr_filter *parent)
{
    struct qr_filter *filter = qr_filter_new(c->reader, kind);
    bool many = value->kind == QR_GQL_VALUE_LIST;
    QR_TRY(no_memory_unless(filter));
    for (uint32_t i = 0; i < (many ? value->count : 1); i++) {
        const struct qr_gql_value *object = many ? &value->items[i] : value;
        struct qr_filter *all = qr_filter_new(c->reader, QR_FILTER_ALL);
        QR_TRY(no_memory_unless(all));
        for (uint32_t m = 0; m < object->count; m++) {
            QR_TRY(compile_condition(c, &object->members[m], all));
        }
        qr_filter_append(filter, all);
    }
    qr_filter_append(parent, filter);
    return QUIRE_OK;
}

/* ---- orderBy ---- */

static quire_status compile_key_order(struct compiler *c, const struct qr_gql_value *object,
                                      struct qr_group_order *order)
{
    const struct qr_model_type *type = c->type;
    struct trail *trail = NULL;
    for (;;) {
        if (!names_one(object)) {
            return not_one(c, "orderBy");
        }
        struct qr_gql_str name = object->members[0].name;
        object = &object->members[0].value;
        if (object->kind != QR_GQL_VALUE_OBJECT) {
            qr_order_read_direction(object->text, &order->direction);
            return find_key(c, trail, find_column(type, name), &order->slot);
        }
        struct trail *next = qr_arena_alloc(c->reader->arena, sizeof *next, c->reader->err);
        QR_TRY(no_memory_unless(next));
        *next = longer(trail, qr_model_find_field(type, name));
        trail = next;
        type = next->field->target;
    }
}

static quire_status compile_order(struct compiler *c, const struct qr_gql_value *object,
                                  struct qr_group_order *order)
{
    struct qr_measure measure = {0};
    bool found;

    if (!names_one(object)) {
        return not_one(c, "orderBy");
    }
    qr_measure_named(object->members[0].name, &measure.kind, &found);
    object = &object->members[0].value;
    if (!found) {
        return compile_key_order(c, object, order);
    }
    if (object->kind == QR_GQL_VALUE_OBJECT) {
        if (!names_one(object)) {
            return not_one(c, "orderBy");
        }
        measure.field = qr_model_find_field(c->type, object->members[0].name);
        object = &object->members[0].value;
    }
    qr_order_read_direction(object->text, &order->direction);
    QR_TRY(qr_measures_add(c->reader, &c->query->measures, &measure, &order->slot));
    order->slot += c->query->key_count;
    return QUIRE_OK;
}

static quire_status compile_orders(struct compiler *c, const struct qr_gql_value *list)
{
    struct qr_group_query *query = c->query;
    if (list == NULL || list->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    query->order = qr_arena_alloc_zero(c->reader->arena, sizeof *query->order * (list->count + 1),
                                       c->reader->err);
    QR_TRY(no_memory_unless(query->order));
    for (uint32_t i = 0; i < list->count; i++) {
        QR_TRY(compile_order(c, &list->items[i], &query->order[query->order_count++]));
    }
    return QUIRE_OK;
}

/* ---- the selection ---- */

static uint32_t count_leaves(const struct qr_select *set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        count += set->fields[i].set != NULL ? count_leaves(set->fields[i].set) : 1;
    }
    return count;
}

static quire_status select_keys(struct compiler *c, const struct qr_select *set,
                                const struct trail *trail, uint32_t **next)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api == NULL) {
            continue;
        }
        if (field->set == NULL) {
            QR_TRY(find_key(c, trail, field->api->field, (*next)++));
            continue;
        }
        struct trail longer_trail = longer(trail, field->api->field);
        QR_TRY(select_keys(c, field->set, &longer_trail, next));
    }
    return QUIRE_OK;
}

static quire_status compile_selection(struct compiler *c, const struct qr_select *set)
{
    uint32_t *next =
        qr_arena_alloc(c->reader->arena, sizeof *next * (count_leaves(set) + 1), c->reader->err);
    QR_TRY(no_memory_unless(next));
    c->query->key_numbers = next;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api != NULL && field->api->kind == QR_API_GROUP_KEYS) {
            QR_TRY(select_keys(c, field->set, NULL, &next));
        }
    }
    return qr_summary_select(c->reader, set, &c->query->measures, &c->query->numbers);
}

quire_status qr_group_compile(struct qr_reader *reader, const struct qr_select_field *field,
                              const struct qr_model_type *type, struct qr_group_query *out)
{
    struct compiler c = {reader, type, out};
    const struct qr_gql_value *having = qr_select_argument(field, "having");
    bool given;

    *out = (struct qr_group_query){.limit = UINT64_MAX};
    QR_TRY(compile_by(&c, qr_select_argument(field, "by")));
    QR_TRY(qr_filter_compile(reader, type, qr_select_argument(field, "where"), &out->filter));
    if (having != NULL && having->kind != QR_GQL_VALUE_NULL) {
        out->having = qr_filter_new(reader, QR_FILTER_ALL);
        QR_TRY(no_memory_unless(out->having));
        QR_TRY(compile_having(&c, having, QR_FILTER_ALL, out->having));
    }
    QR_TRY(compile_orders(&c, qr_select_argument(field, "orderBy")));
    QR_TRY(qr_query_count_argument(reader, field, "skip", &out->skip, &given));
    QR_TRY(qr_query_count_argument(reader, field, "take", &out->limit, &given));
    QR_TRY(qr_query_bound(reader, &out->limit));
    return compile_selection(&c, field->set);
}
