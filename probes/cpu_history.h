#pragma once
/* The CPU time of a process over a window, from samples taken whenever somebody looks. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { CPU_SAMPLES_MAX = 32 };

struct cpu_sample {
        usec_t at, cpu; /* moment, and CPU time used until then */
};

/* Zero-initialise; of one process. Oldest first from `first`; a ring. */
struct cpu_history {
        uint32_t first, count;
        struct cpu_sample samples[CPU_SAMPLES_MAX];
};

/* Adds a sample and forgets what the window no longer needs. Samples closer together than the ring
 * can hold for the window are passed over. */
void cpu_history_add(struct cpu_history *history, const struct cpu_sample *sample, usec_t window);

/* Average in percent of one core from the last sample that is a whole window old until `now`. False
 * when the process has not been watched for a whole window yet. */
bool cpu_history_average(const struct cpu_history *history, const struct cpu_sample *now,
        usec_t window, double *ret_percent);
