/*
 * The range of a walk over an index: what the caller gives becomes two byte
 * strings, and these the places in the tree where the walk begins and ends.
 * Also what can be told of a range without walking over it.
 */
#include "catalog/record.h"
#include "engine/collation.h"
#include "engine/index_cursor_internal.h"

/* ---- The range ---- */

static quire_status check_bound(const struct qr_index *index, uint32_t position,
                                const quire_value *value, quire_error *err)
{
    quire_type type = index->def->sources[position].type;
    if (value->type != QUIRE_NULL && value->type != type) {
        return qr_fail(err, QUIRE_TYPE, "Column \"%.200s\" of index \"%s\" is of type %s, not %s.",
                       qr_index_part_name(index->def, position), index->def->object->name,
                       qr_type_name(type), qr_type_name(value->type));
    }
    return QUIRE_OK;
}

static quire_status check_start(const struct qr_index *index, const quire_index_range *range,
                                quire_error *err)
{
    const struct qr_object *object = index->def->object;
    const quire_value *start = range->starts_with;
    if (range->lower != NULL || range->upper != NULL ||
        (start->type != QUIRE_TEXT && start->type != QUIRE_BLOB)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "starts_with of index \"%s\" is a text or blob, without other bounds.",
                       object->name);
    }
    const char *name = object->parts[range->prefix_count].collation;
    const struct qr_collation *collation =
        name == NULL ? NULL : qr_collation_find(index->txn->db, name);
    if (collation != NULL && !collation->is_folding) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Collation \"%s\" of index \"%s\" does not say what a text starts with.",
                       name, object->name);
    }
    return check_bound(index, range->prefix_count, start, err);
}

quire_status qr_index_range_check(const struct qr_index *index, const quire_index_range *range,
                                  quire_error *err)
{
    const struct qr_object *object = index->def->object;
    bool bounded = range->lower != NULL || range->upper != NULL || range->starts_with != NULL;
    bool is_hash = object->index_kind == QUIRE_INDEX_HASH;
    if (is_hash && (range->prefix_count != object->key_count || bounded)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Hash index \"%s\" is searched by its full key of %u columns.", object->name,
                       object->key_count);
    }
    if (range->prefix_count > object->key_count ||
        (bounded && range->prefix_count == object->key_count) ||
        (range->prefix == NULL && range->prefix_count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "Index \"%s\" has %u columns; the range names more.",
                       object->name, object->key_count);
    }
    for (uint32_t i = 0; i < range->prefix_count; i++) {
        QR_TRY(check_bound(index, i, &range->prefix[i], err));
    }
    if (range->starts_with != NULL) {
        QR_TRY(check_start(index, range, err));
    }
    if (range->lower != NULL) {
        QR_TRY(check_bound(index, range->prefix_count, range->lower, err));
    }
    if (range->upper != NULL) {
        QR_TRY(check_bound(index, range->prefix_count, range->upper, err));
    }
    return QUIRE_OK;
}

/* Appends the bound of the column after the prefix. The byte range begins with the lower bound, or
 * with the upper one where the column descends. `after` moves behind all keys with that value. */
static quire_status append_bound(struct qr_index *index, uint32_t part, struct qr_key *key,
                                 const quire_value *value, bool after, bool *none, quire_error *err)
{
    if (value != NULL) {
        QR_TRY(qr_index_append(index, part, value, key, err));
    }
    if (after) {
        qr_key_successor(key, none);
    }
    return QUIRE_OK;
}

/* From the bytes that all keys of such values share to the end of those that begin so. */
static quire_status make_start(struct quire_index_cursor *cursor, const quire_value *start,
                               uint32_t part, quire_error *err)
{
    QR_TRY(qr_index_append(&cursor->index, part, start, &cursor->lower, err));
    cursor->lower.size -= 2; /* what ends the value */
    qr_key_clear(&cursor->upper);
    QR_TRY(qr_key_append_bytes(&cursor->upper, cursor->lower.bytes, cursor->lower.size, err));
    qr_key_successor(&cursor->upper, &cursor->unbounded);
    return QUIRE_OK;
}

/* Entries of one long key are found by its cut form: no others of its group need be read. */
static quire_status make_exact(struct quire_index_cursor *cursor, quire_error *err)
{
    struct qr_index_key *wanted = &cursor->wanted;
    struct qr_slice full = {cursor->lower.bytes, cursor->lower.size};
    bool none = false;
    if (full.size <= qr_index_key_max(cursor->index.page_size)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_index_key_from_bytes(&cursor->index, full, false, (struct qr_slice){NULL, 0}, wanted,
                                   err));
    qr_key_clear(&cursor->cut_end);
    QR_TRY(qr_key_append_bytes(&cursor->cut_end, wanted->cut.bytes, wanted->cut.size, err));
    qr_key_successor(&cursor->cut_end, &none);
    cursor->exact = !none;
    return QUIRE_OK;
}

quire_status qr_index_range_make(struct quire_index_cursor *cursor, const quire_index_range *range,
                                 quire_error *err)
{
    const struct qr_object *object = cursor->index.def->object;
    bool none = false;
    uint32_t part = range->prefix_count;
    for (uint32_t i = 0; i < part; i++) {
        QR_TRY(qr_index_append(&cursor->index, i, &range->prefix[i], &cursor->lower, err));
    }
    QR_TRY(qr_key_append_bytes(&cursor->upper, cursor->lower.bytes, cursor->lower.size, err));
    bool descending = part < object->key_count && object->parts[part].descending;
    if (range->starts_with != NULL) {
        return make_start(cursor, range->starts_with, part, err);
    }
    const quire_value *first = descending ? range->upper : range->lower;
    const quire_value *last = descending ? range->lower : range->upper;
    bool first_exclusive = descending ? range->upper_exclusive : range->lower_exclusive;
    bool last_exclusive = descending ? range->lower_exclusive : range->upper_exclusive;
    QR_TRY(append_bound(&cursor->index, part, &cursor->lower, first,
                        first != NULL && first_exclusive, &none, err));
    cursor->done = none; /* nothing lies behind the largest key */
    QR_TRY(append_bound(&cursor->index, part, &cursor->upper, last, last == NULL || !last_exclusive,
                        &cursor->unbounded, err));
    return part == object->key_count ? make_exact(cursor, err) : QUIRE_OK;
}

/* The part of a bound that the stored order can be trusted with. */
static struct qr_slice trusted(const struct quire_index_cursor *cursor, const struct qr_key *bound)
{
    size_t prefix = qr_index_prefix_size(cursor->index.page_size);
    return (struct qr_slice){bound->bytes, bound->size < prefix ? bound->size : prefix};
}

struct qr_slice qr_index_range_lower(const struct quire_index_cursor *cursor)
{
    const struct qr_key *cut = &cursor->wanted.cut;
    return cursor->exact ? (struct qr_slice){cut->bytes, cut->size}
                         : trusted(cursor, &cursor->lower);
}

struct qr_slice qr_index_range_upper(const struct quire_index_cursor *cursor, bool *partly)
{
    if (cursor->exact) {
        *partly = false;
        return (struct qr_slice){cursor->cut_end.bytes, cursor->cut_end.size};
    }
    struct qr_slice upper = trusted(cursor, &cursor->upper);
    *partly = upper.size < cursor->upper.size;
    return upper;
}

/* Writes the bytes with which entries at a place begin, or where those behind it do. */
static quire_status make_place(struct quire_index_cursor *cursor,
                               const struct qr_index_place *place, bool behind, struct qr_key *key,
                               bool *none, quire_error *err)
{
    const struct qr_object *object = cursor->index.def->object;
    bool has_null = false;

    qr_key_clear(key);
    for (uint32_t i = 0; i < object->key_count; i++) {
        QR_TRY(check_bound(&cursor->index, i, &place->values[i], err));
        QR_TRY(qr_index_append(&cursor->index, i, &place->values[i], key, err));
        has_null = has_null || place->values[i].type == QUIRE_NULL;
    }
    if (key->size < qr_index_prefix_size(cursor->index.page_size) &&
        (!object->unique || has_null)) {
        QR_TRY(qr_key_append_rowid(key, place->rowid, err));
    }
    if (behind) {
        qr_key_successor(key, none);
    }
    return QUIRE_OK;
}

quire_status qr_index_cursor_narrow(quire_index_cursor *cursor, const struct qr_index_place *from,
                                    const struct qr_index_place *to, quire_error *err)
{
    struct qr_key *key = &cursor->prefix;
    bool none = false;

    if (cursor->index.def->object->index_kind == QUIRE_INDEX_HASH || cursor->exact) {
        return QUIRE_OK;
    }
    if (from != NULL) {
        QR_TRY(make_place(cursor, from, false, key, &none, err));
        if (qr_key_compare(key->bytes, key->size, cursor->lower.bytes, cursor->lower.size) > 0) {
            qr_key_clear(&cursor->lower);
            QR_TRY(qr_key_append_bytes(&cursor->lower, key->bytes, key->size, err));
        }
    }
    if (to != NULL) {
        QR_TRY(make_place(cursor, to, true, key, &none, err));
        if (!none &&
            (cursor->unbounded ||
             qr_key_compare(key->bytes, key->size, cursor->upper.bytes, cursor->upper.size) < 0)) {
            qr_key_clear(&cursor->upper);
            QR_TRY(qr_key_append_bytes(&cursor->upper, key->bytes, key->size, err));
            cursor->unbounded = false;
        }
    }
    return QUIRE_OK;
}

/* ---- Estimates ---- */

static quire_status estimate_hash(struct quire_index_cursor *cursor, uint64_t *entries,
                                  quire_error *err)
{
    const struct qr_hash_match *match = &cursor->rowids.match;
    struct qr_hash hash = qr_hash_of(cursor->index.txn, cursor->index.def->object);
    *entries = match->count;
    return match->posting_root == 0
               ? QUIRE_OK
               : qr_hash_posting_count(&hash, match->posting_root, entries, err);
}

quire_status qr_index_cursor_estimate(quire_index_cursor *cursor, uint64_t *entries,
                                      quire_error *err)
{
    bool partly;
    *entries = 0;
    if (cursor->index.def->object->index_kind == QUIRE_INDEX_HASH) {
        return estimate_hash(cursor, entries, err);
    }
    if (cursor->done) {
        return QUIRE_OK;
    }
    struct qr_tree tree = qr_index_tree(&cursor->index);
    struct qr_slice lower = qr_index_range_lower(cursor);
    struct qr_slice upper = {NULL, 0};
    if (!cursor->unbounded) {
        upper = qr_index_range_upper(cursor, &partly);
    }
    struct qr_tree_key from = {.bytes = lower.data, .size = lower.size};
    struct qr_tree_key to = {.bytes = upper.data, .size = upper.size};
    return qr_tree_estimate(&tree, lower.size == 0 ? NULL : &from, cursor->unbounded ? NULL : &to,
                            entries, err);
}
