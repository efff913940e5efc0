/*
 * Queries for rows: a connection's arguments compiled once into filter, order,
 * page and access path, then run over a whole table or, for a relation, over
 * the rows of many parents at once.
 */
#ifndef QR_GRAPHQL_QUERY_H
#define QR_GRAPHQL_QUERY_H

#include "graphql/filter.h"
#include "graphql/order.h"
#include "graphql/select.h"

/* How the candidates are found. */
enum qr_path_kind {
    QR_PATH_SCAN,   /* the table in rowid order */
    QR_PATH_RANGE,  /* one range of an index */
    QR_PATH_POINTS, /* several keys of an index: an `in` */
    QR_PATH_SET,    /* what several ways find, by rowid */
    QR_PATH_LINKS,  /* the links of the parent */
    QR_PATH_NOTHING /* the filter holds for no row */
};

struct qr_path_place {
    quire_value values[16];
    int64_t place;
};

struct qr_path {
    enum qr_path_kind kind;
    uint32_t index;         /* of the table's indexes */
    const char *name;       /* the index's, for explain */
    quire_value prefix[16]; /* equal columns; the parent's rowid goes to parent_column */
    uint32_t prefix_count;
    int parent_column; /* -1: none */
    quire_value lower, upper;
    bool has_lower, has_upper, lower_exclusive, upper_exclusive;
    const quire_value *starts_with; /* instead of bounds; NULL: none */
    const struct qr_filter *points; /* POINTS: the `in` whose values follow the prefix */
    /* Where cursors let a walk over an ordered index or links begin and end, in its order: the
     * values of the columns behind the prefix, and the place. NULL: nowhere. */
    const struct qr_path_place *from, *to;
    bool unique;            /* at most one row */
    bool ordered;           /* candidates come in the query's order (or its reverse) */
    bool reverse;           /* walk backwards to get that order forwards */
    bool exact;             /* every candidate passes the filter */
    bool covering;          /* the entries tell all columns that are read of the rows */
    struct qr_row_set *set; /* SET */
    double estimate;        /* of the candidates; 0 when no choice hung on it */
};

struct qr_query {
    const struct qr_model_type *type;
    const struct qr_model_field *relation; /* REVERSE or LINKS whose rows are asked for; or NULL */
    struct qr_filter *filter;
    struct qr_order order;
    struct qr_path path;
    struct qr_path uncut;             /* the path without the bounds that cursors give it */
    bool cut_by_after, cut_by_before; /* the path leaves out rows beyond that cursor */
    uint64_t skip;
    uint64_t limit;                  /* UINT64_MAX: none */
    bool backward;                   /* `last`: the page is at the end */
    struct qr_gql_str after, before; /* keys; data NULL: none */
    bool need_keys, need_has_more;
    const struct qr_model_field **distinct; /* the first row of each combination is meant */
    uint32_t distinct_count;
    const bool *columns; /* that are read of a row beside the filter's, by column; NULL: all */
    bool folds;          /* for a fold: rows may come in any order, and need no record */
    bool ties_any;       /* rows that compare equal may come in any order */
    uint32_t nesting;    /* within the planning of another query */
};

/* Rows in the order of the page, with their sort keys where they are needed. */
struct qr_rows {
    struct qr_row *rows;
    struct qr_gql_str *keys; /* NULL unless need_keys */
    size_t count, capacity;
};

/* The part of qr_rows that belongs to one parent (or all of it). */
struct qr_page {
    size_t first, count;
    bool has_next, has_previous;
};

/*
 * Compiles the arguments of `field` (a connection, or its `items`). `need_*` of
 * the query follow from what is selected below it. QUERY with a message fit for
 * the client when arguments contradict one another.
 */
quire_status qr_query_compile(struct qr_reader *reader, const struct qr_model_type *type,
                              const struct qr_model_field *relation,
                              const struct qr_select_field *field, struct qr_query *out);

/* Runs over the whole table. */
quire_status qr_query_run(struct qr_reader *reader, const struct qr_query *query,
                          struct qr_rows *rows, struct qr_page *page);

/* The rowids of all rows that the filter selects, found by the query's path before anything is done
 * to them; in the arena. Order and page do not matter. */
quire_status qr_query_rowids(struct qr_reader *reader, const struct qr_query *query,
                             int64_t **rowids, size_t *count);

/* Runs for each parent; pages[i] is parent i's part of `rows`. */
quire_status qr_query_run_level(struct qr_reader *reader, const struct qr_query *query,
                                const struct qr_row *parents, size_t parent_count,
                                struct qr_rows *rows, struct qr_page *pages);

/* Narrows pages that are read already: `items` with arguments. Filter, order, skip and limit of the
 * query apply to the rows of each page; narrowed[i] is what is left of pages[i] in `rows`. */
quire_status qr_query_narrow(struct qr_reader *reader, const struct qr_query *query,
                             const struct qr_rows *source, const struct qr_page *pages,
                             size_t page_count, struct qr_rows *rows, struct qr_page *narrowed);

/* Reads an argument that counts rows; *out stays as it is when it was not given. QUERY when it is
 * negative. */
quire_status qr_query_count_argument(struct qr_reader *reader, const struct qr_select_field *field,
                                     const char *name, uint64_t *out, bool *given);

/* Holds the length that is asked of a list against the request's list_max: LIMIT beyond it; where
 * none is (UINT64_MAX), it is that. */
quire_status qr_query_bound(struct qr_reader *reader, uint64_t *limit);

/* ---- parts of the implementation ---- */

/* Chooses query->path (plan.c). */
quire_status qr_plan_choose(struct qr_reader *reader, struct qr_query *query);

/* Where rows that pass the filter go (page.c): orders them and cuts the page. */
struct qr_sink;
/* `ordered`: rows will be offered in the query's order. `lasting`: their records live as long as
 * the request, so that they need no copy. At most one sink of a reader is in use at a time. */
quire_status qr_sink_create(struct qr_reader *reader, const struct qr_query *query, bool ordered,
                            bool lasting, struct qr_sink **out);
/* Whether a row lies at or beyond a cursor: at or before `after`, at or behind `before`. */
quire_status qr_sink_is_beyond(struct qr_reader *reader, const struct qr_query *query, bool after,
                               const struct qr_row *row, bool *beyond);
/* Offers a row whose record is set. *done says that no further row can change the page. */
quire_status qr_sink_offer(struct qr_sink *sink, const struct qr_row *row, bool *done);
/* How many more rows the page can take at most; UINT64_MAX when that is not known. */
uint64_t qr_sink_room(const struct qr_sink *sink);
/* Appends the page to `rows`. The sink is empty afterwards, for the next page. */
quire_status qr_sink_finish(struct qr_sink *sink, struct qr_rows *rows, struct qr_page *page);

/* For an ordered sink whose page is taken piece by piece: at most `most` rows are offered between
 * two takings, and keys are put into `arena` rather than the reader's. */
quire_status qr_sink_by_pieces(struct qr_sink *sink, size_t most, struct qr_arena *arena);
/* Appends what the page has got since the last time. */
quire_status qr_sink_take(struct qr_sink *sink, struct qr_rows *rows);

quire_status qr_rows_append(struct qr_reader *reader, struct qr_rows *rows,
                            const struct qr_row *row, const struct qr_gql_str *key);

#endif
