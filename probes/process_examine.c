/* What a process uses: read, and judged by the limits of the policy. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "probes/cgroup_read.h"
#include "probes/findings.h"
#include "probes/process_params.h"

/* What one run found. */
struct figures {
        const struct process_params *params;
        struct process_history *history; /* NULL: nothing to judge by it */
        pid_t pid;
        usec_t now;
        struct proc_stat stat;
        uint64_t open_files, open_files_limit;
        bool has_family;
        struct process_family family;
        struct findings findings;
};

static bool is_set(const struct amount *amount) {
        return amount->unit != AMOUNT_UNSET;
}

/* ---- judging: each looks at its own limit ---- */

static void judge_rss(
        struct figures *f, const char *what, uint64_t found, const struct amount *most) {
        char text[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];
        double allowed = most->value;
        if (most->unit == AMOUNT_PERCENT) {
                allowed = allowed / 100 * (double) proc_memory_size();
        }
        if (is_set(most) && (double) found > allowed) {
                findings_fail(&f->findings, CAUSE_RESOURCE_MEMORY, "%s %s, at most %s allowed",
                        what, units_format_size_short(found, text),
                        units_format_amount(most, limit));
        }
}

static void judge_cpu(struct figures *f, const char *what, struct counter_history *history,
        usec_t used, const struct amount *most) {
        const struct counter_sample sample = {.at = f->now, .value = used};
        usec_t over = f->params->cpu_window;
        char window[UNITS_TEXT_MAX];
        double percent;
        counter_history_add(history, &sample, over);
        if (counter_history_share(history, &sample, over, &percent) && percent > most->value) {
                findings_fail(&f->findings, CAUSE_RESOURCE_CPU,
                        "%s %.0f%% over %s, at most %g%% allowed", what, percent,
                        units_format_duration(over, window), most->value);
        }
}

static void judge_open_files(struct figures *f) {
        const struct amount *most = &f->params->max_open_files;
        unsigned long long found = f->open_files, limit = f->open_files_limit;
        if (most->unit == AMOUNT_COUNT && (double) found > most->value) {
                findings_fail(&f->findings, CAUSE_RESOURCE_DESCRIPTORS,
                        "%llu open files, at most %g allowed", found, most->value);
        }
        if (most->unit == AMOUNT_PERCENT && (double) found > most->value / 100 * (double) limit) {
                findings_fail(&f->findings, CAUSE_RESOURCE_DESCRIPTORS,
                        "%llu open files of its limit of %llu, at most %g%% allowed", found, limit,
                        most->value);
        }
}

static void judge_threads(struct figures *f) {
        uint32_t most = f->params->max_threads;
        if (most > 0 && f->stat.threads > most) {
                findings_fail(&f->findings, CAUSE_RESOURCE_THREADS,
                        "%u threads, at most %u allowed", f->stat.threads, most);
        }
}

static void judge_count(
        struct figures *f, const char *what, uint32_t found, const struct amount *most) {
        if (is_set(most) && found > most->value) {
                findings_fail(&f->findings, CAUSE_RESOURCE_THREADS, "%u %s, at most %g allowed",
                        found, what, most->value);
        }
}

static void judge_family(struct figures *f) {
        const struct process_params *p = f->params;
        if (!f->has_family) {
                return;
        }
        judge_rss(f, "resident memory with children", f->family.rss_bytes, &p->max_total_rss);
        judge_count(f, "descendants", f->family.children, &p->max_children);
        judge_count(f, "zombies", f->family.zombies, &p->max_zombies);
        if (is_set(&p->max_total_cpu) && f->history) {
                judge_cpu(f, "CPU with children", &f->history->total_cpu, f->family.cpu,
                        &p->max_total_cpu);
        }
}

static usec_t uptime_of(const struct figures *f) {
        usec_t started = f->stat.start_time * USEC_PER_SEC / (usec_t) sysconf(_SC_CLK_TCK);
        return usec_sub(f->now, started);
}

static void judge_uptime(struct figures *f) {
        const struct process_params *p = f->params;
        char found[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];
        usec_t uptime = uptime_of(f);
        units_format_duration_short(uptime, found);
        if (p->max_uptime > 0 && uptime > p->max_uptime) {
                findings_fail(&f->findings, CAUSE_RESOURCE, "up for %s, at most %s allowed", found,
                        units_format_duration(p->max_uptime, limit));
        }
        if (uptime < p->min_uptime) {
                findings_degraded(&f->findings, CAUSE_EXITED,
                        "up for %s only, at least %s wanted: something restarts it", found,
                        units_format_duration(p->min_uptime, limit));
        }
}

/* ---- the cgroup ---- */

static void note_unread(struct figures *f, const char *what, const char *controller, int code) {
        if (code == -ENOENT) {
                findings_unknown(&f->findings,
                        "%s is not known: the %s controller is not enabled for cgroup %s", what,
                        controller, f->history->cgroup->directory);
        } else {
                findings_unknown(&f->findings, "%s is not known: %s", what, strerrordesc_np(-code));
        }
}

static void judge_cgroup_memory(struct figures *f, const struct amount *most) {
        char found[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX], allowed[UNITS_TEXT_MAX];
        struct cgroup_memory memory;
        int r = is_set(most) ? cgroup_read_memory(f->history->cgroup->directory, &memory)
                             : -ECANCELED;
        if (r < 0) {
                if (is_set(most)) {
                        note_unread(f, "the memory of its cgroup", "memory", r);
                }
                return;
        }
        units_format_size_short(memory.current_bytes, found);
        if (most->unit == AMOUNT_PERCENT && memory.limit_bytes == UINT64_MAX) {
                findings_unknown(&f->findings,
                        "its cgroup uses %s and has no limit of memory (MemoryMax=)", found);
        } else if (most->unit == AMOUNT_PERCENT &&
                   (double) memory.current_bytes >
                           most->value / 100 * (double) memory.limit_bytes) {
                findings_fail(&f->findings, CAUSE_RESOURCE_MEMORY,
                        "its cgroup uses %s of its limit of %s, at most %g%% allowed", found,
                        units_format_size_short(memory.limit_bytes, limit), most->value);
        } else if (most->unit == AMOUNT_BYTES && (double) memory.current_bytes > most->value) {
                findings_fail(&f->findings, CAUSE_RESOURCE_MEMORY,
                        "its cgroup uses %s, at most %s allowed", found,
                        units_format_amount(most, allowed));
        }
}

static void judge_throttling(struct figures *f, const struct process_cgroup_limits *limits) {
        struct process_cgroup_history *history = f->history->cgroup;
        struct cgroup_cpu cpu;
        usec_t span;
        if (!is_set(&limits->max_throttled)) {
                return;
        }
        int r = cgroup_read_cpu(history->directory, &cpu);
        if (r < 0) {
                note_unread(f, "how far its cgroup was held back", "cpu", r);
                return;
        }
        usec_t window = limits->oom.window;
        const struct counter_sample periods = {.at = f->now, .value = cpu.periods};
        const struct counter_sample throttled = {.at = f->now, .value = cpu.throttled_periods};
        counter_history_add(&history->periods, &periods, window);
        counter_history_add(&history->throttled, &throttled, window);
        double all = (double) counter_history_rise(&history->periods, &periods, window, &span);
        double held = (double) counter_history_rise(&history->throttled, &throttled, window, &span);
        if (span >= window && all > 0 && 100 * held / all > limits->max_throttled.value) {
                char text[UNITS_TEXT_MAX];
                findings_fail(&f->findings, CAUSE_RESOURCE_CPU,
                        "held back by its CPU limit in %.0f%% of the periods over %s, at most %g%% "
                        "allowed",
                        100 * held / all, units_format_duration(window, text),
                        limits->max_throttled.value);
        }
}

static void judge_oom_kills(struct figures *f, const struct oom_limit *limit) {
        uint64_t kills;
        if (!is_set(&limit->most)) {
                return;
        }
        int r = cgroup_read_oom_kills(f->history->cgroup->directory, &kills);
        if (r < 0) {
                note_unread(f, "how many processes of its cgroup were killed for want of memory",
                        "memory", r);
                return;
        }
        oom_kills_judge(&f->history->cgroup->oom_kills, limit, f->now, kills, " in its cgroup",
                &f->findings);
}

/* It is looked for once: systemd has put a process into its cgroup before the program begins. */
static int find_cgroup(const struct process_history *history) {
        char *directory = history->cgroup->directory;
        int r = *directory ? 0 : cgroup_of_process(history->pid, directory);
        if (r < 0) {
                *directory = '\0';
        }
        return r;
}

static void judge_cgroup(struct figures *f) {
        const struct process_cgroup_limits *limits = f->params->cgroup;
        if (!limits || !f->history || !f->history->cgroup) {
                return;
        }
        int r = find_cgroup(f->history);
        if (r < 0) {
                findings_unknown(&f->findings, "its cgroup is not known: %s",
                        r == -ENOENT ? "no cgroup v2 is mounted here" : strerrordesc_np(-r));
                return;
        }
        judge_cgroup_memory(f, &limits->max_memory);
        judge_throttling(f, limits);
        judge_oom_kills(f, &limits->oom);
}

/* ---- a run ---- */

static void judge(struct figures *f) {
        const struct process_params *p = f->params;
        judge_rss(f, "resident memory", f->stat.rss_bytes, &p->max_rss);
        if (is_set(&p->max_cpu) && f->history) {
                judge_cpu(f, "CPU", &f->history->cpu, f->stat.cpu, &p->max_cpu);
        }
        judge_open_files(f);
        judge_threads(f);
        judge_family(f);
        judge_cgroup(f);
        judge_uptime(f);
        char rss[UNITS_TEXT_MAX];
        findings_pass(&f->findings, "process %d, %s resident", (int) f->pid,
                units_format_size_short(f->stat.rss_bytes, rss));
}

/* The identity is checked last: what is still the same process then was so all along. */
static int read_figures(struct figures *f) {
        const struct amount *most = &f->params->max_open_files;
        int r = 0;
        if (is_set(most)) {
                r = proc_count_open_files(f->pid, &f->open_files);
        }
        if (r >= 0 && most->unit == AMOUNT_PERCENT) {
                r = proc_read_open_files_limit(f->pid, &f->open_files_limit);
        }
        return r < 0 ? r : proc_read_stat(f->pid, &f->stat);
}

static bool needs_history(const struct process_params *params) {
        return is_set(&params->max_cpu) || is_set(&params->max_total_cpu) || params->cgroup;
}

static void forget(struct process_history *history, const struct figures *f) {
        struct process_cgroup_history *cgroup = history->cgroup;
        *history = (struct process_history){
                .pid = f->pid, .start_time = f->stat.start_time, .cgroup = cgroup};
        if (cgroup) {
                *cgroup = (struct process_cgroup_history){0};
        }
}

/* NULL: no limit needs one, or there is no memory, and then it is not judged in this run. */
static struct process_history *history_of(struct process_state *state, const struct figures *f) {
        if (!needs_history(f->params)) {
                return NULL;
        }
        if (!state->history && !(state->history = calloc(1, sizeof(*state->history)))) {
                return NULL;
        }
        struct process_history *history = state->history;
        if (f->params->cgroup && !history->cgroup) {
                history->cgroup = calloc(1, sizeof(*history->cgroup));
        }
        if (history->pid != f->pid || history->start_time != f->stat.start_time) {
                forget(history, f);
        }
        return history;
}

static void conclude_dead(pid_t pid, const char *how, struct probe_result *result) {
        result->certain = true;
        probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED, "process %d %s", (int) pid, how);
}

/* The manager hears of it in a moment, and while it is at the service, that is no failure. */
static void leave_to_manager(const struct probe_run *run, struct probe_result *result) {
        char what[OBSERVATION_DETAIL_MAX];
        result->certain = false;
        if (run->target.busy) {
                str_copy(what, sizeof(what), result->detail);
                probe_conclude(
                        result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s, its manager is at it", what);
        }
}

void process_conclude_unreadable(pid_t pid, int code, struct probe_result *result) {
        switch (code) {
        case -ESRCH:
                conclude_dead(pid, "has exited", result);
                break;
        case -EACCES:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "this user may not look at process %d", (int) pid);
                break;
        case -EPERM:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "process %d is hidden from this user: /proc is mounted with hidepid",
                        (int) pid);
                break;
        default:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "process %d could not be read: %s", (int) pid, strerrordesc_np(-code));
        }
}

static void examine(struct probe_run *run, const struct process_table *table) {
        const struct process_run *own = run->room;
        struct probe_result result = {0};
        struct figures figures = {
                .params = run->spec->params,
                .pid = own->pid,
                .now = run->started.mono,
                .findings = {.result = &result},
        };
        int r = read_figures(&figures);
        if (r < 0) {
                process_conclude_unreadable(own->pid, r, &result);
        } else if (proc_stat_dead(&figures.stat)) {
                conclude_dead(own->pid, "has exited, and its parent has not collected it", &result);
        } else if (own->start_time && own->start_time != figures.stat.start_time) {
                conclude_dead(
                        own->pid, "has exited, and its id belongs to another process", &result);
        } else {
                figures.history = history_of(run->state, &figures);
                if (table) {
                        figures.has_family = true;
                        process_table_family(table, own->pid, &figures.family);
                }
                result.has_value = true;
                result.value = (double) figures.stat.rss_bytes;
                judge(&figures);
        }
        if (result.certain && process_is_managers(run, own->pid)) {
                leave_to_manager(run, &result);
        }
        probe_run_finish(run, &result);
}

/* Where others are hidden, their children may be as well. */
static void table_done(void *cookie, const struct process_table *table, int code) {
        struct probe_run *run = cookie;
        struct probe_result result = {0};
        if (table && !table->restricted) {
                examine(run, table);
                return;
        }
        if (table) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "children are hidden from this user: /proc is mounted with hidepid");
        } else {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the processes of this host could not be read: %s", strerrordesc_np(-code));
        }
        probe_run_finish(run, &result);
}

static bool needs_family(const struct process_params *params) {
        return is_set(&params->max_children) || is_set(&params->max_zombies) ||
               is_set(&params->max_total_rss) || is_set(&params->max_total_cpu);
}

bool process_unlimited(const struct process_params *params) {
        return !needs_family(params) && !needs_history(params) && !is_set(&params->max_rss) &&
               !is_set(&params->max_open_files) && params->max_threads == 0 &&
               params->min_uptime == 0 && params->max_uptime == 0;
}

void process_examine(struct probe_run *run, pid_t pid, uint64_t start_time) {
        struct process_run *own = run->room;
        own->pid = pid;
        own->start_time = start_time;
        if (!needs_family(run->spec->params)) {
                examine(run, NULL);
                return;
        }
        own->query.done = table_done;
        own->query.cookie = run;
        process_query_start(&own->query, run->host->processes, probe_run_last_moment(run), false);
}
