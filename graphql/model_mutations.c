/*
 * The names of the generated Mutation fields.
 *
 * Without a declaration they are made from the type's name and its English
 * plural. A declared Mutation field stands for the generated one whose arguments
 * it has: that is what tells `rename(id:, input:)` from `remove(id:)`. One with
 * other arguments is the host program's and changes nothing here.
 */
#include "graphql/resolver.h"
#include "graphql/row_key.h"

static bool has_argument(const struct qr_gql_field *field, const char *name)
{
    return qr_gql_field_argument(field, qr_gql_str_of(name)) != NULL;
}

/* The generated field that a declared one stands for; QR_MODEL_VERBS when there is none. */
static enum qr_model_verb verb_of(const struct qr_model_type *type,
                                  const struct qr_gql_field *field)
{
    bool keyed = false;
    bool input = has_argument(field, "input");

    for (uint32_t i = 0; i < field->argument_count; i++) {
        struct qr_gql_str name = field->arguments[i].name;
        keyed = keyed || (!qr_row_key_is_taken(name) && qr_row_key_find(type, name) != NULL);
    }
    if (qr_gql_type_nullable(field->type)->kind == QR_GQL_LIST) {
        return has_argument(field, "inputs")   ? QR_MODEL_CREATE_MANY
               : !has_argument(field, "where") ? QR_MODEL_VERBS
               : input                         ? QR_MODEL_UPDATE_MANY
                                               : QR_MODEL_DELETE_MANY;
    }
    if (has_argument(field, "create") && has_argument(field, "where")) {
        return QR_MODEL_UPSERT;
    }
    if (input) {
        return keyed ? QR_MODEL_UPDATE : QR_MODEL_CREATE;
    }
    return keyed && field->argument_count == (has_argument(field, "ifMatch") ? 2 : 1)
               ? QR_MODEL_DELETE
               : QR_MODEL_VERBS;
}

static quire_status read_mutation_fields(struct qr_model_builder *builder)
{
    const struct qr_gql_type *mutation = builder->model->schema->roots[QR_GQL_MUTATION];
    for (uint32_t i = 0; mutation != NULL && i < mutation->field_count; i++) {
        const struct qr_gql_field *field = &mutation->fields[i];
        struct qr_model_type *type =
            qr_model_find_type(builder->model, qr_gql_type_named(field->type)->name);
        enum qr_model_verb verb = type == NULL ? QR_MODEL_VERBS : verb_of(type, field);
        if (verb == QR_MODEL_VERBS || qr_model_is_resolved(field)) {
            continue;
        }
        if (type->verb_names[verb] != NULL) {
            qr_model_problem(builder, field->node->name.pos,
                             "%.*s.%.*s stands for the same generated field as %s.",
                             QR_GQL_FMT(mutation->name), QR_GQL_FMT(field->name),
                             type->verb_names[verb]);
        }
        type->verb_names[verb] =
            qr_model_join(builder, field->name, "", (struct qr_gql_str){"", 0});
        if (type->verb_names[verb] == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (verb == QR_MODEL_DELETE) {
            type->delete_nullable = field->type->kind != QR_GQL_NON_NULL;
        }
    }
    return QUIRE_OK;
}

/* The type's name in plural, as in `createCountries`; where that is a type's name, with "All". */
static quire_status plural_of(struct qr_model_builder *builder, const struct qr_model_type *type,
                              const char **out)
{
    const char *plural = qr_model_name_plural(builder->arena, type->name, builder->err);
    char *name;

    if (plural == NULL) {
        return QUIRE_NO_MEMORY;
    }
    name = qr_gql_format(builder->arena, builder->err, "All%s", plural);
    if (name == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (name[3] >= 'a' && name[3] <= 'z') {
        name[3] = (char)(name[3] - 'a' + 'A');
    }
    *out = qr_model_find_type(builder->model, qr_gql_str_of(name + 3)) != NULL ? name : name + 3;
    return QUIRE_OK;
}

static quire_status default_verbs(struct qr_model_builder *builder, struct qr_model_type *type)
{
    static const char *const words[] = {
        [QR_MODEL_CREATE] = "create",      [QR_MODEL_UPDATE] = "update",
        [QR_MODEL_DELETE] = "delete",      [QR_MODEL_UPSERT] = "upsert",
        [QR_MODEL_CREATE_MANY] = "create", [QR_MODEL_UPDATE_MANY] = "update",
        [QR_MODEL_DELETE_MANY] = "delete",
    };
    const char *plural;

    QR_TRY(plural_of(builder, type, &plural));
    for (int verb = 0; verb < QR_MODEL_VERBS; verb++) {
        if (type->verb_names[verb] == NULL) {
            type->verb_names[verb] =
                qr_gql_format(builder->arena, builder->err, "%s%s", words[verb],
                              verb < QR_MODEL_CREATE_MANY ? type->table : plural);
        }
        if (type->verb_names[verb] == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return QUIRE_OK;
}

quire_status qr_model_choose_verbs(struct qr_model_builder *builder)
{
    struct qr_gql_name_table names = {0};
    QR_TRY(read_mutation_fields(builder));
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        struct qr_model_type *type = &builder->model->types[i];
        QR_TRY(default_verbs(builder, type));
        for (int verb = 0; verb < QR_MODEL_VERBS; verb++) {
            void *previous;
            QR_TRY(qr_gql_name_table_add(&names, builder->arena,
                                         qr_gql_str_of(type->verb_names[verb]), type, &previous,
                                         builder->err));
            if (previous != NULL) {
                qr_model_problem(builder, type->definition->origins->node->name.pos,
                                 "The mutation field \"%s\" of %.*s is taken already; declare a "
                                 "name for it in Mutation.",
                                 type->verb_names[verb], QR_GQL_FMT(type->name));
            }
        }
    }
    return QUIRE_OK;
}
