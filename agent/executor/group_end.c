#include "executor/group_end.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define PAUSE_FIRST ((usec_t) 100)
#define PAUSE_MAX (50 * USEC_PER_MSEC)
#define SCAN_LIMIT (5 * USEC_PER_SEC)

/* One look through /proc, in a worker thread. */
struct scan {
        struct process_match match;
        ssize_t count;
        struct process_stat found[GROUP_END_PIDS];
};

static int scan_run(void *data) {
        struct scan *scan = data;
        scan->count = process_scan(&scan->match, scan->found, GROUP_END_PIDS);
        return scan->count < 0 ? (int) scan->count : 0;
}

static void finish(struct group_end *end, int result) {
        end->active = false;
        loop_timer_cancel(&end->timer);
        char text[sizeof(end->left) + 64] = "";
        if (result < 0) {
                snprintf(text, sizeof(text), "not gone %d s after SIGKILL: %s",
                        (int) (GROUP_END_LIMIT / USEC_PER_SEC), end->left);
        }
        end->ended(end->cookie, result, text);
}

/* Looks again after a pause, or gives up. */
static void pause_or_give_up(struct group_end *end) {
        usec_t now = loop_now(end->loop).mono;
        if (now >= end->deadline) {
                finish(end, -ETIMEDOUT);
                return;
        }
        loop_timer_set(&end->timer, usec_add(now, end->pause));
        end->pause = 2 * end->pause < PAUSE_MAX ? 2 * end->pause : PAUSE_MAX;
}

static void note_left(struct group_end *end, const pid_t *pids, size_t count) {
        size_t length = 0;
        end->left[0] = '\0';
        for (size_t i = 0; i < count && length < sizeof(end->left) - 16; i++) {
                length += (size_t) snprintf(end->left + length, sizeof(end->left) - length, "%s%d",
                        i ? ", " : "pid ", (int) pids[i]);
        }
}

/* ---- With a cgroup ---- */

static void note_left_in_cgroup(struct group_end *end) {
        pid_t pids[8];
        ssize_t count = control_group_processes(end->group.cgroup, pids, 8);
        if (count > 0) {
                note_left(end, pids, (size_t) count);
        }
}

/* Returns whether it is proven empty. */
static bool kill_cgroup(struct group_end *end) {
        int populated = control_group_populated(end->group.cgroup);
        if (populated == 0) {
                return true;
        }
        int r = populated < 0 ? populated : control_group_kill(end->group.cgroup);
        if (r < 0) {
                snprintf(end->left, sizeof(end->left), "its cgroup: %s", strerror(-r));
        } else {
                note_left_in_cgroup(end);
        }
        return false;
}

/* ---- Without ---- */

static void kill_found(struct group_end *end, const struct scan *scan) {
        pid_t pids[GROUP_END_PIDS];
        for (ssize_t i = 0; i < scan->count; i++) {
                pids[i] = scan->found[i].pid;
                int r = process_signal(&scan->found[i], SIGKILL);
                if (r < 0 && r != -ESRCH) {
                        snprintf(end->left, sizeof(end->left), "pid %d: %s", (int) pids[i],
                                strerror(-r));
                        return;
                }
        }
        note_left(end, pids, (size_t) scan->count);
}

static void on_scanned(void *cookie, int result, void *data) {
        struct group_end *end = cookie;
        struct scan *scan = data;
        end->scan = NULL;
        if (result < 0) {
                snprintf(end->left, sizeof(end->left), "looking through /proc: %s",
                        strerror(-result));
        } else if (scan->count == 0) {
                finish(end, 0);
                return;
        } else {
                kill_found(end, scan);
        }
        pause_or_give_up(end);
}

static void start_scan(struct group_end *end) {
        struct scan *scan = calloc(1, sizeof(*scan));
        struct worker_job job = {
                .run = scan_run,
                .release = free,
                .done = on_scanned,
                .data = scan,
                .cookie = end,
                .deadline = usec_add(loop_now(end->loop).mono, SCAN_LIMIT),
        };
        if (scan) {
                scan->match = end->group.match;
        }
        struct error err = {0};
        if (!scan || worker_submit(end->scans, &job, &end->scan, &err) < 0) {
                free(scan);
                snprintf(end->left, sizeof(end->left), "looking through /proc: %.80s",
                        scan ? err.text : "out of memory");
                pause_or_give_up(end);
        }
}

static void on_timer(void *cookie) {
        struct group_end *end = cookie;
        if (!*end->group.cgroup) {
                start_scan(end);
        } else if (kill_cgroup(end)) {
                finish(end, 0);
        } else {
                pause_or_give_up(end);
        }
}

int group_end_init(struct group_end *end, struct loop *loop, struct worker_pool *scans,
        void (*ended)(void *cookie, int result, const char *text), void *cookie) {
        *end = (struct group_end){.scans = scans, .ended = ended, .cookie = cookie};
        int r = loop_timer_init(&end->timer, loop, on_timer, end);
        if (r == 0) {
                end->loop = loop;
        }
        return r;
}

void group_end_done(struct group_end *end) {
        if (!end->loop) {
                return;
        }
        if (end->scan) {
                worker_cancel(end->scan);
        }
        loop_timer_done(&end->timer);
        *end = (struct group_end){0};
}

int group_end_start(struct group_end *end, const struct process_group *group) {
        if (end->active) {
                return 0;
        }
        end->group = *group;
        end->pause = PAUSE_FIRST;
        end->deadline = usec_add(loop_now(end->loop).mono, GROUP_END_LIMIT);
        str_copy(end->left, sizeof(end->left), "unknown");
        if (*group->cgroup && kill_cgroup(end)) {
                return 1;
        }
        end->active = true;
        if (*group->cgroup) {
                pause_or_give_up(end);
        } else {
                start_scan(end);
        }
        return 0;
}
