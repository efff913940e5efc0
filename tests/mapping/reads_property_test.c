/*
 * Random rows, and random filters, aggregates, groups, distinct lists and pages
 * over them, against an evaluation as plain as can be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql/json_write.h"
#include "mapping_fixture.h"

#define PARENTS  6
#define CHILDREN 70
#define TEXT_MAX 32768

/* Indexes of several shapes serve some of the queries. */
static const char *const schemas[] = {
    "type P { id: ID! name: String cs: [C!]! }\n"
    "type C { id: ID! n: Int k: K s: String x: Float p: P }\nenum K { A B C }\n",
    "type P { id: ID! name: String @index cs: [C!]! }\n"
    "type C @index(fields: [\"p\", \"n\"]) @index(fields: [\"k\", \"n\"]) {\n"
    "  id: ID! n: Int @index k: K @index(type: HASH) s: String @index x: Float @index p: P }\n"
    "enum K { A B C }\n",
    "type P { id: ID! name: String cs: [C!]! }\n"
    "type C @index(fields: [\"p\", \"s\"]) @index(fields: [\"n\", \"k\"]) @index(fields: [\"k\", "
    "\"n\", \"s\"]) {\n"
    "  id: ID! n: Int k: K @index s: String x: Float p: P }\nenum K { A B C }\n",
};

struct child {
    int n, k, s, p; /* -1: null */
    int x;          /* halves; INT_MIN-like -100: null */
};

#define NO_X (-100)

static const char *const texts[] = {"", "a", "ab", "abc", "b", "ba", "Ab"};
static const char *const kinds[] = {"A", "B", "C"};
/* Of the parents; two share one, one has none. */
static const char *const names[PARENTS] = {"x", "y", "x", NULL, "z", "w"};

struct world {
    quire_db *db;
    struct child children[CHILDREN];
    unsigned seed;
    char *text; /* of requests */
    char *expected;
};

static unsigned random_below(struct world *w, unsigned limit)
{
    w->seed = w->seed * 1103515245 + 12345;
    return (w->seed >> 16) % limit;
}

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

static void put_double(char *text, double value)
{
    char digits[QR_JSON_DOUBLE_SIZE];
    put(text, "%.*s", (int)qr_json_format_double(value, digits), digits);
}

static void fill(struct world *w, const char *schema)
{
    w->text[0] = '\0';
    put(w->text, "mutation {");
    for (int i = 0; i < PARENTS; i++) {
        put(w->text, " p%d: createP(input: {id: \"p%d\"", i, i);
        put(w->text, names[i] != NULL ? ", name: \"%s\"}) { id }" : "}) { id }", names[i]);
    }
    for (int i = 0; i < CHILDREN; i++) {
        struct child *c = &w->children[i];
        c->n = (int)random_below(w, 9) - 1;
        c->k = (int)random_below(w, 4) - 1;
        c->s = (int)random_below(w, 8) - 1;
        c->p = (int)random_below(w, PARENTS) - 1;
        c->x = random_below(w, 6) == 0 ? NO_X : (int)random_below(w, 40) - 20;
        put(w->text, " c%02d: createC(input: {id: \"c%02d\"", i, i);
        if (c->n >= 0) {
            put(w->text, ", n: %d", c->n);
        }
        if (c->k >= 0) {
            put(w->text, ", k: %s", kinds[c->k]);
        }
        if (c->s >= 0) {
            put(w->text, ", s: \"%s\"", texts[c->s]);
        }
        if (c->p >= 0) {
            put(w->text, ", pId: \"p%d\"", c->p);
        }
        if (c->x != NO_X) {
            put(w->text, ", x: %.1f", c->x / 2.0);
        }
        put(w->text, "}) { id }");
    }
    put(w->text, "}");
    w->db = mapping_open(schema, w->text);
}

/* ---- filters ---- */

struct condition {
    int kind, a, b;
};
#define CONDITION_KINDS 13

static void put_condition(char *text, const struct condition *c)
{
    static const char *const forms[CONDITION_KINDS] = {"n: {gt: %d}",
                                                       "n: {lte: %d}",
                                                       "n: {gte: %d, lt: %d}",
                                                       "n: {in: [%d, %d]}",
                                                       "n: {not: null}",
                                                       "n: {equals: null}",
                                                       "k: {equals: %s}",
                                                       "k: {notIn: [%s]}",
                                                       "s: {startsWith: \"%s\"}",
                                                       "s: {like: \"%%%s_\"}",
                                                       "s: {regex: \"^%s\"}",
                                                       "pId: {equals: \"p%d\"}",
                                                       "p: {is: {name: {gt: \"w\"}}}"};
    switch (c->kind) {
    case 6:
    case 7:
        put(text, c->kind == 6 ? "k: {equals: %s}" : "k: {notIn: [%s]}", kinds[c->a % 3]);
        break;
    case 8:
        put(text, "s: {startsWith: \"%s\"}", texts[c->a % 7]);
        break;
    case 9:
        put(text, "s: {like: \"%%%s_\"}", texts[c->a % 7]);
        break;
    case 10:
        put(text, "s: {regex: \"^%s\"}", texts[c->a % 7]);
        break;
    case 2:
        put(text, "n: {gte: %d, lt: %d}", c->a, c->b);
        break;
    case 3:
        put(text, "n: {in: [%d, %d]}", c->a, c->b);
        break;
    case 0:
        put(text, "n: {gt: %d}", c->a);
        break;
    case 1:
        put(text, "n: {lte: %d}", c->a);
        break;
    case 11:
        put(text, "pId: {equals: \"p%d\"}", c->a % PARENTS);
        break;
    default:
        put(text, "%s", forms[c->kind]);
        break;
    }
}

static bool holds(const struct child *c, const struct condition *f)
{
    const char *s = c->s < 0 ? NULL : texts[c->s];
    const char *t = texts[f->a % 7];
    switch (f->kind) {
    case 0:
        return c->n > f->a && c->n >= 0;
    case 1:
        return c->n >= 0 && c->n <= f->a;
    case 2:
        return c->n >= f->a && c->n >= 0 && c->n < f->b;
    case 3:
        return c->n >= 0 && (c->n == f->a || c->n == f->b);
    case 4:
        return c->n >= 0;
    case 5:
        return c->n < 0;
    case 6:
        return c->k == f->a % 3;
    case 7:
        return c->k >= 0 && c->k != f->a % 3;
    case 8:
    case 10:
        return s != NULL && strncmp(s, t, strlen(t)) == 0;
    case 9:
        return s != NULL && strlen(s) > strlen(t) &&
               strncmp(s + strlen(s) - 1 - strlen(t), t, strlen(t)) == 0;
    case 11:
        return c->p == f->a % PARENTS;
    default:
        return c->p >= 0 && names[c->p] != NULL && strcmp(names[c->p], "w") > 0;
    }
}

/* Writes a random filter, and marks who passes. */
static void random_filter(struct world *w, char *text, bool *pass)
{
    struct condition conditions[3];
    int count = (int)random_below(w, 4);
    bool any = random_below(w, 4) == 0;
    put(text, "{%s: [", any && count > 0 ? "OR" : "AND");
    for (int i = 0; i < count; i++) {
        conditions[i] = (struct condition){(int)random_below(w, CONDITION_KINDS),
                                           (int)random_below(w, 9), (int)random_below(w, 9)};
        put(text, "{");
        put_condition(text, &conditions[i]);
        put(text, "}");
    }
    put(text, "]}");
    for (int c = 0; c < CHILDREN; c++) {
        bool some = false;
        bool all = true;
        for (int i = 0; i < count; i++) {
            bool one = holds(&w->children[c], &conditions[i]);
            some = some || one;
            all = all && one;
        }
        pass[c] = any && count > 0 ? some : all;
    }
}

/* ---- aggregates ---- */

static const char aggregates[] =
    "count d: count(distinct: [k, n]) sum { n x } avg { n x } min { n s x } max { n s }";

/* What the aggregates of some children come to. */
static void put_aggregates(char *out, const struct child *const *rows, int count)
{
    int n = 0, sum_n = 0, min_n = -1, max_n = -1, x = 0, sum_x = 0, min_x = NO_X, distinct = 0;
    const char *min_s = NULL, *max_s = NULL;
    bool seen[3][8] = {{false}};
    for (int i = 0; i < count; i++) {
        const struct child *c = rows[i];
        if (c->n >= 0) {
            n++;
            sum_n += c->n;
            min_n = min_n < 0 || c->n < min_n ? c->n : min_n;
            max_n = c->n > max_n ? c->n : max_n;
        }
        if (c->x != NO_X) {
            x++;
            sum_x += c->x;
            min_x = min_x == NO_X || c->x < min_x ? c->x : min_x;
        }
        if (c->s >= 0) {
            min_s = min_s == NULL || strcmp(texts[c->s], min_s) < 0 ? texts[c->s] : min_s;
            max_s = max_s == NULL || strcmp(texts[c->s], max_s) > 0 ? texts[c->s] : max_s;
        }
        if (c->n >= 0 && c->k >= 0 && !seen[c->k][c->n]) {
            seen[c->k][c->n] = true;
            distinct++;
        }
    }
    put(out, "\"count\":%d,\"d\":%d,\"sum\":{\"n\":", count, distinct);
    put(out, n > 0 ? "\"%d\",\"x\":" : "null,\"x\":", sum_n);
    if (x > 0) {
        put_double(out, sum_x / 2.0);
    }
    put(out, x > 0 ? "},\"avg\":{\"n\":" : "null},\"avg\":{\"n\":");
    if (n > 0) {
        put_double(out, (double)sum_n / n);
    }
    put(out, n > 0 ? ",\"x\":" : "null,\"x\":");
    if (x > 0) {
        put_double(out, sum_x / 2.0 / x);
    }
    put(out, x > 0 ? "},\"min\":{\"n\":" : "null},\"min\":{\"n\":");
    put(out, n > 0 ? "%d" : "null", min_n);
    put(out, min_s != NULL ? ",\"s\":\"%s\",\"x\":" : ",\"s\":null,\"x\":", min_s);
    if (x > 0) {
        put_double(out, min_x / 2.0);
    }
    put(out, x > 0 ? "},\"max\":{\"n\":" : "null},\"max\":{\"n\":");
    put(out, n > 0 ? "%d" : "null", max_n);
    put(out, max_s != NULL ? ",\"s\":\"%s\"}" : ",\"s\":null}", max_s);
}

static int select_rows(const struct world *w, const bool *pass, int parent,
                       const struct child **rows)
{
    int count = 0;
    for (int i = 0; i < CHILDREN; i++) {
        if (pass[i] && (parent < 0 || w->children[i].p == parent)) {
            rows[count++] = &w->children[i];
        }
    }
    return count;
}

static void check(struct world *w)
{
    char *response = mapping_run(w->db, w->text, NULL, false);
    cr_assert_str_eq(response, w->expected, "%s\ngives    %s\nexpected %s", w->text, response,
                     w->expected);
    quire_free(response);
}

static void start(struct world *w)
{
    w->text[0] = w->expected[0] = '\0';
}

static void check_aggregates(struct world *w)
{
    const struct child *rows[CHILDREN];
    bool pass[CHILDREN];
    start(w);
    put(w->text, "{ cs(where: ");
    random_filter(w, w->text, pass);
    int count = select_rows(w, pass, -1, rows);
    put(w->text, ") { totalCount aggregate { %s } } }", aggregates);
    put(w->expected, "{\"data\":{\"cs\":{\"totalCount\":%d,\"aggregate\":{", count);
    put_aggregates(w->expected, rows, count);
    put(w->expected, "}}}}");
    check(w);
}

static void check_relation_aggregates(struct world *w)
{
    const struct child *rows[CHILDREN];
    bool pass[CHILDREN];
    int least = (int)random_below(w, 15);
    int size = 0;
    start(w);
    put(w->text, "{ ps(where: {cs: {count: {gte: %d}}}) { items { id cs(where: ", least);
    random_filter(w, w->text, pass);
    put(w->text, ") { totalCount aggregate { %s } } } } }", aggregates);
    put(w->expected, "{\"data\":{\"ps\":{\"items\":[");
    for (int p = 0; p < PARENTS; p++) {
        bool all[CHILDREN];
        memset(all, true, sizeof all);
        if (select_rows(w, all, p, rows) < least) {
            continue;
        }
        int count = select_rows(w, pass, p, rows);
        put(w->expected, "%s{\"id\":\"p%d\",\"cs\":{\"totalCount\":%d,\"aggregate\":{",
            size++ > 0 ? "," : "", p, count);
        put_aggregates(w->expected, rows, count);
        put(w->expected, "}}}");
    }
    put(w->expected, "]}}}");
    check(w);
}

/* ---- groups ---- */

/* The keys: k, n, s, the parent's name; as numbers that order as they do, -1 for null. */
static int key_of(const struct child *c, int key)
{
    static const int order_of_texts[] = {1, 2, 3, 4, 5, 6, 0}; /* "Ab" sorts behind "" */
    switch (key) {
    case 0:
        return c->k;
    case 1:
        return c->n;
    case 2:
        return c->s < 0 ? -1 : c->s == 0 ? 0 : c->s == 6 ? 1 : order_of_texts[c->s] + 0;
    default:
        return c->p < 0 || names[c->p] == NULL ? -1 : names[c->p][0] - 'w';
    }
}

static void put_key(char *out, const struct child *c, int key)
{
    int value = key_of(c, key);
    switch (key) {
    case 0:
        put(out, value < 0 ? "\"k\":null" : "\"k\":\"%s\"", value < 0 ? "" : kinds[value]);
        break;
    case 1:
        put(out, value < 0 ? "\"n\":null" : "\"n\":%d", value);
        break;
    case 2:
        put(out, value < 0 ? "\"s\":null" : "\"s\":\"%s\"", value < 0 ? "" : texts[c->s]);
        break;
    default:
        put(out, value < 0 ? "\"p\":{\"name\":null}" : "\"p\":{\"name\":\"%c\"}", 'w' + value);
        break;
    }
}

struct group {
    const struct child *rows[CHILDREN];
    int count;
};

static int compare_keys(const struct child *a, const struct child *b, const int *keys, int count)
{
    for (int i = 0; i < count; i++) {
        int order = key_of(a, keys[i]) - key_of(b, keys[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* Groups in the order of their keys. */
static int make_groups(const struct child *const *rows, int count, const int *keys, int key_count,
                       struct group *groups)
{
    int size = 0;
    for (int i = 0; i < count; i++) {
        int at = 0;
        while (at < size && compare_keys(groups[at].rows[0], rows[i], keys, key_count) < 0) {
            at++;
        }
        if (at == size || compare_keys(groups[at].rows[0], rows[i], keys, key_count) != 0) {
            memmove(&groups[at + 1], &groups[at], sizeof *groups * (size_t)(size - at));
            groups[at].count = 0;
            size++;
        }
        groups[at].rows[groups[at].count++] = rows[i];
    }
    return size;
}

/* By count, largest first; equal ones stay as they are. */
static void sort_by_count(struct group *groups, int size)
{
    for (int i = 1; i < size; i++) {
        for (int j = i; j > 0 && groups[j].count > groups[j - 1].count; j--) {
            struct group moved = groups[j];
            groups[j] = groups[j - 1];
            groups[j - 1] = moved;
        }
    }
}

static void check_groups(struct world *w)
{
    static const char *const by[] = {"{k: VALUE}", "{n: VALUE}", "{s: VALUE}",
                                     "{p: {name: VALUE}}"};
    static const char *const selected[] = {"k", "n", "s", "p { name }"};
    static struct group groups[CHILDREN + 1];
    const struct child *rows[CHILDREN];
    bool pass[CHILDREN];
    int keys[4];
    int key_count = 0;
    int first = (int)random_below(w, 4);
    for (int i = 0; i < 4; i++) {
        if (i == 0 || random_below(w, 3) == 0) {
            keys[key_count++] = (first + i) % 4;
        }
    }
    int least = (int)random_below(w, 3);
    bool by_count = random_below(w, 2) == 0;
    int skip = (int)random_below(w, 3);
    int take = 1 + (int)random_below(w, 30);
    start(w);
    put(w->text, "{ cs(where: ");
    random_filter(w, w->text, pass);
    put(w->text, ") { groupBy(by: [");
    for (int i = 0; i < key_count; i++) {
        put(w->text, "%s ", by[keys[i]]);
    }
    put(w->text, "], having: {count: {gt: %d}}, skip: %d, take: %d%s) { keys {", least, skip, take,
        by_count ? ", orderBy: {count: DESC}" : "");
    for (int i = 0; i < key_count; i++) {
        put(w->text, " %s", selected[keys[i]]);
    }
    put(w->text, " } %s } } }", aggregates);
    int count = select_rows(w, pass, -1, rows);
    int size = make_groups(rows, count, keys, key_count, groups);
    if (by_count) {
        sort_by_count(groups, size);
    }
    put(w->expected, "{\"data\":{\"cs\":{\"groupBy\":[");
    for (int i = 0, seen = 0; i < size; i++) {
        if (groups[i].count <= least || seen++ < skip || seen > skip + take) {
            continue;
        }
        put(w->expected, "%s{\"keys\":{", seen > skip + 1 ? "," : "");
        for (int k = 0; k < key_count; k++) {
            put(w->expected, "%s", k > 0 ? "," : "");
            put_key(w->expected, groups[i].rows[0], keys[k]);
        }
        put(w->expected, "},");
        put_aggregates(w->expected, groups[i].rows, groups[i].count);
        put(w->expected, "}");
    }
    put(w->expected, "]}}}");
    check(w);
}

/* ---- distinct, order and pages ---- */

struct listing {
    int order, direction; /* key; 1 or -1; 0: as inserted */
    int distinct[2], distinct_count;
    int parent; /* -1: of all */
};

static int compare_rows(const struct listing *l, const struct child *a, const struct child *b)
{
    int order = l->direction * (key_of(a, l->order) - key_of(b, l->order));
    int place = a < b ? -1 : a > b;
    return order != 0 ? order : l->direction < 0 ? -place : place;
}

/* The rows in order, first of each combination only. */
static int list_rows(const struct listing *l, const struct child **rows, int count)
{
    int size = 0;
    for (int i = 1; i < count; i++) {
        for (int j = i; j > 0 && compare_rows(l, rows[j], rows[j - 1]) < 0; j--) {
            const struct child *moved = rows[j];
            rows[j] = rows[j - 1];
            rows[j - 1] = moved;
        }
    }
    for (int i = 0; i < count; i++) {
        bool first = true;
        for (int j = 0; j < size && l->distinct_count > 0 && first; j++) {
            first = compare_keys(rows[j], rows[i], l->distinct, l->distinct_count) != 0;
        }
        if (first) {
            rows[size++] = rows[i];
        }
    }
    return size;
}

static void random_listing(struct world *w, struct listing *l, char *arguments, bool *pass)
{
    static const char *const orders[] = {"{k: %s}", "{n: %s}", "{s: %s}", "{p: {name: %s}}"};
    static const char *const fields[] = {"k", "n", "s"};
    char order[40];
    *l = (struct listing){.order = (int)random_below(w, 4),
                          .direction = (int)random_below(w, 3) - 1,
                          .distinct_count = (int)random_below(w, 5) - 2,
                          .parent = (int)random_below(w, PARENTS + 3) - 3};
    l->distinct_count = l->distinct_count < 0 ? 0 : l->distinct_count;
    l->parent = l->parent < 0 ? -1 : l->parent;
    l->distinct[0] = (int)random_below(w, 3);
    l->distinct[1] = (l->distinct[0] + 1) % 3;
    put(arguments, "where: ");
    random_filter(w, arguments, pass);
    if (l->direction != 0) {
        memcpy(order, orders[l->order], strlen(orders[l->order]) + 1);
        char *at = strstr(order, "%s");
        put(arguments, ", orderBy: %.*s%s%s", (int)(at - order), order,
            l->direction > 0 ? "ASC" : "DESC", at + 2);
    }
    if (l->distinct_count > 0) {
        put(arguments, ", distinct: [%s%s%s]", fields[l->distinct[0]],
            l->distinct_count > 1 ? ", " : "", l->distinct_count > 1 ? fields[l->distinct[1]] : "");
    }
}

/* One page: the ids, and the cursor of its far end. False when it is empty. */
static bool read_page(struct world *w, const struct listing *l, const char *arguments, bool forward,
                      unsigned size, char *cursor, char *ids, bool *more)
{
    static char request[TEXT_MAX];
    request[0] = '\0';
    if (l->parent >= 0) {
        put(request, "{ p(id: \"p%d\") { ", l->parent);
    }
    put(request, "%s cs(%s, %s: %u", l->parent < 0 ? "{" : "", arguments,
        forward ? "first" : "last", size);
    if (cursor[0] != '\0') {
        put(request, ", %s: \"%s\"", forward ? "after" : "before", cursor);
    }
    put(request, ") { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage } } }%s",
        l->parent >= 0 ? " }" : "");
    char *response = mapping_run(w->db, request, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s: %s", request, response);
    bool any = false;
    for (const char *at = response; (at = strstr(at, "\"id\":\"")) != NULL;) {
        const char *found = strstr(at, "\"cursor\":\"");
        at += 6;
        put(ids, "%.3s ", at);
        if (forward || !any) {
            found += strlen("\"cursor\":\"");
            snprintf(cursor, 400, "%.*s", (int)strcspn(found, "\""), found);
        }
        any = true;
    }
    *more = strstr(response, forward ? "\"hasNextPage\":true" : "\"hasPreviousPage\":true") != NULL;
    quire_free(response);
    return any;
}

static void check_pages(struct world *w)
{
    static char arguments[TEXT_MAX];
    static char ids[TEXT_MAX];
    const struct child *rows[CHILDREN];
    bool pass[CHILDREN];
    struct listing l;
    bool forward = random_below(w, 2) == 0;
    unsigned size = 1 + random_below(w, 12);
    char cursor[400] = "";
    bool more = true;

    arguments[0] = '\0';
    random_listing(w, &l, arguments, pass);
    int count = list_rows(&l, rows, select_rows(w, pass, l.parent, rows));
    for (int at = 0; more; at += (int)size) {
        w->expected[0] = ids[0] = '\0';
        int begin = forward ? at : count - at - (int)size;
        int end = forward ? at + (int)size : count - at;
        begin = begin < 0 ? 0 : begin;
        end = end > count ? count : end;
        for (int i = begin; i < end; i++) {
            put(w->expected, "c%02d ", (int)(rows[i] - w->children));
        }
        read_page(w, &l, arguments, forward, size, cursor, ids, &more);
        cr_assert_str_eq(ids, w->expected, "cs(%s) of %d by %u %s at %d: %s, not %s", arguments,
                         l.parent, size, forward ? "forward" : "back", at, ids, w->expected);
        cr_assert_eq(more, forward ? end < count : begin > 0, "cs(%s) of %d at %d", arguments,
                     l.parent, at);
    }
}

static void run(unsigned seed)
{
    struct world w = {.seed = seed};
    w.text = malloc(TEXT_MAX);
    w.expected = malloc(TEXT_MAX);
    for (size_t s = 0; s < sizeof schemas / sizeof schemas[0]; s++) {
        fill(&w, schemas[s]);
        for (int i = 0; i < 120; i++) {
            check_aggregates(&w);
            check_relation_aggregates(&w);
            check_groups(&w);
            check_pages(&w);
        }
        mapping_close(w.db);
    }
    free(w.text);
    free(w.expected);
}

Test(mapping, reads__agree_with_a_plain_evaluation, .timeout = 120)
{
    for (unsigned seed = 1; seed <= 4; seed++) {
        run(seed);
    }
}
