/*
 * The catalog tree: lookups, changes, and walks over its entries
 * (catalog_format.h has them; object.c turns objects into records and back).
 *
 * Invariants: every object has one entry under its id and one under its name;
 * an owned one also under its owner. The next id only grows. Entries that
 * contradict this are CORRUPT. One thread at a time a view.
 */
#include "catalog/catalog.h"

#include <string.h>

#include "base/bytes.h"
#include "catalog/catalog_format.h"
#include "catalog/key.h"
#include "catalog/object.h"
#include "catalog/record.h"
#include "pager/page_format.h"

#define KEY_BYTES (2 + QR_NAME_KEY_MAX + 4)

/* A catalog key under construction: as long as the longest. */
struct catalog_key {
    uint8_t bytes[KEY_BYTES];
    size_t size;
};

static struct qr_tree catalog_tree(struct qr_view *view)
{
    return (struct qr_tree){.view = view,
                            .root = QR_PAGE_NUMBER_CATALOG,
                            .id = QR_CATALOG_TREE_ID,
                            .kind = QR_TREE_KEYS};
}

static quire_status damaged(quire_error *err, const char *what)
{
    return qr_fail(err, QUIRE_CORRUPT, "The catalog is damaged: %s.", what);
}

/* ---- Keys ---- */

static void store_id(uint8_t *out, uint32_t id)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(id >> (24 - 8 * i));
    }
}

static struct catalog_key object_key(uint32_t id)
{
    struct catalog_key key = {.bytes = {QR_CATALOG_KEY_OBJECT}, .size = 5};
    store_id(key.bytes + 1, id);
    return key;
}

static struct catalog_key owned_key(uint32_t owner, uint32_t id)
{
    struct catalog_key key = {.bytes = {QR_CATALOG_KEY_OWNED}, .size = 9};
    store_id(key.bytes + 1, owner);
    store_id(key.bytes + 5, id);
    return key;
}

static enum qr_catalog_space space_of(enum qr_object_kind kind)
{
    switch (kind) {
    case QR_OBJECT_TRIGGER:
        return QR_CATALOG_SPACE_TRIGGER;
    case QR_OBJECT_TEXT:
        return QR_CATALOG_SPACE_TEXT;
    case QR_OBJECT_TREE:
    case QR_OBJECT_TABLE:
    case QR_OBJECT_VIEW:
    case QR_OBJECT_KEYS:
    case QR_OBJECT_INDEX:
        break;
    }
    return QR_CATALOG_SPACE_RELATION;
}

/* The key of a short name, or what the keys of all long names with that beginning start with. */
static struct catalog_key name_key(enum qr_object_kind kind, const char *name, size_t size)
{
    struct catalog_key key = {.bytes = {QR_CATALOG_KEY_NAME, (uint8_t)space_of(kind)}};
    size_t kept = size < QR_NAME_KEY_MAX ? size : QR_NAME_KEY_MAX;
    memcpy(key.bytes + 2, name, kept);
    key.size = 2 + kept;
    return key;
}

static struct catalog_key full_name_key(const struct qr_object *object)
{
    size_t size = strlen(object->name);
    struct catalog_key key = name_key(object->kind, object->name, size);
    if (size > QR_NAME_KEY_MAX) {
        store_id(key.bytes + key.size, object->id);
        key.size += 4;
    }
    return key;
}

static struct catalog_key gap_key(uint32_t id)
{
    struct catalog_key key = {.bytes = {QR_CATALOG_KEY_GAP}, .size = 5};
    store_id(key.bytes + 1, id);
    return key;
}

static struct qr_tree_key tree_key(const struct catalog_key *key)
{
    return (struct qr_tree_key){.bytes = key->bytes, .size = key->size};
}

/* ---- Reading ---- */

/* Reads an id that is alone in a record. */
static quire_status read_id(struct qr_slice record, uint32_t *id, quire_error *err)
{
    quire_value value;
    QR_TRY(quire_record_column(record.data, record.size, 0, &value, err));
    if (value.type != QUIRE_INT || value.as.integer <= 0 || value.as.integer > UINT32_MAX) {
        return damaged(err, "an entry holds no object id");
    }
    *id = (uint32_t)value.as.integer;
    return QUIRE_OK;
}

static quire_status find_in(struct qr_tree_reader *reader, const struct catalog_key *key,
                            struct qr_slice *payload, bool *found, quire_error *err)
{
    struct qr_tree_key wanted = tree_key(key);
    return qr_tree_find(reader, &wanted, payload, found, err);
}

/* True for the page that a new database has in place of the catalog tree. */
static quire_status is_blank(struct qr_view *view, bool *blank, quire_error *err)
{
    const uint8_t *page;
    qr_view_enter(view);
    quire_status status = qr_view_page(view, QR_PAGE_NUMBER_CATALOG, &page, err);
    if (status == QUIRE_OK) {
        *blank = qr_page_type(page) == QR_PAGE_TYPE_NONE;
    }
    qr_view_leave(view);
    return status;
}

static quire_status load_object(struct qr_tree_reader *reader, uint32_t id, struct qr_arena *arena,
                                struct qr_object **object, bool *found, quire_error *err)
{
    struct catalog_key key = object_key(id);
    struct qr_slice payload;
    QR_TRY(find_in(reader, &key, &payload, found, err));
    if (!*found) {
        return QUIRE_OK;
    }
    return qr_object_decode(payload, id, arena, object, err);
}

/* An object that another entry promises. */
static quire_status load_promised(struct qr_tree_reader *reader, uint32_t id,
                                  struct qr_arena *arena, struct qr_object **object,
                                  quire_error *err)
{
    bool found;
    QR_TRY(load_object(reader, id, arena, object, &found, err));
    return found ? QUIRE_OK : damaged(err, "a name or owner entry leads to no object");
}

/* A walk over the entries whose keys begin with `prefix`. */
struct prefix_walk {
    struct qr_tree_cursor *cursor;
    struct catalog_key prefix;
    bool started;
};

static quire_status prefix_walk_next(struct prefix_walk *walk, struct qr_tree_key *key, bool *valid,
                                     quire_error *err)
{
    if (walk->started) {
        QR_TRY(qr_tree_cursor_next(walk->cursor, valid, err));
    } else {
        struct qr_tree_key from = tree_key(&walk->prefix);
        QR_TRY(qr_tree_cursor_seek(walk->cursor, &from, valid, err));
        walk->started = true;
    }
    if (*valid) {
        QR_TRY(qr_tree_cursor_key(walk->cursor, key, err));
        *valid = key->size >= walk->prefix.size &&
                 memcmp(key->bytes, walk->prefix.bytes, walk->prefix.size) == 0;
    }
    return QUIRE_OK;
}

/* Finds a name that is longer than its key: among those with the same beginning. */
static quire_status find_long_name(struct qr_tree_reader *reader, const struct catalog_key *prefix,
                                   const char *name, size_t name_size, struct qr_arena *arena,
                                   struct qr_object **object, bool *found, quire_error *err)
{
    struct prefix_walk walk = {.prefix = *prefix};
    quire_status status = qr_tree_cursor_open(&reader->tree, &walk.cursor, err);
    *found = false;
    while (status == QUIRE_OK && !*found) {
        struct qr_tree_key key;
        struct qr_slice payload;
        uint32_t id = 0;
        bool valid;
        QR_TRY_GOTO(status, prefix_walk_next(&walk, &key, &valid, err), done);
        if (!valid) {
            break;
        }
        if (key.size == prefix->size) {
            continue; /* a name of exactly the length of the prefix */
        }
        QR_TRY_GOTO(status, qr_tree_cursor_payload(walk.cursor, &payload, err), done);
        QR_TRY_GOTO(status, read_id(payload, &id, err), done);
        QR_TRY_GOTO(status, load_promised(reader, id, arena, object, err), done);
        *found =
            strlen((*object)->name) == name_size && memcmp((*object)->name, name, name_size) == 0;
    }
done:
    qr_tree_cursor_close(walk.cursor);
    return status;
}

static quire_status find_name(struct qr_tree_reader *reader, enum qr_object_kind kind,
                              const char *name, size_t name_size, struct qr_arena *arena,
                              struct qr_object **object, bool *found, quire_error *err)
{
    struct catalog_key key = name_key(kind, name, name_size);
    if (name_size > QR_NAME_KEY_MAX) {
        return find_long_name(reader, &key, name, name_size, arena, object, found, err);
    }
    struct qr_slice payload;
    uint32_t id = 0;
    QR_TRY(find_in(reader, &key, &payload, found, err));
    if (!*found) {
        return QUIRE_OK;
    }
    QR_TRY(read_id(payload, &id, err));
    return load_promised(reader, id, arena, object, err);
}

/* Opens a reader on the catalog; *blank when there is none yet. */
static quire_status open_reader(struct qr_view *view, struct qr_tree_reader *reader, bool *blank,
                                quire_error *err)
{
    struct qr_tree tree = catalog_tree(view);
    QR_TRY(is_blank(view, blank, err));
    return *blank ? QUIRE_OK : qr_tree_reader_init(reader, &tree, err);
}

quire_status qr_catalog_find(struct qr_view *view, enum qr_object_kind kind, const char *name,
                             size_t name_size, struct qr_arena *arena, struct qr_object **object,
                             bool *found, quire_error *err)
{
    struct qr_tree_reader reader;
    bool blank;
    *found = false;
    if (name_size == 0 || name_size > QR_NAME_MAX) {
        return QUIRE_OK;
    }
    QR_TRY(open_reader(view, &reader, &blank, err));
    if (blank) {
        return QUIRE_OK;
    }
    quire_status status = find_name(&reader, kind, name, name_size, arena, object, found, err);
    qr_tree_reader_free(&reader);
    return status;
}

quire_status qr_catalog_find_id(struct qr_view *view, uint32_t id, struct qr_arena *arena,
                                struct qr_object **object, bool *found, quire_error *err)
{
    struct qr_tree_reader reader;
    bool blank;
    *found = false;
    QR_TRY(open_reader(view, &reader, &blank, err));
    if (blank) {
        return QUIRE_OK;
    }
    quire_status status = load_object(&reader, id, arena, object, found, err);
    qr_tree_reader_free(&reader);
    return status;
}

quire_status qr_catalog_next_id(struct qr_view *view, uint32_t *id, quire_error *err)
{
    struct catalog_key key = {.bytes = {QR_CATALOG_KEY_NEXT}, .size = 1};
    struct qr_tree_reader reader;
    struct qr_slice payload;
    bool blank;
    bool found;
    *id = QR_CATALOG_TREE_ID + 1;
    QR_TRY(open_reader(view, &reader, &blank, err));
    if (blank) {
        return QUIRE_OK;
    }
    quire_status status = find_in(&reader, &key, &payload, &found, err);
    if (status == QUIRE_OK && found) {
        status = read_id(payload, id, err);
    }
    qr_tree_reader_free(&reader);
    return status;
}

quire_status qr_catalog_gap(struct qr_view *view, uint32_t id, struct qr_gap *gap, quire_error *err)
{
    struct catalog_key key = gap_key(id);
    struct qr_tree tree = catalog_tree(view);
    struct qr_tree_reader reader;
    struct qr_slice payload;
    quire_value ends[2] = {quire_null(), quire_null()};
    bool found = false;
    QR_TRY(qr_tree_reader_init(&reader, &tree, err));
    quire_status status = find_in(&reader, &key, &payload, &found, err);
    if (status == QUIRE_OK && found) {
        status = qr_record_decode(payload.data, payload.size, ends, 2, err);
    }
    if (status == QUIRE_OK && (ends[0].type != QUIRE_INT || ends[1].type != QUIRE_INT)) {
        status = damaged(err, "how far an index is built");
    }
    *gap = (struct qr_gap){ends[0].as.integer, ends[1].as.integer};
    qr_tree_reader_free(&reader);
    return status;
}

/* ---- Walks ---- */

static quire_status visit_entry(struct prefix_walk *walk, struct qr_tree_reader *reader,
                                const struct qr_tree_key *key, uint32_t owner,
                                struct qr_arena *arena, struct qr_object **object, quire_error *err)
{
    uint32_t id = 0;
    if (owner != 0) {
        if (key->size != walk->prefix.size + 4) {
            return damaged(err, "an owner entry is malformed");
        }
        uint32_t stored = qr_load32_be((const uint8_t *)key->bytes + walk->prefix.size);
        return load_promised(reader, stored, arena, object, err);
    }
    struct qr_slice payload;
    QR_TRY(qr_tree_cursor_payload(walk->cursor, &payload, err));
    QR_TRY(read_id(payload, &id, err));
    return load_promised(reader, id, arena, object, err);
}

quire_status qr_catalog_each(struct qr_view *view, enum qr_object_kind kind, uint32_t owner,
                             struct qr_arena *arena, qr_catalog_visit visit, void *context,
                             quire_error *err)
{
    struct prefix_walk walk = {.cursor = NULL};
    struct qr_tree_reader reader;
    bool blank;
    QR_TRY(open_reader(view, &reader, &blank, err));
    if (blank) {
        return QUIRE_OK;
    }
    walk.prefix = owner != 0 ? owned_key(owner, 0) : name_key(kind, "", 0);
    walk.prefix.size = owner != 0 ? 5 : walk.prefix.size;
    quire_status status = qr_tree_cursor_open(&reader.tree, &walk.cursor, err);
    while (status == QUIRE_OK) {
        struct qr_tree_key key;
        struct qr_object *object;
        bool valid;
        QR_TRY_GOTO(status, prefix_walk_next(&walk, &key, &valid, err), done);
        if (!valid) {
            break;
        }
        QR_TRY_GOTO(status, visit_entry(&walk, &reader, &key, owner, arena, &object, err), done);
        if (object->kind == kind) {
            status = visit(context, object, err);
        }
    }
done:
    qr_tree_cursor_close(walk.cursor);
    qr_tree_reader_free(&reader);
    return status;
}

/* ---- Changes ---- */

quire_status qr_catalog_init(struct qr_txn *txn, quire_error *err)
{
    struct qr_tree tree;
    bool blank;
    QR_TRY(is_blank(qr_txn_view(txn), &blank, err));
    if (!blank) {
        return QUIRE_OK;
    }
    quire_status status =
        qr_tree_create(txn, QR_TREE_KEYS, QR_CATALOG_TREE_ID, QR_PAGE_NUMBER_CATALOG, &tree, err);
    if (status != QUIRE_OK) {
        qr_txn_doom(txn);
    }
    return status;
}

static quire_status move_cookie(struct qr_txn *txn, quire_error *err)
{
    uint64_t cookie;
    QR_TRY(qr_catalog_cookie(qr_txn_view(txn), &cookie, err));
    return qr_txn_set_header_word(txn, QR_HEADER_SCHEMA_COOKIE, cookie + 1, err);
}

static quire_status put(const struct qr_tree *tree, const struct catalog_key *key,
                        const void *payload, size_t size, enum qr_put_mode mode, quire_error *err)
{
    struct qr_tree_key where = tree_key(key);
    bool existed;
    QR_TRY(qr_tree_put(tree, &where, payload, size, mode, &existed, err));
    if ((mode == QR_PUT_INSERT && existed) || (mode == QR_PUT_REPLACE && !existed)) {
        return damaged(err, "an entry is missing or twice there");
    }
    return QUIRE_OK;
}

static quire_status put_id(const struct qr_tree *tree, const struct catalog_key *key, uint32_t id,
                           enum qr_put_mode mode, quire_error *err)
{
    quire_value value = quire_int(id);
    uint8_t record[16];
    return put(tree, key, record, quire_record_encode(&value, 1, record), mode, err);
}

static quire_status put_object(const struct qr_tree *tree, const struct qr_object *object,
                               enum qr_put_mode mode, quire_error *err)
{
    struct catalog_key key = object_key(object->id);
    const quire_allocator *allocator = qr_pager_allocator(qr_view_pager(tree->view));
    struct qr_arena arena;
    struct qr_slice record;
    qr_arena_init(&arena, allocator, 0);
    quire_status status = qr_object_encode(object, &arena, &record, err);
    if (status == QUIRE_OK) {
        status = put(tree, &key, record.data, record.size, mode, err);
    }
    qr_arena_free(&arena);
    return status;
}

static quire_status add_entries(struct qr_txn *txn, const struct qr_object *object,
                                quire_error *err)
{
    static const struct catalog_key next = {.bytes = {QR_CATALOG_KEY_NEXT}, .size = 1};
    struct qr_tree tree = catalog_tree(qr_txn_view(txn));
    struct catalog_key name = full_name_key(object);
    QR_TRY(put_object(&tree, object, QR_PUT_INSERT, err));
    QR_TRY(put_id(&tree, &name, object->id, QR_PUT_INSERT, err));
    if (object->owner != 0) {
        struct catalog_key owned = owned_key(object->owner, object->id);
        QR_TRY(put(&tree, &owned, NULL, 0, QR_PUT_INSERT, err));
    }
    QR_TRY(put_id(&tree, &next, object->id + 1, QR_PUT_UPSERT, err));
    return move_cookie(txn, err);
}

static quire_status doom_on_failure(struct qr_txn *txn, quire_status status)
{
    if (status != QUIRE_OK) {
        qr_txn_doom(txn);
    }
    return status;
}

static quire_status check_name_free(struct qr_view *view, const struct qr_object *object,
                                    quire_error *err)
{
    struct qr_arena arena;
    struct qr_object *other;
    bool found;
    qr_arena_init(&arena, qr_pager_allocator(qr_view_pager(view)), 0);
    quire_status status = qr_catalog_find(view, object->kind, object->name, strlen(object->name),
                                          &arena, &other, &found, err);
    if (status == QUIRE_OK && found) {
        status = qr_fail(err, QUIRE_EXISTS, "The name \"%s\" is taken by a %s.", object->name,
                         qr_object_kind_name(other->kind));
    }
    qr_arena_free(&arena);
    return status;
}

quire_status qr_catalog_add(struct qr_txn *txn, struct qr_object *object, quire_error *err)
{
    struct qr_view *view = qr_txn_view(txn);
    QR_TRY(qr_catalog_init(txn, err));
    QR_TRY(check_name_free(view, object, err));
    QR_TRY(qr_catalog_next_id(view, &object->id, err));
    if (object->id == UINT32_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "The database has used up its object numbers.");
    }
    return doom_on_failure(txn, add_entries(txn, object, err));
}

quire_status qr_catalog_set_next_id(struct qr_txn *txn, uint32_t id, quire_error *err)
{
    static const struct catalog_key next = {.bytes = {QR_CATALOG_KEY_NEXT}, .size = 1};
    struct qr_tree tree = catalog_tree(qr_txn_view(txn));
    QR_TRY(qr_catalog_init(txn, err));
    return doom_on_failure(txn, put_id(&tree, &next, id, QR_PUT_UPSERT, err));
}

quire_status qr_catalog_set_gap(struct qr_txn *txn, uint32_t id, const struct qr_gap *gap,
                                quire_error *err)
{
    struct qr_tree tree = catalog_tree(qr_txn_view(txn));
    struct catalog_key key = gap_key(id);
    quire_value ends[2] = {quire_int(gap->next), quire_int(gap->last)};
    uint8_t record[32];
    size_t size = quire_record_encode(ends, 2, record);
    return doom_on_failure(txn, put(&tree, &key, record, size, QR_PUT_UPSERT, err));
}

static quire_status remove_gap(const struct qr_tree *tree, uint32_t id, quire_error *err)
{
    struct catalog_key key = gap_key(id);
    struct qr_tree_key where = tree_key(&key);
    bool existed;
    return qr_tree_delete(tree, &where, &existed, err);
}

static quire_status update_entry(struct qr_txn *txn, const struct qr_object *object,
                                 quire_error *err)
{
    struct qr_tree tree = catalog_tree(qr_txn_view(txn));
    QR_TRY(put_object(&tree, object, QR_PUT_REPLACE, err));
    if (object->kind == QR_OBJECT_INDEX && !object->building) {
        QR_TRY(remove_gap(&tree, object->id, err));
    }
    return move_cookie(txn, err);
}

quire_status qr_catalog_update(struct qr_txn *txn, const struct qr_object *object, quire_error *err)
{
    return doom_on_failure(txn, update_entry(txn, object, err));
}

static quire_status delete_entry(const struct qr_tree *tree, const struct catalog_key *key,
                                 quire_error *err)
{
    struct qr_tree_key where = tree_key(key);
    bool existed;
    QR_TRY(qr_tree_delete(tree, &where, &existed, err));
    return existed ? QUIRE_OK : damaged(err, "an object lacks one of its entries");
}

static quire_status rename_entries(struct qr_txn *txn, const struct qr_object *before,
                                   const struct qr_object *after, quire_error *err)
{
    struct qr_tree tree = catalog_tree(qr_txn_view(txn));
    struct catalog_key old = full_name_key(before);
    struct catalog_key new = full_name_key(after);
    QR_TRY(delete_entry(&tree, &old, err));
    QR_TRY(put_id(&tree, &new, after->id, QR_PUT_INSERT, err));
    QR_TRY(put_object(&tree, after, QR_PUT_REPLACE, err));
    return move_cookie(txn, err);
}

quire_status qr_catalog_rename(struct qr_txn *txn, const struct qr_object *object, const char *name,
                               quire_error *err)
{
    struct qr_object renamed = *object;
    renamed.name = name;
    QR_TRY(check_name_free(qr_txn_view(txn), &renamed, err));
    return doom_on_failure(txn, rename_entries(txn, object, &renamed, err));
}

static quire_status remove_entries(struct qr_txn *txn, const struct qr_object *object,
                                   quire_error *err)
{
    struct qr_tree tree = catalog_tree(qr_txn_view(txn));
    struct catalog_key id = object_key(object->id);
    struct catalog_key name = full_name_key(object);
    struct catalog_key owned = owned_key(object->owner, object->id);
    QR_TRY(delete_entry(&tree, &id, err));
    QR_TRY(delete_entry(&tree, &name, err));
    if (object->owner != 0) {
        QR_TRY(delete_entry(&tree, &owned, err));
    }
    if (object->building) {
        QR_TRY(remove_gap(&tree, object->id, err));
    }
    return move_cookie(txn, err);
}

quire_status qr_catalog_remove(struct qr_txn *txn, const struct qr_object *object, quire_error *err)
{
    return doom_on_failure(txn, remove_entries(txn, object, err));
}

quire_status qr_catalog_cookie(struct qr_view *view, uint64_t *cookie, quire_error *err)
{
    return qr_view_header_word(view, QR_HEADER_SCHEMA_COOKIE, cookie, err);
}
