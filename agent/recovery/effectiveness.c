#include "recovery/effectiveness.h"

#include <math.h>

#define CREDIBILITY 0.95

void trials_add(struct trials *trials, bool cured, wall_usec_t now) {
        trials->results = trials->results << 1 | cured;
        trials->count += trials->count < TRIALS_MAX;
        trials->last = now;
}

uint32_t trials_cured(const struct trials *trials) {
        uint32_t cured = 0;
        for (uint32_t i = 0; i < trials->count; i++) {
                cured += trials->results >> i & 1;
        }
        return cured;
}

/* `term` is x^a (1-x)^b / B(a, b), kept up to date as a and b grow by one at a time. */
double effectiveness_below(uint32_t cured, uint32_t failed, double limit) {
        double a = 0.5, b = 0.5;
        double below = M_2_PI * asin(sqrt(limit));
        double term = sqrt(limit * (1 - limit)) * M_1_PI;
        for (uint32_t i = 0; i < cured; i++) {
                below -= term / a;
                term *= limit * (a + b) / a;
                a++;
        }
        for (uint32_t i = 0; i < failed; i++) {
                below += term / b;
                term *= (1 - limit) * (a + b) / b;
                b++;
        }
        return below;
}

bool effectiveness_useless(
        const struct trials *trials, const struct effectiveness_spec *spec, wall_usec_t now) {
        uint32_t cured = trials_cured(trials);
        return spec->skip && trials->count > 0 && usec_sub(now, trials->last) < spec->remember &&
               effectiveness_below(cured, trials->count - cured, spec->useful / 100) > CREDIBILITY;
}
