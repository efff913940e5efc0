/*
 * Parameters of GraphQL over HTTP: query, operationName, variables, extensions,
 * and documentId of persisted documents. A parameter that is null, or empty in
 * a URL, counts as absent; others of the wrong kind are refused. Variables are
 * checked and coerced by the library; here they are only known to be JSON.
 */
#include "graphql_call.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "place.h"

void graphql_call_free(struct graphql_call *call)
{
    if (call != NULL) {
        free(call->document);
        free(call->operation_name);
        free(call->operation_id);
        free(call->document_id);
        buffer_free(&call->text);
        quire_free(call->response);
        quire_free(call->outcome.plan);
        free(call);
    }
}

void graphql_call_settle(struct exchange *exchange)
{
    if (exchange->call != NULL && exchange->call->pipe != NULL) {
        exchange->reply_bytes = pipe_close(exchange->call->pipe);
        exchange->call->pipe = NULL;
    }
}

const char *graphql_operation_name(const struct exchange *exchange)
{
    return exchange->call != NULL ? exchange->call->operation_name : NULL;
}

static bool refuse(struct exchange *exchange, const char *why)
{
    exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT", "%s", why);
    return false;
}

static bool refuse_memory(struct exchange *exchange)
{
    exchange_refuse(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, "NO_MEMORY",
                    "Out of memory.");
    return false;
}

/* ---- Values of parameters ---- */

/* A string, or null. `*out` is NULL then. A NUL inside is refused where a C string is needed. */
static bool take_string(struct exchange *exchange, const struct json_value *value,
                        const char *problem, char **out, size_t *size)
{
    if (value->kind == JSON_NULL) {
        return true;
    }
    if (value->kind != JSON_STRING) {
        return refuse(exchange, problem);
    }
    size_t decoded;
    *out = json_decode(value, &decoded);
    if (*out == NULL) {
        return refuse_memory(exchange);
    }
    if (size != NULL) {
        *size = decoded;
    } else if (strlen(*out) != decoded) {
        return refuse(exchange, problem);
    }
    return true;
}

static bool take_hash(struct exchange *exchange, const struct json_value *persisted)
{
    struct graphql_call *call = exchange->call;
    struct json_value name;
    struct json_value value;
    bool version_1 = false;
    size_t at = 0;
    if (persisted->kind != JSON_OBJECT) {
        return refuse(exchange, "extensions.persistedQuery must be an object.");
    }
    while (json_next(persisted, &at, &name, &value)) {
        if (json_key_is(&name, "version")) {
            version_1 = value.size == 1 && value.text[0] == '1';
        } else if (json_key_is(&name, "sha256Hash") && value.kind == JSON_STRING &&
                   value.size == SHA256_HEX_SIZE + 2) {
            memcpy(call->hash, value.text + 1, SHA256_HEX_SIZE);
        }
    }
    if (!version_1 || strspn(call->hash, "0123456789abcdef") != SHA256_HEX_SIZE) {
        return refuse(exchange, "extensions.persistedQuery must have version 1 and a sha256Hash "
                                "of 64 digits in lower case.");
    }
    return true;
}

/* Where a subscription goes on; null counts as absent. */
static bool take_place(struct exchange *exchange, const struct json_value *place)
{
    size_t size;
    if (place->kind == JSON_NULL) {
        return true;
    }
    char *text = place->kind == JSON_STRING ? json_decode(place, &size) : NULL;
    bool good = text != NULL && place_read(text, size, &exchange->call->from);
    free(text);
    return good || refuse(exchange, "extensions.resume must be the place of an event.");
}

static bool take_extensions(struct exchange *exchange, const struct json_value *extensions)
{
    struct json_value name;
    struct json_value value;
    size_t at = 0;
    if (extensions->kind == JSON_NULL) {
        return true;
    }
    if (extensions->kind != JSON_OBJECT) {
        return refuse(exchange, "The parameter extensions must be an object.");
    }
    while (json_next(extensions, &at, &name, &value)) {
        if (json_key_is(&name, "persistedQuery")) {
            if (!take_hash(exchange, &value)) {
                return false;
            }
        } else if (json_key_is(&name, "explain")) {
            exchange->call->explain = value.kind == JSON_TRUE;
        } else if (json_key_is(&name, "operationId") && value.kind == JSON_STRING) {
            free(exchange->call->operation_id);
            exchange->call->operation_id = json_decode(&value, &exchange->call->operation_id_size);
        } else if (json_key_is(&name, "resume") && !take_place(exchange, &value)) {
            return false;
        }
    }
    return true;
}

static bool take_variables(struct exchange *exchange, const struct json_value *value)
{
    struct graphql_call *call = exchange->call;
    if (value->kind == JSON_NULL) {
        return true;
    }
    if (value->kind != JSON_OBJECT) {
        return refuse(exchange, "The parameter variables must be an object.");
    }
    call->variables = value->text;
    call->variables_size = value->size;
    return true;
}

/* A member of the body; those that are none of these are passed over. */
static bool take_parameter(struct exchange *exchange, const struct json_value *name,
                           const struct json_value *value)
{
    static const char *const names[] = {"query", "operationName", "documentId", "variables",
                                        "extensions"};
    struct graphql_call *call = exchange->call;
    unsigned which = 0;
    while (which < sizeof names / sizeof names[0] && !json_key_is(name, names[which])) {
        which++;
    }
    if ((call->given >> which & 1U) != 0 && which < sizeof names / sizeof names[0]) {
        return refuse(exchange, "A parameter is given twice.");
    }
    call->given |= 1U << which;
    switch (which) {
    case 0:
        return take_string(exchange, value, "The parameter query must be a string.",
                           &call->document, &call->document_size);
    case 1:
        return take_string(exchange, value, "The parameter operationName must be a string.",
                           &call->operation_name, NULL);
    case 2:
        return take_string(exchange, value, "The parameter documentId must be a string.",
                           &call->document_id, NULL);
    case 3:
        return take_variables(exchange, value);
    case 4:
        return take_extensions(exchange, value);
    default:
        return true;
    }
}

/* ---- POST ---- */

static bool read_body(struct exchange *exchange)
{
    struct json_value body;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    if (!json_check(exchange->body.bytes, exchange->body.size, &body, &problem, &at)) {
        exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                        "The body is not JSON: at byte %zu: %s", at, problem);
        return false;
    }
    if (body.kind == JSON_ARRAY) {
        return refuse(exchange, "Requests are not taken in batches: the body must be an object.");
    }
    if (body.kind != JSON_OBJECT) {
        return refuse(exchange, "The body must be an object.");
    }
    at = 0;
    while (json_next(&body, &at, &name, &value)) {
        if (!take_parameter(exchange, &name, &value)) {
            return false;
        }
    }
    return true;
}

/* ---- GET ---- */

/* A parameter of the URL: NULL when it is absent or empty; *twice when it comes more than once. */
struct url_parameter {
    const char *name;
    const char *text;
    size_t size;
    unsigned count;
};

static enum MHD_Result find_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_size, const char *value, size_t value_size)
{
    struct url_parameter *parameter = context;
    (void)kind;
    if (strlen(parameter->name) == name_size && memcmp(parameter->name, name, name_size) == 0) {
        parameter->count++;
        parameter->text = value_size > 0 ? value : NULL;
        parameter->size = value_size;
    }
    return MHD_YES;
}

/* Refuses text with a NUL or not in UTF-8, and names given twice. */
static bool get_parameter(struct exchange *exchange, struct url_parameter *parameter)
{
    MHD_get_connection_values_n(exchange->http, MHD_GET_ARGUMENT_KIND, find_parameter, parameter);
    if (parameter->count > 1) {
        return refuse(exchange, "A parameter is given twice.");
    }
    for (size_t at = 0; at < parameter->size;) {
        size_t length = json_utf8_length(parameter->text + at, parameter->size - at);
        if (length == 0 || parameter->text[at] == '\0') {
            return refuse(exchange, "A parameter is not UTF-8.");
        }
        at += length;
    }
    return true;
}

static bool get_string(struct exchange *exchange, const char *name, char **out, size_t *size)
{
    struct url_parameter parameter = {.name = name};
    if (!get_parameter(exchange, &parameter)) {
        return false;
    }
    if (parameter.text == NULL) {
        return true;
    }
    *out = strdup(parameter.text);
    if (size != NULL) {
        *size = parameter.size;
    }
    return *out != NULL || refuse_memory(exchange);
}

static bool get_json(struct exchange *exchange, const char *name, const char *problem,
                     bool (*take)(struct exchange *exchange, const struct json_value *value))
{
    struct url_parameter parameter = {.name = name};
    struct json_value value;
    const char *why;
    size_t at;
    if (!get_parameter(exchange, &parameter)) {
        return false;
    }
    if (parameter.text == NULL) {
        return true;
    }
    return json_check(parameter.text, parameter.size, &value, &why, &at)
               ? take(exchange, &value)
               : refuse(exchange, problem);
}

static bool read_url(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    return get_string(exchange, "query", &call->document, &call->document_size) &&
           get_string(exchange, "operationName", &call->operation_name, NULL) &&
           get_string(exchange, "documentId", &call->document_id, NULL) &&
           get_json(exchange, "variables", "The parameter variables is not JSON.",
                    take_variables) &&
           get_json(exchange, "extensions", "The parameter extensions is not JSON.",
                    take_extensions);
}

bool graphql_read_parameters(struct exchange *exchange)
{
    exchange->call = calloc(1, sizeof *exchange->call);
    if (exchange->call == NULL) {
        return refuse_memory(exchange);
    }
    return strcmp(exchange->method, MHD_HTTP_METHOD_POST) == 0 ? read_body(exchange)
                                                               : read_url(exchange);
}
