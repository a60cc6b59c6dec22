#pragma once
/* Reads the policy files, and makes services follow the policy. A service that has left it is
 * stopped; a changed one goes on as it was started until its next start. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "io/worker.h"

struct executor;
struct policy;

#define RELOAD_LIMIT (30 * USEC_PER_SEC) /* policy files on a disk that hangs */

struct reload {
        struct executor *executor;
        struct worker_task *task;
        uint64_t request;
        bool again; /* asked for once more meanwhile */
        uint64_t again_request;
};

void reload_init(struct reload *reload, struct executor *executor);
void reload_done(struct reload *reload);

/* Begins in a worker thread; `reloaded` answers. On failure the old policy stays. */
void reload_start(struct reload *reload, uint64_t request);

/* The first time, in this thread; what is wrong is logged, and the executor goes on without a
 * policy. */
void reload_first(struct reload *reload);

/* Stops and forgets what has left the policy, as far as it has not happened yet. */
void reload_forget_unwanted(struct reload *reload);
