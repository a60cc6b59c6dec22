#pragma once
/* What the cgroup v2 of a service tells of memory and CPU (the kernel's
 * Documentation/admin-guide/cgroup-v2). None of these reads waits. They return negative errno;
 * -ENOENT: the controller is not enabled for this cgroup, or the cgroup is gone. */

#include <stdint.h>
#include <sys/types.h>

#include "io/cgroup_path.h"

struct cgroup_memory {
        uint64_t current_bytes, limit_bytes; /* UINT64_MAX: no limit */
        uint64_t swap_bytes, swap_limit_bytes; /* 0, UINT64_MAX where swap is not accounted */
};

/* Counters since the cgroup was made. */
struct cgroup_cpu {
        uint64_t periods, throttled_periods; /* of cpu.max; 0 without a limit */
};

/* The directory of the cgroup that a process is in. -ENOENT when no cgroup v2 is mounted, -ESRCH
 * when the process is gone. */
int cgroup_of_process(pid_t pid, char ret_path[CGROUP_PATH_MAX]);

int cgroup_read_memory(const char *directory, struct cgroup_memory *ret);

/* Processes of the cgroup, and of those below, that the kernel killed for want of memory. */
int cgroup_read_oom_kills(const char *directory, uint64_t *ret);

int cgroup_read_cpu(const char *directory, struct cgroup_cpu *ret);
