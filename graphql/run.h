/*
 * One request on its way, from its text to its response:
 *
 *   program -> variables -> selection -> run -> response
 *
 * What the public calls have in common; they add the transaction. Whatever goes
 * wrong for reasons of the request, or with one of its fields, becomes part of
 * the response; a status other than OK means that there can be none. One thread.
 */
#ifndef QR_GRAPHQL_RUN_H
#define QR_GRAPHQL_RUN_H

#include "graphql/explain.h"
#include "graphql/live.h"
#include "graphql/schema_store.h"
#include "graphql/store.h"
#include "quire/prepared.h"
#include "quire/stream.h"

struct qr_run {
    const quire_graphql_request *request;
    uint64_t cost; /* where it is asked for */
    const quire_allocator *allocator;
    quire_txn *txn;       /* the caller's */
    quire_write_fn write; /* takes the response in pieces; NULL: it is made as a whole */
    void *write_context;
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_api_use schema;
    struct qr_program *program;
    struct qr_gql_request prepared;
    struct qr_select *set;
    struct qr_auth *auth; /* who asks; NULL: no rule applies */
    struct qr_json_writer writer;
    struct qr_explain explain;
    struct qr_watch watch;
    struct qr_live *live; /* what an event of a subscription adds; NULL: there are no events here */
    uint64_t began_ns;
    uint32_t trigger_depth; /* 0: a client's request; else that of a trigger */
    bool trigger_failed;    /* the failure is that of a trigger in turn, and says so */
    bool admitted;          /* request->admit has said so */
    bool executed;          /* "data" is part of the response */
    bool partial;           /* it stands beside errors, which have made parts of it null */
    quire_status failure;   /* the first that became an error of the response */
    quire_error *err;
};

/* Starts the clock of the request as well. */
void qr_run_open(struct qr_run *run, const quire_allocator *allocator,
                 const quire_graphql_request *request, quire_error *err);
/* For another try of the same request, in another transaction: forgets all but the clock. */
void qr_run_restart(struct qr_run *run);
void qr_run_close(struct qr_run *run);
/* Gives back the schema, while the transaction that it was taken in is still open. */
void qr_run_let_go(struct qr_run *run);

/* Everything that can be done without reading rows; needs run->txn. */
quire_status qr_run_prepare(struct qr_run *run);
/* After that: what the operation is. */
static inline enum qr_gql_operation qr_run_operation(const struct qr_run *run)
{
    return run->prepared.operation->operation;
}

/* Whether it is followed by events: a subscription, or a query with @live. */
bool qr_run_is_followed(const struct qr_run *run);
/* Of a subscription to changes: fails, with an error in the report, where its arguments are wrong
 * or name what is denied. */
quire_status qr_run_check_changes(struct qr_run *run);

/* Runs what is prepared. A failure of a field becomes an error of the response. An event that there
 * is nothing to tell of has none: see qr_live_is_silent. */
quire_status qr_run_execute(struct qr_run *run);

/* Turns a failure into an error of the response, at a field or of the request (NULL). Fails with
 * NO_MEMORY when that is what the failure was, or when there is none to tell it. */
quire_status qr_run_report(struct qr_run *run, quire_status status,
                           const struct qr_select_field *field, const struct qr_store *store);
/* The same for a failed preparation, whose problems may be in the report already. */
quire_status qr_run_report_preparation(struct qr_run *run, quire_status status);

/* What clients are told a status is: the closed list of extensions.code. */
const char *qr_run_code(quire_status status);

/* Ends the response, while the transaction is still open: explain borrows names from its schema,
 * and a mutation whose outcome cannot be told must not commit. */
quire_status qr_run_complete(struct qr_run *run);

/* Gives the errors to whom the request names (problems.c); no-op when there are none. */
quire_status qr_run_give_errors(struct qr_run *run);

/* ---- Prepared documents (prepared.c) ---- */

/* The program of a prepared document for the schema in use, with a reference for the caller.
 * Problems go to the report. */
quire_status qr_prepared_program(quire_prepared *prepared, const struct qr_api_use *use,
                                 struct qr_arena *scratch, struct qr_gql_report *report,
                                 struct qr_program **out, quire_error *err);
/* What a request's document is looked up by. */
struct qr_program_key qr_run_key(const quire_graphql_request *request);

/* The variables of a request: its JSON text and the values that are bound. An OBJECT. */
quire_status qr_run_variables(const quire_graphql_request *request, struct qr_arena *arena,
                              struct qr_gql_value *out, quire_error *err);

#endif
