/*
 * The table of Quire's scalars, and the smaller ones: see scalar.h.
 */
#include "graphql/scalar.h"

#include "base/clock.h"
#include "base/file.h"
#include "graphql/execute.h"
#include "graphql/json_read.h"

/* ---- BigInt ---- */

bool qr_scalar_parse_int64(struct qr_gql_str text, int64_t *out)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t i = negative ? 1 : 0;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;

    if (i == text.size) {
        return false;
    }
    for (; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static quire_status bigint_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                                bool *fits, quire_error *err)
{
    int64_t integer = 0;
    (void)arena;
    (void)err;
    *fits = qr_scalar_parse_int64(text, &integer);
    *out = quire_int(integer);
    return QUIRE_OK;
}

static bool bigint_write(const quire_value *value, struct qr_json_writer *writer)
{
    char digits[24];
    size_t size = 0;
    uint64_t magnitude =
        value->as.integer < 0 ? 0 - (uint64_t)value->as.integer : (uint64_t)value->as.integer;
    do {
        digits[sizeof digits - ++size] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (value->as.integer < 0) {
        digits[sizeof digits - ++size] = '-';
    }
    qr_json_put_string(writer, digits + sizeof digits - size, size);
    return true;
}

/* ---- UUID ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hyphen_place(size_t place)
{
    return place == 8 || place == 13 || place == 18 || place == 23;
}

static quire_status uuid_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                              bool *fits, quire_error *err)
{
    uint8_t *bytes = qr_arena_alloc(arena, QR_UUID_SIZE, err);
    size_t digits = 0;

    *fits = text.size == QR_UUID_TEXT_SIZE;
    if (bytes == NULL) {
        return qr_gql_memory_status(err);
    }
    for (size_t i = 0; *fits && i < text.size; i++) {
        int digit = hex_digit(text.data[i]);
        if (is_hyphen_place(i)) {
            *fits = text.data[i] == '-';
            continue;
        }
        *fits = digit >= 0;
        bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | (digit & 15));
        digits++;
    }
    *out = quire_blob(bytes, QR_UUID_SIZE);
    return QUIRE_OK;
}

void qr_uuid_print(const uint8_t bytes[QR_UUID_SIZE], char text[QR_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < QR_UUID_TEXT_SIZE; i++) {
        if (is_hyphen_place(i)) {
            text[i] = '-';
        } else {
            text[i] = digits[n % 2 == 0 ? bytes[n / 2] >> 4 : bytes[n / 2] & 15];
            n++;
        }
    }
}

static bool uuid_write(const quire_value *value, struct qr_json_writer *writer)
{
    char text[QR_UUID_TEXT_SIZE];
    if (value->size != QR_UUID_SIZE) {
        return false;
    }
    qr_uuid_print(value->as.bytes, text);
    qr_json_put_string(writer, text, sizeof text);
    return true;
}

quire_status qr_uuid_generate(uint8_t bytes[QR_UUID_SIZE], quire_error *err)
{
    struct qr_file_layer *system = qr_file_layer_posix();
    uint64_t milliseconds = (uint64_t)(qr_clock_wall_ns() / 1000000);

    QR_TRY(system->methods->random(system, bytes + 6, 10, err));
    for (int i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)(milliseconds >> (40 - 8 * i));
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x70);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    return QUIRE_OK;
}

/* ---- Bytes ---- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters at a time; the last one or two may be "=", behind digits whose spare bits are 0,
 * so that one value has one text. */
static quire_status bytes_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                               bool *fits, quire_error *err)
{
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') {
        padding++;
    }
    size_t digits = text.size - padding;
    uint8_t *bytes = qr_arena_alloc(arena, digits / 4 * 3 + 3, err);
    size_t size = 0;
    uint32_t group = 0;

    if (bytes == NULL) {
        return qr_gql_memory_status(err);
    }
    *fits = text.size % 4 == 0 && digits / 4 * 3 <= UINT32_MAX - 3;
    for (size_t i = 0; *fits && i < digits; i++) {
        int digit = base64_digit(text.data[i]);
        *fits = digit >= 0;
        group = (group << 6 | (uint32_t)(digit & 63)) & 0xFFFFFF;
        if (i % 4 > 0) {
            bytes[size++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
        }
    }
    uint32_t spare = padding == 1 ? 3 : padding == 2 ? 15 : 0;
    *fits = *fits && (group & spare) == 0;
    *out = quire_blob(bytes, size);
    return QUIRE_OK;
}

static bool bytes_write(const quire_value *value, struct qr_json_writer *writer)
{
    enum { PIECE = 48 };
    const uint8_t *bytes = value->as.bytes;
    char text[PIECE / 3 * 4];

    /* The characters need no escapes: the text is put together from pieces. */
    qr_json_put_raw(writer, "\"", 1);
    for (size_t i = 0; i < value->size;) {
        size_t length = 0;
        for (size_t piece = 0; piece < PIECE && i < value->size; piece += 3, i += 3) {
            size_t left = value->size - i;
            uint32_t group = (uint32_t)bytes[i] << 16;
            group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
            group |= left > 2 ? bytes[i + 2] : 0;
            text[length++] = base64[group >> 18];
            text[length++] = base64[group >> 12 & 63];
            text[length++] = left > 1 ? base64[group >> 6 & 63] : '=';
            text[length++] = left > 2 ? base64[group & 63] : '=';
        }
        writer->comma = false;
        qr_json_put_raw(writer, text, length);
    }
    writer->comma = false;
    qr_json_put_raw(writer, "\"", 1);
    return true;
}

/* ---- JSON ---- */

/* Recursion follows the nesting of the value, which the parser and the JSON reader bound. */
static bool is_json(const struct qr_gql_value *value)
{
    bool object = value->kind == QR_GQL_VALUE_OBJECT;
    if (value->kind == QR_GQL_VALUE_LIST || object) {
        for (uint32_t i = 0; i < value->count; i++) {
            if (!is_json(object ? &value->members[i].value : &value->items[i])) {
                return false;
            }
        }
    }
    return value->kind != QR_GQL_VALUE_ENUM;
}

static bool json_write(const quire_value *value, struct qr_json_writer *writer)
{
    qr_json_put_raw(writer, value->as.bytes, value->size);
    return true;
}

/* ---- input ---- */

static const struct qr_scalar *scalar_of(const struct qr_gql_type *type)
{
    return (const struct qr_scalar *)(const void *)type->coercion;
}

static quire_status coerce_text(const struct qr_gql_type *type, struct qr_arena *arena,
                                struct qr_gql_value *value, const char **problem, quire_error *err)
{
    const struct qr_scalar *scalar = scalar_of(type);
    bool number = value->kind == QR_GQL_VALUE_INT || value->kind == QR_GQL_VALUE_FLOAT;
    quire_value stored;
    bool fits = false;
    if (value->kind == QR_GQL_VALUE_STRING || (number && scalar->from_numbers)) {
        QR_TRY(scalar->read(value->text, arena, &stored, &fits, err));
    }
    if (!fits) {
        *problem = scalar->form;
        return QUIRE_OK;
    }
    return scalar->kind == QR_MODEL_BIGINT ? qr_gql_value_int(arena, stored.as.integer, value, err)
                                           : QUIRE_OK;
}

/* Results are written as columns with the value would be. */
static quire_status coerce_result(const struct qr_gql_type *type, struct qr_arena *arena,
                                  struct qr_gql_value *value, const char **problem,
                                  quire_error *err)
{
    const struct qr_scalar *scalar = scalar_of(type);
    struct qr_json_writer writer;
    quire_value stored;
    bool fits = false;
    bool number = value->kind == QR_GQL_VALUE_INT || value->kind == QR_GQL_VALUE_FLOAT;
    if (value->kind == QR_GQL_VALUE_STRING || (number && scalar->from_numbers)) {
        QR_TRY(scalar->read(value->text, arena, &stored, &fits, err));
    }
    qr_json_writer_init(&writer, arena->allocator, 0, err);
    if (!fits || !scalar->write(&stored, &writer)) {
        *problem = scalar->form;
        return QUIRE_OK;
    }
    quire_status status = writer.status;
    if (status == QUIRE_OK) {
        status = qr_json_read(arena, writer.bytes, writer.size, 0, value, err);
    }
    qr_json_writer_free(&writer);
    return status;
}

static quire_status coerce_json(const struct qr_gql_type *type, struct qr_arena *arena,
                                struct qr_gql_value *value, const char **problem, quire_error *err)
{
    (void)arena;
    (void)err;
    if (!is_json(value)) {
        *problem = scalar_of(type)->form;
    }
    return QUIRE_OK;
}

/* ---- the table ---- */

#define RFC "https://www.rfc-editor.org/rfc/"

/* In the order of enum qr_model_scalar, from QR_MODEL_BIGINT on. */
static const struct qr_scalar scalars[] = {
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "BigInt",
     .description = "A signed 64-bit integer, in JSON as a string so that no digit is lost.",
     .kind = QR_MODEL_BIGINT,
     .stored = QUIRE_INT,
     .ordered = true,
     .from_numbers = true,
     .form = "a BigInt is an integer of 64 bits, as a number or a string of its digits",
     .read = bigint_read,
     .write = bigint_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "Decimal",
     .description = "An exact decimal number, in JSON as a string so that no digit is lost.",
     .url = RFC "rfc8259#section-6",
     .kind = QR_MODEL_DECIMAL,
     .stored = QUIRE_BLOB,
     .ordered = true,
     .from_numbers = true,
     .form = "a Decimal is a number, or a string like -12.5, of at most 1000 digits before its "
             "point and 1000 behind it",
     .read = qr_decimal_read,
     .write = qr_decimal_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "DateTime",
     .description = "A moment in UTC, to the microsecond.",
     .url = RFC "rfc3339#section-5.6",
     .kind = QR_MODEL_DATETIME,
     .stored = QUIRE_INT,
     .ordered = true,
     .form = "a DateTime is a string like 2024-05-31T18:30:00Z or "
             "2024-05-31T20:30:00.25+02:00, to the microsecond and in the years 0000 to 9999",
     .read = qr_datetime_read,
     .write = qr_datetime_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "Date",
     .description = "A day of the Gregorian calendar.",
     .url = RFC "rfc3339#section-5.6",
     .kind = QR_MODEL_DATE,
     .stored = QUIRE_INT,
     .ordered = true,
     .form = "a Date is a string like 2024-05-31",
     .read = qr_date_read,
     .write = qr_date_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "Time",
     .description = "A time of day, to the microsecond.",
     .url = RFC "rfc3339#section-5.6",
     .kind = QR_MODEL_TIME,
     .stored = QUIRE_INT,
     .ordered = true,
     .form = "a Time is a string like 18:30:00 or 18:30:00.25, to the microsecond",
     .read = qr_time_read,
     .write = qr_time_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "Duration",
     .description = "A span of time in months, days and time of day, to the microsecond.",
     .url = RFC "rfc3339#appendix-A",
     .kind = QR_MODEL_DURATION,
     .stored = QUIRE_BLOB,
     .ordered = true,
     .form = "a Duration is a string like P1Y2M3DT4H5M6.25S or -PT90M, to the microsecond and of "
             "at most 10000 years",
     .read = qr_duration_read,
     .write = qr_duration_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "UUID",
     .description = "A universally unique identifier of 128 bits.",
     .url = RFC "rfc9562#section-4",
     .kind = QR_MODEL_UUID,
     .stored = QUIRE_BLOB,
     .ordered = true,
     .form = "a UUID is a string like 0190f3c8-4be2-7d31-a9c4-5b1f0a2d3e4f",
     .read = uuid_read,
     .write = uuid_write},
    {.coercion = {.coerce_input = coerce_json, .coerce_output = coerce_json},
     .name = "JSON",
     .description = "Any JSON value; numbers keep their digits.",
     .url = RFC "rfc8259",
     .kind = QR_MODEL_JSON,
     .stored = QUIRE_TEXT,
     .form = "names stand in quotes in JSON",
     .write = json_write},
    {.coercion = {.coerce_input = coerce_text, .coerce_output = coerce_result},
     .name = "Bytes",
     .description = "Bytes, as base64.",
     .url = RFC "rfc4648#section-4",
     .kind = QR_MODEL_BYTES,
     .stored = QUIRE_BLOB,
     .ordered = true,
     .form = "Bytes are a string in base64, padded with = to a multiple of 4 characters",
     .read = bytes_read,
     .write = bytes_write},
};

#define SCALAR_COUNT (sizeof scalars / sizeof *scalars)

const struct qr_scalar *qr_scalar_of_kind(enum qr_model_scalar kind)
{
    return kind < QR_MODEL_BIGINT ? NULL : &scalars[kind - QR_MODEL_BIGINT];
}

const struct qr_scalar *qr_scalar_find(struct qr_gql_str name)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        if (qr_gql_str_is(name, scalars[i].name)) {
            return &scalars[i];
        }
    }
    return NULL;
}

const struct qr_scalar *qr_scalar_of_type(const struct qr_gql_type *type)
{
    const struct qr_scalar *scalar =
        type->kind == QR_GQL_SCALAR ? qr_scalar_find(type->name) : NULL;
    bool elsewhere = scalar != NULL && scalar->url != NULL && type->specified_by_url.data != NULL &&
                     !qr_gql_str_is(type->specified_by_url, scalar->url);
    return elsewhere ? NULL : scalar;
}

void qr_scalar_bind(struct qr_gql_schema *schema)
{
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_scalar *scalar = qr_scalar_of_type(schema->types[i]);
        if (scalar != NULL) {
            schema->types[i]->coercion = &scalar->coercion;
        }
    }
}

/* Whether a definition of the document has the name, whatever it defines. */
static bool is_defined(const struct qr_gql_document *document, const char *name)
{
    const struct qr_gql_ast_definition *d = document == NULL ? NULL : document->first;
    for (; d != NULL; d = d->next) {
        if (!d->extends && d->kind != QR_GQL_AST_DIRECTIVE_DEFINITION &&
            qr_gql_str_is(d->name.text, name)) {
            return true;
        }
    }
    return false;
}

void qr_scalar_define(struct qr_gql_buffer *buffer, const struct qr_gql_document *document)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        if (!is_defined(document, scalars[i].name)) {
            qr_gql_buffer_format(buffer, "\"%s\" scalar %s", scalars[i].description,
                                 scalars[i].name);
            if (scalars[i].url != NULL) {
                qr_gql_buffer_format(buffer, " @specifiedBy(url: \"%s\")", scalars[i].url);
            }
            qr_gql_buffer_char(buffer, '\n');
        }
    }
}
