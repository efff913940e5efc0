/*
 * The @trigger directives of a schema. What their mutations say is checked once
 * there is an API to check them against: qr_triggers_bind.
 */
#include "graphql/model_internal.h"
#include "graphql/trigger.h"

static unsigned events_of(const struct qr_gql_ast_directive *directive)
{
    unsigned events = 0;
    for (const struct qr_gql_ast_value *v = qr_model_list_argument(directive, "on"); v != NULL;
         v = v->next) {
        events |= qr_gql_str_is(v->text, "CREATE")   ? QR_TRIGGER_CREATE
                  : qr_gql_str_is(v->text, "UPDATE") ? QR_TRIGGER_UPDATE
                                                     : QR_TRIGGER_DELETE;
    }
    return events;
}

static quire_status read_trigger(struct qr_model_builder *builder, struct qr_model_type *type,
                                 const struct qr_gql_ast_directive *directive)
{
    const struct qr_gql_ast_value *mutation = qr_model_value_argument(directive, "mutation");
    struct qr_model_trigger **end = &type->triggers;
    struct qr_model_trigger *trigger =
        qr_arena_alloc_zero(builder->arena, sizeof *trigger, builder->err);
    if (trigger == NULL) {
        return QUIRE_NO_MEMORY;
    }
    trigger->events = events_of(directive);
    trigger->before = qr_gql_str_is(qr_model_argument(directive, "when"), "BEFORE");
    trigger->mutation = mutation->text;
    trigger->pos = mutation->pos;
    if (trigger->events == 0) {
        qr_model_problem(builder, directive->pos, "%s: @trigger(on:) names no operation.",
                         type->table);
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = trigger;
    type->trigger_events |= trigger->events;
    return QUIRE_OK;
}

quire_status qr_model_read_triggers(struct qr_model_builder *builder)
{
    for (uint32_t i = 0; i < builder->model->type_count; i++) {
        struct qr_model_type *type = &builder->model->types[i];
        const struct qr_gql_origin *origin = type->definition->origins;
        for (; origin != NULL; origin = origin->next) {
            const struct qr_gql_ast_directive *d = origin->node->directives;
            for (; d != NULL; d = d->next) {
                if (qr_gql_str_is(d->name.text, "trigger")) {
                    QR_TRY(read_trigger(builder, type, d));
                }
            }
        }
    }
    return QUIRE_OK;
}
