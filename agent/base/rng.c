#include "base/rng.h"

#include <assert.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

static uint64_t splitmix64(uint64_t *state) {
        uint64_t z = (*state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed) {
        for (int i = 0; i < 4; i++) {
                rng->state[i] = splitmix64(&seed);
        }
}

void rng_seed_from_system(struct rng *rng) {
        uint64_t seed;

        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t) sizeof(seed)) {
                /* Early in the boot of a small machine; a moment and a pid are enough for jitter.
                 */
                struct instant now = clock_now();
                seed = now.mono ^ (now.wall << 20) ^ ((uint64_t) getpid() << 44);
        }
        rng_seed(rng, seed);
}

static uint64_t rotate(uint64_t x, int bits) {
        return (x << bits) | (x >> (64 - bits));
}

uint64_t rng_next(struct rng *rng) {
        uint64_t *s = rng->state;
        uint64_t result = rotate(s[1] * 5, 7) * 9;
        uint64_t t = s[1] << 17;

        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotate(s[3], 45);
        return result;
}

double rng_unit(struct rng *rng) {
        return (double) (rng_next(rng) >> 11) * 0x1.0p-53;
}

uint64_t rng_below(struct rng *rng, uint64_t limit) {
        assert(limit > 0);
        uint64_t unfair =
                -limit % limit; /* 2^64 modulo limit: so many values would come once more */
        uint64_t value;
        do {
                value = rng_next(rng);
        } while (value < unfair);
        return value % limit;
}
