/*
 * Checks of input objects that refer to themselves: through default values,
 * and through fields that must be given.
 *
 * Both are searches in depth over a graph of any size, so they keep their own
 * stacks (or a bound) rather than the C stack, and visit each field once.
 */
#include "graphql/schema_check.h"

/* Paths shown in messages are cut at this size. */
enum { PATH_BYTES_MAX = 4096 };

/* ---- default values ---- */

/* Default values that others bring in are refused this deep inside them. */
enum { DEFAULT_CHAIN_MAX = 250 };

struct default_step {
    const struct qr_gql_type *type;
    const struct qr_gql_input *input;
};

struct default_search {
    struct qr_gql_checker *c;
    size_t *offsets;  /* by type index: of its first field in `places` */
    uint32_t *places; /* by field: 0 not seen, its place on the path plus 1, or DONE */
    struct default_step path[DEFAULT_CHAIN_MAX];
    uint32_t depth;
    uint32_t levels; /* of objects and lists around, those of outer default values included */
};

#define DONE UINT32_MAX

static void search_literal(struct default_search *search, const struct qr_gql_type *type,
                           const struct qr_gql_ast_value *literal);

static void report_default_cycle(struct default_search *search, uint32_t start)
{
    struct qr_gql_checker *c = search->c;
    struct qr_gql_pos places[DEFAULT_CHAIN_MAX];
    size_t count = 0;
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, c->arena, c->err);
    buffer.size_max = PATH_BYTES_MAX;
    for (uint32_t i = start; i < search->depth; i++) {
        const struct default_step *step = &search->path[i];
        places[count++] = step->input->default_literal->pos;
        if (i > start) {
            qr_gql_buffer_text(&buffer, i == start + 1 ? " via the default values of: " : ", ");
            qr_gql_buffer_text(&buffer, qr_gql_check_field_text(c, step->type, step->input->name));
        }
    }
    const struct default_step *first = &search->path[start];
    if (qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK) {
        (void)qr_gql_report_at(c->report, places, count,
                               "Invalid circular reference. The default value of Input Object "
                               "field %s references itself%s.",
                               qr_gql_check_field_text(c, first->type, first->input->name),
                               text.data);
    }
}

/* A field that is not given: its default value comes in. */
static void search_field(struct default_search *search, const struct qr_gql_type *type,
                         const struct qr_gql_input *input)
{
    uint32_t *place = &search->places[search->offsets[type->index] + input->index];
    if (input->default_literal == NULL || *place == DONE) {
        return;
    }
    if (*place != 0) {
        report_default_cycle(search, *place - 1);
        return;
    }
    if (search->levels > DEFAULT_CHAIN_MAX || search->depth == DEFAULT_CHAIN_MAX) {
        (void)qr_gql_report_add(search->c->report, &input->default_literal->pos,
                                "Default values are nested deeper than %d in others.",
                                DEFAULT_CHAIN_MAX);
        return;
    }
    search->path[search->depth++] = (struct default_step){type, input};
    *place = search->depth;
    search_literal(search, qr_gql_type_named(input->type), input->default_literal);
    search->depth--;
    *place = DONE;
}

/* The fields of an object literal, and those that it leaves to their default values. */
static void search_object(struct default_search *search, const struct qr_gql_type *type,
                          const struct qr_gql_ast_value *literal)
{
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct qr_gql_input *input = &type->inputs[i];
        const struct qr_gql_type *named = qr_gql_type_named(input->type);
        if (named->kind != QR_GQL_INPUT_OBJECT || qr_gql_report_full(search->c->report)) {
            continue;
        }
        const struct qr_gql_ast_argument *given =
            qr_gql_ast_argument_find(literal->fields, input->name);
        if (given != NULL) {
            search_literal(search, named, given->value);
        } else {
            search_field(search, type, input);
        }
    }
}

static void search_literal(struct default_search *search, const struct qr_gql_type *type,
                           const struct qr_gql_ast_value *literal)
{
    search->levels++;
    for (const struct qr_gql_ast_value *item = literal->items; item != NULL; item = item->next) {
        search_literal(search, type, item);
    }
    if (literal->kind == QR_GQL_AST_OBJECT) {
        search_object(search, type, literal);
    }
    search->levels--;
}

void qr_gql_check_default_cycles(struct qr_gql_checker *c)
{
    static const struct qr_gql_ast_value empty = {.kind = QR_GQL_AST_OBJECT};
    const struct qr_gql_schema *schema = c->schema;
    struct default_search *search = qr_arena_alloc_zero(c->arena, sizeof(*search), c->err);
    size_t *offsets = qr_arena_alloc(c->arena, (schema->type_count + 1) * sizeof(*offsets), c->err);
    size_t total = 0;
    for (uint32_t i = 0; offsets != NULL && i < schema->type_count; i++) {
        offsets[i] = total;
        total += schema->types[i]->input_count;
    }
    uint32_t *places = qr_arena_alloc_zero(c->arena, total * sizeof(*places), c->err);
    if (search == NULL || offsets == NULL || places == NULL) {
        c->report->status = qr_gql_memory_status(c->err);
        return;
    }
    search->c = c;
    search->offsets = offsets;
    search->places = places;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        if (schema->types[i]->kind == QR_GQL_INPUT_OBJECT) {
            search_literal(search, schema->types[i], &empty);
        }
    }
}

/* ---- values without end ---- */

/* An input object in the search for those that have a finite value. */
struct node {
    const struct qr_gql_type *type;
    size_t first_dependent; /* in `dependents` */
    uint32_t dependent_count;
    uint32_t unresolved; /* fields that must be given and still lack a finite value */
    uint32_t next_field; /* while on the path */
    uint32_t place;      /* on the path, plus 1 */
    bool finite, visited;
};

struct endless {
    struct qr_gql_checker *c;
    struct node *nodes; /* by type index */
    uint32_t *dependents;
    uint32_t *stack; /* of type indexes: the work list, then the path */
    uint32_t depth;
};

/* The input object that a field cannot do without, or NULL. */
static const struct qr_gql_type *field_target(const struct qr_gql_type *type,
                                              const struct qr_gql_input *input)
{
    const struct qr_gql_type *target = input->type;
    if (!type->one_of) {
        target = target->kind == QR_GQL_NON_NULL ? target->inner : NULL;
    }
    return target != NULL && target->kind == QR_GQL_INPUT_OBJECT ? target : NULL;
}

static void mark_finite(struct endless *e, struct node *node)
{
    if (!node->finite) {
        node->finite = true;
        e->stack[e->depth++] = node->type->index;
    }
}

/* Lists for each input object those that cannot do without it. */
static void link_dependents(struct endless *e)
{
    const struct qr_gql_schema *schema = e->c->schema;
    for (int fill = 0; fill < 2; fill++) {
        size_t total = 0;
        for (uint32_t i = 0; fill == 1 && i < schema->type_count; i++) {
            e->nodes[i].first_dependent = total;
            total += e->nodes[i].dependent_count;
            e->nodes[i].dependent_count = 0;
        }
        for (uint32_t i = 0; i < schema->type_count; i++) {
            const struct qr_gql_type *type = schema->types[i];
            for (uint32_t k = 0; k < type->input_count; k++) {
                const struct qr_gql_type *target = field_target(type, &type->inputs[k]);
                if (target == NULL) {
                    continue;
                }
                struct node *node = &e->nodes[target->index];
                if (fill == 1) {
                    e->dependents[node->first_dependent + node->dependent_count] = i;
                    e->nodes[i].unresolved++;
                }
                node->dependent_count++;
            }
        }
    }
}

/* Spreads finiteness from the input objects that need no other. */
static void settle_finite(struct endless *e)
{
    const struct qr_gql_schema *schema = e->c->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        uint32_t needed = e->nodes[i].unresolved;
        bool finite =
            type->one_of ? type->input_count == 0 || needed < type->input_count : needed == 0;
        if (type->kind == QR_GQL_INPUT_OBJECT && finite) {
            mark_finite(e, &e->nodes[i]);
        }
    }
    while (e->depth > 0) {
        const struct node *node = &e->nodes[e->stack[--e->depth]];
        for (uint32_t i = 0; i < node->dependent_count; i++) {
            struct node *dependent = &e->nodes[e->dependents[node->first_dependent + i]];
            if (dependent->finite) {
                continue;
            }
            dependent->unresolved--;
            if (dependent->type->one_of || dependent->unresolved == 0) {
                mark_finite(e, dependent);
            }
        }
    }
}

/* Reports the part of the path that begins at `target` and leads back to it. */
static void report_endless(struct endless *e, const struct node *target)
{
    struct qr_gql_checker *c = e->c;
    uint32_t start = target->place - 1;
    struct qr_gql_pos *places =
        qr_arena_alloc(c->arena, (e->depth - start) * sizeof(*places), c->err);
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, c->arena, c->err);
    buffer.size_max = PATH_BYTES_MAX;
    for (uint32_t i = start; i < e->depth && places != NULL; i++) {
        const struct node *node = &e->nodes[e->stack[i]];
        const struct qr_gql_input *input = &node->type->inputs[node->next_field - 1];
        places[i - start] = qr_gql_check_member_pos(input->node);
        qr_gql_buffer_format(&buffer, "%s%.*s.%.*s", i == start ? "" : ", ",
                             QR_GQL_FMT(node->type->name), QR_GQL_FMT(input->name));
    }
    if (places != NULL && qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK) {
        (void)qr_gql_report_at(c->report, places, e->depth - start,
                               "Input Object %.*s cannot be provided a finite value because it "
                               "references itself through fields: %s.",
                               QR_GQL_FMT(target->type->name), text.data);
    }
}

static void push(struct endless *e, struct node *node)
{
    node->visited = true;
    e->stack[e->depth++] = node->type->index;
    node->place = e->depth;
}

/* Walks on from the end of the path: one field, or a step back. */
static void walk_step(struct endless *e)
{
    struct node *node = &e->nodes[e->stack[e->depth - 1]];
    if (node->next_field == node->type->input_count) {
        node->place = 0;
        e->depth--;
        return;
    }
    const struct qr_gql_type *target =
        field_target(node->type, &node->type->inputs[node->next_field++]);
    if (target == NULL || e->nodes[target->index].finite) {
        return;
    }
    struct node *next = &e->nodes[target->index];
    if (next->place != 0) {
        report_endless(e, next);
    } else if (!next->visited) {
        push(e, next);
    }
}

void qr_gql_check_endless_inputs(struct qr_gql_checker *c)
{
    const struct qr_gql_schema *schema = c->schema;
    size_t field_count = 0, type_count = schema->type_count;
    for (uint32_t i = 0; i < type_count; i++) {
        field_count += schema->types[i]->input_count;
    }
    struct endless e = {
        .c = c,
        .nodes = qr_arena_alloc_zero(c->arena, (type_count + 1) * sizeof(*e.nodes), c->err),
        .dependents = qr_arena_alloc(c->arena, (field_count + 1) * sizeof(uint32_t), c->err),
        .stack = qr_arena_alloc(c->arena, (type_count + 1) * sizeof(uint32_t), c->err),
    };
    if (e.nodes == NULL || e.dependents == NULL || e.stack == NULL) {
        c->report->status = qr_gql_memory_status(c->err);
        return;
    }
    for (uint32_t i = 0; i < type_count; i++) {
        e.nodes[i].type = schema->types[i];
    }
    link_dependents(&e);
    settle_finite(&e);
    for (uint32_t i = 0; i < type_count && !qr_gql_report_full(c->report); i++) {
        struct node *node = &e.nodes[i];
        if (node->type->kind == QR_GQL_INPUT_OBJECT && !node->finite && !node->visited) {
            push(&e, node);
        }
        while (e.depth > 0) {
            walk_step(&e);
        }
    }
}
