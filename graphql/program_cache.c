/*
 * The cache of programs: see program.h.
 *
 * Several parts, chosen by the hash, each with a mutex that is held for a
 * search in a bucket and the moving of a link: threads that run different
 * documents rarely meet. Nothing is allocated or freed under it. Texts come
 * from clients, so the hash is keyed.
 */
#include "graphql/program.h"

#include "base/file.h"
#include "base/hash.h"

#define PARTS      8u
#define BUCKETS    64u
#define PART_BYTES (QR_PROGRAM_CACHE_BYTES / PARTS)
/* Of a constant program's answer. */
#define ANSWER_BYTES (PART_BYTES / 2)

struct part {
    struct qr_mutex mutex;
    struct qr_program *buckets[BUCKETS];
    struct qr_program *newest, *oldest;
    struct qr_program_cache_stats stats;
};

struct qr_program_cache {
    const quire_allocator *allocator;
    uint8_t seed[16];
    uint32_t ready; /* parts with a mutex */
    struct part parts[PARTS];
};

quire_status qr_program_cache_create(const quire_allocator *allocator,
                                     struct qr_program_cache **out, quire_error *err)
{
    struct qr_file_layer *system = qr_file_layer_posix();
    struct qr_program_cache *cache = qr_alloc_zero(allocator, sizeof *cache, err);
    quire_status status;

    *out = NULL;
    if (cache == NULL) {
        return QUIRE_NO_MEMORY;
    }
    cache->allocator = allocator;
    status = system->methods->random(system, cache->seed, sizeof cache->seed, err);
    for (; status == QUIRE_OK && cache->ready < PARTS; cache->ready++) {
        status = qr_mutex_init(&cache->parts[cache->ready].mutex, QR_RANK_LEAF, err);
        if (status != QUIRE_OK) {
            break;
        }
    }
    if (status != QUIRE_OK) {
        qr_program_cache_free(cache);
        return status;
    }
    *out = cache;
    return QUIRE_OK;
}

void qr_program_cache_free(struct qr_program_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (uint32_t i = 0; i < cache->ready; i++) {
        struct qr_program *program = cache->parts[i].newest;
        while (program != NULL) {
            struct qr_program *older = program->older;
            qr_program_release(program);
            program = older;
        }
        qr_mutex_destroy(&cache->parts[i].mutex);
    }
    qr_free(cache->allocator, cache, sizeof *cache);
}

uint64_t qr_program_cache_hash(const struct qr_program_cache *cache,
                               const struct qr_program_key *key)
{
    uint64_t hash = qr_siphash13(cache->seed, key->text.data, key->text.size);
    if (key->operation.data != NULL) {
        hash ^= 1 + 2 * qr_siphash13(cache->seed, key->operation.data, key->operation.size);
    }
    return hash;
}

static struct part *part_of(struct qr_program_cache *cache, uint64_t hash)
{
    return &cache->parts[hash % PARTS];
}

static struct qr_program **bucket_of(struct part *part, uint64_t hash)
{
    return &part->buckets[hash / PARTS % BUCKETS];
}

static bool same_shape(const struct qr_gql_limits *a, const struct qr_gql_limits *b)
{
    return a->depth_max == b->depth_max && a->aliases_max == b->aliases_max &&
           a->root_fields_max == b->root_fields_max && a->directives_max == b->directives_max &&
           a->variables_max == b->variables_max;
}

/* No name is another thing than an empty one. */
static bool same_operation(struct qr_gql_str a, struct qr_gql_str b)
{
    return a.data == NULL || b.data == NULL ? a.data == b.data : qr_gql_str_equal(a, b);
}

static bool matches(const struct qr_program_key *a, const struct qr_program_key *b)
{
    return a->hash == b->hash && a->tokens_max == b->tokens_max && a->depth_max == b->depth_max &&
           a->no_introspection == b->no_introspection && a->sharpgraph == b->sharpgraph &&
           same_shape(&a->shape, &b->shape) && same_operation(a->operation, b->operation) &&
           qr_gql_str_equal(a->text, b->text);
}

static struct qr_program *search(struct part *part, const struct qr_program_key *key)
{
    struct qr_program *program = *bucket_of(part, key->hash);
    while (program != NULL && !matches(&program->key, key)) {
        program = program->next;
    }
    return program;
}

/* ---- by age ---- */

static void link_newest(struct part *part, struct qr_program *program)
{
    program->newer = NULL;
    program->older = part->newest;
    if (part->newest != NULL) {
        part->newest->newer = program;
    } else {
        part->oldest = program;
    }
    part->newest = program;
}

static void unlink_age(struct part *part, struct qr_program *program)
{
    if (program->newer != NULL) {
        program->newer->older = program->older;
    } else {
        part->newest = program->older;
    }
    if (program->older != NULL) {
        program->older->newer = program->newer;
    } else {
        part->oldest = program->newer;
    }
}

/* Of a program in the cache with the part's mutex held: its answer comes under that. */
static size_t bytes_of(const struct qr_program *program)
{
    const struct qr_program_answer *answer =
        atomic_load_explicit(&program->answer, memory_order_relaxed);
    return sizeof *program + program->arena.bytes_taken +
           (answer == NULL ? 0 : sizeof *answer + answer->size);
}

/* Takes the oldest program out and puts it before `evicted`. */
static struct qr_program *evict(struct part *part, struct qr_program *evicted)
{
    struct qr_program *program = part->oldest;
    struct qr_program **link = bucket_of(part, program->key.hash);

    while (*link != program) {
        link = &(*link)->next;
    }
    *link = program->next;
    unlink_age(part, program);
    part->stats.programs--;
    part->stats.bytes -= bytes_of(program);
    part->stats.evictions++;
    program->next = evicted;
    return program;
}

/* ---- use ---- */

struct qr_program *qr_program_cache_find(struct qr_program_cache *cache,
                                         const struct qr_program_key *key)
{
    struct part *part = part_of(cache, key->hash);

    qr_mutex_lock(&part->mutex);
    struct qr_program *program = search(part, key);
    if (program == NULL) {
        part->stats.misses++;
    } else {
        part->stats.hits++;
        qr_program_hold(program);
        if (program != part->newest) {
            unlink_age(part, program);
            link_newest(part, program);
        }
    }
    qr_mutex_unlock(&part->mutex);
    return program;
}

static void release_all(struct qr_program *evicted)
{
    while (evicted != NULL) {
        struct qr_program *next = evicted->next;
        qr_program_release(evicted);
        evicted = next;
    }
}

void qr_program_cache_keep(struct qr_program_cache *cache, struct qr_program *program)
{
    struct part *part = part_of(cache, program->key.hash);
    size_t bytes = bytes_of(program);
    struct qr_program *evicted = NULL;

    if (bytes > PART_BYTES) {
        return;
    }
    qr_mutex_lock(&part->mutex);
    if (search(part, &program->key) == NULL) {
        while (part->oldest != NULL && part->stats.bytes + bytes > PART_BYTES) {
            evicted = evict(part, evicted);
        }
        struct qr_program **bucket = bucket_of(part, program->key.hash);
        program->next = *bucket;
        *bucket = program;
        link_newest(part, program);
        part->stats.programs++;
        part->stats.bytes += bytes;
        qr_program_hold(program);
    }
    qr_mutex_unlock(&part->mutex);
    release_all(evicted);
}

void qr_program_cache_keep_answer(struct qr_program_cache *cache, struct qr_program *program,
                                  const char *bytes, size_t size)
{
    struct part *part = part_of(cache, program->key.hash);
    struct qr_program *evicted = NULL;
    size_t taken = sizeof(struct qr_program_answer) + size;
    struct qr_program_answer *answer = NULL;

    if (size <= ANSWER_BYTES) {
        answer = qr_alloc(cache->allocator, taken, NULL);
    }
    if (answer == NULL) {
        return;
    }
    answer->size = size;
    memcpy(answer->bytes, bytes, size);
    qr_mutex_lock(&part->mutex);
    bool keeps = search(part, &program->key) == program &&
                 bytes_of(program) + taken <= PART_BYTES &&
                 atomic_load_explicit(&program->answer, memory_order_relaxed) == NULL;
    if (keeps) {
        /* It is not to go itself. */
        unlink_age(part, program);
        link_newest(part, program);
        while (part->oldest != program && part->oldest != NULL &&
               part->stats.bytes + taken > PART_BYTES) {
            evicted = evict(part, evicted);
        }
        part->stats.bytes += taken;
        /* Pairs with qr_program_answer. */
        atomic_store_explicit(&program->answer, answer, memory_order_release);
    }
    qr_mutex_unlock(&part->mutex);
    if (!keeps) {
        qr_free(cache->allocator, answer, taken);
    }
    release_all(evicted);
}

void qr_program_cache_get_stats(struct qr_program_cache *cache, struct qr_program_cache_stats *out)
{
    *out = (struct qr_program_cache_stats){0};
    for (uint32_t i = 0; i < PARTS; i++) {
        struct part *part = &cache->parts[i];
        qr_mutex_lock(&part->mutex);
        out->programs += part->stats.programs;
        out->bytes += part->stats.bytes;
        out->hits += part->stats.hits;
        out->misses += part->stats.misses;
        out->evictions += part->stats.evictions;
        qr_mutex_unlock(&part->mutex);
    }
}
