/* The order-preserving key encoding: memcmp of keys is the order of their values. */
#include "catalog/key.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/prng.h"

#define COLUMNS 3U

/* One tuple of values with the bytes they borrow. */
struct tuple {
    quire_value values[COLUMNS];
    uint8_t bytes[COLUMNS][16];
    struct qr_key key;
};

/* Few distinct bytes, zeroes and 0xFF among them, so that tuples share beginnings. */
static void random_bytes(struct prng *prng, uint8_t *bytes, size_t size)
{
    static const uint8_t alphabet[] = {0x00, 0x01, 0x30, 0x61, 0xFE, 0xFF};
    for (size_t i = 0; i < size; i++) {
        bytes[i] = alphabet[prng_below(prng, sizeof alphabet)];
    }
}

static double random_real(struct prng *prng)
{
    static const double special[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, 5e-324, -5e-324};
    uint64_t bits = prng_next(prng);
    double real;
    if (prng_one_in(prng, 2)) {
        return prng_one_in(prng, 9) ? (double)NAN : special[prng_below(prng, 8)];
    }
    memcpy(&real, &bits, sizeof real);
    return real;
}

static quire_value random_value(struct prng *prng, quire_type type, uint8_t *bytes)
{
    size_t size = (size_t)prng_below(prng, 6);
    if (prng_one_in(prng, 6)) {
        return quire_null();
    }
    switch (type) {
    case QUIRE_BOOL:
        return quire_bool(prng_one_in(prng, 2));
    case QUIRE_INT: {
        uint64_t bits = prng_next(prng) >> prng_below(prng, 64);
        bits = prng_one_in(prng, 2) ? bits : 0 - bits;
        int64_t value;
        memcpy(&value, &bits, sizeof value);
        return quire_int(value);
    }
    case QUIRE_FLOAT:
        return quire_float(random_real(prng));
    case QUIRE_TEXT:
        random_bytes(prng, bytes, size);
        return quire_text_n((const char *)bytes, size);
    case QUIRE_NULL:
    case QUIRE_BLOB:
    case QUIRE_LIST:
        break;
    }
    random_bytes(prng, bytes, size);
    return quire_blob(bytes, size);
}

/* Whatever of a head is known is what the whole key begins with. */
Test(key, head__is_what_the_key_begins_with)
{
    static const quire_type types[] = {QUIRE_BOOL, QUIRE_INT, QUIRE_FLOAT, QUIRE_TEXT, QUIRE_BLOB};
    struct qr_key key = {.allocator = qr_allocator_default()};
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[16];
        bool descending = prng_one_in(&prng, 2);
        quire_value value = random_value(&prng, types[prng_below(&prng, 5)], bytes);
        uint64_t known;
        uint64_t head = qr_key_head(&value, descending, &known);
        uint64_t begins = 0;
        qr_key_clear(&key);
        cr_assert_eq(qr_key_append(&key, &value, descending, NULL), QUIRE_OK);
        for (size_t i = 0; i < 8; i++) {
            begins = begins << 8 | (i < key.size ? key.bytes[i] : 0);
            cr_assert(i < key.size || (known >> (56 - 8 * i) & 0xFF) == 0);
        }
        cr_assert_neq(known, 0);
        cr_assert_eq(head, begins & known);
    }
    qr_key_free(&key);
}

static int compare_tuples(const struct tuple *a, const struct tuple *b, const bool *descending)
{
    for (uint32_t i = 0; i < COLUMNS; i++) {
        int order = quire_value_compare(&a->values[i], &b->values[i]);
        if (order != 0) {
            return descending[i] ? -order : order;
        }
    }
    return 0;
}

static int compare_keys(const struct qr_key *a, const struct qr_key *b)
{
    size_t shared = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, shared);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void make_tuple(struct prng *prng, const quire_type *types, const bool *descending,
                       struct tuple *tuple)
{
    qr_key_clear(&tuple->key);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        tuple->values[i] = random_value(prng, types[i], tuple->bytes[i]);
        cr_assert_eq(qr_key_append(&tuple->key, &tuple->values[i], descending[i], NULL), QUIRE_OK);
    }
}

static void assert_decodes(const struct tuple *tuple, const bool *descending)
{
    struct qr_arena arena;
    size_t offset = 0;
    size_t skipped = 0;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        quire_value value;
        cr_assert_eq(qr_key_decode(tuple->key.bytes, tuple->key.size, &offset, descending[i],
                                   &arena, &value, NULL),
                     QUIRE_OK);
        cr_assert_eq(qr_key_skip(tuple->key.bytes, tuple->key.size, &skipped, descending[i], NULL),
                     QUIRE_OK);
        cr_assert_eq(skipped, offset);
        cr_assert_eq(value.type, tuple->values[i].type);
        cr_assert_eq(quire_value_compare(&value, &tuple->values[i]), 0);
    }
    cr_assert_eq(offset, tuple->key.size);
    qr_arena_free(&arena);
}

Test(key, order__is_that_of_the_values_when_tuples_are_random)
{
    struct prng prng;
    prng_init(&prng, 3);
    struct tuple a = {.key = {.allocator = qr_allocator_default()}};
    struct tuple b = {.key = {.allocator = qr_allocator_default()}};
    for (int round = 0; round < 60000; round++) {
        quire_type types[COLUMNS];
        bool descending[COLUMNS];
        for (uint32_t i = 0; i < COLUMNS; i++) {
            types[i] = (quire_type)(QUIRE_BOOL + (int)prng_below(&prng, 5));
            descending[i] = prng_one_in(&prng, 2);
        }
        make_tuple(&prng, types, descending, &a);
        make_tuple(&prng, types, descending, &b);
        int wanted = sign(compare_tuples(&a, &b, descending));
        cr_assert_eq(sign(compare_keys(&a.key, &b.key)), wanted, "round %d", round);
        assert_decodes(&a, descending);
    }
    qr_key_free(&a.key);
    qr_key_free(&b.key);
}

static void assert_ascends(const quire_value *values, size_t count, bool descending)
{
    struct qr_key previous = {.allocator = qr_allocator_default()};
    for (size_t i = 0; i < count; i++) {
        struct qr_key key = {.allocator = qr_allocator_default()};
        cr_assert_eq(qr_key_append(&key, &values[i], descending, NULL), QUIRE_OK);
        if (i > 0) {
            int order = sign(compare_keys(&previous, &key));
            cr_assert_eq(order, descending ? 1 : -1, "%zu", i);
        }
        qr_key_free(&previous);
        previous = key;
    }
    qr_key_free(&previous);
}

Test(key, order__holds_at_the_edges_of_widths)
{
    const quire_value integers[] = {
        quire_null(),        quire_int(INT64_MIN), quire_int(INT64_MIN + 1),
        quire_int(-65537),   quire_int(-65536),    quire_int(-65535),
        quire_int(-257),     quire_int(-256),      quire_int(-255),
        quire_int(-2),       quire_int(-1),        quire_int(0),
        quire_int(1),        quire_int(255),       quire_int(256),
        quire_int(65535),    quire_int(65536),     quire_int(INT64_MAX - 1),
        quire_int(INT64_MAX)};
    const quire_value texts[] = {quire_null(),
                                 quire_text(""),
                                 quire_text_n("\0", 1),
                                 quire_text_n("\0\0", 2),
                                 quire_text_n("\0\xFF", 2),
                                 quire_text("\x01"),
                                 quire_text("a"),
                                 quire_text_n("a\0", 2),
                                 quire_text_n("a\0b", 3),
                                 quire_text("a\x01"),
                                 quire_text("ab"),
                                 quire_text("\xFF")};
    const quire_value reals[] = {quire_null(),           quire_float((double)NAN),
                                 quire_float(-INFINITY), quire_float(-1.0),
                                 quire_float(-5e-324),   quire_float(0.0),
                                 quire_float(5e-324),    quire_float(INFINITY)};
    for (int descending = 0; descending < 2; descending++) {
        assert_ascends(integers, sizeof integers / sizeof integers[0], descending);
        assert_ascends(texts, sizeof texts / sizeof texts[0], descending);
        assert_ascends(reals, sizeof reals / sizeof reals[0], descending);
    }
}

Test(key, float__has_one_key_for_both_zeroes_and_one_for_every_nan)
{
    struct qr_key a = {.allocator = qr_allocator_default()};
    struct qr_key b = {.allocator = qr_allocator_default()};
    quire_value values[] = {quire_float(0.0), quire_float(-0.0), quire_float((double)NAN),
                            quire_float(-(double)NAN)};
    for (int i = 0; i < 4; i += 2) {
        qr_key_clear(&a);
        qr_key_clear(&b);
        cr_assert_eq(qr_key_append(&a, &values[i], false, NULL), QUIRE_OK);
        cr_assert_eq(qr_key_append(&b, &values[i + 1], false, NULL), QUIRE_OK);
        cr_assert_eq(compare_keys(&a, &b), 0);
    }
    qr_key_free(&a);
    qr_key_free(&b);
}

Test(key, integer__is_compact)
{
    struct qr_key key = {.allocator = qr_allocator_default()};
    cr_assert_eq(qr_key_append_rowid(&key, 0, NULL), QUIRE_OK);
    cr_assert_eq(key.size, 1);
    cr_assert_eq(qr_key_append_rowid(&key, 70000, NULL), QUIRE_OK);
    cr_assert_eq(key.size, 5);
    cr_assert_eq(qr_key_append_rowid(&key, INT64_MIN, NULL), QUIRE_OK);
    cr_assert_eq(key.size, 14);
    static const int64_t wanted[] = {0, 70000, INT64_MIN};
    size_t offset = 0;
    for (int i = 0; i < 3; i++) {
        int64_t rowid;
        cr_assert_eq(qr_key_decode_rowid(key.bytes, key.size, &offset, &rowid, NULL), QUIRE_OK);
        cr_assert_eq(rowid, wanted[i]);
    }
    qr_key_free(&key);
}

Test(key, append__refuses_lists_and_keeps_the_key)
{
    struct qr_key key = {.allocator = qr_allocator_default()};
    quire_error err = QUIRE_ERROR_INIT;
    quire_value list = quire_blob("\0", 1);
    list.type = QUIRE_LIST;
    cr_assert_eq(qr_key_append_rowid(&key, 5, NULL), QUIRE_OK);
    size_t size = key.size;
    cr_assert_eq(qr_key_append(&key, &list, false, &err), QUIRE_TYPE);
    cr_assert_eq(key.size, size);
    qr_key_free(&key);
}

Test(key, successor__is_the_least_greater_string)
{
    struct qr_key key = {.allocator = qr_allocator_default()};
    bool none;
    cr_assert_eq(qr_key_append_bytes(&key, "a\xFF\xFF", 3, NULL), QUIRE_OK);
    qr_key_successor(&key, &none);
    cr_assert_not(none);
    cr_assert_eq(key.size, 1);
    cr_assert_eq(key.bytes[0], 'b');
    qr_key_clear(&key);
    cr_assert_eq(qr_key_append_bytes(&key, "\xFF\xFF", 2, NULL), QUIRE_OK);
    qr_key_successor(&key, &none);
    cr_assert(none);
    qr_key_clear(&key);
    qr_key_successor(&key, &none);
    cr_assert(none);
    qr_key_free(&key);
}

Test(key, decode__stays_in_bounds_when_bytes_are_hostile)
{
    static const uint8_t tags[] = {0x05, 0x08, 0x0C, 0x13, 0x14, 0x15, 0x1C, 0x20, 0x30, 0x31};
    struct prng prng;
    struct qr_arena arena;
    prng_init(&prng, 4);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (int round = 0; round < 40000; round++) {
        size_t size = (size_t)prng_below(&prng, 20);
        uint8_t *bytes = malloc(size == 0 ? 1 : size);
        bool descending = prng_one_in(&prng, 2);
        quire_value value;
        int64_t rowid;
        size_t offset = 0;
        random_bytes(&prng, bytes, size);
        if (size > 0) {
            bytes[0] = (uint8_t)(tags[prng_below(&prng, sizeof tags)] ^ (descending ? 0xFF : 0));
        }
        if (qr_key_decode(bytes, size, &offset, descending, &arena, &value, NULL) == QUIRE_OK) {
            /* What decodes encodes to the same bytes. */
            struct qr_key key = {.allocator = qr_allocator_default()};
            cr_assert_leq(offset, size);
            cr_assert_eq(qr_key_append(&key, &value, descending, NULL), QUIRE_OK);
            bool is_nan = value.type == QUIRE_FLOAT && isnan(value.as.real);
            bool is_zero = value.type == QUIRE_FLOAT && value.as.real == 0;
            cr_assert(is_nan || is_zero ||
                      (key.size == offset && memcmp(key.bytes, bytes, offset) == 0));
            qr_key_free(&key);
        }
        offset = 0;
        (void)qr_key_skip(bytes, size, &offset, descending, NULL);
        offset = 0;
        (void)qr_key_decode_rowid(bytes, size, &offset, &rowid, NULL);
        qr_arena_reset(&arena);
        free(bytes);
    }
    qr_arena_free(&arena);
}

Test(key, append__fails_cleanly_when_memory_runs_out)
{
    struct failing_allocator failing;
    quire_value text = quire_text("a text long enough to need more than one growth of the buffer");
    failing_allocator_init(&failing);
    for (uint64_t at = 0;; at++) {
        struct qr_key key = {.allocator = &failing.allocator};
        failing_allocator_arm(&failing, at, false);
        quire_status status = QUIRE_OK;
        for (int i = 0; i < 20 && status == QUIRE_OK; i++) {
            status = qr_key_append(&key, &text, true, NULL);
        }
        bool failed = failing.failures > 0;
        qr_key_free(&key);
        cr_assert(failing_allocator_is_clean(&failing));
        cr_assert_eq(status, failed ? QUIRE_NO_MEMORY : QUIRE_OK);
        if (!failed) {
            break;
        }
    }
}

/* Whatever comes before it, a rowid found from the end is the one that was appended. */
Test(key, rowid_at_end__is_the_rowid_or_is_not_found)
{
    uint64_t random = 1;
    size_t found = 0;
    for (int i = 0; i < 200000; i++) {
        struct qr_key key = {.allocator = qr_allocator_default()};
        quire_value part;
        size_t offset = 0;
        int64_t rowid = 0;
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t wanted = (int64_t)(random >> (random >> 58));
        wanted = i % 16 == 0 ? -wanted : wanted;
        part = i % 3 == 0 ? quire_int((int64_t)random) : quire_int((int64_t)(random >> 50));
        if (i % 5 != 0) {
            cr_assert_eq(qr_key_append(&key, &part, i % 2 != 0, NULL), QUIRE_OK);
        }
        size_t size = key.size;
        cr_assert_eq(qr_key_append_rowid(&key, wanted, NULL), QUIRE_OK);
        if (qr_key_rowid_at_end(key.bytes, key.size, &offset, &rowid)) {
            cr_assert(rowid == wanted && offset == size, "%lld", (long long)wanted);
            found++;
        }
        qr_key_free(&key);
    }
    cr_assert_gt(found, 120000);
    const uint8_t padded[] = {0x30, 0x16, 0x00, 0x05};
    int64_t rowid;
    cr_assert_not(qr_key_rowid_at_end(padded, sizeof padded, &(size_t){0}, &rowid));
    cr_assert_not(qr_key_rowid_at_end(padded, 0, &(size_t){0}, &rowid));
}
