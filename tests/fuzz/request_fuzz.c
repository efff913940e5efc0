/*
 * Any bytes as a program's whole use: document, zero byte, schema, zero byte,
 * variables. The schema (fuzz_schema, when it is refused or empty) makes a
 * database, which gets rows; the document runs, writes and all. Then the response
 * must keep its promises, and for a part of the inputs the database must be sound.
 *
 * A database takes long to make. It stays for the next input, if that has the
 * same schema: what an input has written is rolled back, or committed and the
 * database given up. No memory may be left of it then. For a part of the inputs
 * an allocation fails.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/response.h"
#include "fuzz/rows.h"
#include "support/failing_allocator.h"

#define ROWS_READ_MAX 2000000U

/* A database with the rows that its schema begins with. */
struct world {
    struct failing_allocator memory;
    quire_db *db;
    char *sdl; /* as in the input */
    size_t sdl_size;
};

struct use {
    struct world *world;
    quire_error err;
    struct fuzz_parts request; /* document, variables */
    uint32_t hash;
};

static uint32_t hash_bytes(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 16777619U;
    }
    return hash;
}

static bool is_fair(quire_status status)
{
    return status != QUIRE_INTERNAL && status != QUIRE_CORRUPT;
}

/* Whether the schema was taken. */
static bool apply(struct use *use, const char *sdl, size_t size)
{
    quire_txn *txn = NULL;
    FUZZ_REQUIRE(quire_begin(use->world->db, QUIRE_WRITE, &txn, &use->err) == QUIRE_OK);
    quire_status status = quire_schema_apply(txn, sdl, size, &use->err);
    if (status != QUIRE_OK) {
        FUZZ_REQUIRE(is_fair(status) && use->err.message[0] != '\0');
        quire_rollback(txn);
        return false;
    }
    FUZZ_REQUIRE(quire_commit(txn, &use->err) == QUIRE_OK);
    return true;
}

static bool load(struct use *use, struct qr_gql_str json)
{
    quire_txn *txn = NULL;
    quire_loader *loader = NULL;
    uint64_t count = 0;
    FUZZ_REQUIRE(quire_begin(use->world->db, QUIRE_WRITE, &txn, &use->err) == QUIRE_OK);
    quire_status status = quire_loader_open(txn, NULL, &loader, &use->err);
    if (status == QUIRE_OK) {
        status = quire_loader_begin(loader, "rows.json", &use->err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_feed(loader, json.data, json.size, &use->err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_end(loader, &use->err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_finish(loader, &count, &use->err);
    }
    quire_loader_close(loader);
    FUZZ_REQUIRE(is_fair(status));
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return false;
    }
    FUZZ_REQUIRE(quire_commit(txn, &use->err) == QUIRE_OK);
    return true;
}

static void fill(struct use *use, const char *sdl, size_t size)
{
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_model *model = NULL;
    struct qr_gql_str json;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_report_init(&report, &arena, 0, &use->err);
    FUZZ_REQUIRE(qr_model_build(qr_allocator_default(), (struct qr_gql_str){sdl, size}, &report,
                                &model, &use->err) == QUIRE_OK);
    for (int sparse = 0; sparse < 2; sparse++) {
        FUZZ_REQUIRE(fuzz_rows(model, sparse != 0, &arena, &json, &use->err) == QUIRE_OK);
        if (load(use, json)) {
            break;
        }
    }
    qr_model_free(model);
    qr_arena_free(&arena);
}

static bool is_within_reason(void *context, uint64_t rows_read)
{
    (void)context;
    FUZZ_REQUIRE(rows_read <= ROWS_READ_MAX);
    return true;
}

static quire_graphql_request request_of(const struct use *use)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = use->request.first;
    request.document_size = use->request.first_size;
    request.variables = use->request.second_size > 0 ? use->request.second : NULL;
    request.variables_size = use->request.second_size;
    request.explain = (use->hash & 1) != 0;
    request.cost = (use->hash & 2) != 0;
    request.compat = (use->hash & 4) != 0 ? QUIRE_COMPAT_SHARPGRAPH : 0;
    request.claims = (use->hash & 8) != 0 ? "{\"sub\": \"k1\", \"roles\": [\"k2\", 3]}" : NULL;
    request.progress = is_within_reason;
    request.limits.depth_max = 20;
    request.limits.cost_max = 1000000;
    request.limits.memory_bytes_max = 32U << 20;
    request.limits.response_bytes_max = 1U << 20;
    return request;
}

static void subscribe(struct use *use)
{
    quire_graphql_request request = request_of(use);
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_subscription *subscription = NULL;
    const quire_subscription_event *event = NULL;
    char *response = NULL;
    size_t size = 0;
    quire_status status = quire_subscribe(use->world->db, &request, &options, &subscription,
                                          &response, &size, &use->err);
    FUZZ_REQUIRE(is_fair(status));
    if (subscription != NULL) {
        FUZZ_REQUIRE(quire_subscription_next(subscription, 0, &event, &use->err) == QUIRE_OK);
        if (event != NULL) {
            fuzz_check_response(event->response, event->response_size, event->has_errors,
                                strstr(event->response, "\"data\":") != NULL);
        }
    } else if (response != NULL) {
        fuzz_check_response(response, size, true, false);
    }
    quire_subscription_close(subscription);
    quire_free(response);
}

static bool is_for_good(const struct use *use)
{
    return (use->hash >> 8 & 15) == 0;
}

static quire_status give(struct use *use, const quire_graphql_request *request, char **response,
                         size_t *size, bool *has_errors)
{
    quire_txn *txn = NULL;
    if (is_for_good(use)) {
        return quire_graphql(use->world->db, request, response, size, has_errors, &use->err);
    }
    quire_status status = quire_begin(use->world->db, QUIRE_WRITE, &txn, &use->err);
    if (status == QUIRE_OK) {
        status = quire_graphql_in(txn, request, response, size, has_errors, &use->err);
        quire_rollback(txn);
    }
    return status;
}

static void run(struct use *use)
{
    quire_graphql_request request = request_of(use);
    quire_graphql_outcome outcome = {.operation = QUIRE_OPERATION_NONE};
    request.outcome = &outcome;
    char *response = NULL;
    size_t size = 0;
    bool has_errors = false;
    bool failing = use->hash % 7 == 0;
    failing_allocator_arm(&use->world->memory,
                          failing ? use->hash / 7 % 1000 : FAILING_ALLOCATOR_NEVER, false);
    quire_status status = give(use, &request, &response, &size, &has_errors);
    failing_allocator_arm(&use->world->memory, FAILING_ALLOCATOR_NEVER, false);
    if (status == QUIRE_OK) {
        fuzz_check_response(response, size, has_errors, outcome.executed);
    } else {
        FUZZ_REQUIRE(response == NULL);
        FUZZ_REQUIRE(status == QUIRE_LIMIT || (failing && is_fair(status)));
    }
    quire_free(response);
    if (outcome.operation == QUIRE_OPERATION_SUBSCRIPTION) {
        subscribe(use);
    }
}

static void require_sound(quire_report *report)
{
    if (quire_report_severity(report) == QUIRE_SEVERITY_ERROR) {
        fprintf(stderr, "%s\n", quire_report_text(report));
        abort();
    }
    quire_report_free(report);
}

static void inspect(struct use *use)
{
    quire_report *report = NULL;
    FUZZ_REQUIRE(quire_inspect_database_open(use->world->db, &report, &use->err) == QUIRE_OK);
    require_sound(report);
    FUZZ_REQUIRE(quire_inspect_indexes_open(use->world->db, NULL, &report, &use->err) == QUIRE_OK);
    require_sound(report);
}

static void give_up(struct world *world)
{
    quire_error err = QUIRE_ERROR_INIT;
    FUZZ_REQUIRE(quire_close(world->db, &err) == QUIRE_OK);
    FUZZ_REQUIRE(failing_allocator_is_clean(&world->memory));
    free(world->sdl);
    world->db = NULL;
}

static void make(struct use *use, const char *sdl, size_t size)
{
    struct world *world = use->world;
    quire_options options = QUIRE_OPTIONS_INIT;
    failing_allocator_init(&world->memory);
    options.page_size = 1024;
    options.cache_bytes = 1U << 20;
    options.wal_segment_bytes = 1U << 16;
    options.allocator = &world->memory.allocator;
    FUZZ_REQUIRE(quire_open(":memory:", &options, &world->db, &use->err) == QUIRE_OK);
    world->sdl = malloc(size + 1);
    FUZZ_REQUIRE(world->sdl != NULL);
    memcpy(world->sdl, sdl, size);
    world->sdl_size = size;
    if (size == 0 || !apply(use, sdl, size)) {
        sdl = fuzz_schema;
        size = strlen(fuzz_schema);
        FUZZ_REQUIRE(apply(use, sdl, size));
    }
    fill(use, sdl, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_parts rest = fuzz_split((const uint8_t *)parts.second, parts.second_size);
    if (parts.first_size == 0) {
        return 0;
    }
    struct use use = {.world = &world, .err = QUIRE_ERROR_INIT, .hash = hash_bytes(data, size)};
    use.request = (struct fuzz_parts){parts.first, rest.second, parts.first_size, rest.second_size};
    bool same = world.db != NULL && world.sdl_size == rest.first_size &&
                memcmp(world.sdl, rest.first, rest.first_size) == 0;
    if (!same) {
        if (world.db != NULL) {
            give_up(&world);
        }
        make(&use, rest.first, rest.first_size);
    }
    run(&use);
    if ((use.hash >> 12 & 7) == 0) {
        inspect(&use);
    }
    if (is_for_good(&use)) {
        give_up(&world);
    }
    return 0;
}
