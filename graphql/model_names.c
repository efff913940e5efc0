/*
 * Names of generated fields: a type's name with a small first letter, and its
 * English plural. Only the last word of a camel-case name is inflected.
 */
#include "graphql/model.h"

struct inflection {
    const char *singular;
    const char *plural;
};

static const struct inflection irregular[] = {
    {"child", "children"},  {"person", "people"},      {"man", "men"},
    {"woman", "women"},     {"mouse", "mice"},         {"goose", "geese"},
    {"foot", "feet"},       {"tooth", "teeth"},        {"ox", "oxen"},
    {"leaf", "leaves"},     {"life", "lives"},         {"wife", "wives"},
    {"knife", "knives"},    {"half", "halves"},        {"shelf", "shelves"},
    {"self", "selves"},     {"wolf", "wolves"},        {"thief", "thieves"},
    {"calf", "calves"},     {"loaf", "loaves"},        {"hero", "heroes"},
    {"potato", "potatoes"}, {"tomato", "tomatoes"},    {"echo", "echoes"},
    {"veto", "vetoes"},     {"quiz", "quizzes"},       {"datum", "data"},
    {"medium", "media"},    {"criterion", "criteria"}, {"index", "indexes"},
    {"matrix", "matrices"}, {"vertex", "vertices"},
};

static const char *const unchanging[] = {
    "species",     "series",   "sheep",    "fish",       "deer",     "news",  "equipment",
    "information", "money",    "aircraft", "spacecraft", "data",     "media", "feedback",
    "metadata",    "software", "hardware", "people",     "children",
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool word_is(struct qr_gql_str word, const char *text)
{
    for (size_t i = 0; i < word.size; i++) {
        if (text[i] == '\0' || lower(word.data[i]) != text[i]) {
            return false;
        }
    }
    return text[word.size] == '\0';
}

static bool ends_with(struct qr_gql_str word, const char *suffix)
{
    size_t size = strlen(suffix);
    if (word.size < size) {
        return false;
    }
    return word_is((struct qr_gql_str){word.data + word.size - size, size}, suffix);
}

static bool is_vowel(char c)
{
    return memchr("aeiou", lower(c), 5) != NULL;
}

/* Appends the plural of `word`. */
static void put_plural(struct qr_gql_buffer *buffer, struct qr_gql_str word)
{
    for (size_t i = 0; i < sizeof unchanging / sizeof unchanging[0]; i++) {
        if (word_is(word, unchanging[i])) {
            qr_gql_buffer_str(buffer, word);
            return;
        }
    }
    for (size_t i = 0; i < sizeof irregular / sizeof irregular[0]; i++) {
        if (word_is(word, irregular[i].singular)) {
            qr_gql_buffer_char(buffer, word.data[0]);
            qr_gql_buffer_text(buffer, irregular[i].plural + 1);
            return;
        }
    }
    if (word.size > 1 && ends_with(word, "y") && !is_vowel(word.data[word.size - 2])) {
        qr_gql_buffer_bytes(buffer, word.data, word.size - 1);
        qr_gql_buffer_text(buffer, "ies");
    } else if (word.size > 2 && ends_with(word, "sis")) {
        qr_gql_buffer_bytes(buffer, word.data, word.size - 2);
        qr_gql_buffer_text(buffer, "es");
    } else if (ends_with(word, "s") || ends_with(word, "x") || ends_with(word, "z") ||
               ends_with(word, "ch") || ends_with(word, "sh")) {
        qr_gql_buffer_str(buffer, word);
        qr_gql_buffer_text(buffer, "es");
    } else {
        qr_gql_buffer_str(buffer, word);
        qr_gql_buffer_char(buffer, 's');
    }
}

/* Where the last word of a camel-case or underscored name begins. */
static size_t last_word(struct qr_gql_str name)
{
    size_t start = name.size;
    while (start > 0) {
        char c = name.data[start - 1];
        if (c == '_') {
            return start;
        }
        start--;
        if (c >= 'A' && c <= 'Z') {
            return start;
        }
    }
    return 0;
}

/* A run of capitals at the start is one word: URLRecord -> urlRecord. */
static void put_small_start(struct qr_gql_buffer *buffer, struct qr_gql_str name)
{
    size_t capitals = 0;
    while (capitals < name.size && name.data[capitals] >= 'A' && name.data[capitals] <= 'Z') {
        capitals++;
    }
    if (capitals > 1 && capitals < name.size && name.data[capitals] != '_') {
        capitals--;
    }
    for (size_t i = 0; i < name.size; i++) {
        qr_gql_buffer_char(buffer, i < capitals ? lower(name.data[i]) : name.data[i]);
    }
}

static const char *finish(struct qr_gql_buffer *buffer)
{
    struct qr_gql_str text;
    return qr_gql_buffer_finish(buffer, &text) == QUIRE_OK ? text.data : NULL;
}

const char *qr_model_name_one(struct qr_arena *arena, struct qr_gql_str type, quire_error *err)
{
    struct qr_gql_buffer buffer;
    qr_gql_buffer_init(&buffer, arena, err);
    put_small_start(&buffer, type);
    return finish(&buffer);
}

const char *qr_model_name_plural(struct qr_arena *arena, struct qr_gql_str type, quire_error *err)
{
    const char *one = qr_model_name_one(arena, type, err);
    struct qr_gql_buffer buffer;

    if (one == NULL) {
        return NULL;
    }
    struct qr_gql_str name = qr_gql_str_of(one);
    size_t word = last_word(name);
    qr_gql_buffer_init(&buffer, arena, err);
    qr_gql_buffer_bytes(&buffer, name.data, word);
    put_plural(&buffer, (struct qr_gql_str){name.data + word, name.size - word});
    return finish(&buffer);
}
