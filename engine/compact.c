/*
 * Compaction: a database written anew, its trees filled in key order.
 *
 * Entries that come in ascending order fill each page before the next is begun,
 * so rows and B-tree entries are copied by walking the old tree, and a hash
 * index by walking its buckets. Objects keep their ids, and rows their rowids,
 * so whatever refers to them stays true.
 *
 * The copy is made in many transactions, since nobody can see it, with the log
 * of a database of its own; then it is closed, checked, and takes the name
 * (replacement.c). The old database is held open, locked, from before the first
 * page is read until after the rename.
 */
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/index_hash.h"
#include "engine/maintenance.h"

/* What one transaction of the copy holds. */
#define COMMIT_BYTES ((size_t)4 << 20)

/* Entries between two calls of the progress callback. */
#define TELL_ENTRIES 1024U

struct compaction {
    struct qr_view *from;
    struct qr_object_list objects;
    quire_db *to;
    quire_txn *txn;           /* of `to`; NULL between two */
    size_t pending;           /* bytes written in it */
    struct qr_tree_edge edge; /* of the tree that is being filled */
    quire_progress_callback progress;
    void *context;
    uint64_t done, total; /* entries */
};

/* ---- Transactions of the copy ---- */

static quire_status begin(struct compaction *c, quire_error *err)
{
    c->pending = 0;
    c->edge = (struct qr_tree_edge){0, 0};
    return quire_begin(c->to, QUIRE_WRITE, &c->txn, err);
}

static quire_status commit(struct compaction *c, quire_error *err)
{
    quire_txn *txn = c->txn;
    c->txn = NULL;
    return quire_commit(txn, err);
}

static quire_status tell(const struct compaction *c, quire_error *err)
{
    quire_progress progress = {.done = c->done, .total = c->total};
    if (c->progress == NULL || c->progress(c->context, &progress)) {
        return QUIRE_OK;
    }
    return qr_fail(err, QUIRE_INTERRUPTED, "The compaction was cancelled.");
}

/* After an entry of this size was copied. */
static quire_status wrote(struct compaction *c, size_t size, quire_error *err)
{
    c->pending += size;
    if (c->pending >= COMMIT_BYTES) {
        QR_TRY(commit(c, err));
        QR_TRY(begin(c, err));
    }
    return ++c->done % TELL_ENTRIES == 0 ? tell(c, err) : QUIRE_OK;
}

static quire_status check_copied(const struct compaction *c, const struct qr_object *object,
                                 uint64_t before, uint64_t expected, quire_error *err)
{
    if (c->done - before == expected) {
        return QUIRE_OK;
    }
    return qr_fail(err, QUIRE_CORRUPT,
                   "\"%s\" has %llu entries and counts %llu; inspect the database.", object->name,
                   (unsigned long long)(c->done - before), (unsigned long long)expected);
}

/* An index that is being built can be built on in the copy: rowids are the same there. */
static quire_status add_object(struct compaction *c, struct qr_object *made, quire_error *err)
{
    struct qr_gap gap;
    QR_TRY(qr_catalog_add(c->txn->txn, made, err));
    if (!made->building) {
        return QUIRE_OK;
    }
    QR_TRY(qr_catalog_gap(c->from, made->id, &gap, err));
    return qr_catalog_set_gap(c->txn->txn, made->id, &gap, err);
}

/* ---- Trees ---- */

static quire_status copy_entry(struct compaction *c, struct qr_tree_cursor *cursor,
                               const struct qr_object *made, quire_error *err)
{
    struct qr_tree to = qr_object_tree(made, qr_txn_pages(c->txn));
    struct qr_tree_key key;
    struct qr_slice payload;
    bool existed;
    to.edge = &c->edge;
    QR_TRY(qr_tree_cursor_key(cursor, &key, err));
    QR_TRY(qr_tree_cursor_payload(cursor, &payload, err));
    QR_TRY(qr_tree_put(&to, &key, payload.data, payload.size, QR_PUT_INSERT, &existed, err));
    if (existed) {
        return qr_fail(err, QUIRE_CORRUPT, "\"%s\" holds a key twice; inspect the database.",
                       made->name);
    }
    return wrote(c, payload.size + key.size + sizeof key.rowid, err);
}

static quire_status copy_entries(struct compaction *c, const struct qr_object *object,
                                 const struct qr_object *made, quire_error *err)
{
    struct qr_tree from = qr_object_tree(object, c->from);
    struct qr_tree_cursor *cursor;
    uint64_t expected;
    uint64_t before = c->done;
    bool valid;
    c->edge = (struct qr_tree_edge){0, 0};
    QR_TRY(qr_tree_count(&from, &expected, err));
    QR_TRY(qr_tree_cursor_open(&from, &cursor, err));
    quire_status status = qr_tree_cursor_first(cursor, &valid, err);
    while (status == QUIRE_OK && valid) {
        status = copy_entry(c, cursor, made, err);
        if (status == QUIRE_OK) {
            status = qr_tree_cursor_next(cursor, &valid, err);
        }
    }
    qr_tree_cursor_close(cursor);
    return status == QUIRE_OK ? check_copied(c, object, before, expected, err) : status;
}

/* ---- Objects ---- */

/* Makes the object with its old id, and fills it. */
static quire_status copy_object(struct compaction *c, const struct qr_object *object,
                                quire_error *err)
{
    struct qr_object made = *object;
    struct qr_txn *txn = c->txn->txn;
    struct qr_tree tree;
    QR_TRY(qr_catalog_set_next_id(txn, object->id, err));
    if (qr_object_is_tree(object)) {
        QR_TRY(
            qr_tree_create(txn, qr_object_tree(object, c->from).kind, object->id, 0, &tree, err));
        made.root = tree.root;
    }
    QR_TRY(add_object(c, &made, err));
    return qr_object_is_tree(object) ? copy_entries(c, object, &made, err) : QUIRE_OK;
}

/* ---- Hash indexes ---- */

/* A hash index on its way into the copy. */
struct hash_copy {
    struct compaction *compaction;
    const struct qr_object *from, *to;
};

static quire_status copy_rowid(const struct hash_copy *copy, const struct qr_hash_key *key,
                               int64_t rowid, quire_error *err)
{
    struct compaction *c = copy->compaction;
    struct qr_hash to = qr_hash_of(c->txn, copy->to);
    QR_TRY(qr_hash_insert(&to, key, rowid, err));
    return wrote(c, key->size + sizeof rowid, err);
}

static quire_status copy_posting(const struct hash_copy *copy, const struct qr_hash_cell *cell,
                                 quire_error *err)
{
    struct qr_tree tree = {.view = copy->compaction->from,
                           .root = cell->posting_root,
                           .id = copy->from->id,
                           .kind = QR_TREE_ROWS};
    struct qr_tree_cursor *cursor;
    bool valid;
    QR_TRY(qr_tree_cursor_open(&tree, &cursor, err));
    quire_status status = qr_tree_cursor_first(cursor, &valid, err);
    while (status == QUIRE_OK && valid) {
        struct qr_tree_key at;
        QR_TRY_GOTO(status, qr_tree_cursor_key(cursor, &at, err), done);
        QR_TRY_GOTO(status, copy_rowid(copy, &cell->key, at.rowid, err), done);
        status = qr_tree_cursor_next(cursor, &valid, err);
    }
done:
    qr_tree_cursor_close(cursor);
    return status;
}

static quire_status copy_cell(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    const struct hash_copy *copy = context;
    return cell->is_posting ? copy_posting(copy, cell, err)
                            : copy_rowid(copy, &cell->key, cell->rowid, err);
}

/* Buckets are copied in their order, and keep their keys: what is in one bucket of the old index
 * goes to one of the new, so the copy is written bucket by bucket. */
static quire_status copy_hash(struct compaction *c, const struct qr_object *object,
                              quire_error *err)
{
    struct qr_object made = *object;
    struct hash_copy copy = {.compaction = c, .from = object, .to = &made};
    struct qr_hash from = qr_hash_of_view(c->from, object);
    uint64_t expected;
    uint64_t before = c->done;
    QR_TRY(qr_catalog_set_next_id(c->txn->txn, object->id, err));
    QR_TRY(qr_hash_make(c->txn->txn, object->id, &made.root, err));
    QR_TRY(add_object(c, &made, err));
    QR_TRY(qr_hash_count(&from, &expected, err));
    QR_TRY(qr_hash_walk(&from, NULL, copy_cell, &copy, err));
    return check_copied(c, object, before, expected, err);
}

static quire_status count_entries(struct compaction *c, quire_error *err)
{
    for (size_t i = 0; i < c->objects.count; i++) {
        const struct qr_object *object = c->objects.objects[i];
        uint64_t entries = 0;
        if (qr_object_is_tree(object)) {
            struct qr_tree tree = qr_object_tree(object, c->from);
            QR_TRY(qr_tree_count(&tree, &entries, err));
        } else if (qr_object_is_hash(object)) {
            struct qr_hash hash = qr_hash_of_view(c->from, object);
            QR_TRY(qr_hash_count(&hash, &entries, err));
        }
        c->total += entries;
    }
    return QUIRE_OK;
}

/* Words of the header last: making objects has moved the schema cookie. */
static quire_status copy_header(struct compaction *c, quire_error *err)
{
    uint32_t next_id;
    QR_TRY(qr_catalog_next_id(c->from, &next_id, err));
    QR_TRY(qr_catalog_set_next_id(c->txn->txn, next_id, err));
    for (int word = 0; word < QR_HEADER_WORDS; word++) {
        uint64_t value;
        QR_TRY(qr_view_header_word(c->from, (enum qr_header_word)word, &value, err));
        QR_TRY(qr_txn_set_header_word(c->txn->txn, (enum qr_header_word)word, value, err));
    }
    return QUIRE_OK;
}

static quire_status copy_all(struct compaction *c, quire_error *err)
{
    QR_TRY(qr_object_list_read(&c->objects, c->from, err));
    QR_TRY(count_entries(c, err));
    QR_TRY(tell(c, err));
    QR_TRY(begin(c, err));
    /* By id: a table comes before what belongs to it. */
    for (size_t i = 0; i < c->objects.count; i++) {
        const struct qr_object *object = c->objects.objects[i];
        QR_TRY(qr_object_is_hash(object) ? copy_hash(c, object, err) : copy_object(c, object, err));
    }
    QR_TRY(copy_header(c, err));
    QR_TRY(commit(c, err));
    return tell(c, err);
}

/* ---- The whole ---- */

static quire_status copy_into(struct compaction *c, quire_db *from, quire_error *err)
{
    quire_txn *txn;
    QR_TRY(quire_begin(from, QUIRE_READ, &txn, err));
    c->from = qr_txn_pages(txn);
    qr_view_scanning(c->from, true);
    quire_status status = copy_all(c, err);
    qr_view_scanning(c->from, false);
    quire_rollback(c->txn);
    qr_object_list_free(&c->objects);
    quire_rollback(txn);
    return status;
}

static quire_status write_anew(struct compaction *c, const struct qr_replacement *r,
                               quire_error *err)
{
    uint32_t page_size = qr_pager_page_size(qr_db_pager(r->old));
    struct qr_file_layer *layer = r->place->layer;
    QR_TRY(qr_maintenance_open(r->place, r->new_path, QUIRE_OPEN_NEW, page_size, &c->to, err));
    quire_status status = copy_into(c, r->old, err);
    quire_status closed = quire_close(c->to, status == QUIRE_OK ? err : NULL);
    QR_TRY(status);
    QR_TRY(closed);
    return layer->methods->remove(layer, r->new_log_path, err);
}

/* What stands at the path must be a sound database. */
static quire_status check_old(const struct qr_replacement *r, quire_error *err)
{
    if (r->old != NULL) {
        return QUIRE_OK;
    }
    if (r->lock == NULL) {
        return qr_fail_at(err, QUIRE_NO_FILE, r->path, QUIRE_NO_PAGE, 0, "There is no database %s.",
                          r->path);
    }
    return qr_fail_at(err, QUIRE_CORRUPT, r->path, QUIRE_NO_PAGE, 0,
                      "%s cannot be opened; inspect it, and restore or recover it first.", r->path);
}

quire_status qr_compact(const struct qr_maintenance_place *place, const char *path,
                        quire_progress_callback progress, void *context, quire_error *err)
{
    struct compaction compaction = {.progress = progress, .context = context};
    struct qr_replacement r;
    quire_status status = qr_replacement_begin(&r, place, path, true, err);
    if (status == QUIRE_OK) {
        status = check_old(&r, err);
    }
    if (status == QUIRE_OK) {
        status = write_anew(&compaction, &r, err);
    }
    if (status == QUIRE_OK) {
        status = qr_copy_check(place, r.new_path, false, err);
    }
    if (status == QUIRE_OK) {
        status = qr_replacement_finish(&r, err);
    }
    qr_replacement_end(&r);
    return status;
}

quire_status quire_compact(const char *path, quire_progress_callback progress, void *context,
                           quire_error *err)
{
    if (path == NULL || path[0] == '\0' || strcmp(path, ":memory:") == 0) {
        return qr_fail(err, QUIRE_MISUSE, "quire_compact needs the path of a database.");
    }
    struct qr_maintenance_place place = {.layer = qr_file_layer_posix(),
                                         .allocator = qr_allocator_default()};
    return qr_compact(&place, path, progress, context, err);
}
