#pragma once
/* How often something happened within the last while, in fixed memory however often it did: counts
 * in slices of a fiftieth of the window. A happening leaves the count one window after it came, or
 * up to a slice later, never sooner. */

#include <stdint.h>

#include "base/clock.h"

enum { WINDOW_COUNT_SLICES = 51 };

struct window_count { /* zeroed: empty */
        uint64_t newest; /* number of the slice last written, counted from the epoch of the clock */
        uint64_t total;
        uint64_t slices[WINDOW_COUNT_SLICES];
};

/* `window` is the same in all calls, at least a microsecond for each slice; `now` does not go
 * back. */
void window_count_add(struct window_count *count, usec_t window, usec_t now, uint64_t times);
uint64_t window_count_total(struct window_count *count, usec_t window, usec_t now);
