/*
 * What numbers have counted up to, in an export and a load of it: rows of no
 * type, { "field": "Invoice.number", "number": "17" }, under the name __numbers,
 * which no type has. See load.h.
 */
#include <stdlib.h>

#include "graphql/load.h"
#include "graphql/sequence.h"

const char qr_load_numbers_name[] = "__numbers";

static const struct qr_model_type numbers = {
    .name = {qr_load_numbers_name, sizeof qr_load_numbers_name - 1}, .table = qr_load_numbers_name};

const struct qr_model_type *qr_load_numbers(void)
{
    return &numbers;
}

/* The field that "Type.field" names, if it counts. */
static const struct qr_model_field *find_field(const struct qr_model *model, struct qr_gql_str text)
{
    const char *dot = text.size == 0 ? NULL : memchr(text.data, '.', text.size);
    if (dot == NULL) {
        return NULL;
    }
    size_t size = (size_t)(dot - text.data);
    const struct qr_model_type *type =
        qr_model_find_type(model, (struct qr_gql_str){text.data, size});
    const struct qr_model_field *field =
        type == NULL
            ? NULL
            : qr_model_find_field(type, (struct qr_gql_str){dot + 1, text.size - size - 1});
    return field != NULL && field->generator == QR_MODEL_MAKES_NUMBER ? field : NULL;
}

/* A number that can have been counted. */
static bool read_number(struct qr_gql_str text, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || *number > (INT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    return *number > 0;
}

quire_status qr_load_number(struct qr_load_writer *writer, const struct qr_load_node *element)
{
    const struct qr_load_node *name = qr_load_member(element, qr_gql_str_of("field"));
    const struct qr_load_node *value = qr_load_member(element, qr_gql_str_of("number"));
    const struct qr_model_field *field = NULL;
    int64_t number;

    if (name != NULL && name->kind == QR_GQL_VALUE_STRING) {
        field = find_field(writer->reader.api->model, name->text);
    }
    if (field == NULL || value == NULL || element->count != 2 ||
        (value->kind != QR_GQL_VALUE_STRING && value->kind != QR_GQL_VALUE_INT) ||
        !read_number(value->text, &number)) {
        return qr_load_fail(
            writer->reader.err, QUIRE_DATA, element->place,
            "An element of %s has the \"field\" that counts, as \"Type.field\", and "
            "the largest \"number\" that it has given.",
            qr_load_numbers_name);
    }
    return qr_sequence_raise(&writer->reader, field, number);
}
