/*
 * What the SDL rules share: the state of one run, and the hooks by which the
 * walk over the definitions calls them.
 */
#ifndef QR_GRAPHQL_SDL_INTERNAL_H
#define QR_GRAPHQL_SDL_INTERNAL_H

#include "graphql/schema_internal.h"

/* What the definitions say about one type name. */
struct qr_gql_sdl_type {
    const struct qr_gql_ast_definition *definition; /* the last one; NULL: only extended */
    struct qr_gql_name_table members;               /* name to const struct qr_gql_name */
    struct qr_gql_name_table directives;            /* name to const struct qr_gql_ast_directive */
};

/* A directive of the definitions (node), or else of the base (directive). */
struct qr_gql_sdl_directive {
    const struct qr_gql_ast_definition *node;
    const struct qr_gql_directive *directive;
};

struct qr_gql_sdl {
    const struct qr_gql_ast_definition *definitions;
    const struct qr_gql_schema *base;                      /* NULL: none */
    struct qr_gql_name_table types;                        /* to struct qr_gql_sdl_type */
    struct qr_gql_name_table directives;                   /* to struct qr_gql_sdl_directive */
    struct qr_gql_name_table type_names, directive_names;  /* of definitions seen so far */
    struct qr_gql_sdl_type schema;                         /* its directives */
    const struct qr_gql_ast_definition *schema_definition; /* seen so far */
    const struct qr_gql_ast_root *roots[3];
    struct qr_arena *arena;
    struct qr_gql_report *report;
    quire_error *err;
    quire_status status; /* first failure that is not a problem */
};

/* A rule's hooks, each NULL when not needed. */
struct qr_gql_sdl_rule {
    const char *name;
    void (*definition)(struct qr_gql_sdl *s, const struct qr_gql_ast_definition *node);
    /* A type's name where it is used; `sdl`: not inside an operation or fragment. */
    void (*named)(struct qr_gql_sdl *s, const struct qr_gql_name *name, bool sdl);
    /* All directives of one place. `owner` is the definition when they stand on it itself. */
    void (*directives)(struct qr_gql_sdl *s, const struct qr_gql_ast_directive *first,
                       const struct qr_gql_ast_definition *owner);
    void (*directive)(struct qr_gql_sdl *s, const struct qr_gql_ast_directive *node,
                      uint32_t location);
    /* Arguments of a directive, or of a field in an operation. */
    void (*arguments)(struct qr_gql_sdl *s, const struct qr_gql_ast_argument *first);
    void (*object)(struct qr_gql_sdl *s, const struct qr_gql_ast_value *object);
};

/* sdl_rules_names.c and sdl_rules_known.c; each ends with a rule without name. */
extern const struct qr_gql_sdl_rule qr_gql_sdl_rules_names[];
extern const struct qr_gql_sdl_rule qr_gql_sdl_rules_known[];

/* Whether to go on. */
static inline bool qr_gql_sdl_running(const struct qr_gql_sdl *s)
{
    return s->status == QUIRE_OK && !qr_gql_report_full(s->report);
}

/* The base's type of that name; scalars of the language that the base does not use do not count. */
const struct qr_gql_type *qr_gql_sdl_existing(const struct qr_gql_sdl *s, struct qr_gql_str name);

/* The entry of a type name, made when it is new; NULL with s->status set. */
struct qr_gql_sdl_type *qr_gql_sdl_type(struct qr_gql_sdl *s, struct qr_gql_str name);

/* Adds to a table; the value that was there before, or NULL. */
void *qr_gql_sdl_add(struct qr_gql_sdl *s, struct qr_gql_name_table *table, struct qr_gql_str name,
                     const void *value);

/* "scalar", "object", "interface" ... */
const char *qr_gql_sdl_kind_word(enum qr_gql_ast_definition_kind kind);

#endif
