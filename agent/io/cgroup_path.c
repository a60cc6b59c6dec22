#include "io/cgroup_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/mount_table.h"

/* The line of the unified hierarchy begins with "0::". */
static int own_group(const char *membership, char ret[CGROUP_PATH_MAX]) {
        while (!str_starts(membership, "0::")) {
                membership = strchr(membership, '\n');
                if (!membership++) {
                        return -ENOENT;
                }
        }
        size_t length = strcspn(membership, "\n") - 3;
        if (length >= CGROUP_PATH_MAX) {
                return -ENAMETOOLONG;
        }
        memcpy(ret, membership + 3, length);
        ret[length] = '\0';
        return 0;
}

int cgroup_locate(const char *mountinfo, const char *membership, char ret_path[CGROUP_PATH_MAX]) {
        char own[CGROUP_PATH_MAX];
        struct mount_entry mount;
        int r = own_group(membership, own);
        if (r < 0) {
                return r;
        }
        while (mount_table_next(&mountinfo, &mount)) {
                if (!str_eq(mount.type, "cgroup2") || !mount_path_below(own, mount.root)) {
                        continue;
                }
                int length = snprintf(ret_path, CGROUP_PATH_MAX, "%s%s", mount.point,
                        mount_path_below(own, mount.root));
                return length < CGROUP_PATH_MAX ? 0 : -ENAMETOOLONG;
        }
        return -ENOENT;
}
