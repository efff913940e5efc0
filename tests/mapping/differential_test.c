/*
 * Random filters, orders and pages over random schemas, compared with a naive
 * evaluation in memory. The model below knows nothing of indexes: it filters
 * every row, sorts all of them, and cuts the page.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "mapping_fixture.h"
#include "support/prng.h"

#define WORLDS  48
#define QUERIES 70
#define ROWS    36
#define TAGS    5
#define LINKS   200

/* Longer than an index stores whole. */
#define LONG_TEXT                                                                                  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

static const char *const texts[] = {"",
                                    "a",
                                    "A",
                                    "ab",
                                    "aB",
                                    "b",
                                    "a\xc3\xa9",
                                    "\xf4\x8f\xbf\xbf",
                                    LONG_TEXT "a",
                                    LONG_TEXT "b",
                                    LONG_TEXT "B",
                                    LONG_TEXT};
static const double reals[] = {-1.5, 0.0, 2.0, 1e300, 0.1};
static const char *const kinds[] = {"P", "Q", "R"};

/* A value; `null` where there is none. */
struct cell {
    bool null;
    int number; /* a, or index into texts, reals, kinds */
};

enum column { COLUMN_A, COLUMN_S, COLUMN_X, COLUMN_K, COLUMN_COUNT };
static const char *const column_names[] = {"a", "s", "x", "k"};

struct row {
    bool alive;
    struct cell cells[COLUMN_COUNT];
    int up; /* -1: none */
};

struct link {
    int row, tag;
};

struct world {
    struct prng random;
    uint64_t seed;
    quire_db *db;
    struct row rows[ROWS];
    int count;
    struct link links[LINKS]; /* in the order of linking */
    int link_count;
    char text[60000]; /* the document being written */
    size_t size;
};

static int pick(struct world *w, int count)
{
    return (int)(prng_below(&w->random, (uint64_t)count));
}

static void put(struct world *w, const char *format, ...) QR_PRINTF(2, 3);
static void put(struct world *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(w->text + w->size, sizeof w->text - w->size, format, arguments);
    va_end(arguments);
    cr_assert(n >= 0 && (size_t)n < sizeof w->text - w->size);
    w->size += (size_t)n;
}

/* ---- values ---- */

static struct cell random_cell(struct world *w, enum column column, bool nullable)
{
    struct cell cell = {.null = nullable && pick(w, 5) == 0};
    switch (column) {
    case COLUMN_A:
        cell.number = pick(w, 6) - 2;
        break;
    case COLUMN_S:
        cell.number = pick(w, (int)(sizeof texts / sizeof texts[0]));
        break;
    case COLUMN_X:
        cell.number = pick(w, (int)(sizeof reals / sizeof reals[0]));
        break;
    case COLUMN_K:
    case COLUMN_COUNT:
        cell.number = pick(w, 3);
        break;
    }
    return cell;
}

static void put_cell(struct world *w, enum column column, struct cell cell)
{
    if (cell.null) {
        put(w, "null");
    } else if (column == COLUMN_A) {
        put(w, "%d", cell.number);
    } else if (column == COLUMN_S) {
        put(w, "\"%s\"", texts[cell.number]);
    } else if (column == COLUMN_X) {
        put(w, "%s%.17g", pick(w, 2) == 0 && reals[cell.number] == 0 ? "-" : "",
            reals[cell.number]);
    } else {
        put(w, "%s", kinds[cell.number]);
    }
}

/* Nulls first. */
static int compare_cells(enum column column, struct cell a, struct cell b)
{
    if (a.null || b.null) {
        return (int)b.null - (int)a.null;
    }
    if (column == COLUMN_S) {
        return strcmp(texts[a.number], texts[b.number]);
    }
    if (column == COLUMN_X) {
        return (reals[a.number] > reals[b.number]) - (reals[a.number] < reals[b.number]);
    }
    return (a.number > b.number) - (a.number < b.number);
}

/* ---- conditions: written to the document and kept for the naive evaluation ---- */

enum condition_kind { ALL, ANY, NOT, COMPARE, UP, UP_KEY, KIDS, TAGGED };
enum comparison { EQUALS, DIFFERS, IN, NOT_IN, LT, LTE, GT, GTE, CONTAINS, STARTS, ENDS };
static const char *const comparisons[] = {
    "equals", "not", "in", "notIn", "lt", "lte", "gt", "gte", "contains", "startsWith", "endsWith"};
enum quantifier { IS, IS_NOT, SOME, EVERY, NONE };
static const char *const quantifiers[] = {"is", "isNot", "some", "every", "none"};

struct condition {
    enum condition_kind kind;
    struct condition *children[3];
    int child_count;
    enum column column;
    enum comparison comparison;
    bool insensitive;
    struct cell cells[3]; /* UP_KEY: numbers of rows; ROWS for a key that no row has */
    int cell_count;
    enum quantifier quantifier;
    int tag_below; /* TAGGED: the tag's n is less than this */
};

static struct condition *random_condition(struct world *w, int depth);

static void make_compare(struct world *w, struct condition *c)
{
    c->kind = COMPARE;
    c->column = (enum column)pick(w, COLUMN_COUNT);
    c->comparison = (enum comparison)pick(w, c->column == COLUMN_S   ? ENDS + 1
                                             : c->column == COLUMN_K ? NOT_IN + 1
                                                                     : GTE + 1);
    c->insensitive = c->column == COLUMN_S && pick(w, 4) == 0;
    bool many = c->comparison == IN || c->comparison == NOT_IN;
    c->cell_count = many ? pick(w, 4) : 1;
    put(w, "%s: {%s: %s", column_names[c->column], comparisons[c->comparison], many ? "[" : "");
    for (int i = 0; i < c->cell_count; i++) {
        c->cells[i] = random_cell(w, c->column, c->comparison <= DIFFERS);
        put(w, "%s", i > 0 ? ", " : "");
        put_cell(w, c->column, c->cells[i]);
    }
    put(w, "%s%s}", many ? "]" : "", c->insensitive ? ", mode: insensitive" : "");
}

static void make_up_key(struct world *w, struct condition *c)
{
    c->kind = UP_KEY;
    c->comparison = (enum comparison)pick(w, NOT_IN + 1);
    bool many = c->comparison == IN || c->comparison == NOT_IN;
    c->cell_count = many ? pick(w, 4) : 1;
    put(w, "upId: {%s: %s", comparisons[c->comparison], many ? "[" : "");
    for (int i = 0; i < c->cell_count; i++) {
        c->cells[i] = (struct cell){!many && pick(w, 5) == 0, pick(w, w->count + 1)};
        if (c->cells[i].number == w->count || !w->rows[c->cells[i].number].alive) {
            c->cells[i].number = ROWS;
        }
        if (c->cells[i].null) {
            put(w, "null");
        } else {
            put(w, "%s\"t%d\"", i > 0 ? ", " : "", c->cells[i].number);
        }
    }
    put(w, "%s}", many ? "]" : "");
}

static void make_relation(struct world *w, struct condition *c, int depth)
{
    c->kind = pick(w, 3) == 0 ? TAGGED : pick(w, 2) == 0 ? UP : KIDS;
    c->quantifier =
        c->kind == UP ? (enum quantifier)(IS + pick(w, 2)) : (enum quantifier)(SOME + pick(w, 3));
    if (c->kind == TAGGED) {
        c->tag_below = pick(w, TAGS + 2);
        put(w, "tags: {%s: {n: {lt: %d}}}", quantifiers[c->quantifier], c->tag_below);
        return;
    }
    put(w, "%s: {%s: ", c->kind == UP ? "up" : "kids", quantifiers[c->quantifier]);
    if (c->kind == UP && pick(w, 4) == 0) {
        put(w, "null");
    } else {
        c->children[c->child_count++] = random_condition(w, depth - 1);
    }
    put(w, "}");
}

/* Writes an object of a where argument, braces included. */
static struct condition *random_condition(struct world *w, int depth)
{
    struct condition *c = calloc(1, sizeof *c);
    int choice = pick(w, depth > 0 ? 10 : 6);
    cr_assert_not_null(c);
    put(w, "{");
    if (choice < 4) {
        make_compare(w, c);
    } else if (choice == 4) {
        make_up_key(w, c);
    } else if (choice == 5) {
        c->kind = ALL; /* an empty object */
    } else if (choice == 6 || choice == 7) {
        make_relation(w, c, depth);
    } else {
        c->kind = (enum condition_kind)pick(w, 3);
        put(w, "%s: %s",
            c->kind == ALL   ? "AND"
            : c->kind == ANY ? "OR"
                             : "NOT",
            c->kind == NOT ? "" : "[");
        int count = c->kind == NOT ? 1 : pick(w, 4);
        for (int i = 0; i < count; i++) {
            put(w, "%s", i > 0 ? ", " : "");
            c->children[c->child_count++] = random_condition(w, depth - 1);
        }
        put(w, "%s", c->kind == NOT ? "" : "]");
    }
    put(w, "}");
    return c;
}

static void free_condition(struct condition *c)
{
    for (int i = 0; c != NULL && i < c->child_count; i++) {
        free_condition(c->children[i]);
    }
    free(c);
}

/* ---- the naive evaluation ---- */

static void fold(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        *out++ = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    }
    *out = '\0';
}

static bool holds_for_cells(const struct condition *c, struct cell value, struct cell constant)
{
    static const char empty[] = "";
    char folded[2][2000];
    const char *text = empty;
    const char *other = empty;
    int order = compare_cells(c->column, value, constant);
    if (c->column == COLUMN_S) {
        text = texts[value.number];
        other = texts[constant.number];
        if (c->insensitive) {
            fold(text, folded[0]);
            fold(other, folded[1]);
            text = folded[0];
            other = folded[1];
        }
        order = strcmp(text, other);
    }
    switch (c->comparison) {
    case EQUALS:
    case IN:
    case DIFFERS:
    case NOT_IN:
        return order == 0;
    case LT:
        return order < 0;
    case LTE:
        return order <= 0;
    case GT:
        return order > 0;
    case GTE:
        return order >= 0;
    case CONTAINS:
        return strstr(text, other) != NULL;
    case STARTS:
        return strncmp(text, other, strlen(other)) == 0;
    case ENDS:
        return strlen(text) >= strlen(other) &&
               strcmp(text + strlen(text) - strlen(other), other) == 0;
    }
    return false;
}

static bool holds_compare(const struct condition *c, struct cell value)
{
    bool negated = c->comparison == DIFFERS || c->comparison == NOT_IN;
    bool any = false;
    if (c->comparison <= DIFFERS && c->cells[0].null) {
        return value.null == (c->comparison == EQUALS);
    }
    if (value.null) {
        return false;
    }
    for (int i = 0; i < c->cell_count; i++) {
        any = any || (c->kind == UP_KEY ? value.number == c->cells[i].number
                                        : holds_for_cells(c, value, c->cells[i]));
    }
    return any != negated;
}

static bool holds(const struct world *w, const struct condition *c, int row);

/* What a quantifier says when `passing` of `all` rows pass. */
static bool quantify(enum quantifier quantifier, int passing, int all)
{
    switch (quantifier) {
    case IS:
    case SOME:
        return passing > 0;
    case IS_NOT:
    case NONE:
        return passing == 0;
    case EVERY:
        return passing == all;
    }
    return false;
}

static bool holds_relation(const struct world *w, const struct condition *c, int row)
{
    int all = 0;
    int passing = 0;
    for (int i = 0; c->kind == TAGGED && i < w->link_count; i++) {
        if (w->links[i].row == row) {
            all++;
            passing += w->links[i].tag < c->tag_below ? 1 : 0;
        }
    }
    for (int i = 0; c->kind != TAGGED && i < w->count; i++) {
        bool related = c->kind == UP ? w->rows[row].up == i : w->rows[i].up == row;
        if (w->rows[i].alive && related) {
            all++;
            passing += c->child_count == 0 || holds(w, c->children[0], i) ? 1 : 0;
        }
    }
    /* {is: null} holds where there is no row: it is the negation of "some row". */
    bool of_null = c->kind == UP && c->child_count == 0;
    return of_null ? (all == 0) == (c->quantifier == IS) : quantify(c->quantifier, passing, all);
}

static bool holds(const struct world *w, const struct condition *c, int row)
{
    struct cell up = {w->rows[row].up < 0, w->rows[row].up};
    switch (c->kind) {
    case ALL:
    case ANY:
    case NOT:
        for (int i = 0; i < c->child_count; i++) {
            if (holds(w, c->children[i], row) != (c->kind == ALL)) {
                return c->kind == ANY;
            }
            if (c->kind == NOT) {
                return true;
            }
        }
        return c->kind != ANY;
    case COMPARE:
        return holds_compare(c, w->rows[row].cells[c->column]);
    case UP_KEY:
        return holds_compare(c, up);
    case UP:
    case KIDS:
    case TAGGED:
        return holds_relation(w, c, row);
    }
    return false;
}

/* ---- orders ---- */

struct term {
    enum column column;
    bool of_up;
    bool descending;
    int nulls; /* 0: smallest, 1: first, 2: last */
};

struct order {
    struct term terms[3];
    int count;
};

static struct order random_order(struct world *w)
{
    static const char *const directions[2][3] = {{"ASC", "ASC_NULLS_FIRST", "ASC_NULLS_LAST"},
                                                 {"DESC", "DESC_NULLS_FIRST", "DESC_NULLS_LAST"}};
    struct order order = {.count = pick(w, 4)};
    put(w, "orderBy: [");
    for (int i = 0; i < order.count; i++) {
        struct term *t = &order.terms[i];
        *t = (struct term){.column = (enum column)pick(w, COLUMN_COUNT),
                           .of_up = pick(w, 6) == 0,
                           .descending = pick(w, 2) == 0,
                           .nulls = pick(w, 5) == 0 ? 1 + pick(w, 2) : 0};
        if (i > 0 && pick(w, 2) == 0) {
            t->descending = order.terms[0].descending; /* as one index may give */
        }
        put(w, "%s{%s%s: %s}%s", i > 0 ? ", " : "", t->of_up ? "up: {" : "",
            column_names[t->column], directions[t->descending][t->nulls], t->of_up ? "}" : "");
    }
    put(w, "]");
    return order;
}

/* A row's place in an order: what a cursor holds. */
struct key {
    struct cell cells[3];
    int place;
};

static struct key key_of(const struct world *w, const struct order *order, int row, int place)
{
    struct key key = {.place = place};
    for (int i = 0; i < order->count; i++) {
        const struct term *t = &order->terms[i];
        int at = t->of_up ? w->rows[row].up : row;
        key.cells[i] = at < 0 ? (struct cell){true, 0} : w->rows[at].cells[t->column];
    }
    return key;
}

static int compare_keys(const struct order *order, const struct key *a, const struct key *b)
{
    for (int i = 0; i < order->count; i++) {
        const struct term *t = &order->terms[i];
        struct cell x = a->cells[i];
        struct cell y = b->cells[i];
        int sign = t->descending ? -1 : 1;
        if (t->nulls != 0 && x.null != y.null) {
            return x.null == (t->nulls == 1) ? -1 : 1;
        }
        int c = compare_cells(t->column, x, y);
        if (c != 0) {
            return sign * c;
        }
    }
    int sign = order->count > 0 && order->terms[0].descending ? -1 : 1;
    return sign * (a->place - b->place);
}

/* ---- pages ---- */

struct entry {
    int row;
    struct key key;
};

struct list {
    struct entry entries[LINKS];
    int count;
};

static void list_add(struct list *list, const struct world *w, const struct order *order, int row,
                     int place)
{
    struct entry entry = {row, key_of(w, order, row, place)};
    int at = list->count++;
    while (at > 0 && compare_keys(order, &list->entries[at - 1].key, &entry.key) > 0) {
        list->entries[at] = list->entries[at - 1];
        at--;
    }
    list->entries[at] = entry;
}

struct page {
    int skip, limit; /* -1: none */
    bool backward;
    const struct key *after, *before;
};

/* Cuts [*from, *to) out of a sorted list. */
static void cut(const struct list *list, const struct order *order, const struct page *page,
                int *from, int *to)
{
    int start = 0;
    int end = list->count;
    while (page->after != NULL && start < list->count &&
           compare_keys(order, &list->entries[start].key, page->after) <= 0) {
        start++;
    }
    while (page->before != NULL && end > 0 &&
           compare_keys(order, &list->entries[end - 1].key, page->before) >= 0) {
        end--;
    }
    if (page->backward) {
        start = start > end ? end : start;
        *to = end;
        *from = page->limit >= 0 && end - start > page->limit ? end - page->limit : start;
        return;
    }
    end = end < start ? start : end;
    *from = start + page->skip < end ? start + page->skip : end;
    *to = page->limit >= 0 && end - *from > page->limit ? *from + page->limit : end;
}

/* Finds the cursor of an entry in a response that lists all of them. */
static void cursor_at(const char *response, int index, char *out, size_t size)
{
    const char *at = response;
    for (int i = 0; i <= index; i++) {
        at = strstr(at, "\"cursor\":\"");
        cr_assert_not_null(at, "%s", response);
        at += strlen("\"cursor\":\"");
    }
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

static void check_page(struct world *w, const char *response, const struct list *list, int from,
                       int to, bool with_info, bool with_total)
{
    static char expected[20000];
    size_t n = 0;
    n += (size_t)snprintf(expected + n, sizeof expected - n, "\"items\":[");
    for (int i = from; i < to; i++) {
        n += (size_t)snprintf(expected + n, sizeof expected - n, "%s{\"id\":\"t%d\"}",
                              i > from ? "," : "", list->entries[i].row);
    }
    n += (size_t)snprintf(expected + n, sizeof expected - n, "]");
    if (with_info) {
        n += (size_t)snprintf(expected + n, sizeof expected - n,
                              ",\"pageInfo\":{\"hasNextPage\":%s,\"hasPreviousPage\":%s}",
                              to < list->count ? "true" : "false", from > 0 ? "true" : "false");
    }
    if (with_total) {
        n += (size_t)snprintf(expected + n, sizeof expected - n, ",\"totalCount\":%d", list->count);
    }
    snprintf(expected + n, sizeof expected - n, "}");
    cr_assert_not_null(strstr(response, expected), "seed %llu:\n%s\n  gives    %s\n  expected %s",
                       (unsigned long long)w->seed, w->text, response, expected);
}

/* Which rows a list is made of: all (-1), or one row's children, or those of a tag. */
enum source { SOURCE_ALL, SOURCE_KIDS, SOURCE_TAG };

static void fill(const struct world *w, const struct order *order, const struct condition *where,
                 enum source source, int of, struct list *list)
{
    list->count = 0;
    for (int i = 0; source == SOURCE_TAG && i < w->link_count; i++) {
        if (w->links[i].tag == of && (where == NULL || holds(w, where, w->links[i].row))) {
            list_add(list, w, order, w->links[i].row, i);
        }
    }
    for (int i = 0; source != SOURCE_TAG && i < w->count; i++) {
        if (w->rows[i].alive && (source == SOURCE_ALL || w->rows[i].up == of) &&
            (where == NULL || holds(w, where, i))) {
            list_add(list, w, order, i, i);
        }
    }
}

static void begin_source(struct world *w, enum source source, int of)
{
    w->size = 0;
    if (source == SOURCE_ALL) {
        put(w, "{ ts(");
    } else if (source == SOURCE_KIDS) {
        put(w, "{ t(id: \"t%d\") { kids(", of);
    } else {
        put(w, "{ tag(id: \"g%d\") { ts(", of);
    }
}

/* Takes the cursor of a random row, which `where` may exclude. */
static bool random_cursor(struct world *w, const struct order *order, const char *order_text,
                          enum source source, int of, struct key *key, char *cursor, size_t size)
{
    static struct list all;
    fill(w, order, NULL, source, of, &all);
    if (all.count == 0) {
        return false;
    }
    int index = pick(w, all.count);
    begin_source(w, source, of);
    put(w, "%s) { edges { cursor } } %s}", order_text, source == SOURCE_ALL ? "" : "} ");
    char *response = mapping_run(w->db, w->text, NULL, false);
    cursor_at(response, index, cursor, size);
    quire_free(response);
    *key = all.entries[index].key;
    return true;
}

static void random_page(struct world *w, struct page *page)
{
    *page = (struct page){.limit = -1};
    switch (pick(w, 4)) {
    case 0:
        page->limit = pick(w, 8);
        put(w, ", first: %d", page->limit);
        break;
    case 1:
        page->limit = pick(w, 8);
        page->backward = true;
        put(w, ", last: %d", page->limit);
        break;
    case 2:
        page->limit = pick(w, 8);
        put(w, ", take: %d", page->limit);
        break;
    default:
        break;
    }
    if (!page->backward && pick(w, 3) == 0) {
        page->skip = pick(w, 6);
        put(w, ", skip: %d", page->skip);
    }
}

static void run_query(struct world *w)
{
    static struct list list;
    static char order_text[400];
    static char cursors[2][12000];
    struct key keys[2];
    struct page page;
    enum source source = pick(w, 3) == 0 ? (enum source)(SOURCE_KIDS + pick(w, 2)) : SOURCE_ALL;
    int of = pick(w, source == SOURCE_TAG ? TAGS : w->count);
    bool bound[2] = {pick(w, 3) == 0, pick(w, 5) == 0};
    bool with_info = pick(w, 2) == 0;
    bool with_total = pick(w, 3) == 0;
    struct condition *where = NULL;
    int from;
    int to;

    if (source == SOURCE_KIDS && !w->rows[of].alive) {
        return;
    }
    w->size = 0;
    struct order order = random_order(w);
    snprintf(order_text, sizeof order_text, "%.399s", w->text);
    for (int i = 0; i < 2; i++) {
        bound[i] = bound[i] && random_cursor(w, &order, order_text, source, of, &keys[i],
                                             cursors[i], sizeof cursors[i]);
    }
    /* Between cursors that cross there is nothing, and no one place where nothing is. */
    bound[1] = bound[1] && (!bound[0] || compare_keys(&order, &keys[0], &keys[1]) < 0);
    begin_source(w, source, of);
    put(w, "%s", order_text);
    random_page(w, &page);
    for (int i = 0; i < 2; i++) {
        if (bound[i]) {
            put(w, ", %s: \"%s\"", i == 0 ? "after" : "before", cursors[i]);
        }
    }
    page.after = bound[0] ? &keys[0] : NULL;
    page.before = bound[1] ? &keys[1] : NULL;
    if (pick(w, 4) > 0) {
        put(w, ", where: ");
        where = random_condition(w, 3);
    }
    put(w, ") { items { id } %s %s } %s}",
        with_info ? "pageInfo { hasNextPage hasPreviousPage }" : "", with_total ? "totalCount" : "",
        source == SOURCE_ALL ? "" : "} ");
    fill(w, &order, where, source, of, &list);
    cut(&list, &order, &page, &from, &to);
    char *response = mapping_run(w->db, w->text, NULL, false);
    check_page(w, response, &list, from, to, with_info, with_total);
    quire_free(response);
    free_condition(where);
}

/* ---- worlds ---- */

static void make_schema(struct world *w)
{
    static const char *const indexes[] = {"", "@index", "@index(type: HASH)", ""};
    static const char *const lists[] = {
        "",
        "@index(fields: [\"a\", \"s\"])",
        "@index(fields: [\"k\", \"a\"]) @index(fields: [\"s\"])",
        "@index(fields: [\"up\", \"a\", \"x\"])",
        "@index(fields: [\"up\", \"s\"]) @index(fields: [\"x\", \"k\"])",
        "@index(fields: [\"k\", \"a\"], type: HASH)"};
    w->size = 0;
    put(w,
        "type T %s { id: ID! a: Int %s s: String %s x: Float %s k: Kind %s up: T "
        "kids: [T] @relation(inverse: \"up\") tags: [Tag] } enum Kind { P Q R } "
        "type Tag { id: ID! n: Int ts: [T] }",
        lists[pick(w, 6)], indexes[pick(w, 4)], indexes[pick(w, 4)], indexes[pick(w, 4)],
        indexes[pick(w, 4)]);
}

static void run_quietly(struct world *w)
{
    char *response = mapping_run(w->db, w->text, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s: %s", w->text, response);
    quire_free(response);
}

static void make_row(struct world *w)
{
    struct row *row = &w->rows[w->count];
    *row = (struct row){.alive = true, .up = w->count == 0 ? -1 : pick(w, w->count + 1) - 1};
    if (row->up >= 0 && !w->rows[row->up].alive) {
        row->up = -1;
    }
    w->size = 0;
    put(w, "mutation { createT(input: {id: \"t%d\"", w->count);
    for (int c = 0; c < COLUMN_COUNT; c++) {
        row->cells[c] = random_cell(w, (enum column)c, true);
        put(w, ", %s: ", column_names[c]);
        put_cell(w, (enum column)c, row->cells[c]);
    }
    if (row->up >= 0) {
        put(w, ", upId: \"t%d\"", row->up);
    }
    put(w, ", tagsIds: [");
    for (int tag = TAGS - 1; tag >= 0; tag--) {
        if (pick(w, 2) == 0) {
            put(w, "\"g%d\" ", tag);
            w->links[w->link_count++] = (struct link){w->count, tag};
        }
    }
    put(w, "]}) { id } }");
    run_quietly(w);
    w->count++;
}

/* Deletes a row that is not the newest, so that its rowid is not given again. */
static void delete_row(struct world *w)
{
    int row = pick(w, w->count);
    if (row == w->count - 1 || !w->rows[row].alive) {
        return;
    }
    w->size = 0;
    put(w, "mutation { deleteT(id: \"t%d\") { id } }", row);
    run_quietly(w);
    w->rows[row].alive = false;
    for (int i = 0; i < w->count; i++) {
        w->rows[i].up = w->rows[i].up == row ? -1 : w->rows[i].up;
    }
    int kept = 0;
    for (int i = 0; i < w->link_count; i++) {
        if (w->links[i].row != row) {
            w->links[kept++] = w->links[i];
        }
    }
    w->link_count = kept;
}

static void update_row(struct world *w)
{
    int row = pick(w, w->count);
    if (!w->rows[row].alive) {
        return;
    }
    enum column c = (enum column)pick(w, COLUMN_COUNT);
    w->rows[row].cells[c] = random_cell(w, c, true);
    w->size = 0;
    put(w, "mutation { updateT(id: \"t%d\", input: {%s: ", row, column_names[c]);
    put_cell(w, c, w->rows[row].cells[c]);
    put(w, "}) { id } }");
    run_quietly(w);
}

static void run_world(uint64_t seed)
{
    static struct world w;
    w = (struct world){.seed = seed};
    prng_init(&w.random, seed);
    make_schema(&w);
    w.db = mapping_open(w.text, "mutation { a: createTag(input: {id: \"g0\", n: 0}) { id } "
                                "b: createTag(input: {id: \"g1\", n: 1}) { id } "
                                "c: createTag(input: {id: \"g2\", n: 2}) { id } "
                                "d: createTag(input: {id: \"g3\", n: 3}) { id } "
                                "e: createTag(input: {id: \"g4\", n: 4}) { id } }");
    int rows = 1 + pick(&w, ROWS);
    while (w.count < rows) {
        make_row(&w);
        if (pick(&w, 6) == 0) {
            delete_row(&w);
        }
        if (pick(&w, 4) == 0) {
            update_row(&w);
        }
    }
    for (int i = 0; i < QUERIES; i++) {
        run_query(&w);
    }
    mapping_close(w.db);
}

Test(mapping, differential__random_queries_answer_as_the_naive_evaluation_does)
{
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        run_world(seed);
    }
}
