/*
 * Sources of a mapping, evaluated on an element of a list. What is found is a
 * node of the element itself wherever that is possible; what a source makes
 * (texts of templates, translations, lists gathered along a path) takes the
 * place of the value it was made from, so that every error points into the
 * data. Recursion follows the nesting of the mapping or of the data, both of
 * which the JSON reader bounds.
 */
#include "graphql/load.h"

/* ---- paths ---- */

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
                                qr_load_kind_name(*node), QR_LOAD_SHOWN(path->text));
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

/* ---- templates ---- */

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

/* A text that was made from an element's; if that is a record of CSV, it is like a cell. */
static quire_status new_text(struct qr_arena *arena, struct qr_gql_str text, bool cell,
                             struct qr_load_place place, const struct qr_load_node **out,
                             quire_error *err)
{
    struct qr_load_node *node = qr_arena_alloc(arena, sizeof *node, err);
    if (node == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *node = (struct qr_load_node){
        .kind = QR_GQL_VALUE_STRING, .text = text, .cell = cell, .span = 1, .place = place};
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
    return new_text(arena, text, element->cell, place.line == 0 ? element->place : place, out, err);
}

/* ---- translations, constants ---- */

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
                        QR_LOAD_SHOWN(text));
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
