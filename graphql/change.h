/*
 * The changes of rows that a subscription tells: what one commit has made of
 * each row of a type, and the fields of the API's `TChange`.
 *
 * A row that a commit changes several times is one change: from what it was
 * before the commit to what it is behind it.
 */
#ifndef QR_GRAPHQL_CHANGE_H
#define QR_GRAPHQL_CHANGE_H

#include "graphql/read.h"
#include "quire/feed.h"

/* Records are borrowed from the feed; data NULL where there is no row. */
struct qr_change {
    int64_t rowid;
    size_t order; /* of its first change in the commit */
    const void *before, *after;
    size_t before_size, after_size;
};

/* All of one commit and table, in the order of their first changes. */
struct qr_change_list {
    const quire_allocator *allocator;
    struct qr_change *items;
    size_t count, capacity;
};

/* Fills the list from the commit that the feed stands at; it is empty after a failure. */
quire_status qr_change_collect(quire_feed *feed, const char *table, struct qr_change_list *list,
                               quire_error *err);
void qr_change_list_free(struct qr_change_list *list);

/* One event: the row as rules and the subscription's filter let it be seen. A row that rules hide
 * is not there: one that comes into sight is created, one that goes out of it deleted. */
struct qr_change_event {
    const char *operation;                /* a value of ChangeOperation */
    const struct qr_row *node, *previous; /* NULL: none, or not within the filter */
    struct qr_row rows[2];
};

/*
 * Finds the next change from *at on that the root field `field` is to tell; *at
 * is then its place, or the list's count when there is none.
 */
struct qr_change_match {
    struct qr_filter *seen; /* what rules let the caller see; NULL: all rows */
    struct qr_filter *filter;
    bool wanted[3]; /* by the order of ChangeOperation */
};
quire_status qr_change_match_compile(struct qr_reader *reader, const struct qr_select_field *field,
                                     struct qr_change_match *match);
quire_status qr_change_find(struct qr_reader *reader, const struct qr_change_match *match,
                            const struct qr_change_list *list, size_t *at,
                            struct qr_change_event *event);

/* Reads what the root field selects of reader->event, and writes it. nodes[i] belongs to field i of
 * its set. */
quire_status qr_change_read(struct qr_reader *reader, const struct qr_select_field *field,
                            struct qr_node ***nodes);
quire_status qr_change_write(struct qr_reader *reader, const struct qr_select_field *field,
                             struct qr_node **nodes, struct qr_json_writer *writer);

#endif
