#include "probes/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { PIDFILE_BYTES = 64 }; /* looked at: a process id and its newline are far shorter */

int pidfile_parse(const char *text, pid_t *ret) {
        text += strspn(text, " \t");
        size_t digits = strspn(text, "0123456789");
        size_t blanks = strspn(text + digits, " \t\r");
        char after = text[digits + blanks];
        if (digits == 0 || digits > 10 || (after != '\0' && after != '\n')) {
                return -EBADMSG;
        }
        long long pid = strtoll(text, NULL, 10);
        if (pid <= 0 || pid > INT_MAX) {
                return -EBADMSG;
        }
        *ret = (pid_t) pid;
        return 0;
}

static int read_open_file(int fd, pid_t *ret) {
        char text[PIDFILE_BYTES];
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) {
                return -errno;
        }
        if (!S_ISREG(st.st_mode)) {
                return -EBADMSG;
        }
        ssize_t n = read(fd, text, sizeof(text) - 1);
        if (n < 0) {
                return -errno;
        }
        text[n] = '\0';
        return pidfile_parse(text, ret);
}

int pidfile_read(const char *path, pid_t *ret) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return read_open_file(fd, ret);
}

/* Before Linux 5.12 there is no RESOLVE_CACHED. */
static int open_in_memory(const char *path) {
        struct open_how how = {
                .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                .resolve = RESOLVE_CACHED | RESOLVE_NO_SYMLINKS,
        };
        return (int) syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

int pidfile_read_in_memory(const char *path, pid_t *ret) {
        AUTO_CLOSE int fd = open_in_memory(path);
        return fd < 0 ? -EAGAIN : read_open_file(fd, ret);
}

/* The path is followed again once the file is watched: what took its place before would not be
 * told. */
static void watch(const char *path, struct file_changes *changes, struct file_mark *mark, int fd) {
        file_changes_watch(changes, mark, fd);
        AUTO_CLOSE int again = open_in_memory(path);
        if (again < 0 || !file_changes_same(mark, again)) {
                file_changes_forget(mark);
        }
}

int pidfile_read_watched(
        const char *path, struct file_changes *changes, struct file_mark *mark, pid_t *ret) {
        AUTO_CLOSE int fd = open_in_memory(path);
        if (fd < 0) {
                file_changes_forget(mark);
                return -EAGAIN;
        }
        if (!file_changes_same(mark, fd)) {
                watch(path, changes, mark, fd);
        }
        return read_open_file(fd, ret);
}
