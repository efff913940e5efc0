/*
 * Functions of the program: those that it registers on an open database by
 * name, for triggers and resolvers, and what holds for a transaction while one
 * of them runs.
 */
#ifndef QR_FUNCTION_H
#define QR_FUNCTION_H

#include "engine/engine.h"
#include "engine/engine_internal.h"

/* In a list of the database, under its mutex. */
struct qr_function {
    struct qr_function *next;
    qr_callback callback; /* NULL: removed */
    void *context;
    size_t size; /* of this allocation */
    char name[];
};

/* Registers, replaces or (NULL) removes the function of a name. */
quire_status qr_function_register(quire_db *db, struct qr_function **list, const char *name,
                                  qr_callback callback, void *context, quire_error *err);
/* The function of a name, or NULL. */
qr_callback qr_function_find(quire_db *db, struct qr_function *const *list, const char *name,
                             void **context);
void qr_functions_free(quire_db *db, struct qr_function **list);

#endif
