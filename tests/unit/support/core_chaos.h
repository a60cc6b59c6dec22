#pragma once
/* One random run of the recovery core against a simulated environment. What must hold in every run
 * is checked at every effect and at the end; what does not is printed with the seed, and ends the
 * program. */

#include <stdint.h>

struct chaos_tally { /* added up over runs */
        uint64_t steps, actions, restarts;
        uint64_t rows[1000]; /* how often each fired, by number */
        uint64_t hash; /* of all effects in order */
};

void chaos_run(uint64_t seed, struct chaos_tally *tally);
