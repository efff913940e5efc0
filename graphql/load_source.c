/*
 * Sources of a mapping, compiled: where in an element of a list a field's value
 * comes from. Recursion follows the nesting of the mapping, which the JSON
 * reader bounds.
 */
#include "graphql/load.h"

#include <stdio.h>

/* ---- paths ---- */

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

/* ---- templates ---- */

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
    return qr_load_fail(t->err, QUIRE_DATA, t->node->place,
                        "In the mapping's template \"%.*s\" %s.", QR_LOAD_SHOWN(t->text), why);
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
    char why[240];
    snprintf(why, sizeof why,
             "\"%.*s\" is no function; there are before(x), after(x), containing(x), lower, upper "
             "and trim",
             QR_LOAD_SHOWN(name));
    return refuse(t, why);
}

static quire_status compile_call(struct template *t, struct qr_load_call *call)
{
    struct qr_gql_str name = take_until(t, "(|}");
    bool has_argument = take(t, '(');
    *call = (struct qr_load_call){.function = qr_load_function_find(name)};
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

/* ---- lists and objects ---- */

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
                        QR_LOAD_SHOWN(member->name));
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
