#pragma once
/* Fixed-bucket histogram, as Prometheus understands it: how many values were at most each bound,
 * their number and their sum. */

#include <stdint.h>

enum { HISTOGRAM_BOUNDS_MAX = 64 };

struct histogram {
        const double *bounds; /* upper bounds, ascending and finite, +Inf is implied; not owned */
        uint32_t n_bounds; /* at most HISTOGRAM_BOUNDS_MAX */
        uint64_t *counts; /* n_bounds + 1, not cumulative; the caller's memory */
        uint64_t count;
        double sum;
};

/* Counts a value into the first bucket whose bound it does not exceed. NaN is no measurement: it is
 * ignored, because one would turn the sum into NaN for ever. */
void histogram_feed(struct histogram *histogram, double value);
