/*
 * What reading the rows of one request needs: the transaction, its tables, the
 * arena, the counters that explain reports. One thread.
 */
#ifndef QR_GRAPHQL_READER_H
#define QR_GRAPHQL_READER_H

#include "catalog/key.h"
#include "engine/engine.h"
#include "graphql/api.h"
#include "graphql/watch.h"

struct qr_auth;
struct qr_change_event;
struct qr_explain;

struct qr_reader {
    quire_txn *txn;
    const struct qr_api *api;
    struct qr_arena *arena;           /* lives as long as the request */
    quire_table **tables;             /* by type; NULL until used */
    quire_table **links;              /* by link table; NULL until used */
    quire_tree *sequences;            /* sequence.h; NULL until used */
    struct qr_reader_handle *handles; /* what else is closed with the reader */
    struct qr_arena scratch;          /* for one row at a time */
    struct qr_arena batch;            /* for the candidates of one batch */
    struct qr_arena sort[2];          /* for what a sort keeps, in turns */
    struct qr_key order_key;          /* the same, of an order's terms */
    struct qr_key key;                /* for making one key at a time */
    struct qr_explain *explain;       /* NULL: not asked for */
    uint64_t rows_read;
    struct quire_advisor *advisor;        /* or NULL */
    struct qr_watch *watch;               /* what may end the request; NULL: nothing */
    bool *touched;                        /* by type: a handle of its own was opened */
    struct qr_auth *auth;                 /* who asks (auth.h); NULL: the program itself */
    const struct qr_change_event *event;  /* what a subscription is about to tell; or NULL */
    const quire_graphql_request *request; /* its limits, and what resolvers are told; or NULL */
    /* Errors of resolved fields (resolve.h). */
    struct qr_gql_report *report;   /* takes them; NULL: they end the request */
    const struct qr_gql_path *path; /* to what is being written */
    bool raised;                    /* one is on its way to the nearest value that may be null */
    quire_error *err;
};

/* To be called once for each row, entry or the like that is looked at, moved or written: it is
 * where a request ends that is interrupted or too slow. */
static inline quire_status qr_reader_step(struct qr_reader *reader)
{
    return reader->watch == NULL ? QUIRE_OK
                                 : qr_watch_step(reader->watch, reader->rows_read, reader->err);
}

/* So many of them at once. */
static inline quire_status qr_reader_steps(struct qr_reader *reader, size_t steps)
{
    return reader->watch == NULL
               ? QUIRE_OK
               : qr_watch_steps(reader->watch, steps, reader->rows_read, reader->err);
}

/* A row that was read: its record is in the reader's arena. `place` orders rows that compare equal:
 * the rowid, or the link's rowid in a many-to-many relation. */
struct qr_row {
    int64_t rowid;
    int64_t place;
    const uint8_t *record;
    size_t size;
    quire_index_cursor *entry; /* where record is NULL: stands on the row's entry in an index */
};

quire_status qr_reader_init(struct qr_reader *reader, quire_txn *txn, const struct qr_api *api,
                            struct qr_arena *arena, quire_error *err);
/* Closes the tables, and what qr_reader_keep was told of. */
void qr_reader_close(struct qr_reader *reader);

/* Lets `close` be called with `object` when the reader is closed, latest first; on failure it is
 * called now. */
quire_status qr_reader_keep(struct qr_reader *reader, void (*close)(void *object), void *object);

/* Calls those of the last handles that came after `before`, which was reader->handles then. */
void qr_reader_close_since(struct qr_reader *reader, struct qr_reader_handle *before);

/* A handle of its own on a type's table, whose borrowed records other reads do not disturb. It is
 * closed with the reader. */
quire_status qr_reader_own_table(struct qr_reader *reader, const struct qr_model_type *type,
                                 quire_table **out);

/* Whether the table of a type has been opened. */
bool qr_reader_has_read(const struct qr_reader *reader, const struct qr_model_type *type);

/* The open table of a type, or of a LINKS field; the reader's. */
quire_status qr_reader_table(struct qr_reader *reader, const struct qr_model_type *type,
                             quire_table **out);
quire_status qr_reader_links(struct qr_reader *reader, const struct qr_model_field *field,
                             quire_table **out);

/* The rowid of the row of field's owner whose unique `field` has the value. */
quire_status qr_reader_find(struct qr_reader *reader, const struct qr_model_field *field,
                            const quire_value *value, int64_t *rowid, bool *found);

/* The same by the values of all fields of a unique index; null finds nothing. */
quire_status qr_reader_find_by(struct qr_reader *reader, const struct qr_model_type *type,
                               const struct qr_model_index *index, const quire_value *values,
                               int64_t *rowid, bool *found);

/* Reads one row; the record is copied to the arena. */
quire_status qr_reader_row(struct qr_reader *reader, const struct qr_model_type *type,
                           int64_t rowid, struct qr_row *row, bool *found);

/* Fills rows[i].record for all rows, in one ordered pass over the table; a row that does not exist
 * keeps record NULL. Records and working memory come from `arena`. */
quire_status qr_reader_fetch(struct qr_reader *reader, struct qr_arena *arena,
                             const struct qr_model_type *type, struct qr_row *rows, size_t count);

/* Reads the rows of rowids (0: none) in one ordered pass over the table, each once: (*rows)[0 ..
 * *found), by rowid. links[i] is the place of rowids[i] among them + 1; 0: there is no such row. */
quire_status qr_reader_unite(struct qr_reader *reader, const struct qr_model_type *type,
                             const int64_t *rowids, size_t count, size_t *links,
                             struct qr_row **rows, size_t *found);

/* Whether an index compares values as the API does: not so under a collation, of expressions
 * or of some rows alone. */
bool qr_reader_index_serves(const quire_index_def *def);
/* The table's index on exactly this field, unique if asked for; -1 if there is none. */
int qr_reader_single_index(const quire_table *table, const struct qr_model_field *field,
                           bool unique);

/* The column of a field in a row: of its record, or of its entry, which must cover it; texts of an
 * entry live in the scratch arena. */
quire_status qr_reader_column(struct qr_reader *reader, const struct qr_row *row,
                              const struct qr_model_field *field, quire_value *value);

/* Walks the links of a row: which rows a LINKS field leads to, in the order in which they were
 * linked. */
struct qr_link_walk {
    quire_table *table;
    quire_index_cursor *cursor; /* NULL before the first start */
    uint32_t index;
    uint32_t other; /* column of the other side */
    bool reverse;
    quire_error *err;
};
quire_status qr_link_walk_open(struct qr_reader *reader, const struct qr_model_field *field,
                               bool reverse, struct qr_link_walk *walk);
/* Goes before the first link of a row. */
quire_status qr_link_walk_start(struct qr_link_walk *walk, int64_t rowid);
/* `target` NULL: only the links are asked for. */
quire_status qr_link_walk_next(struct qr_link_walk *walk, int64_t *link, int64_t *target,
                               bool *valid);
void qr_link_walk_close(struct qr_link_walk *walk);

#endif
