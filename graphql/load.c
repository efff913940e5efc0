/*
 * The loader: follows each input down to the lists that rules name, and turns
 * their elements into rows one by one (see load.h for the parts).
 *
 * While an input is read the loader is in one of four states:
 *
 *     SEEKING   in objects on the way to a list
 *     SKIPPING  in a value that no rule leads into
 *     LISTING   in a list that rules read, between two of its elements
 *     READING   in an element, which grows on the tape
 *
 * Every failure gives the transaction up, so that nothing of a load that
 * failed can be committed. One thread at a time, that of the transaction.
 */
#include "quire/load.h"

#include "graphql/load.h"
#include "graphql/schema_store.h"

enum state { SEEKING, SKIPPING, LISTING, READING };

struct quire_loader {
    const quire_allocator *allocator;
    quire_txn *txn;
    struct qr_api_use schema;
    struct qr_arena arena; /* lives as long as the loader */
    struct qr_arena row;   /* lives as long as an element */
    struct qr_load_names names;
    struct qr_load_rules rules;
    struct qr_load_writer writer;
    bool failed, finished;
    quire_error error; /* of the running call */

    quire_load_format format;         /* of the inputs, as it was asked for */
    const struct qr_model_type *type; /* of the inputs' rows; NULL: they say it */

    const char **inputs; /* their names, in `arena` */
    size_t input_count, input_capacity;

    /* The input being read; json and csv NULL: none. */
    struct qr_json_reader *json;
    struct qr_csv_reader *csv;
    bool many;                    /* a sequence of values */
    struct qr_load_rule whole;    /* of an input that is itself a list of rows */
    struct qr_load_rule **active; /* the rules that take it */
    uint32_t active_count;
    enum state state;
    uint32_t depth;   /* SEEKING: open objects; SKIPPING: those around the value */
    uint32_t skipped; /* SKIPPING: open lists and objects */
    bool single;      /* READING: the element stands in place of a list */
    struct qr_load_tape tape;
};

/* ---- seeking ---- */

static bool is_begin(enum qr_json_event event)
{
    return event == QR_JSON_ARRAY_BEGIN || event == QR_JSON_OBJECT_BEGIN;
}

static bool is_end(enum qr_json_event event)
{
    return event == QR_JSON_ARRAY_END || event == QR_JSON_OBJECT_END;
}

static struct qr_load_place place_of(const struct quire_loader *loader)
{
    struct qr_load_place place;
    if (loader->csv != NULL) {
        qr_csv_reader_position(loader->csv, &place.line, &place.column);
    } else {
        qr_json_reader_position(loader->json, &place.line, &place.column);
    }
    return place;
}

/* A member of an object on the way: how far does each rule's path go along? */
static quire_status seek_member(struct quire_loader *loader, struct qr_gql_str name)
{
    uint32_t step = loader->depth - 1;
    bool known = false;

    for (uint32_t i = 0; i < loader->active_count; i++) {
        struct qr_load_rule *rule = loader->active[i];
        bool along = rule->matched >= step && rule->list.count > step &&
                     qr_gql_str_equal(rule->list.names[step], name);
        if (along) {
            rule->matched = step + 1;
            known = true;
        } else if (rule->matched > step) {
            rule->matched = step;
        }
    }
    if (known || !loader->rules.plain) {
        return QUIRE_OK;
    }
    const struct qr_model_type *type;
    return qr_load_find_type(loader->schema.api->model, &loader->row, name, place_of(loader), &type,
                             &loader->error);
}

/* Marks the rules whose list begins here, and says whether there are any. */
static quire_status find_readers(struct quire_loader *loader, bool *any)
{
    *any = false;
    for (uint32_t i = 0; i < loader->active_count; i++) {
        struct qr_load_rule *rule = loader->active[i];
        rule->is_read = rule->matched == loader->depth && rule->list.count == loader->depth;
        if (!rule->is_read) {
            continue;
        }
        *any = true;
        if (rule->found_here) {
            return qr_load_fail(&loader->error, QUIRE_DATA, place_of(loader),
                                "The input has the list \"%.*s\" twice.",
                                QR_LOAD_SHOWN(rule->list.text));
        }
        rule->found_here = true;
        rule->found = true;
        QR_TRY(qr_load_replace_begin(&loader->writer, rule->type));
    }
    return QUIRE_OK;
}

/* A value begins that is not inside another: the next of a sequence starts anew. */
static void begin_value(struct quire_loader *loader)
{
    for (uint32_t i = 0; i < loader->active_count; i++) {
        loader->active[i]->matched = 0;
        loader->active[i]->found_here = false;
    }
}

/* Whether some rule's list may lie inside the value that begins here. */
static bool leads_on(const struct quire_loader *loader)
{
    for (uint32_t i = 0; i < loader->active_count; i++) {
        const struct qr_load_rule *rule = loader->active[i];
        if (rule->matched == loader->depth && rule->list.count > loader->depth) {
            return true;
        }
    }
    return false;
}

static quire_status begin_element(struct quire_loader *loader, enum qr_json_event event)
{
    if (event != QR_JSON_OBJECT_BEGIN) {
        return qr_load_fail(&loader->error, QUIRE_DATA, place_of(loader),
                            loader->state == LISTING
                                ? "Each element of this list becomes a row and must be an object."
                                : "Rows are read here: a list of objects is expected.");
    }
    loader->single = loader->state != LISTING;
    loader->state = READING;
    return qr_load_tape_event(&loader->tape, event, (struct qr_gql_str){NULL, 0}, place_of(loader),
                              &loader->error);
}

/* A value begins while seeking. */
static quire_status seek_value(struct quire_loader *loader, enum qr_json_event event)
{
    bool any;
    if (loader->many && loader->depth == 0) {
        begin_value(loader);
    }
    QR_TRY(find_readers(loader, &any));
    if (any && event == QR_JSON_ARRAY_BEGIN) {
        loader->state = LISTING;
        return QUIRE_OK;
    }
    if (any) {
        return begin_element(loader, event);
    }
    if (event == QR_JSON_OBJECT_BEGIN && leads_on(loader)) {
        loader->depth++;
    } else if (loader->rules.plain && loader->depth == 0) {
        return qr_load_fail(&loader->error, QUIRE_DATA, place_of(loader),
                            "Without a mapping the input is an object whose members are named "
                            "after types and hold lists of objects.");
    } else if (is_begin(event)) {
        loader->state = SKIPPING;
        loader->skipped = 1;
    }
    return QUIRE_OK;
}

/* ---- events ---- */

static quire_status end_element(struct quire_loader *loader)
{
    uint32_t input = (uint32_t)(loader->input_count - 1);
    for (uint32_t i = 0; i < loader->active_count; i++) {
        if (loader->active[i]->is_read) {
            QR_TRY(qr_load_row(&loader->writer, loader->active[i], loader->tape.nodes, input));
        }
    }
    qr_load_tape_reset(&loader->tape);
    qr_arena_reset(&loader->row);
    loader->state = loader->single ? SEEKING : LISTING;
    return QUIRE_OK;
}

static quire_status on_event(void *context, enum qr_json_event event, const char *text, size_t size,
                             quire_error *err)
{
    struct quire_loader *loader = context;
    struct qr_gql_str slice = {text, size};
    (void)err; /* the loader's own, to which everything below reports */

    switch (loader->state) {
    case SEEKING:
        if (event == QR_JSON_KEY) {
            return seek_member(loader, slice);
        }
        if (is_end(event)) {
            loader->depth--;
            return QUIRE_OK;
        }
        return seek_value(loader, event);
    case SKIPPING:
        if (is_begin(event)) {
            loader->skipped++;
        } else if (is_end(event) && --loader->skipped == 0) {
            loader->state = SEEKING;
        }
        return QUIRE_OK;
    case LISTING:
        if (event == QR_JSON_ARRAY_END) {
            loader->state = SEEKING;
            return QUIRE_OK;
        }
        return begin_element(loader, event);
    case READING:
        QR_TRY(qr_load_tape_event(&loader->tape, event, slice, place_of(loader), &loader->error));
        return qr_load_tape_done(&loader->tape) ? end_element(loader) : QUIRE_OK;
    }
    return QUIRE_OK;
}

/* ---- inputs ---- */

/* Whether the rule is for this input: its file is the name, or the end of the name as a path. */
static bool takes(const struct qr_load_rule *rule, struct qr_gql_str name)
{
    struct qr_gql_str file = rule->file;
    if (file.data == NULL) {
        return true;
    }
    if (name.size > file.size && name.data[name.size - file.size - 1] == '/') {
        name = (struct qr_gql_str){name.data + name.size - file.size, file.size};
    }
    return qr_gql_str_equal(name, file);
}

/* What the rules look for, for a message: files, or lists of the active ones. */
static const char *wanted(struct quire_loader *loader, bool files)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, &loader->row, NULL);
    buffer.size_max = 160;
    uint32_t count = files ? loader->rules.count : loader->active_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct qr_load_rule *rule = files ? &loader->rules.rules[i] : loader->active[i];
        qr_gql_buffer_text(&buffer, i > 0 ? ", \"" : "\"");
        qr_gql_buffer_str(&buffer, files ? rule->file : rule->list.text);
        qr_gql_buffer_text(&buffer, "\"");
    }
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? text.data : "";
}

/* ---- formats ---- */

/* The last part of a path, up to its first dot. */
static struct qr_gql_str stem_of(struct qr_gql_str name)
{
    size_t from = name.size;
    while (from > 0 && name.data[from - 1] != '/') {
        from--;
    }
    size_t size = 0;
    while (from + size < name.size && name.data[from + size] != '.') {
        size++;
    }
    return (struct qr_gql_str){name.data + from, size};
}

static bool ends_with(struct qr_gql_str name, const char *end)
{
    size_t size = strlen(end);
    return name.size > size && memcmp(name.data + name.size - size, end, size) == 0;
}

static quire_load_format format_of(const struct quire_loader *loader, struct qr_gql_str name)
{
    if (loader->format != QUIRE_LOAD_BY_NAME) {
        return loader->format;
    }
    if (ends_with(name, ".csv")) {
        return QUIRE_LOAD_CSV;
    }
    return ends_with(name, ".jsonl") || ends_with(name, ".ndjson") ? QUIRE_LOAD_JSON_LINES
                                                                   : QUIRE_LOAD_JSON;
}

/* The type whose rows are all that an input has; NULL: rules say what it has. */
static const struct qr_model_type *input_type(const struct quire_loader *loader,
                                              struct qr_gql_str name)
{
    if (loader->type != NULL || !loader->rules.plain) {
        return loader->type;
    }
    if (loader->csv == NULL && !loader->many) {
        return NULL;
    }
    struct qr_gql_str stem = stem_of(name);
    return qr_gql_str_is(stem, qr_load_numbers_name)
               ? qr_load_numbers()
               : qr_model_find_type(loader->schema.api->model, stem);
}

/* Finds the rules for an input, and makes them ready. */
static quire_status select_rules(struct quire_loader *loader, struct qr_gql_str name)
{
    const struct qr_model_type *type = input_type(loader, name);
    loader->active_count = 0;
    if (type != NULL) {
        loader->whole = (struct qr_load_rule){.type = type, .plain = true, .list.text = type->name};
        loader->active[loader->active_count++] = &loader->whole;
        return qr_load_replace_begin(&loader->writer, type);
    }
    if (loader->csv != NULL && loader->rules.plain) {
        return qr_fail(&loader->error, QUIRE_DATA,
                       "Which type the rows of \"%.*s\" are of is not known: name the file after "
                       "it, or give the type.",
                       QR_LOAD_SHOWN(name));
    }
    for (uint32_t i = 0; i < loader->rules.count; i++) {
        struct qr_load_rule *rule = &loader->rules.rules[i];
        if (takes(rule, name)) {
            rule->matched = 0;
            rule->is_read = false;
            rule->found_here = false;
            loader->active[loader->active_count++] = rule;
        }
    }
    if (loader->active_count > 0) {
        return QUIRE_OK;
    }
    return qr_fail(&loader->error, QUIRE_DATA,
                   "No rule of the mapping takes the input \"%.*s\"; there are rules for %s.",
                   QR_LOAD_SHOWN(name), wanted(loader, true));
}

/* A rule that names this input must have found its list; of those for every input, one. */
static quire_status check_found(struct quire_loader *loader)
{
    bool any = loader->rules.plain || loader->many;
    for (uint32_t i = 0; i < loader->active_count; i++) {
        const struct qr_load_rule *rule = loader->active[i];
        any = any || rule->found_here;
        if (rule->file.data != NULL && !rule->found_here && !loader->many) {
            return qr_fail(&loader->error, QUIRE_DATA,
                           "The input has no list \"%.*s\", from which the mapping reads rows of "
                           "%s.",
                           QR_LOAD_SHOWN(rule->list.text), rule->type->table);
        }
    }
    return any ? QUIRE_OK
               : qr_fail(&loader->error, QUIRE_DATA,
                         "The input has none of the lists that the mapping reads: %s.",
                         wanted(loader, false));
}

static quire_status check_all_found(struct quire_loader *loader)
{
    for (uint32_t i = 0; i < loader->rules.count && !loader->rules.plain; i++) {
        const struct qr_load_rule *rule = &loader->rules.rules[i];
        if (rule->file.data == NULL && !rule->found && loader->input_count > 0) {
            return qr_fail(&loader->error, QUIRE_DATA,
                           "No input has the list \"%.*s\", from which the mapping reads rows of "
                           "%s.",
                           QR_LOAD_SHOWN(rule->list.text), rule->type->table);
        }
    }
    return QUIRE_OK;
}

/* ---- calls ---- */

/* Starts a call: there must be no failure before it. */
static quire_status enter(struct quire_loader *loader, quire_error *err)
{
    if (loader == NULL || loader->finished) {
        return qr_fail(err, QUIRE_MISUSE, "The loader is %s.",
                       loader == NULL ? "missing" : "finished");
    }
    if (loader->failed) {
        return qr_fail(err, QUIRE_TXN_DOOMED, "The load failed before; roll its transaction back.");
    }
    loader->error = (quire_error)QUIRE_ERROR_INIT;
    return QUIRE_OK;
}

/* Whether a failure is about the input, so that its name belongs to it. */
static bool is_about_input(quire_status status)
{
    return status / 100 == 2 || status / 100 == 7 || status == QUIRE_LIMIT;
}

/* Ends a call: a failure gives the transaction up and is told to the caller. */
static quire_status leave(struct quire_loader *loader, quire_status status, size_t input,
                          quire_error *err)
{
    quire_error *detail = &loader->error;
    if (status == QUIRE_OK) {
        return QUIRE_OK;
    }
    loader->failed = true;
    qr_txn_give_up(loader->txn);
    if (!is_about_input(status)) {
        detail->line = 0;
        detail->column = 0;
    } else if (input < loader->input_count) {
        quire_error plain = *detail;
        (void)qr_fail_text(detail, status, loader->inputs[input], plain.line, plain.column, "%s",
                           plain.message);
    }
    if (err != NULL) {
        *err = *detail;
    }
    return status;
}

static quire_status open_rules(struct quire_loader *loader, const quire_load_options *options)
{
    const struct qr_model *model = loader->schema.api->model;
    quire_error *err = &loader->error;
    struct qr_gql_str mapping = {options->mapping, options->mapping_size};

    if (model->type_count == 0) {
        return qr_fail(err, QUIRE_SCHEMA,
                       "The database has no schema with types yet; apply one before loading.");
    }
    if (mapping.data != NULL && mapping.size == 0) {
        mapping.size = strlen(mapping.data);
    }
    if (options->type != NULL) {
        QR_TRY(qr_load_find_type(model, &loader->arena, qr_gql_str_of(options->type),
                                 (struct qr_load_place){0, 0}, &loader->type, err));
    }
    QR_TRY(qr_load_names_init(&loader->names, model, &loader->arena, err));
    QR_TRY(mapping.data == NULL ? qr_load_rules_plain(model, &loader->arena, &loader->rules, err)
                                : qr_load_rules_compile(model, &loader->names, &loader->arena,
                                                        mapping, &loader->rules, err));
    loader->active = qr_arena_alloc(
        &loader->arena, sizeof *loader->active * ((size_t)loader->rules.count + 1), err);
    return loader->active == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

static quire_status check_options(quire_txn *txn, const quire_load_options *options,
                                  quire_error *err)
{
    if (txn == NULL || !qr_txn_writes(txn)) {
        return qr_fail(err, QUIRE_MISUSE, "quire_loader_open needs a write transaction.");
    }
    if (options->size < sizeof *options || (unsigned)options->format > QUIRE_LOAD_CSV ||
        (unsigned)options->mode > QUIRE_LOAD_REPLACE) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The load options have a wrong size, format or mode; start from "
                       "QUIRE_LOAD_OPTIONS_INIT.");
    }
    if (options->mapping != NULL && options->type != NULL) {
        return qr_fail(err, QUIRE_MISUSE, "A load has a mapping or one type, not both.");
    }
    return QUIRE_OK;
}

quire_status quire_loader_open(quire_txn *txn, const quire_load_options *options,
                               quire_loader **out, quire_error *err)
{
    static const quire_load_options defaults = QUIRE_LOAD_OPTIONS_INIT;
    quire_status status;

    if (out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_loader_open needs a place for the loader.");
    }
    *out = NULL;
    options = options != NULL ? options : &defaults;
    QR_TRY(check_options(txn, options, err));
    const quire_allocator *allocator = qr_db_allocator(qr_txn_database(txn));
    struct quire_loader *loader = qr_alloc_zero(allocator, sizeof *loader, err);
    if (loader == NULL) {
        return QUIRE_NO_MEMORY;
    }
    loader->allocator = allocator;
    loader->txn = txn;
    loader->format = options->format;
    loader->error = (quire_error)QUIRE_ERROR_INIT;
    qr_arena_init(&loader->arena, allocator, 0);
    qr_arena_init(&loader->row, allocator, 0);
    qr_load_tape_init(&loader->tape, allocator, &loader->row);
    QR_TRY_GOTO(status, qr_api_acquire(txn, &loader->schema, &loader->error), failed);
    QR_TRY_GOTO(status, open_rules(loader, options), failed);
    QR_TRY_GOTO(status,
                qr_load_writer_open(&loader->writer, txn, loader->schema.api, options->mode,
                                    &loader->arena, &loader->row, &loader->names, &loader->error),
                failed);
    if (!options->no_triggers) {
        qr_load_triggers_init(&loader->writer);
    }
    *out = loader;
    return QUIRE_OK;
failed:
    if (err != NULL) {
        *err = loader->error;
    }
    quire_loader_close(loader);
    return status;
}

/* ---- inputs, from outside ---- */

static bool is_reading(const struct quire_loader *loader)
{
    return loader->json != NULL || loader->csv != NULL;
}

static void end_reading(struct quire_loader *loader)
{
    qr_json_reader_destroy(loader->json);
    qr_csv_reader_destroy(loader->csv);
    loader->json = NULL;
    loader->csv = NULL;
}

static quire_status create_reader(struct quire_loader *loader, quire_load_format format)
{
    struct qr_json_options options = {.many = format == QUIRE_LOAD_JSON_LINES};
    loader->many = options.many;
    loader->tape.cells = format == QUIRE_LOAD_CSV;
    return format == QUIRE_LOAD_CSV ? qr_csv_reader_create(loader->allocator, on_event, loader,
                                                           &loader->csv, &loader->error)
                                    : qr_json_reader_create(loader->allocator, &options, on_event,
                                                            loader, &loader->json, &loader->error);
}

static quire_status begin_input(struct quire_loader *loader, const char *name)
{
    quire_error *err = &loader->error;
    struct qr_gql_str text = qr_gql_str_of(name != NULL ? name : "");
    char *copy = qr_arena_alloc(&loader->arena, text.size + 1, err);

    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    QR_TRY(qr_grow(loader->allocator, &loader->inputs, &loader->input_capacity,
                   loader->input_count + 1, sizeof *loader->inputs, err));
    loader->inputs[loader->input_count++] = copy;
    loader->state = SEEKING;
    loader->depth = 0;
    QR_TRY(create_reader(loader, format_of(loader, text)));
    return select_rules(loader, text);
}

quire_status quire_loader_begin(quire_loader *loader, const char *name, quire_error *err)
{
    QR_TRY(enter(loader, err));
    if (is_reading(loader)) {
        return qr_fail(err, QUIRE_MISUSE, "An input is being read; end it before the next begins.");
    }
    quire_status status = begin_input(loader, name);
    return leave(loader, status, loader->input_count - 1, err);
}

quire_status quire_loader_feed(quire_loader *loader, const void *bytes, size_t size,
                               quire_error *err)
{
    QR_TRY(enter(loader, err));
    if (!is_reading(loader) || (bytes == NULL && size > 0)) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_loader_feed needs an input that was begun, and "
                       "bytes.");
    }
    if (size == 0) {
        return QUIRE_OK;
    }
    quire_status status = loader->csv != NULL
                              ? qr_csv_reader_feed(loader->csv, bytes, size, &loader->error)
                              : qr_json_reader_feed(loader->json, bytes, size, &loader->error);
    return leave(loader, status, loader->input_count - 1, err);
}

quire_status quire_loader_end(quire_loader *loader, quire_error *err)
{
    QR_TRY(enter(loader, err));
    if (!is_reading(loader)) {
        return qr_fail(err, QUIRE_MISUSE, "No input is being read.");
    }
    quire_status status = loader->csv != NULL ? qr_csv_reader_finish(loader->csv, &loader->error)
                                              : qr_json_reader_finish(loader->json, &loader->error);
    if (status == QUIRE_OK) {
        status = check_found(loader);
    }
    end_reading(loader);
    return leave(loader, status, loader->input_count - 1, err);
}

quire_status quire_loader_finish(quire_loader *loader, uint64_t *rows, quire_error *err)
{
    uint32_t input;

    QR_TRY(enter(loader, err));
    if (is_reading(loader)) {
        return qr_fail(err, QUIRE_MISUSE, "An input is being read; end it before finishing.");
    }
    QR_TRY(leave(loader, check_all_found(loader), loader->input_count, err));
    loader->writer.place =
        (struct qr_load_place){0, 0}; /* what follows is of no row of the input */
    loader->writer.input = UINT32_MAX;
    QR_TRY(leave(loader, qr_load_replace_finish(&loader->writer), loader->input_count, err));
    quire_status status = qr_load_settle(&loader->writer, &input);
    QR_TRY(leave(loader, status, input, err));
    status = qr_load_triggers_run(&loader->writer, &input);
    QR_TRY(leave(loader, status, input, err));
    loader->finished = true;
    if (rows != NULL) {
        *rows = loader->writer.rows;
    }
    return QUIRE_OK;
}

void quire_loader_close(quire_loader *loader)
{
    if (loader == NULL) {
        return;
    }
    if (!loader->finished && loader->input_count > 0) {
        qr_txn_give_up(loader->txn);
    }
    end_reading(loader);
    if (loader->writer.reader.txn != NULL) {
        qr_load_writer_close(&loader->writer);
    }
    qr_load_tape_free(&loader->tape);
    qr_api_release(&loader->schema);
    qr_free(loader->allocator, loader->inputs, loader->input_capacity * sizeof *loader->inputs);
    qr_arena_free(&loader->row);
    qr_arena_free(&loader->arena);
    qr_free(loader->allocator, loader, sizeof *loader);
}

uint64_t quire_loader_rows(const quire_loader *loader)
{
    return loader == NULL ? 0 : loader->writer.rows;
}
