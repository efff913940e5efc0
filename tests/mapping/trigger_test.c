/*
 * Mutations run the triggers of their tables.
 */
#include <string.h>

#include "mapping_fixture.h"

static quire_status count_call(void *context, const quire_trigger_call *call, quire_error *err)
{
    unsigned *calls = context;
    (void)err;
    cr_assert_str_eq(call->trigger->table, "Shop");
    calls[call->event]++;
    return QUIRE_OK;
}

static quire_status refuse(void *context, const quire_trigger_call *call, quire_error *err)
{
    static const char message[] = "Genres stay as they are.";
    (void)context;
    (void)call;
    if (err != NULL) {
        err->status = QUIRE_CHECK;
        memcpy(err->message, message, sizeof message);
    }
    return QUIRE_CHECK;
}

static quire_status shout(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value values[8];
    char name[16];
    (void)context;
    cr_assert(call->count <= 8 && call->new_values[0].size < sizeof name);
    memcpy(values, call->new_values, call->count * sizeof values[0]);
    for (uint32_t i = 0; i < values[0].size; i++) {
        name[i] = (char)(((const char *)values[0].as.bytes)[i] & ~0x20);
    }
    values[0] = quire_text_n(name, values[0].size);
    return quire_trigger_replace(call, values, call->count, err);
}

static void add_trigger(quire_db *db, const char *table, const char *function,
                        quire_trigger_time time, uint32_t events, quire_trigger_callback callback,
                        void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_trigger_def def = {
        .name = function, .table = table, .function = function, .time = time, .events = events};
    cr_assert_eq(quire_trigger_function(db, function, callback, context, &err), QUIRE_OK);
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_trigger_create(txn, &def, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK);
}

static const uint32_t all_events = QUIRE_ON_INSERT | QUIRE_ON_UPDATE | QUIRE_ON_DELETE;

Test(mapping, mutation__runs_triggers)
{
    unsigned calls[5] = {0};
    quire_db *db = mapping_open(mapping_schema, NULL);
    add_trigger(db, "Shop", "count", QUIRE_AFTER, all_events, count_call, calls);
    MAPPING_IS(db, "mutation { createShop(input: {id: \"s\", city: \"Ulm\"}) { city } }",
               "{\"data\":{\"createShop\":{\"city\":\"Ulm\"}}}");
    MAPPING_IS(db, "mutation { updateShop(id: \"s\", input: {city: \"Bonn\"}) { city } }",
               "{\"data\":{\"updateShop\":{\"city\":\"Bonn\"}}}");
    MAPPING_IS(db, "mutation { deleteShop(id: \"s\") { city } }",
               "{\"data\":{\"deleteShop\":{\"city\":\"Bonn\"}}}");
    cr_assert_eq(calls[QUIRE_ON_INSERT], 1);
    cr_assert_eq(calls[QUIRE_ON_UPDATE], 1);
    cr_assert_eq(calls[QUIRE_ON_DELETE], 1);
    mapping_close(db);
}

Test(mapping, mutation__stores_what_a_trigger_before_it_makes)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    add_trigger(db, "Genre", "shout", QUIRE_BEFORE, QUIRE_ON_INSERT, shout, NULL);
    MAPPING_IS(db, "mutation { createGenre(input: {name: \"love\"}) { name } }",
               "{\"data\":{\"createGenre\":{\"name\":\"LOVE\"}}}");
    MAPPING_IS(db, "{ genre(name: \"LOVE\") { name } }",
               "{\"data\":{\"genre\":{\"name\":\"LOVE\"}}}");
    mapping_close(db);
}

Test(mapping, mutation__fails_when_a_trigger_refuses_or_is_missing)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    add_trigger(db, "Genre", "refuse", QUIRE_AFTER, all_events, refuse, NULL);
    MAPPING_HAS(db, "mutation { createGenre(input: {name: \"love\"}) { name } }",
                "Genres stay as they are.");
    MAPPING_HAS(db, "mutation { createGenre(input: {name: \"love\"}) { name } }", "\"CHECK\"");
    cr_assert_eq(quire_trigger_function(db, "refuse", NULL, NULL, NULL), QUIRE_OK);
    MAPPING_HAS(db, "mutation { createGenre(input: {name: \"love\"}) { name } }",
                "has not registered");
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    mapping_close(db);
}
