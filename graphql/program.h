/*
 * Programs: documents made ready for a schema, so that a text that comes again
 * is not read, checked and planned again.
 *
 * A program has the syntax tree, found valid; the chosen operation; and the
 * selection tree, as far as it does not depend on variables. What asks for the
 * schema alone is answered alike in every run: the first one leaves its answer
 * here. All else of a program is immutable: any number of runs use it at a
 * time. It points into the schema that it was made for and may be run only while
 * that is held.
 *
 * The programs of a schema are kept in a cache that hangs on the compiled
 * schema and goes with it: a new schema begins with an empty one. What it holds
 * is bounded, the least recently used goes first. Any thread.
 */
#ifndef QR_GRAPHQL_PROGRAM_H
#define QR_GRAPHQL_PROGRAM_H

#include <stdatomic.h>

#include "base/thread.h"
#include "graphql/limits.h"
#include "graphql/select.h"

/* What a program is made of, and found by. */
struct qr_program_key {
    struct qr_gql_str text;
    struct qr_gql_str operation; /* data NULL: the only one */
    uint32_t tokens_max, depth_max;
    struct qr_gql_limits shape;
    bool no_introspection;
    bool sharpgraph; /* QUIRE_COMPAT_SHARPGRAPH */
    uint64_t hash;   /* of all of these under the cache's seed; qr_program_cache_hash */
};

struct qr_program_answer {
    size_t size;
    char bytes[]; /* the value of "data" */
};

struct qr_program {
    atomic_uint references;
    const quire_allocator *allocator;
    struct qr_arena arena;
    struct qr_program_key key;      /* its texts are the program's own */
    struct qr_gql_request prepared; /* without variables; of the program's arena */
    struct qr_select *set;          /* template; NULL when its shape depends on variables */
    bool constant; /* every run gives the same: no variables, and nothing is read but the schema */
    /* The cache's. */
    _Atomic(struct qr_program_answer *) answer; /* set once, with the program in the cache */
    struct qr_program *next;                    /* in its bucket */
    struct qr_program *newer, *older;
};

/*
 * Makes a program with one reference. Problems of the document go to the
 * report: SYNTAX, QUERY; NO_MEMORY and LIMIT (of `scratch`, whose bytes_max
 * bounds the program as well) as usual. `scratch` takes what only the making
 * needs.
 */
quire_status qr_program_make(const quire_allocator *allocator, const struct qr_gql_schema *schema,
                             const struct qr_program_key *key, struct qr_arena *scratch,
                             struct qr_gql_report *report, struct qr_program **out,
                             quire_error *err);
void qr_program_hold(struct qr_program *program);
/* NULL is a no-op. */
void qr_program_release(struct qr_program *program);

struct qr_program_cache;

/* The program of the key, with a reference for the caller: from the cache, or made and kept there.
 * `cache` NULL: made. Fills key->hash. */
quire_status qr_program_get(struct qr_program_cache *cache, const quire_allocator *allocator,
                            const struct qr_gql_schema *schema, struct qr_program_key *key,
                            struct qr_arena *scratch, struct qr_gql_report *report,
                            struct qr_program **out, quire_error *err);

/* Readies a run of the program: coerces the variables and makes the selection tree, sharing with
 * the program what no variable changes. `out_request` and the tree live in `arena`. */
quire_status qr_program_prepare(const struct qr_program *program,
                                const struct qr_gql_value *variables, struct qr_arena *arena,
                                struct qr_gql_report *report, struct qr_gql_request *out_request,
                                struct qr_select **out_set, quire_error *err);

/* ---- The cache ---- */

/* Bytes that the programs of one schema may take; a larger one than an eighth of it is not kept. */
#define QR_PROGRAM_CACHE_BYTES ((size_t)4 << 20)

struct qr_program_cache_stats {
    uint64_t programs, bytes;
    uint64_t hits, misses, evictions;
};

quire_status qr_program_cache_create(const quire_allocator *allocator,
                                     struct qr_program_cache **out, quire_error *err);
/* Lets go of all programs; those that are in use live on. NULL is a no-op. */
void qr_program_cache_free(struct qr_program_cache *cache);

uint64_t qr_program_cache_hash(const struct qr_program_cache *cache,
                               const struct qr_program_key *key);
/* The program with a reference for the caller, or NULL. */
struct qr_program *qr_program_cache_find(struct qr_program_cache *cache,
                                         const struct qr_program_key *key);
/* Keeps a program (with a reference of its own) unless it is too large or one like it is there. */
void qr_program_cache_keep(struct qr_program_cache *cache, struct qr_program *program);
/* Keeps the answer of a constant program that is in the cache, unless that is too large or there is
 * one. */
void qr_program_cache_keep_answer(struct qr_program_cache *cache, struct qr_program *program,
                                  const char *bytes, size_t size);
/* The answer, which lives as long as the program, or NULL. */
static inline const struct qr_program_answer *qr_program_answer(struct qr_program *program)
{
    /* Pairs with the store of qr_program_cache_keep_answer: the bytes are there. */
    return atomic_load_explicit(&program->answer, memory_order_acquire);
}
void qr_program_cache_get_stats(struct qr_program_cache *cache, struct qr_program_cache_stats *out);

#endif
