/*
 * A plain ordered store: byte keys to byte values, walked by prefix.
 *
 *     byte_store DATABASE
 */
#include <string.h>

#include "example.h"

static void put(quire_keytree *tree, const char *key, const char *value)
{
    MUST(quire_keytree_put(tree, key, strlen(key), value, strlen(value), NULL, &err));
}

int main(int argc, char **argv)
{
    quire_db *db;
    quire_txn *txn;
    quire_keytree *tree;
    quire_keycursor *cursor;
    const void *value;
    size_t size;
    bool found;
    unsigned count = 0;

    MUST(quire_open(argc > 1 ? argv[1] : "store.quire", NULL, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_keytree_create(txn, "settings", &err));
    MUST(quire_keytree_open(txn, "settings", &tree, &err));
    put(tree, "window/height", "600");
    put(tree, "window/width", "800");
    put(tree, "theme", "dark");
    put(tree, "window/width", "1024"); /* replaces */
    quire_keytree_close(tree);
    MUST(quire_commit(txn, &err));

    MUST(quire_begin(db, QUIRE_READ, &txn, &err));
    MUST(quire_keytree_open(txn, "settings", &tree, &err));
    MUST(quire_keytree_get(tree, "theme", 5, &value, &size, &found, &err));
    EXPECT(found && size == 4 && memcmp(value, "dark", 4) == 0);

    MUST(quire_keycursor_open(tree, &cursor, &err));
    MUST(quire_keycursor_prefix(cursor, "window/", 7, &err));
    for (;;) {
        const void *key;
        size_t key_size;
        bool valid;
        MUST(quire_keycursor_next(cursor, &valid, &err));
        if (!valid) {
            break;
        }
        MUST(quire_keycursor_entry(cursor, &key, &key_size, &value, &size, &err));
        printf("%.*s = %.*s\n", (int)key_size, (const char *)key, (int)size, (const char *)value);
        count++;
    }
    EXPECT(count == 2);
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    quire_rollback(txn);
    MUST(quire_close(db, &err));
    return 0;
}
