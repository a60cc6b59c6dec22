#pragma once
/* One random run of the recovery core against a simulated environment. What must hold in every run
 * is checked at every effect and at the end; what does not is printed with the seed, and ends the
 * program. */

#include <stdint.h>

#include "recovery/recovery.h"

struct chaos_tally { /* added up over runs */
        uint64_t steps, actions, restarts;
        uint64_t doubts; /* steps in which the agent suspected itself */
        uint64_t rollbacks;
        uint64_t trials; /* actions although it did, one service at a time */
        uint64_t rows[1000]; /* how often each fired, by number */
        uint64_t hash; /* of all effects in order */
};

void chaos_run(uint64_t seed, struct chaos_tally *tally);

/* The same, but that after each `every` steps a copy takes the place of the core. */
struct chaos_copies {
        uint64_t every;
        struct recovery *(*copy)(
                const struct recovery *recovery, const struct policy *policy, struct instant now);
        uint64_t made;
};
void chaos_run_copied(uint64_t seed, struct chaos_tally *tally, struct chaos_copies *copies);
