/*
 * Making programs, and readying runs of them: see program.h. Recursion over the
 * syntax tree is bounded by the parser.
 */
#include "graphql/program.h"

#include "graphql/compat.h"
#include "graphql/parser.h"
#include "graphql/validate.h"

/* What fragments may multiply the fields of a document to: so many, and one for each byte. */
#define FIELDS_MAX 5000u

/* ---- making ---- */

/* Whether the conditions of a selection, or of what is below it, depend on variables. */
static bool shape_varies(const struct qr_gql_ast_selections *set)
{
    for (const struct qr_gql_ast_selection *s = set->first; s != NULL; s = s->next) {
        for (const struct qr_gql_ast_directive *d = s->directives; d != NULL; d = d->next) {
            if (qr_gql_ast_arguments_vary(d->arguments)) {
                return true;
            }
        }
        if (shape_varies(&s->selections)) {
            return true;
        }
    }
    return false;
}

static bool document_varies(const struct qr_gql_document *document)
{
    for (const struct qr_gql_ast_definition *d = document->first; d != NULL; d = d->next) {
        if (shape_varies(&d->selections)) {
            return true;
        }
    }
    return false;
}

static quire_status copy_text(struct qr_arena *arena, struct qr_gql_str *text, quire_error *err)
{
    if (text->data == NULL) {
        return QUIRE_OK;
    }
    char *copy = qr_arena_alloc(arena, text->size + 1, err);
    if (copy == NULL) {
        return qr_gql_memory_status(err);
    }
    memcpy(copy, text->data, text->size);
    copy[text->size] = '\0';
    text->data = copy;
    return QUIRE_OK;
}

static struct qr_select_limits limits_of(const struct qr_program_key *key)
{
    size_t bytes = key->text.size < UINT32_MAX / 2 ? key->text.size : UINT32_MAX / 2;
    return (struct qr_select_limits){.depth_max = key->depth_max,
                                     .fields_max = FIELDS_MAX + (uint32_t)bytes};
}

static bool is_constant(const struct qr_program *program)
{
    const struct qr_gql_ast_definition *operation = program->prepared.operation;
    if (operation->operation != QR_GQL_QUERY || operation->members != NULL) {
        return false;
    }
    for (uint32_t i = 0; i < program->set->count; i++) {
        if (program->set->fields[i].api != NULL) {
            return false;
        }
    }
    return true;
}

static quire_status make(struct qr_program *program, const struct qr_gql_schema *schema,
                         struct qr_arena *scratch, struct qr_gql_report *report, quire_error *err)
{
    struct qr_program_key *key = &program->key;
    struct qr_gql_parse_options parse = {.tokens_max = key->tokens_max,
                                         .depth_max = key->depth_max};
    struct qr_select_limits limits = limits_of(key);
    struct qr_gql_validate_options rules = {.no_introspection = key->no_introspection,
                                            .no_suggestions = key->no_introspection};
    struct qr_gql_document *document;

    QR_TRY(copy_text(&program->arena, &key->text, err));
    QR_TRY(copy_text(&program->arena, &key->operation, err));
    QR_TRY(qr_gql_parse(&program->arena, key->text.data, key->text.size, &parse, report, &document,
                        err));
    if (key->sharpgraph) {
        QR_TRY(qr_compat_document(schema, document, &program->arena, err));
    }
    QR_TRY(qr_gql_validate(schema, document, &rules, scratch, report, err));
    QR_TRY(qr_gql_limits_check(document, &key->shape, scratch, report, err));
    QR_TRY(qr_gql_request_choose(schema, document, key->operation, &program->arena, report,
                                 &program->prepared, err));
    if (document_varies(document)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_select_build_template(&program->prepared, &limits, report, &program->set, err));
    program->constant = is_constant(program);
    return QUIRE_OK;
}

quire_status qr_program_make(const quire_allocator *allocator, const struct qr_gql_schema *schema,
                             const struct qr_program_key *key, struct qr_arena *scratch,
                             struct qr_gql_report *report, struct qr_program **out,
                             quire_error *err)
{
    struct qr_program *program = qr_alloc_zero(allocator, sizeof *program, err);

    *out = NULL;
    if (program == NULL) {
        return QUIRE_NO_MEMORY;
    }
    atomic_init(&program->references, 1);
    atomic_init(&program->answer, NULL);
    program->allocator = allocator;
    program->key = *key;
    qr_arena_init(&program->arena, allocator, scratch->bytes_max);
    quire_status status = make(program, schema, scratch, report, err);
    if (status != QUIRE_OK) {
        qr_program_release(program);
        return status;
    }
    *out = program;
    return QUIRE_OK;
}

void qr_program_hold(struct qr_program *program)
{
    atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
}

void qr_program_release(struct qr_program *program)
{
    if (program == NULL ||
        atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    struct qr_program_answer *answer = atomic_load_explicit(&program->answer, memory_order_relaxed);
    if (answer != NULL) {
        qr_free(program->allocator, answer, sizeof *answer + answer->size);
    }
    qr_arena_free(&program->arena);
    qr_free(program->allocator, program, sizeof *program);
}

quire_status qr_program_get(struct qr_program_cache *cache, const quire_allocator *allocator,
                            const struct qr_gql_schema *schema, struct qr_program_key *key,
                            struct qr_arena *scratch, struct qr_gql_report *report,
                            struct qr_program **out, quire_error *err)
{
    if (cache != NULL) {
        key->hash = qr_program_cache_hash(cache, key);
        *out = qr_program_cache_find(cache, key);
        if (*out != NULL) {
            return QUIRE_OK;
        }
    }
    QR_TRY(qr_program_make(allocator, schema, key, scratch, report, out, err));
    if (cache != NULL) {
        qr_program_cache_keep(cache, *out);
    }
    return QUIRE_OK;
}

/* ---- running ---- */

quire_status qr_program_prepare(const struct qr_program *program,
                                const struct qr_gql_value *variables, struct qr_arena *arena,
                                struct qr_gql_report *report, struct qr_gql_request *out_request,
                                struct qr_select **out_set, quire_error *err)
{
    struct qr_select_limits limits = limits_of(&program->key);

    *out_request = program->prepared;
    out_request->arena = arena;
    if (program->key.sharpgraph) {
        QR_TRY(qr_compat_variables(out_request->schema, out_request->operation, variables, arena,
                                   &variables, err));
    }
    QR_TRY(qr_gql_variables_coerce(out_request->schema, out_request->operation, variables,
                                   out_request->suggest, arena, report, &out_request->variables,
                                   err));
    return program->set == NULL
               ? qr_select_build(out_request, &limits, report, out_set, err)
               : qr_select_instantiate(out_request, program->set, report, out_set, err);
}
