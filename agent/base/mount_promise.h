#pragma once
/* Whether a path lies where somebody meant it to lie: on the mount that /etc/fstab promises. Where
 * that is absent the path names a folder of the disk below it, and nothing tells so. Only the two
 * tables are read, and the path itself is not touched: it may hang. */

#include <stdbool.h>
#include <stddef.h>

#define MOUNTS_PROMISED "/etc/fstab"
#define MOUNTS_PRESENT "/proc/self/mounts"

/* Whether the mount point nearest above an absolute path that the first table (fstab(5)) names is
 * missing in the second; then it is in `ret`. False also where a table cannot be read. */
bool mount_is_missing(
        const char *promised, const char *present, const char *path, char *ret, size_t size);

/* Whether two absolute paths lie on the same mount, going by their names. */
bool mount_is_shared(const char *present, const char *one, const char *other);
