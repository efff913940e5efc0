/*
 * Comparing two models by what they store: see schema_diff.h. Tables are read
 * only to tell what would be lost or does not fit.
 */
#include "graphql/schema_diff.h"

#include "catalog/record.h"
#include "engine/engine.h"
#include "graphql/model_internal.h"

/* ---- what can live on ---- */

static bool is_text(enum qr_model_scalar scalar)
{
    return scalar == QR_MODEL_ID || scalar == QR_MODEL_STRING;
}

/* Whether every value of a scalar has one of the other that says the same. */
static bool fits(enum qr_model_scalar from, enum qr_model_scalar to, bool list)
{
    if (from == to) {
        return true;
    }
    if (is_text(to) && (is_text(from) || from == QR_MODEL_ENUM)) {
        return true;
    }
    if (from == QR_MODEL_INT) {
        return to == QR_MODEL_BIGINT || (!list && (to == QR_MODEL_FLOAT || is_text(to)));
    }
    return from == QR_MODEL_BIGINT && is_text(to) && !list;
}

/* Whether the new field can have what the old one stores. */
static bool is_compatible(const struct qr_schema_change *c, const struct qr_model_field *old,
                          const struct qr_model_field *field)
{
    if (old->role != field->role) {
        return false;
    }
    if (field->role == QR_MODEL_COLUMN) {
        return old->list == field->list && fits(old->scalar, field->scalar, field->list);
    }
    return field->role == QR_MODEL_COMPUTED || qr_match_type(c, field->target) == old->target;
}

static void let_go(const struct qr_schema_change *c, const struct qr_model_field *old,
                   const struct qr_model_field *field)
{
    struct qr_match *match = &c->matches[field->owner->index];
    match->fields[field->index] = NULL;
    match->becomes[old->index] = NULL;
}

/* A link table is named after its owning side: the other one alone cannot go on with it. */
static bool lacks_owner(const struct qr_schema_change *c, const struct qr_model_field *old,
                        const struct qr_model_field *field)
{
    return old->role == QR_MODEL_LINKS && !old->link_owner &&
           (field->inverse == NULL || qr_match_field(c, field->inverse) != old->inverse);
}

static void let_all_go(const struct qr_schema_change *c)
{
    for (uint32_t t = 0; t < c->model->type_count; t++) {
        const struct qr_model_type *type = &c->model->types[t];
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *old = qr_match_field(c, &type->fields[f]);
            if (old != NULL && !is_compatible(c, old, &type->fields[f])) {
                let_go(c, old, &type->fields[f]);
            }
        }
    }
    for (uint32_t t = 0; t < c->model->type_count; t++) {
        const struct qr_model_type *type = &c->model->types[t];
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *old = qr_match_field(c, &type->fields[f]);
            if (old != NULL && lacks_owner(c, old, &type->fields[f])) {
                let_go(c, old, &type->fields[f]);
            }
        }
    }
}

/* ---- counting rows ---- */

/* The listing. */
struct diff {
    struct qr_schema_change *change;
    struct qr_schema_steps *steps;
};

/* Which rows of an old type are counted, by the value of a field. */
enum counting { ALL, WITH_VALUE, WITHOUT_VALUE, LOST_VALUE, NULL_ELEMENT };

static bool lists_null(const quire_value *value)
{
    struct qr_record_walk walk;
    uint32_t count;
    if (value->type != QUIRE_LIST ||
        quire_record_check(value->as.bytes, value->size, &count, NULL) != QUIRE_OK ||
        qr_record_walk_open(&walk, value->as.bytes, value->size, NULL) != QUIRE_OK) {
        return false;
    }
    while (walk.next < walk.columns) {
        quire_value element;
        if (qr_record_walk_next(&walk, &element, NULL) != QUIRE_OK || element.type == QUIRE_NULL) {
            return true;
        }
    }
    return false;
}

static bool has_name(const struct qr_gql_type *type, const quire_value *value)
{
    struct qr_gql_str name = {value->as.bytes, value->size};
    return value->type != QUIRE_TEXT || qr_gql_type_enum_value(type, name) != NULL;
}

/* Whether a value of an enum, or an element of a list, is none of the type's any more. */
static bool is_lost(const struct qr_gql_type *type, const quire_value *value)
{
    struct qr_record_walk walk;
    uint32_t count;
    if (value->type != QUIRE_LIST) {
        return !has_name(type, value);
    }
    if (quire_record_check(value->as.bytes, value->size, &count, NULL) != QUIRE_OK ||
        qr_record_walk_open(&walk, value->as.bytes, value->size, NULL) != QUIRE_OK) {
        return false;
    }
    while (walk.next < walk.columns) {
        quire_value element;
        if (qr_record_walk_next(&walk, &element, NULL) != QUIRE_OK || !has_name(type, &element)) {
            return true;
        }
    }
    return false;
}

static bool counts(enum counting counting, const struct qr_model_field *field,
                   const quire_value *value)
{
    switch (counting) {
    case ALL:
        break;
    case WITH_VALUE:
        return value->type != QUIRE_NULL;
    case WITHOUT_VALUE:
        return value->type == QUIRE_NULL;
    case LOST_VALUE:
        return is_lost(field->named, value);
    case NULL_ELEMENT:
        return lists_null(value);
    }
    return true;
}

/* `field` is the new one that LOST_VALUE compares with. */
static quire_status count_rows(const struct diff *diff, quire_cursor *cursor,
                               const struct qr_model_field *old, const struct qr_model_field *field,
                               enum counting counting, uint64_t *rows)
{
    bool valid;
    *rows = 0;
    QR_TRY(quire_cursor_first(cursor, &valid, diff->change->err));
    while (valid) {
        const void *record;
        size_t size;
        quire_value value;
        QR_TRY(quire_cursor_row(cursor, NULL, &record, &size, diff->change->err));
        QR_TRY(quire_record_column(record, size, old->column, &value, diff->change->err));
        *rows += counts(counting, field, &value);
        QR_TRY(quire_cursor_next(cursor, &valid, diff->change->err));
    }
    return QUIRE_OK;
}

static quire_status count_values(const struct diff *diff, const struct qr_model_field *old,
                                 const struct qr_model_field *field, enum counting counting,
                                 uint64_t *rows)
{
    quire_table *table;
    quire_cursor *cursor;
    QR_TRY(quire_table_open(diff->change->txn, old->owner->stored, &table, diff->change->err));
    quire_status status = quire_table_cursor(table, &cursor, diff->change->err);
    if (status == QUIRE_OK) {
        status = count_rows(diff, cursor, old, field, counting, rows);
        quire_cursor_close(cursor);
    }
    quire_table_close(table);
    return status;
}

static quire_status count_table(const struct diff *diff, const char *name, uint64_t *rows)
{
    quire_table *table;
    QR_TRY(quire_table_open(diff->change->txn, name, &table, diff->change->err));
    quire_status status = quire_table_row_count(table, rows, diff->change->err);
    quire_table_close(table);
    return status;
}

/* ---- steps ---- */

static quire_status add(struct diff *diff, quire_change_effect effect, const char *kind,
                        uint64_t rows, struct qr_gql_pos pos, const char *format, ...)
    QR_PRINTF(6, 7);

static quire_status add(struct diff *diff, quire_change_effect effect, const char *kind,
                        uint64_t rows, struct qr_gql_pos pos, const char *format, ...)
{
    struct qr_schema_step *step =
        qr_arena_alloc(diff->change->arena, sizeof *step, diff->change->err);
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    va_list arguments;

    if (step == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_gql_buffer_init(&buffer, diff->change->arena, diff->change->err);
    va_start(arguments, format);
    qr_gql_buffer_format_list(&buffer, format, arguments);
    va_end(arguments);
    QR_TRY(qr_gql_buffer_finish(&buffer, &text));
    *step = (struct qr_schema_step){.change = {QUIRE_CHANGE_SAFE, effect, kind, text.data, rows},
                                    .pos = pos};
    if (diff->steps->last != NULL) {
        diff->steps->last->next = step;
    } else {
        diff->steps->first = step;
    }
    diff->steps->last = step;
    return QUIRE_OK;
}

/* The effect of taking something away from so many rows. */
static quire_change_effect loss(uint64_t rows)
{
    return rows > 0 ? QUIRE_EFFECT_LOSES : QUIRE_EFFECT_APPLIED;
}

static const char *plural(uint64_t rows)
{
    return rows == 1 ? "" : "s";
}

/* Arguments for "%.*s.%.*s". */
#define FIELD(field) QR_GQL_FMT((field)->owner->name), QR_GQL_FMT((field)->name)
#define ROWS(rows)   (unsigned long long)(rows), plural(rows)

static struct qr_gql_pos type_pos(const struct qr_model_type *type)
{
    return type->definition->origins->node->name.pos;
}

static struct qr_gql_pos field_pos(const struct qr_model_field *field)
{
    return field->definition != NULL && field->definition->node != NULL
               ? field->definition->node->name.pos
               : type_pos(field->owner);
}

/* The place in the new SDL that a field which is gone concerns. */
static struct qr_gql_pos gone_pos(const struct qr_model_type *type,
                                  const struct qr_model_field *old)
{
    const struct qr_model_field *field = qr_model_find_field(type, old->name);
    return field != NULL ? field_pos(field) : type_pos(type);
}

static bool is_declared(const struct qr_model_type *type, const quire_index_def *def)
{
    for (uint32_t i = 0; i < type->index_count; i++) {
        if (strcmp(type->indexes[i].name, def->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_on(const quire_index_def *def, const char *column)
{
    bool uses = false;
    for (uint32_t i = 0; i < def->column_count; i++) {
        const char *name = def->columns[i].name;
        uses = uses || (name != NULL && strcmp(name, column) == 0);
    }
    for (uint32_t i = 0; i < def->included_count; i++) {
        uses = uses || strcmp(def->included[i], column) == 0;
    }
    return uses;
}

/* What becomes of the indexes that the host has made where a column goes, or (`stays`) is named or
 * stored otherwise. Those on a column go with it. Those that compute with one say so in texts of
 * their own, which would come to mean another column, or nothing. */
static quire_status change_own_indexes(struct diff *diff, const struct qr_model_field *old,
                                       struct qr_gql_pos pos, bool stays, const char *what)
{
    quire_status status = QUIRE_OK;
    quire_table *table;
    QR_TRY(quire_table_open(diff->change->txn, old->owner->stored, &table, diff->change->err));
    for (uint32_t i = 0; status == QUIRE_OK && i < quire_table_index_count(table); i++) {
        const quire_index_def *def = quire_table_index(table, i);
        if (is_declared(old->owner, def)) {
            continue;
        }
        if (qr_table_index_computes_with(table, i, old->column)) {
            status = add(diff, QUIRE_EFFECT_REFUSED, "INDEX_IN_USE", 0, pos,
                         "The index %s computes with %.*s.%.*s, which %s: drop the index first "
                         "(quire_index_drop), and make it anew afterwards.",
                         def->name, FIELD(old), what);
        } else if (!stays && is_on(def, old->column_name)) {
            status = add(diff, QUIRE_EFFECT_APPLIED, "INDEX_DROPPED", 0, pos,
                         "The index %s is on %.*s.%.*s.", def->name, FIELD(old));
        }
    }
    quire_table_close(table);
    return status;
}

static quire_status drop_column(struct diff *diff, const struct qr_model_type *type,
                                const struct qr_model_field *old)
{
    uint64_t rows;
    bool replaced = qr_model_find_field(type, old->name) != NULL;
    QR_TRY(count_values(diff, old, NULL, WITH_VALUE, &rows));
    diff->change->matches[type->index].rebuilt = true;
    QR_TRY(change_own_indexes(diff, old, gone_pos(type, old), false, "is missing"));
    return add(diff, loss(rows), "COLUMN_DROPPED", rows, gone_pos(type, old),
               "The field %.*s.%.*s is stored and %s: %llu row%s with a value.", FIELD(old),
               replaced ? "has another type that its values do not fit"
                        : "is missing; if it has another name now, and no other type, say so with "
                          "@renamedFrom",
               ROWS(rows));
}

static quire_status drop_links(struct diff *diff, const struct qr_model_field *old,
                               struct qr_gql_pos pos)
{
    uint64_t rows;
    QR_TRY(count_table(diff, old->link_table, &rows));
    return add(diff, loss(rows), "LINKS_DROPPED", rows, pos,
               "The relation %.*s.%.*s is stored and %s: %llu link%s.", FIELD(old),
               old->inverse != NULL
                   ? "is missing, or only its other side is there"
                   : "is missing; if it has another name now, say so with @renamedFrom",
               ROWS(rows));
}

static quire_status drop_type(struct diff *diff, const struct qr_model_type *old)
{
    uint64_t rows;
    QR_TRY(count_table(diff, old->stored, &rows));
    return add(diff, loss(rows), "TABLE_DROPPED", rows, (struct qr_gql_pos){0, 1, 1},
               "The type %.*s is missing; if it has another name now, say so with @renamedFrom: "
               "%llu row%s.",
               QR_GQL_FMT(old->name), ROWS(rows));
}

/* What the old model stores and the new one does not. */
static quire_status find_dropped(struct diff *diff)
{
    for (uint32_t t = 0; t < diff->change->old->type_count; t++) {
        const struct qr_model_type *old = &diff->change->old->types[t];
        const struct qr_model_type *type = qr_match_new_type(diff->change, old);
        if (type == NULL) {
            QR_TRY(drop_type(diff, old));
        }
        for (uint32_t f = 0; f < old->field_count; f++) {
            const struct qr_model_field *field = &old->fields[f];
            bool links = field->role == QR_MODEL_LINKS;
            if (!qr_field_is_stored(field) || qr_match_new_field(diff->change, field) != NULL) {
                continue;
            }
            if (!links && type != NULL) {
                QR_TRY(drop_column(diff, type, field));
            } else if (links && field->link_owner) {
                QR_TRY(drop_links(diff, field,
                                  type != NULL ? gone_pos(type, field)
                                               : (struct qr_gql_pos){0, 1, 1}));
            }
        }
    }
    return QUIRE_OK;
}

static quire_status add_column(struct diff *diff, const struct qr_model_type *old,
                               const struct qr_model_field *field)
{
    uint64_t rows;
    if (!field->required || qr_model_has_default(field)) {
        return add(diff, QUIRE_EFFECT_APPLIED, "COLUMN_ADDED", 0, field_pos(field),
                   "The field %.*s.%.*s is new.", FIELD(field));
    }
    QR_TRY(count_table(diff, old->stored, &rows));
    return add(diff, rows > 0 ? QUIRE_EFFECT_REFUSED : QUIRE_EFFECT_APPLIED, "COLUMN_ADDED", rows,
               field_pos(field),
               "The new field %.*s.%.*s is non-null: give it a @default for the %llu row%s that "
               "there are, or make it nullable.",
               FIELD(field), ROWS(rows));
}

static quire_status check_null(struct diff *diff, const struct qr_model_field *old,
                               const struct qr_model_field *field)
{
    uint64_t rows;
    if (old->required && !field->required) {
        return add(diff, QUIRE_EFFECT_APPLIED, "COLUMN_NULLABLE", 0, field_pos(field),
                   "The field %.*s.%.*s may be null.", FIELD(field));
    }
    if (old->required || !field->required) {
        return QUIRE_OK;
    }
    QR_TRY(count_values(diff, old, field, WITHOUT_VALUE, &rows));
    bool filled = rows == 0 || qr_model_has_default(field);
    return add(diff, filled ? QUIRE_EFFECT_APPLIED : QUIRE_EFFECT_REFUSED, "COLUMN_REQUIRED", rows,
               field_pos(field),
               filled ? "The field %.*s.%.*s is non-null: %llu row%s get its default."
                      : "The field %.*s.%.*s cannot be non-null: %llu row%s without a value; give "
                        "it a @default, or those rows values.",
               FIELD(field), ROWS(rows));
}

static quire_status check_values(struct diff *diff, const struct qr_model_field *old,
                                 const struct qr_model_field *field)
{
    uint64_t rows = 0;
    if (field->scalar == QR_MODEL_ENUM) {
        QR_TRY(count_values(diff, old, field, LOST_VALUE, &rows));
    }
    if (rows > 0) {
        QR_TRY(add(diff, QUIRE_EFFECT_REFUSED, "VALUES_REMOVED", rows, field_pos(field),
                   "The enum of %.*s.%.*s lacks values that %llu row%s have: change those first.",
                   FIELD(field), ROWS(rows)));
    }
    if (field->list && field->element_required && !old->element_required) {
        QR_TRY(count_values(diff, old, field, NULL_ELEMENT, &rows));
        QR_TRY(add(diff, rows > 0 ? QUIRE_EFFECT_REFUSED : QUIRE_EFFECT_APPLIED, "COLUMN_REQUIRED",
                   rows, field_pos(field),
                   "The elements of %.*s.%.*s are non-null: %llu row%s have a list with null.",
                   FIELD(field), ROWS(rows)));
    }
    if (qr_model_column_type(old) != qr_model_column_type(field)) {
        diff->change->matches[field->owner->index].rebuilt = true;
        QR_TRY(change_own_indexes(diff, old, field_pos(field), true,
                                  "is to be stored as another type"));
    }
    if (old->scalar != field->scalar) {
        return add(diff, QUIRE_EFFECT_APPLIED, "COLUMN_CONVERTED", 0, field_pos(field),
                   "The field %.*s.%.*s has another type that its values fit.", FIELD(field));
    }
    return QUIRE_OK;
}

static quire_status change_column(struct diff *diff, const struct qr_model_field *old,
                                  const struct qr_model_field *field)
{
    if (strcmp(old->column_name, field->column_name) != 0) {
        QR_TRY(add(diff, QUIRE_EFFECT_APPLIED, "COLUMN_RENAMED", 0, field_pos(field),
                   "The column of %.*s.%.*s was %s and is %s.", FIELD(field), old->column_name,
                   field->column_name));
        QR_TRY(change_own_indexes(diff, old, field_pos(field), true, "is to be called otherwise"));
    }
    QR_TRY(check_null(diff, old, field));
    return field->role == QR_MODEL_COLUMN ? check_values(diff, old, field) : QUIRE_OK;
}

static quire_status change_links(struct diff *diff, const struct qr_model_field *old,
                                 const struct qr_model_field *field)
{
    const char *name = qr_model_link_name(diff->change->arena, field, diff->change->err);
    if (name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    return !old->link_owner || strcmp(old->link_table, name) == 0
               ? QUIRE_OK
               : add(diff, QUIRE_EFFECT_APPLIED, "LINKS_RENAMED", 0, field_pos(field),
                     "The links of %.*s.%.*s were %s and are %s.", FIELD(field), old->link_table,
                     name);
}

static quire_status change_field(struct diff *diff, const struct qr_model_type *type,
                                 const struct qr_model_field *field)
{
    const struct qr_model_field *old = qr_match_field(diff->change, field);
    if (!qr_field_is_stored(field)) {
        return QUIRE_OK;
    }
    if (field->role != QR_MODEL_LINKS) {
        return old != NULL ? change_column(diff, old, field) : add_column(diff, type, field);
    }
    if (old != NULL) {
        return change_links(diff, old, field);
    }
    bool other = field->inverse != NULL && qr_match_field(diff->change, field->inverse) != NULL;
    return other || !field->link_owner
               ? QUIRE_OK
               : add(diff, QUIRE_EFFECT_APPLIED, "LINKS_CREATED", 0, field_pos(field),
                     "The relation %.*s.%.*s is new.", FIELD(field));
}

static quire_status find_changed(struct diff *diff)
{
    for (uint32_t t = 0; t < diff->change->model->type_count; t++) {
        const struct qr_model_type *type = &diff->change->model->types[t];
        const struct qr_model_type *old = qr_match_type(diff->change, type);
        if (old == NULL) {
            QR_TRY(add(diff, QUIRE_EFFECT_APPLIED, "TABLE_CREATED", 0, type_pos(type),
                       "The type %.*s is new.", QR_GQL_FMT(type->name)));
            continue;
        }
        if (strcmp(old->stored, type->stored) != 0) {
            QR_TRY(add(diff, QUIRE_EFFECT_APPLIED, "TABLE_RENAMED", 0, type_pos(type),
                       "The table of %.*s was %s and is %s.", QR_GQL_FMT(type->name), old->stored,
                       type->stored));
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            QR_TRY(change_field(diff, old, &type->fields[f]));
        }
    }
    return QUIRE_OK;
}

/* ---- indexes ---- */

static bool had_index(const struct qr_schema_change *c, const struct qr_model_type *old,
                      const struct qr_model_index *index)
{
    for (uint32_t i = 0; old != NULL && i < old->index_count; i++) {
        if (qr_match_index(c, old, &old->indexes[i]) == index) {
            return true;
        }
    }
    return false;
}

static quire_status find_indexes(struct diff *diff)
{
    const struct qr_schema_change *c = diff->change;
    for (uint32_t t = 0; t < c->old->type_count; t++) {
        const struct qr_model_type *old = &c->old->types[t];
        for (uint32_t i = 0; i < old->index_count; i++) {
            if (qr_match_new_type(c, old) != NULL &&
                qr_match_index(c, old, &old->indexes[i]) == NULL) {
                QR_TRY(add(diff, QUIRE_EFFECT_APPLIED, "INDEX_DROPPED", 0,
                           (struct qr_gql_pos){0, 1, 1}, "The index %s is not declared any more.",
                           old->indexes[i].name));
            }
        }
    }
    for (uint32_t t = 0; t < c->model->type_count; t++) {
        const struct qr_model_type *type = &c->model->types[t];
        for (uint32_t i = 0; i < type->index_count; i++) {
            if (!had_index(c, qr_match_type(c, type), &type->indexes[i])) {
                QR_TRY(add(diff, QUIRE_EFFECT_APPLIED, "INDEX_CREATED", 0, type_pos(type),
                           "The index %s is new.", type->indexes[i].name));
            }
        }
    }
    return QUIRE_OK;
}

/* ---- all of it ---- */

quire_status qr_schema_diff(struct qr_schema_change *c, struct qr_schema_steps *steps)
{
    struct diff diff = {c, steps};
    *steps = (struct qr_schema_steps){NULL, NULL};
    QR_TRY(qr_match_schemas(c));
    let_all_go(c);
    QR_TRY(find_dropped(&diff));
    QR_TRY(find_changed(&diff));
    return find_indexes(&diff);
}

quire_status qr_schema_diff_check(const struct qr_schema_change *c,
                                  const struct qr_schema_steps *steps, bool drop_data)
{
    for (const struct qr_schema_step *step = steps->first; step != NULL; step = step->next) {
        if (step->change.effect == QUIRE_EFFECT_REFUSED) {
            return qr_fail_text(c->err, QUIRE_SCHEMA, "schema", step->pos.line, step->pos.column,
                                "%s", step->change.text);
        }
    }
    for (const struct qr_schema_step *step = steps->first; step != NULL && !drop_data;
         step = step->next) {
        if (step->change.effect == QUIRE_EFFECT_LOSES) {
            return qr_fail_text(c->err, QUIRE_SCHEMA, "schema", step->pos.line, step->pos.column,
                                "%s They would be lost; keep the declaration, or allow it.",
                                step->change.text);
        }
    }
    return QUIRE_OK;
}
