#pragma once
/* Looks for processes in /proc. Reading the environment of a process can wait for its memory map,
 * so process_scan is for worker threads. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
        INVOCATION_ID_SIZE = 33, /* 32 hexadecimal digits */
        PROCESS_ENVIRON_MAX = 256 * 1024, /* bytes of an environment that are looked at */
};

/* What /proc/PID/stat says; see proc_pid_stat(5). */
struct process_stat {
        pid_t pid, parent, session;
        char state;
        uint64_t start_time; /* clock ticks since boot */
};

/* -ESRCH when there is no such process. Does not wait. */
int process_stat_read(pid_t pid, struct process_stat *ret);

/* 'Z' and 'X': has ended, and waits to be reaped. */
static inline bool process_has_ended(const struct process_stat *stat) {
        return stat->state == 'Z' || stat->state == 'X';
}

/* Which processes belong together: any of the marks, and all that descends from a process with one.
 */
struct process_match {
        pid_t session; /* 0: does not count */
        char invocation[INVOCATION_ID_SIZE]; /* INVOCATION_ID of the environment; "": does not count
                                              */
        uint64_t not_before; /* earlier start times are out */
};

/* Fills in the living processes that match, without the caller's own. Returns how many there are,
 * at most `max`; negative errno when /proc cannot be read. */
ssize_t process_scan(const struct process_match *match, struct process_stat *ret, size_t max);

/* Processes that have ended and whose parent is the caller. Returns how many were filled in. */
ssize_t process_scan_zombies(pid_t *ret, size_t max);

/* Sends a signal to exactly this process; -ESRCH when its pid is another's by now. */
int process_signal(const struct process_stat *process, int signal);
