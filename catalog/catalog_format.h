/*
 * The entries of the catalog tree (docs/file-format.md, "Catalog"). A key is a
 * kind byte and what follows; numbers in keys are big-endian.
 *
 *   00                           -> { next object id }
 *   01 id:4                      -> the object, a record, columns below
 *   02 space name[0..160]        -> { id }; for a longer name its first 160 bytes, then id:4
 *   03 owner:4 id:4              -> empty: what belongs to a table
 *   04 id:4                      -> { next, last }: rows without entries in an index being built
 */
#ifndef QR_CATALOG_FORMAT_H
#define QR_CATALOG_FORMAT_H

enum qr_catalog_key {
    QR_CATALOG_KEY_NEXT = 0,
    QR_CATALOG_KEY_OBJECT = 1,
    QR_CATALOG_KEY_NAME = 2,
    QR_CATALOG_KEY_OWNED = 3,
    QR_CATALOG_KEY_GAP = 4
};

/* Names are unique within a space. */
enum qr_catalog_space {
    QR_CATALOG_SPACE_RELATION = 1, /* trees of both kinds, tables, views, indexes */
    QR_CATALOG_SPACE_TRIGGER = 2,
    QR_CATALOG_SPACE_TEXT = 3
};

/* Columns of an object's record. */
enum qr_catalog_column {
    QR_CATALOG_KIND = 0,       /* INT, enum qr_object_kind */
    QR_CATALOG_NAME = 1,       /* TEXT */
    QR_CATALOG_ROOT = 2,       /* INT, page number or 0 */
    QR_CATALOG_OWNER = 3,      /* INT, object id or 0 */
    QR_CATALOG_BODY = 4,       /* table: LIST of name, type, not null a column; index: LIST of
                                  column number or expression, descending, collation a part;
                                  view, trigger, text: BLOB */
    QR_CATALOG_INDEX_KIND = 5, /* INT, enum quire_index_kind */
    QR_CATALOG_UNIQUE = 6,     /* BOOL */
    QR_CATALOG_HASH_KEY = 7,   /* BLOB of 16 bytes, or null */
    QR_CATALOG_INCLUDED = 8,   /* LIST of column numbers, or null */
    QR_CATALOG_WHERE = 9,      /* TEXT, or null */
    QR_CATALOG_BUILDING = 10,  /* BOOL true, or null */
    QR_CATALOG_COLUMNS = 11
};

#endif
