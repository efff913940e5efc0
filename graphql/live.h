/*
 * What a subscription adds to the run of one event: which change of a row it
 * tells, or, for a live query, what it reads. One thread.
 *
 * A live query depends on the tables that it has read. Of some it is known more:
 * where each of its fields shows rows of a table by their own columns, the rows
 * that a field's condition lets through are all that it depends on, and of a
 * field that takes a key the row that was found. A commit that changes no such row
 * cannot change the response. What cannot be shown to be of that kind depends on
 * its tables.
 */
#ifndef QR_GRAPHQL_LIVE_H
#define QR_GRAPHQL_LIVE_H

#include "graphql/change.h"

#define QR_LIVE_ROOTS 8

/* A field of a live query, and the rows that it depends on. */
struct qr_live_root {
    size_t table; /* where its name is in `tables` */
    bool one;     /* the row of that rowid; else those that its condition lets through */
    int64_t rowid;
};

/* What a change means for a live query. */
enum qr_live_concern {
    QR_LIVE_NOTHING, /* it cannot change the response */
    QR_LIVE_LOOK,    /* a run that looks at the rows tells */
    QR_LIVE_CHANGES
};

struct qr_live {
    const quire_allocator *allocator;

    /* Changes. */
    const struct qr_change_list *changes; /* NULL: a live query */
    size_t at;   /* in: the first change to be looked at; out: the one that is told, or the count */
    size_t next; /* out: the next one that is to be told, or the count */
    struct qr_change_event event;

    /* A live query: the names of the tables that the last run read, each with its NUL, ... */
    char *tables;
    size_t tables_size, tables_capacity;
    /* ... and the fields that depend on some of their rows; none: on any. */
    struct qr_live_root roots[QR_LIVE_ROOTS];
    uint32_t root_count;
    quire_feed *looks; /* in: the run is for the commit where this stands; NULL: in any case */
    bool passes;       /* out: that commit cannot have changed the response */
};

/* Before the root fields are read: finds the change, or looks at those of the commit. */
quire_status qr_live_begin(struct qr_live *live, struct qr_reader *reader,
                           const struct qr_select *set);
/* Whether there is nothing to be told. */
static inline bool qr_live_is_silent(const struct qr_live *live)
{
    return live->changes != NULL ? live->at == live->changes->count : live->passes;
}
/* Behind it: notes what was read. */
quire_status qr_live_end(struct qr_live *live, struct qr_reader *reader,
                         const struct qr_select *set);

/* Whether the last run read a table. What it did not read cannot change its response. */
bool qr_live_reads(const struct qr_live *live, const char *table);
/* What a change of a row of such a table means. */
enum qr_live_concern qr_live_concern(const struct qr_live *live, const quire_row_change *change);

void qr_live_free(struct qr_live *live);

#endif
