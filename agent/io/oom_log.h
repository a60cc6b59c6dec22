#pragma once
/* Which processes the kernel killed for want of memory, by its own log (/dev/kmsg, see the kernel's
 * Documentation/ABI/testing/dev-kmsg). For hosts without systemd, which knows it of its units. The
 * log is read when somebody asks, and never waited for. */

#include <stdbool.h>
#include <sys/types.h>

enum { OOM_LOG_REMEMBERED = 16 }; /* kills that nobody has asked for yet */

struct oom_log {
        int fd; /* -1: this user may not read the log, or it counts processes otherwise */
        pid_t killed[OOM_LOG_REMEMBERED];
        unsigned next; /* of killed, the oldest */
};

/* From now on: what is in the log already is not read. In a PID namespace of its own a process has
 * another number than in the log, so there is none then. */
void oom_log_open(struct oom_log *log);
void oom_log_close(struct oom_log *log); /* also a zeroed one */

/* Whether this process was killed so. Its number is forgotten, for it may be another's later. */
bool oom_log_killed(struct oom_log *log, pid_t pid);

/* The process that a record of the log says to be killed; 0: it says nothing of the kind. */
pid_t oom_log_parse(const char *record);
