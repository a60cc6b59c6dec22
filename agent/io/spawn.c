#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Where the plain numbers are those of 16-bit ids. */
#ifdef SYS_setgroups32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETRESUID SYS_setresuid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETRESUID SYS_setresuid
#endif

enum {
        DEFAULT_UMASK = 022,
        FIRST_OTHER_FD = 3,
        SHARED_STACK = 64 * 1024, /* a child that shares memory needs a tenth of it */
        EXIT_NOT_STARTED = 127, /* as shells do; nobody sees it but through the status descriptor */
};

/* ---- in the child, between fork and execve: async-signal-safe calls only ---- */

static int new_session(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        (void) request;
        return setsid() < 0 ? -errno : 0;
}

static int reset_signals(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;

        (void) request;
        for (int i = 1; i < NSIG; i++) {
                (void) sigaction(i, &action, NULL); /* SIGKILL and the C library's own refuse */
        }
        (void) sigemptyset(&none);
        return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/* Only where clone3() could not do it: moving a process makes the kernel wait for an RCU grace
 * period, which takes many milliseconds. */
static int join_cgroup(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        if (request->cgroup_fd < 0) {
                return 0;
        }
        int fd = openat(request->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        return fd < 0 || write(fd, "0", 1) < 0 ? -errno : 0; /* 0: the writer itself */
}

static int set_limits(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        for (size_t i = 0; i < request->n_limits; i++) {
                if (setrlimit(request->limits[i].resource, &request->limits[i].value) < 0) {
                        return -errno;
                }
        }
        return 0;
}

/* What is started is no better off in want of memory than others; this process may be
 * (OOMScoreAdjust= of its unit). Without a file there is nothing to give up. */
static int give_up_protection(const struct spawn_request *request, int *status_fd) {
        (void) request;
        (void) status_fd;
        char sign = '\0';
        int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
        if (fd < 0) {
                return 0;
        }
        bool is_protected = read(fd, &sign, 1) == 1 && sign == '-';
        int r = is_protected && pwrite(fd, "0", 1, 0) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* A copy above the standard descriptors, so that none of the dup2() calls overwrites a source. */
static int lift(int fd) {
        if (fd >= 0) {
                return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
        }
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd < 0 || null_fd >= FIRST_OTHER_FD) {
                return null_fd;
        }
        return fcntl(null_fd, F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
}

static int set_standard_fds(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        const int sources[] = {request->stdin_fd, request->stdout_fd, request->stderr_fd};
        int lifted[ELEMENTSOF(sources)];

        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                lifted[i] = lift(sources[i]);
                if (lifted[i] < 0) {
                        return -errno;
                }
        }
        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                if (dup2(lifted[i], (int) i) < 0) {
                        return -errno;
                }
        }
        return 0;
}

/* Closed now and not by execve(): a program on a mount that hangs must not keep what the caller has
 * open, its locks and listening sockets among them. */
static int close_other_fds(const struct spawn_request *request, int *status_fd) {
        (void) request;
        if (*status_fd != FIRST_OTHER_FD) {
                if (dup3(*status_fd, FIRST_OTHER_FD, O_CLOEXEC) < 0) {
                        return -errno;
                }
                *status_fd = FIRST_OTHER_FD;
        }
        /* Linux 5.9; before it the flags set at opening, as everywhere in this program, must do. */
        (void) syscall(SYS_close_range, FIRST_OTHER_FD + 1, ~0U, 0);
        return 0;
}

static int set_umask(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        (void) umask(request->umask ? request->umask : DEFAULT_UMASK);
        return 0;
}

/* The C library's own functions change all threads that it knows of, and so may wait for ever: for
 * its lock, or for a thread that was just being made when this process was cloned. */
static int change_user(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        gid_t gid = request->gid;
        uid_t uid = request->uid;
        if (!request->change_user) {
                return 0;
        }
        if (syscall(CALL_SETGROUPS, request->n_groups, request->groups) < 0 ||
                syscall(CALL_SETRESGID, gid, gid, gid) < 0 ||
                syscall(CALL_SETRESUID, uid, uid, uid) < 0) {
                return -errno;
        }
        return 0;
}

static int change_directory(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        return chdir(request->directory ? request->directory : "/") < 0 ? -errno : 0;
}

static int execute(const struct spawn_request *request, int *status_fd) {
        (void) status_fd;
        static const char *const no_environment[] = {NULL};
        const char *const *environment =
                request->environment ? request->environment : no_environment;

        execve(request->argv[0], (char *const *) request->argv, (char *const *) environment);
        return -errno;
}

/* In this order: what needs privileges comes before they are given up, what must be possible for
 * the new user after it. */
static const struct step {
        const char *name;
        int (*run)(const struct spawn_request *request, int *status_fd);
} steps[] = {
        {"joining the control group", join_cgroup}, /* not when it was born in it */
        {"new session", new_session},
        {"signals", reset_signals},
        {"protection from want of memory", give_up_protection},
        {"limits", set_limits},
        {"standard descriptors", set_standard_fds},
        {"descriptors", close_other_fds},
        {"umask", set_umask},
        {"changing the user", change_user},
        {"changing the directory", change_directory},
        {"executing", execute},
};

enum { FIRST_STEP_BORN_IN_CGROUP = 1 };

struct failure {
        uint32_t step;
        int code; /* positive errno */
};

/* On a stack that the address sanitizer does not know as one. */
#define ON_ANY_STACK __attribute__((no_sanitize("address")))

ON_ANY_STACK static void __attribute__((noreturn))
child_main(const struct spawn_request *request, uint32_t first_step, int status_fd) {
        struct failure failure = {.step = first_step};

        for (; failure.step < ELEMENTSOF(steps); failure.step++) {
                failure.code = -steps[failure.step].run(request, &status_fd);
                if (failure.code > 0) {
                        break;
                }
        }
        ssize_t n = write(status_fd, &failure, sizeof(failure)); /* a fresh pipe takes it whole */
        (void) n;
        _exit(EXIT_NOT_STARTED);
}

/* ---- in the parent ---- */

static int check_request(const struct spawn_request *request, struct error *err) {
        if (!request->argv || !request->argv[0] || request->argv[0][0] != '/') {
                return error_set(err, EINVAL, "a program needs an absolute path");
        }
        if (request->n_groups > SPAWN_MAX_GROUPS) {
                return error_set(
                        err, EINVAL, "%s: more than %d groups", request->argv[0], SPAWN_MAX_GROUPS);
        }
        if (request->n_limits > SPAWN_MAX_LIMITS) {
                return error_set(
                        err, EINVAL, "%s: more than %d limits", request->argv[0], SPAWN_MAX_LIMITS);
        }
        return 0;
}

static int open_status_pipe(int ret_fds[2]) {
        if (pipe2(ret_fds, O_CLOEXEC) < 0) {
                return -errno;
        }
        /* In the child, dup2() on the standard descriptors must not hit its end. */
        int lifted = fcntl(ret_fds[1], F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
        int r = lifted < 0 || fcntl(ret_fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        close(ret_fds[1]);
        ret_fds[1] = lifted;
        return r;
}

/* Born in its cgroup, and with a pidfd. -ENOSYS and others where the kernel, or a filter of system
 * calls, does not know how. The C library does not know of this fork, which is why the child calls
 * nothing but what is safe in a signal handler. */
static pid_t clone_with_pidfd(int cgroup_fd, int *ret_pidfd) {
        struct clone_args arguments = {
                .flags = CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                .pidfd = (uint64_t) (uintptr_t) ret_pidfd,
                .exit_signal = SIGCHLD,
                .cgroup = cgroup_fd >= 0 ? (uint64_t) cgroup_fd : 0,
        };
        pid_t pid = (pid_t) syscall(SYS_clone3, &arguments, sizeof(arguments));
        return pid < 0 ? -errno : pid;
}

/* The process has no pidfd, so nobody could hold it: it must not live on. */
static int undo_fork(pid_t pid) {
        int r = -errno;
        (void) kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        return r;
}

static pid_t fork_with_pidfd(int *ret_pidfd) {
        pid_t pid = fork();
        if (pid <= 0) {
                return pid < 0 ? -errno : 0;
        }
        *ret_pidfd = (int) syscall(SYS_pidfd_open, pid, 0); /* sets close-on-exec by itself */
        return *ret_pidfd < 0 ? undo_fork(pid) : pid;
}

/* What the child gets that shares memory. */
struct sharing {
        const struct spawn_request *request;
        int status_fd;
};

ON_ANY_STACK static int shared_main(void *data) {
        const struct sharing *sharing = data;
        child_main(sharing->request, 0, sharing->status_fd);
}

/* The child runs on a stack of its own while this thread waits; nothing is copied. It calls nothing
 * that would change what both share but errno. */
static pid_t share_with_pidfd(const struct spawn_request *request, int status_fd, int *ret_pidfd) {
        struct sharing sharing = {request, status_fd};
        AUTO_FREE char *stack = malloc(SHARED_STACK);
        if (!stack) {
                return -ENOMEM;
        }
        pid_t pid = clone(shared_main, stack + SHARED_STACK,
                CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &sharing, ret_pidfd);
        return pid < 0 ? -errno : pid;
}

/* Returns the pid, 0 in the child, or negative errno. No handler of ours may run in the child, so
 * signals are blocked until it has reset them. */
static pid_t start_process(const struct spawn_request *request, int status_fd, int *ret_pidfd) {
        sigset_t all, before;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        if (request->share_memory) {
                pid_t pid = share_with_pidfd(request, status_fd, ret_pidfd);
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
                return pid;
        }
        pid_t pid = clone_with_pidfd(request->cgroup_fd, ret_pidfd);
        if (pid == 0) {
                child_main(request, FIRST_STEP_BORN_IN_CGROUP, status_fd);
        }
        if (pid < 0 && pid != -EAGAIN && pid != -ENOMEM) {
                pid = fork_with_pidfd(ret_pidfd);
                if (pid == 0) {
                        child_main(request, 0, status_fd);
                }
        }
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return pid;
}

int spawn_start(const struct spawn_request *request, struct spawned *ret, struct error *err) {
        int fds[2] = {-1, -1};
        int r = check_request(request, err);
        if (r < 0) {
                return r;
        }
        r = open_status_pipe(fds);
        AUTO_CLOSE int read_end = fds[0], write_end = fds[1];
        if (r < 0) {
                return error_set_errno(err, -r, "starting %s: pipe", request->argv[0]);
        }
        int pidfd = -1;
        pid_t pid = start_process(request, write_end, &pidfd);
        if (pid < 0) {
                return error_set_errno(err, -pid, "starting %s", request->argv[0]);
        }
        *ret = (struct spawned){.pid = pid, .pidfd = pidfd, .status_fd = TAKE_FD(read_end)};
        return 0;
}

void spawned_done(struct spawned *spawned) {
        if (spawned->pidfd >= 0) {
                close(spawned->pidfd);
        }
        if (spawned->status_fd >= 0) {
                close(spawned->status_fd);
        }
        spawned->pidfd = spawned->status_fd = -1;
}

enum spawn_state spawn_state(const struct spawned *spawned, struct error *err) {
        struct failure failure;

        ssize_t n = read(spawned->status_fd, &failure, sizeof(failure));
        if (n < 0) {
                return SPAWN_PENDING; /* EAGAIN: a pipe of ours has no other reason */
        }
        if (n != (ssize_t) sizeof(failure) || failure.step >= ELEMENTSOF(steps)) {
                return SPAWN_RUNNING;
        }
        error_set_errno(err, failure.code, "%s", steps[failure.step].name);
        return SPAWN_FAILED;
}
