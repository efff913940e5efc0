/*
 * A history by its lists alone. The longest list that was read of a key gives
 * the order of its versions; from it follow the dependencies between
 * transactions:
 *   ww   the next element of a list is another transaction's
 *   wr   a transaction read a list that ends with another's element
 *   rw   a transaction read a list that another appended to next
 *   rt   one was acknowledged before the other began
 * The last would be quadratic in number: acknowledgements are nodes of their
 * own, in a row, and lead to what began before the next.
 * The graph of what happened one after another has no cycle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"

enum { WW = 1, WR = 2, RW = 4, RT = 8 };

struct edge {
    uint32_t to, next; /* index + 1 in edges */
    uint8_t kind;
};

struct append {
    uint32_t value, key;
    uint32_t txn;
    size_t step;
    uint32_t place; /* in its list, from 1; 0: never read */
};

struct list {
    uint32_t key;
    size_t at; /* its elements, in history.values */
    uint32_t count;
};

struct graph {
    const struct history *history;
    struct history_verdict *verdict;
    struct append *appends; /* in order of value */
    size_t append_count;
    struct list *lists; /* in order of key */
    size_t list_count;
    uint32_t nodes; /* transactions, then acknowledgements */
    uint32_t *first;
    struct edge *edges;
    size_t edge_count, edge_capacity;
    bool no_memory;
};

static void find_wrong(struct graph *graph, const char *anomaly, uint32_t key, uint32_t value)
{
    if (graph->verdict->anomaly == NULL) {
        graph->verdict->anomaly = anomaly;
        (void)snprintf(graph->verdict->text, sizeof graph->verdict->text, "list %u, element %u",
                       key, value);
    }
}

/* ---- Appends and lists ---- */

static int order_appends(const void *a, const void *b)
{
    const struct append *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

static int order_lists(const void *a, const void *b)
{
    const struct list *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->count < y->count) - (x->count > y->count);
}

static struct append *find_append(const struct graph *graph, uint32_t value)
{
    const struct append wanted = {.value = value};
    return bsearch(&wanted, graph->appends, graph->append_count, sizeof wanted, order_appends);
}

static const struct list *find_list(const struct graph *graph, uint32_t key)
{
    size_t low = 0, high = graph->list_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (graph->lists[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < graph->list_count && graph->lists[low].key == key ? &graph->lists[low] : NULL;
}

/* Elements of a read that are not of its own transaction: those come last. */
static uint32_t others_count(const struct graph *graph, uint32_t txn,
                             const struct history_step *read)
{
    uint32_t count = read->count;
    while (count > 0) {
        const struct append *append =
            find_append(graph, graph->history->values[read->at + count - 1]);
        if (append == NULL || append->txn != txn) {
            break;
        }
        count--;
    }
    return count;
}

static void collect(struct graph *graph)
{
    const struct history *history = graph->history;
    for (uint32_t t = 0; t < history->txn_count; t++) {
        const struct history_txn *txn = &history->txns[t];
        for (size_t s = txn->first; s < txn->first + txn->steps; s++) {
            const struct history_step *step = &history->steps[s];
            if (step->value != 0) {
                graph->appends[graph->append_count++] =
                    (struct append){step->value, step->key, t, s, 0};
            }
        }
    }
    qsort(graph->appends, graph->append_count, sizeof *graph->appends, order_appends);
    size_t reads = 0;
    for (uint32_t t = 0; t < history->txn_count; t++) {
        const struct history_txn *txn = &history->txns[t];
        for (size_t s = txn->first; s < txn->first + txn->steps; s++) {
            const struct history_step *step = &history->steps[s];
            if (step->value == 0) {
                uint32_t count = txn->committed ? step->count : others_count(graph, t, step);
                graph->lists[reads++] = (struct list){step->key, step->at, count};
            }
        }
    }
    qsort(graph->lists, reads, sizeof *graph->lists, order_lists);
    for (size_t i = 0; i < reads; i++) { /* the longest of each key */
        if (graph->list_count == 0 ||
            graph->lists[graph->list_count - 1].key != graph->lists[i].key) {
            graph->lists[graph->list_count++] = graph->lists[i];
        }
    }
}

static void place_elements(struct graph *graph)
{
    const struct history *history = graph->history;
    for (size_t l = 0; l < graph->list_count; l++) {
        const struct list *list = &graph->lists[l];
        for (uint32_t i = 0; i < list->count; i++) {
            uint32_t value = history->values[list->at + i];
            struct append *append = find_append(graph, value);
            if (append == NULL || append->key != list->key) {
                find_wrong(graph, "garbage", list->key, value);
            } else if (!history->txns[append->txn].committed ||
                       history->steps[append->step].undone) {
                find_wrong(graph, "aborted read", list->key, value);
            } else if (append->place != 0) {
                find_wrong(graph, "duplicate", list->key, value);
            } else {
                append->place = i + 1;
            }
        }
    }
}

/* An append that was acknowledged before a transaction began that read its list without it. */
static void find_lost(struct graph *graph, const struct append *append)
{
    const struct history *history = graph->history;
    uint64_t acknowledged = atomic_load(&history->txns[append->txn].acknowledged);
    for (size_t t = 0; t < history->txn_count; t++) {
        const struct history_txn *txn = &history->txns[t];
        for (size_t s = txn->first; s < txn->first + txn->steps; s++) {
            const struct history_step *step = &history->steps[s];
            if (txn->began > acknowledged && step->value == 0 && step->key == append->key) {
                find_wrong(graph, "lost update", append->key, append->value);
            }
        }
    }
}

static void find_all_lost(struct graph *graph)
{
    for (size_t i = 0; i < graph->append_count; i++) {
        const struct append *append = &graph->appends[i];
        if (append->place == 0 && graph->history->txns[append->txn].committed &&
            !graph->history->steps[append->step].undone) {
            find_lost(graph, append);
        }
    }
}

/* ---- Edges ---- */

static void add_edge(struct graph *graph, uint32_t from, uint32_t to, uint8_t kind)
{
    if (from == to || graph->no_memory) {
        return;
    }
    if (graph->edge_count == graph->edge_capacity) {
        size_t capacity = graph->edge_capacity * 2 + 1024;
        struct edge *edges = realloc(graph->edges, capacity * sizeof *edges);
        graph->no_memory = edges == NULL;
        if (edges == NULL) {
            return;
        }
        graph->edges = edges;
        graph->edge_capacity = capacity;
    }
    graph->edges[graph->edge_count] = (struct edge){to, graph->first[from], kind};
    graph->first[from] = (uint32_t)++graph->edge_count;
}

/* The last element that a transaction appends to the key of an append. */
static bool is_final(const struct graph *graph, const struct append *append)
{
    const struct history_txn *txn = &graph->history->txns[append->txn];
    for (size_t s = append->step + 1; s < txn->first + txn->steps; s++) {
        const struct history_step *step = &graph->history->steps[s];
        if (step->value != 0 && !step->undone && step->key == append->key) {
            return false;
        }
    }
    return true;
}

static void add_read(struct graph *graph, uint32_t txn, const struct history_step *read)
{
    const uint32_t *values = graph->history->values;
    const struct list *list = find_list(graph, read->key);
    uint32_t count = others_count(graph, txn, read);
    if (count > list->count ||
        (count > 0 && memcmp(values + read->at, values + list->at, count * sizeof *values) != 0)) {
        find_wrong(graph, "incompatible order", read->key, count > 0 ? values[read->at] : 0);
        return;
    }
    if (count > 0) {
        const struct append *append = find_append(graph, values[read->at + count - 1]);
        if (!is_final(graph, append)) {
            find_wrong(graph, "intermediate read", read->key, append->value);
        }
        add_edge(graph, append->txn, txn, WR);
    }
    if (count < list->count) {
        add_edge(graph, txn, find_append(graph, values[list->at + count])->txn, RW);
    }
}

static void add_dependencies(struct graph *graph)
{
    const struct history *history = graph->history;
    for (size_t l = 0; l < graph->list_count; l++) {
        const uint32_t *values = history->values + graph->lists[l].at;
        for (uint32_t i = 1; i < graph->lists[l].count; i++) {
            add_edge(graph, find_append(graph, values[i - 1])->txn,
                     find_append(graph, values[i])->txn, WW);
        }
    }
    for (uint32_t t = 0; t < history->txn_count; t++) {
        const struct history_txn *txn = &history->txns[t];
        for (size_t s = txn->first; s < txn->first + txn->steps; s++) {
            if (history->steps[s].value == 0) {
                add_read(graph, t, &history->steps[s]);
            }
        }
    }
}

struct moment {
    uint64_t when;
    uint32_t txn;
    bool end;
};

static int order_moments(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    return (x->when > y->when) - (x->when < y->when);
}

static void add_real_time(struct graph *graph)
{
    const struct history *history = graph->history;
    struct moment *moments = calloc(2 * history->txn_count + 1, sizeof *moments);
    size_t count = 0;
    if (moments == NULL) {
        graph->no_memory = true;
        return;
    }
    for (uint32_t t = 0; t < history->txn_count; t++) {
        uint64_t end = atomic_load(&history->txns[t].acknowledged);
        moments[count++] = (struct moment){history->txns[t].began, t, false};
        if (end != HISTORY_NEVER) {
            moments[count++] = (struct moment){end, t, true};
        }
    }
    qsort(moments, count, sizeof *moments, order_moments);
    uint32_t newest = 0; /* node of the newest acknowledgement; 0: none, it is a transaction's */
    for (size_t i = 0; i < count; i++) {
        if (moments[i].end) {
            uint32_t node = (uint32_t)history->txn_count + moments[i].txn + 1;
            add_edge(graph, moments[i].txn, node, RT);
            if (newest != 0) {
                add_edge(graph, newest, node, RT);
            }
            newest = node;
        } else if (newest != 0) {
            add_edge(graph, newest, moments[i].txn, RT);
        }
    }
    free(moments);
}

/* ---- Cycles ---- */

/* Whether there is a way over edges of these kinds: breadth first. `from_node` gets the way. */
static bool reaches(const struct graph *graph, uint32_t from, uint32_t to, unsigned kinds,
                    uint32_t *queue, uint32_t *from_node)
{
    size_t head = 0, tail = 0;
    memset(from_node, 0xFF, graph->nodes * sizeof *from_node);
    queue[tail++] = from;
    from_node[from] = from;
    while (head < tail) {
        uint32_t node = queue[head++];
        if (node == to) {
            return true;
        }
        for (uint32_t e = graph->first[node]; e != 0; e = graph->edges[e - 1].next) {
            const struct edge *edge = &graph->edges[e - 1];
            if ((edge->kind & kinds) != 0 && from_node[edge->to] == UINT32_MAX) {
                from_node[edge->to] = node;
                queue[tail++] = edge->to;
            }
        }
    }
    return false;
}

/* Nodes left when all without a predecessor, over edges of these kinds, are taken away one after
 * another: none if there is no cycle. Marks them in `left`. */
static size_t strip(const struct graph *graph, unsigned kinds, uint32_t *degree, uint32_t *queue)
{
    size_t head = 0, tail = 0;
    memset(degree, 0, graph->nodes * sizeof *degree);
    for (size_t e = 0; e < graph->edge_count; e++) {
        degree[graph->edges[e].to] += (graph->edges[e].kind & kinds) != 0;
    }
    for (uint32_t node = 0; node < graph->nodes; node++) {
        if (degree[node] == 0) {
            queue[tail++] = node;
        }
    }
    while (head < tail) {
        for (uint32_t e = graph->first[queue[head++]]; e != 0; e = graph->edges[e - 1].next) {
            const struct edge *edge = &graph->edges[e - 1];
            if ((edge->kind & kinds) != 0 && --degree[edge->to] == 0) {
                queue[tail++] = edge->to;
            }
        }
    }
    return graph->nodes - tail;
}

static void describe(const struct graph *graph, const char *anomaly, uint32_t end,
                     const uint32_t *from_node)
{
    char *text = graph->verdict->text;
    size_t size = sizeof graph->verdict->text, used = 0;
    graph->verdict->anomaly = anomaly;
    text[0] = '\0';
    for (uint32_t node = end;; node = from_node[node]) {
        if (node < graph->history->txn_count && used < size) {
            const struct history_txn *txn = &graph->history->txns[node];
            int written = snprintf(text + used, size - used, "%s%s of session %u at %llu",
                                   used > 0 ? ", after " : "", txn->write ? "write" : "read",
                                   txn->session, (unsigned long long)txn->view);
            used += written > 0 ? (size_t)written : 0;
        }
        if (from_node[node] == node) {
            return;
        }
    }
}

/* A cycle of one edge of `one` and else edges of `rest`. */
static bool find_cycle(const struct graph *graph, const char *anomaly, unsigned one, unsigned rest,
                       uint32_t *scratch, uint32_t *queue)
{
    if (strip(graph, one | rest, scratch, queue) == 0) {
        return false;
    }
    /* Those on cycles are among what is left; `queue` is free again, the marks are kept. */
    uint32_t *left = calloc(graph->nodes, sizeof *left);
    bool found = false;
    if (left == NULL) {
        return false;
    }
    memcpy(left, scratch, graph->nodes * sizeof *left);
    for (uint32_t node = 0; node < graph->nodes && !found; node++) {
        for (uint32_t e = graph->first[node]; left[node] > 0 && e != 0 && !found;
             e = graph->edges[e - 1].next) {
            const struct edge *edge = &graph->edges[e - 1];
            found = (edge->kind & one) != 0 && left[edge->to] > 0 &&
                    reaches(graph, edge->to, node, rest, queue, scratch);
            if (found) {
                describe(graph, anomaly, node, scratch);
            }
        }
    }
    free(left);
    return found;
}

static void find_cycles(struct graph *graph)
{
    static const struct {
        const char *name;
        unsigned one, rest;
    } kinds[] = {
        {"G0", WW, WW},
        {"G1c", WR, WW | WR},
        {"G-single", RW, WW | WR},
        {"G2", RW, WW | WR | RW},
        {"G0-realtime", WW, WW | RT},
        {"G1c-realtime", WR, WW | WR | RT},
        {"G-single-realtime", RW, WW | WR | RT},
        {"G2-realtime", RW, WW | WR | RW | RT},
    };
    uint32_t *scratch = calloc(graph->nodes, sizeof *scratch);
    uint32_t *queue = calloc(graph->nodes, sizeof *queue);
    if (scratch == NULL || queue == NULL) {
        graph->no_memory = true;
    } else if (strip(graph, WW | WR | RW | RT, scratch, queue) > 0) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            if (find_cycle(graph, kinds[i].name, kinds[i].one, kinds[i].rest, scratch, queue)) {
                break;
            }
        }
    }
    free(scratch);
    free(queue);
}

void history_check_cycles(const struct history *history, struct history_verdict *verdict)
{
    struct graph graph = {.history = history, .verdict = verdict};
    *verdict = (struct history_verdict){0};
    graph.nodes = 2 * (uint32_t)history->txn_count + 1;
    graph.appends = calloc(history->step_count + 1, sizeof *graph.appends);
    graph.lists = calloc(history->step_count + 1, sizeof *graph.lists);
    graph.first = calloc(graph.nodes, sizeof *graph.first);
    graph.no_memory = graph.appends == NULL || graph.lists == NULL || graph.first == NULL;
    if (!graph.no_memory) {
        collect(&graph);
        place_elements(&graph);
    }
    if (verdict->anomaly == NULL && !graph.no_memory) {
        find_all_lost(&graph);
    }
    if (verdict->anomaly == NULL && !graph.no_memory) {
        add_dependencies(&graph);
        add_real_time(&graph);
    }
    if (verdict->anomaly == NULL && !graph.no_memory) {
        find_cycles(&graph);
    }
    if (graph.no_memory) {
        find_wrong(&graph, "no memory", 0, 0);
    }
    free(graph.appends);
    free(graph.lists);
    free(graph.first);
    free(graph.edges);
}
