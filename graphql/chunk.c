/*
 * Rows in chunks: see chunk.h.
 */
#include "graphql/chunk.h"

#include "graphql/explain.h"
#include "graphql/walk.h"

struct qr_chunks {
    struct qr_reader *reader;
    const struct qr_query *query;
    struct qr_arena *own;             /* the reader's arena otherwise */
    struct qr_arena arena;            /* of the chunk */
    struct qr_reader_handle *handles; /* the reader's before the chunk */
    struct qr_walk walk;
    struct qr_sink *sink; /* NULL: all rows are there */
    bool ended;           /* the walk */
    struct qr_rows rows;  /* all of them ... */
    size_t next;          /* ... from here on not given yet */
    uint64_t rows_read, returned;
    struct qr_gql_str parent, name; /* of the field, for explain ... */
    uint64_t began_ns;              /* ... and since when it is read */
};

static quire_status open_walk(struct qr_chunks *chunks)
{
    struct qr_reader *reader = chunks->reader;
    const struct qr_query *query = chunks->query;

    QR_TRY(qr_sink_create(reader, query, true, false, &chunks->sink));
    QR_TRY(qr_sink_by_pieces(chunks->sink, QR_CHUNK_ROWS, &chunks->arena));
    QR_TRY(qr_walk_open(reader, query, &query->path, &chunks->walk));
    return qr_walk_start(&chunks->walk, 0);
}

quire_status qr_chunks_open(struct qr_reader *reader, const struct qr_query *query,
                            struct qr_chunks **out)
{
    struct qr_chunks *chunks = qr_arena_alloc_zero(reader->arena, sizeof *chunks, reader->err);
    quire_status status;

    *out = NULL;
    if (chunks == NULL) {
        return QUIRE_NO_MEMORY;
    }
    chunks->reader = reader;
    chunks->query = query;
    chunks->own = reader->arena;
    chunks->handles = reader->handles;
    if (reader->explain != NULL) {
        chunks->parent = reader->explain->parent;
        chunks->name = reader->explain->field;
        chunks->began_ns = reader->explain->began_ns;
    }
    qr_arena_init(&chunks->arena, reader->arena->allocator, reader->arena->bytes_max);
    if (query->path.ordered && !query->backward && query->distinct_count == 0) {
        chunks->ended = query->limit == 0;
        status = open_walk(chunks);
    } else {
        struct qr_page page;
        chunks->ended = true;
        status = qr_query_run(reader, query, &chunks->rows, &page);
    }
    chunks->handles = reader->handles;
    if (status != QUIRE_OK) {
        qr_chunks_close(chunks);
        return status;
    }
    *out = chunks;
    return QUIRE_OK;
}

static quire_status offer_row(void *context, const struct qr_row *row, bool *done)
{
    return qr_sink_offer(context, row, done);
}

/* Reads on until some row has passed the filter. */
static quire_status read_rows(struct qr_chunks *chunks, struct qr_rows *rows)
{
    while (rows->count == 0 && !chunks->ended) {
        uint64_t room = qr_sink_room(chunks->sink);
        size_t target = room < QR_CHUNK_ROWS ? (size_t)room : QR_CHUNK_ROWS;
        bool valid = true;
        bool done = false;
        qr_arena_reset(&chunks->arena);
        uint64_t before = chunks->reader->rows_read;
        QR_TRY(qr_walk_each(&chunks->walk, target == 0 ? 1 : target, offer_row, chunks->sink,
                            &valid, &done));
        chunks->rows_read += chunks->reader->rows_read - before;
        chunks->ended = done || !valid;
        QR_TRY(qr_sink_take(chunks->sink, rows));
    }
    return QUIRE_OK;
}

static quire_status explain(const struct qr_chunks *chunks)
{
    struct qr_explain *out = chunks->reader->explain;
    if (out != NULL) {
        out->parent = chunks->parent;
        out->field = chunks->name;
        out->began_ns = chunks->began_ns;
    }
    return qr_explain_query(chunks->reader, chunks->query, chunks->rows_read, chunks->returned);
}

quire_status qr_chunks_next(struct qr_chunks *chunks, struct qr_rows *rows)
{
    struct qr_reader *reader = chunks->reader;

    qr_reader_close_since(reader, chunks->handles);
    qr_arena_reset(&chunks->arena);
    reader->arena = &chunks->arena;
    *rows = (struct qr_rows){0};
    if (chunks->sink != NULL) {
        QR_TRY(read_rows(chunks, rows));
    } else {
        size_t left = chunks->rows.count - chunks->next;
        rows->count = left < QR_CHUNK_ROWS ? left : QR_CHUNK_ROWS;
        rows->rows = left == 0 ? NULL : chunks->rows.rows + chunks->next;
        rows->keys = left == 0 ? NULL : chunks->rows.keys + chunks->next;
        chunks->next += rows->count;
    }
    chunks->returned += rows->count;
    return rows->count == 0 && chunks->sink != NULL ? explain(chunks) : QUIRE_OK;
}

void qr_chunks_close(struct qr_chunks *chunks)
{
    if (chunks == NULL) {
        return;
    }
    if (chunks->sink != NULL) {
        qr_walk_close(&chunks->walk);
    }
    qr_reader_close_since(chunks->reader, chunks->handles);
    chunks->reader->arena = chunks->own;
    qr_arena_free(&chunks->arena);
}
