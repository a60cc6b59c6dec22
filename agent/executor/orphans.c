#include "executor/orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "executor/executor.h"
#include "executor/process_scan.h"

#define LOOK_LIMIT (10 * USEC_PER_SEC)

struct look {
        ssize_t count;
        pid_t pids[ORPHANS_MAX];
};

static int look_run(void *data) {
        struct look *look = data;
        look->count = process_scan_zombies(look->pids, ORPHANS_MAX);
        return look->count < 0 ? (int) look->count : 0;
}

/* A main process stays a zombie until its group is gone: see managed.c. */
static bool is_held(const struct executor *executor, pid_t pid) {
        LIST_FOREACH (node, &executor->services) {
                const struct managed *managed = LIST_ENTRY(node, struct managed, node);
                if (managed->pidfd >= 0 && managed->child && managed->state.pid == pid) {
                        return true;
                }
        }
        return false;
}

static bool was_seen(const struct orphans *orphans, pid_t pid) {
        for (size_t i = 0; i < orphans->n_seen; i++) {
                if (orphans->seen[i] == pid) {
                        return true;
                }
        }
        return false;
}

/* Reaps what was there the last time as well; returns how many are left, moved to the front. */
static size_t reap(struct orphans *orphans, struct look *look) {
        size_t left = 0;
        for (ssize_t i = 0; i < look->count; i++) {
                pid_t pid = look->pids[i];
                if (is_held(orphans->executor, pid)) {
                        continue;
                }
                if (!was_seen(orphans, pid) || waitpid(pid, NULL, WNOHANG) == 0) {
                        look->pids[left++] = pid;
                }
        }
        return left;
}

static void on_looked(void *cookie, int result, void *data) {
        struct orphans *orphans = cookie;
        struct look *look = data;
        orphans->task = NULL;
        size_t left = result == 0 ? reap(orphans, look) : 0;
        if (left > 0) {
                memcpy(orphans->seen, look->pids, left * sizeof(pid_t));
        }
        orphans->n_seen = left;
        if (left > 0) {
                loop_timer_set_after(&orphans->timer, ORPHANS_PAUSE);
        }
}

/* A question that costs one call, and mostly is answered with no. */
static bool any_zombie(void) {
        siginfo_t info = {0};
        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static void on_timer(void *cookie) {
        struct orphans *orphans = cookie;
        if (orphans->task || !any_zombie()) {
                return;
        }
        struct look *look = calloc(1, sizeof(*look));
        struct worker_job job = {
                .run = look_run,
                .release = free,
                .done = on_looked,
                .data = look,
                .cookie = orphans,
                .deadline = usec_add(loop_now(orphans->executor->loop).mono, LOOK_LIMIT),
        };
        if (!look || worker_submit(orphans->executor->scans, &job, &orphans->task, NULL) < 0) {
                free(look);
                loop_timer_set_after(&orphans->timer, ORPHANS_PAUSE);
        }
}

static void on_sigchld(void *cookie, int signal) {
        struct orphans *orphans = cookie;
        (void) signal;
        if (!loop_timer_armed(&orphans->timer)) {
                loop_timer_set_after(&orphans->timer, ORPHANS_PAUSE);
        }
}

int orphans_init(struct orphans *orphans, struct executor *executor, struct error *err) {
        *orphans = (struct orphans){0};
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
                return error_set_errno(err, errno, "becoming a subreaper");
        }
        orphans->seen = calloc(ORPHANS_MAX, sizeof(pid_t));
        int r = orphans->seen ? loop_timer_init(&orphans->timer, executor->loop, on_timer, orphans)
                              : -ENOMEM;
        if (r < 0) {
                free(orphans->seen);
                return error_set(err, -r, "out of memory");
        }
        orphans->executor = executor;
        return loop_on_signal(executor->loop, SIGCHLD, on_sigchld, orphans, err);
}

void orphans_done(struct orphans *orphans) {
        if (!orphans->executor) {
                return;
        }
        if (orphans->task) {
                worker_cancel(orphans->task);
        }
        loop_timer_done(&orphans->timer);
        free(orphans->seen);
        *orphans = (struct orphans){0};
}
