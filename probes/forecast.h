#pragma once
/* When a quantity will reach a level, by a robust linear trend of its recent past. Pure.
 *
 * The slope is the median of the slopes between all pairs of samples (Theil 1950; Sen, "Estimates
 * of the regression coefficient based on Kendall's tau", 1968): up to 29 % of the samples may be
 * anything, so a burst or a log that was rotated away does not bend it. It is believed only when
 * the quantity rises or falls more consistently than noise would (Mann 1945, Kendall 1975). */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum {
        FORECAST_SAMPLES_MAX = 60,
        FORECAST_SAMPLES_LEAST = 8, /* with fewer there is no forecast */
};

struct forecast_sample {
        usec_t at;
        double level;
};

/* Zero-initialise; of one quantity. Oldest first from `first`; a ring. */
struct forecast {
        uint32_t first, count;
        struct forecast_sample samples[FORECAST_SAMPLES_MAX];
};

/* Adds a sample and forgets what is older than the window. Samples closer together than the ring
 * can hold for the window are passed over. */
void forecast_add(struct forecast *forecast, const struct forecast_sample *sample, usec_t window);

/* Time from the newest sample until `level` is reached, which goes by the trend from the newest
 * level: 0 when it is reached already. False when there is no forecast: fewer samples than
 * FORECAST_SAMPLES_LEAST, less than half a window of them, no clear trend, or away from `level`. */
bool forecast_time_until(const struct forecast *forecast, double level, usec_t window, usec_t *ret);
