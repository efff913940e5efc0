/*
 * One JSON value as an array of nodes in the order of the text: see load.h.
 * While a list or object is open, its `span` holds the index of the one around
 * it, which makes a stack without further memory.
 */
#include "graphql/load.h"

#include <stdarg.h>
#include <stdio.h>

/* Keys of objects up to this many members are compared pair by pair. */
#define PAIRWISE_MAX 16

quire_status qr_load_fail(quire_error *err, quire_status status, struct qr_load_place place,
                          const char *format, ...)
{
    char text[512]; /* longer than any message, which is then cut between characters */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return qr_fail_text(err, status, NULL, place.line, place.column, "%s", text);
}

const char *qr_load_kind_name(const struct qr_load_node *node)
{
    switch (node->kind) {
    case QR_GQL_VALUE_NULL:
        return "null";
    case QR_GQL_VALUE_BOOL:
        return "a boolean";
    case QR_GQL_VALUE_INT:
    case QR_GQL_VALUE_FLOAT:
        return "a number";
    case QR_GQL_VALUE_STRING:
    case QR_GQL_VALUE_ENUM:
        return "a string";
    case QR_GQL_VALUE_LIST:
        return "a list";
    case QR_GQL_VALUE_OBJECT:
        break;
    }
    return "an object";
}

/* ---- building ---- */

void qr_load_tape_init(struct qr_load_tape *tape, const quire_allocator *allocator,
                       struct qr_arena *arena)
{
    *tape = (struct qr_load_tape){.allocator = allocator, .arena = arena};
}

void qr_load_tape_reset(struct qr_load_tape *tape)
{
    tape->count = 0;
    tape->open = 0;
    tape->name = (struct qr_gql_str){NULL, 0};
}

void qr_load_tape_free(struct qr_load_tape *tape)
{
    qr_free(tape->allocator, tape->nodes, tape->capacity * sizeof *tape->nodes);
    qr_load_tape_init(tape, tape->allocator, tape->arena);
}

bool qr_load_tape_done(const struct qr_load_tape *tape)
{
    return tape->count > 0 && tape->open == 0;
}

static quire_status push(struct qr_load_tape *tape, const struct qr_load_node *node,
                         quire_error *err)
{
    if (tape->count >= UINT32_MAX) {
        return qr_load_fail(err, QUIRE_LIMIT, node->place,
                            "This element of the list holds more than %u values.", UINT32_MAX);
    }
    QR_TRY(qr_grow(tape->allocator, &tape->nodes, &tape->capacity, tape->count + 1,
                   sizeof *tape->nodes, err));
    if (tape->open > 0) {
        tape->nodes[tape->open - 1].count++;
    }
    struct qr_load_node *added = &tape->nodes[tape->count++];
    *added = *node;
    added->name = tape->name;
    added->name_place = tape->name_place;
    tape->name = (struct qr_gql_str){NULL, 0};
    return QUIRE_OK;
}

static quire_status named_twice(const struct qr_load_node *member, quire_error *err)
{
    return qr_load_fail(err, QUIRE_DATA, member->name_place, "The object names \"%.*s\" twice.",
                        QR_LOAD_SHOWN(member->name));
}

static quire_status check_names(struct qr_load_tape *tape, const struct qr_load_node *object,
                                quire_error *err)
{
    const struct qr_load_node *member = qr_load_first(object);
    struct qr_gql_name_table table = {0};
    for (uint32_t i = 0; i < object->count; i++, member = qr_load_next(member)) {
        void *previous = NULL;
        if (object->count > PAIRWISE_MAX) {
            QR_TRY(qr_gql_name_table_add(&table, tape->arena, member->name, tape, &previous, err));
        } else {
            const struct qr_load_node *other = qr_load_first(object);
            for (; other != member && previous == NULL; other = qr_load_next(other)) {
                previous = qr_gql_str_equal(other->name, member->name) ? tape : NULL;
            }
        }
        if (previous != NULL) {
            return named_twice(member, err);
        }
    }
    return QUIRE_OK;
}

static quire_status open_container(struct qr_load_tape *tape, struct qr_load_node *node,
                                   quire_error *err)
{
    node->span = (uint32_t)tape->open;
    QR_TRY(push(tape, node, err));
    tape->open = tape->count;
    return QUIRE_OK;
}

static quire_status close_container(struct qr_load_tape *tape, quire_error *err)
{
    struct qr_load_node *node = &tape->nodes[tape->open - 1];
    size_t around = node->span;
    node->span = (uint32_t)(tape->count - (tape->open - 1));
    tape->open = around;
    return node->kind == QR_GQL_VALUE_OBJECT ? check_names(tape, node, err) : QUIRE_OK;
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

quire_status qr_load_tape_event(struct qr_load_tape *tape, enum qr_json_event event,
                                struct qr_gql_str text, struct qr_load_place place,
                                quire_error *err)
{
    struct qr_load_node node = {
        .kind = QR_GQL_VALUE_NULL, .span = 1, .place = place, .cell = tape->cells};
    if (text.data != NULL) {
        node.text.data = qr_arena_copy(tape->arena, text.data, text.size, err);
        node.text.size = text.size;
        if (node.text.data == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    switch (event) {
    case QR_JSON_KEY:
        tape->name = node.text;
        tape->name_place = place;
        return QUIRE_OK;
    case QR_JSON_ARRAY_BEGIN:
        node.kind = QR_GQL_VALUE_LIST;
        return open_container(tape, &node, err);
    case QR_JSON_OBJECT_BEGIN:
        node.kind = QR_GQL_VALUE_OBJECT;
        return open_container(tape, &node, err);
    case QR_JSON_ARRAY_END:
    case QR_JSON_OBJECT_END:
        return close_container(tape, err);
    case QR_JSON_NUMBER:
        node.kind = is_float(node.text) ? QR_GQL_VALUE_FLOAT : QR_GQL_VALUE_INT;
        break;
    case QR_JSON_STRING:
        node.kind = QR_GQL_VALUE_STRING;
        break;
    case QR_JSON_TRUE:
    case QR_JSON_FALSE:
        node.kind = QR_GQL_VALUE_BOOL;
        node.boolean = event == QR_JSON_TRUE;
        break;
    case QR_JSON_NULL:
        break;
    }
    return push(tape, &node, err);
}

/* ---- using ---- */

const struct qr_load_node *qr_load_member(const struct qr_load_node *object, struct qr_gql_str name)
{
    const struct qr_load_node *member = qr_load_first(object);
    for (uint32_t i = 0; i < object->count; i++, member = qr_load_next(member)) {
        if (qr_gql_str_equal(member->name, name)) {
            return member;
        }
    }
    return NULL;
}

/* Recursion is bounded by the depth that the JSON reader allows. */
static quire_status container_to_value(const struct qr_load_node *node, struct qr_arena *arena,
                                       struct qr_gql_value *out, quire_error *err)
{
    const struct qr_load_node *child = qr_load_first(node);
    bool is_object = node->kind == QR_GQL_VALUE_OBJECT;
    size_t bytes = is_object ? sizeof *out->members : sizeof *out->items;
    void *array = qr_arena_alloc(arena, bytes * ((size_t)node->count + 1), err);
    if (array == NULL) {
        return QUIRE_NO_MEMORY;
    }
    out->count = node->count;
    if (is_object) {
        out->members = array;
    } else {
        out->items = array;
    }
    for (uint32_t i = 0; i < node->count; i++, child = qr_load_next(child)) {
        struct qr_gql_value *to = is_object ? &out->members[i].value : &out->items[i];
        if (is_object) {
            out->members[i].name = child->name;
        }
        QR_TRY(qr_load_to_value(child, arena, to, err));
    }
    return QUIRE_OK;
}

quire_status qr_load_to_value(const struct qr_load_node *node, struct qr_arena *arena,
                              struct qr_gql_value *out, quire_error *err)
{
    if (node->kind == QR_GQL_VALUE_INT || node->kind == QR_GQL_VALUE_FLOAT) {
        *out = qr_gql_value_number(node->text, node->kind == QR_GQL_VALUE_FLOAT);
        return QUIRE_OK;
    }
    *out = (struct qr_gql_value){.kind = node->kind, .boolean = node->boolean, .text = node->text};
    if (node->kind == QR_GQL_VALUE_LIST || node->kind == QR_GQL_VALUE_OBJECT) {
        return container_to_value(node, arena, out, err);
    }
    return QUIRE_OK;
}

/* ---- whole texts ---- */

struct whole {
    struct qr_load_tape *tape;
    struct qr_json_reader *reader;
};

static quire_status on_event(void *context, enum qr_json_event event, const char *text, size_t size,
                             quire_error *err)
{
    struct whole *whole = context;
    struct qr_load_place place;
    qr_json_reader_position(whole->reader, &place.line, &place.column);
    return qr_load_tape_event(whole->tape, event, (struct qr_gql_str){text, size}, place, err);
}

quire_status qr_load_read(struct qr_load_tape *tape, struct qr_gql_str text, quire_error *err)
{
    struct whole whole = {.tape = tape};
    quire_status status =
        qr_json_reader_create(tape->allocator, NULL, on_event, &whole, &whole.reader, err);
    if (status == QUIRE_OK) {
        status = qr_json_reader_feed(whole.reader, text.data, text.size, err);
    }
    if (status == QUIRE_OK) {
        status = qr_json_reader_finish(whole.reader, err);
    }
    qr_json_reader_destroy(whole.reader);
    return status;
}
