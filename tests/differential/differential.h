/*
 * One program of operations, run against Quire, SQLite and a model at once.
 *
 * The model is plain: what each of a few hundred rows and keys holds, copied
 * for every savepoint and open snapshot. Contents follow from a number, so that
 * the model holds the number alone.
 */
#ifndef QUIRE_TESTS_DIFFERENTIAL_H
#define QUIRE_TESTS_DIFFERENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quire/quire.h"
#include "support/prng.h"

#define ROWS     300U /* rowids 1 to ROWS */
#define KEYS     300U
#define KEY_SIZE 48U
#define BYTES    (UINT32_C(1) << 17) /* of the longest content */

/* A row of table t (a INT, u INT, b TEXT, c FLOAT, d BLOB); u is unique. */
struct row {
    bool present, has_a, has_u, has_b;
    int32_t a, u;
    uint32_t b; /* its text, see text_of */
    uint32_t d, d_size;
};

struct entry {
    bool present;
    uint32_t value, size;
};

struct state {
    struct row rows[ROWS];
    struct entry keys[KEYS];
};

/* The keys of a run, in ascending order. */
struct keys {
    uint8_t bytes[KEYS][KEY_SIZE];
    size_t size[KEYS];
};

void fill(uint32_t number, uint8_t *bytes, size_t size);
size_t text_of(uint32_t number, char text[64]);
double real_of(const struct row *row);

/* Orders of rows, as an index on these columns has them; ties by rowid. */
enum order { ORDER_ID, ORDER_A, ORDER_B_DESC_A };
int compare_rows(const struct state *state, enum order order, uint32_t one, uint32_t other);

/* ---- SQLite: tables of the same names. Each call checks what SQLite says against what it is to
 * be. ---- */

struct peer;
struct peer *peer_open(void);
void peer_close(struct peer *peer);
void peer_run(struct peer *peer, const char *sql);
/* `unique` true: it must refuse. */
void peer_put(struct peer *peer, bool insert, uint32_t id, const struct row *row, bool unique);
void peer_delete(struct peer *peer, uint32_t id);
void peer_check_row(struct peer *peer, uint32_t id, const struct row *row);
void peer_put_key(struct peer *peer, const struct keys *keys, uint32_t key,
                  const struct entry *entry);
void peer_delete_keys(struct peer *peer, const struct keys *keys, uint32_t from, uint32_t to);
void peer_check_key(struct peer *peer, const struct keys *keys, uint32_t key,
                    const struct entry *entry);
/* The first rows in an order among those with low <= a <= high (with all rows when low > high). */
void peer_check_scan(struct peer *peer, enum order order, bool reverse, int32_t low, int32_t high,
                     const uint32_t *ids, uint32_t count, uint32_t limit);
void peer_check_counts(struct peer *peer, uint32_t rows, uint32_t keys);

#endif
