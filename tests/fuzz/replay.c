/*
 * Runs a fuzz target without a fuzzer: every seed, then mutations of seeds, the
 * same ones each time. A seed that cannot be run is a failure.
 *
 *     TARGET SEEDS [ROUNDS]      ROUNDS mutations; 0 runs the seeds alone
 *
 * Seed after seed has its share of the mutations, so that a target which keeps
 * something made from an input meets its like again.
 *
 * With QUIRE_FUZZ_KEEP=FILE each input is written to FILE before it runs, so
 * that it is there after a crash.
 */
#include <dirent.h>
#include <string.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX 65536U

struct input {
    uint8_t bytes[INPUT_MAX];
    size_t size;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t random_below(uint64_t *state, size_t bound)
{
    return bound == 0 ? 0 : (size_t)(next_random(state) % bound);
}

static void run(const struct input *input)
{
    const char *keep = getenv("QUIRE_FUZZ_KEEP");
    if (keep != NULL) {
        FILE *file = fopen(keep, "wb");
        FUZZ_REQUIRE(file != NULL);
        FUZZ_REQUIRE(fwrite(input->bytes, 1, input->size, file) == input->size);
        FUZZ_REQUIRE(fclose(file) == 0);
    }
    /* In a block of its own size, so that a sanitizer sees a read past its end. */
    uint8_t *copy = malloc(input->size > 0 ? input->size : 1);
    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, input->bytes, input->size);
    (void)LLVMFuzzerTestOneInput(copy, input->size);
    free(copy);
}

static void remove_range(struct input *input, uint64_t *state)
{
    size_t at = random_below(state, input->size);
    size_t size = random_below(state, input->size - at) % 16 + (at < input->size);
    memmove(input->bytes + at, input->bytes + at + size, input->size - at - size);
    input->size -= size;
}

static void insert_range(struct input *input, const struct input *from, uint64_t *state)
{
    size_t start = random_below(state, from->size);
    size_t size = random_below(state, from->size - start) % 64;
    size_t at = random_below(state, input->size + 1);
    if (input->size + size <= INPUT_MAX) {
        memmove(input->bytes + at + size, input->bytes + at, input->size - at);
        memcpy(input->bytes + at, from->bytes + start, size);
        input->size += size;
    }
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* The word at or after a random place: its start, and its size, 0 when there is none. */
static size_t pick_word(const struct input *input, uint64_t *state, size_t *size)
{
    size_t start = random_below(state, input->size);
    while (start < input->size && !is_word(input->bytes[start])) {
        start++;
    }
    while (start > 0 && start < input->size && is_word(input->bytes[start - 1])) {
        start--;
    }
    *size = 0;
    while (start + *size < input->size && is_word(input->bytes[start + *size])) {
        ++*size;
    }
    return start;
}

/* Puts a word of another input in the place of one: the text still parses, and means another
 * thing. */
static void replace_word(struct input *input, const struct input *from, uint64_t *state)
{
    size_t old_size;
    size_t new_size;
    size_t at = pick_word(input, state, &old_size);
    size_t word = pick_word(from, state, &new_size);
    if (old_size > 0 && new_size > 0 && input->size - old_size + new_size <= INPUT_MAX) {
        memmove(input->bytes + at + new_size, input->bytes + at + old_size,
                input->size - at - old_size);
        memcpy(input->bytes + at, from->bytes + word, new_size);
        input->size = input->size - old_size + new_size;
    }
}

static void mutate(struct input *input, const struct input *other, uint64_t *state)
{
    switch (random_below(state, 8)) {
    case 0:
        if (input->size > 0) {
            size_t at = random_below(state, input->size);
            input->bytes[at] = (uint8_t)(input->bytes[at] ^ (1U << random_below(state, 8)));
        }
        break;
    case 1:
        if (input->size > 0) {
            input->bytes[random_below(state, input->size)] = (uint8_t)next_random(state);
        }
        break;
    case 2:
        remove_range(input, state);
        break;
    case 3:
        insert_range(input, other, state);
        break;
    default:
        replace_word(input, other, state);
        break;
    }
}

static void read_seed(const char *path, struct input *seed)
{
    FILE *file = fopen(path, "rb");
    FUZZ_REQUIRE(file != NULL);
    seed->size = fread(seed->bytes, 1, INPUT_MAX, file);
    bool whole = fgetc(file) == EOF;
    if (!whole) {
        fprintf(stderr, "%s is longer than %u bytes\n", path, INPUT_MAX);
    }
    FUZZ_REQUIRE(whole);
    FUZZ_REQUIRE(ferror(file) == 0);
    FUZZ_REQUIRE(fclose(file) == 0);
}

/* All of a folder; *seeds is to be freed. */
static size_t read_seeds(const char *folder, struct input **seeds)
{
    size_t count = 0;
    struct dirent **names = NULL;
    int found = scandir(folder, &names, NULL, alphasort);
    FUZZ_REQUIRE(found > 0);
    *seeds = malloc((size_t)found * sizeof **seeds);
    FUZZ_REQUIRE(*seeds != NULL);
    for (int i = 0; i < found; i++) {
        char path[4096];
        int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        FUZZ_REQUIRE(length > 0 && (size_t)length < sizeof path);
        if (names[i]->d_name[0] != '.') {
            read_seed(path, &(*seeds)[count++]);
        }
        free(names[i]);
    }
    free(names);
    return count;
}

int main(int argc, char **argv)
{
    static struct input input;
    struct input *seeds = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: %s SEEDS [ROUNDS]\n", argv[0]);
        return 64;
    }
    bool lengthy = getenv("QUIRE_TEST_LONG") != NULL;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : lengthy ? 200000 : 2000;
    size_t count = read_seeds(argv[1], &seeds);
    FUZZ_REQUIRE(count > 0);
    for (size_t i = 0; i < count; i++) {
        run(&seeds[i]);
    }
    uint64_t state = 0x9E3779B97F4A7C15U;
    for (unsigned long round = 0; round < rounds; round++) {
        const struct input *seed = &seeds[round * count / rounds];
        input.size = seed->size;
        memcpy(input.bytes, seed->bytes, seed->size);
        size_t changes = 1 + random_below(&state, 3);
        for (size_t i = 0; i < changes; i++) {
            mutate(&input, &seeds[random_below(&state, count)], &state);
        }
        run(&input);
    }
    free(seeds);
    printf("%zu seeds, %lu mutations\n", count, rounds);
    return 0;
}
