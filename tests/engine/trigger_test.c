/*
 * Triggers: what their functions see and may do, when they run, how they
 * refuse, how deep they go, and that nothing remains of a change that fails.
 */
#include "engine_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/failing_allocator.h"

/* What a function noted of its calls. */
struct log {
    char text[2048];
    size_t size;
    int calls;
};

QR_PRINTF(2, 3)
static void note(struct log *log, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(log->text + log->size, sizeof log->text - log->size, format, arguments);
    va_end(arguments);
    cr_assert(size >= 0 && (size_t)size < sizeof log->text - log->size);
    log->size += (size_t)size;
}

static void note_row(struct log *log, const quire_value *values)
{
    if (values == NULL) {
        note(log, " -");
        return;
    }
    note(log, " (%.*s", (int)values[0].size,
         values[0].size == 0 ? "" : (const char *)values[0].as.bytes);
    if (values[1].type == QUIRE_INT) {
        note(log, ",%lld", (long long)values[1].as.integer);
    }
    note(log, ")");
}

static quire_status write_down(void *context, const quire_trigger_call *call, quire_error *err)
{
    static const char *const events[] = {"?", "insert", "update", "?", "delete"};
    struct log *log = context;
    (void)err;
    cr_assert_eq(call->count, 4);
    note(log, "%s %s %lld", call->trigger->name, events[call->event], (long long)call->rowid);
    note_row(log, call->old_values);
    note_row(log, call->new_values);
    note(log, "\n");
    log->calls++;
    return QUIRE_OK;
}

static void add_trigger(quire_txn *txn, const char *name, quire_trigger_time time, uint32_t events,
                        const char *function)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_trigger_def def = {
        .name = name, .table = "users", .function = function, .time = time, .events = events};
    OK(quire_trigger_create(txn, &def, &err));
}

static const uint32_t all_events = QUIRE_ON_INSERT | QUIRE_ON_UPDATE | QUIRE_ON_DELETE;

static quire_table *open_users(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    return users;
}

static void register_function(quire_db *db, const char *name, quire_trigger_callback callback,
                              void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_trigger_function(db, name, callback, context, &err));
}

/* A database with a table "users" and one trigger of this function for all events. */
static quire_db *with_trigger(quire_trigger_time time, quire_trigger_callback callback,
                              void *context)
{
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    add_trigger(txn, "t", time, all_events, "f");
    commit(txn);
    register_function(db, "f", callback, context);
    return db;
}

static uint64_t count_rows(quire_table *table)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    OK(quire_table_row_count(table, &rows, &err));
    return rows;
}

static int64_t age_of(quire_table *users, int64_t rowid)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *record;
    size_t size;
    bool found;
    quire_value value;
    OK(quire_table_get(users, rowid, &record, &size, &found, &err));
    cr_assert(found);
    OK(quire_record_column(record, size, 1, &value, &err));
    return value.type == QUIRE_INT ? value.as.integer : -1;
}

/* ---- When they run, and what they see ---- */

Test(trigger, functions__run_by_time_and_name_with_old_and_new_row)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct log log = {.size = 0};
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    add_trigger(txn, "z", QUIRE_BEFORE, all_events, "f");
    add_trigger(txn, "c", QUIRE_AFTER, all_events, "f");
    add_trigger(txn, "b", QUIRE_AFTER, QUIRE_ON_UPDATE, "f");
    add_trigger(txn, "y", QUIRE_BEFORE, QUIRE_ON_INSERT | QUIRE_ON_DELETE, "f");
    register_function(db, "f", write_down, &log);
    quire_table *users = open_users(txn);
    cr_assert_eq(add_user(users, "ada", 36), 1);
    quire_value values[] = {quire_text("ada"), quire_int(37)};
    bool found;
    OK(quire_table_update(users, 1, values, 2, &found, &err));
    cr_assert(found);
    OK(quire_table_delete(users, 1, &found, &err));
    cr_assert(found);
    cr_assert_str_eq(log.text, "y insert 0 - (ada,36)\n"
                               "z insert 0 - (ada,36)\n"
                               "c insert 1 - (ada,36)\n"
                               "z update 1 (ada,36) (ada,37)\n"
                               "b update 1 (ada,36) (ada,37)\n"
                               "c update 1 (ada,36) (ada,37)\n"
                               "y delete 1 (ada,37) -\n"
                               "z delete 1 (ada,37) -\n"
                               "c delete 1 (ada,37) -\n");
    int calls = log.calls;
    OK(quire_table_update(users, 9, values, 2, &found, &err));
    cr_assert_not(found);
    OK(quire_table_delete(users, 9, &found, &err));
    cr_assert_not(found);
    cr_assert_eq(log.calls, calls);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* Lower case, and an age where none is given. */
static quire_status normalise(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value values[4];
    char name[32];
    (void)context;
    if (call->new_values == NULL) {
        return QUIRE_OK;
    }
    memcpy(values, call->new_values, sizeof values);
    for (uint32_t i = 0; i < values[0].size; i++) {
        name[i] = (char)(((const char *)values[0].as.bytes)[i] | 0x20);
    }
    values[0] = quire_text_n(name, values[0].size);
    if (values[1].type == QUIRE_NULL) {
        values[1] = quire_int(18);
    }
    quire_status status = quire_trigger_replace(call, values, 4, err);
    cr_assert_eq(status, QUIRE_OK);
    cr_assert_eq(call->new_values[1].type, QUIRE_INT);
    return QUIRE_OK;
}

Test(trigger, before_trigger__replaces_the_row_and_its_keys)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_trigger(QUIRE_BEFORE, normalise, NULL);
    quire_txn *txn = begin_write(db);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    quire_table *users = open_users(txn);
    quire_value ada = quire_text("ADA");
    int64_t rowid = 0;
    OK(quire_table_insert(users, &rowid, &ada, 1, &err));
    cr_assert_eq(age_of(users, rowid), 18);
    quire_value lower = quire_text("ada");
    quire_index_range range = {.prefix = &lower, .prefix_count = 1};
    int64_t rowids[2];
    cr_assert_eq(scan(users, index_number(users, "by_name"), &range, rowids, 2), 1);
    quire_value other = quire_text("aDa");
    rowid = 0;
    FAILS(UNIQUE, quire_table_insert(users, &rowid, &other, 1, &err));
    cr_assert_eq(count_rows(users), 1);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

static quire_status fill_name(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value name = quire_text("nobody");
    (void)context;
    return call->new_values[0].type == QUIRE_NULL ? quire_trigger_replace(call, &name, 1, err)
                                                  : QUIRE_OK;
}

static quire_status replace_wrongly(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value values[] = {quire_text("\xFF"), quire_int(1)};
    quire_value type = quire_int(3);
    int *which = context;
    switch (*which) {
    case 0:
        return quire_trigger_replace(call, values, 1, err);
    case 1:
        return quire_trigger_replace(call, values, 5, err);
    case 2:
        return quire_trigger_replace(call, &type, 1, err); /* found when the row is checked */
    default:
        return quire_trigger_replace(call, NULL, 0, err); /* no name at all */
    }
}

Test(trigger, row__is_checked_after_the_last_replacement)
{
    static const quire_status expected[] = {QUIRE_TYPE, QUIRE_MISUSE, QUIRE_TYPE, QUIRE_NOT_NULL};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_trigger(QUIRE_BEFORE, fill_name, NULL);
    quire_txn *txn = begin_write(db);
    quire_table *users = open_users(txn);
    OK(quire_table_insert(users, NULL, NULL, 0, &err)); /* the name may not be null */
    int which = 0;
    register_function(db, "f", replace_wrongly, &which);
    for (; which < 4; which++) {
        quire_value name = quire_text("x");
        quire_status status = quire_table_insert(users, NULL, &name, 1, &err);
        cr_assert_eq(status, expected[which], "%d: %s", which, err.message);
    }
    quire_value bad = quire_text("\xFF");
    FAILS(TYPE, quire_table_insert(users, NULL, &bad, 1, &err));
    FAILS(MISUSE, quire_table_insert(users, NULL, &bad, 5, &err));
    FAILS(MISUSE, quire_table_insert(users, NULL, NULL, 1, &err));
    cr_assert_eq(count_rows(users), 1);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

static quire_status replace_anyway(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value name = quire_text("x");
    (void)context;
    return quire_trigger_replace(call, &name, 1, err);
}

Test(trigger, replacement__is_refused_outside_of_before_insert_and_update)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_trigger(QUIRE_AFTER, replace_anyway, NULL);
    quire_txn *txn = begin_write(db);
    quire_table *users = open_users(txn);
    quire_value name = quire_text("a");
    FAILS(MISUSE, quire_table_insert(users, NULL, &name, 1, &err));
    FAILS(MISUSE, quire_trigger_replace(NULL, &name, 1, &err));
    OK(quire_trigger_drop(txn, "t", &err));
    add_trigger(txn, "t", QUIRE_BEFORE, QUIRE_ON_DELETE, "f");
    (void)add_user(users, "a", 1);
    bool found;
    FAILS(MISUSE, quire_table_delete(users, 1, &found, &err));
    cr_assert_eq(count_rows(users), 1);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* ---- Refusal ---- */

static quire_status refuse_minors(void *context, const quire_trigger_call *call, quire_error *err)
{
    bool *speak = context;
    const quire_value *row = call->new_values != NULL ? call->new_values : call->old_values;
    if (row[1].type == QUIRE_INT && row[1].as.integer < 18) {
        if (*speak && err != NULL) {
            err->status = QUIRE_CHECK;
            memcpy(err->message, "too young", sizeof "too young");
        }
        return QUIRE_CHECK;
    }
    return QUIRE_OK;
}

Test(trigger, refusal__undoes_the_statement_alone)
{
    for (int time = QUIRE_BEFORE; time <= QUIRE_AFTER; time++) {
        quire_error err = QUIRE_ERROR_INIT;
        bool speak = true;
        quire_db *db = with_trigger((quire_trigger_time)time, refuse_minors, &speak);
        quire_txn *txn = begin_write(db);
        OK(add_index(txn, "users", "by_age", QUIRE_INDEX_HASH, false, "age", NULL, &err));
        quire_table *users = open_users(txn);
        cr_assert_eq(add_user(users, "old", 40), 1);
        quire_value young[] = {quire_text("young"), quire_int(7)};
        int64_t rowid = 0;
        FAILS(CHECK, quire_table_insert(users, &rowid, young, 2, &err));
        cr_assert_str_eq(err.message, "too young");
        cr_assert_eq(rowid, 0);
        speak = false;
        FAILS(CHECK, quire_table_update(users, 1, young, 2, NULL, &err));
        cr_assert_not_null(strstr(err.message, "\"t\""));
        cr_assert_eq(age_of(users, 1), 40);
        cr_assert_eq(count_rows(users), 1);
        quire_index_range range = {.prefix = &young[1], .prefix_count = 1};
        cr_assert_eq(scan(users, 0, &range, NULL, 0), 0);
        cr_assert_eq(add_user(users, "next", 41), 2, "an undone row takes no rowid");
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

Test(trigger, missing_function__fails_the_change)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct log log = {.size = 0};
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    add_trigger(txn, "t", QUIRE_AFTER, QUIRE_ON_UPDATE, "missing");
    quire_table *users = open_users(txn);
    (void)add_user(users, "a", 1); /* no trigger wants this */
    quire_value values[] = {quire_text("b")};
    FAILS(UNKNOWN_NAME, quire_table_update(users, 1, values, 1, NULL, &err));
    cr_assert_not_null(strstr(err.message, "\"missing\""));
    cr_assert_eq(age_of(users, 1), 1);
    register_function(db, "missing", write_down, &log);
    OK(quire_table_update(users, 1, values, 1, NULL, &err));
    register_function(db, "missing", NULL, NULL);
    FAILS(UNKNOWN_NAME, quire_table_update(users, 1, values, 1, NULL, &err));
    OK(quire_trigger_enable(txn, "t", false, &err));
    OK(quire_table_update(users, 1, values, 1, NULL, &err));
    cr_assert(quire_table_trigger(users, 0)->disabled);
    OK(quire_trigger_enable(txn, "t", true, &err));
    FAILS(UNKNOWN_NAME, quire_table_update(users, 1, values, 1, NULL, &err));
    cr_assert_eq(log.calls, 1);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* ---- Changes within changes ---- */

/* Keeps a row for each change in "audit", and refuses when told to. */
struct audit {
    quire_status answer;
};

static quire_status audit(void *context, const quire_trigger_call *call, quire_error *err)
{
    const struct audit *how = context;
    quire_table *table;
    quire_status status = quire_table_open(call->txn, "audit", &table, err);
    if (status != QUIRE_OK) {
        return status;
    }
    quire_value values[] = {quire_int(call->event), quire_int(call->rowid)};
    status = quire_table_insert(table, NULL, values, 2, err);
    quire_table_close(table);
    return status == QUIRE_OK ? how->answer : status;
}

static void create_audit(quire_txn *txn)
{
    static const quire_column columns[] = {{"event", QUIRE_INT, true}, {"row", QUIRE_INT, true}};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_table_create(txn, "audit", columns, 2, &err));
}

Test(trigger, changes_elsewhere__are_kept_or_undone_with_the_statement)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct audit how = {QUIRE_OK};
    quire_db *db = with_trigger(QUIRE_AFTER, audit, &how);
    quire_txn *txn = begin_write(db);
    create_audit(txn);
    quire_table *users = open_users(txn);
    quire_table *entries;
    OK(quire_table_open(txn, "audit", &entries, &err));
    (void)add_user(users, "a", 1);
    cr_assert_eq(count_rows(entries), 1);
    how.answer = QUIRE_CHECK;
    quire_value values[] = {quire_text("b")};
    FAILS(CHECK, quire_table_insert(users, NULL, values, 1, &err));
    FAILS(CHECK, quire_table_delete(users, 1, NULL, &err));
    cr_assert_eq(count_rows(entries), 1);
    cr_assert_eq(count_rows(users), 1);
    how.answer = QUIRE_OK;
    uint64_t savepoint;
    OK(quire_savepoint(txn, &savepoint, &err));
    OK(quire_table_delete(users, 1, NULL, &err));
    cr_assert_eq(count_rows(entries), 2);
    OK(quire_rollback_to(txn, savepoint, &err));
    cr_assert_eq(count_rows(entries), 1);
    cr_assert_eq(count_rows(users), 1);
    quire_table_close(entries);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* Inserts a row with an age one less into the same table, through the same handle or a new one,
 * while the age is above 0. */
struct countdown {
    quire_table *table; /* NULL: a new one each time */
    bool catches;       /* failures of the rows below */
};

static quire_status count_down(void *context, const quire_trigger_call *call, quire_error *err)
{
    const struct countdown *how = context;
    if (call->event != QUIRE_ON_INSERT || call->new_values[1].as.integer == 0) {
        return QUIRE_OK;
    }
    quire_value values[] = {call->new_values[0], quire_int(call->new_values[1].as.integer - 1)};
    quire_table *table = how->table;
    quire_status status =
        table == NULL ? quire_table_open(call->txn, "users", &table, err) : QUIRE_OK;
    if (status == QUIRE_OK) {
        status = quire_table_insert(table, NULL, values, 2, err);
        if (how->table == NULL) {
            quire_table_close(table);
        }
    }
    return how->catches ? QUIRE_OK : status;
}

Test(trigger, depth__is_limited)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int time = QUIRE_BEFORE; time <= QUIRE_AFTER; time++) {
        struct countdown how = {.table = NULL};
        quire_db *db = with_trigger((quire_trigger_time)time, count_down, &how);
        quire_txn *txn = begin_write(db);
        quire_table *users = open_users(txn);
        for (int same = 0; same < 2; same++) {
            how.table = same ? users : NULL;
            uint64_t rows = count_rows(users);
            (void)add_user(users, "fits", 15);
            cr_assert_eq(count_rows(users), rows + 16);
            quire_value values[] = {quire_text("deep"), quire_int(16)};
            FAILS(LIMIT, quire_table_insert(users, NULL, values, 2, &err));
            cr_assert_not_null(strstr(err.message, "16 deep"));
            cr_assert_eq(count_rows(users), rows + 16);
        }
        /* A function that goes on after a failure keeps the levels above it. */
        how.catches = true;
        uint64_t rows = count_rows(users);
        (void)add_user(users, "cut", 100);
        cr_assert_eq(count_rows(users), rows + 16);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

Test(trigger, depth_option__counts)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct countdown how = {.table = NULL};
    quire_db *db;
    options.trigger_depth_max = 2;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    add_trigger(txn, "t", QUIRE_AFTER, QUIRE_ON_INSERT, "f");
    register_function(db, "f", count_down, &how);
    quire_table *users = open_users(txn);
    (void)add_user(users, "a", 1);
    quire_value values[] = {quire_text("a"), quire_int(2)};
    FAILS(LIMIT, quire_table_insert(users, NULL, values, 2, &err));
    cr_assert_eq(count_rows(users), 2);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* Deletes the row that is about to be changed. */
static quire_status remove_it(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_table *users = context;
    static bool within; /* its own delete runs it again */
    if (within || call->event == QUIRE_ON_INSERT) {
        return QUIRE_OK;
    }
    within = true;
    quire_status status = quire_table_delete(users, call->rowid, NULL, err);
    within = false;
    return status;
}

Test(trigger, row_removed_before_its_change__counts_as_not_found)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct log log = {.size = 0};
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_users(txn);
    add_trigger(txn, "a", QUIRE_BEFORE, QUIRE_ON_UPDATE | QUIRE_ON_DELETE, "f");
    add_trigger(txn, "b", QUIRE_AFTER, QUIRE_ON_UPDATE, "log");
    register_function(db, "f", remove_it, users);
    register_function(db, "log", write_down, &log);
    (void)add_user(users, "a", 1);
    (void)add_user(users, "b", 2);
    quire_value values[] = {quire_text("c")};
    bool found = true;
    OK(quire_table_update(users, 1, values, 1, &found, &err));
    cr_assert_not(found);
    found = true;
    OK(quire_table_delete(users, 2, &found, &err));
    cr_assert_not(found);
    cr_assert_eq(log.calls, 0);
    cr_assert_eq(count_rows(users), 0);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* ---- What a function may not do ---- */

enum misdeed { COMMIT, ROLLBACK, TICKET, CREATE, DROP, OUTER_SAVEPOINT, RELEASE, MISDEEDS };

struct misbehaviour {
    enum misdeed misdeed;
    uint64_t outer;
    bool hides; /* its failure */
    quire_status got;
};

static quire_status misbehave(void *context, const quire_trigger_call *call, quire_error *err)
{
    struct misbehaviour *how = context;
    quire_ticket *ticket;
    uint64_t own;
    how->got = QUIRE_OK;
    switch (how->misdeed) {
    case COMMIT:
        how->got = quire_commit(call->txn, err);
        break;
    case ROLLBACK:
        quire_rollback(call->txn);
        break;
    case TICKET:
        how->got = quire_commit_ticket(call->txn, &ticket, err);
        break;
    case CREATE:
        how->got = quire_tree_create(call->txn, "new", err);
        break;
    case DROP:
        how->got = quire_table_drop(call->txn, "users", err);
        break;
    case OUTER_SAVEPOINT:
        cr_assert_eq(quire_savepoint(call->txn, &own, err), QUIRE_OK);
        cr_assert_eq(quire_rollback_to(call->txn, own, err), QUIRE_OK);
        how->got = quire_rollback_to(call->txn, how->outer, err);
        break;
    case RELEASE:
        cr_assert_eq(quire_savepoint(call->txn, &own, err), QUIRE_OK);
        how->got = quire_release(call->txn, how->outer, err);
        break;
    case MISDEEDS:
        break;
    }
    return how->hides ? QUIRE_OK : how->got;
}

Test(trigger, function__cannot_end_the_transaction_or_change_the_schema)
{
    for (int misdeed = COMMIT; misdeed < MISDEEDS; misdeed++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct misbehaviour how = {.misdeed = (enum misdeed)misdeed};
        quire_db *db = with_trigger(QUIRE_AFTER, misbehave, &how);
        quire_txn *txn = begin_write(db);
        quire_table *users = open_users(txn);
        OK(quire_savepoint(txn, &how.outer, &err));
        bool dooms = misdeed == COMMIT || misdeed == ROLLBACK || misdeed == TICKET;
        for (int hides = 0; hides < 2; hides++) {
            how.hides = hides;
            quire_value values[] = {quire_text("a")};
            uint64_t rows = count_rows(users);
            quire_status status = quire_table_insert(users, NULL, values, 1, &err);
            quire_status expected = misdeed == ROLLBACK ? QUIRE_TXN_DOOMED
                                    : !hides            ? QUIRE_MISUSE
                                    : dooms             ? QUIRE_TXN_DOOMED
                                                        : QUIRE_OK;
            cr_assert_eq(status, expected, "%d: %s", misdeed, err.message);
            cr_assert_eq(how.got, misdeed == ROLLBACK ? QUIRE_OK : QUIRE_MISUSE);
            cr_assert_eq(count_rows(users), rows + (status == QUIRE_OK));
        }
        register_function(db, "f", audit, &(struct audit){QUIRE_OK});
        create_audit(txn);
        (void)add_user(users, "later", 1);
        OK(quire_rollback_to(txn, how.outer, &err));
        OK(quire_release(txn, how.outer, &err));
        cr_assert_eq(count_rows(users), 0);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

/* ---- Definitions ---- */

Test(trigger, definitions__are_checked_listed_and_dropped)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_trigger_def good = {
        .name = "t", .table = "users", .function = "f", .events = QUIRE_ON_INSERT};
    quire_trigger_def bad[7];
    for (int i = 0; i < 7; i++) {
        bad[i] = good;
    }
    bad[0].name = "";
    bad[1].table = NULL;
    bad[2].function = "";
    bad[3].events = 0;
    bad[4].events = 8;
    bad[5].time = (quire_trigger_time)2;
    for (int i = 0; i < 6; i++) {
        FAILS(MISUSE, quire_trigger_create(txn, &bad[i], &err));
    }
    bad[6].table = "nobody";
    FAILS(UNKNOWN_NAME, quire_trigger_create(txn, &bad[6], &err));
    FAILS(MISUSE, quire_trigger_create(txn, NULL, &err));
    FAILS(MISUSE, quire_trigger_create(NULL, &good, &err));
    FAILS(UNKNOWN_NAME, quire_trigger_drop(txn, "t", &err));
    FAILS(UNKNOWN_NAME, quire_trigger_enable(txn, "t", true, &err));
    OK(quire_trigger_create(txn, &good, &err));
    FAILS(EXISTS, quire_trigger_create(txn, &good, &err));
    good.name = "s";
    good.time = QUIRE_AFTER;
    good.events = all_events;
    good.disabled = true;
    good.function = "g";
    OK(quire_trigger_create(txn, &good, &err));
    commit(txn);
    txn = begin_read(db);
    quire_table *users = open_users(txn);
    cr_assert_eq(quire_table_trigger_count(users), 2);
    const quire_trigger_def *first = quire_table_trigger(users, 0);
    cr_assert_str_eq(first->name, "s");
    cr_assert_str_eq(first->table, "users");
    cr_assert_str_eq(first->function, "g");
    cr_assert(first->disabled && first->time == QUIRE_AFTER && first->events == all_events);
    cr_assert_str_eq(quire_table_trigger(users, 1)->name, "t");
    cr_assert_null(quire_table_trigger(users, 2));
    FAILS(MISUSE, quire_trigger_drop(txn, "t", &err));
    quire_rollback(txn);
    quire_table_close(users);
    txn = begin_write(db);
    OK(quire_table_drop(txn, "users", &err));
    create_users(txn);
    users = open_users(txn);
    cr_assert_eq(quire_table_trigger_count(users), 0, "triggers go with their table");
    quire_table_close(users);
    add_trigger(txn, "t", QUIRE_BEFORE, QUIRE_ON_INSERT, "f");
    commit(txn);
    FAILS(MISUSE, quire_trigger_function(NULL, "f", write_down, NULL, &err));
    FAILS(MISUSE, quire_trigger_function(db, "", write_down, NULL, &err));
    close_db(db);
}

Test(trigger, snapshot__keeps_the_triggers_of_its_moment)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_trigger(QUIRE_BEFORE, normalise, NULL);
    quire_txn *before = begin_read(db);
    quire_txn *txn = begin_write(db);
    OK(quire_trigger_drop(txn, "t", &err));
    commit(txn);
    quire_txn *after = begin_read(db);
    quire_table *old_users = open_users(before);
    quire_table *new_users = open_users(after);
    cr_assert_eq(quire_table_trigger_count(old_users), 1);
    cr_assert_eq(quire_table_trigger_count(new_users), 0);
    quire_table_close(old_users);
    quire_table_close(new_users);
    quire_rollback(before);
    quire_rollback(after);
    txn = begin_write(db);
    uint64_t savepoint;
    OK(quire_savepoint(txn, &savepoint, &err));
    add_trigger(txn, "t", QUIRE_BEFORE, QUIRE_ON_INSERT, "f");
    quire_table *users = open_users(txn);
    cr_assert_eq(quire_table_trigger_count(users), 1);
    OK(quire_rollback_to(txn, savepoint, &err));
    cr_assert_eq(add_user(users, "UPPER", 1), 1);
    cr_assert_eq(quire_table_trigger_count(users), 0);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* ---- Failing allocations ---- */

static quire_status make_and_fire(const struct failing_allocator *failing, bool *fired)
{
    static const quire_column columns[] = {{"event", QUIRE_INT, true}, {"row", QUIRE_INT, true}};
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_trigger_def def = {
        .name = "t", .table = "users", .function = "f", .time = QUIRE_AFTER, .events = all_events};
    struct audit how = {QUIRE_OK};
    quire_db *db = NULL;
    quire_txn *txn = NULL;
    quire_table *users = NULL;
    quire_value values[] = {quire_text("a")};
    options.allocator = &failing->allocator;
    options.wal_segment_bytes = 64 << 10;
    options.cache_bytes = UINT64_C(1) << 20;
    *fired = false;
    quire_status status = quire_open(":memory:", &options, &db, NULL);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_trigger_function(db, "f", audit, &how, NULL);
    if (status == QUIRE_OK) {
        status = quire_begin(db, QUIRE_WRITE, &txn, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_table_create(txn, "users", columns, 1, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_table_create(txn, "audit", columns, 2, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_trigger_create(txn, &def, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_trigger_enable(txn, "t", true, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_table_open(txn, "users", &users, NULL);
    }
    values[0] = quire_int(1);
    for (int i = 0; i < 3 && status == QUIRE_OK; i++) {
        status = quire_table_insert(users, NULL, values, 1, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_table_update(users, 1, values, 1, NULL, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_table_delete(users, 2, NULL, NULL);
    }
    *fired = status == QUIRE_OK;
    quire_table_close(users);
    quire_rollback(txn);
    quire_status closed = quire_close(db, NULL);
    return status == QUIRE_OK ? closed : status;
}

Test(trigger, allocation__may_fail_anywhere)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    bool fired = false;
    uint64_t n = 0;
    do {
        failing_allocator_arm(&failing, n++, false);
        quire_status status = make_and_fire(&failing, &fired);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_TXN_DOOMED,
                  "%s", quire_status_name(status));
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)n);
    } while (failing.failures != 0);
    cr_assert(fired);
}
