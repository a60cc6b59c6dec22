#pragma once
/* Where the directory of a cgroup v2 is, wherever that hierarchy is mounted (hybrid hosts mount it
 * at /sys/fs/cgroup/unified). See the kernel's Documentation/admin-guide/cgroup-v2. */

enum { CGROUP_PATH_MAX = 512 };

/* The directory of a process's cgroup, from the texts of /proc/self/mountinfo and /proc/PID/cgroup.
 * -ENOENT when no cgroup v2 is mounted or the process is not in what is mounted; -ENAMETOOLONG. */
int cgroup_locate(const char *mountinfo, const char *membership, char ret_path[CGROUP_PATH_MAX]);
