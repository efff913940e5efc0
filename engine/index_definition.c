/*
 * What an index is over: from the user's definition to the catalog's, with
 * every name resolved and every expression in canonical form, and from the
 * catalog's to one that keys can be made by.
 *
 * Pure functions over definitions; all memory comes from the caller's arena.
 */
#include <string.h>

#include "catalog/record.h"
#include "engine/collation.h"
#include "engine/expression.h"
#include "engine/index.h"

/* ---- From the user ---- */

static quire_status find_column(const struct qr_object *table, const char *name, uint32_t *column,
                                quire_error *err)
{
    uint32_t i = 0;
    *column = 0;
    while (name != NULL && i < table->column_count && strcmp(table->columns[i].name, name) != 0) {
        i++;
    }
    if (name == NULL || i == table->column_count) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "Table \"%s\" has no column \"%s\".", table->name,
                       name == NULL ? "" : name);
    }
    *column = i;
    return QUIRE_OK;
}

static quire_status compile(const struct qr_object *table, const char *text, struct qr_arena *arena,
                            struct qr_expression **expression, quire_error *err)
{
    return qr_expression_compile(text, strlen(text), table->columns, table->column_count, arena,
                                 expression, err);
}

/* Finds what a part is over. An expression that is but a column is that column. */
static quire_status resolve_source(const struct qr_object *table, const quire_index_column *wanted,
                                   struct qr_arena *arena, struct qr_index_part *part,
                                   quire_type *type, quire_error *err)
{
    struct qr_expression *expression;
    size_t size;
    *type = QUIRE_NULL;
    if ((wanted->name == NULL) == (wanted->expression == NULL)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "A part of an index is either a column or an expression.");
    }
    if (wanted->expression == NULL) {
        QR_TRY(find_column(table, wanted->name, &part->column, err));
        *type = table->columns[part->column].type;
        return QUIRE_OK;
    }
    QR_TRY(compile(table, wanted->expression, arena, &expression, err));
    *type = qr_expression_type(expression);
    int64_t column = qr_expression_column(expression);
    if (column >= 0) {
        part->column = (uint32_t)column;
    } else {
        part->expression = qr_expression_text(expression, &size);
    }
    return QUIRE_OK;
}

static const char *shown(const quire_index_column *wanted)
{
    return wanted->name != NULL ? wanted->name : wanted->expression;
}

static quire_status check_collation(const quire_db *db, const quire_index_column *wanted,
                                    quire_type type, quire_error *err)
{
    if (wanted->collation == NULL) {
        return QUIRE_OK;
    }
    if (type != QUIRE_TEXT) {
        return qr_fail(err, QUIRE_MISUSE, "\"%.200s\" is no text: it takes no collation.",
                       shown(wanted));
    }
    if (qr_collation_find(db, wanted->collation) == NULL) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME,
                       "There is no collation \"%s\"; register it on the database first.",
                       wanted->collation);
    }
    return QUIRE_OK;
}

static quire_status resolve_part(const quire_db *db, const struct qr_object *table,
                                 const quire_index_column *wanted, quire_index_kind kind,
                                 struct qr_arena *arena, struct qr_index_part *part,
                                 quire_error *err)
{
    quire_type type;
    *part =
        (struct qr_index_part){.descending = wanted->descending, .collation = wanted->collation};
    QR_TRY(resolve_source(table, wanted, arena, part, &type, err));
    if (type == QUIRE_LIST) {
        return qr_fail(err, QUIRE_MISUSE, "\"%.200s\" is a list, which cannot be indexed.",
                       shown(wanted));
    }
    if (kind == QUIRE_INDEX_HASH && wanted->descending) {
        return qr_fail(err, QUIRE_MISUSE,
                       "A hash index keeps no order: \"%.200s\" cannot be descending.",
                       shown(wanted));
    }
    return check_collation(db, wanted, type, err);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* One column may come twice if the two compare differently. */
static bool same_part(const struct qr_index_part *a, const struct qr_index_part *b)
{
    return a->column == b->column && same_text(a->expression, b->expression) &&
           same_text(a->collation, b->collation);
}

static quire_status resolve_parts(const quire_db *db, const struct qr_object *table,
                                  const quire_index_def *def, struct qr_arena *arena,
                                  struct qr_object *index, quire_error *err)
{
    index->parts = qr_arena_alloc(arena, def->column_count * sizeof *index->parts, err);
    if (index->parts == NULL) {
        return QUIRE_NO_MEMORY;
    }
    index->key_count = def->column_count;
    for (uint32_t i = 0; i < def->column_count; i++) {
        struct qr_index_part *part = &index->parts[i];
        QR_TRY(resolve_part(db, table, &def->columns[i], def->kind, arena, part, err));
        for (uint32_t j = 0; j < i; j++) {
            if (same_part(&index->parts[j], part)) {
                return qr_fail(err, QUIRE_MISUSE, "\"%.200s\" is twice in index \"%s\".",
                               shown(&def->columns[i]), def->name);
            }
        }
    }
    return QUIRE_OK;
}

/* Sorts the included columns: their order in the entries is that in the rows. */
static quire_status resolve_included(const struct qr_object *table, const quire_index_def *def,
                                     struct qr_arena *arena, struct qr_object *index,
                                     quire_error *err)
{
    if (def->included_count > QR_INDEX_INCLUDED_MAX ||
        (def->included == NULL && def->included_count > 0)) {
        return qr_fail(err, QUIRE_MISUSE, "An index includes at most %u columns.",
                       QR_INDEX_INCLUDED_MAX);
    }
    if (def->kind == QUIRE_INDEX_HASH && def->included_count > 0) {
        return qr_fail(err, QUIRE_MISUSE, "A hash index cannot include columns.");
    }
    uint32_t *included = qr_arena_alloc(arena, def->included_count * sizeof *included, err);
    if (included == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < def->included_count; i++) {
        uint32_t column;
        uint32_t at = i;
        QR_TRY(find_column(table, def->included[i], &column, err));
        for (; at > 0 && included[at - 1] > column; at--) {
            included[at] = included[at - 1];
        }
        if (at > 0 && included[at - 1] == column) {
            return qr_fail(err, QUIRE_MISUSE, "Index \"%s\" includes column \"%s\" twice.",
                           def->name, def->included[i]);
        }
        included[at] = column;
    }
    index->included = included;
    index->included_count = def->included_count;
    return QUIRE_OK;
}

static quire_status resolve_where(const struct qr_object *table, const quire_index_def *def,
                                  struct qr_arena *arena, struct qr_object *index, quire_error *err)
{
    struct qr_expression *where;
    size_t size;
    if (def->where == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(compile(table, def->where, arena, &where, err));
    if (qr_expression_type(where) != QUIRE_BOOL) {
        return qr_fail(err, QUIRE_TYPE, "The condition of index \"%s\" is of type %s, not %s.",
                       def->name, qr_type_name(qr_expression_type(where)),
                       qr_type_name(QUIRE_BOOL));
    }
    index->where = qr_expression_text(where, &size);
    return QUIRE_OK;
}

quire_status qr_index_resolve(const quire_db *db, const struct qr_object *table,
                              const quire_index_def *def, struct qr_arena *arena,
                              struct qr_object *index, quire_error *err)
{
    if (def == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "An index needs a definition.");
    }
    QR_TRY(qr_check_name(def->name, "index", err));
    if ((unsigned)def->kind > QUIRE_INDEX_HASH) {
        return qr_fail(err, QUIRE_MISUSE, "Index \"%s\" has no kind of quire_index_kind.",
                       def->name);
    }
    if (def->columns == NULL || def->column_count == 0 ||
        def->column_count > QR_INDEX_COLUMNS_MAX) {
        return qr_fail(err, QUIRE_MISUSE, "An index has 1 to %u columns.", QR_INDEX_COLUMNS_MAX);
    }
    *index = (struct qr_object){.kind = QR_OBJECT_INDEX,
                                .name = def->name,
                                .owner = table->id,
                                .index_kind = def->kind,
                                .unique = def->unique};
    QR_TRY(resolve_parts(db, table, def, arena, index, err));
    QR_TRY(resolve_included(table, def, arena, index, err));
    return resolve_where(table, def, arena, index, err);
}

bool qr_index_same(const struct qr_object *a, const struct qr_object *b)
{
    if (a->kind != b->kind || a->owner != b->owner || a->index_kind != b->index_kind ||
        a->unique != b->unique || a->key_count != b->key_count ||
        a->included_count != b->included_count || !same_text(a->where, b->where)) {
        return false;
    }
    for (uint32_t i = 0; i < a->key_count; i++) {
        if (!same_part(&a->parts[i], &b->parts[i]) ||
            a->parts[i].descending != b->parts[i].descending) {
            return false;
        }
    }
    return a->included_count == 0 ||
           memcmp(a->included, b->included, a->included_count * sizeof *a->included) == 0;
}

/* ---- From the catalog ---- */

/* Compiles what was compiled when the index was made. */
static quire_status compile_stored(const struct qr_object *index, const struct qr_object *table,
                                   const char *text, struct qr_arena *arena,
                                   struct qr_expression **expression, quire_error *err)
{
    quire_error detail = QUIRE_ERROR_INIT;
    quire_status status = compile(table, text, arena, expression, &detail);
    if (status == QUIRE_OK || status == QUIRE_NO_MEMORY) {
        return status == QUIRE_OK ? QUIRE_OK : qr_fail_memory(err, strlen(text));
    }
    return qr_fail(
        err, QUIRE_CORRUPT,
        "The catalog is damaged: an expression of index \"%s\" does not fit \"%s\": %.150s",
        index->name, table->name, detail.message);
}

static quire_status lost_column(const struct qr_object *index, const struct qr_object *table,
                                quire_error *err)
{
    return qr_fail(err, QUIRE_CORRUPT,
                   "The catalog is damaged: index \"%s\" is over a column that \"%s\" does not "
                   "have.",
                   index->name, table->name);
}

static quire_status define_part(const struct qr_index_part *part, const struct qr_object *table,
                                struct qr_arena *arena, struct qr_index_def *def,
                                quire_index_column *named, struct qr_part_source *source,
                                quire_error *err)
{
    *source = (struct qr_part_source){.expression = NULL};
    *named = (quire_index_column){.expression = part->expression,
                                  .descending = part->descending,
                                  .collation = part->collation};
    if (part->expression != NULL) {
        QR_TRY(
            compile_stored(def->object, table, part->expression, arena, &source->expression, err));
        source->type = qr_expression_type(source->expression);
    } else if (part->column < table->column_count) {
        source->type = table->columns[part->column].type;
        named->name = table->columns[part->column].name;
    } else {
        source->type = QUIRE_LIST;
    }
    return source->type == QUIRE_LIST ? lost_column(def->object, table, err) : QUIRE_OK;
}

static quire_status define_where(const struct qr_object *table, struct qr_arena *arena,
                                 struct qr_index_def *def, quire_error *err)
{
    const char *where = def->object->where;
    def->where = NULL;
    if (where == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(compile_stored(def->object, table, where, arena, &def->where, err));
    return qr_expression_type(def->where) == QUIRE_BOOL
               ? QUIRE_OK
               : qr_fail(err, QUIRE_CORRUPT,
                         "The catalog is damaged: the condition of index \"%s\" is none.",
                         def->object->name);
}

quire_status qr_index_define(const struct qr_object *index, const struct qr_object *table,
                             struct qr_arena *arena, struct qr_index_def *def, quire_error *err)
{
    quire_index_column *columns = qr_arena_alloc(arena, index->key_count * sizeof *columns, err);
    const char **included = qr_arena_alloc(arena, index->included_count * sizeof *included, err);
    struct qr_part_source *sources = qr_arena_alloc(arena, index->key_count * sizeof *sources, err);
    if (columns == NULL || included == NULL || sources == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *def = (struct qr_index_def){.object = index, .sources = sources};
    for (uint32_t i = 0; i < index->key_count; i++) {
        QR_TRY(define_part(&index->parts[i], table, arena, def, &columns[i], &sources[i], err));
    }
    for (uint32_t i = 0; i < index->included_count; i++) {
        if (index->included[i] >= table->column_count) {
            return lost_column(index, table, err);
        }
        included[i] = table->columns[index->included[i]].name;
    }
    def->names = (quire_index_def){.name = index->name,
                                   .kind = index->index_kind,
                                   .unique = index->unique,
                                   .columns = columns,
                                   .column_count = index->key_count,
                                   .included = included,
                                   .included_count = index->included_count,
                                   .where = index->where};
    return define_where(table, arena, def, err);
}
