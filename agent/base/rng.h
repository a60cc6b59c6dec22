#pragma once
/* xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64: fast, and reproducible from a printed
 * seed. Not for secrets. */

#include <stdint.h>

struct rng {
        uint64_t state[4];
};

void rng_seed(struct rng *rng, uint64_t seed);
void rng_seed_from_system(struct rng *rng);
uint64_t rng_next(struct rng *rng);
double rng_unit(struct rng *rng); /* uniform in [0, 1) */
uint64_t rng_below(struct rng *rng, uint64_t limit); /* uniform in [0, limit), no bias; limit > 0 */
