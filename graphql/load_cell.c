/*
 * Cells of CSV as values. A cell is text, and its field says what that stands
 * for: itself, a number, a boolean, or JSON where the field holds a list or a
 * scalar of any form.
 */
#include "graphql/load.h"

/* How a cell of a field is read. */
enum reading { AS_TEXT, AS_NUMBER, AS_BOOLEAN, AS_JSON };

static enum reading reading_of(const struct qr_model_field *field)
{
    if (field->role == QR_MODEL_LINKS || (field->role == QR_MODEL_COLUMN && field->list)) {
        return AS_JSON;
    }
    if (field->role == QR_MODEL_REFERENCE) {
        field = field->target->key;
    }
    switch (field->scalar) {
    case QR_MODEL_INT:
    case QR_MODEL_BIGINT:
    case QR_MODEL_DECIMAL:
    case QR_MODEL_FLOAT:
        return AS_NUMBER;
    case QR_MODEL_BOOLEAN:
        return AS_BOOLEAN;
    case QR_MODEL_CUSTOM:
    case QR_MODEL_JSON:
        return AS_JSON;
    case QR_MODEL_ID:
    case QR_MODEL_STRING:
    case QR_MODEL_ENUM:
    case QR_MODEL_DATETIME:
    case QR_MODEL_DATE:
    case QR_MODEL_TIME:
    case QR_MODEL_DURATION:
    case QR_MODEL_UUID:
    case QR_MODEL_BYTES:
        break;
    }
    return AS_TEXT;
}

bool qr_load_cell_is_json(const struct qr_model_field *field)
{
    return reading_of(field) == AS_JSON;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct qr_gql_str text, size_t at)
{
    size_t from = at;
    while (at < text.size && is_digit(text.data[at])) {
        at++;
    }
    return at - from;
}

/* Whether the text is a number of JSON; *real whether it has a fraction or an exponent. */
static bool is_number(struct qr_gql_str text, bool *real)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = digits(text, at);
    *real = false;
    if (whole == 0 || (whole > 1 && text.data[at] == '0')) {
        return false;
    }
    at += whole;
    if (at < text.size && text.data[at] == '.') {
        size_t fraction = digits(text, at + 1);
        if (fraction == 0) {
            return false;
        }
        at += fraction + 1;
        *real = true;
    }
    if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        at += at < text.size && (text.data[at] == '-' || text.data[at] == '+');
        size_t exponent = digits(text, at);
        if (exponent == 0) {
            return false;
        }
        at += exponent;
        *real = true;
    }
    return at == text.size;
}

static quire_status fail(const struct qr_model_field *field, const struct qr_load_node *cell,
                         const char *what, quire_error *err)
{
    return qr_load_fail(err, QUIRE_DATA, cell->place, "%s.%.*s: \"%.*s\" is not %s.",
                        field->owner->table, QR_GQL_FMT(field->name), QR_LOAD_SHOWN(cell->text),
                        what);
}

/* The nodes of JSON in a cell, all at the cell's place. */
static quire_status read_json(const struct qr_model_field *field, const struct qr_load_node *cell,
                              struct qr_arena *arena, struct qr_load_node **out, quire_error *err)
{
    struct qr_load_tape tape;
    quire_error inner = QUIRE_ERROR_INIT;
    qr_load_tape_init(&tape, arena->allocator, arena);
    quire_status status = qr_load_read(&tape, cell->text, &inner);
    if (status == QUIRE_OK) {
        *out = qr_arena_alloc(arena, sizeof **out * tape.count, &inner);
        status = *out == NULL ? qr_gql_memory_status(&inner) : QUIRE_OK;
    }
    if (status == QUIRE_OK) {
        memcpy(*out, tape.nodes, sizeof **out * tape.count);
        for (size_t i = 0; i < tape.count; i++) {
            (*out)[i].place = cell->place;
            (*out)[i].name_place = cell->place;
        }
    } else if (status == QUIRE_SYNTAX || status == QUIRE_DATA) {
        (void)qr_load_fail(err, status, cell->place, "%s.%.*s holds JSON: %s", field->owner->table,
                           QR_GQL_FMT(field->name), inner.message);
    } else {
        *err = inner;
    }
    qr_load_tape_free(&tape);
    return status;
}

quire_status qr_load_cell(const struct qr_model_field *field, const struct qr_load_node *node,
                          struct qr_arena *arena, const struct qr_load_node **out, quire_error *err)
{
    bool real = false;

    *out = node;
    if (!node->cell || node->kind != QR_GQL_VALUE_STRING) {
        return QUIRE_OK;
    }
    enum reading reading = reading_of(field);
    if (reading == AS_TEXT) {
        return QUIRE_OK;
    }
    struct qr_load_node *made;
    if (reading == AS_JSON) {
        QR_TRY(read_json(field, node, arena, &made, err));
    } else {
        made = qr_arena_alloc(arena, sizeof *made, err);
        if (made == NULL) {
            return QUIRE_NO_MEMORY;
        }
        *made = *node;
        made->cell = false;
    }
    made->name = node->name;
    made->name_place = node->name_place;
    *out = made;
    if (reading == AS_NUMBER) {
        made->kind = is_number(node->text, &real) && !real ? QR_GQL_VALUE_INT : QR_GQL_VALUE_FLOAT;
        return real || made->kind == QR_GQL_VALUE_INT ? QUIRE_OK
                                                      : fail(field, node, "a number", err);
    }
    if (reading == AS_BOOLEAN) {
        made->kind = QR_GQL_VALUE_BOOL;
        made->boolean = qr_gql_str_is(node->text, "true");
        return made->boolean || qr_gql_str_is(node->text, "false")
                   ? QUIRE_OK
                   : fail(field, node, "true or false", err);
    }
    return QUIRE_OK;
}
