/*
 * Collations: registering, finding, applying. See collation.h.
 */
#include "engine/collation.h"

#include <string.h>

#include "catalog/fold.h"
#include "engine/engine_internal.h"

/* Room for a sort key of one text more than this is not asked for at once. */
#define ROOM_MIN ((size_t)64)

static size_t fold(void *context, const void *text, size_t size, void *key, size_t capacity)
{
    (void)context;
    return qr_fold(text, size, key, capacity);
}

static const struct qr_collation nocase = {.name = "nocase", .sort_key = fold, .is_folding = true};

const struct qr_collation *qr_collation_find(const quire_db *db, const char *name)
{
    if (strcmp(name, nocase.name) == 0) {
        return &nocase;
    }
    const struct qr_collation *known = atomic_load_explicit(&db->collations, memory_order_acquire);
    while (known != NULL && strcmp(known->name, name) != 0) {
        known = known->next;
    }
    return known;
}

quire_status qr_collation_apply(const struct qr_collation *collation, const quire_value *text,
                                struct qr_key *buffer, quire_value *out, quire_error *err)
{
    size_t room = text->size > ROOM_MIN ? text->size : ROOM_MIN;
    while (true) {
        QR_TRY(qr_grow(buffer->allocator, &buffer->bytes, &buffer->capacity, room, 1, err));
        size_t size = collation->sort_key(collation->context, text->as.bytes, text->size,
                                          buffer->bytes, buffer->capacity);
        if (size == QUIRE_SORT_KEY_FAILED || size > UINT32_MAX) {
            return qr_fail(err, QUIRE_DATA, "Collation \"%s\" made no sort key of a text.",
                           collation->name);
        }
        if (size <= buffer->capacity) {
            *out = collation->is_folding ? quire_text_n((const char *)buffer->bytes, size)
                                         : quire_blob(buffer->bytes, size);
            return QUIRE_OK;
        }
        room = size;
    }
}

static void free_collation(const quire_allocator *allocator, struct qr_collation *collation,
                           size_t name_size)
{
    qr_free(allocator, collation, sizeof *collation + name_size);
}

static quire_status add(quire_db *db, struct qr_collation *collation, quire_error *err)
{
    quire_status status = QUIRE_OK;
    qr_mutex_lock(&db->mutex);
    if (qr_collation_find(db, collation->name) != NULL) {
        status =
            qr_fail(err, QUIRE_EXISTS, "There is a collation \"%s\" already.", collation->name);
    } else {
        collation->next = atomic_load_explicit(&db->collations, memory_order_relaxed);
        atomic_store_explicit(&db->collations, collation, memory_order_release);
    }
    qr_mutex_unlock(&db->mutex);
    return status;
}

quire_status quire_collation_register(quire_db *db, const char *name,
                                      quire_sort_key_callback sort_key, void *context,
                                      quire_error *err)
{
    if (db == NULL || sort_key == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_collation_register needs a database and a callback.");
    }
    QR_TRY(qr_check_name(name, "collation", err));
    size_t size = strlen(name) + 1;
    struct qr_collation *collation = qr_alloc(&db->allocator, sizeof *collation + size, err);
    if (collation == NULL) {
        return QUIRE_NO_MEMORY;
    }
    char *copy = (char *)(collation + 1);
    memcpy(copy, name, size);
    *collation = (struct qr_collation){.name = copy, .sort_key = sort_key, .context = context};
    quire_status status = add(db, collation, err);
    if (status != QUIRE_OK) {
        free_collation(&db->allocator, collation, size);
    }
    return status;
}

void qr_collations_free(quire_db *db)
{
    struct qr_collation *collation = atomic_load_explicit(&db->collations, memory_order_relaxed);
    while (collation != NULL) {
        struct qr_collation *next = collation->next;
        free_collation(&db->allocator, collation, strlen(collation->name) + 1);
        collation = next;
    }
}
