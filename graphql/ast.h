/*
 * The syntax tree of documents, values, types and schema coordinates.
 *
 * Nodes live in one arena, with lists as chains through `next` in source
 * order. Names borrow the source text, which must outlive the tree. A tree is
 * immutable once parsed: any number of threads may read it. Its depth is
 * bounded by the parser, so recursion over a tree is bounded as well.
 */
#ifndef QR_GRAPHQL_AST_H
#define QR_GRAPHQL_AST_H

#include "graphql/source.h"

/* A name where it stands; text.data NULL when an optional name is absent. */
struct qr_gql_name {
    struct qr_gql_str text;
    struct qr_gql_pos pos;
};

/* ---- values ---- */

enum qr_gql_ast_value_kind {
    QR_GQL_AST_VARIABLE,
    QR_GQL_AST_INT,
    QR_GQL_AST_FLOAT,
    QR_GQL_AST_STRING,
    QR_GQL_AST_BOOLEAN,
    QR_GQL_AST_NULL,
    QR_GQL_AST_ENUM,
    QR_GQL_AST_LIST,
    QR_GQL_AST_OBJECT
};

struct qr_gql_ast_value {
    enum qr_gql_ast_value_kind kind;
    bool boolean;           /* BOOLEAN */
    bool block;             /* STRING: written as a block string */
    uint32_t count;         /* LIST, OBJECT */
    struct qr_gql_pos pos;  /* of the first token ("$" of a variable) */
    struct qr_gql_str text; /* VARIABLE, ENUM: the name; INT, FLOAT: as written; STRING: decoded */
    struct qr_gql_ast_value *items;     /* LIST */
    struct qr_gql_ast_argument *fields; /* OBJECT */
    struct qr_gql_ast_value *next;      /* in a list */
};

/* An argument, or a field of an object value. Its place is its name's. */
struct qr_gql_ast_argument {
    struct qr_gql_name name;
    struct qr_gql_ast_value *value;
    struct qr_gql_ast_argument *next;
};

struct qr_gql_ast_directive {
    struct qr_gql_pos pos; /* of "@" */
    struct qr_gql_name name;
    struct qr_gql_ast_argument *arguments;
    struct qr_gql_ast_directive *next;
};

/* ---- types ---- */

enum qr_gql_ast_type_kind { QR_GQL_AST_NAMED, QR_GQL_AST_LIST_OF, QR_GQL_AST_NON_NULL };

struct qr_gql_ast_type {
    enum qr_gql_ast_type_kind kind;
    struct qr_gql_pos pos;
    struct qr_gql_name name;       /* NAMED */
    struct qr_gql_ast_type *inner; /* LIST_OF, NON_NULL */
};

/* A type named in a list: an implemented interface, a union's member. */
struct qr_gql_ast_named {
    struct qr_gql_name name;
    struct qr_gql_ast_named *next;
};

/* ---- selections ---- */

enum qr_gql_ast_selection_kind { QR_GQL_AST_FIELD, QR_GQL_AST_SPREAD, QR_GQL_AST_INLINE };

/* `{ ... }`. pos.line is 0 when a field has none. */
struct qr_gql_ast_selections {
    struct qr_gql_pos pos; /* of "{" */
    struct qr_gql_ast_selection *first;
};

struct qr_gql_ast_selection {
    enum qr_gql_ast_selection_kind kind;
    struct qr_gql_pos pos;                 /* of the first token */
    struct qr_gql_name alias;              /* FIELD, optional */
    struct qr_gql_name name;               /* FIELD; SPREAD: the fragment's */
    struct qr_gql_name condition;          /* INLINE, optional: the type's name */
    struct qr_gql_ast_argument *arguments; /* FIELD */
    struct qr_gql_ast_directive *directives;
    struct qr_gql_ast_selections selections; /* FIELD (first NULL: a leaf), INLINE */
    struct qr_gql_ast_selection *next;
};

/* The key of a field in the response. */
static inline struct qr_gql_str qr_gql_ast_response_name(const struct qr_gql_ast_selection *field)
{
    return field->alias.text.data != NULL ? field->alias.text : field->name.text;
}

/* ---- definitions ---- */

/*
 * What has a name, a description and directives inside a definition: a field
 * (arguments, type), an argument definition, input field or variable (type,
 * default_value), an enum value (neither).
 */
struct qr_gql_ast_member {
    struct qr_gql_pos pos;         /* of the first token, a description included */
    struct qr_gql_str description; /* decoded; data NULL when absent */
    bool description_block;        /* written as a block string */
    struct qr_gql_name name;
    struct qr_gql_ast_member *arguments;
    struct qr_gql_ast_type *type;
    struct qr_gql_ast_value *default_value; /* NULL when absent */
    struct qr_gql_ast_directive *directives;
    struct qr_gql_ast_member *next;
};

enum qr_gql_operation { QR_GQL_QUERY, QR_GQL_MUTATION, QR_GQL_SUBSCRIPTION };

/* `query: Query` in a schema definition. */
struct qr_gql_ast_root {
    struct qr_gql_pos pos; /* of the operation's word */
    enum qr_gql_operation operation;
    struct qr_gql_name type;
    struct qr_gql_ast_root *next;
};

enum qr_gql_ast_definition_kind {
    QR_GQL_AST_OPERATION,
    QR_GQL_AST_FRAGMENT,
    QR_GQL_AST_SCHEMA,
    QR_GQL_AST_SCALAR_TYPE,
    QR_GQL_AST_OBJECT_TYPE,
    QR_GQL_AST_INTERFACE_TYPE,
    QR_GQL_AST_UNION_TYPE,
    QR_GQL_AST_ENUM_TYPE,
    QR_GQL_AST_INPUT_TYPE,
    QR_GQL_AST_DIRECTIVE_DEFINITION
};

struct qr_gql_ast_definition {
    enum qr_gql_ast_definition_kind kind;
    bool extends;    /* `extend ...` of a schema or type */
    bool shorthand;  /* OPERATION: written as `{ ... }` alone */
    bool repeatable; /* DIRECTIVE_DEFINITION */
    bool description_block;
    enum qr_gql_operation operation; /* OPERATION */
    struct qr_gql_pos pos;           /* of the first token, a description included */
    struct qr_gql_pos keyword;       /* of `query`, `type`, `extend` ... */
    struct qr_gql_str description;   /* decoded; data NULL when absent */
    struct qr_gql_name name;         /* absent in SCHEMA and anonymous operations */
    struct qr_gql_name condition;    /* FRAGMENT: the type's name */
    struct qr_gql_ast_directive *directives;
    struct qr_gql_ast_selections selections; /* OPERATION, FRAGMENT */
    struct qr_gql_ast_root *roots;           /* SCHEMA */
    struct qr_gql_ast_named *interfaces;     /* OBJECT_TYPE, INTERFACE_TYPE */
    /* OPERATION: variables; OBJECT_TYPE, INTERFACE_TYPE: fields; ENUM_TYPE: values; INPUT_TYPE:
     * input fields; DIRECTIVE_DEFINITION: arguments. */
    struct qr_gql_ast_member *members;
    struct qr_gql_ast_named *names; /* UNION_TYPE: members; DIRECTIVE_DEFINITION: locations */
    struct qr_gql_ast_definition *next;
};

struct qr_gql_document {
    struct qr_gql_str source;
    struct qr_gql_ast_definition *first;
    uint32_t definition_count;
    uint32_t token_count;
};

/* Whether the definition belongs to the type system (else: operation or fragment). */
static inline bool qr_gql_ast_is_type_system(const struct qr_gql_ast_definition *definition)
{
    return definition->kind >= QR_GQL_AST_SCHEMA;
}

/* Whether it defines or extends a type. */
static inline bool qr_gql_ast_is_type(const struct qr_gql_ast_definition *definition)
{
    return definition->kind >= QR_GQL_AST_SCALAR_TYPE && definition->kind <= QR_GQL_AST_INPUT_TYPE;
}

/* "query", "mutation" or "subscription". */
const char *qr_gql_operation_word(enum qr_gql_operation operation);

/* ---- schema coordinates ---- */

/* `Name`, `Name.member`, `Name.member(argument:)`, `@name`, `@name(argument:)`. */
struct qr_gql_coordinate {
    bool directive;
    struct qr_gql_name name;
    struct qr_gql_name member;   /* text.data NULL when absent */
    struct qr_gql_name argument; /* text.data NULL when absent */
};

#endif
