/*
 * Orders and cursors: see order.h.
 *
 * A sort key is the ordered encoding of the terms' values and then of the
 * place, each complemented where it descends, so that memcmp orders rows. A
 * cursor is the base64url text of the order's fingerprint and the key.
 */
#include "graphql/order.h"

#include "base/hash.h"
#include "graphql/auth.h"
#include "graphql/filter.h"

#define FINGERPRINT_SIZE 4u

/* ---- compiling ---- */

void qr_order_read_direction(struct qr_gql_str name, struct qr_order_term *term)
{
    if (qr_gql_str_is(name, "desc") || (name.size >= 4 && memcmp(name.data, "DESC", 4) == 0)) {
        term->descending = true;
    }
    if (name.size > 6 && memcmp(name.data + name.size - 6, "_FIRST", 6) == 0) {
        term->nulls = QR_ORDER_NULLS_FIRST;
    } else if (name.size > 5 && memcmp(name.data + name.size - 5, "_LAST", 5) == 0) {
        term->nulls = QR_ORDER_NULLS_LAST;
    }
}

quire_status qr_order_add_step(struct qr_reader *reader, struct qr_order_term *term,
                               const struct qr_model_field *field)
{
    struct qr_order_step *steps =
        qr_arena_alloc(reader->arena, sizeof *steps * (term->step_count + 1), reader->err);
    if (steps == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (term->step_count > 0) {
        memcpy(steps, term->steps, sizeof *steps * term->step_count);
    }
    QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
    QR_TRY(qr_auth_filter(reader, field->target, QR_AUTH_READ, &steps[term->step_count].seen));
    steps[term->step_count].field = field;
    QR_TRY(qr_reader_own_table(reader, field->target, &steps[term->step_count].table));
    term->steps = steps;
    term->step_count++;
    return QUIRE_OK;
}

static quire_status not_one_field(struct qr_reader *reader, const struct qr_model_type *type)
{
    return qr_fail(reader->err, QUIRE_QUERY,
                   "Each object of orderBy names exactly one field of %s; give several as a list.",
                   type->table);
}

static bool names_one(const struct qr_gql_value *object)
{
    return object->count == 1 && object->members[0].value.kind != QR_GQL_VALUE_NULL;
}

/* {count: DIRECTION} or {avg: {field: DIRECTION}} of a list relation's rows. */
static quire_status compile_related(struct qr_reader *reader, const struct qr_model_field *relation,
                                    const struct qr_gql_value *object, struct qr_order_term *term)
{
    const struct qr_model_type *type = relation->target;
    struct qr_measures measures = {0};
    struct qr_filter *seen;
    uint32_t number;
    bool found;

    QR_TRY(qr_auth_check_field(reader->auth, relation, QR_AUTH_READ, reader->err));
    QR_TRY(qr_auth_filter(reader, type, QR_AUTH_READ, &seen));
    if (!names_one(object)) {
        return not_one_field(reader, type);
    }
    qr_measure_named(object->members[0].name, &term->measure.kind, &found);
    object = &object->members[0].value;
    if (object->kind == QR_GQL_VALUE_OBJECT) {
        if (!names_one(object)) {
            return not_one_field(reader, type);
        }
        term->measure.field = qr_model_find_field(type, object->members[0].name);
        object = &object->members[0].value;
    }
    term->relation = relation;
    term->field = qr_measure_field(&term->measure);
    qr_order_read_direction(object->text, term);
    QR_TRY(qr_measures_add(reader, &measures, &term->measure, &number));
    return qr_related_open(reader, relation, seen, &measures, &term->related);
}

/* {field: DIRECTION} or {relation: {...}}. */
static quire_status compile_term(struct qr_reader *reader, const struct qr_model_type *type,
                                 const struct qr_gql_value *object, struct qr_order_term *term)
{
    while (object->kind == QR_GQL_VALUE_OBJECT) {
        if (!names_one(object)) {
            return not_one_field(reader, type);
        }
        const struct qr_model_field *field = qr_model_find_field(type, object->members[0].name);
        object = &object->members[0].value;
        if (qr_model_is_value(field)) {
            QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
            term->field = field;
            qr_order_read_direction(object->text, term);
            return QUIRE_OK;
        }
        if (field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_LINKS) {
            return compile_related(reader, field, object, term);
        }
        QR_TRY(qr_order_add_step(reader, term, field));
        type = field->target;
    }
    return qr_fail(reader->err, QUIRE_INTERNAL, "An order leads to no column.");
}

/* Folds the terms into a number, so that a cursor is not taken for one of another order. */
static uint32_t fingerprint(const struct qr_order *order)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        const struct qr_order_term *term = &order->terms[i];
        uint8_t flags = (uint8_t)((term->descending ? 1 : 0) | ((int)term->nulls << 1));
        for (uint32_t s = 0; s < term->step_count; s++) {
            hash =
                qr_hash64(term->steps[s].field->name.data, term->steps[s].field->name.size, hash);
        }
        if (term->relation != NULL) {
            uint8_t kind = (uint8_t)term->measure.kind;
            hash = qr_hash64(term->relation->name.data, term->relation->name.size, hash);
            hash = qr_hash64(&kind, 1, hash);
        }
        hash = qr_hash64(term->field->name.data, term->field->name.size, hash);
        hash = qr_hash64(&flags, 1, hash);
    }
    return (uint32_t)hash;
}

quire_status qr_order_compile(struct qr_reader *reader, const struct qr_model_type *type,
                              const struct qr_gql_value *order_by, struct qr_order *out)
{
    *out = (struct qr_order){0};
    if (order_by == NULL || order_by->kind == QR_GQL_VALUE_NULL || order_by->count == 0) {
        return QUIRE_OK;
    }
    out->terms =
        qr_arena_alloc_zero(reader->arena, sizeof *out->terms * order_by->count, reader->err);
    if (out->terms == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < order_by->count; i++) {
        QR_TRY(compile_term(reader, type, &order_by->items[i], &out->terms[out->count++]));
    }
    out->fingerprint = fingerprint(out);
    return QUIRE_OK;
}

/* ---- keys ---- */

/* The rowid at the other end of a step from a row. */
static quire_status step_rowid(struct qr_reader *reader, const struct qr_order_step *step,
                               const struct qr_row *row, int64_t *rowid, bool *found)
{
    quire_value value;
    if (step->field->role == QR_MODEL_REFERENCE) {
        QR_TRY(qr_reader_column(reader, row, step->field, &value));
        *found = value.type == QUIRE_INT;
        *rowid = *found ? value.as.integer : 0;
        return QUIRE_OK;
    }
    int index = qr_reader_single_index(step->table, step->field->inverse, true);
    value = quire_int(row->rowid);
    *found = false;
    return index < 0 ? QUIRE_OK
                     : qr_table_find_unique(step->table, (uint32_t)index, &value, 1, rowid, found,
                                            reader->err);
}

quire_status qr_order_follow(struct qr_reader *reader, const struct qr_order_term *term,
                             const struct qr_row *row, struct qr_row *end, bool *found)
{
    *end = *row;
    *found = true;
    for (uint32_t i = 0; i < term->step_count && *found; i++) {
        const struct qr_order_step *step = &term->steps[i];
        int64_t rowid;
        const void *record;
        QR_TRY(step_rowid(reader, step, end, &rowid, found));
        if (!*found) {
            break;
        }
        QR_TRY(quire_table_get(step->table, rowid, &record, &end->size, found, reader->err));
        reader->rows_read++;
        end->rowid = end->place = rowid;
        end->record = record;
        if (*found && step->seen != NULL) {
            QR_TRY(qr_filter_test(reader, step->seen, end, found));
        }
    }
    return QUIRE_OK;
}

quire_status qr_order_append(struct qr_reader *reader, const struct qr_order_term *term,
                             const quire_value *value, struct qr_key *key)
{
    if (term->nulls != QR_ORDER_NULLS_SMALLEST) {
        quire_value is_null = quire_bool(value->type == QUIRE_NULL);
        QR_TRY(qr_key_append(key, &is_null, term->nulls == QR_ORDER_NULLS_FIRST, reader->err));
    }
    return qr_key_append(key, value, term->descending, reader->err);
}

static bool is_local(const struct qr_order_term *term)
{
    return term->step_count == 0 && term->relation == NULL &&
           term->field->role != QR_MODEL_COMPUTED;
}

bool qr_order_is_local(const struct qr_order *order)
{
    for (uint32_t i = 0; i < order->count; i++) {
        if (!is_local(&order->terms[i])) {
            return false;
        }
    }
    return true;
}

const struct qr_model_field *qr_order_leading(const struct qr_order *order)
{
    const struct qr_order_term *first = order->terms;
    return order->count > 0 && first->nulls == QR_ORDER_NULLS_SMALLEST && is_local(first)
               ? first->field
               : NULL;
}

static quire_status append_term(struct qr_reader *reader, const struct qr_order_term *term,
                                const struct qr_row *row, struct qr_key *key)
{
    struct qr_row end;
    bool found;
    quire_value value = quire_null();

    if (is_local(term)) {
        QR_TRY(qr_reader_column(reader, row, term->field, &value));
        return qr_order_append(reader, term, &value, key);
    }
    QR_TRY(qr_order_follow(reader, term, row, &end, &found));
    if (found && term->related != NULL) {
        const quire_value *values;
        QR_TRY(qr_related_run(term->related, end.rowid, &values));
        value = values[0];
    } else if (found) {
        QR_TRY(qr_reader_column(reader, &end, term->field, &value));
    }
    return qr_order_append(reader, term, &value, key);
}

quire_status qr_order_key(struct qr_reader *reader, const struct qr_order *order,
                          const struct qr_row *row, const quire_value *leading,
                          struct qr_gql_str *out)
{
    struct qr_key *key = &reader->order_key;
    quire_value place = quire_int(row->place);
    uint32_t next = 0;

    qr_key_clear(key);
    if (leading != NULL) {
        QR_TRY(qr_key_append(key, leading, order->terms[next++].descending, reader->err));
    }
    for (; next < order->count; next++) {
        QR_TRY(append_term(reader, &order->terms[next], row, key));
    }
    QR_TRY(qr_key_append(key, &place, qr_order_descends(order), reader->err));
    *out = (struct qr_gql_str){(const char *)key->bytes, key->size};
    return QUIRE_OK;
}

quire_status qr_order_decode(struct qr_reader *reader, const struct qr_order *order,
                             struct qr_gql_str key, quire_value *values, int64_t *place)
{
    const uint8_t *bytes = (const uint8_t *)key.data;
    size_t offset = 0;
    quire_value last;

    for (uint32_t i = 0; i < order->count; i++) {
        QR_TRY(qr_key_decode(bytes, key.size, &offset, order->terms[i].descending, reader->arena,
                             &values[i], reader->err));
    }
    QR_TRY(qr_key_decode(bytes, key.size, &offset, qr_order_descends(order), reader->arena, &last,
                         reader->err));
    *place = last.as.integer;
    return QUIRE_OK;
}

/* ---- cursors ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

quire_status qr_order_cursor(struct qr_reader *reader, const struct qr_order *order,
                             struct qr_gql_str key, struct qr_gql_str *cursor)
{
    size_t size = FINGERPRINT_SIZE + key.size;
    uint8_t *bytes = qr_arena_alloc(&reader->scratch, size, reader->err);
    char *text = qr_arena_alloc(&reader->scratch, (size + 2) / 3 * 4 + 1, reader->err);
    size_t length = 0;

    if (bytes == NULL || text == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_store32(bytes, order->fingerprint);
    memcpy(bytes + FINGERPRINT_SIZE, key.data, key.size);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= i + 2 < size ? bytes[i + 2] : 0;
        size_t chars = size - i >= 3 ? 4 : size - i + 1;
        for (size_t c = 0; c < chars; c++) {
            text[length++] = alphabet[(group >> (18 - 6 * c)) & 63];
        }
    }
    *cursor = (struct qr_gql_str){text, length};
    return QUIRE_OK;
}

static quire_status bad_cursor(struct qr_reader *reader)
{
    return qr_fail(reader->err, QUIRE_QUERY,
                   "The cursor does not come from this field with this orderBy.");
}

/* Decodes one element of a key that came from a client: of `type`, or null where that may be. */
static bool take_element(struct qr_reader *reader, struct qr_gql_str key, size_t *offset,
                         bool descending, quire_type type, bool nullable)
{
    quire_value value;
    return qr_key_decode((const uint8_t *)key.data, key.size, offset, descending, reader->arena,
                         &value, NULL) == QUIRE_OK &&
           (value.type == type || (nullable && value.type == QUIRE_NULL));
}

/* Cursors come from clients: whether the bytes are a key of this order. */
static bool is_key(struct qr_reader *reader, const struct qr_order *order, struct qr_gql_str key)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        const struct qr_order_term *term = &order->terms[i];
        if (term->nulls != QR_ORDER_NULLS_SMALLEST &&
            !take_element(reader, key, &offset, term->nulls == QR_ORDER_NULLS_FIRST, QUIRE_BOOL,
                          false)) {
            return false;
        }
        if (!take_element(reader, key, &offset, term->descending, qr_model_column_type(term->field),
                          true)) {
            return false;
        }
    }
    return take_element(reader, key, &offset, qr_order_descends(order), QUIRE_INT, false) &&
           offset == key.size;
}

quire_status qr_order_parse_cursor(struct qr_reader *reader, const struct qr_order *order,
                                   struct qr_gql_str cursor, struct qr_gql_str *key)
{
    uint8_t *bytes = qr_arena_alloc(reader->arena, cursor.size + 1, reader->err);
    uint32_t group = 0;
    unsigned bits = 0;
    size_t size = 0;

    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < cursor.size; i++) {
        const char *at = cursor.data[i] == '\0' ? NULL : strchr(alphabet, cursor.data[i]);
        if (at == NULL) {
            return bad_cursor(reader);
        }
        group = (group << 6 | (uint32_t)(at - alphabet)) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[size++] = (uint8_t)(group >> bits);
        }
    }
    if (size <= FINGERPRINT_SIZE || qr_load32(bytes) != order->fingerprint) {
        return bad_cursor(reader);
    }
    *key = (struct qr_gql_str){(const char *)bytes + FINGERPRINT_SIZE, size - FINGERPRINT_SIZE};
    return is_key(reader, order, *key) ? QUIRE_OK : bad_cursor(reader);
}
