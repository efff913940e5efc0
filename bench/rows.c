/*
 * Keys and values of the benchmarks' rows. A value follows from its key and a
 * version, so that whoever reads one can tell whether it is right.
 */
#include <string.h>

#include "bench.h"

#define VALUE_WORDS (BENCH_VALUE / 8)
#define VALUE_REST  (BENCH_VALUE % 8)

/* What the words of a value count on from. */
static uint64_t first_word(int64_t key, uint64_t version)
{
    return ((uint64_t)key * 31 + version) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Key, version, then words that follow from both. */
void bench_fill(void *value, int64_t key, uint64_t version)
{
    uint64_t words[VALUE_WORDS + 1];
    uint64_t first = first_word(key, version);
    words[0] = (uint64_t)key;
    words[1] = version;
    for (size_t i = 2; i < VALUE_WORDS + 1; i++) {
        words[i] = first + i;
    }
    memcpy(value, words, BENCH_VALUE);
}

static inline uint64_t word_at(const char *value, size_t i)
{
    uint64_t word;
    memcpy(&word, value + 8 * i, sizeof word);
    return word;
}

/* All of the value, in few steps: it is done for every row of a scan. */
bool bench_verify(const void *value, size_t size, int64_t key, uint64_t *version)
{
    if (size != BENCH_VALUE) {
        return false;
    }
    *version = word_at(value, 1);
    uint64_t first = first_word(key, *version);
    uint64_t wrong = word_at(value, 0) ^ (uint64_t)key;
    for (size_t i = 2; i < VALUE_WORDS; i++) {
        wrong |= word_at(value, i) ^ (first + i);
    }
    uint64_t last = first + VALUE_WORDS;
    return wrong == 0 && memcmp((const char *)value + 8 * VALUE_WORDS, &last, VALUE_REST) == 0;
}

void bench_text(char *text, int64_t key)
{
    memcpy(text, "key-", 4);
    for (size_t i = BENCH_TEXT; i-- > 4; key /= 10) {
        text[i] = (char)('0' + key % 10);
    }
}

int64_t bench_number(const void *text)
{
    const char *digits = text;
    int64_t key = 0;
    for (size_t i = 4; i < BENCH_TEXT; i++) {
        key = key * 10 + (digits[i] - '0');
    }
    return key;
}
