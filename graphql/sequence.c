/*
 * Numbers that count: see sequence.h.
 *
 * The tree's rows: rowid = id of the table * 4096 + number of the column,
 * payload = 8 bytes, the largest number, little-endian. Neither changes when a
 * table or column is renamed.
 */
#include "graphql/sequence.h"

#include "base/bytes.h"

/* No type, and so no table, has such a name. */
static const char tree_name[] = "$sequences";

enum { PAYLOAD_SIZE = 8 };

quire_status qr_sequence_prepare(quire_txn *txn, quire_error *err)
{
    quire_error ignored = QUIRE_ERROR_INIT;
    quire_tree *tree;
    quire_status status = quire_tree_open(txn, tree_name, &tree, &ignored);
    if (status == QUIRE_UNKNOWN_NAME) {
        return quire_tree_create(txn, tree_name, err);
    }
    if (status != QUIRE_OK) {
        return quire_tree_open(txn, tree_name, &tree, err);
    }
    quire_tree_close(tree);
    return QUIRE_OK;
}

static int64_t place_of(const quire_table *table, uint32_t column)
{
    return (int64_t)qr_table_id(table) * QR_COLUMNS_MAX + column;
}

static quire_status open_sequence(struct qr_reader *reader, const struct qr_model_field *field,
                                  int64_t *rowid)
{
    quire_table *table;
    QR_TRY(qr_reader_table(reader, field->owner, &table));
    *rowid = place_of(table, field->column);
    return reader->sequences != NULL
               ? QUIRE_OK
               : quire_tree_open(reader->txn, tree_name, &reader->sequences, reader->err);
}

static quire_status read_largest(struct qr_reader *reader, int64_t rowid, int64_t *largest)
{
    const void *payload;
    size_t size;
    bool found;

    *largest = 0;
    QR_TRY(quire_tree_find(reader->sequences, rowid, &payload, &size, &found, reader->err));
    if (found && size != PAYLOAD_SIZE) {
        return qr_fail(reader->err, QUIRE_CORRUPT,
                       "The tree %s holds a number of %zu bytes; run 'quire inspect'.", tree_name,
                       size);
    }
    if (found) {
        *largest = (int64_t)qr_load64(payload);
    }
    return QUIRE_OK;
}

static quire_status write_largest(struct qr_reader *reader, int64_t rowid, int64_t largest)
{
    uint8_t payload[PAYLOAD_SIZE];
    qr_store64(payload, (uint64_t)largest);
    return quire_tree_put(reader->sequences, rowid, payload, sizeof payload, NULL, reader->err);
}

quire_status qr_sequence_next(struct qr_reader *reader, const struct qr_model_field *field,
                              int64_t *number)
{
    int64_t most = field->scalar == QR_MODEL_INT ? INT32_MAX : INT64_MAX;
    int64_t rowid;

    QR_TRY(open_sequence(reader, field, &rowid));
    QR_TRY(read_largest(reader, rowid, number));
    if (*number >= most) {
        return qr_fail(reader->err, QUIRE_LIMIT,
                       "%s.%.*s has counted up to %lld, the largest number of its type; a BigInt "
                       "goes further.",
                       field->owner->table, QR_GQL_FMT(field->name), (long long)*number);
    }
    return write_largest(reader, rowid, ++*number);
}

quire_status qr_sequence_largest(struct qr_reader *reader, const struct qr_model_field *field,
                                 int64_t *number)
{
    int64_t rowid;
    QR_TRY(open_sequence(reader, field, &rowid));
    return read_largest(reader, rowid, number);
}

quire_status qr_sequence_move(quire_txn *txn, const quire_table *from, uint32_t from_column,
                              const quire_table *to, uint32_t to_column, quire_error *err)
{
    uint8_t number[PAYLOAD_SIZE];
    quire_tree *tree;
    const void *payload;
    size_t size;
    bool found;

    QR_TRY(quire_tree_open(txn, tree_name, &tree, err));
    quire_status status =
        quire_tree_find(tree, place_of(from, from_column), &payload, &size, &found, err);
    if (status == QUIRE_OK && found && size == sizeof number) {
        memcpy(number, payload, sizeof number);
        status = quire_tree_put(tree, place_of(to, to_column), number, sizeof number, NULL, err);
    }
    quire_tree_close(tree);
    return status;
}

quire_status qr_sequence_raise(struct qr_reader *reader, const struct qr_model_field *field,
                               int64_t number)
{
    int64_t largest;
    int64_t rowid;

    QR_TRY(open_sequence(reader, field, &rowid));
    QR_TRY(read_largest(reader, rowid, &largest));
    return number > largest ? write_largest(reader, rowid, number) : QUIRE_OK;
}
