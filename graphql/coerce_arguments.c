/*
 * Arguments of fields and directives. Validation has seen the literals; what
 * can still go wrong is a variable that is null or absent where its default
 * made a nullable type acceptable.
 */
#include "graphql/request.h"

static bool varies(const struct qr_gql_ast_value *value)
{
    if (value->kind == QR_GQL_AST_VARIABLE) {
        return true;
    }
    if (value->kind == QR_GQL_AST_OBJECT) {
        return qr_gql_ast_arguments_vary(value->fields);
    }
    if (value->kind != QR_GQL_AST_LIST) {
        return false;
    }
    for (const struct qr_gql_ast_value *i = value->items; i; i = i->next) {
        if (varies(i)) {
            return true;
        }
    }
    return false;
}

/* Recursion is bounded by the syntax tree. */
bool qr_gql_ast_arguments_vary(const struct qr_gql_ast_argument *arguments)
{
    for (const struct qr_gql_ast_argument *a = arguments; a; a = a->next) {
        if (varies(a->value)) {
            return true;
        }
    }
    return false;
}

struct explanation {
    const struct qr_gql_request *request;
    struct qr_gql_buffer path; /* to the place, such as ".a[0]" */
    const char *message;       /* NULL until found */
    struct qr_gql_pos pos;     /* of the variable found */
};

static bool explain(struct explanation *e, const struct qr_gql_type *type,
                    const struct qr_gql_ast_value *node);

static bool explain_variable(struct explanation *e, const struct qr_gql_type *type,
                             const struct qr_gql_ast_value *node)
{
    if (type->kind != QR_GQL_NON_NULL) {
        return false;
    }
    const struct qr_gql_value *value =
        qr_gql_name_table_get(&e->request->variables.values, node->text);
    struct qr_arena *arena = e->request->arena;
    if (!value) {
        e->message = qr_gql_format(arena, NULL,
                                   "Expected variable \"$%.*s\" provided to type \"%s\" to provide "
                                   "a runtime value.",
                                   QR_GQL_FMT(node->text), qr_gql_type_text(arena, type));
    } else if (value->kind == QR_GQL_VALUE_NULL) {
        e->message = qr_gql_format(arena, NULL,
                                   "Expected variable \"$%.*s\" provided to non-null type \"%s\" "
                                   "not to be null.",
                                   QR_GQL_FMT(node->text), qr_gql_type_text(arena, type));
    }
    e->pos = node->pos;
    return e->message != NULL;
}

static bool explain_list(struct explanation *e, const struct qr_gql_type *type,
                         const struct qr_gql_ast_value *node)
{
    size_t index = 0, start = e->path.size;
    for (const struct qr_gql_ast_value *i = node->items; i; i = i->next) {
        qr_gql_buffer_format(&e->path, "[%zu]", index++);
        if (explain(e, type->inner, i)) {
            return true;
        }
        e->path.size = start;
    }
    return false;
}

static bool explain_object(struct explanation *e, const struct qr_gql_type *type,
                           const struct qr_gql_ast_value *node)
{
    size_t start = e->path.size;
    for (const struct qr_gql_ast_argument *f = node->fields; f; f = f->next) {
        const struct qr_gql_input *input = qr_gql_type_input(type, f->name.text);
        if (!input) {
            continue;
        }
        qr_gql_buffer_format(&e->path, ".%.*s", QR_GQL_FMT(f->name.text));
        if (explain(e, input->type, f->value)) {
            return true;
        }
        e->path.size = start;
    }
    return false;
}

/* Finds the first variable at fault. Recursion is bounded by the syntax tree. */
static bool explain(struct explanation *e, const struct qr_gql_type *type,
                    const struct qr_gql_ast_value *node)
{
    if (node->kind == QR_GQL_AST_VARIABLE) {
        return explain_variable(e, type, node);
    }
    type = qr_gql_type_nullable(type);
    if (type->kind == QR_GQL_LIST) {
        return node->kind == QR_GQL_AST_LIST ? explain_list(e, type, node)
                                             : explain(e, type->inner, node);
    }
    if (type->kind == QR_GQL_INPUT_OBJECT && node->kind == QR_GQL_AST_OBJECT) {
        return explain_object(e, type, node);
    }
    return false;
}

/* "@name", or owner, "." and name, for QR_GQL_FMT three times. */
#define TAKER_FORMAT "%.*s%s%.*s"
#define TAKER_ARGUMENTS(taker)                                                                     \
    QR_GQL_FMT((taker)->owner), (taker)->owner.data ? "." : "@", QR_GQL_FMT((taker)->name)

static quire_status refuse_literal(const struct qr_gql_request *request,
                                   const struct qr_gql_taker *taker,
                                   const struct qr_gql_input *input,
                                   const struct qr_gql_ast_value *node, struct qr_gql_fault *fault,
                                   quire_error *err)
{
    struct explanation e = {.request = request};
    qr_gql_buffer_init(&e.path, request->arena, err);
    bool found = explain(&e, input->type, node);
    struct qr_gql_str path = {"", 0};
    if (found && e.path.size > 0) {
        QR_TRY(qr_gql_buffer_finish(&e.path, &path));
    }
    fault->pos = found ? e.pos : node->pos;
    fault->message = qr_gql_format(
        request->arena, err, "Argument \"" TAKER_FORMAT "(%.*s:)\" has invalid value%s%.*s: %s",
        TAKER_ARGUMENTS(taker), QR_GQL_FMT(input->name), path.size ? " at " : "", QR_GQL_FMT(path),
        found ? e.message : "It does not fit its type.");
    return fault->message ? QUIRE_OK : QUIRE_NO_MEMORY;
}

static quire_status refuse_missing(const struct qr_gql_request *request,
                                   const struct qr_gql_taker *taker,
                                   const struct qr_gql_input *input,
                                   const struct qr_gql_ast_value *variable,
                                   struct qr_gql_fault *fault, quire_error *err)
{
    struct qr_arena *arena = request->arena;
    const char *type = qr_gql_type_text(arena, input->type);
    if (variable) {
        fault->pos = variable->pos;
        fault->message = qr_gql_format(
            arena, err,
            "Argument \"" TAKER_FORMAT "(%.*s:)\" of required type \"%s\" was "
            "provided the variable \"$%.*s\" which was not provided a "
            "runtime value.",
            TAKER_ARGUMENTS(taker), QR_GQL_FMT(input->name), type, QR_GQL_FMT(variable->text));
    } else {
        fault->pos = *taker->place;
        fault->message = qr_gql_format(arena, err,
                                       "Argument \"" TAKER_FORMAT "(%.*s:)\" of type \"%s\" is "
                                       "required, but it was not provided.",
                                       TAKER_ARGUMENTS(taker), QR_GQL_FMT(input->name), type);
    }
    return fault->message ? QUIRE_OK : QUIRE_NO_MEMORY;
}

quire_status qr_gql_arguments_coerce(const struct qr_gql_request *request,
                                     const struct qr_gql_taker *taker,
                                     const struct qr_gql_input *inputs, uint32_t count,
                                     const struct qr_gql_ast_argument *given,
                                     struct qr_gql_value *out, struct qr_gql_fault *fault,
                                     quire_error *err)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    *fault = (struct qr_gql_fault){.message = NULL};
    if (count == 0) {
        return QUIRE_OK;
    }
    out->members = qr_arena_alloc_zero(request->arena, count * sizeof *out->members, err);
    if (!out->members) {
        return err ? err->status : QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct qr_gql_input *input = &inputs[i];
        const struct qr_gql_ast_argument *argument = qr_gql_ast_argument_find(given, input->name);
        const struct qr_gql_ast_value *node = argument ? argument->value : NULL;
        struct qr_gql_value_member *member = &out->members[out->count];
        member->name = input->name;
        bool absent = !node || (node->kind == QR_GQL_AST_VARIABLE &&
                                !qr_gql_name_table_get(&request->variables.values, node->text));
        if (!absent) {
            bool valid;
            QR_TRY(qr_gql_literal_coerce(request->arena, input->type, node, &request->variables,
                                         &member->value, &valid, err));
            if (!valid) {
                return refuse_literal(request, taker, input, node, fault, err);
            }
            out->count++;
        } else if (input->has_default) {
            member->value = input->default_value;
            out->count++;
        } else if (input->type->kind == QR_GQL_NON_NULL) {
            return refuse_missing(request, taker, input, node, fault, err);
        }
    }
    return QUIRE_OK;
}
