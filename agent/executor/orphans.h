#pragma once
/* The executor is the subreaper of what its services leave behind: daemons whose parents have ended
 * become its children. They are reaped here once they have ended, and had time to be reaped by
 * whoever holds them. */

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "io/loop.h"
#include "io/worker.h"

struct executor;

enum { ORPHANS_MAX = 1024 }; /* reaped by one look; the next look takes the others */
/* Two looks so far apart find it before it is reaped. Until then a script that asks kill(2) is told
 * that it is there. */
#define ORPHANS_PAUSE (150 * USEC_PER_MSEC)

struct orphans {
        struct executor *executor; /* NULL: not initialised, done() is a no-op */
        struct loop_timer timer;
        struct worker_task *task;
        pid_t *seen; /* zombies of the last look */
        size_t n_seen;
};

/* Makes this process a subreaper and looks after SIGCHLD. */
int orphans_init(struct orphans *orphans, struct executor *executor, struct error *err);
void orphans_done(struct orphans *orphans);
