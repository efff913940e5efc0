/*
 * Indexes that requests turn out to need, built beside them: an advisor of the
 * library's, which every request is noted with, and a job that lets it work.
 * The job runs where loads and backups do: an index that is built keeps no
 * request from running.
 */
#ifndef QUIRE_SERVER_INDEXING_H
#define QUIRE_SERVER_INDEXING_H

struct server;
struct indexing;

/* NULL when indexing is turned off, or memory lacks: then requests are not noted. */
struct indexing *indexing_start(struct server *server);

/* The advisor for requests; NULL for NULL. */
struct quire_advisor *indexing_advisor(struct indexing *indexing);

/* After a request: gives the job when an index is due, or a round has passed. Any thread. */
void indexing_look(struct indexing *indexing);

/* When no job is left. NULL is a no-op. */
void indexing_free(struct indexing *indexing);

#endif
