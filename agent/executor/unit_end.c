#include "executor/unit_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "executor/control_group.h"
#include "executor/executor.h"
#include "executor/service_unit.h"
#include "executor/unit_manager.h"
#include "io/unit_bus.h"
#include "io/unit_job.h"

#define KILL_PAUSE (50 * USEC_PER_MSEC)
#define PROOF_LIMIT (3 * USEC_PER_SEC) /* after the first SIGKILL; others will try again */

struct unit_ending {
        struct operation operation;
        const char *name;
        struct unit_job *job; /* NULL: it has ended */
        struct unit_watch watch;
        struct loop_timer timer; /* the deadline, then each look */
        usec_t begun, give_up;
        bool killing;
        char cgroup[CONTROL_GROUP_PATH_MAX]; /* "": it never had one, as far as systemd says */
        char job_text[256]; /* how the stop failed */
};

static usec_t now_of(const struct unit_ending *end) {
        return loop_now(end->operation.request.executor->loop).mono;
}

/* systemd forgets the cgroup of a unit once it is empty. */
static void note_cgroup(struct unit_ending *end, const struct unit_report *report) {
        const char *group = report->snapshot->control_group;
        if (!*end->cgroup && *group && service_unit_directory(group, end->cgroup, NULL) < 0) {
                end->cgroup[0] = '\0';
        }
}

static bool is_empty(const struct unit_ending *end) {
        return !*end->cgroup || control_group_populated(end->cgroup) == 0;
}

static void finish(struct unit_ending *end) {
        end->operation.request.managed->state.unit_unclear = false;
        char took[UNITS_TEXT_MAX], text[128];
        snprintf(text, sizeof(text), "%s within %s",
                end->killing ? "stopped and killed" : "stopped",
                units_format_duration_short(usec_sub(now_of(end), end->begun), took));
        operation_end(&end->operation, true, text);
}

static void fail(struct unit_ending *end, const struct unit_report *report) {
        char text[512];
        pid_t pids[1];
        const char *say = !report->known ? report->why : report->verdict.text;
        ssize_t left = *end->cgroup ? control_group_processes(end->cgroup, pids, 1) : 0;
        snprintf(text, sizeof(text), "not proven to be gone: %s%.160s%s%.160s",
                left > 0 ? "processes are left; " : "", say ? say : "systemd says nothing",
                *end->job_text ? "; " : "", end->job_text);
        operation_end(&end->operation, false, text);
}

/* Whether it ends here. What is left of a unit that is down will not be stopped by anybody. */
static bool judge(struct unit_ending *end) {
        struct unit_report report;
        unit_watch_report(&end->watch, &report);
        note_cgroup(end, &report);
        bool answered = report.known && !report.asking;
        bool down = answered && unit_is_down(report.snapshot) && !report.snapshot->job;
        if (down && is_empty(end)) {
                finish(end);
                return true;
        }
        if (now_of(end) >= end->give_up) {
                fail(end, &report);
                return true;
        }
        if (down && !end->killing) {
                end->killing = true;
                loop_timer_set_after(&end->timer, 0);
        }
        return false;
}

static void on_timer(void *cookie) {
        struct unit_ending *end = cookie;
        end->killing = true;
        if (judge(end)) {
                return;
        }
        if (*end->cgroup) {
                (void) control_group_kill(end->cgroup); /* the next look says whether it worked */
        }
        unit_watch_ask(&end->watch);
        loop_timer_set_after(&end->timer, KILL_PAUSE);
}

static void on_changed(void *cookie) {
        (void) judge(cookie);
}

static void on_job_ended(void *cookie, bool ok, const char *text) {
        struct unit_ending *end = cookie;
        end->job = NULL;
        if (!ok) {
                str_copy(end->job_text, sizeof(end->job_text), text);
        }
        if (!judge(end)) {
                unit_watch_ask(&end->watch);
        }
}

static int start(struct operation *operation, struct error *err) {
        struct unit_ending *end = (struct unit_ending *) operation;
        const struct operation_request *request = &operation->request;
        struct unit_bus *units = NULL;
        int r = unit_manager_bus(request->executor, &units, err);
        if (r < 0) {
                return r;
        }
        const struct service *service = request->service;
        end->name = service && service->unit ? service->unit->name : request->managed->state.unit;
        end->begun = now_of(end);
        end->give_up = usec_add(request->deadline, PROOF_LIMIT);
        const struct unit_job_request job = {
                .loop = request->executor->loop,
                .units = units,
                .unit = end->name,
                .verb = UNIT_DO_STOP,
                .deadline = end->give_up,
        };
        if (loop_timer_init(&end->timer, request->executor->loop, on_timer, end) < 0 ||
                unit_watch_start(&end->watch, units, end->name, on_changed, end) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        loop_timer_set(&end->timer, request->deadline);
        return unit_job_start(&end->job, &job, on_job_ended, end, err);
}

static void release(struct operation *operation) {
        struct unit_ending *end = (struct unit_ending *) operation;
        unit_job_cancel(end->job);
        unit_watch_end(&end->watch);
        loop_timer_done(&end->timer);
}

const struct operation_kind unit_end = {
        .size = sizeof(struct unit_ending),
        .start = start,
        .release = release,
};
