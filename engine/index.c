/*
 * What the two kinds of index share: making keys from rows, cutting long ones,
 * uniqueness, and the choice between the kinds.
 */
#include "engine/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "catalog/record.h"
#include "engine/collation.h"
#include "engine/expression.h"
#include "engine/index_hash.h"

quire_status qr_index_open(struct qr_index *index, quire_txn *txn, const struct qr_table_def *table,
                           const struct qr_index_def *def, quire_error *err)
{
    struct qr_gap gap = {.next = 0, .last = -1};
    if (def->object->building) {
        QR_TRY(qr_catalog_gap(txn->view, def->object->id, &gap, err));
    }
    *index = (struct qr_index){.txn = txn,
                               .table = table,
                               .def = def,
                               .page_size = qr_pager_page_size(txn->db->pager),
                               .scratch = {.allocator = &txn->db->allocator},
                               .sort_key = {.allocator = &txn->db->allocator},
                               .gap = gap};
    qr_arena_init(&index->values, &txn->db->allocator, 0);
    return QUIRE_OK;
}

const char *qr_index_part_name(const struct qr_index_def *def, uint32_t part)
{
    const quire_index_column *named = &def->names.columns[part];
    return named->name != NULL ? named->name : named->expression;
}

void qr_index_close(struct qr_index *index)
{
    if (index->txn == NULL) {
        return; /* not opened */
    }
    if (index->entries_open) {
        qr_tree_reader_free(&index->entries);
    }
    if (index->rows_open) {
        qr_tree_reader_free(&index->rows);
    }
    index->entries_open = index->rows_open = false;
    qr_key_free(&index->scratch);
    qr_key_free(&index->sort_key);
    qr_arena_free(&index->values);
}

/* ---- Keys ---- */

void qr_index_key_init(struct qr_index_key *key, const quire_allocator *allocator)
{
    *key = (struct qr_index_key){.full = {.allocator = allocator},
                                 .cut = {.allocator = allocator},
                                 .included = {.allocator = allocator}};
}

void qr_index_key_free(struct qr_index_key *key)
{
    qr_key_free(&key->full);
    qr_key_free(&key->cut);
    qr_key_free(&key->included);
}

static quire_status find_collation(const struct qr_index *index, const char *name,
                                   const struct qr_collation **collation, quire_error *err)
{
    *collation = name == NULL ? NULL : qr_collation_find(index->txn->db, name);
    if (name != NULL && *collation == NULL) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME,
                       "Index \"%s\" of \"%s\" orders text by collation \"%s\", which is not "
                       "registered; register it on the database first.",
                       index->def->object->name, index->table->object->name, name);
    }
    return QUIRE_OK;
}

quire_status qr_index_check_collations(const struct qr_index *index, quire_error *err)
{
    const struct qr_collation *collation;
    for (uint32_t i = 0; i < index->def->object->key_count; i++) {
        QR_TRY(find_collation(index, index->def->object->parts[i].collation, &collation, err));
    }
    return QUIRE_OK;
}

quire_status qr_index_append(struct qr_index *index, uint32_t part, const quire_value *value,
                             struct qr_key *key, quire_error *err)
{
    const struct qr_index_part *how = &index->def->object->parts[part];
    const struct qr_collation *collation;
    quire_value stored = *value;
    QR_TRY(find_collation(index, how->collation, &collation, err));
    if (collation != NULL && value->type != QUIRE_NULL) {
        QR_TRY(qr_collation_apply(collation, value, &index->sort_key, &stored, err));
    }
    return qr_key_append(key, &stored, how->descending, err);
}

static quire_status encode(struct qr_index *index, const quire_value *values, struct qr_key *full,
                           bool *has_null, quire_error *err)
{
    qr_key_clear(full);
    *has_null = false;
    for (uint32_t i = 0; i < index->def->object->key_count; i++) {
        *has_null |= values[i].type == QUIRE_NULL;
        QR_TRY(qr_index_append(index, i, &values[i], full, err));
    }
    return QUIRE_OK;
}

/* Gives a key that is too long its stored form. */
static quire_status cut(const struct qr_index *index, struct qr_index_key *key, quire_error *err)
{
    key->is_cut = key->full.size > qr_index_key_max(index->page_size);
    if (!key->is_cut) {
        return QUIRE_OK;
    }
    uint8_t bytes[QR_INDEX_HASH_SIZE];
    struct qr_hash128 hash = qr_hash128(key->full.bytes, key->full.size, 0);
    qr_store64(bytes, hash.low);
    qr_store64(bytes + 8, hash.high);
    qr_key_clear(&key->cut);
    QR_TRY(qr_key_append_bytes(&key->cut, key->full.bytes, qr_index_prefix_size(index->page_size),
                               err));
    return qr_key_append_bytes(&key->cut, bytes, sizeof bytes, err);
}

quire_status qr_index_key_from_values(struct qr_index *index, const quire_value *values,
                                      struct qr_index_key *key, quire_error *err)
{
    qr_key_clear(&key->included);
    key->absent = false;
    QR_TRY(encode(index, values, &key->full, &key->has_null, err));
    return cut(index, key, err);
}

quire_status qr_index_key_from_bytes(const struct qr_index *index, struct qr_slice full,
                                     bool has_null, struct qr_slice included,
                                     struct qr_index_key *key, quire_error *err)
{
    qr_key_clear(&key->full);
    qr_key_clear(&key->included);
    key->absent = false;
    key->has_null = has_null;
    QR_TRY(qr_key_append_bytes(&key->full, full.data, full.size, err));
    QR_TRY(qr_key_append_bytes(&key->included, included.data, included.size, err));
    return cut(index, key, err);
}

static bool same_bytes(const struct qr_key *a, const struct qr_key *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

bool qr_index_key_same(const struct qr_index_key *a, const struct qr_index_key *b)
{
    return a->absent == b->absent && (a->absent || same_bytes(&a->full, &b->full));
}

/* Writes the record that an entry stores. */
static quire_status include(const struct qr_index *index, const quire_value *values,
                            struct qr_index_key *key, quire_error *err)
{
    uint32_t count = index->def->object->included_count;
    if (count == 0) {
        return QUIRE_OK;
    }
    size_t size = quire_record_size(values, count);
    QR_TRY(qr_grow(key->included.allocator, &key->included.bytes, &key->included.capacity, size, 1,
                   err));
    key->included.size = quire_record_encode(values, count, key->included.bytes);
    return QUIRE_OK;
}

/* A row: its values, or if there are none its record. */
struct row {
    const quire_value *values;
    uint32_t count;
    struct qr_slice record;
};

static quire_status evaluate(struct qr_index *index, const struct qr_expression *expression,
                             const struct row *row, quire_value *value, quire_error *err)
{
    return row->values != NULL
               ? qr_expression_evaluate_row(expression, row->values, row->count, &index->values,
                                            value, err)
               : qr_expression_evaluate(expression, row->record.data, row->record.size,
                                        &index->values, value, err);
}

static quire_status read_columns(const struct row *row, const uint32_t *columns, uint32_t count,
                                 quire_value *values, quire_error *err)
{
    if (row->values == NULL) {
        return qr_record_pick(row->record.data, row->record.size, columns, count, values, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = columns[i] < row->count ? row->values[columns[i]] : quire_null();
    }
    return QUIRE_OK;
}

/* The values of the parts that are columns: read at once, they are then put in their places. */
static quire_status read_plain_parts(const struct qr_index *index, const struct row *row,
                                     quire_value *values, quire_error *err)
{
    const struct qr_object *object = index->def->object;
    uint32_t columns[QR_INDEX_COLUMNS_MAX];
    quire_value read[QR_INDEX_COLUMNS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < object->key_count; i++) {
        if (index->def->sources[i].expression == NULL) {
            columns[count++] = object->parts[i].column;
        }
    }
    QR_TRY(read_columns(row, columns, count, read, err));
    for (uint32_t i = object->key_count; i-- > 0;) {
        if (index->def->sources[i].expression == NULL) {
            values[i] = read[--count];
        }
    }
    return QUIRE_OK;
}

static quire_status read_parts(struct qr_index *index, const struct row *row, quire_value *values,
                               quire_error *err)
{
    QR_TRY(read_plain_parts(index, row, values, err));
    for (uint32_t i = 0; i < index->def->object->key_count; i++) {
        const struct qr_part_source *source = &index->def->sources[i];
        if (source->expression != NULL) {
            QR_TRY(evaluate(index, source->expression, row, &values[i], err));
        }
        if (values[i].type != QUIRE_NULL && values[i].type != source->type) {
            return qr_fail(err, QUIRE_CORRUPT,
                           "A row of \"%s\" is damaged: its column \"%s\" is not of type %s.",
                           index->table->object->name, qr_index_part_name(index->def, i),
                           qr_type_name(source->type));
        }
    }
    return QUIRE_OK;
}

static quire_status is_wanted(struct qr_index *index, const struct row *row, bool *wanted,
                              quire_error *err)
{
    quire_value value = quire_bool(true);
    qr_arena_reset(&index->values);
    if (index->def->where != NULL) {
        QR_TRY(evaluate(index, index->def->where, row, &value, err));
    }
    *wanted = value.type == QUIRE_BOOL && value.as.boolean;
    return QUIRE_OK;
}

static quire_status make_key(struct qr_index *index, const struct row *row,
                             struct qr_index_key *key, quire_error *err)
{
    const struct qr_object *object = index->def->object;
    quire_value values[QR_INDEX_COLUMNS_MAX];
    quire_value included[QR_INDEX_INCLUDED_MAX];
    bool wanted;
    QR_TRY(is_wanted(index, row, &wanted, err));
    if (!wanted) {
        key->absent = true;
        return QUIRE_OK;
    }
    QR_TRY(read_parts(index, row, values, err));
    QR_TRY(qr_index_key_from_values(index, values, key, err));
    QR_TRY(read_columns(row, object->included, object->included_count, included, err));
    return include(index, included, key, err);
}

quire_status qr_index_key_from_row(struct qr_index *index, const quire_value *values,
                                   uint32_t count, struct qr_index_key *key, quire_error *err)
{
    static const quire_value none = {.type = QUIRE_NULL};
    struct row row = {.values = count == 0 ? &none : values, .count = count};
    return make_key(index, &row, key, err);
}

quire_status qr_index_key_from_record(struct qr_index *index, const void *record, size_t size,
                                      struct qr_index_key *key, quire_error *err)
{
    struct row row = {.record = {record, size}};
    return make_key(index, &row, key, err);
}

quire_status qr_index_key_of_rowid(struct qr_index *index, int64_t rowid, struct qr_key *full,
                                   quire_error *err)
{
    if (!index->rows_open) {
        struct qr_tree rows = qr_table_rows(index->txn, index->table);
        QR_TRY(qr_tree_reader_init(&index->rows, &rows, err));
        index->rows_open = true;
    }
    struct qr_tree_key key = {.rowid = rowid};
    struct qr_slice record;
    quire_value values[QR_INDEX_COLUMNS_MAX] = {quire_null()};
    bool found;
    bool has_null;
    QR_TRY(qr_tree_find(&index->rows, &key, &record, &found, err));
    if (!found) {
        return qr_fail(err, QUIRE_CORRUPT,
                       "Index \"%s\" names row %lld, which \"%s\" does not have; drop the index "
                       "and create it again.",
                       index->def->object->name, (long long)rowid, index->table->object->name);
    }
    struct row row = {.record = record};
    qr_arena_reset(&index->values);
    QR_TRY(read_parts(index, &row, values, err));
    return encode(index, values, full, &has_null, err);
}

/* ---- The two kinds ---- */

static bool is_hash(const struct qr_index *index)
{
    return index->def->object->index_kind == QUIRE_INDEX_HASH;
}

static quire_status hash_conflict(struct qr_index *index, struct qr_index_key *key, bool *conflict,
                                  int64_t *rowid, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(index->txn, index->def->object);
    struct qr_hash_key stored = qr_hash_key_of(key);
    struct qr_hash_match match;
    *conflict = false;
    QR_TRY(qr_hash_find(&hash, &stored, &match, err));
    if (!key->is_cut || (match.count == 0 && match.posting_root == 0)) {
        *conflict = match.count > 0;
        *rowid = match.rowids[0];
        return QUIRE_OK;
    }
    struct qr_hash_rowids rowids;
    QR_TRY(qr_hash_rowids_open(&rowids, &hash, &match, false, err));
    quire_status status = QUIRE_OK;
    bool valid = true;
    while (status == QUIRE_OK && valid && !*conflict) {
        QR_TRY_GOTO(status, qr_hash_rowids_next(&rowids, rowid, &valid, err), done);
        if (valid) {
            status = qr_index_key_of_rowid(index, *rowid, &index->scratch, err);
            *conflict = status == QUIRE_OK && index->scratch.size == key->full.size &&
                        memcmp(index->scratch.bytes, key->full.bytes, key->full.size) == 0;
        }
    }
done:
    qr_hash_rowids_close(&rowids);
    return status;
}

quire_status qr_index_conflict(struct qr_index *index, struct qr_index_key *key, bool *conflict,
                               int64_t *rowid, quire_error *err)
{
    *conflict = false;
    if (!index->def->object->unique || key->absent || key->has_null) {
        return QUIRE_OK;
    }
    return is_hash(index) ? hash_conflict(index, key, conflict, rowid, err)
                          : qr_index_btree_find(index, key, rowid, conflict, err);
}

quire_status qr_index_contains(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                               bool *found, quire_error *err)
{
    *found = false;
    if (key->absent) {
        return QUIRE_OK;
    }
    if (!is_hash(index)) {
        return qr_index_btree_contains(index, key, rowid, found, err);
    }
    struct qr_hash hash = qr_hash_of(index->txn, index->def->object);
    struct qr_hash_key stored = qr_hash_key_of(key);
    return qr_hash_contains(&hash, &stored, rowid, found, err);
}

static quire_status doom_on_failure(const struct qr_index *index, quire_status status)
{
    if (status != QUIRE_OK) {
        qr_txn_give_up(index->txn);
    }
    return status;
}

quire_status qr_index_insert(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                             quire_error *err)
{
    quire_status status = QUIRE_OK;
    if (key->absent) {
        return QUIRE_OK;
    }
    if (is_hash(index)) {
        struct qr_hash hash = qr_hash_of(index->txn, index->def->object);
        struct qr_hash_key stored = qr_hash_key_of(key);
        status = qr_hash_insert(&hash, &stored, rowid, err);
    } else {
        status = qr_index_btree_insert(index, key, rowid, err);
    }
    return doom_on_failure(index, status);
}

quire_status qr_index_delete(struct qr_index *index, struct qr_index_key *key, int64_t rowid,
                             quire_error *err)
{
    quire_status status = QUIRE_OK;
    if (key->absent) {
        return QUIRE_OK;
    }
    if (is_hash(index)) {
        struct qr_hash hash = qr_hash_of(index->txn, index->def->object);
        struct qr_hash_key stored = qr_hash_key_of(key);
        status = qr_hash_delete(&hash, &stored, rowid, err);
    } else {
        status = qr_index_btree_delete(index, key, rowid, err);
    }
    return doom_on_failure(index, status);
}

quire_status qr_index_update(struct qr_index *index, struct qr_index_key *before,
                             struct qr_index_key *after, int64_t rowid, quire_error *err)
{
    if (!qr_index_key_same(before, after)) {
        QR_TRY(qr_index_delete(index, before, rowid, err));
        return qr_index_insert(index, after, rowid, err);
    }
    if (after->absent || same_bytes(&before->included, &after->included)) {
        return QUIRE_OK;
    }
    return doom_on_failure(index, qr_index_btree_replace(index, after, rowid, err));
}

quire_status qr_index_count(struct qr_index *index, uint64_t *entries, quire_error *err)
{
    if (is_hash(index)) {
        struct qr_hash hash = qr_hash_of(index->txn, index->def->object);
        return qr_hash_count(&hash, entries, err);
    }
    struct qr_tree tree = qr_index_tree(index);
    return qr_tree_count(&tree, entries, err);
}

quire_status qr_index_make(quire_txn *txn, struct qr_object *object, quire_error *err)
{
    quire_status status;
    if (object->index_kind == QUIRE_INDEX_HASH) {
        struct qr_file_layer *layer = txn->db->layer;
        QR_TRY(layer->methods->random(layer, object->hash_key, sizeof object->hash_key, err));
        status = qr_hash_make(txn->txn, object->id, &object->root, err);
    } else {
        struct qr_tree tree;
        status = qr_tree_create(txn->txn, QR_TREE_KEYS, object->id, 0, &tree, err);
        if (status == QUIRE_OK) {
            object->root = tree.root;
        }
    }
    if (status != QUIRE_OK) {
        qr_txn_give_up(txn);
    }
    return status;
}

quire_status qr_index_discard(quire_txn *txn, const struct qr_object *object, quire_error *err)
{
    quire_status status;
    if (object->index_kind == QUIRE_INDEX_HASH) {
        struct qr_hash hash = qr_hash_of(txn, object);
        status = qr_hash_discard(&hash, err);
    } else {
        struct qr_tree tree = {
            .view = txn->view, .root = object->root, .id = object->id, .kind = QR_TREE_KEYS};
        status = qr_tree_drop(&tree, err);
    }
    if (status != QUIRE_OK) {
        qr_txn_give_up(txn);
    }
    return status;
}

/* ---- Messages ---- */

static int describe_value(const quire_value *value, char *out, size_t size)
{
    int shown = value->size > 40 ? 40 : (int)value->size;
    switch (value->type) {
    case QUIRE_NULL:
        return snprintf(out, size, "null");
    case QUIRE_BOOL:
        return snprintf(out, size, "%s", value->as.boolean ? "true" : "false");
    case QUIRE_INT:
        return snprintf(out, size, "%" PRId64, value->as.integer);
    case QUIRE_FLOAT:
        return snprintf(out, size, "%.17g", value->as.real);
    case QUIRE_TEXT:
        while (shown > 0 && (uint32_t)shown < value->size &&
               (((const uint8_t *)value->as.bytes)[shown] & 0xC0) == 0x80) {
            shown--; /* not inside a character */
        }
        return snprintf(out, size, "\"%.*s%s\"", shown, (const char *)value->as.bytes,
                        (uint32_t)shown < value->size ? "..." : "");
    case QUIRE_BLOB:
    case QUIRE_LIST:
        break;
    }
    return snprintf(out, size, "%u bytes", value->size);
}

void qr_index_describe(const struct qr_index *index, const struct qr_key *full, char *out,
                       size_t size)
{
    const struct qr_object *object = index->def->object;
    struct qr_arena arena;
    size_t used = 0;
    size_t offset = 0;
    qr_arena_init(&arena, &index->txn->db->allocator, 0);
    for (uint32_t i = 0; i < object->key_count; i++) {
        quire_value value;
        if (qr_key_decode(full->bytes, full->size, &offset, object->parts[i].descending, &arena,
                          &value, NULL) != QUIRE_OK ||
            size - used < 128) {
            break;
        }
        used += (size_t)snprintf(out + used, size - used, "%s", i == 0 ? "(" : ", ");
        used += (size_t)describe_value(&value, out + used, size - used);
    }
    qr_arena_free(&arena);
    (void)snprintf(out + used, size - used, "%s", used == 0 ? "()" : ")");
}
