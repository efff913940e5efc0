/*
 * What a subscription adds to the run of one event: which change of a row it
 * tells, or, for a live query, which tables it reads. One thread.
 */
#ifndef QR_GRAPHQL_LIVE_H
#define QR_GRAPHQL_LIVE_H

#include "graphql/change.h"

struct qr_live {
    const quire_allocator *allocator;

    /* Changes. */
    const struct qr_change_list *changes; /* NULL: a live query */
    size_t at;   /* in: the first change to be looked at; out: the one that is told, or the count */
    size_t next; /* out: the next one that is to be told, or the count */
    struct qr_change_event event;

    /* A live query: the names of the tables that the last run read, each with its NUL. */
    char *tables;
    size_t tables_size, tables_capacity;
};

/* Before the root field is read: finds the change. */
quire_status qr_live_begin(struct qr_live *live, struct qr_reader *reader,
                           const struct qr_select_field *root);
/* Whether there is nothing to be told. */
static inline bool qr_live_is_silent(const struct qr_live *live)
{
    return live->changes != NULL && live->at == live->changes->count;
}
/* Behind it: notes the tables that were read. */
quire_status qr_live_end(struct qr_live *live, const struct qr_reader *reader);

/* Whether the last run read a table. What it did not read cannot change its response. */
bool qr_live_reads(const struct qr_live *live, const char *table);

void qr_live_free(struct qr_live *live);

#endif
