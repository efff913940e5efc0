/*
 * The type system: a schema and the types, fields and directives in it.
 *
 * A schema is built once from SDL (and then immutable: any number of threads
 * may read it) and owns an arena in which all of it lives, its source texts
 * included. Names are found through hash tables. Wrapping types of the schema
 * are unique: [T!] is one object however often it is written. Nodes keep a
 * pointer to the syntax tree that they came from (NULL when built in), which
 * gives places for errors and applied directives for the database mapping.
 */
#ifndef QR_GRAPHQL_SCHEMA_H
#define QR_GRAPHQL_SCHEMA_H

#include "graphql/ast.h"
#include "graphql/name_table.h"
#include "graphql/parser.h"
#include "graphql/report.h"
#include "graphql/value.h"

enum qr_gql_type_kind {
    QR_GQL_SCALAR,
    QR_GQL_OBJECT,
    QR_GQL_INTERFACE,
    QR_GQL_UNION,
    QR_GQL_ENUM,
    QR_GQL_INPUT_OBJECT,
    QR_GQL_LIST,
    QR_GQL_NON_NULL
};

/* The five scalars of the language; everything else is QR_GQL_CUSTOM. */
enum qr_gql_builtin_scalar {
    QR_GQL_CUSTOM,
    QR_GQL_INT,
    QR_GQL_FLOAT,
    QR_GQL_STRING,
    QR_GQL_BOOLEAN,
    QR_GQL_ID
};

struct qr_gql_type;

/*
 * What a custom scalar does with values; a scalar without it takes and gives
 * any value as it is. Both functions may change *value in place (memory from
 * the arena). To refuse it they set *problem to the reason (a phrase that
 * follows "Expected value of type "T", found v; ", borrowed from the arena or static)
 * and return OK.
 */
struct qr_gql_scalar {
    quire_status (*coerce_input)(const struct qr_gql_type *type, struct qr_arena *arena,
                                 struct qr_gql_value *value, const char **problem,
                                 quire_error *err);
    quire_status (*coerce_output)(const struct qr_gql_type *type, struct qr_arena *arena,
                                  struct qr_gql_value *value, const char **problem,
                                  quire_error *err);
};

/* How far the builder is with a default value. */
enum qr_gql_default_state { QR_GQL_DEFAULT_PENDING, QR_GQL_DEFAULT_BUSY, QR_GQL_DEFAULT_DONE };

/* An argument, or a field of an input object. */
struct qr_gql_input {
    struct qr_gql_str name;
    struct qr_gql_str description; /* data NULL when absent */
    const struct qr_gql_type *type;
    const struct qr_gql_ast_value *default_literal; /* NULL when absent */
    struct qr_gql_value default_value;              /* coerced; meaningful when has_default */
    bool has_default;                               /* default_literal is there and fits */
    enum qr_gql_default_state default_state;        /* while the schema is built */
    struct qr_gql_str deprecation_reason;           /* data NULL: not deprecated */
    uint32_t index;                                 /* among its siblings */
    const struct qr_gql_ast_member *node;           /* NULL when built in */
};

/* A field of an object or interface. */
struct qr_gql_field {
    struct qr_gql_str name;
    struct qr_gql_str description;
    const struct qr_gql_type *type;
    struct qr_gql_input *arguments;
    uint32_t argument_count;
    uint32_t index;                          /* among its siblings */
    struct qr_gql_name_table argument_table; /* filled when there are many */
    struct qr_gql_str deprecation_reason;
    const struct qr_gql_ast_member *node;
    void *host; /* for the layer above; NULL at first */
};

struct qr_gql_enum_value {
    struct qr_gql_str name;
    struct qr_gql_str description;
    struct qr_gql_str deprecation_reason;
    uint32_t index;
    const struct qr_gql_ast_member *node;
};

/* A definition or extension that a type, or the schema, was made from. */
struct qr_gql_origin {
    const struct qr_gql_ast_definition *node;
    struct qr_gql_origin *next;
    struct qr_gql_origin *last; /* in the first of a chain: its end */
};

struct qr_gql_type {
    enum qr_gql_type_kind kind;
    enum qr_gql_builtin_scalar scalar; /* SCALAR */
    bool builtin;                      /* a scalar of the language or an introspection type */
    bool introspection;                /* its name begins with "__" and it is built in */
    bool referenced; /* listed by introspection: all but scalars of the language nobody uses */
    bool one_of;     /* INPUT_OBJECT */
    uint32_t index;  /* in schema->types */
    struct qr_gql_str name; /* data NULL for LIST and NON_NULL */
    struct qr_gql_str description;
    struct qr_gql_str specified_by_url; /* SCALAR; data NULL when absent */

    const struct qr_gql_type *inner;     /* LIST, NON_NULL: what it wraps */
    struct qr_gql_type *list, *non_null; /* the wrappers of this type that exist */

    struct qr_gql_field *fields; /* OBJECT, INTERFACE */
    struct qr_gql_input *inputs; /* INPUT_OBJECT */
    struct qr_gql_enum_value *values;
    uint32_t field_count, input_count, value_count;
    struct qr_gql_name_table table; /* fields, inputs or values by name */

    /* OBJECT, INTERFACE: what it implements. */
    const struct qr_gql_type **interfaces;
    uint32_t interface_count;
    /* UNION: its members; INTERFACE: the objects that implement it. */
    const struct qr_gql_type **possible;
    uint32_t possible_count;
    /* INTERFACE: the interfaces that implement it. */
    const struct qr_gql_type **implementing;
    uint32_t implementing_count;
    /* UNION, INTERFACE: the names of `possible` and `implementing`. */
    struct qr_gql_name_table subtypes;

    const struct qr_gql_scalar *coercion; /* SCALAR; NULL: takes anything */
    struct qr_gql_origin *origins;        /* definition first, then extensions; NULL: built in */
    void *host;                           /* for the layer above; NULL at first */
};

/* Places where a directive may stand, as bits. */
enum qr_gql_directive_location {
    QR_GQL_ON_QUERY = 1 << 0,
    QR_GQL_ON_MUTATION = 1 << 1,
    QR_GQL_ON_SUBSCRIPTION = 1 << 2,
    QR_GQL_ON_FIELD = 1 << 3,
    QR_GQL_ON_FRAGMENT_DEFINITION = 1 << 4,
    QR_GQL_ON_FRAGMENT_SPREAD = 1 << 5,
    QR_GQL_ON_INLINE_FRAGMENT = 1 << 6,
    QR_GQL_ON_VARIABLE_DEFINITION = 1 << 7,
    QR_GQL_ON_SCHEMA = 1 << 8,
    QR_GQL_ON_SCALAR = 1 << 9,
    QR_GQL_ON_OBJECT = 1 << 10,
    QR_GQL_ON_FIELD_DEFINITION = 1 << 11,
    QR_GQL_ON_ARGUMENT_DEFINITION = 1 << 12,
    QR_GQL_ON_INTERFACE = 1 << 13,
    QR_GQL_ON_UNION = 1 << 14,
    QR_GQL_ON_ENUM = 1 << 15,
    QR_GQL_ON_ENUM_VALUE = 1 << 16,
    QR_GQL_ON_INPUT_OBJECT = 1 << 17,
    QR_GQL_ON_INPUT_FIELD_DEFINITION = 1 << 18
};
#define QR_GQL_DIRECTIVE_LOCATION_COUNT 19u

struct qr_gql_directive {
    struct qr_gql_str name;
    struct qr_gql_str description;
    struct qr_gql_input *arguments;
    uint32_t argument_count;
    uint32_t locations; /* bits of qr_gql_directive_location */
    bool repeatable;
    bool specified;                    /* its name is one of the specified directives' */
    struct qr_gql_str *location_names; /* in source order */
    uint32_t location_count;
    const struct qr_gql_ast_definition *node; /* NULL when built in */
};

struct qr_gql_schema {
    struct qr_arena arena;
    struct qr_gql_str description;
    struct qr_gql_type **types; /* named types; built-in ones last */
    uint32_t type_count;
    struct qr_gql_directive **directives; /* the schema's own first */
    uint32_t directive_count;
    struct qr_gql_type *roots[3]; /* by enum qr_gql_operation; NULL when absent */
    struct qr_gql_name_table type_table, directive_table;
    struct qr_gql_field *meta_schema, *meta_type, *meta_typename; /* __schema, __type, __typename */
    struct qr_gql_origin *origins;      /* schema definition and extensions */
    struct qr_gql_document **documents; /* parsed sources, in order */
    uint32_t document_count;
};

/* ---- making schemas ---- */

struct qr_gql_build_options {
    bool skip_sdl_rules;                      /* takes the SDL rules as kept */
    bool skip_type_checks;                    /* takes the type system as sound */
    const struct qr_gql_parse_options *parse; /* NULL: defaults */
};

/*
 * Builds a schema from SDL texts, which are copied. Several texts make one
 * schema; places in problems are places in their text. Wrong SDL yields SYNTAX
 * or SCHEMA and problems in the report (whose arena is the caller's). Release
 * with qr_gql_schema_free. `options` may be NULL.
 */
quire_status qr_gql_schema_build(const quire_allocator *allocator, const struct qr_gql_str *texts,
                                 size_t text_count, const struct qr_gql_build_options *options,
                                 struct qr_gql_report *report, struct qr_gql_schema **out,
                                 quire_error *err);

/* A new schema: `base` with the definitions and extensions of `text`. `base` stays as it is. */
quire_status qr_gql_schema_extend(const quire_allocator *allocator,
                                  const struct qr_gql_schema *base, struct qr_gql_str text,
                                  const struct qr_gql_build_options *options,
                                  struct qr_gql_report *report, struct qr_gql_schema **out,
                                  quire_error *err);

/* NULL ok. */
void qr_gql_schema_free(struct qr_gql_schema *schema);

/* Checks the type system of a built schema (schema_check.c); problems go to the report. */
void qr_gql_schema_check(struct qr_gql_schema *schema, struct qr_gql_report *report);

/*
 * Runs SDL rules over a document (sdl_rules.c), on top of `base` (may be NULL).
 * `rules` are names such as "UniqueTypeNamesRule"; NULL means all. Returns
 * UNKNOWN_NAME when a rule does not exist.
 */
quire_status qr_gql_sdl_validate(const struct qr_gql_ast_definition *definitions,
                                 const struct qr_gql_schema *base, const struct qr_gql_str *rules,
                                 size_t rule_count, struct qr_gql_report *report, quire_error *err);

/* ---- looking up; NULL when there is none ---- */

struct qr_gql_type *qr_gql_schema_type(const struct qr_gql_schema *schema, struct qr_gql_str name);
struct qr_gql_directive *qr_gql_schema_directive(const struct qr_gql_schema *schema,
                                                 struct qr_gql_str name);
/* A field that may be selected on `parent`: one of its own, __typename on composite types, __schema
 * and __type on the query root. */
const struct qr_gql_field *qr_gql_schema_field(const struct qr_gql_schema *schema,
                                               const struct qr_gql_type *parent,
                                               struct qr_gql_str name);
struct qr_gql_field *qr_gql_type_field(const struct qr_gql_type *type, struct qr_gql_str name);
struct qr_gql_input *qr_gql_type_input(const struct qr_gql_type *type, struct qr_gql_str name);
struct qr_gql_enum_value *qr_gql_type_enum_value(const struct qr_gql_type *type,
                                                 struct qr_gql_str name);
const struct qr_gql_input *qr_gql_field_argument(const struct qr_gql_field *field,
                                                 struct qr_gql_str name);
const struct qr_gql_input *qr_gql_directive_argument(const struct qr_gql_directive *directive,
                                                     struct qr_gql_str name);
/* The applied directive of that name in a chain. */
const struct qr_gql_ast_directive *
qr_gql_ast_directive_find(const struct qr_gql_ast_directive *directives, const char *name);
const struct qr_gql_ast_argument *
qr_gql_ast_argument_find(const struct qr_gql_ast_argument *arguments, struct qr_gql_str name);
/* The bit of a location's name, or 0. */
uint32_t qr_gql_directive_location_bit(struct qr_gql_str name);
/* The name of a location's bit. */
const char *qr_gql_directive_location_name(uint32_t bit);

/* ---- types ---- */

/* What is left when all wrappers are taken off. */
const struct qr_gql_type *qr_gql_type_named(const struct qr_gql_type *type);
/* Without an outer non-null. */
const struct qr_gql_type *qr_gql_type_nullable(const struct qr_gql_type *type);
bool qr_gql_type_is_input(const struct qr_gql_type *type);     /* may stand in input positions */
bool qr_gql_type_is_output(const struct qr_gql_type *type);    /* may be a field's type */
bool qr_gql_type_is_leaf(const struct qr_gql_type *type);      /* scalar or enum (not wrapped) */
bool qr_gql_type_is_composite(const struct qr_gql_type *type); /* object, interface, union */
bool qr_gql_type_is_abstract(const struct qr_gql_type *type);  /* interface or union */
/* An argument or input field that must be given: non-null without default. */
bool qr_gql_input_is_required(const struct qr_gql_input *input);
/* Same type, structurally (wrappers of requests are not unique). */
bool qr_gql_type_equal(const struct qr_gql_type *a, const struct qr_gql_type *b);
/* Whether each value of `type` is one of `super` (covariance). */
bool qr_gql_type_is_subtype(const struct qr_gql_type *type, const struct qr_gql_type *super);
/* Whether `type` (object or interface) is one of `abstract`'s possible or implementing types. */
bool qr_gql_type_is_possible(const struct qr_gql_type *abstract, const struct qr_gql_type *type);
/* Whether some object belongs to both composite types. */
bool qr_gql_types_overlap(const struct qr_gql_type *a, const struct qr_gql_type *b);
/* "[T!]!" appended. */
void qr_gql_type_print(struct qr_gql_buffer *buffer, const struct qr_gql_type *type);
/* The same as NUL-terminated text in the arena; never NULL. */
const char *qr_gql_type_text(struct qr_arena *arena, const struct qr_gql_type *type);
/* "SCALAR", "OBJECT" ... as introspection names kinds. */
const char *qr_gql_type_kind_name(enum qr_gql_type_kind kind);

/* The type that a reference in a request names: *out is NULL when the schema has no such named
 * type. Wrappers that the schema lacks are made in `arena`. */
quire_status qr_gql_type_from_ast(const struct qr_gql_schema *schema, struct qr_arena *arena,
                                  const struct qr_gql_ast_type *node,
                                  const struct qr_gql_type **out, quire_error *err);

#endif
