/*
 * The body of a load is read once, in order, a block at a time. A schema and a
 * mapping are kept in memory up to the size of a request's body; data goes
 * through.
 */
#include "load_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 65536U
#define LINE_MAX_  1024U

struct load_body {
    struct exchange *exchange;
    quire_txn *txn;
    quire_error *err;
    uint64_t offset; /* in the body, of what follows the block */
    size_t at, size; /* in the block */
    quire_load_options options;
    char *type;
    struct buffer mapping;
    char mapping_name[LINE_MAX_];
    quire_loader *loader;
    char block[BLOCK_SIZE];
};

static quire_status fail(struct load_body *body, quire_status status, const char *message)
{
    body->err->status = status;
    snprintf(body->err->message, sizeof body->err->message, "%s", message);
    return status;
}

/* Makes sure that a byte is there. */
static quire_status fill(struct load_body *body)
{
    if (body->at < body->size) {
        return QUIRE_OK;
    }
    if (exchange_cancelled(body->exchange)) {
        return fail(body, QUIRE_INTERRUPTED, "The client has left.");
    }
    long got = exchange_read_body(body->exchange, body->offset, body->block, sizeof body->block);
    if (got <= 0) {
        return got < 0 ? fail(body, QUIRE_IO, "The body could not be read back.")
                       : fail(body, QUIRE_DATA, "The body ends before its \"end\".");
    }
    body->offset += (uint64_t)got;
    body->size = (size_t)got;
    body->at = 0;
    return QUIRE_OK;
}

/* Reads a line without its end. */
static quire_status read_line(struct load_body *body, char line[LINE_MAX_])
{
    size_t size = 0;
    for (;;) {
        quire_status status = fill(body);
        if (status != QUIRE_OK) {
            return status;
        }
        char c = body->block[body->at++];
        if (c == '\n') {
            line[size] = '\0';
            return QUIRE_OK;
        }
        if (size == LINE_MAX_ - 1 || c == '\0') {
            return fail(body, QUIRE_DATA, "A line of the body is too long.");
        }
        line[size++] = c;
    }
}

typedef quire_status (*take_piece)(struct load_body *body, void *context, const char *bytes,
                                   size_t size);

static quire_status read_pieces(struct load_body *body, take_piece take, void *context)
{
    char line[LINE_MAX_];
    for (;;) {
        char *end;
        quire_status status = read_line(body, line);
        if (status != QUIRE_OK) {
            return status;
        }
        unsigned long long left = strtoull(line, &end, 10);
        if (line[0] < '0' || line[0] > '9' || *end != '\0') {
            return fail(body, QUIRE_DATA, "A piece of the body has no size.");
        }
        if (left == 0) {
            return QUIRE_OK;
        }
        while (left > 0 && (status = fill(body)) == QUIRE_OK) {
            size_t size = body->size - body->at < left ? body->size - body->at : (size_t)left;
            status = take(body, context, body->block + body->at, size);
            body->at += size;
            left -= size;
            if (status != QUIRE_OK) {
                break;
            }
        }
        if (status != QUIRE_OK) {
            return status;
        }
    }
}

static quire_status keep(struct load_body *body, void *context, const char *bytes, size_t size)
{
    struct buffer *text = context;
    if (text->size + size > (size_t)body->exchange->server->options->body_bytes_max) {
        return fail(body, QUIRE_LIMIT, "The schema or the mapping is larger than a body may be.");
    }
    buffer_put(text, bytes, size);
    return text->failed ? fail(body, QUIRE_NO_MEMORY, "Out of memory.") : QUIRE_OK;
}

static quire_status feed(struct load_body *body, void *context, const char *bytes, size_t size)
{
    (void)context;
    return quire_loader_feed(body->loader, bytes, size, body->err);
}

/* Names the text that a failure has a line in. */
static quire_status in_text(struct load_body *body, quire_status status, const char *name)
{
    if (status != QUIRE_OK && body->err->line != 0 && body->err->file[0] == '\0') {
        snprintf(body->err->file, sizeof body->err->file, "%.*s", (int)sizeof body->err->file - 1,
                 name);
    }
    return status;
}

static quire_status take_schema(struct load_body *body, const char *name)
{
    struct buffer sdl = {0};
    quire_status status = read_pieces(body, keep, &sdl);
    if (status == QUIRE_OK && sdl.size == 0) {
        status = fail(body, QUIRE_SCHEMA, "The schema is empty.");
    }
    if (status == QUIRE_OK) {
        status = quire_schema_apply(body->txn, sdl.bytes, sdl.size, body->err);
    }
    buffer_free(&sdl);
    return in_text(body, status, name);
}

static quire_status open_loader(struct load_body *body)
{
    if (body->loader != NULL) {
        return QUIRE_OK;
    }
    buffer_put(&body->mapping, "", 1);
    if (body->mapping.failed) {
        return fail(body, QUIRE_NO_MEMORY, "Out of memory.");
    }
    body->options.mapping = body->mapping.size > 1 ? body->mapping.bytes : NULL;
    body->options.mapping_size = body->mapping.size - 1;
    body->options.type = body->type;
    return in_text(body, quire_loader_open(body->txn, &body->options, &body->loader, body->err),
                   body->mapping_name);
}

static quire_status take_data(struct load_body *body, const char *name)
{
    quire_status status = open_loader(body);
    if (status == QUIRE_OK) {
        status = quire_loader_begin(body->loader, name, body->err);
    }
    if (status == QUIRE_OK) {
        status = read_pieces(body, feed, NULL);
    }
    return status == QUIRE_OK ? quire_loader_end(body->loader, body->err) : status;
}

static quire_status take_option(struct load_body *body, const char *word, const char *value)
{
    static const char *const formats[] = {"", "json", "jsonl", "csv"};
    static const char *const modes[] = {"insert", "upsert", "replace"};
    for (int i = 1; strcmp(word, "format") == 0 && i < 4; i++) {
        if (strcmp(value, formats[i]) == 0) {
            body->options.format = (quire_load_format)i;
            return QUIRE_OK;
        }
    }
    for (int i = 0; strcmp(word, "mode") == 0 && i < 3; i++) {
        if (strcmp(value, modes[i]) == 0) {
            body->options.mode = (quire_load_mode)i;
            return QUIRE_OK;
        }
    }
    if (strcmp(word, "triggers") == 0 && strcmp(value, "none") == 0) {
        body->options.no_triggers = true;
        return QUIRE_OK;
    }
    if (strcmp(word, "type") == 0 && body->type == NULL) {
        body->type = strdup(value);
        return body->type != NULL ? QUIRE_OK : fail(body, QUIRE_NO_MEMORY, "Out of memory.");
    }
    return fail(body, QUIRE_DATA, "A line of the body says nothing that is known.");
}

static quire_status take_part(struct load_body *body, const char *word, const char *value)
{
    if (strcmp(word, "data") == 0) {
        return take_data(body, value);
    }
    if (body->loader != NULL) {
        return fail(body, QUIRE_DATA, "Schema, mapping and options come before the data.");
    }
    if (strcmp(word, "schema") == 0) {
        return take_schema(body, value);
    }
    if (strcmp(word, "map") == 0) {
        snprintf(body->mapping_name, sizeof body->mapping_name, "%s", value);
        return read_pieces(body, keep, &body->mapping);
    }
    return take_option(body, word, value);
}

static quire_status take_parts(struct load_body *body)
{
    char line[LINE_MAX_];
    for (;;) {
        quire_status status = read_line(body, line);
        if (status != QUIRE_OK) {
            return status;
        }
        if (strcmp(line, "end") == 0) {
            return QUIRE_OK;
        }
        char *space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
        }
        status = take_part(body, line, space != NULL ? space + 1 : "");
        if (status != QUIRE_OK) {
            return status;
        }
    }
}

quire_status load_body_apply(struct exchange *exchange, quire_txn *txn, uint64_t *rows,
                             quire_error *err)
{
    struct load_body *body = calloc(1, sizeof *body);
    *rows = 0;
    if (body == NULL) {
        return err->status = QUIRE_NO_MEMORY;
    }
    body->exchange = exchange;
    body->txn = txn;
    body->err = err;
    body->options = (quire_load_options)QUIRE_LOAD_OPTIONS_INIT;
    quire_status status = take_parts(body);
    if (status == QUIRE_OK && body->loader != NULL) {
        status = quire_loader_finish(body->loader, rows, err);
    }
    quire_loader_close(body->loader);
    buffer_free(&body->mapping);
    free(body->type);
    free(body);
    return status;
}
