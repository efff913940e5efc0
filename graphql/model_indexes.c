/*
 * Keys and indexes of types, and the names of the generated Query fields.
 */
#include "graphql/resolver.h"
#include "graphql/row_key.h"

#define INDEX_FIELDS_MAX 16u
#define NAME_MAX_SIZE    255u

/* What is being collected for one type. */
struct index_list {
    struct qr_model_builder *builder;
    struct qr_model_type *type;
    size_t capacity;
};

static bool same_fields(const struct qr_model_index *index,
                        const struct qr_model_field *const *fields, uint32_t count)
{
    if (index->field_count != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (index->fields[i] != fields[i]) {
            return false;
        }
    }
    return true;
}

/* Adds an index unless one of the same fields and kind is there; unique wins. `name` NULL makes
 * one: "Type.a.b", with the kind where two kinds of index stand on the same fields. */
static quire_status add_index(struct index_list *list, const struct qr_model_field *const *fields,
                              uint32_t count, enum quire_index_kind kind, bool unique,
                              const char *name)
{
    struct qr_model_builder *builder = list->builder;
    struct qr_model_type *type = list->type;
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    bool twin = false;

    for (uint32_t i = 0; i < type->index_count; i++) {
        if (same_fields(&type->indexes[i], fields, count)) {
            if (type->indexes[i].kind == kind) {
                type->indexes[i].unique = type->indexes[i].unique || unique;
                return QUIRE_OK;
            }
            twin = true;
        }
    }
    if (type->index_count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        struct qr_model_index *grown =
            qr_arena_alloc(builder->arena, sizeof *grown * capacity, builder->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (type->index_count > 0) {
            memcpy(grown, type->indexes, sizeof *grown * type->index_count);
        }
        type->indexes = grown;
        list->capacity = capacity;
    }
    qr_gql_buffer_init(&buffer, builder->arena, builder->err);
    qr_gql_buffer_str(&buffer, type->name);
    for (uint32_t i = 0; i < count; i++) {
        qr_gql_buffer_char(&buffer, '.');
        qr_gql_buffer_text(&buffer, fields[i]->column_name);
    }
    if (twin) {
        qr_gql_buffer_text(&buffer, kind == QUIRE_INDEX_HASH ? ".hash" : ".btree");
    }
    QR_TRY(qr_gql_buffer_finish(&buffer, &text));
    const struct qr_model_field **copy =
        qr_arena_alloc(builder->arena, sizeof *copy * count, builder->err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(copy, fields, sizeof *copy * count);
    type->indexes[type->index_count++] =
        (struct qr_model_index){.name = name != NULL ? name : text.data,
                                .kind = kind,
                                .unique = unique,
                                .fields = copy,
                                .field_count = count};
    return QUIRE_OK;
}

/* Equality is all that is asked of names and ids; numbers are asked for ranges too. */
static enum quire_index_kind key_kind(const struct qr_model_field *field)
{
    bool hash = field->scalar == QR_MODEL_ID || field->scalar == QR_MODEL_STRING ||
                field->scalar == QR_MODEL_UUID;
    return field->role == QR_MODEL_COLUMN && hash ? QUIRE_INDEX_HASH : QUIRE_INDEX_BTREE;
}

static bool is_indexable(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_REFERENCE || (qr_model_is_value(field) && !field->list);
}

static void choose_key(struct qr_model_builder *builder, struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        if (qr_model_directive(field, "id") == NULL) {
            continue;
        }
        if (type->key != NULL) {
            qr_model_problem(builder, qr_model_field_pos(field),
                             "%.*s has two fields marked @id; a type has one key.",
                             QR_GQL_FMT(type->name));
        }
        type->key = field;
    }
    if (type->key == NULL) {
        type->key = qr_model_find_field(type, qr_gql_str_of("id"));
    }
    enum qr_model_scalar scalar = type->key->scalar;
    if (type->key->role != QR_MODEL_COLUMN || type->key->list || scalar == QR_MODEL_CUSTOM ||
        scalar == QR_MODEL_JSON || scalar == QR_MODEL_FLOAT || scalar == QR_MODEL_BOOLEAN) {
        qr_model_problem(builder, qr_model_field_pos(type->key),
                         "%.*s.%.*s cannot be a key: a key is no Float, Boolean, JSON, custom "
                         "scalar, list or relation.",
                         QR_GQL_FMT(type->name), QR_GQL_FMT(type->key->name));
    }
    if (type->key->role == QR_MODEL_COLUMN && !qr_model_has_default(type->key) &&
        (scalar == QR_MODEL_ID || scalar == QR_MODEL_UUID)) {
        type->key->generator = QR_MODEL_MAKES_UUID;
    }
    type->key->required = true;
    type->key->unique = true;
}

static quire_status collect_keys(struct qr_model_builder *builder, struct qr_model_type *type)
{
    type->keys = qr_arena_alloc(
        builder->arena, sizeof(struct qr_model_field *) * (type->field_count + 1), builder->err);
    if (type->keys == NULL) {
        return QUIRE_NO_MEMORY;
    }
    type->keys[type->key_count++] = type->key;
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        if (field != type->key && field->unique && field->role == QR_MODEL_COLUMN && !field->list &&
            (field->access & QR_MODEL_CAN_READ) != 0) {
            type->keys[type->key_count++] = field;
        }
    }
    return QUIRE_OK;
}

static bool is_among(const struct qr_model_field *const *fields, uint32_t count,
                     const struct qr_model_field *field)
{
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i] == field) {
            return true;
        }
    }
    return false;
}

/* An @index or @unique directive; `self` is the field it stands on, NULL on a type. */
static quire_status add_declared(struct index_list *list,
                                 const struct qr_gql_ast_directive *directive, bool unique,
                                 const struct qr_model_field *self)
{
    const struct qr_model_field *fields[INDEX_FIELDS_MAX];
    const struct qr_gql_ast_value *names = qr_model_list_argument(directive, "fields");
    struct qr_gql_str kind = qr_model_argument(directive, "type");
    struct qr_gql_str name = qr_model_argument(directive, "name");
    const char *given = NULL;
    uint32_t count = 0;

    if (self != NULL && names != NULL) {
        qr_model_problem(list->builder, names->pos,
                         "@%.*s takes \"fields\" on a type; on a field it is about that field.",
                         QR_GQL_FMT(directive->name.text));
        return QUIRE_OK;
    }
    if (self != NULL) {
        fields[count++] = self;
    }
    for (; names != NULL && count < INDEX_FIELDS_MAX; names = names->next) {
        const struct qr_model_field *field = qr_model_find_field(list->type, names->text);
        if (field == NULL || !is_indexable(field)) {
            qr_model_problem(list->builder, names->pos,
                             "%.*s has no stored single field \"%.*s\" to index.",
                             QR_GQL_FMT(list->type->name), QR_GQL_FMT(names->text));
            return QUIRE_OK;
        }
        if (is_among(fields, count, field)) {
            qr_model_problem(list->builder, names->pos, "\"%.*s\" is there twice.",
                             QR_GQL_FMT(names->text));
            return QUIRE_OK;
        }
        fields[count++] = field;
    }
    for (uint32_t i = 0; unique && i < count; i++) {
        if (fields[i]->role == QR_MODEL_COMPUTED) {
            qr_model_problem(list->builder, directive->pos,
                             "%.*s.%.*s is computed: it cannot be unique, its columns can.",
                             QR_GQL_FMT(list->type->name), QR_GQL_FMT(fields[i]->name));
            return QUIRE_OK;
        }
    }
    if (count == 0 || names != NULL || (self != NULL && !is_indexable(self))) {
        qr_model_problem(list->builder, directive->pos, "@%.*s needs 1 to %u stored single fields.",
                         QR_GQL_FMT(directive->name.text), INDEX_FIELDS_MAX);
        return QUIRE_OK;
    }
    if (name.data != NULL && (name.size == 0 || name.size > NAME_MAX_SIZE)) {
        qr_model_problem(list->builder, directive->pos,
                         "The name of an index has 1 to %u bytes, not %zu.", NAME_MAX_SIZE,
                         name.size);
        return QUIRE_OK;
    }
    if (name.data != NULL) {
        given = qr_model_join(list->builder, name, "", (struct qr_gql_str){"", 0});
        if (given == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return add_index(list, fields, count,
                     unique && count == 1          ? key_kind(fields[0])
                     : qr_gql_str_is(kind, "HASH") ? QUIRE_INDEX_HASH
                                                   : QUIRE_INDEX_BTREE,
                     unique, given);
}

static quire_status add_directives(struct index_list *list,
                                   const struct qr_gql_ast_directive *directives,
                                   const struct qr_model_field *self)
{
    for (const struct qr_gql_ast_directive *d = directives; d != NULL; d = d->next) {
        if (qr_gql_str_is(d->name.text, "unique")) {
            QR_TRY(add_declared(list, d, true, self));
        } else if (qr_gql_str_is(d->name.text, "index")) {
            QR_TRY(add_declared(list, d, false, self));
        }
    }
    return QUIRE_OK;
}

static quire_status build_indexes(struct qr_model_builder *builder, struct qr_model_type *type)
{
    struct index_list list = {.builder = builder, .type = type};
    const struct qr_model_field *key = type->key;

    QR_TRY(add_index(&list, &key, 1, key_kind(key), true, NULL));
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (field->role == QR_MODEL_REFERENCE) {
            QR_TRY(add_index(&list, &field, 1, QUIRE_INDEX_BTREE, field->unique, NULL));
        }
        if (field->definition != NULL) {
            QR_TRY(add_directives(&list, field->definition->node->directives, field));
        }
    }
    for (const struct qr_gql_origin *o = type->definition->origins; o != NULL; o = o->next) {
        QR_TRY(add_directives(&list, o->node->directives, NULL));
    }
    return QUIRE_OK;
}

/* Whether an index before this one is unique on the same fields, in any order. */
static bool is_twin(const struct qr_model_type *type, uint32_t index)
{
    const struct qr_model_index *self = &type->indexes[index];
    for (uint32_t i = 0; i < index; i++) {
        const struct qr_model_index *other = &type->indexes[i];
        uint32_t same = 0;
        for (uint32_t f = 0; f < self->field_count; f++) {
            same += is_among(other->fields, other->field_count, self->fields[f]) ? 1 : 0;
        }
        if (other->unique && other->field_count == self->field_count && same == self->field_count) {
            return true;
        }
    }
    return false;
}

/* Whether clients can read what an index finds rows by. */
static bool is_readable(const struct qr_model_index *index)
{
    bool readable = true;
    for (uint32_t i = 0; i < index->field_count; i++) {
        readable = readable && qr_model_can_read(index->fields[i]);
    }
    return readable;
}

/* Names the unique indexes, which find one row each. */
static quire_status name_keys(struct qr_model_builder *builder, struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->index_count; i++) {
        struct qr_model_index *index = &type->indexes[i];
        struct qr_gql_buffer buffer;
        struct qr_gql_str name;
        if (!index->unique || is_twin(type, i) || !is_readable(index)) {
            continue;
        }
        qr_gql_buffer_init(&buffer, builder->arena, builder->err);
        for (uint32_t f = 0; f < index->field_count; f++) {
            qr_gql_buffer_text(&buffer, f > 0 ? "_" : "");
            qr_gql_buffer_text(&buffer, index->fields[f]->key_name);
        }
        QR_TRY(qr_gql_buffer_finish(&buffer, &name));
        index->key_name = name.data;
        if (index->field_count > 1 && qr_model_find_field(type, name) != NULL) {
            qr_model_problem(builder, qr_model_field_pos(qr_model_find_field(type, name)),
                             "%.*s.%s has the name of the key of several fields; rename it.",
                             QR_GQL_FMT(type->name), name.data);
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_build_indexes(struct qr_model_builder *builder)
{
    struct qr_gql_name_table names = {0};
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        choose_key(builder, &builder->model->types[i]);
    }
    QR_TRY(qr_gql_report_outcome(builder->report, QUIRE_SCHEMA, builder->err));
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        struct qr_model_type *type = &builder->model->types[i];
        QR_TRY(collect_keys(builder, type));
        QR_TRY(build_indexes(builder, type));
        QR_TRY(name_keys(builder, type));
        for (uint32_t j = 0; j < type->index_count; j++) {
            void *previous;
            QR_TRY(qr_gql_name_table_add(&names, builder->arena,
                                         qr_gql_str_of(type->indexes[j].name), type, &previous,
                                         builder->err));
            if (previous != NULL) {
                qr_model_problem(builder, type->definition->origins->node->name.pos,
                                 "Two indexes are named \"%s\"; give one another name.",
                                 type->indexes[j].name);
            }
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_index_def(const struct qr_model_index *index, struct qr_arena *arena,
                                quire_index_def *def, quire_error *err)
{
    quire_index_column *columns =
        qr_arena_alloc_zero(arena, sizeof *columns * index->field_count, err);
    if (columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < index->field_count; i++) {
        const struct qr_model_field *field = index->fields[i];
        if (field->role == QR_MODEL_COMPUTED) {
            columns[i].expression = field->expression_text;
        } else {
            columns[i].name = field->column_name;
        }
    }
    *def = (quire_index_def){.name = index->name,
                             .kind = index->kind,
                             .unique = index->unique,
                             .columns = columns,
                             .column_count = index->field_count};
    return QUIRE_OK;
}

/* ---- names of Query and Subscription fields ---- */

/* `interface Node { id: ID! }` asks for Query.node, which finds a row of any table that implements
 * it: each must have its id as a key. */
static void find_node(struct qr_model_builder *builder)
{
    struct qr_model *model = builder->model;
    const struct qr_gql_type *node = qr_gql_schema_type(model->schema, qr_gql_str_of("Node"));
    const struct qr_gql_field *id = node == NULL || node->kind != QR_GQL_INTERFACE
                                        ? NULL
                                        : qr_gql_type_field(node, qr_gql_str_of("id"));
    if (id == NULL || id->type->kind != QR_GQL_NON_NULL ||
        qr_gql_type_nullable(id->type)->scalar != QR_GQL_ID) {
        return;
    }
    for (uint32_t i = 0; i < model->type_count; i++) {
        const struct qr_model_type *type = &model->types[i];
        if (!type->has_queries || !qr_gql_type_is_possible(node, type->definition)) {
            continue;
        }
        model->node = node;
        if (qr_row_key_find(type, id->name) == NULL) {
            qr_model_problem(builder, type->definition->origins->node->name.pos,
                             "%s implements Node, whose rows are found by their id; make it a key "
                             "with @id or @unique.",
                             type->table);
        }
    }
}

/* The table or view of that name; NULL when there is none. */
static struct qr_model_type *find_shown(const struct qr_model *model, struct qr_gql_str name)
{
    struct qr_model_type *type = qr_model_find_type(model, name);
    for (uint32_t i = model->type_count; type == NULL && i < qr_model_shown_count(model); i++) {
        if (qr_gql_str_equal(model->types[i].name, name)) {
            type = &model->types[i];
        }
    }
    return type;
}

static quire_status read_query_fields(struct qr_model_builder *builder)
{
    const struct qr_gql_type *query = builder->model->schema->roots[QR_GQL_QUERY];
    for (uint32_t i = 0; i < query->field_count; i++) {
        const struct qr_gql_field *field = &query->fields[i];
        const struct qr_gql_type *type = qr_gql_type_nullable(field->type);
        struct qr_model_type *target = find_shown(builder->model, qr_gql_type_named(type)->name);
        bool is_node = type == builder->model->node && qr_gql_str_is(field->name, "node");
        if (qr_gql_str_is(field->name, "_") || is_node || qr_model_is_resolved(field)) {
            continue;
        }
        if (target == NULL) {
            qr_model_problem(
                builder, field->node->name.pos,
                "The field %.*s.%.*s must have the type of a table or view, or a list of "
                "one, or be the program's with @resolver.",
                QR_GQL_FMT(query->name), QR_GQL_FMT(field->name));
            continue;
        }
        const char *name = qr_model_join(builder, field->name, "", (struct qr_gql_str){"", 0});
        if (name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (type->kind == QR_GQL_LIST) {
            target->many_name = name;
        } else {
            target->one_name = name;
        }
    }
    return QUIRE_OK;
}

/* A declared field of a table's type names the changes of its rows. */
static quire_status read_subscription_fields(struct qr_model_builder *builder)
{
    const struct qr_gql_type *root = builder->model->schema->roots[QR_GQL_SUBSCRIPTION];
    for (uint32_t i = 0; root != NULL && i < root->field_count; i++) {
        const struct qr_gql_field *field = &root->fields[i];
        const struct qr_gql_type *type = qr_gql_type_nullable(field->type);
        struct qr_model_type *target = find_shown(builder->model, qr_gql_type_named(type)->name);
        if (qr_gql_str_is(field->name, "_")) {
            continue;
        }
        if (target == NULL || type->kind == QR_GQL_LIST) {
            qr_model_problem(
                builder, field->node->name.pos,
                "The field %.*s.%.*s must have the type of a table or view, whose changes it "
                "tells.",
                QR_GQL_FMT(root->name), QR_GQL_FMT(field->name));
            continue;
        }
        target->changes_name = qr_model_join(builder, field->name, "", (struct qr_gql_str){"", 0});
        if (target->changes_name == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return QUIRE_OK;
}

static quire_status default_names(struct qr_model_builder *builder, struct qr_model_type *type)
{
    if (type->one_name == NULL) {
        type->one_name = qr_model_name_one(builder->arena, type->name, builder->err);
    }
    if (type->many_name == NULL) {
        type->many_name = qr_model_name_plural(builder->arena, type->name, builder->err);
    }
    if (type->one_name == NULL || type->many_name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (type->changes_name == NULL) {
        const char *one = qr_model_name_one(builder->arena, type->name, builder->err);
        type->changes_name =
            one == NULL ? NULL : qr_gql_format(builder->arena, builder->err, "%sChanged", one);
        QR_TRY(type->changes_name == NULL ? QUIRE_NO_MEMORY : QUIRE_OK);
    }
    if (strcmp(type->one_name, type->many_name) == 0) {
        struct qr_gql_buffer buffer;
        struct qr_gql_str name;
        char first = type->many_name[0];
        qr_gql_buffer_init(&buffer, builder->arena, builder->err);
        qr_gql_buffer_text(&buffer, "all");
        qr_gql_buffer_char(&buffer,
                           (char)(first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first));
        qr_gql_buffer_text(&buffer, type->many_name + 1);
        QR_TRY(qr_gql_buffer_finish(&buffer, &name));
        type->many_name = name.data;
    }
    return QUIRE_OK;
}

quire_status qr_model_choose_names(struct qr_model_builder *builder)
{
    struct qr_gql_name_table names = {0}; /* of Subscription, which has all of them */
    find_node(builder);
    QR_TRY(read_query_fields(builder));
    QR_TRY(read_subscription_fields(builder));
    if (builder->model->node != NULL) {
        QR_TRY(qr_gql_name_table_add(&names, builder->arena, qr_gql_str_of("node"), builder->model,
                                     NULL, builder->err));
    }
    for (uint32_t i = 0; i < qr_model_shown_count(builder->model); i++) {
        struct qr_model_type *type = &builder->model->types[i];
        QR_TRY(default_names(builder, type));
        const char *all[] = {type->one_name, type->many_name, type->changes_name};
        for (int j = 0; j < 3; j++) {
            void *previous;
            QR_TRY(qr_gql_name_table_add(&names, builder->arena, qr_gql_str_of(all[j]), type,
                                         &previous, builder->err));
            if (previous != NULL) {
                qr_model_problem(builder, type->definition->origins->node->name.pos,
                                 "The %s field \"%s\" of %.*s is taken by another type; declare "
                                 "a name for it in %s.",
                                 j < 2 ? "query" : "subscription", all[j], QR_GQL_FMT(type->name),
                                 j < 2 ? "Query" : "Subscription");
            }
        }
    }
    return QUIRE_OK;
}
