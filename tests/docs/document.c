/*
 * Fenced blocks: a line of three or more backticks opens one, a line of at
 * least as many and nothing else closes it.
 */
#include "document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

char *document_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    size_t capacity = 4096;
    char *text = must(malloc(capacity));
    size_t got;
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while ((got = fread(text + size, 1, capacity - size - 1, file)) > 0) {
        size += got;
        if (size + 1 == capacity) {
            capacity *= 2;
            text = must(realloc(text, capacity));
        }
    }
    fclose(file);
    text[size] = '\0';
    return text;
}

static char *copy(const char *text, size_t size)
{
    char *result = must(malloc(size + 1));
    memcpy(result, text, size);
    result[size] = '\0';
    return result;
}

/* A line of the file. */
struct line {
    const char *text;
    size_t size; /* without the line end */
    size_t indent;
    size_t ticks; /* backticks behind the indentation; 0: fewer than three */
};

static bool next_line(const char **at, struct line *line)
{
    if (**at == '\0') {
        return false;
    }
    line->text = *at;
    line->size = strcspn(*at, "\n");
    line->indent = strspn(*at, " ");
    line->ticks = strspn(*at + line->indent, "`");
    line->ticks = line->ticks < 3 ? 0 : line->ticks;
    *at += line->size + ((*at)[line->size] == '\n');
    return true;
}

static bool is_blank(const struct line *line)
{
    return strspn(line->text, " \t\r") >= line->size;
}

static bool closes(const struct line *line, const struct line *fence)
{
    const char *rest = line->text + line->indent + line->ticks;
    size_t left = line->size - line->indent - line->ticks;
    return line->ticks >= fence->ticks && strspn(rest, " \t\r") >= left;
}

static char *info_of(const struct line *fence)
{
    const char *from = fence->text + fence->indent + fence->ticks;
    const char *end = fence->text + fence->size;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        end--;
    }
    return copy(from, (size_t)(end - from));
}

static void append(char **text, size_t *size, const struct line *line, size_t indent)
{
    size_t skip = line->indent < indent ? line->indent : indent;
    size_t count = line->size - skip;
    *text = must(realloc(*text, *size + count + 2));
    memcpy(*text + *size, line->text + skip, count);
    (*text)[*size + count] = '\n';
    (*text)[*size + count + 1] = '\0';
    *size += count + 1;
}

/* Reads to the end of the block that `fence` opens; says how many lines that are. */
static size_t read_block(const char **at, const struct line *fence, struct block *block)
{
    struct line line;
    size_t size = 0;
    size_t lines = 0;
    block->info = info_of(fence);
    block->text = copy("", 0);
    while (next_line(at, &line)) {
        lines++;
        if (closes(&line, fence)) {
            return lines;
        }
        append(&block->text, &size, &line, fence->indent);
    }
    fprintf(stderr, "a block that begins with ```%s does not end\n", block->info);
    exit(1);
}

void document_read(struct document *document, const char *path)
{
    char *text = document_text(path);
    const char *at = text;
    struct line line;
    size_t number = 0;
    bool follows = false;

    *document = (struct document){.path = path};
    while (next_line(&at, &line)) {
        number++;
        if (line.ticks == 0) {
            follows = follows && is_blank(&line);
            continue;
        }
        document->blocks =
            must(realloc(document->blocks, sizeof *document->blocks * (document->count + 1)));
        struct block *block = &document->blocks[document->count++];
        block->line = number;
        block->follows_last = follows;
        number += read_block(&at, &line, block);
        follows = true;
    }
    free(text);
}

void document_free(struct document *document)
{
    for (size_t i = 0; i < document->count; i++) {
        free(document->blocks[i].info);
        free(document->blocks[i].text);
    }
    free(document->blocks);
}
