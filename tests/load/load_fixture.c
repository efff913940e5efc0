#include "load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

quire_db *open_db(const char *path, const quire_allocator *allocator)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.mode = QUIRE_OPEN_CREATE;
    options.allocator = allocator;
    options.cache_bytes = UINT64_C(16) << 20;
    OK(quire_open(path, &options, &db, &err));
    return db;
}

void close_db(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_close(db, &err));
}

void apply_schema(quire_db *db, const char *sdl)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_schema_apply(txn, sdl, strlen(sdl), &err));
    OK(quire_commit(txn, &err));
}

char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    cr_assert_not_null(text);
    cr_assert_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    text[size] = '\0';
    fclose(file);
    return text;
}

static quire_status feed(quire_loader *loader, const struct input *input, size_t piece,
                         quire_error *err)
{
    char *own = input->text == NULL ? read_file(input->name) : NULL;
    const char *text = own != NULL ? own : input->text;
    cr_assert_not_null(text, "no file %s", input->name);
    size_t size = strlen(text);
    quire_status status = quire_loader_begin(loader, input->name, err);
    for (size_t at = 0; at < size && status == QUIRE_OK;) {
        size_t count = piece == 0 || size - at < piece ? size - at : piece;
        /* A copy of exactly these bytes, so that reading beyond them is seen. */
        char *bytes = malloc(count);
        cr_assert_not_null(bytes);
        memcpy(bytes, text + at, count);
        status = quire_loader_feed(loader, bytes, count, err);
        free(bytes);
        at += count;
    }
    free(own);
    return status == QUIRE_OK ? quire_loader_end(loader, err) : status;
}

quire_status load_with(quire_db *db, const quire_load_options *options, const struct input *inputs,
                       size_t piece, uint64_t *rows, quire_error *err)
{
    quire_txn *txn;
    quire_loader *loader;
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_loader_open(txn, options, &loader, err);
    if (status == QUIRE_OK) {
        for (; inputs->name != NULL && status == QUIRE_OK; inputs++) {
            status = feed(loader, inputs, piece, err);
        }
        if (status == QUIRE_OK) {
            status = quire_loader_finish(loader, rows, err);
        }
        quire_loader_close(loader);
    }
    if (status == QUIRE_OK) {
        return quire_commit(txn, err);
    }
    quire_rollback(txn);
    return status;
}

quire_status load_pieces(quire_db *db, const char *mapping, const struct input *inputs,
                         size_t piece, uint64_t *rows, quire_error *err)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    options.mapping = mapping;
    return load_with(db, &options, inputs, piece, rows, err);
}

quire_status load(quire_db *db, const char *mapping, const struct input *inputs, quire_error *err)
{
    uint64_t rows;
    return load_pieces(db, mapping, inputs, 0, &rows, err);
}

char *ask(quire_db *db, const char *query)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    bool has_errors;
    request.document = query;
    OK(quire_graphql(db, &request, &response, &size, &has_errors, &err));
    cr_assert_not(has_errors, "%s", response);
    return response;
}

void expect_answer(quire_db *db, const char *query, const char *expected)
{
    char *response = ask(db, query);
    size_t size = strlen(expected);
    bool same = strncmp(response, "{\"data\":", 8) == 0 &&
                strncmp(response + 8, expected, size) == 0 && strcmp(response + 8 + size, "}") == 0;
    cr_assert(same, "%s\n gives %s\n   not {\"data\":%s}", query, response, expected);
    quire_free(response);
}

static uint64_t count_rows(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    uint64_t total = 0;
    char *text;
    size_t size;
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    OK(quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &text, &size, &err));
    for (char *at = strstr(text, "type "); at != NULL; at = strstr(at + 1, "type ")) {
        char name[64];
        quire_table *table;
        uint64_t rows;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 5, " {@"), at + 5);
        if (strcmp(name, "Query") != 0) {
            OK(quire_table_open(txn, name, &table, &err));
            OK(quire_table_row_count(table, &rows, &err));
            quire_table_close(table);
            total += rows;
        }
    }
    quire_free(text);
    OK(quire_commit(txn, &err));
    return total;
}

void expect_refusal(const struct refusal *refusal, const char *at, int line)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, refusal->sdl);
    quire_status status = load(db, refusal->mapping, refusal->inputs, &err);
    cr_assert_eq(status, refusal->status, "%s:%d: got %s: %s", at, line, quire_status_name(status),
                 err.message);
    cr_assert_eq(err.status, status, "%s:%d", at, line);
    cr_assert_not_null(strstr(err.message, refusal->says), "%s:%d: \"%s\" is not in: %s", at, line,
                       refusal->says, err.message);
    cr_assert_str_eq(err.file, refusal->file, "%s:%d: file \"%s\"", at, line, err.file);
    cr_assert(err.line == refusal->line && err.column == refusal->column,
              "%s:%d: at %u:%u, not %u:%u: %s", at, line, err.line, err.column, refusal->line,
              refusal->column, err.message);
    cr_assert_eq(count_rows(db), 0, "%s:%d: rows were stored", at, line);
    close_db(db);
}
