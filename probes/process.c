/* The process probe: whether a process lives, and what it uses. The figures come from /proc, which
 * never blocks; a pidfile may lie on any file system, so a worker thread reads it. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "probes/counter_history.h"
#include "probes/offload.h"
#include "probes/pidfile.h"
#include "probes/proc_read.h"
#include "probes/process_watch.h"
#include "probes/types.h"

struct process_params {
        const char *pidfile; /* NULL: the service's own process */
        struct amount max_rss, max_cpu, max_open_files;
        usec_t cpu_window;
        uint32_t max_threads; /* 0: no limit */
};

struct process_state {
        struct offload *reading;
        struct process_watch *watch; /* with a pidfile only */
        struct counter_history *history; /* with max_cpu only */
        pid_t pid; /* the process that the history is about, */
        uint64_t start_time; /* and when it was started: an id may be reused */
};

/* What one run found. */
struct process_figures {
        pid_t pid;
        struct proc_stat stat;
        bool has_cpu;
        double cpu_percent;
        uint64_t open_files, open_files_limit;
};

static const struct schema_field process_fields[] = {
        {"pidfile", SCHEMA_PATH, offsetof(struct process_params, pidfile),
                .example = "/run/nginx.pid",
                .help = "File whose first line is the process id. Without it the probe watches the main "
                        "process of the service itself."},
        {"max_rss", SCHEMA_AMOUNT, offsetof(struct process_params, max_rss), .example = "1GiB",
                .units = SCHEMA_UNITS_SIZE | SCHEMA_UNITS_PERCENT,
                .help = "Fails when more memory is resident: a size, or a percentage of the host's "
                        "memory."},
        {"max_cpu", SCHEMA_AMOUNT, offsetof(struct process_params, max_cpu), .example = "150%",
                .units = SCHEMA_UNITS_PERCENT,
                .help = "Fails when the process used more CPU on average over cpu_window, in percent of "
                        "one core (150% is one and a half). Judged once a whole window was watched."},
        {"cpu_window", SCHEMA_DURATION, offsetof(struct process_params, cpu_window),
                .standard = "1m", .least = "1s", .most = "1d", .example = "5m",
                .help = "The time over which max_cpu is averaged."},
        {"max_open_files", SCHEMA_AMOUNT, offsetof(struct process_params, max_open_files),
                .example = "80%", .units = SCHEMA_UNITS_COUNT | SCHEMA_UNITS_PERCENT,
                .help = "Fails when more files and sockets are open: a number, or a percentage of the "
                        "soft limit of the process."},
        {"max_threads", SCHEMA_UINT, offsetof(struct process_params, max_threads), .least = "1",
                .example = "200", .help = "Fails when the process has more threads."},
        {NULL},
};

const struct schema process_schema = {
        .name = "process probe",
        .help = "Watches a process: whether it lives (told at once when it dies), and its memory, CPU, "
                "open files and threads.",
        .size = sizeof(struct process_params),
        .fields = process_fields,
};

/* ---- reading ---- */

/* The identity is checked last: what is still the same process then was so all along. */
static int read_figures(const struct process_params *params, struct process_figures *ret) {
        int r = 0;
        if (params->max_open_files.unit != AMOUNT_UNSET) {
                r = proc_count_open_files(ret->pid, &ret->open_files);
        }
        if (r >= 0 && params->max_open_files.unit == AMOUNT_PERCENT) {
                r = proc_read_open_files_limit(ret->pid, &ret->open_files_limit);
        }
        return r < 0 ? r : proc_read_stat(ret->pid, &ret->stat);
}

static void average_cpu(struct process_state *state, const struct process_params *params,
        usec_t now, struct process_figures *figures) {
        if (params->max_cpu.unit == AMOUNT_UNSET) {
                return;
        }
        if (!state->history && !(state->history = calloc(1, sizeof(*state->history)))) {
                return; /* not judged in this run */
        }
        if (state->pid != figures->pid || state->start_time != figures->stat.start_time) {
                *state->history = (struct counter_history){0};
                state->pid = figures->pid;
                state->start_time = figures->stat.start_time;
        }
        const struct counter_sample sample = {.at = now, .value = figures->stat.cpu};
        counter_history_add(state->history, &sample, params->cpu_window);
        figures->has_cpu = counter_history_share(
                state->history, &sample, params->cpu_window, &figures->cpu_percent);
}

/* ---- judging: each says whether its limit is broken, and concludes then ---- */

static bool over_rss(const struct process_params *p, const struct process_figures *f,
        struct probe_result *result) {
        char found[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        double allowed = p->max_rss.value;
        if (p->max_rss.unit == AMOUNT_PERCENT) {
                allowed = allowed / 100 * (double) proc_memory_size();
        }
        if (p->max_rss.unit == AMOUNT_UNSET || (double) f->stat.rss_bytes <= allowed) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE,
                "resident memory %s, at most %s allowed",
                units_format_size_short(f->stat.rss_bytes, found),
                units_format_amount(&p->max_rss, most));
        return true;
}

static bool over_cpu(const struct process_params *p, const struct process_figures *f,
        struct probe_result *result) {
        char window[UNITS_TEXT_MAX];
        if (!f->has_cpu || f->cpu_percent <= p->max_cpu.value) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE,
                "CPU %.0f%% over %s, at most %g%% allowed", f->cpu_percent,
                units_format_duration(p->cpu_window, window), p->max_cpu.value);
        return true;
}

static bool over_open_files(const struct process_params *p, const struct process_figures *f,
        struct probe_result *result) {
        const struct amount *most = &p->max_open_files;
        unsigned long long found = f->open_files, limit = f->open_files_limit;
        if (most->unit == AMOUNT_COUNT && (double) found > most->value) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE,
                        "%llu open files, at most %.0f allowed", found, most->value);
                return true;
        }
        if (most->unit == AMOUNT_PERCENT && (double) found > most->value / 100 * (double) limit) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE,
                        "%llu open files of its limit of %llu, at most %g%% allowed", found, limit,
                        most->value);
                return true;
        }
        return false;
}

static bool over_threads(const struct process_params *p, const struct process_figures *f,
        struct probe_result *result) {
        if (p->max_threads == 0 || f->stat.threads <= p->max_threads) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_RESOURCE, "%u threads, at most %u allowed",
                f->stat.threads, p->max_threads);
        return true;
}

static void judge(const struct process_params *params, const struct process_figures *figures,
        struct probe_result *result) {
        result->has_value = true;
        result->value = (double) figures->stat.rss_bytes;
        if (over_rss(params, figures, result) || over_cpu(params, figures, result) ||
                over_open_files(params, figures, result) || over_threads(params, figures, result)) {
                return;
        }
        char rss[UNITS_TEXT_MAX];
        probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "process %d, %s resident",
                (int) figures->pid, units_format_size_short(figures->stat.rss_bytes, rss));
}

static void conclude_dead(pid_t pid, const char *how, struct probe_result *result) {
        result->certain = true;
        probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED, "process %d %s", (int) pid, how);
}

static void conclude_unreadable(pid_t pid, int code, struct probe_result *result) {
        if (code == -ESRCH) {
                conclude_dead(pid, "has exited", result);
        } else if (code == -EACCES) {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "this user may not look at process %d", (int) pid);
        } else {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "process %d could not be read: %s", (int) pid, strerrordesc_np(-code));
        }
}

/* `start_time` guards against a reused process id; 0: not known. */
static void examine(struct probe_run *run, pid_t pid, uint64_t start_time) {
        struct process_figures figures = {.pid = pid};
        struct probe_result result = {0};
        int r = read_figures(run->spec->params, &figures);
        if (r < 0) {
                conclude_unreadable(pid, r, &result);
        } else if (proc_stat_dead(&figures.stat)) {
                conclude_dead(pid, "has exited, and its parent has not collected it", &result);
        } else if (start_time && start_time != figures.stat.start_time) {
                conclude_dead(pid, "has exited, and its id belongs to another process", &result);
        } else {
                average_cpu(run->state, run->spec->params, run->started.mono, &figures);
                judge(run->spec->params, &figures, &result);
        }
        probe_run_finish(run, &result);
}

/* ---- the process of a pidfile ---- */

struct pidfile_job {
        int result; /* of pidfile_read */
        pid_t pid;
        char path[]; /* terminated */
};

static void run_pidfile_job(struct offload *call, void *data) {
        struct pidfile_job *job = data;
        offload_step(call, "pidfile");
        job->result = pidfile_read(job->path, &job->pid);
}

static void conclude_pidfile(const char *path, int code, struct probe_result *result) {
        switch (code) {
        case -ENOENT:
                probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED, "there is no pidfile %s", path);
                break;
        case -EBADMSG:
                probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED,
                        "pidfile %s does not begin with a process id", path);
                break;
        default:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "pidfile %s could not be read: %s", path, strerrordesc_np(-code));
        }
}

/* Evidence is certain only of a process that was seen alive: what a pidfile says may be old. */
static void conclude_stale(struct probe_run *run, pid_t pid, struct probe_result *result) {
        const struct process_params *params = run->spec->params;
        const struct process_state *state = run->state;
        result->certain = state->watch->died == pid;
        probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED, "pidfile %s names process %d, which %s",
                params->pidfile, (int) pid, result->certain ? "has exited" : "does not exist");
}

static int watch_process(struct probe_run *run, pid_t pid) {
        struct process_state *state = run->state;
        if (!state->watch && !(state->watch = calloc(1, sizeof(*state->watch)))) {
                return -ENOMEM;
        }
        return process_watch_set(state->watch, run, pid);
}

static void describe_wait(
        const struct probe_run *run, usec_t since, char detail[OBSERVATION_DETAIL_MAX]) {
        const struct process_params *params = run->spec->params;
        char waited[UNITS_TEXT_MAX];
        snprintf(detail, OBSERVATION_DETAIL_MAX, "still reading pidfile %.80s since %s",
                params->pidfile, units_format_duration_short(since, waited));
        str_make_printable(detail);
}

static void conclude_late(struct probe_run *run, struct probe_result *result) {
        const struct process_state *state = run->state;
        if (offload_waits_for(state->reading)) {
                result->outcome = OUTCOME_TIMEOUT;
                result->cause = CAUSE_UNRESPONSIVE;
                describe_wait(run, run->timeout, result->detail);
        } else {
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "no thread was free to read the pidfile: disks hang");
        }
}

static void pidfile_done(void *cookie, void *data) {
        struct probe_run *run = cookie;
        const struct pidfile_job *job = data;
        struct probe_result result = {0};
        if (!job) {
                conclude_late(run, &result);
        } else if (job->result < 0) {
                conclude_pidfile(job->path, job->result, &result);
        } else if (watch_process(run, job->pid) == -ESRCH) {
                conclude_stale(run, job->pid, &result);
        } else {
                /* One that cannot be watched, for want of descriptors, is still examined. */
                examine(run, job->pid, 0);
                return;
        }
        probe_run_finish(run, &result);
}

static int submit(struct probe_run *run, struct pidfile_job *job, struct error *err) {
        struct process_state *state = run->state;
        const struct offload_request request = {
                .pool = run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = run_pidfile_job,
                .done = pidfile_done,
                .release = free,
                .data = job,
                .cookie = run,
        };
        return offload_start(&state->reading, &request, err);
}

static void start_pidfile(struct probe_run *run, const char *path) {
        struct process_state *state = run->state;
        struct probe_result result = {0};
        struct error err = {0};
        size_t length = strlen(path) + 1;
        struct pidfile_job *job = calloc(1, sizeof(*job) + length);
        int r = -ENOMEM;
        if (job) {
                memcpy(job->path, path, length);
                r = submit(run, job, &err);
        }
        if (r >= 0) {
                return;
        }
        free(job);
        if (r == -EALREADY) {
                result.outcome = OUTCOME_TIMEOUT;
                result.cause = CAUSE_UNRESPONSIVE;
                describe_wait(run, usec_sub(run->started.mono, offload_started(state->reading)),
                        result.detail);
        } else {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not begin: %s",
                        err.code ? err.text : "out of memory");
        }
        probe_run_finish(run, &result);
}

/* ---- a run ---- */

static void start_target(struct probe_run *run) {
        struct probe_result result = {0};
        if (run->target.known && run->target.pid > 0) {
                examine(run, run->target.pid, run->target.start_time);
                return;
        }
        if (run->target.known) {
                result.certain = true;
                probe_conclude(&result, OUTCOME_FAIL, CAUSE_EXITED, "not running");
        } else if (run->service->manager == MANAGER_NONE) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "no pidfile, and the service has no manager that knows its process");
        } else {
                probe_conclude(
                        &result, OUTCOME_UNKNOWN, CAUSE_NONE, "the manager has not reported yet");
        }
        probe_run_finish(run, &result);
}

static void process_start(struct probe_run *run) {
        const struct process_params *params = run->spec->params;
        if (params->pidfile) {
                start_pidfile(run, params->pidfile);
        } else {
                start_target(run);
        }
}

static void process_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct process_state *state = run->state;
        describe_wait(run, run->timeout, detail);
        offload_cancel(state->reading);
}

static void process_release(void *memory) {
        struct process_state *state = memory;
        offload_release(&state->reading);
        if (state->watch) {
                process_watch_clear(state->watch);
                free(TAKE_PTR(state->watch));
        }
        free(TAKE_PTR(state->history));
}

/* The descriptors of another user's process are for root only. */
static bool process_privileged(const void *params) {
        return ((const struct process_params *) params)->max_open_files.unit != AMOUNT_UNSET;
}

const struct probe_type process_probe = {
        .name = "process",
        .help = "Watches a process and what it uses.",
        .value_unit = "bytes",
        .schema = &process_schema,
        .state_size = sizeof(struct process_state),
        .privileged = process_privileged,
        .start = process_start,
        .stop = process_stop,
        .release = process_release,
};
