#include "executor/service_unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/unit_manager.h"
#include "io/cgroup_path.h"

enum { MOUNTINFO_MAX = 256 * 1024 };

struct service_unit {
        struct managed *managed;
        struct unit_watch watch;
        struct loop_timer patience;
        void (*known)(struct managed *managed); /* NULL: it has not ended */
        int exit_code, exit_status; /* si_code and si_status; 0: not known */
        bool out_of_memory;
        bool stopping; /* a job of systemd is at it */
        bool stopped; /* by such a job */
        bool settled; /* all that is known of its end is final */
};

bool service_units_chosen(enum service_units wish, bool standing) {
        bool fits = standing && geteuid() == 0 && sd_booted() > 0;
        return wish == SERVICE_UNITS_AUTO ? fits : wish == SERVICE_UNITS_YES;
}

/* ---- Names ---- */

static int hierarchy(char ret[CGROUP_PATH_MAX]) {
        AUTO_FREE char *text = calloc(1, MOUNTINFO_MAX);
        AUTO_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
        if (!text || !file) {
                return -ENOENT;
        }
        (void) fread(text, 1, MOUNTINFO_MAX - 1, file);
        return cgroup_locate(text, "0::/\n", ret);
}

int service_unit_directory(
        const char *control_group, char ret[CONTROL_GROUP_PATH_MAX], struct error *err) {
        char root[CGROUP_PATH_MAX];
        int r = hierarchy(root);
        if (r < 0) {
                return error_set_errno(err, -r, "looking for the cgroup %s", control_group);
        }
        int length = snprintf(
                ret, CONTROL_GROUP_PATH_MAX, "%s%s", str_eq(root, "/") ? "" : root, control_group);
        return length < CONTROL_GROUP_PATH_MAX
                       ? 0
                       : error_set(err, ENAMETOOLONG, "the cgroup %s", control_group);
}

int service_unit_cgroup(const char *unit, char ret[CONTROL_GROUP_PATH_MAX], struct error *err) {
        char group[CONTROL_GROUP_PATH_MAX];
        int length = snprintf(group, sizeof(group), "/" SERVICE_UNIT_SLICE "/%s", unit);
        return length < (int) sizeof(group) ? service_unit_directory(group, ret, err)
                                            : error_set(err, ENAMETOOLONG, "cgroup of %s", unit);
}

int service_unit_plan(struct managed *managed, struct error *err) {
        struct service_state *state = &managed->state;
        int r = transient_name(state->service, state->unit);
        return r < 0 ? error_set_errno(err, -r, "the name of its unit")
                     : service_unit_cgroup(state->unit, state->cgroup, err);
}

/* ---- How it ended ---- */

static void tell(struct service_unit *unit) {
        void (*known)(struct managed * managed) = unit->known;
        loop_timer_cancel(&unit->patience);
        unit->known = NULL;
        if (known) {
                known(unit->managed);
        }
}

static void on_patience(void *cookie) {
        tell(cookie);
}

/* A job that is not over may still turn out to be a stop, and when patience ends it counts as one:
 * systemd waits for processes that the main process has left behind. */
static void note_end(struct service_unit *unit, const struct unit_report *report) {
        const struct unit_snapshot *snapshot = report->snapshot;
        unit->exit_code = snapshot->exec_main_code;
        unit->exit_status = snapshot->exec_main_status;
        unit->out_of_memory = snapshot->result == UNIT_OOM_KILL;
        unit->stopped = snapshot->job || report->end == UNIT_END_STOPPED;
        unit->settled = !snapshot->job;
        if (unit->settled) {
                tell(unit);
        }
}

static void note_stopping(struct service_unit *unit, const struct unit_snapshot *snapshot) {
        bool stopping = snapshot->job && snapshot->active == UNIT_DEACTIVATING;
        if (stopping != unit->stopping) {
                unit->stopping = stopping;
                managed_announce(unit->managed, UNSENT_SERVICE);
        }
}

static void on_changed(void *cookie) {
        struct service_unit *unit = cookie;
        struct unit_report report;
        unit_watch_report(&unit->watch, &report);
        if (!report.known || (pid_t) report.snapshot->exec_main_pid != unit->managed->state.pid) {
                return;
        }
        note_stopping(unit, report.snapshot);
        if (report.snapshot->exec_main_code) {
                note_end(unit, &report);
        }
}

bool service_unit_stopping(const struct service_unit *unit) {
        return unit && unit->stopping;
}

bool service_unit_await(struct service_unit *unit, void (*known)(struct managed *managed)) {
        if (unit->settled) {
                return false;
        }
        unit->known = known;
        loop_timer_set_after(&unit->patience, SERVICE_UNIT_PATIENCE);
        unit_watch_ask(&unit->watch);
        return true;
}

void service_unit_exit(const struct service_unit *unit, struct service_state *state) {
        state->by_person = unit->stopped;
        if (!unit->exit_code) {
                return;
        }
        state->exit_kind = unit->exit_code == CLD_EXITED ? WIRE_EXIT_STATUS : WIRE_EXIT_SIGNAL;
        state->exit_code = unit->exit_status;
        state->core_dumped = unit->exit_code == CLD_DUMPED;
        state->out_of_memory = unit->out_of_memory;
}

/* ---- Followed ---- */

void service_unit_free(struct service_unit *unit) {
        if (!unit) {
                return;
        }
        unit_watch_end(&unit->watch);
        loop_timer_done(&unit->patience);
        free(unit);
}

DEFINE_CLEANUP(cleanup_unit, struct service_unit, service_unit_free)

struct service_unit *service_unit_follow(struct managed *managed) {
        struct unit_bus *units;
        AUTO(cleanup_unit) struct service_unit *unit = calloc(1, sizeof(*unit));
        if (!unit || unit_manager_bus(managed->executor, &units, NULL) < 0 ||
                loop_timer_init(&unit->patience, managed->executor->loop, on_patience, unit) < 0 ||
                unit_watch_start(&unit->watch, units, managed->state.unit, on_changed, unit) < 0) {
                return NULL;
        }
        unit->managed = managed;
        return TAKE_PTR(unit);
}
