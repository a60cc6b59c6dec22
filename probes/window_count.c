#include "probes/window_count.h"

/* Forgets the slices that the window has passed since the last call. */
static void advance(struct window_count *count, usec_t window, usec_t now) {
        uint64_t slice = now / (window / (WINDOW_COUNT_SLICES - 1));
        for (int left = WINDOW_COUNT_SLICES; count->newest < slice; left--) {
                if (left == 0) {
                        count->newest = slice;
                        return;
                }
                uint64_t *oldest = &count->slices[++count->newest % WINDOW_COUNT_SLICES];
                count->total -= *oldest;
                *oldest = 0;
        }
}

void window_count_add(struct window_count *count, usec_t window, usec_t now, uint64_t times) {
        advance(count, window, now);
        count->slices[count->newest % WINDOW_COUNT_SLICES] += times;
        count->total += times;
}

uint64_t window_count_total(struct window_count *count, usec_t window, usec_t now) {
        advance(count, window, now);
        return count->total;
}
