#include "executor/unit_manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/unit_end.h"
#include "io/unit_bus.h"
#include "io/unit_job.h"

int unit_manager_bus(struct executor *executor, struct unit_bus **ret, struct error *err) {
        int r = executor->units
                        ? 0
                        : unit_bus_new(&executor->units, executor->loop, bus_peer_of_user(), err);
        if (r == 0) {
                *ret = executor->units;
        }
        return r;
}

/* ---- How a unit is ---- */

struct follower { /* managed->manager_data */
        struct managed *managed;
        struct unit_watch watch;
        enum unit_condition condition; /* told last */
};

static bool has_process(const struct unit_report *report) {
        return report->snapshot->main_pid > 0 && !unit_is_down(report->snapshot);
}

static void describe_process(const struct unit_snapshot *snapshot, struct managed_status *status) {
        struct process_stat stat;
        status->pid = (pid_t) snapshot->main_pid;
        if (process_stat_read(status->pid, &stat) == 0) {
                status->start_time = stat.start_time;
        }
        status->since = snapshot->state_change;
}

static void describe_exit(const struct unit_snapshot *snapshot, struct managed_status *status) {
        status->exit_code = snapshot->exec_main_status;
        status->core_dumped = snapshot->exec_main_code == CLD_DUMPED;
        status->out_of_memory = snapshot->result == UNIT_OOM_KILL;
        if (snapshot->exec_main_code == CLD_EXITED) {
                status->exit_kind = WIRE_EXIT_STATUS;
        } else if (snapshot->exec_main_code == CLD_KILLED || status->core_dumped) {
                status->exit_kind = WIRE_EXIT_SIGNAL;
        }
        status->since = snapshot->inactive_enter;
}

static void describe(const struct unit_report *report, struct managed_status *ret) {
        const struct unit_verdict *verdict = &report->verdict;
        *ret = (struct managed_status){
                .known = true,
                .running = verdict->up || has_process(report),
                .expected = verdict->condition == UNIT_IS_STOPPED_HERE,
                .by_person = verdict->on_purpose,
                .manager_busy = verdict->busy,
        };
        str_copy(ret->text, sizeof(ret->text), verdict->text);
        if (has_process(report)) {
                describe_process(report->snapshot, ret);
        } else if (!ret->running) {
                describe_exit(report->snapshot, ret);
        }
}

static void log_condition(const struct follower *follower, const struct unit_verdict *verdict) {
        const struct managed *managed = follower->managed;
        log_at(verdict->down ? LOG_WARNING : LOG_INFO, "%s: %s: %s", managed->state.service,
                managed->service->unit->name, verdict->text);
}

/* What was told stays while systemd cannot be asked. */
static void on_changed(void *cookie) {
        struct follower *follower = cookie;
        struct unit_report report;
        struct managed_status status;
        unit_watch_report(&follower->watch, &report);
        if (!report.known) {
                return;
        }
        if (report.verdict.condition != follower->condition) {
                follower->condition = report.verdict.condition;
                log_condition(follower, &report.verdict);
        }
        describe(&report, &status);
        managed_tell(follower->managed, &status);
}

static int follow(struct managed *managed, struct error *err) {
        struct unit_bus *units = NULL;
        int r = unit_manager_bus(managed->executor, &units, err);
        if (r < 0) {
                return r;
        }
        struct follower *follower = calloc(1, sizeof(*follower));
        if (!follower || unit_watch_start(&follower->watch, units, managed->service->unit->name,
                                 on_changed, follower) < 0) {
                free(follower);
                return error_set(err, ENOMEM, "out of memory");
        }
        follower->managed = managed;
        managed->manager_data = follower;
        return 0;
}

static void look(struct managed *managed) {
        struct follower *follower = managed->manager_data;
        struct error err = {0};
        if (follower) {
                unit_watch_ask(&follower->watch);
        } else if (follow(managed, &err) < 0) {
                log_error("%s: its unit cannot be watched: %s", managed->state.service, err.text);
        }
}

static void leave(struct managed *managed) {
        struct follower *follower = managed->manager_data;
        if (follower) {
                unit_watch_end(&follower->watch);
                free(follower);
                managed->manager_data = NULL;
        }
}

/* ---- What is done with it ---- */

struct unit_operation {
        struct operation operation;
        struct unit_job *job;
};

static const enum unit_verb verbs[ACTION_COUNT] = {
        [ACTION_START] = UNIT_DO_START,
        [ACTION_STOP] = UNIT_DO_STOP,
        [ACTION_RESTART] = UNIT_DO_RESTART,
        [ACTION_RELOAD] = UNIT_DO_RELOAD,
        [ACTION_SIGNAL] = UNIT_DO_KILL,
};

static void on_job_ended(void *cookie, bool ok, const char *text) {
        struct unit_operation *operation = cookie;
        operation->job = NULL;
        operation_end(&operation->operation, ok, text);
}

/* Without a timeout of the step, the limits of the unit itself count. */
static int start(struct operation *operation, struct error *err) {
        struct unit_operation *self = (struct unit_operation *) operation;
        const struct operation_request *request = &operation->request;
        const struct step_spec *step = request->order.step;
        struct unit_bus *units = NULL;
        int r = unit_manager_bus(request->executor, &units, err);
        if (r < 0) {
                return r;
        }
        struct unit_job_request job = {
                .loop = request->executor->loop,
                .units = units,
                .unit = request->service->unit->name,
                .verb = verbs[request->order.action],
                .deadline = step && step->timeout ? request->deadline : 0,
        };
        if (step && request->order.action == ACTION_SIGNAL) {
                job.signal = step->signal.number;
                job.to_all = step->signal.to == SIGNAL_TO_ALL;
        }
        return unit_job_start(&self->job, &job, on_job_ended, self, err);
}

static void release(struct operation *operation) {
        struct unit_operation *self = (struct unit_operation *) operation;
        unit_job_cancel(self->job);
}

static const struct operation_kind unit_operation = {
        .size = sizeof(struct unit_operation),
        .start = start,
        .release = release,
};

const struct manager_kind unit_manager = {
        .operations =
                {
                        [ACTION_START] = &unit_operation,
                        [ACTION_STOP] = &unit_operation,
                        [ACTION_RESTART] = &unit_operation,
                        [ACTION_RELOAD] = &unit_operation,
                        [ACTION_SIGNAL] = &unit_operation,
                        [ACTION_DEMOTE] = &unit_end,
                },
        .look = look,
        .leave = leave,
};
