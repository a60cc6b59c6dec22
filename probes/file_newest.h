#pragma once
/* The newest of the files whose names match a pattern, such as yesterday's backup. Can hang with
 * its mount: for worker threads. */

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

enum { FILE_NEWEST_ENTRIES_MAX = 100 * 1000 }; /* of the folder */

struct file_newest {
        char name[NAME_MAX + 1];
        struct stat st;
        uint32_t count; /* of names that match */
};

/* `pattern` is an absolute path; fnmatch(3) in its last component, where a leading period has to be
 * matched by a period. Links are followed; what vanishes meanwhile is passed over, and so are
 * directories. -ENOENT: the folder does not exist or nothing matches; -E2BIG: too many entries;
 * other negative errno. */
int file_newest_find(const char *pattern, struct file_newest *ret);
