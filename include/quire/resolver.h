/*
 * Resolvers: functions of the program that give the values of fields of the
 * API. The schema says which fields those are (docs/graphql.md, "Resolvers");
 * the program registers the functions each time it opens the database.
 */
#ifndef QUIRE_RESOLVER_H
#define QUIRE_RESOLVER_H

#include "quire/transaction.h"
#include "quire/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One call of a resolver: for a field of a table's type the values for up to
 * QUIRE_RESOLVER_PARENTS_MAX rows at once, for a field of Query or Mutation one
 * value. All of it is borrowed for the call.
 */
typedef struct quire_resolver_call {
    const char *coordinate; /* "User.avatarUrl", "Query.weather" */
    quire_txn *txn;         /* the request's: see quire_resolver_callback */
    size_t count;           /* values to give; 1 for a root field */
    /* What @resolver(requires:) names of each row, as stored: those of parent i from
     * values[i * value_count] on. A reference is the rowid of its row, or null, as it also is where
     * the field has no @auth and rules hide the row from the caller. */
    const quire_value *values;
    uint32_t value_count;
    const int64_t *rowids; /* of the parents; NULL for a root field */
    const char *arguments; /* a JSON object, defaults filled in; NUL-terminated */
    size_t arguments_size;
    const char *claims; /* the request's (quire/graphql.h); NULL: the program itself asks */
    size_t claims_size;
} quire_resolver_call;

#define QUIRE_RESOLVER_PARENTS_MAX 1000

/*
 * Gives each parent its value (quire_resolver_give and its kin); one that got
 * none is null. A status other than OK, with what the function says in `err`,
 * is the error of every parent without a value; NO_MEMORY, INTERRUPTED and
 * TIMEOUT end the request instead.
 *
 * An error of a field that may be null makes it null, of any other the object
 * it belongs to, and so on; the rest of the response stands. In a mutation
 * every error undoes all of it.
 *
 * The function runs in the thread of the request, which may be any, and others
 * may run it at the same time. call->txn is the request's snapshot, or its
 * write transaction, for reading through handles that the function opens and
 * closes again, and for requests of its own (quire_graphql_in), to which the
 * rules of the schema apply only if they are given the claims. Only the
 * resolver of a field of Mutation may write: it runs in its turn among the
 * fields, and what it wrote commits with them. It can neither commit, roll back
 * nor change the schema. Calls within calls are bounded by
 * quire_options.trigger_depth_max.
 */
typedef quire_status (*quire_resolver_callback)(void *context, quire_resolver_call *call,
                                                quire_error *err);

/*
 * Registers, replaces or, with `callback` NULL, removes the resolver of a field
 * ("Type.field"), whether or not the schema has it. While it is missing the
 * field fails. Any thread; a call that has begun may still be running when this
 * returns. `context` is borrowed until close, or until the field is registered
 * anew and no request of before is running. Errors: MISUSE, NO_MEMORY.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_resolver_function(quire_db *db,
                                                                const char *coordinate,
                                                                quire_resolver_callback callback,
                                                                void *context, quire_error *err);

/*
 * Values of parent `index`, replacing an earlier one; copied. They are checked
 * against the declared type when the response is written, as results are: an
 * Int for a String will do, a text for an Int will not.
 *   give       a scalar, an enum value's name, the key of a row, or null; a
 *              scalar of Quire's own also as it is stored; a LIST of these
 *   give_json  any type, as JSON text: lists, objects of types that are no
 *              tables, keys of rows wherever a table's type is declared
 *   refuse     an error with this message, and `code` as extensions.code (NULL:
 *              "RESOLVER"); both UTF-8
 * Errors: MISUSE (no such parent), SYNTAX or DATA (not JSON), TYPE (a value that
 * is not well formed), NO_MEMORY, LIMIT; the parent then has an error in place of
 * a value.
 */
QUIRE_API quire_status quire_resolver_give(quire_resolver_call *call, size_t index,
                                           const quire_value *value, quire_error *err);
QUIRE_API quire_status quire_resolver_give_json(quire_resolver_call *call, size_t index,
                                                const char *json, size_t size, quire_error *err);
QUIRE_API quire_status quire_resolver_refuse(quire_resolver_call *call, size_t index,
                                             const char *code, const char *message,
                                             quire_error *err);

/* The argument of that name: a number, a boolean, null, or a text, which of a list or an object is
 * its JSON. False when the request gives none and there is no default. Borrowed for the call. */
QUIRE_API bool quire_resolver_argument(quire_resolver_call *call, const char *name,
                                       quire_value *value);

/* Whether the request is interrupted or out of time: what takes long asks now and then, and gives
 * up, since the request will fail. */
QUIRE_API bool quire_resolver_is_stopped(quire_resolver_call *call);

/* Calls `one` for each parent: for resolvers that gain nothing from all of them at once. A status
 * other than OK is the error of that parent alone. Returns what a resolver returns. */
typedef quire_status (*quire_resolver_one_callback)(void *context, quire_resolver_call *call,
                                                    size_t index, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_resolver_each(quire_resolver_call *call,
                                                            quire_resolver_one_callback one,
                                                            void *context, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
