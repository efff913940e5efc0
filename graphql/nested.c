/*
 * The verbs of nested writes: see row_write.h and docs/graphql.md, "Nested
 * writes".
 *
 * A relation of a row is seen as a set of rows at its other end, whatever holds
 * it: a reference of those rows (REVERSE, REVERSE_ONE) or a link table (LINKS).
 * attach and detach are all that differs.
 */
#include <stdlib.h>

#include "graphql/auth.h"
#include "graphql/row_write.h"

/* A relation of one row. */
struct nest {
    struct qr_store *store;
    const struct qr_model_field *field;
    int64_t rowid; /* of the row that has it */
};

static const struct qr_gql_value *get(const struct qr_gql_value *object, const char *name)
{
    return qr_gql_value_get(object, qr_gql_str_of(name));
}

static quire_status not_connected(const struct nest *nest)
{
    return qr_store_fail(nest->store, QUIRE_QUERY, "NOT_FOUND", nest->field,
                         "The row of %s that is to be changed through %s.%.*s is not connected.",
                         nest->field->target->table, nest->field->owner->table,
                         QR_GQL_FMT(nest->field->name));
}

/* ---- the rows at the other end ---- */

/* Whether the caller may connect or disconnect a row: it is written, by its reference or, as much
 * as the row at this end is, by a link. */
static quire_status take_other(const struct nest *nest, int64_t target)
{
    struct qr_auth *auth = nest->store->reader->auth;
    const struct qr_model_field *inverse = nest->field->inverse;
    if (auth == NULL) {
        return QUIRE_OK;
    }
    if (inverse != NULL) {
        QR_TRY(qr_auth_check_field(auth, inverse, QR_AUTH_UPDATE, nest->store->reader->err));
    }
    QR_TRY(qr_auth_take(nest->store, nest->field->target, target, QR_AUTH_UPDATE));
    return qr_auth_wrote(nest->store, nest->field->target, target, QR_AUTH_UPDATE);
}

static quire_status attach(const struct nest *nest, int64_t target)
{
    QR_TRY(take_other(nest, target));
    return nest->field->role == QR_MODEL_LINKS
               ? qr_store_link(nest->store, nest->field, nest->rowid, target)
               : qr_store_refer(nest->store, nest->field->inverse, target, nest->rowid);
}

static quire_status detach(const struct nest *nest, int64_t target)
{
    QR_TRY(take_other(nest, target));
    return nest->field->role == QR_MODEL_LINKS
               ? qr_store_unlink(nest->store, nest->field, nest->rowid, target)
               : qr_store_refer(nest->store, nest->field->inverse, target, 0);
}

/* The rowid that a reference of a row holds; 0 for none. */
static quire_status read_reference(struct qr_store *store, const struct qr_model_field *reference,
                                   int64_t rowid, int64_t *target)
{
    struct qr_reader *reader = store->reader;
    quire_table *table;
    const void *record;
    size_t size;
    bool found;

    *target = 0;
    QR_TRY(qr_reader_table(reader, reference->owner, &table));
    QR_TRY(quire_table_get(table, rowid, &record, &size, &found, reader->err));
    if (found) {
        quire_value value;
        QR_TRY(quire_record_column(record, size, reference->column, &value, reader->err));
        *target = value.type == QUIRE_INT ? value.as.integer : 0;
    }
    return QUIRE_OK;
}

/* A row that the caller does not see is none: *target becomes 0. */
static quire_status hide(const struct nest *nest, int64_t *target)
{
    bool found = *target != 0;
    QR_TRY(qr_auth_see(nest->store->reader, nest->field->target, *target, &found));
    *target = found ? *target : 0;
    return QUIRE_OK;
}

static quire_status is_attached(const struct nest *nest, int64_t target, bool *attached)
{
    int64_t other;
    if (nest->field->role == QR_MODEL_LINKS) {
        return qr_store_linked(nest->store, nest->field, nest->rowid, target, &other, attached);
    }
    QR_TRY(read_reference(nest->store, nest->field->inverse, target, &other));
    *attached = other == nest->rowid;
    return QUIRE_OK;
}

/* The row that a key names, if it is attached. */
static quire_status find_attached(const struct nest *nest, const struct qr_gql_value *key,
                                  int64_t *target, bool *attached)
{
    QR_TRY(qr_row_find(nest->store, nest->field->target, key, target, attached));
    return *attached ? is_attached(nest, *target, attached) : QUIRE_OK;
}

static quire_status create(const struct nest *nest, const struct qr_gql_value *input)
{
    struct qr_row_parent parent = {nest->field->inverse, nest->rowid};
    bool links = nest->field->role == QR_MODEL_LINKS;
    int64_t target;

    if (parent.reference != NULL) { /* its side of the relation is given to it */
        QR_TRY(qr_auth_check_field(nest->store->reader->auth, parent.reference, QR_AUTH_CREATE,
                                   nest->store->reader->err));
    }
    QR_TRY(qr_row_create(nest->store, nest->field->target, input, links ? NULL : &parent, &target));
    return links ? qr_store_link(nest->store, nest->field, nest->rowid, target) : QUIRE_OK;
}

/* Deletes a row at the other end. */
static quire_status delete_other(const struct nest *nest, int64_t target)
{
    const struct qr_model_type *type = nest->field->target;
    QR_TRY(qr_auth_take(nest->store, type, target, QR_AUTH_DELETE));
    return qr_store_delete(nest->store, type, &target, 1);
}

/* ---- verbs of lists, one element each ---- */

static quire_status connect(const struct nest *nest, const struct qr_gql_value *key)
{
    bool attached;
    int64_t target;
    QR_TRY(qr_row_get(nest->store, nest->field, key, &target));
    QR_TRY(is_attached(nest, target, &attached));
    if (attached && qr_auth_can_read(nest->store->reader->auth, nest->field)) {
        return QUIRE_OK; /* else that nobody needs a right for it would tell */
    }
    return attach(nest, target);
}

static quire_status connect_or_create(const struct nest *nest, const struct qr_gql_value *value)
{
    int64_t target;
    bool found;
    QR_TRY(qr_row_find(nest->store, nest->field->target, get(value, "where"), &target, &found));
    return found ? connect(nest, get(value, "where")) : create(nest, get(value, "create"));
}

static quire_status disconnect(const struct nest *nest, const struct qr_gql_value *key)
{
    int64_t target;
    bool attached;
    QR_TRY(find_attached(nest, key, &target, &attached));
    return attached ? detach(nest, target) : QUIRE_OK;
}

static quire_status delete_one(const struct nest *nest, const struct qr_gql_value *key)
{
    int64_t target;
    bool attached;
    QR_TRY(find_attached(nest, key, &target, &attached));
    return attached ? delete_other(nest, target) : not_connected(nest);
}

static quire_status update(const struct nest *nest, const struct qr_gql_value *value)
{
    int64_t target;
    bool attached;
    QR_TRY(find_attached(nest, get(value, "where"), &target, &attached));
    return attached ? qr_row_update(nest->store, nest->field->target, target, value, "input")
                    : not_connected(nest);
}

static quire_status upsert(const struct nest *nest, const struct qr_gql_value *value)
{
    int64_t target;
    bool attached;
    QR_TRY(find_attached(nest, get(value, "where"), &target, &attached));
    return attached ? qr_row_update(nest->store, nest->field->target, target, value, "update")
                    : create(nest, get(value, "create"));
}

static quire_status update_many(const struct nest *nest, const struct qr_gql_value *value)
{
    return qr_nested_update_many(nest->store, nest->field, nest->rowid, value);
}

static quire_status delete_many(const struct nest *nest, const struct qr_gql_value *value)
{
    return qr_nested_delete_many(nest->store, nest->field, nest->rowid, value);
}

/* ---- `set` ---- */

struct rowid_set {
    int64_t *rowids; /* ascending once it is complete */
    size_t count;
};

static int compare_rowids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool has(const struct rowid_set *set, int64_t rowid)
{
    return set->count > 0 &&
           bsearch(&rowid, set->rowids, set->count, sizeof *set->rowids, compare_rowids) != NULL;
}

/* Lets go of the rows whose reference points here and that are not in the set. */
static quire_status detach_outside(const struct nest *nest, const struct rowid_set *set)
{
    struct qr_reader *reader = nest->store->reader;
    quire_value self = quire_int(nest->rowid);
    quire_index_range range = {.prefix = &self, .prefix_count = 1};
    quire_index_cursor *cursor;
    quire_table *table;
    quire_status status = QUIRE_OK;
    bool valid = true;

    QR_TRY(qr_reader_table(reader, nest->field->target, &table));
    int index = qr_reader_single_index(table, nest->field->inverse, false);
    if (index < 0) {
        return qr_fail(reader->err, QUIRE_SCHEMA, "The table %s has no index on %s.",
                       nest->field->target->table, nest->field->inverse->column_name);
    }
    QR_TRY(quire_index_cursor_open(table, (uint32_t)index, &range, &cursor, reader->err));
    while (status == QUIRE_OK && valid) {
        int64_t rowid;
        status = quire_index_cursor_next(cursor, &rowid, &valid, reader->err);
        bool seen = status == QUIRE_OK && valid && !has(set, rowid);
        if (seen) {
            status = qr_auth_see(reader, nest->field->target, rowid, &seen);
        }
        if (status == QUIRE_OK && seen) {
            status = detach(nest, rowid);
        }
    }
    quire_index_cursor_close(cursor);
    return status;
}

/* Notes the rows that are linked, which must not change while they are walked over. */
static quire_status list_links(const struct nest *nest, struct rowid_set *set)
{
    struct qr_reader *reader = nest->store->reader;
    struct qr_link_walk walk;
    size_t capacity = 0;
    bool valid = true;

    quire_status status = qr_link_walk_open(reader, nest->field, false, &walk);
    status = status == QUIRE_OK ? qr_link_walk_start(&walk, nest->rowid) : status;
    while (status == QUIRE_OK) {
        int64_t link;
        int64_t target;
        status = qr_link_walk_next(&walk, &link, &target, &valid);
        if (status != QUIRE_OK || !valid) {
            break;
        }
        status = qr_reader_step(reader);
        if (set->count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            int64_t *grown = qr_arena_alloc(reader->arena, sizeof *grown * capacity, reader->err);
            if (grown == NULL) {
                status = QUIRE_NO_MEMORY;
                break;
            }
            if (set->count > 0) {
                memcpy(grown, set->rowids, sizeof *grown * set->count);
            }
            set->rowids = grown;
        }
        set->rowids[set->count++] = target;
    }
    qr_link_walk_close(&walk);
    return status;
}

quire_status qr_nested_clear(struct qr_store *store, const struct qr_model_field *field,
                             int64_t rowid)
{
    const struct nest nest = {store, field, rowid};
    struct rowid_set set = {.count = 0};
    if (store->reader->auth == NULL) {
        return qr_store_unlink_all(store, field, rowid);
    }
    QR_TRY(list_links(&nest, &set));
    for (size_t i = 0; i < set.count; i++) {
        QR_TRY(hide(&nest, &set.rowids[i]));
        QR_TRY(set.rowids[i] == 0 ? QUIRE_OK : detach(&nest, set.rowids[i]));
    }
    return QUIRE_OK;
}

quire_status qr_nested_attach(struct qr_store *store, const struct qr_model_field *field,
                              int64_t rowid, int64_t target)
{
    const struct nest nest = {store, field, rowid};
    return attach(&nest, target);
}

/* Attaches the rows that the keys name, and detaches all others. */
static quire_status set_rows(const struct nest *nest, const struct qr_gql_value *keys)
{
    const struct qr_gql_path *place = nest->store->place;
    struct qr_reader *reader = nest->store->reader;
    struct rowid_set set = {.count = keys->count};

    set.rowids = qr_arena_alloc(reader->arena, sizeof *set.rowids * (set.count + 1), reader->err);
    if (set.rowids == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < set.count; i++) {
        QR_TRY(qr_store_enter(nest->store, (struct qr_gql_str){NULL, 0}, i));
        QR_TRY(qr_row_get(nest->store, nest->field, &keys->items[i], &set.rowids[i]));
        nest->store->place = place;
    }
    if (nest->field->role == QR_MODEL_LINKS) {
        QR_TRY(qr_nested_clear(nest->store, nest->field, nest->rowid));
        for (size_t i = 0; i < set.count; i++) {
            QR_TRY(attach(nest, set.rowids[i]));
        }
        return QUIRE_OK;
    }
    qsort(set.rowids, set.count, sizeof *set.rowids, compare_rowids);
    QR_TRY(detach_outside(nest, &set));
    for (size_t i = 0; i < set.count; i++) {
        bool attached;
        QR_TRY(is_attached(nest, set.rowids[i], &attached));
        QR_TRY(attached ? QUIRE_OK : attach(nest, set.rowids[i]));
    }
    return QUIRE_OK;
}

/* ---- lists ---- */

typedef quire_status (*element_verb)(const struct nest *nest, const struct qr_gql_value *value);

/* In the order in which they are done: what leaves, what stays, what comes. */
static const struct {
    const char *name;
    element_verb verb; /* NULL: `set`, which takes the list as a whole */
} list_verbs[] = {
    {"set", NULL},
    {"disconnect", disconnect},
    {"delete", delete_one},
    {"deleteMany", delete_many},
    {"update", update},
    {"updateMany", update_many},
    {"upsert", upsert},
    {"connect", connect},
    {"connectOrCreate", connect_or_create},
    {"create", create},
};

static quire_status write_list(const struct nest *nest, const struct qr_gql_value *nested)
{
    struct qr_store *store = nest->store;
    const struct qr_gql_path *place = store->place;

    for (size_t v = 0; v < sizeof list_verbs / sizeof list_verbs[0]; v++) {
        const struct qr_gql_value *values = get(nested, list_verbs[v].name);
        if (values == NULL) {
            continue;
        }
        QR_TRY(qr_store_enter(store, qr_gql_str_of(list_verbs[v].name), 0));
        if (values->kind == QR_GQL_VALUE_NULL) {
            return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", nest->field,
                                 "\"%s\" of %s.%.*s must not be null.", list_verbs[v].name,
                                 nest->field->owner->table, QR_GQL_FMT(nest->field->name));
        }
        const struct qr_gql_path *list = store->place;
        if (list_verbs[v].verb == NULL) {
            QR_TRY(set_rows(nest, values));
        }
        for (uint32_t i = 0; i < values->count && list_verbs[v].verb != NULL; i++) {
            QR_TRY(qr_store_enter(store, (struct qr_gql_str){NULL, 0}, i));
            QR_TRY(list_verbs[v].verb(nest, &values->items[i]));
            store->place = list;
        }
        store->place = place;
    }
    return QUIRE_OK;
}

/* ---- single relations ---- */

static bool is_true(const struct qr_gql_value *value)
{
    return value->kind == QR_GQL_VALUE_BOOL && value->boolean;
}

/* The only verb of a nested write of a single relation. */
static quire_status enter_verb(struct qr_store *store, const struct qr_gql_value *nested,
                               struct qr_gql_str *verb, const struct qr_gql_value **value)
{
    *verb = nested->members[0].name;
    *value = &nested->members[0].value;
    return qr_store_enter(store, *verb, 0);
}

/* `update` and `upsert` of the row at the other end, which is there. */
static quire_status update_target(const struct nest *nest, int64_t target, struct qr_gql_str verb,
                                  const struct qr_gql_value *value)
{
    return qr_row_update(nest->store, nest->field->target, target, value,
                         qr_gql_str_is(verb, "upsert") ? "update" : "input");
}

/* Whether the verb needs a row at the other end. */
static bool needs_target(struct qr_gql_str verb, const struct qr_gql_value *value)
{
    return qr_gql_str_is(verb, "update") || (qr_gql_str_is(verb, "delete") && is_true(value));
}

/* The row that `connect` or `connectOrCreate` names; 0 where one is to be created. */
static quire_status find_named(const struct nest *nest, struct qr_gql_str verb,
                               const struct qr_gql_value *value, int64_t *target)
{
    bool found;
    *target = 0;
    if (qr_gql_str_is(verb, "connect")) {
        return qr_row_get(nest->store, nest->field, value, target);
    }
    if (!qr_gql_str_is(verb, "connectOrCreate")) {
        return QUIRE_OK;
    }
    QR_TRY(qr_row_find(nest->store, nest->field->target, get(value, "where"), target, &found));
    *target = found ? *target : 0;
    return QUIRE_OK;
}

/* The input of the row that a verb creates. */
static const struct qr_gql_value *new_row(struct qr_gql_str verb, const struct qr_gql_value *value)
{
    return qr_gql_str_is(verb, "create") ? value : get(value, "create");
}

static quire_status write_reference(const struct nest *nest, struct qr_gql_str verb,
                                    const struct qr_gql_value *value, int64_t *target, bool *set)
{
    struct qr_store *store = nest->store;
    int64_t current = 0;

    if (nest->rowid != 0) {
        QR_TRY(read_reference(store, nest->field, nest->rowid, &current));
        QR_TRY(hide(nest, &current));
    }
    if (current == 0 && needs_target(verb, value)) {
        return not_connected(nest);
    }
    if (qr_gql_str_is(verb, "delete")) {
        if (!is_true(value)) {
            return QUIRE_OK;
        }
        QR_TRY(qr_store_refer(store, nest->field, nest->rowid, 0));
        return delete_other(nest, current);
    }
    if (qr_gql_str_is(verb, "disconnect")) {
        *set = is_true(value);
        return QUIRE_OK;
    }
    if (current != 0 && (qr_gql_str_is(verb, "update") || qr_gql_str_is(verb, "upsert"))) {
        return update_target(nest, current, verb, value);
    }
    *set = true;
    QR_TRY(find_named(nest, verb, value, target));
    return *target != 0
               ? QUIRE_OK
               : qr_row_create(store, nest->field->target, new_row(verb, value), NULL, target);
}

quire_status qr_nested_reference(struct qr_store *store, const struct qr_model_field *field,
                                 int64_t rowid, const struct qr_gql_value *nested, int64_t *target,
                                 bool *set)
{
    const struct nest nest = {store, field, rowid};
    const struct qr_gql_value *value;
    struct qr_gql_str verb;

    *target = 0;
    *set = false;
    QR_TRY(enter_verb(store, nested, &verb, &value));
    return write_reference(&nest, verb, value, target, set);
}

/* The row whose unique reference points here; 0 for none. */
static quire_status find_single(const struct nest *nest, int64_t *target)
{
    struct qr_reader *reader = nest->store->reader;
    quire_value self = quire_int(nest->rowid);
    bool found;
    QR_TRY(qr_reader_find(reader, nest->field->inverse, &self, target, &found));
    *target = found ? *target : 0;
    return hide(nest, target);
}

/* Lets the reference of another row point here, and that of the row `current` no more. */
static quire_status replace_single(const struct nest *nest, int64_t current, struct qr_gql_str verb,
                                   const struct qr_gql_value *value)
{
    int64_t target;
    QR_TRY(find_named(nest, verb, value, &target));
    if (target != 0 && target == current) {
        return QUIRE_OK;
    }
    if (current != 0) {
        QR_TRY(detach(nest, current));
    }
    return target != 0 ? attach(nest, target) : create(nest, new_row(verb, value));
}

static quire_status write_single(const struct nest *nest, const struct qr_gql_value *nested)
{
    const struct qr_gql_value *value;
    struct qr_gql_str verb;
    int64_t current;

    QR_TRY(enter_verb(nest->store, nested, &verb, &value));
    QR_TRY(find_single(nest, &current));
    if (current == 0 && needs_target(verb, value)) {
        return not_connected(nest);
    }
    if (qr_gql_str_is(verb, "delete")) {
        return is_true(value) ? delete_other(nest, current) : QUIRE_OK;
    }
    if (qr_gql_str_is(verb, "disconnect")) {
        return is_true(value) && current != 0 ? detach(nest, current) : QUIRE_OK;
    }
    if (current != 0 && (qr_gql_str_is(verb, "update") || qr_gql_str_is(verb, "upsert"))) {
        return update_target(nest, current, verb, value);
    }
    return replace_single(nest, current, verb, value);
}

quire_status qr_nested_others(struct qr_store *store, const struct qr_model_field *field,
                              int64_t rowid, const struct qr_gql_value *nested)
{
    const struct nest nest = {store, field, rowid};
    return field->role == QR_MODEL_REVERSE_ONE ? write_single(&nest, nested)
                                               : write_list(&nest, nested);
}
