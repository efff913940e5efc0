/*
 * Fields that the program gives, held against the rules.
 */
#include <string.h>

#include "auth_fixture.h"

static const char schema[] =
    "type User @auth(rules: [{roles: [\"editor\"]}, {operations: READ, where: {id: {equals: "
    "{claim: \"sub\"}}}}]) { id: ID! mail: String @auth(rules: [{roles: [\"editor\"]}]) "
    "  domain: String @resolver(requires: \"mail\") "
    "  hash: String @resolver(requires: \"mail\") @auth(rules: [{}]) "
    "  secret: String @resolver @auth(rules: [{roles: [\"editor\"]}]) } "
    "type Team @resolver { lead: User all: [User!] some: [User] } "
    "type Query { team: Team @resolver me: User @resolver @auth(rules: [{}]) open: Int @resolver } "
    "type Mutation { boost: Int @resolver @auth(rules: [{roles: [\"editor\"]}]) }";
static const char rows[] = "mutation { createUsers(inputs: [{id: \"ann\", mail: \"a@x\"}, {id: "
                           "\"bob\", mail: \"b@x\"}]) { affectedRows } }";

/* Gives the JSON of the context. */
static quire_status give_text(void *context, quire_resolver_call *call, quire_error *err)
{
    for (size_t i = 0; i < call->count; i++) {
        quire_status status = quire_resolver_give_json(call, i, context, strlen(context), err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* Gives the claims. */
static quire_status give_claims(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_value text = call->claims == NULL ? quire_text("the program")
                                            : quire_text_n(call->claims, call->claims_size);
    (void)context;
    for (size_t i = 0; i < call->count; i++) {
        quire_status status = quire_resolver_give(call, i, &text, err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

static quire_db *open_db(void)
{
    static char team[] = "{\"lead\":\"bob\",\"all\":[\"ann\",\"bob\"],\"some\":[\"bob\",\"ann\"]}";
    static char me[] = "\"ann\"";
    static char one[] = "1";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(schema, rows);
    cr_assert_eq(quire_resolver_function(db, "Query.team", give_text, team, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "Query.me", give_text, me, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "Query.open", give_text, one, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "Mutation.boost", give_text, one, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "User.hash", give_claims, NULL, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "User.domain", give_claims, NULL, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "User.secret", give_claims, NULL, &err), QUIRE_OK);
    return db;
}

Test(auth_resolver, keys__lead_to_no_hidden_row)
{
    quire_db *db = open_db();
    AUTH_IS(db, NULL, "{ team { lead { id } some { id } } }",
            "{\"data\":{\"team\":{\"lead\":{\"id\":\"bob\"},\"some\":[{\"id\":\"bob\"},"
            "{\"id\":\"ann\"}]}}}");
    AUTH_IS(db, ANN, "{ team { lead { id } some { id } } me { id } }",
            "{\"data\":{\"team\":{\"lead\":null,\"some\":[null,{\"id\":\"ann\"}]},"
            "\"me\":{\"id\":\"ann\"}}}");
    AUTH_HAS(db, ANN, "{ team { all { id } } }",
             "{\"data\":{\"team\":{\"all\":null}},\"errors\":[{\"message\":\"There is no row with "
             "the key: \\\"bob\\\"\"");
    AUTH_FAILS(db, NOBODY, "{ team { lead { id } } }", "UNAUTHENTICATED");
    mapping_close(db);
}

Test(auth_resolver, fields__are_for_those_whom_their_rules_name)
{
    quire_db *db = open_db();
    /* its own rule allows it, though it is made of what she may not read */
    AUTH_HAS(db, ANN, "{ me { hash } }", "sub");
    AUTH_FAILS(db, ANN, "{ me { domain } }", "FORBIDDEN");
    AUTH_FAILS(db, ANN, "{ me { secret } }", "FORBIDDEN");
    AUTH_HAS(db, EDITOR, "{ me { hash domain secret } }", "editor");
    AUTH_IS(db, NULL, "{ me { hash domain secret } }",
            "{\"data\":{\"me\":{\"hash\":\"the program\",\"domain\":\"the program\",\"secret\":"
            "\"the program\"}}}");
    AUTH_FAILS(db, NOBODY, "{ me { hash } }", "UNAUTHENTICATED");
    AUTH_IS(db, NOBODY, "{ open }", "{\"data\":{\"open\":1}}");
    AUTH_FAILS(db, ANN, "mutation { boost }", "FORBIDDEN");
    AUTH_IS(db, EDITOR, "mutation { boost }", "{\"data\":{\"boost\":1}}");
    mapping_close(db);
}

Test(auth_resolver, rules__say_nothing_of_operations)
{
    quire_db *db = mapping_open("type A { id: ID! }", NULL);
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(mapping_apply(db,
                               "type A { id: ID! } type Query { f: Int @resolver @auth(rules: "
                               "[{operations: [READ]}]) }",
                               &err),
                 QUIRE_SCHEMA);
    cr_assert_not_null(strstr(err.message, "says nothing of a field that the program gives"));
    mapping_close(db);
}

/* Gives whether the reference that is required leads to a row. */
static quire_status give_whether(void *context, quire_resolver_call *call, quire_error *err)
{
    (void)context;
    for (size_t i = 0; i < call->count; i++) {
        quire_value leads = quire_bool(call->values[i].type != QUIRE_NULL);
        quire_status status = quire_resolver_give(call, i, &leads, err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

Test(auth_resolver, required_reference__to_a_hidden_row_is_null)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(
        "type User @auth(rules: [{where: {id: {equals: {claim: \"sub\"}}}}]) { id: ID! }"
        "type Note { id: ID! owner: User"
        " owned: Boolean @resolver(requires: \"owner\")"
        " told: Boolean @resolver(requires: \"owner\") @auth(rules: [{}]) }",
        "mutation { createUsers(inputs: [{id: \"ann\"}, {id: \"bob\"}]) {"
        " affectedRows } createNotes(inputs: [{id: \"1\", ownerId: \"ann\"},"
        " {id: \"2\", ownerId: \"bob\"}, {id: \"3\"}]) { affectedRows } }");
    cr_assert_eq(quire_resolver_function(db, "Note.owned", give_whether, NULL, &err), QUIRE_OK);
    cr_assert_eq(quire_resolver_function(db, "Note.told", give_whether, NULL, &err), QUIRE_OK);
    AUTH_IS(db, ANN, "{ notes { items { owned } } }",
            "{\"data\":{\"notes\":{\"items\":[{\"owned\":true},{\"owned\":false},"
            "{\"owned\":false}]}}}");
    AUTH_IS(db, NOBODY, "{ notes(first: 1) { items { owned } } }",
            "{\"data\":{\"notes\":{\"items\":[{\"owned\":false}]}}}");
    /* its own rules say who gets it, whatever it is made of */
    AUTH_IS(db, ANN, "{ notes { items { told } } }",
            "{\"data\":{\"notes\":{\"items\":[{\"told\":true},{\"told\":true},"
            "{\"told\":false}]}}}");
    mapping_close(db);
}
