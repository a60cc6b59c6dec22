#include "probes/file_newest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static bool is_newer(const struct stat *a, const struct stat *b) {
        return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
                                                      : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

static void consider(DIR *folder, const char *name, struct file_newest *best) {
        struct stat st;
        if (fstatat(dirfd(folder), name, &st, 0) < 0 || S_ISDIR(st.st_mode)) {
                return;
        }
        if (best->count++ == 0 || is_newer(&st, &best->st)) {
                best->st = st;
                (void) str_copy(best->name, sizeof(best->name), name);
        }
}

static int look_through(DIR *folder, const char *pattern, struct file_newest *ret) {
        struct dirent *entry;
        struct file_newest best = {0};
        for (int i = 0; (errno = 0, entry = readdir(folder)); i++) {
                if (i == FILE_NEWEST_ENTRIES_MAX) {
                        return -E2BIG;
                }
                if (fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0) {
                        consider(folder, entry->d_name, &best);
                }
        }
        if (errno || best.count == 0) {
                return errno ? -errno : -ENOENT;
        }
        *ret = best;
        return 0;
}

int file_newest_find(const char *pattern, struct file_newest *ret) {
        char path[PATH_MAX];
        if (!str_copy(path, sizeof(path), pattern)) {
                return -ENAMETOOLONG;
        }
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0'; /* the pattern is an absolute path, so there is one */
        DIR *folder = opendir(path);
        if (!folder) {
                return -errno;
        }
        int r = look_through(folder, strrchr(pattern, '/') + 1, ret);
        closedir(folder);
        return r;
}
