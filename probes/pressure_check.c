#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/cgroup_read.h"
#include "probes/pressure_params.h"

struct check {
        const struct pressure_params *params;
        const struct pressure_places *places;
        struct counter_history *kills;
        usec_t now;
        struct findings findings;
        double tightest; /* how much of a limit is used, of the limit that is used most */
        struct strbuf summary;
};

/* One more figure for the text of a run that passes, and how much of its limit is used. */
__attribute__((format(printf, 3, 4))) static void note(
        struct check *check, double used, const char *format, ...) {
        va_list arguments;
        if (used > check->tightest) {
                check->tightest = used;
        }
        strbuf_add(&check->summary, check->summary.length > 0 ? ", " : "");
        va_start(arguments, format);
        strbuf_vaddf(&check->summary, format, arguments);
        va_end(arguments);
}

/* ---- stalls ---- */

static const char *const window_words[] = {
        [PRESSURE_10S] = "10s", [PRESSURE_1M] = "1m", [PRESSURE_5M] = "5m"};

static enum cause cause_of(const char *what) {
        static const struct {
                const char *what;
                enum cause cause;
        } causes[] = {{"cpu", CAUSE_RESOURCE_CPU}, {"memory", CAUSE_RESOURCE_MEMORY},
                {"io", CAUSE_RESOURCE_IO}};
        for (size_t i = 0; i < ELEMENTSOF(causes); i++) {
                if (str_eq(causes[i].what, what)) {
                        return causes[i].cause;
                }
        }
        return CAUSE_RESOURCE;
}

static void judge_share(struct check *check, const char *what, const char *word, double found,
        const struct amount *most, int window) {
        if (most->unit == AMOUNT_UNSET) {
                return;
        }
        note(check, most->value > 0 ? found / most->value : 0, "%s %s %.1f%%", what, word, found);
        if (found > most->value) {
                findings_fail(&check->findings, cause_of(what),
                        "%s pressure: %s %.1f%% over %s, at most %g%% allowed", what, word, found,
                        window_words[window], most->value);
        }
}

static void cannot_read(struct check *check, const char *what, int code) {
        if (code == -EOPNOTSUPP) {
                findings_unknown(&check->findings,
                        "the kernel does not account %s pressure: it takes CONFIG_PSI, and psi=1 on "
                        "its command line",
                        what);
        } else {
                findings_unknown(&check->findings, "%s pressure could not be read: %s", what,
                        strerrordesc_np(-code));
        }
}

static void check_stall(struct check *check, const char *what, const struct stall_limit *limit) {
        char directory[CGROUP_PATH_MAX], name[32];
        struct pressure_stall stall;
        if (!limit) {
                return;
        }
        const char *cgroup = check->places->cgroup;
        snprintf(directory, sizeof(directory), "%s%s", cgroup ? cgroup : check->places->proc,
                cgroup ? "" : "/pressure");
        snprintf(name, sizeof(name), "%s%s", what, cgroup ? ".pressure" : "");
        int r = pressure_read_stall(directory, name, &stall);
        if (r < 0) {
                cannot_read(check, what, r);
                return;
        }
        judge_share(check, what, "some", stall.some[limit->window], &limit->some, limit->window);
        judge_share(check, what, "full", stall.full[limit->window], &limit->full, limit->window);
}

/* ---- load ---- */

static void check_load(struct check *check) {
        const struct amount *most = &check->params->max_load;
        double load[LOAD_WINDOWS];
        if (most->unit == AMOUNT_UNSET) {
                return;
        }
        int r = pressure_read_load(check->places->proc, load);
        if (r < 0) {
                findings_unknown(
                        &check->findings, "the load could not be read: %s", strerrordesc_np(-r));
                return;
        }
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        double found = load[check->params->load_window];
        double percent = 100 * found / (double) (processors > 0 ? processors : 1);
        note(check, most->value > 0 ? percent / most->value : 0, "load %.2f", found);
        if (percent > most->value) {
                findings_fail(&check->findings, CAUSE_RESOURCE_CPU,
                        "load %.2f is %.0f%% of %ld processors, at most %g%% allowed", found,
                        percent, processors, most->value);
        }
}

/* ---- memory ---- */

/* A cgroup has what its limit leaves, as long as the host has it. */
static int read_memory(const struct check *check, struct host_memory *ret) {
        struct cgroup_memory own;
        int r = pressure_read_memory(check->places->proc, ret);
        if (r < 0 || !check->places->cgroup) {
                return r;
        }
        r = cgroup_read_memory(check->places->cgroup, &own);
        if (r < 0) {
                return r;
        }
        if (own.limit_bytes < ret->total_bytes) {
                uint64_t left = own.limit_bytes > own.current_bytes
                                        ? own.limit_bytes - own.current_bytes
                                        : 0;
                ret->total_bytes = own.limit_bytes;
                ret->available_bytes = left < ret->available_bytes ? left : ret->available_bytes;
        }
        ret->swap_used_bytes = own.swap_bytes;
        if (own.swap_limit_bytes < ret->swap_bytes) {
                ret->swap_bytes = own.swap_limit_bytes;
        }
        return 0;
}

static double in_percent(uint64_t part, uint64_t whole) {
        return whole > 0 ? 100 * (double) part / (double) whole : 0;
}

static double in_unit(const struct amount *limit, uint64_t part, uint64_t whole) {
        return limit->unit == AMOUNT_PERCENT ? in_percent(part, whole) : (double) part;
}

static void judge_available(struct check *check, const struct host_memory *memory) {
        const struct amount *least = &check->params->min_available;
        char found[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX];
        if (least->unit == AMOUNT_UNSET) {
                return;
        }
        double left = in_unit(least, memory->available_bytes, memory->total_bytes);
        units_format_size_short(memory->available_bytes, found);
        note(check, left > 0 ? least->value / left : 1, "%s available", found);
        if (left < least->value) {
                findings_fail(&check->findings, CAUSE_RESOURCE_MEMORY,
                        "%s of memory available (%.1f%%), at least %s wanted", found,
                        in_percent(memory->available_bytes, memory->total_bytes),
                        units_format_amount(least, wanted));
        }
}

static void judge_swap(struct check *check, const struct host_memory *memory) {
        const struct amount *most = &check->params->max_swap;
        char found[UNITS_TEXT_MAX], whole[UNITS_TEXT_MAX], allowed[UNITS_TEXT_MAX];
        if (most->unit == AMOUNT_UNSET) {
                return;
        }
        double used = in_unit(most, memory->swap_used_bytes, memory->swap_bytes);
        units_format_size_short(memory->swap_used_bytes, found);
        note(check, most->value > 0 ? used / most->value : 0, "%s of swap used", found);
        if (used > most->value) {
                findings_fail(&check->findings, CAUSE_RESOURCE_MEMORY,
                        "%s of %s swap used (%.1f%%), at most %s allowed", found,
                        units_format_size_short(memory->swap_bytes, whole),
                        in_percent(memory->swap_used_bytes, memory->swap_bytes),
                        units_format_amount(most, allowed));
        }
}

static void check_memory(struct check *check) {
        const struct pressure_params *params = check->params;
        struct host_memory memory;
        if (params->min_available.unit == AMOUNT_UNSET && params->max_swap.unit == AMOUNT_UNSET) {
                return;
        }
        int r = read_memory(check, &memory);
        if (r == -ENOENT && check->places->cgroup) {
                findings_unknown(&check->findings, "the memory controller is not enabled for %s",
                        check->places->cgroup);
        } else if (r < 0) {
                findings_unknown(
                        &check->findings, "memory could not be read: %s", strerrordesc_np(-r));
        } else {
                judge_available(check, &memory);
                judge_swap(check, &memory);
        }
}

static void check_oom_kills(struct check *check) {
        const char *cgroup = check->places->cgroup;
        uint64_t kills;
        if (check->params->oom.most.unit == AMOUNT_UNSET) {
                return;
        }
        int r = cgroup ? cgroup_read_oom_kills(cgroup, &kills)
                       : pressure_read_oom_kills(check->places->proc, &kills);
        if (r < 0) {
                findings_unknown(&check->findings, "kills for want of memory are not counted: %s",
                        strerrordesc_np(-r));
                return;
        }
        oom_kills_judge(check->kills, &check->params->oom, check->now, kills,
                cgroup ? " in its cgroup" : "", &check->findings);
}

void pressure_check(const struct pressure_params *params, const struct pressure_places *places,
        struct counter_history *kills, usec_t now, struct probe_result *result) {
        struct check check = {
                .params = params,
                .places = places,
                .kills = kills,
                .now = now,
                .findings = {.result = result},
        };
        check_stall(&check, "cpu", params->cpu);
        check_stall(&check, "memory", params->memory);
        check_stall(&check, "io", params->io);
        check_load(&check);
        check_memory(&check);
        check_oom_kills(&check);
        const char *summary = strbuf_text(&check.summary);
        findings_pass(
                &check.findings, "%s", str_empty(summary) ? "no process was killed" : summary);
        result->has_value = result->outcome != OUTCOME_UNKNOWN;
        result->value = check.tightest;
        strbuf_done(&check.summary);
}
