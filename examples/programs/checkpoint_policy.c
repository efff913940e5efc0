/*
 * A checkpoint policy of the program's own: never by itself while the program
 * says that it is busy, at once when it says that it is idle.
 *
 *     checkpoint_policy DATABASE
 */
#include <stdatomic.h>

#include "example.h"

struct load {
    atomic_bool busy;
    atomic_uint asked;
};

/* Called by the library after each group of commits, and every poll_ms. */
static quire_checkpoint_wish wish(void *context, const quire_checkpoint_state *state)
{
    struct load *load = context;
    atomic_fetch_add(&load->asked, 1);
    if (state->frames == 0 || atomic_load(&load->busy)) {
        return QUIRE_CHECKPOINT_NONE;
    }
    return QUIRE_CHECKPOINT_PASSIVE;
}

static void commit_rows(quire_db *db, int64_t from, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        quire_txn *txn;
        quire_tree *tree;
        MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
        MUST(quire_tree_open(txn, "rows", &tree, &err));
        MUST(quire_tree_insert(tree, from + i, "row", 3, &err));
        quire_tree_close(tree);
        MUST(quire_commit(txn, &err));
    }
}

int main(int argc, char **argv)
{
    struct load load = {.busy = true};
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_stats busy = {.size = sizeof busy};
    quire_stats done = {.size = sizeof done};
    quire_db *db;
    quire_txn *txn;

    options.durability = QUIRE_DURABILITY_NORMAL;
    options.checkpoint = (quire_checkpoint_policy){.wish = wish, .context = &load, .poll_ms = 10};
    MUST(quire_open(argc > 1 ? argv[1] : "policy.quire", &options, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_tree_create(txn, "rows", &err));
    MUST(quire_commit(txn, &err));

    commit_rows(db, 1, 500);
    MUST(quire_get_stats(db, &busy, &err));
    EXPECT(busy.checkpoints == 0);

    atomic_store(&load.busy, false);
    commit_rows(db, 501, 1);          /* the policy is asked again, and wishes */
    MUST(quire_checkpoint(db, &err)); /* waits for one that is running */
    MUST(quire_get_stats(db, &done, &err));
    EXPECT(done.checkpoints > 0);
    EXPECT(atomic_load(&load.asked) > 0);
    printf("asked %u times; %llu pages copied once the load was over\n", atomic_load(&load.asked),
           (unsigned long long)done.pages_written);
    MUST(quire_close(db, &err));
    return 0;
}
