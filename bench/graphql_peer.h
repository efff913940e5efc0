/*
 * An executor in another process that answers the same requests: one of
 * bench/npm/executors.mjs, spoken to in lines.
 */
#ifndef BENCH_GRAPHQL_PEER_H
#define BENCH_GRAPHQL_PEER_H

#include <stdio.h>
#include <sys/types.h>

struct graphql_peer {
    const char *name; /* as printed */
    const char *kind; /* the program's argument */
    pid_t process;
    FILE *to, *from;
    char *line; /* the last answer */
    size_t line_size;
};

/* Starts `node PROGRAM KIND DIRECTORY` and waits until it has read its data. */
int graphql_peer_start(struct graphql_peer *peer, const char *program, const char *directory);

/* Sends a line and waits for the line that answers it: peer->line, without its end. */
int graphql_peer_ask(struct graphql_peer *peer, const char *command);

/* Ends the process. What was never started is left alone. */
void graphql_peer_stop(struct graphql_peer *peer);

#endif
