/*
 * Requests of callers: see auth_fixture.h.
 */
#include "auth_fixture.h"

#include <stdio.h>
#include <string.h>

const char auth_schema[] =
    "type User @auth(rules: [{allow: SIGNED_IN, operations: [READ]},"
    "  {where: {id: {equals: {claim: \"sub\"}}}}, {roles: [\"editor\"]}]) {\n"
    "  id: ID! name: String!\n"
    "  mail: String @unique @auth(rules: [{roles: [\"editor\"]}])\n"
    "  pay: Int @auth(rules: [{roles: [\"editor\"]}])\n"
    "  payClass: Int @computed(expr: \"pay / 10\")\n"
    "  notes: [Note!]! @relation(inverse: \"owner\")\n"
    "  boss: User @relation(inverse: \"staff\") staff: [User!]! @relation(inverse: \"boss\")\n"
    "}\n"
    "type Note @auth(rules: [{where: {ownerId: {equals: {claim: \"sub\"}}}},"
    "  {where: {shared: {equals: true}}, operations: [READ]}, {roles: [\"editor\"]}]) {\n"
    "  id: ID! text: String! stars: Int shared: Boolean! @default(value: false)\n"
    "  owner: User! @relation(onDelete: CASCADE)\n"
    "  replies: [Reply!]! @relation(inverse: \"note\")\n"
    "  tags: [Tag!]! @relation(inverse: \"notes\")\n"
    "}\n"
    "type Reply { id: ID! text: String! note: Note author: User }\n"
    "type Tag { id: ID! name: String! @unique notes: [Note!]! @relation(inverse: \"tags\") }\n"
    "type Secret @auth(rules: [{roles: [\"editor\"]}]) { id: ID! text: String! }\n";

const char auth_rows[] =
    "mutation { createUsers(inputs: ["
    "  {id: \"eve\", name: \"Eve\", mail: \"e@x\", pay: 90},"
    "  {id: \"ann\", name: \"Ann\", mail: \"a@x\", pay: 50, bossId: \"eve\"},"
    "  {id: \"bob\", name: \"Bob\", mail: \"b@x\", pay: 40, bossId: \"eve\"}]) { affectedRows }"
    " createTags(inputs: [{id: \"t1\", name: \"red\"}, {id: \"t2\", name: \"blue\"}])"
    "  { affectedRows }"
    " createNotes(inputs: ["
    "  {id: \"n1\", text: \"a one\", stars: 1, ownerId: \"ann\", tagsIds: [\"t1\"]},"
    "  {id: \"n2\", text: \"a two\", stars: 2, ownerId: \"ann\", shared: true},"
    "  {id: \"n3\", text: \"b three\", stars: 4, ownerId: \"bob\", tagsIds: [\"t1\", \"t2\"]},"
    "  {id: \"n4\", text: \"b four\", stars: 8, ownerId: \"bob\", shared: true}])"
    "  { affectedRows }"
    " createReplies(inputs: [{id: \"r1\", text: \"on n1\", noteId: \"n1\", authorId: \"bob\"},"
    "  {id: \"r2\", text: \"on n3\", noteId: \"n3\", authorId: \"ann\"},"
    "  {id: \"r3\", text: \"on none\"}]) { affectedRows }"
    " createSecret(input: {id: \"s1\", text: \"hidden\"}) { id } }";

char *auth_run(quire_db *db, const char *claims, const char *document, const char *variables,
               bool explain)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t size;
    request.document = document;
    request.variables = variables;
    request.claims = claims;
    request.explain = explain;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    return response;
}

void auth_is(quire_db *db, const char *claims, const char *document, const char *variables,
             const char *expected, int line)
{
    char *response = auth_run(db, claims, document, variables, false);
    cr_assert_str_eq(response, expected, "line %d: %s to %s\n got %s\nnot %s", line, document,
                     claims == NULL ? "the program" : claims, response, expected);
    quire_free(response);
}

void auth_has(quire_db *db, const char *claims, const char *document, const char *text, int line)
{
    char *response = auth_run(db, claims, document, NULL, false);
    cr_assert_not_null(strstr(response, text), "line %d: %s to %s\n got %s\nwithout %s", line,
                       document, claims == NULL ? "the program" : claims, response, text);
    quire_free(response);
}

void auth_fails(quire_db *db, const char *claims, const char *document, const char *code, int line)
{
    char *response = auth_run(db, claims, document, NULL, false);
    char text[64];
    (void)snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    cr_assert(strstr(response, text) != NULL && (strstr(response, "\"data\"") == NULL ||
                                                 strstr(response, "\"data\":null") != NULL),
              "line %d: %s to %s\n got %s\nwithout %s", line, document,
              claims == NULL ? "the program" : claims, response, text);
    quire_free(response);
}
