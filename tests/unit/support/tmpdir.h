#pragma once
/* A directory for one test, removed with all that is in it. */

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit_test.h"

struct tmpdir {
        char path[64];
};

static inline void tmpdir_make(struct tmpdir *dir) {
        snprintf(dir->path, sizeof(dir->path), "/tmp/probe-test-XXXXXX");
        assert_non_null(mkdtemp(dir->path));
}

static inline int tmpdir_remove_entry(
        const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

static inline void tmpdir_remove(const struct tmpdir *dir) {
        assert_int_equal(nftw(dir->path, tmpdir_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* dir/name, in a buffer that the next call overwrites. */
static inline const char *tmpdir_file(const struct tmpdir *dir, const char *name) {
        static char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%s", dir->path, name);
        return path;
}

static inline void tmpdir_write(const struct tmpdir *dir, const char *name, const char *text) {
        FILE *f = fopen(tmpdir_file(dir, name), "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}
