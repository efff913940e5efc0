/*
 * Connections in chunks: see stream.h.
 */
#include "graphql/stream.h"

#include "graphql/chunk.h"
#include "graphql/read_internal.h"

/* Bytes that are worth a call of the receiver. */
#define FLUSH_BYTES ((size_t)64 * 1024)

static bool has_rows(const struct qr_select_field *field)
{
    return field->api != NULL &&
           (field->api->kind == QR_API_EDGES ||
            (field->api->kind == QR_API_ITEMS && field->selected->arguments.count == 0));
}

bool qr_stream_applies(const struct qr_select_field *field)
{
    uint32_t with_rows = 0;
    if (field->api == NULL || field->api->kind != QR_API_MANY) {
        return false;
    }
    for (uint32_t i = 0; i < field->set->count; i++) {
        const struct qr_select_field *member = &field->set->fields[i];
        enum qr_api_kind kind = member->api == NULL ? QR_API_TOTAL_COUNT : member->api->kind;
        if (kind == QR_API_PAGE_INFO || (kind == QR_API_ITEMS && !has_rows(member))) {
            return false;
        }
        with_rows += has_rows(member) ? 1 : 0;
    }
    return with_rows == 1;
}

static quire_status write_chunks(struct qr_reader *reader, const struct qr_select_field *field,
                                 const struct qr_connection *connection, uint32_t number,
                                 struct qr_chunks *chunks, struct qr_json_writer *writer)
{
    struct qr_rows rows;
    QR_TRY(qr_chunks_next(chunks, &rows));
    while (rows.count > 0) {
        struct qr_connection *piece;
        QR_TRY(qr_read_piece(reader, field, connection, number, &rows, &piece));
        QR_TRY(qr_write_elements(reader, piece, field->set, number, 0, writer));
        qr_json_writer_flush(writer, FLUSH_BYTES);
        QR_TRY(writer->status);
        QR_TRY(qr_chunks_next(chunks, &rows));
    }
    return QUIRE_OK;
}

static quire_status write_rows(struct qr_reader *reader, const struct qr_select_field *field,
                               const struct qr_connection *connection, uint32_t number,
                               const struct qr_query *query, struct qr_json_writer *writer)
{
    struct qr_gql_str name = field->set->fields[number].selected->name;
    struct qr_chunks *chunks;

    QR_TRY(qr_chunks_open(reader, query, &chunks));
    qr_json_put_key(writer, name.data, name.size);
    qr_json_begin_array(writer);
    quire_status status = write_chunks(reader, field, connection, number, chunks, writer);
    qr_chunks_close(chunks);
    qr_json_end_array(writer);
    return status;
}

quire_status qr_stream_root(struct qr_reader *reader, const struct qr_select_field *field,
                            struct qr_json_writer *writer)
{
    struct qr_connection *connection;
    struct qr_query query;

    QR_TRY(qr_read_apart(reader, field, &query, &connection));
    qr_json_begin_object(writer);
    for (uint32_t i = 0; i < field->set->count; i++) {
        QR_TRY(has_rows(&field->set->fields[i])
                   ? write_rows(reader, field, connection, i, &query, writer)
                   : qr_write_member(reader, connection, field->set, i, 0, writer));
    }
    qr_json_end_object(writer);
    return writer->status;
}
