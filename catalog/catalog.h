/*
 * The catalog: a key tree rooted at page 1 that names every object of the
 * database (docs/file-format.md, "Catalog").
 *
 * Objects are identified by name (exact bytes; no two collide) and by a numeric
 * id that is never reused; the id is also the tree id stamped into pages.
 *
 * Every change moves the schema cookie. Functions on a view may be called from
 * the thread that uses the view; objects are plain memory. A changing function
 * that fails for another reason than its documented result may have written
 * half: it dooms the transaction.
 */
#ifndef QR_CATALOG_H
#define QR_CATALOG_H

#include "btree/btree.h"
#include "quire/table.h"

#define QR_CATALOG_TREE_ID    1U /* stamped into the catalog's own pages; objects follow */
#define QR_NAME_MAX           255U
#define QR_NAME_KEY_MAX       160U /* bytes of a name that are part of its catalog key */
#define QR_COLUMNS_MAX        4096U
#define QR_INDEX_COLUMNS_MAX  16U
#define QR_INDEX_INCLUDED_MAX 64U

enum qr_object_kind {
    QR_OBJECT_TREE = 1, /* a raw tree of rows */
    QR_OBJECT_TABLE = 2,
    QR_OBJECT_INDEX = 3,
    QR_OBJECT_VIEW = 4,    /* of a table */
    QR_OBJECT_TRIGGER = 5, /* of a table */
    QR_OBJECT_TEXT = 6,    /* named text: the SDL schema is "schema" */
    QR_OBJECT_KEYS = 7     /* a raw tree of byte keys */
};

/* A part of an index's key. */
struct qr_index_part {
    uint32_t column;        /* number in the owner; unless there is an expression */
    const char *expression; /* NULL: the column itself */
    const char *collation;  /* NULL: text compares by its bytes */
    bool descending;
};

/* An object as stored. All memory belongs to the arena that it was read into. */
struct qr_object {
    enum qr_object_kind kind;
    uint32_t id;
    const char *name; /* NUL-terminated */
    uint32_t root;    /* root or directory page; 0 when it owns no pages */
    uint32_t owner;   /* the table's id, for an index, view or trigger; else 0 */

    /* table */
    quire_column *columns;
    uint32_t column_count;

    /* index */
    enum quire_index_kind index_kind;
    bool unique;
    struct qr_index_part *parts;
    uint32_t key_count;
    uint32_t *included; /* column numbers in the owner, ascending, stored in the entries */
    uint32_t included_count;
    const char *where;    /* rows that have an entry; NULL: all */
    bool building;        /* entries are missing: see qr_catalog_gap */
    uint8_t hash_key[16]; /* SipHash key of a hash index */

    /* text; view, trigger: a record that the engine knows */
    const char *text;
    size_t text_size;
};

/* Whether the object's root is that of a tree that it names: not so for hash indexes. */
static inline bool qr_object_is_tree(const struct qr_object *object)
{
    return object->kind == QR_OBJECT_TREE || object->kind == QR_OBJECT_TABLE ||
           object->kind == QR_OBJECT_KEYS ||
           (object->kind == QR_OBJECT_INDEX && object->index_kind == QUIRE_INDEX_BTREE);
}

static inline bool qr_object_is_hash(const struct qr_object *object)
{
    return object->kind == QR_OBJECT_INDEX && object->index_kind == QUIRE_INDEX_HASH;
}

/* The kind of that tree. */
static inline enum qr_tree_kind qr_object_tree_kind(const struct qr_object *object)
{
    return object->kind == QR_OBJECT_INDEX || object->kind == QR_OBJECT_KEYS ? QR_TREE_KEYS
                                                                             : QR_TREE_ROWS;
}

/* Turns page 1 of a new database into the catalog tree, if it is none yet. */
quire_status qr_catalog_init(struct qr_txn *txn, quire_error *err);

/* Finds an object. Names of trees of both kinds, tables, views and indexes share one space;
 * triggers and texts have one each: what is found may be of another kind of the space. *found
 * false when there is none. The object is allocated in `arena`. */
quire_status qr_catalog_find(struct qr_view *view, enum qr_object_kind kind, const char *name,
                             size_t name_size, struct qr_arena *arena, struct qr_object **object,
                             bool *found, quire_error *err);

/* The same by id. */
quire_status qr_catalog_find_id(struct qr_view *view, uint32_t id, struct qr_arena *arena,
                                struct qr_object **object, bool *found, quire_error *err);

/* The id that the next qr_catalog_add will give: whoever makes an object's pages before its entry
 * stamps them with it. */
quire_status qr_catalog_next_id(struct qr_view *view, uint32_t *id, quire_error *err);

/* Adds an object, giving it the next id (written to object->id). EXISTS when the name is taken. */
quire_status qr_catalog_add(struct qr_txn *txn, struct qr_object *object, quire_error *err);
/* Makes `id` the id that the next qr_catalog_add gives, for copies that keep their ids. An id
 * that is in use is CORRUPT at that add. */
quire_status qr_catalog_set_next_id(struct qr_txn *txn, uint32_t id, quire_error *err);
/* Rewrites the stored form of an existing object (same kind, id and name). */
quire_status qr_catalog_update(struct qr_txn *txn, const struct qr_object *object,
                               quire_error *err);
/* Gives an object another name; the object itself keeps the old one. EXISTS when the name is
 * taken. */
quire_status qr_catalog_rename(struct qr_txn *txn, const struct qr_object *object, const char *name,
                               quire_error *err);
quire_status qr_catalog_remove(struct qr_txn *txn, const struct qr_object *object,
                               quire_error *err);

/* The rows that have no entry yet in an index that is being built: next <= rowid <= last. */
struct qr_gap {
    int64_t next, last;
};
/* CORRUPT when the index has none. */
quire_status qr_catalog_gap(struct qr_view *view, uint32_t id, struct qr_gap *gap,
                            quire_error *err);
/* Stores it; does not move the cookie. qr_catalog_update takes it away when the object is not
 * building any more, qr_catalog_remove with the object. */
quire_status qr_catalog_set_gap(struct qr_txn *txn, uint32_t id, const struct qr_gap *gap,
                                quire_error *err);

/* Visits all objects of a kind in name order (names that agree in their first QR_NAME_KEY_MAX bytes
 * come in the order of their making), or with owner != 0 only those of one table, in the order of
 * their making. The object lives in `arena`. The visitor may not change the catalog. */
typedef quire_status (*qr_catalog_visit)(void *context, struct qr_object *object, quire_error *err);
quire_status qr_catalog_each(struct qr_view *view, enum qr_object_kind kind, uint32_t owner,
                             struct qr_arena *arena, qr_catalog_visit visit, void *context,
                             quire_error *err);

/* The schema cookie of the view: two views with the same cookie have the same catalog. */
quire_status qr_catalog_cookie(struct qr_view *view, uint64_t *cookie, quire_error *err);

#endif
