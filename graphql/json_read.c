/*
 * The streaming reader, over libyajl's callbacks.
 *
 * Three things that callers rely on are added here. Positions: yajl tells how
 * far it has read in the current chunk, so a token starts behind the one before
 * it and the white space between; lines are counted only when somebody asks, or
 * when a chunk ends. Strict text: strings that had escapes are walked once more
 * to refuse unpaired surrogates, which yajl would replace silently, and all are
 * checked as UTF-8, where yajl lets overlong forms pass. Memory: yajl uses what
 * its allocation function returns without a check, so a failed allocation
 * leaves yajl by longjmp; the reader holds all of yajl's blocks, in a pool of its
 * own as long as that has room and then in a list, frees them whatever state yajl
 * was in, and never enters that parser again.
 */
#include "graphql/json_read.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <yajl/yajl_parse.h>

/* Header of a block handed to yajl, which frees without telling sizes. */
union block {
    struct {
        union block *previous, *next;
        size_t size; /* with this header */
    } link;
    max_align_t alignment;
};

#define POOL_BLOCKS ((size_t)48)

enum escape_state { ESCAPE_NONE, ESCAPE_BACKSLASH, ESCAPE_HEX };

/* The escapes of one string, seen byte by byte. */
struct escapes {
    enum escape_state state;
    unsigned hex_digits;
    uint32_t code_unit;
    bool high_pending; /* a high surrogate escape waits for its low half */
    bool bad_surrogate;
};

struct qr_json_reader {
    const quire_allocator *allocator;
    yajl_alloc_funcs functions;
    union block *blocks;
    yajl_handle parser;
    qr_json_handler handler;
    void *context;
    uint32_t depth, depth_max;
    bool many, failed;
    bool blank;  /* nothing but white space so far */
    bool closed; /* an array or object has ended that is in no other */
    const unsigned char *chunk;
    size_t chunk_size;
    size_t read_end;       /* in the chunk: behind the last token */
    size_t token;          /* in the chunk: where the current token starts, unless carried */
    size_t mark;           /* in the chunk: the byte that `line` and `column` are of */
    uint32_t line, column; /* from 1, columns in code points */
    bool carried;          /* the current token started in an earlier chunk: */
    bool carried_string;
    uint32_t carried_line, carried_column;
    struct escapes escapes;
    quire_status status; /* why a callback stopped yajl */
    quire_error *err;    /* of the running call */
    jmp_buf out_of_memory;
    size_t pool_used;
    /* yajl's first blocks, which for short texts are all; given back with the reader. */
    union block pool[POOL_BLOCKS];
};

static bool is_pooled(const struct qr_json_reader *reader, const union block *block)
{
    return block >= reader->pool && block < reader->pool + POOL_BLOCKS;
}

/* A block of the pool, or NULL when there is no room. */
static union block *take_pooled(struct qr_json_reader *reader, size_t size)
{
    union block *block = &reader->pool[reader->pool_used];
    size_t left = POOL_BLOCKS - reader->pool_used;
    if (size >= left * sizeof *block) {
        return NULL;
    }
    size_t units = 1 + (size + sizeof *block - 1) / sizeof *block;
    if (units > left) {
        return NULL;
    }
    reader->pool_used += units;
    block->link.size = units * sizeof *block;
    return block;
}

/* Makes a block of its own, or another size of such a one. */
static union block *take_linked(struct qr_json_reader *reader, union block *old, size_t size)
{
    size_t old_size = old ? old->link.size : 0;
    union block *previous = old ? old->link.previous : NULL;
    union block *next = old ? old->link.next : reader->blocks;
    union block *block = NULL;
    if (size <= SIZE_MAX - sizeof *block) {
        block = qr_realloc(reader->allocator, old, old_size, sizeof *block + size, reader->err);
    } else {
        (void)qr_fail_memory(reader->err, size);
    }
    if (!block) {
        longjmp(reader->out_of_memory, 1);
    }
    block->link.size = sizeof *block + size;
    block->link.previous = previous;
    block->link.next = next;
    if (previous) {
        previous->link.next = block;
    } else {
        reader->blocks = block;
    }
    if (next) {
        next->link.previous = block;
    }
    return block;
}

static void *block_allocate(struct qr_json_reader *reader, union block *old, size_t size)
{
    if (old && !is_pooled(reader, old)) {
        return take_linked(reader, old, size) + 1;
    }
    union block *block = take_pooled(reader, size);
    if (!block) {
        block = take_linked(reader, NULL, size);
    }
    if (old) {
        size_t kept = old->link.size - sizeof *old;
        memcpy(block + 1, old + 1, kept < size ? kept : size);
    }
    return block + 1;
}

static void *parser_malloc(void *context, size_t size)
{
    return block_allocate(context, NULL, size);
}

static void *parser_realloc(void *context, void *ptr, size_t size)
{
    return block_allocate(context, ptr ? (union block *)ptr - 1 : NULL, size);
}

static void parser_free(void *context, void *ptr)
{
    struct qr_json_reader *reader = context;
    if (!ptr) {
        return;
    }
    union block *block = (union block *)ptr - 1;
    if (is_pooled(reader, block)) {
        return;
    }
    if (block->link.previous) {
        block->link.previous->link.next = block->link.next;
    } else {
        reader->blocks = block->link.next;
    }
    if (block->link.next) {
        block->link.next->link.previous = block->link.previous;
    }
    qr_free(reader->allocator, block, block->link.size);
}

static uint32_t hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0');
    }
    return (uint32_t)((c | 0x20) - 'a') + 10;
}

static void note_code_unit(struct escapes *escapes)
{
    bool high = (escapes->code_unit & 0xFC00U) == 0xD800U;
    bool low = (escapes->code_unit & 0xFC00U) == 0xDC00U;
    if (low != escapes->high_pending) {
        escapes->bad_surrogate = true;
    }
    escapes->high_pending = high;
}

/* One byte behind the opening quote. yajl has found the escapes well formed, or will not. */
static void note_byte(struct escapes *escapes, unsigned char c)
{
    switch (escapes->state) {
    case ESCAPE_NONE:
        if (c == '\\') {
            escapes->state = ESCAPE_BACKSLASH;
        } else if (escapes->high_pending) {
            escapes->bad_surrogate = true;
        }
        break;
    case ESCAPE_BACKSLASH:
        escapes->state = c == 'u' ? ESCAPE_HEX : ESCAPE_NONE;
        escapes->hex_digits = 0;
        escapes->code_unit = 0;
        if (c != 'u' && escapes->high_pending) {
            escapes->bad_surrogate = true;
        }
        break;
    case ESCAPE_HEX:
        escapes->code_unit = (escapes->code_unit << 4 | hex_value(c)) & 0xFFFFU;
        if (++escapes->hex_digits == 4) {
            escapes->state = ESCAPE_NONE;
            note_code_unit(escapes);
        }
        break;
    }
}

static void note_bytes(struct qr_json_reader *reader, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        note_byte(&reader->escapes, reader->chunk[i]);
    }
}

/* Moves `line` and `column` on to a place of the chunk. */
static void count_to(struct qr_json_reader *reader, size_t place)
{
    const unsigned char *chunk = reader->chunk;
    while (reader->mark < place) {
        const unsigned char *newline = memchr(chunk + reader->mark, '\n', place - reader->mark);
        if (!newline) {
            break;
        }
        reader->line++;
        reader->column = 1;
        reader->mark = (size_t)(newline - chunk) + 1;
    }
    for (; reader->mark < place; reader->mark++) {
        reader->column += (chunk[reader->mark] & 0xC0U) != 0x80U;
    }
}

/* Where the token behind the last one starts, or `end`. */
static size_t find_token(const struct qr_json_reader *reader, size_t end)
{
    size_t at = reader->read_end;
    for (; at < end; at++) {
        unsigned char c = reader->chunk[at];
        if (c != ' ' && c != ',' && c != ':' && c != '\n' && c != '\r' && c != '\t') {
            break;
        }
    }
    return at;
}

/* Remembers what the chunk leaves unfinished; its bytes go away. */
static void end_chunk(struct qr_json_reader *reader)
{
    if (reader->carried) {
        if (reader->carried_string) {
            note_bytes(reader, 0, reader->chunk_size);
        }
    } else {
        size_t token = find_token(reader, reader->chunk_size);
        count_to(reader, token);
        if (token < reader->chunk_size) {
            reader->carried = true;
            reader->carried_string = reader->chunk[token] == '"';
            reader->carried_line = reader->line;
            reader->carried_column = reader->column;
            if (reader->carried_string) {
                note_bytes(reader, token + 1, reader->chunk_size);
            }
        }
    }
    count_to(reader, reader->chunk_size);
}

static void begin_chunk(struct qr_json_reader *reader, const void *bytes, size_t size,
                        quire_error *err)
{
    reader->chunk = bytes;
    reader->chunk_size = size;
    reader->read_end = 0;
    reader->mark = 0;
    reader->err = err;
}

void qr_json_reader_position(struct qr_json_reader *reader, uint32_t *line, uint32_t *column)
{
    if (!reader->carried) {
        count_to(reader, reader->token);
    }
    *line = reader->carried ? reader->carried_line : reader->line;
    *column = reader->carried ? reader->carried_column : reader->column;
}

/* Reports at the current token. Returns yajl's word for "stop". */
static int stop(struct qr_json_reader *reader, quire_status status, const char *message)
{
    uint32_t line, column;
    qr_json_reader_position(reader, &line, &column);
    reader->status = qr_fail_text(reader->err, status, NULL, line, column, "%s", message);
    return 0;
}

/* Whether the string that ends at `end` has no half of a surrogate pair. */
static bool has_whole_surrogates(struct qr_json_reader *reader, size_t end, size_t decoded_size)
{
    if (reader->carried) {
        note_bytes(reader, 0, end);
    } else if (end - reader->token != decoded_size + 2) {
        note_bytes(reader, reader->token + 1, end);
    }
    bool whole = !reader->escapes.bad_surrogate;
    reader->escapes = (struct escapes){.state = ESCAPE_NONE};
    return whole;
}

static int emit(struct qr_json_reader *reader, enum qr_json_event event, const unsigned char *text,
                size_t size)
{
    size_t end = yajl_get_bytes_consumed(reader->parser);
    if (!reader->carried) {
        reader->token = find_token(reader, end);
    }
    if (event == QR_JSON_STRING || event == QR_JSON_KEY) {
        if (!has_whole_surrogates(reader, end, size)) {
            return stop(reader, QUIRE_SYNTAX,
                        "a string holds half of a surrogate pair, which stands for no character");
        }
        if (!qr_gql_utf8_valid((const char *)text, size)) {
            return stop(reader, QUIRE_SYNTAX, "a string is not valid UTF-8");
        }
    }
    if (event == QR_JSON_ARRAY_BEGIN || event == QR_JSON_OBJECT_BEGIN) {
        if (reader->depth == reader->depth_max) {
            return stop(reader, QUIRE_LIMIT, "arrays and objects are nested too deeply");
        }
        reader->depth++;
    } else if (event == QR_JSON_ARRAY_END || event == QR_JSON_OBJECT_END) {
        reader->depth--;
        reader->closed = reader->depth == 0;
    }
    reader->status = reader->handler(reader->context, event, (const char *)text, size, reader->err);
    if (reader->status != QUIRE_OK && reader->err && reader->err->line == 0) {
        qr_json_reader_position(reader, &reader->err->line, &reader->err->column);
    }
    reader->carried = false;
    reader->read_end = end;
    return reader->status == QUIRE_OK;
}

static int on_null(void *context)
{
    return emit(context, QR_JSON_NULL, NULL, 0);
}

static int on_boolean(void *context, int value)
{
    return emit(context, value ? QR_JSON_TRUE : QR_JSON_FALSE, NULL, 0);
}

static int on_number(void *context, const char *text, size_t size)
{
    return emit(context, QR_JSON_NUMBER, (const unsigned char *)text, size);
}

static int on_string(void *context, const unsigned char *text, size_t size)
{
    return emit(context, QR_JSON_STRING, text, size);
}

static int on_key(void *context, const unsigned char *text, size_t size)
{
    return emit(context, QR_JSON_KEY, text, size);
}

static int on_object_begin(void *context)
{
    return emit(context, QR_JSON_OBJECT_BEGIN, NULL, 0);
}

static int on_object_end(void *context)
{
    return emit(context, QR_JSON_OBJECT_END, NULL, 0);
}

static int on_array_begin(void *context)
{
    return emit(context, QR_JSON_ARRAY_BEGIN, NULL, 0);
}

static int on_array_end(void *context)
{
    return emit(context, QR_JSON_ARRAY_END, NULL, 0);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_map_key = on_key,
    .yajl_start_map = on_object_begin,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_array_begin,
    .yajl_end_array = on_array_end,
};

static quire_status create_parser(struct qr_json_reader *reader, quire_error *err)
{
    if (setjmp(reader->out_of_memory) != 0) {
        return qr_fail_memory(err, sizeof reader->blocks);
    }
    reader->parser = yajl_alloc(&callbacks, &reader->functions, reader);
    if (reader->many) {
        (void)yajl_config(reader->parser, yajl_allow_multiple_values, 1);
    }
    return QUIRE_OK;
}

quire_status qr_json_reader_create(const quire_allocator *allocator,
                                   const struct qr_json_options *options, qr_json_handler handler,
                                   void *context, struct qr_json_reader **out, quire_error *err)
{
    *out = NULL;
    struct qr_json_reader *reader = qr_alloc(allocator, sizeof *reader, err);
    if (!reader) {
        return QUIRE_NO_MEMORY;
    }
    memset(reader, 0, offsetof(struct qr_json_reader, pool));
    reader->allocator = allocator;
    reader->functions = (yajl_alloc_funcs){parser_malloc, parser_realloc, parser_free, reader};
    reader->handler = handler;
    reader->context = context;
    reader->depth_max = options && options->depth_max ? options->depth_max : QR_JSON_DEPTH_MAX;
    reader->many = options && options->many;
    reader->blank = true;
    reader->line = 1;
    reader->column = 1;
    reader->err = err;
    quire_status status = create_parser(reader, err);
    if (status != QUIRE_OK) {
        qr_json_reader_destroy(reader);
        return status;
    }
    *out = reader;
    return QUIRE_OK;
}

void qr_json_reader_destroy(struct qr_json_reader *reader)
{
    if (!reader) {
        return;
    }
    for (union block *block = reader->blocks; block;) {
        union block *next = block->link.next;
        qr_free(reader->allocator, block, block->link.size);
        block = next;
    }
    qr_free(reader->allocator, reader, sizeof *reader);
}

/* Turns yajl's verdict on the chunk into ours. */
static quire_status conclude(struct qr_json_reader *reader, yajl_status result, quire_error *err)
{
    if (result == yajl_status_ok) {
        end_chunk(reader);
        return QUIRE_OK;
    }
    reader->failed = true;
    if (result == yajl_status_client_canceled) {
        return reader->status;
    }
    size_t consumed = yajl_get_bytes_consumed(reader->parser);
    reader->token =
        find_token(reader, consumed < reader->chunk_size ? consumed : reader->chunk_size);
    uint32_t line, column;
    qr_json_reader_position(reader, &line, &column);
    unsigned char *reason = yajl_get_error(reader->parser, 0, NULL, 0);
    /* yajl's text is "parse error: why\n" or "lexical error: why\n". */
    const char *why = reason ? strstr((const char *)reason, ": ") : NULL;
    why = why ? why + 2 : "invalid text\n";
    quire_status status = qr_fail_text(err, QUIRE_SYNTAX, NULL, line, column, "not JSON: %.*s",
                                       (int)strcspn(why, "\n"), why);
    yajl_free_error(reader->parser, reason);
    return status;
}

/* Behind a failed allocation, which has told `err`. */
static quire_status out_of_memory(struct qr_json_reader *reader)
{
    reader->failed = true;
    return QUIRE_NO_MEMORY;
}

/* Whether one text has been read, with nothing unfinished that the end of it could still be part of
 * or that could be wrong. */
static bool is_whole(const struct qr_json_reader *reader)
{
    return reader->closed && !reader->many &&
           find_token(reader, reader->chunk_size) == reader->chunk_size;
}

/* `last`: nobody asks for a place behind it. */
static quire_status parse(struct qr_json_reader *reader, const void *bytes, size_t size, bool last,
                          quire_error *err)
{
    if (reader->failed) {
        return qr_fail(err, QUIRE_MISUSE, "the JSON text has already been found bad");
    }
    for (size_t i = 0; i < size && reader->blank; i++) {
        reader->blank = memchr(" \t\r\n", ((const char *)bytes)[i], 4) != NULL;
    }
    begin_chunk(reader, bytes, size, err);
    if (setjmp(reader->out_of_memory) != 0) {
        return out_of_memory(reader);
    }
    yajl_status result = yajl_parse(reader->parser, bytes, size);
    return last && result == yajl_status_ok && is_whole(reader) ? QUIRE_OK
                                                                : conclude(reader, result, err);
}

quire_status qr_json_reader_feed(struct qr_json_reader *reader, const void *bytes, size_t size,
                                 quire_error *err)
{
    return parse(reader, bytes, size, false, err);
}

quire_status qr_json_reader_whole(struct qr_json_reader *reader, const void *bytes, size_t size,
                                  quire_error *err)
{
    QR_TRY(parse(reader, bytes, size, true, err));
    return is_whole(reader) ? QUIRE_OK : qr_json_reader_finish(reader, err);
}

quire_status qr_json_reader_finish(struct qr_json_reader *reader, quire_error *err)
{
    if (reader->failed) {
        return qr_fail(err, QUIRE_MISUSE, "the JSON text has already been found bad");
    }
    if (reader->many && reader->blank) {
        return QUIRE_OK; /* a sequence of no values, which yajl takes for a text cut short */
    }
    begin_chunk(reader, "", 0, err);
    if (setjmp(reader->out_of_memory) != 0) {
        return out_of_memory(reader);
    }
    yajl_status result = yajl_complete_parse(reader->parser);
    if (result == yajl_status_ok && reader->carried) { /* a string, which yajl overlooks here */
        reader->failed = true;
        return qr_fail_text(err, QUIRE_SYNTAX, NULL, reader->carried_line, reader->carried_column,
                            "not JSON: trailing garbage");
    }
    return conclude(reader, result, err);
}
