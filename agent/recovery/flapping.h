#pragma once
/* Whether a service changes between good and bad too often to be cured by acting on it: the
 * weighted share of state changes, as Nagios computes it (Nagios Core, "Detection and Handling of
 * State Flapping": base/flapping.c). Of the last 20 changes that there could have been, the oldest
 * weighs 0.75 and the newest 1.25.
 *
 * What counts as a check is the verdict on the whole service: it is good while as many probes
 * passed last as it requires, and its process lives. A verdict that differs from the one before
 * always counts; one that is the same counts once an interval, so that the fast probing of a
 * service in doubt does not dilute the score. */

#include <stdint.h>

enum { FLAPPING_CHECKS = 20 };

/* Percent, 0 to 100. `verdicts` holds the last ones, newest in bit 0, 1 = good; `count` says how
 * many there are. What was never checked counts as unchanged. */
double flapping_score(uint32_t verdicts, uint32_t count);
