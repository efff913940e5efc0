/*
 * The API of aggregates: the types that are generated for each row type, and
 * what their fields stand for.
 */
#include "graphql/aggregate.h"
#include "graphql/api_internal.h"

struct qr_gql_str qr_api_value_type(const struct qr_model_field *field)
{
    const struct qr_model_field *key =
        field->role == QR_MODEL_REFERENCE ? field->target->key : field;
    return key->named != NULL ? key->named->name : qr_gql_str_of("ID");
}

/* Which fields a generated type has. */
typedef bool (*choose)(const struct qr_model_field *field);

static bool any(const struct qr_model_type *type, choose chosen)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (chosen(&type->fields[i])) {
            return true;
        }
    }
    return false;
}

/* Fields with one value; a value's name must be none of the language's own words. */
static bool is_distinct_field(const struct qr_model_field *field)
{
    return qr_model_can_read(field) &&
           (field->role == QR_MODEL_REFERENCE || (qr_model_is_value(field) && !field->list)) &&
           strcmp(field->key_name, "true") != 0 && strcmp(field->key_name, "false") != 0 &&
           strcmp(field->key_name, "null") != 0;
}

bool qr_api_has_distinct(const struct qr_model_type *type)
{
    return any(type, is_distinct_field);
}

static const char *sum_type(const struct qr_model_field *field)
{
    if (field->scalar == QR_MODEL_DECIMAL) {
        return "Decimal";
    }
    return field->scalar == QR_MODEL_FLOAT ? "Float" : "BigInt";
}

enum result { SUMS, AVERAGES, EXTREMES };

/* A type with a field for each chosen column, of the type that the result has. */
static void print_results(const struct qr_model_type *type, struct qr_gql_buffer *out,
                          const char *keyword, const char *suffix, enum result result,
                          const char *filter)
{
    qr_gql_buffer_format(out, "%s %sAggregate%s {\n", keyword, type->table, suffix);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        struct qr_gql_str name = qr_api_value_type(field);
        if (!(result == EXTREMES ? qr_measure_orders(field) : qr_measure_sums(field))) {
            continue;
        }
        if (result != EXTREMES) {
            name = qr_gql_str_of(
                result == SUMS || field->scalar == QR_MODEL_DECIMAL ? sum_type(field) : "Float");
        }
        qr_gql_buffer_format(out, "  %.*s: %.*s%s\n", QR_GQL_FMT(field->name), QR_GQL_FMT(name),
                             filter);
    }
    qr_gql_buffer_text(out, "}\n\n");
}

static void print_orders(const struct qr_model_type *type, struct qr_gql_buffer *out,
                         const char *suffix, choose chosen)
{
    qr_gql_buffer_format(out, "input %sAggregate%s {\n", type->table, suffix);
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (chosen(&type->fields[i])) {
            qr_gql_buffer_format(out, "  %.*s: SortOrder\n", QR_GQL_FMT(type->fields[i].name));
        }
    }
    qr_gql_buffer_text(out, "}\n\n");
}

/* The members that aggregates have everywhere: `suffix` tells results, filters and orders apart. */
static void print_members(const struct qr_model_type *type, struct qr_gql_buffer *out,
                          const char *count, const char *suffix, const char *averages)
{
    const char *t = type->table;
    qr_gql_buffer_text(out, count);
    if (any(type, qr_measure_sums)) {
        qr_gql_buffer_format(out, "  sum: %sAggregateSums%s\n  avg: %sAggregate%s%s\n", t, suffix,
                             t, averages, suffix);
    }
    if (any(type, qr_measure_orders)) {
        qr_gql_buffer_format(out, "  min: %sAggregateExtremes%s\n  max: %sAggregateExtremes%s\n", t,
                             suffix, t, suffix);
    }
}

static void print_distinct(const struct qr_model_type *type, struct qr_gql_buffer *out)
{
    qr_gql_buffer_format(out, "enum %sDistinctField {\n", type->table);
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (is_distinct_field(&type->fields[i])) {
            qr_gql_buffer_format(out, "  %s\n", type->fields[i].key_name);
        }
    }
    qr_gql_buffer_text(out, "}\n\n");
}

static void print_output(const struct qr_model_type *type, struct qr_gql_buffer *out)
{
    const char *t = type->table;
    bool distinct = qr_api_has_distinct(type);

    qr_gql_buffer_format(out, "\"What the rows of %s come to.\"\ntype %sAggregate {\n", t, t);
    for (int group = 0; group < 2; group++) {
        if (group == 1) {
            qr_gql_buffer_format(out,
                                 "\"Rows of %s that have the same keys.\"\n"
                                 "type %sAggregateGroup {\n  keys: %sAggregateGroupKeys!\n",
                                 t, t, t);
        }
        qr_gql_buffer_text(out, "  \"Rows; of `distinct` fields the combinations of values "
                                "without a null.\"\n");
        if (distinct) {
            qr_gql_buffer_format(out, "  count(distinct: [%sDistinctField!]): Int!\n", t);
        } else {
            qr_gql_buffer_text(out, "  count: Int!\n");
        }
        print_members(type, out, "", "!", "Averages");
        qr_gql_buffer_text(out, "}\n\n");
    }
}

/* What of a field can be a key. */
static const char *by_type(const struct qr_model_field *field)
{
    if (!qr_model_is_value(field)) {
        return "GroupByKey";
    }
    return field->scalar == QR_MODEL_DATETIME ? "DateTimeGroupByKey"
           : field->scalar == QR_MODEL_DATE   ? "DateGroupByKey"
                                              : "GroupByKey";
}

static void print_keys(const struct qr_model_type *type, struct qr_gql_buffer *out)
{
    static const struct {
        const char *keyword, *suffix, *value;
        bool of_values; /* the value's type begins with that of the field */
    } kinds[] = {{"type", "GroupKeys", "", true},
                 {"input", "GroupBy", NULL, false},
                 {"input", "KeysFilter", "Filter", true},
                 {"input", "KeysOrderBy", "SortOrder", false}};

    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        qr_gql_buffer_format(out, "%s %sAggregate%s {\n", kinds[k].keyword, type->table,
                             kinds[k].suffix);
        for (uint32_t i = 0; i < type->field_count; i++) {
            const struct qr_model_field *field = &type->fields[i];
            struct qr_gql_str none = {"", 0};
            struct qr_gql_str value = kinds[k].of_values ? qr_api_value_type(field) : none;
            bool single = field->role == QR_MODEL_REFERENCE || field->role == QR_MODEL_REVERSE_ONE;
            if (!qr_model_can_read(field)) {
                continue;
            }
            if (single) {
                qr_gql_buffer_format(out, "  %.*s: %sAggregate%s\n", QR_GQL_FMT(field->name),
                                     field->target->table, kinds[k].suffix);
            }
            if (field->role == QR_MODEL_REFERENCE || (qr_model_is_value(field) && !field->list)) {
                qr_gql_buffer_format(out, "  %s: %.*s%s\n", field->key_name, QR_GQL_FMT(value),
                                     kinds[k].value != NULL ? kinds[k].value : by_type(field));
            }
        }
        qr_gql_buffer_text(out, "}\n\n");
    }
}

static void print_inputs(const struct qr_model_type *type, struct qr_gql_buffer *out)
{
    const char *t = type->table;
    qr_gql_buffer_format(out,
                         "\"Which groups: all given conditions must hold.\"\n"
                         "input %sAggregateHaving {\n"
                         "  AND: [%sAggregateHaving!]\n  OR: [%sAggregateHaving!]\n"
                         "  NOT: %sAggregateHaving\n  keys: %sAggregateKeysFilter\n",
                         t, t, t, t, t);
    print_members(type, out, "  count: IntFilter\n", "Filter", "Averages");
    qr_gql_buffer_format(out,
                         "}\n\n\"An order by what rows of %s come to; one field each.\"\n"
                         "input %sAggregateOrderBy {\n",
                         t, t);
    print_members(type, out, "  count: SortOrder\n", "OrderBy", "Sums");
    qr_gql_buffer_format(out,
                         "}\n\n\"An order of groups; one field each.\"\n"
                         "input %sAggregateGroupOrderBy {\n  keys: %sAggregateKeysOrderBy\n",
                         t, t);
    print_members(type, out, "  count: SortOrder\n", "OrderBy", "Sums");
    qr_gql_buffer_text(out, "}\n\n");
}

/* The aggregates by which rows are filtered across a list relation. */
void qr_api_print_relation_aggregates(const struct qr_model_type *type, struct qr_gql_buffer *out)
{
    print_members(type, out, "  count: IntFilter\n", "Filter", "Averages");
}

void qr_api_print_aggregates(const struct qr_model_type *type, struct qr_gql_buffer *out)
{
    if (qr_api_has_distinct(type)) {
        print_distinct(type, out);
    }
    print_output(type, out);
    if (any(type, qr_measure_sums)) {
        print_results(type, out, "type", "Sums", SUMS, "");
        print_results(type, out, "type", "Averages", AVERAGES, "");
        print_results(type, out, "input", "SumsFilter", SUMS, "Filter");
        print_results(type, out, "input", "AveragesFilter", AVERAGES, "Filter");
        print_orders(type, out, "SumsOrderBy", qr_measure_sums);
    }
    if (any(type, qr_measure_orders)) {
        print_results(type, out, "type", "Extremes", EXTREMES, "");
        print_results(type, out, "input", "ExtremesFilter", EXTREMES, "Filter");
        print_orders(type, out, "ExtremesOrderBy", qr_measure_orders);
    }
    print_keys(type, out);
    print_inputs(type, out);
}

/* ---- what the fields stand for ---- */

static quire_status annotate_results(struct qr_api_annotator *a, struct qr_model_type *type)
{
    static const char *const suffixes[] = {"AggregateSums", "AggregateAverages",
                                           "AggregateExtremes"};
    for (size_t s = 0; s < sizeof suffixes / sizeof suffixes[0]; s++) {
        struct qr_gql_type *results;
        QR_TRY(qr_api_find(a, type, suffixes[s], &results));
        for (uint32_t i = 0; results != NULL && i < type->field_count; i++) {
            if (qr_model_is_value(&type->fields[i])) {
                QR_TRY(qr_api_annotate(a, results, type->fields[i].key_name, QR_API_MEASURED, type,
                                       &type->fields[i]));
            }
        }
    }
    return QUIRE_OK;
}

static quire_status annotate_keys(struct qr_api_annotator *a, struct qr_model_type *type)
{
    struct qr_gql_type *keys;
    QR_TRY(qr_api_find(a, type, "AggregateGroupKeys", &keys));
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        const char *name =
            qr_gql_format(&a->api->schema->arena, a->err, "%.*s", QR_GQL_FMT(field->name));
        if (name == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(qr_api_annotate(a, keys, name, QR_API_GROUP_KEY, type, field));
        if (field->role == QR_MODEL_REFERENCE) {
            QR_TRY(qr_api_annotate(a, keys, field->key_name, QR_API_GROUP_REFERENCE, type, field));
        }
    }
    return QUIRE_OK;
}

quire_status qr_api_annotate_aggregates(struct qr_api_annotator *a, struct qr_model_type *type)
{
    static const struct {
        const char *name;
        enum qr_api_kind kind;
    } members[] = {{"count", QR_API_COUNT}, {"sum", QR_API_SUM}, {"avg", QR_API_AVG},
                   {"min", QR_API_MIN},     {"max", QR_API_MAX}, {"keys", QR_API_GROUP_KEYS}};
    static const char *const owners[] = {"Aggregate", "AggregateGroup"};

    for (size_t o = 0; o < sizeof owners / sizeof owners[0]; o++) {
        struct qr_gql_type *owner;
        QR_TRY(qr_api_find(a, type, owners[o], &owner));
        for (size_t m = 0; m < sizeof members / sizeof members[0]; m++) {
            QR_TRY(qr_api_annotate(a, owner, members[m].name, members[m].kind, type, NULL));
        }
    }
    QR_TRY(annotate_results(a, type));
    return annotate_keys(a, type);
}
