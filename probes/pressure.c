/* The pressure probe: whether the host, or the cgroup of the service, is short of CPU, memory or
 * disk. All figures come from files that the kernel answers at once. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "probes/cgroup_read.h"
#include "probes/pressure_params.h"
#include "probes/types.h"

struct pressure_state {
        struct counter_history kills;
        pid_t pid; /* the process whose cgroup that was, */
        uint64_t start_time; /* and when it was started */
};

static const struct enum_text of_words[] = {
        {PRESSURE_OF_HOST, "host"}, {PRESSURE_OF_SERVICE, "service"}, {0, NULL}};

static const struct enum_text stall_windows[] = {
        {PRESSURE_10S, "10s"}, {PRESSURE_1M, "1m"}, {PRESSURE_5M, "5m"}, {0, NULL}};

static const struct enum_text load_windows[] = {
        {LOAD_1M, "1m"}, {LOAD_5M, "5m"}, {LOAD_15M, "15m"}, {0, NULL}};

static void check_stall_limit(const void *object, struct schema_report *report) {
        const struct stall_limit *limit = object;
        if (limit->some.unit == AMOUNT_UNSET && limit->full.unit == AMOUNT_UNSET) {
                schema_complain(report, NULL, "a limit for `some` or `full` is missing");
        }
}

static const struct schema_field stall_fields[] = {
        {"some", SCHEMA_AMOUNT, offsetof(struct stall_limit, some), .example = "60%",
                .units = SCHEMA_UNITS_PERCENT, .most = "100%",
                .help = "Fails when some task waited for the resource for a larger share of the time."},
        {"full", SCHEMA_AMOUNT, offsetof(struct stall_limit, full), .example = "20%",
                .units = SCHEMA_UNITS_PERCENT, .most = "100%",
                .help = "Fails when all tasks waited at once, so that nothing was done, for a larger "
                        "share of the time."},
        {"window", SCHEMA_ENUM, offsetof(struct stall_limit, window), .standard = "1m",
                .example = "10s", .words = stall_windows, .with = "some: 60%",
                .help = "The time over which the kernel averages."},
        {NULL},
};

static const struct schema stall_schema = {
        .name = "pressure limit",
        .help = "Shares of the time in which tasks waited for a resource, as Linux accounts it (PSI).",
        .size = sizeof(struct stall_limit),
        .fields = stall_fields,
        .check = check_stall_limit,
};

static bool has_limit(const struct pressure_params *p) {
        return p->cpu || p->memory || p->io || p->max_load.unit != AMOUNT_UNSET ||
               p->min_available.unit != AMOUNT_UNSET || p->max_swap.unit != AMOUNT_UNSET ||
               p->oom.most.unit != AMOUNT_UNSET;
}

static void check_pressure(const void *object, struct schema_report *report) {
        const struct pressure_params *params = object;
        if (!has_limit(params)) {
                schema_complain(report, NULL, "a pressure probe needs at least one limit");
        }
        if (params->of == PRESSURE_OF_SERVICE && params->max_load.unit != AMOUNT_UNSET) {
                schema_complain(
                        report, "max_load", "max_load is of the whole host, not of a service");
        }
        if (params->of == PRESSURE_OF_HOST && params->cpu &&
                params->cpu->full.unit != AMOUNT_UNSET) {
                schema_complain(report, "cpu",
                        "cpu has no `full` for a whole host: some task always runs; use `some`");
        }
}

static const struct schema_field pressure_fields[] = {
        {"of", SCHEMA_ENUM, offsetof(struct pressure_params, of), .standard = "host",
                .example = "service", .words = of_words, .with = "max_oom_kills: 0",
                .help = "Whose pressure: of the whole host, or of the cgroup of the service, which its "
                        "manager has to know."},
        {"cpu", SCHEMA_OBJECT_PTR, offsetof(struct pressure_params, cpu),
                .example = "{some: 60%, window: 5m}", .object = &stall_schema,
                .with = "of: service",
                .help = "Limits of the time in which tasks were ready and had no processor."},
        {"memory", SCHEMA_OBJECT_PTR, offsetof(struct pressure_params, memory),
                .example = "{some: 20%, full: 5%}", .object = &stall_schema,
                .help = "Limits of the time in which tasks waited for memory to be freed, or read back "
                        "what was taken from them."},
        {"io", SCHEMA_OBJECT_PTR, offsetof(struct pressure_params, io),
                .example = "{full: 30%, window: 10s}", .object = &stall_schema,
                .help = "Limits of the time in which tasks waited for a disk."},
        {"max_load", SCHEMA_AMOUNT, offsetof(struct pressure_params, max_load), .example = "200%",
                .units = SCHEMA_UNITS_PERCENT,
                .help = "Fails when the load average is higher, in percent of the number of processors: "
                        "200% are two tasks for each."},
        {"load_window", SCHEMA_ENUM, offsetof(struct pressure_params, load_window),
                .standard = "5m", .example = "15m", .words = load_windows, .with = "max_load: 200%",
                .help = "The time over which the kernel averages the load."},
        {"min_available", SCHEMA_AMOUNT, offsetof(struct pressure_params, min_available),
                .example = "10%", .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "Fails when less memory can be had without swapping: a size, or a percentage of "
                        "all memory, or of the limit of the cgroup."},
        {"max_swap", SCHEMA_AMOUNT, offsetof(struct pressure_params, max_swap), .example = "50%",
                .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "Fails when more swap is used: a size, or a percentage of all swap. A host "
                        "without swap passes."},
        {"max_oom_kills", SCHEMA_AMOUNT, offsetof(struct pressure_params, oom.most), .example = "0",
                .units = SCHEMA_UNITS_COUNT,
                .help = "Fails when the kernel killed more processes for want of memory within "
                        "oom_window; what happened before the first run does not count."},
        {"oom_window", SCHEMA_DURATION, offsetof(struct pressure_params, oom.window),
                .standard = "10m", .least = "1s", .most = "7d", .example = "1h",
                .with = "max_oom_kills: 0", .help = "The time over which max_oom_kills counts."},
        {NULL},
};

const struct schema pressure_schema = {
        .name = "pressure probe",
        .help = "Watches how short the host, or the cgroup of the service, is of CPU, memory and disk.",
        .size = sizeof(struct pressure_params),
        .fields = pressure_fields,
        .check = check_pressure,
};

/* ---- the cgroup of the service ---- */

static void conclude_no_cgroup(pid_t pid, int code, struct probe_result *result) {
        if (code == -ENOENT) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the service has no cgroup: no cgroup v2 is mounted here");
        } else {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the cgroup of process %d could not be found: %s", (int) pid,
                        strerrordesc_np(-code));
        }
}

static void check_service(struct probe_run *run, struct probe_result *result) {
        struct pressure_state *state = run->state;
        const struct probe_target *target = &run->target;
        char directory[CGROUP_PATH_MAX];
        if (!target->known || target->pid <= 0) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        run->service->manager == MANAGER_NONE
                                ? "the service has no manager that knows its processes"
                                : "the service does not run");
                return;
        }
        int r = cgroup_of_process(target->pid, directory);
        if (r < 0) {
                conclude_no_cgroup(target->pid, r, result);
                return;
        }
        if (state->pid != target->pid || state->start_time != target->start_time) {
                *state = (struct pressure_state){
                        .pid = target->pid, .start_time = target->start_time};
        }
        const struct pressure_places places = {.proc = "/proc", .cgroup = directory};
        pressure_check(run->spec->params, &places, &state->kills, run->started.mono, result);
}

/* ---- a run ---- */

static void pressure_start(struct probe_run *run) {
        static const struct pressure_places host = {.proc = "/proc"};
        const struct pressure_params *params = run->spec->params;
        struct pressure_state *state = run->state;
        struct probe_result result = {0};
        if (params->of == PRESSURE_OF_SERVICE) {
                check_service(run, &result);
        } else {
                pressure_check(params, &host, &state->kills, run->started.mono, &result);
        }
        probe_run_finish(run, &result);
}

/* A run ends where it begins. */
static void pressure_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        (void) run;
        snprintf(detail, OBSERVATION_DETAIL_MAX, "not measured");
}

static void pressure_detach(void *memory) {
        (void) memory; /* plain values */
}

static void review_stall(
        const struct probe_review *review, const char *key, const struct stall_limit *limit) {
        if (limit) {
                probe_doubt_amount(review, key, &limit->some);
                probe_doubt_amount(review, key, &limit->full);
        }
}

static void pressure_review(const struct probe_review *review) {
        const struct pressure_params *params = review->probe->params;
        review_stall(review, "cpu", params->cpu);
        review_stall(review, "memory", params->memory);
        review_stall(review, "io", params->io);
        probe_doubt_amount(review, "max_swap", &params->max_swap);
}

const struct probe_type pressure_probe = {
        .name = "pressure",
        .help = "Watches how short the host or the service is of CPU, memory and disk.",
        .value_unit = "ratio",
        .schema = &pressure_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_RESOURCE_CPU) | CAUSE_BIT(CAUSE_RESOURCE_MEMORY) |
                             CAUSE_BIT(CAUSE_RESOURCE_IO),
                .review = pressure_review},
        .state_size = sizeof(struct pressure_state),
        .detach = pressure_detach,
        .start = pressure_start,
        .stop = pressure_stop,
};
