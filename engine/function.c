/*
 * Functions of the program: see function.h. Lists only grow, and are short.
 */
#include "engine/function.h"

#include <string.h>

static struct qr_function *find(struct qr_function *function, const char *name)
{
    while (function != NULL && strcmp(function->name, name) != 0) {
        function = function->next;
    }
    return function;
}

quire_status qr_function_register(quire_db *db, struct qr_function **list, const char *name,
                                  qr_callback callback, void *context, quire_error *err)
{
    size_t size = sizeof(struct qr_function) + strlen(name) + 1;
    struct qr_function *fresh = qr_alloc(&db->allocator, size, err);
    if (fresh == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(fresh->name, name, strlen(name) + 1);
    fresh->size = size;
    qr_mutex_lock(&db->mutex);
    struct qr_function *function = find(*list, name);
    if (function == NULL) {
        function = fresh;
        function->next = *list;
        *list = function;
    }
    function->callback = callback;
    function->context = context;
    qr_mutex_unlock(&db->mutex);
    if (function != fresh) {
        qr_free(&db->allocator, fresh, size);
    }
    return QUIRE_OK;
}

qr_callback qr_function_find(quire_db *db, struct qr_function *const *list, const char *name,
                             void **context)
{
    qr_callback callback = NULL;
    qr_mutex_lock(&db->mutex);
    const struct qr_function *function = find(*list, name);
    if (function != NULL) {
        callback = function->callback;
        *context = function->context;
    }
    qr_mutex_unlock(&db->mutex);
    return callback;
}

void qr_functions_free(quire_db *db, struct qr_function **list)
{
    while (*list != NULL) {
        struct qr_function *function = *list;
        *list = function->next;
        qr_free(&db->allocator, function, function->size);
    }
}

/* ---- Resolvers ---- */

quire_status qr_db_set_resolver(quire_db *db, const char *coordinate, qr_callback callback,
                                void *context, quire_error *err)
{
    return qr_function_register(db, &db->resolvers, coordinate, callback, context, err);
}

qr_callback qr_db_find_resolver(quire_db *db, const char *coordinate, void **context)
{
    return qr_function_find(db, &db->resolvers, coordinate, context);
}

quire_status qr_txn_call_begin(quire_txn *txn, struct qr_txn_call *call, bool writes,
                               quire_error *err)
{
    if (txn->trigger_depth == txn->db->trigger_depth_max) {
        return qr_fail(err, QUIRE_LIMIT,
                       "Functions of the program have called one another %u deep; see "
                       "quire_options.trigger_depth_max.",
                       txn->trigger_depth);
    }
    *call = (struct qr_txn_call){.savepoint_floor = txn->savepoint_floor, .writes = writes};
    txn->savepoint_floor = txn->savepoint_count;
    txn->trigger_depth++;
    txn->read_calls += writes ? 0 : 1;
    return QUIRE_OK;
}

void qr_txn_call_end(quire_txn *txn, const struct qr_txn_call *call)
{
    txn->read_calls -= call->writes ? 0 : 1;
    txn->trigger_depth--;
    if (txn->savepoint_count > txn->savepoint_floor) { /* left open: they end here */
        (void)qr_txn_release_savepoint(txn->txn, txn->savepoints[txn->savepoint_floor].id, NULL);
        txn->savepoint_count = txn->savepoint_floor;
    }
    txn->savepoint_floor = call->savepoint_floor;
}
