/*
 * Checks of objects and interfaces against the interfaces that they implement.
 */
#include "graphql/schema_check.h"

const struct qr_gql_pos *qr_gql_check_named_places(struct qr_gql_checker *c,
                                                   const struct qr_gql_type *type,
                                                   struct qr_gql_str name, bool members,
                                                   size_t *count)
{
    size_t total = 0;
    for (const struct qr_gql_origin *origin = type->origins; origin != NULL;
         origin = origin->next) {
        const struct qr_gql_ast_named *named =
            members ? origin->node->names : origin->node->interfaces;
        for (; named != NULL; named = named->next) {
            total += qr_gql_str_equal(named->name.text, name);
        }
    }
    total = total < QR_GQL_PLACES_MAX ? total : QR_GQL_PLACES_MAX;
    struct qr_gql_pos *places = qr_arena_alloc(c->arena, total * sizeof(*places), c->err);
    *count = 0;
    for (const struct qr_gql_origin *origin = type->origins; origin != NULL && places != NULL;
         origin = origin->next) {
        const struct qr_gql_ast_named *named =
            members ? origin->node->names : origin->node->interfaces;
        for (; named != NULL && *count < total; named = named->next) {
            if (qr_gql_str_equal(named->name.text, name)) {
                places[(*count)++] = named->name.pos;
            }
        }
    }
    return places;
}

/* Adds a problem where `type` says that it implements `interface`. */
static void report_implements(struct qr_gql_checker *c, const struct qr_gql_type *type,
                              const struct qr_gql_type *interface, const char *format)
{
    size_t count;
    const struct qr_gql_pos *places =
        qr_gql_check_named_places(c, type, interface->name, false, &count);
    const char *message =
        qr_gql_format(c->arena, c->err, "Type %.*s %s", QR_GQL_FMT(type->name), format);
    if (message != NULL) {
        (void)qr_gql_report_message(c->report, places, count, qr_gql_str_of(message));
    }
}

static bool implements(const struct qr_gql_type *type, const struct qr_gql_type *interface)
{
    if (interface->kind == QR_GQL_INTERFACE) {
        return qr_gql_type_is_possible(interface, type);
    }
    for (uint32_t i = 0; i < type->interface_count; i++) {
        if (type->interfaces[i] == interface) {
            return true;
        }
    }
    return false;
}

static void report_ancestor(struct qr_gql_checker *c, const struct qr_gql_type *type,
                            const struct qr_gql_type *interface, const struct qr_gql_type *ancestor)
{
    size_t inner, outer;
    const struct qr_gql_pos *inner_places =
        qr_gql_check_named_places(c, interface, ancestor->name, false, &inner);
    const struct qr_gql_pos *outer_places =
        qr_gql_check_named_places(c, type, interface->name, false, &outer);
    struct qr_gql_pos *places = qr_arena_alloc(c->arena, (inner + outer) * sizeof(*places), c->err);
    if (inner_places == NULL || outer_places == NULL || places == NULL) {
        return;
    }
    memcpy(places, inner_places, inner * sizeof(*places));
    memcpy(places + inner, outer_places, outer * sizeof(*places));
    if (ancestor == type) {
        (void)qr_gql_report_at(
            c->report, places, inner + outer,
            "Type %.*s cannot implement %.*s because it would create a circular reference.",
            QR_GQL_FMT(type->name), QR_GQL_FMT(interface->name));
    } else {
        (void)qr_gql_report_at(c->report, places, inner + outer,
                               "Type %.*s must implement %.*s because it is implemented by %.*s.",
                               QR_GQL_FMT(type->name), QR_GQL_FMT(ancestor->name),
                               QR_GQL_FMT(interface->name));
    }
}

/* ---- fields ---- */

static void check_arguments(struct qr_gql_checker *c, const struct qr_gql_type *type,
                            const struct qr_gql_field *field, const struct qr_gql_type *interface,
                            const struct qr_gql_field *promised)
{
    for (uint32_t i = 0; i < promised->argument_count; i++) {
        const struct qr_gql_input *wanted = &promised->arguments[i];
        const struct qr_gql_input *given = qr_gql_field_argument(field, wanted->name);
        if (given == NULL) {
            struct qr_gql_pos places[] = {qr_gql_check_member_pos(wanted->node),
                                          qr_gql_check_member_pos(field->node)};
            (void)qr_gql_report_at(
                c->report, places, 2,
                "Interface field argument %s expected but %s does not provide it.",
                qr_gql_check_argument_text(c, interface, promised->name, wanted->name),
                qr_gql_check_field_text(c, type, field->name));
        } else if (!qr_gql_type_equal(wanted->type, given->type)) {
            struct qr_gql_pos places[] = {qr_gql_check_type_pos(wanted->node),
                                          qr_gql_check_type_pos(given->node)};
            (void)qr_gql_report_at(
                c->report, places, 2,
                "Interface field argument %s expects type %s but %s is type %s.",
                qr_gql_check_argument_text(c, interface, promised->name, wanted->name),
                qr_gql_type_text(c->arena, wanted->type),
                qr_gql_check_argument_text(c, type, field->name, given->name),
                qr_gql_type_text(c->arena, given->type));
        }
    }
    for (uint32_t i = 0; i < field->argument_count; i++) {
        const struct qr_gql_input *given = &field->arguments[i];
        if (qr_gql_input_is_required(given) &&
            qr_gql_field_argument(promised, given->name) == NULL) {
            struct qr_gql_pos places[] = {qr_gql_check_member_pos(given->node),
                                          qr_gql_check_member_pos(promised->node)};
            (void)qr_gql_report_at(
                c->report, places, 2,
                "Argument \"%s\" must not be required type \"%s\" if not provided by the "
                "Interface field \"%s\".",
                qr_gql_check_argument_text(c, type, field->name, given->name),
                qr_gql_type_text(c->arena, given->type),
                qr_gql_check_field_text(c, interface, promised->name));
        }
    }
}

static void report_missing_field(struct qr_gql_checker *c, const struct qr_gql_type *type,
                                 const struct qr_gql_type *interface,
                                 const struct qr_gql_field *promised)
{
    size_t count;
    const struct qr_gql_pos *places =
        qr_gql_check_origins(c, type->origins, qr_gql_check_member_pos(promised->node), &count);
    (void)qr_gql_report_at(
        c->report, places, count, "Interface field %s expected but %.*s does not provide it.",
        qr_gql_check_field_text(c, interface, promised->name), QR_GQL_FMT(type->name));
}

static void check_field(struct qr_gql_checker *c, const struct qr_gql_type *type,
                        const struct qr_gql_type *interface, const struct qr_gql_field *promised)
{
    const struct qr_gql_field *field = qr_gql_type_field(type, promised->name);
    if (field == NULL) {
        report_missing_field(c, type, interface, promised);
        return;
    }
    if (!qr_gql_type_is_subtype(field->type, promised->type)) {
        struct qr_gql_pos places[] = {qr_gql_check_type_pos(promised->node),
                                      qr_gql_check_type_pos(field->node)};
        (void)qr_gql_report_at(
            c->report, places, 2, "Interface field %s expects type %s but %s is type %s.",
            qr_gql_check_field_text(c, interface, promised->name),
            qr_gql_type_text(c->arena, promised->type),
            qr_gql_check_field_text(c, type, field->name), qr_gql_type_text(c->arena, field->type));
    }
    check_arguments(c, type, field, interface, promised);
    if (field->deprecation_reason.data != NULL && promised->deprecation_reason.data == NULL) {
        struct qr_gql_pos places[] = {qr_gql_check_deprecated_pos(field->node),
                                      qr_gql_check_type_pos(field->node)};
        (void)qr_gql_report_at(c->report, places, 2,
                               "Interface field %s is not deprecated, so implementation field %s "
                               "must not be deprecated.",
                               qr_gql_check_field_text(c, interface, promised->name),
                               qr_gql_check_field_text(c, type, field->name));
    }
}

static void check_interface(struct qr_gql_checker *c, const struct qr_gql_type *type,
                            const struct qr_gql_type *interface)
{
    for (uint32_t i = 0; i < interface->interface_count; i++) {
        if (!implements(type, interface->interfaces[i])) {
            report_ancestor(c, type, interface, interface->interfaces[i]);
        }
    }
    for (uint32_t i = 0; i < interface->field_count && !qr_gql_report_full(c->report); i++) {
        check_field(c, type, interface, &interface->fields[i]);
    }
}

void qr_gql_check_interfaces(struct qr_gql_checker *c, const struct qr_gql_type *type)
{
    struct qr_gql_name_table seen = {0};
    for (uint32_t i = 0; i < type->interface_count && !qr_gql_report_full(c->report); i++) {
        const struct qr_gql_type *interface = type->interfaces[i];
        void *previous = NULL;
        if (interface->kind != QR_GQL_INTERFACE) {
            const char *text = qr_gql_format(
                c->arena, c->err, "must only implement Interface types, it cannot implement %.*s.",
                QR_GQL_FMT(interface->name));
            report_implements(c, type, interface, text == NULL ? "" : text);
            continue;
        }
        if (interface == type) {
            report_implements(
                c, type, interface,
                "cannot implement itself because it would create a circular reference.");
            continue;
        }
        (void)qr_gql_name_table_add(&seen, c->arena, interface->name, &seen, &previous, c->err);
        if (previous != NULL) {
            const char *text = qr_gql_format(c->arena, c->err, "can only implement %.*s once.",
                                             QR_GQL_FMT(interface->name));
            report_implements(c, type, interface, text == NULL ? "" : text);
            continue;
        }
        check_interface(c, type, interface);
    }
}
