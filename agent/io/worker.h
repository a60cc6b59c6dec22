#pragma once
/* Threads for calls that can block for ever (disk, NFS, crypt): a bounded pool, and a deadline a
 * job. A call that does not return in time is abandoned: its thread stays counted as stuck until it
 * returns. Things that can hang apart from each other (mounts) get pools of their own. */

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/loop.h"

enum {
        WORKER_STACK_SIZE = 256 * 1024,
        WORKER_IDLE_SECONDS = 10, /* a thread without work ends after this */
};

struct worker_limits {
        const char *name; /* for thread names and error texts; must outlive the pool */
        unsigned max_threads; /* busy or idle, without the stuck ones */
        unsigned max_queue; /* jobs that wait for a thread */
        unsigned max_stuck; /* abandoned calls; at this many nothing more is accepted, and what
                               waits goes on waiting. Fewer threads work, the closer it comes */
};

struct worker_counts {
        unsigned queued, running, stuck, threads;
        uint64_t timed_out; /* since the pool was made */
};

/* What to do, and who owns what: `data` belongs to the job from a successful submit on. `release`
 * frees it exactly once, after `run` returned or when `run` will never be called; it may run in any
 * thread. `done` runs in the loop with what run returned and with data, which is NULL when the call
 * was abandoned; result is -ETIMEDOUT when the deadline passed, whether the job had started or not.
 */
struct worker_job {
        int (*run)(void *data); /* in a thread with all signals blocked; touches only data */
        void (*release)(void *data); /* may be NULL */
        void (*done)(void *cookie, int result, void *data);
        void *data, *cookie;
        usec_t deadline; /* moment on CLOCK_BOOTTIME; USEC_INFINITY: none */
};

struct worker_pool;
struct worker_task; /* valid until done was called or the task was cancelled */

int worker_pool_new(struct worker_pool **ret, struct loop *loop, const struct worker_limits *limits,
        struct error *err);
/* Waits for nothing: queued jobs are released, running ones abandoned; no done is called any more.
 */
void worker_pool_free(struct worker_pool *pool);
/* -EAGAIN: the queue is full; -EBUSY: too many calls are stuck; -ENOMEM. Then data stays the
 * caller's. `ret` may be NULL. */
int worker_submit(struct worker_pool *pool, const struct worker_job *job, struct worker_task **ret,
        struct error *err);
/* done is not called; a running call is abandoned, and counts as stuck until it returns. */
void worker_cancel(struct worker_task *task);
struct worker_counts worker_counts(const struct worker_pool *pool);
