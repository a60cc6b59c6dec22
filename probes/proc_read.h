#pragma once
/* What /proc tells of a process, with few system calls and no allocation (proc(5)). None of these
 * reads waits for the process, unless said otherwise. All return negative errno: -ESRCH when the
 * process is gone, -EACCES when it is another user's and this may be seen by root only, -EPERM when
 * /proc is mounted with hidepid and shows nothing of it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"

struct proc_stat {
        char state;
        pid_t parent;
        uint32_t threads;
        usec_t cpu; /* user and system */
        usec_t children_cpu; /* of children that have ended and were collected */
        uint64_t start_time; /* clock ticks after boot; field 22 */
        uint64_t rss_bytes;
        uint64_t image; /* where its arguments are in its memory: changes when it executes another
                           program; 0 when this user may not know */
};

int proc_read_stat(pid_t pid, struct proc_stat *ret);

/* The text of /proc/PID/stat; -EBADMSG when it is not that. */
int proc_parse_stat(const char *text, struct proc_stat *ret);

/* Whether its last thread has ended, although its parent has not collected it. */
bool proc_stat_dead(const struct proc_stat *stat);

enum { PROC_OPEN_FILES_MAX = 1024 * 1024 }; /* counted up to here */

int proc_count_open_files(pid_t pid, uint64_t *ret);
int proc_read_open_files_limit(pid_t pid, uint64_t *ret_soft); /* UINT64_MAX: unlimited */

enum { PROC_PROGRAM_MAX = 1024 };

/* The path of the program that it runs; one that was replaced on disk meanwhile keeps its name. */
int proc_read_program(pid_t pid, char ret[PROC_PROGRAM_MAX]);

enum { PROC_ARGUMENTS_MAX = 64 * 1024 };

/* Its arguments, each with its terminating zero byte; returns their length, which is 0 for threads
 * of the kernel. Waits for the memory map of the process, so it runs in a worker thread. */
ssize_t proc_read_arguments(pid_t pid, char ret[PROC_ARGUMENTS_MAX]);

/* Bytes of memory of this host. */
uint64_t proc_memory_size(void);
