/*
 * Named texts in the catalog: the schema's source. They are stored and listed;
 * what they mean is the business of the rooms above.
 */
#include <string.h>

#include "engine/engine_internal.h"

static quire_status find_text(quire_txn *txn, const char *name, struct qr_arena *arena,
                              struct qr_object **object, bool *found, quire_error *err)
{
    QR_TRY(qr_check_name(name, "text", err));
    return qr_catalog_find(txn->view, QR_OBJECT_TEXT, name, strlen(name), arena, object, found,
                           err);
}

quire_status qr_text_put(quire_txn *txn, const char *name, const char *text, size_t size,
                         quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *present;
    bool found;
    struct qr_object object = {
        .kind = QR_OBJECT_TEXT, .name = name, .text = text, .text_size = size};
    QR_TRY(qr_txn_check_schema(txn, err));
    if (size > QR_PAYLOAD_MAX / 2) {
        return qr_fail(err, QUIRE_LIMIT, "A text of %zu bytes is too long to be stored.", size);
    }
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = find_text(txn, name, &arena, &present, &found, err);
    if (status == QUIRE_OK) {
        object.id = found ? present->id : 0;
        status = found ? qr_catalog_update(txn->txn, &object, err)
                       : qr_catalog_add(txn->txn, &object, err);
    }
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}

quire_status qr_text_get(quire_txn *txn, const char *name, struct qr_arena *arena,
                         const char **text, size_t *size, bool *found, quire_error *err)
{
    struct qr_object *object;
    QR_TRY(find_text(txn, name, arena, &object, found, err));
    *text = *found ? object->text : NULL;
    *size = *found ? object->text_size : 0;
    return QUIRE_OK;
}

quire_status qr_text_remove(quire_txn *txn, const char *name, bool *found, quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *object;
    QR_TRY(qr_txn_check_schema(txn, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = find_text(txn, name, &arena, &object, found, err);
    if (status == QUIRE_OK && *found) {
        status = qr_catalog_remove(txn->txn, object, err);
    }
    qr_arena_free(&arena);
    return status == QUIRE_OK && *found ? qr_schema_changed(txn, err) : status;
}
