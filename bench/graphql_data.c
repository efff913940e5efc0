/*
 * Rows and requests of the GraphQL benchmarks. No state: every figure of a row
 * is a function of its number.
 */
#include "graphql_data.h"

#include <stdio.h>
#include <string.h>

#include "bench.h"

#define POSTS_A_USER    10U
#define COMMENTS_A_USER 30U
#define POSTS_A_WRITER  20U /* of the users that Q3 asks for, a quarter of all */
#define TALKS           5U  /* comments on each of these posts */
#define CREATED_FIRST   1600000000U
#define CREATED_STEP    7919U /* prime: the order of creation is not that of the keys */
#define FIRST_WORDS     200U
#define SECOND_WORDS    10U

const char graphql_schema[] = "type User {\n"
                              "  id: ID! @id\n"
                              "  name: String!\n"
                              "  email: String!\n"
                              "  posts: [Post!]! @relation(inverse: \"author\")\n"
                              "}\n"
                              "type Post {\n"
                              "  id: ID! @id\n"
                              "  title: String! @index\n"
                              "  body: String!\n"
                              "  createdAt: Int! @index\n"
                              "  author: User!\n"
                              "  comments: [Comment!]! @relation(inverse: \"post\")\n"
                              "}\n"
                              "type Comment {\n"
                              "  id: ID! @id\n"
                              "  text: String!\n"
                              "  post: Post!\n"
                              "  author: User!\n"
                              "}\n";

static const char *const second_words[SECOND_WORDS] = {"harbour", "lantern", "meadow",  "orchard",
                                                       "pebble",  "quarry",  "thicket", "valley",
                                                       "willow",  "yarrow"};

/* Four letters each, so that none is the beginning of another. */
static void first_word(char *out, uint64_t n)
{
    out[0] = "BCDFGHJKLM"[n % 10];
    out[1] = "aeiou"[n / 10 % 5];
    out[2] = "nprt"[n / 50 % 4];
    out[3] = 'a';
    out[4] = '\0';
}

static void title(char *out, size_t size, uint64_t post)
{
    char first[5];
    uint64_t state = post;
    uint64_t random = bench_random(&state);
    first_word(first, random % FIRST_WORDS);
    snprintf(out, size, "%s %s %llu", first, second_words[(random >> 32) % SECOND_WORDS],
             (unsigned long long)post);
}

static int write_user(char *out, size_t size, uint64_t users, uint64_t i)
{
    (void)users;
    unsigned long long n = i;
    return snprintf(out, size,
                    "{\"id\":\"u%06llu\",\"name\":\"User %llu\",\"email\":\"u%llu@example.org\"}",
                    n, n, n);
}

static uint64_t author_of(uint64_t users, uint64_t post)
{
    uint64_t writers = users / 4;
    uint64_t theirs = writers * POSTS_A_WRITER;
    return post < theirs ? post % writers : writers + (post - theirs) % (users - writers);
}

static int write_post(char *out, size_t size, uint64_t users, uint64_t i)
{
    char text[64];
    uint64_t posts = users * POSTS_A_USER;
    title(text, sizeof text, i);
    return snprintf(out, size,
                    "{\"id\":\"p%07llu\",\"title\":\"%s\",\"body\":\"The body of post %llu: "
                    "%.80s%.80s\",\"createdAt\":%llu,\"author\":\"u%06llu\"}",
                    (unsigned long long)i, text, (unsigned long long)i,
                    "it goes on for as long as the first paragraph of something that one reads, ",
                    "and then for a sentence more, which says how all of it ends.",
                    (unsigned long long)(CREATED_FIRST + i * CREATED_STEP % posts),
                    (unsigned long long)author_of(users, i));
}

static int write_comment(char *out, size_t size, uint64_t users, uint64_t i)
{
    uint64_t busy = users / 4 * POSTS_A_WRITER;
    uint64_t post = i < busy * TALKS ? i % busy : busy + (i - busy * TALKS) % busy;
    return snprintf(out, size,
                    "{\"id\":\"c%07llu\",\"text\":\"Comment %llu%s\",\"post\":\"p%07llu\","
                    "\"author\":\"u%06llu\"}",
                    (unsigned long long)i, (unsigned long long)i,
                    i % 8 == 0 ? " says \\\"well\\\"" : " says what it has to say",
                    (unsigned long long)post, (unsigned long long)(i * CREATED_STEP % users));
}

int graphql_data_write(uint64_t users, graphql_sink sink, void *context)
{
    const struct {
        const char *head;
        uint64_t rows;
        int (*write)(char *out, size_t size, uint64_t users, uint64_t i);
    } types[] = {{"{\"User\":[\n", users, write_user},
                 {"],\"Post\":[\n", users * POSTS_A_USER, write_post},
                 {"],\"Comment\":[\n", users * COMMENTS_A_USER, write_comment}};
    char row[512];
    int result = 0;
    for (size_t t = 0; t < sizeof types / sizeof types[0] && result == 0; t++) {
        result = sink(context, types[t].head, strlen(types[t].head));
        for (uint64_t i = 0; i < types[t].rows && result == 0; i++) {
            int size = types[t].write(row, sizeof row - 3, users, i);
            size += snprintf(row + size, 3, i + 1 < types[t].rows ? ",\n" : "\n");
            result = sink(context, row, (size_t)size);
        }
    }
    return result != 0 ? result : sink(context, "]}\n", 3);
}

/* ---- Requests ---- */

static void any_user(char *out, size_t size, uint64_t users, uint64_t variant)
{
    uint64_t state = variant;
    snprintf(out, size, "{\"id\":\"u%06llu\"}", (unsigned long long)(bench_random(&state) % users));
}

static void any_writer(char *out, size_t size, uint64_t users, uint64_t variant)
{
    any_user(out, size, users / 4, variant);
}

static void any_prefix(char *out, size_t size, uint64_t users, uint64_t variant)
{
    char word[5];
    (void)users;
    first_word(word, variant * 7);
    snprintf(out, size, "{\"text\":\"%s\"}", word);
}

static void any_word(char *out, size_t size, uint64_t users, uint64_t variant)
{
    (void)users;
    snprintf(out, size, "{\"text\":\"%s\"}", second_words[variant % SECOND_WORDS]);
}

static void new_post(char *out, size_t size, uint64_t users, uint64_t variant)
{
    char text[64];
    uint64_t post = users * POSTS_A_USER + variant;
    title(text, sizeof text, post);
    snprintf(out, size,
             "{\"id\":\"p%07llu\",\"title\":\"%s\",\"body\":\"A new post, which "
             "says little.\",\"createdAt\":%llu,\"authorId\":\"u%06llu\"}",
             (unsigned long long)post, text, (unsigned long long)(CREATED_FIRST + post),
             (unsigned long long)(variant * CREATED_STEP % users));
}

#define TYPE_REF                                                                                   \
    "fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { "       \
    "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType" \
    " { kind name } } } } } } } } }"

/* What tools ask that read a schema. */
#define INTROSPECTION                                                                              \
    "query IntrospectionQuery { __schema { queryType { name kind } mutationType { name kind } "    \
    "subscriptionType { name kind } types { ...FullType } directives { name description "          \
    "locations args { ...InputValue } } } } fragment FullType on __Type { kind name description "  \
    "fields(includeDeprecated: true) { name description args { ...InputValue } type { "            \
    "...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue } interfaces { "    \
    "...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated "            \
    "deprecationReason } possibleTypes { ...TypeRef } } fragment InputValue on __InputValue { "    \
    "name description type { ...TypeRef } defaultValue } " TYPE_REF

const struct graphql_query graphql_queries[] = {
    {"Q1", "a user by id", "query ($id: ID!) { user(id: $id) { id name email } }", 1, 256,
     any_user},
    {"Q2", "the 100 newest posts, each with its author",
     "{ posts(orderBy: [{ createdAt: DESC }], take: 100) { items { id title createdAt author { id "
     "name } } } }",
     200, 1, NULL},
    {"Q3", "a user, 20 posts, 5 comments each, their authors",
     "query ($id: ID!) { user(id: $id) { id name posts(take: 20) { items { id title "
     "comments(take: 5) { items { id text author { id name } } } } } } }",
     221, 64, any_writer},
    {"Q4", "50 newest of some 500 posts whose title has a prefix",
     "query ($text: String!) { posts(where: { title: { startsWith: $text } }, orderBy: [{ "
     "createdAt: DESC }], take: 50) { items { id title createdAt } } }",
     50, 28, any_prefix},
    {"Q4c", "50 newest posts whose title contains a word, one of ten does",
     "query ($text: String!) { posts(where: { title: { contains: $text } }, orderBy: [{ "
     "createdAt: DESC }], take: 50) { items { id title createdAt } } }",
     50, 10, any_word},
    {"Q5", "create a post",
     "mutation ($id: ID!, $title: String!, $body: String!, $createdAt: Int!, $authorId: ID!) { "
     "createPost(input: { id: $id, title: $title, body: $body, createdAt: $createdAt, authorId: "
     "$authorId }) { id title } }",
     1, 0, new_post},
    {"Q6", "introspection of the whole schema", INTROSPECTION, 0, 1, NULL},
};

const size_t graphql_query_count = sizeof graphql_queries / sizeof graphql_queries[0];
