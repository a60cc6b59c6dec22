#pragma once
/* Pressure of a host or of one cgroup, as the kernel tells it (its Documentation/accounting/psi and
 * filesystems/proc). None of these reads waits. They return negative errno. */

#include <stdbool.h>
#include <stdint.h>

enum pressure_window { PRESSURE_10S, PRESSURE_1M, PRESSURE_5M, PRESSURE_WINDOWS };
enum load_window { LOAD_1M, LOAD_5M, LOAD_15M, LOAD_WINDOWS };

/* Share of the time, in percent, in which some or all tasks waited for the resource. */
struct pressure_stall {
        double some[PRESSURE_WINDOWS], full[PRESSURE_WINDOWS]; /* full is 0 where not told */
};

struct host_memory {
        uint64_t total_bytes, available_bytes, swap_bytes, swap_used_bytes;
};

/* From directory/name: /proc/pressure/memory, or CGROUP/memory.pressure. -EOPNOTSUPP: this kernel
 * does not account it, or was told not to. */
int pressure_read_stall(const char *directory, const char *name, struct pressure_stall *ret);

/* From the text of such a file; -EBADMSG when it is not that. */
int pressure_parse_stall(const char *text, struct pressure_stall *ret);

/* `proc` is where proc(5) is mounted. */
int pressure_read_load(const char *proc, double ret[LOAD_WINDOWS]);
int pressure_read_memory(const char *proc, struct host_memory *ret);

/* Processes that the kernel killed since it started, for want of memory of the host or of any
 * cgroup. -EOPNOTSUPP before Linux 4.13. */
int pressure_read_oom_kills(const char *proc, uint64_t *ret);
