/* What the loader may know of a process probe: what it can find, and which limits make no sense. */

#include "base/units.h"
#include "probes/process_params.h"

static uint32_t bit_if(bool limited, enum cause cause) {
        return limited ? CAUSE_BIT(cause) : 0;
}

uint32_t process_causes(const void *params) {
        const struct process_params *p = params;
        bool threads = p->max_children.unit || p->max_zombies.unit || p->max_threads > 0;
        return CAUSES_OF_EXITED |
               bit_if(p->max_rss.unit || p->max_total_rss.unit || p->cgroup,
                       CAUSE_RESOURCE_MEMORY) |
               bit_if(p->max_cpu.unit || p->max_total_cpu.unit || p->cgroup, CAUSE_RESOURCE_CPU) |
               bit_if(p->max_open_files.unit, CAUSE_RESOURCE_DESCRIPTORS) |
               bit_if(threads, CAUSE_RESOURCE_THREADS) | bit_if(p->max_uptime > 0, CAUSE_RESOURCE);
}

/* ---- limits that the service has itself ---- */

static void review_memory(const struct probe_review *review, const struct process_params *params,
        const struct limits_spec *limits) {
        char ours[UNITS_TEXT_MAX], theirs[UNITS_TEXT_MAX];
        if (params->max_rss.unit && limits->memory > 0 &&
                params->max_rss.value >= (double) limits->memory) {
                probe_doubt(review, "max_rss", "limit-never-trips",
                        "the process never has %s: its 'limits' end its memory at %s",
                        units_format_amount(&params->max_rss, ours),
                        units_format_size(limits->memory, theirs));
        }
}

static void review_files(const struct probe_review *review, const struct process_params *params,
        const struct limits_spec *limits) {
        const struct amount *most = &params->max_open_files;
        if (most->unit == AMOUNT_COUNT && limits->open_files > 0 &&
                most->value >= limits->open_files) {
                probe_doubt(review, "max_open_files", "limit-never-trips",
                        "the process never has more than %g files: its 'limits' allow %u",
                        most->value, limits->open_files);
        }
}

static void review_own_limits(
        const struct probe_review *review, const struct process_params *params) {
        const struct command_spec *command = review->service->command;
        if (command && !params->pidfile && !params->executable) {
                review_memory(review, params, &command->limits);
                review_files(review, params, &command->limits);
        }
}

/* ---- limits that the host has ---- */

static void review_rss(
        const struct probe_review *review, const char *key, const struct amount *most) {
        char ours[UNITS_TEXT_MAX], theirs[UNITS_TEXT_MAX];
        uint64_t memory = review->host.memory_bytes;
        if (most->unit && memory > 0 && most->value >= (double) memory) {
                probe_doubt(review, key, "limit-above-host",
                        "%s is never reached: this host has %s of memory",
                        units_format_amount(most, ours), units_format_size_short(memory, theirs));
        }
}

static void review_cpu(
        const struct probe_review *review, const char *key, const struct amount *most) {
        uint32_t processors = review->host.processors;
        if (most->unit && processors > 0 && most->value >= 100.0 * processors) {
                probe_doubt(review, key, "limit-above-host",
                        "%g%% is never exceeded: this host has %u processor%s", most->value,
                        processors, processors == 1 ? "" : "s");
        }
}

void process_review(const struct probe_review *review) {
        const struct process_params *params = review->probe->params;
        review_own_limits(review, params);
        review_rss(review, "max_rss", &params->max_rss);
        review_rss(review, "max_total_rss", &params->max_total_rss);
        review_cpu(review, "max_cpu", &params->max_cpu);
        review_cpu(review, "max_total_cpu", &params->max_total_cpu);
        probe_doubt_amount(review, "max_open_files", &params->max_open_files);
        if (params->cgroup) {
                probe_doubt_amount(review, "cgroup/max_memory", &params->cgroup->max_memory);
                probe_doubt_amount(review, "cgroup/max_throttled", &params->cgroup->max_throttled);
        }
}
