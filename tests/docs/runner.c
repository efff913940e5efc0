/*
 * Runs the examples of Markdown documents:
 *
 *     docs_runner [--schema SDL] [--data JSON] FILE FLOOR [FILE FLOOR]...
 *
 * With --schema a file begins with a database of that schema, in which --data
 * is loaded, both files.
 *
 * What stands behind the opening fence of a block says what becomes of it:
 *
 *     graphql schema          a new database, in memory, with this SDL
 *     graphql schema change   SDL applied to the database as it is
 *     json mapping            how the next data block is loaded
 *     json data [NAME [MODE]] rows, loaded in a transaction of their own as an input of that
 *     jsonl data ..           name, inserted unless MODE is upsert or replace
 *     csv data ..
 *     graphql                 a request, if its response stands behind it; else only parsed
 *     graphql explain         the same, with extensions.explain
 *     json variables          of the request before it
 *     json claims             who asks from here on, until a new database: the caller of these
 *                             claims; null: the program
 *     json                    the response to the request before it
 *     graphql subscription    starts a subscription, in place of the one before
 *     json event              its next event
 *
 * A response must follow its request, with variables between them or without,
 * and nothing but blank lines; a json block that does not is a mistake. Other
 * blocks are for readers alone. A file with fewer than FLOOR responses fails:
 * so no mistake in the blocks' names can leave its examples out.
 */
#include "document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql/parser.h"
#include "quire/quire.h"

/* What a server lets an operation cost unless it is told otherwise: examples stay below. */
#define COST_MAX 500000u

struct run {
    const struct document *document;
    quire_db *db;
    quire_subscription *subscription;
    const char *mapping; /* of the next data block; NULL: the plain form */
    const char *claims;  /* of requests; NULL: the program asks */
    size_t pairs;        /* responses compared */
    size_t failures;
};

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
fail(struct run *run, const struct block *block, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%zu: ", run->document->path, block->line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    run->failures++;
}

/* Reports a failure of the library at its line within the block. */
static void fail_error(struct run *run, const struct block *block, const quire_error *err)
{
    struct block place = *block;
    place.line += err->line;
    fail(run, &place, "%s: %s", quire_status_name(err->status), err->message);
}

static bool is(const struct block *block, const char *info)
{
    return strcmp(block->info, info) == 0;
}

static bool begins(const struct block *block, const char *info)
{
    return strncmp(block->info, info, strlen(info)) == 0;
}

static void close_database(struct run *run, const struct block *block)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_subscription_close(run->subscription);
    run->subscription = NULL;
    if (quire_close(run->db, &err) != QUIRE_OK) {
        fail_error(run, block, &err);
    }
    run->db = NULL;
}

/* ---- blocks that change the database ---- */

/* What a block does within a write transaction. */
typedef quire_status (*block_work)(struct run *run, quire_txn *txn, const struct block *block,
                                   quire_error *err);

static void in_transaction(struct run *run, const struct block *block, block_work work)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    if (run->db == NULL) {
        fail(run, block, "no block \"graphql schema\" comes before this one");
        return;
    }
    quire_status status = quire_begin(run->db, QUIRE_WRITE, &txn, &err);
    if (status == QUIRE_OK) {
        status = work(run, txn, block, &err);
        if (status == QUIRE_OK) {
            status = quire_commit(txn, &err);
        } else {
            quire_rollback(txn);
        }
    }
    if (status != QUIRE_OK) {
        fail_error(run, block, &err);
    }
}

static quire_status apply_schema(struct run *run, quire_txn *txn, const struct block *block,
                                 quire_error *err)
{
    (void)run;
    return quire_schema_apply(txn, block->text, strlen(block->text), err);
}

/* What the name of a data block says. */
struct data_info {
    char format[8], word[8], name[64], mode[16];
};

/* Cuts a word off a text; one that does not fit is cut. */
static void read_word(const char **at, char *word, size_t size)
{
    size_t length = strcspn(*at, " ");
    if (length > 0) {
        snprintf(word, size, "%.*s", (int)length, *at);
    }
    *at += length + strspn(*at + length, " ");
}

static bool read_data_info(const struct block *block, struct data_info *info)
{
    const char *at = block->info;
    *info = (struct data_info){.name = "data", .mode = "insert"};
    read_word(&at, info->format, sizeof info->format);
    read_word(&at, info->word, sizeof info->word);
    read_word(&at, info->name, sizeof info->name);
    read_word(&at, info->mode, sizeof info->mode);
    return strcmp(info->word, "data") == 0;
}

static quire_status feed(quire_loader *loader, const struct block *block, const char *name,
                         quire_error *err)
{
    uint64_t rows;
    quire_status status = quire_loader_begin(loader, name, err);
    if (status == QUIRE_OK) {
        status = quire_loader_feed(loader, block->text, strlen(block->text), err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_end(loader, err);
    }
    return status == QUIRE_OK ? quire_loader_finish(loader, &rows, err) : status;
}

static quire_status load(struct run *run, quire_txn *txn, const struct block *block,
                         quire_error *err)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    quire_loader *loader;
    struct data_info info;
    (void)read_data_info(block, &info);
    options.mapping = run->mapping;
    options.format = strcmp(info.format, "csv") == 0     ? QUIRE_LOAD_CSV
                     : strcmp(info.format, "jsonl") == 0 ? QUIRE_LOAD_JSON_LINES
                                                         : QUIRE_LOAD_JSON;
    options.mode = strcmp(info.mode, "upsert") == 0    ? QUIRE_LOAD_UPSERT
                   : strcmp(info.mode, "replace") == 0 ? QUIRE_LOAD_REPLACE
                                                       : QUIRE_LOAD_INSERT;
    quire_status status = quire_loader_open(txn, &options, &loader, err);
    run->mapping = NULL;
    if (status == QUIRE_OK) {
        status = feed(loader, block, info.name, err);
        quire_loader_close(loader);
    }
    return status;
}

static void new_database(struct run *run, const struct block *block)
{
    quire_error err = QUIRE_ERROR_INIT;
    run->claims = NULL;
    if (run->db != NULL) {
        close_database(run, block);
    }
    if (quire_open(":memory:", NULL, &run->db, &err) != QUIRE_OK) {
        fail_error(run, block, &err);
        return;
    }
    in_transaction(run, block, apply_schema);
}

/* ---- requests ---- */

static void parse(struct run *run, const struct block *block)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_gql_document *document;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_report_init(&report, &arena, 0, &err);
    quire_status status =
        qr_gql_parse(&arena, block->text, strlen(block->text), NULL, &report, &document, &err);
    if (status != QUIRE_OK) {
        (void)qr_gql_report_outcome(&report, status, &err);
        fail_error(run, block, &err);
    }
    qr_arena_free(&arena);
}

/* Takes the times out of an explanation, which no document can foretell. */
static void forget_times(char *response)
{
    static const char member[] = ",\"microseconds\":";
    for (char *at = strstr(response, member); at != NULL; at = strstr(at, member)) {
        size_t size = strlen(member) + strspn(at + strlen(member), "0123456789");
        memmove(at, at + size, strlen(at + size) + 1);
    }
}

static void request(struct run *run, const struct block *block, const struct block *variables,
                    const struct block *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request call = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;

    call.limits.cost_max = COST_MAX;
    run->pairs++;
    if (run->db == NULL) {
        fail(run, block, "no block \"graphql schema\" comes before this request");
        return;
    }
    call.document = block->text;
    call.variables = variables == NULL ? NULL : variables->text;
    call.claims = run->claims;
    call.explain = is(block, "graphql explain");
    if (quire_graphql(run->db, &call, &response, &size, NULL, &err) != QUIRE_OK) {
        fail_error(run, block, &err);
        return;
    }
    if (call.explain) {
        forget_times(response);
    }
    if (!json_same(expected->text, response)) {
        fail(run, expected, "not the response:\nrequest:\n%sexpected:\n%sgot:\n%s\n", block->text,
             expected->text, response);
    }
    quire_free(response);
}

/* The block behind number `at`, if it belongs to it and has this name. */
static const struct block *companion(const struct run *run, size_t at, const char *info)
{
    const struct document *document = run->document;
    if (at + 1 >= document->count || !document->blocks[at + 1].follows_last) {
        return NULL;
    }
    return is(&document->blocks[at + 1], info) ? &document->blocks[at + 1] : NULL;
}

/* A request with what belongs to it; returns how many blocks that are. */
static size_t run_request(struct run *run, size_t at)
{
    const struct block *block = &run->document->blocks[at];
    const struct block *variables = companion(run, at, "json variables");
    size_t last = variables == NULL ? at : at + 1;
    const struct block *expected = companion(run, last, "json");
    if (expected != NULL) {
        request(run, block, variables, expected);
        return last + 2 - at;
    }
    if (variables != NULL) {
        fail(run, variables, "no json block with the response follows these variables");
    }
    parse(run, block);
    return last + 1 - at;
}

/* ---- subscriptions ---- */

static void subscribe(struct run *run, const struct block *block)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request call = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    quire_subscription_close(run->subscription);
    run->subscription = NULL;
    call.document = block->text;
    call.claims = run->claims;
    if (quire_subscribe(run->db, &call, NULL, &run->subscription, &response, &size, &err) !=
        QUIRE_OK) {
        fail_error(run, block, &err);
    } else if (response != NULL) {
        fail(run, block, "refused: %s", response);
        quire_free(response);
    }
}

static void compare_event(struct run *run, const struct block *block)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event = NULL;
    run->pairs++;
    if (run->subscription == NULL) {
        fail(run, block, "no block \"graphql subscription\" comes before this event");
    } else if (quire_subscription_next(run->subscription, 0, &event, &err) != QUIRE_OK) {
        fail_error(run, block, &err);
    } else if (event == NULL) {
        fail(run, block, "there is no event");
    } else if (!json_same(block->text, event->response)) {
        fail(run, block, "not the event:\nexpected:\n%sgot:\n%s\n", block->text, event->response);
    }
}

/* ---- documents ---- */

/* Does what block `at` asks for; returns how many blocks belong to it. */
static size_t run_block(struct run *run, size_t at)
{
    const struct block *block = &run->document->blocks[at];
    struct data_info info;
    if (is(block, "graphql") || is(block, "graphql explain")) {
        return run_request(run, at);
    }
    if (is(block, "graphql schema")) {
        new_database(run, block);
    } else if (is(block, "graphql schema change")) {
        in_transaction(run, block, apply_schema);
    } else if (is(block, "graphql subscription")) {
        subscribe(run, block);
    } else if (is(block, "json event")) {
        compare_event(run, block);
    } else if (is(block, "json mapping")) {
        run->mapping = block->text;
    } else if (is(block, "json claims")) {
        run->claims = strcmp(block->text, "null\n") == 0 ? NULL : block->text;
    } else if (read_data_info(block, &info)) {
        in_transaction(run, block, load);
    } else if (begins(block, "graphql") || begins(block, "json")) {
        fail(run, block,
             "this block (```%s) is no response that directly follows its request, "
             "and has no other name that is known",
             block->info);
    }
    return 1;
}

/* Files that a document's database begins with; NULL: none. */
struct start {
    const char *schema, *data;
};

/* Does with the whole of a file what is done with a block. */
static void run_file(struct run *run, const char *path,
                     void (*work)(struct run *run, const struct block *block))
{
    struct document own = {.path = path};
    struct block block = {.info = "json data"};
    const struct document *document = run->document;
    block.text = document_text(path);
    run->document = &own;
    work(run, &block);
    run->document = document;
    free(block.text);
}

static void load_block(struct run *run, const struct block *block)
{
    in_transaction(run, block, load);
}

static bool run_document(const char *path, size_t floor, const struct start *start)
{
    struct document document;
    document_read(&document, path);
    struct run run = {.document = &document};
    if (start->schema != NULL) {
        run_file(&run, start->schema, new_database);
    }
    if (start->data != NULL) {
        run_file(&run, start->data, load_block);
    }
    for (size_t at = 0; at < document.count;) {
        at += run_block(&run, at);
    }
    if (run.db != NULL) {
        struct block end = {.line = 0};
        close_database(&run, &end);
    }
    bool good = run.failures == 0;
    if (run.pairs < floor) {
        fprintf(stderr, "%s: %zu requests with a response, fewer than %zu\n", path, run.pairs,
                floor);
        good = false;
    }
    printf("%s: %zu responses compared, %zu failures\n", path, run.pairs, run.failures);
    document_free(&document);
    return good;
}

int main(int argc, char **argv)
{
    struct start start = {NULL, NULL};
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        *(strcmp(argv[at], "--schema") == 0 ? &start.schema : &start.data) = argv[at + 1];
    }
    bool good = at + 1 < argc && (argc - at) % 2 == 0;
    if (!good) {
        fputs("usage: docs_runner [--schema SDL] [--data JSON] FILE FLOOR [FILE FLOOR]...\n",
              stderr);
    }
    for (; at + 1 < argc; at += 2) {
        good = run_document(argv[at], strtoul(argv[at + 1], NULL, 10), &start) && good;
    }
    return good ? 0 : 1;
}
