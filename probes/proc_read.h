#pragma once
/* What /proc tells of a process, with few system calls and no allocation (proc(5)). None of these
 * reads waits for the process. All return negative errno: -ESRCH when the process is gone, -EACCES
 * when this user may not see it (another user's, or /proc is mounted with hidepid). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"

struct proc_stat {
        char state;
        uint32_t threads;
        usec_t cpu; /* user and system */
        uint64_t start_time; /* clock ticks after boot; field 22 */
        uint64_t rss_bytes;
};

int proc_read_stat(pid_t pid, struct proc_stat *ret);

/* The text of /proc/PID/stat; -EBADMSG when it is not that. */
int proc_parse_stat(const char *text, struct proc_stat *ret);

/* Whether its last thread has ended, although its parent has not collected it. */
bool proc_stat_dead(const struct proc_stat *stat);

enum { PROC_OPEN_FILES_MAX = 1024 * 1024 }; /* counted up to here */

int proc_count_open_files(pid_t pid, uint64_t *ret);
int proc_read_open_files_limit(pid_t pid, uint64_t *ret_soft); /* UINT64_MAX: unlimited */

/* Bytes of memory of this host. */
uint64_t proc_memory_size(void);
