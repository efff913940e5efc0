/*
 * The checks see what they look for: histories made by hand, each with one
 * anomaly, and the same without it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "history.h"

enum { X = 1, Y = 2 };

static struct history history;
static uint64_t now;

static void create(void)
{
    cr_assert(history_create(&history, 16, 64, 256));
    now = 0;
}

static void destroy(void)
{
    history_destroy(&history);
}

TestSuite(history, .init = create, .fini = destroy);

static struct history_txn *begin(uint32_t session, bool write, uint64_t view)
{
    struct history_txn *txn = history_begin(&history, session, write, ++now);
    txn->view = view;
    txn->committed = true;
    return txn;
}

static void acknowledge(struct history_txn *txn, uint64_t sequence)
{
    atomic_store(&txn->sequence, sequence);
    atomic_store(&txn->acknowledged, ++now);
}

/* A write transaction that only appends, acknowledged at once. */
static void write_one(uint32_t session, uint64_t view, uint32_t key, uint32_t value)
{
    struct history_txn *txn = begin(session, true, view);
    (void)history_append(&history, key, value);
    acknowledge(txn, view + 1);
}

static void read_list(uint32_t key, uint32_t count, const uint32_t *elements)
{
    history_read(&history, key, elements, count);
}

#define LIST(...)                                                                                  \
    (sizeof((uint32_t[]){__VA_ARGS__}) / 4), (uint32_t[])                                          \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define EMPTY 0, NULL

static void read_last(uint64_t view, uint32_t xs, const uint32_t *x, uint32_t ys, const uint32_t *y)
{
    struct history_txn *txn = begin(9, false, view);
    read_list(X, xs, x);
    read_list(Y, ys, y);
    acknowledge(txn, 0);
}

/* "": nothing is found. */
static void expect(const char *by_numbers, const char *by_cycles)
{
    struct history_verdict verdict;
    history_check_numbers(&history, &verdict);
    cr_expect_str_eq(verdict.anomaly == NULL ? "" : verdict.anomaly, by_numbers, "%s",
                     verdict.text);
    history_check_cycles(&history, &verdict);
    cr_expect_str_eq(verdict.anomaly == NULL ? "" : verdict.anomaly, by_cycles, "%s", verdict.text);
}

Test(history, serial__passes)
{
    write_one(0, 1, X, 11);
    struct history_txn *txn = begin(1, true, 2);
    read_list(X, LIST(11));
    (void)history_append(&history, X, 12);
    read_list(X, LIST(11, 12));
    (void)history_append(&history, Y, 13);
    acknowledge(txn, 3);
    read_last(3, LIST(11, 12), LIST(13));
    expect("", "");
}

Test(history, unacknowledged_commit__may_be_unseen)
{
    write_one(0, 1, X, 11);
    struct history_txn *late = begin(1, true, 2);
    (void)history_append(&history, X, 12);
    struct history_txn *reader = begin(2, false, 2);
    read_list(X, LIST(11));
    acknowledge(reader, 0);
    acknowledge(late, 3);
    read_last(3, LIST(11, 12), EMPTY);
    expect("", "");
}

Test(history, commit_without_a_number__lies_between_its_neighbours)
{
    struct history_txn *txn = begin(0, true, 1);
    (void)history_append(&history, X, 11);
    acknowledge(txn, 0);
    write_one(0, 5, X, 12);
    struct history_txn *reader = begin(1, false, 6);
    read_list(X, LIST(11, 12));
    acknowledge(reader, 0);
    read_last(6, LIST(11, 12), EMPTY);
    expect("", "");
}

Test(history, rolled_back_append_seen__is_an_aborted_read)
{
    struct history_txn *txn = begin(0, true, 1);
    (void)history_append(&history, X, 11);
    txn->committed = false;
    read_last(1, LIST(11), EMPTY);
    expect("lost update", "aborted read");
}

Test(history, append_taken_back_seen__is_an_aborted_read)
{
    struct history_txn *txn = begin(0, true, 1);
    history_append(&history, X, 11)->undone = true;
    (void)history_append(&history, Y, 12);
    acknowledge(txn, 2);
    read_last(2, LIST(11), LIST(12));
    expect("lost update", "aborted read");
}

Test(history, half_a_transaction_seen__is_an_intermediate_read)
{
    struct history_txn *txn = begin(0, true, 1);
    (void)history_append(&history, X, 11);
    (void)history_append(&history, X, 12);
    struct history_txn *reader = begin(1, false, 2);
    read_list(X, LIST(11));
    acknowledge(reader, 0);
    acknowledge(txn, 2);
    read_last(2, LIST(11, 12), EMPTY);
    expect("wrong version", "intermediate read");
}

Test(history, lists_that_disagree__are_an_incompatible_order)
{
    write_one(0, 1, X, 11);
    write_one(0, 2, X, 12);
    struct history_txn *reader = begin(1, false, 3);
    read_list(X, LIST(12));
    acknowledge(reader, 0);
    read_last(3, LIST(11, 12), EMPTY);
    expect("wrong version", "incompatible order");
}

Test(history, element_twice__is_a_duplicate)
{
    write_one(0, 1, X, 11);
    read_last(2, LIST(11, 11), EMPTY);
    expect("lost update", "duplicate");
}

Test(history, writes_that_cross__are_G0)
{
    struct history_txn *a = begin(0, true, 1);
    (void)history_append(&history, X, 11);
    (void)history_append(&history, Y, 12);
    struct history_txn *b = begin(1, true, 2);
    (void)history_append(&history, X, 21);
    (void)history_append(&history, Y, 22);
    acknowledge(a, 2);
    acknowledge(b, 3);
    read_last(3, LIST(11, 21), LIST(22, 12));
    expect("lost update", "G0");
}

Test(history, writers_that_see_each_other__are_G1c)
{
    struct history_txn *a = begin(0, true, 1);
    (void)history_append(&history, X, 11);
    read_list(Y, LIST(22));
    struct history_txn *b = begin(1, true, 2);
    (void)history_append(&history, Y, 22);
    read_list(X, LIST(11));
    acknowledge(a, 2);
    acknowledge(b, 3);
    read_last(3, LIST(11), LIST(22));
    expect("wrong version", "G1c");
}

Test(history, two_states_in_one_snapshot__are_G_single)
{
    struct history_txn *txn = begin(0, true, 1);
    (void)history_append(&history, X, 11);
    (void)history_append(&history, Y, 12);
    struct history_txn *reader = begin(1, false, 1);
    read_list(X, EMPTY);
    read_list(Y, LIST(12));
    acknowledge(reader, 0);
    acknowledge(txn, 2);
    read_last(2, LIST(11), LIST(12));
    expect("wrong version", "G-single");
}

Test(history, two_writers_on_one_state__are_G2)
{
    struct history_txn *a = begin(0, true, 1);
    read_list(X, EMPTY);
    (void)history_append(&history, Y, 11);
    struct history_txn *b = begin(1, true, 1);
    read_list(Y, EMPTY);
    (void)history_append(&history, X, 12);
    acknowledge(a, 2);
    acknowledge(b, 3);
    read_last(3, LIST(12), LIST(11));
    expect("stale read", "G2");
}

Test(history, acknowledged_commit_unseen__is_a_stale_read)
{
    write_one(0, 1, X, 11);
    struct history_txn *reader = begin(1, false, 1);
    read_list(X, EMPTY);
    acknowledge(reader, 0);
    read_last(2, LIST(11), EMPTY);
    expect("stale read", "G-single-realtime");
}

Test(history, append_gone__is_a_lost_update)
{
    write_one(0, 1, X, 11);
    struct history_txn *a = begin(0, true, 2);
    read_list(X, LIST(11));
    (void)history_append(&history, X, 12);
    struct history_txn *b = begin(1, true, 2);
    read_list(X, LIST(11));
    (void)history_append(&history, X, 13);
    acknowledge(a, 3);
    acknowledge(b, 4);
    read_last(4, LIST(11, 13), EMPTY);
    expect("stale read", "lost update");
}

Test(history, session_that_goes_back__is_seen)
{
    struct history_txn *reader = begin(1, false, 5);
    read_list(X, EMPTY);
    acknowledge(reader, 0);
    reader = begin(1, false, 4);
    read_list(X, EMPTY);
    acknowledge(reader, 0);
    read_last(5, EMPTY, EMPTY);
    expect("numbers fall", "");
}
