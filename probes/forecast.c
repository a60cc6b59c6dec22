#include "probes/forecast.h"

#include <math.h>
#include <stdlib.h>

enum { PAIRS_MAX = FORECAST_SAMPLES_MAX * (FORECAST_SAMPLES_MAX - 1) / 2 };

/* In standard deviations: noise gets there once in 700 times, four teeth of a saw never do, and
 * eight samples that all rise just do. */
#define TREND_Z_LEAST 3

static const struct forecast_sample *sample_at(const struct forecast *forecast, uint32_t i) {
        return &forecast->samples[(forecast->first + i) % FORECAST_SAMPLES_MAX];
}

static const struct forecast_sample *newest(const struct forecast *forecast) {
        return sample_at(forecast, forecast->count - 1);
}

static void drop_oldest(struct forecast *forecast) {
        forecast->first = (forecast->first + 1) % FORECAST_SAMPLES_MAX;
        forecast->count--;
}

void forecast_add(struct forecast *forecast, const struct forecast_sample *sample, usec_t window) {
        while (forecast->count > 0 && usec_add(sample_at(forecast, 0)->at, window) < sample->at) {
                drop_oldest(forecast);
        }
        if (forecast->count > 0 &&
                usec_sub(sample->at, newest(forecast)->at) < window / (FORECAST_SAMPLES_MAX - 1)) {
                return;
        }
        if (forecast->count == FORECAST_SAMPLES_MAX) {
                drop_oldest(forecast);
        }
        uint32_t end = (forecast->first + forecast->count) % FORECAST_SAMPLES_MAX;
        forecast->samples[end] = *sample;
        forecast->count++;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;
        return (x > y) - (x < y);
}

static double median(double *values, uint32_t count) {
        qsort(values, count, sizeof(*values), compare);
        uint32_t middle = count / 2;
        return count % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/* Levels a microsecond. `ret_balance`: pairs that rise less pairs that fall, Kendall's S. */
static double median_slope(const struct forecast *forecast, int *ret_balance) {
        double slopes[PAIRS_MAX] = {0};
        uint32_t count = 0;
        *ret_balance = 0;
        for (uint32_t i = 0; i < forecast->count; i++) {
                const struct forecast_sample *from = sample_at(forecast, i);
                for (uint32_t j = i + 1; j < forecast->count; j++, count++) {
                        const struct forecast_sample *to = sample_at(forecast, j);
                        double rise = to->level - from->level;
                        *ret_balance += (rise > 0) - (rise < 0);
                        slopes[count] = rise / (double) (to->at - from->at);
                }
        }
        return median(slopes, count);
}

/* S of n samples without a trend has the variance n(n-1)(2n+5)/18; ties only make it smaller. */
static bool is_trend(int balance, uint32_t count) {
        double n = count;
        double deviation = sqrt(n * (n - 1) * (2 * n + 5) / 18);
        return abs(balance) - 1 > TREND_Z_LEAST * deviation;
}

bool forecast_time_until(
        const struct forecast *forecast, double level, usec_t window, usec_t *ret) {
        int balance;
        if (forecast->count < FORECAST_SAMPLES_LEAST ||
                newest(forecast)->at - sample_at(forecast, 0)->at < window / 2) {
                return false;
        }
        double slope = median_slope(forecast, &balance);
        double distance = level - newest(forecast)->level;
        if (!is_trend(balance, forecast->count) || slope * distance < 0 || slope == 0) {
                return false;
        }
        double time = distance / slope;
        *ret = time < (double) (USEC_INFINITY / 2) ? (usec_t) time : USEC_INFINITY / 2;
        return true;
}
