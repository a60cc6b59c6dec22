#pragma once
/* A blocking call that a probe makes in a worker thread. A call that hangs outlives the run that
 * made it; until it returns, the probe makes no other, so that a dead mount costs one thread and
 * not one a run. A probe keeps a slot (`struct offload *`, NULL at first) for it in its state. */

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/worker.h"

struct offload; /* counted: held by the slot and by the thread */

struct offload_request {
        struct worker_pool *pool;
        usec_t now, deadline; /* moments on CLOCK_BOOTTIME */
        /* In the thread. Touches `data` only, which must hold all it needs: the policy may be gone
         * by then. */
        void (*run)(struct offload *call, void *data);
        /* In the loop, once, unless cancelled. `data` is NULL when the deadline passed. */
        void (*done)(void *cookie, void *data);
        void (*release)(void *data); /* frees data once, in any thread */
        void *data, *cookie;
};

/* `data` belongs to the call when it succeeds. -EALREADY: the last call has not returned yet, see
 * offload_waits_for, and was made through the same pool; otherwise as worker_submit, with the text
 * in `err`. */
int offload_start(struct offload **slot, const struct offload_request *request, struct error *err);

/* In the thread: what it is about to do, a literal such as "fsync". */
void offload_step(struct offload *call, const char *step);

/* What the call in the slot waits for, "fsync" for instance; NULL: for a free thread. And since
 * when. */
const char *offload_waits_for(const struct offload *slot);
usec_t offload_started(const struct offload *slot);

/* `done` is not called any more; a call that hangs keeps the slot until it returns. */
void offload_cancel(struct offload *slot);

/* Cancels and empties the slot. Both accept an empty one. */
void offload_release(struct offload **slot);
