/*
 * Random rows, rules and requests: a caller is answered as if the rows that
 * rules hide were not there.
 *
 * Of each world there are two databases: one with all rows and rules, and one
 * without rules that had all rows and has lost those which the rules do not let
 * the caller read. Which those are is asked of the first by the program,
 * with the rules' conditions written as filters. Every request must have the
 * same response from both, byte for byte.
 */
#include "auth_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define TEXT_MAX 65536
#define P_COUNT  14
#define C_COUNT  100
#define T_COUNT  7

#define CLAIMS "{\"g\":1,\"n\":4,\"names\":[\"x\",\"y\"],\"sub\":\"p2\"}"

/* A condition as a rule has it and as a filter. */
struct condition {
    const char *rule, *filter;
};

static const struct condition p_conditions[] = {
    {"{g: {equals: {claim: \"g\"}}}", "{g: {equals: 1}}"},
    {"{name: {in: {claim: \"names\"}}}", "{name: {in: [\"x\", \"y\"]}}"},
    {"{id: {not: {claim: \"sub\"}}}", "{id: {not: \"p2\"}}"},
    {"{boss: {is: {g: {gte: {claim: \"g\"}}}}}", "{boss: {is: {g: {gte: 1}}}}"},
    {"{cs: {some: {n: {gt: {claim: \"n\"}}}}}", "{cs: {some: {n: {gt: 4}}}}"},
    {"{cs: {none: {n: {gt: {claim: \"n\"}}}}}", "{cs: {none: {n: {gt: 4}}}}"},
    {"{cs: {count: {gt: {claim: \"n\"}}}}", "{cs: {count: {gt: 4}}}"},
    {"{}", "{}"},
};
static const struct condition c_conditions[] = {
    {"{n: {lte: {claim: \"n\"}}}", "{n: {lte: 4}}"},
    {"{pId: {equals: {claim: \"sub\"}}}", "{pId: {equals: \"p2\"}}"},
    {"{p: {is: {g: {equals: {claim: \"g\"}}}}}", "{p: {is: {g: {equals: 1}}}}"},
    {"{OR: [{n: {equals: null}}, {s: {startsWith: \"a\"}}]}",
     "{OR: [{n: {equals: null}}, {s: {startsWith: \"a\"}}]}"},
    {"{ts: {some: {name: {in: {claim: \"names\"}}}}}",
     "{ts: {some: {name: {in: [\"x\", \"y\"]}}}}"},
    {"{p: {isNot: {id: {equals: {claim: \"sub\"}}}}}", "{p: {isNot: {id: {equals: \"p2\"}}}}"},
    {"{}", "{}"},
};
static const struct condition t_conditions[] = {
    {"{name: {in: {claim: \"names\"}}}", "{name: {in: [\"x\", \"y\"]}}"},
    {"{cs: {some: {n: {lt: {claim: \"n\"}}}}}", "{cs: {some: {n: {lt: 4}}}}"},
    {"{NOT: {name: {equals: \"y\"}}}", "{NOT: {name: {equals: \"y\"}}}"},
    {"{}", "{}"},
};

static const char *const p_filters[] = {
    "{}",
    "{g: {gt: 0}}",
    "{name: {equals: \"x\"}}",
    "{boss: {is: null}}",
    "{boss: {isNot: null}}",
    "{boss: {is: {name: {not: \"y\"}}}}",
    "{boss: {isNot: {g: {equals: 1}}}}",
    "{bossId: {equals: \"p3\"}}",
    "{bossId: {not: \"p3\"}}",
    "{bossId: {equals: null}}",
    "{bossId: {in: [\"p1\", \"p2\", \"p3\", \"p4\"]}}",
    "{bossId: {notIn: [\"p1\", \"p2\"]}}",
    "{NOT: {bossId: {notIn: [\"p1\"]}}}",
    "{staff: {some: {}}}",
    "{staff: {every: {g: {equals: 1}}}}",
    "{cs: {some: {n: {lt: 5}}}}",
    "{cs: {every: {s: {startsWith: \"a\"}}}}",
    "{cs: {none: {ts: {some: {}}}}}",
    "{cs: {count: {gt: 2}}}",
    "{cs: {sum: {n: {gt: 9}}}}",
    "{cs: {where: {n: {gt: 2}}, count: {lte: 2}}}",
    "{OR: [{g: {equals: 2}}, {cs: {some: {n: {equals: 3}}}}]}",
    "{NOT: {boss: {is: {g: {gte: 1}}}}}",
};
static const char *const c_filters[] = {
    "{}",
    "{n: {gte: 3}}",
    "{s: {equals: \"a\"}}",
    "{n: {in: [1, 2, 3]}}",
    "{p: {is: {g: {gt: 0}}}}",
    "{p: {is: null}}",
    "{pId: {equals: \"p1\"}}",
    "{pId: {not: null}}",
    "{pId: {notIn: [\"p1\", \"p5\"]}}",
    "{ts: {some: {name: {equals: \"x\"}}}}",
    "{ts: {every: {name: {equals: \"x\"}}}}",
    "{ts: {none: {}}}",
    "{ts: {count: {equals: 1}}}",
    "{OR: [{n: {equals: 1}}, {pId: {equals: \"p2\"}}]}",
    "{p: {is: {boss: {is: {g: {gte: 0}}}}}}",
};
static const char *const t_filters[] = {
    "{}",
    "{name: {not: \"x\"}}",
    "{cs: {some: {p: {is: {g: {equals: 1}}}}}}",
    "{cs: {every: {n: {gt: 1}}}}",
    "{cs: {avg: {n: {gt: 3}}}}",
};
static const char *const p_orders[] = {
    "{name: ASC}, {g: DESC}",    "{boss: {name: ASC_NULLS_LAST}}",
    "{boss: {boss: {g: DESC}}}", "{cs: {count: DESC}}",
    "{cs: {max: {n: ASC}}}",     "{g: ASC_NULLS_LAST}",
    "{staff: {count: ASC}}",     "{cs: {avg: {n: DESC}}}, {id: ASC}",
};
static const char *const c_orders[] = {
    "{n: DESC}",           "{p: {name: ASC}}, {n: ASC}", "{s: ASC}, {n: DESC}",
    "{ts: {count: DESC}}", "{p: {cs: {count: ASC}}}",
};

struct row {
    char id[8];
    int a, b, c;    /* P: name, g, boss; C: n, s, p; T: name; negative: null */
    unsigned links; /* C: of tags */
    bool seen;
};

struct world {
    quire_db *all, *seen;
    struct row ps[P_COUNT], cs[C_COUNT], ts[T_COUNT], ks[P_COUNT];
    unsigned seed;
    char *text;
};

static const char *const names[] = {"x", "y", "z"};
static const char *const texts[] = {"a", "ab", "b", "", "ca"};

static unsigned below(struct world *w, unsigned limit)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return (w->seed >> 16) % limit;
}

#define PICK(w, array) (array)[below(w, sizeof(array) / sizeof *(array))]

static void put(char *text, const char *format, ...) QR_PRINTF(2, 3);
static void put(char *text, const char *format, ...)
{
    size_t size = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + size, TEXT_MAX - size, format, arguments);
    va_end(arguments);
    cr_assert_lt(strlen(text), TEXT_MAX - 1);
}

/* ---- rows ---- */

static void make_rows(struct world *w)
{
    for (int i = 0; i < P_COUNT; i++) {
        w->ps[i] = (struct row){.a = (int)below(w, 4) - 1, .b = (int)below(w, 4) - 1};
        w->ps[i].c = (int)below(w, P_COUNT + 4) - 4;
        (void)snprintf(w->ps[i].id, sizeof w->ps[i].id, "p%d", i);
    }
    for (int i = 0; i < C_COUNT; i++) {
        w->cs[i] = (struct row){.a = (int)below(w, 11) - 1,
                                .b = (int)below(w, 6) - 1,
                                .c = (int)below(w, P_COUNT + 2) - 2,
                                .links = below(w, 128)};
        w->cs[i].links &= below(w, 128); /* one in four */
        (void)snprintf(w->cs[i].id, sizeof w->cs[i].id, "c%d", i);
    }
    for (int i = 0; i < P_COUNT; i++) {
        w->ks[i] = (struct row){.a = (int)below(w, 8)};
        (void)snprintf(w->ks[i].id, sizeof w->ks[i].id, "k%d", i);
    }
    for (int i = 0; i < T_COUNT; i++) {
        w->ts[i] = (struct row){.a = (int)below(w, 4) - 1};
        (void)snprintf(w->ts[i].id, sizeof w->ts[i].id, "t%d", i);
    }
}

static void put_value(char *text, const char *name, int value, const char *const *values)
{
    if (value >= 0) {
        values != NULL ? put(text, ",\"%s\":\"%s\"", name, values[value])
                       : put(text, ",\"%s\":%d", name, value);
    }
}

/* Loads the rows. */
static void load(struct world *w, quire_db *db)
{
    const char *comma = "";
    w->text[0] = '\0';
    put(w->text, "{\"P\":[");
    for (int i = 0; i < P_COUNT; i++) {
        const struct row *p = &w->ps[i];
        put(w->text, "%s{\"id\":\"%s\"", comma, p->id);
        put_value(w->text, "name", p->a, names);
        put_value(w->text, "g", p->b, NULL);
        if (p->c >= 0) {
            put(w->text, ",\"bossId\":\"p%d\"", p->c);
        }
        put(w->text, "}");
        comma = ",";
    }
    put(w->text, "],\"T\":[");
    comma = "";
    for (int i = 0; i < T_COUNT; i++) {
        put(w->text, "%s{\"id\":\"%s\"", comma, w->ts[i].id);
        put_value(w->text, "name", w->ts[i].a, names);
        put(w->text, "}");
        comma = ",";
    }
    put(w->text, "],\"K\":[");
    for (int i = 0; i < P_COUNT; i++) {
        put(w->text, "%s{\"id\":\"k%d\",\"n\":%d,\"pId\":\"p%d\"}", i == 0 ? "" : ",", i,
            w->ks[i].a, (i * 3 + 1) % P_COUNT);
    }
    put(w->text, "],\"C\":[");
    comma = "";
    for (int i = 0; i < C_COUNT; i++) {
        const struct row *c = &w->cs[i];
        const char *inner = "";
        put(w->text, "%s{\"id\":\"%s\"", comma, c->id);
        put_value(w->text, "n", c->a, NULL);
        put_value(w->text, "s", c->b, texts);
        if (c->c >= 0) {
            put(w->text, ",\"pId\":\"p%d\"", c->c);
        }
        put(w->text, ",\"tsIds\":[");
        for (int t = 0; t < T_COUNT; t++) {
            if ((c->links >> t & 1) != 0) {
                put(w->text, "%s\"t%d\"", inner, t);
                inner = ",";
            }
        }
        put(w->text, "]}");
        comma = ",";
    }
    put(w->text, "]}");
    mapping_load(db, w->text);
}

/* ---- worlds ---- */

/* Chooses one or two conditions: the rules, and the filter that they come to. */
static void choose(struct world *w, const struct condition *conditions, size_t count, char *rules,
                   char *filter)
{
    const struct condition *a = &conditions[below(w, (unsigned)count)];
    const struct condition *b = &conditions[below(w, (unsigned)count)];
    rules[0] = filter[0] = '\0';
    if (below(w, 2) == 0) {
        put(rules, "[{where: %s}, {roles: [\"none\"]}]", a->rule);
        put(filter, "%s", a->filter);
    } else {
        put(rules, "[{where: %s}, {operations: [READ], where: %s}]", a->rule, b->rule);
        put(filter, "{OR: [%s, %s]}", a->filter, b->filter);
    }
}

static void put_schema(char *text, unsigned shape, const char *p, const char *c, const char *t,
                       const char *k)
{
    static const char *const n[] = {"", "@index", "@index(type: HASH)"};
    text[0] = '\0';
    put(text,
        "interface Node { id: ID! } type P implements Node %s { id: ID! name: String %s g: Int "
        "boss: P @relation(inverse: \"staff\")"
        " staff: [P!]! @relation(inverse: \"boss\") cs: [C!]! @relation(inverse: \"p\")"
        " one: K @relation(inverse: \"p\") double: Int @computed(expr: \"g * 2\") }\n",
        p, n[shape % 3]);
    put(text,
        "type K %s @unique(fields: [\"p\", \"n\"]) { id: ID! n: Int"
        " p: P @unique }\n",
        k);
    put(text,
        "type C implements Node %s { id: ID! n: Int %s s: String %s p: P @relation(inverse: \"cs\")"
        " ts: [T!]! @relation(inverse: \"cs\") half: Float @computed(expr: \"n / 2.0\") }\n",
        c, n[shape % 3], shape % 2 == 0 ? "" : "@index");
    put(text,
        "type T implements Node %s { id: ID! name: String %s cs: [C!]! @relation(inverse: \"ts\") "
        "}\n",
        t, n[shape % 3]);
}

/* Marks the rows that the program finds with the rules' condition. */
static void see(struct world *w, const char *many, const char *filter, struct row *rows, int count)
{
    w->text[0] = '\0';
    put(w->text, "{ %s(where: %s) { items { id } } }", many, filter);
    char *response = auth_run(w->all, NULL, w->text, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s: %s", w->text, response);
    for (int i = 0; i < count; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "\"%s\"", rows[i].id);
        rows[i].seen = strstr(response, id) != NULL;
    }
    quire_free(response);
}

/* Deletes the rows that are not seen; what stays keeps its place, so that cursors are the same. */
static void leave_seen(struct world *w, const char *types, const struct row *rows, int count)
{
    w->text[0] = '\0';
    put(w->text, "mutation { delete%s(where: {id: {in: [", types);
    for (int i = 0; i < count; i++) {
        if (!rows[i].seen) {
            put(w->text, "\"%s\" ", rows[i].id);
        }
    }
    put(w->text, "]}}) { affectedRows } }");
    char *response = auth_run(w->seen, NULL, w->text, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s: %s", w->text, response);
    quire_free(response);
}

static void open_world(struct world *w)
{
    static char rules[3][1024];
    static char filters[3][1024];
    static char auth[3][4096];
    unsigned shape = below(w, 6);
    choose(w, p_conditions, sizeof p_conditions / sizeof *p_conditions, rules[0], filters[0]);
    choose(w, c_conditions, sizeof c_conditions / sizeof *c_conditions, rules[1], filters[1]);
    choose(w, t_conditions, sizeof t_conditions / sizeof *t_conditions, rules[2], filters[2]);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(auth[i], sizeof auth[i], "@auth(rules: %s)", rules[i]);
    }
    make_rows(w);
    put_schema(w->text, shape, auth[0], auth[1], auth[2],
               "@auth(rules: [{where: {n: {lte: {claim: \"n\"}}}}])");
    w->all = mapping_open(w->text, NULL);
    load(w, w->all);
    see(w, "ps", filters[0], w->ps, P_COUNT);
    see(w, "cs", filters[1], w->cs, C_COUNT);
    see(w, "ts", filters[2], w->ts, T_COUNT);
    see(w, "ks", "{n: {lte: 4}}", w->ks, P_COUNT);
    put_schema(w->text, shape, "", "", "", "");
    w->seen = mapping_open(w->text, NULL);
    load(w, w->seen);
    leave_seen(w, "Ps", w->ps, P_COUNT);
    leave_seen(w, "Cs", w->cs, C_COUNT);
    leave_seen(w, "Ts", w->ts, T_COUNT);
    leave_seen(w, "Ks", w->ks, P_COUNT);
}

/* ---- requests ---- */

static void put_page(struct world *w)
{
    if (below(w, 3) == 0) {
        put(w->text, ", skip: %u, take: %u", below(w, 4), below(w, 9));
    } else if (below(w, 3) == 0) {
        put(w->text, ", %s: %u", below(w, 2) == 0 ? "first" : "last", below(w, 9));
    }
}

/* Pages that begin behind any row, or end before it: one that is hidden, too. */
static void put_cursor(struct world *w, const char *many, const char *order)
{
    char request[256];
    (void)snprintf(request, sizeof request, "{ %s(orderBy: [%s]) { edges { cursor } } }", many,
                   order);
    char *response = auth_run(w->all, NULL, request, NULL, false);
    const char *at = response;
    for (unsigned i = below(w, C_COUNT / 4) + 1; i > 0; i--) {
        const char *next = strstr(at + 1, "\"cursor\":");
        at = next == NULL ? at : next;
    }
    cr_assert(at != response, "%s: %s", request, response);
    at += strlen("\"cursor\":");
    put(w->text, ", %s: %.*s", below(w, 2) == 0 ? "after" : "before", (int)strcspn(at, "}"), at);
    quire_free(response);
}

/* Edges of rows, with all that tells of places and versions. */
static void put_edges(struct world *w)
{
    const char *order = PICK(w, c_orders);
    put(w->text, " e: cs(where: %s, orderBy: [%s], %s: %u", PICK(w, c_filters), order,
        below(w, 2) == 0 ? "first" : "last", 1 + below(w, 9));
    put_cursor(w, "cs", order);
    put(w->text, ") { totalCount edges { cursor node { id _version } } pageInfo { startCursor"
                 " endCursor hasNextPage hasPreviousPage } }");
    order = PICK(w, p_orders);
    put(w->text, " f: ps(where: %s, orderBy: [%s]", PICK(w, p_filters), order);
    put_cursor(w, "ps", order);
    put(w->text,
        ") { edges { cursor node { _version bossId } } pageInfo { hasNextPage hasPreviousPage }"
        " items(where: %s, orderBy: [%s], take: %u) { id } }",
        PICK(w, p_filters), PICK(w, p_orders), 1 + below(w, 9));
}

/* Rows by keys of any kind, and groups. */
static void put_others(struct world *w)
{
    put(w->text,
        " any: node(id: \"%s%u\") { __typename ... on P { name boss { id } } ... on C { n p { id }"
        " } ... on T { cs(first: 2) { items { id } } } }",
        below(w, 3) == 0   ? "p"
        : below(w, 2) == 0 ? "c"
                           : "t",
        below(w, P_COUNT));
    put(w->text, " byKey: k(pId_n: {pId: \"p%u\", n: %u}) { id _version p { id } }",
        below(w, P_COUNT), below(w, 4));
    put(w->text, " ks { totalCount items { id p { one { id n } } } }");
    put(w->text,
        " h: cs { groupBy(by: [{p: {boss: {name: VALUE}}}, {n: VALUE}], where: %s, having:"
        " {count: {gt: 1}, min: {n: {gte: 0}}}, orderBy: [{count: DESC}, {keys: {p: {boss: {name:"
        " ASC}}}}, {keys: {n: ASC}}], take: 5) { keys { n p { boss { name } } } count min { s }"
        " avg { half } } }",
        PICK(w, c_filters));
    put(w->text,
        " i: ps(where: {one: {is: {n: {gte: %u}}}}, orderBy: [{one: {n: DESC}}, {id: ASC}]) {"
        " items { id one { id } } aggregate { count sum { double } max { double name } } }",
        below(w, 4));
}

static void put_cs(struct world *w, bool order)
{
    put(w->text, "cs(where: %s", PICK(w, c_filters));
    if (order) {
        put(w->text, ", orderBy: [%s]", PICK(w, c_orders));
    }
    put_page(w);
    put(w->text,
        ") { totalCount items { id n p { id g } pId ts(where: %s) { totalCount items { name"
        " cs { totalCount } } } } aggregate { count sum { n } min { s } } pageInfo {"
        " hasNextPage hasPreviousPage } groupBy(by: [{s: VALUE}], orderBy: [{keys: {s:"
        " ASC}}]) { keys { s } count max { n } } }",
        PICK(w, t_filters));
}

static void put_request(struct world *w)
{
    w->text[0] = '\0';
    put(w->text, "{ ps(where: %s", PICK(w, p_filters));
    if (below(w, 2) == 0) {
        put(w->text, ", orderBy: [%s]", PICK(w, p_orders));
    }
    if (below(w, 6) == 0) {
        put(w->text, ", distinct: [name]");
    }
    put_page(w);
    put(w->text,
        ") { totalCount items { id name bossId boss { id name boss { id } } staff(where: %s)"
        " { totalCount items { id } } ",
        PICK(w, p_filters));
    put_cs(w, below(w, 2) == 0);
    put(w->text, " } aggregate { count avg { g } } } c: ");
    put_cs(w, below(w, 2) == 0);
    put(w->text,
        " g: cs { groupBy(by: [{p: {name: VALUE}}], orderBy: [{keys: {p: {name: ASC}}}])"
        " { keys { p { name } } count sum { n } } }"
        " ts(where: %s) { items { id name cs { items { id p { id } } } } }"
        " p(id: \"p%u\") { id boss { id } } one: c(id: \"c%u\") { id p { name } } }",
        PICK(w, t_filters), below(w, P_COUNT), below(w, C_COUNT));
    w->text[strlen(w->text) - 1] = '\0';
    put_edges(w);
    put_others(w);
    put(w->text, " }");
}

static void compare(struct world *w)
{
    put_request(w);
    char *caller = auth_run(w->all, CLAIMS, w->text, NULL, false);
    char *program = auth_run(w->seen, NULL, w->text, NULL, false);
    cr_assert_null(strstr(program, "\"errors\""), "%s\n%s", w->text, program);
    cr_assert_str_eq(caller, program, "%s\n got %s\nnot %s", w->text, caller, program);
    quire_free(caller);
    quire_free(program);
}

Test(auth_property, caller__is_answered_as_if_hidden_rows_were_not_there)
{
    static char text[TEXT_MAX];
    for (unsigned seed = 1; seed <= 24; seed++) {
        struct world w = {.seed = seed * 7919, .text = text};
        open_world(&w);
        for (int i = 0; i < 40; i++) {
            compare(&w);
        }
        mapping_close(w.all);
        mapping_close(w.seen);
    }
}
