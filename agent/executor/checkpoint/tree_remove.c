#include "executor/checkpoint/tree_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/checkpoint/beneath.h"

enum { PATH_BYTES = 8192 }; /* of what is removed, from the folder on */

static void close_folder(DIR **folder) {
        if (*folder) {
                closedir(*folder);
        }
}

/* Who is not root needs the rights for it; who is has them. */
static DIR *open_folder(int folder_fd, const char *path, dev_t device) {
        struct stat status;
        int fd = beneath_open(folder_fd, path, O_RDONLY | O_DIRECTORY);
        if (fd < 0) {
                errno = -fd;
                return NULL;
        }
        if (fstat(fd, &status) < 0 || status.st_dev != device) {
                errno = EXDEV;
                close(fd);
                return NULL;
        }
        if (geteuid() != 0) {
                (void) fchmod(fd, 0700);
        }
        DIR *folder = fdopendir(fd);
        if (!folder) {
                close(fd);
        }
        return folder;
}

/* Unlinks the files of a directory up to the first directory in it, whose name is returned in
 * `ret`. 1: there is one; 0: it is empty now. */
static int empty_files(int folder_fd, const char *path, dev_t device, char ret[NAME_MAX + 1]) {
        AUTO(close_folder) DIR *folder = open_folder(folder_fd, path, device);
        if (!folder) {
                return -errno;
        }
        for (;;) {
                errno = 0;
                const struct dirent *entry = readdir(folder);
                if (!entry) {
                        return -errno;
                }
                if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..")) {
                        continue;
                }
                if (unlinkat(dirfd(folder), entry->d_name, 0) == 0 || errno == ENOENT) {
                        continue;
                }
                if (errno != EISDIR && errno != EPERM) {
                        return -errno;
                }
                struct stat status;
                if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
                        return -errno;
                }
                if (!S_ISDIR(status.st_mode)) {
                        return -EPERM;
                }
                str_copy(ret, NAME_MAX + 1, entry->d_name);
                return 1;
        }
}

/* Down into the first directory, and up again when it is empty: no descriptor stays open. */
static int remove_folder(int folder_fd, char path[PATH_BYTES], dev_t device) {
        size_t top = strlen(path);
        for (;;) {
                char name[NAME_MAX + 1];
                int r = empty_files(folder_fd, path, device, name);
                if (r < 0) {
                        return r;
                }
                size_t length = strlen(path);
                if (r > 0) {
                        int more = snprintf(path + length, PATH_BYTES - length, "/%s", name);
                        if (more < 0 || (size_t) more >= PATH_BYTES - length) {
                                return -ENAMETOOLONG;
                        }
                        continue;
                }
                if (unlinkat(folder_fd, path, AT_REMOVEDIR) < 0) {
                        return -errno;
                }
                if (length == top) {
                        return 0;
                }
                *strrchr(path, '/') = '\0';
        }
}

int tree_remove(int folder_fd, const char *name, struct error *err) {
        char path[PATH_BYTES];
        struct stat status;
        if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
                return errno == ENOENT ? 0 : error_set_errno(err, errno, "removing %s", name);
        }
        if (!S_ISDIR(status.st_mode)) {
                return unlinkat(folder_fd, name, 0) < 0
                               ? error_set_errno(err, errno, "removing %s", name)
                               : 0;
        }
        str_copy(path, sizeof(path), name);
        int r = remove_folder(folder_fd, path, status.st_dev);
        return r < 0 ? error_set_errno(err, -r, "removing %.300s", path) : 0;
}
