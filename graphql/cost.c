/*
 * Costs: see cost.h. Recursion follows the selection tree, whose depth is
 * bounded.
 */
#include "graphql/cost.h"

#include "graphql/resolver.h"
#include "graphql/scalar.h"

/* A list of unknown length is taken to be this long. */
#define SIZE_DEFAULT 100u
#define WEIGHT_MAX   1000000

/* ---- directives ---- */

void qr_cost_read_weight(struct qr_model_builder *builder,
                         const struct qr_gql_ast_directive *directive, int64_t *weight)
{
    struct qr_gql_str text = qr_model_argument(directive, "weight");
    *weight = -1;
    if (text.data == NULL) {
        return;
    }
    if (!qr_scalar_parse_int64(text, weight) || *weight < 0 || *weight > WEIGHT_MAX) {
        qr_model_problem(builder, directive->pos,
                         "@cost(weight:) is a whole number from 0 to %d, in a string.", WEIGHT_MAX);
    }
}

static const char *const slicing[] = {"first", "last", "take"};

enum { SLICING_COUNT = 3, SLICING_ALL = 7 };

/* The arguments that a list's length is known by, as bits. */
static unsigned read_slicing(struct qr_model_builder *builder,
                             const struct qr_gql_ast_directive *directive)
{
    const struct qr_gql_ast_value *name = qr_model_list_argument(directive, "slicingArguments");
    unsigned bits = 0;
    for (; name != NULL; name = name->next) {
        unsigned bit = 0;
        for (unsigned i = 0; i < SLICING_COUNT; i++) {
            bit |= qr_gql_str_is(name->text, slicing[i]) ? 1u << i : 0;
        }
        if (bit == 0) {
            qr_model_problem(builder, name->pos,
                             "@listSize(slicingArguments:) knows first, last and take.");
        }
        bits |= bit;
    }
    return bits;
}

static void read_size(struct qr_model_builder *builder, struct qr_model_field *field)
{
    const struct qr_gql_ast_directive *directive = qr_model_directive(field, "listSize");
    const struct qr_gql_ast_value *size = qr_model_value_argument(directive, "assumedSize");
    bool is_list = field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_LINKS;
    const struct qr_gql_ast_value *one =
        qr_model_value_argument(directive, "requireOneSlicingArgument");
    unsigned bits = directive == NULL ? 0 : read_slicing(builder, directive);
    field->assumed_size = SIZE_DEFAULT;
    field->slicing = bits == 0 ? SLICING_ALL : bits;
    field->must_slice = bits != 0 && (one == NULL || one->boolean);
    builder->model->has_slicing_rules = builder->model->has_slicing_rules || field->must_slice;
    if (directive != NULL && !is_list) {
        qr_model_problem(builder, directive->pos, "%.*s.%.*s: @listSize is for a list of rows.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name));
    } else if (size != NULL && (!qr_scalar_parse_int64(size->text, &field->assumed_size) ||
                                field->assumed_size < 0)) {
        qr_model_problem(builder, size->pos, "@listSize(assumedSize:) must not be negative.");
    }
}

quire_status qr_model_read_costs(struct qr_model_builder *builder, struct qr_model_type *type)
{
    qr_cost_read_weight(builder, qr_model_type_directive(type, "cost"), &type->weight);
    for (uint32_t i = 0; i < type->field_count; i++) {
        qr_cost_read_weight(builder, qr_model_directive(&type->fields[i], "cost"),
                            &type->fields[i].weight);
        read_size(builder, &type->fields[i]);
    }
    return QUIRE_OK;
}

/* ---- measuring ---- */

static uint64_t add(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

/* The length that the arguments of a field say a list has at most; `size` when they say nothing. */
static uint64_t sliced(const struct qr_select_field *field, uint64_t size)
{
    unsigned bits = field->api->field != NULL ? field->api->field->slicing : SLICING_ALL;
    for (unsigned i = 0; i < SLICING_COUNT; i++) {
        const struct qr_gql_value *value = qr_select_argument(field, slicing[i]);
        if ((bits & 1u << i) != 0 && value != NULL && value->kind == QR_GQL_VALUE_INT &&
            value->integer >= 0) {
            return (uint64_t)value->integer;
        }
    }
    return size;
}

static bool is_list(const struct qr_select_field *field)
{
    return qr_gql_type_nullable(field->selected->field->type)->kind == QR_GQL_LIST;
}

static uint64_t measure(const struct qr_select *set, uint64_t rows);

/* One field without what is below it: a scalar costs nothing, anything else 1, unless they say
 * otherwise. */
static uint64_t weight_of(const struct qr_select_field *field)
{
    const struct qr_model_field *own = field->api->field;
    const struct qr_model_type *type = own != NULL ? own->target : field->api->type;
    if (own != NULL && own->weight >= 0) {
        return (uint64_t)own->weight;
    }
    if (field->api->resolver != NULL) { /* a call of the program, whatever it gives */
        return field->api->resolver->weight >= 0 ? (uint64_t)field->api->resolver->weight : 1;
    }
    if (field->set == NULL) {
        return 0;
    }
    return type != NULL && type->weight >= 0 ? (uint64_t)type->weight : 1;
}

/* `rows` is how many rows the list that the field belongs to has at most. */
static uint64_t measure_field(const struct qr_select_field *field, uint64_t rows)
{
    if (field->api == NULL) {
        return 0;
    }
    switch ((int)field->api->kind) {
    case QR_API_MANY:
        return add(weight_of(field), measure(field->set, sliced(field, SIZE_DEFAULT)));
    case QR_API_LIST:
        return add(weight_of(field),
                   measure(field->set, sliced(field, (uint64_t)field->api->field->assumed_size)));
    case QR_API_ITEMS:
        return multiply(sliced(field, rows), add(weight_of(field), measure(field->set, 1)));
    case QR_API_EDGES:
        return multiply(rows, measure(field->set, 1));
    case QR_API_RESOLVED:
    case QR_API_MEMBER:
        return add(weight_of(field),
                   multiply(is_list(field) ? SIZE_DEFAULT : 1, measure(field->set, SIZE_DEFAULT)));
    default:
        return add(weight_of(field), measure(field->set, rows));
    }
}

static uint64_t measure(const struct qr_select *set, uint64_t rows)
{
    uint64_t most = 0; /* of the types that a row may have */
    for (; set != NULL; set = set->other) {
        uint64_t cost = 0;
        for (uint32_t i = 0; i < set->count; i++) {
            cost = add(cost, measure_field(&set->fields[i], rows));
        }
        most = cost > most ? cost : most;
    }
    return most;
}

uint64_t qr_cost_of(const struct qr_select *set)
{
    return measure(set, 1);
}

/* ---- slicing ---- */

static bool is_unsliced(const struct qr_select_field *field)
{
    const struct qr_model_field *list = field->api->field;
    unsigned given = 0;
    if (field->api->kind != QR_API_LIST || !list->must_slice) {
        return false;
    }
    for (unsigned i = 0; i < SLICING_COUNT; i++) {
        const struct qr_gql_value *value = qr_select_argument(field, slicing[i]);
        given +=
            (list->slicing & 1u << i) != 0 && value != NULL && value->kind != QR_GQL_VALUE_NULL;
    }
    return given != 1;
}

/* The same of one type's fields. */
static const struct qr_select_field *find_unsliced(const struct qr_select *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (field->api == NULL) {
            continue;
        }
        const struct qr_select_field *found =
            is_unsliced(field) ? field : qr_cost_find_unsliced(field->set);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const struct qr_select_field *qr_cost_find_unsliced(const struct qr_select *set)
{
    const struct qr_select_field *found = NULL;
    for (; set != NULL && found == NULL; set = set->other) {
        found = find_unsliced(set);
    }
    return found;
}
