#pragma once
/* Ends all processes of a service with SIGKILL and proves that none is left: by its cgroup where
 * there is one, else by looking through /proc in a worker thread until nothing is found. */

#include <stdbool.h>

#include "base/clock.h"
#include "executor/process_group.h"
#include "io/loop.h"
#include "io/worker.h"

#define GROUP_END_LIMIT                                                                            \
        (10 * USEC_PER_SEC) /* from the first SIGKILL; then it counts as not proven */
enum { GROUP_END_PIDS = 256 }; /* seen by one look; more are seen by the next */

struct group_end {
        struct loop *loop; /* NULL: not initialised, done() is a no-op */
        struct worker_pool *scans;
        struct loop_timer timer;
        struct worker_task *scan;
        struct process_group group;
        usec_t deadline, pause;
        bool active;
        char left[128]; /* who was seen last: "123, 124" */
        void (*ended)(void *cookie, int result, const char *text);
        void *cookie;
};

/* `ended` gets 0, or -ETIMEDOUT and who is left; never from within group_end_start. The pool
 * outlives it. */
int group_end_init(struct group_end *end, struct loop *loop, struct worker_pool *scans,
        void (*ended)(void *cookie, int result, const char *text), void *cookie);
void group_end_done(struct group_end *end);

/* Begins, unless it has begun. Returns 1 when nothing was left: `ended` is not called then; else 0.
 */
int group_end_start(struct group_end *end, const struct process_group *group);

static inline bool group_end_active(const struct group_end *end) {
        return end->active;
}
