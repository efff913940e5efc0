/*
 * The catalog tree and everything that it names: its entries against each
 * other, then the pages of each object.
 *
 * Entries are visited one by one with a cursor, and only if the tree's own
 * check has found nothing: a walk over a sound tree ends. Memory is one object
 * at a time.
 */
#include <string.h>

#include "catalog/catalog_format.h"
#include "catalog/object.h"
#include "catalog/record.h"
#include "engine/inspect_internal.h"
#include "engine/table_view.h"
#include "engine/trigger.h"

/* The walk over the entries. */
struct catalog_walk {
    struct qr_inspection *inspection;
    struct qr_tree_reader reader; /* for lookups beside the walk */
    struct qr_arena arena;        /* of one entry */
    uint32_t page;                /* of the entry */
    uint32_t largest_id;
    uint64_t next_id; /* 0 = none seen */
};

static void complain(struct catalog_walk *walk, enum qr_inspect_code code, const char *object,
                     const char *message)
{
    struct qr_inspection *inspection = walk->inspection;
    uint64_t offset = (uint64_t)walk->page * inspection->page_size;
    qr_report_issue(inspection->report, code, walk->page, offset, object, "%s", message);
}

/* Damage to an entry is to be reported; anything else ends the inspection. */
static quire_status unless_damage(quire_status status)
{
    return status == QUIRE_CORRUPT ? QUIRE_OK : status;
}

/* ---- Objects against names and owners ---- */

static quire_status check_name(struct catalog_walk *walk, const struct qr_object *object,
                               quire_error *err)
{
    struct qr_object *named = NULL;
    bool found = false;
    quire_status status = qr_catalog_find(walk->inspection->view, object->kind, object->name,
                                          strlen(object->name), &walk->arena, &named, &found, err);
    if (status == QUIRE_CORRUPT || (status == QUIRE_OK && (!found || named->id != object->id))) {
        complain(walk, QR_INSPECT_CATALOG_NAME, object->name,
                 "the object's name does not lead to it");
    }
    return unless_damage(status);
}

static quire_status has_owned_entry(struct catalog_walk *walk, const struct qr_object *object,
                                    bool *found, quire_error *err)
{
    uint8_t key[9] = {QR_CATALOG_KEY_OWNED};
    struct qr_tree_key wanted = {.bytes = key, .size = sizeof key};
    struct qr_slice payload;
    qr_store32_be(key + 1, object->owner);
    qr_store32_be(key + 5, object->id);
    return qr_tree_find(&walk->reader, &wanted, &payload, found, err);
}

static quire_status find_id(struct catalog_walk *walk, uint32_t id, struct qr_object **object,
                            bool *found, quire_error *err)
{
    quire_status status =
        qr_catalog_find_id(walk->inspection->view, id, &walk->arena, object, found, err);
    *found = status == QUIRE_OK && *found;
    return unless_damage(status);
}

bool qr_inspection_fits(const struct qr_inspection *inspection, const struct qr_object *index,
                        const struct qr_object *table)
{
    struct qr_index_def def;
    struct qr_arena arena;
    qr_arena_init(&arena, inspection->allocator, 0);
    bool fits = qr_index_define(index, table, &arena, &def, NULL) != QUIRE_CORRUPT;
    qr_arena_free(&arena);
    return fits;
}

static quire_status check_trigger(struct catalog_walk *walk, const struct qr_object *object,
                                  quire_error *err)
{
    quire_trigger_def def;
    quire_status status = qr_trigger_decode(object, &walk->arena, &def, err);
    if (status == QUIRE_CORRUPT) {
        complain(walk, QR_INSPECT_CATALOG_TRIGGER, object->name,
                 "the definition of the trigger is malformed");
    }
    return unless_damage(status);
}

static quire_status check_view(struct catalog_walk *walk, const struct qr_object *object,
                               const struct qr_object *owner, quire_error *err)
{
    struct qr_table_view *view;
    quire_status status = qr_table_view_decode(object, owner, &walk->arena, &view, err);
    if (status == QUIRE_CORRUPT) {
        complain(walk, QR_INSPECT_CATALOG_VIEW, object->name,
                 "the definition of the view is malformed or does not fit its table");
    }
    return unless_damage(status);
}

static quire_status check_owner(struct catalog_walk *walk, const struct qr_object *object,
                                quire_error *err)
{
    struct qr_object *owner = NULL;
    bool found = false;
    bool listed = false;
    bool owned = object->kind == QR_OBJECT_INDEX || object->kind == QR_OBJECT_TRIGGER ||
                 object->kind == QR_OBJECT_VIEW;
    if (!owned && object->owner == 0) {
        return QUIRE_OK;
    }
    QR_TRY(find_id(walk, object->owner, &owner, &found, err));
    if (!owned || !found || owner->kind != QR_OBJECT_TABLE) {
        complain(walk, QR_INSPECT_CATALOG_OWNER, object->name,
                 "the object belongs to a table that does not exist");
        return QUIRE_OK;
    }
    QR_TRY(has_owned_entry(walk, object, &listed, err));
    if (!listed) {
        complain(walk, QR_INSPECT_CATALOG_OWNER, object->name,
                 "the object is not listed with the table that it belongs to");
    }
    if (object->kind == QR_OBJECT_INDEX && !qr_inspection_fits(walk->inspection, object, owner)) {
        complain(walk, QR_INSPECT_CATALOG_COLUMN, object->name,
                 "the definition of the index does not fit its table");
    }
    if (object->kind == QR_OBJECT_VIEW) {
        return check_view(walk, object, owner, err);
    }
    return object->kind == QR_OBJECT_TRIGGER ? check_trigger(walk, object, err) : QUIRE_OK;
}

static quire_status check_gap(struct catalog_walk *walk, const struct qr_object *object,
                              quire_error *err)
{
    struct qr_gap gap;
    quire_status status =
        object->building ? qr_catalog_gap(walk->inspection->view, object->id, &gap, err) : QUIRE_OK;
    if (status == QUIRE_CORRUPT) {
        complain(walk, QR_INSPECT_CATALOG_ENTRY, object->name,
                 "nothing says how far the index is built");
    }
    return unless_damage(status);
}

/* ---- Pages of objects ---- */

static quire_status add_tree_facts(struct qr_inspection *inspection, const struct qr_tree *tree,
                                   quire_error *err)
{
    quire_report *report = inspection->report;
    struct qr_tree_stats stats;
    QR_TRY(qr_tree_get_stats(tree, &stats, err));
    qr_fact_number(report, "entries", stats.entries);
    qr_fact_number(report, "depth", stats.depth);
    qr_fact_number(report, "leafPages", stats.leaf_pages);
    qr_fact_number(report, "innerPages", stats.inner_pages);
    qr_fact_number(report, "overflowPages", stats.overflow_pages);
    qr_fact_number(report, "overflowBytes", stats.overflow_bytes);
    qr_fact_percent(report, "fillPercent", stats.leaf_bytes,
                    stats.leaf_pages * inspection->page_size);
    return QUIRE_OK;
}

static quire_status check_tree_object(struct qr_inspection *inspection,
                                      const struct qr_object *object, bool list, quire_error *err)
{
    struct qr_tree tree =
        qr_inspection_tree_of(inspection, object->root, object->id, qr_object_tree_kind(object));
    bool sound;
    QR_TRY(qr_inspection_tree(inspection, &tree, object->name, &sound, err));
    if (!sound) {
        return QUIRE_OK;
    }
    if (list) {
        QR_TRY(add_tree_facts(inspection, &tree, err));
    }
    return object->kind == QR_OBJECT_TABLE ? qr_inspection_rows(inspection, object, err) : QUIRE_OK;
}

static quire_status check_object_pages(struct qr_inspection *inspection,
                                       const struct qr_object *object, bool list, quire_error *err)
{
    if (qr_object_is_hash(object)) {
        uint64_t entries = 0;
        bool sound;
        QR_TRY(qr_inspection_hash(inspection, object, &sound, &entries, err));
        if (list && sound) {
            qr_fact_number(inspection->report, "entries", entries);
        }
        return QUIRE_OK;
    }
    return check_tree_object(inspection, object, list, err);
}

static quire_status check_pages_of(struct qr_inspection *inspection, const struct qr_object *object,
                                   quire_error *err)
{
    quire_report *report = inspection->report;
    bool has_pages = qr_object_is_tree(object) || object->kind == QR_OBJECT_INDEX;
    if (!has_pages || !qr_inspection_root(inspection, object)) {
        return QUIRE_OK;
    }
    bool list = inspection->listed++ < QR_REPORT_LIST_MAX;
    if (list) {
        bool hash = qr_object_is_hash(object);
        qr_fact_open(report, NULL);
        qr_fact_text(report, "name", object->name);
        qr_fact_text(report, "kind", hash ? "hash index" : qr_object_kind_name(object->kind));
        qr_fact_number(report, "id", object->id);
        qr_fact_number(report, "root", object->root);
    }
    quire_status status = check_object_pages(inspection, object, list, err);
    if (list) {
        qr_fact_close(report);
    }
    return status;
}

/* ---- Entries ---- */

static quire_status on_object(struct catalog_walk *walk, const struct qr_tree_key *key,
                              struct qr_slice payload, quire_error *err)
{
    struct qr_inspection *inspection = walk->inspection;
    quire_error detail = QUIRE_ERROR_INIT;
    struct qr_object *object = NULL;
    uint32_t id = qr_load32_be((const uint8_t *)key->bytes + 1);
    walk->largest_id = id > walk->largest_id ? id : walk->largest_id;
    quire_status status = qr_object_decode(payload, id, &walk->arena, &object, &detail);
    if (status == QUIRE_CORRUPT) {
        inspection->hidden = true;
        complain(walk, QR_INSPECT_CATALOG_OBJECT, NULL, detail.message);
        return QUIRE_OK;
    }
    if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = detail;
        }
        return status;
    }
    QR_TRY(check_name(walk, object, err));
    QR_TRY(check_owner(walk, object, err));
    QR_TRY(check_gap(walk, object, err));
    return check_pages_of(inspection, object, err);
}

/* Whether the object's name begins as the name key says. */
static bool name_agrees(const struct qr_tree_key *key, const struct qr_object *object)
{
    size_t size = strlen(object->name);
    size_t kept = size < QR_NAME_KEY_MAX ? size : QR_NAME_KEY_MAX;
    size_t expected = 2 + kept + (size > QR_NAME_KEY_MAX ? 4 : 0);
    return key->size == expected &&
           memcmp((const uint8_t *)key->bytes + 2, object->name, kept) == 0;
}

static bool record_id(struct qr_slice payload, uint32_t *id)
{
    quire_value value;
    if (quire_record_column(payload.data, payload.size, 0, &value, NULL) != QUIRE_OK ||
        value.type != QUIRE_INT || value.as.integer <= 0 || value.as.integer > UINT32_MAX) {
        return false;
    }
    *id = (uint32_t)value.as.integer;
    return true;
}

static quire_status on_name(struct catalog_walk *walk, const struct qr_tree_key *key,
                            struct qr_slice payload, quire_error *err)
{
    struct qr_object *object = NULL;
    uint32_t id = 0;
    bool found = false;
    if (record_id(payload, &id)) {
        QR_TRY(find_id(walk, id, &object, &found, err));
    }
    if (!found || !name_agrees(key, object)) {
        complain(walk, QR_INSPECT_CATALOG_NAME, found ? object->name : NULL,
                 "a name leads to no object of that name");
    }
    return QUIRE_OK;
}

static quire_status on_owned(struct catalog_walk *walk, const struct qr_tree_key *key,
                             quire_error *err)
{
    struct qr_object *object = NULL;
    bool found = false;
    uint32_t owner = qr_load32_be((const uint8_t *)key->bytes + 1);
    QR_TRY(find_id(walk, qr_load32_be((const uint8_t *)key->bytes + 5), &object, &found, err));
    if (!found || object->owner != owner) {
        complain(walk, QR_INSPECT_CATALOG_OWNER, found ? object->name : NULL,
                 "a table lists an object that does not belong to it");
    }
    return QUIRE_OK;
}

/* A gap belongs to an index that is being built; check_gap asks whether such an index has one. */
static quire_status on_gap(struct catalog_walk *walk, const struct qr_tree_key *key,
                           quire_error *err)
{
    struct qr_object *object = NULL;
    bool found = false;
    QR_TRY(find_id(walk, qr_load32_be((const uint8_t *)key->bytes + 1), &object, &found, err));
    if (!found || !object->building) {
        complain(walk, QR_INSPECT_CATALOG_ENTRY, found ? object->name : NULL,
                 "there is a gap of an index that is not being built");
    }
    return QUIRE_OK;
}

static quire_status on_entry(struct catalog_walk *walk, const struct qr_tree_key *key,
                             struct qr_slice payload, quire_error *err)
{
    uint8_t kind = key->size > 0 ? *(const uint8_t *)key->bytes : UINT8_MAX;
    uint32_t id = 0;
    if (kind == QR_CATALOG_KEY_NEXT && key->size == 1 && record_id(payload, &id)) {
        walk->next_id = id;
        return QUIRE_OK;
    }
    if (kind == QR_CATALOG_KEY_OBJECT && key->size == 5) {
        return on_object(walk, key, payload, err);
    }
    if (kind == QR_CATALOG_KEY_NAME && key->size > 2) {
        return on_name(walk, key, payload, err);
    }
    if (kind == QR_CATALOG_KEY_OWNED && key->size == 9) {
        return on_owned(walk, key, err);
    }
    if (kind == QR_CATALOG_KEY_GAP && key->size == 5) {
        return on_gap(walk, key, err);
    }
    complain(walk, QR_INSPECT_CATALOG_ENTRY, NULL, "an entry of the catalog is malformed");
    return QUIRE_OK;
}

/* ---- The walk ---- */

static quire_status walk_entries(struct catalog_walk *walk, const struct qr_tree *tree,
                                 quire_error *err)
{
    struct qr_tree_cursor *cursor;
    bool valid = false;
    QR_TRY(qr_tree_cursor_open(tree, &cursor, err));
    quire_status status = qr_tree_cursor_first(cursor, &valid, err);
    while (status == QUIRE_OK && valid) {
        struct qr_tree_key key;
        struct qr_slice payload;
        walk->page = qr_tree_cursor_page(cursor);
        QR_TRY_GOTO(status, qr_tree_cursor_key(cursor, &key, err), done);
        QR_TRY_GOTO(status, qr_tree_cursor_payload(cursor, &payload, err), done);
        QR_TRY_GOTO(status, on_entry(walk, &key, payload, err), done);
        qr_arena_reset(&walk->arena);
        status = qr_tree_cursor_next(cursor, &valid, err);
    }
done:
    qr_tree_cursor_close(cursor);
    return status;
}

static quire_status check_entries(struct qr_inspection *inspection, const struct qr_tree *tree,
                                  quire_error *err)
{
    struct catalog_walk walk = {.inspection = inspection};
    QR_TRY(qr_tree_reader_init(&walk.reader, tree, err));
    qr_arena_init(&walk.arena, inspection->allocator, 0);
    qr_fact_open_list(inspection->report, "trees");
    quire_status status = walk_entries(&walk, tree, err);
    qr_fact_close(inspection->report);
    if (inspection->listed > QR_REPORT_LIST_MAX) {
        qr_fact_number(inspection->report, "treesNotListed",
                       inspection->listed - QR_REPORT_LIST_MAX);
    }
    qr_arena_free(&walk.arena);
    qr_tree_reader_free(&walk.reader);
    walk.page = QR_PAGE_NUMBER_CATALOG;
    if (status == QUIRE_OK && walk.next_id <= walk.largest_id &&
        (walk.next_id != 0 || walk.largest_id != 0)) {
        complain(&walk, QR_INSPECT_CATALOG_NEXT_ID, NULL,
                 "the next object number is missing or not above all given ones");
    }
    return status;
}

/* A new database has a blank page in place of the catalog. */
static quire_status is_blank(struct qr_inspection *inspection, bool *blank, quire_error *err)
{
    const uint8_t *page;
    qr_view_enter(inspection->view);
    quire_status status = qr_view_page(inspection->view, QR_PAGE_NUMBER_CATALOG, &page, err);
    *blank = status == QUIRE_OK && qr_page_type(page) == QR_PAGE_TYPE_NONE;
    qr_view_leave(inspection->view);
    return status;
}

/* Checks the structure of the catalog's tree; *usable when its entries may be walked. */
static quire_status open_catalog(struct qr_inspection *inspection, struct qr_tree *tree,
                                 bool *usable, quire_error *err)
{
    bool blank = false;
    *usable = false;
    *tree =
        qr_inspection_tree_of(inspection, QR_PAGE_NUMBER_CATALOG, QR_CATALOG_TREE_ID, QR_TREE_KEYS);
    QR_TRY(unless_damage(is_blank(inspection, &blank, err)));
    if (blank) {
        (void)qr_inspection_take(inspection, QR_PAGE_NUMBER_CATALOG, QR_CATALOG_TREE_ID);
        return QUIRE_OK;
    }
    return qr_inspection_tree(inspection, tree, "catalog", usable, err);
}

quire_status qr_inspection_catalog(struct qr_inspection *inspection, quire_error *err)
{
    struct qr_tree tree;
    bool usable;
    QR_TRY(open_catalog(inspection, &tree, &usable, err));
    return usable ? check_entries(inspection, &tree, err) : QUIRE_OK;
}

/* ---- Objects for the index inspection ---- */

static quire_status visit_objects(struct qr_inspection *inspection, struct qr_tree_cursor *cursor,
                                  qr_object_visit visit, void *context, struct qr_arena *arena,
                                  quire_error *err)
{
    static const uint8_t first[1] = {QR_CATALOG_KEY_OBJECT};
    struct qr_tree_key key = {.bytes = first, .size = 1};
    bool valid;
    QR_TRY(qr_tree_cursor_seek(cursor, &key, &valid, err));
    while (valid) {
        struct qr_slice payload;
        struct qr_object *object;
        QR_TRY(qr_tree_cursor_key(cursor, &key, err));
        const uint8_t *bytes = key.bytes;
        if (key.size != 5 || bytes[0] != QR_CATALOG_KEY_OBJECT) {
            return QUIRE_OK;
        }
        uint32_t id = qr_load32_be(bytes + 1);
        QR_TRY(qr_tree_cursor_payload(cursor, &payload, err));
        quire_status status = qr_object_decode(payload, id, arena, &object, err);
        if (status == QUIRE_OK) {
            status = visit(context, object, err);
        } else if (status == QUIRE_CORRUPT) {
            uint32_t page = qr_tree_cursor_page(cursor);
            qr_report_issue(inspection->report, QR_INSPECT_CATALOG_OBJECT, page,
                            (uint64_t)page * inspection->page_size, NULL, NULL);
        }
        QR_TRY(unless_damage(status));
        qr_arena_reset(arena);
        QR_TRY(qr_tree_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

quire_status qr_inspection_each_object(struct qr_inspection *inspection, qr_object_visit visit,
                                       void *context, quire_error *err)
{
    struct qr_tree_cursor *cursor;
    struct qr_arena arena;
    struct qr_tree tree;
    bool usable;
    QR_TRY(open_catalog(inspection, &tree, &usable, err));
    if (!usable) {
        return QUIRE_OK;
    }
    QR_TRY(qr_tree_cursor_open(&tree, &cursor, err));
    qr_arena_init(&arena, inspection->allocator, 0);
    quire_status status = visit_objects(inspection, cursor, visit, context, &arena, err);
    qr_arena_free(&arena);
    qr_tree_cursor_close(cursor);
    return status;
}
