/*
 * The rules of @auth: who may do what with a type's rows and fields
 * (docs/graphql.md, "Rules"; docs/decisions/0030).
 *
 * Rules are read with the schema and are immutable. A request for a caller
 * holds them against the caller's claims. Rules with a condition become filters,
 * which stand before whatever the request asks of the rows; nothing that depends
 * on claims outlives the request. Where the program itself asks there is no
 * qr_auth, and each question here costs a test of a pointer.
 *
 * All that is not allowed is denied: a rule whose claim is missing or does not
 * fit allows nothing, and a failure (of memory, say) ends the request.
 */
#ifndef QR_GRAPHQL_AUTH_H
#define QR_GRAPHQL_AUTH_H

#include "graphql/api.h"
#include "graphql/model_internal.h"
#include "quire/graphql.h"
#include "quire/migration.h"

struct qr_auth;
struct qr_filter;
struct qr_reader;
struct qr_row;
struct qr_select;

enum qr_auth_operation {
    QR_AUTH_READ = 1,
    QR_AUTH_CREATE = 2,
    QR_AUTH_UPDATE = 4,
    QR_AUTH_DELETE = 8
};
#define QR_AUTH_ALL 15u

/* A claim that the condition of a rule compares with. */
struct qr_auth_claim {
    const struct qr_gql_ast_value *path; /* names, outermost first */
    const struct qr_gql_type *type;      /* what it is to be */
    struct qr_gql_str variable;          /* that stands for it in the condition */
    struct qr_auth_claim *next;
};

struct qr_auth_rule {
    bool everyone;                        /* PUBLIC; else only callers who are known */
    const struct qr_gql_ast_value *roles; /* one of which the caller has; NULL: any will do */
    unsigned operations;                  /* bits of qr_auth_operation */
    const struct qr_gql_ast_value *where; /* variables in place of claims; NULL: all rows */
    const struct qr_gql_type *input;      /* of `where` */
    struct qr_auth_claim *claims;
    const struct qr_gql_ast_value *declared; /* all of it, as in the SDL */
    struct qr_auth_rule *next;
};

/* Reads the rules of all types and fields (auth_rules.c). */
quire_status qr_auth_read_rules(struct qr_model_builder *builder);
/* Checks their conditions against the inputs of the API, once it is made. Problems go to the
 * report, at their places in the SDL. */
quire_status qr_auth_bind(struct qr_api *api, struct qr_gql_report *report, quire_error *err);

/* Tells the changes of one level in the rules of what two models have both (auth_diff.c). */
struct qr_auth_comparison {
    const struct qr_model *old, *current;
    struct qr_arena *arena;
    quire_change_level level;
    quire_status (*tell)(void *context, quire_change_level level, const char *kind,
                         const char *text);
    void *context;
    quire_error *err;
};
quire_status qr_auth_compare(const struct qr_auth_comparison *c);

/* ---- a caller (auth.c) ---- */

/* What is known of the caller of a request; *out is NULL where no rule applies. Lives in the arena.
 * MISUSE for a text that is no object. */
quire_status qr_auth_open(const struct qr_api *api, const quire_graphql_request *request,
                          struct qr_arena *arena, struct qr_auth **out, quire_error *err);

/* Fails with FORBIDDEN, or UNAUTHENTICATED where nobody is known, unless rules let the caller do
 * this with some rows of the type; with the field. `auth` NULL: anything is allowed. */
quire_status qr_auth_check_type(struct qr_auth *auth, const struct qr_model_type *type,
                                enum qr_auth_operation operation, quire_error *err);
quire_status qr_auth_check_field(struct qr_auth *auth, const struct qr_model_field *field,
                                 enum qr_auth_operation operation, quire_error *err);
/* The failure of these. */
quire_status qr_auth_refuse(const struct qr_auth *auth, const struct qr_model_type *type,
                            const struct qr_model_field *field, enum qr_auth_operation operation,
                            quire_error *err);
/* The same of a field that the program gives: its own rules say who gets it; without any, who may
 * read what it requires. */
quire_status qr_auth_check_resolver(struct qr_auth *auth, const struct qr_model_resolver *resolver,
                                    quire_error *err);
/* Whether the caller can read no row of the type at all. */
quire_status qr_auth_hides(struct qr_auth *auth, const struct qr_model_type *type, bool *hidden,
                           quire_error *err);
/* Whether `node` finds the caller no row of the type: can he read none, or not its `id`? */
quire_status qr_auth_hides_node(struct qr_auth *auth, const struct qr_model_type *type,
                                bool *hidden, quire_error *err);
/* Whether a field may be read. */
bool qr_auth_can_read(const struct qr_auth *auth, const struct qr_model_field *field);

/* Checks what an operation selects; problems go to the report (auth_select.c). */
quire_status qr_auth_check_selection(struct qr_auth *auth, const struct qr_select *set,
                                     struct qr_gql_report *report, quire_error *err);

/* The condition under which the caller may do this with a row of the type; *out NULL: with every
 * row. Fails as qr_auth_check_type does. It is compiled as the program's own, whatever the caller
 * may read. */
quire_status qr_auth_filter(struct qr_reader *reader, const struct qr_model_type *type,
                            enum qr_auth_operation operation, struct qr_filter **out);
/* Checks a field whose values tell rows apart: of a reference, every row of its target must be the
 * caller's to read, or the groups would tell of the others. */
quire_status qr_auth_check_key(struct qr_reader *reader, const struct qr_model_field *field);

/* The same for one row now and then, by conditions that are compiled once. They know the rows that
 * keys name as they were then: qr_auth_renew lets them be compiled anew, which is to be done before
 * each field of a mutation, and before rows that were written are looked at. NULL is a no-op. */
void qr_auth_renew(struct qr_auth *auth);
/* Whether the rules let the caller do this with a row that was read; with that of a rowid, if there
 * is one (where no rule is about it, nothing is looked up and both are true). Both use the scratch
 * arena, which the caller resets. */
quire_status qr_auth_test(struct qr_reader *reader, const struct qr_model_type *type,
                          enum qr_auth_operation operation, const struct qr_row *row, bool *pass);
quire_status qr_auth_test_at(struct qr_reader *reader, const struct qr_model_type *type,
                             enum qr_auth_operation operation, int64_t rowid, bool *found,
                             bool *pass);
/* Of a row that was found: *found turns false where the caller may not read it. */
quire_status qr_auth_see(struct qr_reader *reader, const struct qr_model_type *type, int64_t rowid,
                         bool *found);

/* ---- writes (auth_write.c) ---- */

struct qr_store;

/* Rows that a field of a mutation has written, to be looked at behind it. */
struct qr_auth_written;

/* FORBIDDEN where the rules do not select a row, as it is before it is changed or deleted. */
quire_status qr_auth_take(struct qr_store *store, const struct qr_model_type *type, int64_t rowid,
                          enum qr_auth_operation operation);
/* The same of a row that could not be stored, by its values; rowid 0: it is new. No other row
 * refers to a new one. */
quire_status qr_auth_check_values(struct qr_store *store, const struct qr_model_type *type,
                                  const quire_value *values, int64_t rowid,
                                  enum qr_auth_operation operation);
/* FORBIDDEN for a nested write that finds out which rows a relation of a row that is there leads
 * to, unless the caller may read the relation. `given`: its verbs, or a list of keys. */
quire_status qr_auth_check_nested(struct qr_auth *auth, const struct qr_model_field *relation,
                                  const struct qr_gql_value *given, quire_error *err);
/* Notes that a row was created or updated. */
quire_status qr_auth_wrote(struct qr_store *store, const struct qr_model_type *type, int64_t rowid,
                           enum qr_auth_operation operation);
/* FORBIDDEN where the rules do not select a row that was written, as it is now. Forgets them. */
quire_status qr_auth_check_written(struct qr_store *store);

#endif
