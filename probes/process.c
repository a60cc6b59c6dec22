/* The process probe: whether a process lives, and what it uses. The figures come from /proc and
 * cgroups, which answer at once; whatever may have to wait (a pidfile on a dead mount, the
 * arguments of a process that hangs, a look at all processes) is read by worker threads. */

#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/manager.h"
#include "probes/offload.h"
#include "probes/process_params.h"
#include "probes/types.h"

#define OFFSET(member) offsetof(struct process_params, member)

static const struct schema_field cgroup_fields[] = {
        {"max_memory", SCHEMA_AMOUNT, offsetof(struct process_cgroup_limits, max_memory),
                .example = "90%", .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "Fails when the cgroup uses more memory, page cache included: a size, or a "
                        "percentage of its limit (MemoryMax=)."},
        {"max_throttled", SCHEMA_AMOUNT, offsetof(struct process_cgroup_limits, max_throttled),
                .example = "25%", .units = SCHEMA_UNITS_PERCENT, .most = "100%",
                .help = "Fails when its CPU limit (CPUQuota=) held it back in more of the periods within "
                        "window. Judged once a whole window was watched."},
        {"max_oom_kills", SCHEMA_AMOUNT, offsetof(struct process_cgroup_limits, oom.most),
                .example = "0", .units = SCHEMA_UNITS_COUNT,
                .help = "Fails when the kernel killed more processes in it for want of memory within "
                        "window, since the main process was first seen."},
        {"window", SCHEMA_DURATION, offsetof(struct process_cgroup_limits, oom.window),
                .standard = "10m", .least = "1s", .most = "1d", .example = "1h",
                .help = "The time over which max_throttled and max_oom_kills count."},
        {NULL},
};

static const struct schema cgroup_schema = {
        .name = "process cgroup",
        .help = "Limits of the cgroup v2 that the process is in, as systemd makes one for each unit.",
        .size = sizeof(struct process_cgroup_limits),
        .fields = cgroup_fields,
};

static const struct schema_field process_fields[] = {
        {"pidfile", SCHEMA_PATH, OFFSET(pidfile), .example = "/run/nginx.pid",
                .help = "File whose first line is the process id. Without it, and without executable, the "
                        "probe watches the main process of the service itself."},
        {"executable", SCHEMA_PATH, OFFSET(executable), .example = "/usr/sbin/nginx",
                .help = "The program that the process runs; for a script, that is its interpreter. Of "
                        "several such processes it is the oldest that is no child of another."},
        {"arguments", SCHEMA_STRINGS, OFFSET(arguments), .example = "[-D, /var/lib/pgsql]",
                .with = "executable: /usr/bin/postgres",
                .help = "With executable: arguments that the process has, in this order; others may "
                        "stand between."},
        {"max_rss", SCHEMA_AMOUNT, OFFSET(max_rss), .example = "1GiB",
                .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "Fails when more memory is resident: a size, or a percentage of the host's "
                        "memory."},
        {"max_total_rss", SCHEMA_AMOUNT, OFFSET(max_total_rss), .example = "4GiB",
                .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "The same for the process and all that descends from it; memory that they share "
                        "counts for each."},
        {"max_cpu", SCHEMA_AMOUNT, OFFSET(max_cpu), .example = "150%",
                .units = SCHEMA_UNITS_PERCENT,
                .help = "Fails when the process used more CPU on average over cpu_window, in percent of "
                        "one core (150% is one and a half). Judged once a whole window was watched."},
        {"max_total_cpu", SCHEMA_AMOUNT, OFFSET(max_total_cpu), .example = "400%",
                .units = SCHEMA_UNITS_PERCENT,
                .help = "The same for the process and all that descends from it."},
        {"cpu_window", SCHEMA_DURATION, OFFSET(cpu_window), .standard = "1m", .least = "1s",
                .most = "1d", .example = "5m",
                .help = "The time over which max_cpu and max_total_cpu are averaged."},
        {"max_open_files", SCHEMA_AMOUNT, OFFSET(max_open_files), .example = "80%",
                .units = SCHEMA_UNITS_COUNT | SCHEMA_UNITS_PERCENT,
                .help = "Fails when more files and sockets are open: a number, or a percentage of the "
                        "soft limit of the process."},
        {"max_threads", SCHEMA_UINT, OFFSET(max_threads), .least = "1", .example = "200",
                .help = "Fails when the process has more threads."},
        {"max_children", SCHEMA_AMOUNT, OFFSET(max_children), .example = "64",
                .units = SCHEMA_UNITS_COUNT, .help = "Fails when more processes descend from it."},
        {"max_zombies", SCHEMA_AMOUNT, OFFSET(max_zombies), .example = "0",
                .units = SCHEMA_UNITS_COUNT,
                .help = "Fails when more of these have ended without being collected by their parent."},
        {"min_uptime", SCHEMA_DURATION, OFFSET(min_uptime), .least = "1s", .example = "5m",
                .help = "Degraded while the process is younger: something restarts it. No failure, since "
                        "another restart would only make it younger."},
        {"max_uptime", SCHEMA_DURATION, OFFSET(max_uptime), .least = "1m", .example = "7d",
                .help = "Fails when the process is older, so that it is renewed from time to time."},
        {"cgroup", SCHEMA_OBJECT_PTR, OFFSET(cgroup), .object = &cgroup_schema,
                .example = "{max_memory: 90%, max_oom_kills: 0, window: 1h}",
                .help = "Limits of the cgroup that the process is in."},
        {NULL},
};

static void check_process(const void *object, struct schema_report *report) {
        const struct process_params *params = object;
        if (params->pidfile && params->executable) {
                schema_complain(report, "executable", "pidfile and executable exclude each other");
        }
        if (params->arguments.count > 0 && !params->executable) {
                schema_complain(report, "arguments", "arguments needs executable");
        }
        if (params->max_uptime > 0 && params->min_uptime >= params->max_uptime) {
                schema_complain(report, "max_uptime", "max_uptime must be more than min_uptime");
        }
}

const struct schema process_schema = {
        .name = "process probe",
        .help = "Watches a process: whether it lives (told at once when it dies), and its memory, CPU, "
                "open files, threads, children and cgroup.",
        .size = sizeof(struct process_params),
        .fields = process_fields,
        .check = check_process,
};

bool process_is_managers(const struct probe_run *run, pid_t pid) {
        return run->target.known && run->target.pid == pid &&
               manager_traits(run->service->manager)->tells_exit;
}

static void conclude_no_process(const struct probe_run *run, struct probe_result *result) {
        if (run->target.known && run->target.busy) {
                probe_conclude(
                        result, OUTCOME_UNKNOWN, CAUSE_NONE, "not running, its manager is at it");
        } else if (run->target.known) {
                result->certain = !process_is_managers(run, 0);
                probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED, "not running");
        } else if (run->service->manager == MANAGER_NONE ||
                   run->service->manager == MANAGER_SCRIPTS) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "no pidfile, and the service has no manager that knows its process");
        } else {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "its manager has told no main process yet");
        }
}

static void start_target(struct probe_run *run) {
        struct probe_result result = {0};
        if (run->target.known && run->target.pid > 0) {
                process_examine(run, run->target.pid, run->target.start_time);
                return;
        }
        conclude_no_process(run, &result);
        probe_run_finish(run, &result);
}

static void process_start(struct probe_run *run) {
        const struct process_params *params = run->spec->params;
        if (params->pidfile || params->executable) {
                process_find(run);
        } else {
                start_target(run);
        }
}

static void process_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct process_state *state = run->state;
        struct process_run *own = run->room;
        process_describe_wait(run, run->timeout, detail);
        offload_cancel(state->reading);
        process_query_cancel(&own->query);
}

/* A pidfd tells of the end of the process, and nobody wrote another pidfile. */
static bool process_stands(const void *memory) {
        const struct process_state *state = memory;
        return state->watch && state->watch->watched && file_changes_none(&state->pidfile);
}

static void process_detach(void *memory) {
        struct process_state *state = memory;
        offload_release(&state->reading);
        file_changes_forget(&state->pidfile);
        if (state->watch) {
                process_watch_clear(state->watch);
                free(TAKE_PTR(state->watch));
        }
}

static void process_release(void *memory) {
        struct process_state *state = memory;
        process_detach(state);
        if (state->history) {
                free(state->history->cgroup);
                free(TAKE_PTR(state->history));
        }
}

/* The descriptors of another user's process, and the program that it runs, are for root only. */
static bool process_privileged(const void *object) {
        const struct process_params *params = object;
        return params->max_open_files.unit != AMOUNT_UNSET || params->executable;
}

const struct probe_type process_probe = {
        .name = "process",
        .help = "Watches a process and what it uses.",
        .value_unit = "bytes",
        .schema = &process_schema,
        .traits = {.causes = CAUSES_OF_EXITED | CAUSES_OF_RESOURCE,
                .causes_of = process_causes,
                .review = process_review},
        .state_size = sizeof(struct process_state),
        .run_size = sizeof(struct process_run),
        .privileged = process_privileged,
        .start = process_start,
        .stop = process_stop,
        .stands = process_stands,
        .detach = process_detach,
        .release = process_release,
};
