/*
 * SharpGraph's endpoints, with its bodies and replies. What it does one table
 * at a time happens here in one transaction, or not at all.
 */
#include "schema_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load_body.h"

#define PIECE_SIZE 65536

/* ---- Tables ---- */

struct listing {
    struct buffer *out;
    const char *format; /* of SharpGraph's reply, up to the name */
    const char *rows;   /* what stands before the count, or NULL for names alone */
    const char *end;
    bool begun;
};

static quire_status put_table(void *context, const char *name, uint64_t rows, quire_error *err)
{
    struct listing *listing = context;
    (void)err;
    /* Link tables are named Type.field. */
    if (strchr(name, '.') != NULL) {
        return QUIRE_OK;
    }
    buffer_puts(listing->out, listing->begun ? "," : "");
    buffer_puts(listing->out, listing->format);
    buffer_put_json(listing->out, name, strlen(name));
    if (listing->rows != NULL) {
        buffer_printf(listing->out, "%s%llu", listing->rows, (unsigned long long)rows);
    }
    buffer_puts(listing->out, listing->end);
    listing->begun = true;
    return QUIRE_OK;
}

quire_status schema_put_counts(struct buffer *out, quire_txn *txn, quire_error *err)
{
    struct listing listing = {.out = out, .format = "", .rows = ":", .end = ""};
    buffer_puts(out, "{");
    quire_status status = quire_each_table(txn, put_table, &listing, err);
    buffer_puts(out, "}");
    return status;
}

static void list_tables(struct exchange *exchange, struct listing *listing)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct buffer out = {0};
    quire_txn *txn;
    listing->out = &out;
    quire_status status = quire_begin(exchange->server->db, QUIRE_READ, &txn, &err);
    if (status == QUIRE_OK) {
        buffer_puts(&out, "{\"tables\":[");
        status = quire_each_table(txn, put_table, listing, &err);
        buffer_puts(&out, "]}");
        quire_rollback(txn);
    }
    if (status == QUIRE_OK) {
        exchange_reply_buffer(exchange, MHD_HTTP_OK, media_type_text(MEDIA_JSON), &out);
    } else {
        buffer_free(&out);
        exchange_fail(exchange, &err);
    }
    listing->out = NULL;
    exchange_done(exchange);
}

static void run_list(struct exchange *exchange)
{
    struct listing listing = {.format = "{\"tableName\":", .rows = ",\"recordCount\":", .end = "}"};
    list_tables(exchange, &listing);
}

static void run_tables(struct exchange *exchange)
{
    const char *path = exchange->server->options->database;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    struct buffer end = {0};
    /* All tables are in one file; where that is, is not for clients. */
    buffer_puts(&end, ",\"filePath\":");
    buffer_put_json(&end, name, strlen(name));
    buffer_put(&end, "}", 2);
    struct listing listing = {
        .format = "{\"name\":", .rows = ",\"recordCount\":", .end = end.failed ? "}" : end.bytes};
    list_tables(exchange, &listing);
    buffer_free(&end);
}

/* Where no tokens are asked for everybody is an administrator, and nobody known to be one. */
bool schema_is_hidden(struct exchange *exchange)
{
    const struct server *server = exchange->server;
    if (!server->options->no_introspection ||
        (server->access != NULL && exchange->identity.role >= ROLE_ADMIN)) {
        return false;
    }
    exchange_refuse(exchange, MHD_HTTP_FORBIDDEN, OUTCOME_REFUSED, "FORBIDDEN",
                    "This server does not show its schema.");
    return true;
}

void schema_list_start(struct exchange *exchange)
{
    if (!schema_is_hidden(exchange)) {
        exchange_run(exchange, PLACE_READ, run_list);
    }
}

void schema_tables_start(struct exchange *exchange)
{
    if (!schema_is_hidden(exchange)) {
        exchange_run(exchange, PLACE_READ, run_tables);
    }
}

/* ---- The schema's text ---- */

static void run_sdl(struct exchange *exchange)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct buffer out = {0};
    char *text = NULL;
    size_t size = 0;
    quire_txn *txn;
    quire_status status = quire_begin(exchange->server->db, QUIRE_READ, &txn, &err);
    if (status == QUIRE_OK) {
        status = quire_schema_text(txn, exchange->api ? QUIRE_SCHEMA_API : QUIRE_SCHEMA_SOURCE,
                                   &text, &size, &err);
        quire_rollback(txn);
    }
    if (status == QUIRE_OK) {
        buffer_put(&out, text, size);
        exchange_reply_buffer(exchange, MHD_HTTP_OK, "text/plain; charset=utf-8", &out);
        quire_free(text);
    } else {
        exchange_fail(exchange, &err);
    }
    exchange_done(exchange);
}

void schema_sdl_start(struct exchange *exchange)
{
    const char *form = MHD_lookup_connection_value(exchange->http, MHD_GET_ARGUMENT_KIND, "sdl");
    if (!schema_is_hidden(exchange)) {
        exchange->api = form != NULL && strcmp(form, "api") == 0;
        exchange_run(exchange, PLACE_READ, run_sdl);
    }
}

/* ---- Changes ---- */

/* The reply is made before the commit, from the transaction, and sent after it. */
static void change_committed(struct exchange *exchange, const quire_error *failure)
{
    if (failure != NULL) {
        exchange_fail(exchange, failure);
    }
    exchange_done(exchange);
}

/* Ends a change: commits what went well, else undoes it and says why. */
static void end_change(struct exchange *exchange, quire_txn *txn, quire_status status,
                       struct buffer *reply, const quire_error *err)
{
    if (status == QUIRE_OK) {
        exchange_reply_buffer(exchange, MHD_HTTP_OK, media_type_text(MEDIA_JSON), reply);
        exchange_commit(exchange, txn, change_committed);
        return;
    }
    quire_rollback(txn);
    buffer_free(reply);
    exchange_fail(exchange, err);
    exchange_done(exchange);
}

static bool begin_change(struct exchange *exchange, quire_txn **txn)
{
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    options.owner = exchange->request_id;
    if (quire_begin_with(exchange->server->db, QUIRE_WRITE, &options, txn, &err) == QUIRE_OK) {
        return true;
    }
    exchange_fail(exchange, &err);
    exchange_done(exchange);
    return false;
}

/* ---- Loading a schema ---- */

static quire_status apply(quire_txn *txn, const char *sdl, size_t size, struct buffer *reply,
                          quire_error *err)
{
    struct listing names = {.out = reply, .format = "", .rows = NULL, .end = ""};
    quire_status status = quire_schema_apply(txn, sdl, size, err);
    if (status == QUIRE_OK) {
        buffer_puts(reply, "{\"success\":true,\"message\":\"Schema loaded successfully\","
                           "\"tables\":[");
        status = quire_each_table(txn, put_table, &names, err);
        buffer_puts(reply, "]}");
    }
    return status;
}

static void run_load(struct exchange *exchange)
{
    struct buffer reply = {0};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (begin_change(exchange, &txn)) {
        quire_status status = apply(txn, exchange->body.bytes, exchange->body.size, &reply, &err);
        end_change(exchange, txn, status, &reply, &err);
    }
}

/* Puts the SDL of {"schema": "..."} in the place of the body. */
static bool unwrap(struct exchange *exchange)
{
    struct json_value body;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    char *sdl = NULL;
    size_t size = 0;
    if (json_check(exchange->body.bytes, exchange->body.size, &body, &problem, &at) &&
        body.kind == JSON_OBJECT) {
        at = 0;
        while (sdl == NULL && json_next(&body, &at, &name, &value)) {
            if (json_key_is(&name, "schema") && value.kind == JSON_STRING) {
                sdl = json_decode(&value, &size);
            }
        }
    }
    if (sdl == NULL) {
        exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                        "The body must be {\"schema\": \"<SDL>\"}, or SDL.");
        return false;
    }
    buffer_free(&exchange->body);
    exchange->body = (struct buffer){.bytes = sdl, .size = size, .capacity = size + 1};
    return true;
}

static bool changes_allowed(struct exchange *exchange)
{
    if (!exchange->server->options->no_schema_changes) {
        return true;
    }
    exchange_refuse(exchange, MHD_HTTP_FORBIDDEN, OUTCOME_REFUSED, "FORBIDDEN",
                    "This server takes neither schemas nor bulk data (--no-schema-changes).");
    return false;
}

void schema_load_start(struct exchange *exchange)
{
    const struct buffer *body = &exchange->body;
    size_t first = 0;
    while (first < body->size && strchr(" \t\r\n", body->bytes[first]) != NULL) {
        first++;
    }
    bool wrapped = first < body->size && body->bytes[first] == '{';
    if (first == body->size) {
        exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                        "The body is empty.");
    } else if (changes_allowed(exchange) && (!wrapped || unwrap(exchange))) {
        exchange_run(exchange, PLACE_KEEP, run_load);
    }
}

/* ---- Loading data ---- */

static quire_status feed(struct exchange *exchange, quire_loader *loader, quire_error *err)
{
    char piece[PIECE_SIZE];
    uint64_t at = 0;
    for (;;) {
        long got = exchange_read_body(exchange, at, piece, sizeof piece);
        if (got < 0 || exchange_cancelled(exchange)) {
            err->status = got < 0 ? QUIRE_IO : QUIRE_INTERRUPTED;
            return err->status;
        }
        if (got == 0) {
            return QUIRE_OK;
        }
        quire_status status = quire_loader_feed(loader, piece, (size_t)got, err);
        if (status != QUIRE_OK) {
            return status;
        }
        at += (uint64_t)got;
    }
}

static quire_status load(struct exchange *exchange, quire_txn *txn, uint64_t *rows,
                         quire_error *err)
{
    quire_loader *loader;
    quire_status status = quire_loader_open(txn, NULL, &loader, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_loader_begin(loader, "body", err);
    if (status == QUIRE_OK) {
        status = feed(exchange, loader, err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_end(loader, err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_finish(loader, rows, err);
    }
    quire_loader_close(loader);
    return status;
}

/* Rows of each table before the load, to tell what it added. */
struct counts {
    struct {
        char *name;
        uint64_t rows;
    } * tables;
    size_t count, at;
    struct buffer *out;
    bool begun;
};

static quire_status count_before(void *context, const char *name, uint64_t rows, quire_error *err)
{
    struct counts *counts = context;
    void *grown = realloc(counts->tables, (counts->count + 1) * sizeof *counts->tables);
    if (grown == NULL) {
        return err->status = QUIRE_NO_MEMORY;
    }
    counts->tables = grown;
    counts->tables[counts->count].name = strdup(name);
    counts->tables[counts->count].rows = rows;
    return counts->tables[counts->count++].name != NULL ? QUIRE_OK
                                                        : (err->status = QUIRE_NO_MEMORY);
}

/* Tables come in the same order as before. */
static quire_status put_added(void *context, const char *name, uint64_t rows, quire_error *err)
{
    struct counts *counts = context;
    (void)err;
    if (counts->at >= counts->count) {
        return QUIRE_OK;
    }
    uint64_t added = rows - counts->tables[counts->at++].rows;
    if (added > 0 && strchr(name, '.') == NULL) {
        buffer_puts(counts->out, counts->begun ? "," : "");
        buffer_put_json(counts->out, name, strlen(name));
        buffer_printf(counts->out, ":%llu", (unsigned long long)added);
        counts->begun = true;
    }
    return QUIRE_OK;
}

static quire_status load_and_count(struct exchange *exchange, quire_txn *txn, struct buffer *reply,
                                   quire_error *err)
{
    struct counts counts = {.out = reply};
    uint64_t rows = 0;
    quire_status status = quire_each_table(txn, count_before, &counts, err);
    if (status == QUIRE_OK) {
        status = load(exchange, txn, &rows, err);
    }
    if (status == QUIRE_OK) {
        buffer_printf(reply,
                      "{\"success\":true,\"message\":\"%llu records loaded\",\"recordCounts\":{",
                      (unsigned long long)rows);
        status = quire_each_table(txn, put_added, &counts, err);
        buffer_puts(reply, "}}");
    }
    for (size_t i = 0; i < counts.count; i++) {
        free(counts.tables[i].name);
    }
    free(counts.tables);
    return status;
}

static void run_data(struct exchange *exchange)
{
    struct buffer reply = {0};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (begin_change(exchange, &txn)) {
        quire_status status = load_and_count(exchange, txn, &reply, &err);
        end_change(exchange, txn, status, &reply, &err);
    }
}

void schema_data_start(struct exchange *exchange)
{
    if (changes_allowed(exchange)) {
        exchange_run(exchange, PLACE_KEEP, run_data);
    }
}

/* ---- A whole load ---- */

static void run_bundle(struct exchange *exchange)
{
    struct buffer reply = {0};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    uint64_t rows;
    if (begin_change(exchange, &txn)) {
        quire_status status = load_body_apply(exchange, txn, &rows, &err);
        buffer_printf(&reply, "{\"success\":true,\"rows\":%llu}", (unsigned long long)rows);
        end_change(exchange, txn, status, &reply, &err);
    }
}

void schema_bundle_start(struct exchange *exchange)
{
    if (changes_allowed(exchange)) {
        exchange_run(exchange, PLACE_KEEP, run_bundle);
    }
}
