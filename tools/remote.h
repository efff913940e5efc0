/*
 * Commands over a server that has the database open: --connect URL. One process
 * writes a database; this is how others get at it meanwhile.
 */
#ifndef QUIRE_TOOLS_REMOTE_H
#define QUIRE_TOOLS_REMOTE_H

#include "command.h"

struct remote {
    char *url;        /* of the server; NULL: the command works on a file */
    char *ca;         /* a file of authorities to trust, PEM; NULL: those of the system */
    char *token_file; /* its first word is the token; NULL: the variable QUIRE_TOKEN, if any */
};

/* The options of it, for a command's table. */
#define REMOTE_OPTIONS(remote)                                                                     \
    {"connect",     'c', POPT_ARG_STRING,                                                          \
     &(remote).url, 0,   "ask the server at URL (quire serve) instead of a file",                  \
     "URL"},                                                                                       \
        {"ca",         '\0', POPT_ARG_STRING,                                                      \
         &(remote).ca, 0,    "trust the authorities of FILE, not those of the system",             \
         "FILE"},                                                                                  \
    {                                                                                              \
        "token-file", '\0', POPT_ARG_STRING, &(remote).token_file, 0,                              \
            "its first word is the server's token; else $QUIRE_TOKEN", "FILE"                      \
    }

void remote_release(struct remote *remote);

/* What the server answered. */
struct remote_answer {
    long status;              /* 0: there is none */
    bool asked;               /* all of the request was sent: it may have been done without one */
    struct command_text body; /* owned */
};

/*
 * Sends a POST. Returns COMMAND_OK when there is an answer, whatever it says;
 * else the exit code, after reporting that the server could not be reached.
 *   body   read from its current place to its end, or NULL for none
 */
int remote_post(const struct remote *remote, const char *path, const char *content_type, FILE *body,
                struct remote_answer *answer);

/* The same; an answer of status 200 is written to `out` instead of answer->body. */
int remote_download(const struct remote *remote, const char *path, FILE *out,
                    struct remote_answer *answer);

/* Reports an answer other than 200, {"error": ..}, and returns the exit code for it; COMMAND_OK for
 * 200. */
int remote_check(const struct remote_answer *answer);

/* Whether an object has a member of that name at its top. */
bool remote_has_member(const struct command_text *object, const char *name);

#endif
