/*
 * The pages: GraphiQL at /, the status at /admin, and the files of both.
 *
 * All files of the folder are read when the server starts, and known by the
 * paths that they are served at. A request's path is looked up among these: it
 * never reaches the file system. Any thread; nothing changes after the start.
 */
#ifndef QUIRE_SERVER_WEB_H
#define QUIRE_SERVER_WEB_H

#include "server.h"

struct web;
struct web_file;

/* Reads the files of a folder; NULL: those that were installed with the command, or built beside
 * it. NULL when there is no memory, or the folder that was named cannot be read, after saying so on
 * standard error; a folder that was not named may be missing, or hold no pages. */
struct web *web_open(const char *directory);
/* NULL is a no-op. */
void web_close(struct web *web);

/* The file at a path; NULL when there is none, or `web` is NULL. */
const struct web_file *web_find(const struct web *web, const char *path);

/* Replies with exchange->file. */
void web_start(struct exchange *exchange);

#endif
