#include "store/store_salvage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "store/store.h"
#include "store/store_error.h"

enum { STAMP_MAX = 40 };

/* The database first: without it, what is left behind of its log is worthless. */
static const char *const parts[] = {"", "-wal", "-shm"};

/* 20260301T120000.000123Z: sorts by time, and needs no quoting in a shell. */
static void format_stamp(char stamp[STAMP_MAX]) {
        wall_usec_t now = clock_now().wall;
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        struct tm broken_down;
        char date[20];
        (void) strftime(date, sizeof(date), "%Y%m%dT%H%M%S", gmtime_r(&seconds, &broken_down));
        (void) snprintf(stamp, STAMP_MAX, "%s.%06uZ", date, (unsigned) (now % USEC_PER_SEC));
}

static int join(char to[PATH_MAX], const char *path, const char *middle, const char *part) {
        int length = snprintf(to, PATH_MAX, "%s%s%s", path, middle, part);
        return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int rename_part(const char *path, const char *middle, const char *part, char to[PATH_MAX]) {
        char from[PATH_MAX];
        if (join(from, path, "", part) < 0 || join(to, path, middle, part) < 0) {
                return -ENAMETOOLONG;
        }
        return rename(from, to) == 0 || errno == ENOENT ? 0 : -errno;
}

/* ---- Old ones ------------------------------------------------------------------------------- */

/* The name of a database moved aside, not of its log. */
static bool is_moved_aside(const char *name, const char *base) {
        size_t length = strlen(base);
        return strncmp(name, base, length) == 0 && str_starts(name + length, ".corrupt-") &&
               name[strlen(name) - 1] == 'Z';
}

static void remove_parts(int directory, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                char file[PATH_MAX];
                if (join(file, name, "", parts[i]) == 0) {
                        (void) unlinkat(directory, file, 0); /* it only takes up space */
                }
        }
}

static void free_entries(struct dirent **entries, int n) {
        for (int i = 0; i < n; i++) {
                free(entries[i]);
        }
        free(entries);
}

/* Names sort by time, the oldest first. */
static void remove_old(const char *path) {
        char for_directory[PATH_MAX], for_base[PATH_MAX];
        (void) str_copy(for_directory, sizeof(for_directory), path);
        (void) str_copy(for_base, sizeof(for_base), path);
        const char *base = basename(for_base);
        AUTO_CLOSE int directory = open(dirname(for_directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent **entries = NULL;
        int n = directory < 0 ? -1 : scandirat(directory, ".", &entries, NULL, alphasort);
        int kept = 0;
        for (int i = n - 1; i >= 0; i--) {
                if (is_moved_aside(entries[i]->d_name, base) && ++kept > STORE_CORRUPT_KEEP) {
                        remove_parts(directory, entries[i]->d_name);
                }
        }
        free_entries(entries, n);
}

int store_move_aside(const char *path, char ret_to[PATH_MAX], struct error *err) {
        char stamp[STAMP_MAX], middle[STAMP_MAX + sizeof(".corrupt-")], to[PATH_MAX];
        format_stamp(stamp);
        (void) snprintf(middle, sizeof(middle), ".corrupt-%s", stamp);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int r = rename_part(path, middle, parts[i], to);
                if (r < 0) {
                        (void) store_error_system(err, -r, path);
                        return error_wrap(err, "cannot move the damaged database aside");
                }
                if (i == 0) {
                        (void) str_copy(ret_to, PATH_MAX, to);
                }
        }
        remove_old(path);
        return 0;
}
