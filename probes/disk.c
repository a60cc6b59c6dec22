/* The disk probe: how full a file system is and when it will be, whether it takes a write, and what
 * its device says. All of it happens in a worker thread, because every call on a dead mount can
 * hang for ever. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probes/disk_params.h"
#include "probes/types.h"

static void check_disk(const void *object, struct schema_report *report) {
        const struct disk_params *params = object;
        if (params->max_write_latency > 0 && !params->writable) {
                schema_complain(
                        report, "max_write_latency", "max_write_latency needs writable: true");
        }
}

static const struct schema_field disk_fields[] = {
        {"path", SCHEMA_PATH, offsetof(struct disk_params, path), .required = true,
                .example = "/var/lib/checkout",
                .help = "A directory (or file) on the file system to watch."},
        {"max_used", SCHEMA_PERCENT, offsetof(struct disk_params, max_used), .least = "1%",
                .most = "100%", .example = "90%",
                .help = "Fails when more of the space is used, as df(1) counts: space that only root may "
                        "fill is left out."},
        {"min_free", SCHEMA_AMOUNT, offsetof(struct disk_params, min_free), .example = "2GiB",
                .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "Fails when less space is free for ordinary users: a size, or a percentage of "
                        "what they can use in all."},
        {"max_inodes", SCHEMA_PERCENT, offsetof(struct disk_params, max_inodes), .least = "1%",
                .most = "100%", .example = "90%",
                .help = "Fails when more of the inodes are used; file systems without a fixed number of "
                        "inodes always pass."},
        {"writable", SCHEMA_BOOL, offsetof(struct disk_params, writable), .standard = "false",
                .example = "true",
                .help = "Each run creates a file of 4KiB in the directory, syncs it, reads it back from "
                        "the medium, compares and removes it. A read-only file system fails."},
        {"max_write_latency", SCHEMA_DURATION, offsetof(struct disk_params, max_write_latency),
                .least = "1ms", .example = "500ms", .with = "writable: true",
                .help = "Fails as slow when creating, writing and syncing that file takes longer."},
        {"full_within", SCHEMA_DURATION, offsetof(struct disk_params, full_within), .least = "1m",
                .most = "365d", .example = "4h",
                .help = "Degraded when space or inodes will be used up sooner, if they go on shrinking as "
                        "they did in the window. No failure: a restart makes no room."},
        {"window", SCHEMA_DURATION, offsetof(struct disk_params, window), .standard = "1h",
                .least = "1m", .most = "30d", .example = "6h",
                .help = "The past that full_within judges by; nothing is said before half of it was "
                        "watched."},
        {"max_io_errors", SCHEMA_AMOUNT, offsetof(struct disk_params, max_io_errors),
                .example = "0", .units = SCHEMA_UNITS_COUNT,
                .help = "Fails when more errors were counted within error_window by the disks below, or "
                        "by ext4 or btrfs; degraded while ext4 needs a repair or a RAID lacks a disk."},
        {"error_window", SCHEMA_DURATION, offsetof(struct disk_params, error_window),
                .standard = "10m", .least = "1s", .most = "7d", .example = "1h",
                .help = "The time over which max_io_errors counts."},
        {"max_latency", SCHEMA_DURATION, offsetof(struct disk_params, max_latency), .least = "1ms",
                .example = "100ms",
                .help = "Fails as slow when the device took longer for a read or write, on average over "
                        "all since the last run."},
        {NULL},
};

const struct schema disk_schema = {
        .name = "disk probe",
        .help = "Watches a file system and its device: space, inodes, when it will be full, errors, and "
                "whether it takes a write. A mount that hangs makes this probe time out and nothing "
                "else.",
        .size = sizeof(struct disk_params),
        .fields = disk_fields,
        .shorthand = "path",
        .check = check_disk,
};

/* ---- a run ---- */

static const struct offload_run_kind disk_kind = {
        .measure = disk_measure,
        .release = free,
        .judge = disk_judge,
        .no_thread = "no thread was free to look at the disk: other calls on this mount hang",
};

static struct disk_job *job_new(const struct disk_params *params, bool sweep) {
        size_t length = strlen(params->path) + 1;
        struct disk_job *job = calloc(1, sizeof(*job) + length);
        if (job) {
                memcpy(job->path, params->path, length);
                job->writable = params->writable;
                job->sweep = sweep;
                job->wants_device =
                        params->max_latency > 0 || params->max_io_errors.unit != AMOUNT_UNSET;
        }
        return job;
}

static void disk_start(struct probe_run *run) {
        const struct disk_params *params = run->spec->params;
        struct disk_state *state = run->state;
        offload_run_start(
                &state->work, run, &disk_kind, job_new(params, !state->swept), params->path);
}

static void disk_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct disk_state *state = run->state;
        offload_run_stop(&state->work, detail);
}

static void disk_detach(void *memory) {
        struct disk_state *state = memory;
        offload_run_release(&state->work);
}

static void disk_release(void *memory) {
        struct disk_state *state = memory;
        disk_detach(state);
        free(TAKE_PTR(state->forecasts));
        free(TAKE_PTR(state->errors));
}

/* An agent of its own user may not write where the service may. */
static bool disk_privileged(const void *params) {
        return ((const struct disk_params *) params)->writable;
}

#define ON_A_DISK (CAUSE_BIT(CAUSE_RESOURCE_DISK) | CAUSE_BIT(CAUSE_RESOURCE_IO))

/* What it looks for; and what any run may meet: a path that is gone, a mount that hangs. */
static uint32_t disk_causes(const void *object) {
        const struct disk_params *params = object;
        bool times = params->max_write_latency > 0 || params->max_latency > 0;
        bool inodes = params->max_inodes > 0 || params->full_within > 0;
        return ON_A_DISK | (inodes ? CAUSE_BIT(CAUSE_RESOURCE_INODES) : 0) |
               CAUSE_BIT(CAUSE_WRONG_ANSWER) | CAUSE_BIT(CAUSE_UNRESPONSIVE) |
               (times ? CAUSE_BIT(CAUSE_SLOW) : 0);
}

/* Too few samples fit into the window for a forecast. */
static void review_window(const struct probe_review *review, const struct disk_params *params) {
        char window[UNITS_TEXT_MAX], interval[UNITS_TEXT_MAX];
        usec_t needed = (FORECAST_SAMPLES_LEAST - 1) * review->probe->interval;
        if (params->full_within > 0 && params->window < needed) {
                probe_doubt(review, "window", "limit-never-trips",
                        "no forecast is ever made: it takes %d runs, one every %s, within a window "
                        "of %s",
                        FORECAST_SAMPLES_LEAST,
                        units_format_duration(review->probe->interval, interval),
                        units_format_duration(params->window, window));
        }
}

static void disk_review(const struct probe_review *review) {
        const struct disk_params *params = review->probe->params;
        probe_doubt_percent(review, "max_used", params->max_used);
        probe_doubt_percent(review, "max_inodes", params->max_inodes);
        probe_doubt_latency(review, "max_write_latency", params->max_write_latency);
        if (params->min_free.unit != AMOUNT_UNSET && params->min_free.value <= 0) {
                probe_doubt(
                        review, "min_free", "limit-never-trips", "less than nothing is never free");
        }
        review_window(review, params);
}

const struct probe_type disk_probe = {
        .name = "disk",
        .help = "Watches a file system, and may write to it.",
        .value_unit = "ratio",
        .schema = &disk_schema,
        .traits = {.causes = ON_A_DISK | CAUSE_BIT(CAUSE_RESOURCE_INODES) |
                             CAUSE_BIT(CAUSE_WRONG_ANSWER) | CAUSE_BIT(CAUSE_UNRESPONSIVE) |
                             CAUSE_BIT(CAUSE_SLOW),
                .causes_of = disk_causes,
                .outside = ON_A_DISK | CAUSE_BIT(CAUSE_RESOURCE_INODES) | CAUSE_BIT(CAUSE_SLOW),
                .outside_why = "a restart makes no room on a disk, and no disk faster",
                .review = disk_review},
        .state_size = sizeof(struct disk_state),
        .privileged = disk_privileged,
        .start = disk_start,
        .stop = disk_stop,
        .detach = disk_detach,
        .release = disk_release,
};
