/*
 * Any bytes as elements of a key, the first byte telling the direction: what
 * decodes encodes to the same bytes, and two values have the order of their
 * keys' bytes.
 */
#include <math.h>
#include <string.h>

#include "catalog/key.h"
#include "fuzz/fuzz.h"

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static int compare_bytes(const struct qr_key *a, const struct qr_key *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, size);
    return order != 0 ? sign(order) : (a->size > b->size) - (a->size < b->size);
}

static bool is_nan(const quire_value *value)
{
    return value->type == QUIRE_FLOAT && isnan(value->as.real);
}

static void compare(const quire_value *before, const quire_value *value, bool descending)
{
    struct qr_key a = {.allocator = qr_allocator_default()};
    struct qr_key b = {.allocator = qr_allocator_default()};
    FUZZ_REQUIRE(qr_key_append(&a, before, descending, NULL) == QUIRE_OK);
    FUZZ_REQUIRE(qr_key_append(&b, value, descending, NULL) == QUIRE_OK);
    if (before->type == value->type && !is_nan(before) && !is_nan(value)) {
        int order = sign(quire_value_compare(before, value));
        FUZZ_REQUIRE(compare_bytes(&a, &b) == (descending ? -order : order));
    }
    qr_key_free(&a);
    qr_key_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qr_arena arena;
    quire_value value, before = quire_null();
    bool descending = size > 0 && (data[0] & 1) != 0;
    size_t at = size > 0 ? 1 : 0;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    while (at < size) {
        struct qr_key key = {.allocator = qr_allocator_default()};
        size_t start = at, skipped = at;
        quire_status status = qr_key_decode(data, size, &at, descending, &arena, &value, NULL);
        FUZZ_REQUIRE(status == QUIRE_OK || status == QUIRE_CORRUPT);
        quire_status skip = qr_key_skip(data, size, &skipped, descending, NULL);
        if (status != QUIRE_OK) {
            break;
        }
        FUZZ_REQUIRE(skip == QUIRE_OK && skipped == at && at > start);
        FUZZ_REQUIRE(qr_key_append(&key, &value, descending, NULL) == QUIRE_OK);
        size_t again = 0;
        quire_value decoded;
        FUZZ_REQUIRE(qr_key_decode(key.bytes, key.size, &again, descending, &arena, &decoded,
                                   NULL) == QUIRE_OK);
        FUZZ_REQUIRE(again == key.size && decoded.type == value.type);
        FUZZ_REQUIRE(quire_value_compare(&decoded, &value) == 0 || is_nan(&value));
        compare(&before, &value, descending);
        before = value;
        qr_key_free(&key);
    }
    qr_arena_free(&arena);
    return 0;
}
