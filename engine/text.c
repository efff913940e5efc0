/*
 * Named texts in the catalog: the schema's source, views, triggers. They are
 * stored and listed; what they mean is the business of the rooms above.
 */
#include <string.h>

#include "engine/engine_internal.h"

static quire_status check_kind(enum qr_object_kind kind, const char *name, quire_error *err)
{
    if (kind != QR_OBJECT_VIEW && kind != QR_OBJECT_TRIGGER && kind != QR_OBJECT_TEXT) {
        return qr_fail(err, QUIRE_MISUSE, "Objects of kind %d hold no text.", (int)kind);
    }
    return qr_check_name(name, "text", err);
}

/* Finds a text; a table of a view's name is not one. */
static quire_status find_text(quire_txn *txn, enum qr_object_kind kind, const char *name,
                              struct qr_arena *arena, struct qr_object **object, bool *found,
                              quire_error *err)
{
    QR_TRY(check_kind(kind, name, err));
    QR_TRY(qr_catalog_find(txn->view, kind, name, strlen(name), arena, object, found, err));
    *found = *found && (*object)->kind == kind;
    return QUIRE_OK;
}

static quire_status find_owner(quire_txn *txn, const char *owner, uint32_t *id, quire_error *err)
{
    const struct qr_table_def *def;
    *id = 0;
    if (owner == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_check_name(owner, "table", err));
    QR_TRY(qr_schema_find(txn, owner, &def, err));
    if (def == NULL || def->object->kind != QR_OBJECT_TABLE) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no table \"%s\".", owner);
    }
    *id = def->object->id;
    return QUIRE_OK;
}

quire_status qr_text_put(quire_txn *txn, enum qr_object_kind kind, const char *name,
                         const char *owner, const char *text, size_t size, quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *present;
    bool found;
    struct qr_object object = {.kind = kind, .name = name, .text = text, .text_size = size};
    QR_TRY(qr_txn_check_writable(txn, err));
    if (size > QR_PAYLOAD_MAX / 2) {
        return qr_fail(err, QUIRE_LIMIT, "A text of %zu bytes is too long to be stored.", size);
    }
    QR_TRY(find_owner(txn, owner, &object.owner, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = find_text(txn, kind, name, &arena, &present, &found, err);
    if (status == QUIRE_OK && found && present->owner != object.owner) {
        status = qr_catalog_remove(txn->txn, present, err);
        found = false;
    }
    if (status == QUIRE_OK) {
        object.id = found ? present->id : 0;
        status = found ? qr_catalog_update(txn->txn, &object, err)
                       : qr_catalog_add(txn->txn, &object, err);
    }
    qr_arena_free(&arena);
    return status == QUIRE_OK ? qr_schema_changed(txn, err) : status;
}

quire_status qr_text_get(quire_txn *txn, enum qr_object_kind kind, const char *name,
                         struct qr_arena *arena, const char **text, size_t *size, bool *found,
                         quire_error *err)
{
    struct qr_object *object;
    QR_TRY(find_text(txn, kind, name, arena, &object, found, err));
    *text = *found ? object->text : NULL;
    *size = *found ? object->text_size : 0;
    return QUIRE_OK;
}

quire_status qr_text_remove(quire_txn *txn, enum qr_object_kind kind, const char *name, bool *found,
                            quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *object;
    QR_TRY(qr_txn_check_writable(txn, err));
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status = find_text(txn, kind, name, &arena, &object, found, err);
    if (status == QUIRE_OK && *found) {
        status = qr_catalog_remove(txn->txn, object, err);
    }
    qr_arena_free(&arena);
    return status == QUIRE_OK && *found ? qr_schema_changed(txn, err) : status;
}
