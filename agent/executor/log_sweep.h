#pragma once
/* Looks at the log files of running services every second, in a worker thread, and cuts what has
 * outgrown its limit; without such a file it sleeps. A file on a mount that hangs is left out for a
 * while, and does not keep the others. */

#include "base/list.h"
#include "io/loop.h"
#include "io/worker.h"

struct executor;
struct sweep;

#define LOG_SWEEP_INTERVAL USEC_PER_SEC
#define LOG_SWEEP_LIMIT (10 * USEC_PER_SEC) /* of one look at all files */
#define LOG_SWEEP_PENALTY (5 * USEC_PER_MINUTE) /* that a file which hung is left out */
enum { LOG_SWEEP_HUNG_MAX = 64 };

struct log_sweep {
        struct executor *executor; /* NULL: not initialised, done() is a no-op */
        struct loop_timer timer;
        struct worker_task *task;
        struct sweep *sweep; /* under way, shared with the thread */
        struct {
                char *path;
                usec_t until;
        } hung[LOG_SWEEP_HUNG_MAX]; /* path NULL: free */
        char failure[256]; /* of the last look, "" when it went well */
};

int log_sweep_init(struct log_sweep *sweep, struct executor *executor);

/* To be called when a service may have a log file that it did not have before. */
void log_sweep_wake(struct log_sweep *sweep);
void log_sweep_done(struct log_sweep *sweep);
