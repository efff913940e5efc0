/*
 * The schema cache: definitions of tables and trees, read from the catalog when
 * first asked for, and kept per schema cookie.
 *
 * A committed catalog never changes under its cookie, so the definitions of one
 * cookie are shared by every transaction that sees it. A transaction that has
 * changed the catalog itself uses a private schema from then on: its cookie may
 * come again with other contents if it rolls back. After each further change it
 * starts another private one and keeps the older until it ends, because handles
 * still borrow from them.
 *
 * Catalog pages are read outside the database's mutex; if two threads read the
 * same definition, one copy is thrown away.
 */
#include <string.h>

#include "base/hash.h"
#include "engine/index.h"
#include "engine/trigger.h"

/* ---- Definitions ---- */

static void free_def(const quire_allocator *allocator, struct qr_table_def *def)
{
    qr_arena_free(&def->arena);
    qr_free(allocator, def, sizeof *def);
}

struct index_load {
    struct qr_table_def *def;
    uint32_t capacity;
};

static quire_status add_index(void *context, struct qr_object *object, quire_error *err)
{
    struct index_load *load = context;
    struct qr_table_def *def = load->def;
    if (def->index_count == load->capacity) {
        uint32_t capacity = load->capacity == 0 ? 4 : 2 * load->capacity;
        struct qr_index_def *more = qr_arena_alloc(&def->arena, capacity * sizeof *more, err);
        if (more == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (def->index_count > 0) {
            memcpy(more, def->indexes, def->index_count * sizeof *more);
        }
        def->indexes = more;
        load->capacity = capacity;
    }
    struct qr_index_def *index = &def->indexes[def->index_count];
    QR_TRY(qr_index_define(object, def->object, &def->arena, index, err));
    def->index_count++;
    if (!object->building) {
        struct qr_index_def ready = *index;
        struct qr_index_def *first_unready = &def->indexes[def->ready_count++];
        memmove(first_unready + 1, first_unready, (size_t)(index - first_unready) * sizeof *index);
        *first_unready = ready;
    }
    return QUIRE_OK;
}

static quire_status read_def(quire_txn *txn, const char *name, struct qr_table_def *def,
                             bool *found, quire_error *err)
{
    struct qr_object *object;
    QR_TRY(qr_catalog_find(txn->view, QR_OBJECT_TABLE, name, strlen(name), &def->arena, &object,
                           found, err));
    if (!*found) {
        return QUIRE_OK;
    }
    def->object = object;
    if (object->kind == QR_OBJECT_VIEW || object->kind == QR_OBJECT_INDEX) {
        *found = false;
        return QUIRE_OK;
    }
    struct index_load load = {.def = def};
    if (object->kind != QR_OBJECT_TABLE) {
        return QUIRE_OK;
    }
    QR_TRY(qr_catalog_each(txn->view, QR_OBJECT_INDEX, object->id, &def->arena, add_index, &load,
                           err));
    return qr_triggers_load(txn, def, err);
}

/* Reads a definition from the catalog; *out NULL when there is none. */
static quire_status load_def(quire_txn *txn, const char *name, struct qr_table_def **out,
                             quire_error *err)
{
    const quire_allocator *allocator = &txn->db->allocator;
    struct qr_table_def *def = qr_alloc_zero(allocator, sizeof *def, err);
    bool found = false;
    *out = NULL;
    if (def == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_arena_init(&def->arena, allocator, 0);
    quire_status status = read_def(txn, name, def, &found, err);
    if (status != QUIRE_OK || !found) {
        free_def(allocator, def);
        return status;
    }
    *out = def;
    return QUIRE_OK;
}

/* ---- Schemas ---- */

static void free_schema(const quire_allocator *allocator, struct qr_schema *schema)
{
    for (uint32_t i = 0; i < QR_SCHEMA_BUCKETS; i++) {
        struct qr_table_def *def = atomic_load_explicit(&schema->buckets[i], memory_order_relaxed);
        while (def != NULL) {
            struct qr_table_def *next = def->next;
            free_def(allocator, def);
            def = next;
        }
    }
    qr_free(allocator, schema, sizeof *schema);
}

static struct qr_table_def *_Atomic *bucket_of(struct qr_schema *schema, const char *name)
{
    return &schema->buckets[qr_hash64(name, strlen(name), 0) % QR_SCHEMA_BUCKETS];
}

static struct qr_table_def *search(struct qr_schema *schema, const char *name)
{
    struct qr_table_def *def = atomic_load_explicit(bucket_of(schema, name), memory_order_acquire);
    while (def != NULL && strcmp(def->object->name, name) != 0) {
        def = def->next;
    }
    return def;
}

/* Frees the shared schemas that no transaction uses, but the newest. Under the mutex. */
static void drop_unused(quire_db *db)
{
    uint64_t newest = 0;
    for (const struct qr_schema *schema = db->schemas; schema != NULL; schema = schema->next) {
        newest = schema->cookie > newest ? schema->cookie : newest;
    }
    struct qr_schema **link = &db->schemas;
    while (*link != NULL) {
        struct qr_schema *schema = *link;
        if (schema->references == 0 && schema->cookie != newest) {
            *link = schema->next;
            free_schema(&db->allocator, schema);
        } else {
            link = &schema->next;
        }
    }
}

static struct qr_schema *find_shared(quire_db *db, uint64_t cookie)
{
    struct qr_schema *schema = db->schemas;
    while (schema != NULL && schema->cookie != cookie) {
        schema = schema->next;
    }
    return schema;
}

/* Gives the transaction the shared schema of its cookie. */
static quire_status acquire(quire_txn *txn, quire_error *err)
{
    quire_db *db = txn->db;
    uint64_t sequence = qr_view_sequence(txn->view);
    uint64_t cookie;
    if (txn->shared != NULL && txn->shared_sequence == sequence) {
        txn->shared_checked = true;
        return QUIRE_OK;
    }
    QR_TRY(qr_catalog_cookie(txn->view, &cookie, err));
    txn->shared_sequence = sequence;
    if (txn->shared != NULL && txn->shared->cookie == cookie) {
        txn->shared_checked = true;
        return QUIRE_OK;
    }
    qr_mutex_lock(&db->mutex);
    if (txn->shared != NULL) {
        txn->shared->references--;
        txn->recent = NULL;
    }
    struct qr_schema *schema = find_shared(db, cookie);
    if (schema == NULL) {
        schema = qr_alloc_zero(&db->allocator, sizeof *schema, err);
        if (schema != NULL) {
            schema->cookie = cookie;
            schema->next = db->schemas;
            db->schemas = schema;
        }
    }
    if (schema != NULL) {
        schema->references++;
        drop_unused(db);
    }
    qr_mutex_unlock(&db->mutex);
    txn->shared = schema;
    txn->shared_checked = schema != NULL;
    return schema != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

/* Only one thread at a time adds to a schema: its transaction's, or whoever holds the mutex. */
static void push(struct qr_schema *schema, struct qr_table_def *def)
{
    struct qr_table_def *_Atomic *bucket = bucket_of(schema, def->object->name);
    def->next = atomic_load_explicit(bucket, memory_order_relaxed);
    atomic_store_explicit(bucket, def, memory_order_release);
}

/* Adds a definition to the transaction's schema, unless another thread was quicker; returns the one
 * that is there now. */
static struct qr_table_def *keep(quire_txn *txn, struct qr_table_def *loaded)
{
    if (txn->own != NULL) {
        push(txn->own, loaded);
        return loaded;
    }
    qr_mutex_lock(&txn->db->mutex);
    struct qr_table_def *known = search(txn->shared, loaded->object->name);
    if (known == NULL) {
        push(txn->shared, loaded);
    }
    qr_mutex_unlock(&txn->db->mutex);
    if (known != NULL) {
        free_def(&txn->db->allocator, loaded);
    }
    return known != NULL ? known : loaded;
}

quire_status qr_schema_find(quire_txn *txn, const char *name, const struct qr_table_def **def,
                            quire_error *err)
{
    *def = NULL;
    if (txn->own == NULL && !txn->shared_checked) {
        QR_TRY(acquire(txn, err));
    }
    if (txn->own == NULL && txn->recent != NULL && strcmp(txn->recent->object->name, name) == 0) {
        *def = txn->recent;
        return QUIRE_OK;
    }
    *def = search(txn->own != NULL ? txn->own : txn->shared, name);
    if (*def == NULL) {
        struct qr_table_def *loaded;
        QR_TRY(qr_check_name(name, "relation", err));
        QR_TRY(load_def(txn, name, &loaded, err));
        *def = loaded == NULL ? NULL : keep(txn, loaded);
    }
    if (txn->own == NULL) {
        txn->recent = *def;
    }
    return QUIRE_OK;
}

quire_status qr_schema_changed(quire_txn *txn, quire_error *err)
{
    struct qr_schema *schema = qr_alloc_zero(&txn->db->allocator, sizeof *schema, err);
    if (schema == NULL) {
        qr_txn_give_up(txn);
        return QUIRE_NO_MEMORY;
    }
    schema->next = txn->own;
    txn->own = schema;
    txn->schema_epoch++;
    txn->changes.schema_changed = true;
    txn->changes.recent = 0; /* its table may have another name now */
    return QUIRE_OK;
}

void qr_schema_end(quire_txn *txn)
{
    while (txn->own != NULL) {
        struct qr_schema *schema = txn->own;
        txn->own = schema->next;
        free_schema(&txn->db->allocator, schema);
    }
    txn->schema_epoch = 0;
}

void qr_schema_release(quire_txn *txn)
{
    if (txn->shared != NULL) {
        qr_mutex_lock(&txn->db->mutex);
        txn->shared->references--;
        drop_unused(txn->db);
        qr_mutex_unlock(&txn->db->mutex);
        txn->shared = NULL;
    }
}

void qr_schema_free_all(quire_db *db)
{
    while (db->schemas != NULL) {
        struct qr_schema *schema = db->schemas;
        db->schemas = schema->next;
        free_schema(&db->allocator, schema);
    }
}

/* ---- The cookie, and what is compiled from a schema ---- */

quire_status qr_txn_schema_cookie(quire_txn *txn, uint64_t *cookie, bool *committed,
                                  quire_error *err)
{
    *committed = txn->own == NULL;
    return qr_catalog_cookie(txn->view, cookie, err);
}

struct qr_attachment *qr_attachment_acquire(quire_db *db, uint64_t cookie)
{
    qr_mutex_lock(&db->mutex);
    struct qr_attachment *attachment = db->attachment;
    if (attachment != NULL && attachment->cookie != cookie) {
        attachment = NULL;
    }
    if (attachment != NULL) {
        attachment->references++;
    }
    qr_mutex_unlock(&db->mutex);
    return attachment;
}

struct qr_attachment *qr_attachment_publish(quire_db *db, struct qr_attachment *attachment)
{
    attachment->references = 1; /* the caller's */
    qr_mutex_lock(&db->mutex);
    struct qr_attachment *let_go = attachment;
    struct qr_attachment *present = db->attachment;
    if (present != NULL && present->cookie == attachment->cookie) {
        attachment = present;
        attachment->references++;
    } else if (present == NULL || present->cookie < attachment->cookie) {
        attachment->references++;
        db->attachment = attachment;
        let_go = present;
    } else {
        let_go = NULL; /* made for an older snapshot: the caller keeps it for itself */
    }
    qr_mutex_unlock(&db->mutex);
    qr_attachment_release(db, let_go);
    return attachment;
}

void qr_attachment_release(quire_db *db, struct qr_attachment *attachment)
{
    if (attachment == NULL) {
        return;
    }
    qr_mutex_lock(&db->mutex);
    bool last = --attachment->references == 0;
    qr_mutex_unlock(&db->mutex);
    if (last) {
        attachment->destroy(attachment);
    }
}
