/* The disk probe: how full a file system is, and whether it takes a write. All of it happens in a
 * worker thread, because every call on a dead mount can hang for ever. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "probes/disk_write.h"
#include "probes/offload.h"
#include "probes/types.h"

struct disk_params {
        const char *path;
        double max_used, max_inodes; /* percent; 0: no limit */
        struct amount min_free;
        bool writable;
        usec_t max_write_latency; /* 0: no limit */
};

struct disk_state {
        struct offload *call;
        bool swept; /* files that a killed agent left behind are looked for once */
};

/* What df(1) shows: space for the superuser counts as neither used nor free. */
struct disk_usage {
        uint64_t used_bytes, free_bytes;
        uint64_t used_inodes, free_inodes;
        bool read_only;
};

/* One measurement; lives as long as its thread, which may be longer than the policy. */
struct disk_job {
        bool writable, sweep;
        int error; /* positive errno of statvfs or open */
        const char *step;
        struct disk_usage usage;
        struct disk_write_result written;
        char path[]; /* terminated */
};

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
                .least = "1ms", .example = "500ms",
                .help = "Fails as slow when creating, writing and syncing that file takes longer."},
        {NULL},
};

const struct schema disk_schema = {
        .name = "disk probe",
        .help = "Watches a file system: space, inodes, and whether it takes a write. A mount that hangs "
                "makes this probe time out and nothing else.",
        .size = sizeof(struct disk_params),
        .fields = disk_fields,
        .shorthand = "path",
        .check = check_disk,
};

/* ---- in the thread ---- */

static int read_usage(const char *path, struct disk_usage *ret) {
        struct statvfs fs;
        if (statvfs(path, &fs) < 0) {
                return -errno;
        }
        *ret = (struct disk_usage){
                .used_bytes = (uint64_t) (fs.f_blocks - fs.f_bfree) * fs.f_frsize,
                .free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize,
                .used_inodes = fs.f_files - fs.f_ffree,
                .free_inodes = fs.f_favail,
                .read_only = fs.f_flag & ST_RDONLY,
        };
        return 0;
}

static int test_writing(struct offload *call, struct disk_job *job) {
        offload_step(call, job->step = "opening the directory");
        AUTO_CLOSE int directory = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0) {
                return -errno;
        }
        if (job->sweep) {
                offload_step(call, "looking for old test files");
                disk_write_sweep(directory);
        }
        disk_write_test(directory, call, &job->written);
        return 0;
}

static void run_disk_job(struct offload *call, void *data) {
        struct disk_job *job = data;
        offload_step(call, job->step = "statvfs");
        int r = read_usage(job->path, &job->usage);
        if (r >= 0 && job->writable && !job->usage.read_only) {
                r = test_writing(call, job);
        }
        job->error = -r;
}

/* ---- in the loop: what the figures mean ---- */

/* Errors of this process and its rights are the observer's; the rest is the disk's. */
static const struct disk_error {
        int code;
        enum outcome outcome;
        enum cause cause;
        const char *text;
} disk_errors[] = {
        {ENOSPC, OUTCOME_FAIL, CAUSE_RESOURCE, "no space left"},
        {EDQUOT, OUTCOME_FAIL, CAUSE_RESOURCE, "disk quota exceeded"},
        {EROFS, OUTCOME_FAIL, CAUSE_RESOURCE, "the file system is read-only"},
        {EIO, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "input/output error of the device"},
        {ENOENT, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "it does not exist"},
        {ENOTDIR, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "it is not a directory"},
        {ENODEV, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the device is gone"},
        {ENXIO, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the device is gone"},
        {ENOTCONN, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the server of the mount is gone"},
        {ESTALE, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "stale file handle of a network mount"},
        {ETIMEDOUT, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "the server of the mount does not answer"},
        {EHOSTDOWN, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "the server of the mount is down"},
        {EUCLEAN, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "the file system is damaged"},
        {0},
};

static void conclude_error(
        const char *path, const char *step, int code, struct probe_result *result) {
        for (const struct disk_error *e = disk_errors; e->code; e++) {
                if (e->code == code) {
                        probe_conclude(
                                result, e->outcome, e->cause, "%s: %s (%s)", path, e->text, step);
                        return;
                }
        }
        probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s: could not be tested: %s (%s)",
                path, strerrordesc_np(code), step);
}

static double percent_of(uint64_t part, uint64_t other) {
        uint64_t whole = part + other;
        return whole ? 100.0 * (double) part / (double) whole : 0;
}

static bool over_space(
        const struct disk_params *p, const struct disk_usage *u, struct probe_result *result) {
        double used = percent_of(u->used_bytes, u->free_bytes);
        if (p->max_used <= 0 || used <= p->max_used) {
                return false;
        }
        char left[UNITS_TEXT_MAX];
        probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE,
                "%s: %.1f%% used, at most %g%% allowed (%s free)", p->path, used, p->max_used,
                units_format_size_short(u->free_bytes, left));
        return true;
}

static bool below_free(
        const struct disk_params *p, const struct disk_usage *u, struct probe_result *result) {
        char left[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX];
        double whole = (double) (u->used_bytes + u->free_bytes);
        double least = p->min_free.unit == AMOUNT_PERCENT ? whole * p->min_free.value / 100
                                                          : p->min_free.value;
        if (p->min_free.unit == AMOUNT_UNSET || (double) u->free_bytes >= least) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE, "%s: %s free, at least %s wanted",
                p->path, units_format_size_short(u->free_bytes, left),
                units_format_amount(&p->min_free, wanted));
        return true;
}

static bool over_inodes(
        const struct disk_params *p, const struct disk_usage *u, struct probe_result *result) {
        double used = percent_of(u->used_inodes, u->free_inodes);
        if (p->max_inodes <= 0 || used <= p->max_inodes) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE,
                "%s: %.1f%% of inodes used, at most %g%% allowed (%llu free)", p->path, used,
                p->max_inodes, (unsigned long long) u->free_inodes);
        return true;
}

static bool write_failed(
        const struct disk_params *p, const struct disk_job *job, struct probe_result *result) {
        if (!p->writable) {
                return false;
        }
        if (job->usage.read_only) {
                conclude_error(p->path, "statvfs", EROFS, result);
        } else if (job->written.error) {
                conclude_error(p->path, job->written.step, job->written.error, result);
        } else if (job->written.differs) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "%s: what was read back is not what was written", p->path);
        } else {
                return false;
        }
        return true;
}

static bool write_slow(
        const struct disk_params *p, const struct disk_job *job, struct probe_result *result) {
        char took[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        if (p->max_write_latency == 0 || job->written.latency <= p->max_write_latency) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_SLOW, "%s: write took %s, at most %s allowed",
                p->path, units_format_duration_short(job->written.latency, took),
                units_format_duration(p->max_write_latency, most));
        return true;
}

static void judge(
        const struct disk_params *p, const struct disk_job *job, struct probe_result *result) {
        const struct disk_usage *u = &job->usage;
        if (job->error) {
                conclude_error(p->path, job->step, job->error, result);
                return;
        }
        double used = percent_of(u->used_bytes, u->free_bytes);
        result->has_value = true;
        result->value = used / 100;
        if (over_space(p, u, result) || below_free(p, u, result) || over_inodes(p, u, result) ||
                write_failed(p, job, result) || write_slow(p, job, result)) {
                return;
        }
        char left[UNITS_TEXT_MAX];
        probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "%.1f%% used, %s free%s", used,
                units_format_size_short(u->free_bytes, left), p->writable ? ", writable" : "");
}

/* ---- a run ---- */

static void describe_wait(const struct probe_run *run, usec_t since, const char *step,
        char detail[OBSERVATION_DETAIL_MAX]) {
        const struct disk_params *params = run->spec->params;
        char waited[UNITS_TEXT_MAX];
        snprintf(detail, OBSERVATION_DETAIL_MAX, "still waiting for %s in %.80s since %s", step,
                params->path, units_format_duration_short(since, waited));
        str_make_printable(detail);
}

static void disk_measured(void *cookie, void *data) {
        struct probe_run *run = cookie;
        struct disk_state *state = run->state;
        struct probe_result result = {0};
        const char *step = data ? NULL : offload_waits_for(state->call);
        if (data) {
                const struct disk_job *job = data;
                state->swept |= job->error == 0;
                judge(run->spec->params, job, &result);
        } else if (step) {
                result.outcome = OUTCOME_TIMEOUT;
                result.cause = CAUSE_UNRESPONSIVE;
                describe_wait(run, run->timeout, step, result.detail);
        } else {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "no thread was free to look at the disk: other disks hang");
        }
        probe_run_finish(run, &result);
}

static struct disk_job *job_new(const struct disk_params *params, bool sweep) {
        size_t length = strlen(params->path) + 1;
        struct disk_job *job = calloc(1, sizeof(*job) + length);
        if (job) {
                memcpy(job->path, params->path, length);
                job->writable = params->writable;
                job->sweep = sweep;
        }
        return job;
}

static int submit(struct probe_run *run, struct disk_job *job, struct error *err) {
        struct disk_state *state = run->state;
        const struct offload_request request = {
                .pool = run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = run_disk_job,
                .done = disk_measured,
                .release = free,
                .data = job,
                .cookie = run,
        };
        return offload_start(&state->call, &request, err);
}

static void conclude_not_started(struct probe_run *run, int code, const struct error *err) {
        struct disk_state *state = run->state;
        struct probe_result result = {0};
        if (code == -EALREADY) {
                const char *step = offload_waits_for(state->call);
                result.outcome = OUTCOME_TIMEOUT;
                result.cause = CAUSE_UNRESPONSIVE;
                describe_wait(run, usec_sub(run->started.mono, offload_started(state->call)),
                        step ? step : "a free thread", result.detail);
        } else {
                probe_conclude(
                        &result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not begin: %s", err->text);
        }
        probe_run_finish(run, &result);
}

static void disk_start(struct probe_run *run) {
        struct disk_state *state = run->state;
        struct error err = {0};
        struct disk_job *job = job_new(run->spec->params, !state->swept);
        int r = job ? submit(run, job, &err) : error_set(&err, ENOMEM, "out of memory");
        if (r < 0) {
                free(job);
                conclude_not_started(run, r, &err);
        }
}

static void disk_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct disk_state *state = run->state;
        const char *step = offload_waits_for(state->call);
        describe_wait(run, run->timeout, step ? step : "a free thread", detail);
        offload_cancel(state->call);
}

static void disk_release(void *memory) {
        struct disk_state *state = memory;
        offload_release(&state->call);
}

/* An agent of its own user may not write where the service may. */
static bool disk_privileged(const void *params) {
        return ((const struct disk_params *) params)->writable;
}

const struct probe_type disk_probe = {
        .name = "disk",
        .help = "Watches a file system, and may write to it.",
        .value_unit = "ratio",
        .schema = &disk_schema,
        .state_size = sizeof(struct disk_state),
        .privileged = disk_privileged,
        .start = disk_start,
        .stop = disk_stop,
        .release = disk_release,
};
