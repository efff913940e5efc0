/*
 * Conformance operations of the language: texts, schemas, coordinates.
 */
#include "graphql/lexer.h"
#include "graphql/parser.h"
#include "graphql/printer.h"
#include "graphql/schema_print.h"
#include "tests/conformance/ops.h"

/* No vector has as many errors, and the runner counts them all. */
#define PROBLEMS_MAX 10000

static void begin_report(struct conformance_call *call, struct qr_gql_report *report)
{
    qr_gql_report_init(report, call->arena, PROBLEMS_MAX, call->err);
}

/* Errors in the report are the answer; other failures are the call's. */
static quire_status answer_errors(struct conformance_call *call, const struct qr_gql_report *report,
                                  quire_status status)
{
    if (status != QUIRE_OK && report->count == 0) {
        return status;
    }
    conformance_put_errors(call, report);
    return QUIRE_OK;
}

static void put_text(struct conformance_call *call, const char *key, struct qr_gql_str text)
{
    qr_json_put_key(call->reply, key, strlen(key));
    qr_json_put_string(call->reply, text.data, text.size);
}

/* ---- texts ---- */

static quire_status run_parse(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_document *document;
    struct qr_gql_str source = conformance_text(call, "source");
    begin_report(call, &report);
    return answer_errors(
        call, &report,
        qr_gql_parse(call->arena, source.data, source.size, NULL, &report, &document, call->err));
}

static quire_status parse_value(struct conformance_call *call, bool constant)
{
    struct qr_gql_report report;
    struct qr_gql_ast_value *value;
    struct qr_gql_str source = conformance_text(call, "source");
    begin_report(call, &report);
    return answer_errors(call, &report,
                         qr_gql_parse_value(call->arena, source.data, source.size, constant,
                                            &report, &value, call->err));
}

static quire_status run_parse_value(struct conformance_call *call)
{
    return parse_value(call, false);
}

static quire_status run_parse_const_value(struct conformance_call *call)
{
    return parse_value(call, true);
}

static quire_status run_parse_type(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_ast_type *type;
    struct qr_gql_str source = conformance_text(call, "source");
    begin_report(call, &report);
    return answer_errors(
        call, &report,
        qr_gql_parse_type(call->arena, source.data, source.size, &report, &type, call->err));
}

static quire_status run_parse_coordinate(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_coordinate coordinate;
    struct qr_gql_str source = conformance_text(call, "source");
    begin_report(call, &report);
    return answer_errors(call, &report,
                         qr_gql_parse_coordinate(call->arena, source.data, source.size, &report,
                                                 &coordinate, call->err));
}

static void put_token(struct conformance_call *call, const struct qr_gql_token *token)
{
    const char *kind = qr_gql_token_kind_name(token->kind);
    qr_json_begin_array(call->reply);
    qr_json_put_string(call->reply, kind, strlen(kind));
    qr_json_put_uint(call->reply, token->pos.line);
    qr_json_put_uint(call->reply, token->pos.column);
    if (token->value.data != NULL) {
        qr_json_put_string(call->reply, token->value.data, token->value.size);
    }
    qr_json_end_array(call->reply);
}

static quire_status run_lex(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_lexer lexer;
    struct qr_gql_token token;
    struct qr_gql_str source = conformance_text(call, "source");
    begin_report(call, &report);
    QR_TRY(qr_gql_lexer_init(&lexer, call->arena, source.data, source.size, &report, call->err));
    qr_json_put_key(call->reply, "tokens", 6);
    qr_json_begin_array(call->reply);
    quire_status status;
    while ((status = qr_gql_lexer_next(&lexer, &token)) == QUIRE_OK &&
           token.kind != QR_GQL_TOKEN_EOF) {
        put_token(call, &token);
    }
    qr_json_end_array(call->reply);
    return answer_errors(call, &report, status);
}

static quire_status run_print(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_document *document;
    struct qr_gql_str source = conformance_text(call, "source"), text;
    begin_report(call, &report);
    QR_TRY(
        qr_gql_parse(call->arena, source.data, source.size, NULL, &report, &document, call->err));
    QR_TRY(qr_gql_print_document(call->arena, document, &text, call->err));
    put_text(call, "output", text);
    return QUIRE_OK;
}

static quire_status run_strip(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_str source = conformance_text(call, "source"), text;
    begin_report(call, &report);
    QR_TRY(qr_gql_strip(call->arena, source.data, source.size, &report, &text, call->err));
    put_text(call, "output", text);
    return QUIRE_OK;
}

/* ---- schemas ---- */

static quire_status run_schema(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_schema *schema;
    struct qr_gql_str sdl = conformance_text(call, "sdl");
    begin_report(call, &report);
    quire_status status =
        qr_gql_schema_build(call->arena->allocator, &sdl, 1, NULL, &report, &schema, call->err);
    qr_gql_schema_free(schema);
    return answer_errors(call, &report, status);
}

static quire_status run_extend(struct conformance_call *call)
{
    struct qr_gql_report report;
    const struct qr_gql_schema *base;
    struct qr_gql_schema *schema;
    struct qr_gql_str sdl = conformance_text(call, "sdl"), text;
    QR_TRY(conformance_schema(call, "schema", false, &base));
    begin_report(call, &report);
    quire_status status =
        qr_gql_schema_extend(call->arena->allocator, base, sdl, NULL, &report, &schema, call->err);
    if (status == QUIRE_OK) {
        status = qr_gql_schema_print(call->arena, schema, false, &text, call->err);
        qr_gql_schema_free(schema);
        QR_TRY(status);
        put_text(call, "output", text);
    }
    return answer_errors(call, &report, status);
}

static quire_status run_sdl_rule(struct conformance_call *call)
{
    struct qr_gql_report report;
    const struct qr_gql_schema *base = NULL;
    struct qr_gql_document *document;
    struct qr_gql_str sdl = conformance_text(call, "sdl");
    size_t count;
    const struct qr_gql_str *rules = conformance_texts(call, "rules", &count);
    if (conformance_text(call, "schema").data != NULL) {
        QR_TRY(conformance_schema(call, "schema", true, &base));
    }
    begin_report(call, &report);
    QR_TRY(qr_gql_parse(call->arena, sdl.data, sdl.size, NULL, &report, &document, call->err));
    return answer_errors(
        call, &report,
        qr_gql_sdl_validate(document->first, base, rules, count, &report, call->err));
}

static quire_status print_schema(struct conformance_call *call, bool sorted)
{
    const struct qr_gql_schema *schema;
    struct qr_gql_str text;
    QR_TRY(conformance_schema(call, "sdl", false, &schema));
    QR_TRY(qr_gql_schema_print(call->arena, schema, sorted, &text, call->err));
    put_text(call, "output", text);
    return QUIRE_OK;
}

static quire_status run_print_schema(struct conformance_call *call)
{
    return print_schema(call, false);
}

static quire_status run_sort_schema(struct conformance_call *call)
{
    return print_schema(call, true);
}

/* ---- coordinates and changes ---- */

static struct qr_gql_str element_name(const struct qr_gql_element *element)
{
    switch (element->kind) {
    case QR_GQL_ELEMENT_TYPE:
        return element->type->name;
    case QR_GQL_ELEMENT_FIELD:
        return element->field->name;
    case QR_GQL_ELEMENT_ENUM_VALUE:
        return element->value->name;
    case QR_GQL_ELEMENT_DIRECTIVE:
        return element->directive->name;
    case QR_GQL_ELEMENT_INPUT_FIELD:
    case QR_GQL_ELEMENT_FIELD_ARGUMENT:
    case QR_GQL_ELEMENT_DIRECTIVE_ARGUMENT:
        return element->input->name;
    case QR_GQL_ELEMENT_NONE:
        break;
    }
    return (struct qr_gql_str){"", 0};
}

static quire_status run_coordinate(struct conformance_call *call)
{
    struct qr_gql_report report;
    struct qr_gql_coordinate coordinate;
    struct qr_gql_element element = {.kind = QR_GQL_ELEMENT_NONE};
    const struct qr_gql_schema *schema;
    struct qr_gql_str text = conformance_text(call, "coordinate");
    QR_TRY(conformance_schema(call, "schema", false, &schema));
    begin_report(call, &report);
    quire_status status =
        qr_gql_parse_coordinate(call->arena, text.data, text.size, &report, &coordinate, call->err);
    if (status == QUIRE_OK) {
        status = qr_gql_schema_resolve(schema, &coordinate, &element, call->err);
    }
    qr_json_put_key(call->reply, "errors", 6);
    qr_json_begin_array(call->reply);
    if (status != QUIRE_OK) {
        const char *message =
            report.first != NULL ? report.first->message.data : call->err->message;
        qr_json_begin_object(call->reply);
        put_text(call, "message", qr_gql_str_of(message));
        qr_json_end_object(call->reply);
    }
    qr_json_end_array(call->reply);
    qr_json_put_key(call->reply, "resolved", 8);
    if (element.kind == QR_GQL_ELEMENT_NONE) {
        qr_json_put_null(call->reply);
        return QUIRE_OK;
    }
    qr_json_begin_object(call->reply);
    put_text(call, "kind", qr_gql_str_of(qr_gql_element_kind_name(element.kind)));
    put_text(call, "name", element_name(&element));
    qr_json_end_object(call->reply);
    return QUIRE_OK;
}

static quire_status run_changes(struct conformance_call *call)
{
    const struct qr_gql_schema *old, *current;
    struct qr_gql_change *change;
    QR_TRY(conformance_schema(call, "old", false, &old));
    QR_TRY(conformance_schema(call, "new", false, &current));
    QR_TRY(qr_gql_schema_changes(call->arena, old, current, &change, call->err));
    qr_json_put_key(call->reply, "changes", 7);
    qr_json_begin_array(call->reply);
    for (; change != NULL; change = change->next) {
        bool breaking = change->level == QR_GQL_CHANGE_BREAKING;
        qr_json_begin_object(call->reply);
        put_text(call, "level", qr_gql_str_of(breaking ? "breaking" : "dangerous"));
        put_text(call, "type", qr_gql_str_of(change->type));
        put_text(call, "description", qr_gql_str_of(change->description));
        qr_json_end_object(call->reply);
    }
    qr_json_end_array(call->reply);
    return QUIRE_OK;
}

const struct conformance_op conformance_ops_language[] = {
    {"parse", run_parse},
    {"parseValue", run_parse_value},
    {"parseConstValue", run_parse_const_value},
    {"parseType", run_parse_type},
    {"parseCoordinate", run_parse_coordinate},
    {"lex", run_lex},
    {"print", run_print},
    {"strip", run_strip},
    {"schema", run_schema},
    {"extend", run_extend},
    {"sdlRule", run_sdl_rule},
    {"printSchema", run_print_schema},
    {"sortSchema", run_sort_schema},
    {"coordinate", run_coordinate},
    {"changes", run_changes},
    {NULL, NULL},
};
