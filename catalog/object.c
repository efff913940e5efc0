/*
 * Catalog objects to records and back. What is decoded comes from disk: every
 * number is checked before it becomes a size, a type or a column.
 */
#include "catalog/object.h"

#include <string.h>

#include "catalog/catalog_format.h"
#include "catalog/record.h"

const char *qr_object_kind_name(enum qr_object_kind kind)
{
    switch (kind) {
    case QR_OBJECT_TREE:
        return "tree";
    case QR_OBJECT_TABLE:
        return "table";
    case QR_OBJECT_INDEX:
        return "index";
    case QR_OBJECT_VIEW:
        return "view";
    case QR_OBJECT_TRIGGER:
        return "trigger";
    case QR_OBJECT_TEXT:
        return "text";
    case QR_OBJECT_KEYS:
        return "key tree";
    }
    return "object";
}

/* Values that stand for one part of an index's key. */
#define PART_VALUES 3U

static quire_status damaged(quire_error *err, uint32_t id, const char *what)
{
    return qr_fail(err, QUIRE_CORRUPT, "The catalog is damaged: %s of object %u.", what, id);
}

/* ---- Encoding ---- */

/* A record of the values, as a LIST value in the arena. */
static quire_status make_list(const quire_value *values, uint32_t count, struct qr_arena *arena,
                              quire_value *list, quire_error *err)
{
    size_t size = quire_record_size(values, count);
    uint8_t *bytes = qr_arena_alloc(arena, size, err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (void)quire_record_encode(values, count, bytes);
    *list = quire_blob(bytes, size);
    list->type = QUIRE_LIST;
    return QUIRE_OK;
}

static quire_status columns_list(const struct qr_object *object, struct qr_arena *arena,
                                 quire_value *list, quire_error *err)
{
    uint32_t count = 3 * object->column_count;
    quire_value *values = qr_arena_alloc(arena, count * sizeof *values, err);
    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < object->column_count; i++) {
        values[3 * i] = quire_text(object->columns[i].name);
        values[3 * i + 1] = quire_int(object->columns[i].type);
        values[3 * i + 2] = quire_bool(object->columns[i].not_null);
    }
    return make_list(values, count, arena, list, err);
}

static quire_value text_or_null(const char *text)
{
    return text == NULL ? quire_null() : quire_text(text);
}

static quire_status parts_list(const struct qr_object *object, struct qr_arena *arena,
                               quire_value *list, quire_error *err)
{
    quire_value values[PART_VALUES * QR_INDEX_COLUMNS_MAX];
    for (uint32_t i = 0; i < object->key_count; i++) {
        const struct qr_index_part *part = &object->parts[i];
        quire_value *out = &values[PART_VALUES * i];
        out[0] = part->expression != NULL ? quire_text(part->expression) : quire_int(part->column);
        out[1] = quire_bool(part->descending);
        out[2] = text_or_null(part->collation);
    }
    return make_list(values, PART_VALUES * object->key_count, arena, list, err);
}

static quire_status included_list(const struct qr_object *object, struct qr_arena *arena,
                                  quire_value *list, quire_error *err)
{
    quire_value values[QR_INDEX_INCLUDED_MAX];
    *list = quire_null();
    for (uint32_t i = 0; i < object->included_count; i++) {
        values[i] = quire_int(object->included[i]);
    }
    return object->included_count == 0
               ? QUIRE_OK
               : make_list(values, object->included_count, arena, list, err);
}

static quire_status index_values(const struct qr_object *object, struct qr_arena *arena,
                                 quire_value *values, quire_error *err)
{
    QR_TRY(parts_list(object, arena, &values[QR_CATALOG_BODY], err));
    QR_TRY(included_list(object, arena, &values[QR_CATALOG_INCLUDED], err));
    values[QR_CATALOG_INDEX_KIND] = quire_int(object->index_kind);
    values[QR_CATALOG_UNIQUE] = quire_bool(object->unique);
    values[QR_CATALOG_HASH_KEY] = quire_null();
    if (object->index_kind == QUIRE_INDEX_HASH) {
        values[QR_CATALOG_HASH_KEY] = quire_blob(object->hash_key, sizeof object->hash_key);
    }
    values[QR_CATALOG_WHERE] = text_or_null(object->where);
    values[QR_CATALOG_BUILDING] = object->building ? quire_bool(true) : quire_null();
    return QUIRE_OK;
}

quire_status qr_object_encode(const struct qr_object *object, struct qr_arena *arena,
                              struct qr_slice *record, quire_error *err)
{
    quire_value values[QR_CATALOG_COLUMNS];
    uint32_t count = QR_CATALOG_BODY + 1;
    values[QR_CATALOG_KIND] = quire_int(object->kind);
    values[QR_CATALOG_NAME] = quire_text(object->name);
    values[QR_CATALOG_ROOT] = quire_int(object->root);
    values[QR_CATALOG_OWNER] = quire_int(object->owner);
    values[QR_CATALOG_BODY] = quire_null();
    if (object->kind == QR_OBJECT_TABLE) {
        QR_TRY(columns_list(object, arena, &values[QR_CATALOG_BODY], err));
    } else if (object->kind == QR_OBJECT_INDEX) {
        QR_TRY(index_values(object, arena, values, err));
        count = QR_CATALOG_COLUMNS;
        while (values[count - 1].type == QUIRE_NULL) {
            count--; /* what is not stored is null */
        }
    } else if (object->kind != QR_OBJECT_TREE && object->kind != QR_OBJECT_KEYS) {
        values[QR_CATALOG_BODY] = quire_blob(object->text, object->text_size);
    }
    size_t size = quire_record_size(values, count);
    uint8_t *bytes = qr_arena_alloc(arena, size, err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (void)quire_record_encode(values, count, bytes);
    *record = (struct qr_slice){.data = bytes, .size = size};
    return QUIRE_OK;
}

/* ---- Decoding ---- */

/* Copies a text or blob with a NUL behind it. */
static quire_status copy_text(const quire_value *value, struct qr_arena *arena, const char **text,
                              quire_error *err)
{
    char *copy = qr_arena_alloc(arena, (size_t)value->size + 1, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(copy, value->as.bytes, value->size);
    copy[value->size] = '\0';
    *text = copy;
    return QUIRE_OK;
}

static quire_status copy_name(const quire_value *value, uint32_t id, struct qr_arena *arena,
                              const char **name, quire_error *err)
{
    if (value->type != QUIRE_TEXT || value->size == 0 || value->size > QR_NAME_MAX ||
        memchr(value->as.bytes, 0, value->size) != NULL) {
        return damaged(err, id, "a name");
    }
    return copy_text(value, arena, name, err);
}

/* Opens a LIST value: its elements, decoded into the arena. */
static quire_status open_list(const quire_value *list, uint32_t id, uint32_t count_max,
                              struct qr_arena *arena, quire_value **elements, uint32_t *count,
                              quire_error *err)
{
    if (list->type != QUIRE_LIST) {
        return damaged(err, id, "the column list");
    }
    QR_TRY(quire_record_check(list->as.bytes, list->size, count, err));
    if (*count == 0 || *count > count_max) {
        return damaged(err, id, "the number of columns");
    }
    *elements = qr_arena_alloc(arena, *count * sizeof **elements, err);
    if (*elements == NULL) {
        return QUIRE_NO_MEMORY;
    }
    return qr_record_decode(list->as.bytes, list->size, *elements, *count, err);
}

static quire_status decode_columns(const quire_value *list, struct qr_arena *arena,
                                   struct qr_object *object, quire_error *err)
{
    quire_value *elements;
    uint32_t count;
    QR_TRY(open_list(list, object->id, 3 * QR_COLUMNS_MAX, arena, &elements, &count, err));
    if (count % 3 != 0) {
        return damaged(err, object->id, "the column list");
    }
    object->column_count = count / 3;
    object->columns = qr_arena_alloc(arena, object->column_count * sizeof *object->columns, err);
    if (object->columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < object->column_count; i++) {
        const quire_value *type = &elements[3 * i + 1];
        const quire_value *not_null = &elements[3 * i + 2];
        quire_column *column = &object->columns[i];
        QR_TRY(copy_name(&elements[3 * i], object->id, arena, &column->name, err));
        if (type->type != QUIRE_INT || type->as.integer < QUIRE_BOOL ||
            type->as.integer > QUIRE_LIST || not_null->type != QUIRE_BOOL) {
            return damaged(err, object->id, "a column's type");
        }
        column->type = (quire_type)type->as.integer;
        column->not_null = not_null->as.boolean;
    }
    return QUIRE_OK;
}

/* Copies a text of the definition; null stays NULL. */
static quire_status copy_optional(const quire_value *value, uint32_t id, struct qr_arena *arena,
                                  const char **text, quire_error *err)
{
    *text = NULL;
    if (value->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    if (value->type != QUIRE_TEXT || value->size == 0 ||
        memchr(value->as.bytes, 0, value->size) != NULL) {
        return damaged(err, id, "a text of the index definition");
    }
    return copy_text(value, arena, text, err);
}

static quire_status decode_part(const quire_value *values, uint32_t id, struct qr_arena *arena,
                                struct qr_index_part *part, quire_error *err)
{
    bool is_column = values[0].type == QUIRE_INT && values[0].as.integer >= 0 &&
                     values[0].as.integer < QR_COLUMNS_MAX;
    if ((!is_column && values[0].type != QUIRE_TEXT) || values[1].type != QUIRE_BOOL) {
        return damaged(err, id, "a key column");
    }
    part->column = is_column ? (uint32_t)values[0].as.integer : 0;
    part->expression = NULL;
    part->descending = values[1].as.boolean;
    if (!is_column) {
        QR_TRY(copy_optional(&values[0], id, arena, &part->expression, err));
    }
    return copy_optional(&values[2], id, arena, &part->collation, err);
}

static quire_status decode_parts(const quire_value *list, struct qr_arena *arena,
                                 struct qr_object *object, quire_error *err)
{
    quire_value *elements;
    uint32_t count;
    QR_TRY(open_list(list, object->id, PART_VALUES * QR_INDEX_COLUMNS_MAX, arena, &elements, &count,
                     err));
    if (count % PART_VALUES != 0) {
        return damaged(err, object->id, "the key columns");
    }
    object->key_count = count / PART_VALUES;
    object->parts = qr_arena_alloc(arena, object->key_count * sizeof *object->parts, err);
    if (object->parts == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < object->key_count; i++) {
        QR_TRY(decode_part(&elements[PART_VALUES * i], object->id, arena, &object->parts[i], err));
    }
    return QUIRE_OK;
}

static quire_status decode_included(const quire_value *list, struct qr_arena *arena,
                                    struct qr_object *object, quire_error *err)
{
    quire_value *elements;
    if (list->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(open_list(list, object->id, QR_INDEX_INCLUDED_MAX, arena, &elements,
                     &object->included_count, err));
    object->included = qr_arena_alloc(arena, object->included_count * sizeof(uint32_t), err);
    if (object->included == NULL) {
        return QUIRE_NO_MEMORY;
    }
    int64_t last = -1;
    for (uint32_t i = 0; i < object->included_count; i++) {
        if (elements[i].type != QUIRE_INT || elements[i].as.integer <= last ||
            elements[i].as.integer >= QR_COLUMNS_MAX) {
            return damaged(err, object->id, "an included column");
        }
        last = elements[i].as.integer;
        object->included[i] = (uint32_t)last;
    }
    return QUIRE_OK;
}

static quire_status decode_index(const quire_value *values, struct qr_arena *arena,
                                 struct qr_object *object, quire_error *err)
{
    const quire_value *kind = &values[QR_CATALOG_INDEX_KIND];
    const quire_value *unique = &values[QR_CATALOG_UNIQUE];
    const quire_value *hash_key = &values[QR_CATALOG_HASH_KEY];
    if (kind->type != QUIRE_INT || kind->as.integer < QUIRE_INDEX_BTREE ||
        kind->as.integer > QUIRE_INDEX_HASH || unique->type != QUIRE_BOOL) {
        return damaged(err, object->id, "the index kind");
    }
    object->index_kind = (quire_index_kind)kind->as.integer;
    object->unique = unique->as.boolean;
    if (object->index_kind == QUIRE_INDEX_HASH) {
        if (hash_key->type != QUIRE_BLOB || hash_key->size != sizeof object->hash_key) {
            return damaged(err, object->id, "the hash key");
        }
        memcpy(object->hash_key, hash_key->as.bytes, sizeof object->hash_key);
    }
    const quire_value *building = &values[QR_CATALOG_BUILDING];
    if (building->type != QUIRE_NULL && building->type != QUIRE_BOOL) {
        return damaged(err, object->id, "the state of an index");
    }
    object->building = building->type == QUIRE_BOOL && building->as.boolean;
    QR_TRY(copy_optional(&values[QR_CATALOG_WHERE], object->id, arena, &object->where, err));
    QR_TRY(decode_included(&values[QR_CATALOG_INCLUDED], arena, object, err));
    return decode_parts(&values[QR_CATALOG_BODY], arena, object, err);
}

static quire_status decode_text(const quire_value *body, struct qr_arena *arena,
                                struct qr_object *object, quire_error *err)
{
    if (body->type != QUIRE_BLOB) {
        return damaged(err, object->id, "the text");
    }
    object->text_size = body->size;
    return copy_text(body, arena, &object->text, err);
}

static quire_status decode_body(const quire_value *values, struct qr_arena *arena,
                                struct qr_object *object, quire_error *err)
{
    switch (object->kind) {
    case QR_OBJECT_TREE:
    case QR_OBJECT_KEYS:
        return QUIRE_OK;
    case QR_OBJECT_TABLE:
        return decode_columns(&values[QR_CATALOG_BODY], arena, object, err);
    case QR_OBJECT_INDEX:
        return decode_index(values, arena, object, err);
    case QR_OBJECT_VIEW:
    case QR_OBJECT_TRIGGER:
    case QR_OBJECT_TEXT:
        return decode_text(&values[QR_CATALOG_BODY], arena, object, err);
    }
    return damaged(err, object->id, "the kind");
}

static bool is_u32(const quire_value *value)
{
    return value->type == QUIRE_INT && value->as.integer >= 0 && value->as.integer <= UINT32_MAX;
}

quire_status qr_object_decode(struct qr_slice record, uint32_t id, struct qr_arena *arena,
                              struct qr_object **object, quire_error *err)
{
    quire_value values[QR_CATALOG_COLUMNS];
    QR_TRY(qr_record_decode(record.data, record.size, values, QR_CATALOG_COLUMNS, err));
    struct qr_object *decoded = qr_arena_alloc_zero(arena, sizeof *decoded, err);
    if (decoded == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (!is_u32(&values[QR_CATALOG_KIND]) || !is_u32(&values[QR_CATALOG_ROOT]) ||
        !is_u32(&values[QR_CATALOG_OWNER])) {
        return damaged(err, id, "a number");
    }
    decoded->id = id;
    decoded->kind = (enum qr_object_kind)values[QR_CATALOG_KIND].as.integer;
    decoded->root = (uint32_t)values[QR_CATALOG_ROOT].as.integer;
    decoded->owner = (uint32_t)values[QR_CATALOG_OWNER].as.integer;
    QR_TRY(copy_name(&values[QR_CATALOG_NAME], id, arena, &decoded->name, err));
    QR_TRY(decode_body(values, arena, decoded, err));
    *object = decoded;
    return QUIRE_OK;
}
