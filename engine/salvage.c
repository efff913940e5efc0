/*
 * Salvage: what is readable of a damaged database becomes a new one.
 *
 * Every page is read once. Those that fail are counted; of the leaves of trees
 * it is noted which tree they belong to. A tree that
 * checks sound is copied by walking it. One that does not is put together from
 * its leaves, wherever they lie, the newest first, so that of two images of a
 * row the newer stays; leaves on pages that the free map calls free are left
 * out: they hold what was deleted. Indexes are built from the rows.
 *
 * Nothing is taken that its page's checksum does not vouch for, unless the
 * identity that seeds the checksums is lost altogether (salvage_source.c). The
 * new database is made like any replacement: it has its name when it is whole.
 */
#include "engine/salvage.h"
#include "engine/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_format.h"
#include "catalog/object.h"
#include "engine/engine_internal.h"
#include "pager/page_format.h"

/* What one transaction of the new database holds. */
#define COMMIT_BYTES ((size_t)4 << 20)

/* A leaf page of a tree. */
struct leaf {
    uint32_t tree;
    uint32_t page;
    uint64_t lsn;
    uint8_t type;
};

struct salvage {
    const quire_allocator *allocator;
    struct qr_view *from;
    quire_db *to;
    quire_txn *txn; /* of `to`; NULL between two */
    size_t pending; /* bytes written in it */
    struct leaf *leaves;
    size_t leaf_count, leaf_capacity;
    uint32_t *hash_ids; /* of hash indexes, whose lists of rowids look like row trees */
    size_t hash_count, hash_capacity;
    struct qr_object_list objects;
    bool catalog_whole;
    quire_salvage_callback each;
    void *context;
    quire_salvage_summary summary;
};

/* The object that is being copied. */
struct target {
    struct salvage *salvage;
    struct qr_object object; /* in the new database */
    uint64_t rows;
    uint64_t lost;
};

/* ---- Transactions of the new database ---- */

static quire_status begin(struct salvage *s, quire_error *err)
{
    s->pending = 0;
    return quire_begin(s->to, QUIRE_WRITE, &s->txn, err);
}

static quire_status commit(struct salvage *s, quire_error *err)
{
    quire_txn *txn = s->txn;
    s->txn = NULL;
    return quire_commit(txn, err);
}

static void tell(struct salvage *s, const quire_salvaged *object)
{
    s->summary.rows += object->rows;
    if (s->each != NULL) {
        s->each(s->context, object);
    }
}

/* ---- Pages ---- */

static quire_status add_hash_id(struct salvage *s, uint32_t id, quire_error *err)
{
    for (size_t i = 0; i < s->hash_count; i++) {
        if (s->hash_ids[i] == id) {
            return QUIRE_OK;
        }
    }
    QR_TRY(qr_grow(s->allocator, &s->hash_ids, &s->hash_capacity, s->hash_count + 1,
                   sizeof *s->hash_ids, err));
    s->hash_ids[s->hash_count++] = id;
    return QUIRE_OK;
}

static bool is_hash_id(const struct salvage *s, uint32_t id)
{
    for (size_t i = 0; i < s->hash_count; i++) {
        if (s->hash_ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* Notes what a page tells by itself. */
static quire_status note_page(struct salvage *s, uint32_t number, const uint8_t *page,
                              quire_error *err)
{
    uint8_t type = page[QR_PAGE_TYPE];
    uint32_t tree = qr_page_tree(page);
    if (type == QR_PAGE_TYPE_HASH_DIRECTORY || type == QR_PAGE_TYPE_HASH_BUCKET) {
        return add_hash_id(s, tree, err);
    }
    if (type != QR_PAGE_TYPE_ROW_LEAF && type != QR_PAGE_TYPE_KEY_LEAF) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(s->allocator, &s->leaves, &s->leaf_capacity, s->leaf_count + 1,
                   sizeof *s->leaves, err));
    s->leaves[s->leaf_count++] = (struct leaf){tree, number, qr_page_lsn(page), type};
    return QUIRE_OK;
}

static quire_status scan_page(struct salvage *s, uint32_t number, quire_error *err)
{
    const uint8_t *page;
    bool is_free = false;
    quire_error error = QUIRE_ERROR_INIT;
    if (qr_view_page_is_free(s->from, number, &is_free, NULL) == QUIRE_OK && is_free) {
        return QUIRE_OK;
    }
    qr_view_enter(s->from);
    quire_status status = qr_view_page(s->from, number, &page, &error);
    if (status == QUIRE_OK) {
        status = note_page(s, number, page, err);
    } else if (status == QUIRE_CORRUPT || status == QUIRE_IO) {
        s->summary.pages_lost++;
        status = QUIRE_OK;
    } else {
        status = qr_fail(err, status, "%s", error.message);
    }
    qr_view_leave(s->from);
    return status;
}

/* By tree, the newest first. */
static int compare_leaves(const void *a, const void *b)
{
    const struct leaf *left = a;
    const struct leaf *right = b;
    if (left->tree != right->tree) {
        return left->tree < right->tree ? -1 : 1;
    }
    if (left->lsn != right->lsn) {
        return left->lsn > right->lsn ? -1 : 1;
    }
    return (left->page > right->page) - (left->page < right->page);
}

static quire_status scan_pages(struct salvage *s, quire_error *err)
{
    uint32_t pages = qr_view_page_count(s->from);
    s->summary.pages = pages;
    for (uint32_t i = 0; i < pages; i++) {
        QR_TRY(scan_page(s, i, err));
    }
    if (s->leaf_count > 1) {
        qsort(s->leaves, s->leaf_count, sizeof *s->leaves, compare_leaves);
    }
    return QUIRE_OK;
}

/* The leaves of a tree: *end is behind the last. */
static size_t find_leaves(const struct salvage *s, uint32_t tree, size_t *end)
{
    size_t first = 0;
    while (first < s->leaf_count && s->leaves[first].tree < tree) {
        first++;
    }
    *end = first;
    while (*end < s->leaf_count && s->leaves[*end].tree == tree) {
        ++*end;
    }
    return first;
}

/* ---- The catalog ---- */

static void note_issue(void *context, const char *code, uint32_t page, uint32_t offset,
                       const char *message)
{
    bool *sound = context;
    (void)code;
    (void)page;
    (void)offset;
    (void)message;
    *sound = false;
}

static bool owns_page(void *context, uint32_t page, uint32_t tree_id)
{
    (void)context;
    (void)page;
    (void)tree_id;
    return true;
}

static quire_status is_sound(const struct qr_tree *tree, bool *sound, quire_error *err)
{
    *sound = true;
    quire_status status = qr_tree_check(tree, note_issue, owns_page, sound, err);
    if (status == QUIRE_CORRUPT || status == QUIRE_IO) {
        *sound = false;
        return QUIRE_OK;
    }
    return status;
}

/* Takes an object from an entry of a catalog leaf. */
static quire_status take_object(void *context, const struct qr_tree_key *key,
                                const struct qr_slice *payload, quire_error *err)
{
    struct salvage *s = context;
    struct qr_object_list *list = &s->objects;
    const uint8_t *bytes = key == NULL ? NULL : key->bytes;
    struct qr_object *object;
    if (bytes == NULL || key->size != 5 || bytes[0] != QR_CATALOG_KEY_OBJECT) {
        return QUIRE_OK;
    }
    uint32_t id = qr_load32_be(bytes + 1);
    if (payload == NULL) {
        s->summary.objects_lost++;
        return QUIRE_OK;
    }
    quire_status status = qr_object_decode(*payload, id, &list->arena, &object, err);
    if (status != QUIRE_OK) {
        s->summary.objects_lost += status == QUIRE_CORRUPT;
        return status == QUIRE_CORRUPT ? QUIRE_OK : status;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->objects[i]->id == id) {
            return QUIRE_OK; /* from a newer leaf */
        }
    }
    QR_TRY(qr_grow(list->allocator, &list->objects, &list->capacity, list->count + 1,
                   sizeof(struct qr_object *), err));
    list->objects[list->count++] = object;
    return QUIRE_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const struct qr_object *const *left = a;
    const struct qr_object *const *right = b;
    return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

static quire_status read_catalog_leaves(struct salvage *s, const struct qr_tree *catalog,
                                        quire_error *err)
{
    size_t end;
    qr_object_list_free(&s->objects);
    s->objects.allocator = s->allocator;
    qr_arena_init(&s->objects.arena, s->allocator, 0);
    for (size_t i = find_leaves(s, QR_CATALOG_TREE_ID, &end); i < end; i++) {
        quire_status status = qr_tree_read_leaf(catalog, s->leaves[i].page, take_object, s, err);
        if (status != QUIRE_OK && status != QUIRE_CORRUPT) {
            return status;
        }
    }
    if (s->objects.count > 1) {
        qsort(s->objects.objects, s->objects.count, sizeof *s->objects.objects, compare_ids);
    }
    return QUIRE_OK;
}

static quire_status is_blank(struct qr_view *view, bool *blank)
{
    const uint8_t *page;
    qr_view_enter(view);
    quire_status status = qr_view_page(view, QR_PAGE_NUMBER_CATALOG, &page, NULL);
    *blank = status == QUIRE_OK && qr_page_type(page) == QR_PAGE_TYPE_NONE;
    qr_view_leave(view);
    return status;
}

static quire_status read_catalog(struct salvage *s, quire_error *err)
{
    struct qr_tree catalog = {.view = s->from,
                              .root = QR_PAGE_NUMBER_CATALOG,
                              .id = QR_CATALOG_TREE_ID,
                              .kind = QR_TREE_KEYS};
    bool blank;
    if (is_blank(s->from, &blank) == QUIRE_OK && blank) {
        s->catalog_whole = true;
        s->objects.allocator = s->allocator;
        qr_arena_init(&s->objects.arena, s->allocator, 0);
        return QUIRE_OK;
    }
    QR_TRY(is_sound(&catalog, &s->catalog_whole, err));
    if (s->catalog_whole) {
        s->catalog_whole = qr_object_list_read(&s->objects, s->from, NULL) == QUIRE_OK;
    }
    s->summary.catalog_lost = !s->catalog_whole;
    return s->catalog_whole ? QUIRE_OK : read_catalog_leaves(s, &catalog, err);
}

/* ---- Rows ---- */

static quire_status put_row(struct target *t, const struct qr_tree_key *key,
                            const struct qr_slice *payload, quire_error *err)
{
    struct salvage *s = t->salvage;
    struct qr_tree to = qr_object_tree(&t->object, qr_txn_pages(s->txn));
    bool existed;
    uint32_t columns;
    if (t->object.kind == QR_OBJECT_TABLE &&
        quire_record_check(payload->data, payload->size, &columns, NULL) != QUIRE_OK) {
        t->lost++;
        return QUIRE_OK;
    }
    QR_TRY(qr_tree_put(&to, key, payload->data, payload->size, QR_PUT_INSERT, &existed, err));
    t->rows += !existed;
    s->pending += payload->size + key->size + sizeof key->rowid;
    if (s->pending < COMMIT_BYTES) {
        return QUIRE_OK;
    }
    QR_TRY(commit(s, err));
    return begin(s, err);
}

static quire_status take_row(void *context, const struct qr_tree_key *key,
                             const struct qr_slice *payload, quire_error *err)
{
    struct target *t = context;
    if (key == NULL || payload == NULL) {
        t->lost++;
        return QUIRE_OK;
    }
    return put_row(t, key, payload, err);
}

static quire_status copy_leaves(struct target *t, const struct qr_tree *from, quire_error *err)
{
    struct salvage *s = t->salvage;
    size_t end;
    for (size_t i = find_leaves(s, from->id, &end); i < end; i++) {
        quire_status status = qr_tree_read_leaf(from, s->leaves[i].page, take_row, t, err);
        if (status != QUIRE_OK &&
            (status != QUIRE_CORRUPT || s->txn == NULL || qr_txn_given_up(s->txn))) {
            return status;
        }
    }
    return QUIRE_OK;
}

static quire_status copy_walk(struct target *t, const struct qr_tree *from, quire_error *err)
{
    struct qr_tree_cursor *cursor;
    bool valid;
    QR_TRY(qr_tree_cursor_open(from, &cursor, err));
    quire_status status = qr_tree_cursor_first(cursor, &valid, err);
    while (status == QUIRE_OK && valid) {
        struct qr_tree_key key;
        struct qr_slice payload;
        QR_TRY_GOTO(status, qr_tree_cursor_key(cursor, &key, err), done);
        QR_TRY_GOTO(status, qr_tree_cursor_payload(cursor, &payload, err), done);
        QR_TRY_GOTO(status, put_row(t, &key, &payload, err), done);
        status = qr_tree_cursor_next(cursor, &valid, err);
    }
done:
    qr_tree_cursor_close(cursor);
    return status;
}

/* ---- Trees and tables ---- */

static bool holds_data(const struct qr_object *object)
{
    return object->kind != QR_OBJECT_INDEX && qr_object_is_tree(object);
}

static void tell_tree(const struct target *t, bool sound, uint64_t expected)
{
    char note[120] = "";
    const char *lost_all = "its definition is lost: its records come as they were stored";
    bool recovered = strncmp(t->object.name, "recovered_", 10) == 0 && expected == UINT64_MAX;
    quire_salvaged told = {.name = t->object.name,
                           .kind = qr_object_kind_name(t->object.kind),
                           .rows = t->rows,
                           .rows_expected = expected,
                           .rows_lost = t->lost,
                           .note = note};
    if (expected != UINT64_MAX && expected > t->rows) {
        told.rows_lost = expected - t->rows;
    }
    if (told.rows_lost > 0) {
        (void)snprintf(note, sizeof note, "%llu rows are lost", (unsigned long long)told.rows_lost);
    } else if (recovered) {
        told.note = lost_all;
    } else if (!sound && expected == UINT64_MAX) {
        told.note = "its root is unreadable: how many rows are lost is not known";
    } else if (!sound) {
        told.note = "put together from its leaves";
    }
    tell(t->salvage, &told);
}

/* Whether a sound count of the tree's rows is to be had. */
static uint64_t count_rows(const struct qr_tree *from)
{
    uint64_t rows;
    return from->root != 0 && qr_tree_count(from, &rows, NULL) == QUIRE_OK ? rows : UINT64_MAX;
}

/* Makes a tree or table with the old id and fills it. `root` 0: only leaves are known. */
static quire_status copy_tree(struct salvage *s, const struct qr_object *object, quire_error *err)
{
    struct target t = {.salvage = s, .object = *object};
    struct qr_tree from = qr_object_tree(object, s->from);
    struct qr_tree made;
    uint64_t expected = count_rows(&from);
    bool sound = false;
    if (from.root != 0) {
        QR_TRY(is_sound(&from, &sound, err));
    }
    QR_TRY(begin(s, err));
    struct qr_txn *txn = s->txn->txn;
    QR_TRY(qr_catalog_set_next_id(txn, object->id, err));
    QR_TRY(qr_tree_create(txn, from.kind, object->id, 0, &made, err));
    t.object.root = made.root;
    QR_TRY(qr_catalog_add(txn, &t.object, err));
    QR_TRY(sound ? copy_walk(&t, &from, err) : copy_leaves(&t, &from, err));
    QR_TRY(commit(s, err));
    tell_tree(&t, sound, expected);
    return QUIRE_OK;
}

/* Trees whose object is lost with the catalog. */
static quire_status copy_orphans(struct salvage *s, quire_error *err)
{
    uint32_t last = QR_CATALOG_TREE_ID;
    for (size_t i = 0; i < s->leaf_count && !s->catalog_whole; i++) {
        uint32_t id = s->leaves[i].tree;
        if (id <= last || s->leaves[i].type != QR_PAGE_TYPE_ROW_LEAF) {
            continue; /* a key tree may as well be an index, which is made of rows */
        }
        last = id;
        if (qr_object_list_find(&s->objects, id) != NULL || is_hash_id(s, id)) {
            continue;
        }
        char name[32];
        (void)snprintf(name, sizeof name, "recovered_%lu", (unsigned long)id);
        struct qr_object object = {.kind = QR_OBJECT_TREE, .id = id, .name = name};
        QR_TRY(copy_tree(s, &object, err));
    }
    return QUIRE_OK;
}

/* ---- The rest ---- */

/* Views and triggers are nothing without their table; texts stand alone. */
static quire_status copy_text(struct salvage *s, const struct qr_object *object, quire_error *err)
{
    const struct qr_object *owner = qr_object_list_find(&s->objects, object->owner);
    struct qr_object made = *object;
    if (object->kind == QR_OBJECT_TEXT) {
        made.owner = 0;
    } else if (owner == NULL || owner->kind != QR_OBJECT_TABLE) {
        s->summary.objects_lost++;
        tell(s, &(quire_salvaged){.name = object->name,
                                  .kind = qr_object_kind_name(object->kind),
                                  .rows_expected = UINT64_MAX,
                                  .note = "left out: its table is lost"});
        return QUIRE_OK;
    }
    QR_TRY(begin(s, err));
    QR_TRY(qr_catalog_set_next_id(s->txn->txn, object->id, err));
    QR_TRY(qr_catalog_add(s->txn->txn, &made, err));
    return commit(s, err);
}

static quire_status create_index(struct salvage *s, const struct qr_object *object,
                                 const char *table, const quire_index_def *def, quire_error *err)
{
    QR_TRY(begin(s, err));
    QR_TRY(qr_catalog_set_next_id(s->txn->txn, object->id, err));
    quire_status status = quire_index_create(s->txn, table, def, err);
    if (status == QUIRE_OK) {
        return commit(s, err);
    }
    quire_rollback(s->txn);
    s->txn = NULL;
    return status;
}

/* Builds an index from the rows, without uniqueness if they break it. */
static quire_status try_index(struct salvage *s, const struct qr_object *object,
                              const struct qr_object *table, quire_index_def *def, char *note,
                              size_t note_size, quire_error *err)
{
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = create_index(s, object, table->name, def, &error);
    if (status == QUIRE_UNIQUE) {
        (void)snprintf(note, note_size, "built without uniqueness: %.200s", error.message);
        def->unique = false;
        status = create_index(s, object, table->name, def, &error);
    } else if (status == QUIRE_UNKNOWN_NAME) {
        (void)snprintf(note, note_size, "not built: %.200s", error.message);
        s->summary.objects_lost++;
        status = QUIRE_OK;
    }
    if (status != QUIRE_OK && err != NULL) {
        *err = error;
    }
    return status;
}

static quire_status build_index(struct salvage *s, const struct qr_object *object, char *note,
                                size_t note_size, quire_error *err)
{
    const struct qr_object *table = qr_object_list_find(&s->objects, object->owner);
    struct qr_arena arena;
    struct qr_index_def def;
    qr_arena_init(&arena, s->objects.allocator, 0);
    quire_status status = QUIRE_CORRUPT;
    if (table != NULL && table->kind == QR_OBJECT_TABLE) {
        status = qr_index_define(object, table, &arena, &def, err);
    }
    if (status == QUIRE_OK) {
        status = try_index(s, object, table, &def.names, note, note_size, err);
    } else if (status == QUIRE_CORRUPT) {
        (void)snprintf(note, note_size, "not built: the definition of its table is lost");
        s->summary.objects_lost++;
        status = QUIRE_OK;
    }
    qr_arena_free(&arena);
    return status;
}

static quire_status copy_index(struct salvage *s, const struct qr_object *object, quire_error *err)
{
    char note[300] = "";
    quire_salvaged told = {
        .name = object->name, .kind = "index", .rows_expected = UINT64_MAX, .note = note};
    QR_TRY(build_index(s, object, note, sizeof note, err));
    tell(s, &told);
    return QUIRE_OK;
}

static quire_status copy_objects(struct salvage *s, quire_error *err)
{
    uint32_t next_id = QR_CATALOG_TREE_ID + 1;
    for (size_t i = 0; i < s->objects.count; i++) {
        const struct qr_object *object = s->objects.objects[i];
        if (holds_data(object)) {
            QR_TRY(copy_tree(s, object, err));
        }
    }
    QR_TRY(copy_orphans(s, err));
    for (size_t i = 0; i < s->objects.count; i++) {
        const struct qr_object *object = s->objects.objects[i];
        next_id = object->id >= next_id ? object->id + 1 : next_id;
        if (object->kind == QR_OBJECT_INDEX) {
            QR_TRY(copy_index(s, object, err));
        } else if (!holds_data(object)) {
            QR_TRY(copy_text(s, object, err));
        }
    }
    for (size_t i = 0; i < s->leaf_count; i++) {
        next_id = s->leaves[i].tree >= next_id ? s->leaves[i].tree + 1 : next_id;
    }
    uint32_t counted;
    if (qr_catalog_next_id(s->from, &counted, NULL) == QUIRE_OK && counted > next_id) {
        next_id = counted;
    }
    QR_TRY(begin(s, err));
    QR_TRY(qr_catalog_set_next_id(s->txn->txn, next_id, err));
    return commit(s, err);
}

/* ---- The whole ---- */

static quire_status salvage_from(struct salvage *s, quire_db *from, quire_error *err)
{
    quire_txn *txn;
    QR_TRY(quire_begin(from, QUIRE_READ, &txn, err));
    s->from = qr_txn_pages(txn);
    qr_view_scanning(s->from, true);
    quire_status status = scan_pages(s, err);
    if (status == QUIRE_OK) {
        status = read_catalog(s, err);
    }
    if (status == QUIRE_OK) {
        status = copy_objects(s, err);
    }
    qr_view_scanning(s->from, false);
    quire_rollback(s->txn);
    quire_rollback(txn);
    qr_object_list_free(&s->objects);
    qr_free(s->allocator, s->leaves, s->leaf_capacity * sizeof *s->leaves);
    qr_free(s->allocator, s->hash_ids, s->hash_capacity * sizeof *s->hash_ids);
    return status;
}

static quire_status write_new(struct salvage *s, const struct qr_replacement *r, quire_db *from,
                              quire_error *err)
{
    uint32_t page_size = qr_pager_page_size(qr_db_pager(from));
    struct qr_file_layer *layer = r->place->layer;
    QR_TRY(qr_maintenance_open(r->place, r->new_path, QUIRE_OPEN_NEW, page_size, &s->to, err));
    quire_status status = salvage_from(s, from, err);
    quire_status closed = quire_close(s->to, status == QUIRE_OK ? err : NULL);
    QR_TRY(status);
    QR_TRY(closed);
    QR_TRY(layer->methods->remove(layer, r->new_log_path, err));
    return qr_copy_check(r->place, r->new_path, true, err);
}

static quire_status run(struct salvage *s, const struct qr_maintenance_place *place,
                        const char *damaged, struct qr_replacement *r, quire_error *err)
{
    struct qr_salvage_source source;
    char *work_path = qr_path_join(place, r->path, "-work", err);
    if (work_path == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_salvage_source_open(&source, place, damaged, work_path, err);
    if (status == QUIRE_OK) {
        s->summary.log_used = source.log_used;
        status = write_new(s, r, source.db, err);
    }
    qr_salvage_source_close(&source, place);
    qr_path_free(place, work_path);
    return status == QUIRE_OK ? qr_replacement_finish(r, err) : status;
}

quire_status qr_salvage(const struct qr_maintenance_place *place, const char *damaged,
                        const char *fresh, quire_salvage_callback each, void *context,
                        quire_salvage_summary *summary, quire_error *err)
{
    struct salvage salvage = {.allocator = place->allocator, .each = each, .context = context};
    struct qr_replacement r;
    if (summary != NULL &&
        (summary->size < sizeof summary->size || summary->size > sizeof *summary)) {
        return qr_fail(err, QUIRE_MISUSE, "summary.size is %zu; set it to its sizeof.",
                       summary->size);
    }
    quire_status status = qr_replacement_begin(&r, place, fresh, false, err);
    if (status == QUIRE_OK) {
        status = run(&salvage, place, damaged, &r, err);
    }
    qr_replacement_end(&r);
    if (status == QUIRE_OK && summary != NULL) {
        salvage.summary.size = summary->size;
        memcpy(summary, &salvage.summary, summary->size);
    }
    return status;
}

quire_status quire_salvage(const char *damaged, const char *fresh, quire_salvage_callback each,
                           void *context, quire_salvage_summary *summary, quire_error *err)
{
    if (damaged == NULL || fresh == NULL || damaged[0] == '\0' || fresh[0] == '\0') {
        return qr_fail(err, QUIRE_MISUSE, "quire_salvage needs two paths.");
    }
    struct qr_maintenance_place place = {.layer = qr_file_layer_posix(),
                                         .allocator = qr_allocator_default()};
    return qr_salvage(&place, damaged, fresh, each, context, summary, err);
}
