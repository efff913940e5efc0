/*
 * Computed fields: see computed.h.
 */
#include "graphql/computed.h"

static quire_status compile(struct qr_arena *arena, struct qr_model_type *type,
                            struct qr_model_field *field, const quire_column *columns,
                            quire_error *err)
{
    struct qr_expression *expression;
    size_t size;
    QR_TRY(qr_expression_compile(field->formula.data, field->formula.size, columns,
                                 type->column_count, arena, &expression, err));
    field->expression = expression;
    field->expression_text = qr_expression_text(expression, &size);
    return QUIRE_OK;
}

/* What an expression gives that is a value of the field's type as it is. */
static bool has_value_type(const struct qr_model_field *field)
{
    quire_type type = qr_expression_type(field->expression);
    switch (type) {
    case QUIRE_INT:
        return field->scalar == QR_MODEL_INT || field->scalar == QR_MODEL_BIGINT;
    case QUIRE_FLOAT:
        return field->scalar == QR_MODEL_FLOAT;
    case QUIRE_BOOL:
        return field->scalar == QR_MODEL_BOOLEAN;
    case QUIRE_TEXT:
        return field->scalar == QR_MODEL_STRING;
    case QUIRE_NULL:
    case QUIRE_BLOB:
    case QUIRE_LIST:
        break;
    }
    return false;
}

/* References hold numbers of rows, which mean nothing to clients. */
static const struct qr_model_field *used_reference(const struct qr_model_field *field)
{
    const uint32_t *columns;
    uint32_t count = qr_expression_columns(field->expression, &columns);
    for (uint32_t i = 0; i < count; i++) {
        if (field->owner->columns[columns[i]]->role == QR_MODEL_REFERENCE) {
            return field->owner->columns[columns[i]];
        }
    }
    return NULL;
}

static void refuse(struct qr_model_builder *builder, const struct qr_model_field *field,
                   const char *why)
{
    qr_model_problem(builder, qr_model_directive(field, "computed")->pos,
                     "%.*s.%.*s: @computed: %s", QR_GQL_FMT(field->owner->name),
                     QR_GQL_FMT(field->name), why);
}

static quire_status read_field(struct qr_model_builder *builder, struct qr_model_type *type,
                               struct qr_model_field *field, const quire_column *columns)
{
    quire_error err = QUIRE_ERROR_INIT;
    field->formula = qr_model_argument(qr_model_directive(field, "computed"), "expr");
    field->access &= ~(unsigned)QR_MODEL_CAN_WRITE;
    if (field->required || field->list) {
        refuse(builder, field,
               "an expression has one value or null: its field is no list and may "
               "be null");
        return QUIRE_OK;
    }
    quire_status status = compile(builder->arena, type, field, columns, &err);
    if (status == QUIRE_NO_MEMORY) {
        return qr_fail_memory(builder->err, field->formula.size);
    }
    if (status != QUIRE_OK) {
        refuse(builder, field, err.message);
        return QUIRE_OK;
    }
    if (!has_value_type(field)) {
        refuse(builder, field, "the expression's values are not of the field's type");
    } else if (used_reference(field) != NULL) {
        refuse(builder, field, "the expression uses a reference");
    }
    return QUIRE_OK;
}

quire_status qr_model_read_computed(struct qr_model_builder *builder, struct qr_model_type *type)
{
    quire_column *columns;
    QR_TRY(qr_model_columns(type, builder->arena, &columns, builder->err));
    type->slot_count = type->column_count;
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct qr_model_field *field = &type->fields[i];
        if (field->role == QR_MODEL_COMPUTED) {
            field->column = type->slot_count++;
            type->columns[field->column] = field;
            QR_TRY(read_field(builder, type, field, columns));
        }
    }
    return QUIRE_OK;
}

quire_status qr_computed_bind(struct qr_arena *arena, struct qr_model_type *type, quire_error *err)
{
    quire_column *columns;
    if (type->slot_count == type->column_count) {
        return QUIRE_OK;
    }
    QR_TRY(qr_model_columns(type, arena, &columns, err));
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].role == QR_MODEL_COMPUTED) {
            QR_TRY(compile(arena, type, &type->fields[i], columns, err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_computed_value(struct qr_reader *reader, const struct qr_row *row,
                               const struct qr_model_field *field, quire_value *value)
{
    QR_TRY(qr_expression_evaluate(field->expression, row->record, row->size, &reader->scratch,
                                  value, reader->err));
    if (field->scalar == QR_MODEL_INT && value->type == QUIRE_INT &&
        (value->as.integer > INT32_MAX || value->as.integer < INT32_MIN)) {
        *value = quire_null();
    }
    return QUIRE_OK;
}

const struct qr_model_field *qr_computed_find(const struct qr_model_type *type,
                                              const char *expression)
{
    for (uint32_t i = 0; i < type->field_count && expression != NULL; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (field->role == QR_MODEL_COMPUTED && strcmp(field->expression_text, expression) == 0) {
            return field;
        }
    }
    return NULL;
}
