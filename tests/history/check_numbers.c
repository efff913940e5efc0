/*
 * A history against the commit numbers. One writer at a time: the numbers that
 * write transactions saw put all commits in one order, and the state after the
 * first n of them is known for every n. A transaction must have seen exactly
 * one such state. A commit that was not told its number has one above what it
 * saw and not above what the next commit saw.
 */
#include <stdio.h>
#include <stdlib.h>

#include "history.h"

struct element {
    uint32_t key, value;
    size_t commit; /* 1 for the first */
    size_t step;
};

struct commit {
    size_t txn;
    uint64_t low, high; /* its number lies between, both included */
};

struct known {
    uint64_t acknowledged;
    size_t commits; /* that had happened for sure */
};

struct numbers {
    const struct history *history;
    struct history_verdict *verdict;
    struct commit *commits;
    size_t commit_count;
    size_t *place;            /* of a transaction in the order of commits, 0: it changed nothing */
    struct element *elements; /* committed, in order of key, commit, step */
    size_t element_count;
    struct known *known; /* in order of time */
    size_t known_count;
};

static const struct history_step *step_of(const struct numbers *numbers,
                                          const struct history_txn *txn, uint32_t index)
{
    return &numbers->history->steps[txn->first + index];
}

static bool changes_lists(const struct numbers *numbers, const struct history_txn *txn)
{
    for (uint32_t i = 0; i < txn->steps && txn->committed; i++) {
        const struct history_step *step = step_of(numbers, txn, i);
        if (step->value != 0 && !step->undone) {
            return true;
        }
    }
    return false;
}

/* ---- The order of commits, and the lists that it makes ---- */

static int order_commits(const void *a, const void *b)
{
    const struct commit *x = a, *y = b;
    return (x->low > y->low) - (x->low < y->low);
}

static int order_elements(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->commit != y->commit) {
        return x->commit < y->commit ? -1 : 1;
    }
    return (x->step > y->step) - (x->step < y->step);
}

static int order_known(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    return (x->acknowledged > y->acknowledged) - (x->acknowledged < y->acknowledged);
}

static void order(struct numbers *numbers)
{
    const struct history *history = numbers->history;
    for (size_t i = 0; i < history->txn_count; i++) {
        const struct history_txn *txn = &history->txns[i];
        if (changes_lists(numbers, txn)) {
            uint64_t told = atomic_load(&txn->sequence);
            numbers->commits[numbers->commit_count++] =
                (struct commit){i, told != 0 ? told : txn->view + 1, told};
        }
    }
    qsort(numbers->commits, numbers->commit_count, sizeof *numbers->commits, order_commits);
    for (size_t i = 0; i < numbers->commit_count; i++) {
        struct commit *commit = &numbers->commits[i];
        numbers->place[commit->txn] = i + 1;
        if (commit->high == 0) {
            commit->high = i + 1 < numbers->commit_count ? commit[1].low - 1 : UINT64_MAX;
        }
    }
}

static void collect(struct numbers *numbers)
{
    const struct history *history = numbers->history;
    for (size_t i = 0; i < numbers->commit_count; i++) {
        const struct history_txn *txn = &history->txns[numbers->commits[i].txn];
        for (uint32_t s = 0; s < txn->steps; s++) {
            const struct history_step *step = step_of(numbers, txn, s);
            if (step->value != 0 && !step->undone) {
                numbers->elements[numbers->element_count++] =
                    (struct element){step->key, step->value, i + 1, txn->first + s};
            }
        }
        uint64_t moment = atomic_load(&txn->acknowledged);
        if (moment != HISTORY_NEVER) {
            numbers->known[numbers->known_count++] = (struct known){moment, i + 1};
        }
    }
    qsort(numbers->elements, numbers->element_count, sizeof *numbers->elements, order_elements);
    qsort(numbers->known, numbers->known_count, sizeof *numbers->known, order_known);
    for (size_t i = 1; i < numbers->known_count; i++) {
        if (numbers->known[i].commits < numbers->known[i - 1].commits) {
            numbers->known[i].commits = numbers->known[i - 1].commits;
        }
    }
}

/* The first element of a key. */
static size_t find_key(const struct numbers *numbers, uint32_t key)
{
    size_t low = 0, high = numbers->element_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numbers->elements[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Commits acknowledged before a moment. */
static size_t known_before(const struct numbers *numbers, uint64_t moment)
{
    size_t low = 0, high = numbers->known_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numbers->known[middle].acknowledged < moment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : numbers->known[low - 1].commits;
}

/* ---- One transaction ---- */

/* Whether a read shows the first `state` commits and what its own transaction did before it. */
static bool shows(const struct numbers *numbers, const struct history_txn *txn, uint32_t index,
                  size_t state)
{
    const struct history_step *read = step_of(numbers, txn, index);
    const uint32_t *seen = numbers->history->values + read->at;
    uint32_t count = 0;
    for (size_t i = find_key(numbers, read->key);
         i < numbers->element_count && numbers->elements[i].key == read->key &&
         numbers->elements[i].commit <= state;
         i++) {
        if (count == read->count || seen[count] != numbers->elements[i].value) {
            return false;
        }
        count++;
    }
    for (uint32_t i = 0; i < index; i++) {
        const struct history_step *own = step_of(numbers, txn, i);
        if (own->value != 0 && !own->undone && own->key == read->key) {
            if (count == read->count || seen[count] != own->value) {
                return false;
            }
            count++;
        }
    }
    return count == read->count;
}

/* The first read that does not show the state, or txn->steps. */
static uint32_t first_wrong(const struct numbers *numbers, const struct history_txn *txn,
                            size_t state)
{
    for (uint32_t i = 0; i < txn->steps; i++) {
        if (step_of(numbers, txn, i)->value == 0 && !shows(numbers, txn, i, state)) {
            return i;
        }
    }
    return txn->steps;
}

/* A commit changes the state that the one before it left. */
static size_t least_state(const struct numbers *numbers, size_t index, bool last)
{
    if (last) {
        return numbers->commit_count;
    }
    size_t own = numbers->place[index];
    size_t known = known_before(numbers, numbers->history->txns[index].began);
    return own > known + 1 ? own - 1 : known;
}

static void judge(struct numbers *numbers, size_t index, bool last)
{
    const struct history_txn *txn = &numbers->history->txns[index];
    size_t low = 0, high = 0;
    while (low < numbers->commit_count && numbers->commits[low].high <= txn->view) {
        low++;
    }
    while (high < numbers->commit_count && numbers->commits[high].low <= txn->view) {
        high++;
    }
    size_t need = least_state(numbers, index, last);
    struct history_verdict *verdict = numbers->verdict;
    const char *kind = txn->write ? "write" : "read";
    if (need > high) {
        verdict->anomaly = last ? "lost update" : "stale read";
        (void)snprintf(verdict->text, sizeof verdict->text,
                       "a %s transaction of session %u saw commit number %llu, which is the state "
                       "of %zu commits, not of %zu",
                       kind, txn->session, (unsigned long long)txn->view, high, need);
        return;
    }
    uint32_t wrong = 0;
    for (size_t state = low > need ? low : need; state <= high; state++) {
        wrong = first_wrong(numbers, txn, state);
        if (wrong == txn->steps) {
            return;
        }
    }
    const struct history_step *step = step_of(numbers, txn, wrong);
    verdict->anomaly = last ? "lost update" : "wrong version";
    (void)snprintf(verdict->text, sizeof verdict->text,
                   "a %s transaction of session %u that saw commit number %llu, the state of %zu "
                   "commits, read list %u with %u elements, which it did not have then (step %u)",
                   kind, txn->session, (unsigned long long)txn->view, high, step->key, step->count,
                   wrong);
}

/* ---- Sessions ---- */

#define SESSIONS 64U

/* Transactions of a session stand in their order. */
static void check_sessions(struct numbers *numbers)
{
    uint64_t newest[SESSIONS][2] = {{0}};
    for (size_t i = 0; i < numbers->history->txn_count; i++) {
        const struct history_txn *txn = &numbers->history->txns[i];
        uint64_t *before = &newest[txn->session % SESSIONS][txn->write];
        uint64_t told = atomic_load(&txn->sequence);
        if (txn->view < *before || (told != 0 && told <= txn->view)) {
            numbers->verdict->anomaly = "numbers fall";
            (void)snprintf(numbers->verdict->text, sizeof numbers->verdict->text,
                           "session %u saw commit number %llu after %llu and got %llu",
                           txn->session, (unsigned long long)txn->view, (unsigned long long)*before,
                           (unsigned long long)told);
            return;
        }
        *before = told != 0 ? told : txn->view;
    }
}

void history_check_numbers(const struct history *history, struct history_verdict *verdict)
{
    struct numbers numbers = {.history = history, .verdict = verdict};
    *verdict = (struct history_verdict){0};
    numbers.place = calloc(history->txn_count + 1, sizeof *numbers.place);
    numbers.commits = calloc(history->txn_count + 1, sizeof *numbers.commits);
    numbers.known = calloc(history->txn_count + 1, sizeof *numbers.known);
    numbers.elements = calloc(history->step_count + 1, sizeof *numbers.elements);
    if (numbers.place == NULL || numbers.commits == NULL || numbers.known == NULL ||
        numbers.elements == NULL) {
        verdict->anomaly = "no memory";
    } else {
        order(&numbers);
        collect(&numbers);
        check_sessions(&numbers);
        uint64_t newest = 0;
        for (size_t i = 0; i < history->txn_count; i++) {
            newest = history->txns[i].began > newest ? history->txns[i].began : newest;
        }
        for (size_t i = 0; i < history->txn_count && verdict->anomaly == NULL; i++) {
            judge(&numbers, i, history->txns[i].began == newest);
        }
    }
    free(numbers.place);
    free(numbers.commits);
    free(numbers.known);
    free(numbers.elements);
}
