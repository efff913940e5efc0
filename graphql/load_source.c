/*
 * Sources of a mapping: where in an element of a list a field's value comes
 * from. Compiled once, evaluated on every element. What is found is a node of
 * the element itself wherever that is possible; what a source makes (texts of
 * templates, translations, lists gathered along a path) takes the place of the
 * value it was made from, so that every error points into the data.
 *
 * Recursion follows the nesting of the mapping or of the data, both of which
 * the JSON reader bounds.
 */
#include "graphql/load.h"

#include <stdio.h>

#include <utf8proc.h>

/* ---- functions of templates ---- */

struct qr_load_function {
    const char *name;
    bool takes_text;
    /* Replaces *text; data NULL: no value. */
    quire_status (*apply)(struct qr_arena *arena, struct qr_gql_str argument,
                          struct qr_gql_str *text, quire_error *err);
};

/* Where `part`, which is not empty, first occurs in `text`; text.size when it does not. */
static size_t first_place(struct qr_gql_str text, struct qr_gql_str part)
{
    for (size_t i = 0; part.size <= text.size && i <= text.size - part.size; i++) {
        if (memcmp(text.data + i, part.data, part.size) == 0) {
            return i;
        }
    }
    return text.size;
}

static quire_status apply_before(struct qr_arena *arena, struct qr_gql_str argument,
                                 struct qr_gql_str *text, quire_error *err)
{
    size_t at = first_place(*text, argument);
    (void)arena;
    (void)err;
    *text = at == text->size ? (struct qr_gql_str){NULL, 0} : (struct qr_gql_str){text->data, at};
    return QUIRE_OK;
}

static quire_status apply_after(struct qr_arena *arena, struct qr_gql_str argument,
                                struct qr_gql_str *text, quire_error *err)
{
    size_t at = first_place(*text, argument);
    (void)arena;
    (void)err;
    if (at == text->size) {
        *text = (struct qr_gql_str){NULL, 0};
        return QUIRE_OK;
    }
    at += argument.size;
    *text = (struct qr_gql_str){text->data + at, text->size - at};
    return QUIRE_OK;
}

static quire_status apply_containing(struct qr_arena *arena, struct qr_gql_str argument,
                                     struct qr_gql_str *text, quire_error *err)
{
    (void)arena;
    (void)err;
    if (first_place(*text, argument) == text->size) {
        *text = (struct qr_gql_str){NULL, 0};
    }
    return QUIRE_OK;
}

static quire_status change_case(struct qr_arena *arena,
                                utf8proc_int32_t (*change)(utf8proc_int32_t),
                                struct qr_gql_str *text, quire_error *err)
{
    struct qr_gql_buffer buffer;
    size_t at = 0;
    qr_gql_buffer_init(&buffer, arena, err);
    while (at < text->size) {
        uint32_t point;
        size_t size = qr_gql_utf8_decode(text->data + at, text->size - at, &point);
        if (size == 0) {
            return qr_fail(err, QUIRE_INTERNAL, "A text that was read is not UTF-8.");
        }
        qr_gql_buffer_code_point(&buffer, (uint32_t)change((utf8proc_int32_t)point));
        at += size;
    }
    return qr_gql_buffer_finish(&buffer, text);
}

static quire_status apply_lower(struct qr_arena *arena, struct qr_gql_str argument,
                                struct qr_gql_str *text, quire_error *err)
{
    (void)argument;
    return change_case(arena, utf8proc_tolower, text, err);
}

static quire_status apply_upper(struct qr_arena *arena, struct qr_gql_str argument,
                                struct qr_gql_str *text, quire_error *err)
{
    (void)argument;
    return change_case(arena, utf8proc_toupper, text, err);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static quire_status apply_trim(struct qr_arena *arena, struct qr_gql_str argument,
                               struct qr_gql_str *text, quire_error *err)
{
    (void)arena;
    (void)argument;
    (void)err;
    while (text->size > 0 && is_blank(text->data[0])) {
        text->data++;
        text->size--;
    }
    while (text->size > 0 && is_blank(text->data[text->size - 1])) {
        text->size--;
    }
    return QUIRE_OK;
}

static const struct qr_load_function functions[] = {
    {"before", true, apply_before},         {"after", true, apply_after},
    {"containing", true, apply_containing}, {"lower", false, apply_lower},
    {"upper", false, apply_upper},          {"trim", false, apply_trim},
};

/* ---- compiling ---- */

quire_status qr_load_path_compile(struct qr_arena *arena, struct qr_gql_str text,
                                  struct qr_load_path *path, bool *valid, quire_error *err)
{
    size_t start = 0;
    *path = (struct qr_load_path){.text = text};
    *valid = true;
    if (text.size == 0) {
        return QUIRE_OK;
    }
    path->names = qr_arena_alloc(arena, sizeof *path->names * (text.size + 1), err);
    if (path->names == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '.') {
            continue;
        }
        *valid = *valid && i > start;
        path->names[path->count++] = (struct qr_gql_str){text.data + start, i - start};
        start = i + 1;
    }
    return QUIRE_OK;
}

/* A template under compilation. */
struct template
{
    struct qr_arena *arena;
    const struct qr_load_node *node; /* the text, for messages */
    struct qr_gql_str text;
    size_t at;
    quire_error *err;
};

static quire_status refuse(const struct template *t, const char *why)
{
    int shown = t->text.size > 120 ? 120 : (int)t->text.size;
    return qr_load_fail(t->err, QUIRE_DATA, t->node->place,
                        "In the mapping's template \"%.*s\" %s.", shown, t->text.data, why);
}

/* Takes text up to one of the bytes in `stops`, or the end. */
static struct qr_gql_str take_until(struct template *t, const char *stops)
{
    size_t start = t->at;
    while (t->at < t->text.size &&
           (t->text.data[t->at] == '\0' || strchr(stops, t->text.data[t->at]) == NULL)) {
        t->at++;
    }
    return (struct qr_gql_str){t->text.data + start, t->at - start};
}

static bool take(struct template *t, char c)
{
    if (t->at < t->text.size && t->text.data[t->at] == c) {
        t->at++;
        return true;
    }
    return false;
}

static quire_status unknown_function(const struct template *t, struct qr_gql_str name)
{
    char why[200];
    int shown = name.size > 40 ? 40 : (int)name.size;
    snprintf(why, sizeof why,
             "\"%.*s\" is no function; there are before(x), after(x), containing(x), lower, upper "
             "and trim",
             shown, name.data);
    return refuse(t, why);
}

static quire_status compile_call(struct template *t, struct qr_load_call *call)
{
    struct qr_gql_str name = take_until(t, "(|}");
    bool has_argument = take(t, '(');
    *call = (struct qr_load_call){0};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (qr_gql_str_is(name, functions[i].name)) {
            call->function = &functions[i];
        }
    }
    if (call->function == NULL) {
        return unknown_function(t, name);
    }
    if (has_argument) {
        call->argument = take_until(t, ")");
        if (!take(t, ')')) {
            return refuse(t, "a \"(\" is not closed");
        }
    }
    if (call->function->takes_text && call->argument.size == 0) {
        return refuse(t, "before, after and containing need a text in parentheses, as before(-)");
    }
    if (!call->function->takes_text && has_argument) {
        return refuse(t, "lower, upper and trim take nothing in parentheses");
    }
    return QUIRE_OK;
}

/* What stands in braces; the opening one is taken. */
static quire_status compile_part(struct template *t, struct qr_load_piece *piece)
{
    bool valid;
    struct qr_gql_str path = take_until(t, "|}{");
    size_t room = 0;

    piece->has_part = true;
    QR_TRY(qr_load_path_compile(t->arena, path, &piece->path, &valid, t->err));
    if (!valid || path.size == 0) {
        return refuse(t, "braces hold no name, or a path with an empty one");
    }
    for (size_t i = t->at; i < t->text.size; i++) {
        room += t->text.data[i] == '|';
    }
    piece->calls = qr_arena_alloc(t->arena, sizeof *piece->calls * (room + 1), t->err);
    if (piece->calls == NULL) {
        return QUIRE_NO_MEMORY;
    }
    while (take(t, '|')) {
        QR_TRY(compile_call(t, &piece->calls[piece->call_count++]));
    }
    return take(t, '}') ? QUIRE_OK : refuse(t, "a \"{\" is not closed");
}

static quire_status compile_template(struct qr_arena *arena, const struct qr_load_node *node,
                                     struct qr_load_source *out, quire_error *err)
{
    struct template t = {arena, node, node->text, 0, err};
    size_t room = 1;

    for (size_t i = 0; i < t.text.size; i++) {
        room += t.text.data[i] == '{';
    }
    out->kind = QR_LOAD_TEMPLATE;
    out->pieces = qr_arena_alloc_zero(arena, sizeof *out->pieces * room, err);
    if (out->pieces == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (;;) {
        struct qr_load_piece *piece = &out->pieces[out->piece_count++];
        piece->text = take_until(&t, "{}");
        if (take(&t, '}')) {
            return refuse(&t, "a \"}\" closes nothing");
        }
        if (!take(&t, '{')) {
            return QUIRE_OK;
        }
        QR_TRY(compile_part(&t, piece));
    }
}

static quire_status compile_text(struct qr_arena *arena, const struct qr_load_node *node,
                                 struct qr_load_source *out, quire_error *err)
{
    bool valid;
    for (size_t i = 0; i < node->text.size; i++) {
        if (node->text.data[i] == '{' || node->text.data[i] == '}') {
            return compile_template(arena, node, out, err);
        }
    }
    out->kind = QR_LOAD_PATH;
    QR_TRY(qr_load_path_compile(arena, node->text, &out->path, &valid, err));
    if (!valid || out->path.count == 0) {
        return qr_load_fail(err, QUIRE_DATA, node->place,
                            "A source of the mapping is empty, or a path with an empty name.");
    }
    return QUIRE_OK;
}

static quire_status compile_first(struct qr_arena *arena, const struct qr_load_node *node,
                                  struct qr_load_source *out, quire_error *err)
{
    const struct qr_load_node *child = qr_load_first(node);
    out->kind = QR_LOAD_FIRST;
    out->source_count = node->count;
    out->sources = qr_arena_alloc(arena, sizeof *out->sources * ((size_t)node->count + 1), err);
    if (out->sources == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (node->count == 0) {
        return qr_load_fail(err, QUIRE_DATA, node->place,
                            "A list of sources of the mapping is empty.");
    }
    for (uint32_t i = 0; i < node->count; i++, child = qr_load_next(child)) {
        QR_TRY(qr_load_source_compile(arena, child, &out->sources[i], err));
    }
    return QUIRE_OK;
}

static quire_status compile_values(struct qr_arena *arena, const struct qr_load_node *node,
                                   struct qr_load_source *out, quire_error *err)
{
    const struct qr_load_node *value = qr_load_first(node);
    const struct qr_load_node **targets;
    if (node->kind != QR_GQL_VALUE_OBJECT) {
        return qr_load_fail(err, QUIRE_DATA, node->place,
                            "\"values\" of the mapping is %s; it is an object of texts and what "
                            "they stand for.",
                            qr_load_kind_name(node));
    }
    out->translates = true;
    targets = qr_arena_alloc(arena, sizeof *targets * ((size_t)node->count + 1), err);
    if (targets == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < node->count; i++, value = qr_load_next(value)) {
        targets[i] = value;
        QR_TRY(qr_gql_name_table_set(&out->values, arena, value->name, &targets[i], err));
    }
    return QUIRE_OK;
}

/* A member whose value is one of a few words: 0 for the first one. */
static quire_status compile_word(const struct qr_load_node *node, const char *first,
                                 const char *second, int *choice, quire_error *err)
{
    *choice = qr_gql_str_is(node->text, first) ? 0 : 1;
    if (node->kind == QR_GQL_VALUE_STRING && (*choice == 0 || qr_gql_str_is(node->text, second))) {
        return QUIRE_OK;
    }
    return qr_load_fail(err, QUIRE_DATA, node->place,
                        "\"%.*s\" of the mapping is \"%s\" or \"%s\".", QR_GQL_FMT(node->name),
                        first, second);
}

static quire_status compile_translate_member(struct qr_arena *arena,
                                             const struct qr_load_node *member,
                                             struct qr_load_source *out, quire_error *err)
{
    int choice;
    if (qr_gql_str_is(member->name, "from")) {
        out->source_count = 1;
        out->sources = qr_arena_alloc(arena, sizeof *out->sources, err);
        return out->sources == NULL ? QUIRE_NO_MEMORY
                                    : qr_load_source_compile(arena, member, &out->sources[0], err);
    }
    if (qr_gql_str_is(member->name, "values")) {
        return compile_values(arena, member, out, err);
    }
    if (qr_gql_str_is(member->name, "other")) {
        QR_TRY(compile_word(member, "keep", "null", &choice, err));
        out->other = choice == 0 ? QR_LOAD_OTHER_KEPT : QR_LOAD_OTHER_NULL;
        return QUIRE_OK;
    }
    if (qr_gql_str_is(member->name, "missing")) {
        QR_TRY(compile_word(member, "null", "error", &choice, err));
        out->missing_null = choice == 0;
        return QUIRE_OK;
    }
    return qr_load_fail(err, QUIRE_DATA, member->name_place,
                        "A source of the mapping has a member \"%.*s\"; there are from, values, "
                        "other and missing, or constant alone.",
                        member->name.size > 60 ? 60 : (int)member->name.size, member->name.data);
}

static quire_status compile_object(struct qr_arena *arena, const struct qr_load_node *node,
                                   struct qr_load_source *out, quire_error *err)
{
    const struct qr_load_node *member = qr_load_first(node);
    if (node->count == 1 && qr_gql_str_is(member->name, "constant")) {
        out->kind = QR_LOAD_CONSTANT;
        out->constant = member;
        return QUIRE_OK;
    }
    out->kind = QR_LOAD_TRANSLATE;
    for (uint32_t i = 0; i < node->count; i++, member = qr_load_next(member)) {
        QR_TRY(compile_translate_member(arena, member, out, err));
    }
    if (out->source_count == 0) {
        return qr_load_fail(err, QUIRE_DATA, node->place,
                            "A source of the mapping that is an object needs \"from\", or "
                            "\"constant\" alone.");
    }
    return QUIRE_OK;
}

quire_status qr_load_source_compile(struct qr_arena *arena, const struct qr_load_node *node,
                                    struct qr_load_source *out, quire_error *err)
{
    *out = (struct qr_load_source){.kind = QR_LOAD_CONSTANT};
    if (node->kind == QR_GQL_VALUE_STRING) {
        return compile_text(arena, node, out, err);
    }
    if (node->kind == QR_GQL_VALUE_LIST) {
        return compile_first(arena, node, out, err);
    }
    if (node->kind == QR_GQL_VALUE_OBJECT) {
        return compile_object(arena, node, out, err);
    }
    return qr_load_fail(err, QUIRE_DATA, node->place,
                        "A source of the mapping is %s; it is a path, a template, a list of "
                        "sources, or an object; a value of its own is written {\"constant\": ...}.",
                        qr_load_kind_name(node));
}

/* ---- evaluating: paths ---- */

/* A list that is gathered from several places: once to count, once to fill. */
struct gathering {
    struct qr_load_node *nodes; /* NULL: only counting */
    size_t span;
    uint32_t count;
};

static void gather(struct gathering *g, const struct qr_load_node *node)
{
    if (g->nodes != NULL) {
        memcpy(g->nodes + g->span, node, sizeof *node * node->span);
    }
    g->span += node->span;
    g->count++;
}

/* Follows path->names from `step` on; *node becomes NULL when there is nothing. Stops at a list
 * that has names left to follow behind it. */
static quire_status walk(const struct qr_load_path *path, uint32_t *step,
                         const struct qr_load_node **node, quire_error *err)
{
    while (*node != NULL && (*node)->kind != QR_GQL_VALUE_LIST && *step < path->count) {
        if ((*node)->kind == QR_GQL_VALUE_NULL) {
            *node = NULL;
            return QUIRE_OK;
        }
        if ((*node)->kind != QR_GQL_VALUE_OBJECT) {
            return qr_load_fail(err, QUIRE_DATA, (*node)->place,
                                "This is %s, but the mapping's path \"%.*s\" leads through it.",
                                qr_load_kind_name(*node),
                                path->text.size > 100 ? 100 : (int)path->text.size,
                                path->text.data);
        }
        *node = qr_load_member(*node, path->names[(*step)++]);
    }
    if (*node != NULL && (*node)->kind == QR_GQL_VALUE_NULL) {
        *node = NULL;
    }
    return QUIRE_OK;
}

/* Gathers what the path leads to in the elements of a list. */
static quire_status gather_list(const struct qr_load_path *path, uint32_t step,
                                const struct qr_load_node *list, struct gathering *g,
                                quire_error *err)
{
    const struct qr_load_node *child = qr_load_first(list);
    for (uint32_t i = 0; i < list->count; i++, child = qr_load_next(child)) {
        const struct qr_load_node *node = child;
        uint32_t at = step;
        QR_TRY(walk(path, &at, &node, err));
        if (node != NULL && node->kind == QR_GQL_VALUE_LIST) {
            QR_TRY(gather_list(path, at, node, g, err));
        } else if (node != NULL) {
            gather(g, node);
        }
    }
    return QUIRE_OK;
}

static quire_status find_path(const struct qr_load_path *path, const struct qr_load_node *element,
                              struct qr_arena *arena, const struct qr_load_node **out,
                              quire_error *err)
{
    struct gathering g = {0};
    uint32_t step = 0;
    const struct qr_load_node *node = element;

    QR_TRY(walk(path, &step, &node, err));
    *out = node;
    if (node == NULL || step == path->count) {
        return QUIRE_OK;
    }
    QR_TRY(gather_list(path, step, node, &g, err));
    struct qr_load_node *list = qr_arena_alloc(arena, sizeof *list * (g.span + 1), err);
    if (list == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *list = *node;
    list->count = g.count;
    list->span = (uint32_t)g.span + 1;
    g = (struct gathering){.nodes = list + 1};
    *out = list;
    return gather_list(path, step, node, &g, err);
}

/* ---- evaluating: templates ---- */

/* A value as text; a list or object has none. */
static bool text_of(const struct qr_load_node *node, struct qr_gql_str *text)
{
    *text = node->text;
    if (node->kind == QR_GQL_VALUE_BOOL) {
        *text = qr_gql_str_of(node->boolean ? "true" : "false");
    }
    return node->kind != QR_GQL_VALUE_LIST && node->kind != QR_GQL_VALUE_OBJECT;
}

/* Evaluates one part; text.data NULL: no value. The first part gives the template its place. */
static quire_status find_part(const struct qr_load_piece *piece, const struct qr_load_node *element,
                              struct qr_arena *arena, struct qr_gql_str *text,
                              struct qr_load_place *place, quire_error *err)
{
    const struct qr_load_node *node;
    *text = (struct qr_gql_str){NULL, 0};
    QR_TRY(find_path(&piece->path, element, arena, &node, err));
    if (node == NULL) {
        return QUIRE_OK;
    }
    if (place->line == 0) {
        *place = node->place;
    }
    if (!text_of(node, text)) {
        return qr_load_fail(err, QUIRE_DATA, node->place,
                            "This is %s, which a template of the mapping cannot take as text.",
                            qr_load_kind_name(node));
    }
    for (uint32_t i = 0; i < piece->call_count && text->data != NULL; i++) {
        QR_TRY(piece->calls[i].function->apply(arena, piece->calls[i].argument, text, err));
    }
    return QUIRE_OK;
}

static quire_status new_text(struct qr_arena *arena, struct qr_gql_str text,
                             struct qr_load_place place, const struct qr_load_node **out,
                             quire_error *err)
{
    struct qr_load_node *node = qr_arena_alloc(arena, sizeof *node, err);
    if (node == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *node =
        (struct qr_load_node){.kind = QR_GQL_VALUE_STRING, .text = text, .span = 1, .place = place};
    *out = node;
    return QUIRE_OK;
}

static quire_status find_template(const struct qr_load_source *source,
                                  const struct qr_load_node *element, struct qr_arena *arena,
                                  const struct qr_load_node **out, quire_error *err)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    struct qr_load_place place = {0, 0};

    *out = NULL;
    qr_gql_buffer_init(&buffer, arena, err);
    for (uint32_t i = 0; i < source->piece_count; i++) {
        const struct qr_load_piece *piece = &source->pieces[i];
        qr_gql_buffer_str(&buffer, piece->text);
        if (!piece->has_part) {
            continue;
        }
        QR_TRY(find_part(piece, element, arena, &text, &place, err));
        if (text.data == NULL) {
            return QUIRE_OK;
        }
        qr_gql_buffer_str(&buffer, text);
    }
    QR_TRY(qr_gql_buffer_finish(&buffer, &text));
    return new_text(arena, text, place.line == 0 ? element->place : place, out, err);
}

/* ---- evaluating: translations, constants ---- */

/* A value of the mapping as if it stood at a place in the data; null is no value. */
static quire_status copy_to_place(const struct qr_load_node *node, struct qr_load_place place,
                                  struct qr_arena *arena, const struct qr_load_node **out,
                                  quire_error *err)
{
    struct qr_load_node *copy;
    *out = NULL;
    if (node->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    copy = qr_arena_alloc(arena, sizeof *copy * node->span, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(copy, node, sizeof *copy * node->span);
    for (uint32_t i = 0; i < node->span; i++) {
        copy[i].place = place;
    }
    *out = copy;
    return QUIRE_OK;
}

static quire_status translate_one(const struct qr_load_source *source,
                                  const struct qr_load_node *node, struct qr_arena *arena,
                                  const struct qr_load_node **out, quire_error *err)
{
    struct qr_gql_str text;
    const struct qr_load_node **target = NULL;
    bool is_text = text_of(node, &text);

    *out = node;
    if (is_text) {
        target = qr_gql_name_table_get(&source->values, text);
    }
    if (target != NULL) {
        return copy_to_place(*target, node->place, arena, out, err);
    }
    if (source->other == QR_LOAD_OTHER_NULL) {
        *out = NULL;
    }
    if (source->other != QR_LOAD_OTHER_FAILS) {
        return QUIRE_OK;
    }
    if (!is_text) {
        return qr_load_fail(err, QUIRE_DATA, node->place,
                            "This is %s, but \"values\" of the mapping translates texts.",
                            qr_load_kind_name(node));
    }
    return qr_load_fail(err, QUIRE_DATA, node->place,
                        "\"values\" of the mapping does not list \"%.*s\"; add it, or say "
                        "\"other\": \"keep\".",
                        text.size > 100 ? 100 : (int)text.size, text.data);
}

/* A list is translated element by element; those without a value are left out. */
static quire_status translate_list(const struct qr_load_source *source,
                                   const struct qr_load_node *list, struct qr_arena *arena,
                                   const struct qr_load_node **out, quire_error *err)
{
    const struct qr_load_node **found;
    const struct qr_load_node *child = qr_load_first(list);
    struct gathering g = {0};

    found = qr_arena_alloc(arena, sizeof *found * ((size_t)list->count + 1), err);
    if (found == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < list->count; i++, child = qr_load_next(child)) {
        QR_TRY(translate_one(source, child, arena, &found[i], err));
        if (found[i] != NULL) {
            gather(&g, found[i]);
        }
    }
    struct qr_load_node *result = qr_arena_alloc(arena, sizeof *result * (g.span + 1), err);
    if (result == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *result = *list;
    result->count = g.count;
    result->span = (uint32_t)g.span + 1;
    g = (struct gathering){.nodes = result + 1};
    for (uint32_t i = 0; i < list->count; i++) {
        if (found[i] != NULL) {
            gather(&g, found[i]);
        }
    }
    *out = result;
    return QUIRE_OK;
}

quire_status qr_load_source_find(const struct qr_load_source *source,
                                 const struct qr_load_node *element, struct qr_arena *arena,
                                 struct qr_load_found *found, quire_error *err)
{
    *found = (struct qr_load_found){NULL, false};
    switch (source->kind) {
    case QR_LOAD_PATH:
        return find_path(&source->path, element, arena, &found->node, err);
    case QR_LOAD_TEMPLATE:
        return find_template(source, element, arena, &found->node, err);
    case QR_LOAD_FIRST:
        for (uint32_t i = 0; i < source->source_count && found->node == NULL; i++) {
            QR_TRY(qr_load_source_find(&source->sources[i], element, arena, found, err));
        }
        return QUIRE_OK;
    case QR_LOAD_TRANSLATE:
        QR_TRY(qr_load_source_find(source->sources, element, arena, found, err));
        found->missing_null = found->missing_null || source->missing_null;
        if (found->node == NULL || !source->translates) {
            return QUIRE_OK;
        }
        return found->node->kind == QR_GQL_VALUE_LIST
                   ? translate_list(source, found->node, arena, &found->node, err)
                   : translate_one(source, found->node, arena, &found->node, err);
    case QR_LOAD_CONSTANT:
        return copy_to_place(source->constant, element->place, arena, &found->node, err);
    }
    return QUIRE_OK;
}
