/*
 * Events of subscriptions: see live.h.
 */
#include "graphql/live.h"

#include "graphql/auth.h"
#include "graphql/row_key.h"

/* ---- what a field depends on ---- */

/* Whether a value comes out of the columns of its row. */
static bool is_own(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_COMPUTED;
}

/* Whether a field tells of rows what their columns say, and nothing of other rows. */
static bool stays_within(const struct qr_reader *reader, const struct qr_api_field *api)
{
    static const bool kinds[QR_API_END_CURSOR + 1] = {
        [QR_API_VERSION] = true,    [QR_API_ITEMS] = true,        [QR_API_EDGES] = true,
        [QR_API_NODE] = true,       [QR_API_CURSOR] = true,       [QR_API_PAGE_INFO] = true,
        [QR_API_HAS_NEXT] = true,   [QR_API_HAS_PREVIOUS] = true, [QR_API_START_CURSOR] = true,
        [QR_API_END_CURSOR] = true, [QR_API_TOTAL_COUNT] = true,  [QR_API_AGGREGATE] = true,
        [QR_API_COUNT] = true,      [QR_API_SUM] = true,          [QR_API_AVG] = true,
        [QR_API_MIN] = true,        [QR_API_MAX] = true,
    };
    if (api->kind == QR_API_COLUMN || api->kind == QR_API_MEASURED) {
        return is_own(api->field) && (reader->auth == NULL || api->field->rules == NULL);
    }
    return kinds[api->kind];
}

/* The same of all that is selected. It goes no deeper than a connection does: below a row there are
 * values alone. */
static bool all_stay_within(const struct qr_reader *reader, const struct qr_select *set)
{
    bool stay = !set->resolves && set->other == NULL;
    for (uint32_t i = 0; stay && i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api != NULL) {
            stay = field->selected->arguments.count == 0 && stays_within(reader, field->api) &&
                   (field->set == NULL || all_stay_within(reader, field->set));
        }
    }
    return stay;
}

/* Whether rows are ordered by what is within them. */
static bool orders_within(const struct qr_select_field *field)
{
    const struct qr_gql_value *order = qr_select_argument(field, "orderBy");
    if (order == NULL || order->kind == QR_GQL_VALUE_NULL) {
        return true;
    }
    for (uint32_t i = 0; i < order->count; i++) {
        const struct qr_gql_value *term = &order->items[i];
        for (uint32_t m = 0; m < term->count; m++) {
            const struct qr_model_field *by =
                qr_model_find_field(field->api->type, term->members[m].name);
            if (by == NULL || !is_own(by) || term->members[m].value.kind != QR_GQL_VALUE_ENUM) {
                return false;
            }
        }
    }
    return true;
}

/* Whether a condition says something of a row by its columns alone. */
static bool filters_within(const struct qr_filter *filter)
{
    if (filter->kind == QR_FILTER_COMPARE) {
        return is_own(filter->field);
    }
    bool within = filter->kind == QR_FILTER_ALL || filter->kind == QR_FILTER_ANY ||
                  filter->kind == QR_FILTER_NONE;
    for (const struct qr_filter *f = filter->first; within && f != NULL; f = f->next) {
        within = filters_within(f);
    }
    return within;
}

/* The condition of the rows that a field of many depends on; NULL when there is none that says all
 * of it. */
static quire_status compile_condition(struct qr_reader *reader, const struct qr_select_field *field,
                                      struct qr_filter **out)
{
    QR_TRY(
        qr_filter_compile_shown(reader, field->api->type, qr_select_argument(field, "where"), out));
    *out = *out != NULL && filters_within(*out) ? *out : NULL;
    return QUIRE_OK;
}

/* The row that a field of one depends on. None was found: any row may be the next. Whether the
 * caller sees it may depend on others as well. */
static quire_status find_row(struct qr_reader *reader, const struct qr_select_field *field,
                             int64_t *rowid, bool *known)
{
    const struct qr_model_index *key = NULL;
    const struct qr_gql_value *given = NULL;
    struct qr_filter *rules;
    QR_TRY(qr_row_key_given(reader, field, &key, &given));
    QR_TRY(qr_filter_compile_shown(reader, field->api->type, NULL, &rules));
    *known = rules == NULL || filters_within(rules);
    for (uint32_t f = 0; *known && f < key->field_count; f++) {
        *known = is_own(key->fields[f]);
    }
    return *known ? qr_row_key_seek(reader, field->api->type, key, given, rowid, known) : QUIRE_OK;
}

/* Finds the rows that a field depends on; *known false when that may be any. */
static quire_status find_root(struct qr_reader *reader, const struct qr_select_field *field,
                              struct qr_live_root *root, bool *known)
{
    struct qr_filter *condition;
    const struct qr_model_type *type = field->api->type;
    *known = false;
    *root = (struct qr_live_root){.one = field->api->kind == QR_API_ONE};
    if (type == NULL || type->view_of != NULL || field->set == NULL ||
        !all_stay_within(reader, field->set)) {
        return QUIRE_OK;
    }
    if (root->one) {
        return find_row(reader, field, &root->rowid, known);
    }
    if (field->api->kind == QR_API_MANY && orders_within(field)) {
        QR_TRY(compile_condition(reader, field, &condition));
        *known = condition != NULL;
    }
    return QUIRE_OK;
}

/* Where the name of a table is among those that were read, or their size. */
static size_t find_table(const struct qr_live *live, const char *table)
{
    size_t at = 0;
    while (at < live->tables_size && strcmp(live->tables + at, table) != 0) {
        at += strlen(live->tables + at) + 1;
    }
    return at;
}

static quire_status note_roots(struct qr_live *live, struct qr_reader *reader,
                               const struct qr_select *set)
{
    uint32_t count = 0;
    bool known = !set->resolves;
    for (uint32_t i = 0; known && i < set->count; i++) {
        if (set->fields[i].api == NULL) { /* of the schema */
            continue;
        }
        known = count < QR_LIVE_ROOTS;
        if (known) {
            struct qr_live_root *root = &live->roots[count++];
            QR_TRY(find_root(reader, &set->fields[i], root, &known));
            root->table = known ? find_table(live, set->fields[i].api->type->stored) : 0;
        }
    }
    live->root_count = known ? count : 0;
    return QUIRE_OK;
}

/* ---- what a commit changes ---- */

bool qr_live_reads(const struct qr_live *live, const char *table)
{
    return find_table(live, table) < live->tables_size;
}

enum qr_live_concern qr_live_concern(const struct qr_live *live, const quire_row_change *change)
{
    size_t table = find_table(live, change->table);
    enum qr_live_concern concern = QR_LIVE_NOTHING;
    bool known = false;
    for (uint32_t i = 0; i < live->root_count; i++) {
        const struct qr_live_root *root = &live->roots[i];
        if (root->table != table) {
            continue;
        }
        known = true;
        if (root->one && root->rowid == change->rowid) {
            return QR_LIVE_CHANGES;
        }
        concern = root->one ? concern : QR_LIVE_LOOK;
    }
    return known ? concern : QR_LIVE_CHANGES;
}

/* Whether a record is of a row that a condition lets through. */
static quire_status is_let_through(struct qr_reader *reader, const struct qr_filter *condition,
                                   const quire_row_change *change, bool after, bool *through)
{
    struct qr_row row = {.rowid = change->rowid,
                         .place = change->rowid,
                         .record = after ? change->after : change->before,
                         .size = after ? change->after_size : change->before_size};
    if (row.record != NULL && !*through) {
        QR_TRY(qr_filter_test(reader, condition, &row, through));
        qr_arena_reset(&reader->scratch);
    }
    return QUIRE_OK;
}

/* Looks whether the commit changes a row that a field of many depends on. */
static quire_status look(struct qr_live *live, struct qr_reader *reader,
                         const struct qr_select_field *field)
{
    struct qr_filter *condition;
    quire_row_change change;
    bool through = false;
    QR_TRY(compile_condition(reader, field, &condition));
    quire_feed_rewind(live->looks);
    while (condition != NULL && !through && quire_feed_change(live->looks, &change)) {
        QR_TRY(qr_reader_step(reader));
        if (strcmp(change.table, field->api->type->stored) == 0) {
            QR_TRY(is_let_through(reader, condition, &change, false, &through));
            QR_TRY(is_let_through(reader, condition, &change, true, &through));
        }
    }
    live->passes = condition != NULL && !through;
    return QUIRE_OK;
}

static quire_status look_at_all(struct qr_live *live, struct qr_reader *reader,
                                const struct qr_select *set)
{
    live->passes = live->looks != NULL;
    for (uint32_t i = 0; live->passes && i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api != NULL && field->api->kind == QR_API_MANY) {
            QR_TRY(look(live, reader, field));
        }
    }
    return QUIRE_OK;
}

/* ---- around a run ---- */

quire_status qr_live_begin(struct qr_live *live, struct qr_reader *reader,
                           const struct qr_select *set)
{
    struct qr_change_match match;
    struct qr_change_event later;
    if (live->changes == NULL) {
        return look_at_all(live, reader, set);
    }
    QR_TRY(qr_change_match_compile(reader, &set->fields[0], &match));
    QR_TRY(qr_change_find(reader, &match, live->changes, &live->at, &live->event));
    live->next = live->at;
    if (!qr_live_is_silent(live)) {
        live->next++;
        QR_TRY(qr_change_find(reader, &match, live->changes, &live->next, &later));
        reader->event = &live->event;
    }
    return QUIRE_OK;
}

static quire_status note_table(struct qr_live *live, const char *name, quire_error *err)
{
    size_t size = strlen(name) + 1;
    if (qr_live_reads(live, name)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(live->allocator, &live->tables, &live->tables_capacity, live->tables_size + size,
                   1, err));
    memcpy(live->tables + live->tables_size, name, size);
    live->tables_size += size;
    return QUIRE_OK;
}

static quire_status note_tables(struct qr_live *live, const struct qr_reader *reader)
{
    const struct qr_model *model = reader->api->model;
    live->tables_size = 0;
    for (uint32_t t = 0; t < model->type_count; t++) {
        const struct qr_model_type *type = &model->types[t];
        if (qr_reader_has_read(reader, type)) {
            QR_TRY(note_table(live, type->stored, reader->err));
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *field = &type->fields[f];
            if (field->role == QR_MODEL_LINKS && reader->links[field->link_index] != NULL) {
                QR_TRY(note_table(live, field->link_table, reader->err));
            }
        }
    }
    return QUIRE_OK;
}

quire_status qr_live_end(struct qr_live *live, struct qr_reader *reader,
                         const struct qr_select *set)
{
    if (live->changes != NULL) {
        return QUIRE_OK;
    }
    live->root_count = 0;
    QR_TRY(note_tables(live, reader));
    return note_roots(live, reader, set);
}

void qr_live_free(struct qr_live *live)
{
    qr_free(live->allocator, live->tables, live->tables_capacity);
    live->tables = NULL;
    live->tables_size = live->tables_capacity = 0;
}
