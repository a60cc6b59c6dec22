#include "metrics/histogram.h"

#include <math.h>

/* Buckets are few and small values the most frequent, so a linear search beats a binary one. */
static uint32_t bucket_of(const struct histogram *histogram, double value) {
        uint32_t i = 0;
        while (i < histogram->n_bounds && value > histogram->bounds[i]) {
                i++;
        }
        return i;
}

void histogram_feed(struct histogram *histogram, double value) {
        if (isnan(value)) {
                return;
        }
        histogram->counts[bucket_of(histogram, value)]++;
        histogram->count++;
        histogram->sum += value;
}
