/* Which process it is: by its pidfile, or by what it runs. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "probes/mount_pools.h"
#include "probes/offload.h"
#include "probes/pidfile.h"
#include "probes/process_params.h"

enum { CANDIDATES_MAX = 256 }; /* processes of one program that are looked at */

/* ---- a call of a worker thread ---- */

struct candidate {
        pid_t pid;
        uint64_t start_time;
        bool matches;
};

/* One call; lives as long as its thread, which may be longer than the policy. */
struct find_job {
        int result;
        pid_t pid; /* of the pidfile */
        char *path; /* of the pidfile, or of the program */
        char resolved[PROC_PROGRAM_MAX]; /* the program, its links resolved */
        char **arguments; /* NULL-terminated; NULL: any */
        struct candidate *candidates;
        size_t n_candidates;
};

static void job_free(void *data) {
        struct find_job *job = data;
        if (job) {
                for (char **argument = job->arguments; argument && *argument; argument++) {
                        free(*argument);
                }
                free(job->arguments);
                free(job->candidates);
                free(job->path);
                free(job);
        }
}

DEFINE_CLEANUP(cleanup_job, struct find_job, job_free)

static struct find_job *job_new(const char *path) {
        AUTO(cleanup_job) struct find_job *job = calloc(1, sizeof(*job));
        if (!job || !(job->path = strdup(path))) {
                return NULL;
        }
        return TAKE_PTR(job);
}

static const char *what_is_read(const struct process_params *params) {
        return params->pidfile ? "reading pidfile" : "looking for a process of";
}

void process_describe_wait(
        const struct probe_run *run, usec_t since, char detail[OBSERVATION_DETAIL_MAX]) {
        const struct process_params *params = run->spec->params;
        const char *path = params->pidfile ? params->pidfile : params->executable;
        char waited[UNITS_TEXT_MAX];
        units_format_duration_short(since, waited);
        if (path) {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "still %s %.80s since %s",
                        what_is_read(params), path, waited);
        } else {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "still looking at all processes since %s",
                        waited);
        }
        str_make_printable(detail);
}

/* A pidfile that cannot be read is the disk's; a process whose arguments cannot be read says
 * nothing of the one that is looked for. */
static void conclude_wait(struct probe_run *run, usec_t since, struct probe_result *result) {
        const struct process_params *params = run->spec->params;
        result->outcome = params->pidfile ? OUTCOME_TIMEOUT : OUTCOME_UNKNOWN;
        result->cause = params->pidfile ? CAUSE_UNRESPONSIVE : CAUSE_NONE;
        process_describe_wait(run, since, result->detail);
}

/* The deadline passed. */
static void finish_late(struct probe_run *run) {
        const struct process_state *state = run->state;
        struct probe_result result = {0};
        if (offload_waits_for(state->reading)) {
                conclude_wait(run, run->timeout, &result);
        } else {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "no thread was free for %s: disks hang", what_is_read(run->spec->params));
        }
        probe_run_finish(run, &result);
}

static void finish_not_begun(struct probe_run *run, int code, const struct error *err) {
        const struct process_state *state = run->state;
        struct probe_result result = {0};
        if (code == -EALREADY) {
                conclude_wait(
                        run, usec_sub(run->started.mono, offload_started(state->reading)), &result);
        } else {
                probe_conclude(
                        &result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not begin: %s", err->text);
        }
        probe_run_finish(run, &result);
}

/* Takes the job over; NULL: out of memory. `place`: a path on the file system that it may hang on.
 */
static void submit(struct probe_run *run, struct find_job *job, const char *place,
        void (*work)(struct offload *, void *), void (*done)(void *, void *)) {
        struct process_state *state = run->state;
        struct error err = {0};
        const struct offload_request request = {
                .pool = mount_pools_get(run->host->mounts, place),
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = work,
                .done = done,
                .release = job_free,
                .data = job,
                .cookie = run,
        };
        int r = job ? offload_start(&state->reading, &request, &err)
                    : error_set(&err, ENOMEM, "out of memory");
        if (r < 0) {
                job_free(job);
                finish_not_begun(run, r, &err);
        }
}

static int watch_process(struct probe_run *run, pid_t pid) {
        const struct process_params *params = run->spec->params;
        struct process_state *state = run->state;
        if (!state->watch && !(state->watch = calloc(1, sizeof(*state->watch)))) {
                return -ENOMEM;
        }
        return process_watch_set(state->watch, run, pid, params->pidfile);
}

/* ---- by pidfile ---- */

static void read_pidfile(struct offload *call, void *data) {
        struct find_job *job = data;
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
        bool seen = state->watch->died == pid;
        result->certain = seen && !state->watch->of_manager;
        probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED, "pidfile %s names process %d, which %s",
                params->pidfile, (int) pid, seen ? "has exited" : "does not exist");
}

/* `code`: of pidfile_read. */
static void judge_pidfile(struct probe_run *run, int code, pid_t pid) {
        const struct process_params *params = run->spec->params;
        struct probe_result result = {0};
        if (code < 0) {
                conclude_pidfile(params->pidfile, code, &result);
        } else if (watch_process(run, pid) == -ESRCH) {
                conclude_stale(run, pid, &result);
        } else {
                /* One that cannot be watched, for want of descriptors, is still examined. */
                process_examine(run, pid, 0);
                return;
        }
        probe_run_finish(run, &result);
}

static void pidfile_done(void *cookie, void *data) {
        const struct find_job *job = data;
        if (job) {
                judge_pidfile(cookie, job->result, job->pid);
        } else {
                finish_late(cookie);
        }
}

/* Most pidfiles are in /run, where no thread is needed. What is read in a thread is not watched. */
static int read_at_once(struct probe_run *run, const char *path, pid_t *ret) {
        struct process_state *state = run->state;
        if (!mount_pools_in_memory(run->host->mounts, path)) {
                file_changes_forget(&state->pidfile);
                return -EAGAIN;
        }
        if (process_unlimited(run->spec->params)) {
                return pidfile_read_watched(path, run->host->changes, &state->pidfile, ret);
        }
        return pidfile_read_in_memory(path, ret);
}

static void start_pidfile(struct probe_run *run, const char *path) {
        pid_t pid = 0;
        int r = read_at_once(run, path, &pid);
        if (r == -EAGAIN) {
                submit(run, job_new(path), path, read_pidfile, pidfile_done);
        } else {
                judge_pidfile(run, r, pid);
        }
}

/* ---- by executable ---- */

static void found_process(struct probe_run *run, pid_t pid, uint64_t start_time) {
        struct process_state *state = run->state;
        struct proc_stat stat;
        int r = proc_read_stat(pid, &stat);
        if (r < 0 || (start_time && stat.start_time != start_time)) {
                state->found = 0;
                struct probe_result result = {0};
                process_conclude_unreadable(pid, r < 0 ? r : -ESRCH, &result);
                result.certain = false; /* another may have taken its place */
                probe_run_finish(run, &result);
                return;
        }
        state->found = pid;
        state->found_start_time = stat.start_time;
        state->found_image = stat.image;
        (void) watch_process(run, pid);
        process_examine(run, pid, stat.start_time);
}

static void finish_not_found(struct probe_run *run, bool restricted) {
        const struct process_params *params = run->spec->params;
        struct process_state *state = run->state;
        struct probe_result result = {0};
        const char *with = params->arguments.count ? " with these arguments" : "";
        state->found = 0;
        if (restricted) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "no process of %s%s is visible: /proc is mounted with hidepid",
                        params->executable, with);
        } else {
                probe_conclude(&result, OUTCOME_FAIL, CAUSE_EXITED, "no process runs %s%s",
                        params->executable, with);
        }
        probe_run_finish(run, &result);
}

/* In this order, others may stand between; the first is the name of the program itself. */
static bool has_arguments(const char *found, size_t length, char *const *wanted) {
        size_t at = strlen(found) + 1;
        for (; at < length && *wanted; at += strlen(found + at) + 1) {
                wanted += str_eq(found + at, *wanted);
        }
        return !*wanted;
}

/* What it is is read again, since the table may be a second old, and its key only a hash. */
static bool is_wanted(const struct find_job *job, pid_t pid, char *room) {
        char program[PROC_PROGRAM_MAX];
        if (proc_read_program(pid, program) < 0 || !str_eq(program, job->resolved)) {
                return false;
        }
        if (!job->arguments) {
                return true;
        }
        ssize_t length = proc_read_arguments(pid, room);
        return length > 0 && has_arguments(room, (size_t) length, job->arguments);
}

static void compare_arguments(struct offload *call, void *data) {
        struct find_job *job = data;
        AUTO_FREE char *room = malloc(PROC_ARGUMENTS_MAX);
        offload_step(call, "arguments");
        job->result = room ? 0 : -ENOMEM;
        for (size_t i = 0; room && i < job->n_candidates; i++) {
                job->candidates[i].matches = is_wanted(job, job->candidates[i].pid, room);
        }
}

static void arguments_done(void *cookie, void *data) {
        struct probe_run *run = cookie;
        const struct find_job *job = data;
        if (!job) {
                finish_late(run);
                return;
        }
        const struct candidate *best = NULL;
        for (size_t i = 0; i < job->n_candidates; i++) {
                const struct candidate *one = &job->candidates[i];
                if (one->matches && (!best || one->start_time < best->start_time)) {
                        best = one;
                }
        }
        if (best) {
                found_process(run, best->pid, best->start_time);
        } else {
                finish_not_found(run, false);
        }
}

static char **copy_strings(const struct strings *strings) {
        char **copy = calloc(strings->count + 1, sizeof(*copy));
        for (uint32_t i = 0; copy && i < strings->count; i++) {
                copy[i] = strdup(strings->items[i]);
                if (!copy[i]) {
                        while (i > 0) {
                                free(copy[--i]);
                        }
                        free(copy);
                        return NULL;
                }
        }
        return copy;
}

/* A process whose parent runs the same is a worker of that. */
static bool is_candidate(
        const struct process_table *table, const struct process_entry *entry, uint64_t program) {
        if (entry->program != program || proc_stat_dead(&entry->stat)) {
                return false;
        }
        const struct process_entry *parent = process_table_find(table, entry->stat.parent);
        return !parent || parent->program != program;
}

static size_t collect(const struct process_table *table, uint64_t program, struct find_job *job) {
        size_t count = 0;
        for (size_t i = 0; i < table->count && count < CANDIDATES_MAX; i++) {
                const struct process_entry *entry = &table->entries[i];
                if (is_candidate(table, entry, program)) {
                        job->candidates[count++] = (struct candidate){
                                .pid = entry->pid, .start_time = entry->stat.start_time};
                }
        }
        return count;
}

static struct find_job *candidates_job(
        const struct probe_run *run, const struct process_table *table) {
        const struct process_params *params = run->spec->params;
        const struct process_run *own = run->room;
        AUTO(cleanup_job) struct find_job *job = job_new(params->executable);
        if (!job || !(job->candidates = calloc(CANDIDATES_MAX, sizeof(*job->candidates)))) {
                return NULL;
        }
        if (params->arguments.count && !(job->arguments = copy_strings(&params->arguments))) {
                return NULL;
        }
        str_copy(job->resolved, sizeof(job->resolved), own->resolved);
        job->n_candidates = collect(table, own->program, job);
        return TAKE_PTR(job);
}

static void table_done(void *cookie, const struct process_table *table, int code) {
        struct probe_run *run = cookie;
        struct probe_result result = {0};
        if (!table) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the processes of this host could not be read: %s", strerrordesc_np(-code));
                probe_run_finish(run, &result);
                return;
        }
        struct find_job *job = candidates_job(run, table);
        if (job && job->n_candidates == 0) {
                job_free(job);
                finish_not_found(run, table->restricted);
                return;
        }
        submit(run, job, "/proc", compare_arguments, arguments_done);
}

/* The kernel tells the path without links: /usr/bin/python3 may be python3.11. */
static void resolve(struct offload *call, void *data) {
        struct find_job *job = data;
        offload_step(call, "executable");
        AUTO_FREE char *resolved = realpath(job->path, NULL);
        if (!resolved) {
                str_copy(job->resolved, sizeof(job->resolved), job->path);
        } else if (!str_copy(job->resolved, sizeof(job->resolved), resolved)) {
                job->result = -ENAMETOOLONG;
        }
}

static void resolve_done(void *cookie, void *data) {
        struct probe_run *run = cookie;
        struct process_run *own = run->room;
        const struct find_job *job = data;
        if (!job) {
                finish_late(run);
                return;
        }
        str_copy(own->resolved, sizeof(own->resolved), job->resolved);
        own->program = process_program_key(own->resolved);
        own->query.done = table_done;
        own->query.cookie = run;
        process_query_start(&own->query, run->host->processes, probe_run_last_moment(run), true);
}

/* It is still the process that was found, and has executed nothing else since. */
static bool is_still_found(const struct process_state *state) {
        struct proc_stat stat;
        return state->found > 0 && proc_read_stat(state->found, &stat) == 0 &&
               stat.start_time == state->found_start_time && stat.image == state->found_image &&
               !proc_stat_dead(&stat);
}

void process_find(struct probe_run *run) {
        const struct process_params *params = run->spec->params;
        const struct process_state *state = run->state;
        if (params->pidfile) {
                start_pidfile(run, params->pidfile);
        } else if (is_still_found(state)) {
                process_examine(run, state->found, state->found_start_time);
        } else {
                submit(run, job_new(params->executable), params->executable, resolve, resolve_done);
        }
}
