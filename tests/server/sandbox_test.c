/*
 * What the server cannot do any more once it serves, whoever should get hold of
 * it: tried in a process that has entered the sandbox, and looked up of a server
 * that runs. That it can do all it has to, every other test of the server shows.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server_fixture.h"

static struct temp_dir dir;
static char outside[600];
static char inside[600];

static void set_up(void)
{
    char secret[700];
    temp_dir_create(&dir);
    temp_dir_file(&dir, "outside", outside, sizeof outside);
    temp_dir_file(&dir, "inside", inside, sizeof inside);
    cr_assert_eq(mkdir(outside, 0700), 0);
    cr_assert_eq(mkdir(inside, 0700), 0);
    snprintf(secret, sizeof secret, "%s/secret", outside);
    int file = open(secret, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(file, 0);
    close(file);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(sandbox, .init = set_up, .fini = tear_down, .timeout = 60);

/* Runs `act` in a process that has entered the sandbox, and returns what it returns: of at most
 * eight bits; -1 when it died. */
static int confined(int (*act)(void))
{
    int status;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        const char *const work[] = {inside, NULL};
        const char *const read[] = {"/proc/sys/kernel/random/boot_id", "/no/such/file", NULL};
        unsigned parts = sandbox_enter(work, read);
        _exit(parts == (SANDBOX_CALLS | SANDBOX_FILES) ? act() : 77);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        cr_skip_test("this build or this kernel has no sandbox");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The errno of an opening, or 0. */
static int open_in(const char *directory, const char *name, int flags)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, flags, 0600);
    int why = errno;
    if (file >= 0) {
        close(file);
    }
    return file >= 0 ? 0 : why;
}

static int work_with_files(void)
{
    char from[700];
    char to[700];
    snprintf(from, sizeof from, "%s/a", inside);
    snprintf(to, sizeof to, "%s/b", inside);
    return !(open_in(inside, "a", O_RDWR | O_CREAT | O_EXCL) == 0 && rename(from, to) == 0 &&
             open_in(inside, "b", O_RDONLY) == 0 && unlink(to) == 0 &&
             open_in(inside, "", O_TMPFILE | O_RDWR) == 0 &&
             open_in(inside, "", O_RDONLY | O_DIRECTORY) == 0 &&
             open_in("/proc/sys/kernel/random", "boot_id", O_RDONLY) == 0);
}

Test(sandbox, files__of_the_work_can_be_used)
{
    cr_assert_eq(confined(work_with_files), 0);
}

static int reach_for_others(void)
{
    char link_here[700];
    snprintf(link_here, sizeof link_here, "%s/link", inside);
    return !(open_in(outside, "secret", O_RDONLY) == EACCES &&
             open_in(outside, "secret", O_WRONLY) == EACCES &&
             open_in(outside, "new", O_WRONLY | O_CREAT) == EACCES &&
             open_in(outside, "", O_RDONLY | O_DIRECTORY) == EACCES &&
             open_in("/etc", "passwd", O_RDONLY) == EACCES &&
             open_in("/proc/self", "mem", O_RDWR) == EACCES &&
             open_in(inside, "../outside/secret", O_RDONLY) == EACCES &&
             symlink("../outside/secret", link_here) == -1 && errno == ENOSYS &&
             chmod(inside, 0777) == -1 && errno == ENOSYS);
}

Test(sandbox, files__of_others_are_out_of_reach)
{
    cr_assert_eq(confined(reach_for_others), 0);
}

static int start_programs(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    return !(execv("/bin/true", arguments) == -1 && errno == ENOSYS && fork() == -1 &&
             errno == ENOSYS);
}

Test(sandbox, programs_and_processes__cannot_be_started)
{
    cr_assert_eq(confined(start_programs), 0);
}

static int reach_out(void)
{
    struct rlimit limit;
    return !(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == ENOSYS &&
             socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == ENOSYS &&
             ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == -1 && errno == ENOSYS &&
             kill(getppid(), SIGKILL) == -1 && errno == ENOSYS && setuid(0) == -1 &&
             errno == ENOSYS && syscall(SYS_tgkill, getppid(), getppid(), 0) == -1 &&
             errno == ENOSYS && prlimit(getppid(), RLIMIT_CORE, NULL, &limit) == -1 &&
             errno == ENOSYS && prlimit(0, RLIMIT_CORE, NULL, &limit) == 0 && raise(0) == 0 &&
             ioctl(0, TIOCSTI, "x") == -1 && errno == ENOSYS);
}

Test(sandbox, other_machines_and_processes__are_out_of_reach)
{
    cr_assert_eq(confined(reach_out), 0);
}

static void *increase(void *number)
{
    ++*(int *)number;
    return NULL;
}

static int run_thread(void)
{
    pthread_t thread;
    int number = 0;
    return !(pthread_create(&thread, NULL, increase, &number) == 0 &&
             pthread_join(thread, NULL) == 0 && number == 1);
}

Test(sandbox, threads__begin_and_end)
{
    cr_assert_eq(confined(run_thread), 0);
}

/* A line of the server's /proc/PID/FILE, from behind its name. */
static void process_line(const struct test_server *server, const char *file, const char *name,
                         char *out, size_t size)
{
    char path[64];
    char line[256];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)server->pid, file);
    FILE *text = fopen(path, "r");
    cr_assert_not_null(text);
    out[0] = '\0';
    while (fgets(line, sizeof line, text) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            const char *value = line + strlen(name);
            value += strspn(value, " \t");
            snprintf(out, size, "%.*s", (int)strcspn(value, " \t\n"), value);
        }
    }
    fclose(text);
}

Test(sandbox, servers__are_in_it_unless_told)
{
    struct test_server server;
    char value[64];
    if (!sandbox_is_built()) {
        cr_skip_test("this build has no sandbox");
    }
    test_server_start(&server, NULL);
    process_line(&server, "status", "NoNewPrivs:", value, sizeof value);
    cr_expect_str_eq(value, "1");
    process_line(&server, "status", "Seccomp:", value, sizeof value);
    cr_expect_str_eq(value, "2");
    process_line(&server, "limits", "Max core file size", value, sizeof value);
    cr_expect_str_eq(value, "0");
    test_server_stop(&server);
    test_server_start(&server, (const char *const[]){"--no-sandbox", NULL});
    process_line(&server, "status", "Seccomp:", value, sizeof value);
    cr_expect_str_eq(value, "0");
    test_server_stop(&server);
}

Test(sandbox, directories_of_everybody__are_not_served_from_unless_told)
{
    struct test_server server;
    memset(&server, 0, sizeof server);
    temp_dir_create(&server.dir);
    temp_dir_file(&server.dir, "served.quire", server.database, sizeof server.database);
    temp_dir_file(&server.dir, "log", server.log, sizeof server.log);
    cr_assert_eq(chmod(server.dir.path, 0777), 0);
    cr_expect_eq(test_server_refuses(&server, NULL), 74);
    char *log = read_text(server.log);
    cr_expect_not_null(strstr(log, "Everybody may write"), "%s", log);
    free(log);
    test_server_start_in(&server, (const char *const[]){"--shared-directory", NULL});
    cr_expect_eq(test_server_end(&server), 0);
    cr_assert_eq(chmod(server.dir.path, 01777), 0);
    test_server_start_in(&server, NULL);
    test_server_stop(&server);
}
