/*
 * Matching `like` patterns: see like.h.
 *
 * State i means that the first i elements of the pattern were met. A byte moves
 * state i to i + 1 if element i accepts it. A state that `%` leads to stays on
 * every byte; one behind `_` on the bytes that continue a character, of which
 * `_` itself takes the first.
 */
#include "graphql/like.h"

struct qr_like {
    size_t words;     /* of one set of states */
    size_t last_word; /* where the last state is */
    uint64_t last_bit;
    uint64_t *accepts;   /* by byte: the states whose element takes it */
    uint64_t *stays;     /* on every byte */
    uint64_t *continues; /* on bytes that continue a character */
    struct qr_gql_str prefix;
};

struct compiler {
    struct qr_like *like;
    size_t state;
    char *prefix;
    bool in_prefix;
};

static bool is_continuation(unsigned byte)
{
    return (byte & 0xC0) == 0x80;
}

static void put_literal(struct compiler *c, char byte)
{
    struct qr_like *like = c->like;
    like->accepts[(size_t)(unsigned char)byte * like->words + c->state / 64] |= UINT64_C(1)
                                                                                << (c->state % 64);
    if (c->in_prefix) {
        c->prefix[like->prefix.size++] = byte;
    }
    c->state++;
}

static void put_any_character(struct compiler *c)
{
    struct qr_like *like = c->like;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (!is_continuation(byte)) {
            like->accepts[byte * like->words + c->state / 64] |= UINT64_C(1) << (c->state % 64);
        }
    }
    c->state++;
    like->continues[c->state / 64] |= UINT64_C(1) << (c->state % 64);
    c->in_prefix = false;
}

static void put_any_text(struct compiler *c)
{
    c->like->stays[c->state / 64] |= UINT64_C(1) << (c->state % 64);
    c->in_prefix = false;
}

quire_status qr_like_compile(struct qr_arena *arena, struct qr_gql_str pattern,
                             struct qr_like **out, quire_error *err)
{
    size_t words = (pattern.size + 64) / 64;
    struct qr_like *like = qr_arena_alloc_zero(arena, sizeof *like, err);
    struct compiler c = {.like = like, .in_prefix = true};

    if (pattern.size > QR_LIKE_PATTERN_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A pattern of \"like\" has at most %u bytes, not %zu.",
                       QR_LIKE_PATTERN_MAX, pattern.size);
    }
    if (like == NULL) {
        return qr_gql_memory_status(err);
    }
    like->words = words;
    like->accepts = qr_arena_alloc_zero(arena, sizeof *like->accepts * words * 258, err);
    c.prefix = qr_arena_alloc(arena, pattern.size + 1, err);
    if (like->accepts == NULL || c.prefix == NULL) {
        return qr_gql_memory_status(err);
    }
    like->stays = like->accepts + words * 256;
    like->continues = like->accepts + words * 257;
    like->prefix.data = c.prefix;
    for (size_t i = 0; i < pattern.size; i++) {
        char byte = pattern.data[i];
        if (byte == '%') {
            put_any_text(&c);
        } else if (byte == '_') {
            put_any_character(&c);
        } else if (byte != '\\') {
            put_literal(&c, byte);
        } else if (++i < pattern.size) {
            put_literal(&c, pattern.data[i]);
        } else {
            return qr_fail(err, QUIRE_QUERY,
                           "A pattern of \"like\" ends in \"\\\", which takes the next character "
                           "as it is; write it twice for itself.");
        }
    }
    like->last_word = c.state / 64;
    like->last_bit = UINT64_C(1) << (c.state % 64);
    *out = like;
    return QUIRE_OK;
}

/* One byte; false when no state is left. */
static bool step(const struct qr_like *like, uint64_t *states, unsigned byte)
{
    const uint64_t *accepts = like->accepts + byte * like->words;
    bool continuation = is_continuation(byte);
    uint64_t carry = 0;
    uint64_t any = 0;
    for (size_t w = 0; w < like->words; w++) {
        uint64_t moved = states[w] & accepts[w];
        uint64_t stayed = states[w] & like->stays[w];
        stayed |= continuation ? states[w] & like->continues[w] : 0;
        states[w] = (moved << 1) | carry | stayed;
        carry = moved >> 63;
        any |= states[w];
    }
    return any != 0;
}

bool qr_like_test(const struct qr_like *like, struct qr_gql_str text)
{
    uint64_t states[(QR_LIKE_PATTERN_MAX + 64) / 64];
    bool stays = (like->stays[like->last_word] & like->last_bit) != 0;

    memset(states, 0, sizeof *states * like->words);
    states[0] = 1;
    for (size_t i = 0; i < text.size; i++) {
        if (stays && (states[like->last_word] & like->last_bit) != 0) {
            return true; /* the rest may be anything */
        }
        if (!step(like, states, (unsigned char)text.data[i])) {
            return false;
        }
    }
    return (states[like->last_word] & like->last_bit) != 0;
}

struct qr_gql_str qr_like_prefix(const struct qr_like *like)
{
    return like->prefix;
}
