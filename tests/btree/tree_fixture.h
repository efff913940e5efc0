/*
 * A database in memory with one tree, and a model of what the tree should hold:
 * a sorted array of keys, each with the seed and size of its payload.
 */
#ifndef QUIRE_TESTS_TREE_FIXTURE_H
#define QUIRE_TESTS_TREE_FIXTURE_H

#include "btree/btree.h"
#include "support/prng.h"

#define TREE_ID 77U

struct tree_db {
    struct qr_file_layer *layer;
    bool own_layer;
    struct qr_pager *pager;
    struct qr_txn *txn; /* open write transaction, or NULL */
    struct qr_tree tree;
    uint32_t page_size;
    uint64_t cache_bytes;
    const quire_allocator *allocator;
};

/* Opens a new database and, in a first transaction that stays open, creates the tree. Asserts. */
void tree_db_open(struct tree_db *db, enum qr_tree_kind kind, uint32_t page_size,
                  uint64_t cache_bytes);
/* The same over a given layer and allocator. Nothing is created: returns the status of opening. */
quire_status tree_db_try_open(struct tree_db *db, enum qr_tree_kind kind, uint32_t page_size,
                              struct qr_file_layer *layer, const quire_allocator *allocator,
                              quire_error *err);
void tree_db_begin(struct tree_db *db);
void tree_db_commit(struct tree_db *db);
void tree_db_close(struct tree_db *db);

/* Closes the database, changes the byte at `offset` of its file, and opens it again. No transaction
 * may be open. */
void tree_db_damage_file(struct tree_db *db, uint64_t offset);

/* A tree over a snapshot; close its view with qr_snapshot_close. */
struct qr_tree tree_db_snapshot(struct tree_db *db);

/* ---- Keys and payloads ---- */

#define MODEL_KEY_MAX 8192U

struct model_entry {
    int64_t rowid;
    uint8_t *key; /* key trees */
    size_t key_size;
    uint64_t seed;
    size_t size;
};

struct model {
    enum qr_tree_kind kind;
    struct model_entry *entries;
    size_t count, capacity;
};

void model_init(struct model *model, enum qr_tree_kind kind);
void model_free(struct model *model);
/* Index of the first entry >= key. */
size_t model_search(const struct model *model, const struct qr_tree_key *key, bool *exact);
void model_put(struct model *model, const struct qr_tree_key *key, uint64_t seed, size_t size);
void model_delete(struct model *model, const struct qr_tree_key *key);
struct qr_tree_key model_key(const struct model *model, size_t index);

/* Fills a payload from its seed. */
void payload_fill(uint8_t *payload, size_t size, uint64_t seed);
bool payload_matches(struct qr_slice payload, size_t size, uint64_t seed);

/* Puts into tree and model, with UPSERT, and asserts the result. */
void both_put(const struct qr_tree *tree, struct model *model, const struct qr_tree_key *key,
              uint64_t seed, size_t size);
void both_delete(const struct qr_tree *tree, struct model *model, const struct qr_tree_key *key);

struct qr_tree_key row_key(int64_t rowid);
/* A key over a NUL-terminated text. */
struct qr_tree_key text_key(const char *text);

/* ---- Comparing ---- */

/* Asserts that the tree holds exactly the model, by cursor both ways, by find and by count. */
void assert_tree_equals(const struct qr_tree *tree, const struct model *model);

struct issue {
    char code[32];
    uint32_t page;
    uint32_t offset;
};

struct issues {
    struct issue issue[64];
    size_t count; /* all, of which the first 64 are kept */
    uint32_t pages;
    uint8_t *owned; /* by page number */
    uint32_t page_count;
};

/* Runs the check; free with issues_free. */
void tree_check(const struct qr_tree *tree, struct issues *issues);
void issues_free(struct issues *issues);
bool issues_have(const struct issues *issues, const char *code, uint32_t page);
/* Asserts that the check finds nothing and returns how many pages the tree owns. */
uint32_t assert_tree_clean(const struct qr_tree *tree);

#endif
