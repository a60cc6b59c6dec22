#include "probes/cpu_history.h"

#include <stddef.h>

static const struct cpu_sample *sample_at(const struct cpu_history *history, uint32_t i) {
        return &history->samples[(history->first + i) % CPU_SAMPLES_MAX];
}

static bool is_old(const struct cpu_sample *sample, usec_t now, usec_t window) {
        return usec_add(sample->at, window) <= now;
}

static void drop_oldest(struct cpu_history *history) {
        history->first = (history->first + 1) % CPU_SAMPLES_MAX;
        history->count--;
}

/* The second oldest serves as well as the oldest when it is a whole window old, too. */
static void forget(struct cpu_history *history, usec_t now, usec_t window) {
        while (history->count >= 2 && is_old(sample_at(history, 1), now, window)) {
                drop_oldest(history);
        }
}

void cpu_history_add(struct cpu_history *history, const struct cpu_sample *sample, usec_t window) {
        forget(history, sample->at, window);
        if (history->count > 0) {
                usec_t newest = sample_at(history, history->count - 1)->at;
                if (usec_sub(sample->at, newest) < window / (CPU_SAMPLES_MAX - 2)) {
                        return;
                }
        }
        if (history->count == CPU_SAMPLES_MAX) {
                drop_oldest(history);
        }
        history->samples[(history->first + history->count) % CPU_SAMPLES_MAX] = *sample;
        history->count++;
}

bool cpu_history_average(const struct cpu_history *history, const struct cpu_sample *now,
        usec_t window, double *ret_percent) {
        const struct cpu_sample *from = NULL;
        for (uint32_t i = 0; i < history->count; i++) {
                const struct cpu_sample *sample = sample_at(history, i);
                from = is_old(sample, now->at, window) ? sample : from;
        }
        if (!from) {
                return false;
        }
        *ret_percent =
                100.0 * (double) usec_sub(now->cpu, from->cpu) / (double) (now->at - from->at);
        return true;
}
