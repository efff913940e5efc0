/*
 * What rules let a caller write: every way in which rows are written.
 */
#include "auth_fixture.h"

#include <stdio.h>
#include <string.h>

/* Members see their team and its tasks; a manager of a team may do anything with it. */
static const char team_schema[] =
    "type Person @auth(rules: [{operations: [READ]}, {operations: [UPDATE],"
    "  where: {id: {equals: {claim: \"sub\"}}}}, {roles: [\"admin\"]}]) {\n"
    "  id: ID! name: String! rank: Int @auth(rules: [{operations: [READ]}, {roles: [\"admin\"]}])\n"
    "  teams: [Team!]! @relation(inverse: \"members\")\n"
    "  tasks: [Task!]! @relation(inverse: \"owner\")\n"
    "  desk: Desk @relation(inverse: \"person\")\n"
    "}\n"
    "type Team @auth(rules: [{operations: [READ],"
    "  where: {members: {some: {id: {equals: {claim: \"sub\"}}}}}},"
    "  {where: {managerId: {equals: {claim: \"sub\"}}}}, {roles: [\"admin\"]}]) {\n"
    "  id: ID! name: String! managerId: String\n"
    "  members: [Person!]! @relation(inverse: \"teams\")\n"
    "}\n"
    "type Task @auth(rules: [{where: {ownerId: {equals: {claim: \"sub\"}}}},"
    "  {operations: [READ, CREATE], where: {open: {equals: true}}}, {roles: [\"admin\"]}]) {\n"
    "  id: ID! code: Int @unique open: Boolean! @default(value: true)\n"
    "  done: Boolean @auth(rules: [{operations: [READ, UPDATE]}])\n"
    "  owner: Person steps: [Step!]! @relation(inverse: \"task\")\n"
    "}\n"
    "type Step @auth(rules: [{where: {task: {is: {ownerId: {equals: {claim: \"sub\"}}}}}}]) {\n"
    "  id: ID! text: String task: Task @relation(inverse: \"steps\", onDelete: CASCADE)\n"
    "}\n"
    "type Desk @auth(rules: [{operations: [READ]}, {operations: [CREATE, DELETE]}]) {\n"
    "  id: ID! place: String person: Person @unique\n"
    "}\n";

static const char team_rows[] =
    "mutation { createPeople(inputs: [{id: \"ann\", name: \"Ann\", rank: 1},"
    "  {id: \"bob\", name: \"Bob\", rank: 2}, {id: \"cid\", name: \"Cid\", rank: 3}])"
    "  { affectedRows }"
    " createTeams(inputs: [{id: \"x\", name: \"X\", managerId: \"ann\", membersIds: [\"ann\"]},"
    "  {id: \"y\", name: \"Y\", managerId: \"bob\", membersIds: [\"bob\", \"cid\"]}])"
    "  { affectedRows }"
    " createTasks(inputs: [{id: \"k1\", code: 1, ownerId: \"ann\"},"
    "  {id: \"k2\", code: 2, ownerId: \"bob\"},"
    "  {id: \"k3\", code: 3, ownerId: \"bob\", open: false}, {id: \"k4\", code: 4}])"
    "  { affectedRows }"
    " createSteps(inputs: [{id: \"s1\", taskId: \"k1\"}, {id: \"s2\", taskId: \"k2\"}])"
    "  { affectedRows } }";

#define CID   "{\"sub\":\"cid\"}"
#define ADMIN "{\"sub\":\"root\",\"roles\":[\"admin\",\"user\"]}"

static quire_db *open_db(void)
{
    return mapping_open(team_schema, team_rows);
}

/* What the program sees of all tables. */
static char *look(quire_db *db)
{
    return auth_run(db, NULL,
                    "{ people { items { id name rank teams { items { id } } desk { id } } } "
                    "teams { items { id name managerId } } "
                    "tasks { items { id code open done ownerId } } "
                    "steps { items { id text taskId } } desks { items { id personId } } }",
                    NULL, false);
}

/* Asserts that mutations fail with a code and leave nothing behind. */
static void refuse(quire_db *db, const char *claims, const char *const *documents, size_t count,
                   const char *code)
{
    char *before = look(db);
    for (size_t i = 0; i < count; i++) {
        auth_fails(db, claims, documents[i], code, (int)i);
        char *after = look(db);
        cr_assert_str_eq(after, before, "%s", documents[i]);
        quire_free(after);
    }
    quire_free(before);
}

#define REFUSE(db, claims, code, ...)                                                              \
    do {                                                                                           \
        static const char *const documents[] = {__VA_ARGS__};                                      \
        refuse(db, claims, documents, sizeof documents / sizeof documents[0], code);               \
    } while (0)

Test(auth_write, create__leaves_a_row_that_rules_select)
{
    quire_db *db = open_db();
    AUTH_IS(db, ANN,
            "mutation { createTask(input: {id: \"n\", ownerId: \"ann\", open: false}) { id } }",
            "{\"data\":{\"createTask\":{\"id\":\"n\"}}}");
    AUTH_IS(db, ANN, "mutation { createTask(input: {id: \"o\", ownerId: \"bob\"}) { id open } }",
            "{\"data\":{\"createTask\":{\"id\":\"o\",\"open\":true}}}");
    REFUSE(db, ANN, "FORBIDDEN",
           "mutation { createTask(input: {ownerId: \"bob\", open: false}) { id } }",
           "mutation { createTask(input: {open: false}) { id } }",
           "mutation { createTasks(inputs: [{ownerId: \"ann\"}, {open: false}]) { affectedRows } }",
           "mutation { createTask(input: {ownerId: \"ann\", done: true}) { id } }",
           "mutation { createPerson(input: {name: \"Di\"}) { id } }",
           "mutation { createPeople(inputs: []) { affectedRows } }",
           "mutation { createTask(input: {owner: {create: {name: \"Di\"}}}) { id } }",
           "mutation { createStep(input: {taskId: \"k2\"}) { id } }");
    REFUSE(db, NOBODY, "UNAUTHENTICATED", "mutation { createTask(input: {code: 9}) { id } }");
    AUTH_HAS(db, ADMIN, "mutation { createPerson(input: {id: \"di\", name: \"Di\"}) { id } }",
             "{\"data\":");
    mapping_close(db);
}

Test(auth_write, create__sees_its_nested_writes)
{
    quire_db *db = open_db();
    AUTH_HAS(db, ANN,
             "mutation { createTask(input: {id: \"n\", ownerId: \"ann\","
             " steps: {create: [{id: \"s\"}]}}) { steps { totalCount } } }",
             "\"totalCount\":1");
    AUTH_HAS(
        db, ANN,
        "mutation { createStep(input: {id: \"t\", task: {create: {ownerId: \"ann\"}}}) { id } }",
        "{\"data\":");
    REFUSE(db, ANN, "FORBIDDEN",
           "mutation { createTask(input: {ownerId: \"bob\", steps: {create: [{id: \"q\"}]}}) { id "
           "} }");
    mapping_close(db);
}

Test(auth_write, update__takes_rows_that_rules_select_before_and_behind_it)
{
    quire_db *db = open_db();
    AUTH_HAS(db, ANN, "mutation { updateTask(id: \"k1\", input: {open: false}) { open } }",
             "{\"data\":");
    REFUSE(db, ANN, "FORBIDDEN",
           "mutation { updateTask(id: \"k2\", input: {open: false}) { id } }",      /* seen only */
           "mutation { updateTask(id: \"k1\", input: {ownerId: \"bob\"}) { id } }", /* given away */
           "mutation { updateTask(id: \"k2\", input: {ownerId: \"ann\"}) { id } }",
           "mutation { updateTask(id: \"k4\", apply: {code: {increment: 1}}) { id } }",
           "mutation { updatePerson(id: \"ann\", input: {rank: 9}) { id } }",
           "mutation { updatePerson(id: \"ann\", apply: {rank: {increment: 9}}) { id } }",
           "mutation { updatePerson(id: \"bob\", input: {name: \"B\"}) { id } }",
           "mutation { updateDesk(id: \"d\", input: {place: \"x\"}) { id } }");
    REFUSE(db, ANN, "NOT_FOUND", "mutation { updateTask(id: \"k3\", input: {open: true}) { id } }",
           "mutation { updateTask(id: \"none\", input: {open: true}) { id } }");
    mapping_close(db);
}

/* Puts `to` for each `from` of a text. */
static void replace(const char *text, const char *from, const char *to, char out[1024])
{
    size_t size = 0;
    while (*text != '\0' && size < 1000) {
        bool hit = strncmp(text, from, strlen(from)) == 0;
        size += (size_t)snprintf(out + size, 1024 - size, "%.*s", hit ? 24 : 1, hit ? to : text);
        text += hit ? strlen(from) : 1;
    }
    out[size] = '\0';
}

/* The response to a document in which @ stands for an id, and for which it stands there too. */
static void answer(quire_db *db, const char *form, const char *id, char out[1024])
{
    char document[1024];
    replace(form, "@", id, document);
    char *response = auth_run(db, ANN, document, NULL, false);
    replace(response, id, "@", out);
    quire_free(response);
}

Test(auth_write, hidden_row__is_told_like_one_that_is_not_there)
{
    quire_db *db = open_db();
    static const char *const forms[] = {
        "{ task(id: \"@\") { id } tasks(where: {id: {equals: \"@\"}}) { totalCount } }",
        "mutation { updateTask(id: \"@\", input: {open: true}) { id } }",
        "mutation { updateTask(id: \"@\", ifMatch: \"x\", input: {open: true}) { id } }",
        "mutation { deleteTask(id: \"@\") { id } }",
        "mutation { createStep(input: {taskId: \"@\"}) { id } }",
        "mutation { createStep(input: {task: {connect: {id: \"@\"}}}) { id } }",
        "mutation { updatePerson(id: \"ann\", input: {tasks: {connect: [{id: \"@\"}]}}) { id } }",
        "mutation { updatePerson(id: \"ann\", input: {tasks: {set: [{id: \"@\"}]}}) { id } }",
        "mutation { updatePerson(id: \"ann\", input: {tasks: {delete: [{id: \"@\"}]}}) { id } }",
        "mutation { deleteTasks(where: {id: {equals: \"@\"}}) { affectedRows } }",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char hidden[1024];
        char none[1024];
        answer(db, forms[i], "k3", hidden);
        answer(db, forms[i], "k9", none);
        cr_assert_str_eq(hidden, none, "%s", forms[i]);
    }
    mapping_close(db);
}

Test(auth_write, bulk__writes_the_rows_that_rules_select)
{
    quire_db *db = open_db();
    AUTH_IS(db, BOB,
            "mutation { updateTasks(where: {code: {gte: 1}}, input: {done: true}) "
            "{ affectedRows returning { id } } }",
            "{\"data\":{\"updateTasks\":{\"affectedRows\":2,"
            "\"returning\":[{\"id\":\"k2\"},{\"id\":\"k3\"}]}}}");
    AUTH_IS(db, NULL, "{ tasks(where: {done: {equals: true}}) { items { id } } }",
            "{\"data\":{\"tasks\":{\"items\":[{\"id\":\"k2\"},{\"id\":\"k3\"}]}}}");
    REFUSE(db, BOB, "BAD_INPUT", "mutation { updateTasks(input: {done: true}) { affectedRows } }",
           "mutation { deleteTasks(where: {}) { affectedRows } }");
    REFUSE(db, BOB, "FORBIDDEN",
           "mutation { updateTasks(allRows: true, input: {ownerId: \"ann\"}) { affectedRows } }");
    AUTH_IS(db, ANN, "mutation { deleteTasks(allRows: true) { affectedRows returning { id } } }",
            "{\"data\":{\"deleteTasks\":{\"affectedRows\":1,\"returning\":[{\"id\":\"k1\"}]}}}");
    AUTH_IS(db, NULL, "{ tasks { totalCount } steps { totalCount } }",
            "{\"data\":{\"tasks\":{\"totalCount\":3},\"steps\":{\"totalCount\":1}}}");
    mapping_close(db);
}

Test(auth_write, delete__takes_rows_that_rules_select)
{
    quire_db *db = open_db();
    REFUSE(db, ANN, "FORBIDDEN", "mutation { deleteTask(id: \"k2\") { id } }",
           "mutation { deletePerson(id: \"ann\") { id } }",
           "mutation { deletePeople(where: {id: {equals: \"ann\"}}) { affectedRows } }");
    REFUSE(db, ANN, "NOT_FOUND", "mutation { deleteTask(id: \"k3\") { id } }");
    /* A cascade is the database's own. */
    AUTH_HAS(db, ANN, "mutation { deleteTask(id: \"k1\") { id } }", "{\"data\":");
    AUTH_IS(db, NULL, "{ steps { items { id } } }",
            "{\"data\":{\"steps\":{\"items\":[{\"id\":\"s2\"}]}}}");
    mapping_close(db);
}

Test(auth_write, upsert__needs_both_and_does_one)
{
    quire_db *db = open_db();
    AUTH_HAS(db, ANN,
             "mutation { upsertTask(where: {id: \"k1\"}, create: {open: true},"
             " update: {done: true}) { done } }",
             "\"done\":true");
    AUTH_HAS(db, ANN,
             "mutation { upsertTask(where: {id: \"new\"}, create: {id: \"new\"},"
             " update: {done: true}) { id } }",
             "\"new\"");
    REFUSE(
        db, ANN, "FORBIDDEN",
        "mutation { upsertTask(where: {id: \"k2\"}, create: {open: true}, update: {done: true})"
        " { id } }",
        "mutation { upsertTask(where: {id: \"z\"}, create: {open: false}, update: {done: true})"
        " { id } }",
        "mutation { upsertDesk(where: {id: \"z\"}, create: {place: \"x\"}, update: {place: \"y\"})"
        " { id } }");
    /* A row that is hidden is not found; that its key is taken cannot be hidden. */
    REFUSE(db, ANN, "UNIQUE",
           "mutation { upsertTask(where: {id: \"k3\"}, create: {id: \"k3\"}, update: {done: true})"
           " { id } }");
    mapping_close(db);
}

Test(auth_write, nested__writes_are_held_to_the_rules_of_their_rows)
{
    quire_db *db = open_db();
    /* Steps of the caller's task. */
    AUTH_HAS(db, ANN,
             "mutation { updateTask(id: \"k1\", input: {steps: {create: [{id: \"s3\"}],"
             " update: [{where: {id: \"s1\"}, input: {text: \"t\"}}]}}) { id } }",
             "{\"data\":");
    REFUSE(db, ANN, "NOT_FOUND",
           "mutation { updateTask(id: \"k1\", input: {steps: {connect: [{id: \"s2\"}]}}) { id } }",
           "mutation { updateTask(id: \"k1\", input: {steps: {set: [{id: \"s2\"}]}}) { id } }",
           "mutation { updateTask(id: \"k1\", input: {steps: {delete: [{id: \"s2\"}]}}) { id } }",
           "mutation { createStep(input: {task: {connect: {id: \"k3\"}}}) { id } }");
    REFUSE(db, ANN, "NOT_FOUND",
           "mutation { updatePerson(id: \"ann\", input: {tasks: {update: [{where: {id: \"k3\"},"
           " input: {open: true}}]}}) { id } }");
    REFUSE(db, ANN, "FOREIGN_KEY", "mutation { createStep(input: {taskId: \"k3\"}) { id } }");
    REFUSE(
        db, ANN, "FORBIDDEN",
        /* rows that are seen, but not the caller's to change */
        "mutation { updatePerson(id: \"ann\", input: {tasks: {connect: [{id: \"k2\"}]}}) { id } }",
        "mutation { updatePerson(id: \"ann\", input: {tasks: {connect: [{id: \"k4\"}]}}) { id } }",
        "mutation { updatePerson(id: \"ann\", input: {tasks: {create: [{done: true}]}}) { id } }",
        "mutation { updateTask(id: \"k1\", input: {owner: {update: {input: {rank: 2}}}}) { id } }",
        "mutation { updateTask(id: \"k1\", input: {owner: {delete: true}}) { id } }",
        "mutation { updateTask(id: \"k1\", input: {owner: {disconnect: true}}) { id } }",
        "mutation { updateTask(id: \"k1\", input: {owner: {create: {name: \"Di\"}}}) { id } }");
    mapping_close(db);
}

Test(auth_write, links__belong_to_the_rows_at_both_ends)
{
    quire_db *db = open_db();
    REFUSE(
        db, CID, "FORBIDDEN",
        "mutation { updatePerson(id: \"cid\", input: {teams: {disconnect: [{id: \"y\"}]}}) { id } "
        "}",
        "mutation { updatePerson(id: \"cid\", input: {teamsIds: []}) { id } }",
        "mutation { updatePerson(id: \"cid\", input: {teams: {set: []}}) { id } }",
        "mutation { updatePerson(id: \"cid\", input: {teams: {create: [{name: \"Z\"}]}}) { id } }");
    REFUSE(
        db, CID, "NOT_FOUND",
        "mutation { updatePerson(id: \"cid\", input: {teams: {connect: [{id: \"x\"}]}}) { id } }");
    REFUSE(db, ANN, "FOREIGN_KEY",
           "mutation { updatePerson(id: \"ann\", input: {teamsIds: [\"x\", \"y\"]}) { id } }");
    /* A manager adds nobody but herself: others are theirs to change. */
    REFUSE(
        db, ANN, "FORBIDDEN",
        "mutation { updateTeam(id: \"x\", input: {members: {connect: [{id: \"bob\"}]}}) { id } }");
    AUTH_HAS(db, ANN,
             "mutation { updateTeam(id: \"x\", input: {members: {disconnect: [{id: \"ann\"}]}})"
             " { members { totalCount } } }",
             "\"totalCount\":0");
    AUTH_HAS(db, ADMIN,
             "mutation { updateTeam(id: \"x\", input: {membersIds: [\"bob\", \"cid\"]})"
             " { members { totalCount } } }",
             "\"totalCount\":2");
    mapping_close(db);
}

Test(auth_write, set__leaves_what_the_caller_does_not_see)
{
    static const char schema[] =
        "type Box { id: ID! balls: [Ball!]! @relation(inverse: \"box\")"
        " marks: [Mark!]! @relation(inverse: \"boxes\") }\n"
        "type Ball @auth(rules: [{where: {color: {equals: {claim: \"color\"}}}}]) {"
        " id: ID! color: String box: Box @relation(inverse: \"balls\") }\n"
        "type Mark @auth(rules: [{where: {color: {equals: {claim: \"color\"}}}}]) {"
        " id: ID! color: String boxes: [Box!]! @relation(inverse: \"marks\") }\n";
    quire_db *db = mapping_open(
        schema, "mutation { createBox(input: {id: \"b\","
                " balls: {create: [{id: \"r\", color: \"red\"}, {id: \"g\", color: \"green\"}]},"
                " marks: {create: [{id: \"r\", color: \"red\"}, {id: \"g\", color: \"green\"}]}})"
                " { id } }");
    AUTH_HAS(
        db, "{\"color\":\"red\"}",
        "mutation { updateBox(id: \"b\", input: {balls: {set: []}, marks: {set: []}}) { id } }",
        "{\"data\":");
    AUTH_IS(db, NULL, "{ box(id: \"b\") { balls { items { id } } marks { items { id } } } }",
            "{\"data\":{\"box\":{\"balls\":{\"items\":[{\"id\":\"g\"}]},"
            "\"marks\":{\"items\":[{\"id\":\"g\"}]}}}}");
    mapping_close(db);
}

Test(auth_write, single__row_at_the_other_end_is_held_to_its_rules)
{
    quire_db *db = open_db();
    AUTH_HAS(db, ANN,
             "mutation { updatePerson(id: \"ann\", input: {desk: {create: {id: \"d\"}}}) { id } }",
             "{\"data\":");
    REFUSE(db, ANN, "FORBIDDEN",
           "mutation { updatePerson(id: \"ann\", input: {desk: {update: {input: {place: \"x\"}}}})"
           " { id } }",
           "mutation { updatePerson(id: \"ann\", input: {desk: {disconnect: true}}) { id } }",
           "mutation { updatePerson(id: \"ann\", input: {desk: {create: {id: \"e\"}}}) { id } }");
    AUTH_HAS(db, ANN,
             "mutation { updatePerson(id: \"ann\", input: {desk: {delete: true}}) { id } }",
             "{\"data\":");
    mapping_close(db);
}

Test(auth_write, row__that_cannot_be_read_back_is_not_written_through_a_field_that_gives_it)
{
    quire_db *db = mapping_open("type Vote @auth(rules: [{allow: PUBLIC, operations: [CREATE]},"
                                " {roles: [\"clerk\"]}]) { id: ID! choice: Int }",
                                NULL);
    REFUSE(db, NULL, "NOT_FOUND", "mutation { x: deleteVote(id: \"none\") { id } }");
    AUTH_FAILS(db, ANN, "mutation { createVote(input: {choice: 1}) { choice } }", "FORBIDDEN");
    AUTH_FAILS(db, NOBODY, "mutation { createVotes(inputs: [{choice: 1}]) { returning { id } } }",
               "UNAUTHENTICATED");
    AUTH_IS(db, NOBODY, "mutation { createVotes(inputs: [{choice: 1}, {}]) { affectedRows } }",
            "{\"data\":{\"createVotes\":{\"affectedRows\":2}}}");
    AUTH_FAILS(db, ANN, "{ votes { totalCount } }", "FORBIDDEN");
    AUTH_IS(db, "{\"role\":\"clerk\"}", "{ votes { totalCount } }",
            "{\"data\":{\"votes\":{\"totalCount\":2}}}");
    mapping_close(db);
}

Test(auth_write, unique_value__is_told_to_whom_may_write_the_row)
{
    quire_db *db =
        mapping_open("type Page @unique(fields: [\"owner\", \"slug\"])"
                     " @auth(rules: [{where: {owner: {equals: {claim: \"sub\"}}}}]) {"
                     " id: ID! owner: String slug: String }",
                     "mutation { createPages(inputs: [{id: \"b\", owner: \"bob\", slug: \"x\"},"
                     " {id: \"a\", owner: \"ann\", slug: \"y\"}, {owner: \"ann\", slug: \"z\"}])"
                     " { affectedRows } }");
    static const char *const documents[] = {
        "mutation { createPage(input: {owner: \"bob\", slug: \"x\"}) { id } }",
        "mutation { createPage(input: {owner: \"bob\", slug: \"free\"}) { id } }",
        "mutation { updatePage(id: \"a\", input: {owner: \"bob\", slug: \"x\"}) { id } }",
        "mutation { updatePage(id: \"a\", input: {owner: \"bob\", slug: \"free\"}) { id } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_FAILS(db, ANN, documents[i], "FORBIDDEN");
    }
    AUTH_FAILS(db, ANN, "mutation { createPage(input: {owner: \"ann\", slug: \"y\"}) { id } }",
               "UNIQUE");
    AUTH_FAILS(db, ANN, "mutation { updatePage(id: \"a\", input: {slug: \"z\"}) { id } }",
               "UNIQUE");
    mapping_close(db);
}

/* Parts are seen and changed by all, but those of another color; only their mechanic moves or
 * scraps them. */
static const char car_schema[] =
    "type Car { id: ID! parts: [Part!]! @relation(inverse: \"car\")"
    " plate: Plate @relation(inverse: \"car\") spare: Part @relation(inverse: \"spareOf\")"
    " marks: [Mark!]! @relation(inverse: \"cars\") }\n"
    "type Part @auth(rules: [{operations: [READ, CREATE, UPDATE],"
    " where: {color: {not: \"red\"}}}, {roles: [\"mechanic\"]}]) {"
    " id: ID! color: String! size: Int spareOf: [Car!]!"
    " car: Car @auth(rules: [{operations: [READ]}, {roles: [\"mechanic\"]}]) }\n"
    "type Plate @auth(rules: [{operations: [READ, UPDATE], where: {text: {not: \"red\"}}},"
    " {roles: [\"mechanic\"]}]) { id: ID! text: String! car: Car @unique }\n"
    "type Mark { id: ID! cars: [Car!]! @relation(inverse: \"marks\")"
    " @auth(rules: [{operations: [READ]}, {roles: [\"mechanic\"]}]) }\n";

static const char car_rows[] =
    "mutation { createCars(inputs: [{id: \"a\", parts: {create: [{id: \"g\", color: \"green\"},"
    " {id: \"r\", color: \"red\"}]}, plate: {create: {id: \"p\", text: \"P\"}},"
    " spare: {create: {id: \"s\", color: \"blue\"}}},"
    " {id: \"b\", plate: {create: {id: \"q\", text: \"red\"}}, spare: {connect: {id: \"r\"}}},"
    " {id: \"c\"}]) { affectedRows }"
    " createMark(input: {id: \"m\"}) { id } }";

#define MECHANIC "{\"role\":\"mechanic\"}"

#define CAR(id, input) "mutation { updateCar(id: \"" id "\", input: {" input "}) { id } }"

Test(auth_write, other_side__of_a_relation_has_a_say)
{
    quire_db *db = mapping_open(car_schema, car_rows);
    static const char *const documents[] = {
        CAR("c", "parts: {connect: [{id: \"g\"}]}"),
        CAR("a", "parts: {disconnect: [{id: \"g\"}]}"),
        CAR("c", "parts: {create: [{color: \"green\"}]}"),
        CAR("c", "marks: {connect: [{id: \"m\"}]}"),
        CAR("c", "marks: {create: [{id: \"n\"}]}"),
        CAR("c", "marks: {connectOrCreate: [{where: {id: \"o\"}, create: {id: \"o\"}}]}"),
        CAR("c", "marks: {upsert: [{where: {id: \"p\"}, create: {id: \"p\"}, update: {}}]}"),
        CAR("c", "marksIds: [\"m\"]"),
        "mutation { updatePart(id: \"g\", input: {carId: \"c\"}) { id } }",
        "mutation { createPart(input: {color: \"green\", carId: \"c\"}) { id } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_FAILS(db, ANN, documents[i], "FORBIDDEN");
    }
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_HAS(db, MECHANIC, documents[i], "{\"data\":");
    }
    mapping_close(db);
}

/* Whoever may change what a relation leads to, and not read it. */
static const char blind_schema[] =
    "type Car { id: ID!"
    " parts: [Part!]! @relation(inverse: \"car\")"
    "   @auth(rules: [{operations: [CREATE, UPDATE]}, {roles: [\"mechanic\"]}])"
    " plate: Plate @relation(inverse: \"car\")"
    "   @auth(rules: [{operations: [CREATE, UPDATE]}, {roles: [\"mechanic\"]}])"
    " spare: Part @relation(inverse: \"spareOf\")"
    "   @auth(rules: [{operations: [CREATE, UPDATE]}, {roles: [\"mechanic\"]}])"
    " marks: [Mark!]! @relation(inverse: \"cars\")"
    "   @auth(rules: [{operations: [CREATE, UPDATE]}, {roles: [\"mechanic\"]}]) }\n"
    "type Part @auth(rules: [{operations: [READ, CREATE, DELETE]}, {operations: [UPDATE],"
    " where: {color: {not: \"red\"}}}, {roles: [\"mechanic\"]}])"
    " { id: ID! color: String spareOf: [Car!]! @relation(inverse: \"spare\") car: Car }\n"
    "type Plate { id: ID! text: String car: Car @unique }\n"
    "type Mark @auth(rules: [{operations: [READ, CREATE, DELETE]}, {operations: [UPDATE],"
    " where: {color: {not: \"red\"}}}, {roles: [\"mechanic\"]}])"
    " { id: ID! color: String cars: [Car!]! @relation(inverse: \"marks\") }\n";

static const char blind_rows[] =
    "mutation { createCars(inputs: [{id: \"a\", parts: {create: [{id: \"g\", color: \"green\"},"
    " {id: \"r\", color: \"red\"}]}, plate: {create: {id: \"p\"}}, spare: {create: {id: \"s\"}},"
    " marks: {create: [{id: \"m\", color: \"green\"}, {id: \"n\", color: \"red\"}]}},"
    " {id: \"b\"}]) { affectedRows } }";

Test(auth_write, relation_that_is_not_read__does_not_tell_what_it_leads_to)
{
    quire_db *db = mapping_open(blind_schema, blind_rows);
    static const char *const verbs[] = {
        "parts: {update: [{where: {id: \"g\"}, input: {color: \"blue\"}}]}",
        "parts: {upsert: [{where: {id: \"g\"}, create: {id: \"z\"}, update: {color: \"blue\"}}]}",
        "parts: {delete: [{id: \"g\"}]}",
        "parts: {disconnect: [{id: \"r\"}]}",
        "parts: {set: []}",
        "parts: {updateMany: [{where: {id: {equals: \"r\"}}, input: {color: \"blue\"}}]}",
        "parts: {deleteMany: [{allRows: true}]}",
        "parts: {connect: [{id: \"r\"}]}",
        "plate: {update: {input: {text: \"x\"}}}",
        "plate: {upsert: {create: {id: \"z\"}, update: {text: \"x\"}}}",
        "plate: {delete: true}",
        "plate: {disconnect: true}",
        "spare: {update: {input: {color: \"x\"}}}",
        "spare: {upsert: {create: {id: \"z\"}, update: {color: \"x\"}}}",
        "spare: {delete: true}",
        "marks: {update: [{where: {id: \"m\"}, input: {color: \"blue\"}}]}",
        "marks: {disconnect: [{id: \"n\"}]}",
        "marks: {connect: [{id: \"n\"}]}",
        "marks: {connectOrCreate: [{where: {id: \"n\"}, create: {id: \"z\"}}]}",
        "marksIds: []",
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        char connected[256];
        char apart[256];
        (void)snprintf(connected, sizeof connected, CAR("a", "%s"), verbs[i]);
        (void)snprintf(apart, sizeof apart, CAR("b", "%s"), verbs[i]);
        AUTH_FAILS(db, ANN, connected, "FORBIDDEN");
        AUTH_FAILS(db, ANN, apart, "FORBIDDEN");
    }
    mapping_close(db);
}

Test(auth_write, relation_that_is_not_read__is_written_where_that_tells_nothing)
{
    quire_db *db = mapping_open(blind_schema, blind_rows);
    static const char *const documents[] = {
        CAR("a", "parts: {create: [{color: \"red\"}], connect: [{id: \"g\"}]}"),
        CAR("b", "parts: {connect: [{id: \"g\"}]}"),
        CAR("a", "marks: {connect: [{id: \"m\"}]}"),
        CAR("b", "marks: {connectOrCreate: [{where: {id: \"o\"}, create: {id: \"o\"}}]}"),
        CAR("a", "spare: {connect: {id: \"g\"}}"),
        CAR("a", "spare: {disconnect: true}"),
        CAR("b", "spare: {disconnect: true}"),
        "mutation { createCar(input: {id: \"c\", plate: {create: {id: \"z\"}}}) { id } }",
        "mutation { createCar(input: {spare: {create: {id: \"i\"}}}) { id } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_HAS(db, ANN, documents[i], "{\"data\":{");
    }
    AUTH_HAS(db, MECHANIC, CAR("a", "marks: {disconnect: [{id: \"n\"}]}"), "{\"data\":{");
    mapping_close(db);
}

Test(auth_write, key__that_is_denied_finds_no_row)
{
    quire_db *db = mapping_open(auth_schema, auth_rows);
    static const char *const documents[] = {
        "mutation { upsertUser(where: {mail: \"@\"}, create: {id: \"z\", name: \"Z\"},"
        " update: {name: \"Z\"}) { id } }",
        "mutation { updateUser(mail: \"@\", input: {name: \"Z\"}) { id } }",
        "mutation { deleteUser(mail: \"@\") { id } }",
        "mutation { createReply(input: {text: \"x\", author: {connect: {mail: \"@\"}}}) { id } }",
        "mutation { updateUser(id: \"ann\", input: {boss: {connect: {mail: \"@\"}}}) { id } }",
        "mutation { updateUser(id: \"ann\", input: {staff: {disconnect: [{mail: \"@\"}]}}) { id } "
        "}",
        "mutation { updateUsers(where: {mail: {equals: \"@\"}}, input: {name: \"Z\"})"
        " { affectedRows } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char taken[1024];
        char none[1024];
        replace(documents[i], "@", "b@x", taken);
        replace(documents[i], "@", "z@x", none);
        AUTH_FAILS(db, ANN, taken, "FORBIDDEN");
        AUTH_FAILS(db, ANN, none, "FORBIDDEN");
    }
    mapping_close(db);
}

Test(auth_write, nested_delete__takes_rows_that_rules_select)
{
    quire_db *db = mapping_open(car_schema, car_rows);
    static const char *const documents[] = {
        CAR("a", "parts: {delete: [{id: \"g\"}]}"),
        CAR("a", "plate: {delete: true}"),
        CAR("a", "spare: {delete: true}"),
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_FAILS(db, ANN, documents[i], "FORBIDDEN");
        AUTH_HAS(db, MECHANIC, documents[i], "{\"data\":");
    }
    mapping_close(db);
}

Test(auth_write, hidden_row_at_the_other_end__is_not_connected)
{
    quire_db *db = mapping_open(car_schema, car_rows);
    static const char *const verbs[] = {
        "plate: {update: {input: {text: \"x\"}}}", "plate: {delete: true}",
        "spare: {update: {input: {size: 1}}}", "spare: {delete: true}"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        char hidden[256];
        char none[256];
        (void)snprintf(hidden, sizeof hidden, CAR("b", "%s"), verbs[i]);
        (void)snprintf(none, sizeof none, CAR("c", "%s"), verbs[i]);
        char *a = auth_run(db, ANN, hidden, NULL, false);
        char *b = auth_run(db, ANN, none, NULL, false);
        cr_assert_str_eq(a, b, "%s", verbs[i]);
        cr_assert_not_null(strstr(a, "\"NOT_FOUND\""), "%s", a);
        quire_free(a);
        quire_free(b);
    }
    mapping_close(db);
}

Test(auth_write, results__show_rows_that_can_be_read)
{
    quire_db *db =
        mapping_open("type Letter @auth(rules: [{allow: PUBLIC, operations: [CREATE, UPDATE]},"
                     " {operations: [READ], where: {from: {equals: {claim: \"sub\"}}}}]) {"
                     " id: ID! from: String text: String }",
                     NULL);
    AUTH_HAS(db, ANN, "mutation { createLetter(input: {id: \"1\", from: \"ann\"}) { from } }",
             "\"from\":\"ann\"");
    AUTH_FAILS(db, ANN, "mutation { createLetter(input: {from: \"bob\", text: \"x\"}) { text } }",
               "FORBIDDEN");
    AUTH_FAILS(db, ANN, "mutation { updateLetter(id: \"1\", input: {from: \"bob\"}) { text } }",
               "FORBIDDEN");
    AUTH_IS(db, ANN,
            "mutation { createLetters(inputs: [{id: \"2\", from: \"bob\"},"
            " {id: \"3\", from: \"ann\"}]) { affectedRows returning { id } } }",
            "{\"data\":{\"createLetters\":{\"affectedRows\":2,\"returning\":[{\"id\":\"3\"}]}}}");
    AUTH_IS(db, ANN,
            "mutation { updateLetters(allRows: true, input: {from: \"bob\"})"
            " { affectedRows returning { id } } }",
            "{\"data\":{\"updateLetters\":{\"affectedRows\":2,\"returning\":[]}}}");
    mapping_close(db);
}

Test(auth_write, version__tells_nothing_of_what_is_denied)
{
    quire_db *db = mapping_open(auth_schema, auth_rows);
    static const char document[] =
        "{ user(id: \"bob\") { _version } reply(id: \"r2\") { _version } }";
    char *before = auth_run(db, ANN, document, NULL, false);
    AUTH_HAS(db, NULL,
             "mutation { updateUser(id: \"bob\", input: {pay: 41}) { id }"
             " updateReply(id: \"r2\", input: {noteId: null}) { id } }",
             "{\"data\":");
    char *after = auth_run(db, ANN, document, NULL, false);
    cr_assert_str_eq(after, before); /* n3, where the reply led to, is hidden */
    quire_free(after);
    AUTH_HAS(db, NULL, "mutation { updateReply(id: \"r2\", input: {noteId: \"n1\"}) { id } }",
             "{\"data\":");
    after = auth_run(db, ANN, document, NULL, false);
    cr_assert_str_neq(after, before);
    quire_free(after);
    quire_free(before);
    mapping_close(db);
}

Test(auth_write, triggers__run_as_the_program)
{
    quire_db *db =
        mapping_open("type Doc @trigger(on: [CREATE], mutation:"
                     " \"mutation ($new_id: ID!) { createLog(input: {doc: $new_id}) { id } }\") {"
                     " id: ID! text: String }\n"
                     "type Log @auth(rules: [{roles: [\"admin\"]}]) { id: ID! doc: ID }",
                     NULL);
    AUTH_HAS(db, ANN, "mutation { createDoc(input: {id: \"d\"}) { id } }", "{\"data\":");
    AUTH_FAILS(db, ANN, "mutation { createLog(input: {doc: \"d\"}) { id } }", "FORBIDDEN");
    AUTH_IS(db, ADMIN, "{ logs { items { doc } } }",
            "{\"data\":{\"logs\":{\"items\":[{\"doc\":\"d\"}]}}}");
    mapping_close(db);
}

Test(auth_write, rule_that_counts__is_judged_while_rows_are_written)
{
    quire_db *db =
        mapping_open("type User @auth(rules: [{where: {notes: {count: {lt: 3}}}}]) { id: ID!"
                     " name: String notes: [Note!]! @relation(inverse: \"owner\") }"
                     "type Note { id: ID! owner: User }",
                     "mutation { createUsers(inputs: [{id: \"a\", notes: {create: [{id: \"1\"},"
                     " {id: \"2\"}]}}, {id: \"b\", notes: {create: [{id: \"3\"}, {id: \"4\"},"
                     " {id: \"5\"}]}}, {id: \"c\"}]) { affectedRows } }");
    AUTH_IS(db, ANN, "{ notes { items { id ownerId } } users { items { id } } }",
            "{\"data\":{\"notes\":{\"items\":[{\"id\":\"1\",\"ownerId\":\"a\"},{\"id\":\"2\","
            "\"ownerId\":\"a\"},{\"id\":\"3\",\"ownerId\":null},{\"id\":\"4\",\"ownerId\":null},"
            "{\"id\":\"5\",\"ownerId\":null}]},\"users\":{\"items\":[{\"id\":\"a\"},"
            "{\"id\":\"c\"}]}}}");
    AUTH_FAILS(db, ANN, "mutation { updateUser(id: \"a\", input: {notes: {create: [{}]}}) { id } }",
               "FORBIDDEN");
    AUTH_FAILS(db, ANN, "mutation { updateUser(id: \"b\", input: {name: \"B\"}) { id } }",
               "NOT_FOUND");
    AUTH_FAILS(db, ANN,
               "mutation { createNotes(inputs: [{ownerId: \"a\"}, {ownerId: \"a\"}])"
               " { affectedRows } }",
               "FOREIGN_KEY");
    AUTH_IS(db, ANN,
            "mutation { updateUsers(allRows: true, input: {notes: {create: [{}], deleteMany:"
            " [{where: {id: {in: [\"1\", \"2\"]}}}]}}) { affectedRows returning { id } } }",
            "{\"data\":{\"updateUsers\":{\"affectedRows\":2,\"returning\":[{\"id\":\"a\"},"
            "{\"id\":\"c\"}]}}}");
    AUTH_IS(db, NULL, "{ users { items { notes { totalCount } } } }",
            "{\"data\":{\"users\":{\"items\":[{\"notes\":{\"totalCount\":1}},{\"notes\":"
            "{\"totalCount\":3}},{\"notes\":{\"totalCount\":1}}]}}}");
    mapping_close(db);
}

Test(auth_write, operator__on_a_value_that_is_denied_tells_nothing_of_it)
{
    quire_db *db =
        mapping_open("type User @auth(rules: [{}]) { id: ID!"
                     " pay: Int @auth(rules: [{operations: [UPDATE]}, {roles: [\"editor\"]}])"
                     " tags: [String!] @auth(rules: [{operations: [UPDATE]}]) }",
                     "mutation { createUser(input: {id: \"a\", pay: 30}) { id } }");
    static const char *const documents[] = {
        "mutation { updateUser(id: \"a\", apply: {pay: {increment: 2147483617}}) { id } }",
        "mutation { updateUser(id: \"a\", apply: {pay: {increment: 2147483618}}) { id } }",
        "mutation { updateUsers(allRows: true, apply: {pay: {multiply: 2}}) { affectedRows } }",
        "mutation { updateUser(id: \"a\", apply: {tags: {append: [\"x\"]}}) { id } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_FAILS(db, ANN, documents[i], "FORBIDDEN");
    }
    AUTH_HAS(db, ANN, "mutation { updateUser(id: \"a\", apply: {pay: {set: 3}}) { id } }",
             "{\"data\":");
    AUTH_HAS(db, EDITOR, "mutation { updateUser(id: \"a\", apply: {pay: {increment: 4}}) { pay } }",
             "\"pay\":7");
    mapping_close(db);
}
