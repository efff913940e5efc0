/*
 * What the server gives up before it opens the database and takes its first
 * request, so that whoever should get hold of it gets little:
 *
 *   files      only the directories that it works in, and what it is told to
 *              read besides (Landlock)
 *   calls      only those that a server makes: it starts no program and no
 *              process, opens no socket, reaches no other process (seccomp)
 *   privileges none that a program on disk could give (no_new_privs)
 *   core dumps none, since memory holds tokens and rows
 *
 * It holds for all threads that begin later, and cannot be taken back. What was
 * open stays open.
 */
#ifndef QUIRE_SERVER_SANDBOX_H
#define QUIRE_SERVER_SANDBOX_H

#include <stdbool.h>

enum sandbox_part {
    SANDBOX_CALLS = 1, /* and privileges and core dumps */
    SANDBOX_FILES = 2
};

/*
 * Enters it, in the process's only thread. Returns the parts that the kernel
 * has, as bits; 0 also in builds with sanitizers, which do what no server does.
 *   work  directories to read and write in; ended by NULL
 *   read  files and directories to read; ended by NULL. Those that are missing are left out
 */
unsigned sandbox_enter(const char *const *work, const char *const *read);

/* Whether this build has a sandbox. */
bool sandbox_is_built(void);

#endif
