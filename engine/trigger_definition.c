/*
 * Triggers as objects of the catalog: creating, dropping, switching, reading.
 *
 * The body of a trigger's object is a record: time, events, enabled, function
 * (docs/file-format.md). It comes from disk: every value is checked.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/record.h"
#include "engine/trigger.h"

/* Columns of the body. */
enum { TIME, EVENTS, ENABLED, FUNCTION, BODY_COLUMNS };

#define EVENTS_ALL ((uint32_t)QUIRE_ON_INSERT | QUIRE_ON_UPDATE | QUIRE_ON_DELETE)

/* ---- Stored form ---- */

quire_status qr_trigger_encode(const quire_trigger_def *def, struct qr_arena *arena,
                               struct qr_slice *body, quire_error *err)
{
    quire_value values[BODY_COLUMNS] = {[TIME] = quire_int(def->time),
                                        [EVENTS] = quire_int(def->events),
                                        [ENABLED] = quire_bool(!def->disabled),
                                        [FUNCTION] = quire_text(def->function)};
    size_t size = quire_record_size(values, BODY_COLUMNS);
    uint8_t *bytes = qr_arena_alloc(arena, size, err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (void)quire_record_encode(values, BODY_COLUMNS, bytes);
    *body = (struct qr_slice){.data = bytes, .size = size};
    return QUIRE_OK;
}

static bool is_between(const quire_value *value, int64_t least, int64_t greatest)
{
    return value->type == QUIRE_INT && value->as.integer >= least && value->as.integer <= greatest;
}

static bool is_name(const quire_value *value)
{
    return value->type == QUIRE_TEXT && value->size > 0 && value->size <= QR_NAME_MAX &&
           memchr(value->as.bytes, 0, value->size) == NULL;
}

quire_status qr_trigger_decode(const struct qr_object *object, struct qr_arena *arena,
                               quire_trigger_def *def, quire_error *err)
{
    quire_value values[BODY_COLUMNS];
    uint32_t columns;
    quire_status status = quire_record_check(object->text, object->text_size, &columns, NULL);
    if (status == QUIRE_OK) {
        status = qr_record_decode(object->text, object->text_size, values, BODY_COLUMNS, NULL);
    }
    if (status != QUIRE_OK || columns != BODY_COLUMNS ||
        !is_between(&values[TIME], QUIRE_BEFORE, QUIRE_AFTER) ||
        !is_between(&values[EVENTS], 1, EVENTS_ALL) || values[ENABLED].type != QUIRE_BOOL ||
        !is_name(&values[FUNCTION])) {
        return qr_fail(err, QUIRE_CORRUPT,
                       "The catalog is damaged: the definition of trigger \"%s\" is malformed.",
                       object->name);
    }
    char *function = qr_arena_alloc(arena, (size_t)values[FUNCTION].size + 1, err);
    if (function == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(function, values[FUNCTION].as.bytes, values[FUNCTION].size);
    function[values[FUNCTION].size] = '\0';
    *def = (quire_trigger_def){.name = object->name,
                               .function = function,
                               .time = (quire_trigger_time)values[TIME].as.integer,
                               .events = (uint32_t)values[EVENTS].as.integer,
                               .disabled = !values[ENABLED].as.boolean};
    return QUIRE_OK;
}

/* ---- Reading those of a table ---- */

struct load {
    struct qr_table_def *def;
    size_t capacity;
};

static quire_status add_trigger(void *context, struct qr_object *object, quire_error *err)
{
    struct load *load = context;
    struct qr_table_def *def = load->def;
    if (def->trigger_count == load->capacity) {
        size_t capacity = load->capacity == 0 ? 4 : 2 * load->capacity;
        quire_trigger_def *more = qr_arena_alloc(&def->arena, capacity * sizeof *more, err);
        if (more == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (def->trigger_count > 0) {
            memcpy(more, def->triggers, def->trigger_count * sizeof *more);
        }
        def->triggers = more;
        load->capacity = capacity;
    }
    quire_trigger_def *trigger = &def->triggers[def->trigger_count];
    QR_TRY(qr_trigger_decode(object, &def->arena, trigger, err));
    trigger->table = def->object->name;
    def->trigger_count++;
    def->trigger_events |= trigger->disabled ? 0 : trigger->events;
    return QUIRE_OK;
}

static int compare_names(const void *a, const void *b)
{
    const quire_trigger_def *left = a;
    const quire_trigger_def *right = b;
    return strcmp(left->name, right->name);
}

quire_status qr_triggers_load(quire_txn *txn, struct qr_table_def *def, quire_error *err)
{
    struct load load = {.def = def};
    QR_TRY(qr_catalog_each(txn->view, QR_OBJECT_TRIGGER, def->object->id, &def->arena, add_trigger,
                           &load, err));
    if (def->trigger_count > 1) {
        qsort(def->triggers, def->trigger_count, sizeof *def->triggers, compare_names);
    }
    return QUIRE_OK;
}

/* ---- Create, drop, switch ---- */

static quire_status find_trigger(quire_txn *txn, const char *name, struct qr_arena *arena,
                                 struct qr_object **object, bool *found, quire_error *err)
{
    QR_TRY(qr_check_name(name, "trigger", err));
    return qr_catalog_find(txn->view, QR_OBJECT_TRIGGER, name, strlen(name), arena, object, found,
                           err);
}

static quire_status check_definition(const quire_trigger_def *def, quire_error *err)
{
    if (def == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_trigger_create needs a definition.");
    }
    QR_TRY(qr_check_name(def->name, "trigger", err));
    QR_TRY(qr_check_name(def->table, "table", err));
    QR_TRY(qr_check_name(def->function, "function", err));
    if ((unsigned)def->time > QUIRE_AFTER || def->events == 0 || def->events > EVENTS_ALL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "Trigger \"%s\" needs a time of quire_trigger_time and events of "
                       "quire_trigger_event.",
                       def->name);
    }
    return QUIRE_OK;
}

static quire_status add(quire_txn *txn, const quire_trigger_def *def,
                        const struct qr_table_def *table, struct qr_arena *arena, quire_error *err)
{
    struct qr_object *other;
    struct qr_slice body;
    struct qr_statement statement;
    bool found;
    QR_TRY(find_trigger(txn, def->name, arena, &other, &found, err));
    if (found) {
        return qr_fail(err, QUIRE_EXISTS, "There is a trigger \"%s\" already.", def->name);
    }
    QR_TRY(qr_trigger_encode(def, arena, &body, err));
    struct qr_object object = {.kind = QR_OBJECT_TRIGGER,
                               .name = def->name,
                               .owner = table->object->id,
                               .text = (const char *)body.data,
                               .text_size = body.size};
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_add(txn->txn, &object, err);
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_trigger_create(quire_txn *txn, const quire_trigger_def *def, quire_error *err)
{
    const struct qr_table_def *table;
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    QR_TRY(check_definition(def, err));
    QR_TRY(qr_schema_find(txn, def->table, &table, err));
    if (table == NULL || table->object->kind != QR_OBJECT_TABLE) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no table \"%s\".", def->table);
    }
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = add(txn, def, table, &arena, err);
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}

static quire_status find_present(quire_txn *txn, const char *name, struct qr_arena *arena,
                                 struct qr_object **object, quire_error *err)
{
    bool found;
    QR_TRY(find_trigger(txn, name, arena, object, &found, err));
    return found ? QUIRE_OK : qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no trigger \"%s\".", name);
}

static quire_status remove_trigger(quire_txn *txn, const char *name, struct qr_arena *arena,
                                   quire_error *err)
{
    struct qr_object *object;
    struct qr_statement statement;
    QR_TRY(find_present(txn, name, arena, &object, err));
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_remove(txn->txn, object, err);
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_trigger_drop(quire_txn *txn, const char *name, quire_error *err)
{
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = remove_trigger(txn, name, &arena, err);
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}

static quire_status switch_trigger(quire_txn *txn, const char *name, bool enabled,
                                   struct qr_arena *arena, quire_error *err)
{
    struct qr_object *object;
    struct qr_slice body;
    quire_trigger_def def = {.name = NULL};
    struct qr_statement statement;
    QR_TRY(find_present(txn, name, arena, &object, err));
    QR_TRY(qr_trigger_decode(object, arena, &def, err));
    def.disabled = !enabled;
    QR_TRY(qr_trigger_encode(&def, arena, &body, err));
    object->text = (const char *)body.data;
    object->text_size = body.size;
    QR_TRY(qr_statement_begin(txn, &statement, err));
    quire_status status = qr_catalog_update(txn->txn, object, err);
    return qr_statement_end(txn, &statement, status);
}

quire_status quire_trigger_enable(quire_txn *txn, const char *name, bool enabled, quire_error *err)
{
    struct qr_arena arena;
    QR_TRY(qr_txn_check_schema(txn, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = switch_trigger(txn, name, enabled, &arena, err);
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}
