/*
 * Views: types marked with @view, which show rows of another type's table.
 *
 * A view's fields are those of the table's type that it declares again; they
 * share its columns and relations. So whatever reads rows reads a view, with a
 * condition and an order of its own in front. Views stand behind the tables in
 * the model's types and are not counted among them: nothing stores one.
 */
#include "graphql/coerce.h"
#include "graphql/model_internal.h"

bool qr_model_is_view(const struct qr_gql_type *type)
{
    const struct qr_gql_origin *origin = type->origins;
    for (; origin != NULL; origin = origin->next) {
        if (qr_gql_ast_directive_find(origin->node->directives, "view") != NULL) {
            return true;
        }
    }
    return false;
}

static bool same_type(const struct qr_gql_type *a, const struct qr_gql_type *b)
{
    while (a->kind == b->kind && (a->kind == QR_GQL_NON_NULL || a->kind == QR_GQL_LIST)) {
        a = a->inner;
        b = b->inner;
    }
    return a == b;
}

/* Whether a field is declared with the type that it has in the table; a generated key is `ID!`. */
static bool has_type_of(const struct qr_gql_field *declared, const struct qr_model_field *field)
{
    if (field->definition != NULL) {
        return same_type(declared->type, field->definition->type);
    }
    return declared->type->kind == QR_GQL_NON_NULL && declared->type->inner->scalar == QR_GQL_ID &&
           declared->type->inner->kind == QR_GQL_SCALAR;
}

static quire_status add_field(struct qr_model_builder *builder, struct qr_model_type *view,
                              const struct qr_gql_field *declared)
{
    const struct qr_model_field *field = qr_model_find_field(view->view_of, declared->name);
    const struct qr_model_field *relation = qr_model_relation_of_key(view->view_of, declared->name);
    if (field == NULL && relation != NULL &&
        qr_gql_type_field(view->definition, relation->name) != NULL) {
        return QUIRE_OK; /* the key of a relation, which the API has with it */
    }
    for (const struct qr_gql_ast_directive *d = declared->node->directives; d != NULL;
         d = d->next) {
        if (!qr_gql_str_is(d->name.text, "deprecated")) {
            qr_model_problem(builder, d->pos, "@%.*s is for fields of tables, not of the view %s.",
                             QR_GQL_FMT(d->name.text), view->table);
        }
    }
    if (field == NULL || !qr_model_can_read(field)) {
        qr_model_problem(builder, declared->node->name.pos,
                         "The view %s has no field %.*s to show: %s has none that can be read.",
                         view->table, QR_GQL_FMT(declared->name), view->view_of->table);
        return QUIRE_OK;
    }
    if (!has_type_of(declared, field)) {
        qr_model_problem(builder, declared->node->name.pos,
                         "%s.%.*s must have the type that it has in %s.", view->table,
                         QR_GQL_FMT(declared->name), view->view_of->table);
    }
    struct qr_model_field *own = &view->fields[view->field_count];
    *own = *field;
    own->owner = view;
    own->definition = declared;
    own->index = view->field_count++;
    return qr_gql_name_table_add(&view->field_table, builder->arena, own->name, own, NULL,
                                 builder->err);
}

static quire_status add_keys(struct qr_model_builder *builder, struct qr_model_type *view)
{
    const struct qr_model_type *base = view->view_of;
    view->keys =
        qr_arena_alloc_zero(builder->arena, sizeof(void *) * (base->key_count + 1), builder->err);
    if (view->keys == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < base->key_count; i++) {
        struct qr_model_field *key = qr_model_find_field(view, base->keys[i]->name);
        if (key != NULL) {
            view->keys[view->key_count++] = key;
        }
    }
    view->key = qr_model_find_field(view, base->key->name);
    if (view->key == NULL) {
        qr_model_problem(builder, view->definition->origins->node->name.pos,
                         "The view %s must have %.*s, the key of %s.", view->table,
                         QR_GQL_FMT(base->key->name), base->table);
    }
    return QUIRE_OK;
}

static bool shows_fields_of(const struct qr_model_type *view, const struct qr_model_index *index)
{
    for (uint32_t f = 0; f < index->field_count; f++) {
        if (qr_model_find_field(view, index->fields[f]->name) == NULL) {
            return false;
        }
    }
    return true;
}

/* The indexes whose keys find a row of the view. They are the table's, with its fields. */
static quire_status add_indexes(struct qr_model_builder *builder, struct qr_model_type *view)
{
    const struct qr_model_type *base = view->view_of;
    view->indexes = qr_arena_alloc_zero(
        builder->arena, sizeof *view->indexes * (base->index_count + 1), builder->err);
    if (view->indexes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < base->index_count; i++) {
        if (base->indexes[i].key_name != NULL && shows_fields_of(view, &base->indexes[i])) {
            view->indexes[view->index_count++] = base->indexes[i];
        }
    }
    return QUIRE_OK;
}

static quire_status build_view(struct qr_model_builder *builder, const struct qr_gql_type *type,
                               struct qr_model_type *view)
{
    *view = (struct qr_model_type){.name = type->name, .definition = type};
    const struct qr_gql_ast_directive *directive = qr_model_type_directive(view, "view");
    const struct qr_gql_ast_directive *generate = qr_model_type_directive(view, "generate");
    struct qr_gql_str table = qr_model_argument(directive, "table");
    struct qr_model_type *base = qr_model_find_type(builder->model, table);
    view->table = qr_model_join(builder, type->name, "", (struct qr_gql_str){"", 0});
    view->fields = qr_arena_alloc_zero(
        builder->arena, sizeof *view->fields * (type->field_count + 1), builder->err);
    if (view->table == NULL || view->fields == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (base == NULL) {
        qr_model_problem(builder, directive->pos, "@view(table:) of %s: there is no table %.*s.",
                         view->table, QR_GQL_FMT(table));
        return QUIRE_OK;
    }
    view->view_of = base;
    view->view_where = qr_model_value_argument(directive, "where");
    view->view_order = qr_model_value_argument(directive, "orderBy");
    view->stored = base->stored;
    view->index = base->index;
    view->column_count = base->column_count;
    view->slot_count = base->slot_count;
    view->weight = base->weight;
    view->columns =
        qr_arena_alloc_zero(builder->arena, sizeof(void *) * (base->slot_count + 1), builder->err);
    if (view->columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    view->has_queries = qr_model_is_generated(generate, "query");
    view->has_subscriptions = qr_model_is_generated(generate, "subscription");
    for (uint32_t i = 0; i < type->field_count; i++) {
        QR_TRY(add_field(builder, view, &type->fields[i]));
    }
    QR_TRY(add_keys(builder, view));
    return add_indexes(builder, view);
}

quire_status qr_model_build_views(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    for (uint32_t i = 0; i < model->schema->type_count; i++) {
        const struct qr_gql_type *type = model->schema->types[i];
        if (type->kind == QR_GQL_OBJECT && !type->builtin && qr_model_is_view(type)) {
            QR_TRY(build_view(builder, type, &model->types[model->type_count + model->view_count]));
            model->view_count++;
        }
    }
    QR_TRY(qr_gql_report_outcome(builder->report, QUIRE_SCHEMA, builder->err));
    qr_model_bind_views(model);
    return QUIRE_OK;
}

void qr_model_bind_views(struct qr_model *model)
{
    for (uint32_t v = 0; v < model->view_count; v++) {
        struct qr_model_type *view = &model->types[model->type_count + v];
        memcpy(view->columns, view->view_of->columns, sizeof(void *) * view->slot_count);
        for (uint32_t f = 0; f < view->field_count; f++) {
            struct qr_model_field *field = &view->fields[f];
            const struct qr_model_field *base = qr_model_find_field(view->view_of, field->name);
            if (qr_model_is_value(field) || field->role == QR_MODEL_REFERENCE) {
                field->column = base->column;
                view->columns[field->column] = field;
            }
            field->expression = base->expression;
            field->expression_text = base->expression_text;
            field->link_table = base->link_table;
            field->link_index = base->link_index;
        }
    }
}

/* ---- condition and order ---- */

struct argument {
    struct qr_gql_report *report;
    const struct qr_model_type *view;
    const char *name;
};

static bool report_argument(void *context, const struct qr_gql_ast_value *at,
                            const struct qr_gql_path *path, const char *message)
{
    const struct argument *argument = context;
    (void)path;
    qr_gql_report_add(argument->report, &at->pos, "@view(%s:) of %s: %s", argument->name,
                      argument->view->table, message);
    return !qr_gql_report_full(argument->report);
}

/* Coerces a literal to the input type of this suffix that belongs to the view's table. */
static quire_status coerce(const struct qr_gql_schema *schema, struct argument *argument,
                           const char *suffix, const struct qr_gql_ast_value *literal,
                           struct qr_gql_value *out, quire_error *err)
{
    struct qr_arena *arena = (struct qr_arena *)(uintptr_t)&schema->arena;
    const char *name = qr_gql_format(arena, err, "%s%s", argument->view->view_of->table, suffix);
    bool valid;
    if (name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    const struct qr_gql_type *type = qr_gql_schema_type(schema, qr_gql_str_of(name));
    QR_TRY(qr_gql_literal_check(arena, type, literal, true, report_argument, argument, err));
    return qr_gql_literal_coerce(arena, type, literal, NULL, out, &valid, err);
}

static quire_status bind_view(const struct qr_gql_schema *schema, struct qr_model_type *view,
                              struct qr_gql_report *report, quire_error *err)
{
    struct argument where = {report, view, "where"};
    struct argument order = {report, view, "orderBy"};
    const struct qr_gql_ast_value *term = view->view_order;
    struct qr_gql_value *items;
    uint32_t count = 0;
    if (view->view_where != NULL) {
        QR_TRY(coerce(schema, &where, "WhereInput", view->view_where, &view->where, err));
    }
    term = term != NULL && term->kind == QR_GQL_AST_LIST ? term->items : term;
    for (const struct qr_gql_ast_value *t = term; t != NULL; t = t->next) {
        count++;
    }
    items = qr_arena_alloc_zero((struct qr_arena *)(uintptr_t)&schema->arena,
                                sizeof *items * (count + 1), err);
    if (items == NULL) {
        return QUIRE_NO_MEMORY;
    }
    view->order = (struct qr_gql_value){.kind = QR_GQL_VALUE_LIST, .items = items, .count = count};
    for (uint32_t i = 0; i < count; i++, term = term->next) {
        QR_TRY(coerce(schema, &order, "OrderBy", term, &items[i], err));
    }
    return QUIRE_OK;
}

quire_status qr_views_bind(struct qr_model *model, const struct qr_gql_schema *schema,
                           struct qr_gql_report *report, quire_error *err)
{
    for (uint32_t v = 0; v < model->view_count; v++) {
        QR_TRY(bind_view(schema, &model->types[model->type_count + v], report, err));
    }
    return qr_gql_report_outcome(report, QUIRE_SCHEMA, err);
}
