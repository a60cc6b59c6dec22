#pragma once
/* A cgroup v2 for each service, below the executor's own, wherever such a hierarchy is mounted and
 * writable. No controller is enabled: the group
 * only says what belongs together, and kills it as one. See the kernel's
 * Documentation/admin-guide/cgroup-v2. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "io/cgroup_path.h"

enum { CONTROL_GROUP_PATH_MAX = CGROUP_PATH_MAX };

/* Where the groups of this executor are; "": there are none, and `why` says why. */
struct control_groups {
        char root[CONTROL_GROUP_PATH_MAX];
        char why[256];
};

/* Makes the group of groups, named after the runtime directory so that two executors never share.
 */
void control_groups_init(struct control_groups *groups, const char *runtime_dir);

/* Removes the group of groups where it is empty. */
void control_groups_done(struct control_groups *groups);

/* Makes the group of a service, anew where it was empty. Returns a descriptor of its directory to
 * be born in; the path goes to `ret_path`. -ENOENT where there are no groups. */
int control_group_make(const struct control_groups *groups, const char *service,
        char ret_path[CONTROL_GROUP_PATH_MAX], struct error *err);

/* SIGKILL to all in it. Returns 0 also when the group is gone. */
int control_group_kill(const char *path);

/* 1: something lives in it or below; 0: nothing, or it is gone; negative errno. */
int control_group_populated(const char *path);

/* The processes in it, without those in groups below. Returns how many were filled in, 0 when it is
 * gone. */
ssize_t control_group_processes(const char *path, pid_t *ret, size_t max);

/* Removes an empty group and empty groups below. */
void control_group_remove(const char *path);
