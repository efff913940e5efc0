#include "tests/graphql/request_fixture.h"

#include <stdlib.h>

#include "graphql/json_read.h"

void bench_open(struct bench *bench, const char *sdl)
{
    memset(bench, 0, sizeof *bench);
    bench->err = (quire_error)QUIRE_ERROR_INIT;
    qr_arena_init(&bench->arena, qr_allocator_default(), 0);
    qr_gql_report_init(&bench->report, &bench->arena, 0, &bench->err);
    struct qr_gql_str text = qr_gql_str_of(sdl);
    quire_status status = qr_gql_schema_build(qr_allocator_default(), &text, 1, NULL,
                                              &bench->report, &bench->schema, &bench->err);
    cr_assert_eq(status, QUIRE_OK, "%s", bench->err.message);
}

void bench_close(struct bench *bench)
{
    qr_gql_schema_free(bench->schema);
    qr_arena_free(&bench->arena);
}

quire_status bench_parse(struct bench *bench, const char *query)
{
    bench->err = (quire_error)QUIRE_ERROR_INIT;
    qr_gql_report_init(&bench->report, &bench->arena, 0, &bench->err);
    return qr_gql_parse(&bench->arena, query, strlen(query), NULL, &bench->report, &bench->document,
                        &bench->err);
}

quire_status bench_validate(struct bench *bench, const char *query, const char *rule,
                            uint64_t *steps)
{
    cr_assert_eq(bench_parse(bench, query), QUIRE_OK, "%s", bench->err.message);
    struct qr_gql_str name = qr_gql_str_of(rule ? rule : "");
    struct qr_gql_validate_options options = {
        .rules = rule ? &name : NULL, .rule_count = rule ? 1 : 0, .steps = steps};
    return qr_gql_validate(bench->schema, bench->document, &options, &bench->arena, &bench->report,
                           &bench->err);
}

const char *bench_problems(struct bench *bench)
{
    struct qr_gql_buffer text;
    qr_gql_buffer_init(&text, &bench->arena, NULL);
    for (const struct qr_gql_problem *p = bench->report.first; p; p = p->next) {
        qr_gql_buffer_text(&text, p == bench->report.first ? "" : "\n");
        qr_gql_buffer_str(&text, p->message);
        for (size_t i = 0; i < p->location_count; i++) {
            qr_gql_buffer_format(&text, " @%u:%u", p->locations[i].line, p->locations[i].column);
        }
    }
    struct qr_gql_str out;
    cr_assert_eq(qr_gql_buffer_finish(&text, &out), QUIRE_OK);
    return out.data;
}

static const char *respond(struct bench *bench, struct qr_gql_request *request,
                           const struct qr_gql_value *root)
{
    struct qr_gql_report errors;
    struct qr_json_writer out;
    qr_gql_report_init(&errors, &bench->arena, 0, &bench->err);
    qr_json_writer_init(&out, qr_allocator_default(), 0, &bench->err);
    struct qr_gql_execution execution = {
        .request = request, .source = &qr_gql_json_source, .out = &out, .report = &errors};
    struct qr_gql_item item = qr_gql_json_item(root);
    qr_json_begin_object(&out);
    qr_json_put_key(&out, "data", 4);
    cr_assert_eq(qr_gql_execute(&execution, &item, &bench->err), QUIRE_OK, "%s",
                 bench->err.message);
    if (errors.count > 0) {
        qr_json_put_key(&out, "errors", 6);
        qr_gql_report_write(&out, &errors);
    }
    qr_json_end_object(&out);
    char *text;
    size_t size;
    cr_assert_eq(qr_json_writer_finish(&out, &text, &size), QUIRE_OK);
    char *copy = qr_arena_copy(&bench->arena, text, size + 1, NULL);
    quire_free(text);
    cr_assert_not_null(copy);
    return copy;
}

const char *bench_execute(struct bench *bench, const char *query, const char *variables,
                          const char *root)
{
    if (bench_validate(bench, query, NULL, NULL) != QUIRE_OK) {
        return bench_problems(bench);
    }
    struct qr_gql_value given, data;
    struct qr_gql_request request;
    cr_assert_eq(qr_json_read(&bench->arena, variables, strlen(variables), 0, &given, &bench->err),
                 QUIRE_OK, "%s", bench->err.message);
    cr_assert_eq(qr_json_read(&bench->arena, root, strlen(root), 0, &data, &bench->err), QUIRE_OK,
                 "%s", bench->err.message);
    if (qr_gql_request_prepare(bench->schema, bench->document, (struct qr_gql_str){NULL, 0}, &given,
                               &bench->arena, &bench->report, &request, &bench->err) != QUIRE_OK) {
        return bench_problems(bench);
    }
    return respond(bench, &request, &data);
}

char *repeated(const char *text, size_t count)
{
    size_t size = strlen(text);
    char *out = malloc(size * count + 1);
    cr_assert_not_null(out);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * size, text, size);
    }
    out[size * count] = '\0';
    return out;
}
