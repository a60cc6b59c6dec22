/* Preloaded into a program: while the file HUNG_DISK/hung exists, no write to a file below the
 * directory HUNG_DISK returns, as on a disk whose controller is gone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static bool is_below(int fd, const char *directory) {
        char link[64], path[PATH_MAX];
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof(path) - 1);
        size_t prefix = strlen(directory);
        return length > (ssize_t) prefix && strncmp(path, directory, prefix) == 0 &&
               path[prefix] == '/';
}

static void wait_for_disk(int fd) {
        const char *directory = getenv("HUNG_DISK");
        char hung[PATH_MAX];
        if (!directory || !is_below(fd, directory)) {
                return;
        }
        snprintf(hung, sizeof(hung), "%s/hung", directory);
        while (access(hung, F_OK) == 0) {
                nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
        }
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
        wait_for_disk(fd);
        return NEXT(fsync)(fd);
}

int fdatasync(int fd) {
        wait_for_disk(fd);
        return NEXT(fdatasync)(fd);
}

ssize_t write(int fd, const void *data, size_t size) {
        wait_for_disk(fd);
        return NEXT(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        wait_for_disk(fd);
        return NEXT(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
        wait_for_disk(fd);
        return NEXT(pwrite64)(fd, data, size, offset);
}
