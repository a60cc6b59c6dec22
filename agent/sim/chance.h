#pragma once
/* How long until the next fault: times between failures as reliability engineering draws them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "model/enum_text.h"

/* fixed: the mean each time. exponential: no memory, the fault may come at any time. weibull: below
 * shape 1 a fault makes the next one likelier (early failures), above it parts wear out. lognormal:
 * a long tail; shape is the standard deviation of the logarithm. */
enum distribution {
        DISTRIBUTION_FIXED = 0,
        DISTRIBUTION_EXPONENTIAL,
        DISTRIBUTION_WEIBULL,
        DISTRIBUTION_LOGNORMAL,
};
DECLARE_ENUM_TEXT(distribution)

/* A time of this distribution and this mean; at least 1 us. `shape` counts for weibull and
 * lognormal. Inversion for the first two, Box and Muller (1958) for the normal deviate. */
usec_t chance_time(struct rng *rng, enum distribution distribution, usec_t mean, double shape);

/* Whether something of this probability happens. */
bool chance_percent(struct rng *rng, double percent);

/* A stream of its own for what two texts and a number name, whatever else is drawn: two policies
 * meet the same faults. */
void chance_stream(struct rng *rng, uint64_t seed, const char *one, const char *other);
