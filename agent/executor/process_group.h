#pragma once
/* What belongs to a service that the executor started, and who is in it. */

#include "executor/control_group.h"
#include "executor/process_scan.h"

struct process_group {
        char cgroup[CONTROL_GROUP_PATH_MAX]; /* "": there is none, `match` counts */
        struct process_match match;
};

/* Fills in its living processes. Returns how many there are, at most `max`; negative errno when
 * that cannot be read. For worker threads, see process_scan. */
ssize_t process_group_members(
        const struct process_group *group, struct process_stat *ret, size_t max);
