/*
 * Operations on requests: validate, execute, introspect, subscribe. Data comes
 * from the request's plain JSON root, with the corpus's own markers: $error
 * for a failing resolver, $echo for a field's arguments, $stream for events.
 */
#include "graphql/execute.h"
#include "graphql/json_read.h"
#include "graphql/validate.h"
#include "tests/conformance/ops.h"

#define PROBLEMS_MAX 10000

/* ---- parsing and validation ---- */

struct parsed {
    const struct qr_gql_schema *schema;
    struct qr_gql_document *document;
    struct qr_gql_report report;
    bool wrong; /* the report says why */
};

static quire_status parse(struct conformance_call *call, struct parsed *out)
{
    out->wrong = false;
    QR_TRY(conformance_schema(call, "schema", false, &out->schema));
    qr_gql_report_init(&out->report, call->arena, PROBLEMS_MAX, call->err);
    struct qr_gql_str query = conformance_text(call, "query");
    static const struct qr_gql_parse_options options = {.depth_max = 200};
    quire_status status = qr_gql_parse(call->arena, query.data, query.size, &options, &out->report,
                                       &out->document, call->err);
    out->wrong = status == QUIRE_SYNTAX;
    return out->wrong ? QUIRE_OK : status;
}

static quire_status check(struct conformance_call *call, struct parsed *parsed,
                          const struct qr_gql_validate_options *options)
{
    quire_status status = qr_gql_validate(parsed->schema, parsed->document, options, call->arena,
                                          &parsed->report, call->err);
    parsed->wrong = status == QUIRE_QUERY;
    return parsed->wrong ? QUIRE_OK : status;
}

static void put_unsupported(struct conformance_call *call)
{
    qr_json_put_key(call->reply, "unsupported", 11);
    qr_json_put_bool(call->reply, true);
}

static quire_status op_validate(struct conformance_call *call)
{
    struct parsed parsed;
    QR_TRY(parse(call, &parsed));
    struct qr_gql_validate_options options = {.rules = NULL};
    options.rules = conformance_texts(call, "rules", &options.rule_count);
    if (!parsed.wrong) {
        quire_status status = check(call, &parsed, &options);
        if (status == QUIRE_UNKNOWN_NAME) {
            put_unsupported(call);
            return QUIRE_OK;
        }
        QR_TRY(status);
    }
    conformance_put_errors(call, &parsed.report);
    return QUIRE_OK;
}

/* ---- the corpus's source of data ---- */

static const struct qr_gql_value *marker(const struct qr_gql_value *value, const char *name)
{
    return value && value->kind == QR_GQL_VALUE_OBJECT
               ? qr_gql_value_get(value, qr_gql_str_of(name))
               : NULL;
}

static quire_status give_echo(struct qr_gql_request *request, const struct qr_gql_value *arguments,
                              struct qr_gql_item *out, quire_error *err)
{
    struct qr_json_writer writer;
    qr_json_writer_init(&writer, qr_allocator_default(), 0, err);
    qr_gql_value_write(&writer, arguments);
    char *text;
    size_t size;
    QR_TRY(qr_json_writer_finish(&writer, &text, &size));
    char *copy = qr_arena_copy(request->arena, text, size, err);
    quire_free(text);
    out->kind = QR_GQL_ITEM_VALUE;
    out->value = (struct qr_gql_value){.kind = QR_GQL_VALUE_STRING, .text = {copy, size}};
    return copy ? QUIRE_OK : QUIRE_NO_MEMORY;
}

static quire_status give(struct qr_gql_request *request, const struct qr_gql_value *value,
                         const struct qr_gql_value *arguments, struct qr_gql_item *out,
                         quire_error *err)
{
    const struct qr_gql_value *failure = marker(value, "$error");
    if (failure) {
        out->kind = QR_GQL_ITEM_ERROR;
        out->value = *failure;
        return QUIRE_OK;
    }
    const struct qr_gql_value *stream = marker(value, "$stream");
    if (stream) {
        *out = qr_gql_json_item(stream);
        return QUIRE_OK;
    }
    if (marker(value, "$echo")) {
        return give_echo(request, arguments, out, err);
    }
    *out = qr_gql_json_item(value);
    return QUIRE_OK;
}

struct corpus_source {
    struct qr_gql_request *request;
    const struct qr_gql_value *arguments; /* of the list field at work, for its elements */
};

static quire_status resolve(void *context, const struct qr_gql_call *call, struct qr_gql_item *out,
                            quire_error *err)
{
    struct corpus_source *source = context;
    const struct qr_gql_value *object = call->parent->handle;
    const struct qr_gql_value *value = NULL;
    if (object && object->kind == QR_GQL_VALUE_OBJECT) {
        value = qr_gql_value_get(object, call->selected->field->name);
    }
    source->arguments = &call->selected->arguments;
    return give(call->request, value, &call->selected->arguments, out, err);
}

static quire_status next(void *context, struct qr_gql_item *list, struct qr_gql_item *out,
                         bool *more, quire_error *err)
{
    struct corpus_source *source = context;
    const struct qr_gql_value *value = list->handle;
    *more = list->cursor < value->count;
    if (!*more) {
        return QUIRE_OK;
    }
    return give(source->request, &value->items[list->cursor++], source->arguments, out, err);
}

static struct qr_gql_source corpus(struct corpus_source *source)
{
    return (struct qr_gql_source){.context = source,
                                  .resolve = resolve,
                                  .next = next,
                                  .type_name = qr_gql_json_source.type_name};
}

/* ---- execution ---- */

/* Writes "data", and "errors" when there are any. */
static quire_status put_response(struct conformance_call *call, struct qr_gql_request *request,
                                 const struct qr_gql_value *root)
{
    struct qr_gql_report report;
    qr_gql_report_init(&report, call->arena, PROBLEMS_MAX, call->err);
    struct corpus_source context = {.request = request};
    struct qr_gql_source source = corpus(&context);
    struct qr_gql_execution execution = {
        .request = request, .source = &source, .out = call->reply, .report = &report};
    struct qr_gql_item item = qr_gql_json_item(root);
    qr_json_put_key(call->reply, "data", 4);
    QR_TRY(qr_gql_execute(&execution, &item, call->err));
    if (report.count > 0) {
        conformance_put_errors(call, &report);
    }
    return QUIRE_OK;
}

static quire_status prepare(struct conformance_call *call, struct parsed *parsed,
                            struct qr_gql_request *request)
{
    const struct qr_gql_value *variables =
        qr_gql_value_get(call->request, qr_gql_str_of("variables"));
    quire_status status = qr_gql_request_prepare(parsed->schema, parsed->document,
                                                 conformance_text(call, "operationName"), variables,
                                                 call->arena, &parsed->report, request, call->err);
    parsed->wrong = status == QUIRE_QUERY;
    return parsed->wrong ? QUIRE_OK : status;
}

static quire_status make_ready(struct conformance_call *call, bool validate, struct parsed *parsed,
                               struct qr_gql_request *request)
{
    QR_TRY(parse(call, parsed));
    if (!parsed->wrong && validate) {
        QR_TRY(check(call, parsed, NULL));
    }
    return parsed->wrong ? QUIRE_OK : prepare(call, parsed, request);
}

static quire_status op_execute(struct conformance_call *call)
{
    struct parsed parsed;
    struct qr_gql_request request;
    QR_TRY(make_ready(call, true, &parsed, &request));
    if (parsed.wrong) {
        conformance_put_errors(call, &parsed.report);
        return QUIRE_OK;
    }
    return put_response(call, &request, qr_gql_value_get(call->request, qr_gql_str_of("root")));
}

static quire_status op_introspect(struct conformance_call *call)
{
    struct parsed parsed;
    struct qr_gql_request request;
    QR_TRY(make_ready(call, false, &parsed, &request));
    if (parsed.wrong) {
        conformance_put_errors(call, &parsed.report);
        return QUIRE_OK;
    }
    return put_response(call, &request, NULL);
}

/* ---- subscriptions ---- */

static quire_status put_responses(struct conformance_call *call, struct qr_gql_request *request,
                                  const struct qr_gql_value *events)
{
    qr_json_put_key(call->reply, "responses", 9);
    qr_json_begin_array(call->reply);
    for (uint32_t i = 0; i < events->count; i++) {
        qr_json_begin_object(call->reply);
        QR_TRY(put_response(call, request, &events->items[i]));
        qr_json_end_object(call->reply);
    }
    qr_json_end_array(call->reply);
    return QUIRE_OK;
}

static quire_status op_subscribe(struct conformance_call *call)
{
    struct parsed parsed;
    struct qr_gql_request request;
    QR_TRY(make_ready(call, true, &parsed, &request));
    if (parsed.wrong) {
        conformance_put_errors(call, &parsed.report);
        return QUIRE_OK;
    }
    struct corpus_source context = {.request = &request};
    struct qr_gql_source source = corpus(&context);
    struct qr_gql_execution execution = {
        .request = &request, .source = &source, .report = &parsed.report};
    struct qr_gql_item root =
        qr_gql_json_item(qr_gql_value_get(call->request, qr_gql_str_of("root")));
    struct qr_gql_item stream;
    quire_status status = qr_gql_subscribe(&execution, &root, &stream, call->err);
    if (status == QUIRE_QUERY) {
        conformance_put_errors(call, &parsed.report);
        return QUIRE_OK;
    }
    QR_TRY(status);
    return put_responses(call, &request, stream.handle);
}

const struct conformance_op conformance_ops_request[] = {
    {"validate", op_validate},
    {"execute", op_execute},
    {"introspect", op_introspect},
    {"subscribe", op_subscribe},
    {NULL, NULL},
};
