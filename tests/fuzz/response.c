/*
 * Checks responses (response.h).
 */
#include "fuzz/response.h"

#include <string.h>

#include "fuzz/fuzz.h"
#include "graphql/json_read.h"

#define RESPONSE_DEPTH_MAX 2000

static const struct qr_gql_value *member(const struct qr_gql_value *object, const char *name)
{
    return qr_gql_value_get(object, qr_gql_str_of(name));
}

/* The value one step along a path; NULL where the data has none. */
static const struct qr_gql_value *step(const struct qr_gql_value *value,
                                       const struct qr_gql_value *key)
{
    if (key->kind == QR_GQL_VALUE_STRING) {
        return value->kind == QR_GQL_VALUE_OBJECT ? qr_gql_value_get(value, key->text) : NULL;
    }
    FUZZ_REQUIRE(key->kind == QR_GQL_VALUE_INT && key->in_int64 && key->integer >= 0);
    bool there = value->kind == QR_GQL_VALUE_LIST && (uint64_t)key->integer < value->count;
    return there ? &value->items[key->integer] : NULL;
}

/* A field that failed is null, or something around it is. */
static void check_path(const struct qr_gql_value *data, const struct qr_gql_value *path)
{
    const struct qr_gql_value *value = data;
    FUZZ_REQUIRE(path->kind == QR_GQL_VALUE_LIST && path->count > 0);
    for (uint32_t i = 0; i < path->count && value->kind != QR_GQL_VALUE_NULL; i++) {
        value = step(value, &path->items[i]);
        FUZZ_REQUIRE(value != NULL);
    }
    FUZZ_REQUIRE(value->kind == QR_GQL_VALUE_NULL);
}

static void check_error(const struct qr_gql_value *data, const struct qr_gql_value *error)
{
    FUZZ_REQUIRE(error->kind == QR_GQL_VALUE_OBJECT);
    const struct qr_gql_value *message = member(error, "message");
    FUZZ_REQUIRE(message != NULL && message->kind == QR_GQL_VALUE_STRING);
    FUZZ_REQUIRE(message->text.size > 0);
    const struct qr_gql_value *places = member(error, "locations");
    for (uint32_t i = 0; places != NULL && i < places->count; i++) {
        const struct qr_gql_value *line = member(&places->items[i], "line");
        const struct qr_gql_value *column = member(&places->items[i], "column");
        FUZZ_REQUIRE(line != NULL && line->integer >= 1);
        FUZZ_REQUIRE(column != NULL && column->integer >= 1);
    }
    const struct qr_gql_value *path = member(error, "path");
    if (path != NULL) {
        FUZZ_REQUIRE(data != NULL);
        check_path(data, path);
    }
}

void fuzz_check_response(const char *response, size_t size, bool has_errors, bool executed)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    struct qr_gql_value root;
    FUZZ_REQUIRE(response[size] == '\0');
    qr_arena_init(&arena, qr_allocator_default(), 0);
    FUZZ_REQUIRE(qr_json_read(&arena, response, size, RESPONSE_DEPTH_MAX, &root, &err) == QUIRE_OK);
    FUZZ_REQUIRE(root.kind == QR_GQL_VALUE_OBJECT);
    const struct qr_gql_value *data = member(&root, "data");
    const struct qr_gql_value *errors = member(&root, "errors");
    const struct qr_gql_value *extensions = member(&root, "extensions");
    FUZZ_REQUIRE((errors != NULL) == has_errors);
    FUZZ_REQUIRE((data != NULL) == executed);
    uint32_t known =
        (data != NULL ? 1U : 0U) + (errors != NULL ? 1U : 0U) + (extensions != NULL ? 1U : 0U);
    FUZZ_REQUIRE(root.count == known);
    if (data == NULL || data->kind == QR_GQL_VALUE_NULL) {
        FUZZ_REQUIRE(errors != NULL);
    } else {
        FUZZ_REQUIRE(data->kind == QR_GQL_VALUE_OBJECT);
    }
    if (errors != NULL) {
        FUZZ_REQUIRE(errors->kind == QR_GQL_VALUE_LIST && errors->count > 0);
        for (uint32_t i = 0; i < errors->count; i++) {
            check_error(data, &errors->items[i]);
        }
    }
    qr_arena_free(&arena);
}
