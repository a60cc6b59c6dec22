#include "fence/fence_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { TEXT_MAX = 32 };

#define LOCK_PAUSE_NSEC 20000000 /* between two tries */

static int beside(const char *path, const char *suffix, char ret[PATH_MAX], struct error *err) {
        int n = snprintf(ret, PATH_MAX, "%s%s", path, suffix);
        return n < 0 || n >= PATH_MAX ? error_set_errno(err, ENAMETOOLONG, "%s", path) : 0;
}

static int open_plain(const char *path, int flags, struct error *err) {
        AUTO_CLOSE int fd =
                open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) {
                return error_set_errno(err, errno, "%s", path);
        }
        if (!S_ISREG(st.st_mode)) {
                return error_set(err, EPERM, "%s: not a regular file", path);
        }
        return TAKE_FD(fd);
}

/* Of an open file description, so that it does not go with another descriptor of this process. */
static int try_lock(int fd) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
                return 0;
        }
        return errno == EACCES ? -EAGAIN : -errno;
}

int fence_lock(const char *path, usec_t patience, struct error *err) {
        static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NSEC};
        usec_t deadline = usec_add(clock_now().mono, patience);
        char name[PATH_MAX];
        int r = beside(path, ".lock", name, err);
        if (r < 0) {
                return r;
        }
        AUTO_CLOSE int fd = open_plain(name, O_RDWR | O_CREAT, err);
        if (fd < 0) {
                return fd;
        }
        while ((r = try_lock(fd)) == -EAGAIN && clock_now().mono < deadline) {
                /* style: allow nanosleep: a program of its own, without a loop */
                (void) nanosleep(&pause, NULL);
        }
        if (r == -EAGAIN) {
                return error_set(err, EBUSY,
                        "%s is locked: a command with an earlier leave is "
                        "still running",
                        name);
        }
        return r < 0 ? error_set_errno(err, -r, "locking %s", name) : TAKE_FD(fd);
}

int fence_parse(const char *text, uint64_t *ret) {
        char *end = NULL;
        errno = 0;
        uint64_t value = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno != 0 || value == 0) {
                return -EINVAL;
        }
        *ret = value;
        return 0;
}

int fence_read(const char *path, uint64_t *ret, struct error *err) {
        char text[TEXT_MAX];
        struct error problem = {0};
        AUTO_CLOSE int fd = open_plain(path, O_RDONLY, &problem);
        if (fd == -ENOENT) {
                *ret = 0;
                return 0;
        }
        if (fd < 0) {
                return error_set(err, -fd, "%s", problem.text);
        }
        ssize_t n = read(fd, text, sizeof(text) - 1);
        if (n < 0) {
                return error_set_errno(err, errno, "%s", path);
        }
        text[n] = '\0';
        char *newline = strchr(text, '\n');
        if (newline && !newline[1]) {
                *newline = '\0';
        }
        if (fence_parse(text, ret) < 0) {
                return error_set(err, EBADMSG,
                        "%s holds no fencing token; write the highest that was ever used into it",
                        path);
        }
        return 0;
}

static int write_aside(const char *path, uint64_t token, struct error *err) {
        AUTO_CLOSE int fd = open_plain(path, O_WRONLY | O_CREAT | O_TRUNC, err);
        if (fd < 0) {
                return fd;
        }
        int n = dprintf(fd, "%" PRIu64 "\n", token);
        return n < 0 || fsync(fd) < 0 ? error_set_errno(err, errno, "writing %s", path) : 0;
}

/* A name is on the disk when its folder is. */
static int sync_folder(const char *path, struct error *err) {
        char folder[PATH_MAX];
        (void) snprintf(folder, sizeof(folder), "%s", path);
        char *slash = strrchr(folder, '/');
        if (slash) {
                slash[slash == folder] = '\0';
        }
        AUTO_CLOSE int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? error_set_errno(err, errno, "writing %s", path) : 0;
}

int fence_write(const char *path, uint64_t token, struct error *err) {
        char aside[PATH_MAX];
        int r = beside(path, ".new", aside, err);
        r = r < 0 ? r : write_aside(aside, token, err);
        if (r == 0 && rename(aside, path) < 0) {
                r = error_set_errno(err, errno, "writing %s", path);
        }
        return r < 0 ? r : sync_folder(path, err);
}
