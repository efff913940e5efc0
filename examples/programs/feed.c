/*
 * The change feed: a cache in the program that follows a table, goes on where it
 * was after it has been away, and is told when it was away for too long.
 *
 *     feed DATABASE
 */
#include <string.h>

#include "example.h"

/* The cache: the price of each item, 0 where there is none. */
static long long prices[16];

static long long price_in(const void *record, size_t size)
{
    quire_value price;
    if (record == NULL) {
        return 0;
    }
    MUST(quire_record_column(record, size, 0, &price, &err));
    return (long long)price.as.integer;
}

/* Brings the cache up to date with what has been committed; false when it cannot be. */
static bool follow(quire_feed *feed)
{
    for (;;) {
        const quire_feed_commit *commit;
        quire_row_change change;
        quire_error err = QUIRE_ERROR_INIT;
        quire_status status = quire_feed_next(feed, 0, &commit, &err);
        if (status == QUIRE_RESUME_TOO_OLD) {
            printf("%s\n", err.message);
            return false;
        }
        EXPECT(status == QUIRE_OK);
        if (commit == NULL) {
            return true;
        }
        while (quire_feed_change(feed, &change)) {
            EXPECT(strcmp(change.table, "prices") == 0);
            EXPECT(prices[change.rowid] == price_in(change.before, change.before_size));
            prices[change.rowid] = price_in(change.after, change.after_size);
        }
    }
}

/* Sets the price of an item, new or not. */
static void set_price(quire_db *db, int64_t item, int64_t price)
{
    quire_txn *txn;
    quire_table *table;
    quire_value value = quire_int(price);
    bool found;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_table_open(txn, "prices", &table, &err));
    MUST(quire_table_update(table, item, &value, 1, &found, &err));
    if (!found) {
        MUST(quire_table_insert(table, &item, &value, 1, &err));
    }
    quire_table_close(table);
    MUST(quire_commit(txn, &err));
}

static void create(quire_db *db)
{
    static const quire_column price = {"price", QUIRE_INT, true};
    quire_txn *txn;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_table_create(txn, "prices", &price, 1, &err));
    MUST(quire_commit(txn, &err));
}

int main(int argc, char **argv)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_feed_options resume = QUIRE_FEED_OPTIONS_INIT;
    quire_db *db;
    quire_feed *feed;

    options.feed_window_bytes = 16 << 10; /* kept while nobody listens, too */
    MUST(quire_open(argc > 1 ? argv[1] : "prices.quire", &options, &db, &err));
    create(db);

    MUST(quire_feed_open(db, NULL, &feed, &err));
    set_price(db, 1, 250);
    set_price(db, 2, 100);
    EXPECT(follow(feed) && prices[1] == 250 && prices[2] == 100);

    /* Away for a while. */
    quire_feed_position position = quire_feed_where(feed);
    quire_feed_close(feed);
    set_price(db, 1, 275);
    resume.from = &position;
    MUST(quire_feed_open(db, &resume, &feed, &err));
    EXPECT(follow(feed) && prices[1] == 275);
    printf("resumed behind commit %llu: the price is %lld\n", (unsigned long long)position.commit,
           prices[1]);

    /* Too slow: the writer does not wait, and the listener learns of it. */
    for (int i = 0; i < 300; i++) {
        set_price(db, 2, 101 + i);
    }
    EXPECT(!follow(feed));
    quire_feed_close(feed);
    MUST(quire_close(db, &err));
    return 0;
}
