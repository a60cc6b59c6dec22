#include "recovery/crash_loop.h"

#include <stdio.h>

#include "base/units.h"

static size_t count_recent(
        const struct crash_loop_spec *spec, const wall_usec_t *starts, size_t n, wall_usec_t now) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
                count += starts[i] <= now && now - starts[i] < spec->within;
        }
        return count;
}

usec_t crash_loop_quiet(
        const struct crash_loop_spec *spec, const wall_usec_t *starts, size_t n, wall_usec_t now) {
        bool looping = spec->starts > 0 && count_recent(spec, starts, n, now) >= spec->starts;
        return looping ? spec->within : 0;
}

void crash_loop_describe(const struct crash_loop_spec *spec, const wall_usec_t *starts, size_t n,
        wall_usec_t now, char *text, size_t size) {
        char within[UNITS_TEXT_MAX];
        snprintf(text, size, "the agent was started %zu times within %s and never ended in order",
                count_recent(spec, starts, n, now),
                units_format_duration_short(spec->within, within));
}
