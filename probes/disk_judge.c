#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probes/disk_params.h"
#include "probes/findings.h"
#include "probes/path_error.h"

struct judgement {
        const struct disk_params *params;
        struct disk_state *state;
        const struct disk_job *job;
        usec_t now;
        struct findings findings;
};

static double percent_of(uint64_t part, uint64_t other) {
        uint64_t whole = part + other;
        return whole ? 100.0 * (double) part / (double) whole : 0;
}

/* ---- space ---- */

static void judge_space(struct judgement *j) {
        const struct disk_usage *u = &j->job->usage;
        double used = percent_of(u->used_bytes, u->free_bytes);
        char left[UNITS_TEXT_MAX];
        if (j->params->max_used > 0 && used > j->params->max_used) {
                findings_fail(&j->findings, CAUSE_RESOURCE_DISK,
                        "%s: %.1f%% used, at most %g%% allowed (%s free)", j->params->path, used,
                        j->params->max_used, units_format_size_short(u->free_bytes, left));
        }
}

static void judge_free(struct judgement *j) {
        const struct disk_usage *u = &j->job->usage;
        const struct amount *least = &j->params->min_free;
        char left[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX];
        double whole = (double) (u->used_bytes + u->free_bytes);
        double limit = least->unit == AMOUNT_PERCENT ? whole * least->value / 100 : least->value;
        if (least->unit != AMOUNT_UNSET && (double) u->free_bytes < limit) {
                findings_fail(&j->findings, CAUSE_RESOURCE_DISK, "%s: %s free, at least %s wanted",
                        j->params->path, units_format_size_short(u->free_bytes, left),
                        units_format_amount(least, wanted));
        }
}

static void judge_inodes(struct judgement *j) {
        const struct disk_usage *u = &j->job->usage;
        double used = percent_of(u->used_inodes, u->free_inodes);
        if (j->params->max_inodes > 0 && used > j->params->max_inodes) {
                findings_fail(&j->findings, CAUSE_RESOURCE_INODES,
                        "%s: %.1f%% of inodes used, at most %g%% allowed (%llu free)",
                        j->params->path, used, j->params->max_inodes,
                        (unsigned long long) u->free_inodes);
        }
}

/* ---- full within ---- */

static void judge_forecast(
        struct judgement *j, struct forecast *forecast, uint64_t left, enum cause cause) {
        const struct disk_params *p = j->params;
        const struct forecast_sample sample = {.at = j->now, .level = (double) left};
        char time[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX], window[UNITS_TEXT_MAX];
        usec_t until;
        forecast_add(forecast, &sample, p->window);
        if (forecast_time_until(forecast, 0, p->window, &until) && until < p->full_within) {
                findings_degraded(&j->findings, cause,
                        "%s: full%s in %s at the pace of the last %s, at least %s wanted", p->path,
                        cause == CAUSE_RESOURCE_INODES ? ", without inodes," : "",
                        units_format_duration_short(until, time),
                        units_format_duration(p->window, window),
                        units_format_duration(p->full_within, limit));
        }
}

static void judge_growth(struct judgement *j) {
        struct disk_state *state = j->state;
        const struct disk_usage *u = &j->job->usage;
        if (j->params->full_within == 0 ||
                (!state->forecasts && !(state->forecasts = calloc(1, sizeof(*state->forecasts))))) {
                return;
        }
        judge_forecast(j, &state->forecasts->free_bytes, u->free_bytes, CAUSE_RESOURCE_DISK);
        if (u->used_inodes + u->free_inodes > 0) {
                judge_forecast(
                        j, &state->forecasts->free_inodes, u->free_inodes, CAUSE_RESOURCE_INODES);
        }
}

/* ---- writing ---- */

/* Linux turns a file system that it found damaged into a read-only one. */
static void judge_remount(struct judgement *j) {
        bool read_only = j->job->usage.read_only;
        if (read_only && j->state->was_writable) {
                findings_fail(&j->findings, CAUSE_RESOURCE_IO,
                        "%s: the file system was writable and is read-only now", j->params->path);
        }
        j->state->was_writable |= !read_only;
}

/* What is wrong with the path itself, and not with the device below it, is a wrong answer. */
static void conclude_error(struct probe_result *ret, const char *path, const char *step, int code) {
        path_error_conclude(ret, path, step, code);
        if (code == EIO || code == EUCLEAN || code == EROFS) {
                ret->cause = CAUSE_RESOURCE_IO;
        }
}

static void judge_write(struct judgement *j) {
        const struct disk_job *job = j->job;
        const char *path = j->params->path;
        if (!j->params->writable || j->findings.result->outcome == OUTCOME_FAIL) {
                return; /* why it cannot be written is told already */
        }
        struct probe_result failed = {0};
        if (job->usage.read_only) {
                conclude_error(&failed, path, "statvfs", EROFS);
        } else if (job->written.error) {
                conclude_error(&failed, path, job->written.step, job->written.error);
        } else if (job->written.differs) {
                findings_fail(&j->findings, CAUSE_WRONG_ANSWER,
                        "%s: what was read back is not what was written", path);
                return;
        } else {
                return;
        }
        if (failed.outcome == OUTCOME_UNKNOWN) {
                findings_unknown(&j->findings, "%s", failed.detail);
        } else {
                findings_fail(&j->findings, failed.cause, "%s", failed.detail);
        }
}

static void judge_write_latency(struct judgement *j) {
        usec_t most = j->params->max_write_latency, found = j->job->written.latency;
        char took[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];
        if (most > 0 && found > most) {
                findings_fail(&j->findings, CAUSE_SLOW, "%s: write took %s, at most %s allowed",
                        j->params->path, units_format_duration_short(found, took),
                        units_format_duration(most, limit));
        }
}

/* ---- the device ---- */

static void judge_errors(struct judgement *j, const struct disk_device *device) {
        const struct disk_params *p = j->params;
        const struct counter_sample sample = {
                .at = j->now, .value = device->errors + device->damages};
        char window[UNITS_TEXT_MAX];
        usec_t span;
        if (!device->counts_errors) {
                findings_unknown(&j->findings, "%s: nothing counts the errors of device %s",
                        p->path, device->name);
                return;
        }
        if (!j->state->errors && !(j->state->errors = calloc(1, sizeof(*j->state->errors)))) {
                return; /* not judged in this run */
        }
        counter_history_add(j->state->errors, &sample, p->error_window);
        unsigned long long rise =
                counter_history_rise(j->state->errors, &sample, p->error_window, &span);
        if ((double) rise > p->max_io_errors.value) {
                findings_fail(&j->findings, CAUSE_WRONG_ANSWER,
                        "%s: %llu error%s of device %s within %s, at most %g allowed", p->path,
                        rise, rise == 1 ? "" : "s", device->name,
                        units_format_duration(p->error_window, window), p->max_io_errors.value);
        }
}

/* What needs a person, and works meanwhile. */
static void judge_damage(struct judgement *j, const struct disk_device *device) {
        if (device->damages > 0) {
                findings_degraded(&j->findings, CAUSE_WRONG_ANSWER,
                        "%s: the file system on %s has found %llu errors in itself: it needs fsck",
                        j->params->path, device->name, (unsigned long long) device->damages);
        }
        if (device->missing > 0) {
                findings_degraded(&j->findings, CAUSE_WRONG_ANSWER,
                        "%s: RAID %s lacks %llu of its disks", j->params->path, device->name,
                        (unsigned long long) device->missing);
        }
}

/* The mean over all requests that were completed since the last run. */
static void judge_latency(struct judgement *j, const struct disk_device *device) {
        const struct disk_device *before = &j->state->before;
        char mean[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        if (strcmp(before->name, device->name) != 0 || device->requests <= before->requests ||
                device->busy_msec < before->busy_msec) {
                return;
        }
        uint64_t requests = device->requests - before->requests;
        usec_t took = (device->busy_msec - before->busy_msec) * USEC_PER_MSEC / requests;
        if (took > j->params->max_latency) {
                findings_fail(&j->findings, CAUSE_SLOW,
                        "%s: device %s took %s for each of %llu requests, at most %s allowed",
                        j->params->path, device->name, units_format_duration_short(took, mean),
                        (unsigned long long) requests,
                        units_format_duration(j->params->max_latency, most));
        }
}

static void judge_device(struct judgement *j) {
        const struct disk_job *job = j->job;
        if (!job->wants_device) {
                return;
        }
        if (job->device_error < 0) {
                findings_unknown(&j->findings, "%s: no disk of this host is below it: %s",
                        j->params->path, strerrordesc_np(-job->device_error));
                return;
        }
        if (j->params->max_io_errors.unit != AMOUNT_UNSET) {
                judge_errors(j, &job->device);
                judge_damage(j, &job->device);
        }
        if (j->params->max_latency > 0) {
                judge_latency(j, &job->device);
        }
        j->state->before = job->device;
}

void disk_judge(struct probe_run *run, void *data, struct probe_result *result) {
        const struct disk_job *job = data;
        const struct disk_params *params = run->spec->params;
        struct judgement j = {
                .params = params,
                .state = run->state,
                .job = job,
                .now = run->started.mono,
                .findings = {.result = result},
        };
        if (job->error) {
                conclude_error(result, params->path, job->step, job->error);
                return;
        }
        const struct disk_usage *u = &job->usage;
        double used = percent_of(u->used_bytes, u->free_bytes);
        j.state->swept = true;
        judge_space(&j);
        judge_free(&j);
        judge_inodes(&j);
        judge_remount(&j);
        judge_write(&j);
        judge_write_latency(&j);
        judge_device(&j);
        judge_growth(&j);
        char left[UNITS_TEXT_MAX];
        findings_pass(&j.findings, "%.1f%% used, %s free%s", used,
                units_format_size_short(u->free_bytes, left), params->writable ? ", writable" : "");
        result->has_value = true;
        result->value = used / 100;
}
