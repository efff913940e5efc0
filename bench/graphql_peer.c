/*
 * See graphql_peer.h. One thread; a peer that ends early is an error at the
 * next line.
 */
#include "graphql_peer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static int await_line(struct graphql_peer *peer)
{
    ssize_t size = getline(&peer->line, &peer->line_size, peer->from);
    if (size <= 0) {
        return bench_fail(peer->name, "it ended", "its own message, if any, is above");
    }
    peer->line[size - 1] = '\0';
    return 0;
}

static void become(const char *program, const char *kind, const char *directory, int in, int out)
{
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
        execlp("node", "node", program, kind, directory, (char *)NULL);
    }
    perror("node");
    _exit(127);
}

int graphql_peer_start(struct graphql_peer *peer, const char *program, const char *directory)
{
    int in[2];
    int out[2];
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        return bench_fail(peer->name, "pipe", "none could be made");
    }
    peer->process = fork();
    if (peer->process == 0) {
        close(in[1]);
        close(out[0]);
        become(program, peer->kind, directory, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    peer->to = fdopen(in[1], "w");
    peer->from = fdopen(out[0], "r");
    if (peer->process < 0 || peer->to == NULL || peer->from == NULL) {
        return bench_fail(peer->name, "start", "no process");
    }
    return await_line(peer);
}

int graphql_peer_ask(struct graphql_peer *peer, const char *command)
{
    if (fprintf(peer->to, "%s\n", command) < 0 || fflush(peer->to) != 0) {
        return bench_fail(peer->name, "it ended", command);
    }
    return await_line(peer);
}

void graphql_peer_stop(struct graphql_peer *peer)
{
    if (peer->to != NULL) {
        fclose(peer->to); /* the end of its input is its end */
    }
    if (peer->process > 0) {
        (void)waitpid(peer->process, NULL, 0);
    }
    if (peer->from != NULL) {
        fclose(peer->from);
    }
    free(peer->line);
}
