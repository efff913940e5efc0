/*
 * The filter of calls is a list: the kernel runs it once for each number, and
 * keeps what it said. Calls that are not on it fail as if the kernel were too
 * old for them, so that a library falls back on another; memory that they would have
 * touched is not looked at.
 *
 * The list is what the tests of the server call with the C libraries of Debian 12,
 * and their near relations of other versions and machines.
 */
#include "sandbox.h"

#ifdef QUIRE_SANDBOX

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

/* ---- Calls ---- */

#ifdef MACHINE

/* One list for machines with and without the older names of some. */
static const uint32_t allowed[] = {
    /* files that are open, or opened where they may be */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_openat,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_fstatfs,
    SYS_faccessat,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_sync_file_range,
    SYS_fadvise64,
    SYS_fchmod,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_getdents64,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_sendfile,
    /* memory */
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_membarrier,
    /* threads and signals */
    SYS_futex,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_set_tid_address,
    SYS_exit,
    SYS_exit_group,
    SYS_gettid,
    SYS_getpid,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_prctl,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_restart_syscall,
    /* time */
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    /* sockets that are there, or come from the port */
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_socketpair,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
    SYS_pselect6,
    SYS_eventfd2,
    SYS_pipe2,
    /* what the machine and the process are */
    SYS_getrandom,
    SYS_sysinfo,
    SYS_uname,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrusage,
#ifdef __x86_64__
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_unlink,
    SYS_rename,
    SYS_readlink,
    SYS_dup2,
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_time,
    SYS_arch_prctl,
    SYS_getrlimit,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
};

#define ALLOWED  (sizeof allowed / sizeof allowed[0])
#define GIVE(it) BPF_STMT(BPF_RET | BPF_K, (it))
#define LOAD(it) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (it))
/* Goes on with the next statement if it is so, else passes over it. */
#define WHEN(it, flag) BPF_JUMP(BPF_JMP | (flag) | BPF_K, (it), 0, 1)
/* Allows a call whose first argument is so alone. Of that the lower half is looked at, which is all
 * that the kernel takes of an int, where it stands on machines that are little-endian. */
#define ALLOW_IF(call, it, flag)                                                                   \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 4),                                             \
        LOAD(offsetof(struct seccomp_data, args[0])), WHEN(it, flag), GIVE(SECCOMP_RET_ALLOW),     \
        GIVE(SECCOMP_RET_ERRNO | ENOSYS)

static bool filter_calls(void)
{
    const struct sock_filter head[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
        GIVE(SECCOMP_RET_KILL_PROCESS),
        LOAD(offsetof(struct seccomp_data, nr)),
        /* A thread may begin, a process may not; clone3 hides which it is. */
        ALLOW_IF(SYS_clone, CLONE_THREAD, BPF_JSET),
        /* Signals for, and limits of, this process alone. */
        ALLOW_IF(SYS_tgkill, (uint32_t)getpid(), BPF_JEQ),
        ALLOW_IF(SYS_prlimit64, 0, BPF_JEQ),
        /* A terminal may be asked what it is, and is not to be typed at. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
        LOAD(offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 1, 0),
        GIVE(SECCOMP_RET_ALLOW),
        GIVE(SECCOMP_RET_ERRNO | ENOSYS),
    };
    enum { HEAD = sizeof head / sizeof head[0], SIZE = HEAD + 2 * ALLOWED + 1 };
    struct sock_filter filter[SIZE];
    struct sock_fprog program = {.len = SIZE, .filter = filter};
    size_t at = 0;
    for (; at < HEAD; at++) {
        filter[at] = head[at];
    }
    for (size_t i = 0; i < ALLOWED; i++) {
        filter[at++] = (struct sock_filter)WHEN(allowed[i], BPF_JEQ);
        filter[at++] = (struct sock_filter)GIVE(SECCOMP_RET_ALLOW);
    }
    filter[at] = (struct sock_filter)GIVE(SECCOMP_RET_ERRNO | ENOSYS);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

#else

static bool filter_calls(void)
{
    return false;
}

#endif

/* ---- Files ---- */

#define READS                                                                                      \
    ((uint64_t)LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |                         \
     LANDLOCK_ACCESS_FS_READ_DIR)
#define READS_HERE ((uint64_t)LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WORKS_HERE                                                                                 \
    (READS_HERE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                    \
     LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* All that the first version of Landlock knows; later ones deny more only when they are asked. */
#define ALL                                                                                        \
    (READS | WORKS_HERE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |           \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static bool allow_beneath(int ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) {
        return false;
    }
    bool added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    /* Rights to directories cannot be given to a file. */
    if (!added && errno == EINVAL) {
        rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
        added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    }
    close(rule.parent_fd);
    return added;
}

static bool confine_files(const char *const *work, const char *const *read)
{
    struct landlock_ruleset_attr all = {.handled_access_fs = ALL};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (ruleset < 0) {
        return false;
    }
    bool good = true;
    for (; good && *work != NULL; work++) {
        good = allow_beneath(ruleset, *work, WORKS_HERE);
    }
    for (; *read != NULL; read++) {
        (void)allow_beneath(ruleset, *read, READS_HERE);
    }
    good = good && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return good;
}

unsigned sandbox_enter(const char *const *work, const char *const *read)
{
    struct rlimit none = {0, 0};
    unsigned parts = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return 0;
    }
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    parts |= confine_files(work, read) ? SANDBOX_FILES : 0;
    parts |= filter_calls() ? SANDBOX_CALLS : 0;
    return parts;
}

bool sandbox_is_built(void)
{
    return true;
}

#else

unsigned sandbox_enter(const char *const *work, const char *const *read)
{
    (void)work;
    (void)read;
    return 0;
}

bool sandbox_is_built(void)
{
    return false;
}

#endif
