/*
 * Whole JSON texts as values in an arena. Containers under construction keep
 * their elements on one growing stack, and each where the one around it stands;
 * when a container ends its elements move to the arena as one array. Keys of
 * large objects are sorted to find one named twice, by a heap sort whose cost no
 * choice of keys can raise.
 */
#include "graphql/json_read.h"

#include <string.h>

/* Keys of objects up to this many members are compared pair by pair. */
#define PAIRWISE_MAX 8
/* Up to this many are sorted without memory of their own. */
#define SMALL_MAX 128

struct builder {
    struct qr_arena *arena;
    struct qr_gql_value_member *stack; /* elements of the open containers; names in objects only */
    size_t count, capacity;
    size_t open;           /* behind the innermost open container in the stack; 0: none is open */
    struct qr_gql_str key; /* of the next value */
};

static bool key_less(const struct qr_gql_value_member *members, uint32_t a, uint32_t b)
{
    return qr_gql_str_compare(members[a].name, members[b].name) < 0;
}

static void sift_down(const struct qr_gql_value_member *members, uint32_t *order, size_t root,
                      size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && key_less(members, order[child], order[child + 1])) {
            child++;
        }
        if (!key_less(members, order[root], order[child])) {
            return;
        }
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
    }
}

static void sort_keys(const struct qr_gql_value_member *members, uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
    }
    for (size_t root = count / 2; root-- > 0;) {
        sift_down(members, order, root, count);
    }
    for (size_t end = count; end-- > 1;) {
        uint32_t swap = order[0];
        order[0] = order[end];
        order[end] = swap;
        sift_down(members, order, 0, end);
    }
}

static quire_status refuse_double_key(struct qr_gql_str key, quire_error *err)
{
    int shown = key.size > 80 ? 80 : (int)key.size;
    return qr_fail(err, QUIRE_DATA, "an object names the key \"%.*s\" twice", shown, key.data);
}

static quire_status check_keys(const quire_allocator *allocator, const struct qr_gql_value *object,
                               quire_error *err)
{
    const struct qr_gql_value_member *members = object->members;
    if (object->count <= PAIRWISE_MAX) {
        for (size_t i = 1; i < object->count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (qr_gql_str_equal(members[i].name, members[j].name)) {
                    return refuse_double_key(members[i].name, err);
                }
            }
        }
        return QUIRE_OK;
    }
    size_t bytes = object->count * sizeof(uint32_t);
    uint32_t small[SMALL_MAX];
    bool is_small = object->count <= SMALL_MAX;
    uint32_t *order = is_small ? small : qr_alloc(allocator, bytes, err);
    if (!order) {
        return QUIRE_NO_MEMORY;
    }
    sort_keys(members, order, object->count);
    quire_status status = QUIRE_OK;
    for (size_t i = 1; i < object->count && status == QUIRE_OK; i++) {
        if (!key_less(members, order[i - 1], order[i])) {
            status = refuse_double_key(members[order[i]].name, err);
        }
    }
    if (!is_small) {
        qr_free(allocator, order, bytes);
    }
    return status;
}

static quire_status push(struct builder *builder, const struct qr_gql_value *value,
                         quire_error *err)
{
    QR_TRY(qr_grow(builder->arena->allocator, &builder->stack, &builder->capacity,
                   builder->count + 1, sizeof *builder->stack, err));
    builder->stack[builder->count++] = (struct qr_gql_value_member){builder->key, *value};
    builder->key = (struct qr_gql_str){NULL, 0};
    return QUIRE_OK;
}

static quire_status open_container(struct builder *builder, enum qr_gql_value_kind kind,
                                   quire_error *err)
{
    struct qr_gql_value value = {.kind = kind, .integer = (int64_t)builder->open};
    QR_TRY(push(builder, &value, err));
    builder->open = builder->count;
    return QUIRE_OK;
}

static quire_status close_container(struct builder *builder, quire_error *err)
{
    size_t at = builder->open - 1;
    struct qr_gql_value *value = &builder->stack[at].value;
    builder->open = (size_t)value->integer;
    value->integer = 0;
    const struct qr_gql_value_member *from = &builder->stack[at + 1];
    size_t count = builder->count - at - 1;
    if (count > UINT32_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "an array or object has more than %u elements",
                       UINT32_MAX);
    }
    value->count = (uint32_t)count;
    builder->count = at + 1;
    if (value->kind == QR_GQL_VALUE_OBJECT) {
        value->members = qr_arena_alloc(builder->arena, count * sizeof *from, err);
        if (!value->members) {
            return err->status;
        }
        if (count > 0) {
            memcpy(value->members, from, count * sizeof *from);
        }
        return check_keys(builder->arena->allocator, value, err);
    }
    value->items = qr_arena_alloc(builder->arena, count * sizeof *value->items, err);
    if (!value->items) {
        return err->status;
    }
    for (size_t i = 0; i < count; i++) {
        value->items[i] = from[i].value;
    }
    return QUIRE_OK;
}

static bool is_float(struct qr_gql_str digits)
{
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] == '.' || (digits.data[i] | 0x20) == 'e') {
            return true;
        }
    }
    return false;
}

static quire_status on_event(void *context, enum qr_json_event event, const char *text, size_t size,
                             quire_error *err)
{
    struct builder *builder = context;
    struct qr_gql_value value = {.kind = QR_GQL_VALUE_NULL};
    struct qr_gql_str copy = {"", 0};
    if (text) {
        copy = (struct qr_gql_str){qr_arena_copy(builder->arena, text, size, err), size};
        if (!copy.data) {
            return err->status;
        }
    }
    switch (event) {
    case QR_JSON_KEY:
        builder->key = copy;
        return QUIRE_OK;
    case QR_JSON_ARRAY_BEGIN:
        return open_container(builder, QR_GQL_VALUE_LIST, err);
    case QR_JSON_OBJECT_BEGIN:
        return open_container(builder, QR_GQL_VALUE_OBJECT, err);
    case QR_JSON_ARRAY_END:
    case QR_JSON_OBJECT_END:
        return close_container(builder, err);
    case QR_JSON_NUMBER:
        value = qr_gql_value_number(copy, is_float(copy));
        break;
    case QR_JSON_STRING:
        value.kind = QR_GQL_VALUE_STRING;
        value.text = copy;
        break;
    case QR_JSON_TRUE:
    case QR_JSON_FALSE:
        value.kind = QR_GQL_VALUE_BOOL;
        value.boolean = event == QR_JSON_TRUE;
        break;
    case QR_JSON_NULL:
        break;
    }
    return push(builder, &value, err);
}

quire_status qr_json_read(struct qr_arena *arena, const void *bytes, size_t size,
                          uint32_t depth_max, struct qr_gql_value *out, quire_error *err)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
    quire_error local;
    quire_error *detail = qr_error_or(err, &local);
    struct builder builder = {.arena = arena};
    struct qr_json_options options = {.depth_max = depth_max};
    struct qr_json_reader *reader = NULL;
    quire_status status =
        qr_json_reader_create(arena->allocator, &options, on_event, &builder, &reader, detail);
    if (status == QUIRE_OK) {
        status = qr_json_reader_whole(reader, bytes, size, detail);
    }
    if (status == QUIRE_OK) {
        *out = builder.stack[0].value;
    }
    qr_json_reader_destroy(reader);
    qr_free(arena->allocator, builder.stack, builder.capacity * sizeof *builder.stack);
    return status;
}
