/*
 * Random nested writes against a model of four small tables.
 *
 * A write is made as a tree, printed as a request, and done to the model by the
 * rules of docs/graphql.md; afterwards the database must hold what the model
 * holds. Keys are few, so that writes often meet rows that exist, rows that do
 * not, and unique violations deep inside: then nothing of the request may stay.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"
#include "support/prng.h"

static const char schema[] =
    "type A { id: ID! u: Int @unique bs: [B!]! one: O @relation(inverse: \"a\") ts: [T!]! }"
    "type B { id: ID! u: Int @unique a: A }"
    "type O { id: ID! u: Int @unique a: A @unique }"
    "type T { id: ID! u: Int @unique as: [A!]! }"
    "type Query { as: [A] bs: [B] os: [O] ts: [T] }";

enum { A, B, O, T, TYPES };
enum { ROWS = 5, VALUES = 8, NONE = -1, ABSENT = -2, ITEMS_MAX = 3 };

enum role { REFERENCE, LIST, SINGLE, LINKS };

struct relation {
    int type, target;
    const char *name;
    enum role role;
};

static const struct relation relations[] = {
    {A, B, "bs", LIST},     {A, O, "one", SINGLE},  {A, T, "ts", LINKS},
    {B, A, "a", REFERENCE}, {O, A, "a", REFERENCE}, {T, A, "as", LINKS},
};
enum { RELATIONS = sizeof relations / sizeof relations[0] };

/* ---- the model ---- */

struct state {
    bool exists[TYPES][ROWS];
    int u[TYPES][ROWS];
    int a[TYPES][ROWS]; /* B and O: the row of A that they refer to */
    bool linked[ROWS][ROWS];
};

/* In the order in which they are done. */
enum verb { SET, DISCONNECT, DELETE, UPDATE, UPSERT, CONNECT, CONNECT_OR_CREATE, CREATE, VERBS };
static const char *const verb_names[] = {"set",    "disconnect", "delete",          "update",
                                         "upsert", "connect",    "connectOrCreate", "create"};

struct write;

struct item {
    enum verb verb;
    int key;   /* of the row, by id */
    bool flag; /* disconnect and delete of a single relation */
    struct write *create, *update;
};

struct nested {
    int count; /* 0: the relation is not written through */
    struct item items[ITEMS_MAX];
};

struct write {
    int type;
    int id; /* of a row that is created */
    int u;
    struct nested nested[RELATIONS];
};

static bool create_row(struct state *s, const struct write *w, const struct relation *by,
                       int parent, int *row);
static bool update_row(struct state *s, const struct write *w, int row);

static bool set_u(struct state *s, int type, int row, int u)
{
    for (int i = 0; u >= 0 && i < ROWS; i++) {
        if (i != row && s->exists[type][i] && s->u[type][i] == u) {
            return false;
        }
    }
    s->u[type][row] = u;
    return true;
}

static bool set_a(struct state *s, int type, int row, int a)
{
    if (!s->exists[type][row] || (a != NONE && !s->exists[A][a])) {
        return false;
    }
    for (int i = 0; type == O && a != NONE && i < ROWS; i++) {
        if (i != row && s->exists[O][i] && s->a[O][i] == a) {
            return false;
        }
    }
    s->a[type][row] = a;
    return true;
}

static void delete_row(struct state *s, int type, int row)
{
    s->exists[type][row] = false;
    for (int i = 0; i < ROWS; i++) {
        if (type == A) {
            s->a[B][i] = s->a[B][i] == row ? NONE : s->a[B][i];
            s->a[O][i] = s->a[O][i] == row ? NONE : s->a[O][i];
            s->linked[row][i] = false;
        } else if (type == T) {
            s->linked[i][row] = false;
        }
    }
}

static bool *link_of(struct state *s, const struct relation *r, int row, int target)
{
    return r->type == A ? &s->linked[row][target] : &s->linked[target][row];
}

static bool is_attached(struct state *s, const struct relation *r, int row, int target)
{
    return s->exists[r->target][target] &&
           (r->role == LINKS ? *link_of(s, r, row, target) : s->a[r->target][target] == row);
}

static bool attach(struct state *s, const struct relation *r, int row, int target)
{
    if (r->role != LINKS) {
        return set_a(s, r->target, target, row);
    }
    *link_of(s, r, row, target) = true;
    return s->exists[r->type][row] && s->exists[r->target][target];
}

static bool detach(struct state *s, const struct relation *r, int row, int target)
{
    if (r->role == LINKS) {
        *link_of(s, r, row, target) = false;
        return true;
    }
    return set_a(s, r->target, target, NONE);
}

static bool create_attached(struct state *s, const struct relation *r, int row,
                            const struct write *w)
{
    int target;
    return create_row(s, w, r->role == LINKS ? NULL : r, row, &target) &&
           (r->role != LINKS || attach(s, r, row, target));
}

/* One item of a list; `set` items are done together by the caller. */
static bool do_item(struct state *s, const struct relation *r, int row, const struct item *item)
{
    bool attached = is_attached(s, r, row, item->key);
    bool exists = s->exists[r->target][item->key];
    switch (item->verb) {
    case DISCONNECT:
        return !attached || detach(s, r, row, item->key);
    case DELETE:
        if (attached) {
            delete_row(s, r->target, item->key);
        }
        return attached;
    case UPDATE:
        return attached && update_row(s, item->update, item->key);
    case UPSERT:
        return attached ? update_row(s, item->update, item->key)
                        : create_attached(s, r, row, item->create);
    case CONNECT:
        return exists && (attached || attach(s, r, row, item->key));
    case CONNECT_OR_CREATE:
        return exists ? attached || attach(s, r, row, item->key)
                      : create_attached(s, r, row, item->create);
    case CREATE:
        return create_attached(s, r, row, item->create);
    case SET:
    case VERBS:
        break;
    }
    return true;
}

static bool do_set(struct state *s, const struct relation *r, int row, const struct nested *nested)
{
    bool wanted[ROWS] = {false};
    bool any = false;
    for (int i = 0; i < nested->count; i++) {
        if (nested->items[i].verb == SET) {
            any = true;
            wanted[nested->items[i].key] = true;
            if (!s->exists[r->target][nested->items[i].key]) {
                return false;
            }
        }
    }
    for (int t = 0; any && t < ROWS; t++) {
        if (is_attached(s, r, row, t) && !wanted[t] && !detach(s, r, row, t)) {
            return false;
        }
    }
    for (int t = 0; any && t < ROWS; t++) {
        if (wanted[t] && !is_attached(s, r, row, t) && !attach(s, r, row, t)) {
            return false;
        }
    }
    return true;
}

static bool do_list(struct state *s, const struct relation *r, int row, const struct nested *nested)
{
    bool ok = do_set(s, r, row, nested);
    for (int verb = DISCONNECT; verb < VERBS; verb++) {
        for (int i = 0; i < nested->count && ok; i++) {
            ok = (int)nested->items[i].verb != verb || do_item(s, r, row, &nested->items[i]);
        }
    }
    return ok;
}

static bool do_single(struct state *s, const struct relation *r, int row, const struct item *item)
{
    int current = NONE;
    for (int t = 0; t < ROWS; t++) {
        current = is_attached(s, r, row, t) ? t : current;
    }
    if (item->verb == DISCONNECT) {
        return !item->flag || current == NONE || detach(s, r, row, current);
    }
    if (item->verb == DELETE) {
        if (item->flag && current != NONE) {
            delete_row(s, r->target, current);
        }
        return !item->flag || current != NONE;
    }
    if (item->verb == UPDATE || (item->verb == UPSERT && current != NONE)) {
        return current != NONE && update_row(s, item->update, current);
    }
    bool named = item->verb == CONNECT || item->verb == CONNECT_OR_CREATE;
    bool found = named && s->exists[r->target][item->key];
    if (item->verb == CONNECT && !found) {
        return false;
    }
    if (found && item->key == current) {
        return true;
    }
    return (current == NONE || detach(s, r, row, current)) &&
           (found ? attach(s, r, row, item->key) : create_attached(s, r, row, item->create));
}

/* *target is what the reference becomes; ABSENT: what it was. */
static bool do_reference(struct state *s, int type, int row, const struct item *item, int *target)
{
    int current = row == NONE || !s->exists[type][row] ? NONE : s->a[type][row];
    *target = ABSENT;
    switch (item->verb) {
    case DISCONNECT:
        *target = item->flag ? NONE : ABSENT;
        return true;
    case DELETE:
        if (item->flag && current != NONE) {
            delete_row(s, A, current);
        }
        return !item->flag || current != NONE;
    case UPDATE:
        return current != NONE && update_row(s, item->update, current);
    case UPSERT:
        return current != NONE ? update_row(s, item->update, current)
                               : create_row(s, item->create, NULL, NONE, target);
    case CONNECT:
        *target = item->key;
        return s->exists[A][item->key];
    case CONNECT_OR_CREATE:
        *target = item->key;
        return s->exists[A][item->key] || create_row(s, item->create, NULL, NONE, target);
    case CREATE:
        return create_row(s, item->create, NULL, NONE, target);
    case SET:
    case VERBS:
        break;
    }
    return false;
}

static bool do_references(struct state *s, const struct write *w, int row, int *target)
{
    *target = ABSENT;
    for (int r = 0; r < RELATIONS; r++) {
        if (relations[r].role == REFERENCE && w->nested[r].count > 0) {
            return do_reference(s, w->type, row, &w->nested[r].items[0], target);
        }
    }
    return true;
}

static bool do_others(struct state *s, const struct write *w, int row)
{
    bool ok = true;
    for (int r = 0; r < RELATIONS && ok; r++) {
        if (relations[r].role != REFERENCE && w->nested[r].count > 0) {
            ok = relations[r].role == SINGLE
                     ? do_single(s, &relations[r], row, &w->nested[r].items[0])
                     : do_list(s, &relations[r], row, &w->nested[r]);
        }
    }
    return ok;
}

static bool create_row(struct state *s, const struct write *w, const struct relation *by,
                       int parent, int *row)
{
    int target;
    if (!do_references(s, w, NONE, &target) || s->exists[w->type][w->id]) {
        return false;
    }
    target = by != NULL ? parent : target;
    *row = w->id;
    s->exists[w->type][w->id] = true;
    s->a[w->type][w->id] = NONE;
    return set_u(s, w->type, w->id, w->u == ABSENT ? NONE : w->u) &&
           (target < 0 || set_a(s, w->type, w->id, target)) && do_others(s, w, w->id);
}

static bool update_row(struct state *s, const struct write *w, int row)
{
    int target;
    if (!do_references(s, w, row, &target)) {
        return false;
    }
    if ((w->u != ABSENT || target != ABSENT) && !s->exists[w->type][row]) {
        return false;
    }
    return (w->u == ABSENT || set_u(s, w->type, row, w->u)) &&
           (target == ABSENT || set_a(s, w->type, row, target)) && do_others(s, w, row);
}

/* ---- making writes ---- */

struct maker {
    struct prng prng;
    struct write pool[2000];
    int used;
};

static int draw(struct maker *m, int n)
{
    return (int)prng_below(&m->prng, (uint64_t)n);
}

static struct write *make_write(struct maker *m, int type, bool create, int depth, int inverse);

static void make_item(struct maker *m, const struct relation *r, bool create, int depth,
                      struct item *item)
{
    static const enum verb in_create[] = {CONNECT, CONNECT_OR_CREATE, CREATE};
    /* A row that is created through its own reference does not give it. */
    int inverse = r->role == LIST || r->role == SINGLE ? r->target : NONE;

    item->verb = create ? in_create[draw(m, 3)] : (enum verb)draw(m, VERBS);
    if (item->verb == SET && (r->role == REFERENCE || r->role == SINGLE)) {
        item->verb = UPDATE;
    }
    item->key = draw(m, ROWS);
    item->flag = draw(m, 4) > 0;
    item->create = make_write(m, r->target, true, depth - 1, inverse);
    item->update = make_write(m, r->target, false, depth - 1, NONE);
}

/* `inverse`: the type whose reference must not be given. */
static struct write *make_write(struct maker *m, int type, bool create, int depth, int inverse)
{
    struct write *w = &m->pool[m->used++];
    memset(w, 0, sizeof *w);
    w->type = type;
    w->id = draw(m, ROWS);
    w->u = draw(m, 3) == 0 ? draw(m, VALUES + 1) - 1 : ABSENT;
    for (int i = 0; i < RELATIONS && depth > 0; i++) {
        const struct relation *r = &relations[i];
        bool single = r->role == REFERENCE || r->role == SINGLE;
        if (r->type != type || draw(m, 2) == 0 || (r->role == REFERENCE && type == inverse)) {
            continue;
        }
        w->nested[i].count = single ? 1 : 1 + draw(m, ITEMS_MAX);
        for (int k = 0; k < w->nested[i].count; k++) {
            make_item(m, r, create, depth, &w->nested[i].items[k]);
        }
    }
    return w;
}

/* ---- printing ---- */

struct text {
    char bytes[200000];
    size_t size;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text->size += (size_t)vsnprintf(text->bytes + text->size, sizeof text->bytes - text->size,
                                    format, arguments);
    va_end(arguments);
    cr_assert_lt(text->size, sizeof text->bytes);
}

static void put_write(struct text *text, const struct write *w, bool create);

static void put_item(struct text *text, const struct relation *r, const struct item *item)
{
    bool list = r->role == LIST || r->role == LINKS;
    switch (item->verb) {
    case DISCONNECT:
    case DELETE:
        if (!list) {
            put(text, "%s", item->flag ? "true" : "false");
            return;
        }
        break;
    case UPDATE:
    case UPSERT:
        put(text, "{");
        if (list) {
            put(text, "where: {id: \"%d\"}, ", item->key);
        }
        put(text, "%s: ", item->verb == UPDATE ? "input" : "update");
        put_write(text, item->update, false);
        if (item->verb == UPSERT) {
            put(text, ", create: ");
            put_write(text, item->create, true);
        }
        put(text, "}");
        return;
    case CONNECT_OR_CREATE:
        put(text, "{where: {id: \"%d\"}, create: ", item->key);
        put_write(text, item->create, true);
        put(text, "}");
        return;
    case CREATE:
        put_write(text, item->create, true);
        return;
    case SET:
    case CONNECT:
    case VERBS:
        break;
    }
    put(text, "{id: \"%d\"}", item->key);
}

static void put_nested(struct text *text, const struct relation *r, const struct nested *nested)
{
    bool list = r->role == LIST || r->role == LINKS;
    put(text, " %s: {", r->name);
    /* Not in the order in which they are done. */
    for (int verb = VERBS - 1; verb >= 0; verb--) {
        bool any = false;
        for (int i = 0; i < nested->count; i++) {
            if ((int)nested->items[i].verb == verb) {
                if (!any) {
                    put(text, "%s: %s", verb_names[verb], list ? "[" : "");
                } else {
                    put(text, ", ");
                }
                put_item(text, r, &nested->items[i]);
                any = true;
            }
        }
        put(text, "%s", any && list ? "] " : " ");
    }
    put(text, "}");
}

static void put_write(struct text *text, const struct write *w, bool create)
{
    put(text, "{");
    if (create) {
        put(text, "id: \"%d\"", w->id);
    }
    if (w->u >= 0) {
        put(text, " u: %d", w->u);
    } else if (w->u == NONE) {
        put(text, " u: null");
    }
    for (int i = 0; i < RELATIONS; i++) {
        if (w->nested[i].count > 0) {
            put_nested(text, &relations[i], &w->nested[i]);
        }
    }
    put(text, "}");
}

/* ---- comparing ---- */

static void put_u(struct text *text, int id, int u)
{
    put(text, "{\"id\":\"%d\",\"u\":", id);
    if (u < 0) {
        put(text, "null");
    } else {
        put(text, "%d", u);
    }
}

static void put_state(struct text *text, struct state *s)
{
    static const char *const lists[] = {"as", "bs", "os", "ts"};
    text->size = 0;
    put(text, "{\"data\":{");
    for (int type = 0; type < TYPES; type++) {
        const char *comma = "";
        put(text, "%s\"%s\":{\"items\":[", type == 0 ? "" : ",", lists[type]);
        for (int i = 0; i < ROWS; i++) {
            if (!s->exists[type][i]) {
                continue;
            }
            put(text, "%s", comma);
            comma = ",";
            put_u(text, i, s->u[type][i]);
            if (type == B || type == O) {
                put(text, s->a[type][i] == NONE ? ",\"aId\":null}" : ",\"aId\":\"%d\"}",
                    s->a[type][i]);
                continue;
            }
            put(text, ",\"%s\":{\"items\":[", type == A ? "ts" : "as");
            const char *inner = "";
            for (int k = 0; k < ROWS; k++) {
                if (type == A ? s->linked[i][k] : s->linked[k][i]) {
                    put(text, "%s{\"id\":\"%d\"}", inner, k);
                    inner = ",";
                }
            }
            put(text, "]}}");
        }
        put(text, "]}");
    }
    put(text, "}}");
}

static const char dump[] =
    "{ as(orderBy: {id: ASC}) { items { id u ts(orderBy: {id: ASC}) { items { id } } } } "
    "bs(orderBy: {id: ASC}) { items { id u aId } } os(orderBy: {id: ASC}) { items { id u aId } } "
    "ts(orderBy: {id: ASC}) { items { id u as(orderBy: {id: ASC}) { items { id } } } } }";

/* One field of a request; false when it must fail. */
static bool make_field(struct maker *m, struct text *text, struct state *s, int number)
{
    static const char names[] = "ABOT";
    int type = draw(m, TYPES);
    bool create = draw(m, 3) == 0;
    struct write *w = make_write(m, type, create, 3, NONE);
    int row = draw(m, ROWS);

    if (create) {
        put(text, " f%d: create%c(input: ", number, names[type]);
    } else {
        put(text, " f%d: update%c(id: \"%d\", input: ", number, names[type], row);
    }
    put_write(text, w, create);
    put(text, ") { id }");
    if (create) {
        return create_row(s, w, NULL, NONE, &row);
    }
    return s->exists[type][row] && update_row(s, w, row) && s->exists[type][row];
}

/* Runs random requests from one seed; how many succeeded. */
static int run_rounds(uint64_t seed, int rounds)
{
    static struct maker maker;
    static struct text text;
    static char document[sizeof text.bytes];
    struct state state = {0};
    int succeeded = 0;
    quire_db *db = mapping_open(schema, NULL);

    prng_init(&maker.prng, seed);
    for (int round = 0; round < rounds; round++) {
        struct state next = state;
        bool ok = true;
        int fields = 1 + draw(&maker, 2);
        maker.used = 0;
        text.size = 0;
        put(&text, "mutation {");
        for (int i = 0; i < fields; i++) {
            ok = make_field(&maker, &text, &next, i) && ok;
        }
        put(&text, " }");
        char *response = mapping_run(db, text.bytes, NULL, false);
        cr_assert_eq(ok, strstr(response, "\"errors\"") == NULL, "%d: %s\ngives %s", round,
                     text.bytes, response);
        quire_free(response);
        if (ok) {
            state = next;
            succeeded++;
        }
        response = mapping_run(db, dump, NULL, false);
        memcpy(document, text.bytes, text.size + 1);
        put_state(&text, &state);
        cr_assert_str_eq(response, text.bytes, "%d: %s\ngives    %s\nexpected %s", round, document,
                         response, text.bytes);
        quire_free(response);
    }
    mapping_close(db);
    return succeeded;
}

Test(mapping, nested_model__random_writes_do_what_the_rules_say_or_nothing)
{
    enum { SEEDS = 8, ROUNDS = 1000 };
    int succeeded = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        succeeded += run_rounds(seed, ROUNDS);
    }
    cr_expect(succeeded > SEEDS * ROUNDS / 10 && succeeded < SEEDS * ROUNDS * 9 / 10, "%d",
              succeeded);
}
