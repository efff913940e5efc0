/*
 * The text of the API schema. docs/graphql.md describes what is generated.
 */
#include "graphql/api_internal.h"
#include "graphql/api_print.h"
#include "graphql/printer.h"
#include "graphql/resolver.h"
#include "graphql/scalar.h"

static void put(struct qr_api_printer *p, const char *text)
{
    qr_gql_buffer_text(p->out, text);
}

static void put_str(struct qr_api_printer *p, struct qr_gql_str text)
{
    qr_gql_buffer_str(p->out, text);
}

static void describe(struct qr_api_printer *p, const char *indent, struct qr_gql_str text)
{
    if (text.data != NULL) {
        put(p, indent);
        qr_gql_print_string(p->out, text);
        put(p, "\n");
    }
}

static void deprecate(struct qr_api_printer *p, struct qr_gql_str reason)
{
    if (reason.data != NULL) {
        put(p, " @deprecated(reason: ");
        qr_gql_print_string(p->out, reason);
        put(p, ")");
    }
}

/* The helper types of directives, which requests never see. */
bool qr_api_is_helper(const struct qr_gql_type *type)
{
    static const char *const helpers[] = {"QuireIndexType",    "QuireOnDelete",     "QuireValue",
                                          "QuireTriggerEvent", "QuireTriggerTime",  "QuireAuthRule",
                                          "QuireAuthCaller",   "QuireAuthOperation"};
    for (size_t i = 0; i < sizeof helpers / sizeof helpers[0]; i++) {
        if (qr_gql_str_is(type->name, helpers[i])) {
            return true;
        }
    }
    return false;
}

/* ---- types that pass through ---- */

static void print_enum(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    describe(p, "", type->description);
    qr_gql_buffer_format(p->out, "enum %.*s {\n", QR_GQL_FMT(type->name));
    for (uint32_t i = 0; i < type->value_count; i++) {
        describe(p, "  ", type->values[i].description);
        qr_gql_buffer_format(p->out, "  %.*s", QR_GQL_FMT(type->values[i].name));
        deprecate(p, type->values[i].deprecation_reason);
        put(p, "\n");
    }
    put(p, "}\n\n");
}

static void print_scalar(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    const struct qr_scalar *own = qr_scalar_of_type(type);
    struct qr_gql_str url = type->specified_by_url;
    struct qr_gql_str description = type->description;

    if (own != NULL && own->url != NULL) {
        url = qr_gql_str_of(own->url);
    }
    if (own != NULL && description.data == NULL) {
        description = qr_gql_str_of(own->description);
    }
    describe(p, "", description);
    qr_gql_buffer_format(p->out, "scalar %.*s", QR_GQL_FMT(type->name));
    if (url.data != NULL) {
        put(p, " @specifiedBy(url: ");
        qr_gql_print_string(p->out, url);
        put(p, ")");
    }
    put(p, "\n\n");
}

/* One pass over all fields, however many types will be asked about. */
static quire_status note_uses(struct qr_api_printer *p, struct qr_arena *arena, quire_error *err)
{
    const struct qr_gql_schema *schema = p->model->schema;
    p->uses = qr_arena_alloc_zero(arena, sizeof *p->uses * (schema->type_count + 1), err);
    if (p->uses == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t t = 0; t < schema->type_count; t++) {
        const struct qr_gql_type *type = schema->types[t];
        for (uint32_t f = 0; !type->builtin && f < type->field_count; f++) {
            const struct qr_gql_type *named = qr_gql_type_named(type->fields[f].type);
            p->uses[named->index].field = true;
            p->sums = p->sums || named->scalar == QR_GQL_INT;
        }
    }
    for (uint32_t t = 0; t < p->model->type_count; t++) {
        const struct qr_model_type *type = &p->model->types[t];
        if (type->key->named != NULL && type->referrer_count > 0) {
            p->uses[type->key->named->index].key = true;
        }
        for (uint32_t f = 0; f < type->field_count; f++) {
            const struct qr_model_field *field = &type->fields[f];
            if (field->role == QR_MODEL_COLUMN && field->list) {
                p->uses[field->named->index].listed = true;
            } else if (qr_api_is_operable(field)) {
                p->uses[field->named->index].applied = true;
            }
        }
    }
    return QUIRE_OK;
}

/* Whether a field or argument has the type, or a sum of integers. */
static bool is_used(const struct qr_api_printer *p, const struct qr_gql_type *named)
{
    return p->model->argument_types[named->index] || p->uses[named->index].field ||
           (p->sums && qr_gql_str_is(named->name, "BigInt"));
}

/* Quire's own scalars are part of the API where they are used. */
static bool is_hidden(const struct qr_api_printer *p, const struct qr_gql_type *type)
{
    return type->builtin || qr_api_is_helper(type) ||
           (qr_scalar_of_type(type) != NULL && !is_used(p, type));
}

static void print_union(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    describe(p, "", type->description);
    qr_gql_buffer_format(p->out, "union %.*s =", QR_GQL_FMT(type->name));
    for (uint32_t i = 0; i < type->possible_count; i++) {
        qr_gql_buffer_format(p->out, " %s%.*s", i > 0 ? "| " : "",
                             QR_GQL_FMT(type->possible[i]->name));
    }
    put(p, "\n\n");
}

/* ---- rows ---- */

static void print_connection_field(struct qr_api_printer *p, struct qr_gql_str name,
                                   const struct qr_model_type *target)
{
    qr_gql_buffer_format(p->out,
                         "  %.*s(where: %sWhereInput, orderBy: [%sOrderBy!], first: Int, "
                         "after: String, last: Int, before: String, skip: Int, take: Int",
                         QR_GQL_FMT(name), target->table, target->table);
    if (qr_api_has_distinct(target)) {
        qr_gql_buffer_format(p->out, ", distinct: [%sDistinctField!]", target->table);
    }
    qr_gql_buffer_format(p->out, "): %sConnection!", target->table);
}

void qr_api_put_key_type(struct qr_api_printer *p, const struct qr_model_type *type)
{
    if (type->key->definition == NULL) {
        put(p, "ID");
    } else {
        put_str(p, qr_gql_type_named(type->key->definition->type)->name);
    }
}

static void print_type_reference(struct qr_api_printer *p, const struct qr_model_field *field)
{
    if (field->definition == NULL) {
        put(p, "ID!");
        return;
    }
    qr_gql_type_print(p->out, field->definition->type);
    if (field->required && field->definition->type->kind != QR_GQL_NON_NULL) {
        put(p, "!");
    }
}

static void print_row_field(struct qr_api_printer *p, const struct qr_model_field *field)
{
    struct qr_gql_str none = {NULL, 0};
    const struct qr_gql_field *definition = field->definition;
    struct qr_gql_str reason = definition != NULL ? definition->deprecation_reason : none;

    describe(p, "  ", definition != NULL ? definition->description : none);
    if (field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_LINKS) {
        print_connection_field(p, field->name, field->target);
        deprecate(p, reason);
        put(p, "\n");
        return;
    }
    qr_gql_buffer_format(p->out, "  %.*s: ", QR_GQL_FMT(field->name));
    print_type_reference(p, field);
    deprecate(p, reason);
    put(p, "\n");
    if (field->role == QR_MODEL_REFERENCE) {
        qr_gql_buffer_format(p->out, "  \"The key of `%.*s`.\"\n  %s: ", QR_GQL_FMT(field->name),
                             field->key_name);
        qr_api_put_key_type(p, field->target);
        put(p, field->required ? "!\n" : "\n");
    }
}

static void print_interfaces(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    for (uint32_t i = 0; i < type->interface_count; i++) {
        put(p, i == 0 ? " implements " : " & ");
        put_str(p, type->interfaces[i]->name);
    }
}

static void print_row_type(struct qr_api_printer *p, const struct qr_model_type *type)
{
    describe(p, "", type->definition->description);
    qr_gql_buffer_format(p->out, "type %s", type->table);
    print_interfaces(p, type->definition);
    put(p, " {\n");
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (qr_model_can_read(&type->fields[i])) {
            print_row_field(p, &type->fields[i]);
        }
    }
    qr_api_print_resolvers(p, type->resolvers);
    put(p, "  \"What `ifMatch` compares: it changes with the stored values of the row.\"\n"
           "  _version: String!\n"
           "}\n\n");
}

static void print_interface(struct qr_api_printer *p, const struct qr_gql_type *type)
{
    describe(p, "", type->description);
    qr_gql_buffer_format(p->out, "interface %.*s", QR_GQL_FMT(type->name));
    print_interfaces(p, type);
    put(p, " {\n");
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_gql_field *field = &type->fields[i];
        const struct qr_model_type *target =
            qr_model_find_type(p->model, qr_gql_type_named(field->type)->name);
        describe(p, "  ", field->description);
        if (target != NULL && qr_gql_type_nullable(field->type)->kind == QR_GQL_LIST) {
            print_connection_field(p, field->name, target);
        } else {
            qr_gql_buffer_format(p->out, "  %.*s: ", QR_GQL_FMT(field->name));
            qr_gql_type_print(p->out, field->type);
        }
        deprecate(p, field->deprecation_reason);
        put(p, "\n");
    }
    put(p, "}\n\n");
}

static void print_connection(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(
        p->out,
        "\"One page of rows of %s.\"\n"
        "type %sConnection {\n"
        "  \"The rows of the page; arguments narrow it further.\"\n"
        "  items(where: %sWhereInput, orderBy: [%sOrderBy!], skip: Int, take: Int): [%s!]!\n"
        "  edges: [%sEdge!]!\n"
        "  pageInfo: PageInfo!\n"
        "  \"How many rows the connection selects, before paging.\"\n"
        "  totalCount: Int!\n"
        "  \"What the rows that the connection selects come to, before paging.\"\n"
        "  aggregate: %sAggregate!\n"
        "  \"The same of each group of them, in the order of the keys unless told.\"\n"
        "  groupBy(by: [%sAggregateGroupBy!]!, where: %sWhereInput, having: %sAggregateHaving, "
        "orderBy: [%sAggregateGroupOrderBy!], skip: Int, take: Int): [%sAggregateGroup!]!\n"
        "}\n\n"
        "type %sEdge {\n"
        "  \"The row's place in the order, for `after` and `before`.\"\n"
        "  cursor: String!\n"
        "  node: %s!\n"
        "}\n\n",
        t, t, t, t, t, t, t, t, t, t, t, t, t, t);
}

/* ---- filters and orders ---- */

static const char fixed_types[] =
    "\"Where a page stands among all rows.\"\n"
    "type PageInfo {\n"
    "  hasNextPage: Boolean!\n"
    "  hasPreviousPage: Boolean!\n"
    "  startCursor: String\n"
    "  endCursor: String\n"
    "}\n\n"
    "\"Direction of an order. Nulls are smallest unless it says otherwise.\"\n"
    "enum SortOrder {\n"
    "  asc\n  desc\n  ASC\n  DESC\n  ASC_NULLS_FIRST\n  ASC_NULLS_LAST\n  DESC_NULLS_FIRST\n"
    "  DESC_NULLS_LAST\n"
    "}\n\n"
    "\"What of a field is a key of groups.\"\nenum GroupByKey {\n  VALUE\n}\n\n"
    "\"A moment, or the period of UTC that it lies in, which is named by its beginning.\"\n"
    "enum DateTimeGroupByKey {\n"
    "  VALUE\n  YEAR\n  QUARTER\n  MONTH\n  WEEK\n  DAY\n  HOUR\n  MINUTE\n}\n\n"
    "\"A day, or the period that it lies in, which is named by its first day.\"\n"
    "enum DateGroupByKey {\n  VALUE\n  YEAR\n  QUARTER\n  MONTH\n  WEEK\n  DAY\n}\n\n"
    "\"How strings compare: by code point, or after Unicode case folding.\"\n"
    "enum StringFilterMode {\n  default\n  insensitive\n}\n\n"
    "input StringFilter {\n"
    "  equals: String\n  not: String\n  in: [String!]\n  notIn: [String!]\n"
    "  lt: String\n  lte: String\n  gt: String\n  gte: String\n"
    "  contains: String\n  startsWith: String\n  endsWith: String\n"
    "  \"% stands for any text, _ for one character, \\\\ takes the next as it is.\"\n"
    "  like: String\n"
    "  \"A regular expression that matches a part of the text.\"\n  regex: String\n"
    "  mode: StringFilterMode\n"
    "}\n\n"
    "input BooleanFilter {\n  equals: Boolean\n  not: Boolean\n}\n\n";

static void print_ordered_filter(struct qr_api_printer *p, const char *type)
{
    qr_gql_buffer_format(p->out,
                         "input %sFilter {\n"
                         "  equals: %s\n  not: %s\n  in: [%s!]\n  notIn: [%s!]\n"
                         "  lt: %s\n  lte: %s\n  gt: %s\n  gte: %s\n"
                         "}\n\n",
                         type, type, type, type, type, type, type, type, type);
}

/* `suffix` is "Filter", or "KeyFilter" for what references are compared by. */
static void print_equality_filter(struct qr_api_printer *p, struct qr_gql_str type,
                                  const char *suffix)
{
    qr_gql_buffer_format(p->out,
                         "input %.*s%s {\n"
                         "  equals: %.*s\n  not: %.*s\n  in: [%.*s!]\n  notIn: [%.*s!]\n"
                         "}\n\n",
                         QR_GQL_FMT(type), suffix, QR_GQL_FMT(type), QR_GQL_FMT(type),
                         QR_GQL_FMT(type), QR_GQL_FMT(type));
}

/* Whether the type's own filter asks for no more than equality. */
static bool has_equality_alone(const struct qr_gql_type *type)
{
    const struct qr_scalar *own = qr_scalar_of_type(type);
    return type->kind == QR_GQL_ENUM || type->scalar == QR_GQL_ID ||
           (type->scalar == QR_GQL_CUSTOM && (own == NULL || !own->ordered));
}

/* The filter by which references to rows of a type are compared: their keys have no order then. */
static void put_key_filter(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const struct qr_gql_type *named = type->key->named;
    qr_api_put_key_type(p, type);
    put(p, named == NULL || has_equality_alone(named) ? "Filter" : "KeyFilter");
}

static void print_list_filter(struct qr_api_printer *p, struct qr_gql_str type)
{
    qr_gql_buffer_format(p->out,
                         "input %.*sListFilter {\n"
                         "  has: %.*s\n  hasSome: [%.*s!]\n  hasEvery: [%.*s!]\n"
                         "  isEmpty: Boolean\n"
                         "}\n\n",
                         QR_GQL_FMT(type), QR_GQL_FMT(type), QR_GQL_FMT(type), QR_GQL_FMT(type));
}

static void print_leaf_filters(struct qr_api_printer *p)
{
    const struct qr_gql_schema *schema = p->model->schema;
    put(p, fixed_types);
    print_ordered_filter(p, "Int");
    print_ordered_filter(p, "Float");
    print_equality_filter(p, qr_gql_str_of("ID"), "Filter");
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        const struct qr_scalar *own = qr_scalar_of_type(type);
        if (!qr_gql_type_is_leaf(type) || type->introspection) {
            continue;
        }
        if (own != NULL && own->ordered && !is_hidden(p, type)) {
            print_ordered_filter(p, own->name);
        } else if (!is_hidden(p, type)) {
            print_equality_filter(p, type->name, "Filter");
        }
        if (p->uses[type->index].key && !has_equality_alone(type)) {
            print_equality_filter(p, type->name, "KeyFilter");
        }
        if (p->uses[type->index].listed) {
            print_list_filter(p, type->name);
        }
    }
}

static void print_filter_field(struct qr_api_printer *p, const struct qr_model_field *field)
{
    if (qr_model_is_value(field)) {
        struct qr_gql_str type = field->named != NULL ? field->named->name : qr_gql_str_of("ID");
        qr_gql_buffer_format(p->out, "  %.*s: %.*s%s\n", QR_GQL_FMT(field->name), QR_GQL_FMT(type),
                             field->list ? "ListFilter" : "Filter");
        return;
    }
    bool many = field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_LINKS;
    qr_gql_buffer_format(p->out, "  %.*s: %s%s\n", QR_GQL_FMT(field->name), field->target->table,
                         many ? "ListRelationFilter" : "RelationFilter");
    if (field->role == QR_MODEL_REFERENCE) {
        qr_gql_buffer_format(p->out, "  %s: ", field->key_name);
        put_key_filter(p, field->target);
        put(p, "\n");
    }
}

static void print_inputs_of_reading(struct qr_api_printer *p, const struct qr_model_type *type)
{
    const char *t = type->table;
    qr_gql_buffer_format(p->out,
                         "\"Which rows of %s: all given conditions must hold.\"\n"
                         "input %sWhereInput {\n"
                         "  AND: [%sWhereInput!]\n  OR: [%sWhereInput!]\n  NOT: %sWhereInput\n",
                         t, t, t, t, t);
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (qr_model_can_read(&type->fields[i])) {
            print_filter_field(p, &type->fields[i]);
        }
    }
    qr_gql_buffer_format(
        p->out,
        "}\n\n"
        "input %sRelationFilter {\n  is: %sWhereInput\n  isNot: %sWhereInput\n}\n\n"
        "input %sListRelationFilter {\n"
        "  some: %sWhereInput\n  every: %sWhereInput\n  none: %sWhereInput\n"
        "  \"The rows that count, sum, avg, min and max are about.\"\n  where: %sWhereInput\n",
        t, t, t, t, t, t, t, t);
    qr_api_print_relation_aggregates(type, p->out);
    put(p, "}\n\n");
    qr_gql_buffer_format(p->out, "\"An order of rows of %s; one field each.\"\ninput %sOrderBy {\n",
                         t, t);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (!qr_model_can_read(field)) {
            continue;
        }
        if (qr_model_is_value(field) && !field->list) {
            qr_gql_buffer_format(p->out, "  %.*s: SortOrder\n", QR_GQL_FMT(field->name));
        } else if (field->role == QR_MODEL_REFERENCE || field->role == QR_MODEL_REVERSE_ONE) {
            qr_gql_buffer_format(p->out, "  %.*s: %sOrderBy\n", QR_GQL_FMT(field->name),
                                 field->target->table);
        } else if (!qr_model_is_value(field)) {
            qr_gql_buffer_format(p->out, "  %.*s: %sAggregateOrderBy\n", QR_GQL_FMT(field->name),
                                 field->target->table);
        }
    }
    put(p, "}\n\n");
}

/* ---- roots ---- */

/* The fields of Query for one type; those of Subscription follow its changes. */
static void print_reading(struct qr_api_printer *p, const struct qr_model_type *type)
{
    qr_gql_buffer_format(p->out, "  \"The row of %s with the given key, if there is one.\"\n",
                         type->table);
    qr_gql_buffer_format(p->out, "  %s(", type->one_name);
    qr_api_put_keys(p, type, false);
    qr_gql_buffer_format(p->out, "): %s\n", type->table);
    print_connection_field(p, qr_gql_str_of(type->many_name), type);
    put(p, "\n");
}

static void print_query(struct qr_api_printer *p)
{
    bool any = p->model->resolvers[QR_GQL_QUERY] != NULL;
    put(p, "type Query {\n");
    qr_api_print_resolvers(p, p->model->resolvers[QR_GQL_QUERY]);
    for (uint32_t i = 0; i < qr_model_shown_count(p->model); i++) {
        if (p->model->types[i].has_queries) {
            any = true;
            print_reading(p, &p->model->types[i]);
        }
    }
    if (p->model->node != NULL) {
        put(p, "  \"The row with that id, of whatever type that implements Node.\"\n"
               "  node(id: ID!): Node\n");
    }
    put(p, any ? "}\n\n" : "  \"There are no tables to read.\"\n  _: Boolean\n}\n\n");
}

static bool has_subscriptions(const struct qr_model *model)
{
    bool any = false;
    for (uint32_t i = 0; i < qr_model_shown_count(model); i++) {
        any = any || model->types[i].has_subscriptions;
    }
    return any;
}

static void print_subscription(struct qr_api_printer *p)
{
    if (!has_subscriptions(p->model)) {
        return;
    }
    put(p, "\"Changes of rows, commit by commit; and the fields of Query, each time that commits "
           "have made their result another one.\"\n"
           "type Subscription {\n");
    for (uint32_t i = 0; i < qr_model_shown_count(p->model); i++) {
        const struct qr_model_type *type = &p->model->types[i];
        if (!type->has_subscriptions) {
            continue;
        }
        qr_gql_buffer_format(p->out,
                             "  \"Each change of a row of %s that `where` selects before it or "
                             "behind it.\"\n"
                             "  %s(where: %sWhereInput, operations: [ChangeOperation!]): "
                             "%sChange!\n",
                             type->table, type->changes_name, type->table, type->table);
        if (type->has_queries) {
            print_reading(p, type);
        }
    }
    put(p, "}\n\n"
           "\"What a commit has done to a row.\"\n"
           "enum ChangeOperation {\n  CREATE\n  UPDATE\n  DELETE\n}\n\n");
}

/* What a query that is followed like a subscription says. */
static void print_live(struct qr_api_printer *p)
{
    if (has_subscriptions(p->model)) {
        put(p,
            "\"The result at once, and again each time that commits have made it another one, to "
            "who takes results as they come; to others once.\"\n"
            "directive @live on QUERY\n\n");
    }
}

static void print_change(struct qr_api_printer *p, const struct qr_model_type *type)
{
    qr_gql_buffer_format(p->out,
                         "\"What a commit has made of a row of %s.\"\n"
                         "type %sChange {\n"
                         "  operation: ChangeOperation!\n"
                         "  \"The row behind the commit, if `where` selects it.\"\n"
                         "  node: %s\n"
                         "  \"The row before the commit, if `where` selects it.\"\n"
                         "  previous: %s\n"
                         "}\n\n",
                         type->table, type->table, type->table, type->table);
}

static void print_passed_types(struct qr_api_printer *p)
{
    const struct qr_gql_schema *schema = p->model->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct qr_gql_type *type = schema->types[i];
        if (is_hidden(p, type)) {
            continue;
        }
        if (type->kind == QR_GQL_ENUM) {
            print_enum(p, type);
        } else if (type->kind == QR_GQL_SCALAR) {
            print_scalar(p, type);
        } else if (type->kind == QR_GQL_UNION) {
            print_union(p, type);
        } else if (type->kind == QR_GQL_INTERFACE) {
            print_interface(p, type);
        }
    }
}

quire_status qr_api_print(const struct qr_model *model, struct qr_arena *arena,
                          struct qr_gql_str *out, quire_error *err)
{
    struct qr_gql_buffer buffer;
    struct qr_api_printer p = {.model = model, .out = &buffer};

    QR_TRY(note_uses(&p, arena, err));
    qr_gql_buffer_init(&buffer, arena, err);
    describe(&p, "", model->schema->description);
    put(&p, "schema {\n  query: Query\n");
    put(&p, qr_api_has_mutations(model) ? "  mutation: Mutation\n" : "");
    put(&p, has_subscriptions(model) ? "  subscription: Subscription\n}\n\n" : "}\n\n");
    print_query(&p);
    qr_api_print_mutation(&p);
    print_subscription(&p);
    print_live(&p);
    for (uint32_t i = 0; i < qr_model_shown_count(model); i++) {
        print_row_type(&p, &model->types[i]);
        print_connection(&p, &model->types[i]);
        if (model->types[i].has_subscriptions) {
            print_change(&p, &model->types[i]);
        }
        print_inputs_of_reading(&p, &model->types[i]);
        qr_api_print_key_types(&p, &model->types[i]);
        if (model->types[i].has_mutations) {
            qr_api_print_inputs(&p, &model->types[i]);
        }
        qr_api_print_aggregates(&model->types[i], &buffer);
    }
    qr_api_print_value_types(&p);
    print_passed_types(&p);
    print_leaf_filters(&p);
    qr_api_print_operators(&p);
    return qr_gql_buffer_finish(&buffer, out);
}
