#pragma once
/* Watches a process by its pidfd and tells at once when it dies. */

#include <stdint.h>
#include <sys/types.h>

#include "io/loop.h"
#include "probes/probe.h"

struct process_watch { /* zero-initialise */
        struct loop_watch watch;
        int pidfd; /* valid while watched is set */
        pid_t watched; /* 0: none */
        const char *pidfile; /* that named it; borrowed of the parameters; NULL: none */
        pid_t died; /* the last one whose death was noticed; 0: none */
        bool of_manager; /* see process_is_managers */
        const struct probe_host *host;
        uint32_t service, probe;
};

/* Watches pid on behalf of the probe that runs, instead of the one before. Its death is not told
 * when `pidfile` names another process by then. -ESRCH: there is no such process; any other error:
 * it could not be watched. */
int process_watch_set(
        struct process_watch *watch, const struct probe_run *run, pid_t pid, const char *pidfile);

void process_watch_clear(struct process_watch *watch);
