/*
 * The errors of a response as structures: one block of memory with the list,
 * its items and their texts, for the host to free at once.
 */
#include "graphql/run.h"
#include "quire/rows.h"

/* Where texts go; without memory they are only measured. */
struct packing {
    char *at;
    size_t size;
};

static const char *pack(struct packing *packing, const char *bytes, size_t size)
{
    char *text = packing->at == NULL ? NULL : packing->at + packing->size;
    if (text != NULL && size > 0) {
        memcpy(text, bytes, size);
    }
    if (text != NULL) {
        text[size] = '\0';
    }
    packing->size += size + 1;
    return text;
}

/* "a.b[0].c", made in the arena from the leaf up. */
static struct qr_gql_str path_text(struct qr_arena *arena, const struct qr_gql_path *leaf,
                                   quire_error *err)
{
    struct qr_gql_str text = {"", 0};
    for (const struct qr_gql_path *step = leaf; step != NULL; step = step->parent) {
        const char *dot = step->parent != NULL ? "." : "";
        const char *longer =
            step->key.data != NULL
                ? qr_gql_format(arena, err, "%s%.*s%.*s", dot, QR_GQL_FMT(step->key),
                                QR_GQL_FMT(text))
                : qr_gql_format(arena, err, "[%zu]%.*s", step->index, QR_GQL_FMT(text));
        if (longer == NULL) {
            break;
        }
        text = qr_gql_str_of(longer);
    }
    return text;
}

static void pack_problems(struct qr_run *run, struct packing *packing, quire_graphql_error *items)
{
    for (const struct qr_gql_problem *p = run->report.first; p != NULL; p = p->next) {
        struct qr_gql_str path = path_text(&run->arena, p->path, run->err);
        quire_graphql_error error = {.message = pack(packing, p->message.data, p->message.size),
                                     .path = pack(packing, path.data, path.size),
                                     .code = pack(packing, p->code.data, p->code.size),
                                     .coordinate =
                                         pack(packing, p->coordinate.data, p->coordinate.size),
                                     .line = p->location_count > 0 ? p->locations[0].line : 0,
                                     .column = p->location_count > 0 ? p->locations[0].column : 0};
        if (items != NULL) {
            *items++ = error;
        }
    }
}

quire_status qr_run_give_errors(struct qr_run *run)
{
    quire_graphql_errors **out = run->request->errors;
    struct packing packing = {NULL, 0};
    quire_graphql_errors *errors;
    quire_graphql_error *items;
    size_t count = 0;

    if (out == NULL || run->report.first == NULL) {
        return QUIRE_OK;
    }
    for (const struct qr_gql_problem *p = run->report.first; p != NULL; p = p->next) {
        count++;
    }
    pack_problems(run, &packing, NULL);
    quire_free(*out);
    *out = errors = qr_host_alloc(run->allocator,
                                  sizeof *errors + sizeof *items * count + packing.size, run->err);
    if (errors == NULL) {
        return QUIRE_NO_MEMORY;
    }
    items = (quire_graphql_error *)(void *)(errors + 1);
    packing = (struct packing){(char *)(items + count), 0};
    pack_problems(run, &packing, items);
    *errors = (quire_graphql_errors){count, items};
    return QUIRE_OK;
}
