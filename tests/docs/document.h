/*
 * The fenced code blocks of a Markdown file, in order, and JSON texts compared
 * as values. The machinery of the runner alone: a failure to read a file or to
 * allocate ends the process.
 */
#ifndef QUIRE_TESTS_DOCS_DOCUMENT_H
#define QUIRE_TESTS_DOCS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

struct block {
    char *info;        /* what stands behind the opening fence, trimmed */
    char *text;        /* without the indentation of the fence */
    size_t line;       /* of the opening fence, from 1 */
    bool follows_last; /* nothing but blank lines between the last block and this one */
};

struct document {
    const char *path;
    struct block *blocks;
    size_t count;
};

/* The whole of a file; the caller frees it. */
char *document_text(const char *path);

void document_read(struct document *document, const char *path);
void document_free(struct document *document);

/*
 * Whether two JSON texts are the same value: white space and the spelling of
 * strings aside, everything counts, the order of members and the digits of
 * numbers too. The string "<any>" in `expected` stands for any one value that
 * is no array or object. Texts that are not JSON compare in some way.
 */
bool json_same(const char *expected, const char *actual);

#endif
