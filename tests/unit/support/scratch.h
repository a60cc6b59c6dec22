#pragma once
/* A folder of a test's own below /tmp, which is gone with all that is in it at the end. */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static inline int scratch_make(char *directory, size_t size, const char *name) {
        int length = snprintf(directory, size, "/tmp/%s.XXXXXX", name);
        return length > 0 && (size_t) length < size && mkdtemp(directory) ? 0 : -1;
}

static inline int scratch_remove_one(
        const char *path, const struct stat *status, int type, struct FTW *where) {
        (void) status;
        (void) type;
        (void) where;
        return remove(path);
}

static inline int scratch_remove(const char *directory) {
        return nftw(directory, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
