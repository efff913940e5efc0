/*
 * What the rules of validation share: the state of one run, and the hooks by
 * which the walk calls them.
 */
#ifndef QR_GRAPHQL_VALIDATE_INTERNAL_H
#define QR_GRAPHQL_VALIDATE_INTERNAL_H

#include "graphql/validate.h"

struct qr_overlap;

/* A variable in use somewhere in a definition. */
struct qr_gql_usage {
    const struct qr_gql_ast_value *node;
    const struct qr_gql_type *type;   /* that its place expects; NULL when unknown */
    bool has_default;                 /* the place has a default value */
    const struct qr_gql_type *one_of; /* the OneOf input object that it is a field of, or NULL */
    struct qr_gql_usage *next;
};

/* A spread, and the fragment that it names or NULL. */
struct qr_gql_spread {
    const struct qr_gql_ast_selection *node;
    struct qr_gql_scope *fragment;
};

/* An operation or fragment of the document. */
struct qr_gql_scope {
    const struct qr_gql_ast_definition *node;
    struct qr_gql_spread *spreads; /* all inside, as graphql-js orders them */
    uint32_t spread_count;
    struct qr_gql_usage *usages, *last_usage;
    uint32_t reached_by;  /* number of the last search that reached it; 0 never */
    uint32_t lists_below; /* memo of the introspection rule, plus one; 0 unknown */
    bool open;            /* on the path of a search */
    bool visited;         /* done by a search */
    uint32_t path_index;  /* where its spreads start on the path, while open */
};

struct qr_gql_validator {
    const struct qr_gql_schema *schema;
    const struct qr_gql_document *document;
    struct qr_arena *arena;
    struct qr_gql_report *report;
    quire_error *err;
    quire_status status; /* first failure that is not a problem of the document */
    bool suggest;
    bool aborted; /* out of steps: said so in the report */
    uint64_t steps, steps_max;
    uint32_t searches;           /* of what operations reach, so far */
    struct qr_gql_scope *scopes; /* operations and fragments in source order */
    uint32_t scope_count;
    struct qr_gql_name_table fragments; /* name to struct qr_gql_scope; the last of a name */
    struct qr_gql_scope *scope;         /* that the walk is in */
    struct qr_gql_name_table overlaps;  /* answers about pairs of abstract types */
    struct qr_overlap *overlap;         /* state of validate_overlap.c; NULL until needed */
    const struct qr_gql_rule *rules[40];
    size_t rule_count;
};

/* A rule: hooks that the walk calls, each NULL when not needed. Types are NULL when unknown. */
struct qr_gql_rule {
    const char *name;
    bool recommended;   /* not the edition's: run with options->introspection_depth */
    bool introspection; /* not the edition's: run with options->no_introspection */
    bool by_name;       /* not the edition's: run when named */
    void (*document)(struct qr_gql_validator *v); /* before the walk */
    void (*definition)(struct qr_gql_validator *v, const struct qr_gql_ast_definition *node);
    void (*variable)(struct qr_gql_validator *v, const struct qr_gql_ast_member *node,
                     const struct qr_gql_type *type);
    void (*selections)(struct qr_gql_validator *v, const struct qr_gql_ast_selections *node,
                       const struct qr_gql_type *parent);
    void (*field)(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                  const struct qr_gql_type *parent, const struct qr_gql_field *field);
    void (*spread)(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                   const struct qr_gql_type *parent);
    /* `condition` is the type that the fragment is on: the parent when it names none. */
    void (*inline_fragment)(struct qr_gql_validator *v, const struct qr_gql_ast_selection *node,
                            const struct qr_gql_type *parent, const struct qr_gql_type *condition);
    void (*directives)(struct qr_gql_validator *v, const struct qr_gql_ast_directive *first);
    void (*directive)(struct qr_gql_validator *v, const struct qr_gql_ast_directive *node,
                      const struct qr_gql_directive *directive, uint32_t location);
    /* A literal at the root of an argument or default value. */
    void (*literal)(struct qr_gql_validator *v, const struct qr_gql_ast_value *node,
                    const struct qr_gql_type *type);
    /* Every object literal, nested ones too. */
    void (*object)(struct qr_gql_validator *v, const struct qr_gql_ast_value *node);
    void (*named_type)(struct qr_gql_validator *v, const struct qr_gql_name *name);
    void (*finish)(struct qr_gql_validator *v); /* after the walk, with all usages known */
};

/* validate_names.c, validate_types.c, validate_values.c, validate_fragments.c,
 * validate_variables.c, validate_operations.c, validate_overlap.c, validate_deprecated.c. Each ends
 * with a rule without name. */
extern const struct qr_gql_rule qr_gql_rules_names[];
extern const struct qr_gql_rule qr_gql_rules_types[];
extern const struct qr_gql_rule qr_gql_rules_arguments[];
extern const struct qr_gql_rule qr_gql_rules_fragments[];
extern const struct qr_gql_rule qr_gql_rules_variables[];
extern const struct qr_gql_rule qr_gql_rules_operations[];
extern const struct qr_gql_rule qr_gql_rules_overlap[];
extern const struct qr_gql_rule qr_gql_rules_deprecated[];

/* Whether to go on: memory is there, the report has room, steps are left. */
static inline bool qr_gql_validate_running(const struct qr_gql_validator *v)
{
    return v->status == QUIRE_OK && !v->aborted && !qr_gql_report_full(v->report);
}

/* Keeps the first failure. */
static inline void qr_gql_validate_status(struct qr_gql_validator *v, quire_status status)
{
    v->status = v->status == QUIRE_OK ? status : v->status;
}

/* Counts steps; false, with a problem in the report, when there are none left. */
bool qr_gql_validate_steps(struct qr_gql_validator *v, uint64_t steps);

/* Ends the validation with a problem that says it takes more than so many steps. */
void qr_gql_validate_abort(struct qr_gql_validator *v, uint64_t steps);

/* Zeroed memory from the arena; NULL with v->status set. */
void *qr_gql_validate_alloc(struct qr_gql_validator *v, size_t size);

/* The definition of a fragment, or NULL. */
struct qr_gql_scope *qr_gql_validate_fragment(const struct qr_gql_validator *v,
                                              struct qr_gql_str name);

/* Runs an SDL rule over the type definitions that a document should not have. */
void qr_gql_validate_sdl_rule(struct qr_gql_validator *v, const char *rule);

/* Fills in the spreads of all scopes. */
void qr_gql_validate_list_spreads(struct qr_gql_validator *v);

/* Lists the operation of that scope index and all fragments that it reaches, each once. `out` has
 * room for all scopes. False when out of steps. */
bool qr_gql_validate_reach(struct qr_gql_validator *v, uint32_t operation,
                           struct qr_gql_scope **out, uint32_t *count);

/* " Did you mean ..." or "". */
const char *qr_gql_validate_suggest(struct qr_gql_validator *v, struct qr_gql_str input,
                                    const struct qr_gql_str *candidates, size_t count);

/* The type that a variable's definition names, or NULL. */
const struct qr_gql_type *qr_gql_validate_type(struct qr_gql_validator *v,
                                               const struct qr_gql_ast_type *node);

/* The type of that name, or NULL: scalars of the language that the schema does not use are none. */
const struct qr_gql_type *qr_gql_validate_condition(const struct qr_gql_validator *v,
                                                    const struct qr_gql_name *condition);

#endif
