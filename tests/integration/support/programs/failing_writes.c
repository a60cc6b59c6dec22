/* Preloaded into a program: its Nth call that changes anything on a disk (FAULT_AT=N) ends it by
 * SIGKILL, or fails with an errno (FAULT_ERRNO=E), that one alone or, with FAULT_ON=1, all that
 * follow as well. FAULT_COUNT names a file that gets the number of such calls at the end.
 *
 * For a program that runs on, FAULT_PLAN names a file that holds "N E ON" instead: calls count from
 * when it is there, and once the fault has come there is a file PLAN.came. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

struct plan {
        long at, code, on;
};

static long number(const char *name) {
        const char *text = getenv(name);
        return text ? strtol(text, NULL, 10) : 0;
}

/* By system calls, because those of libc are wrapped below. */
static bool read_plan(const char *path, struct plan *plan) {
        char text[64] = "";
        long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
        if (fd < 0) {
                calls = 0;
                return false;
        }
        (void) !syscall(SYS_read, fd, text, sizeof(text) - 1);
        syscall(SYS_close, fd);
        return sscanf(text, "%ld %ld %ld", &plan->at, &plan->code, &plan->on) == 3;
}

static void say_that_it_came(const char *path) {
        char came[4096];
        snprintf(came, sizeof(came), "%s.came", path);
        syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, came, O_WRONLY | O_CREAT, 0600));
}

static bool is_due(void) {
        const char *path = getenv("FAULT_PLAN");
        struct plan plan = {0};
        if (path && !read_plan(path, &plan)) {
                return false;
        }
        if (!path) {
                plan = (struct plan){number("FAULT_AT"), number("FAULT_ERRNO"), number("FAULT_ON")};
        }
        long nth = atomic_fetch_add(&calls, 1) + 1;
        if (plan.at == 0 || nth < plan.at || (nth > plan.at && !plan.on)) {
                return false;
        }
        if (path) {
                say_that_it_came(path);
        }
        if (plan.code == 0) {
                kill(getpid(), SIGKILL);
        }
        errno = (int) plan.code;
        return true;
}

__attribute__((destructor)) static void tell(void) {
        const char *path = getenv("FAULT_COUNT");
        char text[32];
        int length = snprintf(text, sizeof(text), "%ld", (long) calls);
        long fd =
                path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
        if (fd >= 0) {
                (void) !syscall(SYS_write, fd, text, (size_t) length);
                syscall(SYS_close, fd);
        }
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

#define WRAP(type, name, parameters, arguments)                                                    \
        type name parameters {                                                                     \
                return is_due() ? -1 : NEXT(name) arguments;                                       \
        }

/* Not what tells another thread or a person something. */
static bool is_on_disk(int fd) {
        struct stat status;
        return fd > STDERR_FILENO && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

ssize_t write(int fd, const void *data, size_t size) {
        return is_on_disk(fd) && is_due() ? -1 : NEXT(write)(fd, data, size);
}

WRAP(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
ssize_t writev(int fd, const struct iovec *parts, int count) {
        return is_on_disk(fd) && is_due() ? -1 : NEXT(writev)(fd, parts, count);
}

WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, ftruncate64, (int fd, off64_t size), (fd, size))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
        (a, from, b, to, flags))
WRAP(int, link, (const char *from, const char *to), (from, to))
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags),
        (a, from, b, to, flags))
WRAP(int, symlink, (const char *target, const char *path), (target, path))
WRAP(int, symlinkat, (const char *target, int fd, const char *path), (target, fd, path))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(int, mkfifo, (const char *path, mode_t mode), (path, mode))
WRAP(int, mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, rmdir, (const char *path), (path))
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags))
WRAP(int, chown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid))
WRAP(int, lchown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid))
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, fchownat, (int fd, const char *path, uid_t uid, gid_t gid, int flags),
        (fd, path, uid, gid, flags))
WRAP(int, futimens, (int fd, const struct timespec times[2]), (fd, times))
WRAP(int, utimensat, (int fd, const char *path, const struct timespec times[2], int flags),
        (fd, path, times, flags))

static bool creates(int flags) {
        return (flags & (O_CREAT | O_TRUNC)) != 0;
}

#define MODE_OF(flags)                                                                             \
        ({                                                                                         \
                va_list rest;                                                                      \
                va_start(rest, flags);                                                             \
                mode_t found = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;         \
                va_end(rest);                                                                      \
                found;                                                                             \
        })

#define WRAP_OPEN(name)                                                                            \
        int name(const char *path, int flags, ...) {                                               \
                mode_t mode = MODE_OF(flags);                                                      \
                return creates(flags) && is_due() ? -1 : NEXT(name)(path, flags, mode);            \
        }

#define WRAP_OPENAT(name)                                                                          \
        int name(int fd, const char *path, int flags, ...) {                                       \
                mode_t mode = MODE_OF(flags);                                                      \
                return creates(flags) && is_due() ? -1 : NEXT(name)(fd, path, flags, mode);        \
        }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
