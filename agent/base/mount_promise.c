#include "base/mount_promise.h"

#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { LINE_MAX_BYTES = 8192 };

static void close_table(FILE **table) {
        if (*table) {
                endmntent(*table);
        }
}

static bool is_below(const char *path, const char *point) {
        size_t length = strlen(point);
        if (str_eq(point, "/")) {
                return path[0] == '/';
        }
        return strncmp(path, point, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* The longest mount point above the path; false: the table has none. */
static bool nearest(const char *file, const char *path, char ret[PATH_MAX]) {
        AUTO(close_table) FILE *table = setmntent(file, "re");
        struct mntent entry;
        char line[LINE_MAX_BYTES];
        ret[0] = '\0';
        while (table && getmntent_r(table, &entry, line, sizeof(line))) {
                bool better = entry.mnt_dir[0] == '/' && is_below(path, entry.mnt_dir) &&
                              strlen(entry.mnt_dir) >= strlen(ret);
                if (better) {
                        str_copy(ret, PATH_MAX, entry.mnt_dir);
                }
        }
        return *ret;
}

bool mount_is_missing(
        const char *promised, const char *present, const char *path, char *ret, size_t size) {
        char wanted[PATH_MAX], is[PATH_MAX];
        bool missing = nearest(promised, path, wanted) && nearest(present, path, is) &&
                       strlen(is) < strlen(wanted);
        return missing && str_copy(ret, size, wanted);
}

bool mount_is_shared(const char *present, const char *one, const char *other) {
        char mine[PATH_MAX], theirs[PATH_MAX];
        return nearest(present, one, mine) && nearest(present, other, theirs) &&
               str_eq(mine, theirs);
}
