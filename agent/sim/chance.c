#include "sim/chance.h"

#include <math.h>
#include <stddef.h>

const struct enum_text distribution_texts[] = {
        {DISTRIBUTION_FIXED, "fixed", "the mean each time"},
        {DISTRIBUTION_EXPONENTIAL, "exponential", "at any time: the past tells nothing"},
        {DISTRIBUTION_WEIBULL, "weibull",
                "`shape` below 1: one failure makes the next likelier; above 1: parts wear out"},
        {DISTRIBUTION_LOGNORMAL, "lognormal",
                "long tail; `shape` is the standard deviation of the logarithm"},
        {0, NULL, NULL},
};

/* In (0, 1]: its logarithm is finite. */
static double positive_unit(struct rng *rng) {
        return 1 - rng_unit(rng);
}

static double normal(struct rng *rng) {
        double radius = sqrt(-2 * log(positive_unit(rng)));
        return radius * cos(2 * M_PI * rng_unit(rng));
}

static double draw(struct rng *rng, enum distribution distribution, double mean, double shape) {
        switch (distribution) {
        case DISTRIBUTION_FIXED:
                return mean;
        case DISTRIBUTION_EXPONENTIAL:
                return -mean * log(positive_unit(rng));
        case DISTRIBUTION_WEIBULL:
                return mean / tgamma(1 + 1 / shape) * pow(-log(positive_unit(rng)), 1 / shape);
        case DISTRIBUTION_LOGNORMAL:
                return exp(log(mean) - shape * shape / 2 + shape * normal(rng));
        }
        return mean;
}

usec_t chance_time(struct rng *rng, enum distribution distribution, usec_t mean, double shape) {
        const double most = 1e18; /* beyond any simulation */
        double time = draw(rng, distribution, (double) mean, shape);
        return time >= most ? (usec_t) most : time < 1 ? 1 : (usec_t) time;
}

bool chance_percent(struct rng *rng, double percent) {
        return rng_unit(rng) * 100 < percent;
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv; the rng mixes further. */
static uint64_t add_text(uint64_t hash, const char *text) {
        do {
                hash = (hash ^ (unsigned char) *text) * UINT64_C(0x100000001b3);
        } while (*text++);
        return hash;
}

void chance_stream(struct rng *rng, uint64_t seed, const char *one, const char *other) {
        rng_seed(rng, add_text(add_text(seed ^ UINT64_C(0xcbf29ce484222325), one), other));
}
