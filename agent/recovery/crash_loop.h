#pragma once
/* Whether the agent itself crashes again and again. One that dies of what it does, or of what it
 * reads, must not act each time it comes back. */

#include <stddef.h>

#include "base/clock.h"
#include "model/policy.h"

/* How long the start at `now` has to observe only, and stay up, before the agent may act; 0: it is
 * no crash loop. `starts` are the moments of those before it which did not end in order. Moments
 * that a changed clock put into the future do not count. */
usec_t crash_loop_quiet(
        const struct crash_loop_spec *spec, const wall_usec_t *starts, size_t n, wall_usec_t now);

/* The same as a sentence. */
void crash_loop_describe(const struct crash_loop_spec *spec, const wall_usec_t *starts, size_t n,
        wall_usec_t now, char *text, size_t size);
