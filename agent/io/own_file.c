#include "io/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/read_full.h"

int own_file_read(int folder, const char *name, size_t max_bytes, char **ret) {
        AUTO_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) < 0) {
                return -errno;
        }
        if (!S_ISREG(status.st_mode) || (size_t) status.st_size > max_bytes) {
                return -EBADMSG;
        }
        AUTO_FREE char *text = calloc(1, (size_t) status.st_size + 1);
        if (!text) {
                return -ENOMEM;
        }
        ssize_t length = read_full(fd, text, (size_t) status.st_size);
        if (length < 0) {
                return (int) length;
        }
        *ret = TAKE_PTR(text);
        return 0;
}

static int write_text(int folder, const char *name, const char *text, bool durable) {
        AUTO_CLOSE int fd =
                openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return -errno;
        }
        size_t length = strlen(text);
        ssize_t n = write(fd, text, length);
        if (n != (ssize_t) length) {
                return n < 0 ? -errno : -ENOSPC;
        }
        return durable && fsync(fd) < 0 ? -errno : 0;
}

int own_file_replace(
        int folder, const char *aside, const char *name, const char *text, bool durable) {
        int r = write_text(folder, aside, text, durable);
        if (r == 0 && renameat(folder, aside, folder, name) < 0) {
                r = -errno;
        }
        if (r < 0) {
                unlinkat(folder, aside, 0);
                return r;
        }
        return durable && fsync(folder) < 0 ? -errno : 0;
}
