#pragma once
/* Judges a counter of processes that the kernel killed for want of memory, over a window. */

#include "base/units.h"
#include "probes/counter_history.h"
#include "probes/findings.h"

struct oom_limit {
        struct amount most; /* AMOUNT_UNSET: no limit */
        usec_t window;
};

/* Kills before the first sample do not count. `where` ends the text: " on this host". */
void oom_kills_judge(struct counter_history *history, const struct oom_limit *limit, usec_t now,
        uint64_t kills, const char *where, struct findings *findings);
