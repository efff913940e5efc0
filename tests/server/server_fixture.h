/*
 * A server of its own for a test: the command itself, on a free port, over a
 * database in a scratch directory; and a client that sends bytes as they are.
 * Every failure of the machinery itself fails the test.
 */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <sys/types.h>

#include "support/temp_dir.h"

struct test_server {
    struct temp_dir dir;
    char database[600];
    char log[600]; /* its standard error */
    pid_t pid;
    int port;
};

/* Starts it; `options` end with NULL and come after the database. The schema is a small world of
 * authors and books, unless the database exists already. */
void test_server_start(struct test_server *server, const char *const *options);
/* The same with a scratch directory that exists already. */
void test_server_start_in(struct test_server *server, const char *const *options);
/* Starts it with options that it must refuse, and returns its exit code. */
int test_server_refuses(struct test_server *server, const char *const *options);
/* Ends it as an operator does, and returns its exit code; the directory stays. */
int test_server_end(struct test_server *server);
/* Ends it as a power cut would; the directory stays. */
void test_server_kill(struct test_server *server);
/* Ends it, asserts that it ended well, removes everything. */
void test_server_stop(struct test_server *server);

/* An answer, NUL-terminated; zeroed when the connection ended without one. */
struct answer {
    int status;
    char *text; /* all of it; free with answer_free */
    const char *body;
};
void answer_free(struct answer *answer);
/* The value of a header of the answer, in `out`; false when there is none. */
bool answer_header(const struct answer *answer, const char *name, char *out, size_t size);

/* Connects; the socket times out after half a minute. */
int client_connect(const struct test_server *server);
void client_send(int client, const char *bytes, size_t size);
/* Reads one answer: its headers and a body of Content-Length. */
struct answer client_receive(int client);

/* Sends a whole request, and reads the answer until the server closes. */
struct answer send_raw(const struct test_server *server, const char *bytes, size_t size);
/* Sends a request of these headers (each ended by "\r\n", Host and Connection: close are added). */
struct answer send_request(const struct test_server *server, const char *method, const char *path,
                           const char *headers, const char *body);
/* POST /graphql with a JSON body. */
struct answer send_graphql(const struct test_server *server, const char *body);

/* Asserts the status of an answer, and that its body has a text; frees it. */
#define ANSWERS(answer, status, text) answers(answer, status, text, __LINE__)
void answers(struct answer answer, int status, const char *text, int line);

/* The whole text of a file, or "" ; free it. */
char *read_text(const char *path);

#endif
