#include "probes/oom_kills.h"

void oom_kills_judge(struct counter_history *history, const struct oom_limit *limit, usec_t now,
        uint64_t kills, const char *where, struct findings *findings) {
        const struct counter_sample sample = {.at = now, .value = kills};
        char window[UNITS_TEXT_MAX];
        usec_t span;
        counter_history_add(history, &sample, limit->window);
        unsigned long long found = counter_history_rise(history, &sample, limit->window, &span);
        if ((double) found > limit->most.value) {
                findings_fail(findings, CAUSE_RESOURCE_MEMORY,
                        "%llu process%s killed for want of memory%s within %s, at most %g allowed",
                        found, found == 1 ? "" : "es", where,
                        units_format_duration(limit->window, window), limit->most.value);
        }
}
