#include "recovery/backoff.h"

/* min(max, initial * factor^(n-1)); stops multiplying once the cap is reached, so that a large
 * number costs nothing and cannot overflow. */
static usec_t exponential(const struct backoff_spec *spec, uint32_t number) {
        double delay = (double) spec->initial;
        for (uint32_t i = 1; i < number && delay > 0 && delay < (double) spec->max; i++) {
                double next = delay * spec->factor;
                if (next <= delay) { /* a factor of 1 */
                        break;
                }
                delay = next;
        }
        return delay < (double) spec->max ? (usec_t) delay : spec->max;
}

static usec_t base_delay(const struct backoff_spec *spec, uint32_t number) {
        if (spec->delays.count > 0) {
                uint32_t last = spec->delays.count - 1;
                uint32_t index = number > 0 ? number - 1 : 0;
                return spec->delays.items[index < last ? index : last];
        }
        return exponential(spec, number);
}

static usec_t up_to(usec_t limit, struct rng *rng) {
        return limit == 0 ? 0 : (usec_t) (rng_unit(rng) * (double) (limit + 1));
}

static usec_t decorrelated(const struct backoff_spec *spec, usec_t previous, struct rng *rng) {
        usec_t ceiling = previous > spec->max / 3 ? spec->max : 3 * previous;
        usec_t delay = spec->initial + up_to(usec_sub(ceiling, spec->initial), rng);
        return delay < spec->max ? delay : spec->max;
}

usec_t backoff_delay(
        const struct backoff_spec *spec, uint32_t number, usec_t previous, struct rng *rng) {
        usec_t base = base_delay(spec, number);
        switch ((enum jitter) spec->jitter) {
        case JITTER_NONE:
                return base;
        case JITTER_FULL:
                return up_to(base, rng);
        case JITTER_EQUAL:
                return base - base / 2 + up_to(base / 2, rng);
        case JITTER_DECORRELATED: /* a list has no ceiling to walk towards: it is taken as it is */
                return spec->delays.count > 0 ? base : decorrelated(spec, previous, rng);
        }
        return base;
}

void backoff_bounds(
        const struct backoff_spec *spec, uint32_t number, usec_t *ret_least, usec_t *ret_most) {
        usec_t base = base_delay(spec, number);
        *ret_least = *ret_most = base;
        switch ((enum jitter) spec->jitter) {
        case JITTER_NONE:
                return;
        case JITTER_FULL:
                *ret_least = 0;
                return;
        case JITTER_EQUAL:
                *ret_least = base - base / 2;
                return;
        case JITTER_DECORRELATED:
                if (spec->delays.count == 0) {
                        /* Each delay is at most three times the one before it; the first is
                         * `initial`. */
                        usec_t most = spec->initial;
                        for (uint32_t i = 1; i < number && most < spec->max; i++) {
                                most = most > spec->max / 3 ? spec->max : 3 * most;
                        }
                        *ret_least = spec->initial < spec->max ? spec->initial : spec->max;
                        *ret_most = most < spec->max ? most : spec->max;
                }
                return;
        }
}
