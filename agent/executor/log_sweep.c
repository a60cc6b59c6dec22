#include "executor/log_sweep.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/service_log.h"

/* One look at all files. The loop and the thread hold it, and whoever lets go last frees it: so the
 * loop can see where a thread that hangs has come to. */
struct sweep {
        atomic_uint holders;
        atomic_size_t at; /* the file that is being looked at */
        struct error failure; /* the first one */
        size_t count;
        struct service_log logs[];
};

static void release(void *data) {
        struct sweep *sweep = data;
        if (sweep && atomic_fetch_sub(&sweep->holders, 1) == 1) {
                free(sweep);
        }
}

/* In a worker thread. */
static int look_at_all(void *data) {
        struct sweep *sweep = data;
        for (size_t i = 0; i < sweep->count; i++) {
                struct error err = {0};
                atomic_store(&sweep->at, i);
                if (service_log_trim(&sweep->logs[i], &err) < 0 && !*sweep->failure.text) {
                        error_wrap(&err, "%s", sweep->logs[i].service);
                        sweep->failure = err;
                }
        }
        return 0;
}

/* ---- Files that hang ---- */

static bool is_hung(const struct log_sweep *all, const char *path, usec_t now) {
        for (size_t i = 0; i < LOG_SWEEP_HUNG_MAX; i++) {
                if (all->hung[i].path && now < all->hung[i].until &&
                        str_eq(all->hung[i].path, path)) {
                        return true;
                }
        }
        return false;
}

static void note_hung(struct log_sweep *all, const char *path) {
        usec_t now = loop_now(all->executor->loop).mono;
        size_t slot = 0;
        for (size_t i = 1; i < LOG_SWEEP_HUNG_MAX; i++) {
                if (all->hung[i].until < all->hung[slot].until) {
                        slot = i; /* free ones are 0 */
                }
        }
        free(all->hung[slot].path);
        all->hung[slot].path = strdup(path);
        all->hung[slot].until = usec_add(now, LOG_SWEEP_PENALTY);
}

/* ---- Every second ---- */

/* Once, not every second. */
static void note_failure(struct log_sweep *all, const char *text) {
        if (*text && !(*all->failure && str_starts(text, all->failure))) {
                log_warning("%s", text);
        }
        str_copy(all->failure, sizeof(all->failure), text);
}

static void on_done(void *cookie, int result, void *data) {
        struct log_sweep *all = cookie;
        const struct sweep *sweep = all->sweep;
        if (result == -ETIMEDOUT) {
                const char *path = sweep->logs[atomic_load(&sweep->at)].path;
                log_warning("log file %s: no answer, leaving it out for a while", path);
                note_hung(all, path);
        }
        if (data) {
                note_failure(all, sweep->failure.text);
        }
        all->task = NULL;
        release(TAKE_PTR(all->sweep));
}

static bool has_file(struct managed *managed, struct service_log *ret) {
        const char *state_dir = managed->executor->options.state_dir;
        return managed->state.running && managed_is_command(managed) &&
               service_log_plan(ret, managed->service, state_dir, NULL) == 0 &&
               ret->target == LOG_TARGET_FILE && ret->max_size > 0;
}

static size_t count_logs(const struct executor *executor) {
        size_t count = 0;
        LIST_FOREACH (node, &executor->services) {
                count += LIST_ENTRY(node, struct managed, node)->state.running;
        }
        return count;
}

/* *ret_any: there is a file, if only one that is left out for now. */
static struct sweep *collect(struct executor *executor, bool *ret_any) {
        usec_t now = loop_now(executor->loop).mono;
        size_t most = count_logs(executor);
        if (most == 0) {
                return NULL;
        }
        struct sweep *sweep = calloc(1, sizeof(*sweep) + most * sizeof(sweep->logs[0]));
        if (!sweep) {
                *ret_any = true; /* another time */
                return NULL;
        }
        LIST_FOREACH (node, &executor->services) {
                struct managed *managed = LIST_ENTRY(node, struct managed, node);
                struct service_log *log = &sweep->logs[sweep->count];
                if (sweep->count < most && has_file(managed, log)) {
                        *ret_any = true;
                        sweep->count += !is_hung(&executor->log_sweep, log->path, now);
                }
        }
        atomic_store(&sweep->holders, 1);
        return sweep;
}

static void submit(struct log_sweep *all, struct sweep *sweep) {
        struct worker_job job = {
                .run = look_at_all,
                .release = release,
                .done = on_done,
                .data = sweep,
                .cookie = all,
                .deadline = usec_add(loop_now(all->executor->loop).mono, LOG_SWEEP_LIMIT),
        };
        atomic_store(&sweep->holders, 2);
        if (worker_submit(all->executor->logs, &job, &all->task, NULL) < 0) {
                atomic_store(&sweep->holders, 1);
                release(sweep);
                return;
        }
        all->sweep = sweep;
}

static void on_timer(void *cookie) {
        struct log_sweep *all = cookie;
        bool any = all->task != NULL;
        struct sweep *sweep = all->task ? NULL : collect(all->executor, &any);
        if (any) {
                loop_timer_set_after(&all->timer, LOG_SWEEP_INTERVAL);
        }
        if (sweep && sweep->count > 0) {
                submit(all, sweep);
        } else {
                release(sweep);
        }
}

int log_sweep_init(struct log_sweep *sweep, struct executor *executor) {
        *sweep = (struct log_sweep){0};
        int r = loop_timer_init(&sweep->timer, executor->loop, on_timer, sweep);
        if (r == 0) {
                sweep->executor = executor;
        }
        return r;
}

void log_sweep_wake(struct log_sweep *sweep) {
        if (sweep->executor && !loop_timer_armed(&sweep->timer)) {
                loop_timer_set_after(&sweep->timer, LOG_SWEEP_INTERVAL);
        }
}

void log_sweep_done(struct log_sweep *sweep) {
        if (!sweep->executor) {
                return;
        }
        if (sweep->task) {
                worker_cancel(sweep->task);
        }
        release(sweep->sweep);
        for (size_t i = 0; i < LOG_SWEEP_HUNG_MAX; i++) {
                free(sweep->hung[i].path);
        }
        loop_timer_done(&sweep->timer);
        *sweep = (struct log_sweep){0};
}
