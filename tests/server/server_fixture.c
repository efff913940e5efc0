/*
 * The server as a child process, and a plain client of sockets.
 */
#include "server_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quire/quire.h"

#define ARGUMENTS_MAX 32

static const char schema[] = "type Author { id: ID! @id  name: String! @index  books: [Book!]! }\n"
                             "type Book { id: ID! @id  title: String! @index  author: Author! }\n";
static const char rows[] = "mutation { a: createAuthor(input: {id: \"a1\", name: \"Austen\"}) {id}"
                           "  b: createBook(input: {id: \"b1\", title: \"Emma\", authorId: \"a1\"})"
                           "  {id} }";

static void create_database(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    quire_txn *txn;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    bool failed;
    cr_assert_eq(quire_open(path, NULL, &db, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_schema_apply(txn, schema, 0, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK, "%s", err.message);
    request.document = rows;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &failed, &err), QUIRE_OK);
    cr_assert(!failed, "%s", response);
    quire_free(response);
    cr_assert_eq(quire_close(db, &err), QUIRE_OK, "%s", err.message);
}

static void run_server(const struct test_server *server, const char *const *options, int out)
{
    const char *arguments[ARGUMENTS_MAX] = {"quire", "serve", server->database, "--port", "0"};
    size_t count = 5;
    for (; options != NULL && *options != NULL && count < ARGUMENTS_MAX - 1; options++) {
        arguments[count++] = *options;
    }
    /* A test that fails ends without stopping its server. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(QUIRE_COMMAND, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

/* The port, from the line that the server prints when it is ready. */
static int read_port(int in)
{
    char line[1024];
    size_t size = 0;
    ssize_t got;
    while (size < sizeof line - 1 && (got = read(in, line + size, 1)) == 1 && line[size] != '\n') {
        size++;
    }
    line[size] = '\0';
    const char *port = strrchr(line, ':');
    return port != NULL ? (int)strtol(port + 1, NULL, 10) : 0;
}

/* Starts it; the port is 0 when it ended without one. */
static void launch(struct test_server *server, const char *const *options)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    server->pid = fork();
    cr_assert_geq(server->pid, 0);
    if (server->pid == 0) {
        close(ends[0]);
        run_server(server, options, ends[1]);
    }
    close(ends[1]);
    server->port = read_port(ends[0]);
    close(ends[0]);
}

void test_server_start_in(struct test_server *server, const char *const *options)
{
    launch(server, options);
    if (server->port == 0) {
        char *log = read_text(server->log);
        cr_assert_fail("the server did not start: %s", log);
    }
}

int test_server_refuses(struct test_server *server, const char *const *options)
{
    int status;
    launch(server, options);
    if (server->port != 0) {
        kill(server->pid, SIGKILL);
    }
    cr_assert_eq(waitpid(server->pid, &status, 0), server->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void test_server_start(struct test_server *server, const char *const *options)
{
    memset(server, 0, sizeof *server);
    temp_dir_create(&server->dir);
    temp_dir_file(&server->dir, "served.quire", server->database, sizeof server->database);
    temp_dir_file(&server->dir, "log", server->log, sizeof server->log);
    create_database(server->database);
    test_server_start_in(server, options);
}

int test_server_end(struct test_server *server)
{
    int status;
    kill(server->pid, SIGTERM);
    cr_assert_eq(waitpid(server->pid, &status, 0), server->pid);
    if (!WIFEXITED(status)) {
        char *log = read_text(server->log);
        cr_assert_fail("the server died of signal %d: %s", WTERMSIG(status), log);
    }
    return WEXITSTATUS(status);
}

void test_server_kill(struct test_server *server)
{
    int status;
    kill(server->pid, SIGKILL);
    cr_assert_eq(waitpid(server->pid, &status, 0), server->pid);
}

void test_server_stop(struct test_server *server)
{
    int code = test_server_end(server);
    if (code != 0) {
        char *log = read_text(server->log);
        cr_assert_fail("the server ended with %d: %s", code, log);
    }
    temp_dir_remove(&server->dir);
}

char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1U << 20);
    cr_assert_not_null(text);
    if (file != NULL) {
        size_t got = fread(text, 1, (1U << 20) - 1, file);
        text[got] = '\0';
        fclose(file);
    }
    return text;
}

/* ---- Client ---- */

int client_connect(const struct test_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 30};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(client, 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

void client_send(int client, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server has closed: what it answered tells why */
        }
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Finds the body; the status stays 0 when there is no whole head. */
static void parse(struct answer *answer)
{
    const char *end = strstr(answer->text, "\r\n\r\n");
    answer->body = "";
    if (end != NULL && strncmp(answer->text, "HTTP/1.1 ", 9) == 0) {
        answer->status = (int)strtol(answer->text + 9, NULL, 10);
        answer->body = end + 4;
    }
}

bool answer_header(const struct answer *answer, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    const char *line = strstr(answer->text, "\r\n");
    while (line != NULL && line + 2 < answer->body) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *value = line + length + 1 + strspn(line + length + 1, " ");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
            return true;
        }
        line = strstr(line, "\r\n");
    }
    out[0] = '\0';
    return false;
}

/* Whether the answer has all its headers and as much body as they say. */
static bool is_whole(struct answer *answer, size_t size)
{
    char length[32];
    parse(answer);
    if (answer->status == 0) {
        return false;
    }
    if (answer->status == 100) { /* forget it: the answer itself follows */
        size_t head = (size_t)(answer->body - answer->text);
        memmove(answer->text, answer->body, size - head + 1);
        answer->status = 0;
        return size > head && is_whole(answer, size - head);
    }
    return answer_header(answer, "Content-Length", length, sizeof length) &&
           size - (size_t)(answer->body - answer->text) >= strtoul(length, NULL, 10);
}

static struct answer receive(int client, bool until_closed)
{
    struct answer answer = {0};
    size_t room = 65536;
    size_t size = 0;
    answer.text = calloc(1, room);
    cr_assert_not_null(answer.text);
    for (;;) {
        ssize_t got = recv(client, answer.text + size, room - size - 1, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        answer.text[size] = '\0';
        if (!until_closed && is_whole(&answer, size)) {
            break;
        }
        if (size + 1 == room) {
            room *= 2;
            answer.text = realloc(answer.text, room);
            cr_assert_not_null(answer.text);
        }
    }
    parse(&answer);
    return answer;
}

struct answer client_receive(int client)
{
    return receive(client, false);
}

void answer_free(struct answer *answer)
{
    free(answer->text);
    *answer = (struct answer){0};
}

struct answer send_raw(const struct test_server *server, const char *bytes, size_t size)
{
    int client = client_connect(server);
    client_send(client, bytes, size);
    struct answer answer = receive(client, true);
    close(client);
    return answer;
}

struct answer send_request(const struct test_server *server, const char *method, const char *path,
                           const char *headers, const char *body)
{
    size_t size = strlen(path) + strlen(headers) + strlen(body) + 512;
    char *text = malloc(size);
    cr_assert_not_null(text);
    int length = snprintf(text, size,
                          "%s %s HTTP/1.1\r\n%s%sConnection: close\r\nContent-Length: %zu\r\n"
                          "\r\n%s",
                          method, path, headers,
                          strcasestr(headers, "host:") != NULL ? "" : "Host: localhost\r\n",
                          strlen(body), body);
    struct answer answer = send_raw(server, text, (size_t)length);
    free(text);
    return answer;
}

struct answer send_graphql(const struct test_server *server, const char *body)
{
    return send_request(server, "POST", "/graphql",
                        "Content-Type: application/json\r\n"
                        "Accept: application/graphql-response+json\r\n",
                        body);
}

void answers(struct answer answer, int status, const char *text, int line)
{
    cr_expect_eq(answer.status, status, "line %d: status %d, not %d: %s", line, answer.status,
                 status, answer.text);
    cr_expect(strstr(answer.body, text) != NULL, "line %d: no %s in: %s", line, text, answer.text);
    answer_free(&answer);
}
