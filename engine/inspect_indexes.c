/*
 * Indexes against their tables: every row has its entry, every entry its row,
 * under the key that the row has; unique keys are unique.
 *
 * Two streams and no memory of either: rows with a lookup in the index, then
 * entries with a lookup in the table. Both structures are checked first;
 * a damaged one is not compared.
 */
#include <stdio.h>
#include <string.h>

#include "engine/inspect_internal.h"

/* The walk over all indexes. The table of the last one is kept: indexes of a table follow each
 * other as a rule. */
struct index_walk {
    struct qr_inspection *inspection;
    const char *wanted; /* NULL = all */
    bool found;
    uint32_t listed;
    struct qr_arena arena; /* holds the table */
    struct qr_object *table;
    uint32_t table_id; /* 0 = none yet */
    bool table_sound;
};

/* One index and its table. */
struct comparison {
    struct qr_inspection *inspection;
    const struct qr_object *object;
    struct qr_table_def table;
    struct qr_index_def def;
    struct qr_index index;
    struct qr_index_key key;   /* of the row at hand */
    struct qr_index_key other; /* of another row, to compare with */
    struct qr_tree_reader rows;
    bool rows_open;
    uint32_t page; /* of the row or entry at hand */
    uint64_t row_count, entry_count, flaws;
};

static void complain(struct comparison *c, enum qr_inspect_code code, int64_t rowid,
                     const char *what)
{
    uint64_t offset = (uint64_t)c->page * c->inspection->page_size;
    c->flaws++;
    qr_report_issue(c->inspection->report, code, c->page, offset, c->object->name,
                    "row %lld of \"%s\": %s", (long long)rowid, c->table.object->name, what);
}

/* ---- Rows and their keys ---- */

/* Makes the key of a row; *made false, after a report, when the row is damaged. */
static quire_status make_key(struct comparison *c, struct qr_slice record, int64_t rowid,
                             struct qr_index_key *key, bool *made, quire_error *err)
{
    quire_error detail = QUIRE_ERROR_INIT;
    quire_status status =
        qr_index_key_from_record(&c->index, record.data, record.size, key, &detail);
    *made = status == QUIRE_OK;
    key->absent |= !qr_index_reaches(&c->index, rowid);
    if (status == QUIRE_CORRUPT) {
        complain(c, QR_INSPECT_ROW_DECODE, rowid, detail.message);
        return QUIRE_OK;
    }
    if (status != QUIRE_OK && err != NULL) {
        *err = detail;
    }
    return status;
}

/* The key of the row with this rowid, if there is such a row. */
static quire_status key_of(struct comparison *c, int64_t rowid, struct qr_index_key *key,
                           bool *found, bool *made, quire_error *err)
{
    struct qr_tree_key wanted = {.rowid = rowid};
    struct qr_slice record;
    *made = false;
    QR_TRY(qr_tree_find(&c->rows, &wanted, &record, found, err));
    return *found ? make_key(c, record, rowid, key, made, err) : QUIRE_OK;
}

/* ---- Rows to entries ---- */

/* Whether the index leads from the row's key to another row that has the same. */
static quire_status find_rival(struct comparison *c, int64_t rowid, int64_t *rival, bool *exists,
                               quire_error *err)
{
    bool conflict = false;
    bool found = false;
    bool made = false;
    *exists = false;
    quire_status status = qr_index_conflict(&c->index, &c->key, &conflict, rival, err);
    if (status == QUIRE_CORRUPT || !conflict || *rival == rowid) {
        return status == QUIRE_CORRUPT ? QUIRE_OK : status; /* the entries' own walk names it */
    }
    QR_TRY(key_of(c, *rival, &c->other, &found, &made, err));
    *exists = made && qr_index_key_same(&c->key, &c->other);
    return QUIRE_OK;
}

static quire_status has_entry(struct comparison *c, int64_t rowid, bool *found, bool *readable,
                              quire_error *err)
{
    quire_error detail = QUIRE_ERROR_INIT;
    quire_status status = qr_index_contains(&c->index, &c->key, rowid, found, &detail);
    *readable = status == QUIRE_OK;
    if (status != QUIRE_CORRUPT) {
        if (status != QUIRE_OK && err != NULL) {
            *err = detail;
        }
        return status;
    }
    if (c->object->index_kind == QUIRE_INDEX_HASH) {
        complain(c, QR_INSPECT_HASH_DAMAGED, rowid, detail.message);
    }
    return QUIRE_OK; /* a B-tree's malformed entries are named by the walk over them */
}

/* In a unique index a row without an entry, and each later row of a key, is reported against the
 * row that the key leads to. */
static quire_status find_entry(struct comparison *c, int64_t rowid, quire_error *err)
{
    int64_t rival = 0;
    bool found = false;
    bool readable;
    bool has_rival;
    QR_TRY(has_entry(c, rowid, &found, &readable, err));
    if (!readable) {
        return QUIRE_OK;
    }
    QR_TRY(find_rival(c, rowid, &rival, &has_rival, err));
    if (has_rival && (!found || rival < rowid)) {
        char what[64];
        (void)snprintf(what, sizeof what, "row %lld has the same key", (long long)rival);
        complain(c, QR_INSPECT_INDEX_DUPLICATE, rowid, what);
    } else if (!found) {
        complain(c, QR_INSPECT_INDEX_ROW_WITHOUT_ENTRY, rowid, "it has no entry");
    }
    return QUIRE_OK;
}

static quire_status walk_rows(struct comparison *c, struct qr_tree_cursor *cursor, quire_error *err)
{
    bool valid;
    QR_TRY(qr_tree_cursor_first(cursor, &valid, err));
    while (valid) {
        struct qr_tree_key at;
        struct qr_slice record;
        bool made;
        c->page = qr_tree_cursor_page(cursor);
        QR_TRY(qr_tree_cursor_key(cursor, &at, err));
        QR_TRY(qr_tree_cursor_payload(cursor, &record, err));
        QR_TRY(make_key(c, record, at.rowid, &c->key, &made, err));
        c->row_count += !made || !c->key.absent;
        if (made && !c->key.absent) {
            QR_TRY(find_entry(c, at.rowid, err));
        }
        QR_TRY(qr_tree_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

/* ---- Entries to rows ---- */

/* An entry with this stored key and rowid. */
static quire_status check_entry(struct comparison *c, const uint8_t *bytes, size_t size,
                                bool is_cut, int64_t rowid, bool *agrees, quire_error *err)
{
    bool found;
    bool made;
    *agrees = false;
    c->entry_count++;
    QR_TRY(key_of(c, rowid, &c->key, &found, &made, err));
    if (!found) {
        complain(c, QR_INSPECT_INDEX_ENTRY_WITHOUT_ROW, rowid,
                 "the index has an entry for it, the table has no such row");
    } else if (made && c->key.absent) {
        complain(c, QR_INSPECT_INDEX_EXCLUDED, rowid,
                 "the index has an entry for it, but the row does not belong in it");
    } else if (made) {
        const struct qr_key *stored = qr_index_key_stored(&c->key);
        *agrees = is_cut == c->key.is_cut && stored->size == size &&
                  memcmp(stored->bytes, bytes, size) == 0;
        if (!*agrees) {
            complain(c, QR_INSPECT_INDEX_KEY, rowid, "its entry has another key than the row");
        }
    }
    return QUIRE_OK;
}

static bool stored_alone(const struct comparison *c, const struct qr_index_key *key)
{
    return c->object->unique && !key->has_null && !key->is_cut;
}

static bool same_record(const struct qr_key *wanted, struct qr_slice found)
{
    return wanted->size == found.size &&
           (found.size == 0 || memcmp(wanted->bytes, found.data, found.size) == 0);
}

static quire_status check_btree_entry(struct comparison *c, const struct qr_tree_key *at,
                                      struct qr_slice payload, quire_error *err)
{
    struct qr_index_entry entry;
    bool agrees;
    if (qr_index_parse_entry(&c->index, at, payload, &entry, NULL) != QUIRE_OK) {
        c->entry_count++;
        c->flaws++;
        qr_report_issue(c->inspection->report, QR_INSPECT_INDEX_ENTRY, c->page,
                        (uint64_t)c->page * c->inspection->page_size, c->object->name, NULL);
        return QUIRE_OK;
    }
    QR_TRY(check_entry(c, at->bytes, entry.key_size, entry.is_cut, entry.rowid, &agrees, err));
    if (agrees && stored_alone(c, &c->key) != entry.is_alone) {
        complain(c, QR_INSPECT_INDEX_KEY, entry.rowid, "its entry has the form of another kind");
    } else if (agrees && !same_record(&c->key.included, entry.included)) {
        complain(c, QR_INSPECT_INDEX_INCLUDED, entry.rowid, "its entry includes other values");
    }
    return QUIRE_OK;
}

static quire_status walk_entries(struct comparison *c, struct qr_tree_cursor *cursor,
                                 quire_error *err)
{
    bool valid;
    QR_TRY(qr_tree_cursor_first(cursor, &valid, err));
    while (valid) {
        struct qr_tree_key at;
        struct qr_slice payload;
        c->page = qr_tree_cursor_page(cursor);
        QR_TRY(qr_tree_cursor_key(cursor, &at, err));
        QR_TRY(qr_tree_cursor_payload(cursor, &payload, err));
        QR_TRY(check_btree_entry(c, &at, payload, err));
        QR_TRY(qr_tree_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

static quire_status walk_posting(struct comparison *c, const struct qr_hash_cell *cell,
                                 struct qr_tree_cursor *cursor, quire_error *err)
{
    bool valid;
    QR_TRY(qr_tree_cursor_first(cursor, &valid, err));
    while (valid) {
        struct qr_tree_key at;
        bool agrees;
        QR_TRY(qr_tree_cursor_key(cursor, &at, err));
        QR_TRY(check_entry(c, cell->key.bytes, cell->key.size, cell->key.is_cut, at.rowid, &agrees,
                           err));
        QR_TRY(qr_tree_cursor_next(cursor, &valid, err));
    }
    return QUIRE_OK;
}

static quire_status on_cell(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct comparison *c = context;
    struct qr_tree_cursor *cursor;
    bool agrees;
    c->page = cell->page;
    if (!cell->is_posting) {
        return check_entry(c, cell->key.bytes, cell->key.size, cell->key.is_cut, cell->rowid,
                           &agrees, err);
    }
    struct qr_tree tree =
        qr_inspection_tree_of(c->inspection, cell->posting_root, c->object->id, QR_TREE_ROWS);
    QR_TRY(qr_tree_cursor_open(&tree, &cursor, err));
    quire_status status = walk_posting(c, cell, cursor, err);
    qr_tree_cursor_close(cursor);
    return status;
}

/* ---- One index ---- */

static quire_status with_cursor(struct comparison *c, const struct qr_tree *tree,
                                quire_status (*walk)(struct comparison *, struct qr_tree_cursor *,
                                                     quire_error *),
                                quire_error *err)
{
    struct qr_tree_cursor *cursor;
    QR_TRY(qr_tree_cursor_open(tree, &cursor, err));
    quire_status status = walk(c, cursor, err);
    qr_tree_cursor_close(cursor);
    return status;
}

static quire_status compare_both_ways(struct comparison *c, quire_error *err)
{
    const struct qr_object *table = c->table.object;
    struct qr_tree rows =
        qr_inspection_tree_of(c->inspection, table->root, table->id, QR_TREE_ROWS);
    struct qr_tree entries =
        qr_inspection_tree_of(c->inspection, c->object->root, c->object->id, QR_TREE_KEYS);
    QR_TRY(qr_tree_reader_init(&c->rows, &rows, err));
    c->rows_open = true;
    QR_TRY(with_cursor(c, &rows, walk_rows, err));
    if (c->object->index_kind == QUIRE_INDEX_HASH) {
        struct qr_hash hash = qr_hash_of(c->inspection->txn, c->object);
        QR_TRY(qr_hash_walk(&hash, NULL, on_cell, c, err));
    } else {
        QR_TRY(with_cursor(c, &entries, walk_entries, err));
    }
    if (c->flaws == 0 && c->entry_count != c->row_count) {
        qr_report_issue(c->inspection->report, QR_INSPECT_INDEX_COUNT, c->object->root,
                        (uint64_t)c->object->root * c->inspection->page_size, c->object->name,
                        "%llu entries for %llu rows", (unsigned long long)c->entry_count,
                        (unsigned long long)c->row_count);
    }
    return QUIRE_OK;
}

static void add_facts(struct index_walk *walk, const struct comparison *c)
{
    quire_report *report = walk->inspection->report;
    const struct qr_object *object = c->object;
    if (walk->listed++ >= QR_REPORT_LIST_MAX) {
        return;
    }
    qr_fact_open(report, NULL);
    qr_fact_text(report, "name", object->name);
    qr_fact_text(report, "table", c->table.object->name);
    qr_fact_text(report, "kind", object->index_kind == QUIRE_INDEX_HASH ? "hash" : "btree");
    qr_fact_flag(report, "unique", object->unique);
    if (object->building) {
        qr_fact_flag(report, "building", true);
    }
    qr_fact_number(report, "entries", c->entry_count);
    qr_fact_number(report, "rows", c->row_count);
    qr_fact_close(report);
}

static quire_status not_checked(struct qr_inspection *inspection, const struct qr_object *object)
{
    qr_report_issue(inspection->report, QR_INSPECT_INDEX_NOT_CHECKED, QUIRE_NO_PAGE, 0,
                    object->name, NULL);
    return QUIRE_OK;
}

static quire_status compare(struct index_walk *walk, const struct qr_object *object,
                            quire_error *err)
{
    struct qr_inspection *inspection = walk->inspection;
    struct comparison c = {
        .inspection = inspection, .object = object, .table = {.object = walk->table}};
    struct qr_arena arena;
    qr_arena_init(&arena, inspection->allocator, 0);
    quire_status status = qr_index_define(object, walk->table, &arena, &c.def, err);
    if (status == QUIRE_OK) {
        status = qr_index_open(&c.index, inspection->txn, &c.table, &c.def, err);
    }
    if (status != QUIRE_OK) {
        qr_arena_free(&arena);
        return status == QUIRE_CORRUPT ? not_checked(inspection, object) : status;
    }
    qr_index_key_init(&c.key, inspection->allocator);
    qr_index_key_init(&c.other, inspection->allocator);
    if (qr_index_check_collations(&c.index, NULL) == QUIRE_OK) {
        status = compare_both_ways(&c, err);
    } else {
        qr_report_issue(inspection->report, QR_INSPECT_INDEX_COLLATION, QUIRE_NO_PAGE, 0,
                        object->name, NULL);
    }
    if (status == QUIRE_OK) {
        add_facts(walk, &c);
    }
    if (c.rows_open) {
        qr_tree_reader_free(&c.rows);
    }
    qr_index_key_free(&c.key);
    qr_index_key_free(&c.other);
    qr_index_close(&c.index);
    qr_arena_free(&arena);
    return status;
}

/* ---- All indexes ---- */

/* Reads the table of an index and checks its structure, once. */
static quire_status take_table(struct index_walk *walk, uint32_t id, quire_error *err)
{
    struct qr_inspection *inspection = walk->inspection;
    bool found = false;
    if (id == walk->table_id) {
        return QUIRE_OK;
    }
    qr_arena_reset(&walk->arena);
    walk->table_id = id;
    walk->table_sound = false;
    quire_status status =
        qr_catalog_find_id(inspection->view, id, &walk->arena, &walk->table, &found, err);
    if (status != QUIRE_OK || !found || walk->table->kind != QR_OBJECT_TABLE ||
        !qr_inspection_root(inspection, walk->table)) {
        return status == QUIRE_CORRUPT ? QUIRE_OK : status;
    }
    struct qr_tree rows = qr_inspection_tree_of(inspection, walk->table->root, id, QR_TREE_ROWS);
    /* Two indexes of one table may lie apart: its pages may be taken again. */
    memset(inspection->owned, 0, inspection->bitmap_size);
    return qr_inspection_tree(inspection, &rows, walk->table->name, &walk->table_sound, err);
}

static quire_status check_structure(struct index_walk *walk, const struct qr_object *object,
                                    bool *sound, quire_error *err)
{
    struct qr_inspection *inspection = walk->inspection;
    uint64_t entries;
    *sound = false;
    if (!qr_inspection_root(inspection, object)) {
        return QUIRE_OK;
    }
    if (object->index_kind == QUIRE_INDEX_HASH) {
        return qr_inspection_hash(inspection, object, sound, &entries, err);
    }
    struct qr_tree tree = qr_inspection_tree_of(inspection, object->root, object->id, QR_TREE_KEYS);
    return qr_inspection_tree(inspection, &tree, object->name, sound, err);
}

static quire_status on_object(void *context, const struct qr_object *object, quire_error *err)
{
    struct index_walk *walk = context;
    struct qr_inspection *inspection = walk->inspection;
    bool sound;
    if (object->kind != QR_OBJECT_INDEX ||
        (walk->wanted != NULL && strcmp(object->name, walk->wanted) != 0)) {
        return QUIRE_OK;
    }
    walk->found = true;
    QR_TRY(take_table(walk, object->owner, err));
    QR_TRY(check_structure(walk, object, &sound, err));
    if (!sound || !walk->table_sound || !qr_inspection_fits(inspection, object, walk->table)) {
        return not_checked(inspection, object);
    }
    return compare(walk, object, err);
}

quire_status qr_inspection_indexes(struct qr_inspection *inspection, const char *name,
                                   quire_error *err)
{
    struct index_walk walk = {.inspection = inspection, .wanted = name};
    qr_arena_init(&walk.arena, inspection->allocator, 0);
    qr_fact_open_list(inspection->report, "indexes");
    quire_status status = qr_inspection_each_object(inspection, on_object, &walk, err);
    qr_fact_close(inspection->report);
    qr_arena_free(&walk.arena);
    if (status == QUIRE_OK && name != NULL && !walk.found &&
        quire_report_severity(inspection->report) != QUIRE_SEVERITY_ERROR) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no index \"%s\".", name);
    }
    return status;
}
