#include "probes/counter_history.h"

#include <stddef.h>

static const struct counter_sample *sample_at(const struct counter_history *history, uint32_t i) {
        return &history->samples[(history->first + i) % COUNTER_SAMPLES_MAX];
}

static bool is_old(const struct counter_sample *sample, usec_t now, usec_t window) {
        return usec_add(sample->at, window) <= now;
}

static void drop_oldest(struct counter_history *history) {
        history->first = (history->first + 1) % COUNTER_SAMPLES_MAX;
        history->count--;
}

/* The second oldest serves as well as the oldest when it is a whole window old, too. */
static void forget(struct counter_history *history, usec_t now, usec_t window) {
        while (history->count >= 2 && is_old(sample_at(history, 1), now, window)) {
                drop_oldest(history);
        }
}

void counter_history_add(
        struct counter_history *history, const struct counter_sample *sample, usec_t window) {
        forget(history, sample->at, window);
        if (history->count > 0) {
                const struct counter_sample *newest = sample_at(history, history->count - 1);
                if (sample->value < newest->value) {
                        history->count = 0;
                } else if (usec_sub(sample->at, newest->at) < window / (COUNTER_SAMPLES_MAX - 2)) {
                        return;
                }
        }
        if (history->count == COUNTER_SAMPLES_MAX) {
                drop_oldest(history);
        }
        history->samples[(history->first + history->count) % COUNTER_SAMPLES_MAX] = *sample;
        history->count++;
}

uint64_t counter_history_rise(const struct counter_history *history,
        const struct counter_sample *now, usec_t window, usec_t *ret_span) {
        const struct counter_sample *from = history->count ? sample_at(history, 0) : now;
        for (uint32_t i = 1; i < history->count; i++) {
                const struct counter_sample *sample = sample_at(history, i);
                from = is_old(sample, now->at, window) ? sample : from;
        }
        *ret_span = usec_sub(now->at, from->at);
        return now->value > from->value ? now->value - from->value : 0;
}

bool counter_history_share(const struct counter_history *history, const struct counter_sample *now,
        usec_t window, double *ret_percent) {
        usec_t span;
        uint64_t rise = counter_history_rise(history, now, window, &span);
        if (span == 0 || span < window) {
                return false;
        }
        *ret_percent = 100.0 * (double) rise / (double) span;
        return true;
}
