/*
 * quire-conformance: one JSON request a line on stdin, one JSON reply a line
 * on stdout, in order. One process serves all requests; schemas are kept
 * between them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql/execute.h"
#include "graphql/json_read.h"
#include "tests/conformance/ops.h"

#define SCHEMAS_MAX         64
#define SCHEMAS_PER_REQUEST 2
#define REQUEST_DEPTH_MAX   100000 /* of the JSON that carries a request, not of what it asks */

struct kept_schema {
    char *sdl;
    size_t size;
    bool lax;
    struct qr_gql_schema *schema;
};

/* One process serves one runner, so its cache may be the process's. */
static struct kept_schema kept[SCHEMAS_MAX];
static size_t kept_count;

struct qr_gql_str conformance_text(const struct conformance_call *call, const char *member)
{
    const struct qr_gql_value *value = qr_gql_value_get(call->request, qr_gql_str_of(member));
    if (!value || value->kind != QR_GQL_VALUE_STRING) {
        return (struct qr_gql_str){NULL, 0};
    }
    return value->text;
}

const struct qr_gql_str *conformance_texts(const struct conformance_call *call, const char *member,
                                           size_t *count)
{
    *count = 0;
    const struct qr_gql_value *value = qr_gql_value_get(call->request, qr_gql_str_of(member));
    if (!value || value->kind != QR_GQL_VALUE_LIST) {
        return NULL;
    }
    struct qr_gql_str *texts =
        qr_arena_alloc(call->arena, (value->count + 1) * sizeof *texts, call->err);
    if (!texts) {
        return NULL;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        texts[i] = value->items[i].text;
    }
    *count = value->count;
    return texts;
}

static void forget_schemas(void)
{
    for (size_t i = 0; i < kept_count; i++) {
        qr_gql_schema_free(kept[i].schema);
        free(kept[i].sdl);
    }
    kept_count = 0;
}

quire_status conformance_schema(struct conformance_call *call, const char *member, bool lax,
                                const struct qr_gql_schema **out)
{
    *out = NULL;
    struct qr_gql_str sdl = conformance_text(call, member);
    for (size_t i = 0; i < kept_count; i++) {
        if (kept[i].lax == lax && kept[i].size == sdl.size &&
            memcmp(kept[i].sdl, sdl.data, sdl.size) == 0) {
            *out = kept[i].schema;
            return QUIRE_OK;
        }
    }
    struct qr_gql_report report;
    qr_gql_report_init(&report, call->arena, 0, call->err);
    struct qr_gql_build_options options = {.skip_sdl_rules = lax, .skip_type_checks = lax};
    struct qr_gql_schema *schema = NULL;
    QR_TRY(qr_gql_schema_build(qr_allocator_default(), &sdl, 1, &options, &report, &schema,
                               call->err));
    struct kept_schema *slot = &kept[kept_count];
    *slot = (struct kept_schema){malloc(sdl.size + 1), sdl.size, lax, schema};
    if (!slot->sdl) {
        qr_gql_schema_free(schema);
        return qr_fail_memory(call->err, sdl.size);
    }
    memcpy(slot->sdl, sdl.data, sdl.size);
    kept_count++;
    *out = schema;
    return QUIRE_OK;
}

void conformance_put_errors(struct conformance_call *call, const struct qr_gql_report *report)
{
    qr_json_put_key(call->reply, "errors", 6);
    qr_gql_report_write(call->reply, report);
}

static conformance_handler find_handler(struct qr_gql_str name)
{
    const struct conformance_op *tables[] = {conformance_ops_language, conformance_ops_request};
    for (size_t i = 0; i < 2; i++) {
        for (const struct conformance_op *op = tables[i]; op->name; op++) {
            if (qr_gql_str_is(name, op->name)) {
                return op->handle;
            }
        }
    }
    return NULL;
}

static void put_scalar(struct qr_json_writer *reply, const struct qr_gql_value *value)
{
    if (value && value->kind == QR_GQL_VALUE_STRING) {
        qr_json_put_string(reply, value->text.data, value->text.size);
    } else if (value && value->kind == QR_GQL_VALUE_INT) {
        qr_json_put_raw(reply, value->text.data, value->text.size);
    } else {
        qr_json_put_null(reply);
    }
}

static void answer(struct conformance_call *call)
{
    struct qr_json_writer *reply = call->reply;
    qr_json_begin_object(reply);
    qr_json_put_key(reply, "id", 2);
    put_scalar(reply, qr_gql_value_get(call->request, qr_gql_str_of("id")));
    conformance_handler handle = find_handler(conformance_text(call, "op"));
    struct qr_json_mark mark = qr_json_writer_mark(reply);
    if (!handle) {
        qr_json_put_key(reply, "unsupported", 11);
        qr_json_put_bool(reply, true);
    } else if (handle(call) != QUIRE_OK) {
        qr_json_writer_rewind(reply, mark);
        qr_json_put_key(reply, "failure", 7);
        qr_json_put_string(reply, call->err->message, strlen(call->err->message));
    }
    qr_json_end_object(reply);
}

static int serve(struct qr_arena *arena, const char *line, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_gql_value request;
    if (qr_json_read(arena, line, size, REQUEST_DEPTH_MAX, &request, &err) != QUIRE_OK) {
        fprintf(stderr, "a request is not JSON: %s\n", err.message);
        return 1;
    }
    if (kept_count + SCHEMAS_PER_REQUEST > SCHEMAS_MAX) {
        forget_schemas(); /* between requests: handlers borrow them */
    }
    struct qr_json_writer reply;
    qr_json_writer_init(&reply, arena->allocator, 0, &err);
    struct conformance_call call = {arena, &request, &reply, &err};
    answer(&call);
    char *text;
    size_t text_size;
    if (qr_json_writer_finish(&reply, &text, &text_size) != QUIRE_OK) {
        fprintf(stderr, "a reply was not written: %s\n", err.message);
        return 1;
    }
    fwrite(text, 1, text_size, stdout);
    putchar('\n');
    fflush(stdout);
    quire_free(text);
    return 0;
}

int main(void)
{
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    char *line = NULL;
    size_t capacity = 0, size = 0;
    int failed = 0;
    for (int c; !failed && (c = getchar()) != EOF;) {
        if (c != '\n') {
            if (size == capacity) {
                capacity = capacity ? 2 * capacity : (size_t)1 << 20;
                char *grown = realloc(line, capacity);
                if (!grown) {
                    failed = 1;
                    break;
                }
                line = grown;
            }
            line[size++] = (char)c;
            continue;
        }
        if (size > 0) {
            failed = serve(&arena, line, size);
            qr_arena_reset(&arena);
        }
        size = 0;
    }
    free(line);
    forget_schemas();
    qr_arena_free(&arena);
    return failed;
}
