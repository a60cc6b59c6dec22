#pragma once
/* How long to wait before the next attempt. */

#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "model/policy.h"

/* The delay before attempt `number` (1-based, counted since the last reset), after `previous` (0:
 * none): base(n) = delays[min(n, count) - 1]                 where a list is given, else min(max,
 * initial * factor^(n-1)) none    base full    uniform in [0, base] equal   base/2 + uniform in [0,
 * base/2] decorrelated  min(max, initial + uniform in [0, 3 * previous - initial]) Source of the
 * jitters: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. The result
 * never exceeds `max` (or the listed delay). `rng` is used only where there is jitter. */
usec_t backoff_delay(
        const struct backoff_spec *spec, uint32_t number, usec_t previous, struct rng *rng);

/* The bounds that the jitter keeps for attempt `number`: for `recoverctl check` and the tests. */
void backoff_bounds(
        const struct backoff_spec *spec, uint32_t number, usec_t *ret_least, usec_t *ret_most);
