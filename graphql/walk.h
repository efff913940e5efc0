/*
 * Walks along an access path: the candidates of a query, row by row, for one
 * parent after another with the same cursors. One thread.
 */
#ifndef QR_GRAPHQL_WALK_H
#define QR_GRAPHQL_WALK_H

#include "graphql/query.h"

struct qr_walk {
    struct qr_reader *reader;
    const struct qr_query *query;
    const struct qr_path *path;     /* the query's, or one that leads away from its page */
    const struct qr_filter *filter; /* that candidates are to pass; NULL: all do */
    bool local;                     /* rows can be judged where they stand */
    quire_table *table;
    quire_cursor *scan;
    quire_index_cursor *cursor;
    struct qr_link_walk links;
    bool count_links;      /* the rows at the other end are not asked for */
    bool started;          /* the scan stands on a row */
    bool in_range;         /* POINTS: the cursor walks over the key before next_point */
    const int64_t *rowids; /* SET */
    size_t rowid_count, next_rowid;
    quire_value prefix[17];
    uint32_t next_point;
    bool
        *told; /* columns that records are made of, where entries take the place of rows; or NULL */
    quire_value *values; /* of such a record */
};

/* Makes a walk that yields nothing before qr_walk_start. Query and path are borrowed. Close it in
 * every case. */
quire_status qr_walk_open(struct qr_reader *reader, const struct qr_query *query,
                          const struct qr_path *path, struct qr_walk *walk);
/* Goes before the first candidate of a parent (without a relation: of the table). */
quire_status qr_walk_start(struct qr_walk *walk, int64_t parent);
/* The next candidate's rowid and place. Of a scan the record too, borrowed until the next call; of
 * an index walk the entry, which stays as long. */
quire_status qr_walk_next(struct qr_walk *walk, struct qr_row *row, bool *valid);
/* The next candidates' rowids and places, of an index walk without their entries, into arrays of at
 * least `target`; *count below `target`: there are no more. */
quire_status qr_walk_rowids(struct qr_walk *walk, size_t target, int64_t *rowids, int64_t *places,
                            size_t *count);
void qr_walk_close(struct qr_walk *walk);

/* Told of a row that passes the filter, whose record is borrowed for the call. *done ends the
 * walk. */
typedef quire_status (*qr_walk_visit)(void *context, const struct qr_row *row, bool *done);

/* Walks on over the next candidates, at most `target`, and visits those that pass the filter, in
 * the order of the path; *valid says whether the walk may have more. Where keys and filter look at
 * nothing else, rows are visited in their pages, and the visitor may not read others. Uses the
 * reader's arena `batch`. */
quire_status qr_walk_each(struct qr_walk *walk, size_t target, qr_walk_visit visit, void *context,
                          bool *valid, bool *done);

/* CORRUPT: an index names a row that does not exist. */
quire_status qr_walk_missing_row(struct qr_reader *reader, const struct qr_query *query,
                                 int64_t rowid);

#endif
