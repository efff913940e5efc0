/*
 * The text of the API schema, what writes: Mutation and its input types.
 * docs/graphql.md, "Writing", describes them.
 */
#include "graphql/api_print.h"
#include "graphql/resolver.h"
#include "graphql/row_key.h"
#include "graphql/scalar.h"

static void put(struct qr_api_printer *p, const char *text)
{
    qr_gql_buffer_text(p->out, text);
}

/* ---- what a type's inputs have ---- */

/* Whether a field can be given in an update. */
static bool is_updatable_field(const struct qr_model_field *field)
{
    bool reachable = field->target == NULL || field->role == QR_MODEL_REFERENCE ||
                     field->role == QR_MODEL_LINKS || field->target->has_mutations;
    return field != field->owner->key && qr_model_can_write(field) && reachable;
}

static bool is_updatable(const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (is_updatable_field(&type->fields[i])) {
            return true;
        }
    }
    return false;
}

bool qr_api_is_operable(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_COLUMN && field != field->owner->key &&
           qr_model_can_write(field);
}

static bool has_operators(const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (qr_api_is_operable(&type->fields[i])) {
            return true;
        }
    }
    return false;
}

static bool is_many(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_LINKS;
}

/* ---- rows ---- */

static void print_relation(struct qr_api_printer *p, const struct qr_model_field *field,
                           bool create)
{
    qr_gql_buffer_format(p->out, "  %.*s: %s%sNested%s\n", QR_GQL_FMT(field->name),
                         field->target->table, create ? "Create" : "Update",
                         is_many(field) ? "Many" : "One");
}

static void print_input_field(struct qr_api_printer *p, const struct qr_model_field *field,
                              bool create)
{
    bool optional = !create || !field->required || qr_model_has_default(field);
    if (!qr_model_can_write(field)) {
        return;
    }
    if (field->role != QR_MODEL_COLUMN && field->target->has_mutations) {
        print_relation(p, field, create);
    }
    switch (field->role) {
    case QR_MODEL_COLUMN:
        qr_gql_buffer_format(p->out, "  %.*s: ", QR_GQL_FMT(field->name));
        if (field->definition == NULL) {
            put(p, "ID");
        } else {
            qr_gql_type_print(p->out, qr_gql_type_nullable(field->definition->type));
        }
        put(p, optional ? "\n" : "!\n");
        break;
    case QR_MODEL_REFERENCE:
        qr_gql_buffer_format(p->out, "  %s: ", field->key_name);
        qr_api_put_key_type(p, field->target);
        put(p, "\n");
        break;
    case QR_MODEL_LINKS:
        qr_gql_buffer_format(p->out, "  %.*sIds: [", QR_GQL_FMT(field->name));
        qr_api_put_key_type(p, field->target);
        put(p, "!]\n");
        break;
    case QR_MODEL_REVERSE_ONE:
    case QR_MODEL_REVERSE:
    case QR_MODEL_COMPUTED:
        break;
    }
}

static void print_rows(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(p->out, "\"A new row of %s.\"\ninput %sInput {\n", t, t);
    for (uint32_t i = 0; i < type->field_count; i++) {
        print_input_field(p, &type->fields[i], true);
    }
    put(p, "}\n\n");
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out, "\"What to change in a row of %s.\"\ninput %sUpdateInput {\n",
                             t, t);
        for (uint32_t i = 0; i < type->field_count; i++) {
            if (is_updatable_field(&type->fields[i])) {
                print_input_field(p, &type->fields[i], false);
            }
        }
        put(p, "}\n\n");
    }
    qr_gql_buffer_format(p->out,
                         "\"What a write of many rows did.\"\ntype %sBulkResult {\n"
                         "  affectedRows: Int!\n  returning: [%s!]!\n}\n\n",
                         t, t);
}

/* ---- keys ---- */

static void put_key_field(struct qr_api_printer *p, const struct qr_model_field *field)
{
    qr_gql_buffer_format(p->out, "%s: ", field->key_name);
    if (field->role == QR_MODEL_REFERENCE) {
        qr_api_put_key_type(p, field->target);
    } else {
        struct qr_gql_str name = field->named != NULL ? field->named->name : qr_gql_str_of("ID");
        qr_gql_buffer_str(p->out, name);
    }
}

static void put_key(struct qr_api_printer *p, const struct qr_model_index *index)
{
    if (index->field_count == 1) {
        put_key_field(p, index->fields[0]);
    } else {
        qr_gql_buffer_format(p->out, "%s: %sWhereKey_%s", index->key_name,
                             index->fields[0]->owner->table, index->key_name);
    }
}

void qr_api_put_keys(struct qr_api_printer *p, const struct qr_model_type *type, bool writing)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->index_count; i++) {
        const char *name = type->indexes[i].key_name;
        if (name != NULL && !(writing && qr_row_key_is_taken(qr_gql_str_of(name)))) {
            put(p, count++ > 0 ? ", " : "");
            put_key(p, &type->indexes[i]);
        }
    }
    put(p, count == 1 ? "!" : "");
}

static void print_keys(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(p->out, "\"Names one row of %s.\"\ninput %sWhereKey @oneOf {\n", t, t);
    for (uint32_t i = 0; i < type->index_count; i++) {
        const struct qr_model_index *index = &type->indexes[i];
        if (index->key_name != NULL) {
            put(p, "  ");
            put_key(p, index);
            put(p, "\n");
        }
    }
    put(p, "}\n\n");
}

void qr_api_print_key_types(struct qr_api_printer *p, const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->index_count; i++) {
        const struct qr_model_index *index = &type->indexes[i];
        if (index->key_name == NULL || index->field_count == 1) {
            continue;
        }
        qr_gql_buffer_format(p->out, "input %sWhereKey_%s {\n", type->table, index->key_name);
        for (uint32_t f = 0; f < index->field_count; f++) {
            put(p, "  ");
            put_key_field(p, index->fields[f]);
            put(p, "!\n");
        }
        put(p, "}\n\n");
    }
}

/* ---- nested writes ---- */

/* The changes of a row: `input` (or `update`, of an upsert) and `apply`, as far as there is
 * something to change. */
static void print_changes(struct qr_api_printer *p, const struct qr_model_type *type,
                          const char *name)
{
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out, "  %s: %sUpdateInput\n", name, type->table);
    }
    if (has_operators(type)) {
        qr_gql_buffer_format(p->out, "  apply: %sUpdateOperators\n", type->table);
    }
}

static void print_nested_one(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    for (int update = 0; update < 2; update++) {
        qr_gql_buffer_format(p->out,
                             "input %s%sNestedOne @oneOf {\n"
                             "  create: %sInput\n  connect: %sWhereKey\n"
                             "  connectOrCreate: %sConnectOrCreate\n",
                             t, update == 1 ? "Update" : "Create", t, t, t);
        if (update == 1) {
            qr_gql_buffer_format(p->out, "  disconnect: Boolean\n  delete: Boolean\n%s",
                                 is_updatable(type) ? "" : "}\n\n");
        }
        if (update == 1 && is_updatable(type)) {
            qr_gql_buffer_format(p->out,
                                 "  update: %sNestedUpdate\n  upsert: %sNestedUpsert\n}\n\n", t, t);
        } else if (update == 0) {
            put(p, "}\n\n");
        }
    }
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out, "input %sNestedUpdate {\n", t);
        print_changes(p, type, "input");
        qr_gql_buffer_format(p->out, "}\n\ninput %sNestedUpsert {\n  create: %sInput!\n", t, t);
        print_changes(p, type, "update");
        put(p, "}\n\n");
    }
}

static void print_nested_many(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(p->out,
                         "input %sCreateNestedMany {\n"
                         "  create: [%sInput!]\n  connect: [%sWhereKey!]\n"
                         "  connectOrCreate: [%sConnectOrCreate!]\n}\n\n"
                         "input %sUpdateNestedMany {\n"
                         "  create: [%sInput!]\n  connect: [%sWhereKey!]\n"
                         "  connectOrCreate: [%sConnectOrCreate!]\n"
                         "  set: [%sWhereKey!]\n  disconnect: [%sWhereKey!]\n"
                         "  delete: [%sWhereKey!]\n  deleteMany: [%sNestedDeleteMany!]\n",
                         t, t, t, t, t, t, t, t, t, t, t, t);
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out,
                             "  update: [%sNestedUpdateByKey!]\n"
                             "  updateMany: [%sNestedUpdateMany!]\n"
                             "  upsert: [%sNestedUpsertByKey!]\n}\n\n"
                             "input %sNestedUpdateMany {\n  where: %sWhereInput\n"
                             "  allRows: Boolean\n",
                             t, t, t, t, t);
        print_changes(p, type, "input");
        qr_gql_buffer_format(p->out, "}\n\ninput %sNestedUpdateByKey {\n  where: %sWhereKey!\n", t,
                             t);
        print_changes(p, type, "input");
        qr_gql_buffer_format(p->out,
                             "}\n\ninput %sNestedUpsertByKey {\n  where: %sWhereKey!\n"
                             "  create: %sInput!\n",
                             t, t, t);
        print_changes(p, type, "update");
    }
    qr_gql_buffer_format(p->out,
                         "}\n\ninput %sNestedDeleteMany {\n  where: %sWhereInput\n"
                         "  allRows: Boolean\n}\n\n",
                         t, t);
}

/* ---- operators ---- */

static void print_table_operators(struct qr_api_printer *p, const struct qr_model_type *type)
{
    if (!has_operators(type)) {
        return;
    }
    qr_gql_buffer_format(p->out,
                         "\"How to change the values that a row of %s has; one operator each.\"\n"
                         "input %sUpdateOperators {\n",
                         type->table, type->table);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (qr_api_is_operable(field)) {
            qr_gql_buffer_format(p->out, "  %.*s: %.*s%sUpdateOperators\n", QR_GQL_FMT(field->name),
                                 QR_GQL_FMT(field->named->name), field->list ? "List" : "");
        }
    }
    put(p, "}\n\n");
}

static bool is_number(const struct qr_gql_type *type)
{
    const struct qr_scalar *scalar = qr_scalar_of_type(type);
    return qr_gql_str_is(type->name, "Int") || qr_gql_str_is(type->name, "Float") ||
           (scalar != NULL &&
            (scalar->kind == QR_MODEL_BIGINT || scalar->kind == QR_MODEL_DECIMAL));
}

void qr_api_print_operators(struct qr_api_printer *p)
{
    const struct qr_gql_schema *schema = p->model->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        struct qr_gql_str t = type->name;
        if (!qr_gql_type_is_leaf(type)) {
            continue;
        }
        if (p->uses[type->index].applied) {
            qr_gql_buffer_format(p->out, "input %.*sUpdateOperators {\n  set: %.*s\n",
                                 QR_GQL_FMT(t), QR_GQL_FMT(t));
            if (is_number(type)) {
                qr_gql_buffer_format(p->out,
                                     "  increment: %.*s\n  decrement: %.*s\n  multiply: %.*s\n",
                                     QR_GQL_FMT(t), QR_GQL_FMT(t), QR_GQL_FMT(t));
            }
            put(p, "}\n\n");
        }
        if (p->uses[type->index].listed) {
            qr_gql_buffer_format(p->out,
                                 "input %.*sListUpdateOperators {\n  set: [%.*s!]\n"
                                 "  append: [%.*s!]\n  prepend: [%.*s!]\n  remove: [%.*s!]\n}\n\n",
                                 QR_GQL_FMT(t), QR_GQL_FMT(t), QR_GQL_FMT(t), QR_GQL_FMT(t),
                                 QR_GQL_FMT(t));
        }
    }
}

void qr_api_print_inputs(struct qr_api_printer *p, const struct qr_model_type *type)
{
    print_rows(p, type);
    print_keys(p, type);
    print_table_operators(p, type);
    if (type->single_target || type->list_target) {
        qr_gql_buffer_format(p->out,
                             "input %sConnectOrCreate {\n  where: %sWhereKey!\n"
                             "  create: %sInput!\n}\n\n",
                             type->table, type->table, type->table);
    }
    if (type->single_target) {
        print_nested_one(p, type);
    }
    if (type->list_target) {
        print_nested_many(p, type);
    }
}

/* ---- Mutation ---- */

/* Arguments that say what to change: `, input: .., apply: ..`. */
static void put_changes(struct qr_api_printer *p, const struct qr_model_type *type,
                        const char *name)
{
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out, ", %s: %sUpdateInput", name, type->table);
    }
    if (has_operators(type)) {
        qr_gql_buffer_format(p->out, ", apply: %sUpdateOperators", type->table);
    }
}

static void print_single_writes(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(p->out, "  %s(input: %sInput!): %s!\n", type->verb_names[QR_MODEL_CREATE],
                         t, t);
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out, "  %s(", type->verb_names[QR_MODEL_UPDATE]);
        qr_api_put_keys(p, type, true);
        put_changes(p, type, "input");
        qr_gql_buffer_format(p->out, ", ifMatch: String): %s!\n", t);
    }
    qr_gql_buffer_format(p->out, "  \"Gives the row as it was.\"\n  %s(",
                         type->verb_names[QR_MODEL_DELETE]);
    qr_api_put_keys(p, type, true);
    qr_gql_buffer_format(p->out, ", ifMatch: String): %s%s\n", t, type->delete_nullable ? "" : "!");
    qr_gql_buffer_format(p->out,
                         "  \"Changes the row with the key; creates it where there is none.\"\n"
                         "  %s(where: %sWhereKey!, create: %sInput!",
                         type->verb_names[QR_MODEL_UPSERT], t, t);
    put_changes(p, type, "update");
    qr_gql_buffer_format(p->out, ", ifMatch: String): %s!\n", t);
}

static void print_bulk_writes(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(p->out, "  %s(inputs: [%sInput!]!): %sBulkResult!\n",
                         type->verb_names[QR_MODEL_CREATE_MANY], t, t);
    if (is_updatable(type)) {
        qr_gql_buffer_format(p->out, "  %s(where: %sWhereInput",
                             type->verb_names[QR_MODEL_UPDATE_MANY], t);
        put_changes(p, type, "input");
        qr_gql_buffer_format(p->out, ", allRows: Boolean): %sBulkResult!\n", t);
    }
    qr_gql_buffer_format(p->out,
                         "  \"Gives the rows as they were.\"\n"
                         "  %s(where: %sWhereInput, allRows: Boolean): %sBulkResult!\n",
                         type->verb_names[QR_MODEL_DELETE_MANY], t, t);
}

bool qr_api_has_mutations(const struct qr_model *model)
{
    bool any = model->resolvers[QR_GQL_MUTATION] != NULL;
    for (uint32_t i = 0; i < model->type_count; i++) {
        any = any || model->types[i].has_mutations;
    }
    return any;
}

void qr_api_print_mutation(struct qr_api_printer *p)
{
    if (!qr_api_has_mutations(p->model)) {
        return;
    }
    put(p, "\"All fields of a request are one transaction: all of them happen, or none.\"\n"
           "type Mutation {\n");
    for (uint32_t i = 0; i < p->model->type_count; i++) {
        if (p->model->types[i].has_mutations) {
            print_single_writes(p, &p->model->types[i]);
            print_bulk_writes(p, &p->model->types[i]);
        }
    }
    qr_api_print_resolvers(p, p->model->resolvers[QR_GQL_MUTATION]);
    put(p, "}\n\n");
}
