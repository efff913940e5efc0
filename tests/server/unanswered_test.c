/*
 * What `quire load --connect` says of rows whose fate it cannot know: the server that
 * it asks is one of this test, which takes the whole request.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server_fixture.h"

/* Takes one request, up to the end of its body, and answers with `reply`. */
struct peer {
    int socket, port;
    pthread_t thread;
    const char *reply; /* "": it closes the connection */
};

static void *serve(void *context)
{
    struct peer *peer = context;
    char request[8192];
    size_t size = 0;
    ssize_t got = 1;
    int client = accept(peer->socket, NULL, NULL);
    while (got > 0 && size < sizeof request - 1) {
        got = recv(client, request + size, sizeof request - 1 - size, 0);
        size += got > 0 ? (size_t)got : 0;
        request[size] = '\0';
        if (strstr(request, "\nend\n") != NULL) {
            break;
        }
    }
    if (peer->reply[0] != '\0') {
        client_send(client, peer->reply, strlen(peer->reply));
    }
    close(client);
    return NULL;
}

static void start(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    peer->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(peer->socket, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(peer->socket, 1), 0);
    cr_assert_eq(getsockname(peer->socket, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

/* Loads a file over a server; returns the exit code, and what the command said in *said. */
static int load(int port, char **said)
{
    struct temp_dir dir;
    char data[600];
    char log[600];
    char url[64];
    int status;
    temp_dir_create(&dir);
    temp_dir_file(&dir, "data.json", data, sizeof data);
    temp_dir_file(&dir, "log", log, sizeof log);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    FILE *file = fopen(data, "w");
    cr_assert_not_null(file);
    fputs("{\"Author\":[]}", file);
    fclose(file);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (freopen(log, "w", stderr) != NULL) {
            execl(QUIRE_COMMAND, "quire", "load", "--connect", url, data, (char *)NULL);
        }
        _exit(127);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    *said = read_text(log);
    temp_dir_remove(&dir);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define ANSWER(status) "HTTP/1.1 " status " x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

Test(unanswered, load_without_an_answer__does_not_say_that_nothing_was_stored, .timeout = 60)
{
    static const struct {
        const char *reply;
        int code;
        const char *says;
    } cases[] = {
        {"", 74, "is not known"},
        {ANSWER("500"), 74, "is not known"},
        {ANSWER("502"), 74, "is not known"},
        {ANSWER("507"), 74, "nothing was stored"},
        {ANSWER("503"), 74, "nothing was stored"},
        {ANSWER("401"), 1, "nothing was stored"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer peer = {.reply = cases[i].reply};
        char *said;
        start(&peer);
        cr_expect_eq(load(peer.port, &said), cases[i].code, "%zu: %s", i, said);
        cr_expect(strstr(said, cases[i].says) != NULL, "%zu: %s", i, said);
        pthread_join(peer.thread, NULL);
        close(peer.socket);
        free(said);
    }
    char *said;
    cr_expect_eq(load(1, &said), 74);
    cr_expect(strstr(said, "nothing was stored") != NULL, "%s", said); /* nobody is there */
    free(said);
}
