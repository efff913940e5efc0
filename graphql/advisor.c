/*
 * Advisors: see quire/advisor.h.
 *
 * A fixed number of columns is noted, so that requests cost no memory; the
 * first that is of least weight makes room for another. The mutex is held to
 * change a note. Indexes are known by their names: an advisor that is made anew
 * finds those of the one before it.
 */
#include "graphql/advisor.h"

#include <stdio.h>

#include "graphql/schema_store.h"

#define NOTES_MAX  128u
#define NAME_SIZE  256u /* of a type or column; longer ones are not noted */
#define NAME_START "auto."

struct note {
    char type[NAME_SIZE], column[NAME_SIZE];
    uint64_t requests, rows_read;
    uint64_t rows_found; /* among those read */
    bool due, built;
    uint32_t idle; /* rounds in which the index built served nobody */
};

struct quire_advisor {
    quire_db *db;
    quire_advisor_options options;
    struct qr_mutex mutex;
    uint32_t count, due_count, built_count;
    struct note notes[NOTES_MAX];
};

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value == 0 ? fallback : value;
}

quire_status quire_advisor_create(quire_db *db, const quire_advisor_options *options,
                                  quire_advisor **out, quire_error *err)
{
    quire_advisor *advisor;
    if (db == NULL || out == NULL || (options != NULL && options->size != sizeof *options)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_advisor_create needs a database, QUIRE_ADVISOR_OPTIONS_INIT or "
                       "NULL, and an output.");
    }
    *out = NULL;
    advisor = qr_alloc_zero(qr_db_allocator(db), sizeof *advisor, err);
    if (advisor == NULL) {
        return QUIRE_NO_MEMORY;
    }
    advisor->db = db;
    if (options != NULL) {
        advisor->options = *options;
    }
    advisor->options.rows_min = or_default(advisor->options.rows_min, 1000);
    advisor->options.scans_min = (uint32_t)or_default(advisor->options.scans_min, 10);
    advisor->options.percent_max = (uint32_t)or_default(advisor->options.percent_max, 10);
    advisor->options.indexes_max = (uint32_t)or_default(advisor->options.indexes_max, 16);
    advisor->options.idle_rounds = (uint32_t)or_default(advisor->options.idle_rounds, 100);
    quire_status status = qr_mutex_init(&advisor->mutex, QR_RANK_LEAF, err);
    if (status != QUIRE_OK) {
        qr_free(qr_db_allocator(db), advisor, sizeof *advisor);
        return status;
    }
    *out = advisor;
    return QUIRE_OK;
}

void quire_advisor_free(quire_advisor *advisor)
{
    if (advisor != NULL) {
        qr_mutex_destroy(&advisor->mutex);
        qr_free(qr_db_allocator(advisor->db), advisor, sizeof *advisor);
    }
}

/* ---- noting ---- */

/* The note of a column, made if need be; NULL when none is to be had. Under the mutex. */
static struct note *find_note(quire_advisor *advisor, const char *type, const char *column)
{
    struct note *least = NULL;
    for (uint32_t i = 0; i < advisor->count; i++) {
        struct note *note = &advisor->notes[i];
        if (strcmp(note->column, column) == 0 && strcmp(note->type, type) == 0) {
            return note;
        }
        if (!note->due && !note->built && (least == NULL || note->rows_read < least->rows_read)) {
            least = note;
        }
    }
    if (strlen(type) >= NAME_SIZE || strlen(column) >= NAME_SIZE) {
        return NULL;
    }
    if (advisor->count < NOTES_MAX) {
        least = &advisor->notes[advisor->count++];
    }
    if (least != NULL) {
        *least = (struct note){.requests = 0};
        snprintf(least->type, sizeof least->type, "%s", type);
        snprintf(least->column, sizeof least->column, "%s", column);
    }
    return least;
}

static bool finds_by_index(const struct qr_filter *filter)
{
    return filter->kind == QR_FILTER_COMPARE && !filter->insensitive && !filter->field->list &&
           filter->value_count > 0 && filter->values[0].type != QUIRE_NULL &&
           (filter->op == QR_FILTER_EQUALS || filter->op == QR_FILTER_IN ||
            filter->op == QR_FILTER_LT || filter->op == QR_FILTER_LTE ||
            filter->op == QR_FILTER_GT || filter->op == QR_FILTER_GTE ||
            filter->op == QR_FILTER_STARTS_WITH);
}

/* The column that an index would serve best: one that is compared for equality, else any. Recursion
 * follows the filter, whose depth is bounded. */
static const struct qr_model_field *best_column(const struct qr_filter *filter, bool equality)
{
    const struct qr_model_field *found = NULL;
    if (filter == NULL) {
        return NULL;
    }
    if (filter->kind == QR_FILTER_ALL) {
        for (const struct qr_filter *f = filter->first; f != NULL && found == NULL; f = f->next) {
            found = best_column(f, equality);
        }
        return found;
    }
    bool is_equality = filter->op == QR_FILTER_EQUALS || filter->op == QR_FILTER_IN;
    return finds_by_index(filter) && (is_equality || !equality) ? filter->field : NULL;
}

static void note_scan(quire_advisor *advisor, const struct qr_query *query, uint64_t rows_read,
                      uint64_t rows_returned)
{
    const struct qr_model_field *field = best_column(query->filter, true);
    field = field != NULL ? field : best_column(query->filter, false);
    if (field == NULL || rows_read < advisor->options.rows_min || rows_returned > rows_read) {
        return;
    }
    qr_mutex_lock(&advisor->mutex);
    struct note *note = find_note(advisor, query->type->stored, field->column_name);
    if (note != NULL && !note->built) {
        note->requests++;
        note->rows_read += rows_read - rows_returned;
        note->rows_found += rows_returned;
        bool pays = note->requests >= advisor->options.scans_min &&
                    note->rows_found * 100 <=
                        (note->rows_read + note->rows_found) * advisor->options.percent_max;
        if (pays && !note->due &&
            advisor->due_count + advisor->built_count < advisor->options.indexes_max) {
            note->due = true;
            advisor->due_count++;
        }
    }
    qr_mutex_unlock(&advisor->mutex);
}

/* Takes "auto.Table.column" apart; false for other names. Both texts have NAME_SIZE bytes. */
static bool parse_name(const char *name, char *type, char *column)
{
    const char *dot = strrchr(name, '.');
    size_t start = sizeof NAME_START - 1;
    if (strncmp(name, NAME_START, start) != 0 || dot == NULL || dot < name + start ||
        (size_t)(dot - name) - start >= NAME_SIZE || strlen(dot + 1) >= NAME_SIZE) {
        return false;
    }
    snprintf(type, NAME_SIZE, "%.*s", (int)((size_t)(dot - name) - start), name + start);
    snprintf(column, NAME_SIZE, "%s", dot + 1);
    return true;
}

static void note_use(quire_advisor *advisor, const char *name)
{
    char type[NAME_SIZE];
    char column[NAME_SIZE];
    if (!parse_name(name, type, column)) {
        return;
    }
    qr_mutex_lock(&advisor->mutex);
    struct note *note = find_note(advisor, type, column);
    if (note != NULL) {
        advisor->built_count += note->built ? 0 : 1;
        advisor->due_count -= note->due ? 1 : 0;
        note->built = true;
        note->due = false;
        note->requests++;
        note->idle = 0;
    }
    qr_mutex_unlock(&advisor->mutex);
}

void qr_advisor_note(quire_advisor *advisor, const struct qr_query *query, uint64_t rows_read,
                     uint64_t rows_returned)
{
    if (query->path.kind == QR_PATH_SCAN) {
        note_scan(advisor, query, rows_read, rows_returned);
    } else if (query->path.name != NULL && query->path.kind != QR_PATH_LINKS) {
        note_use(advisor, query->path.name);
    }
}

bool quire_advisor_is_due(quire_advisor *advisor)
{
    qr_mutex_lock(&advisor->mutex);
    bool due = advisor->due_count > 0;
    qr_mutex_unlock(&advisor->mutex);
    return due;
}

void quire_advisor_list(quire_advisor *advisor,
                        bool (*visit)(void *context, const quire_advice *advice), void *context)
{
    bool more = true;
    qr_mutex_lock(&advisor->mutex);
    for (uint32_t i = 0; i < advisor->count && more; i++) {
        const struct note *note = &advisor->notes[i];
        quire_advice advice = {.type = note->type,
                               .column = note->column,
                               .requests = note->requests,
                               .rows_read = note->rows_read,
                               .due = note->due,
                               .built = note->built};
        more = visit(context, &advice);
    }
    qr_mutex_unlock(&advisor->mutex);
}

/* ---- working ---- */

/* The next note that is due, copied. */
static bool next_due(quire_advisor *advisor, struct note *out)
{
    bool found = false;
    qr_mutex_lock(&advisor->mutex);
    for (uint32_t i = 0; i < advisor->count && !found; i++) {
        found = advisor->notes[i].due;
        if (found) {
            *out = advisor->notes[i];
        }
    }
    qr_mutex_unlock(&advisor->mutex);
    return found;
}

static void settle(quire_advisor *advisor, const struct note *of, bool built)
{
    qr_mutex_lock(&advisor->mutex);
    struct note *note = find_note(advisor, of->type, of->column);
    if (note != NULL) {
        advisor->due_count -= note->due ? 1 : 0;
        advisor->built_count += built && !note->built ? 1 : 0;
        advisor->built_count -= !built && note->built ? 1 : 0;
        *note = (struct note){.requests = note->requests, .built = built};
        snprintf(note->type, sizeof note->type, "%s", of->type);
        snprintf(note->column, sizeof note->column, "%s", of->column);
    }
    qr_mutex_unlock(&advisor->mutex);
}

static void name_index(const struct note *note, char *name, size_t size)
{
    snprintf(name, size, NAME_START "%s.%s", note->type, note->column);
}

static quire_status build(quire_advisor *advisor, const struct note *note, quire_error *err)
{
    char name[2 * NAME_SIZE + sizeof NAME_START];
    quire_index_column column = {.name = note->column};
    quire_index_def def = {.name = name, .columns = &column, .column_count = 1};
    quire_index_build_options options = QUIRE_INDEX_BUILD_OPTIONS_INIT;

    name_index(note, name, sizeof name);
    options.progress = advisor->options.progress;
    options.context = advisor->options.context;
    quire_status status = quire_index_build(advisor->db, note->type, &def, &options, err);
    /* A column that is gone needs no index; one that is there is as good. */
    bool gone = status == QUIRE_UNKNOWN_NAME;
    if (status == QUIRE_OK || status == QUIRE_EXISTS || gone) {
        settle(advisor, note, !gone);
        return QUIRE_OK;
    }
    return status;
}

static quire_status drop(quire_advisor *advisor, const struct note *note, quire_error *err)
{
    char name[2 * NAME_SIZE + sizeof NAME_START];
    quire_txn *txn;

    name_index(note, name, sizeof name);
    QR_TRY(quire_begin(advisor->db, QUIRE_WRITE, &txn, err));
    quire_status status = quire_index_drop(txn, name, err);
    if (status != QUIRE_OK && status != QUIRE_UNKNOWN_NAME) {
        quire_rollback(txn);
        return status;
    }
    QR_TRY(quire_commit(txn, err));
    settle(advisor, note, false);
    return QUIRE_OK;
}

/* The next index that has served nobody for too long, copied. */
static bool next_idle(quire_advisor *advisor, struct note *out)
{
    bool found = false;
    qr_mutex_lock(&advisor->mutex);
    for (uint32_t i = 0; i < advisor->count && !found; i++) {
        struct note *note = &advisor->notes[i];
        found = note->built && note->idle > advisor->options.idle_rounds;
        if (found) {
            *out = *note;
        }
    }
    qr_mutex_unlock(&advisor->mutex);
    return found;
}

/* Counts a round for every index, those from before the advisor included. */
static quire_status count_round(quire_advisor *advisor, quire_error *err)
{
    struct qr_api_use use = {0};
    quire_txn *txn;

    QR_TRY(quire_begin(advisor->db, QUIRE_READ, &txn, err));
    quire_status status = qr_api_acquire(txn, &use, err);
    for (uint32_t t = 0; status == QUIRE_OK && t < use.api->model->type_count; t++) {
        quire_table *table;
        status = quire_table_open(txn, use.api->model->types[t].stored, &table, err);
        for (uint32_t i = 0; status == QUIRE_OK && i < quire_table_index_count(table); i++) {
            char type[NAME_SIZE];
            char column[NAME_SIZE];
            if (!parse_name(quire_table_index(table, i)->name, type, column)) {
                continue;
            }
            qr_mutex_lock(&advisor->mutex);
            struct note *note = find_note(advisor, type, column);
            if (note != NULL) {
                advisor->built_count += note->built ? 0 : 1;
                note->built = true;
                note->idle++;
            }
            qr_mutex_unlock(&advisor->mutex);
        }
        if (status == QUIRE_OK) {
            quire_table_close(table);
        }
    }
    qr_api_release(&use);
    quire_rollback(txn);
    return status;
}

quire_status quire_advisor_work(quire_advisor *advisor, quire_error *err)
{
    struct note note;
    if (advisor == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_advisor_work needs an advisor.");
    }
    while (next_due(advisor, &note)) {
        QR_TRY(build(advisor, &note, err));
    }
    QR_TRY(count_round(advisor, err));
    while (next_idle(advisor, &note)) {
        QR_TRY(drop(advisor, &note, err));
    }
    return QUIRE_OK;
}
