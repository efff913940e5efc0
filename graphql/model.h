/*
 * The database model: what the tables, columns, relations and indexes are that
 * a schema in SDL describes (docs/graphql.md, "From SDL to tables").
 *
 * A model is made from SDL alone and is immutable: any number of threads may
 * read it. It owns the type system it was made from. The engine's table of a
 * type has the type's name, unless @map gives it another; its columns are the
 * model's in order.
 */
#ifndef QR_GRAPHQL_MODEL_H
#define QR_GRAPHQL_MODEL_H

#include "graphql/schema.h"
#include "quire/table.h"

enum qr_model_role {
    QR_MODEL_COLUMN,      /* scalar, enum, or list of them */
    QR_MODEL_REFERENCE,   /* column holding the rowid of one row of `target`, or null */
    QR_MODEL_REVERSE_ONE, /* at most one row of `target` whose `inverse` points here */
    QR_MODEL_REVERSE,     /* all rows of `target` whose `inverse` points here */
    QR_MODEL_LINKS,       /* rows of a link table: many to many */
    QR_MODEL_COMPUTED     /* a scalar found out of the columns: computed.h */
};

/* How a column's values are stored and written. */
enum qr_model_scalar {
    QR_MODEL_ID,      /* TEXT */
    QR_MODEL_STRING,  /* TEXT */
    QR_MODEL_INT,     /* INT, 32-bit in the API */
    QR_MODEL_FLOAT,   /* FLOAT */
    QR_MODEL_BOOLEAN, /* BOOL */
    QR_MODEL_ENUM,    /* TEXT: the value's name */
    QR_MODEL_CUSTOM,  /* TEXT: the value as JSON */
    /* Quire's own: graphql/scalar.h says what of them is stored. */
    QR_MODEL_BIGINT,
    QR_MODEL_DECIMAL,
    QR_MODEL_DATETIME,
    QR_MODEL_DATE,
    QR_MODEL_TIME,
    QR_MODEL_DURATION,
    QR_MODEL_UUID,
    QR_MODEL_JSON,
    QR_MODEL_BYTES
};

/* What a create puts where no value is given: @default(expr:), @createdAt, @updatedAt. */
enum qr_model_generator {
    QR_MODEL_NO_GENERATOR,
    QR_MODEL_MAKES_UUID,   /* ID, String, UUID */
    QR_MODEL_MAKES_NOW,    /* DateTime, Date, Time */
    QR_MODEL_MAKES_NUMBER, /* Int, BigInt: one more than the largest so far */
    QR_MODEL_CREATED_AT,   /* now, and clients cannot set it */
    QR_MODEL_UPDATED_AT    /* the same, at every update too */
};

/* Where clients meet a field, as bits. */
enum qr_model_access {
    QR_MODEL_CAN_READ = 1, /* in results, filters, orders, and among the keys */
    QR_MODEL_CAN_WRITE = 2 /* in inputs */
};

enum qr_model_on_delete { QR_MODEL_RESTRICT, QR_MODEL_SET_NULL, QR_MODEL_CASCADE };

/* The generated fields of Mutation, each type has all of them. */
enum qr_model_verb {
    QR_MODEL_CREATE,
    QR_MODEL_UPDATE,
    QR_MODEL_DELETE,
    QR_MODEL_UPSERT,
    QR_MODEL_CREATE_MANY,
    QR_MODEL_UPDATE_MANY,
    QR_MODEL_DELETE_MANY,
    QR_MODEL_VERBS
};

struct qr_auth_rule;
struct qr_model_trigger;
struct qr_model_resolver;
struct qr_model_type;
struct qr_constraint;
struct qr_expression;

struct qr_model_field {
    struct qr_gql_str name;
    const struct qr_gql_field *definition; /* NULL for a generated key */
    struct qr_model_type *owner;
    uint32_t index; /* in owner->fields */
    enum qr_model_role role;

    enum qr_model_scalar scalar;     /* COLUMN */
    const struct qr_gql_type *named; /* COLUMN: the scalar or enum type; NULL for a generated key */
    bool list;                       /* COLUMN: a list of them */
    bool required;                   /* non-null */
    bool element_required;           /* COLUMN list: its elements are non-null */
    bool unique;                     /* COLUMN, REFERENCE */
    bool has_default;                /* COLUMN */
    struct qr_gql_value default_value;
    enum qr_model_generator generator;      /* COLUMN */
    unsigned access;                        /* bits of qr_model_access */
    const struct qr_constraint *constraint; /* COLUMN: constraint.h; NULL: none */
    struct qr_gql_str renamed_from;         /* an older name of it; data NULL: none */
    uint32_t column;         /* COLUMN, REFERENCE: number in the table; COMPUTED: one after them */
    const char *column_name; /* as stored: `name` or `nameId`, or as @map says; else NULL */
    const char *key_name;    /* COLUMN: `name`; REFERENCE: `nameId`, its key's field in the API */

    struct qr_auth_rule *rules; /* auth.h; NULL: anybody may do anything with it */

    int64_t weight;            /* @cost; -1: none */
    int64_t assumed_size;      /* @listSize: of a list of rows */
    unsigned slicing;          /* @listSize: bits of the arguments that say its length (cost.c) */
    bool must_slice;           /* @listSize: exactly one of them is given */
    struct qr_gql_str formula; /* COMPUTED: the expression as it was given */
    struct qr_expression *expression; /* COMPUTED */
    const char *expression_text;      /* COMPUTED: its canonical text */

    struct qr_model_type *target;      /* relations */
    struct qr_model_field *inverse;    /* the other side's field; NULL for one-sided relations */
    enum qr_model_on_delete on_delete; /* REFERENCE */
    const char *link_table;            /* LINKS: table of (owner rowid, target rowid), named after
                                          the side that owns it */
    uint32_t link_index;               /* LINKS: number of the link table; both sides share it */
    bool link_owner;                   /* LINKS: this side is column 0 of the link table */
};

struct qr_model_index {
    const char *name; /* of the engine's index */
    enum quire_index_kind kind;
    bool unique;
    const struct qr_model_field **fields; /* COLUMN, REFERENCE, COMPUTED */
    uint32_t field_count;
    /* What the index is called as a key in inputs, such as `id` or `authorId_year`; NULL where it
     * is not unique, not readable, or another one of the same fields is called so. */
    const char *key_name;
};

struct qr_model_type {
    struct qr_gql_str name;
    const char *table;  /* the name, NUL-terminated */
    const char *stored; /* the name of the engine's table: the same, or as @map says */
    const struct qr_gql_type *definition;
    /* A view: the table's type whose rows it shows; NULL: this is a table's type. The condition and
     * the order that it puts in front are values of that type's inputs. */
    const struct qr_model_type *view_of;
    const struct qr_gql_ast_value *view_where, *view_order; /* as declared; NULL: none */
    struct qr_gql_value where, order;                       /* coerced, if declared */
    struct qr_auth_rule *rules;                             /* auth.h; NULL: none */
    struct qr_model_trigger *triggers;                      /* trigger.h */
    unsigned trigger_events;                                /* that some of them run on */
    struct qr_model_resolver *resolvers;                    /* resolver.h */
    bool has_queries, has_mutations, has_subscriptions;     /* @generate */
    struct qr_gql_str renamed_from;                         /* as of fields */
    int64_t weight;                                         /* @cost; -1: none */
    uint32_t index;                                         /* in model->types */
    struct qr_model_field *fields;
    uint32_t field_count;
    struct qr_gql_name_table field_table;
    struct qr_model_field **columns; /* by column number, then the computed fields */
    uint32_t column_count;
    uint32_t slot_count; /* columns and computed fields, which have numbers of one row */
    struct qr_model_field *key;
    struct qr_model_field **keys; /* key, then unique scalar columns: what finds one row */
    uint32_t key_count;
    struct qr_model_index *indexes;
    uint32_t index_count;
    /* References of any type that point to this one. */
    struct qr_model_field **referrers;
    uint32_t referrer_count;
    bool single_target;   /* some single relation leads here */
    bool list_target;     /* some list of rows is of this type */
    const char *one_name; /* Query fields */
    const char *many_name;
    const char *verb_names[QR_MODEL_VERBS]; /* Mutation fields */
    const char *changes_name;               /* Subscription field; the others are those of Query */
    bool delete_nullable; /* deleting a row that does not exist gives null and no error */
};

struct qr_model {
    struct qr_gql_schema *schema;
    struct qr_arena *arena; /* the schema's */
    struct qr_model_type *types;
    uint32_t type_count;                    /* tables */
    uint32_t view_count;                    /* views, which stand behind them in `types` */
    struct qr_gql_name_table type_table;    /* of tables */
    uint32_t link_count;                    /* link tables */
    struct qr_constraint *constraints;      /* of all fields */
    struct qr_model_resolver *resolvers[2]; /* of Query and Mutation: resolver.h */
    const bool *argument_types;     /* by type of `schema`: arguments of resolvers have it */
    bool has_slicing_rules;         /* some field has must_slice */
    const struct qr_gql_type *node; /* the interface Node, which Query.node finds rows of by
                                          * their `id`; NULL: there is no such field */
    bool has_auth_rules;            /* some type or field has */
    const struct qr_gql_ast_value *roles_claim; /* @authRoles: names, outermost first; or NULL */
};

/*
 * Makes the model of `sdl`. Problems of syntax, type system and mapping go to
 * the report: SYNTAX or SCHEMA then. Release with qr_model_free.
 */
quire_status qr_model_build(const quire_allocator *allocator, struct qr_gql_str sdl,
                            struct qr_gql_report *report, struct qr_model **out, quire_error *err);
void qr_model_free(struct qr_model *model); /* NULL ok */

struct qr_model_type *qr_model_find_type(const struct qr_model *model, struct qr_gql_str name);
struct qr_model_field *qr_model_find_field(const struct qr_model_type *type,
                                           struct qr_gql_str name);

/* What a value of that kind is stored as. */
quire_type qr_model_scalar_type(enum qr_model_scalar scalar);
/* The column type of a field with a column. */
quire_type qr_model_column_type(const struct qr_model_field *field);

/* Whether a create that leaves a field out gives it a value all the same. */
static inline bool qr_model_has_default(const struct qr_model_field *field)
{
    return field->has_default || field->generator != QR_MODEL_NO_GENERATOR;
}

/* Whether a field is one value, or a list of them, of a scalar or enum. */
static inline bool qr_model_is_value(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_COMPUTED;
}

/* Whether clients meet a field in results and filters; in inputs. What is on the other side of a
 * reference is written where that is. */
static inline bool qr_model_can_read(const struct qr_model_field *field)
{
    return (field->access & QR_MODEL_CAN_READ) != 0;
}

static inline bool qr_model_can_write(const struct qr_model_field *field)
{
    bool reverse = field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_REVERSE_ONE;
    return (field->access & QR_MODEL_CAN_WRITE) != 0 &&
           (!reverse || (field->inverse->access & QR_MODEL_CAN_WRITE) != 0);
}

/* The engine's definition of index `index` of the type; arrays from `arena`. */
quire_status qr_model_index_def(const struct qr_model_index *index, struct qr_arena *arena,
                                quire_index_def *def, quire_error *err);

/* The columns of the type's table; names are the model's. */
quire_status qr_model_columns(const struct qr_model_type *type, struct qr_arena *arena,
                              quire_column **columns, quire_error *err);

/* The name of the link table that a LINKS field owns, if it does. In the arena; NULL after
 * reporting. */
const char *qr_model_link_name(struct qr_arena *arena, const struct qr_model_field *field,
                               quire_error *err);

/* ---- views (model_views.c) ---- */

/* Tables and views: types with rows that can be read. */
static inline uint32_t qr_model_shown_count(const struct qr_model *model)
{
    return model->type_count + model->view_count;
}

/* Gives the views what binding their tables has found out. */
void qr_model_bind_views(struct qr_model *model);
/* Coerces the conditions and orders of views to the inputs of the API. Problems go to the report,
 * at their places in the SDL. */
quire_status qr_views_bind(struct qr_model *model, const struct qr_gql_schema *schema,
                           struct qr_gql_report *report, quire_error *err);

/* ---- names (model_names.c) ---- */

/* "FormerCountry" -> "formerCountry". In the arena; NULL after reporting. */
const char *qr_model_name_one(struct qr_arena *arena, struct qr_gql_str type, quire_error *err);
/* "FormerCountry" -> "formerCountries", by the rules of English. */
const char *qr_model_name_plural(struct qr_arena *arena, struct qr_gql_str type, quire_error *err);

#endif
