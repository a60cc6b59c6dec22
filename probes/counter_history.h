#pragma once
/* How much a counter that only rises (CPU time, kills, errors) rose within a window, from samples
 * taken whenever somebody looks. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { COUNTER_SAMPLES_MAX = 32 };

struct counter_sample {
        usec_t at;
        uint64_t value;
};

/* Zero-initialise; of one counter. Oldest first from `first`; a ring. */
struct counter_history {
        uint32_t first, count;
        struct counter_sample samples[COUNTER_SAMPLES_MAX];
};

/* Adds a sample and forgets what the window no longer needs. A counter that fell was begun anew
 * (another process, a reboot): so is its history. Samples closer together than the ring can hold
 * for the window are passed over. */
void counter_history_add(
        struct counter_history *history, const struct counter_sample *sample, usec_t window);

/* How much it rose until `now`, from the last sample that is a whole window old, or from the first
 * while there is none: `ret_span` says over which time, at least the window once that was watched.
 * 0 over 0 without a sample. */
uint64_t counter_history_rise(const struct counter_history *history,
        const struct counter_sample *now, usec_t window, usec_t *ret_span);

/* The same as an average: rise in percent of the time, for a counter of microseconds (CPU: percent
 * of one core). False when it was not watched for a whole window yet. */
bool counter_history_share(const struct counter_history *history, const struct counter_sample *now,
        usec_t window, double *ret_percent);
