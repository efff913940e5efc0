/*
 * Mutations that know tokens and brackets: what comes out of a document mostly
 * still parses, and so reaches the code behind the parser. The texts of an
 * input, apart by zero bytes, are one row of tokens, so that names travel from a
 * schema into the document. One in three mutations is left to the fuzzer.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz/fuzz.h"

#define TOKENS_MAX  4096U
#define CHANGES_MAX 4U

/* The dictionary of the fuzzer: strings that each end in a blank. */
static const char words[] =
#include "words.dict"
    ;

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct token {
    size_t start, end;
    size_t group_end; /* of the brackets that it opens; else `end` */
};

struct tokens {
    struct token all[TOKENS_MAX];
    size_t count;
};

static uint32_t random_below(uint64_t *state, size_t bound)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return bound == 0 ? 0 : (uint32_t)((*state >> 33) % bound);
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '$' || c == '@' || c == '.' || c == '-';
}

static size_t token_end(const uint8_t *data, size_t size, size_t at)
{
    size_t end = at + 1;
    if (data[at] == '"') {
        while (end < size && data[end] != '"' && data[end] != '\0') {
            end += data[end] == '\\' ? 2 : 1;
        }
        return end < size ? end + (data[end] == '"') : size;
    }
    while (is_word(data[at]) && end < size && is_word(data[end])) {
        end++;
    }
    return end;
}

static void split(struct tokens *tokens, const uint8_t *data, size_t size)
{
    size_t open[64];
    size_t depth = 0;
    tokens->count = 0;
    for (size_t at = 0; at < size && tokens->count < TOKENS_MAX; at = token_end(data, size, at)) {
        uint8_t c = data[at];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            continue;
        }
        size_t end = token_end(data, size, at);
        tokens->all[tokens->count] = (struct token){at, end, end};
        if ((c == '{' || c == '(' || c == '[') && depth < 64) {
            open[depth++] = tokens->count;
        } else if ((c == '}' || c == ')' || c == ']') && depth > 0) {
            tokens->all[open[--depth]].group_end = end;
        } else if (c == '\0') {
            depth = 0;
        }
        tokens->count++;
    }
}

/* Puts `text` in place of data[start, end); leaves all as it was when it does not fit. */
static size_t splice(uint8_t *data, size_t size, size_t max_size, size_t start, size_t end,
                     const uint8_t *text, size_t text_size)
{
    if (size - (end - start) + text_size > max_size) {
        return size;
    }
    uint8_t *copy = malloc(text_size + 1);
    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, text, text_size);
    memmove(data + start + text_size, data + end, size - end);
    memcpy(data + start, copy, text_size);
    free(copy);
    return size - (end - start) + text_size;
}

static const uint8_t *pick_word(uint64_t *state, size_t *size)
{
    const char *word = words + random_below(state, sizeof words - 1);
    while (word > words && word[-1] != ' ') {
        word--;
    }
    *size = strcspn(word, " ") + 1;
    return (const uint8_t *)word;
}

static size_t change(uint8_t *data, size_t size, size_t max_size, uint64_t *state)
{
    static struct tokens tokens;
    size_t word_size;
    const uint8_t *word = pick_word(state, &word_size);
    split(&tokens, data, size);
    if (tokens.count == 0) {
        return size;
    }
    const struct token *a = &tokens.all[random_below(state, tokens.count)];
    const struct token *b = &tokens.all[random_below(state, tokens.count)];
    switch (random_below(state, 8)) {
    case 0: /* without a token or a group */
        return splice(data, size, max_size, a->start, a->group_end, word, 0);
    case 1: /* a group once more, elsewhere */
        return splice(data, size, max_size, b->end, b->end, data + a->start,
                      a->group_end - a->start);
    case 2: /* and the group behind it, which are its arguments or fields */
        return splice(data, size, max_size, b->start, b->start, data + a->start,
                      (a + 1 < tokens.all + tokens.count ? a[1] : *a).group_end - a->start);
    case 3:
        return splice(data, size, max_size, a->start, a->start, word, word_size);
    case 4:
    case 5: /* a token in the place of another */
        return splice(data, size, max_size, a->start, a->end, data + b->start, b->end - b->start);
    default:
        return splice(data, size, max_size, a->start, a->end, word, word_size);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t state = seed;
    if (random_below(&state, 3) == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    for (size_t n = 1 + random_below(&state, CHANGES_MAX); n > 0; n--) {
        size = change(data, size, max_size, &state);
    }
    return size > 0 ? size : LLVMFuzzerMutate(data, size, max_size);
}
