/*
 * The CSV reader: bytes run through a machine of five states that collects the
 * text of one record; when the record ends its cells become events.
 */
#include "graphql/csv_read.h"

#include <string.h>

/* Of one record, or of the header. */
#define RECORD_BYTES_MAX ((size_t)1 << 30)
#define CELLS_MAX        4096 /* a header compares each with each */

enum state {
    RECORD_START,
    CELL_START, /* nothing of the cell was read yet */
    PLAIN,      /* in a cell without quotes */
    QUOTED,     /* between quotes */
    QUOTE       /* behind a quote that ends the cell, or is the first of two */
};

struct cell {
    size_t start, size; /* in the record's text */
    uint32_t line, column;
    bool quoted;
};

struct record {
    char *text;
    size_t size, capacity;
    struct cell *cells;
    size_t count, cell_capacity;
};

struct qr_csv_reader {
    const quire_allocator *allocator;
    qr_json_handler handler;
    void *context;
    struct record header;
    struct record record; /* under construction, of the header too */
    enum state state;
    bool has_header;
    bool after_cr; /* a CR was read that only LF may follow */
    bool failed;
    uint32_t line, column;       /* of the next byte */
    uint32_t at_line, at_column; /* of the current event, or of a failure */
    size_t mark;                 /* bytes of a byte order mark that were read; 3: past the start */
};

quire_status qr_csv_reader_create(const quire_allocator *allocator, qr_json_handler handler,
                                  void *context, struct qr_csv_reader **out, quire_error *err)
{
    struct qr_csv_reader *reader = qr_alloc_zero(allocator, sizeof *reader, err);
    *out = reader;
    if (reader == NULL) {
        return QUIRE_NO_MEMORY;
    }
    reader->allocator = allocator;
    reader->handler = handler;
    reader->context = context;
    reader->line = 1;
    reader->column = 1;
    return QUIRE_OK;
}

static void free_record(const quire_allocator *allocator, struct record *record)
{
    qr_free(allocator, record->text, record->capacity);
    qr_free(allocator, record->cells, record->cell_capacity * sizeof *record->cells);
}

void qr_csv_reader_destroy(struct qr_csv_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    free_record(reader->allocator, &reader->header);
    free_record(reader->allocator, &reader->record);
    qr_free(reader->allocator, reader, sizeof *reader);
}

void qr_csv_reader_position(const struct qr_csv_reader *reader, uint32_t *line, uint32_t *column)
{
    *line = reader->at_line;
    *column = reader->at_column;
}

static quire_status fail_here(struct qr_csv_reader *reader, quire_error *err, quire_status status,
                              const char *what)
{
    return qr_fail_text(err, status, NULL, reader->line, reader->column, "%s", what);
}

static quire_status fail_cell(const struct cell *cell, quire_error *err, quire_status status,
                              const char *what)
{
    return qr_fail_text(err, status, NULL, cell->line, cell->column, "%s", what);
}

/* ---- records ---- */

static struct qr_gql_str text_of(const struct record *record, size_t cell)
{
    const struct cell *at = &record->cells[cell];
    /* A record of empty cells alone has no text. */
    return (struct qr_gql_str){at->size == 0 ? "" : record->text + at->start, at->size};
}

static quire_status emit(struct qr_csv_reader *reader, enum qr_json_event event,
                         const struct cell *place, struct qr_gql_str text, quire_error *err)
{
    reader->at_line = place->line;
    reader->at_column = place->column;
    return reader->handler(reader->context, event, text.data, text.size, err);
}

static quire_status check_header(const struct record *header, quire_error *err)
{
    for (size_t i = 0; i < header->count; i++) {
        struct qr_gql_str name = text_of(header, i);
        if (name.size == 0) {
            return fail_cell(&header->cells[i], err, QUIRE_DATA,
                             "A column of the header has no name.");
        }
        for (size_t k = 0; k < i; k++) {
            if (qr_gql_str_equal(name, text_of(header, k))) {
                return fail_cell(&header->cells[i], err, QUIRE_DATA,
                                 "The header has this name twice.");
            }
        }
    }
    return QUIRE_OK;
}

static quire_status emit_record(struct qr_csv_reader *reader, quire_error *err)
{
    const struct record *record = &reader->record;
    const struct record *header = &reader->header;
    const struct qr_gql_str none = {NULL, 0};

    if (record->count != header->count) {
        return qr_fail_text(err, QUIRE_DATA, NULL, record->cells[0].line, record->cells[0].column,
                            "The header has %zu columns, but this record has %zu cells.",
                            header->count, record->count);
    }
    QR_TRY(emit(reader, QR_JSON_OBJECT_BEGIN, &record->cells[0], none, err));
    for (size_t i = 0; i < record->count; i++) {
        const struct cell *cell = &record->cells[i];
        bool has_value = cell->quoted || cell->size > 0;
        QR_TRY(emit(reader, QR_JSON_KEY, cell, text_of(header, i), err));
        QR_TRY(emit(reader, has_value ? QR_JSON_STRING : QR_JSON_NULL, cell,
                    has_value ? text_of(record, i) : none, err));
    }
    return emit(reader, QR_JSON_OBJECT_END, &record->cells[0], none, err);
}

static quire_status check_utf8(const struct record *record, quire_error *err)
{
    for (size_t i = 0; i < record->count; i++) {
        struct qr_gql_str text = text_of(record, i);
        if (!qr_gql_utf8_valid(text.data, text.size)) {
            return fail_cell(&record->cells[i], err, QUIRE_SYNTAX, "This cell is not valid UTF-8.");
        }
    }
    return QUIRE_OK;
}

static quire_status end_record(struct qr_csv_reader *reader, quire_error *err)
{
    struct record *record = &reader->record;
    const struct cell *only = record->cells;
    quire_status status = QUIRE_OK;

    reader->state = RECORD_START;
    if (record->count == 1 && only->size == 0 && !only->quoted) {
        record->count = 0; /* nothing on the line */
        return QUIRE_OK;
    }
    QR_TRY(check_utf8(record, err));
    if (reader->has_header) {
        status = emit_record(reader, err);
    } else {
        struct record empty = {0};
        QR_TRY(check_header(record, err));
        reader->header = *record;
        *record = empty;
        reader->has_header = true;
        status = emit(reader, QR_JSON_ARRAY_BEGIN, &reader->header.cells[0],
                      (struct qr_gql_str){NULL, 0}, err);
    }
    record->size = 0;
    record->count = 0;
    return status;
}

/* ---- cells ---- */

static quire_status begin_cell(struct qr_csv_reader *reader, quire_error *err)
{
    struct record *record = &reader->record;
    if (record->count == CELLS_MAX) {
        return fail_here(reader, err, QUIRE_LIMIT, "A record has more than 4,096 cells.");
    }
    QR_TRY(qr_grow(reader->allocator, &record->cells, &record->cell_capacity, record->count + 1,
                   sizeof *record->cells, err));
    record->cells[record->count++] =
        (struct cell){.start = record->size, .line = reader->line, .column = reader->column};
    return QUIRE_OK;
}

static quire_status append(struct qr_csv_reader *reader, const char *bytes, size_t size,
                           quire_error *err)
{
    struct record *record = &reader->record;
    if (size > RECORD_BYTES_MAX - record->size) {
        return fail_here(reader, err, QUIRE_LIMIT, "A record has more than 1 GiB.");
    }
    QR_TRY(
        qr_grow(reader->allocator, &record->text, &record->capacity, record->size + size, 1, err));
    memcpy(record->text + record->size, bytes, size);
    record->size += size;
    record->cells[record->count - 1].size += size;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            reader->line++;
            reader->column = 1;
        } else {
            reader->column += ((unsigned char)bytes[i] & 0xC0U) != 0x80U;
        }
    }
    return QUIRE_OK;
}

/* How many bytes from `bytes` on go into the cell as they are. */
static size_t run_of(const struct qr_csv_reader *reader, const char *bytes, size_t size)
{
    size_t i = 0;
    if (reader->state == QUOTED) {
        const char *quote = memchr(bytes, '"', size);
        return quote == NULL ? size : (size_t)(quote - bytes);
    }
    while (i < size && bytes[i] != ',' && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '"') {
        i++;
    }
    return i;
}

static quire_status take_run(struct qr_csv_reader *reader, const char *bytes, size_t size,
                             quire_error *err)
{
    if (reader->state == QUOTE) {
        return fail_here(reader, err, QUIRE_SYNTAX,
                         "Behind the closing quotes of a cell only a comma or a line end is left.");
    }
    if (reader->state == CELL_START) {
        reader->state = PLAIN;
    }
    return append(reader, bytes, size, err);
}

static quire_status take_quote(struct qr_csv_reader *reader, quire_error *err)
{
    switch (reader->state) {
    case PLAIN:
        return fail_here(reader, err, QUIRE_SYNTAX,
                         "A cell with quotes in it must stand in quotes, and its own be doubled.");
    case QUOTE:
        reader->state = QUOTED;
        return append(reader, "\"", 1, err);
    case QUOTED:
        reader->state = QUOTE;
        break;
    case RECORD_START:
    case CELL_START:
        reader->state = QUOTED;
        reader->record.cells[reader->record.count - 1].quoted = true;
        break;
    }
    reader->column++;
    return QUIRE_OK;
}

/* A byte that is no part of a run. */
static quire_status take_mark(struct qr_csv_reader *reader, char byte, quire_error *err)
{
    switch (byte) {
    case '"':
        return take_quote(reader, err);
    case ',':
        reader->column++;
        reader->state = CELL_START;
        return begin_cell(reader, err);
    case '\r':
        reader->column++;
        reader->after_cr = true;
        return QUIRE_OK;
    default: /* LF */
        reader->after_cr = false;
        QR_TRY(end_record(reader, err));
        reader->line++;
        reader->column = 1;
        return QUIRE_OK;
    }
}

static quire_status take(struct qr_csv_reader *reader, const char *bytes, size_t size,
                         quire_error *err)
{
    for (size_t at = 0; at < size;) {
        if (reader->after_cr && bytes[at] != '\n') {
            return fail_here(reader, err, QUIRE_SYNTAX,
                             "A carriage return outside of quotes must belong to a line end.");
        }
        if (reader->state == RECORD_START) {
            QR_TRY(begin_cell(reader, err));
            reader->state = CELL_START;
        }
        size_t run = run_of(reader, bytes + at, size - at);
        if (run > 0) {
            QR_TRY(take_run(reader, bytes + at, run, err));
            at += run;
        } else {
            QR_TRY(take_mark(reader, bytes[at++], err));
        }
    }
    return QUIRE_OK;
}

/* ---- texts ---- */

/* Skips a byte order mark; says how many bytes of the piece belong to it. */
static quire_status skip_order_mark(struct qr_csv_reader *reader, const char *bytes, size_t size,
                                    size_t *skipped, quire_error *err)
{
    static const char order_mark[] = "\xEF\xBB\xBF";
    *skipped = 0;
    while (reader->mark < 3 && *skipped < size) {
        if (bytes[*skipped] == order_mark[reader->mark]) {
            reader->mark++;
            ++*skipped;
        } else if (reader->mark == 0) {
            reader->mark = 3;
        } else {
            return fail_here(reader, err, QUIRE_SYNTAX, "The text is not valid UTF-8.");
        }
    }
    return QUIRE_OK;
}

static quire_status conclude(struct qr_csv_reader *reader, quire_status status, quire_error *err)
{
    if (status == QUIRE_OK) {
        return QUIRE_OK;
    }
    reader->failed = true;
    if (err != NULL && err->line == 0) {
        err->line = reader->at_line;
        err->column = reader->at_column;
    }
    return status;
}

static quire_status bad(quire_error *err)
{
    return qr_fail(err, QUIRE_MISUSE, "the CSV text has already been found bad");
}

quire_status qr_csv_reader_feed(struct qr_csv_reader *reader, const void *bytes, size_t size,
                                quire_error *err)
{
    const char *text = bytes;
    size_t skipped;
    if (reader->failed) {
        return bad(err);
    }
    quire_status status = skip_order_mark(reader, text, size, &skipped, err);
    if (status == QUIRE_OK) {
        status = take(reader, text + skipped, size - skipped, err);
    }
    return conclude(reader, status, err);
}

static quire_status finish(struct qr_csv_reader *reader, quire_error *err)
{
    if (reader->state == QUOTED) {
        return fail_cell(&reader->record.cells[reader->record.count - 1], err, QUIRE_SYNTAX,
                         "The quotes that begin this cell are not closed.");
    }
    if (reader->state != RECORD_START) {
        QR_TRY(end_record(reader, err));
    }
    if (!reader->has_header) {
        return fail_here(reader, err, QUIRE_DATA,
                         "The text has no header: its first line names the columns.");
    }
    struct cell end = {.line = reader->line, .column = reader->column};
    return emit(reader, QR_JSON_ARRAY_END, &end, (struct qr_gql_str){NULL, 0}, err);
}

quire_status qr_csv_reader_finish(struct qr_csv_reader *reader, quire_error *err)
{
    return reader->failed ? bad(err) : conclude(reader, finish(reader, err), err);
}
